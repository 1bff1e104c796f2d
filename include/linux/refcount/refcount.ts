// SPDX-License-Identifier: GPL-2.0
/*
 * What a reference count does when it goes wrong, and counts that guard a lock.
 *
 * Upstream: lib/refcount.c. Left out: nothing.
 */
import { WARN_ONCE } from "#linux/bug.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import type { struct_mutex } from "#linux/mutex_types.ts";
import {
	REFCOUNT_ADD_NOT_ZERO_OVF, REFCOUNT_ADD_OVF, REFCOUNT_ADD_UAF, REFCOUNT_DEC_LEAK,
	refcount_dec_and_test, REFCOUNT_SATURATED, refcount_set, REFCOUNT_SUB_UAF, type refcount_t,
} from "#linux/refcount.ts";
import {
	spin_lock, spin_lock_irqsave, spin_unlock, spin_unlock_irqrestore,
} from "#linux/spinlock.ts";
import type { spinlock_t } from "#linux/spinlock_types.ts";

/** lib/refcount.c:refcount_warn_saturate(): each case warns once. */
export function refcount_warn_saturate(r: refcount_t, t: number): void {
	refcount_set(r, REFCOUNT_SATURATED);

	switch (t) {
	case REFCOUNT_ADD_NOT_ZERO_OVF:
		WARN_ONCE(true, "refcount_t: saturated; leaking memory.\n");
		break;
	case REFCOUNT_ADD_OVF:
		WARN_ONCE(true, "refcount_t: saturated; leaking memory.\n");
		break;
	case REFCOUNT_ADD_UAF:
		WARN_ONCE(true, "refcount_t: addition on 0; use-after-free.\n");
		break;
	case REFCOUNT_SUB_UAF:
		WARN_ONCE(true, "refcount_t: underflow; use-after-free.\n");
		break;
	case REFCOUNT_DEC_LEAK:
		WARN_ONCE(true, "refcount_t: decrement hit 0; leaking memory.\n");
		break;
	default:
		WARN_ONCE(true, "refcount_t: unknown saturation event!?.\n");
	}
}

/** lib/refcount.c:refcount_dec_if_one() */
export function refcount_dec_if_one(r: refcount_t): boolean {
	if (r.refs !== 1)
		return false;
	r.refs = 0;
	return true;
}

/** lib/refcount.c:refcount_dec_not_one(): false if the count was 1, and is still. */
export function refcount_dec_not_one(r: refcount_t): boolean {
	const val = r.refs;

	if (val === REFCOUNT_SATURATED)
		return true;

	if (val === 1)
		return false;

	/* `new > val` of unsigned arithmetic */
	if (val === 0) {
		WARN_ONCE(true, "refcount_t: underflow; use-after-free.\n");
		return true;
	}

	r.refs = val - 1;
	return true;
}

/** lib/refcount.c:refcount_dec_and_mutex_lock(): true, and locked, if the count dropped to 0. */
export function refcount_dec_and_mutex_lock(r: refcount_t, lock: struct_mutex): boolean {
	if (refcount_dec_not_one(r))
		return false;

	mutex_lock(lock);
	if (!refcount_dec_and_test(r)) {
		mutex_unlock(lock);
		return false;
	}

	return true;
}

/** lib/refcount.c:refcount_dec_and_lock() */
export function refcount_dec_and_lock(r: refcount_t, lock: spinlock_t): boolean {
	if (refcount_dec_not_one(r))
		return false;

	spin_lock(lock);
	if (!refcount_dec_and_test(r)) {
		spin_unlock(lock);
		return false;
	}

	return true;
}

/** lib/refcount.c:refcount_dec_and_lock_irqsave() */
export function refcount_dec_and_lock_irqsave(r: refcount_t, lock: spinlock_t,
	flags: { v: number }): boolean {
	if (refcount_dec_not_one(r))
		return false;

	flags.v = spin_lock_irqsave(lock);
	if (!refcount_dec_and_test(r)) {
		spin_unlock_irqrestore(lock, flags.v);
		return false;
	}

	return true;
}
