// SPDX-License-Identifier: GPL-2.0
/*
 * Walking the entries of one VMA that map a page or folio.
 *
 * Upstream: mm/page_vma_mapped.c.
 */
import { ALIGN_DOWN } from "#asm-generic/bits.ts";
import type { unsigned_long } from "#asm-generic/types.ts";
import { EFAULT } from "#linux/errno.ts";
import { HPAGE_PMD_NR, thp_migration_supported, transhuge_vma_suitable } from "#linux/huge_mm.ts";
import { hstate_vma, huge_page_size, huge_pte_lock, huge_pte_offset } from "#linux/hugetlb.ts";
import { is_vm_hugetlb_page } from "#linux/hugetlb_inline.ts";
import { pmd_lock, pte_lockptr } from "#linux/mm.ts";
import type { struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import { PVMW_MIGRATION, PVMW_SYNC, page_vma_mapped_walk_done, struct_page_vma_mapped_walk } from
	"#linux/rmap.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import {
	is_migration_entry, is_pmd_migration_entry, is_swap_pte, pmd_to_swp_entry, pte_to_swp_entry,
	swp_offset,
} from "#linux/swapops.ts";
import { P4D_SIZE, PAGE_SIZE, PMD_SIZE, PUD_SIZE } from "#asm/page_types.ts";
import {
	p4d_offset, p4d_present, p4dp_get, pgd_offset, pmd_offset, pmd_pfn, pmd_present,
	pmd_trans_huge, pmdp_get, pte_none, pte_offset_map, pte_pfn, pte_present, ptep_get,
	pud_offset, pud_present, pudp_get,
} from "#asm/pgtable.ts";
import { vma_address, vma_address_end } from "#mm/internal.h.ts";

/** mm/page_vma_mapped.c:not_found() */
function not_found(pvmw: struct_page_vma_mapped_walk): boolean {
	page_vma_mapped_walk_done(pvmw);
	return false;
}

/** mm/page_vma_mapped.c:map_pte(). Takes the ptl if the entry may be one that is looked for. */
function map_pte(pvmw: struct_page_vma_mapped_walk): boolean {
	pvmw.pte = pte_offset_map(pvmw.pmd, pvmw.address);
	if (!(pvmw.flags & PVMW_SYNC)) {
		const pte = ptep_get(pvmw.pte);
		if (pvmw.flags & PVMW_MIGRATION) {
			if (!is_swap_pte(pte))
				return false;
		} else if (!pte_present(pte))
			return false;
	}
	pvmw.ptl = pte_lockptr(pvmw.vma.vm_mm!, pvmw.pmd);
	spin_lock(pvmw.ptl);
	return true;
}

/**
 * mm/page_vma_mapped.c:check_pte(). Whether the entry maps one of the pages; with PVMW_MIGRATION,
 * whether it is a migration entry for one.
 */
function check_pte(pvmw: struct_page_vma_mapped_walk): boolean {
	const pte = ptep_get(pvmw.pte);
	let pfn: number;

	if (pvmw.flags & PVMW_MIGRATION) {
		if (!is_swap_pte(pte))
			return false;
		const entry = pte_to_swp_entry(pte);

		if (!is_migration_entry(entry))
			return false;

		pfn = swp_offset(entry);
	} else {
		if (!pte_present(pte))
			return false;

		pfn = pte_pfn(pte);
	}

	return pfn >= pvmw.pfn && pfn - pvmw.pfn < pvmw.nr_pages;
}

/** mm/page_vma_mapped.c:check_pmd(). Whether the huge page at @pfn has pages of the walk's. */
function check_pmd(pfn: number, pvmw: struct_page_vma_mapped_walk): boolean {
	if (pfn + HPAGE_PMD_NR - 1 < pvmw.pfn)
		return false;
	if (pfn > pvmw.pfn + pvmw.nr_pages - 1)
		return false;
	return true;
}

/** mm/page_vma_mapped.c:step_forward() */
function step_forward(pvmw: struct_page_vma_mapped_walk, size: unsigned_long): void {
	pvmw.address = ALIGN_DOWN(pvmw.address + size, size);
}

/**
 * mm/page_vma_mapped.c:page_vma_mapped_walk(). Called until it says false, or
 * page_vma_mapped_walk_done() ends the walk. After true, the lock in pvmw.ptl is held, pvmw.address
 * is set, and pvmw.pte is the entry, or 0 if it is the PMD.
 */
export function page_vma_mapped_walk(pvmw: struct_page_vma_mapped_walk): boolean {
	const vma = pvmw.vma;
	const mm = vma.vm_mm!;

	/* a PMD was the last answer, and a VMA maps a page by one PMD at most */
	if (pvmw.pmd && !pvmw.pte)
		return not_found(pvmw);

	if (is_vm_hugetlb_page(vma)) {
		const hstate = hstate_vma(vma);
		const size = huge_page_size(hstate);
		/* a second call: there is one huge entry at most */
		if (pvmw.pte)
			return not_found(pvmw);

		/* 0 where a higher level is empty */
		pvmw.pte = huge_pte_offset(mm, pvmw.address, size);
		if (!pvmw.pte)
			return false;

		pvmw.ptl = huge_pte_lock(hstate, mm, pvmw.pte);
		if (!check_pte(pvmw))
			return not_found(pvmw);
		return true;
	}

	const end = vma_address_end(pvmw);
	/* C: goto next_pte, into the loop, when an entry was found before */
	let resume = pvmw.pte !== 0;
	restart: do {
		let locked_pte = false;

		if (!resume) {
			const pgd = pgd_offset(mm, pvmw.address);
			const p4d = p4d_offset(pgd, pvmw.address);
			if (!p4d_present(p4dp_get(p4d))) {
				step_forward(pvmw, P4D_SIZE);
				continue;
			}
			const pud = pud_offset(p4d, pvmw.address);
			if (!pud_present(pudp_get(pud))) {
				step_forward(pvmw, PUD_SIZE);
				continue;
			}

			pvmw.pmd = pmd_offset(pud, pvmw.address);
			let pmde = pmdp_get(pvmw.pmd);

			if (pmd_trans_huge(pmde) || is_pmd_migration_entry(pmde)) {
				pvmw.ptl = pmd_lock(mm, pvmw.pmd);
				pmde = pmdp_get(pvmw.pmd);
				if (!pmd_present(pmde)) {
					if (!thp_migration_supported() ||
						!(pvmw.flags & PVMW_MIGRATION))
						return not_found(pvmw);
					const entry = pmd_to_swp_entry(pmde);
					if (!is_migration_entry(entry) ||
					    !check_pmd(swp_offset(entry), pvmw))
						return not_found(pvmw);
					return true;
				}
				if (pmd_trans_huge(pmde)) {
					if (pvmw.flags & PVMW_MIGRATION)
						return not_found(pvmw);
					if (!check_pmd(pmd_pfn(pmde), pvmw))
						return not_found(pvmw);
					return true;
				}
				/* split before the lock was taken: there is a table now */
				spin_unlock(pvmw.ptl);
				pvmw.ptl = null;
			} else if (!pmd_present(pmde)) {
				/*
				 * The PMD may be about to be cleared by somebody who has not yet
				 * removed the rmap: wait for the lock, so that the mapcount is
				 * right.
				 */
				if ((pvmw.flags & PVMW_SYNC) &&
				    transhuge_vma_suitable(vma, pvmw.address) &&
				    pvmw.nr_pages >= HPAGE_PMD_NR) {
					const ptl = pmd_lock(mm, pvmw.pmd);

					spin_unlock(ptl);
				}
				step_forward(pvmw, PMD_SIZE);
				continue;
			}
			locked_pte = map_pte(pvmw);
		}
		resume = false;

		for (;;) {
			if (locked_pte && check_pte(pvmw))
				return true;

			/* next_pte: */
			do {
				pvmw.address += PAGE_SIZE;
				if (pvmw.address >= end)
					return not_found(pvmw);
				/* the next entry is in another table */
				if ((pvmw.address & (PMD_SIZE - PAGE_SIZE)) === 0) {
					if (pvmw.ptl) {
						spin_unlock(pvmw.ptl);
						pvmw.ptl = null;
					}
					pvmw.pte = 0;
					continue restart;
				}
				pvmw.pte++;
				if ((pvmw.flags & PVMW_SYNC) && !pvmw.ptl) {
					pvmw.ptl = pte_lockptr(mm, pvmw.pmd);
					spin_lock(pvmw.ptl);
				}
			} while (pte_none(ptep_get(pvmw.pte)));

			if (!pvmw.ptl) {
				pvmw.ptl = pte_lockptr(mm, pvmw.pmd);
				spin_lock(pvmw.ptl);
			}
			locked_pte = true;
		}
	} while (pvmw.address < end);

	return false;
}

/** mm/page_vma_mapped.c:page_mapped_in_vma(). Small pages only, not of hugetlbfs. */
export function page_mapped_in_vma(page: struct_page, vma: struct_vm_area_struct): boolean {
	const pvmw = new struct_page_vma_mapped_walk(vma);
	pvmw.pfn = page.pfn;
	pvmw.nr_pages = 1;
	pvmw.flags = PVMW_SYNC;

	pvmw.address = vma_address(page, vma);
	if (pvmw.address === -EFAULT)
		return false;
	if (!page_vma_mapped_walk(pvmw))
		return false;
	page_vma_mapped_walk_done(pvmw);
	return true;
}
