// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks, from the machine's virtual clock.
 *
 * Upstream: kernel/time/timekeeping.c. The wall clock stands at a fixed date at power on, so that
 * a run does not depend on the day.
 */
import { clock_read } from "#asm/timex.ts";
import { ns_to_timespec64, type struct_timespec64 } from "#linux/time.ts";
import { NSEC_PER_SEC } from "#linux/time.const.ts";
import { printk_set_clock } from "#linux/printk.ts";

/** 2022-10-04 00:00:00 UTC, in seconds. */
let wall_at_boot = 1664841600;

/** kernel/time/timekeeping.c:timekeeping_init() */
export function timekeeping_init(seconds?: number): void {
	if (seconds !== undefined)
		wall_at_boot = seconds;
	printk_set_clock(clock_read);
}

/** Seconds are exact up to 2^53 ns of uptime: kept apart from the date. */
export function ktime_get_real_ts64(): struct_timespec64 {
	const ts = ns_to_timespec64(clock_read());
	ts.tv_sec += wall_at_boot;
	return ts;
}

export const ktime_get_coarse_real_ts64 = ktime_get_real_ts64;

export function ktime_get_ts64(): struct_timespec64 {
	return ns_to_timespec64(clock_read());
}

/** Beyond 2^53: exact to 256 ns. */
export function ktime_get_real(): number {
	return wall_at_boot * NSEC_PER_SEC + Math.floor(clock_read());
}

export const ktime_get_real_ns = ktime_get_real;

export function ktime_get_real_seconds(): number {
	return wall_at_boot + Math.floor(clock_read() / NSEC_PER_SEC);
}

export function ktime_get_seconds(): number {
	return Math.floor(clock_read() / NSEC_PER_SEC);
}

/** What to add to a monotonic time for the wall clock, in ns. */
export function ktime_mono_to_real(mono: number): number {
	return wall_at_boot * NSEC_PER_SEC + mono;
}
