// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks and the scheduler: what other parts of the kernel use of them.
 *
 * Upstream: include/linux/sched.h; might_sleep() of include/linux/kernel.h.
 */
import { CONFIG_DEBUG_ATOMIC_SLEEP } from "#generated/autoconf.ts";
import { HOT_IRQS, HOT_NON_BLOCK, HOT_PREEMPT, HOT_RCU_NESTING, pcpu_hot } from "#asm/current.ts";
import { _TIF_NEED_RESCHED, _TIF_NOTIFY_SIGNAL, _TIF_SIGPENDING, TIF_NEED_RESCHED } from
	"#linux/sched.const.ts";
import { EXIT_ZOMBIE, TASK_RUNNING, current,
	type struct_task_struct } from "#linux/sched_types.ts";
import { __might_resched, __cond_resched } from "#linux/sched/core.ts";


export * from "#linux/sched_types.ts";
export * from "#linux/sched.const.ts";
export { __cond_resched_lock, __cond_resched_rwlock_read, __cond_resched_rwlock_write,
	__might_resched, __might_sleep, context_switch, finish_restart_wait, clear_restart_wait,
	guest_slice, idle_cpu, idle_task, io_schedule, io_schedule_timeout, kick_process,
	nr_running,
	restart_deadline, restart_wait_on_lock, runnable_tasks, sched_alone, sched_init,
	sched_set_seed,
	schedule, schedule_loop, set_cpus_allowed_ptr, set_task_comm, set_user_nice, show_state,
	task_curr, try_to_wake_up, wake_up_new_task, wake_up_process, wake_up_state, yield_,
	default_wake_function, cpu_curr, run_nested, sched_progress, sched_fork,
	wait_event_restart, wait_event_restart_until, sched_slices, sched_set_running } from
	"#linux/sched/core.ts";
export { schedule_timeout, schedule_timeout_idle, schedule_timeout_interruptible,
	schedule_timeout_killable, schedule_timeout_uninterruptible, schedule_hrtimeout } from
	"#linux/timer/timer.ts";
export { do_exit, do_group_exit, task_exited, make_task_dead } from "#linux/sched/exit.ts";
export { for_each_process, for_each_process_thread, for_each_thread, find_task_by_vpid,
	find_task_by_pid_ns } from "#linux/sched/task_list.ts";
export { signal_pending, signal_pending_state, fatal_signal_pending, __fatal_signal_pending,
	task_sigpending, rlimit, rlimit_max, task_rlimit } from "#linux/sched/signal.ts";
export { get_task_struct, put_task_struct, task_lock, task_unlock } from "#linux/sched/task.ts";

/* C: current->__state == TASK_RUNNING */
export function task_is_running(task: struct_task_struct): boolean {
	return task.__state === TASK_RUNNING;
}

export function get_current_state(): number {
	return current.__state;
}

export function set_current_state(state_value: number): void {
	current.__state = state_value;
}

export function __set_current_state(state_value: number): void {
	current.__state = state_value;
}

export function set_special_state(state_value: number): void {
	current.__state = state_value;
}

/* ---- thread flags --------------------------------------------------------------------------- */

export function set_tsk_thread_flag(tsk: struct_task_struct, flag: number): void {
	tsk.thread_info_flags |= 1 << flag;
}

export function clear_tsk_thread_flag(tsk: struct_task_struct, flag: number): void {
	tsk.thread_info_flags &= ~(1 << flag);
}

export function test_tsk_thread_flag(tsk: struct_task_struct, flag: number): boolean {
	return (tsk.thread_info_flags & (1 << flag)) !== 0;
}

export function test_and_set_tsk_thread_flag(tsk: struct_task_struct, flag: number): boolean {
	const was = (tsk.thread_info_flags & (1 << flag)) !== 0;
	tsk.thread_info_flags |= 1 << flag;
	return was;
}

export function set_thread_flag(flag: number): void {
	current.thread_info_flags |= 1 << flag;
}

export function clear_thread_flag(flag: number): void {
	current.thread_info_flags &= ~(1 << flag);
}

export function test_thread_flag(flag: number): boolean {
	return (current.thread_info_flags & (1 << flag)) !== 0;
}

export function read_thread_flags(): number {
	return current.thread_info_flags;
}

export function set_tsk_need_resched(tsk: struct_task_struct): void {
	tsk.thread_info_flags |= 1 << TIF_NEED_RESCHED;
}

export function clear_tsk_need_resched(tsk: struct_task_struct): void {
	tsk.thread_info_flags &= ~(1 << TIF_NEED_RESCHED);
}

export function test_tsk_need_resched(tsk: struct_task_struct): boolean {
	return (tsk.thread_info_flags & _TIF_NEED_RESCHED) !== 0;
}

export function need_resched(): boolean {
	return (current.thread_info_flags & _TIF_NEED_RESCHED) !== 0;
}

/** kernel/entry/kvm.c: is there work before the guest may be entered? */
export function xfer_to_guest_mode_work_pending(): boolean {
	return (current.thread_info_flags &
		(_TIF_NEED_RESCHED | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | (1 << 1))) !== 0;
}

/* ---- points where upstream may sleep or yield ----------------------------------------------- */

export function might_sleep(): void {
	const hot = pcpu_hot;

	if (CONFIG_DEBUG_ATOMIC_SLEEP && (hot[HOT_PREEMPT]! | hot[HOT_IRQS]! |
	    hot[HOT_RCU_NESTING]! | hot[HOT_NON_BLOCK]!) !== 0)
		__might_resched();
}

export function might_sleep_if(cond: boolean): void {
	if (cond)
		might_sleep();
}

export function cant_sleep(): void {}
export function might_resched(): void {}

export function non_block_start(): void {
	pcpu_hot[HOT_NON_BLOCK]!++;
}

export function non_block_end(): void {
	pcpu_hot[HOT_NON_BLOCK]!--;
}

/** C: 1 if it rescheduled. Kernel code is atomic here: only the check remains, and the flag. */
export function cond_resched(): number {
	might_sleep();
	return (current.thread_info_flags & _TIF_NEED_RESCHED) !== 0 ? __cond_resched() : 0;
}

export function cond_resched_rcu(): void {}

export { __cond_resched_lock as cond_resched_lock,
	__cond_resched_rwlock_read as cond_resched_rwlock_read,
	__cond_resched_rwlock_write as cond_resched_rwlock_write } from "#linux/sched/core.ts";



/* ---- identity ------------------------------------------------------------------------------- */

export function task_pid_nr(tsk: struct_task_struct): number {
	return tsk.pid;
}

export function task_pid_vnr(tsk: struct_task_struct): number {
	return tsk.pid;
}

export function task_tgid_nr(tsk: struct_task_struct): number {
	return tsk.tgid;
}

export function task_tgid_vnr(tsk: struct_task_struct): number {
	return tsk.tgid;
}

export function task_ppid_nr(tsk: struct_task_struct): number {
	return tsk.real_parent?.tgid ?? 0;
}

export function is_global_init(tsk: struct_task_struct): boolean {
	return tsk.tgid === 1;
}

export function is_idle_task(p: struct_task_struct): boolean {
	return (p.flags & 0x00000002) !== 0;
}

export function same_thread_group(p1: struct_task_struct, p2: struct_task_struct): boolean {
	return p1.signal === p2.signal;
}

export function thread_group_leader(p: struct_task_struct): boolean {
	return p.exit_signal >= 0;
}

export function task_cpu(p: struct_task_struct): number {
	return p.cpu;
}

export function get_task_comm(tsk: struct_task_struct): string {
	return tsk.comm;
}

export function task_is_dead(p: struct_task_struct): boolean {
	return (p.exit_state & EXIT_ZOMBIE) !== 0;
}


