// SPDX-License-Identifier: GPL-2.0
/*
 * Vectors that the kernel gives interrupts.
 *
 * Upstream: arch/x86/include/asm/irq_vectors.h, as far as KVM names them.
 */
export const NMI_VECTOR	= 0x02;
