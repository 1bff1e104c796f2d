// SPDX-License-Identifier: GPL-2.0
/*
 * timer_list, and sleeping for a time.
 *
 * Upstream: kernel/time/timer.c, sleep functions of kernel/time/sleep_timeout.c and hrtimer.c. A
 * sleep inside the kernel with nothing else to wait for advances the clock.
 */
import { clock_advance, clock_read } from "#asm/timex.ts";
import { struct_hrtimer, type struct_timer_list, type ktime_t } from "#linux/hrtimer_types.ts";
import { HRTIMER_MODE_ABS, hrtimer_cancel, hrtimer_init, hrtimer_start } from "#linux/hrtimer.ts";
import { jiffies } from "#linux/jiffies.ts";
import { TICK_NSEC } from "#linux/time.const.ts";
import { hrtimer_run_queues, timerqueue_add, timerqueue_del } from "#linux/timer/hrtimer.ts";
import { TASK_IDLE, TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_NORMAL, TASK_RUNNING,
	TASK_UNINTERRUPTIBLE, current } from "#linux/sched_types.ts";
import { might_sleep, schedule, try_to_wake_up } from "#linux/sched.ts";

export function timer_setup(timer: struct_timer_list, func: (timer: struct_timer_list) => void,
	flags: number): void {
	timer.function_ = func;
	timer.flags = flags;
}

export function timer_pending(timer: struct_timer_list): boolean {
	return timer.node.at >= 0;
}

/** kernel/time/timer.c:mod_timer(); C: 1 if it was pending. @expires in jiffies. */
export function mod_timer(timer: struct_timer_list, expires: number): boolean {
	const pending = timer.node.at >= 0;

	if (pending)
		timerqueue_del(timer.node);
	timer.expires = expires;
	timerqueue_add(timer.node, expires * TICK_NSEC);
	return pending;
}

export function add_timer(timer: struct_timer_list): void {
	mod_timer(timer, timer.expires);
}

/** C: 1 if it was pending. */
export function del_timer(timer: struct_timer_list): boolean {
	if (timer.node.at < 0)
		return false;
	timerqueue_del(timer.node);
	return true;
}

export const del_timer_sync = del_timer;

export function try_to_del_timer_sync(timer: struct_timer_list): number {
	return timer.running ? -1 : del_timer(timer) ? 1 : 0;
}

/* ---- sleeping in the kernel ----------------------------------------------------------------- */

/* until @expires (ns), woken, or a signal that the state allows */
function schedule_until(expires: ktime_t): void {
	const t = current;
	const timer = new struct_hrtimer(null);

	hrtimer_init(timer, 1, HRTIMER_MODE_ABS);
	timer.function_ = () => {
		try_to_wake_up(t, TASK_NORMAL, 0);
		return 0;
	};
	hrtimer_start(timer, expires, HRTIMER_MODE_ABS);
	schedule();
	hrtimer_cancel(timer);
}

/** kernel/time/timer.c:schedule_timeout(); @timeout in jiffies, what is left of it. */
export function schedule_timeout(timeout: number): number {
	const expire = timeout + jiffies();

	if (timeout === Infinity) {
		schedule();
		return timeout;
	}
	if (current.__state === TASK_RUNNING)
		sleep_ns(timeout * TICK_NSEC);
	else
		schedule_until(clock_read() + timeout * TICK_NSEC);
	return Math.max(expire - jiffies(), 0);
}

function schedule_timeout_state(timeout: number, state: number): number {
	current.__state = state;
	return schedule_timeout(timeout);
}

export function schedule_timeout_interruptible(timeout: number): number {
	return schedule_timeout_state(timeout, TASK_INTERRUPTIBLE);
}

export function schedule_timeout_killable(timeout: number): number {
	return schedule_timeout_state(timeout, TASK_KILLABLE);
}

export function schedule_timeout_uninterruptible(timeout: number): number {
	return schedule_timeout_state(timeout, TASK_UNINTERRUPTIBLE);
}

export function schedule_timeout_idle(timeout: number): number {
	return schedule_timeout_state(timeout, TASK_IDLE);
}

/** kernel/time/hrtimer.c:schedule_hrtimeout(); @expires ns from now. 0 when it ran out. */
export function schedule_hrtimeout(expires: ktime_t): number {
	if (expires === Infinity) {
		schedule();
		return -4;
	}
	const end = clock_read() + expires;
	schedule_until(end);
	return clock_read() >= end ? 0 : -4;
}

function sleep_ns(ns: number): void {
	const end = clock_read() + ns;
	might_sleep();
	clock_advance(ns);
	hrtimer_run_queues(end);
}

/** kernel/time/timer.c:msleep() */
export function msleep(msecs: number): void {
	sleep_ns(msecs * 1e6);
}

export function usleep_range(min: number, _max: number): void {
	sleep_ns(min * 1000);
}

export function fsleep(usecs: number): void {
	sleep_ns(usecs * 1000);
}

/** Busy: no timer runs meanwhile. */
export function udelay(usecs: number): void {
	clock_advance(usecs * 1000);
}
