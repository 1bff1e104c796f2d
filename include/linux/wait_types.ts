// SPDX-License-Identifier: GPL-2.0
/*
 * Wait queues: the types.
 *
 * Upstream: struct wait_queue_head and wait_queue_entry of include/linux/wait.h.
 */
import { LD_WAIT_CONFIG, lockdep_key } from "#linux/lockdep_types.ts";
import { struct_list_head } from "#linux/list.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";

export type wait_queue_func_t = (wq_entry: wait_queue_entry_t, mode: number, flags: number,
	key: unknown) => number;

export const WQ_FLAG_EXCLUSIVE	= 0x01;
export const WQ_FLAG_WOKEN	= 0x02;
export const WQ_FLAG_BOOKMARK	= 0x04;
export const WQ_FLAG_CUSTOM	= 0x08;
export const WQ_FLAG_DONE	= 0x10;
export const WQ_FLAG_PRIORITY	= 0x20;

export class wait_queue_entry_t {
	flags = 0;
	/** what func wakes, usually a task; C: private */
	private_: unknown = null;
	func: wait_queue_func_t | null = null;
	entry = new struct_list_head(this);
	/** struct this entry is embedded in (C: container_of) */
	readonly owner: object | null;
	constructor(owner: object | null = null) {
		this.owner = owner;
	}
}

export const struct_wait_queue_entry = wait_queue_entry_t;
export type struct_wait_queue_entry = wait_queue_entry_t;

export class wait_queue_head_t {
	lock = new spinlock_t();
	head = new struct_list_head(null);
}

export const struct_wait_queue_head = wait_queue_head_t;
export type struct_wait_queue_head = wait_queue_head_t;

export function DECLARE_WAIT_QUEUE_HEAD(name: string): wait_queue_head_t {
	const wq_head = new wait_queue_head_t();
	wq_head.lock.dep = lockdep_key(name, LD_WAIT_CONFIG);
	return wq_head;
}
