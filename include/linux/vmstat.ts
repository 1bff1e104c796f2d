// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of zones, the node and events.
 *
 * Upstream: include/linux/vmstat.h. A counter is one cell, exact at any time: upstream's per-CPU
 * differences, thresholds and refreshes are left out, and the forms with and without underscores,
 * which differ in what they need switched off, are the same functions.
 */
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import {
	NR_FREE_PAGES, NR_VM_ZONE_STAT_ITEMS, type node_stat_item, type zone_stat_item,
	type zone_type,
} from "#linux/mmzone.const.ts";
import { contig_page_data, node_vm_stat, type struct_lruvec, type struct_pglist_data,
	type struct_zone, zone_vm_stat } from "#linux/mmzone.ts";
import { ZONES_MASK, ZONES_PGSHIFT } from "#linux/page-flags-layout.ts";
import { PG_head } from "#linux/page-flags.ts";
import { NR_VM_EVENT_ITEMS, type vm_event_item } from "#linux/vm_event_item.ts";
export * from "#linux/mmzone.const.ts";
export * from "#linux/vm_event_item.ts";
export {
	all_vm_events, buddyinfo_text, lru_list_name, node_stat_name, pages_in_use, vm_event_name,
	vmstat_text, zone_stat_name,
} from "#mm/vmstat.ts";

export const vm_event_states = new Float64Array(NR_VM_EVENT_ITEMS);

export function count_vm_event(item: vm_event_item): void {
	vm_event_states[item]! += 1;
}

export function count_vm_events(item: vm_event_item, delta: number): void {
	vm_event_states[item]! += delta;
}

export { count_vm_event as __count_vm_event, count_vm_events as __count_vm_events };

/** @item_dma32: the item of ZONE_DMA32; those of the other zones follow. */
export function __count_zid_vm_events(item_dma32: vm_event_item, zid: zone_type,
	delta: number): void {
	vm_event_states[item_dma32 + zid]! += delta;
}

const vm_zone_stat = (item: zone_stat_item): number => {
	let sum = 0;
	for (const zone of contig_page_data.node_zones)
		sum += zone.vm_stat[item]!;
	return sum;
};

export function zone_page_state_add(x: number, zone: struct_zone, item: zone_stat_item): void {
	zone.vm_stat[item]! += x;
}

export function node_page_state_add(x: number, pgdat: struct_pglist_data,
	item: node_stat_item): void {
	pgdat.vm_stat[item]! += x;
}

export function global_zone_page_state(item: zone_stat_item): number {
	return vm_zone_stat(item);
}

export function global_node_page_state_pages(item: node_stat_item): number {
	return node_vm_stat[item]!;
}

export function global_node_page_state(item: node_stat_item): number {
	return node_vm_stat[item]!;
}

export function zone_page_state(zone: struct_zone, item: zone_stat_item): number {
	return zone.vm_stat[item]!;
}

export const zone_page_state_snapshot = zone_page_state;

export function node_page_state(pgdat: struct_pglist_data, item: node_stat_item): number {
	return pgdat.vm_stat[item]!;
}

export const node_page_state_pages = node_page_state;

export function mod_zone_page_state(zone: struct_zone, item: zone_stat_item, delta: number): void {
	zone.vm_stat[item]! += delta;
}

/* where @item of a page's zone is in zone_vm_stat */
function zone_item(page: struct_page, item: zone_stat_item): number {
	return (page.flags >> ZONES_PGSHIFT & ZONES_MASK) * NR_VM_ZONE_STAT_ITEMS + item;
}

export function inc_zone_page_state(page: struct_page, item: zone_stat_item): void {
	zone_vm_stat[zone_item(page, item)]! += 1;
}

export function dec_zone_page_state(page: struct_page, item: zone_stat_item): void {
	zone_vm_stat[zone_item(page, item)]! -= 1;
}

export function mod_node_page_state(pgdat: struct_pglist_data, item: node_stat_item,
	delta: number): void {
	pgdat.vm_stat[item]! += delta;
}

export function inc_node_page_state(_page: struct_page, item: node_stat_item): void {
	node_vm_stat[item]! += 1;
}

export function dec_node_page_state(_page: struct_page, item: node_stat_item): void {
	node_vm_stat[item]! -= 1;
}

export function inc_node_state(pgdat: struct_pglist_data, item: node_stat_item): void {
	pgdat.vm_stat[item]! += 1;
}

export {
	mod_zone_page_state as __mod_zone_page_state, inc_zone_page_state as __inc_zone_page_state,
	dec_zone_page_state as __dec_zone_page_state, mod_node_page_state as __mod_node_page_state,
	inc_node_page_state as __inc_node_page_state, dec_node_page_state as __dec_node_page_state,
};

export function quiet_vmstat(): void {}
export function refresh_zone_stat_thresholds(): void {}
export function cpu_vm_stats_fold(_cpu: number): void {}

function nr_pages_of(folio: struct_folio): number {
	return (folio.flags & (1 << PG_head)) === 0 ? 1 : folio.compound_nr;
}

export function zone_stat_mod_folio(folio: struct_folio, item: zone_stat_item, nr: number): void {
	zone_vm_stat[zone_item(folio, item)]! += nr;
}

export function zone_stat_add_folio(folio: struct_folio, item: zone_stat_item): void {
	zone_vm_stat[zone_item(folio, item)]! += nr_pages_of(folio);
}

export function zone_stat_sub_folio(folio: struct_folio, item: zone_stat_item): void {
	zone_vm_stat[zone_item(folio, item)]! -= nr_pages_of(folio);
}

export function node_stat_mod_folio(_folio: struct_folio, item: node_stat_item, nr: number): void {
	node_vm_stat[item]! += nr;
}

export function node_stat_add_folio(folio: struct_folio, item: node_stat_item): void {
	node_vm_stat[item]! += nr_pages_of(folio);
}

export function node_stat_sub_folio(folio: struct_folio, item: node_stat_item): void {
	node_vm_stat[item]! -= nr_pages_of(folio);
}

export {
	zone_stat_mod_folio as __zone_stat_mod_folio, zone_stat_add_folio as __zone_stat_add_folio,
	zone_stat_sub_folio as __zone_stat_sub_folio, node_stat_mod_folio as __node_stat_mod_folio,
	node_stat_add_folio as __node_stat_add_folio, node_stat_sub_folio as __node_stat_sub_folio,
};

export function __mod_zone_freepage_state(zone: struct_zone, nr_pages: number,
	_migratetype: number): void {
	zone.vm_stat[NR_FREE_PAGES]! += nr_pages;
}

/* without memory cgroups, what is counted for an lruvec is counted for its node */

export function mod_lruvec_state(lruvec: struct_lruvec, idx: node_stat_item, val: number): void {
	lruvec.pgdat.vm_stat[idx]! += val;
}

export function mod_lruvec_page_state(_page: struct_page, idx: node_stat_item,
	val: number): void {
	node_vm_stat[idx]! += val;
}

export function inc_lruvec_page_state(_page: struct_page, idx: node_stat_item): void {
	node_vm_stat[idx]! += 1;
}

export function dec_lruvec_page_state(_page: struct_page, idx: node_stat_item): void {
	node_vm_stat[idx]! -= 1;
}

export function lruvec_stat_mod_folio(_folio: struct_folio, idx: node_stat_item,
	val: number): void {
	node_vm_stat[idx]! += val;
}

export function lruvec_stat_add_folio(folio: struct_folio, idx: node_stat_item): void {
	node_vm_stat[idx]! += nr_pages_of(folio);
}

export function lruvec_stat_sub_folio(folio: struct_folio, idx: node_stat_item): void {
	node_vm_stat[idx]! -= nr_pages_of(folio);
}

export {
	mod_lruvec_state as __mod_lruvec_state, mod_lruvec_page_state as __mod_lruvec_page_state,
	inc_lruvec_page_state as __inc_lruvec_page_state,
	dec_lruvec_page_state as __dec_lruvec_page_state,
	lruvec_stat_mod_folio as __lruvec_stat_mod_folio,
	lruvec_stat_add_folio as __lruvec_stat_add_folio,
	lruvec_stat_sub_folio as __lruvec_stat_sub_folio,
};

export function lruvec_page_state(lruvec: struct_lruvec, idx: node_stat_item): number {
	return lruvec.pgdat.vm_stat[idx]!;
}

export const lruvec_page_state_local = lruvec_page_state;
