// SPDX-License-Identifier: GPL-2.0
/*
 * MMIO, capabilities, and what else is the VM's. Tests for either vendor.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { EBUSY, EEXIST, EINVAL, ENOTTY, ENXIO } from "#linux/errno.ts";
import { fault_attr_dirs } from "#linux/fault-inject.ts";
import { current } from "#linux/sched_types.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import {
	KVM_CAP_DISABLE_QUIRKS, KVM_CAP_DISABLE_QUIRKS2, KVM_CAP_ENFORCE_PV_FEATURE_CPUID,
	KVM_CAP_EXIT_HYPERCALL, KVM_CAP_EXIT_ON_EMULATION_FAILURE, KVM_CAP_MAX_VCPU_ID,
	KVM_CAP_MSR_PLATFORM_INFO, KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES,
	KVM_CAP_X2APIC_API, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_CAP_X86_DISABLE_EXITS,
	KVM_CAP_X86_NOTIFY_VMEXIT, KVM_CREATE_IRQCHIP, KVM_CREATE_VCPU, KVM_CREATE_VM,
	KVM_EXIT_HYPERCALL, KVM_EXIT_MMIO, KVM_GET_LAPIC, KVM_GET_MP_STATE, KVM_GET_NR_MMU_PAGES,
	KVM_INTERRUPT, KVM_MEMORY_ENCRYPT_OP, KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MP_STATE_HALTED,
	KVM_MP_STATE_RUNNABLE, KVM_SET_BOOT_CPU_ID, KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_LAPIC,
	KVM_SET_MP_STATE, KVM_SET_NR_MMU_PAGES, KVM_SET_TSS_ADDR, KVM_TPR_ACCESS_REPORTING,
	struct_kvm_interrupt, struct_kvm_mp_state, struct_kvm_run, struct_kvm_tpr_access_ctl,
} from "#uapi/linux/kvm.ts";
import { struct_kvm_lapic_state } from "#uapi-asm/kvm.ts";
import { poke } from "#tools/include/nolibc/arch.ts";
import { close, ioctl, open } from "#tools/include/nolibc/sys.ts";
import { in_task, state } from "./vcpu.ts";
import { DATA, GP, MEM, OP, bytes8, serve } from "./x86_env.ts";

const REFUSED: readonly [number, bigint][] = [
	[KVM_CAP_DISABLE_QUIRKS2, 1n << 40n], [KVM_CAP_SPLIT_IRQCHIP, 5000n],
	[KVM_CAP_X2APIC_API, 8n], [KVM_CAP_X86_DISABLE_EXITS, 1n << 30n],
	[KVM_CAP_X86_BUS_LOCK_EXIT, 3n], [KVM_CAP_EXIT_HYPERCALL, 1n],
	[KVM_CAP_EXIT_ON_EMULATION_FAILURE, 2n], [KVM_CAP_MAX_VCPU_ID, 1n << 20n],
	[KVM_CAP_X86_NOTIFY_VMEXIT, 4n], [KVM_CAP_X86_NOTIFY_VMEXIT, 1n],
	[KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 1n], [4711, 0n],
];
const GRANTED: readonly [number, bigint][] = [
	[KVM_CAP_DISABLE_QUIRKS, 2n], [KVM_CAP_DISABLE_QUIRKS2, 0n], [KVM_CAP_X2APIC_API, 3n],
	[KVM_CAP_X86_DISABLE_EXITS, 6n], [KVM_CAP_MSR_PLATFORM_INFO, 0n],
	[KVM_CAP_X86_BUS_LOCK_EXIT, 1n], [KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1n],
];

export function vm_tests(vendor: "intel" | "amd"): void {
	const intel = vendor === "intel";

	describe("memory", () => {
		test("MMIO over two pages, and by a locked instruction", () => serve(function* (g) {
			const at = DATA + MEM + 4096 - 4;
			let r = yield* g.issue(OP.store, at, 0x1122334455667788n);
			const first = r.mmio;
			expect([r.exit_reason, first.phys_addr, first.len, first.is_write]).toEqual(
				[KVM_EXIT_MMIO, BigInt(MEM + 4092), 4, 1]);
			r = yield* g.enter();
			const second = r.mmio;
			expect([r.exit_reason, second.phys_addr, second.len]).toEqual(
				[KVM_EXIT_MMIO, BigInt(MEM + 4096), 4]);
			expect([...second.data.slice(0, 4)]).toEqual([0x44, 0x33, 0x22, 0x11]);
			yield* g.done(yield* g.enter());

			r = yield* g.issue(OP.load, at);
			const data = r.mmio.data.byteOffset;
			expect([r.mmio.len, r.mmio.is_write]).toEqual([4, 0]);
			g.answer(r, data, Uint8Array.of(1, 2, 3, 4));
			r = yield* g.enter();
			g.answer(r, r.mmio.data.byteOffset, Uint8Array.of(5, 6, 7, 8));
			expect(yield* g.done(yield* g.enter())).toBe(0x0807060504030201n);

			r = yield* g.issue(OP.cmpxchg, DATA + MEM, 7n);
			expect([r.exit_reason, r.mmio.is_write]).toEqual([KVM_EXIT_MMIO, 0]);
			g.answer(r, r.mmio.data.byteOffset, new Uint8Array(8));
			r = yield* g.enter();
			expect([r.exit_reason, r.mmio.is_write, r.mmio.data[0]]).toEqual(
				[KVM_EXIT_MMIO, 1, 7]);
			expect(yield* g.done(yield* g.enter())).toBe(0n);
		}));
		test("WBINVD", () => serve(function* (g) {
			yield* g.call(OP.wbinvd);
		}));
		test("slots of KVM's own", () => serve(function* (g) {
			expect(g.vm_op(KVM_SET_TSS_ADDR, 0xfffbd000)).toBe(0);
			expect(ioctl(g.vm, KVM_SET_TSS_ADDR, 0xffffe000)).toBe(-1);
			const addr = bytes8(0xfffbc000n);
			expect(g.vm_op(KVM_SET_IDENTITY_MAP_ADDR, addr)).toBe(EINVAL);
			const vm = ioctl(g.kvm, KVM_CREATE_VM, 0);
			expect(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, addr)).toBe(0);
			expect(ioctl(vm, KVM_SET_BOOT_CPU_ID, 1)).toBe(0);
			close(vm);
			expect(g.vm_op(KVM_SET_BOOT_CPU_ID, 1)).toBe(EBUSY);
			expect(g.vm_op(KVM_SET_NR_MMU_PAGES, 10)).toBe(EINVAL);
			expect(g.vm_op(KVM_SET_NR_MMU_PAGES, 1000)).toBe(0);
			expect(ioctl(g.vm, KVM_GET_NR_MMU_PAGES, 0)).toBe(1000);
			yield* g.call(OP.ud2);
		}));
	});

	describe("capabilities", () => {
		test("of a VM", () => serve(function* (g) {
			for (const [cap, arg] of REFUSED)
				expect([cap, g.cap(cap, arg)]).toEqual([cap, EINVAL]);
			expect(g.cap(KVM_CAP_MSR_PLATFORM_INFO, 0n, 1)).toBe(EINVAL);
			expect(g.cap(KVM_CAP_SPLIT_IRQCHIP, 24n)).toBe(EEXIST);
			for (const [cap, arg] of GRANTED)
				expect([cap, g.cap(cap, arg)]).toEqual([cap, 0]);
			expect(yield* g.call(OP.rdmsr, 0xce)).toBe(GP);
			expect(g.cap(KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1n, 0, g.vcpu)).toBe(0);
			expect(yield* g.call(OP.wrmsr, 0x4b564d05, 1n)).toBe(0n);
			expect(g.cap(4711, 0n, 0, g.vcpu)).toBe(EINVAL);
		}));
		test("a hypercall for user space", () => serve(function* (g) {
			expect(g.cap(KVM_CAP_EXIT_HYPERCALL, 1n << 12n)).toBe(0);
			expect(BigInt.asIntN(64, yield* g.call(OP.vmcall, 12, 0x1001n))).toBe(-22n);
			const r = yield* g.issue(OP.vmcall, 12, 0x10000n);
			expect([r.exit_reason, r.hypercall.nr, r.hypercall.args[0],
				r.hypercall.args[1], r.hypercall.args[2], r.hypercall.longmode])
				.toEqual([KVM_EXIT_HYPERCALL, 12n, 0x10000n, 1n, 5n, 1]);
			const v = struct_kvm_run.of(r.bytes);
			v.hypercall.ret = 99n;
			poke(g.run, v.bytes);
			expect(yield* g.done(yield* g.enter())).toBe(99n);
			expect(yield* g.call(OP.vmcall, 1)).toBe(0n);
		}));
		test("without an in-kernel APIC, and with one", () => {
			const lapic = struct_kvm_lapic_state.alloc();
			const mp = struct_kvm_mp_state.alloc();
			serve(function* (g) {
				expect(g.vcpu_op(KVM_GET_LAPIC, lapic.bytes)).toBe(EINVAL);
				mp.mp_state = KVM_MP_STATE_HALTED;
				expect(g.vcpu_op(KVM_SET_MP_STATE, mp.bytes)).toBe(EINVAL);
				expect(g.vm_op(KVM_CREATE_IRQCHIP, 0)).toBe(EINVAL);
				const tac = struct_kvm_tpr_access_ctl.alloc();
				expect(g.vcpu_op(KVM_TPR_ACCESS_REPORTING, tac.bytes)).toBe(0);
				tac.flags = 1;
				expect(g.vcpu_op(KVM_TPR_ACCESS_REPORTING, tac.bytes)).toBe(EINVAL);
				yield* g.call(OP.ud2);
			});
			serve(function* (g) {
				expect(g.vcpu_op(KVM_GET_LAPIC, lapic.bytes)).toBe(0);
				expect(g.vcpu_op(KVM_SET_LAPIC, lapic.bytes)).toBe(0);
				expect(g.vcpu_op(KVM_GET_MP_STATE, mp.bytes)).toBe(0);
				expect(mp.mp_state).toBe(KVM_MP_STATE_RUNNABLE);
				expect(g.vm_op(KVM_CREATE_IRQCHIP, 0)).toBe(EEXIST);
				const irq = struct_kvm_interrupt.alloc();
				irq.irq = 256;
				expect(g.vcpu_op(KVM_INTERRUPT, irq.bytes)).toBe(EINVAL);
				irq.irq = 40;
				expect(g.vcpu_op(KVM_INTERRUPT, irq.bytes)).toBe(ENXIO);
				yield* g.call(OP.ud2);
			}, true);
		});
		test("ioctls of one vendor's, or of none", () => serve(function* (g) {
			expect(g.vm_op(KVM_MEMORY_ENCRYPT_REG_REGION, new Uint8Array(16)))
				.toBe(ENOTTY);
			if (intel)
				expect(g.vm_op(KVM_MEMORY_ENCRYPT_OP, 0)).toBe(ENOTTY);
			expect(g.vm_op(0xae99, 0)).toBe(ENOTTY);
			expect(g.vcpu_op(0xae99, 0)).toBe(EINVAL);
			expect(ioctl(g.kvm, 0xae99, 0)).toBe(-1);
			yield* g.call(OP.ud2);
		}));
	});

	test("a vCPU for which memory is short leaves nothing behind", () => {
		let tries = 0;

		/* also those that may reclaim, and without telling each time */
		const off = ["ignore-gfp-wait", "ignore-gfp-highmem", "min-order", "verbose"];
		for (const dir of fault_attr_dirs)
			for (const file of dir.files.filter((f) => off.includes(f.name)))
				file.set(0);

		const create = (nth: number): boolean => {
			let fired = false;
			in_task(function* () {
				const kvm = open("/dev/kvm", O_RDWR);
				const vm = ioctl(kvm, KVM_CREATE_VM, 0);
				ioctl(vm, KVM_CREATE_IRQCHIP, 0);
				current.fail_nth = nth;
				const vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
				fired = nth > 0 && current.fail_nth === 0;
				current.fail_nth = 0;
				if (vcpu >= 0)
					close(vcpu);
				close(vm);
				close(kvm);
				yield;
			});
			return fired;
		};
		create(0);
		const before = state();
		while (create(++tries) && tries < 200)
			expect([tries, state()]).toEqual([tries, before]);
		expect(tries).toBeGreaterThan(8);
	});
}
