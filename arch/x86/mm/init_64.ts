// SPDX-License-Identifier: GPL-2.0
/*
 * Memory set-up of x86-64.
 *
 * Upstream: arch/x86/mm/{init,init_64}.c. Left out: the direct map and all other kernel mappings
 * (kernel code runs outside of modelled memory), hotplug, vmemmap.
 *
 * Two frames of the reserved low memory hold what upstream links into the kernel image: the page
 * of zeroes and the kernel's top page table.
 */
import { pfn_nr as to_pfn } from "#asm-generic/types.ts";
import { memblock_free_all } from "#linux/memblock.ts";
import { free_area_init, set_highest_memmap_pfn, sparse_init } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { MAX_NR_ZONES, ZONE_DMA32, ZONE_NORMAL } from "#linux/mmzone.ts";
import { EMPTY_ZERO_PFN, pfn_to_page } from "#asm/page.ts";
import { max_pfn } from "#asm/e820.ts";

/** 4 GiB: what 32-bit devices reach. */
const MAX_DMA32_PFN		= 2 ** 20;

/** arch/x86/kernel/head_64.S:empty_zero_page */
export function empty_zero_page(): struct_page {
	return pfn_to_page(to_pfn(EMPTY_ZERO_PFN));
}

/** arch/x86/mm/init.c:zone_sizes_init() */
function zone_sizes_init(): void {
	const max_zone_pfns = new Array<number>(MAX_NR_ZONES).fill(0);

	max_zone_pfns[ZONE_DMA32] = Math.min(MAX_DMA32_PFN, max_pfn);
	max_zone_pfns[ZONE_NORMAL] = max_pfn;
	free_area_init(max_zone_pfns);
}

/** arch/x86/mm/init_64.c:paging_init() */
export function paging_init(): void {
	sparse_init();
	zone_sizes_init();
	set_highest_memmap_pfn(to_pfn(max_pfn - 1));
}

/** arch/x86/mm/init_64.c:mem_init(): free memory goes to the page allocator. */
export function mem_init(): void {
	memblock_free_all();
}
