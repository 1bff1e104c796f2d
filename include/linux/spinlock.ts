// SPDX-License-Identifier: GPL-2.0
/*
 * Spinlocks and reader-writer spinlocks.
 *
 * Upstream: include/linux/spinlock.h, spinlock_api_smp.h, rwlock.h, rwlock_api_smp.h. Kernel code
 * is atomic between its yields, and none yields with a spinlock held: a lock that is taken stays
 * taken, so that spinning is a lockup and a BUG.
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { HLOCK_READ, HLOCK_READ_RECURSIVE, HLOCK_TRYLOCK, lock_acquire, lock_acquire_nest,
	lock_release } from "#linux/lockdep/lockdep.ts";
import { LD_WAIT_CONFIG, type lockdep_map, lockdep_key } from "#linux/lockdep_types.ts";
import { HARDIRQ_MASK, NMI_MASK, SOFTIRQ_DISABLE_OFFSET, SOFTIRQ_MASK } from
	"#linux/preempt.const.ts";
import type { rwlock_t, spinlock_t } from "#linux/spinlock_types.ts";
import { HOT_IRQS, HOT_OWNER, HOT_PREEMPT, IRQS_OFF, pcpu_hot } from "#asm/current.ts";
import { local_irq_restore } from "#linux/irqflags.ts";
import { rwlock_bug, spin_bug } from "#linux/spinlock/spinlock_debug.ts";

export { DEFINE_RAW_SPINLOCK, DEFINE_RWLOCK, DEFINE_SPINLOCK, raw_spinlock_t, rwlock_t, spinlock_t }
	from "#linux/spinlock_types.ts";

export function spin_lock_init(lock: spinlock_t, name: string): void {
	lock.dep = lockdep_key(name, LD_WAIT_CONFIG);
	lock.owner = 0;
}

export function spin_lock(lock: spinlock_t): void {
	const hot = pcpu_hot;

	hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep, 0);
	if (lock.owner !== 0)
		spin_bug(lock);
	lock.owner = hot[HOT_OWNER]!;
}

export function spin_lock_nested(lock: spinlock_t, subclass: number): void {
	pcpu_hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep + subclass, 0);
	if (lock.owner !== 0)
		spin_bug(lock);
	lock.owner = pcpu_hot[HOT_OWNER]!;
}

export function spin_lock_nest_lock(lock: spinlock_t, nest_lock: lockdep_map): void {
	pcpu_hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire_nest(lock.lock_id, lock.dep, 0, nest_lock);
	if (lock.owner !== 0)
		spin_bug(lock);
	lock.owner = pcpu_hot[HOT_OWNER]!;
}

export function spin_trylock(lock: spinlock_t): boolean {
	if (lock.owner !== 0)
		return false;
	pcpu_hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep, HLOCK_TRYLOCK);
	lock.owner = pcpu_hot[HOT_OWNER]!;
	return true;
}

export function spin_unlock(lock: spinlock_t): void {
	const hot = pcpu_hot;

	if (CONFIG_PROVE_LOCKING)
		lock_release(lock.lock_id, lock.dep);
	if (lock.owner !== hot[HOT_OWNER])
		spin_bug(lock);
	lock.owner = 0;
	hot[HOT_PREEMPT]!--;
}

export function spin_lock_irq(lock: spinlock_t): void {
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	spin_lock(lock);
}

export function spin_unlock_irq(lock: spinlock_t): void {
	spin_unlock(lock);
	local_irq_restore(0);
}

export function spin_trylock_irq(lock: spinlock_t): boolean {
	const flags = pcpu_hot[HOT_IRQS]!;
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	if (spin_trylock(lock))
		return true;
	pcpu_hot[HOT_IRQS] = flags;
	return false;
}

/** `const flags = spin_lock_irqsave(lock);` */
export function spin_lock_irqsave(lock: spinlock_t): number {
	const flags = pcpu_hot[HOT_IRQS]!;
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	spin_lock(lock);
	return flags;
}

export function spin_lock_irqsave_nested(lock: spinlock_t, subclass: number): number {
	const flags = pcpu_hot[HOT_IRQS]!;
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	spin_lock_nested(lock, subclass);
	return flags;
}

export function spin_unlock_irqrestore(lock: spinlock_t, flags: number): void {
	spin_unlock(lock);
	local_irq_restore(flags);
}

export function spin_lock_bh(lock: spinlock_t): void {
	pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_DISABLE_OFFSET;
	spin_lock(lock);
}

export function spin_unlock_bh(lock: spinlock_t): void {
	spin_unlock(lock);
	pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_DISABLE_OFFSET;
}

export function spin_is_locked(lock: spinlock_t): boolean {
	return lock.owner !== 0;
}

/** Somebody spins: never, here. */
export function spin_is_contended(_lock: spinlock_t): boolean {
	return false;
}

export function spin_needbreak(_lock: spinlock_t): boolean {
	return false;
}

export function rwlock_needbreak(_lock: rwlock_t): boolean {
	return false;
}

export function assert_spin_locked(lock: spinlock_t): void {
	if (lock.owner === 0)
		spin_bug(lock);
}

export {
	spin_lock as raw_spin_lock, spin_unlock as raw_spin_unlock,
	spin_lock_init as raw_spin_lock_init,
	spin_trylock as raw_spin_trylock, spin_lock_irq as raw_spin_lock_irq,
	spin_unlock_irq as raw_spin_unlock_irq, spin_lock_irqsave as raw_spin_lock_irqsave,
	spin_unlock_irqrestore as raw_spin_unlock_irqrestore,
	spin_lock_nested as raw_spin_lock_nested,
	spin_is_locked as raw_spin_is_locked,
};

/* ---- reader-writer -------------------------------------------------------------------------- */

export function rwlock_init(lock: rwlock_t, name: string): void {
	lock.dep = lockdep_key(name, LD_WAIT_CONFIG);
	lock.owner = 0;
	lock.readers = 0;
}

export function write_lock(lock: rwlock_t): void {
	pcpu_hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep, 0);
	if (lock.owner !== 0 || lock.readers !== 0)
		rwlock_bug(lock);
	lock.owner = pcpu_hot[HOT_OWNER]!;
}

export function write_lock_nested(lock: rwlock_t, subclass: number): void {
	pcpu_hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep + subclass, 0);
	if (lock.owner !== 0 || lock.readers !== 0)
		rwlock_bug(lock);
	lock.owner = pcpu_hot[HOT_OWNER]!;
}

export function write_trylock(lock: rwlock_t): boolean {
	if (lock.owner !== 0 || lock.readers !== 0)
		return false;
	pcpu_hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep, HLOCK_TRYLOCK);
	lock.owner = pcpu_hot[HOT_OWNER]!;
	return true;
}

export function write_unlock(lock: rwlock_t): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(lock.lock_id, lock.dep);
	if (lock.owner !== pcpu_hot[HOT_OWNER])
		rwlock_bug(lock);
	lock.owner = 0;
	pcpu_hot[HOT_PREEMPT]!--;
}

/* queued rwlocks: a reader is recursive only in interrupts; include/linux/lockdep.h */
export function read_lock(lock: rwlock_t): void {
	const pc = ++pcpu_hot[HOT_PREEMPT]!;
	if (CONFIG_PROVE_LOCKING) {
		lock_acquire(lock.lock_id, lock.dep,
			(pc & (HARDIRQ_MASK | NMI_MASK | SOFTIRQ_MASK)) !== 0 ?
				HLOCK_READ_RECURSIVE : HLOCK_READ);
	}
	if (lock.owner !== 0)
		rwlock_bug(lock);
	lock.readers++;
}

export function read_trylock(lock: rwlock_t): boolean {
	if (lock.owner !== 0)
		return false;
	pcpu_hot[HOT_PREEMPT]!++;
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(lock.lock_id, lock.dep, HLOCK_READ_RECURSIVE | HLOCK_TRYLOCK);
	lock.readers++;
	return true;
}

export function read_unlock(lock: rwlock_t): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(lock.lock_id, lock.dep);
	if (lock.readers === 0)
		rwlock_bug(lock);
	lock.readers--;
	pcpu_hot[HOT_PREEMPT]!--;
}

export function write_lock_irq(lock: rwlock_t): void {
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	write_lock(lock);
}

export function write_unlock_irq(lock: rwlock_t): void {
	write_unlock(lock);
	local_irq_restore(0);
}

export function write_lock_irqsave(lock: rwlock_t): number {
	const flags = pcpu_hot[HOT_IRQS]!;
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	write_lock(lock);
	return flags;
}

export function write_unlock_irqrestore(lock: rwlock_t, flags: number): void {
	write_unlock(lock);
	local_irq_restore(flags);
}

export function write_lock_bh(lock: rwlock_t): void {
	pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_DISABLE_OFFSET;
	write_lock(lock);
}

export function write_unlock_bh(lock: rwlock_t): void {
	write_unlock(lock);
	pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_DISABLE_OFFSET;
}

export function read_lock_irq(lock: rwlock_t): void {
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	read_lock(lock);
}

export function read_unlock_irq(lock: rwlock_t): void {
	read_unlock(lock);
	local_irq_restore(0);
}

export function read_lock_irqsave(lock: rwlock_t): number {
	const flags = pcpu_hot[HOT_IRQS]!;
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	read_lock(lock);
	return flags;
}

export function read_unlock_irqrestore(lock: rwlock_t, flags: number): void {
	read_unlock(lock);
	local_irq_restore(flags);
}

export function read_lock_bh(lock: rwlock_t): void {
	pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_DISABLE_OFFSET;
	read_lock(lock);
}

export function read_unlock_bh(lock: rwlock_t): void {
	read_unlock(lock);
	pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_DISABLE_OFFSET;
}

export function rwlock_is_contended(_lock: rwlock_t): boolean {
	return false;
}
