// SPDX-License-Identifier: GPL-2.0
/*
 * Sleepable RCU: two counters, and grace periods that find no reader.
 *
 * Upstream: kernel/rcu/srcutree.c, in a small form of its own. A task may be switched away inside a
 * section only where nobody synchronizes meanwhile: a grace period that meets a reader which cannot
 * go on is a BUG. Callbacks run when synchronize_srcu(), srcu_barrier() or the scheduler finds no
 * reader.
 */
import { LD_WAIT_SLEEP, lockdep_key } from "#linux/lockdep_types.ts";
import { lock_is_held, lockdep_print_held_locks, lockdep_rcu_suspicious } from
	"#linux/lockdep/lockdep.ts";
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { SOFTIRQ_OFFSET } from "#linux/preempt.const.ts";
import type { rcu_callback_t, struct_callback_head } from "#linux/rcupdate_types.ts";
import type { struct_srcu_struct } from "#linux/srcu_types.ts";
import { WARN_ON } from "#linux/bug.ts";
import { pr_err } from "#linux/printk.ts";
import { dump_stack, kernel_bug } from "#linux/panic.ts";
import { for_each_process_thread, might_sleep } from "#linux/sched.ts";
import { HOT_LOCK_DEPTH, HOT_PREEMPT, HOT_RCU_NESTING, pcpu_hot } from "#asm/current.ts";
import { task_hot } from "#linux/sched_types.ts";
import { lock_class_name } from "#linux/lockdep_types.ts";

/* domains with callbacks queued, for the scheduler */
const pending = new Set<struct_srcu_struct>();

/** C: 0 or -ENOMEM; nothing is allocated here. @name is the lockdep class. */
export function init_srcu_struct(ssp: struct_srcu_struct, name = "srcu"): number {
	ssp.dep = lockdep_key(name, LD_WAIT_SLEEP);
	ssp.srcu_idx = 0;
	ssp.nesting_0 = 0;
	ssp.nesting_1 = 0;
	ssp.cblist_head = null;
	ssp.cblist_tail = null;
	ssp.initialised = true;
	return 0;
}

/** kernel/rcu/srcutree.c:cleanup_srcu_struct(): leaks the domain when somebody still reads. */
export function cleanup_srcu_struct(ssp: struct_srcu_struct): void {
	if (WARN_ON(ssp.nesting_0 + ssp.nesting_1 !== 0))
		return;
	if (WARN_ON(ssp.cblist_head !== null))
		return;
	ssp.initialised = false;
	pending.delete(ssp);
}

export function __srcu_read_lock(ssp: struct_srcu_struct): number {
	const idx = ssp.srcu_idx & 1;
	if (ssp.initialised !== true)
		lock_bug();
	if (idx === 0)
		ssp.nesting_0++;
	else
		ssp.nesting_1++;
	return idx;
}

export function __srcu_read_unlock(ssp: struct_srcu_struct, idx: number): void {
	if ((idx === 0 ? --ssp.nesting_0 : --ssp.nesting_1) < 0)
		unlock_bug(ssp);
}

function lock_bug(): never {
	throw new kernel_bug("srcu_read_lock() of an uninitialised srcu_struct");
}

function unlock_bug(ssp: struct_srcu_struct): never {
	throw new kernel_bug(`srcu_read_unlock() without srcu_read_lock(): ${
		lock_class_name(ssp.dep)}`);
}

function reader_bug(ssp: struct_srcu_struct): never {
	pr_err("BUG: synchronize_srcu(%s) meets a reader that cannot go on\n",
		lock_class_name(ssp.dep));
	for (const p of for_each_process_thread()) {
		if (task_hot(p)[HOT_LOCK_DEPTH] !== 0)
			lockdep_print_held_locks(p);
	}
	dump_stack();
	const name = lock_class_name(ssp.dep);
	throw new kernel_bug(`synchronize_srcu(${name}) meets a suspended reader`);
}

function __synchronize_srcu(ssp: struct_srcu_struct): void {
	if (CONFIG_PROVE_LOCKING && lock_is_held(ssp)) {
		lockdep_rcu_suspicious("Illegal synchronize_srcu() in same-type SRCU (or in RCU) " +
			"read-side critical section");
	}
	if (pcpu_hot[HOT_RCU_NESTING] !== 0) {
		lockdep_rcu_suspicious("Illegal synchronize_srcu() in same-type SRCU (or in RCU) " +
			"read-side critical section");
	}
	might_sleep();
	if (ssp.nesting_0 + ssp.nesting_1 !== 0)
		reader_bug(ssp);
	ssp.srcu_idx++;
	ssp.srcu_gp_seq++;
	srcu_invoke_callbacks(ssp);
}

export function synchronize_srcu(ssp: struct_srcu_struct): void {
	__synchronize_srcu(ssp);
}

export function synchronize_srcu_expedited(ssp: struct_srcu_struct): void {
	__synchronize_srcu(ssp);
}

/** kernel/rcu/srcutree.c:call_srcu() */
export function call_srcu(ssp: struct_srcu_struct, rhp: struct_callback_head,
	func: rcu_callback_t): void {
	if (rhp.func !== null)
		throw new kernel_bug("call_srcu(): Leaked duplicate callback");
	rhp.func = func;
	rhp.next = null;
	if (ssp.cblist_tail === null)
		ssp.cblist_head = rhp;
	else
		ssp.cblist_tail.next = rhp;
	ssp.cblist_tail = rhp;
	pending.add(ssp);
}

function srcu_invoke_callbacks(ssp: struct_srcu_struct): void {
	let rhp = ssp.cblist_head;

	if (rhp === null)
		return;
	ssp.cblist_head = null;
	ssp.cblist_tail = null;
	pending.delete(ssp);
	pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_OFFSET;
	while (rhp !== null) {
		const next: struct_callback_head | null = rhp.next;
		const func = rhp.func!;
		rhp.next = null;
		rhp.func = null;
		func(rhp);
		rhp = next;
	}
	pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_OFFSET;
}

/** kernel/rcu/srcutree.c:srcu_barrier() */
export function srcu_barrier(ssp: struct_srcu_struct): void {
	might_sleep();
	if (ssp.cblist_head === null)
		return;
	if (ssp.nesting_0 + ssp.nesting_1 !== 0)
		reader_bug(ssp);
	ssp.srcu_idx++;
	ssp.srcu_gp_seq++;
	srcu_invoke_callbacks(ssp);
}

/** The scheduler's turn: domains nobody reads have had their grace period. */
export function srcu_advance(): void {
	if (pending.size === 0)
		return;
	for (const ssp of [...pending]) {
		if (ssp.nesting_0 + ssp.nesting_1 === 0) {
			ssp.srcu_gp_seq++;
			srcu_invoke_callbacks(ssp);
		}
	}
}

export function srcu_callbacks_pending(): boolean {
	return pending.size !== 0;
}

export function srcu_batches_completed(ssp: struct_srcu_struct): number {
	return ssp.srcu_idx;
}

export function get_state_synchronize_srcu(ssp: struct_srcu_struct): number {
	return ssp.srcu_gp_seq + 1;
}

export function start_poll_synchronize_srcu(ssp: struct_srcu_struct): number {
	return ssp.srcu_gp_seq + 1;
}

export function poll_state_synchronize_srcu(ssp: struct_srcu_struct, cookie: number): boolean {
	return ssp.srcu_gp_seq >= cookie;
}
