// SPDX-License-Identifier: GPL-2.0
/*
 * struct callback_head, what call_rcu() and task_work_add() queue.
 *
 * Upstream: struct callback_head of include/linux/types.h.
 */

export type rcu_callback_t = (head: struct_callback_head) => void;

export class struct_callback_head {
	readonly owner: object | null;
	next: struct_callback_head | null = null;
	func: rcu_callback_t | null = null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

export const struct_rcu_head = struct_callback_head;
export type struct_rcu_head = struct_callback_head;
