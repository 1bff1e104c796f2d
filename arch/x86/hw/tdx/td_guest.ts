// SPDX-License-Identifier: GPL-2.0
/*
 * A TD's VCPU on the processor: its VMCS, entry, and the way back.
 *
 * Port-only. The TD VMCS is in the first TDVPX page. It has the guest's state only; the controls
 * are the same for all TDs and go straight to the processor. Between TDH.VP.ENTER and the exit
 * that the host is told of the module may be entered, and left, any number of times (td_exit.ts).
 */
import { cpu_vendor, this_cpu, type struct_cpu } from "../cpu.ts";
import { hw_cpuid } from "../cpuid.ts";
import { guest_interrupt, guest_run } from "../guest.ts";
import { CR0_ET, CR0_NE, CR0_PE, CR4_MCE, CR4_VMXE, EFER_LME, MC_VECTOR } from "../guest_paging.ts";
import { guest_td } from "../guest_types.ts";
import { frame_words } from "../memory.ts";
import { mce_seamret } from "../mce.ts";
import { VMCS_REVISION_ID } from "../msr.ts";
import { VMCS_DIRTY, vmcs_get32, vmcs_put32, vmcs_putn } from "../vmcs.ts";
import { vmx_enter_td } from "../vmx_entry.ts";
import * as x from "../vmx_defs.ts";
import { TDX_NON_RECOVERABLE_TD } from "./defs.ts";
import { TD_PIN_BASED } from "./fields.ts";
import { reg_set, set_status, type seam_regs } from "./regs.ts";
import { tdx, type struct_tdvps } from "./state.ts";
import { td_apic_deliver } from "./td_apic.ts";
import { td_exit } from "./td_exit.ts";
import { td_exit_cell, td_exit_set } from "./td_exit_info.ts";
import { tdx_vp_enter_end, vp_export_regs } from "./vp.ts";

/* of the TDCX pages */
export const TDCX_MSR_BITMAP	= 2;

const RESET_RIP			= 0xfffffff0;

const EXEC	= (x.CPU_BASED_USE_TSC_OFFSETTING | x.CPU_BASED_HLT_EXITING |
	x.CPU_BASED_MWAIT_EXITING | x.CPU_BASED_RDPMC_EXITING | x.CPU_BASED_UNCOND_IO_EXITING |
	x.CPU_BASED_USE_MSR_BITMAPS | x.CPU_BASED_MONITOR_EXITING |
	x.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) >>> 0;
const EXEC2	= x.SECONDARY_EXEC_ENABLE_EPT | x.SECONDARY_EXEC_ENABLE_VPID |
	x.SECONDARY_EXEC_WBINVD_EXITING | x.SECONDARY_EXEC_UNRESTRICTED_GUEST |
	x.SECONDARY_EXEC_ENABLE_RDTSCP | x.SECONDARY_EXEC_ENABLE_INVPCID;

/* exits so handled before others get a turn */
const MAX_TURNS	= 64;

/** The processor's side of a new VCPU. */
function init_cpu(v: struct_tdvps): void {
	const g = v.guest, c = v.tdr.tdcs, td = new guest_td();

	td.hkid = v.tdr.hkid;
	td.shared_gfn = 2 ** (c.gpaw - 13);
	td.levels = c.sept_levels;
	g.td = td;
	/* what lies above the SHARED bit can't be in page tables */
	g.rsvd_hi = c.gpaw === 48 ? 0xf0000 : 0;
	g.vmc = v.tdvpx[0]!;
	g.words = frame_words(g.vmc);
	g.pin = TD_PIN_BASED;
	g.exec = EXEC;
	g.exec2 = EXEC2;
	g.exceptions = 1 << MC_VECTOR;
	g.vpid = v.index + 1;
	g.root = c.sept_root;
	g.eptp = c.sept_root * 4096;
	/* numeric errors as exceptions, machine checks, VMX: fixed to 1, the last one invisibly */
	g.cr0_mask = CR0_NE;
	g.cr0_shadow = CR0_NE;
	g.cr4_mask = CR4_MCE | CR4_VMXE;
	g.cr4_shadow = CR4_MCE;
	g.force_exit = (): void => interrupted(v);
}

/** State of a VCPU at its first entry: protected mode without paging, at the reset vector. */
export function td_guest_init(v: struct_tdvps, rcx: bigint): void {
	init_cpu(v);
	const m = v.guest.vmc, r = v.regs;
	const put = (field: number, value: number): void => vmcs_putn(m, field, value);

	v.guest.words[0] = VMCS_REVISION_ID;
	put(x.GUEST_CR0, CR0_PE | CR0_ET | CR0_NE);
	put(x.GUEST_CR4, CR4_MCE | CR4_VMXE);
	put(x.GUEST_IA32_EFER, EFER_LME);
	put(x.GUEST_RIP, RESET_RIP);
	put(x.GUEST_RFLAGS, 2);
	put(x.GUEST_CS_SELECTOR, 8);
	put(x.GUEST_CS_AR_BYTES, 0xc09b);
	put(x.GUEST_CS_LIMIT, 0xffffffff);
	put(x.GUEST_SS_SELECTOR, 0x10);
	put(x.GUEST_SS_AR_BYTES, 0xc093);
	put(x.GUEST_SS_LIMIT, 0xffffffff);
	put(x.GUEST_TR_AR_BYTES, 0x8b);
	put(x.GUEST_TR_LIMIT, 0xffff);
	put(x.GUEST_GDTR_LIMIT, 0xffff);
	put(x.GUEST_DR7, 0x400);
	put(x.VM_ENTRY_CONTROLS, x.VM_ENTRY_LOAD_IA32_EFER);
	put(x.VM_EXIT_CONTROLS, x.VM_EXIT_SAVE_IA32_EFER | x.VM_EXIT_ACK_INTR_ON_EXIT);
	put(x.MSR_BITMAP, v.tdr.tdcx[TDCX_MSR_BITMAP]! * 4096);
	v.guest.words[VMCS_DIRTY] = 1;
	r.fill(0n);
	r[1] = rcx;
	r[8] = rcx;
	r[2] = BigInt(hw_cpuid(cpu_vendor, 1, 0).eax);
	r[3] = BigInt(v.tdr.tdcs.gpaw);
	r[6] = BigInt(v.index);
}

/* An NMI that the host wants the guest to have, when it can. */
function pend_nmi(v: struct_tdvps): void {
	const m = v.guest.vmc;
	const blocked = vmcs_get32(m, x.GUEST_INTERRUPTIBILITY_INFO) &
		(x.GUEST_INTR_STATE_NMI | x.GUEST_INTR_STATE_MOV_SS);
	const busy = vmcs_get32(m, x.VM_ENTRY_INTR_INFO_FIELD) & x.INTR_INFO_VALID_MASK;

	/* not while the guest has not taken over what the last #VE was about, by a TDCALL */
	if (v.ve.valid)
		return;
	if (blocked !== 0 || busy !== 0) {
		v.guest.exec |= x.CPU_BASED_NMI_WINDOW_EXITING;
		return;
	}
	v.pend_nmi = false;
	vmcs_put32(m, x.VM_ENTRY_INTR_INFO_FIELD,
		x.INTR_INFO_VALID_MASK | x.INTR_TYPE_NMI_INTR | 2);
}

/* From SEAM root into the TD. False: its state is not one that a processor can have. */
function resume(v: struct_tdvps, cpu: struct_cpu): boolean {
	const g = v.guest;

	if (v.vmcs_dirty) {
		v.vmcs_dirty = false;
		g.words[VMCS_DIRTY] = 1;
	}
	g.exec &= ~x.CPU_BASED_NMI_WINDOW_EXITING;
	if (v.pend_nmi)
		pend_nmi(v);
	td_apic_deliver(v);
	return vmx_enter_td(g, cpu, v.regs);
}

/** Entry, after the module's checks. */
export function td_enter(v: struct_tdvps, cpu: struct_cpu): void {
	const g = v.guest;

	g.td!.shared_root = v.shared_root;
	g.tsc_offset = v.tdr.tdcs.tsc_offset;
	v.bad_state = !resume(v, cpu);
}

/* The exit becomes visible to the host. */
function finish(v: struct_tdvps, cpu: struct_cpu): void {
	const e = td_exit_cell, r = v.host!;

	tdx_vp_enter_end(v, e.disable);
	v.host = null;
	put_exit(v, r);
	/* a machine check that firmware has held back */
	mce_seamret(cpu);
}

function put_exit(v: struct_tdvps, r: seam_regs): void {
	const e = td_exit_cell;

	vp_export_regs(v, r, e.vmcall ? v.vmcall_mask : 0);
	set_status(r, e.code, e.reason);
	if (e.vmcall) {
		reg_set(r, 1, v.vmcall_mask);
		return;
	}
	reg_set(r, 1, e.qualification);
	r.u32[4] = e.ext_lo;
	r.u32[5] = e.ext_hi;
	reg_set(r, 8, e.gpa);
	reg_set(r, 9, e.intr_info);
}

/**
 * An interrupt to the CPU that runs the VCPU: the TD exit is over when it returns, so that whoever
 * sent it finds the TD's reference counts and locks without it.
 */
function interrupted(v: struct_tdvps): void {
	const cpu = v.guest.cpu!;

	guest_interrupt(v.guest);
	if (!v.guest.in_guest && td_exit(v))
		finish(v, cpu);
}

/**
 * Goes on with the TD of this CPU, for about @steps operations. True: it has exited, and the
 * registers of TDH.VP.ENTER's SEAMCALL say why; perhaps since an interrupt took it out meanwhile,
 * from whichever CPU its task has come. False: its turn is over, call again.
 */
export function tdx_run_td(steps: number): boolean {
	const cpu = this_cpu, v = tdx.lp_vcpu[cpu.id];

	if (v === null || v === undefined)
		return true;
	for (let turn = 0; turn < MAX_TURNS; turn++) {
		if (!v.bad_state && !guest_run(v.guest, steps))
			return false;
		if (v.bad_state)
			invalid_state(v);
		else if (!td_exit(v)) {
			v.bad_state = !resume(v, cpu);
			continue;
		}
		finish(v, cpu);
		return true;
	}
	return false;
}

/* only a host that debugs it can bring a VCPU here */
function invalid_state(v: struct_tdvps): void {
	v.bad_state = false;
	v.tdr.fatal = true;
	td_exit_set(TDX_NON_RECOVERABLE_TD,
		x.EXIT_REASON_INVALID_STATE + x.VMX_EXIT_REASONS_FAILED_VMENTRY, 0);
}
