// SPDX-License-Identifier: GPL-2.0
/*
 * What memory keeps beside the data of a page: for each line of 64 bytes the key it was last
 * written with, the TD-owner bit and poison.
 *
 * Port-only. A page is *plain* while all of its lines belong to KeyID 0, with the owner bit clear
 * and no poison; such a page has nothing here. Data stand in modelled memory in the clear; a key
 * is a serial number, new each time a KeyID is programmed, and 0 for KeyID 0.
 */
import { frame_mark_used, frame_set_meta } from "./memory.ts";
import { cpus } from "./cpu.ts";
import { tlb_direct_drop } from "./tlb.ts";

export const LINE_BYTES	= 64;
export const LINES	= 64;

export class tme_page {
	readonly pfn: number;
	/** Key of all lines; -1: @keys has one each. */
	key = 0;
	keys: Int32Array | null = null;
	/* a bit for each line */
	owner_lo = 0;
	owner_hi = 0;
	poison_lo = 0;
	poison_hi = 0;
	/** Key under which a cache may hold dirty lines; 0 for none. */
	dirty = 0;
	constructor(pfn: number) {
		this.pfn = pfn;
	}
}

const pages = new Map<number, tme_page>();
/* those that were looked up last, by the low bits of their frames */
const RECENT = 1024;
const recent: (tme_page | null)[] = new Array<tme_page | null>(RECENT).fill(null);

export function tme_pages_reset(): void {
	pages.clear();
	recent.fill(null);
}

/** Number of pages that are not plain. */
export function tme_pages_with_metadata(): number {
	return pages.size;
}

export function tme_all_pages(): IterableIterator<tme_page> {
	return pages.values();
}

export function tme_page_find(pfn: number): tme_page | null {
	const there = recent[pfn & (RECENT - 1)]!;

	if (there !== null && there.pfn === pfn)
		return there;
	const p = pages.get(pfn) ?? null;
	if (p !== null)
		recent[pfn & (RECENT - 1)] = p;
	return p;
}

/** The page's metadata, made if it was plain: nobody may access it directly from here on. */
export function tme_page_make(pfn: number): tme_page {
	let p = tme_page_find(pfn);

	if (p !== null)
		return p;
	p = new tme_page(pfn);
	pages.set(pfn, p);
	recent[pfn & (RECENT - 1)] = p;
	frame_mark_used(pfn);
	frame_set_meta(pfn, true);
	tlb_direct_drop(cpus, pfn);
	return p;
}

/** Forgets the metadata of a page that has become plain. */
export function tme_page_drop_if_plain(p: tme_page): void {
	if (p.key !== 0 || (p.owner_lo | p.owner_hi | p.poison_lo | p.poison_hi) !== 0)
		return;
	pages.delete(p.pfn);
	if (recent[p.pfn & (RECENT - 1)] === p)
		recent[p.pfn & (RECENT - 1)] = null;
	frame_set_meta(p.pfn, false);
}

/** Takes back whatever tme_direct() granted. */
export function tme_page_revoke(p: tme_page): void {
	tlb_direct_drop(cpus, p.pfn);
}

export const line_owned = (p: tme_page, line: number): boolean =>
	((line < 32 ? p.owner_lo : p.owner_hi) & (1 << (line & 31))) !== 0;

export const line_poisoned = (p: tme_page, line: number): boolean =>
	((line < 32 ? p.poison_lo : p.poison_hi) & (1 << (line & 31))) !== 0;

export const line_key = (p: tme_page, line: number): number =>
	p.keys === null ? p.key : p.keys[line]!;

/** All lines belong to a TD and are sound. */
export const page_sound = (p: tme_page): boolean =>
	(p.owner_lo & p.owner_hi) === -1 && (p.poison_lo | p.poison_hi) === 0;

export function line_set_poison(p: tme_page, line: number, on: boolean): void {
	const bit = 1 << (line & 31);

	if (line < 32)
		p.poison_lo = on ? p.poison_lo | bit : p.poison_lo & ~bit;
	else
		p.poison_hi = on ? p.poison_hi | bit : p.poison_hi & ~bit;
}

export function line_set_owner(p: tme_page, line: number, on: boolean): void {
	const bit = 1 << (line & 31);

	if (line < 32)
		p.owner_lo = on ? p.owner_lo | bit : p.owner_lo & ~bit;
	else
		p.owner_hi = on ? p.owner_hi | bit : p.owner_hi & ~bit;
}

export function line_set_key(p: tme_page, line: number, key: number): void {
	if (p.keys === null) {
		if (p.key === key)
			return;
		p.keys = new Int32Array(LINES).fill(p.key);
	}
	p.keys[line] = key;
	/* one key again? looked at when the last line of the page is written, as pages are */
	const first = p.keys[0]!;
	p.key = -1;
	if (first !== key || p.keys[LINES - 1] !== key)
		return;
	for (let i = 1; i < LINES; i++)
		if (p.keys[i] !== key)
			return;
	p.key = key;
	p.keys = null;
}
