// SPDX-License-Identifier: GPL-2.0
/*
 * madvise(MADV_HUGEPAGE), and the hooks of a scanner that does not run.
 *
 * Upstream: mm/khugepaged.c. Left out: the scan thread and collapsing. Pages are huge from their
 * first fault, or stay small.
 */
import type { ref } from "#asm-generic/types.ts";
import { EINVAL } from "#linux/errno.ts";
import { MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "#linux/mman.ts";
import { VM_HUGEPAGE, VM_NOHUGEPAGE } from "#linux/mm.const.ts";
import type { struct_vm_area_struct } from "#linux/mm_types.ts";

/** mm/khugepaged.c:hugepage_madvise() */
export function hugepage_madvise(vma: struct_vm_area_struct, vm_flags: ref<number>,
	advice: number): number {
	switch (advice) {
	case MADV_HUGEPAGE:
		vm_flags.v &= ~VM_NOHUGEPAGE;
		vm_flags.v |= VM_HUGEPAGE;
		khugepaged_enter_vma(vma, vm_flags.v);
		return 0;
	case MADV_NOHUGEPAGE:
		vm_flags.v &= ~VM_HUGEPAGE;
		vm_flags.v |= VM_NOHUGEPAGE;
		return 0;
	default:
		return -EINVAL;
	}
}

/** mm/khugepaged.c:khugepaged_init() */
export function khugepaged_init(): number {
	return 0;
}

/** mm/khugepaged.c:khugepaged_enter_vma(): would put the mm on the scanner's list. */
export function khugepaged_enter_vma(_vma: struct_vm_area_struct, _vm_flags: number): void {
}

/** mm/khugepaged.c:start_stop_khugepaged() */
export function start_stop_khugepaged(): number {
	return 0;
}
