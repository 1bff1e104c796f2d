// SPDX-License-Identifier: GPL-2.0
/*
 * Allocating and freeing pages.
 *
 * Upstream: include/linux/gfp.h. Left out: page fragments, suspend. There are no linear addresses
 * of pages: what C calls for one (__get_free_pages and its kind) gives and takes the page.
 */
import { BUILD_BUG_ON } from "#linux/compiler.ts";
import {
	___GFP_DMA, ___GFP_DMA32, ___GFP_HIGHMEM, ___GFP_MOVABLE, __GFP_DIRECT_RECLAIM,
	__GFP_MEMALLOC, __GFP_MOVABLE, __GFP_RECLAIMABLE, GFP_ZONEMASK, type gfp_t,
} from "#linux/gfp_types.ts";
import type { struct_folio, struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import { VM_BUG_ON, VM_WARN_ON } from "#linux/mmdebug.ts";
import {
	MIGRATE_MOVABLE, MIGRATE_UNMOVABLE, ZONE_DMA32, ZONE_MOVABLE, ZONE_NORMAL, type zone_type,
} from "#linux/mmzone.const.ts";
import { NODE_DATA, type struct_zonelist } from "#linux/mmzone.ts";
import {
	__alloc_pages, __alloc_pages_bulk, __folio_alloc, __free_pages,
	page_group_by_mobility_disabled,
} from "#mm/page_alloc.ts";
import type { struct_list_head } from "#linux/list.ts";
export * from "#linux/gfp_types.ts";
export {
	__alloc_pages, __alloc_pages_bulk, __folio_alloc, __free_pages, __get_free_pages,
	alloc_contig_pages, alloc_contig_range, drain_all_pages, drain_local_pages,
	drain_zone_pages, free_contig_range, free_pages, get_zeroed_page, gfp_allowed_mask,
	gfp_pfmemalloc_allowed, page_alloc_init, page_alloc_init_late,
	page_group_by_mobility_disabled,
} from "#mm/page_alloc.ts";
export { vma_thp_gfp_mask } from "#mm/huge_memory.ts";

const GFP_MOVABLE_MASK	= __GFP_RECLAIMABLE | __GFP_MOVABLE;
const GFP_MOVABLE_SHIFT	= 3;

export function gfp_migratetype(gfp_flags: gfp_t): number {
	VM_WARN_ON((gfp_flags & GFP_MOVABLE_MASK) === GFP_MOVABLE_MASK);

	if (page_group_by_mobility_disabled)
		return MIGRATE_UNMOVABLE;
	return (gfp_flags & GFP_MOVABLE_MASK) >> GFP_MOVABLE_SHIFT;
}

export function gfpflags_allow_blocking(gfp_flags: gfp_t): boolean {
	return (gfp_flags & __GFP_DIRECT_RECLAIM) !== 0;
}

export function gfpflags_normal_context(gfp_flags: gfp_t): boolean {
	return (gfp_flags & (__GFP_DIRECT_RECLAIM | __GFP_MEMALLOC)) === __GFP_DIRECT_RECLAIM;
}

const OPT_ZONE_HIGHMEM	= ZONE_NORMAL;
const OPT_ZONE_DMA	= ZONE_NORMAL;
const OPT_ZONE_DMA32	= ZONE_DMA32;
const GFP_ZONES_SHIFT	= 2;

/*
 * two bits per combination of the four zone modifiers; bit 15 of GFP_ZONE_BAD and below: nonsense
 */
const GFP_ZONE_TABLE =
	ZONE_NORMAL << 0 * GFP_ZONES_SHIFT |
	OPT_ZONE_DMA << ___GFP_DMA * GFP_ZONES_SHIFT |
	OPT_ZONE_HIGHMEM << ___GFP_HIGHMEM * GFP_ZONES_SHIFT |
	OPT_ZONE_DMA32 << ___GFP_DMA32 * GFP_ZONES_SHIFT |
	ZONE_NORMAL << ___GFP_MOVABLE * GFP_ZONES_SHIFT |
	OPT_ZONE_DMA << (___GFP_MOVABLE | ___GFP_DMA) * GFP_ZONES_SHIFT |
	ZONE_MOVABLE << (___GFP_MOVABLE | ___GFP_HIGHMEM) * GFP_ZONES_SHIFT |
	OPT_ZONE_DMA32 << (___GFP_MOVABLE | ___GFP_DMA32) * GFP_ZONES_SHIFT;

export const GFP_ZONE_BAD =
	1 << (___GFP_DMA | ___GFP_HIGHMEM) |
	1 << (___GFP_DMA | ___GFP_DMA32) |
	1 << (___GFP_DMA32 | ___GFP_HIGHMEM) |
	1 << (___GFP_DMA | ___GFP_DMA32 | ___GFP_HIGHMEM) |
	1 << (___GFP_MOVABLE | ___GFP_HIGHMEM | ___GFP_DMA) |
	1 << (___GFP_MOVABLE | ___GFP_DMA32 | ___GFP_DMA) |
	1 << (___GFP_MOVABLE | ___GFP_DMA32 | ___GFP_HIGHMEM) |
	1 << (___GFP_MOVABLE | ___GFP_DMA32 | ___GFP_DMA | ___GFP_HIGHMEM);

BUILD_BUG_ON(___GFP_MOVABLE >> GFP_MOVABLE_SHIFT !== MIGRATE_MOVABLE);

export function gfp_zone(flags: gfp_t): zone_type {
	const bit = flags & GFP_ZONEMASK;
	const z = GFP_ZONE_TABLE >> bit * GFP_ZONES_SHIFT & (1 << GFP_ZONES_SHIFT) - 1;

	VM_BUG_ON((GFP_ZONE_BAD >> bit & 1) !== 0);
	return z;
}

export function gfp_zonelist(_flags: gfp_t): number {
	return 0;
}

export function node_zonelist(nid: number, flags: gfp_t): struct_zonelist {
	return NODE_DATA(nid).node_zonelists[gfp_zonelist(flags)]!;
}

/** Port-only: see free_check.ts. */
export { set_arch_free_page } from "#mm/page_alloc.ts";

export function arch_free_page(_page: struct_page, _order: number): void {}
export function arch_alloc_page(_page: struct_page, _order: number): void {}

export function alloc_pages_bulk_list(gfp: gfp_t, nr_pages: number,
	list: struct_list_head): number {
	return __alloc_pages_bulk(gfp, 0, null, nr_pages, list, null);
}

export function alloc_pages_bulk_array(gfp: gfp_t, nr_pages: number,
	page_array: (struct_page | null)[]): number {
	return __alloc_pages_bulk(gfp, 0, null, nr_pages, null, page_array);
}

export function __alloc_pages_node(nid: number, gfp_mask: gfp_t,
	order: number): struct_page | null {
	VM_BUG_ON(nid !== 0);
	return __alloc_pages(gfp_mask, order, nid, null);
}

export function __folio_alloc_node(gfp: gfp_t, order: number, nid: number): struct_folio | null {
	VM_BUG_ON(nid !== 0);
	return __folio_alloc(gfp, order, nid, null);
}

export function alloc_pages_node(_nid: number, gfp_mask: gfp_t, order: number): struct_page | null {
	return __alloc_pages(gfp_mask, order, 0, null);
}

export function alloc_pages(gfp_mask: gfp_t, order: number): struct_page | null {
	return __alloc_pages(gfp_mask, order, 0, null);
}

export function folio_alloc(gfp: gfp_t, order: number): struct_folio | null {
	return __folio_alloc(gfp, order, 0, null);
}

export function vma_alloc_folio(gfp: gfp_t, order: number, _vma: struct_vm_area_struct | null,
	_addr: number, _hugepage: boolean): struct_folio | null {
	return folio_alloc(gfp, order);
}

export function alloc_page(gfp_mask: gfp_t): struct_page | null {
	return __alloc_pages(gfp_mask, 0, 0, null);
}

export function alloc_page_vma(gfp: gfp_t, vma: struct_vm_area_struct | null,
	addr: number): struct_page | null {
	return vma_alloc_folio(gfp, 0, vma, addr, false);
}

export function __free_page(page: struct_page): void {
	__free_pages(page, 0);
}

/** C: __get_free_page(); the page itself here. */
export function __get_free_page(gfp_mask: gfp_t): struct_page | null {
	return __alloc_pages(gfp_mask, 0, 0, null);
}

/** C: free_page(addr); the page itself here. */
export function free_page(page: struct_page | null): void {
	if (page !== null)
		__free_pages(page, 0);
}
