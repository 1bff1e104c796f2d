// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over the page tables of a range.
 *
 * Upstream: mm/pagewalk.c.
 */
import { ALIGN_DOWN, min } from "#asm-generic/bits.ts";
import type { pgoff_t, unsigned_long } from "#asm-generic/types.ts";
import { EINVAL } from "#linux/errno.ts";
import type { struct_address_space } from "#linux/fs.types.ts";
import { split_huge_pmd } from "#linux/huge_mm.ts";
import { hstate_vma, huge_page_size, huge_pte_offset } from "#linux/hugetlb.ts";
import { is_vm_hugetlb_page } from "#linux/hugetlb_inline.ts";
import { lockdep_assert_held } from "#linux/lockdep.ts";
import { VM_PFNMAP } from "#linux/mm.const.ts";
import {
	find_vma, pte_lockptr, pte_unmap_unlock, vma_interval_tree_iter_first,
	vma_interval_tree_iter_next, vma_pages,
} from "#linux/mm.ts";
import type { ptep_t, struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import { mmap_assert_locked, mmap_assert_write_locked } from "#linux/mmap_lock.ts";
import {
	ACTION_AGAIN, ACTION_CONTINUE, ACTION_SUBTREE, struct_mm_walk, type struct_mm_walk_ops,
} from "#linux/pagewalk.ts";
import {
	p4d_addr_end, p4d_none_or_clear_bad, pgd_addr_end, pgd_none_or_clear_bad, pmd_addr_end,
	pmd_trans_unstable, pud_addr_end,
} from "#linux/pgtable.ts";
import { spin_lock } from "#linux/spinlock.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import {
	p4d_offset, pgd_index, pgd_offset, pmd_leaf, pmd_none, pmd_offset, pmd_present, pmdp_get,
	pte_offset_map, pud_leaf, pud_none, pud_offset, pud_present, pudp_get,
} from "#asm/pgtable.ts";

/** mm/pagewalk.c:real_depth(). The fourth level (depth 1) is folded into the first. */
function real_depth(depth: number): number {
	if (depth === 1)
		depth = 0;
	return depth;
}

/** mm/pagewalk.c:walk_pte_range_inner() */
function walk_pte_range_inner(pte: ptep_t, addr: unsigned_long, end: unsigned_long,
	walk: struct_mm_walk): number {
	const ops = walk.ops;
	let err: number;

	for (;;) {
		err = ops.pte_entry!(pte, addr, addr + PAGE_SIZE, walk);
		if (err)
			break;
		if (addr >= end - PAGE_SIZE)
			break;
		addr += PAGE_SIZE;
		pte++;
	}
	return err;
}

/** mm/pagewalk.c:walk_pte_range() */
function walk_pte_range(pmd: ptep_t, addr: unsigned_long, end: unsigned_long, walk: struct_mm_walk):
	number {
	let err: number;

	if (walk.no_vma) {
		const pte = pte_offset_map(pmd, addr);
		err = walk_pte_range_inner(pte, addr, end, walk);
	} else {
		const ptl = pte_lockptr(walk.mm, pmd);
		const pte = pte_offset_map(pmd, addr);
		spin_lock(ptl);
		err = walk_pte_range_inner(pte, addr, end, walk);
		pte_unmap_unlock(pte, ptl);
	}

	return err;
}

/** mm/pagewalk.c:walk_pmd_range() */
function walk_pmd_range(pud: ptep_t, addr: unsigned_long, end: unsigned_long, walk: struct_mm_walk):
	number {
	let next: unsigned_long;
	const ops = walk.ops;
	let err = 0;
	const depth = real_depth(3);

	let pmd = pmd_offset(pud, addr);
	do {
		again: for (;;) {
			next = pmd_addr_end(addr, end);
			if (pmd_none(pmdp_get(pmd))) {
				if (ops.pte_hole)
					err = ops.pte_hole(addr, next, depth, walk);
				break;
			}

			walk.action = ACTION_SUBTREE;

			/*
			 * before it is split: whoever wants pmd_entry() may handle huge pages
			 * itself
			 */
			if (ops.pmd_entry)
				err = ops.pmd_entry(pmd, addr, next, walk);
			if (err)
				break;

			if (walk.action === ACTION_AGAIN)
				continue again;

			/* is there anything below, and anybody who wants it? */
			const pmdval = pmdp_get(pmd);
			if ((!walk.vma && (pmd_leaf(pmdval) || !pmd_present(pmdval))) ||
			    walk.action === ACTION_CONTINUE || !ops.pte_entry)
				break;

			if (walk.vma) {
				split_huge_pmd(walk.vma, pmd, addr);
				if (pmd_trans_unstable(pmd))
					continue again;
			}

			err = walk_pte_range(pmd, addr, next, walk);
			break;
		}
		if (err)
			break;
	} while (pmd++, addr = next, addr !== end);

	return err;
}

/** mm/pagewalk.c:walk_pud_range() */
function walk_pud_range(p4d: ptep_t, addr: unsigned_long, end: unsigned_long, walk: struct_mm_walk):
	number {
	let next: unsigned_long;
	const ops = walk.ops;
	let err = 0;
	const depth = real_depth(2);

	let pud = pud_offset(p4d, addr);
	do {
		again: for (;;) {
			next = pud_addr_end(addr, end);
			if (pud_none(pudp_get(pud))) {
				if (ops.pte_hole)
					err = ops.pte_hole(addr, next, depth, walk);
				break;
			}

			walk.action = ACTION_SUBTREE;

			if (ops.pud_entry)
				err = ops.pud_entry(pud, addr, next, walk);
			if (err)
				break;

			if (walk.action === ACTION_AGAIN)
				continue again;

			const pudval = pudp_get(pud);
			if ((!walk.vma && (pud_leaf(pudval) || !pud_present(pudval))) ||
			    walk.action === ACTION_CONTINUE || !(ops.pmd_entry || ops.pte_entry))
				break;

			err = walk_pmd_range(pud, addr, next, walk);
			break;
		}
		if (err)
			break;
	} while (pud++, addr = next, addr !== end);

	return err;
}

/** mm/pagewalk.c:walk_p4d_range() */
function walk_p4d_range(pgd: ptep_t, addr: unsigned_long, end: unsigned_long, walk: struct_mm_walk):
	number {
	let next: unsigned_long;
	const ops = walk.ops;
	let err = 0;
	const depth = real_depth(1);

	let p4d = p4d_offset(pgd, addr);
	do {
		next = p4d_addr_end(addr, end);
		if (p4d_none_or_clear_bad(p4d)) {
			if (ops.pte_hole)
				err = ops.pte_hole(addr, next, depth, walk);
			if (err)
				break;
			continue;
		}
		if (ops.p4d_entry) {
			err = ops.p4d_entry(p4d, addr, next, walk);
			if (err)
				break;
		}
		if (ops.pud_entry || ops.pmd_entry || ops.pte_entry)
			err = walk_pud_range(p4d, addr, next, walk);
		if (err)
			break;
	} while (p4d++, addr = next, addr !== end);

	return err;
}

/** mm/pagewalk.c:walk_pgd_range() */
function walk_pgd_range(addr: unsigned_long, end: unsigned_long, walk: struct_mm_walk): number {
	let next: unsigned_long;
	const ops = walk.ops;
	let err = 0;

	let pgd = walk.pgd ? walk.pgd + pgd_index(addr) : pgd_offset(walk.mm, addr);
	do {
		next = pgd_addr_end(addr, end);
		if (pgd_none_or_clear_bad(pgd)) {
			if (ops.pte_hole)
				err = ops.pte_hole(addr, next, 0, walk);
			if (err)
				break;
			continue;
		}
		if (ops.pgd_entry) {
			err = ops.pgd_entry(pgd, addr, next, walk);
			if (err)
				break;
		}
		if (ops.p4d_entry || ops.pud_entry || ops.pmd_entry || ops.pte_entry)
			err = walk_p4d_range(pgd, addr, next, walk);
		if (err)
			break;
	} while (pgd++, addr = next, addr !== end);

	return err;
}

/** mm/pagewalk.c:hugetlb_entry_end() */
function hugetlb_entry_end(sz: unsigned_long, addr: unsigned_long, end: unsigned_long):
	unsigned_long {
	const boundary = ALIGN_DOWN(addr, sz) + sz;
	return boundary < end ? boundary : end;
}

/** mm/pagewalk.c:walk_hugetlb_range() */
function walk_hugetlb_range(addr: unsigned_long, end: unsigned_long, walk: struct_mm_walk): number {
	const h = hstate_vma(walk.vma!);
	let next: unsigned_long;
	const sz = huge_page_size(h);
	const ops = walk.ops;
	let err = 0;

	do {
		next = hugetlb_entry_end(sz, addr, end);
		const start = ALIGN_DOWN(addr, sz);
		const pte = huge_pte_offset(walk.mm, start, sz);

		if (pte)
			err = ops.hugetlb_entry!(pte, sz, addr, next, walk);
		else if (ops.pte_hole)
			err = ops.pte_hole(addr, next, -1, walk);

		if (err)
			break;
	} while (addr = next, addr !== end);

	return err;
}

/** mm/pagewalk.c:walk_page_test(). 0 walk it, 1 leave it out, or an errno. */
function walk_page_test(start: unsigned_long, end: unsigned_long, walk: struct_mm_walk): number {
	const vma = walk.vma!;
	const ops = walk.ops;

	if (ops.test_walk)
		return ops.test_walk(start, end, walk);

	/* a PFN map has no pages: to most walkers a hole */
	if (vma.vm_flags & VM_PFNMAP) {
		let err = 1;
		if (ops.pte_hole)
			err = ops.pte_hole(start, end, -1, walk);
		return err ? err : 1;
	}
	return 0;
}

/** mm/pagewalk.c:__walk_page_range() */
function __walk_page_range(start: unsigned_long, end: unsigned_long, walk: struct_mm_walk): number {
	let err = 0;
	const vma = walk.vma!;
	const ops = walk.ops;

	if (ops.pre_vma) {
		err = ops.pre_vma(start, end, walk);
		if (err)
			return err;
	}

	if (is_vm_hugetlb_page(vma)) {
		if (ops.hugetlb_entry)
			err = walk_hugetlb_range(start, end, walk);
	} else
		err = walk_pgd_range(start, end, walk);

	if (ops.post_vma)
		ops.post_vma(walk);

	return err;
}

/** mm/pagewalk.c:walk_page_range(). mmap_lock is held at least for read. */
export function walk_page_range(mm: struct_mm_struct, start: unsigned_long, end: unsigned_long,
	ops: struct_mm_walk_ops, private_: unknown): number {
	let err = 0;
	let next: unsigned_long;
	const walk = new struct_mm_walk(ops, mm);
	walk.private_ = private_;

	if (start >= end)
		return -EINVAL;

	mmap_assert_locked(walk.mm);

	let vma = find_vma(walk.mm, start);
	do {
		if (!vma) {
			walk.vma = null;
			next = end;
			if (ops.pte_hole)
				err = ops.pte_hole(start, next, -1, walk);
		} else if (start < vma.vm_start) { /* outside vma */
			walk.vma = null;
			next = min(end, vma.vm_start);
			if (ops.pte_hole)
				err = ops.pte_hole(start, next, -1, walk);
		} else { /* inside vma */
			walk.vma = vma;
			next = min(end, vma.vm_end);
			vma = vma.vm_next;

			err = walk_page_test(start, next, walk);
			if (err > 0) {
				/* positive: leave this one out */
				err = 0;
				continue;
			}
			if (err < 0)
				break;
			err = __walk_page_range(start, next, walk);
		}
		if (err)
			break;
	} while (start = next, start < end);
	return err;
}

/** mm/pagewalk.c:walk_page_range_novma(). Page tables without VMAs; mmap_lock held for write. */
export function walk_page_range_novma(mm: struct_mm_struct, start: unsigned_long,
	end: unsigned_long, ops: struct_mm_walk_ops, pgd: ptep_t, private_: unknown): number {
	const walk = new struct_mm_walk(ops, mm);
	walk.pgd = pgd;
	walk.private_ = private_;
	walk.no_vma = true;

	if (start >= end)
		return -EINVAL;

	mmap_assert_write_locked(walk.mm);

	return walk_pgd_range(start, end, walk);
}

/** mm/pagewalk.c:walk_page_vma() */
export function walk_page_vma(vma: struct_vm_area_struct, ops: struct_mm_walk_ops,
	private_: unknown): number {
	const walk = new struct_mm_walk(ops, vma.vm_mm!);
	walk.vma = vma;
	walk.private_ = private_;

	mmap_assert_locked(walk.mm);

	const err = walk_page_test(vma.vm_start, vma.vm_end, walk);
	if (err > 0)
		return 0;
	if (err < 0)
		return err;
	return __walk_page_range(vma.vm_start, vma.vm_end, walk);
}

/** mm/pagewalk.c:walk_page_mapping(). All mappings of a part of a file; i_mmap_rwsem is held. */
export function walk_page_mapping(mapping: struct_address_space, first_index: pgoff_t, nr: number,
	ops: struct_mm_walk_ops, private_: unknown): number {
	let err = 0;
	const last = first_index + nr - 1;

	lockdep_assert_held(mapping.i_mmap_rwsem);
	for (let vma = vma_interval_tree_iter_first(mapping.i_mmap, first_index, last); vma;
	     vma = vma_interval_tree_iter_next(vma, first_index, last)) {
		/* of both ranges what they share */
		const vba = vma.vm_pgoff;
		const vea = vba + vma_pages(vma);
		const cba = Math.max(first_index, vba);
		const cea = Math.min(first_index + nr, vea);

		const start_addr = (cba - vba) * PAGE_SIZE + vma.vm_start;
		const end_addr = (cea - vba) * PAGE_SIZE + vma.vm_start;
		if (start_addr >= end_addr)
			continue;

		const walk = new struct_mm_walk(ops, vma.vm_mm!);
		walk.private_ = private_;
		walk.vma = vma;

		err = walk_page_test(vma.vm_start, vma.vm_end, walk);
		if (err > 0) {
			err = 0;
			break;
		} else if (err < 0)
			break;

		err = __walk_page_range(start_addr, end_addr, walk);
		if (err)
			break;
	}

	return err;
}
