// SPDX-License-Identifier: GPL-2.0
/*
 * How many pages a round takes, and how many rounds there are.
 *
 * Port-only. A round of 8 MiB is beyond what a core has for itself and within what cores share, so
 * that a new page waits a little for memory: native_fill_page_ns, which runs no code of ours, says
 * how long. Documentation/port/running.md has figures with --pages 256 and 16384.
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
