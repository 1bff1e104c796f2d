// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over nodes and zones; lruvecs.
 *
 * Upstream: mm/mmzone.c.
 */
import {
	MAX_NR_ZONES, contig_page_data, type struct_lruvec, type struct_pglist_data,
	type struct_zone, type struct_zoneref,
} from "#linux/mmzone.ts";
import { INIT_LIST_HEAD } from "#linux/list.ts";
import type { nodemask_t } from "#linux/nodemask.ts";
import { spin_lock_init } from "#linux/spinlock.ts";

export function first_online_pgdat(): struct_pglist_data {
	return contig_page_data;
}

export function next_online_pgdat(_pgdat: struct_pglist_data): struct_pglist_data | null {
	return null;
}

export function next_zone(zone: struct_zone): struct_zone | null {
	const next = zone.idx + 1;
	return next < MAX_NR_ZONES ? zone.zone_pgdat.node_zones[next]! : null;
}

/** The first index in @refs, @z or later, of a zone that @highest_zoneidx allows. */
export function __next_zones_zonelist(refs: readonly struct_zoneref[], z: number,
	highest_zoneidx: number, _nodes: nodemask_t | null): number {
	while (refs[z]!.zone_idx > highest_zoneidx)
		z++;
	return z;
}

export function lruvec_init(lruvec: struct_lruvec): void {
	spin_lock_init(lruvec.lru_lock, "&lruvec->lru_lock");
	for (const list of lruvec.lists)
		INIT_LIST_HEAD(list);
	lruvec.anon_cost = lruvec.file_cost = 0;
	lruvec.nonresident_age = 0;
	lruvec.flags = 0;
}
