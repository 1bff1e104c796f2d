// SPDX-License-Identifier: GPL-2.0
/*
 * Upstream: include/linux/hugetlb_inline.h.
 */
import { VM_HUGETLB } from "#linux/mm.const.ts";
import type { struct_vm_area_struct } from "#linux/mm_types.ts";

export function is_vm_hugetlb_page(vma: struct_vm_area_struct): boolean {
	return (vma.vm_flags & VM_HUGETLB) !== 0;
}
