// SPDX-License-Identifier: GPL-2.0
/*
 * Timers in jiffies.
 *
 * Upstream: include/linux/timer.h.
 */
export { struct_timer_list } from "#linux/hrtimer_types.ts";
export { add_timer, del_timer, del_timer_sync, mod_timer, timer_pending, timer_setup,
	try_to_del_timer_sync } from "#linux/timer/timer.ts";
