// SPDX-License-Identifier: GPL-2.0
/*
 * TDVF metadata and the HOB list: what the bundled firmware has, and what is wrong with others.
 *
 * Port-only.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { offsetof, sizeof } from "#asm-generic/struct.ts";
import { qemu_exit, set_error_sink } from "#tools/qemu/util/error-report.ts";
import {
	TDVF_SECTION_TYPE_BFV, TDVF_SECTION_TYPE_CFV, TDVF_SECTION_TYPE_TD_HOB,
	TDVF_SECTION_TYPE_TEMP_MEM, tdvf_hob_section, tdvf_parse_metadata, tdvf_write_metadata,
	type tdvf_section,
} from "#tools/qemu/hw/i386/tdvf.ts";
import { EFI_HOB_TYPE_END_OF_HOB_LIST, EFI_HOB_TYPE_HANDOFF, EFI_HOB_TYPE_RESOURCE_DESCRIPTOR,
	struct_hob_handoff, struct_hob_resource, tdvf_hob_create, tdx_accept_ram_range,
	type tdx_ram_entry } from "#tools/qemu/hw/i386/tdvf-hob.ts";
import { tdvf_image } from "#tools/qemu/roms/tdvf.ts";

const MIB = 2 ** 20, GIB = 2 ** 30;
const SIZE = 0x10000, AT = 0x8000, TOP = 4 * GIB - SIZE;

let err = "";
beforeEach(() => {
	err = "";
	set_error_sink((text) => {
		err += text;
	});
});

/** The error that ends the program. */
function fails(f: () => unknown): string {
	expect(f).toThrow(qemu_exit);
	return err.replace("qemu-system-x86_64: ", "").trimEnd();
}

const BFV: tdvf_section = { data_offset: 0, data_len: SIZE, address: TOP, size: SIZE,
	type: TDVF_SECTION_TYPE_BFV, attributes: 1 };
const HOB: tdvf_section = { data_offset: 0, data_len: 0, address: 0x809000, size: 0x2000,
	type: TDVF_SECTION_TYPE_TD_HOB, attributes: 0 };

function image(...sections: tdvf_section[]): Uint8Array {
	const bytes = new Uint8Array(SIZE);

	tdvf_write_metadata(bytes, AT, sections);
	return bytes;
}

describe("TDVF", () => {
	it("of the bundled firmware is in order", () => {
		const sections = tdvf_parse_metadata(tdvf_image(), 512 * MIB, 0);
		expect(sections.map((s) => s.type)).toEqual([
			TDVF_SECTION_TYPE_BFV, TDVF_SECTION_TYPE_CFV, TDVF_SECTION_TYPE_TD_HOB,
			TDVF_SECTION_TYPE_TEMP_MEM,
		]);
		expect(tdvf_hob_section(sections)).toMatchObject(
			{ address: 0x809000, size: 0x2000 });
		/* the image's own places, up to the reset vector */
		expect(sections[0]!.address + sections[0]!.size).toBe(4 * GIB);
		expect(sections[1]!.address + sections[1]!.size).toBe(sections[0]!.address);
		expect(sections.map((s) => s.attributes)).toEqual([1, 0, 0, 0]);
	});

	it.each<[string, tdvf_section[]]>([
		["too large section: DataOffset 0x1000 RawDataSize 0x10000",
			[{ ...BFV, data_offset: 0x1000 }, HOB]],
		["broken metadata RawDataSize 0x10000 MemoryDataSize 0xf000",
			[{ ...BFV, size: 0xf000 }, HOB]],
		["MemoryAddress 0xffff0800 not page aligned", [{ ...BFV, address: TOP + 0x800 }, HOB]],
		["MemoryDataSize 0x10800 not page aligned", [{ ...BFV, size: 0x10800 }, HOB]],
		["2 section with RawDataSize 0x10 > 0", [BFV, { ...HOB, data_len: 0x10 }]],
		["3 section with RawDataSize 0x10 > 0",
			[BFV, { ...HOB, type: TDVF_SECTION_TYPE_TEMP_MEM, data_len: 0x10 }]],
		["TDVF type 5 unknown/unsupported", [BFV, { ...HOB, type: 5 }]],
		["TDVF type 0 addr 0x100000 in RAM (disallowed)", [{ ...BFV, address: 0x100000 }, HOB]],
		["TDVF type 1 addr 0x100000000 in RAM (disallowed)",
			[BFV, { ...BFV, type: TDVF_SECTION_TYPE_CFV, address: 4 * GIB }]],
		["TDVF type 2 address 0x80000000 in PCI hole", [BFV, { ...HOB, address: 2 * GIB }]],
		["TDVF type 2 address 0x140000000 size 0x2000 above high memory",
			[BFV, { ...HOB, address: 5 * GIB }]],
		["Invalid number of entries (1) in TDVF", [BFV]],
	])("%s", (want, sections) => {
		expect(fails(() => tdvf_parse_metadata(image(...sections), GIB, GIB))).toBe(want);
	});

	it("needs a place for the HOB list", () => {
		const sections = tdvf_parse_metadata(image(BFV, { ...HOB,
			type: TDVF_SECTION_TYPE_TEMP_MEM }), GIB, 0);
		expect(fails(() => tdvf_hob_section(sections))).toBe(
			"TDVF metadata doesn't specify TD_HOB location.");
	});

	it.each<[string, (v: DataView) => void, string]>([
		["signature", (v) => v.setUint8(AT, 0x78), "failed to parse TDVF for TDX VM"],
		["offset", (v) => v.setUint32(SIZE - 0x20, SIZE - 8, true), "failed to parse TDVF for TDX VM"],
		["version", (v) => v.setUint32(AT + 8, 2, true), "failed to parse TDVF for TDX VM"],
		["length", (v) => v.setUint32(AT + 4, SIZE, true), "failed to parse TDVF for TDX VM"],
		["count", (v) => v.setUint32(AT + 12, 3, true),
			"TDVF metadata len (0x50) mismatch, expected (0x70)"],
	])("with a wrong %s is none", (_what, spoil, want) => {
		const bytes = image(BFV, HOB);
		spoil(new DataView(bytes.buffer));
		expect(fails(() => tdvf_parse_metadata(bytes, GIB, 0))).toBe(want);
	});
});

describe("the HOB list", () => {
	const ram = (): tdx_ram_entry[] => [{ address: 0, length: 64 * MIB, added: false }];

	it("splits memory where the TD starts with some", () => {
		const entries = ram();
		expect(tdx_accept_ram_range(entries, 0x809000, 0x2000)).toBe(0);
		expect(tdx_accept_ram_range(entries, 0x810000, 0x10000)).toBe(0);
		entries.sort((a, b) => a.address - b.address);
		expect(entries).toEqual([
			{ address: 0, length: 0x809000, added: false },
			{ address: 0x809000, length: 0x2000, added: true },
			{ address: 0x80b000, length: 0x5000, added: false },
			{ address: 0x810000, length: 0x10000, added: true },
			{ address: 0x820000, length: 64 * MIB - 0x820000, added: false },
		]);
	});

	it.each([["beyond the end", 64 * MIB - 0x1000, 0x2000], ["nowhere", GIB, 0x1000],
		["twice", 0x809000, 0x1000], ["half of it twice", 0x80a000, 0x2000]])(
		"refuses memory %s", (_what, address, length) => {
			const entries = ram();
			tdx_accept_ram_range(entries, 0x809000, 0x2000);
			expect(tdx_accept_ram_range(entries, address, length)).toBe(-1);
		});

	it("has what the specification says", () => {
		const entries = ram();
		tdx_accept_ram_range(entries, 0, 0x1000);
		const bytes = tdvf_hob_create(entries, 0x809000, 0x2000);
		const v = new DataView(bytes.buffer);
		expect(v.getUint16(0, true)).toBe(EFI_HOB_TYPE_HANDOFF);
		let at = v.getUint16(2, true);
		expect(at).toBe(56);
		const seen: bigint[][] = [];
		while (v.getUint16(at, true) === EFI_HOB_TYPE_RESOURCE_DESCRIPTOR) {
			expect(v.getUint16(at + 2, true)).toBe(sizeof(struct_hob_resource));
			seen.push([BigInt(v.getUint32(at + offsetof(struct_hob_resource, "ResourceType"), true)),
				v.getBigUint64(at + 32, true), v.getBigUint64(at + 40, true)]);
			at += 48;
		}
		expect(seen).toEqual([[0n, 0n, 0x1000n], [7n, 0x1000n, BigInt(64 * MIB - 0x1000)]]);
		expect([v.getUint16(at, true), v.getUint16(at + 2, true)]).toEqual(
			[EFI_HOB_TYPE_END_OF_HOB_LIST, 8]);
		expect(v.getBigUint64(offsetof(struct_hob_handoff, "EfiEndOfHobList"), true))
			.toBe(0x809000n + BigInt(at) + 8n);
	});

	it("does not grow beyond its section", () => {
		const entries = Array.from({ length: 100 }, (_, i) =>
			({ address: i * MIB, length: MIB, added: false }));
		expect(fails(() => tdvf_hob_create(entries, 0, 0x1000))).toBe("TD_HOB overrun, size = 0x30");
	});
});
