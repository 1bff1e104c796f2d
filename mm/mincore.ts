// SPDX-License-Identifier: GPL-2.0
/*
 * mincore(): which pages of a range are in memory.
 *
 * Upstream: mm/mincore.c.
 */
import { DIV_ROUND_UP, ul_shl, ul_shr } from "#asm-generic/bits.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { pgoff_t, ref, type unsigned_long, type user_ptr } from "#asm-generic/types.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import {
	pmd_trans_unstable, pte_offset_map_lock, pte_present, pte_unmap_unlock, ptep_get,
} from "#linux/pgtable.ts";
import { WARN_ON } from "#linux/bug.ts";
import { EAGAIN, EFAULT, EINVAL, ENOMEM } from "#linux/errno.ts";
import {
	file_inode, file_permission, inode_owner_or_capable, MAY_WRITE,
} from "#linux/fs.ts";
import type { struct_address_space } from "#linux/fs.types.ts";
import { free_page, __get_free_page } from "#linux/gfp.ts";
import { GFP_USER } from "#linux/gfp_types.ts";
import { pmd_trans_huge_lock } from "#linux/huge_mm.ts";
import { huge_pte_none, huge_ptep_get } from "#linux/hugetlb.ts";
import { find_vma, put_page, vma_is_anonymous } from "#linux/mm.ts";
import type { ptep_t, struct_vm_area_struct } from "#linux/mm_types.ts";
import { mmap_read_lock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import { find_get_incore_page } from "#linux/swap.ts";
import { type struct_mm_walk, type struct_mm_walk_ops, walk_page_range } from "#linux/pagewalk.ts";
import { PageUptodate } from "#linux/page-flags.ts";
import { page_bytes } from "#asm/page.ts";
import { init_user_ns } from "#linux/user_namespace.ts";
import { linear_page_index } from "#linux/pagemap.ts";
import { cond_resched, current } from "#linux/sched.ts";
import { spin_unlock, type spinlock_t } from "#linux/spinlock.ts";
import { non_swap_entry, pte_none_mostly, pte_to_swp_entry } from "#linux/swapops.ts";
import { access_ok, copy_to_user } from "#linux/uaccess.ts";

/* walk.private: where the next page's byte goes */
class vec_cursor {
	readonly vec: Uint8Array;
	at = 0;
	constructor(vec: Uint8Array) {
		this.vec = vec;
	}
}

/** mm/mincore.c:mincore_hugetlb() */
function mincore_hugetlb(pte: ptep_t, _hmask: number, addr: unsigned_long, end: unsigned_long,
	walk: struct_mm_walk): number {
	const c = walk.private_ as vec_cursor;
	const present = pte !== 0 && !huge_pte_none(huge_ptep_get(pte)) ? 1 : 0;

	for (; addr !== end; addr += PAGE_SIZE)
		c.vec[c.at++] = present;
	return 0;
}

/** mm/mincore.c:mincore_page(): in the page cache, and uptodate. */
function mincore_page(mapping: struct_address_space, index: pgoff_t): number {
	let present = 0;
	const page = find_get_incore_page(mapping, index);

	if (page !== null) {
		present = PageUptodate(page) ? 1 : 0;
		put_page(page);
	}

	return present;
}

/** mm/mincore.c:__mincore_unmapped_range() */
function __mincore_unmapped_range(addr: unsigned_long, end: unsigned_long,
	vma: struct_vm_area_struct, c: vec_cursor, at: number): number {
	const nr = ul_shr(end - addr, PAGE_SHIFT);

	if (vma.vm_file !== null) {
		const pgoff = linear_page_index(vma, addr);
		for (let i = 0; i < nr; i++)
			c.vec[at + i] = mincore_page(vma.vm_file.f_mapping!, pgoff_t(pgoff + i));
	} else {
		c.vec.fill(0, at, at + nr);
	}
	return nr;
}

/** mm/mincore.c:mincore_unmapped_range() */
function mincore_unmapped_range(addr: unsigned_long, end: unsigned_long, _depth: number,
	walk: struct_mm_walk): number {
	const c = walk.private_ as vec_cursor;

	c.at += __mincore_unmapped_range(addr, end, walk.vma!, c, c.at);
	return 0;
}

/** mm/mincore.c:mincore_pte_range() */
function mincore_pte_range(pmd: ptep_t, addr: unsigned_long, end: unsigned_long,
	walk: struct_mm_walk): number {
	const vma = walk.vma!;
	const c = walk.private_ as vec_cursor;
	const nr = ul_shr(end - addr, PAGE_SHIFT);

	out: {
		const huge = pmd_trans_huge_lock(pmd, vma);
		if (huge !== null) {
			c.vec.fill(1, c.at, c.at + nr);
			spin_unlock(huge);
			break out;
		}

		if (pmd_trans_unstable(pmd)) {
			__mincore_unmapped_range(addr, end, vma, c, c.at);
			break out;
		}

		const ptl = new ref<spinlock_t | null>(null);
		let ptep = pte_offset_map_lock(walk.mm!, pmd, addr, ptl);
		for (let at = c.at; addr !== end; ptep++, addr += PAGE_SIZE, at++) {
			const pte = ptep_get(ptep);

			if (pte_none_mostly(pte))
				__mincore_unmapped_range(addr, addr + PAGE_SIZE, vma, c, at);
			else if (pte_present(pte))
				c.vec[at] = 1;
			else {
				/*
				 * migration and hwpoison entries are in memory; without swap
				 * nothing else is
				 */
				if (!non_swap_entry(pte_to_swp_entry(pte)))
					WARN_ON(true);
				c.vec[at] = 1;
			}
		}
		pte_unmap_unlock(ptep - 1, ptl.v!);
	}
	c.at += nr;
	cond_resched();
	return 0;
}

/** mm/mincore.c:can_do_mincore(): no oracle on files that one could not write. */
function can_do_mincore(vma: struct_vm_area_struct): boolean {
	if (vma_is_anonymous(vma))
		return true;
	if (vma.vm_file === null)
		return false;
	return inode_owner_or_capable(init_user_ns, file_inode(vma.vm_file)) ||
		file_permission(vma.vm_file, MAY_WRITE) === 0;
}

const mincore_walk_ops: struct_mm_walk_ops = {
	pmd_entry: mincore_pte_range,
	pte_hole: mincore_unmapped_range,
	hugetlb_entry: mincore_hugetlb,
};

/** mm/mincore.c:do_mincore(), mmap_lock held for read; pages answered, within one VMA. */
function do_mincore(addr: unsigned_long, pages: number, vec: Uint8Array): number {
	const vma = find_vma(current.mm!, addr);
	if (vma === null || addr < vma.vm_start)
		return -ENOMEM;
	const end = Math.min(vma.vm_end, addr + ul_shl(pages, PAGE_SHIFT));
	if (!can_do_mincore(vma)) {
		const n = DIV_ROUND_UP(end - addr, PAGE_SIZE);
		vec.fill(1, 0, n);
		return n;
	}
	const err = walk_page_range(vma.vm_mm!, addr, end, mincore_walk_ops, new vec_cursor(vec));
	if (err < 0)
		return err;
	return ul_shr(end - addr, PAGE_SHIFT);
}

export const sys_mincore = SYSCALL_DEFINE("mincore", ["ulong", "ulong", "ptr"],
	(ustart: bigint, ulen: bigint, vec: user_ptr): number => {
		if (ustart & BigInt(PAGE_SIZE - 1))
			return -EINVAL;

		if (!access_ok(Number(ustart), Number(ulen)))
			return -ENOMEM;

		let start = Number(ustart);
		const len = Number(ulen);
		let pages = DIV_ROUND_UP(len, PAGE_SIZE);

		if (!access_ok(vec, pages))
			return -EFAULT;

		const tmp = __get_free_page(GFP_USER);
		if (tmp === null)
			return -EAGAIN;
		const bytes = page_bytes(tmp);

		let retval = 0;
		while (pages) {
			mmap_read_lock(current.mm!);
			retval = do_mincore(start, Math.min(pages, PAGE_SIZE), bytes);
			mmap_read_unlock(current.mm!);

			if (retval <= 0)
				break;
			if (copy_to_user(vec, bytes, retval)) {
				retval = -EFAULT;
				break;
			}
			pages -= retval;
			vec += retval;
			start += ul_shl(retval, PAGE_SHIFT);
			retval = 0;
		}
		free_page(tmp);
		return retval;
	});
