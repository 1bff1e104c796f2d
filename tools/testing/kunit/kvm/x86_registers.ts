// SPDX-License-Identifier: GPL-2.0
/*
 * Registers but MSRs, by the guest and by ioctls. Tests for either vendor.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { EBUSY, EINTR, EINVAL } from "#linux/errno.ts";
import {
	KVM_GET_DEBUGREGS, KVM_GET_FPU, KVM_GET_SREGS2, KVM_GET_XCRS, KVM_GET_XSAVE,
	KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_INJECT_BP, KVM_GUESTDBG_USE_HW_BP, KVM_RUN,
	KVM_SET_DEBUGREGS, KVM_SET_FPU, KVM_SET_GUEST_DEBUG, KVM_SET_SREGS2, KVM_SET_XCRS,
	KVM_SET_XSAVE, KVM_TRANSLATE, struct_kvm_guest_debug, struct_kvm_run,
	struct_kvm_translation,
} from "#uapi/linux/kvm.ts";
import {
	struct_kvm_debugregs, struct_kvm_fpu, struct_kvm_sregs2, struct_kvm_xcrs, struct_kvm_xsave,
} from "#uapi-asm/kvm.ts";
import { errno, peek, poke } from "#tools/include/nolibc/arch.ts";
import { ioctl_wait } from "#tools/include/nolibc/sys.ts";
import { DATA, FAULT, FREE, GP, OP, U64, bytes8, serve } from "./x86_env.ts";

export function register_tests(): void {
	describe("registers", () => {
		test("control registers", () => serve(function* (g) {
			const cr0 = yield* g.call(OP.read_cr, 0), gp = GP;
			const cr3 = yield* g.call(OP.read_cr, 3);
			const cr4 = yield* g.call(OP.read_cr, 4);
			for (const [n, value, r] of [
				[0, cr0 | 1n << 40n, gp], [0, cr0 & ~(1n << 31n), gp],
				[0, cr0 | 1n << 29n, gp], [0, cr0 | 3n << 29n, 0n], [0, cr0, 0n],
				[3, cr3 | 1n << 50n, gp], [3, cr3, 0n], [4, cr4 & ~0x20n, gp],
				[4, cr4 | 1n << 40n, gp], [4, cr4 | 0x20000n, 0n],
				[3, cr3 | 1n << 63n | 5n, 0n], [3, cr3 | 5n, 0n], [3, cr3, 0n],
				[4, cr4, 0n], [4, cr4 | 0x80n, 0n], [4, cr4 | 0x1000n, gp],
				[8, 5n, 0n], [8, 0x15n, gp],
			] as [number, bigint, bigint][])
				expect([n, value, yield* g.call(OP.write_cr, n, value)])
					.toEqual([n, value, r]);
			expect(yield* g.call(OP.read_cr, 8)).toBe(5n);
			expect(g.sregs().cr8).toBe(5n);
			yield* g.call(OP.invlpg, DATA);
		}));
		test("debug registers, and a breakpoint of the guest's", () => serve(function* (g) {
			const d = struct_kvm_debugregs.alloc();
			expect(g.vcpu_op(KVM_GET_DEBUGREGS, d.bytes)).toBe(0);
			expect([d.dr6, d.dr7]).toEqual([0xffff0ff0n, 0x400n]);
			yield* g.call(OP.write_dr, 0, 0x1234n);
			yield* g.call(OP.write_dr, 3, 0x5678n);
			expect(yield* g.call(OP.write_dr, 6, 1n << 40n)).toBe(GP);
			expect(yield* g.call(OP.write_dr, 7, 1n << 40n)).toBe(GP);
			yield* g.call(OP.write_dr, 6, 0xffff4ff0n);
			yield* g.call(OP.write_dr, 7, 0x400n);
			expect(yield* g.call(OP.read_dr, 0)).toBe(0x1234n);
			expect(yield* g.call(OP.read_dr, 6)).toBe(0xffff4ff0n);
			expect(yield* g.call(OP.read_dr, 7)).toBe(0x400n);
			expect(g.vcpu_op(KVM_GET_DEBUGREGS, d.bytes)).toBe(0);
			expect([d.db[0], d.db[3], d.dr6]).toEqual([0x1234n, 0x5678n, 0xffff4ff0n]);
			d.dr6 = 0xffff0ff0n;
			expect(g.vcpu_op(KVM_SET_DEBUGREGS, d.bytes)).toBe(0);
			d.flags = 1n;
			expect(g.vcpu_op(KVM_SET_DEBUGREGS, d.bytes)).toBe(EINVAL);
			d.flags = 0n;
			d.dr6 = d.dr7 = 1n << 32n;
			expect(g.vcpu_op(KVM_SET_DEBUGREGS, d.bytes)).toBe(EINVAL);
		}));
		test("user space's debugging", () => serve(function* (g) {
			const dbg = struct_kvm_guest_debug.alloc();
			dbg.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
			dbg.arch.debugreg[0] = 0x1000n;
			dbg.arch.debugreg[7] = 0x402n;
			expect(g.vcpu_op(KVM_SET_GUEST_DEBUG, dbg.bytes)).toBe(0);
			yield* g.call(OP.write_dr, 0, 0x77n);
			expect(yield* g.call(OP.read_dr, 0)).toBe(0x77n);
			dbg.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP;
			expect(g.vcpu_op(KVM_SET_GUEST_DEBUG, dbg.bytes)).toBe(0);
			expect(g.vcpu_op(KVM_SET_GUEST_DEBUG, dbg.bytes)).toBe(EBUSY);
			expect(yield* g.done(yield* g.enter())).toBe(FAULT + 3n);
			dbg.control = 0;
			expect(g.vcpu_op(KVM_SET_GUEST_DEBUG, dbg.bytes)).toBe(0);
		}));
		test("FPU, XSAVE area, XCR0", () => serve(function* (g) {
			const fpu = struct_kvm_fpu.alloc(), xsave = struct_kvm_xsave.alloc();
			expect(g.vcpu_op(KVM_GET_FPU, fpu.bytes)).toBe(0);
			expect(fpu.fcw).toBe(0x37f);
			fpu.xmm.bytes.fill(0x5a);
			fpu.last_ip = 0x123456789an;
			expect(g.vcpu_op(KVM_SET_FPU, fpu.bytes)).toBe(0);
			expect(g.vcpu_op(KVM_GET_XSAVE, xsave.bytes)).toBe(0);
			expect(xsave.bytes[160]).toBe(0x5a);
			xsave.bytes[160] = 0x5b;
			expect(g.vcpu_op(KVM_SET_XSAVE, xsave.bytes)).toBe(0);
			expect(g.vcpu_op(KVM_GET_FPU, fpu.bytes)).toBe(0);
			expect([fpu.xmm.bytes[0], fpu.xmm.bytes[1], fpu.last_ip]).toEqual(
				[0x5b, 0x5a, 0x123456789an]);
			/* the modelled CPUs have no XSAVE */
			const xcrs = struct_kvm_xcrs.alloc();
			expect(g.vcpu_op(KVM_GET_XCRS, xcrs.bytes)).toBe(0);
			expect(xcrs.nr_xcrs).toBe(0);
			expect(g.vcpu_op(KVM_SET_XCRS, xcrs.bytes)).toBe(EINVAL);
			yield* g.call(OP.ud2);
		}));
		test("KVM_SET_SREGS2, with PDPTRs", () => serve(function* (g) {
			const s = struct_kvm_sregs2.alloc();
			expect(g.vcpu_op(KVM_GET_SREGS2, s.bytes)).toBe(0);
			expect(s.flags).toBe(0n);
			expect(g.vcpu_op(KVM_SET_SREGS2, s.bytes)).toBe(0);
			s.flags = 2n;
			expect(g.vcpu_op(KVM_SET_SREGS2, s.bytes)).toBe(EINVAL);
			s.flags = 1n;
			expect(g.vcpu_op(KVM_SET_SREGS2, s.bytes)).toBe(EINVAL);
			/* out of long mode, with PAE */
			const pae = struct_kvm_sregs2.of(s.bytes.slice());
			pae.efer = 0x800n;
			pae.cs.l = 0;
			pae.cs.db = 1;
			pae.pdptrs[2] = 0x4001n;
			expect(g.vcpu_op(KVM_SET_SREGS2, pae.bytes)).toBe(0);
			const now = struct_kvm_sregs2.alloc();
			expect(g.vcpu_op(KVM_GET_SREGS2, now.bytes)).toBe(0);
			expect([now.flags, now.pdptrs[2], now.efer]).toEqual([1n, 0x4001n, 0x800n]);
			/* from memory: the guest's PML4 makes as good a table as any */
			pae.flags = 0n;
			g.put(FREE, 0x5001n);
			pae.cr3 = BigInt(FREE);
			expect(g.vcpu_op(KVM_SET_SREGS2, pae.bytes)).toBe(0);
			expect(g.vcpu_op(KVM_GET_SREGS2, now.bytes)).toBe(0);
			expect(now.pdptrs[0]).toBe(0x5001n);
			s.flags = 0n;
			expect(g.vcpu_op(KVM_SET_SREGS2, s.bytes)).toBe(0);
			expect(yield* g.call(OP.cpuid, 0)).toBe(0xdn);
			/* not in long mode, but the segment is */
			s.efer = 0n;
			expect(g.vcpu_op(KVM_SET_SREGS2, s.bytes)).toBe(EINVAL);
		}));
		test("KVM_TRANSLATE", () => serve(function* (g) {
			const tr = struct_kvm_translation.alloc();
			tr.linear_address = BigInt(DATA + FREE + 0x123);
			expect(g.vcpu_op(KVM_TRANSLATE, tr.bytes)).toBe(0);
			expect([tr.valid, tr.physical_address]).toEqual([1, BigInt(FREE + 0x123)]);
			tr.linear_address = 0xffff800000000000n;
			expect(g.vcpu_op(KVM_TRANSLATE, tr.bytes)).toBe(0);
			expect([tr.valid, tr.physical_address]).toEqual([0, U64]);
			yield* g.call(OP.ud2);
		}));
		test("kvm_run that makes no sense", () => serve(function* (g) {
			const at = struct_kvm_run.offsets;
			const refused = function* (offset: number, e: number):
				Generator<void, void, void> {
				const was = peek(g.run + offset, 8).slice();
				poke(g.run + offset, bytes8(0x8000000000000000n));
				expect(yield* ioctl_wait(g.vcpu, KVM_RUN)).toBe(-1);
				expect(errno()).toBe(e);
				poke(g.run + offset, was);
			};
			yield* refused(at.kvm_valid_regs, EINVAL);
			yield* refused(at.kvm_dirty_regs, EINVAL);
			yield* refused(at.cr8, EINVAL);
			poke(g.run + at.immediate_exit, Uint8Array.of(1));
			expect(yield* ioctl_wait(g.vcpu, KVM_RUN)).toBe(-1);
			expect(errno()).toBe(EINTR);
			poke(g.run + at.immediate_exit, Uint8Array.of(0));
			expect(yield* g.call(OP.cpuid, 0)).toBe(0xdn);
		}));
	});
}
