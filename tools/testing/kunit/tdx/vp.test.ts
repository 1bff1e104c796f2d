// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual CPUs of TDs: states, association with CPUs, entry and epochs, fields.
 *
 * Port-only.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { clock_reset } from "#hw/clock.ts";
import { cpu_interrupt, cpus } from "#hw/cpu.ts";
import * as d from "#hw/tdx/defs.ts";
import { SEAMCALL_IN_TD } from "#hw/tdx/dispatch.ts";
import { LOCK_EXCLUSIVE, LOCK_OP_STATE, LOCK_PAMT_4K, LOCK_SEPT_ENTRY, LOCK_SHARED, LOCK_TD_EPOCH,
	locks_held, tdx_lock_on, tdx_unlock_on } from "#hw/tdx/locks.ts";
import { sept_walk, walk_index, walk_table } from "#hw/tdx/sept.ts";
import { tdx_run_td } from "#hw/tdx/td_guest.ts";
import * as isa from "#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { accept, long_mode, report, td_vm } from "./td_vm.ts";

const DATA = 0x800000;
const ALL = 2n ** 64n - 1n;

let m: td_vm;

beforeEach(() => {
	m = new td_vm({ cpus: 3 });
});

function* spin(): isa.guest_program {
	yield* report(1);
	for (;;)
		yield* isa.pause();
}

describe("building one", () => {
	test("pages and states", () => {
		const t = m.build_td(), rdx = t.pfn * 4096, page = m.frames();
		const create = (rcx: number): string => m.call(d.TDH_VP_CREATE, { rcx, rdx });
		expect(create(page + 1)).toBe("OPERAND_INVALID|RCX");
		expect(create(t.tdcx[0]! * 4096)).toBe("PAGE_METADATA_INCORRECT|RCX");
		const v = m.create_vp(t), tdvpr = v.pfn * 4096;
		const init = (): string => m.call(d.TDH_VP_INIT, { rcx: tdvpr });
		const addcx = (): string => m.call(d.TDH_VP_ADDCX, { rcx: m.frames(), rdx: tdvpr });
		expect(init()).toBe("TDCX_NUM_INCORRECT");
		for (let i = 1; i < d.TDVPS_PAGES; i++)
			expect(addcx()).toBe("SUCCESS");
		expect(addcx()).toBe("TDCX_NUM_INCORRECT");
		expect(m.rdmd(v.tdvpx[0]! * 4096)).toEqual([d.PT_TDVPX, t.pfn, 0]);
		expect(init()).toBe("SUCCESS");
		expect([init(), addcx()]).toEqual(["VCPU_STATE_INCORRECT", "VCPU_STATE_INCORRECT"]);
		expect(t.chldcnt).toBe(4 + 6);
	});

	test("not more than MAX_VCPUS; none is too few", () => {
		const t = m.build_td((v) => v.setUint32(16, 1, true));
		expect(m.call(d.TDH_MR_FINALIZE, { rcx: t.pfn * 4096 })).toBe("NO_VCPUS");
		m.build_vp(t);
		const v = m.create_vp(t);
		for (let i = 1; i < d.TDVPS_PAGES; i++)
			m.ok(d.TDH_VP_ADDCX, { rcx: m.frames(), rdx: v.pfn * 4096 });
		expect(m.call(d.TDH_VP_INIT, { rcx: v.pfn * 4096 })).toBe("MAX_VCPUS_EXCEEDED");
	});
});

describe("entry", () => {
	const enter = (i = 0): string => m.call(d.TDH_VP_ENTER, { rcx: m.vps[i]!.pfn * 4096 });

	test("association with a CPU", () => {
		m.boot([spin, spin]);
		expect(m.vps.map((v) => v.lp)).toEqual([0, 1]);
		expect(m.on(2).call(d.TDH_VP_ENTER, { rcx: m.vps[0]!.pfn * 4096 }))
			.toBe("VCPU_ASSOCIATED");
		m.on(0).ok(d.TDH_VP_FLUSH, { rcx: m.vps[0]!.pfn * 4096 });
		m.on(2);
		expect(m.reported()).toBe(1n);
		expect([m.vps[0]!.lp, m.t.tdcs.num_assoc_vcpus]).toEqual([2, 2]);
	});

	test("one that runs has its locks, and its epoch", () => {
		m.boot([spin]);
		m.reported();
		const free = locks_held(), c = m.t.tdcs, tdvpr = { rcx: m.vps[0]!.pfn * 4096 };
		expect(m.raw_enter(0)).toBe(SEAMCALL_IN_TD);
		expect(tdx_run_td(10)).toBe(false);
		expect([c.refcount[c.epoch & 1], m.vps[0]!.state]).toEqual([1, d.VCPU_ACTIVE]);
		m.on(1);
		const regs = m.r.u64.slice();
		expect(m.call(d.TDH_VP_ENTER, tdvpr)).toBe("VCPU_ASSOCIATED");
		expect(m.call(d.TDH_VP_FLUSH, tdvpr)).toBe("OPERAND_BUSY|RCX");
		expect(m.call(d.TDH_MNG_VPFLUSHDONE, { rcx: m.t.pfn * 4096 })).toBe("OPERAND_BUSY|RCX");
		expect(m.call(d.TDH_MR_FINALIZE, { rcx: m.t.pfn * 4096 })).toBe("OPERAND_BUSY|RCX");
		/* two TRACKs: the second one waits for it to come out */
		m.ok(d.TDH_MEM_TRACK, { rcx: m.t.pfn * 4096 });
		expect(m.call(d.TDH_MEM_TRACK, { rcx: m.t.pfn * 4096 }))
			.toBe("PREVIOUS_TLB_EPOCH_BUSY");
		m.r.u64.set(regs);
		m.on(0);
		cpu_interrupt(cpus[0]!, () => undefined, null);
		expect(tdx_run_td(10)).toBe(true);
		expect(m.exit()).toMatchObject({ status: "SUCCESS", reason: 1, intr: 0x800000fd });
		expect([...c.refcount]).toEqual([0, 0]);
		expect([locks_held(), m.vps[0]!.state]).toEqual([free, d.VCPU_READY]);
		m.on(1).ok(d.TDH_MEM_TRACK, { rcx: m.t.pfn * 4096 });
	});

	test("locks that others have", () => {
		m.boot([spin]);
		const { t } = m, v = m.vps[0]!, c = t.tdcs, before = [c.epoch, ...c.refcount];
		tdx_lock_on(1, LOCK_TD_EPOCH, t.pfn, LOCK_EXCLUSIVE);
		expect(enter()).toBe("OPERAND_BUSY|TD_EPOCH");
		tdx_unlock_on(1, LOCK_TD_EPOCH, t.pfn);
		tdx_lock_on(1, LOCK_PAMT_4K, v.pfn, LOCK_EXCLUSIVE);
		expect(enter()).toBe("OPERAND_BUSY|RCX");
		tdx_unlock_on(1, LOCK_PAMT_4K, v.pfn);
		tdx_lock_on(1, LOCK_OP_STATE, t.pfn, LOCK_EXCLUSIVE);
		expect(enter()).toBe("OPERAND_BUSY|OP_STATE");
		tdx_unlock_on(1, LOCK_OP_STATE, t.pfn);
		expect([c.epoch, ...c.refcount, v.running]).toEqual([...before, false]);
		tdx_lock_on(1, LOCK_PAMT_4K, v.pfn, LOCK_SHARED);
		expect(m.reported()).toBe(1n);
		tdx_unlock_on(1, LOCK_PAMT_4K, v.pfn);
	});

	test("a time stamp that went back", () => {
		m.boot([spin]);
		m.reported();
		clock_reset();
		expect(enter()).toBe("TSC_ROLLBACK");
	});

	test("ACCEPT while the host has the entry, and after it wanted it", () => {
		m.boot([function* () {
			yield* long_mode();
			for (;;)
				yield* accept(DATA);
		}]);
		m.violation(DATA);
		m.aug(DATA);
		sept_walk(m.t, DATA, 0);
		const word = walk_table * 512 + walk_index;
		tdx_lock_on(1, LOCK_SEPT_ENTRY, word, LOCK_EXCLUSIVE);
		expect(d.tdx_status_name(m.reported())).toBe("OPERAND_BUSY|RCX");
		/* the host comes next, whatever the guest tries */
		expect(m.mem(d.TDH_MEM_RANGE_BLOCK, m.t, DATA, 0)).toBe("OPERAND_BUSY|RCX");
		tdx_unlock_on(1, LOCK_SEPT_ENTRY, word);
		expect(d.tdx_status_name(m.reported())).toBe("OPERAND_BUSY|RCX");
		m.mem_ok(d.TDH_MEM_RANGE_BLOCK, m.t, DATA, 0);
		m.ok(d.TDH_MEM_TRACK, { rcx: m.t.pfn * 4096 });
		m.mem_ok(d.TDH_MEM_RANGE_UNBLOCK, m.t, DATA, 0);
		expect(d.tdx_status_name(m.reported())).toBe("SUCCESS");
	});
});

describe("fields", () => {
	const vp = (leaf: number, field: bigint, r8 = 0n, r9 = ALL): string =>
		m.call(leaf, { rcx: m.vps[0]!.pfn * 4096, rdx: field, r8, r9 } as object);
	const td = (leaf: number, field: bigint, r8 = 0n): string =>
		m.call(leaf, { rcx: m.t.pfn * 4096, rdx: field, r8, r9: ALL } as object);
	const GPR = (n: number): bigint => 16n << 56n | BigInt(n);

	test("of a VCPU", () => {
		m.boot([spin]);
		const root = m.buffer();
		expect(vp(d.TDH_VP_WR, 0x203cn, BigInt(root))).toBe("SUCCESS");
		expect(m.r.u64[8]).toBe(0n);
		expect(vp(d.TDH_VP_RD, 0x203cn)).toBe("SUCCESS");
		expect(m.r.u64[8]).toBe(BigInt(root));
		/* the mask says which bits */
		expect(vp(d.TDH_VP_WR, 0x203cn, ALL, 0n)).toBe("SUCCESS");
		expect(m.vps[0]!.shared_root).toBe(root / 4096);
		for (const bad of [1n, 1n << 40n, 1n << 63n])
			expect(vp(d.TDH_VP_WR, 0x203cn, bad)).toBe("OPERAND_INVALID|R8");
		expect(vp(d.TDH_VP_WR, 32n << 56n | 11n, 1n)).toBe("SUCCESS");
		expect(vp(d.TDH_VP_WR, 32n << 56n | 11n, 2n)).toBe("OPERAND_INVALID|R8");
		expect(vp(d.TDH_VP_RD, 77n << 56n)).toBe("OPERAND_INVALID|RDX");
		expect(vp(d.TDH_VP_RD, 1n << 40n)).toBe("OPERAND_INVALID|RDX");
		expect(vp(d.TDH_VP_WR, 32n << 56n)).toBe("FIELD_NOT_WRITABLE|RDX");
		/* registers are the guest's own */
		for (const field of [GPR(0), 0x681en, 2n << 56n]) {
			expect(vp(d.TDH_VP_RD, field)).toBe("FIELD_NOT_READABLE|RDX");
			expect(vp(d.TDH_VP_WR, field)).toBe("FIELD_NOT_WRITABLE|RDX");
		}
		expect(m.on(1).call(d.TDH_VP_RD, { rcx: m.vps[0]!.pfn * 4096, rdx: 0x203c }))
			.toBe("VCPU_ASSOCIATED");
	});

	test("of a TD and its VCPUs under debug", () => {
		m.attributes = 1n;
		m.boot([function* () {
			yield* long_mode();
			yield* report(0);
			yield* report(yield* isa.get_reg(isa.REG_RBX));
			yield* report(yield* tdcall(d.TDG_VM_RD, 0n, 17n << 56n));
		}]);
		m.reported();
		expect(vp(d.TDH_VP_WR, GPR(3), 0x1234n)).toBe("SUCCESS");
		expect(vp(d.TDH_VP_RD, 0x6800n)).toBe("SUCCESS");
		expect(m.r.u64[8]! & 0x80000001n).toBe(0x80000001n);
		expect(m.reported()).toBe(0x1234n);
		expect(td(d.TDH_MNG_WR, 17n << 56n | 10n, 5n)).toBe("SUCCESS");
		expect(td(d.TDH_MNG_RD, 17n << 56n | 10n)).toBe("SUCCESS");
		expect(m.r.u64[8]).toBe(5n);
		/* a state that no processor has: the entry fails, and the TD with it */
		expect(vp(d.TDH_VP_WR, 0x6800n, 0x80000000n)).toBe("SUCCESS");
		expect(m.enter()).toMatchObject({ status: "NON_RECOVERABLE_TD" });
	});

	test("of a TD", () => {
		m.boot([spin]);
		const read = (field: bigint): bigint => {
			expect(td(d.TDH_MNG_RD, field)).toBe("SUCCESS");
			return m.r.u64[8]!;
		};
		expect(read(5n)).toBe(1n);
		expect(read(4n)).toBe(BigInt(m.t.chldcnt));
		expect(read(1n << 56n | 1n)).toBe(BigInt(m.t.hkid));
		expect(read(16n << 56n | 1n)).toBe(1n);
		expect(read(17n << 56n | 1n)).toBe(3n);
		expect(read(17n << 56n | 12n)).toBe(40n);
		expect(td(d.TDH_MNG_WR, 17n << 56n | 10n, 5n)).toBe("FIELD_NOT_WRITABLE|RDX");
		expect(td(d.TDH_MNG_RD, 17n << 56n | 99n)).toBe("OPERAND_INVALID|RDX");
	});

	test("of its own TD, for a guest", () => {
		m.boot([function* () {
			yield* long_mode();
			const out = [];
			for (const field of [17n << 56n | 1n, 1n << 56n | 1n, 17n << 56n | 99n]) {
				out.push(yield* tdcall(d.TDG_VM_RD, 0n, field));
				out.push(yield* isa.get_reg(isa.REG_R8));
			}
			out.push(yield* tdcall(d.TDG_VM_RD, 1n, 17n << 56n));
			out.push(yield* tdcall(d.TDG_VM_WR, 0n, 17n << 56n));
			for (const x of out)
				yield* report(x);
		}]);
		expect([m.reported(), m.reported()]).toEqual([0n, 3n]);
		expect(d.tdx_status_name(m.reported())).toBe("FIELD_NOT_READABLE|RDX");
		m.reported();
		expect(d.tdx_status_name(m.reported())).toBe("OPERAND_INVALID|RDX");
		m.reported();
		expect(d.tdx_status_name(m.reported())).toBe("OPERAND_INVALID|RCX");
		expect(d.tdx_status_name(m.reported())).toBe("FIELD_NOT_WRITABLE|RDX");
	});
});

test("an NMI of the host's, when the guest can take it", () => {
	m.boot([function* () {
		yield* long_mode();
		yield* report(0);
		yield* report(1);
	}], { 2: function* () {
		yield* report(2);
		yield* isa.iret();
	} });
	m.reported();
	m.ok(d.TDH_VP_WR, { rcx: m.vps[0]!.pfn * 4096, rdx: 32n << 56n | 11n, r8: 1, r9: 1 });
	expect([m.reported(), m.reported()]).toEqual([2n, 1n]);
	expect(m.vps[0]!.pend_nmi).toBe(false);
});
