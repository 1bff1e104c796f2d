// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Hypercalls.
 *
 * Upstream: include/uapi/linux/kvm_para.h.
 */
import { E2BIG, EFAULT, EINVAL, EPERM } from "#uapi/asm-generic/errno-base.ts";

export * from "#uapi-asm/kvm_para.ts";

/* what a hypercall returns, negated */
export const KVM_ENOSYS		= 1000;
export const KVM_EFAULT		= EFAULT;
export const KVM_EINVAL		= EINVAL;
export const KVM_E2BIG		= E2BIG;
export const KVM_EPERM		= EPERM;
export const KVM_EOPNOTSUPP	= 95;

/* numbers of hypercalls */
export const KVM_HC_VAPIC_POLL_IRQ	= 1;
export const KVM_HC_MMU_OP		= 2;
export const KVM_HC_FEATURES		= 3;
export const KVM_HC_PPC_MAP_MAGIC_PAGE	= 4;
export const KVM_HC_KICK_CPU		= 5;
export const KVM_HC_MIPS_GET_CLOCK_FREQ	= 6;
export const KVM_HC_MIPS_EXIT_VM	= 7;
export const KVM_HC_MIPS_CONSOLE_OUTPUT	= 8;
export const KVM_HC_CLOCK_PAIRING	= 9;
export const KVM_HC_SEND_IPI		= 10;
export const KVM_HC_SCHED_YIELD		= 11;
export const KVM_HC_MAP_GPA_RANGE	= 12;
