// SPDX-License-Identifier: GPL-2.0
/*
 * SEAMCALL leaves that KVM uses, as functions.
 *
 * Upstream: arch/x86/kvm/vmx/tdx_ops.h of the TDX branch. Each gives the upper half of the
 * completion code; tdx_out has all registers afterwards, until the next call. Pages that become
 * the module's are flushed first: their lines may be dirty under KeyID 0.
 */
import type { gpa_t, hpa_t } from "#asm-generic/types.ts";
import { clflush_range } from "#asm/cacheflush.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import * as x from "#asm/tdx.ts";
import { reg_set } from "#hw/tdx/regs.ts";

/** Registers of the last leaf. */
export const tdx_out = new x.struct_tdx_module_args();

const RCX = 1, RDX = 2, R8 = 8, R9 = 9;

/** A register after the last leaf. */
export function tdx_out_reg(n: number): number {
	return tdx_out.u32[2 * n]! + tdx_out.u32[2 * n + 1]! * 2 ** 32;
}

/** Lower half of the completion code: an operand, an exit reason. */
export function tdx_out_details(): number {
	return tdx_out.u32[0]!;
}

function call(fn: number, rcx: number, rdx: number): number {
	reg_set(tdx_out, RCX, rcx);
	reg_set(tdx_out, RDX, rdx);
	return x.__seamcall(fn, tdx_out);
}

/* a field's identifier: its class is in the top byte, which a number can't have beside its code */
function call_field(fn: number, rcx: number, field: number): number {
	reg_set(tdx_out, RCX, rcx);
	tdx_out.u32[2 * RDX] = field;
	tdx_out.u32[2 * RDX + 1] = Math.floor(field / 2 ** 32) << 24;
	return x.__seamcall(fn, tdx_out);
}

function call4(fn: number, rcx: number, rdx: number, r8: number, r9: number): number {
	reg_set(tdx_out, R8, r8);
	reg_set(tdx_out, R9, r9);
	return call(fn, rcx, rdx);
}

/** @hpa with @hkid above it. */
export function set_hkid_to_hpa(hpa: hpa_t, hkid: number): number {
	return hpa + hkid * 2 ** x.hkid_shift();
}

export function tdh_mng_create(tdr: hpa_t, hkid: number): number {
	clflush_range(PAGE_SIZE);
	return call(x.TDH_MNG_CREATE, tdr, hkid);
}

export function tdh_mng_addcx(tdr: hpa_t, addr: hpa_t): number {
	clflush_range(PAGE_SIZE);
	return call(x.TDH_MNG_ADDCX, addr, tdr);
}

export function tdh_mng_key_config(tdr: hpa_t): number {
	return call(x.TDH_MNG_KEY_CONFIG, tdr, 0);
}

export function tdh_mng_init(tdr: hpa_t, td_params: hpa_t): number {
	return call(x.TDH_MNG_INIT, tdr, td_params);
}

export function tdh_mng_vpflushdone(tdr: hpa_t): number {
	return call(x.TDH_MNG_VPFLUSHDONE, tdr, 0);
}

export function tdh_mng_key_freeid(tdr: hpa_t): number {
	return call(x.TDH_MNG_KEY_FREEID, tdr, 0);
}

/* @field: its class * 2^32, and its code. R8 has the value. */

export function tdh_mng_rd(tdr: hpa_t, field: number): number {
	return call_field(x.TDH_MNG_RD, tdr, field);
}

export function tdh_vp_create(tdr: hpa_t, tdvpr: hpa_t): number {
	clflush_range(PAGE_SIZE);
	return call(x.TDH_VP_CREATE, tdvpr, tdr);
}

export function tdh_vp_addcx(tdvpr: hpa_t, addr: hpa_t): number {
	clflush_range(PAGE_SIZE);
	return call(x.TDH_VP_ADDCX, addr, tdvpr);
}

export function tdh_vp_init(tdvpr: hpa_t, rcx: bigint): number {
	reg_set(tdx_out, RCX, tdvpr);
	tdx_out.u64[RDX] = rcx;
	return x.__seamcall(x.TDH_VP_INIT, tdx_out);
}

export function tdh_vp_flush(tdvpr: hpa_t): number {
	return call(x.TDH_VP_FLUSH, tdvpr, 0);
}

export function tdh_vp_rd(tdvpr: hpa_t, field: number): number {
	return call_field(x.TDH_VP_RD, tdvpr, field);
}

export function tdh_vp_wr(tdvpr: hpa_t, field: number, value: number, mask: bigint): number {
	reg_set(tdx_out, R8, value);
	tdx_out.u64[R9] = mask;
	return call_field(x.TDH_VP_WR, tdvpr, field);
}

export function tdh_mr_extend(tdr: hpa_t, gpa: gpa_t): number {
	return call(x.TDH_MR_EXTEND, gpa, tdr);
}

export function tdh_mr_finalize(tdr: hpa_t): number {
	return call(x.TDH_MR_FINALIZE, tdr, 0);
}

/* Memory. @level: 0 is 4K, 1 is 2M ... */

export function tdh_mem_page_add(tdr: hpa_t, gpa: gpa_t, hpa: hpa_t, source: hpa_t): number {
	clflush_range(PAGE_SIZE);
	return call4(x.TDH_MEM_PAGE_ADD, gpa, tdr, hpa, source);
}

export function tdh_mem_sept_add(tdr: hpa_t, gpa: gpa_t, level: number, page: hpa_t): number {
	clflush_range(PAGE_SIZE);
	return call4(x.TDH_MEM_SEPT_ADD, gpa + level, tdr, page, 0);
}

export function tdh_mem_sept_remove(tdr: hpa_t, gpa: gpa_t, level: number): number {
	return call(x.TDH_MEM_SEPT_REMOVE, gpa + level, tdr);
}

export function tdh_mem_page_aug(tdr: hpa_t, gpa: gpa_t, level: number, hpa: hpa_t): number {
	clflush_range(PAGE_SIZE * 512 ** level);
	return call4(x.TDH_MEM_PAGE_AUG, gpa + level, tdr, hpa, 0);
}

export function tdh_mem_range_block(tdr: hpa_t, gpa: gpa_t, level: number): number {
	return call(x.TDH_MEM_RANGE_BLOCK, gpa + level, tdr);
}

export function tdh_mem_range_unblock(tdr: hpa_t, gpa: gpa_t, level: number): number {
	return call(x.TDH_MEM_RANGE_UNBLOCK, gpa + level, tdr);
}

export function tdh_mem_page_remove(tdr: hpa_t, gpa: gpa_t, level: number): number {
	return call(x.TDH_MEM_PAGE_REMOVE, gpa + level, tdr);
}

export function tdh_mem_page_demote(tdr: hpa_t, gpa: gpa_t, level: number, page: hpa_t): number {
	clflush_range(PAGE_SIZE);
	return call4(x.TDH_MEM_PAGE_DEMOTE, gpa + level, tdr, page, 0);
}

/** RCX has the table's page. */
export function tdh_mem_page_promote(tdr: hpa_t, gpa: gpa_t, level: number): number {
	return call(x.TDH_MEM_PAGE_PROMOTE, gpa + level, tdr);
}

export function tdh_mem_track(tdr: hpa_t): number {
	return call(x.TDH_MEM_TRACK, tdr, 0);
}

/* Pages. */

/** Type, owner and size in RCX, RDX and R8. */
export function tdh_phymem_page_reclaim(page: hpa_t): number {
	return call(x.TDH_PHYMEM_PAGE_RECLAIM, page, 0);
}

export function tdh_phymem_page_wbinvd(page: number): number {
	return call(x.TDH_PHYMEM_PAGE_WBINVD, page, 0);
}

export function tdh_phymem_cache_wb(resume: boolean): number {
	return call(x.TDH_PHYMEM_CACHE_WB, resume ? 1 : 0, 0);
}
