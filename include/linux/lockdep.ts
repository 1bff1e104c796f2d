// SPDX-License-Identifier: GPL-2.0
/*
 * Lock validation: what lock functions and assertions call.
 *
 * Upstream: include/linux/lockdep.h. All of it does nothing without CONFIG_PROVE_LOCKING.
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { HLOCK_READ, lock_acquire, lock_id_is_held, lock_is_held, lock_is_held_type, lock_release,
	debug_locks } from
	"#linux/lockdep/lockdep.ts";
import type { lockdep_map } from "#linux/lockdep_types.ts";
import { HOT_IRQS, HOT_LOCK_DEPTH, HOT_PREEMPT, pcpu_hot } from "#asm/current.ts";
import { HARDIRQ_MASK, LOCKDEP_RECURSION_OFFSET, NMI_MASK, PREEMPT_COUNT_MASK, SOFTIRQ_MASK } from
	"#linux/preempt.const.ts";
import { WARN_ON } from "#linux/bug.ts";
import { task_hot, type struct_task_struct } from "#linux/sched_types.ts";

export { type lockdep_map, struct_lock_class_key, lockdep_key, MAX_LOCKDEP_SUBCLASSES,
	MAX_LOCK_DEPTH, lock_class_name, new_lock_id, LD_WAIT_SLEEP, LD_WAIT_SPIN,
	LD_WAIT_CONFIG } from
	"#linux/lockdep_types.ts";
export { debug_check_no_locks_held, debug_locks, debug_locks_off, debug_locks_on,
	debug_show_held_locks, HLOCK_NOCHECK, HLOCK_READ, HLOCK_READ_RECURSIVE, HLOCK_TRYLOCK,
	lock_acquire, lock_acquire_nest, lock_downgrade, lock_is_held, lock_is_held_type,
	lock_release, lockdep_chain, lockdep_dependencies, lockdep_hardirqs_on, lockdep_init_map,
	lockdep_match_class, lockdep_print_held_locks, lockdep_rcu_suspicious, lockdep_set_class,
	lockdep_set_class_and_name, lockdep_set_subclass, lockdep_sys_exit } from
	"#linux/lockdep/lockdep.ts";

export const SINGLE_DEPTH_NESTING	= 1;

/* not in a task that oopsed, nor while a report is printed */
function validating(): boolean {
	return debug_locks && pcpu_hot[HOT_PREEMPT]! < LOCKDEP_RECURSION_OFFSET;
}

/** Always true without lockdep, as upstream's stub is in assertions. */
export function lockdep_is_held(lock: lockdep_map): boolean {
	if (!CONFIG_PROVE_LOCKING)
		return true;
	return lock_is_held(lock);
}

export function lockdep_assert_held(lock: lockdep_map): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(!lock_is_held(lock) && validating());
}

/** The same; see lock_id_is_held(). */
export function lockdep_assert_id_held(lock_id: number, dep: number): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(validating() && !lock_id_is_held(lock_id, dep));
}

export function lockdep_assert_not_held(lock: lockdep_map): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(validating() && lock_is_held(lock));
}

export function lockdep_assert_held_write(lock: lockdep_map): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(validating() && !lock_is_held_type(lock, 0));
}

export function lockdep_assert_held_read(lock: lockdep_map): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(validating() && !lock_is_held_type(lock, 1));
}

export const lockdep_assert_held_once = lockdep_assert_held;

export function lockdep_assert_none_held_once(): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(validating() && pcpu_hot[HOT_LOCK_DEPTH] !== 0);
}

export function lockdep_assert_irqs_enabled(): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(pcpu_hot[HOT_IRQS] !== 0 && validating());
}

export function lockdep_assert_irqs_disabled(): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(pcpu_hot[HOT_IRQS] === 0 && validating());
}

export function lockdep_assert_in_irq(): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(validating() && (pcpu_hot[HOT_PREEMPT]! & (HARDIRQ_MASK | NMI_MASK)) === 0);
}

export function lockdep_assert_preemption_enabled(): void {
	if (CONFIG_PROVE_LOCKING) {
		WARN_ON(validating() && ((pcpu_hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK) !== 0 ||
			pcpu_hot[HOT_IRQS] !== 0));
	}
}

export function lockdep_assert_preemption_disabled(): void {
	if (CONFIG_PROVE_LOCKING) {
		WARN_ON(validating() && (pcpu_hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK) === 0 &&
			pcpu_hot[HOT_IRQS] === 0);
	}
}

export function lockdep_assert_in_softirq(): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ON(validating() && (pcpu_hot[HOT_PREEMPT]! & SOFTIRQ_MASK) === 0);
}

/** Nothing is validated while off, in this task. */
export function lockdep_off(): void {
	pcpu_hot[HOT_PREEMPT]! += LOCKDEP_RECURSION_OFFSET;
}

export function lockdep_on(): void {
	pcpu_hot[HOT_PREEMPT]! -= LOCKDEP_RECURSION_OFFSET;
}

export function lockdep_depth(tsk: struct_task_struct): number {
	return task_hot(tsk)[HOT_LOCK_DEPTH]!;
}

export function lockdep_pin_lock(_lock: object): void {}
export function lockdep_unpin_lock(_lock: object): void {}

/** A map that is no lock: stands for "this may be waited for here" in the order of locks. */
export function lock_map_acquire(l: lockdep_map): void {
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(l.lock_id, l.dep, 0);
}

export function lock_map_release(l: lockdep_map): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(l.lock_id, l.dep);
}

/** This may take @lock for read: an inversion shows even when it does not. */
export function might_lock_read(lock: lockdep_map): void {
	if (CONFIG_PROVE_LOCKING) {
		lock_acquire(lock.lock_id, lock.dep, HLOCK_READ);
		lock_release(lock.lock_id, lock.dep);
	}
}
