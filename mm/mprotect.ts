// SPDX-License-Identifier: GPL-2.0
/*
 * Changing the protection of mapped ranges.
 *
 * Upstream: mm/mprotect.c. Left out: protection keys, NUMA hinting, userfaultfd write protection,
 * the PROT_NONE walk over PFN maps, device-private entries.
 */
import { ul_shr } from "#asm-generic/bits.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { pgoff_t, ref, u64, type unsigned_long } from "#asm-generic/types.ts";
import { struct_mmu_gather, tlb_change_page_size, tlb_end_vma, tlb_finish_mmu, tlb_flush_pte_range,
	tlb_gather_mmu, tlb_start_vma } from "#asm/tlb.ts";
import { flush_tlb_batched_pending, pte_needs_flush } from "#asm/tlbflush.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import {
	p4d_addr_end, p4d_none_or_clear_bad, p4d_offset, pgd_addr_end, pgd_none_or_clear_bad,
	pgd_offset, pmd_addr_end, pmd_bad, pmd_clear_bad, pmd_none, pmd_offset, pmd_trans_huge,
	pmd_trans_unstable, pmdp_get, type pte_t, pte_dirty, pte_mkwrite, pte_modify, pte_none,
	pte_offset_map_lock, pte_present, pte_protnone, pte_same, pte_unmap_unlock, pte_write,
	ptep_get, ptep_modify_prot_commit, ptep_modify_prot_start, pud_addr_end,
	pud_none_or_clear_bad, pud_offset, set_pte_at,
} from "#linux/pgtable.ts";
import type { pgprot_t } from "#asm/pgtable_types.ts";
import { BUG_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { VM_BUG_ON, VM_WARN_ON } from "#linux/mmdebug.ts";
import { EACCES, EINTR, EINVAL, ENOMEM } from "#linux/errno.ts";
import {
	__split_huge_pmd, change_huge_pmd, HPAGE_PMD_NR, HPAGE_PMD_SIZE, is_swap_pmd,
} from "#linux/huge_mm.ts";
import { hugetlb_change_protection, is_vm_hugetlb_page } from "#linux/hugetlb.ts";
import {
	arch_validate_flags, arch_validate_prot, calc_vm_prot_bits, PROT_GROWSDOWN, PROT_GROWSUP,
	vm_unacct_memory,
} from "#linux/mman.ts";
import {
	find_vma, may_expand_vm, split_vma,
	vm_normal_page, vm_stat_account, vma_merge, vma_set_page_prot, vma_wants_writenotify,
} from "#linux/mm.ts";
import {
	MM_CP_TRY_CHANGE_WRITABLE, VM_ACCESS_FLAGS, VM_ACCOUNT, VM_EXEC, VM_FLAGS_CLEAR,
	VM_GROWSDOWN, VM_GROWSUP, VM_HUGETLB, VM_LOCKED, VM_NORESERVE, VM_READ, VM_SHARED,
	VM_SOFTDIRTY, VM_WRITE,
} from "#linux/mm.const.ts";
import type { ptep_t, struct_vm_area_struct } from "#linux/mm_types.ts";
import {
	MMU_NOTIFY_PROTECTION_VMA, mmu_notifier_invalidate_range_end,
	mmu_notifier_invalidate_range_start, mmu_notifier_range_init, struct_mmu_notifier_range,
} from "#linux/mmu_notifier.ts";
import { mmap_write_lock_killable, mmap_write_unlock } from "#linux/mmap_lock.ts";
import { PageAnon, PageAnonExclusive } from "#linux/page-flags.ts";
import { cond_resched, current } from "#linux/sched.ts";
import { security_vm_enough_memory_mm } from "#linux/security.ts";
import type { spinlock_t } from "#linux/spinlock.ts";
import {
	is_swap_pte, is_writable_migration_entry, make_readable_exclusive_migration_entry,
	make_readable_migration_entry, pfn_swap_entry_to_page, pte_to_swp_entry, swp_entry_to_pte,
	swp_offset,
} from "#linux/swapops.ts";

import { populate_vma_page_range } from "#mm/internal.h.ts";

/** mm/mprotect.c:can_change_pte_writable(): nothing would be learnt from a write fault. */
function can_change_pte_writable(vma: struct_vm_area_struct, addr: unsigned_long,
	pte: pte_t): boolean {
	VM_BUG_ON(!(vma.vm_flags & VM_WRITE) || pte_write(pte));

	if (pte_protnone(pte) || !pte_dirty(pte))
		return false;

	if (!(vma.vm_flags & VM_SHARED)) {
		/* only a page that is certainly this mapping's own needs no copy */
		const page = vm_normal_page(vma, addr, pte);
		if (page === null || !PageAnon(page) || !PageAnonExclusive(page))
			return false;
	}

	return true;
}

/** mm/mprotect.c:change_pte_range() */
function change_pte_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct, pmd: ptep_t,
	addr: unsigned_long, end: unsigned_long, newprot: pgprot_t, cp_flags: number): number {
	const mm = vma.vm_mm!;
	let pages = 0;

	tlb_change_page_size(tlb, PAGE_SIZE);

	/* a THP may have taken the place of the table, or truncation removed it */
	if (pmd_trans_unstable(pmd))
		return 0;

	const ptl = new ref<spinlock_t | null>(null);
	let pte = pte_offset_map_lock(mm, pmd, addr, ptl);

	flush_tlb_batched_pending(mm);
	do {
		const old = ptep_get(pte);
		if (pte_present(old)) {
			const oldpte = ptep_modify_prot_start(vma, addr, pte);
			let ptent = pte_modify(oldpte, newprot);

			if ((cp_flags & MM_CP_TRY_CHANGE_WRITABLE) && !pte_write(ptent) &&
			    can_change_pte_writable(vma, addr, ptent))
				ptent = pte_mkwrite(ptent);

			ptep_modify_prot_commit(vma, addr, pte, oldpte, ptent);
			if (pte_needs_flush(oldpte, ptent))
				tlb_flush_pte_range(tlb, addr, PAGE_SIZE);
			pages++;
		} else if (is_swap_pte(old)) {
			let entry = pte_to_swp_entry(old);
			let newpte: pte_t;

			if (is_writable_migration_entry(entry)) {
				/* no new migration entry may be writable from here on */
				const page = pfn_swap_entry_to_page(entry);
				if (PageAnon(page))
					entry =
						make_readable_exclusive_migration_entry(swp_offset(
							entry));
				else
					entry = make_readable_migration_entry(swp_offset(entry));
				newpte = swp_entry_to_pte(entry);
			} else {
				newpte = old;
			}

			if (!pte_same(old, newpte)) {
				set_pte_at(mm, addr, pte, newpte);
				pages++;
			}
		} else {
			WARN_ON_ONCE(!pte_none(old));
		}
	} while (pte++, addr += PAGE_SIZE, addr !== end);
	pte_unmap_unlock(pte - 1, ptl.v!);

	return pages;
}

/** mm/mprotect.c:pmd_none_or_clear_bad_unless_trans_huge() */
function pmd_none_or_clear_bad_unless_trans_huge(pmd: ptep_t): boolean {
	const pmdval = pmdp_get(pmd);

	if (pmd_none(pmdval))
		return true;
	if (pmd_trans_huge(pmdval))
		return false;
	if (pmd_bad(pmdval)) {
		pmd_clear_bad(pmd);
		return true;
	}
	return false;
}

/** mm/mprotect.c:change_pmd_range(): the notifier starts at the first entry that is there. */
function change_pmd_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct, pud: ptep_t,
	addr: unsigned_long, end: unsigned_long, newprot: pgprot_t, cp_flags: number): number {
	let next: unsigned_long;
	let pages = 0;
	let range: struct_mmu_notifier_range | null = null;

	let pmd = pmd_offset(pud, addr);
	do {
		next = pmd_addr_end(addr, end);

		next: {
			if (!is_swap_pmd(pmdp_get(pmd)) &&
				pmd_none_or_clear_bad_unless_trans_huge(pmd))
				break next;

			if (range === null) {
				range = new struct_mmu_notifier_range(vma.vm_mm!);
				mmu_notifier_range_init(range, MMU_NOTIFY_PROTECTION_VMA, 0, vma,
					vma.vm_mm!, addr, end);
				mmu_notifier_invalidate_range_start(range);
			}

			const pmdval = pmdp_get(pmd);
			if (is_swap_pmd(pmdval) || pmd_trans_huge(pmdval)) {
				if (next - addr !== HPAGE_PMD_SIZE) {
					__split_huge_pmd(vma, pmd, addr, false, null);
				} else {
					/* 0: split under us; 1: nothing to do */
					const nr_ptes = change_huge_pmd(tlb, vma, pmd, addr,
						newprot,
						cp_flags);

					if (nr_ptes) {
						if (nr_ptes === HPAGE_PMD_NR)
							pages += HPAGE_PMD_NR;

						break next;
					}
				}
			}
			pages += change_pte_range(tlb, vma, pmd, addr, next, newprot, cp_flags);
		}
		cond_resched();
	} while (pmd++, addr = next, addr !== end);

	if (range !== null)
		mmu_notifier_invalidate_range_end(range);

	return pages;
}

/** mm/mprotect.c:change_pud_range() */
function change_pud_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct, p4d: ptep_t,
	addr: unsigned_long, end: unsigned_long, newprot: pgprot_t, cp_flags: number): number {
	let next: unsigned_long;
	let pages = 0;

	let pud = pud_offset(p4d, addr);
	do {
		next = pud_addr_end(addr, end);
		if (pud_none_or_clear_bad(pud))
			continue;
		pages += change_pmd_range(tlb, vma, pud, addr, next, newprot, cp_flags);
	} while (pud++, addr = next, addr !== end);

	return pages;
}

/** mm/mprotect.c:change_p4d_range() */
function change_p4d_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct, pgd: ptep_t,
	addr: unsigned_long, end: unsigned_long, newprot: pgprot_t, cp_flags: number): number {
	let next: unsigned_long;
	let pages = 0;

	let p4d = p4d_offset(pgd, addr);
	do {
		next = p4d_addr_end(addr, end);
		if (p4d_none_or_clear_bad(p4d))
			continue;
		pages += change_pud_range(tlb, vma, p4d, addr, next, newprot, cp_flags);
	} while (p4d++, addr = next, addr !== end);

	return pages;
}

/** mm/mprotect.c:change_protection_range() */
function change_protection_range(tlb: struct_mmu_gather, vma: struct_vm_area_struct,
	addr: unsigned_long, end: unsigned_long, newprot: pgprot_t, cp_flags: number): number {
	const mm = vma.vm_mm!;
	let next: unsigned_long;
	let pages = 0;

	BUG_ON(addr >= end);
	let pgd = pgd_offset(mm, addr);
	tlb_start_vma(tlb, vma);
	do {
		next = pgd_addr_end(addr, end);
		if (pgd_none_or_clear_bad(pgd))
			continue;
		pages += change_p4d_range(tlb, vma, pgd, addr, next, newprot, cp_flags);
	} while (pgd++, addr = next, addr !== end);

	tlb_end_vma(tlb, vma);

	return pages;
}

/** mm/mprotect.c:change_protection(); the number of entries changed. */
export function change_protection(tlb: struct_mmu_gather, vma: struct_vm_area_struct,
	start: unsigned_long, end: unsigned_long, newprot: pgprot_t, cp_flags: number): number {
	if (is_vm_hugetlb_page(vma))
		return hugetlb_change_protection(vma, start, end, newprot, cp_flags);
	return change_protection_range(tlb, vma, start, end, newprot, cp_flags);
}

/**
 * mm/mprotect.c:mprotect_fixup(): gives [start, end) of @vma @newflags, splitting and merging.
 * @pprev in: the VMA before; out: the one that holds the range.
 */
export function mprotect_fixup(tlb: struct_mmu_gather, vma: struct_vm_area_struct,
	pprev: ref<struct_vm_area_struct | null>, start: unsigned_long, end: unsigned_long,
	newflags: number): number {
	const mm = vma.vm_mm!;
	const oldflags = vma.vm_flags;
	const nrpages = ul_shr(end - start, PAGE_SHIFT);
	let charged = 0;
	let try_change_writable: boolean;
	let error: number;

	if (newflags === oldflags) {
		pprev.v = vma;
		return 0;
	}

	/* what becomes writable is charged, unless it was before or is never copied */
	if (newflags & VM_WRITE) {
		/* more than RLIMIT_DATA allows, and it was not before */
		if (!may_expand_vm(mm, newflags, nrpages) && may_expand_vm(mm, oldflags, nrpages))
			return -ENOMEM;
		if (!(oldflags & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE))) {
			charged = nrpages;
			if (security_vm_enough_memory_mm(mm, charged))
				return -ENOMEM;
			newflags |= VM_ACCOUNT;
		}
	}

	fail: {
		success: {
			const pgoff = pgoff_t(vma.vm_pgoff + ul_shr(start - vma.vm_start,
				PAGE_SHIFT));
			pprev.v = vma_merge(mm, pprev.v, start, end, newflags, vma.anon_vma,
				vma.vm_file,
				pgoff);
			if (pprev.v !== null) {
				vma = pprev.v;
				VM_WARN_ON(((vma.vm_flags ^ newflags) & ~VM_SOFTDIRTY) !== 0);
				break success;
			}

			pprev.v = vma;

			if (start !== vma.vm_start) {
				error = split_vma(mm, vma, start, 1);
				if (error)
					break fail;
			}

			if (end !== vma.vm_end) {
				error = split_vma(mm, vma, end, 0);
				if (error)
					break fail;
			}
		}
		/* mmap_lock is held for write, as a change of these two needs */
		vma.vm_flags = newflags;
		if (vma.vm_flags & VM_SHARED)
			try_change_writable = vma_wants_writenotify(vma, vma.vm_page_prot);
		else
			try_change_writable = !!(vma.vm_flags & VM_WRITE);
		vma_set_page_prot(vma);

		change_protection(tlb, vma, start, end, vma.vm_page_prot,
			try_change_writable ? MM_CP_TRY_CHANGE_WRITABLE : 0);

		/*
		 * locked memory does not wait for write faults: its private pages are copied at
		 * once
		 */
		if ((oldflags & (VM_WRITE | VM_SHARED | VM_LOCKED)) === VM_LOCKED &&
		    (newflags & VM_WRITE))
			populate_vma_page_range(vma, start, end, null);

		vm_stat_account(mm, oldflags, -nrpages);
		vm_stat_account(mm, newflags, nrpages);
		return 0;
	}
	vm_unacct_memory(charged);
	return error;
}

/** mm/mprotect.c:do_mprotect_pkey(); what precedes a failure within the range stays changed. */
function do_mprotect_pkey(ustart: bigint, ulen: bigint, prot: number): number {
	const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);

	prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP);
	if (grows === (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;

	if (ustart & BigInt(PAGE_SIZE - 1))
		return -EINVAL;
	if (!ulen)
		return 0;
	const uend = u64(ustart + u64(ulen + BigInt(PAGE_SIZE - 1) & ~BigInt(PAGE_SIZE - 1)));
	if (uend <= ustart)
		return -ENOMEM;
	if (!arch_validate_prot(prot, Number(ustart)))
		return -EINVAL;

	/* from here on a range that no VMA can cover fails by itself */
	let start = Number(ustart);
	let end = Number(uend);
	const mm = current.mm!;

	if (mmap_write_lock_killable(mm))
		return -EINTR;

	let error: number;
	out: {
		let vma = find_vma(mm, start);
		error = -ENOMEM;
		if (vma === null)
			break out;

		if (grows & PROT_GROWSDOWN) {
			if (vma.vm_start >= end)
				break out;
			start = vma.vm_start;
			error = -EINVAL;
			if (!(vma.vm_flags & VM_GROWSDOWN))
				break out;
		} else {
			if (vma.vm_start > start)
				break out;
			if (grows & PROT_GROWSUP) {
				end = vma.vm_end;
				error = -EINVAL;
				if (!(vma.vm_flags & VM_GROWSUP))
					break out;
			}
		}

		const prev = new ref<struct_vm_area_struct | null>(null);
		if (start > vma.vm_start)
			prev.v = vma;
		else
			prev.v = vma.vm_prev;

		const tlb = new struct_mmu_gather();
		tlb_gather_mmu(tlb, mm);
		for (let nstart = start; ;) {
			const mask_off_old_flags = VM_READ | VM_WRITE | VM_EXEC | VM_FLAGS_CLEAR;
			let newflags = calc_vm_prot_bits(prot, 0);
			newflags |= vma.vm_flags & ~mask_off_old_flags;

			/* VM_MAY* are the bits of VM_* shifted by four */
			if ((newflags & ~(newflags >> 4)) & VM_ACCESS_FLAGS) {
				error = -EACCES;
				break;
			}

			if (!arch_validate_flags(newflags)) {
				error = -EINVAL;
				break;
			}

			let tmp = vma.vm_end;
			if (tmp > end)
				tmp = end;

			if (vma.vm_ops?.mprotect) {
				error = vma.vm_ops.mprotect(vma, nstart, tmp, newflags);
				if (error)
					break;
			}

			error = mprotect_fixup(tlb, vma, prev, nstart, tmp, newflags);
			if (error)
				break;

			nstart = tmp;

			if (nstart < prev.v!.vm_end)
				nstart = prev.v!.vm_end;
			if (nstart >= end)
				break;

			vma = prev.v!.vm_next;
			if (vma === null || vma.vm_start !== nstart) {
				error = -ENOMEM;
				break;
			}
		}
		tlb_finish_mmu(tlb);
	}
	mmap_write_unlock(mm);
	return error;
}

export const sys_mprotect = SYSCALL_DEFINE("mprotect", ["ulong", "ulong", "int"],
	(start: bigint, len: bigint, prot: number): number => do_mprotect_pkey(start, len, prot));
