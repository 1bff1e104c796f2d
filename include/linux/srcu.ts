// SPDX-License-Identifier: GPL-2.0
/*
 * Sleepable RCU.
 *
 * Upstream: include/linux/srcu.h.
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { HLOCK_NOCHECK, HLOCK_READ_RECURSIVE, lock_acquire, lock_id_is_held, lock_release } from
	"#linux/lockdep/lockdep.ts";
import { lockdep_rcu_suspicious } from "#linux/lockdep/lockdep.ts";
import { __srcu_read_lock, __srcu_read_unlock } from "#linux/srcu/srcutree.ts";
import type { struct_srcu_struct } from "#linux/srcu_types.ts";

export { struct_srcu_struct, DEFINE_SRCU, DEFINE_STATIC_SRCU } from "#linux/srcu_types.ts";
export { call_srcu, cleanup_srcu_struct, get_state_synchronize_srcu, init_srcu_struct,
	poll_state_synchronize_srcu, srcu_barrier, srcu_batches_completed,
	start_poll_synchronize_srcu, synchronize_srcu, synchronize_srcu_expedited } from
	"#linux/srcu/srcutree.ts";

/** `const idx = srcu_read_lock(ssp);` */
export function srcu_read_lock(ssp: struct_srcu_struct): number {
	const idx = __srcu_read_lock(ssp);
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(ssp.lock_id, ssp.dep, HLOCK_READ_RECURSIVE | HLOCK_NOCHECK);
	return idx;
}

export function srcu_read_unlock(ssp: struct_srcu_struct, idx: number): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(ssp.lock_id, ssp.dep);
	__srcu_read_unlock(ssp, idx);
}

export function srcu_read_lock_held(ssp: struct_srcu_struct): boolean {
	if (!CONFIG_PROVE_LOCKING)
		return true;
	return lock_id_is_held(ssp.lock_id, ssp.dep);
}

export function srcu_dereference_check<T>(p: T, ssp: struct_srcu_struct, c: boolean): T {
	if (CONFIG_PROVE_LOCKING && !c && !lock_id_is_held(ssp.lock_id, ssp.dep))
		lockdep_rcu_suspicious("suspicious srcu_dereference_check() usage");
	return p;
}

export function srcu_dereference<T>(p: T, ssp: struct_srcu_struct): T {
	return srcu_dereference_check(p, ssp, false);
}

export function smp_mb__after_srcu_read_unlock(): void {}
