// SPDX-License-Identifier: GPL-2.0
/*
 * Sleeping locks: the types.
 *
 * Upstream: struct mutex of include/linux/mutex.h, struct rw_semaphore of include/linux/rwsem.h.
 */
import { LD_WAIT_SLEEP, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";

export class struct_mutex {
	readonly lock_id = new_lock_id();
	dep = 0;
	/** as HOT_OWNER names it; 0: unlocked */
	owner = 0;
	/** tasks that wait for it, first come first; null: nobody ever did */
	wait_list: struct_task_struct[] | null = null;
}

export class struct_rw_semaphore {
	readonly lock_id = new_lock_id();
	dep = 0;
	/** the writer, as HOT_OWNER names it, or 0 */
	owner = 0;
	readers = 0;
	wait_list: struct_task_struct[] | null = null;
}

export function DEFINE_MUTEX(name: string): struct_mutex {
	const lock = new struct_mutex();
	lock.dep = lockdep_key(name, LD_WAIT_SLEEP);
	return lock;
}

export function DECLARE_RWSEM(name: string): struct_rw_semaphore {
	const sem = new struct_rw_semaphore();
	sem.dep = lockdep_key(name, LD_WAIT_SLEEP);
	return sem;
}
