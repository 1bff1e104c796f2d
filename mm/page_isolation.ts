// SPDX-License-Identifier: GPL-2.0
/*
 * Isolating pageblocks: what is free in them, or becomes free, is not handed out.
 *
 * Upstream: mm/page_isolation.c. Left out: migrating pages out of the way (!CONFIG_COMPACTION),
 * offline memory.
 */
import { pfn_nr } from "#asm-generic/types.ts";
import { ALIGN, ALIGN_DOWN, IS_ALIGNED } from "#asm-generic/bits.ts";
import { EBUSY } from "#linux/errno.ts";
import type { gfp_t } from "#linux/gfp_types.ts";
import { hugepage_migration_supported, page_hstate } from "#linux/hugetlb.ts";
import { compound_nr, page_zone } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON, VM_WARN_ON, dump_page } from "#linux/mmdebug.ts";
import { MAX_ORDER, MAX_ORDER_NR_PAGES, MIGRATE_ISOLATE, ZONE_MOVABLE } from
	"#linux/mmzone.const.ts";
import {
	get_pageblock_migratetype, next_made_page, pfn_to_made_page, pfn_to_page, pfn_valid,
	zone_idx,
} from "#linux/mmzone.ts";
import {
	REPORT_FAILURE, is_migrate_isolate, is_migrate_isolate_page, move_freepages_block,
	set_pageblock_migratetype,
} from "#linux/page-isolation.ts";
import {
	PageBuddy, PageCompound, PageHuge, PageLRU, PageReserved, PageTransCompound, __PageMovable,
	compound_head,
} from "#linux/page-flags.ts";
import { pageblock_nr_pages, pageblock_order } from "#linux/mmzone.const.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore } from "#linux/spinlock.ts";
import { __mod_zone_freepage_state } from "#linux/vmstat.ts";
import {
	__isolate_free_page, __putback_isolated_page, buddy_order, find_buddy_page_pfn,
	split_free_page,
} from "#mm/internal.h.ts";

/** The first page of [@start_pfn, @end_pfn), within one pageblock, that cannot move; or null. */
function has_unmovable_pages(start_pfn: number, end_pfn: number): struct_page | null {
	const zone = page_zone(pfn_to_page(pfn_nr(start_pfn)));

	VM_BUG_ON(ALIGN_DOWN(start_pfn, pageblock_nr_pages) !==
		ALIGN_DOWN(end_pfn - 1, pageblock_nr_pages));

	pfn_to_page(pfn_nr(start_pfn));
	for (let pfn = start_pfn; pfn < end_pfn; pfn++) {
		/* never made: within a free block, or a tail of a page whose head was seen */
		const page = next_made_page(pfn, end_pfn);
		if (page === null)
			break;
		pfn = page.pfn;

		if (PageReserved(page))
			return page;

		if (zone_idx(zone) === ZONE_MOVABLE)
			continue;

		if (PageHuge(page) || PageTransCompound(page)) {
			const head = compound_head(page);

			if (PageHuge(page)) {
				if (!hugepage_migration_supported(page_hstate(head)))
					return page;
			} else if (!PageLRU(head) && !__PageMovable(head)) {
				return page;
			}

			pfn += compound_nr(head) - (page.pfn - head.pfn) - 1;
			continue;
		}

		/* free, or about to be */
		if (page._refcount === 0) {
			if (PageBuddy(page))
				pfn += (1 << buddy_order(page)) - 1;
			continue;
		}

		if (__PageMovable(page) || PageLRU(page))
			continue;

		return page;
	}
	return null;
}

function set_migratetype_isolate(page: struct_page, _migratetype: number, isol_flags: number,
	start_pfn: number, end_pfn: number): number {
	const zone = page_zone(page);
	const flags = spin_lock_irqsave(zone.lock);

	/* somebody else isolates it */
	if (is_migrate_isolate_page(page)) {
		spin_unlock_irqrestore(zone.lock, flags);
		return -EBUSY;
	}

	const check_unmovable_start = Math.max(page.pfn, start_pfn);
	const check_unmovable_end = Math.min(ALIGN(page.pfn + 1, pageblock_nr_pages), end_pfn);

	const unmovable = has_unmovable_pages(check_unmovable_start, check_unmovable_end);
	if (unmovable === null) {
		const mt = get_pageblock_migratetype(page);

		set_pageblock_migratetype(page, MIGRATE_ISOLATE);
		zone.nr_isolate_pageblock++;
		const nr_pages = move_freepages_block(zone, page, MIGRATE_ISOLATE);

		__mod_zone_freepage_state(zone, -nr_pages, mt);
		spin_unlock_irqrestore(zone.lock, flags);
		return 0;
	}

	spin_unlock_irqrestore(zone.lock, flags);
	if ((isol_flags & REPORT_FAILURE) !== 0)
		dump_page(unmovable, "unmovable page");

	return -EBUSY;
}

function unset_migratetype_isolate(page: struct_page, migratetype: number): void {
	const zone = page_zone(page);
	let isolated_page = false;
	let order = 0;
	const flags = spin_lock_irqsave(zone.lock);

	out: {
		if (!is_migrate_isolate_page(page))
			break out;

		/* a large block may have a buddy outside that it can merge with now */
		if (PageBuddy(page)) {
			order = buddy_order(page);
			if (order >= pageblock_order && order < MAX_ORDER - 1) {
				const buddy = find_buddy_page_pfn(page, page.pfn, order);
				if (buddy !== null && !is_migrate_isolate_page(buddy)) {
					isolated_page = __isolate_free_page(page, order) !== 0;
					/* cannot fail for an isolated block */
					VM_WARN_ON(!isolated_page);
				}
			}
		}

		/* what is taken off here is counted when it is put back */
		if (!isolated_page) {
			const nr_pages = move_freepages_block(zone, page, migratetype);
			__mod_zone_freepage_state(zone, nr_pages, migratetype);
		}
		set_pageblock_migratetype(page, migratetype);
		if (isolated_page)
			__putback_isolated_page(page, order, migratetype);
		zone.nr_isolate_pageblock--;
	}
	spin_unlock_irqrestore(zone.lock, flags);
}

function __first_valid_page(pfn: number, nr_pages: number): struct_page | null {
	for (let i = 0; i < nr_pages; i++)
		if (pfn_valid(pfn + i))
			return pfn_to_page(pfn_nr(pfn + i));
	return null;
}

/* mm/page_isolation.c:isolate_single_pageblock(): nothing may straddle @boundary_pfn afterwards */
function isolate_single_pageblock(boundary_pfn: number, flags: number, _gfp_flags: gfp_t,
	isolate_before: boolean, skip_isolation: boolean, migratetype: number): number {
	VM_BUG_ON(!IS_ALIGNED(boundary_pfn, pageblock_nr_pages));

	const isolate_pageblock = isolate_before ? boundary_pfn - pageblock_nr_pages : boundary_pfn;
	const block = pfn_to_page(pfn_nr(isolate_pageblock));
	const zone = page_zone(block);
	const start_pfn = Math.max(ALIGN_DOWN(isolate_pageblock, MAX_ORDER_NR_PAGES),
		zone.zone_start_pfn);

	if (skip_isolation) {
		VM_BUG_ON(!is_migrate_isolate(get_pageblock_migratetype(block)));
	} else {
		const ret = set_migratetype_isolate(block, migratetype, flags, isolate_pageblock,
			isolate_pageblock + pageblock_nr_pages);

		if (ret !== 0)
			return ret;
	}

	/* no neighbour, nothing to split */
	if (!pfn_valid(isolate_before ? boundary_pfn : boundary_pfn - 1))
		return 0;

	failed: {
		for (let pfn = start_pfn; pfn < boundary_pfn;) {
			const page = pfn_to_made_page(pfn);

			if (page === null) {
				pfn++;
				continue;
			}
			if (PageBuddy(page)) {
				const order = buddy_order(page);

				if (pfn + (1 << order) > boundary_pfn) {
					if (split_free_page(page, order, boundary_pfn - pfn) !== 0)
						continue;
				}

				pfn += 1 << order;
				continue;
			}
			if (PageCompound(page)) {
				const head = compound_head(page);
				const end = head.pfn + compound_nr(head);

				if (end <= boundary_pfn) {
					pfn = end;
					continue;
				}
				break failed;
			}

			pfn++;
		}
		return 0;
	}
	if (!skip_isolation)
		unset_migratetype_isolate(block, migratetype);
	return -EBUSY;
}

/** mm/page_isolation.c:start_isolate_page_range(): 0, or -EBUSY and nothing isolated. */
export function start_isolate_page_range(start_pfn: number, end_pfn: number, migratetype: number,
	flags: number, gfp_flags: gfp_t): number {
	const isolate_start = ALIGN_DOWN(start_pfn, pageblock_nr_pages);
	const isolate_end = ALIGN(end_pfn, pageblock_nr_pages);
	let skip_isolation = false;

	let ret = isolate_single_pageblock(isolate_start, flags, gfp_flags, false, skip_isolation,
		migratetype);
	if (ret !== 0)
		return ret;

	if (isolate_start === isolate_end - pageblock_nr_pages)
		skip_isolation = true;

	ret = isolate_single_pageblock(isolate_end, flags, gfp_flags, true, skip_isolation,
		migratetype);
	if (ret !== 0) {
		unset_migratetype_isolate(pfn_to_page(pfn_nr(isolate_start)), migratetype);
		return ret;
	}

	for (let pfn = isolate_start + pageblock_nr_pages; pfn < isolate_end - pageblock_nr_pages;
		pfn += pageblock_nr_pages) {
		const page = __first_valid_page(pfn, pageblock_nr_pages);
		if (page !== null && set_migratetype_isolate(page, migratetype, flags, start_pfn,
			end_pfn) !== 0) {
			undo_isolate_page_range(isolate_start, pfn, migratetype);
			unset_migratetype_isolate(
				pfn_to_page(pfn_nr(isolate_end - pageblock_nr_pages)), migratetype);
			return -EBUSY;
		}
	}
	return 0;
}

/** mm/page_isolation.c:undo_isolate_page_range() */
export function undo_isolate_page_range(start_pfn: number, end_pfn: number,
	migratetype: number): void {
	const isolate_start = ALIGN_DOWN(start_pfn, pageblock_nr_pages);
	const isolate_end = ALIGN(end_pfn, pageblock_nr_pages);

	for (let pfn = isolate_start; pfn < isolate_end; pfn += pageblock_nr_pages) {
		const page = __first_valid_page(pfn, pageblock_nr_pages);
		if (page === null || !is_migrate_isolate_page(page))
			continue;
		unset_migratetype_isolate(page, migratetype);
	}
}

function __test_page_isolated_in_pageblock(pfn: number, end_pfn: number): number {
	while (pfn < end_pfn) {
		const page = pfn_to_page(pfn_nr(pfn));
		if (!PageBuddy(page))
			break;
		pfn += 1 << buddy_order(page);
	}

	return pfn;
}

/** mm/page_isolation.c:test_pages_isolated(): 0 if all of [@start_pfn, @end_pfn) is free. */
export function test_pages_isolated(start_pfn: number, end_pfn: number,
	_isol_flags: number): number {
	let pfn = start_pfn;

	for (; pfn < end_pfn; pfn += pageblock_nr_pages) {
		const page = __first_valid_page(pfn, pageblock_nr_pages);
		if (page !== null && !is_migrate_isolate_page(page))
			break;
	}
	const page = __first_valid_page(start_pfn, end_pfn - start_pfn);
	if (pfn < end_pfn || page === null)
		return -EBUSY;

	const zone = page_zone(page);
	const flags = spin_lock_irqsave(zone.lock);
	pfn = __test_page_isolated_in_pageblock(start_pfn, end_pfn);
	spin_unlock_irqrestore(zone.lock, flags);

	return pfn < end_pfn ? -EBUSY : 0;
}
