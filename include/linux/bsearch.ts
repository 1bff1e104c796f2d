// SPDX-License-Identifier: GPL-2.0
/*
 * Binary search in a sorted array.
 *
 * Upstream: include/linux/bsearch.h, lib/bsearch.c.
 */

/** lib/bsearch.c:bsearch(): index of an element that @cmp finds equal to @key, or -1. */
export function bsearch<T>(key: T, base: readonly T[], num: number,
	cmp: (key: T, elt: T) => number): number {
	let at = 0;

	while (num > 0) {
		const pivot = at + (num >> 1);
		const result = cmp(key, base[pivot]!);

		if (result === 0)
			return pivot;

		if (result > 0) {
			at = pivot + 1;
			num--;
		}
		num >>= 1;
	}

	return -1;
}
