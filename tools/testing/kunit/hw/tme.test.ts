// SPDX-License-Identifier: GPL-2.0
/*
 * The memory encryption engine: who finds what in a line, and what stays behind.
 *
 * Port-only.
 */
import { beforeEach, describe, expect, test } from "vitest";
import type { pfn_nr } from "#asm-generic/types.ts";
import { X86_TRAP_MC, cpus, cpus_install, load_idt, this_cpu } from "#hw/cpu.ts";
import { user_load64, user_load8, user_movnti64, user_store8, user_store64 } from "#hw/isa.ts";
import { machine_shutdown, mce_load_cmci, mce_seam_root, mce_seamret, mce_td } from "#hw/mce.ts";
import { clear_frame, copy_frame, frame_read, frame_state, frame_write, memory_install,
	FRAME_META } from "#hw/memory.ts";
import { hw_rdmsr, hw_wrmsr } from "#hw/msr.ts";
import * as tme from "#hw/tme.ts";
import { TME_DATA, TME_GARBAGE, TME_POISON, TME_ZEROS } from "#hw/tme.ts";
import { TLB_DIRECT, TLB_READ, TLB_WRITE, tlb_fill, tlb_fill4k, tlb_lookup } from "#hw/tlb.ts";
import { machine, map, new_frame } from "./tables.ts";

const VA = 0x7000_0000_0000;
/* KeyIDs 1 to 15 are shared, 16 to 63 private */
const SHARED = 3, TD_A = 17, TD_B = 18;
const MSR_MCG_STATUS = 0x17a, MSR_MCG_EXT_CTL = 0x4d0;
const STATUS = (bank: number): number => 0x401 + 4 * bank;

const config = (c: Partial<tme.tme_config>): tme.tme_config => ({
	integrity: "ci", keyid_bits: 6, tdx_keyid_bits: 2, pw_erratum: false, emca2: false,
	seam_nr: false, lmce: true, ...c,
});

const filled = (x: number, n = 64): Uint8Array => new Uint8Array(n).fill(x);
const ZEROES = filled(0);

function power_on(c: Partial<tme.tme_config>): void {
	memory_install(2 ** 31);
	cpus_install(2, 40);
	cpus[1]!.online = true;
	tme.tme_setup(config(c));
}

function read(hpa: number, keyid: number, n = 64): [number, Uint8Array] {
	const buf = filled(0xee, n);
	return [tme.tme_read(hpa, keyid, n, buf), buf];
}

const read8 = (hpa: number, keyid: number): [number, number] => {
	const [out, buf] = read(hpa, keyid, 1);
	return [out, buf[0]!];
};

const poisoned = (hpa: number): boolean => {
	const line = (hpa & 4032) >> 6;
	return (tme.tme_page_owner(hpa).poison[line >> 5]! & (2 ** (line & 31) | 0)) !== 0;
};

const P = 0x1000_0000;

describe.each(["li", "ci"] as const)("access matrix, %s", (integrity) => {
	beforeEach(() => { power_on({ integrity }); });
	const ci = integrity === "ci";

	test("host reads a line of a TD: zeros, and nothing happens", () => {
		tme.tme_write_line(P, TD_A, filled(0x5a));
		for (const keyid of [0, SHARED])
			expect(read(P, keyid)).toEqual([TME_ZEROS, ZEROES]);
		expect(poisoned(P)).toBe(false);
		expect(read(P, TD_A)).toEqual([TME_DATA, filled(0x5a)]);
	});
	test("same key: data; every length and offset", () => {
		const line = Uint8Array.from({ length: 64 }, (_, i) => i);
		for (const keyid of [0, SHARED, TD_A]) {
			tme.tme_write_line(P, keyid, line);
			for (const [off, n] of [[0, 64], [5, 3], [63, 1], [8, 8]] as const)
				expect(read(P + off, keyid, n)).toEqual(
					[TME_DATA, line.slice(off, off + n)]);
		}
	});
	test("wrong shared key: garbage, always the same, without an event", () => {
		tme.tme_write_line(P, SHARED, filled(1));
		const [out, first] = read(P, 0);
		expect(out).toBe(TME_GARBAGE);
		expect(first).not.toEqual(filled(1));
		expect(first).not.toEqual(ZEROES);
		expect(read(P, 0)).toEqual([TME_GARBAGE, first]);
		expect(read(P, 4)[1]).not.toEqual(first);
		tme.tme_write_line(P + 64, SHARED, filled(1));
		expect(read(P + 64, 0)[1]).not.toEqual(first);
		expect(read(P, SHARED)).toEqual([TME_DATA, filled(1)]);
		expect(tme.tme_clear_on_free_check(P)).toBe(false);
		tme.tme_write_line(P, 0, filled(2));
		expect(read(P, SHARED)[0]).toBe(TME_GARBAGE);
	});
	test("host writes a line, the TD reads it: new poison, for everybody", () => {
		tme.tme_write_line(P, TD_A, filled(1));
		tme.tme_write_line(P, 0, filled(2));
		expect(read(P, 0)).toEqual([TME_DATA, filled(2)]);
		expect(poisoned(P)).toBe(false);
		expect(read(P, TD_A)).toEqual([TME_POISON, ZEROES]);
		expect(poisoned(P)).toBe(true);
		for (const keyid of [0, SHARED, TD_A, TD_B])
			expect(read(P, keyid)).toEqual([TME_POISON, ZEROES]);
		expect(read(P + 64, 0)).toEqual([TME_DATA, ZEROES]);
	});
	test("a private key on a page nobody has written with it: the same", () => {
		expect(tme.tme_page_plain(P)).toBe(true);
		expect(read8(P + 70, TD_A)).toEqual([TME_POISON, 0]);
		expect(tme.tme_page_owner(P)).toEqual({ owner: [0, 0], poison: [2, 0], keyid: 0 });
	});
	test("another TD's key: garbage with Li, poison with Ci", () => {
		tme.tme_write_line(P, TD_A, filled(1));
		const [out, buf] = read(P, TD_B);
		expect(out).toBe(ci ? TME_POISON : TME_GARBAGE);
		if (ci)
			expect(buf).toEqual(ZEROES);
		else
			expect(buf).not.toEqual(filled(1));
		expect(read(P, TD_A)[0]).toBe(ci ? TME_POISON : TME_DATA);
	});
	test("a new key for a KeyID: as another TD's", () => {
		tme.tme_write_line(P, TD_A, filled(1));
		tme.tme_key_program(TD_A);
		expect(read(P, TD_A)[0]).toBe(ci ? TME_POISON : TME_GARBAGE);
		tme.tme_write_line(P, TD_A, filled(2));
		expect(read(P, TD_A)).toEqual([TME_DATA, filled(2)]);
	});
	test("whole lines clear poison and set the owner, whoever writes", () => {
		for (const write of [tme.tme_write_line, tme.tme_movdir64b]) {
			tme.tme_poison_line(P);
			expect(write(P, 0, filled(3))).toBe(TME_DATA);
			expect(read(P, 0)).toEqual([TME_DATA, filled(3)]);
			tme.tme_poison_line(P);
			write(P, TD_A, filled(4));
			expect(read(P, TD_A)).toEqual([TME_DATA, filled(4)]);
			expect(tme.tme_page_owner(P).owner).toEqual([1, 0]);
			write(P, 0, filled(5));
			expect(tme.tme_page_plain(P)).toBe(true);
		}
	});
	test("partial writes through the cache read the line first", () => {
		tme.tme_write_line(P, TD_A, filled(7));
		expect(tme.tme_write(P + 4, 0, filled(9, 2), "wb")).toBe(TME_ZEROS);
		const line = filled(0);
		line.fill(9, 4, 6);
		expect(read(P, 0)).toEqual([TME_DATA, line]);
		/* the TD's own one finds the owner bit gone */
		expect(tme.tme_write(P + 4, TD_A, filled(1, 2), "wb")).toBe(TME_POISON);
		expect(poisoned(P)).toBe(true);
		/* and now nobody's may */
		expect(tme.tme_write(P, 0, filled(1, 1), "wb")).toBe(TME_POISON);
		expect(tme.tme_write(P, 0, filled(1), "wb")).toBe(TME_POISON);
		tme.tme_write_line(P + 64, TD_A, filled(7));
		expect(tme.tme_write(P + 64, TD_A, filled(8, 60), "wb")).toBe(TME_DATA);
		expect(read8(P + 64 + 59, TD_A)).toEqual([TME_DATA, 8]);
		expect(read8(P + 64 + 60, TD_A)).toEqual([TME_DATA, 7]);
		/* with the wrong shared key the rest is garbage from then on */
		tme.tme_write_line(P + 128, SHARED, filled(7));
		expect(tme.tme_write(P + 128, 0, filled(1, 1), "wb")).toBe(TME_GARBAGE);
		expect(read8(P + 128, 0)).toEqual([TME_DATA, 1]);
		expect(read8(P + 129, 0)[1]).not.toBe(7);
	});
	test("partial writes past the cache: no event, poison stays", () => {
		tme.tme_write_line(P, TD_A, filled(7));
		expect(tme.tme_write(P + 8, 0, filled(9, 8), "nt")).toBe(TME_DATA);
		expect(poisoned(P)).toBe(false);
		expect(read8(P + 8, 0)).toEqual([TME_DATA, 9]);
		expect(read8(P, 0)).toEqual([TME_DATA, 0]);
		tme.tme_poison_line(P);
		expect(tme.tme_write(P, 0, filled(9, 8), "nt")).toBe(TME_DATA);
		expect(poisoned(P)).toBe(true);
		expect(tme.tme_write(P, 0, filled(9, 64), "nt")).toBe(TME_DATA);
		expect(read(P, 0)).toEqual([TME_DATA, filled(9)]);
	});
});

describe("erratum", () => {
	test("a partial write of the host past the cache poisons a TD's line", () => {
		power_on({ pw_erratum: true });
		let reports = 0;
		mce_load_cmci(() => { reports++; });
		hw_wrmsr(0x287, 1n << 30n | 1n);
		tme.tme_write_line(P, TD_A, filled(7));
		tme.tme_write(P, 0, filled(1, 8), "nt");
		expect(poisoned(P)).toBe(true);
		expect(reports).toBe(0);
		expect(read(P, 0)).toEqual([TME_POISON, ZEROES]);
		/* whole lines, partial ones through the cache and the host's own lines don't */
		tme.tme_write_line(P + 64, TD_A, filled(7));
		tme.tme_write(P + 64, 0, filled(1, 64), "nt");
		tme.tme_write_line(P + 128, TD_A, filled(7));
		tme.tme_write(P + 128, 0, filled(1, 8), "wb");
		tme.tme_write(P + 192, 0, filled(1, 8), "nt");
		expect(tme.tme_page_owner(P).poison).toEqual([1, 0]);
	});
});

describe("metadata", () => {
	beforeEach(() => { power_on({}); });

	test("comes with the first private line and goes with the last", () => {
		const base = tme.tme_pages_with_metadata();
		for (let i = 0; i < 64; i++)
			tme.tme_write_line(P + i * 64, TD_A, filled(i));
		expect(tme.tme_pages_with_metadata()).toBe(base + 1);
		expect(frame_state(P / 4096) & FRAME_META).toBe(FRAME_META);
		expect(tme.tme_page_owner(P)).toEqual(
			{ owner: [0xffffffff, 0xffffffff], poison: [0, 0], keyid: TD_A });
		for (let i = 0; i < 64; i++) {
			expect(tme.tme_clear_on_free_check(P)).toBe(true);
			tme.tme_movdir64b(P + i * 64, 0, ZEROES);
			expect(tme.tme_page_owner(P).keyid).toBe(i < 63 ? -1 : 0);
		}
		expect(tme.tme_clear_on_free_check(P)).toBe(false);
		expect(tme.tme_page_plain(P)).toBe(true);
		expect(tme.tme_pages_with_metadata()).toBe(base);
	});
	test("the kernel's ways to a frame go through it", () => {
		const pfn = P / 4096 as pfn_nr, other = pfn + 1 as pfn_nr;
		const buf = new Uint8Array(100);
		tme.tme_write_line(P, TD_A, filled(7));
		tme.tme_write_line(P + 64, TD_A, filled(7));
		expect(frame_read(pfn, 10, buf, 0, 100)).toBe(true);
		expect(buf.every((x) => x === 0)).toBe(true);
		expect(frame_write(pfn, 60, filled(5, 8), 0, 8)).toBe(true);
		expect([63, 64, 0].map((at) => read8(P + at, 0)[1])).toEqual([5, 5, 0]);
		tme.tme_write_line(P + 128, TD_A, filled(7));
		expect(copy_frame(other, pfn)).toBe(true);
		expect(read8(P + 4096 + 63, 0)).toEqual([TME_DATA, 5]);
		expect(read8(P + 4096 + 128, 0)).toEqual([TME_DATA, 0]);
		tme.tme_poison_line(P + 192);
		expect(clear_frame(pfn)).toBe(false);
		expect(frame_read(pfn, 180, buf, 0, 20)).toBe(false);
		expect(tme.tme_host_done).toBe(12);
		tme.tme_movdir64b(P + 192, 0, ZEROES);
		expect(clear_frame(pfn)).toBe(true);
		expect(tme.tme_page_plain(P)).toBe(true);
	});
	test("TLB entries lose direct access, alone or in a large page", () => {
		const t = this_cpu.tlb, rights = TLB_READ | TLB_WRITE | TLB_DIRECT;
		const at = (va: number): number => tlb_lookup(t, va | 0, 0, TLB_DIRECT);
		for (const [va, pfn] of [[0x1000, 500], [0x2000, 501], [0x3000, 501]] as const)
			tlb_fill4k(t, va, 0, pfn, rights);
		tlb_fill(t, 0x200000, 0, 21, 1024, rights);
		tlb_fill(t, 0x400000, 0, 21, 1536, rights);
		expect(tlb_lookup(t, 0x205000, 0, TLB_DIRECT)).toBe(1029);
		tme.tme_write_line(500 * 4096, TD_A, filled(1));
		expect([at(0x1000), at(0x2000), at(0x3000)]).toEqual([-2, 501, 501]);
		expect(tlb_lookup(t, 0x1000, 0, TLB_READ)).toBe(500);
		tme.tme_write_line(1030 * 4096, TD_A, filled(1));
		expect([at(0x205000), at(0x400000)]).toEqual([-2, 1536]);
		tme.tme_write_line(501 * 4096, TD_A, filled(1));
		expect([at(0x2000), at(0x3000)]).toEqual([-2, -2]);
	});
	test("... and get it back when they can", () => {
		const pgd = machine();
		tme.tme_setup(config({}));
		const one = new_frame(), two = new_frame();
		map(pgd, VA, one);
		map(pgd, VA + 4096, two);
		map(pgd, VA + 8192, two);
		const direct = (va: number): boolean =>
			tlb_lookup(this_cpu.tlb, va | 0, Math.floor(va / 2 ** 32), TLB_DIRECT) >= 0;
		for (const va of [VA, VA + 4096, VA + 8192])
			user_store64(va, 1n);
		expect([VA, VA + 4096, VA + 8192].map(direct)).toEqual([true, true, true]);
		/* of several entries nobody knows where they are: all lose it */
		tme.tme_write_line(two * 4096, TD_A, filled(1));
		expect([VA, VA + 4096, VA + 8192].map(direct)).toEqual([false, false, false]);
		expect([user_load64(VA), user_load64(VA + 4096)]).toEqual([1n, 0n]);
		expect([VA, VA + 4096].map(direct)).toEqual([true, false]);
		tme.tme_write_line(two * 4096, 0, filled(2));
		user_load64(VA + 8192);
		expect(direct(VA + 8192)).toBe(true);
		tme.tme_write_line(one * 4096, TD_A, filled(1));
		expect(direct(VA)).toBe(false);
	});
	test("a TD has direct access to what is wholly its own", () => {
		const t = this_cpu.tlb;
		for (let i = 0; i < 64; i++) {
			expect(tme.tme_direct(P, TD_A, true)).toBe(false);
			tme.tme_write_line(P + i * 64, TD_A, ZEROES);
		}
		expect(tme.tme_direct(P, TD_A, true)).toBe(true);
		expect([0, SHARED, TD_B].map((k) => tme.tme_direct(P, k, false))).toEqual(
			[false, false, false]);
		const lost = (what: () => void, again: () => void): void => {
			again();
			expect(tme.tme_direct(P, TD_A, true)).toBe(true);
			tlb_fill4k(t, 0x5000, 0, P / 4096, TLB_READ | TLB_DIRECT);
			expect(tlb_lookup(t, 0x5000, 0, TLB_DIRECT)).toBe(P / 4096);
			what();
			expect(tlb_lookup(t, 0x5000, 0, TLB_DIRECT)).toBe(-2);
		};
		const line = (): unknown => tme.tme_write_line(P + 64, TD_A, ZEROES);
		lost(() => { tme.tme_write(P + 70, 0, filled(1, 1), "wb"); }, line);
		lost(() => { tme.tme_poison_line(P + 64); }, line);
		lost(() => { tme.tme_flush_page(P, TD_A); }, line);
		lost(() => { tme.tme_key_program(TD_A); }, line);
	});
});

describe("caches", () => {
	beforeEach(() => { power_on({}); });

	test("a dirty private line comes back over what the host has stored", () => {
		tme.tme_write_line(P, TD_A, filled(1));
		tme.tme_write_line(P, 0, filled(2));
		expect(read(P, 0)).toEqual([TME_DATA, filled(2)]);
		expect(tme.tme_keyid_dirty(TD_A)).toBe(true);
		tme.tme_evict(P + 8);
		expect(read(P, 0)).toEqual([TME_ZEROS, ZEROES]);
		expect(read(P, TD_A)).toEqual([TME_DATA, filled(1)]);
	});
	test.each([
		["page", (): void => { tme.tme_flush_page(P, TD_A); }],
		["KeyID", (): void => { tme.tme_flush_keyid(TD_A); }],
		["WBINVD", (): void => { tme.tme_wbinvd(); }],
	])("not after a flush: %s", (_name, flush) => {
		tme.tme_write_line(P, TD_A, filled(1));
		flush();
		expect(tme.tme_keyid_dirty(TD_A)).toBe(false);
		tme.tme_write_line(P, 0, filled(2));
		tme.tme_evict(P);
		expect(read(P, 0)).toEqual([TME_DATA, filled(2)]);
		/* too late: the flush itself writes back */
		tme.tme_write_line(P, TD_A, filled(3));
		tme.tme_write_line(P, 0, filled(4));
		flush();
		expect(read(P, TD_A)).toEqual([TME_DATA, filled(3)]);
	});
	test("other KeyIDs' flushes don't help; MOVDIR64B and KeyID 0 leave nothing dirty", () => {
		tme.tme_write_line(P, TD_A, filled(1));
		tme.tme_flush_keyid(TD_B);
		tme.tme_flush_page(P, TD_B);
		tme.tme_write_line(P, TD_B, filled(2));
		tme.tme_evict(P);
		expect(read(P, TD_A)).toEqual([TME_DATA, filled(1)]);
		tme.tme_wbinvd();
		tme.tme_movdir64b(P, TD_A, filled(5));
		tme.tme_write_line(P, 0, filled(6));
		tme.tme_write_line(P, TD_B, filled(7));
		expect(tme.tme_keyid_dirty(TD_A)).toBe(false);
		tme.tme_evict(P);
		expect(read(P, TD_B)).toEqual([TME_DATA, filled(7)]);
	});
	test("who reads memory has nothing in a cache", () => {
		tme.tme_write_line(P, TD_A, filled(1));
		tme.tme_write_line(P, 0, filled(2));
		expect(read(P, TD_A)[0]).toBe(TME_POISON);
		tme.tme_evict(P);
		expect(poisoned(P)).toBe(true);
	});
});

describe("machine checks", () => {
	test("poison that comes to be is logged, and signalled without eMCA2", () => {
		for (const emca2 of [false, true]) {
			power_on({ emca2 });
			let at = -1;
			mce_load_cmci((cpu) => { at = cpu.id; });
			read(P, TD_A);
			expect(at).toBe(-1);
			expect(hw_wrmsr(0x287, 1n << 30n | 1n)).toBe(true);
			read(P + 64, TD_A);
			expect(at).toBe(emca2 ? -1 : 0);
			/* the first one stays, and says that it was not the only one */
			expect(hw_rdmsr(STATUS(7))! >> 56n).toBe(0xfcn);
			expect(hw_rdmsr(STATUS(7))! & 0xffffn).toBe(0x9fn);
			expect(hw_rdmsr(STATUS(7) + 1)).toBe(BigInt(P));
		}
	});
	test("user mode: the exception comes before the access, and again", () => {
		power_on({});
		const pgd = machine();
		tme.tme_setup(config({}));
		const pfn = new_frame();
		map(pgd, VA, pfn);
		user_store64(VA, 7n);
		let seen = 0;
		load_idt(X86_TRAP_MC, () => {
			seen++;
			expect(hw_rdmsr(STATUS(1))).toBe(0xbd80000000000134n);
			expect(hw_rdmsr(STATUS(1) + 1)).toBe(BigInt(pfn * 4096 + 64));
			expect(hw_rdmsr(MSR_MCG_STATUS)! & 7n).toBe(7n);
			hw_wrmsr(STATUS(1), 0n);
			if (seen === 2)
				tme.tme_movdir64b(pfn * 4096 + 64, 0, filled(9));
			return true;
		});
		tme.tme_poison_line(pfn * 4096 + 64);
		expect(user_load64(VA)).toBe(7n);
		expect(seen).toBe(0);
		expect(user_load8(VA + 65)).toBe(9);
		expect(seen).toBe(2);
		seen = 1;
		tme.tme_poison_line(pfn * 4096 + 64);
		user_store8(VA + 64, 1);
		expect([user_load8(VA + 64), user_load8(VA + 65)]).toEqual([1, 9]);
		expect(seen).toBe(2);
	});
	test("MOVNTI is a partial write, a store through the cache is not", () => {
		power_on({});
		const pgd = machine();
		tme.tme_setup(config({ pw_erratum: true }));
		const pfn = new_frame();
		map(pgd, VA, pfn);
		tme.tme_write_line(pfn * 4096, TD_A, filled(1));
		tme.tme_write_line(pfn * 4096 + 64, TD_A, filled(1));
		user_store64(VA, 5n);
		user_movnti64(VA + 64, 5n);
		expect(tme.tme_page_owner(pfn * 4096).poison).toEqual([2, 0]);
		expect(user_load64(VA)).toBe(5n);
		user_movnti64(VA + 128, 6n);
		expect(user_load64(VA + 128)).toBe(6n);
	});
	test("LMCE interrupts one CPU, once it is enabled", () => {
		power_on({});
		const at1 = (): bigint => cpus[1]!.msrs.get(MSR_MCG_STATUS) ?? 0n;
		mce_td(cpus[0]!, P);
		expect([hw_rdmsr(MSR_MCG_STATUS), at1()]).toEqual([7n, 5n]);
		cpus[1]!.msrs.clear();
		expect(hw_wrmsr(MSR_MCG_EXT_CTL, 1n)).toBe(true);
		mce_td(cpus[0]!, P);
		expect([hw_rdmsr(MSR_MCG_STATUS), at1()]).toEqual([0xfn, 0n]);
	});
	test("in a TD: an exception, or with eMCA2 an SMI that reaches the host later", () => {
		power_on({});
		let seen = 0;
		const handler = (): boolean => ++seen > 0;
		load_idt(X86_TRAP_MC, handler);
		expect(mce_td(this_cpu, P)).toBe("mc");
		mce_seamret(this_cpu);
		expect(seen).toBe(0);
		power_on({ emca2: true, seam_nr: true });
		load_idt(X86_TRAP_MC, handler);
		expect(mce_td(this_cpu, P)).toBe("msmi");
		expect(hw_rdmsr(MSR_MCG_STATUS)! >> 12n).toBe(1n);
		mce_seamret(cpus[1]!);
		expect(seen).toBe(0);
		mce_seamret(this_cpu);
		mce_seamret(this_cpu);
		expect(seen).toBe(1);
	});
	test("in the TDX module: shutdown", () => {
		power_on({});
		expect(() => mce_seam_root(this_cpu, P)).toThrow(machine_shutdown);
		expect(this_cpu.online).toBe(false);
	});
	test("registers", () => {
		power_on({ seam_nr: true });
		expect(hw_rdmsr(0x179)).toBe(0x9001d08n);
		expect(hw_wrmsr(0x179, 0n)).toBe(false);
		expect(hw_wrmsr(STATUS(3), 1n)).toBe(false);
		expect(hw_wrmsr(STATUS(3), 0n)).toBe(true);
		expect(hw_rdmsr(STATUS(8))).toBe(null);
		expect(hw_rdmsr(0x288)).toBe(null);
		expect(hw_rdmsr(0x87)).toBe(15n | 48n << 32n);
		expect(hw_rdmsr(0x982)! & 0xff00000003n).toBe(0x2600000003n);
		tme.tme_setup(tme.TME_OFF);
		expect([0x179, 0x17a, 0x400, 0x4d0, 0x87, 0x982].map(hw_rdmsr)).toEqual(
			[0n, 0n, null, null, null, null]);
	});
});
