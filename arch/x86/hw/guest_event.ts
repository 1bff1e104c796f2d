// SPDX-License-Identifier: GPL-2.0
/*
 * Events in a guest: exceptions, their interception, delivery through the guest's IDT, and what
 * waits for a window.
 *
 * Port-only. An event is named as in the VMCS's interruption information: vector, type << 8, error
 * code bit 11, valid bit 31; SVM's event_inj has the same format. A fault while an event is being
 * delivered becomes a double fault where the architecture says so, and a fault of that a shutdown.
 */
import { tlb_direct_again, tlb_drop_page, tlb_lookup, tracking } from "./tlb.ts";
import { mce_guest, mce_td } from "./mce.ts";
import { FRAME_META, frame_get64, frame_put64, frame_state } from "./memory.ts";
import { guest_keyid, page_read, page_write, td_poison } from "./guest_bytes.ts";
import { WALK_APIC, WALK_FAULT, WALK_MODE, WALK_NESTED, WALK_POISON, guest_walk, walk_error,
	walk_gpa } from "./guest_walk.ts";
import { GTLB_EXEC, GTLB_SR, GTLB_SW, GTLB_WRITE } from "./guest_cells.ts";
import { guest_tlb_drop } from "./guest_tlb.ts";
import { guest_long_code, guest_set_cpl, guest_start } from "./guest_enter.ts";
import {
	AR_DB, AR_DPL_SHIFT, AR_L, AR_P, AR_UNUSABLE, CR0_PE, DB_VECTOR, DF_VECTOR, DR6_BS,
	EFER_LMA, GP_VECTOR, MC_VECTOR, NP_VECTOR, PF_VECTOR, RFLAGS_AC, RFLAGS_IF, RFLAGS_NT,
	RFLAGS_RF,
	RFLAGS_TF, RFLAGS_VM, SS_VECTOR,
} from "./guest_paging.ts";
import type { struct_guest_cpu } from "./guest_types.ts";
import { vmcs_get32 } from "./vmcs.ts";
import { vmx_exit, vmx_exit_apic, vmx_exit_exception, vmx_exit_interrupt, vmx_exit_nested } from
	"./vmx_exit.ts";
import { guest_set_cr2, svm_dr_at, svm_exit, svm_exit_nested, svm_intercepts } from "./svm_exit.ts";
import {
	EXIT_REASON_INTERRUPT_WINDOW, EXIT_REASON_NMI_WINDOW, EXIT_REASON_TRIPLE_FAULT,
	CPU_BASED_INTR_WINDOW_EXITING, CPU_BASED_NMI_WINDOW_EXITING, INTR_INFO_DELIVER_CODE_MASK,
	INTR_INFO_INTR_TYPE_MASK, INTR_INFO_VALID_MASK, INTR_TYPE_EXT_INTR,
	INTR_TYPE_HARD_EXCEPTION, INTR_TYPE_NMI_INTR, INTR_TYPE_SOFT_EXCEPTION, INTR_TYPE_SOFT_INTR,
	PAGE_FAULT_ERROR_CODE_MASK, PAGE_FAULT_ERROR_CODE_MATCH, PIN_BASED_EXT_INTR_MASK,
} from "./vmx_defs.ts";
import {
	INTERCEPT_EXCEPTION_OFFSET, INTERCEPT_INTR, INTERCEPT_SHUTDOWN, INTERCEPT_VINTR,
	SVM_EXIT_EXCP_BASE, SVM_EXIT_INTR, SVM_EXIT_SHUTDOWN, SVM_EXIT_VINTR,
	V_IGN_TPR_MASK, V_INTR_PRIO_MASK, V_INTR_PRIO_SHIFT, V_IRQ_MASK, V_TPR_MASK,
} from "./svm_defs.ts";

/* Accesses that may fail: into an exit, or an exception. */

/**
 * Frame of the page at a canonical address; -1 if the guest left, or was led to a handler, instead.
 * @need GTLB_*.
 */
export function guest_page(g: struct_guest_cpu, gva: number, need: number): number {
	const t = g.cpu!.guest_tlb!;
	const lo = gva | 0, hi = Math.floor(gva * 2 ** -32);
	let pfn = tlb_lookup(t, lo, hi, need);

	if (pfn < 0) {
		const missing = pfn === -1;
		pfn = guest_walk(g, g.cpu!, t, lo, hi, need);
		if (pfn >= 0)
			return pfn;
		/* what stopped it has no translation left */
		if (!missing && pfn !== WALK_MODE)
			tlb_drop_page(t, lo, hi);
		guest_page_failed(g, gva, lo, hi, need, pfn);
		return -1;
	}
	/* it may have lost direct access to other frames' trouble */
	if (tracking && (frame_state(pfn) & FRAME_META) === 0 && guest_keyid(g, gva) === 0)
		tlb_direct_again(t, lo, hi, pfn);
	return pfn;
}

/** What a walk for @gva, halves @lo and @hi, that said WALK_* leads to. */
export function guest_page_failed(g: struct_guest_cpu, gva: number, lo: number, hi: number,
	need: number, why: number): void {
	/* the TLB has lost the page, if it is the one that the guest runs in */
	if (Math.floor(gva / 4096) === g.text_page)
		g.text_stamp = 0;
	switch (why) {
	case WALK_FAULT:
		guest_page_fault(g, walk_error, gva);
		break;
	case WALK_NESTED:
		if (g.svm === true)
			svm_exit_nested(g);
		else
			vmx_exit_nested(g, lo, hi);
		break;
	case WALK_POISON:
		td_poison(g, walk_gpa, false);
		break;
	case WALK_APIC:
		vmx_exit_apic(g, (need & GTLB_WRITE) !== 0, (need & GTLB_EXEC) !== 0);
		break;
	default:
		/* a mode of paging that is not modelled: as if its tables were void */
		guest_shutdown(g);
		break;
	}
}

const canonical = (gva: number): boolean => gva < 0x800000000000 && gva >= -0x800000000000;

/** Bytes of the processor's own structures; false as above. */
function system_read(g: struct_guest_cpu, gva: number, to: Uint8Array, n: number): boolean {
	if (!canonical(gva) || !canonical(gva + n - 1)) {
		guest_exception(g, GP_VECTOR, 0);
		return false;
	}
	for (let done = 0; done < n;) {
		const some = Math.min(n - done, 4096 - ((gva + done) & 0xfff));
		const pfn = guest_page(g, gva + done, GTLB_SR);
		if (pfn < 0)
			return false;
		if (!page_read(g, pfn, gva + done, to, done, some))
			return false;
		done += some;
	}
	return true;
}

function system_write(g: struct_guest_cpu, gva: number, from: Uint8Array, n: number): boolean {
	const some = Math.min(n, 4096 - (gva & 0xfff));

	if (!canonical(gva) || !canonical(gva + n - 1)) {
		guest_exception(g, SS_VECTOR, 0);
		return false;
	}
	const first = guest_page(g, gva, GTLB_SR | GTLB_SW);
	if (first < 0)
		return false;
	if (some < n) {
		const second = guest_page(g, gva + some, GTLB_SR | GTLB_SW);
		if (second < 0)
			return false;
		if (!page_write(g, second, gva + some, from, some, n - some))
			return false;
	}
	return page_write(g, first, gva, from, 0, some);
}

/* Exceptions. */

/** Shutdown: what remains when not even the double fault can be delivered. */
export function guest_shutdown(g: struct_guest_cpu): void {
	g.vectoring = 0;
	if (!g.svm) {
		vmx_exit(g, EXIT_REASON_TRIPLE_FAULT, 0, 0);
		return;
	}
	if (!svm_intercepts(g, INTERCEPT_SHUTDOWN))
		throw new Error(`machine: cpu ${g.cpu!.id}: shut down by its guest`);
	svm_exit(g, SVM_EXIT_SHUTDOWN, 0, 0);
}

const contributory = (vector: number): boolean =>
	vector === 0 || (vector >= 10 && vector <= 13);

const has_error_code = (vector: number): boolean =>
	vector === 8 || (vector >= 10 && vector <= 14) || vector === 17;

function page_fault_exits(g: struct_guest_cpu, error: number): boolean {
	const mask = vmcs_get32(g.vmc, PAGE_FAULT_ERROR_CODE_MASK);
	const match = vmcs_get32(g.vmc, PAGE_FAULT_ERROR_CODE_MATCH);
	const bit = (g.exceptions & (1 << PF_VECTOR)) !== 0;

	return ((error & mask) >>> 0 === match) === bit;
}

/** True if it went to the kernel. */
function intercepted(g: struct_guest_cpu, info: number, error: number, qual: number,
	len: number): boolean {
	const vector = info & 0xff;

	if (g.svm) {
		if (!svm_intercepts(g, INTERCEPT_EXCEPTION_OFFSET + vector))
			return false;
		svm_exit(g, SVM_EXIT_EXCP_BASE + vector, error, qual);
		return true;
	}
	if (vector === PF_VECTOR ? !page_fault_exits(g, error) :
	    (g.exceptions & (1 << vector)) === 0)
		return false;
	vmx_exit_exception(g, info, error, qual, len);
	return true;
}

function raise(g: struct_guest_cpu, vector: number, error: number, addr: number): void {
	const before = g.vectoring;

	if (before !== 0 && (before & INTR_INFO_INTR_TYPE_MASK) === INTR_TYPE_HARD_EXCEPTION) {
		const first = before & 0xff;
		if (first === DF_VECTOR) {
			guest_shutdown(g);
			return;
		}
		if ((contributory(first) && contributory(vector)) ||
		    (first === PF_VECTOR && (contributory(vector) || vector === PF_VECTOR))) {
			vector = DF_VECTOR;
			error = 0;
		}
	}
	let info = (INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | vector) >>> 0;
	if (has_error_code(vector) && (g.cr0 & CR0_PE) !== 0)
		info += INTR_INFO_DELIVER_CODE_MASK;
	if (intercepted(g, info, error, vector === PF_VECTOR ? addr : 0, 0))
		return;
	if (vector === PF_VECTOR)
		guest_set_cr2(g, BigInt.asUintN(64, BigInt(addr)));
	deliver(g, info, error, 0);
}

/** A fault of the operation at g.rip; @error is of account where the vector has one. */
export function guest_exception(g: struct_guest_cpu, vector: number, error: number): void {
	raise(g, vector, error, 0);
}

/** The access that was just tried met poison; it has not happened. */
export function guest_machine_check(g: struct_guest_cpu, fetch = false): void {
	if (g.td === null)
		mce_guest(g.cpu!, fetch);
	else
		g.td.msmi = mce_td(g.cpu!, g.td.poison_hpa, fetch) === "msmi";
	raise(g, MC_VECTOR, 0, 0);
}

export function guest_page_fault(g: struct_guest_cpu, error: number, addr: number): void {
	guest_tlb_drop(g.cpu!, addr);
	raise(g, PF_VECTOR, error, addr);
}

/** Behind an operation that began with TF set. SVM writes DR6 before it looks for intercepts. */
export function guest_single_step(g: struct_guest_cpu): void {
	const info = (INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | DB_VECTOR) >>> 0;

	if (g.svm)
		frame_put64(g.vmc, svm_dr_at(6), frame_get64(g.vmc, svm_dr_at(6)) | BigInt(DR6_BS));
	if (intercepted(g, info, 0, g.svm ? 0 : DR6_BS, 0))
		return;
	if (!g.svm)
		g.dr[6]! |= BigInt(DR6_BS);
	deliver(g, info, 0, 0);
}

/** INT3 and INT n: traps, @len bytes long. */
export function guest_software_event(g: struct_guest_cpu, vector: number, exception: boolean,
	len: number): void {
	const info = (INTR_INFO_VALID_MASK | vector |
		(exception ? INTR_TYPE_SOFT_EXCEPTION : INTR_TYPE_SOFT_INTR)) >>> 0;

	if (exception && intercepted(g, info, 0, 0, len))
		return;
	deliver(g, info, 0, len);
}

/* Delivery. */

const gate = new Uint8Array(16);
const gate_view = new DataView(gate.buffer);
const desc = new Uint8Array(8);
const desc_view = new DataView(desc.buffer);
const frame = new Uint8Array(48);
const frame_view = new DataView(frame.buffer);

function deliver(g: struct_guest_cpu, info: number, error: number, len: number): void {
	g.vectoring = info;
	g.vectoring_error = error;
	g.vectoring_len = len;
	const done = (g.efer & EFER_LMA) !== 0 ? deliver_long(g, info, error, len) :
		(g.cr0 & CR0_PE) === 0 ? deliver_real(g, info, len) : false;
	if (done) {
		g.vectoring = 0;
		g.halted = false;
		return;
	}
	/* protected mode without paging of this kind: nothing can handle anything */
	if (g.in_guest && g.vectoring === info && (g.efer & EFER_LMA) === 0 &&
	    (g.cr0 & CR0_PE) !== 0)
		guest_shutdown(g);
}

/* #GP and #NP name what they are about: an IDT entry, a selector, and whether it was external */
function selector_fault(g: struct_guest_cpu, vector: number, index: number, info: number): false {
	const type = info & INTR_INFO_INTR_TYPE_MASK;
	const ext = type === INTR_TYPE_SOFT_INTR || type === INTR_TYPE_SOFT_EXCEPTION ? 0 : 1;

	guest_exception(g, vector, index | ext);
	return false;
}

/** A code or data descriptor out of the GDT into desc; false after a fault. */
function load_descriptor(g: struct_guest_cpu, selector: number, info: number): boolean {
	const at = selector & 0xfff8;

	if (at === 0)
		return selector_fault(g, GP_VECTOR, 0, info);
	if ((selector & 4) !== 0 || at + 7 > g.gdt_limit)
		return selector_fault(g, GP_VECTOR, selector & 0xfffc, info);
	return system_read(g, g.gdt_base + at, desc, 8);
}

/** Rights of the descriptor in desc, in the VMCS's format. */
const desc_rights = (): number => (desc_view.getUint32(4, true) >>> 8) & 0xf0ff;

function load_cs(g: struct_guest_cpu, selector: number, ar: number, cpl: number): void {
	g.cs.selector = (selector & 0xfffc) | cpl;
	g.cs.ar = ar | 1;
	g.cs.base = 0;
	g.cs.limit = 0xffffffff;
	g.state_dirty = true;
}

function load_null_ss(g: struct_guest_cpu, cpl: number): void {
	g.ss.selector = cpl;
	g.ss.ar = AR_UNUSABLE | (cpl << AR_DPL_SHIFT);
	g.state_dirty = true;
}

function deliver_long(g: struct_guest_cpu, info: number, error: number, len: number): boolean {
	const vector = info & 0xff, at = vector * 16;
	const type = info & INTR_INFO_INTR_TYPE_MASK;
	const idt_error = vector * 8 + 2;

	if (at + 15 > g.idt_limit)
		return selector_fault(g, GP_VECTOR, idt_error, info);
	if (!system_read(g, g.idt_base + at, gate, 16))
		return false;
	const attr = gate[5]!, selector = gate_view.getUint16(2, true), ist = gate[4]! & 7;
	if ((attr & 0x1f) !== 0xe && (attr & 0x1f) !== 0xf)
		return selector_fault(g, GP_VECTOR, idt_error, info);
	if ((type === INTR_TYPE_SOFT_INTR || type === INTR_TYPE_SOFT_EXCEPTION) &&
	    ((attr >> 5) & 3) < g.cpl)
		return selector_fault(g, GP_VECTOR, idt_error, info);
	if ((attr & 0x80) === 0)
		return selector_fault(g, NP_VECTOR, idt_error, info);
	const handler = gate_view.getUint16(0, true) + gate_view.getUint16(6, true) * 65536 +
		gate_view.getInt32(8, true) * 2 ** 32;

	if (!load_descriptor(g, selector, info))
		return false;
	const ar = desc_rights(), dpl = (ar >> AR_DPL_SHIFT) & 3;
	if ((ar & 0x18) !== 0x18 || dpl > g.cpl || (ar & (AR_L | AR_DB)) !== AR_L)
		return selector_fault(g, GP_VECTOR, selector & 0xfffc, info);
	if ((ar & 0x80) === 0)
		return selector_fault(g, NP_VECTOR, selector & 0xfffc, info);
	const cpl = (ar & 4) !== 0 ? g.cpl : dpl;
	if (!canonical(handler))
		return selector_fault(g, GP_VECTOR, 0, info);

	let rsp = Number(BigInt.asIntN(64, g.regs[4]!));
	if (ist !== 0 || cpl < g.cpl) {
		/* stacks are in the TSS: RSP0 at 4, IST1 at 36 */
		if (!system_read(g, g.tr_base + (ist !== 0 ? 28 + ist * 8 : 4 + cpl * 8), desc, 8))
			return false;
		rsp = Number(desc_view.getBigInt64(0, true));
	}
	rsp -= rsp & 15;
	return push_frame(g, info, error, len, rsp, cpl, selector, ar, handler, (attr & 1) === 0);
}

/** The frame, then the new state: from here on nothing can fail but the push itself. */
function push_frame(g: struct_guest_cpu, info: number, error: number, len: number, rsp: number,
	cpl: number, selector: number, ar: number, handler: number, interrupt: boolean): boolean {
	const has_error = (info & INTR_INFO_DELIVER_CODE_MASK) !== 0;
	const type = info & INTR_INFO_INTR_TYPE_MASK;
	const n = has_error ? 48 : 40;
	let i = 0;

	if (has_error) {
		frame_view.setBigUint64(0, BigInt(error >>> 0), true);
		i = 8;
	}
	const fault = type === INTR_TYPE_HARD_EXCEPTION && (info & 0xff) !== DB_VECTOR ?
		RFLAGS_RF : 0;
	frame_view.setBigInt64(i, BigInt(g.rip - g.rip_base + len), true);
	frame_view.setBigUint64(i + 8, BigInt(g.cs.selector), true);
	frame_view.setBigUint64(i + 16, BigInt((g.rflags | fault) >>> 0), true);
	frame_view.setBigUint64(i + 24, g.regs[4]!, true);
	frame_view.setBigUint64(i + 32, BigInt(g.ss.selector), true);
	if (!system_write(g, rsp - n, frame, n))
		return false;

	g.regs[4] = BigInt.asUintN(64, BigInt(rsp - n));
	g.rflags &= ~(RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM);
	if (interrupt)
		g.rflags &= ~RFLAGS_IF;
	load_cs(g, selector, ar, cpl);
	if (cpl !== g.cpl) {
		load_null_ss(g, cpl);
		guest_set_cpl(g, cpl);
	}
	g.step = false;
	if (type === INTR_TYPE_NMI_INTR)
		g.nmi_blocked = true;
	g.shadow = g.shadow_mov_ss = false;
	g.rip_base = 0;
	g.entry_rip = NaN;
	g.rip = handler;
	g.attention = true;
	guest_start(g, handler);
	return true;
}

/** Real mode: four bytes for each vector, six on the stack. */
function deliver_real(g: struct_guest_cpu, info: number, len: number): boolean {
	const at = (info & 0xff) * 4;

	if (at + 3 > g.idt_limit)
		return selector_fault(g, GP_VECTOR, (info & 0xff) * 8 + 2, info);
	if (!system_read(g, g.idt_base + at, desc, 4))
		return false;
	const ip = desc_view.getUint16(0, true), selector = desc_view.getUint16(2, true);
	const sp = (Number(g.regs[4]! & 0xffffn) - 6) & 0xffff;
	frame_view.setUint16(0, g.rip - g.rip_base + len, true);
	frame_view.setUint16(2, g.cs.selector, true);
	frame_view.setUint16(4, g.rflags, true);
	if (!system_write(g, g.ss.base + sp, frame, 6))
		return false;
	g.regs[4] = (g.regs[4]! & ~0xffffn) | BigInt(sp);
	g.rflags &= ~(RFLAGS_TF | RFLAGS_IF | RFLAGS_RF | RFLAGS_AC);
	g.cs.selector = selector;
	g.cs.base = selector * 16;
	g.rip_base = g.cs.base;
	g.entry_rip = NaN;
	g.rip = g.rip_base + ip;
	g.state_dirty = true;
	g.shadow = g.shadow_mov_ss = false;
	g.attention = true;
	guest_start(g, g.rip);
	return true;
}

/** IRETQ. False if it faulted, or the guest left; else RIP is where it goes on. */
export function guest_iret(g: struct_guest_cpu): boolean {
	const rsp = Number(BigInt.asIntN(64, g.regs[4]!));

	if (!guest_long_code(g)) {
		/* other modes are not modelled */
		guest_exception(g, GP_VECTOR, 0);
		return false;
	}
	if (!system_read(g, rsp, frame, 40))
		return false;
	const rip = Number(frame_view.getBigInt64(0, true));
	const cs = frame_view.getUint16(8, true), flags = frame_view.getUint32(16, true);
	const new_rsp = frame_view.getBigUint64(24, true), ss = frame_view.getUint16(32, true);
	const cpl = cs & 3;
	if (cpl < g.cpl || !canonical(rip)) {
		guest_exception(g, GP_VECTOR, cpl < g.cpl ? cs & 0xfffc : 0);
		return false;
	}
	/* read both descriptors before anything changes */
	let cs_ar = -1, ss_ar = -1;
	if (cs !== g.cs.selector || cpl !== g.cpl) {
		if (!load_descriptor(g, cs, INTR_TYPE_SOFT_INTR))
			return false;
		cs_ar = desc_rights();
		if ((cs_ar & 0x18) !== 0x18 || (cs_ar & (AR_L | AR_DB)) !== AR_L ||
		    ((cs_ar >> AR_DPL_SHIFT) & 3) > cpl) {
			guest_exception(g, GP_VECTOR, cs & 0xfffc);
			return false;
		}
	}
	if (ss !== g.ss.selector && (ss & 0xfffc) !== 0) {
		if (!load_descriptor(g, ss, INTR_TYPE_SOFT_INTR))
			return false;
		ss_ar = desc_rights();
	}
	if (cs_ar >= 0)
		load_cs(g, cs, cs_ar, cpl);
	if (ss_ar >= 0) {
		g.ss.selector = ss;
		g.ss.ar = ss_ar | 1;
		g.state_dirty = true;
	} else if (ss !== g.ss.selector) {
		load_null_ss(g, cpl);
	}
	/* IOPL and IF are the kernel's to change */
	const keep = g.cpl === 0 ? RFLAGS_VM : RFLAGS_VM | 0x3000 |
		(((g.rflags >> 12) & 3) < g.cpl ? RFLAGS_IF : 0);
	g.rflags = ((flags & 0x247fd5 & ~keep) | (g.rflags & keep) | 2) >>> 0;
	g.regs[4] = new_rsp;
	if (cpl !== g.cpl)
		guest_set_cpl(g, cpl);
	g.nmi_blocked = false;
	g.rip = rip;
	g.rip_base = 0;
	g.entry_rip = NaN;
	g.attention = true;
	return true;
}

/** JMP far to a code segment: true when CS is loaded, with base 0 whatever the descriptor says. */
export function guest_far_jump(g: struct_guest_cpu, selector: number): boolean {
	if (!load_descriptor(g, selector, INTR_TYPE_SOFT_INTR))
		return false;
	const ar = desc_rights(), dpl = (ar >> AR_DPL_SHIFT) & 3;
	/* conforming ones run at the caller's level */
	if ((ar & 0x18) !== 0x18 || (ar & (AR_L | AR_DB)) === (AR_L | AR_DB) ||
	    ((ar & 4) !== 0 ? dpl > g.cpl : dpl !== g.cpl || (selector & 3) > g.cpl)) {
		guest_exception(g, GP_VECTOR, selector & 0xfffc);
		return false;
	}
	if ((ar & AR_P) === 0) {
		guest_exception(g, NP_VECTOR, selector & 0xfffc);
		return false;
	}
	load_cs(g, selector, ar, g.cpl);
	g.rip_base = 0;
	g.entry_rip = NaN;
	g.text_stamp = 0;
	return true;
}

/* What waits. */

/** A physical interrupt, or the end of the guest's turn. */
export function guest_interrupt(g: struct_guest_cpu): void {
	if (!g.in_guest)
		return;
	if (g.svm) {
		if (svm_intercepts(g, INTERCEPT_INTR))
			svm_exit(g, SVM_EXIT_INTR, 0, 0);
	} else if ((g.pin & PIN_BASED_EXT_INTR_MASK) !== 0) {
		vmx_exit_interrupt(g);
	}
}

/** A virtual interrupt of int_ctl, when the guest takes it. */
function virtual_interrupt(g: struct_guest_cpu): void {
	const prio = (g.int_ctl & V_INTR_PRIO_MASK) >> V_INTR_PRIO_SHIFT;

	if ((g.int_ctl & V_IRQ_MASK) === 0 || (g.rflags & RFLAGS_IF) === 0 || g.shadow ||
	    ((g.int_ctl & V_IGN_TPR_MASK) === 0 && prio <= (g.int_ctl & V_TPR_MASK)))
		return;
	if (svm_intercepts(g, INTERCEPT_VINTR)) {
		svm_exit(g, SVM_EXIT_VINTR, 0, 0);
		return;
	}
	g.int_ctl &= ~V_IRQ_MASK;
	deliver(g, (INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR | (g.int_vector & 0xff)) >>> 0, 0, 0);
}

/** Before an operation, when g.attention says so: injects, opens windows. False: it has left. */
export function guest_events(g: struct_guest_cpu): boolean {
	g.attention = false;
	if (g.inject !== 0) {
		const info = g.inject;
		g.inject = 0;
		deliver(g, info, g.inject_error, g.inject_len);
		if (!g.in_guest)
			return false;
	}
	if (g.svm === true) {
		if ((g.int_ctl & V_IRQ_MASK) !== 0)
			virtual_interrupt(g);
		/* asked again when IF or the shadow changes */
		g.attention = g.in_guest && (g.shadow || (g.rflags & RFLAGS_TF) !== 0);
		return g.in_guest;
	}
	if ((g.exec & CPU_BASED_NMI_WINDOW_EXITING) !== 0 && g.nmi_blocked === false &&
	    g.shadow_mov_ss === false) {
		vmx_exit(g, EXIT_REASON_NMI_WINDOW, 0, 0);
		return false;
	}
	if ((g.exec & CPU_BASED_INTR_WINDOW_EXITING) !== 0 && (g.rflags & RFLAGS_IF) !== 0 &&
	    g.shadow === false) {
		vmx_exit(g, EXIT_REASON_INTERRUPT_WINDOW, 0, 0);
		return false;
	}
	g.attention = g.shadow === true || (g.rflags & RFLAGS_TF) !== 0;
	return true;
}

