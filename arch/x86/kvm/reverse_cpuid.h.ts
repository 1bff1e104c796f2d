// SPDX-License-Identifier: GPL-2.0
/*
 * From a feature to its bit, register and leaf of CPUID.
 *
 * Upstream: arch/x86/kvm/reverse_cpuid.h. C's pointer to a register of an entry is the register's
 * number (CPUID_EAX ..) with a getter and a setter. Left out: SGX's leaf, which the kernel
 * scatters.
 */
import type { struct_kvm_cpuid_entry2 } from "#uapi-asm/kvm.ts";
import { CPUID_1_ECX, CPUID_1_EDX, CPUID_6_EAX, CPUID_7_0_EBX, CPUID_7_1_EAX, CPUID_7_ECX,
	CPUID_7_EDX, CPUID_8000_0001_ECX, CPUID_8000_0001_EDX, CPUID_8000_0007_EBX,
	CPUID_8000_0008_EBX, CPUID_8000_000A_EDX, CPUID_8000_001F_EAX, CPUID_C000_0001_EDX,
	CPUID_D_1_EAX } from "#asm/cpufeature.ts";
import { NCAPINTS } from "#asm/cpufeatures.ts";
import { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX } from "#asm/cpuid.ts";
import { BUG } from "#linux/bug.ts";

/** No leaf is KVM's alone (C: CPUID_12_EAX). */
export const NR_KVM_CPU_CAPS	= NCAPINTS;

export interface cpuid_reg {
	readonly function: number;
	readonly index: number;
	readonly reg: number;
}

const reg = (function_: number, index: number, reg_: number): cpuid_reg =>
	({ function: function_, index, reg: reg_ });

/** What each word of features is in hardware; those missing are the kernel's own. */
let reverse_cpuid: (cpuid_reg | undefined)[] | null = null;

function reverse_cpuid_init(): (cpuid_reg | undefined)[] {
	const t = new Array<cpuid_reg | undefined>(NR_KVM_CPU_CAPS).fill(undefined);

	t[CPUID_1_EDX]		= reg(1, 0, CPUID_EDX);
	t[CPUID_8000_0001_EDX]	= reg(0x80000001, 0, CPUID_EDX);
	t[CPUID_1_ECX]		= reg(1, 0, CPUID_ECX);
	t[CPUID_C000_0001_EDX]	= reg(0xc0000001, 0, CPUID_EDX);
	t[CPUID_8000_0001_ECX]	= reg(0x80000001, 0, CPUID_ECX);
	t[CPUID_7_0_EBX]	= reg(7, 0, CPUID_EBX);
	t[CPUID_D_1_EAX]	= reg(0xd, 1, CPUID_EAX);
	t[CPUID_8000_0008_EBX]	= reg(0x80000008, 0, CPUID_EBX);
	t[CPUID_6_EAX]		= reg(6, 0, CPUID_EAX);
	t[CPUID_8000_000A_EDX]	= reg(0x8000000a, 0, CPUID_EDX);
	t[CPUID_7_ECX]		= reg(7, 0, CPUID_ECX);
	t[CPUID_8000_0007_EBX]	= reg(0x80000007, 0, CPUID_EBX);
	t[CPUID_7_EDX]		= reg(7, 0, CPUID_EDX);
	t[CPUID_7_1_EAX]	= reg(7, 1, CPUID_EAX);
	t[CPUID_8000_001F_EAX]	= reg(0x8000001f, 0, CPUID_EAX);
	return t;
}

/** BUG for a word that no leaf of CPUID gives; C finds that at build time. */
export function reverse_cpuid_check(x86_leaf: number): cpuid_reg {
	reverse_cpuid ??= reverse_cpuid_init();
	return reverse_cpuid[x86_leaf] ?? BUG();
}

export function __feature_leaf(x86_feature: number): number {
	return x86_feature >> 5;
}

/** The feature's bit in its register, unsigned. */
export function __feature_bit(x86_feature: number): number {
	reverse_cpuid_check(x86_feature >> 5);
	return (1 << (x86_feature & 31)) >>> 0;
}

export function x86_feature_cpuid(x86_feature: number): cpuid_reg {
	return reverse_cpuid_check(__feature_leaf(x86_feature));
}

export function __cpuid_entry_get_reg(entry: struct_kvm_cpuid_entry2, reg_: number): number {
	switch (reg_) {
	case CPUID_EAX:
		return entry.eax;
	case CPUID_EBX:
		return entry.ebx;
	case CPUID_ECX:
		return entry.ecx;
	case CPUID_EDX:
		return entry.edx;
	default:
		return BUG();
	}
}

/** *__cpuid_entry_get_reg(@entry, @reg_) = @value */
export function __cpuid_entry_set_reg(entry: struct_kvm_cpuid_entry2, reg_: number, value: number):
	void {
	switch (reg_) {
	case CPUID_EAX:
		entry.eax = value;
		break;
	case CPUID_EBX:
		entry.ebx = value;
		break;
	case CPUID_ECX:
		entry.ecx = value;
		break;
	case CPUID_EDX:
		entry.edx = value;
		break;
	default:
		BUG();
	}
}

export function cpuid_entry_get(entry: struct_kvm_cpuid_entry2, x86_feature: number): number {
	const { reg: r } = x86_feature_cpuid(x86_feature);

	return (__cpuid_entry_get_reg(entry, r) & __feature_bit(x86_feature)) >>> 0;
}

export function cpuid_entry_has(entry: struct_kvm_cpuid_entry2, x86_feature: number): boolean {
	return cpuid_entry_get(entry, x86_feature) !== 0;
}

export function cpuid_entry_clear(entry: struct_kvm_cpuid_entry2, x86_feature: number): void {
	const { reg: r } = x86_feature_cpuid(x86_feature);

	__cpuid_entry_set_reg(entry, r,
		__cpuid_entry_get_reg(entry, r) & ~__feature_bit(x86_feature));
}

export function cpuid_entry_set(entry: struct_kvm_cpuid_entry2, x86_feature: number): void {
	const { reg: r } = x86_feature_cpuid(x86_feature);

	__cpuid_entry_set_reg(entry, r,
		__cpuid_entry_get_reg(entry, r) | __feature_bit(x86_feature));
}

export function cpuid_entry_change(entry: struct_kvm_cpuid_entry2, x86_feature: number,
	set: boolean): void {
	if (set)
		cpuid_entry_set(entry, x86_feature);
	else
		cpuid_entry_clear(entry, x86_feature);
}
