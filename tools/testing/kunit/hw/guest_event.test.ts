// SPDX-License-Identifier: GPL-2.0
/*
 * Events in guests on both vendors: the IDT, double and triple faults, injection, windows.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { guest_run } from "#hw/guest.ts";
import * as isa from "#hw/isa_guest.ts";
import { REG_RAX, REG_RSP, type guest_program, guest_text_alloc, reg_gva } from "#hw/isa_guest.ts";
import { mem_write64 } from "#hw/memory.ts";
import { vmread32, vmreadn, vmwriten } from "#hw/vmx.ts";
import * as v from "#hw/vmx_defs.ts";
import * as s from "#hw/svm_defs.ts";
import { AMD, IDT_GPA, INTEL, P, STACK_TOP, TSS_GPA, U, W, vm, type vm_exit } from "./vm.ts";

const VENDORS: [string, number][] = [["intel", INTEL], ["amd", AMD]];
const DATA = 0x500000;
const VALID = 0x80000000;

function out(m: vm, e: vm_exit = m.run()): number {
	expect(m.is(e, v.EXIT_REASON_IO_INSTRUCTION, s.SVM_EXIT_IOIO)).toBe(true);
	const x = Number(m.rax);
	m.skip(e);
	return x;
}

/** A handler with an error code that reports it, then runs @then and returns. */
function handler(error: boolean, then: () => guest_program): () => guest_program {
	return function* () {
		const rax = yield* isa.get_reg(REG_RAX), rdx = yield* isa.get_reg(2);
		if (error) {
			const rsp = yield* isa.get_reg(REG_RSP);
			yield* isa.outl(0xe, yield* isa.ld32(reg_gva(rsp)));
			yield* isa.set_reg(REG_RSP, rsp + 8n);
		}
		yield* then();
		yield* isa.set_reg(REG_RAX, rax);
		yield* isa.set_reg(2, rdx);
		yield* isa.iret();
	};
}

const interruptibility = (): number => vmread32(v.GUEST_INTERRUPTIBILITY_INFO);

const nothing = function* (): guest_program {
	return;
};

describe.each(VENDORS)("events, %s", (_, vendor) => {
	const make = (): vm => {
		const m = new vm(vendor);
		if (vendor === INTEL) {
			vmwriten(v.PAGE_FAULT_ERROR_CODE_MASK, 0);
			vmwriten(v.PAGE_FAULT_ERROR_CODE_MATCH, 0);
		}
		m.exceptions(0);
		return m;
	};
	test("#PF through the guest's IDT, and the access again", () => {
		const m = make();
		m.gpa_map(DATA / 4096);
		const word = m.guest_entry(DATA);
		let cr2 = 0n;
		m.gate(14, handler(true, function* () {
			cr2 = yield* isa.read_cr(2);
			mem_write64(word, DATA | P | W, 0);
			yield* isa.invlpg(DATA);
		}));
		m.start(function* () {
			yield* isa.st64(DATA + 16, 0x77n);
			yield* isa.outb(1, yield* isa.ld8(DATA + 16));
		});
		expect(out(m)).toBe(2);
		expect(cr2).toBe(0n);
		expect(out(m)).toBe(0x77);
		expect(cr2).toBe(BigInt(DATA + 16));
		expect(m.get64(DATA + 16)).toBe(0x77n);
		expect(m.get("rsp")).toBe(STACK_TOP);
		expect(m.guest.stack.length).toBe(1);
	});
	test("the frame: SS, RSP, RFLAGS, CS, RIP; a handler that skips", () => {
		const m = make();
		let frame: bigint[] = [];
		m.gate(6, function* () {
			const rsp = reg_gva(yield* isa.get_reg(REG_RSP));
			for (let i = 0; i < 5; i++)
				frame.push(yield* isa.ld64(rsp + i * 8));
			yield* isa.st64(rsp, frame[0]! + 2n);
			yield* isa.iret();
		});
		m.set("rflags", 0x202);
		m.start(function* () {
			yield* isa.ud2();
			yield* isa.outb(1, 3);
		});
		expect(out(m)).toBe(3);
		expect(frame.slice(1)).toEqual([0x08n, 0x10202n, BigInt(STACK_TOP), 0x10n]);
		expect(m.bytes(Number(frame[0])).slice(0, 2)).toEqual(Uint8Array.of(0x0f, 0x0b));
		expect(m.get("rflags")).toBe(0x202);
		frame = [];
	});
	test("INT3 returns behind it; #GP of what is not canonical, and of CPL 3", () => {
		const m = make();
		m.gate(3, handler(false, function* () {
			yield* isa.outb(1, 0x33);
		}), 0, 3);
		m.gate(13, handler(true, function* () {
			const rsp = reg_gva(yield* isa.get_reg(REG_RSP));
			yield* isa.outl(1, Number((yield* isa.ld64(rsp + 8)) & 3n));
			/* to where the script ends */
			yield* isa.st64(rsp, BigInt(guest_text_alloc(last)));
		}));
		const last = function* (): guest_program {
			yield* isa.int3();
		};
		m.start(function* () {
			yield* isa.int3();
			yield* isa.ld8(2 ** 47);
		});
		expect(out(m)).toBe(0x33);
		expect(out(m)).toBe(0);
		expect(out(m)).toBe(0);
		expect(out(m)).toBe(0x33);
		for (let page = 0; page < 0x10000; page += 4096)
			m.gva_map(0x400000 + page, 0x400000 + page, P | W | U);
		for (let at = STACK_TOP - 0x4000; at < STACK_TOP; at += 4096)
			m.gva_map(at, at, P | W | U);
		m.flush();
		m.set_cpl(3);
		m.set("rflags", 0x0002);
		m.set("rsp", STACK_TOP - 0x2000);
		m.start(function* () {
			yield* isa.hlt();
		});
		expect(out(m)).toBe(0);
		/* the stack of CPL 0 is the TSS's */
		expect(m.get("rsp")).toBe(STACK_TOP - 0x1000 - 48);
		expect(out(m)).toBe(3);
		const e = m.run();
		expect(out(m, e)).toBe(0x33);
		expect(m.guest.cpl).toBe(0);
	});
	test("an interrupt stack of the TSS", () => {
		const m = make();
		m.put64(TSS_GPA + 36 + 8, BigInt(STACK_TOP - 0x2000));
		m.gate(6, function* () {
			yield* isa.outl(1, Number(yield* isa.get_reg(REG_RSP)));
		}, 2);
		m.start(function* () {
			yield* isa.ud2();
		});
		expect(out(m)).toBe(STACK_TOP - 0x2000 - 40);
	});
	test("double fault, then shutdown", () => {
		const m = make();
		m.gate(8, handler(true, function* () {
			yield* isa.outb(1, 8);
			yield* isa.lidt(0, 0);
		}));
		/* no gate for #UD: not present is #NP, which has none either */
		m.start(function* () {
			yield* isa.ud2();
		});
		expect(out(m)).toBe(0);
		expect(out(m)).toBe(8);
		const e = m.run();
		expect(m.is(e, v.EXIT_REASON_TRIPLE_FAULT, s.SVM_EXIT_SHUTDOWN)).toBe(true);
	});
	test("triple fault without an IDT", () => {
		const m = make();
		m.start(function* () {
			yield* isa.lidt(0, 0);
			yield* isa.int3();
		});
		const e = m.run();
		expect(m.is(e, v.EXIT_REASON_TRIPLE_FAULT, s.SVM_EXIT_SHUTDOWN)).toBe(true);
	});
	test("a violation during delivery tells what was delivered", () => {
		const m = make();
		m.gate(6, function* () {
			yield* isa.outb(1, 6);
		});
		m.gpa_unmap(IDT_GPA / 4096);
		m.start(function* () {
			yield* isa.ud2();
		});
		const e = m.run();
		expect(m.is(e, v.EXIT_REASON_EPT_VIOLATION, s.SVM_EXIT_NPF)).toBe(true);
		expect(e.gpa).toBe(IDT_GPA + 6 * 16);
		expect(e.vectoring >>> 0).toBe(VALID + 0x306);
		m.gpa_map(IDT_GPA / 4096);
		m.inject(e.vectoring);
		expect(out(m)).toBe(6);
	});
	test("injection: interrupt, NMI, exception with error code", () => {
		const m = make();
		const report = (n: number): (() => guest_program) =>
			handler(n === 13, function* () {
				yield* isa.outb(1, n);
			});
		m.gate(0x20, report(0x20));
		m.gate(2, report(2));
		m.gate(13, report(13));
		m.set("rflags", 0x202);
		m.start(function* () {
			for (let i = 0; ; i++)
				yield* isa.outb(2, i);
		});
		expect(out(m)).toBe(0);
		m.inject(VALID + 0x20);
		expect(out(m)).toBe(0x20);
		/* interrupts are off in its handler */
		expect(m.get("rflags") & 0x200).toBe(0);
		expect(out(m)).toBe(1);
		expect(m.get("rflags") & 0x200).toBe(0x200);
		m.inject(VALID + 0x202);
		expect(out(m)).toBe(2);
		if (vendor === INTEL)
			expect(interruptibility()).toBe(v.GUEST_INTR_STATE_NMI);
		expect(out(m)).toBe(2);
		if (vendor === INTEL)
			expect(interruptibility()).toBe(0);
		m.inject(VALID + 0xb0d, 0x1234);
		expect(out(m)).toBe(0x1234);
		expect(out(m)).toBe(13);
		expect(out(m)).toBe(3);
	});
	test("the interrupt window opens after STI and one more", () => {
		const m = make();
		m.start(function* () {
			yield* isa.nop();
			yield* isa.sti();
			yield* isa.outb(1, 1);
			yield* isa.outb(1, 2);
		});
		if (vendor === INTEL) {
			m.exec(v.CPU_BASED_INTR_WINDOW_EXITING);
		} else {
			m.intercept(s.INTERCEPT_VINTR);
			m.vmcb().control.int_ctl = s.V_IRQ_MASK | s.V_IGN_TPR_MASK;
		}
		/* the exit of the instruction in the shadow comes first */
		let e = m.run();
		expect(out(m, e)).toBe(1);
		if (vendor === INTEL) {
			expect(interruptibility()).toBe(v.GUEST_INTR_STATE_STI);
			vmwriten(v.GUEST_INTERRUPTIBILITY_INFO, 0);
		} else {
			expect(m.vmcb().control.int_state & 1).toBe(1);
			m.vmcb().control.int_state = 0;
		}
		e = m.run();
		expect(m.is(e, v.EXIT_REASON_INTERRUPT_WINDOW, s.SVM_EXIT_VINTR)).toBe(true);
		if (vendor === INTEL)
			m.exec(v.CPU_BASED_INTR_WINDOW_EXITING, false);
		else
			m.vmcb().control.int_ctl = 0;
		expect(out(m)).toBe(2);
	});
	test("HLT without an exit waits for an interrupt", () => {
		const m = make();
		m.gate(0x20, handler(false, nothing));
		m.set("rflags", 0x202);
		m.start(function* () {
			yield* isa.hlt();
			yield* isa.outb(1, 1);
		});
		if (vendor === INTEL)
			m.exec(v.CPU_BASED_HLT_EXITING, false);
		else
			m.intercept(s.INTERCEPT_HLT, false);
		m.enter();
		expect(guest_run(m.guest, 1000)).toBe(false);
		expect(guest_run(m.guest, 1000)).toBe(false);
		if (vendor === INTEL) {
			m.guest.force_exit!();
			expect(vmreadn(v.GUEST_ACTIVITY_STATE)).toBe(v.GUEST_ACTIVITY_HLT);
			m.inject(VALID + 0x20);
			expect(out(m)).toBe(1);
		}
	});
	test("TF traps behind every operation", () => {
		const m = make();
		const seen: number[] = [];
		m.gate(1, handler(false, function* () {
			const rsp = reg_gva(yield* isa.get_reg(REG_RSP));
			seen.push(Number(yield* isa.ld64(rsp)) - begin);
			expect((yield* isa.ld64(rsp + 16)) & 0x10100n).toBe(0x100n);
			expect((yield* isa.read_dr(6)) & 0x4000n).toBe(0x4000n);
			yield* isa.write_dr(6, 0n);
		}));
		m.gate(6, handler(false, function* () {
			const rsp = reg_gva(yield* isa.get_reg(REG_RSP));
			seen.push(-1);
			yield* isa.st64(rsp, (yield* isa.ld64(rsp)) + 2n);
		}));
		m.gpa_map(DATA / 4096);
		m.gva_map(DATA, DATA);
		m.start(function* () {
			yield* isa.nop();
			yield* isa.st64(DATA, 7n);
			yield* isa.ud2();
			yield* isa.nop();
			yield* isa.outb(1, 3);
		});
		const begin = m.get("rip");
		m.set("rflags", 0x102);
		expect(out(m)).toBe(3);
		expect(seen.length).toBe(4);
		expect(seen[2]).toBe(-1);
		/* and to the kernel, behind an IRET that started with TF too */
		m.gate(6, function* () {
			yield* isa.outb(1, 6);
			yield* isa.iret();
		});
		m.start(function* () {
			yield* isa.outb(1, 1);
			yield* isa.ud2();
		});
		m.set("rflags", 2);
		expect(out(m)).toBe(1);
		expect(out(m)).toBe(6);
		m.exceptions(1 << 1);
		if (vendor === AMD) {
			m.intercept(s.INTERCEPT_IRET);
			expect(m.run().code).toBe(s.SVM_EXIT_IRET);
			m.intercept(s.INTERCEPT_IRET, false);
			m.vmcb().save.dr6 = 0xffff0ff0n;
		}
		m.set("rflags", 0x102);
		const e = m.run();
		expect(m.is(e, v.EXIT_REASON_EXCEPTION_NMI, s.SVM_EXIT_EXCP_BASE + 1)).toBe(true);
		expect(m.bytes(e.rip).slice(0, 2)).toEqual(Uint8Array.of(0x0f, 0x0b));
		if (vendor === AMD)
			expect(m.vmcb().save.dr6).toBe(0xffff4ff0n);
		else
			expect(e.qual).toBe(0x4000n);
	});
});
