// SPDX-License-Identifier: GPL-2.0
/*
 * Read/write semaphores.
 *
 * Upstream: kernel/locking/rwsem.c. Left out: handoff, optimistic spinning. What waiting means is
 * said in mutex/mutex.ts.
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { EINTR, ERESTARTWAIT } from "#linux/errno.ts";
import { HLOCK_READ, HLOCK_TRYLOCK, find_lock, lock_acquire, lock_acquire_nest, lock_downgrade,
	lock_release } from "#linux/lockdep/lockdep.ts";
import { LD_WAIT_SLEEP, type lockdep_map, lock_class_name, lockdep_key } from
	"#linux/lockdep_types.ts";
import type { struct_rw_semaphore } from "#linux/mutex_types.ts";
import { mutex_stuck, wake_lock_waiters } from "#linux/mutex/mutex.ts";
import { HOT_OWNER, pcpu_hot } from "#asm/current.ts";
import { TASK_INTERRUPTIBLE, TASK_KILLABLE, current } from "#linux/sched_types.ts";
import { might_sleep, restart_wait_on_lock, signal_pending_state } from "#linux/sched.ts";
import { kernel_bug } from "#linux/panic.ts";

export function init_rwsem(sem: struct_rw_semaphore, name: string): void {
	sem.dep = lockdep_key(name, LD_WAIT_SLEEP);
	sem.owner = 0;
	sem.readers = 0;
}

export function rwsem_is_locked(sem: struct_rw_semaphore): boolean {
	return sem.owner !== 0 || sem.readers !== 0;
}

export function rwsem_is_contended(sem: struct_rw_semaphore): boolean {
	return sem.wait_list !== null && sem.wait_list.length !== 0;
}

export function down_read(sem: struct_rw_semaphore): void {
	might_sleep();
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(sem.lock_id, sem.dep, HLOCK_READ);
	if (sem.owner !== 0)
		mutex_stuck("rw-semaphore", sem, sem.owner);
	sem.readers++;
}

export function down_read_nested(sem: struct_rw_semaphore, subclass: number): void {
	might_sleep();
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(sem.lock_id, sem.dep + subclass, HLOCK_READ);
	if (sem.owner !== 0)
		mutex_stuck("rw-semaphore", sem, sem.owner);
	sem.readers++;
}

/** Released by whoever comes: lockdep keeps no record. */
export function down_read_non_owner(sem: struct_rw_semaphore): void {
	might_sleep();
	if (sem.owner !== 0)
		mutex_stuck("rw-semaphore", sem, sem.owner);
	sem.readers++;
}

function down_read_state(sem: struct_rw_semaphore, state: number, subclass: number): number {
	might_sleep();
	if (sem.owner !== 0 && sem.owner !== pcpu_hot[HOT_OWNER]) {
		if (signal_pending_state(state, current))
			return -EINTR;
		sem.wait_list ??= [];
		restart_wait_on_lock(sem, sem.wait_list, state);
		return -ERESTARTWAIT;
	}
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(sem.lock_id, sem.dep + subclass, HLOCK_READ);
	if (sem.owner !== 0)
		mutex_stuck("rw-semaphore", sem, sem.owner);
	sem.readers++;
	return 0;
}

/** 0, -EINTR, or -ERESTARTWAIT, which the caller returns as it is. */
export function down_read_killable(sem: struct_rw_semaphore): number {
	return down_read_state(sem, TASK_KILLABLE, 0);
}

export function down_read_killable_nested(sem: struct_rw_semaphore, subclass: number): number {
	return down_read_state(sem, TASK_KILLABLE, subclass);
}

export function down_read_interruptible(sem: struct_rw_semaphore): number {
	return down_read_state(sem, TASK_INTERRUPTIBLE, 0);
}

/** C: 1 on success; here true. */
export function down_read_trylock(sem: struct_rw_semaphore): boolean {
	if (sem.owner !== 0)
		return false;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(sem.lock_id, sem.dep, HLOCK_READ | HLOCK_TRYLOCK);
	sem.readers++;
	return true;
}

export function up_read(sem: struct_rw_semaphore): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(sem.lock_id, sem.dep);
	up_read_non_owner(sem);
}

export function up_read_non_owner(sem: struct_rw_semaphore): void {
	if (sem.readers === 0)
		bad_release(sem);
	sem.readers--;
	if (sem.wait_list !== null && sem.readers === 0)
		wake_lock_waiters(sem.wait_list, sem.wait_list.length);
}

export function down_write(sem: struct_rw_semaphore): void {
	might_sleep();
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(sem.lock_id, sem.dep, 0);
	if (sem.owner !== 0 || sem.readers !== 0)
		mutex_stuck("rw-semaphore", sem, sem.owner);
	sem.owner = pcpu_hot[HOT_OWNER]!;
}

export function down_write_nested(sem: struct_rw_semaphore, subclass: number): void {
	might_sleep();
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(sem.lock_id, sem.dep + subclass, 0);
	if (sem.owner !== 0 || sem.readers !== 0)
		mutex_stuck("rw-semaphore", sem, sem.owner);
	sem.owner = pcpu_hot[HOT_OWNER]!;
}

export function down_write_nest_lock(sem: struct_rw_semaphore, nest_lock: lockdep_map): void {
	might_sleep();
	if (CONFIG_PROVE_LOCKING)
		lock_acquire_nest(sem.lock_id, sem.dep, 0, nest_lock);
	if (sem.owner !== 0 || sem.readers !== 0)
		mutex_stuck("rw-semaphore", sem, sem.owner);
	sem.owner = pcpu_hot[HOT_OWNER]!;
}

function down_write_state(sem: struct_rw_semaphore, state: number, subclass: number): number {
	might_sleep();
	if (sem.owner !== pcpu_hot[HOT_OWNER] && (sem.owner !== 0 || sem.readers !== 0) &&
	    find_lock(sem.lock_id) === 0) {
		if (signal_pending_state(state, current))
			return -EINTR;
		sem.wait_list ??= [];
		restart_wait_on_lock(sem, sem.wait_list, state);
		return -ERESTARTWAIT;
	}
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(sem.lock_id, sem.dep + subclass, 0);
	if (sem.owner !== 0 || sem.readers !== 0)
		mutex_stuck("rw-semaphore", sem, sem.owner);
	sem.owner = pcpu_hot[HOT_OWNER]!;
	return 0;
}

/** 0, -EINTR, or -ERESTARTWAIT, which the caller returns as it is. */
export function down_write_killable(sem: struct_rw_semaphore): number {
	return down_write_state(sem, TASK_KILLABLE, 0);
}

export function down_write_killable_nested(sem: struct_rw_semaphore, subclass: number): number {
	return down_write_state(sem, TASK_KILLABLE, subclass);
}

/** C: 1 on success; here true. */
export function down_write_trylock(sem: struct_rw_semaphore): boolean {
	if (sem.owner !== 0 || sem.readers !== 0)
		return false;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(sem.lock_id, sem.dep, HLOCK_TRYLOCK);
	sem.owner = pcpu_hot[HOT_OWNER]!;
	return true;
}

export function up_write(sem: struct_rw_semaphore): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(sem.lock_id, sem.dep);
	if (sem.owner !== pcpu_hot[HOT_OWNER])
		bad_release(sem);
	sem.owner = 0;
	if (sem.wait_list !== null && sem.wait_list.length !== 0)
		wake_lock_waiters(sem.wait_list, sem.wait_list.length);
}

export function downgrade_write(sem: struct_rw_semaphore): void {
	if (CONFIG_PROVE_LOCKING)
		lock_downgrade(sem);
	if (sem.owner !== pcpu_hot[HOT_OWNER])
		bad_release(sem);
	sem.owner = 0;
	sem.readers = 1;
	if (sem.wait_list !== null && sem.wait_list.length !== 0)
		wake_lock_waiters(sem.wait_list, sem.wait_list.length);
}

function bad_release(sem: struct_rw_semaphore): never {
	throw new kernel_bug(`rw-semaphore ${lock_class_name(sem.dep)} released by another task`);
}
