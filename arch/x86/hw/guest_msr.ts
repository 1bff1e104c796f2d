// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs that a guest reads and writes without an exit: some are in the VMCS or VMCB, the rest are
 * the CPU's.
 *
 * Port-only.
 */
import { rdtsc } from "./clock.ts";
import { guest_mode_changed } from "./guest_enter.ts";
import { EFER_LMA, EFER_LME, EFER_SVME, CR0_PG } from "./guest_paging.ts";
import type { struct_guest_cpu } from "./guest_types.ts";
import { frame_get64, frame_put64 } from "./memory.ts";
import {
	MSR_CSTAR, MSR_EFER, MSR_FS_BASE, MSR_GS_BASE, MSR_IA32_CR_PAT, MSR_IA32_DEBUGCTLMSR,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_EIP, MSR_IA32_SYSENTER_ESP, MSR_IA32_TSC,
	MSR_KERNEL_GS_BASE, MSR_LSTAR, MSR_STAR, MSR_SYSCALL_MASK, hw_rdmsr, hw_wrmsr,
	msr_value,
} from "./msr.ts";
import { SAVE_AREA, guest_tsc_offset } from "./svm_exit.ts";
import { struct_vmcb_save_area } from "./svm_defs.ts";
import { vmcs_get64, vmcs_put64 } from "./vmcs.ts";
import { GUEST_FS_BASE, GUEST_GS_BASE, GUEST_IA32_DEBUGCTL, GUEST_IA32_PAT, GUEST_SYSENTER_CS,
	GUEST_SYSENTER_EIP, GUEST_SYSENTER_ESP } from "./vmx_defs.ts";

const save = struct_vmcb_save_area.offsets;

const IN_VMCS: ReadonlyMap<number, number> = new Map([
	[MSR_FS_BASE, GUEST_FS_BASE], [MSR_GS_BASE, GUEST_GS_BASE],
	[MSR_IA32_SYSENTER_CS, GUEST_SYSENTER_CS], [MSR_IA32_SYSENTER_ESP, GUEST_SYSENTER_ESP],
	[MSR_IA32_SYSENTER_EIP, GUEST_SYSENTER_EIP], [MSR_IA32_CR_PAT, GUEST_IA32_PAT],
	[MSR_IA32_DEBUGCTLMSR, GUEST_IA32_DEBUGCTL],
]);

/* in the VMCB that runs */
const IN_VMCB: ReadonlyMap<number, number> = new Map([
	[MSR_IA32_CR_PAT, SAVE_AREA + save.g_pat], [MSR_IA32_DEBUGCTLMSR, SAVE_AREA + save.dbgctl],
]);

/* in the VMCB that VMLOAD named: svm.ts */
const HIDDEN: ReadonlyMap<number, number> = new Map([
	[MSR_FS_BASE, SAVE_AREA + save.fs + 8], [MSR_GS_BASE, SAVE_AREA + save.gs + 8],
	[MSR_KERNEL_GS_BASE, SAVE_AREA + save.kernel_gs_base],
	[MSR_STAR, SAVE_AREA + save.star], [MSR_LSTAR, SAVE_AREA + save.lstar],
	[MSR_CSTAR, SAVE_AREA + save.cstar], [MSR_SYSCALL_MASK, SAVE_AREA + save.sfmask],
	[MSR_IA32_SYSENTER_CS, SAVE_AREA + save.sysenter_cs],
	[MSR_IA32_SYSENTER_ESP, SAVE_AREA + save.sysenter_esp],
	[MSR_IA32_SYSENTER_EIP, SAVE_AREA + save.sysenter_eip],
]);

/** Where in that frame; of the last msr_frame(). */
let msr_at = 0;

/** Frame of the VMCB that holds @msr for an SVM guest; -1: the CPU has it itself. */
function msr_frame(g: struct_guest_cpu, msr: number): number {
	const at = IN_VMCB.get(msr);

	msr_at = at ?? HIDDEN.get(msr) ?? 0;
	return msr_at === 0 ? -1 : at !== undefined ? g.vmc : g.cpu!.hidden_pfn;
}

/** null is #GP. */
export function guest_rdmsr(g: struct_guest_cpu, msr: number): bigint | null {
	if (msr === MSR_EFER)
		return BigInt(g.efer);
	if (msr === MSR_IA32_TSC)
		return BigInt.asUintN(64, BigInt(rdtsc()) + guest_tsc_offset(g));
	if (g.svm) {
		const v = msr_frame(g, msr);
		return v < 0 ? hw_rdmsr(msr) : BigInt.asUintN(64, frame_get64(v, msr_at));
	}
	const field = IN_VMCS.get(msr);
	return field === undefined ? hw_rdmsr(msr) : vmcs_get64(g.vmc, field);
}

/** false is #GP. */
export function guest_wrmsr(g: struct_guest_cpu, msr: number, x: bigint): boolean {
	if (msr === MSR_EFER) {
		const efer = Number(x);
		if (x > 0xffffn || (efer & ~(0xd01 | (g.svm ? EFER_SVME : 0))) !== 0 ||
		    ((g.cr0 & CR0_PG) !== 0 && ((efer ^ g.efer) & EFER_LME) !== 0))
			return false;
		g.efer = (efer & ~EFER_LMA) | (g.efer & (EFER_LMA | EFER_SVME));
		g.state_dirty = true;
		guest_mode_changed(g, g.cpu!);
		return true;
	}
	const kept = msr_value(msr, x);
	if (kept === null)
		return false;
	if (g.svm) {
		const v = msr_frame(g, msr);
		if (v < 0)
			return hw_wrmsr(msr, kept);
		frame_put64(v, msr_at, kept);
		return true;
	}
	const field = IN_VMCS.get(msr);
	if (field === undefined)
		return hw_wrmsr(msr, kept);
	vmcs_put64(g.vmc, field, kept);
	return true;
}
