// SPDX-License-Identifier: GPL-2.0
/*
 * How page->flags, an int32 here, is divided: flag bits from below, the zone at the top.
 *
 * Upstream: include/linux/page-flags-layout.h. Left out: node, section, last CPU and tag fields.
 */

/** ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE */
export const MAX_NR_ZONES	= 3;
export const ZONES_SHIFT	= 2;
export const ZONES_WIDTH	= ZONES_SHIFT;
export const ZONES_PGSHIFT	= 29;
export const ZONES_MASK		= (1 << ZONES_WIDTH) - 1;
export const NODES_SHIFT	= 0;
export const NODES_MASK		= 0;
