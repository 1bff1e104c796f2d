// SPDX-License-Identifier: GPL-2.0
/*
 * Arrays of structs inside structs, `struct x a[n]`.
 *
 * Port-only: Array.from({ length }) looks for an iterator first and defines element by element,
 * which takes five times as long.
 */

/** @n elements, each from a call of @make. */
export function array_of<T>(n: number, make: () => T): T[] {
	const array: T[] = [];

	for (let i = 0; i < n; i++)
		array.push(make());
	return array;
}
