// SPDX-License-Identifier: GPL-2.0
/*
 * Page-typed names of functions that work on folios.
 *
 * Upstream: mm/folio-compat.c. Left out: nothing.
 */
import type { pgoff_t } from "#asm-generic/types.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { EBUSY } from "#linux/errno.ts";
import type { struct_address_space } from "#linux/fs.types.ts";
import type { gfp_t } from "#linux/gfp.ts";
import { folio_mapped, folio_mark_dirty, page_folio } from "#linux/mm.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { PageTail, __folio_start_writeback } from "#linux/page-flags.ts";
import { FGP_CREAT, FGP_HEAD, FGP_LOCK, FGP_STABLE, FGP_WRITE, __filemap_get_folio,
	filemap_add_folio, filemap_release_folio, filemap_remove_folio, folio_clear_dirty_for_io,
	folio_end_writeback, folio_file_page, folio_mapping, folio_unlock, folio_wait_stable,
	folio_wait_writeback, mapping_gfp_mask } from "#linux/pagemap.ts";
import { folio_add_lru, folio_mark_accessed } from "#linux/swap.ts";
import { filemap_dirty_folio, folio_redirty_for_writepage, type struct_writeback_control } from
	"#linux/writeback.ts";
import { xa_is_value } from "#linux/xarray.ts";
import { folio_isolate_lru, folio_putback_lru } from "#mm/internal.h.ts";

export function page_mapping(page: struct_page): struct_address_space | null {
	return folio_mapping(page_folio(page));
}

export function unlock_page(page: struct_page): void {
	folio_unlock(page_folio(page));
}

export function end_page_writeback(page: struct_page): void {
	folio_end_writeback(page_folio(page));
}

export function wait_on_page_writeback(page: struct_page): void {
	folio_wait_writeback(page_folio(page));
}

export function wait_for_stable_page(page: struct_page): void {
	folio_wait_stable(page_folio(page));
}

export function page_mapped(page: struct_page): boolean {
	return folio_mapped(page_folio(page));
}

export function mark_page_accessed(page: struct_page): void {
	folio_mark_accessed(page_folio(page));
}

export function set_page_writeback(page: struct_page): boolean {
	return __folio_start_writeback(page_folio(page), false);
}

export function set_page_dirty(page: struct_page): boolean {
	return folio_mark_dirty(page_folio(page));
}

export function __set_page_dirty_nobuffers(page: struct_page): boolean {
	return filemap_dirty_folio(page_mapping(page)!, page_folio(page));
}

export function clear_page_dirty_for_io(page: struct_page): boolean {
	return folio_clear_dirty_for_io(page_folio(page));
}

export function redirty_page_for_writepage(wbc: struct_writeback_control, page: struct_page):
	boolean {
	return folio_redirty_for_writepage(wbc, page_folio(page));
}

export function lru_cache_add(page: struct_page): void {
	folio_add_lru(page_folio(page));
}

export function add_to_page_cache_lru(page: struct_page, mapping: struct_address_space,
	index: pgoff_t, gfp: gfp_t): number {
	return filemap_add_folio(mapping, page_folio(page), index, gfp);
}

export function pagecache_get_page(mapping: struct_address_space, index: pgoff_t,
	fgp_flags: number, gfp: gfp_t): struct_page | null {
	const folio = __filemap_get_folio(mapping, index, fgp_flags, gfp);
	if ((fgp_flags & FGP_HEAD) || folio === null || xa_is_value(folio))
		return folio;
	return folio_file_page(folio, index);
}

export function grab_cache_page_write_begin(mapping: struct_address_space, index: pgoff_t):
	struct_page | null {
	const fgp_flags = FGP_LOCK | FGP_WRITE | FGP_CREAT | FGP_STABLE;

	return pagecache_get_page(mapping, index, fgp_flags, mapping_gfp_mask(mapping));
}

export function delete_from_page_cache(page: struct_page): void {
	filemap_remove_folio(page_folio(page));
}

export function try_to_release_page(page: struct_page, gfp: gfp_t): boolean {
	return filemap_release_folio(page_folio(page), gfp);
}

export function isolate_lru_page(page: struct_page): number {
	if (WARN_ON_ONCE(PageTail(page)))
		return -EBUSY;
	return folio_isolate_lru(page as struct_folio);
}

export function putback_lru_page(page: struct_page): void {
	folio_putback_lru(page_folio(page));
}
