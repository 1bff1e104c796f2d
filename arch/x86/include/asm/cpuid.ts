// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID, and which of its leaves have subleaves.
 *
 * Upstream: arch/x86/include/asm/cpuid.h; enum cpuid_regs_idx and cpuid_count() of asm/processor.h.
 */
import { cpu_vendor } from "#hw/cpu.ts";
import { hw_cpuid, type cpuid_regs } from "#hw/cpuid.ts";

export type { cpuid_regs } from "#hw/cpuid.ts";

/* enum cpuid_regs_idx */
export const CPUID_EAX	= 0;
export const CPUID_EBX	= 1;
export const CPUID_ECX	= 2;
export const CPUID_EDX	= 3;

export function cpuid_count(op: number, count: number): cpuid_regs {
	return hw_cpuid(cpu_vendor, op, count);
}

export function cpuid(op: number): cpuid_regs {
	return cpuid_count(op, 0);
}

export function cpuid_eax(op: number): number {
	return cpuid(op).eax;
}

export function cpuid_ebx(op: number): number {
	return cpuid(op).ebx;
}

export function cpuid_ecx(op: number): number {
	return cpuid(op).ecx;
}

export function cpuid_edx(op: number): number {
	return cpuid(op).edx;
}

export function cpuid_function_is_indexed(function_: number): boolean {
	switch (function_) {
	case 4:
	case 7:
	case 0xb:
	case 0xd:
	case 0xf:
	case 0x10:
	case 0x12:
	case 0x14:
	case 0x17:
	case 0x18:
	case 0x1d:
	case 0x1e:
	case 0x1f:
	case 0x8000001d:
		return true;
	}

	return false;
}
