// SPDX-License-Identifier: GPL-2.0
/*
 * The page walker of host linear addresses, and the translation that every access begins with.
 *
 * Port-only. Four levels of 512 entries; 2 MiB and 1 GiB pages by the PS bit; rights are the and
 * of all levels (execute: no NX on any); accessed and dirty bits are set as soon as an entry is
 * used. CR0.WP is set, so supervisor writes need the write bit too. See tlb.ts for @lo and @hi.
 */
import { FRAME_META, FRAME_USED, frame_mark_used, frame_state, frames_have_meta,
	frames_mark_used, table_hi, table_lo, table_or_lo } from "./memory.ts";
import {
	TLB_CLEAN, TLB_DIRECT, TLB_EXEC, TLB_GLOBAL, TLB_READ, TLB_USER, TLB_WRITE,
	tlb_drop_faulting, tlb_drop_page, tlb_fill, tlb_fill4k, tlb_found_flags, tlb_lookup,
	tlb_pde_fill, tlb_pde_flags, tlb_pde_lookup,
} from "./tlb.ts";
import { X86_PF_INSTR, X86_PF_PROT, X86_PF_RSVD, X86_PF_USER, X86_PF_WRITE, X86_TRAP_PF,
	cpu_exception, rsvd_hi, type struct_cpu } from "./cpu.ts";

const PTE_P	= 1 << 0;
const PTE_W	= 1 << 1;
const PTE_U	= 1 << 2;
const PTE_A	= 1 << 5;
const PTE_D	= 1 << 6;
const PTE_PS	= 1 << 7;
const PTE_G	= 1 << 8;

/** What accesses need. */
export const NEED_READ		= TLB_READ;
export const NEED_WRITE		= TLB_WRITE;
export const NEED_EXEC		= TLB_EXEC;
export const NEED_USER		= TLB_USER;
export const NEED_DIRECT	= TLB_DIRECT;

/** Error code of the last walk that returned -1. */
export let walk_error = 0;
/** TLB_* flags of the last walk that succeeded. */
export let walk_flags = 0;

const frame_in = (lo: number, hi: number): number => (lo >>> 12) | (hi << 20);

function rights_of(lo: number, hi: number): number {
	/* NX is the sign */
	return ((lo & PTE_U) >> 2) | (lo & PTE_W) | (hi < 0 ? 0 : TLB_EXEC);
}

function error_of(need: number, more: number): number {
	return more | ((need & TLB_WRITE) !== 0 ? X86_PF_WRITE : 0) |
		((need & TLB_USER) !== 0 ? X86_PF_USER : 0) |
		((need & TLB_EXEC) !== 0 ? X86_PF_INSTR : 0);
}

/** Sets A, and D for a write, checks rights, fills the TLB; the frame of the 4 KiB page, or -1. */
function leaf(cpu: struct_cpu, lo: number, hi: number, need: number, table: number, index: number,
	shift: number, rights: number): number {
	const elo = table_lo(table, index);
	const ehi = table_hi(table, index);
	const want = need & (TLB_USER | TLB_WRITE | TLB_EXEC);

	if ((elo & PTE_P) === 0) {
		walk_error = error_of(need, 0);
		return -1;
	}
	const low = shift === 12 ? 0 : shift === 21 ? 0x1fe000 : 0x3fffe000;
	if ((ehi & rsvd_hi) !== 0 || (elo & low) !== 0) {
		walk_error = error_of(need, X86_PF_PROT | X86_PF_RSVD);
		return -1;
	}
	rights &= rights_of(elo, ehi);
	if ((rights & want) !== want) {
		walk_error = error_of(need, X86_PF_PROT);
		return -1;
	}
	const ad = (need & TLB_WRITE) !== 0 ? PTE_A | PTE_D : PTE_A;
	if ((elo & ad) !== ad)
		table_or_lo(table, index, ad);

	const n = shift === 12 ? 1 : shift === 21 ? 512 : 512 * 512;
	const pfn = frame_in(elo, ehi) & -n;
	let flags = rights | TLB_READ;
	if ((rights & TLB_WRITE) !== 0) {
		if (((elo | ad) & PTE_D) === 0)
			flags ^= TLB_WRITE | TLB_CLEAN;
		else if (n === 1)
			frame_mark_used(pfn);
		else
			frames_mark_used(pfn, n);
	}
	if ((elo & PTE_G) !== 0)
		flags |= TLB_GLOBAL;
	if (n === 1 ? (frame_state(pfn) & FRAME_META) === 0 : !frames_have_meta(pfn, n))
		flags |= TLB_DIRECT;
	tlb_fill(cpu.tlb, lo, hi, shift, pfn, flags);
	walk_flags = flags;
	return pfn + ((lo >>> 12) & (n - 1));
}

/**
 * Translates by walking the tables under CR3 and remembers the result: the frame of the 4 KiB
 * page that holds the address, or -1 with walk_error set.
 */
export function host_walk(cpu: struct_cpu, lo: number, hi: number, need: number): number {
	const t = cpu.tlb;
	let table = tlb_pde_lookup(t, lo, hi);
	let rights = tlb_pde_flags;

	cpu.nr_walks++;
	if (table < 0) {
		table = cpu.cr3_pfn;
		rights = TLB_USER | TLB_WRITE | TLB_EXEC;
		for (let level = 4; level > 1; level--) {
			const index = level === 4 ? (hi >>> 7) & 511 :
				level === 3 ? ((hi & 0x7f) << 2) | (lo >>> 30) : (lo >>> 21) & 511;
			const elo = table_lo(table, index);
			const ehi = table_hi(table, index);

			if ((elo & PTE_P) === 0) {
				walk_error = error_of(need, 0);
				return -1;
			}
			if ((elo & PTE_PS) !== 0) {
				if (level !== 4)
					return leaf(cpu, lo, hi, need, table, index,
						level === 3 ? 30 : 21, rights);
				walk_error = error_of(need, X86_PF_PROT | X86_PF_RSVD);
				return -1;
			}
			if ((ehi & rsvd_hi) !== 0) {
				walk_error = error_of(need, X86_PF_PROT | X86_PF_RSVD);
				return -1;
			}
			rights &= rights_of(elo, ehi);
			if ((elo & PTE_A) === 0)
				table_or_lo(table, index, PTE_A);
			table = frame_in(elo, ehi);
		}
		tlb_pde_fill(t, lo, hi, table, rights);
	}
	return leaf(cpu, lo, hi, need, table, (lo >>> 12) & 511, 12, rights);
}

/**
 * The common miss: directory entry cached, entry present with the bits set that the access would
 * set, frame marked as used. The frame, or -1 to go through host_walk(). Never faults.
 */
export function host_walk_fast(cpu: struct_cpu, lo: number, hi: number, need: number): number {
	const t = cpu.tlb;
	const table = tlb_pde_lookup(t, lo, hi);

	if (table < 0)
		return -1;
	const elo = table_lo(table, (lo >>> 12) & 511);
	const ehi = table_hi(table, (lo >>> 12) & 511);
	if ((elo & (PTE_P | PTE_A | PTE_D | PTE_G)) !== (PTE_P | PTE_A | PTE_D) ||
	    (ehi & rsvd_hi) !== 0)
		return -1;
	const pfn = frame_in(elo, ehi);
	if (frame_state(pfn) !== FRAME_USED)
		return -1;
	const flags = (tlb_pde_flags & rights_of(elo, ehi)) | TLB_READ | TLB_DIRECT;
	if ((flags & need) !== need)
		return -1;
	tlb_fill4k(t, lo, hi, pfn, flags);
	return pfn;
}

/* more retries than any fault needs */
const LIVELOCK = 1000000;

/**
 * The frame behind an address for an access that needs @need; page faults go to the kernel until
 * it succeeds. -1 if the kernel gave the access up. @va is the address itself, for CR2.
 *
 * A cached entry without the rights faults as it stands, without a look at the tables, and is
 * dropped with that fault; only a clean entry's first write walks, to set the dirty bit.
 */
export function host_translate(cpu: struct_cpu, va: number, lo: number, hi: number,
	need: number): number {
	for (let tries = 0; tries < LIVELOCK; tries++) {
		let pfn = tlb_lookup(cpu.tlb, lo, hi, need);

		if (pfn >= 0)
			return pfn;
		if (pfn === -2) {
			let has = tlb_found_flags;
			if ((has & TLB_CLEAN) !== 0)
				has |= TLB_WRITE;
			if ((has & need) === need)
				pfn = -1;
			else
				walk_error = error_of(need, X86_PF_PROT);
		}
		if (pfn === -1) {
			pfn = host_walk_fast(cpu, lo, hi, need);
			if (pfn < 0)
				pfn = host_walk(cpu, lo, hi, need);
			if (pfn >= 0)
				return pfn;
		}
		if (!host_fault(cpu, va, lo, hi, tries))
			return -1;
	}
	throw new Error(`machine: cpu ${cpu.id}: access to 0x${va.toString(16)} never completes`);
}

/**
 * Raises the page fault of walk_error. The page's translations are dropped with it, and its
 * directory entry when the fault comes again: nothing stale can keep it going.
 */
export function host_fault(cpu: struct_cpu, va: number, lo: number, hi: number,
	tries: number): boolean {
	if (tries === 0)
		tlb_drop_page(cpu.tlb, lo, hi);
	else
		tlb_drop_faulting(cpu.tlb, lo, hi);
	cpu.cr2 = va;
	return cpu_exception(cpu, X86_TRAP_PF, walk_error, va);
}
