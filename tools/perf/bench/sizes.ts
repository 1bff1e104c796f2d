// SPDX-License-Identifier: GPL-2.0
/*
 * How many pages a round takes, and how many rounds there are.
 *
 * Port-only. A round of 8 MiB stays in the caches of the processor under us, so that a figure is
 * what the code takes. Beyond them each new page waits for memory: native_fill_page_ns, which runs
 * no code of ours, says how long. make bench ARGS="--pages 16384" measures that.
 */

/** Pages that a round touches where the benchmark names no other number; main.ts sets it. */
export const PAGES = Number(process.env["BENCH_PAGES"] ?? 2048);
/** Pages of the second touches, beyond a processor's TLB. */
export const MANY_PAGES = 65536;
/** Rounds of PAGES pages: as many as touch 800,000, and never fewer than 15. */
export const PAGED_ROUNDS = Math.max(15, Math.round(800000 / PAGES));

/** How many of @rounds warm up, the cold first one included. */
export function warming(rounds: number): number {
	return Math.max(2, rounds >> 1);
}
