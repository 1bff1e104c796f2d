// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of CPUs, as bits of a number (at most 31 CPUs).
 *
 * Upstream: include/linux/cpumask.h.
 */
import { cpus } from "#asm/smp.ts";

export type cpumask_t = number;

/** A mask that functions fill in place: struct cpumask *. */
export class struct_cpumask {
	bits = 0;
}

export function cpu_online_mask(): cpumask_t {
	return 2 ** cpus.length - 1;
}

export const cpu_possible_mask = cpu_online_mask;
export const cpu_present_mask = cpu_online_mask;

export function num_online_cpus(): number {
	return cpus.length;
}

export const num_possible_cpus = num_online_cpus;
export const num_present_cpus = num_online_cpus;

export function cpu_online(cpu: number): boolean {
	return cpu >= 0 && cpu < cpus.length;
}

export const cpu_possible = cpu_online;

export function for_each_online_cpu(): number[] {
	return cpus.map((c) => c.id);
}

export const for_each_possible_cpu = for_each_online_cpu;
export const for_each_present_cpu = for_each_online_cpu;

export function cpumask_of(cpu: number): cpumask_t {
	return 1 << cpu;
}

export function cpumask_test_cpu(cpu: number, mask: struct_cpumask): boolean {
	return (mask.bits & (1 << cpu)) !== 0;
}

export function cpumask_set_cpu(cpu: number, mask: struct_cpumask): void {
	mask.bits |= 1 << cpu;
}

export const __cpumask_set_cpu = cpumask_set_cpu;

export function cpumask_clear_cpu(cpu: number, mask: struct_cpumask): void {
	mask.bits &= ~(1 << cpu);
}

export function cpumask_test_and_set_cpu(cpu: number, mask: struct_cpumask): boolean {
	const was = (mask.bits & (1 << cpu)) !== 0;
	mask.bits |= 1 << cpu;
	return was;
}

export function cpumask_test_and_clear_cpu(cpu: number, mask: struct_cpumask): boolean {
	const was = (mask.bits & (1 << cpu)) !== 0;
	mask.bits &= ~(1 << cpu);
	return was;
}

export function cpumask_clear(mask: struct_cpumask): void {
	mask.bits = 0;
}

export function cpumask_empty(mask: struct_cpumask): boolean {
	return mask.bits === 0;
}

export function cpumask_weight(mask: struct_cpumask): number {
	let n = 0;
	for (let b = mask.bits; b !== 0; b &= b - 1)
		n++;
	return n;
}

export function for_each_cpu(mask: struct_cpumask): number[] {
	return cpus.map((c) => c.id).filter((cpu) => (mask.bits & (1 << cpu)) !== 0);
}

export function cpumask_first(mask: struct_cpumask): number {
	return mask.bits === 0 ? cpus.length : 31 - Math.clz32(mask.bits & -mask.bits);
}
