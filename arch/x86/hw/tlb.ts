// SPDX-License-Identifier: GPL-2.0
/*
 * Translation lookaside buffers: what a CPU remembers of page tables until told to forget.
 *
 * Port-only. One struct_tlb serves one CPU and one kind of translation: the host's linear
 * addresses, or a guest's. Nothing here looks at page tables or memory; an entry stays as it was
 * filled until it is invalidated, flushed or evicted, whatever happened to the table since.
 *
 * An entry belongs to a context (PCID; for guests VPID or ASID with the EPT root), of which one is
 * current. Each context has a stamp, and an entry is valid while its stamp is the context's, so
 * flushing a context is taking a new stamp. Entries filled as global carry the global stamp.
 *
 * Linear addresses come as two halves: @lo, the low 32 bits; @hi, the bits above, signed.
 *
 *	4 KiB entry  [page number above the slot's bits][stamp][frame][flags]	65536
 *	2 MiB entry  the same for 2 MiB pages					1024
 *	1 GiB entry  the same for 1 GiB pages					64
 *	directory    [2 MiB number][stamp][frame of the page table][rights]	512
 *	upper	     [1 GiB or 512 GiB number][stamp][frame of the table][rights] 2 * 16
 *
 * All are direct-mapped, with the upper address bits and the context hashed in. The directory is
 * a paging-structure cache: it spares a miss the upper levels, and goes stale like the rest. So is
 * the upper one, for large pages: it has tables whose entries map 2 MiB, and those with 1 GiB.
 */

/* rights of an entry; for the directory cache: rights of all levels above the page table */
export const TLB_USER		= 1;
export const TLB_WRITE		= 2;	/* writable, with the dirty bit already in the table */
export const TLB_EXEC		= 4;
export const TLB_READ		= 8;
export const TLB_DIRECT		= 16;	/* the frame has no metadata: access its bytes directly */
/* not rights */
export const TLB_CLEAN		= 32;	/* may be written, but the dirty bit is not set yet */
export const TLB_GLOBAL		= 64;

const N4K_SHIFT		= 16;
const N4K		= 1 << N4K_SHIFT;
const N2M_SHIFT		= 10;
const N2M		= 1 << N2M_SHIFT;
const N1G		= 64;
const NPDE_SHIFT	= 9;
const NPDE		= 1 << NPDE_SHIFT;
const NUPPER		= 16;

const MAX_STAMP		= 0x7ffffff0;

const HAS_LARGE		= 1;
const HAS_GLOBAL	= 2;

export class struct_tlb {
	readonly e4k = new Int32Array(N4K * 4);
	readonly e2m = new Int32Array(N2M * 4);
	readonly e1g = new Int32Array(N1G * 4);
	readonly epde = new Int32Array(NPDE * 4);
	readonly eupper = new Int32Array(2 * NUPPER * 4);
	/** Stamp of the current context. */
	stamp = 1;
	/** Stamp of global entries. */
	global_stamp = 2;
	/** Stamp of the current context's directory and upper entries. */
	pde_stamp = 3;
	/**
	 * The last 2 MiB that had no directory entry, but a table that maps 1 GiB pages: that
	 * table, and its rights, while pde_stamp is gb_stamp.
	 */
	gb_tag = 0;
	gb_stamp = 0;
	gb_table = -1;
	gb_flags = 0;
	/** Kinds of entries (HAS_*) beside small ones of a context, since the last full flush. */
	others = 0;
	/** Spreads contexts over the slots, so that they keep their entries beside each other. */
	salt = 0;
	context = 0;
	last_stamp = 3;
	/* contexts other than the current one */
	readonly stamps = new Map<number, { stamp: number; pde_stamp: number }>();
	/** Which of all TLBs: twice the CPU's number, one more for guests; -1: nobody's. */
	id = -1;
	/* counters, for tests and traces */
	nr_flushes = 0;
	nr_invlpg = 0;
}

function new_stamp(t: struct_tlb): number {
	if (t.last_stamp >= MAX_STAMP) {
		t.e4k.fill(0);
		t.e2m.fill(0);
		t.e1g.fill(0);
		t.epde.fill(0);
		t.eupper.fill(0);
		t.stamps.clear();
		t.last_stamp = 3;
		t.stamp = 1;
		t.global_stamp = 2;
		t.pde_stamp = 3;
		t.gb_stamp = 0;
	}
	return ++t.last_stamp;
}

/** Makes @context current, with the entries it had. */
export function tlb_switch(t: struct_tlb, context: number): void {
	if (context === t.context)
		return;
	t.stamps.set(t.context, { stamp: t.stamp, pde_stamp: t.pde_stamp });
	const s = t.stamps.get(context);
	t.context = context;
	t.salt = Math.imul(context, 0x2f1) & (N4K - 1);
	if (s !== undefined) {
		t.stamp = s.stamp;
		t.pde_stamp = s.pde_stamp;
		t.stamps.delete(context);
	} else {
		t.stamp = new_stamp(t);
		t.pde_stamp = new_stamp(t);
	}
}

/** Forgets the non-global entries of a context. */
export function tlb_flush_context(t: struct_tlb, context: number): void {
	t.nr_flushes++;
	if (context === t.context) {
		t.stamp = new_stamp(t);
		t.pde_stamp = new_stamp(t);
	} else {
		t.stamps.delete(context);
	}
}

/** Forgets everything, global entries and all contexts included. */
export function tlb_flush_all(t: struct_tlb): void {
	t.nr_flushes++;
	t.stamps.clear();
	t.stamp = new_stamp(t);
	t.pde_stamp = new_stamp(t);
	t.global_stamp = new_stamp(t);
	t.others = 0;
}

/** Forgets the contexts that @match selects (INVEPT, INVVPID: the tag holds the EPT root). */
export function tlb_flush_matching(t: struct_tlb, match: (context: number) => boolean): void {
	for (const c of [...t.stamps.keys()])
		if (match(c))
			t.stamps.delete(c);
	if (match(t.context))
		tlb_flush_context(t, t.context);
}

/* page number above the slot's bits: unique together with the slot, as the hash is bijective */
const tag4k = (lo: number, hi: number): number => (hi << 4) | (lo >>> 28);
const slot4k = (lo: number, tag: number, salt: number): number =>
	(((lo >>> 12) ^ Math.imul(tag, 0x9e5) ^ salt) & (N4K - 1)) << 2;
const tag2m = (lo: number, hi: number): number => (hi << 1) | (lo >>> 31);
const slot2m = (lo: number, tag: number): number =>
	(((lo >>> 21) ^ Math.imul(tag, 0x9e5)) & (N2M - 1)) << 2;
const tag1g = (lo: number, hi: number): number => (hi << 2) | (lo >>> 30);
const slot1g = (tag: number): number => (tag & (N1G - 1)) << 2;
const tagpde = (lo: number, hi: number): number => (hi << 11) | (lo >>> 21);
const slotpde = (tag: number): number => ((tag ^ (tag >>> NPDE_SHIFT)) & (NPDE - 1)) << 2;
/* a table whose entries map 1 << @shift bytes: 21 or 30 */
const tagupper = (lo: number, hi: number, shift: number): number =>
	shift === 30 ? hi >> 7 : tag1g(lo, hi);
const slotupper = (tag: number, shift: number): number =>
	((tag & (NUPPER - 1)) + (shift === 30 ? NUPPER : 0)) << 2;

/** Flags of the last entry that tlb_lookup() found. */
export let tlb_found_flags = 0;

/**
 * Frame behind the address if an entry grants all of @need; -1 if there is no entry, -2 if there
 * is one without the rights (tlb_found_flags tells which it has).
 */
export function tlb_lookup(t: struct_tlb, lo: number, hi: number, need: number): number {
	const e = t.e4k;
	const tag = tag4k(lo, hi);
	const s = slot4k(lo, tag, t.salt);

	if (e[s] === tag && e[s + 1] === t.stamp) {
		const flags = e[s + 3]!;
		if ((flags & need) === need)
			return e[s + 2]!;
		tlb_found_flags = flags;
		return -2;
	}
	return t.others === 0 ? -1 : tlb_lookup_others(t, lo, hi, need);
}

/* entries of global pages, and of large ones */
function tlb_lookup_others(t: struct_tlb, lo: number, hi: number, need: number): number {
	let pfn = -1;

	if (hit(t, t.e4k, slot4k(lo, tag4k(lo, hi), t.salt), tag4k(lo, hi)))
		pfn = found_pfn;
	else if ((t.others & HAS_GLOBAL) !== 0 &&
		 hit(t, t.e4k, slot4k(lo, tag4k(lo, hi), 0), tag4k(lo, hi)))
		pfn = found_pfn;
	else if ((t.others & HAS_LARGE) === 0)
		return -1;
	else if (hit(t, t.e2m, slot2m(lo, tag2m(lo, hi)), tag2m(lo, hi)))
		pfn = found_pfn + ((lo >>> 12) & 511);
	else if (hit(t, t.e1g, slot1g(tag1g(lo, hi)), tag1g(lo, hi)))
		pfn = found_pfn + ((lo >>> 12) & 0x3ffff);
	else
		return -1;
	return (tlb_found_flags & need) === need ? pfn : -2;
}

let found_pfn = 0;

function hit(t: struct_tlb, e: Int32Array, s: number, tag: number): boolean {
	if (e[s] !== tag || (e[s + 1] !== t.stamp && e[s + 1] !== t.global_stamp))
		return false;
	found_pfn = e[s + 2]!;
	tlb_found_flags = e[s + 3]!;
	return true;
}

/** @shift 12, 21 or 30; @pfn the first frame of the page. */
export function tlb_fill(t: struct_tlb, lo: number, hi: number, shift: number, pfn: number,
	flags: number): void {
	const global = (flags & TLB_GLOBAL) !== 0;
	let e = t.e4k, tag, s;

	if (global)
		t.others |= HAS_GLOBAL;
	if (shift === 12) {
		tag = tag4k(lo, hi);
		s = slot4k(lo, tag, global ? 0 : t.salt);
	} else if (shift === 21) {
		e = t.e2m;
		tag = tag2m(lo, hi);
		s = slot2m(lo, tag);
		t.others |= HAS_LARGE;
	} else {
		e = t.e1g;
		tag = tag1g(lo, hi);
		s = slot1g(tag);
		t.others |= HAS_LARGE;
	}
	e[s] = tag;
	e[s + 1] = global ? t.global_stamp : t.stamp;
	e[s + 2] = pfn;
	e[s + 3] = flags;
	if (tracking && (flags & TLB_DIRECT) !== 0)
		direct_note(t, s, pfn, shift);
}

/** tlb_fill() of a 4 KiB page that is not global. */
export function tlb_fill4k(t: struct_tlb, lo: number, hi: number, pfn: number,
	flags: number): void {
	const e = t.e4k;
	const tag = tag4k(lo, hi);
	const s = slot4k(lo, tag, t.salt);

	e[s] = tag;
	e[s + 1] = t.stamp;
	e[s + 2] = pfn;
	e[s + 3] = flags;
	if (tracking && (flags & TLB_DIRECT) !== 0)
		direct_note(t, s, pfn, 12);
}

/** Rights of the entry that tlb_pde_lookup() or tlb_upper_lookup() found. */
export let tlb_pde_flags = 0;

/** Frame of the page table for the address, or -1. */
export function tlb_pde_lookup(t: struct_tlb, lo: number, hi: number): number {
	const e = t.epde;
	const tag = tagpde(lo, hi);
	const s = slotpde(tag);

	if (e[s] !== tag || e[s + 1] !== t.pde_stamp)
		return -1;
	tlb_pde_flags = e[s + 3]!;
	return e[s + 2]!;
}

export function tlb_pde_fill(t: struct_tlb, lo: number, hi: number, pfn: number,
	flags: number): void {
	const e = t.epde;
	const tag = tagpde(lo, hi);
	const s = slotpde(tag);

	t.gb_stamp = 0;
	e[s] = tag;
	e[s + 1] = t.pde_stamp;
	e[s + 2] = pfn;
	e[s + 3] = flags;
}

/** Frame of the table whose entry maps a page of 1 << @shift bytes at the address, or -1. */
export function tlb_upper_lookup(t: struct_tlb, lo: number, hi: number, shift: number): number {
	const e = t.eupper;
	const tag = tagupper(lo, hi, shift);
	const s = slotupper(tag, shift);

	if (e[s] !== tag || e[s + 1] !== t.pde_stamp)
		return -1;
	tlb_pde_flags = e[s + 3]!;
	return e[s + 2]!;
}

export function tlb_upper_fill(t: struct_tlb, lo: number, hi: number, shift: number, pfn: number,
	flags: number): void {
	const e = t.eupper;
	const tag = tagupper(lo, hi, shift);
	const s = slotupper(tag, shift);

	t.gb_stamp = 0;
	e[s] = tag;
	e[s + 1] = t.pde_stamp;
	e[s + 2] = pfn;
	e[s + 3] = flags;
}

/**
 * What tlb_upper_lookup() says for 1 GiB where tlb_pde_lookup() has nothing to say, if that was
 * noted of an address in the same 2 MiB; else -1.
 */
export function tlb_gb_again(t: struct_tlb, lo: number, hi: number): number {
	if (tagpde(lo, hi) !== t.gb_tag || t.gb_stamp !== t.pde_stamp)
		return -1;
	tlb_pde_flags = t.gb_flags;
	return t.gb_table;
}

/** Both have just been asked, and @table is what they said. */
export function tlb_gb_note(t: struct_tlb, lo: number, hi: number, table: number): void {
	t.gb_tag = tagpde(lo, hi);
	t.gb_stamp = t.pde_stamp;
	t.gb_table = table;
	t.gb_flags = tlb_pde_flags;
}

function drop(e: Int32Array, s: number, tag: number, stamp: number, global_stamp: number): void {
	if (e[s] === tag && (e[s + 1] === stamp || e[s + 1] === global_stamp))
		e[s + 1] = 0;
}

/**
 * Forgets the entries that map one address in the current context, global ones too, but no
 * directory entry (what a page fault does).
 */
export function tlb_drop_page(t: struct_tlb, lo: number, hi: number): void {
	const tag = tag4k(lo, hi);

	drop(t.e4k, slot4k(lo, tag, t.salt), tag, t.stamp, t.global_stamp);
	if (t.others !== 0)
		drop_others(t, lo, hi, tag);
}

function drop_others(t: struct_tlb, lo: number, hi: number, tag: number): void {
	if ((t.others & HAS_GLOBAL) !== 0)
		drop(t.e4k, slot4k(lo, tag, 0), tag, t.stamp, t.global_stamp);
	if ((t.others & HAS_LARGE) === 0)
		return;
	const tag2 = tag2m(lo, hi), tag3 = tag1g(lo, hi);
	drop(t.e2m, slot2m(lo, tag2), tag2, t.stamp, t.global_stamp);
	drop(t.e1g, slot1g(tag3), tag3, t.stamp, t.global_stamp);
}

/** The page's entries and its directory entry: what delivering a page fault invalidates. */
export function tlb_drop_faulting(t: struct_tlb, lo: number, hi: number): void {
	const tag = tagpde(lo, hi);

	tlb_drop_page(t, lo, hi);
	drop(t.epde, slotpde(tag), tag, t.pde_stamp, t.pde_stamp);
}

/** INVLPG: the entries that map one address, and the context's directory entries. */
export function tlb_invlpg(t: struct_tlb, lo: number, hi: number): void {
	t.nr_invlpg++;
	tlb_drop_page(t, lo, hi);
	t.pde_stamp = new_stamp(t);
}

/** True if any context still has a valid entry for a frame in [@pfn, @pfn + @n): for checks. */
export function tlb_maps_frame(t: struct_tlb, pfn: number, n: number): boolean {
	const valid = new Set([t.stamp, t.global_stamp]);
	for (const s of t.stamps.values())
		valid.add(s.stamp);
	const any = (e: Int32Array, frames: number): boolean => {
		for (let s = 0; s < e.length; s += 4)
			if (e[s + 1] !== 0 && valid.has(e[s + 1]!) && e[s + 2]! < pfn + n &&
			    e[s + 2]! + frames > pfn)
				return true;
		return false;
	};
	return any(t.e4k, 1) || any(t.e2m, 512) || any(t.e1g, 512 * 512);
}

/*
 * Model only: where entries with TLB_DIRECT are, so that a frame that gets metadata can lose them.
 * Per frame the only 4 KiB entry it ever had, or that it had several; per 2 MiB that a large one
 * may be.
 */
export let tracking = false;
const TRACK_SHIFT	= 18;
const SEVERAL		= -1;
/* by frame >> TRACK_SHIFT; slot | id << 16, plus one */
const tracks: (Int32Array | undefined)[] = [];
const large = new Set<number>();

/** At power on: whether any frame can get metadata. */
export function tlb_direct_track(on: boolean): void {
	tracking = on;
	tracks.length = 0;
	large.clear();
}

function direct_note(t: struct_tlb, s: number, pfn: number, shift: number): void {
	if (shift !== 12) {
		for (let n = 1 << (shift - 12), p = pfn & -n, end = p + n; p < end; p += 512)
			large.add(p >>> 9);
		return;
	}
	const i = pfn >>> TRACK_SHIFT;
	const track = tracks[i] ??= new Int32Array(1 << TRACK_SHIFT);
	const at = pfn & ((1 << TRACK_SHIFT) - 1);
	const entry = (t.id << N4K_SHIFT | s >> 2) + 1;

	if (track[at] !== entry)
		track[at] = track[at] === 0 && t.id >= 0 ? entry : SEVERAL;
}

function not_direct(e: Int32Array, pfn: number, n: number): void {
	for (let s = 0; s < e.length; s += 4)
		if (e[s + 2]! <= pfn && e[s + 2]! + n > pfn)
			e[s + 3]! &= ~TLB_DIRECT;
}

/** A CPU, as far as its TLBs go. */
interface tlb_owner {
	readonly tlb: struct_tlb;
	readonly guest_tlb: struct_tlb | null;
}

function all_small_not_direct(t: struct_tlb): void {
	const e = t.e4k;

	for (let s = 3; s < e.length; s += 4)
		e[s]! &= ~TLB_DIRECT;
}

/**
 * An access found the frame of a 4 KiB entry that is not direct, and the frame plain: it is direct
 * again.
 */
export function tlb_direct_again(t: struct_tlb, lo: number, hi: number, pfn: number): void {
	const e = t.e4k;
	const tag = tag4k(lo, hi);
	const s = slot4k(lo, tag, t.salt);

	if (e[s] !== tag || e[s + 1] !== t.stamp || e[s + 2] !== pfn)
		return;
	e[s + 3]! |= TLB_DIRECT;
	direct_note(t, s, pfn, 12);
}

/** No entry for the frame is direct from here on, nor for others if that is what it takes. */
export function tlb_direct_drop(owners: readonly tlb_owner[], pfn: number): void {
	const track = tracks[pfn >>> TRACK_SHIFT], at = pfn & ((1 << TRACK_SHIFT) - 1);
	const entry = track === undefined ? 0 : track[at]!;

	if (large.delete(pfn >>> 9)) {
		for (const o of owners) {
			not_direct(o.tlb.e2m, pfn, 512);
			not_direct(o.tlb.e1g, pfn, 512 * 512);
			if (o.guest_tlb !== null) {
				not_direct(o.guest_tlb.e2m, pfn, 512);
				not_direct(o.guest_tlb.e1g, pfn, 512 * 512);
			}
		}
	}
	if (entry === 0)
		return;
	if (entry !== SEVERAL) {
		const o = owners[(entry - 1) >> (N4K_SHIFT + 1)];
		const t = ((entry - 1) >> N4K_SHIFT & 1) !== 0 ? o?.guest_tlb : o?.tlb;
		const s = ((entry - 1) & (N4K - 1)) << 2;
		track![at] = 0;
		if (t && t.e4k[s + 2] === pfn)
			t.e4k[s + 3]! &= ~TLB_DIRECT;
		return;
	}
	/* all of them, so that many frames in a row pay once */
	for (const o of owners) {
		all_small_not_direct(o.tlb);
		if (o.guest_tlb !== null)
			all_small_not_direct(o.guest_tlb);
	}
	for (const t of tracks)
		t?.fill(0);
}
