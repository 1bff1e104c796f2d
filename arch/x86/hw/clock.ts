// SPDX-License-Identifier: GPL-2.0
/*
 * The host's virtual clock, and the TSC derived from it.
 *
 * Port-only. Time advances only when something says so: a fixed cost for each system call and user
 * access, the scheduler's idle jumps to the next timer. So a run is a function of its inputs.
 */

export const SYSCALL_COST_NS	= 200;
export const USER_ACCESS_COST_NS = 1;
export const FAULT_COST_NS	= 500;

export const TSC_KHZ		= 2_000_000;

/*
 * A typed array, so that adding to it allocates nothing; isa.ts adds to it directly. One element is
 * used: V8 makes its address a constant only beyond 64 bytes.
 */
export const clock_cell = new Float64Array(16);

/*
 * What the clock has beyond whole nanoseconds. It is the same in all readings, so none depends on
 * it; but with it a reading is never a small integer to V8, which would throw away what it compiled
 * for those, the whole fault path, when they end after 2^31 ns.
 */
const FRACTION			= 0.25;

/** Nanoseconds since power on, and a fraction. */
export function clock_read(): number {
	return clock_cell[0]!;
}

export function clock_advance(ns: number): void {
	clock_cell[0]! += ns;
}

/** Jumps to @ns, never back. */
export function clock_advance_to(ns: number): void {
	if (ns > clock_cell[0]!)
		clock_cell[0] = Math.floor(ns) + FRACTION;
}

export function clock_reset(): void {
	clock_cell[0] = FRACTION;
}

/** Time stamp counter, ticks since power on. */
export function rdtsc(): number {
	return Math.floor(clock_cell[0]! * (TSC_KHZ / 1e6));
}
