// SPDX-License-Identifier: GPL-2.0
/*
 * Moving pages: what of it other code names while CONFIG_MIGRATION is off.
 *
 * Upstream: include/linux/migrate.h. The stubs are upstream's for !CONFIG_MIGRATION.
 */
import { EBUSY, ENOSYS } from "#linux/errno.ts";
import type { struct_list_head } from "#linux/list.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";

export { remove_migration_ptes } from "#mm/migrate.ts";
export { migration_entry_wait_on_locked } from "#mm/filemap.ts";

export type new_page_t = (page: struct_page, private_: number) => struct_page | null;
export type free_page_t = (page: struct_page, private_: number) => void;

export const MIGRATEPAGE_SUCCESS	= 0;

/* enum migrate_mode */
export const MIGRATE_ASYNC		= 0;
export const MIGRATE_SYNC_LIGHT		= 1;
export const MIGRATE_SYNC		= 2;
export const MIGRATE_SYNC_NO_COPY	= 3;

/* enum migrate_reason */
export const MR_COMPACTION	= 0;
export const MR_MEMORY_FAILURE	= 1;
export const MR_MEMORY_HOTPLUG	= 2;
export const MR_SYSCALL		= 3;
export const MR_MEMPOLICY_MBIND	= 4;
export const MR_NUMA_MISPLACED	= 5;
export const MR_CONTIG_RANGE	= 6;
export const MR_LONGTERM_PIN	= 7;
export const MR_DEMOTION	= 8;
export const MR_TYPES		= 9;

export function putback_movable_pages(_l: struct_list_head): void {}

export function migrate_pages(_l: struct_list_head, _new: new_page_t, _free: free_page_t | null,
	_private: number, _mode: number, _reason: number): number {
	return -ENOSYS;
}

export function alloc_migration_target(_page: struct_page, _private: number): struct_page | null {
	return null;
}

export function isolate_movable_page(_page: struct_page, _mode: number): number {
	return -EBUSY;
}

export function PageMovable(_page: struct_page): boolean {
	return false;
}

export function folio_test_movable(folio: struct_folio): boolean {
	return PageMovable(folio);
}
