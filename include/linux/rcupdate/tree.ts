// SPDX-License-Identifier: GPL-2.0
/*
 * Grace periods and callbacks.
 *
 * Upstream: kernel/rcu/tree.c, kernel/rcu/update.c. Left out: the tree, per-CPU state, stalls,
 * expediting, offloading. One queue; a batch runs where the host is quiescent: when a task returns
 * to user mode, when the scheduler is entered, in rcu_barrier().
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { LD_WAIT_CONFIG, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";
import { lock_acquire, lock_release, lockdep_rcu_suspicious } from "#linux/lockdep/lockdep.ts";
import { SOFTIRQ_OFFSET } from "#linux/preempt.const.ts";
import type { rcu_callback_t, struct_callback_head } from "#linux/rcupdate_types.ts";
import { kernel_bug } from "#linux/panic.ts";
import { might_sleep } from "#linux/sched.ts";
import { HOT_PREEMPT, HOT_RCU_NESTING, pcpu_hot } from "#asm/current.ts";

let cblist_head: struct_callback_head | null = null;
let cblist_tail: struct_callback_head | null = null;
let cblist_len = 0;
let gp_seq = 0;
let in_batch = false;
const rcu_callback_map = { lock_id: new_lock_id(), dep: 0 };

export function rcu_init(): void {
	rcu_callback_map.dep = lockdep_key("rcu_callback", LD_WAIT_CONFIG);
}

export function rcu_unlock_bug(): never {
	pcpu_hot[HOT_RCU_NESTING] = 0;
	lockdep_rcu_suspicious("rcu_read_unlock() without rcu_read_lock()");
}

/** kernel/rcu/tree.c:call_rcu() */
export function call_rcu(head: struct_callback_head, func: rcu_callback_t): void {
	if (head.func !== null)
		throw new kernel_bug("call_rcu(): Double-freed CB");
	head.func = func;
	head.next = null;
	if (cblist_tail === null)
		cblist_head = head;
	else
		cblist_tail.next = head;
	cblist_tail = head;
	cblist_len++;
}

export function rcu_segcblist_n_cbs(): number {
	return cblist_len;
}

/** Invokes what is queued, in order. Callbacks may queue more: that waits for the next batch. */
export function rcu_do_batch(): void {
	if (in_batch)
		return;
	let rhp = cblist_head;

	cblist_head = null;
	cblist_tail = null;
	cblist_len = 0;
	gp_seq++;
	in_batch = true;
	pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_OFFSET;
	while (rhp !== null) {
		const next: struct_callback_head | null = rhp.next;
		const func = rhp.func!;
		rhp.next = null;
		rhp.func = null;
		if (CONFIG_PROVE_LOCKING) {
			if (rcu_callback_map.dep === 0)
				rcu_init();
			lock_acquire(rcu_callback_map.lock_id, rcu_callback_map.dep, 0);
		}
		func(rhp);
		if (CONFIG_PROVE_LOCKING)
			lock_release(rcu_callback_map.lock_id, rcu_callback_map.dep);
		rhp = next;
	}
	pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_OFFSET;
	in_batch = false;
}

/** A quiescent state: cheap when nothing is queued. */
export function rcu_qs(): void {
	if (cblist_head !== null)
		rcu_do_batch();
}

export function rcu_callbacks_pending(): boolean {
	return cblist_head !== null;
}

/** kernel/rcu/tree_plugin.h:rcu_note_context_switch() */
export function rcu_note_context_switch(_preempt: boolean): void {
	if (pcpu_hot[HOT_RCU_NESTING] !== 0)
		lockdep_rcu_suspicious(
			"Voluntary context switch within RCU read-side critical section");
	rcu_qs();
}

function check_not_reader(s: string): void {
	might_sleep();
	if (pcpu_hot[HOT_RCU_NESTING] !== 0)
		lockdep_rcu_suspicious(s);
}

/** kernel/rcu/tree.c:synchronize_rcu(). Nobody else can be inside a section: only we could. */
export function synchronize_rcu(): void {
	if (pcpu_hot[HOT_RCU_NESTING] !== 0)
		lockdep_rcu_suspicious("Illegal synchronize_rcu() in RCU read-side " +
			"critical section");
	check_not_reader("Illegal synchronize_rcu() in RCU read-side critical section");
	gp_seq++;
	rcu_qs();
}

export function synchronize_rcu_expedited(): void {
	synchronize_rcu();
}

/** kernel/rcu/tree.c:rcu_barrier(): all callbacks queued so far have run. */
export function rcu_barrier(): void {
	check_not_reader("Illegal rcu_barrier() in RCU read-side critical section");
	rcu_qs();
}

export function get_state_synchronize_rcu(): number {
	return gp_seq + 1;
}

export function poll_state_synchronize_rcu(oldstate: number): boolean {
	return gp_seq >= oldstate;
}

export function cond_synchronize_rcu(oldstate: number): void {
	if (!poll_state_synchronize_rcu(oldstate))
		synchronize_rcu();
}
