// SPDX-License-Identifier: GPL-2.0
/*
 * What an allocation may do and what memory it wants.
 *
 * Upstream: include/linux/gfp_types.h.
 */
import { CONFIG_LOCKDEP } from "#generated/autoconf.ts";

export type gfp_t = number;

export const ___GFP_DMA			= 0x01;
export const ___GFP_HIGHMEM		= 0x02;
export const ___GFP_DMA32		= 0x04;
export const ___GFP_MOVABLE		= 0x08;

export const __GFP_DMA			= 0x01;
export const __GFP_HIGHMEM		= 0x02;
export const __GFP_DMA32		= 0x04;
export const __GFP_MOVABLE		= 0x08;
export const GFP_ZONEMASK		= __GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE;

/* mobility and placement */
export const __GFP_RECLAIMABLE		= 0x10;
export const __GFP_WRITE		= 0x1000;
export const __GFP_HARDWALL		= 0x100000;
export const __GFP_THISNODE		= 0x200000;
export const __GFP_ACCOUNT		= 0x400000;

/* access to the reserves */
export const __GFP_ATOMIC		= 0x200;
export const __GFP_HIGH			= 0x20;
export const __GFP_MEMALLOC		= 0x20000;
export const __GFP_NOMEMALLOC		= 0x80000;

/* reclaim */
export const __GFP_IO			= 0x40;
export const __GFP_FS			= 0x80;
export const __GFP_DIRECT_RECLAIM	= 0x400;
export const __GFP_KSWAPD_RECLAIM	= 0x800;
export const __GFP_RECLAIM		= __GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM;
export const __GFP_RETRY_MAYFAIL	= 0x4000;
export const __GFP_NOFAIL		= 0x8000;
export const __GFP_NORETRY		= 0x10000;

/* the rest */
export const __GFP_ZERO			= 0x100;
export const __GFP_NOWARN		= 0x2000;
export const __GFP_COMP			= 0x40000;
export const __GFP_ZEROTAGS		= 0x800000;
export const __GFP_SKIP_ZERO		= 0;
export const __GFP_SKIP_KASAN_UNPOISON	= 0;
export const __GFP_SKIP_KASAN_POISON	= 0;
export const __GFP_NOLOCKDEP		= CONFIG_LOCKDEP ? 0x8000000 : 0;

export const __GFP_BITS_SHIFT		= 27 + (CONFIG_LOCKDEP ? 1 : 0);
export const __GFP_BITS_MASK		= (1 << __GFP_BITS_SHIFT) - 1;

export const GFP_ATOMIC			= __GFP_HIGH | __GFP_ATOMIC | __GFP_KSWAPD_RECLAIM;
export const GFP_KERNEL			= __GFP_RECLAIM | __GFP_IO | __GFP_FS;
export const GFP_KERNEL_ACCOUNT		= GFP_KERNEL | __GFP_ACCOUNT;
export const GFP_NOWAIT			= __GFP_KSWAPD_RECLAIM;
export const GFP_NOIO			= __GFP_RECLAIM;
export const GFP_NOFS			= __GFP_RECLAIM | __GFP_IO;
export const GFP_USER			= __GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL;
export const GFP_DMA			= __GFP_DMA;
export const GFP_DMA32			= __GFP_DMA32;
export const GFP_HIGHUSER		= GFP_USER | __GFP_HIGHMEM;
export const GFP_HIGHUSER_MOVABLE	= GFP_HIGHUSER | __GFP_MOVABLE |
					  __GFP_SKIP_KASAN_POISON | __GFP_SKIP_KASAN_UNPOISON;
export const GFP_TRANSHUGE_LIGHT	= (GFP_HIGHUSER_MOVABLE | __GFP_COMP |
					   __GFP_NOMEMALLOC | __GFP_NOWARN) & ~__GFP_RECLAIM;
export const GFP_TRANSHUGE		= GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM;
