// SPDX-License-Identifier: GPL-2.0
/*
 * A small decoder: what bytes in guest memory say, for code that is not a script's, and for the
 * instructions of scripts whose bytes somebody changed.
 *
 * Port-only. One, two and three-byte forms of the instructions that guests of the selftests have in
 * memory; anything else is GOP_UNKNOWN. Memory operands only in 64-bit mode.
 */
import { frame_get8 } from "./memory.ts";
import { guest_long_code } from "./guest_enter.ts";
import { guest_page } from "./guest_event.ts";
import * as k from "./guest_types.ts";
import type { guest_op, struct_guest_cpu } from "./guest_types.ts";

/* bytes from RIP on, as far as they were fetched */
let rip = 0;
let first_pfn = -1;
let second_pfn = -1;
let at = 0;
/** A fetch faulted, or made the guest leave. */
let failed = false;

function byte(g: struct_guest_cpu): number {
	const gva = rip + at++;
	let pfn = first_pfn;

	if (failed)
		return 0;
	if ((rip & 0xfff) + at > 4096) {
		if (second_pfn < 0)
			second_pfn = guest_page(g, gva, g.need_fetch);
		pfn = second_pfn;
		if (pfn < 0) {
			failed = true;
			return 0;
		}
	}
	return frame_get8(pfn, gva & 0xfff);
}

function s8(g: struct_guest_cpu): number {
	return byte(g) << 24 >> 24;
}

function s32(g: struct_guest_cpu): number {
	return byte(g) | (byte(g) << 8) | (byte(g) << 16) | (byte(g) << 24);
}

function simm(g: struct_guest_cpu, size: number): number {
	return size === 2 ? (byte(g) | (byte(g) << 8)) << 16 >> 16 : s32(g);
}

/* prefixes */
let rex = 0;
let opsize = 4;
let rep = false;

/* of a ModRM byte */
let mod = 0;
let reg = 0;
let rm = 0;
let gva = 0;
let rip_relative = false;

const signed = (g: struct_guest_cpu, r: number): number =>
	Number(BigInt.asIntN(64, g.regs[r]!));

function modrm(g: struct_guest_cpu): void {
	const b = byte(g);

	mod = b >> 6;
	reg = ((b >> 3) & 7) | ((rex & 4) << 1);
	rm = (b & 7) | ((rex & 1) << 3);
	gva = 0;
	rip_relative = false;
	if (mod === 3)
		return;
	if ((b & 7) === 4) {
		const sib = byte(g);
		const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
		if (index !== 4)
			gva = signed(g, index) * (1 << (sib >> 6));
		if ((sib & 7) === 5 && mod === 0)
			gva += s32(g);
		else
			gva += signed(g, (sib & 7) | ((rex & 1) << 3));
	} else if ((b & 7) === 5 && mod === 0) {
		gva = s32(g);
		rip_relative = true;
	} else {
		gva = signed(g, rm);
	}
	if (mod === 1)
		gva += s8(g);
	else if (mod === 2)
		gva += s32(g);
}

function memory(g: struct_guest_cpu, op: guest_op, kind: number, size: number): void {
	op.kind = kind;
	op.size = size;
	op.reg = reg;
	op.gva = gva;
	if (kind === k.GOP_STORE) {
		op.lo = g.regs32[2 * reg]!;
		op.hi = g.regs32[2 * reg + 1]!;
	}
}

function port(g: struct_guest_cpu, op: guest_op, kind: number, size: number, imm: boolean): void {
	op.kind = kind;
	op.size = size;
	op.imm = imm;
	op.port = imm ? byte(g) : g.regs32[2 * k.REG_RDX]! & 0xffff;
	op.rep = rep;
	op.reg = kind === k.GOP_INS ? k.REG_RDI : kind === k.GOP_OUTS ? k.REG_RSI : 0;
}

/** MOV with a ModRM operand: 88 to 8b, and MOVZX. */
function mov(g: struct_guest_cpu, op: guest_op, size: number, load: boolean, zero: boolean): void {
	modrm(g);
	if (!guest_long_code(g) || (size === 1 && rex === 0 && reg >= 4 && !zero))
		return;
	if (mod !== 3) {
		memory(g, op, load ? k.GOP_LOAD : k.GOP_STORE, size);
		/* guest_load() keeps the rest of a register unless told otherwise */
		op.rep = zero;
		return;
	}
	if (size < 4)
		return;
	op.kind = k.GOP_MOV_REG;
	op.size = size;
	op.gpr = load ? reg : rm;
	op.reg = load ? rm : reg;
}

function mov_imm(op: guest_op, r: number, lo: number, hi: number): void {
	op.kind = k.GOP_MOV_IMM;
	op.gpr = r;
	op.lo = lo;
	op.hi = hi;
}

/** MOV to memory or register of an immediate: c6 and c7. */
function mov_mem_imm(g: struct_guest_cpu, op: guest_op, size: number): void {
	modrm(g);
	if (!guest_long_code(g) || (reg & 7) !== 0)
		return;
	const imm = size === 1 ? byte(g) : simm(g, size);
	if (mod === 3) {
		if (size >= 4)
			mov_imm(op, rm, imm, size === 8 ? imm >> 31 : 0);
		return;
	}
	memory(g, op, k.GOP_STORE, size);
	op.lo = imm;
	op.hi = imm >> 31;
}

function jump(op: guest_op, kind: number, rel: number): void {
	op.kind = kind;
	op.gva = rip + at + rel;
}

function two_bytes(g: struct_guest_cpu, op: guest_op): void {
	const b = byte(g);

	switch (b) {
	case 0x01: {
		const m = byte(g);
		if (m === 0xc1) {
			op.kind = k.GOP_VMCALL;
		} else if (m === 0xd9) {
			op.kind = k.GOP_VMMCALL;
		} else if (m === 0xcc && opsize === 2) {
			op.kind = k.GOP_TDCALL;
		} else if ((m >> 3 & 7) === 7 && m >> 6 !== 3) {
			at--;
			modrm(g);
			op.kind = k.GOP_INVLPG;
			op.gva = gva;
		}
		return;
	}
	case 0x08:
	case 0x09:
		op.kind = k.GOP_WBINVD;
		return;
	case 0x0b:
		op.kind = k.GOP_UD2;
		return;
	case 0x1e:
		/* ENDBR64, and what else is a hint */
		modrm(g);
		op.kind = k.GOP_NOP;
		return;
	case 0x20:
	case 0x21:
	case 0x22:
	case 0x23:
		modrm(g);
		op.kind = b === 0x20 ? k.GOP_READ_CR : b === 0x21 ? k.GOP_READ_DR :
			b === 0x22 ? k.GOP_WRITE_CR : k.GOP_WRITE_DR;
		op.reg = reg;
		op.gpr = rm;
		return;
	case 0x30:
		op.kind = k.GOP_WRMSR;
		return;
	case 0x31:
		op.kind = k.GOP_RDTSC;
		return;
	case 0x32:
		op.kind = k.GOP_RDMSR;
		return;
	case 0xa2:
		op.kind = k.GOP_CPUID;
		return;
	case 0xae:
		modrm(g);
		if (mod === 3 && (reg & 7) >= 5)
			op.kind = k.GOP_MFENCE;
		return;
	case 0xb6:
		mov(g, op, 1, true, true);
		return;
	case 0xb7:
		mov(g, op, 2, true, true);
		return;
	}
}

function one_byte(g: struct_guest_cpu, op: guest_op, b: number): void {
	const long = guest_long_code(g);
	const io = opsize === 8 ? 4 : opsize;

	if (b >= 0xb0 && b <= 0xb7 && (rex !== 0 || b <= 0xb3)) {
		const r = (b & 7) | ((rex & 1) << 3);
		mov_imm(op, r, (g.regs32[2 * r]! & ~0xff) | byte(g), g.regs32[2 * r + 1]!);
		return;
	}
	if (b >= 0xb8 && b <= 0xbf) {
		const r = (b & 7) | ((rex & 1) << 3);
		if (opsize === 2)
			mov_imm(op, r, (g.regs32[2 * r]! & ~0xffff) | (simm(g, 2) & 0xffff),
				g.regs32[2 * r + 1]!);
		else
			mov_imm(op, r, s32(g), opsize === 8 ? s32(g) : 0);
		return;
	}
	switch (b) {
	case 0x0f:
		two_bytes(g, op);
		return;
	case 0x6c:
	case 0x6d:
		port(g, op, k.GOP_INS, b & 1 ? io : 1, false);
		return;
	case 0x6e:
	case 0x6f:
		port(g, op, k.GOP_OUTS, b & 1 ? io : 1, false);
		return;
	case 0x88:
	case 0x89:
	case 0x8a:
	case 0x8b:
		mov(g, op, (b & 1) !== 0 ? opsize : 1, (b & 2) !== 0, false);
		return;
	case 0x90:
		op.kind = rep ? k.GOP_PAUSE : k.GOP_NOP;
		return;
	case 0xc3:
		op.kind = k.GOP_RET;
		return;
	case 0xc6:
		mov_mem_imm(g, op, 1);
		return;
	case 0xc7:
		mov_mem_imm(g, op, opsize);
		return;
	case 0xcc:
		op.kind = k.GOP_INT3;
		return;
	case 0xcd:
		op.kind = k.GOP_INT;
		op.lo = byte(g);
		return;
	case 0xcf:
		op.kind = k.GOP_IRET;
		return;
	case 0xe4:
	case 0xe5:
		port(g, op, k.GOP_IN, b & 1 ? io : 1, true);
		return;
	case 0xe6:
	case 0xe7:
		port(g, op, k.GOP_OUT, b & 1 ? io : 1, true);
		return;
	case 0xec:
	case 0xed:
		port(g, op, k.GOP_IN, b & 1 ? io : 1, false);
		return;
	case 0xee:
	case 0xef:
		port(g, op, k.GOP_OUT, b & 1 ? io : 1, false);
		return;
	case 0xe8: {
		const rel = s32(g);
		if (long)
			jump(op, k.GOP_CALL, rel);
		return;
	}
	case 0xe9: {
		const rel = simm(g, long ? 4 : opsize);
		jump(op, k.GOP_JMP, rel);
		if (!long)
			op.gva = op.gva >>> 0;
		return;
	}
	case 0xeb: {
		const rel = s8(g);
		jump(op, k.GOP_JMP, rel);
		return;
	}
	case 0xf4:
		op.kind = k.GOP_HLT;
		return;
	case 0xfa:
		op.kind = k.GOP_CLI;
		return;
	case 0xfb:
		op.kind = k.GOP_STI;
		return;
	case 0xff:
		modrm(g);
		if (long && mod === 3 && ((reg & 7) === 2 || (reg & 7) === 4)) {
			op.kind = (reg & 7) === 2 ? k.GOP_CALL : k.GOP_JMP;
			op.gva = signed(g, rm);
		}
		return;
	}
}

/**
 * Decodes the instruction at @address, whose first byte is in frame @pfn, into @op. False if a
 * fetch faulted or made the guest leave.
 */
export function guest_decode(g: struct_guest_cpu, op: guest_op, address: number,
	pfn: number): boolean {
	rip = address;
	first_pfn = pfn;
	second_pfn = -1;
	at = 0;
	failed = false;
	rex = 0;
	rep = false;
	const long = guest_long_code(g);
	opsize = long || (g.cs.ar & (1 << 14)) !== 0 ? 4 : 2;
	let b = byte(g);
	for (; at < 15; b = byte(g)) {
		if (b === 0x66)
			opsize = opsize === 4 ? 2 : 4;
		else if (b === 0xf3)
			rep = true;
		else if (b !== 0x67 && b !== 0xf2 && b !== 0xf0 && b !== 0x2e && b !== 0x3e)
			break;
	}
	if (long && (b & 0xf0) === 0x40) {
		rex = b;
		if ((b & 8) !== 0)
			opsize = 8;
		b = byte(g);
	}
	op.kind = k.GOP_UNKNOWN;
	op.pending = true;
	op.rip = address;
	op.bytes = true;
	op.reg = 0;
	op.gpr = 0;
	op.len = 0;
	op.done = 0;
	op.rep = false;
	op.imm = false;
	op.size = 0;
	rip_relative = false;
	one_byte(g, op, b);
	op.next_rip = address + at;
	if (rip_relative)
		op.gva += op.next_rip;
	return !failed;
}
