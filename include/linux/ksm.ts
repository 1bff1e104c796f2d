// SPDX-License-Identifier: GPL-2.0
/*
 * Merging of equal pages: not in this kernel (CONFIG_KSM is off), as upstream's stubs.
 *
 * Upstream: include/linux/ksm.h.
 */
import type { ref, unsigned_long } from "#asm-generic/types.ts";
import type { struct_folio, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import type { struct_rmap_walk_control } from "#linux/rmap.ts";

export function ksm_fork(_mm: struct_mm_struct, _oldmm: struct_mm_struct): number {
	return 0;
}

export function ksm_exit(_mm: struct_mm_struct): void {}

export function ksm_madvise(_vma: struct_vm_area_struct, _start: unsigned_long,
	_end: unsigned_long, _advice: number, _vm_flags: ref<number>): number {
	return 0;
}

export function ksm_might_need_to_copy(page: struct_page, _vma: struct_vm_area_struct,
	_address: unsigned_long): struct_page | null {
	return page;
}

export function rmap_walk_ksm(_folio: struct_folio, _rwc: struct_rmap_walk_control): void {}

export function folio_migrate_ksm(_newfolio: struct_folio, _old: struct_folio): void {}
