// SPDX-License-Identifier: GPL-2.0-only
/*
 * The huge page pools: reservations, surplus, faults on their mappings.
 *
 * Upstream: mm/hugetlb.c. Left out: several nodes and memory policies, CMA, demotion, cgroups,
 * PMD sharing, vmemmap optimisation, boot-time options, userfaultfd, poison lists.
 *
 * i_mmap_rwsem (read for faults, write for truncation)
 *   hugetlb_fault_mutex_table[hash]
 *     page lock
 *       page table lock
 * hugetlb_lock is a leaf (interrupts off).
 */
import { ALIGN_DOWN, IS_ALIGNED, ul_and_not_low, ul_shr } from "#asm-generic/bits.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { subsys_initcall } from "#asm-generic/registry.ts";
import { pgoff_t, ref, type unsigned_long } from "#asm-generic/types.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import type { pgprot_t, pmd_t, pte_t } from "#asm/pgtable_types.ts";
import {
	struct_mmu_gather, tlb_change_page_size, tlb_end_vma, tlb_finish_mmu, tlb_gather_mmu,
	tlb_remove_huge_tlb_entry, tlb_remove_page_size, tlb_start_vma,
} from "#asm/tlb.ts";
import { flush_tlb_range } from "#asm/tlbflush.ts";
import {
	p4d_offset, p4d_present, p4dp_get, pgd_offset, pgd_present, pgdp_get, pmd_offset, pmd_page,
	PMD_SIZE, pmdp_get, pte_huge, pte_mkyoung, pte_page, pte_present, pte_same, PUD_SIZE,
	pud_offset, pud_page, pud_present, pudp_get, update_mmu_cache,
} from "#linux/pgtable.ts";
import { BUG, BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { EBUSY, EEXIST, EFAULT, EINVAL, ENOMEM, ENOSPC } from "#linux/errno.ts";
import {
	file_inode, i_mmap_lock_read, i_mmap_lock_write, i_mmap_unlock_read, i_mmap_unlock_write,
	i_size_read,
} from "#linux/fs.ts";
import type { struct_address_space, struct_inode } from "#linux/fs.types.ts";
import {
	__alloc_pages, __free_pages, alloc_contig_pages, free_contig_range,
} from "#linux/gfp.ts";
import {
	__GFP_COMP, __GFP_NOWARN, __GFP_RETRY_MAYFAIL, __GFP_THISNODE, GFP_KERNEL, type gfp_t,
} from "#linux/gfp_types.ts";
import {
	arch_make_huge_pte, blocks_per_huge_page, ClearHPageFreed, ClearHPageMigratable,
	ClearHPageRestoreReserve, ClearHPageTemporary, default_hstate, hstate_index, hstate_inode,
	hstate_is_gigantic, hstate_vma, HPAGE_SIZE, HPageFreed, HPageMigratable,
	HPageRestoreReserve, HPageTemporary, htlb_alloc_mask, huge_page_mask_low, huge_page_order,
	huge_page_shift, huge_page_size, huge_pte_clear, huge_pte_dirty, huge_pte_lock,
	huge_pte_lockptr, huge_pte_mkdirty, huge_pte_mkwrite, huge_pte_modify, huge_pte_none,
	huge_pte_none_mostly, huge_pte_wrprotect, huge_pte_write, huge_ptep_clear_flush,
	huge_ptep_get, huge_ptep_get_and_clear, huge_ptep_modify_prot_commit,
	huge_ptep_modify_prot_start, huge_ptep_set_access_flags, huge_ptep_set_wrprotect,
	HUGE_MAX_HSTATE, hugepages_supported, hugetlb_count_add, hugetlb_count_sub,
	hugetlb_page_subpool, HUGETLB_PAGE_ORDER, hugetlb_set_page_subpool, HUGETLBFS_SB,
	mk_huge_pte, page_hstate, pages_per_huge_page, pmd_huge, set_huge_pte_at, SetHPageFreed,
	SetHPageMigratable, SetHPageRestoreReserve, SetHPageTemporary, struct_file_region,
	struct_hstate, struct_hugepage_subpool, struct_resv_map,
} from "#linux/hugetlb.ts";
import { is_vm_hugetlb_page } from "#linux/hugetlb_inline.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { kref_get, kref_put, type struct_kref } from "#linux/kref.ts";
import {
	INIT_LIST_HEAD, list_add, list_del, list_empty, list_first_entry, list_for_each_entry,
	list_for_each_entry_safe, list_move, list_move_tail, list_splice, struct_list_head,
} from "#linux/list.ts";
import { lockdep_assert_held, SINGLE_DEPTH_NESTING } from "#linux/lockdep.ts";
import {
	clear_huge_page, compound_head, compound_order, copy_user_huge_page, get_page,
	get_page_unless_zero, gup_must_unshare, is_cow_mapping, nth_page, p4d_alloc, page_count,
	page_folio, page_mapcount, page_to_pfn, pmd_alloc, pmd_lockptr, pud_alloc, put_page,
	put_page_testzero, set_compound_page_dtor, set_page_dirty, try_grab_folio, try_grab_page,
	vm_fault_to_errno, vmf_error, vma_interval_tree_iter_first, vma_interval_tree_iter_next,
	COMPOUND_PAGE_DTOR, HUGETLB_PAGE_DTOR, NULL_COMPOUND_DTOR, VM_FAULT_SET_HINDEX, page_index,
} from "#linux/mm.ts";
import {
	FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_KILLABLE, FAULT_FLAG_RETRY_NOWAIT, FAULT_FLAG_TRIED,
	FAULT_FLAG_UNSHARE, FAULT_FLAG_WRITE, FOLL_DUMP, FOLL_NOWAIT, FOLL_PIN, FOLL_TRIED,
	FOLL_WRITE, VM_FAULT_ERROR, VM_FAULT_HWPOISON_LARGE, VM_FAULT_OOM, VM_FAULT_RETRY,
	VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV, VM_MAYSHARE, VM_NORESERVE, VM_SHARED, VM_WRITE,
} from "#linux/mm.const.ts";
import type {
	ptep_t, struct_mm_struct, struct_page, struct_vm_area_struct, struct_vm_fault, vm_fault_t,
	vm_operations_struct,
} from "#linux/mm_types.ts";
import {
	MMU_NOTIFY_CLEAR, MMU_NOTIFY_PROTECTION_VMA, MMU_NOTIFY_UNMAP,
	mmu_notifier_invalidate_range, mmu_notifier_invalidate_range_end,
	mmu_notifier_invalidate_range_start, mmu_notifier_range_init, struct_mmu_notifier_range,
} from "#linux/mmu_notifier.ts";
import { mmap_assert_write_locked } from "#linux/mmap_lock.ts";
import { VM_BUG_ON, VM_BUG_ON_PAGE, VM_BUG_ON_VMA, VM_WARN } from "#linux/mmdebug.ts";
import { next_made_page } from "#linux/mmzone.ts";
import { mutex_init, mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { struct_mutex } from "#linux/mutex_types.ts";
import {
	__ClearPageAnonExclusive, __ClearPageHead, __folio_clear_locked, __folio_set_locked,
	__SetPageHead, __SetPageUptodate, clear_compound_head, PageAnon, PageAnonExclusive,
	PageCompound, PageHead, PageHWPoison, PG_active, PG_dirty, PG_error, PG_locked, PG_private,
	PG_referenced, PG_writeback, set_compound_head,
} from "#linux/page-flags.ts";
import { page_ref_freeze } from "#linux/page_ref.ts";
import {
	__filemap_add_folio, find_get_page, find_lock_page, lock_page, trylock_page,
	unlock_page, wait_on_page_locked,
} from "#linux/pagemap.ts";
import { pr_info, pr_warn, pr_warn_ratelimited } from "#linux/printk.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import {
	anon_vma_prepare, hugepage_add_new_anon_rmap, page_dup_file_rmap, page_move_anon_rmap,
	page_remove_rmap, page_try_dup_anon_rmap,
} from "#linux/rmap.ts";
import { cond_resched, current } from "#linux/sched.ts";
import { fatal_signal_pending, signal_pending } from "#linux/sched/signal.ts";
import { seq_printf, type struct_seq_file } from "#linux/seq_file.ts";
import { kfree, kmalloc, kzalloc } from "#linux/slab.ts";
import {
	spin_lock, spin_lock_init, spin_lock_irq, spin_lock_irqsave, spin_lock_nested, spin_unlock,
	spin_unlock_irq, spin_unlock_irqrestore, spinlock_t,
} from "#linux/spinlock.ts";
import {
	__migration_entry_wait_huge, is_hwpoison_entry, is_migration_entry,
	is_readable_migration_entry, is_swap_pte, make_readable_exclusive_migration_entry,
	make_readable_migration_entry, migration_entry_wait_huge, pfn_swap_entry_to_page,
	pte_to_swp_entry, swp_entry_to_pte, swp_offset,
} from "#linux/swapops.ts";
import { HTLB_BUDDY_PGALLOC, HTLB_BUDDY_PGALLOC_FAIL } from "#linux/vm_event_item.ts";
import { __count_vm_event } from "#linux/vmstat.ts";
import { folio_mark_dirty } from "#linux/mm.ts";
import { set_page_refcounted } from "#mm/internal.h.ts";
import { CONFIG_CONTIG_ALLOC } from "#generated/autoconf.ts";

export const hstates: struct_hstate[] = [];
let default_hstate_idx = 0;

export function default_hstate_index(): number {
	return default_hstate_idx;
}

const hugetlb_lock = new spinlock_t();

/** Faults on one page of a file exclude each other by one of these. */
export const hugetlb_fault_mutex_table: struct_mutex[] = [];
const num_fault_mutexes = 8;

/** mm/hugetlb.c:subpool_is_free() */
function subpool_is_free(spool: struct_hugepage_subpool): boolean {
	if (spool.count)
		return false;
	if (spool.max_hpages !== -1)
		return spool.used_hpages === 0;
	if (spool.min_hpages !== -1)
		return spool.rsv_hpages === spool.min_hpages;

	return true;
}

/** mm/hugetlb.c:unlock_or_release_subpool() */
function unlock_or_release_subpool(spool: struct_hugepage_subpool, irq_flags: number): void {
	spin_unlock_irqrestore(spool.lock, irq_flags);

	if (subpool_is_free(spool)) {
		if (spool.min_hpages !== -1)
			hugetlb_acct_memory(spool.hstate!, -spool.min_hpages);
		kfree(spool);
	}
}

/** mm/hugetlb.c:hugepage_new_subpool() */
export function hugepage_new_subpool(h: struct_hstate, max_hpages: number,
	min_hpages: number): struct_hugepage_subpool | null {
	const spool = kzalloc(struct_hugepage_subpool, GFP_KERNEL);
	if (spool === null)
		return null;

	spin_lock_init(spool.lock, "&spool->lock");
	spool.count = 1;
	spool.max_hpages = max_hpages;
	spool.hstate = h;
	spool.min_hpages = min_hpages;

	if (min_hpages !== -1 && hugetlb_acct_memory(h, min_hpages)) {
		kfree(spool);
		return null;
	}
	spool.rsv_hpages = min_hpages;

	return spool;
}

/** mm/hugetlb.c:hugepage_put_subpool() */
export function hugepage_put_subpool(spool: struct_hugepage_subpool): void {
	const flags = spin_lock_irqsave(spool.lock);
	BUG_ON(!spool.count);
	spool.count--;
	unlock_or_release_subpool(spool, flags);
}

/** mm/hugetlb.c:hugepage_subpool_get_pages(); the part that the global pool must reserve. */
function hugepage_subpool_get_pages(spool: struct_hugepage_subpool | null, delta: number): number {
	let ret = delta;

	if (spool === null)
		return ret;

	spin_lock_irq(spool.lock);

	unlock_ret: {
		if (spool.max_hpages !== -1) {
			if (spool.used_hpages + delta <= spool.max_hpages)
				spool.used_hpages += delta;
			else {
				ret = -ENOMEM;
				break unlock_ret;
			}
		}

		/* the guaranteed minimum is reserved already */
		if (spool.min_hpages !== -1 && spool.rsv_hpages) {
			if (delta > spool.rsv_hpages) {
				ret = delta - spool.rsv_hpages;
				spool.rsv_hpages = 0;
			} else {
				ret = 0;
				spool.rsv_hpages -= delta;
			}
		}
	}
	spin_unlock_irq(spool.lock);
	return ret;
}

/** mm/hugetlb.c:hugepage_subpool_put_pages(); the part that the global pool gets back. */
function hugepage_subpool_put_pages(spool: struct_hugepage_subpool | null, delta: number): number {
	let ret = delta;

	if (spool === null)
		return delta;

	const flags = spin_lock_irqsave(spool.lock);

	if (spool.max_hpages !== -1)
		spool.used_hpages -= delta;

	if (spool.min_hpages !== -1 && spool.used_hpages < spool.min_hpages) {
		if (spool.rsv_hpages + delta <= spool.min_hpages)
			ret = 0;
		else
			ret = spool.rsv_hpages + delta - spool.min_hpages;

		spool.rsv_hpages += delta;
		if (spool.rsv_hpages > spool.min_hpages)
			spool.rsv_hpages = spool.min_hpages;
	}

	/* the mount may be gone, and this the last page */
	unlock_or_release_subpool(spool, flags);

	return ret;
}

function subpool_inode(inode: struct_inode): struct_hugepage_subpool | null {
	return HUGETLBFS_SB(inode.i_sb!).spool;
}

function subpool_vma(vma: struct_vm_area_struct): struct_hugepage_subpool | null {
	return subpool_inode(file_inode(vma.vm_file!));
}

/** mm/hugetlb.c:get_file_region_entry_from_cache() */
function get_file_region_entry_from_cache(resv: struct_resv_map, from: number,
	to: number): struct_file_region {
	VM_BUG_ON(resv.region_cache_count <= 0);

	resv.region_cache_count--;
	const nrg = list_first_entry(resv.region_cache, struct_file_region, "link");
	list_del(nrg.link);

	nrg.from = from;
	nrg.to = to;

	return nrg;
}

/** mm/hugetlb.c:coalesce_file_region() */
function coalesce_file_region(resv: struct_resv_map, rg: struct_file_region): void {
	const prev = rg.link.prev!;
	if (prev !== resv.regions) {
		const prg = container_of(prev, struct_file_region, "link");
		if (prg.to === rg.from) {
			prg.to = rg.to;
			list_del(rg.link);
			kfree(rg);

			rg = prg;
		}
	}

	const next = rg.link.next!;
	if (next !== resv.regions) {
		const nrg = container_of(next, struct_file_region, "link");
		if (nrg.from === rg.to) {
			nrg.from = rg.from;
			list_del(rg.link);
			kfree(rg);
		}
	}
}

/** mm/hugetlb.c:hugetlb_resv_map_add(): counts a region, or puts it behind @rg. */
function hugetlb_resv_map_add(map: struct_resv_map, rg: struct_list_head, from: number,
	to: number, regions_needed: ref<number> | null): number {
	if (regions_needed === null) {
		const nrg = get_file_region_entry_from_cache(map, from, to);
		list_add(nrg.link, rg);
		coalesce_file_region(map, nrg);
	} else
		regions_needed.v += 1;

	return to - from;
}

/**
 * mm/hugetlb.c:add_reservation_in_range(), resv->lock held: adds [f, t) where it is missing, or
 * with @regions_needed only counts. The huge pages that were missing.
 */
function add_reservation_in_range(resv: struct_resv_map, f: number, t: number,
	regions_needed: ref<number> | null): number {
	let add = 0;
	const head = resv.regions;
	let last_accounted_offset = f;
	let rg: struct_list_head | null = null;

	if (regions_needed !== null)
		regions_needed.v = 0;

	for (const iter of list_for_each_entry(head, struct_file_region, "link")) {
		if (iter.from < f) {
			/* what ends inside is covered up to there */
			if (iter.to > last_accounted_offset)
				last_accounted_offset = iter.to;
			continue;
		}

		if (iter.from >= t) {
			rg = iter.link.prev!;
			break;
		}

		if (iter.from > last_accounted_offset)
			add += hugetlb_resv_map_add(resv, iter.link.prev!, last_accounted_offset,
				iter.from, regions_needed);

		last_accounted_offset = iter.to;
	}

	if (rg === null)
		rg = head.prev!;
	if (last_accounted_offset < t)
		add += hugetlb_resv_map_add(resv, rg, last_accounted_offset, t, regions_needed);

	return add;
}

/**
 * mm/hugetlb.c:allocate_file_region_entries(): fills the cache; drops resv->lock, held again at
 * 0.
 */
function allocate_file_region_entries(resv: struct_resv_map, regions_needed: number): number {
	const allocated_regions = new struct_list_head(null);

	VM_BUG_ON(regions_needed < 0);

	INIT_LIST_HEAD(allocated_regions);

	while (resv.region_cache_count < resv.adds_in_progress + regions_needed) {
		const to_allocate = resv.adds_in_progress +
			regions_needed - resv.region_cache_count;

		VM_BUG_ON(resv.region_cache_count < resv.adds_in_progress);

		spin_unlock(resv.lock);
		for (let i = 0; i < to_allocate; i++) {
			const trg = kmalloc(struct_file_region, GFP_KERNEL);
			if (trg === null) {
				for (const rg of list_for_each_entry_safe(allocated_regions,
					struct_file_region, "link")) {
					list_del(rg.link);
					kfree(rg);
				}
				return -ENOMEM;
			}
			list_add(trg.link, allocated_regions);
		}

		spin_lock(resv.lock);

		list_splice(allocated_regions, resv.region_cache);
		INIT_LIST_HEAD(allocated_regions);
		resv.region_cache_count += to_allocate;
	}

	return 0;
}

/** mm/hugetlb.c:region_add(): commits what region_chg() announced; the huge pages added. */
function region_add(resv: struct_resv_map, f: number, t: number,
	in_regions_needed: number): number {
	const actual_regions_needed = new ref(0);

	spin_lock(resv.lock);
	retry: for (;;) {
		add_reservation_in_range(resv, f, t, actual_regions_needed);

		/* the map may have changed since region_chg(): more pieces than announced */
		if (actual_regions_needed.v > in_regions_needed &&
		    resv.region_cache_count <
			resv.adds_in_progress + (actual_regions_needed.v - in_regions_needed)) {
			VM_BUG_ON(t - f <= 1);

			if (allocate_file_region_entries(resv,
				actual_regions_needed.v - in_regions_needed))
				return -ENOMEM;

			continue retry;
		}
		break;
	}

	const add = add_reservation_in_range(resv, f, t, null);

	resv.adds_in_progress -= in_regions_needed;

	spin_unlock(resv.lock);
	return add;
}

/** mm/hugetlb.c:region_chg(): what [f, t) would add, with the memory for it set aside. */
function region_chg(resv: struct_resv_map, f: number, t: number,
	out_regions_needed: ref<number>): number {
	spin_lock(resv.lock);

	const chg = add_reservation_in_range(resv, f, t, out_regions_needed);

	if (out_regions_needed.v === 0)
		out_regions_needed.v = 1;

	if (allocate_file_region_entries(resv, out_regions_needed.v))
		return -ENOMEM;

	resv.adds_in_progress += out_regions_needed.v;

	spin_unlock(resv.lock);
	return chg;
}

/** mm/hugetlb.c:region_abort() */
function region_abort(resv: struct_resv_map, _f: number, _t: number,
	regions_needed: number): void {
	spin_lock(resv.lock);
	VM_BUG_ON(!resv.region_cache_count);
	resv.adds_in_progress -= regions_needed;
	spin_unlock(resv.lock);
}

/** mm/hugetlb.c:region_del(); the huge pages removed. With t = Infinity it cannot fail. */
function region_del(resv: struct_resv_map, f: number, t: number): number {
	const head = resv.regions;
	let nrg: struct_file_region | null = null;
	let del = 0;

	retry: for (;;) {
		spin_lock(resv.lock);
		for (const rg of list_for_each_entry_safe(head, struct_file_region, "link")) {
			if (rg.to <= f && (rg.to !== rg.from || rg.to !== f))
				continue;

			if (rg.from >= t)
				break;

			if (f > rg.from && t < rg.to) {
				/* a hole in the middle: one region more */
				if (nrg === null &&
					resv.region_cache_count > resv.adds_in_progress) {
					nrg = list_first_entry(resv.region_cache,
						struct_file_region,
						"link");
					list_del(nrg.link);
					resv.region_cache_count--;
				}

				if (nrg === null) {
					spin_unlock(resv.lock);
					nrg = kmalloc(struct_file_region, GFP_KERNEL);
					if (nrg === null)
						return -ENOMEM;
					continue retry;
				}

				del += t - f;

				nrg.from = t;
				nrg.to = rg.to;

				INIT_LIST_HEAD(nrg.link);

				rg.to = f;

				list_add(nrg.link, rg.link);
				nrg = null;
				break;
			}

			if (f <= rg.from && t >= rg.to) {
				del += rg.to - rg.from;
				list_del(rg.link);
				kfree(rg);
				continue;
			}

			if (f <= rg.from) {
				del += t - rg.from;
				rg.from = t;
			} else {
				del += rg.to - f;
				rg.to = f;
			}
		}

		spin_unlock(resv.lock);
		if (nrg !== null)
			kfree(nrg);
		return del;
	}
}

/** mm/hugetlb.c:hugetlb_fix_reserve_counts(): a removed page whose region could not be removed. */
export function hugetlb_fix_reserve_counts(inode: struct_inode): void {
	const spool = subpool_inode(inode);
	let reserved = false;

	const rsv_adjust = hugepage_subpool_get_pages(spool, 1);
	if (rsv_adjust > 0) {
		if (!hugetlb_acct_memory(hstate_inode(inode), 1))
			reserved = true;
	} else if (!rsv_adjust) {
		reserved = true;
	}

	if (!reserved)
		pr_warn("hugetlb: Huge Page Reserved count may go negative.\n");
}

/** mm/hugetlb.c:region_count() */
function region_count(resv: struct_resv_map, f: number, t: number): number {
	let chg = 0;

	spin_lock(resv.lock);
	for (const rg of list_for_each_entry(resv.regions, struct_file_region, "link")) {
		if (rg.to <= f)
			continue;
		if (rg.from >= t)
			break;

		chg += Math.min(rg.to, t) - Math.max(rg.from, f);
	}
	spin_unlock(resv.lock);

	return chg;
}

/** mm/hugetlb.c:vma_hugecache_offset(): index in huge pages. */
function vma_hugecache_offset(h: struct_hstate, vma: struct_vm_area_struct,
	address: unsigned_long): pgoff_t {
	return pgoff_t(ul_shr(address - vma.vm_start, huge_page_shift(h)) +
		ul_shr(vma.vm_pgoff, huge_page_order(h)));
}

/** mm/hugetlb.c:linear_hugepage_index() */
export function linear_hugepage_index(vma: struct_vm_area_struct,
	address: unsigned_long): pgoff_t {
	return vma_hugecache_offset(hstate_vma(vma), vma, address);
}

/** mm/hugetlb.c:vma_kernel_pagesize(), bytes */
export function vma_kernel_pagesize(vma: struct_vm_area_struct): unsigned_long {
	if (vma.vm_ops?.pagesize)
		return vma.vm_ops.pagesize(vma);
	return PAGE_SIZE;
}

/* in a private mapping's vm_private_flags; its reserve map is vm_private_data */
const HPAGE_RESV_OWNER		= 1 << 0;
const HPAGE_RESV_UNMAPPED	= 1 << 1;

/** mm/hugetlb.c:resv_map_alloc() */
export function resv_map_alloc(): struct_resv_map | null {
	const resv_map = kmalloc(struct_resv_map, GFP_KERNEL);
	const rg = kmalloc(struct_file_region, GFP_KERNEL);

	if (resv_map === null || rg === null) {
		if (resv_map !== null)
			kfree(resv_map);
		if (rg !== null)
			kfree(rg);
		return null;
	}

	spin_lock_init(resv_map.lock, "&resv_map->lock");
	INIT_LIST_HEAD(resv_map.regions);

	resv_map.adds_in_progress = 0;

	INIT_LIST_HEAD(resv_map.region_cache);
	list_add(rg.link, resv_map.region_cache);
	resv_map.region_cache_count = 1;

	return resv_map;
}

/** mm/hugetlb.c:resv_map_release() */
export function resv_map_release(kref: struct_kref): void {
	const resv_map = container_of(kref, struct_resv_map, "refs");

	region_del(resv_map, 0, Infinity);

	for (const rg of list_for_each_entry_safe(resv_map.region_cache, struct_file_region,
		"link")) {
		list_del(rg.link);
		kfree(rg);
	}

	VM_BUG_ON(resv_map.adds_in_progress !== 0);

	kfree(resv_map);
}

/** mm/hugetlb.c:inode_resv_map(); i_mapping may be another inode's, i_data is the file's own. */
function inode_resv_map(inode: struct_inode): struct_resv_map | null {
	return inode.i_data.private_data as struct_resv_map | null;
}

/** mm/hugetlb.c:vma_resv_map() */
function vma_resv_map(vma: struct_vm_area_struct): struct_resv_map | null {
	VM_BUG_ON_VMA(!is_vm_hugetlb_page(vma), vma);
	if (vma.vm_flags & VM_MAYSHARE)
		return inode_resv_map(vma.vm_file!.f_mapping!.host!);
	return vma.vm_private_data as struct_resv_map | null;
}

/** mm/hugetlb.c:set_vma_resv_map() */
function set_vma_resv_map(vma: struct_vm_area_struct, map: struct_resv_map): void {
	VM_BUG_ON_VMA(!is_vm_hugetlb_page(vma), vma);
	VM_BUG_ON_VMA((vma.vm_flags & VM_MAYSHARE) !== 0, vma);

	vma.vm_private_data = map;
}

/** mm/hugetlb.c:set_vma_resv_flags() */
function set_vma_resv_flags(vma: struct_vm_area_struct, flags: number): void {
	VM_BUG_ON_VMA(!is_vm_hugetlb_page(vma), vma);
	VM_BUG_ON_VMA((vma.vm_flags & VM_MAYSHARE) !== 0, vma);

	vma.vm_private_flags |= flags;
}

/** mm/hugetlb.c:is_vma_resv_set() */
function is_vma_resv_set(vma: struct_vm_area_struct, flag: number): boolean {
	VM_BUG_ON_VMA(!is_vm_hugetlb_page(vma), vma);

	return (vma.vm_private_flags & flag) !== 0;
}

/** mm/hugetlb.c:reset_vma_resv_huge_pages(): fork: the child has no claim. */
export function reset_vma_resv_huge_pages(vma: struct_vm_area_struct): void {
	VM_BUG_ON_VMA(!is_vm_hugetlb_page(vma), vma);
	if (!(vma.vm_flags & VM_MAYSHARE)) {
		vma.vm_private_data = null;
		vma.vm_private_flags = 0;
	}
}

/** mm/hugetlb.c:clear_vma_resv_huge_pages(): mremap: the claim has moved. */
export function clear_vma_resv_huge_pages(vma: struct_vm_area_struct): void {
	const reservations = vma_resv_map(vma);

	if (reservations !== null && is_vma_resv_set(vma, HPAGE_RESV_OWNER))
		kref_put(reservations.refs, resv_map_release);

	reset_vma_resv_huge_pages(vma);
}

/** mm/hugetlb.c:vma_has_reserves(); @chg: what the region map said of the page. */
function vma_has_reserves(vma: struct_vm_area_struct, chg: number): boolean {
	if (vma.vm_flags & VM_NORESERVE) {
		/* a reservation made by fallocate() or another mapping may exist all the same */
		return (vma.vm_flags & VM_MAYSHARE) !== 0 && chg === 0;
	}

	/* a hole punched into the file took the reservation with it */
	if (vma.vm_flags & VM_MAYSHARE)
		return !chg;

	/* only the process that made the mapping owns its reserves */
	if (is_vma_resv_set(vma, HPAGE_RESV_OWNER))
		return !chg;

	return false;
}

/** mm/hugetlb.c:enqueue_huge_page(), hugetlb_lock held */
function enqueue_huge_page(h: struct_hstate, page: struct_page): void {
	lockdep_assert_held(hugetlb_lock);
	VM_BUG_ON_PAGE(page_count(page) !== 0, page);

	list_move(page.lru, h.hugepage_freelist);
	h.free_huge_pages++;
	SetHPageFreed(page);
}

/** mm/hugetlb.c:dequeue_huge_page_node_exact(), hugetlb_lock held */
function dequeue_huge_page_node_exact(h: struct_hstate): struct_page | null {
	lockdep_assert_held(hugetlb_lock);
	for (let p = h.hugepage_freelist.next!; p !== h.hugepage_freelist; p = p.next!) {
		const page = p.owner as struct_page;

		if (PageHWPoison(page))
			continue;

		list_move(page.lru, h.hugepage_activelist);
		set_page_refcounted(page);
		ClearHPageFreed(page);
		h.free_huge_pages--;
		return page;
	}

	return null;
}

/** mm/hugetlb.c:dequeue_huge_page_vma(), hugetlb_lock held */
function dequeue_huge_page_vma(h: struct_hstate, vma: struct_vm_area_struct,
	_address: unsigned_long, avoid_reserve: boolean, chg: number): struct_page | null {
	/* without a reservation, only pages that nobody has reserved */
	if (!vma_has_reserves(vma, chg) && h.free_huge_pages - h.resv_huge_pages === 0)
		return null;

	/* a copy is not to eat the reserves of the mapping's owner */
	if (avoid_reserve && h.free_huge_pages - h.resv_huge_pages === 0)
		return null;

	const page = dequeue_huge_page_node_exact(h);

	if (page !== null && !avoid_reserve && vma_has_reserves(vma, chg)) {
		SetHPageRestoreReserve(page);
		h.resv_huge_pages--;
	}

	return page;
}

/** mm/hugetlb.c:destroy_compound_gigantic_page() */
function destroy_compound_gigantic_page(page: struct_page, order: number): void {
	const nr_pages = 1 << order;

	page.compound_mapcount = -1;
	page.compound_pincount = 0;

	/* tails that were never made are in alloc_contig_range()'s care again */
	const end = page.pfn + nr_pages;
	for (let p = next_made_page(page.pfn + 1, end); p !== null; p = next_made_page(p.pfn + 1,
		end)) {
		p.mapping = null;
		clear_compound_head(p);
		set_page_refcounted(p);
	}

	page.compound_order = 0;
	page.compound_nr = 0;
	__ClearPageHead(page);
}

/** mm/hugetlb.c:free_gigantic_page() */
function free_gigantic_page(page: struct_page, order: number): void {
	free_contig_range(page_to_pfn(page), 1 << order);
}

/** mm/hugetlb.c:alloc_gigantic_page() */
function alloc_gigantic_page(h: struct_hstate, gfp_mask: gfp_t): struct_page | null {
	if (!IS_ENABLED(CONFIG_CONTIG_ALLOC))
		return null;
	return alloc_contig_pages(pages_per_huge_page(h), gfp_mask, 0, null);
}

/**
 * mm/hugetlb.c:remove_hugetlb_page(), hugetlb_lock held: out of the pool, with a reference again.
 */
function remove_hugetlb_page(h: struct_hstate, page: struct_page, adjust_surplus: boolean): void {
	lockdep_assert_held(hugetlb_lock);

	list_del(page.lru);

	if (HPageFreed(page))
		h.free_huge_pages--;
	if (adjust_surplus)
		h.surplus_huge_pages--;

	/* from here on its last put frees it to the buddy allocator */
	set_page_refcounted(page);
	if (hstate_is_gigantic(h))
		set_compound_page_dtor(page, NULL_COMPOUND_DTOR);
	else
		set_compound_page_dtor(page, COMPOUND_PAGE_DTOR);

	h.nr_huge_pages--;
}

/** mm/hugetlb.c:__update_and_free_page() */
function update_and_free_page(h: struct_hstate, page: struct_page): void {
	for (let i = 0; i < pages_per_huge_page(h); i++) {
		nth_page(page,
			i).flags &= ~((1 << PG_locked) | (1 << PG_error) | (1 << PG_referenced) |
			(1 << PG_dirty) | (1 << PG_active) | (1 << PG_private) |
				(1 << PG_writeback));
	}
	page.private_ = 0;

	if (hstate_is_gigantic(h)) {
		destroy_compound_gigantic_page(page, huge_page_order(h));
		free_gigantic_page(page, huge_page_order(h));
	} else {
		__free_pages(page, huge_page_order(h));
	}
}

/** mm/hugetlb.c:update_and_free_pages_bulk() */
function update_and_free_pages_bulk(h: struct_hstate, list: struct_page[]): void {
	for (const page of list) {
		update_and_free_page(h, page);
		cond_resched();
	}
}

/** mm/hugetlb.c:size_to_hstate(); @size in bytes, null when there is no such pool. */
export function size_to_hstate(size: unsigned_long): struct_hstate | null {
	for (const h of hstates) {
		if (huge_page_size(h) === size)
			return h;
	}
	return null;
}

/** mm/hugetlb.c:free_huge_page(): the destructor of a pool page. May run in atomic context. */
export function free_huge_page(page: struct_page): void {
	const h = page_hstate(page);
	const spool = hugetlb_page_subpool(page);

	VM_BUG_ON_PAGE(page_count(page) !== 0, page);
	VM_BUG_ON_PAGE(page_mapcount(page) !== 0, page);

	hugetlb_set_page_subpool(page, null);
	if (PageAnon(page))
		__ClearPageAnonExclusive(page);
	page.mapping = null;
	page.mapping_flags = 0;
	let restore_reserve = HPageRestoreReserve(page);
	ClearHPageRestoreReserve(page);

	/* the subpool's minimum may want it, unless the reservation goes back as it was */
	if (!restore_reserve) {
		if (hugepage_subpool_put_pages(spool, 1) === 0)
			restore_reserve = true;
	}

	const flags = spin_lock_irqsave(hugetlb_lock);
	ClearHPageMigratable(page);
	if (restore_reserve)
		h.resv_huge_pages++;

	if (HPageTemporary(page)) {
		remove_hugetlb_page(h, page, false);
		spin_unlock_irqrestore(hugetlb_lock, flags);
		update_and_free_page(h, page);
	} else if (h.surplus_huge_pages) {
		/* what was borrowed goes back to the buddy allocator */
		remove_hugetlb_page(h, page, true);
		spin_unlock_irqrestore(hugetlb_lock, flags);
		update_and_free_page(h, page);
	} else {
		enqueue_huge_page(h, page);
		spin_unlock_irqrestore(hugetlb_lock, flags);
	}
}

/** mm/hugetlb.c:prep_new_huge_page() */
function prep_new_huge_page(h: struct_hstate, page: struct_page): void {
	INIT_LIST_HEAD(page.lru);
	set_compound_page_dtor(page, HUGETLB_PAGE_DTOR);
	hugetlb_set_page_subpool(page, null);
	page.private_ = 0;
	spin_lock_irq(hugetlb_lock);
	h.nr_huge_pages++;
	spin_unlock_irq(hugetlb_lock);
}

/** mm/hugetlb.c:prep_compound_gigantic_page(); false when a tail has a stray reference. */
function prep_compound_gigantic_page(page: struct_page, order: number): boolean {
	const nr_pages = 1 << order;

	/* tails that were never made have no references, and find their head when they are */
	const end = page.pfn + nr_pages;
	for (let p = next_made_page(page.pfn + 1, end); p !== null; p = next_made_page(p.pfn + 1,
		end)) {
		if (!page_ref_freeze(p, 1)) {
			pr_warn(
				"HugeTLB page can not be used due to unexpected inflated ref count\n");
			for (let undo = next_made_page(page.pfn + 1, p.pfn); undo !== null;
				undo = next_made_page(undo.pfn + 1, p.pfn)) {
				clear_compound_head(undo);
				set_page_refcounted(undo);
			}
			return false;
		}
		VM_BUG_ON_PAGE(page_count(p) !== 0, p);
		set_compound_head(p, page);
	}
	page.compound_order = order;
	page.compound_nr = nr_pages;
	__SetPageHead(page);
	page.compound_mapcount = -1;
	page.compound_pincount = 0;
	return true;
}

/** mm/hugetlb.c:PageHuge(): @page is of a pool. */
export function PageHuge(page: struct_page): boolean {
	if (!PageCompound(page))
		return false;

	return compound_head(page).compound_dtor === HUGETLB_PAGE_DTOR;
}

/** mm/hugetlb.c:PageHeadHuge() */
export function PageHeadHuge(page_head: struct_page): boolean {
	if (!PageHead(page_head))
		return false;

	return page_head.compound_dtor === HUGETLB_PAGE_DTOR;
}

/** mm/hugetlb.c:hugetlb_basepage_index(): index of a small page within the file. */
export function hugetlb_basepage_index(page: struct_page): pgoff_t {
	const page_head = compound_head(page);
	const index = page_index(page_head);

	return pgoff_t(index * 2 ** compound_order(page_head) +
		(page_to_pfn(page) - page_to_pfn(page_head)));
}

/** mm/hugetlb.c:alloc_buddy_huge_page() */
function alloc_buddy_huge_page(h: struct_hstate, gfp_mask: gfp_t): struct_page | null {
	gfp_mask |= __GFP_COMP | __GFP_NOWARN | __GFP_RETRY_MAYFAIL;
	const page = __alloc_pages(gfp_mask, huge_page_order(h), 0, null);
	__count_vm_event(page !== null ? HTLB_BUDDY_PGALLOC : HTLB_BUDDY_PGALLOC_FAIL);
	return page;
}

/** mm/hugetlb.c:alloc_fresh_huge_page() */
function alloc_fresh_huge_page(h: struct_hstate, gfp_mask: gfp_t): struct_page | null {
	let page: struct_page | null;
	let retry = false;

	for (;;) {
		if (hstate_is_gigantic(h))
			page = alloc_gigantic_page(h, gfp_mask);
		else
			page = alloc_buddy_huge_page(h, gfp_mask);
		if (page === null)
			return null;

		if (hstate_is_gigantic(h)) {
			if (!prep_compound_gigantic_page(page, huge_page_order(h))) {
				/* somebody holds a tail: once more, with other pages */
				free_gigantic_page(page, huge_page_order(h));
				if (!retry) {
					retry = true;
					continue;
				}
				return null;
			}
		}
		prep_new_huge_page(h, page);
		return page;
	}
}

/** mm/hugetlb.c:alloc_pool_huge_page(); whether there was one. */
function alloc_pool_huge_page(h: struct_hstate): boolean {
	const page = alloc_fresh_huge_page(h, htlb_alloc_mask(h) | __GFP_THISNODE);
	if (page === null)
		return false;

	/* free it into the pool */
	put_page(page);

	return true;
}

/** mm/hugetlb.c:remove_pool_huge_page(), hugetlb_lock held */
function remove_pool_huge_page(h: struct_hstate, acct_surplus: boolean): struct_page | null {
	lockdep_assert_held(hugetlb_lock);
	if ((!acct_surplus || h.surplus_huge_pages) && !list_empty(h.hugepage_freelist)) {
		const page = h.hugepage_freelist.next!.owner as struct_page;
		remove_hugetlb_page(h, page, acct_surplus);
		return page;
	}

	return null;
}

/** mm/hugetlb.c:alloc_surplus_huge_page(): beyond the pool, up to nr_overcommit_huge_pages. */
function alloc_surplus_huge_page(h: struct_hstate, gfp_mask: gfp_t,
	zero_ref: boolean): struct_page | null {
	if (hstate_is_gigantic(h))
		return null;

	spin_lock_irq(hugetlb_lock);
	if (h.surplus_huge_pages >= h.nr_overcommit_huge_pages) {
		spin_unlock_irq(hugetlb_lock);
		return null;
	}
	spin_unlock_irq(hugetlb_lock);

	const page = alloc_fresh_huge_page(h, gfp_mask);
	if (page === null)
		return null;

	spin_lock_irq(hugetlb_lock);
	/* somebody may have been faster while the lock was dropped */
	if (h.surplus_huge_pages >= h.nr_overcommit_huge_pages) {
		SetHPageTemporary(page);
		spin_unlock_irq(hugetlb_lock);
		put_page(page);
		return null;
	}

	if (zero_ref) {
		/* for the free list: no reference */
		SetHPageTemporary(page);
		if (!put_page_testzero(page)) {
			pr_info(
				"HugeTLB unexpected inflated ref count on freshly allocated page\n");
			spin_unlock_irq(hugetlb_lock);
			return null;
		}
		ClearHPageTemporary(page);
	}

	h.surplus_huge_pages++;
	spin_unlock_irq(hugetlb_lock);

	return page;
}

/** mm/hugetlb.c:gather_surplus_pages(), hugetlb_lock held (and dropped): makes @delta available. */
function gather_surplus_pages(h: struct_hstate, delta: number): number {
	lockdep_assert_held(hugetlb_lock);
	let needed = (h.resv_huge_pages + delta) - h.free_huge_pages;
	if (needed <= 0) {
		h.resv_huge_pages += delta;
		return 0;
	}

	const surplus_list: struct_page[] = [];
	let alloc_ok = true;
	let ret = -ENOMEM;
	do {
		spin_unlock_irq(hugetlb_lock);
		for (let i = 0; i < needed; i++) {
			const page = alloc_surplus_huge_page(h, htlb_alloc_mask(h), true);
			if (page === null) {
				alloc_ok = false;
				break;
			}
			surplus_list.unshift(page);
			cond_resched();
		}

		/* the pool may have changed meanwhile */
		spin_lock_irq(hugetlb_lock);
		needed = (h.resv_huge_pages + delta) - (h.free_huge_pages + surplus_list.length);
	} while (needed > 0 && alloc_ok);

	if (needed <= 0) {
		needed += surplus_list.length;
		h.resv_huge_pages += delta;
		ret = 0;

		while (surplus_list.length > 0 && --needed >= 0)
			enqueue_huge_page(h, surplus_list.shift()!);
	}
	spin_unlock_irq(hugetlb_lock);

	/* what was not needed, or not enough */
	for (const page of surplus_list)
		free_huge_page(page);
	spin_lock_irq(hugetlb_lock);

	return ret;
}

/** mm/hugetlb.c:return_unused_surplus_pages(), hugetlb_lock held (and dropped) */
function return_unused_surplus_pages(h: struct_hstate, unused_resv_pages: number): void {
	const page_list: struct_page[] = [];

	lockdep_assert_held(hugetlb_lock);
	h.resv_huge_pages -= unused_resv_pages;

	/* gigantic pages have no surplus */
	let nr_pages = Math.min(unused_resv_pages, h.surplus_huge_pages);

	while (nr_pages--) {
		const page = remove_pool_huge_page(h, true);
		if (page === null)
			break;
		page_list.push(page);
	}

	spin_unlock_irq(hugetlb_lock);
	update_and_free_pages_bulk(h, page_list);
	spin_lock_irq(hugetlb_lock);
}

/* enum vma_resv_mode */
const VMA_NEEDS_RESV	= 0;
const VMA_COMMIT_RESV	= 1;
const VMA_END_RESV	= 2;
const VMA_ADD_RESV	= 3;
const VMA_DEL_RESV	= 4;

/**
 * mm/hugetlb.c:__vma_reservation_common(): what one page's reservation needs, is, or becomes. 0: a
 * reservation exists, 1: none, or -ENOMEM.
 */
function __vma_reservation_common(h: struct_hstate, vma: struct_vm_area_struct,
	addr: unsigned_long, mode: number): number {
	const dummy_out_regions_needed = new ref(0);
	let ret: number;

	const resv = vma_resv_map(vma);
	if (resv === null)
		return 1;

	const idx = vma_hugecache_offset(h, vma, addr);
	switch (mode) {
	case VMA_NEEDS_RESV:
		ret = region_chg(resv, idx, idx + 1, dummy_out_regions_needed);
		VM_BUG_ON(ret >= 0 && dummy_out_regions_needed.v !== 1);
		break;
	case VMA_COMMIT_RESV:
		ret = region_add(resv, idx, idx + 1, 1);
		VM_BUG_ON(ret < 0);
		break;
	case VMA_END_RESV:
		region_abort(resv, idx, idx + 1, 1);
		ret = 0;
		break;
	case VMA_ADD_RESV:
		if (vma.vm_flags & VM_MAYSHARE) {
			ret = region_add(resv, idx, idx + 1, 1);
			VM_BUG_ON(ret < 0);
		} else {
			region_abort(resv, idx, idx + 1, 1);
			ret = region_del(resv, idx, idx + 1);
		}
		break;
	case VMA_DEL_RESV:
		if (vma.vm_flags & VM_MAYSHARE) {
			region_abort(resv, idx, idx + 1, 1);
			ret = region_del(resv, idx, idx + 1);
		} else {
			ret = region_add(resv, idx, idx + 1, 1);
			VM_BUG_ON(ret < 0);
		}
		break;
	default:
		return BUG();
	}

	if (vma.vm_flags & VM_MAYSHARE || mode === VMA_DEL_RESV)
		return ret;
	/*
	 * In a private mapping's own map an entry says that the reservation was used up: the answer
	 * is the other way round.
	 */
	if (ret > 0)
		return 0;
	if (ret === 0)
		return 1;
	return ret;
}

function vma_needs_reservation(h: struct_hstate, vma: struct_vm_area_struct,
	addr: unsigned_long): number {
	return __vma_reservation_common(h, vma, addr, VMA_NEEDS_RESV);
}

function vma_commit_reservation(h: struct_hstate, vma: struct_vm_area_struct,
	addr: unsigned_long): number {
	return __vma_reservation_common(h, vma, addr, VMA_COMMIT_RESV);
}

function vma_end_reservation(h: struct_hstate, vma: struct_vm_area_struct,
	addr: unsigned_long): void {
	__vma_reservation_common(h, vma, addr, VMA_END_RESV);
}

function vma_add_reservation(h: struct_hstate, vma: struct_vm_area_struct,
	addr: unsigned_long): number {
	return __vma_reservation_common(h, vma, addr, VMA_ADD_RESV);
}

function vma_del_reservation(h: struct_hstate, vma: struct_vm_area_struct,
	addr: unsigned_long): number {
	return __vma_reservation_common(h, vma, addr, VMA_DEL_RESV);
}

/** mm/hugetlb.c:restore_reserve_on_error(): @page was allocated for @address, and is not used. */
export function restore_reserve_on_error(h: struct_hstate, vma: struct_vm_area_struct,
	address: unsigned_long, page: struct_page): void {
	let rc = vma_needs_reservation(h, vma, address);

	if (HPageRestoreReserve(page)) {
		if (rc < 0)
			/* no memory to put the entry back: the count must not go back either */
			ClearHPageRestoreReserve(page);
		else if (rc)
			vma_add_reservation(h, vma, address);
		else
			vma_end_reservation(h, vma, address);
	} else {
		if (!rc) {
			/* an entry that the allocation has made */
			rc = vma_del_reservation(h, vma, address);
			if (rc < 0)
				SetHPageRestoreReserve(page);
		} else if (rc < 0) {
			if (!(vma.vm_flags & VM_MAYSHARE))
				SetHPageRestoreReserve(page);
		} else
			vma_end_reservation(h, vma, address);
	}
}

/** mm/hugetlb.c:alloc_huge_page(): a page for @addr, with a reference; -ENOMEM or -ENOSPC. */
export function alloc_huge_page(vma: struct_vm_area_struct, addr: unsigned_long,
	avoid_reserve: number): struct_page | err_ptr {
	const spool = subpool_vma(vma);
	const h = hstate_vma(vma);
	let page: struct_page | null;
	let gbl_chg: number;

	/* does a reservation exist for this page? */
	const map_chg = gbl_chg = vma_needs_reservation(h, vma, addr);
	if (map_chg < 0)
		return ERR_PTR(-ENOMEM);

	/* not in the map: the subpool may know better */
	if (map_chg || avoid_reserve) {
		gbl_chg = hugepage_subpool_get_pages(spool, 1);
		if (gbl_chg < 0) {
			vma_end_reservation(h, vma, addr);
			return ERR_PTR(-ENOSPC);
		}

		/* a reservation that may not be used is none */
		if (avoid_reserve)
			gbl_chg = 1;
	}

	out_subpool_put: {
		spin_lock_irq(hugetlb_lock);
		page = dequeue_huge_page_vma(h, vma, addr, avoid_reserve !== 0, gbl_chg);
		if (page === null) {
			spin_unlock_irq(hugetlb_lock);
			page = alloc_surplus_huge_page(h, htlb_alloc_mask(h), false);
			if (page === null)
				break out_subpool_put;
			spin_lock_irq(hugetlb_lock);
			if (!avoid_reserve && vma_has_reserves(vma, gbl_chg)) {
				SetHPageRestoreReserve(page);
				h.resv_huge_pages--;
			}
			list_add(page.lru, h.hugepage_activelist);
		}
		spin_unlock_irq(hugetlb_lock);

		hugetlb_set_page_subpool(page, spool);

		const map_commit = vma_commit_reservation(h, vma, addr);
		if (map_chg > map_commit) {
			/* hugetlb_reserve_pages() added it meanwhile: it counts once */
			const rsv_adjust = hugepage_subpool_put_pages(spool, 1);
			hugetlb_acct_memory(h, -rsv_adjust);
		}
		return page;
	}
	if (map_chg || avoid_reserve)
		hugepage_subpool_put_pages(spool, 1);
	vma_end_reservation(h, vma, addr);
	return ERR_PTR(-ENOSPC);
}

/** mm/hugetlb.c:adjust_pool_surplus(), hugetlb_lock held */
function adjust_pool_surplus(h: struct_hstate, delta: number): boolean {
	lockdep_assert_held(hugetlb_lock);
	VM_BUG_ON(delta !== -1 && delta !== 1);

	if (delta < 0 ? !h.surplus_huge_pages : h.surplus_huge_pages >= h.nr_huge_pages)
		return false;
	h.surplus_huge_pages += delta;
	return true;
}

function persistent_huge_pages(h: struct_hstate): number {
	return h.nr_huge_pages - h.surplus_huge_pages;
}

/** mm/hugetlb.c:set_max_huge_pages(): grows or shrinks the pool, as far as it can. */
function set_max_huge_pages(h: struct_hstate, count: number): number {
	const page_list: struct_page[] = [];

	mutex_lock(h.resize_lock);
	spin_lock_irq(hugetlb_lock);

	if (hstate_is_gigantic(h) && !IS_ENABLED(CONFIG_CONTIG_ALLOC)) {
		if (count > persistent_huge_pages(h)) {
			spin_unlock_irq(hugetlb_lock);
			mutex_unlock(h.resize_lock);
			return -EINVAL;
		}
	}

	out: {
		/* surplus pages first become the pool's own */
		while (h.surplus_huge_pages && count > persistent_huge_pages(h)) {
			if (!adjust_pool_surplus(h, -1))
				break;
		}

		while (count > persistent_huge_pages(h)) {
			/* the allocation may sleep */
			spin_unlock_irq(hugetlb_lock);
			cond_resched();
			const ret = alloc_pool_huge_page(h);
			spin_lock_irq(hugetlb_lock);
			if (!ret)
				break out;
			if (signal_pending(current))
				break out;
		}

		/* never below what is in use or reserved */
		const min_count = Math.max(count,
			h.resv_huge_pages + h.nr_huge_pages - h.free_huge_pages);

		while (min_count < persistent_huge_pages(h)) {
			const page = remove_pool_huge_page(h, false);
			if (page === null)
				break;
			page_list.push(page);
		}
		spin_unlock_irq(hugetlb_lock);
		update_and_free_pages_bulk(h, page_list);
		spin_lock_irq(hugetlb_lock);

		/* the rest is surplus, and goes when it is freed */
		while (count < persistent_huge_pages(h)) {
			if (!adjust_pool_surplus(h, 1))
				break;
		}
	}
	h.max_huge_pages = persistent_huge_pages(h);
	spin_unlock_irq(hugetlb_lock);
	mutex_unlock(h.resize_lock);

	return 0;
}

/** Boot option and knob: size of the default pool. */
export function set_default_huge_pages(count: number): number {
	return set_max_huge_pages(default_hstate(), count);
}

/** A decimal number with an optional newline, or null. */
function parse_count(buf: string): number | null {
	return /^\d+\n?$/.test(buf) ? Number(buf) : null;
}

function nr_hugepages_store(h: struct_hstate, buf: string): number {
	const count = parse_count(buf);

	if (count === null)
		return -EINVAL;
	return set_max_huge_pages(h, count) || buf.length;
}

function nr_overcommit_hugepages_store(h: struct_hstate, buf: string): number {
	const input = parse_count(buf);

	if (input === null || hstate_is_gigantic(h))
		return -EINVAL;
	spin_lock_irq(hugetlb_lock);
	h.nr_overcommit_huge_pages = input;
	spin_unlock_irq(hugetlb_lock);
	return buf.length;
}

/** mm/hugetlb.c:hugetlb_sysfs_init(), and the sysctls of the default size */
function hugetlb_sysfs_init(): void {
	for (const h of hstates) {
		const dir = `/sys/kernel/mm/hugepages/${h.name}`;

		proc_create_single(`${dir}/nr_hugepages`, 0o644, () => `${h.nr_huge_pages}\n`,
			(buf) => nr_hugepages_store(h, buf));
		proc_create_single(`${dir}/nr_overcommit_hugepages`, 0o644,
			() => `${h.nr_overcommit_huge_pages}\n`,
			(buf) => nr_overcommit_hugepages_store(h, buf));
		proc_create_single(`${dir}/free_hugepages`, 0o444, () => `${h.free_huge_pages}\n`);
		proc_create_single(`${dir}/resv_hugepages`, 0o444, () => `${h.resv_huge_pages}\n`);
		proc_create_single(`${dir}/surplus_hugepages`, 0o444,
			() => `${h.surplus_huge_pages}\n`);
	}
	proc_create_single("/proc/sys/vm/nr_hugepages", 0o644,
		() => `${default_hstate().max_huge_pages}\n`,
		(buf) => nr_hugepages_store(default_hstate(), buf));
	proc_create_single("/proc/sys/vm/nr_overcommit_hugepages", 0o644,
		() => `${default_hstate().nr_overcommit_huge_pages}\n`,
		(buf) => nr_overcommit_hugepages_store(default_hstate(), buf));
}

/** mm/hugetlb.c:hugetlb_init() */
function hugetlb_init(): number {
	if (!hugepages_supported())
		return 0;
	spin_lock_init(hugetlb_lock, "hugetlb_lock");
	hugetlb_add_hstate(HUGETLB_PAGE_ORDER);
	hugetlb_add_hstate(18);
	default_hstate_idx = hstate_index(size_to_hstate(HPAGE_SIZE)!);
	hugetlb_sysfs_init();

	for (let i = 0; i < num_fault_mutexes; i++) {
		hugetlb_fault_mutex_table[i] = new struct_mutex();
		mutex_init(hugetlb_fault_mutex_table[i]!, "hugetlb_fault_mutex_table");
	}
	return 0;
}
subsys_initcall("mm/hugetlb", hugetlb_init);

/** mm/hugetlb.c:hugetlb_add_hstate() */
function hugetlb_add_hstate(order: number): void {
	BUG_ON(hstates.length >= HUGE_MAX_HSTATE);
	BUG_ON(order === 0);
	const h = new struct_hstate();
	mutex_init(h.resize_lock, "&h->resize_lock");
	h.order = order;
	h.name = `hugepages-${huge_page_size(h) / 1024}kB`;
	hstates.push(h);
}

/** mm/hugetlb.c:hugetlb_report_meminfo(): lines of /proc/meminfo. */
export function hugetlb_report_meminfo(m: struct_seq_file): void {
	let total = 0;

	if (!hugepages_supported())
		return;

	for (const h of hstates) {
		const count = h.nr_huge_pages;

		total += huge_page_size(h) * count;

		if (h === default_hstate())
			seq_printf(m,
				"HugePages_Total:   %5lu\n" +
				"HugePages_Free:    %5lu\n" +
				"HugePages_Rsvd:    %5lu\n" +
				"HugePages_Surp:    %5lu\n" +
				"Hugepagesize:   %8lu kB\n",
				count,
				h.free_huge_pages,
				h.resv_huge_pages,
				h.surplus_huge_pages,
				huge_page_size(h) / 1024);
	}

	seq_printf(m, "Hugetlb:        %8lu kB\n", total / 1024);
}

/** mm/hugetlb.c:hugetlb_total_pages(), in small pages */
export function hugetlb_total_pages(): number {
	let nr_total_pages = 0;

	for (const h of hstates)
		nr_total_pages += h.nr_huge_pages * pages_per_huge_page(h);
	return nr_total_pages;
}

/** mm/hugetlb.c:hugetlb_acct_memory(): takes (or gives back) reservations of the pool. */
function hugetlb_acct_memory(h: struct_hstate, delta: number): number {
	let ret = -ENOMEM;

	if (!delta)
		return 0;

	spin_lock_irq(hugetlb_lock);
	out: {
		if (delta > 0) {
			if (gather_surplus_pages(h, delta) < 0)
				break out;
		}

		ret = 0;
		if (delta < 0)
			return_unused_surplus_pages(h, -delta);
	}
	spin_unlock_irq(hugetlb_lock);
	return ret;
}

/** mm/hugetlb.c:hugetlb_vm_op_open() */
function hugetlb_vm_op_open(vma: struct_vm_area_struct): void {
	const resv = vma_resv_map(vma);

	/* a split of the owner's mapping: both parts hold the map (fork has reset the child's) */
	if (resv !== null && is_vma_resv_set(vma, HPAGE_RESV_OWNER))
		kref_get(resv.refs);
}

/** mm/hugetlb.c:hugetlb_vm_op_close(): gives back what was reserved and not used. */
function hugetlb_vm_op_close(vma: struct_vm_area_struct): void {
	const h = hstate_vma(vma);
	const resv = vma_resv_map(vma);
	const spool = subpool_vma(vma);

	if (resv === null || !is_vma_resv_set(vma, HPAGE_RESV_OWNER))
		return;

	const start = vma_hugecache_offset(h, vma, vma.vm_start);
	const end = vma_hugecache_offset(h, vma, vma.vm_end);

	const reserve = (end - start) - region_count(resv, start, end);
	if (reserve) {
		/* the subpool's minimum may keep some of it */
		const gbl_reserve = hugepage_subpool_put_pages(spool, reserve);
		hugetlb_acct_memory(h, -gbl_reserve);
	}

	kref_put(resv.refs, resv_map_release);
}

/** mm/hugetlb.c:hugetlb_vm_op_split() */
function hugetlb_vm_op_split(vma: struct_vm_area_struct, addr: unsigned_long): number {
	if (!IS_ALIGNED(addr, huge_page_size(hstate_vma(vma))))
		return -EINVAL;

	return 0;
}

/** mm/hugetlb.c:hugetlb_vm_op_pagesize() */
function hugetlb_vm_op_pagesize(vma: struct_vm_area_struct): unsigned_long {
	return huge_page_size(hstate_vma(vma));
}

/** mm/hugetlb.c:hugetlb_vm_op_fault(): faults go to hugetlb_fault(), never here. */
function hugetlb_vm_op_fault(_vmf: struct_vm_fault): vm_fault_t {
	return BUG();
}

export const hugetlb_vm_ops: vm_operations_struct = {
	fault: hugetlb_vm_op_fault,
	open: hugetlb_vm_op_open,
	close: hugetlb_vm_op_close,
	may_split: hugetlb_vm_op_split,
	pagesize: hugetlb_vm_op_pagesize,
};

/** mm/hugetlb.c:make_huge_pte() */
function make_huge_pte(vma: struct_vm_area_struct, page: struct_page, writable: boolean): pte_t {
	let entry: pte_t;

	if (writable)
		entry = huge_pte_mkwrite(huge_pte_mkdirty(mk_huge_pte(page, vma.vm_page_prot)));
	else
		entry = huge_pte_wrprotect(mk_huge_pte(page, vma.vm_page_prot));
	entry = pte_mkyoung(entry);
	return arch_make_huge_pte(entry, huge_page_shift(hstate_vma(vma)), vma.vm_flags);
}

/** mm/hugetlb.c:set_huge_ptep_writable() */
function set_huge_ptep_writable(vma: struct_vm_area_struct, address: unsigned_long,
	ptep: ptep_t): void {
	const entry = huge_pte_mkwrite(huge_pte_mkdirty(huge_ptep_get(ptep)));
	if (huge_ptep_set_access_flags(vma, address, ptep, entry, true))
		update_mmu_cache(vma, address, ptep);
}

/** mm/hugetlb.c:is_hugetlb_entry_migration() */
export function is_hugetlb_entry_migration(pte: pte_t): boolean {
	if (huge_pte_none(pte) || pte_present(pte))
		return false;
	return is_migration_entry(pte_to_swp_entry(pte));
}

/** mm/hugetlb.c:is_hugetlb_entry_hwpoisoned() */
function is_hugetlb_entry_hwpoisoned(pte: pte_t): boolean {
	if (huge_pte_none(pte) || pte_present(pte))
		return false;
	return is_hwpoison_entry(pte_to_swp_entry(pte));
}

/** mm/hugetlb.c:hugetlb_install_page() */
function hugetlb_install_page(vma: struct_vm_area_struct, ptep: ptep_t, addr: unsigned_long,
	new_page: struct_page): void {
	__SetPageUptodate(new_page);
	hugepage_add_new_anon_rmap(new_page, vma, addr);
	set_huge_pte_at(vma.vm_mm!, addr, ptep, make_huge_pte(vma, new_page, true));
	hugetlb_count_add(pages_per_huge_page(hstate_vma(vma)), vma.vm_mm!);
	ClearHPageRestoreReserve(new_page);
	SetHPageMigratable(new_page);
}

/**
 * @addr | last_addr_mask: the last huge page below the table's end, so that the loop goes on
 * there.
 */
function skip_table(addr: unsigned_long, sz: unsigned_long): unsigned_long {
	const span = sz === PMD_SIZE ? PUD_SIZE : PUD_SIZE * 512;
	return ALIGN_DOWN(addr, span) + span - sz;
}

/** mm/hugetlb.c:copy_hugetlb_page_range(): fork. */
export function copy_hugetlb_page_range(dst: struct_mm_struct, src: struct_mm_struct,
	dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct): number {
	const cow = is_cow_mapping(src_vma.vm_flags);
	const h = hstate_vma(src_vma);
	const sz = huge_page_size(h);
	const npages = pages_per_huge_page(h);
	const mapping = src_vma.vm_file!.f_mapping!;
	const range = new struct_mmu_notifier_range(src);
	let ret = 0;

	if (cow) {
		mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, src_vma, src, src_vma.vm_start,
			src_vma.vm_end);
		mmu_notifier_invalidate_range_start(range);
		mmap_assert_write_locked(src);
		src.write_protect_seq++;
	} else {
		/* truncation must see both or none */
		i_mmap_lock_read(mapping);
	}

	for (let addr = src_vma.vm_start; addr < src_vma.vm_end; addr += sz) {
		const src_pte = huge_pte_offset(src, addr, sz);
		if (!src_pte) {
			addr = skip_table(addr, sz);
			continue;
		}
		const dst_pte = huge_pte_alloc(dst, dst_vma, addr, sz);
		if (!dst_pte) {
			ret = -ENOMEM;
			break;
		}

		let dst_ptl = huge_pte_lock(h, dst, dst_pte);
		let src_ptl = huge_pte_lockptr(h, src, src_pte);
		spin_lock_nested(src_ptl, SINGLE_DEPTH_NESTING);
		let entry = huge_ptep_get(src_pte);
		let installed = false;
		again: for (;;) {
			if (huge_pte_none(entry) || !huge_pte_none(huge_ptep_get(dst_pte))) {
				/* nothing there, or the child has it already */
			} else if (is_hugetlb_entry_hwpoisoned(entry)) {
				set_huge_pte_at(dst, addr, dst_pte, entry);
			} else if (is_hugetlb_entry_migration(entry)) {
				let swp_entry = pte_to_swp_entry(entry);

				if (!is_readable_migration_entry(swp_entry) && cow) {
					/* both may only read from now on */
					swp_entry =
						make_readable_migration_entry(swp_offset(
							swp_entry));
					entry = swp_entry_to_pte(swp_entry);
					set_huge_pte_at(src, addr, src_pte, entry);
				}
				set_huge_pte_at(dst, addr, dst_pte, entry);
			} else {
				entry = huge_ptep_get(src_pte);
				const ptepage = pte_page(entry);
				get_page(ptepage);

				if (!PageAnon(ptepage)) {
					page_dup_file_rmap(ptepage, true);
				} else if (page_try_dup_anon_rmap(ptepage, true, src_vma)) {
					/* maybe pinned: the child gets a copy now */
					const src_pte_old = entry;

					spin_unlock(src_ptl);
					spin_unlock(dst_ptl);
					const new_ = alloc_huge_page(dst_vma, addr, 1);
					if (IS_ERR(new_)) {
						put_page(ptepage);
						ret = PTR_ERR(new_);
						installed = true;
						break again;
					}
					copy_user_huge_page(new_, ptepage, addr, dst_vma, npages);
					put_page(ptepage);

					dst_ptl = huge_pte_lock(h, dst, dst_pte);
					src_ptl = huge_pte_lockptr(h, src, src_pte);
					spin_lock_nested(src_ptl, SINGLE_DEPTH_NESTING);
					entry = huge_ptep_get(src_pte);
					if (!pte_same(src_pte_old, entry)) {
						restore_reserve_on_error(h, dst_vma, addr, new_);
						put_page(new_);
						continue again;
					}
					hugetlb_install_page(dst_vma, dst_pte, addr, new_);
					spin_unlock(src_ptl);
					spin_unlock(dst_ptl);
					installed = true;
					break again;
				}

				if (cow) {
					/*
					 * the parent's TLB entry is flushed by fork, for all of
					 * it at once
					 */
					huge_ptep_set_wrprotect(src, addr, src_pte);
					entry = huge_pte_wrprotect(entry);
				}

				set_huge_pte_at(dst, addr, dst_pte, entry);
				hugetlb_count_add(npages, dst);
			}
			break;
		}
		if (installed) {
			if (ret)
				break;
			continue;
		}
		spin_unlock(src_ptl);
		spin_unlock(dst_ptl);
	}

	if (cow) {
		src.write_protect_seq++;
		mmu_notifier_invalidate_range_end(range);
	} else {
		i_mmap_unlock_read(mapping);
	}

	return ret;
}

/** mm/hugetlb.c:move_huge_pte() */
function move_huge_pte(vma: struct_vm_area_struct, old_addr: unsigned_long,
	new_addr: unsigned_long, src_pte: ptep_t, dst_pte: ptep_t): void {
	const h = hstate_vma(vma);
	const mm = vma.vm_mm!;

	const dst_ptl = huge_pte_lock(h, mm, dst_pte);
	const src_ptl = huge_pte_lockptr(h, mm, src_pte);

	/* mmap_lock keeps the other order out */
	if (src_ptl !== dst_ptl)
		spin_lock_nested(src_ptl, SINGLE_DEPTH_NESTING);

	const pte = huge_ptep_get_and_clear(mm, old_addr, src_pte);
	set_huge_pte_at(mm, new_addr, dst_pte, pte);

	if (src_ptl !== dst_ptl)
		spin_unlock(src_ptl);
	spin_unlock(dst_ptl);
}

/** mm/hugetlb.c:move_hugetlb_page_tables(); the bytes moved. */
export function move_hugetlb_page_tables(vma: struct_vm_area_struct,
	new_vma: struct_vm_area_struct, old_addr: unsigned_long, new_addr: unsigned_long,
	len: unsigned_long): unsigned_long {
	const h = hstate_vma(vma);
	const mapping = vma.vm_file!.f_mapping!;
	const sz = huge_page_size(h);
	const mm = vma.vm_mm!;
	const old_end = old_addr + len;
	const range = new struct_mmu_notifier_range(mm);

	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, vma, mm, old_addr, old_end);
	mmu_notifier_invalidate_range_start(range);
	/* truncation must not miss an entry on the move */
	i_mmap_lock_write(mapping);
	for (; old_addr < old_end; old_addr += sz, new_addr += sz) {
		const src_pte = huge_pte_offset(mm, old_addr, sz);
		if (!src_pte) {
			const skip = Math.min(skip_table(old_addr, sz) - old_addr,
				skip_table(new_addr, sz) - new_addr);
			old_addr += skip;
			new_addr += skip;
			continue;
		}
		if (huge_pte_none(huge_ptep_get(src_pte)))
			continue;

		const dst_pte = huge_pte_alloc(mm, new_vma, new_addr, sz);
		if (!dst_pte)
			break;

		move_huge_pte(vma, old_addr, new_addr, src_pte, dst_pte);
	}

	flush_tlb_range(vma, old_end - len, old_end);
	mmu_notifier_invalidate_range_end(range);
	i_mmap_unlock_write(mapping);

	return len + old_addr - old_end;
}

/** mm/hugetlb.c:__unmap_hugepage_range(); @ref_page, if given, is the only one to go. */
function __unmap_hugepage_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct,
	start: unsigned_long, end: unsigned_long, ref_page: struct_page | null,
	_zap_flags: number): void {
	const mm = vma.vm_mm!;
	const h = hstate_vma(vma);
	const sz = huge_page_size(h);
	const range = new struct_mmu_notifier_range(mm);

	WARN_ON(!is_vm_hugetlb_page(vma));
	BUG_ON(!IS_ALIGNED(start, sz));
	BUG_ON(!IS_ALIGNED(end, sz));

	/* a page of the gather is a huge page here */
	tlb_change_page_size(tlb, sz);
	tlb_start_vma(tlb, vma);

	mmu_notifier_range_init(range, MMU_NOTIFY_UNMAP, 0, vma, mm, start, end);
	mmu_notifier_invalidate_range_start(range);
	for (let address = start; address < end; address += sz) {
		const ptep = huge_pte_offset(mm, address, sz);
		if (!ptep) {
			address = skip_table(address, sz);
			continue;
		}

		const ptl = huge_pte_lock(h, mm, ptep);
		let pte = huge_ptep_get(ptep);
		if (huge_pte_none(pte)) {
			spin_unlock(ptl);
			continue;
		}

		/* a migrating or poisoned page: the entry goes, its reference is not ours */
		if (!pte_present(pte)) {
			huge_pte_clear(mm, address, ptep, sz);
			spin_unlock(ptl);
			continue;
		}

		const page = pte_page(pte);
		if (ref_page !== null) {
			if (page !== ref_page) {
				spin_unlock(ptl);
				continue;
			}
			/* a later fault here fails, instead of reading somebody else's data */
			set_vma_resv_flags(vma, HPAGE_RESV_UNMAPPED);
		}

		pte = huge_ptep_get_and_clear(mm, address, ptep);
		tlb_remove_huge_tlb_entry(h, tlb, ptep, address);
		if (huge_pte_dirty(pte))
			set_page_dirty(page);
		hugetlb_count_sub(pages_per_huge_page(h), mm);
		page_remove_rmap(page, vma, true);

		spin_unlock(ptl);
		tlb_remove_page_size(tlb, page, huge_page_size(h));
		if (ref_page !== null)
			break;
	}
	mmu_notifier_invalidate_range_end(range);
	tlb_end_vma(tlb, vma);
}

/** mm/hugetlb.c:__unmap_hugepage_range_final() */
export function __unmap_hugepage_range_final(tlb: struct_mmu_gather, vma: struct_vm_area_struct,
	start: unsigned_long, end: unsigned_long, ref_page: struct_page | null,
	zap_flags: number): void {
	__unmap_hugepage_range(tlb, vma, start, end, ref_page, zap_flags);

	/* the VMA is on its way out: it is not to be found for PMD sharing */
	vma.vm_flags &= ~VM_MAYSHARE;
}

/** mm/hugetlb.c:unmap_hugepage_range() */
export function unmap_hugepage_range(vma: struct_vm_area_struct, start: unsigned_long,
	end: unsigned_long, ref_page: struct_page | null, zap_flags: number): void {
	const tlb = new struct_mmu_gather();

	tlb_gather_mmu(tlb, vma.vm_mm!);
	__unmap_hugepage_range(tlb, vma, start, end, ref_page, zap_flags);
	tlb_finish_mmu(tlb);
}

/** mm/hugetlb.c:unmap_ref_private(): takes the page from children, so that the owner can write. */
function unmap_ref_private(_mm: struct_mm_struct, vma: struct_vm_area_struct, page: struct_page,
	address: unsigned_long): void {
	const h = hstate_vma(vma);

	address = ul_and_not_low(address, huge_page_mask_low(h));
	const pgoff = ul_shr(address - vma.vm_start, PAGE_SHIFT) + vma.vm_pgoff;
	const mapping = vma.vm_file!.f_mapping!;

	i_mmap_lock_write(mapping);
	for (let iter = vma_interval_tree_iter_first(mapping.i_mmap, pgoff, pgoff); iter !== null;
		iter = vma_interval_tree_iter_next(iter, pgoff, pgoff)) {
		if (iter === vma)
			continue;

		/* shared mappings have the page cache's page */
		if (iter.vm_flags & VM_MAYSHARE)
			continue;

		/* owners keep theirs; children, who made no reservation, lose it */
		if (!is_vma_resv_set(iter, HPAGE_RESV_OWNER))
			unmap_hugepage_range(iter, address, address + huge_page_size(h), page, 0);
	}
	i_mmap_unlock_write(mapping);
}

/** mm/hugetlb.c:hugetlb_wp(), page table lock held: copy on write. */
function hugetlb_wp(mm: struct_mm_struct, vma: struct_vm_area_struct, address: unsigned_long,
	ptep: ptep_t, flags: number, pagecache_page: struct_page | null,
	ptl: spinlock_t): vm_fault_t {
	const unshare = (flags & FAULT_FLAG_UNSHARE) !== 0;
	const h = hstate_vma(vma);
	let outside_reserve = 0;
	let ret = 0;
	const haddr = ul_and_not_low(address, huge_page_mask_low(h));

	/* no FOLL_FORCE on huge pages */
	if (WARN_ON_ONCE(!unshare && !(vma.vm_flags & VM_WRITE)))
		return VM_FAULT_SIGSEGV;

	/* a shared mapping: nothing to copy */
	if (vma.vm_flags & VM_MAYSHARE) {
		if (unshare)
			return 0;
		set_huge_ptep_writable(vma, haddr, ptep);
		return 0;
	}

	const pte = huge_ptep_get(ptep);
	const old_page = pte_page(pte);
	let new_page: struct_page;

	retry_avoidcopy: for (;;) {
		/* nobody else maps it: it is ours */
		if (page_mapcount(old_page) === 1 && PageAnon(old_page)) {
			if (!PageAnonExclusive(old_page))
				page_move_anon_rmap(old_page, vma);
			if (!unshare)
				set_huge_ptep_writable(vma, haddr, ptep);
			return 0;
		}
		VM_BUG_ON_PAGE(PageAnon(old_page) && PageAnonExclusive(old_page), old_page);

		/* the owner's reservation was used for the page that is now shared with a child */
		if (is_vma_resv_set(vma, HPAGE_RESV_OWNER) && old_page !== pagecache_page)
			outside_reserve = 1;

		get_page(old_page);

		/* the allocation may sleep; the fault mutex keeps others out */
		spin_unlock(ptl);
		const allocated = alloc_huge_page(vma, haddr, outside_reserve);

		if (IS_ERR(allocated)) {
			if (outside_reserve) {
				/* the owner was promised its pages: the children pay */
				const mapping = vma.vm_file!.f_mapping!;

				put_page(old_page);
				BUG_ON(huge_pte_none(pte));
				const idx = vma_hugecache_offset(h, vma, haddr);
				const hash = hugetlb_fault_mutex_hash(mapping, idx);
				mutex_unlock(hugetlb_fault_mutex_table[hash]!);
				i_mmap_unlock_read(mapping);

				unmap_ref_private(mm, vma, old_page, haddr);

				i_mmap_lock_read(mapping);
				mutex_lock(hugetlb_fault_mutex_table[hash]!);
				spin_lock(ptl);
				ptep = huge_pte_offset(mm, haddr, huge_page_size(h));
				if (ptep && pte_same(huge_ptep_get(ptep), pte))
					continue retry_avoidcopy;
				/* changed meanwhile: the fault comes again */
				return 0;
			}

			ret = vmf_error(PTR_ERR(allocated));
			put_page(old_page);
			spin_lock(ptl);
			return ret;
		}
		new_page = allocated;
		break;
	}

	out_release_all: {
		if (anon_vma_prepare(vma)) {
			ret = VM_FAULT_OOM;
			break out_release_all;
		}

		copy_user_huge_page(new_page, old_page, address, vma, pages_per_huge_page(h));
		__SetPageUptodate(new_page);

		const range = new struct_mmu_notifier_range(mm);
		mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, vma, mm, haddr,
			haddr + huge_page_size(h));
		mmu_notifier_invalidate_range_start(range);

		spin_lock(ptl);
		ptep = huge_pte_offset(mm, haddr, huge_page_size(h));
		if (ptep && pte_same(huge_ptep_get(ptep), pte)) {
			ClearHPageRestoreReserve(new_page);

			huge_ptep_clear_flush(vma, haddr, ptep);
			mmu_notifier_invalidate_range(mm, range.start, range.end);
			page_remove_rmap(old_page, vma, true);
			hugepage_add_new_anon_rmap(new_page, vma, haddr);
			set_huge_pte_at(mm, haddr, ptep, make_huge_pte(vma, new_page, !unshare));
			SetHPageMigratable(new_page);
			/* the put below frees the old one */
			new_page = old_page;
		}
		spin_unlock(ptl);
		mmu_notifier_invalidate_range_end(range);
	}
	/* not used: the page goes back, and with it the reservation */
	if (new_page !== old_page)
		restore_reserve_on_error(h, vma, haddr, new_page);
	put_page(new_page);
	put_page(old_page);

	spin_lock(ptl);
	return ret;
}

/** mm/hugetlb.c:hugetlbfs_pagecache_page(), locked and referenced */
function hugetlbfs_pagecache_page(h: struct_hstate, vma: struct_vm_area_struct,
	address: unsigned_long): struct_page | null {
	return find_lock_page(vma.vm_file!.f_mapping!, vma_hugecache_offset(h, vma, address));
}

/** mm/hugetlb.c:hugetlbfs_pagecache_present() */
function hugetlbfs_pagecache_present(h: struct_hstate, vma: struct_vm_area_struct,
	address: unsigned_long): boolean {
	const page = find_get_page(vma.vm_file!.f_mapping!, vma_hugecache_offset(h, vma, address));
	if (page !== null)
		put_page(page);
	return page !== null;
}

/** mm/hugetlb.c:huge_add_to_page_cache(); @page is locked afterwards. */
export function huge_add_to_page_cache(page: struct_page, mapping: struct_address_space,
	idx: pgoff_t): number {
	const folio = page_folio(page);
	const inode = mapping.host!;
	const h = hstate_inode(inode);

	__folio_set_locked(folio);
	const err = __filemap_add_folio(mapping, folio, idx, GFP_KERNEL, null);

	if (err) {
		__folio_clear_locked(folio);
		return err;
	}
	ClearHPageRestoreReserve(page);

	/* dirty: the file is the only place that has it */
	folio_mark_dirty(folio);

	spin_lock(inode.i_lock);
	inode.i_blocks += blocks_per_huge_page(h);
	spin_unlock(inode.i_lock);
	return 0;
}

/** mm/hugetlb.c:hugetlb_no_page(), fault mutex and i_mmap_rwsem (read) held */
function hugetlb_no_page(mm: struct_mm_struct, vma: struct_vm_area_struct,
	mapping: struct_address_space, idx: pgoff_t, address: unsigned_long, ptep: ptep_t,
	old_pte: pte_t, flags: number): vm_fault_t {
	const h = hstate_vma(vma);
	let ret = VM_FAULT_SIGBUS;
	let anon_rmap = false;
	let page: struct_page;
	const haddr = ul_and_not_low(address, huge_page_mask_low(h));
	let new_page: boolean, new_pagecache_page = false;

	/* a child whose page the owner needed */
	if (is_vma_resv_set(vma, HPAGE_RESV_UNMAPPED)) {
		pr_warn_ratelimited(`PID ${current.pid} killed due to inadequate hugepage pool\n`);
		return ret;
	}

	/* i_mmap_rwsem keeps truncation out from here on */
	const size = Number(i_size_read(mapping.host!) >> BigInt(huge_page_shift(h)));
	if (idx >= size)
		return ret;

	backout_unlocked: {
		retry: for (;;) {
			new_page = false;
			const found = find_lock_page(mapping, idx);
			if (found === null) {
				const allocated = alloc_huge_page(vma, haddr, 0);
				if (IS_ERR(allocated)) {
					/*
					 * another task's fault may have filled the entry while we
					 * failed
					 */
					const ptl = huge_pte_lock(h, mm, ptep);
					ret = 0;
					if (huge_pte_none(huge_ptep_get(ptep)))
						ret = vmf_error(PTR_ERR(allocated));
					spin_unlock(ptl);
					return ret;
				}
				page = allocated;
				clear_huge_page(page, address, pages_per_huge_page(h));
				__SetPageUptodate(page);
				new_page = true;

				if (vma.vm_flags & VM_MAYSHARE) {
					const err = huge_add_to_page_cache(page, mapping, idx);
					if (err) {
						put_page(page);
						if (err === -EEXIST)
							continue retry;
						return ret;
					}
					new_pagecache_page = true;
				} else {
					lock_page(page);
					if (anon_vma_prepare(vma)) {
						ret = VM_FAULT_OOM;
						break backout_unlocked;
					}
					anon_rmap = true;
				}
			} else {
				page = found;
				if (PageHWPoison(page)) {
					ret = VM_FAULT_HWPOISON_LARGE |
						VM_FAULT_SET_HINDEX(hstate_index(h));
					break backout_unlocked;
				}
			}
			break;
		}

		/* a private write will copy: make sure that it can be accounted */
		if ((flags & FAULT_FLAG_WRITE) && !(vma.vm_flags & VM_SHARED)) {
			if (vma_needs_reservation(h, vma, haddr) < 0) {
				ret = VM_FAULT_OOM;
				break backout_unlocked;
			}
			vma_end_reservation(h, vma, haddr);
		}

		const ptl = huge_pte_lock(h, mm, ptep);
		ret = 0;
		if (!pte_same(huge_ptep_get(ptep), old_pte)) {
			spin_unlock(ptl);
			break backout_unlocked;
		}

		if (anon_rmap) {
			ClearHPageRestoreReserve(page);
			hugepage_add_new_anon_rmap(page, vma, haddr);
		} else
			page_dup_file_rmap(page, true);
		const new_pte = make_huge_pte(vma, page, (vma.vm_flags & VM_WRITE) !== 0 &&
			(vma.vm_flags & VM_SHARED) !== 0);
		set_huge_pte_at(mm, haddr, ptep, new_pte);

		hugetlb_count_add(pages_per_huge_page(h), mm);
		if ((flags & FAULT_FLAG_WRITE) && !(vma.vm_flags & VM_SHARED)) {
			/* no second fault for the copy */
			ret = hugetlb_wp(mm, vma, address, ptep, flags, page, ptl);
		}

		spin_unlock(ptl);

		/* only now may it be migrated */
		if (new_page)
			SetHPageMigratable(page);

		unlock_page(page);
		return ret;
	}
	unlock_page(page);
	/* what is in the page cache keeps its reservation */
	if (new_page && !new_pagecache_page)
		restore_reserve_on_error(h, vma, haddr, page);

	put_page(page);
	return ret;
}

const mapping_keys = new WeakMap<struct_address_space, number>();
let next_mapping_key = 1;

/** mm/hugetlb.c:hugetlb_fault_mutex_hash(); a number stands for the mapping's address. */
export function hugetlb_fault_mutex_hash(mapping: struct_address_space, idx: pgoff_t): number {
	let key = mapping_keys.get(mapping);
	if (key === undefined) {
		key = next_mapping_key++;
		mapping_keys.set(mapping, key);
	}
	return (Math.imul(key, 0x61c88647) ^ Math.imul(idx % 0x80000000, 0x9e3779b1)) >>> 29 &
		(num_fault_mutexes - 1);
}

/** mm/hugetlb.c:hugetlb_fault() */
export function hugetlb_fault(mm: struct_mm_struct, vma: struct_vm_area_struct,
	address: unsigned_long, flags: number): vm_fault_t {
	let ret = 0;
	let page: struct_page | null = null;
	let pagecache_page: struct_page | null = null;
	const h = hstate_vma(vma);
	let need_wait_lock = false;
	const haddr = ul_and_not_low(address, huge_page_mask_low(h));

	/* a first look without locks: such an entry stays what it is, or goes */
	let ptep = huge_pte_offset(mm, haddr, huge_page_size(h));
	if (ptep) {
		const seen = huge_ptep_get(ptep);
		if (is_hugetlb_entry_migration(seen)) {
			migration_entry_wait_huge(vma, ptep);
			return 0;
		} else if (is_hugetlb_entry_hwpoisoned(seen))
			return VM_FAULT_HWPOISON_LARGE | VM_FAULT_SET_HINDEX(hstate_index(h));
	}

	const mapping = vma.vm_file!.f_mapping!;
	i_mmap_lock_read(mapping);
	ptep = huge_pte_alloc(mm, vma, haddr, huge_page_size(h));
	if (!ptep) {
		i_mmap_unlock_read(mapping);
		return VM_FAULT_OOM;
	}

	const idx = vma_hugecache_offset(h, vma, haddr);

	/* two faults on one page would allocate twice, and the second might fail for no reason */
	const hash = hugetlb_fault_mutex_hash(mapping, idx);
	mutex_lock(hugetlb_fault_mutex_table[hash]!);

	out_mutex: {
		let entry = huge_ptep_get(ptep);
		if (huge_pte_none_mostly(entry)) {
			ret = hugetlb_no_page(mm, vma, mapping, idx, address, ptep, entry, flags);
			break out_mutex;
		}

		ret = 0;

		/* became a migration or poison entry: the fault comes again */
		if (!pte_present(entry))
			break out_mutex;

		/*
		 * a private write to come: accounting and page cache page first, for the lock
		 * order
		 */
		if ((flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) &&
		    !(vma.vm_flags & VM_MAYSHARE) && !huge_pte_write(entry)) {
			if (vma_needs_reservation(h, vma, haddr) < 0) {
				ret = VM_FAULT_OOM;
				break out_mutex;
			}
			vma_end_reservation(h, vma, haddr);

			pagecache_page = hugetlbfs_pagecache_page(h, vma, haddr);
		}

		const ptl = huge_pte_lock(h, mm, ptep);

		out_ptl: {
			if (!pte_same(entry, huge_ptep_get(ptep)))
				break out_ptl;

			/* hugetlb_wp() wants both pages locked; the page cache page is already */
			page = pte_page(entry);
			if (page !== pagecache_page)
				if (!trylock_page(page)) {
					need_wait_lock = true;
					break out_ptl;
				}

			get_page(page);

			out_put_page: {
				if (flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) {
					if (!huge_pte_write(entry)) {
						ret = hugetlb_wp(mm, vma, address, ptep, flags,
							pagecache_page, ptl);
						break out_put_page;
					} else if (flags & FAULT_FLAG_WRITE) {
						entry = huge_pte_mkdirty(entry);
					}
				}
				entry = pte_mkyoung(entry);
				if (huge_ptep_set_access_flags(vma, haddr, ptep, entry,
					(flags & FAULT_FLAG_WRITE) !== 0))
					update_mmu_cache(vma, haddr, ptep);
			}
			if (page !== pagecache_page)
				unlock_page(page);
			put_page(page);
		}
		spin_unlock(ptl);

		if (pagecache_page !== null) {
			unlock_page(pagecache_page);
			put_page(pagecache_page);
		}
	}
	mutex_unlock(hugetlb_fault_mutex_table[hash]!);
	i_mmap_unlock_read(mapping);
	/* only waiting: nobody need stay away from the page meanwhile */
	if (need_wait_lock)
		wait_on_page_locked(page!);
	return ret;
}

/** mm/hugetlb.c:__follow_hugetlb_must_fault() */
function __follow_hugetlb_must_fault(flags: number, pte: ptep_t, unshare: ref<boolean>): boolean {
	const pteval = huge_ptep_get(pte);

	unshare.v = false;
	if (is_swap_pte(pteval))
		return true;
	if (huge_pte_write(pteval))
		return false;
	if (flags & FOLL_WRITE)
		return true;
	if (gup_must_unshare(flags, pte_page(pteval))) {
		unshare.v = true;
		return true;
	}
	return false;
}

/** mm/hugetlb.c:follow_hugetlb_page(): get_user_pages() on a hugetlb VMA; pages got so far. */
export function follow_hugetlb_page(mm: struct_mm_struct, vma: struct_vm_area_struct,
	pages: (struct_page | null)[] | null, vmas: (struct_vm_area_struct | null)[] | null,
	position: ref<unsigned_long>, nr_pages: ref<number>, i: number, flags: number,
	locked: ref<number> | null): number {
	let vaddr = position.v;
	let remainder = nr_pages.v;
	const h = hstate_vma(vma);
	const unshare = new ref(false);
	let err = -EFAULT;

	while (vaddr < vma.vm_end && remainder) {
		let ptl: spinlock_t | null = null;

		if (fatal_signal_pending(current)) {
			remainder = 0;
			break;
		}

		const pte = huge_pte_offset(mm, ul_and_not_low(vaddr, huge_page_mask_low(h)),
			huge_page_size(h));
		if (pte)
			ptl = huge_pte_lock(h, mm, pte);
		const absent = !pte || huge_pte_none(huge_ptep_get(pte));

		/* a dump has nothing to show of what was never touched */
		if (absent && (flags & FOLL_DUMP) && !hugetlbfs_pagecache_present(h, vma, vaddr)) {
			if (pte)
				spin_unlock(ptl!);
			remainder = 0;
			break;
		}

		unshare.v = false;
		if (absent || __follow_hugetlb_must_fault(flags, pte, unshare)) {
			let fault_flags = 0;

			if (pte)
				spin_unlock(ptl!);
			if (flags & FOLL_WRITE)
				fault_flags |= FAULT_FLAG_WRITE;
			else if (unshare.v)
				fault_flags |= FAULT_FLAG_UNSHARE;
			if (locked !== null)
				fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
			if (flags & FOLL_NOWAIT)
				fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT;
			if (flags & FOLL_TRIED)
				fault_flags |= FAULT_FLAG_TRIED;
			const ret = hugetlb_fault(mm, vma, vaddr, fault_flags);
			if (ret & VM_FAULT_ERROR) {
				err = vm_fault_to_errno(ret, flags);
				remainder = 0;
				break;
			}
			if (ret & VM_FAULT_RETRY) {
				if (locked !== null && !(fault_flags & FAULT_FLAG_RETRY_NOWAIT))
					locked.v = 0;
				nr_pages.v = 0;
				/* the caller sees that there is nothing more, and why */
				return i;
			}
			continue;
		}

		const pfn_offset = ul_shr(vaddr & huge_page_mask_low(h), PAGE_SHIFT);
		const page = pte_page(huge_ptep_get(pte));

		VM_BUG_ON_PAGE((flags & FOLL_PIN) !== 0 && PageAnon(page) &&
			!PageAnonExclusive(page),
			page);

		/* nothing to hand out: a huge page at a time */
		if (pages === null && vmas === null && !pfn_offset &&
		    vaddr + huge_page_size(h) < vma.vm_end && remainder >= pages_per_huge_page(h)) {
			vaddr += huge_page_size(h);
			remainder -= pages_per_huge_page(h);
			i += pages_per_huge_page(h);
			spin_unlock(ptl!);
			continue;
		}

		const refs = Math.min(pages_per_huge_page(h) - pfn_offset, remainder,
			ul_shr(vma.vm_end - ALIGN_DOWN(vaddr, PAGE_SIZE), PAGE_SHIFT));

		for (let nr = 0; nr < refs; nr++) {
			if (pages !== null)
				pages[i + nr] = nth_page(page, pfn_offset + nr);
			if (vmas !== null)
				vmas[i + nr] = vma;
		}

		if (pages !== null) {
			/* the page is mapped: its count cannot be 0 */
			if (WARN_ON_ONCE(try_grab_folio(pages[i]!, refs, flags) === null)) {
				spin_unlock(ptl!);
				remainder = 0;
				err = -ENOMEM;
				break;
			}
		}

		vaddr += refs * PAGE_SIZE;
		remainder -= refs;
		i += refs;

		spin_unlock(ptl!);
	}
	nr_pages.v = remainder;
	position.v = vaddr;

	return i ? i : err;
}

/** mm/hugetlb.c:hugetlb_change_protection(); the small pages changed. */
export function hugetlb_change_protection(vma: struct_vm_area_struct, address: unsigned_long,
	end: unsigned_long, newprot: pgprot_t, _cp_flags: number): number {
	const mm = vma.vm_mm!;
	const start = address;
	const h = hstate_vma(vma);
	const psize = huge_page_size(h);
	const range = new struct_mmu_notifier_range(mm);
	let pages = 0;

	mmu_notifier_range_init(range, MMU_NOTIFY_PROTECTION_VMA, 0, vma, mm, start, end);

	BUG_ON(address >= end);

	mmu_notifier_invalidate_range_start(range);
	i_mmap_lock_write(vma.vm_file!.f_mapping!);
	for (; address < end; address += psize) {
		const ptep = huge_pte_offset(mm, address, psize);
		if (!ptep) {
			address = skip_table(address, psize);
			continue;
		}
		const ptl = huge_pte_lock(h, mm, ptep);
		const pte = huge_ptep_get(ptep);
		if (is_hugetlb_entry_hwpoisoned(pte)) {
			spin_unlock(ptl);
			continue;
		}
		if (is_hugetlb_entry_migration(pte)) {
			let entry = pte_to_swp_entry(pte);
			const page = pfn_swap_entry_to_page(entry);

			if (!is_readable_migration_entry(entry)) {
				if (PageAnon(page))
					entry =
						make_readable_exclusive_migration_entry(swp_offset(
							entry));
				else
					entry = make_readable_migration_entry(swp_offset(entry));
				set_huge_pte_at(mm, address, ptep, swp_entry_to_pte(entry));
				pages++;
			}
			spin_unlock(ptl);
			continue;
		}
		if (!huge_pte_none(pte)) {
			const old_pte = huge_ptep_modify_prot_start(vma, address, ptep);
			huge_ptep_modify_prot_commit(vma, address, ptep, old_pte,
				huge_pte_modify(old_pte, newprot));
			pages++;
		}
		spin_unlock(ptl);
	}
	/* before the pages can be freed by whoever waits for i_mmap_rwsem */
	flush_tlb_range(vma, start, end);
	i_mmap_unlock_write(vma.vm_file!.f_mapping!);
	mmu_notifier_invalidate_range_end(range);

	return pages * 2 ** h.order;
}

/**
 * mm/hugetlb.c:hugetlb_reserve_pages(): [from, to) in huge pages; whether the pool could promise
 * them. @vma null: for shmget() and the like.
 */
export function hugetlb_reserve_pages(inode: struct_inode, from: number, to: number,
	vma: struct_vm_area_struct | null, vm_flags: number): boolean {
	let chg: number, add = -1;
	const h = hstate_inode(inode);
	const spool = subpool_inode(inode);
	let resv_map: struct_resv_map | null;
	const regions_needed = new ref(0);

	if (from > to) {
		VM_WARN(true, "hugetlb_reserve_pages called with a negative range\n");
		return false;
	}

	/* faults will take what they find */
	if (vm_flags & VM_NORESERVE)
		return true;

	/* shared: the file's map; private: one of the mapping's own */
	if (vma === null || vma.vm_flags & VM_MAYSHARE) {
		resv_map = inode_resv_map(inode)!;

		chg = region_chg(resv_map, from, to, regions_needed);
	} else {
		resv_map = resv_map_alloc();
		if (resv_map === null)
			return false;

		chg = to - from;

		set_vma_resv_map(vma, resv_map);
		set_vma_resv_flags(vma, HPAGE_RESV_OWNER);
	}

	out_err: {
		if (chg < 0)
			break out_err;

		const gbl_reserve = hugepage_subpool_get_pages(spool, chg);
		if (gbl_reserve < 0)
			break out_err;

		out_put_pages: {
			if (hugetlb_acct_memory(h, gbl_reserve) < 0)
				break out_put_pages;

			if (vma === null || vma.vm_flags & VM_MAYSHARE) {
				add = region_add(resv_map, from, to, regions_needed.v);

				if (add < 0) {
					hugetlb_acct_memory(h, -gbl_reserve);
					break out_put_pages;
				} else if (chg > add) {
					/* a fault has added some of it meanwhile */
					const rsv_adjust = hugepage_subpool_put_pages(spool,
						chg - add);
					hugetlb_acct_memory(h, -rsv_adjust);
				}
			}
			return true;
		}
		hugepage_subpool_put_pages(spool, chg);
	}
	if (vma === null || vma.vm_flags & VM_MAYSHARE)
		if (chg >= 0 && add < 0)
			region_abort(resv_map, from, to, regions_needed.v);
	if (vma !== null && is_vma_resv_set(vma, HPAGE_RESV_OWNER))
		kref_put(resv_map.refs, resv_map_release);
	return false;
}

/** mm/hugetlb.c:hugetlb_unreserve_pages(); @freed of the pages were in the file. */
export function hugetlb_unreserve_pages(inode: struct_inode, start: number, end: number,
	freed: number): number {
	const h = hstate_inode(inode);
	const resv_map = inode_resv_map(inode);
	let chg = 0;
	const spool = subpool_inode(inode);

	/* mounts without reservations have no map */
	if (resv_map !== null) {
		chg = region_del(resv_map, start, end);
		/* a hole in the middle needs memory: the caller tries again */
		if (chg < 0)
			return chg;
	}

	spin_lock(inode.i_lock);
	inode.i_blocks -= blocks_per_huge_page(h) * freed;
	spin_unlock(inode.i_lock);

	const gbl_reserve = hugepage_subpool_put_pages(spool, chg - freed);
	hugetlb_acct_memory(h, -gbl_reserve);

	return 0;
}

/** mm/hugetlb.c:huge_pte_alloc(): the pmd or pud for @addr; 0 without memory. */
export function huge_pte_alloc(mm: struct_mm_struct, _vma: struct_vm_area_struct,
	addr: unsigned_long, sz: unsigned_long): ptep_t {
	let pte: ptep_t = 0;

	const pgd = pgd_offset(mm, addr);
	const p4d = p4d_alloc(mm, pgd, addr);
	if (!p4d)
		return 0;
	const pud = pud_alloc(mm, p4d, addr);
	if (pud) {
		if (sz === PUD_SIZE) {
			pte = pud;
		} else {
			BUG_ON(sz !== PMD_SIZE);
			pte = pmd_alloc(mm, pud, addr);
		}
	}
	BUG_ON(pte !== 0 && pte_present(huge_ptep_get(pte)) && !pte_huge(huge_ptep_get(pte)));

	return pte;
}

/** mm/hugetlb.c:huge_pte_offset(); 0 when there is no table. */
export function huge_pte_offset(mm: struct_mm_struct, addr: unsigned_long,
	sz: unsigned_long): ptep_t {
	const pgd = pgd_offset(mm, addr);
	if (!pgd_present(pgdp_get(pgd)))
		return 0;
	const p4d = p4d_offset(pgd, addr);
	if (!p4d_present(p4dp_get(p4d)))
		return 0;

	const pud = pud_offset(p4d, addr);
	if (sz === PUD_SIZE)
		return pud;
	if (!pud_present(pudp_get(pud)))
		return 0;

	return pmd_offset(pud, addr);
}

/** mm/hugetlb.c:follow_huge_pmd() */
export function follow_huge_pmd(mm: struct_mm_struct, address: unsigned_long, pmd: ptep_t,
	flags: number): struct_page | null {
	/* FOLL_PIN goes through follow_hugetlb_page() */
	if (WARN_ON_ONCE((flags & FOLL_PIN) !== 0))
		return null;

	for (;;) {
		let page: struct_page | null = null;
		const ptl = pmd_lockptr(mm, pmd);
		spin_lock(ptl);
		const pmdval: pmd_t = pmdp_get(pmd);
		if (pmd_huge(pmdval)) {
			const pte = huge_ptep_get(pmd);
			if (pte_present(pte)) {
				page = nth_page(pmd_page(pmdval),
					(address & (PMD_SIZE - 1)) >> PAGE_SHIFT);
				if (WARN_ON_ONCE(!try_grab_page(page, flags)))
					page = null;
			} else if (is_hugetlb_entry_migration(pte)) {
				spin_unlock(ptl);
				__migration_entry_wait_huge(pmd, ptl);
				continue;
			}
		}
		spin_unlock(ptl);
		return page;
	}
}

/** mm/hugetlb.c:follow_huge_pud() */
export function follow_huge_pud(mm: struct_mm_struct, address: unsigned_long, pud: ptep_t,
	flags: number): struct_page | null {
	if (WARN_ON_ONCE((flags & FOLL_PIN) !== 0))
		return null;

	const ptl = mm.page_table_lock;
	spin_lock(ptl);
	let page: struct_page | null = null;
	if (pte_present(huge_ptep_get(pud))) {
		page = nth_page(pud_page(pudp_get(pud)), (address & (PUD_SIZE - 1)) >> PAGE_SHIFT);
		if (WARN_ON_ONCE(!try_grab_page(page, flags)))
			page = null;
	}
	spin_unlock(ptl);
	return page;
}

/** mm/hugetlb.c:isolate_hugetlb(); -EBUSY for a page that may not be migrated. */
export function isolate_hugetlb(page: struct_page, list: struct_list_head): number {
	let ret = 0;

	spin_lock_irq(hugetlb_lock);
	if (!PageHeadHuge(page) || !HPageMigratable(page) || !get_page_unless_zero(page)) {
		ret = -EBUSY;
	} else {
		ClearHPageMigratable(page);
		list_move_tail(page.lru, list);
	}
	spin_unlock_irq(hugetlb_lock);
	return ret;
}

/** mm/hugetlb.c:putback_active_hugepage() */
export function putback_active_hugepage(page: struct_page): void {
	spin_lock_irq(hugetlb_lock);
	SetHPageMigratable(page);
	list_move_tail(page.lru, page_hstate(page).hugepage_activelist);
	spin_unlock_irq(hugetlb_lock);
	put_page(page);
}
