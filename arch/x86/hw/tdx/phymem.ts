// SPDX-License-Identifier: GPL-2.0
/*
 * Physical pages: TDH.PHYMEM leaves.
 *
 * Port-only.
 */
import { tme_flush_page } from "../tme.ts";
import { seam_check_page } from "./access.ts";
import * as d from "./defs.ts";
import { WB_INTERRUPTED, WB_NOTHING, WB_NO_RESUME, cache_wb, hkid_private, hkid_shift,
	this_package } from "./keys.ts";
import { LOCK_EXCLUSIVE, LOCK_KOT, LOCK_PAMT_2M, LOCK_PAMT_4K, LOCK_SHARED, LOCK_WBCACHE, tdx_lock,
	type lock_mode } from "./locks.ts";
import { LEVEL_FRAMES, pamt_bepoch, pamt_clear, pamt_find, pamt_level, pamt_owner, pamt_type } from
	"./pamt.ts";
import { reg_get, reg_set, status, type seam_regs } from "./regs.ts";
import { tdx } from "./state.ts";

/** Any page of TDX memory, whatever it is used for; locked at the size it has. */
function any_page(pfn: number, mode: lock_mode): number {
	if (!pamt_find(pfn))
		return status(d.TDX_OPERAND_ADDR_RANGE_ERROR, d.OPERAND_RCX);
	if (!tdx_lock(LOCK_PAMT_2M, pfn >>> 9, pamt_level === 0 ? LOCK_SHARED : mode) ||
	    (pamt_level === 0 && !tdx_lock(LOCK_PAMT_4K, pfn, mode)))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_RCX);
	return d.TDX_SUCCESS;
}

function put_metadata(r: seam_regs, type: number, owner: number, level: number): void {
	reg_set(r, 1, type);
	reg_set(r, 2, owner < 0 ? 0 : owner * 4096);
	reg_set(r, 8, level);
	for (let reg = 9; reg <= 11; reg++)
		reg_set(r, reg, 0);
}

export function tdh_phymem_page_rdmd(r: seam_regs): number {
	const hpa = reg_get(r, 1);

	if (hpa % 4096 !== 0 || hpa >= 2 ** hkid_shift())
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	const error = any_page(hpa / 4096, LOCK_SHARED);
	if (error !== d.TDX_SUCCESS)
		return error;
	put_metadata(r, pamt_type, pamt_owner, pamt_level);
	reg_set(r, 9, pamt_bepoch);
	return d.TDX_SUCCESS;
}

/** The TDR page itself: the last one to go. */
function reclaim_tdr(pfn: number): number {
	const t = tdx.tdrs.get(pfn)!;

	seam_check_page(pfn, tdx.global_hkid);
	if (t.lifecycle !== d.TD_TEARDOWN)
		return status(d.TDX_LIFECYCLE_STATE_INCORRECT, 0);
	if (t.chldcnt !== 0)
		return status(d.TDX_TD_ASSOCIATED_PAGES_EXIST, 0);
	tdx.tdrs.delete(pfn);
	return d.TDX_SUCCESS;
}

/** A page that belongs to a TD. */
function reclaim_child(pfn: number, type: number, owner: number, level: number): number {
	const t = tdx.tdrs.get(owner)!;

	if (!tdx_lock(LOCK_PAMT_2M, owner >>> 9, LOCK_SHARED) ||
	    !tdx_lock(LOCK_PAMT_4K, owner, LOCK_SHARED))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_TDR);
	seam_check_page(owner, tdx.global_hkid);
	if (t.lifecycle !== d.TD_TEARDOWN)
		return status(d.TDX_LIFECYCLE_STATE_INCORRECT, 0);
	if (type === d.PT_TDVPR)
		tdx.tdvpss.delete(pfn);
	t.chldcnt -= LEVEL_FRAMES[level]!;
	return d.TDX_SUCCESS;
}

export function tdh_phymem_page_reclaim(r: seam_regs): number {
	const hpa = reg_get(r, 1), pfn = hpa / 4096;

	if (hpa % 4096 !== 0 || hpa >= 2 ** hkid_shift())
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	let error = any_page(pfn, LOCK_EXCLUSIVE);
	if (error !== d.TDX_SUCCESS)
		return error;
	const type = pamt_type, owner = pamt_owner, level = pamt_level;
	if (type === d.PT_NDA)
		return status(d.TDX_PAGE_ALREADY_FREE, d.OPERAND_RCX);
	if (type === d.PT_RSVD)
		return status(d.TDX_PAGE_METADATA_INCORRECT, d.OPERAND_RCX);
	if (pfn % LEVEL_FRAMES[level]! !== 0)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	error = type === d.PT_TDR ? reclaim_tdr(pfn) : reclaim_child(pfn, type, owner, level);
	if (error !== d.TDX_SUCCESS)
		return error;
	pamt_clear(pfn, level);
	put_metadata(r, type, owner, level);
	return d.TDX_SUCCESS;
}

/** Lines of one page under one private KeyID, before the page is the host's again. */
export function tdh_phymem_page_wbinvd(r: seam_regs): number {
	const x = reg_get(r, 1), size = 2 ** hkid_shift();
	const hkid = Math.floor(x / size), hpa = x - hkid * size;

	if (hpa % 4096 !== 0 || !hkid_private(hkid))
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	const error = any_page(hpa / 4096, LOCK_SHARED);
	if (error !== d.TDX_SUCCESS)
		return error;
	if (pamt_type !== d.PT_NDA)
		return status(d.TDX_PAGE_METADATA_INCORRECT, d.OPERAND_RCX);
	tme_flush_page(hpa, hkid);
	return d.TDX_SUCCESS;
}

/** This package's caches, of all KeyIDs that are to be freed. RCX 0: from the start; 1: go on. */
export function tdh_phymem_cache_wb(r: seam_regs): number {
	const resume = reg_get(r, 1);

	if (resume > 1)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	if (!tdx_lock(LOCK_KOT, 0, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_KOT);
	if (!tdx_lock(LOCK_WBCACHE, this_package(), LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_WBCACHE);
	switch (cache_wb(resume === 1)) {
	case WB_NOTHING:
		return status(d.TDX_NO_HKID_READY_TO_WBCACHE, 0);
	case WB_INTERRUPTED:
		return status(d.TDX_INTERRUPTED_RESUMABLE, 0);
	case WB_NO_RESUME:
		return status(d.TDX_WBCACHE_RESUME_ERROR, 0);
	default:
		return d.TDX_SUCCESS;
	}
}
