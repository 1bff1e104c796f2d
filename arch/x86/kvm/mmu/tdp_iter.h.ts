// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over the page tables of the TDP MMU.
 *
 * Upstream: arch/x86/kvm/mmu/tdp_iter.h. The loops that C has as macros are written out:
 *
 *	for_each_tdp_pte_min_level(iter, root, min_level, start, end) is
 *	for (tdp_iter_start(iter, root, min_level, start); iter.valid && iter.gfn < end;
 *	     tdp_iter_next(iter))
 *
 *	for_each_tdp_pte(iter, root, start, end) is the same with PG_LEVEL_4K
 *
 * A table may be unlinked under mmu_lock held for read and is freed after a grace period: its
 * entries are accessed in RCU sections. Who unlinks tables flushes before the section ends.
 */
import { pair, pair_put, PAIR_ZERO, type u64_spte } from "#asm-generic/pair.ts";
import { gfn_t } from "#asm-generic/types.ts";
import { rcu_dereference } from "#linux/rcupdate.ts";
import { mem_hi, mem_lo, mem_write64, mem_xchg64, mem_xchg_hi } from "#hw/memory.ts";
import type { struct_kvm_mmu_page, tdp_ptep_t } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { is_last_spte, is_shadow_present_pte, spte_has_volatile_bits } from
	"#arch/x86/kvm/mmu/spte.h.ts";

export { spte_to_child_pt, tdp_iter_forget, tdp_iter_next, tdp_iter_restart, tdp_iter_sp,
	tdp_iter_start, tdp_iter_start_near } from "#arch/x86/kvm/mmu/tdp_iter.ts";

export function kvm_tdp_mmu_read_spte(sptep: tdp_ptep_t): u64_spte {
	const p = rcu_dereference(sptep);
	const lo = mem_lo(p), hi = mem_hi(p);

	return (lo | hi) === 0 ? PAIR_ZERO : pair(lo, hi);
}

export function kvm_tdp_mmu_write_spte_atomic(sptep: tdp_ptep_t, new_spte: u64_spte): u64_spte {
	const lo = mem_xchg64(rcu_dereference(sptep), new_spte.lo, new_spte.hi);
	const hi = mem_xchg_hi;

	return (lo | hi) === 0 ? PAIR_ZERO : pair(lo, hi);
}

export function __kvm_tdp_mmu_write_spte(sptep: tdp_ptep_t, new_spte: u64_spte): void {
	mem_write64(rcu_dereference(sptep), new_spte.lo, new_spte.hi);
}

/**
 * Answers what was there. Atomic for a present leaf that the CPU, or a fast page fault, may be
 * changing; the accessed bit of other entries is of no interest and may be lost.
 */
export function kvm_tdp_mmu_write_spte(sptep: tdp_ptep_t, old_spte: u64_spte, new_spte: u64_spte,
	level: number): u64_spte {
	if (is_shadow_present_pte(old_spte) && is_last_spte(old_spte, level) &&
	    spte_has_volatile_bits(old_spte))
		return kvm_tdp_mmu_write_spte_atomic(sptep, new_spte);

	__kvm_tdp_mmu_write_spte(sptep, new_spte);
	return old_spte;
}

/** A walk in pre-order, under way. */
export class struct_tdp_iter {
	/** The walk goes down towards the entry that maps this gfn. */
	next_last_level_gfn: gfn_t = gfn_t(0);
	/** next_last_level_gfn when mmu_lock was dropped last: no yield without progress. */
	yielded_gfn: gfn_t = gfn_t(0);
	/** The tables on the way, by level - 1. */
	pt_path: tdp_ptep_t[] = [0, 0, 0, 0, 0];
	sptep: tdp_ptep_t = 0;
	/** The lowest gfn that the current entry maps. */
	gfn: gfn_t = gfn_t(0);
	root_level = 0;
	min_level = 0;
	level = 0;
	as_id = 0;
	/** The walk is over a TD's private tables. */
	is_private = false;
	/** What sptep held when it was read. Written in place: who keeps it makes a copy. */
	readonly old_spte: u64_spte = pair(0, 0);
	/** False once the walk is past the end. */
	valid = false;
	/** mmu_lock was dropped: tdp_iter_next() starts from the root again. */
	yielded = false;
	/**
	 * Port-only: the first gfn of the table of small pages that the walk is in, and the table's
	 * page once tdp_iter_sp() was asked; -1 and null anywhere else, or if tables were taken out
	 * of a tree since.
	 */
	table_gfn = -1;
	table_sp: struct_kvm_mmu_page | null = null;
	/** Port-only: pt_path[root_level - 1] */
	root_pt: tdp_ptep_t = 0;
}

/**
 * Port-only, kvm_tdp_mmu_map()'s own; C has it on the stack. Between faults it stands where the
 * last one left it: see tdp_iter_start_near().
 */
export const fault_iter = new struct_tdp_iter();

let spare: struct_tdp_iter | null = null;

/** Port-only, for notifiers and walks of one entry, likewise. tdp_iter_put() when done. */
export function tdp_iter_get(): struct_tdp_iter {
	const iter = spare;

	if (iter === null)
		return new struct_tdp_iter();
	spare = null;
	return iter;
}

export function tdp_iter_put(iter: struct_tdp_iter): void {
	spare = iter;
}

/** iter->old_spte = kvm_tdp_mmu_read_spte(iter->sptep) */
export function tdp_iter_read_spte(iter: struct_tdp_iter): void {
	const p = rcu_dereference(iter.sptep);
	pair_put(iter.old_spte, mem_lo(p), mem_hi(p));
}
