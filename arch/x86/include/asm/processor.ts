// SPDX-License-Identifier: GPL-2.0
/*
 * The CPU as the kernel sees it; the layout of user address spaces.
 *
 * Upstream: arch/x86/include/asm/{processor,page_64_types,elf}.h, and arch_get_mmap_base() and
 * arch_get_mmap_end() of include/linux/sched/mm.h.
 */
import { PAGE_ALIGN, PAGE_SIZE, TASK_SIZE_MAX } from "#asm/page_types.ts";

export { TASK_SIZE_MAX } from "#asm/page_types.ts";
export { arch_get_unmapped_area, arch_get_unmapped_area_topdown } from
	"#arch/x86/kernel/sys_x86_64.ts";
export { boot_cpu_data, early_cpu_init, identify_boot_cpu, struct_cpuinfo_x86 } from
	"#arch/x86/kernel/cpu/common.ts";
export { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX, cpuid, cpuid_count, cpuid_eax, cpuid_ebx,
	cpuid_ecx, cpuid_edx } from "#asm/cpuid.ts";
export { X86_VENDOR_AMD, X86_VENDOR_INTEL } from "#hw/cpu.ts";
export { arch_mmap_rnd, arch_pick_mmap_layout, get_mmap_base, mmap_address_hint_valid,
	mmap_is_legacy, set_sysctl_legacy_va_layout, sysctl_legacy_va_layout, task_size_64bit } from
	"#arch/x86/mm/mmap.ts";

/* vendors that KVM knows of, besides the machine's */
export const X86_VENDOR_CENTAUR	= 5;
export const X86_VENDOR_HYGON	= 9;

export const DEFAULT_MAP_WINDOW	= 2 ** 47 - PAGE_SIZE;
export const TASK_SIZE_LOW	= DEFAULT_MAP_WINDOW;
export const TASK_SIZE		= TASK_SIZE_MAX;
export const STACK_TOP		= TASK_SIZE_LOW;
export const STACK_TOP_MAX	= TASK_SIZE_MAX;

export const TASK_UNMAPPED_BASE	= PAGE_ALIGN(Math.floor(TASK_SIZE_LOW / 3));
export const ELF_ET_DYN_BASE	= Math.floor(DEFAULT_MAP_WINDOW / 3) * 2;

/** 47-bit address spaces have no window to choose. */
export function arch_get_mmap_base(_addr: number, base: number): number {
	return base;
}

export function arch_get_mmap_end(_addr: number, _len: number, _flags: number): number {
	return TASK_SIZE;
}

export function cpu_relax(): void {}
