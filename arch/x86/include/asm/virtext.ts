// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a CPU can virtualise, and how to make it stop.
 *
 * Upstream: arch/x86/include/asm/virtext.h.
 */
import type { ref } from "#asm-generic/types.ts";
import { X86_FEATURE_SVM, boot_cpu_has } from "#asm/cpufeature.ts";
import { EFER_SVME, MSR_EFER, MSR_VM_HSAVE_PA } from "#asm/msr-index.ts";
import { rdmsrl, wrmsrl } from "#asm/msr.ts";
import { X86_CR4_VMXE } from "#asm/processor-flags.ts";
import { boot_cpu_data, cpuid_ecx, X86_VENDOR_AMD, X86_VENDOR_HYGON } from "#asm/processor.ts";
import { SVM_CPUID_FUNC } from "#asm/svm.ts";
import { cr4_clear_bits } from "#asm/tlbflush.ts";
import { EIO } from "#linux/errno.ts";
import { vmxoff } from "#hw/vmx.ts";

/* VMX */

export function cpu_has_vmx(): boolean {
	return (cpuid_ecx(1) & 1 << 5) !== 0;	/* leaf 1, VMX */
}

/** On the current CPU; 0, or -EIO if it was not in VMX operation. */
export function cpu_vmxoff(): number {
	const r = vmxoff() ? 0 : -EIO;

	cr4_clear_bits(X86_CR4_VMXE);
	return r;
}

/* SVM */

/** @msg: why not. */
export function cpu_has_svm(msg: ref<string> | null): boolean {
	if (boot_cpu_data.x86_vendor !== X86_VENDOR_AMD &&
	    boot_cpu_data.x86_vendor !== X86_VENDOR_HYGON) {
		if (msg !== null)
			msg.v = "not amd or hygon";
		return false;
	}

	if (boot_cpu_data.extended_cpuid_level < SVM_CPUID_FUNC) {
		if (msg !== null)
			msg.v = "can't execute cpuid_8000000a";
		return false;
	}

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		if (msg !== null)
			msg.v = "svm not available";
		return false;
	}
	return true;
}

/** On the current CPU. */
export function cpu_svm_disable(): void {
	wrmsrl(MSR_VM_HSAVE_PA, 0n);
	const efer = rdmsrl(MSR_EFER);
	wrmsrl(MSR_EFER, efer & ~BigInt(EFER_SVME));
}
