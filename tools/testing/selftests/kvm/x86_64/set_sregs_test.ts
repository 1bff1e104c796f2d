// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_SREGS: which CR4 bits and APIC base values it takes.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/set_sregs_test.c.
 */
import { struct_kvm_sregs } from "#uapi-asm/kvm.ts";
import {
	__vm_vcpu_add, _vcpu_sregs_set, type guest_program, kvm_vm_free, type struct_kvm_vcpu,
	vcpu_sregs_get, vm_create_barebones, vm_create_with_one_vcpu, type wait,
} from "../include/kvm_util.ts";
import {
	kvm_cpu_has, X86_CR4_DE, X86_CR4_FSGSBASE, X86_CR4_LA57, X86_CR4_MCE, X86_CR4_OSFXSR,
	X86_CR4_OSXMMEXCPT, X86_CR4_OSXSAVE, X86_CR4_PAE, X86_CR4_PCE, X86_CR4_PCIDE, X86_CR4_PGE,
	X86_CR4_PKE, X86_CR4_PSE, X86_CR4_PVI, X86_CR4_SMAP, X86_CR4_SMEP, X86_CR4_SMXE,
	X86_CR4_TSD, X86_CR4_UMIP, X86_CR4_VME, X86_CR4_VMXE, X86_FEATURE_FSGSBASE,
	X86_FEATURE_LA57, X86_FEATURE_PCID, X86_FEATURE_PKU, X86_FEATURE_SMAP, X86_FEATURE_SMEP,
	X86_FEATURE_SMX, X86_FEATURE_UMIP, X86_FEATURE_VMX, X86_FEATURE_XSAVE,
} from "../include/x86_64/processor.ts";
import { TEST_ASSERT } from "../include/test_util.ts";

function test_cr4_feature_bit(vcpu: struct_kvm_vcpu, orig: struct_kvm_sregs,
	feature_bit: number): void {
	/* Skip the sub-test, the feature is supported. */
	if ((orig.cr4 & BigInt(feature_bit)) !== 0n)
		return;

	const sregs = struct_kvm_sregs.of(orig.bytes.slice());
	sregs.cr4 |= BigInt(feature_bit);

	const rc = _vcpu_sregs_set(vcpu, sregs);
	TEST_ASSERT(rc !== 0, "KVM allowed unsupported CR4 bit (0x%lx)", feature_bit);

	/* Sanity check that KVM didn't change anything. */
	vcpu_sregs_get(vcpu, sregs);
	TEST_ASSERT(sregs.bytes.every((b, i) => b === orig.bytes[i]), "KVM modified sregs");
}

function calc_supported_cr4_feature_bits(): bigint {
	let cr4 = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |
		X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |
		X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	if (kvm_cpu_has(X86_FEATURE_UMIP))
		cr4 |= X86_CR4_UMIP;
	if (kvm_cpu_has(X86_FEATURE_LA57))
		cr4 |= X86_CR4_LA57;
	if (kvm_cpu_has(X86_FEATURE_VMX))
		cr4 |= X86_CR4_VMXE;
	if (kvm_cpu_has(X86_FEATURE_SMX))
		cr4 |= X86_CR4_SMXE;
	if (kvm_cpu_has(X86_FEATURE_FSGSBASE))
		cr4 |= X86_CR4_FSGSBASE;
	if (kvm_cpu_has(X86_FEATURE_PCID))
		cr4 |= X86_CR4_PCIDE;
	if (kvm_cpu_has(X86_FEATURE_XSAVE))
		cr4 |= X86_CR4_OSXSAVE;
	if (kvm_cpu_has(X86_FEATURE_SMEP))
		cr4 |= X86_CR4_SMEP;
	if (kvm_cpu_has(X86_FEATURE_SMAP))
		cr4 |= X86_CR4_SMAP;
	if (kvm_cpu_has(X86_FEATURE_PKU))
		cr4 |= X86_CR4_PKE;

	return BigInt(cr4);
}

/** Never run. */
function* guest_code(): guest_program {}

export function* main(): wait<number> {
	/* before KVM_SET_CPUID2, every CR4 bit that KVM supports may be set */
	let vm = vm_create_barebones();
	let vcpu = __vm_vcpu_add(vm, 0);

	const sregs = struct_kvm_sregs.alloc();
	vcpu_sregs_get(vcpu, sregs);

	sregs.cr4 |= calc_supported_cr4_feature_bits();
	const cr4 = sregs.cr4;

	let rc = _vcpu_sregs_set(vcpu, sregs);
	TEST_ASSERT(rc === 0, "Failed to set supported CR4 bits (0x%lx)", cr4);

	vcpu_sregs_get(vcpu, sregs);
	TEST_ASSERT(sregs.cr4 === cr4, "sregs.CR4 (0x%llx) != CR4 (0x%lx)", sregs.cr4, cr4);

	/* Verify all unsupported features are rejected by KVM. */
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_UMIP);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_LA57);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_VMXE);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_SMXE);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_FSGSBASE);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_PCIDE);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_OSXSAVE);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_SMEP);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_SMAP);
	test_cr4_feature_bit(vcpu, sregs, X86_CR4_PKE);
	kvm_vm_free(vm);

	({ vm, vcpu } = vm_create_with_one_vcpu(guest_code));

	vcpu_sregs_get(vcpu, sregs);
	sregs.apic_base = 1n << 10n;
	rc = _vcpu_sregs_set(vcpu, sregs);
	TEST_ASSERT(rc !== 0, "Set IA32_APIC_BASE to %llx (invalid)", sregs.apic_base);
	sregs.apic_base = 1n << 11n;
	rc = _vcpu_sregs_set(vcpu, sregs);
	TEST_ASSERT(rc === 0, "Couldn't set IA32_APIC_BASE to %llx (valid)", sregs.apic_base);

	kvm_vm_free(vm);

	return 0;
}
