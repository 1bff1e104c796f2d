// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions.
 *
 * Upstream: arch/x86/include/asm/{traps,idtentry}.h.
 */
export { exc_page_fault, set_show_unhandled_signals, show_unhandled_signals } from
	"#arch/x86/mm/fault.ts";
export { trap_init } from "#arch/x86/kernel/traps.ts";
