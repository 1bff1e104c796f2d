// SPDX-License-Identifier: GPL-2.0
/*
 * Memory cgroups: without them.
 *
 * Upstream: include/linux/memcontrol.h for !CONFIG_MEMCG, and the lruvec functions. Left out: all
 * that CONFIG_MEMCG adds.
 */
import type { gfp_t } from "#linux/gfp_types.ts";
import type { struct_folio, struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import {
	contig_page_data, type struct_lruvec, type struct_pglist_data,
} from "#linux/mmzone.ts";
import {
	spin_lock, spin_lock_irq, spin_lock_irqsave, spin_unlock, spin_unlock_irq,
	spin_unlock_irqrestore,
} from "#linux/spinlock.ts";
import type { swp_entry_t } from "#linux/swapops.ts";

/** Never made. */
export interface struct_mem_cgroup {
	readonly id: number;
}

/* enum memcg_memory_event, MEMCG_NR_* */
export const MEMCG_LOW		= 0;
export const MEMCG_HIGH		= 1;
export const MEMCG_MAX		= 2;
export const MEMCG_OOM		= 3;
export const MEMCG_OOM_KILL	= 4;

export function mem_cgroup_disabled(): boolean {
	return true;
}

export function mem_cgroup_is_root(_memcg: struct_mem_cgroup | null): boolean {
	return true;
}

export function folio_memcg(_folio: struct_folio): struct_mem_cgroup | null {
	return null;
}

export function page_memcg(_page: struct_page): struct_mem_cgroup | null {
	return null;
}

export function folio_memcg_kmem(_folio: struct_folio): boolean {
	return false;
}

export function PageMemcgKmem(_page: struct_page): boolean {
	return false;
}

export function memcg_kmem_enabled(): boolean {
	return false;
}

export function mem_cgroup_charge(_folio: struct_folio, _mm: struct_mm_struct | null,
	_gfp: gfp_t): number {
	return 0;
}

export function mm_match_cgroup(_mm: struct_mm_struct, _memcg: struct_mem_cgroup | null): boolean {
	return true;
}

export function mem_cgroup_swapin_charge_page(_page: struct_page, _mm: struct_mm_struct | null,
	_gfp: gfp_t, _entry: swp_entry_t): number {
	return 0;
}

export function mem_cgroup_swapin_uncharge_swap(_entry: swp_entry_t): void {}
export function mem_cgroup_uncharge(_folio: struct_folio): void {}
export function mem_cgroup_uncharge_list(_page_list: (struct_page | null)[]): void {}
export function mem_cgroup_migrate(_old: struct_folio, _new: struct_folio): void {}
export function mem_cgroup_split_huge_fixup(_head: struct_page): void {}
export function split_page_memcg(_head: struct_page, _nr: number): void {}

export function folio_memcg_lock(_folio: struct_folio): void {}
export function folio_memcg_unlock(_folio: struct_folio): void {}
export function lock_page_memcg(_page: struct_page): void {}
export function unlock_page_memcg(_page: struct_page): void {}

export function mem_cgroup_handle_over_high(): void {}
export function mem_cgroup_enter_user_fault(): void {}
export function mem_cgroup_exit_user_fault(): void {}

export function task_in_memcg_oom(_p: unknown): boolean {
	return false;
}

export function mem_cgroup_oom_synchronize(_wait: boolean): boolean {
	return false;
}

export function get_mem_cgroup_from_mm(_mm: struct_mm_struct | null): struct_mem_cgroup | null {
	return null;
}

export function get_mem_cgroup_from_folio(_folio: struct_folio): struct_mem_cgroup | null {
	return null;
}

export function mem_cgroup_put(_memcg: struct_mem_cgroup | null): void {}
export function css_put(_css: unknown): void {}

export function count_memcg_events(_memcg: struct_mem_cgroup | null, _idx: number,
	_nr: number): void {}
export function count_memcg_page_event(_page: struct_page, _idx: number): void {}
export function count_memcg_folio_events(_folio: struct_folio, _idx: number, _nr: number): void {}
export function count_memcg_event_mm(_mm: struct_mm_struct | null, _idx: number): void {}
export function memcg_memory_event_mm(_mm: struct_mm_struct | null, _event: number): void {}

export function memcg_kmem_charge_page(_page: struct_page, _gfp: gfp_t, _order: number): number {
	return 0;
}

export function memcg_kmem_uncharge_page(_page: struct_page, _order: number): void {}

export function mod_memcg_page_state(_page: struct_page, _idx: number, _val: number): void {}

/* ---- lruvecs -------------------------------------------------------------------------------- */

export function mem_cgroup_lruvec(_memcg: struct_mem_cgroup | null,
	pgdat: struct_pglist_data): struct_lruvec {
	return pgdat.__lruvec;
}

export function folio_lruvec(_folio: struct_folio): struct_lruvec {
	return contig_page_data.__lruvec;
}

export function lruvec_memcg(_lruvec: struct_lruvec): struct_mem_cgroup | null {
	return null;
}

export function parent_lruvec(_lruvec: struct_lruvec): struct_lruvec | null {
	return null;
}

export function folio_lruvec_lock(_folio: struct_folio): struct_lruvec {
	const lruvec = contig_page_data.__lruvec;
	spin_lock(lruvec.lru_lock);
	return lruvec;
}

export function folio_lruvec_lock_irq(_folio: struct_folio): struct_lruvec {
	const lruvec = contig_page_data.__lruvec;
	spin_lock_irq(lruvec.lru_lock);
	return lruvec;
}

/** Flags of the last folio_lruvec_lock_irqsave(), which is never nested. */
export let lruvec_flags = 0;

export function folio_lruvec_lock_irqsave(_folio: struct_folio): struct_lruvec {
	const lruvec = contig_page_data.__lruvec;
	lruvec_flags = spin_lock_irqsave(lruvec.lru_lock);
	return lruvec;
}

export function unlock_page_lruvec(lruvec: struct_lruvec): void {
	spin_unlock(lruvec.lru_lock);
}

export function unlock_page_lruvec_irq(lruvec: struct_lruvec): void {
	spin_unlock_irq(lruvec.lru_lock);
}

export function unlock_page_lruvec_irqrestore(lruvec: struct_lruvec, flags: number): void {
	spin_unlock_irqrestore(lruvec.lru_lock, flags);
}

export function folio_matches_lruvec(_folio: struct_folio, _lruvec: struct_lruvec): boolean {
	return true;
}

/** The lock stays taken if @locked_lruvec is the folio's already. */
export function folio_lruvec_relock_irq(folio: struct_folio,
	locked_lruvec: struct_lruvec | null): struct_lruvec {
	if (locked_lruvec !== null)
		return locked_lruvec;
	return folio_lruvec_lock_irq(folio);
}

export function folio_lruvec_relock_irqsave(folio: struct_folio,
	locked_lruvec: struct_lruvec | null): struct_lruvec {
	if (locked_lruvec !== null)
		return locked_lruvec;
	return folio_lruvec_lock_irqsave(folio);
}
