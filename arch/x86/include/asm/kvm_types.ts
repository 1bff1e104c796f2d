// SPDX-License-Identifier: GPL-2.0
/*
 * What linux/kvm_types.ts leaves to the architecture.
 *
 * Upstream: arch/x86/include/asm/kvm_types.h.
 */
export const KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE	= 40;
