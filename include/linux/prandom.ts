// SPDX-License-Identifier: GPL-2.0
/*
 * Pseudo-random numbers that need not be unguessable.
 *
 * Upstream: include/linux/prandom.h, lib/random32.c in purpose. One generator (xorshift32) for the
 * whole host, from the seed given at boot, so that a run can be repeated.
 */
let state = 0x9e3779b9 | 0;

export function prandom_seed(seed: number): void {
	state = seed | 0 || 0x9e3779b9 | 0;
}

export function prandom_u32(): number {
	let x = state;
	x ^= x << 13;
	x ^= x >>> 17;
	x ^= x << 5;
	state = x;
	return x >>> 0;
}

/** Below @ep_ro. */
export function prandom_u32_max(ep_ro: number): number {
	return Math.floor(prandom_u32() * ep_ro / 0x100000000);
}
