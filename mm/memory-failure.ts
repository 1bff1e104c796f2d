// SPDX-License-Identifier: GPL-2.0
/*
 * What to do with a page whose memory is broken: take it from everybody, tell those who lose data,
 * never hand it out again.
 *
 * Upstream: mm/memory-failure.c. Left out: pages of hugetlbfs (their errors count as unhandlable),
 * KSM, DAX and device memory, soft offlining, unpoisoning, filters, the queue for errors reported
 * by interrupt, the swap cache.
 */
import type { pfn_nr, unsigned_long } from "#asm-generic/types.ts";
import { EBUSY, EFAULT, EHWPOISON, EIO, ENXIO } from "#linux/errno.ts";
import { mapping_can_writeback } from "#linux/backing-dev.ts";
import type { struct_address_space, struct_inode } from "#linux/fs.types.ts";
import { i_mmap_lock_read, i_mmap_unlock_read } from "#linux/fs.ts";
import { HPAGE_PMD_NR, pmd_trans_huge_lock, split_huge_page } from "#linux/huge_mm.ts";
import { list_add_tail, list_for_each_entry, struct_list_head } from "#linux/list.ts";
import { mem_cgroup_uncharge } from "#linux/memcontrol.ts";
import { inaccessible_error_page, inaccessible_inode_get } from "#linux/memfd.ts";
import {
	MF_ACTION_REQUIRED, MF_COUNT_INCREASED, MF_DELAYED, MF_FAILED, MF_IGNORED,
	MF_MUST_KILL, MF_RECOVERED, anon_vma_interval_tree_iter_first,
	anon_vma_interval_tree_iter_next, compound_head, get_page_unless_zero,
	invalidate_inode_page, page_count, page_mapcount, page_mapped, page_mapping, page_ref_inc,
	page_shift, page_zone, put_page,
	vma_interval_tree_iter_first, vma_interval_tree_iter_next,
} from "#linux/mm.ts";
import type { ptep_t, struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import { mmap_read_lock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import { VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import { pfn_to_online_page } from "#linux/mmzone.ts";
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import {
	ClearPageActive, ClearPageHWPoison, ClearPageUnevictable, PG_dirty, PG_head,
	PG_lru, PG_mlocked, PG_reserved, PG_slab, PG_unevictable, PageAnon, PageCompound, PageDirty,
	PageHuge, PageKsm, PageLRU, PageMlocked, PageReserved, PageSlab, PageSwapCache,
	PageTransHuge, PageWriteback, SetPageDirty, SetPageError, SetPageHasHWPoisoned,
	TestSetPageHWPoison, is_free_buddy_page, page_folio, page_has_private, take_page_off_buddy,
} from "#linux/page-flags.ts";
import { lock_page, mapping_set_error, page_to_pgoff, try_to_release_page, unlock_page,
	wait_on_page_writeback } from "#linux/pagemap.ts";
import { type struct_mm_walk, type struct_mm_walk_ops, walk_page_range } from "#linux/pagewalk.ts";
import { panic } from "#linux/panic.ts";
import {
	pmd_pfn, pmd_present, pmd_trans_unstable, pmdp_get, pte_offset_map_lock, pte_pfn,
	pte_present, pte_unmap_unlock, ptep_get, type pte_t,
} from "#linux/pgtable.ts";
import { pr_err, pr_info } from "#linux/printk.ts";
import {
	TTU_IGNORE_HWPOISON, TTU_IGNORE_MLOCK, TTU_SYNC, folio_lock_anon_vma_read,
	page_address_in_vma, page_mapped_in_vma, page_mkclean, page_unlock_anon_vma_read,
	try_to_unmap,
} from "#linux/rmap.ts";
import { PF_MCE_EARLY, PF_MCE_PROCESS } from "#linux/sched.const.ts";
import { cond_resched, current, type struct_task_struct } from "#linux/sched.ts";
import { SEND_SIG_PRIV, for_each_process, for_each_thread, force_sig_mceerr,
	send_sig_mceerr } from "#linux/sched/signal.ts";
import { do_send_sig_info } from "#linux/signal.ts";
import { get_task_struct, put_task_struct, tasklist_lock } from "#linux/sched/task.ts";
import { PIDTYPE_PID } from "#linux/sched_types.ts";
import { shmem_mapping } from "#linux/shmem_fs.ts";
import { GFP_ATOMIC, GFP_NOIO } from "#linux/gfp_types.ts";
import { kfree, kmalloc } from "#linux/slab.ts";
import { read_lock, read_unlock, spin_unlock } from "#linux/spinlock.ts";
import { isolate_lru_page, lru_add_drain_all } from "#linux/swap.ts";
import { hwpoison_entry_to_pfn, is_hwpoison_entry, num_poisoned_pages_inc, pte_to_swp_entry } from
	"#linux/swapops.ts";
import { BUS_MCEERR_AO, BUS_MCEERR_AR } from "#uapi/asm-generic/siginfo.ts";
import { SIGKILL } from "#uapi/asm-generic/signal.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { TASK_SIZE } from "#asm/processor.ts";
import { zone_pcp_disable, zone_pcp_enable } from "#mm/internal.h.ts";

export const sysctl_memory_failure_early_kill = 0;

export const sysctl_memory_failure_recovery = 1;

/* SIGBUS for one task, because of one mapping */
class struct_to_kill {
	nd = new struct_list_head(this);
	tsk: struct_task_struct | null = null;
	addr: unsigned_long = 0;
	size_shift = 0;
}

const hex = (pfn: number): string => `0x${pfn.toString(16)}`;

/** mm/memory-failure.c:kill_proc(): required of who consumed it, a warning to others. */
function kill_proc(tk: struct_to_kill, pfn: pfn_nr, flags: number): number {
	const t = tk.tsk!;
	const addr_lsb = tk.size_shift;
	let ret: number;

	pr_err("Memory failure: %s: Sending SIGBUS to %s:%d due to hardware memory corruption\n",
		hex(pfn), t.comm, t.pid);

	if ((flags & MF_ACTION_REQUIRED) && t === current)
		ret = force_sig_mceerr(BUS_MCEERR_AR, tk.addr, addr_lsb);
	else
		/* it may be blocked meanwhile */
		ret = send_sig_mceerr(BUS_MCEERR_AO, tk.addr, addr_lsb, t);
	if (ret < 0)
		pr_info("Memory failure: Error sending signal to %s:%d: %d\n",
			t.comm, t.pid, ret);
	return ret;
}

/** mm/memory-failure.c:shake_page(): a page of unknown kind may be in a batch for the LRU. */
export function shake_page(p: struct_page): void {
	if (PageHuge(p))
		return;

	if (!PageSlab(p)) {
		lru_add_drain_all();
		if (PageLRU(p) || is_free_buddy_page(p))
			return;
	}
}

/** mm/memory-failure.c:add_to_kill() */
function add_to_kill(tsk: struct_task_struct, p: struct_page, vma: struct_vm_area_struct,
	to_kill: struct_list_head): void {
	const tk = kmalloc(struct_to_kill, GFP_ATOMIC);
	if (!tk) {
		pr_err("Memory failure: Out of memory while machine check handling\n");
		return;
	}

	tk.addr = page_address_in_vma(p, vma);
	tk.size_shift = page_shift(compound_head(p));

	/* that gets a SIGKILL */
	if (tk.addr === -EFAULT) {
		pr_info("Memory failure: Unable to find user space address %lx in %s\n",
			p.pfn, tsk.comm);
	} else if (tk.size_shift === 0) {
		kfree(tk);
		return;
	}

	get_task_struct(tsk);
	tk.tsk = tsk;
	list_add_tail(tk.nd, to_kill);
}

/**
 * mm/memory-failure.c:kill_procs(). Without @forcekill the page was clean, and nobody needs to
 * know. With @fail it is still mapped: then nothing may be caught.
 */
function kill_procs(to_kill: struct_list_head, forcekill: boolean, fail: boolean, pfn: pfn_nr,
	flags: number): void {
	for (const tk of list_for_each_entry(to_kill, struct_to_kill, "nd")) {
		const tsk = tk.tsk!;

		if (forcekill) {
			if (fail || tk.addr === -EFAULT) {
				pr_err("Memory failure: %s: forcibly killing %s:%d because of " +
					"failure to unmap corrupted page\n",
				       hex(pfn), tsk.comm, tsk.pid);
				do_send_sig_info(SIGKILL, SEND_SIG_PRIV,
						 tsk, PIDTYPE_PID);
			} else if (kill_proc(tk, pfn, flags) < 0) {
				pr_err("Memory failure: %s: Cannot send advisory machine check " +
					"signal to %s:%d\n",
				       hex(pfn), tsk.comm, tsk.pid);
			}
		}
		put_task_struct(tsk);
		kfree(tk);
	}
}

/** mm/memory-failure.c:find_early_kill_thread(). tasklist_lock held. */
function find_early_kill_thread(tsk: struct_task_struct): struct_task_struct | null {
	for (const t of for_each_thread(tsk)) {
		if (t.flags & PF_MCE_PROCESS) {
			if (t.flags & PF_MCE_EARLY)
				return t;
		} else {
			if (sysctl_memory_failure_early_kill)
				return t;
		}
	}
	return null;
}

/** mm/memory-failure.c:task_early_kill(): who of the process is to be told now, if anybody. */
function task_early_kill(tsk: struct_task_struct, force_early: number): struct_task_struct | null {
	if (!tsk.mm)
		return null;
	/* current may be another thread of the process */
	if (force_early && tsk.mm === current.mm)
		return current;

	return find_early_kill_thread(tsk);
}

/** mm/memory-failure.c:collect_procs_anon() */
function collect_procs_anon(page: struct_page, to_kill: struct_list_head,
	force_early: number): void {
	const folio = page_folio(page);

	const av = folio_lock_anon_vma_read(folio, null);
	if (av === null)	/* not mapped any more */
		return;

	const pgoff = page_to_pgoff(page);
	read_lock(tasklist_lock);
	for (const tsk of for_each_process()) {
		const t = task_early_kill(tsk, force_early);

		if (!t)
			continue;
		for (let vmac = anon_vma_interval_tree_iter_first(av.rb_root, pgoff, pgoff); vmac;
		     vmac = anon_vma_interval_tree_iter_next(vmac, pgoff, pgoff)) {
			const vma = vmac.vma!;
			if (!page_mapped_in_vma(page, vma))
				continue;
			if (vma.vm_mm === t.mm)
				add_to_kill(t, page, vma, to_kill);
		}
	}
	read_unlock(tasklist_lock);
	page_unlock_anon_vma_read(av);
}

/** mm/memory-failure.c:collect_procs_file(): whose VMA covers the page, mapped there or not. */
function collect_procs_file(page: struct_page, to_kill: struct_list_head,
	force_early: number): void {
	const mapping = page.mapping as struct_address_space;

	i_mmap_lock_read(mapping);
	read_lock(tasklist_lock);
	const pgoff = page_to_pgoff(page);
	for (const tsk of for_each_process()) {
		const t = task_early_kill(tsk, force_early);

		if (!t)
			continue;
		for (let vma = vma_interval_tree_iter_first(mapping.i_mmap, pgoff, pgoff); vma;
		     vma = vma_interval_tree_iter_next(vma, pgoff, pgoff)) {
			if (vma.vm_mm === t.mm)
				add_to_kill(t, page, vma, to_kill);
		}
	}
	read_unlock(tasklist_lock);
	i_mmap_unlock_read(mapping);
}

/** mm/memory-failure.c:collect_procs() */
function collect_procs(page: struct_page, tokill: struct_list_head, force_early: number): void {
	if (!page.mapping)
		return;

	if (PageAnon(page))
		collect_procs_anon(page, tokill, force_early);
	else
		collect_procs_file(page, tokill, force_early);
}

class struct_hwp_walk {
	tk = new struct_to_kill();
	pfn: pfn_nr;
	constructor(pfn: pfn_nr) {
		this.pfn = pfn;
	}
}

function set_to_kill(tk: struct_to_kill, addr: unsigned_long, shift: number): void {
	tk.addr = addr;
	tk.size_shift = shift;
}

/** mm/memory-failure.c:check_hwpoisoned_entry() */
function check_hwpoisoned_entry(pte: pte_t, addr: unsigned_long, shift: number,
	poisoned_pfn: pfn_nr, tk: struct_to_kill): number {
	let pfn: number = 0;

	if (pte_present(pte)) {
		pfn = pte_pfn(pte);
	} else {
		const swp = pte_to_swp_entry(pte);

		if (is_hwpoison_entry(swp))
			pfn = hwpoison_entry_to_pfn(swp);
	}

	if (!pfn || pfn !== poisoned_pfn)
		return 0;

	set_to_kill(tk, addr, shift);
	return 1;
}

/** mm/memory-failure.c:check_hwpoisoned_pmd_entry() */
function check_hwpoisoned_pmd_entry(pmdp: ptep_t, addr: unsigned_long,
	hwp: struct_hwp_walk): number {
	const pmd = pmdp_get(pmdp);

	if (!pmd_present(pmd))
		return 0;
	const pfn = pmd_pfn(pmd);
	if (pfn <= hwp.pfn && hwp.pfn < pfn + HPAGE_PMD_NR) {
		const hwpoison_vaddr = addr + (hwp.pfn - pfn) * PAGE_SIZE;
		set_to_kill(hwp.tk, hwpoison_vaddr, PAGE_SHIFT);
		return 1;
	}
	return 0;
}

/** mm/memory-failure.c:hwpoison_pte_range() */
function hwpoison_pte_range(pmdp: ptep_t, addr: unsigned_long, end: unsigned_long,
	walk: struct_mm_walk): number {
	const hwp = walk.private_ as struct_hwp_walk;
	const vma = walk.vma!;
	let ret = 0;

	out: {
		const pmd_ptl = pmd_trans_huge_lock(pmdp, vma);
		if (pmd_ptl) {
			ret = check_hwpoisoned_pmd_entry(pmdp, addr, hwp);
			spin_unlock(pmd_ptl);
			break out;
		}

		if (pmd_trans_unstable(pmdp))
			break out;

		const ptl = { v: null as never };
		const mapped_pte = pte_offset_map_lock(vma.vm_mm!, pmdp, addr, ptl);
		for (let ptep = mapped_pte; addr !== end; ptep++, addr += PAGE_SIZE) {
			ret = check_hwpoisoned_entry(ptep_get(ptep), addr, PAGE_SHIFT,
						     hwp.pfn, hwp.tk);
			if (ret === 1)
				break;
		}
		pte_unmap_unlock(mapped_pte, ptl.v);
	}
	cond_resched();
	return ret;
}

const hwp_walk_ops: struct_mm_walk_ops = {
	pmd_entry: hwpoison_pte_range,
};

/**
 * mm/memory-failure.c:kill_accessing_process(): SIGBUS for current, which consumed poison that is
 * known already. The address is that of the first mapping found.
 */
function kill_accessing_process(p: struct_task_struct, pfn: pfn_nr, flags: number): number {
	const priv = new struct_hwp_walk(pfn);
	priv.tk.tsk = p;

	if (!p.mm)
		return -EFAULT;

	mmap_read_lock(p.mm);
	let ret = walk_page_range(p.mm, 0 as unsigned_long, TASK_SIZE as unsigned_long,
				  hwp_walk_ops, priv);
	if (ret === 1 && priv.tk.addr)
		kill_proc(priv.tk, pfn, flags);
	else
		ret = 0;
	mmap_read_unlock(p.mm);
	return ret > 0 ? -EHWPOISON : -EFAULT;
}

const action_name: Readonly<Record<number, string>> = {
	[MF_IGNORED]: "Ignored",
	[MF_FAILED]: "Failed",
	[MF_DELAYED]: "Delayed",
	[MF_RECOVERED]: "Recovered",
};

/* enum mf_action_page_type, as what is printed of it */
const MF_MSG_KERNEL			= "reserved kernel page";
const MF_MSG_KERNEL_HIGH_ORDER		= "high-order kernel page";
const MF_MSG_SLAB			= "kernel slab page";
const MF_MSG_DIFFERENT_COMPOUND		= "different compound page after locking";
const MF_MSG_HUGE			= "huge page";
const MF_MSG_UNMAP_FAILED		= "unmapping failed page";
const MF_MSG_DIRTY_MLOCKED_LRU		= "dirty mlocked LRU page";
const MF_MSG_CLEAN_MLOCKED_LRU		= "clean mlocked LRU page";
const MF_MSG_DIRTY_UNEVICTABLE_LRU	= "dirty unevictable LRU page";
const MF_MSG_CLEAN_UNEVICTABLE_LRU	= "clean unevictable LRU page";
const MF_MSG_DIRTY_LRU			= "dirty LRU page";
const MF_MSG_CLEAN_LRU			= "clean LRU page";
const MF_MSG_TRUNCATED_LRU		= "already truncated LRU page";
const MF_MSG_BUDDY			= "free buddy page";
const MF_MSG_UNSPLIT_THP		= "unsplit thp";
const MF_MSG_UNKNOWN			= "unknown page";

/** mm/memory-failure.c:delete_from_lru_cache() */
function delete_from_lru_cache(p: struct_page): number {
	if (!isolate_lru_page(p)) {
		ClearPageActive(p);
		ClearPageUnevictable(p);

		/* the count may never reach zero, which would do it */
		mem_cgroup_uncharge(page_folio(p));

		/* isolate_lru_page()'s */
		put_page(p);
		return 0;
	}
	return -EIO;
}

/** mm/memory-failure.c:truncate_error_page() */
function truncate_error_page(p: struct_page, pfn: pfn_nr, mapping: struct_address_space): number {
	let ret = MF_FAILED;

	if (mapping.a_ops.error_remove_page) {
		const err = mapping.a_ops.error_remove_page(mapping, p);

		if (err !== 0) {
			pr_info("Memory failure: %s: Failed to punch page: %d\n", hex(pfn), err);
		} else if (page_has_private(p) &&
			   !try_to_release_page(p, GFP_NOIO)) {
			pr_info("Memory failure: %s: failed to release buffers\n", hex(pfn));
		} else {
			ret = MF_RECOVERED;
		}
	} else {
		/* fails if it is dirty or has private data */
		if (invalidate_inode_page(p))
			ret = MF_RECOVERED;
		else
			pr_info("Memory failure: %s: Failed to invalidate\n", hex(pfn));
	}

	return ret;
}

interface page_state {
	readonly mask: number;
	readonly res: number;
	readonly type: string;
	/** unlocks the page */
	readonly action: (ps: page_state, p: struct_page) => number;
}

/** mm/memory-failure.c:has_extra_refcount(): do others hold the page, besides @extra_pins? */
function has_extra_refcount(ps: page_state, p: struct_page, extra_pins: boolean): boolean {
	let count = page_count(p) - 1;

	if (extra_pins)
		count -= 1;

	if (count > 0) {
		pr_err("Memory failure: %s: %s still referenced by %d users\n",
		       hex(p.pfn), ps.type, count);
		return true;
	}

	return false;
}

/** mm/memory-failure.c:me_kernel(): leave it alone and hope. */
function me_kernel(_ps: page_state, p: struct_page): number {
	unlock_page(p);
	return MF_IGNORED;
}

function me_unknown(_ps: page_state, p: struct_page): number {
	pr_err("Memory failure: %s: Unknown page state\n", hex(p.pfn));
	unlock_page(p);
	return MF_FAILED;
}

/** mm/memory-failure.c:me_pagecache_clean(): page cache that is clean, or anonymous. */
function me_pagecache_clean(ps: page_state, p: struct_page): number {
	let front: struct_inode | null = null;
	let ret: number;

	delete_from_lru_cache(p);

	out: {
		/* the only reference left should be ours */
		if (PageAnon(p)) {
			ret = MF_RECOVERED;
			break out;
		}

		const mapping = page_mapping(p);
		if (!mapping) {
			/* gone meanwhile */
			ret = MF_FAILED;
			break out;
		}

		/* shmem keeps the page, so that its loss is noticed */
		const extra_pins = shmem_mapping(mapping);

		front = inaccessible_inode_get(mapping);
		ret = truncate_error_page(p, p.pfn, mapping);
		if (!front && has_extra_refcount(ps, p, extra_pins))
			ret = MF_FAILED;
	}
	const index = page_to_pgoff(p);
	unlock_page(p);

	/* guests map it by no VMA, and a TD holds what it maps */
	if (front) {
		inaccessible_error_page(front, index);
		if (has_extra_refcount(ps, p, true))
			ret = MF_FAILED;
	}

	return ret;
}

/** mm/memory-failure.c:me_pagecache_dirty(): the error is reported by the next write or fsync. */
function me_pagecache_dirty(ps: page_state, p: struct_page): number {
	const mapping = page_mapping(p);

	SetPageError(p);
	if (mapping)
		mapping_set_error(mapping, -EIO);

	return me_pagecache_clean(ps, p);
}

/** mm/memory-failure.c:me_huge_page(): of hugetlbfs these don't come here. */
function me_huge_page(_ps: page_state, p: struct_page): number {
	unlock_page(compound_head(p));
	return MF_DELAYED;
}

const dirty		= 1 << PG_dirty;
const unevict		= 1 << PG_unevictable;
const mlock		= 1 << PG_mlocked;
const lru		= 1 << PG_lru;
const head_		= 1 << PG_head;
const slab		= 1 << PG_slab;
const reserved		= 1 << PG_reserved;

/* by the page's flags, the first that matches */
const error_states: readonly page_state[] = [
	{ mask: reserved, res: reserved, type: MF_MSG_KERNEL, action: me_kernel },
	{ mask: slab, res: slab, type: MF_MSG_SLAB, action: me_kernel },
	{ mask: head_, res: head_, type: MF_MSG_HUGE, action: me_huge_page },
	{ mask: mlock | dirty, res: mlock | dirty, type: MF_MSG_DIRTY_MLOCKED_LRU,
		action: me_pagecache_dirty },
	{ mask: mlock | dirty, res: mlock, type: MF_MSG_CLEAN_MLOCKED_LRU,
		action: me_pagecache_clean },
	{ mask: unevict | dirty, res: unevict | dirty, type: MF_MSG_DIRTY_UNEVICTABLE_LRU,
		action: me_pagecache_dirty },
	{ mask: unevict | dirty, res: unevict, type: MF_MSG_CLEAN_UNEVICTABLE_LRU,
		action: me_pagecache_clean },
	{ mask: lru | dirty, res: lru | dirty, type: MF_MSG_DIRTY_LRU, action: me_pagecache_dirty },
	{ mask: lru | dirty, res: lru, type: MF_MSG_CLEAN_LRU, action: me_pagecache_clean },
	{ mask: 0, res: 0, type: MF_MSG_UNKNOWN, action: me_unknown },
];

/** mm/memory-failure.c:action_result() */
function action_result(pfn: pfn_nr, type: string, result: number): void {
	num_poisoned_pages_inc();
	pr_err("Memory failure: %s: recovery action for %s: %s\n",
		hex(pfn), type, action_name[result]!);
}

/** mm/memory-failure.c:page_action() */
function page_action(ps: page_state, p: struct_page, pfn: pfn_nr): number {
	const result = ps.action(ps, p);

	action_result(pfn, ps.type, result);

	return result === MF_RECOVERED || result === MF_DELAYED ? 0 : -EBUSY;
}

function HWPoisonHandlable(page: struct_page): boolean {
	return PageLRU(page) || is_free_buddy_page(page);
}

/** mm/memory-failure.c:__get_hwpoison_page() */
function __get_hwpoison_page(page: struct_page): number {
	const head = compound_head(page);

	/* the count of what is not handled is not touched, either */
	if (!HWPoisonHandlable(head))
		return -EBUSY;

	if (get_page_unless_zero(head)) {
		if (head === compound_head(page))
			return 1;

		pr_info("Memory failure: %s cannot catch tail\n", hex(page.pfn));
		put_page(head);
	}

	return 0;
}

/** mm/memory-failure.c:get_any_page() */
function get_any_page(p: struct_page, flags: number): number {
	let ret: number, pass = 0;
	let count_increased = (flags & MF_COUNT_INCREASED) !== 0;

	out: {
		try_again: for (;;) {
			if (!count_increased) {
				ret = __get_hwpoison_page(p);
				if (!ret) {
					if (page_count(p)) {
						/* allocated meanwhile */
						if (pass++ < 3)
							continue try_again;
						ret = -EBUSY;
					} else if (!PageHuge(p) && !is_free_buddy_page(p)) {
						/* freed meanwhile */
						if (pass++ < 3)
							continue try_again;
						ret = -EIO;
					}
					break out;
				} else if (ret === -EBUSY) {
					/* of a kind that may pass */
					if (pass++ < 3) {
						shake_page(p);
						continue try_again;
					}
					ret = -EIO;
					break out;
				}
			}

			if (PageHuge(p) || HWPoisonHandlable(p)) {
				ret = 1;
			} else {
				if (pass++ < 3) {
					put_page(p);
					shake_page(p);
					count_increased = false;
					continue try_again;
				}
				put_page(p);
				ret = -EIO;
			}
			break;
		}
	}
	if (ret === -EIO)
		pr_err("Memory failure: %s: unhandlable page.\n", hex(p.pfn));

	return ret;
}

/**
 * mm/memory-failure.c:get_hwpoison_page(): 1 with a reference, 0 for a page that nobody holds, or
 * -EIO, -EBUSY.
 */
function get_hwpoison_page(p: struct_page, flags: number): number {
	zone_pcp_disable(page_zone(p));
	const ret = get_any_page(p, flags);
	zone_pcp_enable(page_zone(p));

	return ret;
}

/** mm/memory-failure.c:hwpoison_user_mappings(): false if it is still mapped. */
function hwpoison_user_mappings(p: struct_page, pfn: pfn_nr, flags: number,
	hpage: struct_page): boolean {
	const folio = page_folio(hpage);
	let ttu = TTU_IGNORE_MLOCK | TTU_SYNC;
	const tokill = new struct_list_head(null);
	let kill = true;
	const mlocked = PageMlocked(hpage);

	if (PageReserved(p) || PageSlab(p))
		return true;
	if (!(PageLRU(hpage) || PageHuge(p)))
		return true;

	if (!page_mapped(hpage))
		return true;

	if (PageKsm(p)) {
		pr_err("Memory failure: %s: can't handle KSM pages.\n", hex(pfn));
		return false;
	}

	if (PageSwapCache(p)) {
		pr_err("Memory failure: %s: keeping poisoned page in swap cache\n", hex(pfn));
		ttu |= TTU_IGNORE_HWPOISON;
	}

	/* what the page tables know of writes decides between killing and dropping */
	const mapping = page_mapping(hpage);
	if (!(flags & MF_MUST_KILL) && !PageDirty(hpage) && mapping &&
	    mapping_can_writeback(mapping)) {
		if (page_mkclean(hpage)) {
			SetPageDirty(hpage);
		} else {
			kill = false;
			ttu |= TTU_IGNORE_HWPOISON;
			pr_info("Memory failure: %s: corrupted page was clean: dropped without " +
				"side effects\n", hex(pfn));
		}
	}

	/* unmapping takes down what tells who has it mapped */
	if (kill)
		collect_procs(hpage, tokill, flags & MF_ACTION_REQUIRED);

	try_to_unmap(folio, ttu);

	const unmap_success = !page_mapped(hpage);
	if (!unmap_success)
		pr_err("Memory failure: %s: failed to unmap page (mapcount=%d)\n",
		       hex(pfn), page_mapcount(hpage));

	/* it may have come back to the LRU */
	if (mlocked)
		shake_page(hpage);

	const forcekill = PageDirty(hpage) || (flags & MF_MUST_KILL) !== 0;
	kill_procs(tokill, forcekill, !unmap_success, pfn, flags);

	return unmap_success;
}

/** mm/memory-failure.c:identify_page_state(): by the flags there are, or else by @page_flags. */
function identify_page_state(pfn: pfn_nr, p: struct_page, page_flags: number): number {
	let ps = error_states.find((s) => (p.flags & s.mask) === s.res)!;

	page_flags |= p.flags & (1 << PG_dirty);

	if (!ps.mask)
		ps = error_states.find((s) => (page_flags & s.mask) === s.res)!;
	return page_action(ps, p, pfn);
}

/** mm/memory-failure.c:try_to_split_thp_page() */
function try_to_split_thp_page(page: struct_page, msg: string): number {
	lock_page(page);
	if (split_huge_page(page)) {
		const pfn = page.pfn, mapping = page_mapping(page), index = page_to_pgoff(page);
		const front = mapping && !PageAnon(page) ? inaccessible_inode_get(mapping) : null;

		unlock_page(page);
		pr_info("Memory failure: %s: %s: thp split failed\n", msg, hex(pfn));
		/* whoever asks again gets the rest of it page by page */
		if (front)
			inaccessible_error_page(front, index);
		put_page(page);
		return -EBUSY;
	}
	unlock_page(page);

	return 0;
}

const mf_mutex = DEFINE_MUTEX("mf_mutex");

/**
 * mm/memory-failure.c:memory_failure(): 0 if the error is dealt with. -EHWPOISON: it was before,
 * and current has its signal. Sleeps.
 */
export function memory_failure(pfn: pfn_nr, flags: number): number {
	let res = 0;
	let retry = true;

	if (!sysctl_memory_failure_recovery)
		panic("Memory failure on page %lx", pfn);

	mutex_lock(mf_mutex);

	unlock_mutex: {
		const p = pfn_to_online_page(pfn);
		if (!p) {
			pr_err("Memory failure: %s: memory outside kernel control\n", hex(pfn));
			res = -ENXIO;
			break unlock_mutex;
		}

		unlock_page: {
			let page_flags: number;

			try_again: for (;;) {
				if (TestSetPageHWPoison(p)) {
					pr_err("Memory failure: %s: already hardware poisoned\n",
						hex(pfn));
					res = -EHWPOISON;
					if (flags & MF_ACTION_REQUIRED)
						res = kill_accessing_process(current, pfn, flags);
					if (flags & MF_COUNT_INCREASED)
						put_page(p);
					break unlock_mutex;
				}

				const hpage = compound_head(p);

				/*
				 * A page without references is free, and the allocator will not
				 * hand it out; or part of a block that the kernel uses, which
				 * nothing can be done about.
				 */
				if (!(flags & MF_COUNT_INCREASED)) {
					res = get_hwpoison_page(p, flags);
					if (!res) {
						if (is_free_buddy_page(p)) {
							if (take_page_off_buddy(p)) {
								page_ref_inc(p);
								res = MF_RECOVERED;
							} else {
								/* lost the race */
								if (retry) {
									ClearPageHWPoison(p);
									retry = false;
									continue try_again;
								}
								res = MF_FAILED;
							}
							action_result(pfn, MF_MSG_BUDDY, res);
							res = res === MF_RECOVERED ? 0 : -EBUSY;
						} else {
							action_result(pfn, MF_MSG_KERNEL_HIGH_ORDER,
								MF_IGNORED);
							res = -EBUSY;
						}
						break unlock_mutex;
					} else if (res < 0) {
						action_result(pfn, MF_MSG_UNKNOWN, MF_IGNORED);
						res = -EBUSY;
						break unlock_mutex;
					}
				}

				if (PageTransHuge(hpage)) {
					/* with the reference: else it races with a split */
					SetPageHasHWPoisoned(hpage);
					if (try_to_split_thp_page(p, "Memory Failure") < 0) {
						action_result(pfn, MF_MSG_UNSPLIT_THP, MF_IGNORED);
						res = -EBUSY;
						break unlock_mutex;
					}
					VM_BUG_ON_PAGE(!page_count(p), p);
				}

				/* PG_locked means something for pages of the LRU only */
				shake_page(p);

				lock_page(p);

				/* a compound page by now: once more */
				if (PageCompound(p)) {
					if (retry) {
						ClearPageHWPoison(p);
						unlock_page(p);
						put_page(p);
						flags &= ~MF_COUNT_INCREASED;
						retry = false;
						continue try_again;
					}
					action_result(pfn, MF_MSG_DIFFERENT_COMPOUND, MF_IGNORED);
					res = -EBUSY;
					break unlock_page;
				}

				/* unmapping changes them: an mlocked page stops being that */
				page_flags = p.flags;

				if (!PageLRU(p) && !PageWriteback(p))
					break;

				wait_on_page_writeback(p);

				if (!hwpoison_user_mappings(p, pfn, flags, p)) {
					action_result(pfn, MF_MSG_UNMAP_FAILED, MF_IGNORED);
					res = -EBUSY;
					break unlock_page;
				}

				/* torn down by somebody else? */
				if (PageLRU(p) && !PageSwapCache(p) && p.mapping === null) {
					action_result(pfn, MF_MSG_TRUNCATED_LRU, MF_IGNORED);
					res = -EBUSY;
					break unlock_page;
				}
				break;
			}

			res = identify_page_state(pfn, p, page_flags);
			mutex_unlock(mf_mutex);
			return res;
		}
		unlock_page(p);
	}
	mutex_unlock(mf_mutex);
	return res;
}
