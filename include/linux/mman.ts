// SPDX-License-Identifier: GPL-2.0
/*
 * From the bits of mmap() to those of a VMA, and accounting of committed memory.
 *
 * Upstream: include/linux/mman.h. The commit counter is one number, not per CPU.
 */
import {
	MAP_32BIT, MAP_ANONYMOUS, MAP_DENYWRITE, MAP_EXECUTABLE, MAP_FIXED, MAP_GROWSDOWN,
	MAP_HUGE_1GB, MAP_HUGE_2MB, MAP_HUGETLB, MAP_LOCKED, MAP_NONBLOCK, MAP_NORESERVE,
	MAP_POPULATE, MAP_PRIVATE, MAP_SHARED, MAP_STACK, MAP_SYNC, PROT_EXEC, PROT_READ, PROT_SEM,
	PROT_WRITE,
} from "#uapi/linux/mman.ts";
import { VM_EXEC, VM_GROWSDOWN, VM_LOCKED, VM_READ, VM_SYNC, VM_WRITE } from "#linux/mm.const.ts";

export * from "#uapi/linux/mman.ts";

/** Flags of the days before MAP_SHARED_VALIDATE: unknown ones among them are ignored. */
export const LEGACY_MAP_MASK = MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS |
	MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |
	MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT | MAP_HUGE_2MB | MAP_HUGE_1GB;

let committed_as = 0;

/** Pages promised to tasks (C: vm_committed_as, a percpu counter). */
export function vm_memory_committed(): number {
	return committed_as;
}

export function vm_acct_memory(pages: number): void {
	committed_as += pages;
}

export function vm_unacct_memory(pages: number): void {
	vm_acct_memory(-pages);
}

export function arch_validate_prot(prot: number, _addr: number): boolean {
	return (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM)) === 0;
}

export function arch_validate_flags(_flags: number): boolean {
	return true;
}

export function calc_vm_prot_bits(prot: number, _pkey: number): number {
	return (prot & PROT_READ ? VM_READ : 0) |
		(prot & PROT_WRITE ? VM_WRITE : 0) |
		(prot & PROT_EXEC ? VM_EXEC : 0);
}

export function calc_vm_flag_bits(flags: number): number {
	return (flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0) |
		(flags & MAP_LOCKED ? VM_LOCKED : 0) |
		(flags & MAP_SYNC ? VM_SYNC : 0);
}
