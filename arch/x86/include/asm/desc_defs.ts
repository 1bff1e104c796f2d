// SPDX-License-Identifier: GPL-2.0
/*
 * Where a descriptor table is.
 *
 * Upstream: arch/x86/include/asm/desc_defs.h. Left out: descriptors themselves.
 */
export class struct_desc_ptr {
	size = 0;
	/** linear address, as the register holds it */
	address = 0n;
}
