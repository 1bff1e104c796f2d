// SPDX-License-Identifier: GPL-2.0
/*
 * The last reference of a folio, and the way onto, along and off the LRU lists.
 *
 * Upstream: mm/swap.c. Left out: device pages, buffer heads, kiovecs. Draining all CPUs does each
 * CPU's batches from here: no work item is needed, for no other CPU is inside this file.
 *
 * LRU batches belong to their CPU, under cpu_fbatches.lock; inside it lruvec->lru_lock, with
 * interrupts off.
 */
import { for_each_online_cpu } from "#linux/cpumask.ts";
import { is_huge_zero_page } from "#linux/huge_mm.ts";
import { INIT_LIST_HEAD, list_del, type struct_list_head } from "#linux/list.ts";
import { INIT_LOCAL_LOCK, local_lock, type local_lock_t, local_unlock } from
	"#linux/local_lock.ts";
import {
	folio_lruvec, folio_lruvec_lock_irqsave, lruvec_flags, mem_cgroup_uncharge,
	mem_cgroup_uncharge_list, unlock_page_lruvec_irqrestore,
} from "#linux/memcontrol.ts";
import { VM_LOCKED, VM_SPECIAL } from "#linux/mm.const.ts";
import { folio_get, folio_nr_pages, folio_put_testzero } from "#linux/mm.ts";
import type { struct_folio, struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import { VM_BUG_ON_FOLIO, VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import {
	NR_ACTIVE_ANON, NR_ACTIVE_FILE, NR_INACTIVE_ANON, NR_INACTIVE_FILE, NR_MLOCK,
} from "#linux/mmzone.const.ts";
import type { struct_lruvec, struct_zone } from "#linux/mmzone.ts";
import {
	__folio_clear_lru_flags, folio_is_file_lru, lruvec_add_folio, lruvec_add_folio_tail,
	lruvec_del_folio,
} from "#linux/mm_inline.ts";
import { DEFINE_MUTEX } from "#linux/mutex_types.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import {
	PageLRU, __folio_clear_mlocked, folio_clear_active, folio_clear_idle,
	folio_clear_referenced, folio_clear_swapbacked, folio_set_active, folio_set_lru,
	folio_set_reclaim, folio_set_referenced, folio_set_unevictable, folio_test_active,
	folio_test_anon, folio_test_clear_lru, folio_test_clear_unevictable, folio_test_dirty,
	folio_test_hugetlb, folio_test_idle, folio_test_large, folio_test_locked, folio_test_lru,
	folio_test_mlocked, folio_test_referenced, folio_test_swapbacked, folio_test_swapcache,
	folio_test_unevictable, folio_test_writeback, page_folio,
} from "#linux/page-flags.ts";
import { folio_batch_add, folio_batch_count, folio_batch_reinit, pagevec_count, pagevec_reinit,
	struct_folio_batch, type struct_pagevec } from "#linux/pagevec.ts";
import { synchronize_rcu_expedited } from "#linux/rcupdate.ts";
import { smp_processor_id } from "#linux/smp.ts";
import { spin_lock_irq, spin_unlock_irq } from "#linux/spinlock.ts";
import { SWAP_CLUSTER_MAX, lru_cache_add, workingset_activation } from "#linux/swap.ts";
import {
	PGACTIVATE, PGDEACTIVATE, PGLAZYFREE, PGROTATED, UNEVICTABLE_PGCLEARED,
	UNEVICTABLE_PGCULLED, UNEVICTABLE_PGRESCUED, __count_vm_events, count_vm_event,
	count_vm_events, lruvec_page_state, zone_stat_mod_folio, zone_stat_sub_folio,
} from "#linux/vmstat.ts";
import { PAGE_SHIFT } from "#asm/page_types.ts";
import { xa_is_value } from "#linux/xarray.ts";
import {
	drain_local_pages, folio_evictable, free_unref_page, free_unref_page_list, mlock_new_page,
	mlock_page_drain_local, mlock_page_drain_remote, need_mlock_page_drain,
} from "#mm/internal.h.ts";
import { destroy_large_folio, folio_mapped, totalram_pages } from "#linux/mm.ts";

/** log2 of how many pages swap reads at once. */
export let page_cluster = 0;

class struct_cpu_fbatches {
	lru_rotate = new struct_folio_batch();
	lru_add = new struct_folio_batch();
	lru_deactivate_file = new struct_folio_batch();
	lru_deactivate = new struct_folio_batch();
	lru_lazyfree = new struct_folio_batch();
	activate = new struct_folio_batch();
}

let fbatches_lock: local_lock_t | null = null;
let cpu_fbatches: struct_cpu_fbatches[] = [];

/* the batches of a CPU, made when it first uses them */
function fbatches_of(cpu: number): struct_cpu_fbatches {
	while (cpu_fbatches.length <= cpu)
		cpu_fbatches.push(new struct_cpu_fbatches());
	return cpu_fbatches[cpu]!;
}

function lock_cpu_fbatches(): struct_cpu_fbatches {
	local_lock(fbatches_lock ??= INIT_LOCAL_LOCK("&cpu_fbatches.lock"));
	const cpu = smp_processor_id();
	return cpu < cpu_fbatches.length ? cpu_fbatches[cpu]! : fbatches_of(cpu);
}

function unlock_cpu_fbatches(): void {
	local_unlock(fbatches_lock!);
}

/* what the last reference leaves behind: the LRU, and the count of mlocked pages */
function __page_cache_release(folio: struct_folio): void {
	if (folio_test_lru(folio)) {
		const lruvec = folio_lruvec_lock_irqsave(folio);
		const flags = lruvec_flags;

		lruvec_del_folio(lruvec, folio);
		__folio_clear_lru_flags(folio);
		unlock_page_lruvec_irqrestore(lruvec, flags);
	}
	if (folio_test_mlocked(folio)) {
		const nr_pages = folio_nr_pages(folio);

		__folio_clear_mlocked(folio);
		zone_stat_mod_folio(folio, NR_MLOCK, -nr_pages);
		count_vm_events(UNEVICTABLE_PGCLEARED, nr_pages);
	}
}

function __folio_put_small(folio: struct_folio): void {
	__page_cache_release(folio);
	mem_cgroup_uncharge(folio);
	free_unref_page(folio, 0);
}

function __folio_put_large(folio: struct_folio): void {
	/* hugetlb pages are on no LRU list */
	if (!folio_test_hugetlb(folio))
		__page_cache_release(folio);
	destroy_large_folio(folio);
}

/** mm/swap.c:__folio_put() */
export function __folio_put(folio: struct_folio): void {
	if (folio_test_large(folio))
		__folio_put_large(folio);
	else
		__folio_put_small(folio);
}

/** mm/swap.c:put_pages_list(): pages linked by lru, not on LRU lists. */
export function put_pages_list(pages: struct_list_head): void {
	const to_free: struct_page[] = [];

	for (let p = pages.next, next = p.next; p !== pages; p = next, next = p.next) {
		const folio = p.owner as struct_folio;

		if (!folio_put_testzero(folio)) {
			list_del(folio.lru);
			continue;
		}
		if (folio_test_large(folio)) {
			list_del(folio.lru);
			__folio_put_large(folio);
			continue;
		}
		list_del(folio.lru);
		to_free.push(folio);
	}

	free_unref_page_list(to_free.reverse(), to_free.length);
	INIT_LIST_HEAD(pages);
}

type move_fn_t = (lruvec: struct_lruvec, folio: struct_folio) => void;

function lru_add_fn(lruvec: struct_lruvec, folio: struct_folio): void {
	const was_unevictable = folio_test_clear_unevictable(folio);
	const nr_pages = folio_nr_pages(folio);

	VM_BUG_ON_FOLIO(folio_test_lru(folio), folio);

	if (folio_evictable(folio)) {
		if (was_unevictable)
			__count_vm_events(UNEVICTABLE_PGRESCUED, nr_pages);
	} else {
		folio_clear_active(folio);
		folio_set_unevictable(folio);
		/* mlock_page() counts from here, if it is why */
		folio.mlock_count = 0;
		if (!was_unevictable)
			__count_vm_events(UNEVICTABLE_PGCULLED, nr_pages);
	}

	lruvec_add_folio(lruvec, folio);
}

function folio_batch_move_lru(fbatch: struct_folio_batch, move_fn: move_fn_t): void {
	let lruvec: struct_lruvec | null = null;
	let flags = 0;
	const nr = folio_batch_count(fbatch);

	for (let i = 0; i < nr; i++) {
		const folio = fbatch.folios[i]!;

		/* off the lists meanwhile */
		if (move_fn !== lru_add_fn && !folio_test_clear_lru(folio))
			continue;

		if (lruvec === null) {
			lruvec = folio_lruvec_lock_irqsave(folio);
			flags = lruvec_flags;
		}
		/* by its name, so that it can be compiled in */
		if (move_fn === lru_add_fn)
			lru_add_fn(lruvec, folio);
		else
			move_fn(lruvec, folio);

		folio_set_lru(folio);
	}

	if (lruvec !== null)
		unlock_page_lruvec_irqrestore(lruvec, flags);
	release_pages(fbatch.folios as struct_folio[], nr);
	folio_batch_reinit(fbatch);
}

function folio_batch_add_and_move(fbatch: struct_folio_batch, folio: struct_folio,
	move_fn: move_fn_t): void {
	if (folio_batch_add(fbatch, folio) !== 0 && !folio_test_large(folio) &&
	    !lru_cache_disabled())
		return;
	folio_batch_move_lru(fbatch, move_fn);
}

function lru_move_tail_fn(lruvec: struct_lruvec, folio: struct_folio): void {
	if (!folio_test_unevictable(folio)) {
		lruvec_del_folio(lruvec, folio);
		folio_clear_active(folio);
		lruvec_add_folio_tail(lruvec, folio);
		__count_vm_events(PGROTATED, folio_nr_pages(folio));
	}
}

/** mm/swap.c:folio_rotate_reclaimable(): written back, the next to be reclaimed. */
export function folio_rotate_reclaimable(folio: struct_folio): void {
	if (!folio_test_locked(folio) && !folio_test_dirty(folio) &&
	    !folio_test_unevictable(folio) && folio_test_lru(folio)) {
		folio_get(folio);
		const fbatches = lock_cpu_fbatches();
		folio_batch_add_and_move(fbatches.lru_rotate, folio, lru_move_tail_fn);
		unlock_cpu_fbatches();
	}
}

/** mm/swap.c:lru_note_cost() */
export function lru_note_cost(lruvec: struct_lruvec, file: boolean, nr_pages: number): void {
	spin_lock_irq(lruvec.lru_lock);
	if (file)
		lruvec.file_cost += nr_pages;
	else
		lruvec.anon_cost += nr_pages;

	/* old costs fade as the lists turn over */
	const lrusize = lruvec_page_state(lruvec, NR_INACTIVE_ANON) +
		lruvec_page_state(lruvec, NR_ACTIVE_ANON) +
		lruvec_page_state(lruvec, NR_INACTIVE_FILE) +
		lruvec_page_state(lruvec, NR_ACTIVE_FILE);

	if (lruvec.file_cost + lruvec.anon_cost > lrusize >> 2) {
		lruvec.file_cost >>= 1;
		lruvec.anon_cost >>= 1;
	}
	spin_unlock_irq(lruvec.lru_lock);
}

export function lru_note_cost_folio(folio: struct_folio): void {
	lru_note_cost(folio_lruvec(folio), folio_is_file_lru(folio), folio_nr_pages(folio));
}

function folio_activate_fn(lruvec: struct_lruvec, folio: struct_folio): void {
	if (!folio_test_active(folio) && !folio_test_unevictable(folio)) {
		const nr_pages = folio_nr_pages(folio);

		lruvec_del_folio(lruvec, folio);
		folio_set_active(folio);
		lruvec_add_folio(lruvec, folio);

		__count_vm_events(PGACTIVATE, nr_pages);
	}
}

function folio_activate(folio: struct_folio): void {
	if (folio_test_lru(folio) && !folio_test_active(folio) && !folio_test_unevictable(folio)) {
		folio_get(folio);
		const fbatches = lock_cpu_fbatches();
		folio_batch_add_and_move(fbatches.activate, folio, folio_activate_fn);
		unlock_cpu_fbatches();
	}
}

/* not on a list yet: it may be in this CPU's batch, and is put on the right list from there */
function __lru_cache_activate_folio(folio: struct_folio): void {
	const fbatch = lock_cpu_fbatches().lru_add;

	for (let i = folio_batch_count(fbatch) - 1; i >= 0; i--) {
		if (fbatch.folios[i] === folio) {
			folio_set_active(folio);
			break;
		}
	}

	unlock_cpu_fbatches();
}

/**
 * mm/swap.c:folio_mark_accessed()
 *
 * inactive, unreferenced -> inactive, referenced -> active, unreferenced -> active, referenced
 */
export function folio_mark_accessed(folio: struct_folio): void {
	if (!folio_test_referenced(folio)) {
		folio_set_referenced(folio);
	} else if (folio_test_unevictable(folio)) {
		/* its place does not matter */
	} else if (!folio_test_active(folio)) {
		if (folio_test_lru(folio))
			folio_activate(folio);
		else
			__lru_cache_activate_folio(folio);
		folio_clear_referenced(folio);
		workingset_activation(folio);
	}
	if (folio_test_idle(folio))
		folio_clear_idle(folio);
}

/** mm/swap.c:folio_add_lru(): onto an LRU list, by this CPU's batch. */
export function folio_add_lru(folio: struct_folio): void {
	VM_BUG_ON_FOLIO(folio_test_active(folio) && folio_test_unevictable(folio), folio);
	VM_BUG_ON_FOLIO(folio_test_lru(folio), folio);

	folio_get(folio);
	const fbatches = lock_cpu_fbatches();
	folio_batch_add_and_move(fbatches.lru_add, folio, lru_add_fn);
	unlock_cpu_fbatches();
}

/** mm/swap.c:lru_cache_add_inactive_or_unevictable() */
export function lru_cache_add_inactive_or_unevictable(page: struct_page,
	vma: struct_vm_area_struct): void {
	VM_BUG_ON_PAGE(PageLRU(page), page);

	if ((vma.vm_flags & (VM_LOCKED | VM_SPECIAL)) === VM_LOCKED)
		mlock_new_page(page);
	else
		lru_cache_add(page);
}

function lru_deactivate_file_fn(lruvec: struct_lruvec, folio: struct_folio): void {
	const active = folio_test_active(folio);
	const nr_pages = folio_nr_pages(folio);

	if (folio_test_unevictable(folio))
		return;

	if (folio_mapped(folio))
		return;

	lruvec_del_folio(lruvec, folio);
	folio_clear_active(folio);
	folio_clear_referenced(folio);

	if (folio_test_writeback(folio) || folio_test_dirty(folio)) {
		/* to the tail once it is clean */
		lruvec_add_folio(lruvec, folio);
		folio_set_reclaim(folio);
	} else {
		lruvec_add_folio_tail(lruvec, folio);
		__count_vm_events(PGROTATED, nr_pages);
	}

	if (active)
		__count_vm_events(PGDEACTIVATE, nr_pages);
}

function lru_deactivate_fn(lruvec: struct_lruvec, folio: struct_folio): void {
	if (folio_test_active(folio) && !folio_test_unevictable(folio)) {
		const nr_pages = folio_nr_pages(folio);

		lruvec_del_folio(lruvec, folio);
		folio_clear_active(folio);
		folio_clear_referenced(folio);
		lruvec_add_folio(lruvec, folio);

		__count_vm_events(PGDEACTIVATE, nr_pages);
	}
}

function lru_lazyfree_fn(lruvec: struct_lruvec, folio: struct_folio): void {
	if (folio_test_anon(folio) && folio_test_swapbacked(folio) &&
	    !folio_test_swapcache(folio) && !folio_test_unevictable(folio)) {
		const nr_pages = folio_nr_pages(folio);

		lruvec_del_folio(lruvec, folio);
		folio_clear_active(folio);
		folio_clear_referenced(folio);
		/* anonymous but not swap backed: may be dropped while it is clean */
		folio_clear_swapbacked(folio);
		lruvec_add_folio(lruvec, folio);

		__count_vm_events(PGLAZYFREE, nr_pages);
	}
}

/** mm/swap.c:lru_add_drain_cpu(): this CPU's batches go to the lists. */
export function lru_add_drain_cpu(cpu: number): void {
	const fbatches = fbatches_of(cpu);

	if (folio_batch_count(fbatches.lru_add) !== 0)
		folio_batch_move_lru(fbatches.lru_add, lru_add_fn);
	if (folio_batch_count(fbatches.lru_rotate) !== 0)
		folio_batch_move_lru(fbatches.lru_rotate, lru_move_tail_fn);
	if (folio_batch_count(fbatches.lru_deactivate_file) !== 0)
		folio_batch_move_lru(fbatches.lru_deactivate_file, lru_deactivate_file_fn);
	if (folio_batch_count(fbatches.lru_deactivate) !== 0)
		folio_batch_move_lru(fbatches.lru_deactivate, lru_deactivate_fn);
	if (folio_batch_count(fbatches.lru_lazyfree) !== 0)
		folio_batch_move_lru(fbatches.lru_lazyfree, lru_lazyfree_fn);
	if (folio_batch_count(fbatches.activate) !== 0)
		folio_batch_move_lru(fbatches.activate, folio_activate_fn);
}

/** mm/swap.c:deactivate_file_folio(): truncation could not take it; it is not wanted. */
export function deactivate_file_folio(folio: struct_folio): void {
	if (folio_test_unevictable(folio))
		return;

	folio_get(folio);
	const fbatches = lock_cpu_fbatches();
	folio_batch_add_and_move(fbatches.lru_deactivate_file, folio, lru_deactivate_file_fn);
	unlock_cpu_fbatches();
}

/** mm/swap.c:deactivate_page(), MADV_COLD */
export function deactivate_page(page: struct_page): void {
	const folio = page_folio(page);

	if (folio_test_lru(folio) && folio_test_active(folio) && !folio_test_unevictable(folio)) {
		folio_get(folio);
		const fbatches = lock_cpu_fbatches();
		folio_batch_add_and_move(fbatches.lru_deactivate, folio, lru_deactivate_fn);
		unlock_cpu_fbatches();
	}
}

/** mm/swap.c:mark_page_lazyfree(), MADV_FREE */
export function mark_page_lazyfree(page: struct_page): void {
	const folio = page_folio(page);

	if (folio_test_lru(folio) && folio_test_anon(folio) && folio_test_swapbacked(folio) &&
	    !folio_test_swapcache(folio) && !folio_test_unevictable(folio)) {
		folio_get(folio);
		const fbatches = lock_cpu_fbatches();
		folio_batch_add_and_move(fbatches.lru_lazyfree, folio, lru_lazyfree_fn);
		unlock_cpu_fbatches();
	}
}

export function lru_add_drain(): void {
	lock_cpu_fbatches();
	lru_add_drain_cpu(smp_processor_id());
	unlock_cpu_fbatches();
	mlock_page_drain_local();
}

export function lru_add_drain_cpu_zone(zone: struct_zone): void {
	lock_cpu_fbatches();
	lru_add_drain_cpu(smp_processor_id());
	drain_local_pages(zone);
	unlock_cpu_fbatches();
	mlock_page_drain_local();
}

function cpu_needs_drain(cpu: number): boolean {
	const fbatches = fbatches_of(cpu);

	return folio_batch_count(fbatches.lru_add) !== 0 ||
	       folio_batch_count(fbatches.lru_rotate) !== 0 ||
	       folio_batch_count(fbatches.lru_deactivate_file) !== 0 ||
	       folio_batch_count(fbatches.lru_deactivate) !== 0 ||
	       folio_batch_count(fbatches.lru_lazyfree) !== 0 ||
	       folio_batch_count(fbatches.activate) !== 0 ||
	       need_mlock_page_drain(cpu);
}

const lru_add_drain_all_lock = DEFINE_MUTEX("__lru_add_drain_all:lock");

function __lru_add_drain_all(_force_all_cpus: boolean): void {
	mutex_lock(lru_add_drain_all_lock);

	for (const cpu of for_each_online_cpu()) {
		if (!cpu_needs_drain(cpu))
			continue;
		lock_cpu_fbatches();
		lru_add_drain_cpu(cpu);
		unlock_cpu_fbatches();
		if (cpu === smp_processor_id())
			mlock_page_drain_local();
		else
			mlock_page_drain_remote(cpu);
	}

	mutex_unlock(lru_add_drain_all_lock);
}

export function lru_add_drain_all(): void {
	__lru_add_drain_all(false);
}

let lru_disable_count = 0;

export function lru_cache_disabled(): boolean {
	return lru_disable_count !== 0;
}

export function lru_cache_enable(): void {
	lru_disable_count--;
}

/** mm/swap.c:lru_cache_disable(): no batches until lru_cache_enable(). */
export function lru_cache_disable(): void {
	lru_disable_count++;
	synchronize_rcu_expedited();
	__lru_add_drain_all(true);
}

/* of the release_pages() that runs; longer than most lists, as growing is slow */
const pages_to_free: (struct_page | null)[] = Array.from(new Uint8Array(512), () => null);

/** mm/swap.c:release_pages(): drops a reference of each. */
export function release_pages(pages: (struct_page | null)[], nr: number): void {
	let lruvec: struct_lruvec | null = null;
	let flags = 0;
	let lock_batch = 0;
	let nr_to_free = 0;

	for (let i = 0; i < nr; i++) {
		const folio = page_folio(pages[i]!);

		/* interrupts are not kept off for long */
		if (lruvec !== null && ++lock_batch === SWAP_CLUSTER_MAX) {
			unlock_page_lruvec_irqrestore(lruvec, flags);
			lruvec = null;
		}

		if (is_huge_zero_page(folio))
			continue;

		if (!folio_put_testzero(folio))
			continue;

		if (folio_test_large(folio)) {
			if (lruvec !== null) {
				unlock_page_lruvec_irqrestore(lruvec, flags);
				lruvec = null;
			}
			__folio_put_large(folio);
			continue;
		}

		if (folio_test_lru(folio)) {
			if (lruvec === null) {
				lruvec = folio_lruvec_lock_irqsave(folio);
				flags = lruvec_flags;
				lock_batch = 0;
			}

			lruvec_del_folio(lruvec, folio);
			__folio_clear_lru_flags(folio);
		}

		/* mlocked pages are normally unlocked when they are unmapped */
		if (folio_test_mlocked(folio)) {
			__folio_clear_mlocked(folio);
			zone_stat_sub_folio(folio, NR_MLOCK);
			count_vm_event(UNEVICTABLE_PGCLEARED);
		}

		pages_to_free[nr_to_free++] = folio;
	}
	if (lruvec !== null)
		unlock_page_lruvec_irqrestore(lruvec, flags);

	if (nr_to_free === 0)
		return;
	mem_cgroup_uncharge_list(pages_to_free);
	free_unref_page_list(pages_to_free, nr_to_free);
}

export function __pagevec_release(pvec: struct_pagevec): void {
	if (!pvec.percpu_pvec_drained) {
		lru_add_drain();
		pvec.percpu_pvec_drained = true;
	}
	release_pages(pvec.pages, pagevec_count(pvec));
	pagevec_reinit(pvec);
}

/** __pagevec_release() of a folio batch. */
export function __folio_batch_release(fbatch: struct_folio_batch): void {
	if (!fbatch.percpu_pvec_drained) {
		lru_add_drain();
		fbatch.percpu_pvec_drained = true;
	}
	release_pages(fbatch.folios, folio_batch_count(fbatch));
	folio_batch_reinit(fbatch);
}

/** mm/swap.c:folio_batch_remove_exceptionals() */
export function folio_batch_remove_exceptionals(fbatch: struct_folio_batch): void {
	let j = 0;

	for (let i = 0; i < folio_batch_count(fbatch); i++) {
		const folio = fbatch.folios[i]!;
		if (!xa_is_value(folio)) {
			if (j !== i)
				fbatch.folios[j] = folio;
			j++;
		}
	}
	fbatch.nr = j;
}

/** mm/swap.c:swap_setup() */
export function swap_setup(): void {
	const megs = totalram_pages() >> (20 - PAGE_SHIFT);

	page_cluster = megs < 16 ? 2 : 3;
}

/** Port-only: empties the batches, for a host that boots anew in one realm. */
export function swap_reset(): void {
	cpu_fbatches = [];
	lru_disable_count = 0;
}

