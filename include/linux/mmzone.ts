// SPDX-License-Identifier: GPL-2.0
/*
 * Zones and the node they belong to, the memory map, and walks over them.
 *
 * Upstream: include/linux/mmzone.h. Left out: further nodes, hotplug, CMA, kswapd's and
 * compaction's own fields until those come, sysctls. The memory map is port-only in form: a struct
 * page is made when pfn_to_page() first asks for it, with the state that C would have left in it.
 */
import { u31_shr, ul_shr } from "#asm-generic/bits.ts";
import { type pfn_nr, pfn_nr as to_pfn } from "#asm-generic/types.ts";
import { struct_list_head } from "#linux/list.ts";
import type { struct_page, struct_folio } from "#linux/mm_types.ts";
import {
	MAX_ORDER, MAX_PHYSMEM_PFN, MIGRATE_MOVABLE, MIGRATE_PCPTYPES, MIGRATE_TYPES, NR_LRU_LISTS,
	NR_PCP_LISTS, NR_VM_NODE_STAT_ITEMS, NR_VM_ZONE_STAT_ITEMS, NR_VMSCAN_THROTTLE, NR_WMARK,
	PAGES_PER_SECTION, PFN_SECTION_SHIFT, WMARK_HIGH, WMARK_LOW, WMARK_MIN, ZONE_MOVABLE,
	NR_ANON_THPS, NR_FILE_PMDMAPPED, NR_FILE_THPS, NR_SHMEM_PMDMAPPED, NR_SHMEM_THPS,
	NR_SLAB_RECLAIMABLE_B, NR_SLAB_UNRECLAIMABLE_B, LRU_ACTIVE_ANON, LRU_ACTIVE_FILE,
	LRU_INACTIVE_FILE, pageblock_order, type lru_list, type zone_type,
} from "#linux/mmzone.const.ts";
import type { nodemask_t } from "#linux/nodemask.ts";
import { MAX_NR_ZONES, ZONES_MASK, ZONES_PGSHIFT } from "#linux/page-flags-layout.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import { wait_queue_head_t } from "#linux/wait_types.ts";
import { materialise_page } from "#mm/mm_init.ts";
export * from "#linux/mmzone.const.ts";
export * from "#linux/page-flags-layout.ts";
export { MAX_NUMNODES, NUMA_NO_NODE } from "#linux/numa.ts";
export type { nodemask_t } from "#linux/nodemask.ts";
export {
	__zone_watermark_ok, build_all_zonelists, get_pageblock_migratetype,
	init_currently_empty_zone, migratetype_names, page_group_by_mobility_disabled,
	wakeup_kswapd, zone_watermark_ok, zone_watermark_ok_safe,
} from "#mm/page_alloc.ts";
export {
	first_online_pgdat, lruvec_init, __next_zones_zonelist, next_online_pgdat, next_zone,
} from "#mm/mmzone.ts";

export function is_migrate_movable(mt: number): boolean {
	return mt === MIGRATE_MOVABLE;
}

export function is_migrate_cma(_mt: number): boolean {
	return false;
}

export function is_migrate_cma_page(_page: struct_page): boolean {
	return false;
}

export function migratetype_is_mergeable(mt: number): boolean {
	return mt < MIGRATE_PCPTYPES;
}

const list_heads = (n: number): struct_list_head[] =>
	Array.from({ length: n }, () => new struct_list_head(null));

export class struct_free_area {
	free_list = list_heads(MIGRATE_TYPES);
	nr_free = 0;
}

export function get_page_from_free_area(area: struct_free_area,
	migratetype: number): struct_page | null {
	/* an empty list's first is its head, whose owner is null */
	return area.free_list[migratetype]!.next.owner as struct_page | null;
}

export function free_area_empty(area: struct_free_area, migratetype: number): boolean {
	const head = area.free_list[migratetype]!;
	return head.next === head;
}

export function vmstat_item_print_in_thp(item: number): boolean {
	return item === NR_ANON_THPS || item === NR_FILE_THPS || item === NR_SHMEM_THPS ||
	       item === NR_SHMEM_PMDMAPPED || item === NR_FILE_PMDMAPPED;
}

export function vmstat_item_in_bytes(idx: number): boolean {
	return idx === NR_SLAB_RECLAIMABLE_B || idx === NR_SLAB_UNRECLAIMABLE_B;
}

export function is_file_lru(lru: lru_list): boolean {
	return lru === LRU_INACTIVE_FILE || lru === LRU_ACTIVE_FILE;
}

export function is_active_lru(lru: lru_list): boolean {
	return lru === LRU_ACTIVE_ANON || lru === LRU_ACTIVE_FILE;
}

/* the lists of pages by age; lists and counts under lru_lock */
export class struct_lruvec {
	lists = list_heads(NR_LRU_LISTS);
	lru_lock = new spinlock_t();
	anon_cost = 0;
	file_cost = 0;
	nonresident_age = 0;
	refaults = [0, 0];
	flags = 0;
	readonly pgdat: struct_pglist_data;

	constructor(pgdat: struct_pglist_data) {
		this.pgdat = pgdat;
	}
}

export function min_wmark_pages(z: struct_zone): number {
	return z._watermark[WMARK_MIN]! + z.watermark_boost;
}

export function low_wmark_pages(z: struct_zone): number {
	return z._watermark[WMARK_LOW]! + z.watermark_boost;
}

export function high_wmark_pages(z: struct_zone): number {
	return z._watermark[WMARK_HIGH]! + z.watermark_boost;
}

export function wmark_pages(z: struct_zone, i: number): number {
	return z._watermark[i]! + z.watermark_boost;
}

/* pages kept back by a CPU; all fields under lock */
export class struct_per_cpu_pages {
	lock = new spinlock_t();
	count = 0;
	high = 0;
	batch = 0;
	free_factor = 0;
	lists = list_heads(NR_PCP_LISTS);
}

/** A stretch of free memory at boot, whose pages join the buddy lists when they are needed. */
export interface free_range {
	pfn: number;
	end: number;
}

/** Port-only: the zones' vm_stat[], one after the other, for those who know a zone by its index. */
export const zone_vm_stat = new Int32Array(MAX_NR_ZONES * NR_VM_ZONE_STAT_ITEMS);

/*
 * free_area under lock. The counts in vm_stat and managed_pages include the deferred ranges, which
 * are on no list yet.
 */
export class struct_zone {
	_watermark = new Int32Array(NR_WMARK);
	watermark_boost = 0;
	nr_reserved_highatomic = 0;
	lowmem_reserve = new Int32Array(MAX_NR_ZONES);
	zone_pgdat: struct_pglist_data;
	per_cpu_pageset: struct_per_cpu_pages[] = [];
	pageset_high = 0;
	pageset_batch = 0;
	zone_start_pfn = 0;
	managed_pages = 0;
	spanned_pages = 0;
	present_pages = 0;
	name = "";
	nr_isolate_pageblock = 0;
	initialized = 0;
	free_area: struct_free_area[] = Array.from({ length: MAX_ORDER },
		() => new struct_free_area());
	flags = 0;
	lock = new spinlock_t();
	contiguous = false;
	/** a part of zone_vm_stat */
	vm_stat: Int32Array;
	/** port-only: this zone's index, which C computes */
	readonly idx: zone_type;
	/** C: pgdat->first_deferred_pfn; pages not yet on a list, lowest first, and their number */
	deferred: free_range[] = [];
	nr_deferred = 0;
	/** port-only: see mm/page_alloc.ts:alloc_page_fast() */
	fast_mark = 0;

	constructor(zone_pgdat: struct_pglist_data, idx: zone_type) {
		this.zone_pgdat = zone_pgdat;
		this.idx = idx;
		this.vm_stat = zone_vm_stat.subarray(idx * NR_VM_ZONE_STAT_ITEMS,
			(idx + 1) * NR_VM_ZONE_STAT_ITEMS);
	}
}

export function zone_managed_pages(zone: struct_zone): number {
	return zone.managed_pages;
}

export function zone_cma_pages(_zone: struct_zone): number {
	return 0;
}

export function zone_end_pfn(zone: struct_zone): number {
	return zone.zone_start_pfn + zone.spanned_pages;
}

export function zone_spans_pfn(zone: struct_zone, pfn: number): boolean {
	return zone.zone_start_pfn <= pfn && pfn < zone_end_pfn(zone);
}

export function zone_is_initialized(zone: struct_zone): boolean {
	return zone.initialized !== 0;
}

export function zone_is_empty(zone: struct_zone): boolean {
	return zone.spanned_pages === 0;
}

export function page_zonenum(page: struct_page): zone_type {
	return page.flags >> ZONES_PGSHIFT & ZONES_MASK;
}

export function folio_zonenum(folio: struct_folio): zone_type {
	return page_zonenum(folio);
}

export function is_zone_device_page(_page: struct_page): boolean {
	return false;
}

export function folio_is_zone_device(_folio: struct_folio): boolean {
	return false;
}

export function is_zone_movable_page(page: struct_page): boolean {
	return page_zonenum(page) === ZONE_MOVABLE;
}

export function zone_intersects(zone: struct_zone, start_pfn: number, nr_pages: number): boolean {
	if (zone_is_empty(zone))
		return false;
	if (start_pfn >= zone_end_pfn(zone) || start_pfn + nr_pages <= zone.zone_start_pfn)
		return false;

	return true;
}

export interface struct_zoneref {
	zone: struct_zone | null;
	zone_idx: number;
}

export class struct_zonelist {
	/** Highest zone first, ended by an entry without zone. */
	_zonerefs: struct_zoneref[] = [];
}

export class struct_deferred_split {
	split_queue_lock = new spinlock_t();
	split_queue = new struct_list_head(null);
	split_queue_len = 0;
}

/** Port-only: the node's vm_stat[]. */
export const node_vm_stat = new Int32Array(NR_VM_NODE_STAT_ITEMS);

export class struct_pglist_data {
	node_zones: struct_zone[] = Array.from({ length: MAX_NR_ZONES },
		(_, i) => new struct_zone(this, i));
	node_zonelists: struct_zonelist[] = [new struct_zonelist()];
	nr_zones = 0;
	node_start_pfn = 0;
	node_present_pages = 0;
	node_spanned_pages = 0;
	node_id = 0;
	kswapd_wait = new wait_queue_head_t();
	pfmemalloc_wait = new wait_queue_head_t();
	reclaim_wait = Array.from({ length: NR_VMSCAN_THROTTLE }, () => new wait_queue_head_t());
	nr_writeback_throttled = 0;
	nr_reclaim_start = 0;
	kswapd_order = 0;
	kswapd_highest_zoneidx: zone_type = 0;
	kswapd_failures = 0;
	totalreserve_pages = 0;
	deferred_split_queue = new struct_deferred_split();
	__lruvec: struct_lruvec = new struct_lruvec(this);
	flags = 0;
	vm_stat = node_vm_stat;
}
export type pg_data_t = struct_pglist_data;

export const contig_page_data = new struct_pglist_data();

export function NODE_DATA(_nid: number): struct_pglist_data {
	return contig_page_data;
}

export function node_present_pages(nid: number): number {
	return NODE_DATA(nid).node_present_pages;
}

export function node_start_pfn(nid: number): number {
	return NODE_DATA(nid).node_start_pfn;
}

export function pgdat_end_pfn(pgdat: struct_pglist_data): number {
	return pgdat.node_start_pfn + pgdat.node_spanned_pages;
}

export function node_end_pfn(nid: number): number {
	return pgdat_end_pfn(NODE_DATA(nid));
}

export function lruvec_pgdat(lruvec: struct_lruvec): struct_pglist_data {
	return lruvec.pgdat;
}

export function zone_idx(zone: struct_zone): zone_type {
	return zone.idx;
}

export function managed_zone(zone: struct_zone): boolean {
	return zone.managed_pages !== 0;
}

export function populated_zone(zone: struct_zone): boolean {
	return zone.present_pages !== 0;
}

export function zone_to_nid(_zone: struct_zone): number {
	return 0;
}

export function is_highmem_idx(_idx: zone_type): boolean {
	return false;
}

export function is_highmem(_zone: struct_zone): boolean {
	return false;
}

export function for_each_online_pgdat(): struct_pglist_data[] {
	return [contig_page_data];
}

export function for_each_zone(): struct_zone[] {
	return contig_page_data.node_zones;
}

export function for_each_populated_zone(): struct_zone[] {
	return contig_page_data.node_zones.filter(populated_zone);
}

export function zonelist_zone(zoneref: struct_zoneref): struct_zone | null {
	return zoneref.zone;
}

export function zonelist_zone_idx(zoneref: struct_zoneref): number {
	return zoneref.zone_idx;
}

/** The zones of @zlist up to @highidx, in order of preference. Not for hot paths. */
export function* for_each_zone_zonelist_nodemask(zlist: struct_zonelist, highidx: zone_type,
	_nodemask: nodemask_t | null): Generator<struct_zone> {
	for (const z of zlist._zonerefs) {
		if (z.zone === null)
			return;
		if (z.zone_idx <= highidx)
			yield z.zone;
	}
}

export function for_each_zone_zonelist(zlist: struct_zonelist,
	highidx: zone_type): Generator<struct_zone> {
	return for_each_zone_zonelist_nodemask(zlist, highidx, null);
}

/** A section of the memory map: its pages as far as they were made, and its migrate types. */
export interface struct_mem_section {
	readonly pages: (struct_page | null)[];
	/** One byte per pageblock. */
	readonly pageblock_flags: Uint8Array;
}

/** By section number; null: nothing made there yet, undefined: no memory. */
export const mem_section: (struct_mem_section | null)[] = [];

/** The pages of a section where nothing was made yet; not made with a length, so free of holes. */
export const no_pages: readonly (struct_page | null)[] =
	Array.from(new Uint8Array(PAGES_PER_SECTION), () => null);

/** mem_section[].pages, for look-ups: no_pages in place of null. */
export const section_pages: (readonly (struct_page | null)[] | undefined)[] = [];

/**
 * The struct pages, as far as they were made, of the GiB that most allocations come from: in one
 * array, a step less. near_is[0] says which GiB that is; a buffer of its own has a fixed address.
 */
export const NEAR_SHIFT = 18;
export const near_pages: (struct_page | null)[] =
	no_pages.concat(...new Array<typeof no_pages>((1 << NEAR_SHIFT) / PAGES_PER_SECTION - 1)
		.fill(no_pages));
export const near_is = new Int32Array(new ArrayBuffer(4)).fill(-1);
/** The same GiB's pageblock_flags, of which its sections have their parts. */
export const near_pageblock_flags = new Uint8Array(1 << (NEAR_SHIFT - pageblock_order));

export function pfn_to_section_nr(pfn: number): number {
	return ul_shr(pfn, PFN_SECTION_SHIFT);
}

export function section_nr_to_pfn(sec: number): number {
	return sec * PAGES_PER_SECTION;
}

/** Whether there is a struct page for @pfn: it lies in a section that has memory. */
export function pfn_valid(pfn: number): boolean {
	return pfn <= MAX_PHYSMEM_PFN &&
		section_pages[u31_shr(pfn, PFN_SECTION_SHIFT)] !== undefined;
}

export function pfn_in_present_section(pfn: number): boolean {
	return pfn_valid(pfn);
}

/** @pfn is valid. */
export function pfn_to_page(pfn: pfn_nr): struct_page {
	if (u31_shr(pfn, NEAR_SHIFT) === near_is[0]) {
		const page = near_pages[pfn & ((1 << NEAR_SHIFT) - 1)]!;
		if (page !== null)
			return page;
	}
	return pfn_to_far_page(pfn);
}

function pfn_to_far_page(pfn: pfn_nr): struct_page {
	const pages = section_pages[u31_shr(pfn, PFN_SECTION_SHIFT)];

	if (pages !== undefined) {
		const page = pages[pfn & (PAGES_PER_SECTION - 1)]!;
		if (page !== null)
			return page;
	}
	return materialise_page(pfn);
}

/** Port-only: pfn_valid(@pfn) ? pfn_to_page(@pfn) : null, in one step for most. */
export function pfn_to_valid_page(pfn: number): struct_page | null {
	if (u31_shr(pfn, NEAR_SHIFT) === near_is[0] && pfn <= MAX_PHYSMEM_PFN) {
		const page = near_pages[pfn & ((1 << NEAR_SHIFT) - 1)]!;
		if (page !== null)
			return page;
	}
	return pfn_valid(pfn) ? pfn_to_far_page(pfn as pfn_nr) : null;
}

/** Port-only: the struct page of @pfn if it was ever asked for; for walks over large ranges. */
export function pfn_to_made_page(pfn: number): struct_page | null {
	if (u31_shr(pfn, NEAR_SHIFT) === near_is[0])
		return near_pages[pfn & ((1 << NEAR_SHIFT) - 1)]!;

	const pages = section_pages[u31_shr(pfn, PFN_SECTION_SHIFT)];

	return pages === undefined ? null : pages[pfn & (PAGES_PER_SECTION - 1)]!;
}

/** Port-only: the first page in [@pfn, @end) that was ever asked for, or null. */
export function next_made_page(pfn: number, end: number): struct_page | null {
	while (pfn < end) {
		const at = pfn & (PAGES_PER_SECTION - 1);
		const stop = Math.min(PAGES_PER_SECTION, at + (end - pfn));
		const section = mem_section[ul_shr(pfn, PFN_SECTION_SHIFT)];

		if (section !== undefined && section !== null) {
			const pages = section.pages;
			for (let i = at; i < stop; i++) {
				const page = pages[i]!;
				if (page !== null)
					return page;
			}
		}
		pfn += stop - at;
	}
	return null;
}

export function page_to_pfn(page: struct_page): pfn_nr {
	return page.pfn;
}

export function pfn_to_online_page(pfn: pfn_nr): struct_page | null {
	return pfn_to_valid_page(pfn);
}

export function nth_page(page: struct_page, n: number): struct_page {
	return n === 0 ? page : pfn_to_page(to_pfn(page.pfn + n));
}

export function pfn_to_nid(_pfn: number): number {
	return 0;
}
