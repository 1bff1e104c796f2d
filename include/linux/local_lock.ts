// SPDX-License-Identifier: GPL-2.0
/*
 * Local locks: sections that must not be interrupted by another user of the same CPU's data.
 *
 * Upstream: include/linux/local_lock.h. Preemption off, and a lock class for the validator.
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { local_irq_restore, local_irq_save } from "#linux/irqflags.ts";
import { lock_acquire, lock_release } from "#linux/lockdep/lockdep.ts";
import { LD_WAIT_CONFIG, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";
import { HOT_PREEMPT, pcpu_hot } from "#asm/current.ts";

export class local_lock_t {
	readonly lock_id = new_lock_id();
	dep = 0;
}

export function INIT_LOCAL_LOCK(name: string): local_lock_t {
	const lock = new local_lock_t();
	lock.dep = lockdep_key(name, LD_WAIT_CONFIG);
	return lock;
}

export function local_lock(lock: local_lock_t): void {
	pcpu_hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep, 0);
}

export function local_unlock(lock: local_lock_t): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(lock.lock_id, lock.dep);
	pcpu_hot[HOT_PREEMPT]!--;
}

/** `const flags = local_lock_irqsave(lock);` */
export function local_lock_irqsave(lock: local_lock_t): number {
	const flags = local_irq_save();
	local_lock(lock);
	return flags;
}

export function local_unlock_irqrestore(lock: local_lock_t, flags: number): void {
	local_unlock(lock);
	local_irq_restore(flags);
}
