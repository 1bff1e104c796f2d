// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers of the white-box tests, and the seeds of a run.
 *
 * Port-only.
 */

export { prng } from "#tools/include/nolibc/prng.ts";

/** Seeds of a run: PRNG_SEED if given, else @n fixed ones. */
export function seeds(n: number): number[] {
	const given = process.env["PRNG_SEED"];

	return given !== undefined ? [Number(given)] : Array.from({ length: n }, (_, i) => i + 1);
}
