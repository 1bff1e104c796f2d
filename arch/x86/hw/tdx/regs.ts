// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of SEAMCALL and TDCALL, and completion codes on their way to RAX.
 *
 * Port-only. A leaf is a function that returns the upper half of the completion code; what goes
 * into the lower half stands in status_details. Operands are numbers; above 2^53 they are rounded,
 * which makes them no less invalid. Data of 64 bits are bigints.
 */

/** Sixteen general registers by their number in instructions; more, as KVM has, do no harm. */
export class seam_regs {
	readonly u64: BigUint64Array;
	readonly u32: Uint32Array;
	constructor(u64: BigUint64Array = new BigUint64Array(16)) {
		this.u64 = u64;
		this.u32 = new Uint32Array(u64.buffer, u64.byteOffset, u64.length * 2);
	}
}

export function reg_get(r: seam_regs, n: number): number {
	return r.u32[2 * n]! + r.u32[2 * n + 1]! * 2 ** 32;
}

/** @x below 2^53 */
export function reg_set(r: seam_regs, n: number, x: number): void {
	r.u32[2 * n] = x;
	r.u32[2 * n + 1] = Math.floor(x * 2 ** -32);
}

/** Lower half of the completion code that a leaf returns. */
export let status_details = 0;

/** A completion code with its operand, or details. */
export function status(code: number, details: number): number {
	status_details = details;
	return code;
}

export function set_status(r: seam_regs, code: number, details: number): void {
	r.u32[0] = details;
	r.u32[1] = code;
}
