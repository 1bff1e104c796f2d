// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables of x86: top tables, accessed and dirty bits.
 *
 * Upstream: arch/x86/mm/pgtable.c. Left out: PAE, PTI, kernel mappings, fixmaps, huge vmap.
 *
 * Locks: pgd_lock guards pgd_list.
 */
import type { pgtable_t, ptep_t, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { __free_page, __get_free_page } from "#linux/gfp.ts";
import { list_add, list_del, struct_list_head } from "#linux/list.ts";
import { pgtable_pmd_page_dtor, pgtable_pte_page_dtor } from "#linux/mm.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { mem_and_lo, mem_lo } from "#hw/memory.ts";
import { GFP_PGTABLE_USER, __pte_alloc_one, table_to_page } from "#asm/pgalloc.ts";
import { pmd_mkinvalid, pmd_same, pmdp_establish, pmdp_get, pte_same, ptep_get, set_pmd,
	set_pte } from "#asm/pgtable.ts";
import { PMD_SIZE, _PAGE_ACCESSED, type pmd_t, type pte_t } from "#asm/pgtable_types.ts";
import { type struct_mmu_gather, tlb_remove_page } from "#asm/tlb.ts";
import { flush_tlb_range } from "#asm/tlbflush.ts";

/* (upstream's __userpte_alloc_gfp: user page tables never lie in highmem here) */
export function pte_alloc_one(mm: struct_mm_struct): pgtable_t | null {
	return __pte_alloc_one(mm, GFP_PGTABLE_USER);
}

export function ___pte_free_tlb(tlb: struct_mmu_gather, pte: pgtable_t): void {
	pgtable_pte_page_dtor(pte);
	tlb_remove_page(tlb, pte);
}

export function ___pmd_free_tlb(tlb: struct_mmu_gather, pmd: ptep_t): void {
	const page = table_to_page(pmd);

	pgtable_pmd_page_dtor(page);
	tlb_remove_page(tlb, page);
}

export function ___pud_free_tlb(tlb: struct_mmu_gather, pud: ptep_t): void {
	tlb_remove_page(tlb, table_to_page(pud));
}

const pgd_lock = DEFINE_SPINLOCK("pgd_lock");
/** Top tables of all mms, by page.lru. */
export const pgd_list = new struct_list_head(null);

function pgd_list_add(page: struct_page): void {
	list_add(page.lru, pgd_list);
}

function pgd_list_del(page: struct_page): void {
	list_del(page.lru);
}

function pgd_ctor(mm: struct_mm_struct, pgd: ptep_t): void {
	const page = table_to_page(pgd);

	page.pt_private = mm;
	pgd_list_add(page);
}

function pgd_dtor(pgd: ptep_t): void {
	const page = table_to_page(pgd);

	spin_lock(pgd_lock);
	pgd_list_del(page);
	spin_unlock(pgd_lock);
	page.pt_private = null;
}

function _pgd_alloc(): ptep_t {
	const page = __get_free_page(GFP_PGTABLE_USER);
	return page === null ? 0 : page.pfn * 512;
}

function _pgd_free(pgd: ptep_t): void {
	__free_page(table_to_page(pgd));
}

/** 0 when out of memory */
export function pgd_alloc(mm: struct_mm_struct): ptep_t {
	const pgd = _pgd_alloc();

	if (pgd === 0)
		return 0;

	mm.pgd = pgd;

	spin_lock(pgd_lock);
	pgd_ctor(mm, pgd);
	spin_unlock(pgd_lock);

	return pgd;
}

export function pgd_free(_mm: struct_mm_struct, pgd: ptep_t): void {
	pgd_dtor(pgd);
	_pgd_free(pgd);
}

/*
 * Sets the accessed or dirty bit or grants write permission, which needs no flush: a CPU with a
 * stale entry faults, and drops it by that.
 */
export function ptep_set_access_flags(_vma: struct_vm_area_struct, _address: number, ptep: ptep_t,
	entry: pte_t, dirty: boolean | number): boolean {
	const changed = !pte_same(ptep_get(ptep), entry);

	if (changed && dirty)
		set_pte(ptep, entry);

	return changed;
}

export function pmdp_set_access_flags(_vma: struct_vm_area_struct, address: number, pmdp: ptep_t,
	entry: pmd_t, dirty: boolean | number): boolean {
	const changed = !pmd_same(pmdp_get(pmdp), entry);

	VM_BUG_ON((address & (PMD_SIZE - 1)) !== 0);

	if (changed && dirty)
		set_pmd(pmdp, entry);

	return changed;
}

export function ptep_test_and_clear_young(_vma: struct_vm_area_struct, _addr: number,
	ptep: ptep_t): boolean {
	if ((mem_lo(ptep) & _PAGE_ACCESSED) === 0)
		return false;
	mem_and_lo(ptep, ~_PAGE_ACCESSED);
	return true;
}

export function pmdp_test_and_clear_young(vma: struct_vm_area_struct, addr: number,
	pmdp: ptep_t): boolean {
	return ptep_test_and_clear_young(vma, addr, pmdp);
}

/* no flush: at worst the page looks older than it is */
export function ptep_clear_flush_young(vma: struct_vm_area_struct, address: number,
	ptep: ptep_t): boolean {
	return ptep_test_and_clear_young(vma, address, ptep);
}

export function pmdp_clear_flush_young(vma: struct_vm_area_struct, address: number,
	pmdp: ptep_t): boolean {
	VM_BUG_ON((address & (PMD_SIZE - 1)) !== 0);

	const young = pmdp_test_and_clear_young(vma, address, pmdp);
	if (young)
		flush_tlb_range(vma, address, address + PMD_SIZE);

	return young;
}

/* an entry that is not present gets no accessed or dirty bit, so no flush is needed for those */
export function pmdp_invalidate_ad(vma: struct_vm_area_struct, address: number,
	pmdp: ptep_t): pmd_t {
	return pmdp_establish(vma, address, pmdp, pmd_mkinvalid(pmdp_get(pmdp)));
}
