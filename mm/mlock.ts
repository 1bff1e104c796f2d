// SPDX-License-Identifier: GPL-2.0
/*
 * mlock() and the pages it keeps from reclaim.
 *
 * Upstream: mm/mlock.c. Left out: nothing. user_shm_lock() counts per host, not per user.
 *
 * The batch's tagged pointers (LRU_PAGE, NEW_PAGE) are an array of kinds beside that of pages.
 */
import { ul_shr } from "#asm-generic/bits.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { pgoff_t, ref, u64, type unsigned_long } from "#asm-generic/types.ts";
import { TASK_SIZE } from "#asm/processor.ts";
import { PAGE_MASK_LOW, PAGE_SHIFT, PAGE_SIZE } from
	"#asm/page_types.ts";
import {
	pmd_page, pmd_present, pmdp_get, pte_offset_map_lock, pte_present, ptep_get,
} from "#linux/pgtable.ts";
import { CAP_IPC_LOCK, capable } from "#linux/capability.ts";
import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM } from "#linux/errno.ts";
import { is_huge_zero_pmd, pmd_trans_huge_lock, thp_nr_pages } from "#linux/huge_mm.ts";
import { is_vm_hugetlb_page } from "#linux/hugetlb.ts";
import { folio_lruvec_relock_irq, unlock_page_lruvec_irq } from "#linux/memcontrol.ts";
import type { struct_lruvec } from "#linux/mmzone.ts";
import { MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, MLOCK_ONFAULT } from "#linux/mman.ts";
import {
	__mm_populate, find_vma, folio_get, folio_nr_pages, get_page, mm_populate, page_folio,
	page_zone, split_vma, vm_normal_page, vma_merge,
} from "#linux/mm.ts";
import {
	VM_IO, VM_LOCKED, VM_LOCKED_CLEAR_MASK, VM_LOCKONFAULT, VM_SPECIAL,
} from "#linux/mm.const.ts";
import { add_page_to_lru_list, del_page_from_lru_list } from "#linux/mm_inline.ts";
import type {
	ptep_t, struct_folio, struct_mm_struct, struct_page, struct_vm_area_struct,
} from "#linux/mm_types.ts";
import { NR_MLOCK } from "#linux/mmzone.const.ts";
import { mmap_write_lock_killable, mmap_write_unlock } from "#linux/mmap_lock.ts";
import { VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import {
	ClearPageActive, ClearPageUnevictable, folio_test_large, folio_test_set_mlocked, PageHead,
	PageLRU, PageMlocked, PageTransCompound, PageUnevictable, SetPageLRU, SetPageMlocked,
	SetPageUnevictable, TestClearPageLRU, TestClearPageMlocked,
} from "#linux/page-flags.ts";
import { page_evictable } from "#mm/internal.h.ts";
import { type struct_mm_walk, type struct_mm_walk_ops, walk_page_range } from "#linux/pagewalk.ts";
import { cond_resched, current } from "#linux/sched.ts";
import { rlimit } from "#linux/sched/signal.ts";
import { smp_processor_id } from "#linux/smp.ts";
import { DEFINE_SPINLOCK, spin_lock, spin_unlock, type spinlock_t } from "#linux/spinlock.ts";
import { lru_add_drain, lru_cache_disabled, release_pages } from "#linux/swap.ts";
import {
	UNEVICTABLE_PGCULLED, UNEVICTABLE_PGMLOCKED, UNEVICTABLE_PGMUNLOCKED, UNEVICTABLE_PGRESCUED,
	UNEVICTABLE_PGSTRANDED,
} from "#linux/vm_event_item.ts";
import {
	__count_vm_events, __mod_zone_page_state, mod_zone_page_state, zone_stat_mod_folio,
} from "#linux/vmstat.ts";
import { RLIM_INFINITY, RLIMIT_MEMLOCK } from "#uapi/asm-generic/resource.ts";

const PAGEVEC_SIZE = 15;

/* what is to happen to a page of the batch */
const MUNLOCK_PAGE	= 0;
const LRU_PAGE		= 1;
const NEW_PAGE		= 2;

class struct_mlock_pvec {
	nr = 0;
	pages: struct_page[] = [];
	kinds: number[] = [];
}

const mlock_pvec: struct_mlock_pvec[] = [];

function this_pvec(): struct_mlock_pvec {
	return mlock_pvec[smp_processor_id()] ??= new struct_mlock_pvec();
}

/** C: pagevec_add(); the room left. */
function pvec_add(pvec: struct_mlock_pvec, page: struct_page, kind: number): number {
	pvec.pages[pvec.nr] = page;
	pvec.kinds[pvec.nr++] = kind;
	return PAGEVEC_SIZE - pvec.nr;
}

/** mm/mlock.c:can_do_mlock() */
export function can_do_mlock(): boolean {
	if (rlimit(RLIMIT_MEMLOCK) !== 0)
		return true;
	if (capable(CAP_IPC_LOCK))
		return true;
	return false;
}

/** mm/mlock.c:__mlock_page(): moves @page to the unevictable list. */
function __mlock_page(page: struct_page, lruvec: struct_lruvec | null): struct_lruvec | null {
	/* off the LRU, somebody else has it and puts it back where it belongs */
	if (!TestClearPageLRU(page))
		return lruvec;

	lruvec = folio_lruvec_relock_irq(page_folio(page), lruvec);

	out: {
		if (page_evictable(page)) {
			/* munlocked again before the batch was worked off */
			if (PageUnevictable(page)) {
				del_page_from_lru_list(page, lruvec);
				ClearPageUnevictable(page);
				add_page_to_lru_list(page, lruvec);
				__count_vm_events(UNEVICTABLE_PGRESCUED, thp_nr_pages(page));
			}
			break out;
		}

		if (PageUnevictable(page)) {
			if (PageMlocked(page))
				page.mlock_count++;
			break out;
		}

		del_page_from_lru_list(page, lruvec);
		ClearPageActive(page);
		SetPageUnevictable(page);
		page.mlock_count = PageMlocked(page) ? 1 : 0;
		add_page_to_lru_list(page, lruvec);
		__count_vm_events(UNEVICTABLE_PGCULLED, thp_nr_pages(page));
	}
	SetPageLRU(page);
	return lruvec;
}

/** mm/mlock.c:__mlock_new_page() */
function __mlock_new_page(page: struct_page, lruvec: struct_lruvec | null): struct_lruvec | null {
	VM_BUG_ON_PAGE(PageLRU(page), page);

	lruvec = folio_lruvec_relock_irq(page_folio(page), lruvec);

	/* munlocked meanwhile? */
	if (!page_evictable(page)) {
		SetPageUnevictable(page);
		page.mlock_count = PageMlocked(page) ? 1 : 0;
		__count_vm_events(UNEVICTABLE_PGCULLED, thp_nr_pages(page));
	}
	add_page_to_lru_list(page, lruvec);
	SetPageLRU(page);
	return lruvec;
}

/** mm/mlock.c:__munlock_page() */
function __munlock_page(page: struct_page, lruvec: struct_lruvec | null): struct_lruvec | null {
	const nr_pages = thp_nr_pages(page);
	let isolated = false;

	out: {
		munlock: {
			if (!TestClearPageLRU(page))
				break munlock;

			isolated = true;
			lruvec = folio_lruvec_relock_irq(page_folio(page), lruvec);

			if (PageUnevictable(page)) {
				/*
				 * the count may be too low, when it was isolated while it was
				 * raised
				 */
				if (page.mlock_count)
					page.mlock_count--;
				if (page.mlock_count)
					break out;
			}
		}
		if (TestClearPageMlocked(page)) {
			__mod_zone_page_state(page_zone(page), NR_MLOCK, -nr_pages);
			if (isolated || !PageUnevictable(page))
				__count_vm_events(UNEVICTABLE_PGMUNLOCKED, nr_pages);
			else
				__count_vm_events(UNEVICTABLE_PGSTRANDED, nr_pages);
		}

		/* the mapping may keep it unevictable all the same */
		if (isolated && PageUnevictable(page) && page_evictable(page)) {
			del_page_from_lru_list(page, lruvec!);
			ClearPageUnevictable(page);
			add_page_to_lru_list(page, lruvec!);
			__count_vm_events(UNEVICTABLE_PGRESCUED, nr_pages);
		}
	}
	if (isolated)
		SetPageLRU(page);
	return lruvec;
}

/** mm/mlock.c:mlock_pagevec(): works off the batch, and drops its references. */
function mlock_pagevec(pvec: struct_mlock_pvec): void {
	let lruvec: struct_lruvec | null = null;

	for (let i = 0; i < pvec.nr; i++) {
		const page = pvec.pages[i]!;
		const mlock = pvec.kinds[i]!;

		if (mlock === LRU_PAGE)
			lruvec = __mlock_page(page, lruvec);
		else if (mlock === NEW_PAGE)
			lruvec = __mlock_new_page(page, lruvec);
		else
			lruvec = __munlock_page(page, lruvec);
	}

	if (lruvec !== null)
		unlock_page_lruvec_irq(lruvec);
	release_pages(pvec.pages, pvec.nr);
	pvec.nr = 0;
	pvec.pages.length = 0;
}

/** mm/mlock.c:mlock_page_drain_local() */
export function mlock_page_drain_local(): void {
	const pvec = this_pvec();

	if (pvec.nr)
		mlock_pagevec(pvec);
}

/** mm/mlock.c:mlock_page_drain_remote() */
export function mlock_page_drain_remote(cpu: number): void {
	const pvec = mlock_pvec[cpu];

	if (pvec?.nr)
		mlock_pagevec(pvec);
}

/** mm/mlock.c:need_mlock_page_drain() */
export function need_mlock_page_drain(cpu: number): boolean {
	return (mlock_pvec[cpu]?.nr ?? 0) !== 0;
}

/**
 * mm/mlock.c:mlock_folio(), page table lock held: a folio that is mapped and on the LRU, or
 * nearly.
 */
export function mlock_folio(folio: struct_folio): void {
	const pvec = this_pvec();

	if (!folio_test_set_mlocked(folio)) {
		const nr_pages = folio_nr_pages(folio);

		zone_stat_mod_folio(folio, NR_MLOCK, nr_pages);
		__count_vm_events(UNEVICTABLE_PGMLOCKED, nr_pages);
	}

	folio_get(folio);
	if (!pvec_add(pvec, folio, LRU_PAGE) || folio_test_large(folio) || lru_cache_disabled())
		mlock_pagevec(pvec);
}

/** mm/mlock.c:mlock_new_page(): a page not yet on the LRU. */
export function mlock_new_page(page: struct_page): void {
	const pvec = this_pvec();
	const nr_pages = thp_nr_pages(page);

	SetPageMlocked(page);
	mod_zone_page_state(page_zone(page), NR_MLOCK, nr_pages);
	__count_vm_events(UNEVICTABLE_PGMLOCKED, nr_pages);

	get_page(page);
	if (!pvec_add(pvec, page, NEW_PAGE) || PageHead(page) || lru_cache_disabled())
		mlock_pagevec(pvec);
}

/** mm/mlock.c:munlock_page() */
export function munlock_page(page: struct_page): void {
	const pvec = this_pvec();

	/* TestClearPageMlocked() waits for the batch: only there is the count known */
	get_page(page);
	if (!pvec_add(pvec, page, MUNLOCK_PAGE) || PageHead(page) || lru_cache_disabled())
		mlock_pagevec(pvec);
}

/** mm/mlock.c:mlock_pte_range() */
function mlock_pte_range(pmd: ptep_t, addr: unsigned_long, end: unsigned_long,
	walk: struct_mm_walk): number {
	const vma = walk.vma!;
	let ptl: spinlock_t;

	out: {
		const huge = pmd_trans_huge_lock(pmd, vma);
		if (huge !== null) {
			ptl = huge;
			const pmdval = pmdp_get(pmd);
			if (!pmd_present(pmdval))
				break out;
			if (is_huge_zero_pmd(pmdval))
				break out;
			const page = pmd_page(pmdval);
			if (vma.vm_flags & VM_LOCKED)
				mlock_folio(page_folio(page));
			else
				munlock_page(page);
			break out;
		}

		const lock = new ref<spinlock_t | null>(null);
		let pte = pte_offset_map_lock(vma.vm_mm!, pmd, addr, lock);
		ptl = lock.v!;
		for (; addr !== end; pte++, addr += PAGE_SIZE) {
			const ptent = ptep_get(pte);
			if (!pte_present(ptent))
				continue;
			const page = vm_normal_page(vma, addr, ptent);
			if (page === null)
				continue;
			if (PageTransCompound(page))
				continue;
			if (vma.vm_flags & VM_LOCKED)
				mlock_folio(page_folio(page));
			else
				munlock_page(page);
		}
	}
	spin_unlock(ptl);
	cond_resched();
	return 0;
}

const mlock_walk_ops: struct_mm_walk_ops = {
	pmd_entry: mlock_pte_range,
};

/** mm/mlock.c:mlock_vma_pages_range(): what is mapped now, either way. */
function mlock_vma_pages_range(vma: struct_vm_area_struct, start: unsigned_long,
	end: unsigned_long, newflags: number): void {
	/*
	 * VM_IO beside VM_LOCKED keeps rmap from counting while this walk does: no page is mlocked
	 * twice for one mapping.
	 */
	if (newflags & VM_LOCKED)
		newflags |= VM_IO;
	vma.vm_flags = newflags;

	lru_add_drain();
	walk_page_range(vma.vm_mm!, start, end, mlock_walk_ops, null);
	lru_add_drain();

	if (newflags & VM_IO) {
		newflags &= ~VM_IO;
		vma.vm_flags = newflags;
	}
}

/** mm/mlock.c:mlock_fixup(): as mprotect_fixup(), for VM_LOCKED. */
function mlock_fixup(vma: struct_vm_area_struct, prev: ref<struct_vm_area_struct | null>,
	start: unsigned_long, end: unsigned_long, newflags: number): number {
	const mm = vma.vm_mm!;
	let nr_pages: number;
	let ret = 0;
	const oldflags = vma.vm_flags;

	out: {
		if (newflags === oldflags || (oldflags & VM_SPECIAL) || is_vm_hugetlb_page(vma))
			break out;

		success: {
			const pgoff = pgoff_t(vma.vm_pgoff + ul_shr(start - vma.vm_start,
				PAGE_SHIFT));
			prev.v = vma_merge(mm, prev.v, start, end, newflags, vma.anon_vma,
				vma.vm_file,
				pgoff);
			if (prev.v !== null) {
				vma = prev.v;
				break success;
			}

			if (start !== vma.vm_start) {
				ret = split_vma(mm, vma, start, 1);
				if (ret)
					break out;
			}

			if (end !== vma.vm_end) {
				ret = split_vma(mm, vma, end, 0);
				if (ret)
					break out;
			}
		}
		nr_pages = ul_shr(end - start, PAGE_SHIFT);
		if (!(newflags & VM_LOCKED))
			nr_pages = -nr_pages;
		else if (oldflags & VM_LOCKED)
			nr_pages = 0;
		mm.locked_vm += nr_pages;

		if ((newflags & VM_LOCKED) && (oldflags & VM_LOCKED))
			vma.vm_flags = newflags;
		else
			mlock_vma_pages_range(vma, start, end, newflags);
	}
	prev.v = vma;
	return ret;
}

/** mm/mlock.c:apply_vma_lock_flags(), mmap_lock held for write; bounds page aligned. */
function apply_vma_lock_flags(ustart: bigint, ulen: bigint, flags: number): number {
	const mm = current.mm!;
	const uend = u64(ustart + ulen);

	if (uend < ustart)
		return -EINVAL;
	if (uend === ustart)
		return 0;
	const start = Number(ustart), end = Number(uend);
	let vma = find_vma(mm, start);
	if (vma === null || vma.vm_start > start)
		return -ENOMEM;

	const prev = new ref(vma.vm_prev);
	if (start > vma.vm_start)
		prev.v = vma;

	let error: number;
	for (let nstart = start; ;) {
		let newflags = vma.vm_flags & VM_LOCKED_CLEAR_MASK;

		newflags |= flags;

		let tmp = vma.vm_end;
		if (tmp > end)
			tmp = end;
		error = mlock_fixup(vma, prev, nstart, tmp, newflags);
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
	return error;
}

/** mm/mlock.c:count_mm_mlocked_page_nr(): what of the range is locked already. */
function count_mm_mlocked_page_nr(mm: struct_mm_struct, start: unsigned_long,
	len: unsigned_long): number {
	let count = 0;

	for (let vma = find_vma(mm, start); vma !== null; vma = vma.vm_next) {
		if (start >= vma.vm_end)
			continue;
		if (start + len <= vma.vm_start)
			break;
		if (vma.vm_flags & VM_LOCKED) {
			if (start > vma.vm_start)
				count -= start - vma.vm_start;
			if (start + len < vma.vm_end) {
				count += start + len - vma.vm_start;
				break;
			}
			count += vma.vm_end - vma.vm_start;
		}
	}

	return ul_shr(count, PAGE_SHIFT);
}

/** mm/mlock.c:__mlock_posix_error_return() */
function __mlock_posix_error_return(retval: number): number {
	if (retval === -EFAULT)
		retval = -ENOMEM;
	else if (retval === -ENOMEM)
		retval = -EAGAIN;
	return retval;
}

const LOW = BigInt(PAGE_MASK_LOW);

/** mm/mlock.c:do_mlock() */
function do_mlock(start: bigint, len: bigint, flags: number): number {
	const mm = current.mm!;
	let error = -ENOMEM;

	if (!can_do_mlock())
		return -EPERM;

	len = u64(len + (start & LOW) + LOW) & ~LOW;
	start &= ~LOW;

	const lock_limit = ul_shr(rlimit(RLIMIT_MEMLOCK), PAGE_SHIFT);
	let locked = Number(len >> BigInt(PAGE_SHIFT));

	if (mmap_write_lock_killable(mm))
		return -EINTR;

	locked += mm.locked_vm;
	if (locked > lock_limit && !capable(CAP_IPC_LOCK)) {
		/* what is locked already is not counted twice */
		locked -= count_mm_mlocked_page_nr(mm, Number(start), Number(len));
	}

	if (locked <= lock_limit || capable(CAP_IPC_LOCK))
		error = apply_vma_lock_flags(start, len, flags);

	mmap_write_unlock(mm);
	if (error)
		return error;

	error = __mm_populate(Number(start), Number(len), 0);
	if (error)
		return __mlock_posix_error_return(error);
	return 0;
}

export const sys_mlock = SYSCALL_DEFINE("mlock", ["ulong", "ulong"],
	(start: bigint, len: bigint): number => do_mlock(start, len, VM_LOCKED));

export const sys_mlock2 = SYSCALL_DEFINE("mlock2", ["ulong", "ulong", "int"],
	(start: bigint, len: bigint, flags: number): number => {
		let vm_flags = VM_LOCKED;

		if (flags & ~MLOCK_ONFAULT)
			return -EINVAL;

		if (flags & MLOCK_ONFAULT)
			vm_flags |= VM_LOCKONFAULT;

		return do_mlock(start, len, vm_flags);
	});

export const sys_munlock = SYSCALL_DEFINE("munlock", ["ulong", "ulong"],
	(start: bigint, len: bigint): number => {
		const mm = current.mm!;

		len = u64(len + (start & LOW) + LOW) & ~LOW;
		start &= ~LOW;

		if (mmap_write_lock_killable(mm))
			return -EINTR;
		const ret = apply_vma_lock_flags(start, len, 0);
		mmap_write_unlock(mm);

		return ret;
	});

/** mm/mlock.c:apply_mlockall_flags() */
function apply_mlockall_flags(flags: number): number {
	const mm = current.mm!;
	const prev = new ref<struct_vm_area_struct | null>(null);
	let to_add = 0;

	mm.def_flags &= VM_LOCKED_CLEAR_MASK;
	if (flags & MCL_FUTURE) {
		mm.def_flags |= VM_LOCKED;

		if (flags & MCL_ONFAULT)
			mm.def_flags |= VM_LOCKONFAULT;

		if (!(flags & MCL_CURRENT))
			return 0;
	}

	if (flags & MCL_CURRENT) {
		to_add |= VM_LOCKED;
		if (flags & MCL_ONFAULT)
			to_add |= VM_LOCKONFAULT;
	}

	for (let vma = mm.mmap; vma !== null; vma = prev.v!.vm_next) {
		let newflags = vma.vm_flags & VM_LOCKED_CLEAR_MASK;

		newflags |= to_add;

		mlock_fixup(vma, prev, vma.vm_start, vma.vm_end, newflags);
		cond_resched();
	}
	return 0;
}

export const sys_mlockall = SYSCALL_DEFINE("mlockall", ["int"], (flags: number): number => {
	const mm = current.mm!;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags === MCL_ONFAULT)
		return -EINVAL;

	if (!can_do_mlock())
		return -EPERM;

	const lock_limit = ul_shr(rlimit(RLIMIT_MEMLOCK), PAGE_SHIFT);

	if (mmap_write_lock_killable(mm))
		return -EINTR;

	let ret = -ENOMEM;
	if (!(flags & MCL_CURRENT) || mm.total_vm <= lock_limit || capable(CAP_IPC_LOCK))
		ret = apply_mlockall_flags(flags);
	mmap_write_unlock(mm);
	if (!ret && (flags & MCL_CURRENT))
		mm_populate(0, TASK_SIZE);

	return ret;
});

export const sys_munlockall = SYSCALL_DEFINE("munlockall", [], (): number => {
	const mm = current.mm!;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	const ret = apply_mlockall_flags(0);
	mmap_write_unlock(mm);
	return ret;
});

const shmlock_user_lock = DEFINE_SPINLOCK("shmlock_user_lock");
/** pages of locked shared memory (C: a ucounts counter) */
let shm_locked = 0;

/** mm/mlock.c:user_shm_lock(); false when RLIMIT_MEMLOCK says no. */
export function user_shm_lock(size: unsigned_long): boolean {
	let lock_limit = rlimit(RLIMIT_MEMLOCK);
	let allowed = false;

	const locked = ul_shr(size + PAGE_SIZE - 1, PAGE_SHIFT);
	if (lock_limit !== Number(RLIM_INFINITY))
		lock_limit = ul_shr(lock_limit, PAGE_SHIFT);
	spin_lock(shmlock_user_lock);
	if (shm_locked + locked <= lock_limit || capable(CAP_IPC_LOCK)) {
		shm_locked += locked;
		allowed = true;
	}
	spin_unlock(shmlock_user_lock);
	return allowed;
}

/** mm/mlock.c:user_shm_unlock() */
export function user_shm_unlock(size: unsigned_long): void {
	spin_lock(shmlock_user_lock);
	shm_locked -= ul_shr(size + PAGE_SIZE - 1, PAGE_SHIFT);
	spin_unlock(shmlock_user_lock);
}
