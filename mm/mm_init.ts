// SPDX-License-Identifier: GPL-2.0
/*
 * The memory map and the zones at boot.
 *
 * Upstream: mm/mm_init.c, and of mm/page_alloc.c and mm/sparse.c what sets up node, zones and
 * sections (free_area_init() and below). Left out: nodes, hotplug, ZONE_MOVABLE's share,
 * verification.
 *
 * Port-only: struct pages are made by materialise_page() when pfn_to_page() first asks for them.
 * Their state is what C would have left there: reserved, unless memblock calls the memory free; a
 * tail, if a compound page covers it; allocated, if it lies in a range of alloc_contig_range();
 * else free.
 */
import { u31_shr } from "#asm-generic/bits.ts";
import { type pfn_nr, pfn_nr as to_pfn } from "#asm-generic/types.ts";
import { BUG } from "#linux/bug.ts";
import { struct_page } from "#linux/mm_types.ts";
import { MAX_ORDER, MIGRATE_MOVABLE, PAGES_PER_SECTION, PFN_SECTION_SHIFT,
	ZONE_DMA32, ZONE_MOVABLE } from "#linux/mmzone.const.ts";
import {
	MAX_NR_ZONES, NEAR_SHIFT, ZONES_PGSHIFT, contig_page_data, type free_range, lruvec_init,
	mem_section, near_is, near_pageblock_flags, near_pages, no_pages, pfn_to_made_page,
	section_pages, struct_free_area, type struct_mem_section, type struct_zone,
} from "#linux/mmzone.ts";
import { memblock_addrs_overlap_memory, memblock_is_free_pfn, memblock_memory_ranges } from
	"#linux/memblock.ts";
import { PG_head, PG_reserved } from "#linux/page-flags.ts";
import { pageblock_nr_pages } from "#linux/mmzone.const.ts";
import { init_waitqueue_head } from "#linux/wait.ts";
import { spin_lock_init } from "#linux/spinlock.ts";
import { init_currently_empty_zone, zone_init_internals } from "#mm/internal.h.ts";

/** Where ZONE_NORMAL begins, if there is one. */
const FIRST_ABOVE_4G = 2 ** 20;

/** Largest order of a compound page: hugetlb's 1 GiB. */
const MAX_COMPOUND_ORDER = 18;

/** Ranges given out by alloc_contig_range(), whose pages that were never made have a reference. */
export const contig_ranges: free_range[] = [];

/** [@pfn, @end) is not such a range any more. */
export function forget_contig_range(pfn: number, end: number): void {
	for (let i = contig_ranges.length - 1; i >= 0; i--) {
		const r = contig_ranges[i]!;

		if (end <= r.pfn || pfn >= r.end)
			continue;
		contig_ranges.splice(i, 1);
		if (r.pfn < pfn)
			contig_ranges.push({ pfn: r.pfn, end: pfn });
		if (end < r.end)
			contig_ranges.push({ pfn: end, end: r.end });
	}
}

function pageblock_flags_of(start: number): Uint8Array {
	const nr = PAGES_PER_SECTION / pageblock_nr_pages;
	const at = (start & ((1 << NEAR_SHIFT) - 1)) / pageblock_nr_pages;

	if (start >> NEAR_SHIFT === near_is[0])
		return near_pageblock_flags.subarray(at, at + nr);
	return new Uint8Array(nr).fill(MIGRATE_MOVABLE);
}

/** The section of @pfn, made if it was not; its pages are not. */
export function materialise_section(pfn: number): struct_mem_section {
	const nr = pfn >>> PFN_SECTION_SHIFT;
	let section = mem_section[nr];

	if (section === undefined)
		BUG();
	if (section === null) {
		section = {
			pages: no_pages.slice(),
			pageblock_flags: pageblock_flags_of(pfn - (pfn & (PAGES_PER_SECTION - 1))),
		};
		mem_section[nr] = section;
		section_pages[nr] = section.pages;
	}
	return section;
}

/**
 * mm/page_alloc.c:__init_single_page(), late.
 *
 * In one piece, which is more than V8 inlines: pfn_to_page() is everywhere, and what a page takes
 * once in its life is not to come along.
 */
export function materialise_page(pfn: pfn_nr): struct_page {
	const section = materialise_section(pfn);
	const page = new struct_page(pfn);
	let its_zone: struct_zone | null = null;

	for (const zone of contig_page_data.node_zones) {
		if (zone.spanned_pages !== 0 && pfn < zone.zone_start_pfn + zone.spanned_pages) {
			its_zone = zone;
			break;
		}
	}
	if (its_zone === null)
		BUG();
	page.flags = its_zone.idx << ZONES_PGSHIFT;

	if (!memblock_is_free_pfn(pfn)) {
		page.flags |= 1 << PG_reserved;
		page._refcount = 1;
	} else {
		let last: number = pfn;

		/* the head of the compound page that covers it, if there is one */
		for (let order = 1; order <= MAX_COMPOUND_ORDER; order++) {
			const head_pfn = pfn - (pfn & ((1 << order) - 1));

			if (head_pfn === last)
				continue;
			last = head_pfn;
			const head = pfn_to_made_page(head_pfn);
			if (head !== null && (head.flags & (1 << PG_head)) !== 0 &&
			    head_pfn + (1 << head.compound_order) > pfn) {
				page.compound_head = head;
				break;
			}
		}
		if (page.compound_head === page) {
			for (const r of contig_ranges) {
				if (r.pfn <= pfn && pfn < r.end)
					page._refcount = 1;
			}
		}
	}
	section.pages[pfn & (PAGES_PER_SECTION - 1)] = page;
	if (u31_shr(pfn, NEAR_SHIFT) === near_is[0])
		near_pages[pfn & ((1 << NEAR_SHIFT) - 1)] = page;
	return page;
}

/** mm/sparse.c:sparse_init(): which sections have memory. */
export function sparse_init(): void {
	let end_section = 0;

	for (const range of memblock_memory_ranges())
		end_section = Math.max(end_section, Math.ceil(range.end / PAGES_PER_SECTION));

	/* a field that only ever held numbers, and a large one, keeps each page's in a box */
	new struct_page(to_pfn(0)).index = null as never;

	mem_section.length = section_pages.length = 0;
	contig_ranges.length = 0;
	if (near_is[0] !== -1)
		near_pages.fill(null);
	near_is[0] = (end_section * PAGES_PER_SECTION > FIRST_ABOVE_4G ? FIRST_ABOVE_4G : 0) >>
		NEAR_SHIFT;
	near_pageblock_flags.fill(MIGRATE_MOVABLE);
	for (let nr = 0; nr < end_section; nr++) {
		const there = memblock_addrs_overlap_memory(nr * PAGES_PER_SECTION,
			(nr + 1) * PAGES_PER_SECTION);
		(mem_section as (struct_mem_section | null | undefined)[]).push(
			there ? null : undefined);
		section_pages.push(there ? no_pages : undefined);
	}
}

function present_pages_in(start: number, end: number): number {
	let n = 0;
	for (const range of memblock_memory_ranges())
		n += Math.max(0, Math.min(end, range.end) - Math.max(start, range.pfn));
	return n;
}

/** mm/page_alloc.c:free_area_init_core(), for one zone. */
function free_area_init_zone(zone: struct_zone, start_pfn: number, end_pfn: number): void {
	zone_init_internals(zone, zone.idx);
	zone.vm_stat.fill(0);
	zone._watermark.fill(0);
	zone.lowmem_reserve.fill(0);
	zone.watermark_boost = 0;
	zone.nr_reserved_highatomic = 0;
	zone.nr_isolate_pageblock = 0;
	zone.managed_pages = 0;
	zone.flags = 0;
	zone.per_cpu_pageset = [];
	zone.pageset_high = zone.pageset_batch = 0;
	zone.deferred = [];
	zone.nr_deferred = 0;
	zone.free_area = Array.from({ length: MAX_ORDER }, () => new struct_free_area());
	zone.present_pages = present_pages_in(start_pfn, end_pfn);
	zone.spanned_pages = zone.present_pages === 0 ? 0 : end_pfn - start_pfn;
	if (zone.present_pages !== 0)
		init_currently_empty_zone(zone, start_pfn, zone.spanned_pages);
}

/**
 * mm/page_alloc.c:free_area_init(). @max_zone_pfn: the first frame behind each zone, as
 * zone_sizes_init() computes them; 0 for a zone that there is not. Call sparse_init() first.
 */
export function free_area_init(max_zone_pfn: readonly number[]): void {
	const pgdat = contig_page_data;
	const ranges = memblock_memory_ranges();
	let start_pfn = ranges.length !== 0 ? ranges[0]!.pfn : 0;
	const end_pfn = ranges.length !== 0 ? ranges[ranges.length - 1]!.end : 0;

	pgdat.node_start_pfn = start_pfn;
	pgdat.node_spanned_pages = end_pfn - start_pfn;
	pgdat.node_present_pages = present_pages_in(start_pfn, end_pfn);
	pgdat.nr_zones = 0;
	pgdat.totalreserve_pages = 0;
	pgdat.flags = 0;
	pgdat.vm_stat.fill(0);
	for (let i = ZONE_DMA32; i < MAX_NR_ZONES; i++) {
		const zone_end = i === ZONE_MOVABLE ? start_pfn :
			Math.min(Math.max(max_zone_pfn[i] ?? 0, start_pfn), end_pfn);

		free_area_init_zone(pgdat.node_zones[i]!, start_pfn, zone_end);
		start_pfn = Math.max(start_pfn, zone_end);
	}
	init_waitqueue_head(pgdat.kswapd_wait);
	init_waitqueue_head(pgdat.pfmemalloc_wait);
	for (const wait of pgdat.reclaim_wait)
		init_waitqueue_head(wait);
	spin_lock_init(pgdat.deferred_split_queue.split_queue_lock, "&ds_queue->split_queue_lock");
	lruvec_init(pgdat.__lruvec);
}

