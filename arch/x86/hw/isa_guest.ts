// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions of a guest, for scripts: programs written as generators.
 *
 * Port-only. A program's text is a window of 256 bytes at the address guest_text_alloc() gives;
 * what the window holds (guest_text_image()) are the architectural bytes of all operations, each at
 * a place of its own, and an operation's RIP is that place. The CPU fetches it through the guest's
 * page tables, and operations other than memory accesses do what those bytes say.
 *
 *	function* guest_code(): guest_program {
 *		yield* st64(0x10000, 1n);
 *		yield* outb(0x80, yield* ld8(0x10008));
 *	}
 *
 * Values travel in registers: RAX is the destination of loads and the source of stores. A function
 * that returns executes RET. Functions here may only be called by a program that is running; an
 * operation that the TLB lets through is done at once, the others when the CPU gets to them.
 */
import { gva_t } from "#asm-generic/types.ts";
import { frame_get32, frame_get64, frame_get8, frame_put32, frame_put64, frame_put8 } from
	"./memory.ts";
import { fast_frame, run } from "./guest_cells.ts";
import {
	GOP_CALL, GOP_CLI, GOP_CMPXCHG, GOP_CPUID, GOP_GET_RFLAGS, GOP_GET_RIP, GOP_HLT, GOP_IN,
	GOP_INS, GOP_INT3, GOP_INVLPG, GOP_IRET, GOP_JMP, GOP_JMP_FAR, GOP_LGDT, GOP_LIDT,
	GOP_LOAD, GOP_MEMCHK, GOP_MEMCMP, GOP_MEMCPY, GOP_MEMSET, GOP_MFENCE, GOP_NOP, GOP_OUT,
	GOP_OUTS, GOP_PAUSE, GOP_RDMSR, GOP_RDTSC, GOP_READ_CR, GOP_READ_DR, GOP_RET,
	GOP_SET_RFLAGS, GOP_STI, GOP_STORE, GOP_STRIDE_LOAD, GOP_STRIDE_STORE, GOP_UD2, GOP_VMCALL,
	GOP_VMMCALL, GOP_WBINVD, GOP_WRITE_CR, GOP_WRITE_DR, GOP_WRMSR, GOP_XADD, GOP_XCHG,
	GRET_BOOL, GRET_CPUID, GRET_DIFF, GRET_DONE, GRET_EDX_EAX, GRET_N64, GRET_NONE, GRET_U32,
	GRET_U64, REG_RAX, REG_RBX, REG_RCX, REG_RDI, REG_RDX, REG_RSI, type guest_op,
} from "./guest_types.ts";
import { text_length, text_offset } from "./guest_text.ts";
import type { cpuid_regs } from "./cpuid.ts";

export { guest_text_alloc, guest_text_image, guest_text_place, GUEST_TEXT_BASE, GUEST_TEXT_SIZE,
	GUEST_TEXT_WINDOW } from "./guest_text.ts";
export type { guest_fn, guest_program } from "./guest_types.ts";
export { REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_R8, REG_R9, REG_RAX, REG_RBP,
	REG_RBX, REG_RCX, REG_RDI, REG_RDX, REG_RIP, REG_RSI, REG_RSP } from "./guest_types.ts";
export type { cpuid_regs } from "./cpuid.ts";

/** What an instruction gives to `yield*`. */
export type guest_insn<T> = Iterable<number, T, void>;

/*
 * Iterators without state: whether one yields or ends is the machine's to say. One class for those
 * of operations that are done at once and for the others, so that `yield*` meets one next().
 */

class result<T> {
	readonly done: boolean;
	value: T;
	constructor(done: boolean, value: T) {
		this.done = done;
		this.value = value;
	}
}

class iterator<T> {
	readonly last: result<T>;
	readonly more: result<number>;
	/** The operation is done already. */
	readonly now: boolean;
	constructor(value: T, now: boolean) {
		this.last = new result(true, value);
		this.more = new result(false, 0);
		this.now = now;
	}
	[Symbol.iterator](): Iterator<number, T, void> {
		return this as Iterator<number, T, void>;
	}
	next(): result<T> | result<number> {
		if (this.now === true)
			return this.last;
		if (run.resuming === false)
			return this.more;
		run.resuming = false;
		return this.last;
	}
}

const later_none	= new iterator<void>(undefined, false);
const later_number	= new iterator<number>(0, false);
const later_bigint	= new iterator<bigint>(0n, false);
const later_boolean	= new iterator<boolean>(false, false);
const later_cpuid	= new iterator<cpuid_regs>({ eax: 0, ebx: 0, ecx: 0, edx: 0 },
	false);
const now_none		= new iterator<void>(undefined, true);
const now_number	= new iterator<number>(0, true);
const now_bigint	= new iterator<bigint>(0n, true);

export const NONE	= later_none as guest_insn<void>;
const NUMBER	= later_number as guest_insn<number>;
export const BIGINT	= later_bigint as guest_insn<bigint>;
const BOOLEAN	= later_boolean as guest_insn<boolean>;
const CPUID	= later_cpuid as guest_insn<cpuid_regs>;

/** For the machine: hands the result of @op to the script that is about to go on. */
export function script_result(op: guest_op, regs: BigUint64Array, regs32: Uint32Array): void {
	run.resuming = true;
	switch (op.ret) {
	case GRET_U32: {
		const x = regs32[0]!;
		later_number.last.value = op.size === 1 ? x & 0xff : op.size === 2 ? x & 0xffff : x;
		break;
	}
	case GRET_N64:
		later_number.last.value = regs32[0]! + regs32[1]! * 2 ** 32;
		break;
	case GRET_U64:
		later_bigint.last.value = regs[REG_RAX]!;
		break;
	case GRET_DONE:
		later_number.last.value = op.done;
		break;
	case GRET_BOOL:
		later_boolean.last.value = op.diff === 0;
		break;
	case GRET_DIFF:
		later_number.last.value = op.diff;
		break;
	case GRET_EDX_EAX:
		later_bigint.last.value = BigInt(regs32[0]!) |
			(BigInt(regs32[2 * REG_RDX]!) << 32n);
		break;
	case GRET_CPUID:
		later_cpuid.last.value = { eax: regs32[0]!, ebx: regs32[2 * REG_RBX]!,
			ecx: regs32[2 * REG_RCX]!, edx: regs32[2 * REG_RDX]! };
		break;
	}
}

const cell = new BigInt64Array(1);
const cell32 = new Int32Array(cell.buffer);

/* Posting an operation: the script's op is filled in, and yields. */

export function post(kind: number, size: number, ret: number): guest_op {
	const op = run.op;
	const at = text_offset(kind, size);

	if (at === 0)
		throw new Error(`guest text: no instruction for kind ${kind} size ${size}`);
	op.kind = kind;
	op.pending = true;
	op.rip = run.window + at;
	op.next_rip = op.rip + text_length(at);
	op.size = size;
	op.ret = ret;
	op.reg = 0;
	op.gpr = 0;
	op.imm = false;
	op.len = 0;
	op.done = 0;
	op.rep = false;
	op.diff = 0;
	op.bytes = false;
	return op;
}

function load(gva: number, size: number, ret: number): void {
	post(GOP_LOAD, size, ret).gva = gva;
}

function store(gva: number, size: number, lo: number, hi: number): void {
	const op = post(GOP_STORE, size, GRET_NONE);
	op.gva = gva;
	op.lo = lo;
	op.hi = hi;
}

/* Loads and stores. */

export function ld8(gva: number): guest_insn<number> {
	const pfn = fast_frame(gva, run.load, 1);
	if (pfn >= 0) {
		const x = frame_get8(pfn, gva & 0xfff);
		run.regs32[0] = x;
		run.regs32[1] = 0;
		now_number.last.value = x;
		return now_number;
	}
	load(gva, 1, GRET_U32);
	return NUMBER;
}

export function ld16(gva: number): guest_insn<number> {
	load(gva, 2, GRET_U32);
	return NUMBER;
}

export function ld32(gva: number): guest_insn<number> {
	const pfn = fast_frame(gva, run.load, 4);
	if (pfn >= 0) {
		const x = frame_get32(pfn, gva & 0xfff) >>> 0;
		run.regs32[0] = x;
		run.regs32[1] = 0;
		now_number.last.value = x;
		return now_number;
	}
	load(gva, 4, GRET_U32);
	return NUMBER;
}

export function ld64(gva: number): guest_insn<bigint> {
	const pfn = fast_frame(gva, run.load, 8);
	if (pfn >= 0) {
		const x = BigInt.asUintN(64, frame_get64(pfn, gva & 0xfff));
		run.guest.regs[0] = x;
		now_bigint.last.value = x;
		return now_bigint;
	}
	load(gva, 8, GRET_U64);
	return BIGINT;
}

/** 64 bits as a number, rounded above 2^53. */
export function ld64n(gva: number): guest_insn<number> {
	const pfn = fast_frame(gva, run.load, 8);
	if (pfn >= 0) {
		const lo = frame_get32(pfn, gva & 0xfff), hi = frame_get32(pfn, (gva & 0xfff) + 4);
		const regs32 = run.regs32;
		regs32[0] = lo;
		regs32[1] = hi;
		/* 31 bits need no object of their own */
		if (hi === 0 && lo >= 0)
			now_number.last.value = lo;
		else
			now_number.last.value = (lo >>> 0) + (hi >>> 0) * 2 ** 32;
		return now_number;
	}
	load(gva, 8, GRET_N64);
	return NUMBER;
}

export function st8(gva: number, x: number): guest_insn<void> {
	const pfn = fast_frame(gva, run.store, 1);
	if (pfn >= 0) {
		run.regs32[0] = x;
		run.regs32[1] = 0;
		frame_put8(pfn, gva & 0xfff, x);
		return now_none;
	}
	store(gva, 1, x, 0);
	return NONE;
}

export function st16(gva: number, x: number): guest_insn<void> {
	store(gva, 2, x, 0);
	return NONE;
}

export function st32(gva: number, x: number): guest_insn<void> {
	const pfn = fast_frame(gva, run.store, 4);
	if (pfn >= 0) {
		run.regs32[0] = x;
		run.regs32[1] = 0;
		frame_put32(pfn, gva & 0xfff, x);
		return now_none;
	}
	store(gva, 4, x, 0);
	return NONE;
}

export function st64(gva: number, x: bigint): guest_insn<void> {
	const pfn = fast_frame(gva, run.store, 8);
	if (pfn >= 0) {
		run.guest.regs[0] = x;
		frame_put64(pfn, gva & 0xfff, x);
		return now_none;
	}
	cell[0] = x;
	store(gva, 8, cell32[0]!, cell32[1]!);
	return NONE;
}

/** A number of up to 53 bits, as 64. */
export function st64n(gva: number, x: number): guest_insn<void> {
	const hi = Math.floor(x * 2 ** -32);
	const pfn = fast_frame(gva, run.store, 8);
	if (pfn >= 0) {
		run.regs32[0] = x;
		run.regs32[1] = hi;
		frame_put32(pfn, gva & 0xfff, x);
		frame_put32(pfn, (gva & 0xfff) + 4, hi);
		return now_none;
	}
	store(gva, 8, x, hi);
	return NONE;
}

/* Atomic operations; all give the old value. */

function atomic(kind: number, gva: number, size: number, x: bigint, ret: number): guest_op {
	const op = post(kind, size, ret);
	op.gva = gva;
	cell[0] = x;
	op.lo = cell32[0]!;
	op.hi = cell32[1]!;
	return op;
}

export function cmpxchg32(gva: number, expected: number, next: number): guest_insn<number> {
	const op = atomic(GOP_CMPXCHG, gva, 4, BigInt(next | 0), GRET_U32);
	op.exp_lo = expected;
	op.exp_hi = 0;
	return NUMBER;
}

export function cmpxchg64(gva: number, expected: bigint, next: bigint): guest_insn<bigint> {
	const op = atomic(GOP_CMPXCHG, gva, 8, next, GRET_U64);
	cell[0] = expected;
	op.exp_lo = cell32[0]!;
	op.exp_hi = cell32[1]!;
	return BIGINT;
}

export function xchg32(gva: number, next: number): guest_insn<number> {
	atomic(GOP_XCHG, gva, 4, BigInt(next | 0), GRET_U32);
	return NUMBER;
}

export function xchg64(gva: number, next: bigint): guest_insn<bigint> {
	atomic(GOP_XCHG, gva, 8, next, GRET_U64);
	return BIGINT;
}

export function xadd32(gva: number, n: number): guest_insn<number> {
	atomic(GOP_XADD, gva, 4, BigInt(n | 0), GRET_U32);
	return NUMBER;
}

export function xadd64(gva: number, n: bigint): guest_insn<bigint> {
	atomic(GOP_XADD, gva, 8, n, GRET_U64);
	return BIGINT;
}

/* In bulk: restarted where a fault or an exit stopped them. */

function bulk(kind: number, size: number, gva: number, gva2: number, len: number, lo: number,
	hi: number, ret: number): void {
	const op = post(kind, size, ret);
	op.gva = gva;
	op.gva2 = gva2;
	op.len = len;
	op.lo = lo;
	op.hi = hi;
}

export function memset(gva: number, byte: number, len: number): guest_insn<void> {
	bulk(GOP_MEMSET, 1, gva, 0, len, byte & 0xff, 0, GRET_NONE);
	return NONE;
}

export function memcpy(dst: number, src: number, len: number): guest_insn<void> {
	bulk(GOP_MEMCPY, 1, dst, src, len, 0, 0, GRET_NONE);
	return NONE;
}

/** Below, at or above 0, as in C. */
export function memcmp(a: number, b: number, len: number): guest_insn<number> {
	bulk(GOP_MEMCMP, 1, a, b, len, 0, 0, GRET_DIFF);
	return NUMBER;
}

/** True if all @len bytes are @byte. */
export function memchk(gva: number, byte: number, len: number): guest_insn<boolean> {
	bulk(GOP_MEMCHK, 1, gva, 0, len, byte & 0xff, 0, GRET_BOOL);
	return BOOLEAN;
}

/** @count stores of 8 bytes, @stride bytes apart. */
export function stride_store64(gva: number, stride: number, count: number,
	value: bigint): guest_insn<void> {
	cell[0] = value;
	bulk(GOP_STRIDE_STORE, 8, gva, 0, count, cell32[0]!, cell32[1]!, GRET_NONE);
	run.op.stride = stride;
	return NONE;
}

/** @count loads of 8 bytes, @stride bytes apart; the last value. */
export function stride_load64(gva: number, stride: number, count: number): guest_insn<bigint> {
	bulk(GOP_STRIDE_LOAD, 8, gva, 0, count, 0, 0, GRET_U64);
	run.op.stride = stride;
	return BIGINT;
}

/* Ports. */

function port_op(kind: number, port: number, size: number, ret: number): guest_op {
	const op = post(kind, size, ret);
	op.port = port & 0xffff;
	run.regs32[2 * REG_RDX] = op.port;
	run.regs32[2 * REG_RDX + 1] = 0;
	return op;
}

export function inb(port: number): guest_insn<number> {
	port_op(GOP_IN, port, 1, GRET_U32);
	return NUMBER;
}

export function inw(port: number): guest_insn<number> {
	port_op(GOP_IN, port, 2, GRET_U32);
	return NUMBER;
}

export function inl(port: number): guest_insn<number> {
	port_op(GOP_IN, port, 4, GRET_U32);
	return NUMBER;
}

function out(port: number, x: number, size: number): guest_insn<void> {
	port_op(GOP_OUT, port, size, GRET_NONE);
	run.regs32[0] = x;
	run.regs32[1] = 0;
	return NONE;
}

export function outb(port: number, x: number): guest_insn<void> {
	return out(port, x, 1);
}

export function outw(port: number, x: number): guest_insn<void> {
	return out(port, x, 2);
}

export function outl(port: number, x: number): guest_insn<void> {
	return out(port, x, 4);
}

function string_io(kind: number, port: number, pointer: number, gva: number, size: number,
	count: number): guest_insn<void> {
	const op = port_op(kind, port, size, GRET_NONE);
	op.gva = gva;
	op.len = count;
	op.rep = true;
	op.reg = pointer;
	run.guest.regs[pointer] = BigInt(gva);
	run.guest.regs[REG_RCX] = BigInt(count);
	return NONE;
}

/** REP INS: RDI, RCX and RDX are loaded, and count as the instruction goes on. */
export function rep_ins(port: number, gva: number, size: number, count: number): guest_insn<void> {
	return string_io(GOP_INS, port, REG_RDI, gva, size, count);
}

/** REP OUTS, from RSI. */
export function rep_outs(port: number, gva: number, size: number, count: number): guest_insn<void> {
	return string_io(GOP_OUTS, port, REG_RSI, gva, size, count);
}

/* The processor. */

function plain(kind: number): guest_insn<void> {
	post(kind, 0, GRET_NONE);
	return NONE;
}

export function hlt(): guest_insn<void> {
	return plain(GOP_HLT);
}

export function pause(): guest_insn<void> {
	return plain(GOP_PAUSE);
}

export function nop(): guest_insn<void> {
	return plain(GOP_NOP);
}

export function mfence(): guest_insn<void> {
	return plain(GOP_MFENCE);
}

export function ud2(): guest_insn<void> {
	return plain(GOP_UD2);
}

export function int3(): guest_insn<void> {
	return plain(GOP_INT3);
}

export function cli(): guest_insn<void> {
	return plain(GOP_CLI);
}

export function sti(): guest_insn<void> {
	return plain(GOP_STI);
}

export function wbinvd(): guest_insn<void> {
	return plain(GOP_WBINVD);
}

export function cpuid(leaf: number, sub = 0): guest_insn<cpuid_regs> {
	post(GOP_CPUID, 0, GRET_CPUID);
	run.guest.regs[REG_RAX] = BigInt(leaf >>> 0);
	run.guest.regs[REG_RCX] = BigInt(sub >>> 0);
	return CPUID;
}

export function rdmsr(msr: number): guest_insn<bigint> {
	post(GOP_RDMSR, 0, GRET_EDX_EAX);
	run.guest.regs[REG_RCX] = BigInt(msr >>> 0);
	return BIGINT;
}

export function wrmsr(msr: number, value: bigint): guest_insn<void> {
	post(GOP_WRMSR, 0, GRET_NONE);
	run.guest.regs[REG_RCX] = BigInt(msr >>> 0);
	run.guest.regs[REG_RAX] = value & 0xffffffffn;
	run.guest.regs[REG_RDX] = (value >> 32n) & 0xffffffffn;
	return NONE;
}

export function rdtsc(): guest_insn<bigint> {
	post(GOP_RDTSC, 0, GRET_EDX_EAX);
	return BIGINT;
}

/* KVM's hypercall convention */
function hypercall(kind: number, nr: bigint, a0: bigint, a1: bigint, a2: bigint,
	a3: bigint): guest_op {
	const op = post(kind, 0, GRET_U64);
	const regs = run.guest.regs;

	regs[REG_RAX] = nr;
	regs[REG_RBX] = a0;
	regs[REG_RCX] = a1;
	regs[REG_RDX] = a2;
	regs[REG_RSI] = a3;
	return op;
}

/** VMCALL with RAX, RBX, RCX, RDX, RSI; the RAX that comes back. */
export function vmcall(nr: bigint, a0 = 0n, a1 = 0n, a2 = 0n, a3 = 0n): guest_insn<bigint> {
	hypercall(GOP_VMCALL, nr, a0, a1, a2, a3);
	return BIGINT;
}

export function vmmcall(nr: bigint, a0 = 0n, a1 = 0n, a2 = 0n, a3 = 0n): guest_insn<bigint> {
	hypercall(GOP_VMMCALL, nr, a0, a1, a2, a3);
	return BIGINT;
}

/** The hypercall instruction, three bytes long, that stands at @gva, whichever it is. */
export function hypercall_at(gva: number, nr: bigint, a0 = 0n, a1 = 0n, a2 = 0n,
	a3 = 0n): guest_insn<bigint> {
	const op = hypercall(GOP_VMCALL, nr, a0, a1, a2, a3);
	op.rip = gva;
	op.next_rip = gva + 3;
	return BIGINT;
}

export function invlpg(gva: number): guest_insn<void> {
	post(GOP_INVLPG, 0, GRET_NONE).gva = gva;
	return NONE;
}

export function read_cr(n: number): guest_insn<bigint> {
	post(GOP_READ_CR, n, GRET_U64).reg = n;
	return BIGINT;
}

export function write_cr(n: number, value: bigint): guest_insn<void> {
	post(GOP_WRITE_CR, n, GRET_NONE).reg = n;
	run.guest.regs[REG_RAX] = value;
	return NONE;
}

export function read_dr(n: number): guest_insn<bigint> {
	post(GOP_READ_DR, n, GRET_U64).reg = n;
	return BIGINT;
}

export function write_dr(n: number, value: bigint): guest_insn<void> {
	post(GOP_WRITE_DR, n, GRET_NONE).reg = n;
	run.guest.regs[REG_RAX] = value;
	return NONE;
}

/** LIDT of a descriptor with this base and limit. */
export function lidt(base: number, limit: number): guest_insn<void> {
	const op = post(GOP_LIDT, 0, GRET_NONE);
	op.gva = base;
	op.len = limit;
	return NONE;
}

export function lgdt(base: number, limit: number): guest_insn<void> {
	const op = post(GOP_LGDT, 0, GRET_NONE);
	op.gva = base;
	op.len = limit;
	return NONE;
}

/** CALL @gva: another script's entry, or bytes; RAX when that returns. */
export function exec(gva: number): guest_insn<bigint> {
	post(GOP_CALL, 0, GRET_U64).gva = gva;
	return BIGINT;
}

/** JMP @gva: leaves the script for good. */
export function jmp(gva: number): guest_insn<void> {
	post(GOP_JMP, 0, GRET_NONE).gva = gva;
	return NONE;
}

/** JMP far, to @gva in the code segment @selector: out of real mode, or into 64-bit mode. */
export function jmp_far(selector: number, gva: number): guest_insn<void> {
	const op = post(GOP_JMP_FAR, 0, GRET_NONE);
	op.gva = gva;
	op.lo = selector;
	return NONE;
}

/** RET, as at the end of the script. */
export function ret(): guest_insn<void> {
	return plain(GOP_RET);
}

/** IRETQ: ends the handler. RSP points to the frame (above the error code, if there was one). */
export function iret(): guest_insn<void> {
	return plain(GOP_IRET);
}

/* Registers, without an instruction; REG_*. */

export function get_reg(i: number): guest_insn<bigint> {
	now_bigint.last.value = run.guest.regs[i]!;
	return now_bigint;
}

export function set_reg(i: number, value: bigint): guest_insn<void> {
	run.guest.regs[i] = value;
	return now_none;
}

export function get_rip(): guest_insn<bigint> {
	post(GOP_GET_RIP, 0, GRET_U64);
	return BIGINT;
}

export function rflags(): guest_insn<bigint> {
	post(GOP_GET_RFLAGS, 0, GRET_U64);
	return BIGINT;
}

export function set_rflags(value: bigint): guest_insn<void> {
	post(GOP_SET_RFLAGS, 0, GRET_NONE);
	run.guest.regs[REG_RAX] = value;
	return NONE;
}

/** For signed addresses out of registers. */
export function reg_gva(value: bigint): gva_t {
	return gva_t(Number(BigInt.asIntN(64, value)));
}

