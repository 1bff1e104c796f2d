// SPDX-License-Identifier: GPL-2.0
/*
 * What x86.ts makes at its top level, and codes of MSR accesses.
 *
 * Upstream: arch/x86/kvm/x86.h, whose port re-exports it.
 */

/** What KVM can do on this CPU. Filled in by the vendor's hardware_setup(). */
export class struct_kvm_caps {
	/** the rate of a guest's TSC can be set */
	has_tsc_control = false;
	max_guest_tsc_khz = 0;
	/** bits after the point of a TSC scaling ratio */
	tsc_scaling_ratio_frac_bits = 0;
	max_tsc_scaling_ratio = 0n;
	default_tsc_scaling_ratio = 0n;
	has_bus_lock_exit = false;
	has_notify_vmexit = false;

	supported_mce_cap = 0n;
	supported_xcr0 = 0;
	supported_xss = 0n;
}

/*
 * Of MSR accesses, besides 0, 1 (#GP) and negative errnos: a #GP unless userspace, asked, knows
 * better.
 */
export const KVM_MSR_RET_INVALID	= 2;	/* no such MSR */
export const KVM_MSR_RET_FILTERED	= 3;	/* userspace's filter */
