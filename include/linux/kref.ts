// SPDX-License-Identifier: GPL-2.0-only
/*
 * Embedded reference counts with a release function.
 *
 * Upstream: include/linux/kref.h.
 */
import type { embedded } from "#asm-generic/owner.ts";
import type { struct_mutex } from "#linux/mutex_types.ts";
import {
	refcount_dec_and_lock, refcount_dec_and_mutex_lock, refcount_dec_and_test, refcount_inc,
	refcount_inc_not_zero, refcount_read, refcount_set, refcount_t,
} from "#linux/refcount.ts";
import type { spinlock_t } from "#linux/spinlock_types.ts";

export class struct_kref implements embedded {
	refcount = new refcount_t();
	readonly owner: object | null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

export function kref_init(kref: struct_kref): void {
	refcount_set(kref.refcount, 1);
}

export function kref_read(kref: struct_kref): number {
	return refcount_read(kref.refcount);
}

export function kref_get(kref: struct_kref): void {
	refcount_inc(kref.refcount);
}

/** Whether @release was called. */
export function kref_put(kref: struct_kref, release: (kref: struct_kref) => void): boolean {
	if (refcount_dec_and_test(kref.refcount)) {
		release(kref);
		return true;
	}
	return false;
}

/** As kref_put(); @release is called with @lock held, and drops it. */
export function kref_put_mutex(kref: struct_kref, release: (kref: struct_kref) => void,
	lock: struct_mutex): boolean {
	if (refcount_dec_and_mutex_lock(kref.refcount, lock)) {
		release(kref);
		return true;
	}
	return false;
}

/** As kref_put_mutex(). */
export function kref_put_lock(kref: struct_kref, release: (kref: struct_kref) => void,
	lock: spinlock_t): boolean {
	if (refcount_dec_and_lock(kref.refcount, lock)) {
		release(kref);
		return true;
	}
	return false;
}

export function kref_get_unless_zero(kref: struct_kref): boolean {
	return refcount_inc_not_zero(kref.refcount);
}

