// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs, as user space and as the guest sees them. Tests for either vendor.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { E2BIG, EFAULT, EINVAL, ENXIO } from "#linux/errno.ts";
import {
	KVM_CAP_X86_USER_SPACE_MSR, KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR, KVM_GET_DEVICE_ATTR,
	KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_MSR_INDEX_LIST, KVM_GET_MSRS, KVM_GET_TSC_KHZ,
	KVM_HAS_DEVICE_ATTR, KVM_MSR_EXIT_REASON_FILTER, KVM_MSR_EXIT_REASON_INVAL,
	KVM_MSR_EXIT_REASON_UNKNOWN, KVM_MSR_FILTER_DEFAULT_ALLOW, KVM_MSR_FILTER_DEFAULT_DENY,
	KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE, KVM_SET_DEVICE_ATTR, KVM_SET_MSRS,
	KVM_SET_TSC_KHZ, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, KVM_X86_SET_MSR_FILTER,
	struct_kvm_device_attr, struct_kvm_run,
} from "#uapi/linux/kvm.ts";
import {
	struct_kvm_msr_entry, struct_kvm_msr_filter, struct_kvm_msr_list, struct_kvm_msrs,
} from "#uapi-asm/kvm.ts";
import { errno, poke } from "#tools/include/nolibc/arch.ts";
import { ioctl } from "#tools/include/nolibc/sys.ts";
import { FREE, GP, OP, U64, bytes8, serve } from "./x86_env.ts";

const READ: readonly [number, bigint][] = [
	[0x17, 0n], [0xcd, 3n], [0x2c, 1n << 24n], [0x198, 1000n | 4n << 40n],
	[0x11e, 0xbe702111n], [0xc001001b, 0x20000000n], [0xfe, 0x508n], [0x606, 0n], [0xc1, 0n],
	[0xc0010000, 0n], [0xc0000080, 0xd00n],
];
/* what is written, and what is read then; or a fault */
const WRITTEN: readonly [number, bigint, bigint][] = [
	[0x17a, 4n, 4n], [0x400, U64, U64], [0x400, 1n, GP], [0x401, 1n, GP], [0x401, 0n, 0n],
	[0x280, 0n, GP], [0x1a0, 0x1801n, 0x1801n], [0x1a0, 0n, GP], [0xc0010015, 0x40n, 0n],
	[0xc0010015, 0x80n, GP], [0xc0010058, 1n, GP], [0x9e, 0n, GP], [0x9b, 0n, GP],
	[0x34, 1n, GP], [0x140, 2n, GP], [0xce, 0n, GP], [0x10a, 0n, GP],
	[0xc0000080, 0x501n, 0x501n], [0xc0000080, 0xd00n, 0xd00n], [0xc0000080, 2n ** 40n, GP],
	[0x1b, 0xfee00400n, GP], [0x6e0, 0n, 0n], [0x1fc, 5n, 5n], [0xc1, 7n, 0n],
	[0xc0010000, 0n, 0n], [0xc001001b, 1n, 0x20000000n], [0x11e, 1n, 0xbe702111n],
	[0x250, 0x0606060606060606n, 0x0606060606060606n], [0x250, 2n, GP],
	[0x2ff, 0xc06n, 0xc06n], [0xc0000082, 1n << 50n, GP], [0x4b564d05, 2n, GP],
	[0x12345, 0n, GP],
];

/* capabilities of a VM with a vCPU, and arguments */

export function msr_tests(vendor: "intel" | "amd"): void {
	const intel = vendor === "intel";

	describe("MSRs", () => {
		const list = (kvm: number, op: number): number[] => {
			const l = struct_kvm_msr_list.alloc(4 * 512);
			expect(ioctl(kvm, op, l.bytes)).toBe(-1);
			expect(errno()).toBe(E2BIG);
			expect(ioctl(kvm, op, l.bytes)).toBe(0);
			return Array.from({ length: l.nmsrs }, (_, i) => l.indices[i]!);
		};
		test("each that user space is to save can be restored", () => serve(function* (g) {
			const saved = list(g.kvm, KVM_GET_MSR_INDEX_LIST);
			expect(saved.length).toBeGreaterThan(20);
			const msrs = struct_kvm_msrs.alloc(
				saved.length * struct_kvm_msr_entry.size);
			msrs.nmsrs = saved.length;
			saved.forEach((index, i) => msrs.entries[i]!.index = index);
			expect(ioctl(g.vcpu, KVM_GET_MSRS, msrs.bytes)).toBe(saved.length);
			expect(ioctl(g.vcpu, KVM_SET_MSRS, msrs.bytes)).toBe(saved.length);
			expect(yield* g.call(OP.rdmsr, 0x174)).toBe(0n);
		}));
		test("features, of no vCPU", () => serve(function* (g) {
			const features = list(g.kvm, KVM_GET_MSR_FEATURE_INDEX_LIST);
			for (const index of features) {
				const m = struct_kvm_msrs.alloc(struct_kvm_msr_entry.size);
				m.nmsrs = 1;
				m.entries[0]!.index = index;
				expect(ioctl(g.kvm, KVM_GET_MSRS, m.bytes)).toBe(1);
			}
			const m = struct_kvm_msrs.alloc(struct_kvm_msr_entry.size);
			m.nmsrs = 1;
			m.entries[0]!.index = 0x12345;
			expect(ioctl(g.kvm, KVM_GET_MSRS, m.bytes)).toBe(0);
			yield* g.call(OP.ud2);
		}));
		test("the guest's reads and writes", () => serve(function* (g) {
			for (const [index, value] of READ) {
				const r = yield* g.call(OP.rdmsr, index);
				expect([index, r]).toEqual([index, value]);
			}
			yield* g.call(OP.wrmsr, 0x8b, 1n);
			expect(yield* g.call(OP.rdmsr, 0x8b))
				.toBe(intel ? 0x100000000n : 0x1000065n);
			for (const [index, value, after] of WRITTEN) {
				let r = yield* g.call(OP.wrmsr, index, value);
				if (r === 0n && after !== GP)
					r = yield* g.call(OP.rdmsr, index);
				expect([index.toString(16), value, r])
					.toEqual([index.toString(16), value, after]);
			}
		}));
		test("the time-stamp counter", () => serve(function* (g) {
			const offset = struct_kvm_device_attr.alloc();
			const attr = (op: number, value: bigint): bigint => {
				poke(g.mem + FREE, bytes8(value));
				offset.group = KVM_VCPU_TSC_CTRL;
				offset.attr = BigInt(KVM_VCPU_TSC_OFFSET);
				offset.addr = BigInt(g.mem + FREE);
				expect(g.vcpu_op(op, offset.bytes)).toBe(0);
				return g.get(FREE);
			};
			attr(KVM_HAS_DEVICE_ATTR, 0n);
			const before = yield* g.call(OP.rdtsc);
			const was = attr(KVM_GET_DEVICE_ATTR, 0n);
			attr(KVM_SET_DEVICE_ATTR, BigInt.asUintN(64, was + (1n << 50n)));
			const after = yield* g.call(OP.rdtsc);
			expect(after - before > 1n << 50n).toBe(true);
			expect(after - before < 1n << 51n).toBe(true);
			/* written by the guest, it shows in the adjustment */
			const adjust = yield* g.call(OP.rdmsr, 0x3b);
			yield* g.call(OP.wrmsr, 0x10, 1n << 40n);
			expect((yield* g.call(OP.rdmsr, 0x10)) >> 40n).toBe(1n);
			expect(yield* g.call(OP.rdmsr, 0x3b)).not.toBe(adjust);
			yield* g.call(OP.wrmsr, 0x3b, 0n);
			expect((yield* g.call(OP.rdtsc)) > 1n << 49n).toBe(true);
			/* user space's write, if close to what it shows, leaves it alone */
			const now = g.msr(0x10);
			g.msr(0x10, now);
			expect(g.msr(0x10) - now < 1n << 34n).toBe(true);
			const khz = ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0);
			expect(khz).toBeGreaterThan(1000000);
			expect(g.vcpu_op(KVM_SET_TSC_KHZ, khz)).toBe(0);
			expect(g.vcpu_op(KVM_SET_TSC_KHZ, 0)).toBe(0);
			expect(g.vm_op(KVM_SET_TSC_KHZ, khz)).toBe(0);
			expect(ioctl(g.vm, KVM_GET_TSC_KHZ, 0)).toBe(khz);
			offset.attr = 5n;
			expect(g.vcpu_op(KVM_GET_DEVICE_ATTR, offset.bytes)).toBe(ENXIO);
		}));
		test("user space serves what KVM does not know", () => serve(function* (g) {
			const all = BigInt(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |
				KVM_MSR_EXIT_REASON_FILTER);
			expect(g.cap(KVM_CAP_X86_USER_SPACE_MSR, 1n << 20n)).toBe(EINVAL);
			expect(g.cap(KVM_CAP_X86_USER_SPACE_MSR, all)).toBe(0);

			let r = yield* g.issue(OP.rdmsr, 0x12345);
			expect([r.exit_reason, r.msr.index, r.msr.reason, r.msr.error]).toEqual(
				[KVM_EXIT_X86_RDMSR, 0x12345, KVM_MSR_EXIT_REASON_UNKNOWN, 0]);
			const v = struct_kvm_run.of(r.bytes);
			v.msr.data = 0x1122334455667788n;
			poke(g.run, v.bytes);
			expect(yield* g.done(yield* g.enter())).toBe(0x1122334455667788n);

			r = yield* g.issue(OP.wrmsr, 0xc0000080, 2n ** 40n);
			expect([r.exit_reason, r.msr.index, r.msr.reason, r.msr.data]).toEqual(
				[KVM_EXIT_X86_WRMSR, 0xc0000080, KVM_MSR_EXIT_REASON_INVAL,
				 2n ** 40n]);
			expect(yield* g.done(yield* g.enter())).toBe(0n);
			r = yield* g.issue(OP.wrmsr, 0x12345, 1n);
			const w = struct_kvm_run.of(r.bytes);
			w.msr.error = 1;
			poke(g.run, w.bytes);
			expect(yield* g.done(yield* g.enter())).toBe(GP);
		}));
		test("filters", () => serve(function* (g) {
			const f = struct_kvm_msr_filter.alloc();
			poke(g.mem + FREE, new Uint8Array(8).fill(0xfe));
			f.ranges[0]!.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
			f.ranges[0]!.base = 0x174;
			f.ranges[0]!.nmsrs = 3;
			f.ranges[0]!.bitmap = BigInt(g.mem + FREE);
			f.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
			expect(g.vm_op(KVM_X86_SET_MSR_FILTER, f.bytes)).toBe(0);
			expect(yield* g.call(OP.rdmsr, 0x174)).toBe(GP);
			expect(yield* g.call(OP.rdmsr, 0x175)).toBe(0n);
			/* user space is not concerned */
			g.msr(0x174, 8n);
			g.cap(KVM_CAP_X86_USER_SPACE_MSR, BigInt(KVM_MSR_EXIT_REASON_FILTER));
			const r = yield* g.issue(OP.wrmsr, 0x174, 9n);
			expect([r.exit_reason, r.msr.reason]).toEqual(
				[KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_FILTER]);
			yield* g.enter();
			expect(g.msr(0x174)).toBe(8n);

			const bad = struct_kvm_msr_filter.alloc();
			bad.flags = KVM_MSR_FILTER_DEFAULT_DENY;
			expect(g.vm_op(KVM_X86_SET_MSR_FILTER, bad.bytes)).toBe(EINVAL);
			bad.ranges[0]!.nmsrs = 1;
			expect(g.vm_op(KVM_X86_SET_MSR_FILTER, bad.bytes)).toBe(EINVAL);
			bad.ranges[0]!.flags = KVM_MSR_FILTER_READ;
			bad.ranges[0]!.bitmap = 0x1000n;
			expect(g.vm_op(KVM_X86_SET_MSR_FILTER, bad.bytes)).toBe(EFAULT);
			/* none at all */
			expect(g.vm_op(KVM_X86_SET_MSR_FILTER, struct_kvm_msr_filter.alloc().bytes))
				.toBe(0);
			expect(yield* g.call(OP.rdmsr, 0x174)).toBe(8n);
		}));
	});
}
