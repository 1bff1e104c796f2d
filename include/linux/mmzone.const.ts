// SPDX-License-Identifier: GPL-2.0
/*
 * The constants of zones, nodes and their statistics.
 *
 * Upstream: include/linux/mmzone.h, the enums.
 */
import { CONFIG_SWAP, CONFIG_TRANSPARENT_HUGEPAGE } from "#generated/autoconf.ts";

export const MAX_ORDER			= 11;
export const MAX_ORDER_NR_PAGES		= 1 << (MAX_ORDER - 1);
export const PAGE_ALLOC_COSTLY_ORDER	= 3;

export const MIGRATE_UNMOVABLE		= 0;
export const MIGRATE_MOVABLE		= 1;
export const MIGRATE_RECLAIMABLE	= 2;
export const MIGRATE_PCPTYPES		= 3;
export const MIGRATE_HIGHATOMIC		= MIGRATE_PCPTYPES;
/** Also without CONFIG_MEMORY_ISOLATION: pages of 1 GiB need it. */
export const MIGRATE_ISOLATE		= 4;
export const MIGRATE_TYPES		= 5;

export type migratetype = number;

/* enum zone_type */
export type zone_type = number;
export const ZONE_DMA32			= 0;
export const ZONE_NORMAL		= 1;
export const ZONE_MOVABLE		= 2;
export const __MAX_NR_ZONES		= 3;

/* enum zone_stat_item */
export type zone_stat_item = number;
export const NR_FREE_PAGES		= 0;
export const NR_ZONE_LRU_BASE		= 1;
export const NR_ZONE_INACTIVE_ANON	= 1;
export const NR_ZONE_ACTIVE_ANON	= 2;
export const NR_ZONE_INACTIVE_FILE	= 3;
export const NR_ZONE_ACTIVE_FILE	= 4;
export const NR_ZONE_UNEVICTABLE	= 5;
export const NR_ZONE_WRITE_PENDING	= 6;
export const NR_MLOCK			= 7;
export const NR_BOUNCE			= 8;
export const NR_FREE_CMA_PAGES		= 9;
export const NR_VM_ZONE_STAT_ITEMS	= 10;

/* enum node_stat_item */
export type node_stat_item = number;
export const NR_LRU_BASE			= 0;
export const NR_INACTIVE_ANON			= 0;
export const NR_ACTIVE_ANON			= 1;
export const NR_INACTIVE_FILE			= 2;
export const NR_ACTIVE_FILE			= 3;
export const NR_UNEVICTABLE			= 4;
export const NR_SLAB_RECLAIMABLE_B		= 5;
export const NR_SLAB_UNRECLAIMABLE_B		= 6;
export const NR_ISOLATED_ANON			= 7;
export const NR_ISOLATED_FILE			= 8;
export const WORKINGSET_NODES			= 9;
export const WORKINGSET_REFAULT_BASE		= 10;
export const WORKINGSET_REFAULT_ANON		= 10;
export const WORKINGSET_REFAULT_FILE		= 11;
export const WORKINGSET_ACTIVATE_BASE		= 12;
export const WORKINGSET_ACTIVATE_ANON		= 12;
export const WORKINGSET_ACTIVATE_FILE		= 13;
export const WORKINGSET_RESTORE_BASE		= 14;
export const WORKINGSET_RESTORE_ANON		= 14;
export const WORKINGSET_RESTORE_FILE		= 15;
export const WORKINGSET_NODERECLAIM		= 16;
export const NR_ANON_MAPPED			= 17;
export const NR_FILE_MAPPED			= 18;
export const NR_FILE_PAGES			= 19;
export const NR_FILE_DIRTY			= 20;
export const NR_WRITEBACK			= 21;
export const NR_WRITEBACK_TEMP			= 22;
export const NR_SHMEM				= 23;
export const NR_SHMEM_THPS			= 24;
export const NR_SHMEM_PMDMAPPED			= 25;
export const NR_FILE_THPS			= 26;
export const NR_FILE_PMDMAPPED			= 27;
export const NR_ANON_THPS			= 28;
export const NR_VMSCAN_WRITE			= 29;
export const NR_VMSCAN_IMMEDIATE		= 30;
export const NR_DIRTIED				= 31;
export const NR_WRITTEN				= 32;
export const NR_THROTTLED_WRITTEN		= 33;
export const NR_KERNEL_MISC_RECLAIMABLE		= 34;
export const NR_FOLL_PIN_ACQUIRED		= 35;
export const NR_FOLL_PIN_RELEASED		= 36;
export const NR_KERNEL_STACK_KB			= 37;
export const NR_PAGETABLE			= 38;
/** Only with CONFIG_SWAP. */
export const NR_SWAPCACHE			= 39;
export const NR_VM_NODE_STAT_ITEMS		= CONFIG_SWAP ? 40 : 39;

export const LRU_BASE			= 0;
export const LRU_ACTIVE			= 1;
export const LRU_FILE			= 2;

/* enum lru_list */
export type lru_list = number;
export const LRU_INACTIVE_ANON		= LRU_BASE;
export const LRU_ACTIVE_ANON		= LRU_BASE + LRU_ACTIVE;
export const LRU_INACTIVE_FILE		= LRU_BASE + LRU_FILE;
export const LRU_ACTIVE_FILE		= LRU_BASE + LRU_FILE + LRU_ACTIVE;
export const LRU_UNEVICTABLE		= 4;
export const NR_LRU_LISTS		= 5;

export const VMSCAN_THROTTLE_WRITEBACK	= 0;
export const VMSCAN_THROTTLE_ISOLATED	= 1;
export const VMSCAN_THROTTLE_NOPROGRESS	= 2;
export const VMSCAN_THROTTLE_CONGESTED	= 3;
export const NR_VMSCAN_THROTTLE		= 4;

export const ANON_AND_FILE		= 2;
export const LRUVEC_CONGESTED		= 0;

export const ISOLATE_UNMAPPED		= 0x2;
export const ISOLATE_ASYNC_MIGRATE	= 0x4;
export const ISOLATE_UNEVICTABLE	= 0x8;

export const WMARK_MIN			= 0;
export const WMARK_LOW			= 1;
export const WMARK_HIGH			= 2;
export const WMARK_PROMO		= 3;
export const NR_WMARK			= 4;

export const NR_PCP_THP			= CONFIG_TRANSPARENT_HUGEPAGE ? 1 : 0;
export const NR_LOWORDER_PCP_LISTS	= MIGRATE_PCPTYPES * (PAGE_ALLOC_COSTLY_ORDER + 1);
export const NR_PCP_LISTS		= NR_LOWORDER_PCP_LISTS + NR_PCP_THP;

export const PGDAT_DIRTY		= 0;
export const PGDAT_WRITEBACK		= 1;
export const PGDAT_RECLAIM_LOCKED	= 2;

export const ZONE_BOOSTED_WATERMARK	= 0;
export const ZONE_RECLAIM_ACTIVE	= 1;

export const DEF_PRIORITY		= 12;

export const ZONELIST_FALLBACK		= 0;
export const MAX_ZONELISTS		= 1;

export const MEMINIT_EARLY		= 0;
export const MEMINIT_HOTPLUG		= 1;

/* asm/sparsemem.h */
export const SECTION_SIZE_BITS		= 27;
export const PFN_SECTION_SHIFT		= SECTION_SIZE_BITS - 12;
export const PAGES_PER_SECTION		= 1 << PFN_SECTION_SHIFT;
/** The highest frame number of any machine: 31 bits, so that it can be shifted as it is. */
export const MAX_PHYSMEM_PFN		= 0x7fffffff;

/* linux/pageblock-flags.h: a pageblock is as large as a huge page */
export const PB_migratetype_bits	= 3;
export const NR_PAGEBLOCK_BITS		= 4;
export const pageblock_order		= 9;
export const pageblock_nr_pages		= 1 << pageblock_order;
