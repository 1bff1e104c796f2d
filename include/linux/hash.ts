// SPDX-License-Identifier: GPL-2.0
/*
 * Hashing of integers.
 *
 * Upstream: include/linux/hash.h. Left out: pointers, which have no number here.
 */

export const GOLDEN_RATIO_32	= 0x61C88647;
const GOLDEN_RATIO_64_HI	= 0x61C88646;
const GOLDEN_RATIO_64_LO	= 0x80B583EB | 0;

export function __hash_32(val: number): number {
	return Math.imul(val, GOLDEN_RATIO_32) >>> 0;
}

export function hash_32(val: number, bits: number): number {
	return Math.imul(val, GOLDEN_RATIO_32) >>> (32 - bits);
}

/* high word of the product of two 32-bit words */
function mul_hi(a: number, b: number): number {
	const a0 = a & 0xffff, a1 = a >>> 16, b0 = b & 0xffff, b1 = b >>> 16;
	const mid = a1 * b0 + ((a0 * b0) >>> 16);
	const mid2 = a0 * b1 + (mid & 0xffff);

	return (a1 * b1 + Math.floor(mid / 0x10000) + Math.floor(mid2 / 0x10000)) | 0;
}

/** @val a safe integer, @bits at most 32. */
export function hash_64(val: number, bits: number): number {
	const lo = val | 0, hi = Math.floor(val / 0x100000000) | 0;
	const top = mul_hi(lo >>> 0, GOLDEN_RATIO_64_LO >>> 0) + Math.imul(lo, GOLDEN_RATIO_64_HI) +
		Math.imul(hi, GOLDEN_RATIO_64_LO);

	return (top | 0) >>> (32 - bits);
}

export const hash_long = hash_64;
