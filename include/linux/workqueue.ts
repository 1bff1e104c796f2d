// SPDX-License-Identifier: GPL-2.0
/*
 * Work queues.
 *
 * Upstream: include/linux/workqueue.h.
 */
import { queue_work, queue_delayed_work, mod_delayed_work, system_wq, type struct_workqueue_struct }
	from "#linux/workqueue/workqueue.ts";
import type { struct_delayed_work, struct_work_struct } from "#linux/workqueue_types.ts";

export * from "#linux/workqueue_types.ts";
export { INIT_DELAYED_WORK, alloc_ordered_workqueue, alloc_workqueue, cancel_delayed_work,
	cancel_delayed_work_sync, cancel_work, cancel_work_sync, current_work,
	delayed_work_pending, destroy_workqueue, drain_workqueue, flush_delayed_work,
	flush_scheduled_work, flush_work, flush_workqueue, mod_delayed_work, queue_delayed_work,
	queue_delayed_work_on, queue_work, queue_work_on, schedule_on_each_cpu,
	struct_workqueue_struct, system_highpri_wq, system_long_wq, system_unbound_wq, system_wq,
	work_busy, work_pending, workqueue_init, workqueue_init_early, to_delayed_work } from
	"#linux/workqueue/workqueue.ts";

export const WQ_UNBOUND		= 1 << 1;
export const WQ_FREEZABLE	= 1 << 2;
export const WQ_MEM_RECLAIM	= 1 << 3;
export const WQ_HIGHPRI		= 1 << 4;
export const WQ_CPU_INTENSIVE	= 1 << 5;
export const WQ_SYSFS		= 1 << 6;
export const WQ_POWER_EFFICIENT	= 1 << 7;

export function schedule_work(work: struct_work_struct): boolean {
	return queue_work(system_wq!, work);
}

export function schedule_work_on(_cpu: number, work: struct_work_struct): boolean {
	return queue_work(system_wq!, work);
}

export function schedule_delayed_work(dwork: struct_delayed_work, delay: number): boolean {
	return queue_delayed_work(system_wq!, dwork, delay);
}

export function mod_system_delayed_work(dwork: struct_delayed_work, delay: number): boolean {
	return mod_delayed_work(system_wq!, dwork, delay);
}

export type workqueue_struct = struct_workqueue_struct;
