// SPDX-License-Identifier: GPL-2.0
/*
 * From a page to its mappings: anon_vmas, mapping counts, and what walks them.
 *
 * Upstream: mm/rmap.c. Left out: device-exclusive access, memcg's page locks, KSM.
 *
 * Lock order:
 *	inode->i_rwsem
 *	  mm->mmap_lock
 *	    mapping->invalidate_lock
 *	      page's PG_locked
 *	        mapping->i_mmap_rwsem
 *	          anon_vma->root->rwsem
 *	            mm->page_table_lock or page table page's ptl
 *	              swap_lock
 *	                mapping->i_pages lock, lruvec->lru_lock
 * hugetlbfs takes i_mmap_rwsem before its fault mutex and the page's lock.
 */
import { type pfn_nr, type pgoff_t, ref, pfn_nr as to_pfn, type unsigned_long } from
	"#asm-generic/types.ts";
import { CONFIG_TRANSPARENT_HUGEPAGE } from "#generated/autoconf.ts";
import { BUG_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { EFAULT, ENOMEM } from "#linux/errno.ts";
import { i_mmap_lock_read, i_mmap_trylock_read, i_mmap_unlock_read } from "#linux/fs.ts";
import { GFP_KERNEL, GFP_NOWAIT, __GFP_NOWARN, type gfp_t } from "#linux/gfp_types.ts";
import {
	deferred_split_huge_page, folio_test_pmd_mappable, split_huge_pmd_address,
	thp_migration_supported,
} from "#linux/huge_mm.ts";
import { huge_ptep_clear_flush, hugetlb_count_sub, set_huge_pte_at } from "#linux/hugetlb.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { might_sleep } from "#linux/kernel.ts";
import { rmap_walk_ksm } from "#linux/ksm.ts";
import {
	list_add, list_del, list_empty, list_for_each_entry_reverse, list_for_each_entry_safe,
} from "#linux/list.ts";
import { mm_match_cgroup, type struct_mem_cgroup } from "#linux/memcontrol.ts";
import { VM_LOCKED, VM_SEQ_READ, VM_SHARED } from "#linux/mm.const.ts";
import {
	anon_vma_interval_tree_insert, anon_vma_interval_tree_iter_first,
	anon_vma_interval_tree_iter_next, anon_vma_interval_tree_remove, dec_mm_counter,
	find_mergeable_anon_vma, folio_anon_vma, folio_mapcount, folio_mapped, folio_mapping,
	folio_mark_dirty, folio_nr_pages, folio_pfn, folio_put, inc_mm_counter, mm_counter,
	mm_counter_file, page_mapped, thp_nr_pages, update_hiwater_rss,
	vma_interval_tree_iter_first, vma_interval_tree_iter_next, vma_is_temporary_stack,
} from "#linux/mm.ts";
import {
	MM_ANONPAGES, MM_SWAPENTS, type ptep_t, type struct_folio, type struct_mm_struct,
	type struct_page, type struct_vm_area_struct,
} from "#linux/mm_types.ts";
import {
	VM_BUG_ON, VM_BUG_ON_FOLIO, VM_BUG_ON_PAGE, VM_BUG_ON_VMA, VM_WARN_ON, VM_WARN_ON_ONCE,
} from "#linux/mmdebug.ts";
import {
	MMU_NOTIFY_CLEAR, MMU_NOTIFY_PROTECTION_PAGE, mmu_notifier_invalidate_range,
	mmu_notifier_invalidate_range_end, mmu_notifier_invalidate_range_start,
	mmu_notifier_range_init, pmdp_clear_flush_young_notify, ptep_clear_flush_young_notify,
	struct_mmu_notifier_range,
} from "#linux/mmu_notifier.ts";
import { NR_ANON_MAPPED, NR_ANON_THPS, NR_FILE_MAPPED, NR_FILE_PMDMAPPED, NR_SHMEM_PMDMAPPED } from
	"#linux/mmzone.const.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import {
	ClearPageDoubleMap, PAGE_MAPPING_ANON, PageAnon, PageAnonExclusive, PageCompound,
	PageDoubleMap, PageHWPoison, PageHead, PageHuge, PageLocked, PageSwapBacked,
	PageTransCompound, PageTransHuge, SetPageAnonExclusive, SetPageDoubleMap,
	TestClearPageDoubleMap, __SetPageSwapBacked, compound_head, folio_page,
	folio_set_swapbacked, folio_test_anon, folio_test_dirty, folio_test_hugetlb, folio_test_ksm,
	folio_test_large, folio_test_locked, folio_test_swapbacked, folio_test_swapcache,
	page_folio,
} from "#linux/page-flags.ts";
import { folio_ref_count } from "#linux/page_ref.ts";
import {
	folio_pgoff, folio_trylock, folio_unlock, linear_page_index, page_mapping, page_to_pgoff,
} from "#linux/pagemap.ts";
import { pmdp_invalidate, ptep_clear_flush } from "#linux/pgtable.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import {
	DEFINE_FOLIO_VMA_WALK, PVMW_SYNC, RMAP_COMPOUND, RMAP_EXCLUSIVE, TTU_BATCH_FLUSH,
	TTU_IGNORE_HWPOISON, TTU_IGNORE_MLOCK, TTU_RMAP_LOCKED, TTU_SPLIT_HUGE_PMD, TTU_SYNC,
	anon_vma_lock_read, anon_vma_lock_write, anon_vma_trylock_read, anon_vma_unlock_read,
	anon_vma_unlock_write, get_anon_vma, page_try_share_anon_rmap, page_vma_mapped_walk,
	page_vma_mapped_walk_done, put_anon_vma, type rmap_t, struct_anon_vma,
	struct_anon_vma_chain, struct_page_vma_mapped_walk, struct_rmap_walk_control,
} from "#linux/rmap.ts";
import { down_read_trylock, down_write, init_rwsem, rwsem_is_locked, up_read, up_write } from
	"#linux/rwsem.ts";
import { cond_resched, current } from "#linux/sched.ts";
import { KMEM_CACHE, kmem_cache_alloc, kmem_cache_create, kmem_cache_free } from "#linux/slab.ts";
import { SLAB_ACCOUNT, SLAB_PANIC, SLAB_TYPESAFE_BY_RCU, type struct_kmem_cache } from
	"#linux/slab_def.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { swap_duplicate, swap_free } from "#linux/swap.ts";
import {
	make_hwpoison_entry, make_readable_exclusive_migration_entry, make_readable_migration_entry,
	make_writable_migration_entry, set_pmd_migration_entry, type swp_entry_t, swp_entry_to_pte,
} from "#linux/swapops.ts";
import { __mod_lruvec_page_state } from "#linux/vmstat.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import {
	p4d_offset, p4d_present, p4dp_get, pgd_offset, pgd_present, pgdp_get, pmd_dirty,
	pmd_mkclean, pmd_offset, pmd_pfn, pmd_present, pmd_trans_huge, pmd_write, pmd_wrprotect,
	pmdp_get, pte_dirty, pte_mkclean, pte_pfn, pte_swp_mkexclusive, pte_write, pte_wrprotect,
	ptep_get, ptep_get_and_clear, pud_offset, pud_present, pudp_get, set_pmd_at, set_pte_at,
} from "#asm/pgtable.ts";
import type { pte_t } from "#asm/pgtable_types.ts";
import {
	arch_tlbbatch_add_mm, arch_tlbbatch_flush, flush_tlb_mm, struct_arch_tlbflush_unmap_batch,
} from "#asm/tlbflush.ts";
import {
	folio_raw_mapping, mlock_page_drain_local, mlock_vma_folio, mlock_vma_page,
	munlock_vma_page, vma_address, vma_address_end, vma_pgoff_address,
} from "#mm/internal.h.ts";

let anon_vma_cachep: struct_kmem_cache<struct_anon_vma>;
let anon_vma_chain_cachep: struct_kmem_cache<struct_anon_vma_chain>;

/** mm/rmap.c:anon_vma_alloc() */
function anon_vma_alloc(): struct_anon_vma | null {
	const anon_vma = kmem_cache_alloc(anon_vma_cachep, GFP_KERNEL);
	if (anon_vma) {
		anon_vma.refcount = 1;
		anon_vma.num_children = 0;
		anon_vma.num_active_vmas = 0;
		anon_vma.parent = anon_vma;
		/* a child's is set by anon_vma_fork() */
		anon_vma.root = anon_vma;
	}

	return anon_vma;
}

/** mm/rmap.c:anon_vma_free() */
function anon_vma_free(anon_vma: struct_anon_vma): void {
	VM_BUG_ON(anon_vma.refcount !== 0);

	/* somebody who found it in a page may still hold the lock without a reference */
	might_sleep();
	if (rwsem_is_locked(anon_vma.root.rwsem)) {
		anon_vma_lock_write(anon_vma);
		anon_vma_unlock_write(anon_vma);
	}

	kmem_cache_free(anon_vma_cachep, anon_vma);
}

/** mm/rmap.c:anon_vma_chain_alloc() */
function anon_vma_chain_alloc(gfp: gfp_t): struct_anon_vma_chain | null {
	return kmem_cache_alloc(anon_vma_chain_cachep, gfp);
}

/** mm/rmap.c:anon_vma_chain_free() */
function anon_vma_chain_free(anon_vma_chain: struct_anon_vma_chain): void {
	kmem_cache_free(anon_vma_chain_cachep, anon_vma_chain);
}

/** mm/rmap.c:anon_vma_chain_link() */
function anon_vma_chain_link(vma: struct_vm_area_struct, avc: struct_anon_vma_chain,
	anon_vma: struct_anon_vma): void {
	avc.vma = vma;
	avc.anon_vma = anon_vma;
	list_add(avc.same_vma, vma.anon_vma_chain);
	anon_vma_interval_tree_insert(avc, anon_vma.rb_root);
}

/**
 * mm/rmap.c:__anon_vma_prepare(). Gives @vma an anon_vma: a neighbour's that it could merge with,
 * or a new one. Under mmap_lock for read, so others may do the same meanwhile.
 */
export function __anon_vma_prepare(vma: struct_vm_area_struct): number {
	const mm = vma.vm_mm!;

	might_sleep();

	let avc = anon_vma_chain_alloc(GFP_KERNEL);
	if (!avc)
		return -ENOMEM;

	let anon_vma = find_mergeable_anon_vma(vma);
	let allocated: struct_anon_vma | null = null;
	if (!anon_vma) {
		anon_vma = anon_vma_alloc();
		if (!anon_vma) {
			anon_vma_chain_free(avc);
			return -ENOMEM;
		}
		anon_vma.num_children++; /* the new root's parent is itself, which counts */
		allocated = anon_vma;
	}

	anon_vma_lock_write(anon_vma);
	/* other threads may be preparing the same VMA */
	spin_lock(mm.page_table_lock);
	if (!vma.anon_vma) {
		vma.anon_vma = anon_vma;
		anon_vma_chain_link(vma, avc, anon_vma);
		anon_vma.num_active_vmas++;
		allocated = null;
		avc = null;
	}
	spin_unlock(mm.page_table_lock);
	anon_vma_unlock_write(anon_vma);

	if (allocated)
		put_anon_vma(allocated);
	if (avc)
		anon_vma_chain_free(avc);

	return 0;
}

/** mm/rmap.c:lock_anon_vma_root(). All anon_vmas of a VMA have one root: locked once. */
function lock_anon_vma_root(root: struct_anon_vma | null, anon_vma: struct_anon_vma):
	struct_anon_vma {
	const new_root = anon_vma.root;
	if (new_root !== root) {
		if (WARN_ON_ONCE(root !== null))
			up_write(root!.rwsem);
		root = new_root;
		down_write(root.rwsem);
	}
	return root;
}

/** mm/rmap.c:unlock_anon_vma_root() */
function unlock_anon_vma_root(root: struct_anon_vma | null): void {
	if (root)
		up_write(root.rwsem);
}

/**
 * mm/rmap.c:anon_vma_clone(). Attaches @src's anon_vmas to @dst. When called for fork (dst.anon_vma
 * is null and src.anon_vma is not), an anon_vma that no VMA and at most one child uses is taken
 * over
 * as dst's own, so that chains of forks do not grow for ever.
 */
export function anon_vma_clone(dst: struct_vm_area_struct, src: struct_vm_area_struct): number {
	let root: struct_anon_vma | null = null;

	for (const pavc of list_for_each_entry_reverse(src.anon_vma_chain, struct_anon_vma_chain,
		"same_vma")) {
		let avc = anon_vma_chain_alloc(GFP_NOWAIT | __GFP_NOWARN);
		if (!avc) {
			unlock_anon_vma_root(root);
			root = null;
			avc = anon_vma_chain_alloc(GFP_KERNEL);
			if (!avc) {
				/*
				 * dst.anon_vma would be counted down by unlink_anon_vmas(), though
				 * it was not counted up yet.
				 */
				dst.anon_vma = null;
				unlink_anon_vmas(dst);
				return -ENOMEM;
			}
		}
		const anon_vma = pavc.anon_vma!;
		root = lock_anon_vma_root(root, anon_vma);
		anon_vma_chain_link(dst, avc, anon_vma);

		/* a root has a parent, itself, and is never taken over */
		if (!dst.anon_vma && src.anon_vma && anon_vma.num_children < 2 &&
		    anon_vma.num_active_vmas === 0)
			dst.anon_vma = anon_vma;
	}
	if (dst.anon_vma)
		dst.anon_vma.num_active_vmas++;
	unlock_anon_vma_root(root);
	return 0;
}

/** mm/rmap.c:anon_vma_fork(). @vma is the child's; it gets an anon_vma below the parent's. */
export function anon_vma_fork(vma: struct_vm_area_struct, pvma: struct_vm_area_struct): number {
	/* nothing anonymous in the parent: nothing to share */
	if (!pvma.anon_vma)
		return 0;

	/* what dup_mmap() copied is the parent's; the child's comes below */
	vma.anon_vma = null;

	/* first, so that pages of the parent are found through the child too */
	const error = anon_vma_clone(vma, pvma);
	if (error)
		return error;

	/* anon_vma_clone() found one to take over */
	if (vma.anon_vma)
		return 0;

	out_error: {
		const anon_vma = anon_vma_alloc();
		if (!anon_vma)
			break out_error;
		anon_vma.num_active_vmas++;
		const avc = anon_vma_chain_alloc(GFP_KERNEL);
		if (!avc) {
			put_anon_vma(anon_vma);
			break out_error;
		}

		/* the root's rwsem guards the tree, so the root must stay */
		anon_vma.root = pvma.anon_vma.root;
		anon_vma.parent = pvma.anon_vma;
		get_anon_vma(anon_vma.root);
		/* the child's own copies of pages will belong to it */
		vma.anon_vma = anon_vma;
		anon_vma_lock_write(anon_vma);
		anon_vma_chain_link(vma, avc, anon_vma);
		anon_vma.parent.num_children++;
		anon_vma_unlock_write(anon_vma);

		return 0;
	}
	unlink_anon_vmas(vma);
	return -ENOMEM;
}

/** mm/rmap.c:unlink_anon_vmas() */
export function unlink_anon_vmas(vma: struct_vm_area_struct): void {
	let root: struct_anon_vma | null = null;

	if (list_empty(vma.anon_vma_chain) && !vma.anon_vma)
		return;

	/* newest to oldest: those that become empty wait for the second round */
	for (const avc of list_for_each_entry_safe(vma.anon_vma_chain, struct_anon_vma_chain,
		"same_vma")) {
		const anon_vma = avc.anon_vma!;

		root = lock_anon_vma_root(root, anon_vma);
		anon_vma_interval_tree_remove(avc, anon_vma.rb_root);

		/* without VMAs nothing will count as its parent's child any more */
		if (anon_vma.rb_root.rb_root.rb_node === null) {
			anon_vma.parent.num_children--;
			continue;
		}

		list_del(avc.same_vma);
		anon_vma_chain_free(avc);
	}
	if (vma.anon_vma) {
		vma.anon_vma.num_active_vmas--;

		/* the VMA may live on: then its next fault prepares an anon_vma again */
		vma.anon_vma = null;
	}
	unlock_anon_vma_root(root);

	/* the last reference may be dropped, and freeing takes the lock: done without it */
	for (const avc of list_for_each_entry_safe(vma.anon_vma_chain, struct_anon_vma_chain,
		"same_vma")) {
		const anon_vma = avc.anon_vma!;

		VM_WARN_ON(anon_vma.num_children !== 0);
		VM_WARN_ON(anon_vma.num_active_vmas !== 0);
		put_anon_vma(anon_vma);

		list_del(avc.same_vma);
		anon_vma_chain_free(avc);
	}
}

/** mm/rmap.c:anon_vma_ctor(). Once for each object, which keeps its type when it is freed. */
function anon_vma_ctor(anon_vma: struct_anon_vma): void {
	init_rwsem(anon_vma.rwsem, "&anon_vma->rwsem");
	anon_vma.refcount = 0;
}

/** mm/rmap.c:anon_vma_init() */
export function anon_vma_init(): void {
	anon_vma_cachep = kmem_cache_create("anon_vma", struct_anon_vma,
		SLAB_TYPESAFE_BY_RCU | SLAB_PANIC | SLAB_ACCOUNT, anon_vma_ctor)!;
	anon_vma_chain_cachep = KMEM_CACHE(struct_anon_vma_chain, SLAB_PANIC | SLAB_ACCOUNT)!;
}

/**
 * mm/rmap.c:page_get_anon_vma(). The page may be unmapped at any time, and its anon_vma reused for
 * other pages: callers check that what they find is what they look for.
 */
export function page_get_anon_vma(page: struct_page): struct_anon_vma | null {
	let anon_vma: struct_anon_vma | null = null;

	rcu_read_lock();
	out: {
		if (page.mapping_flags !== PAGE_MAPPING_ANON)
			break out;
		if (!page_mapped(page))
			break out;

		anon_vma = page.mapping as struct_anon_vma;
		if (anon_vma.refcount === 0) {
			anon_vma = null;
			break out;
		}
		anon_vma.refcount++;

		/* mapped still: then the anon_vma was its own when the reference was taken */
		if (!page_mapped(page)) {
			rcu_read_unlock();
			put_anon_vma(anon_vma);
			return null;
		}
	}
	rcu_read_unlock();

	return anon_vma;
}

/** mm/rmap.c:folio_lock_anon_vma_read(). As above, with the lock instead of a reference. */
export function folio_lock_anon_vma_read(folio: struct_folio, rwc: struct_rmap_walk_control | null):
	struct_anon_vma | null {
	let anon_vma: struct_anon_vma | null = null;

	rcu_read_lock();
	out: {
		if (folio.mapping_flags !== PAGE_MAPPING_ANON)
			break out;
		if (!folio_mapped(folio))
			break out;

		anon_vma = folio.mapping as struct_anon_vma;
		const root_anon_vma = anon_vma.root;
		if (down_read_trylock(root_anon_vma.rwsem)) {
			/* mapped still: then the root was its anon_vma's */
			if (!folio_mapped(folio)) {
				up_read(root_anon_vma.rwsem);
				anon_vma = null;
			}
			break out;
		}

		if (rwc && rwc.try_lock) {
			anon_vma = null;
			rwc.contended = true;
			break out;
		}

		/* the lock is taken: sleep for it, with a reference */
		if (anon_vma.refcount === 0) {
			anon_vma = null;
			break out;
		}
		anon_vma.refcount++;

		if (!folio_mapped(folio)) {
			rcu_read_unlock();
			put_anon_vma(anon_vma);
			return null;
		}

		/* the reference keeps the anon_vma, so RCU need not */
		rcu_read_unlock();
		anon_vma_lock_read(anon_vma);

		if (--anon_vma.refcount === 0) {
			/* the last reference must not be dropped with the lock held */
			anon_vma_unlock_read(anon_vma);
			__put_anon_vma(anon_vma);
			anon_vma = null;
		}

		return anon_vma;
	}
	rcu_read_unlock();
	return anon_vma;
}

/** mm/rmap.c:page_unlock_anon_vma_read() */
export function page_unlock_anon_vma_read(anon_vma: struct_anon_vma): void {
	anon_vma_unlock_read(anon_vma);
}

/*
 * Flushes that reclaim defers until it has unmapped many pages. C: current->tlb_ubc; one will do
 * here, because between unmapping and try_to_unmap_flush() nothing else runs.
 */
const tlb_ubc = {
	arch: null as struct_arch_tlbflush_unmap_batch | null,
	flush_required: false,
	/** entries were writable: flush before the pages are written out */
	writable: false,
};

/** mm/rmap.c:try_to_unmap_flush() */
export function try_to_unmap_flush(): void {
	if (!tlb_ubc.flush_required)
		return;

	arch_tlbbatch_flush(tlb_ubc.arch!);
	tlb_ubc.flush_required = false;
	tlb_ubc.writable = false;
}

/** mm/rmap.c:try_to_unmap_flush_dirty() */
export function try_to_unmap_flush_dirty(): void {
	if (tlb_ubc.writable)
		try_to_unmap_flush();
}

/* mm.tlb_flush_batched: how many flushes were deferred, and how many of them done, shifted */
const TLB_FLUSH_BATCH_FLUSHED_SHIFT	= 16;
const TLB_FLUSH_BATCH_PENDING_MASK	= (1 << (TLB_FLUSH_BATCH_FLUSHED_SHIFT - 1)) - 1;
const TLB_FLUSH_BATCH_PENDING_LARGE	= Math.floor(TLB_FLUSH_BATCH_PENDING_MASK / 2);

/** mm/rmap.c:set_tlb_ubc_flush_pending() */
function set_tlb_ubc_flush_pending(mm: struct_mm_struct, writable: boolean): void {
	tlb_ubc.arch ??= new struct_arch_tlbflush_unmap_batch();
	arch_tlbbatch_add_mm(tlb_ubc.arch, mm);
	tlb_ubc.flush_required = true;

	/* the count is seen before the entry is cleared, by whoever flushes for it */
	if ((mm.tlb_flush_batched & TLB_FLUSH_BATCH_PENDING_MASK) > TLB_FLUSH_BATCH_PENDING_LARGE)
		/* restart long before the low half overflows into the count of flushes done */
		mm.tlb_flush_batched = 1;
	else
		mm.tlb_flush_batched++;

	/* the flush must come before writeback starts */
	if (writable)
		tlb_ubc.writable = true;
}

/** mm/rmap.c:should_defer_flush(). Worth it if other CPUs would have to be interrupted. */
function should_defer_flush(mm: struct_mm_struct, flags: number): boolean {
	if (!(flags & TTU_BATCH_FLUSH))
		return false;

	return (mm.cpu_bitmap & ~(1 << current.cpu)) !== 0;
}

/**
 * mm/rmap.c:flush_tlb_batched_pending(). Reclaim may have cleared entries of @mm without flushing
 * yet; who is to change or free by its own judgement of entries flushes first. ptl is held.
 */
export function flush_tlb_batched_pending(mm: struct_mm_struct): void {
	const batch = mm.tlb_flush_batched;
	if (batch === 0)
		return;
	const pending = batch & TLB_FLUSH_BATCH_PENDING_MASK;
	const flushed = batch >> TLB_FLUSH_BATCH_FLUSHED_SHIFT;

	if (pending !== flushed) {
		flush_tlb_mm(mm);
		/* what is deferred from now on is not covered */
		mm.tlb_flush_batched = pending | (pending << TLB_FLUSH_BATCH_FLUSHED_SHIFT);
	}
}

/** mm/rmap.c:page_address_in_vma(). Where @vma would map the page, or -EFAULT. */
export function page_address_in_vma(page: struct_page, vma: struct_vm_area_struct): unsigned_long {
	const folio = page_folio(page);
	if (folio_test_anon(folio)) {
		const page__anon_vma = folio_anon_vma(folio);
		/* spares swapoff's unuse_vma() the VMAs that cannot have the page */
		if (!vma.anon_vma || !page__anon_vma || vma.anon_vma.root !== page__anon_vma.root)
			return -EFAULT;
	} else if (!vma.vm_file) {
		return -EFAULT;
	} else if (vma.vm_file.f_mapping !== folio.mapping) {
		return -EFAULT;
	}

	return vma_address(page, vma);
}

/** mm/rmap.c:mm_find_pmd(). The PMD of @address if it points to a table, or 0. */
export function mm_find_pmd(mm: struct_mm_struct, address: unsigned_long): ptep_t {
	const pgd = pgd_offset(mm, address);
	if (!pgd_present(pgdp_get(pgd)))
		return 0;

	const p4d = p4d_offset(pgd, address);
	if (!p4d_present(p4dp_get(p4d)))
		return 0;

	const pud = pud_offset(p4d, address);
	if (!pud_present(pudp_get(pud)))
		return 0;

	const pmd = pmd_offset(pud, address);
	const pmde = pmdp_get(pmd);
	if (!pmd_present(pmde) || pmd_trans_huge(pmde))
		return 0;
	return pmd;
}

class struct_folio_referenced_arg {
	mapcount = 0;
	referenced = 0;
	vm_flags = 0;
	memcg: struct_mem_cgroup | null = null;
}

/** mm/rmap.c:folio_referenced_one() */
function folio_referenced_one(folio: struct_folio, vma: struct_vm_area_struct,
	address: unsigned_long, arg: unknown): boolean {
	const pra = arg as struct_folio_referenced_arg;
	const pvmw = DEFINE_FOLIO_VMA_WALK(folio, vma, address, 0);
	let referenced = 0;

	while (page_vma_mapped_walk(pvmw)) {
		address = pvmw.address;

		if ((vma.vm_flags & VM_LOCKED) && (!folio_test_large(folio) || !pvmw.pte)) {
			/* a VMA that is locked: mark the folio, should that have been missed */
			mlock_vma_folio(folio, vma, !pvmw.pte);
			page_vma_mapped_walk_done(pvmw);
			pra.vm_flags |= VM_LOCKED;
			return false; /* ends the walk */
		}

		if (pvmw.pte) {
			if (ptep_clear_flush_young_notify(vma, address, pvmw.pte)) {
				/* pages read one after the other are not worth keeping for that */
				if (!(vma.vm_flags & VM_SEQ_READ))
					referenced++;
			}
		} else if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)) {
			if (pmdp_clear_flush_young_notify(vma, address, pvmw.pmd))
				referenced++;
		} else {
			/* huge mappings exist with THP only */
			WARN_ON_ONCE(true);
		}

		pra.mapcount--;
	}

	if (referenced) {
		pra.referenced++;
		pra.vm_flags |= vma.vm_flags & ~VM_LOCKED;
	}

	if (!pra.mapcount)
		return false; /* ends the walk */

	return true;
}

/** mm/rmap.c:invalid_folio_referenced_vma() */
function invalid_folio_referenced_vma(vma: struct_vm_area_struct, arg: unknown): boolean {
	const pra = arg as struct_folio_referenced_arg;

	if (!mm_match_cgroup(vma.vm_mm!, pra.memcg))
		return true;

	return false;
}

/**
 * mm/rmap.c:folio_referenced(). In how many mappings the folio was accessed since last asked; -1 if
 * the rmap lock was contended. Asks subscribers of MMU notifiers too.
 */
export function folio_referenced(folio: struct_folio, is_locked: number,
	memcg: struct_mem_cgroup | null, vm_flags: ref<number>): number {
	let we_locked = false;
	const pra = new struct_folio_referenced_arg();
	pra.mapcount = folio_mapcount(folio);
	pra.memcg = memcg;
	const rwc = new struct_rmap_walk_control(folio_referenced_one);
	rwc.arg = pra;
	rwc.anon_lock = folio_lock_anon_vma_read;
	rwc.try_lock = true;

	vm_flags.v = 0;
	if (!pra.mapcount)
		return 0;

	if (!folio_raw_mapping(folio))
		return 0;

	if (!is_locked && (!folio_test_anon(folio) || folio_test_ksm(folio))) {
		we_locked = folio_trylock(folio);
		if (!we_locked)
			return 1;
	}

	/* of other groups we need not know */
	if (memcg)
		rwc.invalid_vma = invalid_folio_referenced_vma;

	rmap_walk(folio, rwc);
	vm_flags.v = pra.vm_flags;

	if (we_locked)
		folio_unlock(folio);

	return rwc.contended ? -1 : pra.referenced;
}

/** mm/rmap.c:page_vma_mkclean_one() */
function page_vma_mkclean_one(pvmw: struct_page_vma_mapped_walk): number {
	let cleaned = 0;
	const vma = pvmw.vma;
	const mm = vma.vm_mm!;
	const range = new struct_mmu_notifier_range(mm);
	let address = pvmw.address;

	/* the entries are present and stay so: only permissions change */
	mmu_notifier_range_init(range, MMU_NOTIFY_PROTECTION_PAGE, 0, vma, mm, address,
		vma_address_end(pvmw));
	mmu_notifier_invalidate_range_start(range);

	while (page_vma_mapped_walk(pvmw)) {
		let ret = false;

		address = pvmw.address;
		if (pvmw.pte) {
			const pte = pvmw.pte;
			const old = ptep_get(pte);

			if (!pte_dirty(old) && !pte_write(old))
				continue;

			let entry = ptep_clear_flush(vma, address, pte);
			entry = pte_wrprotect(entry);
			entry = pte_mkclean(entry);
			set_pte_at(mm, address, pte, entry);
			ret = true;
		} else if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)) {
			const pmd = pvmw.pmd;
			const old = pmdp_get(pmd);

			if (!pmd_dirty(old) && !pmd_write(old))
				continue;

			let entry = pmdp_invalidate(vma, address, pmd);
			entry = pmd_wrprotect(entry);
			entry = pmd_mkclean(entry);
			set_pmd_at(mm, address, pmd, entry);
			ret = true;
		} else {
			/* huge mappings exist with THP only */
			WARN_ON_ONCE(true);
		}

		/* invalidate_range() is not called: the page remains, write-protected */
		if (ret)
			cleaned++;
	}

	mmu_notifier_invalidate_range_end(range);

	return cleaned;
}

/** mm/rmap.c:page_mkclean_one() */
function page_mkclean_one(folio: struct_folio, vma: struct_vm_area_struct, address: unsigned_long,
	arg: unknown): boolean {
	const pvmw = DEFINE_FOLIO_VMA_WALK(folio, vma, address, PVMW_SYNC);
	const cleaned = arg as ref<number>;

	cleaned.v += page_vma_mkclean_one(pvmw);

	return true;
}

/** mm/rmap.c:invalid_mkclean_vma() */
function invalid_mkclean_vma(vma: struct_vm_area_struct, _arg: unknown): boolean {
	if (vma.vm_flags & VM_SHARED)
		return false;

	return true;
}

/** mm/rmap.c:folio_mkclean(). How many entries were writable or dirty. */
export function folio_mkclean(folio: struct_folio): number {
	const cleaned = new ref(0);
	const rwc = new struct_rmap_walk_control(page_mkclean_one);
	rwc.arg = cleaned;
	rwc.invalid_vma = invalid_mkclean_vma;

	BUG_ON(!folio_test_locked(folio));

	if (!folio_mapped(folio))
		return 0;

	const mapping = folio_mapping(folio);
	if (!mapping)
		return 0;

	rmap_walk(folio, rwc);

	return cleaned.v;
}

/** mm/rmap.c:pfn_mkclean_range() */
export function pfn_mkclean_range(pfn: pfn_nr, nr_pages: number, pgoff: pgoff_t,
	vma: struct_vm_area_struct): number {
	const pvmw = new struct_page_vma_mapped_walk(vma);
	pvmw.pfn = pfn;
	pvmw.nr_pages = nr_pages;
	pvmw.pgoff = pgoff;
	pvmw.flags = PVMW_SYNC;

	if (invalid_mkclean_vma(vma, null))
		return 0;

	pvmw.address = vma_pgoff_address(pgoff, nr_pages, vma);
	VM_BUG_ON_VMA(pvmw.address === -EFAULT, vma);

	return page_vma_mkclean_one(pvmw);
}

/** mm/rmap.c:page_move_anon_rmap(). The page, locked, is this VMA's alone now. */
export function page_move_anon_rmap(page: struct_page, vma: struct_vm_area_struct): void {
	const anon_vma = vma.anon_vma;
	const subpage = page;

	page = compound_head(page);

	VM_BUG_ON_PAGE(!PageLocked(page), page);
	VM_BUG_ON_VMA(!anon_vma, vma);

	page.mapping = anon_vma;
	page.mapping_flags = PAGE_MAPPING_ANON;
	SetPageAnonExclusive(subpage);
}

/** mm/rmap.c:__page_set_anon_rmap() */
function __page_set_anon_rmap(page: struct_page, vma: struct_vm_area_struct,
	address: unsigned_long, exclusive: boolean): void {
	let anon_vma = vma.anon_vma!;

	BUG_ON(!anon_vma);

	if (!PageAnon(page)) {
		/* a page that others may map too belongs to the oldest that they have in common */
		if (!exclusive)
			anon_vma = anon_vma.root;

		page.mapping = anon_vma;
		page.mapping_flags = PAGE_MAPPING_ANON;
		page.index = linear_page_index(vma, address);
	}
	if (exclusive)
		SetPageAnonExclusive(page);
}

/** mm/rmap.c:__page_check_anon_rmap() */
function __page_check_anon_rmap(page: struct_page, vma: struct_vm_area_struct,
	address: unsigned_long): void {
	const folio = page_folio(page);

	VM_BUG_ON_FOLIO(folio_anon_vma(folio)!.root !== vma.anon_vma!.root, folio);
	VM_BUG_ON_PAGE(page_to_pgoff(page) !== linear_page_index(vma, address), page);
}

/** mm/rmap.c:page_add_anon_rmap(). The page is locked; the ptl is held. */
export function page_add_anon_rmap(page: struct_page, vma: struct_vm_area_struct,
	address: unsigned_long, flags: rmap_t): void {
	const compound = (flags & RMAP_COMPOUND) !== 0;
	let first: boolean;

	VM_BUG_ON_PAGE(!PageLocked(page), page);

	if (compound) {
		VM_BUG_ON_PAGE(!PageTransHuge(page), page);
		first = ++compound_head(page).compound_mapcount === 0;
	} else {
		first = ++page._mapcount === 0;
	}
	VM_BUG_ON_PAGE(!first && (flags & RMAP_EXCLUSIVE) !== 0, page);
	VM_BUG_ON_PAGE(!first && PageAnonExclusive(page), page);

	if (first) {
		const nr = compound ? thp_nr_pages(page) : 1;
		if (compound)
			__mod_lruvec_page_state(page, NR_ANON_THPS, nr);
		__mod_lruvec_page_state(page, NR_ANON_MAPPED, nr);
	}

	/* no check that @vma covers the address: vma_adjust() may be moving its borders */
	if (first)
		__page_set_anon_rmap(page, vma, address, (flags & RMAP_EXCLUSIVE) !== 0);
	else
		__page_check_anon_rmap(page, vma, address);

	mlock_vma_page(page, vma, compound);
}

/** mm/rmap.c:page_add_new_anon_rmap(). A new page, known to nobody: no lock, no atomics. */
export function page_add_new_anon_rmap(page: struct_page, vma: struct_vm_area_struct,
	address: unsigned_long): void {
	const compound = PageCompound(page);
	const nr = compound ? thp_nr_pages(page) : 1;

	VM_BUG_ON_VMA(address < vma.vm_start || address >= vma.vm_end, vma);
	__SetPageSwapBacked(page);
	if (compound) {
		VM_BUG_ON_PAGE(!PageTransHuge(page), page);
		/* -1 is unmapped */
		page.compound_mapcount = 0;
		page.compound_pincount = 0;

		__mod_lruvec_page_state(page, NR_ANON_THPS, nr);
	} else {
		/* -1 is unmapped */
		page._mapcount = 0;
	}
	__mod_lruvec_page_state(page, NR_ANON_MAPPED, nr);
	__page_set_anon_rmap(page, vma, address, true);
}

/** mm/rmap.c:page_add_file_rmap(). The ptl is held. */
export function page_add_file_rmap(page: struct_page, vma: struct_vm_area_struct,
	compound: boolean): void {
	let nr = 0;

	VM_BUG_ON_PAGE(compound && !PageTransHuge(page), page);
	out: {
		if (compound && PageTransHuge(page)) {
			const nr_pages = thp_nr_pages(page);

			for (let i = 0; i < nr_pages; i++) {
				if (++pfn_to_page(to_pfn(page.pfn + i))._mapcount === 0)
					nr++;
			}
			if (++page.compound_mapcount !== 0)
				break out;

			/* the flag cannot change while the page is locked */
			VM_WARN_ON_ONCE(!PageLocked(page));
			if (nr === nr_pages && PageDoubleMap(page))
				ClearPageDoubleMap(page);

			if (PageSwapBacked(page))
				__mod_lruvec_page_state(page, NR_SHMEM_PMDMAPPED, nr_pages);
			else
				__mod_lruvec_page_state(page, NR_FILE_PMDMAPPED, nr_pages);
		} else {
			if (PageTransCompound(page) && page_mapping(page)) {
				VM_WARN_ON_ONCE(!PageLocked(page));
				SetPageDoubleMap(compound_head(page));
			}
			if (++page._mapcount === 0)
				nr++;
		}
	}
	if (nr)
		__mod_lruvec_page_state(page, NR_FILE_MAPPED, nr);

	mlock_vma_page(page, vma, compound);
}

/** mm/rmap.c:page_remove_file_rmap() */
function page_remove_file_rmap(page: struct_page, compound: boolean): void {
	let nr = 0;

	VM_BUG_ON_PAGE(compound && !PageHead(page), page);

	/* hugetlb pages are left out of NR_FILE_MAPPED */
	if (compound && PageHuge(page)) {
		page.compound_mapcount--;
		return;
	}

	out: {
		/* -1 again: that was the last mapping */
		if (compound && PageTransHuge(page)) {
			const nr_pages = thp_nr_pages(page);

			for (let i = 0; i < nr_pages; i++) {
				if (--pfn_to_page(to_pfn(page.pfn + i))._mapcount < 0)
					nr++;
			}
			if (--page.compound_mapcount >= 0)
				break out;
			if (PageSwapBacked(page))
				__mod_lruvec_page_state(page, NR_SHMEM_PMDMAPPED, -nr_pages);
			else
				__mod_lruvec_page_state(page, NR_FILE_PMDMAPPED, -nr_pages);
		} else {
			if (--page._mapcount < 0)
				nr++;
		}
	}
	if (nr)
		__mod_lruvec_page_state(page, NR_FILE_MAPPED, -nr);
}

/** mm/rmap.c:page_remove_anon_compound_rmap() */
function page_remove_anon_compound_rmap(page: struct_page): void {
	let nr: number;

	if (--page.compound_mapcount >= 0)
		return;

	/* hugetlb pages are left out of NR_ANON_PAGES */
	if (PageHuge(page))
		return;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return;

	__mod_lruvec_page_state(page, NR_ANON_THPS, -thp_nr_pages(page));

	if (TestClearPageDoubleMap(page)) {
		/* subpages that no small mapping has now */
		const nr_pages = thp_nr_pages(page);
		nr = 0;
		for (let i = 0; i < nr_pages; i++) {
			if (--pfn_to_page(to_pfn(page.pfn + i))._mapcount < 0)
				nr++;
		}

		/* some but not all: the rest can be freed by splitting */
		if (nr && nr < nr_pages)
			deferred_split_huge_page(page);
	} else {
		nr = thp_nr_pages(page);
	}

	if (nr)
		__mod_lruvec_page_state(page, NR_ANON_MAPPED, -nr);
}

/** mm/rmap.c:page_remove_rmap(). The ptl is held. */
export function page_remove_rmap(page: struct_page, vma: struct_vm_area_struct,
	compound: boolean): void {
	if (!PageAnon(page)) {
		page_remove_file_rmap(page, compound);
	} else if (compound) {
		page_remove_anon_compound_rmap(page);
	} else if (--page._mapcount < 0) {	/* -1 again: that was the last mapping */
		/* what the page has as anonymous (mapping, index) stays until it is freed */
		__mod_lruvec_page_state(page, NR_ANON_MAPPED, -1);

		if (PageTransCompound(page))
			deferred_split_huge_page(compound_head(page));
	}

	munlock_vma_page(page, vma, compound);
}

/** mm/rmap.c:try_to_unmap_one(). @arg is the TTU_* flags. */
function try_to_unmap_one(folio: struct_folio, vma: struct_vm_area_struct, address: unsigned_long,
	arg: unknown): boolean {
	const mm = vma.vm_mm!;
	const pvmw = DEFINE_FOLIO_VMA_WALK(folio, vma, address, 0);
	let pteval: pte_t;
	let ret = true;
	const range = new struct_mmu_notifier_range(mm);
	const flags = arg as number;

	/* an entry that is being changed right now: wait for its lock */
	if (flags & TTU_SYNC)
		pvmw.flags = PVMW_SYNC;

	if (flags & TTU_SPLIT_HUGE_PMD)
		split_huge_pmd_address(vma, address, false, folio);

	/*
	 * before the first entry is looked at; the folio is locked, so it cannot be split
	 * meanwhile
	 */
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, vma, mm, address,
		vma_address_end(pvmw));
	mmu_notifier_invalidate_range_start(range);

	while (page_vma_mapped_walk(pvmw)) {
		/* huge mappings were split or handled before */
		VM_BUG_ON_FOLIO(!pvmw.pte, folio);

		/* locked memory stays mapped */
		if (!(flags & TTU_IGNORE_MLOCK) && (vma.vm_flags & VM_LOCKED)) {
			/* a VMA that is locked: mark the folio, should that have been missed */
			mlock_vma_folio(folio, vma, false);
			page_vma_mapped_walk_done(pvmw);
			ret = false;
			break;
		}

		const subpage = folio_page(folio, pte_pfn(ptep_get(pvmw.pte)) - folio_pfn(folio));
		address = pvmw.address;
		const anon_exclusive = folio_test_anon(folio) && PageAnonExclusive(subpage);

		if (folio_test_hugetlb(folio)) {
			const anon = folio_test_anon(folio);

			/* only memory_failure() unmaps such pages */
			VM_BUG_ON_PAGE(!PageHWPoison(subpage), subpage);
			VM_BUG_ON(!anon && !(flags & TTU_RMAP_LOCKED));
			pteval = huge_ptep_clear_flush(vma, address, pvmw.pte);
		} else {
			if (should_defer_flush(mm, flags) && !anon_exclusive) {
				/*
				 * Cleared now, flushed with many others: a write through a stale
				 * entry faults nowhere, which is why writable ones are flushed
				 * before writeback.
				 */
				pteval = ptep_get_and_clear(mm, address, pvmw.pte);

				set_tlb_ubc_flush_pending(mm, pte_dirty(pteval));
			} else {
				pteval = ptep_clear_flush(vma, address, pvmw.pte);
			}
		}

		/* what the entry knew of writes goes to the folio */
		if (pte_dirty(pteval))
			folio_mark_dirty(folio);

		/* the peak, before the counters go down */
		update_hiwater_rss(mm);

		discard: {
			if (PageHWPoison(subpage) && !(flags & TTU_IGNORE_HWPOISON)) {
				pteval = swp_entry_to_pte(make_hwpoison_entry(subpage));
				if (folio_test_hugetlb(folio)) {
					hugetlb_count_sub(folio_nr_pages(folio), mm);
					set_huge_pte_at(mm, address, pvmw.pte, pteval);
				} else {
					dec_mm_counter(mm, mm_counter(folio));
					set_pte_at(mm, address, pvmw.pte, pteval);
				}
			} else if (folio_test_anon(folio)) {
				const entry = subpage.private_ as swp_entry_t;

				/* it has a place in swap, or (lazily freed) needs none */
				if (folio_test_swapbacked(folio) !== folio_test_swapcache(folio)) {
					WARN_ON_ONCE(true);
					ret = false;
					/*
					 * the entry is gone, whatever follows: subscribers must
					 * drop it too
					 */
					mmu_notifier_invalidate_range(mm, address,
						address + PAGE_SIZE);
					page_vma_mapped_walk_done(pvmw);
					break;
				}

				/* not backed by swap: MADV_FREE was applied */
				if (!folio_test_swapbacked(folio)) {
					/*
					 * references first: gup takes them before it looks at the
					 * entry
					 */
					const ref_count = folio_ref_count(folio);
					const map_count = folio_mapcount(folio);

					if (ref_count === 1 + map_count &&
						!folio_test_dirty(folio)) {
						/* subscribers drop the old translation */
						mmu_notifier_invalidate_range(mm, address,
							address + PAGE_SIZE);
						dec_mm_counter(mm, MM_ANONPAGES);
						break discard;
					}

					/* written to since, or held by others: it stays */
					set_pte_at(mm, address, pvmw.pte, pteval);
					folio_set_swapbacked(folio);
					ret = false;
					page_vma_mapped_walk_done(pvmw);
					break;
				}

				if (swap_duplicate(entry) < 0) {
					set_pte_at(mm, address, pvmw.pte, pteval);
					ret = false;
					page_vma_mapped_walk_done(pvmw);
					break;
				}

				/* only with the entry cleared: see page_try_share_anon_rmap() */
				if (anon_exclusive && page_try_share_anon_rmap(subpage)) {
					swap_free(entry);
					set_pte_at(mm, address, pvmw.pte, pteval);
					ret = false;
					page_vma_mapped_walk_done(pvmw);
					break;
				}
				dec_mm_counter(mm, MM_ANONPAGES);
				inc_mm_counter(mm, MM_SWAPENTS);
				let swp_pte = swp_entry_to_pte(entry);
				if (anon_exclusive)
					swp_pte = pte_swp_mkexclusive(swp_pte);
				set_pte_at(mm, address, pvmw.pte, swp_pte);
				/* subscribers drop the old translation */
				mmu_notifier_invalidate_range(mm, address, address + PAGE_SIZE);
			} else {
				/*
				 * a file's page: it can be had again; invalidate_range() at the
				 * end
				 */
				dec_mm_counter(mm, mm_counter_file(folio));
			}
		}
		/* the count goes down after the entry is set: who sees none finds no entry */
		page_remove_rmap(subpage, vma, folio_test_hugetlb(folio));
		if (vma.vm_flags & VM_LOCKED)
			mlock_page_drain_local();
		folio_put(folio);
	}

	mmu_notifier_invalidate_range_end(range);

	return ret;
}

/** mm/rmap.c:invalid_migration_vma(). exec's stack moves, and cannot wait for a migration. */
function invalid_migration_vma(vma: struct_vm_area_struct, _arg: unknown): boolean {
	return vma_is_temporary_stack(vma);
}

/** mm/rmap.c:page_not_mapped() */
function page_not_mapped(folio: struct_folio): boolean {
	return !folio_mapped(folio);
}

/** mm/rmap.c:try_to_unmap(). The folio is locked; whether it worked is seen by its mapcount. */
export function try_to_unmap(folio: struct_folio, flags: number): void {
	const rwc = new struct_rmap_walk_control(try_to_unmap_one);
	rwc.arg = flags;
	rwc.done = page_not_mapped;
	rwc.anon_lock = folio_lock_anon_vma_read;

	if (flags & TTU_RMAP_LOCKED)
		rmap_walk_locked(folio, rwc);
	else
		rmap_walk(folio, rwc);
}

/** mm/rmap.c:try_to_migrate_one(). @arg is the TTU_* flags. */
function try_to_migrate_one(folio: struct_folio, vma: struct_vm_area_struct,
	address: unsigned_long, arg: unknown): boolean {
	const mm = vma.vm_mm!;
	const pvmw = DEFINE_FOLIO_VMA_WALK(folio, vma, address, 0);
	let pteval: pte_t;
	let ret = true;
	const range = new struct_mmu_notifier_range(mm);
	const flags = arg as number;

	if (flags & TTU_SYNC)
		pvmw.flags = PVMW_SYNC;

	/* the folio is to be split: huge mappings become small migration entries at once */
	if (flags & TTU_SPLIT_HUGE_PMD)
		split_huge_pmd_address(vma, address, true, folio);

	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, vma, mm, address,
		vma_address_end(pvmw));
	mmu_notifier_invalidate_range_start(range);

	while (page_vma_mapped_walk(pvmw)) {
		/* a huge mapping: one migration entry for all of it */
		if (thp_migration_supported() && !pvmw.pte) {
			const subpage = folio_page(folio,
				pmd_pfn(pmdp_get(pvmw.pmd)) - folio_pfn(folio));
			VM_BUG_ON_FOLIO(folio_test_hugetlb(folio) ||
				!folio_test_pmd_mappable(folio),
				folio);

			if (set_pmd_migration_entry(pvmw, subpage)) {
				ret = false;
				page_vma_mapped_walk_done(pvmw);
				break;
			}
			continue;
		}

		/* huge mappings were split or handled before */
		VM_BUG_ON_FOLIO(!pvmw.pte, folio);

		const subpage = folio_page(folio, pte_pfn(ptep_get(pvmw.pte)) - folio_pfn(folio));
		address = pvmw.address;
		const anon_exclusive = folio_test_anon(folio) && PageAnonExclusive(subpage);
		const hugetlb = folio_test_hugetlb(folio);

		if (hugetlb) {
			VM_BUG_ON(!folio_test_anon(folio) && !(flags & TTU_RMAP_LOCKED));

			pteval = huge_ptep_clear_flush(vma, address, pvmw.pte);
		} else {
			pteval = ptep_clear_flush(vma, address, pvmw.pte);
		}

		/* what the entry knew of writes goes to the folio */
		if (pte_dirty(pteval))
			folio_mark_dirty(folio);

		/* the peak, before the counters go down */
		update_hiwater_rss(mm);

		if (PageHWPoison(subpage)) {
			pteval = swp_entry_to_pte(make_hwpoison_entry(subpage));
			if (hugetlb) {
				hugetlb_count_sub(folio_nr_pages(folio), mm);
				set_huge_pte_at(mm, address, pvmw.pte, pteval);
			} else {
				dec_mm_counter(mm, mm_counter(folio));
				set_pte_at(mm, address, pvmw.pte, pteval);
			}
		} else {
			let entry: swp_entry_t;

			VM_BUG_ON_PAGE(pte_write(pteval) && folio_test_anon(folio) &&
				!anon_exclusive,
				subpage);

			/* only with the entry cleared: see page_try_share_anon_rmap() */
			if (anon_exclusive && page_try_share_anon_rmap(subpage)) {
				if (hugetlb)
					set_huge_pte_at(mm, address, pvmw.pte, pteval);
				else
					set_pte_at(mm, address, pvmw.pte, pteval);
				ret = false;
				page_vma_mapped_walk_done(pvmw);
				break;
			}

			/* what the entry allowed is kept in its type; faults wait meanwhile */
			if (pte_write(pteval))
				entry = make_writable_migration_entry(subpage.pfn);
			else if (anon_exclusive)
				entry = make_readable_exclusive_migration_entry(subpage.pfn);
			else
				entry = make_readable_migration_entry(subpage.pfn);

			const swp_pte = swp_entry_to_pte(entry);
			if (hugetlb)
				set_huge_pte_at(mm, address, pvmw.pte, swp_pte);
			else
				set_pte_at(mm, address, pvmw.pte, swp_pte);
			/*
			 * no invalidate_range(): whoever meets the migration entry waits for its
			 * end
			 */
		}

		/* the count goes down after the entry is set */
		page_remove_rmap(subpage, vma, hugetlb);
		if (vma.vm_flags & VM_LOCKED)
			mlock_page_drain_local();
		folio_put(folio);
	}

	mmu_notifier_invalidate_range_end(range);

	return ret;
}

/** mm/rmap.c:try_to_migrate(). All entries become migration entries; the folio is locked. */
export function try_to_migrate(folio: struct_folio, flags: number): void {
	const rwc = new struct_rmap_walk_control(try_to_migrate_one);
	rwc.arg = flags;
	rwc.done = page_not_mapped;
	rwc.anon_lock = folio_lock_anon_vma_read;

	/* no other flags make sense here; mlock() does not keep a page from migrating */
	if (WARN_ON_ONCE((flags & ~(TTU_RMAP_LOCKED | TTU_SPLIT_HUGE_PMD | TTU_SYNC)) !== 0))
		return;

	/* see invalid_migration_vma() */
	if (!folio_test_ksm(folio) && folio_test_anon(folio))
		rwc.invalid_vma = invalid_migration_vma;

	if (flags & TTU_RMAP_LOCKED)
		rmap_walk_locked(folio, rwc);
	else
		rmap_walk(folio, rwc);
}

/** mm/rmap.c:__put_anon_vma() */
export function __put_anon_vma(anon_vma: struct_anon_vma): void {
	const root = anon_vma.root;

	anon_vma_free(anon_vma);
	if (root !== anon_vma && --root.refcount === 0)
		anon_vma_free(root);
}

/** mm/rmap.c:rmap_walk_anon_lock() */
function rmap_walk_anon_lock(folio: struct_folio, rwc: struct_rmap_walk_control):
	struct_anon_vma | null {
	if (rwc.anon_lock)
		return rwc.anon_lock(folio, rwc);

	/* the folio is locked by the caller, or its anon_vma pinned */
	const anon_vma = folio_anon_vma(folio);
	if (!anon_vma)
		return null;

	if (anon_vma_trylock_read(anon_vma))
		return anon_vma;

	if (rwc.try_lock) {
		rwc.contended = true;
		return null;
	}

	anon_vma_lock_read(anon_vma);
	return anon_vma;
}

/** mm/rmap.c:rmap_walk_anon() */
function rmap_walk_anon(folio: struct_folio, rwc: struct_rmap_walk_control, locked: boolean): void {
	let anon_vma: struct_anon_vma | null;

	if (locked) {
		anon_vma = folio_anon_vma(folio);
		/* the caller's lock keeps it */
		VM_BUG_ON_FOLIO(!anon_vma, folio);
	} else {
		anon_vma = rmap_walk_anon_lock(folio, rwc);
	}
	if (!anon_vma)
		return;

	const pgoff_start = folio_pgoff(folio);
	const pgoff_end = pgoff_start + folio_nr_pages(folio) - 1;
	for (let avc = anon_vma_interval_tree_iter_first(anon_vma.rb_root, pgoff_start,
		pgoff_end); avc;
	     avc = anon_vma_interval_tree_iter_next(avc, pgoff_start, pgoff_end)) {
		const vma = avc.vma!;
		const address = vma_address(folio, vma);

		VM_BUG_ON_VMA(address === -EFAULT, vma);
		cond_resched();

		if (rwc.invalid_vma && rwc.invalid_vma(vma, rwc.arg))
			continue;

		if (!rwc.rmap_one(folio, vma, address, rwc.arg))
			break;
		if (rwc.done && rwc.done(folio))
			break;
	}

	if (!locked)
		anon_vma_unlock_read(anon_vma);
}

/** mm/rmap.c:rmap_walk_file() */
function rmap_walk_file(folio: struct_folio, rwc: struct_rmap_walk_control, locked: boolean): void {
	const mapping = folio_mapping(folio);

	/* the lock keeps mapping and index, and mappings from coming */
	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);

	if (!mapping)
		return;

	const pgoff_start = folio_pgoff(folio);
	const pgoff_end = pgoff_start + folio_nr_pages(folio) - 1;
	if (!locked) {
		if (!i_mmap_trylock_read(mapping)) {
			if (rwc.try_lock) {
				rwc.contended = true;
				return;
			}

			i_mmap_lock_read(mapping);
		}
	}
	for (let vma = vma_interval_tree_iter_first(mapping.i_mmap, pgoff_start, pgoff_end); vma;
	     vma = vma_interval_tree_iter_next(vma, pgoff_start, pgoff_end)) {
		const address = vma_address(folio, vma);

		VM_BUG_ON_VMA(address === -EFAULT, vma);
		cond_resched();

		if (rwc.invalid_vma && rwc.invalid_vma(vma, rwc.arg))
			continue;

		if (!rwc.rmap_one(folio, vma, address, rwc.arg))
			break;
		if (rwc.done && rwc.done(folio))
			break;
	}

	if (!locked)
		i_mmap_unlock_read(mapping);
}

/** mm/rmap.c:rmap_walk() */
export function rmap_walk(folio: struct_folio, rwc: struct_rmap_walk_control): void {
	if (folio_test_ksm(folio))
		rmap_walk_ksm(folio, rwc);
	else if (folio_test_anon(folio))
		rmap_walk_anon(folio, rwc, false);
	else
		rmap_walk_file(folio, rwc, false);
}

/** mm/rmap.c:rmap_walk_locked(). Like rmap_walk(), with the rmap lock held by the caller. */
export function rmap_walk_locked(folio: struct_folio, rwc: struct_rmap_walk_control): void {
	/* KSM pages have no walk here */
	VM_BUG_ON_FOLIO(folio_test_ksm(folio), folio);
	if (folio_test_anon(folio))
		rmap_walk_anon(folio, rwc, true);
	else
		rmap_walk_file(folio, rwc, true);
}

/** mm/rmap.c:hugepage_add_anon_rmap(). The page of hugetlbfs is locked. */
export function hugepage_add_anon_rmap(page: struct_page, vma: struct_vm_area_struct,
	address: unsigned_long, flags: rmap_t): void {
	const anon_vma = vma.anon_vma;

	BUG_ON(!PageLocked(page));
	BUG_ON(!anon_vma);
	/* no check that @vma covers the address: vma_adjust() may be moving its borders */
	const first = ++compound_head(page).compound_mapcount === 0;
	VM_BUG_ON_PAGE(!first && (flags & RMAP_EXCLUSIVE) !== 0, page);
	VM_BUG_ON_PAGE(!first && PageAnonExclusive(page), page);
	if (first)
		__page_set_anon_rmap(page, vma, address, (flags & RMAP_EXCLUSIVE) !== 0);
}

/** mm/rmap.c:hugepage_add_new_anon_rmap() */
export function hugepage_add_new_anon_rmap(page: struct_page, vma: struct_vm_area_struct,
	address: unsigned_long): void {
	BUG_ON(address < vma.vm_start || address >= vma.vm_end);
	page.compound_mapcount = 0;
	page.compound_pincount = 0;
	__page_set_anon_rmap(page, vma, address, true);
}
