// SPDX-License-Identifier: GPL-2.0
/*
 * VM exits: from VMX non-root operation to the kernel.
 *
 * Port-only. The state that a guest can change goes back to its VMCS with the reason of the exit.
 * State of the host is not saved or loaded: the kernel in this realm never left.
 */
import type { struct_guest_cpu } from "./guest_types.ts";
import { CR0_PG, EFER_LMA } from "./guest_paging.ts";
import { guest_tlb_flush_current } from "./guest_tlb.ts";
import { NESTED_LOG_FULL, NESTED_R, NESTED_VIOLATION, NESTED_W, NESTED_X, nested_rights } from
	"./ept.ts";
import { walk_access, walk_final, walk_gfn, walk_gpa, walk_nested, walk_off } from "./guest_walk.ts";
import { vmcs_get32, vmcs_put32, vmcs_put64, vmcs_putn, vmcs_word } from "./vmcs.ts";
import {
	EPT_VIOLATION_GVA_IS_VALID, EPT_VIOLATION_GVA_TRANSLATED, EPT_VIOLATION_RWX_SHIFT,
	EXIT_QUALIFICATION, EXIT_REASON_APIC_ACCESS, EXIT_REASON_EPT_MISCONFIG,
	EXIT_REASON_EPT_VIOLATION, EXIT_REASON_EXCEPTION_NMI, EXIT_REASON_EXTERNAL_INTERRUPT,
	EXIT_REASON_PML_FULL, GUEST_ACTIVITY_ACTIVE, GUEST_ACTIVITY_HLT, GUEST_ACTIVITY_STATE,
	GUEST_CR0, GUEST_CR3, GUEST_CR4, GUEST_CS_AR_BYTES, GUEST_CS_BASE, GUEST_CS_LIMIT,
	GUEST_CS_SELECTOR, GUEST_DR7, GUEST_GDTR_BASE, GUEST_GDTR_LIMIT, GUEST_IA32_EFER,
	GUEST_IDTR_BASE, GUEST_IDTR_LIMIT, GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_MOV_SS,
	GUEST_INTR_STATE_NMI, GUEST_INTR_STATE_STI, GUEST_LINEAR_ADDRESS, GUEST_PHYSICAL_ADDRESS,
	GUEST_RFLAGS, GUEST_RIP, GUEST_RSP, GUEST_SS_AR_BYTES, GUEST_SS_BASE, GUEST_SS_LIMIT,
	GUEST_SS_SELECTOR, IDT_VECTORING_ERROR_CODE, IDT_VECTORING_INFO_FIELD,
	INTR_INFO_DELIVER_CODE_MASK, INTR_INFO_VALID_MASK, INTR_TYPE_EXT_INTR,
	TYPE_LINEAR_APIC_INST_FETCH, TYPE_LINEAR_APIC_INST_READ, TYPE_LINEAR_APIC_INST_WRITE,
	VMX_INSTRUCTION_INFO, VM_ENTRY_CONTROLS, VM_ENTRY_IA32E_MODE, VM_ENTRY_INTR_INFO_FIELD,
	VM_EXIT_ACK_INTR_ON_EXIT, VM_EXIT_CONTROLS, VM_EXIT_INSTRUCTION_LEN,
	VM_EXIT_INTR_ERROR_CODE, VM_EXIT_INTR_INFO, VM_EXIT_REASON, VM_EXIT_SAVE_IA32_EFER,
} from "./vmx_defs.ts";

/** Vector of the interrupts that end a guest's turn: the kernel's reschedule interrupt. */
export const EXT_INTR_VECTOR	= 0xfd;
export const EXT_INTR_INFO	= INTR_INFO_VALID_MASK + INTR_TYPE_EXT_INTR + EXT_INTR_VECTOR;

const W_RIP		= vmcs_word(GUEST_RIP);
const W_RSP		= vmcs_word(GUEST_RSP);
const W_RFLAGS		= vmcs_word(GUEST_RFLAGS);
const W_INTERRUPTIBILITY = vmcs_word(GUEST_INTERRUPTIBILITY_INFO);
const W_ACTIVITY	= vmcs_word(GUEST_ACTIVITY_STATE);
const W_REASON		= vmcs_word(VM_EXIT_REASON);
const W_QUALIFICATION	= vmcs_word(EXIT_QUALIFICATION);
const W_LEN		= vmcs_word(VM_EXIT_INSTRUCTION_LEN);
const W_INTR_INFO	= vmcs_word(VM_EXIT_INTR_INFO);
const W_VECTORING	= vmcs_word(IDT_VECTORING_INFO_FIELD);
const W_ENTRY_INTR	= vmcs_word(VM_ENTRY_INTR_INFO_FIELD);
const W_GPA		= vmcs_word(GUEST_PHYSICAL_ADDRESS);
const W_GVA		= vmcs_word(GUEST_LINEAR_ADDRESS);

function save_guest(g: struct_guest_cpu): void {
	const w = g.words;

	if (g.rip !== g.entry_rip) {
		const rip = g.rip - g.rip_base;
		w[W_RIP] = rip;
		w[W_RIP + 1] = Math.floor(rip * 2 ** -32);
	}
	w[W_RSP] = g.regs32[8]!;
	w[W_RSP + 1] = g.regs32[9]!;
	w[W_RFLAGS] = g.rflags;
	w[W_INTERRUPTIBILITY] = (g.shadow_mov_ss === true ? GUEST_INTR_STATE_MOV_SS :
		g.shadow === true ? GUEST_INTR_STATE_STI : 0) |
		(g.nmi_blocked === true ? GUEST_INTR_STATE_NMI : 0);
	w[W_ACTIVITY] = g.halted === true ? GUEST_ACTIVITY_HLT : GUEST_ACTIVITY_ACTIVE;
	if (g.state_dirty === true)
		save_rest(g, g.vmc);
}

function save_rest(g: struct_guest_cpu, v: number): void {
	g.state_dirty = false;
	vmcs_putn(v, GUEST_CR0, g.cr0 >>> 0);
	vmcs_putn(v, GUEST_CR3, g.cr3);
	vmcs_putn(v, GUEST_CR4, g.cr4);
	if ((vmcs_get32(v, VM_EXIT_CONTROLS) & VM_EXIT_SAVE_IA32_EFER) !== 0)
		vmcs_putn(v, GUEST_IA32_EFER, g.efer);
	const entry = vmcs_get32(v, VM_ENTRY_CONTROLS) & ~VM_ENTRY_IA32E_MODE;
	vmcs_put32(v, VM_ENTRY_CONTROLS, entry | ((g.efer & EFER_LMA) !== 0 &&
		(g.cr0 & CR0_PG) !== 0 ? VM_ENTRY_IA32E_MODE : 0));
	vmcs_put64(v, GUEST_DR7, g.dr[7]!);
	vmcs_put32(v, GUEST_CS_SELECTOR, g.cs.selector);
	vmcs_put32(v, GUEST_CS_AR_BYTES, g.cs.ar);
	vmcs_put32(v, GUEST_CS_LIMIT, g.cs.limit);
	vmcs_putn(v, GUEST_CS_BASE, g.cs.base);
	vmcs_put32(v, GUEST_SS_SELECTOR, g.ss.selector);
	vmcs_put32(v, GUEST_SS_AR_BYTES, g.ss.ar);
	vmcs_put32(v, GUEST_SS_LIMIT, g.ss.limit);
	vmcs_putn(v, GUEST_SS_BASE, g.ss.base);
	vmcs_putn(v, GUEST_GDTR_BASE, g.gdt_base);
	vmcs_put32(v, GUEST_GDTR_LIMIT, g.gdt_limit);
	vmcs_putn(v, GUEST_IDTR_BASE, g.idt_base);
	vmcs_put32(v, GUEST_IDTR_LIMIT, g.idt_limit);
}

/** Out of the guest. An instruction's exit has its length, others 0. @qual a number of any sign. */
export function vmx_exit(g: struct_guest_cpu, reason: number, qual: number, len: number): void {
	vmx_exit_at(g, reason, qual | 0, Math.floor(qual * 2 ** -32), len);
}

/** The same; the qualification as two halves. */
function vmx_exit_at(g: struct_guest_cpu, reason: number, lo: number, hi: number,
	len: number): void {
	const w = g.words;

	save_guest(g);
	w[W_REASON] = reason;
	w[W_QUALIFICATION] = lo;
	w[W_QUALIFICATION + 1] = hi;
	w[W_LEN] = len;
	w[W_INTR_INFO] = 0;
	w[W_VECTORING] = g.vectoring;
	if (g.vectoring !== 0) {
		if ((g.vectoring & INTR_INFO_DELIVER_CODE_MASK) !== 0)
			vmcs_put32(g.vmc, IDT_VECTORING_ERROR_CODE, g.vectoring_error);
		/* where a software event would go on */
		if (len === 0)
			w[W_LEN] = g.vectoring_len;
		g.vectoring = 0;
	}
	w[W_ENTRY_INTR]! &= ~INTR_INFO_VALID_MASK;
	leave(g);
}

/** What every way out does. */
export function leave(g: struct_guest_cpu): void {
	const cpu = g.cpu!;

	if (g.vpid === 0)
		guest_tlb_flush_current(cpu);
	g.in_guest = false;
	g.inject = 0;
	g.nr_exits++;
	cpu.in_guest = false;
}

/** An exception, or NMI, that the kernel intercepts. */
export function vmx_exit_exception(g: struct_guest_cpu, info: number, error: number, qual: number,
	len: number): void {
	const v = g.vmc;

	vmx_exit(g, EXIT_REASON_EXCEPTION_NMI, qual, len);
	vmcs_put32(v, VM_EXIT_INTR_INFO, info | INTR_INFO_VALID_MASK);
	if ((info & INTR_INFO_DELIVER_CODE_MASK) !== 0)
		vmcs_put32(v, VM_EXIT_INTR_ERROR_CODE, error);
}

export function vmx_exit_interrupt(g: struct_guest_cpu): void {
	const v = g.vmc;

	vmx_exit(g, EXIT_REASON_EXTERNAL_INTERRUPT, 0, 0);
	if ((vmcs_get32(v, VM_EXIT_CONTROLS) & VM_EXIT_ACK_INTR_ON_EXIT) !== 0)
		vmcs_put32(v, VM_EXIT_INTR_INFO, EXT_INTR_INFO);
}

/** The walk of @lo and @hi that just failed in EPT. */
export function vmx_exit_nested(g: struct_guest_cpu, lo: number, hi: number): void {
	const w = g.words, gfn = walk_gfn, off = walk_off;

	if (walk_nested === NESTED_VIOLATION) {
		const access = walk_access & (NESTED_R | NESTED_W | NESTED_X);
		/* a store needs read too, but is only a write */
		const kind = walk_final === true && (access & NESTED_W) !== 0 &&
			g.access_rmw === false ? NESTED_W : access;
		vmx_exit_at(g, EXIT_REASON_EPT_VIOLATION, kind |
			((nested_rights & 7) << EPT_VIOLATION_RWX_SHIFT) |
			EPT_VIOLATION_GVA_IS_VALID |
			(walk_final === true ? EPT_VIOLATION_GVA_TRANSLATED : 0), 0, 0);
		w[W_GVA] = lo;
		w[W_GVA + 1] = hi;
	} else if (walk_nested === NESTED_LOG_FULL) {
		vmx_exit(g, EXIT_REASON_PML_FULL, 0, 0);
	} else {
		vmx_exit(g, EXIT_REASON_EPT_MISCONFIG, 0, 0);
	}
	w[W_GPA] = gfn << 12 | off;
	w[W_GPA + 1] = gfn <= 0x7fffffff ? gfn >>> 20 : (gfn * 2 ** -20) | 0;
}

/** An access to the APIC-access page. */
export function vmx_exit_apic(g: struct_guest_cpu, write: boolean, fetch: boolean): void {
	vmx_exit(g, EXIT_REASON_APIC_ACCESS, (walk_gpa & 0xfff) | (fetch ?
		TYPE_LINEAR_APIC_INST_FETCH : write ? TYPE_LINEAR_APIC_INST_WRITE :
		TYPE_LINEAR_APIC_INST_READ), 0);
}

/** For exits of INS and OUTS: address size 64, and the address. */
export function vmx_exit_string_io(g: struct_guest_cpu, qual: number, len: number, gva: number,
	reason: number): void {
	const v = g.vmc;

	vmx_exit(g, reason, qual, len);
	vmcs_put32(v, VMX_INSTRUCTION_INFO, 2 << 7);
	vmcs_putn(v, GUEST_LINEAR_ADDRESS, gva);
}
