// SPDX-License-Identifier: GPL-2.0
/*
 * From a guest's linear address to a frame: its own page tables, each of whose entries is itself in
 * guest physical memory, then the second dimension.
 *
 * Port-only. Four-level paging with 4 KiB, 2 MiB and 1 GiB pages, or none (CR0.PG clear). The TLB
 * keeps the combination; the directory of tlb.ts, or for large pages what it has of upper tables,
 * the host frame of the lowest guest table, so that a miss looks at one entry of the guest and one
 * path of the second dimension. Where a cached entry lacks a right the tables are walked again, as
 * if it had been evicted.
 */
import { FRAME_META, FRAME_USED, frame_mark_used, frame_state, frames_have_meta, frames_mark_used,
	table_hi, table_lo, table_or_lo } from "./memory.ts";
import { TLB_DIRECT, TLB_EXEC, TLB_USER, TLB_WRITE, tlb_fill, tlb_fill4k, tlb_gb_again, tlb_gb_note,
	tlb_pde_fill, tlb_pde_flags, tlb_pde_lookup, tlb_upper_fill, tlb_upper_lookup,
	type struct_tlb } from "./tlb.ts";
import { X86_PF_INSTR, X86_PF_PROT, X86_PF_RSVD, X86_PF_USER, X86_PF_WRITE, GPA_RSVD_HI,
	type struct_cpu } from "./cpu.ts";
import { NESTED_POISON, NESTED_R, NESTED_W, NESTED_X, ept_walk, nested_poison, nested_rights,
	nested_shift, td_walk } from "./ept.ts";
import { npt_rights, npt_shift, npt_walk } from "./npt.ts";
import { nested_drop } from "./guest_tlb.ts";
import {
	GTLB_EXEC, GTLB_PRIVATE, GTLB_READ, GTLB_SR, GTLB_SW, GTLB_SX, GTLB_UR, GTLB_USER, GTLB_UW,
	GTLB_UX, GTLB_WRITE,
} from "./guest_cells.ts";
import { CR0_PG, CR0_WP, CR4_PAE, CR4_SMAP, CR4_SMEP, EFER_LMA, EFER_NX, PTE_A, PTE_D, PTE_P,
	PTE_PS, PTE_U, PTE_W, RFLAGS_AC } from "./guest_paging.ts";
import type { guest_td, struct_guest_cpu } from "./guest_types.ts";
import { TME_POISON, tme_direct, tme_read } from "./tme.ts";

/* What stops a walk: */
export const WALK_FAULT		= -1;	/* #PF with walk_error */
export const WALK_NESTED	= -2;	/* the second dimension: walk_nested, walk_gfn ... */
export const WALK_APIC		= -3;	/* the APIC-access page, at walk_gpa */
export const WALK_MODE		= -4;	/* a paging mode the machine does not have */
export const WALK_POISON	= -5;	/* a TD's: in a table, at host address walk_gpa */

export let walk_error = 0;
/** NESTED_VIOLATION, NESTED_MISCONFIG, NESTED_LOG_FULL. */
export let walk_nested = 0;
export let walk_gpa = 0;
/** Guest frame that the second dimension refused, and which byte of it was meant. */
export let walk_gfn = 0;
export let walk_off = 0;
/** Access (NESTED_*) that the second dimension refused. */
export let walk_access = 0;
/** It was the access itself, not one to the guest's page tables. */
export let walk_final = false;

/* a directory entry's table may be written */
const PDE_WRITABLE	= 16;

const frame_in = (lo: number, hi: number): number => (lo >>> 12) + (hi & 0xfffff) * 2 ** 20;

/** Guest frame of the linear address @lo in the page of 1 << @shift bytes that an entry maps. */
function gfn_in(elo: number, ehi: number, lo: number, shift: number): number {
	const n = shift === 12 ? 1 : shift === 21 ? 512 : 512 * 512;
	const first = frame_in(elo, ehi);

	return first - (first & (n - 1)) + ((lo >>> 12) & (n - 1));
}

/* high halves of entries whose frame has no more than 31 bits, and that have nothing else */
const SMALL_HI	= 0x7ff;

/** Control bits that entries of the TLB depend on. */
export function guest_mmu_mode(g: struct_guest_cpu): number {
	let mode = ((g.cr0 & (CR0_WP | CR0_PG)) >>> 12) |
		(g.cr4 & (CR4_PAE | CR4_SMEP | CR4_SMAP)) |
		((g.efer & (EFER_LMA | EFER_NX)) >>> 8);
	if ((g.cr4 & CR4_SMAP) !== 0 && (g.rflags & RFLAGS_AC) !== 0)
		mode |= 1;
	return mode;
}

function fault(g: struct_guest_cpu, need: number, more: number): number {
	walk_error = more | ((need & GTLB_WRITE) !== 0 ? X86_PF_WRITE : 0) |
		((need & GTLB_USER) !== 0 ? X86_PF_USER : 0);
	if ((need & GTLB_EXEC) !== 0 && ((g.efer & EFER_NX) !== 0 || (g.cr4 & CR4_SMEP) !== 0))
		walk_error |= X86_PF_INSTR;
	return WALK_FAULT;
}

/** The second dimension: frame behind @gfn, of which byte @off is meant, or WALK_NESTED. */
function nested(g: struct_guest_cpu, cpu: struct_cpu, gfn: number, access: number, off: number,
	final: boolean): number {
	const pfn = g.td !== null ? td_walk(g, cpu, gfn, access) :
		g.svm === true ? npt_walk(g, cpu, gfn, access) : ept_walk(g, cpu, gfn, access);

	return pfn >= 0 ? pfn : nested_failed(cpu, pfn, gfn, access, off, final);
}

function nested_failed(cpu: struct_cpu, why: number, gfn: number, access: number, off: number,
	final: boolean): number {
	nested_drop(cpu.nested_cache!, gfn);
	walk_nested = why;
	walk_gfn = gfn;
	walk_off = off;
	walk_access = access;
	walk_final = final;
	if (why !== NESTED_POISON)
		return WALK_NESTED;
	walk_gpa = nested_poison;
	return WALK_POISON;
}

/* A TD's own page tables are in its private memory. */

/** False: the line of entry @index is poisoned, and WALK_POISON is the answer. */
function td_entry_sound(td: guest_td, table: number, index: number): boolean {
	const hpa = table * 4096 + index * 8;

	if (tme_direct(table * 4096, td.hkid, false) ||
	    tme_read(hpa, td.hkid, 8, scratch) !== TME_POISON)
		return true;
	walk_gpa = hpa;
	return false;
}

const scratch = new Uint8Array(8);

/** True if a TD may access the whole page directly. */
function td_direct(td: guest_td, pfn: number, n: number, write: boolean): boolean {
	for (let i = 0; i < n; i++)
		if (!tme_direct((pfn + i) * 4096, td.hkid, write))
			return false;
	return true;
}

/** Access to a table of the guest: NPT counts it as a write, EPT with A/D bits too. */
const table_access = (g: struct_guest_cpu): number =>
	g.svm || g.ept_ad ? NESTED_R | NESTED_W : NESTED_R;

/* raw rights of an entry of the guest */
const rights_of = (lo: number, hi: number): number =>
	((lo & PTE_U) >> 2) | (lo & PTE_W) | (hi < 0 ? 0 : TLB_EXEC);

/** Rights for supervisor and user out of raw ones. */
function modes(g: struct_guest_cpu, raw: number): number {
	const user = (raw & TLB_USER) !== 0;
	let flags = 0;

	if (!user || (g.cr4 & CR4_SMAP) === 0 || (g.rflags & RFLAGS_AC) !== 0) {
		flags = GTLB_SR;
		if ((raw & TLB_WRITE) !== 0 || (g.cr0 & CR0_WP) === 0)
			flags |= GTLB_SW;
	}
	if ((raw & TLB_EXEC) !== 0 && (!user || (g.cr4 & CR4_SMEP) === 0))
		flags |= GTLB_SX;
	if (user)
		flags |= GTLB_UR | ((raw & TLB_WRITE) !== 0 ? GTLB_UW : 0) |
			((raw & TLB_EXEC) !== 0 ? GTLB_UX : 0);
	return flags;
}

/**
 * The access to the page itself: @flags what the guest's tables allow, @shift the size they map.
 * Fills the TLB.
 */
function final(g: struct_guest_cpu, cpu: struct_cpu, t: struct_tlb, lo: number, hi: number,
	need: number, gfn: number, shift: number, flags: number): number {
	const access = ((need & GTLB_SR) >> 3) | (need & (GTLB_SW | GTLB_SX)) |
		((need & GTLB_USER) >> 7);
	const pfn = nested(g, cpu, gfn, access, lo & 0xfff, true);

	if (pfn < 0)
		return pfn;
	if (pfn === g.apic_access_pfn)
		return apic_access(gfn, lo);
	const rights = g.svm === true ? npt_rights : nested_rights;
	const other = g.svm === true ? npt_shift : nested_shift;
	const size = shift < other ? shift : other;
	flags &= ((rights & NESTED_R) << 3) | (rights & (NESTED_W | NESTED_X)) |
		((rights & (NESTED_R | NESTED_W | NESTED_X)) << 7);
	if (g.td !== null && gfn < g.td.shared_gfn)
		flags |= GTLB_PRIVATE;
	if (size !== 12) {
		fill_large(g, t, lo, hi, size, pfn, flags);
		return pfn;
	}
	if (frame_state(pfn) === FRAME_USED && (flags & GTLB_PRIVATE) === 0)
		flags |= TLB_DIRECT;
	else
		flags |= small_direct(g, pfn, flags);
	tlb_fill4k(t, lo, hi, pfn, flags);
	return pfn;
}

function apic_access(gfn: number, lo: number): number {
	walk_gpa = gfn * 4096 + (lo & 0xfff);
	return WALK_APIC;
}

/** TLB_DIRECT, if the frame of a 4 KiB page may be accessed so; it counts as used from here on. */
function small_direct(g: struct_guest_cpu, pfn: number, flags: number): number {
	const state = frame_state(pfn), write = (flags & GTLB_WRITE) !== 0;

	if (write && (state & FRAME_USED) === 0)
		frame_mark_used(pfn);
	return ((flags & GTLB_PRIVATE) !== 0 ? td_direct(g.td!, pfn, 1, write) :
		(state & FRAME_META) === 0) ? TLB_DIRECT : 0;
}

function fill_large(g: struct_guest_cpu, t: struct_tlb, lo: number, hi: number, size: number,
	pfn: number, flags: number): void {
	const n = 1 << (size - 12), first = pfn & -n;

	if ((flags & GTLB_WRITE) !== 0)
		frames_mark_used(first, n);
	if ((flags & GTLB_PRIVATE) !== 0 ?
		td_direct(g.td!, first, n, (flags & GTLB_WRITE) !== 0) :
		!frames_have_meta(first, n))
		flags |= TLB_DIRECT;
	tlb_fill(t, lo, hi, size, first, flags);
}

/** The lowest entry of the guest's tables; @tgfn its table, -1 if only the frame is known. */
function leaf(g: struct_guest_cpu, cpu: struct_cpu, t: struct_tlb, lo: number, hi: number,
	need: number, table: number, index: number, shift: number, raw: number,
	writable: boolean, tgfn: number): number {
	if (g.td !== null && !td_entry_sound(g.td, table, index))
		return WALK_POISON;
	const elo = table_lo(table, index), ehi = table_hi(table, index);
	const rsvd = g.td === null ? GPA_RSVD_HI : g.rsvd_hi;

	if ((elo & PTE_P) === 0)
		return fault(g, need, 0);
	const low = shift === 12 ? 0 : shift === 21 ? 0x1fe000 : 0x3fffe000;
	if ((ehi & rsvd) !== 0 || (elo & low) !== 0 || (ehi < 0 && (g.efer & EFER_NX) === 0))
		return fault(g, need, X86_PF_PROT | X86_PF_RSVD);
	let flags = modes(g, raw & rights_of(elo, ehi));
	if ((flags & need) !== need)
		return fault(g, need, X86_PF_PROT);
	const set = (need & GTLB_WRITE) !== 0 ? PTE_A | PTE_D : PTE_A;
	if ((elo & set) !== set) {
		if (!writable) {
			if (tgfn < 0)
				return walk(g, cpu, t, lo, hi, need);
			const to = nested(g, cpu, tgfn, NESTED_R | NESTED_W, index * 8, false);
			if (to < 0)
				return to;
		}
		table_or_lo(table, index, set);
	}
	if (((elo | set) & PTE_D) === 0)
		flags &= ~GTLB_WRITE;
	return final(g, cpu, t, lo, hi, need, gfn_in(elo, ehi, lo, shift), shift, flags);
}

/**
 * The lowest entry by way of the tables that the TLB knows; by all of them if it knows none, or
 * this would be a fault: that is only raised by what is in memory now.
 */
function walk_cached(g: struct_guest_cpu, cpu: struct_cpu, t: struct_tlb, lo: number, hi: number,
	need: number): number {
	const again = tlb_gb_again(t, lo, hi);
	let table = again >= 0 ? -1 : tlb_pde_lookup(t, lo, hi);
	let shift = 12, index = (lo >>> 12) & 511, elo = 0, ehi = 0;
	/* frames of the page but one */
	let mask = 0;

	if (table >= 0) {
		elo = table_lo(table, index);
		ehi = table_hi(table, index);
	} else {
		shift = 30;
		mask = 0x3ffff;
		index = ((hi & 0x7f) << 2) | (lo >>> 30);
		table = again >= 0 ? again : tlb_upper_lookup(t, lo, hi, 30);
		if (table >= 0) {
			elo = table_lo(table, index);
			ehi = table_hi(table, index);
			if (again < 0)
				tlb_gb_note(t, lo, hi, table);
		}
		if ((elo & PTE_PS) === 0) {
			shift = 21;
			mask = 511;
			index = (lo >>> 21) & 511;
			table = tlb_upper_lookup(t, lo, hi, 21);
			if (table < 0)
				return walk(g, cpu, t, lo, hi, need);
			elo = table_lo(table, index);
			ehi = table_hi(table, index);
			if ((elo & PTE_PS) === 0)
				return walk(g, cpu, t, lo, hi, need);
		}
	}
	/* mostly there is nothing to be set, or refused (bit 12 of a large page is PAT's) */
	if ((elo & (PTE_P | PTE_A)) === (PTE_P | PTE_A) && (elo & (mask << 12) & ~0x1000) === 0 &&
	    (ehi & ~SMALL_HI) === 0 && g.td === null) {
		let flags = modes(g, tlb_pde_flags & (((elo & PTE_U) >> 2) | (elo & PTE_W) |
			TLB_EXEC));
		if ((elo & PTE_D) === 0)
			flags &= ~GTLB_WRITE;
		if ((flags & need) === need)
			return final(g, cpu, t, lo, hi, need, ((elo >>> 12) | (ehi << 20)) & ~mask |
				((lo >>> 12) & mask), shift, flags);
	}
	const pfn = leaf(g, cpu, t, lo, hi, need, table, index, shift, tlb_pde_flags & 7,
		(tlb_pde_flags & PDE_WRITABLE) !== 0, -1);
	return pfn === WALK_FAULT ? walk(g, cpu, t, lo, hi, need) : pfn;
}

function walk(g: struct_guest_cpu, cpu: struct_cpu, t: struct_tlb, lo: number, hi: number,
	need: number): number {
	const access = table_access(g);
	let tgfn = Math.floor(g.cr3 / 4096);
	let raw = TLB_USER | TLB_WRITE | TLB_EXEC;
	for (let level = 4; ; level--) {
		const index = level === 4 ? (hi >>> 7) & 511 :
			level === 3 ? ((hi & 0x7f) << 2) | (lo >>> 30) :
			level === 2 ? (lo >>> 21) & 511 : (lo >>> 12) & 511;
		const table = nested(g, cpu, tgfn, access, index * 8, false);
		if (table < 0)
			return table;
		const writable = ((g.svm ? npt_rights : nested_rights) & NESTED_W) !== 0;

		if (level === 1) {
			tlb_pde_fill(t, lo, hi, table, raw | (writable ? PDE_WRITABLE : 0));
			return leaf(g, cpu, t, lo, hi, need, table, index, 12, raw, writable, tgfn);
		}
		if (g.td !== null && !td_entry_sound(g.td, table, index))
			return WALK_POISON;
		const elo = table_lo(table, index), ehi = table_hi(table, index);
		if ((elo & PTE_P) === 0)
			return fault(g, need, 0);
		if ((elo & PTE_PS) !== 0 && level !== 4) {
			const shift = level === 3 ? 30 : 21;
			tlb_upper_fill(t, lo, hi, shift, table,
				raw | (writable ? PDE_WRITABLE : 0));
			return leaf(g, cpu, t, lo, hi, need, table, index, shift, raw, writable,
				tgfn);
		}
		const rsvd = g.td === null ? GPA_RSVD_HI : g.rsvd_hi;
		if ((ehi & rsvd) !== 0 || (elo & PTE_PS) !== 0 ||
		    /* tables are not shared */
		    (g.td !== null && frame_in(elo, ehi) >= g.td.shared_gfn) ||
		    (ehi < 0 && (g.efer & EFER_NX) === 0))
			return fault(g, need, X86_PF_PROT | X86_PF_RSVD);
		raw &= rights_of(elo, ehi);
		if ((elo & PTE_A) === 0) {
			if (!writable) {
				const to = nested(g, cpu, tgfn, NESTED_R | NESTED_W, index * 8,
					false);
				if (to < 0)
					return to;
			}
			table_or_lo(table, index, PTE_A);
		}
		tgfn = frame_in(elo, ehi);
	}
}

/**
 * Frame behind a linear address for an access that needs @need (GTLB_*), remembered in the TLB;
 * else WALK_*. What the TLB has of the page then the caller drops.
 */
export function guest_walk(g: struct_guest_cpu, cpu: struct_cpu, t: struct_tlb, lo: number,
	hi: number, need: number): number {
	if ((g.cr0 & CR0_PG) === 0)
		return final(g, cpu, t, lo, hi, need, lo >>> 12, 30,
			GTLB_READ | GTLB_WRITE | GTLB_EXEC);
	if ((g.efer & EFER_LMA) === 0)
		return WALK_MODE;
	return walk_cached(g, cpu, t, lo, hi, need);
}
