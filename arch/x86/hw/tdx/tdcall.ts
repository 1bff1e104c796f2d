// SPDX-License-Identifier: GPL-2.0
/*
 * What guests ask of the module: TDG leaves.
 *
 * Port-only. Registers are the guest's. A leaf returns a completion code as those of the host do,
 * or one of the values below. Memory operands are private GPAs; where one is not mapped the TD
 * exits, and when the host has seen to it the guest executes TDCALL again.
 */
import { EXIT_REASON_EPT_VIOLATION, EXIT_REASON_EXTERNAL_INTERRUPT } from "../vmx_defs.ts";
import { EXT_INTR_INFO } from "../vmx_exit.ts";
import { seam_clear_page, seam_read, seam_write, seam_write_entry } from "./access.ts";
import * as d from "./defs.ts";
import { tdg_vm_rdwr } from "./fields.ts";
import { LOCK_EXCLUSIVE, LOCK_RTMR, LOCK_SEPT_ENTRY, locks_held, locks_release, tdx_lock_guest }
	from "./locks.ts";
import { LEVEL_FRAMES } from "./pamt.ts";
import { reg_get, reg_set, set_status, status, status_details, type seam_regs } from "./regs.ts";
import { td_report } from "./report.ts";
import * as s from "./sept.ts";
import { sha384_digest } from "./sha384.ts";
import { interrupt_pending, tdx, type struct_tdvps } from "./state.ts";
import { td_exit_cell, td_exit_set } from "./td_exit_info.ts";

/* of leaves, beside completion codes: */
/** The host has to do something first: RIP stays. */
const RETRY	= -1;
/** TDG.VP.VMCALL: the host answers. */
const VMCALL	= -2;

/* exit qualification: a write */
const ACC_WRITE	= 2;

const invalid = (operand: number): number => status(d.TDX_OPERAND_INVALID, operand);

/** EPT violation at @gpa on behalf of a leaf. */
function violation(gpa: number, ext_lo: number, ext_hi: number): number {
	td_exit_set(d.TDX_SUCCESS, EXIT_REASON_EPT_VIOLATION, ACC_WRITE);
	td_exit_cell.gpa = gpa - gpa % 4096;
	td_exit_cell.ext_lo = ext_lo;
	td_exit_cell.ext_hi = ext_hi;
	return RETRY;
}

/* Memory operands. */

/** Address of what memory_operand() found. */
let operand_hpa = 0;

/** The page of the private GPA in register @reg, a multiple of @align, is there. */
function memory_operand(v: struct_tdvps, r: seam_regs, reg: number, align: number): number {
	const gpa = reg_get(r, reg);

	if (gpa % align !== 0 || gpa >= 2 ** (v.tdr.tdcs.gpaw - 1))
		return invalid(reg);
	s.sept_walk(v.tdr, gpa, 0);
	if (s.walk_blocked || s.sept_state(s.walk_lo, s.walk_hi) !== s.SEPT_MAPPED)
		return violation(gpa, d.TDX_EXT_EXIT_QUAL_NONE, 0);
	operand_hpa = s.sept_pfn(s.walk_lo, s.walk_hi) * 4096 +
		gpa % (4096 * LEVEL_FRAMES[s.walk_level]!);
	return d.TDX_SUCCESS;
}

/* Leaves. */

function tdg_vp_vmcall(v: struct_tdvps, r: seam_regs): number {
	const mask = r.u32[2]!;

	/* RAX, RCX and RSP stay the guest's */
	if (r.u32[3] !== 0 || (mask & 0x13) !== 0)
		return invalid(d.OPERAND_RCX);
	v.vmcall_mask = mask;
	/* what it will find: the leaf was successful, whatever the host says */
	r.u64[0] = 0n;
	td_exit_set(d.TDX_SUCCESS, d.EXIT_REASON_TDCALL, 0);
	td_exit_cell.vmcall = true;
	return VMCALL;
}

function tdg_vp_info(v: struct_tdvps, r: seam_regs): number {
	const c = v.tdr.tdcs;

	reg_set(r, 1, c.gpaw);
	r.u64[2] = c.attributes;
	reg_set(r, 8, c.num_vcpus + c.max_vcpus * 2 ** 32);
	reg_set(r, 9, v.index);
	reg_set(r, 10, 0);
	reg_set(r, 11, 0);
	return d.TDX_SUCCESS;
}

const rtmr_data = new Uint8Array(48);

function tdg_mr_rtmr_extend(v: struct_tdvps, r: seam_regs): number {
	const index = reg_get(r, 2), { rtmr } = v.tdr.tdcs;
	const error = memory_operand(v, r, 1, 64);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (index >= rtmr.length)
		return invalid(d.OPERAND_RDX);
	if (!tdx_lock_guest(LOCK_RTMR, v.tdr.pfn * 4 + index, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_RTMR);
	seam_read(operand_hpa, v.tdr.hkid, rtmr_data);
	rtmr[index] = sha384_digest(rtmr[index]!, rtmr_data);
	return d.TDX_SUCCESS;
}

function tdg_vp_veinfo_get(v: struct_tdvps, r: seam_regs): number {
	const ve = v.ve;

	if (!ve.valid)
		return status(d.TDX_NO_VALID_VE_INFO, 0);
	reg_set(r, 1, ve.exit_reason);
	reg_set(r, 2, ve.exit_qualification);
	r.u64[8] = BigInt.asUintN(64, BigInt(ve.gla));
	reg_set(r, 9, ve.gpa);
	reg_set(r, 10, ve.instruction_length + ve.instruction_info * 2 ** 32);
	ve.valid = false;
	return d.TDX_SUCCESS;
}

const report_data = new Uint8Array(64);

function tdg_mr_report(v: struct_tdvps, r: seam_regs): number {
	if (reg_get(r, 8) !== 0)
		return invalid(d.OPERAND_R8);
	let error = memory_operand(v, r, 2, 64);
	if (error !== d.TDX_SUCCESS)
		return error;
	const from = operand_hpa;
	error = memory_operand(v, r, 1, 1024);
	if (error !== d.TDX_SUCCESS)
		return error;
	seam_read(from, v.tdr.hkid, report_data);
	seam_write(operand_hpa, v.tdr.hkid, td_report(v.tdr.tdcs, report_data));
	return d.TDX_SUCCESS;
}

function tdg_vp_cpuidve_set(v: struct_tdvps, r: seam_regs): number {
	const x = reg_get(r, 1);

	if (x > 3)
		return invalid(d.OPERAND_RCX);
	v.cpuidve = x;
	return d.TDX_SUCCESS;
}

/* The host has to give a page of @level at @gpa: where the walk ended tells it why. */
function accept_violation(gpa: number, level: number): number {
	const state = s.sept_state(s.walk_lo, s.walk_hi), leaf = (state & 0x60) !== 0;

	return violation(gpa, d.TDX_EXT_EXIT_QUAL_ACCEPT, level | (s.walk_level << 3) |
		(s.SEPT_PUBLIC[state]! << 6) | (leaf ? 1 << 14 : 0));
}

/** Zeroes the page behind the PENDING entry; an interrupt stops that between two 4 KiB pages. */
function accept(v: struct_tdvps, level: number): number {
	const n = LEVEL_FRAMES[level]!, at = s.sept_pfn(s.walk_lo, s.walk_hi);
	const first = at & -n;

	for (let i = at - first; i < n; i++) {
		if (level !== 0 && interrupt_pending(tdx.env)) {
			s.make_entry(v.tdr.tdcs, s.SEPT_PENDING, first + i);
			seam_write_entry(s.walk_table, v.tdr.hkid, s.walk_index, s.entry_lo,
				s.entry_hi);
			td_exit_set(d.TDX_SUCCESS, EXIT_REASON_EXTERNAL_INTERRUPT, 0);
			td_exit_cell.intr_info = EXT_INTR_INFO;
			return RETRY;
		}
		seam_clear_page(first + i, v.tdr.hkid);
	}
	s.sept_set(v.tdr, s.SEPT_MAPPED, first);
	return d.TDX_SUCCESS;
}

function tdg_mem_page_accept(v: struct_tdvps, r: seam_regs): number {
	const x = reg_get(r, 1), level = x % 4096, gpa = x - level;

	if (level > 1 || gpa % (4096 * LEVEL_FRAMES[level]!) !== 0 ||
	    gpa >= 2 ** (v.tdr.tdcs.gpaw - 1))
		return invalid(d.OPERAND_RCX);
	const there = s.sept_walk(v.tdr, gpa, level);
	const state = s.sept_state(s.walk_lo, s.walk_hi);
	if (s.walk_blocked)
		return accept_violation(gpa, level);
	if (state === s.SEPT_MAPPED)
		return status(d.TDX_PAGE_ALREADY_ACCEPTED, s.walk_level);
	if (there && state === s.SEPT_NL_MAPPED)
		return status(d.TDX_PAGE_SIZE_MISMATCH, 0);
	if (!there || state !== s.SEPT_PENDING)
		return accept_violation(gpa, level);
	if (!tdx_lock_guest(LOCK_SEPT_ENTRY, s.walk_table * 512 + s.walk_index, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_RCX);
	return accept(v, level);
}

type guest_leaf = (v: struct_tdvps, r: seam_regs) => number;

const LEAVES: ReadonlyMap<number, guest_leaf> = new Map<number, guest_leaf>([
	[d.TDG_VP_VMCALL, tdg_vp_vmcall],
	[d.TDG_VP_INFO, tdg_vp_info],
	[d.TDG_MR_RTMR_EXTEND, tdg_mr_rtmr_extend],
	[d.TDG_VP_VEINFO_GET, tdg_vp_veinfo_get],
	[d.TDG_MR_REPORT, tdg_mr_report],
	[d.TDG_VP_CPUIDVE_SET, tdg_vp_cpuidve_set],
	[d.TDG_MEM_PAGE_ACCEPT, tdg_mem_page_accept],
	[d.TDG_VM_RD, (v, r): number => tdg_vm_rdwr(r, v.tdr, false)],
	[d.TDG_VM_WR, (v, r): number => tdg_vm_rdwr(r, v.tdr, true)],
]);

/* what tdcall() came to */
/** Done: RAX has the status, the guest goes on behind the instruction. */
export const TDCALL_DONE	= 0;
/** To the host; the instruction is done. */
export const TDCALL_EXIT	= 1;
/** To the host; the instruction will be executed again. */
export const TDCALL_RETRY	= 2;

/** TDCALL of a VCPU that runs on this CPU. */
export function tdcall(v: struct_tdvps, r: seam_regs): number {
	const number = reg_get(r, 0), leaf = LEAVES.get(number);

	if (leaf === undefined) {
		set_status(r, d.TDX_OPERAND_INVALID, d.OPERAND_RAX);
		return TDCALL_DONE;
	}
	const mark = locks_held();
	const code = leaf(v, r);
	locks_release(mark);
	if (code < 0)
		return code === VMCALL ? TDCALL_EXIT : TDCALL_RETRY;
	set_status(r, code, code === d.TDX_SUCCESS ? 0 : status_details);
	return TDCALL_DONE;
}
