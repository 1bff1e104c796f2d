// SPDX-License-Identifier: GPL-2.0
/*
 * Memory before the page allocator.
 *
 * Upstream: include/linux/memblock.h.
 */
export {
	memblock_add, memblock_addrs_overlap_memory, memblock_end_of_DRAM, memblock_free_all,
	memblock_free_ranges, memblock_is_free_pfn, memblock_is_free_range, memblock_is_map_memory,
	memblock_is_memory, memblock_is_reserved, memblock_memory_ranges, memblock_phys_mem_size,
	memblock_reserve, memblock_reset, memblock_start_of_DRAM,
} from "#mm/memblock.ts";
