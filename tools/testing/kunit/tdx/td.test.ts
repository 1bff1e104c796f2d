// SPDX-License-Identifier: GPL-2.0
/*
 * A TD's life: in which of its states which leaf may run, which locks it takes, and every way from
 * one state to the next and back to nothing.
 *
 * Port-only. The tables here are written down apart from the module's.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { tme_page_owner, tme_read } from "#hw/tme.ts";
import * as d from "#hw/tdx/defs.ts";
import { kot_state } from "#hw/tdx/keys.ts";
import { LOCK_EXCLUSIVE, LOCK_KET, LOCK_KOT, LOCK_OP_STATE, LOCK_PAMT_2M, LOCK_PAMT_4K, LOCK_SHARED,
	LOCK_WBCACHE, tdx_lock_on, tdx_unlock_on } from "#hw/tdx/locks.ts";
import { pamt_used } from "#hw/tdx/pamt.ts";
import { tdx, type struct_tdr, type struct_tdvps } from "#hw/tdx/state.ts";
import { GLOBAL_HKID, td_env } from "./td_env.ts";

let e: td_env;

beforeEach(() => {
	e = new td_env({ cpus: 4, packages: 2 });
	e.bring_up(false);
	for (let i = 0; i < 8; i++)
		e.ok(d.TDH_SYS_TDMR_INIT, { rcx: 2 ** 30 });
});

/* leaf: [register of TDR or TDVPR, is it a TDVPR, TDR lock, OP_STATE lock, OP_STATEs] */
const RULES: Record<number, [number, boolean, "s" | "x", "s" | "x" | "-", string]> = {
	[d.TDH_MNG_ADDCX]: [2, false, "x", "-", "U"],
	[d.TDH_MNG_INIT]: [1, false, "x", "x", "U"],
	[d.TDH_MNG_RD]: [1, false, "s", "s", "UIR"],
	[d.TDH_MNG_WR]: [1, false, "s", "s", "IR"],
	[d.TDH_MR_EXTEND]: [2, false, "x", "s", "I"],
	[d.TDH_MR_FINALIZE]: [1, false, "x", "x", "I"],
	[d.TDH_VP_CREATE]: [2, false, "s", "s", "I"],
	[d.TDH_VP_ADDCX]: [2, true, "s", "s", "I"],
	[d.TDH_VP_INIT]: [1, true, "s", "s", "I"],
	[d.TDH_VP_ENTER]: [1, true, "s", "s", "R"],
	[d.TDH_VP_RD]: [1, true, "s", "s", "IR"],
	[d.TDH_VP_WR]: [1, true, "s", "s", "IR"],
	[d.TDH_MEM_SEPT_ADD]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_SEPT_RD]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_SEPT_REMOVE]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_PAGE_ADD]: [2, false, "x", "s", "I"],
	[d.TDH_MEM_PAGE_AUG]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_PAGE_REMOVE]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_PAGE_RELOCATE]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_PAGE_PROMOTE]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_PAGE_DEMOTE]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_RANGE_BLOCK]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_RANGE_UNBLOCK]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_TRACK]: [1, false, "s", "s", "IR"],
	[d.TDH_MEM_RD]: [2, false, "s", "s", "IR"],
	[d.TDH_MEM_WR]: [2, false, "s", "s", "IR"],
};
const LEAVES = Object.keys(RULES).map(Number);
const NAMES: Record<number, string> = Object.fromEntries(Object.entries(d)
	.filter(([name]) => name.startsWith("TDH_")).map(([name, n]) => [n as number, name]));
const RULE_CASES = LEAVES.map((leaf): [string, number] => [NAMES[leaf]!, leaf]);

describe.each(RULE_CASES)("%s", (_, leaf) => {
	const [reg, is_vp, tdr_lock, op_lock, states] = RULES[leaf]!;
	const name = reg === 1 ? "RCX" : "RDX";
	let t: struct_tdr, v: struct_tdvps;

	beforeEach(() => {
		t = e.build_td();
		v = e.create_vp(t);
	});

	const at = (hpa: number): string => e.call(leaf, reg === 1 ? { rcx: hpa } : { rdx: hpa });
	const call = (): string => at((is_vp ? v.pfn : t.pfn) * 4096);

	test("states of the TD", () => {
		t.fatal = true;
		expect(call()).toBe("TD_FATAL");
		t.fatal = false;
		for (const s of [d.TD_HKID_ASSIGNED, d.TD_BLOCKED, d.TD_TEARDOWN]) {
			t.lifecycle = s;
			expect(call()).toBe("TD_KEYS_NOT_CONFIGURED");
		}
		t.lifecycle = d.TD_KEYS_CONFIGURED;
		["U", "I", "R"].forEach((s, i) => {
			t.tdcs.op_state = i;
			expect([s, call() === "OP_STATE_INCORRECT"]).toEqual([s, !states.includes(s)]);
		});
		t.tdcs.op_state = "UIR".indexOf(states[0]!);
		t.tdcx.pop();
		const building = leaf === d.TDH_MNG_ADDCX || leaf === d.TDH_MNG_INIT;
		expect(call() === "TDCS_NOT_ALLOCATED").toBe(!building);
	});

	test("locks", () => {
		const busy = is_vp ? "OPERAND_BUSY|TDR" : `OPERAND_BUSY|${name}`;
		t.tdcs.op_state = "UIR".indexOf(states[0]!);
		tdx_lock_on(1, LOCK_PAMT_4K, t.pfn, LOCK_EXCLUSIVE);
		expect(call()).toBe(busy);
		tdx_unlock_on(1, LOCK_PAMT_4K, t.pfn);
		tdx_lock_on(1, LOCK_PAMT_4K, t.pfn, LOCK_SHARED);
		expect(call() === busy).toBe(tdr_lock === "x");
		tdx_unlock_on(1, LOCK_PAMT_4K, t.pfn);
		tdx_lock_on(1, LOCK_PAMT_2M, t.pfn >>> 9, LOCK_EXCLUSIVE);
		expect(call()).toBe(`OPERAND_BUSY|${name}`);
		tdx_unlock_on(1, LOCK_PAMT_2M, t.pfn >>> 9);
		tdx_lock_on(1, LOCK_OP_STATE, t.pfn, LOCK_EXCLUSIVE);
		expect(call() === "OPERAND_BUSY|OP_STATE").toBe(op_lock !== "-");
		tdx_unlock_on(1, LOCK_OP_STATE, t.pfn);
		tdx_lock_on(1, LOCK_OP_STATE, t.pfn, LOCK_SHARED);
		expect(call() === "OPERAND_BUSY|OP_STATE").toBe(op_lock === "x");
		tdx_unlock_on(1, LOCK_OP_STATE, t.pfn);
	});

	test("the page that names the TD", () => {
		expect(at(0)).toBe(`OPERAND_ADDR_RANGE_ERROR|${name}`);
		expect(at(t.pfn * 4096 + 64)).toBe(`OPERAND_INVALID|${name}`);
		expect(at(e.with_hkid(t.pfn * 4096, 1))).toBe(`OPERAND_INVALID|${name}`);
		expect(at(2 ** 45)).toBe(`OPERAND_INVALID|${name}`);
		expect(at(2 ** 62)).toBe(`OPERAND_INVALID|${name}`);
		expect(at(2 ** 31 - 4096)).toBe(`OPERAND_ADDR_RANGE_ERROR|${name}`);
		expect(at(e.frames())).toBe(`PAGE_METADATA_INCORRECT|${name}`);
		expect(at((is_vp ? t.pfn : v.pfn) * 4096)).toBe(`PAGE_METADATA_INCORRECT|${name}`);
		expect(at(t.tdcx[0]! * 4096)).toBe(`PAGE_METADATA_INCORRECT|${name}`);
	});
});

describe("MNG.CREATE", () => {
	test("a page and a KeyID", () => {
		const page = e.frames();
		const create = (rcx: number, rdx: number | bigint): string =>
			e.call(d.TDH_MNG_CREATE, { rcx, rdx });
		expect(create(page + 1, 40)).toBe("OPERAND_INVALID|RCX");
		expect(create(0, 40)).toBe("OPERAND_ADDR_RANGE_ERROR|RCX");
		for (const hkid of [0, 15, 64, 2n ** 40n])
			expect(create(page, hkid)).toBe("OPERAND_INVALID|RDX");
		expect(create(page, GLOBAL_HKID)).toBe("HKID_NOT_FREE|RDX");
		tdx_lock_on(1, LOCK_KOT, 0, LOCK_SHARED);
		expect(create(page, 40)).toBe("OPERAND_BUSY|KOT");
		tdx_unlock_on(1, LOCK_KOT, 0);
		tdx_lock_on(1, LOCK_PAMT_4K, page / 4096, LOCK_SHARED);
		expect(create(page, 40)).toBe("OPERAND_BUSY|RCX");
		tdx_unlock_on(1, LOCK_PAMT_4K, page / 4096);
		expect([kot_state(40), e.rdmd(page)]).toEqual([d.KOT_FREE, [0, 0, 0]]);
		expect(create(page, 40)).toBe("SUCCESS");
		expect([kot_state(40), e.rdmd(page)]).toEqual([d.KOT_ASSIGNED, [d.PT_TDR, 0, 0]]);
		expect(tme_page_owner(page).keyid).toBe(GLOBAL_HKID);
		expect(create(page, 41)).toBe("PAGE_METADATA_INCORRECT|RCX");
		expect(create(e.frames(), 40)).toBe("HKID_NOT_FREE|RDX");
	});
});

test("KEY.CONFIG: once on each package", () => {
	const tdr = e.frames();
	e.ok(d.TDH_MNG_CREATE, { rcx: tdr, rdx: 40 });
	const config = (cpu: number): string => e.on(cpu).call(d.TDH_MNG_KEY_CONFIG, { rcx: tdr });
	const t = tdx.tdrs.get(tdr / 4096)!;
	tdx_lock_on(1, LOCK_KET, 0, LOCK_SHARED);
	expect(config(0)).toBe("OPERAND_BUSY|KET");
	tdx_unlock_on(1, LOCK_KET, 0);
	tdx.env.no_entropy = 1;
	tdx.env.bad_keys = 1;
	expect([config(0), config(0), config(0)])
		.toEqual(["RND_NO_ENTROPY", "KEY_GENERATION_FAILED", "SUCCESS"]);
	expect(config(1)).toBe("KEY_CONFIGURED");
	expect(t.lifecycle).toBe(d.TD_HKID_ASSIGNED);
	expect(config(2)).toBe("SUCCESS");
	expect(t.lifecycle).toBe(d.TD_KEYS_CONFIGURED);
	expect(config(3)).toBe("LIFECYCLE_STATE_INCORRECT");
	t.fatal = true;
	expect(config(3)).toBe("TD_FATAL");
});

test("ADDCX: as many as it takes", () => {
	const t = e.create_td(), rdx = t.pfn * 4096;
	expect(e.call(d.TDH_MNG_INIT, { rcx: rdx, rdx: e.td_params() })).toBe("TDCX_NUM_INCORRECT");
	e.add_tdcx(t);
	expect(e.call(d.TDH_MNG_ADDCX, { rcx: e.frames(), rdx })).toBe("TDCX_NUM_INCORRECT");
	expect(e.call(d.TDH_MNG_ADDCX, { rcx: t.tdcx[0]! * 4096, rdx }))
		.toBe("PAGE_METADATA_INCORRECT|RCX");
	expect(e.rdmd(t.tdcx[0]! * 4096)).toEqual([d.PT_TDCX, t.pfn, 0]);
	expect([t.chldcnt, tme_page_owner(t.tdcx[0]! * 4096).keyid]).toEqual([4, t.hkid]);
});

describe("TD_PARAMS", () => {
	const init = (change: (v: DataView) => void): string => {
		const t = e.create_td();
		e.add_tdcx(t);
		const status = e.call(d.TDH_MNG_INIT, { rcx: t.pfn * 4096,
			rdx: e.td_params(change) });
		expect(t.tdcs.op_state).toBe(status === "SUCCESS" ? 1 : 0);
		return status;
	};
	test.each<[string, (v: DataView) => void, string]>([
		["ATTRIBUTES: unknown", (v) => v.setBigUint64(0, 2n, true), "ATTRIBUTES"],
		["ATTRIBUTES: of the processor's", (v) => v.setBigUint64(0, 1n << 63n, true),
			"ATTRIBUTES"],
		["XFAM: no SSE", (v) => v.setBigUint64(8, 1n, true), "XFAM"],
		["XFAM: unknown", (v) => v.setBigUint64(8, 0xbn, true), "XFAM"],
		["XFAM: part of AVX-512", (v) => v.setBigUint64(8, 0x27n, true), "XFAM"],
		["XFAM: AVX-512 without AVX", (v) => v.setBigUint64(8, 0xe3n, true), "XFAM"],
		["XFAM: half of AMX", (v) => v.setBigUint64(8, 0x20003n, true), "XFAM"],
		["no VCPUs", (v) => v.setUint32(16, 0, true), "MAX_VCPUS"],
		["many VCPUs", (v) => v.setUint32(16, 0x10000, true), "MAX_VCPUS"],
		["EXEC_CONTROLS", (v) => v.setBigUint64(32, 2n, true), "EXEC_CONTROLS"],
		["memory type", (v) => v.setBigUint64(24, 24n, true), "EPTP_CONTROLS"],
		["three levels", (v) => v.setBigUint64(24, 6n | (2n << 3n), true), "EPTP_CONTROLS"],
		["EPTP bits", (v) => v.setBigUint64(24, 6n | (3n << 3n) | 64n, true),
			"EPTP_CONTROLS"],
		["GPAW 52 on four levels", (v) => v.setBigUint64(32, 1n, true), "EPTP_CONTROLS"],
		["TSC too slow", (v) => v.setUint16(40, 3, true), "TSC_FREQUENCY"],
		["TSC too fast", (v) => v.setUint16(40, 401, true), "TSC_FREQUENCY"],
		["CPUID: not to be chosen", (v) => v.setUint32(256 + 8, 1, true), "CPUID_CONFIG"],
		["reserved bytes", (v) => v.setUint8(60, 1), "RDX"],
		["reserved bytes at the end", (v) => v.setUint8(1023, 1), "RDX"],
	])("%s", (_, change, operand) => {
		expect(init(change)).toBe(`OPERAND_INVALID|${operand}`);
	});
	test("good ones", () => {
		expect(init((v) => {
			v.setBigUint64(0, 0x10000001n, true);
			v.setBigUint64(8, 0x6dbe7n, true);
			v.setBigUint64(24, 6n | (4n << 3n), true);
			v.setBigUint64(32, 1n, true);
			v.setUint32(256 + 8, 0x1000000, true);
			v.setUint8(80, 0xaa);
		})).toBe("SUCCESS");
	});
	test("the operand", () => {
		const t = e.create_td(), rcx = t.pfn * 4096;
		e.add_tdcx(t);
		const params = e.td_params();
		expect(e.call(d.TDH_MNG_INIT, { rcx, rdx: params + 512 })).toBe("OPERAND_INVALID|RDX");
		expect(e.call(d.TDH_MNG_INIT, { rcx, rdx: e.with_hkid(params, t.hkid) }))
			.toBe("OPERAND_INVALID|RDX");
		expect(e.call(d.TDH_MNG_INIT, { rcx, rdx: params })).toBe("SUCCESS");
		expect(e.call(d.TDH_MNG_INIT, { rcx, rdx: params })).toBe("OP_STATE_INCORRECT");
	});
});

describe("taking a TD down", () => {
	/* leaf that leads on, in each state of the life cycle */
	test("each step in each state", () => {
		const steps: [number, string[]][] = [
			[d.TDH_MNG_KEY_CONFIG, ["SUCCESS", "LIFECYCLE_STATE_INCORRECT",
				"LIFECYCLE_STATE_INCORRECT", "LIFECYCLE_STATE_INCORRECT"]],
			[d.TDH_MNG_VPFLUSHDONE, ["SUCCESS", "SUCCESS", "LIFECYCLE_STATE_INCORRECT",
				"LIFECYCLE_STATE_INCORRECT"]],
			[d.TDH_MNG_KEY_FREEID, ["LIFECYCLE_STATE_INCORRECT",
				"LIFECYCLE_STATE_INCORRECT", "WBCACHE_NOT_COMPLETE",
				"LIFECYCLE_STATE_INCORRECT"]],
			[d.TDH_PHYMEM_PAGE_RECLAIM, ["LIFECYCLE_STATE_INCORRECT",
				"LIFECYCLE_STATE_INCORRECT", "LIFECYCLE_STATE_INCORRECT", "SUCCESS"]],
			[d.TDH_MNG_KEY_RECLAIMID, ["SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"]],
		];
		for (const [leaf, want] of steps) {
			for (let state = 0; state < 4; state++) {
				const tdr = e.frames();
				const step = (n: number): void => e.ok(n, { rcx: tdr });
				e.ok(d.TDH_MNG_CREATE, { rcx: tdr, rdx: e.next_hkid++ });
				if (state >= d.TD_KEYS_CONFIGURED)
					e.each_package(() => step(d.TDH_MNG_KEY_CONFIG));
				if (state >= d.TD_BLOCKED)
					step(d.TDH_MNG_VPFLUSHDONE);
				if (state >= d.TD_TEARDOWN) {
					e.each_package(() => e.ok(d.TDH_PHYMEM_CACHE_WB));
					step(d.TDH_MNG_KEY_FREEID);
				}
				expect([leaf, state, e.call(leaf, { rcx: tdr })])
					.toEqual([leaf, state, want[state]]);
			}
		}
	});

	test("all the way, with VCPUs and pages, and everything is free again", () => {
		const free = pamt_used(), t = e.build_td(), hkid = t.hkid;
		const vps = [0, 1].map((i) => e.on(i).build_vp(t));
		e.on(0).add_tables(t, 0);
		const pages = [e.frames(), e.frames(512)], src = e.buffer();
		e.mem_ok(d.TDH_MEM_PAGE_ADD, t, 0x1000, 0, pages[0], src);
		e.add_tables(t, 2 ** 30, 1);
		e.mem_ok(d.TDH_MEM_PAGE_AUG, t, 2 ** 30, 1, pages[1]);
		e.finalize(t);
		expect(t.chldcnt).toBe(4 + 2 * 6 + 4 + 513);
		const tdr = { rcx: t.pfn * 4096 };
		expect(e.call(d.TDH_MNG_VPFLUSHDONE, tdr)).toBe("FLUSHVP_NOT_DONE");
		const flush = (cpu: number, v: struct_tdvps): string =>
			e.on(cpu).call(d.TDH_VP_FLUSH, { rcx: v.pfn * 4096 });
		expect(flush(1, vps[0]!)).toBe("VCPU_NOT_ASSOCIATED");
		expect(flush(0, vps[0]!)).toBe("SUCCESS");
		expect(flush(0, vps[0]!)).toBe("VCPU_NOT_ASSOCIATED");
		expect(e.call(d.TDH_MNG_VPFLUSHDONE, tdr)).toBe("FLUSHVP_NOT_DONE");
		expect(flush(1, vps[1]!)).toBe("SUCCESS");
		tdx_lock_on(3, LOCK_KOT, 0, LOCK_EXCLUSIVE);
		expect(e.on(0).call(d.TDH_MNG_VPFLUSHDONE, tdr)).toBe("OPERAND_BUSY|KOT");
		tdx_unlock_on(3, LOCK_KOT, 0);
		e.ok(d.TDH_MNG_VPFLUSHDONE, tdr);
		expect(flush(0, vps[0]!)).toBe("TD_KEYS_NOT_CONFIGURED");
		expect(kot_state(hkid)).toBe(d.KOT_FLUSHED);
		e.ok(d.TDH_PHYMEM_CACHE_WB);
		expect(e.call(d.TDH_MNG_KEY_FREEID, tdr)).toBe("WBCACHE_NOT_COMPLETE");
		expect(e.call(d.TDH_PHYMEM_PAGE_RECLAIM, { rcx: pages[0]! }))
			.toBe("LIFECYCLE_STATE_INCORRECT");
		e.on(2).ok(d.TDH_PHYMEM_CACHE_WB);
		e.ok(d.TDH_MNG_KEY_FREEID, tdr);
		expect(kot_state(hkid)).toBe(d.KOT_FREE);

		const reclaim = (rcx: number): string => e.call(d.TDH_PHYMEM_PAGE_RECLAIM, { rcx });
		expect(reclaim(t.pfn * 4096)).toBe("TD_ASSOCIATED_PAGES_EXIST");
		expect(reclaim(pages[1]! + 4096)).toBe("OPERAND_INVALID|RCX");
		expect(reclaim(pages[1]!)).toBe("SUCCESS");
		expect([e.out(1), e.out(2), e.out(8)]).toEqual([d.PT_REG, t.pfn * 4096, 1]);
		expect(reclaim(pages[1]!)).toBe("PAGE_ALREADY_FREE|RCX");
		for (let pfn = 2 ** 18; t.chldcnt !== 0; pfn++)
			if (pfn !== t.pfn)
				expect(["SUCCESS", "PAGE_ALREADY_FREE|RCX"])
					.toContain(reclaim(pfn * 4096));
		expect(reclaim(t.pfn * 4096)).toBe("SUCCESS");
		expect([e.out(1), e.out(2)]).toEqual([d.PT_TDR, 0]);
		expect([pamt_used(), tdx.tdrs.size, tdx.tdvpss.size]).toEqual([free, 0, 0]);
		/* content is not cleaned: a host that reads it finds zeros */
		expect(tme_page_owner(pages[0]!).owner[0]).toBe(2 ** 32 - 1);
		expect(tme_read(pages[0]!, 0, 8, new Uint8Array(8))).toBe(1);
	});

	test("CACHE.WB: interrupted, resumed, nothing to do, busy", () => {
		const wb = (rcx = 0): string => e.call(d.TDH_PHYMEM_CACHE_WB, { rcx });
		expect(wb()).toBe("NO_HKID_READY_TO_WBCACHE");
		expect(wb(1)).toBe("WBCACHE_RESUME_ERROR");
		expect(wb(2)).toBe("OPERAND_INVALID|RCX");
		const tds = [e.create_td(), e.create_td()];
		for (const t of tds)
			e.ok(d.TDH_MNG_VPFLUSHDONE, { rcx: t.pfn * 4096 });
		tdx_lock_on(1, LOCK_WBCACHE, 0, LOCK_EXCLUSIVE);
		expect(wb()).toBe("OPERAND_BUSY|WBCACHE");
		expect(e.on(2).call(d.TDH_PHYMEM_CACHE_WB)).toBe("SUCCESS");
		tdx_unlock_on(1, LOCK_WBCACHE, 0);
		tdx_lock_on(1, LOCK_KOT, 0, LOCK_EXCLUSIVE);
		expect(e.on(0).call(d.TDH_PHYMEM_CACHE_WB)).toBe("OPERAND_BUSY|KOT");
		tdx_unlock_on(1, LOCK_KOT, 0);
		tdx.env.interrupt_after = 1;
		expect(wb()).toBe("INTERRUPTED_RESUMABLE");
		const done = tds.map((t) => e.call(d.TDH_MNG_KEY_FREEID, { rcx: t.pfn * 4096 }));
		expect(done.sort()).toEqual(["SUCCESS", "WBCACHE_NOT_COMPLETE"]);
		expect(wb(1)).toBe("SUCCESS");
		expect(wb(1)).toBe("WBCACHE_RESUME_ERROR");
		expect(wb()).toBe("NO_HKID_READY_TO_WBCACHE");
	});

	test("a TD that is FATAL", () => {
		const t = e.runnable_td();
		t.fatal = true;
		e.release_hkid(t);
		expect(t.lifecycle).toBe(d.TD_TEARDOWN);
	});
});

describe("PHYMEM", () => {
	test("RDMD and RECLAIM: operands", () => {
		for (const leaf of [d.TDH_PHYMEM_PAGE_RDMD, d.TDH_PHYMEM_PAGE_RECLAIM]) {
			const page = e.frames();
			const call = (rcx: number): string => e.call(leaf, { rcx });
			expect(call(page + 8)).toBe("OPERAND_INVALID|RCX");
			expect(call(e.with_hkid(page, 1))).toBe("OPERAND_INVALID|RCX");
			expect(call(0)).toBe("OPERAND_ADDR_RANGE_ERROR|RCX");
			tdx_lock_on(1, LOCK_PAMT_4K, page / 4096, LOCK_EXCLUSIVE);
			expect(call(page)).toBe("OPERAND_BUSY|RCX");
			tdx_unlock_on(1, LOCK_PAMT_4K, page / 4096);
		}
	});

	test("WBINVD of a page", () => {
		const t = e.create_td(), page = e.frames();
		const call = (rcx: number): string => e.call(d.TDH_PHYMEM_PAGE_WBINVD, { rcx });
		expect(call(page)).toBe("OPERAND_INVALID|RCX");
		expect(call(e.with_hkid(page, 1))).toBe("OPERAND_INVALID|RCX");
		expect(call(e.with_hkid(page + 64, t.hkid))).toBe("OPERAND_INVALID|RCX");
		expect(call(e.with_hkid(0, t.hkid))).toBe("OPERAND_ADDR_RANGE_ERROR|RCX");
		expect(call(e.with_hkid(t.pfn * 4096, GLOBAL_HKID)))
			.toBe("PAGE_METADATA_INCORRECT|RCX");
		tdx_lock_on(1, LOCK_PAMT_4K, page / 4096, LOCK_EXCLUSIVE);
		expect(call(e.with_hkid(page, t.hkid))).toBe("OPERAND_BUSY|RCX");
		tdx_unlock_on(1, LOCK_PAMT_4K, page / 4096);
		expect(call(e.with_hkid(page, t.hkid))).toBe("SUCCESS");
	});
});
