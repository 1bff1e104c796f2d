// SPDX-License-Identifier: GPL-2.0
/*
 * SVM instructions of the current CPU: VMRUN and what goes with it.
 *
 * Port-only. Fields are in the VMCB's frame, in the layout of svm_defs.ts; VMRUN reads all of them
 * each time (clean bits are a hint that this processor does not take). EFER.SVME is the kernel's
 * affair. Registers but RAX and RSP are KVM's own array.
 */
import { frame_get32, frame_get64, frame_put32, frame_put64, memory_has_frame } from "./memory.ts";
import { maxphyaddr, this_cpu } from "./cpu.ts";
import { guest_enter } from "./guest_enter.ts";
import { guest_tlb_flush_all, guest_tlb_flush_asid, guest_tlb_flush_gva } from "./guest_tlb.ts";
import { AR_L, CR0_CD, CR0_NW, CR0_PE, CR0_PG, CR0_VALID, CR4_PAE, CR4_VALID, EFER_LMA, EFER_LME,
	EFER_SVME, RFLAGS_FIXED, RFLAGS_MASK } from "./guest_paging.ts";
import type { guest_segment, struct_guest_cpu } from "./guest_types.ts";
import { HW_NASIDS } from "./cpuid.ts";
import { SAVE_AREA, svm_intercepts, vmcb_getn } from "./svm_exit.ts";
import {
	INTERCEPT_VMRUN, SVM_EVTINJ_TYPE_EXEPT, SVM_EVTINJ_TYPE_MASK, SVM_EVTINJ_TYPE_SOFT,
	SVM_EVTINJ_VALID, SVM_EXIT_ERR, SVM_NESTED_CTL_NP_ENABLE, TLB_CONTROL_DO_NOTHING,
	TLB_CONTROL_FLUSH_ALL_ASID, TLB_CONTROL_FLUSH_ASID, TLB_CONTROL_FLUSH_ASID_LOCAL,
	struct_vmcb_control_area, struct_vmcb_save_area,
} from "./svm_defs.ts";
import { INTR_INFO_DELIVER_CODE_MASK } from "./vmx_defs.ts";

const control = struct_vmcb_control_area.offsets;
const save = struct_vmcb_save_area.offsets;

const gets = (v: number, at: number): number =>
	(frame_get32(v, at) >>> 0) + frame_get32(v, at + 4) * 2 ** 32;

function load_segment(s: guest_segment, v: number, at: number): void {
	const word = frame_get32(v, at), attrib = word >>> 16;

	s.selector = word & 0xffff;
	s.ar = (attrib & 0xff) | ((attrib & 0xf00) << 4);
	s.limit = frame_get32(v, at + 4) >>> 0;
	s.base = gets(v, at + 8);
}

function load_control(g: struct_guest_cpu, v: number): boolean {
	for (let i = 0; i < 6; i++)
		g.intercepts[i] = frame_get32(v, i * 4);
	g.vpid = frame_get32(v, control.asid) >>> 0;
	g.int_ctl = frame_get32(v, control.int_ctl);
	g.int_vector = frame_get32(v, control.int_vector);
	g.tsc_offset = frame_get64(v, control.tsc_offset);
	g.eptp = vmcb_getn(v, control.nested_cr3);
	g.root = Math.floor(g.eptp / 4096);
	g.shadow = (frame_get32(v, control.int_state) & 1) !== 0;
	g.shadow_mov_ss = false;
	g.apic_access_pfn = -1;
	g.cr0_mask = g.cr4_mask = 0;
	g.pin = g.exec = g.exec2 = 0;
	if (g.vpid === 0 || g.vpid >= HW_NASIDS || !svm_intercepts(g, INTERCEPT_VMRUN))
		return false;
	if ((frame_get32(v, control.nested_ctl) & SVM_NESTED_CTL_NP_ENABLE) === 0)
		throw new Error("machine: VMRUN without nested paging");
	return g.eptp < 2 ** maxphyaddr && memory_has_frame(g.root);
}

function load_save(g: struct_guest_cpu, v: number): boolean {
	const at = SAVE_AREA;

	g.cr0 = vmcb_getn(v, at + save.cr0);
	g.cr3 = vmcb_getn(v, at + save.cr3);
	g.cr4 = vmcb_getn(v, at + save.cr4);
	g.efer = vmcb_getn(v, at + save.efer);
	g.cr2 = BigInt.asUintN(64, frame_get64(v, at + save.cr2));
	g.rip = gets(v, at + save.rip);
	g.rflags = frame_get32(v, at + save.rflags) & RFLAGS_MASK | RFLAGS_FIXED;
	g.cpl = (frame_get32(v, (at + save.cpl) & ~3) >> (((at + save.cpl) & 3) * 8)) & 3;
	g.dr[6] = BigInt.asUintN(64, frame_get64(v, at + save.dr6));
	g.dr[7] = BigInt.asUintN(64, frame_get64(v, at + save.dr7));
	load_segment(g.cs, v, at + save.cs);
	load_segment(g.ss, v, at + save.ss);
	g.tr_base = gets(v, at + save.tr + 8);
	g.gdt_base = gets(v, at + save.gdtr + 8);
	g.gdt_limit = frame_get32(v, at + save.gdtr + 4) & 0xffff;
	g.idt_base = gets(v, at + save.idtr + 8);
	g.idt_limit = frame_get32(v, at + save.idtr + 4) & 0xffff;
	g.nmi_blocked = false;
	g.halted = false;

	if ((g.efer & EFER_SVME) === 0 || g.efer > 0xffffffff || (g.efer & ~0x1d01) !== 0)
		return false;
	if (g.cr0 > 0xffffffff || (g.cr0 & ~CR0_VALID) !== 0 ||
	    (g.cr0 & (CR0_CD | CR0_NW)) === CR0_NW)
		return false;
	if (g.cr4 > 0xffffffff || (g.cr4 & ~CR4_VALID) !== 0 || g.cr3 >= 2 ** maxphyaddr)
		return false;
	if (frame_get32(v, at + save.dr6 + 4) !== 0 || frame_get32(v, at + save.dr7 + 4) !== 0)
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

function load_event(g: struct_guest_cpu, v: number): boolean {
	const info = frame_get32(v, control.event_inj) >>> 0;

	g.inject = 0;
	if ((info & SVM_EVTINJ_VALID) === 0)
		return true;
	const type = info & SVM_EVTINJ_TYPE_MASK, vector = info & 0xff;
	if (type === 0x100 || type > SVM_EVTINJ_TYPE_SOFT)
		return false;
	if (type === SVM_EVTINJ_TYPE_EXEPT && (vector === 2 || vector > 31))
		return false;
	g.inject = (info & (0x80000fff)) >>> 0;
	g.inject_error = (info & INTR_INFO_DELIVER_CODE_MASK) !== 0 ?
		frame_get32(v, control.event_inj_err) >>> 0 : 0;
	/* a software interrupt returns behind its instruction */
	const next = gets(v, control.next_rip);
	g.inject_len = type === SVM_EVTINJ_TYPE_SOFT && next !== 0 ? next - g.rip : 0;
	return true;
}

function tlb_control(v: number, asid: number): boolean {
	const tlb_ctl = (frame_get32(v, control.tlb_ctl & ~3) >> ((control.tlb_ctl & 3) * 8)) & 0xff;

	switch (tlb_ctl) {
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
 * VMRUN of the VMCB in frame @vmcb_pfn. Always 0; guest_run() says when the guest has left: at once,
 * with SVM_EXIT_ERR, if the VMCB is not consistent. RAX and RSP come from the VMCB and go back
 * there; the guest uses @regs meanwhile.
 */
export function svm_enter(g: struct_guest_cpu, regs: BigUint64Array, vmcb_pfn: number): number {
	g.svm = true;
	g.vmc = vmcb_pfn;
	g.state_dirty = false;
	if (!load_control(g, vmcb_pfn) || !load_save(g, vmcb_pfn) || !load_event(g, vmcb_pfn) ||
	    !tlb_control(vmcb_pfn, g.vpid)) {
		frame_put32(vmcb_pfn, control.exit_code, SVM_EXIT_ERR);
		frame_put32(vmcb_pfn, control.exit_code_hi, -1);
		frame_put32(vmcb_pfn, control.exit_int_info, 0);
		g.in_guest = false;
		return 0;
	}
	regs[0] = BigInt.asUintN(64, frame_get64(vmcb_pfn, SAVE_AREA + save.rax));
	regs[4] = BigInt.asUintN(64, frame_get64(vmcb_pfn, SAVE_AREA + save.rsp));
	g.ept_ad = true;
	g.pml = false;
	guest_enter(g, this_cpu, regs);
	return 0;
}

/*
 * FS, GS, LDTR and TR, and the MSRs of system calls: words of the save area. The CPU has them in
 * the VMCB that VMLOAD named, where guest_rdmsr() and guest_wrmsr() find them, until the next VMLOAD;
 * VMSAVE to the same VMCB has nothing left to do.
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

