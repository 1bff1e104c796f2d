// SPDX-License-Identifier: GPL-2.0
/*
 * Private memory of TDs: TDH.MEM leaves, and TDH.MR which measures it.
 *
 * Port-only. Checks come in this order: the TD (RDX); the GPA (RCX); the secure EPT tree's lock,
 * the walk, the entry's lock and state; TLB tracking; the new page (R8); the source (R9). Where a
 * range is blocked, the epoch goes into the PAMT entry of the page, or of the table, that the
 * entry points to.
 */
import { seam_check_entry, seam_copy_page, seam_read, seam_write, seam_write_entry, table_hi,
	table_lo } from "./access.ts";
import * as d from "./defs.ts";
import { LOCK_EXCLUSIVE, LOCK_SHARED, LOCK_TD_EPOCH, tdx_lock } from "./locks.ts";
import {
	LEVEL_FRAMES, operand_pfn, pamt_bepoch, pamt_clear, pamt_demote, pamt_find, pamt_promote,
	pamt_set, pamt_set_bepoch,
} from "./pamt.ts";
import { reg_get, reg_set, status, type seam_regs } from "./regs.ts";
import * as s from "./sept.ts";
import { sha384 } from "./sha384.ts";
import { interrupt_pending, tdx } from "./state.ts";
import { host_hpa, host_keyid, host_operand } from "./sys.ts";
import { new_page, td, td_operand } from "./td.ts";

const MAX_LEVEL = 4;

/* The page or table behind the entry is forgotten by all CPUs, if @op cares. */
function check_tracked(op: number): number {
	pamt_find(s.sept_pfn(s.walk_lo, s.walk_hi));
	return s.OP_TRACKED[op]! && !s.sept_is_tracked(td.tdcs, pamt_bepoch) ?
		status(d.TDX_TLB_TRACKING_NOT_DONE, d.OPERAND_RCX) : d.TDX_SUCCESS;
}

/** TD, entry and tracking of an operation that finds something mapped. */
function mapped_operand(r: seam_regs, leaf: number, op: number, min: number, max: number,
	mode: 0 | 1): number {
	let error = td_operand(r, 2, leaf);

	if (error === d.TDX_SUCCESS)
		error = s.sept_operand(r, op, min, max, mode);
	return error !== d.TDX_SUCCESS ? error : check_tracked(op);
}

/** A page becomes the TD's. */
function assign(pfn: number, lvl: number, type: number): void {
	pamt_set(pfn, lvl, type, td.pfn);
	td.chldcnt += LEVEL_FRAMES[lvl]!;
}

function release(pfn: number, lvl: number): void {
	pamt_clear(pfn, lvl);
	td.chldcnt -= LEVEL_FRAMES[lvl]!;
}

export function tdh_mem_sept_add(r: seam_regs): number {
	let error = td_operand(r, 2, d.TDH_MEM_SEPT_ADD);

	if (error === d.TDX_SUCCESS)
		error = s.sept_operand(r, s.OP_SEPT_ADD, 1, MAX_LEVEL, LOCK_SHARED);
	if (error === d.TDX_SUCCESS)
		error = new_page(r, 8, 0);
	if (error !== d.TDX_SUCCESS)
		return error;
	s.sept_init_table(td, operand_pfn);
	assign(operand_pfn, 0, d.PT_EPT);
	s.sept_set(td, s.next_state, operand_pfn);
	return d.TDX_SUCCESS;
}

/* what goes into MRTD beside content: the leaf's name, and the address at byte 16 */
const extension = new Uint8Array(128);
const extension_view = new DataView(extension.buffer);

function extend_mrtd(name: string, gpa: number): void {
	extension.fill(0);
	for (let i = 0; i < name.length; i++)
		extension[i] = name.charCodeAt(i);
	extension_view.setBigUint64(16, BigInt(gpa), true);
	td.tdcs.mrtd_context!.update(extension);
}

export function tdh_mem_page_add(r: seam_regs): number {
	let error = td_operand(r, 2, d.TDH_MEM_PAGE_ADD);

	if (error === d.TDX_SUCCESS)
		error = s.sept_operand(r, s.OP_PAGE_ADD, 0, 0, null);
	if (error === d.TDX_SUCCESS)
		error = new_page(r, 8, 0);
	if (error === d.TDX_SUCCESS)
		error = host_operand(r, 9, 4096, 4096);
	if (error !== d.TDX_SUCCESS)
		return error;
	seam_copy_page(operand_pfn, td.hkid, host_hpa, host_keyid);
	assign(operand_pfn, 0, d.PT_REG);
	s.sept_set(td, s.next_state, operand_pfn);
	extend_mrtd("MEM.PAGE.ADD", s.gpa);
	return d.TDX_SUCCESS;
}

export function tdh_mem_page_aug(r: seam_regs): number {
	let error = td_operand(r, 2, d.TDH_MEM_PAGE_AUG);

	if (error === d.TDX_SUCCESS)
		error = s.sept_operand(r, s.OP_PAGE_AUG, 0, 1, LOCK_SHARED);
	if (error === d.TDX_SUCCESS)
		error = new_page(r, 8, s.level);
	if (error !== d.TDX_SUCCESS)
		return error;
	assign(operand_pfn, s.level, d.PT_REG);
	s.sept_set(td, s.next_state, operand_pfn);
	return d.TDX_SUCCESS;
}

/** Level of the PAMT entry behind an entry of secure EPT: tables are 4 KiB pages. */
const pamt_level_of = (state: number): number =>
	state === s.SEPT_NL_MAPPED || state === s.SEPT_NL_BLOCKED ? 0 : s.walk_level;

export function tdh_mem_range_block(r: seam_regs): number {
	let error = td_operand(r, 2, d.TDH_MEM_RANGE_BLOCK);

	if (error === d.TDX_SUCCESS)
		error = s.sept_operand(r, s.OP_BLOCK, 0, MAX_LEVEL, LOCK_EXCLUSIVE);
	if (error !== d.TDX_SUCCESS)
		return error;
	const pfn = s.sept_pfn(s.walk_lo, s.walk_hi);
	s.sept_set(td, s.next_state, pfn);
	pamt_set_bepoch(pfn, pamt_level_of(s.next_state), td.tdcs.epoch);
	return d.TDX_SUCCESS;
}

export function tdh_mem_range_unblock(r: seam_regs): number {
	const error = mapped_operand(r, d.TDH_MEM_RANGE_UNBLOCK, s.OP_UNBLOCK, 0, MAX_LEVEL,
		LOCK_EXCLUSIVE);

	if (error !== d.TDX_SUCCESS)
		return error;
	s.sept_set(td, s.next_state, s.sept_pfn(s.walk_lo, s.walk_hi));
	return d.TDX_SUCCESS;
}

/** A new epoch, once nobody runs any more who entered before the current one. */
export function tdh_mem_track(r: seam_regs): number {
	const error = td_operand(r, 1, d.TDH_MEM_TRACK);
	const c = td.tdcs;

	if (error !== d.TDX_SUCCESS)
		return error;
	if (!tdx_lock(LOCK_TD_EPOCH, td.pfn, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_TD_EPOCH);
	if (c.refcount[(c.epoch - 1) & 1] !== 0)
		return status(d.TDX_PREVIOUS_TLB_EPOCH_BUSY, 0);
	c.epoch++;
	return d.TDX_SUCCESS;
}

export function tdh_mem_page_remove(r: seam_regs): number {
	const error = mapped_operand(r, d.TDH_MEM_PAGE_REMOVE, s.OP_PAGE_REMOVE, 0, MAX_LEVEL,
		LOCK_SHARED);

	if (error !== d.TDX_SUCCESS)
		return error;
	const pfn = s.sept_pfn(s.walk_lo, s.walk_hi) & -LEVEL_FRAMES[s.level]!;
	s.sept_set(td, s.next_state, 0);
	release(pfn, s.level);
	reg_set(r, 1, pfn * 4096);
	return d.TDX_SUCCESS;
}

/** True if all 512 entries of a table are FREE. */
function all_free(table: number): boolean {
	for (let i = 0; i < 512; i++) {
		seam_check_entry(table, td.hkid, i);
		if (s.sept_state(table_lo(table, i), table_hi(table, i)) !== s.SEPT_FREE)
			return false;
	}
	return true;
}

export function tdh_mem_sept_remove(r: seam_regs): number {
	const error = mapped_operand(r, d.TDH_MEM_SEPT_REMOVE, s.OP_SEPT_REMOVE, 1, MAX_LEVEL,
		LOCK_EXCLUSIVE);

	if (error !== d.TDX_SUCCESS)
		return error;
	const pfn = s.sept_pfn(s.walk_lo, s.walk_hi);
	if (!all_free(pfn))
		return status(d.TDX_EPT_PAGE_NOT_FREE, d.OPERAND_RCX);
	s.sept_set(td, s.next_state, 0);
	release(pfn, 0);
	reg_set(r, 1, pfn * 4096);
	return d.TDX_SUCCESS;
}

export function tdh_mem_sept_rd(r: seam_regs): number {
	let error = td_operand(r, 2, d.TDH_MEM_SEPT_RD);

	if (error === d.TDX_SUCCESS)
		error = s.sept_look(r, 0, MAX_LEVEL, LOCK_SHARED);
	if (error !== d.TDX_SUCCESS)
		return error;
	return s.sept_report(r, d.TDX_SUCCESS);
}

/** Another page for the same GPA, with the same content. */
export function tdh_mem_page_relocate(r: seam_regs): number {
	let error = mapped_operand(r, d.TDH_MEM_PAGE_RELOCATE, s.OP_RELOCATE, 0, 0, LOCK_SHARED);

	if (error === d.TDX_SUCCESS)
		error = new_page(r, 8, 0);
	if (error !== d.TDX_SUCCESS)
		return error;
	const from = s.sept_pfn(s.walk_lo, s.walk_hi);
	if (s.next_state === s.SEPT_MAPPED)
		seam_copy_page(operand_pfn, td.hkid, from * 4096, td.hkid);
	assign(operand_pfn, 0, d.PT_REG);
	s.sept_set(td, s.next_state, operand_pfn);
	release(from, 0);
	reg_set(r, 1, from * 4096);
	return d.TDX_SUCCESS;
}

/** State of the page that a table's pages can be made; -1: they can't. */
function promotion(table: number, lvl: number): number {
	const n = LEVEL_FRAMES[lvl - 1]!;
	const lo0 = table_lo(table, 0), hi0 = table_hi(table, 0);
	const state = s.sept_state(lo0, hi0), first = s.sept_pfn(lo0, hi0);

	if ((state !== s.SEPT_MAPPED && state !== s.SEPT_PENDING) ||
	    first % LEVEL_FRAMES[lvl]! !== 0)
		return -1;
	for (let i = 1; i < 512; i++) {
		seam_check_entry(table, td.hkid, i);
		const lo = table_lo(table, i), hi = table_hi(table, i);
		if (s.sept_state(lo, hi) !== state || s.sept_pfn(lo, hi) !== first + i * n)
			return -1;
	}
	return state;
}

export function tdh_mem_page_promote(r: seam_regs): number {
	const error = mapped_operand(r, d.TDH_MEM_PAGE_PROMOTE, s.OP_PROMOTE, 1, 2, LOCK_SHARED);

	if (error !== d.TDX_SUCCESS)
		return error;
	const table = s.sept_pfn(s.walk_lo, s.walk_hi);
	seam_check_entry(table, td.hkid, 0);
	const state = promotion(table, s.level);
	if (state < 0)
		return status(d.TDX_EPT_INVALID_PROMOTE_CONDITIONS, d.OPERAND_RCX);
	const pfn = s.sept_pfn(table_lo(table, 0), table_hi(table, 0));
	pamt_promote(pfn, s.level, d.PT_REG, td.pfn);
	s.sept_set(td, state, pfn);
	release(table, 0);
	reg_set(r, 1, table * 4096);
	return d.TDX_SUCCESS;
}

export function tdh_mem_page_demote(r: seam_regs): number {
	let error = mapped_operand(r, d.TDH_MEM_PAGE_DEMOTE, s.OP_DEMOTE, 1, 2, LOCK_SHARED);

	if (error === d.TDX_SUCCESS)
		error = new_page(r, 8, 0);
	if (error !== d.TDX_SUCCESS)
		return error;
	if (interrupt_pending(tdx.env))
		return status(d.TDX_INTERRUPTED_RESTARTABLE, 0);
	const table = operand_pfn, n = LEVEL_FRAMES[s.level - 1]!;
	/* a count of accepted pages may stand in the low bits */
	const pfn = s.sept_pfn(s.walk_lo, s.walk_hi) & -LEVEL_FRAMES[s.level]!;
	const state = s.sept_state(s.walk_lo, s.walk_hi) === s.SEPT_BLOCKED ? s.SEPT_MAPPED :
		s.SEPT_PENDING;
	s.sept_init_table(td, table);
	for (let i = 0; i < 512; i++) {
		s.make_entry(td.tdcs, state, pfn + i * n);
		seam_write_entry(table, td.hkid, i, s.entry_lo, s.entry_hi);
	}
	assign(table, 0, d.PT_EPT);
	pamt_demote(pfn, s.level);
	s.sept_set(td, s.next_state, table);
	return d.TDX_SUCCESS;
}

/* Content. */

/** Address in memory of the private GPA in RCX, a multiple of @align. */
let content_hpa = 0;

function content_operand(r: seam_regs, align: number): number {
	const gpa = reg_get(r, 1);

	if (gpa % align !== 0 || gpa >= 2 ** (td.tdcs.gpaw - 1))
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	if (!s.sept_walk(td, gpa, 0) && s.sept_state(s.walk_lo, s.walk_hi) === s.SEPT_FREE)
		return s.sept_report(r, d.TDX_EPT_WALK_FAILED);
	const rule = s.SEPT_RULES[s.sept_state(s.walk_lo, s.walk_hi)]![s.OP_READ]!;
	if (rule > 0xff)
		return s.sept_report(r, rule);
	const bytes = 4096 * LEVEL_FRAMES[s.walk_level]!;
	content_hpa = s.sept_pfn(s.walk_lo, s.walk_hi) * 4096 + gpa % bytes;
	return d.TDX_SUCCESS;
}

const chunk = new Uint8Array(256);

export function tdh_mr_extend(r: seam_regs): number {
	const gpa = reg_get(r, 1);
	let error = td_operand(r, 2, d.TDH_MR_EXTEND);

	if (error === d.TDX_SUCCESS)
		error = content_operand(r, chunk.length);
	if (error !== d.TDX_SUCCESS)
		return error;
	seam_read(content_hpa, td.hkid, chunk);
	extend_mrtd("MR.EXTEND", gpa);
	td.tdcs.mrtd_context!.update(chunk);
	return d.TDX_SUCCESS;
}

export function tdh_mr_finalize(r: seam_regs): number {
	const error = td_operand(r, 1, d.TDH_MR_FINALIZE);
	const c = td.tdcs;

	if (error !== d.TDX_SUCCESS)
		return error;
	if (c.num_vcpus === 0)
		return status(d.TDX_NO_VCPUS, 0);
	c.mrtd = (c.mrtd_context ?? new sha384()).final();
	c.mrtd_context = null;
	c.op_state = d.OP_STATE_RUNNABLE;
	return d.TDX_SUCCESS;
}

const word = new Uint8Array(8);
const word_view = new DataView(word.buffer);

/** TDH.MEM.RD and WR: 8 bytes of a TD under debug. R8 gets what was there. */
export function tdh_mem_rdwr(r: seam_regs, leaf: number): number {
	let error = td_operand(r, 2, leaf);

	if (error === d.TDX_SUCCESS && !td.tdcs.debug)
		error = status(d.TDX_TD_NON_DEBUG, 0);
	if (error === d.TDX_SUCCESS)
		error = content_operand(r, 8);
	if (error !== d.TDX_SUCCESS)
		return error;
	seam_read(content_hpa, td.hkid, word);
	const old = word_view.getBigUint64(0, true);
	if (leaf === d.TDH_MEM_WR) {
		word_view.setBigUint64(0, r.u64[8]!, true);
		seam_write(content_hpa, td.hkid, word);
	}
	r.u64[8] = old;
	return d.TDX_SUCCESS;
}
