// SPDX-License-Identifier: GPL-2.0
/*
 * Taking ranges of pages out of the allocator's hands.
 *
 * Upstream: include/linux/page-isolation.h. There also without CONFIG_MEMORY_ISOLATION, for pages
 * of 1 GiB.
 */
import type { struct_page } from "#linux/mm_types.ts";
import { MIGRATE_ISOLATE } from "#linux/mmzone.const.ts";
import { type struct_zone, get_pageblock_migratetype } from "#linux/mmzone.ts";
export { move_freepages_block, set_pageblock_migratetype } from "#mm/page_alloc.ts";
export { start_isolate_page_range, test_pages_isolated, undo_isolate_page_range } from
	"#mm/page_isolation.ts";

export const MEMORY_OFFLINE	= 0x1;
export const REPORT_FAILURE	= 0x2;

export function has_isolate_pageblock(zone: struct_zone): boolean {
	return zone.nr_isolate_pageblock !== 0;
}

export function is_migrate_isolate_page(page: struct_page): boolean {
	return get_pageblock_migratetype(page) === MIGRATE_ISOLATE;
}

export function is_migrate_isolate(migratetype: number): boolean {
	return migratetype === MIGRATE_ISOLATE;
}
