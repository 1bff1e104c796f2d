// SPDX-License-Identifier: GPL-2.0
/*
 * Wait queues.
 *
 * Upstream: include/linux/wait.h.
 *
 * Two ways to wait:
 *
 * A system call that waits for other programs must have had no effect yet, and does
 *
 *	if (!condition)
 *		return wait_event_restart(wq_head, TASK_INTERRUPTIBLE);
 *
 * which queues the task and answers -ERESTARTWAIT (or -ERESTARTSYS when a signal is pending).
 * nolibc yields, and issues the call again when the task was woken; the condition is looked at
 * anew. With a timeout,
 *
 *	const end = restart_deadline(ns);
 *	if (!condition) {
 *		if (ktime_get() >= end)
 *			return -ETIMEDOUT;
 *		return wait_event_restart_until(wq_head, TASK_INTERRUPTIBLE, end);
 *	}
 *
 * Kernel code that waits for the kernel's own work (workers, timers, RCU callbacks) calls
 * wait_event(wq_head, () => condition), which runs that work on the spot; see schedule().
 */
export * from "#linux/wait_types.ts";
export { TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_NORMAL, TASK_UNINTERRUPTIBLE } from
	"#linux/sched_types.ts";
export { __add_wait_queue, __add_wait_queue_entry_tail, __add_wait_queue_exclusive,
	__init_waitqueue_head, __remove_wait_queue, __wake_up, __wake_up_locked,
	__wake_up_locked_key, __wake_up_sync, __wake_up_sync_key, add_wait_queue,
	add_wait_queue_exclusive, add_wait_queue_priority, autoremove_wake_function, finish_wait,
	init_wait, init_wait_entry, init_waitqueue_entry, init_waitqueue_func_entry,
	init_waitqueue_head, prepare_to_wait, prepare_to_wait_event, prepare_to_wait_exclusive,
	remove_wait_queue, wait_event, wait_event_interruptible, wait_event_killable,
	wait_event_timeout, waitqueue_active, wake_up, wake_up_all, wake_up_all_locked,
	wake_up_interruptible, wake_up_interruptible_all, wake_up_interruptible_poll,
	wake_up_interruptible_sync_poll, wake_up_locked, wake_up_nr, wake_up_poll, wq_has_sleeper,
	DEFINE_WAIT, DECLARE_WAITQUEUE, woken_wake_function } from "#linux/wait/wait.ts";
export { restart_deadline, wait_event_restart, wait_event_restart_until, default_wake_function }
	from "#linux/sched/core.ts";
