// SPDX-License-Identifier: GPL-2.0
/*
 * The firmware's memory map.
 *
 * Upstream: arch/x86/include/asm/e820/{api,types}.h.
 */
export { E820_TYPE_RAM, E820_TYPE_RESERVED, type e820_range } from "#hw/memory.ts";
export { e820__end_of_ram_pfn, e820__mapped_raw_any, e820__memblock_setup, max_pfn } from
	"#arch/x86/kernel/setup.ts";
