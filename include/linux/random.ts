// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers from the seed given at boot.
 *
 * Upstream: include/linux/random.h, include/linux/prandom.h. Two streams: what the kernel draws
 * does not change the schedule.
 */

/** xorshift128, 32 bits a step; lib/random32.c has four shift registers instead. */
export class struct_rnd_state {
	s1 = 0x12345678;
	s2 = 0x9abcdef1;
	s3 = 0x0fedcba9;
	s4 = 0x87654321;
}

export function prandom_seed_state(state: struct_rnd_state, seed: number): void {
	let x = (seed ^ 0x9e3779b9) >>> 0;
	const next = (): number => {
		x = (x + 0x9e3779b9) >>> 0;
		let z = x;
		z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
		z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
		return (z ^ (z >>> 16)) | 0;
	};
	state.s1 = next();
	state.s2 = next();
	state.s3 = next();
	state.s4 = next() | 1;
}

export function prandom_u32_state(state: struct_rnd_state): number {
	let t = state.s1 ^ (state.s1 << 11);
	t ^= t >>> 8;
	state.s1 = state.s2;
	state.s2 = state.s3;
	state.s3 = state.s4;
	state.s4 = state.s4 ^ (state.s4 >>> 19) ^ t;
	return state.s4 >>> 0;
}

const kernel_state = new struct_rnd_state();

/** At boot, before anything is drawn. */
export function random_init(seed: number): void {
	prandom_seed_state(kernel_state, seed);
}

export function get_random_u32(): number {
	return prandom_u32_state(kernel_state);
}

export function get_random_int(): number {
	return prandom_u32_state(kernel_state);
}

export function get_random_u64(): bigint {
	return BigInt(get_random_u32()) << 32n | BigInt(get_random_u32());
}

/** An unsigned long as a number: 52 random bits. */
export function get_random_long(): number {
	return (get_random_u32() & 0xfffff) * 2 ** 32 + get_random_u32();
}

export function prandom_u32(): number {
	return prandom_u32_state(kernel_state);
}

/** 0 <= x < ceil */
export function prandom_u32_max(ceil: number): number {
	return Math.floor(prandom_u32() / 2 ** 32 * ceil);
}

export function get_random_bytes(buf: Uint8Array): void {
	for (let i = 0; i < buf.length; i++)
		buf[i] = get_random_u32() & 0xff;
}
