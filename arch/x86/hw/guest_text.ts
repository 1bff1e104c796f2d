// SPDX-License-Identifier: GPL-2.0
/*
 * Text of guest scripts: which address starts which program, and the bytes that lie there.
 *
 * Port-only. All windows hold the same bytes: one instruction for each kind (and size) of
 * operation. Operands in registers are as isa_guest.ts says; addresses of memory operands are the
 * script's own business.
 */
import { gva_t } from "#asm-generic/types.ts";
import * as k from "./guest_types.ts";
import type { guest_fn } from "./guest_types.ts";

export const GUEST_TEXT_BASE	= 0x400000;
export const GUEST_TEXT_SIZE	= 0x10000;
export const GUEST_TEXT_WINDOW	= 256;

/* entry: ENDBR64 */
const ENTRY = [0xf3, 0x0f, 0x1e, 0xfa];

/* [kind, size (of CRs and DRs: number), bytes] */
const INSNS: readonly (readonly [number, number, readonly number[]])[] = [
	[k.GOP_LOAD, 1, [0x0f, 0xb6, 0x07]],
	[k.GOP_LOAD, 2, [0x0f, 0xb7, 0x07]],
	[k.GOP_LOAD, 4, [0x8b, 0x07]],
	[k.GOP_LOAD, 8, [0x48, 0x8b, 0x07]],
	[k.GOP_STORE, 1, [0x88, 0x07]],
	[k.GOP_STORE, 2, [0x66, 0x89, 0x07]],
	[k.GOP_STORE, 4, [0x89, 0x07]],
	[k.GOP_STORE, 8, [0x48, 0x89, 0x07]],
	[k.GOP_CMPXCHG, 4, [0xf0, 0x0f, 0xb1, 0x0f]],
	[k.GOP_CMPXCHG, 8, [0xf0, 0x48, 0x0f, 0xb1, 0x0f]],
	[k.GOP_XCHG, 4, [0x87, 0x07]],
	[k.GOP_XCHG, 8, [0x48, 0x87, 0x07]],
	[k.GOP_XADD, 4, [0xf0, 0x0f, 0xc1, 0x07]],
	[k.GOP_XADD, 8, [0xf0, 0x48, 0x0f, 0xc1, 0x07]],
	[k.GOP_MEMSET, 1, [0xf3, 0xaa]],
	[k.GOP_MEMCPY, 1, [0xf3, 0xa4]],
	[k.GOP_MEMCMP, 1, [0xf3, 0xa6]],
	[k.GOP_MEMCHK, 1, [0xf3, 0xae]],
	[k.GOP_STRIDE_STORE, 8, [0x48, 0xab]],
	[k.GOP_STRIDE_LOAD, 8, [0x48, 0xad]],
	[k.GOP_IN, 1, [0xec]],
	[k.GOP_IN, 2, [0x66, 0xed]],
	[k.GOP_IN, 4, [0xed]],
	[k.GOP_OUT, 1, [0xee]],
	[k.GOP_OUT, 2, [0x66, 0xef]],
	[k.GOP_OUT, 4, [0xef]],
	[k.GOP_INS, 1, [0xf3, 0x6c]],
	[k.GOP_INS, 2, [0xf3, 0x66, 0x6d]],
	[k.GOP_INS, 4, [0xf3, 0x6d]],
	[k.GOP_OUTS, 1, [0xf3, 0x6e]],
	[k.GOP_OUTS, 2, [0xf3, 0x66, 0x6f]],
	[k.GOP_OUTS, 4, [0xf3, 0x6f]],
	[k.GOP_HLT, 0, [0xf4]],
	[k.GOP_CPUID, 0, [0x0f, 0xa2]],
	[k.GOP_RDMSR, 0, [0x0f, 0x32]],
	[k.GOP_WRMSR, 0, [0x0f, 0x30]],
	[k.GOP_VMCALL, 0, [0x0f, 0x01, 0xc1]],
	[k.GOP_VMMCALL, 0, [0x0f, 0x01, 0xd9]],
	[k.GOP_TDCALL, 0, [0x66, 0x0f, 0x01, 0xcc]],
	[k.GOP_RDTSC, 0, [0x0f, 0x31]],
	[k.GOP_PAUSE, 0, [0xf3, 0x90]],
	[k.GOP_NOP, 0, [0x90]],
	[k.GOP_MFENCE, 0, [0x0f, 0xae, 0xf0]],
	[k.GOP_UD2, 0, [0x0f, 0x0b]],
	[k.GOP_INT3, 0, [0xcc]],
	[k.GOP_CLI, 0, [0xfa]],
	[k.GOP_STI, 0, [0xfb]],
	[k.GOP_INVLPG, 0, [0x0f, 0x01, 0x3f]],
	...[0, 2, 3, 4].map((n): [number, number, number[]] =>
		[k.GOP_READ_CR, n, [0x0f, 0x20, 0xc0 | (n << 3)]]),
	[k.GOP_READ_CR, 8, [0x44, 0x0f, 0x20, 0xc0]],
	...[0, 2, 3, 4].map((n): [number, number, number[]] =>
		[k.GOP_WRITE_CR, n, [0x0f, 0x22, 0xc0 | (n << 3)]]),
	[k.GOP_WRITE_CR, 8, [0x44, 0x0f, 0x22, 0xc0]],
	...[0, 1, 2, 3, 4, 5, 6, 7].map((n): [number, number, number[]] =>
		[k.GOP_READ_DR, n, [0x0f, 0x21, 0xc0 | (n << 3)]]),
	...[0, 1, 2, 3, 4, 5, 6, 7].map((n): [number, number, number[]] =>
		[k.GOP_WRITE_DR, n, [0x0f, 0x23, 0xc0 | (n << 3)]]),
	[k.GOP_LIDT, 0, [0x0f, 0x01, 0x1f]],
	[k.GOP_LGDT, 0, [0x0f, 0x01, 0x17]],
	[k.GOP_WBINVD, 0, [0x0f, 0x09]],
	[k.GOP_RELOAD_CS, 0, [0xff, 0x2f]],
	[k.GOP_CALL, 0, [0xff, 0xd0]],
	[k.GOP_RET, 0, [0xc3]],
	[k.GOP_IRET, 0, [0x48, 0xcf]],
	[k.GOP_JMP, 0, [0xff, 0xe0]],
	[k.GOP_JMP_FAR, 0, [0xff, 0x2f]],
	/* RIP and flags: LEA RAX, [RIP]; PUSHF and POPF with the move to or from RAX */
	[k.GOP_GET_RIP, 0, [0x48, 0x8d, 0x05, 0, 0, 0, 0]],
	[k.GOP_GET_RFLAGS, 0, [0x9c, 0x58]],
	[k.GOP_SET_RFLAGS, 0, [0x50, 0x9d]],
];

const image = new Uint8Array(GUEST_TEXT_WINDOW).fill(0x90);
/* by kind * 16 + size */
const offsets = new Uint8Array(64 * 16);
const lengths = new Uint8Array(GUEST_TEXT_WINDOW);

image.set(ENTRY, 0);
let end = ENTRY.length;
for (const [kind, size, bytes] of INSNS) {
	image.set(bytes, end);
	offsets[kind * 16 + size] = end;
	lengths[end] = bytes.length;
	end += bytes.length;
}

/** Offset in the window of the instruction for an operation. */
export function text_offset(kind: number, size: number): number {
	return offsets[kind * 16 + size]!;
}

/** Length of the instruction at an offset. */
export function text_length(at: number): number {
	return lengths[at]!;
}

/** Byte at an offset. */
export function text_byte(at: number): number {
	return image[at]!;
}

/** The bytes every window holds. */
export function guest_text_image(): Uint8Array {
	return image.slice();
}

const by_fn = new Map<guest_fn, number>();
const by_window: guest_fn[] = [];

/** The address that starts @fn; the same one each time. */
export function guest_text_alloc(fn: guest_fn): gva_t {
	let window = by_fn.get(fn);

	if (window === undefined) {
		window = by_window.length;
		if (window >= GUEST_TEXT_SIZE / GUEST_TEXT_WINDOW)
			throw new Error("guest text: no window left");
		by_window.push(fn);
		by_fn.set(fn, window);
	}
	return gva_t(GUEST_TEXT_BASE + window * GUEST_TEXT_WINDOW);
}

/* programs outside GUEST_TEXT_BASE's range */
const placed = new Map<number, guest_fn>();

/**
 * Puts @fn's window at @gva, anywhere else: firmware at the top of 4 GiB, what a SIPI starts. There
 * must be nothing there yet.
 */
export function guest_text_place(fn: guest_fn, gva: gva_t): void {
	if (gva >= GUEST_TEXT_BASE - GUEST_TEXT_WINDOW && gva < GUEST_TEXT_BASE + GUEST_TEXT_SIZE)
		throw new Error("guest text: that range is guest_text_alloc()'s");
	for (const at of placed.keys())
		if (Math.abs(at - gva) < GUEST_TEXT_WINDOW)
			throw new Error("guest text: two programs at one address");
	placed.set(gva, fn);
}

/** The program that starts at a linear address, or null. */
export function guest_text_lookup(rip: number): guest_fn | null {
	const fn = placed.get(rip);

	if (fn !== undefined)
		return fn;
	if (!(rip >= GUEST_TEXT_BASE && rip < GUEST_TEXT_BASE + GUEST_TEXT_SIZE) ||
	    (rip & (GUEST_TEXT_WINDOW - 1)) !== 0)
		return null;
	return by_window[(rip - GUEST_TEXT_BASE) / GUEST_TEXT_WINDOW] ?? null;
}
