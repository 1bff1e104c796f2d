// SPDX-License-Identifier: GPL-2.0
/*
 * Work that a task does before it returns to user mode.
 *
 * Upstream: include/linux/task_work.h.
 */
import type { rcu_callback_t, struct_callback_head } from "#linux/rcupdate_types.ts";
import { task_work_run_exit } from "#linux/task_work/task_work.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";

export { task_work_add, task_work_cancel, task_work_cancel_match, task_work_run } from
	"#linux/task_work/task_work.ts";

export const TWA_NONE			= 0;
export const TWA_RESUME			= 1;
export const TWA_SIGNAL			= 2;
export const TWA_SIGNAL_NO_IPI		= 3;

export function init_task_work(twork: struct_callback_head, func: rcu_callback_t): void {
	twork.func = func;
}

export function task_work_pending(task: struct_task_struct): boolean {
	return task.task_works !== null;
}

export function exit_task_work(_task: struct_task_struct): void {
	task_work_run_exit();
}


