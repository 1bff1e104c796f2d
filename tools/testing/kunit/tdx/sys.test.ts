// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing the module up, and what it says to a host that does it wrong.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { clock_reset } from "#hw/clock.ts";
import { this_cpu } from "#hw/cpu.ts";
import { tme_page_owner } from "#hw/tme.ts";
import * as d from "#hw/tdx/defs.ts";
import { SEAMCALL_VMFAIL } from "#hw/tdx/dispatch.ts";
import { LOCK_EXCLUSIVE, LOCK_SHARED, LOCK_SYS, LOCK_TDMR, tdx_lock_on, tdx_unlock_on } from
	"#hw/tdx/locks.ts";
import { tdx } from "#hw/tdx/state.ts";
import { GIB, GLOBAL_HKID, TDMR_BASE, td_env } from "./td_env.ts";

clock_reset();

test("the instruction: #UD, #GP, VMfailInvalid", () => {
	let e = new td_env();
	this_cpu.vmxon_pfn = -1;
	expect(e.raw(d.TDH_SYS_INIT)).toBe(6);
	this_cpu.vmxon_pfn = 1;
	this_cpu.cpl = 3;
	expect(e.raw(d.TDH_SYS_INIT)).toBe(13);
	this_cpu.cpl = 0;
	expect(e.call(d.TDH_SYS_INIT)).toBe("SUCCESS");
	e = new td_env({ seamrr: false });
	expect(e.raw(d.TDH_SYS_INIT)).toBe(13);
	e = new td_env({ loaded: false });
	expect(e.raw(d.TDH_SYS_INIT)).toBe(SEAMCALL_VMFAIL);
});

test("leaves and versions it does not have", () => {
	const e = new td_env().bring_up();
	for (const leaf of [34, 37, 42, 46, 64, 127, d.TDH_MEM_PAGE_AUG | (1 << 16), 2 ** 32,
		2 ** 40])
		expect(e.call(leaf)).toBe("OPERAND_INVALID|RAX");
});

test("each leaf in each state of the module", () => {
	const early = new Map([
		[d.TDH_SYS_INIT, ["SUCCESS", "SYS_INIT_NOT_PENDING", "SYS_INIT_NOT_PENDING",
			"SYS_INIT_NOT_PENDING", "SYS_SHUTDOWN"]],
		[d.TDH_SYS_LP_INIT, ["SYS_LP_INIT_NOT_PENDING", "SUCCESS", "SYS_LP_INIT_DONE",
			"SYS_LP_INIT_DONE", "SYS_SHUTDOWN"]],
		[d.TDH_SYS_CONFIG, ["SYS_LP_INIT_NOT_DONE", "SYS_LP_INIT_NOT_DONE",
			"SYS_CONFIG_NOT_PENDING", "SYS_CONFIG_NOT_PENDING", "SYS_SHUTDOWN"]],
		[d.TDH_SYS_KEY_CONFIG, ["SYS_LP_INIT_NOT_DONE", "SYS_LP_INIT_NOT_DONE", "SUCCESS",
			"SYS_KEY_CONFIG_NOT_PENDING", "SYS_SHUTDOWN"]],
		[d.TDH_SYS_INFO, ["SYS_LP_INIT_NOT_DONE", "SYS_LP_INIT_NOT_DONE",
			"OPERAND_INVALID|RDX", "OPERAND_INVALID|RDX", "SYS_SHUTDOWN"]],
	]);
	const reach = (state: number): td_env => {
		const e = new td_env();
		if (state >= d.SYSINIT_DONE)
			e.ok(d.TDH_SYS_INIT);
		if (state >= d.SYSCONFIG_DONE) {
			e.ok(d.TDH_SYS_LP_INIT);
			e.ok(d.TDH_SYS_CONFIG, { rcx: e.pointers(e.tdmr_info()), rdx: 1,
				r8: GLOBAL_HKID });
		}
		if (state >= d.SYS_READY)
			e.ok(d.TDH_SYS_KEY_CONFIG);
		if (state === d.SYS_SHUTDOWN)
			e.ok(d.TDH_SYS_LP_SHUTDOWN);
		expect(tdx.state).toBe(state);
		return e;
	};
	for (let state = 0; state <= d.SYS_SHUTDOWN; state++) {
		for (let leaf = 1; leaf <= d.TDH_SYS_CONFIG; leaf++) {
			if ([34, 37, 42, d.TDH_SYS_LP_SHUTDOWN].includes(leaf))
				continue;
			const want = early.get(leaf)?.[state] ?? (state === d.SYS_SHUTDOWN ?
				"SYS_SHUTDOWN" : state !== d.SYS_READY ? "SYS_NOT_READY" : null);
			if (want !== null)
				expect([leaf, state, reach(state).call(leaf)])
					.toEqual([leaf, state, want]);
		}
		expect(reach(state).call(d.TDH_SYS_LP_SHUTDOWN)).toBe(
			state === d.SYS_SHUTDOWN ? "SYS_SHUTDOWN" : "SUCCESS");
	}
});

test("several CPUs and packages", () => {
	const e = new td_env({ cpus: 4, packages: 2 });
	e.ok(d.TDH_SYS_INIT);
	for (const cpu of [0, 1, 2])
		e.on(cpu).ok(d.TDH_SYS_LP_INIT);
	const rcx = e.pointers(e.tdmr_info());
	expect(e.call(d.TDH_SYS_CONFIG, { rcx, rdx: 1, r8: GLOBAL_HKID }))
		.toBe("SYS_LP_INIT_NOT_DONE");
	e.on(3).ok(d.TDH_SYS_LP_INIT);
	e.ok(d.TDH_SYS_CONFIG, { rcx, rdx: 1, r8: GLOBAL_HKID });
	e.on(0).ok(d.TDH_SYS_KEY_CONFIG);
	expect(e.on(1).call(d.TDH_SYS_KEY_CONFIG)).toBe("KEY_CONFIGURED");
	expect(e.call(d.TDH_MEM_TRACK)).toBe("SYS_NOT_READY");
	e.on(2).ok(d.TDH_SYS_KEY_CONFIG);
	expect(e.call(d.TDH_MEM_TRACK)).toBe("OPERAND_ADDR_RANGE_ERROR|RCX");
});

test("keys that are not generated at once", () => {
	const e = new td_env();
	e.init_lps();
	e.ok(d.TDH_SYS_CONFIG, { rcx: e.pointers(e.tdmr_info()), rdx: 1, r8: GLOBAL_HKID });
	tdx.env.no_entropy = 2;
	tdx.env.bad_keys = 1;
	const seen: string[] = [];
	do
		seen.push(e.call(d.TDH_SYS_KEY_CONFIG));
	while (seen[seen.length - 1] !== "SUCCESS");
	expect(seen).toEqual(["RND_NO_ENTROPY", "RND_NO_ENTROPY", "KEY_GENERATION_FAILED",
		"SUCCESS"]);
});

test("TDSYSINFO and CMRs", () => {
	const e = new td_env();
	e.init_lps();
	const info = e.buffer(), cmrs = e.buffer();
	const call = (o: object): string => e.call(d.TDH_SYS_INFO,
		{ rcx: info, rdx: 1024, r8: cmrs, r9: 32, ...o });
	expect(call({ rcx: info + 512 })).toBe("OPERAND_INVALID|RCX");
	expect(call({ rcx: e.with_hkid(info, GLOBAL_HKID) })).toBe("OPERAND_INVALID|RCX");
	expect(call({ rcx: 2 ** 39 })).toBe("OPERAND_INVALID|RCX");
	expect(call({ rcx: 2 ** 60 })).toBe("OPERAND_INVALID|RCX");
	expect(call({ rdx: 1023 })).toBe("OPERAND_INVALID|RDX");
	expect(call({ r8: cmrs + 256 })).toBe("OPERAND_INVALID|R8");
	expect(call({ r9: 31 })).toBe("OPERAND_INVALID|R9");
	expect(call({})).toBe("SUCCESS");
	expect([e.out(2), e.out(9)]).toEqual([1024, 1]);
	const v = e.view(info), c = e.view(cmrs);
	expect(v.getUint32(4, true)).toBe(0x8086);
	expect([32, 34, 36, 48, 52].map((at) => v.getUint16(at, true)))
		.toEqual([64, 16, 16, 4 * 4096, 6 * 4096]);
	expect(v.getUint32(128, true)).toBeGreaterThan(0);
	expect(v.getUint32(132, true)).toBe(1);
	expect([c.getBigUint64(0, true), c.getBigUint64(8, true), c.getBigUint64(24, true)])
		.toEqual([0x100000n, BigInt(2 * GIB - 0x100000), 0n]);
});

describe("TDH.SYS.CONFIG", () => {
	const config = (change: (v: DataView) => void): string => {
		const e = new td_env();
		e.init_lps();
		return e.call(d.TDH_SYS_CONFIG, { rcx: e.pointers(e.tdmr_info(change)), rdx: 1,
			r8: GLOBAL_HKID });
	};
	const put = (...pairs: [number, number][]) => (v: DataView): void => {
		for (const [at, x] of pairs)
			v.setBigUint64(at, BigInt(x), true);
	};

	test("operands", () => {
		const e = new td_env();
		e.init_lps();
		const rcx = e.pointers(e.tdmr_info());
		const call = (o: object): string =>
			e.call(d.TDH_SYS_CONFIG, { rcx, rdx: 1, r8: GLOBAL_HKID, ...o });
		expect(call({ rcx: rcx + 8 })).toBe("OPERAND_INVALID|RCX");
		expect(call({ rdx: 0 })).toBe("OPERAND_INVALID|RDX");
		expect(call({ rdx: 65 })).toBe("OPERAND_INVALID|RDX");
		expect(call({ r8: 15 })).toBe("OPERAND_INVALID|R8");
		expect(call({ r8: 64 })).toBe("OPERAND_INVALID|R8");
		expect(call({ r8: 2n ** 63n })).toBe("OPERAND_INVALID|R8");
		expect(call({ rcx: e.pointers(e.tdmr_info() + 8) }))
			.toBe("OPERAND_INVALID|TDMR_INFO_PA");
		expect(call({})).toBe("SUCCESS");
	});

	test.each<[string, [number, number][], string]>([
		["base between GiBs", [[0, GIB + 4096]], "INVALID_TDMR"],
		["no size", [[8, 0]], "INVALID_TDMR"],
		["half a GiB", [[8, GIB / 2]], "INVALID_TDMR"],
		["beyond physical addresses", [[0, 2 ** 40]], "INVALID_TDMR"],
		["beyond memory", [[0, 2 * GIB]], "TDMR_OUTSIDE_CMRS"],
		["the first MiB", [[0, 0]], "TDMR_OUTSIDE_CMRS"],
		["reserved area between pages", [[64, 0x800], [72, 4096]],
			"INVALID_RESERVED_IN_TDMR"],
		["reserved area behind the end", [[64, GIB - 4096], [72, 8192]],
			"INVALID_RESERVED_IN_TDMR"],
		["reserved areas in the wrong order",
			[[64, 2 ** 20], [72, 4096], [80, 0], [88, 4096]],
			"NON_ORDERED_RESERVED_IN_TDMR|256"],
		["PAMT between pages", [[48, 0x1000800]], "INVALID_PAMT"],
		["PAMT too small", [[56, 4 * 2 ** 20 - 4096]], "INVALID_PAMT"],
		["PAMT of 1 GiB pages in the first MiB", [[16, 4096]], "PAMT_OUTSIDE_CMRS|512"],
		["PAMT in the region", [[48, GIB + 2 ** 20]], "PAMT_OVERLAP"],
		["PAMTs over each other", [[32, 17 * 2 ** 20]], "PAMT_OVERLAP|256"],
	])("%s", (_, change, want) => {
		expect(config(put(...change))).toBe(want);
	});

	test("reserved areas may have PAMTs, and need no memory", () => {
		expect(config(put([48, GIB + 2 ** 20], [64, 2 ** 20], [72, 4 * 2 ** 20])))
			.toBe("SUCCESS");
		expect(config(put([0, 0], [64, 0], [72, 2 ** 20], [80, 8 * 2 ** 20],
			[88, 24 * 2 ** 20]))).toBe("SUCCESS");
	});

	test("regions in the wrong order", () => {
		const e = new td_env();
		e.init_lps();
		const one = e.tdmr_info(), two = e.tdmr_info();
		expect(e.call(d.TDH_SYS_CONFIG, { rcx: e.pointers(one, two), rdx: 2,
			r8: GLOBAL_HKID })).toBe("NON_ORDERED_TDMR|RCX");
		/* and nothing of it stays */
		expect(tdx.tdmrs.length).toBe(0);
	});
});

test("TDH.SYS.TDMR.INIT goes on from call to call, and memory becomes usable with it", () => {
	const e = new td_env().bring_up(false);
	const init = (rcx: number): string => e.call(d.TDH_SYS_TDMR_INIT, { rcx });
	expect(init(0)).toBe("OPERAND_INVALID|RCX");
	expect(init(TDMR_BASE)).toBe("SUCCESS");
	expect(e.out(2)).toBe(TDMR_BASE + 4 * 2 ** 20);
	const beyond = TDMR_BASE + 4 * 2 ** 20;
	expect(e.call(d.TDH_PHYMEM_PAGE_RDMD, { rcx: beyond - 4096 })).toBe("SUCCESS");
	expect(e.call(d.TDH_PHYMEM_PAGE_RDMD, { rcx: beyond }))
		.toBe("OPERAND_ADDR_RANGE_ERROR|RCX");
	let n = 1;
	while (init(TDMR_BASE) === "SUCCESS")
		n++;
	expect(n).toBe(256);
	expect(e.status).toBe("TDMR_ALREADY_INITIALIZED");
	/* PAMTs are the module's */
	for (const hpa of [16 * 2 ** 20, 17 * 2 ** 20, 21 * 2 ** 20 - 4096])
		expect(tme_page_owner(hpa)).toEqual({ owner: hpa === 16 * 2 ** 20 ? [1, 0] :
			[2 ** 32 - 1, 2 ** 32 - 1], poison: [0, 0],
		keyid: hpa === 16 * 2 ** 20 ? -1 : GLOBAL_HKID });
});

test("reserved areas are nobody's", () => {
	const e = new td_env();
	e.init_lps();
	const info = e.tdmr_info((v) => {
		v.setBigUint64(64, 0n, true);
		v.setBigUint64(72, 8192n, true);
	});
	e.ok(d.TDH_SYS_CONFIG, { rcx: e.pointers(info), rdx: 1, r8: GLOBAL_HKID });
	e.ok(d.TDH_SYS_KEY_CONFIG);
	e.ok(d.TDH_SYS_TDMR_INIT, { rcx: TDMR_BASE });
	expect(e.rdmd(TDMR_BASE)[0]).toBe(d.PT_RSVD);
	expect(e.rdmd(TDMR_BASE + 8192)[0]).toBe(d.PT_NDA);
	expect(e.call(d.TDH_MNG_CREATE, { rcx: TDMR_BASE, rdx: 40 }))
		.toBe("PAGE_METADATA_INCORRECT|RCX");
	expect(e.call(d.TDH_PHYMEM_PAGE_RECLAIM, { rcx: TDMR_BASE }))
		.toBe("PAGE_METADATA_INCORRECT|RCX");
});

test("locks that another CPU has", () => {
	const e = new td_env({ cpus: 2 });
	tdx_lock_on(1, LOCK_SYS, 0, LOCK_SHARED);
	expect(e.call(d.TDH_SYS_INIT)).toBe("SYS_BUSY");
	tdx_unlock_on(1, LOCK_SYS, 0);
	e.ok(d.TDH_SYS_INIT);
	tdx_lock_on(1, LOCK_SYS, 0, LOCK_SHARED);
	e.ok(d.TDH_SYS_LP_INIT);
	tdx_unlock_on(1, LOCK_SYS, 0);
	tdx_lock_on(1, LOCK_SYS, 0, LOCK_EXCLUSIVE);
	expect(e.on(1).call(d.TDH_SYS_LP_INIT)).toBe("SYS_BUSY");
	expect(e.call(d.TDH_SYS_LP_SHUTDOWN)).toBe("SYS_BUSY");
	tdx_unlock_on(1, LOCK_SYS, 0);
	e.ok(d.TDH_SYS_LP_INIT);
	tdx_lock_on(1, LOCK_SYS, 0, LOCK_SHARED);
	expect(e.call(d.TDH_SYS_CONFIG)).toBe("SYS_BUSY");
	expect(e.call(d.TDH_SYS_KEY_CONFIG)).toBe("SYS_BUSY");
	tdx_unlock_on(1, LOCK_SYS, 0);
	e.on(0).ok(d.TDH_SYS_CONFIG, { rcx: e.pointers(e.tdmr_info()), rdx: 1, r8: GLOBAL_HKID });
	e.ok(d.TDH_SYS_KEY_CONFIG);
	tdx_lock_on(1, LOCK_TDMR, 0, LOCK_EXCLUSIVE);
	expect(e.call(d.TDH_SYS_TDMR_INIT, { rcx: TDMR_BASE })).toBe("OPERAND_BUSY|RCX");
	tdx_unlock_on(1, LOCK_TDMR, 0);
	e.ok(d.TDH_SYS_TDMR_INIT, { rcx: TDMR_BASE });
});
