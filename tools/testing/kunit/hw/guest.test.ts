// SPDX-License-Identifier: GPL-2.0
/*
 * The guest CPU on both vendors: translation, staleness, A/D bits, turns.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { guest_pending, guest_run } from "#hw/guest.ts";
import { GOP_LOAD, GOP_MEMSET, GOP_STORE } from "#hw/guest_ops.ts";
import * as isa from "#hw/isa_guest.ts";
import type { guest_program } from "#hw/isa_guest.ts";
import { mem_lo, mem_write64 } from "#hw/memory.ts";
import { cpus, this_cpu } from "#hw/cpu.ts";
import { invvpid, vmread32, vmreadn, vmwriten } from "#hw/vmx.ts";
import { invlpga } from "#hw/svm.ts";
import * as v from "#hw/vmx_defs.ts";
import * as s from "#hw/svm_defs.ts";
import { A, AMD, D, INTEL, NX, P, PGD_GFN, PS, U, W, vm, type vm_exit } from "./vm.ts";

const VENDORS: [string, number][] = [["intel", INTEL], ["amd", AMD]];
const DATA = 0x500000;

/** Runs to an OUT, whose value is how a program reports. */
function out(m: vm, e: vm_exit = m.run()): number {
	expect(m.is(e, v.EXIT_REASON_IO_INSTRUCTION, s.SVM_EXIT_IOIO)).toBe(true);
	const x = Number(m.rax);
	m.skip(e);
	return x;
}

function is_violation(m: vm, e: vm_exit): boolean {
	return m.is(e, v.EXIT_REASON_EPT_VIOLATION, s.SVM_EXIT_NPF);
}

function is_pf(m: vm, e: vm_exit): boolean {
	return m.is(e, v.EXIT_REASON_EXCEPTION_NMI, s.SVM_EXIT_EXCP_BASE + 14);
}

function error_code(m: vm, e: vm_exit): number {
	return m.vendor === INTEL ? vmread32(v.VM_EXIT_INTR_ERROR_CODE) : Number(e.qual);
}

describe.each(VENDORS)("memory, %s", (_, vendor) => {
	test("loads and stores of all sizes", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.identity(DATA + 4096);
		m.start(function* () {
			yield* isa.st64(DATA, 0x1122334455667788n);
			yield* isa.outl(1, yield* isa.ld8(DATA + 1));
			yield* isa.outl(1, yield* isa.ld16(DATA + 2));
			yield* isa.outl(1, yield* isa.ld32(DATA + 4));
			yield* isa.st8(DATA + 1, 0xaa);
			yield* isa.st16(DATA + 2, 0xbbcc);
			yield* isa.st32(DATA + 4, 0xdeadbeef);
			yield* isa.st64n(DATA + 8, 2 ** 40 + 5);
			yield* isa.outl(1, (yield* isa.ld64n(DATA + 8)) / 2 ** 38);
			/* across pages, unaligned */
			yield* isa.st64(DATA + 4093, 0x0102030405060708n);
			const x: bigint = yield* isa.ld64(DATA + 4093);
			yield* isa.outl(1, Number(x & 0xffffffffn));
		});
		expect(out(m)).toBe(0x77);
		expect(out(m)).toBe(0x5566);
		expect(out(m)).toBe(0x11223344);
		expect(out(m)).toBe(4);
		expect(out(m)).toBe(0x05060708);
		expect(m.get64(DATA)).toBe(0xdeadbeefbbccaa88n);
		expect(m.get64(DATA + 8)).toBe(2n ** 40n + 5n);
		expect(m.bytes(DATA + 4096)[0]).toBe(5);
	});
	test("a violation is retried after the kernel mapped the page", () => {
		const m = new vm(vendor);
		m.gva_map(DATA, DATA);
		m.start(function* () {
			yield* isa.st64(DATA + 8, 7n);
			yield* isa.outb(1, yield* isa.ld8(DATA + 8));
		});
		const e = m.run();
		expect(is_violation(m, e)).toBe(true);
		expect(e.gpa).toBe(DATA + 8);
		const op = guest_pending(m.guest)!;
		expect([op.kind, op.gva, op.size, op.rip]).toEqual([GOP_STORE, DATA + 8, 8, e.rip]);
		expect(m.rax).toBe(7n);
		if (vendor === INTEL) {
			expect(e.qual).toBe(BigInt(v.EPT_VIOLATION_ACC_WRITE |
				v.EPT_VIOLATION_GVA_IS_VALID | v.EPT_VIOLATION_GVA_TRANSLATED));
			expect(vmreadn(v.GUEST_LINEAR_ADDRESS)).toBe(DATA + 8);
		} else {
			expect(e.qual).toBe(0x100000006n);
		}
		m.gpa_map(DATA / 4096);
		expect(out(m)).toBe(7);
		expect(m.get64(DATA + 8)).toBe(7n);
	});
	test("an operation the kernel did counts as done", () => {
		const m = new vm(vendor);
		m.gva_map(DATA, DATA);
		m.start(function* () {
			yield* isa.outl(1, yield* isa.ld32(DATA));
			yield* isa.outl(1, yield* isa.ld16(DATA));
		});
		m.run();
		const op = guest_pending(m.guest)!;
		expect(op.kind).toBe(GOP_LOAD);
		m.rax = 0x12345678n;
		m.set("rip", op.next_rip);
		expect(out(m)).toBe(0x12345678);
		m.run();
		m.rax = 0x12345678n;
		m.set("rip", guest_pending(m.guest)!.next_rip);
		expect(out(m)).toBe(0x5678);
	});
	test("rights of the second dimension", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.start(function* () {
			yield* isa.ld64(DATA);
			yield* isa.st64(DATA, 1n);
			yield* isa.outb(1, 1);
		});
		m.gpa_map(DATA / 4096, vendor === INTEL ? 1 | (6 << 3) : P | U);
		const e = m.run();
		expect(is_violation(m, e)).toBe(true);
		expect(e.qual).toBe(vendor === INTEL ? 0x18an : 0x100000007n);
		m.gpa_map(DATA / 4096);
		expect(out(m)).toBe(1);
	});
	test("guest rights, #PF to the kernel with its error code", () => {
		const m = new vm(vendor);
		m.exceptions(1 << 14);
		const word = m.gva_map(DATA, DATA, P);
		m.gpa_map(DATA / 4096);
		const error = (e: vm_exit): number => {
			expect(is_pf(m, e)).toBe(true);
			expect(vendor === INTEL ? Number(e.qual) : e.gpa).toBe(DATA + 4);
			return error_code(m, e);
		};
		if (vendor === INTEL)
			vmwriten(v.PAGE_FAULT_ERROR_CODE_MASK, 0);
		m.start(function* () {
			yield* isa.ld32(DATA + 4);
			yield* isa.st32(DATA + 4, 1);
			yield* isa.outb(1, 1);
			yield* isa.ld32(DATA + 4);
			yield* isa.outb(1, 1);
			yield* isa.ld32(DATA + 4);
			yield* isa.outb(1, 1);
		});
		expect(error(m.run())).toBe(3);
		mem_write64(word, DATA | P | W, 0);
		expect(out(m)).toBe(1);
		/* user access to a supervisor page; code and stack for users */
		for (let page = 0; page < 0x10000; page += 4096)
			m.gva_map(0x400000 + page, 0x400000 + page, P | W | U);
		m.set_cpl(3);
		m.set("rflags", 0x3002);
		m.flush();
		expect(error(m.run())).toBe(5);
		mem_write64(word, DATA | P | W | U, 0);
		expect(out(m)).toBe(1);
		/* reserved bit */
		mem_write64(word, DATA | P | W | U, 1 << 18);
		m.flush();
		expect(error(m.run())).toBe(0xd);
	});
	test("SMEP, SMAP and WP", () => {
		const m = new vm(vendor);
		m.exceptions(1 << 14);
		m.identity(DATA, P | U);
		m.start(function* () {
			for (;;) {
				yield* isa.st32(DATA, 1);
				yield* isa.outb(1, 1);
			}
		});
		expect(is_pf(m, m.run())).toBe(true);
		m.set("cr0", 0x80040033);
		expect(out(m)).toBe(1);
		m.set("cr4", 0x200620);
		expect(is_pf(m, m.run())).toBe(true);
		m.set("rflags", 0x40002);
		expect(out(m)).toBe(1);
		m.set("rflags", 2);
		m.set("cr4", 0x100620);
		expect(out(m)).toBe(1);
		for (let page = 0; page < 0x10000; page += 4096)
			m.gva_map(0x400000 + page, 0x400000 + page, P | W | U);
		m.flush();
		const e = m.run();
		expect(is_pf(m, e)).toBe(true);
		expect(error_code(m, e)).toBe(0x11);
	});
	test("NX of the guest, and of the second dimension", () => {
		const m = new vm(vendor);
		m.exceptions(1 << 14);
		const fn = function* (): guest_program {
			yield* isa.outb(1, 1);
			yield* isa.outb(1, 2);
		};
		m.start(fn);
		const gva = m.get("rip"), page = gva - (gva & 0xfff);
		expect(out(m)).toBe(1);
		m.gpa_map(page / 4096, vendor === INTEL ? 3 | (6 << 3) : P | W | U);
		if (vendor === AMD)
			mem_write64(m.nested_entry(page / 4096),
				mem_lo(m.nested_entry(page / 4096)), NX);
		/* not flushed: still executes from the TLB, as it should not */
		const word = m.guest_entry(page);
		expect(out(m)).toBe(2);
		m.start(fn);
		m.flush();
		const e = m.run();
		expect(is_violation(m, e)).toBe(true);
		expect(e.qual).toBe(vendor === INTEL ? 0x19cn : 0x100000015n);
		expect(e.gpa - (e.gpa & 0xfff)).toBe(page);
		m.gpa_map(page / 4096);
		mem_write64(word, mem_lo(word), NX);
		m.flush();
		expect(is_pf(m, m.run())).toBe(true);
		if (vendor === INTEL)
			expect(vmread32(v.VM_EXIT_INTR_ERROR_CODE)).toBe(0x11);
	});
	test("accessed and dirty bits in the guest's tables", () => {
		const m = new vm(vendor);
		m.gpa_map(DATA / 4096);
		const word = m.gva_map(DATA, DATA);
		m.start(function* () {
			yield* isa.outb(1, yield* isa.ld8(DATA));
			yield* isa.st8(DATA, 1);
			yield* isa.outb(1, 1);
		});
		expect(mem_lo(word) & (A | D)).toBe(0);
		out(m);
		expect(mem_lo(word) & (A | D)).toBe(A);
		expect(mem_lo(m.guest_entry(DATA, 2)) & A).toBe(A);
		out(m);
		expect(mem_lo(word) & (A | D)).toBe(A | D);
	});
	test("a stale entry is used until the flush", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.put64(DATA, 1n);
		m.start(function* () {
			for (;;)
				yield* isa.outb(1, yield* isa.ld8(DATA));
		});
		expect(out(m)).toBe(1);
		const old = m.frame(DATA);
		m.gpa_map(DATA / 4096, undefined, m.new_frame());
		m.put64(DATA, 2n);
		expect(m.frame(DATA)).not.toBe(old);
		expect(out(m)).toBe(1);
		expect(out(m)).toBe(1);
		m.flush();
		expect(out(m)).toBe(2);
		m.gpa_unmap(DATA / 4096);
		expect(out(m)).toBe(2);
		m.flush();
		expect(is_violation(m, m.run())).toBe(true);
		m.gpa_map(DATA / 4096);
		expect(out(m)).toBe(2);
		/* the table above, too */
		const pde = m.nested_entry(DATA / 4096, 2);
		const saved = mem_lo(pde);
		mem_write64(pde, 0, 0);
		expect(out(m)).toBe(2);
		m.flush();
		expect(is_violation(m, m.run())).toBe(true);
		mem_write64(pde, saved, 0);
		expect(out(m)).toBe(2);
	});
	test("the guest's own flushes, and INVVPID or INVLPGA", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.gpa_map(DATA / 4096 + 1);
		m.put64(DATA, 1n);
		m.put64(DATA + 4096, 2n);
		m.start(function* () {
			const get = function* (): guest_program {
				yield* isa.outb(1, yield* isa.ld8(DATA));
			};
			yield* get();
			yield* get();
			yield* isa.invlpg(DATA);
			yield* get();
			yield* get();
			yield* isa.write_cr(3, yield* isa.read_cr(3));
			yield* get();
			yield* get();
		});
		expect(out(m)).toBe(1);
		const word = m.gva_map(DATA, DATA + 4096);
		expect(out(m)).toBe(1);
		expect(out(m)).toBe(2);
		mem_write64(word, DATA | P | W, 0);
		expect(out(m)).toBe(2);
		expect(out(m)).toBe(1);
		m.gva_map(DATA, DATA + 4096);
		if (vendor === INTEL)
			invvpid(v.VMX_VPID_EXTENT_INDIVIDUAL_ADDR, 1, DATA);
		else
			invlpga(DATA, 1);
		expect(out(m)).toBe(2);
	});
	test("contexts of VPIDs or ASIDs are apart", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.put64(DATA, 1n);
		m.start(function* () {
			for (;;)
				yield* isa.outb(1, yield* isa.ld8(DATA));
		});
		const tag = (x: number): void => {
			if (vendor === INTEL)
				vmwriten(v.VIRTUAL_PROCESSOR_ID, x);
			else
				m.vmcb().control.asid = x;
		};
		expect(out(m)).toBe(1);
		m.gpa_map(DATA / 4096, undefined, m.new_frame());
		m.put64(DATA, 2n);
		/* what is not flushed stays, under its own context */
		tag(2);
		expect(out(m)).toBe(2);
		tag(1);
		expect(out(m)).toBe(1);
		if (vendor === INTEL)
			invvpid(v.VMX_VPID_EXTENT_SINGLE_CONTEXT, 1, 0);
		else
			m.flush();
		expect(out(m)).toBe(2);
	});
	test("large pages on either side", () => {
		const m = new vm(vendor);
		const BIG = 0x40000000;
		/* 2 MiB in the second dimension: guest frames 0x40000.. to frames 0x20000.. */
		mem_write64(m.nested_entry(BIG / 4096, 2), (0x20000 << 12) |
			(vendor === INTEL ? m.ept_flags | 128 : P | W | U | PS), 0);
		m.gva_map(BIG, BIG, P | W | PS, 0, 3);
		m.start(function* () {
			yield* isa.st64(BIG + 0x12348, 5n);
			yield* isa.st64(BIG + 0x1ffff8, 6n);
			yield* isa.outb(1, 1);
			yield* isa.st64(BIG + 0x200000, 7n);
		});
		expect(out(m)).toBe(1);
		expect(mem_lo((0x20012 * 4096 + 0x348) / 8)).toBe(5);
		expect(mem_lo((0x201ff * 4096 + 0xff8) / 8)).toBe(6);
		const e = m.run();
		expect(is_violation(m, e)).toBe(true);
		expect(e.gpa).toBe(BIG + 0x200000);
	});
	test.each([2, 3])("tables above large pages stay known until INVLPG (level %i)", (level) => {
		const m = new vm(vendor);
		const BIG = 0x40000000, GVA = 2 ** 40;
		for (let i = 0; i < 3; i++) {
			m.gpa_map(BIG / 4096 + i);
			m.put64(BIG + i * 4096, BigInt(i + 1));
		}
		m.gva_map(GVA, BIG, P | W | PS, 0, level);
		m.start(function* () {
			yield* isa.outb(1, yield* isa.ld8(GVA));
			yield* isa.outb(1, yield* isa.ld8(GVA + 4096));
			yield* isa.invlpg(GVA);
			yield* isa.outb(1, yield* isa.ld8(GVA + 8192));
		});
		m.exceptions(1 << 14);
		expect(out(m)).toBe(1);
		const word = m.guest_entry(GVA, level + 1), lo = mem_lo(word);
		mem_write64(word, 0, 0);
		expect(out(m)).toBe(2);
		const e = m.run();
		expect(m.is(e, v.EXIT_REASON_EXCEPTION_NMI, s.SVM_EXIT_EXCP_BASE + 14)).toBe(true);
		mem_write64(word, lo, 0);
		expect(out(m)).toBe(3);
	});
	test("the guest's tables themselves fault in the second dimension", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		const table = mem_lo(m.guest_entry(DATA, 2)) >>> 12;
		m.start(function* () {
			yield* isa.outb(1, yield* isa.ld8(DATA));
		});
		m.gpa_unmap(PGD_GFN);
		let e = m.run();
		expect(is_violation(m, e)).toBe(true);
		expect(e.gpa - (e.gpa & 0xfff)).toBe(PGD_GFN * 4096);
		m.gpa_map(PGD_GFN);
		m.gpa_unmap(table);
		e = m.run();
		expect(e.gpa - (e.gpa & 0xfff)).toBe(table * 4096);
		expect(e.qual).toBe(vendor === INTEL ? 0x81n : 0x200000006n);
		/* read-only is enough to read on Intel, but not to set the accessed bit */
		m.gpa_map(table, vendor === INTEL ? 1 | (6 << 3) : P | U);
		e = m.run();
		expect(e.qual).toBe(vendor === INTEL ? 0x8bn : 0x200000007n);
		m.gpa_map(table);
		expect(out(m)).toBe(0);
	});
	test("bulk operations restart where they stopped", () => {
		const m = new vm(vendor);
		for (const gva of [DATA, DATA + 4096, DATA + 8192, DATA + 12288])
			m.gva_map(gva, gva);
		m.gpa_map(DATA / 4096);
		m.start(function* () {
			yield* isa.memset(DATA + 100, 0x5a, 8192);
			yield* isa.outb(1, (yield* isa.memchk(DATA + 100, 0x5a, 8192)) ? 1 : 0);
			yield* isa.memcpy(DATA + 8300, DATA + 100, 4000);
			yield* isa.outb(1, yield* isa.memcmp(DATA + 8300, DATA + 100, 4000));
			yield* isa.st8(DATA + 8300 + 3999, 1);
			yield* isa.outb(1, yield* isa.memcmp(DATA + 8300, DATA + 100, 4000));
			yield* isa.stride_store64(DATA, 4096, 4, 9n);
			yield* isa.outb(1, Number(yield* isa.stride_load64(DATA, 4096, 4)));
		});
		for (const n of [1, 2]) {
			const e = m.run();
			expect(is_violation(m, e)).toBe(true);
			expect(e.gpa).toBe(DATA + n * 4096);
			const op = guest_pending(m.guest)!;
			expect([op.kind, op.gva, op.done]).toEqual([GOP_MEMSET, DATA + n * 4096,
				n * 4096 - 100]);
			m.gpa_map(DATA / 4096 + n);
		}
		expect(out(m)).toBe(1);
		expect(is_violation(m, m.run())).toBe(true);
		m.gpa_map(DATA / 4096 + 3);
		expect(out(m)).toBe(0);
		expect(out(m)).toBe(0xffffffff);
		expect(out(m)).toBe(9);
	});
	test("an access over two pages happens whole or not at all", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.gva_map(DATA + 4096, DATA + 4096);
		m.start(function* () {
			yield* isa.st64(DATA + 4092, 0x1111111122222222n);
			yield* isa.outb(1, 1);
		});
		const e = m.run();
		expect(is_violation(m, e)).toBe(true);
		expect(e.gpa).toBe(DATA + 4096);
		expect(guest_pending(m.guest)!.gva).toBe(DATA + 4092);
		expect(m.bytes(DATA)[4092]).toBe(0);
		m.gpa_map(DATA / 4096 + 1);
		expect(out(m)).toBe(1);
		expect([m.bytes(DATA)[4092], m.bytes(DATA + 4096)[0]]).toEqual([0x22, 0x11]);
	});
	test("atomics", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.put64(DATA, 0xffffffff00000001n);
		m.start(function* () {
			yield* isa.outl(1, Number((yield* isa.cmpxchg64(DATA, 1n, 2n)) & 0xffn));
			yield* isa.outl(1, yield* isa.cmpxchg32(DATA, 1, 2));
			yield* isa.outl(1, yield* isa.xchg32(DATA, 5));
			yield* isa.outl(1, yield* isa.xadd32(DATA, -1));
			yield* isa.cmpxchg64(DATA, 0xffffffff00000004n, 8n);
			yield* isa.outl(1, Number(yield* isa.xadd64(DATA, 2n)));
			yield* isa.outl(1, Number(yield* isa.xchg64(DATA, 2n)));
		});
		expect(out(m)).toBe(1);
		expect(out(m)).toBe(1);
		expect(out(m)).toBe(2);
		expect(out(m)).toBe(5);
		expect(out(m)).toBe(8);
		expect(out(m)).toBe(10);
		expect(m.get64(DATA)).toBe(2n);
	});
	test("a turn ends, and goes on on another CPU", () => {
		const m = new vm(vendor, 2);
		m.identity(DATA);
		m.start(function* () {
			for (let i = 0; i < 100; i++)
				yield* isa.st64n(DATA, i);
			yield* isa.outb(1, 7);
		});
		m.enter();
		expect(guest_run(m.guest, 10)).toBe(false);
		expect(m.guest.in_guest).toBe(true);
		for (let n = 0; !guest_run(m.guest, 10); n++)
			expect(n).toBeLessThan(20);
		expect(out(m, m.exit())).toBe(7);
		expect(m.get64(DATA)).toBe(99n);
	});
	test("an interrupt makes it leave", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.start(function* () {
			for (let i = 0; ; i++)
				yield* isa.st64n(DATA, i);
		});
		m.enter();
		expect(guest_run(m.guest, 10)).toBe(false);
		this_cpu.force_exit!();
		expect(this_cpu.in_guest).toBe(false);
		expect(guest_run(m.guest, 10)).toBe(true);
		const e = m.exit();
		expect(m.is(e, v.EXIT_REASON_EXTERNAL_INTERRUPT, s.SVM_EXIT_INTR)).toBe(true);
		const before = m.get64(DATA);
		m.enter();
		expect(guest_run(m.guest, 10)).toBe(false);
		expect(m.get64(DATA)).toBeGreaterThan(before);
		this_cpu.force_exit!();
		expect(cpus[0]!.in_guest).toBe(false);
	});
});
