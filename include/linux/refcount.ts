// SPDX-License-Identifier: GPL-2.0
/*
 * Reference counts that saturate instead of wrapping, and say so.
 *
 * Upstream: include/linux/refcount.h.
 */
import { refcount_warn_saturate } from "#linux/refcount/refcount.ts";

export {
	refcount_dec_and_lock, refcount_dec_and_lock_irqsave, refcount_dec_and_mutex_lock,
	refcount_dec_if_one, refcount_dec_not_one, refcount_warn_saturate,
} from "#linux/refcount/refcount.ts";

export class refcount_t {
	refs: number;
	constructor(n = 0) {
		this.refs = n;
	}
}

export function REFCOUNT_INIT(n: number): refcount_t {
	return new refcount_t(n);
}

export const REFCOUNT_MAX		= 0x7fffffff;
export const REFCOUNT_SATURATED		= -0x40000000;

export const REFCOUNT_ADD_NOT_ZERO_OVF	= 0;
export const REFCOUNT_ADD_OVF		= 1;
export const REFCOUNT_ADD_UAF		= 2;
export const REFCOUNT_SUB_UAF		= 3;
export const REFCOUNT_DEC_LEAK		= 4;

export function refcount_set(r: refcount_t, n: number): void {
	r.refs = n;
}

export function refcount_read(r: refcount_t): number {
	return r.refs;
}

export function refcount_add_not_zero(i: number, r: refcount_t): boolean {
	const old = r.refs;

	if (old === 0)
		return false;
	r.refs = (old + i) | 0;
	if (old < 0 || r.refs < 0)
		refcount_warn_saturate(r, REFCOUNT_ADD_NOT_ZERO_OVF);

	return true;
}

export function refcount_add(i: number, r: refcount_t): void {
	const old = r.refs;

	r.refs = (old + i) | 0;
	if (old === 0)
		refcount_warn_saturate(r, REFCOUNT_ADD_UAF);
	else if (old < 0 || r.refs < 0)
		refcount_warn_saturate(r, REFCOUNT_ADD_OVF);
}

export function refcount_inc_not_zero(r: refcount_t): boolean {
	return refcount_add_not_zero(1, r);
}

export function refcount_inc(r: refcount_t): void {
	refcount_add(1, r);
}

export function refcount_sub_and_test(i: number, r: refcount_t): boolean {
	const old = r.refs;

	r.refs = (old - i) | 0;
	if (old === i)
		return true;

	if (old < 0 || r.refs < 0)
		refcount_warn_saturate(r, REFCOUNT_SUB_UAF);

	return false;
}

export function refcount_dec_and_test(r: refcount_t): boolean {
	return refcount_sub_and_test(1, r);
}

export function refcount_dec(r: refcount_t): void {
	const old = r.refs;

	r.refs = (old - 1) | 0;
	if (old <= 1)
		refcount_warn_saturate(r, REFCOUNT_DEC_LEAK);
}
