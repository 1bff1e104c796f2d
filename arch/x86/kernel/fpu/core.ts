// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floating point state of guests: allocated, copied to user space and back.
 *
 * Upstream: arch/x86/kernel/fpu/core.c. The modelled CPU executes no floating point instruction and
 * has no XSAVE, so a state is the bytes of FXSAVE, which only ioctls read and write. Left out: the
 * state of tasks, dynamic features, xfd.
 */
import { EINVAL } from "#linux/errno.ts";
import { GFP_KERNEL_ACCOUNT } from "#linux/gfp_types.ts";
import { kzalloc, kfree } from "#linux/slab.ts";
import { FXSAVE_SIZE, struct_fpstate, XFEATURE_MASK_FPSSE, XSAVE_HDR_OFFSET, XSAVE_HDR_SIZE,
	type struct_fpu_guest } from "#asm/fpu/types.ts";

/* offsets in FXSAVE's area */
const FXSAVE_CWD	= 0;
const FXSAVE_MXCSR	= 24;

const MXCSR_DEFAULT	= 0x1f80;
/** Bits of MXCSR that the CPU has: all but DAZ's neighbours above bit 15. */
const mxcsr_feature_mask = 0x0000ffff;

/* struct kvm_xsave without its extra part */
const KVM_XSAVE_SIZE	= 4096;

/** arch/x86/kernel/fpu/core.c:fpstate_init_user() */
function fpstate_init_user(fpstate: struct_fpstate): void {
	const dv = new DataView(fpstate.regs.buffer);

	dv.setUint16(FXSAVE_CWD, 0x37f, true);
	dv.setUint32(FXSAVE_MXCSR, MXCSR_DEFAULT, true);
}

/** arch/x86/kernel/fpu/core.c:fpu_alloc_guest_fpstate() */
export function fpu_alloc_guest_fpstate(gfpu: struct_fpu_guest): boolean {
	const fpstate = kzalloc(struct_fpstate, GFP_KERNEL_ACCOUNT,
		XSAVE_HDR_OFFSET + XSAVE_HDR_SIZE);
	if (fpstate === null)
		return false;

	fpstate_init_user(fpstate);
	fpstate.is_guest = true;
	fpstate.xfeatures = XFEATURE_MASK_FPSSE;
	fpstate.user_xfeatures = XFEATURE_MASK_FPSSE;

	gfpu.fpstate = fpstate;
	gfpu.perm = XFEATURE_MASK_FPSSE;

	/* KVM_GET_XSAVE gives a page, however little of it is used */
	gfpu.uabi_size = KVM_XSAVE_SIZE;
	return true;
}

/** arch/x86/kernel/fpu/core.c:fpu_free_guest_fpstate() */
export function fpu_free_guest_fpstate(gfpu: struct_fpu_guest): void {
	const fpstate = gfpu.fpstate;

	if (fpstate === null)
		return;

	gfpu.fpstate = null;
	kfree(fpstate);
}

/** arch/x86/kernel/fpu/core.c:fpu_swap_kvm_fpstate(). No CPU holds a state: nothing to swap. */
export function fpu_swap_kvm_fpstate(_guest_fpu: struct_fpu_guest, _enter_guest: boolean): number {
	return 0;
}

export function fpstate_is_confidential(_gfpu: struct_fpu_guest): boolean {
	return false;
}

/** arch/x86/kernel/fpu/core.c:fpu_copy_guest_fpstate_to_uabi() */
export function fpu_copy_guest_fpstate_to_uabi(gfpu: struct_fpu_guest, buf: Uint8Array): void {
	const kstate = gfpu.fpstate!;

	buf.set(kstate.regs.subarray(0, FXSAVE_SIZE));
	/* so that a host with XSAVE can load it */
	new DataView(buf.buffer, buf.byteOffset)
		.setBigUint64(XSAVE_HDR_OFFSET, BigInt(XFEATURE_MASK_FPSSE), true);
}

/** arch/x86/kernel/fpu/core.c:fpu_copy_uabi_to_guest_fpstate() */
export function fpu_copy_uabi_to_guest_fpstate(gfpu: struct_fpu_guest, buf: Uint8Array): number {
	const kstate = gfpu.fpstate!;
	const ustate = new DataView(buf.buffer, buf.byteOffset);

	if ((ustate.getBigUint64(XSAVE_HDR_OFFSET, true) & ~BigInt(XFEATURE_MASK_FPSSE)) !== 0n)
		return -EINVAL;
	if ((ustate.getUint32(FXSAVE_MXCSR, true) & ~mxcsr_feature_mask) !== 0)
		return -EINVAL;
	kstate.regs.set(buf.subarray(0, FXSAVE_SIZE));
	return 0;
}
