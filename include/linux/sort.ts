// SPDX-License-Identifier: GPL-2.0
/*
 * Heapsort in place: the order of equal elements is C's.
 *
 * Upstream: include/linux/sort.h, lib/sort.c.
 */

function do_swap<T>(base: T[], a: number, b: number): void {
	const t = base[a]!;

	base[a] = base[b]!;
	base[b] = t;
}

/** lib/sort.c:sort_r(): the first @num elements of @base. */
export function sort_r<T, P>(base: T[], num: number, cmp_func: (a: T, b: T, priv: P) => number,
	swap_func: ((base: T[], a: number, b: number, priv: P) => void) | null, priv: P): void {
	let n = num, a = num >> 1;

	if (a === 0)
		return;

	/* [a, n) is a heap, [n, num) is sorted */
	for (;;) {
		if (a !== 0)
			a--;
		else if (--n !== 0) {
			if (swap_func !== null)
				swap_func(base, 0, n, priv);
			else
				do_swap(base, 0, n);
		} else
			break;

		/* down to the leaves along the larger children, then up to where "a" belongs */
		let b = a, c: number, d: number;
		while (c = 2 * b + 1, (d = c + 1) < n)
			b = cmp_func(base[c]!, base[d]!, priv) >= 0 ? c : d;
		if (d === n)
			b = c;

		while (b !== a && cmp_func(base[a]!, base[b]!, priv) >= 0)
			b = (b - 1) >> 1;
		c = b;
		while (b !== a) {
			b = (b - 1) >> 1;
			if (swap_func !== null)
				swap_func(base, b, c, priv);
			else
				do_swap(base, b, c);
		}
	}
}

/** lib/sort.c:sort() */
export function sort<T>(base: T[], num: number, cmp_func: (a: T, b: T) => number,
	swap_func: ((base: T[], a: number, b: number) => void) | null): void {
	sort_r(base, num, cmp_func, swap_func, null);
}
