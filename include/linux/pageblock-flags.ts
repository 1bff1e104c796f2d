// SPDX-License-Identifier: GPL-2.0
/*
 * What is kept per pageblock: its migrate type.
 *
 * Upstream: include/linux/pageblock-flags.h. Left out: the skip bit of compaction.
 */
import { pageblock_nr_pages } from "#linux/mmzone.const.ts";
export { NR_PAGEBLOCK_BITS, PB_migratetype_bits, pageblock_nr_pages, pageblock_order } from
	"#linux/mmzone.const.ts";
export { get_pfnblock_flags_mask, set_pfnblock_flags_mask } from "#mm/page_alloc.ts";

export function pageblock_align(pfn: number): number {
	return Math.ceil(pfn / pageblock_nr_pages) * pageblock_nr_pages;
}

export function pageblock_start_pfn(pfn: number): number {
	return pfn - (pfn & (pageblock_nr_pages - 1));
}

export function pageblock_end_pfn(pfn: number): number {
	return pageblock_start_pfn(pfn) + pageblock_nr_pages;
}
