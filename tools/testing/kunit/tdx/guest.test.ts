// SPDX-License-Identifier: GPL-2.0
/*
 * TDs that run: private and shared memory, #VE, TDCALL, what the host gets to see, machine checks.
 *
 * Port-only.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { cpus, load_idt, X86_TRAP_MC } from "#hw/cpu.ts";
import { frame_bytes, mem_write64 } from "#hw/memory.ts";
import * as isa from "#hw/isa_guest.ts";
import { tdcall, tdvmcall } from "#hw/isa_td.ts";
import * as tme from "#hw/tme.ts";
import * as d from "#hw/tdx/defs.ts";
import { SEAMCALL_IN_TD, SEAMCALL_VMFAIL } from "#hw/tdx/dispatch.ts";
import { machine_shutdown } from "#hw/mce.ts";
import { tdx_run_td } from "#hw/tdx/td_guest.ts";
import type { pfn_nr } from "#asm-generic/types.ts";
import { PAMT_4K_BASE } from "./td_env.ts";
import { SHARED_VA, accept, long_mode, report, td_vm } from "./td_vm.ts";

const DATA = 0x800000;
const KVM_EPT = 0x37;	/* R W X, write-back */

let m: td_vm;

beforeEach(() => {
	m = new td_vm({ cpus: 2 });
});

/** Shared EPT: a page of the host's at @gpa, or an entry with other bits. */
function map_shared(gpa: number, lo: number, hi = 0): void {
	const levels = m.t.tdcs.sept_levels;
	let table = m.vps[0]!.shared_root;
	if (table < 0) {
		table = m.buffer() / 4096;
		for (let i = 0; i < 512; i++)
			mem_write64(table * 512 + i, 0, -2147483648);
		for (const v of m.vps)
			m.on(v.lp).ok(d.TDH_VP_WR, { rcx: v.pfn * 4096, rdx: 0x203c,
				r8: table * 4096, r9: 2n ** 64n - 1n });
		m.on(0);
	}
	const gfn = (gpa + 2 ** (m.t.tdcs.gpaw - 1)) / 4096;
	for (let l = levels - 1; l > 0; l--) {
		const i = Math.floor(gfn / 512 ** l) % 512;
		const b = frame_bytes(table as pfn_nr), v = new DataView(b.buffer, b.byteOffset);
		if ((v.getUint32(i * 8, true) & 7) === 0) {
			const next = m.buffer() / 4096;
			for (let k = 0; k < 512; k++)
				mem_write64(next * 512 + k, 0, -2147483648);
			mem_write64(table * 512 + i, (next << 12) | 7, 0);
			table = next;
		} else {
			table = v.getUint32(i * 8, true) >>> 12;
		}
	}
	mem_write64(table * 512 + gfn % 512, lo, hi);
}

/** TDG.VP.VEINFO.GET: exit reason, qualification, linear and physical address. */
function* report_ve(): isa.guest_program {
	const info = [yield* tdcall(d.TDG_VP_VEINFO_GET)];
	for (const r of [isa.REG_RCX, isa.REG_RDX, isa.REG_R8, isa.REG_R9])
		info.push(yield* isa.get_reg(r));
	for (const x of info)
		yield* report(x);
}

function ve_info(): bigint[] {
	expect(m.reported()).toBe(0n);
	return [m.reported(), m.reported(), m.reported(), m.reported()];
}

test("the first instruction, the first registers", () => {
	m.boot([function* () {
		const regs = [];
		for (const r of [isa.REG_RBX, isa.REG_RCX, isa.REG_R8, isa.REG_RDX, isa.REG_RSI])
			regs.push(yield* isa.get_reg(r));
		for (const x of regs)
			yield* report(x);
	}]);
	expect([m.reported(), m.reported(), m.reported(), m.reported(), m.reported()])
		.toEqual([48n, 0xabc000n, 0xabc000n, 0x606a6n, 0n]);
});

test.each([[48, false], [52, true]])("private memory: AUG, ACCEPT, GPAW %i", (gpaw, wide) => {
	m.wide = wide;
	m.boot([function* () {
		yield* long_mode();
		yield* accept(DATA);
		yield* isa.st64(DATA + 8, 0x1122334455667788n);
		yield* report(yield* isa.ld64(DATA + 8));
		yield* report(yield* isa.ld64(DATA + 16));
		yield* accept(DATA);
		yield* accept(DATA + 8);
		yield* accept(2 ** (gpaw - 1));
		yield* accept(DATA, 2);
	}]);
	const e = m.violation(DATA);
	/* ACCEPT; level 0 asked for, what is missing is above */
	expect([e.ext, e.ext_info & 7, (e.ext_info >> 6) & 0xff]).toEqual([1, 0, 0]);
	const hpa = m.aug(DATA);
	expect(d.tdx_status_name(m.reported())).toBe("SUCCESS");
	expect(m.state(m.t, DATA, 0)).toBe(4);
	expect(m.reported()).toBe(0x1122334455667788n);
	expect(m.reported()).toBe(0n);
	/* the host finds zeros */
	const seen = new Uint8Array(64);
	expect(tme.tme_read(hpa, 0, 64, seen)).toBe(tme.TME_ZEROS);
	expect(d.tdx_status_name(m.reported())).toBe("PAGE_ALREADY_ACCEPTED");
	for (let i = 0; i < 3; i++)
		expect(d.tdx_status_name(m.reported())).toBe("OPERAND_INVALID|RCX");
});

test("ACCEPT of 2 MiB: whole, piecewise, of the wrong size, interrupted", () => {
	m.boot([function* () {
		yield* long_mode();
		yield* accept(DATA, 1);
		yield* isa.st64(DATA + 0x1ff008, 5n);
		yield* report(yield* isa.ld64(DATA + 0x1ff008));
		yield* accept(DATA + 0x3000);
		yield* accept(DATA + 0x200000, 1);
		yield* accept(DATA + 0x400000);
	}]);
	m.violation(DATA);
	m.aug(DATA, 1);
	/* an interrupt stops it in the middle, and it goes on from there */
	tdx_env_interrupt(200);
	expect(m.enter()).toMatchObject({ status: "SUCCESS", reason: 1, intr: 0x800000fd });
	m.mem_ok(d.TDH_MEM_SEPT_RD, m.t, DATA, 1);
	expect(Math.floor(m.out(1) / 4096) % 512).toBe(200);
	expect(d.tdx_status_name(m.reported())).toBe("SUCCESS");
	expect(m.reported()).toBe(5n);
	expect(d.tdx_status_name(m.reported())).toBe("PAGE_ALREADY_ACCEPTED|RCX");
	/* the host gave small pages where a large one was asked for */
	m.violation(DATA + 0x200000);
	m.aug(DATA + 0x200000);
	expect(d.tdx_status_name(m.reported())).toBe("PAGE_SIZE_MISMATCH");
	/* and a large one for a small one: it must be split first */
	m.violation(DATA + 0x400000);
	m.aug(DATA + 0x400000, 1);
	const e = m.violation(DATA + 0x400000);
	expect([e.ext_info & 7, (e.ext_info >> 3) & 7, (e.ext_info >> 6) & 0xff,
		(e.ext_info >> 14) & 1]).toEqual([0, 1, 2, 1]);
	m.block_and_track(m.t, DATA + 0x400000, 1);
	m.mem_ok(d.TDH_MEM_PAGE_DEMOTE, m.t, DATA + 0x400000, 1, m.frames());
	expect(d.tdx_status_name(m.reported())).toBe("SUCCESS");
});

function tdx_env_interrupt(after: number): void {
	m.env.interrupt_after = after;
}

describe("what a private address finds", () => {
	test("nothing: exits with what the host may know", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* isa.st64(DATA + 0x128, 1n);
		}]);
		const e = m.violation(DATA);
		expect(e).toMatchObject({ qual: 2, ext: 0, ext_info: 0, intr: 0 });
		for (const reg of [3, 5, 6, 7, 10, 11, 12, 13, 14, 15])
			expect(m.r.u64[reg]).toBe(0n);
	});

	test("a page not accepted: #VE, or an exit if the TD does not want that", () => {
		const script = function* (): isa.guest_program {
			yield* long_mode();
			yield* isa.st64(DATA + 24, 1n);
			yield* report(yield* isa.ld64(DATA + 24));
		};
		const ve = function* (): isa.guest_program {
			yield* report_ve();
			yield* tdcall(d.TDG_MEM_PAGE_ACCEPT, BigInt(DATA));
			yield* isa.iret();
		};
		m.boot([script], { 20: ve });
		m.violation(DATA);
		m.aug(DATA);
		expect(ve_info()).toEqual([48n, 0x182n, BigInt(DATA + 24), BigInt(DATA + 24)]);
		expect(m.reported()).toBe(1n);

		m = new td_vm();
		m.attributes = 1n << 28n;
		m.boot([script], { 20: ve });
		m.violation(DATA);
		m.aug(DATA);
		m.violation(DATA);
	});

	test("a blocked page: exits, never #VE; back after UNBLOCK", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* accept(DATA);
			yield* isa.st64(DATA, 7n);
			yield* report(0);
			yield* report(yield* isa.ld64(DATA));
		}]);
		m.violation(DATA);
		m.aug(DATA);
		m.reported();
		m.reported();
		m.block_and_track(m.t, DATA, 0);
		m.violation(DATA);
		m.mem_ok(d.TDH_MEM_RANGE_UNBLOCK, m.t, DATA, 0);
		expect(m.reported()).toBe(7n);
	});

	test("a stale translation lives until TRACK and entry, and no longer", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* accept(DATA);
			yield* isa.st64(DATA, 7n);
			yield* report(0);
			for (;;)
				yield* report(yield* isa.ld64(DATA));
		}]);
		m.violation(DATA);
		m.aug(DATA);
		m.reported();
		m.reported();
		expect(m.reported()).toBe(7n);
		m.mem_ok(d.TDH_MEM_RANGE_BLOCK, m.t, DATA, 0);
		expect(m.reported()).toBe(7n);
		expect(m.mem(d.TDH_MEM_PAGE_REMOVE, m.t, DATA, 0)).toBe("TLB_TRACKING_NOT_DONE|RCX");
		m.ok(d.TDH_MEM_TRACK, { rcx: m.t.pfn * 4096 });
		m.violation(DATA);
		m.mem_ok(d.TDH_MEM_PAGE_REMOVE, m.t, DATA, 0);
	});
});

describe("shared memory", () => {
	test("the host's and the guest's, by the SHARED bit", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* report(yield* isa.ld64(SHARED_VA + DATA));
			yield* isa.st64(SHARED_VA + DATA + 8, 9n);
			yield* report(0);
			yield* isa.exec(SHARED_VA + DATA);
		}]);
		const e = m.violation(2 ** 47 + DATA);
		expect(e.qual & 7).toBe(1);
		const page = m.buffer();
		m.view(page).setBigUint64(0, 5n, true);
		map_shared(DATA, page | KVM_EPT);
		expect(m.reported()).toBe(5n);
		m.reported();
		expect(m.view(page).getBigUint64(8, true)).toBe(9n);
		/* but nothing is executed there */
		expect(m.violation(2 ** 47 + DATA).qual & 7).toBe(4);
	});

	test("MMIO: an entry without suppress-#VE is the guest's to see", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* isa.st32(SHARED_VA + DATA + 4, 1);
			yield* report(1);
		}], { 20: report_ve });
		map_shared(DATA, 0, 0);
		expect(ve_info()).toEqual([48n, 0x182n, BigInt(SHARED_VA + DATA + 4),
			BigInt(2 ** 47 + DATA + 4)]);
	});

	test("address bits above SHARED are reserved", () => {
		m.boot([function* () {
			yield* long_mode();
			/* a PTE of its own: PDPT entry 2, then a 1 GiB page at 2^48 */
			yield* isa.st64(0x2010, (1n << 48n) | 0xe7n);
			yield* isa.ld8(0x80000000);
		}], { 14: function* () {
			yield* report(yield* isa.read_cr(2));
		} });
		expect(m.reported()).toBe(0x80000000n);
	});
});

describe("instructions", () => {
	/* what #VE says, by an instruction */
	test.each<[string, () => isa.guest_program, number]>([
		["CPUID of the hypervisor", function* () { yield* isa.cpuid(0x40000000); }, 10],
		["HLT", function* () { yield* isa.hlt(); }, 12],
		["IN", function* () { yield* isa.inb(0x3f8); }, 30],
		["OUT", function* () { yield* isa.outb(0x3f8, 1); }, 30],
		["VMCALL", function* () { yield* isa.vmcall(1n); }, 18],
		["WBINVD", function* () { yield* isa.wbinvd(); }, 54],
		["RDMSR", function* () { yield* isa.rdmsr(0x2ff); }, 31],
		["WRMSR", function* () { yield* isa.wrmsr(0x2ff, 0n); }, 32],
	])("%s: #VE", (_, fn, reason) => {
		m.boot([function* () {
			yield* long_mode();
			yield* fn();
			yield* report(99);
		}], { 20: function* () {
			/* no error code; the guest goes on behind the instruction */
			const status = yield* tdcall(d.TDG_VP_VEINFO_GET);
			const why = yield* isa.get_reg(isa.REG_RCX);
			const len = (yield* isa.get_reg(isa.REG_R10)) & 0xffffffffn;
			yield* report(status + why);
			const rsp = Number(yield* isa.get_reg(isa.REG_RSP));
			yield* isa.st64(rsp, (yield* isa.ld64(rsp)) + len);
			yield* isa.iret();
		} });
		expect(m.reported()).toBe(BigInt(reason));
		expect(m.reported()).toBe(99n);
	});

	test("CPUID, MSRs and control registers that the module sees to", () => {
		m.boot([function* () {
			yield* long_mode();
			const id = yield* isa.cpuid(0x21);
			yield* report(id.ebx);
			yield* report((yield* isa.cpuid(1)).ecx);
			yield* isa.wrmsr(0xc0000082, 0x1234n);
			yield* report(yield* isa.rdmsr(0xc0000082));
			yield* report(yield* isa.rdmsr(0x1b));
			yield* report(yield* isa.read_cr(4));
			yield* isa.wrmsr(0xc0000080, 0xd01n);
			yield* report(yield* isa.rdmsr(0xc0000080));
			yield* isa.rdmsr(0x480);
		}], { 13: function* () {
			yield* report(0xdeadn);
			yield* isa.iret();
		} });
		expect(m.reported()).toBe(0x65746e49n);
		expect(m.reported() & 0x80000020n).toBe(0x80000000n);
		expect(m.reported()).toBe(0x1234n);
		expect(m.reported()).toBe(0xfee00d00n);
		expect(m.reported()).toBe(0x660n);
		expect(m.reported()).toBe(0xd01n);
		expect(m.reported()).toBe(0xdeadn);
	});

	test("a second #VE before the first is taken over: double fault", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* isa.hlt();
		}], {
			20: function* () { yield* isa.hlt(); },
			8: function* () { yield* report(8); },
		});
		expect(m.reported()).toBe(8n);
		/* and without a handler for that, shutdown: the VCPU is lost */
		m = new td_vm();
		m.boot([function* () {
			yield* long_mode();
			yield* isa.hlt();
		}]);
		expect(m.enter()).toMatchObject({ status: "NON_RECOVERABLE_VCPU", reason: 2 });
		expect(m.call(d.TDH_VP_ENTER, { rcx: m.vps[0]!.pfn * 4096 }))
			.toBe("VCPU_STATE_INCORRECT");
	});
});

describe("TDCALL", () => {
	test("what the host sees of TDG.VP.VMCALL, and what it can answer", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* isa.set_reg(isa.REG_RBX, 0xbbn);
			yield* isa.set_reg(isa.REG_RDI, 0xddn);
			yield* tdvmcall(1n, 2n, 3n, 4n, 5n, 6n, 0xbc88n);
			const sum = (yield* isa.get_reg(isa.REG_R10)) * 256n +
				(yield* isa.get_reg(isa.REG_R14));
			yield* report(sum);
			yield* report(yield* isa.get_reg(isa.REG_RBX));
			for (const mask of [1n, 2n, 0x10n, 2n ** 32n])
				yield* report(yield* tdvmcall(0n, 0n, 0n, 0n, 0n, 0n, mask));
		}]);
		expect(m.enter()).toMatchObject({ status: "SUCCESS", reason: 77, qual: 0xbc88 });
		expect([...m.r.u64.slice(2, 16)]).toEqual(
			[0n, 0xbbn, m.r.u64[4], 0n, 0n, 0xddn, 0n, 0n, 1n, 2n, 3n, 4n, 0n, 6n]);
		m.r.u64[10] = 0x11n;
		m.r.u64[14] = 0x22n;
		m.r.u64[3] = 0x33n;
		/* R14 was not in the mask: the guest keeps its own */
		expect(m.reported()).toBe(0x11n * 256n + 5n);
		expect(m.reported()).toBe(0x33n);
		for (let i = 0; i < 4; i++)
			expect(d.tdx_status_name(m.reported())).toBe("OPERAND_INVALID|RCX");
	});

	test("INFO, CPUIDVE.SET, VEINFO.GET, unknown leaves", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* tdcall(d.TDG_VP_INFO);
			const regs = [];
			for (const r of [isa.REG_RCX, isa.REG_RDX, isa.REG_R8, isa.REG_R9,
				isa.REG_R10])
				regs.push(yield* isa.get_reg(r));
			for (const x of regs)
				yield* report(x);
			yield* report(yield* tdcall(d.TDG_VP_VEINFO_GET));
			for (const leaf of [9, 11, 12, 22, 23, 2 ** 32])
				yield* report(yield* tdcall(leaf));
			yield* report(yield* tdcall(d.TDG_VP_CPUIDVE_SET, 4n));
			yield* report(yield* tdcall(d.TDG_VP_CPUIDVE_SET, 1n));
			yield* isa.cpuid(0);
		}], { 20: function* () { yield* report(20); } });
		const got = [];
		for (let i = 0; i < 5; i++)
			got.push(m.reported());
		expect(got).toEqual([48n, 0n, 1n + (4n << 32n), 0n, 0n]);
		expect(d.tdx_status_name(m.reported())).toBe("NO_VALID_VE_INFO");
		for (let i = 0; i < 6; i++)
			expect(d.tdx_status_name(m.reported())).toBe("OPERAND_INVALID|RAX");
		expect(d.tdx_status_name(m.reported())).toBe("OPERAND_INVALID|RCX");
		expect(m.reported()).toBe(0n);
		expect(m.reported()).toBe(20n);
	});
});

describe("machine checks", () => {
	function* load(): isa.guest_program {
		yield* report(yield* isa.ld64(DATA));
	}

	function scribble(o: object, bytes = 1, access = load): td_vm {
		m = new td_vm({ cpus: 2, ...o });
		m.boot([function* () {
			yield* long_mode();
			yield* accept(DATA);
			yield* isa.st64(DATA, 7n);
			yield* report(0);
			yield* access();
		}, function* () {
			for (;;)
				yield* report(1);
		}]);
		m.violation(DATA);
		const hpa = m.aug(DATA);
		m.reported();
		m.reported();
		m.on(1);
		m.reported(1);
		m.on(0);
		for (let at = 0; at < bytes; at += 64)
			tme.tme_write(hpa + at, 0, new Uint8Array(Math.min(bytes - at, 64)).fill(1),
				"wb");
		return m;
	}

	test.each<[string, () => isa.guest_program]>([["load", load],
		["store", function* () { yield* isa.st64(DATA, 1n); }],
		["bulk load", function* () { yield* isa.memchk(DATA, 1, 4096); }],
		["bulk store", function* () { yield* isa.memset(DATA, 1, 4096); }],
	])("the host writes all of the page, and nothing tells it from the host's: %s", (_, access) => {
		scribble({}, 4096, access);
		expect(m.enter()).toMatchObject({ status: "NON_RECOVERABLE_TD_NON_ACCESSIBLE",
			reason: 0 });
	});

	test.each(["li", "ci"] as const)("the host writes a byte, the TD reads it: %s", (integrity) => {
		scribble({ tme: { integrity } });
		expect(m.enter()).toMatchObject({ status: "NON_RECOVERABLE_TD_NON_ACCESSIBLE",
			reason: 0, intr: 0x80000312 });
		expect(m.call(d.TDH_MEM_TRACK, { rcx: m.t.pfn * 4096 })).toBe("TD_FATAL");
		expect(m.on(1).enter(1)!.status).toBe("TD_FATAL");
		/* what is left is to take it down */
		m.on(0).release_hkid(m.t);
		m.ok(d.TDH_PHYMEM_PAGE_RECLAIM, { rcx: m.vps[0]!.pfn * 4096 });
	});

	test("other VCPUs of it that run meanwhile", () => {
		scribble({});
		expect(m.on(1).raw_enter(1)).toBe(SEAMCALL_IN_TD);
		expect(m.on(0).enter()!.status).toBe("NON_RECOVERABLE_TD_NON_ACCESSIBLE");
		m.on(1);
		expect(tdx_run_td(1000)).toBe(true);
		expect(m.exit()).toMatchObject({ status: "NON_RECOVERABLE_TD_NON_ACCESSIBLE",
			reason: 77 });
	});

	test("eMCA2: an SMI, and then a machine check for the host behind SEAMCALL", () => {
		scribble({ tme: { emca2: true } });
		let at = "";
		load_idt(X86_TRAP_MC, () => {
			at = m.status;
			return true;
		});
		expect(m.enter()).toMatchObject({ status: "NON_RECOVERABLE_TD_NON_ACCESSIBLE",
			reason: 6, qual: 1 });
		expect(at).toBe("NON_RECOVERABLE_TD_NON_ACCESSIBLE|6");
	});

	test("the module meets it: unbreakable shutdown, and TDX is gone", () => {
		m.boot([function* () {
			yield* long_mode();
			yield* accept(DATA);
			yield* report(0);
			yield* tdcall(d.TDG_MR_REPORT, BigInt(DATA), BigInt(DATA + 2048));
		}]);
		m.violation(DATA);
		const hpa = m.aug(DATA);
		m.reported();
		m.reported();
		tme.tme_write(hpa + 2048, 0, new Uint8Array([1]), "wb");
		expect(() => m.enter()).toThrow(machine_shutdown);
		expect(cpus[0]!.online).toBe(false);
		m.on(1);
		expect(m.raw(d.TDH_MEM_TRACK)).toBe(SEAMCALL_VMFAIL);
	});

	test.each<[string, (hpa: number) => number, boolean]>([
		["a table of secure EPT: the TD's walk", () => {
			m.mem_ok(d.TDH_MEM_SEPT_RD, m.t, DATA, 1);
			return m.out(1) - m.out(1) % 4096 + DATA / 4096 % 512 * 8;
		}, false],
		["a table of the guest's: the TD's walk", () => {
			m.mem_ok(d.TDH_MEM_SEPT_RD, m.t, 0x2000, 0);
			return Math.floor(m.out(1) / 4096) % 2 ** 28 * 4096;
		}, false],
		["the TDR", () => m.t.pfn * 4096, true],
		["the TDCS", () => m.t.tdcx[0]! * 4096, true],
		["the TDVPR", () => m.vps[0]!.pfn * 4096 + 2048, true],
		["the TD VMCS", () => m.vps[0]!.tdvpx[0]! * 4096 + 4032, true],
		["a PAMT entry", () => PAMT_4K_BASE + (m.t.pfn - 2 ** 18) * 16, true],
	])("in %s", (_, where, root) => {
		m.boot([function* () {
			yield* long_mode();
			yield* accept(DATA);
			yield* report(0);
			yield* isa.write_cr(3, 0x1000n);
			yield* report(yield* isa.ld64(DATA));
		}]);
		m.violation(DATA);
		const hpa = m.aug(DATA);
		m.reported();
		m.reported();
		m.block_and_track(m.t, DATA, 0);
		m.mem_ok(d.TDH_MEM_RANGE_UNBLOCK, m.t, DATA, 0);
		tme.tme_write(where(hpa), 0, new Uint8Array([1]), "wb");
		if (root)
			expect(() => m.enter()).toThrow(machine_shutdown);
		else
			expect(m.enter()).toMatchObject({
				status: "NON_RECOVERABLE_TD_NON_ACCESSIBLE", reason: 0,
				intr: 0x80000312 });
	});
});
