// SPDX-License-Identifier: GPL-2.0
/*
 * The page cache: adding, finding, locking, reading, writing and mapping its folios.
 *
 * Upstream: mm/filemap.c. Left out: direct I/O, writeback and waiting for it (no mapping here has
 * a device behind it), readahead, error sequences, find_get_pages_range_tag, private_2.
 *
 * Lock order:
 *
 *  ->i_mmap_rwsem		(truncate_pagecache)
 *    ->private_lock
 *      ->swap_lock
 *        ->i_pages lock
 *
 *  ->i_rwsem
 *    ->invalidate_lock
 *      ->i_mmap_rwsem		a truncation that unmaps
 *
 *  ->mmap_lock
 *    ->i_mmap_rwsem
 *      ->pte_lock
 *    ->invalidate_lock		a fault
 *      ->lock_page
 *
 *  ->i_rwsem			(generic_perform_write)
 *    ->mmap_lock		(fault_in_readable)
 *
 *  ->i_mmap_rwsem
 *    ->anon_vma.lock
 *      ->pte_lock		page_table_lock where levels share it
 *        ->i_pages lock
 *        ->lru_lock
 *        ->inode->i_lock
 */
import { max, min } from "#asm-generic/bits.ts";
import { ERR_PTR, type err_ptr, IS_ERR } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { type loff_t, type pgoff_t, PGOFF_MAX, loff_to_pgoff, pgoff_t as to_pgoff,
	pgoff_to_loff, ref } from "#asm-generic/types.ts";
import { CONFIG_DEBUG_VM } from "#generated/autoconf.ts";
import { mapping_can_writeback } from "#linux/backing-dev.ts";
import { BUG, BUG_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { smp_load_acquire, smp_store_release, unlikely } from "#linux/compiler.ts";
import { EAGAIN, EEXIST, EFAULT, EINTR, EIO, ENOEXEC, ENOMEM, ENOSPC, EINVAL, ENXIO } from
	"#linux/errno.ts";
import { PAGECACHE_TAG_DIRTY, PAGECACHE_TAG_WRITEBACK, mapping_tagged, AOP_TRUNCATED_PAGE,
	IOCB_NOIO, IOCB_NOWAIT, file_accessed, file_remove_privs, file_update_time,
	filemap_invalidate_lock_shared, filemap_invalidate_trylock_shared,
	filemap_invalidate_unlock_shared, generic_write_checks, generic_write_sync, i_size_read,
	inode_add_lru, inode_lock, inode_unlock, mapping_writably_mapped, sb_end_pagefault,
	sb_start_pagefault, SEEK_DATA } from "#linux/fs.ts";
import type { struct_address_space, struct_file, struct_kiocb } from "#linux/fs.types.ts";
import { type gfp_t, GFP_KERNEL, GFP_NOWAIT, __GFP_FS, __GFP_NOWARN,
	__GFP_WRITE } from "#linux/gfp.ts";
import { flush_dcache_folio, flush_dcache_page } from "#linux/highmem.ts";
import { LOCKDEP_NOW_UNRELIABLE, TAINT_BAD_PAGE, add_taint } from "#linux/panic.ts";
import { folio_test_pmd_mappable } from "#linux/huge_mm.ts";
import { fput } from "#linux/file.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { cond_resched } from "#linux/sched.ts";
import { list_del_init_careful } from "#linux/list.ts";
import { count_memcg_event_mm, mem_cgroup_charge, mem_cgroup_migrate, mem_cgroup_uncharge } from
	"#linux/memcontrol.ts";
import { FAULT_FLAG_KILLABLE, FAULT_FLAG_RETRY_NOWAIT, VM_FAULT_LOCKED, VM_FAULT_MAJOR,
	VM_FAULT_NOPAGE, VM_FAULT_OOM, VM_FAULT_RETRY, VM_FAULT_SIGBUS, VM_MAYWRITE,
	VM_SHARED } from "#linux/mm.const.ts";
import { do_set_pmd, do_set_pte, fault_flag_allow_retry_first, folio_get, folio_mapped,
	folio_mark_dirty, folio_nr_pages, folio_order, folio_pfn, folio_put, folio_put_refs,
	folio_shift, folio_size, get_page, page_folio, page_mapcount, page_mapcount_reset,
	pte_offset_map_lock, pte_unmap_unlock, put_page } from "#linux/mm.ts";
import type { ptep_t, struct_folio, struct_mm_struct, struct_page, struct_vm_area_struct,
	struct_vm_fault, vm_fault_t, vm_operations_struct } from "#linux/mm_types.ts";
import { mmap_read_unlock } from "#linux/mmap_lock.ts";
import { VM_BUG_ON_FOLIO, VM_BUG_ON_PAGE, dump_page } from "#linux/mmdebug.ts";
import { NR_FILE_PAGES, NR_FILE_THPS, NR_SHMEM, NR_SHMEM_THPS } from "#linux/mmzone.ts";
import { PGMAJFAULT } from "#linux/vm_event_item.ts";
import { PG_locked, PG_waiters, PG_writeback, PageHWPoison, PageHuge, PageLocked, PageSwapBacked,
	PageTransHuge, SetPageError, SetPageUptodate, ClearPageUptodate, __folio_clear_locked,
	__folio_set_locked, __folio_set_referenced, folio_clear_error, folio_clear_idle,
	folio_clear_reclaim, folio_clear_waiters, folio_set_waiters, folio_test_active,
	folio_test_dirty, folio_test_hugetlb, folio_test_idle, folio_test_large, folio_test_locked,
	folio_test_readahead, folio_test_reclaim, folio_test_swapbacked,
	folio_test_uptodate, folio_test_waiters, folio_test_writeback } from "#linux/page-flags.ts";
import { folio_ref_add, folio_ref_count, folio_ref_inc, folio_ref_sub, folio_try_get_rcu } from
	"#linux/page_ref.ts";
import { type filler_t, type struct_wait_page_key, FGP_ACCESSED, FGP_CREAT, FGP_ENTRY, FGP_FOR_MMAP,
	AS_EIO, AS_ENOSPC, FGP_LOCK, FGP_NOFS, FGP_NOWAIT, FGP_STABLE, FGP_WRITE,
	end_page_writeback, filemap_alloc_folio, filemap_get_folio, filemap_nr_thps_dec,
	folio_contains, folio_file_page, folio_lock, folio_pos, folio_trylock, folio_wait_locked,
	folio_wait_locked_killable, folio_wait_stable, folio_wait_writeback, mapping_exiting,
	mapping_gfp_constraint, mapping_gfp_mask, mapping_set_error, mapping_shrinkable,
	page_mapping, struct_wait_page_queue, unlock_page, wake_page_match } from
	"#linux/pagemap.ts";
import { type struct_folio_batch as folio_batch, folio_batch_add, folio_batch_count,
	folio_batch_init, struct_folio_batch } from "#linux/pagevec.ts";
import { pr_alert, dump_stack } from "#linux/printk.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { down_write, down_write_nested, up_write } from "#linux/rwsem.ts";
import { TASK_KILLABLE, TASK_NORMAL, TASK_UNINTERRUPTIBLE, current, io_schedule,
	set_current_state, wake_up_state } from "#linux/sched.ts";
import { fatal_signal_pending, signal_pending_state } from "#linux/sched/signal.ts";
import { shmem_mapping } from "#linux/shmem_fs.ts";
import { spin_lock, spin_lock_irq, spin_lock_irqsave, spin_unlock, spin_unlock_irq,
	spin_unlock_irqrestore, type spinlock_t } from "#linux/spinlock.ts";
import { folio_add_lru, folio_mark_accessed, folio_rotate_reclaimable, workingset_refault } from
	"#linux/swap.ts";
import type { swp_entry_t } from "#linux/swapops.ts";
import { pfn_swap_entry_to_page } from "#linux/swapops.ts";
import { copy_folio_to_iter, copy_page_from_iter_atomic, fault_in_iov_iter_readable, iov_iter_count,
	iov_iter_is_pipe, iov_iter_revert, iov_iter_truncate, type struct_iov_iter } from
	"#linux/uio.ts";
import { __dec_lruvec_page_state, __inc_lruvec_page_state, __lruvec_stat_mod_folio,
	count_vm_event } from "#linux/vmstat.ts";
import { WQ_FLAG_CUSTOM, WQ_FLAG_DONE, WQ_FLAG_EXCLUSIVE, WQ_FLAG_WOKEN,
	__add_wait_queue_entry_tail, __wake_up_locked_key, finish_wait, init_wait,
	init_waitqueue_head, type wait_queue_entry_t, wait_queue_head_t, waitqueue_active } from
	"#linux/wait.ts";
import { balance_dirty_pages_ratelimited, folio_account_cleaned, page_writeback_init,
	struct_writeback_control } from "#linux/writeback.ts";
import { XA_PRESENT, XA_STATE, type struct_xa_state, type xa_mark_t, xa_empty_leaf, xa_get_order,
	xa_is_sibling, xa_is_value, xa_load, xa_lock_irq, xa_unlock_irq, xas_advance, xas_error,
	xas_find, xas_find_conflict, xas_find_marked, xas_init_marks, xas_pause, xas_load,
	xas_lock_irq, xas_next, xas_next_entry, xas_nomem, xas_prev, xas_reload, xas_reset,
	xas_retry, xas_reuse, xas_set, xas_set_err, xas_set_order, xas_split, xas_split_alloc,
	xas_store, xas_unlock_irq } from "#linux/xarray.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { pmd_none, pmd_trans_huge, pmdp_get, pte_none, ptep_get, update_mmu_cache } from
	"#linux/pgtable.ts";
import { GFP_RECLAIM_MASK, __folio_end_writeback, maybe_unlock_mmap_for_io, pmd_install } from
	"#mm/internal.h.ts";
import { pmd_devmap_trans_unstable } from "#linux/pgtable.ts";

/* of the page_cache_delete() that runs: one for each page would be much to allocate */
let delete_xas: struct_xa_state | null = null;

/** mm/filemap.c:page_cache_delete() */
function page_cache_delete(mapping: struct_address_space, folio: struct_folio,
	shadow: number | null): void {
	const index = folio.index;
	const xas = delete_xas === null ? delete_xas = XA_STATE(mapping.i_pages, index) :
		xas_reuse(delete_xas, mapping.i_pages, index);
	let nr = 1;

	/* a hugetlb folio is a single entry */
	if (!folio_test_hugetlb(folio)) {
		xas_set_order(xas, index, folio_order(folio));
		nr = folio_nr_pages(folio);
	}

	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);

	xas_store(xas, shadow);
	xas_init_marks(xas);

	folio.mapping = null;
	/* folio->index stays: truncation looks at it */
	mapping.nrpages -= nr;
}

/** mm/filemap.c:filemap_unaccount_folio() on a page that is still mapped. */
function filemap_bad_page(mapping: struct_address_space, folio: struct_folio): void {
	pr_alert(`BUG: Bad page cache in process ${current.comm}  pfn:${
		folio_pfn(folio).toString(16).padStart(5, "0")}\n`);
	dump_page(folio, "still mapped when deleted");
	dump_stack();
	add_taint(TAINT_BAD_PAGE, LOCKDEP_NOW_UNRELIABLE);

	if (mapping_exiting(mapping) && !folio_test_large(folio)) {
		const mapcount = page_mapcount(folio);

		if (folio_ref_count(folio) >= mapcount + 2) {
			/* all VMAs are gone: better than leaking the page */
			page_mapcount_reset(folio);
			folio_ref_sub(folio, mapcount);
		}
	}
}

/** mm/filemap.c:filemap_unaccount_folio() */
function filemap_unaccount_folio(mapping: struct_address_space, folio: struct_folio): void {
	VM_BUG_ON_FOLIO(folio_mapped(folio), folio);
	if (!IS_ENABLED(CONFIG_DEBUG_VM) && unlikely(folio_mapped(folio)))
		filemap_bad_page(mapping, folio);

	/* hugetlb folios are not accounted */
	if (folio_test_hugetlb(folio))
		return;

	const nr = folio_nr_pages(folio);

	__lruvec_stat_mod_folio(folio, NR_FILE_PAGES, -nr);
	if (folio_test_swapbacked(folio)) {
		__lruvec_stat_mod_folio(folio, NR_SHMEM, -nr);
		if (folio_test_pmd_mappable(folio))
			__lruvec_stat_mod_folio(folio, NR_SHMEM_THPS, -nr);
	} else if (folio_test_pmd_mappable(folio)) {
		__lruvec_stat_mod_folio(folio, NR_FILE_THPS, -nr);
		filemap_nr_thps_dec(mapping);
	}

	/* dirty pages of tmpfs are nothing to warn about */
	if (WARN_ON_ONCE(folio_test_dirty(folio) && mapping_can_writeback(mapping)))
		folio_account_cleaned(folio);
}

/** mm/filemap.c:__filemap_remove_folio(). The folio and i_pages are locked. */
export function __filemap_remove_folio(folio: struct_folio, shadow: number | null): void {
	const mapping = folio.mapping as struct_address_space;

	filemap_unaccount_folio(mapping, folio);
	page_cache_delete(mapping, folio, shadow);
}

/** mm/filemap.c:filemap_free_folio() */
export function filemap_free_folio(mapping: struct_address_space, folio: struct_folio): void {
	let refs = 1;

	const free_folio = mapping.a_ops.free_folio;
	if (free_folio !== undefined)
		free_folio(folio);

	if (folio_test_large(folio) && !folio_test_hugetlb(folio))
		refs = folio_nr_pages(folio);
	folio_put_refs(folio, refs);
}

/** mm/filemap.c:filemap_remove_folio(). Needs the folio's lock and a reference. */
export function filemap_remove_folio(folio: struct_folio): void {
	const mapping = folio.mapping as struct_address_space;
	const host = mapping.host!;

	BUG_ON(!folio_test_locked(folio));
	spin_lock(host.i_lock);
	xa_lock_irq(mapping.i_pages);
	__filemap_remove_folio(folio, null);
	xa_unlock_irq(mapping.i_pages);
	if (mapping_shrinkable(mapping))
		inode_add_lru(host);
	spin_unlock(host.i_lock);

	filemap_free_folio(mapping, folio);
}

/** mm/filemap.c:page_cache_delete_batch(). @fbatch is sorted by index; i_pages is locked. */
function page_cache_delete_batch(mapping: struct_address_space, fbatch: folio_batch): void {
	const xas = XA_STATE(mapping.i_pages, fbatch.folios[0]!.index);
	let total_pages = 0;
	let i = 0;

	for (let folio = xas_find(xas, PGOFF_MAX) as struct_folio | null; folio !== null;
		folio = xas_next_entry(xas, PGOFF_MAX) as struct_folio | null) {
		if (i >= folio_batch_count(fbatch))
			break;

		/* a swap or shadow entry was put there */
		if (xa_is_value(folio))
			continue;
		/* ours are locked and still there, so another folio comes before them */
		if (folio !== fbatch.folios[i]) {
			VM_BUG_ON_FOLIO(folio.index > fbatch.folios[i]!.index, folio);
			continue;
		}

		WARN_ON_ONCE(!folio_test_locked(folio));

		folio.mapping = null;
		/* folio->index stays: truncation looks at it */

		i++;
		xas_store(xas, null);
		total_pages += folio_nr_pages(folio);
	}
	mapping.nrpages -= total_pages;
}

/** mm/filemap.c:delete_from_page_cache_batch() */
export function delete_from_page_cache_batch(mapping: struct_address_space, fbatch: folio_batch):
	void {
	if (!folio_batch_count(fbatch))
		return;

	const host = mapping.host!;

	spin_lock(host.i_lock);
	xa_lock_irq(mapping.i_pages);
	for (let i = 0; i < folio_batch_count(fbatch); i++)
		filemap_unaccount_folio(mapping, fbatch.folios[i]!);
	page_cache_delete_batch(mapping, fbatch);
	xa_unlock_irq(mapping.i_pages);
	if (mapping_shrinkable(mapping))
		inode_add_lru(host);
	spin_unlock(host.i_lock);

	for (let i = 0; i < folio_batch_count(fbatch); i++)
		filemap_free_folio(mapping, fbatch.folios[i]!);
}

/** mm/filemap.c:filemap_check_errors(). Reports a write error once. */
export function filemap_check_errors(mapping: struct_address_space): number {
	let ret = 0;

	if (mapping.flags & (1 << AS_ENOSPC)) {
		mapping.flags &= ~(1 << AS_ENOSPC);
		ret = -ENOSPC;
	}
	if (mapping.flags & (1 << AS_EIO)) {
		mapping.flags &= ~(1 << AS_EIO);
		ret = -EIO;
	}
	return ret;
}

/** mm/filemap.c:filemap_fdatawrite_wbc() */
export function filemap_fdatawrite_wbc(mapping: struct_address_space,
	_wbc: struct_writeback_control): number {
	if (!mapping_can_writeback(mapping) || !mapping_tagged(mapping, PAGECACHE_TAG_DIRTY))
		return 0;

	/* upstream: do_writepages(); nothing here can be written back */
	BUG();
}

/** mm/filemap.c:__filemap_fdatawrite_range(). Bytes, inclusive. */
export function __filemap_fdatawrite_range(mapping: struct_address_space, start: loff_t,
	end: loff_t, sync_mode: number): number {
	const wbc = new struct_writeback_control();

	wbc.sync_mode = sync_mode;
	wbc.nr_to_write = PGOFF_MAX;
	wbc.range_start = start;
	wbc.range_end = end;
	return filemap_fdatawrite_wbc(mapping, wbc);
}

/** mm/filemap.c:filemap_range_has_page(). Bytes, inclusive. */
export function filemap_range_has_page(mapping: struct_address_space, start_byte: loff_t,
	end_byte: loff_t): boolean {
	const xas = XA_STATE(mapping.i_pages, loff_to_pgoff(start_byte));
	const max = loff_to_pgoff(end_byte);
	let page: struct_page | null;

	if (end_byte < start_byte)
		return false;

	rcu_read_lock();
	for (;;) {
		page = xas_find(xas, max) as struct_page | null;
		if (xas_retry(xas, page))
			continue;
		/* shadow entries do not count */
		if (xa_is_value(page))
			continue;
		break;
	}
	rcu_read_unlock();

	return page !== null;
}

/** mm/filemap.c:__filemap_fdatawait_range() */
function __filemap_fdatawait_range(mapping: struct_address_space, start_byte: loff_t,
	end_byte: loff_t): void {
	const xas = XA_STATE(mapping.i_pages, loff_to_pgoff(start_byte));
	const end = loff_to_pgoff(end_byte);
	let folio: struct_folio | null;

	if (end_byte < start_byte)
		return;

	rcu_read_lock();
	while ((folio = find_get_entry(xas, end, PAGECACHE_TAG_WRITEBACK)) !== null) {
		xas_pause(xas);
		rcu_read_unlock();
		folio_wait_writeback(folio);
		folio_clear_error(folio);
		folio_put(folio);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
}

/** mm/filemap.c:filemap_fdatawait_range(). Bytes, inclusive. */
export function filemap_fdatawait_range(mapping: struct_address_space, start_byte: loff_t,
	end_byte: loff_t): number {
	__filemap_fdatawait_range(mapping, start_byte, end_byte);
	return filemap_check_errors(mapping);
}

/** mm/filemap.c:__filemap_set_wb_err(). There is no error sequence: the last error stays. */
export function __filemap_set_wb_err(mapping: struct_address_space, err: number): void {
	mapping.wb_err = err;
}

/** mm/filemap.c:replace_page_cache_page(). Both are locked; cannot fail. */
export function replace_page_cache_page(old: struct_page, new_: struct_page): void {
	const fold = page_folio(old);
	const fnew = page_folio(new_);
	const mapping = old.mapping as struct_address_space;
	const free_folio = mapping.a_ops.free_folio;
	const offset = old.index;
	const xas = XA_STATE(mapping.i_pages, offset);

	VM_BUG_ON_PAGE(!PageLocked(old), old);
	VM_BUG_ON_PAGE(!PageLocked(new_), new_);
	VM_BUG_ON_PAGE(new_.mapping !== null, new_);

	get_page(new_);
	new_.mapping = mapping;
	new_.index = offset;

	mem_cgroup_migrate(fold, fnew);

	xas_lock_irq(xas);
	xas_store(xas, new_);

	old.mapping = null;
	/* hugetlb pages are not accounted */
	if (!PageHuge(old))
		__dec_lruvec_page_state(old, NR_FILE_PAGES);
	if (!PageHuge(new_))
		__inc_lruvec_page_state(new_, NR_FILE_PAGES);
	if (PageSwapBacked(old))
		__dec_lruvec_page_state(old, NR_SHMEM);
	if (PageSwapBacked(new_))
		__inc_lruvec_page_state(new_, NR_SHMEM);
	xas_unlock_irq(xas);
	if (free_folio)
		free_folio(fold);
	folio_put(fold);
}

/** mm/filemap.c:__filemap_add_folio() */
export function __filemap_add_folio(mapping: struct_address_space, folio: struct_folio,
	index: pgoff_t, gfp: gfp_t, shadowp: ref<number | null> | null): number {
	const xas = XA_STATE(mapping.i_pages, index);
	const huge = folio_test_hugetlb(folio);
	let charged = false;
	let nr = 1;

	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);
	VM_BUG_ON_FOLIO(folio_test_swapbacked(folio), folio);

	if (!huge) {
		const error = mem_cgroup_charge(folio, null, gfp);
		VM_BUG_ON_FOLIO((index & (folio_nr_pages(folio) - 1)) !== 0, folio);
		if (error)
			return error;
		charged = true;
		xas_set_order(xas, index, folio_order(folio));
		nr = folio_nr_pages(folio);
	}

	gfp &= GFP_RECLAIM_MASK;
	folio_ref_add(folio, nr);
	folio.mapping = mapping;
	folio.index = to_pgoff(xas.xa_index);

	do {
		let order = xa_get_order(mapping.i_pages, xas.xa_index);
		let old: number | null = null;

		if (order > folio_order(folio))
			xas_split_alloc(xas, xa_load(mapping.i_pages, xas.xa_index), order, gfp);
		xas_lock_irq(xas);
		unlock: {
			let entry;

			while ((entry = xas_find_conflict(xas)) !== null) {
				if (!xa_is_value(entry)) {
					xas_set_err(xas, -EEXIST);
					break unlock;
				}
				old = entry;
			}

			if (old !== null) {
				if (shadowp)
					shadowp.v = old;
				/* it may have been split before the lock was taken */
				order = xa_get_order(mapping.i_pages, xas.xa_index);
				if (order > folio_order(folio)) {
					BUG_ON(shmem_mapping(mapping));
					xas_split(xas, old, order);
					xas_reset(xas);
				}
			}

			xas_store(xas, folio);
			if (xas_error(xas))
				break unlock;

			mapping.nrpages += nr;

			/* hugetlb pages are not accounted */
			if (!huge) {
				__lruvec_stat_mod_folio(folio, NR_FILE_PAGES, nr);
				if (folio_test_pmd_mappable(folio))
					__lruvec_stat_mod_folio(folio, NR_FILE_THPS, nr);
			}
		}
		xas_unlock_irq(xas);
	} while (xas_nomem(xas, gfp));

	if (xas_error(xas)) {
		if (charged)
			mem_cgroup_uncharge(folio);
		folio.mapping = null;
		/* folio->index stays: truncation looks at it */
		folio_put_refs(folio, nr);
		return xas_error(xas);
	}

	return 0;
}

/** mm/filemap.c:filemap_add_folio(). On success the folio is locked. */
export function filemap_add_folio(mapping: struct_address_space, folio: struct_folio,
	index: pgoff_t, gfp: gfp_t): number {
	const shadow = new ref<number | null>(null);

	__folio_set_locked(folio);
	const ret = __filemap_add_folio(mapping, folio, index, gfp, shadow);
	if (unlikely(ret !== 0)) {
		__folio_clear_locked(folio);
	} else {
		WARN_ON_ONCE(folio_test_active(folio));
		if (!(gfp & __GFP_WRITE) && shadow.v !== null)
			workingset_refault(folio, shadow.v);
		folio_add_lru(folio);
	}
	return ret;
}

/* the address of a mapping, for lock order: the order in which mappings were first compared */
const mapping_order = new WeakMap<struct_address_space, number>();
let mapping_orders = 0;

function mapping_rank(mapping: struct_address_space): number {
	let rank = mapping_order.get(mapping);

	if (rank === undefined) {
		rank = ++mapping_orders;
		mapping_order.set(mapping, rank);
	}
	return rank;
}

/** mm/filemap.c:filemap_invalidate_lock_two() */
export function filemap_invalidate_lock_two(mapping1: struct_address_space | null,
	mapping2: struct_address_space | null): void {
	if (mapping1 && mapping2 && mapping_rank(mapping1) > mapping_rank(mapping2))
		[mapping1, mapping2] = [mapping2, mapping1];
	if (mapping1)
		down_write(mapping1.invalidate_lock);
	if (mapping2 && mapping1 !== mapping2)
		down_write_nested(mapping2.invalidate_lock, 1);
}

/** mm/filemap.c:filemap_invalidate_unlock_two() */
export function filemap_invalidate_unlock_two(mapping1: struct_address_space | null,
	mapping2: struct_address_space | null): void {
	if (mapping1)
		up_write(mapping1.invalidate_lock);
	if (mapping2 && mapping1 !== mapping2)
		up_write(mapping2.invalidate_lock);
}

/*
 * Waiters for a bit of any folio sit in a small hash table of queues; a wake-up goes through all
 * of a queue, and each waiter looks whether it was meant.
 */
const PAGE_WAIT_TABLE_BITS	= 8;
const PAGE_WAIT_TABLE_SIZE	= 1 << PAGE_WAIT_TABLE_BITS;
const folio_wait_table: wait_queue_head_t[] = [];

function folio_waitqueue(folio: struct_folio): wait_queue_head_t {
	return folio_wait_table[folio.pfn & (PAGE_WAIT_TABLE_SIZE - 1)]!;
}

/** mm/filemap.c:pagecache_init() */
export function pagecache_init(): void {
	for (let i = 0; i < PAGE_WAIT_TABLE_SIZE; i++) {
		folio_wait_table[i] = new wait_queue_head_t();
		init_waitqueue_head(folio_wait_table[i]!);
	}

	page_writeback_init();
}

/*
 * mm/filemap.c:wake_page_function(). A waiter without flags wants to see the bit clear; one with
 * WQ_FLAG_EXCLUSIVE wants the lock and takes it itself; if WQ_FLAG_CUSTOM is set as well, the lock
 * is handed over (WQ_FLAG_DONE).
 */
function wake_page_function(wait: wait_queue_entry_t, mode: number, _sync: number, arg: unknown):
	number {
	const key = arg as struct_wait_page_key;
	const wait_page = container_of(wait, struct_wait_page_queue, "wait");

	if (!wake_page_match(wait_page, key))
		return 0;

	let flags = wait.flags;
	if (flags & WQ_FLAG_EXCLUSIVE) {
		if (key.folio.flags & (1 << key.bit_nr))
			return -1;
		if (flags & WQ_FLAG_CUSTOM) {
			key.folio.flags |= 1 << key.bit_nr;
			flags |= WQ_FLAG_DONE;
		}
	}

	wait.flags = smp_store_release(flags | WQ_FLAG_WOKEN);
	wake_up_state(wait.private_ as typeof current, mode);

	/* last: after this the entry may be gone */
	list_del_init_careful(wait.entry);
	return Number((flags & WQ_FLAG_EXCLUSIVE) !== 0);
}

/** mm/filemap.c:folio_wake_bit() */
function folio_wake_bit(folio: struct_folio, bit_nr: number): void {
	const q = folio_waitqueue(folio);
	const key: struct_wait_page_key = { folio, bit_nr, page_match: 0 };

	/* upstream goes by bookmark through a long queue, to let go of the lock in between */
	const flags = spin_lock_irqsave(q.lock);
	__wake_up_locked_key(q, TASK_NORMAL, key);

	/* waiters of other folios may keep the flag here; the next waker clears it */
	if (!waitqueue_active(q) || !key.page_match)
		folio_clear_waiters(folio);

	spin_unlock_irqrestore(q.lock, flags);
}

function folio_wake(folio: struct_folio, bit: number): void {
	if (!folio_test_waiters(folio))
		return;
	folio_wake_bit(folio, bit);
}

/* enum behavior: what folio_wait_bit_common() does with the bit and its reference */
const EXCLUSIVE	= 0;	/* take the bit when woken */
const SHARED	= 1;	/* look at the bit when woken */
const DROP	= 2;	/* drop the reference before the wait, do not look */
type behavior = typeof EXCLUSIVE | typeof SHARED | typeof DROP;

/** mm/filemap.c:folio_trylock_flag() */
function folio_trylock_flag(folio: struct_folio, bit_nr: number, wait: wait_queue_entry_t):
	boolean {
	if (folio.flags & (1 << bit_nr))
		return false;
	if (wait.flags & WQ_FLAG_EXCLUSIVE)
		folio.flags |= 1 << bit_nr;

	wait.flags |= WQ_FLAG_WOKEN | WQ_FLAG_DONE;
	return true;
}

/** How many times a waiter accepts that the lock is stolen from it. */
export const sysctl_page_lock_unfairness = 5;

/*
 * mm/filemap.c:folio_wait_bit_common(). Kernel code runs to its end, so whoever holds the bit
 * cannot clear it meanwhile: io_schedule() makes a wait for a taken bit a BUG.
 */
function folio_wait_bit_common(folio: struct_folio, bit_nr: number, state: number,
	behavior: behavior): number {
	const q = folio_waitqueue(folio);
	let unfairness = sysctl_page_lock_unfairness;
	const wait_page = new struct_wait_page_queue(folio, bit_nr);
	const wait = wait_page.wait;

	init_wait(wait);
	wait.func = wake_page_function;

	repeat: for (;;) {
		wait.flags = 0;
		if (behavior === EXCLUSIVE) {
			wait.flags = WQ_FLAG_EXCLUSIVE;
			if (--unfairness < 0)
				wait.flags |= WQ_FLAG_CUSTOM;
		}

		/* mark the folio before the last check, so that a waker looks at the queue */
		spin_lock_irq(q.lock);
		folio_set_waiters(folio);
		if (!folio_trylock_flag(folio, bit_nr, wait))
			__add_wait_queue_entry_tail(q, wait);
		spin_unlock_irq(q.lock);

		if (behavior === DROP)
			folio_put(folio);

		for (;;) {
			set_current_state(state);

			/* until woken or interrupted */
			const flags = smp_load_acquire(wait.flags);
			if (!(flags & WQ_FLAG_WOKEN)) {
				if (signal_pending_state(state, current))
					break;

				io_schedule();
				continue;
			}

			if (behavior !== EXCLUSIVE)
				break;

			/* the waker took the lock for us */
			if (flags & WQ_FLAG_DONE)
				break;

			if (unlikely((folio.flags & (1 << bit_nr)) !== 0))
				continue repeat;

			folio.flags |= 1 << bit_nr;
			wait.flags |= WQ_FLAG_DONE;
			break;
		}
		break;
	}

	finish_wait(q, wait);

	/* only now are the flags stable */
	if (behavior === EXCLUSIVE)
		return wait.flags & WQ_FLAG_DONE ? 0 : -EINTR;

	return wait.flags & WQ_FLAG_WOKEN ? 0 : -EINTR;
}

/*
 * mm/filemap.c:migration_entry_wait_on_locked(). Waits for the lock of the page behind a migration
 * entry without a reference to it: while the page table lock @ptl is held (dropped here), whoever
 * migrates or splits the page has one. @ptep is 0 for a PMD entry.
 */
export function migration_entry_wait_on_locked(entry: swp_entry_t, ptep: ptep_t,
	ptl: spinlock_t): void {
	const folio = page_folio(pfn_swap_entry_to_page(entry));
	const q = folio_waitqueue(folio);
	const wait_page = new struct_wait_page_queue(folio, PG_locked);
	const wait = wait_page.wait;

	init_wait(wait);
	wait.func = wake_page_function;
	wait.flags = 0;

	spin_lock_irq(q.lock);
	folio_set_waiters(folio);
	if (!folio_trylock_flag(folio, PG_locked, wait))
		__add_wait_queue_entry_tail(q, wait);
	spin_unlock_irq(q.lock);

	if (ptep)
		pte_unmap_unlock(ptep, ptl);
	else
		spin_unlock(ptl);

	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);

		/* until woken or interrupted */
		const flags = smp_load_acquire(wait.flags);
		if (!(flags & WQ_FLAG_WOKEN)) {
			if (signal_pending_state(TASK_UNINTERRUPTIBLE, current))
				break;

			io_schedule();
			continue;
		}
		break;
	}

	finish_wait(q, wait);
}

/** mm/filemap.c:folio_wait_bit() */
export function folio_wait_bit(folio: struct_folio, bit_nr: number): void {
	folio_wait_bit_common(folio, bit_nr, TASK_UNINTERRUPTIBLE, SHARED);
}

/** mm/filemap.c:folio_wait_bit_killable() */
export function folio_wait_bit_killable(folio: struct_folio, bit_nr: number): number {
	return folio_wait_bit_common(folio, bit_nr, TASK_KILLABLE, SHARED);
}

/** mm/filemap.c:folio_put_wait_locked() */
export function folio_put_wait_locked(folio: struct_folio, state: number): number {
	return folio_wait_bit_common(folio, PG_locked, state, DROP);
}

/** mm/filemap.c:folio_add_wait_queue() */
export function folio_add_wait_queue(folio: struct_folio, waiter: wait_queue_entry_t): void {
	const q = folio_waitqueue(folio);

	const flags = spin_lock_irqsave(q.lock);
	__add_wait_queue_entry_tail(q, waiter);
	folio_set_waiters(folio);
	spin_unlock_irqrestore(q.lock, flags);
}

/** mm/filemap.c:folio_unlock() */
export function folio_unlock(folio: struct_folio): void {
	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);
	const flags = folio.flags & ~(1 << PG_locked);
	folio.flags = flags;
	if (flags & (1 << PG_waiters))
		folio_wake_bit(folio, PG_locked);
}

/** mm/filemap.c:folio_end_writeback() */
export function folio_end_writeback(folio: struct_folio): void {
	if (folio_test_reclaim(folio)) {
		folio_clear_reclaim(folio);
		folio_rotate_reclaimable(folio);
	}

	/* writeback holds no reference: the folio must survive the wake-up */
	folio_get(folio);
	if (!__folio_end_writeback(folio))
		BUG();

	folio_wake(folio, PG_writeback);
	folio_put(folio);
}

/** mm/filemap.c:page_endio() */
export function page_endio(page: struct_page, is_write: boolean, err: number): void {
	if (!is_write) {
		if (!err) {
			SetPageUptodate(page);
		} else {
			ClearPageUptodate(page);
			SetPageError(page);
		}
		unlock_page(page);
	} else {
		if (err) {
			SetPageError(page);
			const mapping = page_mapping(page);
			if (mapping)
				mapping_set_error(mapping, err);
		}
		end_page_writeback(page);
	}
}

/** mm/filemap.c:__folio_lock() */
export function __folio_lock(folio: struct_folio): void {
	folio_wait_bit_common(folio, PG_locked, TASK_UNINTERRUPTIBLE, EXCLUSIVE);
}

/** mm/filemap.c:__folio_lock_killable() */
export function __folio_lock_killable(folio: struct_folio): number {
	return folio_wait_bit_common(folio, PG_locked, TASK_KILLABLE, EXCLUSIVE);
}

/** mm/filemap.c:__folio_lock_or_retry(). False: not locked, and mmap_lock released unless the
 * flags allow a retry without waiting. */
export function __folio_lock_or_retry(folio: struct_folio, mm: struct_mm_struct, flags: number):
	boolean {
	if (fault_flag_allow_retry_first(flags)) {
		/* mmap_lock is not released in this one case */
		if (flags & FAULT_FLAG_RETRY_NOWAIT)
			return false;

		mmap_read_unlock(mm);
		if (flags & FAULT_FLAG_KILLABLE)
			folio_wait_locked_killable(folio);
		else
			folio_wait_locked(folio);
		return false;
	}
	if (flags & FAULT_FLAG_KILLABLE) {
		const ret = __folio_lock_killable(folio);
		if (ret) {
			mmap_read_unlock(mm);
			return false;
		}
	} else {
		__folio_lock(folio);
	}

	return true;
}

/** mm/filemap.c:page_cache_next_miss() */
export function page_cache_next_miss(mapping: struct_address_space, index: pgoff_t,
	max_scan: number): pgoff_t {
	const xas = XA_STATE(mapping.i_pages, index);

	while (max_scan--) {
		const entry = xas_next(xas);
		if (entry === null || xa_is_value(entry))
			break;
		if (xas.xa_index === 0)
			break;
	}

	return to_pgoff(xas.xa_index);
}

/** mm/filemap.c:page_cache_prev_miss() */
export function page_cache_prev_miss(mapping: struct_address_space, index: pgoff_t,
	max_scan: number): pgoff_t {
	const xas = XA_STATE(mapping.i_pages, index);

	while (max_scan--) {
		const entry = xas_prev(xas);
		if (entry === null || xa_is_value(entry))
			break;
		if (xas.xa_index >= PGOFF_MAX || xas.xa_index < 0)
			break;
	}

	return to_pgoff(xas.xa_index);
}

/** mm/filemap.c:mapping_get_entry(). A folio comes with a reference. */
function mapping_get_entry(mapping: struct_address_space, index: pgoff_t): struct_folio | null {
	let folio: struct_folio | null;

	rcu_read_lock();
	if (xa_empty_leaf(mapping.i_pages, index) !== null) {
		rcu_read_unlock();
		return null;
	}
	const xas = XA_STATE(mapping.i_pages, index);
	for (;;) {
		xas_reset(xas);
		folio = xas_load(xas) as struct_folio | null;
		if (xas_retry(xas, folio))
			continue;
		/* a swap or shadow entry has no reference count */
		if (folio === null || xa_is_value(folio))
			break;

		if (!folio_try_get_rcu(folio))
			continue;

		if (unlikely(folio !== xas_reload(xas))) {
			folio_put(folio);
			continue;
		}
		break;
	}
	rcu_read_unlock();

	return folio;
}

/** The end of mm/filemap.c:__filemap_get_folio(): no page, and FGP_CREAT. */
function filemap_get_new_folio(mapping: struct_address_space, index: pgoff_t, fgp_flags: number,
	gfp: gfp_t): struct_folio | null {
	if ((fgp_flags & FGP_WRITE) && mapping_can_writeback(mapping))
		gfp |= __GFP_WRITE;
	if (fgp_flags & FGP_NOFS)
		gfp &= ~__GFP_FS;
	if (fgp_flags & FGP_NOWAIT) {
		gfp &= ~GFP_KERNEL;
		gfp |= GFP_NOWAIT | __GFP_NOWARN;
	}

	const folio = filemap_alloc_folio(gfp, 0);
	if (folio === null)
		return null;

	if (WARN_ON_ONCE(!(fgp_flags & (FGP_LOCK | FGP_FOR_MMAP))))
		fgp_flags |= FGP_LOCK;

	if (fgp_flags & FGP_ACCESSED)
		__folio_set_referenced(folio);

	const err = filemap_add_folio(mapping, folio, index, gfp);
	if (unlikely(err !== 0)) {
		folio_put(folio);
		if (err === -EEXIST)
			return __filemap_get_folio(mapping, index, fgp_flags, gfp);
		return null;
	}

	/* filemap_add_folio() locks; a fault wants to do that itself */
	if (fgp_flags & FGP_FOR_MMAP)
		folio_unlock(folio);

	return folio;
}

/** mm/filemap.c:__filemap_get_folio() */
export function __filemap_get_folio(mapping: struct_address_space, index: pgoff_t,
	fgp_flags: number, gfp: gfp_t): struct_folio | null {
	let folio: struct_folio | null;

	repeat: for (;;) {
		folio = mapping_get_entry(mapping, index);
		if (xa_is_value(folio)) {
			if (fgp_flags & FGP_ENTRY)
				return folio;
			folio = null;
		}
		no_page: {
			if (folio === null)
				break no_page;

			if (fgp_flags & FGP_LOCK) {
				if (fgp_flags & FGP_NOWAIT) {
					if (!folio_trylock(folio)) {
						folio_put(folio);
						return null;
					}
				} else {
					folio_lock(folio);
				}

				/* gone while it was not locked */
				if (unlikely(folio.mapping !== mapping)) {
					folio_unlock(folio);
					folio_put(folio);
					continue repeat;
				}
				VM_BUG_ON_FOLIO(!folio_contains(folio, index), folio);
			}

			if (fgp_flags & FGP_ACCESSED) {
				folio_mark_accessed(folio);
			} else if (fgp_flags & FGP_WRITE) {
				if (folio_test_idle(folio))
					folio_clear_idle(folio);
			}

			if (fgp_flags & FGP_STABLE)
				folio_wait_stable(folio);
		}
		if (folio === null && (fgp_flags & FGP_CREAT))
			return filemap_get_new_folio(mapping, index, fgp_flags, gfp);

		return folio;
	}
}

/** mm/filemap.c:find_get_entry() */
function find_get_entry(xas: struct_xa_state, max: pgoff_t, mark: xa_mark_t):
	struct_folio | null {
	for (;;) {
		let folio: struct_folio | null;

		if (mark === XA_PRESENT)
			folio = xas_find(xas, max) as struct_folio | null;
		else
			folio = xas_find_marked(xas, max, mark) as struct_folio | null;

		if (xas_retry(xas, folio))
			continue;
		/* a swap or shadow entry has no reference count */
		if (folio === null || xa_is_value(folio))
			return folio;

		if (!folio_try_get_rcu(folio)) {
			xas_reset(xas);
			continue;
		}

		if (unlikely(folio !== xas_reload(xas))) {
			folio_put(folio);
			xas_reset(xas);
			continue;
		}

		return folio;
	}
}

/** mm/filemap.c:find_get_entries() */
export function find_get_entries(mapping: struct_address_space, start: pgoff_t, end: pgoff_t,
	fbatch: folio_batch, indices: pgoff_t[]): number {
	const xas = XA_STATE(mapping.i_pages, start);
	let folio: struct_folio | null;

	rcu_read_lock();
	while ((folio = find_get_entry(xas, end, XA_PRESENT)) !== null) {
		indices[fbatch.nr] = to_pgoff(xas.xa_index);
		if (!folio_batch_add(fbatch, folio))
			break;
	}
	rcu_read_unlock();

	return folio_batch_count(fbatch);
}

/** mm/filemap.c:find_lock_entries(). Skips what is locked or reaches out of the range. */
export function find_lock_entries(mapping: struct_address_space, start: pgoff_t, end: pgoff_t,
	fbatch: folio_batch, indices: pgoff_t[]): number {
	const xas = XA_STATE(mapping.i_pages, start);
	let folio: struct_folio | null;

	/* numbers to V8, too: a parameter is asked what it is at each use */
	start = to_pgoff(+start);
	end = to_pgoff(+end);
	rcu_read_lock();
	while ((folio = find_get_entry(xas, end, XA_PRESENT)) !== null) {
		put: {
			unlock: {
				if (!xa_is_value(folio)) {
					if (folio.index < start)
						break put;
					if (folio.index + folio_nr_pages(folio) - 1 > end)
						break put;
					if (!folio_trylock(folio))
						break put;
					if (folio.mapping !== mapping ||
					    folio_test_writeback(folio))
						break unlock;
					VM_BUG_ON_FOLIO(!folio_contains(folio,
						to_pgoff(xas.xa_index)), folio);
				}
				indices[fbatch.nr] = to_pgoff(xas.xa_index);
				if (!folio_batch_add(fbatch, folio)) {
					rcu_read_unlock();
					return folio_batch_count(fbatch);
				}
				continue;
			}
			folio_unlock(folio);
		}
		folio_put(folio);
	}
	rcu_read_unlock();

	return folio_batch_count(fbatch);
}

/** mm/filemap.c:filemap_get_folios(). Moves @start behind the last folio found. */
export function filemap_get_folios(mapping: struct_address_space, start: ref<pgoff_t>,
	end: pgoff_t, fbatch: folio_batch): number {
	const xas = XA_STATE(mapping.i_pages, start.v);
	let folio: struct_folio | null;

	rcu_read_lock();
	out: {
		while ((folio = find_get_entry(xas, end, XA_PRESENT)) !== null) {
			/* skip shadow and swap entries */
			if (xa_is_value(folio))
				continue;
			if (!folio_batch_add(fbatch, folio)) {
				let nr = folio_nr_pages(folio);

				if (folio_test_hugetlb(folio))
					nr = 1;
				start.v = to_pgoff(folio.index + nr);
				break out;
			}
		}

		if (end === PGOFF_MAX)
			start.v = PGOFF_MAX;
		else
			start.v = to_pgoff(end + 1);
	}
	rcu_read_unlock();

	return folio_batch_count(fbatch);
}

function folio_more_pages(folio: struct_folio, index: number, max: number): boolean {
	if (!folio_test_large(folio) || folio_test_hugetlb(folio))
		return false;
	if (index >= max)
		return false;
	return index < folio.index + folio_nr_pages(folio) - 1;
}

/** mm/filemap.c:find_get_pages_contig() */
export function find_get_pages_contig(mapping: struct_address_space, index: pgoff_t,
	nr_pages: number, pages: struct_page[]): number {
	const xas = XA_STATE(mapping.i_pages, index);
	let ret = 0;

	if (unlikely(!nr_pages))
		return 0;

	rcu_read_lock();
	out: for (let folio = xas_load(xas) as struct_folio | null; folio !== null;
		folio = xas_next(xas) as struct_folio | null) {
		if (xas_retry(xas, folio))
			continue;
		if (xa_is_value(folio))
			break;

		if (!folio_try_get_rcu(folio)) {
			xas_reset(xas);
			continue;
		}

		if (unlikely(folio !== xas_reload(xas))) {
			folio_put(folio);
			xas_reset(xas);
			continue;
		}

		for (;;) {
			pages[ret] = folio_file_page(folio, to_pgoff(xas.xa_index));
			if (++ret === nr_pages)
				break out;
			if (!folio_more_pages(folio, xas.xa_index, PGOFF_MAX))
				break;
			xas.xa_index++;
			folio_ref_inc(folio);
		}
	}
	rcu_read_unlock();
	return ret;
}

/** mm/filemap.c:filemap_get_read_batch(). Contiguous folios from @index to @max. */
function filemap_get_read_batch(mapping: struct_address_space, index: pgoff_t, max: pgoff_t,
	fbatch: folio_batch): void {
	const xas = XA_STATE(mapping.i_pages, index);

	rcu_read_lock();
	for (let folio = xas_load(xas) as struct_folio | null; folio !== null;
		folio = xas_next(xas) as struct_folio | null) {
		if (xas_retry(xas, folio))
			continue;
		if (xas.xa_index > max || xa_is_value(folio))
			break;
		if (xa_is_sibling(folio))
			break;
		if (!folio_try_get_rcu(folio)) {
			xas_reset(xas);
			continue;
		}

		if (unlikely(folio !== xas_reload(xas))) {
			folio_put(folio);
			xas_reset(xas);
			continue;
		}

		if (!folio_batch_add(fbatch, folio))
			break;
		if (!folio_test_uptodate(folio))
			break;
		if (folio_test_readahead(folio))
			break;
		xas_advance(xas, folio.index + folio_nr_pages(folio) - 1);
	}
	rcu_read_unlock();
}

/** mm/filemap.c:filemap_read_folio(). The filler unlocks the folio. */
function filemap_read_folio(file: struct_file | null, filler: filler_t, folio: struct_folio):
	number {
	/* an earlier error may have been temporary */
	folio_clear_error(folio);
	let error = filler(file, folio);
	if (error)
		return error;

	error = folio_wait_locked_killable(folio);
	if (error)
		return error;
	if (folio_test_uptodate(folio))
		return 0;
	return -EIO;
}

/** mm/filemap.c:filemap_range_uptodate() */
function filemap_range_uptodate(mapping: struct_address_space, pos: loff_t,
	iter: struct_iov_iter, folio: struct_folio): boolean {
	if (folio_test_uptodate(folio))
		return true;
	/* a pipe takes whole pages only */
	if (iov_iter_is_pipe(iter))
		return false;
	if (!mapping.a_ops.is_partially_uptodate)
		return false;
	if (mapping.host!.i_blkbits >= folio_shift(folio))
		return false;

	let count = iov_iter_count(iter);
	let from = Number(pos - folio_pos(folio));
	if (from < 0) {
		count += from;
		from = 0;
	}

	return mapping.a_ops.is_partially_uptodate(folio, from, count);
}

/** mm/filemap.c:filemap_update_page() */
function filemap_update_page(iocb: struct_kiocb, mapping: struct_address_space,
	iter: struct_iov_iter, folio: struct_folio): number {
	let error: number;

	if (iocb.ki_flags & IOCB_NOWAIT) {
		if (!filemap_invalidate_trylock_shared(mapping))
			return -EAGAIN;
	} else {
		filemap_invalidate_lock_shared(mapping);
	}

	unlock_mapping: {
		if (!folio_trylock(folio)) {
			error = -EAGAIN;
			if (iocb.ki_flags & (IOCB_NOWAIT | IOCB_NOIO))
				break unlock_mapping;
			filemap_invalidate_unlock_shared(mapping);
			folio_put_wait_locked(folio, TASK_KILLABLE);
			return AOP_TRUNCATED_PAGE;
		}

		unlock: {
			error = AOP_TRUNCATED_PAGE;
			if (folio.mapping === null)
				break unlock;

			error = 0;
			if (filemap_range_uptodate(mapping, iocb.ki_pos, iter, folio))
				break unlock;

			error = -EAGAIN;
			if (iocb.ki_flags & (IOCB_NOIO | IOCB_NOWAIT))
				break unlock;

			error = filemap_read_folio(iocb.ki_filp, mapping.a_ops.read_folio!, folio);
			break unlock_mapping;
		}
		folio_unlock(folio);
	}
	filemap_invalidate_unlock_shared(mapping);
	if (error === AOP_TRUNCATED_PAGE)
		folio_put(folio);
	return error;
}

/** mm/filemap.c:filemap_create_folio(). invalidate_lock keeps truncation out meanwhile. */
function filemap_create_folio(file: struct_file, mapping: struct_address_space, index: pgoff_t,
	fbatch: folio_batch): number {
	const folio = filemap_alloc_folio(mapping_gfp_mask(mapping), 0);
	if (folio === null)
		return -ENOMEM;

	filemap_invalidate_lock_shared(mapping);
	error: {
		let error = filemap_add_folio(mapping, folio, index,
			mapping_gfp_constraint(mapping, GFP_KERNEL));
		if (error === -EEXIST)
			error = AOP_TRUNCATED_PAGE;
		if (!error)
			error = filemap_read_folio(file, mapping.a_ops.read_folio!, folio);
		if (!error)
			break error;

		filemap_invalidate_unlock_shared(mapping);
		folio_put(folio);
		return error;
	}
	filemap_invalidate_unlock_shared(mapping);
	folio_batch_add(fbatch, folio);
	return 0;
}

/** mm/filemap.c:filemap_get_pages() */
function filemap_get_pages(iocb: struct_kiocb, iter: struct_iov_iter, fbatch: folio_batch):
	number {
	const filp = iocb.ki_filp;
	const mapping = filp.f_mapping!;
	const index = loff_to_pgoff(iocb.ki_pos);
	const last_index = loff_to_pgoff(iocb.ki_pos +
		BigInt(iov_iter_count(iter) + PAGE_SIZE - 1));

	for (;;) {
		if (fatal_signal_pending(current))
			return -EINTR;

		filemap_get_read_batch(mapping, index, last_index, fbatch);
		if (!folio_batch_count(fbatch)) {
			if (iocb.ki_flags & IOCB_NOIO)
				return -EAGAIN;
			if (iocb.ki_flags & IOCB_NOWAIT)
				return -EAGAIN;
			const err = filemap_create_folio(filp, mapping, index, fbatch);
			if (err === AOP_TRUNCATED_PAGE)
				continue;
			return err;
		}

		const folio = fbatch.folios[folio_batch_count(fbatch) - 1]!;
		if (!folio_test_uptodate(folio)) {
			const err = filemap_update_page(iocb, mapping, iter, folio);
			if (err) {
				if (err < 0)
					folio_put(folio);
				if (--fbatch.nr)
					return 0;
				if (err === AOP_TRUNCATED_PAGE)
					continue;
				return err;
			}
		}

		return 0;
	}
}

/** mm/filemap.c:filemap_read() */
export function filemap_read(iocb: struct_kiocb, iter: struct_iov_iter, already_read: number):
	number {
	const filp = iocb.ki_filp;
	const mapping = filp.f_mapping!;
	const inode = mapping.host!;
	const fbatch = new struct_folio_batch();
	let error = 0;
	let isize: loff_t;

	if (unlikely(iocb.ki_pos >= inode.i_sb!.s_maxbytes))
		return 0;
	if (unlikely(!iov_iter_count(iter)))
		return 0;

	iov_iter_truncate(iter, Number(inode.i_sb!.s_maxbytes));
	folio_batch_init(fbatch);

	do {
		cond_resched();

		isize = i_size_read(inode);
		if (unlikely(iocb.ki_pos >= isize))
			break;

		error = filemap_get_pages(iocb, iter, fbatch);
		if (error < 0)
			break;

		/* only with the pages uptodate does i_size say how much of them is the file's */
		isize = i_size_read(inode);
		put_folios: {
			if (unlikely(iocb.ki_pos >= isize))
				break put_folios;
			const end_offset = min(isize, iocb.ki_pos + BigInt(iov_iter_count(iter)));

			const writably_mapped = mapping_writably_mapped(mapping);

			folio_mark_accessed(fbatch.folios[0]!);

			for (let i = 0; i < folio_batch_count(fbatch); i++) {
				const folio = fbatch.folios[i]!;
				const fsize = folio_size(folio);
				const offset = Number(iocb.ki_pos & BigInt(fsize - 1));
				const bytes = Number(min(end_offset - iocb.ki_pos,
					BigInt(fsize - offset)));

				if (end_offset < folio_pos(folio))
					break;
				if (i > 0)
					folio_mark_accessed(folio);
				if (writably_mapped)
					flush_dcache_folio(folio);

				const copied = copy_folio_to_iter(folio, offset, bytes, iter);

				already_read += copied;
				iocb.ki_pos += BigInt(copied);

				if (copied < bytes) {
					error = -EFAULT;
					break;
				}
			}
		}
		for (let i = 0; i < folio_batch_count(fbatch); i++)
			folio_put(fbatch.folios[i]!);
		folio_batch_init(fbatch);
	} while (iov_iter_count(iter) && iocb.ki_pos < isize && !error);

	file_accessed(filp);

	return already_read ? already_read : error;
}

/** mm/filemap.c:generic_file_read_iter() */
export function generic_file_read_iter(iocb: struct_kiocb, iter: struct_iov_iter): number {
	const count = iov_iter_count(iter);

	if (!count)
		return 0; /* skip atime */

	return filemap_read(iocb, iter, 0);
}

/** mm/filemap.c:folio_seek_hole_data(): whether the entry is what is looked for. Blocks within a
 * page are not told apart (no is_partially_uptodate here). */
function folio_seek_hole_data(folio: struct_folio, seek_data: boolean): boolean {
	if (xa_is_value(folio) || folio_test_uptodate(folio))
		return seek_data;
	return !seek_data;
}

/** In pages. */
function seek_folio_size(mapping: struct_address_space, xas: struct_xa_state,
	folio: struct_folio): number {
	if (xa_is_value(folio))
		return 1 << xa_get_order(mapping.i_pages, xas.xa_index);
	return folio_nr_pages(folio);
}

/*
 * mm/filemap.c:mapping_seek_hole_data(). The walk counts in pages: once @start moved it is the
 * first byte of page `index`.
 */
export function mapping_seek_hole_data(mapping: struct_address_space, start: loff_t, end: loff_t,
	whence: number): loff_t {
	const xas = XA_STATE(mapping.i_pages, loff_to_pgoff(start));
	const max = loff_to_pgoff(end - 1n);
	const end_index = max + 1;
	const seek_data = whence === SEEK_DATA;
	const first = loff_to_pgoff(start);
	let index: number = first;
	let moved = false;
	let folio: struct_folio | null;

	if (end <= start)
		return BigInt(-ENXIO);

	rcu_read_lock();
	unlock: {
		while ((folio = find_get_entry(xas, max, XA_PRESENT)) !== null) {
			let pos: number = xas.xa_index;

			if (index < pos) {
				if (!seek_data)
					break unlock;
				index = pos;
				moved = true;
			}

			const seek_size = seek_folio_size(mapping, xas, folio);
			pos = pos - (pos & (seek_size - 1)) + seek_size;
			if (folio_seek_hole_data(folio, seek_data))
				break unlock;
			index = pos;
			moved = true;
			if (index >= end_index)
				break;
			if (seek_size > 1)
				xas_set(xas, pos);
			if (!xa_is_value(folio))
				folio_put(folio);
		}
		if (seek_data) {
			rcu_read_unlock();
			if (folio !== null && !xa_is_value(folio))
				folio_put(folio);
			return BigInt(-ENXIO);
		}
	}
	rcu_read_unlock();
	if (folio !== null && !xa_is_value(folio))
		folio_put(folio);
	if (moved)
		start = pgoff_to_loff(to_pgoff(index));
	if (start > end)
		return end;
	return start;
}

/** mm/filemap.c:lock_folio_maybe_drop_mmap() */
function lock_folio_maybe_drop_mmap(vmf: struct_vm_fault, folio: struct_folio,
	fpin: ref<struct_file | null>): boolean {
	if (folio_trylock(folio))
		return true;

	/* here alone VM_FAULT_RETRY goes with mmap_lock held */
	if (vmf.flags & FAULT_FLAG_RETRY_NOWAIT)
		return false;

	fpin.v = maybe_unlock_mmap_for_io(vmf, fpin.v);
	if (vmf.flags & FAULT_FLAG_KILLABLE) {
		if (__folio_lock_killable(folio)) {
			/* the caller takes VM_FAULT_RETRY for an unlocked mmap_lock */
			if (fpin.v === null)
				mmap_read_unlock(vmf.vma.vm_mm!);
			return false;
		}
	} else {
		__folio_lock(folio);
	}

	return true;
}

/** mm/filemap.c:filemap_fault(). mmap_lock is held, and dropped if it returns VM_FAULT_RETRY. */
export function filemap_fault(vmf: struct_vm_fault): vm_fault_t {
	const file = vmf.vma.vm_file!;
	const fpin = new ref<struct_file | null>(null);
	const mapping = file.f_mapping!;
	const inode = mapping.host!;
	const index = vmf.pgoff;
	let ret = 0;
	let mapping_locked = false;

	if (unlikely(index >= inode.i_size_pages))
		return VM_FAULT_SIGBUS;

	let folio = filemap_get_folio(mapping, index);
	let find = false;
	if (folio !== null) {
		if (unlikely(!folio_test_uptodate(folio))) {
			filemap_invalidate_lock_shared(mapping);
			mapping_locked = true;
		}
	} else {
		count_vm_event(PGMAJFAULT);
		count_memcg_event_mm(vmf.vma.vm_mm, PGMAJFAULT);
		ret = VM_FAULT_MAJOR;
		find = true;
	}

	out_retry: for (;;) {
		/* retry_find */
		if (find) {
			find = false;
			/* keeps truncation out, as in filemap_create_folio() */
			if (!mapping_locked) {
				filemap_invalidate_lock_shared(mapping);
				mapping_locked = true;
			}
			folio = __filemap_get_folio(mapping, index, FGP_CREAT | FGP_FOR_MMAP,
				vmf.gfp_mask);
			if (folio === null) {
				if (fpin.v)
					break out_retry;
				filemap_invalidate_unlock_shared(mapping);
				return VM_FAULT_OOM;
			}
		}

		if (!lock_folio_maybe_drop_mmap(vmf, folio!, fpin))
			break out_retry;

		/* gone while it was not locked */
		if (unlikely(folio!.mapping !== mapping)) {
			folio_unlock(folio!);
			folio_put(folio!);
			find = true;
			continue;
		}
		VM_BUG_ON_FOLIO(!folio_contains(folio!, index), folio!);

		if (unlikely(!folio_test_uptodate(folio!))) {
			/* it was uptodate before the lock was taken: look again under both locks */
			if (!mapping_locked) {
				folio_unlock(folio!);
				folio_put(folio!);
				find = true;
				continue;
			}

			/* page_not_uptodate: read it once */
			fpin.v = maybe_unlock_mmap_for_io(vmf, fpin.v);
			const error = filemap_read_folio(file, mapping.a_ops.read_folio!, folio!);
			if (fpin.v)
				break out_retry;
			folio_put(folio!);

			if (!error || error === AOP_TRUNCATED_PAGE) {
				find = true;
				continue;
			}
			filemap_invalidate_unlock_shared(mapping);

			return VM_FAULT_SIGBUS;
		}

		/* mmap_lock was dropped: the VMA has to be looked up again */
		if (fpin.v) {
			folio_unlock(folio!);
			break out_retry;
		}
		if (mapping_locked)
			filemap_invalidate_unlock_shared(mapping);

		/* again, now that the folio is locked */
		if (unlikely(index >= inode.i_size_pages)) {
			folio_unlock(folio!);
			folio_put(folio!);
			return VM_FAULT_SIGBUS;
		}

		vmf.page = folio_file_page(folio!, index);
		return ret | VM_FAULT_LOCKED;
	}

	if (folio)
		folio_put(folio);
	if (mapping_locked)
		filemap_invalidate_unlock_shared(mapping);
	if (fpin.v)
		fput(fpin.v);
	return ret | VM_FAULT_RETRY;
}

/** mm/filemap.c:filemap_map_pmd() */
function filemap_map_pmd(vmf: struct_vm_fault, page: struct_page): boolean {
	const mm = vmf.vma.vm_mm!;

	/* a huge page is mapped: nothing to do */
	if (pmd_trans_huge(pmdp_get(vmf.pmd))) {
		unlock_page(page);
		put_page(page);
		return true;
	}

	if (pmd_none(pmdp_get(vmf.pmd)) && PageTransHuge(page)) {
		const ret = do_set_pmd(vmf, page);
		if (!ret) {
			/* mapped, and the reference with it */
			unlock_page(page);
			return true;
		}
	}

	if (pmd_none(pmdp_get(vmf.pmd)))
		vmf.prealloc_pte = pmd_install(mm, vmf.pmd, vmf.prealloc_pte!);

	/* as in handle_pte_fault() */
	if (pmd_devmap_trans_unstable(vmf.pmd)) {
		unlock_page(page);
		put_page(page);
		return true;
	}

	return false;
}

/** mm/filemap.c:next_uptodate_page(). The folio comes locked and with a reference. */
function next_uptodate_page(folio: struct_folio | null, mapping: struct_address_space,
	xas: struct_xa_state, end_pgoff: pgoff_t): struct_folio | null {
	do {
		if (folio === null)
			return null;
		if (xas_retry(xas, folio))
			continue;
		if (xa_is_value(folio))
			continue;
		if (folio_test_locked(folio))
			continue;
		if (!folio_try_get_rcu(folio))
			continue;
		skip: {
			/* has it moved or been split? */
			if (unlikely(folio !== xas_reload(xas)))
				break skip;
			if (!folio_test_uptodate(folio) || folio_test_readahead(folio))
				break skip;
			if (!folio_trylock(folio))
				break skip;
			unlock: {
				if (folio.mapping !== mapping)
					break unlock;
				if (!folio_test_uptodate(folio))
					break unlock;
				if (xas.xa_index >= mapping.host!.i_size_pages)
					break unlock;
				return folio;
			}
			folio_unlock(folio);
		}
		folio_put(folio);
	} while ((folio = xas_next_entry(xas, end_pgoff) as struct_folio | null) !== null);

	return null;
}

function first_map_page(mapping: struct_address_space, xas: struct_xa_state, end_pgoff: pgoff_t):
	struct_folio | null {
	return next_uptodate_page(xas_find(xas, end_pgoff) as struct_folio | null, mapping, xas,
		end_pgoff);
}

function next_map_page(mapping: struct_address_space, xas: struct_xa_state, end_pgoff: pgoff_t):
	struct_folio | null {
	return next_uptodate_page(xas_next_entry(xas, end_pgoff) as struct_folio | null, mapping,
		xas, end_pgoff);
}

/** mm/filemap.c:filemap_map_pages(). Maps what is cached around a read fault. */
export function filemap_map_pages(vmf: struct_vm_fault, start_pgoff: pgoff_t, end_pgoff: pgoff_t):
	vm_fault_t {
	const vma = vmf.vma;
	const file = vma.vm_file!;
	const mapping = file.f_mapping!;
	let last_pgoff: number = start_pgoff;
	const xas = XA_STATE(mapping.i_pages, start_pgoff);
	let ret = 0;

	rcu_read_lock();
	out: {
		let folio = first_map_page(mapping, xas, end_pgoff);
		if (folio === null)
			break out;

		if (filemap_map_pmd(vmf, folio)) {
			ret = VM_FAULT_NOPAGE;
			break out;
		}

		let addr = vma.vm_start + (start_pgoff - vma.vm_pgoff) * PAGE_SIZE;
		const ptl = new ref<spinlock_t | null>(null);
		vmf.pte = pte_offset_map_lock(vma.vm_mm!, vmf.pmd, addr, ptl);
		vmf.ptl = ptl.v;
		do {
			for (;;) {
				const page = folio_file_page(folio, to_pgoff(xas.xa_index));
				unlock: {
					if (PageHWPoison(page))
						break unlock;

					addr += (xas.xa_index - last_pgoff) * PAGE_SIZE;
					vmf.pte += xas.xa_index - last_pgoff;
					last_pgoff = xas.xa_index;

					if (!pte_none(ptep_get(vmf.pte)))
						break unlock;

					/* this one is the fault's own page */
					if (vmf.address === addr)
						ret = VM_FAULT_NOPAGE;

					do_set_pte(vmf, page, addr);
					/* no flush: what is not present is not in a TLB */
					update_mmu_cache(vma, addr, vmf.pte);
					if (folio_more_pages(folio, xas.xa_index, end_pgoff)) {
						xas.xa_index++;
						folio_ref_inc(folio);
						continue;
					}
					folio_unlock(folio);
					break;
				}
				if (folio_more_pages(folio, xas.xa_index, end_pgoff)) {
					xas.xa_index++;
					continue;
				}
				folio_unlock(folio);
				folio_put(folio);
				break;
			}
		} while ((folio = next_map_page(mapping, xas, end_pgoff)) !== null);
		pte_unmap_unlock(vmf.pte, vmf.ptl!);
	}
	rcu_read_unlock();
	return ret;
}

/** mm/filemap.c:filemap_page_mkwrite() */
export function filemap_page_mkwrite(vmf: struct_vm_fault): vm_fault_t {
	const mapping = vmf.vma.vm_file!.f_mapping!;
	const folio = page_folio(vmf.page!);
	let ret = VM_FAULT_LOCKED;

	sb_start_pagefault(mapping.host!.i_sb!);
	file_update_time(vmf.vma.vm_file!);
	folio_lock(folio);
	out: {
		if (folio.mapping !== mapping) {
			folio_unlock(folio);
			ret = VM_FAULT_NOPAGE;
			break out;
		}
		folio_mark_dirty(folio);
		folio_wait_stable(folio);
	}
	sb_end_pagefault(mapping.host!.i_sb!);
	return ret;
}

export const generic_file_vm_ops: vm_operations_struct = {
	fault:		filemap_fault,
	map_pages:	filemap_map_pages,
	page_mkwrite:	filemap_page_mkwrite,
};

/** mm/filemap.c:generic_file_mmap() */
export function generic_file_mmap(file: struct_file, vma: struct_vm_area_struct): number {
	const mapping = file.f_mapping!;

	if (!mapping.a_ops.read_folio)
		return -ENOEXEC;
	file_accessed(file);
	vma.vm_ops = generic_file_vm_ops;
	return 0;
}

/** mm/filemap.c:generic_file_readonly_mmap() */
export function generic_file_readonly_mmap(file: struct_file, vma: struct_vm_area_struct):
	number {
	if ((vma.vm_flags & VM_SHARED) && (vma.vm_flags & VM_MAYWRITE))
		return -EINVAL;
	return generic_file_mmap(file, vma);
}

/** mm/filemap.c:do_read_cache_folio() */
function do_read_cache_folio(mapping: struct_address_space, index: pgoff_t,
	filler: filler_t | null, file: struct_file | null, gfp: gfp_t): struct_folio | err_ptr {
	let folio: struct_folio | null;
	let err: number;

	if (!filler)
		filler = mapping.a_ops.read_folio!;
	out: for (;;) {
		fill: {
			folio = filemap_get_folio(mapping, index);
			if (folio === null) {
				folio = filemap_alloc_folio(gfp, 0);
				if (folio === null)
					return ERR_PTR(-ENOMEM);
				err = filemap_add_folio(mapping, folio, index, gfp);
				if (unlikely(err !== 0)) {
					folio_put(folio);
					if (err === -EEXIST)
						continue;
					/* -ENOMEM for a node of the xarray */
					return ERR_PTR(err);
				}

				break fill;
			}
			if (folio_test_uptodate(folio))
				break out;

			if (!folio_trylock(folio)) {
				folio_put_wait_locked(folio, TASK_UNINTERRUPTIBLE);
				continue;
			}

			/* truncated */
			if (folio.mapping === null) {
				folio_unlock(folio);
				folio_put(folio);
				continue;
			}

			/* somebody else filled it */
			if (folio_test_uptodate(folio)) {
				folio_unlock(folio);
				break out;
			}
		}

		err = filemap_read_folio(file, filler, folio);
		if (err) {
			folio_put(folio);
			if (err === AOP_TRUNCATED_PAGE)
				continue;
			return ERR_PTR(err);
		}
		break;
	}

	folio_mark_accessed(folio);
	return folio;
}

/** mm/filemap.c:read_cache_folio() */
export function read_cache_folio(mapping: struct_address_space, index: pgoff_t,
	filler: filler_t | null, file: struct_file | null): struct_folio | err_ptr {
	return do_read_cache_folio(mapping, index, filler, file, mapping_gfp_mask(mapping));
}

/** mm/filemap.c:do_read_cache_page() */
function do_read_cache_page(mapping: struct_address_space, index: pgoff_t,
	filler: filler_t | null, file: struct_file | null, gfp: gfp_t): struct_page | err_ptr {
	const folio = do_read_cache_folio(mapping, index, filler, file, gfp);
	if (IS_ERR(folio))
		return folio;
	return folio_file_page(folio, index);
}

/** mm/filemap.c:read_cache_page() */
export function read_cache_page(mapping: struct_address_space, index: pgoff_t,
	filler: filler_t | null, file: struct_file | null): struct_page | err_ptr {
	return do_read_cache_page(mapping, index, filler, file, mapping_gfp_mask(mapping));
}

/** mm/filemap.c:read_cache_page_gfp() */
export function read_cache_page_gfp(mapping: struct_address_space, index: pgoff_t, gfp: gfp_t):
	struct_page | err_ptr {
	return do_read_cache_page(mapping, index, null, null, gfp);
}

/** mm/filemap.c:generic_perform_write() */
export function generic_perform_write(iocb: struct_kiocb, i: struct_iov_iter): number {
	const file = iocb.ki_filp;
	let pos = iocb.ki_pos;
	const mapping = file.f_mapping!;
	const a_ops = mapping.a_ops;
	const pagep = new ref<struct_page | null>(null);
	const fsdata = new ref<unknown>(null);
	let status = 0;
	let written = 0;

	out: do {
		const offset = Number(pos & BigInt(PAGE_SIZE - 1));
		let bytes = min(PAGE_SIZE - offset, iov_iter_count(i));

		for (;;) {
			/*
			 * The source is brought in first: it may be the page that is written to,
			 * which cannot be faulted in while it is locked.
			 */
			if (unlikely(fault_in_iov_iter_readable(i, bytes) === bytes)) {
				status = -EFAULT;
				break out;
			}

			if (fatal_signal_pending(current)) {
				status = -EINTR;
				break out;
			}

			status = a_ops.write_begin!(file, mapping, pos, bytes, pagep, fsdata);
			if (unlikely(status < 0))
				break out;
			const page = pagep.v!;

			if (mapping_writably_mapped(mapping))
				flush_dcache_page(page);

			const copied = copy_page_from_iter_atomic(page, offset, bytes, i);
			flush_dcache_page(page);

			status = a_ops.write_end!(file, mapping, pos, bytes, copied, page,
				fsdata.v);
			if (unlikely(status !== copied)) {
				iov_iter_revert(i, copied - max(status, 0));
				if (unlikely(status < 0))
					break out;
			}
			cond_resched();

			if (status !== 0)
				break;
			/* a short copy that write_end() rejected: try again with what there was */
			if (copied)
				bytes = copied;
		}
		pos += BigInt(status);
		written += status;

		balance_dirty_pages_ratelimited(mapping);
	} while (iov_iter_count(i));

	return written ? written : status;
}

/** mm/filemap.c:__generic_file_write_iter(). i_rwsem is held. */
export function __generic_file_write_iter(iocb: struct_kiocb, from: struct_iov_iter): number {
	const file = iocb.ki_filp;
	let written = 0;

	let err = file_remove_privs(file);
	out: {
		if (err)
			break out;

		err = file_update_time(file);
		if (err)
			break out;

		written = generic_perform_write(iocb, from);
		if (written > 0)
			iocb.ki_pos += BigInt(written);
	}
	return written ? written : err;
}

/** mm/filemap.c:generic_file_write_iter() */
export function generic_file_write_iter(iocb: struct_kiocb, from: struct_iov_iter): number {
	const file = iocb.ki_filp;
	const inode = file.f_mapping!.host!;

	inode_lock(inode);
	let ret = generic_write_checks(iocb, from);
	if (ret > 0)
		ret = __generic_file_write_iter(iocb, from);
	inode_unlock(inode);

	if (ret > 0)
		ret = generic_write_sync(iocb, ret);
	return ret;
}

/** mm/filemap.c:filemap_release_folio(). The folio is locked. */
export function filemap_release_folio(folio: struct_folio, gfp: gfp_t): boolean {
	const mapping = folio.mapping as struct_address_space | null;

	BUG_ON(!folio_test_locked(folio));
	if (folio_test_writeback(folio))
		return false;

	if (mapping && mapping.a_ops.release_folio)
		return mapping.a_ops.release_folio(folio, gfp);
	/* upstream: try_to_free_buffers(); nothing here has buffers */
	return true;
}
