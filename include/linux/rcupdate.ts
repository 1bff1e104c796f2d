// SPDX-License-Identifier: GPL-2.0
/*
 * Read-copy update.
 *
 * Upstream: include/linux/rcupdate.h, rcutree.h. A section is counted in the task. No task is
 * switched away inside one, so that every return to user mode, idle and synchronize_rcu() is a
 * quiescent state of the whole host.
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { HOT_IRQS, HOT_PREEMPT, HOT_RCU_NESTING, pcpu_hot } from "#asm/current.ts";
import { lockdep_rcu_suspicious } from "#linux/lockdep/lockdep.ts";
import { type struct_callback_head } from "#linux/rcupdate_types.ts";
import { call_rcu } from "#linux/rcupdate/tree.ts";
import { PREEMPT_COUNT_MASK, SOFTIRQ_DISABLE_OFFSET } from "#linux/preempt.const.ts";
import { rcu_unlock_bug } from "#linux/rcupdate/tree.ts";
import { kfree } from "#linux/slab.ts";

export { struct_callback_head, struct_rcu_head, type rcu_callback_t } from
	"#linux/rcupdate_types.ts";
export { call_rcu, rcu_barrier, synchronize_rcu, synchronize_rcu_expedited,
	get_state_synchronize_rcu, poll_state_synchronize_rcu, cond_synchronize_rcu,
	rcu_note_context_switch, rcu_do_batch, rcu_segcblist_n_cbs, rcu_init, rcu_qs } from
	"#linux/rcupdate/tree.ts";

export function rcu_read_lock(): void {
	pcpu_hot[HOT_RCU_NESTING]!++;
}

export function rcu_read_unlock(): void {
	if (--pcpu_hot[HOT_RCU_NESTING]! < 0)
		rcu_unlock_bug();
}

export function rcu_read_lock_held(): boolean {
	return pcpu_hot[HOT_RCU_NESTING] !== 0;
}

export function rcu_read_lock_any_held(): boolean {
	return pcpu_hot[HOT_RCU_NESTING] !== 0 || pcpu_hot[HOT_IRQS] !== 0 ||
		(pcpu_hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK) !== 0;
}

export const rcu_read_lock_sched_held = rcu_read_lock_any_held;

export function rcu_read_lock_bh(): void {
	pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_DISABLE_OFFSET;
}

export function rcu_read_unlock_bh(): void {
	pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_DISABLE_OFFSET;
}

export function rcu_read_lock_sched(): void {
	pcpu_hot[HOT_PREEMPT]!++;
}

export function rcu_read_unlock_sched(): void {
	pcpu_hot[HOT_PREEMPT]!--;
}

/* `const p = rcu_dereference(x.p);` needs a section */
export function rcu_dereference<T>(p: T): T {
	if (CONFIG_PROVE_LOCKING && pcpu_hot[HOT_RCU_NESTING] === 0)
		lockdep_rcu_suspicious("suspicious rcu_dereference_check() usage");
	return p;
}

/** @c: what else makes the access safe, usually lockdep_is_held(). */
export function rcu_dereference_check<T>(p: T, c: boolean): T {
	if (CONFIG_PROVE_LOCKING && !c && pcpu_hot[HOT_RCU_NESTING] === 0)
		lockdep_rcu_suspicious("suspicious rcu_dereference_check() usage");
	return p;
}

export function rcu_dereference_protected<T>(p: T, c: boolean): T {
	if (CONFIG_PROVE_LOCKING && !c)
		lockdep_rcu_suspicious("suspicious rcu_dereference_protected() usage");
	return p;
}

export function rcu_dereference_raw<T>(p: T): T {
	return p;
}

export function rcu_access_pointer<T>(p: T): T {
	return p;
}

/** `x.p = rcu_assign_pointer(v);` */
export function rcu_assign_pointer<T>(v: T): T {
	return v;
}

export const RCU_INIT_POINTER = rcu_assign_pointer;

export function RCU_LOCKDEP_WARN(c: boolean, s: string): void {
	if (CONFIG_PROVE_LOCKING && c)
		lockdep_rcu_suspicious(s);
}

function kfree_callback(head: struct_callback_head): void {
	kfree(head.owner);
}

/** `kfree_rcu(slots, "rcu")`: frees the struct that holds the head. */
export function kfree_rcu<T extends object, K extends keyof T>(ptr: T | null, member: K): void {
	if (ptr !== null)
		call_rcu(ptr[member] as unknown as struct_callback_head, kfree_callback);
}

export const kvfree_rcu = kfree_rcu;

export function rcu_head_init(rhp: struct_callback_head): void {
	rhp.func = null;
}

export function rcu_is_watching(): boolean {
	return true;
}
