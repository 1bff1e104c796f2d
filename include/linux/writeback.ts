// SPDX-License-Identifier: GPL-2.0
/*
 * Writing pages out: what reclaim and the page cache share.
 *
 * Upstream: include/linux/writeback.h. Left out: flusher threads, dirty limits, cgroup writeback.
 */
import { page_folio } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { folio_account_redirty } from "#mm/page-writeback.ts";

export {
	balance_dirty_pages_ratelimited, filemap_dirty_folio, folio_account_cleaned,
	folio_account_redirty, folio_redirty_for_writepage, page_writeback_init,
} from "#mm/page-writeback.ts";
export { redirty_page_for_writepage } from "#mm/folio-compat.ts";

/* enum writeback_sync_modes */
export const WB_SYNC_NONE	= 0;	/* wait for nothing */
export const WB_SYNC_ALL	= 1;	/* wait for it */

/* What the caller of ->writepage wants. */
export class struct_writeback_control {
	/** pages still to be written, decreased for each */
	nr_to_write = 0;
	/** pages that were not written */
	pages_skipped = 0;
	range_start = 0n;
	range_end = 0n;
	sync_mode = WB_SYNC_NONE;
	/** called by reclaim */
	for_reclaim = false;
	range_cyclic = false;
	for_sync = false;
	/** batches writes to swap; null: none */
	swap_plug: object | null = null;
}

export function account_page_redirty(page: struct_page): void {
	folio_account_redirty(page_folio(page));
}
