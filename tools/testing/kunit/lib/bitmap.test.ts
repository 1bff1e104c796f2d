// SPDX-License-Identifier: GPL-2.0
/*
 * Bits, bitmaps, hashes, sorting and rounding against the obvious.
 */
import { describe, expect, it } from "vitest";
import {
	bitmap_and, bitmap_andnot, bitmap_clear, bitmap_empty, bitmap_equal,
	bitmap_find_free_region, bitmap_find_next_zero_area, bitmap_full, bitmap_intersects,
	bitmap_or, bitmap_release_region, bitmap_set, bitmap_subset, bitmap_weight, bitmap_xor,
	DECLARE_BITMAP, find_first_bit, find_first_zero_bit, find_last_bit, find_next_and_bit,
	find_next_bit, find_next_zero_bit, for_each_clear_bit, for_each_set_bit,
} from "#linux/bitmap.ts";
import {
	__ffs64, assign_bit, clear_bit, ffs, ffz, fls, fls64, get_count_order, hweight32,
	hweight_long, rol32, ror32, set_bit, sign_extend32, test_and_clear_bit, test_and_set_bit,
	test_bit,
} from "#linux/bitops.ts";
import { ENOMEM } from "#linux/errno.ts";
import { hash_32, hash_64 } from "#linux/hash.ts";
import { bits_per, order_base_2, rounddown_pow_of_two, roundup_pow_of_two } from "#linux/log2.ts";
import { DIV_ROUND_CLOSEST, int_sqrt, mult_frac, roundup } from "#linux/math.ts";
import { clamp, max3, min3, min_not_zero } from "#linux/minmax.ts";
import { sort } from "#linux/sort.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";

function eq(got: unknown, want: unknown): void {
	if (got !== want)
		expect(got).toBe(want);
}

describe("bitmaps", () => {
	it("against arrays of booleans", () => {
		for (const seed of seeds(20)) {
			const rnd = new prng(seed);
			const n = 1 + rnd.below(rnd.pick([8, 70, 200]));
			const map = DECLARE_BITMAP(n),
				want: boolean[] = new Array<boolean>(n).fill(false);
			eq(map.length % 8, 0);
			for (let step = 0; step < 300; step++) {
				const bit = rnd.below(n), len = rnd.below(n - bit + 1);
				switch (rnd.below(6)) {
				case 0:
					eq(test_and_set_bit(bit, map), want[bit]);
					want[bit] = true;
					break;
				case 1:
					eq(test_and_clear_bit(bit, map), want[bit]);
					want[bit] = false;
					break;
				case 2:
					bitmap_set(map, bit, len);
					want.fill(true, bit, bit + len);
					break;
				case 3:
					bitmap_clear(map, bit, len);
					want.fill(false, bit, bit + len);
					break;
				case 4:
					assign_bit(bit, map, step % 2 === 0);
					want[bit] = step % 2 === 0;
					break;
				default: {
					const zero_area = bitmap_find_next_zero_area(map, n, bit,
						len + 1, 0);
					let at = bit;
					while (at + len + 1 <= n &&
						want.slice(at, at + len + 1).includes(true))
						at++;
					eq(zero_area >= n + 1 ? -1 : zero_area, at + len + 1 > n ?
						-1 : at);
				}
				}
				const next = (from: number, v: boolean): number => {
					const i = want.indexOf(v, from);
					return i < 0 ? n : i;
				};
				eq(test_bit(bit, map), want[bit]);
				eq(find_first_bit(map, n), next(0, true));
				eq(find_first_zero_bit(map, n), next(0, false));
				eq(find_next_bit(map, n, bit), next(bit, true));
				eq(find_next_zero_bit(map, n, bit), next(bit, false));
				eq(find_last_bit(map, n), want.includes(true) ?
					want.lastIndexOf(true) : n);
				eq(bitmap_weight(map, n), want.filter((x) => x).length);
				eq(bitmap_empty(map, n), !want.includes(true));
				eq(bitmap_full(map, n), !want.includes(false));
			}
			const set = want.flatMap((x, i) => x ? [i] : []);
			expect([...for_each_set_bit(map, n)]).toEqual(set);
			expect([...for_each_clear_bit(map, n)])
				.toEqual(want.flatMap((x, i) => x ? [] : [i]));
		}
	});

	it("two at a time", () => {
		const rnd = new prng(9);
		for (let round = 0; round < 300; round++) {
			const n = 1 + rnd.below(150);
			const a = DECLARE_BITMAP(n), b = DECLARE_BITMAP(n), c = DECLARE_BITMAP(n);
			const dense = rnd.chance(1, 2) ? 2 : 40;
			for (let i = 0; i < n; i++) {
				if (rnd.chance(1, dense))
					set_bit(i, a);
				if (rnd.chance(1, dense))
					set_bit(i, b);
			}
			/* bits beyond n must not count */
			for (let i = n; i < a.length * 8; i++)
				set_bit(i, a);
			const bits = [...Array(n).keys()];
			const both = bits.filter((i) => test_bit(i, a) && test_bit(i, b));
			eq(bitmap_and(c, a, b, n), both.length > 0);
			expect([...for_each_set_bit(c, n)]).toEqual(both);
			eq(find_next_and_bit(a, b, n, 0), both[0] ?? n);
			eq(bitmap_intersects(a, b, n), both.length > 0);
			eq(bitmap_subset(a, b, n),
				bits.every((i) => !test_bit(i, a) || test_bit(i, b)));
			eq(bitmap_equal(a, b, n),
				bits.every((i) => test_bit(i, a) === test_bit(i, b)));
			const not = bits.filter((i) => test_bit(i, a) && !test_bit(i, b));
			eq(bitmap_andnot(c, a, b, n), not.length > 0);
			expect([...for_each_set_bit(c, n)]).toEqual(not);
			bitmap_or(c, a, b, n);
			eq(bitmap_weight(c, n), bits
				.filter((i) => test_bit(i, a) || test_bit(i, b)).length);
			bitmap_xor(c, a, b, n);
			eq(bitmap_weight(c, n), bits
				.filter((i) => test_bit(i, a) !== test_bit(i, b)).length);
		}
	});

	it("regions", () => {
		const map = DECLARE_BITMAP(64);
		eq(bitmap_find_free_region(map, 64, 0), 0);
		eq(bitmap_find_free_region(map, 64, 3), 8);
		eq(bitmap_find_free_region(map, 64, 1), 2);
		eq(bitmap_find_free_region(map, 64, 5), 32);
		eq(bitmap_find_free_region(map, 64, 5), -ENOMEM);
		bitmap_release_region(map, 32, 5);
		eq(bitmap_find_free_region(map, 64, 5), 32);
	});
});

describe("words", () => {
	it("bits", () => {
		const x = { flags: 0 };
		set_bit(31, x);
		eq(test_bit(31, x), true);
		eq(test_bit(31, x.flags), true);
		eq(test_and_set_bit(3, x), false);
		clear_bit(31, x);
		eq(x.flags, 8);
		const rnd = new prng(4);
		for (let i = 0; i < 2000; i++) {
			const w = rnd.u32() >>> rnd.below(32), big = w * 2 ** rnd.below(21);
			const ones = w.toString(2).replaceAll("0", "").length;
			eq(hweight32(w), ones);
			eq(hweight_long(big), ones);
			eq(fls(w), w === 0 ? 0 : w.toString(2).length);
			eq(fls64(big), big === 0 ? 0 : big.toString(2).length);
			eq(ffs(w), w === 0 ? 0 : 32 - Math.clz32(w & -w));
			if (big !== 0)
				eq(big % 2 ** __ffs64(big) === 0 &&
					big % 2 ** (__ffs64(big) + 1) !== 0, true);
			const s = rnd.below(32);
			eq(ror32(rol32(w, s), s), w);
			eq(hash_32(w, 8),
				Number(BigInt.asUintN(32, BigInt(w) * 0x61C88647n) >> 24n));
			for (const bits of [1, 7, 32]) {
				const product =
					BigInt.asUintN(64, BigInt(big) * 0x61C8864680B583EBn);
				eq(hash_64(big, bits), Number(product >> BigInt(64 - bits)));
			}
		}
		eq(ffz(0b0111), 3);
		eq(sign_extend32(0xff, 7), -1);
		eq(sign_extend32(0x7f, 7), 127);
		eq(get_count_order(5), 3);
	});

	it("rounding", () => {
		eq(roundup_pow_of_two(5), 8);
		eq(roundup_pow_of_two(2 ** 40 + 1), 2 ** 41);
		eq(rounddown_pow_of_two(2 ** 40 + 1), 2 ** 40);
		expect([0, 1, 2, 3, 4, 5].map(order_base_2)).toEqual([0, 0, 1, 2, 2, 3]);
		expect([0, 1, 2, 3, 4].map(bits_per)).toEqual([1, 1, 2, 2, 3]);
		eq(roundup(10, 7), 14);
		eq(DIV_ROUND_CLOSEST(7, 2), 4);
		eq(mult_frac(2 ** 50, 3, 4), 3 * 2 ** 48);
		for (const x of [0, 1, 2, 3, 4, 99, 100, 2 ** 52 - 1])
			eq(int_sqrt(x) ** 2 <= x && (int_sqrt(x) + 1) ** 2 > x, true);
		eq(min3(3, 1, 2), 1);
		eq(max3(3n, 1n, 2n), 3n);
		eq(clamp(11, 0, 10), 10);
		eq(min_not_zero(0, 7), 7);
	});
});

describe("sort", () => {
	it("sorts a prefix", () => {
		const rnd = new prng(5);
		for (let n = 0; n < 60; n++) {
			const a = Array.from({ length: 64 }, () => rnd.below(50)),
				rest = a.slice(n);
			const want = a.slice(0, n).sort((x, y) => x - y);
			sort(a, n, (x, y) => x - y, null);
			expect(a).toEqual([...want, ...rest]);
			let swaps = 0;
			sort(a, n, (x, y) => y - x, (base, i, j) => {
				[base[i], base[j]] = [base[j]!, base[i]!];
				swaps++;
			});
			expect(a.slice(0, n)).toEqual(want.reverse());
			eq(n < 3 || swaps > 0, true);
		}
	});
});
