// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual CPUs of TDs: TDH.VP leaves.
 *
 * Port-only. States of a VCPU:
 *
 *	UNINITIALIZED -VP.INIT-> READY -VP.ENTER-> ACTIVE -TD exit-> READY
 *	ACTIVE -TD exit that can't be recovered from-> DISABLED
 *
 * A VCPU is associated with the CPU that may have its state cached, from VP.INIT or any entry
 * until TDH.VP.FLUSH there. TLB tracking: an entry notes the TD's epoch and counts itself in
 * refcount[epoch & 1] until its exit. A first entry on a CPU, or in a new epoch, forgets the TD's
 * translations.
 */
import { rdtsc } from "../clock.ts";
import { cpus, this_cpu } from "../cpu.ts";
import { guest_tlb_flush_root } from "../guest_tlb.ts";
import { seam_check_page, seam_clear_page } from "./access.ts";
import * as d from "./defs.ts";
import { LOCK_EXCLUSIVE, LOCK_OP_STATE, LOCK_PAMT_2M, LOCK_PAMT_4K, LOCK_SHARED, LOCK_TD_EPOCH,
	locks_held, locks_release, tdx_lock, tdx_unlock_on } from "./locks.ts";
import { operand_pfn, pamt_set } from "./pamt.ts";
import { status, type seam_regs } from "./regs.ts";
import { struct_tdvps, tdx } from "./state.ts";
import { check_keys_configured, new_page, td, td_operand, tdvpr_operand, vp, vp_operand } from
	"./td.ts";
import { td_guest_init } from "./td_guest.ts";

export function tdh_vp_create(r: seam_regs): number {
	let error = td_operand(r, 2, d.TDH_VP_CREATE);

	if (error === d.TDX_SUCCESS)
		error = new_page(r, 1, 0);
	if (error !== d.TDX_SUCCESS)
		return error;
	seam_clear_page(operand_pfn, td.hkid);
	pamt_set(operand_pfn, 0, d.PT_TDVPR, td.pfn);
	tdx.tdvpss.set(operand_pfn, new struct_tdvps(operand_pfn, td));
	td.chldcnt++;
	return d.TDX_SUCCESS;
}

export function tdh_vp_addcx(r: seam_regs): number {
	let error = vp_operand(r, 2, d.TDH_VP_ADDCX, LOCK_EXCLUSIVE);

	if (error === d.TDX_SUCCESS)
		error = new_page(r, 1, 0);
	if (error !== d.TDX_SUCCESS)
		return error;
	if (vp.state !== d.VCPU_UNINITIALIZED)
		return status(d.TDX_VCPU_STATE_INCORRECT, 0);
	if (vp.tdvpx.length + 1 === d.TDVPS_PAGES)
		return status(d.TDX_TDCX_NUM_INCORRECT, 0);
	seam_clear_page(operand_pfn, td.hkid);
	pamt_set(operand_pfn, 0, d.PT_TDVPX, td.pfn);
	vp.tdvpx.push(operand_pfn);
	td.chldcnt++;
	return d.TDX_SUCCESS;
}

export function tdh_vp_init(r: seam_regs): number {
	const error = vp_operand(r, 1, d.TDH_VP_INIT, LOCK_EXCLUSIVE);
	const c = td.tdcs;

	if (error !== d.TDX_SUCCESS)
		return error;
	if (vp.state !== d.VCPU_UNINITIALIZED)
		return status(d.TDX_VCPU_STATE_INCORRECT, 0);
	if (vp.tdvpx.length + 1 !== d.TDVPS_PAGES)
		return status(d.TDX_TDCX_NUM_INCORRECT, 0);
	if (c.num_vcpus === c.max_vcpus)
		return status(d.TDX_MAX_VCPUS_EXCEEDED, 0);
	vp.index = c.num_vcpus++;
	c.vcpus.push(vp);
	vp_associate(vp);
	td_guest_init(vp, r.u64[2]!);
	vp.state = d.VCPU_READY;
	return d.TDX_SUCCESS;
}

/** Makes the current CPU the VCPU's; false if another one is. */
export function vp_associate(v: struct_tdvps): boolean {
	if (v.lp === this_cpu.id)
		return true;
	if (v.lp >= 0)
		return false;
	v.lp = this_cpu.id;
	v.tdr.tdcs.num_assoc_vcpus++;
	/* what this CPU remembers of the TD may be of any age */
	v.epoch = 0;
	return true;
}

/** Writes back what the CPU has cached of a VCPU, for another one to take it. */
export function tdh_vp_flush(r: seam_regs): number {
	let error = tdvpr_operand(r, 1, LOCK_EXCLUSIVE);

	if (error === d.TDX_SUCCESS)
		error = check_keys_configured();
	if (error !== d.TDX_SUCCESS)
		return error;
	if (vp.lp !== this_cpu.id)
		return status(d.TDX_VCPU_NOT_ASSOCIATED, 0);
	vp.lp = -1;
	td.tdcs.num_assoc_vcpus--;
	return d.TDX_SUCCESS;
}

/* Entry and exit. */

/**
 * TDH.VP.ENTER as far as the module checks it. 0: the VCPU in tdx.lp_vcpu is the CPU's until
 * tdx_vp_enter_end(), and has the leaf's locks.
 */
export function tdx_vp_enter_begin(r: seam_regs): number {
	const error = vp_operand(r, 1, d.TDH_VP_ENTER, LOCK_SHARED);

	if (error !== d.TDX_SUCCESS)
		return error;
	const v = vp, c = td.tdcs, cpu = this_cpu;
	if (!vp_associate(v))
		return status(d.TDX_VCPU_ASSOCIATED, 0);
	if (v.state !== d.VCPU_READY)
		return status(d.TDX_VCPU_STATE_INCORRECT, 0);
	for (const pfn of v.tdvpx)
		seam_check_page(pfn, td.hkid);
	if (rdtsc() < v.last_tsc)
		return status(d.TDX_TSC_ROLLBACK, 0);
	const mark = locks_held();
	if (!tdx_lock(LOCK_TD_EPOCH, td.pfn, LOCK_SHARED))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_TD_EPOCH);
	if (v.epoch !== c.epoch) {
		v.epoch = c.epoch;
		guest_tlb_flush_root(cpu, c.sept_root);
	}
	c.refcount[v.epoch & 1]!++;
	locks_release(mark);
	v.state = d.VCPU_ACTIVE;
	v.running = true;
	tdx.lp_vcpu[cpu.id] = v;
	return d.TDX_SUCCESS;
}

/** The TD exit: back to READY, or @disable. Gives back what the entry took. */
export function tdx_vp_enter_end(v: struct_tdvps, disable: boolean): void {
	const cpu = cpus[v.lp]!, { tdr } = v;

	v.tdr.tdcs.refcount[v.epoch & 1]!--;
	v.running = false;
	v.state = disable ? d.VCPU_DISABLED : d.VCPU_READY;
	v.last_tsc = rdtsc();
	tdx.lp_vcpu[cpu.id] = null;
	tdx_unlock_on(cpu.id, LOCK_OP_STATE, tdr.pfn);
	for (const pfn of [v.pfn, tdr.pfn]) {
		tdx_unlock_on(cpu.id, LOCK_PAMT_4K, pfn);
		tdx_unlock_on(cpu.id, LOCK_PAMT_2M, pfn >>> 9);
	}
}

/** Registers in which the host passes values to, and gets them from, TDG.VP.VMCALL. */
export function vmcall_bit(mask: number, reg: number): boolean {
	return (mask & (1 << reg)) !== 0;
}

/** Before entry: what the host answers to the guest's TDG.VP.VMCALL. */
export function vp_import_regs(v: struct_tdvps, r: seam_regs): void {
	for (let reg = 2; reg < 16; reg++)
		if (vmcall_bit(v.vmcall_mask, reg))
			v.regs[reg] = r.u64[reg]!;
	v.vmcall_mask = 0;
}

/** After exit: the host's registers have what @mask names of the guest's, and else nothing. */
export function vp_export_regs(v: struct_tdvps, r: seam_regs, mask: number): void {
	for (let reg = 1; reg < 16; reg++)
		/* RSP is the host's */
		if (reg !== 4)
			r.u64[reg] = vmcall_bit(mask, reg) ? v.regs[reg]! : 0n;
}
