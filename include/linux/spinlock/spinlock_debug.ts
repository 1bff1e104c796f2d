// SPDX-License-Identifier: GPL-2.0
/*
 * Reports about spinlocks.
 *
 * Upstream: kernel/locking/spinlock_debug.c.
 */
import { pr_emerg } from "#linux/printk.ts";
import { dump_stack, kernel_bug } from "#linux/panic.ts";
import { lock_class_name } from "#linux/lockdep_types.ts";
import { lockdep_print_held_locks } from "#linux/lockdep/lockdep.ts";
import type { rwlock_t, spinlock_t } from "#linux/spinlock_types.ts";
import { current, lock_owner } from "#linux/sched_types.ts";
import { HOT_OWNER, pcpu_hot } from "#asm/current.ts";

function report(kind: string, what: string, name: string, owner_nr: number): never {
	const curr = current;
	const owner = lock_owner(owner_nr);

	pr_emerg("BUG: %s %s on CPU#%d, %s/%d\n", kind, what, curr.cpu, curr.comm, curr.pid);
	pr_emerg(" lock: %s, .owner: %s/%d\n", name, owner?.comm ?? "<none>", owner?.pid ?? -1);
	lockdep_print_held_locks(curr);
	if (owner !== null && owner !== curr)
		lockdep_print_held_locks(owner);
	dump_stack();
	throw new kernel_bug(`${kind} ${what}: ${name}`);
}

/** Taken again, taken while another task has it, or released by somebody else. */
export function spin_bug(lock: spinlock_t): never {
	const owner = lock.owner;
	const what = owner === 0 ? "already unlocked" : owner === pcpu_hot[HOT_OWNER] ? "recursion" :
		"lockup suspected";
	report("spinlock", what, lock_class_name(lock.dep), owner);
}

export function rwlock_bug(lock: rwlock_t): never {
	const what = lock.owner === pcpu_hot[HOT_OWNER] ? "recursion" :
		lock.owner === 0 && lock.readers === 0 ? "bad magic" : "lockup suspected";
	report("rwlock", what, lock_class_name(lock.dep), lock.owner);
}
