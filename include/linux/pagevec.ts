// SPDX-License-Identifier: GPL-2.0
/*
 * Small batches of pages and folios.
 *
 * Upstream: include/linux/pagevec.h. A batch that find_get_entries() filled may hold value entries
 * in place of folios, until folio_batch_remove_exceptionals().
 */
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { __folio_batch_release, __pagevec_release } from "#mm/swap.ts";
export { __pagevec_release, folio_batch_remove_exceptionals } from "#mm/swap.ts";

export const PAGEVEC_SIZE = 15;

export class struct_pagevec {
	nr = 0;
	percpu_pvec_drained = false;
	pages: (struct_page | null)[] = [
		null, null, null, null, null, null, null, null,
		null, null, null, null, null, null, null,
	];
}

export class struct_folio_batch {
	nr = 0;
	percpu_pvec_drained = false;
	folios: (struct_folio | null)[] = [
		null, null, null, null, null, null, null, null,
		null, null, null, null, null, null, null,
	];
}

export function pagevec_init(pvec: struct_pagevec): void {
	pvec.nr = 0;
	pvec.percpu_pvec_drained = false;
}

export function pagevec_reinit(pvec: struct_pagevec): void {
	pvec.nr = 0;
}

export function pagevec_count(pvec: struct_pagevec): number {
	return pvec.nr;
}

export function pagevec_space(pvec: struct_pagevec): number {
	return PAGEVEC_SIZE - pvec.nr;
}

/** The space left after adding @page. */
export function pagevec_add(pvec: struct_pagevec, page: struct_page): number {
	pvec.pages[pvec.nr++] = page;
	return pagevec_space(pvec);
}

export function pagevec_release(pvec: struct_pagevec): void {
	if (pagevec_count(pvec) !== 0)
		__pagevec_release(pvec);
}

export function folio_batch_init(fbatch: struct_folio_batch): void {
	fbatch.nr = 0;
	fbatch.percpu_pvec_drained = false;
}

export function folio_batch_reinit(fbatch: struct_folio_batch): void {
	fbatch.nr = 0;
}

export function folio_batch_count(fbatch: struct_folio_batch): number {
	return fbatch.nr;
}

export function fbatch_space(fbatch: struct_folio_batch): number {
	return PAGEVEC_SIZE - fbatch.nr;
}

export const folio_batch_space = fbatch_space;

/** The space left after adding @folio. */
export function folio_batch_add(fbatch: struct_folio_batch, folio: struct_folio): number {
	fbatch.folios[fbatch.nr++] = folio;
	return PAGEVEC_SIZE - fbatch.nr;
}

export function folio_batch_release(fbatch: struct_folio_batch): void {
	if (fbatch.nr !== 0)
		__folio_batch_release(fbatch);
}
