// SPDX-License-Identifier: GPL-2.0
/*
 * A page frame number with flags.
 *
 * Upstream: include/linux/pfn_t.h. Left out: conversions to page table entries.
 *
 * The five flag bits that C keeps at the top of a word are a field of their own.
 */
import { ul_shl, ul_shr } from "#asm-generic/bits.ts";
import { type hpa_t, type pfn_nr, pfn_nr as to_pfn, phys_addr_t } from "#asm-generic/types.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { page_to_pfn, pfn_to_page, pfn_valid } from "#linux/mmzone.ts";

const PAGE_SHIFT = 12;

export interface pfn_t {
	readonly val: pfn_nr;
	/** PFN_* */
	readonly flags: number;
}

export const PFN_SPECIAL	= 1 << 0;
export const PFN_MAP		= 1 << 1;	/* the page was mapped by a device driver */
export const PFN_DEV		= 1 << 2;	/* by default without a struct page */
export const PFN_SG_LAST	= 1 << 3;
export const PFN_SG_CHAIN	= 1 << 4;
export const PFN_FLAGS_MASK	= 0x1f;

export function __pfn_to_pfn_t(pfn: pfn_nr, flags: number): pfn_t {
	return { val: pfn, flags: flags & PFN_FLAGS_MASK };
}

/** @pfn is pfn_valid(). */
export function pfn_to_pfn_t(pfn: pfn_nr): pfn_t {
	return __pfn_to_pfn_t(pfn, 0);
}

export function phys_to_pfn_t(addr: hpa_t, flags: number): pfn_t {
	return __pfn_to_pfn_t(to_pfn(ul_shr(addr, PAGE_SHIFT)), flags);
}

export function pfn_t_has_page(pfn: pfn_t): boolean {
	return (pfn.flags & PFN_MAP) === PFN_MAP || (pfn.flags & PFN_DEV) === 0;
}

export function pfn_t_to_pfn(pfn: pfn_t): pfn_nr {
	return pfn.val;
}

export function pfn_t_to_page(pfn: pfn_t): struct_page | null {
	if (pfn_t_has_page(pfn))
		return pfn_to_page(pfn_t_to_pfn(pfn));
	return null;
}

export function pfn_t_to_phys(pfn: pfn_t): hpa_t {
	return phys_addr_t(ul_shl(pfn_t_to_pfn(pfn), PAGE_SHIFT));
}

export function page_to_pfn_t(page: struct_page): pfn_t {
	return pfn_to_pfn_t(page_to_pfn(page));
}

export function pfn_t_valid(pfn: pfn_t): boolean {
	return pfn_valid(pfn_t_to_pfn(pfn));
}

export function pfn_t_devmap(pfn: pfn_t): boolean {
	return (pfn.flags & (PFN_DEV | PFN_MAP)) === (PFN_DEV | PFN_MAP);
}

export function pfn_t_special(pfn: pfn_t): boolean {
	return (pfn.flags & PFN_SPECIAL) === PFN_SPECIAL;
}
