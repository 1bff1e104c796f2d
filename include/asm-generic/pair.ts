// SPDX-License-Identifier: GPL-2.0
/*
 * 64-bit words as pairs of int32 halves: shadow page table entries and their masks.
 *
 * Port-only; why pairs: Documentation/port/carriers.md. Immutable, so that a mask may be shared;
 * except those that their owner writes with pair_set() or pair_put(), who hands out copies of them.
 */
export class u64_pair {
	readonly lo: number;
	readonly hi: number;
	constructor(lo: number, hi: number) {
		this.lo = lo;
		this.hi = hi;
	}
}

/** A shadow page table entry, or a mask of its bits. */
export type u64_spte = u64_pair;

/** Any two halves, wrapped to int32. */
export function pair(lo: number, hi: number): u64_pair {
	return new u64_pair(lo | 0, hi | 0);
}

export const PAIR_ZERO = pair(0, 0);

/** *dst = src */
export function pair_set(dst: u64_pair, src: u64_pair): void {
	pair_put(dst, src.lo, src.hi);
}

/** *dst = (lo, hi), int32 both. */
export function pair_put(dst: u64_pair, lo: number, hi: number): void {
	const words = dst as { lo: number; hi: number };

	words.lo = lo;
	words.hi = hi;
}

/** What @a is now. */
export function pair_copy(a: u64_pair): u64_pair {
	return new u64_pair(a.lo, a.hi);
}

/** BIT_ULL(@nr) */
export function pair_bit(nr: number): u64_pair {
	return nr < 32 ? pair(1 << nr, 0) : pair(0, 1 << (nr - 32));
}

/** GENMASK_ULL(@h, @l) */
export function pair_genmask(h: number, l: number): u64_pair {
	return pair_from_u64((2n << BigInt(h)) - (1n << BigInt(l)));
}

export function pair_from_u64(x: bigint): u64_pair {
	return pair(Number(BigInt.asIntN(32, x)), Number(BigInt.asIntN(32, x >> 32n)));
}

export function pair_to_u64(a: u64_pair): bigint {
	return (BigInt(a.hi >>> 0) << 32n) | BigInt(a.lo >>> 0);
}

/** @x a safe integer, not negative. */
export function pair_from_number(x: number): u64_pair {
	return pair(x, Math.floor(x / 2 ** 32));
}

/** Exact up to 2^53. */
export function pair_to_number(a: u64_pair): number {
	return (a.hi >>> 0) * 2 ** 32 + (a.lo >>> 0);
}

export function pair_and(a: u64_pair, b: u64_pair): u64_pair {
	return new u64_pair(a.lo & b.lo, a.hi & b.hi);
}

export function pair_or(a: u64_pair, b: u64_pair): u64_pair {
	return new u64_pair(a.lo | b.lo, a.hi | b.hi);
}

/** a & ~b */
export function pair_andnot(a: u64_pair, b: u64_pair): u64_pair {
	return new u64_pair(a.lo & ~b.lo, a.hi & ~b.hi);
}

export function pair_xor(a: u64_pair, b: u64_pair): u64_pair {
	return new u64_pair(a.lo ^ b.lo, a.hi ^ b.hi);
}

export function pair_not(a: u64_pair): u64_pair {
	return new u64_pair(~a.lo, ~a.hi);
}

export function pair_eq(a: u64_pair, b: u64_pair): boolean {
	return a.lo === b.lo && a.hi === b.hi;
}

/** (a & mask) != 0 */
export function pair_test(a: u64_pair, mask: u64_pair): boolean {
	return ((a.lo & mask.lo) | (a.hi & mask.hi)) !== 0;
}

/** (a & mask) == mask */
export function pair_has_all(a: u64_pair, mask: u64_pair): boolean {
	return (a.lo & mask.lo) === mask.lo && (a.hi & mask.hi) === mask.hi;
}

/** (a & mask) == value */
export function pair_masked_eq(a: u64_pair, mask: u64_pair, value: u64_pair): boolean {
	return (a.lo & mask.lo) === value.lo && (a.hi & mask.hi) === value.hi;
}

export function pair_is_zero(a: u64_pair): boolean {
	return (a.lo | a.hi) === 0;
}

export function pair_shl(a: u64_pair, n: number): u64_pair {
	if (n === 0)
		return a;
	return n >= 32 ? pair(0, a.lo << (n - 32)) :
		pair(a.lo << n, (a.hi << n) | (a.lo >>> (32 - n)));
}

export function pair_shr(a: u64_pair, n: number): u64_pair {
	if (n === 0)
		return a;
	return n >= 32 ? pair(a.hi >>> (n - 32), 0) :
		pair((a.lo >>> n) | (a.hi << (32 - n)), a.hi >>> n);
}

/** The frame number in bits 12 to 51. */
export function pair_frame(a: u64_pair): number {
	return (a.lo >>> 12) + (a.hi & 0xfffff) * 2 ** 20;
}

/** Number of the lowest set bit; @a is not 0. */
export function pair_ffs(a: u64_pair): number {
	return a.lo !== 0 ? 31 - Math.clz32(a.lo & -a.lo) : 63 - Math.clz32(a.hi & -a.hi);
}

/** Number of the highest set bit; @a is not 0. */
export function pair_fls(a: u64_pair): number {
	return a.hi !== 0 ? 63 - Math.clz32(a.hi) : 31 - Math.clz32(a.lo);
}
