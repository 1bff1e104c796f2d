// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of tasks: building, copying for fork, tearing down, and faults.
 *
 * Upstream: mm/memory.c. Left out: kernel mappings (ioremap ranges, apply_to_page_range),
 * remap_pfn_range() and batched insertion, device memory, userfaultfd, soft-dirty, NUMA hinting,
 * memcg OOM, statistics of delays; of do_swap_page() the swap-in proper, behind get_swap_device().
 *
 * Lock order here:
 *	mmap_lock (read to fault, write to change VMAs)
 *	  mapping->i_mmap_rwsem, anon_vma->root->rwsem
 *	    mm->page_table_lock (PUD and above), ptl of the PMD's page
 *	      ptl of the PTE's page; a second one nested, in fork
 *
 * A page whose entry was cleared reaches the allocator only after the flush: see mmu_gather.ts.
 */
import { ALIGN_DOWN, max, min, ul_shr } from "#asm-generic/bits.ts";
import { early_initcall } from "#asm-generic/registry.ts";
import {
	PGOFF_MAX, type loff_t, type pfn_nr, type pgoff_t, ref, pfn_nr as to_pfn,
	pgoff_t as to_pgoff, u64, type unsigned_long,
} from "#asm-generic/types.ts";
import { CONFIG_TRANSPARENT_HUGEPAGE } from "#generated/autoconf.ts";
import { BUG_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { smp_wmb } from "#linux/compiler.ts";
import { EAGAIN, EBUSY, EFAULT, EINVAL, EIO, ENOMEM } from "#linux/errno.ts";
import { fput } from "#linux/file.ts";
import {
	file_update_time, i_mmap_lock_read, i_mmap_lock_write, i_mmap_unlock_read,
	i_mmap_unlock_write,
} from "#linux/fs.ts";
import type { struct_address_space } from "#linux/fs.types.ts";
import { alloc_page_vma } from "#linux/gfp.ts";
import { GFP_HIGHUSER_MOVABLE, GFP_KERNEL, __GFP_FS, __GFP_IO, type gfp_t } from
	"#linux/gfp_types.ts";
import { alloc_zeroed_user_highpage_movable, clear_user_highpage, copy_user_highpage } from
	"#linux/highmem.ts";
import {
	HPAGE_PMD_NR, HPAGE_PMD_ORDER, HPAGE_PMD_SIZE, __split_huge_pmd, copy_huge_pmd,
	do_huge_pmd_anonymous_page, do_huge_pmd_wp_page, folio_test_pmd_mappable,
	huge_pmd_set_accessed, hugepage_vma_check, is_huge_zero_pmd, mk_huge_pmd,
	thp_migration_supported, transhuge_vma_suitable, zap_huge_pmd,
} from "#linux/huge_mm.ts";
import {
	__unmap_hugepage_range_final, copy_hugetlb_page_range, hugetlb_fault,
	hugetlb_free_pgd_range,
} from "#linux/hugetlb.ts";
import { is_vm_hugetlb_page } from "#linux/hugetlb_inline.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { might_sleep } from "#linux/kernel.ts";
import { SINGLE_DEPTH_NESTING, might_lock_read } from "#linux/lockdep.ts";
import { mem_cgroup_charge } from "#linux/memcontrol.ts";
import {
	FAULT_FLAG_MKWRITE, FAULT_FLAG_ORIG_PTE_VALID, FAULT_FLAG_TRIED, FAULT_FLAG_UNSHARE,
	FAULT_FLAG_WRITE, FOLL_WRITE, PE_SIZE_PMD, VM_FAULT_COMPLETED, VM_FAULT_DONE_COW,
	VM_FAULT_ERROR, VM_FAULT_FALLBACK, VM_FAULT_HWPOISON, VM_FAULT_LOCKED, VM_FAULT_MAJOR,
	VM_FAULT_NOPAGE, VM_FAULT_OOM, VM_FAULT_RETRY, VM_FAULT_SIGBUS, VM_FAULT_WRITE, VM_IO,
	VM_MIXEDMAP, VM_PFNMAP, VM_SEQ_READ, VM_SHARED, VM_WRITE, ZAP_FLAG_DROP_MARKER,
} from "#linux/mm.const.ts";
import {
	add_mm_counter, compound_order, folio_nr_pages, get_locked_pte, get_page,
	get_user_pages_remote, invalidate_inode_page, is_cow_mapping, mark_page_accessed,
	maybe_mkwrite, mm_counter, mm_counter_file, mm_dec_nr_pmds, mm_dec_nr_ptes, mm_dec_nr_puds,
	mm_inc_nr_pmds, mm_inc_nr_ptes, mm_inc_nr_puds, p4d_alloc, page_mapcount, page_mapped,
	page_rmapping, pmd_alloc, pmd_lock, pte_alloc, pte_alloc_map_lock, pte_lockptr,
	pte_offset_map_lock, pte_unmap_unlock, ptlock_of, pud_alloc, pud_lock, put_page,
	range_in_vma, set_page_dirty, set_page_dirty_lock, struct_zap_details, unlink_file_vma,
	update_hiwater_rss, vma_interval_tree_iter_first, vma_interval_tree_iter_next,
	vma_is_anonymous, vma_lookup, vma_pages,
} from "#linux/mm.ts";
import {
	MM_ANONPAGES, MM_SWAPENTS, NR_MM_COUNTERS, type pgtable_t, type ptep_t, type struct_folio,
	type struct_mm_struct, type struct_page, type struct_vm_area_struct, struct_vm_fault,
	type vm_fault_t,
} from "#linux/mm_types.ts";
import {
	mmap_assert_write_locked, mmap_read_lock_killable, mmap_read_trylock, mmap_read_unlock,
} from "#linux/mmap_lock.ts";
import { VM_BUG_ON, VM_BUG_ON_PAGE, VM_BUG_ON_VMA, VM_WARN_ON_ONCE, dump_page } from
	"#linux/mmdebug.ts";
import {
	MMU_NOTIFY_CLEAR, MMU_NOTIFY_PROTECTION_PAGE, MMU_NOTIFY_UNMAP,
	mmu_notifier_invalidate_range_end, mmu_notifier_invalidate_range_only_end,
	mmu_notifier_invalidate_range_start, mmu_notifier_range_init, ptep_clear_flush_notify,
	set_pte_at_notify, struct_mmu_notifier_range,
} from "#linux/mmu_notifier.ts";
import { MAX_ORDER_NR_PAGES } from "#linux/mmzone.const.ts";
import { pfn_to_page, pfn_valid } from "#linux/mmzone.ts";
import { check_stable_address_space } from "#linux/oom.ts";
import {
	PageAnon, PageAnonExclusive, PageHWPoison, PageHasHWPoisoned, PageKsm, PageLRU, PageLocked,
	PageSlab, PageSwapCache, PageTransCompound, __SetPageUptodate, compound_head,
	folio_test_locked, page_folio, page_has_type,
} from "#linux/page-flags.ts";
import { page_count } from "#linux/page_ref.ts";
import {
	linear_page_index, lock_page, mapping_gfp_mask, page_mapping, trylock_page, unlock_page,
} from "#linux/pagemap.ts";
import { LOCKDEP_NOW_UNRELIABLE, TAINT_BAD_PAGE, add_taint } from "#linux/panic.ts";
import {
	ZERO_PAGE, maybe_pmd_mkwrite, p4d_addr_end, p4d_none_or_clear_bad, pgd_addr_end,
	pgd_none_or_clear_bad, pmd_addr_end, pmd_devmap_trans_unstable, pmd_none_or_clear_bad,
	pmd_none_or_trans_huge_or_clear_bad, pmd_trans_unstable, pte_clear_not_present_full,
	pud_addr_end, pud_none_or_clear_bad, update_mmu_tlb,
} from "#linux/pgtable.ts";
import { dump_stack, pr_alert } from "#linux/printk.ts";
import type { struct_rb_root_cached } from "#linux/rbtree_types.ts";
import {
	anon_vma_prepare, flush_tlb_batched_pending, page_add_file_rmap, page_add_new_anon_rmap,
	page_dup_file_rmap, page_move_anon_rmap, page_remove_rmap, page_try_dup_anon_rmap,
	unlink_anon_vmas,
} from "#linux/rmap.ts";
import {
	TASK_RUNNING, __set_current_state, cond_resched, current, need_resched,
	type struct_task_struct,
} from "#linux/sched.ts";
import { get_task_mm, mmput } from "#linux/sched/mm.ts";
import { spin_lock, spin_lock_nested, spin_unlock, type spinlock_t } from "#linux/spinlock.ts";
import {
	free_swap_and_cache, free_swap_cache, get_swap_device, lru_add_drain,
	lru_cache_add_inactive_or_unevictable, put_swap_device, swap_duplicate, try_to_free_swap,
} from "#linux/swap.ts";
import {
	is_hwpoison_entry, is_migration_entry, is_pmd_migration_entry, is_readable_migration_entry,
	is_swap_pmd, is_swapin_error_entry, make_readable_migration_entry, migration_entry_wait,
	non_swap_entry, pfn_swap_entry_to_page, pmd_migration_entry_wait, pte_to_swp_entry,
	swp_entry_to_pte, swp_offset,
} from "#linux/swapops.ts";
import { copy_from_user_to_page, pagefault_disabled } from "#linux/uaccess.ts";
import { PGFAULT, PGREUSE, THP_FILE_MAPPED } from "#linux/vm_event_item.ts";
import { count_vm_event } from "#linux/vmstat.ts";
import { balance_dirty_pages_ratelimited } from "#linux/writeback.ts";
import { clear_page, memcpy_from_page, memcpy_to_page } from "#asm/page.ts";
import { P4D_SIZE, PAGE_SHIFT, PAGE_SIZE, PMD_SIZE, PTRS_PER_PTE, PUD_SIZE } from
	"#asm/page_types.ts";
import {
	p4d_populate, pmd_alloc_one, pmd_free, pmd_populate, pte_alloc_one, pte_free, pud_alloc_one,
	pud_free, pud_populate,
} from "#asm/pgalloc.ts";
import {
	flush_tlb_fix_spurious_fault, mk_pte, p4d_bad, p4d_clear, p4d_none, p4d_offset,
	p4d_present, p4dp_get, pfn_pte, pgd_bad, pgd_none, pgd_offset, pgdp_get, pmd_bad,
	pmd_bad_at, pmd_clear, pmd_mkdirty, pmd_none, pmd_none_at, pmd_offset, pmd_pfn,
	pmd_pgtable, pmd_present, pmd_table_pfn, pmd_trans_huge, pmd_write, pmdp_get, pte_dirty,
	pte_mkclean, pte_mkdirty, pte_mkold, pte_mkspecial, pte_mkwrite, pte_mkyoung, pte_none,
	pte_none_at, pte_offset_map, pte_offset_of, pte_pfn, pte_present, pte_same, pte_same_at,
	pte_special, pte_write, pte_wrprotect, pte_young, ptep_get, ptep_get_and_clear_full,
	ptep_set_access_flags, ptep_set_wrprotect, pud_bad, pud_clear, pud_none, pud_offset,
	pud_present, pudp_get, set_pmd_at, set_pte_at, update_mmu_cache, update_mmu_cache_pmd,
} from "#asm/pgtable.ts";
import { type pgprot_t, type pmd_t, pmd_val, type pte_t, pte_val } from "#asm/pgtable_types.ts";
import {
	__tlb_remove_page, pmd_free_tlb, pte_free_tlb, pud_free_tlb, struct_mmu_gather,
	tlb_change_page_size, tlb_end_vma, tlb_finish_mmu, tlb_flush_mmu, tlb_flush_mmu_tlbonly,
	tlb_gather_mmu, tlb_remove_tlb_entry, tlb_start_vma,
} from "#asm/tlb.ts";
import { maybe_unlock_mmap_for_io } from "#mm/internal.h.ts";

/** The frame of the page of zeroes that read faults map. */
export let zero_pfn: pfn_nr = to_pfn(0);

/** Set once the memory map is known. */
export let highest_memmap_pfn = 0x7fffffff;

export function set_highest_memmap_pfn(pfn: pfn_nr): void {
	highest_memmap_pfn = pfn;
}

/** mm/memory.c:init_zero_pfn() */
function init_zero_pfn(): number {
	zero_pfn = ZERO_PAGE(0).pfn;
	return 0;
}
early_initcall("mm/memory", init_zero_pfn);

/** mm/memory.c:mm_trace_rss_stat(), a tracepoint upstream. */
export function mm_trace_rss_stat(_mm: struct_mm_struct, _member: number, _count: number): void {}

/** mm/memory.c:sync_mm_rss() */
export function sync_mm_rss(mm: struct_mm_struct): void {
	const task = current;

	for (let i = 0; i < NR_MM_COUNTERS; i++) {
		if (task.rss_stat[i]) {
			add_mm_counter(mm, i, task.rss_stat[i]!);
			task.rss_stat[i] = 0;
		}
	}
	task.rss_stat_events = 0;
}

/** mm/memory.c:add_mm_counter_fast() */
function add_mm_counter_fast(mm: struct_mm_struct, member: number, val: number): void {
	const task = current;

	if (task.mm === mm)
		task.rss_stat[member]! += val;
	else
		add_mm_counter(mm, member, val);
}

function inc_mm_counter_fast(mm: struct_mm_struct, member: number): void {
	add_mm_counter_fast(mm, member, 1);
}

function dec_mm_counter_fast(mm: struct_mm_struct, member: number): void {
	add_mm_counter_fast(mm, member, -1);
}

/* counts of a task are folded into the mm every so many faults */
const TASK_RSS_EVENTS_THRESH = 64;

/** mm/memory.c:check_sync_rss_stat() */
function check_sync_rss_stat(task: struct_task_struct): void {
	if (task.rss_stat_events++ > TASK_RSS_EVENTS_THRESH)
		sync_mm_rss(task.mm!);
}

/** mm/memory.c:free_pte_range(). The pages it mapped are gone already. */
function free_pte_range(tlb: struct_mmu_gather, pmd: ptep_t, addr: unsigned_long): void {
	const token = pmd_pgtable(pmdp_get(pmd));
	pmd_clear(pmd);
	pte_free_tlb(tlb, token, addr);
	mm_dec_nr_ptes(tlb.mm!);
}

/** mm/memory.c:free_pmd_range() */
function free_pmd_range(tlb: struct_mmu_gather, pud: ptep_t, addr: unsigned_long,
	end: unsigned_long, floor: unsigned_long, ceiling: unsigned_long): void {
	let next: unsigned_long;
	let start = addr;
	let pmd = pmd_offset(pud, addr);

	do {
		next = pmd_addr_end(addr, end);
		if (pmd_none_or_clear_bad(pmd))
			continue;
		free_pte_range(tlb, pmd, addr);
	} while (pmd++, addr = next, addr !== end);

	start = ALIGN_DOWN(start, PUD_SIZE);
	if (start < floor)
		return;
	if (ceiling) {
		ceiling = ALIGN_DOWN(ceiling, PUD_SIZE);
		if (!ceiling)
			return;
		if (end > ceiling)
			return;
	}

	pmd = pmd_offset(pud, start);
	pud_clear(pud);
	pmd_free_tlb(tlb, pmd, start);
	mm_dec_nr_pmds(tlb.mm!);
}

/** mm/memory.c:free_pud_range() */
function free_pud_range(tlb: struct_mmu_gather, p4d: ptep_t, addr: unsigned_long,
	end: unsigned_long, floor: unsigned_long, ceiling: unsigned_long): void {
	let next: unsigned_long;
	let start = addr;
	let pud = pud_offset(p4d, addr);

	do {
		next = pud_addr_end(addr, end);
		if (pud_none_or_clear_bad(pud))
			continue;
		free_pmd_range(tlb, pud, addr, next, floor, ceiling);
	} while (pud++, addr = next, addr !== end);

	start = ALIGN_DOWN(start, P4D_SIZE);
	if (start < floor)
		return;
	if (ceiling) {
		ceiling = ALIGN_DOWN(ceiling, P4D_SIZE);
		if (!ceiling)
			return;
		if (end > ceiling)
			return;
	}

	pud = pud_offset(p4d, start);
	p4d_clear(p4d);
	pud_free_tlb(tlb, pud, start);
	mm_dec_nr_puds(tlb.mm!);
}

/** mm/memory.c:free_p4d_range(); with four levels the P4D is the PGD, which stays. */
function free_p4d_range(tlb: struct_mmu_gather, pgd: ptep_t, addr: unsigned_long,
	end: unsigned_long, floor: unsigned_long, ceiling: unsigned_long): void {
	let next: unsigned_long;
	let p4d = p4d_offset(pgd, addr);

	do {
		next = p4d_addr_end(addr, end);
		if (p4d_none_or_clear_bad(p4d))
			continue;
		free_pud_range(tlb, p4d, addr, next, floor, ceiling);
	} while (p4d++, addr = next, addr !== end);
}

/**
 * mm/memory.c:free_pgd_range(). Frees tables between @floor and @ceiling that [@addr, @end) was the
 * last to use; 0 as ceiling is the top of the address space.
 */
export function free_pgd_range(tlb: struct_mmu_gather, addr: unsigned_long, end: unsigned_long,
	floor: unsigned_long, ceiling: unsigned_long): void {
	let next: unsigned_long;

	addr = ALIGN_DOWN(addr, PMD_SIZE);
	if (addr < floor)
		addr += PMD_SIZE;
	if (ceiling) {
		ceiling = ALIGN_DOWN(ceiling, PMD_SIZE);
		if (!ceiling)
			return;
		if (end > ceiling)
			end -= PMD_SIZE;
	}
	if (addr > end - 1)
		return;
	/* page table pages are small pages to the gather */
	tlb_change_page_size(tlb, PAGE_SIZE);
	let pgd = pgd_offset(tlb.mm!, addr);
	do {
		next = pgd_addr_end(addr, end);
		if (pgd_none_or_clear_bad(pgd))
			continue;
		free_p4d_range(tlb, pgd, addr, next, floor, ceiling);
	} while (pgd++, addr = next, addr !== end);
}

/** mm/memory.c:free_pgtables() */
export function free_pgtables(tlb: struct_mmu_gather, start_vma: struct_vm_area_struct | null,
	floor: unsigned_long, ceiling: unsigned_long): void {
	let vma = start_vma;

	while (vma) {
		let next: struct_vm_area_struct | null = vma.vm_next;
		const addr = vma.vm_start;

		/* hide the VMA from rmap and truncation before its tables go */
		unlink_anon_vmas(vma);
		unlink_file_vma(vma);

		if (is_vm_hugetlb_page(vma)) {
			hugetlb_free_pgd_range(tlb, addr, vma.vm_end, floor,
				next ? next.vm_start : ceiling);
		} else {
			/* nearby VMAs share tables */
			while (next && next.vm_start <= vma.vm_end + PMD_SIZE &&
			       !is_vm_hugetlb_page(next)) {
				vma = next;
				next = vma.vm_next;
				unlink_anon_vmas(vma);
				unlink_file_vma(vma);
			}
			free_pgd_range(tlb, addr, vma.vm_end, floor,
				next ? next.vm_start : ceiling);
		}
		vma = next;
	}
}

/** mm/memory.c:pmd_install(). Takes the table unless another is there; null then: it was used. */
export function pmd_install(mm: struct_mm_struct, pmd: ptep_t, pte: pgtable_t): pgtable_t | null {
	const ptl = pmd_lock(mm, pmd);
	let left: pgtable_t | null = pte;

	if (pmd_none_at(pmd)) {	/* still empty, under the lock */
		mm_inc_nr_ptes(mm);
		smp_wmb();
		pmd_populate(mm, pmd, pte);
		left = null;
	}
	spin_unlock(ptl);
	return left;
}

/** mm/memory.c:__pte_alloc() */
export function __pte_alloc(mm: struct_mm_struct, pmd: ptep_t): number {
	const new_ = pte_alloc_one(mm);
	if (!new_)
		return -ENOMEM;

	const left = pmd_install(mm, pmd, new_);
	if (left)
		pte_free(mm, left);
	return 0;
}

/** mm/memory.c:init_rss_vec() */
function init_rss_vec(rss: Int32Array): void {
	rss[0] = rss[1] = rss[2] = rss[3] = 0;
}

/** mm/memory.c:add_mm_rss_vec() */
function add_mm_rss_vec(mm: struct_mm_struct, rss: Int32Array): void {
	if (current.mm === mm)
		sync_mm_rss(mm);
	for (let i = 0; i < NR_MM_COUNTERS; i++)
		if (rss[i])
			add_mm_counter(mm, i, rss[i]!);
}

let nr_shown = 0;

/** mm/memory.c:print_bad_pte(), up to 60 times. The caller goes on. */
function print_bad_pte(vma: struct_vm_area_struct, addr: unsigned_long, pte: pte_t,
	page: struct_page | null): void {
	const pgd = pgd_offset(vma.vm_mm!, addr);
	const p4d = p4d_offset(pgd, addr);
	const pud = pud_offset(p4d, addr);
	const pmd = pmd_offset(pud, addr);

	if (nr_shown >= 60)
		return;
	nr_shown++;

	const index = linear_page_index(vma, addr);

	pr_alert("BUG: Bad page map in process %s  pte:%08llx pmd:%08llx\n",
		current.comm, pte_val(pte), pmd_val(pmdp_get(pmd)));
	if (page)
		dump_page(page, "bad pte");
	pr_alert("addr:%px vm_flags:%08lx index:%lx\n", addr, vma.vm_flags >>> 0, index);
	dump_stack();
	add_taint(TAINT_BAD_PAGE, LOCKDEP_NOW_UNRELIABLE);
}

/**
 * mm/memory.c:vm_normal_page(). The page of an entry, or null where the entry is not to be
 * counted: a special one (a device's frame, the zero page).
 */
export function vm_normal_page(vma: struct_vm_area_struct, addr: unsigned_long, pte: pte_t):
	struct_page | null {
	const pfn = pte_pfn(pte);

	if (pte_special(pte)) {
		if (vma.vm_ops && vma.vm_ops.find_special_page)
			return vma.vm_ops.find_special_page(vma, addr);
		if (vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP))
			return null;
		if (pfn === zero_pfn)
			return null;

		print_bad_pte(vma, addr, pte, null);
		return null;
	}

	if (pfn > highest_memmap_pfn) {
		print_bad_pte(vma, addr, pte, null);
		return null;
	}

	return pfn_to_page(pfn);
}

/** mm/memory.c:vm_normal_page_pmd() */
export function vm_normal_page_pmd(vma: struct_vm_area_struct, addr: unsigned_long, pmd: pmd_t):
	struct_page | null {
	const pfn = pmd_pfn(pmd);

	/* there is no special bit in a PMD: by the VMA, then */
	if (vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)) {
		if (vma.vm_flags & VM_MIXEDMAP) {
			if (!pfn_valid(pfn))
				return null;
			return pfn_to_page(pfn);
		}
		const off = ul_shr(addr - vma.vm_start, PAGE_SHIFT);
		if (pfn === vma.vm_pgoff + off)
			return null;
		if (!is_cow_mapping(vma.vm_flags))
			return null;
	}

	if (is_huge_zero_pmd(pmd))
		return null;
	if (pfn > highest_memmap_pfn)
		return null;

	return pfn_to_page(pfn);
}

/** mm/memory.c:copy_nonpresent_pte() */
function copy_nonpresent_pte(dst_mm: struct_mm_struct, src_mm: struct_mm_struct, dst_pte: ptep_t,
	src_pte: ptep_t, dst_vma: struct_vm_area_struct, addr: unsigned_long,
	rss: Int32Array): number {
	const vm_flags = dst_vma.vm_flags;
	let pte = ptep_get(src_pte);
	let entry = pte_to_swp_entry(pte);

	if (!non_swap_entry(entry)) {
		if (swap_duplicate(entry) < 0)
			return -EIO;

		rss[MM_SWAPENTS]!++;
	} else if (is_migration_entry(entry)) {
		const page = pfn_swap_entry_to_page(entry);

		rss[mm_counter(page)]!++;

		if (!is_readable_migration_entry(entry) && is_cow_mapping(vm_flags)) {
			/* COW: both lose write permission and exclusiveness */
			entry = make_readable_migration_entry(swp_offset(entry));
			pte = swp_entry_to_pte(entry);
			set_pte_at(src_mm, addr, src_pte, pte);
		}
	}
	set_pte_at(dst_mm, addr, dst_pte, pte);
	return 0;
}

/** mm/memory.c:copy_present_page(). A page that may be pinned: the child gets its copy now. */
function copy_present_page(dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct,
	dst_pte: ptep_t, addr: unsigned_long, rss: Int32Array, prealloc: ref<struct_page | null>,
	page: struct_page): number {
	const new_page = prealloc.v;
	if (!new_page)
		return -EAGAIN;

	prealloc.v = null;
	copy_user_highpage(new_page, page, addr, src_vma);
	__SetPageUptodate(new_page);
	page_add_new_anon_rmap(new_page, dst_vma, addr);
	lru_cache_add_inactive_or_unevictable(new_page, dst_vma);
	rss[mm_counter(new_page)]!++;

	/* the copy goes into the child's table */
	let pte = mk_pte(new_page, dst_vma.vm_page_prot);
	pte = maybe_mkwrite(pte_mkdirty(pte), dst_vma);
	set_pte_at(dst_vma.vm_mm!, addr, dst_pte, pte);
	return 0;
}

/** mm/memory.c:copy_present_pte(). 0, or -EAGAIN when a page must be preallocated first. */
function copy_present_pte(dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct,
	dst_pte: ptep_t, src_pte: ptep_t, addr: unsigned_long, rss: Int32Array,
	prealloc: ref<struct_page | null>): number {
	const src_mm = src_vma.vm_mm!;
	const vm_flags = src_vma.vm_flags;
	let pte = ptep_get(src_pte);

	const page = vm_normal_page(src_vma, addr, pte);
	if (page && PageAnon(page)) {
		get_page(page);
		if (page_try_dup_anon_rmap(page, false, src_vma)) {
			/* the page may be pinned: copy it instead of sharing it */
			put_page(page);
			return copy_present_page(dst_vma, src_vma, dst_pte, addr, rss, prealloc,
				page);
		}
		rss[mm_counter(page)]!++;
	} else if (page) {
		get_page(page);
		page_dup_file_rmap(page, false);
		rss[mm_counter(page)]!++;
	}

	/* COW: both are write-protected */
	if (is_cow_mapping(vm_flags) && pte_write(pte)) {
		ptep_set_wrprotect(src_mm, addr, src_pte);
		pte = pte_wrprotect(pte);
	}
	VM_BUG_ON(page !== null && PageAnon(page) && PageAnonExclusive(page));

	if (vm_flags & VM_SHARED)
		pte = pte_mkclean(pte);
	pte = pte_mkold(pte);

	set_pte_at(dst_vma.vm_mm!, addr, dst_pte, pte);
	return 0;
}

/** mm/memory.c:page_copy_prealloc() */
function page_copy_prealloc(src_mm: struct_mm_struct, vma: struct_vm_area_struct,
	addr: unsigned_long): struct_page | null {
	const new_page = alloc_page_vma(GFP_HIGHUSER_MOVABLE, vma, addr);
	if (!new_page)
		return null;

	if (mem_cgroup_charge(page_folio(new_page), src_mm, GFP_KERNEL)) {
		put_page(new_page);
		return null;
	}

	return new_page;
}

/** mm/memory.c:copy_pte_range() */
function copy_pte_range(dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct,
	dst_pmd: ptep_t, src_pmd: ptep_t, addr: unsigned_long, end: unsigned_long): number {
	const dst_mm = dst_vma.vm_mm!;
	const src_mm = src_vma.vm_mm!;
	const rss = new Int32Array(NR_MM_COUNTERS);
	const prealloc = new ref<struct_page | null>(null);
	let progress: number, ret = 0;

	out: {
		again: for (;;) {
			progress = 0;
			init_rss_vec(rss);

			if (pte_alloc(dst_mm, dst_pmd)) {
				ret = -ENOMEM;
				break out;
			}
			const dst_ptl = pte_lockptr(dst_mm, dst_pmd);
			let dst_pte = pte_offset_map(dst_pmd, addr);
			spin_lock(dst_ptl);
			let src_pte = pte_offset_map(src_pmd, addr);
			const src_ptl = pte_lockptr(src_mm, src_pmd);
			spin_lock_nested(src_ptl, SINGLE_DEPTH_NESTING);

			do {
				/* others may be waiting for the locks */
				if (progress >= 32) {
					progress = 0;
					if (need_resched())
						break;
				}
				const ptent = ptep_get(src_pte);
				if (pte_none(ptent)) {
					progress++;
					continue;
				}
				if (!pte_present(ptent)) {
					ret = copy_nonpresent_pte(dst_mm, src_mm, dst_pte, src_pte,
						dst_vma, addr, rss);
					if (ret === -EIO)
						break;
					progress += 8;
					continue;
				}
				/* copy_present_pte() clears @prealloc when it uses it */
				ret = copy_present_pte(dst_vma, src_vma, dst_pte, src_pte, addr,
					rss,
					prealloc);
				/* a page is needed to copy a pinned one into */
				if (ret === -EAGAIN)
					break;
				if (prealloc.v) {
					/* allocated for an entry that has gone meanwhile */
					put_page(prealloc.v);
					prealloc.v = null;
				}
				progress += 8;
			} while (dst_pte++, src_pte++, addr += PAGE_SIZE, addr !== end);

			spin_unlock(src_ptl);
			add_mm_rss_vec(dst_mm, rss);
			pte_unmap_unlock(dst_pte, dst_ptl);
			cond_resched();

			if (ret === -EIO) {
				/* C: add_swap_count_continuation() */
				ret = -ENOMEM;
				break out;
			} else if (ret === -EAGAIN) {
				prealloc.v = page_copy_prealloc(src_mm, src_vma, addr);
				if (!prealloc.v)
					return -ENOMEM;
			} else if (ret) {
				VM_WARN_ON_ONCE(true);
			}

			/* the cause is removed: go on where it stopped */
			ret = 0;

			if (addr !== end)
				continue again;
			break;
		}
	}
	if (prealloc.v)
		put_page(prealloc.v);
	return ret;
}

/** mm/memory.c:copy_pmd_range() */
function copy_pmd_range(dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct,
	dst_pud: ptep_t, src_pud: ptep_t, addr: unsigned_long, end: unsigned_long): number {
	const dst_mm = dst_vma.vm_mm!;
	const src_mm = src_vma.vm_mm!;
	let next: unsigned_long;

	let dst_pmd = pmd_alloc(dst_mm, dst_pud, addr);
	if (!dst_pmd)
		return -ENOMEM;
	let src_pmd = pmd_offset(src_pud, addr);
	do {
		next = pmd_addr_end(addr, end);
		const pmdval = pmdp_get(src_pmd);
		if (is_swap_pmd(pmdval) || pmd_trans_huge(pmdval)) {
			VM_BUG_ON_VMA(next - addr !== HPAGE_PMD_SIZE, src_vma);
			const err = copy_huge_pmd(dst_mm, src_mm, dst_pmd, src_pmd, addr, dst_vma,
				src_vma);
			if (err === -ENOMEM)
				return -ENOMEM;
			if (!err)
				continue;
			/* fall through */
		}
		if (pmd_none_or_clear_bad(src_pmd))
			continue;
		if (copy_pte_range(dst_vma, src_vma, dst_pmd, src_pmd, addr, next))
			return -ENOMEM;
	} while (dst_pmd++, src_pmd++, addr = next, addr !== end);
	return 0;
}

/** mm/memory.c:copy_pud_range() */
function copy_pud_range(dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct,
	dst_p4d: ptep_t, src_p4d: ptep_t, addr: unsigned_long, end: unsigned_long): number {
	const dst_mm = dst_vma.vm_mm!;
	let next: unsigned_long;

	let dst_pud = pud_alloc(dst_mm, dst_p4d, addr);
	if (!dst_pud)
		return -ENOMEM;
	let src_pud = pud_offset(src_p4d, addr);
	do {
		next = pud_addr_end(addr, end);
		if (pud_none_or_clear_bad(src_pud))
			continue;
		if (copy_pmd_range(dst_vma, src_vma, dst_pud, src_pud, addr, next))
			return -ENOMEM;
	} while (dst_pud++, src_pud++, addr = next, addr !== end);
	return 0;
}

/** mm/memory.c:copy_p4d_range() */
function copy_p4d_range(dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct,
	dst_pgd: ptep_t, src_pgd: ptep_t, addr: unsigned_long, end: unsigned_long): number {
	const dst_mm = dst_vma.vm_mm!;
	let next: unsigned_long;

	let dst_p4d = p4d_alloc(dst_mm, dst_pgd, addr);
	if (!dst_p4d)
		return -ENOMEM;
	let src_p4d = p4d_offset(src_pgd, addr);
	do {
		next = p4d_addr_end(addr, end);
		if (p4d_none_or_clear_bad(src_p4d))
			continue;
		if (copy_pud_range(dst_vma, src_vma, dst_p4d, src_p4d, addr, next))
			return -ENOMEM;
	} while (dst_p4d++, src_p4d++, addr = next, addr !== end);
	return 0;
}

/** mm/memory.c:vma_needs_copy(). What a fault can fill in again need not be copied. */
function vma_needs_copy(_dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct): boolean {
	if (src_vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP))
		return true;

	if (src_vma.anon_vma)
		return true;

	return false;
}

/** mm/memory.c:copy_page_range(), for fork: mmap_lock of both held for write. */
export function copy_page_range(dst_vma: struct_vm_area_struct, src_vma: struct_vm_area_struct):
	number {
	let next: unsigned_long;
	let addr = src_vma.vm_start;
	const end = src_vma.vm_end;
	const dst_mm = dst_vma.vm_mm!;
	const src_mm = src_vma.vm_mm!;
	const range = new struct_mmu_notifier_range(src_mm);

	if (!vma_needs_copy(dst_vma, src_vma))
		return 0;

	if (is_vm_hugetlb_page(src_vma))
		return copy_hugetlb_page_range(dst_mm, src_mm, dst_vma, src_vma);

	/* the parent loses write permission where it shares: its copies must too */
	const is_cow = is_cow_mapping(src_vma.vm_flags);

	if (is_cow) {
		mmu_notifier_range_init(range, MMU_NOTIFY_PROTECTION_PAGE, 0, src_vma, src_mm,
			addr, end);
		mmu_notifier_invalidate_range_start(range);
		/* odd while exclusive pages become shared, so that gup-fast does not pin */
		mmap_assert_write_locked(src_mm);
		src_mm.write_protect_seq++;
	}

	let ret = 0;
	let dst_pgd = pgd_offset(dst_mm, addr);
	let src_pgd = pgd_offset(src_mm, addr);
	do {
		next = pgd_addr_end(addr, end);
		if (pgd_none_or_clear_bad(src_pgd))
			continue;
		if (copy_p4d_range(dst_vma, src_vma, dst_pgd, src_pgd, addr, next)) {
			ret = -ENOMEM;
			break;
		}
	} while (dst_pgd++, src_pgd++, addr = next, addr !== end);

	if (is_cow) {
		src_mm.write_protect_seq++;
		mmu_notifier_invalidate_range_end(range);
	}
	return ret;
}

/** mm/memory.c:should_zap_cows() */
function should_zap_cows(details: struct_zap_details | null): boolean {
	/* no details: everything goes */
	if (details === null)
		return true;

	return details.even_cows;
}

/** mm/memory.c:should_zap_page() */
function should_zap_page(details: struct_zap_details | null, page: struct_page | null): boolean {
	/* private copies go too: then all do */
	if (should_zap_cows(details))
		return true;

	/* entries without a page that counts, such as the zero page's */
	if (page === null)
		return true;

	/* private copies stay */
	return !PageAnon(page);
}

/* counts of the zap under way; zap_pte_range() never nests */
const zap_rss = new Int32Array(NR_MM_COUNTERS);

/** mm/memory.c:zap_pte_range() */
function zap_pte_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct, pmd: ptep_t,
	addr: unsigned_long, end: unsigned_long,
		details: struct_zap_details | null): unsigned_long {
	const mm = tlb.mm!;
	const rss = zap_rss;
	let force_flush = false;

	/* numbers to V8, too: parameters may be anything, and stay in boxes */
	addr = +addr;
	end = +end;
	tlb_change_page_size(tlb, PAGE_SIZE);
	again: for (;;) {
		init_rss_vec(rss);
		const ptl = pte_lockptr(mm, pmd);
		let pte = pte_offset_map(pmd, addr);
		spin_lock(ptl);
		flush_tlb_batched_pending(mm);
		do {
			if (pte_none_at(pte))
				continue;

			if (need_resched())
				break;

			let ptent = ptep_get(pte);

			if (pte_present(ptent)) {
				const page = vm_normal_page(vma, addr, ptent);
				if (!should_zap_page(details, page))
					continue;
				ptent = ptep_get_and_clear_full(mm, addr, pte, tlb.fullmm);
				tlb_remove_tlb_entry(tlb, pte, addr);
				if (page === null)
					continue;

				if (!PageAnon(page)) {
					if (pte_dirty(ptent)) {
						force_flush = true;
						set_page_dirty(page);
					}
					if (pte_young(ptent) && !(vma.vm_flags & VM_SEQ_READ))
						mark_page_accessed(page);
					rss[mm_counter_file(page)]!--;
				} else {
					rss[MM_ANONPAGES]!--;
				}
				page_remove_rmap(page, vma, false);
				if (page_mapcount(page) < 0)
					print_bad_pte(vma, addr, ptent, page);
				if (__tlb_remove_page(tlb, page)) {
					force_flush = true;
					addr += PAGE_SIZE;
					break;
				}
				continue;
			}

			const entry = pte_to_swp_entry(ptent);
			if (!non_swap_entry(entry)) {
				/* swapped out, so it was a private copy */
				if (!should_zap_cows(details))
					continue;
				rss[MM_SWAPENTS]!--;
				if (!free_swap_and_cache(entry))
					print_bad_pte(vma, addr, ptent, null);
			} else if (is_migration_entry(entry)) {
				const page = pfn_swap_entry_to_page(entry);
				if (!should_zap_page(details, page))
					continue;
				rss[mm_counter(page)]!--;
			} else if (is_hwpoison_entry(entry) || is_swapin_error_entry(entry)) {
				if (!should_zap_cows(details))
					continue;
			} else {
				/* no other kinds exist here */
				WARN_ON_ONCE(true);
			}
			pte_clear_not_present_full(mm, addr, pte, tlb.fullmm);
		} while (pte++, addr += PAGE_SIZE, addr !== end);

		add_mm_rss_vec(mm, rss);

		/* dirty pages: no CPU may write through a stale entry once the lock is dropped */
		if (force_flush)
			tlb_flush_mmu_tlbonly(tlb);
		pte_unmap_unlock(pte, ptl);

		/*
		 * Pages that were gathered are freed outside of the lock: because they must, or
		 * because the batch is full.
		 */
		if (force_flush) {
			force_flush = false;
			tlb_flush_mmu(tlb);
		}

		if (addr !== end) {
			cond_resched();
			continue again;
		}
		break;
	}

	return addr;
}

/** mm/memory.c:zap_pmd_range() */
function zap_pmd_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct, pud: ptep_t,
	addr: unsigned_long, end: unsigned_long,
		details: struct_zap_details | null): unsigned_long {
	let next: unsigned_long;

	let pmd = pmd_offset(pud, addr);
	do {
		next = pmd_addr_end(addr, end);
		next: {
			const pmdval = pmdp_get(pmd);
			if (is_swap_pmd(pmdval) || pmd_trans_huge(pmdval)) {
				if (next - addr !== HPAGE_PMD_SIZE)
					__split_huge_pmd(vma, pmd, addr, false, null);
				else if (zap_huge_pmd(tlb, vma, pmd, addr))
					break next;
				/* fall through */
			} else if (details && details.single_folio &&
				   folio_test_pmd_mappable(details.single_folio) &&
				   next - addr === HPAGE_PMD_SIZE && pmd_none(pmdval)) {
				/*
				 * Somebody is clearing the PMD and has yet to drop its rmap: wait
				 * for the lock, as the caller counts mappings next.
				 */
				const ptl = pmd_lock(tlb.mm!, pmd);
				spin_unlock(ptl);
			}

			/*
			 * it may have become huge or empty meanwhile: mmap_lock is held for read
			 * only
			 */
			if (pmd_none_or_trans_huge_or_clear_bad(pmd))
				break next;
			next = zap_pte_range(tlb, vma, pmd, addr, next, details);
		}
		cond_resched();
	} while (pmd++, addr = next, addr !== end);

	return addr;
}

/** mm/memory.c:zap_pud_range() */
function zap_pud_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct, p4d: ptep_t,
	addr: unsigned_long, end: unsigned_long,
		details: struct_zap_details | null): unsigned_long {
	let next: unsigned_long;

	let pud = pud_offset(p4d, addr);
	do {
		next = pud_addr_end(addr, end);
		if (pud_none_or_clear_bad(pud))
			continue;
		next = zap_pmd_range(tlb, vma, pud, addr, next, details);
		cond_resched();
	} while (pud++, addr = next, addr !== end);

	return addr;
}

/** mm/memory.c:zap_p4d_range() */
function zap_p4d_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct, pgd: ptep_t,
	addr: unsigned_long, end: unsigned_long,
		details: struct_zap_details | null): unsigned_long {
	let next: unsigned_long;

	let p4d = p4d_offset(pgd, addr);
	do {
		next = p4d_addr_end(addr, end);
		if (p4d_none_or_clear_bad(p4d))
			continue;
		next = zap_pud_range(tlb, vma, p4d, addr, next, details);
	} while (p4d++, addr = next, addr !== end);

	return addr;
}

/** mm/memory.c:unmap_page_range() */
export function unmap_page_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct,
	addr: unsigned_long, end: unsigned_long, details: struct_zap_details | null): void {
	let next: unsigned_long;

	BUG_ON(addr >= end);
	tlb_start_vma(tlb, vma);
	let pgd = pgd_offset(vma.vm_mm!, addr);
	do {
		next = pgd_addr_end(addr, end);
		if (pgd_none_or_clear_bad(pgd))
			continue;
		next = zap_p4d_range(tlb, vma, pgd, addr, next, details);
	} while (pgd++, addr = next, addr !== end);
	tlb_end_vma(tlb, vma);
}

/** mm/memory.c:unmap_single_vma() */
function unmap_single_vma(tlb: struct_mmu_gather, vma: struct_vm_area_struct,
	start_addr: unsigned_long, end_addr: unsigned_long,
		details: struct_zap_details | null): void {
	const start = max(vma.vm_start, start_addr);

	if (start >= vma.vm_end)
		return;
	const end = min(vma.vm_end, end_addr);
	if (end <= vma.vm_start)
		return;

	if (start !== end) {
		if (is_vm_hugetlb_page(vma)) {
			/*
			 * A mapping that failed in mmap() has no file any more; the reservation
			 * then went with the file.
			 */
			if (vma.vm_file) {
				const zap_flags = details ? details.zap_flags : 0;
				i_mmap_lock_write(vma.vm_file.f_mapping!);
				__unmap_hugepage_range_final(tlb, vma, start, end, null, zap_flags);
				i_mmap_unlock_write(vma.vm_file.f_mapping!);
			}
		} else
			unmap_page_range(tlb, vma, start, end, details);
	}
}

/** mm/memory.c:unmap_vmas(). From @vma on; the caller flushes and frees by tlb_finish_mmu(). */
export function unmap_vmas(tlb: struct_mmu_gather, start_vma: struct_vm_area_struct | null,
	start_addr: unsigned_long, end_addr: unsigned_long): void {
	const range = new struct_mmu_notifier_range(tlb.mm!);
	const details = new struct_zap_details();
	details.zap_flags = ZAP_FLAG_DROP_MARKER;
	/* the mapping ends, and its private copies with it */
	details.even_cows = true;
	let vma = start_vma;

	mmu_notifier_range_init(range, MMU_NOTIFY_UNMAP, 0, vma, tlb.mm!, start_addr, end_addr);
	mmu_notifier_invalidate_range_start(range);
	for ( ; vma && vma.vm_start < end_addr; vma = vma.vm_next)
		unmap_single_vma(tlb, vma, start_addr, end_addr, details);
	mmu_notifier_invalidate_range_end(range);
}

/** mm/memory.c:zap_page_range() */
export function zap_page_range(start_vma: struct_vm_area_struct, start: unsigned_long,
	size: unsigned_long): void {
	const mm = start_vma.vm_mm!;
	const range = new struct_mmu_notifier_range(mm);
	const tlb = new struct_mmu_gather();

	lru_add_drain();
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, start_vma, mm, start, start + size);
	tlb_gather_mmu(tlb, mm);
	update_hiwater_rss(mm);
	mmu_notifier_invalidate_range_start(range);
	for (let vma: struct_vm_area_struct | null = start_vma; vma && vma.vm_start < range.end;
	     vma = vma.vm_next)
		unmap_single_vma(tlb, vma, start, range.end, null);
	mmu_notifier_invalidate_range_end(range);
	tlb_finish_mmu(tlb);
}

/** mm/memory.c:zap_page_range_single() */
function zap_page_range_single(vma: struct_vm_area_struct, address: unsigned_long,
	size: unsigned_long, details: struct_zap_details | null): void {
	const mm = vma.vm_mm!;
	const range = new struct_mmu_notifier_range(mm);
	const tlb = new struct_mmu_gather();

	lru_add_drain();
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, vma, mm, address, address + size);
	tlb_gather_mmu(tlb, mm);
	update_hiwater_rss(mm);
	mmu_notifier_invalidate_range_start(range);
	unmap_single_vma(tlb, vma, address, range.end, details);
	mmu_notifier_invalidate_range_end(range);
	tlb_finish_mmu(tlb);
}

/** mm/memory.c:zap_vma_ptes() */
export function zap_vma_ptes(vma: struct_vm_area_struct, address: unsigned_long,
	size: unsigned_long): void {
	if (!range_in_vma(vma, address, address + size) || !(vma.vm_flags & VM_PFNMAP))
		return;

	zap_page_range_single(vma, address, size, null);
}

/** mm/memory.c:walk_to_pmd() */
function walk_to_pmd(mm: struct_mm_struct, addr: unsigned_long): ptep_t {
	const pgd = pgd_offset(mm, addr);
	const p4d = p4d_alloc(mm, pgd, addr);
	if (!p4d)
		return 0;
	const pud = pud_alloc(mm, p4d, addr);
	if (!pud)
		return 0;
	const pmd = pmd_alloc(mm, pud, addr);
	if (!pmd)
		return 0;

	VM_BUG_ON(pmd_trans_huge(pmdp_get(pmd)));
	return pmd;
}

/** mm/memory.c:__get_locked_pte() */
export function __get_locked_pte(mm: struct_mm_struct, addr: unsigned_long,
	ptl: ref<spinlock_t | null>): ptep_t {
	const pmd = walk_to_pmd(mm, addr);

	if (!pmd)
		return 0;
	return pte_alloc_map_lock(mm, pmd, addr, ptl);
}

/** mm/memory.c:validate_page_before_insert() */
function validate_page_before_insert(page: struct_page): number {
	if (PageAnon(page) || PageSlab(page) || page_has_type(page))
		return -EINVAL;
	return 0;
}

/** mm/memory.c:insert_page_into_pte_locked() */
function insert_page_into_pte_locked(vma: struct_vm_area_struct, pte: ptep_t, addr: unsigned_long,
	page: struct_page, prot: pgprot_t): number {
	if (!pte_none(ptep_get(pte)))
		return -EBUSY;
	get_page(page);
	inc_mm_counter_fast(vma.vm_mm!, mm_counter_file(page));
	page_add_file_rmap(page, vma, false);
	set_pte_at(vma.vm_mm!, addr, pte, mk_pte(page, prot));
	return 0;
}

/** mm/memory.c:insert_page() */
function insert_page(vma: struct_vm_area_struct, addr: unsigned_long, page: struct_page,
	prot: pgprot_t): number {
	const ptl = new ref<spinlock_t | null>(null);

	let retval = validate_page_before_insert(page);
	if (retval)
		return retval;
	const pte = get_locked_pte(vma.vm_mm!, addr, ptl);
	if (!pte)
		return -ENOMEM;
	retval = insert_page_into_pte_locked(vma, pte, addr, page, prot);
	pte_unmap_unlock(pte, ptl.v!);
	return retval;
}

/** mm/memory.c:vm_insert_page(). A page of the caller's, which keeps its reference. */
export function vm_insert_page(vma: struct_vm_area_struct, addr: unsigned_long,
	page: struct_page): number {
	if (addr < vma.vm_start || addr >= vma.vm_end)
		return -EFAULT;
	if (!page_count(page))
		return -EINVAL;
	if (!(vma.vm_flags & VM_MIXEDMAP)) {
		BUG_ON(mmap_read_trylock(vma.vm_mm!));
		BUG_ON((vma.vm_flags & VM_PFNMAP) !== 0);
		vma.vm_flags |= VM_MIXEDMAP;
	}
	return insert_page(vma, addr, page, vma.vm_page_prot);
}

/** mm/memory.c:insert_pfn() */
function insert_pfn(vma: struct_vm_area_struct, addr: unsigned_long, pfn: pfn_nr, prot: pgprot_t,
	mkwrite: boolean): vm_fault_t {
	const mm = vma.vm_mm!;
	const ptl = new ref<spinlock_t | null>(null);
	let entry: pte_t;

	const pte = get_locked_pte(mm, addr, ptl);
	if (!pte)
		return VM_FAULT_OOM;
	out_unlock: {
		const old = ptep_get(pte);
		if (!pte_none(old)) {
			if (mkwrite) {
				/*
				 * a read-only entry of the same frame becomes writable, no other
				 * may be
				 */
				if (pte_pfn(old) !== pfn) {
					WARN_ON_ONCE(pte_pfn(old) !== zero_pfn);
					break out_unlock;
				}
				entry = pte_mkyoung(old);
				entry = maybe_mkwrite(pte_mkdirty(entry), vma);
				if (ptep_set_access_flags(vma, addr, pte, entry, 1))
					update_mmu_cache(vma, addr, pte);
			}
			break out_unlock;
		}

		entry = pte_mkspecial(pfn_pte(pfn, prot));

		if (mkwrite) {
			entry = pte_mkyoung(entry);
			entry = maybe_mkwrite(pte_mkdirty(entry), vma);
		}

		set_pte_at(mm, addr, pte, entry);
		update_mmu_cache(vma, addr, pte);
	}
	pte_unmap_unlock(pte, ptl.v!);
	return VM_FAULT_NOPAGE;
}

/** mm/memory.c:vmf_insert_pfn_prot() */
export function vmf_insert_pfn_prot(vma: struct_vm_area_struct, addr: unsigned_long, pfn: pfn_nr,
	pgprot: pgprot_t): vm_fault_t {
	/* one of the two, and no private copies of a PFN map, and no frame twice */
	BUG_ON(!(vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)));
	BUG_ON((vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)) === (VM_PFNMAP | VM_MIXEDMAP));
	BUG_ON((vma.vm_flags & VM_PFNMAP) !== 0 && is_cow_mapping(vma.vm_flags));
	BUG_ON((vma.vm_flags & VM_MIXEDMAP) !== 0 && pfn_valid(pfn));

	if (addr < vma.vm_start || addr >= vma.vm_end)
		return VM_FAULT_SIGBUS;

	return insert_pfn(vma, addr, pfn, pgprot, false);
}

/** mm/memory.c:vmf_insert_pfn() */
export function vmf_insert_pfn(vma: struct_vm_area_struct, addr: unsigned_long, pfn: pfn_nr):
	vm_fault_t {
	return vmf_insert_pfn_prot(vma, addr, pfn, vma.vm_page_prot);
}

/** mm/memory.c:pte_unmap_same(). An entry is read in one piece here, so it cannot be torn. */
function pte_unmap_same(vmf: struct_vm_fault): boolean {
	vmf.pte = 0;
	return true;
}

/** mm/memory.c:__wp_page_copy_user(). False when the entry has changed meanwhile. */
function __wp_page_copy_user(dst: struct_page, src: struct_page | null, vmf: struct_vm_fault):
	boolean {
	const vma = vmf.vma;
	const addr = vmf.address;

	if (src) {
		copy_user_highpage(dst, src, addr, vma);
		return true;
	}

	/*
	 * A frame without a struct page: through its mapping, which may go while we copy; then once
	 * more under the lock.
	 */
	if (!copy_from_user_to_page(dst, addr)) {
		const ptl = pte_lockptr(vma.vm_mm!, vmf.pmd);
		vmf.pte = pte_offset_map(vmf.pmd, addr);
		vmf.ptl = ptl;
		spin_lock(ptl);
		if (!pte_same(ptep_get(vmf.pte), vmf.orig_pte)) {
			update_mmu_tlb(vma, addr, vmf.pte);
			pte_unmap_unlock(vmf.pte, ptl);
			return false;
		}

		if (!copy_from_user_to_page(dst, addr)) {
			/* the frame cannot be read: give zeroes rather than another's data */
			WARN_ON_ONCE(true);
			clear_page(dst);
		}
		pte_unmap_unlock(vmf.pte, ptl);
	}

	return true;
}

/** mm/memory.c:__get_fault_gfp_mask() */
function __get_fault_gfp_mask(vma: struct_vm_area_struct): gfp_t {
	const vm_file = vma.vm_file;

	if (vm_file !== null)
		return mapping_gfp_mask(vm_file.f_mapping!) | __GFP_FS | __GFP_IO;

	return GFP_KERNEL;
}

/** mm/memory.c:do_page_mkwrite(). The page is locked when VM_FAULT_LOCKED comes back. */
function do_page_mkwrite(vmf: struct_vm_fault): vm_fault_t {
	const page = vmf.page!;
	const old_flags = vmf.flags;

	vmf.flags = FAULT_FLAG_WRITE | FAULT_FLAG_MKWRITE;

	let ret = vmf.vma.vm_ops!.page_mkwrite!(vmf);
	vmf.flags = old_flags;
	if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE))
		return ret;
	if (!(ret & VM_FAULT_LOCKED)) {
		lock_page(page);
		if (!page.mapping) {
			unlock_page(page);
			return 0; /* truncated: the fault starts over */
		}
		ret |= VM_FAULT_LOCKED;
	} else
		VM_BUG_ON_PAGE(!PageLocked(page), page);
	return ret;
}

/** mm/memory.c:fault_dirty_shared_page(). Unlocks the page; may drop mmap_lock. */
function fault_dirty_shared_page(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	const page = vmf.page!;
	const page_mkwrite = vma.vm_ops !== null && vma.vm_ops.page_mkwrite !== undefined;

	const dirtied = set_page_dirty(page);
	VM_BUG_ON_PAGE(PageAnon(page), page);
	/* the mapping is used after the unlock: an inode stays while it is mapped */
	const mapping = page_rmapping(page) as struct_address_space | null;
	unlock_page(page);

	if (!page_mkwrite)
		file_update_time(vma.vm_file!);

	/* writers are throttled without mmap_lock, if it may be dropped */
	if ((dirtied || page_mkwrite) && mapping !== null) {
		const fpin = maybe_unlock_mmap_for_io(vmf, null);
		balance_dirty_pages_ratelimited(mapping);
		if (fpin !== null) {
			fput(fpin);
			return VM_FAULT_COMPLETED;
		}
	}

	return 0;
}

/** mm/memory.c:wp_page_reuse(). Releases the ptl. */
function wp_page_reuse(vmf: struct_vm_fault): void {
	const vma = vmf.vma;
	const page = vmf.page;

	VM_BUG_ON(!(vmf.flags & FAULT_FLAG_WRITE));
	VM_BUG_ON(page !== null && PageAnon(page) && !PageAnonExclusive(page));

	let entry = pte_mkyoung(vmf.orig_pte);
	entry = maybe_mkwrite(pte_mkdirty(entry), vma);
	if (ptep_set_access_flags(vma, vmf.address, vmf.pte, entry, 1))
		update_mmu_cache(vma, vmf.address, vmf.pte);
	pte_unmap_unlock(vmf.pte, vmf.ptl!);
	count_vm_event(PGREUSE);
}

/**
 * mm/memory.c:wp_page_copy(). Without the ptl. If vmf.page is set, its reference is consumed.
 * Subscribers hear of the new page at set_pte_at_notify().
 */
function wp_page_copy(vmf: struct_vm_fault): vm_fault_t {
	const unshare = (vmf.flags & FAULT_FLAG_UNSHARE) !== 0;
	const vma = vmf.vma;
	const mm = vma.vm_mm!;
	const old_page = vmf.page;
	let new_page: struct_page | null = null;
	let page_copied = false;

	oom: {
		if (anon_vma_prepare(vma))
			break oom;

		if (pte_pfn(vmf.orig_pte) === zero_pfn) {
			new_page = alloc_zeroed_user_highpage_movable(vma, vmf.address);
			if (!new_page)
				break oom;
		} else {
			new_page = alloc_page_vma(GFP_HIGHUSER_MOVABLE, vma, vmf.address);
			if (!new_page)
				break oom;

			if (!__wp_page_copy_user(new_page, old_page, vmf)) {
				/* the entry changed: the access tries again */
				put_page(new_page);
				if (old_page)
					put_page(old_page);
				return 0;
			}
		}

		if (mem_cgroup_charge(page_folio(new_page), mm, GFP_KERNEL)) {
			put_page(new_page);
			break oom;
		}

		__SetPageUptodate(new_page);

		const range = new struct_mmu_notifier_range(mm);
		mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, vma, mm, vmf.address,
			vmf.address + PAGE_SIZE);
		mmu_notifier_invalidate_range_start(range);

		/* others may have changed the entry while it was unlocked */
		const ptl = pte_lockptr(mm, vmf.pmd);
		vmf.pte = pte_offset_map(vmf.pmd, vmf.address);
		vmf.ptl = ptl;
		spin_lock(ptl);
		if (pte_same(ptep_get(vmf.pte), vmf.orig_pte)) {
			if (old_page) {
				if (!PageAnon(old_page)) {
					dec_mm_counter_fast(mm, mm_counter_file(old_page));
					inc_mm_counter_fast(mm, MM_ANONPAGES);
				}
			} else {
				inc_mm_counter_fast(mm, MM_ANONPAGES);
			}
			let entry = mk_pte(new_page, vma.vm_page_prot);
			if (!unshare)
				entry = maybe_mkwrite(pte_mkdirty(entry), vma);

			/*
			 * Clear and flush before the new page is set: no CPU may read the old page
			 * while another writes the new one.
			 */
			ptep_clear_flush_notify(vma, vmf.address, vmf.pte);
			page_add_new_anon_rmap(new_page, vma, vmf.address);
			lru_cache_add_inactive_or_unevictable(new_page, vma);
			BUG_ON(unshare && pte_write(entry));
			set_pte_at_notify(mm, vmf.address, vmf.pte, entry);
			update_mmu_cache(vma, vmf.address, vmf.pte);
			if (old_page) {
				/*
				 * The mapping goes from the page only after it went from the entry:
				 * whoever finds no mapping may free or reuse the page.
				 */
				page_remove_rmap(old_page, vma, false);
			}

			/* what is dropped below is the old page */
			new_page = old_page;
			page_copied = true;
		} else {
			update_mmu_tlb(vma, vmf.address, vmf.pte);
		}

		if (new_page)
			put_page(new_page);

		pte_unmap_unlock(vmf.pte, ptl);
		/* invalidate_range() was called by ptep_clear_flush_notify() */
		mmu_notifier_invalidate_range_only_end(range);
		if (old_page) {
			if (page_copied)
				free_swap_cache(old_page);
			put_page(old_page);
		}

		return (page_copied && !unshare) ? VM_FAULT_WRITE : 0;
	}
	if (old_page)
		put_page(old_page);

	return VM_FAULT_OOM;
}

/** mm/memory.c:finish_mkwrite_fault(). 0: the entry is writable now. */
export function finish_mkwrite_fault(vmf: struct_vm_fault): vm_fault_t {
	WARN_ON_ONCE(!(vmf.vma.vm_flags & VM_SHARED));
	const ptl = pte_lockptr(vmf.vma.vm_mm!, vmf.pmd);
	vmf.pte = pte_offset_map(vmf.pmd, vmf.address);
	vmf.ptl = ptl;
	spin_lock(ptl);
	/* the entry may have changed while the lock was dropped */
	if (!pte_same(ptep_get(vmf.pte), vmf.orig_pte)) {
		update_mmu_tlb(vmf.vma, vmf.address, vmf.pte);
		pte_unmap_unlock(vmf.pte, ptl);
		return VM_FAULT_NOPAGE;
	}
	wp_page_reuse(vmf);
	return 0;
}

/** mm/memory.c:wp_pfn_shared() */
function wp_pfn_shared(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;

	if (vma.vm_ops && vma.vm_ops.pfn_mkwrite) {
		pte_unmap_unlock(vmf.pte, vmf.ptl!);
		vmf.flags |= FAULT_FLAG_MKWRITE;
		const ret = vma.vm_ops.pfn_mkwrite(vmf);
		if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE))
			return ret;
		return finish_mkwrite_fault(vmf);
	}
	wp_page_reuse(vmf);
	return VM_FAULT_WRITE;
}

/** mm/memory.c:wp_page_shared(). Releases the ptl. */
function wp_page_shared(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	const page = vmf.page!;
	let ret = VM_FAULT_WRITE;

	get_page(page);

	if (vma.vm_ops && vma.vm_ops.page_mkwrite) {
		pte_unmap_unlock(vmf.pte, vmf.ptl!);
		let tmp = do_page_mkwrite(vmf);
		if (!tmp || (tmp & (VM_FAULT_ERROR | VM_FAULT_NOPAGE))) {
			put_page(page);
			return tmp;
		}
		tmp = finish_mkwrite_fault(vmf);
		if (tmp & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) {
			unlock_page(page);
			put_page(page);
			return tmp;
		}
	} else {
		wp_page_reuse(vmf);
		lock_page(page);
	}
	ret |= fault_dirty_shared_page(vmf);
	put_page(page);

	return ret;
}

/**
 * mm/memory.c:do_wp_page(). A write to, or (FAULT_FLAG_UNSHARE) a pin for reading of, a page that
 * is mapped without write permission. Called with the ptl held, returns without.
 */
function do_wp_page(vmf: struct_vm_fault): vm_fault_t {
	const unshare = (vmf.flags & FAULT_FLAG_UNSHARE) !== 0;
	const vma = vmf.vma;

	VM_BUG_ON(unshare && (vmf.flags & FAULT_FLAG_WRITE) !== 0);
	VM_BUG_ON(!unshare && !(vmf.flags & FAULT_FLAG_WRITE));

	const page = vmf.page = vm_normal_page(vma, vmf.address, vmf.orig_pte);
	if (!page) {
		if (unshare) {
			/* only anonymous pages need unsharing */
			pte_unmap_unlock(vmf.pte, vmf.ptl!);
			return 0;
		}

		/* a special entry of a shared mapping is writable by now, or is made so */
		if ((vma.vm_flags & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED))
			return wp_pfn_shared(vmf);

		pte_unmap_unlock(vmf.pte, vmf.ptl!);
		return wp_page_copy(vmf);
	}

	/* an anonymous page may be taken over, if nobody else has it */
	copy: if (PageAnon(page)) {
		reuse: {
			/* known to be exclusive: no reference that somebody holds can matter */
			if (PageAnonExclusive(page))
				break reuse;

			/* one for us, and up to two of the LRU batches and the swap cache */
			if (PageKsm(page) || page_count(page) > 3)
				break copy;
			if (!PageLRU(page))
				/*
				 * this CPU's LRU batch may hold a reference; those of others are
				 * out of reach
				 */
				lru_add_drain();
			if (page_count(page) > 1 + Number(PageSwapCache(page)))
				break copy;
			if (!trylock_page(page))
				break copy;
			if (PageSwapCache(page))
				try_to_free_swap(page);
			if (PageKsm(page) || page_count(page) !== 1) {
				unlock_page(page);
				break copy;
			}
			/* only this entry refers to the page, and it is locked: it becomes ours */
			page_move_anon_rmap(page, vma);
			unlock_page(page);
		}
		if (unshare) {
			pte_unmap_unlock(vmf.pte, vmf.ptl!);
			return 0;
		}
		wp_page_reuse(vmf);
		return VM_FAULT_WRITE;
	} else if (unshare) {
		/* only anonymous pages need unsharing */
		pte_unmap_unlock(vmf.pte, vmf.ptl!);
		return 0;
	} else if ((vma.vm_flags & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED)) {
		return wp_page_shared(vmf);
	}

	/* shared with others: copy */
	get_page(page);

	pte_unmap_unlock(vmf.pte, vmf.ptl!);
	return wp_page_copy(vmf);
}

/** mm/memory.c:unmap_mapping_range_vma() */
function unmap_mapping_range_vma(vma: struct_vm_area_struct, start_addr: unsigned_long,
	end_addr: unsigned_long, details: struct_zap_details): void {
	zap_page_range_single(vma, start_addr, end_addr - start_addr, details);
}

/** mm/memory.c:unmap_mapping_range_tree() */
function unmap_mapping_range_tree(root: struct_rb_root_cached, first_index: number,
	last_index: number, details: struct_zap_details): void {
	for (let vma = vma_interval_tree_iter_first(root, first_index, last_index); vma;
	     vma = vma_interval_tree_iter_next(vma, first_index, last_index)) {
		const vba = vma.vm_pgoff;
		const vea = vba + vma_pages(vma) - 1;
		const zba = first_index > vba ? first_index : vba;
		const zea = last_index < vea ? last_index : vea;

		unmap_mapping_range_vma(vma,
			(zba - vba) * PAGE_SIZE + vma.vm_start,
			(zea - vba + 1) * PAGE_SIZE + vma.vm_start,
			details);
	}
}

/**
 * mm/memory.c:unmap_mapping_folio(). The folio is locked, so that no new mapping can come; private
 * copies stay.
 */
export function unmap_mapping_folio(folio: struct_folio): void {
	const mapping = folio.mapping as struct_address_space;
	const details = new struct_zap_details();

	VM_BUG_ON_PAGE(!folio_test_locked(folio), folio);

	const first_index = folio.index;
	const last_index = folio.index + folio_nr_pages(folio) - 1;

	details.even_cows = false;
	details.single_folio = folio;
	details.zap_flags = ZAP_FLAG_DROP_MARKER;

	i_mmap_lock_read(mapping);
	if (mapping.i_mmap.rb_root.rb_node !== null)
		unmap_mapping_range_tree(mapping.i_mmap, first_index, last_index, details);
	i_mmap_unlock_read(mapping);
}

/** mm/memory.c:unmap_mapping_pages(). With @nr 0, all pages from @start on. */
export function unmap_mapping_pages(mapping: struct_address_space, start: pgoff_t, nr: number,
	even_cows: boolean): void {
	const details = new struct_zap_details();
	const first_index = start;
	let last_index = start + nr - 1;

	details.even_cows = even_cows;
	if (last_index < first_index || last_index > PGOFF_MAX)
		last_index = PGOFF_MAX;

	i_mmap_lock_read(mapping);
	if (mapping.i_mmap.rb_root.rb_node !== null)
		unmap_mapping_range_tree(mapping.i_mmap, first_index, last_index, details);
	i_mmap_unlock_read(mapping);
}

/**
 * mm/memory.c:unmap_mapping_range(). Bytes, any alignment: the pages that the range touches. With
 * @holelen 0, all that follow too. @even_cows: private copies go as well (truncation).
 */
export function unmap_mapping_range(mapping: struct_address_space, holebegin: loff_t,
	holelen: loff_t, even_cows: number): void {
	const hba = Number(u64(holebegin) >> 12n);
	let hlen = Number((holelen + 4095n) >> 12n);

	/* not past the last index */
	if (hba + hlen > PGOFF_MAX)
		hlen = PGOFF_MAX - hba + 1;

	unmap_mapping_pages(mapping, to_pgoff(hba), hlen, even_cows !== 0);
}

/**
 * mm/memory.c:do_swap_page(). An entry that is not present: wait for a migration, fail on poison.
 * A swap entry proper cannot be met while CONFIG_SWAP is off; it starts at get_swap_device().
 */
export function do_swap_page(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	let ret: vm_fault_t = 0;

	if (!pte_unmap_same(vmf))
		return ret;

	const entry = pte_to_swp_entry(vmf.orig_pte);
	if (non_swap_entry(entry)) {
		if (is_migration_entry(entry)) {
			migration_entry_wait(vma.vm_mm!, vmf.pmd, vmf.address);
		} else if (is_hwpoison_entry(entry)) {
			ret = VM_FAULT_HWPOISON;
		} else if (is_swapin_error_entry(entry)) {
			ret = VM_FAULT_SIGBUS;
		} else {
			print_bad_pte(vma, vmf.address, vmf.orig_pte, null);
			ret = VM_FAULT_SIGBUS;
		}
		return ret;
	}

	/* the swap device must stay while its entry is used */
	const si = get_swap_device(entry);
	if (!si)
		return ret;

	put_swap_device(si);
	return VM_FAULT_SIGBUS;
}

/**
 * mm/memory.c:do_anonymous_page(). First touch of private memory: the zero page to read, a page of
 * its own to write.
 */
function do_anonymous_page(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	const mm = vma.vm_mm!;
	let ret: vm_fault_t = 0;
	let entry: pte_t;
	let ptl: spinlock_t;

	/* shared memory is some file's, and its faults go to vm_ops */
	if (vma.vm_flags & VM_SHARED)
		return VM_FAULT_SIGBUS;

	/*
	 * mmap_lock is held for read only, so an empty PMD may be filled by others, even with a
	 * huge page; a table that stands is not taken away.
	 */
	if (pte_alloc(mm, vmf.pmd))
		return VM_FAULT_OOM;

	/* a huge page may have come instead of a table: see handle_pte_fault() */
	if (pmd_trans_unstable(vmf.pmd))
		return 0;

	/* a read maps the zero page */
	if (!(vmf.flags & FAULT_FLAG_WRITE)) {
		entry = pte_mkspecial(pfn_pte(zero_pfn, vma.vm_page_prot));
		ptl = pte_lockptr(mm, vmf.pmd);
		vmf.pte = pte_offset_map(vmf.pmd, vmf.address);
		vmf.ptl = ptl;
		spin_lock(ptl);
		unlock: {
			if (!pte_none_at(vmf.pte)) {
				update_mmu_tlb(vma, vmf.address, vmf.pte);
				break unlock;
			}
			ret = check_stable_address_space(mm);
			if (ret)
				break unlock;

			set_pte_at(mm, vmf.address, vmf.pte, entry);

			/* an entry that was not present is in no TLB */
			update_mmu_cache(vma, vmf.address, vmf.pte);
		}
		pte_unmap_unlock(vmf.pte, ptl);
		return ret;
	}

	/* a page of the task's own */
	if (anon_vma_prepare(vma))
		return VM_FAULT_OOM;
	const page = alloc_zeroed_user_highpage_movable(vma, vmf.address);
	if (!page)
		return VM_FAULT_OOM;

	if (mem_cgroup_charge(page as struct_folio, mm, GFP_KERNEL)) {
		put_page(page);
		return VM_FAULT_OOM;
	}

	/* contents before the entry that shows them */
	__SetPageUptodate(page);

	entry = mk_pte(page, vma.vm_page_prot);
	if (vma.vm_flags & VM_WRITE)
		entry = pte_mkwrite(pte_mkdirty(entry));

	ptl = pte_lockptr(mm, vmf.pmd);
	vmf.pte = pte_offset_map(vmf.pmd, vmf.address);
	vmf.ptl = ptl;
	spin_lock(ptl);
	release: {
		if (!pte_none_at(vmf.pte)) {
			update_mmu_cache(vma, vmf.address, vmf.pte);
			break release;
		}

		ret = check_stable_address_space(mm);
		if (ret)
			break release;

		inc_mm_counter_fast(mm, MM_ANONPAGES);
		page_add_new_anon_rmap(page, vma, vmf.address);
		lru_cache_add_inactive_or_unevictable(page, vma);
		set_pte_at(mm, vmf.address, vmf.pte, entry);

		/* an entry that was not present is in no TLB */
		update_mmu_cache(vma, vmf.address, vmf.pte);
		pte_unmap_unlock(vmf.pte, ptl);
		return ret;
	}
	put_page(page);
	pte_unmap_unlock(vmf.pte, ptl);
	return ret;
}

/**
 * mm/memory.c:__do_fault(). ->fault, with mmap_lock held or dropped according to its answer; the
 * page is locked.
 */
function __do_fault(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;

	/*
	 * A table is allocated before the page is locked: the allocation may reclaim, and reclaim
	 * waits for pages under writeback.
	 */
	if (pmd_none_at(vmf.pmd) && vmf.prealloc_pte === null) {
		vmf.prealloc_pte = pte_alloc_one(vma.vm_mm!);
		if (!vmf.prealloc_pte)
			return VM_FAULT_OOM;
	}

	const ret = vma.vm_ops!.fault!(vmf);
	if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY | VM_FAULT_DONE_COW))
		return ret;

	const page = vmf.page!;
	if (PageHWPoison(page)) {
		let poisonret = VM_FAULT_HWPOISON;
		if (ret & VM_FAULT_LOCKED) {
			if (page_mapped(page))
				unmap_mapping_pages(page_mapping(page)!, page.index, 1, false);
			/* a clean page can be read anew: fault again */
			if (invalidate_inode_page(page))
				poisonret = VM_FAULT_NOPAGE;
			unlock_page(page);
		}
		put_page(page);
		vmf.page = null;
		return poisonret;
	}

	if (!(ret & VM_FAULT_LOCKED))
		lock_page(page);
	else
		VM_BUG_ON_PAGE(!PageLocked(page), page);

	return ret;
}

/** mm/memory.c:do_set_pmd(). Maps a whole huge page of a file, or says VM_FAULT_FALLBACK. */
export function do_set_pmd(vmf: struct_vm_fault, page: struct_page): vm_fault_t {
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return VM_FAULT_FALLBACK;

	const vma = vmf.vma;
	const write = (vmf.flags & FAULT_FLAG_WRITE) !== 0;
	const haddr = ALIGN_DOWN(vmf.address, HPAGE_PMD_SIZE);
	let ret = VM_FAULT_FALLBACK;

	if (!transhuge_vma_suitable(vma, haddr))
		return ret;

	page = compound_head(page);
	if (compound_order(page) !== HPAGE_PMD_ORDER)
		return ret;

	/* a subpage is poisoned: small mappings keep the rest usable */
	if (PageHasHWPoisoned(page))
		return ret;

	const ptl = vmf.ptl = pmd_lock(vma.vm_mm!, vmf.pmd);
	out: {
		if (!pmd_none_at(vmf.pmd))
			break out;

		let entry = mk_huge_pmd(page, vma.vm_page_prot);
		if (write)
			entry = maybe_pmd_mkwrite(pmd_mkdirty(entry), vma);

		add_mm_counter(vma.vm_mm!, mm_counter_file(page), HPAGE_PMD_NR);
		page_add_file_rmap(page, vma, true);

		set_pmd_at(vma.vm_mm!, haddr, vmf.pmd, entry);

		update_mmu_cache_pmd(vma, haddr, vmf.pmd);

		ret = 0;
		count_vm_event(THP_FILE_MAPPED);
	}
	spin_unlock(ptl);
	return ret;
}

/** mm/memory.c:maybe_pmd_mkwrite() (mm/huge_memory.c) is huge_memory.ts's. */

/** mm/memory.c:do_set_pte(). The entry of @addr, which faults around may set beside vmf.address. */
export function do_set_pte(vmf: struct_vm_fault, page: struct_page, addr: unsigned_long): void {
	const vma = vmf.vma;
	const mm = vma.vm_mm!;
	const write = (vmf.flags & FAULT_FLAG_WRITE) !== 0;

	let entry = mk_pte(page, vma.vm_page_prot);

	if (write)
		entry = maybe_mkwrite(pte_mkdirty(entry), vma);
	/* a private copy */
	if (write && !(vma.vm_flags & VM_SHARED)) {
		inc_mm_counter_fast(mm, MM_ANONPAGES);
		page_add_new_anon_rmap(page, vma, addr);
		lru_cache_add_inactive_or_unevictable(page, vma);
	} else {
		inc_mm_counter_fast(mm, mm_counter_file(page));
		page_add_file_rmap(page, vma, false);
	}
	set_pte_at(mm, addr, vmf.pte, entry);
}

/** mm/memory.c:vmf_pte_changed() */
function vmf_pte_changed(vmf: struct_vm_fault): boolean {
	if (vmf.flags & FAULT_FLAG_ORIG_PTE_VALID)
		return !pte_same_at(vmf.pte, vmf.orig_pte);

	return !pte_none_at(vmf.pte);
}

/** mm/memory.c:finish_fault(). Maps vmf.page or, for a private write, vmf.cow_page. */
export function finish_fault(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	const mm = vma.vm_mm!;
	let page: struct_page;
	let ret: vm_fault_t;

	/* private writes map the copy */
	if ((vmf.flags & FAULT_FLAG_WRITE) && !(vma.vm_flags & VM_SHARED))
		page = vmf.cow_page!;
	else
		page = vmf.page!;

	/* even a read may have been given another's page after the OOM reaper went over it */
	if (!(vma.vm_flags & VM_SHARED)) {
		ret = check_stable_address_space(mm);
		if (ret)
			return ret;
	}

	/* neither empty nor huge: most faults find a table */
	if (pmd_bad_at(vmf.pmd)) {
		if (pmd_none_at(vmf.pmd)) {
			if (PageTransCompound(page)) {
				ret = do_set_pmd(vmf, page);
				if (ret !== VM_FAULT_FALLBACK)
					return ret;
			}

			if (vmf.prealloc_pte !== null)
				vmf.prealloc_pte = pmd_install(mm, vmf.pmd, vmf.prealloc_pte);
			else if (pte_alloc(mm, vmf.pmd))
				return VM_FAULT_OOM;
		}

		/* a huge page may have come instead of a table: see handle_pte_fault() */
		if (pmd_devmap_trans_unstable(vmf.pmd))
			return VM_FAULT_NOPAGE;
	}

	const pmdval = pmdp_get(vmf.pmd);
	const ptl = ptlock_of(pmd_table_pfn(pmdval));
	vmf.pte = pte_offset_of(pmdval, vmf.address);
	vmf.ptl = ptl;
	spin_lock(ptl);

	/* another thread may have been faster */
	if (!vmf_pte_changed(vmf)) {
		do_set_pte(vmf, page, vmf.address);

		/* an entry that was not present is in no TLB */
		update_mmu_cache(vma, vmf.address, vmf.pte);

		ret = 0;
	} else {
		update_mmu_tlb(vma, vmf.address, vmf.pte);
		ret = VM_FAULT_NOPAGE;
	}

	pte_unmap_unlock(vmf.pte, ptl);
	return ret;
}

/** A power of two, at most what one page table covers. */
let fault_around_bytes = 65536;

/** mm/memory.c:fault_around_bytes_get(), of debugfs. */
export function fault_around_bytes_get(): number {
	return fault_around_bytes;
}

/** mm/memory.c:fault_around_bytes_set(), of debugfs. */
export function fault_around_bytes_set(val: number): number {
	if (val / PAGE_SIZE > PTRS_PER_PTE)
		return -EINVAL;
	if (val > PAGE_SIZE)
		fault_around_bytes = 2 ** Math.floor(Math.log2(val));
	else
		fault_around_bytes = PAGE_SIZE; /* 0 has no power of two below it */
	return 0;
}

/**
 * mm/memory.c:do_fault_around(). Maps what the page cache has around the address, within the VMA
 * and the page table: ->map_pages() takes only pages that are there, up to date and unlocked.
 */
function do_fault_around(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	const nr_pages = fault_around_bytes / PAGE_SIZE;

	const address = max(ALIGN_DOWN(vmf.address, fault_around_bytes), vma.vm_start);
	const off = ((vmf.address - address) / PAGE_SIZE) & (PTRS_PER_PTE - 1);
	const start_pgoff = vmf.pgoff - off;

	/* the last of: page table, VMA, fault_around_bytes */
	let end_pgoff = start_pgoff - ((ul_shr(address, PAGE_SHIFT)) & (PTRS_PER_PTE - 1)) +
		PTRS_PER_PTE - 1;
	end_pgoff = Math.min(end_pgoff, vma_pages(vma) + vma.vm_pgoff - 1,
		start_pgoff + nr_pages - 1);

	if (pmd_none_at(vmf.pmd)) {
		vmf.prealloc_pte = pte_alloc_one(vma.vm_mm!);
		if (!vmf.prealloc_pte)
			return VM_FAULT_OOM;
	}

	return vma.vm_ops!.map_pages!(vmf, to_pgoff(start_pgoff), to_pgoff(end_pgoff));
}

/** mm/memory.c:should_fault_around() */
function should_fault_around(vmf: struct_vm_fault): boolean {
	if (!vmf.vma.vm_ops!.map_pages)
		return false;

	/* one page is what ->fault maps anyway */
	return fault_around_bytes > PAGE_SIZE;
}

/** mm/memory.c:do_read_fault() */
function do_read_fault(vmf: struct_vm_fault): vm_fault_t {
	let ret: vm_fault_t = 0;

	/* ->map_pages() first: maybe ->fault is not needed at all */
	if (should_fault_around(vmf)) {
		ret = do_fault_around(vmf);
		if (ret)
			return ret;
	}

	ret = __do_fault(vmf);
	if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY))
		return ret;

	ret |= finish_fault(vmf);
	unlock_page(vmf.page!);
	if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY))
		put_page(vmf.page!);
	return ret;
}

/** mm/memory.c:do_cow_fault() */
function do_cow_fault(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;

	if (anon_vma_prepare(vma))
		return VM_FAULT_OOM;

	const cow_page = vmf.cow_page = alloc_page_vma(GFP_HIGHUSER_MOVABLE, vma, vmf.address);
	if (!cow_page)
		return VM_FAULT_OOM;

	if (mem_cgroup_charge(page_folio(cow_page), vma.vm_mm!, GFP_KERNEL)) {
		put_page(cow_page);
		return VM_FAULT_OOM;
	}

	let ret = __do_fault(vmf);
	uncharge_out: {
		if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY))
			break uncharge_out;
		if (ret & VM_FAULT_DONE_COW)
			return ret;

		copy_user_highpage(cow_page, vmf.page!, vmf.address, vma);
		__SetPageUptodate(cow_page);

		ret |= finish_fault(vmf);
		unlock_page(vmf.page!);
		put_page(vmf.page!);
		if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY))
			break uncharge_out;
		return ret;
	}
	put_page(cow_page);
	return ret;
}

/** mm/memory.c:do_shared_fault() */
function do_shared_fault(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;

	let ret = __do_fault(vmf);
	if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY))
		return ret;

	/* the file may want to know before the page becomes writable */
	if (vma.vm_ops!.page_mkwrite !== undefined) {
		unlock_page(vmf.page!);
		const tmp = do_page_mkwrite(vmf);
		if (!tmp || (tmp & (VM_FAULT_ERROR | VM_FAULT_NOPAGE))) {
			put_page(vmf.page!);
			return tmp;
		}
	}

	ret |= finish_fault(vmf);
	if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)) {
		unlock_page(vmf.page!);
		put_page(vmf.page!);
		return ret;
	}

	ret |= fault_dirty_shared_page(vmf);
	return ret;
}

/**
 * mm/memory.c:do_fault(). mmap_lock is held for read; the answer says whether it still is. Then
 * the VMA may be gone: only the mm is used.
 */
function do_fault(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	const vm_mm = vma.vm_mm!;
	let ret: vm_fault_t;

	/* without ->fault, ->mmap() must have mapped everything, and mremap() must not grow it */
	if (vma.vm_ops!.fault === undefined) {
		/* a table without entries may only be looked at under its lock */
		if (!pmd_present(pmdp_get(vmf.pmd)))
			ret = VM_FAULT_SIGBUS;
		else {
			const ptl = pte_lockptr(vm_mm, vmf.pmd);
			vmf.pte = pte_offset_map(vmf.pmd, vmf.address);
			vmf.ptl = ptl;
			spin_lock(ptl);
			/* it may be being replaced by one with other permissions just now */
			if (pte_none_at(vmf.pte))
				ret = VM_FAULT_SIGBUS;
			else
				ret = VM_FAULT_NOPAGE;

			pte_unmap_unlock(vmf.pte, ptl);
		}
	} else if (!(vmf.flags & FAULT_FLAG_WRITE))
		ret = do_read_fault(vmf);
	else if (!(vma.vm_flags & VM_SHARED))
		ret = do_cow_fault(vmf);
	else
		ret = do_shared_fault(vmf);

	/* nobody needed the table that was allocated beforehand */
	if (vmf.prealloc_pte !== null) {
		pte_free(vm_mm, vmf.prealloc_pte);
		vmf.prealloc_pte = null;
	}
	return ret;
}

/** mm/memory.c:create_huge_pmd() */
function create_huge_pmd(vmf: struct_vm_fault): vm_fault_t {
	if (vma_is_anonymous(vmf.vma))
		return do_huge_pmd_anonymous_page(vmf);
	if (vmf.vma.vm_ops!.huge_fault)
		return vmf.vma.vm_ops!.huge_fault(vmf, PE_SIZE_PMD);
	return VM_FAULT_FALLBACK;
}

/** mm/memory.c:wp_huge_pmd() */
function wp_huge_pmd(vmf: struct_vm_fault): vm_fault_t {
	if (vma_is_anonymous(vmf.vma))
		return do_huge_pmd_wp_page(vmf);
	if (vmf.vma.vm_ops!.huge_fault) {
		const ret = vmf.vma.vm_ops!.huge_fault(vmf, PE_SIZE_PMD);

		if (!(ret & VM_FAULT_FALLBACK))
			return ret;
	}

	/* write faults of such mappings are resolved by small entries */
	__split_huge_pmd(vmf.vma, vmf.pmd, vmf.address, false, null);

	return VM_FAULT_FALLBACK;
}

/**
 * mm/memory.c:handle_pte_fault(). The level of single pages. vmf.pmd points to a table or to
 * nothing: if it is huge by now, the access tries again.
 */
function handle_pte_fault(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;

	if (pmd_none_at(vmf.pmd)) {
		/*
		 * The table comes later, so that a huge page can take its place: no entry is valid
		 * that was read before.
		 */
		vmf.pte = 0;
		vmf.flags &= ~FAULT_FLAG_ORIG_PTE_VALID;
	} else {
		/*
		 * Under mmap_lock for read, a huge page may appear in place of an empty PMD, but
		 * not in place of a table: what is a table here remains one.
		 */
		if (pmd_devmap_trans_unstable(vmf.pmd))
			return 0;
		vmf.pte = pte_offset_map(vmf.pmd, vmf.address);
		vmf.flags |= FAULT_FLAG_ORIG_PTE_VALID;

		/* vmf.orig_pte is empty so far */
		if (pte_none_at(vmf.pte))
			vmf.pte = 0;
		else
			vmf.orig_pte = ptep_get(vmf.pte);
	}

	if (vmf.pte === 0) {
		if (vma_is_anonymous(vma))
			return do_anonymous_page(vmf);
		else
			return do_fault(vmf);
	}

	if (!pte_present(vmf.orig_pte))
		return do_swap_page(vmf);

	const ptl = pte_lockptr(vma.vm_mm!, vmf.pmd);
	vmf.ptl = ptl;
	spin_lock(ptl);
	let entry = vmf.orig_pte;
	unlock: {
		if (!pte_same(ptep_get(vmf.pte), entry)) {
			update_mmu_tlb(vma, vmf.address, vmf.pte);
			break unlock;
		}
		if (vmf.flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) {
			if (!pte_write(entry))
				return do_wp_page(vmf);
			else if (vmf.flags & FAULT_FLAG_WRITE)
				entry = pte_mkdirty(entry);
		}
		entry = pte_mkyoung(entry);
		if (ptep_set_access_flags(vma, vmf.address, vmf.pte, entry,
			vmf.flags & FAULT_FLAG_WRITE)) {
			update_mmu_cache(vma, vmf.address, vmf.pte);
		} else {
			/* a retry did not fault on a stale translation: no flush */
			if (vmf.flags & FAULT_FLAG_TRIED)
				break unlock;
			/* the entry allows it: this CPU's TLB was behind */
			if (vmf.flags & FAULT_FLAG_WRITE)
				flush_tlb_fix_spurious_fault(vma, vmf.address);
		}
	}
	pte_unmap_unlock(vmf.pte, ptl);
	return 0;
}

/** mm/memory.c:__handle_mm_fault() */
function __handle_mm_fault(vma: struct_vm_area_struct, address: unsigned_long, flags: number):
	vm_fault_t {
	const vmf = new struct_vm_fault(vma);
	vmf.address = ALIGN_DOWN(address, PAGE_SIZE);
	vmf.flags = flags;
	vmf.pgoff = linear_page_index(vma, address);
	vmf.gfp_mask = __get_fault_gfp_mask(vma);
	const mm = vma.vm_mm!;
	const vm_flags = vma.vm_flags;
	let ret: vm_fault_t;

	const pgd = pgd_offset(mm, address);
	const p4d = p4d_alloc(mm, pgd, address);
	if (p4d === 0)
		return VM_FAULT_OOM;

	/* huge PUDs are hugetlbfs's only */
	const pud = pud_alloc(mm, p4d, address);
	if (pud === 0)
		return VM_FAULT_OOM;

	const pmd = pmd_alloc(mm, pud, address);
	if (pmd === 0)
		return VM_FAULT_OOM;
	vmf.pmd = pmd;

	/* most faults find a table */
	if (!pmd_bad_at(pmd))
		return handle_pte_fault(vmf);

	const pmdval = pmdp_get(pmd);
	if (pmd_none(pmdval)) {
		if (hugepage_vma_check(vma, vm_flags, false, true)) {
			ret = create_huge_pmd(vmf);
			if (!(ret & VM_FAULT_FALLBACK))
				return ret;
		}
	} else if (!pmd_present(pmdval) || pmd_trans_huge(pmdval)) {
		vmf.orig_pmd = pmdval;

		if (is_swap_pmd(pmdval)) {
			VM_BUG_ON(thp_migration_supported() && !is_pmd_migration_entry(pmdval));
			if (is_pmd_migration_entry(pmdval))
				pmd_migration_entry_wait(mm, vmf.pmd);
			return 0;
		}
		if (pmd_trans_huge(pmdval)) {
			if ((flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) &&
				!pmd_write(pmdval)) {
				ret = wp_huge_pmd(vmf);
				if (!(ret & VM_FAULT_FALLBACK))
					return ret;
			} else {
				huge_pmd_set_accessed(vmf);
				return 0;
			}
		}
	}

	return handle_pte_fault(vmf);
}

/** mm/memory.c:mm_account_fault(). Only a fault that was handled counts. */
function mm_account_fault(flags: number, ret: vm_fault_t): void {
	if (ret & (VM_FAULT_ERROR | VM_FAULT_RETRY))
		return;

	/* what had to be retried had to wait */
	if ((ret & VM_FAULT_MAJOR) || (flags & FAULT_FLAG_TRIED))
		current.maj_flt++;
	else
		current.min_flt++;
}

/**
 * mm/memory.c:handle_mm_fault(). mmap_lock is held for read; it is no longer when the answer has
 * VM_FAULT_RETRY (unless FAULT_FLAG_RETRY_NOWAIT) or VM_FAULT_COMPLETED.
 */
export function handle_mm_fault(vma: struct_vm_area_struct, address: unsigned_long, flags: number,
	_regs: unknown): vm_fault_t {
	let ret: vm_fault_t;

	__set_current_state(TASK_RUNNING);

	count_vm_event(PGFAULT);

	/* may fold the task's counts, while no page table is locked */
	check_sync_rss_stat(current);

	if (is_vm_hugetlb_page(vma))
		ret = hugetlb_fault(vma.vm_mm!, vma, address, flags);
	else
		ret = __handle_mm_fault(vma, address, flags);

	mm_account_fault(flags, ret);

	return ret;
}

/** mm/memory.c:__pud_alloc() */
export function __pud_alloc(mm: struct_mm_struct, p4d: ptep_t, address: unsigned_long): number {
	const new_ = pud_alloc_one(mm, address);
	if (!new_)
		return -ENOMEM;

	spin_lock(mm.page_table_lock);
	if (!p4d_present(p4dp_get(p4d))) {
		mm_inc_nr_puds(mm);
		smp_wmb();
		p4d_populate(mm, p4d, new_);
	} else	/* somebody else's table stands */
		pud_free(mm, new_);
	spin_unlock(mm.page_table_lock);
	return 0;
}

/** mm/memory.c:__pmd_alloc() */
export function __pmd_alloc(mm: struct_mm_struct, pud: ptep_t, address: unsigned_long): number {
	const new_ = pmd_alloc_one(mm, address);
	if (!new_)
		return -ENOMEM;

	const ptl = pud_lock(mm, pud);
	if (!pud_present(pudp_get(pud))) {
		mm_inc_nr_pmds(mm);
		smp_wmb();
		pud_populate(mm, pud, new_);
	} else	/* somebody else's table stands */
		pmd_free(mm, new_);
	spin_unlock(ptl);
	return 0;
}

/** mm/memory.c:follow_pte(). The entry of a present small page, locked: 0, or -EINVAL. */
export function follow_pte(mm: struct_mm_struct, address: unsigned_long, ptepp: ref<ptep_t>,
	ptlp: ref<spinlock_t | null>): number {
	const pgd = pgd_offset(mm, address);
	if (pgd_none(pgdp_get(pgd)) || pgd_bad(pgdp_get(pgd)))
		return -EINVAL;

	const p4d = p4d_offset(pgd, address);
	if (p4d_none(p4dp_get(p4d)) || p4d_bad(p4dp_get(p4d)))
		return -EINVAL;

	const pud = pud_offset(p4d, address);
	if (pud_none(pudp_get(pud)) || pud_bad(pudp_get(pud)))
		return -EINVAL;

	const pmd = pmd_offset(pud, address);
	VM_BUG_ON(pmd_trans_huge(pmdp_get(pmd)));

	if (pmd_none_at(pmd) || pmd_bad(pmdp_get(pmd)))
		return -EINVAL;

	const ptep = pte_offset_map_lock(mm, pmd, address, ptlp);
	if (!pte_present(ptep_get(ptep))) {
		pte_unmap_unlock(ptep, ptlp.v!);
		return -EINVAL;
	}
	ptepp.v = ptep;
	return 0;
}

/** mm/memory.c:follow_pfn(). Only for VM_IO and VM_PFNMAP; nothing keeps the frame. */
export function follow_pfn(vma: struct_vm_area_struct, address: unsigned_long, pfn: ref<pfn_nr>):
	number {
	const ptl = new ref<spinlock_t | null>(null);
	const ptep = new ref<ptep_t>(0);

	if (!(vma.vm_flags & (VM_IO | VM_PFNMAP)))
		return -EINVAL;

	const ret = follow_pte(vma.vm_mm!, address, ptep, ptl);
	if (ret)
		return ret;
	pfn.v = pte_pfn(ptep_get(ptep.v));
	pte_unmap_unlock(ptep.v, ptl.v!);
	return 0;
}

/** mm/memory.c:__access_remote_vm(). Bytes copied; permissions as @gup_flags says. */
export function __access_remote_vm(mm: struct_mm_struct, addr: unsigned_long, buf: Uint8Array,
	len: number, gup_flags: number): number {
	const write = gup_flags & FOLL_WRITE;
	const pages: struct_page[] = [];
	let done = 0;

	if (mmap_read_lock_killable(mm))
		return 0;

	/* what fails ends the transfer; the count says how far it came */
	while (len) {
		let bytes: number;

		let ret = get_user_pages_remote(mm, addr, 1, gup_flags, pages, null, null);
		if (ret <= 0) {
			/* a VMA without pages may have an ->access() of its own */
			const vma = vma_lookup(mm, addr);
			if (!vma)
				break;
			if (vma.vm_ops && vma.vm_ops.access)
				ret = vma.vm_ops.access(vma, addr, buf.subarray(done), len, write);
			if (ret <= 0)
				break;
			bytes = ret;
		} else {
			const page = pages[0]!;
			const offset = addr & (PAGE_SIZE - 1);
			bytes = len;
			if (bytes > PAGE_SIZE - offset)
				bytes = PAGE_SIZE - offset;

			if (write) {
				memcpy_to_page(page, offset, buf.subarray(done), bytes);
				set_page_dirty_lock(page);
			} else {
				memcpy_from_page(buf.subarray(done), page, offset, bytes);
			}
			put_page(page);
		}
		len -= bytes;
		done += bytes;
		addr += bytes;
	}
	mmap_read_unlock(mm);

	return done;
}

/** mm/memory.c:access_remote_vm() */
export function access_remote_vm(mm: struct_mm_struct, addr: unsigned_long, buf: Uint8Array,
	len: number, gup_flags: number): number {
	return __access_remote_vm(mm, addr, buf, len, gup_flags);
}

/** mm/memory.c:access_process_vm() */
export function access_process_vm(tsk: struct_task_struct, addr: unsigned_long, buf: Uint8Array,
	len: number, gup_flags: number): number {
	const mm = get_task_mm(tsk);
	if (!mm)
		return 0;

	const ret = __access_remote_vm(mm, addr, buf, len, gup_flags);

	mmput(mm);

	return ret;
}

/** mm/memory.c:__might_fault() */
export function __might_fault(): void {
	if (pagefault_disabled())
		return;
	might_sleep();
	if (current.mm)
		might_lock_read(current.mm.mmap_lock);
}

/**
 * mm/memory.c:process_huge_page(). Calls for each subpage; those next to the one that faulted come
 * last, so that they are still in the CPU's caches.
 */
function process_huge_page(addr_hint: unsigned_long, pages_per_huge_page: number,
	process_subpage: (idx: number) => void): void {
	const addr = ALIGN_DOWN(addr_hint, pages_per_huge_page * PAGE_SIZE);
	let base: number, l: number;

	/* what @addr_hint touches comes last */
	might_sleep();
	const n = ul_shr(addr_hint - addr, PAGE_SHIFT);
	if (2 * n <= pages_per_huge_page) {
		/* nearer to the front: first what lies beyond twice its distance */
		base = 0;
		l = n;
		for (let i = pages_per_huge_page - 1; i >= 2 * n; i--) {
			cond_resched();
			process_subpage(i);
		}
	} else {
		/* nearer to the back: first the front, up to twice its distance from the end */
		base = pages_per_huge_page - 2 * (pages_per_huge_page - n);
		l = pages_per_huge_page - n;
		for (let i = 0; i < base; i++) {
			cond_resched();
			process_subpage(i);
		}
	}
	/* the rest from both sides towards the target */
	for (let i = 0; i < l; i++) {
		const left_idx = base + i;
		const right_idx = base + 2 * l - 1 - i;

		cond_resched();
		process_subpage(left_idx);
		cond_resched();
		process_subpage(right_idx);
	}
}

/** mm/memory.c:clear_gigantic_page() */
function clear_gigantic_page(page: struct_page, addr: unsigned_long, pages_per_huge_page: number):
	void {
	might_sleep();
	for (let i = 0; i < pages_per_huge_page; i++) {
		cond_resched();
		clear_user_highpage(pfn_to_page(to_pfn(page.pfn + i)), addr + i * PAGE_SIZE);
	}
}

/** mm/memory.c:clear_huge_page() */
export function clear_huge_page(page: struct_page, addr_hint: unsigned_long,
	pages_per_huge_page: number): void {
	const addr = ALIGN_DOWN(addr_hint, pages_per_huge_page * PAGE_SIZE);

	if (pages_per_huge_page > MAX_ORDER_NR_PAGES) {
		clear_gigantic_page(page, addr, pages_per_huge_page);
		return;
	}

	process_huge_page(addr_hint, pages_per_huge_page, (idx) => {
		clear_user_highpage(pfn_to_page(to_pfn(page.pfn + idx)), addr + idx * PAGE_SIZE);
	});
}

/** mm/memory.c:copy_user_gigantic_page() */
function copy_user_gigantic_page(dst: struct_page, src: struct_page, addr: unsigned_long,
	vma: struct_vm_area_struct, pages_per_huge_page: number): void {
	for (let i = 0; i < pages_per_huge_page; i++) {
		cond_resched();
		copy_user_highpage(pfn_to_page(to_pfn(dst.pfn + i)),
			pfn_to_page(to_pfn(src.pfn + i)),
			addr + i * PAGE_SIZE, vma);
	}
}

/** mm/memory.c:copy_user_huge_page() */
export function copy_user_huge_page(dst: struct_page, src: struct_page, addr_hint: unsigned_long,
	vma: struct_vm_area_struct, pages_per_huge_page: number): void {
	const addr = ALIGN_DOWN(addr_hint, pages_per_huge_page * PAGE_SIZE);

	if (pages_per_huge_page > MAX_ORDER_NR_PAGES) {
		copy_user_gigantic_page(dst, src, addr, vma, pages_per_huge_page);
		return;
	}

	process_huge_page(addr_hint, pages_per_huge_page, (idx) => {
		copy_user_highpage(pfn_to_page(to_pfn(dst.pfn + idx)),
			pfn_to_page(to_pfn(src.pfn + idx)),
			addr + idx * PAGE_SIZE, vma);
	});
}
