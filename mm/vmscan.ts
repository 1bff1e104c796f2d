// SPDX-License-Identifier: GPL-2.0
/*
 * Shrinkers, and folios that leave the LRU lists for a while.
 *
 * Upstream: mm/vmscan.c. Left out until reclaim comes: everything that takes pages from their users
 * (shrink_page_list() and above it), kswapd. try_to_free_pages() asks the shrinkers alone.
 */
import { strong } from "#asm-generic/registry.ts";
import { BUG_ON } from "#linux/bug.ts";
import { EBUSY } from "#linux/errno.ts";
import { GFP_KERNEL, type gfp_t } from "#linux/gfp_types.ts";
import { list_add_tail, list_del, list_empty, struct_list_head } from "#linux/list.ts";
import {
	folio_lruvec_lock_irq, folio_lruvec_relock_irq, unlock_page_lruvec_irq,
} from "#linux/memcontrol.ts";
import { folio_get, folio_nr_pages, folio_put } from "#linux/mm.ts";
import type { struct_address_space } from "#linux/fs.types.ts";
import type { struct_folio } from "#linux/mm_types.ts";
import { VM_BUG_ON_FOLIO } from "#linux/mmdebug.ts";
import { DEF_PRIORITY, NR_ZONE_ACTIVE_FILE, NR_ZONE_INACTIVE_FILE } from "#linux/mmzone.const.ts";
import type { struct_lruvec, struct_zone, struct_zonelist } from "#linux/mmzone.ts";
import { lruvec_add_folio, lruvec_del_folio } from "#linux/mm_inline.ts";
import type { nodemask_t } from "#linux/nodemask.ts";
import {
	PageTransTail, folio_clear_active, folio_clear_unevictable, folio_set_lru,
	folio_test_clear_lru, folio_test_dirty, folio_test_locked, folio_test_unevictable,
	page_folio,
} from "#linux/page-flags.ts";
import { folio_ref_count, folio_ref_freeze, folio_ref_unfreeze } from "#linux/page_ref.ts";
import { folio_batch_add, folio_batch_init, struct_folio_batch, type struct_pagevec } from
	"#linux/pagevec.ts";
import { DECLARE_RWSEM } from "#linux/mutex_types.ts";
import { down_read_trylock, down_write, up_read, up_write } from "#linux/rwsem.ts";
import { cond_resched } from "#linux/sched.ts";
import { memalloc_noreclaim_restore, memalloc_noreclaim_save } from "#linux/sched/mm.ts";
import {
	SHRINKER_REGISTERED, SHRINK_EMPTY, SHRINK_STOP, type struct_shrinker, struct_shrink_control,
} from "#linux/shrinker.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { folio_add_lru } from "#linux/swap.ts";
import {
	ALLOCSTALL_DMA32, SLABS_SCANNED, UNEVICTABLE_PGRESCUED, UNEVICTABLE_PGSCANNED,
	count_vm_events, zone_page_state,
} from "#linux/vmstat.ts";
import { xa_lock_irq, xa_unlock_irq } from "#linux/xarray.ts";
import { __filemap_remove_folio } from "#linux/pagemap.ts";
import { folio_evictable } from "#mm/internal.h.ts";
import { folio_mapping } from "#linux/mm.ts";

/** From 0 to 200: how much sooner anonymous pages go than file pages. */
export const vm_swappiness = 60;

const shrinker_list = new struct_list_head(null);
const shrinker_rwsem = DECLARE_RWSEM("shrinker_rwsem");

/** mm/vmscan.c:zone_reclaimable_pages(); without swap, file pages. */
export function zone_reclaimable_pages(zone: struct_zone): number {
	return zone_page_state(zone, NR_ZONE_INACTIVE_FILE) +
	       zone_page_state(zone, NR_ZONE_ACTIVE_FILE);
}

/* ---- shrinkers ------------------------------------------------------------------------------ */

export function prealloc_shrinker(shrinker: struct_shrinker, name: string): number {
	shrinker.name = name;
	shrinker.nr_deferred = 0;
	return 0;
}

export function free_prealloced_shrinker(_shrinker: struct_shrinker): void {}

export function register_shrinker_prepared(shrinker: struct_shrinker): void {
	down_write(shrinker_rwsem);
	list_add_tail(shrinker.list, shrinker_list);
	shrinker.flags |= SHRINKER_REGISTERED;
	up_write(shrinker_rwsem);
}

export function register_shrinker(shrinker: struct_shrinker, name: string): number {
	const err = prealloc_shrinker(shrinker, name);
	if (err !== 0)
		return err;
	register_shrinker_prepared(shrinker);
	return 0;
}

export function unregister_shrinker(shrinker: struct_shrinker): void {
	if ((shrinker.flags & SHRINKER_REGISTERED) === 0)
		return;

	down_write(shrinker_rwsem);
	list_del(shrinker.list);
	shrinker.flags &= ~SHRINKER_REGISTERED;
	up_write(shrinker_rwsem);
}

export function synchronize_shrinkers(): void {
	down_write(shrinker_rwsem);
	up_write(shrinker_rwsem);
}

const SHRINK_BATCH = 128;

function do_shrink_slab(shrinkctl: struct_shrink_control, shrinker: struct_shrinker,
	priority: number): number {
	let freed = 0;
	const batch_size = shrinker.batch !== 0 ? shrinker.batch : SHRINK_BATCH;
	let scanned = 0;

	const freeable = shrinker.count_objects(shrinker, shrinkctl);
	if (freeable === 0 || freeable === SHRINK_EMPTY)
		return freeable;

	/* what earlier calls were not allowed to do */
	const nr = shrinker.nr_deferred;
	shrinker.nr_deferred = 0;

	let delta: number;
	if (shrinker.seeks !== 0)
		delta = Math.floor(Math.floor(freeable / 2 ** priority) * 4 / shrinker.seeks);
	else
		/* costs nothing to make again */
		delta = Math.floor(freeable / 2);

	let total_scan = Math.floor(nr / 2 ** priority) + delta;
	total_scan = Math.min(total_scan, 2 * freeable);

	/* small caches are scanned too, in one go */
	while (total_scan >= batch_size || total_scan >= freeable) {
		const nr_to_scan = Math.min(batch_size, total_scan);

		shrinkctl.nr_to_scan = nr_to_scan;
		shrinkctl.nr_scanned = nr_to_scan;
		const ret = shrinker.scan_objects(shrinker, shrinkctl);
		if (ret === SHRINK_STOP)
			break;
		freed += ret;

		count_vm_events(SLABS_SCANNED, shrinkctl.nr_scanned);
		total_scan -= shrinkctl.nr_scanned;
		scanned += shrinkctl.nr_scanned;

		cond_resched();
	}

	shrinker.nr_deferred += Math.min(Math.max(nr + delta - scanned, 0), 2 * freeable);

	return freed;
}

/** mm/vmscan.c:shrink_slab() */
export function shrink_slab(gfp_mask: gfp_t, nid: number, priority: number): number {
	let freed = 0;

	if (down_read_trylock(shrinker_rwsem)) {
		for (let p = shrinker_list.next; p !== shrinker_list; p = p.next) {
			const sc = new struct_shrink_control();

			sc.gfp_mask = gfp_mask;
			sc.nid = nid;
			const ret = do_shrink_slab(sc, p.owner as struct_shrinker, priority);
			if (ret !== SHRINK_EMPTY)
				freed += ret;
		}

		up_read(shrinker_rwsem);
	}
	cond_resched();
	return freed;
}

/** mm/vmscan.c:drop_slab(), /proc/sys/vm/drop_caches */
export function drop_slab(): void {
	let shift = 0;
	let freed: number;

	do {
		freed = shrink_slab(GFP_KERNEL, 0, 0);
	} while (Math.floor(freed / 2 ** shift++) > 1);
}
strong("drop_slab", drop_slab);

/* ---- off the LRU and back ------------------------------------------------------------------- */

/* with @folio's reference count frozen at 0 on success */
function __remove_mapping(mapping: struct_address_space, folio: struct_folio): boolean {
	const host = mapping.host!;

	BUG_ON(!folio_test_locked(folio));
	BUG_ON(mapping !== folio_mapping(folio));

	spin_lock(host.i_lock);
	xa_lock_irq(mapping.i_pages);
	cannot_free: {
		/* the page cache's references and the caller's, and it must be clean after that */
		const refcount = 1 + folio_nr_pages(folio);
		if (!folio_ref_freeze(folio, refcount))
			break cannot_free;
		if (folio_test_dirty(folio)) {
			folio_ref_unfreeze(folio, refcount);
			break cannot_free;
		}

		const free_folio = mapping.a_ops.free_folio;
		__filemap_remove_folio(folio, null);
		xa_unlock_irq(mapping.i_pages);
		spin_unlock(host.i_lock);

		if (free_folio !== undefined)
			free_folio(folio);
		return true;
	}
	xa_unlock_irq(mapping.i_pages);
	spin_unlock(host.i_lock);
	return false;
}

/** mm/vmscan.c:remove_mapping(): the number of pages, or 0 if somebody uses the folio. */
export function remove_mapping(mapping: struct_address_space, folio: struct_folio): number {
	if (__remove_mapping(mapping, folio)) {
		folio_ref_unfreeze(folio, 1);
		return folio_nr_pages(folio);
	}
	return 0;
}

/** mm/vmscan.c:folio_putback_lru() */
export function folio_putback_lru(folio: struct_folio): void {
	folio_add_lru(folio);
	folio_put(folio);
}

/** mm/vmscan.c:folio_isolate_lru(): 0 and a reference, or -EBUSY. */
export function folio_isolate_lru(folio: struct_folio): number {
	let ret = -EBUSY;

	VM_BUG_ON_FOLIO(folio_ref_count(folio) === 0, folio);

	if (folio_test_clear_lru(folio)) {
		folio_get(folio);
		const lruvec = folio_lruvec_lock_irq(folio);
		lruvec_del_folio(lruvec, folio);
		unlock_page_lruvec_irq(lruvec);
		ret = 0;
	}

	return ret;
}

/**
 * mm/vmscan.c:reclaim_pages(), MADV_PAGEOUT. Nothing can be paged out yet: the folios become
 * inactive and return to their lists.
 */
export function reclaim_pages(folio_list: struct_list_head): number {
	if (list_empty(folio_list))
		return 0;

	const noreclaim_flag = memalloc_noreclaim_save();

	do {
		const folio = folio_list.prev.owner as struct_folio;

		folio_clear_active(folio);
		list_del(folio.lru);
		folio_putback_lru(folio);
	} while (!list_empty(folio_list));

	memalloc_noreclaim_restore(noreclaim_flag);

	return 0;
}

/** mm/vmscan.c:try_to_free_pages(): pages freed. */
export function try_to_free_pages(zonelist: struct_zonelist, _order: number, gfp_mask: gfp_t,
	_nodemask: nodemask_t | null): number {
	const zone_idx = zonelist._zonerefs[0]!.zone_idx;

	count_vm_events(ALLOCSTALL_DMA32 + zone_idx, 1);
	for (let priority = DEF_PRIORITY; priority >= 0; priority--)
		shrink_slab(gfp_mask, 0, priority);

	return 0;
}

export function check_move_unevictable_pages(pvec: struct_pagevec): void {
	const fbatch = new struct_folio_batch();

	folio_batch_init(fbatch);
	for (let i = 0; i < pvec.nr; i++) {
		const page = pvec.pages[i]!;

		if (PageTransTail(page))
			continue;
		folio_batch_add(fbatch, page_folio(page));
	}
	check_move_unevictable_folios(fbatch);
}

/** mm/vmscan.c:check_move_unevictable_folios(): what may be reclaimed again goes to its list. */
export function check_move_unevictable_folios(fbatch: struct_folio_batch): void {
	let lruvec: struct_lruvec | null = null;
	let pgscanned = 0;
	let pgrescued = 0;

	for (let i = 0; i < fbatch.nr; i++) {
		const folio = fbatch.folios[i]!;
		const nr_pages = folio_nr_pages(folio);

		pgscanned += nr_pages;

		if (!folio_test_clear_lru(folio))
			continue;

		lruvec = folio_lruvec_relock_irq(folio, lruvec);
		if (folio_evictable(folio) && folio_test_unevictable(folio)) {
			lruvec_del_folio(lruvec, folio);
			folio_clear_unevictable(folio);
			lruvec_add_folio(lruvec, folio);
			pgrescued += nr_pages;
		}
		folio_set_lru(folio);
	}

	if (lruvec !== null) {
		count_vm_events(UNEVICTABLE_PGRESCUED, pgrescued);
		count_vm_events(UNEVICTABLE_PGSCANNED, pgscanned);
		unlock_page_lruvec_irq(lruvec);
	} else if (pgscanned !== 0) {
		count_vm_events(UNEVICTABLE_PGSCANNED, pgscanned);
	}
}
