// SPDX-License-Identifier: GPL-2.0
/*
 * Putting folios on LRU lists and taking them off; pending TLB flushes of an mm.
 *
 * Upstream: include/linux/mm_inline.h. Left out: names of anonymous VMAs, userfaultfd markers.
 */
import { list_add, list_add_tail, list_del } from "#linux/list.ts";
import type { struct_folio, struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import {
	LRU_ACTIVE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE, LRU_UNEVICTABLE, NR_LRU_BASE,
	NR_VM_ZONE_STAT_ITEMS, NR_ZONE_LRU_BASE, type lru_list, type zone_type,
} from "#linux/mmzone.const.ts";
import { folio_zonenum, node_vm_stat, type struct_lruvec, zone_vm_stat } from
	"#linux/mmzone.ts";
import {
	__folio_clear_active, __folio_clear_lru, __folio_clear_unevictable, folio_test_active,
	folio_test_lru, folio_test_swapbacked, folio_test_unevictable, page_folio,
} from "#linux/page-flags.ts";
import { folio_nr_pages } from "#linux/mm.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";

/** Not swap backed: 1, as an index of file and anonymous. */
export function folio_is_file_lru(folio: struct_folio): boolean {
	return !folio_test_swapbacked(folio);
}

export function page_is_file_lru(page: struct_page): boolean {
	return folio_is_file_lru(page_folio(page));
}

/* there is one node, and it has one lruvec */
export function update_lru_size(_lruvec: struct_lruvec, lru: lru_list, zid: zone_type,
	nr_pages: number): void {
	node_vm_stat[NR_LRU_BASE + lru]! += nr_pages;
	zone_vm_stat[zid * NR_VM_ZONE_STAT_ITEMS + NR_ZONE_LRU_BASE + lru]! += nr_pages;
}

export function __folio_clear_lru_flags(folio: struct_folio): void {
	VM_BUG_ON_PAGE(!folio_test_lru(folio), folio);

	__folio_clear_lru(folio);

	/* must not happen; bad_page() will say so */
	if (folio_test_active(folio) && folio_test_unevictable(folio))
		return;

	__folio_clear_active(folio);
	__folio_clear_unevictable(folio);
}

export function __clear_page_lru_flags(page: struct_page): void {
	__folio_clear_lru_flags(page_folio(page));
}

export function folio_lru_list(folio: struct_folio): lru_list {
	VM_BUG_ON_PAGE(folio_test_active(folio) && folio_test_unevictable(folio), folio);

	if (folio_test_unevictable(folio))
		return LRU_UNEVICTABLE;

	let lru = folio_is_file_lru(folio) ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
	if (folio_test_active(folio))
		lru += LRU_ACTIVE;

	return lru;
}

export function lruvec_add_folio(lruvec: struct_lruvec, folio: struct_folio): void {
	const lru = folio_lru_list(folio);

	update_lru_size(lruvec, lru, folio_zonenum(folio), folio_nr_pages(folio));
	if (lru !== LRU_UNEVICTABLE)
		list_add(folio.lru, lruvec.lists[lru]!);
}

export function add_page_to_lru_list(page: struct_page, lruvec: struct_lruvec): void {
	lruvec_add_folio(lruvec, page_folio(page));
}

export function lruvec_add_folio_tail(lruvec: struct_lruvec, folio: struct_folio): void {
	const lru = folio_lru_list(folio);

	update_lru_size(lruvec, lru, folio_zonenum(folio), folio_nr_pages(folio));
	list_add_tail(folio.lru, lruvec.lists[lru]!);
}

export function add_page_to_lru_list_tail(page: struct_page, lruvec: struct_lruvec): void {
	lruvec_add_folio_tail(lruvec, page_folio(page));
}

export function lruvec_del_folio(lruvec: struct_lruvec, folio: struct_folio): void {
	const lru = folio_lru_list(folio);

	if (lru !== LRU_UNEVICTABLE)
		list_del(folio.lru);
	update_lru_size(lruvec, lru, folio_zonenum(folio), -folio_nr_pages(folio));
}

export function del_page_from_lru_list(page: struct_page, lruvec: struct_lruvec): void {
	lruvec_del_folio(lruvec, page_folio(page));
}

/* mm->tlb_flush_pending: how many CPUs change page tables and have not flushed yet */

export function init_tlb_flush_pending(mm: struct_mm_struct): void {
	mm.tlb_flush_pending = 0;
}

export function inc_tlb_flush_pending(mm: struct_mm_struct): void {
	mm.tlb_flush_pending++;
}

export function dec_tlb_flush_pending(mm: struct_mm_struct): void {
	VM_BUG_ON(mm.tlb_flush_pending <= 0);
	mm.tlb_flush_pending--;
}

export function mm_tlb_flush_pending(mm: struct_mm_struct): boolean {
	return mm.tlb_flush_pending !== 0;
}

export function mm_tlb_flush_nested(mm: struct_mm_struct): boolean {
	return mm.tlb_flush_pending > 1;
}

