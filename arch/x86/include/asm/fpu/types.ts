// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's floating point state, with which nobody computes here: bytes as XSAVE lays them out.
 *
 * Upstream: arch/x86/include/asm/fpu/types.h, as far as KVM holds it.
 */
export const FXSAVE_SIZE		= 512;
export const XSAVE_HDR_OFFSET		= FXSAVE_SIZE;
export const XSAVE_HDR_SIZE		= 64;

/* bits of XCR0 */
export const XFEATURE_MASK_FP		= 1 << 0;
export const XFEATURE_MASK_SSE		= 1 << 1;
export const XFEATURE_MASK_YMM		= 1 << 2;
export const XFEATURE_MASK_BNDREGS	= 1 << 3;
export const XFEATURE_MASK_BNDCSR	= 1 << 4;
export const XFEATURE_MASK_OPMASK	= 1 << 5;
export const XFEATURE_MASK_ZMM_Hi256	= 1 << 6;
export const XFEATURE_MASK_Hi16_ZMM	= 1 << 7;
export const XFEATURE_MASK_PKRU		= 1 << 9;
export const XFEATURE_MASK_XTILE_CFG	= 1 << 17;
export const XFEATURE_MASK_XTILE_DATA	= 1 << 18;

export const XFEATURE_MASK_FPSSE	= XFEATURE_MASK_FP | XFEATURE_MASK_SSE;
export const XFEATURE_MASK_AVX512	= XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 |
	XFEATURE_MASK_Hi16_ZMM;
export const XFEATURE_MASK_XTILE	= XFEATURE_MASK_XTILE_DATA | XFEATURE_MASK_XTILE_CFG;
export const XFEATURE_MASK_USER_DYNAMIC	= XFEATURE_MASK_XTILE_DATA;

export class struct_fpstate {
	/** in bytes, of regs */
	size = 0;
	/** of what user space sees */
	user_size = 0;
	/** bits of XCR0 that the guest may set, */
	xfeatures = 0;
	/** and those that user space may load */
	user_xfeatures = 0;
	is_guest = false;
	/** legacy area, header */
	regs: Uint8Array;

	constructor(size: number) {
		this.size = size;
		this.user_size = size;
		this.regs = new Uint8Array(size);
	}
}

export class struct_fpu_guest {
	/** features the process may use in guests */
	perm = 0;
	fpstate: struct_fpstate | null = null;
	/** bytes that KVM_GET_XSAVE gives */
	uabi_size = 0;
}
