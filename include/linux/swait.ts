// SPDX-License-Identifier: GPL-2.0
/*
 * Simple wait queues: the same as the others here.
 *
 * Upstream: include/linux/swait.h.
 */
export { init_waitqueue_head as init_swait_queue_head, wait_queue_entry_t as struct_swait_queue,
	wait_queue_head_t as struct_swait_queue_head, wake_up as swake_up_one,
	wake_up_all as swake_up_all, waitqueue_active as swait_active } from "#linux/wait.ts";
