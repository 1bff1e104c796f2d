// SPDX-License-Identifier: GPL-2.0
/*
 * TD memory regions: what TDH.SYS.CONFIG accepts.
 *
 * Port-only. TDMR_INFO, 512 bytes of the host's memory:
 *
 *	0 base, size	16 base and size of the arrays of 1 GiB, 2 MiB, 4 KiB PAMT entries
 *	64 sixteen reserved areas: offset in the region, size; the first of size 0 ends the list
 *
 * Regions are whole GiB in ascending order. What is not reserved lies in CMRs. PAMT arrays lie in
 * CMRs, apart from each other and from all that is not reserved. An error's details are the
 * region's index, and in bits 15:8 the level or the number of the area.
 */
import { seam_read } from "./access.ts";
import {
	OPERAND_TDMR_INFO_PA, PAMT_ENTRY_SIZE, TDX_INVALID_PAMT, TDX_INVALID_RESERVED_IN_TDMR,
	TDX_INVALID_TDMR, TDX_MAX_RESERVED, TDX_NON_ORDERED_RESERVED_IN_TDMR, TDX_NON_ORDERED_TDMR,
	TDX_OPERAND_INVALID, TDX_PAMT_OUTSIDE_CMRS, TDX_PAMT_OVERLAP, TDX_SUCCESS,
	TDX_TDMR_OUTSIDE_CMRS,
} from "./defs.ts";
import { hkid_shift } from "./keys.ts";
import { LEVEL_FRAMES } from "./pamt.ts";
import { status } from "./regs.ts";
import { struct_tdmr, tdx, type tdx_range } from "./state.ts";
import { host_address, host_hpa, host_keyid } from "./sys.ts";

const GIB = 2 ** 30;
const INFO_BYTES = 512;

const overlap = (a: tdx_range, b: tdx_range): boolean =>
	a.base < b.base + b.size && b.base < a.base + a.size;

/** CMRs are apart from each other: a range is in one or it is not inside them. */
const in_cmr = (r: tdx_range): boolean =>
	tdx.cmrs.some((c) => r.base >= c.base && r.base + r.size <= c.base + c.size);

function parse(bytes: Uint8Array): struct_tdmr {
	const v = new DataView(bytes.buffer), t = new struct_tdmr();
	const at = (off: number): number => Number(v.getBigUint64(off, true));

	t.base = at(0);
	t.size = at(8);
	t.next = t.base;
	for (const off of [48, 32, 16])
		t.pamt.push({ base: at(off), size: at(off + 8) });
	for (let i = 0; i < TDX_MAX_RESERVED; i++) {
		const size = at(64 + i * 16 + 8);
		if (size === 0)
			break;
		t.reserved.push({ base: t.base + at(64 + i * 16), size });
	}
	return t;
}

function check_region(t: struct_tdmr, i: number): number {
	if (t.base % GIB !== 0 || t.size % GIB !== 0 || t.size === 0 ||
	    t.base + t.size > 2 ** hkid_shift())
		return status(TDX_INVALID_TDMR, i);
	const before = tdx.tdmrs[i - 1];
	if (before !== undefined && t.base < before.base + before.size)
		return status(TDX_NON_ORDERED_TDMR, i);
	let end = t.base;
	for (let n = 0; n < t.reserved.length; n++) {
		const a = t.reserved[n]!;
		if (a.base % 4096 !== 0 || a.size % 4096 !== 0 ||
		    a.base + a.size > t.base + t.size)
			return status(TDX_INVALID_RESERVED_IN_TDMR, i + n * 256);
		if (a.base < end)
			return status(TDX_NON_ORDERED_RESERVED_IN_TDMR, i + n * 256);
		end = a.base + a.size;
	}
	for (const a of available(t))
		if (!in_cmr(a))
			return status(TDX_TDMR_OUTSIDE_CMRS, i);
	return TDX_SUCCESS;
}

/** What is left of the region between its reserved areas. */
function available(t: struct_tdmr): tdx_range[] {
	const out: tdx_range[] = [];
	let at = t.base;

	for (const a of [...t.reserved, { base: t.base + t.size, size: 0 }]) {
		if (a.base > at)
			out.push({ base: at, size: a.base - at });
		at = a.base + a.size;
	}
	return out;
}

function check_pamt(t: struct_tdmr, i: number): number {
	for (let level = 0; level < 3; level++) {
		const p = t.pamt[level]!;
		const need = t.size / 4096 / LEVEL_FRAMES[level]! * PAMT_ENTRY_SIZE;
		if (p.base % 4096 !== 0 || p.size % 4096 !== 0 || p.size < need ||
		    p.base + p.size > 2 ** hkid_shift())
			return status(TDX_INVALID_PAMT, i + level * 256);
		if (!in_cmr(p))
			return status(TDX_PAMT_OUTSIDE_CMRS, i + level * 256);
	}
	return TDX_SUCCESS;
}

function check_overlaps(): number {
	const taken: tdx_range[] = tdx.tdmrs.flatMap(available);

	for (let i = 0; i < tdx.tdmrs.length; i++) {
		for (let level = 0; level < 3; level++) {
			const p = tdx.tdmrs[i]!.pamt[level]!;
			if (taken.some((x) => overlap(x, p)))
				return status(TDX_PAMT_OVERLAP, i + level * 256);
			taken.push(p);
		}
	}
	return TDX_SUCCESS;
}

/** The @n regions whose TDMR_INFOs the array at @hpa points to: into tdx.tdmrs. */
export function read_tdmrs(hpa: number, keyid: number, n: number): number {
	const pointers = new Uint8Array(n * 8), v = new DataView(pointers.buffer);

	seam_read(hpa, keyid, pointers);
	for (let i = 0; i < n; i++) {
		const pa = Number(v.getBigUint64(i * 8, true));
		if (!host_address(pa, INFO_BYTES, INFO_BYTES))
			return status(TDX_OPERAND_INVALID, OPERAND_TDMR_INFO_PA);
		const bytes = new Uint8Array(INFO_BYTES);
		seam_read(host_hpa, host_keyid, bytes);
		const t = parse(bytes);
		let error = check_region(t, i);
		if (error === TDX_SUCCESS)
			error = check_pamt(t, i);
		if (error !== TDX_SUCCESS)
			return error;
		tdx.tdmrs.push(t);
	}
	return check_overlaps();
}
