// SPDX-License-Identifier: GPL-2.0
/*
 * Variables per CPU: an array with an element for each.
 *
 * Upstream: include/linux/percpu.h, percpu-defs.h. `const x = DEFINE_PER_CPU(() => new T())`.
 */
import { cpus, this_cpu } from "#asm/smp.ts";
import { preempt_disable, preempt_enable } from "#linux/preempt.ts";

export class percpu<T> {
	readonly make: () => T;
	readonly v: T[] = [];
	constructor(make: () => T) {
		this.make = make;
	}
}

/** Elements are made when first used. */
export function DEFINE_PER_CPU<T>(make: () => T): percpu<T> {
	return new percpu(make);
}

export function alloc_percpu<T>(make: () => T): percpu<T> | null {
	const p = new percpu(make);
	for (let cpu = 0; cpu < cpus.length; cpu++)
		p.v.push(make());
	return p;
}

export function free_percpu<T>(_p: percpu<T> | null): void {}

export function per_cpu<T>(p: percpu<T>, cpu: number): T {
	while (p.v.length <= cpu)
		p.v.push(p.make());
	return p.v[cpu]!;
}

export const per_cpu_ptr = per_cpu;

export function this_cpu_ptr<T>(p: percpu<T>): T {
	const x = p.v[this_cpu.id];
	return x === undefined ? per_cpu(p, this_cpu.id) : x;
}

export const raw_cpu_ptr = this_cpu_ptr;
export const this_cpu_read = this_cpu_ptr;
export const __this_cpu_read = this_cpu_ptr;

export function this_cpu_write<T>(p: percpu<T>, x: T): void {
	per_cpu(p, this_cpu.id);
	p.v[this_cpu.id] = x;
}

export const __this_cpu_write = this_cpu_write;

export function this_cpu_add(p: percpu<number>, n: number): void {
	p.v[this_cpu.id] = per_cpu(p, this_cpu.id) + n;
}

export function this_cpu_inc(p: percpu<number>): void {
	this_cpu_add(p, 1);
}

export function this_cpu_dec(p: percpu<number>): void {
	this_cpu_add(p, -1);
}

export function get_cpu_ptr<T>(p: percpu<T>): T {
	preempt_disable();
	return this_cpu_ptr(p);
}

export function put_cpu_ptr<T>(_p: percpu<T>): void {
	preempt_enable();
}

export const get_cpu_var = get_cpu_ptr;
export const put_cpu_var = put_cpu_ptr;
