// SPDX-License-Identifier: GPL-2.0
/*
 * struct srcu_struct.
 *
 * Upstream: include/linux/srcutree.h.
 */
import { LD_WAIT_SLEEP, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";
import type { struct_callback_head } from "#linux/rcupdate_types.ts";

export class struct_srcu_struct {
	readonly lock_id = new_lock_id();
	dep = 0;
	/** which of the two counters readers take now: its low bit */
	srcu_idx = 0;
	/** readers inside, by counter */
	nesting_0 = 0;
	nesting_1 = 0;
	srcu_gp_seq = 0;
	cblist_head: struct_callback_head | null = null;
	cblist_tail: struct_callback_head | null = null;
	initialised = false;
}

export function DEFINE_SRCU(name: string): struct_srcu_struct {
	const ssp = new struct_srcu_struct();
	ssp.dep = lockdep_key(name, LD_WAIT_SLEEP);
	ssp.initialised = true;
	return ssp;
}

export const DEFINE_STATIC_SRCU = DEFINE_SRCU;
