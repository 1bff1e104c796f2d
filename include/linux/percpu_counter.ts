// SPDX-License-Identifier: GPL-2.0
/*
 * Counters that each CPU adds to.
 *
 * Upstream: include/linux/percpu_counter.h, with upstream's arms for !CONFIG_SMP: a counter is one
 * cell, as CPUs of the model do not contend.
 */
import type { gfp_t } from "#linux/gfp_types.ts";

export class struct_percpu_counter {
	count = 0;
}

export function percpu_counter_init(fbc: struct_percpu_counter, amount: number, _gfp: gfp_t):
	number {
	fbc.count = amount;
	return 0;
}

export function percpu_counter_destroy(_fbc: struct_percpu_counter): void {}

export function percpu_counter_set(fbc: struct_percpu_counter, amount: number): void {
	fbc.count = amount;
}

/** Negative, 0 or positive as the counter is below, at or above @rhs. */
export function percpu_counter_compare(fbc: struct_percpu_counter, rhs: number): number {
	if (fbc.count > rhs)
		return 1;
	else if (fbc.count < rhs)
		return -1;
	else
		return 0;
}

export function __percpu_counter_compare(fbc: struct_percpu_counter, rhs: number,
	_batch: number): number {
	return percpu_counter_compare(fbc, rhs);
}

export function percpu_counter_add(fbc: struct_percpu_counter, amount: number): void {
	fbc.count += amount;
}

export function percpu_counter_add_batch(fbc: struct_percpu_counter, amount: number,
	_batch: number): void {
	percpu_counter_add(fbc, amount);
}

export function percpu_counter_sub(fbc: struct_percpu_counter, amount: number): void {
	percpu_counter_add(fbc, -amount);
}

export function percpu_counter_inc(fbc: struct_percpu_counter): void {
	percpu_counter_add(fbc, 1);
}

export function percpu_counter_dec(fbc: struct_percpu_counter): void {
	percpu_counter_add(fbc, -1);
}

export function percpu_counter_read(fbc: struct_percpu_counter): number {
	return fbc.count;
}

/** Never negative. */
export function percpu_counter_read_positive(fbc: struct_percpu_counter): number {
	return fbc.count < 0 ? 0 : fbc.count;
}

export function percpu_counter_sum(fbc: struct_percpu_counter): number {
	return percpu_counter_read(fbc);
}

export function percpu_counter_sum_positive(fbc: struct_percpu_counter): number {
	return percpu_counter_read_positive(fbc);
}

export function percpu_counter_initialized(_fbc: struct_percpu_counter): boolean {
	return true;
}
