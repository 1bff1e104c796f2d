// SPDX-License-Identifier: GPL-2.0
/*
 * Extended page tables: from guest physical frames to frames of the machine.
 *
 * Port-only. Four levels; bits of an entry:
 *
 *	0 1 2	read, write, execute; none: not present
 *	5:3	memory type of a page		7	large page
 *	8 9	accessed, dirty (with EPTP bit 6)	45:12	frame
 *
 * An entry with write but not read, a reserved memory type or a reserved bit is a misconfiguration.
 *
 * A TD has two trees of the same format: secure EPT, in pages of its own KeyID, for private guest
 * frames; the host's for those with the SHARED bit, which is part of the index. Bit 63 of an entry
 * that refuses an access says that the guest gets no #VE for it.
 */
import { frame_put64, table_hi, table_lo, table_or_lo } from "./memory.ts";
import { rsvd_hi, type struct_cpu } from "./cpu.ts";
import { nested_fill, nested_found, nested_lookup, type struct_nested_cache } from "./guest_tlb.ts";
import type { struct_guest_cpu } from "./guest_types.ts";
import { TME_POISON, tme_direct, tme_read } from "./tme.ts";
import { vmcs_get32, vmcs_getn, vmcs_put32 } from "./vmcs.ts";
import { GUEST_PML_INDEX, PML_ADDRESS } from "./vmx_defs.ts";

export const NESTED_R		= 1;
export const NESTED_W		= 2;
export const NESTED_X		= 4;
/** Writable, but its dirty bit is not set yet: NESTED_W is not granted. */
export const NESTED_CLEAN	= 8;

export const NESTED_VIOLATION	= -1;
export const NESTED_MISCONFIG	= -2;
export const NESTED_LOG_FULL	= -3;
/** A TD's: an entry is in a poisoned line, nested_poison. */
export const NESTED_POISON	= -4;

const EPT_RWX	= 7;
const EPT_PS	= 1 << 7;
const EPT_A	= 1 << 8;
const EPT_D	= 1 << 9;
/* what most entries for tables have of the bits above and below */
const EPT_PLAIN	= EPT_RWX | EPT_A;
const EPT_PLAIN_MASK = EPT_RWX | 0x78 | EPT_PS | EPT_A;
/* memory types, a bit each */
const RESERVED_TYPES	= 1 << 2 | 1 << 3 | 1 << 7;

/** Of the last walk: rights granted (NESTED_*), or after a violation rights all entries had. */
export let nested_rights = 0;
/** log2 of the page's bytes. */
export let nested_shift = 12;
/** Of a TD, after a violation: no #VE. */
export let nested_sve = true;
export let nested_poison = 0;

const frame_in = (lo: number, hi: number): number => (lo >>> 12) | (hi << 20);

/* write without read; reserved address bits */
function misconfigured(lo: number, hi: number): boolean {
	return (lo & 3) === 2 || (hi & rsvd_hi) !== 0;
}

/** Before a dirty bit is set: log the address. False if the log is full. */
function log_dirty(g: struct_guest_cpu, gfn: number): boolean {
	const index = vmcs_get32(g.vmc, GUEST_PML_INDEX) & 0xffff;

	if (index > 511)
		return false;
	const page = vmcs_getn(g.vmc, PML_ADDRESS) / 4096;
	frame_put64(page, index * 8, BigInt(gfn) << 12n);
	vmcs_put32(g.vmc, GUEST_PML_INDEX, (index - 1) & 0xffff);
	return true;
}

function leaf(g: struct_guest_cpu, gfn: number, need: number, table: number, index: number,
	lo: number, hi: number, shift: number, rights: number): number {
	if ((lo & EPT_RWX) === 0) {
		nested_rights = 0;
		return NESTED_VIOLATION;
	}
	const low = shift === 12 ? 0 : shift === 21 ? 0x1ff000 : 0x3ffff000;
	if (misconfigured(lo, hi) || (lo & low) !== 0 ||
	    (RESERVED_TYPES >> (lo >> 3 & 7) & 1) !== 0)
		return NESTED_MISCONFIG;
	rights &= lo & EPT_RWX;
	nested_rights = rights;
	if ((rights & need) !== need)
		return NESTED_VIOLATION;
	if (g.ept_ad === true) {
		let set = EPT_A;
		if ((need & NESTED_W) !== 0) {
			if ((lo & EPT_D) === 0 && g.pml && !log_dirty(g, gfn))
				return NESTED_LOG_FULL;
			set = EPT_A | EPT_D;
		}
		if ((lo & set) !== set)
			table_or_lo(table, index, set);
		if (((lo | set) & EPT_D) === 0 && (rights & NESTED_W) !== 0)
			nested_rights = rights ^ NESTED_W | NESTED_CLEAN;
	}
	nested_shift = shift;
	const n = shift === 12 ? 1 : shift === 21 ? 512 : 512 * 512;
	return (frame_in(lo, hi) & -n) + (gfn & (n - 1));
}

/* @gfn has up to 40 bits; level 2 to 5 */
function table_index(gfn: number, level: number): number {
	return (gfn <= 0x7fffffff && level < 5 ? gfn >> (level * 9 - 9) :
		level === 2 ? gfn >>> 9 : level === 3 ? gfn >>> 18 :
		gfn * (level === 4 ? 2 ** -27 : 2 ** -36) | 0) & 511;
}

/** Frame behind a guest frame for an access that needs @need (NESTED_*), or a NESTED_ failure. */
export function ept_walk(g: struct_guest_cpu, cpu: struct_cpu, gfn: number, need: number): number {
	const cache = cpu.nested_cache!;
	let table = nested_lookup(cache, gfn);
	let rights = nested_found;

	cpu.nr_walks++;
	if (table < 0) {
		if (g.ept_levels !== 4 || gfn > 0x7fffffff)
			return ept_walk_checked(g, cache, gfn, need);
		table = g.root;
		rights = EPT_RWX;
		for (let shift = 27; shift !== 0; shift -= 9) {
			const index = (gfn >> shift) & 511;
			const lo = table_lo(table, index), hi = table_hi(table, index);

			if ((lo & EPT_PLAIN_MASK) !== EPT_PLAIN || (hi & rsvd_hi) !== 0)
				return ept_walk_checked(g, cache, gfn, need);
			table = frame_in(lo, hi);
		}
		nested_fill(cache, gfn, table, rights);
	}
	return leaf(g, gfn, need, table, gfn & 511, table_lo(table, gfn & 511),
		table_hi(table, gfn & 511), 12, rights);
}

/* the walk from the root, where there is something to be found wrong or to be set */
function ept_walk_checked(g: struct_guest_cpu, cache: struct_nested_cache, gfn: number,
	need: number): number {
	let table = g.root, rights = EPT_RWX;

	for (let level = g.ept_levels; level > 1; level--) {
		const index = table_index(gfn, level);
		const lo = table_lo(table, index), hi = table_hi(table, index);

		if ((lo & EPT_RWX) === 0) {
			nested_rights = 0;
			return NESTED_VIOLATION;
		}
		if ((lo & EPT_PS) !== 0 && level < 4)
			return leaf(g, gfn, need, table, index, lo, hi, level === 3 ? 30 : 21,
				rights);
		if (misconfigured(lo, hi) || (lo & (level >= 4 ? 0xf8 : 0x78)) !== 0)
			return NESTED_MISCONFIG;
		rights &= lo & EPT_RWX;
		if ((lo & EPT_A) === 0 && g.ept_ad)
			table_or_lo(table, index, EPT_A);
		table = frame_in(lo, hi);
	}
	nested_fill(cache, gfn, table, rights);
	return leaf(g, gfn, need, table, gfn & 511, table_lo(table, gfn & 511),
		table_hi(table, gfn & 511), 12, rights);
}

/* Of TDs. */

const word = new Uint8Array(8);
const word_view = new DataView(word.buffer);
let entry_lo = 0;
let entry_hi = 0;

/** Entry @index of a table under @keyid; false: poison. */
function read_entry(table: number, index: number, keyid: number): boolean {
	if (tme_direct(table * 4096, keyid, false)) {
		entry_lo = table_lo(table, index);
		entry_hi = table_hi(table, index);
		return true;
	}
	const hpa = table * 4096 + index * 8;
	if (tme_read(hpa, keyid, 8, word) === TME_POISON) {
		nested_poison = hpa;
		return false;
	}
	entry_lo = word_view.getInt32(0, true);
	entry_hi = word_view.getInt32(4, true);
	return true;
}

/** ept_walk() for a TD. */
export function td_walk(g: struct_guest_cpu, cpu: struct_cpu, gfn: number, need: number): number {
	const td = g.td!, shared = gfn >= td.shared_gfn, keyid = shared ? 0 : td.hkid;
	const cache = cpu.nested_cache!;
	let table = nested_lookup(cache, gfn);
	let rights = nested_found;

	cpu.nr_walks++;
	nested_sve = true;
	/* nothing is executed from shared memory */
	if (shared && ((need & NESTED_X) !== 0 || td.shared_root < 0)) {
		nested_rights = 0;
		return NESTED_VIOLATION;
	}
	if (table < 0) {
		table = shared ? td.shared_root : g.root;
		rights = shared ? EPT_RWX & ~NESTED_X : EPT_RWX;
		for (let level = td.levels; level > 1; level--) {
			const index = table_index(gfn, level);
			if (!read_entry(table, index, keyid))
				return NESTED_POISON;
			const lo = entry_lo, hi = entry_hi;
			if ((lo & EPT_RWX) === 0) {
				nested_rights = 0;
				nested_sve = hi < 0;
				return NESTED_VIOLATION;
			}
			if ((lo & EPT_PS) !== 0 && level < 4) {
				nested_sve = hi < 0;
				return leaf(g, gfn, need, table, index, lo, hi,
					level === 3 ? 30 : 21, rights);
			}
			if (misconfigured(lo, hi) || (lo & (level >= 4 ? 0xf8 : 0x78)) !== 0)
				return NESTED_MISCONFIG;
			rights &= lo & EPT_RWX;
			table = frame_in(lo, hi);
		}
		nested_fill(cache, gfn, table, rights);
	}
	if (!read_entry(table, gfn & 511, keyid))
		return NESTED_POISON;
	nested_sve = entry_hi < 0;
	return leaf(g, gfn, need, table, gfn & 511, entry_lo, entry_hi, 12, rights);
}
