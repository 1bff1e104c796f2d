// SPDX-License-Identifier: GPL-2.0
/*
 * The VMCS: fields in a 4 KiB frame.
 *
 * Port-only. Software knows only field encodings; where a field lies is the processor's business:
 *
 *	slot 0		[revision identifier][abort indicator]
 *	slot 1		[launch state][written since the last VM entry loaded everything]
 *	slot 2...	8 bytes a field, groups of one width and type together
 *
 * A field that entry loads each time does not set the second half of slot 1.
 */
import { frame_get32, frame_get64, frame_put32, frame_put64 } from "./memory.ts";
import {
	GUEST_ACTIVITY_STATE, GUEST_INTERRUPTIBILITY_INFO, GUEST_RFLAGS, GUEST_RIP, GUEST_RSP,
	VM_ENTRY_EXCEPTION_ERROR_CODE, VM_ENTRY_INSTRUCTION_LEN, VM_ENTRY_INTR_INFO_FIELD,
} from "./vmx_defs.ts";

/* number of field indexes by [width][type]; type: control, read-only, guest, host */
const COUNTS: readonly (readonly number[])[] = [
	[5, 0, 10, 7],		/* 16 bits */
	[34, 1, 11, 3],		/* 64 bits */
	[19, 8, 24, 1],		/* 32 bits */
	[8, 6, 20, 12],		/* natural width */
];

const FIRST_SLOT	= 2;
/* in slot 1 */
const LAUNCHED		= 8;
const DIRTY		= 12;
/** Words of these in the frame. */
export const VMCS_LAUNCHED	= LAUNCHED / 4;
export const VMCS_DIRTY		= DIRTY / 4;

/* by encoding (width << 13 | type << 10 | index << 1 | high half): */
const ENCODINGS		= 0x7000;
/* byte offset of the field in the frame, 0 for none */
const offsets = new Uint16Array(ENCODINGS);
/* 1: sets DIRTY; 2: read-only */
const traits = new Uint8Array(ENCODINGS);

let slot = FIRST_SLOT;
COUNTS.forEach((types, width) => types.forEach((n, type) => {
	for (let i = 0; i < n; i++) {
		const field = width << 13 | type << 10 | i << 1;
		offsets[field] = slot * 8;
		offsets[field | 1] = slot++ * 8 + 4;
		traits[field] = traits[field | 1] = type === 1 ? 2 : type === 3 ? 0 : 1;
	}
}));
for (const f of [GUEST_RIP, GUEST_RSP, GUEST_RFLAGS, GUEST_INTERRUPTIBILITY_INFO,
	GUEST_ACTIVITY_STATE, VM_ENTRY_INTR_INFO_FIELD, VM_ENTRY_EXCEPTION_ERROR_CODE,
	VM_ENTRY_INSTRUCTION_LEN])
	traits[f] = 0;

/** Byte offset of the field, its high half where the encoding says so; 0 if there is none. */
export function vmcs_offset(field: number): number {
	return field >>> 0 < ENCODINGS ? offsets[field]! : 0;
}

/** Index of the field in the frame's 32-bit words: what hot paths use. */
export function vmcs_word(field: number): number {
	return offsets[field]! >> 2;
}

export function vmcs_read_only(field: number): boolean {
	return traits[field] === 2;
}

/** Bytes of the field that count: 2, 4 or 8. */
export function vmcs_width(field: number): number {
	const width = (field >>> 13) & 3;
	return width === 0 ? 2 : width === 2 || (field & 1) !== 0 ? 4 : 8;
}

/* The processor's own accesses: fields it knows to exist. */

export function vmcs_get32(pfn: number, field: number): number {
	return frame_get32(pfn, offsets[field]!) >>> 0;
}

export function vmcs_put32(pfn: number, field: number, x: number): void {
	frame_put32(pfn, offsets[field]!, x);
}

export function vmcs_get64(pfn: number, field: number): bigint {
	return BigInt.asUintN(64, frame_get64(pfn, offsets[field]!));
}

export function vmcs_put64(pfn: number, field: number, x: bigint): void {
	frame_put64(pfn, offsets[field]!, x);
}

/** As an unsigned number; rounded above 2^53. */
export function vmcs_getn(pfn: number, field: number): number {
	const at = offsets[field]!;
	return (frame_get32(pfn, at) >>> 0) + (frame_get32(pfn, at + 4) >>> 0) * 2 ** 32;
}

/** As a signed number: linear addresses. */
export function vmcs_gets(pfn: number, field: number): number {
	const at = offsets[field]!;
	return (frame_get32(pfn, at) >>> 0) + frame_get32(pfn, at + 4) * 2 ** 32;
}

/** A safe integer, of either sign. */
export function vmcs_putn(pfn: number, field: number, x: number): void {
	const at = offsets[field]!;
	frame_put32(pfn, at, x);
	frame_put32(pfn, at + 4, Math.floor(x * 2 ** -32));
}

export function vmcs_mark_dirty(pfn: number, field: number): void {
	if (traits[field] === 1)
		frame_put32(pfn, DIRTY, 1);
}

export function vmcs_dirty(pfn: number): boolean {
	return frame_get32(pfn, DIRTY) !== 0;
}

export function vmcs_set_dirty(pfn: number, dirty: boolean): void {
	frame_put32(pfn, DIRTY, dirty ? 1 : 0);
}

export function vmcs_revision(pfn: number): number {
	return frame_get32(pfn, 0) >>> 0;
}

export function vmcs_launched(pfn: number): boolean {
	return frame_get32(pfn, LAUNCHED) !== 0;
}

export function vmcs_set_launched(pfn: number, launched: boolean): void {
	frame_put32(pfn, LAUNCHED, launched ? 1 : 0);
}
