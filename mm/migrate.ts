// SPDX-License-Identifier: GPL-2.0
/*
 * Migration entries: waiting for them, and putting pages back in their place.
 *
 * Upstream: mm/migrate.c. Left out: everything that moves pages; CONFIG_MIGRATION is off. Splitting
 * a huge page parks its mappings in migration entries, so these parts are there.
 */
import type { unsigned_long } from "#asm-generic/types.ts";
import { folio_test_pmd_mappable, thp_migration_supported } from "#linux/huge_mm.ts";
import {
	hstate_vma, huge_pte_lockptr, huge_ptep_get, is_hugetlb_entry_migration, set_huge_pte_at,
} from "#linux/hugetlb.ts";
import { migration_entry_wait_on_locked } from "#linux/migrate.ts";
import { VM_LOCKED } from "#linux/mm.const.ts";
import { folio_get, maybe_mkwrite, pmd_lock, pte_lockptr, pte_unmap_unlock } from "#linux/mm.ts";
import type { ptep_t, struct_folio, struct_mm_struct, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { VM_BUG_ON_FOLIO } from "#linux/mmdebug.ts";
import { folio_page, folio_test_anon, folio_test_hugetlb, folio_test_large } from
	"#linux/page-flags.ts";
import { linear_page_index } from "#linux/pagemap.ts";
import {
	DEFINE_FOLIO_VMA_WALK, PVMW_MIGRATION, PVMW_SYNC, RMAP_EXCLUSIVE, RMAP_NONE,
	hugepage_add_anon_rmap, page_add_anon_rmap, page_add_file_rmap, page_dup_file_rmap,
	page_vma_mapped_walk, rmap_walk, rmap_walk_locked, struct_rmap_walk_control,
} from "#linux/rmap.ts";
import { spin_lock, spin_unlock, type spinlock_t } from "#linux/spinlock.ts";
import {
	is_migration_entry, is_pmd_migration_entry, is_readable_migration_entry, is_swap_pte,
	is_writable_migration_entry, pmd_to_swp_entry, pte_to_swp_entry, remove_migration_pmd,
} from "#linux/swapops.ts";
import {
	mk_pte, pmdp_get, pte_mkhuge, pte_mkold, pte_offset_map, ptep_get, set_pte_at,
	update_mmu_cache,
} from "#asm/pgtable.ts";
import { mlock_page_drain_local } from "#mm/internal.h.ts";

/** mm/migrate.c:remove_migration_pte(). @old is the folio that the entries name. */
function remove_migration_pte(folio: struct_folio, vma: struct_vm_area_struct, addr: unsigned_long,
	old: unknown): boolean {
	const pvmw = DEFINE_FOLIO_VMA_WALK(old as struct_folio, vma, addr,
		PVMW_SYNC | PVMW_MIGRATION);
	const mm = vma.vm_mm!;

	while (page_vma_mapped_walk(pvmw)) {
		let rmap_flags = RMAP_NONE;
		let idx = 0;

		/* KSM pages, which have no pgoff of their own, never are large */
		if (folio_test_large(folio) && !folio_test_hugetlb(folio))
			idx = linear_page_index(vma, pvmw.address) - pvmw.pgoff;
		const new_ = folio_page(folio, idx);

		/* the entry is a whole PMD */
		if (thp_migration_supported() && !pvmw.pte) {
			VM_BUG_ON_FOLIO(folio_test_hugetlb(folio) ||
				!folio_test_pmd_mappable(folio),
				folio);
			remove_migration_pmd(pvmw, new_);
			continue;
		}

		folio_get(folio);
		let pte = pte_mkold(mk_pte(new_, vma.vm_page_prot));

		/* the VMA may have lost write permission meanwhile */
		const entry = pte_to_swp_entry(ptep_get(pvmw.pte));
		if (is_writable_migration_entry(entry))
			pte = maybe_mkwrite(pte, vma);

		if (folio_test_anon(folio) && !is_readable_migration_entry(entry))
			rmap_flags |= RMAP_EXCLUSIVE;

		if (folio_test_hugetlb(folio)) {
			/* C: arch_make_huge_pte(), which is no more on x86 */
			pte = pte_mkhuge(pte);
			if (folio_test_anon(folio))
				hugepage_add_anon_rmap(new_, vma, pvmw.address, rmap_flags);
			else
				page_dup_file_rmap(new_, true);
			set_huge_pte_at(mm, pvmw.address, pvmw.pte, pte);
		} else {
			if (folio_test_anon(folio))
				page_add_anon_rmap(new_, vma, pvmw.address, rmap_flags);
			else
				page_add_file_rmap(new_, vma, false);
			set_pte_at(mm, pvmw.address, pvmw.pte, pte);
		}
		if (vma.vm_flags & VM_LOCKED)
			mlock_page_drain_local();

		/* an entry that was not present is in no TLB */
		update_mmu_cache(vma, pvmw.address, pvmw.pte);
	}

	return true;
}

/**
 * mm/migrate.c:remove_migration_ptes(). Entries for @src become mappings of @dst, or @src again.
 */
export function remove_migration_ptes(src: struct_folio, dst: struct_folio, locked: boolean): void {
	const rwc = new struct_rmap_walk_control(remove_migration_pte);
	rwc.arg = src;

	if (locked)
		rmap_walk_locked(dst, rwc);
	else
		rmap_walk(dst, rwc);
}

/** mm/migrate.c:__migration_entry_wait(). Waits for the page's lock, unless the entry is gone. */
export function __migration_entry_wait(_mm: struct_mm_struct, ptep: ptep_t, ptl: spinlock_t): void {
	spin_lock(ptl);
	const pte = ptep_get(ptep);
	if (is_swap_pte(pte)) {
		const entry = pte_to_swp_entry(pte);
		if (is_migration_entry(entry)) {
			migration_entry_wait_on_locked(entry, ptep, ptl);
			return;
		}
	}
	pte_unmap_unlock(ptep, ptl);
}

/** mm/migrate.c:migration_entry_wait() */
export function migration_entry_wait(mm: struct_mm_struct, pmd: ptep_t, address: unsigned_long):
	void {
	const ptl = pte_lockptr(mm, pmd);
	const ptep = pte_offset_map(pmd, address);
	__migration_entry_wait(mm, ptep, ptl);
}

/** mm/migrate.c:__migration_entry_wait_huge() */
export function __migration_entry_wait_huge(ptep: ptep_t, ptl: spinlock_t): void {
	spin_lock(ptl);
	const pte = huge_ptep_get(ptep);

	if (!is_hugetlb_entry_migration(pte))
		spin_unlock(ptl);
	else
		migration_entry_wait_on_locked(pte_to_swp_entry(pte), 0, ptl);
}

/** mm/migrate.c:migration_entry_wait_huge() */
export function migration_entry_wait_huge(vma: struct_vm_area_struct, pte: ptep_t): void {
	const ptl = huge_pte_lockptr(hstate_vma(vma), vma.vm_mm!, pte);

	__migration_entry_wait_huge(pte, ptl);
}

/** mm/migrate.c:pmd_migration_entry_wait() */
export function pmd_migration_entry_wait(mm: struct_mm_struct, pmd: ptep_t): void {
	const ptl = pmd_lock(mm, pmd);
	const pmdval = pmdp_get(pmd);
	if (!is_pmd_migration_entry(pmdval)) {
		spin_unlock(ptl);
		return;
	}
	migration_entry_wait_on_locked(pmd_to_swp_entry(pmdval), 0, ptl);
}

/** mm/filemap.c's filemap_migrate_folio(), which is NULL while CONFIG_MIGRATION is off. */
export const filemap_migrate_folio = undefined;
