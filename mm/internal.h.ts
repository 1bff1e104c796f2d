// SPDX-License-Identifier: GPL-2.0
/*
 * What the files of mm/ share among themselves.
 *
 * Upstream: mm/internal.h. Left out: readahead, NUMA, KSM, device memory, memory hotplug, vmap.
 */
import { loff_t, type pfn_nr, type pgoff_t, type unsigned_long } from "#asm-generic/types.ts";
import { EFAULT } from "#linux/errno.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import {
	__GFP_ATOMIC, __GFP_BITS_MASK, __GFP_DMA32, __GFP_FS, __GFP_HARDWALL, __GFP_HIGH,
	__GFP_HIGHMEM, __GFP_IO, __GFP_MEMALLOC, __GFP_NOFAIL, __GFP_NOLOCKDEP, __GFP_NOMEMALLOC,
	__GFP_NORETRY, __GFP_NOWARN, __GFP_RECLAIM, __GFP_RETRY_MAYFAIL, __GFP_THISNODE,
	type gfp_t,
} from "#linux/gfp_types.ts";
import type { struct_anon_vma } from "#linux/rmap.ts";
import type { struct_address_space, struct_file } from "#linux/fs.types.ts";
import {
	FAULT_FLAG_RETRY_NOWAIT, VM_EXEC, VM_LOCKED, VM_SHARED, VM_SPECIAL, VM_STACK, VM_WRITE,
} from "#linux/mm.const.ts";
import { compound_nr, fault_flag_allow_retry_first, folio_pgdat, page_zone_id } from
	"#linux/mm.ts";
import type { struct_folio, struct_page, struct_vm_area_struct, struct_vm_fault } from
	"#linux/mm_types.ts";
import { VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import { mmap_read_unlock } from "#linux/mmap_lock.ts";
import {
	MAX_ORDER_NR_PAGES, MIGRATE_HIGHATOMIC, VMSCAN_THROTTLE_ISOLATED, WMARK_HIGH, WMARK_LOW,
	WMARK_MIN, type zone_type,
} from "#linux/mmzone.const.ts";
import {
	get_pageblock_migratetype, nth_page, pfn_to_made_page, pfn_to_page, pfn_valid,
	type struct_pglist_data, type struct_zone, type struct_zonelist,
} from "#linux/mmzone.ts";
import type { nodemask_t } from "#linux/nodemask.ts";
import {
	PageBuddy, PageMlocked, PageTail, PageTransCompound, folio_test_large, folio_test_mlocked,
	page_folio,
} from "#linux/page-flags.ts";
import { mapping_unevictable, page_mapping, page_to_pgoff } from "#linux/pagemap.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import type { struct_page_vma_mapped_walk } from "#linux/rmap.ts";
import { get_file } from "#linux/fs.ts";
import { waitqueue_active, wake_up } from "#linux/wait.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { mlock_folio, munlock_page } from "#mm/mlock.ts";
import { folio_mapping } from "#mm/util.ts";

export { do_swap_page, free_pgtables, pmd_install, unmap_mapping_folio, unmap_page_range } from
	"#mm/memory.ts";
export { deactivate_file_folio, folio_rotate_reclaimable } from "#mm/swap.ts";
export { filemap_free_folio, find_get_entries, find_lock_entries } from "#mm/filemap.ts";
export { __folio_end_writeback } from "#mm/page-writeback.ts";
export { invalidate_inode_page, invalidate_mapping_pagevec, truncate_inode_folio,
	truncate_inode_partial_folio } from "#mm/truncate.ts";
export { folio_isolate_lru, folio_putback_lru } from "#mm/vmscan.ts";
export { isolate_lru_page, putback_lru_page } from "#mm/folio-compat.ts";
export {
	__free_pages_core, __isolate_free_page, __putback_isolated_page, drain_local_pages,
	find_suitable_fallback,
	free_unref_page, free_unref_page_list, memblock_free_pages, post_alloc_hook,
	prep_compound_page, setup_zone_pageset, split_free_page, zone_pcp_disable, zone_pcp_enable,
	zone_pcp_update,
} from "#mm/page_alloc.ts";
export { __vma_link_list, __vma_unlink_list, folio_anon_vma } from "#mm/util.ts";
export { faultin_vma_page_range, populate_vma_page_range, try_grab_folio } from "#mm/gup.ts";
export { mlock_future_check } from "#mm/mmap.ts";
export {
	mlock_folio, mlock_new_page, mlock_page_drain_local, mlock_page_drain_remote, munlock_page,
	need_mlock_page_drain,
} from "#mm/mlock.ts";
export { contig_ranges, forget_contig_range, materialise_section } from "#mm/mm_init.ts";
export { init_currently_empty_zone, zone_init_internals } from "#mm/page_alloc.ts";
export { mm_find_pmd } from "#mm/rmap.ts";
export { maybe_pmd_mkwrite } from "#mm/huge_memory.ts";
export { flush_tlb_batched_pending, try_to_unmap_flush, try_to_unmap_flush_dirty } from
	"#mm/rmap.ts";

/** C: round_up(@pos, PAGE_SIZE) of a loff_t, which wraps. */
export function loff_page_align(pos: loff_t): loff_t {
	return loff_t((pos + 0xfffn) & ~0xfffn);
}

/** C: round_down(@pos, PAGE_SIZE) of a loff_t. */
export function loff_page_align_down(pos: loff_t): loff_t {
	return pos & ~0xfffn;
}

/* which gfp bits an allocation hands on to those it makes in turn */
export const GFP_RECLAIM_MASK	= __GFP_RECLAIM | __GFP_HIGH | __GFP_IO | __GFP_FS |
				  __GFP_NOWARN | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL |
				  __GFP_NORETRY | __GFP_MEMALLOC | __GFP_NOMEMALLOC |
				  __GFP_ATOMIC | __GFP_NOLOCKDEP;
export const GFP_BOOT_MASK	= __GFP_BITS_MASK & ~(__GFP_RECLAIM | __GFP_IO | __GFP_FS);
export const GFP_CONSTRAINT_MASK = __GFP_HARDWALL | __GFP_THISNODE;
export const GFP_SLAB_BUG_MASK	= __GFP_DMA32 | __GFP_HIGHMEM | ~__GFP_BITS_MASK;

export function WARN_ON_ONCE_GFP(cond: boolean, gfp: gfp_t): boolean {
	if (cond && (gfp & __GFP_NOWARN) === 0)
		WARN_ON_ONCE(true);
	return cond;
}

export function folio_raw_mapping(folio: struct_folio):
	struct_address_space | struct_anon_vma | null {
	return folio.mapping;
}

export function acct_reclaim_writeback(folio: struct_folio): void {
	/* no writeback: nobody is throttled by it */
	VM_BUG_ON_PAGE(folio_pgdat(folio).nr_writeback_throttled !== 0, folio);
}

export function wake_throttle_isolated(pgdat: struct_pglist_data): void {
	const wqh = pgdat.reclaim_wait[VMSCAN_THROTTLE_ISOLATED]!;

	if (waitqueue_active(wqh))
		wake_up(wqh);
}

/** Whether reclaim may take the folio: its mapping allows it and no VMA locks it. */
export function folio_evictable(folio: struct_folio): boolean {
	rcu_read_lock();
	const ret = !mapping_unevictable(folio_mapping(folio)) && !folio_test_mlocked(folio);
	rcu_read_unlock();
	return ret;
}

export function page_evictable(page: struct_page): boolean {
	rcu_read_lock();
	const ret = !mapping_unevictable(page_mapping(page)) && !PageMlocked(page);
	rcu_read_unlock();
	return ret;
}

/** A page off the free list gets its first reference. */
export function set_page_refcounted(page: struct_page): void {
	VM_BUG_ON_PAGE(PageTail(page), page);
	VM_BUG_ON_PAGE(page._refcount !== 0, page);
	page._refcount = 1;
}

export const MAX_RECLAIM_RETRIES = 16;

/* What one allocation has to do with zones; preferred_zoneref is an index into zonelist. */
export class struct_alloc_context {
	zonelist: struct_zonelist | null = null;
	nodemask: nodemask_t | null = null;
	preferred_zoneref = 0;
	migratetype = 0;
	highest_zoneidx: zone_type = 0;
	spread_dirty_pages = false;
}

export function buddy_order(page: struct_page): number {
	return page.private_;
}

export const buddy_order_unsafe = buddy_order;

export function page_is_buddy(page: struct_page, buddy: struct_page, order: number): boolean {
	if (!PageBuddy(buddy))
		return false;

	if (buddy_order(buddy) !== order)
		return false;

	/* zones' ends need not be aligned */
	if (page_zone_id(page) !== page_zone_id(buddy))
		return false;

	VM_BUG_ON_PAGE(buddy._refcount !== 0, buddy);

	return true;
}

export function __find_buddy_pfn(page_pfn: number, order: number): number {
	return page_pfn ^ (1 << order);
}

/** The free block that @page's of @order can merge with, or null. */
export function find_buddy_page_pfn(page: struct_page, pfn: number,
	order: number): struct_page | null {
	/* what was never made is no free block's head */
	const buddy = pfn_to_made_page(__find_buddy_pfn(pfn, order));

	if (buddy !== null && page_is_buddy(page, buddy, order))
		return buddy;
	return null;
}

export function pageblock_pfn_to_page(start_pfn: pfn_nr, _end_pfn: number,
	zone: struct_zone): struct_page | null {
	if (!pfn_valid(start_pfn))
		return null;
	const page = pfn_to_page(start_pfn);
	return page_zone_id(page) === zone.idx ? page : null;
}

export function is_exec_mapping(flags: number): boolean {
	return (flags & (VM_EXEC | VM_WRITE | VM_STACK)) === VM_EXEC;
}

export function is_stack_mapping(flags: number): boolean {
	return (flags & VM_STACK) === VM_STACK;
}

export function is_data_mapping(flags: number): boolean {
	return (flags & (VM_WRITE | VM_SHARED | VM_STACK)) === VM_WRITE;
}

export function mlock_vma_folio(folio: struct_folio, vma: struct_vm_area_struct,
	compound: boolean): void {
	/* special mappings' pages are not on the LRU; PTEs of a THP are not locked one by one */
	if ((vma.vm_flags & (VM_LOCKED | VM_SPECIAL)) === VM_LOCKED &&
	    (compound || !folio_test_large(folio)))
		mlock_folio(folio);
}

export function mlock_vma_page(page: struct_page, vma: struct_vm_area_struct,
	compound: boolean): void {
	mlock_vma_folio(page_folio(page), vma, compound);
}

export function munlock_vma_page(page: struct_page, vma: struct_vm_area_struct,
	compound: boolean): void {
	if ((vma.vm_flags & VM_LOCKED) !== 0 && (compound || !PageTransCompound(page)))
		munlock_page(page);
}

/** Where @pgoff, or the first of @nr_pages that is inside, is mapped by @vma; or -EFAULT. */
export function vma_pgoff_address(pgoff: pgoff_t, nr_pages: number,
	vma: struct_vm_area_struct): unsigned_long {
	let address: number;

	if (pgoff >= vma.vm_pgoff) {
		address = vma.vm_start + (pgoff - vma.vm_pgoff) * PAGE_SIZE;
		if (address < vma.vm_start || address >= vma.vm_end)
			address = -EFAULT;
	} else if (pgoff + nr_pages - 1 >= vma.vm_pgoff) {
		address = vma.vm_start;
	} else {
		address = -EFAULT;
	}
	return address;
}

export function vma_address(page: struct_page, vma: struct_vm_area_struct): unsigned_long {
	return vma_pgoff_address(page_to_pgoff(page), compound_nr(page), vma);
}

/** Behind the last page that the walk is about. */
export function vma_address_end(pvmw: struct_page_vma_mapped_walk): unsigned_long {
	const vma = pvmw.vma!;

	if (pvmw.nr_pages === 1)
		return pvmw.address + PAGE_SIZE;

	const pgoff = pvmw.pgoff + pvmw.nr_pages;
	let address = vma.vm_start + (pgoff - vma.vm_pgoff) * PAGE_SIZE;
	if (address < vma.vm_start || address > vma.vm_end)
		address = vma.vm_end;
	return address;
}

/** Drops mmap_lock before a wait, if the fault may be retried; the file stays referenced. */
export function maybe_unlock_mmap_for_io(vmf: struct_vm_fault,
	fpin: struct_file | null): struct_file | null {
	const flags = vmf.flags;

	if (fpin !== null)
		return fpin;

	if (fault_flag_allow_retry_first(flags) && (flags & FAULT_FLAG_RETRY_NOWAIT) === 0) {
		fpin = get_file(vmf.vma.vm_file!);
		mmap_read_unlock(vmf.vma.vm_mm!);
	}
	return fpin;
}

export function mem_map_offset(base: struct_page, offset: number): struct_page {
	return nth_page(base, offset);
}

export function mem_map_next(_iter: struct_page, base: struct_page,
	offset: number): struct_page | null {
	const pfn = base.pfn + offset as pfn_nr;

	if ((offset & (MAX_ORDER_NR_PAGES - 1)) === 0 && !pfn_valid(pfn))
		return null;
	return pfn_to_page(pfn);
}

export const NODE_RECLAIM_NOSCAN	= -2;
export const NODE_RECLAIM_FULL		= -1;
export const NODE_RECLAIM_SOME		= 0;
export const NODE_RECLAIM_SUCCESS	= 1;

/* how an attempt at the free lists goes about; the lowest bits are the watermark's index */
export const ALLOC_WMARK_MIN		= WMARK_MIN;
export const ALLOC_WMARK_LOW		= WMARK_LOW;
export const ALLOC_WMARK_HIGH		= WMARK_HIGH;
export const ALLOC_NO_WATERMARKS	= 0x04;
export const ALLOC_WMARK_MASK		= ALLOC_NO_WATERMARKS - 1;
export const ALLOC_OOM			= 0x08;
export const ALLOC_HARDER		= 0x10;
export const ALLOC_HIGH			= 0x20;
export const ALLOC_CPUSET		= 0x40;
export const ALLOC_CMA			= 0x80;
export const ALLOC_NOFRAGMENT		= 0x100;
export const ALLOC_KSWAPD		= 0x800;

export function is_migrate_highatomic(migratetype: number): boolean {
	return migratetype === MIGRATE_HIGHATOMIC;
}

export function is_migrate_highatomic_page(page: struct_page): boolean {
	return get_pageblock_migratetype(page) === MIGRATE_HIGHATOMIC;
}

export interface struct_migration_target_control {
	nid: number;
	nmask: nodemask_t | null;
	gfp_mask: gfp_t;
}

export function vma_soft_dirty_enabled(_vma: struct_vm_area_struct): boolean {
	return false;
}
