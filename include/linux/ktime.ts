// SPDX-License-Identifier: GPL-2.0
/*
 * Nanoseconds.
 *
 * Upstream: include/linux/ktime.h, include/vdso/ktime.h. A ktime_t is a number.
 */
import { clock_read } from "#asm/timex.ts";
import type { ktime_t } from "#linux/hrtimer_types.ts";

export type { ktime_t } from "#linux/hrtimer_types.ts";
export { NSEC_PER_MSEC, NSEC_PER_SEC, NSEC_PER_USEC, USEC_PER_SEC, MSEC_PER_SEC, USEC_PER_MSEC }
	from "#linux/time.const.ts";

export const KTIME_MAX = Infinity;

export function ktime_get(): ktime_t {
	return Math.floor(clock_read());
}

export function ktime_get_ns(): number {
	return Math.floor(clock_read());
}

export const ktime_get_raw = ktime_get;
export const ktime_get_raw_ns = ktime_get_ns;
export const ktime_get_boottime = ktime_get;
export const ktime_get_boottime_ns = ktime_get_ns;
export const ktime_get_mono_fast_ns = ktime_get_ns;
export const local_clock = ktime_get_ns;
export const sched_clock = ktime_get_ns;

export function ktime_set(secs: number, nsecs: number): ktime_t {
	return secs * 1e9 + nsecs;
}

export function ktime_add(a: ktime_t, b: ktime_t): ktime_t {
	return a + b;
}

export function ktime_sub(a: ktime_t, b: ktime_t): ktime_t {
	return a - b;
}

export function ktime_add_ns(kt: ktime_t, ns: number): ktime_t {
	return kt + ns;
}

export function ktime_to_ns(kt: ktime_t): number {
	return kt;
}

export function ns_to_ktime(ns: number): ktime_t {
	return ns;
}

export function ktime_to_us(kt: ktime_t): number {
	return Math.floor(kt / 1000);
}

export function ktime_to_ms(kt: ktime_t): number {
	return Math.floor(kt / 1e6);
}

export function ms_to_ktime(ms: number): ktime_t {
	return ms * 1e6;
}

export function ktime_compare(a: ktime_t, b: ktime_t): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

export function ktime_after(a: ktime_t, b: ktime_t): boolean {
	return a > b;
}

export function ktime_before(a: ktime_t, b: ktime_t): boolean {
	return a < b;
}
