// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's kinds of addresses, and structs that its other structs are made with.
 *
 * Upstream: include/linux/kvm_types.h. The kinds themselves are asm-generic's.
 *
 *			bytes		frames of 4096
 * guest, virtual	gva_t
 * guest, physical	gpa_t		gfn_t
 * host, virtual	hva_t
 * host, physical	hpa_t		hfn_t, which an error or "no slot" turns into kvm_pfn_t
 *
 * A memslot leads from gfn to hva, the host's page tables from hva to pfn, KVM's from gfn to pfn.
 */
import { gpa_t, hva_t, kvm_pfn_t } from "#asm-generic/types.ts";
import type { gfp_t } from "#linux/gfp_types.ts";
import type { struct_kvm_memory_slot } from "#linux/kvm_host.ts";
import type { struct_kmem_cache } from "#linux/slab.ts";

export { gfn_t, gpa_t, gva_t, hpa_t, hva_t, kvm_pfn_t } from "#asm-generic/types.ts";

export type hfn_t = kvm_pfn_t;

/** What runs or may sleep with a vCPU loaded: it yields in the guest, and asleep. */
export type kvm_gen<T> = Generator<void, T, void>;

/** What mostly does not yield: its answer, or the generator that has yielded for the first time. */
export type kvm_may_gen<T> = T | kvm_gen<T>;

/** Runs @gen to its end, or until it yields. */
export function kvm_gen_start(gen: kvm_gen<number>): kvm_may_gen<number> {
	const r = gen.next();

	return r.done === true ? r.value : gen;
}

/** C: all ones. Here the largest exact number, which no address space reaches. */
export const GPA_INVALID	= gpa_t(Number.MAX_SAFE_INTEGER);

/* enum pfn_cache_usage */
export const KVM_GUEST_USES_PFN		= 1 << 0;
export const KVM_HOST_USES_PFN		= 1 << 1;
export const KVM_GUEST_AND_HOST_USE_PFN	= KVM_GUEST_USES_PFN | KVM_HOST_USES_PFN;

export const HALT_POLL_HIST_COUNT	= 32;

export const KVM_STATS_NAME_SIZE	= 48;

/** Guest addresses that were looked up once: valid while the memslots are of this generation. */
export class struct_gfn_to_hva_cache {
	generation = 0;
	gpa = gpa_t(0);
	hva = hva_t(0);
	len = 0;
	memslot: struct_kvm_memory_slot | null = null;
}

/** Only named in signatures: HAVE_KVM_PFNCACHE is off. */
export class struct_gfn_to_pfn_cache {
	generation = 0;
	gpa = gpa_t(0);
	uhva = hva_t(0);
	memslot: struct_kvm_memory_slot | null = null;
	pfn = kvm_pfn_t(0);
	usage = 0;
	active = false;
	valid = false;
}

/**
 * Objects allocated before a lock is taken, for the code under it. With kmem_cache null they are
 * zeroed pages. capacity and objects are set up by the first filling.
 */
export class struct_kvm_mmu_memory_cache {
	nobjs = 0;
	gfp_zero: gfp_t = 0;
	gfp_custom: gfp_t = 0;
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	kmem_cache: struct_kmem_cache<any> | null = null;
	capacity = 0;
	objects: (object | null)[] | null = null;
}

export class struct_kvm_vm_stat_generic {
	remote_tlb_flush = 0;
	remote_tlb_flush_requests = 0;
}

const hist = (): number[] => new Array<number>(HALT_POLL_HIST_COUNT).fill(0);

export class struct_kvm_vcpu_stat_generic {
	halt_successful_poll = 0;
	halt_attempted_poll = 0;
	halt_poll_invalid = 0;
	halt_wakeup = 0;
	halt_poll_success_ns = 0;
	halt_poll_fail_ns = 0;
	halt_wait_ns = 0;
	halt_poll_success_hist = hist();
	halt_poll_fail_hist = hist();
	halt_wait_hist = hist();
	blocking = 0;
}
