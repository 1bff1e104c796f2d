// SPDX-License-Identifier: GPL-2.0
/*
 * Access to model specific registers of the current CPU.
 *
 * Upstream: arch/x86/include/asm/msr.h. Values are bigints; a 64-bit read has no halves to split.
 */
import type { ref } from "#asm-generic/types.ts";
import { EIO } from "#linux/errno.ts";
import { WARN_ONCE } from "#linux/bug.ts";
import { hw_rdmsr, hw_wrmsr } from "#hw/cpuid.ts";

export { rdtsc } from "#hw/clock.ts";

/** 0 or -EIO, for an MSR that the CPU does not have. */
export function rdmsrl_safe(msr: number, p: ref<bigint>): number {
	const val = hw_rdmsr(msr);
	p.v = val ?? 0n;
	return val === null ? -EIO : 0;
}

export function wrmsrl_safe(msr: number, val: bigint): number {
	return hw_wrmsr(msr, val) ? 0 : -EIO;
}

/** Like upstream's unchecked access, warns and reads as 0 where the CPU raises #GP. */
export function rdmsrl(msr: number): bigint {
	const val = hw_rdmsr(msr);
	WARN_ONCE(val === null, "unchecked MSR access error: RDMSR from 0x%x", msr);
	return val ?? 0n;
}

export function wrmsrl(msr: number, val: bigint): void {
	WARN_ONCE(!hw_wrmsr(msr, val), "unchecked MSR access error: WRMSR to 0x%x (tried to write %x)",
		msr, val);
}
