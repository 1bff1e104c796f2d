// SPDX-License-Identifier: GPL-2.0
/*
 * #VMEXIT: from an SVM guest to the kernel.
 *
 * Port-only. The guest's state goes back to its VMCB with the exit code. See vmx_exit.ts.
 */
import { frame_get32, frame_put32, frame_put64 } from "./memory.ts";
import { offsetof } from "#asm-generic/struct.ts";
import type { guest_segment, struct_guest_cpu } from "./guest_types.ts";
import { NESTED_VIOLATION } from "./ept.ts";
import { npt_error } from "./npt.ts";
import { walk_final, walk_gpa, walk_nested } from "./guest_walk.ts";
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

function save_guest(g: struct_guest_cpu): void {
	const v = g.vmc, at = SAVE_AREA;

	vmcb_putn(v, at + save.rip, g.rip - g.rip_base);
	frame_put64(v, at + save.rsp, g.regs[4]!);
	frame_put64(v, at + save.rax, g.regs[0]!);
	vmcb_putn(v, at + save.rflags, g.rflags >>> 0);
	frame_put64(v, at + save.cr2, g.cr2);
	frame_put32(v, control.int_state, (g.shadow ? 1 : 0) | ((g.rflags & 0x200) !== 0 ? 2 : 0));
	frame_put32(v, control.int_ctl, g.int_ctl);
	frame_put32(v, control.event_inj, frame_get32(v, control.event_inj) & 0x7fffffff);
	if (!g.state_dirty)
		return;
	g.state_dirty = false;
	vmcb_putn(v, at + save.cr0, g.cr0);
	vmcb_putn(v, at + save.cr3, g.cr3);
	vmcb_putn(v, at + save.cr4, g.cr4);
	vmcb_putn(v, at + save.efer, g.efer);
	frame_put64(v, at + save.dr6, g.dr[6]!);
	frame_put64(v, at + save.dr7, g.dr[7]!);
	save_segment(v, at + save.cs, g.cs);
	save_segment(v, at + save.ss, g.ss);
	save_table(v, at + save.gdtr, g.gdt_base, g.gdt_limit);
	save_table(v, at + save.idtr, g.idt_base, g.idt_limit);
	/* a byte in the middle of a word */
	const cpl = at + save.cpl;
	const word = frame_get32(v, cpl & ~3), shift = (cpl & 3) * 8;
	frame_put32(v, cpl & ~3, (word & ~(0xff << shift)) | (g.cpl << shift));
}

/** Out of the guest. @next: where an intercepted instruction ends, 0 for other exits. */
export function svm_exit(g: struct_guest_cpu, code: number, info1: number, info2: number,
	next = 0): void {
	const v = g.vmc;

	save_guest(g);
	frame_put32(v, control.exit_code, code);
	frame_put32(v, control.exit_code_hi, 0);
	vmcb_putn(v, control.exit_info_1, info1);
	vmcb_putn(v, control.exit_info_2, info2);
	frame_put32(v, control.exit_int_info, g.vectoring);
	frame_put32(v, control.exit_int_info_err,
		(g.vectoring & INTR_INFO_DELIVER_CODE_MASK) !== 0 ? g.vectoring_error : 0);
	vmcb_putn(v, control.next_rip, next === 0 ? 0 : next - g.rip_base);
	/* no instruction bytes: length 0 */
	frame_put32(v, offsetof(struct_vmcb_control_area, "insn_len"), 0);
	g.vectoring = 0;
	leave(g);
}

/** The walk that just failed in the nested tables. */
export function svm_exit_nested(g: struct_guest_cpu): void {
	if (walk_nested !== NESTED_VIOLATION)
		throw new Error(`machine: nested walk ended with ${walk_nested}`);
	svm_exit(g, SVM_EXIT_NPF, npt_error + (walk_final ? PFERR_GUEST_FINAL : PFERR_GUEST_PAGE),
		walk_gpa);
}
