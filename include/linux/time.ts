// SPDX-License-Identifier: GPL-2.0
/*
 * Time of day.
 *
 * Upstream: include/linux/time.h, time64.h.
 */
import { NSEC_PER_SEC } from "#linux/time.const.ts";
import type { ktime_t } from "#linux/hrtimer_types.ts";

export * from "#linux/time.const.ts";
export { ktime_get_coarse_real_ts64, ktime_get_real, ktime_get_real_ns, ktime_get_real_seconds,
	ktime_get_real_ts64, ktime_get_seconds, ktime_get_ts64 } from
	"#linux/timekeeping/timekeeping.ts";

export interface struct_timespec64 {
	tv_sec: number;
	tv_nsec: number;
}

export function timespec64_to_ns(ts: struct_timespec64): number {
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

export const timespec64_to_ktime = timespec64_to_ns;

export function ns_to_timespec64(nsec: number): struct_timespec64 {
	const tv_sec = Math.floor(nsec / NSEC_PER_SEC);
	return { tv_sec, tv_nsec: Math.floor(nsec - tv_sec * NSEC_PER_SEC) };
}

export function ktime_to_timespec64(kt: ktime_t): struct_timespec64 {
	return ns_to_timespec64(kt);
}

export function timespec64_compare(a: struct_timespec64, b: struct_timespec64): number {
	return a.tv_sec !== b.tv_sec ? a.tv_sec - b.tv_sec : a.tv_nsec - b.tv_nsec;
}

export function timespec64_equal(a: struct_timespec64, b: struct_timespec64): boolean {
	return a.tv_sec === b.tv_sec && a.tv_nsec === b.tv_nsec;
}
