// SPDX-License-Identifier: GPL-2.0
/*
 * Updates of entries that x86 does as everybody does.
 *
 * Upstream: mm/pgtable-generic.c. Left out: what arch/x86/mm/pgtable.ts has.
 */
import type { unsigned_long } from "#asm-generic/types.ts";
import { INIT_LIST_HEAD, list_add, list_del, list_first_entry_or_null } from "#linux/list.ts";
import { pmd_huge_pte, pmd_lockptr, set_pmd_huge_pte } from "#linux/mm.ts";
import {
	type pgtable_t, type ptep_t, type struct_mm_struct, struct_page, type struct_vm_area_struct,
} from "#linux/mm_types.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import { pr_err } from "#linux/printk.ts";
import { flush_pmd_tlb_range } from "#linux/pgtable.ts";
import { assert_spin_locked } from "#linux/spinlock.ts";
import { PMD_MASK_LOW, PMD_SIZE } from "#asm/page_types.ts";
import {
	p4d_clear, p4dp_get, pgd_clear, pgdp_get, pmd_clear, pmd_mkinvalid, pmd_present,
	pmd_trans_huge, pmdp_establish, pmdp_get, pmdp_huge_get_and_clear, pte_accessible,
	ptep_get_and_clear, pud_clear, pudp_get,
} from "#asm/pgtable.ts";
import { p4d_val, pgd_val, type pmd_t, pmd_val, type pte_t, pud_val } from "#asm/pgtable_types.ts";
import { flush_tlb_page, flush_tlb_range } from "#asm/tlbflush.ts";

/*
 * a bad entry is reported and dropped: what it pointed to leaks, which is better than following
 * it
 */

/** mm/pgtable-generic.c:pgd_clear_bad() */
export function pgd_clear_bad(pgd: ptep_t): void {
	pr_err("bad pgd %016llx.\n", pgd_val(pgdp_get(pgd)));
	pgd_clear(pgd);
}

/** mm/pgtable-generic.c:p4d_clear_bad() */
export function p4d_clear_bad(p4d: ptep_t): void {
	pr_err("bad p4d %016llx.\n", p4d_val(p4dp_get(p4d)));
	p4d_clear(p4d);
}

/** mm/pgtable-generic.c:pud_clear_bad() */
export function pud_clear_bad(pud: ptep_t): void {
	pr_err("bad pud %016llx.\n", pud_val(pudp_get(pud)));
	pud_clear(pud);
}

/** mm/pgtable-generic.c:pmd_clear_bad() */
export function pmd_clear_bad(pmd: ptep_t): void {
	pr_err("bad pmd %016llx.\n", pmd_val(pmdp_get(pmd)));
	pmd_clear(pmd);
}

/** mm/pgtable-generic.c:ptep_clear_flush() */
export function ptep_clear_flush(vma: struct_vm_area_struct, address: unsigned_long, ptep: ptep_t):
	pte_t {
	const mm = vma.vm_mm!;

	const pte = ptep_get_and_clear(mm, address, ptep);
	if (pte_accessible(mm, pte))
		flush_tlb_page(vma, address);
	return pte;
}

/** mm/pgtable-generic.c:pmdp_huge_clear_flush() */
export function pmdp_huge_clear_flush(vma: struct_vm_area_struct, address: unsigned_long,
	pmdp: ptep_t): pmd_t {
	VM_BUG_ON((address & PMD_MASK_LOW) !== 0);
	const old = pmdp_get(pmdp);
	VM_BUG_ON(pmd_present(old) && !pmd_trans_huge(old));
	const pmd = pmdp_huge_get_and_clear(vma.vm_mm!, address, pmdp);
	flush_pmd_tlb_range(vma, address, address + PMD_SIZE);
	return pmd;
}

/** mm/pgtable-generic.c:pgtable_trans_huge_deposit(). FIFO, under the PMD's lock. */
export function pgtable_trans_huge_deposit(mm: struct_mm_struct, pmdp: ptep_t, pgtable: pgtable_t):
	void {
	assert_spin_locked(pmd_lockptr(mm, pmdp));

	const first = pmd_huge_pte(mm, pmdp);
	if (!first)
		INIT_LIST_HEAD(pgtable.lru);
	else
		list_add(pgtable.lru, first.lru);
	set_pmd_huge_pte(mm, pmdp, pgtable);
}

/** mm/pgtable-generic.c:pgtable_trans_huge_withdraw(). Any table will do, whatever its address. */
export function pgtable_trans_huge_withdraw(mm: struct_mm_struct, pmdp: ptep_t): pgtable_t {
	assert_spin_locked(pmd_lockptr(mm, pmdp));

	const pgtable = pmd_huge_pte(mm, pmdp)!;
	const next = list_first_entry_or_null(pgtable.lru, struct_page, "lru");
	set_pmd_huge_pte(mm, pmdp, next);
	if (next)
		list_del(pgtable.lru);
	return pgtable;
}

/**
 * mm/pgtable-generic.c:pmdp_invalidate(). Not present for the CPU, but still huge for the kernel.
 */
export function pmdp_invalidate(vma: struct_vm_area_struct, address: unsigned_long, pmdp: ptep_t):
	pmd_t {
	const old = pmdp_establish(vma, address, pmdp, pmd_mkinvalid(pmdp_get(pmdp)));
	flush_pmd_tlb_range(vma, address, address + PMD_SIZE);
	return old;
}

/** mm/pgtable-generic.c:pmdp_collapse_flush(). Takes a table out. */
export function pmdp_collapse_flush(vma: struct_vm_area_struct, address: unsigned_long,
	pmdp: ptep_t): pmd_t {
	VM_BUG_ON((address & PMD_MASK_LOW) !== 0);
	VM_BUG_ON(pmd_trans_huge(pmdp_get(pmdp)));
	const pmd = pmdp_huge_get_and_clear(vma.vm_mm!, address, pmdp);

	/* TLBs hold what the table's small entries said */
	flush_tlb_range(vma, address, address + PMD_SIZE);
	return pmd;
}
