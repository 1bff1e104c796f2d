// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the clocks.
 *
 * Upstream: include/linux/timekeeping.h.
 */
export { ktime_get, ktime_get_boottime, ktime_get_boottime_ns, ktime_get_mono_fast_ns, ktime_get_ns,
	ktime_get_raw, ktime_get_raw_ns } from "#linux/ktime.ts";
export { ktime_get_coarse_real_ts64, ktime_get_real, ktime_get_real_ns, ktime_get_real_seconds,
	ktime_get_real_ts64, ktime_get_seconds, ktime_get_ts64, ktime_mono_to_real,
	timekeeping_init } from "#linux/timekeeping/timekeeping.ts";
