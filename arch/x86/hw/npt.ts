// SPDX-License-Identifier: GPL-2.0
/*
 * Nested page tables: SVM's second dimension, in the format of ordinary page tables.
 *
 * Port-only. Every access counts as a user's; the tables of the guest itself are read as if
 * written. Accessed and dirty bits are always kept. NX counts, as the host runs with EFER.NXE.
 */
import { table_hi, table_lo, table_or_lo } from "./memory.ts";
import { rsvd_hi, type struct_cpu } from "./cpu.ts";
import { NESTED_CLEAN, NESTED_R, NESTED_VIOLATION, NESTED_W, NESTED_X } from "./ept.ts";
import { nested_fill, nested_found, nested_lookup } from "./guest_tlb.ts";
import type { struct_guest_cpu } from "./guest_types.ts";
import { PTE_A, PTE_D, PTE_P, PTE_PS, PTE_U, PTE_W } from "./guest_paging.ts";

/* low bits of exit_info_1 of a nested page fault: as a page fault's error code */
const NPF_P	= 1;
const NPF_W	= 2;
const NPF_U	= 4;
const NPF_RSVD	= 8;
const NPF_I	= 16;

/** Of the last walk: rights granted (NESTED_*), or the error code of a fault. */
export let npt_rights = 0;
export let npt_shift = 12;
export let npt_error = 0;

const frame_in = (lo: number, hi: number): number => (lo >>> 12) | (hi << 20);

const rights_of = (lo: number, hi: number): number =>
	(lo & PTE_U) === 0 ? 0 : NESTED_R | (lo & PTE_W) | (hi < 0 ? 0 : NESTED_X);

function fault(need: number, more: number): number {
	npt_error = NPF_U | more | ((need & NESTED_W) !== 0 ? NPF_W : 0) |
		((need & NESTED_X) !== 0 ? NPF_I : 0);
	return NESTED_VIOLATION;
}

function leaf(gfn: number, need: number, table: number, index: number, shift: number,
	rights: number): number {
	const lo = table_lo(table, index), hi = table_hi(table, index);

	if ((lo & PTE_P) === 0)
		return fault(need, 0);
	const low = shift === 12 ? 0 : shift === 21 ? 0x1fe000 : 0x3fffe000;
	if ((hi & rsvd_hi) !== 0 || (lo & low) !== 0)
		return fault(need, NPF_P | NPF_RSVD);
	rights &= rights_of(lo, hi);
	if ((rights & need) !== need)
		return fault(need, NPF_P);
	const set = (need & NESTED_W) !== 0 ? PTE_A | PTE_D : PTE_A;
	if ((lo & set) !== set)
		table_or_lo(table, index, set);
	npt_rights = ((lo | set) & PTE_D) === 0 && (rights & NESTED_W) !== 0 ?
		rights ^ NESTED_W | NESTED_CLEAN : rights;
	npt_shift = shift;
	const n = shift === 12 ? 1 : shift === 21 ? 512 : 512 * 512;
	return (frame_in(lo, hi) & -n) + (gfn & (n - 1));
}

/** Frame behind a guest frame, or NESTED_VIOLATION with npt_error. */
export function npt_walk(g: struct_guest_cpu, cpu: struct_cpu, gfn: number, need: number): number {
	const cache = cpu.nested_cache!;
	let table = nested_lookup(cache, gfn);
	let rights = nested_found;

	cpu.nr_walks++;
	if (table < 0) {
		table = g.root;
		rights = NESTED_R | NESTED_W | NESTED_X;
		for (let level = 4; level > 1; level--) {
			const index = level === 4 ? Math.floor(gfn / 2 ** 27) & 511 :
				(level === 3 ? gfn >>> 18 : gfn >>> 9) & 511;
			const lo = table_lo(table, index), hi = table_hi(table, index);

			if ((lo & PTE_P) === 0)
				return fault(need, 0);
			if ((lo & PTE_PS) !== 0 && level !== 4)
				return leaf(gfn, need, table, index, level === 3 ? 30 : 21, rights);
			if ((hi & rsvd_hi) !== 0 || (lo & PTE_PS) !== 0)
				return fault(need, NPF_P | NPF_RSVD);
			rights &= rights_of(lo, hi);
			if ((lo & PTE_A) === 0)
				table_or_lo(table, index, PTE_A);
			table = frame_in(lo, hi);
		}
		nested_fill(cache, gfn, table, rights);
	}
	return leaf(gfn, need, table, gfn & 511, 12, rights);
}
