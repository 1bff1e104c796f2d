// SPDX-License-Identifier: GPL-2.0
/*
 * Work items: the types.
 *
 * Upstream: include/linux/workqueue.h (types).
 */
import { struct_timer_list } from "#linux/hrtimer_types.ts";
import { LD_WAIT_SLEEP, lockdep_key } from "#linux/lockdep_types.ts";
import { struct_list_head } from "#linux/list.ts";
import type { struct_callback_head } from "#linux/rcupdate_types.ts";
import type { struct_workqueue_struct } from "#linux/workqueue/workqueue.ts";

export type work_func_t = (work: struct_work_struct) => void;

export class struct_work_struct {
	readonly owner: object | null;
	/** C: in data: WORK_STRUCT_PENDING */
	pending = false;
	/** the queue it is on, or was on last */
	wq: struct_workqueue_struct | null = null;
	entry = new struct_list_head(this);
	func: work_func_t | null = null;
	dep = 0;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

export class struct_delayed_work {
	readonly owner: object | null;
	work = new struct_work_struct(this);
	timer = new struct_timer_list(this);
	wq: struct_workqueue_struct | null = null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

export class struct_rcu_work {
	readonly owner: object | null;
	work = new struct_work_struct(this);
	rcu: struct_callback_head | null = null;
	wq: struct_workqueue_struct | null = null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

/** @name: lockdep class "(work_completion)(NAME)". */
export function INIT_WORK(work: struct_work_struct, func: work_func_t,
	name = "&work"): void {
	work.pending = false;
	work.func = func;
	work.dep = lockdep_key(`(work_completion)(${name})`, LD_WAIT_SLEEP);
}

export function DECLARE_WORK(name: string, func: work_func_t): struct_work_struct {
	const work = new struct_work_struct(null);
	INIT_WORK(work, func, name);
	return work;
}
