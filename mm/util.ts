// SPDX-License-Identifier: GPL-2.0
/*
 * Copies of things, large allocations, mapping a file, map counts, and overcommit.
 *
 * Upstream: mm/util.c. Left out: mmap layouts and their randomness, command lines, offline pages.
 * kvmalloc() has nothing to fall back to, for contiguity means nothing to the JavaScript heap.
 */
import { ERR_PTR, type err_ptr, IS_ERR } from "#asm-generic/err.ts";
import type { pgoff_t, unsigned_long, user_ptr } from "#asm-generic/types.ts";
import { INT_MAX, ref } from "#asm-generic/types.ts";
import { ul_shr } from "#asm-generic/bits.ts";
import { DEFAULT_MAX_MAP_COUNT } from "#linux/mm.const.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { CAP_IPC_LOCK, capable } from "#linux/capability.ts";
import { EFAULT, EINTR, EINVAL, ENOMEM } from "#linux/errno.ts";
import type { struct_address_space, struct_file } from "#linux/fs.types.ts";
import { GFP_KERNEL, GFP_USER, __GFP_NOWARN, type gfp_t } from "#linux/gfp_types.ts";
import { copy_highpage } from "#linux/highmem.ts";
import { hugetlb_total_pages } from "#linux/hugetlb.ts";
import { OVERCOMMIT_ALWAYS, OVERCOMMIT_GUESS, vm_acct_memory, vm_memory_committed,
	vm_unacct_memory } from "#linux/mman.ts";
import { folio_entire_mapcount, folio_nr_pages, mm_populate, offset_in_page, totalram_pages } from
	"#linux/mm.ts";
import type { struct_folio, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import {
	mmap_assert_write_locked, mmap_write_lock, mmap_write_lock_killable, mmap_write_unlock,
} from "#linux/mmap_lock.ts";
import { pfn_to_made_page } from "#linux/mmzone.ts";
import {
	PAGE_MAPPING_ANON, PageAnon, PageDoubleMap, PageHuge, compound_head, folio_page,
	folio_test_anon, folio_test_double_map, folio_test_hugetlb, folio_test_large,
	folio_test_slab, folio_test_swapcache, page_folio,
} from "#linux/page-flags.ts";
import { RLIMIT_MEMLOCK } from "#uapi/asm-generic/resource.ts";
import type { struct_anon_vma } from "#linux/rmap.ts";
import { cond_resched, current } from "#linux/sched.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";
import { task_rlimit } from "#linux/sched/signal.ts";
import { folio_swap_entry, total_swap_pages } from "#linux/swap.ts";
import {
	proc_dointvec, proc_dointvec_minmax, proc_doulongvec_minmax, type struct_ctl_table,
	type struct_sysctl_buffer,
} from "#linux/sysctl.ts";
import { copy_from_user, strnlen_user } from "#linux/uaccess.ts";
import { PAGE_ALIGN, PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { folio_raw_mapping } from "#mm/internal.h.ts";
import { do_mmap } from "#linux/mm/vma.ts";
import { kfree, kmalloc_array, kmalloc_bytes } from "#linux/slab.ts";
import { kmalloc_plain_ok, slab_count_string, slab_mark_plain } from "#mm/slab.h.ts";
import { swap_address_space } from "#mm/swap.h.ts";

/** mm/util.c:kstrdup() */
export function kstrdup(s: string, gfp: gfp_t): string | null;
export function kstrdup(s: null, gfp: gfp_t): null;
export function kstrdup(s: string | null, gfp: gfp_t): string | null {
	if (s === null)
		return null;

	return kmalloc_plain_ok(s.length + 1, gfp) ? slab_count_string(s) : null;
}

/** mm/util.c:kstrdup_const(): every string may be in read-only data. */
export function kstrdup_const(s: string | null, _gfp: gfp_t): string | null {
	return s;
}

export function kstrndup(s: string | null, max: number, gfp: gfp_t): string | null {
	return s === null ? null : kstrdup(s.slice(0, max), gfp);
}

/** lib/kasprintf.c:kasprintf(), of a string that is formatted already. */
export function kasprintf(gfp: gfp_t, s: string): string | null {
	return kstrdup(s, gfp);
}

/** mm/util.c:kmemdup() */
export function kmemdup(src: Uint8Array, len: number, gfp: gfp_t): Uint8Array | null {
	return kmalloc_plain_ok(len, gfp) ? slab_mark_plain(src.slice(0, len)) : null;
}

/** mm/util.c:memdup_user() */
export function memdup_user(src: user_ptr, len: number): Uint8Array | err_ptr {
	const p = kmalloc_bytes(len, GFP_USER | __GFP_NOWARN);

	if (p === null)
		return ERR_PTR(-ENOMEM);

	if (copy_from_user(p, src, len) !== 0) {
		kfree(p);
		return ERR_PTR(-EFAULT);
	}

	return p;
}

/** mm/util.c:vmemdup_user() */
export function vmemdup_user(src: user_ptr, len: number): Uint8Array | err_ptr {
	const p = kvmalloc_bytes(len, GFP_USER);

	if (p === null)
		return ERR_PTR(-ENOMEM);

	if (copy_from_user(p, src, len) !== 0) {
		kvfree(p);
		return ERR_PTR(-EFAULT);
	}

	return p;
}

/** mm/util.c:strndup_user(): at most @n bytes, the final zero included; bytes with the zero. */
export function strndup_user(s: user_ptr, n: number): Uint8Array | err_ptr {
	const length = Number(strnlen_user(s, n));

	if (length === 0)
		return ERR_PTR(-EFAULT);

	if (length > n)
		return ERR_PTR(-EINVAL);

	const p = memdup_user(s, length);

	if (IS_ERR(p))
		return p;

	p[length - 1] = 0;

	return p;
}

/** mm/util.c:memdup_user_nul() */
export function memdup_user_nul(src: user_ptr, len: number): Uint8Array | err_ptr {
	const p = kmalloc_bytes(len + 1, GFP_KERNEL);

	if (p === null)
		return ERR_PTR(-ENOMEM);

	if (copy_from_user(p.subarray(0, len), src, len) !== 0) {
		kfree(p);
		return ERR_PTR(-EFAULT);
	}
	p[len] = 0;

	return p;
}

/** mm/util.c:__vma_link_list() */
export function __vma_link_list(mm: struct_mm_struct, vma: struct_vm_area_struct,
	prev: struct_vm_area_struct | null): void {
	let next: struct_vm_area_struct | null;

	vma.vm_prev = prev;
	if (prev !== null) {
		next = prev.vm_next;
		prev.vm_next = vma;
	} else {
		next = mm.mmap;
		mm.mmap = vma;
	}
	vma.vm_next = next;
	if (next !== null)
		next.vm_prev = vma;
}

/** mm/util.c:__vma_unlink_list() */
export function __vma_unlink_list(mm: struct_mm_struct, vma: struct_vm_area_struct): void {
	const next = vma.vm_next;
	const prev = vma.vm_prev;

	if (prev !== null)
		prev.vm_next = next;
	else
		mm.mmap = next;
	if (next !== null)
		next.vm_prev = prev;
}

/** mm/util.c:__account_locked_vm(); mmap_lock held for write. */
export function __account_locked_vm(mm: struct_mm_struct, pages: number, inc: boolean,
	task: struct_task_struct, bypass_rlim: boolean): number {
	let ret = 0;

	mmap_assert_write_locked(mm);

	const locked_vm = mm.locked_vm;
	if (inc) {
		if (!bypass_rlim) {
			const limit = ul_shr(Number(task_rlimit(task, RLIMIT_MEMLOCK)), PAGE_SHIFT);
			if (locked_vm + pages > limit)
				ret = -ENOMEM;
		}
		if (ret === 0)
			mm.locked_vm = locked_vm + pages;
	} else {
		WARN_ON_ONCE(pages > locked_vm);
		mm.locked_vm = locked_vm - pages;
	}

	return ret;
}

/** mm/util.c:account_locked_vm() */
export function account_locked_vm(mm: struct_mm_struct | null, pages: number,
	inc: boolean): number {
	if (pages === 0 || mm === null)
		return 0;

	mmap_write_lock(mm);
	const ret = __account_locked_vm(mm, pages, inc, current, capable(CAP_IPC_LOCK));
	mmap_write_unlock(mm);

	return ret;
}

const populate_cell = new ref(0);

/** mm/util.c:vm_mmap_pgoff(): the address, or a negative errno. */
export function vm_mmap_pgoff(file: struct_file | null, addr: unsigned_long, len: unsigned_long,
	prot: number, flag: number, pgoff: pgoff_t): unsigned_long {
	const mm = current.mm!;

	if (mmap_write_lock_killable(mm) !== 0)
		return -EINTR;
	const ret = do_mmap(file, addr, len, prot, flag, pgoff, populate_cell);
	const populate = populate_cell.v;
	mmap_write_unlock(mm);
	if (populate !== 0)
		mm_populate(ret, populate);
	return ret;
}

/** mm/util.c:vm_mmap() */
export function vm_mmap(file: struct_file | null, addr: unsigned_long, len: unsigned_long,
	prot: number, flag: number, offset: unsigned_long): unsigned_long {
	if (offset + PAGE_ALIGN(len) < offset)
		return -EINVAL;
	if (offset_in_page(offset) !== 0)
		return -EINVAL;

	return vm_mmap_pgoff(file, addr, len, prot, flag, ul_shr(offset, PAGE_SHIFT) as pgoff_t);
}

/* mm/util.c:kvmalloc_node(): the checks that remain */
function kvmalloc_ok(size: number, flags: gfp_t): boolean {
	if (size > INT_MAX) {
		WARN_ON_ONCE((flags & __GFP_NOWARN) === 0);
		return false;
	}
	return kmalloc_plain_ok(size, size > PAGE_SIZE ? flags | __GFP_NOWARN : flags);
}

export function kvmalloc_bytes(size: number, flags: gfp_t): Uint8Array | null {
	return kvmalloc_ok(size, flags) ? slab_mark_plain(new Uint8Array(size)) : null;
}

export const kvzalloc_bytes = kvmalloc_bytes;
export const kvmalloc = kvmalloc_bytes;
export const kvzalloc = kvmalloc_bytes;

export function kvmalloc_node(size: number, flags: gfp_t, _node: number): Uint8Array | null {
	return kvmalloc_bytes(size, flags);
}

/** An array of @n elements, each made by @element. */
export function kvmalloc_array<T>(n: number, element: (i: number) => T, flags: gfp_t): T[] | null {
	if (8 * n > INT_MAX) {
		WARN_ON_ONCE((flags & __GFP_NOWARN) === 0);
		return null;
	}
	return kmalloc_array(n, element, 8 * n > PAGE_SIZE ? flags | __GFP_NOWARN : flags);
}

export const kvcalloc = kvmalloc_array;

/** Of @n times C's int. */
export function kvcalloc_s32(n: number, flags: gfp_t): Int32Array | null {
	return kvmalloc_ok(4 * n, flags) ? slab_mark_plain(new Int32Array(n)) : null;
}

export function kvfree(addr: object | string | null): void {
	kfree(addr);
}

export function kvfree_sensitive(addr: object | string | null, _len: number): void {
	kfree(addr);
}

/** mm/util.c:page_rmapping(): mapping or anon_vma. */
export function page_rmapping(page: struct_page): struct_address_space | struct_anon_vma | null {
	return folio_raw_mapping(page_folio(page));
}

/** mm/util.c:folio_mapped() */
export function folio_mapped(folio: struct_folio): boolean {
	if (!folio_test_large(folio))
		return folio._mapcount >= 0;
	if (folio.compound_mapcount >= 0)
		return true;
	if (folio_test_hugetlb(folio))
		return false;

	const nr = folio_nr_pages(folio);
	for (let i = 0; i < nr; i++) {
		/* what was never made is not mapped */
		const page = pfn_to_made_page(folio.pfn + i);
		if (page !== null && page._mapcount >= 0)
			return true;
	}
	return false;
}

/** mm/util.c:folio_anon_vma() */
export function folio_anon_vma(folio: struct_folio): struct_anon_vma | null {
	if (folio.mapping_flags !== PAGE_MAPPING_ANON)
		return null;
	return folio.mapping as struct_anon_vma;
}

/** mm/util.c:folio_mapping(): the file's or the swap cache's, null for anonymous folios. */
export function folio_mapping(folio: struct_folio): struct_address_space | null {
	if (folio_test_slab(folio))
		return null;

	if (folio_test_swapcache(folio))
		return swap_address_space(folio_swap_entry(folio));

	if (folio.mapping_flags !== 0)
		return null;

	return folio.mapping as struct_address_space | null;
}

/** mm/util.c:__page_mapcount() */
export function __page_mapcount(page: struct_page): number {
	let ret = page._mapcount + 1;

	/* of file THPs a page's own count has all mappings */
	if (!PageAnon(page) && !PageHuge(page))
		return ret;
	page = compound_head(page);
	ret += page.compound_mapcount + 1;
	if (PageDoubleMap(page))
		ret--;
	return ret;
}

/** mm/util.c:folio_mapcount(): all mappings of all its pages. */
export function folio_mapcount(folio: struct_folio): number {
	if (!folio_test_large(folio))
		return folio._mapcount + 1;

	const compound = folio_entire_mapcount(folio);
	const nr = folio_nr_pages(folio);
	if (folio_test_hugetlb(folio))
		return compound;
	let ret = compound;
	for (let i = 0; i < nr; i++) {
		const page = pfn_to_made_page(folio.pfn + i);
		if (page !== null)
			ret += page._mapcount + 1;
	}
	/* of file pages, _mapcount includes compound_mapcount */
	if (!folio_test_anon(folio))
		return ret - compound * nr;
	if (folio_test_double_map(folio))
		ret -= nr;
	return ret;
}

/** mm/util.c:folio_copy() */
export function folio_copy(dst: struct_folio, src: struct_folio): void {
	let i = 0;
	const nr = folio_nr_pages(src);

	for (;;) {
		copy_highpage(folio_page(dst, i), folio_page(src, i));
		if (++i === nr)
			break;
		cond_resched();
	}
}

/* ---- overcommit ----------------------------------------------------------------------------- */

export let sysctl_overcommit_memory = OVERCOMMIT_GUESS;
export let sysctl_overcommit_ratio = 50;
export let sysctl_overcommit_kbytes = 0;
export let sysctl_max_map_count = DEFAULT_MAX_MAP_COUNT;
/* what is kept for a user, and for root, to recover in: 128 MiB, 8 MiB */
export let sysctl_user_reserve_kbytes = 2 ** 17;
export let sysctl_admin_reserve_kbytes = 2 ** 13;

/** mm/util.c:overcommit_ratio_handler() */
export function overcommit_ratio_handler(table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer): number {
	const ret = proc_dointvec(table, write, buffer);
	if (ret === 0 && write)
		sysctl_overcommit_kbytes = 0;
	return ret;
}

/** mm/util.c:overcommit_policy_handler(). The count of committed pages is always exact. */
export function overcommit_policy_handler(table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer): number {
	return proc_dointvec_minmax(table, write, buffer);
}

/** mm/util.c:overcommit_kbytes_handler() */
export function overcommit_kbytes_handler(table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer): number {
	const ret = proc_doulongvec_minmax(table, write, buffer);
	if (ret === 0 && write)
		sysctl_overcommit_ratio = 0;
	return ret;
}

/* ES modules let nobody else assign these */
export function set_overcommit_memory(policy: number): void {
	sysctl_overcommit_memory = policy;
}

export function set_overcommit_ratio(ratio: number): void {
	sysctl_overcommit_ratio = ratio;
}

export function set_overcommit_kbytes(kbytes: number): void {
	sysctl_overcommit_kbytes = kbytes;
}

export function set_max_map_count(count: number): void {
	sysctl_max_map_count = count;
}

export function set_user_reserve_kbytes(kbytes: number): void {
	sysctl_user_reserve_kbytes = kbytes;
}

export function set_admin_reserve_kbytes(kbytes: number): void {
	sysctl_admin_reserve_kbytes = kbytes;
}

/** mm/util.c:vm_commit_limit(), pages */
export function vm_commit_limit(): number {
	let allowed: number;

	if (sysctl_overcommit_kbytes !== 0)
		allowed = ul_shr(sysctl_overcommit_kbytes, PAGE_SHIFT - 10);
	else
		allowed = Math.floor((totalram_pages() - hugetlb_total_pages()) *
			sysctl_overcommit_ratio / 100);
	allowed += total_swap_pages;

	return allowed;
}

/** mm/util.c:__vm_enough_memory(): 0 and accounted, or -ENOMEM. */
export function __vm_enough_memory(mm: struct_mm_struct | null, pages: number,
	cap_sys_admin: number): number {
	vm_acct_memory(pages);

	if (sysctl_overcommit_memory === OVERCOMMIT_ALWAYS)
		return 0;

	error: {
		if (sysctl_overcommit_memory === OVERCOMMIT_GUESS) {
			if (pages > totalram_pages() + total_swap_pages)
				break error;
			return 0;
		}

		let allowed = vm_commit_limit();
		if (cap_sys_admin === 0)
			allowed -= ul_shr(sysctl_admin_reserve_kbytes, PAGE_SHIFT - 10);

		/* one process must not take what the user needs to stop it */
		if (mm !== null) {
			const reserve = ul_shr(sysctl_user_reserve_kbytes, PAGE_SHIFT - 10);

			allowed -= Math.min(Math.floor(mm.total_vm / 32), reserve);
		}

		if (vm_memory_committed() < allowed)
			return 0;
	}
	vm_unacct_memory(pages);

	return -ENOMEM;
}
