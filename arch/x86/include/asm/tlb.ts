// SPDX-License-Identifier: GPL-2.0
/*
 * struct mmu_gather: unmapped pages and page tables, held back until the TLBs were flushed.
 *
 * Upstream: arch/x86/include/asm/tlb.h, include/asm-generic/tlb.h (whose directory may import
 * nothing here). Left out: tables freed by RCU, per-size gathers.
 */
import type { pgtable_t, ptep_t, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { VM_EXEC, VM_MIXEDMAP, VM_PFNMAP } from "#linux/mm.const.ts";
import { is_vm_hugetlb_page } from "#linux/hugetlb_inline.ts";
import { huge_page_size, type struct_hstate } from "#linux/hugetlb.ts";
import { mmu_notifier_invalidate_range } from "#linux/mmu_notifier.ts";
import { __tlb_remove_page_size, tlb_flush_mmu } from "#mm/mmu_gather.ts";
import { ___pmd_free_tlb, ___pte_free_tlb, ___pud_free_tlb } from "#arch/x86/mm/pgtable.ts";
import { TLB_FLUSH_ALL, flush_tlb_mm_range } from "#asm/tlbflush.ts";
import { P4D_SHIFT, P4D_SIZE, PAGE_SHIFT, PAGE_SIZE, PMD_SHIFT, PMD_SIZE, PUD_SHIFT, PUD_SIZE,
	TASK_SIZE_MAX } from "#asm/page_types.ts";

export { __tlb_remove_page_size, tlb_finish_mmu, tlb_flush_mmu, tlb_gather_mmu,
	tlb_gather_mmu_fullmm } from "#mm/mmu_gather.ts";
export { huge_pmd_needs_flush, pte_needs_flush } from "#asm/tlbflush.ts";

export const MMU_GATHER_BUNDLE		= 8;
/** What fits into a page. */
export const MAX_GATHER_BATCH		= (PAGE_SIZE - 16) / 8;
export const MAX_GATHER_BATCH_COUNT	= Math.floor(10000 / MAX_GATHER_BATCH);

export class struct_mmu_gather_batch {
	next: struct_mmu_gather_batch | null = null;
	nr = 0;
	max = 0;
	pages: (struct_page | null)[];
	/** C: the batch lives in this page; null for the one inside struct mmu_gather. */
	page: struct_page | null = null;

	/** @pages has as many entries as ever. */
	constructor(pages: (struct_page | null)[]) {
		this.pages = pages;
	}
}

export class struct_mmu_gather {
	mm: struct_mm_struct | null = null;
	start = 0;
	end = 0;
	/** the whole mm goes */
	fullmm = false;
	need_flush_all = false;
	/** page tables were removed */
	freed_tables = false;
	/* levels at which entries were cleared */
	cleared_ptes = false;
	cleared_pmds = false;
	cleared_puds = false;
	cleared_p4ds = false;
	/* of the vma between tlb_start_vma() and tlb_end_vma() */
	vma_exec = false;
	vma_huge = false;
	vma_pfn = false;
	batch_count = 0;
	/* of MMU_GATHER_BUNDLE */
	local = new struct_mmu_gather_batch([null, null, null, null, null, null, null, null]);
	active: struct_mmu_gather_batch | null = null;
}

export function __tlb_adjust_range(tlb: struct_mmu_gather, address: number,
	range_size: number): void {
	if (address < tlb.start)
		tlb.start = address;
	if (address + range_size > tlb.end)
		tlb.end = address + range_size;
}

export function __tlb_reset_range(tlb: struct_mmu_gather): void {
	if (tlb.fullmm) {
		tlb.start = tlb.end = TLB_FLUSH_ALL;
	} else {
		tlb.start = TASK_SIZE_MAX;
		tlb.end = 0;
	}
	tlb.freed_tables = false;
	tlb.cleared_ptes = false;
	tlb.cleared_pmds = false;
	tlb.cleared_puds = false;
	tlb.cleared_p4ds = false;
}

export function tlb_flush(tlb: struct_mmu_gather): void {
	let start = 0, end = TLB_FLUSH_ALL;
	const stride_shift = tlb_get_unmap_shift(tlb);

	if (!tlb.fullmm && !tlb.need_flush_all) {
		start = tlb.start;
		end = tlb.end;
	}

	flush_tlb_mm_range(tlb.mm!, start, end, stride_shift, tlb.freed_tables);
}

function tlb_update_vma_flags(tlb: struct_mmu_gather, vma: struct_vm_area_struct): void {
	tlb.vma_huge = is_vm_hugetlb_page(vma);
	tlb.vma_exec = (vma.vm_flags & VM_EXEC) !== 0;
	tlb.vma_pfn = (vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)) !== 0;
}

export function tlb_flush_mmu_tlbonly(tlb: struct_mmu_gather): void {
	if (!(tlb.freed_tables || tlb.cleared_ptes || tlb.cleared_pmds || tlb.cleared_puds ||
	      tlb.cleared_p4ds))
		return;

	tlb_flush(tlb);
	mmu_notifier_invalidate_range(tlb.mm!, tlb.start, tlb.end);
	__tlb_reset_range(tlb);
}

export function tlb_remove_page_size(tlb: struct_mmu_gather, page: struct_page,
	page_size: number): void {
	if (__tlb_remove_page_size(tlb, page, page_size))
		tlb_flush_mmu(tlb);
}

export function __tlb_remove_page(tlb: struct_mmu_gather, page: struct_page): boolean {
	return __tlb_remove_page_size(tlb, page, PAGE_SIZE);
}

export function tlb_remove_page(tlb: struct_mmu_gather, page: struct_page): void {
	tlb_remove_page_size(tlb, page, PAGE_SIZE);
}

/** Tables go the way of pages: freed after the flush. */
export function tlb_remove_table(tlb: struct_mmu_gather, table: struct_page): void {
	tlb_remove_page(tlb, table);
}

export function tlb_change_page_size(_tlb: struct_mmu_gather, _page_size: number): void {}

export function tlb_get_unmap_shift(tlb: struct_mmu_gather): number {
	if (tlb.cleared_ptes)
		return PAGE_SHIFT;
	if (tlb.cleared_pmds)
		return PMD_SHIFT;
	if (tlb.cleared_puds)
		return PUD_SHIFT;
	if (tlb.cleared_p4ds)
		return P4D_SHIFT;

	return PAGE_SHIFT;
}

export function tlb_start_vma(tlb: struct_mmu_gather, vma: struct_vm_area_struct): void {
	if (tlb.fullmm)
		return;

	tlb_update_vma_flags(tlb, vma);
}

/* x86 does not select MMU_GATHER_MERGE_VMAS */
export function tlb_end_vma(tlb: struct_mmu_gather, _vma: struct_vm_area_struct): void {
	if (tlb.fullmm)
		return;

	tlb_flush_mmu_tlbonly(tlb);
}

export function tlb_flush_pte_range(tlb: struct_mmu_gather, address: number, size: number): void {
	__tlb_adjust_range(tlb, address, size);
	tlb.cleared_ptes = true;
}

export function tlb_flush_pmd_range(tlb: struct_mmu_gather, address: number, size: number): void {
	__tlb_adjust_range(tlb, address, size);
	tlb.cleared_pmds = true;
}

export function tlb_flush_pud_range(tlb: struct_mmu_gather, address: number, size: number): void {
	__tlb_adjust_range(tlb, address, size);
	tlb.cleared_puds = true;
}

export function tlb_flush_p4d_range(tlb: struct_mmu_gather, address: number, size: number): void {
	__tlb_adjust_range(tlb, address, size);
	tlb.cleared_p4ds = true;
}

export function tlb_remove_tlb_entry(tlb: struct_mmu_gather, _ptep: ptep_t, address: number): void {
	tlb_flush_pte_range(tlb, address, PAGE_SIZE);
}

export function tlb_remove_huge_tlb_entry(h: struct_hstate, tlb: struct_mmu_gather, _ptep: ptep_t,
	address: number): void {
	const _sz = huge_page_size(h);
	if (_sz >= P4D_SIZE)
		tlb_flush_p4d_range(tlb, address, _sz);
	else if (_sz >= PUD_SIZE)
		tlb_flush_pud_range(tlb, address, _sz);
	else if (_sz >= PMD_SIZE)
		tlb_flush_pmd_range(tlb, address, _sz);
	else
		tlb_flush_pte_range(tlb, address, _sz);
}

export function tlb_remove_pmd_tlb_entry(tlb: struct_mmu_gather, _pmdp: ptep_t,
	address: number): void {
	tlb_flush_pmd_range(tlb, address, PMD_SIZE);
}

export function tlb_remove_pud_tlb_entry(tlb: struct_mmu_gather, _pudp: ptep_t,
	address: number): void {
	tlb_flush_pud_range(tlb, address, PUD_SIZE);
}

export function pte_free_tlb(tlb: struct_mmu_gather, ptep: pgtable_t, address: number): void {
	tlb_flush_pmd_range(tlb, address, PAGE_SIZE);
	tlb.freed_tables = true;
	___pte_free_tlb(tlb, ptep);
}

export function pmd_free_tlb(tlb: struct_mmu_gather, pmdp: ptep_t, address: number): void {
	tlb_flush_pud_range(tlb, address, PAGE_SIZE);
	tlb.freed_tables = true;
	___pmd_free_tlb(tlb, pmdp);
}

export function pud_free_tlb(tlb: struct_mmu_gather, pudp: ptep_t, address: number): void {
	tlb_flush_p4d_range(tlb, address, PAGE_SIZE);
	tlb.freed_tables = true;
	___pud_free_tlb(tlb, pudp);
}

/** Folded: there is no such table. */
export function p4d_free_tlb(_tlb: struct_mmu_gather, _p4dp: ptep_t, _address: number): void {}
