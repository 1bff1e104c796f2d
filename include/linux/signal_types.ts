// SPDX-License-Identifier: GPL-2.0
/*
 * Signal sets, pending queues and actions: the types.
 *
 * Upstream: include/linux/signal_types.h, include/linux/sched/signal.h (struct sighand_struct and
 * signal_struct). A sigset_t is 64 bits in two halves: signal n is bit n - 1.
 */
import { array_of } from "#asm-generic/array.ts";
import { struct_callback_head } from "#linux/rcupdate_types.ts";
import { struct_list_head } from "#linux/list.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import { struct_mutex, struct_rw_semaphore } from "#linux/mutex_types.ts";
import { wait_queue_head_t } from "#linux/wait_types.ts";
import { struct_hrtimer } from "#linux/hrtimer_types.ts";
import type { struct_mm_struct } from "#linux/mm_types.ts";
import type { struct_pid, struct_task_struct } from "#linux/sched_types.ts";

export const _NSIG		= 64;
export const RLIM_NLIMITS	= 16;

export class sigset_t {
	/** signals 1 to 32 */
	lo = 0;
	/** signals 33 to 64 */
	hi = 0;
}

/** What si_code and the union of siginfo carry for the signals of the port. */
export class kernel_siginfo_t {
	si_signo = 0;
	si_errno = 0;
	si_code = 0;
	/* kill, rt, child */
	si_pid = 0;
	si_uid = 0;
	/* child */
	si_status = 0;
	/* rt: sigqueue's value, timers' */
	si_value = 0n;
	si_tid = 0;
	/* fault */
	si_addr = 0;
	si_addr_lsb = 0;
	si_trapno = 0;
}

export const struct_kernel_siginfo = kernel_siginfo_t;
export type struct_kernel_siginfo = kernel_siginfo_t;

export class struct_sigqueue {
	list = new struct_list_head(this);
	flags = 0;
	info = new kernel_siginfo_t();
}

export class struct_sigpending {
	list = new struct_list_head(null);
	signal = new sigset_t();
}

/** sa_handler: a user address, SIG_DFL or SIG_IGN. */
export class struct_sigaction {
	sa_handler = 0;
	sa_flags = 0;
	sa_restorer = 0;
	sa_mask = new sigset_t();
}

export class struct_k_sigaction {
	sa = new struct_sigaction();
}

export class struct_ksignal {
	ka = new struct_k_sigaction();
	info = new kernel_siginfo_t();
	sig = 0;
}

export class struct_sighand_struct {
	siglock = new spinlock_t();
	count = 0;
	action: struct_k_sigaction[] = array_of(_NSIG, () => new struct_k_sigaction());
}

export class struct_rlimit {
	/** C: unsigned long; RLIM_INFINITY is all ones */
	rlim_cur = 0n;
	rlim_max = 0n;
}

/* What the threads of a process share. Protected by sighand->siglock unless said otherwise. */
export class struct_signal_struct {
	sigcnt = 0;
	live = 0;
	nr_threads = 0;
	thread_head = new struct_list_head(null);

	wait_chldexit = new wait_queue_head_t();
	curr_target: struct_task_struct | null = null;
	shared_pending = new struct_sigpending();

	group_exit_code = 0;
	group_exec_task: struct_task_struct | null = null;
	notify_count = 0;
	group_stop_count = 0;
	flags = 0;
	is_child_subreaper = 0;

	/* ITIMER_REAL */
	real_timer = new struct_hrtimer(this);
	it_real_incr = 0;

	pids: (struct_pid | null)[] = [null, null, null, null];
	leader = 0;

	utime = 0;
	stime = 0;
	cutime = 0;
	cstime = 0;
	nvcsw = 0;
	nivcsw = 0;
	min_flt = 0;
	maj_flt = 0;
	cmin_flt = 0;
	cmaj_flt = 0;
	maxrss = 0;
	cmaxrss = 0;

	rlim: struct_rlimit[] = array_of(RLIM_NLIMITS, () => new struct_rlimit());

	oom_flag_origin = false;
	oom_score_adj = 0;
	oom_score_adj_min = 0;
	oom_mm: struct_mm_struct | null = null;

	cred_guard_mutex = new struct_mutex();
	exec_update_lock = new struct_rw_semaphore();
	rcu = new struct_callback_head(this);
}
