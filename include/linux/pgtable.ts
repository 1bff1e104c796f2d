// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables, what is the same on all architectures.
 *
 * Upstream: include/linux/pgtable.h. The bits are asm/pgtable.ts's; walking and updating code is
 * mm/pgtable-generic.ts's where x86 has none of its own.
 */
import type { pfn_nr, unsigned_long } from "#asm-generic/types.ts";
import type { ptep_t, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { zero_pfn } from "#mm/memory.ts";
import { empty_zero_page } from "#arch/x86/mm/init_64.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { PMD_MASK_LOW, PMD_SIZE, PUD_MASK_LOW, PUD_SIZE, PGDIR_SIZE, type p4d_t, type pgd_t,
	p4d_bad, p4d_none, p4d_offset, p4dp_get, pgd_offset, pmd_bad, pmd_bad_at, pmd_none,
	pmd_offset,
	pmd_present, type pmd_t, pmd_trans_huge, type pgprot_t, pmdp_get,
	pmdp_huge_get_and_clear, type pte_t, pte_clear, pte_mkwrite, pte_write,
	pte_wrprotect, ptep_get_and_clear, pud_bad, pud_none, pud_offset, pudp_get,
	set_pte_at, set_pte } from "#asm/pgtable.ts";
import { flush_tlb_range } from "#asm/tlbflush.ts";
import { p4d_clear_bad, pmd_clear_bad, pud_clear_bad } from "#mm/pgtable-generic.ts";

export * from "#asm/pgtable.ts";
export { p4d_clear_bad, pgd_clear_bad, pgtable_trans_huge_deposit,
	pgtable_trans_huge_withdraw, pmd_clear_bad, pmdp_collapse_flush,
	pmdp_huge_clear_flush, pmdp_invalidate, ptep_clear_flush, pud_clear_bad } from
	"#mm/pgtable-generic.ts";
export { zero_pfn } from "#mm/memory.ts";
export { maybe_pmd_mkwrite } from "#mm/huge_memory.ts";
export { empty_zero_page } from "#arch/x86/mm/init_64.ts";
export { pte_offset_map_lock, pte_unmap_unlock } from "#linux/mm.ts";
export { flush_tlb_page, flush_tlb_range } from "#asm/tlbflush.ts";

/** 0 stands for the top of the address space. */
export const USER_PGTABLES_CEILING	= 0;
export const FIRST_USER_ADDRESS		= 0;

export const HPAGE_PMD_SHIFT	= 21;
export const HPAGE_PMD_SIZE	= PMD_SIZE;

export const PGTBL_PGD_MODIFIED	= 1 << 0;
export const PGTBL_P4D_MODIFIED	= 1 << 1;
export const PGTBL_PUD_MODIFIED	= 1 << 2;
export const PGTBL_PMD_MODIFIED	= 1 << 3;
export const PGTBL_PTE_MODIFIED	= 1 << 4;

export function pmd_off(mm: struct_mm_struct, va: unsigned_long): ptep_t {
	return pmd_offset(pud_offset(p4d_offset(pgd_offset(mm, va), va), va), va);
}

export function pmdp_huge_get_and_clear_full(vma: struct_vm_area_struct, address: unsigned_long,
	pmdp: ptep_t, _full: boolean | number): pmd_t {
	return pmdp_huge_get_and_clear(vma.vm_mm!, address, pmdp);
}

export function pte_savedwrite(pte: pte_t): boolean {
	return pte_write(pte);
}

export function pte_mk_savedwrite(pte: pte_t): pte_t {
	return pte_mkwrite(pte);
}

export function pte_clear_savedwrite(pte: pte_t): pte_t {
	return pte_wrprotect(pte);
}

export function arch_unmap_one(_mm: struct_mm_struct, _vma: struct_vm_area_struct,
	_addr: unsigned_long, _orig_pte: pte_t): number {
	return 0;
}

export function arch_prepare_to_swap(_page: struct_page): number {
	return 0;
}

export function arch_enter_lazy_mmu_mode(): void {}
export function arch_leave_lazy_mmu_mode(): void {}
export function arch_flush_lazy_mmu_mode(): void {}

/** No entry has a meaning of its own for the CPU that could have to be told. */
export function update_mmu_tlb(_vma: struct_vm_area_struct, _address: unsigned_long,
	_ptep: ptep_t): void {}

export function ptep_clear(mm: struct_mm_struct, addr: unsigned_long, ptep: ptep_t): void {
	ptep_get_and_clear(mm, addr, ptep);
}

/** An entry that is not present: no CPU has it in its TLB. */
export function pte_clear_not_present_full(mm: struct_mm_struct, address: unsigned_long,
	ptep: ptep_t, _full: boolean | number): void {
	pte_clear(mm, address, ptep);
}

/** Hardware sets the accessed bit. */
export function pte_sw_mkyoung(pte: pte_t): pte_t {
	return pte;
}

export function arch_wants_old_prefaulted_pte(): boolean {
	return false;
}

/** s390's pages that a guest does not use. */
export function pte_unused(_pte: pte_t): boolean {
	return false;
}

export function p4d_same(p4d_a: p4d_t, p4d_b: p4d_t): boolean {
	return p4d_a.lo === p4d_b.lo && p4d_a.hi === p4d_b.hi;
}

export function pgd_same(pgd_a: pgd_t, pgd_b: pgd_t): boolean {
	return pgd_a.lo === pgd_b.lo && pgd_a.hi === pgd_b.hi;
}

export function move_pte(pte: pte_t, _prot: pgprot_t, _old_addr: unsigned_long,
	_new_addr: unsigned_long): pte_t {
	return pte;
}

/* the next boundary of the level, or @end; @addr and @end are boundaries of pages */

export function pgd_addr_end(addr: unsigned_long, end: unsigned_long): unsigned_long {
	if (end - addr === PAGE_SIZE)
		return end;
	const __boundary = Math.floor(addr / PGDIR_SIZE + 1) * PGDIR_SIZE;
	return __boundary < end ? __boundary : end;
}

/** Folded: one entry, the whole range. */
export function p4d_addr_end(_addr: unsigned_long, end: unsigned_long): unsigned_long {
	return end;
}

export function pud_addr_end(addr: unsigned_long, end: unsigned_long): unsigned_long {
	if (end - addr === PAGE_SIZE)
		return end;
	const __boundary = addr - (addr & PUD_MASK_LOW) + PUD_SIZE;
	return __boundary < end ? __boundary : end;
}

export function pmd_addr_end(addr: unsigned_long, end: unsigned_long): unsigned_long {
	if (end - addr === PAGE_SIZE)
		return end;
	const __boundary = addr - (addr & PMD_MASK_LOW) + PMD_SIZE;
	return __boundary < end ? __boundary : end;
}

/* tables are never freed under mmap_lock held for read: no entry becomes bad by a race */

/** Folded: what is there or not is the P4D's matter. */
export function pgd_none_or_clear_bad(_pgd: ptep_t): boolean {
	return false;
}

export function p4d_none_or_clear_bad(p4d: ptep_t): boolean {
	const p4dval = p4dp_get(p4d);
	if (p4d_none(p4dval))
		return true;
	if (p4d_bad(p4dval)) {
		p4d_clear_bad(p4d);
		return true;
	}
	return false;
}

export function pud_none_or_clear_bad(pud: ptep_t): boolean {
	const pudval = pudp_get(pud);
	if (pud_none(pudval))
		return true;
	if (pud_bad(pudval)) {
		pud_clear_bad(pud);
		return true;
	}
	return false;
}

export function pmd_none_or_clear_bad(pmd: ptep_t): boolean {
	if (!pmd_bad_at(pmd))
		return false;
	const pmdval = pmdp_get(pmd);
	if (pmd_none(pmdval))
		return true;
	if (pmd_bad(pmdval)) {
		pmd_clear_bad(pmd);
		return true;
	}
	return false;
}

/* protection changes: no CPU may set accessed and dirty bits in between */

export function ptep_modify_prot_start(vma: struct_vm_area_struct, addr: unsigned_long,
	ptep: ptep_t): pte_t {
	return ptep_get_and_clear(vma.vm_mm!, addr, ptep);
}

export function ptep_modify_prot_commit(vma: struct_vm_area_struct, addr: unsigned_long,
	ptep: ptep_t, _old_pte: pte_t, pte: pte_t): void {
	set_pte_at(vma.vm_mm!, addr, ptep, pte);
}

export function ZERO_PAGE(_vaddr: unsigned_long): struct_page {
	return empty_zero_page();
}

export function is_zero_pfn(pfn: number): boolean {
	return pfn === zero_pfn;
}

export function my_zero_pfn(_addr: unsigned_long): pfn_nr {
	return zero_pfn;
}

/** Page tables for splitting are deposited only for anonymous huge pages. */
export function arch_needs_pgtable_deposit(): boolean {
	return false;
}

/**
 * For page table walks under mmap_lock held for read: whether @pmd is no table. A huge page may
 * come and go at any time; a table stays.
 */
export function pmd_none_or_trans_huge_or_clear_bad(pmd: ptep_t): boolean {
	if (!pmd_bad_at(pmd))
		return false;
	const pmdval = pmdp_get(pmd);
	/* not present but not none: a migration entry of a huge page */
	if (pmd_none(pmdval) || pmd_trans_huge(pmdval) || !pmd_present(pmdval))
		return true;
	if (pmd_bad(pmdval)) {
		pmd_clear_bad(pmd);
		return true;
	}
	return false;
}

export function pmd_trans_unstable(pmd: ptep_t): boolean {
	return pmd_none_or_trans_huge_or_clear_bad(pmd);
}

export function pmd_devmap_trans_unstable(pmd: ptep_t): boolean {
	return pmd_trans_unstable(pmd);
}

export function pud_trans_unstable(_pud: ptep_t): boolean {
	return false;
}

export function flush_pmd_tlb_range(vma: struct_vm_area_struct, addr: unsigned_long,
	end: unsigned_long): void {
	flush_tlb_range(vma, addr, end);
}

export function flush_pud_tlb_range(vma: struct_vm_area_struct, addr: unsigned_long,
	end: unsigned_long): void {
	flush_tlb_range(vma, addr, end);
}

export function set_pte_safe(ptep: ptep_t, pte: pte_t): void {
	set_pte(ptep, pte);
}
