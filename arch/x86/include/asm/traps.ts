// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions.
 *
 * Upstream: arch/x86/include/asm/{traps,idtentry}.h.
 */
export { exc_page_fault } from "#arch/x86/mm/fault.ts";
export { trap_init } from "#arch/x86/kernel/traps.ts";
