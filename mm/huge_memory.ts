// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transparent huge pages: faults, zapping, splitting, the zero page, the knobs.
 *
 * Upstream: mm/huge_memory.c. Left out: huge PUDs, DAX, NUMA hinting, userfaultfd, soft-dirty,
 * swap clusters, memory cgroups. The debugfs split trigger is a set of calls.
 */
import { ALIGN, ALIGN_DOWN, DIV_ROUND_UP, IS_ALIGNED, round_up, ul_shl, ul_shr } from
	"#asm-generic/bits.ts";
import { ERR_PTR, IS_ERR_VALUE, type err_ptr } from "#asm-generic/err.ts";
import { subsys_initcall } from "#asm-generic/registry.ts";
import { pfn_nr, pgoff_t, ref, type unsigned_long } from "#asm-generic/types.ts";
import { PAGE_SHIFT, PAGE_SIZE, PTRS_PER_PTE } from "#asm/page_types.ts";
import { pmd_populate, pte_free } from "#asm/pgalloc.ts";
import { pte_alloc_one } from "#asm/pgalloc.ts";
import {
	type struct_mmu_gather, tlb_change_page_size, tlb_flush_pmd_range, tlb_remove_page_size,
	tlb_remove_pmd_tlb_entry,
} from "#asm/tlb.ts";
import { huge_pmd_needs_flush } from "#asm/tlbflush.ts";
import type { pgprot_t, pmd_t, pte_t } from "#asm/pgtable_types.ts";
import {
	arch_needs_pgtable_deposit, flush_pmd_tlb_range, has_transparent_hugepage, mk_pmd, mk_pte,
	my_zero_pfn, p4d_offset, p4d_present, p4dp_get, pfn_pte, pgd_offset, pgd_present, pgdp_get,
	pgtable_trans_huge_deposit, pgtable_trans_huge_withdraw, pmd_dirty, pmd_mkclean,
	pmd_mkdirty, pmd_mkhuge, pmd_mkold, pmd_mkwrite, pmd_mkyoung, pmd_modify, pmd_none,
	pmd_offset, pmd_page, pmd_present, pmd_same, PMD_SIZE, pmd_trans_huge, pmd_write,
	pmd_wrprotect, pmd_young, pmdp_get, pmdp_huge_clear_flush, pmdp_huge_get_and_clear,
	pmdp_huge_get_and_clear_full, pmdp_invalidate, pmdp_invalidate_ad, pmdp_set_access_flags,
	pmdp_set_wrprotect, pte_index, pte_mkold, pte_mkspecial, pte_none, pte_wrprotect, ptep_get,
	pud_offset, pud_present, pudp_get, set_pmd_at, set_pte_at, update_mmu_cache_pmd,
} from "#linux/pgtable.ts";
import { BUG_ON, WARN_ON, WARN_ONCE } from "#linux/bug.ts";
import { EAGAIN, EBUSY, EFAULT, EINVAL, EMLINK, ENOMEM } from "#linux/errno.ts";
import { i_mmap_lock_read, i_mmap_unlock_read, i_size_read } from "#linux/fs.ts";
import type { struct_address_space, struct_file } from "#linux/fs.types.ts";
import { __free_pages, alloc_pages, vma_alloc_folio } from "#linux/gfp.ts";
import {
	__GFP_DIRECT_RECLAIM, __GFP_KSWAPD_RECLAIM, __GFP_MOVABLE, __GFP_NORETRY, __GFP_ZERO,
	GFP_TRANSHUGE, GFP_TRANSHUGE_LIGHT, type gfp_t,
} from "#linux/gfp_types.ts";
import {
	file_thp_enabled, HPAGE_PMD_MASK_LOW, HPAGE_PMD_NR, HPAGE_PMD_ORDER, HPAGE_PMD_SIZE,
	hugepage_flags_always, hugepage_flags_enabled, is_huge_zero_page, is_huge_zero_pmd,
	page_deferred_list, pmd_trans_huge_lock, split_huge_page, thp_migration_supported,
	thp_nr_pages, thp_order, transhuge_vma_suitable, TRANSPARENT_HUGEPAGE_DEFRAG_DIRECT_FLAG,
	 TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_FLAG,
	TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_OR_MADV_FLAG, TRANSPARENT_HUGEPAGE_DEFRAG_REQ_MADV_FLAG,
	TRANSPARENT_HUGEPAGE_FLAG, TRANSPARENT_HUGEPAGE_NEVER_DAX,
	TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG, TRANSPARENT_HUGEPAGE_USE_ZERO_PAGE_FLAG,
	transparent_hugepage_use_zero_page,
} from "#linux/huge_mm.ts";
import { local_irq_disable, local_irq_enable } from "#linux/irqflags.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { khugepaged_enter_vma, khugepaged_init, start_stop_khugepaged } from
	"#linux/khugepaged.ts";
import {
	list_add_tail, list_del, list_del_init, list_empty, list_move,
	list_splice_tail, struct_list_head,
} from "#linux/list.ts";
import { lockdep_assert_held, SINGLE_DEPTH_NESTING } from "#linux/lockdep.ts";
import { mem_cgroup_charge, folio_lruvec_lock, unlock_page_lruvec } from "#linux/memcontrol.ts";
import type { struct_lruvec } from "#linux/mmzone.ts";
import {
	add_mm_counter, clear_huge_page, compound_head, compound_order,
	folio_mapcount, folio_nr_pages, folio_put, free_compound_page, get_page,
	get_page_unless_zero, maybe_mkwrite, mm_counter_file, mm_dec_nr_ptes, mm_inc_nr_ptes,
	nth_page, page_folio, page_mapcount, page_to_pfn, pmd_lock, pmd_lockptr, put_page,
	range_in_vma, set_compound_page_dtor, total_mapcount, totalram_pages, TRANSHUGE_PAGE_DTOR,
	try_grab_page, vma_is_anonymous, vma_is_special_huge, vma_is_temporary_stack,
	gup_must_unshare, set_page_dirty,
} from "#linux/mm.ts";
import {
	FAULT_FLAG_UNSHARE, FAULT_FLAG_WRITE, FOLL_DUMP, FOLL_FORCE, FOLL_PIN, FOLL_TOUCH,
	FOLL_WRITE, MM_CP_PROT_NUMA, VM_FAULT_FALLBACK, VM_FAULT_OOM, VM_FAULT_WRITE, VM_HUGEPAGE,
	VM_MAYSHARE, VM_MAYWRITE, VM_NO_KHUGEPAGED, VM_NOHUGEPAGE, VM_SHARED, VM_WRITE,
} from "#linux/mm.const.ts";
import {
	MM_ANONPAGES, type pgtable_t, type ptep_t, type struct_folio, type struct_mm_struct,
	type struct_page, type struct_vm_area_struct, type struct_vm_fault, type vm_fault_t,
} from "#linux/mm_types.ts";
import {
	MMU_NOTIFY_CLEAR, mmu_notifier_invalidate_range_only_end,
	mmu_notifier_invalidate_range_start, mmu_notifier_range_init, pmdp_huge_clear_flush_notify,
	struct_mmu_notifier_range,
} from "#linux/mmu_notifier.ts";
import { contig_page_data, type struct_deferred_split } from "#linux/mmzone.ts";
import { NR_ANON_THPS, NR_FILE_THPS, NR_SHMEM_THPS } from "#linux/mmzone.const.ts";
import {
	VM_BUG_ON, VM_BUG_ON_PAGE, VM_BUG_ON_VMA, VM_WARN_ON, VM_WARN_ON_ONCE, VM_WARN_ON_ONCE_PAGE,
} from "#linux/mmdebug.ts";
import { check_stable_address_space } from "#linux/oom.ts";
import {
	__SetPageUptodate, clear_compound_head, ClearPageCompound, ClearPageDirty,
	ClearPageHasHWPoisoned, folio_test_anon, folio_test_clear_dirty, folio_test_locked,
	folio_test_swapcache, PageAnon, PageAnonExclusive, PageCompound, PageDirty, PageHead,
	PageLocked, PageLRU, PageReferenced, PageSwapBacked, PageSwapCache, PageTransHuge,
	PageUnevictable, PageWriteback, PG_active, PG_dirty, PG_locked, PG_mlocked, PG_referenced,
	PG_swapbacked, PG_swapcache, PG_unevictable, PG_uptodate, PG_workingset,
	PAGE_FLAGS_CHECK_AT_PREP, SetPageAnonExclusive, SetPageDirty, SetPageLRU, SetPageReferenced,
	TestClearPageDoubleMap, TestSetPageDoubleMap,
} from "#linux/page-flags.ts";
import {
	folio_ref_count, page_count, page_ref_add, page_ref_freeze, page_ref_inc, page_ref_unfreeze,
} from "#linux/page_ref.ts";
import { filemap_nr_thps_dec, lock_page, mapping_gfp_mask, trylock_page, unlock_page } from
	"#linux/pagemap.ts";
import { pr_warn } from "#linux/printk.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import {
	anon_vma_lock_write, anon_vma_prepare, anon_vma_unlock_write, page_add_anon_rmap,
	page_add_file_rmap, page_add_new_anon_rmap, page_get_anon_vma, page_move_anon_rmap,
	page_remove_rmap, page_try_dup_anon_rmap, page_try_share_anon_rmap, put_anon_vma,
	remove_migration_ptes, RMAP_COMPOUND, RMAP_EXCLUSIVE, type struct_anon_vma,
	type struct_page_vma_mapped_walk, try_to_migrate, try_to_unmap, TTU_IGNORE_MLOCK,
	TTU_RMAP_LOCKED, TTU_SPLIT_HUGE_PMD, TTU_SYNC,
} from "#linux/rmap.ts";
import { current } from "#linux/sched.ts";
import { MMF_DISABLE_THP, MMF_HUGE_ZERO_PAGE } from "#linux/sched/coredump.ts";
import {
	shmem_enabled_show, shmem_enabled_store, shmem_fallocend, shmem_file, shmem_huge_enabled,
	shmem_mapping, shmem_uncharge,
} from "#linux/shmem_fs.ts";
import {
	DEFAULT_SEEKS, register_shrinker, SHRINK_STOP, SHRINKER_MEMCG_AWARE, SHRINKER_NONSLAB,
	SHRINKER_NUMA_AWARE, type struct_shrink_control, struct_shrinker, unregister_shrinker,
} from "#linux/shrinker.ts";
import {
	assert_spin_locked, spin_lock, spin_lock_irqsave, spin_lock_nested, spin_unlock,
	spin_unlock_irqrestore, type spinlock_t,
} from "#linux/spinlock.ts";
import {
	free_page_and_swap_cache, lru_cache_add_inactive_or_unevictable, mark_page_lazyfree,
	try_to_free_swap,
} from "#linux/swap.ts";
import {
	is_pmd_migration_entry, is_readable_exclusive_migration_entry, is_readable_migration_entry,
	is_swap_pmd, is_writable_migration_entry, make_readable_exclusive_migration_entry,
	make_readable_migration_entry, make_writable_migration_entry, pfn_swap_entry_to_page,
	pmd_to_swp_entry, swp_entry_to_pmd, swp_entry_to_pte, swp_offset,
} from "#linux/swapops.ts";
import {
	THP_DEFERRED_SPLIT_PAGE, THP_FAULT_ALLOC, THP_FAULT_FALLBACK, THP_FAULT_FALLBACK_CHARGE,
	THP_SPLIT_PAGE, THP_SPLIT_PAGE_FAILED, THP_SPLIT_PMD, THP_ZERO_PAGE_ALLOC,
	THP_ZERO_PAGE_ALLOC_FAILED,
} from "#linux/vm_event_item.ts";
import { __mod_lruvec_page_state, count_vm_event } from "#linux/vmstat.ts";
import {
	__xa_store, type struct_xa_state, XA_STATE, xa_unlock, xas_destroy, xas_error, xas_load,
	xas_lock, xas_reset, xas_split, xas_split_alloc, xas_unlock,
} from "#linux/xarray.ts";
import { __filemap_remove_folio } from "#linux/pagemap.ts";
import { folio_account_cleaned } from "#linux/writeback.ts";
import { GFP_RECLAIM_MASK, munlock_vma_page } from "#mm/internal.h.ts";
import {
	CONFIG_TRANSPARENT_HUGEPAGE, CONFIG_TRANSPARENT_HUGEPAGE_ALWAYS,
	CONFIG_TRANSPARENT_HUGEPAGE_MADVISE,
} from "#generated/autoconf.ts";

/** Bits TRANSPARENT_HUGEPAGE_*. */
export let transparent_hugepage_flags =
	(IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE_ALWAYS) ? 1 << 1 : 0) |
	(IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE_MADVISE) ? 1 << 2 : 0) |
	(1 << 6) | (1 << 7) | (1 << 8);

let huge_zero_refcount = 0;
export let huge_zero_page: struct_page | null = null;
export let huge_zero_pfn: pfn_nr = pfn_nr(-1);

/** Start of the huge page that holds @addr. */
function haddr_of(addr: unsigned_long): unsigned_long {
	return addr - (addr & HPAGE_PMD_MASK_LOW);
}

/**
 * mm/huge_memory.c:hugepage_vma_check(): whether @vma may have huge pages; @in_pf from a fault,
 * where the address is checked by its caller.
 */
export function hugepage_vma_check(vma: struct_vm_area_struct, vm_flags: number, smaps: boolean,
	in_pf: boolean): boolean {
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return false;
	if (vma.vm_mm === null)
		return false;

	if ((vm_flags & VM_NOHUGEPAGE) || (vma.vm_mm.flags & (1 << MMF_DISABLE_THP)))
		return false;
	/* no support by the hardware */
	if (transparent_hugepage_flags & (1 << TRANSPARENT_HUGEPAGE_NEVER_DAX))
		return false;

	/* special VMAs and hugetlb */
	if (vm_flags & VM_NO_KHUGEPAGED)
		return false;

	if (!in_pf && !transhuge_vma_suitable(vma, vma.vm_end - HPAGE_PMD_SIZE))
		return false;

	/* shmem has a switch of its own */
	if (!in_pf && shmem_file(vma.vm_file))
		return shmem_huge_enabled(vma);

	if (!hugepage_flags_enabled())
		return false;

	if (!(vm_flags & VM_HUGEPAGE) && !hugepage_flags_always())
		return false;

	if (!in_pf && file_thp_enabled(vma))
		return true;

	if (!vma_is_anonymous(vma))
		return false;

	if (vma_is_temporary_stack(vma))
		return false;

	/* without an anon_vma nothing was faulted in: nothing to collapse */
	if (vma.anon_vma === null)
		return smaps || in_pf;

	return true;
}

/** mm/huge_memory.c:get_huge_zero_page() */
function get_huge_zero_page(): boolean {
	if (huge_zero_refcount !== 0) {
		huge_zero_refcount++;
		return true;
	}

	const zero_page = alloc_pages((GFP_TRANSHUGE | __GFP_ZERO) & ~__GFP_MOVABLE,
		HPAGE_PMD_ORDER);
	if (zero_page === null) {
		count_vm_event(THP_ZERO_PAGE_ALLOC_FAILED);
		return false;
	}
	count_vm_event(THP_ZERO_PAGE_ALLOC);
	huge_zero_page = zero_page;
	huge_zero_pfn = page_to_pfn(zero_page);

	/* one for the caller, one that the shrinker drops */
	huge_zero_refcount = 2;
	return true;
}

/** mm/huge_memory.c:put_huge_zero_page(): the last reference is the shrinker's. */
function put_huge_zero_page(): void {
	BUG_ON(--huge_zero_refcount === 0);
}

/** mm/huge_memory.c:mm_get_huge_zero_page() */
export function mm_get_huge_zero_page(mm: struct_mm_struct): struct_page | null {
	if (mm.flags & (1 << MMF_HUGE_ZERO_PAGE))
		return huge_zero_page;

	if (!get_huge_zero_page())
		return null;

	mm.flags |= 1 << MMF_HUGE_ZERO_PAGE;

	return huge_zero_page;
}

/** mm/huge_memory.c:mm_put_huge_zero_page() */
export function mm_put_huge_zero_page(mm: struct_mm_struct): void {
	if (mm.flags & (1 << MMF_HUGE_ZERO_PAGE))
		put_huge_zero_page();
}

/** mm/huge_memory.c:shrink_huge_zero_page_count() */
function shrink_huge_zero_page_count(_shrink: struct_shrinker, _sc: struct_shrink_control): number {
	return huge_zero_refcount === 1 ? HPAGE_PMD_NR : 0;
}

/** mm/huge_memory.c:shrink_huge_zero_page_scan() */
function shrink_huge_zero_page_scan(_shrink: struct_shrinker, _sc: struct_shrink_control): number {
	if (huge_zero_refcount === 1) {
		huge_zero_refcount = 0;
		const zero_page = huge_zero_page;
		huge_zero_page = null;
		BUG_ON(zero_page === null);
		huge_zero_pfn = pfn_nr(-1);
		__free_pages(zero_page!, compound_order(zero_page!));
		return HPAGE_PMD_NR;
	}

	return 0;
}

let huge_zero_page_shrinker: struct_shrinker | null = null;

function set_flag(flag: number, on: boolean): void {
	if (on)
		transparent_hugepage_flags |= 1 << flag;
	else
		transparent_hugepage_flags &= ~(1 << flag);
}

function test_flag(flag: number): boolean {
	return (transparent_hugepage_flags & (1 << flag)) !== 0;
}

/** mm/huge_memory.c:enabled_show() */
function enabled_show(): string {
	if (test_flag(TRANSPARENT_HUGEPAGE_FLAG))
		return "[always] madvise never\n";
	else if (test_flag(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG))
		return "always [madvise] never\n";
	else
		return "always madvise [never]\n";
}

/** mm/huge_memory.c:enabled_store() */
function enabled_store(buf: string): number {
	switch (buf.trim()) {
	case "always":
		set_flag(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG, false);
		set_flag(TRANSPARENT_HUGEPAGE_FLAG, true);
		break;
	case "madvise":
		set_flag(TRANSPARENT_HUGEPAGE_FLAG, false);
		set_flag(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG, true);
		break;
	case "never":
		set_flag(TRANSPARENT_HUGEPAGE_FLAG, false);
		set_flag(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG, false);
		break;
	default:
		return -EINVAL;
	}

	return start_stop_khugepaged() || buf.length;
}

/* defrag: its words, and the bit (TRANSPARENT_HUGEPAGE_DEFRAG_*) that each stands for */
const DEFRAG: readonly [string, number][] = [
	["always", 3],
	["defer", 4],
	["defer+madvise", 5],
	["madvise", 6],
];

/** mm/huge_memory.c:defrag_show() */
function defrag_show(): string {
	const on = DEFRAG.find(([, flag]) => test_flag(flag))?.[0] ?? "never";

	return [...DEFRAG.map(([word]) => word), "never"]
		.map((w) => w === on ? `[${w}]` : w).join(" ") + "\n";
}

/** mm/huge_memory.c:defrag_store() */
function defrag_store(buf: string): number {
	const word = buf.trim();
	const chosen = DEFRAG.find(([w]) => w === word);

	if (chosen === undefined && word !== "never")
		return -EINVAL;
	for (const [, flag] of DEFRAG)
		set_flag(flag, false);
	if (chosen !== undefined)
		set_flag(chosen[1], true);
	return buf.length;
}

/** mm/huge_memory.c:use_zero_page_store() */
function use_zero_page_store(buf: string): number {
	if (!/^[01]\n?$/.test(buf))
		return -EINVAL;
	set_flag(TRANSPARENT_HUGEPAGE_USE_ZERO_PAGE_FLAG, buf.startsWith("1"));
	return buf.length;
}

/** mm/huge_memory.c:hugepage_init_sysfs() */
function hugepage_init_sysfs(): void {
	const dir = "/sys/kernel/mm/transparent_hugepage";

	proc_create_single(`${dir}/enabled`, 0o644, enabled_show, enabled_store);
	proc_create_single(`${dir}/defrag`, 0o644, defrag_show, defrag_store);
	proc_create_single(`${dir}/use_zero_page`, 0o644,
		() => (transparent_hugepage_use_zero_page() ? "1\n" : "0\n"), use_zero_page_store);
	proc_create_single(`${dir}/hpage_pmd_size`, 0o444, () => `${HPAGE_PMD_SIZE}\n`);
	proc_create_single(`${dir}/shmem_enabled`, 0o644, shmem_enabled_show, shmem_enabled_store);
}

/** mm/huge_memory.c:hugepage_init() */
function hugepage_init(): number {
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return 0;
	if (!has_transparent_hugepage()) {
		transparent_hugepage_flags = 1 << TRANSPARENT_HUGEPAGE_NEVER_DAX;
		return -EINVAL;
	}

	hugepage_init_sysfs();

	let err = khugepaged_init();
	if (err)
		return err;

	huge_zero_page_shrinker = new struct_shrinker(shrink_huge_zero_page_count,
		shrink_huge_zero_page_scan, DEFAULT_SEEKS);
	err = register_shrinker(huge_zero_page_shrinker, "thp-zero");
	if (err)
		return err;
	deferred_split_shrinker = new struct_shrinker(deferred_split_count, deferred_split_scan,
		DEFAULT_SEEKS);
	deferred_split_shrinker.flags = SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE |
		SHRINKER_NONSLAB;
	err = register_shrinker(deferred_split_shrinker, "thp-deferred_split");
	if (err) {
		unregister_shrinker(huge_zero_page_shrinker);
		return err;
	}

	/* not worth it on small machines */
	if (totalram_pages() < (512 << (20 - PAGE_SHIFT))) {
		transparent_hugepage_flags = 0;
		return 0;
	}

	return start_stop_khugepaged();
}
subsys_initcall("mm/huge_memory", hugepage_init);

/** mm/huge_memory.c:setup_transparent_hugepage(): boot option transparent_hugepage= */
export function setup_transparent_hugepage(str: string): number {
	if (["always", "madvise", "never"].includes(str) && enabled_store(str) > 0)
		return 1;
	pr_warn("transparent_hugepage= cannot parse, ignored\n");
	return 0;
}

/** mm/huge_memory.c:maybe_pmd_mkwrite() */
export function maybe_pmd_mkwrite(pmd: pmd_t, vma: struct_vm_area_struct): pmd_t {
	if (vma.vm_flags & VM_WRITE)
		pmd = pmd_mkwrite(pmd);
	return pmd;
}

/** mm/huge_memory.c:get_deferred_split_queue() */
function get_deferred_split_queue(_page: struct_page): struct_deferred_split {
	return contig_page_data.deferred_split_queue;
}

/** mm/huge_memory.c:prep_transhuge_page() */
export function prep_transhuge_page(page: struct_page): void {
	page.deferred_list = new struct_list_head(page);
	set_compound_page_dtor(page, TRANSHUGE_PAGE_DTOR);
}

/** include/linux/huge_mm.h:mk_huge_pmd() of huge_memory.c's surroundings */
export function mk_huge_pmd(page: struct_page, prot: pgprot_t): pmd_t {
	return pmd_mkhuge(mk_pmd(page, prot));
}

/** mm/huge_memory.c:__thp_get_unmapped_area(); 0 when there is no better address. */
function __thp_get_unmapped_area(filp: struct_file | null, addr: unsigned_long,
	len: unsigned_long, off: number, flags: number, size: number): unsigned_long {
	const off_end = off + len;
	const off_align = round_up(off, size);

	if (off_end <= off_align || (off_end - off_align) < size)
		return 0;

	const len_pad = len + size;

	let ret = current.mm!.get_unmapped_area!(filp, addr, len_pad,
		pgoff_t(ul_shr(off, PAGE_SHIFT)), flags);

	/* no room for the padding: let the caller try without */
	if (IS_ERR_VALUE(ret))
		return 0;

	/* a hint that was honoured stays */
	if (ret === addr)
		return addr;

	ret += ((off & (size - 1)) - (ret & (size - 1))) & (size - 1);
	return ret;
}

/** mm/huge_memory.c:thp_get_unmapped_area() */
export function thp_get_unmapped_area(filp: struct_file | null, addr: unsigned_long,
	len: unsigned_long, pgoff: pgoff_t, flags: number): unsigned_long {
	const ret = __thp_get_unmapped_area(filp, addr, len, ul_shl(pgoff, PAGE_SHIFT), flags,
		PMD_SIZE);
	if (ret)
		return ret;

	return current.mm!.get_unmapped_area!(filp, addr, len, pgoff, flags);
}

/** mm/huge_memory.c:__do_huge_pmd_anonymous_page() */
function __do_huge_pmd_anonymous_page(vmf: struct_vm_fault, page: struct_page,
	gfp: gfp_t): vm_fault_t {
	const vma = vmf.vma;
	const mm = vma.vm_mm!;
	let pgtable: pgtable_t | null;
	const haddr = haddr_of(vmf.address);
	let ret = 0;

	VM_BUG_ON_PAGE(!PageCompound(page), page);

	if (mem_cgroup_charge(page_folio(page), mm, gfp)) {
		put_page(page);
		count_vm_event(THP_FAULT_FALLBACK);
		count_vm_event(THP_FAULT_FALLBACK_CHARGE);
		return VM_FAULT_FALLBACK;
	}

	release: {
		pgtable = pte_alloc_one(mm);
		if (pgtable === null) {
			ret = VM_FAULT_OOM;
			break release;
		}

		clear_huge_page(page, vmf.address, HPAGE_PMD_NR);
		/* the contents are visible before the entry is */
		__SetPageUptodate(page);

		vmf.ptl = pmd_lock(mm, vmf.pmd);
		unlock_release: {
			if (!pmd_none(pmdp_get(vmf.pmd)))
				break unlock_release;

			ret = check_stable_address_space(mm);
			if (ret)
				break unlock_release;

			let entry = mk_huge_pmd(page, vma.vm_page_prot);
			entry = maybe_pmd_mkwrite(pmd_mkdirty(entry), vma);
			page_add_new_anon_rmap(page, vma, haddr);
			lru_cache_add_inactive_or_unevictable(page, vma);
			pgtable_trans_huge_deposit(mm, vmf.pmd, pgtable);
			set_pmd_at(mm, haddr, vmf.pmd, entry);
			update_mmu_cache_pmd(vma, vmf.address, vmf.pmd);
			add_mm_counter(mm, MM_ANONPAGES, HPAGE_PMD_NR);
			mm_inc_nr_ptes(mm);
			spin_unlock(vmf.ptl);
			count_vm_event(THP_FAULT_ALLOC);
			return 0;
		}
		spin_unlock(vmf.ptl);
	}
	if (pgtable !== null)
		pte_free(mm, pgtable);
	put_page(page);
	return ret;
}

/** mm/huge_memory.c:vma_thp_gfp_mask(): how hard a fault may try, by the defrag knob. */
export function vma_thp_gfp_mask(vma: struct_vm_area_struct | null): gfp_t {
	const vma_madvised = vma !== null && (vma.vm_flags & VM_HUGEPAGE) !== 0;

	if (test_flag(TRANSPARENT_HUGEPAGE_DEFRAG_DIRECT_FLAG))
		return GFP_TRANSHUGE | (vma_madvised ? 0 : __GFP_NORETRY);

	if (test_flag(TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_FLAG))
		return GFP_TRANSHUGE_LIGHT | __GFP_KSWAPD_RECLAIM;

	if (test_flag(TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_OR_MADV_FLAG))
		return GFP_TRANSHUGE_LIGHT |
			(vma_madvised ? __GFP_DIRECT_RECLAIM : __GFP_KSWAPD_RECLAIM);

	if (test_flag(TRANSPARENT_HUGEPAGE_DEFRAG_REQ_MADV_FLAG))
		return GFP_TRANSHUGE_LIGHT | (vma_madvised ? __GFP_DIRECT_RECLAIM : 0);

	return GFP_TRANSHUGE_LIGHT;
}

/** mm/huge_memory.c:set_huge_zero_page(), page table lock held */
function set_huge_zero_page(pgtable: pgtable_t | null, mm: struct_mm_struct,
	vma: struct_vm_area_struct, haddr: unsigned_long, pmd: ptep_t,
		zero_page: struct_page): void {
	if (!pmd_none(pmdp_get(pmd)))
		return;
	const entry = pmd_mkhuge(mk_pmd(zero_page, vma.vm_page_prot));
	if (pgtable !== null)
		pgtable_trans_huge_deposit(mm, pmd, pgtable);
	set_pmd_at(mm, haddr, pmd, entry);
	mm_inc_nr_ptes(mm);
}

/** mm/huge_memory.c:do_huge_pmd_anonymous_page() */
export function do_huge_pmd_anonymous_page(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	const mm = vma.vm_mm!;
	const haddr = haddr_of(vmf.address);

	if (!transhuge_vma_suitable(vma, haddr))
		return VM_FAULT_FALLBACK;
	if (anon_vma_prepare(vma))
		return VM_FAULT_OOM;
	khugepaged_enter_vma(vma, vma.vm_flags);

	if (!(vmf.flags & FAULT_FLAG_WRITE) && transparent_hugepage_use_zero_page()) {
		const pgtable = pte_alloc_one(mm);
		if (pgtable === null)
			return VM_FAULT_OOM;
		const zero_page = mm_get_huge_zero_page(mm);
		if (zero_page === null) {
			pte_free(mm, pgtable);
			count_vm_event(THP_FAULT_FALLBACK);
			return VM_FAULT_FALLBACK;
		}
		vmf.ptl = pmd_lock(mm, vmf.pmd);
		let ret = 0;
		if (pmd_none(pmdp_get(vmf.pmd))) {
			ret = check_stable_address_space(mm);
			if (ret) {
				spin_unlock(vmf.ptl);
				pte_free(mm, pgtable);
			} else {
				set_huge_zero_page(pgtable, mm, vma, haddr, vmf.pmd, zero_page);
				update_mmu_cache_pmd(vma, vmf.address, vmf.pmd);
				spin_unlock(vmf.ptl);
			}
		} else {
			spin_unlock(vmf.ptl);
			pte_free(mm, pgtable);
		}
		return ret;
	}
	const gfp = vma_thp_gfp_mask(vma);
	const folio = vma_alloc_folio(gfp, HPAGE_PMD_ORDER, vma, haddr, true);
	if (folio === null) {
		count_vm_event(THP_FAULT_FALLBACK);
		return VM_FAULT_FALLBACK;
	}
	return __do_huge_pmd_anonymous_page(vmf, folio, gfp);
}

/** mm/huge_memory.c:touch_pmd() */
function touch_pmd(vma: struct_vm_area_struct, addr: unsigned_long, pmd: ptep_t,
	write: boolean): void {
	let _pmd = pmd_mkyoung(pmdp_get(pmd));

	if (write)
		_pmd = pmd_mkdirty(_pmd);
	if (pmdp_set_access_flags(vma, haddr_of(addr), pmd, _pmd, write))
		update_mmu_cache_pmd(vma, addr, pmd);
}

/** mm/huge_memory.c:copy_huge_pmd(): fork; -EAGAIN when the parent's had to be split. */
export function copy_huge_pmd(dst_mm: struct_mm_struct, src_mm: struct_mm_struct,
	dst_pmd: ptep_t, src_pmd: ptep_t, addr: unsigned_long, dst_vma: struct_vm_area_struct,
	src_vma: struct_vm_area_struct): number {
	let ret = -ENOMEM;

	/* file-backed ones are faulted in again */
	if (!vma_is_anonymous(dst_vma))
		return 0;

	const pgtable = pte_alloc_one(dst_mm);
	if (pgtable === null)
		return ret;

	const dst_ptl = pmd_lock(dst_mm, dst_pmd);
	const src_ptl = pmd_lockptr(src_mm, src_pmd);
	spin_lock_nested(src_ptl, SINGLE_DEPTH_NESTING);

	ret = -EAGAIN;
	let pmd = pmdp_get(src_pmd);

	out_unlock: {
		if (is_swap_pmd(pmd)) {
			let entry = pmd_to_swp_entry(pmd);

			VM_BUG_ON(!is_pmd_migration_entry(pmd));
			if (!is_readable_migration_entry(entry)) {
				entry = make_readable_migration_entry(swp_offset(entry));
				pmd = swp_entry_to_pmd(entry);
				set_pmd_at(src_mm, addr, src_pmd, pmd);
			}
			add_mm_counter(dst_mm, MM_ANONPAGES, HPAGE_PMD_NR);
			mm_inc_nr_ptes(dst_mm);
			pgtable_trans_huge_deposit(dst_mm, dst_pmd, pgtable);
			set_pmd_at(dst_mm, addr, dst_pmd, pmd);
			ret = 0;
			break out_unlock;
		}

		if (!pmd_trans_huge(pmd)) {
			pte_free(dst_mm, pgtable);
			break out_unlock;
		}

		out_zero_page: {
			/* the page table lock keeps the zero page from going away under us */
			if (is_huge_zero_pmd(pmd)) {
				mm_get_huge_zero_page(dst_mm);
				break out_zero_page;
			}

			const src_page = pmd_page(pmd);
			VM_BUG_ON_PAGE(!PageHead(src_page), src_page);

			get_page(src_page);
			if (page_try_dup_anon_rmap(src_page, true, src_vma)) {
				/* maybe pinned: copied page by page then */
				put_page(src_page);
				pte_free(dst_mm, pgtable);
				spin_unlock(src_ptl);
				spin_unlock(dst_ptl);
				__split_huge_pmd(src_vma, src_pmd, addr, false, null);
				return -EAGAIN;
			}
			add_mm_counter(dst_mm, MM_ANONPAGES, HPAGE_PMD_NR);
		}
		mm_inc_nr_ptes(dst_mm);
		pgtable_trans_huge_deposit(dst_mm, dst_pmd, pgtable);
		pmdp_set_wrprotect(src_mm, addr, src_pmd);
		pmd = pmd_mkold(pmd_wrprotect(pmd));
		set_pmd_at(dst_mm, addr, dst_pmd, pmd);

		ret = 0;
	}
	spin_unlock(src_ptl);
	spin_unlock(dst_ptl);
	return ret;
}

/** mm/huge_memory.c:huge_pmd_set_accessed() */
export function huge_pmd_set_accessed(vmf: struct_vm_fault): void {
	const write = (vmf.flags & FAULT_FLAG_WRITE) !== 0;

	vmf.ptl = pmd_lock(vmf.vma.vm_mm!, vmf.pmd);
	if (pmd_same(pmdp_get(vmf.pmd), vmf.orig_pmd))
		touch_pmd(vmf.vma, vmf.address, vmf.pmd, write);

	spin_unlock(vmf.ptl);
}

/** mm/huge_memory.c:do_huge_pmd_wp_page(): reuses the page if it is ours alone, else splits. */
export function do_huge_pmd_wp_page(vmf: struct_vm_fault): vm_fault_t {
	const unshare = (vmf.flags & FAULT_FLAG_UNSHARE) !== 0;
	const vma = vmf.vma;
	const haddr = haddr_of(vmf.address);
	const orig_pmd = vmf.orig_pmd;

	vmf.ptl = pmd_lockptr(vma.vm_mm!, vmf.pmd);
	VM_BUG_ON_VMA(vma.anon_vma === null, vma);

	VM_BUG_ON(unshare && (vmf.flags & FAULT_FLAG_WRITE) !== 0);
	VM_BUG_ON(!unshare && !(vmf.flags & FAULT_FLAG_WRITE));

	fallback: {
		if (is_huge_zero_pmd(orig_pmd))
			break fallback;

		spin_lock(vmf.ptl);

		if (!pmd_same(pmdp_get(vmf.pmd), orig_pmd)) {
			spin_unlock(vmf.ptl);
			return 0;
		}

		const page = pmd_page(orig_pmd);
		VM_BUG_ON_PAGE(!PageHead(page), page);

		unlock_fallback: {
			reuse: {
				if (PageAnonExclusive(page))
					break reuse;

				if (!trylock_page(page)) {
					get_page(page);
					spin_unlock(vmf.ptl);
					lock_page(page);
					spin_lock(vmf.ptl);
					if (!pmd_same(pmdp_get(vmf.pmd), orig_pmd)) {
						spin_unlock(vmf.ptl);
						unlock_page(page);
						put_page(page);
						return 0;
					}
					put_page(page);
				}

				/* it may have become ours while we waited */
				if (PageAnonExclusive(page)) {
					unlock_page(page);
					break reuse;
				}

				/*
				 * references beyond the page table's (and the swap cache's) are
				 * sharers
				 */
				if (page_count(page) > 1 + (PageSwapCache(page) ?
					thp_nr_pages(page) : 0))
					break unlock_fallback;
				if (PageSwapCache(page))
					try_to_free_swap(page);
				if (page_count(page) !== 1)
					break unlock_fallback;

				page_move_anon_rmap(page, vma);
				unlock_page(page);
			}
			if (unshare) {
				spin_unlock(vmf.ptl);
				return 0;
			}
			let entry = pmd_mkyoung(orig_pmd);
			entry = maybe_pmd_mkwrite(pmd_mkdirty(entry), vma);
			if (pmdp_set_access_flags(vma, haddr, vmf.pmd, entry, true))
				update_mmu_cache_pmd(vma, vmf.address, vmf.pmd);
			spin_unlock(vmf.ptl);
			return VM_FAULT_WRITE;
		}
		unlock_page(page);
		spin_unlock(vmf.ptl);
	}
	__split_huge_pmd(vma, vmf.pmd, vmf.address, false, null);
	return VM_FAULT_FALLBACK;
}

/** mm/huge_memory.c:can_follow_write_pmd() */
function can_follow_write_pmd(pmd: pmd_t, page: struct_page | null, vma: struct_vm_area_struct,
	flags: number): boolean {
	if (pmd_write(pmd))
		return true;

	/* FOLL_FORCE may write what it has broken out of sharing, and nothing else */
	if (!(flags & FOLL_FORCE))
		return false;

	if (vma.vm_flags & (VM_MAYSHARE | VM_SHARED))
		return false;

	if (!(vma.vm_flags & VM_MAYWRITE))
		return false;

	if (vma.vm_flags & VM_WRITE)
		return false;

	return page !== null && PageAnon(page) && PageAnonExclusive(page);
}

/** mm/huge_memory.c:follow_trans_huge_pmd(), page table lock held */
export function follow_trans_huge_pmd(vma: struct_vm_area_struct, addr: unsigned_long,
	pmd: ptep_t, flags: number): struct_page | err_ptr | null {
	const mm = vma.vm_mm!;

	assert_spin_locked(pmd_lockptr(mm, pmd));

	const pmdval = pmdp_get(pmd);
	const page = pmd_page(pmdval);
	VM_BUG_ON_PAGE(!PageHead(page), page);

	if ((flags & FOLL_WRITE) && !can_follow_write_pmd(pmdval, page, vma, flags))
		return null;

	/* no dump of zeros */
	if ((flags & FOLL_DUMP) && is_huge_zero_pmd(pmdval))
		return ERR_PTR(-EFAULT);

	if (!pmd_write(pmdval) && gup_must_unshare(flags, page))
		return ERR_PTR(-EMLINK);

	VM_BUG_ON_PAGE((flags & FOLL_PIN) !== 0 && PageAnon(page) && !PageAnonExclusive(page),
		page);

	if (!try_grab_page(page, flags))
		return ERR_PTR(-ENOMEM);

	if (flags & FOLL_TOUCH)
		touch_pmd(vma, addr, pmd, (flags & FOLL_WRITE) !== 0);

	return nth_page(page, (addr & HPAGE_PMD_MASK_LOW) >> PAGE_SHIFT);
}

/** mm/huge_memory.c:madvise_free_huge_pmd(); true when the whole range is dealt with. */
export function madvise_free_huge_pmd(tlb: struct_mmu_gather, vma: struct_vm_area_struct,
	pmd: ptep_t, addr: unsigned_long, next: unsigned_long): boolean {
	const mm = tlb.mm!;
	let ret = false;

	tlb_change_page_size(tlb, HPAGE_PMD_SIZE);

	const ptl = pmd_trans_huge_lock(pmd, vma);
	if (ptl === null)
		return ret;

	out: {
		let orig_pmd = pmdp_get(pmd);
		if (is_huge_zero_pmd(orig_pmd))
			break out;

		if (!pmd_present(orig_pmd)) {
			VM_BUG_ON(thp_migration_supported() && !is_pmd_migration_entry(orig_pmd));
			break out;
		}

		const page = pmd_page(orig_pmd);
		/* shared: its other owner may still want the contents */
		if (total_mapcount(page) !== 1)
			break out;

		if (!trylock_page(page))
			break out;

		/* a part of it only */
		if (next - addr !== HPAGE_PMD_SIZE) {
			get_page(page);
			spin_unlock(ptl);
			split_huge_page(page);
			unlock_page(page);
			put_page(page);
			return ret;
		}

		if (PageDirty(page))
			ClearPageDirty(page);
		unlock_page(page);

		if (pmd_young(orig_pmd) || pmd_dirty(orig_pmd)) {
			pmdp_invalidate(vma, addr, pmd);
			orig_pmd = pmd_mkold(orig_pmd);
			orig_pmd = pmd_mkclean(orig_pmd);

			set_pmd_at(mm, addr, pmd, orig_pmd);
			tlb_remove_pmd_tlb_entry(tlb, pmd, addr);
		}

		mark_page_lazyfree(page);
		ret = true;
	}
	spin_unlock(ptl);
	return ret;
}

/** mm/huge_memory.c:zap_deposited_table() */
function zap_deposited_table(mm: struct_mm_struct, pmd: ptep_t): void {
	const pgtable = pgtable_trans_huge_withdraw(mm, pmd);
	pte_free(mm, pgtable);
	mm_dec_nr_ptes(mm);
}

/** mm/huge_memory.c:zap_huge_pmd(); 1 when @pmd was a huge page and is gone. */
export function zap_huge_pmd(tlb: struct_mmu_gather, vma: struct_vm_area_struct, pmd: ptep_t,
	addr: unsigned_long): number {
	const mm = tlb.mm!;

	tlb_change_page_size(tlb, HPAGE_PMD_SIZE);

	const ptl = __pmd_trans_huge_lock(pmd, vma);
	if (ptl === null)
		return 0;
	/* cleared before anything else, so that a racing truncation sees nothing */
	const orig_pmd = pmdp_huge_get_and_clear_full(vma, addr, pmd, tlb.fullmm);
	tlb_remove_pmd_tlb_entry(tlb, pmd, addr);
	if (vma_is_special_huge(vma)) {
		if (arch_needs_pgtable_deposit())
			zap_deposited_table(mm, pmd);
		spin_unlock(ptl);
	} else if (is_huge_zero_pmd(orig_pmd)) {
		zap_deposited_table(mm, pmd);
		spin_unlock(ptl);
	} else {
		let page: struct_page | null = null;
		let flush_needed = true;

		if (pmd_present(orig_pmd)) {
			page = pmd_page(orig_pmd);
			page_remove_rmap(page, vma, true);
			VM_BUG_ON_PAGE(page_mapcount(page) < 0, page);
			VM_BUG_ON_PAGE(!PageHead(page), page);
		} else if (thp_migration_supported()) {
			VM_BUG_ON(!is_pmd_migration_entry(orig_pmd));
			page = pfn_swap_entry_to_page(pmd_to_swp_entry(orig_pmd));
			flush_needed = false;
		} else
			WARN_ONCE(true, "Non present huge pmd without pmd migration enabled!");

		if (PageAnon(page!)) {
			zap_deposited_table(mm, pmd);
			add_mm_counter(mm, MM_ANONPAGES, -HPAGE_PMD_NR);
		} else {
			if (arch_needs_pgtable_deposit())
				zap_deposited_table(mm, pmd);
			add_mm_counter(mm, mm_counter_file(page!), -HPAGE_PMD_NR);
		}

		spin_unlock(ptl);
		if (flush_needed)
			tlb_remove_page_size(tlb, page!, HPAGE_PMD_SIZE);
	}
	return 1;
}

/** mm/huge_memory.c:pmd_move_must_withdraw(): the deposit belongs to the table that is locked. */
function pmd_move_must_withdraw(new_pmd_ptl: spinlock_t, old_pmd_ptl: spinlock_t,
	vma: struct_vm_area_struct): boolean {
	return new_pmd_ptl !== old_pmd_ptl && vma_is_anonymous(vma);
}

/** mm/huge_memory.c:move_huge_pmd() */
export function move_huge_pmd(vma: struct_vm_area_struct, old_addr: unsigned_long,
	new_addr: unsigned_long, old_pmd: ptep_t, new_pmd: ptep_t): boolean {
	const mm = vma.vm_mm!;
	let force_flush = false;

	/* the caller has just made the table: nothing may be there */
	if (WARN_ON(!pmd_none(pmdp_get(new_pmd)))) {
		VM_BUG_ON(pmd_trans_huge(pmdp_get(new_pmd)));
		return false;
	}

	const old_ptl = __pmd_trans_huge_lock(old_pmd, vma);
	if (old_ptl !== null) {
		const new_ptl = pmd_lockptr(mm, new_pmd);
		if (new_ptl !== old_ptl)
			spin_lock_nested(new_ptl, SINGLE_DEPTH_NESTING);
		const pmd = pmdp_huge_get_and_clear(mm, old_addr, old_pmd);
		if (pmd_present(pmd))
			force_flush = true;
		VM_BUG_ON(!pmd_none(pmdp_get(new_pmd)));

		if (pmd_move_must_withdraw(new_ptl, old_ptl, vma)) {
			const pgtable = pgtable_trans_huge_withdraw(mm, old_pmd);
			pgtable_trans_huge_deposit(mm, new_pmd, pgtable);
		}
		set_pmd_at(mm, new_addr, new_pmd, pmd);
		if (force_flush)
			flush_pmd_tlb_range(vma, old_addr, old_addr + PMD_SIZE);
		if (new_ptl !== old_ptl)
			spin_unlock(new_ptl);
		spin_unlock(old_ptl);
		return true;
	}
	return false;
}

/**
 * mm/huge_memory.c:change_huge_pmd(); 0 when it was split meanwhile, 1 when there was nothing to
 * do, HPAGE_PMD_NR when it was changed.
 */
export function change_huge_pmd(tlb: struct_mmu_gather, vma: struct_vm_area_struct, pmd: ptep_t,
	addr: unsigned_long, newprot: pgprot_t, cp_flags: number): number {
	const mm = vma.vm_mm!;

	tlb_change_page_size(tlb, HPAGE_PMD_SIZE);
	VM_BUG_ON((cp_flags & MM_CP_PROT_NUMA) !== 0);

	const ptl = __pmd_trans_huge_lock(pmd, vma);
	if (ptl === null)
		return 0;

	let ret = 1;
	unlock: {
		if (is_swap_pmd(pmdp_get(pmd))) {
			let entry = pmd_to_swp_entry(pmdp_get(pmd));
			const page = pfn_swap_entry_to_page(entry);

			VM_BUG_ON(!is_pmd_migration_entry(pmdp_get(pmd)));
			if (is_writable_migration_entry(entry)) {
				if (PageAnon(page))
					entry =
						make_readable_exclusive_migration_entry(swp_offset(
							entry));
				else
					entry = make_readable_migration_entry(swp_offset(entry));
				set_pmd_at(mm, addr, pmd, swp_entry_to_pmd(entry));
			}
			break unlock;
		}

		/* invalid for a moment: the hardware must not set dirty behind our back */
		const oldpmd = pmdp_invalidate_ad(vma, addr, pmd);

		const entry = pmd_modify(oldpmd, newprot);
		ret = HPAGE_PMD_NR;
		set_pmd_at(mm, addr, pmd, entry);

		if (huge_pmd_needs_flush(oldpmd, entry))
			tlb_flush_pmd_range(tlb, addr, HPAGE_PMD_SIZE);

		BUG_ON(vma_is_anonymous(vma) && pmd_write(entry));
	}
	spin_unlock(ptl);
	return ret;
}

/** mm/huge_memory.c:__pmd_trans_huge_lock() */
export function __pmd_trans_huge_lock(pmd: ptep_t, vma: struct_vm_area_struct): spinlock_t | null {
	const ptl = pmd_lock(vma.vm_mm!, pmd);
	const pmdval = pmdp_get(pmd);
	if (is_swap_pmd(pmdval) || pmd_trans_huge(pmdval))
		return ptl;
	spin_unlock(ptl);
	return null;
}

/** Entry for @addr in a page table that no pmd points to yet (C: pte_offset_map(&_pmd, addr)). */
function pte_in_table(pgtable: pgtable_t, addr: unsigned_long): ptep_t {
	return page_to_pfn(pgtable) * PTRS_PER_PTE + pte_index(addr);
}

/** mm/huge_memory.c:__split_huge_zero_page_pmd() */
function __split_huge_zero_page_pmd(vma: struct_vm_area_struct, haddr: unsigned_long,
	pmd: ptep_t): void {
	const mm = vma.vm_mm!;

	/* zeros stay zeros: no notifier has anything to learn */
	pmdp_huge_clear_flush(vma, haddr, pmd);

	const pgtable = pgtable_trans_huge_withdraw(mm, pmd);

	for (let i = 0; i < HPAGE_PMD_NR; i++, haddr += PAGE_SIZE) {
		const entry = pte_mkspecial(pfn_pte(my_zero_pfn(haddr), vma.vm_page_prot));
		const pte = pte_in_table(pgtable, haddr);
		VM_BUG_ON(!pte_none(ptep_get(pte)));
		set_pte_at(mm, haddr, pte, entry);
	}
	pmd_populate(mm, pmd, pgtable);
}

/** mm/huge_memory.c:__split_huge_pmd_locked(); @freeze: into migration entries. */
function __split_huge_pmd_locked(vma: struct_vm_area_struct, pmd: ptep_t, haddr: unsigned_long,
	freeze: boolean): void {
	const mm = vma.vm_mm!;
	let page: struct_page;
	let old_pmd: pmd_t;
	let young: boolean, write: boolean;
	let anon_exclusive = false;

	VM_BUG_ON((haddr & HPAGE_PMD_MASK_LOW) !== 0);
	VM_BUG_ON_VMA(vma.vm_start > haddr, vma);
	VM_BUG_ON_VMA(vma.vm_end < haddr + HPAGE_PMD_SIZE, vma);
	VM_BUG_ON(!is_pmd_migration_entry(pmdp_get(pmd)) && !pmd_trans_huge(pmdp_get(pmd)));

	count_vm_event(THP_SPLIT_PMD);

	if (!vma_is_anonymous(vma)) {
		old_pmd = pmdp_huge_clear_flush_notify(vma, haddr, pmd);
		/* files are faulted in again: nothing to fill in */
		if (arch_needs_pgtable_deposit())
			zap_deposited_table(mm, pmd);
		if (vma_is_special_huge(vma))
			return;
		if (is_pmd_migration_entry(old_pmd)) {
			page = pfn_swap_entry_to_page(pmd_to_swp_entry(old_pmd));
		} else {
			page = pmd_page(old_pmd);
			if (!PageDirty(page) && pmd_dirty(old_pmd))
				set_page_dirty(page);
			if (!PageReferenced(page) && pmd_young(old_pmd))
				SetPageReferenced(page);
			page_remove_rmap(page, vma, true);
			put_page(page);
		}
		add_mm_counter(mm, mm_counter_file(page), -HPAGE_PMD_NR);
		return;
	}

	if (is_huge_zero_pmd(pmdp_get(pmd))) {
		__split_huge_zero_page_pmd(vma, haddr, pmd);
		return;
	}

	/*
	 * Between the two states the entry is not present: some processors may not have the huge
	 * and
	 * the small translation in their TLB at once.
	 */
	old_pmd = pmdp_invalidate(vma, haddr, pmd);

	const pmd_migration = is_pmd_migration_entry(old_pmd);
	if (pmd_migration) {
		const entry = pmd_to_swp_entry(old_pmd);
		page = pfn_swap_entry_to_page(entry);
		write = is_writable_migration_entry(entry);
		if (PageAnon(page))
			anon_exclusive = is_readable_exclusive_migration_entry(entry);
		young = false;
	} else {
		page = pmd_page(old_pmd);
		if (pmd_dirty(old_pmd))
			SetPageDirty(page);
		write = pmd_write(old_pmd);
		young = pmd_young(old_pmd);

		VM_BUG_ON_PAGE(!page_count(page), page);
		page_ref_add(page, HPAGE_PMD_NR - 1);

		/* a page that may be pinned stays mapped: the pin relies on its exclusiveness */
		anon_exclusive = PageAnon(page) && PageAnonExclusive(page);
		if (freeze && anon_exclusive && page_try_share_anon_rmap(page))
			freeze = false;
	}

	/* the table that was deposited with the huge page */
	const pgtable = pgtable_trans_huge_withdraw(mm, pmd);

	for (let i = 0, addr = haddr; i < HPAGE_PMD_NR; i++, addr += PAGE_SIZE) {
		const sub = nth_page(page, i);
		let entry: pte_t;

		if (freeze || pmd_migration) {
			const pfn = page_to_pfn(sub);
			if (write)
				entry = swp_entry_to_pte(make_writable_migration_entry(pfn));
			else if (anon_exclusive)
				entry =
					swp_entry_to_pte(make_readable_exclusive_migration_entry(
						pfn));
			else
				entry = swp_entry_to_pte(make_readable_migration_entry(pfn));
		} else {
			entry = mk_pte(sub, vma.vm_page_prot);
			entry = maybe_mkwrite(entry, vma);
			if (anon_exclusive)
				SetPageAnonExclusive(sub);
			if (!write)
				entry = pte_wrprotect(entry);
			if (!young)
				entry = pte_mkold(entry);
		}
		const pte = pte_in_table(pgtable, addr);
		BUG_ON(!pte_none(ptep_get(pte)));
		set_pte_at(mm, addr, pte, entry);
		if (!pmd_migration)
			sub._mapcount++;
	}

	if (!pmd_migration) {
		/* others map it huge still: every small page counts those mappings too */
		if (page.compound_mapcount + 1 > 1 && !TestSetPageDoubleMap(page)) {
			for (let i = 0; i < HPAGE_PMD_NR; i++)
				nth_page(page, i)._mapcount++;
		}

		if (--page.compound_mapcount < 0) {
			/* the last huge mapping is gone */
			__mod_lruvec_page_state(page, NR_ANON_THPS, -HPAGE_PMD_NR);
			if (TestClearPageDoubleMap(page)) {
				for (let i = 0; i < HPAGE_PMD_NR; i++)
					nth_page(page, i)._mapcount--;
			}
		}

		munlock_vma_page(page, vma, true);
	}

	pmd_populate(mm, pmd, pgtable);

	if (freeze) {
		for (let i = 0; i < HPAGE_PMD_NR; i++) {
			page_remove_rmap(nth_page(page, i), vma, false);
			put_page(nth_page(page, i));
		}
	}
}

/** mm/huge_memory.c:__split_huge_pmd(); @folio, if given: only when it is mapped there. */
export function __split_huge_pmd(vma: struct_vm_area_struct, pmd: ptep_t, address: unsigned_long,
	freeze: boolean, folio: struct_folio | null): void {
	const mm = vma.vm_mm!;
	const range = new struct_mmu_notifier_range(mm);
	const start = haddr_of(address);

	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, vma, mm, start, start + HPAGE_PMD_SIZE);
	mmu_notifier_invalidate_range_start(range);
	const ptl = pmd_lock(mm, pmd);

	/* migration entries are made for a page that is locked */
	VM_BUG_ON(freeze && folio === null);
	VM_WARN_ON_ONCE(folio !== null && !folio_test_locked(folio));

	out: {
		const pmdval = pmdp_get(pmd);
		if (pmd_trans_huge(pmdval) || is_pmd_migration_entry(pmdval)) {
			if (folio !== null && folio !== page_folio(pmd_page(pmdval)))
				break out;
			__split_huge_pmd_locked(vma, pmd, start, freeze);
		}
	}
	spin_unlock(ptl);
	/* where a translation was removed, it was flushed and told on the way */
	mmu_notifier_invalidate_range_only_end(range);
}

/** mm/huge_memory.c:split_huge_pmd_address() */
export function split_huge_pmd_address(vma: struct_vm_area_struct, address: unsigned_long,
	freeze: boolean, folio: struct_folio | null): void {
	const pgd = pgd_offset(vma.vm_mm!, address);
	if (!pgd_present(pgdp_get(pgd)))
		return;

	const p4d = p4d_offset(pgd, address);
	if (!p4d_present(p4dp_get(p4d)))
		return;

	const pud = pud_offset(p4d, address);
	if (!pud_present(pudp_get(pud)))
		return;

	__split_huge_pmd(vma, pmd_offset(pud, address), address, freeze, folio);
}

/** mm/huge_memory.c:split_huge_pmd_if_needed() */
function split_huge_pmd_if_needed(vma: struct_vm_area_struct, address: unsigned_long): void {
	/* a border inside of what may be a huge page */
	if (!IS_ALIGNED(address, HPAGE_PMD_SIZE) &&
	    range_in_vma(vma, ALIGN_DOWN(address, HPAGE_PMD_SIZE), ALIGN(address, HPAGE_PMD_SIZE)))
		split_huge_pmd_address(vma, address, false, null);
}

/** mm/huge_memory.c:vma_adjust_trans_huge() */
export function vma_adjust_trans_huge(vma: struct_vm_area_struct, start: unsigned_long,
	end: unsigned_long, adjust_next: number): void {
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return;
	split_huge_pmd_if_needed(vma, start);
	split_huge_pmd_if_needed(vma, end);

	/* where the next one is to start */
	if (adjust_next > 0) {
		const next = vma.vm_next!;
		split_huge_pmd_if_needed(next, next.vm_start + adjust_next);
	}
}

/** mm/huge_memory.c:unmap_page(): anonymous ones by migration entries, so that faults wait. */
function unmap_page(page: struct_page): void {
	const folio = page_folio(page);
	const ttu_flags = TTU_RMAP_LOCKED | TTU_SPLIT_HUGE_PMD | TTU_SYNC;

	VM_BUG_ON_PAGE(!PageHead(page), page);

	if (folio_test_anon(folio))
		try_to_migrate(folio, ttu_flags);
	else
		try_to_unmap(folio, ttu_flags | TTU_IGNORE_MLOCK);
}

/** mm/huge_memory.c:remap_page() */
function remap_page(folio: struct_folio, nr: number): void {
	let i = 0;

	/* file pages are faulted in again */
	if (!folio_test_anon(folio))
		return;
	for (;;) {
		remove_migration_ptes(folio, folio, true);
		i += folio_nr_pages(folio);
		if (i >= nr)
			break;
		folio = nth_page(folio, folio_nr_pages(folio)) as struct_folio;
	}
}

/** mm/huge_memory.c:lru_add_page_tail(), lru_lock held */
function lru_add_page_tail(head: struct_page, tail: struct_page, lruvec: struct_lruvec,
	list: struct_list_head | null): void {
	VM_BUG_ON_PAGE(!PageHead(head), head);
	VM_BUG_ON_PAGE(PageCompound(tail), head);
	VM_BUG_ON_PAGE(PageLRU(tail), head);
	lockdep_assert_held(lruvec.lru_lock);

	if (list !== null) {
		/* reclaim has isolated the head, and takes the tails too */
		VM_WARN_ON(PageLRU(head));
		get_page(tail);
		list_add_tail(tail.lru, list);
	} else {
		/* the head is on the LRU */
		VM_WARN_ON(!PageLRU(head));
		if (PageUnevictable(tail))
			tail.mlock_count = 0;
		else
			list_add_tail(tail.lru, head.lru);
		SetPageLRU(tail);
	}
}

/** mm/huge_memory.c:__split_huge_page_tail() */
function __split_huge_page_tail(head: struct_page, tail: number, lruvec: struct_lruvec,
	list: struct_list_head | null): void {
	const page_tail = nth_page(head, tail);

	VM_BUG_ON_PAGE(page_tail._mapcount !== -1, page_tail);

	/* flags of the tail first, then it becomes a page of its own */
	page_tail.flags &= ~PAGE_FLAGS_CHECK_AT_PREP;
	page_tail.flags |= head.flags &
		((1 << PG_referenced) | (1 << PG_swapbacked) | (1 << PG_swapcache) |
			(1 << PG_mlocked) |
		(1 << PG_uptodate) | (1 << PG_active) | (1 << PG_workingset) | (1 << PG_locked) |
		(1 << PG_unevictable) | (1 << PG_dirty));

	page_tail.mapping = head.mapping;
	page_tail.mapping_flags = head.mapping_flags;
	page_tail.index = pgoff_t(head.index + tail);
	page_tail.private_ = 0;

	clear_compound_head(page_tail);

	/* its references: the caller's, and the page cache's or swap cache's */
	page_ref_unfreeze(page_tail, 1 + (!PageAnon(head) || PageSwapCache(head) ? 1 : 0));

	lru_add_page_tail(head, page_tail, lruvec, list);
}

/** mm/huge_memory.c:__split_huge_page(), i_pages locked, interrupts off, references frozen */
function __split_huge_page(page: struct_page, list: struct_list_head | null, end: number): void {
	const folio = page_folio(page);
	const head: struct_page = folio;
	const nr = thp_nr_pages(head);

	VM_BUG_ON_PAGE(PageAnon(head) && PageSwapCache(head), head);

	/* compound_head() of the tails goes on working until each is cut off */
	const lruvec = folio_lruvec_lock(folio);

	ClearPageHasHWPoisoned(head);

	for (let i = nr - 1; i >= 1; i--) {
		const sub = nth_page(head, i);
		__split_huge_page_tail(head, i, lruvec, list);
		/* beyond i_size: out of the page cache */
		if (sub.index >= end) {
			const tail = page_folio(sub);
			const mapping = head.mapping as struct_address_space;

			if (shmem_mapping(mapping))
				shmem_uncharge(mapping.host!, 1);
			else if (folio_test_clear_dirty(tail))
				folio_account_cleaned(tail);
			__filemap_remove_folio(tail, null);
			folio_put(tail);
		} else if (!PageAnon(page)) {
			__xa_store((head.mapping as struct_address_space).i_pages, sub.index, sub,
				0);
		}
	}

	ClearPageCompound(head);
	unlock_page_lruvec(lruvec);
	/* what was in the first tails' fields */
	head.compound_order = 0;
	head.compound_nr = 0;

	/* the page cache's reference to the head was frozen with the others */
	if (PageAnon(head)) {
		page_ref_inc(head);
	} else {
		page_ref_add(head, 2);
		xa_unlock((head.mapping as struct_address_space).i_pages);
	}
	local_irq_enable();

	remap_page(folio, nr);

	for (let i = 0; i < nr; i++) {
		const subpage = nth_page(head, i);
		if (subpage === page)
			continue;
		unlock_page(subpage);

		/* a page that nobody maps any more goes here */
		free_page_and_swap_cache(subpage);
	}
}

/** mm/huge_memory.c:can_split_folio(): no references but page tables', caches' and the caller's. */
export function can_split_folio(folio: struct_folio, pextra_pins: ref<number> | null): boolean {
	let extra_pins: number;

	if (folio_test_anon(folio))
		extra_pins = folio_test_swapcache(folio) ? folio_nr_pages(folio) : 0;
	else
		extra_pins = folio_nr_pages(folio);
	if (pextra_pins !== null)
		pextra_pins.v = extra_pins;
	return folio_mapcount(folio) === folio_ref_count(folio) - extra_pins - 1;
}

/**
 * mm/huge_memory.c:split_huge_page_to_list(): @page, locked and referenced by the caller, and the
 * rest of its huge page become small pages; -EBUSY when somebody else holds references.
 */
export function split_huge_page_to_list(page: struct_page, list: struct_list_head | null): number {
	const folio = page_folio(page);
	const head: struct_page = folio;
	const ds_queue = get_deferred_split_queue(head);
	let xas: struct_xa_state | null = null;
	let anon_vma: struct_anon_vma | null = null;
	let mapping: struct_address_space | null = null;
	const extra_pins = new ref(0);
	let ret: number;
	let end: number;

	VM_BUG_ON_PAGE(!PageLocked(head), head);
	VM_BUG_ON_PAGE(!PageCompound(head), head);

	const is_hzp = is_huge_zero_page(head);
	VM_WARN_ON_ONCE_PAGE(is_hzp, head);
	if (is_hzp)
		return -EBUSY;

	if (PageWriteback(head))
		return -EBUSY;

	out: {
		if (PageAnon(head)) {
			/* the page lock keeps the anon_vma from changing; it may be gone already */
			anon_vma = page_get_anon_vma(head);
			if (anon_vma === null) {
				ret = -EBUSY;
				break out;
			}
			end = Infinity;
			mapping = null;
			anon_vma_lock_write(anon_vma);
		} else {
			mapping = head.mapping as struct_address_space | null;

			/* truncated? */
			if (mapping === null) {
				ret = -EBUSY;
				break out;
			}

			xas = XA_STATE(mapping.i_pages, head.index);
			xas_split_alloc(xas, head, compound_order(head),
				mapping_gfp_mask(mapping) & GFP_RECLAIM_MASK);
			if (xas_error(xas)) {
				ret = xas_error(xas);
				break out;
			}

			anon_vma = null;
			i_mmap_lock_read(mapping);

			/* i_size cannot be read under the locks that come */
			end = DIV_ROUND_UP(Number(i_size_read(mapping.host!)), PAGE_SIZE);
			if (shmem_mapping(mapping))
				end = shmem_fallocend(mapping.host!, pgoff_t(end));
		}

		out_unlock: {
			/* a first look, before everything is unmapped */
			if (!can_split_folio(folio, extra_pins)) {
				ret = -EBUSY;
				break out_unlock;
			}

			unmap_page(head);

			/* no interrupts: nobody may find the page half split */
			local_irq_disable();
			fail: {
				if (mapping !== null) {
					/* still there? */
					xas_lock(xas!);
					xas_reset(xas!);
					if (xas_load(xas!) !== head)
						break fail;
				}

				spin_lock(ds_queue.split_queue_lock);
				if (!page_ref_freeze(head, 1 + extra_pins.v)) {
					spin_unlock(ds_queue.split_queue_lock);
					break fail;
				}
				if (!list_empty(page_deferred_list(head))) {
					ds_queue.split_queue_len--;
					list_del(page_deferred_list(head));
				}
				spin_unlock(ds_queue.split_queue_lock);
				if (mapping !== null) {
					const nr = thp_nr_pages(head);

					xas_split(xas!, head, thp_order(head));
					if (PageSwapBacked(head)) {
						__mod_lruvec_page_state(head, NR_SHMEM_THPS, -nr);
					} else {
						__mod_lruvec_page_state(head, NR_FILE_THPS, -nr);
						filemap_nr_thps_dec(mapping);
					}
				}

				__split_huge_page(page, list, end);
				ret = 0;
				break out_unlock;
			}
			if (mapping !== null)
				xas_unlock(xas!);
			local_irq_enable();
			remap_page(folio, folio_nr_pages(folio));
			ret = -EBUSY;
		}
		if (anon_vma !== null) {
			anon_vma_unlock_write(anon_vma);
			put_anon_vma(anon_vma);
		}
		if (mapping !== null)
			i_mmap_unlock_read(mapping);
	}
	/* nodes that a failed split did not use */
	if (xas !== null)
		xas_destroy(xas);
	count_vm_event(!ret ? THP_SPLIT_PAGE : THP_SPLIT_PAGE_FAILED);
	return ret;
}

/** mm/huge_memory.c:free_transhuge_page() */
export function free_transhuge_page(page: struct_page): void {
	const ds_queue = get_deferred_split_queue(page);

	const flags = spin_lock_irqsave(ds_queue.split_queue_lock);
	if (!list_empty(page_deferred_list(page))) {
		ds_queue.split_queue_len--;
		list_del(page_deferred_list(page));
	}
	spin_unlock_irqrestore(ds_queue.split_queue_lock, flags);
	free_compound_page(page);
}

/**
 * mm/huge_memory.c:deferred_split_huge_page(): partly unmapped: to be split when memory is short.
 */
export function deferred_split_huge_page(page: struct_page): void {
	const ds_queue = get_deferred_split_queue(page);

	VM_BUG_ON_PAGE(!PageTransHuge(page), page);

	/* a swapped page keeps its cluster whole */
	if (PageSwapCache(page))
		return;

	const flags = spin_lock_irqsave(ds_queue.split_queue_lock);
	if (list_empty(page_deferred_list(page))) {
		count_vm_event(THP_DEFERRED_SPLIT_PAGE);
		list_add_tail(page_deferred_list(page), ds_queue.split_queue);
		ds_queue.split_queue_len++;
	}
	spin_unlock_irqrestore(ds_queue.split_queue_lock, flags);
}

/** mm/huge_memory.c:deferred_split_count() */
function deferred_split_count(_shrink: struct_shrinker, _sc: struct_shrink_control): number {
	return contig_page_data.deferred_split_queue.split_queue_len;
}

/** Pages on a list of deferred_list nodes, in order. */
function deferred_pages(head: struct_list_head): struct_page[] {
	const pages: struct_page[] = [];
	for (let p = head.next!; p !== head; p = p.next!)
		pages.push(p.owner as struct_page);
	return pages;
}

/** mm/huge_memory.c:deferred_split_scan() */
function deferred_split_scan(_shrink: struct_shrinker, sc: struct_shrink_control): number {
	const ds_queue = contig_page_data.deferred_split_queue;
	const list = new struct_list_head(null);
	let split = 0;

	let flags = spin_lock_irqsave(ds_queue.split_queue_lock);
	/* a reference each, so that they stay while they are on our list */
	for (const queued of deferred_pages(ds_queue.split_queue)) {
		const page = compound_head(queued);
		if (get_page_unless_zero(page)) {
			list_move(page_deferred_list(page), list);
		} else {
			/* on its way to free_transhuge_page() */
			list_del_init(page_deferred_list(page));
			ds_queue.split_queue_len--;
		}
		if (!--sc.nr_to_scan)
			break;
	}
	spin_unlock_irqrestore(ds_queue.split_queue_lock, flags);

	for (const page of deferred_pages(list)) {
		if (trylock_page(page)) {
			/* split_huge_page() takes it off the list when it succeeds */
			if (!split_huge_page(page))
				split++;
			unlock_page(page);
		}
		put_page(page);
	}

	flags = spin_lock_irqsave(ds_queue.split_queue_lock);
	list_splice_tail(list, ds_queue.split_queue);
	spin_unlock_irqrestore(ds_queue.split_queue_lock, flags);

	/* nothing could be split, and nothing is queued: stop */
	if (!split && list_empty(ds_queue.split_queue))
		return SHRINK_STOP;
	return split;
}

let deferred_split_shrinker: struct_shrinker | null = null;

/** mm/huge_memory.c:set_pmd_migration_entry(); -EBUSY for a page that may be pinned. */
export function set_pmd_migration_entry(pvmw: struct_page_vma_mapped_walk,
	page: struct_page): number {
	const vma = pvmw.vma!;
	const mm = vma.vm_mm!;
	const address = pvmw.address;

	if (!(pvmw.pmd && !pvmw.pte))
		return 0;

	const pmdval = pmdp_invalidate(vma, address, pvmw.pmd);

	const anon_exclusive = PageAnon(page) && PageAnonExclusive(page);
	if (anon_exclusive && page_try_share_anon_rmap(page)) {
		set_pmd_at(mm, address, pvmw.pmd, pmdval);
		return -EBUSY;
	}

	if (pmd_dirty(pmdval))
		set_page_dirty(page);
	const pfn = page_to_pfn(page);
	let entry;
	if (pmd_write(pmdval))
		entry = make_writable_migration_entry(pfn);
	else if (anon_exclusive)
		entry = make_readable_exclusive_migration_entry(pfn);
	else
		entry = make_readable_migration_entry(pfn);
	set_pmd_at(mm, address, pvmw.pmd, swp_entry_to_pmd(entry));
	page_remove_rmap(page, vma, true);
	put_page(page);

	return 0;
}

/** mm/huge_memory.c:remove_migration_pmd() */
export function remove_migration_pmd(pvmw: struct_page_vma_mapped_walk, new_: struct_page): void {
	const vma = pvmw.vma!;
	const mm = vma.vm_mm!;
	const address = pvmw.address;
	const haddr = haddr_of(address);

	if (!(pvmw.pmd && !pvmw.pte))
		return;

	const entry = pmd_to_swp_entry(pmdp_get(pvmw.pmd));
	get_page(new_);
	let pmde = pmd_mkold(mk_huge_pmd(new_, vma.vm_page_prot));
	if (is_writable_migration_entry(entry))
		pmde = maybe_pmd_mkwrite(pmde, vma);
	if (PageAnon(new_)) {
		let rmap_flags = RMAP_COMPOUND;

		if (!is_readable_migration_entry(entry))
			rmap_flags |= RMAP_EXCLUSIVE;

		page_add_anon_rmap(new_, vma, haddr, rmap_flags);
	} else {
		page_add_file_rmap(new_, vma, true);
	}
	VM_BUG_ON(pmd_write(pmde) && PageAnon(new_) && !PageAnonExclusive(new_));
	set_pmd_at(mm, haddr, pvmw.pmd, pmde);

	/* no need for an invalidation: nothing was mapped */
	update_mmu_cache_pmd(vma, address, pvmw.pmd);
}
