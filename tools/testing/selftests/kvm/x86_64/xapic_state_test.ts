// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest writes to the interrupt command register is what KVM_GET_LAPIC gives, in both modes.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/xapic_state_test.c. IPIs go to every fifth vCPU that
 * does not exist, upstream's to all.
 */
import { cli } from "#hw/isa_guest.ts";
import { KVM_GET_LAPIC, KVM_SET_LAPIC } from "#uapi/linux/kvm.ts";
import { struct_kvm_lapic_state } from "#uapi-asm/kvm.ts";
import {
	get_ucall, GUEST_SYNC, type guest_program, kvm_vm_free, type struct_kvm_vcpu, struct_ucall,
	UCALL_SYNC, vcpu_ioctl, vcpu_run, virt_pg_map, vm_create_with_one_vcpu, type wait,
} from "../include/kvm_util.ts";
import {
	APIC_DEFAULT_GPA, APIC_DEST_ALLBUT, APIC_DEST_SELF, APIC_DM_FIXED, APIC_DM_FIXED_MASK,
	APIC_ICR, APIC_ICR2, APIC_ICR_BUSY, APIC_INT_ASSERT, APIC_IRR, x2apic_enable,
	x2apic_read_reg, x2apic_write_reg, xapic_enable, xapic_read_reg, xapic_write_reg,
} from "../include/x86_64/apic.ts";
import { vcpu_clear_cpuid_feature, X86_FEATURE_X2APIC } from "../include/x86_64/processor.ts";
import { ASSERT_EQ } from "../include/test_util.ts";

interface xapic_vcpu {
	vcpu: struct_kvm_vcpu;
	is_x2apic: boolean;
}

function* xapic_guest_code(): guest_program {
	yield* cli();

	yield* xapic_enable();

	for (;;) {
		const lo = yield* xapic_read_reg(APIC_IRR);
		const hi = yield* xapic_read_reg(APIC_IRR + 0x10);

		yield* xapic_write_reg(APIC_ICR2, hi);
		yield* xapic_write_reg(APIC_ICR, lo);
		yield* GUEST_SYNC(BigInt(lo) | BigInt(hi) << 32n);
	}
}

function* x2apic_guest_code(): guest_program {
	yield* cli();

	yield* x2apic_enable();

	for (;;) {
		const lo = yield* x2apic_read_reg(APIC_IRR);
		const val = lo | (yield* x2apic_read_reg(APIC_IRR + 0x10)) << 32n;

		yield* x2apic_write_reg(APIC_ICR, val);
		yield* GUEST_SYNC(val);
	}
}

function* ____test_icr(x: xapic_vcpu, val: bigint): wait {
	const vcpu = x.vcpu;
	const xapic = struct_kvm_lapic_state.alloc();
	const regs = new DataView(xapic.bytes.buffer, xapic.bytes.byteOffset);
	const uc = new struct_ucall();

	/* IRR tells the guest what to write: all its bits are valid, and KVM leaves them alone */
	vcpu_ioctl(vcpu, KVM_GET_LAPIC, xapic);
	regs.setUint32(APIC_IRR, Number(val & 0xffffffffn), true);
	regs.setUint32(APIC_IRR + 0x10, Number(val >> 32n), true);
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, xapic);

	yield* vcpu_run(vcpu);
	ASSERT_EQ(yield* get_ucall(vcpu, uc), UCALL_SYNC, "get_ucall(vcpu, &uc), UCALL_SYNC");
	ASSERT_EQ(uc.args[1]!, val, "uc.args[1], val");

	vcpu_ioctl(vcpu, KVM_GET_LAPIC, xapic);
	const icr = BigInt(regs.getUint32(APIC_ICR, true)) |
		BigInt(regs.getUint32(APIC_ICR2, true)) << 32n;
	const busy = BigInt(APIC_ICR_BUSY);
	if (!x.is_x2apic) {
		val &= 0xffffffffn | 0xffn << 56n;
		ASSERT_EQ(icr, val & ~busy, "icr, val & ~APIC_ICR_BUSY");
	} else {
		ASSERT_EQ(icr & ~busy, val & ~busy, "icr & ~APIC_ICR_BUSY, val & ~APIC_ICR_BUSY");
	}
}

/* bits 31 to 20, 17 to 16, 13 */
const X2APIC_RSVED_BITS_MASK = 0xfff00000n | 0x30000n | 0x2000n;

function* __test_icr(x: xapic_vcpu, val: bigint): wait {
	/* hardware that virtualises the register would raise #GP */
	if (x.is_x2apic)
		val &= ~X2APIC_RSVED_BITS_MASK;
	yield* ____test_icr(x, val | BigInt(APIC_ICR_BUSY));
	yield* ____test_icr(x, val & ~BigInt(APIC_ICR_BUSY));
}

function* test_icr(x: xapic_vcpu): wait {
	const vcpu = x.vcpu;
	let icr: number;

	icr = APIC_DEST_SELF | APIC_INT_ASSERT | APIC_DM_FIXED;
	for (let i = 0; i <= 0xff; i++)
		yield* __test_icr(x, BigInt(icr | i));

	icr = APIC_INT_ASSERT | APIC_DM_FIXED;
	for (let i = 0; i <= 0xff; i++)
		yield* __test_icr(x, BigInt(icr | i));

	/* all kinds of IPIs, to vCPUs that do not exist */
	icr = APIC_INT_ASSERT | 0xff;
	for (let i = vcpu.id + 1; i < 0xff; i += 5) {
		for (let j = 0; j < 8; j++)
			yield* __test_icr(x, BigInt(i) << 56n | BigInt(icr | j << 8));
	}

	/* and by shorthand */
	icr = APIC_DEST_ALLBUT | APIC_INT_ASSERT;
	for (let i = 0; i < 8; i++)
		yield* __test_icr(x, BigInt(icr | i << 8));

	/* garbage, but interrupts only, as these are blocked */
	const mode = BigInt(APIC_DM_FIXED_MASK);
	yield* __test_icr(x, 0xa5a5a5a5a5a5a5a5n & ~mode);
	yield* __test_icr(x, 0x5a5a5a5a5a5a5a5an & ~mode);
	yield* __test_icr(x, 0xffffffffffffffffn & ~mode);
}

export function* main(): wait<number> {
	const x2 = vm_create_with_one_vcpu(x2apic_guest_code);
	yield* test_icr({ vcpu: x2.vcpu, is_x2apic: true });
	kvm_vm_free(x2.vm);

	/* a VM of its own: CPUID must not change after KVM_RUN */
	const { vm, vcpu } = vm_create_with_one_vcpu(xapic_guest_code);
	vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_X2APIC);

	virt_pg_map(vm, APIC_DEFAULT_GPA, APIC_DEFAULT_GPA);
	yield* test_icr({ vcpu, is_x2apic: false });
	kvm_vm_free(vm);
	return 0;
}
