// SPDX-License-Identifier: GPL-2.0
/*
 * alarm() and the real interval timer.
 *
 * Upstream: kernel/time/itimer.c. Left out: the timers of CPU time.
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { copy_from_user, copy_to_user } from "#linux/uaccess.ts";
import { SIGALRM } from "#uapi/asm-generic/signal.ts";
import { ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, struct_itimerval } from "#uapi/linux/time.ts";
import { EFAULT, EINVAL } from "#linux/errno.ts";
import { HRTIMER_NORESTART, type hrtimer_restart, type struct_hrtimer } from
	"#linux/hrtimer_types.ts";
import { HRTIMER_MODE_REL, hrtimer_active, hrtimer_cancel, hrtimer_forward_now,
	hrtimer_get_remaining, hrtimer_start, HRTIMER_RESTART } from "#linux/hrtimer.ts";
import { NSEC_PER_SEC, NSEC_PER_USEC } from "#linux/time.const.ts";
import { PIDTYPE_TGID, current } from "#linux/sched_types.ts";
import { pid_task } from "#linux/pid/pid.ts";
import { SEND_SIG_PRIV, kill_pid_info } from "#linux/signal/signal.ts";
import type { struct_signal_struct } from "#linux/signal_types.ts";

/** kernel/time/itimer.c:it_real_fn(); the interval starts again at once. */
export function it_real_fn(timer: struct_hrtimer): hrtimer_restart {
	const sig = timer.owner as struct_signal_struct;
	const leader_pid = sig.pids[PIDTYPE_TGID] ?? null;

	if (pid_task(leader_pid, PIDTYPE_TGID) !== null)
		kill_pid_info(SIGALRM, SEND_SIG_PRIV, leader_pid);
	if (sig.it_real_incr !== 0) {
		hrtimer_forward_now(timer, sig.it_real_incr);
		return HRTIMER_RESTART;
	}
	return HRTIMER_NORESTART;
}

function itimer_get_remtime(timer: struct_hrtimer): number {
	if (!hrtimer_active(timer))
		return 0;
	return Math.max(hrtimer_get_remaining(timer), NSEC_PER_USEC);
}

/* both in ns; the old value */
function set_real(value: number, interval: number): { value: number; interval: number } {
	const sig = current.signal;
	const old = { value: itimer_get_remtime(sig.real_timer), interval: sig.it_real_incr };

	hrtimer_cancel(sig.real_timer);
	if (value !== 0) {
		sig.it_real_incr = interval;
		hrtimer_start(sig.real_timer, value, HRTIMER_MODE_REL);
	} else {
		sig.it_real_incr = 0;
	}
	return old;
}

/** Seconds that were left; rounded up if more than half, and never to 0. */
export const sys_alarm = SYSCALL_DEFINE("alarm", ["uint"], (seconds) => {
	const old = set_real(Math.min(seconds, 0x7fffffff) * NSEC_PER_SEC, 0).value;
	const sec = Math.floor(old / NSEC_PER_SEC), rest = old - sec * NSEC_PER_SEC;

	return (sec === 0 && rest !== 0) || rest >= NSEC_PER_SEC / 2 ? sec + 1 : sec;
});

type timeval = { tv_sec: bigint; tv_usec: bigint };

function to_ns(tv: timeval): number {
	return Number(tv.tv_sec) * NSEC_PER_SEC + Number(tv.tv_usec) * NSEC_PER_USEC;
}

function from_ns(tv: timeval, ns: number): void {
	tv.tv_sec = BigInt(Math.floor(ns / NSEC_PER_SEC));
	tv.tv_usec = BigInt(Math.floor(ns % NSEC_PER_SEC / NSEC_PER_USEC));
}

function timeval_valid(tv: timeval): boolean {
	return tv.tv_sec >= 0n && tv.tv_usec >= 0n && tv.tv_usec < 1000000n;
}

function put_itimerval(to: number, value: number, interval: number): number {
	const u = struct_itimerval.alloc();
	from_ns(u.it_value, value);
	from_ns(u.it_interval, interval);
	return copy_to_user(to, u.bytes, u.bytes.length) !== 0 ? -EFAULT : 0;
}

export const sys_getitimer = SYSCALL_DEFINE("getitimer", ["int", "ptr"], (which, value) => {
	const sig = current.signal;

	if (which === ITIMER_VIRTUAL || which === ITIMER_PROF)
		return put_itimerval(value, 0, 0);
	if (which !== ITIMER_REAL)
		return -EINVAL;
	return put_itimerval(value, itimer_get_remtime(sig.real_timer), sig.it_real_incr);
});

export const sys_setitimer = SYSCALL_DEFINE("setitimer", ["int", "ptr", "ptr"],
	(which, value, ovalue) => {
		const u = struct_itimerval.alloc();

		if (value !== 0) {
			if (copy_from_user(u.bytes, value, u.bytes.length) !== 0)
				return -EFAULT;
			if (!timeval_valid(u.it_value) || !timeval_valid(u.it_interval))
				return -EINVAL;
		}
		if (which !== ITIMER_REAL)
			return -EINVAL;
		const old = set_real(to_ns(u.it_value), to_ns(u.it_interval));
		return ovalue !== 0 ? put_itimerval(ovalue, old.value, old.interval) : 0;
	});
