// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over the page tables of a range.
 *
 * Upstream: include/linux/pagewalk.h.
 */
import type { unsigned_long } from "#asm-generic/types.ts";
import type { ptep_t, struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";

export { walk_page_mapping, walk_page_range, walk_page_range_novma, walk_page_vma } from
	"#mm/pagewalk.ts";

/*
 * Each callback returns 0 to go on, a negative errno to fail, or a positive number to stop.
 *
 * pgd_entry .. pmd_entry	for each entry that is not empty, before what is below it; p?d_entry
 *				may set walk.action
 * pte_entry		for each lowest entry, under no lock
 * pte_hole		where nothing is; depth -1 if unknown, 0 PGD .. 4 PTE
 * hugetlb_entry	for each huge entry of hugetlbfs
 * test_walk		1 leaves the VMA out
 * pre_vma, post_vma	around each VMA that is walked
 */
export interface struct_mm_walk_ops {
	pgd_entry?: mm_walk_entry;
	p4d_entry?: mm_walk_entry;
	pud_entry?: mm_walk_entry;
	pmd_entry?: mm_walk_entry;
	pte_entry?: mm_walk_entry;
	pte_hole?: (addr: unsigned_long, next: unsigned_long, depth: number,
		walk: struct_mm_walk) => number;
	hugetlb_entry?: (pte: ptep_t, hmask: unsigned_long, addr: unsigned_long,
		next: unsigned_long,
		walk: struct_mm_walk) => number;
	test_walk?: (addr: unsigned_long, next: unsigned_long, walk: struct_mm_walk) => number;
	pre_vma?: (start: unsigned_long, end: unsigned_long, walk: struct_mm_walk) => number;
	post_vma?: (walk: struct_mm_walk) => void;
}

export type mm_walk_entry = (entry: ptep_t, addr: unsigned_long, next: unsigned_long,
	walk: struct_mm_walk) => number;

/* descend; leave what is below out; look at the same entry again */
export const ACTION_SUBTREE	= 0;
export const ACTION_CONTINUE	= 1;
export const ACTION_AGAIN	= 2;

export class struct_mm_walk {
	ops: struct_mm_walk_ops;
	mm: struct_mm_struct;
	pgd: ptep_t = 0;
	vma: struct_vm_area_struct | null = null;
	action = ACTION_SUBTREE;
	no_vma = false;
	/** C: private */
	private_: unknown = null;

	constructor(ops: struct_mm_walk_ops, mm: struct_mm_struct) {
		this.ops = ops;
		this.mm = mm;
	}
}
