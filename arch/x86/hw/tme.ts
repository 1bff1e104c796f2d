// SPDX-License-Identifier: GPL-2.0
/*
 * The memory encryption engine: KeyIDs, TD-owner bits, integrity, poison.
 *
 * Port-only. An address is its bytes without KeyID (@hpa) and the KeyID beside it. KeyID 0 and the
 * shared ones are the host's; private ones belong to TDs, and only SEAM software has them on its
 * accesses. Who reads what:
 *
 *	reader, line's owner bit	Li			Ci
 *	host, 0, same key		data			data
 *	host, 0, other key		garbage			garbage
 *	host, 1				zeros			zeros
 *	private, 0			new poison		new poison
 *	private, 1, same key		data			data
 *	private, 1, other key		garbage			new poison
 *	any, poisoned line		poison			poison
 *
 * Writes of a whole line check nothing and clear poison; the owner bit becomes 1 with a private
 * KeyID and 0 with others. A write of part of a line reads the rest first, and fails with it. What
 * the memory controller merges itself (@kind "nt") no processor reads: there poison stays, and on a
 * platform with the partial-write erratum a line of a TD becomes poisoned.
 *
 * Stores reach memory at once, which is the worst case for others. A cache may still hold a private
 * line dirty: when another key then overwrites it in memory, the old line lies in wait until it is
 * written back (tme_evict(), flushes) or the TD is seen to read memory.
 */
import type { pfn_nr } from "#asm-generic/types.ts";
import { frame_bytes, frame_state, FRAME_META, memory_set_meta_ops } from "./memory.ts";
import { mce_consumed, mce_poison_created, mce_setup } from "./mce.ts";
import { tlb_direct_track } from "./tlb.ts";
import {
	LINES, LINE_BYTES, line_key, line_owned, line_poisoned, line_set_key, line_set_owner,
	line_set_poison, page_sound, tme_all_pages, tme_page_drop_if_plain, tme_page_find,
	tme_page_make, tme_page_revoke, tme_pages_reset, type tme_page,
} from "./tme_page.ts";

export { tme_pages_with_metadata } from "./tme_page.ts";

/** What an access came to. */
export const TME_DATA		= 0;
export const TME_ZEROS		= 1;
export const TME_GARBAGE	= 2;
export const TME_POISON		= 3;
export type tme_outcome = 0 | 1 | 2 | 3;

export interface tme_config {
	/** "none": encryption without TDX; li: the owner bit; ci: owner bit and a MAC */
	readonly integrity: "none" | "li" | "ci";
	/** bits of a KeyID, and how many of them, from the top, mark a private one */
	readonly keyid_bits: number;
	readonly tdx_keyid_bits: number;
	/** partial writes of the host poison lines of TDs */
	readonly pw_erratum: boolean;
	/* how machine checks are delivered: mce.ts */
	readonly emca2: boolean;
	readonly seam_nr: boolean;
	readonly lmce: boolean;
}

export const TME_OFF: tme_config = {
	integrity: "none", keyid_bits: 0, tdx_keyid_bits: 0, pw_erratum: false, emca2: false,
	seam_nr: false, lmce: false,
};

let config: tme_config = TME_OFF;
/* integrity and keyid_bits unpacked, for the paths below */
let ci = false;
let first_private = Infinity;
/** By KeyID: its key. By key: its KeyID. */
let key_of: number[] = [0];
let keyid_of: number[] = [0];

/** Lines that a cache may still write back over what another key has stored: by hpa / 64. */
const stale = new Map<number, { key: number; bytes: Uint8Array }>();

/** Power on, after memory is installed: every page is plain. */
export function tme_setup(c: tme_config): void {
	config = c;
	ci = c.integrity === "ci";
	first_private = c.keyid_bits === 0 ? Infinity : 2 ** (c.keyid_bits - c.tdx_keyid_bits);
	key_of = [];
	keyid_of = [];
	for (let i = 0; i < 2 ** c.keyid_bits; i++) {
		key_of.push(i);
		keyid_of.push(i);
	}
	stale.clear();
	tme_pages_reset();
	tlb_direct_track(c.keyid_bits !== 0);
	mce_setup({ on: c.keyid_bits !== 0, emca2: c.emca2, seam_nr: c.seam_nr, lmce: c.lmce });
	memory_set_meta_ops({ read: host_read, write: host_write, clear: host_clear });
}

export function tme_config(): tme_config {
	return config;
}

/** KeyIDs above this are a TD's; number of KeyIDs in all. */
export function tme_keyids(): { first_private: number; nr: number } {
	return { first_private, nr: 2 ** config.keyid_bits };
}

/** A new random key for @keyid: what was written with the old one can't be read any more. */
export function tme_key_program(keyid: number): void {
	for (const p of tme_all_pages())
		if (p.key === key_of[keyid])
			tme_page_revoke(p);
	key_of[keyid] = keyid_of.push(keyid) - 1;
}

function key(keyid: number): number {
	const k = key_of[keyid];

	if (k === undefined)
		throw new Error(`machine: memory: no KeyID ${keyid}`);
	return k;
}

const frame_of = (hpa: number): number => Math.floor(hpa / 4096);

/* Reads. */

/* what decrypting with the wrong key makes of a line: blocks of 16 bytes, by address and keys */
function scramble(line: Uint8Array, hpa: number, k: number, wrong: number): void {
	for (let block = 0; block < LINE_BYTES; block += 16) {
		let x = Math.imul(hpa / 16 + block / 16, 0x9e3779b1) ^
			Math.imul(k + 1, 0x85ebca6b) ^ Math.imul(wrong + 1, 0xc2b2ae35);
		for (let i = 0; i < 16; i++)
			x = Math.imul(x ^ line[block + i]! ^ (x >>> 15), 0x2c1b3c6d);
		for (let i = 0; i < 16; i++) {
			x = Math.imul(x ^ (x >>> 13), 0x297a2d39) + 0x6d2b79f5 | 0;
			line[block + i] = x >>> 24;
		}
	}
}

/** What @keyid finds in a line; nothing changes. */
function outcome_of(p: tme_page | null, line: number, keyid: number): tme_outcome {
	const owned = p !== null && line_owned(p, line);
	const same = (p === null ? 0 : line_key(p, line)) === key(keyid);

	if (p !== null && line_poisoned(p, line))
		return TME_POISON;
	if (keyid < first_private)
		return owned ? TME_ZEROS : same ? TME_DATA : TME_GARBAGE;
	if (!owned)
		return TME_POISON;
	return same ? TME_DATA : ci ? TME_POISON : TME_GARBAGE;
}

const whole = new Uint8Array(LINE_BYTES);

/** The line into @to; poison is found, or made and reported. */
function read_line(hpa: number, keyid: number, to: Uint8Array): tme_outcome {
	const pfn = frame_of(hpa), at = hpa & 4032, line = at >> 6;
	const p = (frame_state(pfn) & FRAME_META) !== 0 ? tme_page_find(pfn) : null;
	const out = outcome_of(p, line, keyid);

	if (keyid >= first_private && stale.size !== 0)
		forget_stale(hpa, key(keyid));
	if (out === TME_DATA || out === TME_GARBAGE) {
		to.set(frame_bytes(pfn as pfn_nr).subarray(at, at + LINE_BYTES));
		if (out === TME_GARBAGE)
			scramble(to, hpa - (hpa & 63), p === null ? 0 : line_key(p, line),
				key(keyid));
		return out;
	}
	to.fill(0);
	if (out === TME_POISON && (p === null || !line_poisoned(p, line))) {
		tme_poison_line(hpa);
		mce_poison_created(hpa - (hpa & 63));
	}
	return out;
}

/** Reads @len bytes of one line into @buf; zeros come with TME_POISON, too. */
export function tme_read(hpa: number, keyid: number, len: number, buf: Uint8Array): tme_outcome {
	const off = hpa & 63;
	const out = read_line(hpa, keyid, whole);

	for (let i = 0; i < len; i++)
		buf[i] = whole[off + i]!;
	return out;
}

/* Writes. */

/** Before @p's line is overwritten with another key: a dirty copy of it stays behind. */
function leave_stale(p: tme_page, hpa: number, k: number): void {
	const line = (hpa & 4032) >> 6;

	if (p.dirty === 0 || p.dirty === k || line_key(p, line) !== p.dirty)
		return;
	const at = hpa & 4032;
	stale.set(Math.floor(hpa / LINE_BYTES), {
		key: p.dirty, bytes: frame_bytes(p.pfn as pfn_nr).slice(at, at + LINE_BYTES),
	});
}

/* whoever reads memory with this key has no copy of the line in a cache */
function forget_stale(hpa: number, k: number): void {
	const n = Math.floor(hpa / LINE_BYTES);

	if (stale.get(n)?.key === k)
		stale.delete(n);
}

function store_line(hpa: number, k: number, from: Uint8Array, cached: boolean): void {
	const pfn = frame_of(hpa), at = hpa & 4032, line = at >> 6;
	const is_private = keyid_of[k]! >= first_private;
	const p = k === 0 && (frame_state(pfn) & FRAME_META) === 0 ? null : tme_page_make(pfn);
	const bytes = frame_bytes(pfn as pfn_nr);

	if (p !== null) {
		leave_stale(p, hpa, k);
		if (p.key !== k || line_owned(p, line) !== is_private || line_poisoned(p, line)) {
			if (page_sound(p))
				tme_page_revoke(p);
			line_set_owner(p, line, is_private);
			line_set_poison(p, line, false);
			line_set_key(p, line, k);
		}
		if (is_private && cached)
			p.dirty = k;
	}
	bytes.set(from, at);
	if (p !== null && k === 0)
		tme_page_drop_if_plain(p);
}

/** A whole line, as a cache writes it back: nothing is read first. */
export function tme_write_line(hpa: number, keyid: number, bytes64: Uint8Array): tme_outcome {
	forget_stale(hpa, key(keyid));
	store_line(hpa, key(keyid), bytes64, true);
	return TME_DATA;
}

/** MOVDIR64B: a whole line past the caches. */
export function tme_movdir64b(hpa: number, keyid: number, bytes64: Uint8Array): tme_outcome {
	forget_stale(hpa, key(keyid));
	store_line(hpa, key(keyid), bytes64, false);
	return TME_DATA;
}

const zero_line = new Uint8Array(LINE_BYTES);

/** MOVDIR64B of zeros to all lines of a page. */
export function tme_clear_page(hpa: number, keyid: number): void {
	const k = key(keyid), pfn = frame_of(hpa);
	const p = k === 0 && (frame_state(pfn) & FRAME_META) === 0 ? null : tme_page_make(pfn);
	const owner = keyid >= first_private ? -1 : 0;

	if (stale.size !== 0 || (p !== null && p.dirty !== 0 && p.dirty !== k)) {
		for (let off = 0; off < 4096; off += LINE_BYTES)
			tme_movdir64b(hpa + off, keyid, zero_line);
		return;
	}
	frame_bytes(pfn as pfn_nr).fill(0);
	if (p === null)
		return;
	if (page_sound(p) && p.key !== k)
		tme_page_revoke(p);
	p.owner_lo = p.owner_hi = owner;
	p.poison_lo = p.poison_hi = 0;
	p.key = k;
	p.keys = null;
	if (k === 0)
		tme_page_drop_if_plain(p);
}

const merged = new Uint8Array(LINE_BYTES);

/* merged by the memory controller: no processor waits for it, and none hears of poison */
function write_nt(hpa: number, keyid: number, bytes: Uint8Array): void {
	const pfn = frame_of(hpa), line = (hpa & 4032) >> 6;
	const p = (frame_state(pfn) & FRAME_META) !== 0 ? tme_page_find(pfn) : null;

	if (bytes.length === LINE_BYTES) {
		store_line(hpa, key(keyid), bytes, false);
		return;
	}
	if (p !== null && line_poisoned(p, line))
		return;
	if (keyid < first_private && p !== null && line_owned(p, line) && config.pw_erratum) {
		tme_poison_line(hpa);
		return;
	}
	if (read_line(hpa, keyid, merged) === TME_POISON)
		return;
	merged.set(bytes, hpa & 63);
	store_line(hpa, key(keyid), merged, false);
}

/**
 * Writes bytes of one line. "wb": through the cache, which reads the line first (TME_POISON if it
 * can't; nothing is written then); "nt": MOVNTI, uncached mappings, devices.
 */
export function tme_write(hpa: number, keyid: number, bytes: Uint8Array, kind: "wb" | "nt"):
	tme_outcome {
	if (kind === "nt") {
		write_nt(hpa, keyid, bytes);
		return TME_DATA;
	}
	const out = read_line(hpa, keyid, merged);
	if (out === TME_POISON)
		return out;
	merged.set(bytes, hpa & 63);
	store_line(hpa, key(keyid), merged, true);
	return out;
}

/* Direct access. */

/**
 * True if a TLB entry of @keyid for the page may be TLB_DIRECT: every line reads as data, and
 * writes change nothing but data. Taken back (the entry loses the flag) when that ends.
 */
export function tme_direct(hpa: number, keyid: number, write: boolean): boolean {
	const pfn = frame_of(hpa);
	const p = (frame_state(pfn) & FRAME_META) !== 0 ? tme_page_find(pfn) : null;

	if (p === null)
		return keyid === 0;
	if (keyid < first_private || p.key !== key(keyid) || !page_sound(p))
		return false;
	if (write)
		p.dirty = p.key;
	return true;
}

/* Caches. */

function evict(n: number): void {
	const s = stale.get(n);

	if (s === undefined)
		return;
	stale.delete(n);
	store_line(n * LINE_BYTES, s.key, s.bytes, false);
}

/** The dirty copy of a line, if there is one, goes to memory. */
export function tme_evict(hpa: number): void {
	evict(Math.floor(hpa / LINE_BYTES));
}

function clean(p: tme_page): void {
	if (p.dirty === 0)
		return;
	p.dirty = 0;
	/* whoever may write must say so again */
	tme_page_revoke(p);
}

/** CLFLUSH of a page's lines under one KeyID. */
export function tme_flush_page(hpa: number, keyid: number): void {
	const pfn = frame_of(hpa), first = pfn * LINES;
	const p = tme_page_find(pfn);

	if (stale.size !== 0)
		for (let n = first; n < first + LINES; n++)
			if (keyid_of[stale.get(n)?.key ?? 0] === keyid)
				evict(n);
	if (p !== null && keyid_of[p.dirty] === keyid)
		clean(p);
}

/** Writes back and forgets what caches hold of @keyid. */
export function tme_flush_keyid(keyid: number): void {
	for (const [n, s] of [...stale])
		if (keyid_of[s.key] === keyid)
			evict(n);
	for (const p of tme_all_pages())
		if (keyid_of[p.dirty] === keyid)
			clean(p);
}

/** WBINVD: the same for all KeyIDs. */
export function tme_wbinvd(): void {
	for (const n of [...stale.keys()])
		evict(n);
	for (const p of tme_all_pages())
		clean(p);
}

/** True if caches may hold lines of @keyid that memory does not. */
export function tme_keyid_dirty(keyid: number): boolean {
	for (const s of stale.values())
		if (keyid_of[s.key] === keyid)
			return true;
	for (const p of tme_all_pages())
		if (keyid_of[p.dirty] === keyid && p.dirty !== 0)
			return true;
	return false;
}

/* What tests, and checks on free pages, look at. */

/** Poisons a line as it stands; nobody is told. */
export function tme_poison_line(hpa: number): void {
	const p = tme_page_make(frame_of(hpa));

	if (page_sound(p))
		tme_page_revoke(p);
	line_set_poison(p, (hpa & 4032) >> 6, true);
}

export interface tme_page_state {
	/** bits of lines 0 to 31, 32 to 63 */
	readonly owner: readonly [number, number];
	readonly poison: readonly [number, number];
	/** of all lines, -1 if they differ */
	readonly keyid: number;
}

export function tme_page_owner(hpa: number): tme_page_state {
	const p = tme_page_find(frame_of(hpa));

	if (p === null)
		return { owner: [0, 0], poison: [0, 0], keyid: 0 };
	return {
		owner: [p.owner_lo >>> 0, p.owner_hi >>> 0],
		poison: [p.poison_lo >>> 0, p.poison_hi >>> 0],
		keyid: p.key < 0 ? -1 : keyid_of[p.key]!,
	};
}

/** No metadata: KeyID 0, no owner, no poison. */
export function tme_page_plain(hpa: number): boolean {
	return (frame_state(frame_of(hpa)) & FRAME_META) === 0;
}

/** True if owner bits or poison are left on the page. */
export function tme_clear_on_free_check(hpa: number): boolean {
	const p = tme_page_plain(hpa) ? null : tme_page_find(frame_of(hpa));

	return p !== null && (p.owner_lo | p.owner_hi | p.poison_lo | p.poison_hi) !== 0;
}

/* The host's own accesses (KeyID 0) to pages that are not plain; see memory.ts. */

/** Bytes that a read which met poison had done before. */
export let tme_host_done = 0;

const part = new Uint8Array(LINE_BYTES);

function host_read(pfn: pfn_nr, off: number, to: Uint8Array): boolean {
	for (let done = 0; done < to.length;) {
		const hpa = pfn * 4096 + off + done;
		const n = Math.min(LINE_BYTES - (hpa & 63), to.length - done);

		if (tme_read(hpa, 0, n, part) === TME_POISON) {
			mce_consumed(hpa);
			tme_host_done = done;
			return false;
		}
		to.set(n === LINE_BYTES ? part : part.subarray(0, n), done);
		done += n;
	}
	return true;
}

function host_write(pfn: pfn_nr, off: number, from: Uint8Array): boolean {
	for (let done = 0; done < from.length;) {
		const hpa = pfn * 4096 + off + done;
		const n = Math.min(LINE_BYTES - (hpa & 63), from.length - done);

		if (tme_write(hpa, 0, from.subarray(done, done + n), "wb") === TME_POISON) {
			mce_consumed(hpa);
			return false;
		}
		done += n;
	}
	return true;
}

const ZERO_PAGE = new Uint8Array(4096);

function host_clear(pfn: pfn_nr): boolean {
	return host_write(pfn, 0, ZERO_PAGE);
}
