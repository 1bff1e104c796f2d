// SPDX-License-Identifier: GPL-2.0
/*
 * Pages and folios: references, compound pages, map counts, and where a page belongs.
 *
 * Upstream: this half of include/linux/mm.h. A compound page's order, size, destructor and counts
 * stand in its head, not in page[1].
 */
import type { pfn_nr, pgoff_t, unsigned_long } from "#asm-generic/types.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import {
	contig_page_data, pfn_to_page, type struct_pglist_data, type struct_zone, type zone_type,
} from "#linux/mmzone.ts";
import { ZONES_MASK, ZONES_PGSHIFT } from "#linux/page-flags-layout.ts";
import {
	PG_head, PageCompound, PageSwapCache, folio_test_large, page_folio,
} from "#linux/page-flags.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { __folio_put, release_pages } from "#mm/swap.ts";
import { __page_file_index } from "#linux/swap.ts";
import { __page_mapcount, folio_mapcount } from "#mm/util.ts";

/* enum compound_dtor_id */
export const NULL_COMPOUND_DTOR		= 0;
export const COMPOUND_PAGE_DTOR		= 1;
export const HUGETLB_PAGE_DTOR		= 2;
export const TRANSHUGE_PAGE_DTOR	= 3;
export const NR_COMPOUND_DTORS		= 4;

export function compound_order(page: struct_page): number {
	return (page.flags & (1 << PG_head)) === 0 ? 0 : page.compound_order;
}

export function folio_order(folio: struct_folio): number {
	return (folio.flags & (1 << PG_head)) === 0 ? 0 : folio.compound_order;
}

export function put_page_testzero(page: struct_page): boolean {
	VM_BUG_ON_PAGE(page._refcount === 0, page);
	return (page._refcount = page._refcount - 1 | 0) === 0;
}

export function folio_put_testzero(folio: struct_folio): boolean {
	return put_page_testzero(folio);
}

/** Takes a reference, unless the last one is gone. */
export function get_page_unless_zero(page: struct_page): boolean {
	const old = page._refcount;
	if (old === 0)
		return false;
	page._refcount = old + 1 | 0;
	return true;
}

/** How often the folio is mapped by a PMD or, for hugetlb, at all. */
export function folio_entire_mapcount(folio: struct_folio): number {
	VM_BUG_ON_PAGE(!folio_test_large(folio), folio);
	return folio.compound_mapcount + 1;
}

export function compound_mapcount(page: struct_page): number {
	return folio_entire_mapcount(page_folio(page));
}

export function page_mapcount_reset(page: struct_page): void {
	page._mapcount = -1;
}

/** How often the page is mapped, by entries of any size. */
export function page_mapcount(page: struct_page): number {
	if (PageCompound(page))
		return __page_mapcount(page);
	return page._mapcount + 1;
}

export function total_mapcount(page: struct_page): number {
	return folio_mapcount(page_folio(page));
}

export function set_compound_page_dtor(page: struct_page, compound_dtor: number): void {
	VM_BUG_ON_PAGE(compound_dtor >= NR_COMPOUND_DTORS, page);
	page.compound_dtor = compound_dtor;
}

export function head_compound_pincount(head: struct_page): number {
	return head.compound_pincount;
}

export function set_compound_order(page: struct_page, order: number): void {
	page.compound_order = order;
	page.compound_nr = 1 << order;
}

export function compound_nr(page: struct_page): number {
	return (page.flags & (1 << PG_head)) === 0 ? 1 : page.compound_nr;
}

export function page_size(page: struct_page): number {
	return PAGE_SIZE * (1 << compound_order(page));
}

export function page_shift(page: struct_page): number {
	return PAGE_SHIFT + compound_order(page);
}

export function thp_order(page: struct_page): number {
	VM_BUG_ON_PAGE(page.compound_head !== page, page);
	return compound_order(page);
}

export function thp_nr_pages(page: struct_page): number {
	VM_BUG_ON_PAGE(page.compound_head !== page, page);
	return compound_nr(page);
}

export function thp_size(page: struct_page): number {
	return PAGE_SIZE * (1 << thp_order(page));
}

export function put_devmap_managed_page_refs(_page: struct_page, _refs: number): boolean {
	return false;
}

export function put_devmap_managed_page(page: struct_page): boolean {
	return put_devmap_managed_page_refs(page, 1);
}

export function folio_ref_zero_or_close_to_overflow(folio: struct_folio): boolean {
	return (folio._refcount + 127 >>> 0) <= 127;
}

export function folio_get(folio: struct_folio): void {
	VM_BUG_ON_PAGE(folio_ref_zero_or_close_to_overflow(folio), folio);
	folio._refcount = folio._refcount + 1 | 0;
}

export function get_page(page: struct_page): void {
	folio_get(page_folio(page));
}

export function try_get_page(page: struct_page): boolean {
	const head = page_folio(page);
	if (WARN_ON_ONCE(head._refcount <= 0))
		return false;
	head._refcount = head._refcount + 1 | 0;
	return true;
}

/** Drops a reference; the last one frees the folio. */
export function folio_put(folio: struct_folio): void {
	if (put_page_testzero(folio))
		__folio_put(folio);
}

export function folio_put_refs(folio: struct_folio, refs: number): void {
	if ((folio._refcount = folio._refcount - refs | 0) === 0)
		__folio_put(folio);
}

export function folios_put(folios: struct_folio[], nr: number): void {
	release_pages(folios, nr);
}

export function put_page(page: struct_page): void {
	folio_put(page_folio(page));
}

export function page_zone_id(page: struct_page): number {
	return page.flags >> ZONES_PGSHIFT & ZONES_MASK;
}

export function page_to_nid(_page: struct_page): number {
	return 0;
}

export function folio_nid(_folio: struct_folio): number {
	return 0;
}

export function page_cpupid_xchg_last(page: struct_page, _cpupid: number): number {
	return page_to_nid(page);
}

export function page_cpupid_last(page: struct_page): number {
	return page_to_nid(page);
}

export function page_cpupid_reset_last(_page: struct_page): void {}

export function page_zone(page: struct_page): struct_zone {
	return contig_page_data.node_zones[page.flags >> ZONES_PGSHIFT & ZONES_MASK]!;
}

export function page_pgdat(_page: struct_page): struct_pglist_data {
	return contig_page_data;
}

export function folio_zone(folio: struct_folio): struct_zone {
	return page_zone(folio);
}

export function folio_pgdat(_folio: struct_folio): struct_pglist_data {
	return contig_page_data;
}

export function folio_pfn(folio: struct_folio): pfn_nr {
	return folio.pfn;
}

/** Number of FOLL_PIN references of a large folio. */
export function folio_pincount(folio: struct_folio): number {
	return folio.compound_pincount;
}

export function set_page_zone(page: struct_page, zone: zone_type): void {
	page.flags = page.flags & ~(ZONES_MASK << ZONES_PGSHIFT) |
		(zone & ZONES_MASK) << ZONES_PGSHIFT;
}

export function set_page_node(_page: struct_page, _node: number): void {}

export function set_page_links(page: struct_page, zone: zone_type, node: number,
	_pfn: number): void {
	set_page_zone(page, zone);
	set_page_node(page, node);
}

export function folio_nr_pages(folio: struct_folio): number {
	return (folio.flags & (1 << PG_head)) === 0 ? 1 : folio.compound_nr;
}

/** The folio that follows this one in memory. */
export function folio_next(folio: struct_folio): struct_folio {
	return pfn_to_page(folio.pfn + folio_nr_pages(folio) as pfn_nr) as struct_folio;
}

export function folio_shift(folio: struct_folio): number {
	return PAGE_SHIFT + folio_order(folio);
}

export function folio_size(folio: struct_folio): number {
	return PAGE_SIZE * (1 << folio_order(folio));
}

/** File offset in pages, also of what is in the swap cache. */
export function page_index(page: struct_page): pgoff_t {
	if (PageSwapCache(page))
		return __page_file_index(page);
	return page.index;
}

/* C: bit 1 of lru.next; the memory reserves, which such a page may come from, are real here too */
export function page_is_pfmemalloc(_page: struct_page): boolean {
	return false;
}

export function set_page_pfmemalloc(_page: struct_page): void {}
export function clear_page_pfmemalloc(_page: struct_page): void {}

export { offset_in_page } from "#asm/page_types.ts";

export function offset_in_thp(page: struct_page, p: unsigned_long): number {
	return p & (thp_size(page) - 1);
}

export function offset_in_folio(folio: struct_folio, p: unsigned_long): number {
	return p & (folio_size(folio) - 1);
}

