// SPDX-License-Identifier: GPL-2.0
/*
 * Timers: the types.
 *
 * Upstream: struct hrtimer of include/linux/hrtimer.h, struct timer_list of include/linux/timer.h.
 * ktime_t is a number of nanoseconds (exact up to 104 days of virtual time).
 */

export type ktime_t = number;

export type hrtimer_restart = 0 | 1;
export const HRTIMER_NORESTART	= 0;
export const HRTIMER_RESTART	= 1;

/** Queued in one list sorted by expiry, then by the order of starting (seq). */
export class struct_timer_node {
	expires: ktime_t = 0;
	seq = 0;
	/** index in the heap, -1 when not queued */
	at = -1;
	readonly timer: struct_hrtimer | struct_timer_list;
	constructor(timer: struct_hrtimer | struct_timer_list) {
		this.timer = timer;
	}
}

export class struct_hrtimer {
	readonly owner: object | null;
	node = new struct_timer_node(this);
	/** absolute, of the timer's clock */
	_softexpires: ktime_t = 0;
	clock_id = 0;
	is_soft = 0;
	function_: ((timer: struct_hrtimer) => hrtimer_restart) | null = null;
	running = false;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

export class struct_timer_list {
	readonly owner: object | null;
	node = new struct_timer_node(this);
	/** jiffies */
	expires = 0;
	flags = 0;
	function_: ((timer: struct_timer_list) => void) | null = null;
	running = false;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}
