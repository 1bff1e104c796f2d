// SPDX-License-Identifier: GPL-2.0
/*
 * Taking pages out of the page cache: truncation, hole punching, invalidation.
 *
 * Upstream: mm/truncate.c. Left out: DAX entries.
 */
import type { loff_t, pgoff_t } from "#asm-generic/types.ts";
import { PGOFF_MAX, loff_t as to_loff, loff_to_pgoff, pgoff_t as to_pgoff, type ref, u64 } from
	"#asm-generic/types.ts";
import { BUG_ON, WARN_ON } from "#linux/bug.ts";
import { EBUSY, EINVAL, EIO } from "#linux/errno.ts";
import { S_ISREG, i_blocksize, i_size_write, inode_add_lru } from "#linux/fs.ts";
import type { struct_address_space, struct_inode } from "#linux/fs.types.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { folio_zero_range } from "#linux/highmem.ts";
import { split_huge_page } from "#linux/huge_mm.ts";
import { folio_mapped, folio_nr_pages, folio_put, folio_size, page_folio, put_page,
	set_page_dirty, unmap_mapping_pages, unmap_mapping_range } from "#linux/mm.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON_FOLIO, VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import { PageTail, folio_clear_mappedtodisk, folio_has_private, folio_test_dirty,
	folio_test_large, folio_test_writeback } from "#linux/page-flags.ts";
import { folio_ref_count } from "#linux/page_ref.ts";
import { FGP_LOCK, __filemap_get_folio, __filemap_remove_folio, delete_from_page_cache_batch,
	filemap_free_folio, filemap_release_folio, filemap_remove_folio, find_get_entries,
	find_lock_entries, find_lock_page, folio_cancel_dirty, folio_contains, folio_index,
	folio_lock, folio_mapping, folio_pos, folio_unlock, folio_wait_writeback, mapping_empty,
	mapping_set_exiting, mapping_shrinkable, unlock_page } from "#linux/pagemap.ts";
import { PAGEVEC_SIZE, folio_batch_count, folio_batch_init, folio_batch_release,
	folio_batch_remove_exceptionals, struct_folio_batch } from "#linux/pagevec.ts";
import { page_mkclean } from "#linux/rmap.ts";
import { cond_resched } from "#linux/sched.ts";
import { shmem_mapping } from "#linux/shmem_fs.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { deactivate_file_folio, remove_mapping } from "#linux/swap.ts";
import { XA_STATE, xa_is_value, xa_lock_irq, xa_unlock_irq, xas_load, xas_store } from
	"#linux/xarray.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { loff_page_align, loff_page_align_down, unmap_mapping_folio } from "#mm/internal.h.ts";

const PAGE_OFFSET_MASK = 0xfffn;

/** mm/truncate.c:__clear_shadow_entry(). i_pages is locked. */
function __clear_shadow_entry(mapping: struct_address_space, index: pgoff_t, entry: unknown):
	void {
	const xas = XA_STATE(mapping.i_pages, index);

	if (xas_load(xas) !== entry)
		return;
	xas_store(xas, null);
}

/** mm/truncate.c:clear_shadow_entry() */
function clear_shadow_entry(mapping: struct_address_space, index: pgoff_t, entry: unknown): void {
	const host = mapping.host!;

	spin_lock(host.i_lock);
	xa_lock_irq(mapping.i_pages);
	__clear_shadow_entry(mapping, index, entry);
	xa_unlock_irq(mapping.i_pages);
	if (mapping_shrinkable(mapping))
		inode_add_lru(host);
	spin_unlock(host.i_lock);
}

/** mm/truncate.c:truncate_folio_batch_exceptionals(). Drops them from @fbatch too. */
function truncate_folio_batch_exceptionals(mapping: struct_address_space,
	fbatch: struct_folio_batch, indices: pgoff_t[]): void {
	let j: number;

	/* shmem looks after its own */
	if (shmem_mapping(mapping))
		return;

	for (j = 0; j < folio_batch_count(fbatch); j++) {
		if (xa_is_value(fbatch.folios[j]))
			break;
	}

	if (j === folio_batch_count(fbatch))
		return;

	const host = mapping.host!;

	spin_lock(host.i_lock);
	xa_lock_irq(mapping.i_pages);

	for (let i = j; i < folio_batch_count(fbatch); i++) {
		const folio = fbatch.folios[i]!;
		const index = indices[i]!;

		if (!xa_is_value(folio)) {
			fbatch.folios[j++] = folio;
			continue;
		}

		__clear_shadow_entry(mapping, index, folio);
	}

	xa_unlock_irq(mapping.i_pages);
	if (mapping_shrinkable(mapping))
		inode_add_lru(host);
	spin_unlock(host.i_lock);
	fbatch.nr = j;
}

/** mm/truncate.c:invalidate_exceptional_entry() */
function invalidate_exceptional_entry(mapping: struct_address_space, index: pgoff_t,
	entry: unknown): number {
	if (shmem_mapping(mapping))
		return 1;
	clear_shadow_entry(mapping, index, entry);
	return 1;
}

/** mm/truncate.c:invalidate_exceptional_entry2() */
function invalidate_exceptional_entry2(mapping: struct_address_space, index: pgoff_t,
	entry: unknown): number {
	if (shmem_mapping(mapping))
		return 1;
	clear_shadow_entry(mapping, index, entry);
	return 1;
}

/** mm/truncate.c:folio_invalidate() */
export function folio_invalidate(folio: struct_folio, offset: number, length: number): void {
	const aops = (folio.mapping as struct_address_space).a_ops;

	if (aops.invalidate_folio)
		aops.invalidate_folio(folio, offset, length);
}

/** mm/truncate.c:truncate_cleanup_folio(). The folio is locked. */
function truncate_cleanup_folio(folio: struct_folio): void {
	if (folio_mapped(folio))
		unmap_mapping_folio(folio);

	if (folio_has_private(folio))
		folio_invalidate(folio, 0, folio_size(folio));

	/* after invalidation, which may have made it dirty again */
	folio_cancel_dirty(folio);
	folio_clear_mappedtodisk(folio);
}

/** mm/truncate.c:truncate_inode_folio() */
export function truncate_inode_folio(mapping: struct_address_space, folio: struct_folio): number {
	if (folio.mapping !== mapping)
		return -EIO;

	truncate_cleanup_folio(folio);
	filemap_remove_folio(folio);
	return 0;
}

/*
 * mm/truncate.c:truncate_inode_partial_folio(). Zeroes what of the folio lies in the bytes from
 * @start to @end, then splits a large folio. False: it could not be split, and must stay.
 */
export function truncate_inode_partial_folio(folio: struct_folio, start: loff_t, end: loff_t):
	boolean {
	const pos = folio_pos(folio);
	let offset: number, length: number;

	if (pos < start)
		offset = Number(start - pos);
	else
		offset = 0;
	length = folio_size(folio);
	if (pos + BigInt(length) <= u64(end))
		length = length - offset;
	else
		length = Number(end + 1n - pos) - offset;

	folio_wait_writeback(folio);
	if (length === folio_size(folio)) {
		truncate_inode_folio(folio.mapping as struct_address_space, folio);
		return true;
	}

	/* zeroing may be in vain, but covers the case of a split that fails */
	folio_zero_range(folio, offset, length);

	if (folio_has_private(folio))
		folio_invalidate(folio, offset, length);
	if (!folio_test_large(folio))
		return true;
	if (split_huge_page(folio) === 0)
		return true;
	if (folio_test_dirty(folio))
		return false;
	truncate_inode_folio(folio.mapping as struct_address_space, folio);
	return true;
}

/** mm/truncate.c:generic_error_remove_page() */
export function generic_error_remove_page(mapping: struct_address_space | null,
	page: struct_page): number {
	VM_BUG_ON_PAGE(PageTail(page), page);

	if (!mapping)
		return -EINVAL;
	if (!S_ISREG(mapping.host!.i_mode))
		return -EIO;
	return truncate_inode_folio(mapping, page_folio(page));
}

/** mm/truncate.c:mapping_evict_folio() */
function mapping_evict_folio(mapping: struct_address_space, folio: struct_folio): number {
	if (folio_test_dirty(folio) || folio_test_writeback(folio))
		return 0;
	/* a mapped page raises the count */
	if (folio_ref_count(folio) >
	    folio_nr_pages(folio) + Number(folio_has_private(folio)) + 1)
		return 0;
	if (folio_has_private(folio) && !filemap_release_folio(folio, 0))
		return 0;

	return remove_mapping(mapping, folio);
}

/** mm/truncate.c:invalidate_inode_page(). The page is locked. */
export function invalidate_inode_page(page: struct_page): number {
	const folio = page_folio(page);
	const mapping = folio_mapping(folio);

	/* truncated before it was locked */
	if (!mapping)
		return 0;
	return mapping_evict_folio(mapping, folio);
}

/*
 * mm/truncate.c:truncate_inode_pages_range(). Bytes, inclusive; an @lend of -1 leaves nothing after
 * @lstart. The first pass takes what is to be had without waiting, the second waits for the rest.
 */
export function truncate_inode_pages_range(mapping: struct_address_space, lstart: loff_t,
	lend: loff_t): void {
	if (mapping_empty(mapping))
		return;

	const fbatch = new struct_folio_batch();
	const indices: pgoff_t[] = new Array<pgoff_t>(PAGEVEC_SIZE).fill(to_pgoff(0));
	let folio: struct_folio | null;

	/* pages to be removed whole, from start (inclusive) to end (exclusive) */
	let start: number = loff_to_pgoff(to_loff(lstart + PAGE_OFFSET_MASK));
	let end: number = lend === -1n ? PGOFF_MAX : loff_to_pgoff(lend + 1n);

	folio_batch_init(fbatch);
	let index = start;
	while (index < end &&
	       find_lock_entries(mapping, to_pgoff(index), to_pgoff(end - 1), fbatch, indices)) {
		index = indices[folio_batch_count(fbatch) - 1]! + 1;
		truncate_folio_batch_exceptionals(mapping, fbatch, indices);
		for (let i = 0; i < folio_batch_count(fbatch); i++)
			truncate_cleanup_folio(fbatch.folios[i]!);
		delete_from_page_cache_batch(mapping, fbatch);
		for (let i = 0; i < folio_batch_count(fbatch); i++)
			folio_unlock(fbatch.folios[i]!);
		folio_batch_release(fbatch);
		cond_resched();
	}

	let same_folio = lstart >> 12n === lend >> 12n;
	folio = __filemap_get_folio(mapping, loff_to_pgoff(lstart), FGP_LOCK, 0);
	if (folio) {
		same_folio = lend < folio_pos(folio) + BigInt(folio_size(folio));
		if (!truncate_inode_partial_folio(folio, lstart, lend)) {
			start = folio.index + folio_nr_pages(folio);
			if (same_folio)
				end = folio.index;
		}
		folio_unlock(folio);
		folio_put(folio);
		folio = null;
	}

	if (!same_folio)
		folio = __filemap_get_folio(mapping, loff_to_pgoff(lend), FGP_LOCK, 0);
	if (folio) {
		if (!truncate_inode_partial_folio(folio, lstart, lend))
			end = folio.index;
		folio_unlock(folio);
		folio_put(folio);
	}

	index = start;
	while (index < end) {
		cond_resched();
		if (!find_get_entries(mapping, to_pgoff(index), to_pgoff(end - 1), fbatch,
			indices)) {
			/* all gone from start onwards */
			if (index === start)
				break;
			/* once more, to be sure */
			index = start;
			continue;
		}

		for (let i = 0; i < folio_batch_count(fbatch); i++) {
			const folio = fbatch.folios[i]!;

			/* deletion leaves folio->index alone */
			index = indices[i]!;

			if (xa_is_value(folio))
				continue;

			folio_lock(folio);
			VM_BUG_ON_FOLIO(!folio_contains(folio, to_pgoff(index)), folio);
			folio_wait_writeback(folio);
			truncate_inode_folio(mapping, folio);
			folio_unlock(folio);
			index = folio_index(folio) + folio_nr_pages(folio) - 1;
		}
		truncate_folio_batch_exceptionals(mapping, fbatch, indices);
		folio_batch_release(fbatch);
		index++;
	}
}

/** mm/truncate.c:truncate_inode_pages(). i_rwsem and invalidate_lock are held. */
export function truncate_inode_pages(mapping: struct_address_space, lstart: loff_t): void {
	truncate_inode_pages_range(mapping, lstart, -1n);
}

/** mm/truncate.c:truncate_inode_pages_final(). For ->evict_inode. */
export function truncate_inode_pages_final(mapping: struct_address_space): void {
	/* reclaim cannot hold the inode: tell it to leave no shadow entries behind */
	mapping_set_exiting(mapping);

	if (!mapping_empty(mapping)) {
		/* whoever has not seen AS_EXITING is done once the lock was free */
		xa_lock_irq(mapping.i_pages);
		xa_unlock_irq(mapping.i_pages);
	}

	truncate_inode_pages(mapping, 0n);
}

/** mm/truncate.c:invalidate_mapping_pagevec(). Counts what it could not drop in @nr_pagevec. */
export function invalidate_mapping_pagevec(mapping: struct_address_space, start: pgoff_t,
	end: pgoff_t, nr_pagevec: ref<number> | null): number {
	const indices: pgoff_t[] = new Array<pgoff_t>(PAGEVEC_SIZE).fill(to_pgoff(0));
	const fbatch = new struct_folio_batch();
	let index: number = start;
	let count = 0;

	folio_batch_init(fbatch);
	while (find_lock_entries(mapping, to_pgoff(index), end, fbatch, indices)) {
		for (let i = 0; i < folio_batch_count(fbatch); i++) {
			const folio = fbatch.folios[i]!;

			/* deletion leaves folio->index alone */
			index = indices[i]!;

			if (xa_is_value(folio)) {
				count += invalidate_exceptional_entry(mapping, to_pgoff(index),
					folio);
				continue;
			}
			index += folio_nr_pages(folio) - 1;

			const ret = mapping_evict_folio(mapping, folio);
			folio_unlock(folio);
			/* a hint that nobody needs it: let reclaim find it soon */
			if (!ret) {
				deactivate_file_folio(folio);
				/* maybe it is in the batch of another CPU */
				if (nr_pagevec)
					nr_pagevec.v++;
			}
			count += ret;
		}
		folio_batch_remove_exceptionals(fbatch);
		folio_batch_release(fbatch);
		cond_resched();
		index++;
	}
	return count;
}

/** mm/truncate.c:invalidate_mapping_pages() */
export function invalidate_mapping_pages(mapping: struct_address_space, start: pgoff_t,
	end: pgoff_t): number {
	return invalidate_mapping_pagevec(mapping, start, end, null);
}

/** mm/truncate.c:invalidate_complete_folio2(). Like invalidate_inode_page(), whatever the
 * reference count. */
function invalidate_complete_folio2(mapping: struct_address_space, folio: struct_folio): boolean {
	if (folio.mapping !== mapping)
		return false;

	if (folio_has_private(folio) && !filemap_release_folio(folio, GFP_KERNEL))
		return false;

	const host = mapping.host!;

	spin_lock(host.i_lock);
	xa_lock_irq(mapping.i_pages);
	failed: {
		if (folio_test_dirty(folio))
			break failed;

		BUG_ON(folio_has_private(folio));
		__filemap_remove_folio(folio, null);
		xa_unlock_irq(mapping.i_pages);
		if (mapping_shrinkable(mapping))
			inode_add_lru(host);
		spin_unlock(host.i_lock);

		filemap_free_folio(mapping, folio);
		return true;
	}
	xa_unlock_irq(mapping.i_pages);
	spin_unlock(host.i_lock);
	return false;
}

/** mm/truncate.c:folio_launder() */
function folio_launder(mapping: struct_address_space, folio: struct_folio): number {
	if (!folio_test_dirty(folio))
		return 0;
	if (folio.mapping !== mapping || !mapping.a_ops.launder_folio)
		return 0;
	return mapping.a_ops.launder_folio(folio);
}

/** mm/truncate.c:invalidate_inode_pages2_range(). -EBUSY if something had to stay. */
export function invalidate_inode_pages2_range(mapping: struct_address_space, start: pgoff_t,
	end: pgoff_t): number {
	const indices: pgoff_t[] = new Array<pgoff_t>(PAGEVEC_SIZE).fill(to_pgoff(0));
	const fbatch = new struct_folio_batch();
	let ret = 0;
	let ret2 = 0;
	let did_range_unmap = false;

	if (mapping_empty(mapping))
		return 0;

	folio_batch_init(fbatch);
	let index: number = start;
	while (find_get_entries(mapping, to_pgoff(index), end, fbatch, indices)) {
		for (let i = 0; i < folio_batch_count(fbatch); i++) {
			const folio = fbatch.folios[i]!;

			/* deletion leaves folio->index alone */
			index = indices[i]!;

			if (xa_is_value(folio)) {
				if (!invalidate_exceptional_entry2(mapping, to_pgoff(index), folio))
					ret = -EBUSY;
				continue;
			}

			if (!did_range_unmap && folio_mapped(folio)) {
				/*
				 * one call for all that follows, while the folio is not locked yet
				 */
				unmap_mapping_pages(mapping, to_pgoff(index),
					to_pgoff(1 + end - index), false);
				did_range_unmap = true;
			}

			folio_lock(folio);
			VM_BUG_ON_FOLIO(!folio_contains(folio, to_pgoff(index)), folio);
			if (folio.mapping !== mapping) {
				folio_unlock(folio);
				continue;
			}
			folio_wait_writeback(folio);

			if (folio_mapped(folio))
				unmap_mapping_folio(folio);
			BUG_ON(folio_mapped(folio));

			ret2 = folio_launder(mapping, folio);
			if (ret2 === 0) {
				if (!invalidate_complete_folio2(mapping, folio))
					ret2 = -EBUSY;
			}
			if (ret2 < 0)
				ret = ret2;
			folio_unlock(folio);
		}
		folio_batch_remove_exceptionals(fbatch);
		folio_batch_release(fbatch);
		cond_resched();
		index++;
	}
	return ret;
}

/** mm/truncate.c:invalidate_inode_pages2() */
export function invalidate_inode_pages2(mapping: struct_address_space): number {
	return invalidate_inode_pages2_range(mapping, to_pgoff(0), PGOFF_MAX);
}

/*
 * mm/truncate.c:truncate_pagecache(). i_size has its new value already. Unmaps twice: the second
 * time takes private copies made since the first.
 */
export function truncate_pagecache(inode: struct_inode, newsize: loff_t): void {
	const mapping = inode.i_mapping;
	const holebegin = loff_page_align(newsize);

	unmap_mapping_range(mapping, holebegin, 0n, 1);
	truncate_inode_pages(mapping, newsize);
	unmap_mapping_range(mapping, holebegin, 0n, 1);
}

/** mm/truncate.c:truncate_setsize() */
export function truncate_setsize(inode: struct_inode, newsize: loff_t): void {
	const oldsize = inode.i_size;

	i_size_write(inode, newsize);
	if (newsize > oldsize)
		pagecache_isize_extended(inode, oldsize, newsize);
	truncate_pagecache(inode, newsize);
}

/*
 * mm/truncate.c:pagecache_isize_extended(). Where blocks are smaller than pages, the page that
 * straddles the old size is made read-only, so that ->page_mkwrite() comes before the next write.
 */
export function pagecache_isize_extended(inode: struct_inode, from: loff_t, to: loff_t): void {
	const bsize = i_blocksize(inode);

	WARN_ON(to > inode.i_size);

	if (from >= to || bsize === PAGE_SIZE)
		return;
	/* does the page that straddles @from have a block that is a hole? */
	const mask = BigInt(bsize - 1);
	const rounded_from = to_loff((from + mask) & ~mask);
	if (to <= rounded_from || !(rounded_from & PAGE_OFFSET_MASK))
		return;

	const page = find_lock_page(inode.i_mapping, loff_to_pgoff(from));
	if (!page)
		return;
	/* page_mkclean() takes the dirty bits of the page tables */
	if (page_mkclean(page))
		set_page_dirty(page);
	unlock_page(page);
	put_page(page);
}

/** mm/truncate.c:truncate_pagecache_range(). Private copies in the hole stay. */
export function truncate_pagecache_range(inode: struct_inode, lstart: loff_t, lend: loff_t):
	void {
	const mapping = inode.i_mapping;
	const unmap_start = loff_page_align(lstart);
	const unmap_end = loff_page_align_down(1n + lend) - 1n;

	if (u64(unmap_end) > u64(unmap_start))
		unmap_mapping_range(mapping, unmap_start, 1n + unmap_end - unmap_start, 0);
	truncate_inode_pages_range(mapping, lstart, lend);
}
