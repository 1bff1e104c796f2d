// SPDX-License-Identifier: GPL-2.0
/*
 * Spinlocks and reader-writer spinlocks: the types.
 *
 * Upstream: include/linux/spinlock_types.h, rwlock_types.h.
 */
import { LD_WAIT_CONFIG, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";

export class spinlock_t {
	readonly lock_id = new_lock_id();
	dep = 0;
	/** as HOT_OWNER names it; 0: unlocked */
	owner = 0;
}

export const raw_spinlock_t = spinlock_t;
export type raw_spinlock_t = spinlock_t;

export class rwlock_t {
	readonly lock_id = new_lock_id();
	dep = 0;
	/** the writer, as HOT_OWNER names it, or 0 */
	owner = 0;
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
