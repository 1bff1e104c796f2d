// SPDX-License-Identifier: GPL-2.0
/*
 * Where mappings go in an address space.
 *
 * Upstream: arch/x86/mm/mmap.c. Left out: 32 bits, address randomisation (PF_RANDOMIZE is never
 * set), /dev/mem.
 */
import type { struct_mm_struct } from "#linux/mm_types.ts";
import { current } from "#linux/sched.ts";
import type { struct_rlimit } from "#linux/signal_types.ts";
import { stack_guard_gap } from "#linux/mm.ts";
import { PAGE_ALIGN, TASK_SIZE_MAX } from "#asm/page_types.ts";
import { DEFAULT_MAP_WINDOW, TASK_SIZE, TASK_UNMAPPED_BASE, arch_get_unmapped_area,
	arch_get_unmapped_area_topdown } from "#asm/processor.ts";

const ADDR_COMPAT_LAYOUT = 0x0200000;

export function task_size_64bit(full_addr_space: boolean): number {
	return full_addr_space ? TASK_SIZE_MAX : DEFAULT_MAP_WINDOW;
}

const SIZE_128M = 128 * 1024 * 1024;

export let sysctl_legacy_va_layout = 0;

export function set_sysctl_legacy_va_layout(on: number): void {
	sysctl_legacy_va_layout = on;
}

export function mmap_is_legacy(): boolean {
	if ((current.personality & ADDR_COMPAT_LAYOUT) !== 0)
		return true;

	return sysctl_legacy_va_layout !== 0;
}

export function arch_mmap_rnd(): number {
	return 0;
}

function mmap_base(rnd: number, task_size: number, rlim_stack: struct_rlimit): number {
	let gap = Number(BigInt.asUintN(64, rlim_stack.rlim_cur));
	const pad = stack_guard_gap;

	/* (values close to RLIM_INFINITY are clamped below all the same) */
	gap += pad;

	/* top of the mmap area, just below the stack: leave at least a hole of about 128 MB */
	const gap_min = SIZE_128M;
	const gap_max = Math.floor(task_size / 6) * 5;

	if (gap < gap_min)
		gap = gap_min;
	else if (gap > gap_max)
		gap = gap_max;

	return PAGE_ALIGN(task_size - gap - rnd);
}

function mmap_legacy_base(rnd: number): number {
	return TASK_UNMAPPED_BASE + rnd;
}

export function arch_pick_mmap_layout(mm: struct_mm_struct, rlim_stack: struct_rlimit): void {
	const random_factor = arch_mmap_rnd();

	if (mmap_is_legacy())
		mm.get_unmapped_area = arch_get_unmapped_area;
	else
		mm.get_unmapped_area = arch_get_unmapped_area_topdown;

	mm.mmap_legacy_base = mmap_legacy_base(random_factor);
	if (mmap_is_legacy())
		mm.mmap_base = mm.mmap_legacy_base;
	else
		mm.mmap_base = mmap_base(random_factor, task_size_64bit(false), rlim_stack);
}

export function get_mmap_base(is_legacy: boolean): number {
	const mm = current.mm!;

	return is_legacy ? mm.mmap_legacy_base : mm.mmap_base;
}

export function mmap_address_hint_valid(addr: number, len: number): boolean {
	if (TASK_SIZE - len < addr)
		return false;

	return (addr > DEFAULT_MAP_WINDOW) === (addr + len > DEFAULT_MAP_WINDOW);
}
