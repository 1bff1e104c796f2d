// SPDX-License-Identifier: GPL-2.0
/*
 * Filling free pages with a pattern, and looking for changes when they are handed out.
 *
 * Upstream: mm/page_poison.c. Left out: partial repair of what is found. Pages that were never made
 * were never freed and hold no pattern.
 */
import { CONFIG_PAGE_POISONING } from "#generated/autoconf.ts";
import { memset_page, page_bytes } from "#asm/page.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { dump_page } from "#linux/mmdebug.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { pfn_to_made_page } from "#linux/mmzone.ts";
import { dump_stack } from "#linux/panic.ts";
import { pr_err } from "#linux/printk.ts";

const PAGE_POISON = 0xaa;

let _page_poisoning_enabled = false;
/* frames that hold the pattern: what is free from boot does not */
let poisoned = new Set<number>();

/** The boot option page_poison= */
export function early_page_poison_param(on: boolean): void {
	_page_poisoning_enabled = on;
	poisoned = new Set();
}

export function page_poisoning_enabled_static(): boolean {
	return CONFIG_PAGE_POISONING && _page_poisoning_enabled;
}

export function kernel_poison_pages(page: struct_page, numpages: number): void {
	for (let i = 0; i < numpages; i++) {
		const p = pfn_to_made_page(page.pfn + i);

		if (p === null)
			continue;
		memset_page(p, 0, PAGE_POISON, PAGE_SIZE);
		poisoned.add(p.pfn);
	}
}

function check_poison_mem(page: struct_page, bytes: Uint8Array): void {
	const start = bytes.findIndex((b) => b !== PAGE_POISON);
	if (start < 0)
		return;

	let end = bytes.length - 1;
	while (bytes[end] === PAGE_POISON)
		end--;

	const error = bytes[start]! ^ PAGE_POISON;
	if (start === end && (error & (error - 1)) === 0)
		pr_err("pagealloc: single bit error\n");
	else
		pr_err("pagealloc: memory corruption\n");
	pr_err("pagealloc: pfn 0x%x, bytes 0x%x to 0x%x, first 0x%x\n", page.pfn, start, end,
		bytes[start]!);
	dump_stack();
	dump_page(page, "pagealloc: corrupted page details");
}

export function kernel_unpoison_pages(page: struct_page, numpages: number): void {
	for (let i = 0; i < numpages; i++) {
		const p = pfn_to_made_page(page.pfn + i);

		if (p !== null && poisoned.delete(p.pfn))
			check_poison_mem(p, page_bytes(p));
	}
}
