// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over the page tables of the TDP MMU.
 *
 * Upstream: arch/x86/kvm/mmu/tdp_iter.c. Left out: nothing.
 */
import type { u64_spte } from "#asm-generic/pair.ts";
import { ALIGN_DOWN, ul_shr } from "#asm-generic/bits.ts";
import { gfn_t } from "#asm-generic/types.ts";
import { WARN_ON } from "#linux/bug.ts";
import { PG_LEVEL_4K } from "#asm/pgtable_types.ts";
import { KVM_HPAGE_GFN_SHIFT, KVM_PAGES_PER_HPAGE, PT64_ROOT_MAX_LEVEL } from "#asm/kvm_host.ts";
import { is_private_sp, kvm_mmu_page_as_id, sptep_to_sp, type struct_kvm_mmu_page, type tdp_ptep_t }
	from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { is_last_spte, is_shadow_present_pte, SPTE_ENT_PER_PAGE, spte_index, spte_to_pfn } from
	"#arch/x86/kvm/mmu/spte.h.ts";
import { tdp_iter_read_spte, type struct_tdp_iter } from "#arch/x86/kvm/mmu/tdp_iter.h.ts";

/** SPTE_INDEX(gfn << PAGE_SHIFT, level), without the detour by bytes. */
function gfn_spte_index(gfn: number, level: number): number {
	return gfn <= 0x7fffffff && level < PT64_ROOT_MAX_LEVEL ?
		(gfn >> KVM_HPAGE_GFN_SHIFT(level)) & (SPTE_ENT_PER_PAGE - 1) :
		Math.floor(gfn / KVM_PAGES_PER_HPAGE(level)) & (SPTE_ENT_PER_PAGE - 1);
}

/** arch/x86/kvm/mmu/tdp_iter.c:tdp_iter_refresh_sptep() */
function tdp_iter_refresh_sptep(iter: struct_tdp_iter): void {
	iter.sptep = iter.pt_path[iter.level - 1]! + gfn_spte_index(iter.gfn, iter.level);
	tdp_iter_read_spte(iter);
}

/** arch/x86/kvm/mmu/tdp_iter.c:round_gfn_for_level() */
function round_gfn_for_level(gfn: gfn_t, level: number): gfn_t {
	const shift = KVM_HPAGE_GFN_SHIFT(level);

	return gfn <= 0x7fffffff && level < PT64_ROOT_MAX_LEVEL ?
		gfn_t(ul_shr(gfn, shift) << shift) : ALIGN_DOWN(gfn, KVM_PAGES_PER_HPAGE(level));
}

/** arch/x86/kvm/mmu/tdp_iter.c:tdp_iter_restart() */
export function tdp_iter_restart(iter: struct_tdp_iter): void {
	iter.yielded = false;
	iter.yielded_gfn = iter.next_last_level_gfn;
	iter.level = iter.root_level;
	tdp_iter_forget(iter);

	iter.gfn = round_gfn_for_level(iter.next_last_level_gfn, iter.level);
	tdp_iter_refresh_sptep(iter);

	iter.valid = true;
}

/** arch/x86/kvm/mmu/tdp_iter.c:tdp_iter_start() */
export function tdp_iter_start(iter: struct_tdp_iter, root: struct_kvm_mmu_page,
	min_level: number, next_last_level_gfn: gfn_t): void {
	const root_level = root.role.level;

	WARN_ON(root_level < 1);
	WARN_ON(root_level > PT64_ROOT_MAX_LEVEL);

	iter.next_last_level_gfn = next_last_level_gfn;
	iter.root_level = root_level;
	iter.min_level = min_level;
	iter.pt_path[iter.root_level - 1] = root.spt;
	iter.as_id = kvm_mmu_page_as_id(root);
	iter.is_private = is_private_sp(root);
	iter.root_pt = root.spt;

	tdp_iter_restart(iter);
}

/**
 * Port-only: tdp_iter_start() for an entry of the table that @iter stands in, whose way down is
 * known then; false if it stands elsewhere. Who takes a table out of a tree has it forgotten.
 */
export function tdp_iter_start_near(iter: struct_tdp_iter, root: struct_kvm_mmu_page, gfn: gfn_t):
	boolean {
	if (gfn - (gfn & (SPTE_ENT_PER_PAGE - 1)) !== iter.table_gfn || iter.root_pt !== root.spt)
		return false;

	iter.next_last_level_gfn = gfn;
	iter.yielded_gfn = gfn;
	iter.sptep += gfn - iter.gfn;
	iter.gfn = gfn;
	tdp_iter_read_spte(iter);
	return true;
}

export function tdp_iter_forget(iter: struct_tdp_iter): void {
	iter.table_gfn = -1;
	iter.table_sp = null;
}

/** Port-only: sptep_to_sp(iter->sptep), looked up once for a table of small pages. */
export function tdp_iter_sp(iter: struct_tdp_iter): struct_kvm_mmu_page {
	const sp = iter.table_sp;

	return sp !== null ? sp : tdp_iter_find_sp(iter);
}

function tdp_iter_find_sp(iter: struct_tdp_iter): struct_kvm_mmu_page {
	const sp = sptep_to_sp(iter.sptep);

	if (iter.table_gfn !== -1)
		iter.table_sp = sp;
	return sp;
}

/**
 * arch/x86/kvm/mmu/tdp_iter.c:spte_to_child_pt()
 *
 * The table that @spte points to; 0 if it points to none.
 */
export function spte_to_child_pt(spte: u64_spte, level: number): tdp_ptep_t {
	if (!is_shadow_present_pte(spte) || is_last_spte(spte, level))
		return 0;

	return spte_to_pfn(spte) * SPTE_ENT_PER_PAGE;
}

/** arch/x86/kvm/mmu/tdp_iter.c:try_step_down() */
function try_step_down(iter: struct_tdp_iter): boolean {
	if (iter.level === iter.min_level)
		return false;

	/* read it again: the table may have been unlinked */
	tdp_iter_read_spte(iter);

	const child_pt = spte_to_child_pt(iter.old_spte, iter.level);
	if (child_pt === 0)
		return false;

	iter.level--;
	iter.pt_path[iter.level - 1] = child_pt;
	iter.gfn = round_gfn_for_level(iter.next_last_level_gfn, iter.level);
	tdp_iter_refresh_sptep(iter);
	if (iter.level === PG_LEVEL_4K)
		iter.table_gfn = iter.gfn - (iter.gfn & (SPTE_ENT_PER_PAGE - 1));

	return true;
}

/** arch/x86/kvm/mmu/tdp_iter.c:try_step_side() */
function try_step_side(iter: struct_tdp_iter): boolean {
	if (spte_index(iter.sptep) === SPTE_ENT_PER_PAGE - 1)
		return false;

	/* apart, as one sum with what may be 2^36 would be one of doubles */
	if (iter.level === PG_LEVEL_4K)
		iter.gfn = gfn_t(iter.gfn + 1);
	else
		iter.gfn = gfn_t(iter.gfn + KVM_PAGES_PER_HPAGE(iter.level));
	iter.next_last_level_gfn = iter.gfn;
	iter.sptep++;
	tdp_iter_read_spte(iter);

	return true;
}

/** arch/x86/kvm/mmu/tdp_iter.c:try_step_up() */
function try_step_up(iter: struct_tdp_iter): boolean {
	if (iter.level === iter.root_level)
		return false;

	iter.level++;
	tdp_iter_forget(iter);
	iter.gfn = round_gfn_for_level(iter.gfn, iter.level);
	tdp_iter_refresh_sptep(iter);

	return true;
}

/**
 * arch/x86/kvm/mmu/tdp_iter.c:tdp_iter_next()
 *
 * Down, if there is a table and the walk goes that deep; else to the side; else up, from where the
 * entry was visited before, and to the side there.
 */
export function tdp_iter_next(iter: struct_tdp_iter): void {
	if (iter.yielded) {
		tdp_iter_restart(iter);
		return;
	}

	if (try_step_down(iter))
		return;

	do {
		if (try_step_side(iter))
			return;
	} while (try_step_up(iter));
	iter.valid = false;
}
