// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow entries: how long ago a page was evicted.
 *
 * Upstream: mm/workingset.c. Reduced: a refault is noticed and counted, but activates nothing. Left
 * out: the list of nodes that hold only shadow entries, and its shrinker.
 */
import { mem_cgroup_lruvec, folio_lruvec, parent_lruvec } from "#linux/memcontrol.ts";
import type { struct_mem_cgroup } from "#linux/memcontrol.ts";
import { folio_is_file_lru } from "#linux/mm_inline.ts";
import { folio_nr_pages, folio_pgdat } from "#linux/mm.ts";
import type { struct_folio } from "#linux/mm_types.ts";
import { VM_BUG_ON_FOLIO } from "#linux/mmdebug.ts";
import { WORKINGSET_REFAULT_BASE } from "#linux/mmzone.const.ts";
import type { struct_lruvec } from "#linux/mmzone.ts";
import { folio_test_locked, folio_test_lru, folio_test_workingset } from "#linux/page-flags.ts";
import { folio_ref_count } from "#linux/page_ref.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { mod_lruvec_state } from "#linux/vmstat.ts";
import { xa_mk_value } from "#linux/xarray.ts";

/** 51 bits of a value entry less the workingset bit. */
const EVICTION_MODULUS = 2 ** 50;

function pack_shadow(eviction: number, workingset: boolean): number {
	return xa_mk_value(eviction % EVICTION_MODULUS * 2 + Number(workingset));
}

/** mm/workingset.c:workingset_age_nonresident() */
export function workingset_age_nonresident(lruvec: struct_lruvec, nr_pages: number): void {
	/* an ancestor's lists age with those of its children */
	for (let l: struct_lruvec | null = lruvec; l !== null; l = parent_lruvec(l))
		l.nonresident_age += nr_pages;
}

/** mm/workingset.c:workingset_eviction(). The entry to be stored in the place of @folio. */
export function workingset_eviction(folio: struct_folio, target_memcg: struct_mem_cgroup | null):
	number {
	VM_BUG_ON_FOLIO(folio_test_lru(folio), folio);
	VM_BUG_ON_FOLIO(folio_ref_count(folio) !== 0, folio);
	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);

	const lruvec = mem_cgroup_lruvec(target_memcg, folio_pgdat(folio));
	const eviction = lruvec.nonresident_age;
	workingset_age_nonresident(lruvec, folio_nr_pages(folio));
	return pack_shadow(eviction, folio_test_workingset(folio));
}

/** mm/workingset.c:workingset_refault() */
export function workingset_refault(folio: struct_folio, _shadow: number): void {
	const file = folio_is_file_lru(folio);

	rcu_read_lock();
	mod_lruvec_state(folio_lruvec(folio), WORKINGSET_REFAULT_BASE + Number(file),
		folio_nr_pages(folio));
	rcu_read_unlock();
}

/** mm/workingset.c:workingset_activation() */
export function workingset_activation(folio: struct_folio): void {
	rcu_read_lock();
	workingset_age_nonresident(folio_lruvec(folio), folio_nr_pages(folio));
	rcu_read_unlock();
}
