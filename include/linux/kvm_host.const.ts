// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's constants that other headers compute with at their top level.
 *
 * Upstream: include/linux/kvm_host.h, which re-exports them.
 */
import { hva_t, kvm_pfn_t } from "#asm-generic/types.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";

/** Bits 16 to 31 of a memslot's flags are KVM's own. */
export const KVM_MEMSLOT_INVALID	= 1 << 16;

/**
 * Set in memslots.generation while install_new_memslots() swaps the sets: what is cached meanwhile
 * matches neither generation. C: bit 63; here bit 30, so that C's operators work on a plain number
 * (it takes 2^29 changes of memslots to count up to it).
 */
export const KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS	= 1 << 30;

/* an access may straddle two pages */
export const KVM_MAX_MMIO_FRAGMENTS	= 2;

/*
 * kvm_pfn_t that are none. Frame numbers end at 2^40; from KVM_PFN_ERR_MASK on they are errors, and
 * one number far above stands for "no slot". Only the predicates know.
 */
export const KVM_PFN_ERR_MASK		= 2 ** 52;
export const KVM_PFN_ERR_NOSLOT_MASK	= 2 ** 52;
export const KVM_PFN_NOSLOT		= kvm_pfn_t(KVM_PFN_ERR_MASK + 2 ** 51);

export const KVM_PFN_ERR_FAULT		= kvm_pfn_t(KVM_PFN_ERR_MASK);
export const KVM_PFN_ERR_HWPOISON	= kvm_pfn_t(KVM_PFN_ERR_MASK + 1);
export const KVM_PFN_ERR_RO_FAULT	= kvm_pfn_t(KVM_PFN_ERR_MASK + 2);

/* C: PAGE_OFFSET, where the user half has ended */
export const KVM_HVA_ERR_BAD		= hva_t(2 ** 52);
export const KVM_HVA_ERR_RO_BAD		= hva_t(2 ** 52 + PAGE_SIZE);

/* a request is a bit number, with flags above */
export const KVM_REQUEST_MASK		= 0xff;
export const KVM_REQUEST_NO_WAKEUP	= 1 << 8;
export const KVM_REQUEST_WAIT		= 1 << 9;
export const KVM_REQUEST_NO_ACTION	= 1 << 10;

/* bits of vcpu.requests that every architecture has; 4 to 7 are reserved for more */
export const KVM_REQ_TLB_FLUSH		= 0 | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP;
export const KVM_REQ_VM_DEAD		= 1 | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP;
export const KVM_REQ_UNBLOCK		= 2;
export const KVM_REQ_UNHALT		= 3;
export const KVM_REQUEST_ARCH_BASE	= 8;

/** Nothing to do but to be out of the guest: unlike after a kick, the sender waits for that. */
export const KVM_REQ_OUTSIDE_GUEST_MODE	=
	KVM_REQUEST_NO_ACTION | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP;

export function KVM_ARCH_REQ_FLAGS(nr: number, flags: number): number {
	return (nr + KVM_REQUEST_ARCH_BASE) | flags;
}

export function KVM_ARCH_REQ(nr: number): number {
	return KVM_ARCH_REQ_FLAGS(nr, 0);
}

export const KVM_USERSPACE_IRQ_SOURCE_ID	= 0;
export const KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID	= 1;

export const NR_IOBUS_DEVS		= 1000;

/* enum kvm_bus */
export const KVM_MMIO_BUS		= 0;
export const KVM_PIO_BUS		= 1;
export const KVM_VIRTIO_CCW_NOTIFY_BUS	= 2;
export const KVM_FAST_MMIO_BUS		= 3;
export const KVM_NR_BUSES		= 4;
export type kvm_bus = 0 | 1 | 2 | 3;

/** What a bitmap may be long at most. */
export const KVM_MEM_MAX_NR_PAGES	= 2 ** 31 - 1;

/** SHRT_MAX: memslot.id is a short. Of them x86 keeps KVM_INTERNAL_MEM_SLOTS (3). */
export const KVM_MEM_SLOTS_NUM		= 0x7fff;
export const KVM_USER_MEM_SLOTS		= KVM_MEM_SLOTS_NUM - 3;

export const KVM_MAX_IRQ_ROUTES		= 4096;

/* how many entries a dirty ring keeps back, and how many it may have */
export const KVM_DIRTY_RING_RSVD_ENTRIES	= 64;
export const KVM_DIRTY_RING_MAX_ENTRIES		= 65536;

/** Whose mappings go, where private and shared memory have page tables of their own: a mask. */
export const KVM_ZAP_SHARED	= 1;
export const KVM_ZAP_PRIVATE	= 2;
export type kvm_zap_what = number;
