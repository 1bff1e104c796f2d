// SPDX-License-Identifier: GPL-2.0
/*
 * Features of the CPU the kernel runs on, as identify_boot_cpu() found them.
 *
 * Upstream: arch/x86/include/asm/cpufeature.h.
 */
import { boot_cpu_data, type struct_cpuinfo_x86 } from "#asm/processor.ts";

export * from "#asm/cpufeatures.ts";

/* enum cpuid_leafs: words of x86_capability */
export const CPUID_1_EDX		= 0;
export const CPUID_8000_0001_EDX	= 1;
export const CPUID_8086_0001_EDX	= 2;
export const CPUID_LNX_1		= 3;
export const CPUID_1_ECX		= 4;
export const CPUID_C000_0001_EDX	= 5;
export const CPUID_8000_0001_ECX	= 6;
export const CPUID_LNX_2		= 7;
export const CPUID_LNX_3		= 8;
export const CPUID_7_0_EBX		= 9;
export const CPUID_D_1_EAX		= 10;
export const CPUID_LNX_4		= 11;
export const CPUID_7_1_EAX		= 12;
export const CPUID_8000_0008_EBX	= 13;
export const CPUID_6_EAX		= 14;
export const CPUID_8000_000A_EDX	= 15;
export const CPUID_7_ECX		= 16;
export const CPUID_8000_0007_EBX	= 17;
export const CPUID_7_EDX		= 18;
export const CPUID_8000_001F_EAX	= 19;
export type cpuid_leafs = number;

export function cpu_has(c: struct_cpuinfo_x86, bit: number): boolean {
	return (c.x86_capability[bit >> 5]! & 1 << (bit & 31)) !== 0;
}

export function boot_cpu_has(bit: number): boolean {
	return (boot_cpu_data.x86_capability[bit >> 5]! & 1 << (bit & 31)) !== 0;
}

export function set_cpu_cap(c: typeof boot_cpu_data, bit: number): void {
	c.x86_capability[bit >> 5]! |= 1 << (bit & 31);
}

export { boot_cpu_has as cpu_feature_enabled, boot_cpu_has as static_cpu_has,
	boot_cpu_has as this_cpu_has };
/* the words of bugs, behind those of features, stay 0 */
export { boot_cpu_has as boot_cpu_has_bug, boot_cpu_has as static_cpu_has_bug };
