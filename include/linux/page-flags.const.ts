// SPDX-License-Identifier: GPL-2.0
/*
 * The bits of page->flags and their sets, as numbers.
 *
 * Upstream: include/linux/page-flags.h.
 */
import { CONFIG_MEMORY_FAILURE } from "#generated/autoconf.ts";

export const PG_locked		= 0;
export const PG_referenced	= 1;
export const PG_uptodate	= 2;
export const PG_dirty		= 3;
export const PG_lru		= 4;
export const PG_active		= 5;
export const PG_workingset	= 6;
export const PG_waiters		= 7;
export const PG_error		= 8;
export const PG_slab		= 9;
export const PG_owner_priv_1	= 10;
export const PG_arch_1		= 11;
export const PG_reserved	= 12;
export const PG_private		= 13;
export const PG_private_2	= 14;
export const PG_writeback	= 15;
export const PG_head		= 16;
export const PG_mappedtodisk	= 17;
export const PG_reclaim		= 18;
export const PG_swapbacked	= 19;
export const PG_unevictable	= 20;
export const PG_mlocked		= 21;
export const PG_uncached	= 22;
export const PG_hwpoison	= 23;
export const PG_young		= 24;
export const PG_idle		= 25;
export const PG_arch_2		= 26;
export const __NR_PAGEFLAGS	= 27;
export const NR_PAGEFLAGS = __NR_PAGEFLAGS;

/* second uses, told apart by what the page is */
export const PG_readahead	= PG_reclaim;
export const PG_anon_exclusive	= PG_mappedtodisk;
export const PG_checked		= PG_owner_priv_1;
export const PG_swapcache	= PG_owner_priv_1;
export const PG_double_map	= PG_workingset;
export const PG_has_hwpoisoned	= PG_error;
export const PG_isolated	= PG_reclaim;
export const PG_reported	= PG_uptodate;

export const PAGEFLAGS_MASK = (1 << NR_PAGEFLAGS) - 1;

export const PG_head_mask = 1 << PG_head;

/* C fills the struct page of what never was a page with -1 */
export const PAGE_POISON_PATTERN = -1;

export const __PG_HWPOISON = CONFIG_MEMORY_FAILURE ? 1 << PG_hwpoison : 0;
export const MAGIC_HWPOISON = 0x48575053;

/* what C keeps in the low bits of page->mapping; see rmap.ts */
export const PAGE_MAPPING_ANON		= 0x1;
export const PAGE_MAPPING_MOVABLE	= 0x2;
export const PAGE_MAPPING_KSM		= PAGE_MAPPING_ANON | PAGE_MAPPING_MOVABLE;
export const PAGE_MAPPING_FLAGS		= PAGE_MAPPING_ANON | PAGE_MAPPING_MOVABLE;

/*
 * Page types, in the _mapcount of pages that are never mapped into user space: all ones but for the
 * type's bit, which is cleared while the type is set.
 */
export const PAGE_TYPE_BASE		= 0xf0000000 | 0;
export const PAGE_MAPCOUNT_RESERVE	= -128;
export const PG_buddy			= 0x00000080;
export const PG_offline			= 0x00000100;
export const PG_table			= 0x00000200;
export const PG_guard			= 0x00000400;

export const __PG_MLOCKED = 1 << PG_mlocked;

/* must be clear when a page is freed */
export const PAGE_FLAGS_CHECK_AT_FREE =
	1 << PG_lru		| 1 << PG_locked	|
	1 << PG_private		| 1 << PG_private_2	|
	1 << PG_writeback	| 1 << PG_reserved	|
	1 << PG_slab		| 1 << PG_active	|
	1 << PG_unevictable	| __PG_MLOCKED;

/* must be clear when a page is handed out; hwpoison outlives both */
export const PAGE_FLAGS_CHECK_AT_PREP = PAGEFLAGS_MASK & ~__PG_HWPOISON;

export const PAGE_FLAGS_PRIVATE = 1 << PG_private | 1 << PG_private_2;
