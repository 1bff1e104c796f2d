// SPDX-License-Identifier: GPL-2.0
/*
 * Secure EPT: entries, states, the walk, and who may do what in which state.
 *
 * Port-only. Entries are in the TD's SEPT pages, under its key, as the processor walks them:
 *
 *	 0 1 2	R W X			5:3 memory type, 6 ignore PAT	7 page (also of 4 KiB)
 *	51:12	frame; of a PENDING 2 MiB page 20:12 count the 4 KiB pages that are accepted
 *	53 EX	54 BW	55 B blocked	56 P pending			63 suppress #VE
 *
 * Bits 7 and 56:53 make the state. RWX is set in NL_MAPPED and MAPPED only, so that the processor
 * needs to know no states; bit 63 is clear in PENDING entries of a TD that wants #VE for them:
 *
 *	FREE -SEPT.ADD-> NL_MAPPED -BLOCK-> NL_BLOCKED -UNBLOCK-> NL_MAPPED; -SEPT.REMOVE-> FREE
 *	FREE -PAGE.ADD-> MAPPED;  FREE -PAGE.AUG-> PENDING -ACCEPT-> MAPPED
 *	MAPPED, PENDING -BLOCK-> BLOCKED, PENDING_BLOCKED -UNBLOCK-> back; -PAGE.REMOVE-> FREE
 *	NL_BLOCKED -PROMOTE-> MAPPED, PENDING;  BLOCKED, PENDING_BLOCKED -DEMOTE-> NL_MAPPED
 */
import { frame_put32 } from "../memory.ts";
import { seam_check_entry, seam_clear_page, seam_write_entry, table_hi, table_lo } from
	"./access.ts";
import * as d from "./defs.ts";
import { LOCK_EXCLUSIVE, LOCK_SEPT_ENTRY, LOCK_SEPT_TREE, tdx_lock, tdx_lock_prio,
	type lock_mode } from "./locks.ts";
import { reg_get, reg_set, status, type seam_regs } from "./regs.ts";
import type { struct_tdcs, struct_tdr } from "./state.ts";
import { td } from "./td.ts";

/* states, by bits 7 and 56:53 of an entry as [6:5 page][4 P][3 B][2 BW][1 EX] */
export const SEPT_NL_MAPPED		= 0x00;
export const SEPT_NL_BLOCKED		= 0x08;
export const SEPT_FREE			= 0x0e;
export const SEPT_MAPPED		= 0x60;
export const SEPT_BLOCKED		= 0x68;
export const SEPT_PENDING		= 0x70;
export const SEPT_PENDING_BLOCKED	= 0x78;

/** What the host is told: bits 15:8 of RDX. */
export const SEPT_PUBLIC: Readonly<Record<number, number>> = {
	[SEPT_FREE]: 0, [SEPT_BLOCKED]: 1, [SEPT_PENDING]: 2, [SEPT_PENDING_BLOCKED]: 3,
	[SEPT_MAPPED]: 4, [SEPT_NL_BLOCKED]: 0x81, [SEPT_NL_MAPPED]: 0x84,
};

const RWX	= 7;
const PAGE	= 1 << 7;
/* write-back, whatever PAT says */
const MEMTYPE	= (6 << 3) | (1 << 6);
/* in the high half: */
const STATE_HI	= 0x01e00000;
const SVE	= 1 << 31;

export function sept_state(lo: number, hi: number): number {
	return ((lo & PAGE) !== 0 ? 0x60 : 0) | ((hi & STATE_HI) >>> 20);
}

export function sept_pfn(lo: number, hi: number): number {
	return (lo >>> 12) + (hi & 0xfffff) * 2 ** 20;
}

/** Leaves of the host, and of the guest, that change entries: columns of the table. */
export const OP_SEPT_ADD	= 0;
export const OP_PAGE_ADD	= 1;
export const OP_PAGE_AUG	= 2;
export const OP_BLOCK		= 3;
export const OP_UNBLOCK		= 4;
export const OP_PAGE_REMOVE	= 5;
export const OP_SEPT_REMOVE	= 6;
export const OP_RELOCATE	= 7;
export const OP_PROMOTE		= 8;
export const OP_DEMOTE		= 9;
/* these only look at the page */
export const OP_READ		= 10;

const NF = d.TDX_EPT_ENTRY_NOT_FREE, FR = d.TDX_EPT_ENTRY_FREE, NB = d.TDX_GPA_RANGE_NOT_BLOCKED,
	AB = d.TDX_GPA_RANGE_ALREADY_BLOCKED, NL = d.TDX_EPT_ENTRY_NOT_LEAF,
	LF = d.TDX_EPT_ENTRY_LEAF, NP = d.TDX_EPT_ENTRY_NOT_PRESENT;
const free = SEPT_FREE, nl_mapped = SEPT_NL_MAPPED, nl_blocked = SEPT_NL_BLOCKED,
	mapped = SEPT_MAPPED, blocked = SEPT_BLOCKED, pending = SEPT_PENDING,
	pending_blocked = SEPT_PENDING_BLOCKED;

/**
 * By state of the entry, in the order of the columns: its next state, or the completion code (which
 * is above all states). PROMOTE's next state is its children's.
 */
export const SEPT_RULES: Readonly<Record<number, readonly number[]>> = {
	/*	SEPT_ADD   ADD     AUG      BLOCK UNBLOCK REMOVE SEPT_REMOVE RELOCATE
		PROMOTE DEMOTE READ */
	[free]: [nl_mapped, mapped, pending, FR, FR, FR, FR, FR,
		FR, FR, NP],
	[nl_mapped]: [NF, NF, NF, nl_blocked, NB, NL, NB, NL,
		NB, NL, NL],
	[nl_blocked]: [NF, NF, NF, AB, nl_mapped, NL, free, NL,
		mapped, NL, NL],
	[mapped]: [NF, NF, NF, blocked, NB, NB, LF, NB,
		LF, NB, mapped],
	[blocked]: [NF, NF, NF, AB, mapped, free, LF, mapped,
		LF, nl_mapped, NP],
	[pending]: [NF, NF, NF, pending_blocked, NB, NB, LF, NB,
		LF, NB, NP],
	[pending_blocked]: [NF, NF, NF, AB, pending, free, LF, pending,
		LF, nl_mapped, NP],
};

/** Operations that need the TLBs of all CPUs to have forgotten the range. */
export const OP_TRACKED: readonly boolean[] =
	[false, false, false, false, true, true, true, true, true, true, false];

/** Operations that give a GPA something new: not below a range that is blocked. */
const OP_NEW: readonly boolean[] =
	[true, true, true, false, false, false, false, false, false, false, false];

/** Low and high half of an entry in @state; @pfn is its page's, or its table's. */
export let entry_lo = 0;
export let entry_hi = 0;

export function make_entry(c: struct_tdcs, state: number, pfn: number): void {
	const page = (state & 0x60) !== 0;
	const quiet = state !== SEPT_PENDING || c.sept_ve_disable;

	entry_lo = (state === SEPT_FREE ? 0 : pfn << 12) | (page ? PAGE | MEMTYPE : 0) |
		(state === SEPT_MAPPED || state === SEPT_NL_MAPPED ? RWX : 0);
	entry_hi = (state === SEPT_FREE ? 0 : Math.floor(pfn / 2 ** 20)) |
		((state & 0x1e) << 20) | (quiet ? SVE : 0);
}

/** A new table of 512 FREE entries. */
export function sept_init_table(t: struct_tdr, pfn: number): void {
	seam_clear_page(pfn, t.hkid);
	make_entry(t.tdcs, SEPT_FREE, 0);
	for (let i = 0; i < 512; i++)
		frame_put32(pfn, i * 8 + 4, entry_hi);
}

/* The walk. */

/** Where it ended: the entry, its place and its level. */
export let walk_table = -1;
export let walk_index = 0;
export let walk_level = 0;
export let walk_lo = 0;
export let walk_hi = 0;
/** It went through a blocked range. */
export let walk_blocked = false;

function look(t: struct_tdr, table: number, index: number, level: number): void {
	seam_check_entry(table, t.hkid, index);
	walk_table = table;
	walk_index = index;
	walk_level = level;
	walk_lo = table_lo(table, index);
	walk_hi = table_hi(table, index);
}

/** Down to the entry for @gpa at @level. False: there is none, the walk ended above. */
export function sept_walk(t: struct_tdr, gpa: number, level: number): boolean {
	let table = t.tdcs.sept_root;

	walk_blocked = false;
	for (let l = t.tdcs.sept_levels - 1; ; l--) {
		look(t, table, Math.floor(gpa / 4096 / 512 ** l) & 511, l);
		if (l === level)
			return true;
		const state = sept_state(walk_lo, walk_hi);
		if (state !== SEPT_NL_MAPPED && state !== SEPT_NL_BLOCKED)
			return false;
		walk_blocked ||= state === SEPT_NL_BLOCKED;
		table = sept_pfn(walk_lo, walk_hi);
	}
}

/** The entry that the walk found gets another state. */
export function sept_set(t: struct_tdr, state: number, pfn: number): void {
	make_entry(t.tdcs, state, pfn);
	seam_write_entry(walk_table, t.hkid, walk_index, entry_lo, entry_hi);
}

/** For an error: RCX and RDX have the entry, its level and state. */
export function sept_report(r: seam_regs, code: number): number {
	r.u32[2] = walk_lo;
	r.u32[3] = walk_hi;
	reg_set(r, 2, walk_level | SEPT_PUBLIC[sept_state(walk_lo, walk_hi)]! << 8);
	return status(code, d.OPERAND_RCX);
}

/* Operands. */

/** What the leaf's RCX named. */
export let gpa = 0;
export let level = 0;

/** RCX is a private GPA with a level from @min to @max, aligned to it. */
export function gpa_operand(r: seam_regs, min: number, max: number): number {
	const x = reg_get(r, 1), low = x % 4096;

	level = low;
	gpa = x - low;
	/* the top bit of the address space says SHARED */
	if (low < min || low > max || low >= td.tdcs.sept_levels ||
	    gpa % (4096 * 512 ** low) !== 0 || gpa >= 2 ** (td.tdcs.gpaw - 1))
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	return d.TDX_SUCCESS;
}

/** The entry that RCX names, whatever its state; its tree locked in @mode, null: not. */
export function sept_look(r: seam_regs, min: number, max: number, mode: lock_mode | null): number {
	const error = gpa_operand(r, min, max);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (mode !== null && !tdx_lock(LOCK_SEPT_TREE, td.pfn, mode))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_SEPT_TREE);
	return sept_walk(td, gpa, level) ? d.TDX_SUCCESS : sept_report(r, d.TDX_EPT_WALK_FAILED);
}

/** State that the operation leads to, after sept_operand() returned success. */
export let next_state = 0;

/**
 * The secure EPT entry that RCX names, its tree locked in @mode (null: the TD is locked whole) and
 * the entry with it, in a state that @op accepts.
 */
export function sept_operand(r: seam_regs, op: number, min: number, max: number,
	mode: lock_mode | null): number {
	const error = sept_look(r, min, max, mode);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (!tdx_lock_prio(LOCK_SEPT_ENTRY, walk_table * 512 + walk_index, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_RCX);
	if (walk_blocked && OP_NEW[op]!)
		return sept_report(r, d.TDX_GPA_RANGE_BLOCKED);
	next_state = SEPT_RULES[sept_state(walk_lo, walk_hi)]![op]!;
	return next_state > 0xff ? sept_report(r, next_state) : d.TDX_SUCCESS;
}

/* TLB tracking. */

/** True if no CPU can remember what was there when the range was blocked, in epoch @bepoch. */
export function sept_is_tracked(c: struct_tdcs, bepoch: number): boolean {
	if (c.op_state !== d.OP_STATE_RUNNABLE)
		return true;
	return bepoch < c.epoch - 1 || (bepoch === c.epoch - 1 && c.refcount[bepoch & 1] === 0);
}
