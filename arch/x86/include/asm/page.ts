// SPDX-License-Identifier: GPL-2.0
/*
 * Pages and the bytes behind them.
 *
 * Upstream: arch/x86/include/asm/{page,page_64}.h. Port-only in form: there is no direct map;
 * the kernel reaches the contents of a page by its frame in modelled memory.
 */
import { type hpa_t, type pfn_nr } from "#asm-generic/types.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { FRAME_META, clear_frame, copy_frame, frame_bytes, frame_fill, frame_read, frame_state,
	frame_write } from "#hw/memory.ts";
import { mce_host } from "#hw/mce.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";

export * from "#asm/page_types.ts";
export { page_to_pfn, pfn_to_page, pfn_valid } from "#linux/mmzone.ts";

/*
 * Memory is reached through the encryption engine. Where it answers with poison the kernel, outside
 * of user copies, has no fixup: mce_host() does not come back then.
 */

/** The 4096 bytes of a page, as a view that stays valid; not for pages that may be a TD's. */
export function page_bytes(page: struct_page): Uint8Array {
	return frame_bytes(page.pfn);
}

/** False: page_bytes() would bypass the engine, which has something to say of the page. */
export function page_is_plain(page: struct_page): boolean {
	return (frame_state(page.pfn) & FRAME_META) === 0;
}

export function clear_page(page: struct_page): void {
	if (!clear_frame(page.pfn))
		mce_host();
}

export function copy_page(to: struct_page, from: struct_page): void {
	if (!copy_frame(to.pfn, from.pfn))
		mce_host();
}

/** Upstream: include/linux/highmem.h; @offset and @len stay within the page. */
export function memcpy_from_page(to: Uint8Array, page: struct_page, offset: number,
	len: number): void {
	if (!frame_read(page.pfn, offset, to, 0, len))
		mce_host();
}

export function memcpy_to_page(page: struct_page, offset: number, from: Uint8Array,
	len: number): void {
	if (!frame_write(page.pfn, offset, from, 0, len))
		mce_host();
}

export function memset_page(page: struct_page, offset: number, val: number, len: number): void {
	if (!frame_fill(page.pfn, offset, val, len))
		mce_host();
}

export function memzero_page(page: struct_page, offset: number, len: number): void {
	if (offset === 0 && len === PAGE_SIZE)
		clear_page(page);
	else
		memset_page(page, offset, 0, len);
}

export function page_to_phys(page: struct_page): hpa_t {
	return page.pfn * PAGE_SIZE as hpa_t;
}

export function phys_to_pfn(phys: hpa_t): pfn_nr {
	return Math.floor(phys / PAGE_SIZE) as pfn_nr;
}

/** Physical address of a table entry to its address in 8-byte words (ptep_t), and back. */
export function pfn_to_ptep(pfn: number): number {
	return pfn * 512;
}

/** The address with bits above @vaddr_bits made copies of the highest one below. */
export function __canonical_address(vaddr: bigint, vaddr_bits: number): bigint {
	return BigInt.asUintN(64, BigInt.asIntN(vaddr_bits, vaddr));
}

export function __is_canonical_address(vaddr: bigint, vaddr_bits: number): boolean {
	return __canonical_address(vaddr, vaddr_bits) === BigInt.asUintN(64, vaddr);
}
