// SPDX-License-Identifier: GPL-2.0
/*
 * VMLAUNCH and VMRESUME: checks, and the guest's state out of the VMCS.
 *
 * Port-only. A bad control makes the instruction fail; bad guest state is an exit, whose reason
 * says that entry failed. What was checked and loaded once is not again until software writes it.
 */
import { GPA_BITS, maxphyaddr, this_cpu, type struct_cpu } from "./cpu.ts";
import { frame_words, memory_has_frame } from "./memory.ts";
import { AR_DB, AR_DPL_SHIFT, AR_L, AR_P, AR_S, AR_TYPE, AR_UNUSABLE, CR0_NE, CR0_PE, CR0_PG,
	CR0_VALID, CR4_PAE, CR4_PCIDE, CR4_VALID, CR4_VMXE, EFER_LMA, EFER_LME, RFLAGS_FIXED,
	RFLAGS_IF, RFLAGS_MASK, RFLAGS_VM } from "./guest_paging.ts";
import type { guest_segment, struct_guest_cpu } from "./guest_types.ts";
import { guest_enter } from "./guest_enter.ts";
import {
	MSR_EFER, VMX_ENTRY_MAY, VMX_ENTRY_MUST, VMX_EXIT_MAY, VMX_EXIT_MUST, VMX_PINBASED_MAY,
	VMX_PINBASED_MUST, VMX_PROCBASED2_MAY, VMX_PROCBASED_MAY, VMX_PROCBASED_MUST,
	hw_ept_5levels, hw_rdmsr,
} from "./msr.ts";
import { VMCS_DIRTY, VMCS_LAUNCHED, vmcs_get32, vmcs_get64, vmcs_getn, vmcs_gets, vmcs_put32,
	vmcs_putn, vmcs_word } from "./vmcs.ts";
import * as d from "./vmx_defs.ts";

const controls_ok = (x: number, must: number, may: number): boolean =>
	(x & must) >>> 0 === must && (x & ~may) === 0;

/* a physical address of a page, or of any alignment @low */
function phys_ok(x: number, low: number): boolean {
	return (x & low) === 0 && x < 2 ** maxphyaddr && memory_has_frame(Math.floor(x / 4096));
}

/** Loads controls; false if they are not what the processor allows. */
function load_controls(g: struct_guest_cpu, v: number): boolean {
	const pin = vmcs_get32(v, d.PIN_BASED_VM_EXEC_CONTROL);
	const exec = vmcs_get32(v, d.CPU_BASED_VM_EXEC_CONTROL);
	const exec2 = (exec & d.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) !== 0 ?
		vmcs_get32(v, d.SECONDARY_VM_EXEC_CONTROL) : 0;
	const entry = vmcs_get32(v, d.VM_ENTRY_CONTROLS);
	const exit = vmcs_get32(v, d.VM_EXIT_CONTROLS);

	if (!controls_ok(pin, VMX_PINBASED_MUST, VMX_PINBASED_MAY) ||
	    !controls_ok(exec, VMX_PROCBASED_MUST, VMX_PROCBASED_MAY) ||
	    !controls_ok(exec2, 0, VMX_PROCBASED2_MAY) ||
	    !controls_ok(exit, VMX_EXIT_MUST, VMX_EXIT_MAY) ||
	    !controls_ok(entry, VMX_ENTRY_MUST, VMX_ENTRY_MAY))
		return false;
	if ((pin & d.PIN_BASED_NMI_EXITING) === 0 && (pin & d.PIN_BASED_VIRTUAL_NMIS) !== 0)
		return false;
	if ((pin & d.PIN_BASED_VIRTUAL_NMIS) === 0 && (exec & d.CPU_BASED_NMI_WINDOW_EXITING) !== 0)
		return false;
	if (vmcs_get32(v, d.CR3_TARGET_COUNT) > 4)
		return false;
	if ((exec & d.CPU_BASED_USE_IO_BITMAPS) !== 0 &&
	    (!phys_ok(vmcs_getn(v, d.IO_BITMAP_A), 0xfff) ||
	     !phys_ok(vmcs_getn(v, d.IO_BITMAP_B), 0xfff)))
		return false;
	if ((exec & d.CPU_BASED_USE_MSR_BITMAPS) !== 0 &&
	    !phys_ok(vmcs_getn(v, d.MSR_BITMAP), 0xfff))
		return false;
	if ((exec & d.CPU_BASED_TPR_SHADOW) !== 0) {
		if (!phys_ok(vmcs_getn(v, d.VIRTUAL_APIC_PAGE_ADDR), 0xfff))
			return false;
		if ((vmcs_get32(v, d.TPR_THRESHOLD) & ~0xf) !== 0)
			return false;
	}
	const apic = (exec2 & d.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) !== 0;
	if (apic && !phys_ok(vmcs_getn(v, d.APIC_ACCESS_ADDR), 0xfff))
		return false;
	const vpid = (exec2 & d.SECONDARY_EXEC_ENABLE_VPID) !== 0 ?
		vmcs_get32(v, d.VIRTUAL_PROCESSOR_ID) & 0xffff : 0;
	if ((exec2 & d.SECONDARY_EXEC_ENABLE_VPID) !== 0 && vpid === 0)
		return false;
	const ept = (exec2 & d.SECONDARY_EXEC_ENABLE_EPT) !== 0;
	const eptp = ept ? vmcs_getn(v, d.EPT_POINTER) : 0;
	const pwl = eptp & d.VMX_EPTP_PWL_MASK;
	if (ept && ((pwl !== d.VMX_EPTP_PWL_4 && !(pwl === d.VMX_EPTP_PWL_5 && hw_ept_5levels())) ||
		    (eptp & 0xf80) !== 0 ||
		    ((eptp & d.VMX_EPTP_MT_MASK) !== d.VMX_EPTP_MT_WB &&
		     (eptp & d.VMX_EPTP_MT_MASK) !== d.VMX_EPTP_MT_UC) || !phys_ok(eptp, 0)))
		return false;
	if (!ept && (exec2 & (d.SECONDARY_EXEC_UNRESTRICTED_GUEST |
			      d.SECONDARY_EXEC_ENABLE_PML)) !== 0)
		return false;
	if ((exec2 & d.SECONDARY_EXEC_ENABLE_PML) !== 0 &&
	    !phys_ok(vmcs_getn(v, d.PML_ADDRESS), 0xfff))
		return false;
	if (!ept)
		throw new Error("machine: VM entry without EPT");

	g.pin = pin;
	g.exec = exec | 0;
	g.exec2 = exec2;
	g.exceptions = vmcs_get32(v, d.EXCEPTION_BITMAP);
	g.vpid = vpid;
	g.eptp = eptp;
	g.root = Math.floor(eptp / 4096);
	g.ept_levels = pwl === d.VMX_EPTP_PWL_5 ? 5 : 4;
	g.ept_ad = (eptp & d.VMX_EPTP_AD_ENABLE_BIT) !== 0;
	g.pml = (exec2 & d.SECONDARY_EXEC_ENABLE_PML) !== 0;
	g.apic_access_pfn = apic ? vmcs_getn(v, d.APIC_ACCESS_ADDR) / 4096 : -1;
	g.tsc_offset = (exec & d.CPU_BASED_USE_TSC_OFFSETTING) !== 0 ?
		vmcs_get64(v, d.TSC_OFFSET) : 0n;
	g.cr0_mask = vmcs_get32(v, d.CR0_GUEST_HOST_MASK);
	g.cr4_mask = vmcs_get32(v, d.CR4_GUEST_HOST_MASK);
	g.cr0_shadow = vmcs_get32(v, d.CR0_READ_SHADOW);
	g.cr4_shadow = vmcs_get32(v, d.CR4_READ_SHADOW);
	return true;
}

function load_segment(s: guest_segment, v: number, selector: number, base: number, limit: number,
	ar: number): void {
	s.selector = vmcs_get32(v, selector) & 0xffff;
	s.base = vmcs_gets(v, base);
	s.limit = vmcs_get32(v, limit);
	s.ar = vmcs_get32(v, ar);
}

/* a small integer, if it is one: V8 keeps it as a double otherwise, for being computed as one */
const small = (x: number): number => (x | 0) === x ? x | 0 : x;

/** Loads what a VMCS says of the guest, but for what every entry loads. */
function load_state(g: struct_guest_cpu, v: number): void {
	const entry = vmcs_get32(v, d.VM_ENTRY_CONTROLS);

	g.cr0 = vmcs_get32(v, d.GUEST_CR0) | 0;
	g.cr3 = small(vmcs_getn(v, d.GUEST_CR3));
	g.cr4 = small(vmcs_getn(v, d.GUEST_CR4));
	if ((entry & d.VM_ENTRY_LOAD_IA32_EFER) !== 0)
		g.efer = small(vmcs_getn(v, d.GUEST_IA32_EFER));
	else	/* the host's, but for the mode */
		g.efer = (Number(hw_rdmsr(MSR_EFER)) & ~(EFER_LMA | EFER_LME)) |
			((entry & d.VM_ENTRY_IA32E_MODE) !== 0 ? EFER_LMA | EFER_LME : 0);
	load_segment(g.cs, v, d.GUEST_CS_SELECTOR, d.GUEST_CS_BASE, d.GUEST_CS_LIMIT,
		d.GUEST_CS_AR_BYTES);
	load_segment(g.ss, v, d.GUEST_SS_SELECTOR, d.GUEST_SS_BASE, d.GUEST_SS_LIMIT,
		d.GUEST_SS_AR_BYTES);
	g.tr_base = vmcs_gets(v, d.GUEST_TR_BASE);
	g.gdt_base = vmcs_gets(v, d.GUEST_GDTR_BASE);
	g.gdt_limit = vmcs_get32(v, d.GUEST_GDTR_LIMIT);
	g.idt_base = vmcs_gets(v, d.GUEST_IDTR_BASE);
	g.idt_limit = vmcs_get32(v, d.GUEST_IDTR_LIMIT);
	g.dr[7] = vmcs_get64(v, d.GUEST_DR7);
	g.cpl = (g.ss.ar >> AR_DPL_SHIFT) & 3;
}

const canonical = (x: number): boolean => x >= -(2 ** 47) && x < 2 ** 47;

function control_registers_ok(g: struct_guest_cpu, v: number): boolean {
	const unrestricted = (g.exec2 & d.SECONDARY_EXEC_UNRESTRICTED_GUEST) !== 0;
	const entry = vmcs_get32(v, d.VM_ENTRY_CONTROLS);
	const long = (entry & d.VM_ENTRY_IA32E_MODE) !== 0;
	const must = unrestricted ? CR0_NE : CR0_NE | CR0_PE | CR0_PG;

	if (vmcs_get32(v, d.GUEST_CR0 + 1) !== 0 || (g.cr0 & must) !== (must | 0) ||
	    (g.cr0 & ~CR0_VALID) !== 0)
		return false;
	if ((g.cr0 & CR0_PG) !== 0 && (g.cr0 & CR0_PE) === 0)
		return false;
	if (g.cr4 > 0xffffffff || (g.cr4 & ~CR4_VALID) !== 0 || (g.cr4 & CR4_VMXE) === 0)
		return false;
	if (g.cr3 >= 2 ** GPA_BITS)
		return false;
	if (long && ((g.cr0 & CR0_PG) === 0 || (g.cr4 & CR4_PAE) === 0))
		return false;
	if (!long && (g.cr4 & CR4_PCIDE) !== 0)
		return false;
	if ((entry & d.VM_ENTRY_LOAD_IA32_EFER) !== 0) {
		if ((g.efer & ~0xd01) !== 0 || ((g.efer & EFER_LMA) !== 0) !== long)
			return false;
		if ((g.cr0 & CR0_PG) !== 0 && ((g.efer & EFER_LME) !== 0) !== long)
			return false;
	}
	return true;
}

function segments_ok(g: struct_guest_cpu, v: number): boolean {
	const unrestricted = (g.exec2 & d.SECONDARY_EXEC_UNRESTRICTED_GUEST) !== 0;
	const long = (vmcs_get32(v, d.VM_ENTRY_CONTROLS) & d.VM_ENTRY_IA32E_MODE) !== 0;
	const { cs, ss } = g;
	const tr = vmcs_get32(v, d.GUEST_TR_AR_BYTES);
	const type = cs.ar & AR_TYPE;

	if ((g.rflags & RFLAGS_VM) !== 0)
		return !long;
	if ((cs.ar & (AR_UNUSABLE | AR_S | AR_P)) !== (AR_S | AR_P) ||
	    (cs.ar & d.VMX_AR_RESERVD_MASK) !== 0)
		return false;
	if (type !== 9 && type !== 11 && type !== 13 && type !== 15 &&
	    !(unrestricted && type === 3))
		return false;
	if (long && (cs.ar & AR_L) !== 0 && (cs.ar & AR_DB) !== 0)
		return false;
	if (!(cs.base >= 0 && cs.base <= 0xffffffff))
		return false;
	if ((ss.ar & AR_UNUSABLE) === 0) {
		if (((ss.ar & AR_TYPE) !== 3 && (ss.ar & AR_TYPE) !== 7) ||
		    (ss.ar & (AR_S | AR_P)) !== (AR_S | AR_P))
			return false;
		if (!unrestricted && ((ss.selector ^ cs.selector) & 3) !== 0)
			return false;
	}
	if (type === 3 && ((ss.ar >> AR_DPL_SHIFT) & 3) !== 0)
		return false;
	if ((tr & (AR_UNUSABLE | AR_S | AR_P)) !== AR_P ||
	    ((tr & AR_TYPE) !== 11 && (long || (tr & AR_TYPE) !== 3)))
		return false;
	return canonical(g.tr_base) && canonical(g.gdt_base) && canonical(g.idt_base) &&
		g.gdt_limit <= 0xffff && g.idt_limit <= 0xffff;
}

const W_RIP		= vmcs_word(d.GUEST_RIP);
const W_RSP		= vmcs_word(d.GUEST_RSP);
const W_RFLAGS		= vmcs_word(d.GUEST_RFLAGS);
const W_INTERRUPTIBILITY = vmcs_word(d.GUEST_INTERRUPTIBILITY_INFO);
const W_ACTIVITY	= vmcs_word(d.GUEST_ACTIVITY_STATE);
const W_ENTRY_INTR	= vmcs_word(d.VM_ENTRY_INTR_INFO_FIELD);

/* what every entry loads: RIP, RFLAGS, interruptibility, activity */
function hot_state_ok(g: struct_guest_cpu): boolean {
	const w = g.words;
	const inter = w[W_INTERRUPTIBILITY]!, activity = w[W_ACTIVITY]!;
	const flags = w[W_RFLAGS]!, hi = w[W_RIP + 1]!;
	const long = (g.efer & EFER_LMA) !== 0 && (g.cs.ar & AR_L) !== 0;

	if (w[W_RFLAGS + 1] !== 0 || (flags & (~RFLAGS_MASK | RFLAGS_FIXED)) !== RFLAGS_FIXED)
		return false;
	if (long ? (hi + 0x8000) >>> 16 !== 0 : hi !== 0)
		return false;
	g.rip = (w[W_RIP]! >>> 0) + hi * 2 ** 32;
	g.rflags = flags;
	if ((inter | activity) === 0) {
		g.shadow = g.shadow_mov_ss = g.nmi_blocked = g.halted = false;
		return true;
	}
	return blocking_ok(g, inter, activity);
}

/* what blocks events, and the activity */
function blocking_ok(g: struct_guest_cpu, inter: number, activity: number): boolean {
	if (activity >>> 0 > d.GUEST_ACTIVITY_WAIT_SIPI || (inter & ~0xf) !== 0 ||
	    (inter & 3) === 3)
		return false;
	if ((inter & d.GUEST_INTR_STATE_STI) !== 0 && (g.rflags & RFLAGS_IF) === 0)
		return false;
	if (activity === d.GUEST_ACTIVITY_HLT && ((g.ss.ar >> AR_DPL_SHIFT) & 3) !== 0)
		return false;
	if (activity !== d.GUEST_ACTIVITY_ACTIVE && (inter & 3) !== 0)
		return false;
	g.shadow = (inter & 3) !== 0;
	g.shadow_mov_ss = (inter & d.GUEST_INTR_STATE_MOV_SS) !== 0;
	g.nmi_blocked = (inter & d.GUEST_INTR_STATE_NMI) !== 0;
	g.halted = activity === d.GUEST_ACTIVITY_HLT;
	return true;
}

/** The event to inject; false if the processor does not accept it. */
function load_event(g: struct_guest_cpu, v: number): boolean {
	const info = g.words[W_ENTRY_INTR]!;

	g.inject = 0;
	if ((info & d.INTR_INFO_VALID_MASK) === 0)
		return true;
	const type = info & d.INTR_INFO_INTR_TYPE_MASK, vector = info & 0xff;
	const has_error = (info & d.INTR_INFO_DELIVER_CODE_MASK) !== 0;
	if ((info & d.INTR_INFO_RESVD_BITS_MASK) !== 0 || type === d.INTR_TYPE_RESERVED ||
	    type === d.INTR_TYPE_OTHER_EVENT || (type === d.INTR_TYPE_NMI_INTR && vector !== 2) ||
	    (type === d.INTR_TYPE_HARD_EXCEPTION && vector > 31) ||
	    (has_error && type !== d.INTR_TYPE_HARD_EXCEPTION))
		return false;
	/* errors are pushed exactly for the exceptions that have them, in protected mode */
	const wants = type === d.INTR_TYPE_HARD_EXCEPTION && (g.cr0 & CR0_PE) !== 0 &&
		(vector === 8 || (vector >= 10 && vector <= 14) || vector === 17);
	if (has_error !== wants)
		return false;
	const len = vmcs_get32(v, d.VM_ENTRY_INSTRUCTION_LEN);
	if (type >= d.INTR_TYPE_SOFT_INTR && len > 15)
		return false;
	g.inject = info >>> 0;
	g.inject_error = vmcs_get32(v, d.VM_ENTRY_EXCEPTION_ERROR_CODE);
	g.inject_len = len;
	return true;
}

/** An entry that fails after the controls: to the kernel as an exit. */
function entry_failed(g: struct_guest_cpu, v: number, qual: number): number {
	vmcs_put32(v, d.VM_EXIT_REASON,
		d.EXIT_REASON_INVALID_STATE + d.VMX_EXIT_REASONS_FAILED_VMENTRY);
	vmcs_putn(v, d.EXIT_QUALIFICATION, qual);
	vmcs_put32(v, d.IDT_VECTORING_INFO_FIELD, 0);
	g.in_guest = false;
	return 0;
}

function fail(v: number, error: number): number {
	vmcs_put32(v, d.VM_INSTRUCTION_ERROR, error);
	return error;
}

/**
 * VMLAUNCH, or VMRESUME if @launched, of the current VMCS. 0, or why it VMfailed (VMXERR_*). After
 * 0 guest_run() says when the guest has left; that is at once if its state was invalid. @regs are
 * KVM's: the general registers but for RSP, which is the VMCS's, and are the guest's meanwhile.
 */
export function vmx_enter(g: struct_guest_cpu, regs: BigUint64Array, launched: boolean): number {
	const cpu = this_cpu, v = cpu.vmcs_pfn;

	if (cpu.vmxon_pfn < 0 || v < 0)
		throw new Error(`machine: cpu ${cpu.id}: VM entry without a VMCS`);
	if (g.svm === true || g.vmc !== v) {
		g.svm = false;
		g.vmc = v;
		g.words = frame_words(v);
		g.words[VMCS_DIRTY] = 1;
	}
	const w = g.words;
	if (w[VMCS_LAUNCHED] !== (launched === true ? 1 : 0))
		return fail(v, launched === true ? d.VMXERR_VMRESUME_NONLAUNCHED_VMCS :
			d.VMXERR_VMLAUNCH_NONCLEAR_VMCS);
	const all = w[VMCS_DIRTY] !== 0;
	if (all) {
		if (!load_controls(g, v))
			return fail(v, d.VMXERR_ENTRY_INVALID_CONTROL_FIELD);
		load_state(g, v);
	}
	if (!load_event(g, v))
		return fail(v, d.VMXERR_ENTRY_INVALID_CONTROL_FIELD);
	if (!hot_state_ok(g) || (all && (!control_registers_ok(g, v) || !segments_ok(g, v)))) {
		w[VMCS_DIRTY] = 1;
		return entry_failed(g, v, d.ENTRY_FAIL_DEFAULT);
	}
	if (all) {
		if (vmcs_get64(v, d.VMCS_LINK_POINTER) !== 0xffffffffffffffffn)
			return entry_failed(g, v, d.ENTRY_FAIL_VMCS_LINK_PTR);
		w[VMCS_DIRTY] = 0;
	}
	if (launched === false)
		w[VMCS_LAUNCHED] = 1;
	guest_enter(g, cpu, regs);
	g.regs32[8] = w[W_RSP]!;
	g.regs32[9] = w[W_RSP + 1]!;
	return 0;
}

/**
 * Into a TD, out of SEAM root mode, which has loaded its controls; g.vmc is its VMCS. False: a
 * state that no processor can have.
 */
export function vmx_enter_td(g: struct_guest_cpu, cpu: struct_cpu, regs: BigUint64Array): boolean {
	const v = g.vmc, w = g.words;

	if (w[VMCS_DIRTY] !== 0)
		load_state(g, v);
	if (!load_event(g, v) || !hot_state_ok(g) ||
	    (w[VMCS_DIRTY] !== 0 && (!control_registers_ok(g, v) || !segments_ok(g, v)))) {
		w[VMCS_DIRTY] = 1;
		return false;
	}
	w[VMCS_DIRTY] = 0;
	guest_enter(g, cpu, regs);
	g.regs32[8] = w[W_RSP]!;
	g.regs32[9] = w[W_RSP + 1]!;
	return true;
}
