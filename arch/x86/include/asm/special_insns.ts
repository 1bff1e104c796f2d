// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that the kernel names.
 *
 * Upstream: arch/x86/include/asm/special_insns.h, msr.h's rdtsc().
 */
import { this_cpu } from "#hw/cpu.ts";

export { invlpg, write_cr3 } from "#hw/cpu.ts";
export { rdtsc } from "#hw/clock.ts";

export function read_cr0(): number {
	return this_cpu.cr0;
}

/** Top table and PCID. */
export function __read_cr3(): number {
	return this_cpu.cr3_pfn * 4096 + this_cpu.pcid;
}
