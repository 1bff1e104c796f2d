// SPDX-License-Identifier: GPL-2.0
/*
 * Measurement: MRTD and RTMRs against hashes computed elsewhere, and the report that has them.
 *
 * Port-only.
 */
import { createHash, createHmac } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { frame_bytes } from "#hw/memory.ts";
import * as isa from "#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import * as d from "#hw/tdx/defs.ts";
import { LOCK_EXCLUSIVE, LOCK_RTMR, tdx_lock_on, tdx_unlock_on } from "#hw/tdx/locks.ts";
import { tdx } from "#hw/tdx/state.ts";
import { tme_read } from "#hw/tme.ts";
import type { pfn_nr } from "#asm-generic/types.ts";
import { accept, long_mode, report, td_vm } from "./td_vm.ts";

const DATA = 0x800000;
const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");
const sha = (...parts: Uint8Array[]): string =>
	createHash("sha384").update(Buffer.concat(parts)).digest("hex");

let m: td_vm;

beforeEach(() => {
	m = new td_vm();
});

function block(name: string, gpa: number): Uint8Array {
	const b = Buffer.alloc(128);
	b.write(name, 0);
	b.writeBigUInt64LE(BigInt(gpa), 16);
	return b;
}

test("MRTD: pages in their order, content where it was asked for", () => {
	const t = m.build_td(), parts: Uint8Array[] = [];
	m.build_vp(t);
	m.add_tables(t, DATA);
	for (const [i, gpa] of [DATA + 4096, DATA].entries()) {
		const src = m.buffer(), bytes = frame_bytes(src / 4096 as pfn_nr);
		bytes.forEach((_, n) => {
			bytes[n] = n * 7 + i;
		});
		m.mem_ok(d.TDH_MEM_PAGE_ADD, t, gpa, 0, m.frames(), src);
		parts.push(block("MEM.PAGE.ADD", gpa));
		for (let off = 0; i === 0 && off < 4096; off += 256) {
			m.mem_ok(d.TDH_MR_EXTEND, t, gpa + off, 0);
			parts.push(block("MR.EXTEND", gpa + off), bytes.slice(off, off + 256));
		}
	}
	const extend = (rcx: number): string =>
		m.call(d.TDH_MR_EXTEND, { rcx, rdx: t.pfn * 4096 });
	expect(extend(DATA + 64)).toBe("OPERAND_INVALID|RCX");
	expect(extend(2 ** 47)).toBe("OPERAND_INVALID|RCX");
	expect(extend(2 ** 40)).toBe("EPT_WALK_FAILED|RCX");
	expect(extend(DATA + 8192)).toBe("EPT_ENTRY_NOT_PRESENT|RCX");
	m.finalize(t);
	expect(hex(t.tdcs.mrtd)).toBe(sha(...parts));
	expect(extend(DATA)).toBe("OP_STATE_INCORRECT");
});

test("RTMRs, and TDREPORT", () => {
	const OWNER = Buffer.alloc(48, 0xcc);
	m.boot([function* () {
		yield* long_mode();
		yield* accept(DATA);
		for (let i = 0; i < 48; i += 8)
			yield* isa.st64(DATA + i, 0x0101010101010101n * BigInt(i + 1));
		for (const [gpa, index] of [[DATA, 2], [DATA, 2], [DATA, 4], [DATA + 8, 0],
			[2 ** 47 + DATA, 0]] as const)
			yield* report(yield* tdcall(d.TDG_MR_RTMR_EXTEND, BigInt(gpa),
				BigInt(index)));
		yield* isa.st64(DATA + 64, 0x5555n);
		for (const [to, from, type] of [[1024, 64, 0], [512, 64, 0], [1024, 8, 0],
			[1024, 64, 1]] as const)
			yield* report(yield* tdcall(d.TDG_MR_REPORT, BigInt(DATA + to),
				BigInt(DATA + from), BigInt(type)));
	}]);
	const c = m.t.tdcs;
	c.mrowner = OWNER;
	m.violation(DATA);
	const hpa = m.aug(DATA);
	const name = (): string => d.tdx_status_name(m.reported());
	expect(name()).toBe("SUCCESS");
	tdx_lock_on(0, LOCK_RTMR, m.t.pfn * 4 + 2, LOCK_EXCLUSIVE);
	expect(name()).toBe("OPERAND_BUSY|RTMR");
	tdx_unlock_on(0, LOCK_RTMR, m.t.pfn * 4 + 2);
	expect([name(), name(), name(), name()]).toEqual(["SUCCESS", "OPERAND_INVALID|RDX",
		"OPERAND_INVALID|RCX", "OPERAND_INVALID|RCX"]);
	const data = Buffer.concat([0, 8, 16, 24, 32, 40].map((i) => Buffer.alloc(8, i + 1)));
	expect(hex(c.rtmr[2]!)).toBe(sha(Buffer.alloc(48), data));

	expect([name(), name(), name(), name()]).toEqual(["SUCCESS", "OPERAND_INVALID|RCX",
		"OPERAND_INVALID|RDX", "OPERAND_INVALID|R8"]);
	const r = Buffer.alloc(1024);
	for (let i = 0; i < 1024; i += 64)
		tme_read(hpa + 1024 + i, m.t.hkid, 64, r.subarray(i, i + 64));
	expect(r[0]).toBe(0x81);
	expect(r.readBigUInt64LE(128)).toBe(0x5555n);
	expect(r.readBigUInt64LE(512 + 8)).toBe(3n);
	expect(hex(r.subarray(528, 576))).toBe(hex(c.mrtd));
	expect(hex(r.subarray(624, 672))).toBe(hex(OWNER));
	expect(hex(r.subarray(720 + 96, 720 + 144))).toBe(hex(c.rtmr[2]!));
	expect(hex(r.subarray(80, 128))).toBe(sha(r.subarray(512)));
	expect(hex(r.subarray(32, 80))).toBe(sha(r.subarray(256, 256 + 239)));
	expect(hex(r.subarray(224, 256))).toBe(createHmac("sha384", tdx.report_key)
		.update(r.subarray(0, 224)).digest("hex").slice(0, 64));
});

test("a buffer that is not there: the host brings it, and the guest asks again", () => {
	m.boot([function* () {
		yield* long_mode();
		yield* accept(DATA);
		yield* report(yield* tdcall(d.TDG_MR_REPORT, BigInt(DATA + 4096), BigInt(DATA)));
	}]);
	m.violation(DATA);
	m.aug(DATA);
	m.reported();
	m.violation(DATA + 4096);
	m.violation(DATA + 4096);
});
