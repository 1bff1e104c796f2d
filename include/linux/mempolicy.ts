// SPDX-License-Identifier: GPL-2.0
/*
 * Memory policies: without NUMA there are none.
 *
 * Upstream: include/linux/mempolicy.h for !CONFIG_NUMA.
 */
import type { ref } from "#asm-generic/types.ts";
import type { gfp_t } from "#linux/gfp_types.ts";
import type { struct_vm_area_struct } from "#linux/mm_types.ts";
import type { nodemask_t } from "#linux/nodemask.ts";
import type { struct_page } from "#linux/mm_types.ts";

export type struct_mempolicy = null;

/** C: an empty struct. */
export class struct_shared_policy {}

export function mpol_equal(_a: struct_mempolicy, _b: struct_mempolicy): boolean {
	return true;
}

export function mpol_put(_p: struct_mempolicy): void {}
export function mpol_cond_put(_pol: struct_mempolicy): void {}
export function mpol_get(_pol: struct_mempolicy): void {}
export function mpol_shared_policy_init(_sp: struct_shared_policy, _mpol: struct_mempolicy): void {}
export function mpol_free_shared_policy(_sp: struct_shared_policy): void {}

export function mpol_shared_policy_lookup(_sp: struct_shared_policy,
	_idx: number): struct_mempolicy {
	return null;
}

export function vma_policy(_vma: struct_vm_area_struct): struct_mempolicy {
	return null;
}

export function vma_dup_policy(_src: struct_vm_area_struct, _dst: struct_vm_area_struct): number {
	return 0;
}

export function numa_policy_init(): void {}
export function numa_default_policy(): void {}

export function huge_node(_vma: struct_vm_area_struct, _addr: number, _gfp_flags: gfp_t,
	mpol: ref<struct_mempolicy>, nodemask: ref<nodemask_t | null>): number {
	mpol.v = null;
	nodemask.v = null;
	return 0;
}

export function init_nodemask_of_mempolicy(_m: nodemask_t): boolean {
	return false;
}

export function mpol_misplaced(_page: struct_page, _vma: struct_vm_area_struct,
	_address: number): number {
	return -1;
}

export function mpol_put_task_policy(_task: unknown): void {}

export function mpol_is_preferred_many(_pol: struct_mempolicy): boolean {
	return false;
}

export function policy_nodemask(_gfp: gfp_t, _policy: struct_mempolicy): nodemask_t | null {
	return null;
}

export function vma_migratable(_vma: struct_vm_area_struct): boolean {
	return false;
}

