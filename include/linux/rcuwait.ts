// SPDX-License-Identifier: GPL-2.0
/*
 * One task that waits.
 *
 * Upstream: include/linux/rcuwait.h, rcuwait_wake_up() of kernel/exit.c.
 */
import { TASK_NORMAL, TASK_RUNNING, current, type struct_task_struct } from "#linux/sched_types.ts";
import { schedule, try_to_wake_up } from "#linux/sched.ts";

export class struct_rcuwait {
	task: struct_task_struct | null = null;
}

export function rcuwait_init(w: struct_rcuwait): void {
	w.task = null;
}

export function rcuwait_active(w: struct_rcuwait): boolean {
	return w.task !== null;
}

/** kernel/exit.c:rcuwait_wake_up() */
export function rcuwait_wake_up(w: struct_rcuwait): number {
	return w.task !== null && try_to_wake_up(w.task, TASK_NORMAL, 0) ? 1 : 0;
}

export function prepare_to_rcuwait(w: struct_rcuwait): void {
	w.task = current;
}

export function finish_rcuwait(w: struct_rcuwait): void {
	w.task = null;
	current.__state = TASK_RUNNING;
}

/** For waits on the kernel's own work; see schedule(). */
export function rcuwait_wait_event(w: struct_rcuwait, condition: () => boolean, state: number):
	number {
	prepare_to_rcuwait(w);
	for (;;) {
		current.__state = state;
		if (condition())
			break;
		schedule();
	}
	finish_rcuwait(w);
	return 0;
}
