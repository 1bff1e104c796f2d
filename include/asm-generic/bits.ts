// SPDX-License-Identifier: GPL-2.0
/*
 * Shifts, masks and rounding for kinds carried by numbers (safe integers, never negative).
 *
 * Port-only: JavaScript's own operators stop at 32 bits.
 */

const POW2: number[] = Array.from({ length: 64 }, (_, n) => 2 ** n);
const INV2: number[] = Array.from({ length: 64 }, (_, n) => 2 ** -n);

/** x >> n, 0 <= n < 64. */
export function ul_shr(x: number, n: number): number {
	if (x <= 0x7fffffff && n < 32)
		return x >> n;
	const q = x * INV2[n]!;
	return q <= 0x7fffffff ? q | 0 : Math.floor(q);
}

/** x >> n, for an x below 2^31. */
export function u31_shr(x: number, n: number): number {
	return x >> n;
}

/** x << n; the caller knows that the result is below 2^53. */
export function ul_shl(x: number, n: number): number {
	return x * POW2[n]!;
}

/** x & mask, for a mask of low bits below 2^31. */
export function ul_and_low(x: number, mask: number): number {
	return x & mask;
}

/** x & ~mask, for a mask of low bits below 2^31. */
export function ul_and_not_low(x: number, mask: number): number {
	return x - (x & mask);
}

/** x | bits, for bits below 2^31. */
export function ul_or_low(x: number, bits: number): number {
	return x - (x & bits) + bits;
}

/** C's BIT(n) for 32-bit words. */
export function BIT(n: number): number {
	return (1 << n) >>> 0;
}

/** x rounded down to a multiple of a, any a (power of two, up to 2^52). */
export function ALIGN_DOWN<T extends number>(x: T, a: number): T {
	return (a <= 0x40000000 ? x - (x & (a - 1)) : Math.floor(x / a) * a) as T;
}

/** The next multiple of a at or above x; a is a power of two up to 2^52. */
export function ALIGN<T extends number>(x: T, a: number): T {
	return ALIGN_DOWN((x + (a - 1)) as T, a);
}

export const round_up = ALIGN;
export const round_down = ALIGN_DOWN;

export function IS_ALIGNED(x: number, a: number): boolean {
	return a <= 0x40000000 ? (x & (a - 1)) === 0 : x % a === 0;
}

export function DIV_ROUND_UP(n: number, d: number): number {
	return Math.floor((n + d - 1) / d);
}

export function min<T extends number | bigint>(a: T, b: T): T {
	return a < b ? a : b;
}

export function max<T extends number | bigint>(a: T, b: T): T {
	return a > b ? a : b;
}

/** Number of the highest set bit, 0 to 31; x is not 0. */
export function __fls(x: number): number {
	return 31 - Math.clz32(x);
}

/** Number of the lowest set bit, 0 to 31; x is not 0. */
export function __ffs(x: number): number {
	return 31 - Math.clz32(x & -x);
}

/** floor(log2(x)) for a safe integer above 0. */
export function ilog2(x: number): number {
	return x < 0x80000000 ? 31 - Math.clz32(x) : 31 + ilog2(Math.floor(x * INV2[31]!));
}

export function is_power_of_2(x: number): boolean {
	return x !== 0 && 2 ** ilog2(x) === x;
}
