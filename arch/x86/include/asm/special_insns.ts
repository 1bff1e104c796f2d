// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that the kernel names.
 *
 * Upstream: arch/x86/include/asm/special_insns.h, msr.h's rdtsc().
 */
export { invlpg, write_cr3 } from "#hw/cpu.ts";
export { rdtsc } from "#hw/clock.ts";
