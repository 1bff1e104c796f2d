// SPDX-License-Identifier: GPL-2.0
/*
 * Huge entries, and where mappings of huge pages go.
 *
 * Upstream: arch/x86/mm/hugetlbpage.c. Left out: 32 bits, boot options.
 */
import { ul_and_not_low } from "#asm-generic/bits.ts";
import type { pgoff_t, unsigned_long } from "#asm-generic/types.ts";
import { PAGE_SIZE, TASK_SIZE_MAX } from "#asm/page_types.ts";
import { _PAGE_PRESENT, _PAGE_PSE, type pmd_t, type pud_t } from "#asm/pgtable_types.ts";
import {
	arch_get_unmapped_area, DEFAULT_MAP_WINDOW, get_mmap_base, mmap_address_hint_valid,
	TASK_SIZE, TASK_SIZE_LOW, TASK_UNMAPPED_BASE, task_size_64bit,
} from "#asm/processor.ts";
import { EINVAL, ENOMEM } from "#linux/errno.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { hstate_file, huge_page_mask_low, prepare_hugepage_range } from "#linux/hugetlb.ts";
import {
	find_vma, offset_in_page, struct_vm_unmapped_area_info, vm_start_gap, vm_unmapped_area,
	VM_UNMAPPED_AREA_TOPDOWN,
} from "#linux/mm.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import { pmd_none, pud_none } from "#linux/pgtable.ts";
import { current } from "#linux/sched.ts";
import { MAP_FIXED } from "#uapi/linux/mman.ts";

/** arch/x86/mm/hugetlbpage.c:pmd_huge(): a huge page, or a migration or poison entry of one. */
export function pmd_huge(pmd: pmd_t): boolean {
	return !pmd_none(pmd) && (pmd.lo & (_PAGE_PRESENT | _PAGE_PSE)) !== _PAGE_PRESENT;
}

/** arch/x86/mm/hugetlbpage.c:pud_huge() */
export function pud_huge(pud: pud_t): boolean {
	return !pud_none(pud) && (pud.lo & (_PAGE_PRESENT | _PAGE_PSE)) !== _PAGE_PRESENT;
}

/** arch/x86/mm/hugetlbpage.c:hugetlb_get_unmapped_area_bottomup() */
function hugetlb_get_unmapped_area_bottomup(file: struct_file, addr: unsigned_long,
	len: unsigned_long): unsigned_long {
	const info = new struct_vm_unmapped_area_info();

	info.flags = 0;
	info.length = len;
	info.low_limit = get_mmap_base(true);
	/* a hint above the window opens the full address space */
	info.high_limit = task_size_64bit(addr > DEFAULT_MAP_WINDOW);
	info.align_mask = huge_page_mask_low(hstate_file(file)) - (PAGE_SIZE - 1);
	info.align_offset = 0;
	return vm_unmapped_area(info);
}

/** arch/x86/mm/hugetlbpage.c:hugetlb_get_unmapped_area_topdown() */
function hugetlb_get_unmapped_area_topdown(file: struct_file, addr: unsigned_long,
	len: unsigned_long): unsigned_long {
	const info = new struct_vm_unmapped_area_info();

	info.flags = VM_UNMAPPED_AREA_TOPDOWN;
	info.length = len;
	info.low_limit = PAGE_SIZE;
	info.high_limit = get_mmap_base(false);

	if (addr > DEFAULT_MAP_WINDOW)
		info.high_limit += TASK_SIZE_MAX - DEFAULT_MAP_WINDOW;

	info.align_mask = huge_page_mask_low(hstate_file(file)) - (PAGE_SIZE - 1);
	info.align_offset = 0;
	addr = vm_unmapped_area(info);

	/* bottom-up as the fallback, for large stack limits and large mappings */
	if (offset_in_page(addr) !== 0) {
		VM_BUG_ON(addr !== -ENOMEM);
		info.flags = 0;
		info.low_limit = TASK_UNMAPPED_BASE;
		info.high_limit = TASK_SIZE_LOW;
		addr = vm_unmapped_area(info);
	}

	return addr;
}

/** arch/x86/mm/hugetlbpage.c:hugetlb_get_unmapped_area() */
export function hugetlb_get_unmapped_area(file: struct_file | null, addr: unsigned_long,
	len: unsigned_long, _pgoff: pgoff_t, flags: number): unsigned_long {
	const low = huge_page_mask_low(hstate_file(file!));
	const mm = current.mm!;

	if (len & low)
		return -EINVAL;

	if (len > TASK_SIZE)
		return -ENOMEM;

	/* no address checking; see mmap_address_hint_valid() */
	if (flags & MAP_FIXED) {
		if (prepare_hugepage_range(file!, addr, len))
			return -EINVAL;
		return addr;
	}

	if (addr) {
		addr = ul_and_not_low(addr, low);
		if (mmap_address_hint_valid(addr, len)) {
			const vma = find_vma(mm, addr);
			if (vma === null || addr + len <= vm_start_gap(vma))
				return addr;
		}
	}

	if (mm.get_unmapped_area === arch_get_unmapped_area)
		return hugetlb_get_unmapped_area_bottomup(file!, addr, len);
	return hugetlb_get_unmapped_area_topdown(file!, addr, len);
}
