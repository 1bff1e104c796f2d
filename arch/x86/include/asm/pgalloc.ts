// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation and hooking-in of page tables.
 *
 * Upstream: arch/x86/include/asm/pgalloc.h, include/asm-generic/pgalloc.h. Tables of the lowest
 * level are handled as pages (pgtable_t), those above by the address of their first entry.
 */
import { pfn_nr as to_pfn } from "#asm-generic/types.ts";
import type { pgtable_t, ptep_t, struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import { GFP_KERNEL, GFP_KERNEL_ACCOUNT, __GFP_ZERO, type gfp_t } from "#linux/gfp_types.ts";
import { __free_page, alloc_page, alloc_pages } from "#linux/gfp.ts";
import { init_mm, pgtable_pmd_page_ctor, pgtable_pmd_page_dtor, pgtable_pte_page_ctor,
	pgtable_pte_page_dtor } from "#linux/mm.ts";
import { BUG_ON } from "#linux/bug.ts";
import { pfn_to_page } from "#asm/page.ts";
import { _PAGE_TABLE, __p4d, __pmd, __pud } from "#asm/pgtable_types.ts";
import { set_p4d, set_pmd, set_pud } from "#asm/pgtable.ts";

export { pgd_alloc, pgd_free, pte_alloc_one, ___pte_free_tlb, ___pmd_free_tlb, ___pud_free_tlb,
	___pte_free_tlb as __pte_free_tlb, ___pmd_free_tlb as __pmd_free_tlb,
	___pud_free_tlb as __pud_free_tlb } from "#arch/x86/mm/pgtable.ts";

export const GFP_PGTABLE_KERNEL	= GFP_KERNEL | __GFP_ZERO;
export const GFP_PGTABLE_USER	= GFP_KERNEL_ACCOUNT | __GFP_ZERO;

/** C: virt_to_page(pmd): the page of the table that begins at @table. */
export function table_to_page(table: ptep_t): struct_page {
	return pfn_to_page(to_pfn(table / 512));
}

const lo_of = (pfn: number): number => pfn << 12;
const hi_of = (pfn: number): number => pfn >>> 20;

export function __pte_alloc_one(_mm: struct_mm_struct, gfp: gfp_t): pgtable_t | null {
	const pte = alloc_page(gfp);
	if (pte === null)
		return null;
	if (!pgtable_pte_page_ctor(pte)) {
		__free_page(pte);
		return null;
	}
	return pte;
}

export function pte_alloc_one_kernel(_mm: struct_mm_struct): ptep_t {
	const page = alloc_page(GFP_PGTABLE_KERNEL);
	return page === null ? 0 : page.pfn * 512;
}

export function pte_free_kernel(_mm: struct_mm_struct, pte: ptep_t): void {
	__free_page(table_to_page(pte));
}

export function pte_free(_mm: struct_mm_struct, pte_page: pgtable_t): void {
	pgtable_pte_page_dtor(pte_page);
	__free_page(pte_page);
}

export function pmd_populate_kernel(_mm: struct_mm_struct, pmd: ptep_t, pte: ptep_t): void {
	const pfn = to_pfn(pte / 512);
	set_pmd(pmd, __pmd(lo_of(pfn) | _PAGE_TABLE, hi_of(pfn)));
}

export function pmd_populate(_mm: struct_mm_struct, pmd: ptep_t, pte: pgtable_t): void {
	set_pmd(pmd, __pmd(lo_of(pte.pfn) | _PAGE_TABLE, hi_of(pte.pfn)));
}

/** include/asm-generic/pgalloc.h; 0 when out of memory */
export function pmd_alloc_one(mm: struct_mm_struct, _addr: number): ptep_t {
	let gfp = GFP_PGTABLE_USER;

	if (mm === init_mm)
		gfp = GFP_PGTABLE_KERNEL;
	const page = alloc_pages(gfp, 0);
	if (page === null)
		return 0;
	if (!pgtable_pmd_page_ctor(page)) {
		__free_page(page);
		return 0;
	}
	return page.pfn * 512;
}

export function pmd_free(_mm: struct_mm_struct, pmd: ptep_t): void {
	const page = table_to_page(pmd);

	BUG_ON((pmd & 511) !== 0);
	pgtable_pmd_page_dtor(page);
	__free_page(page);
}

export function pud_populate(_mm: struct_mm_struct, pud: ptep_t, pmd: ptep_t): void {
	const pfn = to_pfn(pmd / 512);
	set_pud(pud, __pud(lo_of(pfn) | _PAGE_TABLE, hi_of(pfn)));
}

export function pud_alloc_one(mm: struct_mm_struct, _addr: number): ptep_t {
	const page = alloc_page(mm === init_mm ? GFP_PGTABLE_KERNEL : GFP_PGTABLE_USER);
	return page === null ? 0 : page.pfn * 512;
}

export function pud_free(_mm: struct_mm_struct, pud: ptep_t): void {
	BUG_ON((pud & 511) !== 0);
	__free_page(table_to_page(pud));
}

export function p4d_populate(_mm: struct_mm_struct, p4d: ptep_t, pud: ptep_t): void {
	const pfn = to_pfn(pud / 512);
	set_p4d(p4d, __p4d(lo_of(pfn) | _PAGE_TABLE, hi_of(pfn)));
}

/** The fourth level is folded into the top one. */
export function pgd_populate(_mm: struct_mm_struct, _pgd: ptep_t, _p4d: ptep_t): void {}

export function p4d_alloc_one(_mm: struct_mm_struct, _addr: number): ptep_t {
	return 0;
}

export function p4d_free(_mm: struct_mm_struct, _p4d: ptep_t): void {}
