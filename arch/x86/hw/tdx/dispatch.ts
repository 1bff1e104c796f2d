// SPDX-License-Identifier: GPL-2.0
/*
 * SEAMCALL: from the host into the module.
 *
 * Port-only. Checks of the instruction, then of the module's state, then the leaf:
 *
 *	no VMX operation: #UD; no SEAMRR, or not the kernel: #GP
 *	module not loaded, or TDX disabled: VMfailInvalid (CF)
 *	RAX: reserved bits, a leaf or version the module does not have
 *	the module shut down; not ready; the CPU not initialised
 *
 * TDH.VP.ENTER returns SEAMCALL_IN_TD when the TD runs: call tdx_run_td() until it is true, then
 * the registers have the exit.
 */
import { X86_TRAP_GP, X86_TRAP_UD, type struct_cpu } from "../cpu.ts";
import * as d from "./defs.ts";
import { tdh_mng_rdwr, tdh_vp_rdwr } from "./fields.ts";
import { locks_held, locks_release } from "./locks.ts";
import * as mem from "./mem.ts";
import * as mng from "./mng.ts";
import * as phymem from "./phymem.ts";
import { set_status, status, status_details, type seam_regs } from "./regs.ts";
import { tdx } from "./state.ts";
import * as sys from "./sys.ts";
import * as vp from "./vp.ts";
import { td_enter } from "./td_guest.ts";

/** CF clear: RAX has the completion code. */
export const SEAMCALL_DONE	= 0;
/** CF set. */
export const SEAMCALL_VMFAIL	= 1;
/** The TD runs. */
export const SEAMCALL_IN_TD	= 2;
/* or a vector: X86_TRAP_UD, X86_TRAP_GP */

type leaf_fn = (r: seam_regs, leaf: number) => number;

const LEAVES: readonly (leaf_fn | undefined)[] = by_leaf<leaf_fn>([
	[d.TDH_MNG_ADDCX, mng.tdh_mng_addcx],
	[d.TDH_MEM_PAGE_ADD, mem.tdh_mem_page_add],
	[d.TDH_MEM_SEPT_ADD, mem.tdh_mem_sept_add],
	[d.TDH_VP_ADDCX, vp.tdh_vp_addcx],
	[d.TDH_MEM_PAGE_RELOCATE, mem.tdh_mem_page_relocate],
	[d.TDH_MEM_PAGE_AUG, mem.tdh_mem_page_aug],
	[d.TDH_MEM_RANGE_BLOCK, mem.tdh_mem_range_block],
	[d.TDH_MNG_KEY_CONFIG, mng.tdh_mng_key_config],
	[d.TDH_MNG_CREATE, mng.tdh_mng_create],
	[d.TDH_VP_CREATE, vp.tdh_vp_create],
	[d.TDH_MNG_RD, tdh_mng_rdwr],
	[d.TDH_MEM_RD, mem.tdh_mem_rdwr],
	[d.TDH_MNG_WR, tdh_mng_rdwr],
	[d.TDH_MEM_WR, mem.tdh_mem_rdwr],
	[d.TDH_MEM_PAGE_DEMOTE, mem.tdh_mem_page_demote],
	[d.TDH_MR_EXTEND, mem.tdh_mr_extend],
	[d.TDH_MR_FINALIZE, mem.tdh_mr_finalize],
	[d.TDH_VP_FLUSH, vp.tdh_vp_flush],
	[d.TDH_MNG_VPFLUSHDONE, mng.tdh_mng_vpflushdone],
	[d.TDH_MNG_KEY_FREEID, mng.tdh_mng_key_freeid],
	[d.TDH_MNG_INIT, mng.tdh_mng_init],
	[d.TDH_VP_INIT, vp.tdh_vp_init],
	[d.TDH_MEM_PAGE_PROMOTE, mem.tdh_mem_page_promote],
	[d.TDH_PHYMEM_PAGE_RDMD, phymem.tdh_phymem_page_rdmd],
	[d.TDH_MEM_SEPT_RD, mem.tdh_mem_sept_rd],
	[d.TDH_VP_RD, tdh_vp_rdwr],
	[d.TDH_MNG_KEY_RECLAIMID, mng.tdh_mng_key_reclaimid],
	[d.TDH_PHYMEM_PAGE_RECLAIM, phymem.tdh_phymem_page_reclaim],
	[d.TDH_MEM_PAGE_REMOVE, mem.tdh_mem_page_remove],
	[d.TDH_MEM_SEPT_REMOVE, mem.tdh_mem_sept_remove],
	[d.TDH_SYS_KEY_CONFIG, sys.tdh_sys_key_config],
	[d.TDH_SYS_INFO, sys.tdh_sys_info],
	[d.TDH_SYS_INIT, sys.tdh_sys_init],
	[d.TDH_SYS_LP_INIT, sys.tdh_sys_lp_init],
	[d.TDH_SYS_TDMR_INIT, sys.tdh_sys_tdmr_init],
	[d.TDH_MEM_TRACK, mem.tdh_mem_track],
	[d.TDH_MEM_RANGE_UNBLOCK, mem.tdh_mem_range_unblock],
	[d.TDH_PHYMEM_CACHE_WB, phymem.tdh_phymem_cache_wb],
	[d.TDH_PHYMEM_PAGE_WBINVD, phymem.tdh_phymem_page_wbinvd],
	[d.TDH_VP_WR, tdh_vp_rdwr],
	[d.TDH_SYS_LP_SHUTDOWN, sys.tdh_sys_lp_shutdown],
	[d.TDH_SYS_CONFIG, sys.tdh_sys_config],
]);

function by_leaf<T>(list: readonly (readonly [number, T])[]): (T | undefined)[] {
	const out: (T | undefined)[] = [];

	for (const [leaf, x] of list)
		out[leaf] = x;
	return out;
}

/* leaves that bring the module up, and how far the CPU must be for them */
const EARLY: readonly (boolean | undefined)[] = by_leaf([
	[d.TDH_SYS_INIT, false], [d.TDH_SYS_LP_INIT, false], [d.TDH_SYS_LP_SHUTDOWN, false],
	[d.TDH_SYS_INFO, true], [d.TDH_SYS_CONFIG, true], [d.TDH_SYS_KEY_CONFIG, true],
]);

function check_module(cpu: struct_cpu, leaf: number): number {
	if (tdx.state === d.SYS_SHUTDOWN)
		return status(d.TDX_SYS_SHUTDOWN, 0);
	const early = EARLY[leaf];
	if (early === false)
		return d.TDX_SUCCESS;
	if (early === undefined && tdx.state !== d.SYS_READY)
		return status(d.TDX_SYS_NOT_READY, 0);
	return tdx.lp_init[cpu.id]! ? d.TDX_SUCCESS : status(d.TDX_SYS_LP_INIT_NOT_DONE, 0);
}

function dispatch(cpu: struct_cpu, r: seam_regs): number {
	const leaf = r.u32[0]!;
	const fn = LEAVES[leaf];

	/* version 0 of everything; bits above it are 0 */
	if (r.u32[1] !== 0 || (fn === undefined && leaf !== d.TDH_VP_ENTER))
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RAX);
	const error = check_module(cpu, leaf);
	if (error !== d.TDX_SUCCESS)
		return error;
	return fn === undefined ? vp.tdx_vp_enter_begin(r) : fn(r, leaf);
}

/** SEAMCALL of the current CPU: SEAMCALL_*, or the vector of an exception. */
export function seamcall(cpu: struct_cpu, r: seam_regs): number {
	if (cpu.vmxon_pfn < 0)
		return X86_TRAP_UD;
	if (!tdx.config.seamrr || cpu.cpl !== 0)
		return X86_TRAP_GP;
	if (!tdx.config.loaded || tdx.disabled)
		return SEAMCALL_VMFAIL;
	const mark = locks_held(), enter = r.u32[0] === d.TDH_VP_ENTER && r.u32[1] === 0;
	const code = dispatch(cpu, r);
	if (enter && code === d.TDX_SUCCESS) {
		const v = tdx.lp_vcpu[cpu.id]!;
		vp.vp_import_regs(v, r);
		v.host = r;
		td_enter(v, cpu);
		return SEAMCALL_IN_TD;
	}
	locks_release(mark);
	set_status(r, code, code === d.TDX_SUCCESS ? 0 : status_details);
	return SEAMCALL_DONE;
}
