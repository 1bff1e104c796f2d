// SPDX-License-Identifier: GPL-2.0
/*
 * #VMEXIT: from an SVM guest to the kernel.
 *
 * Port-only. The guest's state goes back to its VMCB with the exit code. See vmx_exit.ts.
 */
import { pair, pair_from_u64, pair_to_u64 } from "#asm-generic/pair.ts";
import { frame_get32, frame_get64, frame_put32, frame_put64 } from "./memory.ts";
import type { guest_segment, struct_guest_cpu } from "./guest_types.ts";
import { NESTED_VIOLATION } from "./ept.ts";
import { npt_error } from "./npt.ts";
import { walk_final, walk_gfn, walk_nested, walk_off } from "./guest_walk.ts";
import { leave } from "./vmx_exit.ts";
import { SVM_EXIT_NPF, struct_vmcb_control_area, struct_vmcb_save_area } from "./svm_defs.ts";
import { INTR_INFO_DELIVER_CODE_MASK } from "./vmx_defs.ts";

const control = struct_vmcb_control_area.offsets;
export const SAVE_AREA = struct_vmcb_control_area.size;
const save = struct_vmcb_save_area.offsets;

const PFERR_GUEST_FINAL	= 2 ** 32;
const PFERR_GUEST_PAGE	= 2 ** 33;

/** Whether the kernel asked for exits of this kind (INTERCEPT_*). */
export function svm_intercepts(g: struct_guest_cpu, bit: number): boolean {
	return (g.intercepts[bit >> 5]! & (1 << (bit & 31))) !== 0;
}

export function vmcb_getn(pfn: number, at: number): number {
	return (frame_get32(pfn, at) >>> 0) + (frame_get32(pfn, at + 4) >>> 0) * 2 ** 32;
}

export function vmcb_putn(pfn: number, at: number, x: number): void {
	frame_put32(pfn, at, x);
	frame_put32(pfn, at + 4, Math.floor(x * 2 ** -32));
}

/* attributes: bits 0-7 and 12-15 of the VMCS's format, closed up */
function save_segment(pfn: number, at: number, s: guest_segment): void {
	const attrib = (s.ar & 0xff) | ((s.ar >> 4) & 0xf00);

	frame_put32(pfn, at, s.selector | (attrib << 16));
	frame_put32(pfn, at + 4, s.limit);
	vmcb_putn(pfn, at + 8, s.base);
}

function save_table(pfn: number, at: number, base: number, limit: number): void {
	frame_put32(pfn, at + 4, limit);
	vmcb_putn(pfn, at + 8, base);
}

const S_RIP		= (SAVE_AREA + save.rip) >> 2;
const S_RSP		= (SAVE_AREA + save.rsp) >> 2;
const S_RAX		= (SAVE_AREA + save.rax) >> 2;
const S_RFLAGS		= (SAVE_AREA + save.rflags) >> 2;
const C_INT_STATE	= control.int_state >> 2;
const C_INT_CTL		= control.int_ctl >> 2;
const C_EVENT_INJ	= control.event_inj >> 2;
const C_EXIT_CODE	= control.exit_code >> 2;
const C_INFO1		= control.exit_info_1 >> 2;
const C_INFO2		= control.exit_info_2 >> 2;
const C_INT_INFO	= control.exit_int_info >> 2;
const C_INT_INFO_ERR	= control.exit_int_info_err >> 2;
const C_NEXT_RIP	= control.next_rip >> 2;
const C_INSN_LEN	= control.insn_len >> 2;

function putn(w: Int32Array, at: number, x: number): void {
	w[at] = x;
	w[at + 1] = Math.floor(x * 2 ** -32);
}

function save_guest(g: struct_guest_cpu): void {
	const w = g.words, r = g.regs32;

	putn(w, S_RIP, g.rip - g.rip_base);
	w[S_RSP] = r[8]!;
	w[S_RSP + 1] = r[9]!;
	w[S_RAX] = r[0]!;
	w[S_RAX + 1] = r[1]!;
	w[S_RFLAGS] = g.rflags;
	w[S_RFLAGS + 1] = 0;
	w[C_INT_STATE] = (g.shadow ? 1 : 0) | ((g.rflags & 0x200) !== 0 ? 2 : 0);
	w[C_INT_CTL] = g.int_ctl;
	w[C_EVENT_INJ] = 0;
	if (g.state_dirty)
		save_rest(g, g.vmc);
}

function save_rest(g: struct_guest_cpu, v: number): void {
	const at = SAVE_AREA;

	g.state_dirty = false;
	vmcb_putn(v, at + save.cr0, g.cr0 >>> 0);
	vmcb_putn(v, at + save.cr3, g.cr3);
	vmcb_putn(v, at + save.cr4, g.cr4);
	vmcb_putn(v, at + save.efer, g.efer);
	save_segment(v, at + save.cs, g.cs);
	save_segment(v, at + save.ss, g.ss);
	save_table(v, at + save.gdtr, g.gdt_base, g.gdt_limit);
	save_table(v, at + save.idtr, g.idt_base, g.idt_limit);
	/* a byte in the middle of a word */
	const cpl = at + save.cpl;
	const word = frame_get32(v, cpl & ~3), shift = (cpl & 3) * 8;
	frame_put32(v, cpl & ~3, (word & ~(0xff << shift)) | (g.cpl << shift));
}

/* Registers that lie in the VMCB while the guest runs. */

/** CR2: the CPU's own on VMX. */
export function guest_get_cr2(g: struct_guest_cpu): bigint {
	return g.svm ? BigInt.asUintN(64, frame_get64(g.vmc, SAVE_AREA + save.cr2)) :
		pair_to_u64(pair(g.cr2_lo, g.cr2_hi));
}

export function guest_set_cr2(g: struct_guest_cpu, x: bigint): void {
	if (g.svm)
		frame_put64(g.vmc, SAVE_AREA + save.cr2, x);
	else
		({ lo: g.cr2_lo, hi: g.cr2_hi } = pair_from_u64(x));
}

/** Where DR6 and DR7 are. */
export const svm_dr_at = (n: number): number => SAVE_AREA + (n === 6 ? save.dr6 : save.dr7);

export function guest_tsc_offset(g: struct_guest_cpu): bigint {
	return g.svm ? frame_get64(g.vmc, control.tsc_offset) : g.tsc_offset;
}

/** Out of the guest. @next: where an intercepted instruction ends, 0 for other exits. */
export function svm_exit(g: struct_guest_cpu, code: number, info1: number, info2: number,
	next = 0): void {
	const w = g.words;

	save_guest(g);
	w[C_EXIT_CODE] = code;
	w[C_EXIT_CODE + 1] = 0;
	putn(w, C_INFO1, info1);
	putn(w, C_INFO2, info2);
	/* INT3 is an exception like others here */
	const event = g.vectoring;
	w[C_INT_INFO] = (event & 0x700) === 0x600 ? event & ~0x500 | 0x300 : event;
	w[C_INT_INFO_ERR] = (event & INTR_INFO_DELIVER_CODE_MASK) !== 0 ? g.vectoring_error : 0;
	putn(w, C_NEXT_RIP, next === 0 ? 0 : next - g.rip_base);
	/* no instruction bytes: length 0 */
	w[C_INSN_LEN] = 0;
	g.vectoring = 0;
	leave(g);
}

/** The walk that just failed in the nested tables. */
export function svm_exit_nested(g: struct_guest_cpu): void {
	if (walk_nested !== NESTED_VIOLATION)
		throw new Error(`machine: nested walk ended with ${walk_nested}`);
	svm_exit(g, SVM_EXIT_NPF, npt_error + (walk_final ? PFERR_GUEST_FINAL : PFERR_GUEST_PAGE),
		walk_gfn * 4096 + walk_off);
}
