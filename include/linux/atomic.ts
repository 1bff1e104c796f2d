// SPDX-License-Identifier: GPL-2.0
/*
 * atomic_t and its operations.
 *
 * Upstream: include/linux/atomic.h. atomic_long_t and atomic64_t are the same class: a count is a
 * safe integer. Counters that a struct keeps as a plain number field are changed in place.
 */

export class atomic_t {
	counter: number;
	constructor(i = 0) {
		this.counter = i;
	}
}

export const atomic64_t = atomic_t;
export type atomic64_t = atomic_t;
export const atomic_long_t = atomic_t;
export type atomic_long_t = atomic_t;

export function ATOMIC_INIT(i: number): atomic_t {
	return new atomic_t(i);
}

export function atomic_read(v: atomic_t): number {
	return v.counter;
}

export function atomic_set(v: atomic_t, i: number): void {
	v.counter = i;
}

export function atomic_add(i: number, v: atomic_t): void {
	v.counter += i;
}

export function atomic_sub(i: number, v: atomic_t): void {
	v.counter -= i;
}

export function atomic_inc(v: atomic_t): void {
	v.counter++;
}

export function atomic_dec(v: atomic_t): void {
	v.counter--;
}

export function atomic_add_return(i: number, v: atomic_t): number {
	return v.counter += i;
}

export function atomic_sub_return(i: number, v: atomic_t): number {
	return v.counter -= i;
}

export function atomic_inc_return(v: atomic_t): number {
	return ++v.counter;
}

export function atomic_dec_return(v: atomic_t): number {
	return --v.counter;
}

export function atomic_fetch_add(i: number, v: atomic_t): number {
	const old = v.counter;
	v.counter = old + i;
	return old;
}

export function atomic_fetch_inc(v: atomic_t): number {
	return v.counter++;
}

export function atomic_fetch_dec(v: atomic_t): number {
	return v.counter--;
}

export function atomic_or(i: number, v: atomic_t): void {
	v.counter |= i;
}

export function atomic_andnot(i: number, v: atomic_t): void {
	v.counter &= ~i;
}

export function atomic_and(i: number, v: atomic_t): void {
	v.counter &= i;
}

export function atomic_fetch_or(i: number, v: atomic_t): number {
	const old = v.counter;
	v.counter = old | i;
	return old;
}

export function atomic_sub_and_test(i: number, v: atomic_t): boolean {
	return (v.counter -= i) === 0;
}

export function atomic_dec_and_test(v: atomic_t): boolean {
	return --v.counter === 0;
}

export function atomic_inc_and_test(v: atomic_t): boolean {
	return ++v.counter === 0;
}

export function atomic_add_negative(i: number, v: atomic_t): boolean {
	return (v.counter += i) < 0;
}

export function atomic_xchg(v: atomic_t, new_: number): number {
	const old = v.counter;
	v.counter = new_;
	return old;
}

export function atomic_cmpxchg(v: atomic_t, old: number, new_: number): number {
	const was = v.counter;
	if (was === old)
		v.counter = new_;
	return was;
}

export function atomic_try_cmpxchg(v: atomic_t, old: { v: number }, new_: number): boolean {
	if (v.counter === old.v) {
		v.counter = new_;
		return true;
	}
	old.v = v.counter;
	return false;
}

export function atomic_fetch_add_unless(v: atomic_t, a: number, u: number): number {
	const c = v.counter;
	if (c !== u)
		v.counter = c + a;
	return c;
}

export function atomic_add_unless(v: atomic_t, a: number, u: number): boolean {
	if (v.counter === u)
		return false;
	v.counter += a;
	return true;
}

export function atomic_inc_not_zero(v: atomic_t): boolean {
	return atomic_add_unless(v, 1, 0);
}

export function atomic_inc_unless_negative(v: atomic_t): boolean {
	if (v.counter < 0)
		return false;
	v.counter++;
	return true;
}

export function atomic_dec_unless_positive(v: atomic_t): boolean {
	if (v.counter > 0)
		return false;
	v.counter--;
	return true;
}

export function atomic_dec_if_positive(v: atomic_t): number {
	const dec = v.counter - 1;
	if (dec >= 0)
		v.counter = dec;
	return dec;
}

export {
	atomic_read as atomic_read_acquire, atomic_set as atomic_set_release,
	atomic_read as atomic64_read, atomic_set as atomic64_set, atomic_add as atomic64_add,
	atomic_sub as atomic64_sub, atomic_inc as atomic64_inc, atomic_dec as atomic64_dec,
	atomic_inc_return as atomic64_inc_return, atomic_add_return as atomic64_add_return,
	atomic_dec_and_test as atomic64_dec_and_test, atomic_xchg as atomic64_xchg,
	atomic_cmpxchg as atomic64_cmpxchg, atomic_add_unless as atomic64_add_unless,
	atomic_fetch_add as atomic64_fetch_add, atomic_sub_return as atomic64_sub_return,
	atomic_read as atomic_long_read, atomic_set as atomic_long_set,
	atomic_add as atomic_long_add, atomic_sub as atomic_long_sub,
	atomic_inc as atomic_long_inc, atomic_dec as atomic_long_dec,
	atomic_add_return as atomic_long_add_return, atomic_sub_return as atomic_long_sub_return,
	atomic_inc_return as atomic_long_inc_return, atomic_xchg as atomic_long_xchg,
	atomic_cmpxchg as atomic_long_cmpxchg, atomic_add_unless as atomic_long_add_unless,
	atomic_inc_not_zero as atomic_long_inc_not_zero,
	atomic_sub_and_test as atomic_long_sub_and_test,
	atomic_dec_and_test as atomic_long_dec_and_test,
};
