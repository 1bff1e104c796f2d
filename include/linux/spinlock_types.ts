// SPDX-License-Identifier: GPL-2.0
/*
 * Spinlocks and reader-writer spinlocks: the types.
 *
 * Upstream: include/linux/spinlock_types.h, rwlock_types.h.
 */
import { LD_WAIT_CONFIG, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";

export class spinlock_t {
	readonly lock_id = new_lock_id();
	dep = 0;
	/** null: unlocked */
	owner: struct_task_struct | null = null;
}

export const raw_spinlock_t = spinlock_t;
export type raw_spinlock_t = spinlock_t;

export class rwlock_t {
	readonly lock_id = new_lock_id();
	dep = 0;
	/** the writer */
	owner: struct_task_struct | null = null;
	readers = 0;
}

export function DEFINE_SPINLOCK(name: string): spinlock_t {
	const lock = new spinlock_t();
	lock.dep = lockdep_key(name, LD_WAIT_CONFIG);
	return lock;
}

export function DEFINE_RAW_SPINLOCK(name: string): spinlock_t {
	return DEFINE_SPINLOCK(name);
}

export function DEFINE_RWLOCK(name: string): rwlock_t {
	const lock = new rwlock_t();
	lock.dep = lockdep_key(name, LD_WAIT_CONFIG);
	return lock;
}
