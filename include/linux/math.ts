// SPDX-License-Identifier: GPL-2.0
/*
 * Rounding and division of safe integers.
 *
 * Upstream: include/linux/math.h, math64.h as far as it concerns numbers.
 */
import { DIV_ROUND_UP, round_down, round_up } from "#asm-generic/bits.ts";

export { DIV_ROUND_UP, round_down, round_up };

export const DIV_ROUND_UP_ULL = DIV_ROUND_UP;

export function DIV_ROUND_DOWN_ULL(ll: number, d: number): number {
	return Math.floor(ll / d);
}

/** To a multiple of any @y. */
export function roundup(x: number, y: number): number {
	return Math.ceil(x / y) * y;
}

export function rounddown(x: number, y: number): number {
	return x - x % y;
}

export function DIV_ROUND_CLOSEST(x: number, divisor: number): number {
	return Math.floor((x + Math.floor(divisor / 2)) / divisor);
}

/** x * numer / denom, without a product beyond the range of x * numer's parts. */
export function mult_frac(x: number, numer: number, denom: number): number {
	const quot = Math.floor(x / denom);
	const rem = x % denom;

	return quot * numer + Math.floor(rem * numer / denom);
}

export function abs(x: number): number {
	return x < 0 ? -x : x;
}

/** @val of 0 to 2^32 - 1 scaled to 0 to @ep_ro - 1. */
export function reciprocal_scale(val: number, ep_ro: number): number {
	return Math.floor(val * ep_ro / 0x100000000);
}

/** lib/math/int_sqrt.c:int_sqrt() */
export function int_sqrt(x: number): number {
	let y = Math.floor(Math.sqrt(x));

	while (y * y > x)
		y--;
	return y;
}

/* math64.h */
export function div_u64(dividend: number, divisor: number): number {
	return Math.floor(dividend / divisor);
}

export const div64_u64 = div_u64;
export const div64_ul = div_u64;
