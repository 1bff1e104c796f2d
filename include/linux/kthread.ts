// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel threads.
 *
 * Upstream: include/linux/kthread.h. A body is a plain function, which runs to its end in one
 * slice, or a generator function, which yields where upstream's thread sleeps:
 *
 *	function* worker(data: unknown): Generator<void, number, void> {
 *		while (!kthread_should_stop()) {
 *			set_current_state(TASK_INTERRUPTIBLE);
 *			yield;
 *			...
 *		}
 *		return 0;
 *	}
 */
export { kthread_bind, kthread_complete_and_exit, kthread_create, kthread_create_on_cpu,
	kthread_create_on_node, kthread_data, kthread_exit, kthread_park, kthread_parkme,
	kthread_run, kthread_should_park, kthread_should_stop, kthread_stop, kthread_unpark,
	struct_kthread, to_kthread } from "#linux/kthread/kthread.ts";
