// SPDX-License-Identifier: GPL-2.0
/*
 * The machine's CPUs, as the scheduler and calls between CPUs see them.
 *
 * Upstream: arch/x86/include/asm/smp.h, where apicid and start-up are.
 */
export { cpu_interrupt, cpus, set_this_cpu, this_cpu, this_cpu_id, type struct_cpu } from "#hw/cpu.ts";
