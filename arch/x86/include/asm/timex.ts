// SPDX-License-Identifier: GPL-2.0
/*
 * The machine's clock.
 *
 * Upstream: arch/x86/include/asm/timex.h, tsc.h. Nanoseconds of virtual time since power on.
 */
export { clock_advance, clock_advance_to, clock_cell, clock_read, rdtsc, TSC_KHZ } from
	"#hw/clock.ts";
