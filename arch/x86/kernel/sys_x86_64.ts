// SPDX-License-Identifier: GPL-2.0
/*
 * Finding room for a mapping.
 *
 * Upstream: arch/x86/kernel/sys_x86_64.c. Left out: cache colouring (AMD family 15h), randomised
 * brk, 32 bits.
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { pgoff_t, type unsigned_long } from "#asm-generic/types.ts";
import { EINVAL, ENOMEM } from "#linux/errno.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { VM_UNMAPPED_AREA_TOPDOWN, find_vma, struct_vm_unmapped_area_info,
	vm_start_gap, vm_unmapped_area } from "#linux/mm.ts";
import { ksys_mmap_pgoff } from "#linux/syscalls.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import { current } from "#linux/sched.ts";
import { MAP_32BIT, MAP_FIXED } from "#uapi/linux/mman.ts";
import { PAGE_ALIGN, PAGE_ALIGN_DOWN, PAGE_SIZE, TASK_SIZE_MAX, offset_in_page } from
	"#asm/page_types.ts";
import { DEFAULT_MAP_WINDOW, TASK_SIZE, get_mmap_base, mmap_address_hint_valid,
	task_size_64bit } from "#asm/processor.ts";

export const sys_mmap = SYSCALL_DEFINE("mmap", ["ptr", "ulong", "uint", "uint", "int", "ulong"],
	(addr, len, prot, flags, fd, off) => {
		if ((off & BigInt(PAGE_SIZE - 1)) !== 0n)
			return -EINVAL;

		return ksys_mmap_pgoff(addr, len, prot, flags, fd, pgoff_t(Number(off >> 12n)));
	});

let range_begin = 0, range_end = 0;

/* MAP_32BIT is legacy: the low 2 GiB, away from the heap */
function find_start_end(addr: number, flags: number): void {
	if ((flags & MAP_32BIT) !== 0) {
		range_begin = 0x40000000;
		range_end = 0x80000000;
		return;
	}

	range_begin = get_mmap_base(true);
	range_end = task_size_64bit(addr > DEFAULT_MAP_WINDOW);
}

export function arch_get_unmapped_area(_filp: struct_file | null, addr: unsigned_long,
	len: unsigned_long, pgoff: pgoff_t, flags: number): unsigned_long {
	const mm = current.mm!;

	if ((flags & MAP_FIXED) !== 0)
		return addr;

	find_start_end(addr, flags);
	const begin = range_begin, end = range_end;

	if (len > end)
		return -ENOMEM;

	if (addr !== 0) {
		addr = PAGE_ALIGN(addr);
		const vma = find_vma(mm, addr);
		if (end - len >= addr && (vma === null || addr + len <= vm_start_gap(vma)))
			return addr;
	}

	const info = new struct_vm_unmapped_area_info();
	info.flags = 0;
	info.length = len;
	info.low_limit = begin;
	info.high_limit = end;
	info.align_mask = 0;
	info.align_offset = pgoff * PAGE_SIZE;
	return vm_unmapped_area(info);
}

export function arch_get_unmapped_area_topdown(filp: struct_file | null, addr0: unsigned_long,
	len: unsigned_long, pgoff: pgoff_t, flags: number): unsigned_long {
	const mm = current.mm!;
	let addr = addr0;

	/* requested length too big for the entire address space */
	if (len > TASK_SIZE)
		return -ENOMEM;

	/* no address checking; see mmap_address_hint_valid() */
	if ((flags & MAP_FIXED) !== 0)
		return addr;

bottomup: {
		/* the window of MAP_32BIT is searched bottom up */
		if ((flags & MAP_32BIT) !== 0)
			break bottomup;

		/* the hint, if it is free */
		if (addr !== 0) {
			addr = PAGE_ALIGN_DOWN(addr);
			if (mmap_address_hint_valid(addr, len)) {
				const vma = find_vma(mm, addr);
				if (vma === null || addr + len <= vm_start_gap(vma))
					return addr;
			}
		}

		const info = new struct_vm_unmapped_area_info();
		info.flags = VM_UNMAPPED_AREA_TOPDOWN;
		info.length = len;
		info.low_limit = PAGE_SIZE;
		info.high_limit = get_mmap_base(false);

		/* a hint above the window opens the full address space */
		if (addr > DEFAULT_MAP_WINDOW)
			info.high_limit += TASK_SIZE_MAX - DEFAULT_MAP_WINDOW;

		info.align_mask = 0;
		info.align_offset = pgoff * PAGE_SIZE;
		addr = vm_unmapped_area(info);
		if (offset_in_page(addr) === 0)
			return addr;
		VM_BUG_ON(addr !== -ENOMEM);
	}

	/* bottom-up as the fallback, for large mmap() allocations */
	return arch_get_unmapped_area(filp, addr0, len, pgoff, flags);
}
