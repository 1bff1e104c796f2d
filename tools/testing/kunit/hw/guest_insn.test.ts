// SPDX-License-Identifier: GPL-2.0
/*
 * The guest CPU on both vendors: exits of instructions, code in bytes; what VMX alone has.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { guest_pending } from "#hw/guest.ts";
import { GOP_OUT } from "#hw/guest_ops.ts";
import * as isa from "#hw/isa_guest.ts";
import { REG_RBX, REG_RCX, REG_RDI, REG_RDX, type guest_program } from "#hw/isa_guest.ts";
import { mem_lo, mem_write64 } from "#hw/memory.ts";
import { vmread32, vmwriten, vmwrite64, vmx_enter, vmx_error } from "#hw/vmx.ts";
import * as v from "#hw/vmx_defs.ts";
import * as s from "#hw/svm_defs.ts";
import { AMD, INTEL, vm, type vm_exit } from "./vm.ts";

const VENDORS: [string, number][] = [["intel", INTEL], ["amd", AMD]];
const DATA = 0x500000;

/** Runs to an OUT, whose value is how a program reports. */
function out(m: vm, e: vm_exit = m.run()): number {
	expect(m.is(e, v.EXIT_REASON_IO_INSTRUCTION, s.SVM_EXIT_IOIO)).toBe(true);
	const x = Number(m.rax);
	m.skip(e);
	return x;
}

describe.each(VENDORS)("instructions, %s", (_, vendor) => {
	test("ports", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.start(function* () {
			yield* isa.outw(0x1234, 0xabcd);
			yield* isa.outb(1, yield* isa.inb(0x60));
			yield* isa.rep_ins(0x81, DATA, 2, 3);
			yield* isa.outb(1, Number(yield* isa.get_reg(REG_RCX)));
		});
		let e = m.run();
		expect(guest_pending(m.guest)!.kind).toBe(GOP_OUT);
		expect(e.qual).toBe(vendor === INTEL ? 0x12340001n : 0x12340220n);
		expect([m.rax & 0xffffn, m.regs[REG_RDX]]).toEqual([0xabcdn, 0x1234n]);
		expect(e.next - e.rip).toBe(2);
		m.skip(e);
		e = m.run();
		expect(e.qual).toBe(vendor === INTEL ? 0x600008n : 0x600211n);
		m.rax = 0x42n;
		m.skip(e);
		expect(out(m)).toBe(0x42);
		e = m.run();
		expect(e.qual).toBe(vendor === INTEL ? 0x810039n : 0x81022dn);
		expect([m.regs[REG_RDI], m.regs[REG_RCX]]).toEqual([BigInt(DATA), 3n]);
		/* one element by the kernel, then again */
		m.regs[REG_RDI]! += 2n;
		m.regs[REG_RCX]!--;
		e = m.run();
		expect(guest_pending(m.guest)!.gva).toBe(DATA + 2);
		m.regs[REG_RCX] = 0n;
		m.skip(e);
		expect(out(m)).toBe(0);
	});
	test("HLT, CPUID, MSRs, hypercalls", () => {
		const m = new vm(vendor);
		m.start(function* () {
			yield* isa.hlt();
			const r = yield* isa.cpuid(7, 1);
			yield* isa.outl(1, r.ecx);
			yield* isa.wrmsr(0x10, 0x1122334455n);
			yield* isa.outl(1, Number((yield* isa.rdmsr(0x1b)) >> 32n));
			const x = vendor === INTEL ? yield* isa.vmcall(12n, 1n, 2n, 3n, 4n) :
				yield* isa.vmmcall(12n, 1n, 2n, 3n, 4n);
			yield* isa.outl(1, Number(x));
		});
		let e = m.run();
		expect(m.is(e, v.EXIT_REASON_HLT, s.SVM_EXIT_HLT)).toBe(true);
		m.skip(e);
		e = m.run();
		expect(m.is(e, v.EXIT_REASON_CPUID, s.SVM_EXIT_CPUID)).toBe(true);
		expect([m.rax, m.regs[REG_RCX]]).toEqual([7n, 1n]);
		m.regs[REG_RCX] = 0x99n;
		m.regs[REG_RBX] = 0n;
		m.skip(e);
		expect(out(m)).toBe(0x99);
		e = m.run();
		expect(m.is(e, v.EXIT_REASON_MSR_WRITE, s.SVM_EXIT_MSR)).toBe(true);
		expect([m.rax, m.regs[REG_RDX], m.regs[REG_RCX]]).toEqual([0x22334455n, 0x11n,
			0x10n]);
		m.skip(e);
		e = m.run();
		expect(m.is(e, v.EXIT_REASON_MSR_READ, s.SVM_EXIT_MSR)).toBe(true);
		m.rax = 0x1n;
		m.regs[REG_RDX] = 0x55n;
		m.skip(e);
		expect(out(m)).toBe(0x55);
		e = m.run();
		expect(m.is(e, v.EXIT_REASON_VMCALL, s.SVM_EXIT_VMMCALL)).toBe(true);
		expect([m.rax, m.regs[REG_RBX]]).toEqual([12n, 1n]);
		expect(e.next - e.rip).toBe(3);
		m.rax = 77n;
		m.skip(e);
		expect(out(m)).toBe(77);
	});
	test("MSRs of addresses take canonical ones", () => {
		const m = new vm(vendor);
		m.msrs_pass();
		m.exceptions(1 << 13);
		const middle = (y: bigint): number => Number(y >> 16n & 0xffffffffn);
		const ESP = 0x175, EIP = 0x176;
		let msr = 0, x = 0n;
		m.start(function* () {
			for (;;) {
				yield* isa.outl(1, 0);
				yield* isa.wrmsr(msr, x);
				yield* isa.outl(1, middle(yield* isa.rdmsr(msr)));
			}
		});
		for (msr of [ESP, EIP, 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101,
			0xc0000102]) {
			const half = vendor === AMD && (msr === ESP || msr === EIP);
			let kept = 0n;
			for (x of [0x123456789abcn, 1n << 47n, 0xffff812345678900n, 1n << 63n]) {
				expect(out(m)).toBe(0);
				let e = m.run();
				if (half) {
					kept = x & 0xffffffffn;
				} else if (BigInt.asUintN(64, BigInt.asIntN(48, x)) === x) {
					kept = x;
				} else {
					expect(m.is(e, v.EXIT_REASON_EXCEPTION_NMI,
						s.SVM_EXIT_EXCP_BASE + 13)).toBe(true);
					m.set("rip", guest_pending(m.guest)!.next_rip);
					e = m.run();
				}
				expect(out(m, e)).toBe(middle(kept));
			}
		}
	});
	test("a patched hypercall does what its bytes say", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.exceptions(1 << 6);
		const other = vendor === INTEL ? isa.vmmcall : isa.vmcall;
		m.start(function* () {
			yield* isa.outl(1, Number(yield* other(5n)));
			yield* isa.outl(1, Number(yield* isa.hypercall_at(DATA, 6n)));
		});
		const e = m.run();
		expect(m.is(e, v.EXIT_REASON_EXCEPTION_NMI, s.SVM_EXIT_EXCP_BASE + 6)).toBe(true);
		const right = vendor === INTEL ? [0x0f, 0x01, 0xc1] : [0x0f, 0x01, 0xd9];
		m.bytes(e.rip).set(right);
		const f = m.run();
		expect(m.is(f, v.EXIT_REASON_VMCALL, s.SVM_EXIT_VMMCALL)).toBe(true);
		expect(f.rip).toBe(e.rip);
		m.rax = 8n;
		m.skip(f);
		expect(out(m)).toBe(8);
		m.bytes(DATA).set(right);
		const h = m.run();
		expect(m.is(h, v.EXIT_REASON_VMCALL, s.SVM_EXIT_VMMCALL)).toBe(true);
		expect([h.rip, h.next]).toEqual([DATA, DATA + 3]);
		m.rax = 9n;
		m.skip(h);
		expect(out(m)).toBe(9);
	});
	test("bytes: MOV, OUT, JMP, CALL and RET", () => {
		const m = new vm(vendor);
		m.identity(DATA);
		m.identity(DATA + 4096);
		m.bytes(DATA).set([
			0xb8, 0x44, 0x33, 0x22, 0x11,			/* mov $0x11223344, %eax */
			0x66, 0xba, 0x80, 0x00,				/* mov $0x80, %dx */
			0xef,						/* out %eax, %dx */
			0xbf, 0x00, 0x10, 0x50, 0x00,			/* mov $DATA + 4096, %edi */
			0x48, 0x89, 0x47, 0x08,				/* mov %rax, 8(%rdi) */
			0xc6, 0x07, 0x5a,				/* movb $0x5a, (%rdi) */
			0x8a, 0x07,					/* mov (%rdi), %al */
			0xeb, 0x01,					/* jmp over */
			0xf4,
			0xe8, 0x01, 0x00, 0x00, 0x00,			/* call */
			0xc3,
			0x90, 0xc3,
		]);
		m.start(function* () {
			yield* isa.outl(1, Number(yield* isa.exec(DATA)));
		});
		const e = m.run();
		expect(e.rip).toBe(DATA + 9);
		expect(out(m, e)).toBe(0x11223344);
		expect(out(m)).toBe(0x1122335a);
		expect(m.get64(DATA + 4096 + 8)).toBe(0x11223344n);
		expect(m.get("rsp")).toBe(0x300000);
		/* and from a register that the kernel set */
		m.set("rip", DATA);
		expect(out(m)).toBe(0x11223344);
	});
	test("RIP set by the kernel starts another program", () => {
		const m = new vm(vendor);
		const other = function* (a: bigint, b: bigint): guest_program {
			yield* isa.outl(1, Number(a + b));
		};
		m.start(function* () {
			yield* isa.outb(1, 1);
			yield* isa.outb(1, 2);
		});
		expect(out(m)).toBe(1);
		m.start(other);
		m.regs[REG_RDI] = 30n;
		m.regs[6] = 4n;
		expect(out(m)).toBe(34);
	});
	test("control registers", () => {
		const m = new vm(vendor);
		m.start(function* () {
			yield* isa.outl(1, Number(yield* isa.read_cr(0)));
			yield* isa.write_cr(4, (yield* isa.read_cr(4)) | 0x80n);
			yield* isa.outl(1, Number(yield* isa.read_cr(4)) & 0x80);
			yield* isa.write_cr(0, 0n);
		});
		if (vendor === INTEL) {
			vmwriten(v.CR0_GUEST_HOST_MASK, 0x80000021);
			vmwriten(v.CR0_READ_SHADOW, 0x80000001);
			vmwriten(v.CR4_GUEST_HOST_MASK, 0x2000);
		} else {
			m.intercept(s.INTERCEPT_CR0_WRITE);
		}
		expect(out(m)).toBe(vendor === INTEL ? 0x80050013 : 0x80050033);
		expect(out(m)).toBe(0x80);
		expect(m.get("cr4") & 0x80).toBe(0x80);
		const e = m.run();
		expect(m.is(e, v.EXIT_REASON_CR_ACCESS, s.SVM_EXIT_WRITE_CR0)).toBe(true);
		expect(e.qual).toBe(vendor === INTEL ? 0n : 1n << 63n);
	});
});

describe("VMX", () => {
	test("EPT misconfiguration: MMIO", () => {
		const m = new vm(INTEL);
		m.gva_map(DATA, DATA);
		mem_write64(m.nested_entry(DATA / 4096), v.VMX_EPT_MISCONFIG_WX_VALUE, 0x12345);
		m.start(function* () {
			yield* isa.outl(1, yield* isa.ld32(DATA + 4));
		});
		const e = m.run();
		expect([e.code, e.gpa]).toEqual([v.EXIT_REASON_EPT_MISCONFIG, DATA + 4]);
		m.rax = 5n;
		m.set("rip", guest_pending(m.guest)!.next_rip);
		expect(out(m)).toBe(5);
	});
	test("accessed and dirty bits of EPT, and the log", () => {
		const m = new vm(INTEL);
		m.identity(DATA);
		m.identity(DATA + 4096);
		vmwriten(v.EPT_POINTER, m.root * 4096 + 0x5e);
		const log = m.new_frame();
		vmwriten(v.SECONDARY_VM_EXEC_CONTROL, vmread32(v.SECONDARY_VM_EXEC_CONTROL) |
			v.SECONDARY_EXEC_ENABLE_PML);
		vmwriten(v.PML_ADDRESS, log * 4096);
		vmwriten(v.GUEST_PML_INDEX, 511);
		m.start(function* () {
			yield* isa.ld8(DATA);
			yield* isa.outb(1, 1);
			yield* isa.st8(DATA, 1);
			yield* isa.outb(1, 2);
			yield* isa.st8(DATA + 4096, 1);
			yield* isa.outb(1, 3);
		});
		const word = m.nested_entry(DATA / 4096);
		expect(out(m)).toBe(1);
		expect(mem_lo(word) & 0x300).toBe(0x100);
		/* so far the guest's tables */
		const index = vmread32(v.GUEST_PML_INDEX);
		expect(index).toBeLessThan(511);
		expect(out(m)).toBe(2);
		expect(mem_lo(word) & 0x300).toBe(0x300);
		expect(vmread32(v.GUEST_PML_INDEX)).toBe(index - 1);
		expect(mem_lo(log * 512 + index)).toBe(DATA);
		vmwriten(v.GUEST_PML_INDEX, 0xffff);
		const e = m.run();
		expect(e.code).toBe(v.EXIT_REASON_PML_FULL);
		vmwriten(v.GUEST_PML_INDEX, 511);
		expect(out(m)).toBe(3);
		expect(mem_lo(log * 512 + 511)).toBe(DATA + 4096);
	});
	test("the APIC-access page", () => {
		const m = new vm(INTEL);
		m.identity(DATA);
		vmwriten(v.SECONDARY_VM_EXEC_CONTROL, vmread32(v.SECONDARY_VM_EXEC_CONTROL) |
			v.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
		vmwriten(v.APIC_ACCESS_ADDR, m.frame(DATA) * 4096);
		m.start(function* () {
			yield* isa.st32(DATA + 0xb0, 0);
			yield* isa.ld32(DATA + 0x20);
		});
		const e = m.run();
		expect([e.code, e.qual]).toEqual([v.EXIT_REASON_APIC_ACCESS, 0x10b0n]);
		m.set("rip", guest_pending(m.guest)!.next_rip);
		expect(m.run().qual).toBe(0x20n);
	});
	test("entry fails: controls, state, launch", () => {
		const m = new vm(INTEL);
		m.start(function* () {
			yield* isa.hlt();
		});
		expect(vmx_enter(m.guest, m.regs, true)).toBe(v.VMXERR_VMRESUME_NONLAUNCHED_VMCS);
		vmwriten(v.VIRTUAL_PROCESSOR_ID, 0);
		const error = v.VMXERR_ENTRY_INVALID_CONTROL_FIELD;
		expect(vmx_enter(m.guest, m.regs, false)).toBe(error);
		expect(vmread32(v.VM_INSTRUCTION_ERROR)).toBe(error);
		vmwriten(v.VIRTUAL_PROCESSOR_ID, 1);
		vmwrite64(v.GUEST_RFLAGS, 0n);
		expect(m.run().code).toBe(0x80000000 + v.EXIT_REASON_INVALID_STATE);
		vmwrite64(v.GUEST_RFLAGS, 2n);
		vmwriten(v.GUEST_CS_AR_BYTES, 0xc09b | (1 << 13));
		expect(m.run().code >>> 0).toBe(0x80000021);
		m.set_cpl(0);
		expect(m.run().code).toBe(v.EXIT_REASON_HLT);
		expect(vmx_enter(m.guest, m.regs, false)).toBe(v.VMXERR_VMLAUNCH_NONCLEAR_VMCS);
		vmread32(0x7ffe);
		expect(vmx_error).toBe(v.VMXERR_UNSUPPORTED_VMCS_COMPONENT);
	});
	test("without paging, addresses are physical", () => {
		const m = new vm(INTEL);
		m.gpa_map(DATA / 4096);
		m.bytes(DATA).set([0xb0, 0x41, 0xe6, 0x10, 0xf4]);
		vmwriten(v.GUEST_CR0, 0x30);
		vmwriten(v.VM_ENTRY_CONTROLS,
			vmread32(v.VM_ENTRY_CONTROLS) & ~v.VM_ENTRY_IA32E_MODE);
		vmwriten(v.GUEST_IA32_EFER, 0);
		vmwriten(v.GUEST_CS_SELECTOR, 0x5000);
		vmwriten(v.GUEST_CS_BASE, 0x50000);
		vmwriten(v.GUEST_CS_AR_BYTES, 0x9b);
		vmwriten(v.GUEST_CS_LIMIT, 0xffff);
		m.gpa_map(0x50, undefined, m.frame(DATA));
		m.set("rip", 0);
		const e = m.run();
		expect([e.code, e.qual, e.rip, e.next]).toEqual([v.EXIT_REASON_IO_INSTRUCTION,
			0x100040n, 2, 4]);
		expect(m.rax & 0xffn).toBe(0x41n);
		m.skip(e);
		expect(m.run().code).toBe(v.EXIT_REASON_HLT);
	});
});
