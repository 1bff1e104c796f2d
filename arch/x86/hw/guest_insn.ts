// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions of a guest other than memory accesses: ports, MSRs, control registers, the rest.
 *
 * Port-only. Each is intercepted as VMX or SVM controls say, else executed. Functions return true
 * when the operation is done.
 */
import { rdtsc } from "./clock.ts";
import { cpu_vendor } from "./cpu.ts";
import { hw_cpuid } from "./cpuid.ts";
import { guest_tlb_flush_current, guest_tlb_invlpg, guest_tlb_switch } from "./guest_tlb.ts";
import { frame_get64, frame_get8, frame_put32, frame_put64 } from "./memory.ts";
import { guest_exception, guest_far_jump, guest_software_event } from "./guest_event.ts";
import { guest_mode_changed } from "./guest_enter.ts";
import { guest_string_element } from "./guest_memory.ts";
import { guest_rdmsr, guest_wrmsr } from "./guest_msr.ts";
import { run, run_clock, run_relax } from "./guest_cells.ts";
import {
	CR0_MP, CR0_NE, CR0_PE, CR0_PG, CR0_TS, CR0_VALID, CR4_PAE, CR4_PCIDE, CR4_VALID,
	CR4_VMXE, EFER_LMA, EFER_LME, GP_VECTOR, RFLAGS_DF, RFLAGS_IF, UD_VECTOR,
} from "./guest_paging.ts";
import {
	GOP_CLI, GOP_CPUID, GOP_GET_RFLAGS, GOP_GET_RIP, GOP_HLT, GOP_IN, GOP_INS, GOP_INT,
	GOP_INT3, GOP_INVLPG, GOP_LGDT, GOP_LIDT, GOP_MFENCE, GOP_MOV_IMM, GOP_MOV_REG, GOP_NOP,
	GOP_OUT, GOP_OUTS, GOP_PAUSE, GOP_RDMSR,
	GOP_RDTSC, GOP_READ_CR, GOP_READ_DR, GOP_RELOAD_CS, GOP_SET_RFLAGS, GOP_STI, GOP_TDCALL,
	GOP_UD2, GOP_VMCALL,
	GOP_VMMCALL, GOP_WBINVD, GOP_WRITE_CR, GOP_WRITE_DR, GOP_WRMSR, REG_RAX, REG_RBX, REG_RCX,
	REG_RDI, REG_RDX, REG_RSI, type guest_op, type struct_guest_cpu,
} from "./guest_types.ts";
import { vmcs_get32, vmcs_getn } from "./vmcs.ts";
import { vmx_exit, vmx_exit_string_io } from "./vmx_exit.ts";
import { guest_get_cr2, guest_set_cr2, guest_tsc_offset, svm_dr_at, svm_exit, svm_intercepts,
	vmcb_getn } from "./svm_exit.ts";
import * as v from "./vmx_defs.ts";
import * as s from "./svm_defs.ts";

const control = s.struct_vmcb_control_area.offsets;

/** Exits for an instruction; false, as it is not done. */
function exit(g: struct_guest_cpu, op: guest_op, reason: number, qual: number, code: number,
	info1: number, info2: number): false {
	if (g.svm)
		svm_exit(g, code, info1, info2, op.next_rip);
	else
		vmx_exit(g, reason, qual, op.next_rip - op.rip);
	return false;
}

function fault(g: struct_guest_cpu, vector: number): false {
	guest_exception(g, vector, 0);
	return false;
}

/** Whether a processor-based control, or an intercept, is on. */
const wants = (g: struct_guest_cpu, exec: number, intercept: number): boolean =>
	g.svm ? svm_intercepts(g, intercept) : (g.exec & exec) !== 0;

function set_reg32(g: struct_guest_cpu, reg: number, x: number): void {
	g.regs32[2 * reg] = x;
	g.regs32[2 * reg + 1] = 0;
}

/* Ports. */

const bit_in = (base: number, bit: number): boolean =>
	(frame_get8(base + (bit >> 15), (bit >> 3) & 0xfff) & (1 << (bit & 7))) !== 0;

function port_exits(g: struct_guest_cpu, port: number, size: number): boolean {
	if (g.svm) {
		if (!svm_intercepts(g, s.INTERCEPT_IOIO_PROT))
			return false;
		const base = Math.floor(vmcb_getn(g.vmc, control.iopm_base_pa) / 4096);
		for (let i = 0; i < size; i++)
			if (bit_in(base, port + i))
				return true;
		return false;
	}
	if ((g.exec & v.CPU_BASED_USE_IO_BITMAPS) === 0)
		return (g.exec & v.CPU_BASED_UNCOND_IO_EXITING) !== 0;
	const a = vmcs_getn(g.vmc, v.IO_BITMAP_A) / 4096;
	const b = vmcs_getn(g.vmc, v.IO_BITMAP_B) / 4096;
	for (let i = 0; i < size; i++) {
		const p = port + i;
		if (p > 0xffff || bit_in(p < 0x8000 ? a : b, p & 0x7fff))
			return true;
	}
	return false;
}

function port_io(g: struct_guest_cpu, op: guest_op): boolean {
	const in_ = op.kind === GOP_IN || op.kind === GOP_INS;
	const string = op.kind === GOP_INS || op.kind === GOP_OUTS;
	const { port, size } = op;

	if (g.cpl > ((g.rflags >> 12) & 3))
		return fault(g, GP_VECTOR);
	if (string && op.rep && g.regs[REG_RCX] === 0n)
		return true;
	if (string)
		op.gva = Number(BigInt.asIntN(64, g.regs[in_ ? REG_RDI : REG_RSI]!));
	if (port_exits(g, port, size)) {
		if (g.svm) {
			const info = (in_ ? 1 : 0) | (string ? s.SVM_IOIO_STR_MASK : 0) |
				(op.rep ? s.SVM_IOIO_REP_MASK : 0) |
				(size << s.SVM_IOIO_SIZE_SHIFT) | (4 << s.SVM_IOIO_ASIZE_SHIFT) |
				(string && !in_ ? 3 << 10 : 0);
			svm_exit(g, s.SVM_EXIT_IOIO, port * 65536 + info,
				op.next_rip - g.rip_base, op.next_rip);
			return false;
		}
		const qual = port * 65536 + ((size - 1) | (in_ ? 8 : 0) | (string ? 16 : 0) |
			(op.rep ? 32 : 0) | (op.imm ? 64 : 0));
		if (string)
			vmx_exit_string_io(g, qual, op.next_rip - op.rip, op.gva,
				v.EXIT_REASON_IO_INSTRUCTION);
		else
			vmx_exit(g, v.EXIT_REASON_IO_INSTRUCTION, qual, op.next_rip - op.rip);
		return false;
	}
	/* nothing answers there */
	if (!string) {
		if (in_ && size === 4)
			set_reg32(g, REG_RAX, 0xffffffff);
		else if (in_)
			g.regs32[0]! |= size === 1 ? 0xff : 0xffff;
		return true;
	}
	const pointer = in_ ? REG_RDI : REG_RSI;
	const n = (g.rflags & RFLAGS_DF) !== 0 ? -size : size;
	do {
		if (!guest_string_element(g, op.gva, size, in_))
			return false;
		op.gva += n;
		g.regs[pointer] = BigInt.asUintN(64, BigInt(op.gva));
		if (op.rep)
			g.regs[REG_RCX]!--;
	} while (op.rep && g.regs[REG_RCX] !== 0n);
	return true;
}

/* MSRs. */

function msr_exits(g: struct_guest_cpu, msr: number, write: boolean): boolean {
	if (g.svm) {
		if (!svm_intercepts(g, s.INTERCEPT_MSR_PROT))
			return false;
		const range = msr < 0x2000 ? 0 : msr - 0xc0000000 >>> 0 < 0x2000 ? 1 :
			msr - 0xc0010000 >>> 0 < 0x2000 ? 2 : -1;
		if (range < 0)
			return true;
		const base = Math.floor(vmcb_getn(g.vmc, control.msrpm_base_pa) / 4096);
		return bit_in(base, range * 0x4000 + (msr & 0x1fff) * 2 + (write ? 1 : 0));
	}
	if ((g.exec & v.CPU_BASED_USE_MSR_BITMAPS) === 0)
		return true;
	const base = vmcs_getn(g.vmc, v.MSR_BITMAP) / 4096;
	const high = msr - 0xc0000000 >>> 0 < 0x2000;
	if (msr >= 0x2000 && !high)
		return true;
	return bit_in(base, (write ? 0x4000 : 0) + (high ? 0x2000 : 0) + (msr & 0x1fff));
}

function rdmsr(g: struct_guest_cpu, op: guest_op): boolean {
	const msr = g.regs32[2 * REG_RCX]!;

	if (g.cpl !== 0)
		return fault(g, GP_VECTOR);
	if (msr_exits(g, msr, false))
		return exit(g, op, v.EXIT_REASON_MSR_READ, 0, s.SVM_EXIT_MSR, 0, 0);
	const x = guest_rdmsr(g, msr);
	if (x === null)
		return fault(g, GP_VECTOR);
	g.regs[REG_RAX] = x & 0xffffffffn;
	g.regs[REG_RDX] = x >> 32n;
	return true;
}

function wrmsr(g: struct_guest_cpu, op: guest_op): boolean {
	const msr = g.regs32[2 * REG_RCX]!;

	if (g.cpl !== 0)
		return fault(g, GP_VECTOR);
	if (msr_exits(g, msr, true))
		return exit(g, op, v.EXIT_REASON_MSR_WRITE, 0, s.SVM_EXIT_MSR, 1, 0);
	const x = (g.regs[REG_RDX]! & 0xffffffffn) << 32n | (g.regs[REG_RAX]! & 0xffffffffn);
	return guest_wrmsr(g, msr, x) || fault(g, GP_VECTOR);
}

/* Control and debug registers. */

/** After CR0, CR4 or EFER: long mode follows, the TLB forgets what it must. */
function mode_changed(g: struct_guest_cpu): void {
	const cpu = g.cpu!;

	if ((g.efer & EFER_LME) !== 0 && (g.cr0 & CR0_PG) !== 0)
		g.efer |= EFER_LMA;
	else
		g.efer &= ~EFER_LMA;
	g.state_dirty = true;
	guest_tlb_switch(cpu, g);
	run.tlb = cpu.guest_tlb!;
	guest_mode_changed(g, cpu);
	g.text_stamp = 0;
}

function write_cr0(g: struct_guest_cpu, value: number): boolean {
	const x = g.svm ? value : ((g.cr0 & g.cr0_mask) | (value & ~g.cr0_mask) | CR0_NE) >>> 0;

	if (value > 0xffffffff || (x & ~CR0_VALID) !== 0 ||
	    ((x & CR0_PG) !== 0 && ((x & CR0_PE) === 0 ||
	     ((g.efer & EFER_LME) !== 0 && (g.cr4 & CR4_PAE) === 0))))
		return fault(g, GP_VECTOR);
	g.cr0 = x | 0;
	mode_changed(g);
	return true;
}

function write_cr4(g: struct_guest_cpu, value: number): boolean {
	const x = g.svm ? value : ((g.cr4 & g.cr4_mask) | (value & ~g.cr4_mask)) >>> 0;

	if (value > 0xffffffff || (x & ~CR4_VALID) !== 0 || (g.svm && (x & CR4_VMXE) !== 0) ||
	    ((g.efer & EFER_LMA) !== 0 && (x & CR4_PAE) === 0) ||
	    ((x & CR4_PCIDE) !== 0 && (g.efer & EFER_LMA) === 0))
		return fault(g, GP_VECTOR);
	g.cr4 = x;
	mode_changed(g);
	guest_tlb_flush_current(g.cpu!);
	return true;
}

function write_cr3(g: struct_guest_cpu, raw: bigint): boolean {
	const cpu = g.cpu!;
	const noflush = (g.cr4 & CR4_PCIDE) !== 0 && raw >> 63n !== 0n;
	const value = Number(noflush ? raw & (2n ** 63n - 1n) : raw);

	if (value >= (g.td === null ? 2 ** 46 : g.td.shared_gfn * 4096))
		return fault(g, GP_VECTOR);
	g.cr3 = value;
	g.state_dirty = true;
	guest_tlb_switch(cpu, g);
	if (!noflush)
		guest_tlb_flush_current(cpu);
	guest_mode_changed(g, cpu);
	g.text_stamp = 0;
	return true;
}

function cr_exit(g: struct_guest_cpu, op: guest_op, n: number, read: boolean, reg: number): false {
	exit(g, op, v.EXIT_REASON_CR_ACCESS, n | (read ? 0x10 : 0) | (reg << 8),
		(read ? s.SVM_EXIT_READ_CR0 : s.SVM_EXIT_WRITE_CR0) + n, reg, 0);
	/* decode assist: it was MOV */
	if (g.svm)
		frame_put32(g.vmc, control.exit_info_1 + 4, 1 << 31);
	return false;
}

function read_cr(g: struct_guest_cpu, op: guest_op): boolean {
	const n = op.reg, reg = op.gpr;

	if (n !== 0 && n !== 2 && n !== 3 && n !== 4 && n !== 8)
		return fault(g, UD_VECTOR);
	if (g.cpl !== 0)
		return fault(g, GP_VECTOR);
	if (g.svm ? svm_intercepts(g, s.INTERCEPT_CR0_READ + n) :
	    (n === 3 && (g.exec & v.CPU_BASED_CR3_STORE_EXITING) !== 0) ||
	    (n === 8 && (g.exec & v.CPU_BASED_CR8_STORE_EXITING) !== 0))
		return cr_exit(g, op, n, true, reg);
	let x;
	if (n === 0)
		x = BigInt(((g.cr0 & ~g.cr0_mask) | (g.cr0_shadow & g.cr0_mask)) >>> 0);
	else if (n === 4)
		x = BigInt(((g.cr4 & ~g.cr4_mask) | (g.cr4_shadow & g.cr4_mask)) >>> 0);
	else if (n === 2)
		x = guest_get_cr2(g);
	else if (n === 3)
		x = BigInt(g.cr3);
	else
		x = BigInt(read_cr8(g));
	g.regs[reg] = x;
	return true;
}

/* the task priority: in the virtual APIC page, or int_ctl */
function read_cr8(g: struct_guest_cpu): number {
	if (g.svm)
		return g.int_ctl & s.V_TPR_MASK;
	if ((g.exec & v.CPU_BASED_TPR_SHADOW) === 0)
		return g.cr8;
	return frame_get8(vmcs_getn(g.vmc, v.VIRTUAL_APIC_PAGE_ADDR) / 4096, 0x80) >> 4;
}

function write_cr8(g: struct_guest_cpu, op: guest_op, x: number): boolean {
	if (x > 15)
		return fault(g, GP_VECTOR);
	if (g.svm) {
		g.int_ctl = (g.int_ctl & ~s.V_TPR_MASK) | x;
		g.attention = true;
		return true;
	}
	if ((g.exec & v.CPU_BASED_TPR_SHADOW) === 0) {
		g.cr8 = x;
		return true;
	}
	frame_put32(vmcs_getn(g.vmc, v.VIRTUAL_APIC_PAGE_ADDR) / 4096, 0x80, x << 4);
	if (x >= (vmcs_get32(g.vmc, v.TPR_THRESHOLD) & 15))
		return true;
	/* trap-like: the instruction is done */
	op.pending = false;
	g.rip = op.next_rip;
	g.top!.rip = g.rip;
	vmx_exit(g, v.EXIT_REASON_TPR_BELOW_THRESHOLD, 0, 0);
	return false;
}

function write_cr(g: struct_guest_cpu, op: guest_op): boolean {
	const n = op.reg, reg = op.gpr, raw = g.regs[reg]!, x = Number(raw);

	if (n !== 0 && n !== 2 && n !== 3 && n !== 4 && n !== 8)
		return fault(g, UD_VECTOR);
	if (g.cpl !== 0)
		return fault(g, GP_VECTOR);
	if (g.svm ? svm_intercepts(g, s.INTERCEPT_CR0_WRITE + n) :
	    (n === 0 && (x > 0xffffffff || ((x ^ g.cr0_shadow) & g.cr0_mask) !== 0)) ||
	    (n === 3 && (g.exec & v.CPU_BASED_CR3_LOAD_EXITING) !== 0) ||
	    (n === 4 && (x > 0xffffffff || ((x ^ g.cr4_shadow) & g.cr4_mask) !== 0)) ||
	    (n === 8 && (g.exec & v.CPU_BASED_CR8_LOAD_EXITING) !== 0))
		return cr_exit(g, op, n, false, reg);
	switch (n) {
	case 0:
		if (g.svm && svm_intercepts(g, s.INTERCEPT_SELECTIVE_CR0) &&
		    ((x ^ g.cr0) & ~(CR0_TS | CR0_MP)) !== 0) {
			exit(g, op, 0, 0, s.SVM_EXIT_CR0_SEL_WRITE, reg, 0);
			frame_put32(g.vmc, control.exit_info_1 + 4, 1 << 31);
			return false;
		}
		return write_cr0(g, x);
	case 2:
		guest_set_cr2(g, raw);
		return true;
	case 3:
		return write_cr3(g, raw);
	case 4:
		return write_cr4(g, x);
	default:
		return write_cr8(g, op, x);
	}
}

function access_dr(g: struct_guest_cpu, op: guest_op): boolean {
	const read = op.kind === GOP_READ_DR, reg = op.gpr;
	const n = op.reg === 4 ? 6 : op.reg === 5 ? 7 : op.reg;

	if (g.cpl !== 0)
		return fault(g, GP_VECTOR);
	if (wants(g, v.CPU_BASED_MOV_DR_EXITING,
		(read ? s.INTERCEPT_DR0_READ : s.INTERCEPT_DR0_WRITE) + op.reg))
		return exit(g, op, v.EXIT_REASON_DR_ACCESS, op.reg | (read ? 0x10 : 0) | (reg << 8),
			(read ? s.SVM_EXIT_READ_DR0 : s.SVM_EXIT_WRITE_DR0) + op.reg, reg, 0);
	if (!read && n >= 6 && g.regs[reg]! >> 32n !== 0n)
		return fault(g, GP_VECTOR);
	if (g.svm && n >= 6) {
		if (read)
			g.regs[reg] = BigInt.asUintN(64, frame_get64(g.vmc, svm_dr_at(n)));
		else
			frame_put64(g.vmc, svm_dr_at(n), g.regs[reg]!);
		return true;
	}
	if (read) {
		g.regs[reg] = g.dr[n]!;
		return true;
	}
	g.dr[n] = g.regs[reg]!;
	g.state_dirty = true;
	return true;
}

/* The rest. */

function cpuid(g: struct_guest_cpu, op: guest_op): boolean {
	if (!g.svm || svm_intercepts(g, s.INTERCEPT_CPUID))
		return exit(g, op, v.EXIT_REASON_CPUID, 0, s.SVM_EXIT_CPUID, 0, 0);
	const r = hw_cpuid(cpu_vendor, g.regs32[0]!, g.regs32[2 * REG_RCX]!);
	set_reg32(g, REG_RAX, r.eax);
	set_reg32(g, REG_RBX, r.ebx);
	set_reg32(g, REG_RCX, r.ecx);
	set_reg32(g, REG_RDX, r.edx);
	return true;
}

function hlt(g: struct_guest_cpu, op: guest_op): boolean {
	if (g.cpl !== 0)
		return fault(g, GP_VECTOR);
	if (wants(g, v.CPU_BASED_HLT_EXITING, s.INTERCEPT_HLT))
		return exit(g, op, v.EXIT_REASON_HLT, 0, s.SVM_EXIT_HLT, 0, 0);
	g.halted = true;
	return true;
}

function set_interrupts(g: struct_guest_cpu, on: boolean): boolean {
	if (g.cpl > ((g.rflags >> 12) & 3))
		return fault(g, GP_VECTOR);
	if (!on) {
		g.rflags &= ~RFLAGS_IF;
		return true;
	}
	if ((g.rflags & RFLAGS_IF) === 0) {
		g.rflags |= RFLAGS_IF;
		g.shadow_next = true;
		g.attention = true;
	}
	return true;
}

function load_table(g: struct_guest_cpu, op: guest_op): boolean {
	const idt = op.kind === GOP_LIDT;

	if (g.cpl !== 0)
		return fault(g, GP_VECTOR);
	if (g.svm && svm_intercepts(g, idt ? s.INTERCEPT_LOAD_IDTR : s.INTERCEPT_LOAD_GDTR))
		return exit(g, op, 0, 0, idt ? s.SVM_EXIT_IDTR_WRITE : s.SVM_EXIT_GDTR_WRITE, 0, 0);
	if (idt) {
		g.idt_base = op.gva;
		g.idt_limit = op.len & 0xffff;
	} else {
		g.gdt_base = op.gva;
		g.gdt_limit = op.len & 0xffff;
	}
	g.state_dirty = true;
	return true;
}

function invlpg(g: struct_guest_cpu, op: guest_op): boolean {
	if (g.cpl !== 0)
		return fault(g, GP_VECTOR);
	if (wants(g, v.CPU_BASED_INVLPG_EXITING, s.INTERCEPT_INVLPG))
		return exit(g, op, v.EXIT_REASON_INVLPG, op.gva, s.SVM_EXIT_INVLPG, op.gva, 0);
	guest_tlb_invlpg(g.cpu!, op.gva);
	g.text_stamp = 0;
	return true;
}

function read_tsc(g: struct_guest_cpu, op: guest_op): boolean {
	if (wants(g, v.CPU_BASED_RDTSC_EXITING, s.INTERCEPT_RDTSC))
		return exit(g, op, v.EXIT_REASON_RDTSC, 0, s.SVM_EXIT_RDTSC, 0, 0);
	run_clock();
	const x = BigInt.asUintN(64, BigInt(rdtsc()) + guest_tsc_offset(g));
	g.regs[REG_RAX] = x & 0xffffffffn;
	g.regs[REG_RDX] = x >> 32n;
	return true;
}

function vmcall(g: struct_guest_cpu, op: guest_op): boolean {
	if (g.svm !== (op.kind === GOP_VMMCALL))
		return fault(g, UD_VECTOR);
	if (g.svm && !svm_intercepts(g, s.INTERCEPT_VMMCALL))
		return fault(g, UD_VECTOR);
	return exit(g, op, v.EXIT_REASON_VMCALL, 0, s.SVM_EXIT_VMMCALL, 0, 0);
}

function set_rflags(g: struct_guest_cpu): boolean {
	const iopl = (g.rflags >> 12) & 3;
	const keep = 0x1a0000 | (g.cpl === 0 ? 0 : 0x3000 | (g.cpl > iopl ? RFLAGS_IF : 0));

	g.rflags = ((g.regs32[0]! & 0x257fd5 & ~keep) | (g.rflags & keep) | 2) >>> 0;
	g.attention = true;
	guest_mode_changed(g, g.cpu!);
	return true;
}

/** Executes; true if it is done. */
export function guest_instruction(g: struct_guest_cpu, op: guest_op): boolean {
	switch (op.kind) {
	case GOP_IN:
	case GOP_OUT:
	case GOP_INS:
	case GOP_OUTS:
		return port_io(g, op);
	case GOP_HLT:
		return hlt(g, op);
	case GOP_CPUID:
		return cpuid(g, op);
	case GOP_RDMSR:
		return rdmsr(g, op);
	case GOP_WRMSR:
		return wrmsr(g, op);
	case GOP_VMCALL:
	case GOP_VMMCALL:
		return vmcall(g, op);
	case GOP_TDCALL:
		/* an exit outside SEAM, too */
		return g.svm ? fault(g, UD_VECTOR) : exit(g, op, v.EXIT_REASON_TDCALL, 0, 0, 0, 0);
	case GOP_RELOAD_CS:
		return guest_far_jump(g, op.reg);
	case GOP_RDTSC:
		return read_tsc(g, op);
	case GOP_PAUSE:
		if (wants(g, v.CPU_BASED_PAUSE_EXITING, s.INTERCEPT_PAUSE))
			return exit(g, op, v.EXIT_REASON_PAUSE_INSTRUCTION, 0, s.SVM_EXIT_PAUSE,
				0, 0);
		/* somebody else may have what it waits for */
		run_relax();
		return true;
	case GOP_NOP:
	case GOP_MFENCE:
		return true;
	case GOP_WBINVD:
		if (g.cpl !== 0)
			return fault(g, GP_VECTOR);
		if (g.svm ? svm_intercepts(g, s.INTERCEPT_WBINVD) :
		    (g.exec2 & v.SECONDARY_EXEC_WBINVD_EXITING) !== 0)
			return exit(g, op, v.EXIT_REASON_WBINVD, 0, s.SVM_EXIT_WBINVD, 0, 0);
		return true;
	case GOP_UD2:
		return fault(g, UD_VECTOR);
	case GOP_INT3:
		guest_software_event(g, 3, true, op.next_rip - op.rip);
		return false;
	case GOP_INT:
		guest_software_event(g, op.lo & 0xff, false, op.next_rip - op.rip);
		return false;
	case GOP_CLI:
		return set_interrupts(g, false);
	case GOP_STI:
		return set_interrupts(g, true);
	case GOP_INVLPG:
		return invlpg(g, op);
	case GOP_READ_CR:
		return read_cr(g, op);
	case GOP_WRITE_CR:
		return write_cr(g, op);
	case GOP_READ_DR:
	case GOP_WRITE_DR:
		return access_dr(g, op);
	case GOP_LIDT:
	case GOP_LGDT:
		return load_table(g, op);
	case GOP_GET_RIP:
		g.regs[REG_RAX] = BigInt.asUintN(64, BigInt(op.next_rip));
		return true;
	case GOP_GET_RFLAGS:
		g.regs[REG_RAX] = BigInt(g.rflags >>> 0);
		return true;
	case GOP_SET_RFLAGS:
		return set_rflags(g);
	case GOP_MOV_IMM:
		g.regs32[2 * op.gpr] = op.lo;
		g.regs32[2 * op.gpr + 1] = op.hi;
		return true;
	case GOP_MOV_REG:
		g.regs[op.gpr] = op.size === 8 ? g.regs[op.reg]! : g.regs[op.reg]! & 0xffffffffn;
		return true;
	default:
		return fault(g, UD_VECTOR);
	}
}

