// SPDX-License-Identifier: GPL-2.0
/*
 * The reference count of a page or folio.
 *
 * Upstream: include/linux/page_ref.h. Left out: its tracepoints.
 */
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON, VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";

export function page_ref_count(page: struct_page): number {
	return page._refcount;
}

export function folio_ref_count(folio: struct_folio): number {
	return folio._refcount;
}

export function page_count(page: struct_page): number {
	return page.compound_head._refcount;
}

export function set_page_count(page: struct_page, v: number): void {
	page._refcount = v;
}

export function folio_set_count(folio: struct_folio, v: number): void {
	folio._refcount = v;
}

export function init_page_count(page: struct_page): void {
	set_page_count(page, 1);
}

export function page_ref_add(page: struct_page, nr: number): void {
	page._refcount = page._refcount + nr | 0;
}

export function folio_ref_add(folio: struct_folio, nr: number): void {
	page_ref_add(folio, nr);
}

export function page_ref_sub(page: struct_page, nr: number): void {
	page._refcount = page._refcount - nr | 0;
}

export function folio_ref_sub(folio: struct_folio, nr: number): void {
	page_ref_sub(folio, nr);
}

export function page_ref_sub_return(page: struct_page, nr: number): number {
	return page._refcount = page._refcount - nr | 0;
}

export function folio_ref_sub_return(folio: struct_folio, nr: number): number {
	return page_ref_sub_return(folio, nr);
}

export function page_ref_inc(page: struct_page): void {
	page._refcount = page._refcount + 1 | 0;
}

export function folio_ref_inc(folio: struct_folio): void {
	page_ref_inc(folio);
}

export function page_ref_dec(page: struct_page): void {
	page._refcount = page._refcount - 1 | 0;
}

export function folio_ref_dec(folio: struct_folio): void {
	page_ref_dec(folio);
}

export function page_ref_sub_and_test(page: struct_page, nr: number): boolean {
	return (page._refcount = page._refcount - nr | 0) === 0;
}

export function folio_ref_sub_and_test(folio: struct_folio, nr: number): boolean {
	return page_ref_sub_and_test(folio, nr);
}

export function page_ref_inc_return(page: struct_page): number {
	return page._refcount = page._refcount + 1 | 0;
}

export function folio_ref_inc_return(folio: struct_folio): number {
	return page_ref_inc_return(folio);
}

export function page_ref_dec_and_test(page: struct_page): boolean {
	return (page._refcount = page._refcount - 1 | 0) === 0;
}

export function folio_ref_dec_and_test(folio: struct_folio): boolean {
	return page_ref_dec_and_test(folio);
}

export function page_ref_dec_return(page: struct_page): number {
	return page._refcount = page._refcount - 1 | 0;
}

export function folio_ref_dec_return(folio: struct_folio): number {
	return page_ref_dec_return(folio);
}

export function page_ref_add_unless(page: struct_page, nr: number, u: number): boolean {
	const old = page._refcount;
	if (old === u)
		return false;
	page._refcount = old + nr | 0;
	return true;
}

export function folio_ref_add_unless(folio: struct_folio, nr: number, u: number): boolean {
	return page_ref_add_unless(folio, nr, u);
}

export function folio_try_get(folio: struct_folio): boolean {
	return folio_ref_add_unless(folio, 1, 0);
}

export function folio_ref_try_add_rcu(folio: struct_folio, count: number): boolean {
	return folio_ref_add_unless(folio, count, 0);
}

/** Like folio_try_get(), for a folio found under RCU: the caller looks again afterwards. */
export function folio_try_get_rcu(folio: struct_folio): boolean {
	return folio_ref_try_add_rcu(folio, 1);
}

export function page_ref_freeze(page: struct_page, count: number): boolean {
	if (page._refcount !== count)
		return false;
	page._refcount = 0;
	return true;
}

export function folio_ref_freeze(folio: struct_folio, count: number): boolean {
	return page_ref_freeze(folio, count);
}

export function page_ref_unfreeze(page: struct_page, count: number): void {
	VM_BUG_ON_PAGE(page_count(page) !== 0, page);
	VM_BUG_ON(count === 0);

	page._refcount = count;
}

export function folio_ref_unfreeze(folio: struct_folio, count: number): void {
	page_ref_unfreeze(folio, count);
}
