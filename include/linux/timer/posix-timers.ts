// SPDX-License-Identifier: GPL-2.0
/*
 * Reading clocks, and sleeping.
 *
 * Upstream: kernel/time/posix-timers.c (clock calls), kernel/time/hrtimer.c (nanosleep),
 * kernel/time/time.c. Left out: timer_create(), setting clocks.
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { __s64 } from "#asm-generic/struct.ts";
import { clock_read } from "#asm/timex.ts";
import { copy_from_user, copy_to_user, put_user } from "#linux/uaccess.ts";
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW,
	CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_THREAD_CPUTIME_ID,
	TIMER_ABSTIME, struct___kernel_timespec, struct_timeval } from "#uapi/linux/time.ts";
import { EFAULT, EINTR, EINVAL, EOPNOTSUPP, ERESTARTNOHAND, ERESTARTWAIT } from "#linux/errno.ts";
import { TICK_NSEC, NSEC_PER_SEC } from "#linux/time.const.ts";
import { ktime_get_real_ts64, ktime_mono_to_real } from "#linux/timekeeping/timekeeping.ts";
import { ns_to_timespec64, type struct_timespec64 } from "#linux/time.ts";
import { TASK_INTERRUPTIBLE, current } from "#linux/sched_types.ts";
import { restart_deadline, wait_event_restart_until } from "#linux/sched/core.ts";
import { for_each_thread } from "#linux/sched/task_list.ts";

function clock_ts(which_clock: number): struct_timespec64 | null {
	switch (which_clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return ktime_get_real_ts64();
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		return ns_to_timespec64(clock_read());
	case CLOCK_THREAD_CPUTIME_ID:
		return ns_to_timespec64(current.utime + current.stime);
	case CLOCK_PROCESS_CPUTIME_ID: {
		let ns = current.signal.utime + current.signal.stime;
		for (const t of for_each_thread(current))
			ns += t.utime + t.stime;
		return ns_to_timespec64(ns);
	}
	default:
		return null;
	}
}

function put_timespec64(to: number, ts: struct_timespec64): number {
	const u = struct___kernel_timespec.alloc();
	u.tv_sec = BigInt(ts.tv_sec);
	u.tv_nsec = BigInt(ts.tv_nsec);
	return copy_to_user(to, u.bytes, u.bytes.length) !== 0 ? -EFAULT : 0;
}

export const sys_clock_gettime = SYSCALL_DEFINE("clock_gettime", ["int", "ptr"], (which, tp) => {
	const ts = clock_ts(which);
	return ts === null ? -EINVAL : put_timespec64(tp, ts);
});

export const sys_clock_getres = SYSCALL_DEFINE("clock_getres", ["int", "ptr"], (which, tp) => {
	if (clock_ts(which) === null)
		return -EINVAL;
	const coarse = which === CLOCK_REALTIME_COARSE || which === CLOCK_MONOTONIC_COARSE;
	return tp === 0 ? 0 : put_timespec64(tp, { tv_sec: 0, tv_nsec: coarse ? TICK_NSEC : 1 });
});

export const sys_gettimeofday = SYSCALL_DEFINE("gettimeofday", ["ptr", "ptr"], (tv, _tz) => {
	if (tv === 0)
		return 0;
	const ts = ktime_get_real_ts64();
	const u = struct_timeval.alloc();
	u.tv_sec = BigInt(ts.tv_sec);
	u.tv_usec = BigInt(Math.floor(ts.tv_nsec / 1000));
	return copy_to_user(tv, u.bytes, u.bytes.length) !== 0 ? -EFAULT : 0;
});

export const sys_time = SYSCALL_DEFINE("time", ["ptr"], (tloc) => {
	const i = ktime_get_real_ts64().tv_sec;
	if (tloc !== 0 && put_user(__s64, BigInt(i), tloc) !== 0)
		return -EFAULT;
	return i;
});

/*
 * kernel/time/hrtimer.c:hrtimer_nanosleep(), in the form that is issued again. @end in virtual
 * time; an interrupted relative sleep says what was left.
 */
function nanosleep_until(end: number, absolute: boolean, rmtp: number): number {
	if (clock_read() >= end)
		return 0;
	const ret = wait_event_restart_until(null, TASK_INTERRUPTIBLE, end);
	if (ret === -ERESTARTWAIT)
		return ret;
	if (absolute)
		return -ERESTARTNOHAND;
	if (rmtp !== 0) {
		const err = put_timespec64(rmtp, ns_to_timespec64(Math.max(end - clock_read(), 0)));
		if (err !== 0)
			return err;
	}
	return -EINTR;
}

function get_timespec64(from: number): number {
	const u = struct___kernel_timespec.alloc();

	if (copy_from_user(u.bytes, from, u.bytes.length) !== 0)
		return -EFAULT;
	if (u.tv_sec < 0n || u.tv_nsec < 0n || u.tv_nsec >= 1000000000n)
		return -EINVAL;
	return Number(u.tv_sec) * NSEC_PER_SEC + Number(u.tv_nsec);
}

export const sys_nanosleep = SYSCALL_DEFINE("nanosleep", ["ptr", "ptr"], (rqtp, rmtp) => {
	const ns = get_timespec64(rqtp);
	return ns < 0 ? ns : nanosleep_until(restart_deadline(ns), false, rmtp);
});

export const sys_clock_nanosleep = SYSCALL_DEFINE("clock_nanosleep", ["int", "int", "ptr", "ptr"],
	(which_clock, flags, rqtp, rmtp) => {
		if (which_clock !== CLOCK_REALTIME && which_clock !== CLOCK_MONOTONIC &&
		    which_clock !== CLOCK_BOOTTIME)
			return clock_ts(which_clock) === null ? -EINVAL : -EOPNOTSUPP;
		const ns = get_timespec64(rqtp);
		if (ns < 0)
			return ns;
		if ((flags & TIMER_ABSTIME) === 0)
			return nanosleep_until(restart_deadline(ns), false, rmtp);
		const end = which_clock === CLOCK_REALTIME ? ns - ktime_mono_to_real(0) : ns;
		return nanosleep_until(end, true, 0);
	});
