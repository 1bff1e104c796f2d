// SPDX-License-Identifier: GPL-2.0
/*
 * Reverse mapping: from a page to the page tables that map it.
 *
 * Upstream: include/linux/rmap.h. Left out: device-exclusive access.
 */
import type { pfn_nr, pgoff_t, unsigned_long } from "#asm-generic/types.ts";
import { pfn_nr as to_pfn, pgoff_t as to_pgoff } from "#asm-generic/types.ts";
import { EBUSY } from "#linux/errno.ts";
import { struct_list_head } from "#linux/list.ts";
import type { ptep_t, struct_folio, struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import { compound_nr, folio_nr_pages, page_maybe_dma_pinned, page_needs_cow_for_dma } from
	"#linux/mm.ts";
import { VM_BUG_ON_PAGE, VM_BUG_ON_VMA } from "#linux/mmdebug.ts";
import { ClearPageAnonExclusive, PageAnon, PageAnonExclusive, compound_head, page_folio } from
	"#linux/page-flags.ts";
import { folio_pgoff, page_to_pgoff } from "#linux/pagemap.ts";
import { struct_rb_node, struct_rb_root_cached } from "#linux/rbtree_types.ts";
import { down_read, down_read_trylock, down_write, up_read, up_write, struct_rw_semaphore } from
	"#linux/rwsem.ts";
import { spin_unlock, type spinlock_t } from "#linux/spinlock.ts";
import { __anon_vma_prepare, __put_anon_vma, folio_mkclean, unlink_anon_vmas } from "#mm/rmap.ts";

export {
	__anon_vma_prepare, __put_anon_vma, anon_vma_clone, anon_vma_fork, anon_vma_init,
	flush_tlb_batched_pending, folio_lock_anon_vma_read, folio_mkclean, folio_referenced,
	hugepage_add_anon_rmap, hugepage_add_new_anon_rmap, page_add_anon_rmap, page_add_file_rmap,
	page_add_new_anon_rmap, page_address_in_vma, page_get_anon_vma, page_move_anon_rmap,
	page_remove_rmap, page_unlock_anon_vma_read, pfn_mkclean_range, rmap_walk, rmap_walk_locked,
	try_to_migrate, try_to_unmap, try_to_unmap_flush, try_to_unmap_flush_dirty,
	unlink_anon_vmas,
} from "#mm/rmap.ts";
export { page_mapped_in_vma, page_vma_mapped_walk } from "#mm/page_vma_mapped.ts";
export { remove_migration_ptes } from "#mm/migrate.ts";

/*
 * What anonymous pages point to, and through it to all VMAs that may map them. A VMA that forks
 * gets an anon_vma of its own, and a chain to all of its ancestors'. Life: made with the first
 * fault (refcount 1, for its being linked into some VMA), freed when the last VMA is gone; the
 * root, whose rwsem guards the whole tree, is held by all of its descendants.
 */
export class struct_anon_vma {
	root: struct_anon_vma = this;
	rwsem = new struct_rw_semaphore();
	refcount = 0;
	/** anon_vmas that have this one as parent, itself included if it is a root */
	num_children = 0;
	/** VMAs whose anon_vma this is */
	num_active_vmas = 0;
	parent: struct_anon_vma = this;
	/** interval tree of chains, under root's rwsem */
	rb_root = new struct_rb_root_cached();
	/** C: bit 0 of rb_root; taken by mm_take_all_locks() */
	mm_all_locks = false;
}

/** A VMA on an anon_vma: on the VMA's list (mmap_lock and page_table_lock) and in its tree. */
export class struct_anon_vma_chain {
	vma: struct_vm_area_struct | null = null;
	anon_vma: struct_anon_vma | null = null;
	same_vma = new struct_list_head(this);
	rb = new struct_rb_node(this);
	rb_subtree_last = 0;
}

export const TTU_SPLIT_HUGE_PMD		= 0x4;
export const TTU_IGNORE_MLOCK		= 0x8;
export const TTU_SYNC			= 0x10;
export const TTU_IGNORE_HWPOISON	= 0x20;
export const TTU_BATCH_FLUSH		= 0x40;
export const TTU_RMAP_LOCKED		= 0x80;

export function get_anon_vma(anon_vma: struct_anon_vma): void {
	anon_vma.refcount++;
}

export function put_anon_vma(anon_vma: struct_anon_vma): void {
	if (--anon_vma.refcount === 0)
		__put_anon_vma(anon_vma);
}

export function anon_vma_lock_write(anon_vma: struct_anon_vma): void {
	down_write(anon_vma.root.rwsem);
}

export function anon_vma_unlock_write(anon_vma: struct_anon_vma): void {
	up_write(anon_vma.root.rwsem);
}

export function anon_vma_lock_read(anon_vma: struct_anon_vma): void {
	down_read(anon_vma.root.rwsem);
}

export function anon_vma_trylock_read(anon_vma: struct_anon_vma): boolean {
	return down_read_trylock(anon_vma.root.rwsem);
}

export function anon_vma_unlock_read(anon_vma: struct_anon_vma): void {
	up_read(anon_vma.root.rwsem);
}

export function anon_vma_prepare(vma: struct_vm_area_struct): number {
	if (vma.anon_vma !== null)
		return 0;

	return __anon_vma_prepare(vma);
}

export function anon_vma_merge(vma: struct_vm_area_struct, next: struct_vm_area_struct): void {
	VM_BUG_ON_VMA(vma.anon_vma !== next.anon_vma, vma);
	unlink_anon_vmas(next);
}

export type rmap_t = number;
export const RMAP_NONE		= 0;
/** The page is exclusive to one process. */
export const RMAP_EXCLUSIVE	= 1 << 0;
/** A PMD maps it. */
export const RMAP_COMPOUND	= 1 << 1;

function __page_dup_rmap(page: struct_page, compound: boolean): void {
	if (compound)
		compound_head(page).compound_mapcount++;
	else
		page._mapcount++;
}

export function page_dup_file_rmap(page: struct_page, compound: boolean): void {
	__page_dup_rmap(page, compound);
}

/** Fork: share @page, unless it may be pinned: then -EBUSY and the child needs a copy. */
export function page_try_dup_anon_rmap(page: struct_page, compound: boolean,
	vma: struct_vm_area_struct): number {
	VM_BUG_ON_PAGE(!PageAnon(page), page);

	if (PageAnonExclusive(page)) {
		if (page_needs_cow_for_dma(vma, page))
			return -EBUSY;

		ClearPageAnonExclusive(page);
	}
	__page_dup_rmap(page, compound);
	return 0;
}

/** Give up exclusiveness, with the entry cleared and flushed: -EBUSY when the page is pinned. */
export function page_try_share_anon_rmap(page: struct_page): number {
	VM_BUG_ON_PAGE(!PageAnon(page) || !PageAnonExclusive(page), page);

	if (page_maybe_dma_pinned(page))
		return -EBUSY;

	ClearPageAnonExclusive(page);
	return 0;
}

/* look under the page table lock, even where nothing seems to be */
export const PVMW_SYNC		= 1 << 0;
/* look for migration entries instead of present ones */
export const PVMW_MIGRATION	= 1 << 1;

/** A walk over the entries of one VMA that map a range of page frames. */
export class struct_page_vma_mapped_walk {
	pfn: pfn_nr = to_pfn(0);
	nr_pages = 0;
	pgoff: pgoff_t = to_pgoff(0);
	vma: struct_vm_area_struct;
	address: unsigned_long = 0;
	pmd: ptep_t = 0;
	pte: ptep_t = 0;
	ptl: spinlock_t | null = null;
	flags = 0;

	constructor(vma: struct_vm_area_struct) {
		this.vma = vma;
	}
}

export function DEFINE_PAGE_VMA_WALK(_page: struct_page, _vma: struct_vm_area_struct,
	_address: unsigned_long, _flags: number): struct_page_vma_mapped_walk {
	const pvmw = new struct_page_vma_mapped_walk(_vma);
	pvmw.pfn = _page.pfn;
	pvmw.nr_pages = compound_nr(_page);
	pvmw.pgoff = page_to_pgoff(_page);
	pvmw.address = _address;
	pvmw.flags = _flags;
	return pvmw;
}

export function DEFINE_FOLIO_VMA_WALK(_folio: struct_folio, _vma: struct_vm_area_struct,
	_address: unsigned_long, _flags: number): struct_page_vma_mapped_walk {
	const pvmw = new struct_page_vma_mapped_walk(_vma);
	pvmw.pfn = _folio.pfn;
	pvmw.nr_pages = folio_nr_pages(_folio);
	pvmw.pgoff = folio_pgoff(_folio);
	pvmw.address = _address;
	pvmw.flags = _flags;
	return pvmw;
}

/** Ends a walk before its time. */
export function page_vma_mapped_walk_done(pvmw: struct_page_vma_mapped_walk): void {
	if (pvmw.ptl !== null)
		spin_unlock(pvmw.ptl);
}

/*
 * arg		what the callbacks below are handed
 * try_lock	give up when the rmap lock is taken; contended says so
 * rmap_one	called for each VMA in question; false ends the walk
 * done		whether the walk may end early
 * anon_lock	takes the anon_vma's lock by other means than the usual
 * invalid_vma	leaves a VMA out
 */
export class struct_rmap_walk_control {
	arg: unknown = null;
	try_lock = false;
	contended = false;
	rmap_one: (folio: struct_folio, vma: struct_vm_area_struct, addr: unsigned_long,
		arg: unknown) => boolean;
	done: ((folio: struct_folio) => boolean) | null = null;
	anon_lock: ((folio: struct_folio, rwc: struct_rmap_walk_control | null) =>
		struct_anon_vma | null) | null = null;
	invalid_vma: ((vma: struct_vm_area_struct, arg: unknown) => boolean) | null = null;

	constructor(rmap_one: (folio: struct_folio, vma: struct_vm_area_struct, addr: unsigned_long,
		arg: unknown) => boolean) {
		this.rmap_one = rmap_one;
	}
}

export function page_mkclean(page: struct_page): number {
	return folio_mkclean(page_folio(page));
}
