// SPDX-License-Identifier: GPL-2.0
/*
 * Seeded random numbers for tests (xorshift, 32 bits).
 *
 * Port-only.
 */

export class prng {
	private state: number;
	constructor(seed: number) {
		this.state = seed | 0 || 0x9e3779b9 | 0;
		for (let i = 0; i < 8; i++)
			this.u32();
	}
	u32(): number {
		let x = this.state;

		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
		this.state = x;
		return x >>> 0;
	}
	/** 0 <= x < n, n up to 2^32. */
	below(n: number): number {
		return Math.floor(this.u32() / 0x100000000 * n);
	}
	/** True in @n of @of cases. */
	chance(n: number, of: number): boolean {
		return this.below(of) < n;
	}
	pick<T>(list: readonly T[]): T {
		return list[this.below(list.length)]!;
	}
}
