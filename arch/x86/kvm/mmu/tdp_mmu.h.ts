// SPDX-License-Identifier: GPL-2.0
/*
 * The TDP MMU, as the rest of the MMU sees it.
 *
 * Upstream: arch/x86/kvm/mmu/tdp_mmu.h. Left out: what a 32-bit kernel has in its place.
 */
import { WARN_ON } from "#linux/bug.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { refcount_inc_not_zero } from "#linux/refcount.ts";
import { VALID_PAGE, type struct_kvm_mmu } from "#asm/kvm_host.ts";
import { root_to_sp, type struct_kvm_mmu_page } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";

export {
	kvm_mmu_init_tdp_mmu, kvm_mmu_uninit_tdp_mmu, kvm_tdp_mmu_age_gfn_range,
	kvm_tdp_mmu_clear_dirty_pt_masked, kvm_tdp_mmu_clear_dirty_slot,
	kvm_tdp_mmu_fast_pf_get_last_sptep, kvm_tdp_mmu_get_vcpu_root_hpa, kvm_tdp_mmu_get_walk,
	kvm_tdp_mmu_invalidate_all_roots, kvm_tdp_mmu_map, kvm_tdp_mmu_put_root,
	kvm_tdp_mmu_set_spte_gfn, kvm_tdp_mmu_test_age_gfn, kvm_tdp_mmu_try_split_huge_pages,
	kvm_tdp_mmu_unmap_gfn_range, kvm_tdp_mmu_write_protect_gfn, kvm_tdp_mmu_wrprot_slot,
	kvm_tdp_mmu_zap_all, kvm_tdp_mmu_zap_collapsible_sptes, kvm_tdp_mmu_zap_invalidated_roots,
	kvm_tdp_mmu_merge_private_sp, kvm_tdp_mmu_zap_leafs, kvm_tdp_mmu_zap_sp,
} from "#arch/x86/kvm/mmu/tdp_mmu.ts";

export function kvm_tdp_mmu_get_root(root: struct_kvm_mmu_page): boolean {
	return refcount_inc_not_zero(root.tdp_mmu_root_count);
}

export function kvm_tdp_mmu_walk_lockless_begin(): void {
	rcu_read_lock();
}

export function kvm_tdp_mmu_walk_lockless_end(): void {
	rcu_read_unlock();
}

export function is_tdp_mmu_page(sp: struct_kvm_mmu_page): boolean {
	return sp.tdp_mmu_page === true;
}

export function is_tdp_mmu(mmu: struct_kvm_mmu): boolean {
	const hpa = mmu.root.hpa;

	if (WARN_ON(!VALID_PAGE(hpa)))
		return false;

	/* C: sp->root_count, which is in a union with the count of a root of the TDP MMU */
	const sp = root_to_sp(mmu.root);
	return sp !== null && is_tdp_mmu_page(sp) && sp.tdp_mmu_root_count.refs !== 0;
}
