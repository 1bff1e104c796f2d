// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's kinds of addresses, and constants that its structs are made with.
 *
 * Upstream: include/linux/kvm_types.h. Left out: the structs, which stand with struct kvm's; the
 * kinds themselves are asm-generic's.
 *
 *			bytes		frames of 4096
 * guest, virtual	gva_t
 * guest, physical	gpa_t		gfn_t
 * host, virtual	hva_t
 * host, physical	hpa_t		hfn_t, which an error or "no slot" turns into kvm_pfn_t
 *
 * A memslot leads from gfn to hva, the host's page tables from hva to pfn, KVM's from gfn to pfn.
 */
import { gpa_t, type kvm_pfn_t } from "#asm-generic/types.ts";

export { gfn_t, gpa_t, gva_t, hpa_t, hva_t, kvm_pfn_t } from "#asm-generic/types.ts";

export type hfn_t = kvm_pfn_t;

/** C: all ones. Here the largest exact number, which no address space reaches. */
export const GPA_INVALID	= gpa_t(Number.MAX_SAFE_INTEGER);

/* enum pfn_cache_usage */
export const KVM_GUEST_USES_PFN		= 1 << 0;
export const KVM_HOST_USES_PFN		= 1 << 1;
export const KVM_GUEST_AND_HOST_USE_PFN	= KVM_GUEST_USES_PFN | KVM_HOST_USES_PFN;

export const HALT_POLL_HIST_COUNT	= 32;

export const KVM_STATS_NAME_SIZE	= 48;
