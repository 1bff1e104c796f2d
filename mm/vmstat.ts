// SPDX-License-Identifier: GPL-2.0
/*
 * Names of the counters, and the views of them that are no hot path.
 *
 * Upstream: mm/vmstat.c. Left out: per-CPU differences (a counter is one cell here), NUMA counters,
 * fragmentation indices, /proc/pagetypeinfo and /proc/zoneinfo.
 */
import { __ffs, ilog2 } from "#asm-generic/bits.ts";
import { CONFIG_COMPACTION, CONFIG_HUGETLB_PAGE, CONFIG_MIGRATION, CONFIG_SWAP,
	CONFIG_TRANSPARENT_HUGEPAGE } from "#generated/autoconf.ts";
import { MAX_ORDER, NR_VM_NODE_STAT_ITEMS, NR_VM_ZONE_STAT_ITEMS, for_each_zone, populated_zone,
	type struct_zone, vmstat_item_print_in_thp } from "#linux/mmzone.ts";
import { NR_VM_EVENT_ITEMS, global_node_page_state, global_zone_page_state, vm_event_states } from
	"#linux/vmstat.ts";

/** By zone_stat_item. */
export const zone_stat_text = [
	"nr_free_pages", "nr_zone_inactive_anon", "nr_zone_active_anon", "nr_zone_inactive_file",
	"nr_zone_active_file", "nr_zone_unevictable", "nr_zone_write_pending", "nr_mlock",
	"nr_bounce", "nr_free_cma",
];

/** By node_stat_item. */
export const node_stat_text = [
	"nr_inactive_anon", "nr_active_anon", "nr_inactive_file", "nr_active_file",
	"nr_unevictable", "nr_slab_reclaimable", "nr_slab_unreclaimable", "nr_isolated_anon",
	"nr_isolated_file", "workingset_nodes", "workingset_refault_anon",
	"workingset_refault_file", "workingset_activate_anon", "workingset_activate_file",
	"workingset_restore_anon", "workingset_restore_file", "workingset_nodereclaim",
	"nr_anon_pages", "nr_mapped", "nr_file_pages", "nr_dirty", "nr_writeback",
	"nr_writeback_temp", "nr_shmem", "nr_shmem_hugepages", "nr_shmem_pmdmapped",
	"nr_file_hugepages", "nr_file_pmdmapped", "nr_anon_transparent_hugepages",
	"nr_vmscan_write", "nr_vmscan_immediate_reclaim", "nr_dirtied", "nr_written",
	"nr_throttled_written", "nr_kernel_misc_reclaimable", "nr_foll_pin_acquired",
	"nr_foll_pin_released", "nr_kernel_stack", "nr_page_table_pages", "nr_swapcached",
];

/** By vm_event_item. */
export const vm_event_text = [
	"pgpgin", "pgpgout", "pswpin", "pswpout", "pgalloc_dma32", "pgalloc_normal",
	"pgalloc_movable", "allocstall_dma32", "allocstall_normal", "allocstall_movable",
	"pgskip_dma32", "pgskip_normal", "pgskip_movable", "pgfree", "pgactivate",
	"pgdeactivate", "pglazyfree", "pgfault", "pgmajfault", "pglazyfreed", "pgrefill",
	"pgreuse", "pgsteal_kswapd", "pgsteal_direct", "pgdemote_kswapd", "pgdemote_direct",
	"pgscan_kswapd", "pgscan_direct", "pgscan_direct_throttle", "pgscan_anon", "pgscan_file",
	"pgsteal_anon", "pgsteal_file", "pginodesteal", "slabs_scanned", "kswapd_inodesteal",
	"kswapd_low_wmark_hit_quickly", "kswapd_high_wmark_hit_quickly", "pageoutrun",
	"pgrotated", "drop_pagecache", "drop_slab", "oom_kill", "pgmigrate_success",
	"pgmigrate_fail", "thp_migration_success", "thp_migration_fail", "thp_migration_split",
	"compact_migrate_scanned", "compact_free_scanned", "compact_isolated", "compact_stall",
	"compact_fail", "compact_success", "compact_daemon_wake",
	"compact_daemon_migrate_scanned", "compact_daemon_free_scanned",
	"htlb_buddy_alloc_success", "htlb_buddy_alloc_fail", "unevictable_pgs_culled",
	"unevictable_pgs_scanned", "unevictable_pgs_rescued", "unevictable_pgs_mlocked",
	"unevictable_pgs_munlocked", "unevictable_pgs_cleared", "unevictable_pgs_stranded",
	"thp_fault_alloc", "thp_fault_fallback", "thp_fault_fallback_charge",
	"thp_collapse_alloc", "thp_collapse_alloc_failed", "thp_file_alloc", "thp_file_fallback",
	"thp_file_fallback_charge", "thp_file_mapped", "thp_split_page", "thp_split_page_failed",
	"thp_deferred_split_page", "thp_split_pmd", "thp_scan_exceed_none_pte",
	"thp_scan_exceed_swap_pte", "thp_scan_exceed_share_pte", "thp_split_pud",
	"thp_zero_page_alloc", "thp_zero_page_alloc_failed", "thp_swpout", "thp_swpout_fallback",
	"swap_ra", "swap_ra_hit", "direct_map_level2_splits", "direct_map_level3_splits",
];

export function zone_stat_name(item: number): string {
	return zone_stat_text[item]!;
}

export function node_stat_name(item: number): string {
	return node_stat_text[item]!;
}

export function lru_list_name(lru: number): string {
	return node_stat_name(lru).slice(3);
}

export function vm_event_name(item: number): string {
	return vm_event_text[item]!;
}

export function all_vm_events(ret: Float64Array): void {
	ret.set(vm_event_states);
}

/* whether this configuration has the counter */
function event_shown(name: string): boolean {
	if (/^(thp_migration|pgmigrate)/.test(name))
		return CONFIG_MIGRATION;
	if (/^k?compact/.test(name))
		return CONFIG_COMPACTION;
	if (name.startsWith("htlb_"))
		return CONFIG_HUGETLB_PAGE;
	if (name.startsWith("thp_"))
		return CONFIG_TRANSPARENT_HUGEPAGE;
	if (name.startsWith("swap_ra"))
		return CONFIG_SWAP;
	return true;
}

/** mm/vmstat.c:vmstat_show(), the text of /proc/vmstat. */
export function vmstat_text(): string {
	let s = "";

	for (let i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++)
		s += `${zone_stat_text[i]!} ${global_zone_page_state(i)}\n`;
	for (let i = 0; i < NR_VM_NODE_STAT_ITEMS; i++) {
		let v = global_node_page_state(i);
		if (vmstat_item_print_in_thp(i))
			v /= 512;
		s += `${node_stat_text[i]!} ${v}\n`;
	}
	s += "nr_dirty_threshold 0\nnr_dirty_background_threshold 0\n";
	for (let i = 0; i < NR_VM_EVENT_ITEMS; i++)
		if (event_shown(vm_event_text[i]!))
			s += `${vm_event_text[i]!} ${vm_event_states[i]!}\n`;
	return s;
}

/* free blocks by order, with those that have not joined the lists yet */
function nr_free_blocks(zone: struct_zone): number[] {
	const nr = zone.free_area.map((area) => area.nr_free);

	for (const range of zone.deferred) {
		for (let pfn = range.pfn; pfn < range.end;) {
			const aligned = pfn === 0 ? MAX_ORDER - 1 : __ffs(pfn);
			const order = Math.min(MAX_ORDER - 1, aligned, ilog2(range.end - pfn));
			const n = order < MAX_ORDER - 1 ? 1 : range.end - pfn >> order;

			nr[order]! += n;
			pfn += n << order;
		}
	}
	return nr;
}

/** mm/vmstat.c:frag_show(), the text of /proc/buddyinfo. */
export function buddyinfo_text(): string {
	let s = "";

	for (const zone of for_each_zone()) {
		if (!populated_zone(zone))
			continue;
		s += `Node 0, zone ${zone.name.padStart(8)} `;
		for (const nr of nr_free_blocks(zone))
			s += `${String(nr).padStart(6)} `;
		s += "\n";
	}
	return s;
}

/** Port-only, for leak checks: pages allocated now, those kept back by CPUs counted as free. */
export function pages_in_use(): number {
	let n = 0;

	for (const zone of for_each_zone()) {
		n += zone.managed_pages - zone.vm_stat[0]!;
		for (const pcp of zone.per_cpu_pageset)
			n -= pcp.count;
	}
	return n;
}
