// SPDX-License-Identifier: GPL-2.0
/*
 * Events that user space saves, restores and makes. Tests for either vendor.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { EINVAL } from "#linux/errno.ts";
import {
	KVM_CAP_EXCEPTION_PAYLOAD, KVM_CAP_X86_TRIPLE_FAULT_EVENT, KVM_EXIT_SHUTDOWN,
	KVM_SET_SREGS, KVM_SET_VCPU_EVENTS, KVM_X86_GET_MCE_CAP_SUPPORTED, KVM_X86_SET_MCE,
	KVM_X86_SETUP_MCE, struct_kvm_x86_mce,
} from "#uapi/linux/kvm.ts";
import {
	KVM_VCPUEVENT_VALID_PAYLOAD, KVM_VCPUEVENT_VALID_SMM, KVM_VCPUEVENT_VALID_TRIPLE_FAULT,
} from "#uapi-asm/kvm.ts";
import { ioctl } from "#tools/include/nolibc/sys.ts";
import { DATA, FAULT, OP, U64, bytes8, serve } from "./x86_env.ts";

export function event_tests(vendor: "intel" | "amd"): void {
	const intel = vendor === "intel";

	describe("events", () => {
		test("of a vCPU, saved and restored", () => serve(function* (g) {
			expect(g.cap(KVM_CAP_EXCEPTION_PAYLOAD, 1n)).toBe(0);
			const e = g.events();
			e.exception.pending = 1;
			e.exception.nr = 14;
			e.exception.has_error_code = 1;
			e.exception_has_payload = 1;
			e.exception_payload = 0x1234000n;
			e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
			expect(g.vcpu_op(KVM_SET_VCPU_EVENTS, e.bytes)).toBe(0);
			const saved = g.events();
			expect([saved.exception.pending, saved.exception_has_payload,
				saved.exception_payload]).toEqual([1, 1, 0x1234000n]);
			expect(yield* g.done(yield* g.enter())).toBe(FAULT + 14n);
			expect(g.sregs().cr2).toBe(0x1234000n);

			e.exception.nr = 40;
			expect(g.vcpu_op(KVM_SET_VCPU_EVENTS, e.bytes)).toBe(EINVAL);
			e.flags = 1 << 31;
			expect(g.vcpu_op(KVM_SET_VCPU_EVENTS, e.bytes)).toBe(EINVAL);
			e.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
			e.exception.nr = 13;
			expect(g.vcpu_op(KVM_SET_VCPU_EVENTS, e.bytes)).toBe(EINVAL);
		}));
		test("a triple fault by request", () => serve(function* (g) {
			expect(g.cap(KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1n)).toBe(0);
			const e = g.events();
			e.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
			e.triple_fault.pending = 1;
			expect(g.vcpu_op(KVM_SET_VCPU_EVENTS, e.bytes)).toBe(0);
			expect(g.events().triple_fault.pending).toBe(1);
			expect((yield* g.enter()).exit_reason).toBe(KVM_EXIT_SHUTDOWN);
		}));
		test("the other address space", () => serve(function* (g) {
			const e = g.events();
			e.flags = KVM_VCPUEVENT_VALID_SMM;
			e.smi.smm = 1;
			e.smi.smm_inside_nmi = 1;
			expect(g.vcpu_op(KVM_SET_VCPU_EVENTS, e.bytes)).toBe(0);
			expect([g.events().smi.smm, g.events().smi.smm_inside_nmi]).toEqual([1, 1]);
			e.smi.smm = 0;
			expect(g.vcpu_op(KVM_SET_VCPU_EVENTS, e.bytes)).toBe(0);
			expect(yield* g.call(OP.cpuid, 0)).toBe(0xdn);
		}));
		test("machine checks", () => serve(function* (g) {
			const cap = new Uint8Array(8), supported = new DataView(cap.buffer);
			expect(ioctl(g.kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, cap)).toBe(0);
			expect(g.vcpu_op(KVM_X86_SETUP_MCE, bytes8(0x100n | 33n))).toBe(EINVAL);
			expect(g.vcpu_op(KVM_X86_SETUP_MCE, bytes8(1n << 40n | 4n))).toBe(EINVAL);
			const mcg = supported.getBigUint64(0, true) | 4n;
			expect(g.vcpu_op(KVM_X86_SETUP_MCE, bytes8(mcg))).toBe(0);
			expect(yield* g.call(OP.rdmsr, 0x179)).toBe(intel ? mcg : mcg & 0x1ffn);
			expect(yield* g.call(OP.rdmsr, 0x17b)).toBe(U64);

			const m = struct_kvm_x86_mce.alloc();
			const VAL = 1n << 63n, UC = 1n << 61n, OVER = 1n << 62n;
			expect(g.vcpu_op(KVM_X86_SET_MCE, m.bytes)).toBe(EINVAL);
			/* corrected: it is there to be read; a second one overflows */
			m.bank = 1;
			m.status = VAL;
			m.addr = 0x77n;
			expect(g.vcpu_op(KVM_X86_SET_MCE, m.bytes)).toBe(0);
			expect(g.vcpu_op(KVM_X86_SET_MCE, m.bytes)).toBe(0);
			expect(yield* g.call(OP.rdmsr, 0x405)).toBe(VAL | OVER);
			expect(yield* g.call(OP.rdmsr, 0x406)).toBe(0x77n);
			/* uncorrected, but no action needed */
			m.bank = 2;
			m.status = VAL | UC;
			expect(g.vcpu_op(KVM_X86_SET_MCE, m.bytes)).toBe(0);
			expect(yield* g.call(OP.rdmsr, 0x409)).toBe(VAL | UC);
			/* uncorrected: #MC, or the end if the guest does not take it */
			yield* g.call(OP.write_cr, 4, (yield* g.call(OP.read_cr, 4)) | 0x40n);
			m.bank = 3;
			m.mcg_status = 5n;
			expect(g.vcpu_op(KVM_X86_SET_MCE, m.bytes)).toBe(0);
			expect(yield* g.done(yield* g.enter())).toBe(FAULT + 18n);
			expect(yield* g.call(OP.rdmsr, 0x17a)).toBe(5n);
			expect(g.vcpu_op(KVM_X86_SET_MCE, m.bytes)).toBe(0);
			expect((yield* g.enter()).exit_reason).toBe(KVM_EXIT_SHUTDOWN);
		}));
		test("a fault by a fault", () => serve(function* (g) {
			/* #GP while #NP is injected: no longer of one instruction, but of two */
			expect(g.cap(KVM_CAP_EXCEPTION_PAYLOAD, 1n)).toBe(0);
			const e = g.events();
			e.exception.injected = 1;
			e.exception.nr = 8;
			e.exception.has_error_code = 1;
			expect(g.vcpu_op(KVM_SET_VCPU_EVENTS, e.bytes)).toBe(0);
			expect(yield* g.done(yield* g.enter())).toBe(FAULT + 8n);
			const s = g.sregs();
			s.idt.limit = 0;
			expect(g.vcpu_op(KVM_SET_SREGS, s.bytes)).toBe(0);
			expect((yield* g.issue(OP.ud2)).exit_reason).toBe(KVM_EXIT_SHUTDOWN);
		}));
		test("an SMI is lost", () => serve(function* (g) {
			yield* g.call(OP.load, DATA + 0xfee00020);
			yield* g.call(OP.store16, DATA + 0xfee00300, 0x200);
			expect(yield* g.call(OP.cpuid, 0)).toBe(0xdn);
		}, true));
	});
}
