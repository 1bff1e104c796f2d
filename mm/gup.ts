// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking references on the pages behind user addresses: by walking under mmap_lock and faulting in
 * what is missing, or, fast, without locks and with interrupts off.
 *
 * Upstream: mm/gup.c. Left out: device pages, secretmem, the gate area, get_dump_page(), 32-bit
 * page
 * directories of huge entries; check_and_migrate_movable_pages() is upstream's of
 * !CONFIG_MIGRATION.
 *
 * FOLL_GET takes a reference. FOLL_PIN takes one that says "the contents will be accessed": it
 * counts GUP_PIN_COUNTING_BIAS in a small page, and compound_pincount beside a reference in a large
 * one. Who may write to a pinned anonymous page finds it exclusive (PageAnonExclusive), and it
 * stays
 * so: fork copies it at once.
 *
 * Port-only: @pages is filled from index 0 on; @locked is a cell, or null for "may not drop".
 */
import { ALIGN, ALIGN_DOWN, min, ul_shr } from "#asm-generic/bits.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { ref, pfn_nr as to_pfn, type unsigned_long, type user_ptr } from "#asm-generic/types.ts";
import { CONFIG_DEBUG_VM } from "#generated/autoconf.ts";
import { BUG, BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { EAGAIN, EBUSY, EEXIST, EFAULT, EHWPOISON, EINTR, EINVAL, EMLINK, ENOMEM } from
	"#linux/errno.ts";
import {
	HPAGE_PMD_NR, follow_trans_huge_pmd, is_huge_zero_page, split_huge_pmd,
	thp_migration_supported,
} from "#linux/huge_mm.ts";
import { follow_huge_pmd, follow_huge_pud, follow_hugetlb_page, pmd_huge, pud_huge } from
	"#linux/hugetlb.ts";
import { is_vm_hugetlb_page } from "#linux/hugetlb_inline.ts";
import { local_irq_restore, local_irq_save } from "#linux/irqflags.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { might_lock_read } from "#linux/lockdep.ts";
import {
	FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_KILLABLE, FAULT_FLAG_REMOTE, FAULT_FLAG_RETRY_NOWAIT,
	FAULT_FLAG_TRIED, FAULT_FLAG_UNSHARE, FAULT_FLAG_WRITE, FOLL_ANON, FOLL_DUMP,
	FOLL_FAST_ONLY, FOLL_FORCE, FOLL_GET, FOLL_HWPOISON, FOLL_LONGTERM, FOLL_MIGRATION,
	FOLL_NOFAULT, FOLL_NOWAIT, FOLL_NUMA, FOLL_PIN, FOLL_REMOTE, FOLL_SPLIT_PMD, FOLL_TOUCH,
	FOLL_TRIED, FOLL_WRITE, GUP_PIN_COUNTING_BIAS, VM_FAULT_COMPLETED, VM_FAULT_ERROR,
	VM_FAULT_RETRY, VM_IO, VM_LOCKONFAULT, VM_MAYREAD, VM_MAYSHARE, VM_MAYWRITE, VM_PFNMAP,
	VM_READ, VM_SHARED, VM_WRITE,
} from "#linux/mm.const.ts";
import {
	find_extend_vma, find_vma, folio_mark_dirty, folio_nr_pages, folio_put_refs,
	gup_must_unshare, handle_mm_fault, is_cow_mapping, is_longterm_pinnable_page,
	mark_page_accessed, pmd_lock, pte_alloc, pte_unmap_unlock, ptlock_of, set_page_dirty,
	vm_fault_to_errno, vm_normal_page, vma_is_accessible, vma_is_anonymous,
} from "#linux/mm.ts";
import type { ptep_t, struct_folio, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { mmap_assert_locked, mmap_read_lock, mmap_read_lock_killable, mmap_read_unlock } from
	"#linux/mmap_lock.ts";
import { VM_BUG_ON, VM_BUG_ON_PAGE, VM_BUG_ON_VMA } from "#linux/mmdebug.ts";
import { NR_FOLL_PIN_ACQUIRED, NR_FOLL_PIN_RELEASED } from "#linux/mmzone.const.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import {
	PageAnon, PageAnonExclusive, PageDirty, folio_set_referenced, folio_test_anon,
	folio_test_dirty, folio_test_hugetlb, folio_test_large, page_folio,
} from "#linux/page-flags.ts";
import { folio_ref_add, folio_ref_count, folio_ref_inc, folio_ref_try_add_rcu } from
	"#linux/page_ref.ts";
import { folio_lock, folio_unlock } from "#linux/pagemap.ts";
import {
	is_zero_pfn, p4d_addr_end, pgd_addr_end, pmd_addr_end, pmd_trans_unstable, pud_addr_end,
} from "#linux/pgtable.ts";
import { cond_resched, current } from "#linux/sched.ts";
import { MMF_HAS_PINNED } from "#linux/sched/coredump.ts";
import { memalloc_pin_restore, memalloc_pin_save } from "#linux/sched/mm.ts";
import { fatal_signal_pending } from "#linux/sched/signal.ts";
import { spin_lock, spin_unlock, type spinlock_t } from "#linux/spinlock.ts";
import { lru_add_drain } from "#linux/swap.ts";
import {
	is_migration_entry, is_pmd_migration_entry, migration_entry_wait, pmd_migration_entry_wait,
	pte_to_swp_entry,
} from "#linux/swapops.ts";
import { access_ok, user_probe_readable, user_probe_writeable } from "#linux/uaccess.ts";
import { node_stat_mod_folio } from "#linux/vmstat.ts";
import { PAGE_SHIFT, PAGE_SIZE, PMD_SIZE, PUD_SIZE } from "#asm/page_types.ts";
import {
	p4d_bad, p4d_none, p4d_offset, p4d_offset_lockless, p4dp_get, pgd_bad, pgd_none,
	pgd_offset, pgdp_get, pmd_access_permitted, pmd_bad, pmd_bad_at, pmd_none, pmd_offset,
	pmd_offset_lockless, pmd_page, pmd_pfn, pmd_present, pmd_same, pmd_table_pfn,
	pmd_trans_huge, pmd_write, pmdp_get, pte_access_permitted, pte_dirty, pte_mkdirty,
	pte_mkyoung, pte_none, pte_offset_of, pte_page, pte_pfn, pte_present, pte_same,
	pte_special, pte_write, ptep_get, ptep_get_lockless, pud_access_permitted, pud_bad,
	pud_none, pud_offset, pud_offset_lockless, pud_pfn, pud_present, pud_same, pud_write,
	pudp_get, set_pte_at, update_mmu_cache,
} from "#asm/pgtable.ts";
import type { p4d_t, pgd_t, pmd_t, pte_t, pud_t } from "#asm/pgtable_types.ts";

/** Set by follow_page_mask(): the page reaches this many pages further. */
class struct_follow_page_context {
	page_mask = 0;
}

/** mm/gup.c:sanity_check_pinned_pages(). Pinned anonymous pages are exclusive, head or subpage. */
function sanity_check_pinned_pages(pages: struct_page[], npages: number): void {
	if (!IS_ENABLED(CONFIG_DEBUG_VM))
		return;

	for (let i = 0; i < npages; i++) {
		const page = pages[i]!;
		const folio = page_folio(page);

		if (!folio_test_anon(folio))
			continue;
		if (!folio_test_large(folio) || folio_test_hugetlb(folio))
			VM_BUG_ON_PAGE(!PageAnonExclusive(folio), page);
		else
			/* the head has the mark if a PMD maps it, the subpage if a PTE does */
			VM_BUG_ON_PAGE(!PageAnonExclusive(folio) && !PageAnonExclusive(page), page);
	}
}

/** mm/gup.c:try_get_folio(). Null if the folio is being freed or frozen. */
function try_get_folio(page: struct_page, refs: number): struct_folio | null {
	for (;;) {
		const folio = page_folio(page);
		if (WARN_ON_ONCE(folio_ref_count(folio) < 0))
			return null;
		if (!folio_ref_try_add_rcu(folio, refs))
			return null;

		/* the page may have been freed and become part of another folio meanwhile */
		if (page_folio(page) !== folio) {
			folio_put_refs(folio, refs);
			continue;
		}

		return folio;
	}
}

/** mm/gup.c:try_grab_folio(). The fast path's: the folio may be going. */
export function try_grab_folio(page: struct_page, refs: number, flags: number):
	struct_folio | null {
	if (flags & FOLL_GET)
		return try_get_folio(page, refs);
	else if (flags & FOLL_PIN) {
		if ((flags & FOLL_LONGTERM) && !is_longterm_pinnable_page(page))
			return null;

		/* the head is known only with a reference */
		const folio = try_get_folio(page, refs);
		if (folio === null)
			return null;

		if (folio_test_large(folio))
			folio.compound_pincount += refs;
		else
			folio_ref_add(folio, refs * (GUP_PIN_COUNTING_BIAS - 1));

		node_stat_mod_folio(folio, NR_FOLL_PIN_ACQUIRED, refs);

		return folio;
	}

	WARN_ON_ONCE(true);
	return null;
}

/** mm/gup.c:gup_put_folio() */
function gup_put_folio(folio: struct_folio, refs: number, flags: number): void {
	if (flags & FOLL_PIN) {
		node_stat_mod_folio(folio, NR_FOLL_PIN_RELEASED, refs);
		if (folio_test_large(folio))
			folio.compound_pincount -= refs;
		else
			refs *= GUP_PIN_COUNTING_BIAS;
	}

	folio_put_refs(folio, refs);
}

/** mm/gup.c:try_grab_page(). Under the page table lock: the page cannot go. */
export function try_grab_page(page: struct_page, flags: number): boolean {
	const folio = page_folio(page);

	WARN_ON_ONCE((flags & (FOLL_GET | FOLL_PIN)) === (FOLL_GET | FOLL_PIN));
	if (WARN_ON_ONCE(folio_ref_count(folio) <= 0))
		return false;

	if (flags & FOLL_GET)
		folio_ref_inc(folio);
	else if (flags & FOLL_PIN) {
		if (folio_test_large(folio)) {
			folio_ref_add(folio, 1);
			folio.compound_pincount++;
		} else {
			folio_ref_add(folio, GUP_PIN_COUNTING_BIAS);
		}

		node_stat_mod_folio(folio, NR_FOLL_PIN_ACQUIRED, 1);
	}

	return true;
}

/** mm/gup.c:unpin_user_page() */
export function unpin_user_page(page: struct_page): void {
	sanity_check_pinned_pages([page], 1);
	gup_put_folio(page_folio(page), 1, FOLL_PIN);
}

/** mm/gup.c:gup_folio_range_next(): how many of the pages from @i on are in one folio. */
function gup_folio_range_next(folio: struct_folio, next: struct_page, npages: number, i: number):
	number {
	let nr = 1;

	if (folio_test_large(folio))
		nr = Math.min(npages - i, folio_nr_pages(folio) - (next.pfn - folio.pfn));
	return nr;
}

/** mm/gup.c:gup_folio_next(): how many in a row from @i on. */
function gup_folio_next(list: struct_page[], npages: number, i: number): number {
	const folio = page_folio(list[i]!);
	let nr: number;

	for (nr = i + 1; nr < npages; nr++) {
		if (page_folio(list[nr]!) !== folio)
			break;
	}

	return nr - i;
}

/** mm/gup.c:unpin_user_pages_dirty_lock() */
export function unpin_user_pages_dirty_lock(pages: struct_page[], npages: number,
	make_dirty: boolean): void {
	let nr: number;

	if (!make_dirty) {
		unpin_user_pages(pages, npages);
		return;
	}

	sanity_check_pinned_pages(pages, npages);
	for (let i = 0; i < npages; i += nr) {
		nr = gup_folio_next(pages, npages, i);
		const folio = page_folio(pages[i]!);
		/* a page that is dirty already needs no lock: truncation may race, and may win */
		if (!folio_test_dirty(folio)) {
			folio_lock(folio);
			folio_mark_dirty(folio);
			folio_unlock(folio);
		}
		gup_put_folio(folio, nr, FOLL_PIN);
	}
}

/** mm/gup.c:unpin_user_page_range_dirty_lock(). Consecutive pages from @page on. */
export function unpin_user_page_range_dirty_lock(page: struct_page, npages: number,
	make_dirty: boolean): void {
	let nr: number;

	for (let i = 0; i < npages; i += nr) {
		const next = pfn_to_page(to_pfn(page.pfn + i));
		const folio = page_folio(next);
		nr = gup_folio_range_next(folio, next, npages, i);
		if (make_dirty && !folio_test_dirty(folio)) {
			folio_lock(folio);
			folio_mark_dirty(folio);
			folio_unlock(folio);
		}
		gup_put_folio(folio, nr, FOLL_PIN);
	}
}

/** mm/gup.c:unpin_user_pages_lockless(). Exclusiveness may have been lost: no check of it. */
function unpin_user_pages_lockless(pages: struct_page[], npages: number): void {
	let nr: number;

	for (let i = 0; i < npages; i += nr) {
		nr = gup_folio_next(pages, npages, i);
		gup_put_folio(page_folio(pages[i]!), nr, FOLL_PIN);
	}
}

/** mm/gup.c:unpin_user_pages() */
export function unpin_user_pages(pages: struct_page[], npages: number): void {
	let nr: number;

	/* an errno passed as a count */
	if (WARN_ON(npages < 0))
		return;

	sanity_check_pinned_pages(pages, npages);
	for (let i = 0; i < npages; i += nr) {
		nr = gup_folio_next(pages, npages, i);
		gup_put_folio(page_folio(pages[i]!), nr, FOLL_PIN);
	}
}

/** mm/gup.c:mm_set_has_pinned_flag(). Never cleared: fork asks it first. */
function mm_set_has_pinned_flag(mm: struct_mm_struct): void {
	mm.flags |= 1 << MMF_HAS_PINNED;
}

/** mm/gup.c:no_page_table(). A core dump leaves holes out instead of filling them. */
function no_page_table(vma: struct_vm_area_struct, flags: number): err_ptr | null {
	if ((flags & FOLL_DUMP) && (vma_is_anonymous(vma) || !vma.vm_ops!.fault))
		return ERR_PTR(-EFAULT);
	return null;
}

/** mm/gup.c:follow_pfn_pte(): a frame without struct page is there, but cannot be taken. */
function follow_pfn_pte(vma: struct_vm_area_struct, address: unsigned_long, pte: ptep_t,
	flags: number): number {
	if (flags & FOLL_TOUCH) {
		const old = ptep_get(pte);
		let entry = old;

		if (flags & FOLL_WRITE)
			entry = pte_mkdirty(entry);
		entry = pte_mkyoung(entry);

		if (!pte_same(old, entry)) {
			set_pte_at(vma.vm_mm!, address, pte, entry);
			update_mmu_cache(vma, address, pte);
		}
	}

	/* mapped, but by a frame that has no struct page */
	return -EEXIST;
}

/** mm/gup.c:can_follow_write_pte(). FOLL_FORCE may write to a private copy that is read-only. */
function can_follow_write_pte(pte: pte_t, page: struct_page | null, vma: struct_vm_area_struct,
	flags: number): boolean {
	if (pte_write(pte))
		return true;

	/* only a forced access goes past a read-only entry */
	if (!(flags & FOLL_FORCE))
		return false;

	/* nobody may force writes to what others share */
	if (vma.vm_flags & (VM_MAYSHARE | VM_SHARED))
		return false;

	/* nor to mappings that can never become writable */
	if (!(vma.vm_flags & VM_MAYWRITE))
		return false;

	/* a writable mapping is served by an ordinary write fault */
	if (vma.vm_flags & VM_WRITE)
		return false;

	/* only a page that was copied already and belongs to this mapping alone */
	return page !== null && PageAnon(page) && PageAnonExclusive(page);
}

/** mm/gup.c:follow_page_pte() */
function follow_page_pte(vma: struct_vm_area_struct, address: unsigned_long, pmd: ptep_t,
	flags: number): struct_page | err_ptr | null {
	/* one kind of reference, not both */
	if (WARN_ON_ONCE((flags & (FOLL_PIN | FOLL_GET)) === (FOLL_PIN | FOLL_GET)))
		return ERR_PTR(-EINVAL);
	retry: for (;;) {
		const pmdval = pmdp_get(pmd);
		if (pmd_bad(pmdval))
			return no_page_table(vma, flags);

		const ptl = ptlock_of(pmd_table_pfn(pmdval));
		const ptep = pte_offset_of(pmdval, address);
		spin_lock(ptl);
		const pte = ptep_get(ptep);
		let page: struct_page | err_ptr | null = null;
		no_page: {
			if (!pte_present(pte)) {
				/* follow_page() of KSM and migration wants to wait for the page */
				if (!(flags & FOLL_MIGRATION))
					break no_page;
				if (pte_none(pte))
					break no_page;
				const entry = pte_to_swp_entry(pte);
				if (!is_migration_entry(entry))
					break no_page;
				pte_unmap_unlock(ptep, ptl);
				migration_entry_wait(vma.vm_mm!, pmd, address);
				continue retry;
			}

			out: {
				page = vm_normal_page(vma, address, pte);

				/* for a write to a page without write permission: fault first */
				if ((flags & FOLL_WRITE) && !can_follow_write_pte(pte, page, vma,
					flags)) {
					page = null;
					break out;
				}

				if (page === null) {
					if (flags & FOLL_DUMP) {
						/*
						 * a core dump leaves holes for zero pages and the
						 * like
						 */
						page = ERR_PTR(-EFAULT);
						break out;
					}

					if (is_zero_pfn(pte_pfn(pte))) {
						page = pte_page(pte);
					} else {
						page = ERR_PTR(follow_pfn_pte(vma, address, ptep,
							flags));
						break out;
					}
				}

				if (!pte_write(pte) && gup_must_unshare(flags, page)) {
					page = ERR_PTR(-EMLINK);
					break out;
				}

				VM_BUG_ON_PAGE((flags & FOLL_PIN) !== 0 && PageAnon(page) &&
					!PageAnonExclusive(page), page);

				/* with neither FOLL_GET nor FOLL_PIN, this takes no reference */
				if (!try_grab_page(page, flags)) {
					page = ERR_PTR(-ENOMEM);
					break out;
				}
				if (flags & FOLL_TOUCH) {
					if ((flags & FOLL_WRITE) && !pte_dirty(pte) &&
						!PageDirty(page))
						set_page_dirty(page);
					/* the CPU's own bit is for the CPU to set */
					mark_page_accessed(page);
				}
			}
			pte_unmap_unlock(ptep, ptl);
			return page;
		}
		pte_unmap_unlock(ptep, ptl);
		if (!pte_none(pte))
			return null;
		return no_page_table(vma, flags);
	}
}

/** The rest of mm/gup.c:follow_pmd_mask(): what looked huge, under the lock. */
function follow_locked_pmd(vma: struct_vm_area_struct, address: unsigned_long, pmd: ptep_t,
	flags: number, ctx: struct_follow_page_context): struct_page | err_ptr | null {
	const mm = vma.vm_mm!;
	let ptl: spinlock_t;
	let pmdval: pmd_t;

	for (;;) {
		ptl = pmd_lock(mm, pmd);
		pmdval = pmdp_get(pmd);
		if (pmd_none(pmdval)) {
			spin_unlock(ptl);
			return no_page_table(vma, flags);
		}
		if (pmd_present(pmdval))
			break;
		spin_unlock(ptl);
		if (!(flags & FOLL_MIGRATION))
			return no_page_table(vma, flags);
		pmd_migration_entry_wait(mm, pmd);
	}
	if (!pmd_trans_huge(pmdval)) {
		spin_unlock(ptl);
		return follow_page_pte(vma, address, pmd, flags);
	}
	if (flags & FOLL_SPLIT_PMD) {
		let ret: number;
		if (is_huge_zero_page(pmd_page(pmdval))) {
			spin_unlock(ptl);
			ret = 0;
			split_huge_pmd(vma, pmd, address);
			if (pmd_trans_unstable(pmd))
				ret = -EBUSY;
		} else {
			spin_unlock(ptl);
			split_huge_pmd(vma, pmd, address);
			ret = pte_alloc(mm, pmd) ? -ENOMEM : 0;
		}

		return ret ? ERR_PTR(ret) : follow_page_pte(vma, address, pmd, flags);
	}
	const page = follow_trans_huge_pmd(vma, address, pmd, flags);
	spin_unlock(ptl);
	ctx.page_mask = HPAGE_PMD_NR - 1;
	return page;
}

/** mm/gup.c:follow_pmd_mask() */
function follow_pmd_mask(vma: struct_vm_area_struct, address: unsigned_long, pudp: ptep_t,
	flags: number, ctx: struct_follow_page_context): struct_page | err_ptr | null {
	const pmd = pmd_offset(pudp, address);
	/* most are tables */
	if (!pmd_bad_at(pmd))
		return follow_page_pte(vma, address, pmd, flags);
	let pmdval = pmdp_get(pmd);
	if (pmd_none(pmdval))
		return no_page_table(vma, flags);
	if (pmd_huge(pmdval) && is_vm_hugetlb_page(vma)) {
		const page = follow_huge_pmd(vma.vm_mm!, address, pmd, flags);
		if (page)
			return page;
		return no_page_table(vma, flags);
	}
	/* a migration entry */
	while (!pmd_present(pmdval)) {
		VM_BUG_ON(!thp_migration_supported() || !is_pmd_migration_entry(pmdval));

		if (!(flags & FOLL_MIGRATION))
			return no_page_table(vma, flags);

		pmd_migration_entry_wait(vma.vm_mm!, pmd);
		pmdval = pmdp_get(pmd);
		/* madvise() may have zapped it meanwhile, with mmap_lock held for read */
		if (pmd_none(pmdval))
			return no_page_table(vma, flags);
	}
	if (!pmd_trans_huge(pmdval))
		return follow_page_pte(vma, address, pmd, flags);

	return follow_locked_pmd(vma, address, pmd, flags, ctx);
}

/** mm/gup.c:follow_pud_mask() */
function follow_pud_mask(vma: struct_vm_area_struct, address: unsigned_long, p4dp: ptep_t,
	flags: number, ctx: struct_follow_page_context): struct_page | err_ptr | null {
	const pud = pud_offset(p4dp, address);
	const pudval = pudp_get(pud);
	if (pud_none(pudval))
		return no_page_table(vma, flags);
	if (pud_huge(pudval) && is_vm_hugetlb_page(vma)) {
		const page = follow_huge_pud(vma.vm_mm!, address, pud, flags);
		if (page)
			return page;
		return no_page_table(vma, flags);
	}
	if (pud_bad(pudval))
		return no_page_table(vma, flags);

	return follow_pmd_mask(vma, address, pud, flags, ctx);
}

/** mm/gup.c:follow_p4d_mask() */
function follow_p4d_mask(vma: struct_vm_area_struct, address: unsigned_long, pgdp: ptep_t,
	flags: number, ctx: struct_follow_page_context): struct_page | err_ptr | null {
	const p4d = p4d_offset(pgdp, address);
	const p4dval = p4dp_get(p4d);
	if (p4d_none(p4dval))
		return no_page_table(vma, flags);
	if (p4d_bad(p4dval))
		return no_page_table(vma, flags);

	return follow_pud_mask(vma, address, p4d, flags, ctx);
}

/**
 * mm/gup.c:follow_page_mask(). The page, null (none, or not with these permissions), or an error:
 * -EEXIST a frame without struct page, -EMLINK must be made exclusive first.
 */
function follow_page_mask(vma: struct_vm_area_struct, address: unsigned_long, flags: number,
	ctx: struct_follow_page_context): struct_page | err_ptr | null {
	ctx.page_mask = 0;

	const pgd = pgd_offset(vma.vm_mm!, address);
	const pgdval = pgdp_get(pgd);

	if (pgd_none(pgdval) || pgd_bad(pgdval))
		return no_page_table(vma, flags);

	return follow_p4d_mask(vma, address, pgd, flags, ctx);
}

/** mm/gup.c:follow_page() */
export function follow_page(vma: struct_vm_area_struct, address: unsigned_long,
	foll_flags: number): struct_page | err_ptr | null {
	/* pinning needs the faults of __get_user_pages() */
	if (foll_flags & FOLL_PIN)
		return null;

	return follow_page_mask(vma, address, foll_flags, new struct_follow_page_context());
}

/** mm/gup.c:faultin_page(). 0: try again; -EBUSY and -EAGAIN: mmap_lock was dropped (or NOWAIT). */
function faultin_page(vma: struct_vm_area_struct, address: unsigned_long, flags: number,
	unshare: boolean, locked: ref<number> | null): number {
	let fault_flags = 0;

	if (flags & FOLL_NOFAULT)
		return -EFAULT;
	if (flags & FOLL_WRITE)
		fault_flags |= FAULT_FLAG_WRITE;
	if (flags & FOLL_REMOTE)
		fault_flags |= FAULT_FLAG_REMOTE;
	if (locked !== null)
		fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
	if (flags & FOLL_NOWAIT)
		fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT;
	if (flags & FOLL_TRIED) {
		/* ALLOW_RETRY together with TRIED: the fault is not retried for ever */
		fault_flags |= FAULT_FLAG_TRIED;
	}
	if (unshare) {
		fault_flags |= FAULT_FLAG_UNSHARE;
		/* a write unshares by itself */
		VM_BUG_ON((fault_flags & FAULT_FLAG_WRITE) !== 0);
	}

	const ret = handle_mm_fault(vma, address, fault_flags, null);

	if (ret & VM_FAULT_COMPLETED) {
		/* the fault is done, and mmap_lock was dropped, which NOWAIT forbids */
		WARN_ON_ONCE((fault_flags & FAULT_FLAG_RETRY_NOWAIT) !== 0);
		if (locked)
			locked.v = 0;
		/* the callers take the lock again for -EAGAIN as for -EBUSY */
		return -EAGAIN;
	}

	if (ret & VM_FAULT_ERROR) {
		const err = vm_fault_to_errno(ret, flags);

		if (err)
			return err;
		BUG();
	}

	if (ret & VM_FAULT_RETRY) {
		if (locked && !(fault_flags & FAULT_FLAG_RETRY_NOWAIT))
			locked.v = 0;
		return -EBUSY;
	}

	return 0;
}

/** mm/gup.c:check_vma_flags() */
function check_vma_flags(vma: struct_vm_area_struct, gup_flags: number): number {
	const vm_flags = vma.vm_flags;
	const write = (gup_flags & FOLL_WRITE) !== 0;

	if (vm_flags & (VM_IO | VM_PFNMAP))
		return -EFAULT;

	if ((gup_flags & FOLL_ANON) && !vma_is_anonymous(vma))
		return -EFAULT;

	if (write) {
		if (!(vm_flags & VM_WRITE)) {
			if (!(gup_flags & FOLL_FORCE))
				return -EFAULT;
			/*
			 * Forced writes go to private copies: of a mapping that could have been
			 * writable, so that ptrace may set breakpoints.
			 */
			if (!is_cow_mapping(vm_flags))
				return -EFAULT;
		}
	} else if (!(vm_flags & VM_READ)) {
		if (!(gup_flags & FOLL_FORCE))
			return -EFAULT;
		/* even forced reads respect a mapping that may never be readable */
		if (!(vm_flags & VM_MAYREAD))
			return -EFAULT;
	}
	return 0;
}

/**
 * mm/gup.c:__get_user_pages(). Under mmap_lock, which may be dropped if @locked is given: locked.v
 * is 0 then, and pages may be missing. Returns how many came, or an errno for none.
 */
function __get_user_pages(mm: struct_mm_struct, start: unsigned_long, nr_pages: number,
	gup_flags: number, pages: struct_page[] | null, vmas: struct_vm_area_struct[] | null,
	locked: ref<number> | null): number {
	let ret = 0, i = 0;
	let vma: struct_vm_area_struct | null = null;
	const ctx = new struct_follow_page_context();

	if (nr_pages === 0)
		return 0;

	VM_BUG_ON(pages !== null ? (gup_flags & (FOLL_GET | FOLL_PIN)) === 0 :
		(gup_flags & (FOLL_GET | FOLL_PIN)) !== 0);

	/* forced accesses do not migrate pages towards the task */
	if (!(gup_flags & FOLL_FORCE))
		gup_flags |= FOLL_NUMA;

	out: do {
		const foll_flags = gup_flags;

		/* look up the VMA at the start and past each end */
		if (vma === null || start >= vma.vm_end) {
			vma = find_extend_vma(mm, start);
			if (vma === null) {
				ret = -EFAULT;
				break out;
			}
			ret = check_vma_flags(vma, gup_flags);
			if (ret !== 0)
				break out;

			if (is_vm_hugetlb_page(vma)) {
				const position = new ref(start), left = new ref(nr_pages);
				i = follow_hugetlb_page(mm, vma, pages, vmas, position, left, i,
					gup_flags,
					locked);
				start = position.v;
				nr_pages = left.v;
				if (locked && locked.v === 0) {
					/* the lock was dropped: @vma may be gone */
					BUG_ON((gup_flags & FOLL_NOWAIT) !== 0);
					break out;
				}
				continue;
			}
		}
		let page: struct_page | err_ptr | null;
		next_page: {
			retry: for (;;) {
				/* a task that is being killed stops here */
				if (fatal_signal_pending(current)) {
					ret = -EINTR;
					break out;
				}
				cond_resched();

				page = follow_page_mask(vma, start, foll_flags, ctx);
				const err = IS_ERR(page) ? PTR_ERR(page) : 0;
				const unshare = err === -EMLINK;
				if (page === null || unshare) {
					ret = faultin_page(vma, start, foll_flags, unshare, locked);
					switch (ret) {
					case 0:
						continue retry;
					case -EBUSY:
					case -EAGAIN:
						ret = 0;
						break out;
					case -EFAULT:
					case -ENOMEM:
					case -EHWPOISON:
						break out;
					}
					BUG();
				} else if (err !== 0) {
					if (err === -EEXIST) {
						/* there is a frame, and nobody wants its page */
						if (pages) {
							ret = err;
							break out;
						}
						break next_page;
					}
					ret = err;
					break out;
				}
				break;
			}
			if (pages !== null) {
				pages[i] = page as struct_page;
				ctx.page_mask = 0;
			}
		}
		if (vmas !== null) {
			vmas[i] = vma;
			ctx.page_mask = 0;
		}
		let page_increm = ctx.page_mask === 0 ? 1 :
			1 + (ctx.page_mask - (ul_shr(start, PAGE_SHIFT) & ctx.page_mask));
		if (page_increm > nr_pages)
			page_increm = nr_pages;
		i += page_increm;
		start += page_increm * PAGE_SIZE;
		nr_pages -= page_increm;
	} while (nr_pages !== 0);
	return i !== 0 ? i : ret;
}

/** mm/gup.c:vma_permits_fault() */
function vma_permits_fault(vma: struct_vm_area_struct, fault_flags: number): boolean {
	const vm_flags = (fault_flags & FAULT_FLAG_WRITE) ? VM_WRITE : VM_READ;

	if (!(vm_flags & vma.vm_flags))
		return false;

	return true;
}

/**
 * mm/gup.c:fixup_user_fault(). Resolves a fault as the task itself would; takes no page. With
 * @unlocked, mmap_lock may be dropped and taken again (unlocked.v is set then).
 */
export function fixup_user_fault(mm: struct_mm_struct, address: unsigned_long,
	fault_flags: number, unlocked: ref<boolean> | null): number {
	if (unlocked)
		fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;

	for (;;) {
		const vma = find_extend_vma(mm, address);
		if (!vma || address < vma.vm_start)
			return -EFAULT;

		if (!vma_permits_fault(vma, fault_flags))
			return -EFAULT;

		if ((fault_flags & FAULT_FLAG_KILLABLE) && fatal_signal_pending(current))
			return -EINTR;

		const ret = handle_mm_fault(vma, address, fault_flags, null);

		if (ret & VM_FAULT_COMPLETED) {
			/* done, and the lock dropped: the caller wants it back */
			mmap_read_lock(mm);
			unlocked!.v = true;
			return 0;
		}

		if (ret & VM_FAULT_ERROR) {
			const err = vm_fault_to_errno(ret, 0);

			if (err)
				return err;
			BUG();
		}

		if (ret & VM_FAULT_RETRY) {
			mmap_read_lock(mm);
			unlocked!.v = true;
			fault_flags |= FAULT_FLAG_TRIED;
			continue;
		}

		return 0;
	}
}

/* The page that made __get_user_pages_locked() wait is faulted alone, with FOLL_TRIED. */
function gup_retry_page(mm: struct_mm_struct, start: unsigned_long, flags: number,
	pages: struct_page[] | null, locked: ref<number>): number {
	let ret: number;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;

		ret = mmap_read_lock_killable(mm);
		if (ret) {
			BUG_ON(ret > 0);
			return ret;
		}

		locked.v = 1;
		ret = __get_user_pages(mm, start, 1, flags | FOLL_TRIED, pages, null, locked);
		/* dropped once more: the same page again */
		BUG_ON(locked.v === 0 && ret !== 0);
	} while (locked.v === 0);
	return ret;
}

/**
 * mm/gup.c:__get_user_pages_locked(). Goes on after the lock was dropped, page by page at first.
 */
function __get_user_pages_locked(mm: struct_mm_struct, start: unsigned_long, nr_pages: number,
	pages: struct_page[] | null, vmas: struct_vm_area_struct[] | null,
		locked: ref<number> | null,
	flags: number): number {
	let ret: number, pages_done = 0;
	let lock_dropped = false;

	if (locked !== null) {
		/* VMAs are not worth returning if the lock may be dropped */
		BUG_ON(vmas !== null);
		/* the lock is held at first */
		BUG_ON(locked.v !== 1);
	}

	if (flags & FOLL_PIN)
		mm_set_has_pinned_flag(mm);

	/* who wants pages wants references on them */
	if (pages !== null && !(flags & FOLL_PIN))
		flags |= FOLL_GET;

	/* C: pages += n. What comes after the first round goes through @more. */
	let more: struct_page[] | null = pages;
	for (;;) {
		ret = __get_user_pages(mm, start, nr_pages, flags, more, vmas, locked);
		if (pages !== null && more !== pages)
			for (let i = 0; i < ret; i++)
				pages[pages_done + i] = more![i]!;
		if (locked === null)
			/* the lock is still held: there is nothing to go on with */
			return ret;

		/* a dropped lock means neither an error nor all pages */
		if (locked.v === 0) {
			BUG_ON(ret < 0);
			BUG_ON(ret >= nr_pages);
		}

		if (ret > 0) {
			nr_pages -= ret;
			pages_done += ret;
			if (nr_pages === 0)
				break;
		}
		if (locked.v !== 0) {
			/* the lock was held all the time: no more will come */
			if (!pages_done)
				pages_done = ret;
			break;
		}
		if (pages)
			more = [];
		start += ret * PAGE_SIZE;
		lock_dropped = true;

		ret = gup_retry_page(mm, start, flags, more, locked);
		if (ret !== 1) {
			BUG_ON(ret > 1);
			if (!pages_done)
				pages_done = ret;
			break;
		}
		if (pages)
			pages[pages_done] = more![0]!;
		nr_pages--;
		pages_done++;
		if (!nr_pages)
			break;
		start += PAGE_SIZE;
	}
	if (lock_dropped && locked!.v) {
		/* the caller sees by locked.v that its VMAs may be gone */
		mmap_read_unlock(mm);
		locked!.v = 0;
	}
	return pages_done;
}

/** mm/gup.c:populate_vma_page_range(), for mlock() and MAP_POPULATE. */
export function populate_vma_page_range(vma: struct_vm_area_struct, start: unsigned_long,
	end: unsigned_long, locked: ref<number> | null): number {
	const mm = vma.vm_mm!;
	const nr_pages = (end - start) / PAGE_SIZE;

	VM_BUG_ON((start & (PAGE_SIZE - 1)) !== 0);
	VM_BUG_ON((end & (PAGE_SIZE - 1)) !== 0);
	VM_BUG_ON_VMA(start < vma.vm_start, vma);
	VM_BUG_ON_VMA(end > vma.vm_end, vma);
	mmap_assert_locked(mm);

	/* VM_LOCKONFAULT does not populate */
	if (vma.vm_flags & VM_LOCKONFAULT)
		return nr_pages;

	let gup_flags = FOLL_TOUCH;
	/* private writable memory gets its copies now; shared memory is not dirtied */
	if ((vma.vm_flags & (VM_WRITE | VM_SHARED)) === VM_WRITE)
		gup_flags |= FOLL_WRITE;

	/* any permission will do for mlock(), none will not */
	if (vma_is_accessible(vma))
		gup_flags |= FOLL_FORCE;

	/* references are not wanted */
	const ret = __get_user_pages(mm, start, nr_pages, gup_flags, null, null, locked);
	lru_add_drain();
	return ret;
}

/** mm/gup.c:faultin_vma_page_range(), for MADV_POPULATE_(READ|WRITE). */
export function faultin_vma_page_range(vma: struct_vm_area_struct, start: unsigned_long,
	end: unsigned_long, write: boolean, locked: ref<number> | null): number {
	const mm = vma.vm_mm!;
	const nr_pages = (end - start) / PAGE_SIZE;

	VM_BUG_ON((start & (PAGE_SIZE - 1)) !== 0);
	VM_BUG_ON((end & (PAGE_SIZE - 1)) !== 0);
	VM_BUG_ON_VMA(start < vma.vm_start, vma);
	VM_BUG_ON_VMA(end > vma.vm_end, vma);
	mmap_assert_locked(mm);

	/* as if touched; poison is told; permissions count (no FOLL_FORCE) */
	let gup_flags = FOLL_TOUCH | FOLL_HWPOISON;
	if (write)
		gup_flags |= FOLL_WRITE;

	/* -EINVAL for a mapping that does not fit, whereas -EFAULT is for failing faults */
	if (check_vma_flags(vma, gup_flags))
		return -EINVAL;

	const ret = __get_user_pages(mm, start, nr_pages, gup_flags, null, null, locked);
	lru_add_drain();
	return ret;
}

/** mm/gup.c:__mm_populate(). mmap_lock is not held. */
export function __mm_populate(start: unsigned_long, len: unsigned_long, ignore_errors: number):
	number {
	const mm = current.mm!;
	let nstart: unsigned_long, nend: unsigned_long;
	let vma: struct_vm_area_struct | null = null;
	const locked = new ref(0);
	let ret = 0;

	const end = start + len;

	for (nstart = start; nstart < end; nstart = nend) {
		/* the VMA to go on with, which may be another after the lock was dropped */
		if (!locked.v) {
			locked.v = 1;
			mmap_read_lock(mm);
			vma = find_vma(mm, nstart);
		} else if (nstart >= vma!.vm_end)
			vma = vma!.vm_next;
		if (!vma || vma.vm_start >= end)
			break;
		/* the part of it that is asked for */
		nend = min(end, vma.vm_end);
		if (vma.vm_flags & (VM_IO | VM_PFNMAP))
			continue;
		if (nstart < vma.vm_start)
			nstart = vma.vm_start;
		ret = populate_vma_page_range(vma, nstart, nend, locked);
		if (ret < 0) {
			if (ignore_errors) {
				ret = 0;
				continue;
			}
			break;
		}
		nend = nstart + ret * PAGE_SIZE;
		ret = 0;
	}
	if (locked.v !== 0)
		mmap_read_unlock(mm);
	return ret;
}

/**
 * mm/gup.c:fault_in_writeable(). Bytes that could not be; the first byte of each page becomes 0.
 */
export function fault_in_writeable(uaddr: user_ptr, size: number): number {
	const start = uaddr;

	if (size === 0)
		return 0;
	if (!access_ok(uaddr, size))
		return size;
	out: {
		if (uaddr & (PAGE_SIZE - 1)) {
			if (!user_probe_writeable(uaddr))
				break out;
			uaddr = ALIGN(uaddr, PAGE_SIZE);
		}
		const end = ALIGN(start + size, PAGE_SIZE);
		while (uaddr < end) {
			if (!user_probe_writeable(uaddr))
				break out;
			uaddr += PAGE_SIZE;
		}
	}
	if (size > uaddr - start)
		return size - (uaddr - start);
	return 0;
}

/** mm/gup.c:fault_in_subpage_writeable(): no finer permissions than pages. */
export function fault_in_subpage_writeable(uaddr: user_ptr, size: number): number {
	return fault_in_writeable(uaddr, size);
}

/** mm/gup.c:fault_in_safe_writeable(): as a write fault would, without writing. */
export function fault_in_safe_writeable(uaddr: user_ptr, size: number): number {
	let start = uaddr;
	const mm = current.mm!;
	const unlocked = new ref(false);

	if (size === 0)
		return 0;
	const end = ALIGN(start + size, PAGE_SIZE);

	mmap_read_lock(mm);
	do {
		if (fixup_user_fault(mm, start, FAULT_FLAG_WRITE, unlocked))
			break;
		start = ALIGN_DOWN(start + PAGE_SIZE, PAGE_SIZE);
	} while (start !== end);
	mmap_read_unlock(mm);

	if (size > start - uaddr)
		return size - (start - uaddr);
	return 0;
}

/** mm/gup.c:fault_in_readable(). Bytes that could not be. */
export function fault_in_readable(uaddr: user_ptr, size: number): number {
	const start = uaddr;

	if (size === 0)
		return 0;
	if (!access_ok(uaddr, size))
		return size;
	out: {
		if (uaddr & (PAGE_SIZE - 1)) {
			if (!user_probe_readable(uaddr))
				break out;
			uaddr = ALIGN(uaddr, PAGE_SIZE);
		}
		const end = ALIGN(start + size, PAGE_SIZE);
		while (uaddr < end) {
			if (!user_probe_readable(uaddr))
				break out;
			uaddr += PAGE_SIZE;
		}
	}
	if (size > uaddr - start)
		return size - (uaddr - start);
	return 0;
}

/** mm/gup.c:check_and_migrate_movable_pages() */
function check_and_migrate_movable_pages(nr_pages: number, _pages: struct_page[],
	_gup_flags: number): number {
	return nr_pages;
}

/** mm/gup.c:__gup_longterm_locked() */
function __gup_longterm_locked(mm: struct_mm_struct, start: unsigned_long, nr_pages: number,
	pages: struct_page[] | null, vmas: struct_vm_area_struct[] | null,
		gup_flags: number): number {
	let rc: number;

	if (!(gup_flags & FOLL_LONGTERM))
		return __get_user_pages_locked(mm, start, nr_pages, pages, vmas, null, gup_flags);
	const flags = memalloc_pin_save();
	do {
		rc = __get_user_pages_locked(mm, start, nr_pages, pages, vmas, null, gup_flags);
		if (rc <= 0)
			break;
		rc = check_and_migrate_movable_pages(rc, pages!, gup_flags);
	} while (!rc);
	memalloc_pin_restore(flags);

	return rc;
}

/** mm/gup.c:is_valid_gup_flags(): of get_user_pages*(). */
function is_valid_gup_flags(gup_flags: number): boolean {
	/* FOLL_PIN is for the pin_user_pages*() functions to set */
	if (WARN_ON_ONCE((gup_flags & FOLL_PIN) !== 0))
		return false;
	/* long-term references are pins */
	if (WARN_ON_ONCE((gup_flags & FOLL_LONGTERM) !== 0))
		return false;

	return true;
}

/** mm/gup.c:__get_user_pages_remote() */
function __get_user_pages_remote(mm: struct_mm_struct, start: unsigned_long, nr_pages: number,
	gup_flags: number, pages: struct_page[] | null, vmas: struct_vm_area_struct[] | null,
	locked: ref<number> | null): number {
	if (gup_flags & FOLL_LONGTERM) {
		/* a long-term pin may not drop the lock on the way */
		if (WARN_ON_ONCE(locked !== null))
			return -EINVAL;
		return __gup_longterm_locked(mm, start, nr_pages, pages, vmas,
			gup_flags | FOLL_TOUCH | FOLL_REMOTE);
	}

	return __get_user_pages_locked(mm, start, nr_pages, pages, vmas, locked,
		gup_flags | FOLL_TOUCH | FOLL_REMOTE);
}

/** mm/gup.c:get_user_pages_remote(). mmap_lock of @mm is held for read. */
export function get_user_pages_remote(mm: struct_mm_struct, start: unsigned_long, nr_pages: number,
	gup_flags: number, pages: struct_page[] | null, vmas: struct_vm_area_struct[] | null,
	locked: ref<number> | null): number {
	if (!is_valid_gup_flags(gup_flags))
		return -EINVAL;

	return __get_user_pages_remote(mm, start, nr_pages, gup_flags, pages, vmas, locked);
}

/** mm/gup.c:get_user_pages(). mmap_lock of current is held for read. */
export function get_user_pages(start: unsigned_long, nr_pages: number, gup_flags: number,
	pages: struct_page[] | null, vmas: struct_vm_area_struct[] | null): number {
	if (!is_valid_gup_flags(gup_flags))
		return -EINVAL;

	return __gup_longterm_locked(current.mm!, start, nr_pages, pages, vmas,
		gup_flags | FOLL_TOUCH);
}

/** mm/gup.c:get_user_pages_unlocked(). mmap_lock is not held. */
export function get_user_pages_unlocked(start: unsigned_long, nr_pages: number,
	pages: struct_page[] | null, gup_flags: number): number {
	const mm = current.mm!;
	const locked = new ref(1);

	/* FIXME upstream: FOLL_LONGTERM and dropping the lock do not go together */
	if (WARN_ON_ONCE((gup_flags & FOLL_LONGTERM) !== 0))
		return -EINVAL;

	mmap_read_lock(mm);
	const ret = __get_user_pages_locked(mm, start, nr_pages, pages, null, locked,
		gup_flags | FOLL_TOUCH);
	if (locked.v !== 0)
		mmap_read_unlock(mm);
	return ret;
}

/*
 * Fast GUP. Page tables are walked with interrupts off: tables are freed only after an IPI to every
 * CPU that may be walking. A page is taken by trying, and then the entry is compared once more.
 * @nr counts pages taken so far; the functions return whether all were.
 */

/** mm/gup.c:gup_pte_range() */
function gup_pte_range(pmd: pmd_t, pmdp: ptep_t, addr: unsigned_long, end: unsigned_long,
	flags: number, pages: struct_page[], nr: ref<number>): boolean {
	let ptep = pte_offset_of(pmd, addr);
	do {
		const pte = ptep_get_lockless(ptep);

		if (!pte_access_permitted(pte, (flags & FOLL_WRITE) !== 0))
			return false;

		if (pte_special(pte))
			return false;

		const page = pte_page(pte);

		const folio = try_grab_folio(page, 1, flags);
		if (folio === null)
			return false;

		if (!pmd_same(pmd, pmdp_get(pmdp)) || !pte_same(pte, ptep_get(ptep))) {
			gup_put_folio(folio, 1, flags);
			return false;
		}

		if (!pte_write(pte) && gup_must_unshare(flags, page)) {
			gup_put_folio(folio, 1, flags);
			return false;
		}

		folio_set_referenced(folio);
		pages[nr.v] = page;
		nr.v++;
	} while (ptep++, addr += PAGE_SIZE, addr !== end);

	return true;
}

/** mm/gup.c:record_subpages() */
function record_subpages(pfn: number, addr: unsigned_long, end: unsigned_long,
	pages: struct_page[], at: number): number {
	let nr: number;

	for (nr = 0; addr !== end; nr++, addr += PAGE_SIZE)
		pages[at + nr] = pfn_to_page(to_pfn(pfn + nr));

	return nr;
}

/** mm/gup.c:gup_huge_pmd() */
function gup_huge_pmd(orig: pmd_t, pmdp: ptep_t, addr: unsigned_long, end: unsigned_long,
	flags: number, pages: struct_page[], nr: ref<number>): boolean {
	if (!pmd_access_permitted(orig, (flags & FOLL_WRITE) !== 0))
		return false;

	const pfn = pmd_pfn(orig) + ((addr & (PMD_SIZE - 1)) >>> PAGE_SHIFT);
	const refs = record_subpages(pfn, addr, end, pages, nr.v);

	const folio = try_grab_folio(pages[nr.v]!, refs, flags);
	if (!folio)
		return false;

	if (!pmd_same(orig, pmdp_get(pmdp))) {
		gup_put_folio(folio, refs, flags);
		return false;
	}

	if (!pmd_write(orig) && gup_must_unshare(flags, folio)) {
		gup_put_folio(folio, refs, flags);
		return false;
	}

	nr.v += refs;
	folio_set_referenced(folio);
	return true;
}

/** mm/gup.c:gup_huge_pud() */
function gup_huge_pud(orig: pud_t, pudp: ptep_t, addr: unsigned_long, end: unsigned_long,
	flags: number, pages: struct_page[], nr: ref<number>): boolean {
	if (!pud_access_permitted(orig, (flags & FOLL_WRITE) !== 0))
		return false;

	const pfn = pud_pfn(orig) + ((addr & (PUD_SIZE - 1)) >>> PAGE_SHIFT);
	const refs = record_subpages(pfn, addr, end, pages, nr.v);

	const folio = try_grab_folio(pages[nr.v]!, refs, flags);
	if (!folio)
		return false;

	if (!pud_same(orig, pudp_get(pudp))) {
		gup_put_folio(folio, refs, flags);
		return false;
	}

	if (!pud_write(orig) && gup_must_unshare(flags, folio)) {
		gup_put_folio(folio, refs, flags);
		return false;
	}

	nr.v += refs;
	folio_set_referenced(folio);
	return true;
}

/** mm/gup.c:gup_pmd_range() */
function gup_pmd_range(pudp: ptep_t, pud: pud_t, addr: unsigned_long, end: unsigned_long,
	flags: number, pages: struct_page[], nr: ref<number>): boolean {
	let next: unsigned_long;

	let pmdp = pmd_offset_lockless(pudp, pud, addr);
	do {
		const pmd = pmdp_get(pmdp);

		next = pmd_addr_end(addr, end);
		if (!pmd_present(pmd))
			return false;

		if (pmd_trans_huge(pmd) || pmd_huge(pmd)) {
			if (!gup_huge_pmd(pmd, pmdp, addr, next, flags, pages, nr))
				return false;
		} else if (!gup_pte_range(pmd, pmdp, addr, next, flags, pages, nr))
			return false;
	} while (pmdp++, addr = next, addr !== end);

	return true;
}

/** mm/gup.c:gup_pud_range() */
function gup_pud_range(p4dp: ptep_t, p4d: p4d_t, addr: unsigned_long, end: unsigned_long,
	flags: number, pages: struct_page[], nr: ref<number>): boolean {
	let next: unsigned_long;

	let pudp = pud_offset_lockless(p4dp, p4d, addr);
	do {
		const pud = pudp_get(pudp);

		next = pud_addr_end(addr, end);
		if (!pud_present(pud))
			return false;
		if (pud_huge(pud)) {
			if (!gup_huge_pud(pud, pudp, addr, next, flags, pages, nr))
				return false;
		} else if (!gup_pmd_range(pudp, pud, addr, next, flags, pages, nr))
			return false;
	} while (pudp++, addr = next, addr !== end);

	return true;
}

/** mm/gup.c:gup_p4d_range() */
function gup_p4d_range(pgdp: ptep_t, pgd: pgd_t, addr: unsigned_long, end: unsigned_long,
	flags: number, pages: struct_page[], nr: ref<number>): boolean {
	let next: unsigned_long;

	let p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	do {
		const p4d = p4dp_get(p4dp);

		next = p4d_addr_end(addr, end);
		if (p4d_none(p4d))
			return false;
		if (!gup_pud_range(p4dp, p4d, addr, next, flags, pages, nr))
			return false;
	} while (p4dp++, addr = next, addr !== end);

	return true;
}

/** mm/gup.c:gup_pgd_range() */
function gup_pgd_range(addr: unsigned_long, end: unsigned_long, flags: number,
	pages: struct_page[], nr: ref<number>): void {
	let next: unsigned_long;

	let pgdp = pgd_offset(current.mm!, addr);
	do {
		const pgd = pgdp_get(pgdp);

		next = pgd_addr_end(addr, end);
		if (pgd_none(pgd))
			return;
		if (!gup_p4d_range(pgdp, pgd, addr, next, flags, pages, nr))
			return;
	} while (pgdp++, addr = next, addr !== end);
}

/** mm/gup.c:__gup_longterm_unlocked() */
function __gup_longterm_unlocked(start: unsigned_long, nr_pages: number, gup_flags: number,
	pages: struct_page[]): number {
	let ret: number;

	if (gup_flags & FOLL_LONGTERM) {
		mmap_read_lock(current.mm!);
		ret = __gup_longterm_locked(current.mm!, start, nr_pages, pages, null, gup_flags);
		mmap_read_unlock(current.mm!);
	} else {
		ret = get_user_pages_unlocked(start, nr_pages, pages, gup_flags);
	}

	return ret;
}

/* the count of the lockless walk under way, which runs with interrupts off */
const gup_nr_pinned = new ref(0);

/** mm/gup.c:lockless_pages_from_mm() */
function lockless_pages_from_mm(start: unsigned_long, end: unsigned_long, gup_flags: number,
	pages: struct_page[]): number {
	const mm = current.mm!;
	const seq = mm.write_protect_seq;

	/* fork is making pages shared: what we would pin may not stay ours */
	if (gup_flags & FOLL_PIN) {
		if (seq & 1)
			return 0;
	}

	gup_nr_pinned.v = 0;
	const flags = local_irq_save();
	gup_pgd_range(start, end, gup_flags, pages, gup_nr_pinned);
	local_irq_restore(flags);
	const nr_pinned = gup_nr_pinned.v;

	if (gup_flags & FOLL_PIN)
		return lockless_pins_checked(mm, seq, pages, nr_pinned);
	return nr_pinned;
}

/** The end of lockless_pages_from_mm(): a fork that began meanwhile may have missed the pins. */
function lockless_pins_checked(mm: struct_mm_struct, seq: number, pages: struct_page[],
	nr_pinned: number): number {
	if (mm.write_protect_seq !== seq) {
		unpin_user_pages_lockless(pages, nr_pinned);
		return 0;
	} else {
		sanity_check_pinned_pages(pages, nr_pinned);
	}
	return nr_pinned;
}

/** mm/gup.c:internal_get_user_pages_fast() */
function internal_get_user_pages_fast(start: unsigned_long, nr_pages: number, gup_flags: number,
	pages: struct_page[]): number {
	if (WARN_ON_ONCE((gup_flags & ~(FOLL_WRITE | FOLL_LONGTERM | FOLL_FORCE | FOLL_PIN |
		FOLL_GET |
		FOLL_FAST_ONLY | FOLL_NOFAULT)) !== 0))
		return -EINVAL;

	if (gup_flags & FOLL_PIN)
		mm_set_has_pinned_flag(current.mm!);

	if (!(gup_flags & FOLL_FAST_ONLY))
		might_lock_read(current.mm!.mmap_lock);

	start = ALIGN_DOWN(start, PAGE_SIZE);
	const len = nr_pages * PAGE_SIZE;
	const end = start + len;
	if (!access_ok(start, len))
		return -EFAULT;

	const nr_pinned = lockless_pages_from_mm(start, end, gup_flags, pages);
	if (nr_pinned === nr_pages || gup_flags & FOLL_FAST_ONLY)
		return nr_pinned;

	return get_user_pages_fast_rest(start, nr_pages, gup_flags, pages, nr_pinned);
}

/** The end of internal_get_user_pages_fast(): all but @nr_pinned is faulted in under mmap_lock. */
function get_user_pages_fast_rest(start: unsigned_long, nr_pages: number, gup_flags: number,
	pages: struct_page[], nr_pinned: number): number {
	start += nr_pinned * PAGE_SIZE;
	const more = nr_pinned ? [] : pages;
	const ret = __gup_longterm_unlocked(start, nr_pages - nr_pinned, gup_flags, more);
	if (more !== pages)
		for (let i = 0; i < ret; i++)
			pages[nr_pinned + i] = more[i]!;
	if (ret < 0) {
		/* the pages got so far count more than the error */
		if (nr_pinned)
			return nr_pinned;
		return ret;
	}
	return ret + nr_pinned;
}

/** mm/gup.c:get_user_pages_fast_only(). Never faults, never sleeps: interrupts may be off. */
export function get_user_pages_fast_only(start: unsigned_long, nr_pages: number,
	gup_flags: number, pages: struct_page[]): number {
	gup_flags |= FOLL_GET | FOLL_FAST_ONLY;

	let nr_pinned = internal_get_user_pages_fast(start, nr_pages, gup_flags, pages);

	/* an error is none, for those who will try again by other means */
	if (nr_pinned < 0)
		nr_pinned = 0;

	return nr_pinned;
}

/** mm/gup.c:get_user_pages_fast() */
export function get_user_pages_fast(start: unsigned_long, nr_pages: number, gup_flags: number,
	pages: struct_page[]): number {
	if (!is_valid_gup_flags(gup_flags))
		return -EINVAL;

	gup_flags |= FOLL_GET;
	return internal_get_user_pages_fast(start, nr_pages, gup_flags, pages);
}

/** mm/gup.c:pin_user_pages_fast() */
export function pin_user_pages_fast(start: unsigned_long, nr_pages: number, gup_flags: number,
	pages: struct_page[]): number {
	/* one kind of reference, not both */
	if (WARN_ON_ONCE((gup_flags & FOLL_GET) !== 0))
		return -EINVAL;

	gup_flags |= FOLL_PIN;
	return internal_get_user_pages_fast(start, nr_pages, gup_flags, pages);
}

/** mm/gup.c:pin_user_pages_fast_only() */
export function pin_user_pages_fast_only(start: unsigned_long, nr_pages: number,
	gup_flags: number, pages: struct_page[]): number {
	if (WARN_ON_ONCE((gup_flags & FOLL_GET) !== 0))
		return 0;

	gup_flags |= FOLL_PIN | FOLL_FAST_ONLY;
	let nr_pinned = internal_get_user_pages_fast(start, nr_pages, gup_flags, pages);
	if (nr_pinned < 0)
		nr_pinned = 0;

	return nr_pinned;
}

/** mm/gup.c:pin_user_pages_remote() */
export function pin_user_pages_remote(mm: struct_mm_struct, start: unsigned_long, nr_pages: number,
	gup_flags: number, pages: struct_page[], vmas: struct_vm_area_struct[] | null,
	locked: ref<number> | null): number {
	if (WARN_ON_ONCE((gup_flags & FOLL_GET) !== 0))
		return -EINVAL;

	gup_flags |= FOLL_PIN;
	return __get_user_pages_remote(mm, start, nr_pages, gup_flags, pages, vmas, locked);
}

/** mm/gup.c:pin_user_pages() */
export function pin_user_pages(start: unsigned_long, nr_pages: number, gup_flags: number,
	pages: struct_page[], vmas: struct_vm_area_struct[] | null): number {
	if (WARN_ON_ONCE((gup_flags & FOLL_GET) !== 0))
		return -EINVAL;

	gup_flags |= FOLL_PIN;
	return __gup_longterm_locked(current.mm!, start, nr_pages, pages, vmas, gup_flags);
}

/** mm/gup.c:pin_user_pages_unlocked() */
export function pin_user_pages_unlocked(start: unsigned_long, nr_pages: number,
	pages: struct_page[], gup_flags: number): number {
	if (WARN_ON_ONCE((gup_flags & FOLL_GET) !== 0))
		return -EINVAL;

	gup_flags |= FOLL_PIN;
	return get_user_pages_unlocked(start, nr_pages, pages, gup_flags);
}
