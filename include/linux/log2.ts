// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logarithms and powers of two, of safe integers.
 *
 * Upstream: include/linux/log2.h.
 */
import { ilog2, is_power_of_2 } from "#asm-generic/bits.ts";

export { ilog2, is_power_of_2 };

export function roundup_pow_of_two(n: number): number {
	return n <= 1 ? 1 : 2 ** (ilog2(n - 1) + 1);
}

export function rounddown_pow_of_two(n: number): number {
	return 2 ** ilog2(n);
}

/** Smallest order with 2^order >= n; 0 for 0 and 1. */
export function order_base_2(n: number): number {
	return n > 1 ? ilog2(n - 1) + 1 : 0;
}

/** Bits needed to write @n down. */
export function bits_per(n: number): number {
	return n < 2 ? 1 : ilog2(n) + 1;
}
