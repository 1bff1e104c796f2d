// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks and time structs.
 *
 * Upstream: include/uapi/linux/time.h, time_types.h.
 */
import { __s64, __struct } from "#asm-generic/struct.ts";

export const CLOCK_REALTIME		= 0;
export const CLOCK_MONOTONIC		= 1;
export const CLOCK_PROCESS_CPUTIME_ID	= 2;
export const CLOCK_THREAD_CPUTIME_ID	= 3;
export const CLOCK_MONOTONIC_RAW	= 4;
export const CLOCK_REALTIME_COARSE	= 5;
export const CLOCK_MONOTONIC_COARSE	= 6;
export const CLOCK_BOOTTIME		= 7;
export const CLOCK_REALTIME_ALARM	= 8;
export const CLOCK_BOOTTIME_ALARM	= 9;

export const TIMER_ABSTIME		= 0x01;

export const ITIMER_REAL		= 0;
export const ITIMER_VIRTUAL		= 1;
export const ITIMER_PROF		= 2;

export const struct___kernel_timespec = __struct({ tv_sec: __s64, tv_nsec: __s64 });
export const struct_timespec = struct___kernel_timespec;
export const struct_timeval = __struct({ tv_sec: __s64, tv_usec: __s64 });
export const struct_itimerval = __struct({
	it_interval:	struct_timeval,
	it_value:	struct_timeval,
});
