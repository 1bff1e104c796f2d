// SPDX-License-Identifier: GPL-2.0
/*
 * How the lists age, and whether a page that comes back left too early.
 *
 * Upstream: mm/workingset.c. Left out until reclaim comes: the shrinker of nodes that hold only
 * shadow entries. A shadow is a value entry: age at eviction and the workingset bit; the age wraps
 * at 2^28.
 */
import { folio_lruvec, mem_cgroup_lruvec, parent_lruvec, type struct_mem_cgroup } from
	"#linux/memcontrol.ts";
import { folio_nr_pages } from "#linux/mm.ts";
import type { struct_folio } from "#linux/mm_types.ts";
import { VM_BUG_ON_FOLIO } from "#linux/mmdebug.ts";
import { type struct_lruvec, contig_page_data } from "#linux/mmzone.ts";
import { folio_is_file_lru } from "#linux/mm_inline.ts";
import {
	folio_set_active, folio_set_workingset, folio_test_locked, folio_test_lru,
	folio_test_workingset,
} from "#linux/page-flags.ts";
import { folio_ref_count } from "#linux/page_ref.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { get_nr_swap_pages, lru_note_cost_folio } from "#linux/swap.ts";
import {
	NR_ACTIVE_ANON, NR_ACTIVE_FILE, NR_INACTIVE_ANON, NR_INACTIVE_FILE,
	WORKINGSET_ACTIVATE_BASE, WORKINGSET_REFAULT_BASE, WORKINGSET_RESTORE_BASE,
	lruvec_page_state, mod_lruvec_state,
} from "#linux/vmstat.ts";
import { xa_mk_value, xa_to_value } from "#linux/xarray.ts";

const EVICTION_MASK = 2 ** 28 - 1;

function pack_shadow(eviction: number, workingset: boolean): number {
	return xa_mk_value((eviction & EVICTION_MASK) * 2 + (workingset ? 1 : 0)) as number;
}

/** mm/workingset.c:workingset_age_nonresident() */
export function workingset_age_nonresident(lruvec: struct_lruvec, nr_pages: number): void {
	for (let l: struct_lruvec | null = lruvec; l !== null; l = parent_lruvec(l))
		l.nonresident_age += nr_pages;
}

/** mm/workingset.c:workingset_eviction(): the entry that takes the folio's place. */
export function workingset_eviction(folio: struct_folio,
	target_memcg: struct_mem_cgroup | null): number {
	/* nobody else may see it any more */
	VM_BUG_ON_FOLIO(folio_test_lru(folio), folio);
	VM_BUG_ON_FOLIO(folio_ref_count(folio) !== 0, folio);
	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);

	const lruvec = mem_cgroup_lruvec(target_memcg, contig_page_data);
	const eviction = lruvec.nonresident_age;
	workingset_age_nonresident(lruvec, folio_nr_pages(folio));
	return pack_shadow(eviction, folio_test_workingset(folio));
}

/** mm/workingset.c:workingset_refault(): @folio is new where @shadow was. */
export function workingset_refault(folio: struct_folio, shadow: unknown): void {
	const entry = xa_to_value(shadow as number);
	const workingset = (entry & 1) !== 0;
	const eviction = entry >> 1;
	const file = folio_is_file_lru(folio);
	const base = file ? 1 : 0;
	const nr = folio_nr_pages(folio);

	rcu_read_lock();
	const lruvec = folio_lruvec(folio);

	/* how much was activated or evicted since: what it would have taken to keep the page */
	const refault_distance = lruvec.nonresident_age - eviction & EVICTION_MASK;

	mod_lruvec_state(lruvec, WORKINGSET_REFAULT_BASE + base, nr);

	let workingset_size = lruvec_page_state(lruvec, NR_ACTIVE_FILE);
	if (!file)
		workingset_size += lruvec_page_state(lruvec, NR_INACTIVE_FILE);
	if (get_nr_swap_pages() > 0) {
		workingset_size += lruvec_page_state(lruvec, NR_ACTIVE_ANON);
		if (file)
			workingset_size += lruvec_page_state(lruvec, NR_INACTIVE_ANON);
	}
	if (refault_distance <= workingset_size) {
		folio_set_active(folio);
		workingset_age_nonresident(lruvec, nr);
		mod_lruvec_state(lruvec, WORKINGSET_ACTIVATE_BASE + base, nr);

		/* it was active before */
		if (workingset) {
			folio_set_workingset(folio);
			lru_note_cost_folio(folio);
			mod_lruvec_state(lruvec, WORKINGSET_RESTORE_BASE + base, nr);
		}
	}
	rcu_read_unlock();
}

/** mm/workingset.c:workingset_activation() */
export function workingset_activation(folio: struct_folio): void {
	rcu_read_lock();
	workingset_age_nonresident(folio_lruvec(folio), folio_nr_pages(folio));
	rcu_read_unlock();
}

/** Nodes with nothing but shadows are not collected yet. */
export function workingset_update_node(_node: unknown): void {}
