// SPDX-License-Identifier: GPL-2.0
/*
 * Memory management: what the rest of the kernel sees of it.
 *
 * Upstream: include/linux/mm.h. Left out: memory hotplug, sparse memmap, NUMA ids in page flags,
 * userfaultfd, soft-dirty, anonymous VMA names, page poisoning (the slab has its own).
 */
import { ul_shr } from "#asm-generic/bits.ts";
import type { loff_t, pfn_nr, ref, unsigned_long } from "#asm-generic/types.ts";
import { EBUSY, EFAULT, EHWPOISON, ENOMEM, EPERM } from "#linux/errno.ts";
import {
	FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED, FOLL_HWPOISON, FOLL_PIN, FOLL_WRITE,
	GUP_PIN_COUNTING_BIAS, VM_ACCESS_FLAGS, VM_FAULT_HWPOISON, VM_FAULT_HWPOISON_LARGE,
	VM_FAULT_NOPAGE, VM_FAULT_OOM, VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV, VM_GROWSDOWN, VM_GROWSUP,
	VM_MAYWRITE, VM_MIXEDMAP, VM_PFNMAP, VM_SHARED, VM_STACK_INCOMPLETE_SETUP, VM_WRITE,
} from "#linux/mm.const.ts";
import {
	MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, type pgtable_t, type ptep_t,
	type struct_folio, type struct_mm_struct, type struct_page, type struct_vm_area_struct,
	type vm_fault_t, type vm_operations_struct,
} from "#linux/mm_types.ts";
import type { struct_address_space } from "#linux/fs.types.ts";
import { VM_BUG_ON, VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import { PageAnon, PageAnonExclusive, PageSwapBacked, __ClearPageTable, __SetPageTable,
	folio_test_large } from "#linux/page-flags.ts";
import { folio_ref_count } from "#linux/page_ref.ts";
import {
	p4d_none_at, p4d_offset, pmd_none_at, pmd_offset,
	pte_mkwrite, pte_offset_map, pud_none_at, pud_offset, type pte_t,
} from "#linux/pgtable.ts";
import { MMF_HAS_PINNED } from "#linux/sched/coredump.ts";
import { current } from "#linux/sched.ts";
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "#linux/spinlock.ts";
import { NR_PAGETABLE, dec_lruvec_page_state, inc_lruvec_page_state } from "#linux/vmstat.ts";
import { F_SEAL_FUTURE_WRITE } from "#uapi/linux/fcntl.ts";
import { pfn_to_page } from "#asm/page.ts";
import { pmd_table_pfn_at } from "#asm/pgtable.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { __get_locked_pte, __pmd_alloc, __pte_alloc, __pud_alloc, unmap_mapping_range,
	vm_insert_page } from "#mm/memory.ts";
import { __mm_populate, get_user_pages_fast_only } from "#mm/gup.ts";

export * from "#linux/mm.const.ts";
export * from "#linux/mm/page.ts";
export * from "#linux/page_ref.ts";
export { compound_head, folio_page, folio_page0, page_folio } from "#linux/page-flags.ts";
export { nth_page, page_to_pfn, pfn_to_page, pfn_to_valid_page, pfn_valid } from "#linux/mmzone.ts";
export {
	adjust_managed_page_count, destroy_large_folio, free_compound_page, free_reserved_page,
	min_free_kbytes, min_free_kbytes_sysctl_handler, nr_free_buffer_pages,
	set_min_free_kbytes, setup_per_cpu_pageset, si_mem_available, si_meminfo, split_page,
	struct_sysinfo, totalram_pages, totalram_pages_add, warn_alloc,
} from "#mm/page_alloc.ts";
export { free_area_init, sparse_init } from "#mm/mm_init.ts";
export { __folio_put, put_pages_list, release_pages } from "#mm/swap.ts";
export { kernel_poison_pages, kernel_unpoison_pages, page_poisoning_enabled_static } from
	"#mm/page_poison.ts";
export { init_mm } from "#mm/init-mm.ts";
export { memory_failure, shake_page } from "#mm/memory-failure.ts";
export {
	__account_locked_vm, __page_mapcount, __vm_enough_memory, account_locked_vm, folio_anon_vma,
	folio_copy, folio_mapcount, folio_mapped, folio_mapping, page_rmapping, vm_commit_limit,
	vm_mmap, vm_mmap_pgoff, sysctl_max_map_count, sysctl_overcommit_memory,
	sysctl_overcommit_ratio, sysctl_overcommit_kbytes, sysctl_user_reserve_kbytes,
	sysctl_admin_reserve_kbytes, overcommit_kbytes_handler, overcommit_policy_handler,
	overcommit_ratio_handler, set_admin_reserve_kbytes, set_max_map_count,
	set_overcommit_kbytes, set_overcommit_memory, set_overcommit_ratio,
	set_user_reserve_kbytes,
} from "#mm/util.ts";

export {
	__access_remote_vm, __get_locked_pte, __might_fault, __pmd_alloc, __pte_alloc,
	__pud_alloc, access_process_vm, access_remote_vm, clear_huge_page, copy_page_range,
	copy_user_huge_page, do_set_pmd, do_set_pte, finish_fault, finish_mkwrite_fault, follow_pfn,
	follow_pte, free_pgd_range, handle_mm_fault, mm_trace_rss_stat, set_highest_memmap_pfn,
	sync_mm_rss,
	unmap_mapping_pages, unmap_mapping_range, unmap_vmas, vm_insert_page, vm_normal_page,
	vm_normal_page_pmd, vmf_insert_pfn, vmf_insert_pfn_prot, zap_page_range, zap_vma_ptes,
} from "#mm/memory.ts";
export {
	__mm_populate, fixup_user_fault, follow_page, get_user_pages, get_user_pages_fast,
	get_user_pages_fast_only, get_user_pages_remote, get_user_pages_unlocked, pin_user_pages,
	pin_user_pages_fast, pin_user_pages_fast_only, pin_user_pages_remote,
	pin_user_pages_unlocked, try_grab_folio, try_grab_page, unpin_user_page,
	unpin_user_page_range_dirty_lock, unpin_user_pages, unpin_user_pages_dirty_lock,
} from "#mm/gup.ts";

export { filemap_fault, filemap_map_pages, filemap_page_mkwrite, filemap_release_folio } from
	"#mm/filemap.ts";
export { mark_page_accessed, page_mapped, page_mapping, set_page_dirty, set_page_writeback } from
	"#mm/folio-compat.ts";
export { __folio_start_writeback, folio_mark_dirty, noop_dirty_folio, set_page_dirty_lock } from
	"#mm/page-writeback.ts";
export * from "#linux/mm/vma.ts";
export { vm_area_alloc, vm_area_dup, vm_area_free } from "#linux/sched/fork.ts";
export { user_shm_lock, user_shm_unlock } from "#mm/mlock.ts";
export { shmem_is_huge, shmem_zero_setup, vma_is_shmem } from "#mm/shmem.ts";
export { generic_error_remove_page, invalidate_inode_page, pagecache_isize_extended,
	truncate_inode_folio, truncate_inode_pages, truncate_inode_pages_final,
	truncate_inode_pages_range, truncate_pagecache, truncate_pagecache_range, truncate_setsize,
} from "#mm/truncate.ts";

/* ---- VMAs, as faults see them ---- */

export function fault_flag_allow_retry_first(flags: number): boolean {
	return (flags & FAULT_FLAG_ALLOW_RETRY) !== 0 && (flags & FAULT_FLAG_TRIED) === 0;
}

const dummy_vm_ops: vm_operations_struct = {};

/** vma_init(): of a zeroed VMA. */
export function vma_init(vma: struct_vm_area_struct, mm: struct_mm_struct | null): void {
	vma.vm_mm = mm;
	vma.vm_ops = dummy_vm_ops;
}

export function vma_set_anonymous(vma: struct_vm_area_struct): void {
	vma.vm_ops = null;
}

export function vma_is_anonymous(vma: struct_vm_area_struct): boolean {
	return vma.vm_ops === null;
}

export function vma_is_temporary_stack(vma: struct_vm_area_struct): boolean {
	const maybe_stack = vma.vm_flags & (VM_GROWSDOWN | VM_GROWSUP);

	if (!maybe_stack)
		return false;

	if ((vma.vm_flags & VM_STACK_INCOMPLETE_SETUP) === VM_STACK_INCOMPLETE_SETUP)
		return true;

	return false;
}

export function vma_is_foreign(vma: struct_vm_area_struct): boolean {
	if (!current.mm)
		return true;

	if (current.mm !== vma.vm_mm)
		return true;

	return false;
}

export function vma_is_accessible(vma: struct_vm_area_struct): boolean {
	return (vma.vm_flags & VM_ACCESS_FLAGS) !== 0;
}

/** Write permission in the entry only if the VMA has it; a forced write leaves it out. */
export function maybe_mkwrite(pte: pte_t, vma: struct_vm_area_struct): pte_t {
	if (vma.vm_flags & VM_WRITE)
		pte = pte_mkwrite(pte);
	return pte;
}

/** Private and possibly writable: writes are to copies. */
export function is_cow_mapping(flags: number): boolean {
	return (flags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE;
}

/* ---- pins ---- */

export function folio_maybe_dma_pinned(folio: struct_folio): boolean {
	if (folio_test_large(folio))
		return folio.compound_pincount > 0;

	/* a small page counts pins in its reference count: many readers look like a pin */
	return (folio_ref_count(folio) >>> 0) >= GUP_PIN_COUNTING_BIAS;
}

export function page_maybe_dma_pinned(page: struct_page): boolean {
	return folio_maybe_dma_pinned(page.compound_head as struct_folio);
}

/** Whether fork must copy @page at once; write_protect_seq is odd. */
export function page_needs_cow_for_dma(vma: struct_vm_area_struct, page: struct_page): boolean {
	const mm = vma.vm_mm!;

	VM_BUG_ON(!(mm.write_protect_seq & 1));

	if (!(mm.flags & (1 << MMF_HAS_PINNED)))
		return false;

	return page_maybe_dma_pinned(page);
}

/** No CMA, no movable zone. */
export function is_longterm_pinnable_page(_page: struct_page): boolean {
	return true;
}

export function folio_is_longterm_pinnable(folio: struct_folio): boolean {
	return is_longterm_pinnable_page(folio);
}

export function arch_make_page_accessible(_page: struct_page): number {
	return 0;
}

/* ---- zapping ---- */

/** What unmap_page_range() may leave out. */
export class struct_zap_details {
	/** the locked folio that is being unmapped, to serialise with its PMD */
	single_folio: struct_folio | null = null;
	/** zap private copies too */
	even_cows = false;
	zap_flags = 0;
}

export function unmap_shared_mapping_range(mapping: struct_address_space, holebegin: loff_t,
	holelen: loff_t): void {
	unmap_mapping_range(mapping, holebegin, holelen, 0);
}

export function get_user_page_fast_only(addr: unsigned_long, gup_flags: number,
	pagep: ref<struct_page | null>): boolean {
	const pages: struct_page[] = [];
	if (get_user_pages_fast_only(addr, 1, gup_flags, pages) !== 1)
		return false;
	pagep.v = pages[0]!;
	return true;
}

/* ---- counters of an mm ---- */

export function get_mm_counter(mm: struct_mm_struct, member: number): number {
	const val = mm.rss_stat[member]!;

	/* a task may have counts that it did not fold in yet */
	return val < 0 ? 0 : val;
}

export function add_mm_counter(mm: struct_mm_struct, member: number, value: number): void {
	mm.rss_stat[member]! += value;
}

export function inc_mm_counter(mm: struct_mm_struct, member: number): void {
	mm.rss_stat[member]!++;
}

export function dec_mm_counter(mm: struct_mm_struct, member: number): void {
	mm.rss_stat[member]!--;
}

export function mm_counter_file(page: struct_page): number {
	if (PageSwapBacked(page))
		return MM_SHMEMPAGES;
	return MM_FILEPAGES;
}

export function mm_counter(page: struct_page): number {
	if (PageAnon(page))
		return MM_ANONPAGES;
	return mm_counter_file(page);
}

export function get_mm_rss(mm: struct_mm_struct): number {
	return get_mm_counter(mm, MM_FILEPAGES) +
		get_mm_counter(mm, MM_ANONPAGES) +
		get_mm_counter(mm, MM_SHMEMPAGES);
}

export function get_mm_hiwater_rss(mm: struct_mm_struct): number {
	return Math.max(mm.hiwater_rss, get_mm_rss(mm));
}

export function get_mm_hiwater_vm(mm: struct_mm_struct): number {
	return Math.max(mm.hiwater_vm, mm.total_vm);
}

export function update_hiwater_rss(mm: struct_mm_struct): void {
	const _rss = get_mm_rss(mm);

	if (mm.hiwater_rss < _rss)
		mm.hiwater_rss = _rss;
}

export function update_hiwater_vm(mm: struct_mm_struct): void {
	if (mm.hiwater_vm < mm.total_vm)
		mm.hiwater_vm = mm.total_vm;
}

export function reset_mm_hiwater_rss(mm: struct_mm_struct): void {
	mm.hiwater_rss = get_mm_rss(mm);
}

export function setmax_mm_hiwater_rss(maxrss: ref<number>, mm: struct_mm_struct): void {
	const hiwater_rss = get_mm_hiwater_rss(mm);

	if (maxrss.v < hiwater_rss)
		maxrss.v = hiwater_rss;
}

/* ---- page tables: allocation and locks ---- */

export function get_locked_pte(mm: struct_mm_struct, addr: unsigned_long,
	ptl: ref<spinlock_t | null>): ptep_t {
	return __get_locked_pte(mm, addr, ptl);
}

export function mm_inc_nr_puds(mm: struct_mm_struct): void {
	mm.pgtables_bytes += PAGE_SIZE;
}

export function mm_dec_nr_puds(mm: struct_mm_struct): void {
	mm.pgtables_bytes -= PAGE_SIZE;
}

export function mm_inc_nr_pmds(mm: struct_mm_struct): void {
	mm.pgtables_bytes += PAGE_SIZE;
}

export function mm_dec_nr_pmds(mm: struct_mm_struct): void {
	mm.pgtables_bytes -= PAGE_SIZE;
}

export function mm_pgtables_bytes_init(mm: struct_mm_struct): void {
	mm.pgtables_bytes = 0;
}

export function mm_pgtables_bytes(mm: struct_mm_struct): number {
	return mm.pgtables_bytes;
}

export function mm_inc_nr_ptes(mm: struct_mm_struct): void {
	mm.pgtables_bytes += PAGE_SIZE;
}

export function mm_dec_nr_ptes(mm: struct_mm_struct): void {
	mm.pgtables_bytes -= PAGE_SIZE;
}

/* the _alloc functions return 0 (NULL) when out of memory */

/** Folded: there is one. */
export function p4d_alloc(_mm: struct_mm_struct, pgd: ptep_t, address: unsigned_long): ptep_t {
	return p4d_offset(pgd, address);
}

export function pud_alloc(mm: struct_mm_struct, p4d: ptep_t, address: unsigned_long): ptep_t {
	return p4d_none_at(p4d) && __pud_alloc(mm, p4d, address) ? 0 : pud_offset(p4d, address);
}

export function pmd_alloc(mm: struct_mm_struct, pud: ptep_t, address: unsigned_long): ptep_t {
	return pud_none_at(pud) && __pmd_alloc(mm, pud, address) ? 0 : pmd_offset(pud, address);
}

export function ptlock_ptr(page: struct_page): spinlock_t {
	return page.ptl!;
}

/*
 * Frame and lock of the table whose lock was wanted last: one table is filled after the other. For
 * as long as the table has its lock. (An array so long stays where it is.)
 */
const last_table = new Int32Array(32).fill(-1);
let last_ptl: spinlock_t | null = null;

function find_ptlock(pfn: number): spinlock_t {
	const ptl = pfn_to_page(pfn as pfn_nr).ptl!;
	if (ptl !== null) {
		last_table[0] = pfn;
		last_ptl = ptl;
	}
	return ptl;
}

function set_ptlock(page: struct_page, ptl: spinlock_t | null): void {
	page.ptl = ptl;
	if (page.pfn === last_table[0]) {
		last_table[0] = -1;
		last_ptl = null;
	}
}

/** ptlock_ptr() of the table in frame @pfn. */
export function ptlock_of(pfn: number): spinlock_t {
	return pfn === last_table[0] ? last_ptl! : find_ptlock(pfn);
}

/** Lock of the page of entries that @pmd points to. */
export function pte_lockptr(_mm: struct_mm_struct, pmd: ptep_t): spinlock_t {
	return ptlock_of(pmd_table_pfn_at(pmd));
}

export function ptlock_init(page: struct_page): boolean {
	VM_BUG_ON_PAGE(page.ptl !== null, page);
	const ptl = new spinlock_t();
	spin_lock_init(ptl, "ptlock_ptr(page)");
	set_ptlock(page, ptl);
	return true;
}

export function ptlock_free(page: struct_page): void {
	set_ptlock(page, null);
}

export function pgtable_init(): void {}

export function pgtable_pte_page_ctor(page: struct_page): boolean {
	if (!ptlock_init(page))
		return false;
	__SetPageTable(page);
	inc_lruvec_page_state(page, NR_PAGETABLE);
	return true;
}

export function pgtable_pte_page_dtor(page: struct_page): void {
	ptlock_free(page);
	__ClearPageTable(page);
	dec_lruvec_page_state(page, NR_PAGETABLE);
}

/** Hot paths take pte_lockptr() and pte_offset_map() themselves and need no ref. */
export function pte_offset_map_lock(mm: struct_mm_struct, pmd: ptep_t, address: unsigned_long,
	ptlp: ref<spinlock_t | null>): ptep_t {
	const ptl = pte_lockptr(mm, pmd);
	const pte = pte_offset_map(pmd, address);
	ptlp.v = ptl;
	spin_lock(ptl);
	return pte;
}

export function pte_unmap_unlock(_pte: ptep_t, ptl: spinlock_t): void {
	spin_unlock(ptl);
}

/** 0 or -ENOMEM. */
export function pte_alloc(mm: struct_mm_struct, pmd: ptep_t): number {
	return pmd_none_at(pmd) ? __pte_alloc(mm, pmd) : 0;
}

export function pte_alloc_map(mm: struct_mm_struct, pmd: ptep_t, address: unsigned_long): ptep_t {
	return pte_alloc(mm, pmd) ? 0 : pte_offset_map(pmd, address);
}

export function pte_alloc_map_lock(mm: struct_mm_struct, pmd: ptep_t, address: unsigned_long,
	ptlp: ref<spinlock_t | null>): ptep_t {
	return pte_alloc(mm, pmd) ? 0 : pte_offset_map_lock(mm, pmd, address, ptlp);
}

/** The page table page that @pmd lies in (512 entries of 8 bytes). */
export function pmd_to_page(pmd: ptep_t): struct_page {
	return pfn_to_page(ul_shr(pmd, 9) as pfn_nr);
}

export function pmd_lockptr(_mm: struct_mm_struct, pmd: ptep_t): spinlock_t {
	return pmd_to_page(pmd).ptl!;
}

export function pmd_ptlock_init(page: struct_page): boolean {
	page.pt_private = null;
	return ptlock_init(page);
}

export function pmd_ptlock_free(page: struct_page): void {
	VM_BUG_ON_PAGE(page.pt_private !== null, page);
	ptlock_free(page);
}

/** The page tables deposited for the huge entries of this PMD page; C: pmd_huge_pte(mm, pmd). */
export function pmd_huge_pte(_mm: struct_mm_struct, pmd: ptep_t): pgtable_t | null {
	return pmd_to_page(pmd).pt_private as pgtable_t | null;
}

/** C: pmd_huge_pte(mm, pmd) = pgtable */
export function set_pmd_huge_pte(_mm: struct_mm_struct, pmd: ptep_t,
	pgtable: pgtable_t | null): void {
	pmd_to_page(pmd).pt_private = pgtable;
}

export function pmd_lock(mm: struct_mm_struct, pmd: ptep_t): spinlock_t {
	const ptl = pmd_lockptr(mm, pmd);
	spin_lock(ptl);
	return ptl;
}

export function pgtable_pmd_page_ctor(page: struct_page): boolean {
	if (!pmd_ptlock_init(page))
		return false;
	__SetPageTable(page);
	inc_lruvec_page_state(page, NR_PAGETABLE);
	return true;
}

export function pgtable_pmd_page_dtor(page: struct_page): void {
	pmd_ptlock_free(page);
	__ClearPageTable(page);
	dec_lruvec_page_state(page, NR_PAGETABLE);
}

export function pud_lockptr(mm: struct_mm_struct, _pud: ptep_t): spinlock_t {
	return mm.page_table_lock;
}

export function pud_lock(mm: struct_mm_struct, pud: ptep_t): spinlock_t {
	const ptl = pud_lockptr(mm, pud);

	spin_lock(ptl);
	return ptl;
}

/* ---- faults from inside the kernel ---- */

export function mm_populate(addr: unsigned_long, len: unsigned_long): void {
	/* errors are for mlock() to report */
	__mm_populate(addr, len, 1);
}

export function range_in_vma(vma: struct_vm_area_struct | null, start: unsigned_long,
	end: unsigned_long): boolean {
	return vma !== null && vma.vm_start <= start && end <= vma.vm_end;
}

export function vmf_insert_page(vma: struct_vm_area_struct, addr: unsigned_long,
	page: struct_page): vm_fault_t {
	const err = vm_insert_page(vma, addr, page);

	if (err === -ENOMEM)
		return VM_FAULT_OOM;
	if (err < 0 && err !== -EBUSY)
		return VM_FAULT_SIGBUS;

	return VM_FAULT_NOPAGE;
}

export function vmf_error(err: number): vm_fault_t {
	if (err === -ENOMEM)
		return VM_FAULT_OOM;
	return VM_FAULT_SIGBUS;
}

export function vm_fault_to_errno(vm_fault: vm_fault_t, foll_flags: number): number {
	if (vm_fault & VM_FAULT_OOM)
		return -ENOMEM;
	if (vm_fault & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE))
		return (foll_flags & FOLL_HWPOISON) ? -EHWPOISON : -EFAULT;
	if (vm_fault & (VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV))
		return -EFAULT;
	return 0;
}

/** A pin for reading needs the page for itself, or a later write would leave it behind. */
export function gup_must_unshare(flags: number, page: struct_page): boolean {
	if ((flags & (FOLL_WRITE | FOLL_PIN)) !== FOLL_PIN)
		return false;
	if (!PageAnon(page))
		return false;
	return !PageAnonExclusive(page);
}

/** Huge mappings of devices; without DAX, PFN maps of files. */
export function vma_is_special_huge(vma: struct_vm_area_struct): boolean {
	return vma.vm_file !== null && (vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)) !== 0;
}

/** F_SEAL_FUTURE_WRITE: no new writable mapping, and a shared one never becomes writable. */
export function seal_check_future_write(seals: number, vma: struct_vm_area_struct): number {
	if (seals & F_SEAL_FUTURE_WRITE) {
		if ((vma.vm_flags & VM_SHARED) && (vma.vm_flags & VM_WRITE))
			return -EPERM;

		if (vma.vm_flags & VM_SHARED)
			vma.vm_flags &= ~VM_MAYWRITE;
	}

	return 0;
}
