// SPDX-License-Identifier: GPL-2.0
/*
 * Memory compaction: without it.
 *
 * Upstream: include/linux/compaction.h for !CONFIG_COMPACTION.
 */
import { INT_MAX } from "#asm-generic/types.ts";
import type { struct_pglist_data, struct_zone } from "#linux/mmzone.ts";

export type compact_priority = number;
export const COMPACT_PRIO_SYNC_FULL	= 0;
export const MIN_COMPACT_PRIORITY	= COMPACT_PRIO_SYNC_FULL;
export const COMPACT_PRIO_SYNC_LIGHT	= 1;
export const MIN_COMPACT_COSTLY_PRIORITY = COMPACT_PRIO_SYNC_LIGHT;
export const DEF_COMPACT_PRIORITY	= COMPACT_PRIO_SYNC_LIGHT;
export const COMPACT_PRIO_ASYNC		= 2;
export const INIT_COMPACT_PRIORITY	= COMPACT_PRIO_ASYNC;

export type compact_result = number;
export const COMPACT_NOT_SUITABLE_ZONE	= 0;
export const COMPACT_SKIPPED		= 1;
export const COMPACT_DEFERRED		= 2;
export const COMPACT_NO_SUITABLE_PAGE	= 3;
export const COMPACT_CONTINUE		= 4;
export const COMPACT_COMPLETE		= 5;
export const COMPACT_PARTIAL_SKIPPED	= 6;
export const COMPACT_CONTENDED		= 7;
export const COMPACT_SUCCESS		= 8;

export function compact_gap(order: number): number {
	return 2 << order;
}

export function reset_isolation_suitable(_pgdat: struct_pglist_data): void {}

export function compaction_suitable(_zone: struct_zone, _order: number, _alloc_flags: number,
	_highest_zoneidx: number): compact_result {
	return COMPACT_SKIPPED;
}

export function fragmentation_index(_zone: struct_zone, _order: number): number {
	return INT_MAX;
}

export function compaction_made_progress(_result: compact_result): boolean {
	return false;
}

export function compaction_failed(_result: compact_result): boolean {
	return false;
}

export function compaction_needs_reclaim(_result: compact_result): boolean {
	return false;
}

export function compaction_withdrawn(_result: compact_result): boolean {
	return true;
}

export function kcompactd_run(_nid: number): void {}
export function kcompactd_stop(_nid: number): void {}

export function wakeup_kcompactd(_pgdat: struct_pglist_data, _order: number,
	_highest_zoneidx: number): void {}
