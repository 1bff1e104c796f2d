// SPDX-License-Identifier: GPL-2.0
/*
 * Life and lock of tasks.
 *
 * Upstream: include/linux/sched/task.h.
 */
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { __put_task_struct } from "#linux/sched/fork.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";

export { __put_task_struct, finish_task_dead, fork_init, kernel_clone, kernel_thread, nr_threads,
	proc_caches_init, put_task_struct_rcu_user, struct_kernel_clone_args, tasklist_lock,
	user_mode_thread } from "#linux/sched/fork.ts";
export { do_exit, do_group_exit, do_task_dead, kernel_wait4, make_task_dead,
	release_task } from "#linux/sched/exit.ts";
export { init_task } from "#linux/sched_types.ts";

export function get_task_struct(t: struct_task_struct): struct_task_struct {
	t.usage++;
	return t;
}

export function put_task_struct(t: struct_task_struct): void {
	if (--t.usage === 0)
		__put_task_struct(t);
}

export function task_lock(p: struct_task_struct): void {
	spin_lock(p.alloc_lock);
}

export function task_unlock(p: struct_task_struct): void {
	spin_unlock(p.alloc_lock);
}
