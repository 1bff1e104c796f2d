// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest's CPU can do, by the CPUID that user space gave it, and what KVM can offer.
 *
 * Upstream: arch/x86/kvm/cpuid.h.
 */
import { IS_ALIGNED } from "#asm-generic/bits.ts";
import type { gpa_t } from "#asm-generic/types.ts";
import type { struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { x86_family, x86_model, x86_stepping } from "#asm/cpu.ts";
import { X86_FEATURE_AMD_IBPB, X86_FEATURE_AMD_IBRS, X86_FEATURE_AMD_SSBD, X86_FEATURE_AMD_STIBP,
	X86_FEATURE_SPEC_CTRL, boot_cpu_has } from "#asm/cpufeature.ts";
import { MSR_MISC_FEATURES_ENABLES_CPUID_FAULT, MSR_PLATFORM_INFO_CPUID_FAULT } from
	"#asm/msr-index.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { boot_cpu_data } from "#asm/processor.ts";
import type { struct_kvm_cpuid_entry2 } from "#uapi-asm/kvm.ts";
import { is_guest_vendor_amd, is_guest_vendor_hygon, is_guest_vendor_intel } from
	"#arch/x86/kvm/kvm_emulate.h.ts";
import { __cpuid_entry_get_reg, __cpuid_entry_set_reg, __feature_bit, __feature_leaf,
	reverse_cpuid_check, x86_feature_cpuid } from "#arch/x86/kvm/reverse_cpuid.h.ts";
import { kvm_cpu_caps, kvm_find_cpuid_entry, kvm_find_cpuid_entry_index } from
	"#arch/x86/kvm/cpuid.ts";

export * from "#arch/x86/kvm/reverse_cpuid.h.ts";
export {
	cpuid_query_maxphyaddr, kvm_cpu_caps, kvm_cpuid, kvm_dev_ioctl_get_cpuid,
	kvm_find_cpuid_entry, kvm_find_cpuid_entry_index, kvm_set_cpu_caps,
	kvm_update_cpuid_runtime, kvm_update_pv_runtime, kvm_vcpu_ioctl_get_cpuid2,
	kvm_vcpu_ioctl_set_cpuid, kvm_vcpu_ioctl_set_cpuid2, kvm_vcpu_reserved_gpa_bits_raw,
	xstate_required_size,
} from "#arch/x86/kvm/cpuid.ts";

export function cpuid_maxphyaddr(vcpu: struct_kvm_vcpu): number {
	return vcpu.arch.maxphyaddr;
}

/** @gpa may be any 64-bit value that was turned into a number. */
export function kvm_vcpu_is_legal_gpa(vcpu: struct_kvm_vcpu, gpa: number): boolean {
	const rsvd = vcpu.arch.reserved_gpa_bits;

	return ((gpa & rsvd.lo) | (gpa / 2 ** 32 & rsvd.hi)) === 0;
}

export function kvm_vcpu_is_illegal_gpa(vcpu: struct_kvm_vcpu, gpa: number): boolean {
	return !kvm_vcpu_is_legal_gpa(vcpu, gpa);
}

export function kvm_vcpu_is_legal_aligned_gpa(vcpu: struct_kvm_vcpu, gpa: number,
	alignment: number): gpa is gpa_t {
	return IS_ALIGNED(gpa, alignment) && kvm_vcpu_is_legal_gpa(vcpu, gpa);
}

export function page_address_valid(vcpu: struct_kvm_vcpu, gpa: number): gpa is gpa_t {
	return kvm_vcpu_is_legal_aligned_gpa(vcpu, gpa, PAGE_SIZE);
}

export function cpuid_entry_override(entry: struct_kvm_cpuid_entry2, leaf: number): void {
	const { reg } = x86_feature_cpuid(leaf * 32);

	__cpuid_entry_set_reg(entry, reg, kvm_cpu_caps[leaf]!);
}

/** The register's value, -1 where the guest has no such leaf (C: NULL). */
export function guest_cpuid_get_register(vcpu: struct_kvm_vcpu, x86_feature: number): number {
	const cpuid = x86_feature_cpuid(x86_feature);
	const entry = kvm_find_cpuid_entry_index(vcpu, cpuid.function, cpuid.index);

	if (entry === null)
		return -1;

	return __cpuid_entry_get_reg(entry, cpuid.reg);
}

export function guest_cpuid_has(vcpu: struct_kvm_vcpu, x86_feature: number): boolean {
	const reg = guest_cpuid_get_register(vcpu, x86_feature);

	if (reg < 0)
		return false;

	return (reg & __feature_bit(x86_feature)) !== 0;
}

export function guest_cpuid_clear(vcpu: struct_kvm_vcpu, x86_feature: number): void {
	const cpuid = x86_feature_cpuid(x86_feature);
	const entry = kvm_find_cpuid_entry_index(vcpu, cpuid.function, cpuid.index);

	if (entry !== null)
		__cpuid_entry_set_reg(entry, cpuid.reg,
			__cpuid_entry_get_reg(entry, cpuid.reg) & ~__feature_bit(x86_feature));
}

export function guest_cpuid_is_amd_or_hygon(vcpu: struct_kvm_vcpu): boolean {
	const best = kvm_find_cpuid_entry(vcpu, 0);

	return best !== null &&
	       (is_guest_vendor_amd(best.ebx, best.ecx, best.edx) ||
		is_guest_vendor_hygon(best.ebx, best.ecx, best.edx));
}

export function guest_cpuid_is_intel(vcpu: struct_kvm_vcpu): boolean {
	const best = kvm_find_cpuid_entry(vcpu, 0);

	return best !== null && is_guest_vendor_intel(best.ebx, best.ecx, best.edx);
}

export function guest_cpuid_family(vcpu: struct_kvm_vcpu): number {
	const best = kvm_find_cpuid_entry(vcpu, 0x1);

	if (best === null)
		return -1;

	return x86_family(best.eax);
}

export function guest_cpuid_model(vcpu: struct_kvm_vcpu): number {
	const best = kvm_find_cpuid_entry(vcpu, 0x1);

	if (best === null)
		return -1;

	return x86_model(best.eax);
}

export function cpuid_model_is_consistent(vcpu: struct_kvm_vcpu): boolean {
	return boot_cpu_data.x86_model === guest_cpuid_model(vcpu);
}

export function guest_cpuid_stepping(vcpu: struct_kvm_vcpu): number {
	const best = kvm_find_cpuid_entry(vcpu, 0x1);

	if (best === null)
		return -1;

	return x86_stepping(best.eax);
}

export function guest_has_spec_ctrl_msr(vcpu: struct_kvm_vcpu): boolean {
	return guest_cpuid_has(vcpu, X86_FEATURE_SPEC_CTRL) ||
		guest_cpuid_has(vcpu, X86_FEATURE_AMD_STIBP) ||
		guest_cpuid_has(vcpu, X86_FEATURE_AMD_IBRS) ||
		guest_cpuid_has(vcpu, X86_FEATURE_AMD_SSBD);
}

export function guest_has_pred_cmd_msr(vcpu: struct_kvm_vcpu): boolean {
	return guest_cpuid_has(vcpu, X86_FEATURE_SPEC_CTRL) ||
		guest_cpuid_has(vcpu, X86_FEATURE_AMD_IBPB);
}

export function supports_cpuid_fault(vcpu: struct_kvm_vcpu): boolean {
	return (vcpu.arch.msr_platform_info & MSR_PLATFORM_INFO_CPUID_FAULT) !== 0n;
}

export function cpuid_fault_enabled(vcpu: struct_kvm_vcpu): boolean {
	return (vcpu.arch.msr_misc_features_enables & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT) !== 0n;
}

export function kvm_cpu_cap_clear(x86_feature: number): void {
	const x86_leaf = __feature_leaf(x86_feature);

	reverse_cpuid_check(x86_leaf);
	kvm_cpu_caps[x86_leaf]! &= ~__feature_bit(x86_feature);
}

export function kvm_cpu_cap_set(x86_feature: number): void {
	const x86_leaf = __feature_leaf(x86_feature);

	reverse_cpuid_check(x86_leaf);
	kvm_cpu_caps[x86_leaf]! |= __feature_bit(x86_feature);
}

export function kvm_cpu_cap_get(x86_feature: number): number {
	const x86_leaf = __feature_leaf(x86_feature);

	reverse_cpuid_check(x86_leaf);
	return (kvm_cpu_caps[x86_leaf]! & __feature_bit(x86_feature)) >>> 0;
}

export function kvm_cpu_cap_has(x86_feature: number): boolean {
	return kvm_cpu_cap_get(x86_feature) !== 0;
}

export function kvm_cpu_cap_check_and_set(x86_feature: number): void {
	if (boot_cpu_has(x86_feature))
		kvm_cpu_cap_set(x86_feature);
}

export function guest_pv_has(vcpu: struct_kvm_vcpu, kvm_feature: number): boolean {
	if (!vcpu.arch.pv_cpuid.enforce)
		return true;

	return (vcpu.arch.pv_cpuid.features & 1 << kvm_feature) !== 0;
}
