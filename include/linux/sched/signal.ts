// SPDX-License-Identifier: GPL-2.0
/*
 * Signals of tasks.
 *
 * Upstream: include/linux/sched/signal.h.
 */
import { _TIF_NOTIFY_SIGNAL, _TIF_SIGPENDING } from "#linux/sched.const.ts";
import { spin_unlock_irqrestore } from "#linux/spinlock.ts";
import { sigismember } from "#linux/signal.ts";
import { TASK_INTERRUPTIBLE, TASK_WAKEKILL, current, type struct_task_struct } from
	"#linux/sched_types.ts";
import { signal_wake_up_state } from "#linux/signal/signal.ts";
import { RLIM_NLIMITS, type struct_signal_struct } from "#linux/signal_types.ts";
import { unsigned_long } from "#asm-generic/types.ts";

export { struct_sighand_struct, struct_signal_struct, struct_sigpending, struct_ksignal,
	kernel_siginfo_t, sigset_t } from "#linux/signal_types.ts";
export { dequeue_signal, flush_signals, force_fatal_sig, force_sig, force_sig_fault,
	force_sig_mceerr, force_sigsegv, get_signal, group_send_sig_info, kill_pid,
	lock_task_sighand, recalc_sigpending, restore_saved_sigmask, restore_saved_sigmask_unless,
	send_sig, send_sig_fault, send_sig_info, send_sig_mceerr, set_current_blocked,
	set_user_sigmask, signal_setup_done, sigprocmask, zap_other_threads, SEND_SIG_NOINFO,
	SEND_SIG_PRIV } from "#linux/signal/signal.ts";
export { for_each_process, for_each_process_thread, for_each_thread } from
	"#linux/sched/task_list.ts";

export const SIGNAL_STOP_STOPPED	= 0x00000001;
export const SIGNAL_STOP_CONTINUED	= 0x00000002;
export const SIGNAL_GROUP_EXIT		= 0x00000004;
export const SIGNAL_UNKILLABLE		= 0x00000040;

export function task_sigpending(p: struct_task_struct): boolean {
	return (p.thread_info_flags & _TIF_SIGPENDING) !== 0;
}

export function signal_pending(p: struct_task_struct): boolean {
	return (p.thread_info_flags & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)) !== 0;
}

export function __fatal_signal_pending(p: struct_task_struct): boolean {
	return sigismember(p.pending.signal, 9);
}

export function fatal_signal_pending(p: struct_task_struct): boolean {
	return (p.thread_info_flags & _TIF_SIGPENDING) !== 0 && __fatal_signal_pending(p);
}

export function signal_pending_state(state: number, p: struct_task_struct): boolean {
	if ((state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) === 0)
		return false;
	if (!signal_pending(p))
		return false;
	return (state & TASK_INTERRUPTIBLE) !== 0 || __fatal_signal_pending(p);
}

/** kernel/signal.c:unhandled_signal(): nobody will see the signal coming. */
export function unhandled_signal(tsk: struct_task_struct, sig: number): boolean {
	const handler = tsk.sighand!.action[sig - 1]!.sa.sa_handler;

	if (tsk.tgid === 1)
		return true;
	/* SIG_DFL is 0, SIG_IGN 1 */
	if (handler !== 0 && handler !== 1)
		return false;
	if (fatal_signal_pending(tsk))
		return false;
	return tsk.ptrace === 0;
}

/** Whether a fault loop should give up for a signal; include/linux/sched/signal.h. */
export function fault_signal_pending(fault_flags: number, user: boolean): boolean {
	const VM_FAULT_RETRY = 0x000400;
	return (fault_flags & VM_FAULT_RETRY) !== 0 &&
		(fatal_signal_pending(current) || (user && signal_pending(current)));
}

export function signal_group_exit(sig: struct_signal_struct): boolean {
	return (sig.flags & SIGNAL_GROUP_EXIT) !== 0 || sig.group_exec_task !== null;
}

export function unlock_task_sighand(task: struct_task_struct, flags: number): void {
	spin_unlock_irqrestore(task.sighand!.siglock, flags);
}

export function signal_wake_up(t: struct_task_struct, fatal: boolean): void {
	signal_wake_up_state(t, fatal ? TASK_WAKEKILL : 0);
}

export function thread_group_empty(p: struct_task_struct): boolean {
	return p.thread_group.next === p.thread_group;
}

export function next_thread(p: struct_task_struct): struct_task_struct {
	return p.thread_group.next.owner as struct_task_struct;
}

export function get_nr_threads(task: struct_task_struct): number {
	return task.signal.nr_threads;
}

export function delay_group_leader(p: struct_task_struct): boolean {
	return p.exit_signal >= 0 && !thread_group_empty(p);
}

/** A limit as a number of what it counts; "unlimited" is 2^64 - 1. */
export function task_rlimit(task: struct_task_struct, limit: number): unsigned_long {
	return unsigned_long(task.signal.rlim[limit]!.rlim_cur);
}

export function task_rlimit_max(task: struct_task_struct, limit: number): unsigned_long {
	return unsigned_long(task.signal.rlim[limit]!.rlim_max);
}

export function rlimit(limit: number): unsigned_long {
	return task_rlimit(current, limit);
}

export function rlimit_max(limit: number): unsigned_long {
	return task_rlimit_max(current, limit);
}

/* ---- saved masks ---------------------------------------------------------------------------- */

export function set_restore_sigmask(): void {
	current.restore_sigmask = 1;
}

export function clear_restore_sigmask(): void {
	current.restore_sigmask = 0;
}

export function test_restore_sigmask(): boolean {
	return current.restore_sigmask !== 0;
}

export function test_and_clear_restore_sigmask(): boolean {
	const was = current.restore_sigmask !== 0;
	current.restore_sigmask = 0;
	return was;
}

export { RLIM_NLIMITS };
