// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes of pages and of the user address space.
 *
 * Upstream: arch/x86/include/asm/{page_types,page_64_types,pgtable_64_types}.h, and PAGE_ALIGN()
 * and offset_in_page() of include/linux/mm.h. Imports nothing but asm-generic, so that constants
 * elsewhere can compute with it.
 */
import type { unsigned_long } from "#asm-generic/types.ts";

export const PAGE_SHIFT		= 12;
export const PAGE_SIZE		= 4096;
/** C: ~PAGE_MASK */
export const PAGE_MASK_LOW	= PAGE_SIZE - 1;

export const PMD_SHIFT		= 21;
export const PMD_SIZE		= 2 ** PMD_SHIFT;
/** C: ~PMD_MASK */
export const PMD_MASK_LOW	= PMD_SIZE - 1;
export const PUD_SHIFT		= 30;
export const PUD_SIZE		= 2 ** PUD_SHIFT;
/** C: ~PUD_MASK */
export const PUD_MASK_LOW	= PUD_SIZE - 1;
export const P4D_SHIFT		= 39;
export const P4D_SIZE		= 2 ** P4D_SHIFT;
export const PGDIR_SHIFT	= 39;
export const PGDIR_SIZE		= 2 ** PGDIR_SHIFT;

export const PTRS_PER_PTE	= 512;
export const PTRS_PER_PMD	= 512;
export const PTRS_PER_PUD	= 512;
export const PTRS_PER_P4D	= 1;
export const PTRS_PER_PGD	= 512;

export const HPAGE_SHIFT	= PMD_SHIFT;
export const HPAGE_SIZE		= 2 ** HPAGE_SHIFT;
export const HUGETLB_PAGE_ORDER	= HPAGE_SHIFT - PAGE_SHIFT;
export const HUGE_MAX_HSTATE	= 2;

export const __PHYSICAL_MASK_SHIFT	= 52;
export const __VIRTUAL_MASK_SHIFT	= 47;

/** End of user addresses: the last page of the lower half stays unused. */
export const TASK_SIZE_MAX	= 2 ** __VIRTUAL_MASK_SHIFT - PAGE_SIZE;

/** Frame of the kernel's top page table, and of the page of zeroes: in reserved low memory. */
export const SWAPPER_PG_DIR_PFN	= 2;
export const EMPTY_ZERO_PFN	= 1;

export const PG_LEVEL_NONE	= 0;
export const PG_LEVEL_4K	= 1;
export const PG_LEVEL_2M	= 2;
export const PG_LEVEL_1G	= 3;
export const PG_LEVEL_512G	= 4;
export const PG_LEVEL_NUM	= 5;
export type pg_level = 0 | 1 | 2 | 3 | 4 | 5;

/** Rounds an address or a size up to pages. */
export function PAGE_ALIGN(addr: unsigned_long): unsigned_long {
	const x = addr + PAGE_MASK_LOW;
	return x - (x & PAGE_MASK_LOW);
}

/** C: addr & PAGE_MASK */
export function PAGE_ALIGN_DOWN(addr: unsigned_long): unsigned_long {
	return addr - (addr & PAGE_MASK_LOW);
}

export function PAGE_ALIGNED(addr: unsigned_long): boolean {
	return (addr & PAGE_MASK_LOW) === 0;
}

export function offset_in_page(p: unsigned_long): number {
	return p & PAGE_MASK_LOW;
}
