// SPDX-License-Identifier: GPL-2.0
/*
 * No page on the free list is a TD's: a look at what the hardware knows of each page that is freed.
 *
 * Port-only. A page that the PAMT says is owned is a BUG. Owner bits or poison that are left on it
 * are one with clear_on_drop=1, the default: whoever frees the page has to clear it by MOVDIR64B.
 * With clear_on_drop=0 KVM does not, as in 2022, and they are counted.
 */
import { BUG } from "#linux/bug.ts";
import { set_arch_free_page } from "#linux/gfp.ts";
import { __setup } from "#linux/init.ts";
import { pr_err, pr_info } from "#linux/printk.ts";
import { PT_NDA } from "#hw/tdx/defs.ts";
import { pamt_find, pamt_owner, pamt_type } from "#hw/tdx/pamt.ts";
import { tme_clear_on_free_check } from "#hw/tme.ts";

export let clear_on_drop = true;
/** Pages that were freed with owner bits or poison on them. */
export let tdx_pages_unclean = 0;

__setup("clear_on_drop=", (value) => {
	if (value !== "0" && value !== "1")
		return 0;
	clear_on_drop = value === "1";
	return 1;
});

function check_page(pfn: number): void {
	if (pamt_find(pfn) && pamt_type !== PT_NDA) {
		pr_err("virt/tdx: page 0x%llx is freed, and of type %d, owner 0x%llx\n", pfn * 4096,
			pamt_type, Math.max(pamt_owner, 0) * 4096);
		BUG();
	}
	if (!tme_clear_on_free_check(pfn * 4096))
		return;
	if (clear_on_drop) {
		pr_err("virt/tdx: page 0x%llx is freed, and not cleared\n", pfn * 4096);
		BUG();
	}
	/* the first one, and then by powers of 2 */
	if ((++tdx_pages_unclean & (tdx_pages_unclean - 1)) === 0)
		pr_info("virt/tdx: pages freed with owner bits or poison: %u\n", tdx_pages_unclean);
}

function check_free_pages(pfn: number, order: number): void {
	for (let i = 0; i < 1 << order; i++) {
		check_page(pfn + i);
	}
}

/** From now on there are pages that are TDs'. */
export function free_check_start(): void {
	set_arch_free_page(check_free_pages);
}
