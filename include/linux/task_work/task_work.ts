// SPDX-License-Identifier: GPL-2.0
/*
 * Work that a task does before it returns to user mode.
 *
 * Upstream: kernel/task_work.c. The list is LIFO when added and reversed when run, as upstream's.
 */
import { ESRCH } from "#linux/errno.ts";
import { PF_EXITING, TIF_NOTIFY_RESUME, TIF_NOTIFY_SIGNAL } from "#linux/sched.const.ts";
import { struct_callback_head } from "#linux/rcupdate_types.ts";
import { TASK_INTERRUPTIBLE, current, type struct_task_struct } from "#linux/sched_types.ts";
import { wake_up_state } from "#linux/sched.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore } from "#linux/spinlock.ts";

/* C: work_exited; no work may be added to a task that has it */
const work_exited = new struct_callback_head(null);

const TWA_NONE = 0, TWA_RESUME = 1;

/** kernel/task_work.c:task_work_add(): 0, or -ESRCH when the task runs no work any more. */
export function task_work_add(task: struct_task_struct, work: struct_callback_head,
	notify: number): number {
	if (task.task_works === work_exited)
		return -ESRCH;
	work.next = task.task_works;
	task.task_works = work;
	if (notify === TWA_NONE)
		return 0;
	if (notify === TWA_RESUME) {
		task.thread_info_flags |= 1 << TIF_NOTIFY_RESUME;
	} else {
		task.thread_info_flags |= 1 << TIF_NOTIFY_SIGNAL;
		wake_up_state(task, TASK_INTERRUPTIBLE);
	}
	return 0;
}

/** kernel/task_work.c:task_work_cancel_match() */
export function task_work_cancel_match(task: struct_task_struct,
	match: (work: struct_callback_head) => boolean): struct_callback_head | null {
	const flags = spin_lock_irqsave(task.pi_lock);
	let prev: struct_callback_head | null = null;
	let work = task.task_works;
	while (work !== null && work !== work_exited && !match(work)) {
		prev = work;
		work = work.next;
	}
	if (work === work_exited)
		work = null;
	if (work !== null) {
		if (prev === null)
			task.task_works = work.next;
		else
			prev.next = work.next;
	}
	spin_unlock_irqrestore(task.pi_lock, flags);
	return work;
}

export function task_work_cancel(task: struct_task_struct,
	func: (head: struct_callback_head) => void): struct_callback_head | null {
	return task_work_cancel_match(task, (work) => work.func === func);
}

/** kernel/task_work.c:task_work_run() */
export function task_work_run(): void {
	const task = current;

	for (;;) {
		let work = task.task_works;
		if (work === work_exited)
			return;
		task.task_works = null;
		if (work === null) {
			if ((task.flags & PF_EXITING) !== 0)
				task.task_works = work_exited;
			return;
		}
		/* first added, first run */
		let first: struct_callback_head | null = null;
		while (work !== null) {
			const next: struct_callback_head | null = work.next;
			work.next = first;
			first = work;
			work = next;
		}
		for (work = first; work !== null;) {
			const next: struct_callback_head | null = work.next;
			const func = work.func!;
			/* the head may serve call_rcu() next */
			work.next = work.func = null;
			func(work);
			work = next;
		}
	}
}

/** From exit_task_work(): the last run. */
export function task_work_run_exit(): void {
	task_work_run();
}
