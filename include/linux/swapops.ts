// SPDX-License-Identifier: GPL-2.0
/*
 * Entries that are not present: swap, migration, poison.
 *
 * Upstream: include/linux/swapops.h, and the SWP_* types of include/linux/swap.h. Left out: device
 * memory, pte markers, soft-dirty and userfaultfd bits. Migration entries are there even when
 * CONFIG_MIGRATION is off, because splitting a huge page parks its mappings in them (upstream,
 * THP selects MIGRATION for that).
 *
 * An entry is a type and an offset, kept in one safe integer: type * 2^46 + offset.
 */
import { ul_shr } from "#asm-generic/bits.ts";
import { type brand, type pfn_nr, pfn_nr as to_pfn } from "#asm-generic/types.ts";
import { BUG_ON } from "#linux/bug.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import { PageLocked } from "#linux/page-flags.ts";
import {
	__pmd, __pte, __swp_entry_hi, __swp_entry_lo, __swp_offset, __swp_type, pmd_present,
	type pmd_t, pmd_none, pte_none, pte_present, type pte_t,
} from "#linux/pgtable.ts";
import { xa_mk_value, xa_to_value } from "#linux/xarray.ts";

export {
	__migration_entry_wait, __migration_entry_wait_huge, migration_entry_wait,
	migration_entry_wait_huge, pmd_migration_entry_wait,
} from "#mm/migrate.ts";
export { remove_migration_pmd, set_pmd_migration_entry } from "#mm/huge_memory.ts";

/** C: an unsigned long in a struct; equal entries are equal numbers. */
export type swp_entry_t = brand<number, "swp_entry_t">;

export const MAX_SWAPFILES_SHIFT	= 5;
export const SWP_MIGRATION_NUM		= 3;
export const SWP_HWPOISON_NUM		= 1;
export const SWP_SWAPIN_ERROR_NUM	= 1;
/** Types from here on are no swap areas. */
export const MAX_SWAPFILES		= (1 << MAX_SWAPFILES_SHIFT) - SWP_MIGRATION_NUM -
					  SWP_HWPOISON_NUM - SWP_SWAPIN_ERROR_NUM;
export const SWP_HWPOISON		= MAX_SWAPFILES;
export const SWP_MIGRATION_READ			= MAX_SWAPFILES + SWP_HWPOISON_NUM;
export const SWP_MIGRATION_READ_EXCLUSIVE	= MAX_SWAPFILES + SWP_HWPOISON_NUM + 1;
export const SWP_MIGRATION_WRITE		= MAX_SWAPFILES + SWP_HWPOISON_NUM + 2;
export const SWP_SWAPIN_ERROR		= MAX_SWAPFILES + SWP_HWPOISON_NUM + SWP_MIGRATION_NUM;

const SWP_TYPE_SHIFT	= 46;
const SWP_TYPE_UNIT	= 2 ** SWP_TYPE_SHIFT;

export function swp_entry(type: number, offset: number): swp_entry_t {
	return (type * SWP_TYPE_UNIT + offset) as swp_entry_t;
}

export function swp_type(entry: swp_entry_t): number {
	return ul_shr(entry, SWP_TYPE_SHIFT);
}

export function swp_offset(entry: swp_entry_t): number {
	return entry - ul_shr(entry, SWP_TYPE_SHIFT) * SWP_TYPE_UNIT;
}

export function is_swap_pte(pte: pte_t): boolean {
	return !pte_none(pte) && !pte_present(pte);
}

export function pte_to_swp_entry(pte: pte_t): swp_entry_t {
	return swp_entry(__swp_type(pte), __swp_offset(pte));
}

export function swp_entry_to_pte(entry: swp_entry_t): pte_t {
	const type = swp_type(entry), offset = swp_offset(entry);
	return __pte(__swp_entry_lo(type, offset), __swp_entry_hi(type, offset));
}

export function radix_to_swp_entry(arg: unknown): swp_entry_t {
	return xa_to_value(arg as number) as swp_entry_t;
}

export function swp_to_radix_entry(entry: swp_entry_t): unknown {
	return xa_mk_value(entry);
}

export function make_swapin_error_entry(page: struct_page): swp_entry_t {
	return swp_entry(SWP_SWAPIN_ERROR, page.pfn);
}

export function is_swapin_error_entry(entry: swp_entry_t): boolean {
	return swp_type(entry) === SWP_SWAPIN_ERROR;
}

/* no device memory */

export function is_device_private_entry(_entry: swp_entry_t): boolean {
	return false;
}

export function is_device_exclusive_entry(_entry: swp_entry_t): boolean {
	return false;
}

/* the page is locked while such an entry stands for it */

export function is_migration_entry(entry: swp_entry_t): boolean {
	const type = swp_type(entry);
	return type === SWP_MIGRATION_READ || type === SWP_MIGRATION_READ_EXCLUSIVE ||
		type === SWP_MIGRATION_WRITE;
}

export function is_writable_migration_entry(entry: swp_entry_t): boolean {
	return swp_type(entry) === SWP_MIGRATION_WRITE;
}

export function is_readable_migration_entry(entry: swp_entry_t): boolean {
	return swp_type(entry) === SWP_MIGRATION_READ;
}

export function is_readable_exclusive_migration_entry(entry: swp_entry_t): boolean {
	return swp_type(entry) === SWP_MIGRATION_READ_EXCLUSIVE;
}

export function make_readable_migration_entry(offset: number): swp_entry_t {
	return swp_entry(SWP_MIGRATION_READ, offset);
}

export function make_readable_exclusive_migration_entry(offset: number): swp_entry_t {
	return swp_entry(SWP_MIGRATION_READ_EXCLUSIVE, offset);
}

export function make_writable_migration_entry(offset: number): swp_entry_t {
	return swp_entry(SWP_MIGRATION_WRITE, offset);
}

export function is_pte_marker_entry(_entry: swp_entry_t): boolean {
	return false;
}

export function is_pte_marker(_pte: pte_t): boolean {
	return false;
}

export function pte_none_mostly(pte: pte_t): boolean {
	return pte_none(pte);
}

export function pfn_swap_entry_to_page(entry: swp_entry_t): struct_page {
	const p = pfn_to_page(to_pfn(swp_offset(entry)));

	/* a migration entry may only be met while its page is locked */
	BUG_ON(is_migration_entry(entry) && !PageLocked(p));

	return p;
}

/** Whether the offset is a page frame number. */
export function is_pfn_swap_entry(entry: swp_entry_t): boolean {
	return is_migration_entry(entry);
}

export function is_swap_pmd(pmd: pmd_t): boolean {
	return !pmd_none(pmd) && !pmd_present(pmd);
}

export function pmd_to_swp_entry(pmd: pmd_t): swp_entry_t {
	return swp_entry(__swp_type(pmd as unknown as pte_t),
		__swp_offset(pmd as unknown as pte_t));
}

export function swp_entry_to_pmd(entry: swp_entry_t): pmd_t {
	const type = swp_type(entry), offset = swp_offset(entry);
	return __pmd(__swp_entry_lo(type, offset), __swp_entry_hi(type, offset));
}

export function is_pmd_migration_entry(pmd: pmd_t): boolean {
	return is_swap_pmd(pmd) && is_migration_entry(pmd_to_swp_entry(pmd));
}

export function make_hwpoison_entry(page: struct_page): swp_entry_t {
	BUG_ON(!PageLocked(page));
	return swp_entry(SWP_HWPOISON, page.pfn);
}

export function is_hwpoison_entry(entry: swp_entry_t): boolean {
	return swp_type(entry) === SWP_HWPOISON;
}

export function hwpoison_entry_to_pfn(entry: swp_entry_t): pfn_nr {
	return to_pfn(swp_offset(entry));
}

let num_poisoned_pages = 0;

export function num_poisoned_pages_inc(): void {
	num_poisoned_pages++;
}

export function num_poisoned_pages_dec(): void {
	num_poisoned_pages--;
}

export function num_poisoned_pages_sub(i: number): void {
	num_poisoned_pages -= i;
}

export function num_poisoned_pages_read(): number {
	return num_poisoned_pages;
}

/** A swap entry proper has one of the lower types. */
export function non_swap_entry(entry: swp_entry_t): boolean {
	return swp_type(entry) >= MAX_SWAPFILES;
}
