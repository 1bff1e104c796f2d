// SPDX-License-Identifier: GPL-2.0
/*
 * Faults handled by userspace: not in this kernel (CONFIG_USERFAULTFD is off), as upstream's stubs.
 *
 * Upstream: include/linux/userfaultfd_k.h.
 */
import type { ref, unsigned_long } from "#asm-generic/types.ts";
import type { struct_list_head } from "#linux/list.ts";
import { VM_FAULT_SIGBUS } from "#linux/mm.const.ts";
import type { struct_mm_struct, struct_vm_area_struct, struct_vm_fault, vm_fault_t } from
	"#linux/mm_types.ts";
import type { pmd_t, pte_t } from "#asm/pgtable_types.ts";

/** struct vm_userfaultfd_ctx, which is empty; NULL_VM_UFFD_CTX. */
export type struct_vm_userfaultfd_ctx = null;
export const NULL_VM_UFFD_CTX: struct_vm_userfaultfd_ctx = null;

export function handle_userfault(_vmf: struct_vm_fault, _reason: number): vm_fault_t {
	return VM_FAULT_SIGBUS;
}

export function is_mergeable_vm_userfaultfd_ctx(_vma: struct_vm_area_struct,
	_vm_ctx: struct_vm_userfaultfd_ctx): boolean {
	return true;
}

export function userfaultfd_missing(_vma: struct_vm_area_struct): boolean {
	return false;
}

export function userfaultfd_wp(_vma: struct_vm_area_struct): boolean {
	return false;
}

export function userfaultfd_minor(_vma: struct_vm_area_struct): boolean {
	return false;
}

export function userfaultfd_pte_wp(_vma: struct_vm_area_struct, _pte: pte_t): boolean {
	return false;
}

export function userfaultfd_huge_pmd_wp(_vma: struct_vm_area_struct, _pmd: pmd_t): boolean {
	return false;
}

export function userfaultfd_armed(_vma: struct_vm_area_struct): boolean {
	return false;
}

export function dup_userfaultfd(_vma: struct_vm_area_struct, _l: struct_list_head): number {
	return 0;
}

export function dup_userfaultfd_complete(_l: struct_list_head): void {}

export function mremap_userfaultfd_prep(_vma: struct_vm_area_struct, _ctx: ref<null>): void {}

export function mremap_userfaultfd_complete(_ctx: ref<null>, _from: unsigned_long,
	_to: unsigned_long, _len: unsigned_long): void {}

export function userfaultfd_remove(_vma: struct_vm_area_struct, _start: unsigned_long,
	_end: unsigned_long): boolean {
	return true;
}

export function userfaultfd_unmap_prep(_mm: struct_mm_struct, _start: unsigned_long,
	_end: unsigned_long, _uf: struct_list_head | null): number {
	return 0;
}

export function userfaultfd_unmap_complete(_mm: struct_mm_struct,
	_uf: struct_list_head | null): void {}

export function uffd_disable_fault_around(_vma: struct_vm_area_struct): boolean {
	return false;
}

export function pte_marker_uffd_wp(_pte: pte_t): boolean {
	return false;
}
