// SPDX-License-Identifier: GPL-2.0
/*
 * High resolution timers.
 *
 * Upstream: include/linux/hrtimer.h.
 */
export * from "#linux/hrtimer_types.ts";
export { hrtimer_active, hrtimer_cancel, hrtimer_cb_get_time, hrtimer_forward, hrtimer_forward_now,
	hrtimer_get_remaining, hrtimer_init, hrtimer_is_queued, hrtimer_next_event, hrtimer_restart,
	hrtimer_run_queues, hrtimer_start, hrtimer_start_range_ns, hrtimer_try_to_cancel,
	hrtimers_init } from "#linux/timer/hrtimer.ts";

export const HRTIMER_MODE_ABS		= 0x00;
export const HRTIMER_MODE_REL		= 0x01;
export const HRTIMER_MODE_PINNED	= 0x02;
export const HRTIMER_MODE_SOFT		= 0x04;
export const HRTIMER_MODE_HARD		= 0x08;
export const HRTIMER_MODE_ABS_HARD	= 0x08;
export const HRTIMER_MODE_REL_HARD	= 0x09;
export const HRTIMER_MODE_ABS_SOFT	= 0x04;
export const HRTIMER_MODE_REL_SOFT	= 0x05;
export const HRTIMER_MODE_ABS_PINNED_HARD = 0x0a;
