// SPDX-License-Identifier: GPL-2.0
/*
 * How a leaf gets at its TD: which locks it takes, and in which states of the TD it may run.
 *
 * Port-only. Checks come in this order: the TDR page (operand, lock, type); FATAL; the life cycle;
 * TDCX pages; OP_STATE (lock, value). The table has what each leaf asks for.
 */
import { seam_check_page } from "./access.ts";
import * as d from "./defs.ts";
import { LOCK_EXCLUSIVE, LOCK_OP_STATE, LOCK_PAMT_2M, LOCK_PAMT_4K, LOCK_SHARED, tdx_lock,
	tdx_lock_prio, type lock_mode } from "./locks.ts";
import { operand_pfn, page_operand, pamt_find } from "./pamt.ts";
import { status, type seam_regs } from "./regs.ts";
import { struct_tdr, struct_tdvps, tdx } from "./state.ts";

const UNINIT = 1 << d.OP_STATE_UNINITIALIZED, INIT = 1 << d.OP_STATE_INITIALIZED,
	RUN = 1 << d.OP_STATE_RUNNABLE;
const ANY = UNINIT | INIT | RUN;

interface td_rule {
	/** Lock of the TDR page. */
	readonly tdr: lock_mode;
	/** Allowed OP_STATEs, and how that is locked; null: TDCS is not looked at. */
	readonly states: number;
	readonly op_state: lock_mode | null;
	/** TDCX pages may still be missing. */
	readonly building?: boolean;
}

const S = LOCK_SHARED, X = LOCK_EXCLUSIVE;

/** By leaf; only those that need a TD whose keys are configured. */
export const TD_RULES: ReadonlyMap<number, td_rule> = new Map<number, td_rule>([
	[d.TDH_MNG_ADDCX,	{ tdr: X, states: UNINIT, op_state: null, building: true }],
	[d.TDH_MNG_INIT,	{ tdr: X, states: UNINIT, op_state: X, building: true }],
	[d.TDH_MNG_RD,		{ tdr: S, states: ANY, op_state: S }],
	[d.TDH_MNG_WR,		{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MR_EXTEND,	{ tdr: X, states: INIT, op_state: S }],
	[d.TDH_MR_FINALIZE,	{ tdr: X, states: INIT, op_state: X }],
	[d.TDH_VP_CREATE,	{ tdr: S, states: INIT, op_state: S }],
	[d.TDH_VP_ADDCX,	{ tdr: S, states: INIT, op_state: S }],
	[d.TDH_VP_INIT,		{ tdr: S, states: INIT, op_state: S }],
	[d.TDH_VP_ENTER,	{ tdr: S, states: RUN, op_state: S }],
	[d.TDH_VP_RD,		{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_VP_WR,		{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_SEPT_ADD,	{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_SEPT_RD,	{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_SEPT_REMOVE,	{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_PAGE_ADD,	{ tdr: X, states: INIT, op_state: S }],
	[d.TDH_MEM_PAGE_AUG,	{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_PAGE_REMOVE,	{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_PAGE_RELOCATE, { tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_PAGE_PROMOTE, { tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_PAGE_DEMOTE,	{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_RANGE_BLOCK,	{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_RANGE_UNBLOCK, { tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_TRACK,	{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_RD,		{ tdr: S, states: INIT | RUN, op_state: S }],
	[d.TDH_MEM_WR,		{ tdr: S, states: INIT | RUN, op_state: S }],
]);

/** The TD, and the VCPU, of the leaf that runs. */
export let td = new struct_tdr(-1, -1);
export let vp = new struct_tdvps(-1, td);

/** The TDR page in register @reg, and nothing of its state: td has the TD. */
export function tdr_operand(r: seam_regs, reg: number, mode: lock_mode): number {
	const error = page_operand(r, reg, 0, mode, d.PT_TDR);

	if (error !== d.TDX_SUCCESS)
		return error;
	seam_check_page(operand_pfn, tdx.global_hkid);
	td = tdx.tdrs.get(operand_pfn)!;
	return d.TDX_SUCCESS;
}

/* the same by index, as each leaf looks */
const rules: (td_rule | undefined)[] = [];

for (const [leaf, rule] of TD_RULES)
	rules[leaf] = rule;

/** FATAL, keys, TDCS and OP_STATE of td for @leaf. */
function check_td(leaf: number): number {
	const rule = rules[leaf]!;

	if (td.fatal)
		return status(d.TDX_TD_FATAL, 0);
	if (td.lifecycle !== d.TD_KEYS_CONFIGURED)
		return status(d.TDX_TD_KEYS_NOT_CONFIGURED, 0);
	if (rule.building !== true && td.tdcx.length < d.TDCS_PAGES)
		return status(d.TDX_TDCS_NOT_ALLOCATED, 0);
	if (td.tdcx.length !== 0)
		seam_check_page(td.tdcx[0]!, td.hkid);
	if (rule.op_state !== null && !tdx_lock_prio(LOCK_OP_STATE, td.pfn, rule.op_state))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_OP_STATE);
	if ((rule.states & (1 << td.tdcs.op_state)) === 0)
		return status(d.TDX_OP_STATE_INCORRECT, 0);
	return d.TDX_SUCCESS;
}

/** The TD of @leaf, whose TDR page is in register @reg. */
export function td_operand(r: seam_regs, reg: number, leaf: number): number {
	const error = tdr_operand(r, reg, rules[leaf]!.tdr);

	return error !== d.TDX_SUCCESS ? error : check_td(leaf);
}

/** The VCPU whose TDVPR page is in register @reg, and its TD; the states of neither. */
export function tdvpr_operand(r: seam_regs, reg: number, mode: lock_mode): number {
	const error = page_operand(r, reg, 0, mode, d.PT_TDVPR);

	if (error !== d.TDX_SUCCESS)
		return error;
	vp = tdx.tdvpss.get(operand_pfn)!;
	td = vp.tdr;
	/* found by way of the page's owner: not an operand, but locked all the same */
	if (!tdx_lock(LOCK_PAMT_2M, td.pfn >>> 9, LOCK_SHARED) ||
	    !tdx_lock(LOCK_PAMT_4K, td.pfn, LOCK_SHARED))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_TDR);
	pamt_find(td.pfn);
	seam_check_page(td.pfn, tdx.global_hkid);
	return d.TDX_SUCCESS;
}

/** The VCPU of @leaf, in a TD that allows it. */
export function vp_operand(r: seam_regs, reg: number, leaf: number, mode: lock_mode): number {
	let error = tdvpr_operand(r, reg, mode);

	if (error === d.TDX_SUCCESS)
		error = check_td(leaf);
	if (error === d.TDX_SUCCESS)
		seam_check_page(vp.pfn, td.hkid);
	return error;
}

/** FATAL and keys alone, for what may be done to a TD in any OP_STATE. */
export function check_keys_configured(): number {
	if (td.lifecycle !== d.TD_KEYS_CONFIGURED)
		return status(d.TDX_TD_KEYS_NOT_CONFIGURED, 0);
	return d.TDX_SUCCESS;
}

/** A page for the TD, out of register @reg: checked, locked; not assigned yet. */
export function new_page(r: seam_regs, reg: number, level: number): number {
	return page_operand(r, reg, level, LOCK_EXCLUSIVE, d.PT_NDA);
}
