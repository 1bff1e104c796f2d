// SPDX-License-Identifier: GPL-2.0
/*
 * The bits of page->flags, and the page types kept in _mapcount.
 *
 * Upstream: include/linux/page-flags.h, with its macros written out and the debugging checks of the
 * policies always on. Left out: Xen, SLOB, FS-Cache, KASAN, memory hotplug. flags is an int32: the
 * page's zone lives in bits 29 and 30 (page-flags-layout.ts).
 */
import { BUG_ON } from "#linux/bug.ts";
import { CONFIG_HUGETLB_PAGE, CONFIG_MEMORY_FAILURE, CONFIG_SWAP } from "#generated/autoconf.ts";
import { pfn_nr } from "#asm-generic/types.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import {
	PAGE_FLAGS_PRIVATE, PAGE_MAPCOUNT_RESERVE, PAGE_MAPPING_ANON, PAGE_MAPPING_MOVABLE,
	PAGE_POISON_PATTERN, PAGE_TYPE_BASE, PG_active, PG_anon_exclusive, PG_buddy, PG_checked,
	PG_dirty, PG_double_map, PG_error, PG_guard, PG_has_hwpoisoned, PG_head, PG_hwpoison,
	PG_idle, PG_isolated, PG_locked, PG_lru, PG_mappedtodisk, PG_mlocked, PG_offline,
	PG_owner_priv_1, PG_private, PG_private_2, PG_readahead, PG_reclaim, PG_referenced,
	PG_reported, PG_reserved, PG_slab, PG_swapbacked, PG_swapcache, PG_table, PG_unevictable,
	PG_uptodate, PG_waiters, PG_workingset, PG_writeback, PG_young,
} from "#linux/page-flags.const.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import { PageHeadHuge, PageHuge } from "#mm/hugetlb.ts";
import { __folio_start_writeback } from "#mm/page-writeback.ts";
export { PageHeadHuge, PageHuge } from "#mm/hugetlb.ts";
export { put_page_back_buddy, take_page_off_buddy, is_free_buddy_page } from "#mm/page_alloc.ts";
export { __folio_start_writeback } from "#mm/page-writeback.ts";
export { set_page_writeback } from "#mm/folio-compat.ts";

export * from "#linux/page-flags.const.ts";

export function compound_head(page: struct_page): struct_page {
	return page.compound_head;
}

export function page_folio(page: struct_page): struct_folio {
	return page.compound_head as struct_folio;
}

/** Port-only: &folio->page. */
export function folio_page0(folio: struct_folio): struct_page {
	return folio;
}

/** Port-only: the cast (struct folio *)page, for a page known to be no tail. */
export function as_folio(page: struct_page): struct_folio {
	return page as struct_folio;
}

export function folio_page(folio: struct_folio, n: number): struct_page {
	return n === 0 ? folio : pfn_to_page(pfn_nr(folio.pfn + n));
}

export function PageTail(page: struct_page): boolean {
	return page.compound_head !== page;
}

export function PageCompound(page: struct_page): boolean {
	return (page.flags & (1 << PG_head)) !== 0 || page.compound_head !== page;
}

export function PagePoisoned(page: struct_page): boolean {
	return page.flags === PAGE_POISON_PATTERN;
}

function pf_bug(page: struct_page, why: string): void {
	VM_BUG_ON_PAGE(true, page, why);
}

/* which page of a compound page a flag is kept in, and who may touch it */

function folio_flags(folio: struct_folio): struct_page {
	if (folio.compound_head !== folio)
		pf_bug(folio, "PageTail(page)");
	return folio;
}

function PF_ANY(page: struct_page, _enforce: boolean): struct_page {
	return page;
}

function PF_HEAD(page: struct_page, _enforce: boolean): struct_page {
	return page.compound_head;
}

function PF_ONLY_HEAD(page: struct_page, _enforce: boolean): struct_page {
	if (page.compound_head !== page)
		pf_bug(page, "PageTail(page)");
	return page;
}

function PF_NO_TAIL(page: struct_page, enforce: boolean): struct_page {
	const head = page.compound_head;
	if (enforce && head !== page)
		pf_bug(page, "1 && PageTail(page)");
	return head;
}

function PF_NO_COMPOUND(page: struct_page, enforce: boolean): struct_page {
	if (enforce && PageCompound(page))
		pf_bug(page, "1 && PageCompound(page)");
	return page;
}

function PF_SECOND(page: struct_page, _enforce: boolean): struct_page {
	if ((page.flags & (1 << PG_head)) === 0)
		pf_bug(page, "!PageHead(page)");
	return pfn_to_page(pfn_nr(page.pfn + 1));
}

function test_and_set(page: struct_page, mask: number): boolean {
	const old = page.flags;
	page.flags = old | mask;
	return (old & mask) !== 0;
}

function test_and_clear(page: struct_page, mask: number): boolean {
	const old = page.flags;
	page.flags = old & ~mask;
	return (old & mask) !== 0;
}

export function folio_test_locked(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_locked)) !== 0;
}
export function PageLocked(page: struct_page): boolean {
	return (PF_NO_TAIL(page, false).flags & (1 << PG_locked)) !== 0;
}
export function __folio_set_locked(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_locked;
}
export function __SetPageLocked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags |= 1 << PG_locked;
}
export function __folio_clear_locked(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_locked);
}
export function __ClearPageLocked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_locked);
}

export function folio_test_waiters(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_waiters)) !== 0;
}
export function PageWaiters(page: struct_page): boolean {
	return (PF_ONLY_HEAD(page, false).flags & (1 << PG_waiters)) !== 0;
}
export function folio_set_waiters(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_waiters;
}
export function SetPageWaiters(page: struct_page): void {
	PF_ONLY_HEAD(page, true).flags |= 1 << PG_waiters;
}
export function folio_clear_waiters(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_waiters);
}
export function ClearPageWaiters(page: struct_page): void {
	PF_ONLY_HEAD(page, true).flags &= ~(1 << PG_waiters);
}

export function folio_test_error(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_error)) !== 0;
}
export function PageError(page: struct_page): boolean {
	return (PF_NO_TAIL(page, false).flags & (1 << PG_error)) !== 0;
}
export function folio_set_error(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_error;
}
export function SetPageError(page: struct_page): void {
	PF_NO_TAIL(page, true).flags |= 1 << PG_error;
}
export function folio_clear_error(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_error);
}
export function ClearPageError(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_error);
}
export function folio_test_clear_error(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_error);
}
export function TestClearPageError(page: struct_page): boolean {
	return test_and_clear(PF_NO_TAIL(page, true), 1 << PG_error);
}

export function folio_test_referenced(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_referenced)) !== 0;
}
export function PageReferenced(page: struct_page): boolean {
	return (PF_HEAD(page, false).flags & (1 << PG_referenced)) !== 0;
}
export function folio_set_referenced(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_referenced;
}
export function SetPageReferenced(page: struct_page): void {
	PF_HEAD(page, true).flags |= 1 << PG_referenced;
}
export function folio_clear_referenced(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_referenced);
}
export function ClearPageReferenced(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_referenced);
}
export function folio_test_clear_referenced(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_referenced);
}
export function TestClearPageReferenced(page: struct_page): boolean {
	return test_and_clear(PF_HEAD(page, true), 1 << PG_referenced);
}
export function __folio_set_referenced(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_referenced;
}
export function __SetPageReferenced(page: struct_page): void {
	PF_HEAD(page, true).flags |= 1 << PG_referenced;
}

export function folio_test_dirty(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_dirty)) !== 0;
}
export function PageDirty(page: struct_page): boolean {
	return (PF_HEAD(page, false).flags & (1 << PG_dirty)) !== 0;
}
export function folio_set_dirty(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_dirty;
}
export function SetPageDirty(page: struct_page): void {
	PF_HEAD(page, true).flags |= 1 << PG_dirty;
}
export function folio_clear_dirty(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_dirty);
}
export function ClearPageDirty(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_dirty);
}
export function folio_test_set_dirty(folio: struct_folio): boolean {
	return test_and_set(folio_flags(folio), 1 << PG_dirty);
}
export function TestSetPageDirty(page: struct_page): boolean {
	return test_and_set(PF_HEAD(page, true), 1 << PG_dirty);
}
export function folio_test_clear_dirty(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_dirty);
}
export function TestClearPageDirty(page: struct_page): boolean {
	return test_and_clear(PF_HEAD(page, true), 1 << PG_dirty);
}
export function __folio_clear_dirty(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_dirty);
}
export function __ClearPageDirty(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_dirty);
}

export function folio_test_lru(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_lru)) !== 0;
}
export function PageLRU(page: struct_page): boolean {
	return (PF_HEAD(page, false).flags & (1 << PG_lru)) !== 0;
}
export function folio_set_lru(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_lru;
}
export function SetPageLRU(page: struct_page): void {
	PF_HEAD(page, true).flags |= 1 << PG_lru;
}
export function folio_clear_lru(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_lru);
}
export function ClearPageLRU(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_lru);
}
export function __folio_clear_lru(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_lru);
}
export function __ClearPageLRU(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_lru);
}
export function folio_test_clear_lru(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_lru);
}
export function TestClearPageLRU(page: struct_page): boolean {
	return test_and_clear(PF_HEAD(page, true), 1 << PG_lru);
}

export function folio_test_active(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_active)) !== 0;
}
export function PageActive(page: struct_page): boolean {
	return (PF_HEAD(page, false).flags & (1 << PG_active)) !== 0;
}
export function folio_set_active(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_active;
}
export function SetPageActive(page: struct_page): void {
	PF_HEAD(page, true).flags |= 1 << PG_active;
}
export function folio_clear_active(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_active);
}
export function ClearPageActive(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_active);
}
export function __folio_clear_active(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_active);
}
export function __ClearPageActive(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_active);
}
export function folio_test_clear_active(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_active);
}
export function TestClearPageActive(page: struct_page): boolean {
	return test_and_clear(PF_HEAD(page, true), 1 << PG_active);
}

export function folio_test_workingset(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_workingset)) !== 0;
}
export function PageWorkingset(page: struct_page): boolean {
	return (PF_HEAD(page, false).flags & (1 << PG_workingset)) !== 0;
}
export function folio_set_workingset(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_workingset;
}
export function SetPageWorkingset(page: struct_page): void {
	PF_HEAD(page, true).flags |= 1 << PG_workingset;
}
export function folio_clear_workingset(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_workingset);
}
export function ClearPageWorkingset(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_workingset);
}
export function folio_test_clear_workingset(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_workingset);
}
export function TestClearPageWorkingset(page: struct_page): boolean {
	return test_and_clear(PF_HEAD(page, true), 1 << PG_workingset);
}

export function folio_test_slab(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_slab)) !== 0;
}
export function PageSlab(page: struct_page): boolean {
	return (PF_NO_TAIL(page, false).flags & (1 << PG_slab)) !== 0;
}
export function __folio_set_slab(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_slab;
}
export function __SetPageSlab(page: struct_page): void {
	PF_NO_TAIL(page, true).flags |= 1 << PG_slab;
}
export function __folio_clear_slab(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_slab);
}
export function __ClearPageSlab(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_slab);
}

export function folio_test_checked(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_checked)) !== 0;
}
export function PageChecked(page: struct_page): boolean {
	return (PF_NO_COMPOUND(page, false).flags & (1 << PG_checked)) !== 0;
}
export function folio_set_checked(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_checked;
}
export function SetPageChecked(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags |= 1 << PG_checked;
}
export function folio_clear_checked(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_checked);
}
export function ClearPageChecked(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags &= ~(1 << PG_checked);
}

export function folio_test_reserved(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_reserved)) !== 0;
}
export function PageReserved(page: struct_page): boolean {
	return (PF_NO_COMPOUND(page, false).flags & (1 << PG_reserved)) !== 0;
}
export function folio_set_reserved(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_reserved;
}
export function SetPageReserved(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags |= 1 << PG_reserved;
}
export function folio_clear_reserved(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_reserved);
}
export function ClearPageReserved(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags &= ~(1 << PG_reserved);
}
export function __folio_clear_reserved(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_reserved);
}
export function __ClearPageReserved(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags &= ~(1 << PG_reserved);
}
export function __folio_set_reserved(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_reserved;
}
export function __SetPageReserved(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags |= 1 << PG_reserved;
}

export function folio_test_swapbacked(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_swapbacked)) !== 0;
}
export function PageSwapBacked(page: struct_page): boolean {
	return (PF_NO_TAIL(page, false).flags & (1 << PG_swapbacked)) !== 0;
}
export function folio_set_swapbacked(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_swapbacked;
}
export function SetPageSwapBacked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags |= 1 << PG_swapbacked;
}
export function folio_clear_swapbacked(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_swapbacked);
}
export function ClearPageSwapBacked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_swapbacked);
}
export function __folio_clear_swapbacked(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_swapbacked);
}
export function __ClearPageSwapBacked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_swapbacked);
}
export function __folio_set_swapbacked(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_swapbacked;
}
export function __SetPageSwapBacked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags |= 1 << PG_swapbacked;
}

export function folio_test_private(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_private)) !== 0;
}
export function PagePrivate(page: struct_page): boolean {
	return (PF_ANY(page, false).flags & (1 << PG_private)) !== 0;
}
export function folio_set_private(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_private;
}
export function SetPagePrivate(page: struct_page): void {
	PF_ANY(page, true).flags |= 1 << PG_private;
}
export function folio_clear_private(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_private);
}
export function ClearPagePrivate(page: struct_page): void {
	PF_ANY(page, true).flags &= ~(1 << PG_private);
}

export function folio_test_private_2(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_private_2)) !== 0;
}
export function PagePrivate2(page: struct_page): boolean {
	return (PF_ANY(page, false).flags & (1 << PG_private_2)) !== 0;
}
export function folio_set_private_2(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_private_2;
}
export function SetPagePrivate2(page: struct_page): void {
	PF_ANY(page, true).flags |= 1 << PG_private_2;
}
export function folio_clear_private_2(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_private_2);
}
export function ClearPagePrivate2(page: struct_page): void {
	PF_ANY(page, true).flags &= ~(1 << PG_private_2);
}
export function folio_test_set_private_2(folio: struct_folio): boolean {
	return test_and_set(folio_flags(folio), 1 << PG_private_2);
}
export function TestSetPagePrivate2(page: struct_page): boolean {
	return test_and_set(PF_ANY(page, true), 1 << PG_private_2);
}
export function folio_test_clear_private_2(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_private_2);
}
export function TestClearPagePrivate2(page: struct_page): boolean {
	return test_and_clear(PF_ANY(page, true), 1 << PG_private_2);
}

export function folio_test_owner_priv_1(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_owner_priv_1)) !== 0;
}
export function PageOwnerPriv1(page: struct_page): boolean {
	return (PF_ANY(page, false).flags & (1 << PG_owner_priv_1)) !== 0;
}
export function folio_set_owner_priv_1(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_owner_priv_1;
}
export function SetPageOwnerPriv1(page: struct_page): void {
	PF_ANY(page, true).flags |= 1 << PG_owner_priv_1;
}
export function folio_clear_owner_priv_1(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_owner_priv_1);
}
export function ClearPageOwnerPriv1(page: struct_page): void {
	PF_ANY(page, true).flags &= ~(1 << PG_owner_priv_1);
}
export function folio_test_clear_owner_priv_1(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_owner_priv_1);
}
export function TestClearPageOwnerPriv1(page: struct_page): boolean {
	return test_and_clear(PF_ANY(page, true), 1 << PG_owner_priv_1);
}

/* no plain set or clear of PG_writeback: they would pass by the accounting */
export function folio_test_writeback(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_writeback)) !== 0;
}
export function PageWriteback(page: struct_page): boolean {
	return (PF_NO_TAIL(page, false).flags & (1 << PG_writeback)) !== 0;
}
export function folio_test_set_writeback(folio: struct_folio): boolean {
	return test_and_set(folio_flags(folio), 1 << PG_writeback);
}
export function TestSetPageWriteback(page: struct_page): boolean {
	return test_and_set(PF_NO_TAIL(page, true), 1 << PG_writeback);
}
export function folio_test_clear_writeback(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_writeback);
}
export function TestClearPageWriteback(page: struct_page): boolean {
	return test_and_clear(PF_NO_TAIL(page, true), 1 << PG_writeback);
}

export function folio_test_mappedtodisk(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_mappedtodisk)) !== 0;
}
export function PageMappedToDisk(page: struct_page): boolean {
	return (PF_NO_TAIL(page, false).flags & (1 << PG_mappedtodisk)) !== 0;
}
export function folio_set_mappedtodisk(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_mappedtodisk;
}
export function SetPageMappedToDisk(page: struct_page): void {
	PF_NO_TAIL(page, true).flags |= 1 << PG_mappedtodisk;
}
export function folio_clear_mappedtodisk(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_mappedtodisk);
}
export function ClearPageMappedToDisk(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_mappedtodisk);
}

export function folio_test_reclaim(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_reclaim)) !== 0;
}
export function PageReclaim(page: struct_page): boolean {
	return (PF_NO_TAIL(page, false).flags & (1 << PG_reclaim)) !== 0;
}
export function folio_set_reclaim(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_reclaim;
}
export function SetPageReclaim(page: struct_page): void {
	PF_NO_TAIL(page, true).flags |= 1 << PG_reclaim;
}
export function folio_clear_reclaim(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_reclaim);
}
export function ClearPageReclaim(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_reclaim);
}
export function folio_test_clear_reclaim(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_reclaim);
}
export function TestClearPageReclaim(page: struct_page): boolean {
	return test_and_clear(PF_NO_TAIL(page, true), 1 << PG_reclaim);
}

export function folio_test_readahead(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_readahead)) !== 0;
}
export function PageReadahead(page: struct_page): boolean {
	return (PF_NO_COMPOUND(page, false).flags & (1 << PG_readahead)) !== 0;
}
export function folio_set_readahead(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_readahead;
}
export function SetPageReadahead(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags |= 1 << PG_readahead;
}
export function folio_clear_readahead(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_readahead);
}
export function ClearPageReadahead(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags &= ~(1 << PG_readahead);
}
export function folio_test_clear_readahead(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_readahead);
}
export function TestClearPageReadahead(page: struct_page): boolean {
	return test_and_clear(PF_NO_COMPOUND(page, true), 1 << PG_readahead);
}

export function PageHighMem(_page: struct_page): boolean {
	return false;
}

export function folio_test_swapcache(folio: struct_folio): boolean {
	if (!CONFIG_SWAP)
		return false;
	return folio_test_swapbacked(folio) && (folio.flags & (1 << PG_swapcache)) !== 0;
}
export function PageSwapCache(page: struct_page): boolean {
	return folio_test_swapcache(page_folio(page));
}
export function folio_set_swapcache(folio: struct_folio): void {
	if (CONFIG_SWAP)
		folio_flags(folio).flags |= 1 << PG_swapcache;
}
export function SetPageSwapCache(page: struct_page): void {
	if (CONFIG_SWAP)
		PF_NO_TAIL(page, true).flags |= 1 << PG_swapcache;
}
export function folio_clear_swapcache(folio: struct_folio): void {
	if (CONFIG_SWAP)
		folio_flags(folio).flags &= ~(1 << PG_swapcache);
}
export function ClearPageSwapCache(page: struct_page): void {
	if (CONFIG_SWAP)
		PF_NO_TAIL(page, true).flags &= ~(1 << PG_swapcache);
}

export function folio_test_unevictable(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_unevictable)) !== 0;
}
export function PageUnevictable(page: struct_page): boolean {
	return (PF_HEAD(page, false).flags & (1 << PG_unevictable)) !== 0;
}
export function folio_set_unevictable(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_unevictable;
}
export function SetPageUnevictable(page: struct_page): void {
	PF_HEAD(page, true).flags |= 1 << PG_unevictable;
}
export function folio_clear_unevictable(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_unevictable);
}
export function ClearPageUnevictable(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_unevictable);
}
export function __folio_clear_unevictable(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_unevictable);
}
export function __ClearPageUnevictable(page: struct_page): void {
	PF_HEAD(page, true).flags &= ~(1 << PG_unevictable);
}
export function folio_test_clear_unevictable(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_unevictable);
}
export function TestClearPageUnevictable(page: struct_page): boolean {
	return test_and_clear(PF_HEAD(page, true), 1 << PG_unevictable);
}

export function folio_test_mlocked(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_mlocked)) !== 0;
}
export function PageMlocked(page: struct_page): boolean {
	return (PF_NO_TAIL(page, false).flags & (1 << PG_mlocked)) !== 0;
}
export function folio_set_mlocked(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_mlocked;
}
export function SetPageMlocked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags |= 1 << PG_mlocked;
}
export function folio_clear_mlocked(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_mlocked);
}
export function ClearPageMlocked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_mlocked);
}
export function __folio_clear_mlocked(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_mlocked);
}
export function __ClearPageMlocked(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_mlocked);
}
export function folio_test_set_mlocked(folio: struct_folio): boolean {
	return test_and_set(folio_flags(folio), 1 << PG_mlocked);
}
export function TestSetPageMlocked(page: struct_page): boolean {
	return test_and_set(PF_NO_TAIL(page, true), 1 << PG_mlocked);
}
export function folio_test_clear_mlocked(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_mlocked);
}
export function TestClearPageMlocked(page: struct_page): boolean {
	return test_and_clear(PF_NO_TAIL(page, true), 1 << PG_mlocked);
}

export function folio_test_hwpoison(folio: struct_folio): boolean {
	return CONFIG_MEMORY_FAILURE && (folio_flags(folio).flags & (1 << PG_hwpoison)) !== 0;
}
export function PageHWPoison(page: struct_page): boolean {
	return CONFIG_MEMORY_FAILURE && (PF_ANY(page, false).flags & (1 << PG_hwpoison)) !== 0;
}
export function folio_set_hwpoison(folio: struct_folio): void {
	if (CONFIG_MEMORY_FAILURE)
		folio_flags(folio).flags |= 1 << PG_hwpoison;
}
export function SetPageHWPoison(page: struct_page): void {
	if (CONFIG_MEMORY_FAILURE)
		PF_ANY(page, true).flags |= 1 << PG_hwpoison;
}
export function folio_clear_hwpoison(folio: struct_folio): void {
	if (CONFIG_MEMORY_FAILURE)
		folio_flags(folio).flags &= ~(1 << PG_hwpoison);
}
export function ClearPageHWPoison(page: struct_page): void {
	if (CONFIG_MEMORY_FAILURE)
		PF_ANY(page, true).flags &= ~(1 << PG_hwpoison);
}
export function folio_test_set_hwpoison(folio: struct_folio): boolean {
	return CONFIG_MEMORY_FAILURE && test_and_set(folio_flags(folio), 1 << PG_hwpoison);
}
export function TestSetPageHWPoison(page: struct_page): boolean {
	return CONFIG_MEMORY_FAILURE && test_and_set(PF_ANY(page, true), 1 << PG_hwpoison);
}
export function folio_test_clear_hwpoison(folio: struct_folio): boolean {
	return CONFIG_MEMORY_FAILURE && test_and_clear(folio_flags(folio), 1 << PG_hwpoison);
}
export function TestClearPageHWPoison(page: struct_page): boolean {
	return CONFIG_MEMORY_FAILURE && test_and_clear(PF_ANY(page, true), 1 << PG_hwpoison);
}

export function folio_test_young(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_young)) !== 0;
}
export function PageYoung(page: struct_page): boolean {
	return (PF_ANY(page, false).flags & (1 << PG_young)) !== 0;
}
export function folio_set_young(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_young;
}
export function SetPageYoung(page: struct_page): void {
	PF_ANY(page, true).flags |= 1 << PG_young;
}
export function folio_test_clear_young(folio: struct_folio): boolean {
	return test_and_clear(folio_flags(folio), 1 << PG_young);
}
export function TestClearPageYoung(page: struct_page): boolean {
	return test_and_clear(PF_ANY(page, true), 1 << PG_young);
}

export function folio_test_idle(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_idle)) !== 0;
}
export function PageIdle(page: struct_page): boolean {
	return (PF_ANY(page, false).flags & (1 << PG_idle)) !== 0;
}
export function folio_set_idle(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_idle;
}
export function SetPageIdle(page: struct_page): void {
	PF_ANY(page, true).flags |= 1 << PG_idle;
}
export function folio_clear_idle(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_idle);
}
export function ClearPageIdle(page: struct_page): void {
	PF_ANY(page, true).flags &= ~(1 << PG_idle);
}

export function folio_test_reported(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_reported)) !== 0;
}
export function PageReported(page: struct_page): boolean {
	return (PF_NO_COMPOUND(page, false).flags & (1 << PG_reported)) !== 0;
}
export function __folio_set_reported(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_reported;
}
export function __SetPageReported(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags |= 1 << PG_reported;
}
export function __folio_clear_reported(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_reported);
}
export function __ClearPageReported(page: struct_page): void {
	PF_NO_COMPOUND(page, true).flags &= ~(1 << PG_reported);
}

export function folio_mapping_flags(folio: struct_folio): boolean {
	return folio.mapping_flags !== 0;
}

export function PageMappingFlags(page: struct_page): boolean {
	return page.mapping_flags !== 0;
}

export function folio_test_anon(folio: struct_folio): boolean {
	return (folio.mapping_flags & PAGE_MAPPING_ANON) !== 0;
}

export function PageAnon(page: struct_page): boolean {
	return folio_test_anon(page_folio(page));
}

export function __folio_test_movable(folio: struct_folio): boolean {
	return folio.mapping_flags === PAGE_MAPPING_MOVABLE;
}

export function __PageMovable(page: struct_page): boolean {
	return page.mapping_flags === PAGE_MAPPING_MOVABLE;
}

export function folio_test_ksm(_folio: struct_folio): boolean {
	return false;
}

export function PageKsm(_page: struct_page): boolean {
	return false;
}

export function folio_test_uptodate(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_uptodate)) !== 0;
}

export function PageUptodate(page: struct_page): boolean {
	return folio_test_uptodate(page_folio(page));
}

export function __folio_mark_uptodate(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_uptodate;
}

export function folio_mark_uptodate(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_uptodate;
}

export function __SetPageUptodate(page: struct_page): void {
	__folio_mark_uptodate(page as struct_folio);
}

export function SetPageUptodate(page: struct_page): void {
	folio_mark_uptodate(page as struct_folio);
}

export function folio_clear_uptodate(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_uptodate);
}
export function ClearPageUptodate(page: struct_page): void {
	PF_NO_TAIL(page, true).flags &= ~(1 << PG_uptodate);
}

export function folio_start_writeback(folio: struct_folio): boolean {
	return __folio_start_writeback(folio, false);
}

export function folio_start_writeback_keepwrite(folio: struct_folio): boolean {
	return __folio_start_writeback(folio, true);
}

export function folio_test_head(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_head)) !== 0;
}

export function PageHead(page: struct_page): boolean {
	return (page.flags & (1 << PG_head)) !== 0;
}

export function __SetPageHead(page: struct_page): void {
	page.flags |= 1 << PG_head;
}

export function __ClearPageHead(page: struct_page): void {
	page.flags &= ~(1 << PG_head);
}

export function ClearPageHead(page: struct_page): void {
	page.flags &= ~(1 << PG_head);
}

export function folio_test_large(folio: struct_folio): boolean {
	return folio_test_head(folio);
}

export function set_compound_head(page: struct_page, head: struct_page): void {
	page.compound_head = head;
}

export function clear_compound_head(page: struct_page): void {
	page.compound_head = page;
}

export function ClearPageCompound(page: struct_page): void {
	BUG_ON(!PageHead(page));
	ClearPageHead(page);
}

export function folio_test_hugetlb(folio: struct_folio): boolean {
	return CONFIG_HUGETLB_PAGE && PageHeadHuge(folio);
}

/** True for transparent huge pages and for hugetlbfs pages. */
export function PageTransHuge(page: struct_page): boolean {
	VM_BUG_ON_PAGE(PageTail(page), page);
	return PageHead(page);
}

export function folio_test_transhuge(folio: struct_folio): boolean {
	return folio_test_head(folio);
}

export function PageTransCompound(page: struct_page): boolean {
	return PageCompound(page);
}

export function PageTransTail(page: struct_page): boolean {
	return PageTail(page);
}

/* mapped by page table entries as well as by pmds; counts in every subpage's _mapcount then */
export function folio_test_double_map(folio: struct_folio): boolean {
	return (PF_SECOND(folio, true).flags & (1 << PG_double_map)) !== 0;
}
export function PageDoubleMap(page: struct_page): boolean {
	return (PF_SECOND(page, false).flags & (1 << PG_double_map)) !== 0;
}
export function folio_set_double_map(folio: struct_folio): void {
	PF_SECOND(folio, true).flags |= 1 << PG_double_map;
}
export function SetPageDoubleMap(page: struct_page): void {
	PF_SECOND(page, true).flags |= 1 << PG_double_map;
}
export function folio_clear_double_map(folio: struct_folio): void {
	PF_SECOND(folio, true).flags &= ~(1 << PG_double_map);
}
export function ClearPageDoubleMap(page: struct_page): void {
	PF_SECOND(page, true).flags &= ~(1 << PG_double_map);
}
export function folio_test_set_double_map(folio: struct_folio): boolean {
	return test_and_set(PF_SECOND(folio, true), 1 << PG_double_map);
}
export function TestSetPageDoubleMap(page: struct_page): boolean {
	return test_and_set(PF_SECOND(page, true), 1 << PG_double_map);
}
export function folio_test_clear_double_map(folio: struct_folio): boolean {
	return test_and_clear(PF_SECOND(folio, true), 1 << PG_double_map);
}
export function TestClearPageDoubleMap(page: struct_page): boolean {
	return test_and_clear(PF_SECOND(page, true), 1 << PG_double_map);
}

export function folio_test_has_hwpoisoned(folio: struct_folio): boolean {
	return CONFIG_MEMORY_FAILURE &&
	       (PF_SECOND(folio, true).flags & (1 << PG_has_hwpoisoned)) !== 0;
}
export function PageHasHWPoisoned(page: struct_page): boolean {
	return CONFIG_MEMORY_FAILURE &&
	       (PF_SECOND(page, false).flags & (1 << PG_has_hwpoisoned)) !== 0;
}
export function folio_set_has_hwpoisoned(folio: struct_folio): void {
	if (CONFIG_MEMORY_FAILURE)
		PF_SECOND(folio, true).flags |= 1 << PG_has_hwpoisoned;
}
export function SetPageHasHWPoisoned(page: struct_page): void {
	if (CONFIG_MEMORY_FAILURE)
		PF_SECOND(page, true).flags |= 1 << PG_has_hwpoisoned;
}
export function folio_clear_has_hwpoisoned(folio: struct_folio): void {
	if (CONFIG_MEMORY_FAILURE)
		PF_SECOND(folio, true).flags &= ~(1 << PG_has_hwpoisoned);
}
export function ClearPageHasHWPoisoned(page: struct_page): void {
	if (CONFIG_MEMORY_FAILURE)
		PF_SECOND(page, true).flags &= ~(1 << PG_has_hwpoisoned);
}
export function folio_test_set_has_hwpoisoned(folio: struct_folio): boolean {
	return CONFIG_MEMORY_FAILURE &&
	       test_and_set(PF_SECOND(folio, true), 1 << PG_has_hwpoisoned);
}
export function TestSetPageHasHWPoisoned(page: struct_page): boolean {
	return CONFIG_MEMORY_FAILURE && test_and_set(PF_SECOND(page, true), 1 << PG_has_hwpoisoned);
}
export function folio_test_clear_has_hwpoisoned(folio: struct_folio): boolean {
	return CONFIG_MEMORY_FAILURE &&
	       test_and_clear(PF_SECOND(folio, true), 1 << PG_has_hwpoisoned);
}
export function TestClearPageHasHWPoisoned(page: struct_page): boolean {
	return CONFIG_MEMORY_FAILURE &&
	       test_and_clear(PF_SECOND(page, true), 1 << PG_has_hwpoisoned);
}

export function is_page_hwpoison(page: struct_page): boolean {
	if (PageHWPoison(page))
		return true;
	return PageHuge(page) && PageHWPoison(compound_head(page));
}

export function PageType(page: struct_page, flag: number): boolean {
	return (page._mapcount & (PAGE_TYPE_BASE | flag)) === PAGE_TYPE_BASE;
}

export function page_has_type(page: struct_page): boolean {
	return page._mapcount < PAGE_MAPCOUNT_RESERVE;
}

export function PageBuddy(page: struct_page): boolean {
	return PageType(page, PG_buddy);
}
export function __SetPageBuddy(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageType(page, 0), page);
	page._mapcount &= ~PG_buddy;
}
export function __ClearPageBuddy(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageBuddy(page), page);
	page._mapcount |= PG_buddy;
}

export function PageOffline(page: struct_page): boolean {
	return PageType(page, PG_offline);
}
export function __SetPageOffline(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageType(page, 0), page);
	page._mapcount &= ~PG_offline;
}
export function __ClearPageOffline(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageOffline(page), page);
	page._mapcount |= PG_offline;
}

export function PageTable(page: struct_page): boolean {
	return PageType(page, PG_table);
}
export function __SetPageTable(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageType(page, 0), page);
	page._mapcount &= ~PG_table;
}
export function __ClearPageTable(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageTable(page), page);
	page._mapcount |= PG_table;
}

export function PageGuard(page: struct_page): boolean {
	return PageType(page, PG_guard);
}
export function __SetPageGuard(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageType(page, 0), page);
	page._mapcount &= ~PG_guard;
}
export function __ClearPageGuard(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageGuard(page), page);
	page._mapcount |= PG_guard;
}

export function folio_test_isolated(folio: struct_folio): boolean {
	return (folio_flags(folio).flags & (1 << PG_isolated)) !== 0;
}
export function PageIsolated(page: struct_page): boolean {
	return (PF_ANY(page, false).flags & (1 << PG_isolated)) !== 0;
}
export function folio_set_isolated(folio: struct_folio): void {
	folio_flags(folio).flags |= 1 << PG_isolated;
}
export function SetPageIsolated(page: struct_page): void {
	PF_ANY(page, true).flags |= 1 << PG_isolated;
}
export function folio_clear_isolated(folio: struct_folio): void {
	folio_flags(folio).flags &= ~(1 << PG_isolated);
}
export function ClearPageIsolated(page: struct_page): void {
	PF_ANY(page, true).flags &= ~(1 << PG_isolated);
}

export function PageAnonExclusive(page: struct_page): boolean {
	VM_BUG_ON_PAGE(!PageAnon(page), page);
	VM_BUG_ON_PAGE(PageHuge(page) && !PageHead(page), page);
	return (page.flags & (1 << PG_anon_exclusive)) !== 0;
}

export function SetPageAnonExclusive(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageAnon(page) || PageKsm(page), page);
	VM_BUG_ON_PAGE(PageHuge(page) && !PageHead(page), page);
	page.flags |= 1 << PG_anon_exclusive;
}

export function ClearPageAnonExclusive(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageAnon(page) || PageKsm(page), page);
	VM_BUG_ON_PAGE(PageHuge(page) && !PageHead(page), page);
	page.flags &= ~(1 << PG_anon_exclusive);
}

export function __ClearPageAnonExclusive(page: struct_page): void {
	VM_BUG_ON_PAGE(!PageAnon(page), page);
	VM_BUG_ON_PAGE(PageHuge(page) && !PageHead(page), page);
	page.flags &= ~(1 << PG_anon_exclusive);
}

export function page_has_private(page: struct_page): boolean {
	return (page.flags & PAGE_FLAGS_PRIVATE) !== 0;
}

export function folio_has_private(folio: struct_folio): boolean {
	return page_has_private(folio);
}
