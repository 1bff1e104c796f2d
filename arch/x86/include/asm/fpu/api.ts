// SPDX-License-Identifier: GPL-2.0
/*
 * Floating point state of guests.
 *
 * Upstream: arch/x86/include/asm/fpu/api.h. Left out: the kernel's own use of the FPU.
 */
export {
	fpstate_is_confidential, fpu_alloc_guest_fpstate, fpu_copy_guest_fpstate_to_uabi,
	fpu_copy_uabi_to_guest_fpstate, fpu_free_guest_fpstate, fpu_swap_kvm_fpstate,
} from "#arch/x86/kernel/fpu/core.ts";
