// SPDX-License-Identifier: GPL-2.0
/*
 * Minimum, maximum and what is between.
 *
 * Upstream: include/linux/minmax.h.
 */
import { max, min } from "#asm-generic/bits.ts";

export { max, min };

export function min3<T extends number | bigint>(x: T, y: T, z: T): T {
	return min(min(x, y), z);
}

export function max3<T extends number | bigint>(x: T, y: T, z: T): T {
	return max(max(x, y), z);
}

export function min_not_zero(x: number, y: number): number {
	return x === 0 ? y : y === 0 ? x : min(x, y);
}

export function clamp<T extends number | bigint>(val: T, lo: T, hi: T): T {
	return min(max(val, lo), hi);
}

export const clamp_val = clamp;

/** @type the cast that both go through. */
export function min_t<A, T extends number | bigint>(type: (x: A) => T, x: A, y: A): T {
	return min(type(x), type(y));
}

export function max_t<A, T extends number | bigint>(type: (x: A) => T, x: A, y: A): T {
	return max(type(x), type(y));
}

export function clamp_t<A, T extends number | bigint>(type: (x: A) => T, val: A, lo: A, hi: A): T {
	return min(max(type(val), type(lo)), type(hi));
}
