// SPDX-License-Identifier: GPL-2.0
/*
 * What is kept per pageblock: its migrate type.
 *
 * Upstream: include/linux/pageblock-flags.h. Left out: the skip bit of compaction.
 */
export { get_pfnblock_flags_mask, set_pfnblock_flags_mask } from "#mm/page_alloc.ts";

export const PB_migratetype_bits	= 3;
export const NR_PAGEBLOCK_BITS		= 4;

/* a pageblock is as large as a huge page */
export const pageblock_order		= 9;
export const pageblock_nr_pages		= 1 << pageblock_order;

export function pageblock_align(pfn: number): number {
	return Math.ceil(pfn / pageblock_nr_pages) * pageblock_nr_pages;
}

export function pageblock_start_pfn(pfn: number): number {
	return pfn - (pfn & (pageblock_nr_pages - 1));
}

export function pageblock_end_pfn(pfn: number): number {
	return pageblock_start_pfn(pfn) + pageblock_nr_pages;
}
