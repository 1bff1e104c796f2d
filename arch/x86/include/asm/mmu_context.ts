// SPDX-License-Identifier: GPL-2.0
/*
 * An mm's identity towards the TLBs, and switching between mms.
 *
 * Upstream: arch/x86/include/asm/{mmu_context,mmu}.h. Left out: LDT, protection keys, rdpmc.
 */
import type { struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";
import { new_mm_ctx_id, switch_mm } from "#arch/x86/mm/tlb.ts";

export { enter_lazy_tlb, leave_mm, switch_mm, switch_mm_irqs_off } from "#arch/x86/mm/tlb.ts";

export function init_new_context(_tsk: struct_task_struct | null, mm: struct_mm_struct): number {
	mm.context.ctx_id = new_mm_ctx_id();
	mm.context.tlb_gen = 0;
	return 0;
}

export function destroy_context(_mm: struct_mm_struct): void {}

export function activate_mm(prev: struct_mm_struct | null, next: struct_mm_struct): void {
	switch_mm(prev, next, null);
}

export function deactivate_mm(_tsk: struct_task_struct, _mm: struct_mm_struct | null): void {}

export function arch_dup_mmap(_oldmm: struct_mm_struct, _mm: struct_mm_struct): number {
	return 0;
}

export function arch_exit_mmap(_mm: struct_mm_struct): void {}

export function arch_unmap(_mm: struct_mm_struct, _start: number, _end: number): void {}

/** Protection keys are off. */
export function arch_vma_access_permitted(_vma: struct_vm_area_struct, _write: boolean,
	_execute: boolean, _foreign: boolean): boolean {
	return true;
}
