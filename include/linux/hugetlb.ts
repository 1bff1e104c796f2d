// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages from a pool: hugetlbfs files and the mappings of them.
 *
 * Upstream: include/linux/hugetlb.h, asm/hugetlb.h, asm-generic/hugetlb.h. Left out: CMA,
 * demotion, cgroups, PMD sharing, several nodes (the counts by node are those of the pool).
 *
 * A huge entry is a pmd or pud read as a pte_t. Flags of a pool page (HPageFreed and so on) are
 * bits of the head's private_; its subpool is pt_private.
 */
import { ul_shl } from "#asm-generic/bits.ts";
import { container_of } from "#asm-generic/owner.ts";
import type { unsigned_long } from "#asm-generic/types.ts";
import { boot_cpu_has, X86_FEATURE_PSE } from "#asm/cpufeature.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { flush_tlb_range } from "#asm/tlbflush.ts";
import { free_pgd_range } from "#linux/mm.ts";
import type { struct_mmu_gather } from "#asm/tlb.ts";
import {
	mk_pte, PMD_SIZE, pte_clear, pte_dirty, pte_mkdirty, pte_mkhuge, pte_mkwrite, pte_modify,
	pte_none, type pte_t, pte_write, pte_wrprotect, ptep_get, ptep_get_and_clear,
	ptep_set_access_flags, ptep_set_wrprotect, PUD_SIZE, set_pte_at,
} from "#linux/pgtable.ts";
import type { pgprot_t } from "#asm/pgtable_types.ts";
import { CONFIG_ARCH_ENABLE_HUGEPAGE_MIGRATION } from "#generated/autoconf.ts";
import { EINVAL } from "#linux/errno.ts";
import { file_inode } from "#linux/fs.ts";
import { type struct_file, struct_inode, type struct_super_block } from "#linux/fs.types.ts";
import { GFP_HIGHUSER, GFP_HIGHUSER_MOVABLE, type gfp_t } from "#linux/gfp_types.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { INIT_LIST_HEAD, struct_list_head } from "#linux/list.ts";
import { compound_head, page_size, pmd_lockptr } from "#linux/mm.ts";
import type {
	ptep_t, struct_mm_struct, struct_page, struct_vm_area_struct,
} from "#linux/mm_types.ts";
import { struct_mutex } from "#linux/mutex_types.ts";
import { kref_init, struct_kref } from "#linux/kref.ts";
import { spin_lock, spinlock_t } from "#linux/spinlock.ts";
import { pte_none_mostly } from "#linux/swapops.ts";
import { default_hstate_index, hstates, size_to_hstate } from "#mm/hugetlb.ts";

export { is_vm_hugetlb_page } from "#linux/hugetlb_inline.ts";
export {
	clear_vma_resv_huge_pages, copy_hugetlb_page_range, default_hstate_index, follow_huge_pmd,
	follow_huge_pud, hstates, follow_hugetlb_page, free_huge_page, huge_add_to_page_cache,
	huge_pte_alloc, huge_pte_offset, hugepage_new_subpool, hugepage_put_subpool,
	hugetlb_basepage_index, hugetlb_change_protection, hugetlb_fault, hugetlb_fault_mutex_hash,
	hugetlb_fault_mutex_table, hugetlb_fix_reserve_counts, hugetlb_report_meminfo,
	hugetlb_reserve_pages, hugetlb_total_pages, hugetlb_unreserve_pages,
	is_hugetlb_entry_migration, isolate_hugetlb, linear_hugepage_index,
	move_hugetlb_page_tables, putback_active_hugepage, reset_vma_resv_huge_pages,
	resv_map_alloc, resv_map_release, restore_reserve_on_error, alloc_huge_page,
	set_default_huge_pages, size_to_hstate, unmap_hugepage_range, __unmap_hugepage_range_final,
	vma_kernel_pagesize, hugetlb_vm_ops,
} from "#mm/hugetlb.ts";
export { hugetlb_file_setup, hugetlbfs_file_operations } from "#linux/hugetlb/inode.ts";
export { hugetlb_get_unmapped_area, pmd_huge, pud_huge } from "#arch/x86/mm/hugetlbpage.ts";

/* what a file is made for */
export const HUGETLB_SHMFS_INODE	= 1;
export const HUGETLB_ANONHUGE_INODE	= 2;

export const HUGETLB_ANON_FILE		= "anon_hugepage";

export const HUGE_MAX_HSTATE		= 2;
export const HPAGE_SHIFT		= 21;
export const HPAGE_SIZE			= 1 << HPAGE_SHIFT;
export const HUGETLB_PAGE_ORDER		= HPAGE_SHIFT - PAGE_SHIFT;

/* A subpool: the pages of one mount, with a limit and a guaranteed minimum (-1: none). */
export class struct_hugepage_subpool {
	lock = new spinlock_t();
	count = 0;
	max_hpages = 0;
	used_hpages = 0;
	hstate: struct_hstate | null = null;
	min_hpages = 0;
	rsv_hpages = 0;
}

/*
 * Which pages of a file, or of a private mapping, are reserved: regions in huge pages. Life: with
 * the inode, or with the VMAs that own it (refs). lock guards all of it.
 */
export class struct_resv_map {
	refs = new struct_kref(this);
	lock = new spinlock_t();
	regions = new struct_list_head(null);
	adds_in_progress = 0;
	region_cache = new struct_list_head(null);
	region_cache_count = 0;

	constructor() {
		kref_init(this.refs);
	}
}

/* [from, to) */
export class struct_file_region {
	link = new struct_list_head(this);
	from = 0;
	to = 0;
}

/* the pool of one size, under hugetlb_lock */
export class struct_hstate {
	resize_lock = new struct_mutex();
	order = 0;
	max_huge_pages = 0;
	nr_huge_pages = 0;
	free_huge_pages = 0;
	resv_huge_pages = 0;
	surplus_huge_pages = 0;
	nr_overcommit_huge_pages = 0;
	hugepage_activelist = new struct_list_head(null);
	hugepage_freelist = new struct_list_head(null);
	name = "";

	constructor() {
		INIT_LIST_HEAD(this.hugepage_activelist);
		INIT_LIST_HEAD(this.hugepage_freelist);
	}
}

/* flags of a pool page, in private_ of its head */
export const HPG_restore_reserve	= 0;
export const HPG_migratable		= 1;
export const HPG_temporary		= 2;
export const HPG_freed			= 3;

const test = (page: struct_page, bit: number): boolean => (page.private_ & (1 << bit)) !== 0;

export function HPageRestoreReserve(page: struct_page): boolean {
	return test(page, HPG_restore_reserve);
}
export function SetHPageRestoreReserve(page: struct_page): void {
	page.private_ |= 1 << HPG_restore_reserve;
}
export function ClearHPageRestoreReserve(page: struct_page): void {
	page.private_ &= ~(1 << HPG_restore_reserve);
}
export function HPageMigratable(page: struct_page): boolean {
	return test(page, HPG_migratable);
}
export function SetHPageMigratable(page: struct_page): void {
	page.private_ |= 1 << HPG_migratable;
}
export function ClearHPageMigratable(page: struct_page): void {
	page.private_ &= ~(1 << HPG_migratable);
}
export function HPageTemporary(page: struct_page): boolean {
	return test(page, HPG_temporary);
}
export function SetHPageTemporary(page: struct_page): void {
	page.private_ |= 1 << HPG_temporary;
}
export function ClearHPageTemporary(page: struct_page): void {
	page.private_ &= ~(1 << HPG_temporary);
}
export function HPageFreed(page: struct_page): boolean {
	return test(page, HPG_freed);
}
export function SetHPageFreed(page: struct_page): void {
	page.private_ |= 1 << HPG_freed;
}
export function ClearHPageFreed(page: struct_page): void {
	page.private_ &= ~(1 << HPG_freed);
}

export function hugetlb_page_subpool(hpage: struct_page): struct_hugepage_subpool | null {
	return hpage.pt_private as struct_hugepage_subpool | null;
}

export function hugetlb_set_page_subpool(hpage: struct_page,
	subpool: struct_hugepage_subpool | null): void {
	hpage.pt_private = subpool;
}

/* An inode of hugetlbfs. The reserve map of its pages is i_data's private_data. */
export class hugetlbfs_inode_info {
	vfs_inode = new struct_inode(this);
	/** F_SEAL_*, under i_rwsem */
	seals = 0;
}

/* A mount of hugetlbfs. Limits of -1 mean none. free_inodes under stat_lock. */
export class hugetlbfs_sb_info {
	max_inodes = 0;
	free_inodes = 0;
	stat_lock = new spinlock_t();
	hstate: struct_hstate | null = null;
	/** null without limits */
	spool: struct_hugepage_subpool | null = null;
	uid = 0;
	gid = 0;
	mode = 0;
}

export function HUGETLBFS_SB(sb: struct_super_block): hugetlbfs_sb_info {
	return sb.s_fs_info as hugetlbfs_sb_info;
}

export function HUGETLBFS_I(inode: struct_inode): hugetlbfs_inode_info {
	return container_of(inode, hugetlbfs_inode_info, "vfs_inode");
}

export function is_file_hugepages(file: struct_file): boolean {
	return file.f_op.hugetlbfs === true;
}

export function hstate_inode(i: struct_inode): struct_hstate {
	return HUGETLBFS_SB(i.i_sb!).hstate!;
}

export function hugepages_supported(): boolean {
	return boot_cpu_has(X86_FEATURE_PSE);
}

export function prepare_hugepage_range(file: struct_file, addr: unsigned_long,
	len: unsigned_long): number {
	const h = hstate_file(file);

	if (len & huge_page_mask_low(h))
		return -EINVAL;
	if (addr & huge_page_mask_low(h))
		return -EINVAL;

	return 0;
}

export function hstate_file(f: struct_file): struct_hstate {
	return hstate_inode(file_inode(f));
}

/** @page_size_log 0: the default size; null for a size that there is not. */
export function hstate_sizelog(page_size_log: number): struct_hstate | null {
	if (!page_size_log)
		return default_hstate();

	if (page_size_log < 52)
		return size_to_hstate(ul_shl(1, page_size_log));

	return null;
}

export function default_hstate(): struct_hstate {
	return hstates[default_hstate_index()]!;
}

export function hstate_vma(vma: struct_vm_area_struct): struct_hstate {
	return hstate_file(vma.vm_file!);
}

export function huge_page_size(h: struct_hstate): unsigned_long {
	return PAGE_SIZE * 2 ** h.order;
}

/** Low bits of an address within a huge page (C: ~huge_page_mask(h)). */
export function huge_page_mask_low(h: struct_hstate): number {
	return huge_page_size(h) - 1;
}

export function huge_page_order(h: struct_hstate): number {
	return h.order;
}

export function huge_page_shift(h: struct_hstate): number {
	return h.order + PAGE_SHIFT;
}

/** Larger than what the buddy allocator has. */
export function hstate_is_gigantic(h: struct_hstate): boolean {
	return h.order >= 11;
}

export function pages_per_huge_page(h: struct_hstate): number {
	return 1 << h.order;
}

export function blocks_per_huge_page(h: struct_hstate): number {
	return huge_page_size(h) / 512;
}

export function hstate_index(h: struct_hstate): number {
	return hstates.indexOf(h);
}

export function page_hstate(page: struct_page): struct_hstate {
	return size_to_hstate(page_size(compound_head(page)))!;
}

/** Generic: x86 has no entry that looks otherwise. */
export function arch_make_huge_pte(entry: pte_t, _shift: number, _flags: number): pte_t {
	return pte_mkhuge(entry);
}

export function hstate_index_to_shift(index: number): number {
	return hstates[index]!.order + PAGE_SHIFT;
}

export function hugepage_migration_supported(h: struct_hstate): boolean {
	if (!IS_ENABLED(CONFIG_ARCH_ENABLE_HUGEPAGE_MIGRATION))
		return false;
	return huge_page_size(h) === PMD_SIZE || huge_page_size(h) === PUD_SIZE;
}

/** Whether its pages may be where only movable ones are. */
export function hugepage_movable_supported(h: struct_hstate): boolean {
	if (!hugepage_migration_supported(h))
		return false;

	if (hstate_is_gigantic(h))
		return false;
	return true;
}

export function htlb_alloc_mask(h: struct_hstate): gfp_t {
	if (hugepage_movable_supported(h))
		return GFP_HIGHUSER_MOVABLE;
	return GFP_HIGHUSER;
}

export function huge_pte_lockptr(h: struct_hstate, mm: struct_mm_struct,
	pte: ptep_t): spinlock_t {
	if (huge_page_size(h) === PMD_SIZE)
		return pmd_lockptr(mm, pte);
	return mm.page_table_lock;
}

export function huge_pte_lock(h: struct_hstate, mm: struct_mm_struct, pte: ptep_t): spinlock_t {
	const ptl = huge_pte_lockptr(h, mm, pte);
	spin_lock(ptl);
	return ptl;
}

export function hugetlb_count_init(mm: struct_mm_struct): void {
	mm.hugetlb_usage = 0;
}

export function hugetlb_count_add(l: number, mm: struct_mm_struct): void {
	mm.hugetlb_usage += l;
}

export function hugetlb_count_sub(l: number, mm: struct_mm_struct): void {
	mm.hugetlb_usage -= l;
}

export function hugetlb_free_pgd_range(tlb: struct_mmu_gather, addr: unsigned_long,
	end: unsigned_long, floor: unsigned_long, ceiling: unsigned_long): void {
	free_pgd_range(tlb, addr, end, floor, ceiling);
}

/* huge entries: the operations of small ones, on a pmd or pud */

export function mk_huge_pte(page: struct_page, pgprot: pgprot_t): pte_t {
	return pte_mkhuge(mk_pte(page, pgprot));
}

export const huge_pte_write = (pte: pte_t): boolean => pte_write(pte);
export const huge_pte_dirty = (pte: pte_t): boolean => pte_dirty(pte);
export const huge_pte_mkwrite = (pte: pte_t): pte_t => pte_mkwrite(pte);
export const huge_pte_mkdirty = (pte: pte_t): pte_t => pte_mkdirty(pte);
export const huge_pte_wrprotect = (pte: pte_t): pte_t => pte_wrprotect(pte);
export const huge_pte_none = (pte: pte_t): boolean => pte_none(pte);
export const huge_pte_none_mostly = (pte: pte_t): boolean => pte_none_mostly(pte);
export const huge_ptep_get = (ptep: ptep_t): pte_t => ptep_get(ptep);

export function huge_pte_modify(pte: pte_t, newprot: pgprot_t): pte_t {
	return pte_modify(pte, newprot);
}

export function huge_pte_clear(mm: struct_mm_struct, addr: unsigned_long, ptep: ptep_t,
	_sz: number): void {
	pte_clear(mm, addr, ptep);
}

export function set_huge_pte_at(mm: struct_mm_struct, addr: unsigned_long, ptep: ptep_t,
	pte: pte_t): void {
	set_pte_at(mm, addr, ptep, pte);
}

export function huge_ptep_get_and_clear(mm: struct_mm_struct, addr: unsigned_long,
	ptep: ptep_t): pte_t {
	return ptep_get_and_clear(mm, addr, ptep);
}

export function huge_ptep_clear_flush(vma: struct_vm_area_struct, addr: unsigned_long,
	ptep: ptep_t): pte_t {
	const pte = huge_ptep_get_and_clear(vma.vm_mm!, addr, ptep);
	flush_tlb_range(vma, addr, addr + huge_page_size(hstate_vma(vma)));
	return pte;
}

export function huge_ptep_set_wrprotect(mm: struct_mm_struct, addr: unsigned_long,
	ptep: ptep_t): void {
	ptep_set_wrprotect(mm, addr, ptep);
}

export function huge_ptep_set_access_flags(vma: struct_vm_area_struct, addr: unsigned_long,
	ptep: ptep_t, pte: pte_t, dirty: boolean): boolean {
	return ptep_set_access_flags(vma, addr, ptep, pte, dirty);
}

export function huge_ptep_modify_prot_start(vma: struct_vm_area_struct, addr: unsigned_long,
	ptep: ptep_t): pte_t {
	return huge_ptep_get_and_clear(vma.vm_mm!, addr, ptep);
}

export function huge_ptep_modify_prot_commit(vma: struct_vm_area_struct, addr: unsigned_long,
	ptep: ptep_t, _old_pte: pte_t, pte: pte_t): void {
	set_huge_pte_at(vma.vm_mm!, addr, ptep, pte);
}
