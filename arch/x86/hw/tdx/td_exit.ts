// SPDX-License-Identifier: GPL-2.0
/*
 * VM exits of TDs: what the module sees to itself, and what becomes a TD exit.
 *
 * Port-only.
 *
 *	CPUID, some MSRs, TDCALL	done here, and the guest goes on
 *	what only a host could do	#VE, for the guest to ask its host by TDG.VP.VMCALL
 *	EPT violation			#VE if the entry's bit 63 is clear, else to the host
 *	machine check			the TD is FATAL
 *	interrupts, shutdown		to the host
 *
 * #VE: VE_INFO has what it was about; a second one before TDG.VP.VEINFO.GET is a double fault, and
 * so is one while another event is being delivered.
 */
import { EXT_INTR_INFO } from "../vmx_exit.ts";
import { DF_VECTOR, GP_VECTOR, MC_VECTOR } from "../guest_paging.ts";
import { nested_sve } from "../ept.ts";
import { vmcs_get32, vmcs_getn, vmcs_gets, vmcs_put32, vmcs_putn } from "../vmcs.ts";
import * as x from "../vmx_defs.ts";
import * as d from "./defs.ts";
import { reg_set } from "./regs.ts";
import type { struct_tdvps } from "./state.ts";
import { td_cpuid } from "./td_cpuid.ts";
import { MSR_DONE, MSR_GP, td_msr_value, td_rdmsr, td_wrmsr } from "./td_msr.ts";
import { td_exit_cell, td_exit_set } from "./td_exit_info.ts";
import { TDCALL_DONE, TDCALL_EXIT, tdcall } from "./tdcall.ts";

export const VE_VECTOR	= 20;

/* bits of a private violation's qualification that the host may see */
const PRIVATE_QUAL	= 0x7f;

/* Back into the guest; false, as the host is not told. */

/** Behind the instruction that exited. */
function skip(v: struct_tdvps): false {
	const m = v.guest.vmc, len = vmcs_get32(m, x.VM_EXIT_INSTRUCTION_LEN);

	vmcs_putn(m, x.GUEST_RIP, vmcs_gets(m, x.GUEST_RIP) + len);
	vmcs_put32(m, x.GUEST_INTERRUPTIBILITY_INFO,
		vmcs_get32(m, x.GUEST_INTERRUPTIBILITY_INFO) &
		~(x.GUEST_INTR_STATE_STI | x.GUEST_INTR_STATE_MOV_SS));
	return false;
}

function inject(v: struct_tdvps, vector: number, has_error: boolean): false {
	const m = v.guest.vmc, code = has_error ? x.INTR_INFO_DELIVER_CODE_MASK : 0;

	vmcs_put32(m, x.VM_ENTRY_INTR_INFO_FIELD,
		x.INTR_INFO_VALID_MASK | x.INTR_TYPE_HARD_EXCEPTION | code | vector);
	vmcs_put32(m, x.VM_ENTRY_EXCEPTION_ERROR_CODE, 0);
	return false;
}

/** The event whose delivery the exit interrupted is delivered again. */
function redeliver(v: struct_tdvps): void {
	const m = v.guest.vmc, info = vmcs_get32(m, x.IDT_VECTORING_INFO_FIELD);

	if ((info & x.INTR_INFO_VALID_MASK) === 0)
		return;
	vmcs_put32(m, x.VM_ENTRY_INTR_INFO_FIELD, info);
	vmcs_put32(m, x.VM_ENTRY_EXCEPTION_ERROR_CODE, vmcs_get32(m, x.IDT_VECTORING_ERROR_CODE));
	vmcs_put32(m, x.VM_ENTRY_INSTRUCTION_LEN, vmcs_get32(m, x.VM_EXIT_INSTRUCTION_LEN));
}

function inject_ve(v: struct_tdvps, gla: number, gpa: number): false {
	const m = v.guest.vmc, ve = v.ve;
	const vectoring = vmcs_get32(m, x.IDT_VECTORING_INFO_FIELD) & x.INTR_INFO_VALID_MASK;

	if (ve.valid || vectoring !== 0)
		return inject(v, DF_VECTOR, true);
	ve.valid = true;
	ve.exit_reason = vmcs_get32(m, x.VM_EXIT_REASON);
	ve.exit_qualification = vmcs_getn(m, x.EXIT_QUALIFICATION);
	ve.gla = gla;
	ve.gpa = gpa;
	ve.instruction_length = vmcs_get32(m, x.VM_EXIT_INSTRUCTION_LEN);
	ve.instruction_info = 0;
	return inject(v, VE_VECTOR, false);
}

/* Exits. */

function exit_ept_violation(v: struct_tdvps): boolean {
	const m = v.guest.vmc, gpa = vmcs_getn(m, x.GUEST_PHYSICAL_ADDRESS);
	const qual = vmcs_getn(m, x.EXIT_QUALIFICATION);
	const shared = gpa >= 2 ** (v.tdr.tdcs.gpaw - 1);

	if (!nested_sve)
		return inject_ve(v, vmcs_gets(m, x.GUEST_LINEAR_ADDRESS), gpa);
	redeliver(v);
	td_exit_set(d.TDX_SUCCESS, x.EXIT_REASON_EPT_VIOLATION,
		shared ? qual : qual & PRIVATE_QUAL);
	td_exit_cell.gpa = gpa - gpa % 4096;
	return true;
}

function exit_exception(v: struct_tdvps): boolean {
	const info = vmcs_get32(v.guest.vmc, x.VM_EXIT_INTR_INFO);

	redeliver(v);
	if ((info & 0xff) === MC_VECTOR) {
		v.tdr.fatal = true;
		if (v.guest.td!.msmi)
			/* bit 0: a machine check, as an SMI */
			return td_exit_set(d.TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE,
				d.EXIT_REASON_OTHER_SMI, 1);
		td_exit_set(d.TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE,
			x.EXIT_REASON_EXCEPTION_NMI, 0);
	} else {
		td_exit_set(d.TDX_SUCCESS, x.EXIT_REASON_EXCEPTION_NMI, 0);
	}
	td_exit_cell.intr_info = info;
	return true;
}

function exit_interrupt(v: struct_tdvps): true {
	redeliver(v);
	td_exit_set(d.TDX_SUCCESS, x.EXIT_REASON_EXTERNAL_INTERRUPT, 0);
	td_exit_cell.intr_info = EXT_INTR_INFO;
	return true;
}

function exit_cpuid(v: struct_tdvps): boolean {
	const r = v.seam, out = td_cpuid(v, r.u32[0]!, r.u32[2]!);

	if (out === null || (v.cpuidve & (v.guest.cpl === 0 ? 1 : 2)) !== 0)
		return inject_ve(v, 0, 0);
	reg_set(r, 0, out.eax >>> 0);
	reg_set(r, 3, out.ebx >>> 0);
	reg_set(r, 1, out.ecx >>> 0);
	reg_set(r, 2, out.edx >>> 0);
	return skip(v);
}

function exit_msr(v: struct_tdvps, write: boolean): boolean {
	const r = v.seam, msr = r.u32[2]!;
	const out = write ? td_wrmsr(v, msr, (BigInt(r.u32[4]!) << 32n) | BigInt(r.u32[0]!)) :
		td_rdmsr(v, msr);

	if (out === MSR_GP)
		return inject(v, GP_VECTOR, true);
	if (out !== MSR_DONE)
		return inject_ve(v, 0, 0);
	if (!write) {
		r.u64[0] = td_msr_value & 0xffffffffn;
		r.u64[2] = td_msr_value >> 32n;
	}
	return skip(v);
}

function exit_tdcall(v: struct_tdvps): boolean {
	if (v.guest.cpl !== 0)
		return inject(v, GP_VECTOR, true);
	switch (tdcall(v, v.seam)) {
	case TDCALL_DONE:
		return skip(v);
	case TDCALL_EXIT:
		skip(v);
		return true;
	default:
		return true;
	}
}

function handle(v: struct_tdvps, reason: number): boolean {
	switch (reason) {
	case x.EXIT_REASON_EXCEPTION_NMI:
		return exit_exception(v);
	case x.EXIT_REASON_EXTERNAL_INTERRUPT:
		return exit_interrupt(v);
	case x.EXIT_REASON_TRIPLE_FAULT:
		td_exit_set(d.TDX_NON_RECOVERABLE_VCPU, reason, 0);
		td_exit_cell.disable = true;
		return true;
	case x.EXIT_REASON_EPT_VIOLATION:
		return exit_ept_violation(v);
	case x.EXIT_REASON_EPT_MISCONFIG: {
		const gpa = vmcs_getn(v.guest.vmc, x.GUEST_PHYSICAL_ADDRESS);
		redeliver(v);
		td_exit_set(d.TDX_SUCCESS, reason, 0);
		td_exit_cell.gpa = gpa - gpa % 4096;
		return true;
	}
	case x.EXIT_REASON_NMI_WINDOW:
	case x.EXIT_REASON_INTERRUPT_WINDOW:
		/* the entry that follows delivers it */
		return false;
	case x.EXIT_REASON_CPUID:
		return exit_cpuid(v);
	case x.EXIT_REASON_MSR_READ:
	case x.EXIT_REASON_MSR_WRITE:
		return exit_msr(v, reason === x.EXIT_REASON_MSR_WRITE);
	case d.EXIT_REASON_TDCALL:
		return exit_tdcall(v);
	case x.EXIT_REASON_HLT:
	case x.EXIT_REASON_IO_INSTRUCTION:
	case x.EXIT_REASON_VMCALL:
	case x.EXIT_REASON_WBINVD:
		return inject_ve(v, 0, 0);
	case x.EXIT_REASON_CR_ACCESS:
		/* bits that are fixed */
		return inject(v, GP_VECTOR, true);
	default:
		throw new Error(`machine: TDX: VM exit ${reason} of a TD`);
	}
}

/** The VCPU left the guest. True: the host must know, td_exit_cell has what. */
export function td_exit(v: struct_tdvps): boolean {
	const m = v.guest.vmc, reason = vmcs_get32(m, x.VM_EXIT_REASON);
	const fatal = v.tdr.fatal;

	if (!handle(v, reason)) {
		if (!fatal)
			return false;
		td_exit_set(d.TDX_SUCCESS, reason, 0);
	}
	/* another VCPU met a machine check: nothing of this TD may be touched any more */
	if (fatal) {
		td_exit_set(d.TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE, reason, 0);
		v.vmcall_mask = 0;
	}
	return true;
}
