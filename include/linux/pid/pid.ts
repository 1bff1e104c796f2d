// SPDX-License-Identifier: GPL-2.0
/*
 * Process numbers.
 *
 * Upstream: kernel/pid.c. One namespace; left out: pidfds. Numbers go up and start again at
 * RESERVED_PIDS after pid_max, as idr_alloc_cyclic() hands them out. pidmap_lock is upstream's.
 */
import { EAGAIN } from "#linux/errno.ts";
import { ERR_PTR, type err_ptr } from "#asm-generic/err.ts";
import { call_rcu } from "#linux/rcupdate.ts";
import type { struct_callback_head } from "#linux/rcupdate_types.ts";
import { container_of } from "#asm-generic/owner.ts";
import { DEFINE_SPINLOCK } from "#linux/spinlock_types.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore } from "#linux/spinlock.ts";
import { PIDTYPE_MAX, PIDTYPE_PGID, PIDTYPE_PID, PIDTYPE_SID, PIDTYPE_TGID, struct_pid,
	type struct_task_struct } from "#linux/sched_types.ts";
import { get_task_struct } from "#linux/sched/task.ts";
import { init_waitqueue_head } from "#linux/wait.ts";

const RESERVED_PIDS	= 300;
const pid_max		= 32768;

const pidmap_lock = DEFINE_SPINLOCK("pidmap_lock");
let pids = new Map<number, struct_pid>();
let last_pid = 0;

/** C: init_struct_pid, of the idle tasks. */
export let init_struct_pid: struct_pid | null = null;

export function pid_idr_init(): void {
	pids = new Map();
	/* 1 is init's */
	last_pid = 1;
	init_struct_pid = new struct_pid(0);
}

/** kernel/pid.c:alloc_pid(); @set_tid: the number wanted, 0 for any. */
export function alloc_pid(set_tid = 0): struct_pid | err_ptr {
	const flags = spin_lock_irqsave(pidmap_lock);
	let nr = set_tid !== 0 ? set_tid : last_pid + 1;
	let tries = 0;
	for (; tries < pid_max; tries++, nr++) {
		if (nr >= pid_max)
			nr = RESERVED_PIDS;
		if (!pids.has(nr))
			break;
	}
	if (tries === pid_max) {
		spin_unlock_irqrestore(pidmap_lock, flags);
		return ERR_PTR(-EAGAIN);
	}
	const pid = new struct_pid(nr);
	if (set_tid === 0)
		last_pid = nr;
	init_waitqueue_head(pid.wait_pidfd, "&pid->wait_pidfd");
	pids.set(nr, pid);
	spin_unlock_irqrestore(pidmap_lock, flags);
	return pid;
}

export function get_pid(pid: struct_pid | null): struct_pid | null {
	if (pid !== null)
		pid.count++;
	return pid;
}

export function put_pid(pid: struct_pid | null): void {
	if (pid !== null)
		pid.count--;
}

function delayed_put_pid(rhp: struct_callback_head): void {
	put_pid(container_of(rhp, struct_pid, "rcu"));
}

/** kernel/pid.c:free_pid() */
export function free_pid(pid: struct_pid): void {
	const flags = spin_lock_irqsave(pidmap_lock);
	pids.delete(pid.nr);
	spin_unlock_irqrestore(pidmap_lock, flags);
	call_rcu(pid.rcu, delayed_put_pid);
}

export function find_pid_ns(nr: number): struct_pid | null {
	return pids.get(nr) ?? null;
}

export const find_vpid = find_pid_ns;

export function find_get_pid(nr: number): struct_pid | null {
	return get_pid(find_vpid(nr));
}

/* C: task->thread_pid, or signal->pids[type] */
function task_pid_ptr(task: struct_task_struct, type: number): struct_pid | null {
	return type === PIDTYPE_PID ? task.thread_pid : task.signal.pids[type]!;
}

export function task_pid(task: struct_task_struct): struct_pid | null {
	return task.thread_pid;
}

export function task_tgid(task: struct_task_struct): struct_pid | null {
	return task.signal.pids[PIDTYPE_TGID]!;
}

export function task_pgrp(task: struct_task_struct): struct_pid | null {
	return task.signal.pids[PIDTYPE_PGID]!;
}

export function task_session(task: struct_task_struct): struct_pid | null {
	return task.signal.pids[PIDTYPE_SID]!;
}

/** kernel/pid.c:attach_pid(); tasklist_lock held for write. */
export function attach_pid(task: struct_task_struct, type: number): void {
	task_pid_ptr(task, type)?.tasks[type]!.unshift(task);
}

function __change_pid(task: struct_task_struct, type: number, new_: struct_pid | null): void {
	const pid = task_pid_ptr(task, type);

	if (pid !== null) {
		const list = pid.tasks[type]!;
		const i = list.indexOf(task);
		if (i >= 0)
			list.splice(i, 1);
	}
	if (type === PIDTYPE_PID)
		task.thread_pid = new_;
	else
		task.signal.pids[type] = new_;
	if (pid === null || pid === init_struct_pid)
		return;
	for (let t = 0; t < PIDTYPE_MAX; t++) {
		if (pid.tasks[t]!.length !== 0)
			return;
	}
	free_pid(pid);
}

export function detach_pid(task: struct_task_struct, type: number): void {
	__change_pid(task, type, null);
}

export function change_pid(task: struct_task_struct, type: number, pid: struct_pid): void {
	__change_pid(task, type, pid);
	attach_pid(task, type);
}

export function pid_task(pid: struct_pid | null, type: number): struct_task_struct | null {
	return pid?.tasks[type]![0] ?? null;
}

export function get_task_pid(task: struct_task_struct, type: number): struct_pid | null {
	return get_pid(task_pid_ptr(task, type));
}

export function get_pid_task(pid: struct_pid | null, type: number): struct_task_struct | null {
	const task = pid_task(pid, type);
	if (task !== null)
		get_task_struct(task);
	return task;
}

export function pid_nr(pid: struct_pid | null): number {
	return pid === null ? 0 : pid.nr;
}

export const pid_vnr = pid_nr;

export function pid_alive(p: struct_task_struct): boolean {
	return p.thread_pid !== null;
}

export { PIDTYPE_PGID, PIDTYPE_SID };
