// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID: what KVM can offer, what user space chose for a vCPU, and what the guest reads.
 *
 * Upstream: arch/x86/kvm/cpuid.c. Left out: SGX, PT and AMX leaves (no host has them here, so their
 * leaves read as 0), the PMU's, Hyper-V, dynamic XSAVE features, a 32-bit kernel's exceptions. Of
 * KVM's own features, the leaf names those that are ported.
 */
import type { u64_pair } from "#asm-generic/pair.ts";
import { ref, type user_ptr } from "#asm-generic/types.ts";
import { copy_from_user, copy_to_user } from "#linux/uaccess.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { E2BIG, EFAULT, EINVAL, ENOMEM } from "#linux/errno.ts";
import { GFP_KERNEL, GFP_KERNEL_ACCOUNT } from "#linux/gfp_types.ts";
import type { struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { kvcalloc, kvfree } from "#linux/slab.ts";
import { get_cpu, put_cpu } from "#linux/smp.ts";
import { NCAPINTS, X86_BUG_NULL_SEG, X86_BUG_SPEC_STORE_BYPASS, X86_FEATURE_ABM, X86_FEATURE_ACE2,
	X86_FEATURE_ACE2_EN, X86_FEATURE_ADX, X86_FEATURE_AES, X86_FEATURE_AMD_IBPB,
	X86_FEATURE_AMD_IBRS, X86_FEATURE_AMD_SSBD, X86_FEATURE_AMD_SSB_NO, X86_FEATURE_AMD_STIBP,
	X86_FEATURE_AMD_STIBP_ALWAYS_ON, X86_FEATURE_AMX_BF16, X86_FEATURE_AMX_INT8,
	X86_FEATURE_AMX_TILE, X86_FEATURE_APIC, X86_FEATURE_ARCH_CAPABILITIES, X86_FEATURE_AVX,
	X86_FEATURE_AVX2, X86_FEATURE_AVX512BW, X86_FEATURE_AVX512CD, X86_FEATURE_AVX512DQ,
	X86_FEATURE_AVX512ER, X86_FEATURE_AVX512F, X86_FEATURE_AVX512IFMA, X86_FEATURE_AVX512PF,
	X86_FEATURE_AVX512VBMI, X86_FEATURE_AVX512VL, X86_FEATURE_AVX512_4FMAPS,
	X86_FEATURE_AVX512_4VNNIW, X86_FEATURE_AVX512_BF16, X86_FEATURE_AVX512_BITALG,
	X86_FEATURE_AVX512_FP16, X86_FEATURE_AVX512_VBMI2, X86_FEATURE_AVX512_VNNI,
	X86_FEATURE_AVX512_VP2INTERSECT, X86_FEATURE_AVX512_VPOPCNTDQ, X86_FEATURE_AVX_VNNI,
	X86_FEATURE_BMI1, X86_FEATURE_BMI2, X86_FEATURE_BUS_LOCK_DETECT, X86_FEATURE_CLDEMOTE,
	X86_FEATURE_CLFLUSH, X86_FEATURE_CLFLUSHOPT, X86_FEATURE_CLWB, X86_FEATURE_CLZERO,
	X86_FEATURE_CMOV, X86_FEATURE_CMP_LEGACY, X86_FEATURE_CR8_LEGACY, X86_FEATURE_CX16,
	X86_FEATURE_CX8, X86_FEATURE_DE, X86_FEATURE_ERMS, X86_FEATURE_F16C,
	X86_FEATURE_FDP_EXCPTN_ONLY, X86_FEATURE_FMA, X86_FEATURE_FMA4, X86_FEATURE_FPU,
	X86_FEATURE_FSGSBASE, X86_FEATURE_FSRM, X86_FEATURE_FXSR, X86_FEATURE_FXSR_OPT,
	X86_FEATURE_GBPAGES, X86_FEATURE_GFNI, X86_FEATURE_HLE, X86_FEATURE_IBPB,
	X86_FEATURE_IBRS, X86_FEATURE_INTEL_STIBP, X86_FEATURE_INVPCID, X86_FEATURE_LA57,
	X86_FEATURE_LAHF_LM, X86_FEATURE_LFENCE_RDTSC, X86_FEATURE_LM, X86_FEATURE_LS_CFG_SSBD,
	X86_FEATURE_MCA, X86_FEATURE_MCE, X86_FEATURE_MD_CLEAR, X86_FEATURE_MISALIGNSSE,
	X86_FEATURE_MMX, X86_FEATURE_MMXEXT, X86_FEATURE_MOVBE, X86_FEATURE_MOVDIR64B,
	X86_FEATURE_MOVDIRI, X86_FEATURE_MSR, X86_FEATURE_MTRR, X86_FEATURE_MWAIT, X86_FEATURE_NX,
	X86_FEATURE_OSPKE, X86_FEATURE_OSVW, X86_FEATURE_OSXSAVE, X86_FEATURE_PAE,
	X86_FEATURE_PAT, X86_FEATURE_PCID, X86_FEATURE_PCLMULQDQ, X86_FEATURE_PDCM,
	X86_FEATURE_PGE, X86_FEATURE_PHE, X86_FEATURE_PHE_EN, X86_FEATURE_PKU, X86_FEATURE_PMM,
	X86_FEATURE_PMM_EN, X86_FEATURE_POPCNT, X86_FEATURE_PSE, X86_FEATURE_PSE36,
	X86_FEATURE_RDPID, X86_FEATURE_RDRAND, X86_FEATURE_RDSEED, X86_FEATURE_RDTSCP,
	X86_FEATURE_RTM, X86_FEATURE_SELFSNOOP, X86_FEATURE_SEP, X86_FEATURE_SERIALIZE,
	X86_FEATURE_SEV, X86_FEATURE_SEV_ES, X86_FEATURE_SGX, X86_FEATURE_SGX_LC,
	X86_FEATURE_SHA_NI, X86_FEATURE_SMAP, X86_FEATURE_SMEP, X86_FEATURE_SME_COHERENT,
	X86_FEATURE_SPEC_CTRL, X86_FEATURE_SPEC_CTRL_SSBD, X86_FEATURE_SSE4A, X86_FEATURE_SSSE3,
	X86_FEATURE_STIBP, X86_FEATURE_SVM, X86_FEATURE_SYSCALL, X86_FEATURE_TBM,
	X86_FEATURE_TOPOEXT, X86_FEATURE_TSC, X86_FEATURE_TSC_ADJUST,
	X86_FEATURE_TSC_DEADLINE_TIMER, X86_FEATURE_TSXLDTRK, X86_FEATURE_UMIP, X86_FEATURE_VAES,
	X86_FEATURE_VIRT_SSBD, X86_FEATURE_VME, X86_FEATURE_VPCLMULQDQ, X86_FEATURE_WBNOINVD,
	X86_FEATURE_X2APIC, X86_FEATURE_XCRYPT, X86_FEATURE_XCRYPT_EN, X86_FEATURE_XFD,
	X86_FEATURE_XGETBV1, X86_FEATURE_XMM, X86_FEATURE_XMM2, X86_FEATURE_XMM3,
	X86_FEATURE_XMM4_1, X86_FEATURE_XMM4_2, X86_FEATURE_XOP, X86_FEATURE_XSAVE,
	X86_FEATURE_XSAVEC, X86_FEATURE_XSAVEERPTR, X86_FEATURE_XSAVEOPT, X86_FEATURE_XSAVES,
	X86_FEATURE_XSTORE, X86_FEATURE_XSTORE_EN, X86_FEATURE_ZERO_FCS_FDS, X86_FEATURE_3DNOW,
	X86_FEATURE_3DNOWEXT, X86_FEATURE_3DNOWPREFETCH } from "#asm/cpufeatures.ts";
import { CPUID_1_ECX, CPUID_1_EDX, CPUID_7_0_EBX, CPUID_7_1_EAX, CPUID_7_ECX, CPUID_7_EDX,
	CPUID_8000_0001_ECX, CPUID_8000_0001_EDX, CPUID_8000_0008_EBX, CPUID_8000_000A_EDX,
	CPUID_8000_001F_EAX, CPUID_C000_0001_EDX, CPUID_D_1_EAX, boot_cpu_has, boot_cpu_has_bug,
	static_cpu_has, static_cpu_has_bug } from "#asm/cpufeature.ts";
import { CPUID_EAX, CPUID_EBX, CPUID_ECX, cpuid_count, cpuid_eax, cpuid_ecx,
	cpuid_function_is_indexed } from "#asm/cpuid.ts";
import { XFEATURE_MASK_FPSSE, XSAVE_HDR_OFFSET, XSAVE_HDR_SIZE } from "#asm/fpu/types.ts";
import { KVM_MAX_CPUID_ENTRIES, kvm_mmu_after_set_cpuid, kvm_skip_emulated_instruction, kvm_x86_ops,
	tdp_enabled } from "#asm/kvm_host.ts";
import { MSR_IA32_APICBASE_ENABLE, MSR_IA32_MISC_ENABLE_MWAIT, MSR_IA32_TSX_CTRL,
	TSX_CTRL_CPUID_CLEAR } from "#asm/msr-index.ts";
import { X86_CR4_OSXSAVE, X86_CR4_PKE } from "#asm/processor-flags.ts";
import { X86_VENDOR_CENTAUR, boot_cpu_data } from "#asm/processor.ts";
import { KVM_CPUID_FEATURES, KVM_CPUID_SIGNATURE, KVM_FEATURE_NOP_IO_DELAY,
	KVM_FEATURE_POLL_CONTROL, KVM_FEATURE_PV_EOI, KVM_FEATURE_PV_SCHED_YIELD,
	KVM_FEATURE_PV_SEND_IPI, KVM_FEATURE_PV_UNHALT, KVM_SIGNATURE } from "#uapi-asm/kvm_para.ts";
import { KVM_GET_EMULATED_CPUID } from "#uapi/linux/kvm.ts";
import { KVM_CPUID_FLAG_SIGNIFCANT_INDEX, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT,
	struct_kvm_cpuid_entry, struct_kvm_cpuid_entry2, type struct_kvm_cpuid,
	type struct_kvm_cpuid2 } from "#uapi-asm/kvm.ts";
import { cpuid_entry_override, cpuid_fault_enabled, cpuid_maxphyaddr, guest_cpuid_has,
	kvm_cpu_cap_clear, kvm_cpu_cap_has, kvm_cpu_cap_set } from "#arch/x86/kvm/cpuid.h.ts";
import { is_guest_vendor_amd, is_guest_vendor_hygon } from "#arch/x86/kvm/kvm_emulate.h.ts";
import { kvm_rax_read, kvm_rax_write, kvm_rbx_write, kvm_rcx_read, kvm_rcx_write, kvm_rdx_write,
	kvm_read_cr4_bits } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import { kvm_apic_set_version } from "#arch/x86/kvm/lapic.h.ts";
import { rsvd_bits } from "#arch/x86/kvm/mmu.h.ts";
import { __feature_bit, cpuid_entry_change, cpuid_entry_has,
	x86_feature_cpuid } from "#arch/x86/kvm/reverse_cpuid.h.ts";
import { trace_kvm_cpuid } from "#arch/x86/kvm/trace.h.ts";
import { __cr4_reserved_bits, kvm_caps, kvm_check_has_quirk, kvm_hlt_in_guest } from
	"#arch/x86/kvm/x86.h.ts";
import { __kvm_get_msr, kvm_require_cpl } from "#asm/kvm_host.ts";

/** Words of features, as x86_capability has them, that KVM offers. */
export const kvm_cpu_caps = new Uint32Array(NCAPINTS);

/** arch/x86/kvm/cpuid.c:xstate_required_size(); @xstate_bv has bits below 32 only. */
export function xstate_required_size(xstate_bv: number, compacted: boolean): number {
	let feature_bit = 0;
	let ret = XSAVE_HDR_SIZE + XSAVE_HDR_OFFSET;

	xstate_bv &= ~XFEATURE_MASK_FPSSE;
	while (xstate_bv !== 0) {
		if (xstate_bv & 0x1) {
			let offset: number;
			const { eax, ebx, ecx } = cpuid_count(0xd, feature_bit);
			/* ECX[1]: aligned to 64 bytes in the compacted form */
			if (compacted)
				offset = (ecx & 0x2) !== 0 ? (ret + 63) & ~63 : ret;
			else
				offset = ebx;
			ret = Math.max(ret, offset + eax);
		}

		xstate_bv >>>= 1;
		feature_bit++;
	}

	return ret;
}

const KVM_X86_FEATURE_PSFD = 13 * 32 + 28;

const F = __feature_bit;

/** C: -1ull, which no index that a guest asks for can be. */
const KVM_CPUID_INDEX_NOT_SIGNIFICANT = -1;

/** arch/x86/kvm/cpuid.c:cpuid_entry2_find() */
function cpuid_entry2_find(entries: struct_kvm_cpuid_entry2[] | null, nent: number,
	function_: number, index: number): struct_kvm_cpuid_entry2 | null {
	for (let i = 0; i < nent; i++) {
		const e = entries![i]!;

		if (e.function !== function_)
			continue;

		/* which entry it is, if there are several, is for user space to care about */
		if ((e.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) === 0 || e.index === index)
			return e;

		/* the first one, for KVM's own look-ups of functions without subleaves */
		if (index === KVM_CPUID_INDEX_NOT_SIGNIFICANT) {
			WARN_ON_ONCE(cpuid_function_is_indexed(function_));
			return e;
		}
	}

	return null;
}

/** arch/x86/kvm/cpuid.c:kvm_check_cpuid() */
function kvm_check_cpuid(_vcpu: struct_kvm_vcpu, entries: struct_kvm_cpuid_entry2[] | null,
	nent: number): number {
	/* canonical addresses are checked for these widths only */
	const best = cpuid_entry2_find(entries, nent, 0x80000008, KVM_CPUID_INDEX_NOT_SIGNIFICANT);
	if (best !== null) {
		const vaddr_bits = (best.eax & 0xff00) >> 8;

		if (vaddr_bits !== 48 && vaddr_bits !== 57 && vaddr_bits !== 0)
			return -EINVAL;
	}

	return 0;
}

/** arch/x86/kvm/cpuid.c:kvm_cpuid_check_equal() */
function kvm_cpuid_check_equal(vcpu: struct_kvm_vcpu, e2: struct_kvm_cpuid_entry2[] | null,
	nent: number): number {
	if (nent !== vcpu.arch.cpuid_nent)
		return -EINVAL;

	for (let i = 0; i < nent; i++) {
		const orig = vcpu.arch.cpuid_entries![i]!, e = e2![i]!;

		if (e.function !== orig.function ||
		    e.index !== orig.index ||
		    e.flags !== orig.flags ||
		    e.eax !== orig.eax || e.ebx !== orig.ebx ||
		    e.ecx !== orig.ecx || e.edx !== orig.edx)
			return -EINVAL;
	}

	return 0;
}

/** Four letters of a signature, as a register holds them. */
function sig(text: string, at: number): number {
	return (text.charCodeAt(at) | text.charCodeAt(at + 1) << 8 | text.charCodeAt(at + 2) << 16 |
		text.charCodeAt(at + 3) << 24) >>> 0;
}

/** arch/x86/kvm/cpuid.c:kvm_update_kvm_cpuid_base() */
function kvm_update_kvm_cpuid_base(vcpu: struct_kvm_vcpu): void {
	vcpu.arch.kvm_cpuid_base = 0;

	for (let function_ = 0x40000000; function_ < 0x40010000; function_ += 0x100) {
		const entry = kvm_find_cpuid_entry(vcpu, function_);

		if (entry !== null && entry.ebx === sig(KVM_SIGNATURE, 0) &&
		    entry.ecx === sig(KVM_SIGNATURE, 4) && entry.edx === sig(KVM_SIGNATURE, 8)) {
			vcpu.arch.kvm_cpuid_base = function_;
			break;
		}
	}
}

/** arch/x86/kvm/cpuid.c:__kvm_find_kvm_cpuid_features() */
function __kvm_find_kvm_cpuid_features(vcpu: struct_kvm_vcpu,
	entries: struct_kvm_cpuid_entry2[] | null, nent: number): struct_kvm_cpuid_entry2 | null {
	const base = vcpu.arch.kvm_cpuid_base;

	if (base === 0)
		return null;

	return cpuid_entry2_find(entries, nent, base | KVM_CPUID_FEATURES,
		KVM_CPUID_INDEX_NOT_SIGNIFICANT);
}

/** arch/x86/kvm/cpuid.c:kvm_find_kvm_cpuid_features() */
function kvm_find_kvm_cpuid_features(vcpu: struct_kvm_vcpu): struct_kvm_cpuid_entry2 | null {
	return __kvm_find_kvm_cpuid_features(vcpu, vcpu.arch.cpuid_entries, vcpu.arch.cpuid_nent);
}

/** arch/x86/kvm/cpuid.c:kvm_update_pv_runtime() */
export function kvm_update_pv_runtime(vcpu: struct_kvm_vcpu): void {
	const best = kvm_find_kvm_cpuid_features(vcpu);

	if (best !== null)
		vcpu.arch.pv_cpuid.features = best.eax;
}

/** arch/x86/kvm/cpuid.c:cpuid_get_supported_xcr0() */
function cpuid_get_supported_xcr0(entries: struct_kvm_cpuid_entry2[] | null, nent: number): number {
	const best = cpuid_entry2_find(entries, nent, 0xd, 0);

	if (best === null)
		return 0;

	return (best.eax & kvm_caps.supported_xcr0) >>> 0;
}

/** arch/x86/kvm/cpuid.c:__kvm_update_cpuid_runtime() */
function __kvm_update_cpuid_runtime(vcpu: struct_kvm_vcpu,
	entries: struct_kvm_cpuid_entry2[] | null, nent: number): void {
	let best: struct_kvm_cpuid_entry2 | null;

	best = cpuid_entry2_find(entries, nent, 1, KVM_CPUID_INDEX_NOT_SIGNIFICANT);
	if (best !== null) {
		if (boot_cpu_has(X86_FEATURE_XSAVE))
			cpuid_entry_change(best, X86_FEATURE_OSXSAVE,
				kvm_read_cr4_bits(vcpu, X86_CR4_OSXSAVE) !== 0);

		cpuid_entry_change(best, X86_FEATURE_APIC,
			(vcpu.arch.apic_base & MSR_IA32_APICBASE_ENABLE) !== 0n);
	}

	best = cpuid_entry2_find(entries, nent, 7, 0);
	if (best !== null && boot_cpu_has(X86_FEATURE_PKU) && best.function === 0x7)
		cpuid_entry_change(best, X86_FEATURE_OSPKE,
			kvm_read_cr4_bits(vcpu, X86_CR4_PKE) !== 0);

	best = cpuid_entry2_find(entries, nent, 0xd, 0);
	if (best !== null)
		best.ebx = xstate_required_size(vcpu.arch.xcr0, false);

	best = cpuid_entry2_find(entries, nent, 0xd, 1);
	if (best !== null && (cpuid_entry_has(best, X86_FEATURE_XSAVES) ||
			      cpuid_entry_has(best, X86_FEATURE_XSAVEC)))
		best.ebx = xstate_required_size(vcpu.arch.xcr0, true);

	best = __kvm_find_kvm_cpuid_features(vcpu, entries, nent);
	if (kvm_hlt_in_guest(vcpu.kvm) && best !== null &&
	    (best.eax & (1 << KVM_FEATURE_PV_UNHALT)) !== 0)
		best.eax &= ~(1 << KVM_FEATURE_PV_UNHALT);

	if (!kvm_check_has_quirk(vcpu.kvm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT)) {
		best = cpuid_entry2_find(entries, nent, 0x1, KVM_CPUID_INDEX_NOT_SIGNIFICANT);
		if (best !== null)
			cpuid_entry_change(best, X86_FEATURE_MWAIT,
				(vcpu.arch.ia32_misc_enable_msr &
				 MSR_IA32_MISC_ENABLE_MWAIT) !== 0n);
	}
}

/** arch/x86/kvm/cpuid.c:kvm_update_cpuid_runtime() */
export function kvm_update_cpuid_runtime(vcpu: struct_kvm_vcpu): void {
	__kvm_update_cpuid_runtime(vcpu, vcpu.arch.cpuid_entries, vcpu.arch.cpuid_nent);
}

/** arch/x86/kvm/cpuid.c:kvm_vcpu_after_set_cpuid() */
function kvm_vcpu_after_set_cpuid(vcpu: struct_kvm_vcpu): void {
	const apic = vcpu.arch.apic;

	const best = kvm_find_cpuid_entry(vcpu, 1);
	if (best !== null && apic !== null) {
		if (cpuid_entry_has(best, X86_FEATURE_TSC_DEADLINE_TIMER))
			apic.lapic_timer.timer_mode_mask = 3 << 17;
		else
			apic.lapic_timer.timer_mode_mask = 1 << 17;

		kvm_apic_set_version(vcpu);
	}

	vcpu.arch.guest_supported_xcr0 =
		cpuid_get_supported_xcr0(vcpu.arch.cpuid_entries, vcpu.arch.cpuid_nent);

	/* by KVM_SET_XSAVE these two may be loaded even where neither host nor guest has XSAVE */
	vcpu.arch.guest_fpu.fpstate!.user_xfeatures = vcpu.arch.guest_supported_xcr0 |
		XFEATURE_MASK_FPSSE;

	kvm_update_pv_runtime(vcpu);

	vcpu.arch.maxphyaddr = cpuid_query_maxphyaddr(vcpu);
	vcpu.arch.reserved_gpa_bits = kvm_vcpu_reserved_gpa_bits_raw(vcpu);

	vcpu.arch.cr4_guest_rsvd_bits = __cr4_reserved_bits(guest_cpuid_has, vcpu);

	/* after all of the above */
	kvm_x86_ops.vcpu_after_set_cpuid(vcpu);

	/* and after the vendor, which may change the reserved bits of addresses */
	kvm_mmu_after_set_cpuid(vcpu);
}

/** arch/x86/kvm/cpuid.c:cpuid_query_maxphyaddr() */
export function cpuid_query_maxphyaddr(vcpu: struct_kvm_vcpu): number {
	let best: struct_kvm_cpuid_entry2 | null;

	not_found: {
		best = kvm_find_cpuid_entry(vcpu, 0x80000000);
		if (best === null || best.eax < 0x80000008)
			break not_found;
		best = kvm_find_cpuid_entry(vcpu, 0x80000008);
		if (best !== null)
			return best.eax & 0xff;
	}
	return 36;
}

/**
 * arch/x86/kvm/cpuid.c:kvm_vcpu_reserved_gpa_bits_raw(): without what encryption takes off, as
 * hardware that does not strip those bits (MTRRs) sees it.
 */
export function kvm_vcpu_reserved_gpa_bits_raw(vcpu: struct_kvm_vcpu): u64_pair {
	return rsvd_bits(cpuid_maxphyaddr(vcpu), 63);
}

/**
 * arch/x86/kvm/cpuid.c:kvm_set_cpuid(). Page tables that KVM made do not say what CPU they were
 * made for, so once the vCPU has run its CPU may not change; giving the same again is allowed.
 */
function kvm_set_cpuid(vcpu: struct_kvm_vcpu, e2: struct_kvm_cpuid_entry2[] | null,
	nent: number): number {
	let r: number;

	__kvm_update_cpuid_runtime(vcpu, e2, nent);

	if (vcpu.arch.last_vmentry_cpu !== -1) {
		r = kvm_cpuid_check_equal(vcpu, e2, nent);
		if (r)
			return r;

		kvfree(e2);
		return 0;
	}

	r = kvm_check_cpuid(vcpu, e2, nent);
	if (r)
		return r;

	kvfree(vcpu.arch.cpuid_entries);
	vcpu.arch.cpuid_entries = e2;
	vcpu.arch.cpuid_nent = nent;

	kvm_update_kvm_cpuid_base(vcpu);
	kvm_vcpu_after_set_cpuid(vcpu);

	return 0;
}

/** arch/x86/kvm/cpuid.c:kvm_vcpu_ioctl_set_cpuid() */
export function kvm_vcpu_ioctl_set_cpuid(vcpu: struct_kvm_vcpu, cpuid: struct_kvm_cpuid,
	entries: user_ptr): number {
	let e: struct_kvm_cpuid_entry[] | null = null;
	let e2: struct_kvm_cpuid_entry2[] | null = null;
	let r: number;

	if (cpuid.nent > KVM_MAX_CPUID_ENTRIES)
		return -E2BIG;

	out_free_cpuid: {
		if (cpuid.nent !== 0) {
			e = kvcalloc(cpuid.nent, () => struct_kvm_cpuid_entry.alloc(), GFP_KERNEL);
			if (e === null)
				return -ENOMEM;
			r = -EFAULT;
			for (let i = 0; i < cpuid.nent; i++)
				if (copy_from_user(e[i]!, entries + i * struct_kvm_cpuid_entry.size,
					struct_kvm_cpuid_entry.size))
					break out_free_cpuid;

			e2 = kvcalloc(cpuid.nent, () => struct_kvm_cpuid_entry2.alloc(),
				GFP_KERNEL_ACCOUNT);
			if (e2 === null) {
				r = -ENOMEM;
				break out_free_cpuid;
			}
		}
		for (let i = 0; i < cpuid.nent; i++) {
			e2![i]!.function = e![i]!.function;
			e2![i]!.eax = e![i]!.eax;
			e2![i]!.ebx = e![i]!.ebx;
			e2![i]!.ecx = e![i]!.ecx;
			e2![i]!.edx = e![i]!.edx;
		}

		r = kvm_set_cpuid(vcpu, e2, cpuid.nent);
		if (r)
			kvfree(e2);
	}
	kvfree(e);

	return r;
}

/** arch/x86/kvm/cpuid.c:kvm_vcpu_ioctl_set_cpuid2() */
export function kvm_vcpu_ioctl_set_cpuid2(vcpu: struct_kvm_vcpu, cpuid: struct_kvm_cpuid2,
	entries: user_ptr): number {
	let e2: struct_kvm_cpuid_entry2[] | null = null;

	if (cpuid.nent > KVM_MAX_CPUID_ENTRIES)
		return -E2BIG;

	if (cpuid.nent !== 0) {
		e2 = kvcalloc(cpuid.nent, () => struct_kvm_cpuid_entry2.alloc(),
			GFP_KERNEL_ACCOUNT);
		if (e2 === null)
			return -ENOMEM;
		for (let i = 0; i < cpuid.nent; i++)
			if (copy_from_user(e2[i]!, entries + i * struct_kvm_cpuid_entry2.size,
				struct_kvm_cpuid_entry2.size)) {
				kvfree(e2);
				return -EFAULT;
			}
	}

	const r = kvm_set_cpuid(vcpu, e2, cpuid.nent);
	if (r)
		kvfree(e2);

	return r;
}

/** arch/x86/kvm/cpuid.c:kvm_vcpu_ioctl_get_cpuid2() */
export function kvm_vcpu_ioctl_get_cpuid2(vcpu: struct_kvm_vcpu, cpuid: struct_kvm_cpuid2,
	entries: user_ptr): number {
	let r: number;

	out: {
		r = -E2BIG;
		if (cpuid.nent < vcpu.arch.cpuid_nent)
			break out;
		r = -EFAULT;
		for (let i = 0; i < vcpu.arch.cpuid_nent; i++)
			if (copy_to_user(entries + i * struct_kvm_cpuid_entry2.size,
				vcpu.arch.cpuid_entries![i]!, struct_kvm_cpuid_entry2.size))
				break out;
		return 0;
	}
	cpuid.nent = vcpu.arch.cpuid_nent;
	return r;
}

/** arch/x86/kvm/cpuid.c:__kvm_cpu_cap_mask(): what the processor itself says of a leaf. */
function __kvm_cpu_cap_mask(leaf: number): void {
	const cpuid = x86_feature_cpuid(leaf * 32);
	const r = cpuid_count(cpuid.function, cpuid.index);

	kvm_cpu_caps[leaf]! &= cpuid.reg === CPUID_EAX ? r.eax : cpuid.reg === CPUID_EBX ? r.ebx :
		cpuid.reg === CPUID_ECX ? r.ecx : r.edx;
}

/** arch/x86/kvm/cpuid.c:kvm_cpu_cap_mask() */
function kvm_cpu_cap_mask(leaf: number, mask: number): void {
	kvm_cpu_caps[leaf]! &= mask;

	__kvm_cpu_cap_mask(leaf);
}

/** arch/x86/kvm/cpuid.c:kvm_set_cpu_caps() */
export function kvm_set_cpu_caps(): void {
	const f_gbpages = F(X86_FEATURE_GBPAGES);
	const f_lm = F(X86_FEATURE_LM);
	const f_xfd = F(X86_FEATURE_XFD);

	kvm_cpu_caps.set(boot_cpu_data.x86_capability.subarray(0, NCAPINTS));

	/* not MONITOR: it is emulated as a NOP, and not advertised */
	kvm_cpu_cap_mask(CPUID_1_ECX,
		F(X86_FEATURE_XMM3) | F(X86_FEATURE_PCLMULQDQ) | F(X86_FEATURE_SSSE3) |
		F(X86_FEATURE_FMA) | F(X86_FEATURE_CX16) | F(X86_FEATURE_PDCM) |
		F(X86_FEATURE_PCID) | F(X86_FEATURE_XMM4_1) |
		F(X86_FEATURE_XMM4_2) | F(X86_FEATURE_X2APIC) | F(X86_FEATURE_MOVBE) |
		F(X86_FEATURE_POPCNT) | F(X86_FEATURE_AES) | F(X86_FEATURE_XSAVE) |
		F(X86_FEATURE_AVX) |
		F(X86_FEATURE_F16C) | F(X86_FEATURE_RDRAND));
	/* KVM has one of its own, whatever the host has */
	kvm_cpu_cap_set(X86_FEATURE_X2APIC);

	kvm_cpu_cap_mask(CPUID_1_EDX,
		F(X86_FEATURE_FPU) | F(X86_FEATURE_VME) | F(X86_FEATURE_DE) | F(X86_FEATURE_PSE) |
		F(X86_FEATURE_TSC) | F(X86_FEATURE_MSR) | F(X86_FEATURE_PAE) | F(X86_FEATURE_MCE) |
		F(X86_FEATURE_CX8) | F(X86_FEATURE_APIC) | F(X86_FEATURE_SEP) |
		F(X86_FEATURE_MTRR) | F(X86_FEATURE_PGE) | F(X86_FEATURE_MCA) |
		F(X86_FEATURE_CMOV) |
		F(X86_FEATURE_PAT) | F(X86_FEATURE_PSE36) | F(X86_FEATURE_CLFLUSH) |
		F(X86_FEATURE_MMX) |
		F(X86_FEATURE_FXSR) | F(X86_FEATURE_XMM) | F(X86_FEATURE_XMM2) |
		F(X86_FEATURE_SELFSNOOP));

	kvm_cpu_cap_mask(CPUID_7_0_EBX,
		F(X86_FEATURE_FSGSBASE) | F(X86_FEATURE_SGX) | F(X86_FEATURE_BMI1) |
		F(X86_FEATURE_HLE) | F(X86_FEATURE_AVX2) | F(X86_FEATURE_FDP_EXCPTN_ONLY) |
		F(X86_FEATURE_SMEP) | F(X86_FEATURE_BMI2) | F(X86_FEATURE_ERMS) |
		F(X86_FEATURE_INVPCID) | F(X86_FEATURE_RTM) | F(X86_FEATURE_ZERO_FCS_FDS) |
		F(X86_FEATURE_AVX512F) | F(X86_FEATURE_AVX512DQ) | F(X86_FEATURE_RDSEED) |
		F(X86_FEATURE_ADX) | F(X86_FEATURE_SMAP) | F(X86_FEATURE_AVX512IFMA) |
		F(X86_FEATURE_CLFLUSHOPT) | F(X86_FEATURE_CLWB) | F(X86_FEATURE_AVX512PF) |
		F(X86_FEATURE_AVX512ER) | F(X86_FEATURE_AVX512CD) | F(X86_FEATURE_SHA_NI) |
		F(X86_FEATURE_AVX512BW) | F(X86_FEATURE_AVX512VL));

	kvm_cpu_cap_mask(CPUID_7_ECX,
		F(X86_FEATURE_AVX512VBMI) | F(X86_FEATURE_LA57) | F(X86_FEATURE_PKU) |
		F(X86_FEATURE_RDPID) | F(X86_FEATURE_AVX512_VPOPCNTDQ) | F(X86_FEATURE_UMIP) |
		F(X86_FEATURE_AVX512_VBMI2) | F(X86_FEATURE_GFNI) |
		F(X86_FEATURE_VAES) | F(X86_FEATURE_VPCLMULQDQ) | F(X86_FEATURE_AVX512_VNNI) |
		F(X86_FEATURE_AVX512_BITALG) | F(X86_FEATURE_CLDEMOTE) | F(X86_FEATURE_MOVDIRI) |
		F(X86_FEATURE_MOVDIR64B) | F(X86_FEATURE_SGX_LC) | F(X86_FEATURE_BUS_LOCK_DETECT));
	/* by what hardware can, though the kernel may not use it */
	if ((cpuid_ecx(7) & F(X86_FEATURE_LA57)) !== 0)
		kvm_cpu_cap_set(X86_FEATURE_LA57);

	/* needs TDP, and the host's own use of it */
	if (!tdp_enabled || !boot_cpu_has(X86_FEATURE_OSPKE))
		kvm_cpu_cap_clear(X86_FEATURE_PKU);

	kvm_cpu_cap_mask(CPUID_7_EDX,
		F(X86_FEATURE_AVX512_4VNNIW) | F(X86_FEATURE_AVX512_4FMAPS) |
		F(X86_FEATURE_SPEC_CTRL) | F(X86_FEATURE_SPEC_CTRL_SSBD) |
		F(X86_FEATURE_ARCH_CAPABILITIES) | F(X86_FEATURE_INTEL_STIBP) |
		F(X86_FEATURE_MD_CLEAR) | F(X86_FEATURE_AVX512_VP2INTERSECT) | F(X86_FEATURE_FSRM) |
		F(X86_FEATURE_SERIALIZE) | F(X86_FEATURE_TSXLDTRK) | F(X86_FEATURE_AVX512_FP16) |
		F(X86_FEATURE_AMX_TILE) | F(X86_FEATURE_AMX_INT8) | F(X86_FEATURE_AMX_BF16));

	/* in software */
	kvm_cpu_cap_set(X86_FEATURE_TSC_ADJUST);
	kvm_cpu_cap_set(X86_FEATURE_ARCH_CAPABILITIES);

	if (boot_cpu_has(X86_FEATURE_IBPB) && boot_cpu_has(X86_FEATURE_IBRS))
		kvm_cpu_cap_set(X86_FEATURE_SPEC_CTRL);
	if (boot_cpu_has(X86_FEATURE_STIBP))
		kvm_cpu_cap_set(X86_FEATURE_INTEL_STIBP);
	if (boot_cpu_has(X86_FEATURE_AMD_SSBD))
		kvm_cpu_cap_set(X86_FEATURE_SPEC_CTRL_SSBD);

	kvm_cpu_cap_mask(CPUID_7_1_EAX, F(X86_FEATURE_AVX_VNNI) | F(X86_FEATURE_AVX512_BF16));

	kvm_cpu_cap_mask(CPUID_D_1_EAX,
		F(X86_FEATURE_XSAVEOPT) | F(X86_FEATURE_XSAVEC) | F(X86_FEATURE_XGETBV1) |
		F(X86_FEATURE_XSAVES) | f_xfd);

	kvm_cpu_cap_mask(CPUID_8000_0001_ECX,
		F(X86_FEATURE_LAHF_LM) | F(X86_FEATURE_CMP_LEGACY) |
		F(X86_FEATURE_CR8_LEGACY) | F(X86_FEATURE_ABM) | F(X86_FEATURE_SSE4A) |
		F(X86_FEATURE_MISALIGNSSE) | F(X86_FEATURE_3DNOWPREFETCH) | F(X86_FEATURE_OSVW) |
		F(X86_FEATURE_XOP) | F(X86_FEATURE_FMA4) | F(X86_FEATURE_TBM) |
		F(X86_FEATURE_TOPOEXT));

	/* the low half repeats leaf 1: those bits have the same numbers there */
	kvm_cpu_cap_mask(CPUID_8000_0001_EDX,
		F(X86_FEATURE_FPU) | F(X86_FEATURE_VME) | F(X86_FEATURE_DE) | F(X86_FEATURE_PSE) |
		F(X86_FEATURE_TSC) | F(X86_FEATURE_MSR) | F(X86_FEATURE_PAE) | F(X86_FEATURE_MCE) |
		F(X86_FEATURE_CX8) | F(X86_FEATURE_APIC) | F(X86_FEATURE_SYSCALL) |
		F(X86_FEATURE_MTRR) | F(X86_FEATURE_PGE) | F(X86_FEATURE_MCA) |
		F(X86_FEATURE_CMOV) |
		F(X86_FEATURE_PAT) | F(X86_FEATURE_PSE36) |
		F(X86_FEATURE_NX) | F(X86_FEATURE_MMXEXT) | F(X86_FEATURE_MMX) |
		F(X86_FEATURE_FXSR) | F(X86_FEATURE_FXSR_OPT) | f_gbpages | F(X86_FEATURE_RDTSCP) |
		f_lm | F(X86_FEATURE_3DNOWEXT) | F(X86_FEATURE_3DNOW));

	if (!tdp_enabled)
		kvm_cpu_cap_set(X86_FEATURE_GBPAGES);

	kvm_cpu_cap_mask(CPUID_8000_0008_EBX,
		F(X86_FEATURE_CLZERO) | F(X86_FEATURE_XSAVEERPTR) |
		F(X86_FEATURE_WBNOINVD) | F(X86_FEATURE_AMD_IBPB) | F(X86_FEATURE_AMD_IBRS) |
		F(X86_FEATURE_AMD_SSBD) | F(X86_FEATURE_VIRT_SSBD) |
		F(X86_FEATURE_AMD_SSB_NO) | F(X86_FEATURE_AMD_STIBP) |
		F(X86_FEATURE_AMD_STIBP_ALWAYS_ON) | __feature_bit(KVM_X86_FEATURE_PSFD));

	/* AMD has a bit for each of SPEC_CTRL's; the kernel's words say which there are */
	if (boot_cpu_has(X86_FEATURE_IBPB))
		kvm_cpu_cap_set(X86_FEATURE_AMD_IBPB);
	if (boot_cpu_has(X86_FEATURE_IBRS))
		kvm_cpu_cap_set(X86_FEATURE_AMD_IBRS);
	if (boot_cpu_has(X86_FEATURE_STIBP))
		kvm_cpu_cap_set(X86_FEATURE_AMD_STIBP);
	if (boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD))
		kvm_cpu_cap_set(X86_FEATURE_AMD_SSBD);
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		kvm_cpu_cap_set(X86_FEATURE_AMD_SSB_NO);
	/* SPEC_CTRL rather than its virtual form, where there is a choice */
	if (boot_cpu_has(X86_FEATURE_LS_CFG_SSBD) && !boot_cpu_has(X86_FEATURE_AMD_SSBD))
		kvm_cpu_cap_set(X86_FEATURE_VIRT_SSBD);

	/* SVM's features are svm.ts's to offer */
	kvm_cpu_cap_mask(CPUID_8000_000A_EDX, 0);

	kvm_cpu_cap_mask(CPUID_8000_001F_EAX,
		F(X86_FEATURE_SEV) | F(X86_FEATURE_SEV_ES) | F(X86_FEATURE_SME_COHERENT));

	kvm_cpu_cap_mask(CPUID_C000_0001_EDX,
		F(X86_FEATURE_XSTORE) | F(X86_FEATURE_XSTORE_EN) | F(X86_FEATURE_XCRYPT) |
		F(X86_FEATURE_XCRYPT_EN) | F(X86_FEATURE_ACE2) | F(X86_FEATURE_ACE2_EN) |
		F(X86_FEATURE_PHE) | F(X86_FEATURE_PHE_EN) |
		F(X86_FEATURE_PMM) | F(X86_FEATURE_PMM_EN));
}

class struct_kvm_cpuid_array {
	entries: struct_kvm_cpuid_entry2[];
	maxnent: number;
	nent = 0;
	constructor(entries: struct_kvm_cpuid_entry2[], maxnent: number) {
		this.entries = entries;
		this.maxnent = maxnent;
	}
}

/** arch/x86/kvm/cpuid.c:do_host_cpuid() */
function do_host_cpuid(array: struct_kvm_cpuid_array, function_: number,
	index: number): struct_kvm_cpuid_entry2 | null {
	if (array.nent >= array.maxnent)
		return null;

	const entry = array.entries[array.nent++]!;

	entry.bytes.fill(0);
	entry.function = function_;
	entry.index = index;
	switch ((function_ & 0xc0000000) >>> 0) {
	case 0x40000000:
		/* leaves of hypervisors are all KVM's */
		return entry;

	case 0x80000000:
		/* 0x80000021 may be beyond what the host has */
		if (function_ > cpuid_eax(0x80000000))
			return entry;
		break;

	default:
		break;
	}

	Object.assign(entry, cpuid_count(function_, index));

	if (cpuid_function_is_indexed(function_))
		entry.flags |= KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

	return entry;
}

/** arch/x86/kvm/cpuid.c:__do_cpuid_func_emulated() */
function __do_cpuid_func_emulated(array: struct_kvm_cpuid_array, func: number): number {
	if (array.nent >= array.maxnent)
		return -E2BIG;

	const entry = array.entries[array.nent]!;
	entry.function = func;
	entry.index = 0;
	entry.flags = 0;

	switch (func) {
	case 0:
		entry.eax = 7;
		++array.nent;
		break;
	case 1:
		entry.ecx = F(X86_FEATURE_MOVBE);
		++array.nent;
		break;
	case 7:
		entry.flags |= KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		entry.eax = 0;
		if (kvm_cpu_cap_has(X86_FEATURE_RDTSCP))
			entry.ecx = F(X86_FEATURE_RDPID);
		++array.nent;
		break;
	default:
		break;
	}

	return 0;
}

function clear_regs(entry: struct_kvm_cpuid_entry2): void {
	entry.eax = entry.ebx = entry.ecx = entry.edx = 0;
}

/** arch/x86/kvm/cpuid.c:__do_cpuid_func() */
function __do_cpuid_func(array: struct_kvm_cpuid_array, function_: number): number {
	let entry: struct_kvm_cpuid_entry2 | null;
	let r: number;

	/* all from the same CPU */
	get_cpu();

	r = -E2BIG;

	out: {
		entry = do_host_cpuid(array, function_, 0);
		if (entry === null)
			break out;

		switch (function_) {
		case 0:
			entry.eax = Math.min(entry.eax, 0x1f);
			break;
		case 1:
			cpuid_entry_override(entry, CPUID_1_EDX);
			cpuid_entry_override(entry, CPUID_1_ECX);
			break;
		case 2:
			/* a CPU whose leaf 2 changes from call to call is too old to virtualise */
			WARN_ON_ONCE((entry.eax & 0xff) > 1);
			break;
		case 4:
		case 0x8000001d:
			/* up to and with the one whose cache type is none */
			for (let i = 1; (entry.eax & 0x1f) !== 0; ++i) {
				entry = do_host_cpuid(array, function_, i);
				if (entry === null)
					break out;
			}
			break;
		case 6:
			entry.eax = 0x4;	/* the APIC timer always runs */
			entry.ebx = 0;
			entry.ecx = 0;
			entry.edx = 0;
			break;
		case 7:
			entry.eax = Math.min(entry.eax, 1);
			cpuid_entry_override(entry, CPUID_7_0_EBX);
			cpuid_entry_override(entry, CPUID_7_ECX);
			cpuid_entry_override(entry, CPUID_7_EDX);

			if (entry.eax === 1) {
				entry = do_host_cpuid(array, function_, 1);
				if (entry === null)
					break out;

				cpuid_entry_override(entry, CPUID_7_1_EAX);
				entry.ebx = 0;
				entry.ecx = 0;
				entry.edx = 0;
			}
			break;
		case 0xa:
			/* no PMU */
			clear_regs(entry);
			break;
		/* 0x1f extends 0xb */
		case 0x1f:
		case 0xb:
			/* up to and with the one whose level type (ECX[15:8]) is none */
			for (let i = 1; (entry.ecx & 0xff00) !== 0; ++i) {
				entry = do_host_cpuid(array, function_, i);
				if (entry === null)
					break out;
			}
			break;
		case 0xd: {
			const permitted_xcr0 = kvm_caps.supported_xcr0;
			const permitted_xss = Number(kvm_caps.supported_xss);

			entry.eax &= permitted_xcr0;
			entry.ebx = xstate_required_size(permitted_xcr0, false);
			entry.ecx = entry.ebx;
			entry.edx = 0;
			if (permitted_xcr0 === 0)
				break;

			entry = do_host_cpuid(array, function_, 1);
			if (entry === null)
				break out;

			cpuid_entry_override(entry, CPUID_D_1_EAX);
			if ((entry.eax & (F(X86_FEATURE_XSAVES) | F(X86_FEATURE_XSAVEC))) !== 0)
				entry.ebx = xstate_required_size(
					permitted_xcr0 | permitted_xss, true);
			else {
				WARN_ON_ONCE(permitted_xss !== 0);
				entry.ebx = 0;
			}
			entry.ecx &= permitted_xss;
			entry.edx = 0;

			for (let i = 2; i < 32; ++i) {
				let s_state: number;

				if ((permitted_xcr0 & 1 << i) !== 0)
					s_state = 0;
				else if ((permitted_xss & 1 << i) !== 0)
					s_state = 1;
				else
					continue;

				entry = do_host_cpuid(array, function_, i);
				if (entry === null)
					break out;

				/* what is permitted has a size, and is where KVM thinks it is */
				if (WARN_ON_ONCE(entry.eax === 0 ||
						 (entry.ecx & 0x1) !== s_state)) {
					--array.nent;
					continue;
				}

				if (!kvm_cpu_cap_has(X86_FEATURE_XFD))
					entry.ecx &= ~(1 << 2);
				entry.edx = 0;
			}
			break;
		}
		case 0x12:	/* SGX */
		case 0x14:	/* PT */
		case 0x1d:	/* AMX */
		case 0x1e:
			clear_regs(entry);
			break;
		case KVM_CPUID_SIGNATURE:
			entry.eax = KVM_CPUID_FEATURES;
			entry.ebx = sig(KVM_SIGNATURE, 0);
			entry.ecx = sig(KVM_SIGNATURE, 4);
			entry.edx = sig(KVM_SIGNATURE, 8);
			break;
		case KVM_CPUID_FEATURES:
			/* not those whose MSRs are left out: clocks, stolen time, page faults */
			entry.eax = (1 << KVM_FEATURE_NOP_IO_DELAY) |
				    (1 << KVM_FEATURE_PV_EOI) |
				    (1 << KVM_FEATURE_PV_UNHALT) |
				    (1 << KVM_FEATURE_PV_SEND_IPI) |
				    (1 << KVM_FEATURE_POLL_CONTROL) |
				    (1 << KVM_FEATURE_PV_SCHED_YIELD);

			entry.ebx = 0;
			entry.ecx = 0;
			entry.edx = 0;
			break;
		case 0x80000000:
			entry.eax = Math.min(entry.eax, 0x80000021);
			/*
			 * A leaf that the host may not have is offered to say two things of it. Not
			 * to hosts that end before 0x8000001d: user space takes that leaf from the
			 * host when KVM claims it, and others' last leaf would come instead.
			 */
			if (entry.eax >= 0x8000001d &&
			    (static_cpu_has(X86_FEATURE_LFENCE_RDTSC) ||
			     !static_cpu_has_bug(X86_BUG_NULL_SEG)))
				entry.eax = Math.max(entry.eax, 0x80000021);
			break;
		case 0x80000001:
			cpuid_entry_override(entry, CPUID_8000_0001_EDX);
			cpuid_entry_override(entry, CPUID_8000_0001_ECX);
			break;
		case 0x80000006:
			/* caches and TLBs: the host's */
			break;
		case 0x80000007:
			/* the TSC is invariant */
			entry.edx &= (1 << 8);
			entry.edx &= boot_cpu_data.x86_power;
			entry.eax = entry.ebx = entry.ecx = 0;
			break;
		case 0x80000008: {
			let g_phys_as = (entry.eax >> 16) & 0xff;
			const virt_as = Math.max((entry.eax >> 8) & 0xff, 48);
			const phys_as = entry.eax & 0xff;

			/*
			 * Without TDP guests live in the host's address space, shrunk by encryption
			 * or not; with it their addresses are as wide as the processor's.
			 */
			if (!tdp_enabled)
				g_phys_as = boot_cpu_data.x86_phys_bits;
			else if (g_phys_as === 0)
				g_phys_as = phys_as;

			entry.eax = g_phys_as | (virt_as << 8);
			entry.edx = 0;
			cpuid_entry_override(entry, CPUID_8000_0008_EBX);
			break;
		}
		case 0x8000000a:
			if (!kvm_cpu_cap_has(X86_FEATURE_SVM)) {
				clear_regs(entry);
				break;
			}
			entry.eax = 1;	/* revision */
			entry.ebx = 8;	/* ASIDs */
			entry.ecx = 0;
			cpuid_entry_override(entry, CPUID_8000_000A_EDX);
			break;
		case 0x80000019:
			entry.ecx = entry.edx = 0;
			break;
		case 0x8000001a:
		case 0x8000001e:
			break;
		case 0x8000001f:
			if (!kvm_cpu_cap_has(X86_FEATURE_SEV)) {
				clear_regs(entry);
			} else {
				cpuid_entry_override(entry, CPUID_8000_001F_EAX);

				/* bits that encryption takes: none, 0x80000008 has them off */
				entry.ebx &= ~0xfc0;
			}
			break;
		case 0x80000020:
			clear_regs(entry);
			break;
		case 0x80000021:
			entry.ebx = entry.ecx = entry.edx = 0;
			/* data breakpoints, LFENCE, null selectors; the rest is about MSRs */
			entry.eax &= 1 << 0 | 1 << 2 | 1 << 6;
			if (static_cpu_has(X86_FEATURE_LFENCE_RDTSC))
				entry.eax |= 1 << 2;
			if (!static_cpu_has_bug(X86_BUG_NULL_SEG))
				entry.eax |= 1 << 6;
			break;
		case 0xc0000000:
			entry.eax = Math.min(entry.eax, 0xc0000004);
			break;
		case 0xc0000001:
			cpuid_entry_override(entry, CPUID_C000_0001_EDX);
			break;
		case 3:
		case 5:
		case 0xc0000002:
		case 0xc0000003:
		case 0xc0000004:
		default:
			clear_regs(entry);
			break;
		}

		r = 0;
	}
	put_cpu();

	return r;
}

/** arch/x86/kvm/cpuid.c:do_cpuid_func() */
function do_cpuid_func(array: struct_kvm_cpuid_array, func: number, type: number): number {
	if (type === KVM_GET_EMULATED_CPUID)
		return __do_cpuid_func_emulated(array, func);

	return __do_cpuid_func(array, func);
}

const CENTAUR_CPUID_SIGNATURE = 0xc0000000;

/** arch/x86/kvm/cpuid.c:get_cpuid_func() */
function get_cpuid_func(array: struct_kvm_cpuid_array, func: number, type: number): number {
	if (func === CENTAUR_CPUID_SIGNATURE &&
	    boot_cpu_data.x86_vendor !== X86_VENDOR_CENTAUR)
		return 0;

	let r = do_cpuid_func(array, func, type);
	if (r)
		return r;

	const limit = array.entries[array.nent - 1]!.eax;
	for (func = func + 1; func <= limit; ++func) {
		r = do_cpuid_func(array, func, type);
		if (r)
			break;
	}

	return r;
}

/** arch/x86/kvm/cpuid.c:sanity_check_entries(): true if padding that must be 0 is not. */
function sanity_check_entries(entries: user_ptr, num_entries: number, ioctl_type: number): boolean {
	const pad = new Uint8Array(12);

	if (ioctl_type !== KVM_GET_EMULATED_CPUID)
		return false;

	for (let i = 0; i < num_entries; i++) {
		if (copy_from_user(pad, entries + i * struct_kvm_cpuid_entry2.size +
			struct_kvm_cpuid_entry2.offsets.padding, pad.length))
			return true;

		if (pad.some((x) => x !== 0))
			return true;
	}
	return false;
}

const funcs: readonly number[] = [
	0, 0x80000000, CENTAUR_CPUID_SIGNATURE, KVM_CPUID_SIGNATURE,
];

/** arch/x86/kvm/cpuid.c:kvm_dev_ioctl_get_cpuid() */
export function kvm_dev_ioctl_get_cpuid(cpuid: struct_kvm_cpuid2, entries: user_ptr,
	type: number): number {
	let r = 0;

	if (cpuid.nent < 1)
		return -E2BIG;
	if (cpuid.nent > KVM_MAX_CPUID_ENTRIES)
		cpuid.nent = KVM_MAX_CPUID_ENTRIES;

	if (sanity_check_entries(entries, cpuid.nent, type))
		return -EINVAL;

	const list = kvcalloc(cpuid.nent, () => struct_kvm_cpuid_entry2.alloc(), GFP_KERNEL);
	if (list === null)
		return -ENOMEM;

	const array = new struct_kvm_cpuid_array(list, cpuid.nent);

	out_free: {
		for (const func of funcs) {
			r = get_cpuid_func(array, func, type);
			if (r)
				break out_free;
		}
		cpuid.nent = array.nent;

		for (let i = 0; i < array.nent; i++)
			if (copy_to_user(entries + i * struct_kvm_cpuid_entry2.size, list[i]!,
				struct_kvm_cpuid_entry2.size)) {
				r = -EFAULT;
				break;
			}
	}
	kvfree(list);
	return r;
}

/** arch/x86/kvm/cpuid.c:kvm_find_cpuid_entry_index() */
export function kvm_find_cpuid_entry_index(vcpu: struct_kvm_vcpu, function_: number,
	index: number): struct_kvm_cpuid_entry2 | null {
	return cpuid_entry2_find(vcpu.arch.cpuid_entries, vcpu.arch.cpuid_nent, function_, index);
}

/** arch/x86/kvm/cpuid.c:kvm_find_cpuid_entry() */
export function kvm_find_cpuid_entry(vcpu: struct_kvm_vcpu,
	function_: number): struct_kvm_cpuid_entry2 | null {
	return cpuid_entry2_find(vcpu.arch.cpuid_entries, vcpu.arch.cpuid_nent, function_,
		KVM_CPUID_INDEX_NOT_SIGNIFICANT);
}

/**
 * arch/x86/kvm/cpuid.c:get_out_of_range_cpuid_entry(). Leaves come in classes, each with a first
 * leaf whose EAX is its last: basic ones, extended ones from 0x80000000, Centaur's from 0xc0000000,
 * and in 0x40000000 to 0x4fffffff one class of a hypervisor's in each 256. Intel answers a leaf
 * beyond its class as the last basic one, with the subleaf asked for; AMD answers 0.
 */
function get_out_of_range_cpuid_entry(vcpu: struct_kvm_vcpu, fn_ptr: ref<number>,
	index: number): struct_kvm_cpuid_entry2 | null {
	const function_ = fn_ptr.v;
	let class_: struct_kvm_cpuid_entry2 | null;

	const basic = kvm_find_cpuid_entry(vcpu, 0);
	if (basic === null)
		return null;

	if (is_guest_vendor_amd(basic.ebx, basic.ecx, basic.edx) ||
	    is_guest_vendor_hygon(basic.ebx, basic.ecx, basic.edx))
		return null;

	if (function_ >= 0x40000000 && function_ <= 0x4fffffff)
		class_ = kvm_find_cpuid_entry(vcpu, (function_ & 0xffffff00) >>> 0);
	else if (function_ >= 0xc0000000)
		class_ = kvm_find_cpuid_entry(vcpu, 0xc0000000);
	else
		class_ = kvm_find_cpuid_entry(vcpu, (function_ & 0x80000000) >>> 0);

	if (class_ !== null && function_ <= class_.eax)
		return null;

	/* the caller's adjustments of single leaves apply to the one that is taken */
	fn_ptr.v = basic.eax;

	return kvm_find_cpuid_entry_index(vcpu, basic.eax, index);
}

/** arch/x86/kvm/cpuid.c:kvm_cpuid() */
export function kvm_cpuid(vcpu: struct_kvm_vcpu, eax: ref<number>, ebx: ref<number>,
	ecx: ref<number>, edx: ref<number>, exact_only: boolean): boolean {
	const orig_function = eax.v, index = ecx.v;
	const function_ = new ref(eax.v);
	let used_max_basic = false;

	let entry = kvm_find_cpuid_entry_index(vcpu, function_.v, index);
	const exact = entry !== null;

	if (entry === null && !exact_only) {
		entry = get_out_of_range_cpuid_entry(vcpu, function_, index);
		used_max_basic = entry !== null;
	}

	if (entry !== null) {
		eax.v = entry.eax;
		ebx.v = entry.ebx;
		ecx.v = entry.ecx;
		edx.v = entry.edx;
		if (function_.v === 7 && index === 0) {
			const data = new ref(0n);
			if (!__kvm_get_msr(vcpu, MSR_IA32_TSX_CTRL, data, true) &&
			    (data.v & TSX_CTRL_CPUID_CLEAR) !== 0n)
				ebx.v = (ebx.v & ~(F(X86_FEATURE_RTM) | F(X86_FEATURE_HLE))) >>> 0;
		}
	} else {
		eax.v = ebx.v = ecx.v = edx.v = 0;
		/*
		 * In the topology leaves CL is the subleaf asked for, and EDX the APIC ID, even of
		 * subleaves that are not there; subleaf 1 is there if the leaf is.
		 */
		if (function_.v === 0xb || function_.v === 0x1f) {
			entry = kvm_find_cpuid_entry_index(vcpu, function_.v, 1);
			if (entry !== null) {
				ecx.v = index & 0xff;
				edx.v = entry.edx;
			}
		}
	}
	trace_kvm_cpuid(orig_function, index, eax.v, ebx.v, ecx.v, edx.v, exact, used_max_basic);
	return exact;
}

/** arch/x86/kvm/cpuid.c:kvm_emulate_cpuid() */
export function kvm_emulate_cpuid(vcpu: struct_kvm_vcpu): number {
	if (cpuid_fault_enabled(vcpu) && !kvm_require_cpl(vcpu, 0))
		return 1;

	const eax = new ref(Number(kvm_rax_read(vcpu) & 0xffffffffn));
	const ecx = new ref(Number(kvm_rcx_read(vcpu) & 0xffffffffn));
	const ebx = new ref(0), edx = new ref(0);
	kvm_cpuid(vcpu, eax, ebx, ecx, edx, false);
	kvm_rax_write(vcpu, BigInt(eax.v));
	kvm_rbx_write(vcpu, BigInt(ebx.v));
	kvm_rcx_write(vcpu, BigInt(ecx.v));
	kvm_rdx_write(vcpu, BigInt(edx.v));
	return kvm_skip_emulated_instruction(vcpu);
}
