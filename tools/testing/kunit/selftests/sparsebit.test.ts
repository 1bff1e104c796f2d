// SPDX-License-Identifier: GPL-2.0
/*
 * Sparse bits against a plain set.
 *
 * Port-only.
 */
import { describe, expect, it } from "vitest";
import { prng } from "#tools/include/nolibc/prng.ts";
import {
	sparsebit_alloc, sparsebit_clear_num, sparsebit_is_clear_num, sparsebit_is_set,
	sparsebit_is_set_num, sparsebit_next_clear, sparsebit_next_clear_num, sparsebit_next_set,
	sparsebit_next_set_num, sparsebit_num_set, sparsebit_set_num,
} from "#tools/testing/selftests/kvm/lib/sparsebit.ts";

const N = 200;

describe("sparsebit", () => {
	it("agrees with a set of numbers", () => {
		const rnd = new prng(7);
		const s = sparsebit_alloc();
		const model = new Set<number>();
		const all = (from: number, num: number, on: boolean): boolean => {
			for (let i = from; i < from + num; i++)
				if (model.has(i) !== on)
					return false;
			return true;
		};
		const next = (from: number, num: number, on: boolean): number => {
			for (let i = from + 1; i + num <= N; i++)
				if (all(i, num, on))
					return i;
			return 0;
		};

		for (let round = 0; round < 2000; round++) {
			const start = rnd.below(N - 20), num = 1 + rnd.below(20);

			if (rnd.chance(1, 2)) {
				sparsebit_set_num(s, start, num);
				for (let i = start; i < start + num; i++)
					model.add(i);
			} else {
				sparsebit_clear_num(s, start, num);
				for (let i = start; i < start + num; i++)
					model.delete(i);
			}
			const at = rnd.below(N - 20), n = 1 + rnd.below(10);
			expect(sparsebit_is_set(s, at)).toBe(model.has(at));
			expect(sparsebit_is_set_num(s, at, n)).toBe(all(at, n, true));
			expect(sparsebit_is_clear_num(s, at, n)).toBe(all(at, n, false));
			expect(sparsebit_num_set(s)).toBe(model.size);
			expect(sparsebit_next_set(s, at)).toBe(next(at, 1, true));
			expect(sparsebit_next_set_num(s, at, n)).toBe(next(at, n, true));
			if (next(at, 1, false) !== 0)
				expect(sparsebit_next_clear(s, at)).toBe(next(at, 1, false));
			if (next(at, n, false) !== 0)
				expect(sparsebit_next_clear_num(s, at, n)).toBe(next(at, n, false));
		}
	});

	it("holds runs up to the end of the address space", () => {
		const s = sparsebit_alloc();

		sparsebit_set_num(s, 2 ** 52 - 2 ** 35, 2 ** 35);
		expect(sparsebit_is_set_num(s, 2 ** 52 - 1, 1)).toBe(true);
		expect(sparsebit_next_set(s, 0)).toBe(2 ** 52 - 2 ** 35);
		expect(sparsebit_next_clear(s, 2 ** 52 - 5)).toBe(0);
	});
});
