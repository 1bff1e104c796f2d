// SPDX-License-Identifier: GPL-2.0
/*
 * Transparent huge pages.
 *
 * Upstream: include/linux/huge_mm.h. Left out: huge PUDs, DAX.
 */
import { ul_shr } from "#asm-generic/bits.ts";
import type { unsigned_long } from "#asm-generic/types.ts";
import { PAGE_SHIFT, PMD_SHIFT, PMD_SIZE } from "#asm/page_types.ts";
import { pmd_present, pmd_pfn, pmd_trans_huge, pmdp_get } from "#linux/pgtable.ts";
import type { pmd_t } from "#asm/pgtable_types.ts";
import { S_ISREG } from "#linux/fs.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { folio_order } from "#linux/mm.ts";
export { thp_nr_pages, thp_order, thp_size } from "#linux/mm.ts";
import { VM_EXEC } from "#linux/mm.const.ts";
import type { ptep_t, struct_folio, struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import type { spinlock_t } from "#linux/spinlock.ts";
import { is_swap_pmd } from "#linux/swapops.ts";
import { CONFIG_READ_ONLY_THP_FOR_FS, CONFIG_TRANSPARENT_HUGEPAGE } from "#generated/autoconf.ts";
import {
	__pmd_trans_huge_lock, __split_huge_pmd, huge_zero_page, huge_zero_pfn,
	split_huge_page_to_list, transparent_hugepage_flags,
} from "#mm/huge_memory.ts";

export { is_swap_pmd };
export {
	__pmd_trans_huge_lock, __split_huge_pmd, can_split_folio, change_huge_pmd, copy_huge_pmd,
	deferred_split_huge_page, do_huge_pmd_anonymous_page, do_huge_pmd_wp_page,
	follow_trans_huge_pmd, free_transhuge_page, huge_pmd_set_accessed, huge_zero_page,
	huge_zero_pfn, hugepage_vma_check,
	madvise_free_huge_pmd, mk_huge_pmd, mm_get_huge_zero_page, mm_put_huge_zero_page,
	move_huge_pmd, prep_transhuge_page, split_huge_page_to_list, split_huge_pmd_address,
	thp_get_unmapped_area, vma_adjust_trans_huge, transparent_hugepage_flags, zap_huge_pmd,
} from "#mm/huge_memory.ts";
export { hugepage_madvise } from "#mm/khugepaged.ts";

export const HPAGE_PMD_SHIFT	= PMD_SHIFT;
export const HPAGE_PMD_SIZE	= PMD_SIZE;
export const HPAGE_PMD_ORDER	= HPAGE_PMD_SHIFT - PAGE_SHIFT;
export const HPAGE_PMD_NR	= 1 << HPAGE_PMD_ORDER;
/** Low bits of an address within a huge page (C: ~HPAGE_PMD_MASK). */
export const HPAGE_PMD_MASK_LOW	= HPAGE_PMD_SIZE - 1;

/* enum transparent_hugepage_flag: bits of transparent_hugepage_flags */
export const TRANSPARENT_HUGEPAGE_NEVER_DAX			= 0;
export const TRANSPARENT_HUGEPAGE_FLAG				= 1;
export const TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG			= 2;
export const TRANSPARENT_HUGEPAGE_DEFRAG_DIRECT_FLAG		= 3;
export const TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_FLAG		= 4;
export const TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_OR_MADV_FLAG	= 5;
export const TRANSPARENT_HUGEPAGE_DEFRAG_REQ_MADV_FLAG		= 6;
export const TRANSPARENT_HUGEPAGE_DEFRAG_KHUGEPAGED_FLAG	= 7;
export const TRANSPARENT_HUGEPAGE_USE_ZERO_PAGE_FLAG		= 8;

export function hugepage_flags_enabled(): boolean {
	return (transparent_hugepage_flags & ((1 << TRANSPARENT_HUGEPAGE_FLAG) |
		(1 << TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG))) !== 0;
}

export function hugepage_flags_always(): boolean {
	return (transparent_hugepage_flags & (1 << TRANSPARENT_HUGEPAGE_FLAG)) !== 0;
}

/** Whether a huge page at @addr fits the VMA, and the alignment of its file offset. */
export function transhuge_vma_suitable(vma: struct_vm_area_struct, addr: unsigned_long): boolean {
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return false;

	/* anonymous VMAs have their address as offset, more or less */
	if (vma.vm_ops !== null) {
		if (((ul_shr(vma.vm_start, PAGE_SHIFT) - vma.vm_pgoff) & (HPAGE_PMD_NR - 1)) !== 0)
			return false;
	}

	const haddr = addr - (addr & HPAGE_PMD_MASK_LOW);

	return !(haddr < vma.vm_start || haddr + HPAGE_PMD_SIZE > vma.vm_end);
}

export function file_thp_enabled(vma: struct_vm_area_struct): boolean {
	if (vma.vm_file === null)
		return false;
	const inode = vma.vm_file.f_inode!;
	return IS_ENABLED(CONFIG_READ_ONLY_THP_FOR_FS) && (vma.vm_flags & VM_EXEC) !== 0 &&
		inode.i_writecount <= 0 && S_ISREG(inode.i_mode);
}

export function transparent_hugepage_use_zero_page(): boolean {
	return (transparent_hugepage_flags & (1 << TRANSPARENT_HUGEPAGE_USE_ZERO_PAGE_FLAG)) !== 0;
}

export function split_huge_page(page: struct_page): number {
	return split_huge_page_to_list(page, null);
}

export function split_huge_pmd(vma: struct_vm_area_struct, pmd: ptep_t,
	address: unsigned_long): void {
	const pmdval = pmdp_get(pmd);
	if (is_swap_pmd(pmdval) || pmd_trans_huge(pmdval))
		__split_huge_pmd(vma, pmd, address, false, null);
}

/** The lock, held, if @pmd maps a huge page (or is a migration entry); else null. */
export function pmd_trans_huge_lock(pmd: ptep_t, vma: struct_vm_area_struct): spinlock_t | null {
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return null;
	const pmdval = pmdp_get(pmd);
	if (is_swap_pmd(pmdval) || pmd_trans_huge(pmdval))
		return __pmd_trans_huge_lock(pmd, vma);
	return null;
}

export function folio_test_pmd_mappable(folio: struct_folio): boolean {
	return folio_order(folio) >= HPAGE_PMD_ORDER;
}

export function is_huge_zero_page(page: struct_page): boolean {
	return huge_zero_page !== null && huge_zero_page === page;
}

export function is_huge_zero_pmd(pmd: pmd_t): boolean {
	return pmd_present(pmd) && huge_zero_pfn === pmd_pfn(pmd);
}

/** page_deferred_list(): the head's place on the split queue. */
export function page_deferred_list(page: struct_page): NonNullable<struct_page["deferred_list"]> {
	return page.deferred_list!;
}

/** CONFIG_ARCH_ENABLE_THP_MIGRATION is set on x86-64. */
export function thp_migration_supported(): boolean {
	return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE);
}

