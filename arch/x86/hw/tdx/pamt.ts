// SPDX-License-Identifier: GPL-2.0
/*
 * Physical address metadata: whose each page of TDX memory is, and what for.
 *
 * Port-only. An entry stands for a page of 4 KiB, 2 MiB or 1 GiB: its type, its owner (frame of the
 * TDR), and the TD's epoch when it was blocked. A page that is in use as a large one has its entry
 * at that level and none below; an entry that is not there is NDA, "not directly assigned". So
 * memory that no TD has costs nothing here.
 *
 * The entries' own memory, 16 bytes a page, was given by the host. Nothing is kept there, but its
 * lines belong to the module (TDH.SYS.TDMR.INIT), and one that does not any more is poison.
 */
import { tme_clear_page, tme_movdir64b } from "../tme.ts";
import { seam_check_word } from "./access.ts";
import {
	PAMT_ENTRY_SIZE, PT_NDA, PT_RSVD, TDX_OPERAND_ADDR_RANGE_ERROR, TDX_OPERAND_BUSY,
	TDX_OPERAND_INVALID, TDX_PAGE_METADATA_INCORRECT, TDX_SUCCESS,
} from "./defs.ts";
import { hkid_shift } from "./keys.ts";
import { LOCK_EXCLUSIVE, LOCK_PAMT_2M, LOCK_PAMT_4K, LOCK_SHARED, tdx_lock, type lock_mode } from
	"./locks.ts";
import { reg_get, status, type seam_regs } from "./regs.ts";
import { tdx, type struct_tdmr } from "./state.ts";

/** Frames of a page by level. */
export const LEVEL_FRAMES	= [1, 512, 512 * 512, 512 ** 3, 512 ** 4];

class pamt_entry {
	type = PT_NDA;
	owner = -1;
	bepoch = 0;
}

/** 512 entries of 4 KiB pages, of which @used are not NDA. */
class pamt_small {
	used = 0;
	readonly type = new Uint8Array(512);
	readonly owner = new Int32Array(512);
	readonly bepoch = new Float64Array(512);
}

/* by frame / 512, or / 512 / 512 */
const small = new Map<number, pamt_small>();
const large = new Map<number, pamt_entry>();
const huge = new Map<number, pamt_entry>();

export function pamt_reset(): void {
	small.clear();
	large.clear();
	huge.clear();
}

/* What pamt_find() found. */
export let pamt_type = PT_NDA;
export let pamt_level = 0;
/** Frame of the TDR; -1: none. */
export let pamt_owner = -1;
export let pamt_bepoch = 0;

/** The region whose initialised part has the frame. */
function tdmr_of(pfn: number): struct_tdmr | null {
	const hpa = pfn * 4096;

	for (const t of tdx.tdmrs)
		if (hpa >= t.base && hpa < t.next)
			return t;
	return null;
}

const in_area = (areas: readonly { base: number; size: number }[], hpa: number, n: number):
	boolean => areas.some((a) => hpa < a.base + a.size && hpa + n > a.base);

function found(t: struct_tdmr, pfn: number, level: number, e: pamt_entry | null): void {
	const index = Math.floor((pfn - t.base / 4096) / LEVEL_FRAMES[level]!);

	seam_check_word(t.pamt[level]!.base + index * PAMT_ENTRY_SIZE, tdx.global_hkid);
	pamt_level = level;
	pamt_type = e === null ? PT_NDA : e.type;
	pamt_owner = e === null ? -1 : e.owner;
	pamt_bepoch = e === null ? 0 : e.bepoch;
}

/** Looks up the entry in use for a frame; false if the module does not manage it. */
export function pamt_find(pfn: number): boolean {
	const t = tdmr_of(pfn);

	if (t === null)
		return false;
	if (huge.size !== 0) {
		const e = huge.get(pfn >>> 18);
		if (e !== undefined) {
			found(t, pfn, 2, e);
			return true;
		}
	}
	const e = large.size === 0 ? undefined : large.get(pfn >>> 9);
	if (e !== undefined) {
		found(t, pfn, 1, e);
		return true;
	}
	found(t, pfn, 0, null);
	const s = small.get(pfn >>> 9);
	if (s !== undefined && s.type[pfn & 511] !== PT_NDA) {
		pamt_type = s.type[pfn & 511]!;
		pamt_owner = s.owner[pfn & 511]!;
		pamt_bepoch = s.bepoch[pfn & 511]!;
	} else if (in_area(t.reserved, pfn * 4096, 4096)) {
		pamt_type = PT_RSVD;
	}
	return true;
}

/** True if the whole page of @level that begins at @pfn can be assigned. */
function range_free(pfn: number, level: number): boolean {
	const t = tdmr_of(pfn), n = LEVEL_FRAMES[level]!;

	if (t === null || pfn * 4096 + n * 4096 > t.next)
		return false;
	for (let i = 0; i < n; i += 512)
		if (small.has((pfn + i) >>> 9) || large.has((pfn + i) >>> 9))
			return false;
	return !huge.has(pfn >>> 18) && !in_area(t.reserved, pfn * 4096, n * 4096);
}

/** Assigns the page at @pfn; an epoch is written separately. */
export function pamt_set(pfn: number, level: number, type: number, owner: number): void {
	if (level !== 0) {
		const e = new pamt_entry();
		e.type = type;
		e.owner = owner;
		(level === 1 ? large : huge).set(pfn >>> (9 * level), e);
		return;
	}
	let s = small.get(pfn >>> 9);
	if (s === undefined) {
		s = new pamt_small();
		small.set(pfn >>> 9, s);
	}
	s.used += s.type[pfn & 511] === PT_NDA ? 1 : 0;
	s.type[pfn & 511] = type;
	s.owner[pfn & 511] = owner;
	s.bepoch[pfn & 511] = 0;
}

/** The page is NDA again. */
export function pamt_clear(pfn: number, level: number): void {
	if (level !== 0) {
		(level === 1 ? large : huge).delete(pfn >>> (9 * level));
		return;
	}
	const s = small.get(pfn >>> 9)!;
	s.type[pfn & 511] = PT_NDA;
	if (--s.used === 0)
		small.delete(pfn >>> 9);
}

export function pamt_set_bepoch(pfn: number, level: number, epoch: number): void {
	if (level === 0)
		small.get(pfn >>> 9)!.bepoch[pfn & 511] = epoch;
	else
		(level === 1 ? large : huge).get(pfn >>> (9 * level))!.bepoch = epoch;
}

/** A page of @level becomes 512 of the level below. */
export function pamt_demote(pfn: number, level: number): void {
	const e = (level === 1 ? large : huge).get(pfn >>> (9 * level))!;
	const n = LEVEL_FRAMES[level - 1]!;

	pamt_clear(pfn, level);
	for (let i = 0; i < 512; i++)
		pamt_set(pfn + i * n, level - 1, e.type, e.owner);
}

/** 512 pages of one owner become one page of @level. */
export function pamt_promote(pfn: number, level: number, type: number, owner: number): void {
	const n = LEVEL_FRAMES[level - 1]!;

	for (let i = 0; i < 512; i++)
		pamt_clear(pfn + i * n, level - 1);
	pamt_set(pfn, level, type, owner);
}

/** Pages, of 4 KiB, that are assigned; for tests. */
export function pamt_used(): number {
	let n = (large.size + huge.size * 512) * 512;

	for (const s of small.values())
		n += s.used;
	return n;
}

/* Entries' own memory. */

const zeros = new Uint8Array(64);

/** Makes the lines of @n entries of a level from @hpa on the module's. */
export function pamt_init_entries(t: struct_tdmr, hpa: number, level: number, n: number): void {
	const first = Math.floor((hpa - t.base) / 4096 / LEVEL_FRAMES[level]!);
	const from = t.pamt[level]!.base + first * PAMT_ENTRY_SIZE;

	const end = from + n * PAMT_ENTRY_SIZE;
	for (let at = from - from % 64; at < end;) {
		if (at % 4096 === 0 && end - at >= 4096) {
			tme_clear_page(at, tdx.global_hkid);
			at += 4096;
		} else {
			tme_movdir64b(at, tdx.global_hkid, zeros);
			at += 64;
		}
	}
}

/* Operands. */

/** Frame that the last page_operand() named. */
export let operand_pfn = -1;

/**
 * The page whose address is in register @reg: aligned to @level and without KeyID, in TDX memory,
 * locked with its 2 MiB region, and of type @type; NDA means free as a whole.
 */
export function page_operand(r: seam_regs, reg: number, level: number, mode: lock_mode,
	type: number): number {
	const hpa = reg_get(r, reg), pfn = hpa / 4096;

	if (hpa >= 2 ** hkid_shift() || hpa % (4096 * LEVEL_FRAMES[level]!) !== 0)
		return status(TDX_OPERAND_INVALID, reg);
	operand_pfn = pfn;
	if (!pamt_find(pfn))
		return status(TDX_OPERAND_ADDR_RANGE_ERROR, reg);
	if (level === 0 ? !tdx_lock(LOCK_PAMT_2M, pfn >>> 9, LOCK_SHARED) ||
			  !tdx_lock(LOCK_PAMT_4K, pfn, mode) :
		!tdx_lock(LOCK_PAMT_2M, pfn >>> 9, LOCK_EXCLUSIVE))
		return status(TDX_OPERAND_BUSY, reg);
	if (pamt_type !== type || (type !== PT_NDA && pamt_level !== level) ||
	    (type === PT_NDA && level !== 0 && !range_free(pfn, level)))
		return status(TDX_PAGE_METADATA_INCORRECT, reg);
	return TDX_SUCCESS;
}
