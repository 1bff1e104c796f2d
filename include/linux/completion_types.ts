// SPDX-License-Identifier: GPL-2.0
/*
 * struct completion.
 *
 * Upstream: include/linux/completion.h (the type), with struct swait_queue_head.
 */
import { LD_WAIT_CONFIG, lockdep_key } from "#linux/lockdep_types.ts";
import { wait_queue_head_t } from "#linux/wait_types.ts";

export class struct_completion {
	done = 0;
	wait = new wait_queue_head_t();
}

export function DECLARE_COMPLETION(name: string): struct_completion {
	const x = new struct_completion();
	x.wait.lock.dep = lockdep_key(`(${name}).wait.lock`, LD_WAIT_CONFIG);
	return x;
}
