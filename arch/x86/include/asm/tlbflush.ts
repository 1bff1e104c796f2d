// SPDX-License-Identifier: GPL-2.0
/*
 * Flushing TLBs, and what each CPU knows about its own.
 *
 * Upstream: arch/x86/include/asm/{tlbflush,tlbbatch}.h. Left out: PTI, PCE, spectre
 * mitigations.
 */
import type { struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import { VM_HUGETLB } from "#linux/mm.const.ts";
import { hstate_vma, huge_page_shift } from "#linux/hugetlb.ts";
import { flush_tlb_mm_range } from "#arch/x86/mm/tlb.ts";
import { this_cpu } from "#asm/smp.ts";
import { pmd_flags, pmd_pfn, pte_pfn } from "#asm/pgtable.ts";
import { PAGE_SHIFT, PAGE_SIZE, PTE_PFN_MASK_LO, _PAGE_ACCESSED, _PAGE_DIRTY, _PAGE_GLOBAL,
	_PAGE_NX_HI, _PAGE_PAT_LARGE, _PAGE_PCD, _PAGE_PRESENT, _PAGE_PSE, _PAGE_PWT, _PAGE_RW,
	_PAGE_USER, type pmd_t, type pte_t } from "#asm/pgtable_types.ts";

export { arch_tlbbatch_add_mm, arch_tlbbatch_flush, cpu_tlbstate, cpu_tlbstate_shared,
	flush_tlb_all, flush_tlb_kernel_range, flush_tlb_local, flush_tlb_mm_range,
	flush_tlb_multi, flush_tlb_one_user, initialize_tlbstate_and_flush, leave_mm } from
	"#arch/x86/mm/tlb.ts";
export { flush_tlb_batched_pending } from "#mm/rmap.ts";

/** C: -1UL; any number above all addresses */
export const TLB_FLUSH_ALL		= 2 ** 53 - 1;
export const TLB_GENERATION_INVALID	= 0;

/** Contexts (PCIDs) a CPU keeps: the mms that ran there last. */
export const TLB_NR_DYN_ASIDS		= 6;

export class struct_tlb_context {
	ctx_id = 0;
	tlb_gen = 0;
}

/** Per CPU: which mm its page tables are, and up to which generation its contexts are flushed. */
export class struct_tlb_state {
	/** null: LOADED_MM_SWITCHING */
	loaded_mm: struct_mm_struct | null = null;
	loaded_mm_asid = 0;
	next_asid = 1;
	invalidate_other = false;
	ctxs = Array.from({ length: TLB_NR_DYN_ASIDS }, () => new struct_tlb_context());
}

export class struct_tlb_state_shared {
	is_lazy = false;
}

export class struct_flush_tlb_info {
	mm: struct_mm_struct | null = null;
	start = 0;
	end = 0;
	new_tlb_gen = 0;
	initiating_cpu = 0;
	stride_shift = 0;
	freed_tables = false;
}

/** Unmapped pages whose flush is deferred: the CPUs that may know them. */
export class struct_arch_tlbflush_unmap_batch {
	cpumask = 0;
}

export function mm_cpumask(mm: struct_mm_struct): number {
	return mm.cpu_bitmap;
}

export function flush_tlb_mm(mm: struct_mm_struct): void {
	flush_tlb_mm_range(mm, 0, TLB_FLUSH_ALL, 0, true);
}

export function flush_tlb_range(vma: struct_vm_area_struct, start: number, end: number): void {
	flush_tlb_mm_range(vma.vm_mm!, start, end, (vma.vm_flags & VM_HUGETLB) !== 0 ?
		huge_page_shift(hstate_vma(vma)) : PAGE_SHIFT, false);
}

export function flush_tlb_page(vma: struct_vm_area_struct, a: number): void {
	flush_tlb_mm_range(vma.vm_mm!, a, a + PAGE_SIZE, PAGE_SHIFT, false);
}

export function inc_mm_tlb_gen(mm: struct_mm_struct): number {
	return ++mm.context.tlb_gen;
}

/* (software bits do not matter; hardware sets A and D without a fault) */
function pte_flags_need_flush(oldlo: number, oldhi: number, newlo: number, newhi: number,
	ignore_access: boolean): boolean {
	const flush_on_clear = _PAGE_DIRTY | _PAGE_PRESENT | _PAGE_ACCESSED;
	const flush_on_change = _PAGE_RW | _PAGE_USER | _PAGE_PWT | _PAGE_PCD | _PAGE_PSE |
		_PAGE_GLOBAL | _PAGE_PAT_LARGE;
	let diff = oldlo ^ newlo;

	if (ignore_access)
		diff &= ~_PAGE_ACCESSED;
	if ((diff & oldlo & flush_on_clear) !== 0)
		return true;
	return (diff & flush_on_change) !== 0 || ((oldhi ^ newhi) & _PAGE_NX_HI) !== 0;
}

export function pte_needs_flush(oldpte: pte_t, newpte: pte_t): boolean {
	if ((oldpte.lo & _PAGE_PRESENT) === 0)
		return false;
	if (pte_pfn(oldpte) !== pte_pfn(newpte))
		return true;
	return pte_flags_need_flush(oldpte.lo & ~PTE_PFN_MASK_LO, oldpte.hi,
		newpte.lo & ~PTE_PFN_MASK_LO, newpte.hi, true);
}

export function huge_pmd_needs_flush(oldpmd: pmd_t, newpmd: pmd_t): boolean {
	if ((oldpmd.lo & _PAGE_PRESENT) === 0)
		return false;
	if (pmd_pfn(oldpmd) !== pmd_pfn(newpmd))
		return true;
	return pte_flags_need_flush(pmd_flags(oldpmd), oldpmd.hi, pmd_flags(newpmd), newpmd.hi,
		false);
}

/** C keeps a copy, as reading CR4 is slow. */
export function cr4_read_shadow(): number {
	return this_cpu.cr4;
}

export function cr4_set_bits(mask: number): void {
	this_cpu.cr4 |= mask;
}

export function cr4_clear_bits(mask: number): void {
	this_cpu.cr4 &= ~mask;
}
