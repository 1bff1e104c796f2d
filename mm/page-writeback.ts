// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty and writeback state of folios.
 *
 * Upstream: mm/page-writeback.c. Left out: limits, throttling, bandwidth, write_cache_pages() (no
 * mapping here has a device to write to).
 */
import { BUG, WARN_ON_ONCE } from "#linux/bug.ts";
import { EINTR } from "#linux/errno.ts";
import { mapping_can_writeback, inode_to_bdi, BDI_CAP_WRITEBACK } from "#linux/backing-dev.ts";
import { PAGECACHE_TAG_DIRTY, PAGECACHE_TAG_TOWRITE, PAGECACHE_TAG_WRITEBACK,
	SB_I_STABLE_WRITES } from "#linux/fs.const.ts";
import { I_DIRTY_PAGES, __mark_inode_dirty } from "#linux/fs.ts";
import type { struct_address_space } from "#linux/fs.types.ts";
import { folio_memcg_lock, folio_memcg_unlock } from "#linux/memcontrol.ts";
import { folio_nr_pages, set_page_dirty } from "#linux/mm.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON_FOLIO } from "#linux/mmdebug.ts";
import { NR_DIRTIED, NR_FILE_DIRTY, NR_WRITEBACK, NR_WRITTEN, NR_ZONE_WRITE_PENDING } from
	"#linux/mmzone.const.ts";
import { PG_writeback, folio_clear_dirty, folio_clear_reclaim, folio_test_clear_dirty,
	folio_test_clear_writeback, folio_test_dirty, folio_test_locked, folio_test_private,
	folio_test_reclaim, folio_test_set_dirty, folio_test_set_writeback, folio_test_uptodate,
	folio_test_writeback } from "#linux/page-flags.ts";
import { folio_index, folio_inode, folio_mapping, folio_wait_bit, folio_wait_bit_killable,
	lock_page, mapping_use_writeback_tags, unlock_page } from "#linux/pagemap.ts";
import { folio_mkclean } from "#linux/rmap.ts";
import { __lruvec_stat_mod_folio, __node_stat_mod_folio, __zone_stat_mod_folio,
	lruvec_stat_mod_folio, node_stat_mod_folio, zone_stat_mod_folio } from "#linux/vmstat.ts";
import type { struct_writeback_control } from "#linux/writeback.ts";
import { XA_STATE, __xa_clear_mark, __xa_set_mark, xa_lock_irqsave, xa_unlock_irqrestore,
	xas_clear_mark, xas_load, xas_lock_irqsave, xas_set_mark, xas_unlock_irqrestore } from
	"#linux/xarray.ts";

/** mm/page-writeback.c:balance_dirty_pages_ratelimited(). Nobody is throttled without a device. */
export function balance_dirty_pages_ratelimited(mapping: struct_address_space): void {
	if (!(inode_to_bdi(mapping.host!).capabilities & BDI_CAP_WRITEBACK))
		return;

	BUG();
}

/** mm/page-writeback.c:page_writeback_init(). No limits to compute. */
export function page_writeback_init(): void {}

/** mm/page-writeback.c:noop_dirty_folio(). For mappings that are never written back. */
export function noop_dirty_folio(_mapping: struct_address_space, folio: struct_folio): boolean {
	if (!folio_test_dirty(folio))
		return !folio_test_set_dirty(folio);
	return false;
}

/** mm/page-writeback.c:folio_account_dirtied() */
function folio_account_dirtied(folio: struct_folio, mapping: struct_address_space): void {
	if (mapping_can_writeback(mapping)) {
		const nr = folio_nr_pages(folio);

		__lruvec_stat_mod_folio(folio, NR_FILE_DIRTY, nr);
		__zone_stat_mod_folio(folio, NR_ZONE_WRITE_PENDING, nr);
		__node_stat_mod_folio(folio, NR_DIRTIED, nr);
	}
}

/** mm/page-writeback.c:folio_account_cleaned() */
export function folio_account_cleaned(folio: struct_folio): void {
	const nr = folio_nr_pages(folio);

	lruvec_stat_mod_folio(folio, NR_FILE_DIRTY, -nr);
	zone_stat_mod_folio(folio, NR_ZONE_WRITE_PENDING, -nr);
}

/** mm/page-writeback.c:__folio_mark_dirty() */
export function __folio_mark_dirty(folio: struct_folio, mapping: struct_address_space,
	warn: number | boolean): void {
	const flags = xa_lock_irqsave(mapping.i_pages);
	if (folio.mapping !== null) {	/* truncated? */
		WARN_ON_ONCE(Boolean(warn) && !folio_test_uptodate(folio));
		folio_account_dirtied(folio, mapping);
		__xa_set_mark(mapping.i_pages, folio_index(folio), PAGECACHE_TAG_DIRTY);
	}
	xa_unlock_irqrestore(mapping.i_pages, flags);
}

/** mm/page-writeback.c:filemap_dirty_folio() */
export function filemap_dirty_folio(mapping: struct_address_space, folio: struct_folio): boolean {
	folio_memcg_lock(folio);
	if (folio_test_set_dirty(folio)) {
		folio_memcg_unlock(folio);
		return false;
	}

	__folio_mark_dirty(folio, mapping, !folio_test_private(folio));
	folio_memcg_unlock(folio);

	if (mapping.host) {
		/* neither anonymous nor swap */
		__mark_inode_dirty(mapping.host, I_DIRTY_PAGES);
	}
	return true;
}

/** mm/page-writeback.c:folio_account_redirty() */
export function folio_account_redirty(folio: struct_folio): void {
	const mapping = folio.mapping as struct_address_space | null;

	if (mapping && mapping_can_writeback(mapping))
		node_stat_mod_folio(folio, NR_DIRTIED, -folio_nr_pages(folio));
}

/** mm/page-writeback.c:folio_redirty_for_writepage() */
export function folio_redirty_for_writepage(wbc: struct_writeback_control, folio: struct_folio):
	boolean {
	const nr = folio_nr_pages(folio);

	wbc.pages_skipped += nr;
	const ret = filemap_dirty_folio(folio.mapping as struct_address_space, folio);
	folio_account_redirty(folio);

	return ret;
}

/** mm/page-writeback.c:folio_mark_dirty(). The folio is locked, or mapped under a held page table
 * lock, so that its mapping stays. */
export function folio_mark_dirty(folio: struct_folio): boolean {
	const mapping = folio_mapping(folio);

	if (mapping !== null) {
		/* may remain from the end of an earlier writeback */
		if (folio_test_reclaim(folio))
			folio_clear_reclaim(folio);
		return mapping.a_ops.dirty_folio!(mapping, folio);
	}

	return noop_dirty_folio(mapping!, folio);
}

/** mm/page-writeback.c:set_page_dirty_lock() */
export function set_page_dirty_lock(page: struct_page): boolean {
	lock_page(page);
	const ret = set_page_dirty(page);
	unlock_page(page);
	return ret;
}

/** mm/page-writeback.c:__folio_cancel_dirty() */
export function __folio_cancel_dirty(folio: struct_folio): void {
	const mapping = folio_mapping(folio);

	if (mapping_can_writeback(mapping!)) {
		folio_memcg_lock(folio);

		if (folio_test_clear_dirty(folio))
			folio_account_cleaned(folio);

		folio_memcg_unlock(folio);
	} else {
		folio_clear_dirty(folio);
	}
}

/** mm/page-writeback.c:folio_clear_dirty_for_io(). The folio is locked. */
export function folio_clear_dirty_for_io(folio: struct_folio): boolean {
	const mapping = folio_mapping(folio);

	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);

	if (mapping && mapping_can_writeback(mapping)) {
		let ret = false;

		/* takes the dirty bits of the page tables, and tells the filesystem */
		if (folio_mkclean(folio))
			folio_mark_dirty(folio);
		if (folio_test_clear_dirty(folio)) {
			const nr = folio_nr_pages(folio);
			lruvec_stat_mod_folio(folio, NR_FILE_DIRTY, -nr);
			zone_stat_mod_folio(folio, NR_ZONE_WRITE_PENDING, -nr);
			ret = true;
		}
		return ret;
	}
	return folio_test_clear_dirty(folio);
}

/** mm/page-writeback.c:__folio_end_writeback() */
export function __folio_end_writeback(folio: struct_folio): boolean {
	const nr = folio_nr_pages(folio);
	const mapping = folio_mapping(folio);
	let ret: boolean;

	folio_memcg_lock(folio);
	if (mapping && mapping_use_writeback_tags(mapping)) {
		const flags = xa_lock_irqsave(mapping.i_pages);
		ret = folio_test_clear_writeback(folio);
		if (ret)
			__xa_clear_mark(mapping.i_pages, folio_index(folio),
				PAGECACHE_TAG_WRITEBACK);
		xa_unlock_irqrestore(mapping.i_pages, flags);
	} else {
		ret = folio_test_clear_writeback(folio);
	}
	if (ret) {
		lruvec_stat_mod_folio(folio, NR_WRITEBACK, -nr);
		zone_stat_mod_folio(folio, NR_ZONE_WRITE_PENDING, -nr);
		node_stat_mod_folio(folio, NR_WRITTEN, nr);
	}
	folio_memcg_unlock(folio);
	return ret;
}

/** mm/page-writeback.c:__folio_start_writeback(). Whether it was under way already. */
export function __folio_start_writeback(folio: struct_folio, keep_write: boolean): boolean {
	const nr = folio_nr_pages(folio);
	const mapping = folio_mapping(folio);
	let ret: boolean;

	folio_memcg_lock(folio);
	if (mapping && mapping_use_writeback_tags(mapping)) {
		const xas = XA_STATE(mapping.i_pages, folio_index(folio));

		const flags = xas_lock_irqsave(xas);
		xas_load(xas);
		ret = folio_test_set_writeback(folio);
		if (!ret)
			xas_set_mark(xas, PAGECACHE_TAG_WRITEBACK);
		if (!folio_test_dirty(folio))
			xas_clear_mark(xas, PAGECACHE_TAG_DIRTY);
		if (!keep_write)
			xas_clear_mark(xas, PAGECACHE_TAG_TOWRITE);
		xas_unlock_irqrestore(xas, flags);
	} else {
		ret = folio_test_set_writeback(folio);
	}
	if (!ret) {
		lruvec_stat_mod_folio(folio, NR_WRITEBACK, nr);
		zone_stat_mod_folio(folio, NR_ZONE_WRITE_PENDING, nr);
	}
	folio_memcg_unlock(folio);

	return ret;
}

/** mm/page-writeback.c:folio_wait_writeback() */
export function folio_wait_writeback(folio: struct_folio): void {
	while (folio_test_writeback(folio))
		folio_wait_bit(folio, PG_writeback);
}

/** mm/page-writeback.c:folio_wait_writeback_killable() */
export function folio_wait_writeback_killable(folio: struct_folio): number {
	while (folio_test_writeback(folio)) {
		if (folio_wait_bit_killable(folio, PG_writeback))
			return -EINTR;
	}

	return 0;
}

/** mm/page-writeback.c:folio_wait_stable() */
export function folio_wait_stable(folio: struct_folio): void {
	if (folio_inode(folio).i_sb!.s_iflags & SB_I_STABLE_WRITES)
		folio_wait_writeback(folio);
}
