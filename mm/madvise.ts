// SPDX-License-Identifier: GPL-2.0
/*
 * madvise(): hints, and the three that are no hints (DONTNEED, REMOVE, POPULATE).
 *
 * Upstream: mm/madvise.c. Left out: anonymous VMA names, process_madvise, userfaultfd, KSM,
 * soft offlining.
 * Without CONFIG_SWAP, MADV_WILLNEED on anonymous memory is -EBADF, as upstream has it.
 */
import { ALIGN, IS_ALIGNED, ul_shr } from "#asm-generic/bits.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { loff_t, pgoff_t, ref, u64, type ulong64, type unsigned_long } from "#asm-generic/types.ts";
import {
	struct_mmu_gather, tlb_change_page_size, tlb_end_vma, tlb_finish_mmu, tlb_gather_mmu,
	tlb_remove_pmd_tlb_entry, tlb_remove_tlb_entry, tlb_start_vma,
} from "#asm/tlb.ts";
import { flush_tlb_batched_pending } from "#asm/tlbflush.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import {
	pmd_addr_end, pmd_mkold, pmd_page, pmd_present, pmd_trans_huge, pmd_trans_unstable,
	pmd_young, pmdp_get, pmdp_invalidate, pte_clear_not_present_full, pte_dirty, pte_mkclean,
	pte_mkold, pte_none, pte_offset_map_lock, pte_present, pte_unmap_unlock, pte_young,
	ptep_get, ptep_get_and_clear_full, set_pmd_at, set_pte_at,
} from "#linux/pgtable.ts";
import {
	EACCES, EAGAIN, EBADF, EFAULT, EHWPOISON, EINTR, EINVAL, ENOMEM, EOPNOTSUPP, EPERM,
} from "#linux/errno.ts";
import { POSIX_FADV_WILLNEED } from "#uapi/linux/fadvise.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	file_inode, file_permission, get_file, inode_owner_or_capable, MAY_WRITE,
	vfs_fadvise, vfs_fallocate,
} from "#linux/fs.ts";
import {
	HPAGE_PMD_SIZE, hugepage_madvise, is_huge_zero_pmd, madvise_free_huge_pmd,
	pmd_trans_huge_lock, split_huge_page,
} from "#linux/huge_mm.ts";
import { hstate_vma, huge_page_size, is_vm_hugetlb_page } from "#linux/hugetlb.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { fput } from "#linux/file.ts";
import { ksm_madvise } from "#linux/ksm.ts";
import { list_add, struct_list_head } from "#linux/list.ts";
import {
	MADV_COLD, MADV_DODUMP, MADV_DOFORK, MADV_DONTDUMP, MADV_DONTFORK, MADV_DONTNEED,
	MADV_DONTNEED_LOCKED, MADV_FREE, MADV_HUGEPAGE, MADV_HWPOISON, MADV_KEEPONFORK,
	MADV_MERGEABLE, MADV_NOHUGEPAGE, MADV_NORMAL, MADV_PAGEOUT, MADV_POPULATE_READ,
	MADV_POPULATE_WRITE, MADV_RANDOM, MADV_REMOVE, MADV_SEQUENTIAL, MADV_UNMERGEABLE,
	MADV_WILLNEED, MADV_WIPEONFORK,
} from "#linux/mman.ts";
import {
	__split_vma, compound_head, find_vma, find_vma_prev, get_page, get_user_pages_fast,
	memory_failure, page_mapcount, page_size, put_page,
	sysctl_max_map_count, update_hiwater_rss,
	vm_normal_page, vma_is_anonymous, vma_lookup, vma_merge, zap_page_range,
} from "#linux/mm.ts";
import {
	MF_COUNT_INCREASED, MF_SW_SIMULATED, VM_DONTCOPY, VM_DONTDUMP, VM_HUGETLB, VM_IO,
	VM_LOCKED, VM_PFNMAP, VM_RAND_READ, VM_SEQ_READ, VM_SHARED, VM_SPECIAL, VM_WIPEONFORK,
	VM_WRITE,
} from "#linux/mm.const.ts";
import type {
	ptep_t, struct_mm_struct, struct_page, struct_vm_area_struct,
} from "#linux/mm_types.ts";
import {
	MMU_NOTIFY_CLEAR, mmu_notifier_invalidate_range_end, mmu_notifier_invalidate_range_start,
	mmu_notifier_range_init, struct_mmu_notifier_range,
} from "#linux/mmu_notifier.ts";
import {
	mmap_read_lock, mmap_read_unlock, mmap_write_lock_killable, mmap_write_unlock,
} from "#linux/mmap_lock.ts";
import { VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import {
	ClearPageDirty, ClearPageReferenced, PageDirty, PageLRU, PageSwapCache, PageTransCompound,
	PageUnevictable,
} from "#linux/page-flags.ts";
import { lock_page, trylock_page, unlock_page } from "#linux/pagemap.ts";
import { type struct_mm_walk, type struct_mm_walk_ops, walk_page_range } from "#linux/pagewalk.ts";
import { pr_info, pr_warn_once } from "#linux/printk.ts";
import { cond_resched, current, fatal_signal_pending } from "#linux/sched.ts";
import { shmem_mapping } from "#linux/shmem_fs.ts";
import { spin_unlock, type spinlock_t } from "#linux/spinlock.ts";
import {
	deactivate_page, isolate_lru_page, lru_add_drain, mark_page_lazyfree, putback_lru_page,
	reclaim_pages, try_to_free_swap,
} from "#linux/swap.ts";
import {
	is_hwpoison_entry, is_swapin_error_entry, non_swap_entry, pte_to_swp_entry,
} from "#linux/swapops.ts";
import { faultin_vma_page_range } from "#mm/internal.h.ts";
import { init_user_ns } from "#linux/user_namespace.ts";
import { CONFIG_KSM, CONFIG_MEMORY_FAILURE, CONFIG_SWAP, CONFIG_TRANSPARENT_HUGEPAGE } from
	"#generated/autoconf.ts";
import { capable } from "#linux/capability.ts";
import { CAP_SYS_ADMIN } from "#uapi/linux/capability.ts";

type vma_t = struct_vm_area_struct;
/** C: struct vm_area_struct **prev; null tells that mmap_lock was dropped. */
type prev_t = ref<vma_t | null>;

class struct_madvise_walk_private {
	tlb: struct_mmu_gather;
	pageout: boolean;
	constructor(tlb: struct_mmu_gather, pageout: boolean) {
		this.tlb = tlb;
		this.pageout = pageout;
	}
}

/** mm/madvise.c:madvise_need_mmap_write() */
function madvise_need_mmap_write(behavior: number): boolean {
	switch (behavior) {
	case MADV_REMOVE:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_FREE:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return false;
	default:
		return true;
	}
}

/** mm/madvise.c:madvise_update_vma(), mmap_lock held for write */
function madvise_update_vma(vma: vma_t, prev: prev_t, start: unsigned_long, end: unsigned_long,
	new_flags: number): number {
	const mm = vma.vm_mm!;
	let error: number;

	if (new_flags === vma.vm_flags) {
		prev.v = vma;
		return 0;
	}

	success: {
		const pgoff = pgoff_t(vma.vm_pgoff + ul_shr(start - vma.vm_start, PAGE_SHIFT));
		prev.v = vma_merge(mm, prev.v, start, end, new_flags, vma.anon_vma, vma.vm_file,
			pgoff);
		if (prev.v !== null) {
			vma = prev.v;
			break success;
		}

		prev.v = vma;

		if (start !== vma.vm_start) {
			if (mm.map_count >= sysctl_max_map_count)
				return -ENOMEM;
			error = __split_vma(mm, vma, start, 1);
			if (error)
				return error;
		}

		if (end !== vma.vm_end) {
			if (mm.map_count >= sysctl_max_map_count)
				return -ENOMEM;
			error = __split_vma(mm, vma, end, 0);
			if (error)
				return error;
		}
	}
	/* vm_flags is protected by mmap_lock held for write */
	vma.vm_flags = new_flags;
	return 0;
}

/** mm/madvise.c:madvise_willneed() */
function madvise_willneed(vma: vma_t, prev: prev_t, start: unsigned_long,
	end: unsigned_long): number {
	const mm = vma.vm_mm!;
	const file = vma.vm_file;

	prev.v = vma;
	if (IS_ENABLED(CONFIG_SWAP)) {
		/* pages that are out are read when they are touched: no read-ahead here */
		if (file === null || shmem_mapping(file.f_mapping!)) {
			lru_add_drain();
			return 0;
		}
	}
	if (file === null)
		return -EBADF;

	/* the file's own answer, without the lock */
	prev.v = null;
	get_file(file);
	const offset = loff_t(BigInt(start - vma.vm_start) +
		(BigInt(vma.vm_pgoff) << BigInt(PAGE_SHIFT)));
	mmap_read_unlock(mm);
	vfs_fadvise(file, offset, loff_t(BigInt(end - start)), POSIX_FADV_WILLNEED);
	fput(file);
	mmap_read_lock(mm);
	return 0;
}

/** mm/madvise.c:madvise_cold_or_pageout_pte_range() */
function madvise_cold_or_pageout_pte_range(pmd: ptep_t, addr: unsigned_long, end: unsigned_long,
	walk: struct_mm_walk): number {
	const { tlb, pageout } = walk.private_ as struct_madvise_walk_private;
	const mm = tlb.mm!;
	const vma = walk.vma!;
	const page_list = new struct_list_head(null);
	let page: struct_page | null;

	const take = (p: struct_page): void => {
		ClearPageReferenced(p);
		if (pageout) {
			if (!isolate_lru_page(p)) {
				if (PageUnevictable(p))
					putback_lru_page(p);
				else
					list_add(p.lru, page_list);
			}
		} else
			deactivate_page(p);
	};

	if (fatal_signal_pending(current))
		return -EINTR;

	regular_page: {
		if (!pmd_trans_huge(pmdp_get(pmd)))
			break regular_page;
		const next = pmd_addr_end(addr, end);

		tlb_change_page_size(tlb, HPAGE_PMD_SIZE);
		const ptl = pmd_trans_huge_lock(pmd, vma);
		if (ptl === null)
			return 0;

		huge_unlock: {
			let orig_pmd = pmdp_get(pmd);
			if (is_huge_zero_pmd(orig_pmd))
				break huge_unlock;

			/* a migration entry */
			if (!pmd_present(orig_pmd))
				break huge_unlock;

			page = pmd_page(orig_pmd);

			/* others use it too: not ours to judge */
			if (page_mapcount(page) !== 1)
				break huge_unlock;

			if (next - addr !== HPAGE_PMD_SIZE) {
				get_page(page);
				spin_unlock(ptl);
				lock_page(page);
				const err = split_huge_page(page);
				unlock_page(page);
				put_page(page);
				if (!err)
					break regular_page;
				return 0;
			}

			if (pmd_young(orig_pmd)) {
				pmdp_invalidate(vma, addr, pmd);
				orig_pmd = pmd_mkold(orig_pmd);

				set_pmd_at(mm, addr, pmd, orig_pmd);
				tlb_remove_pmd_tlb_entry(tlb, pmd, addr);
			}

			take(page);
		}
		spin_unlock(ptl);
		if (pageout)
			reclaim_pages(page_list);
		return 0;
	}

	if (pmd_trans_unstable(pmd))
		return 0;
	tlb_change_page_size(tlb, PAGE_SIZE);
	const ptl = new ref<spinlock_t | null>(null);
	let pte = pte_offset_map_lock(mm, pmd, addr, ptl);
	let orig_pte = pte;
	flush_tlb_batched_pending(mm);
	for (; addr < end; pte++, addr += PAGE_SIZE) {
		let ptent = ptep_get(pte);

		if (pte_none(ptent))
			continue;

		if (!pte_present(ptent))
			continue;

		page = vm_normal_page(vma, addr, ptent);
		if (page === null)
			continue;

		/* a part of a huge page: split it, if it is only ours */
		if (PageTransCompound(page)) {
			if (page_mapcount(page) !== 1)
				break;
			get_page(page);
			if (!trylock_page(page)) {
				put_page(page);
				break;
			}
			pte_unmap_unlock(orig_pte, ptl.v!);
			if (split_huge_page(page)) {
				unlock_page(page);
				put_page(page);
				orig_pte = pte_offset_map_lock(mm, pmd, addr, ptl);
				break;
			}
			unlock_page(page);
			put_page(page);
			orig_pte = pte = pte_offset_map_lock(mm, pmd, addr, ptl);
			pte--;
			addr -= PAGE_SIZE;
			continue;
		}

		/* only what is on the LRU by now, and mapped once */
		if (!PageLRU(page) || page_mapcount(page) !== 1)
			continue;

		VM_BUG_ON_PAGE(PageTransCompound(page), page);

		if (pte_young(ptent)) {
			ptent = ptep_get_and_clear_full(mm, addr, pte, tlb.fullmm);
			ptent = pte_mkold(ptent);
			set_pte_at(mm, addr, pte, ptent);
			tlb_remove_tlb_entry(tlb, pte, addr);
		}

		take(page);
	}
	pte_unmap_unlock(orig_pte, ptl.v!);
	if (pageout)
		reclaim_pages(page_list);
	cond_resched();

	return 0;
}

const cold_walk_ops: struct_mm_walk_ops = {
	pmd_entry: madvise_cold_or_pageout_pte_range,
};

/** mm/madvise.c:madvise_cold_page_range() */
function madvise_cold_page_range(tlb: struct_mmu_gather, vma: vma_t, addr: unsigned_long,
	end: unsigned_long): void {
	tlb_start_vma(tlb, vma);
	walk_page_range(vma.vm_mm!, addr, end, cold_walk_ops,
		new struct_madvise_walk_private(tlb, false));
	tlb_end_vma(tlb, vma);
}

/** mm/madvise.c:can_madv_lru_vma() */
function can_madv_lru_vma(vma: vma_t): boolean {
	return !(vma.vm_flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB));
}

/** mm/madvise.c:madvise_cold() */
function madvise_cold(vma: vma_t, prev: prev_t, start_addr: unsigned_long,
	end_addr: unsigned_long): number {
	const tlb = new struct_mmu_gather();

	prev.v = vma;
	if (!can_madv_lru_vma(vma))
		return -EINVAL;

	lru_add_drain();
	tlb_gather_mmu(tlb, vma.vm_mm!);
	madvise_cold_page_range(tlb, vma, start_addr, end_addr);
	tlb_finish_mmu(tlb);

	return 0;
}

/** mm/madvise.c:madvise_pageout_page_range() */
function madvise_pageout_page_range(tlb: struct_mmu_gather, vma: vma_t, addr: unsigned_long,
	end: unsigned_long): void {
	tlb_start_vma(tlb, vma);
	walk_page_range(vma.vm_mm!, addr, end, cold_walk_ops,
		new struct_madvise_walk_private(tlb, true));
	tlb_end_vma(tlb, vma);
}

/** mm/madvise.c:can_do_pageout(): no eviction of files that one could not write. */
function can_do_pageout(vma: vma_t): boolean {
	if (vma_is_anonymous(vma))
		return true;
	if (vma.vm_file === null)
		return false;
	return inode_owner_or_capable(init_user_ns, file_inode(vma.vm_file)) ||
		file_permission(vma.vm_file, MAY_WRITE) === 0;
}

/** mm/madvise.c:madvise_pageout() */
function madvise_pageout(vma: vma_t, prev: prev_t, start_addr: unsigned_long,
	end_addr: unsigned_long): number {
	const tlb = new struct_mmu_gather();

	prev.v = vma;
	if (!can_madv_lru_vma(vma))
		return -EINVAL;

	if (!can_do_pageout(vma))
		return 0;

	lru_add_drain();
	tlb_gather_mmu(tlb, vma.vm_mm!);
	madvise_pageout_page_range(tlb, vma, start_addr, end_addr);
	tlb_finish_mmu(tlb);

	return 0;
}

/** mm/madvise.c:madvise_free_pte_range() */
function madvise_free_pte_range(pmd: ptep_t, addr: unsigned_long, end: unsigned_long,
	walk: struct_mm_walk): number {
	const tlb = walk.private_ as struct_mmu_gather;
	const mm = tlb.mm!;
	const vma = walk.vma!;

	const next = pmd_addr_end(addr, end);
	if (pmd_trans_huge(pmdp_get(pmd)))
		if (madvise_free_huge_pmd(tlb, vma, pmd, addr, next))
			return 0;

	if (pmd_trans_unstable(pmd))
		return 0;

	tlb_change_page_size(tlb, PAGE_SIZE);
	const ptl = new ref<spinlock_t | null>(null);
	let pte = pte_offset_map_lock(mm, pmd, addr, ptl);
	let orig_pte = pte;
	flush_tlb_batched_pending(mm);
	for (; addr !== end; pte++, addr += PAGE_SIZE) {
		let ptent = ptep_get(pte);

		if (pte_none(ptent))
			continue;
		/* poison and failed swap-ins go at once: nobody wants the page back */
		if (!pte_present(ptent)) {
			const entry = pte_to_swp_entry(ptent);
			if (non_swap_entry(entry) &&
			    (is_hwpoison_entry(entry) || is_swapin_error_entry(entry)))
				pte_clear_not_present_full(mm, addr, pte, tlb.fullmm);
			continue;
		}

		const page = vm_normal_page(vma, addr, ptent);
		if (page === null)
			continue;

		if (PageTransCompound(page)) {
			if (page_mapcount(page) !== 1)
				break;
			get_page(page);
			if (!trylock_page(page)) {
				put_page(page);
				break;
			}
			pte_unmap_unlock(orig_pte, ptl.v!);
			if (split_huge_page(page)) {
				unlock_page(page);
				put_page(page);
				orig_pte = pte_offset_map_lock(mm, pmd, addr, ptl);
				break;
			}
			unlock_page(page);
			put_page(page);
			orig_pte = pte = pte_offset_map_lock(mm, pmd, addr, ptl);
			pte--;
			addr -= PAGE_SIZE;
			continue;
		}

		VM_BUG_ON_PAGE(PageTransCompound(page), page);

		if (PageSwapCache(page) || PageDirty(page)) {
			if (!trylock_page(page))
				continue;
			/* shared: its other owner may still want the contents */
			if (page_mapcount(page) !== 1) {
				unlock_page(page);
				continue;
			}

			if (PageSwapCache(page) && !try_to_free_swap(page)) {
				unlock_page(page);
				continue;
			}

			ClearPageDirty(page);
			unlock_page(page);
		}

		if (pte_young(ptent) || pte_dirty(ptent)) {
			/*
			 * cleared before the clean entry is set, so that no write is lost between
			 */
			ptent = ptep_get_and_clear_full(mm, addr, pte, tlb.fullmm);

			ptent = pte_mkold(ptent);
			ptent = pte_mkclean(ptent);
			set_pte_at(mm, addr, pte, ptent);
			tlb_remove_tlb_entry(tlb, pte, addr);
		}
		mark_page_lazyfree(page);
	}
	pte_unmap_unlock(orig_pte, ptl.v!);
	cond_resched();
	return 0;
}

const madvise_free_walk_ops: struct_mm_walk_ops = {
	pmd_entry: madvise_free_pte_range,
};

/** mm/madvise.c:madvise_free_single_vma(): anonymous memory only. */
function madvise_free_single_vma(vma: vma_t, start_addr: unsigned_long,
	end_addr: unsigned_long): number {
	const mm = vma.vm_mm!;
	const range = new struct_mmu_notifier_range(mm);
	const tlb = new struct_mmu_gather();

	if (!vma_is_anonymous(vma))
		return -EINVAL;

	const start = Math.max(vma.vm_start, start_addr);
	if (start >= vma.vm_end)
		return -EINVAL;
	const end = Math.min(vma.vm_end, end_addr);
	if (end <= vma.vm_start)
		return -EINVAL;
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, vma, mm, start, end);

	lru_add_drain();
	tlb_gather_mmu(tlb, mm);
	update_hiwater_rss(mm);

	mmu_notifier_invalidate_range_start(range);
	tlb_start_vma(tlb, vma);
	walk_page_range(mm, start, end, madvise_free_walk_ops, tlb);
	tlb_end_vma(tlb, vma);
	mmu_notifier_invalidate_range_end(range);
	tlb_finish_mmu(tlb);

	return 0;
}

/**
 * mm/madvise.c:madvise_dontneed_single_vma(): private pages are lost, and read as zeros or as the
 * file has them; shared ones are only unmapped.
 */
function madvise_dontneed_single_vma(vma: vma_t, start: unsigned_long, end: unsigned_long): number {
	zap_page_range(vma, start, end - start);
	return 0;
}

/** mm/madvise.c:madvise_dontneed_free_valid_vma(); rounds @end of huge page mappings up. */
function madvise_dontneed_free_valid_vma(vma: vma_t, start: unsigned_long, end: ref<unsigned_long>,
	behavior: number): boolean {
	if (!is_vm_hugetlb_page(vma)) {
		let forbidden = VM_PFNMAP;

		if (behavior !== MADV_DONTNEED_LOCKED)
			forbidden |= VM_LOCKED;

		return !(vma.vm_flags & forbidden);
	}

	if (behavior !== MADV_DONTNEED && behavior !== MADV_DONTNEED_LOCKED)
		return false;
	if (!IS_ALIGNED(start, huge_page_size(hstate_vma(vma))))
		return false;

	end.v = ALIGN(end.v, huge_page_size(hstate_vma(vma)));
	return true;
}

/** mm/madvise.c:madvise_dontneed_free() */
function madvise_dontneed_free(vma: vma_t, prev: prev_t, start: unsigned_long, end: unsigned_long,
	behavior: number): number {
	const pend = new ref(end);

	prev.v = vma;
	if (!madvise_dontneed_free_valid_vma(vma, start, pend, behavior))
		return -EINVAL;

	if (behavior === MADV_DONTNEED || behavior === MADV_DONTNEED_LOCKED)
		return madvise_dontneed_single_vma(vma, start, pend.v);
	else if (behavior === MADV_FREE)
		return madvise_free_single_vma(vma, start, pend.v);
	else
		return -EINVAL;
}

/** mm/madvise.c:madvise_populate(): faults the range in, and reports what cannot be. */
function madvise_populate(first: vma_t, prev: prev_t, start: unsigned_long, end: unsigned_long,
	behavior: number): number {
	const write = behavior === MADV_POPULATE_WRITE;
	const mm = first.vm_mm!;
	const locked = new ref(1);
	let vma: vma_t | null = first;

	prev.v = vma;

	while (start < end) {
		/* the lock may have been dropped: look again */
		if (vma === null || start >= vma.vm_end) {
			vma = vma_lookup(mm, start);
			if (vma === null)
				return -ENOMEM;
		}

		const tmp_end = Math.min(end, vma.vm_end);
		const pages = faultin_vma_page_range(vma, start, tmp_end, write, locked);
		if (!locked.v) {
			mmap_read_lock(mm);
			locked.v = 1;
			prev.v = null;
			vma = null;
		}
		if (pages < 0) {
			switch (pages) {
			case -EINTR:
				return -EINTR;
			case -EINVAL:
				/* the mapping allows no such access */
				return -EINVAL;
			case -EHWPOISON:
				return -EHWPOISON;
			case -EFAULT:
				/* SIGBUS or SIGSEGV */
				return -EFAULT;
			default:
				pr_warn_once(
					`madvise_populate: unhandled return value: ${pages}\n`);
				// fallthrough
			case -ENOMEM:
				return -ENOMEM;
			}
		}
		start += pages * PAGE_SIZE;
	}
	return 0;
}

/** mm/madvise.c:madvise_remove(): a hole in the file behind the range. */
function madvise_remove(vma: vma_t, prev: prev_t, start: unsigned_long,
	end: unsigned_long): number {
	const mm = vma.vm_mm!;

	/* the lock will be dropped */
	prev.v = null;

	if (vma.vm_flags & VM_LOCKED)
		return -EINVAL;

	const f = vma.vm_file;

	if (f === null || f.f_mapping === null || f.f_mapping.host === null)
		return -EINVAL;

	if ((vma.vm_flags & (VM_SHARED | VM_WRITE)) !== (VM_SHARED | VM_WRITE))
		return -EACCES;

	const offset = loff_t(BigInt(start - vma.vm_start) +
		(BigInt(vma.vm_pgoff) << BigInt(PAGE_SHIFT)));

	/* i_rwsem comes before mmap_lock; the reference keeps the file while that is dropped */
	get_file(f);
	mmap_read_unlock(mm);
	const error = vfs_fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
		loff_t(BigInt(end - start)));
	fput(f);
	mmap_read_lock(mm);
	return error;
}

/** mm/madvise.c:madvise_vma_behavior(): @behavior on the part of the range that @vma holds. */
function madvise_vma_behavior(vma: vma_t, prev: prev_t, start: unsigned_long, end: unsigned_long,
	behavior: number): number {
	let error: number;
	let new_flags = vma.vm_flags;

	out: {
		switch (behavior) {
		case MADV_REMOVE:
			return madvise_remove(vma, prev, start, end);
		case MADV_WILLNEED:
			return madvise_willneed(vma, prev, start, end);
		case MADV_COLD:
			return madvise_cold(vma, prev, start, end);
		case MADV_PAGEOUT:
			return madvise_pageout(vma, prev, start, end);
		case MADV_FREE:
		case MADV_DONTNEED:
		case MADV_DONTNEED_LOCKED:
			return madvise_dontneed_free(vma, prev, start, end, behavior);
		case MADV_POPULATE_READ:
		case MADV_POPULATE_WRITE:
			return madvise_populate(vma, prev, start, end, behavior);
		case MADV_NORMAL:
			new_flags = new_flags & ~VM_RAND_READ & ~VM_SEQ_READ;
			break;
		case MADV_SEQUENTIAL:
			new_flags = (new_flags & ~VM_RAND_READ) | VM_SEQ_READ;
			break;
		case MADV_RANDOM:
			new_flags = (new_flags & ~VM_SEQ_READ) | VM_RAND_READ;
			break;
		case MADV_DONTFORK:
			new_flags |= VM_DONTCOPY;
			break;
		case MADV_DOFORK:
			if (vma.vm_flags & VM_IO)
				return -EINVAL;
			new_flags &= ~VM_DONTCOPY;
			break;
		case MADV_WIPEONFORK:
			/* anonymous private memory only */
			if (vma.vm_file !== null || vma.vm_flags & VM_SHARED)
				return -EINVAL;
			new_flags |= VM_WIPEONFORK;
			break;
		case MADV_KEEPONFORK:
			new_flags &= ~VM_WIPEONFORK;
			break;
		case MADV_DONTDUMP:
			new_flags |= VM_DONTDUMP;
			break;
		case MADV_DODUMP:
			if (!is_vm_hugetlb_page(vma) && new_flags & VM_SPECIAL)
				return -EINVAL;
			new_flags &= ~VM_DONTDUMP;
			break;
		case MADV_MERGEABLE:
		case MADV_UNMERGEABLE: {
			const flags = new ref(new_flags);
			error = ksm_madvise(vma, start, end, behavior, flags);
			if (error)
				break out;
			new_flags = flags.v;
			break;
		}
		case MADV_HUGEPAGE:
		case MADV_NOHUGEPAGE: {
			const flags = new ref(new_flags);
			error = hugepage_madvise(vma, flags, behavior);
			if (error)
				break out;
			new_flags = flags.v;
			break;
		}
		}

		error = madvise_update_vma(vma, prev, start, end, new_flags);
	}
	/* -ENOMEM means "not mapped" to the caller: a lack of memory is to be tried again */
	if (error === -ENOMEM)
		error = -EAGAIN;
	return error;
}

/** mm/madvise.c:madvise_inject_error(): as if the pages' memory had failed. */
function madvise_inject_error(_behavior: number, start: unsigned_long,
	end: unsigned_long): number {
	const pages: struct_page[] = [];
	let size: number;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	for (; start < end; start += size) {
		let ret = get_user_pages_fast(start, 1, 0, pages);
		if (ret !== 1)
			return ret;
		const page = pages[0]!;
		const pfn = page.pfn;

		/* once offline, it is compound no longer */
		size = page_size(compound_head(page));

		pr_info("Injecting memory failure for pfn 0x%lx at process virtual address 0x%lx\n",
			pfn, start);
		ret = memory_failure(pfn, MF_COUNT_INCREASED | MF_SW_SIMULATED);
		if (ret === -EOPNOTSUPP)
			ret = 0;

		if (ret)
			return ret;
	}

	return 0;
}

/** mm/madvise.c:madvise_behavior_valid() */
function madvise_behavior_valid(behavior: number): boolean {
	switch (behavior) {
	case MADV_DOFORK:
	case MADV_DONTFORK:
	case MADV_NORMAL:
	case MADV_SEQUENTIAL:
	case MADV_RANDOM:
	case MADV_REMOVE:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
		return true;
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
		return IS_ENABLED(CONFIG_KSM);
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
		return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE);
	case MADV_HWPOISON:
		return IS_ENABLED(CONFIG_MEMORY_FAILURE);
	default:
		return false;
	}
}

/**
 * mm/madvise.c:madvise_walk_vmas(): @visit on each VMA of the range; -ENOMEM at the end when some
 * of it is not mapped. mmap_lock held.
 */
function madvise_walk_vmas(mm: struct_mm_struct, start: unsigned_long, end: unsigned_long,
	arg: number, visit: (vma: vma_t, prev: prev_t, start: unsigned_long, end: unsigned_long,
		arg: number) => number): number {
	const prev: prev_t = new ref<vma_t | null>(null);
	let unmapped_error = 0;

	let vma = find_vma_prev(mm, start, prev);
	if (vma !== null && start > vma.vm_start)
		prev.v = vma;

	for (;;) {
		if (vma === null)
			return -ENOMEM;

		if (start < vma.vm_start) {
			unmapped_error = -ENOMEM;
			start = vma.vm_start;
			if (start >= end)
				break;
		}

		let tmp = vma.vm_end;
		if (end < tmp)
			tmp = end;

		const error = visit(vma, prev, start, tmp, arg);
		if (error)
			return error;
		start = tmp;
		if (prev.v !== null && start < prev.v.vm_end)
			start = prev.v.vm_end;
		if (start >= end)
			break;
		if (prev.v !== null)
			vma = prev.v.vm_next;
		else
			vma = find_vma(mm, start);
	}

	return unmapped_error;
}

/** mm/madvise.c:do_madvise() */
export function do_madvise(mm: struct_mm_struct, ustart: ulong64, len_in: ulong64,
	behavior: number): number {
	const low = BigInt(PAGE_SIZE - 1);

	if (!madvise_behavior_valid(behavior))
		return -EINVAL;

	if (ustart & low)
		return -EINVAL;
	const len = u64(len_in + low) & ~low;

	/* a length that wrapped */
	if (len_in && !len)
		return -EINVAL;

	const uend = u64(ustart + len);
	if (uend < ustart)
		return -EINVAL;

	if (uend === ustart)
		return 0;

	const start = Number(ustart), end = Number(uend);
	if (IS_ENABLED(CONFIG_MEMORY_FAILURE) && behavior === MADV_HWPOISON)
		return madvise_inject_error(behavior, start, start + Number(len_in));

	const write = madvise_need_mmap_write(behavior);
	if (write) {
		if (mmap_write_lock_killable(mm))
			return -EINTR;
	} else {
		mmap_read_lock(mm);
	}

	const error = madvise_walk_vmas(mm, start, end, behavior, madvise_vma_behavior);

	if (write)
		mmap_write_unlock(mm);
	else
		mmap_read_unlock(mm);

	return error;
}

export const sys_madvise = SYSCALL_DEFINE("madvise", ["ulong", "ulong", "int"],
	(start: ulong64, len_in: ulong64, behavior: number): number =>
		do_madvise(current.mm!, start, len_in, behavior));
