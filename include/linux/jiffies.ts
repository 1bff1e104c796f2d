// SPDX-License-Identifier: GPL-2.0
/*
 * Ticks of the virtual clock.
 *
 * Upstream: include/linux/jiffies.h. `jiffies()` is a function: the clock has no tick.
 */
import { clock_read } from "#asm/timex.ts";
import { HZ, TICK_NSEC } from "#linux/time.const.ts";

export { HZ, TICK_NSEC } from "#linux/time.const.ts";

export const MAX_JIFFY_OFFSET = Infinity;

/** C: jiffies. Counts from 0. */
export function jiffies(): number {
	return Math.floor(clock_read() / TICK_NSEC);
}

export const get_jiffies_64 = jiffies;

export function time_after(a: number, b: number): boolean {
	return a > b;
}

export function time_before(a: number, b: number): boolean {
	return a < b;
}

export function time_after_eq(a: number, b: number): boolean {
	return a >= b;
}

export function time_before_eq(a: number, b: number): boolean {
	return a <= b;
}

export function time_is_before_jiffies(a: number): boolean {
	return a < jiffies();
}

export function time_is_after_jiffies(a: number): boolean {
	return a > jiffies();
}

export function msecs_to_jiffies(m: number): number {
	return Math.ceil(m * HZ / 1000);
}

export function usecs_to_jiffies(u: number): number {
	return Math.ceil(u * HZ / 1000000);
}

export function nsecs_to_jiffies(n: number): number {
	return Math.floor(n / TICK_NSEC);
}

export function jiffies_to_msecs(j: number): number {
	return Math.floor(j * 1000 / HZ);
}

export function jiffies_to_usecs(j: number): number {
	return Math.floor(j * 1000000 / HZ);
}

export function jiffies_to_nsecs(j: number): number {
	return j * TICK_NSEC;
}

/** For values that spread over a second, no use here. */
export function round_jiffies(j: number): number {
	return Math.ceil(j / HZ) * HZ;
}

export const round_jiffies_relative = round_jiffies;
