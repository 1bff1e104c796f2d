// SPDX-License-Identifier: GPL-2.0
/*
 * Walking over the tasks.
 *
 * Upstream: include/linux/sched/signal.h (iterators), find_task_by_vpid() of kernel/pid.c. Safe
 * against tasks that leave meanwhile.
 */
import { container_of } from "#asm-generic/owner.ts";
import { find_vpid, pid_task } from "#linux/pid/pid.ts";
import { PIDTYPE_PID, init_task, struct_task_struct } from "#linux/sched_types.ts";

/** Thread group leaders, the idle task not among them. */
export function for_each_process(): struct_task_struct[] {
	const out: struct_task_struct[] = [];
	for (let n = init_task.tasks.next; n !== init_task.tasks; n = n.next)
		out.push(container_of(n, struct_task_struct, "tasks"));
	return out;
}

/** The threads of @p's group, the leader first. */
export function for_each_thread(p: struct_task_struct): struct_task_struct[] {
	const out: struct_task_struct[] = [];
	const head = p.signal.thread_head;
	for (let n = head.next; n !== head; n = n.next)
		out.push(container_of(n, struct_task_struct, "thread_node"));
	return out;
}

export function for_each_process_thread(): struct_task_struct[] {
	return for_each_process().flatMap((p) => for_each_thread(p));
}

export function find_task_by_vpid(nr: number): struct_task_struct | null {
	return pid_task(find_vpid(nr), PIDTYPE_PID);
}

export const find_task_by_pid_ns = find_task_by_vpid;
