// SPDX-License-Identifier: GPL-2.0
/*
 * A TD's life: TDH.MNG leaves.
 *
 * Port-only. Life cycle of a TD, and OP_STATE while its keys are configured:
 *
 *	HKID_ASSIGNED -KEY.CONFIG on all packages-> KEYS_CONFIGURED -VPFLUSHDONE-> BLOCKED
 *	-KEY.FREEID-> TEARDOWN -TDH.PHYMEM.PAGE.RECLAIM of all pages, the TDR last-> gone
 *
 *	UNINITIALIZED -INIT-> INITIALIZED -TDH.MR.FINALIZE-> RUNNABLE
 */
import { seam_clear_page, seam_read } from "./access.ts";
import * as d from "./defs.ts";
import { all_packages, hkid_private, key_generate, kot_assign, kot_flushed, kot_free, kot_state,
	this_package } from "./keys.ts";
import { LOCK_EXCLUSIVE, LOCK_KET, LOCK_KOT, LOCK_SHARED, tdx_lock } from "./locks.ts";
import { operand_pfn, pamt_set } from "./pamt.ts";
import { reg_get, status, type seam_regs } from "./regs.ts";
import { sept_init_table } from "./sept.ts";
import { sha384 } from "./sha384.ts";
import { struct_tdr, tdx } from "./state.ts";
import { host_hpa, host_keyid, host_operand } from "./sys.ts";
import { new_page, td, td_operand, tdr_operand } from "./td.ts";
import { TDCX_MSR_BITMAP } from "./td_guest.ts";
import { td_msr_bitmap } from "./td_msr.ts";
import { TD_PARAMS_BYTES, td_params_load } from "./td_params.ts";

/* of the TDCX pages: which one is the root of secure EPT */
const TDCX_SEPT_ROOT	= 3;

export function tdh_mng_create(r: seam_regs): number {
	const hkid = reg_get(r, 2);
	const error = new_page(r, 1, 0);

	if (error !== d.TDX_SUCCESS)
		return error;
	const pfn = operand_pfn;
	if (!hkid_private(hkid))
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RDX);
	if (!tdx_lock(LOCK_KOT, 0, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_KOT);
	if (kot_state(hkid) !== d.KOT_FREE)
		return status(d.TDX_HKID_NOT_FREE, d.OPERAND_RDX);
	kot_assign(hkid);
	seam_clear_page(pfn, tdx.global_hkid);
	pamt_set(pfn, 0, d.PT_TDR, -1);
	tdx.tdrs.set(pfn, new struct_tdr(pfn, hkid));
	return d.TDX_SUCCESS;
}

export function tdh_mng_key_config(r: seam_regs): number {
	const bit = 2 ** this_package();
	let error = tdr_operand(r, 1, LOCK_EXCLUSIVE);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (td.fatal)
		return status(d.TDX_TD_FATAL, 0);
	if (td.lifecycle !== d.TD_HKID_ASSIGNED)
		return status(d.TDX_LIFECYCLE_STATE_INCORRECT, 0);
	if (!tdx_lock(LOCK_KET, 0, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_KET);
	if ((td.pkg_config & bit) !== 0)
		return status(d.TDX_KEY_CONFIGURED, 0);
	error = key_generate(td.hkid, td.pkg_config);
	if (error !== d.TDX_SUCCESS)
		return error;
	td.pkg_config |= bit;
	if (td.pkg_config === all_packages())
		td.lifecycle = d.TD_KEYS_CONFIGURED;
	return d.TDX_SUCCESS;
}

export function tdh_mng_addcx(r: seam_regs): number {
	let error = td_operand(r, 2, d.TDH_MNG_ADDCX);

	if (error === d.TDX_SUCCESS)
		error = new_page(r, 1, 0);
	if (error !== d.TDX_SUCCESS)
		return error;
	if (td.tdcx.length === d.TDCS_PAGES)
		return status(d.TDX_TDCX_NUM_INCORRECT, 0);
	seam_clear_page(operand_pfn, td.hkid);
	pamt_set(operand_pfn, 0, d.PT_TDCX, td.pfn);
	td.tdcx.push(operand_pfn);
	td.chldcnt++;
	return d.TDX_SUCCESS;
}

const params = new Uint8Array(TD_PARAMS_BYTES);

export function tdh_mng_init(r: seam_regs): number {
	let error = td_operand(r, 1, d.TDH_MNG_INIT);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (td.tdcx.length !== d.TDCS_PAGES)
		return status(d.TDX_TDCX_NUM_INCORRECT, 0);
	error = host_operand(r, 2, TD_PARAMS_BYTES, TD_PARAMS_BYTES);
	if (error !== d.TDX_SUCCESS)
		return error;
	const c = td.tdcs;
	/* once: the host may be changing them meanwhile */
	seam_read(host_hpa, host_keyid, params);
	error = td_params_load(c, params);
	if (error !== d.TDX_SUCCESS)
		return error;
	c.sept_root = td.tdcx[TDCX_SEPT_ROOT]!;
	sept_init_table(td, c.sept_root);
	td_msr_bitmap(td, td.tdcx[TDCX_MSR_BITMAP]!);
	c.mrtd_context = new sha384();
	for (let i = 0; i < 4; i++)
		c.rtmr[i] = new Uint8Array(48);
	c.op_state = d.OP_STATE_INITIALIZED;
	return d.TDX_SUCCESS;
}

/** All VCPUs are flushed: caches may now be written back, and nothing of the TD runs any more. */
export function tdh_mng_vpflushdone(r: seam_regs): number {
	const error = tdr_operand(r, 1, LOCK_EXCLUSIVE);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (td.lifecycle !== d.TD_HKID_ASSIGNED && td.lifecycle !== d.TD_KEYS_CONFIGURED)
		return status(d.TDX_LIFECYCLE_STATE_INCORRECT, 0);
	if (!tdx_lock(LOCK_KOT, 0, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_KOT);
	if (td.tdcs.num_assoc_vcpus !== 0)
		return status(d.TDX_FLUSHVP_NOT_DONE, 0);
	kot_flushed(td.hkid);
	td.lifecycle = d.TD_BLOCKED;
	return d.TDX_SUCCESS;
}

export function tdh_mng_key_freeid(r: seam_regs): number {
	const error = tdr_operand(r, 1, LOCK_EXCLUSIVE);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (td.lifecycle !== d.TD_BLOCKED)
		return status(d.TDX_LIFECYCLE_STATE_INCORRECT, 0);
	if (!tdx_lock(LOCK_KOT, 0, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_KOT);
	if (!kot_free(td.hkid))
		return status(d.TDX_WBCACHE_NOT_COMPLETE, 0);
	td.lifecycle = d.TD_TEARDOWN;
	return d.TDX_SUCCESS;
}

/** Does nothing: reclaiming a KeyID from a live TD was never built. */
export function tdh_mng_key_reclaimid(r: seam_regs): number {
	return tdr_operand(r, 1, LOCK_SHARED);
}
