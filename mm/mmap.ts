// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mappings of an address space: mmap, munmap, merging and splitting of VMAs.
 *
 * Upstream: mm/mmap.c. Left out: expand_upwards, remap_file_pages, special mappings (vdso), the
 * command line of the stack guard gap, sysctl reserves, CONFIG_DEBUG_VM_RB.
 *
 * mmap_lock
 *   i_mmap_rwsem (file mappings)
 *     anon_vma->rwsem
 *       page_table_lock
 */
import { ul_and_not_low, ul_shl, ul_shr } from "#asm-generic/bits.ts";
import { mapping_can_writeback } from "#linux/backing-dev.ts";
import { IS_ERR, IS_ERR_VALUE, PTR_ERR } from "#asm-generic/err.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { pgoff_t, type ref, u64, type ulong64, type unsigned_long } from "#asm-generic/types.ts";
import { TASK_SIZE } from
	"#asm/processor.ts";
import { tlb_finish_mmu, tlb_gather_mmu, tlb_gather_mmu_fullmm, struct_mmu_gather } from
	"#asm/tlb.ts";
import {
	offset_in_page, PAGE_ALIGN, PAGE_MASK_LOW, PAGE_SHIFT, PAGE_SIZE,
} from "#asm/page_types.ts";
import {
	FIRST_USER_ADDRESS, pgprot_modify, pgprot_same, USER_PGTABLES_CEILING, vm_get_page_prot,
} from "#linux/pgtable.ts";
import type { pgprot_t } from "#asm/pgtable_types.ts";
import { BUG, WARN_ON_ONCE } from "#linux/bug.ts";
import { VM_BUG_ON, VM_BUG_ON_VMA, VM_WARN_ON } from "#linux/mmdebug.ts";
import { capable, CAP_IPC_LOCK } from "#linux/capability.ts";
import {
	EACCES, EAGAIN, EBADF, EEXIST, EINTR, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EOVERFLOW,
	EPERM,
} from "#linux/errno.ts";
import {
	call_mmap, file_inode, FMODE_READ, FMODE_WRITE, get_file, i_mmap_lock_write,
	i_mmap_unlock_write, mapping_allow_writable, mapping_map_writable, mapping_unmap_writable,
	MAX_LFS_FILESIZE, path_noexec, S_ISREG,
} from "#linux/fs.ts";
import type { struct_address_space, struct_file, struct_inode } from "#linux/fs.types.ts";
import { fget, fput } from "#linux/file.ts";
import { vma_adjust_trans_huge } from "#linux/huge_mm.ts";
import {
	HUGETLB_ANON_FILE, HUGETLB_ANONHUGE_INODE, hstate_file, hstate_sizelog, huge_page_size,
	hugetlb_file_setup, is_file_hugepages, is_vm_hugetlb_page,
} from "#linux/hugetlb.ts";
import { khugepaged_enter_vma } from "#linux/khugepaged.ts";
import { list_for_each_entry, list_is_singular } from "#linux/list.ts";
import {
	arch_validate_flags, calc_vm_flag_bits, calc_vm_prot_bits, LEGACY_MAP_MASK, MAP_ANONYMOUS,
	MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_HUGE_MASK, MAP_HUGE_SHIFT, MAP_HUGETLB, MAP_LOCKED,
	MAP_NONBLOCK, MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE,
	MAP_TYPE, OVERCOMMIT_NEVER, PROT_WRITE, vm_unacct_memory,
} from "#linux/mman.ts";
import {
	anon_vma_interval_tree_insert, anon_vma_interval_tree_remove, can_do_mlock,
	find_vma_intersection, mm_populate, shmem_zero_setup, sysctl_max_map_count,
	sysctl_overcommit_memory, unmap_vmas, update_hiwater_rss, update_hiwater_vm, vm_area_alloc,
	vm_area_dup, vm_area_free, vm_mmap_pgoff, vma_interval_tree_insert,
	vma_interval_tree_remove, vma_is_accessible, vma_is_anonymous, vma_pages, vma_set_anonymous,
} from "#linux/mm.ts";
import {
	VM_ACCESS_FLAGS, VM_ACCOUNT, VM_DATA_DEFAULT_FLAGS, VM_EXEC, VM_GROWSDOWN, VM_GROWSUP,
	VM_LOCKED, VM_LOCKED_CLEAR_MASK, VM_MAYEXEC, VM_MAYREAD, VM_MAYSHARE, VM_MAYWRITE,
	VM_NORESERVE, VM_PFNMAP, VM_SHARED, VM_SOFTDIRTY, VM_SPECIAL, VM_WRITE,
} from "#linux/mm.const.ts";
import { struct_vm_area_struct, type struct_mm_struct } from "#linux/mm_types.ts";
import { mmu_notifier_release } from "#linux/mmu_notifier.ts";
import {
	mmap_assert_locked, mmap_assert_write_locked, mmap_read_unlock, mmap_write_downgrade,
	mmap_write_lock, mmap_write_lock_killable, mmap_write_unlock,
} from "#linux/mmap_lock.ts";
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { AS_MM_ALL_LOCKS } from "#linux/pagemap.ts";
import { pr_warn_once } from "#linux/printk.ts";
import {
	RB_DECLARE_CALLBACKS_MAX, RB_EMPTY_ROOT, rb_entry, rb_erase_augmented, rb_insert_augmented,
	rb_last, type rb_link, rb_link_node, rb_parent, type struct_rb_root,
	type struct_rb_augment_callbacks, type struct_rb_node, type struct_rb_root_cached,
} from "#linux/rbtree_augmented.ts";
import {
	anon_vma_clone, anon_vma_lock_write, anon_vma_merge, anon_vma_prepare,
	anon_vma_unlock_write, struct_anon_vma_chain, unlink_anon_vmas, type struct_anon_vma,
} from "#linux/rmap.ts";
import { down_write_nest_lock } from "#linux/rwsem.ts";
import { cond_resched, current } from "#linux/sched.ts";
import { might_sleep } from "#linux/kernel.ts";
import { rlimit, rlimit_max, signal_pending } from "#linux/sched/signal.ts";
import { RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_STACK } from
	"#uapi/asm-generic/resource.ts";
import { shmem_get_unmapped_area } from "#linux/shmem_fs.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { vmacache_find, vmacache_invalidate, vmacache_update } from "#linux/vmacache.ts";
import { lru_add_drain } from "#linux/swap.ts";
import { mmap_min_addr, security_vm_enough_memory_mm } from "#linux/security.ts";
import {
	__vma_link_list, __vma_unlink_list, free_pgtables, is_data_mapping, is_exec_mapping,
	is_stack_mapping, populate_vma_page_range,
} from "#mm/internal.h.ts";

/** RLIMIT_DATA does not count (boot option). */
const ignore_rlimit_data = false;

/** mm/mmap.c:vm_pgprot_modify() */
function vm_pgprot_modify(oldprot: pgprot_t, vm_flags: number): pgprot_t {
	return pgprot_modify(oldprot, vm_get_page_prot(vm_flags));
}

/** mm/mmap.c:vma_set_page_prot(): vm_page_prot from vm_flags, write-protected where notified. */
export function vma_set_page_prot(vma: struct_vm_area_struct): void {
	let vm_flags = vma.vm_flags;
	let vm_page_prot = vm_pgprot_modify(vma.vm_page_prot, vm_flags);

	if (vma_wants_writenotify(vma, vm_page_prot)) {
		vm_flags &= ~VM_SHARED;
		vm_page_prot = vm_pgprot_modify(vm_page_prot, vm_flags);
	}
	vma.vm_page_prot = vm_page_prot;
}

/** mm/mmap.c:__remove_shared_vm_struct(), i_mmap_rwsem held for write */
function __remove_shared_vm_struct(vma: struct_vm_area_struct, file: struct_file,
	mapping: struct_address_space): void {
	if (vma.vm_flags & VM_SHARED)
		mapping_unmap_writable(mapping);

	vma_interval_tree_remove(vma, mapping.i_mmap);
}

/** mm/mmap.c:unlink_file_vma(): hides @vma from rmap before its page tables go. */
export function unlink_file_vma(vma: struct_vm_area_struct): void {
	const file = vma.vm_file;

	if (file !== null) {
		const mapping = file.f_mapping!;
		i_mmap_lock_write(mapping);
		__remove_shared_vm_struct(vma, file, mapping);
		i_mmap_unlock_write(mapping);
	}
}

/** mm/mmap.c:remove_vma(): closes and frees @vma; the next one. */
function remove_vma(vma: struct_vm_area_struct): struct_vm_area_struct | null {
	const next = vma.vm_next;

	might_sleep();
	if (vma.vm_ops?.close)
		vma.vm_ops.close(vma);
	if (vma.vm_file !== null)
		fput(vma.vm_file);
	vm_area_free(vma);
	return next;
}

/** mm/mmap.c:sys_brk() */
export const sys_brk = SYSCALL_DEFINE("brk", ["ptr"], (brk: unsigned_long): number => {
	const mm = current.mm!;
	let populate: boolean;
	let downgraded = false;

	if (mmap_write_lock_killable(mm))
		return -EINTR;

	const origbrk = mm.brk;
	const min_brk = mm.start_brk;
	out: {
		let newbrk: number, oldbrk: number;
		success: {
			if (brk < min_brk)
				break out;

			const rlim = rlimit(RLIMIT_DATA);
			if (rlim < 2 ** 63 &&
			    (brk - mm.start_brk) + (mm.end_data - mm.start_data) > rlim)
				break out;

			newbrk = PAGE_ALIGN(brk);
			oldbrk = PAGE_ALIGN(mm.brk);
			if (oldbrk === newbrk) {
				mm.brk = brk;
				break success;
			}

			/* shrinking always works */
			if (brk <= mm.brk) {
				mm.brk = brk;
				const ret = __do_munmap(mm, newbrk, oldbrk - newbrk, true);
				if (ret < 0) {
					mm.brk = origbrk;
					break out;
				} else if (ret === 1) {
					downgraded = true;
				}
				break success;
			}

			const next = find_vma(mm, oldbrk);
			if (next !== null && newbrk + PAGE_SIZE > vm_start_gap(next))
				break out;

			if (do_brk_flags(oldbrk, newbrk - oldbrk, 0) < 0)
				break out;
			mm.brk = brk;
		}
		populate = newbrk > oldbrk && (mm.def_flags & VM_LOCKED) !== 0;
		if (downgraded)
			mmap_read_unlock(mm);
		else
			mmap_write_unlock(mm);
		if (populate)
			mm_populate(oldbrk, newbrk - oldbrk);
		return brk;
	}
	mmap_write_unlock(mm);
	return origbrk;
});

/** include/linux/mm.h:vm_start_gap() */
export function vm_start_gap(vma: struct_vm_area_struct): unsigned_long {
	let vm_start = vma.vm_start;

	if (vma.vm_flags & VM_GROWSDOWN) {
		vm_start -= stack_guard_gap;
		if (vm_start < 0)
			vm_start = 0;
	}
	return vm_start;
}

/** include/linux/mm.h:vm_end_gap() */
export function vm_end_gap(vma: struct_vm_area_struct): unsigned_long {
	return vma.vm_end;
}

/** mm/mmap.c:vma_compute_gap() */
function vma_compute_gap(vma: struct_vm_area_struct): unsigned_long {
	let gap = vm_start_gap(vma);

	if (vma.vm_prev !== null) {
		const prev_end = vm_end_gap(vma.vm_prev);
		if (gap > prev_end)
			gap -= prev_end;
		else
			gap = 0;
	}
	return gap;
}

let gap_callbacks: struct_rb_augment_callbacks | null = null;

/** C: RB_DECLARE_CALLBACKS_MAX(vma_gap_callbacks); made at first use. */
function vma_gap_callbacks(): struct_rb_augment_callbacks {
	gap_callbacks ??= RB_DECLARE_CALLBACKS_MAX(struct_vm_area_struct, {
		rb: (v) => v.vm_rb,
		get: (v) => v.rb_subtree_gap,
		set: (v, x) => {
			v.rb_subtree_gap = x;
		},
	}, vma_compute_gap);
	return gap_callbacks;
}

/** mm/mmap.c:vma_gap_update(): after vm_start, or the previous vm_end, changed. */
function vma_gap_update(vma: struct_vm_area_struct): void {
	vma_gap_callbacks().propagate(vma.vm_rb, null);
}

function vma_rb_insert(vma: struct_vm_area_struct, root: struct_rb_root): void {
	rb_insert_augmented(vma.vm_rb, root, vma_gap_callbacks());
}

function vma_rb_erase(vma: struct_vm_area_struct, root: struct_rb_root): void {
	rb_erase_augmented(vma.vm_rb, root, vma_gap_callbacks());
}

/** mm/mmap.c:anon_vma_interval_tree_pre_update_vma(), anon_vma locked for write */
function anon_vma_interval_tree_pre_update_vma(vma: struct_vm_area_struct): void {
	for (const avc of list_for_each_entry(vma.anon_vma_chain, struct_anon_vma_chain,
		"same_vma"))
		anon_vma_interval_tree_remove(avc, avc.anon_vma!.rb_root);
}

/** mm/mmap.c:anon_vma_interval_tree_post_update_vma() */
function anon_vma_interval_tree_post_update_vma(vma: struct_vm_area_struct): void {
	for (const avc of list_for_each_entry(vma.anon_vma_chain, struct_anon_vma_chain,
		"same_vma"))
		anon_vma_interval_tree_insert(avc, avc.anon_vma!.rb_root);
}

/* where a new VMA goes: C's out parameters pprev, rb_link and rb_parent */
class vma_links {
	prev: struct_vm_area_struct | null = null;
	rb_link: rb_link = "rb_left";
	rb_parent: struct_rb_node | null = null;
}

/** mm/mmap.c:find_vma_links(); -ENOMEM if a mapping is in the way. */
function find_vma_links(mm: struct_mm_struct, addr: unsigned_long, end: unsigned_long,
	l: vma_links): number {
	let __rb_link: rb_link = mm.mm_rb;
	let __rb_parent: struct_rb_node | null = null;
	let rb_prev: struct_rb_node | null = null;
	let node = mm.mm_rb.rb_node;

	mmap_assert_locked(mm);
	while (node !== null) {
		__rb_parent = node;
		const vma_tmp = rb_entry(__rb_parent, struct_vm_area_struct, "vm_rb");

		if (vma_tmp.vm_end > addr) {
			/* an overlapping mapping */
			if (vma_tmp.vm_start < end)
				return -ENOMEM;
			__rb_link = "rb_left";
			node = __rb_parent.rb_left;
		} else {
			rb_prev = __rb_parent;
			__rb_link = "rb_right";
			node = __rb_parent.rb_right;
		}
	}

	l.prev = null;
	if (rb_prev !== null)
		l.prev = rb_entry(rb_prev, struct_vm_area_struct, "vm_rb");
	l.rb_link = __rb_link;
	l.rb_parent = __rb_parent;
	return 0;
}

/** mm/mmap.c:vma_next(): the VMA after @vma, or the first one. */
function vma_next(mm: struct_mm_struct, vma: struct_vm_area_struct | null):
	struct_vm_area_struct | null {
	if (vma === null)
		return mm.mmap;

	return vma.vm_next;
}

/** mm/mmap.c:munmap_vma_range(): makes room, and finds the links. */
function munmap_vma_range(mm: struct_mm_struct, start: unsigned_long, len: unsigned_long,
	l: vma_links): number {
	while (find_vma_links(mm, start, start + len, l))
		if (do_munmap(mm, start, len))
			return -ENOMEM;

	return 0;
}

/** mm/mmap.c:count_vma_pages_range() */
function count_vma_pages_range(mm: struct_mm_struct, addr: unsigned_long,
	end: unsigned_long): number {
	let nr_pages = 0;
	let vma = find_vma_intersection(mm, addr, end);

	if (vma === null)
		return 0;

	nr_pages = ul_shr(Math.min(end, vma.vm_end) - Math.max(addr, vma.vm_start), PAGE_SHIFT);

	for (vma = vma.vm_next; vma !== null; vma = vma.vm_next) {
		if (vma.vm_start > end)
			break;

		const overlap_len = Math.min(end, vma.vm_end) - vma.vm_start;
		nr_pages += ul_shr(overlap_len, PAGE_SHIFT);
	}

	return nr_pages;
}

/** mm/mmap.c:__vma_link_rb() */
export function __vma_link_rb(mm: struct_mm_struct, vma: struct_vm_area_struct,
	rb_link: rb_link, rb_parent: struct_rb_node | null): void {
	if (vma.vm_next !== null)
		vma_gap_update(vma.vm_next);
	else
		mm.highest_vm_end = vm_end_gap(vma);

	/*
	 * vm_prev has grown the gap of what follows: the tree needs valid augmented values before
	 * the insertion rebalances it.
	 */
	rb_link_node(vma.vm_rb, rb_parent, rb_link);
	vma.rb_subtree_gap = 0;
	vma_gap_update(vma);
	vma_rb_insert(vma, mm.mm_rb);
}

/** mm/mmap.c:__vma_link_file() */
function __vma_link_file(vma: struct_vm_area_struct): void {
	const file = vma.vm_file;

	if (file !== null) {
		const mapping = file.f_mapping!;

		if (vma.vm_flags & VM_SHARED)
			mapping_allow_writable(mapping);

		vma_interval_tree_insert(vma, mapping.i_mmap);
	}
}

/** mm/mmap.c:__vma_link() */
function __vma_link(mm: struct_mm_struct, vma: struct_vm_area_struct, l: vma_links): void {
	__vma_link_list(mm, vma, l.prev);
	__vma_link_rb(mm, vma, l.rb_link, l.rb_parent);
}

/** mm/mmap.c:vma_link() */
function vma_link(mm: struct_mm_struct, vma: struct_vm_area_struct, l: vma_links): void {
	let mapping: struct_address_space | null = null;

	if (vma.vm_file !== null) {
		mapping = vma.vm_file.f_mapping!;
		i_mmap_lock_write(mapping);
	}

	__vma_link(mm, vma, l);
	__vma_link_file(vma);

	if (mapping !== null)
		i_mmap_unlock_write(mapping);

	mm.map_count++;
}

/** kernel/fork.c:dup_mmap()'s way in: links a copied VMA behind the last one. */
export function vma_link_after(mm: struct_mm_struct, vma: struct_vm_area_struct,
	prev: struct_vm_area_struct | null, rb_link: rb_link,
	rb_parent: struct_rb_node | null): void {
	__vma_link_list(mm, vma, prev);
	__vma_link_rb(mm, vma, rb_link, rb_parent);
}

/** mm/mmap.c:__insert_vm_struct(): helper of __vma_adjust(), the file side is done there. */
function __insert_vm_struct(mm: struct_mm_struct, vma: struct_vm_area_struct): void {
	const l = new vma_links();

	if (find_vma_links(mm, vma.vm_start, vma.vm_end, l))
		BUG();
	__vma_link(mm, vma, l);
	mm.map_count++;
}

/** mm/mmap.c:__vma_unlink() */
function __vma_unlink(mm: struct_mm_struct, vma: struct_vm_area_struct,
	_ignore: struct_vm_area_struct): void {
	vma_rb_erase(vma, mm.mm_rb);
	__vma_unlink_list(mm, vma);
	vmacache_invalidate(mm);
}

/**
 * mm/mmap.c:__vma_adjust(): moves the borders of @vma, and of the one after it; the only place that
 * changes a linked VMA. mmap_lock held for write.
 */
export function __vma_adjust(vma: struct_vm_area_struct, start: unsigned_long,
	end: unsigned_long, pgoff: pgoff_t, insert: struct_vm_area_struct | null,
	expand: struct_vm_area_struct | null): number {
	const mm = vma.vm_mm!;
	let next = vma.vm_next;
	const orig_vma = vma;
	let mapping: struct_address_space | null = null;
	let root: struct_rb_root_cached | null = null;
	let anon_vma: struct_anon_vma | null = null;
	const file = vma.vm_file;
	let start_changed = false, end_changed = false;
	let adjust_next = 0;
	let remove_next = 0;

	if (next !== null && insert === null) {
		let exporter: struct_vm_area_struct | null = null;
		let importer: struct_vm_area_struct | null = null;

		if (end >= next.vm_end) {
			/* @next is swallowed whole, and perhaps its successor */
			if (next === expand) {
				/* the only case where the caller keeps @next, by the name of vma */
				VM_WARN_ON(end !== next.vm_end);
				remove_next = 3;
				VM_WARN_ON(file !== next.vm_file);
				const t: struct_vm_area_struct = vma;
				vma = next;
				next = t;
			} else {
				VM_WARN_ON(expand !== vma);
				/* 1: @next goes; 2: and the one after it */
				remove_next = 1 + (end > next.vm_end ? 1 : 0);
				VM_WARN_ON(remove_next === 2 && end !== next.vm_next!.vm_end);
				/* take the first of two now, the second at "again" */
				end = next.vm_end;
			}

			exporter = next;
			importer = vma;

			if (remove_next === 2 && next.anon_vma === null)
				exporter = next.vm_next;

		} else if (end > next.vm_start) {
			/* @vma takes the front of @next */
			adjust_next = end - next.vm_start;
			exporter = next;
			importer = vma;
			VM_WARN_ON(expand !== importer);
		} else if (end < vma.vm_end) {
			/* @next takes the end of @vma */
			adjust_next = -(vma.vm_end - end);
			exporter = vma;
			importer = next;
			VM_WARN_ON(expand !== importer);
		}

		/* rmap must find the pages under their new VMA before they move there */
		if (exporter !== null && exporter.anon_vma !== null &&
			importer!.anon_vma === null) {
			importer!.anon_vma = exporter.anon_vma;
			const error = anon_vma_clone(importer!, exporter);
			if (error)
				return error;
		}
	}
	again: for (;;) {
		vma_adjust_trans_huge(orig_vma, start, end, adjust_next);

		if (file !== null) {
			mapping = file.f_mapping!;
			root = mapping.i_mmap;

			i_mmap_lock_write(mapping);
			if (insert !== null) {
				/*
				 * before the tail of @vma goes, so that truncation finds one of
				 * them
				 */
				__vma_link_file(insert);
			}
		}

		anon_vma = vma.anon_vma;
		if (anon_vma === null && adjust_next)
			anon_vma = next!.anon_vma;
		if (anon_vma !== null) {
			VM_WARN_ON(adjust_next !== 0 && next!.anon_vma !== null &&
				anon_vma !== next!.anon_vma);
			anon_vma_lock_write(anon_vma);
			anon_vma_interval_tree_pre_update_vma(vma);
			if (adjust_next)
				anon_vma_interval_tree_pre_update_vma(next!);
		}

		if (file !== null) {
			vma_interval_tree_remove(vma, root!);
			if (adjust_next)
				vma_interval_tree_remove(next!, root!);
		}

		if (start !== vma.vm_start) {
			vma.vm_start = start;
			start_changed = true;
		}
		if (end !== vma.vm_end) {
			vma.vm_end = end;
			end_changed = true;
		}
		vma.vm_pgoff = pgoff;
		if (adjust_next) {
			next!.vm_start += adjust_next;
			next!.vm_pgoff = pgoff_t(next!.vm_pgoff + adjust_next / PAGE_SIZE);
		}

		if (file !== null) {
			if (adjust_next)
				vma_interval_tree_insert(next!, root!);
			vma_interval_tree_insert(vma, root!);
		}

		if (remove_next) {
			if (remove_next !== 3)
				__vma_unlink(mm, next!, next!);
			else
				__vma_unlink(mm, next!, vma);
			if (file !== null)
				__remove_shared_vm_struct(next!, file, mapping!);
		} else if (insert !== null) {
			__insert_vm_struct(mm, insert);
		} else {
			if (start_changed)
				vma_gap_update(vma);
			if (end_changed) {
				if (next === null)
					mm.highest_vm_end = vm_end_gap(vma);
				else if (!adjust_next)
					vma_gap_update(next);
			}
		}

		if (anon_vma !== null) {
			anon_vma_interval_tree_post_update_vma(vma);
			if (adjust_next)
				anon_vma_interval_tree_post_update_vma(next!);
			anon_vma_unlock_write(anon_vma);
		}

		if (file !== null)
			i_mmap_unlock_write(mapping!);

		if (remove_next) {
			if (file !== null)
				fput(file);
			if (next!.anon_vma !== null)
				anon_vma_merge(vma, next!);
			mm.map_count--;
			vm_area_free(next!);
			if (remove_next !== 3) {
				/* the one that has taken the place of the freed one */
				next = vma.vm_next;
			} else {
				/* vma and next were swapped: vma is what follows now */
				next = vma;
			}
			if (remove_next === 2) {
				remove_next = 1;
				end = next!.vm_end;
				continue again;
			} else if (next !== null)
				vma_gap_update(next);
			else
				VM_WARN_ON(mm.highest_vm_end !== vm_end_gap(vma));
		}
		break;
	}

	return 0;
}

/** include/linux/mm.h:vma_adjust() */
export function vma_adjust(vma: struct_vm_area_struct, start: unsigned_long, end: unsigned_long,
	pgoff: pgoff_t, insert: struct_vm_area_struct | null): number {
	return __vma_adjust(vma, start, end, pgoff, insert, null);
}

/** mm/mmap.c:is_mergeable_vma(): one that must be closed stays alone. */
function is_mergeable_vma(vma: struct_vm_area_struct, file: struct_file | null,
	vm_flags: number): boolean {
	if ((vma.vm_flags ^ vm_flags) & ~VM_SOFTDIRTY)
		return false;
	if (vma.vm_file !== file)
		return false;
	if (vma.vm_ops?.close)
		return false;
	return true;
}

/** mm/mmap.c:is_mergeable_anon_vma() */
function is_mergeable_anon_vma(anon_vma1: struct_anon_vma | null,
	anon_vma2: struct_anon_vma | null, vma: struct_vm_area_struct | null): boolean {
	/* forked chains are not merged: that would grow what every rmap walk visits */
	if ((anon_vma1 === null || anon_vma2 === null) &&
	    (vma === null || list_is_singular(vma.anon_vma_chain)))
		return true;
	return anon_vma1 === anon_vma2;
}

/** mm/mmap.c:can_vma_merge_before(): what comes with @vm_pgoff can precede @vma. */
function can_vma_merge_before(vma: struct_vm_area_struct, vm_flags: number,
	anon_vma: struct_anon_vma | null, file: struct_file | null, vm_pgoff: number): boolean {
	if (is_mergeable_vma(vma, file, vm_flags) &&
	    is_mergeable_anon_vma(anon_vma, vma.anon_vma, vma)) {
		if (vma.vm_pgoff === vm_pgoff)
			return true;
	}
	return false;
}

/** mm/mmap.c:can_vma_merge_after() */
function can_vma_merge_after(vma: struct_vm_area_struct, vm_flags: number,
	anon_vma: struct_anon_vma | null, file: struct_file | null, vm_pgoff: number): boolean {
	if (is_mergeable_vma(vma, file, vm_flags) &&
	    is_mergeable_anon_vma(anon_vma, vma.anon_vma, vma)) {
		const vm_pglen = vma_pages(vma);
		if (vma.vm_pgoff + vm_pglen === vm_pgoff)
			return true;
	}
	return false;
}

/**
 * mm/mmap.c:vma_merge(): extends a neighbour over [addr, end) when it is of the same kind; null
 * when none is. mmap_lock held for write.
 */
export function vma_merge(mm: struct_mm_struct, prev: struct_vm_area_struct | null,
	addr: unsigned_long, end: unsigned_long, vm_flags: number,
	anon_vma: struct_anon_vma | null, file: struct_file | null,
	pgoff: pgoff_t): struct_vm_area_struct | null {
	const pglen = ul_shr(end - addr, PAGE_SHIFT);
	let area: struct_vm_area_struct | null, next: struct_vm_area_struct | null;
	let err: number;

	/* special mappings have accounting of their own */
	if (vm_flags & VM_SPECIAL)
		return null;

	next = vma_next(mm, prev);
	area = next;
	if (area !== null && area.vm_end === end)
		next = next!.vm_next;

	VM_WARN_ON(prev !== null && addr <= prev.vm_start);
	VM_WARN_ON(area !== null && end > area.vm_end);
	VM_WARN_ON(addr >= end);

	/* with the one before? */
	if (prev !== null && prev.vm_end === addr &&
	    can_vma_merge_after(prev, vm_flags, anon_vma, file, pgoff)) {
		/* and with the one after too? */
		if (next !== null && end === next.vm_start &&
		    can_vma_merge_before(next, vm_flags, anon_vma, file, pgoff + pglen) &&
		    is_mergeable_anon_vma(prev.anon_vma, next.anon_vma, null)) {
			err = __vma_adjust(prev, prev.vm_start, next.vm_end, prev.vm_pgoff, null,
				prev);
		} else
			err = __vma_adjust(prev, prev.vm_start, end, prev.vm_pgoff, null, prev);
		if (err)
			return null;
		khugepaged_enter_vma(prev, vm_flags);
		return prev;
	}

	/* with the one after? */
	if (next !== null && end === next.vm_start &&
	    can_vma_merge_before(next, vm_flags, anon_vma, file, pgoff + pglen)) {
		if (prev !== null && addr < prev.vm_end)
			err = __vma_adjust(prev, prev.vm_start, addr, prev.vm_pgoff, null, next);
		else {
			err = __vma_adjust(area!, addr, next.vm_end, pgoff_t(next.vm_pgoff - pglen),
				null, next);
			/* area is freed when it was not next itself */
			area = next;
		}
		if (err)
			return null;
		khugepaged_enter_vma(area!, vm_flags);
		return area;
	}

	return null;
}

/** mm/mmap.c:anon_vma_compatible() */
function anon_vma_compatible(a: struct_vm_area_struct, b: struct_vm_area_struct): boolean {
	return a.vm_end === b.vm_start &&
		a.vm_file === b.vm_file &&
		!((a.vm_flags ^ b.vm_flags) & ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY)) &&
		b.vm_pgoff === a.vm_pgoff + ul_shr(b.vm_start - a.vm_start, PAGE_SHIFT);
}

/** mm/mmap.c:reusable_anon_vma() */
function reusable_anon_vma(old: struct_vm_area_struct, a: struct_vm_area_struct,
	b: struct_vm_area_struct): struct_anon_vma | null {
	if (anon_vma_compatible(a, b)) {
		const anon_vma = old.anon_vma;

		if (anon_vma !== null && list_is_singular(old.anon_vma_chain))
			return anon_vma;
	}
	return null;
}

/** mm/mmap.c:find_mergeable_anon_vma(): one of a neighbour's, so that they can merge later. */
export function find_mergeable_anon_vma(vma: struct_vm_area_struct): struct_anon_vma | null {
	let anon_vma: struct_anon_vma | null = null;

	if (vma.vm_next !== null) {
		anon_vma = reusable_anon_vma(vma.vm_next, vma, vma.vm_next);
		if (anon_vma !== null)
			return anon_vma;
	}

	if (vma.vm_prev !== null)
		anon_vma = reusable_anon_vma(vma.vm_prev, vma.vm_prev, vma);

	return anon_vma;
}

/** mm/mmap.c:round_hint_to_min() */
function round_hint_to_min(hint: unsigned_long): unsigned_long {
	hint = ul_and_not_low(hint, PAGE_MASK_LOW);
	if (hint !== 0 && hint < mmap_min_addr)
		return PAGE_ALIGN(mmap_min_addr);
	return hint;
}

/** mm/mmap.c:mlock_future_check() */
export function mlock_future_check(mm: struct_mm_struct, flags: number,
	len: unsigned_long): number {
	if (flags & VM_LOCKED) {
		let locked = ul_shr(len, PAGE_SHIFT);
		locked += mm.locked_vm;
		const lock_limit = ul_shr(rlimit(RLIMIT_MEMLOCK), PAGE_SHIFT);
		if (locked > lock_limit && !capable(CAP_IPC_LOCK))
			return -EAGAIN;
	}
	return 0;
}

/** mm/mmap.c:file_mmap_size_max() */
function file_mmap_size_max(_file: struct_file, inode: struct_inode): bigint {
	if (S_ISREG(inode.i_mode))
		return MAX_LFS_FILESIZE;

	return 0xffffffffffffffffn;
}

/** mm/mmap.c:file_mmap_ok(): no offset beyond what a file can have. */
function file_mmap_ok(file: struct_file, inode: struct_inode, pgoff: number,
	len: unsigned_long): boolean {
	let maxsize = file_mmap_size_max(file, inode);

	if (maxsize !== 0n && BigInt(len) > maxsize)
		return false;
	maxsize = u64(maxsize - BigInt(len));
	if (BigInt(pgoff) > maxsize >> BigInt(PAGE_SHIFT))
		return false;
	return true;
}

/**
 * mm/mmap.c:do_mmap(), mmap_lock held for write. The address, or a negative errno.
 * @populate out: bytes to fault in once the lock is dropped.
 */
export function do_mmap(file: struct_file | null, addr: unsigned_long, len: unsigned_long,
	prot: number, flags: number, pgoff: pgoff_t, populate: ref<number>): unsigned_long {
	const mm = current.mm!;
	let vm_flags: number;

	populate.v = 0;

	if (len === 0)
		return -EINVAL;

	/* the flag implies MAP_FIXED, so that the address is checked as given */
	if (flags & MAP_FIXED_NOREPLACE)
		flags |= MAP_FIXED;

	if (!(flags & MAP_FIXED))
		addr = round_hint_to_min(addr);

	/* a length that wraps to 0 is too large for get_unmapped_area() here: the same -ENOMEM */
	len = PAGE_ALIGN(len);

	if (pgoff + ul_shr(len, PAGE_SHIFT) >= 2 ** 64)
		return -EOVERFLOW;

	if (mm.map_count > sysctl_max_map_count)
		return -ENOMEM;

	addr = get_unmapped_area(file, addr, len, pgoff, flags);
	if (IS_ERR_VALUE(addr))
		return addr;

	if (flags & MAP_FIXED_NOREPLACE) {
		if (find_vma_intersection(mm, addr, addr + len) !== null)
			return -EEXIST;
	}

	vm_flags = calc_vm_prot_bits(prot, 0) | calc_vm_flag_bits(flags) |
		mm.def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	if (flags & MAP_LOCKED)
		if (!can_do_mlock())
			return -EPERM;

	if (mlock_future_check(mm, vm_flags, len))
		return -EAGAIN;

	if (file !== null) {
		const inode = file_inode(file);

		if (!file_mmap_ok(file, inode, pgoff, len))
			return -EOVERFLOW;

		const flags_mask = LEGACY_MAP_MASK | (file.f_op.mmap_supported_flags ?? 0);

		switch (flags & MAP_TYPE) {
		case MAP_SHARED:
			/* unknown flags were ignored before MAP_SHARED_VALIDATE, and still are */
			flags &= LEGACY_MAP_MASK;
			// fallthrough
		case MAP_SHARED_VALIDATE:
			if (flags & ~flags_mask)
				return -EOPNOTSUPP;
			if (prot & PROT_WRITE) {
				if (!(file.f_mode & FMODE_WRITE))
					return -EACCES;
			}

			vm_flags |= VM_SHARED | VM_MAYSHARE;
			if (!(file.f_mode & FMODE_WRITE))
				vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
			// fallthrough
		case MAP_PRIVATE:
			if (!(file.f_mode & FMODE_READ))
				return -EACCES;
			if (path_noexec(file.f_path)) {
				if (vm_flags & VM_EXEC)
					return -EPERM;
				vm_flags &= ~VM_MAYEXEC;
			}

			if (!file.f_op.mmap)
				return -ENODEV;
			if (vm_flags & (VM_GROWSDOWN | VM_GROWSUP))
				return -EINVAL;
			break;

		default:
			return -EINVAL;
		}
	} else {
		switch (flags & MAP_TYPE) {
		case MAP_SHARED:
			if (vm_flags & (VM_GROWSDOWN | VM_GROWSUP))
				return -EINVAL;
			pgoff = pgoff_t(0);
			vm_flags |= VM_SHARED | VM_MAYSHARE;
			break;
		case MAP_PRIVATE:
			/* so that neighbours can merge */
			pgoff = pgoff_t(ul_shr(addr, PAGE_SHIFT));
			break;
		default:
			return -EINVAL;
		}
	}

	if (flags & MAP_NORESERVE) {
		if (sysctl_overcommit_memory !== OVERCOMMIT_NEVER)
			vm_flags |= VM_NORESERVE;

		/* hugetlb reserves by its own rule */
		if (file !== null && is_file_hugepages(file))
			vm_flags |= VM_NORESERVE;
	}

	addr = mmap_region(file, addr, len, vm_flags, pgoff);
	if (!IS_ERR_VALUE(addr) &&
	    ((vm_flags & VM_LOCKED) ||
	     (flags & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE))
		populate.v = len;
	return addr;
}

/**
 * mm/mmap.c:ksys_mmap_pgoff(). @len exact, as it may wrap when rounded to huge pages.
 */
export function ksys_mmap_pgoff(addr: unsigned_long, len: ulong64, prot: number, flags: number,
	fd: number, pgoff: pgoff_t): unsigned_long {
	let file: struct_file | null = null;
	let retval: unsigned_long;

	out_fput: {
		if (!(flags & MAP_ANONYMOUS)) {
			file = fget(fd);
			if (file === null)
				return -EBADF;
			if (is_file_hugepages(file)) {
				const size = BigInt(huge_page_size(hstate_file(file)));
				len = u64((len + size - 1n) & -size);
			} else if (flags & MAP_HUGETLB) {
				retval = -EINVAL;
				break out_fput;
			}
		} else if (flags & MAP_HUGETLB) {
			const hs = hstate_sizelog((flags >> MAP_HUGE_SHIFT) & MAP_HUGE_MASK);
			if (hs === null)
				return -EINVAL;

			const size = BigInt(huge_page_size(hs));
			len = u64((len + size - 1n) & -size);
			/* reservations are taken when the mapping is made, not with the file */
			const f = hugetlb_file_setup(HUGETLB_ANON_FILE, Number(len), VM_NORESERVE,
				HUGETLB_ANONHUGE_INODE, (flags >> MAP_HUGE_SHIFT) & MAP_HUGE_MASK);
			if (IS_ERR(f))
				return PTR_ERR(f);
			file = f;
		}

		retval = vm_mmap_pgoff(file, addr, Number(len), prot, flags, pgoff);
	}
	if (file !== null)
		fput(file);
	return retval;
}

/** mm/mmap.c:vma_wants_writenotify(): whether clean pages are mapped read-only first. */
export function vma_wants_writenotify(vma: struct_vm_area_struct,
	vm_page_prot: pgprot_t): boolean {
	const vm_flags = vma.vm_flags;
	const vm_ops = vma.vm_ops;

	if ((vm_flags & (VM_WRITE | VM_SHARED)) !== (VM_WRITE | VM_SHARED))
		return false;

	if (vm_ops !== null && (vm_ops.page_mkwrite || vm_ops.pfn_mkwrite))
		return true;

	/* protections that are special already stay */
	if (!pgprot_same(vm_page_prot, vm_pgprot_modify(vm_page_prot, vm_flags)))
		return false;

	if (vm_flags & VM_PFNMAP)
		return false;

	return vma.vm_file !== null && vma.vm_file.f_mapping !== null &&
		mapping_can_writeback(vma.vm_file.f_mapping);
}

/** mm/mmap.c:accountable_mapping(): private writable, and not hugetlb's. */
function accountable_mapping(file: struct_file | null, vm_flags: number): boolean {
	if (file !== null && is_file_hugepages(file))
		return false;

	return (vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) === VM_WRITE;
}

/** mm/mmap.c:mmap_region(), mmap_lock held for write. */
export function mmap_region(file: struct_file | null, addr: unsigned_long, len: unsigned_long,
	vm_flags: number, pgoff: pgoff_t): unsigned_long {
	const mm = current.mm!;
	let vma: struct_vm_area_struct | null;
	let error: number;
	const l = new vma_links();
	let charged = 0;

	if (!may_expand_vm(mm, vm_flags, ul_shr(len, PAGE_SHIFT))) {
		/* what MAP_FIXED replaces does not count */
		const nr_pages = count_vma_pages_range(mm, addr, addr + len);

		if (!may_expand_vm(mm, vm_flags, ul_shr(len, PAGE_SHIFT) - nr_pages))
			return -ENOMEM;
	}

	if (munmap_vma_range(mm, addr, len, l))
		return -ENOMEM;
	const prev = l.prev;
	if (accountable_mapping(file, vm_flags)) {
		charged = ul_shr(len, PAGE_SHIFT);
		if (security_vm_enough_memory_mm(mm, charged))
			return -ENOMEM;
		vm_flags |= VM_ACCOUNT;
	}

	out: {
		vma = vma_merge(mm, prev, addr, addr + len, vm_flags, null, file, pgoff);
		if (vma !== null)
			break out;

		unacct_error: {
			vma = vm_area_alloc(mm);
			if (vma === null) {
				error = -ENOMEM;
				break unacct_error;
			}

			vma.vm_start = addr;
			vma.vm_end = addr + len;
			vma.vm_flags = vm_flags;
			vma.vm_page_prot = vm_get_page_prot(vm_flags);
			vma.vm_pgoff = pgoff;

			free_vma: {
				unmap_and_free_vma: {
					unmap_writable: {
						if (file !== null) {
							if (vm_flags & VM_SHARED) {
								error =
									mapping_map_writable(
										file.f_mapping!);
								if (error)
									break free_vma;
							}

							vma.vm_file = get_file(file);
							error = call_mmap(file, vma);
							if (error)
								break unmap_and_free_vma;

							/* ->mmap() does not move the mapping */
							WARN_ON_ONCE(addr !== vma.vm_start);

							addr = vma.vm_start;

							/*
							 * flags changed by ->mmap() may make it
							 * mergeable
							 */
							if (vm_flags !== vma.vm_flags &&
								prev !== null) {
								const merge = vma_merge(mm, prev,
									vma.vm_start,
									vma.vm_end, vma.vm_flags,
										null, vma.vm_file,
									vma.vm_pgoff);
								if (merge !== null) {
									fput(vma.vm_file);
									vm_area_free(vma);
									vma = merge;
									vm_flags = vma.vm_flags;
									break unmap_writable;
								}
							}

							vm_flags = vma.vm_flags;
						} else if (vm_flags & VM_SHARED) {
							error = shmem_zero_setup(vma);
							if (error)
								break free_vma;
						} else {
							vma_set_anonymous(vma);
						}

						if (!arch_validate_flags(vma.vm_flags)) {
							error = -EINVAL;
							if (file !== null)
								break unmap_and_free_vma;
							else
								break free_vma;
						}

						vma_link(mm, vma, l);
						khugepaged_enter_vma(vma, vma.vm_flags);
					}
					/* the linked VMA counts by itself now */
					if (file !== null && vm_flags & VM_SHARED)
						mapping_unmap_writable(file.f_mapping!);
					break out;
				}
				fput(vma.vm_file!);
				vma.vm_file = null;

				/* undo what a failed ->mmap() may have mapped */
				unmap_region(mm, vma, prev, vma.vm_start, vma.vm_end);
				if (vm_flags & VM_SHARED)
					mapping_unmap_writable(file!.f_mapping!);
			}
			vm_area_free(vma);
		}
		if (charged)
			vm_unacct_memory(charged);
		return error;
	}
	vm_stat_account(mm, vm_flags, ul_shr(len, PAGE_SHIFT));
	if (vm_flags & VM_LOCKED) {
		if ((vm_flags & VM_SPECIAL) || is_vm_hugetlb_page(vma))
			vma.vm_flags &= VM_LOCKED_CLEAR_MASK;
		else
			mm.locked_vm += ul_shr(len, PAGE_SHIFT);
	}

	/* a new VMA is soft-dirty in all its pages */
	vma.vm_flags |= VM_SOFTDIRTY;

	vma_set_page_prot(vma);

	return addr;
}

export const VM_UNMAPPED_AREA_TOPDOWN = 1;

export class struct_vm_unmapped_area_info {
	flags = 0;
	length: unsigned_long = 0;
	low_limit: unsigned_long = 0;
	high_limit: unsigned_long = 0;
	/** low bits that must equal align_offset's */
	align_mask = 0;
	align_offset: unsigned_long = 0;
}

/** (x - y) & mask, for a mask of low bits below 2^31 and any safe integers. */
function low_difference(x: number, y: number, mask: number): number {
	return ((x & mask) - (y & mask)) & mask;
}

/** mm/mmap.c:unmapped_area(): the lowest gap that fits, or -ENOMEM. */
function unmapped_area(info: struct_vm_unmapped_area_info): unsigned_long {
	const mm = current.mm!;
	const length = info.length + info.align_mask;
	let gap_start: number, gap_end: number;

	if (info.high_limit < length)
		return -ENOMEM;
	const high_limit = info.high_limit - length;

	if (info.low_limit > high_limit)
		return -ENOMEM;
	const low_limit = info.low_limit + length;

	found: {
		check_highest: {
			if (RB_EMPTY_ROOT(mm.mm_rb))
				break check_highest;
			let vma = rb_entry(mm.mm_rb.rb_node!, struct_vm_area_struct, "vm_rb");
			if (vma.rb_subtree_gap < length)
				break check_highest;

			visit: for (;;) {
				/* left first, if something there is high enough */
				gap_end = vm_start_gap(vma);
				if (gap_end >= low_limit && vma.vm_rb.rb_left !== null) {
					const left = rb_entry(vma.vm_rb.rb_left,
						struct_vm_area_struct,
						"vm_rb");
					if (left.rb_subtree_gap >= length) {
						vma = left;
						continue;
					}
				}

				gap_start = vma.vm_prev !== null ? vm_end_gap(vma.vm_prev) : 0;
				check_current: for (;;) {
					if (gap_start > high_limit)
						return -ENOMEM;
					if (gap_end >= low_limit && gap_end > gap_start &&
					    gap_end - gap_start >= length)
						break found;

					if (vma.vm_rb.rb_right !== null) {
						const right = rb_entry(vma.vm_rb.rb_right,
							struct_vm_area_struct, "vm_rb");
						if (right.rb_subtree_gap >= length) {
							vma = right;
							continue visit;
						}
					}

					/* back up, until we come from a left child */
					for (;;) {
						const prev: struct_rb_node = vma.vm_rb;
						const up: struct_rb_node | null = rb_parent(prev);
						if (up === null)
							break check_highest;
						vma = rb_entry(up, struct_vm_area_struct, "vm_rb");
						if (prev === vma.vm_rb.rb_left) {
							gap_start = vm_end_gap(vma.vm_prev!);
							gap_end = vm_start_gap(vma);
							continue check_current;
						}
					}
				}
			}
		}
		/* the gap above the last VMA */
		gap_start = mm.highest_vm_end;
		gap_end = Infinity;
		if (gap_start > high_limit)
			return -ENOMEM;
	}
	if (gap_start < info.low_limit)
		gap_start = info.low_limit;

	gap_start += low_difference(info.align_offset, gap_start, info.align_mask);

	VM_BUG_ON(gap_start + info.length > info.high_limit);
	VM_BUG_ON(gap_start + info.length > gap_end);
	return gap_start;
}

/** mm/mmap.c:unmapped_area_topdown(): the highest gap that fits, or -ENOMEM. */
function unmapped_area_topdown(info: struct_vm_unmapped_area_info): unsigned_long {
	const mm = current.mm!;
	const length = info.length + info.align_mask;
	let gap_start: number, gap_end: number;

	gap_end = info.high_limit;
	if (gap_end < length)
		return -ENOMEM;
	const high_limit = gap_end - length;

	if (info.low_limit > high_limit)
		return -ENOMEM;
	const low_limit = info.low_limit + length;

	found_highest: {
		found: {
			/* the gap above the last VMA first */
			gap_start = mm.highest_vm_end;
			if (gap_start <= high_limit)
				break found_highest;

			if (RB_EMPTY_ROOT(mm.mm_rb))
				return -ENOMEM;
			let vma = rb_entry(mm.mm_rb.rb_node!, struct_vm_area_struct, "vm_rb");
			if (vma.rb_subtree_gap < length)
				return -ENOMEM;

			visit: for (;;) {
				/* right first, if something there is low enough */
				gap_start = vma.vm_prev !== null ? vm_end_gap(vma.vm_prev) : 0;
				if (gap_start <= high_limit && vma.vm_rb.rb_right !== null) {
					const right = rb_entry(vma.vm_rb.rb_right,
						struct_vm_area_struct,
						"vm_rb");
					if (right.rb_subtree_gap >= length) {
						vma = right;
						continue;
					}
				}

				check_current: for (;;) {
					gap_end = vm_start_gap(vma);
					if (gap_end < low_limit)
						return -ENOMEM;
					if (gap_start <= high_limit && gap_end > gap_start &&
					    gap_end - gap_start >= length)
						break found;

					if (vma.vm_rb.rb_left !== null) {
						const left = rb_entry(vma.vm_rb.rb_left,
							struct_vm_area_struct, "vm_rb");
						if (left.rb_subtree_gap >= length) {
							vma = left;
							continue visit;
						}
					}

					/* back up, until we come from a right child */
					for (;;) {
						const prev: struct_rb_node = vma.vm_rb;
						const up: struct_rb_node | null = rb_parent(prev);
						if (up === null)
							return -ENOMEM;
						vma = rb_entry(up, struct_vm_area_struct, "vm_rb");
						if (prev === vma.vm_rb.rb_right) {
							gap_start = vma.vm_prev !== null ?
								vm_end_gap(vma.vm_prev) : 0;
							continue check_current;
						}
					}
				}
			}
		}
		if (gap_end > info.high_limit)
			gap_end = info.high_limit;
	}
	gap_end -= info.length;
	gap_end -= low_difference(gap_end, info.align_offset, info.align_mask);

	VM_BUG_ON(gap_end < info.low_limit);
	VM_BUG_ON(gap_end < gap_start);
	return gap_end;
}

/** mm/mmap.c:vm_unmapped_area() */
export function vm_unmapped_area(info: struct_vm_unmapped_area_info): unsigned_long {
	if (info.flags & VM_UNMAPPED_AREA_TOPDOWN)
		return unmapped_area_topdown(info);
	return unmapped_area(info);
}

/** mm/mmap.c:get_unmapped_area(): where a mapping goes, or a negative errno. */
export function get_unmapped_area(file: struct_file | null, addr: unsigned_long,
	len: unsigned_long, pgoff: pgoff_t, flags: number): unsigned_long {
	if (len > TASK_SIZE)
		return -ENOMEM;

	let get_area = current.mm!.get_unmapped_area!;
	if (file !== null) {
		if (file.f_op.get_unmapped_area)
			get_area = file.f_op.get_unmapped_area;
	} else if (flags & MAP_SHARED) {
		/* a tmpfs file will stand behind it, at offset 0 */
		pgoff = pgoff_t(0);
		get_area = shmem_get_unmapped_area;
	}

	addr = get_area(file, addr, len, pgoff, flags);
	if (IS_ERR_VALUE(addr))
		return addr;

	if (addr > TASK_SIZE - len)
		return -ENOMEM;
	if (offset_in_page(addr))
		return -EINVAL;

	return addr;
}

/** mm/mmap.c:find_vma(): the first VMA that ends above @addr. mmap_lock held. */
export function find_vma(mm: struct_mm_struct, addr: unsigned_long): struct_vm_area_struct | null {
	mmap_assert_locked(mm);

	let vma = vmacache_find(mm, addr);
	if (vma !== null)
		return vma;

	let rb_node = mm.mm_rb.rb_node;

	while (rb_node !== null) {
		const tmp = rb_node.owner as struct_vm_area_struct;

		if (tmp.vm_end > addr) {
			vma = tmp;
			if (tmp.vm_start <= addr)
				break;
			rb_node = rb_node.rb_left;
		} else
			rb_node = rb_node.rb_right;
	}

	if (vma !== null)
		vmacache_update(addr, vma);
	return vma;
}

/** mm/mmap.c:find_vma_prev() */
export function find_vma_prev(mm: struct_mm_struct, addr: unsigned_long,
	pprev: ref<struct_vm_area_struct | null>): struct_vm_area_struct | null {
	const vma = find_vma(mm, addr);

	if (vma !== null) {
		pprev.v = vma.vm_prev;
	} else {
		const rb_node = rb_last(mm.mm_rb);

		pprev.v = rb_node !== null ? rb_entry(rb_node, struct_vm_area_struct,
			"vm_rb") : null;
	}
	return vma;
}

/** mm/mmap.c:acct_stack_growth() */
function acct_stack_growth(vma: struct_vm_area_struct, size: unsigned_long, grow: number): number {
	const mm = vma.vm_mm!;

	if (!may_expand_vm(mm, vma.vm_flags, grow))
		return -ENOMEM;

	if (size > rlimit(RLIMIT_STACK))
		return -ENOMEM;

	if (mlock_future_check(mm, vma.vm_flags, ul_shl(grow, PAGE_SHIFT)))
		return -ENOMEM;

	/* the overcommit test comes last: it has an effect */
	if (security_vm_enough_memory_mm(mm, grow))
		return -ENOMEM;

	return 0;
}

/** mm/mmap.c:expand_downwards(): a stack grows to @address; mmap_lock held for read is enough. */
export function expand_downwards(vma: struct_vm_area_struct, address: unsigned_long): number {
	const mm = vma.vm_mm!;
	let error = 0;

	address = ul_and_not_low(address, PAGE_MASK_LOW);
	if (address < mmap_min_addr)
		return -EPERM;

	const prev = vma.vm_prev;
	/* what is readable below keeps its distance */
	if (prev !== null && !(prev.vm_flags & VM_GROWSDOWN) && vma_is_accessible(prev)) {
		if (address - prev.vm_end < stack_guard_gap)
			return -ENOMEM;
	}

	if (anon_vma_prepare(vma))
		return -ENOMEM;

	/* vm_start is changed under this lock, as mmap_lock may be held for read only */
	anon_vma_lock_write(vma.anon_vma!);

	/* somebody else may have been faster */
	if (address < vma.vm_start) {
		const size = vma.vm_end - address;
		const grow = ul_shr(vma.vm_start - address, PAGE_SHIFT);

		error = -ENOMEM;
		if (grow <= vma.vm_pgoff) {
			error = acct_stack_growth(vma, size, grow);
			if (!error) {
				spin_lock(mm.page_table_lock);
				if (vma.vm_flags & VM_LOCKED)
					mm.locked_vm += grow;
				vm_stat_account(mm, vma.vm_flags, grow);
				anon_vma_interval_tree_pre_update_vma(vma);
				vma.vm_start = address;
				vma.vm_pgoff = pgoff_t(vma.vm_pgoff - grow);
				anon_vma_interval_tree_post_update_vma(vma);
				vma_gap_update(vma);
				spin_unlock(mm.page_table_lock);
			}
		}
	}
	anon_vma_unlock_write(vma.anon_vma!);
	khugepaged_enter_vma(vma, vma.vm_flags);
	return error;
}

/** Bytes kept free below a stack. */
export const stack_guard_gap = 256 << PAGE_SHIFT;

/** mm/mmap.c:expand_stack() */
export function expand_stack(vma: struct_vm_area_struct, address: unsigned_long): number {
	return expand_downwards(vma, address);
}

/** mm/mmap.c:find_extend_vma() */
export function find_extend_vma(mm: struct_mm_struct, addr: unsigned_long):
	struct_vm_area_struct | null {
	addr = ul_and_not_low(addr, PAGE_MASK_LOW);
	const vma = find_vma(mm, addr);
	if (vma === null)
		return null;
	if (vma.vm_start <= addr)
		return vma;
	if (!(vma.vm_flags & VM_GROWSDOWN))
		return null;
	const start = vma.vm_start;
	if (expand_stack(vma, addr))
		return null;
	if (vma.vm_flags & VM_LOCKED)
		populate_vma_page_range(vma, addr, start, null);
	return vma;
}

/** mm/mmap.c:remove_vma_list(): the detached list, after its page tables are gone. */
function remove_vma_list(mm: struct_mm_struct, first: struct_vm_area_struct): void {
	let nr_accounted = 0;
	let vma: struct_vm_area_struct | null = first;

	update_hiwater_vm(mm);
	do {
		const nrpages = vma_pages(vma);

		if (vma.vm_flags & VM_ACCOUNT)
			nr_accounted += nrpages;
		vm_stat_account(mm, vma.vm_flags, -nrpages);
		vma = remove_vma(vma);
	} while (vma !== null);
	vm_unacct_memory(nr_accounted);
}

/** mm/mmap.c:unmap_region(): page tables of [start, end), which no VMA but the list's uses. */
function unmap_region(mm: struct_mm_struct, vma: struct_vm_area_struct,
	prev: struct_vm_area_struct | null, start: unsigned_long, end: unsigned_long): void {
	const next = vma_next(mm, prev);
	const tlb = new struct_mmu_gather();

	lru_add_drain();
	tlb_gather_mmu(tlb, mm);
	update_hiwater_rss(mm);
	unmap_vmas(tlb, vma, start, end);
	free_pgtables(tlb, vma, prev !== null ? prev.vm_end : FIRST_USER_ADDRESS,
		next !== null ? next.vm_start : USER_PGTABLES_CEILING);
	tlb_finish_mmu(tlb);
}

/** mm/mmap.c:detach_vmas_to_be_unmapped(); false when mmap_lock must not be downgraded. */
function detach_vmas_to_be_unmapped(mm: struct_mm_struct, first: struct_vm_area_struct,
	prev: struct_vm_area_struct | null, end: unsigned_long): boolean {
	let vma: struct_vm_area_struct | null = first;
	let tail_vma: struct_vm_area_struct;

	vma.vm_prev = null;
	do {
		vma_rb_erase(vma, mm.mm_rb);
		if (vma.vm_flags & VM_LOCKED)
			mm.locked_vm -= vma_pages(vma);
		mm.map_count--;
		tail_vma = vma;
		vma = vma.vm_next;
	} while (vma !== null && vma.vm_start < end);
	if (prev !== null)
		prev.vm_next = vma;
	else
		mm.mmap = vma;
	if (vma !== null) {
		vma.vm_prev = prev;
		vma_gap_update(vma);
	} else
		mm.highest_vm_end = prev !== null ? vm_end_gap(prev) : 0;
	tail_vma.vm_next = null;

	vmacache_invalidate(mm);

	/* a stack next to the hole may grow into it under the read lock */
	if (vma !== null && (vma.vm_flags & VM_GROWSDOWN))
		return false;
	if (prev !== null && (prev.vm_flags & VM_GROWSUP))
		return false;
	return true;
}

/** mm/mmap.c:__split_vma(), without the map_count check. */
export function __split_vma(mm: struct_mm_struct, vma: struct_vm_area_struct,
	addr: unsigned_long, new_below: number): number {
	let err: number;

	if (vma.vm_ops?.may_split) {
		err = vma.vm_ops.may_split(vma, addr);
		if (err)
			return err;
	}

	const new_ = vm_area_dup(vma);
	if (new_ === null)
		return -ENOMEM;

	if (new_below)
		new_.vm_end = addr;
	else {
		new_.vm_start = addr;
		new_.vm_pgoff = pgoff_t(new_.vm_pgoff + ul_shr(addr - vma.vm_start, PAGE_SHIFT));
	}

	out_free_vma: {
		err = anon_vma_clone(new_, vma);
		if (err)
			break out_free_vma;

		if (new_.vm_file !== null)
			get_file(new_.vm_file);

		if (new_.vm_ops?.open)
			new_.vm_ops.open(new_);

		if (new_below)
			err = vma_adjust(vma, addr, vma.vm_end,
				pgoff_t(vma.vm_pgoff + ul_shr(addr - new_.vm_start, PAGE_SHIFT)),
					new_);
		else
			err = vma_adjust(vma, vma.vm_start, addr, vma.vm_pgoff, new_);

		if (!err)
			return 0;

		if (new_.vm_ops?.close)
			new_.vm_ops.close(new_);
		if (new_.vm_file !== null)
			fput(new_.vm_file);
		unlink_anon_vmas(new_);
	}
	vm_area_free(new_);
	return err;
}

/** mm/mmap.c:split_vma(): @new_below says on which side of @addr the new VMA is. */
export function split_vma(mm: struct_mm_struct, vma: struct_vm_area_struct, addr: unsigned_long,
	new_below: number): number {
	if (mm.map_count >= sysctl_max_map_count)
		return -ENOMEM;

	return __split_vma(mm, vma, addr, new_below);
}

/**
 * mm/mmap.c:__do_munmap(), mmap_lock held for write; 1 when @downgrade was possible and it is now
 * held for read.
 */
export function __do_munmap(mm: struct_mm_struct, start: unsigned_long, len: unsigned_long,
	downgrade: boolean): number {
	let vma: struct_vm_area_struct | null;

	if (offset_in_page(start) || start > TASK_SIZE || len > TASK_SIZE - start)
		return -EINVAL;

	len = PAGE_ALIGN(len);
	const end = start + len;
	if (len === 0)
		return -EINVAL;

	vma = find_vma_intersection(mm, start, end);
	if (vma === null)
		return 0;
	let prev = vma.vm_prev;

	/* when the hole starts inside a VMA, or lies inside one, the rest is split off first */
	if (start > vma.vm_start) {
		/* two pieces remain: one mapping more */
		if (end < vma.vm_end && mm.map_count >= sysctl_max_map_count)
			return -ENOMEM;

		const error = __split_vma(mm, vma, start, 0);
		if (error)
			return error;
		prev = vma;
	}

	const last = find_vma(mm, end);
	if (last !== null && end > last.vm_start) {
		const error = __split_vma(mm, last, end, 1);
		if (error)
			return error;
	}
	vma = vma_next(mm, prev)!;

	if (!detach_vmas_to_be_unmapped(mm, vma, prev, end))
		downgrade = false;

	if (downgrade)
		mmap_write_downgrade(mm);

	unmap_region(mm, vma, prev, start, end);

	remove_vma_list(mm, vma);

	return downgrade ? 1 : 0;
}

/** mm/mmap.c:do_munmap() */
export function do_munmap(mm: struct_mm_struct, start: unsigned_long, len: unsigned_long): number {
	return __do_munmap(mm, start, len, false);
}

/** mm/mmap.c:__vm_munmap() */
function __vm_munmap(start: unsigned_long, len: unsigned_long, downgrade: boolean): number {
	const mm = current.mm!;

	if (mmap_write_lock_killable(mm))
		return -EINTR;

	let ret = __do_munmap(mm, start, len, downgrade);
	if (ret === 1) {
		mmap_read_unlock(mm);
		ret = 0;
	} else
		mmap_write_unlock(mm);

	return ret;
}

/** mm/mmap.c:vm_munmap() */
export function vm_munmap(start: unsigned_long, len: unsigned_long): number {
	return __vm_munmap(start, len, false);
}

/* addresses and lengths above 2^53 lose low bits on the way, and fail the same check */
export const sys_munmap = SYSCALL_DEFINE("munmap", ["ptr", "ptr"],
	(addr: unsigned_long, len: unsigned_long): number => __vm_munmap(addr, len, true));

/** mm/mmap.c:do_brk_flags() */
function do_brk_flags(addr: unsigned_long, len: unsigned_long, flags: number): number {
	const mm = current.mm!;
	const l = new vma_links();
	const pgoff = pgoff_t(ul_shr(addr, PAGE_SHIFT));

	if ((flags & ~VM_EXEC) !== 0)
		return -EINVAL;
	flags |= VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT | mm.def_flags;

	const mapped_addr = get_unmapped_area(null, addr, len, pgoff_t(0), MAP_FIXED);
	if (IS_ERR_VALUE(mapped_addr))
		return mapped_addr;

	const error = mlock_future_check(mm, mm.def_flags, len);
	if (error)
		return error;

	if (munmap_vma_range(mm, addr, len, l))
		return -ENOMEM;

	if (!may_expand_vm(mm, flags, ul_shr(len, PAGE_SHIFT)))
		return -ENOMEM;

	if (mm.map_count > sysctl_max_map_count)
		return -ENOMEM;

	if (security_vm_enough_memory_mm(mm, ul_shr(len, PAGE_SHIFT)))
		return -ENOMEM;

	let vma = vma_merge(mm, l.prev, addr, addr + len, flags, null, null, pgoff);
	out: {
		if (vma !== null)
			break out;

		vma = vm_area_alloc(mm);
		if (vma === null) {
			vm_unacct_memory(ul_shr(len, PAGE_SHIFT));
			return -ENOMEM;
		}

		vma_set_anonymous(vma);
		vma.vm_start = addr;
		vma.vm_end = addr + len;
		vma.vm_pgoff = pgoff;
		vma.vm_flags = flags;
		vma.vm_page_prot = vm_get_page_prot(flags);
		vma_link(mm, vma, l);
	}
	mm.total_vm += ul_shr(len, PAGE_SHIFT);
	mm.data_vm += ul_shr(len, PAGE_SHIFT);
	if (flags & VM_LOCKED)
		mm.locked_vm += ul_shr(len, PAGE_SHIFT);
	vma.vm_flags |= VM_SOFTDIRTY;
	return 0;
}

/** mm/mmap.c:exit_mmap(): the last user of @mm is gone. */
export function exit_mmap(mm: struct_mm_struct): void {
	const tlb = new struct_mmu_gather();
	let vma: struct_vm_area_struct | null;
	let nr_accounted = 0;

	/* subscribers drop what they map before the page tables go */
	mmu_notifier_release(mm);

	mmap_write_lock(mm);

	vma = mm.mmap;
	if (vma === null) {
		/* dup_mmap() failed before the first one */
		mmap_write_unlock(mm);
		return;
	}

	lru_add_drain();
	tlb_gather_mmu_fullmm(tlb, mm);
	/* the full mm: every translation goes with it */
	unmap_vmas(tlb, vma, 0, Infinity);
	free_pgtables(tlb, vma, FIRST_USER_ADDRESS, USER_PGTABLES_CEILING);
	tlb_finish_mmu(tlb);

	while (vma !== null) {
		if (vma.vm_flags & VM_ACCOUNT)
			nr_accounted += vma_pages(vma);
		vma = remove_vma(vma);
		cond_resched();
	}
	mm.mmap = null;
	mmap_write_unlock(mm);
	vm_unacct_memory(nr_accounted);
}

/** mm/mmap.c:insert_vm_struct() */
export function insert_vm_struct(mm: struct_mm_struct, vma: struct_vm_area_struct): number {
	const l = new vma_links();

	if (find_vma_links(mm, vma.vm_start, vma.vm_end, l))
		return -ENOMEM;
	if ((vma.vm_flags & VM_ACCOUNT) && security_vm_enough_memory_mm(mm, vma_pages(vma)))
		return -ENOMEM;

	/* the offset of an anonymous VMA is its address, until a fault fixes it */
	if (vma_is_anonymous(vma)) {
		VM_BUG_ON_VMA(vma.anon_vma !== null, vma);
		vma.vm_pgoff = pgoff_t(ul_shr(vma.vm_start, PAGE_SHIFT));
	}

	vma_link(mm, vma, l);
	return 0;
}

/** mm/mmap.c:copy_vma(): the VMA that mremap() moves page tables to, merged if possible. */
export function copy_vma(vmap: ref<struct_vm_area_struct>, addr: unsigned_long,
	len: unsigned_long, pgoff: pgoff_t, need_rmap_locks: ref<boolean>):
	struct_vm_area_struct | null {
	let vma = vmap.v;
	const vma_start = vma.vm_start;
	const mm = vma.vm_mm!;
	const l = new vma_links();
	let faulted_in_anon_vma = true;

	/* nothing was ever mapped there: its offset may be the new address */
	if (vma_is_anonymous(vma) && vma.anon_vma === null) {
		pgoff = pgoff_t(ul_shr(addr, PAGE_SHIFT));
		faulted_in_anon_vma = false;
	}

	if (find_vma_links(mm, addr, addr + len, l))
		return null;

	let new_vma = vma_merge(mm, l.prev, addr, addr + len, vma.vm_flags, vma.anon_vma,
		vma.vm_file, pgoff);
	if (new_vma !== null) {
		if (vma_start >= new_vma.vm_start && vma_start < new_vma.vm_end) {
			/* merged with its own source, which only an untouched VMA can do */
			VM_BUG_ON_VMA(faulted_in_anon_vma, new_vma);
			vmap.v = vma = new_vma;
		}
		need_rmap_locks.v = new_vma.vm_pgoff <= vma.vm_pgoff;
	} else {
		out: {
			new_vma = vm_area_dup(vma);
			if (new_vma === null)
				break out;
			new_vma.vm_start = addr;
			new_vma.vm_end = addr + len;
			new_vma.vm_pgoff = pgoff;
			if (anon_vma_clone(new_vma, vma)) {
				vm_area_free(new_vma);
				break out;
			}
			if (new_vma.vm_file !== null)
				get_file(new_vma.vm_file);
			if (new_vma.vm_ops?.open)
				new_vma.vm_ops.open(new_vma);
			vma_link(mm, new_vma, l);
			need_rmap_locks.v = false;
			return new_vma;
		}
		return null;
	}
	return new_vma;
}

/** mm/mmap.c:may_expand_vm(): RLIMIT_AS and RLIMIT_DATA. */
export function may_expand_vm(mm: struct_mm_struct, flags: number, npages: number): boolean {
	if (mm.total_vm + npages > ul_shr(rlimit(RLIMIT_AS), PAGE_SHIFT))
		return false;

	if (is_data_mapping(flags) &&
	    mm.data_vm + npages > ul_shr(rlimit(RLIMIT_DATA), PAGE_SHIFT)) {
		/* 0 stands for "as the hard limit says" in some programs */
		if (rlimit(RLIMIT_DATA) === 0 &&
		    mm.data_vm + npages <= ul_shr(rlimit_max(RLIMIT_DATA), PAGE_SHIFT))
			return true;

		pr_warn_once(`${current.comm} (${current.pid}): VmData ` +
			`${ul_shl(mm.data_vm + npages, PAGE_SHIFT)} exceed data ulimit ` +
			`${rlimit(RLIMIT_DATA)}. Update limits or use boot option ignore_rlimit_data.\n`);

		if (!ignore_rlimit_data)
			return false;
	}

	return true;
}

/** mm/mmap.c:vm_stat_account() */
export function vm_stat_account(mm: struct_mm_struct, flags: number, npages: number): void {
	mm.total_vm += npages;

	if (is_exec_mapping(flags))
		mm.exec_vm += npages;
	else if (is_stack_mapping(flags))
		mm.stack_vm += npages;
	else if (is_data_mapping(flags))
		mm.data_vm += npages;
}

const mm_all_locks_mutex = DEFINE_MUTEX("mm_all_locks_mutex");

/** mm/mmap.c:vm_lock_anon_vma(): a root is taken once, however many VMAs it has. */
function vm_lock_anon_vma(mm: struct_mm_struct, anon_vma: struct_anon_vma): void {
	const root = anon_vma.root!;

	if (!root.mm_all_locks) {
		down_write_nest_lock(root.rwsem, mm.mmap_lock);
		root.mm_all_locks = true;
	}
}

/** mm/mmap.c:vm_lock_mapping() */
function vm_lock_mapping(mm: struct_mm_struct, mapping: struct_address_space): void {
	if (!(mapping.flags & (1 << AS_MM_ALL_LOCKS))) {
		mapping.flags |= 1 << AS_MM_ALL_LOCKS;
		down_write_nest_lock(mapping.i_mmap_rwsem, mm.mmap_lock);
	}
}

/**
 * mm/mmap.c:mm_take_all_locks(): keeps every rmap walk out of @mm; -EINTR on a signal. mmap_lock
 * held for write.
 */
export function mm_take_all_locks(mm: struct_mm_struct): number {
	let vma: struct_vm_area_struct | null;

	mmap_assert_write_locked(mm);

	mutex_lock(mm_all_locks_mutex);

	out_unlock: {
		for (vma = mm.mmap; vma !== null; vma = vma.vm_next) {
			if (signal_pending(current))
				break out_unlock;
			if (vma.vm_file !== null && vma.vm_file.f_mapping !== null &&
			    is_vm_hugetlb_page(vma))
				vm_lock_mapping(mm, vma.vm_file.f_mapping);
		}

		for (vma = mm.mmap; vma !== null; vma = vma.vm_next) {
			if (signal_pending(current))
				break out_unlock;
			if (vma.vm_file !== null && vma.vm_file.f_mapping !== null &&
			    !is_vm_hugetlb_page(vma))
				vm_lock_mapping(mm, vma.vm_file.f_mapping);
		}

		for (vma = mm.mmap; vma !== null; vma = vma.vm_next) {
			if (signal_pending(current))
				break out_unlock;
			if (vma.anon_vma !== null)
				for (const avc of list_for_each_entry(vma.anon_vma_chain,
					struct_anon_vma_chain, "same_vma"))
					vm_lock_anon_vma(mm, avc.anon_vma!);
		}

		return 0;
	}

	mm_drop_all_locks(mm);
	return -EINTR;
}

/** mm/mmap.c:vm_unlock_anon_vma() */
function vm_unlock_anon_vma(anon_vma: struct_anon_vma): void {
	if (anon_vma.root!.mm_all_locks) {
		anon_vma.root!.mm_all_locks = false;
		anon_vma_unlock_write(anon_vma);
	}
}

/** mm/mmap.c:vm_unlock_mapping() */
function vm_unlock_mapping(mapping: struct_address_space): void {
	if (mapping.flags & (1 << AS_MM_ALL_LOCKS)) {
		i_mmap_unlock_write(mapping);
		mapping.flags &= ~(1 << AS_MM_ALL_LOCKS);
	}
}

/** mm/mmap.c:mm_drop_all_locks() */
export function mm_drop_all_locks(mm: struct_mm_struct): void {
	mmap_assert_write_locked(mm);

	for (let vma = mm.mmap; vma !== null; vma = vma.vm_next) {
		if (vma.anon_vma !== null)
			for (const avc of list_for_each_entry(vma.anon_vma_chain,
				struct_anon_vma_chain,
				"same_vma"))
				vm_unlock_anon_vma(avc.anon_vma!);
		if (vma.vm_file !== null && vma.vm_file.f_mapping !== null)
			vm_unlock_mapping(vma.vm_file.f_mapping);
	}

	mutex_unlock(mm_all_locks_mutex);
}
