// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's floating point state, which here nobody computes with: kept as XSAVE lays it out.
 *
 * Upstream: arch/x86/include/asm/fpu/types.h, as far as KVM holds it.
 */
export class struct_fpu_guest {
	/** XSAVE area: legacy 512 bytes, 64 bytes of header, AVX's upper halves */
	fpstate: Uint8Array | null = null;
	/** what the guest may use: bits of XCR0 */
	perm = 0;
	/** bytes of the area that user space sees */
	uabi_size = 0;
}
