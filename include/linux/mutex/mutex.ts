// SPDX-License-Identifier: GPL-2.0
/*
 * Mutexes.
 *
 * Upstream: kernel/locking/mutex.c. Left out: optimistic spinning, ww_mutex, priority inheritance.
 *
 * Whoever holds a mutex that another task wants has yielded inside the kernel (a vCPU in its
 * guest) and cannot go on before we return. So a plain mutex_lock() that must wait is a BUG; the
 * killable and interruptible forms queue the task and return -ERESTARTWAIT, for system calls that
 * had no effect yet: they hand the code on, and are issued again when the mutex is free.
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { EINTR, ERESTARTWAIT } from "#linux/errno.ts";
import { HLOCK_TRYLOCK, lock_acquire, lock_acquire_nest, lock_release, lockdep_print_held_locks }
	from "#linux/lockdep/lockdep.ts";
import { LD_WAIT_SLEEP, type lockdep_map, lock_class_name, lockdep_key } from
	"#linux/lockdep_types.ts";
import { type atomic_t, atomic_add_unless, atomic_dec_and_test } from "#linux/atomic.ts";
import { type struct_mutex, type struct_rw_semaphore } from "#linux/mutex_types.ts";
import { pr_err } from "#linux/printk.ts";
import { WARN_ON } from "#linux/bug.ts";
import { dump_stack, kernel_bug } from "#linux/panic.ts";
import { HOT_OWNER, pcpu_hot } from "#asm/current.ts";
import { TASK_INTERRUPTIBLE, TASK_KILLABLE, current, lock_owner, type struct_task_struct } from
	"#linux/sched_types.ts";
import { might_sleep, restart_wait_on_lock, signal_pending_state, wake_up_process } from
	"#linux/sched.ts";

export function mutex_init(lock: struct_mutex, name: string): void {
	lock.dep = lockdep_key(name, LD_WAIT_SLEEP);
	lock.owner = 0;
}

export function mutex_destroy(lock: struct_mutex): void {
	if (lock.owner !== 0)
		WARN_ON(true);
}

export function mutex_is_locked(lock: struct_mutex): boolean {
	return lock.owner !== 0;
}

export function mutex_lock(lock: struct_mutex): void {
	might_sleep();
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep, 0);
	if (lock.owner !== 0)
		mutex_stuck("mutex", lock, lock.owner);
	lock.owner = pcpu_hot[HOT_OWNER]!;
}

export const mutex_lock_io = mutex_lock;

export function mutex_lock_nested(lock: struct_mutex, subclass: number): void {
	might_sleep();
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep + subclass, 0);
	if (lock.owner !== 0)
		mutex_stuck("mutex", lock, lock.owner);
	lock.owner = pcpu_hot[HOT_OWNER]!;
}

export function mutex_lock_nest_lock(lock: struct_mutex, nest_lock: lockdep_map): void {
	might_sleep();
	if (CONFIG_PROVE_LOCKING)
		lock_acquire_nest(lock.lock_id, lock.dep, 0, nest_lock);
	if (lock.owner !== 0)
		mutex_stuck("mutex", lock, lock.owner);
	lock.owner = pcpu_hot[HOT_OWNER]!;
}

/** Nobody can ever release it: both sides are printed. */
export function mutex_stuck(kind: string, lock: struct_mutex | struct_rw_semaphore,
	owner_nr: number): never {
	const curr = current;
	const owner = lock_owner(owner_nr);
	const name = lock_class_name(lock.dep);

	pr_err("INFO: task %s:%d is blocked on a %s likely owned by task %s:%d.\n", curr.comm,
		curr.pid, kind, owner?.comm ?? "<readers>", owner?.pid ?? -1);
	pr_err("%s %s cannot be released while this task waits for it\n", kind, name);
	lockdep_print_held_locks(curr);
	if (owner !== null && owner !== curr)
		lockdep_print_held_locks(owner);
	dump_stack();
	throw new kernel_bug(`${kind} wait cannot be satisfied: ${name}`);
}

function mutex_lock_common(lock: struct_mutex, state: number, subclass: number): number {
	might_sleep();
	if (lock.owner !== 0) {
		if (lock.owner === pcpu_hot[HOT_OWNER]) {
			/* lets lockdep speak first */
			if (CONFIG_PROVE_LOCKING)
				lock_acquire(lock.lock_id, lock.dep + subclass, 0);
			mutex_stuck("mutex", lock, lock.owner);
		}
		if (signal_pending_state(state, current))
			return -EINTR;
		lock.wait_list ??= [];
		restart_wait_on_lock(lock, lock.wait_list, state);
		return -ERESTARTWAIT;
	}
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep + subclass, 0);
	lock.owner = pcpu_hot[HOT_OWNER]!;
	return 0;
}

/** 0, -EINTR, or -ERESTARTWAIT, which the caller returns as it is. */
export function mutex_lock_interruptible(lock: struct_mutex): number {
	return mutex_lock_common(lock, TASK_INTERRUPTIBLE, 0);
}

export function mutex_lock_interruptible_nested(lock: struct_mutex, subclass: number): number {
	return mutex_lock_common(lock, TASK_INTERRUPTIBLE, subclass);
}

/** 0, -EINTR, or -ERESTARTWAIT, which the caller returns as it is. */
export function mutex_lock_killable(lock: struct_mutex): number {
	return mutex_lock_common(lock, TASK_KILLABLE, 0);
}

export function mutex_lock_killable_nested(lock: struct_mutex, subclass: number): number {
	return mutex_lock_common(lock, TASK_KILLABLE, subclass);
}

/** C: 1 on success; here true. */
export function mutex_trylock(lock: struct_mutex): boolean {
	if (lock.owner !== 0)
		return false;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep, HLOCK_TRYLOCK);
	lock.owner = pcpu_hot[HOT_OWNER]!;
	return true;
}

export function mutex_unlock(lock: struct_mutex): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(lock.lock_id, lock.dep);
	if (lock.owner !== pcpu_hot[HOT_OWNER])
		bad_unlock(lock);
	lock.owner = 0;
	if (lock.wait_list !== null && lock.wait_list.length !== 0)
		wake_lock_waiters(lock.wait_list, 1);
}

function bad_unlock(lock: struct_mutex): never {
	pr_err("DEBUG_LOCKS_WARN_ON(__owner_task(owner) != current): %s\n",
		lock_class_name(lock.dep));
	dump_stack();
	throw new kernel_bug(`mutex ${lock_class_name(lock.dep)} released by another task`);
}

/** Wakes up to @nr tasks; they take the lock when they issue their call again. */
export function wake_lock_waiters(wait_list: struct_task_struct[], nr: number): void {
	while (nr-- > 0 && wait_list.length !== 0)
		wake_up_process(wait_list.shift()!);
}

/** kernel/locking/mutex.c:atomic_dec_and_mutex_lock() */
export function atomic_dec_and_mutex_lock(cnt: atomic_t, lock: struct_mutex): boolean {
	if (atomic_add_unless(cnt, -1, 1))
		return false;
	mutex_lock(lock);
	if (!atomic_dec_and_test(cnt)) {
		mutex_unlock(lock);
		return false;
	}
	return true;
}
