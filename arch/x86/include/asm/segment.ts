// SPDX-License-Identifier: GPL-2.0
/*
 * Selectors of the kernel's segments, and their bits.
 *
 * Upstream: arch/x86/include/asm/segment.h, as far as KVM names them: the modelled kernel has no
 * descriptor tables.
 */
export const GDT_ENTRY_KERNEL_CS	= 2;
export const GDT_ENTRY_KERNEL_DS	= 3;
export const GDT_ENTRY_TSS		= 8;

export const __KERNEL_CS		= GDT_ENTRY_KERNEL_CS * 8;
export const __KERNEL_DS		= GDT_ENTRY_KERNEL_DS * 8;

/* bits of a selector: requested privilege level; LDT rather than GDT */
export const SEGMENT_RPL_MASK		= 0x3;
export const SEGMENT_TI_MASK		= 0x4;
