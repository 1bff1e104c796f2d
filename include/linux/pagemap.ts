// SPDX-License-Identifier: GPL-2.0
/*
 * The page cache: state of a mapping, look-up by index, the folio lock.
 *
 * Upstream: include/linux/pagemap.h. Left out: writing back and readahead_control (no
 * filesystem here has a device), private data of folios, fault_in_*.
 *
 * Port-only: an entry of i_pages is a folio, or a number (swap or shadow value); functions that
 * hand out both are typed as handing out folios, and callers ask xa_is_value(), as in C.
 */
import { type loff_t, type pgoff_t, type unsigned_long, PGOFF_MAX, pgoff_t as to_pgoff,
	pgoff_to_loff } from "#asm-generic/types.ts";
import { ul_shr } from "#asm-generic/bits.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { CONFIG_TRANSPARENT_HUGEPAGE } from "#generated/autoconf.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { EFAULT, ENOSPC } from "#linux/errno.ts";
import type { struct_address_space, struct_file, struct_inode } from "#linux/fs.types.ts";
import type { struct_folio, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { S_ISDIR, S_ISLNK, S_ISREG, i_size_read } from "#linux/fs.ts";
import { type gfp_t, __GFP_NORETRY, __GFP_NOWARN, folio_alloc } from "#linux/gfp.ts";
import { hugetlb_basepage_index, linear_hugepage_index } from "#linux/hugetlb.ts";
import { is_vm_hugetlb_page } from "#linux/hugetlb_inline.ts";
import { might_sleep } from "#linux/kernel.ts";
import { folio_nr_pages, folio_page, folio_size, thp_nr_pages } from "#linux/mm.ts";
import { PG_locked, PageHuge, PageTransTail, compound_head, folio_test_dirty, folio_test_hugetlb,
	folio_test_locked, page_folio } from "#linux/page-flags.ts";
import { wait_queue_entry_t } from "#linux/wait_types.ts";
import { nth_page, page_to_pfn } from "#linux/mmzone.ts";
import { xa_empty, xa_is_value } from "#linux/xarray.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { __filemap_get_folio, __filemap_set_wb_err, __folio_lock, __folio_lock_killable,
	__folio_lock_or_retry, folio_wait_bit, folio_wait_bit_killable, read_cache_folio,
	read_cache_page } from "#mm/filemap.ts";
import { pagecache_get_page } from "#mm/folio-compat.ts";
import { __folio_cancel_dirty, __folio_mark_dirty } from "#mm/page-writeback.ts";
import { invalidate_mapping_pages } from "#mm/truncate.ts";

export { invalidate_inode_pages2, invalidate_inode_pages2_range, invalidate_mapping_pages,
	folio_invalidate } from "#mm/truncate.ts";
export { __filemap_add_folio, __filemap_fdatawrite_range, __filemap_get_folio,
	__filemap_remove_folio, __filemap_set_wb_err, __folio_lock, __folio_lock_killable,
	__folio_lock_or_retry, delete_from_page_cache_batch, filemap_add_folio,
	filemap_check_errors, filemap_fdatawait_range, filemap_free_folio, filemap_get_folios,
	filemap_range_has_page, filemap_release_folio, filemap_remove_folio, find_get_entries,
	find_get_pages_contig, find_lock_entries, folio_add_wait_queue, folio_end_writeback,
	folio_put_wait_locked, folio_unlock, folio_wait_bit, folio_wait_bit_killable,
	mapping_seek_hole_data, page_cache_next_miss, page_cache_prev_miss, page_endio,
	pagecache_init, read_cache_folio, read_cache_page, read_cache_page_gfp,
	replace_page_cache_page, filemap_invalidate_lock_two, filemap_invalidate_unlock_two } from
	"#mm/filemap.ts";
export {
	__set_page_dirty_nobuffers, add_to_page_cache_lru, clear_page_dirty_for_io,
	delete_from_page_cache, end_page_writeback, grab_cache_page_write_begin, page_mapping,
	pagecache_get_page, try_to_release_page, unlock_page, wait_for_stable_page,
	wait_on_page_writeback,
} from "#mm/folio-compat.ts";
export {
	__folio_cancel_dirty, __folio_mark_dirty, folio_account_cleaned, folio_clear_dirty_for_io,
	folio_wait_stable, folio_wait_writeback, folio_wait_writeback_killable, noop_dirty_folio,
} from "#mm/page-writeback.ts";
export { folio_mapping } from "#mm/util.ts";
export { fault_in_readable, fault_in_safe_writeable, fault_in_subpage_writeable,
	fault_in_writeable } from "#mm/gup.ts";

export function invalidate_remote_inode(inode: struct_inode): void {
	if (S_ISREG(inode.i_mode) || S_ISDIR(inode.i_mode) || S_ISLNK(inode.i_mode))
		invalidate_mapping_pages(inode.i_mapping, to_pgoff(0), PGOFF_MAX);
}

export function mapping_empty(mapping: struct_address_space): boolean {
	return xa_empty(mapping.i_pages);
}

/** Whether the cache of @mapping lets the inode be reclaimed; i_lock is held. */
export function mapping_shrinkable(mapping: struct_address_space): boolean {
	const head = mapping.i_pages.xa_head;

	if (head === null)
		return true;

	/* a lone value at index 0 is on no list of nodes */
	if (xa_is_value(head))
		return true;

	return false;
}

/* bit numbers, for mapping->flags */
export const AS_EIO			= 0;	/* writing back failed */
export const AS_ENOSPC			= 1;	/* the same, for lack of space */
export const AS_MM_ALL_LOCKS		= 2;	/* under mm_take_all_locks() */
export const AS_UNEVICTABLE		= 3;	/* SHM_LOCK and kin */
export const AS_EXITING			= 4;	/* its inode is being evicted */
export const AS_NO_WRITEBACK_TAGS	= 5;
export const AS_LARGE_FOLIO_SUPPORT	= 6;

export function mapping_set_error(mapping: struct_address_space, error: number): void {
	if (!error)
		return;

	__filemap_set_wb_err(mapping, error);

	if (error === -ENOSPC)
		mapping.flags |= 1 << AS_ENOSPC;
	else
		mapping.flags |= 1 << AS_EIO;
}

export function mapping_set_unevictable(mapping: struct_address_space): void {
	mapping.flags |= 1 << AS_UNEVICTABLE;
}

export function mapping_clear_unevictable(mapping: struct_address_space): void {
	mapping.flags &= ~(1 << AS_UNEVICTABLE);
}

export function mapping_unevictable(mapping: struct_address_space | null): boolean {
	return mapping !== null && (mapping.flags & (1 << AS_UNEVICTABLE)) !== 0;
}

export function mapping_set_exiting(mapping: struct_address_space): void {
	mapping.flags |= 1 << AS_EXITING;
}

export function mapping_exiting(mapping: struct_address_space): boolean {
	return (mapping.flags & (1 << AS_EXITING)) !== 0;
}

export function mapping_set_no_writeback_tags(mapping: struct_address_space): void {
	mapping.flags |= 1 << AS_NO_WRITEBACK_TAGS;
}

export function mapping_use_writeback_tags(mapping: struct_address_space): boolean {
	return (mapping.flags & (1 << AS_NO_WRITEBACK_TAGS)) === 0;
}

export function mapping_gfp_mask(mapping: struct_address_space): gfp_t {
	return mapping.gfp_mask;
}

/** Drops the bits of @gfp_mask that the mapping does not permit. */
export function mapping_gfp_constraint(mapping: struct_address_space, gfp_mask: gfp_t): gfp_t {
	return mapping_gfp_mask(mapping) & gfp_mask;
}

/** Only before the mapping is in use. */
export function mapping_set_gfp_mask(m: struct_address_space, mask: gfp_t): void {
	m.gfp_mask = mask;
}

export function mapping_set_large_folios(mapping: struct_address_space): void {
	mapping.flags |= 1 << AS_LARGE_FOLIO_SUPPORT;
}

export function mapping_large_folio_support(mapping: struct_address_space): boolean {
	return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) &&
		(mapping.flags & (1 << AS_LARGE_FOLIO_SUPPORT)) !== 0;
}

export function filemap_nr_thps(_mapping: struct_address_space): number {
	return 0;
}

export function filemap_nr_thps_inc(mapping: struct_address_space): void {
	WARN_ON_ONCE(!mapping_large_folio_support(mapping));
}

export function filemap_nr_thps_dec(mapping: struct_address_space): void {
	WARN_ON_ONCE(!mapping_large_folio_support(mapping));
}

export function folio_inode(folio: struct_folio): struct_inode {
	return (folio.mapping as struct_address_space).host!;
}

export function filemap_alloc_folio(gfp: gfp_t, order: number): struct_folio | null {
	return folio_alloc(gfp, order);
}

export function __page_cache_alloc(gfp: gfp_t): struct_page | null {
	return filemap_alloc_folio(gfp, 0);
}

export function page_cache_alloc(x: struct_address_space): struct_page | null {
	return __page_cache_alloc(mapping_gfp_mask(x));
}

export function readahead_gfp_mask(x: struct_address_space): gfp_t {
	return mapping_gfp_mask(x) | __GFP_NORETRY | __GFP_NOWARN;
}

export type filler_t = (file: struct_file | null, folio: struct_folio) => number;

export const FGP_ACCESSED	= 0x00000001;
export const FGP_LOCK		= 0x00000002;
export const FGP_CREAT		= 0x00000004;
export const FGP_WRITE		= 0x00000008;
export const FGP_NOFS		= 0x00000010;
export const FGP_NOWAIT		= 0x00000020;
export const FGP_FOR_MMAP	= 0x00000040;
export const FGP_HEAD		= 0x00000080;
export const FGP_ENTRY		= 0x00000100;
export const FGP_STABLE		= 0x00000200;

/** The folio at @index with a reference, or null. */
export function filemap_get_folio(mapping: struct_address_space, index: pgoff_t):
	struct_folio | null {
	return __filemap_get_folio(mapping, index, 0, 0);
}

/** The folio at @index, locked and with a reference, or null. */
export function filemap_lock_folio(mapping: struct_address_space, index: pgoff_t):
	struct_folio | null {
	return __filemap_get_folio(mapping, index, FGP_LOCK, 0);
}

export function find_get_page(mapping: struct_address_space, offset: pgoff_t):
	struct_page | null {
	return pagecache_get_page(mapping, offset, 0, 0);
}

export function find_get_page_flags(mapping: struct_address_space, offset: pgoff_t,
	fgp_flags: number): struct_page | null {
	return pagecache_get_page(mapping, offset, fgp_flags, 0);
}

export function find_lock_page(mapping: struct_address_space, index: pgoff_t):
	struct_page | null {
	return pagecache_get_page(mapping, index, FGP_LOCK, 0);
}

export function find_or_create_page(mapping: struct_address_space, index: pgoff_t,
	gfp_mask: gfp_t): struct_page | null {
	return pagecache_get_page(mapping, index, FGP_LOCK | FGP_ACCESSED | FGP_CREAT, gfp_mask);
}

export function grab_cache_page_nowait(mapping: struct_address_space, index: pgoff_t):
	struct_page | null {
	return pagecache_get_page(mapping, index, FGP_LOCK | FGP_CREAT | FGP_NOFS | FGP_NOWAIT,
		mapping_gfp_mask(mapping));
}

/** Index of a folio; there is no swap, so it is always that of the page cache. */
export function folio_index(folio: struct_folio): pgoff_t {
	return folio.index;
}

export function folio_next_index(folio: struct_folio): pgoff_t {
	return to_pgoff(folio.index + folio_nr_pages(folio));
}

/** The page of @folio that holds file index @index. */
export function folio_file_page(folio: struct_folio, index: pgoff_t): struct_page {
	/* hugetlbfs counts in huge pages */
	if (folio_test_hugetlb(folio))
		return folio;
	return folio_page(folio, index & (folio_nr_pages(folio) - 1));
}

/** The folio is locked, so that its index stays. */
export function folio_contains(folio: struct_folio, index: pgoff_t): boolean {
	/* hugetlbfs counts in huge pages */
	if (folio_test_hugetlb(folio))
		return folio.index === index;
	return index >= folio.index && index < folio.index + folio_nr_pages(folio);
}

export function find_subpage(head: struct_page, index: pgoff_t): struct_page {
	/* the cache of hugetlbfs hands out head pages only */
	if (PageHuge(head))
		return head;

	return nth_page(head, index & (thp_nr_pages(head) - 1));
}

export function grab_cache_page(mapping: struct_address_space, index: pgoff_t):
	struct_page | null {
	return find_or_create_page(mapping, index, mapping_gfp_mask(mapping));
}

export function read_mapping_page(mapping: struct_address_space, index: pgoff_t,
	file: struct_file | null): ReturnType<typeof read_cache_page> {
	return read_cache_page(mapping, index, null, file);
}

export function read_mapping_folio(mapping: struct_address_space, index: pgoff_t,
	file: struct_file | null): ReturnType<typeof read_cache_folio> {
	return read_cache_folio(mapping, index, null, file);
}

/** Index of a page that is no hugetlb page; tails have no index of their own. */
export function page_to_index(page: struct_page): pgoff_t {
	if (!PageTransTail(page))
		return page.index;

	const head = compound_head(page);
	return to_pgoff(head.index + page_to_pfn(page) - page_to_pfn(head));
}

/** Offset in PAGE_SIZE, of hugetlb pages too. */
export function page_to_pgoff(page: struct_page): pgoff_t {
	if (PageHuge(page))
		return hugetlb_basepage_index(page);
	return page_to_index(page);
}

/** Byte offset of a page in its file. */
export function page_offset(page: struct_page): loff_t {
	return pgoff_to_loff(page.index);
}

export function page_file_offset(page: struct_page): loff_t {
	return pgoff_to_loff(folio_index(page_folio(page)));
}

export function folio_pos(folio: struct_folio): loff_t {
	return page_offset(folio);
}

export function folio_file_pos(folio: struct_folio): loff_t {
	return page_file_offset(folio);
}

export function folio_pgoff(folio: struct_folio): pgoff_t {
	if (folio_test_hugetlb(folio))
		return hugetlb_basepage_index(folio);
	return folio.index;
}

export function linear_page_index(vma: struct_vm_area_struct, address: unsigned_long): pgoff_t {
	if (is_vm_hugetlb_page(vma))
		return linear_hugepage_index(vma, address);
	return to_pgoff(ul_shr(address - vma.vm_start, PAGE_SHIFT) + vma.vm_pgoff);
}

export interface struct_wait_page_key {
	folio: struct_folio;
	bit_nr: number;
	page_match: number;
}

export class struct_wait_page_queue {
	folio: struct_folio;
	bit_nr: number;
	wait = new wait_queue_entry_t(this);

	constructor(folio: struct_folio, bit_nr: number) {
		this.folio = folio;
		this.bit_nr = bit_nr;
	}
}

export function wake_page_match(wait_page: struct_wait_page_queue, key: struct_wait_page_key):
	boolean {
	if (wait_page.folio !== key.folio)
		return false;
	key.page_match = 1;

	if (wait_page.bit_nr !== key.bit_nr)
		return false;

	return true;
}

export function folio_trylock(folio: struct_folio): boolean {
	const flags = folio.flags;

	if (flags & (1 << PG_locked))
		return false;
	folio.flags = flags | (1 << PG_locked);
	return true;
}

export function trylock_page(page: struct_page): boolean {
	return folio_trylock(page_folio(page));
}

/** Keeps folio->mapping stable; several folios of a file are locked by ascending index. */
export function folio_lock(folio: struct_folio): void {
	might_sleep();
	if (!folio_trylock(folio))
		__folio_lock(folio);
}

export function lock_page(page: struct_page): void {
	might_sleep();

	const folio = page_folio(page);
	if (!folio_trylock(folio))
		__folio_lock(folio);
}

export function folio_lock_killable(folio: struct_folio): number {
	might_sleep();
	if (!folio_trylock(folio))
		return __folio_lock_killable(folio);
	return 0;
}

export function lock_page_killable(page: struct_page): number {
	return folio_lock_killable(page_folio(page));
}

export function lock_page_or_retry(page: struct_page, mm: struct_mm_struct, flags: number):
	boolean {
	might_sleep();

	const folio = page_folio(page);
	return folio_trylock(folio) || __folio_lock_or_retry(folio, mm, flags);
}

/** The caller holds a reference. */
export function folio_wait_locked(folio: struct_folio): void {
	if (folio_test_locked(folio))
		folio_wait_bit(folio, PG_locked);
}

export function folio_wait_locked_killable(folio: struct_folio): number {
	if (!folio_test_locked(folio))
		return 0;
	return folio_wait_bit_killable(folio, PG_locked);
}

export function wait_on_page_locked(page: struct_page): void {
	folio_wait_locked(page_folio(page));
}

export function wait_on_page_locked_killable(page: struct_page): number {
	return folio_wait_locked_killable(page_folio(page));
}

export function __set_page_dirty(page: struct_page, mapping: struct_address_space, warn: number):
	void {
	__folio_mark_dirty(page_folio(page), mapping, warn);
}

export function folio_cancel_dirty(folio: struct_folio): void {
	if (folio_test_dirty(folio))
		__folio_cancel_dirty(folio);
}

/** How many bytes of @page are within i_size; -EFAULT for a truncated page. */
export function page_mkwrite_check_truncate(page: struct_page, inode: struct_inode): number {
	const size = i_size_read(inode);
	const index = Number(size >> 12n);
	const offset = Number(size & 0xfffn);

	if (page.mapping !== inode.i_mapping)
		return -EFAULT;

	if (page.index < index)
		return PAGE_SIZE;
	if (page.index > index || !offset)
		return -EFAULT;
	return offset;
}

export function i_blocks_per_folio(inode: struct_inode, folio: struct_folio): number {
	return folio_size(folio) >> inode.i_blkbits;
}

export function i_blocks_per_page(inode: struct_inode, page: struct_page): number {
	return i_blocks_per_folio(inode, page_folio(page));
}
