// SPDX-License-Identifier: GPL-2.0
/*
 * Contents of pages.
 *
 * Upstream: include/linux/highmem.h, include/linux/cacheflush.h. There is no highmem and no alias
 * in caches: mapping a page is nothing, and flushes are left as markers.
 */
import type { struct_folio, struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import { BUG_ON } from "#linux/bug.ts";
import { GFP_HIGHUSER_MOVABLE, __GFP_ZERO } from "#linux/gfp_types.ts";
import { alloc_page_vma } from "#linux/gfp.ts";
import { nth_page } from "#linux/mmzone.ts";
import { clear_page, copy_page, memzero_page, page_bytes } from "#asm/page.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";

export { memcpy_from_page, memcpy_to_page, memset_page, memzero_page, page_bytes } from
	"#asm/page.ts";

export function flush_dcache_page(_page: struct_page): void {}
export function flush_dcache_folio(_folio: struct_folio): void {}
export function flush_icache_page(_vma: struct_vm_area_struct, _page: struct_page): void {}
export function flush_cache_mm(_mm: unknown): void {}
export function flush_cache_range(_vma: struct_vm_area_struct, _start: number,
	_end: number): void {}
export function flush_cache_page(_vma: struct_vm_area_struct, _vmaddr: number,
	_pfn: number): void {}
export function flush_anon_page(_vma: struct_vm_area_struct, _page: struct_page,
	_vmaddr: number): void {}

/** The bytes of the page; valid whether or not they are unmapped again. */
export function kmap_local_page(page: struct_page): Uint8Array {
	return page_bytes(page);
}

export function kmap_local_folio(folio: struct_folio, offset: number): Uint8Array {
	const page = nth_page(folio, Math.floor(offset / PAGE_SIZE));
	return page_bytes(page).subarray(offset & (PAGE_SIZE - 1));
}

export function kunmap_local(_addr: Uint8Array): void {}

export const kmap = kmap_local_page;
export function kunmap(_page: struct_page): void {}
export const kmap_atomic = kmap_local_page;
export const kunmap_atomic = kunmap_local;

export function clear_user_page(page: struct_page, _vaddr: number): void {
	clear_page(page);
}

export function clear_user_highpage(page: struct_page, _vaddr: number): void {
	clear_page(page);
}

export function alloc_zeroed_user_highpage_movable(vma: struct_vm_area_struct,
	vaddr: number): struct_page | null {
	return alloc_page_vma(GFP_HIGHUSER_MOVABLE | __GFP_ZERO, vma, vaddr);
}

export function clear_highpage(page: struct_page): void {
	clear_page(page);
}

export function zero_user_segments(page: struct_page, start1: number, end1: number, start2: number,
	end2: number): void {
	BUG_ON(end1 > PAGE_SIZE || end2 > PAGE_SIZE);

	if (end1 > start1)
		memzero_page(page, start1, end1 - start1);
	if (end2 > start2)
		memzero_page(page, start2, end2 - start2);
}

export function zero_user_segment(page: struct_page, start: number, end: number): void {
	zero_user_segments(page, start, end, 0, 0);
}

export function zero_user(page: struct_page, start: number, size: number): void {
	zero_user_segments(page, start, start + size, 0, 0);
}

export function copy_user_highpage(to: struct_page, from: struct_page, _vaddr: number,
	_vma: struct_vm_area_struct | null): void {
	copy_page(to, from);
}

export function copy_highpage(to: struct_page, from: struct_page): void {
	copy_page(to, from);
}

/* @start and @end count bytes within the folio */
function folio_zero_range_(folio: struct_folio, start: number, end: number): void {
	while (start < end) {
		const off = start & (PAGE_SIZE - 1);
		const n = Math.min(PAGE_SIZE - off, end - start);

		memzero_page(nth_page(folio, (start - off) / PAGE_SIZE), off, n);
		start += n;
	}
}

export function folio_zero_segments(folio: struct_folio, start1: number, xend1: number,
	start2: number, xend2: number): void {
	folio_zero_range_(folio, start1, xend1);
	folio_zero_range_(folio, start2, xend2);
}

export function folio_zero_segment(folio: struct_folio, start: number, xend: number): void {
	folio_zero_range_(folio, start, xend);
}

export function folio_zero_range(folio: struct_folio, start: number, length: number): void {
	folio_zero_range_(folio, start, start + length);
}
