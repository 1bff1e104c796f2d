// SPDX-License-Identifier: GPL-2.0
/*
 * TDVF: firmware that says which parts of it, and which parts of memory, a TD starts with.
 *
 * Port-only; after QEMU's hw/i386/tdvf.c as it was in 2022. The image's double word at 0x20 before
 * its end is the offset of
 *
 *	"TDVF"	length	version (1)	number of sections
 *	{ data offset, raw size, address (64 bits), memory size (64 bits), type, attributes } ...
 */
import { error_report, qemu_exit } from "#tools/qemu/util/error-report.ts";

const METADATA_OFFSET_FROM_END	= 0x20;
const HEADER_BYTES		= 16;
const SECTION_BYTES		= 32;
const PAGE			= 4096;
const GIB			= 2 ** 30;
const FIRMWARE_MAX		= 16 * 2 ** 20;

/* the code; variables; the HOB list; memory that is there before firmware accepted any */
export const TDVF_SECTION_TYPE_BFV	= 0;
export const TDVF_SECTION_TYPE_CFV	= 1;
export const TDVF_SECTION_TYPE_TD_HOB	= 2;
export const TDVF_SECTION_TYPE_TEMP_MEM	= 3;

/** The section's contents are measured. */
export const TDVF_SECTION_ATTRIBUTES_MR_EXTEND = 1 << 0;

export interface tdvf_section {
	data_offset: number;
	data_len: number;
	address: number;
	size: number;
	type: number;
	attributes: number;
}

const hex = (x: number): string => `0x${x.toString(16)}`;

function fail(message: string): never {
	error_report(message);
	throw new qemu_exit(1);
}

function check_section(s: tdvf_section, file_size: number): void {
	if (s.data_offset + s.data_len > file_size)
		fail(`too large section: DataOffset ${hex(s.data_offset)} RawDataSize ${hex(s.data_len)}`);
	if (s.size < s.data_len)
		fail(`broken metadata RawDataSize ${hex(s.data_len)} MemoryDataSize ${hex(s.size)}`);
	if (s.address % PAGE !== 0)
		fail(`MemoryAddress ${hex(s.address)} not page aligned`);
	if (s.size % PAGE !== 0)
		fail(`MemoryDataSize ${hex(s.size)} not page aligned`);
	if ((s.type === TDVF_SECTION_TYPE_TD_HOB || s.type === TDVF_SECTION_TYPE_TEMP_MEM) &&
	    s.data_len > 0)
		fail(`${s.type} section with RawDataSize ${hex(s.data_len)} > 0`);
	if (s.type > TDVF_SECTION_TYPE_TEMP_MEM)
		fail(`TDVF type ${s.type} unknown/unsupported`);
}

/** Where sections may be: data at the top of 4 GiB, the rest in RAM or there. */
function check_place(s: tdvf_section, low_ram: number, high_ram: number): void {
	const data = s.type === TDVF_SECTION_TYPE_BFV || s.type === TDVF_SECTION_TYPE_CFV;

	if (s.address < low_ram || s.address >= 4 * GIB) {
		if (data)
			fail(`TDVF type ${s.type} addr ${hex(s.address)} in RAM (disallowed)`);
		if (s.address >= 4 * GIB && s.address + s.size > 4 * GIB + high_ram)
			fail(`TDVF type ${s.type} address ${hex(s.address)} size ${hex(s.size)} ` +
				"above high memory");
	} else if (s.address < 4 * GIB - FIRMWARE_MAX) {
		fail(`TDVF type ${s.type} address ${hex(s.address)} in PCI hole`);
	}
}

function parse_section(v: DataView, at: number): tdvf_section {
	return {
		data_offset: v.getUint32(at, true), data_len: v.getUint32(at + 4, true),
		address: Number(v.getBigUint64(at + 8, true)),
		size: Number(v.getBigUint64(at + 16, true)),
		type: v.getUint32(at + 24, true), attributes: v.getUint32(at + 28, true),
	};
}

/** Offset of the metadata; -1: this is no TDVF. */
function find_metadata(v: DataView): number {
	const size = v.byteLength;

	if (size < METADATA_OFFSET_FROM_END)
		return -1;
	const at = v.getUint32(size - METADATA_OFFSET_FROM_END, true);
	if (at > size - HEADER_BYTES || v.getUint32(at) !== 0x54445646 /* TDVF */)
		return -1;
	const length = v.getUint32(at + 4, true), version = v.getUint32(at + 8, true);
	return length > size - at || version !== 1 ? -1 : at;
}

/**
 * hw/i386/tdvf.c:load_tdvf(): the image's sections, checked; @low_ram and @high_ram are bytes of
 * RAM below and above 4 GiB. Errors end the program.
 */
export function tdvf_parse_metadata(image: Uint8Array, low_ram: number,
	high_ram: number): tdvf_section[] {
	const v = new DataView(image.buffer, image.byteOffset, image.length);
	const at = find_metadata(v);

	if (at < 0)
		fail("failed to parse TDVF for TDX VM");
	const n = v.getUint32(at + 12, true), length = v.getUint32(at + 4, true);
	if (n < 2)
		fail(`Invalid number of entries (${n}) in TDVF`);
	if (length !== HEADER_BYTES + n * SECTION_BYTES)
		fail(`TDVF metadata len (${hex(length)}) mismatch, expected ` +
			`(${hex(HEADER_BYTES + n * SECTION_BYTES)})`);
	const sections: tdvf_section[] = [];
	for (let i = 0; i < n; i++) {
		const s = parse_section(v, at + HEADER_BYTES + i * SECTION_BYTES);
		check_section(s, image.length);
		check_place(s, low_ram, high_ram);
		sections.push(s);
	}
	return sections;
}

/** target/i386/kvm/tdx.c:tdx_get_hob_entry() */
export function tdvf_hob_section(sections: readonly tdvf_section[]): tdvf_section {
	return sections.find((s) => s.type === TDVF_SECTION_TYPE_TD_HOB) ??
		fail("TDVF metadata doesn't specify TD_HOB location.");
}

/** Writes metadata of these sections into @image, at @at. */
export function tdvf_write_metadata(image: Uint8Array, at: number,
	sections: readonly tdvf_section[]): void {
	const v = new DataView(image.buffer, image.byteOffset, image.length);

	v.setUint32(at, 0x54445646);
	v.setUint32(at + 4, HEADER_BYTES + sections.length * SECTION_BYTES, true);
	v.setUint32(at + 8, 1, true);
	v.setUint32(at + 12, sections.length, true);
	sections.forEach((s, i) => {
		const p = at + HEADER_BYTES + i * SECTION_BYTES;
		v.setUint32(p, s.data_offset, true);
		v.setUint32(p + 4, s.data_len, true);
		v.setBigUint64(p + 8, BigInt(s.address), true);
		v.setBigUint64(p + 16, BigInt(s.size), true);
		v.setUint32(p + 24, s.type, true);
		v.setUint32(p + 28, s.attributes, true);
	});
	v.setUint32(image.length - METADATA_OFFSET_FROM_END, at, true);
}
