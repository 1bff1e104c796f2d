// SPDX-License-Identifier: GPL-2.0
/*
 * LRU lists, reclaim, and swap as the rest of memory management sees them.
 *
 * Upstream: include/linux/swap.h. While CONFIG_SWAP is off the swap functions are upstream's stubs;
 * swap areas come with reclaim.
 */
import type { pgoff_t } from "#asm-generic/types.ts";
import { EINVAL } from "#linux/errno.ts";
import { BUG } from "#linux/bug.ts";
import type { gfp_t } from "#linux/gfp_types.ts";
import { put_page } from "#linux/mm.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { NR_FREE_PAGES } from "#linux/mmzone.const.ts";
import { global_zone_page_state } from "#linux/vmstat.ts";
import { is_pfn_swap_entry, type swp_entry_t } from "#linux/swapops.ts";
import { release_pages } from "#mm/swap.ts";
export { MAX_SWAPFILES, MAX_SWAPFILES_SHIFT, type swp_entry_t } from "#linux/swapops.ts";
export {
	deactivate_file_folio, deactivate_page, folio_add_lru, folio_mark_accessed,
	folio_rotate_reclaimable, lru_add_drain, lru_add_drain_all, lru_add_drain_cpu,
	lru_add_drain_cpu_zone, lru_cache_add_inactive_or_unevictable, lru_cache_disable,
	lru_cache_disabled, lru_cache_enable, lru_note_cost, lru_note_cost_folio,
	mark_page_lazyfree, page_cluster, release_pages, swap_setup,
} from "#mm/swap.ts";
export {
	check_move_unevictable_folios, check_move_unevictable_pages, folio_isolate_lru,
	folio_putback_lru, reclaim_pages, remove_mapping,
	try_to_free_pages, vm_swappiness, zone_reclaimable_pages,
} from "#mm/vmscan.ts";
export {
	workingset_activation, workingset_age_nonresident, workingset_eviction, workingset_refault,
} from "#mm/workingset.ts";
export {
	isolate_lru_page, lru_cache_add, mark_page_accessed, putback_lru_page,
} from "#mm/folio-compat.ts";
export { find_get_incore_page } from "#mm/swap.h.ts";
export { totalreserve_pages } from "#mm/page_alloc.ts";

export const SWAP_CLUSTER_MAX		= 32;
export const COMPACT_CLUSTER_MAX	= SWAP_CLUSTER_MAX;

/* swap_map of a page */
export const SWAP_HAS_CACHE		= 0x40;
export const COUNT_CONTINUED		= 0x80;
export const SWAP_MAP_MAX		= 0x3e;
export const SWAP_MAP_BAD		= 0x3f;
export const SWAP_MAP_SHMEM		= 0xbf;
export const SWAP_CONT_MAX		= 0x7f;

export const MEMCG_RECLAIM_MAY_SWAP	= 1 << 1;
export const MEMCG_RECLAIM_PROACTIVE	= 1 << 2;

export const node_reclaim_mode		= 0;

/** A swap area. */
export interface struct_swap_info_struct {
	readonly type: number;
}

export function folio_swap_entry(folio: struct_folio): swp_entry_t {
	return folio.private_ as swp_entry_t;
}

export function nr_free_pages(): number {
	return global_zone_page_state(NR_FREE_PAGES);
}

export function node_reclaim_enabled(): boolean {
	return node_reclaim_mode !== 0;
}

/* ---- !CONFIG_SWAP --------------------------------------------------------------------------- */

export const total_swap_pages = 0;

export function swp_swap_info(_entry: swp_entry_t): struct_swap_info_struct | null {
	return null;
}

export function get_swap_device(_entry: swp_entry_t): struct_swap_info_struct | null {
	return null;
}

export function put_swap_device(_si: struct_swap_info_struct | null): void {}

export function get_nr_swap_pages(): number {
	return 0;
}

export function total_swapcache_pages(): number {
	return 0;
}

export function vm_swap_full(): boolean {
	return false;
}

export function si_swapinfo(val: { freeswap: number; totalswap: number }): void {
	val.freeswap = val.totalswap = 0;
}

export function free_page_and_swap_cache(page: struct_page): void {
	put_page(page);
}

export function free_pages_and_swap_cache(pages: struct_page[], nr: number): void {
	release_pages(pages, nr);
}

/** zap_pte_range() asks for entries that are not swap. */
export function free_swap_and_cache(e: swp_entry_t): boolean {
	return is_pfn_swap_entry(e);
}

export function free_swap_cache(_page: struct_page): void {}

export function add_swap_count_continuation(_swp: swp_entry_t, _gfp_mask: gfp_t): number {
	return 0;
}

export function swap_shmem_alloc(_swp: swp_entry_t): void {}

export function swap_duplicate(_swp: swp_entry_t): number {
	return 0;
}

export function swap_free(_swp: swp_entry_t): void {}
export function put_swap_page(_page: struct_page, _swp: swp_entry_t): void {}

export function __swap_count(_entry: swp_entry_t): number {
	return 0;
}

export function __swp_swapcount(_entry: swp_entry_t): number {
	return 0;
}

export function swp_swapcount(_entry: swp_entry_t): number {
	return 0;
}

export function try_to_free_swap(_page: struct_page): boolean {
	return false;
}

export function folio_alloc_swap(_folio: struct_folio): swp_entry_t {
	return 0 as swp_entry_t;
}

export function add_swap_extent(): number {
	return -EINVAL;
}

export function split_swap_cluster(_entry: swp_entry_t): number {
	return 0;
}

export function folio_throttle_swaprate(_folio: struct_folio, _gfp: gfp_t): void {}

export function cgroup_throttle_swaprate(_page: struct_page, _gfp_mask: gfp_t): void {}

/** mm/swapfile.c:__page_file_index(); nothing is in the swap cache. */
export function __page_file_index(_page: struct_page): pgoff_t {
	BUG();
}
