// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks and a console for the tests of the kernel's core, without a host.
 *
 * Port-only.
 */
import { HOT_PREEMPT, pcpu_hot } from "#asm/current.ts";
import { PREEMPT_COUNT_MASK } from "#linux/preempt.ts";
import { lockdep_set_class_and_name } from "#linux/lockdep.ts";
import { log_buf_clear, kmsg_text } from "#linux/printk.ts";
import { panic_reset } from "#linux/panic.ts";
import { init_task, set_current, struct_task_struct } from "#linux/sched_types.ts";
import { struct_sighand_struct, struct_signal_struct } from "#linux/signal_types.ts";
import { spin_lock_init } from "#linux/spinlock.ts";
import { list_add_tail, INIT_LIST_HEAD } from "#linux/list.ts";
import { sched_set_running } from "#linux/sched.ts";

let next_pid = 1;

/** A task that no fork made: enough for locks, wait queues and signals. */
export function make_task(comm: string): struct_task_struct {
	const signal = new struct_signal_struct();
	const t = new struct_task_struct(signal);

	t.comm = comm;
	t.pid = next_pid++;
	t.tgid = t.pid;
	t.sighand = new struct_sighand_struct();
	t.sighand.count = 1;
	spin_lock_init(t.sighand.siglock, "&sighand->siglock");
	lockdep_set_class_and_name(t.alloc_lock, null, "&p->alloc_lock");
	lockdep_set_class_and_name(t.pi_lock, null, "&p->pi_lock");
	INIT_LIST_HEAD(signal.thread_head);
	list_add_tail(t.thread_node, signal.thread_head);
	return t;
}

/** Clears what a test before may have left, and makes a fresh task current. */
export function reset(): struct_task_struct {
	log_buf_clear();
	panic_reset();
	sched_set_running();
	const t = make_task("kunit");
	set_current(t);
	return t;
}

/** What fn() throws and prints. */
export function report_of(fn: () => void): { message: string; text: string } {
	log_buf_clear();
	try {
		fn();
	} catch (e) {
		pcpu_hot[HOT_PREEMPT]! &= PREEMPT_COUNT_MASK;
		return { message: (e as Error).message, text: kmsg_text().join("\n") };
	}
	throw new Error("nothing was reported");
}

export { init_task };
