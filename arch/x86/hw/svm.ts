// SPDX-License-Identifier: GPL-2.0
/*
 * SVM instructions of the current CPU: VMRUN and what goes with it.
 *
 * Port-only. Fields are in the VMCB's frame, in the layout of svm_defs.ts; VMRUN reads all of them
 * each time (clean bits are a hint that this processor does not take). EFER.SVME is the kernel's
 * affair. Registers but RAX and RSP are KVM's own array.
 */
import { frame_get64, frame_put32, frame_put64, frame_words, memory_has_frame } from "./memory.ts";
import { maxphyaddr, this_cpu } from "./cpu.ts";
import { guest_enter, guest_set_regs } from "./guest_enter.ts";
import { guest_tlb_flush_all, guest_tlb_flush_asid, guest_tlb_flush_gva } from "./guest_tlb.ts";
import { AR_L, CR0_CD, CR0_NW, CR0_PE, CR0_PG, CR0_VALID, CR4_PAE, CR4_VALID, EFER_LMA, EFER_LME,
	EFER_SVME, RFLAGS_FIXED, RFLAGS_MASK } from "./guest_paging.ts";
import type { guest_segment, struct_guest_cpu } from "./guest_types.ts";
import { HW_NASIDS } from "./cpuid.ts";
import { SAVE_AREA, svm_intercepts } from "./svm_exit.ts";
import {
	INTERCEPT_VMRUN, SVM_EVTINJ_TYPE_EXEPT, SVM_EVTINJ_TYPE_MASK, SVM_EVTINJ_TYPE_NMI,
	SVM_EVTINJ_TYPE_SOFT, SVM_EVTINJ_VALID, SVM_EXIT_ERR, SVM_NESTED_CTL_NP_ENABLE,
	TLB_CONTROL_DO_NOTHING, TLB_CONTROL_FLUSH_ALL_ASID, TLB_CONTROL_FLUSH_ASID,
	TLB_CONTROL_FLUSH_ASID_LOCAL, struct_vmcb_control_area, struct_vmcb_save_area,
} from "./svm_defs.ts";
import { INTR_INFO_DELIVER_CODE_MASK } from "./vmx_defs.ts";

const control = struct_vmcb_control_area.offsets;
const save = struct_vmcb_save_area.offsets;

const C_ASID		= control.asid >> 2;
const C_TLB_CTL		= control.tlb_ctl >> 2;
const C_INT_CTL		= control.int_ctl >> 2;
const C_INT_VECTOR	= control.int_vector >> 2;
const C_INT_STATE	= control.int_state >> 2;
const C_NESTED_CTL	= control.nested_ctl >> 2;
const C_NESTED_CR3	= control.nested_cr3 >> 2;
const C_EVENT_INJ	= control.event_inj >> 2;
const S_CPL		= (SAVE_AREA + save.cpl) >> 2;
const CPL_SHIFT		= ((SAVE_AREA + save.cpl) & 3) * 8;
const S_CS		= (SAVE_AREA + save.cs) >> 2;
const S_SS		= (SAVE_AREA + save.ss) >> 2;
const S_TR		= (SAVE_AREA + save.tr) >> 2;
const S_GDTR		= (SAVE_AREA + save.gdtr) >> 2;
const S_IDTR		= (SAVE_AREA + save.idtr) >> 2;
const S_EFER		= (SAVE_AREA + save.efer) >> 2;
const S_CR0		= (SAVE_AREA + save.cr0) >> 2;
const S_CR3		= (SAVE_AREA + save.cr3) >> 2;
const S_CR4		= (SAVE_AREA + save.cr4) >> 2;
const S_DR6		= (SAVE_AREA + save.dr6) >> 2;
const S_DR7		= (SAVE_AREA + save.dr7) >> 2;
const S_RFLAGS		= (SAVE_AREA + save.rflags) >> 2;
const S_RIP		= (SAVE_AREA + save.rip) >> 2;
const S_RSP		= (SAVE_AREA + save.rsp) >> 2;
const S_RAX		= (SAVE_AREA + save.rax) >> 2;

/* 64 bits as a number, unsigned and signed */
const getn = (w: Int32Array, at: number): number =>
	(w[at]! >>> 0) + (w[at + 1]! >>> 0) * 2 ** 32;
const gets = (w: Int32Array, at: number): number => (w[at]! >>> 0) + w[at + 1]! * 2 ** 32;

function load_segment(s: guest_segment, w: Int32Array, at: number): void {
	const word = w[at]!, attrib = word >>> 16;

	s.selector = word & 0xffff;
	s.ar = (attrib & 0xff) | ((attrib & 0xf00) << 4);
	s.limit = w[at + 1]! >>> 0;
	s.base = gets(w, at + 2);
}

function load_control(g: struct_guest_cpu, w: Int32Array): boolean {
	for (let i = 0; i < 6; i++)
		g.intercepts[i] = w[i]!;
	g.vpid = w[C_ASID]! >>> 0;
	g.int_ctl = w[C_INT_CTL]!;
	g.int_vector = w[C_INT_VECTOR]!;
	g.eptp = getn(w, C_NESTED_CR3);
	g.root = Math.floor(g.eptp / 4096);
	g.shadow = (w[C_INT_STATE]! & 1) !== 0;
	if (g.vpid === 0 || g.vpid >= HW_NASIDS || !svm_intercepts(g, INTERCEPT_VMRUN))
		return false;
	if ((w[C_NESTED_CTL]! & SVM_NESTED_CTL_NP_ENABLE) === 0)
		throw new Error("machine: VMRUN without nested paging");
	return g.eptp < 2 ** maxphyaddr && memory_has_frame(g.root);
}

function load_save(g: struct_guest_cpu, w: Int32Array): boolean {
	g.cr0 = w[S_CR0]!;
	g.cr3 = getn(w, S_CR3);
	g.cr4 = w[S_CR4]! >>> 0;
	g.efer = w[S_EFER]!;
	g.rip = gets(w, S_RIP);
	g.rflags = w[S_RFLAGS]! & RFLAGS_MASK | RFLAGS_FIXED;
	g.cpl = (w[S_CPL]! >> CPL_SHIFT) & 3;
	load_segment(g.cs, w, S_CS);
	load_segment(g.ss, w, S_SS);
	g.tr_base = gets(w, S_TR + 2);
	g.gdt_base = gets(w, S_GDTR + 2);
	g.gdt_limit = w[S_GDTR + 1]! & 0xffff;
	g.idt_base = gets(w, S_IDTR + 2);
	g.idt_limit = w[S_IDTR + 1]! & 0xffff;
	g.nmi_blocked = false;
	g.halted = false;

	if ((w[S_CR0 + 1]! | w[S_CR4 + 1]! | w[S_EFER + 1]! | w[S_DR6 + 1]! | w[S_DR7 + 1]!) !== 0)
		return false;
	if ((g.efer & EFER_SVME) === 0 || (g.efer & ~0x1d01) !== 0)
		return false;
	if ((g.cr0 & ~CR0_VALID) !== 0 || (g.cr0 & (CR0_CD | CR0_NW)) === CR0_NW)
		return false;
	if ((g.cr4 & ~CR4_VALID) !== 0 || g.cr3 >= 2 ** maxphyaddr)
		return false;
	/* long mode is active when enabled and paging is on */
	if ((g.efer & EFER_LME) !== 0 && (g.cr0 & CR0_PG) !== 0) {
		if ((g.cr4 & CR4_PAE) === 0 || (g.cr0 & CR0_PE) === 0)
			return false;
		if ((g.cs.ar & AR_L) !== 0 && (g.cs.ar & (1 << 14)) !== 0)
			return false;
	} else if ((g.efer & EFER_LMA) !== 0) {
		g.efer -= EFER_LMA;
	}
	return true;
}

function load_event(g: struct_guest_cpu, w: Int32Array): boolean {
	const info = w[C_EVENT_INJ]! >>> 0;

	g.inject = 0;
	if ((info & SVM_EVTINJ_VALID) === 0)
		return true;
	const type = info & SVM_EVTINJ_TYPE_MASK;
	/* the CPU does not look at an NMI's vector */
	const vector = type === SVM_EVTINJ_TYPE_NMI ? 2 : info & 0xff;
	if (type === 0x100 || type > SVM_EVTINJ_TYPE_SOFT)
		return false;
	if (type === SVM_EVTINJ_TYPE_EXEPT && (vector === 2 || vector > 31))
		return false;
	g.inject = (info & 0x80000f00 | vector) >>> 0;
	g.inject_error = (info & INTR_INFO_DELIVER_CODE_MASK) !== 0 ?
		w[control.event_inj_err >> 2]! >>> 0 : 0;
	/* a software interrupt returns behind its instruction */
	const next = gets(w, control.next_rip >> 2);
	g.inject_len = type === SVM_EVTINJ_TYPE_SOFT && next !== 0 ? next - g.rip : 0;
	return true;
}

function tlb_control(w: Int32Array, asid: number): boolean {
	switch (w[C_TLB_CTL]! & 0xff) {
	case TLB_CONTROL_DO_NOTHING:
		return true;
	case TLB_CONTROL_FLUSH_ALL_ASID:
		guest_tlb_flush_all(this_cpu);
		return true;
	case TLB_CONTROL_FLUSH_ASID:
	case TLB_CONTROL_FLUSH_ASID_LOCAL:
		guest_tlb_flush_asid(this_cpu, asid);
		return true;
	default:
		return false;
	}
}

/**
 * VMRUN of the VMCB in frame @vmcb_pfn. Always 0; guest_run() says when the guest has left: at
 * once, with SVM_EXIT_ERR, if the VMCB is not consistent. RAX and RSP come from the VMCB and go
 * back there; the guest uses @regs meanwhile.
 */
export function svm_enter(g: struct_guest_cpu, regs: BigUint64Array, vmcb_pfn: number): number {
	if (!g.svm || g.vmc !== vmcb_pfn) {
		g.svm = true;
		g.vmc = vmcb_pfn;
		g.words = frame_words(vmcb_pfn);
		g.shadow_mov_ss = false;
		g.apic_access_pfn = -1;
		g.cr0_mask = g.cr4_mask = 0;
		g.pin = g.exec = g.exec2 = 0;
	}
	const w = g.words;
	g.state_dirty = false;
	if (!load_control(g, w) || !load_save(g, w) || !load_event(g, w) ||
	    !tlb_control(w, g.vpid)) {
		frame_put32(vmcb_pfn, control.exit_code, SVM_EXIT_ERR);
		frame_put32(vmcb_pfn, control.exit_code_hi, -1);
		frame_put32(vmcb_pfn, control.exit_int_info, 0);
		g.in_guest = false;
		return 0;
	}
	g.ept_ad = true;
	g.pml = false;
	if (g.regs !== regs)
		guest_set_regs(g, regs);
	const r = g.regs32;
	r[0] = w[S_RAX]!;
	r[1] = w[S_RAX + 1]!;
	r[8] = w[S_RSP]!;
	r[9] = w[S_RSP + 1]!;
	guest_enter(g, this_cpu, regs);
	return 0;
}

/*
 * FS, GS, LDTR and TR, and the MSRs of system calls: words of the save area. The CPU has them in
 * the VMCB that VMLOAD named, where guest_rdmsr() and guest_wrmsr() find them, until the next
 * VMLOAD; VMSAVE to the same VMCB has nothing left to do.
 */
const HIDDEN = [save.fs, save.fs + 8, save.gs, save.gs + 8, save.ldtr, save.ldtr + 8, save.tr,
	save.tr + 8, save.star, save.lstar, save.cstar, save.sfmask, save.kernel_gs_base,
	save.sysenter_cs, save.sysenter_esp, save.sysenter_eip];

/** VMLOAD: hidden state of the CPU from a VMCB. */
export function vmload(vmcb_pfn: number): void {
	this_cpu.hidden_pfn = vmcb_pfn;
}

/** VMSAVE */
export function vmsave(vmcb_pfn: number): void {
	const from = this_cpu.hidden_pfn;

	if (from === vmcb_pfn)
		return;
	for (const at of HIDDEN)
		frame_put64(vmcb_pfn, SAVE_AREA + at,
			from < 0 ? 0n : frame_get64(from, SAVE_AREA + at));
}

/** INVLPGA */
export function invlpga(gva: number, asid: number): void {
	guest_tlb_flush_gva(this_cpu, asid, gva);
}

