// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest's program is made of, beside its operations (isa_guest.ts).
 *
 * Port-only. A program is a generator function; it has an address in the text of the test's image.
 * The data of the image lie behind it, and strings have addresses that only say which one it is.
 */
import { GUEST_TEXT_BASE, GUEST_TEXT_SIZE } from "#hw/isa_guest.ts";

export type { guest_fn, guest_program } from "#hw/isa_guest.ts";

export const GUEST_DATA_BASE	= GUEST_TEXT_BASE + GUEST_TEXT_SIZE;
export const GUEST_DATA_SIZE	= 0x10000;
const GUEST_RODATA_BASE		= 0x500000;

let data_end = GUEST_DATA_BASE;

/** @size bytes of the image's data, 8-byte aligned; zero in each VM until it is synchronised. */
export function guest_data_alloc(size: number): number {
	const gva = data_end;

	data_end += (size + 7) & ~7;
	if (data_end > GUEST_DATA_BASE + GUEST_DATA_SIZE)
		throw new Error("guest: too many globals");
	return gva;
}

const strings: string[] = [];

/** An address for a string that the guest hands to the host. */
export function guest_string(s: string): bigint {
	let i = strings.indexOf(s);
	if (i < 0)
		i = strings.push(s) - 1;
	return BigInt(GUEST_RODATA_BASE + i);
}

/** The string at an address that guest_string() gave. */
export function string_at(addr: bigint): string {
	return strings[Number(addr) - GUEST_RODATA_BASE] ?? `<string at 0x${addr.toString(16)}>`;
}
