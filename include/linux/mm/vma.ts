// SPDX-License-Identifier: GPL-2.0
/*
 * Looking VMAs up, and what follows from their bounds.
 *
 * Upstream: the inline functions of include/linux/mm.h around find_vma().
 */
import { ul_shr } from "#asm-generic/bits.ts";
import type { unsigned_long } from "#asm-generic/types.ts";
import { PAGE_SHIFT } from "#asm/page_types.ts";
import type { struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import { find_vma } from "#mm/mmap.ts";

export {
	__do_munmap, __split_vma, __vma_adjust, __vma_link_rb, copy_vma, do_mmap, do_munmap,
	exit_mmap, expand_downwards, expand_stack, find_extend_vma, find_mergeable_anon_vma,
	find_vma, find_vma_prev, get_unmapped_area, insert_vm_struct, ksys_mmap_pgoff,
	may_expand_vm, mlock_future_check, mm_drop_all_locks, mm_take_all_locks, mmap_region,
	split_vma, stack_guard_gap, struct_vm_unmapped_area_info, unlink_file_vma,
	VM_UNMAPPED_AREA_TOPDOWN, vm_end_gap, vm_munmap, vm_start_gap, vm_stat_account,
	vm_unmapped_area, vma_adjust, vma_merge, vma_set_page_prot, vma_wants_writenotify,
} from "#mm/mmap.ts";
export { change_protection, mprotect_fixup } from "#mm/mprotect.ts";
export { move_page_tables } from "#mm/mremap.ts";
export { do_madvise } from "#mm/madvise.ts";
export { can_do_mlock } from "#mm/mlock.ts";
export {
	anon_vma_interval_tree_insert, anon_vma_interval_tree_iter_first,
	anon_vma_interval_tree_iter_next, anon_vma_interval_tree_remove, vma_interval_tree_insert,
	vma_interval_tree_insert_after, vma_interval_tree_iter_first, vma_interval_tree_iter_next,
	vma_interval_tree_remove,
} from "#mm/interval_tree.ts";

/** The first VMA that meets [start, end). mmap_lock held. */
export function find_vma_intersection(mm: struct_mm_struct, start_addr: unsigned_long,
	end_addr: unsigned_long): struct_vm_area_struct | null {
	const vma = find_vma(mm, start_addr);

	if (vma !== null && end_addr <= vma.vm_start)
		return null;
	return vma;
}

/** The VMA that holds @addr. mmap_lock held. */
export function vma_lookup(mm: struct_mm_struct, addr: unsigned_long):
	struct_vm_area_struct | null {
	const vma = find_vma(mm, addr);

	if (vma !== null && addr < vma.vm_start)
		return null;
	return vma;
}

export function vma_pages(vma: struct_vm_area_struct): number {
	return ul_shr(vma.vm_end - vma.vm_start, PAGE_SHIFT);
}
