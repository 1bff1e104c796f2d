// SPDX-License-Identifier: GPL-2.0-only
/*
 * hugetlbfs: files whose pages come from the pools of huge pages.
 *
 * Upstream: fs/hugetlbfs/inode.c. Left out: names in directories (mknod, mkdir, create, symlink),
 * mempolicies, hugetlbfs_migrate_folio() (without MIGRATION), the search for an address of
 * architectures without one of their own.
 *
 * The page cache of such a file is indexed in huge pages; its i_mmap, as everywhere, in small
 * ones. Lock order: i_rwsem, then i_mmap_rwsem, then a fault mutex, then a folio's lock.
 */
import { ul_shr } from "#asm-generic/bits.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import {
	loff_t as to_loff, loff_to_pgoff, LLONG_MAX, PGOFF_MAX, pgoff_t as to_pgoff, pgoff_to_loff,
	ref, U32_MAX, type loff_t, type pgoff_t,
} from "#asm-generic/types.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { BUG, BUG_ON } from "#linux/bug.ts";
import { capable, CAP_IPC_LOCK } from "#linux/capability.ts";
import { unlikely } from "#linux/compiler.ts";
import { current_fsgid, current_fsuid, in_group_p } from "#linux/cred.ts";
import { d_make_root, d_tmpfile } from "#linux/dcache.ts";
import {
	EFAULT, EINTR, EINVAL, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOTSUPP, EOPNOTSUPP, EPERM,
} from "#linux/errno.ts";
import { alloc_file_pseudo } from "#linux/file.ts";
import { ATTR_SIZE, MAX_LFS_FILESIZE, S_PRIVATE, SB_KERNMOUNT } from "#linux/fs.const.ts";
import {
	alloc_inode_sb, clear_inode, clear_nlink, current_time, d_inode, default_llseek,
	file_accessed, file_inode, get_next_ino, i_mmap_lock_write, i_mmap_unlock_write,
	i_size_read, i_size_write, inc_nlink, init_special_inode, inode_init_once, inode_init_owner,
	inode_lock, inode_newsize_ok, inode_unlock, iput, kill_litter_super, mark_inode_dirty,
	new_inode, noop_fsync, register_filesystem, S_ISREG, setattr_copy, setattr_prepare,
	simple_dir_operations, unregister_filesystem,
} from "#linux/fs.ts";
import type {
	struct_address_space, struct_address_space_operations, struct_dentry, struct_file,
	struct_file_operations, struct_file_system_type, struct_iattr, struct_inode,
	struct_inode_operations, struct_kiocb, struct_super_block, struct_super_operations,
	struct_user_namespace, struct_vfsmount,
} from "#linux/fs.types.ts";
import {
	fs_context_for_mount, get_tree_nodev, invalfc, put_fs_context, type struct_fs_context,
	type struct_fs_context_operations, type struct_fs_parameter,
} from "#linux/fs_context.ts";
import {
	fs_parse, fsparam_string, fsparam_u32, fsparam_u32oct, type fs_parameter_spec,
	type fs_parse_result,
} from "#linux/fs_parser.ts";
import { GFP_KERNEL } from "#linux/gfp_types.ts";
import { folio_zero_segment } from "#linux/highmem.ts";
import {
	alloc_huge_page, default_hstate, default_hstate_index, hstate_file, hstate_index,
	hstate_inode, hstate_sizelog, hstates, HPageRestoreReserve, huge_add_to_page_cache,
	huge_page_mask_low, huge_page_order, huge_page_shift, huge_page_size, hugepage_new_subpool,
	hugepage_put_subpool, hugepages_supported, hugetlb_fault_mutex_hash,
	hugetlb_fault_mutex_table, hugetlb_fix_reserve_counts, hugetlb_get_unmapped_area,
	hugetlb_reserve_pages, HUGETLB_SHMFS_INODE, hugetlb_unreserve_pages, hugetlb_vm_ops,
	HUGETLBFS_I, HUGETLBFS_SB, hugetlbfs_inode_info, hugetlbfs_sb_info, pages_per_huge_page,
	resv_map_alloc, resv_map_release, restore_reserve_on_error, SetHPageMigratable,
	size_to_hstate, unmap_hugepage_range, type struct_hstate, type struct_resv_map,
} from "#linux/hugetlb.ts";
import { fs_initcall } from "#linux/init.ts";
import { memparse } from "#linux/kernel.ts";
import { kref_put } from "#linux/kref.ts";
import { lockdep_set_class } from "#linux/lockdep.ts";
import {
	VM_DONTEXPAND, VM_HUGETLB, VM_MAYSHARE, VM_SHARED, VM_WRITE, ZAP_FLAG_DROP_MARKER,
} from "#linux/mm.const.ts";
import {
	clear_huge_page, folio_mapped, folio_put, put_page, seal_check_future_write, user_shm_lock,
	user_shm_unlock, vma_init, vma_interval_tree_iter_first, vma_interval_tree_iter_next,
} from "#linux/mm.ts";
import { struct_vm_area_struct, type struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import { fc_mount } from "#linux/mount.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { __SetPageUptodate, ClearPageDirty, ClearPageUptodate } from "#linux/page-flags.ts";
import {
	delete_from_page_cache, filemap_get_folios, filemap_lock_folio, find_get_page,
	find_lock_page, folio_lock, folio_unlock, noop_dirty_folio, unlock_page,
} from "#linux/pagemap.ts";
import {
	folio_batch_count, folio_batch_init, folio_batch_release, struct_folio_batch,
} from "#linux/pagevec.ts";
import { pr_err, pr_info, pr_warn_once } from "#linux/printk.ts";
import { RB_EMPTY_ROOT } from "#linux/rbtree.ts";
import type { struct_rb_root_cached } from "#linux/rbtree_types.ts";
import { cond_resched, current, signal_pending } from "#linux/sched.ts";
import { seq_printf, type struct_seq_file } from "#linux/seq_file.ts";
import {
	kfree, kmalloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, kzalloc,
	SLAB_ACCOUNT, type struct_kmem_cache,
} from "#linux/slab.ts";
import {
	spin_lock, spin_lock_init, spin_lock_irq, spin_unlock, spin_unlock_irq,
} from "#linux/spinlock.ts";
import { S_IFDIR, S_IFMT, S_IFREG, S_IRWXUGO } from "#linux/stat.ts";
import type { struct_kstatfs } from "#linux/statfs.ts";
import {
	copy_page_to_iter, iov_iter_count, iov_iter_zero, type struct_iov_iter,
} from "#linux/uio.ts";
import { init_user_ns } from "#linux/user_namespace.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE, O_RDWR,
} from "#uapi/linux/fcntl.ts";
import { NAME_MAX } from "#uapi/linux/limits.ts";
import { HUGETLBFS_MAGIC } from "#uapi/linux/magic.ts";

/* enum hugetlbfs_size_type */
const NO_SIZE		= 0;
const SIZE_STD		= 1;
const SIZE_PERCENT	= 2;

/* hpages and inodes: -1 is no limit */
class hugetlbfs_fs_context {
	hstate: struct_hstate | null = null;
	max_size_opt = 0;
	min_size_opt = 0;
	max_hpages = 0;
	nr_inodes = 0;
	min_hpages = 0;
	max_val_type = NO_SIZE;
	min_val_type = NO_SIZE;
	uid = 0;
	gid = 0;
	mode = 0;
}

const sysctl_hugetlb_shm_group = 0;

/* enum hugetlb_param */
const Opt_gid		= 0;
const Opt_min_size	= 1;
const Opt_mode		= 2;
const Opt_nr_inodes	= 3;
const Opt_pagesize	= 4;
const Opt_size		= 5;
const Opt_uid		= 6;

const hugetlb_fs_parameters: readonly fs_parameter_spec[] = [
	fsparam_u32("gid",		Opt_gid),
	fsparam_string("min_size",	Opt_min_size),
	fsparam_u32oct("mode",		Opt_mode),
	fsparam_string("nr_inodes",	Opt_nr_inodes),
	fsparam_string("pagesize",	Opt_pagesize),
	fsparam_string("size",		Opt_size),
	fsparam_u32("uid",		Opt_uid),
];

/* from this page on an offset in bytes, and another page, do not fit a loff_t (C: as a mask) */
const PGOFF_LOFFT_MAX = 2 ** 51;

/** pos >> huge_page_shift(h); a negative offset is, as in C, beyond every page. */
function loff_to_hpgoff(h: struct_hstate, pos: loff_t): pgoff_t {
	return pos < 0n ? PGOFF_MAX : to_pgoff(Number(pos >> BigInt(huge_page_shift(h))));
}

/** pos & ~huge_page_mask(h) */
function loff_in_hpage(h: struct_hstate, pos: loff_t): number {
	return Number(BigInt.asUintN(huge_page_shift(h), pos));
}

/** fs/hugetlbfs/inode.c:hugetlbfs_file_mmap() */
function hugetlbfs_file_mmap(file: struct_file, vma: struct_vm_area_struct): number {
	const inode = file_inode(file);
	const info = HUGETLBFS_I(inode);
	const h = hstate_file(file);

	vma.vm_flags |= VM_HUGETLB | VM_DONTEXPAND;
	vma.vm_ops = hugetlb_vm_ops;

	let ret = seal_check_future_write(info.seals, vma);
	if (ret)
		return ret;

	if (vma.vm_pgoff >= PGOFF_LOFFT_MAX)
		return -EINVAL;

	/* addresses are aligned to huge pages already; so must the offset be */
	if (vma.vm_pgoff & (pages_per_huge_page(h) - 1))
		return -EINVAL;

	const vma_len = BigInt(vma.vm_end - vma.vm_start);
	const len = to_loff(vma_len + pgoff_to_loff(vma.vm_pgoff));
	if (len < vma_len)
		return -EINVAL;

	inode_lock(inode);
	file_accessed(file);

	ret = -ENOMEM;
	out: {
		if (!hugetlb_reserve_pages(inode, ul_shr(vma.vm_pgoff, huge_page_order(h)),
			loff_to_hpgoff(h, len), vma, vma.vm_flags))
			break out;

		ret = 0;
		if (vma.vm_flags & VM_WRITE && inode.i_size < len)
			i_size_write(inode, len);
	}
	inode_unlock(inode);

	return ret;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_read_iter() */
function hugetlbfs_read_iter(iocb: struct_kiocb, to: struct_iov_iter): number {
	const file = iocb.ki_filp;
	const h = hstate_file(file);
	const mapping = file.f_mapping!;
	const inode = mapping.host!;
	let index: number = loff_to_hpgoff(h, iocb.ki_pos);
	let offset = loff_in_hpage(h, iocb.ki_pos);
	let retval = 0;

	while (iov_iter_count(to)) {
		let copied: number;

		/* readers do not hold i_rwsem against truncation */
		let nr = huge_page_size(h);
		const isize = i_size_read(inode);
		if (!isize)
			break;
		const end_index = loff_to_hpgoff(h, isize - 1n);
		if (index > end_index)
			break;
		if (index === end_index) {
			nr = loff_in_hpage(h, isize - 1n) + 1;
			if (nr <= offset)
				break;
		}
		nr -= offset;

		const page = find_lock_page(mapping, to_pgoff(index));
		if (page === null) {
			copied = iov_iter_zero(nr, to);
		} else {
			unlock_page(page);

			copied = copy_page_to_iter(page, offset, nr, to);
			put_page(page);
		}
		offset += copied;
		retval += copied;
		if (copied !== nr && iov_iter_count(to)) {
			if (!retval)
				retval = -EFAULT;
			break;
		}
		index += ul_shr(offset, huge_page_shift(h));
		offset &= huge_page_mask_low(h);
	}
	iocb.ki_pos = (BigInt(index) << BigInt(huge_page_shift(h))) + BigInt(offset);
	return retval;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_write_begin(). There is no write(2) here. */
function hugetlbfs_write_begin(_file: struct_file | null, _mapping: struct_address_space,
	_pos: loff_t, _len: number, _pagep: ref<struct_page | null>,
		_fsdata: ref<unknown>): number {
	return -EINVAL;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_write_end() */
function hugetlbfs_write_end(_file: struct_file | null, _mapping: struct_address_space,
	_pos: loff_t, _len: number, _copied: number, _page: struct_page, _fsdata: unknown): number {
	return BUG();
}

/** fs/hugetlbfs/inode.c:remove_huge_page() */
function remove_huge_page(page: struct_page): void {
	ClearPageDirty(page);
	ClearPageUptodate(page);
	delete_from_page_cache(page);
}

/**
 * fs/hugetlbfs/inode.c:hugetlb_vmdelete_list(), i_mmap_rwsem held for writing: unmaps [start, end),
 * in small pages, wherever it is mapped. @end 0: all from @start on.
 */
function hugetlb_vmdelete_list(root: struct_rb_root_cached, start: number, end: number,
	zap_flags: number): void {
	const last = end ? end - 1 : PGOFF_MAX;

	for (let vma = vma_interval_tree_iter_first(root, start, last); vma !== null;
		vma = vma_interval_tree_iter_next(vma, start, last)) {
		let v_offset: number;
		let v_end: number;

		/* @start and @end are multiples of the page size, and so is what is unmapped */
		if (vma.vm_pgoff < start)
			v_offset = (start - vma.vm_pgoff) * PAGE_SIZE;
		else
			v_offset = 0;

		if (!end)
			v_end = vma.vm_end;
		else {
			v_end = (end - vma.vm_pgoff) * PAGE_SIZE + vma.vm_start;
			if (v_end > vma.vm_end)
				v_end = vma.vm_end;
		}

		unmap_hugepage_range(vma, vma.vm_start + v_offset, v_end, null, zap_flags);
	}
}

/**
 * fs/hugetlbfs/inode.c:remove_inode_hugepages(). [lstart, lend) is a hole, or with LLONG_MAX a
 * truncation: there i_size is set already and faults stay out, while in a hole they come and
 * go, and the fault mutex keeps them off a page.
 */
function remove_inode_hugepages(inode: struct_inode, lstart: loff_t, lend: loff_t): void {
	const h = hstate_inode(inode);
	const mapping = inode.i_data;
	const start = loff_to_hpgoff(h, lstart);
	const end = loff_to_hpgoff(h, lend);
	const fbatch = new struct_folio_batch();
	const next = new ref(start);
	let freed = 0;
	const truncate_op = lend === LLONG_MAX;

	folio_batch_init(fbatch);
	while (filemap_get_folios(mapping, next, to_pgoff(end - 1), fbatch)) {
		for (let i = 0; i < folio_batch_count(fbatch); ++i) {
			const folio = fbatch.folios[i]!;
			let hash = 0;

			const index = folio.index;
			if (!truncate_op) {
				hash = hugetlb_fault_mutex_hash(mapping, index);
				mutex_lock(hugetlb_fault_mutex_table[hash]!);
			}

			/* mapped since the range was unmapped: i_mmap_rwsem is outside the mutex */
			if (unlikely(folio_mapped(folio))) {
				BUG_ON(truncate_op);

				mutex_unlock(hugetlb_fault_mutex_table[hash]!);
				i_mmap_lock_write(mapping);
				mutex_lock(hugetlb_fault_mutex_table[hash]!);
				hugetlb_vmdelete_list(mapping.i_mmap,
					index * pages_per_huge_page(h),
					(index + 1) * pages_per_huge_page(h),
					ZAP_FLAG_DROP_MARKER);
				i_mmap_unlock_write(mapping);
			}

			folio_lock(folio);
			/* what is in the page cache has used its reservation */
			VM_BUG_ON(HPageRestoreReserve(folio));
			remove_huge_page(folio);
			freed++;
			if (!truncate_op) {
				if (unlikely(hugetlb_unreserve_pages(inode, index, index + 1,
					1) !== 0))
					hugetlb_fix_reserve_counts(inode);
			}

			folio_unlock(folio);
			if (!truncate_op)
				mutex_unlock(hugetlb_fault_mutex_table[hash]!);
		}
		folio_batch_release(fbatch);
		cond_resched();
	}

	if (truncate_op)
		hugetlb_unreserve_pages(inode, start, Infinity, freed);
}

/** fs/hugetlbfs/inode.c:hugetlbfs_evict_inode() */
function hugetlbfs_evict_inode(inode: struct_inode): void {
	remove_inode_hugepages(inode, 0n, LLONG_MAX);

	/* of i_data: i_mapping may be another inode's */
	const resv_map = inode.i_data.private_data as struct_resv_map | null;
	/* only the root directory has none */
	if (resv_map)
		resv_map_release(resv_map.refs);
	clear_inode(inode);
}

/** fs/hugetlbfs/inode.c:hugetlb_vmtruncate() */
function hugetlb_vmtruncate(inode: struct_inode, offset: loff_t): void {
	const mapping = inode.i_mapping;
	const h = hstate_inode(inode);

	BUG_ON(loff_in_hpage(h, offset) !== 0);
	const pgoff = loff_to_pgoff(offset);

	i_mmap_lock_write(mapping);
	i_size_write(inode, offset);
	if (!RB_EMPTY_ROOT(mapping.i_mmap.rb_root))
		hugetlb_vmdelete_list(mapping.i_mmap, pgoff, 0, ZAP_FLAG_DROP_MARKER);
	i_mmap_unlock_write(mapping);
	remove_inode_hugepages(inode, offset, LLONG_MAX);
}

/** fs/hugetlbfs/inode.c:hugetlbfs_zero_partial_page(): [start, end) within a huge page. */
function hugetlbfs_zero_partial_page(h: struct_hstate, mapping: struct_address_space,
	start: loff_t, end: loff_t): void {
	const idx = loff_to_hpgoff(h, start);

	const folio = filemap_lock_folio(mapping, idx);
	if (!folio)
		return;

	const from = loff_in_hpage(h, start);
	let to = loff_in_hpage(h, end);
	if (!to)
		to = huge_page_size(h);

	folio_zero_segment(folio, from, to);

	folio_unlock(folio);
	folio_put(folio);
}

/** fs/hugetlbfs/inode.c:hugetlbfs_punch_hole(): frees whole huge pages, zeroes the rest. */
function hugetlbfs_punch_hole(inode: struct_inode, offset: loff_t, len: loff_t): number {
	const info = HUGETLBFS_I(inode);
	const mapping = inode.i_mapping;
	const h = hstate_inode(inode);
	const hpage_low = BigInt(huge_page_mask_low(h));

	const hole_start = to_loff((offset + hpage_low) & ~hpage_low);
	const hole_end = (offset + len) & ~hpage_low;

	inode_lock(inode);

	/* protected by i_rwsem */
	if (info.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
		inode_unlock(inode);
		return -EPERM;
	}

	i_mmap_lock_write(mapping);

	if (offset < hole_start)
		hugetlbfs_zero_partial_page(h, mapping, offset,
			offset + len < hole_start ? offset + len : hole_start);

	if (hole_end > hole_start) {
		if (!RB_EMPTY_ROOT(mapping.i_mmap.rb_root))
			hugetlb_vmdelete_list(mapping.i_mmap, loff_to_pgoff(hole_start),
				loff_to_pgoff(hole_end), 0);
	}

	if (offset + len > hole_end && offset + len > hole_start)
		hugetlbfs_zero_partial_page(h, mapping, hole_end, offset + len);

	i_mmap_unlock_write(mapping);

	if (hole_end > hole_start)
		remove_inode_hugepages(inode, hole_start, hole_end);

	inode_unlock(inode);

	return 0;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_fallocate() */
function hugetlbfs_fallocate(file: struct_file, mode: number, offset: loff_t,
	len: loff_t): number {
	const inode = file_inode(file);
	const info = HUGETLBFS_I(inode);
	const mapping = inode.i_mapping;
	const h = hstate_inode(inode);
	const hpage_size = huge_page_size(h);
	let error: number;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;

	if (mode & FALLOC_FL_PUNCH_HOLE)
		return hugetlbfs_punch_hole(inode, offset, len);

	const start = loff_to_hpgoff(h, offset);
	const end = loff_to_hpgoff(h, to_loff(offset + len + BigInt(hpage_size) - 1n));

	inode_lock(inode);

	out: {
		/* the limits count with FALLOC_FL_KEEP_SIZE too */
		error = inode_newsize_ok(inode, offset + len);
		if (error)
			break out;

		if ((info.seals & F_SEAL_GROW) && offset + len > inode.i_size) {
			error = -EPERM;
			break out;
		}

		/*
		 * what the allocator wants to know of the mapping, at address 0 of which the file
		 * starts
		 */
		const pseudo_vma = new struct_vm_area_struct();
		vma_init(pseudo_vma, current.mm!);
		pseudo_vma.vm_flags = VM_HUGETLB | VM_MAYSHARE | VM_SHARED;
		pseudo_vma.vm_file = file;

		for (let index: number = start; index < end; index++) {
			cond_resched();

			/* we may be interrupted for using too much memory */
			if (signal_pending(current)) {
				error = -EINTR;
				break;
			}

			const addr = index * hpage_size;

			/* faults stay out, and other allocations */
			const hash = hugetlb_fault_mutex_hash(mapping, to_pgoff(index));
			mutex_lock(hugetlb_fault_mutex_table[hash]!);

			const present = find_get_page(mapping, to_pgoff(index));
			if (present) {
				put_page(present);
				mutex_unlock(hugetlb_fault_mutex_table[hash]!);
				continue;
			}

			const page = alloc_huge_page(pseudo_vma, addr, 0);
			if (IS_ERR(page)) {
				mutex_unlock(hugetlb_fault_mutex_table[hash]!);
				error = PTR_ERR(page);
				break out;
			}
			clear_huge_page(page, addr, pages_per_huge_page(h));
			__SetPageUptodate(page);
			error = huge_add_to_page_cache(page, mapping, to_pgoff(index));
			if (unlikely(error !== 0)) {
				restore_reserve_on_error(h, pseudo_vma, addr, page);
				put_page(page);
				mutex_unlock(hugetlb_fault_mutex_table[hash]!);
				break out;
			}

			mutex_unlock(hugetlb_fault_mutex_table[hash]!);

			SetHPageMigratable(page);
			/*
			 * huge_add_to_page_cache() locked it; the page cache has its own
			 * reference
			 */
			unlock_page(page);
			put_page(page);
		}

		if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + len > inode.i_size)
			i_size_write(inode, offset + len);
		inode.i_ctime = current_time(inode);
	}
	inode_unlock(inode);
	return error;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_setattr(). i_rwsem is held. */
function hugetlbfs_setattr(_mnt_userns: struct_user_namespace, dentry: struct_dentry,
	attr: struct_iattr): number {
	const inode = d_inode(dentry)!;
	const h = hstate_inode(inode);
	const ia_valid = attr.ia_valid;
	const info = HUGETLBFS_I(inode);

	const error = setattr_prepare(init_user_ns, dentry, attr);
	if (error)
		return error;

	if (ia_valid & ATTR_SIZE) {
		const oldsize = inode.i_size;
		const newsize = attr.ia_size;

		if (loff_in_hpage(h, newsize))
			return -EINVAL;
		/* protected by i_rwsem */
		if ((newsize < oldsize && (info.seals & F_SEAL_SHRINK)) ||
		    (newsize > oldsize && (info.seals & F_SEAL_GROW)))
			return -EPERM;
		hugetlb_vmtruncate(inode, newsize);
	}

	setattr_copy(init_user_ns, inode, attr);
	mark_inode_dirty(inode);
	return 0;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_get_root() */
function hugetlbfs_get_root(sb: struct_super_block,
	ctx: hugetlbfs_fs_context): struct_inode | null {
	const inode = new_inode(sb);
	if (inode) {
		inode.i_ino = get_next_ino();
		inode.i_mode = S_IFDIR | ctx.mode;
		inode.i_uid = ctx.uid;
		inode.i_gid = ctx.gid;
		inode.i_atime = inode.i_mtime = inode.i_ctime = current_time(inode);
		inode.i_op = hugetlbfs_dir_inode_operations;
		inode.i_fop = simple_dir_operations;
		/* for "." */
		inc_nlink(inode);
	}
	return inode;
}

/*
 * Of a class of its own: truncation and faults take i_mmap_rwsem here outside the page locks,
 * everywhere else it is inside.
 */
const hugetlbfs_i_mmap_rwsem_key = "hugetlbfs_i_mmap_rwsem_key";

/** fs/hugetlbfs/inode.c:hugetlbfs_get_inode() */
function hugetlbfs_get_inode(sb: struct_super_block, dir: struct_inode | null, mode: number,
	dev: number): struct_inode | null {
	let resv_map: struct_resv_map | null = null;

	/* only what can have pages has reservations */
	if (S_ISREG(mode)) {
		resv_map = resv_map_alloc();
		if (!resv_map)
			return null;
	}

	const inode = new_inode(sb);
	if (inode) {
		const info = HUGETLBFS_I(inode);

		inode.i_ino = get_next_ino();
		inode_init_owner(init_user_ns, inode, dir, mode);
		lockdep_set_class(inode.i_mapping.i_mmap_rwsem, hugetlbfs_i_mmap_rwsem_key);
		inode.i_mapping.a_ops = hugetlbfs_aops;
		inode.i_atime = inode.i_mtime = inode.i_ctime = current_time(inode);
		inode.i_mapping.private_data = resv_map;
		info.seals = F_SEAL_SEAL;
		switch (mode & S_IFMT) {
		default:
			init_special_inode(inode, mode, dev);
			break;
		case S_IFREG:
			inode.i_op = hugetlbfs_inode_operations;
			inode.i_fop = hugetlbfs_file_operations;
			break;
		case S_IFDIR:
			inode.i_op = hugetlbfs_dir_inode_operations;
			inode.i_fop = simple_dir_operations;
			/* for "." */
			inc_nlink(inode);
			break;
		}
	} else {
		if (resv_map)
			kref_put(resv_map.refs, resv_map_release);
	}

	return inode;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_tmpfile() */
function hugetlbfs_tmpfile(_mnt_userns: struct_user_namespace, dir: struct_inode,
	dentry: struct_dentry, mode: number): number {
	let error = -ENOSPC;

	const inode = hugetlbfs_get_inode(dir.i_sb!, dir, mode | S_IFREG, 0);
	if (inode) {
		dir.i_ctime = dir.i_mtime = current_time(dir);
		d_tmpfile(dentry, inode);
		error = 0;
	}
	return error;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_error_remove_page() */
function hugetlbfs_error_remove_page(mapping: struct_address_space, page: struct_page): number {
	const inode = mapping.host!;
	const index = page.index;

	remove_huge_page(page);
	if (unlikely(hugetlb_unreserve_pages(inode, index, index + 1, 1) !== 0))
		hugetlb_fix_reserve_counts(inode);

	return 0;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_show_options() */
function hugetlbfs_show_options(m: struct_seq_file, root: struct_dentry): number {
	const sbinfo = HUGETLBFS_SB(root.d_sb!);
	const spool = sbinfo.spool;
	const hpage_size = huge_page_size(sbinfo.hstate!);
	const kbytes = hpage_size / 1024;

	if (sbinfo.uid !== 0)
		seq_printf(m, ",uid=%u", sbinfo.uid);
	if (sbinfo.gid !== 0)
		seq_printf(m, ",gid=%u", sbinfo.gid);
	if (sbinfo.mode !== 0o755)
		seq_printf(m, ",mode=%o", sbinfo.mode);
	if (sbinfo.max_inodes !== -1)
		seq_printf(m, ",nr_inodes=%lu", sbinfo.max_inodes);

	if (kbytes >= 1024)
		seq_printf(m, ",pagesize=%lu%c", kbytes / 1024, "M");
	else
		seq_printf(m, ",pagesize=%lu%c", kbytes, "K");
	if (spool) {
		if (spool.max_hpages !== -1)
			seq_printf(m, ",size=%llu", spool.max_hpages * hpage_size);
		if (spool.min_hpages !== -1)
			seq_printf(m, ",min_size=%llu", spool.min_hpages * hpage_size);
	}
	return 0;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_statfs() */
function hugetlbfs_statfs(dentry: struct_dentry, buf: struct_kstatfs): number {
	const sbinfo = HUGETLBFS_SB(dentry.d_sb!);
	const h = hstate_inode(d_inode(dentry)!);

	buf.f_type = HUGETLBFS_MAGIC;
	buf.f_bsize = huge_page_size(h);
	spin_lock(sbinfo.stat_lock);
	/* without limits: 0 everywhere, not -1 */
	if (sbinfo.spool) {
		spin_lock_irq(sbinfo.spool.lock);
		buf.f_blocks = sbinfo.spool.max_hpages;
		const free_pages = sbinfo.spool.max_hpages - sbinfo.spool.used_hpages;
		buf.f_bavail = buf.f_bfree = free_pages;
		spin_unlock_irq(sbinfo.spool.lock);
		buf.f_files = sbinfo.max_inodes;
		buf.f_ffree = sbinfo.free_inodes;
	}
	spin_unlock(sbinfo.stat_lock);
	buf.f_namelen = NAME_MAX;
	return 0;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_put_super() */
function hugetlbfs_put_super(sb: struct_super_block): void {
	const sbi = sb.s_fs_info as hugetlbfs_sb_info | null;

	if (sbi) {
		sb.s_fs_info = null;

		if (sbi.spool)
			hugepage_put_subpool(sbi.spool);

		kfree(sbi);
	}
}

/** fs/hugetlbfs/inode.c:hugetlbfs_dec_free_inodes(); false when the limit is reached. */
function hugetlbfs_dec_free_inodes(sbinfo: hugetlbfs_sb_info): boolean {
	if (sbinfo.free_inodes >= 0) {
		spin_lock(sbinfo.stat_lock);
		if (unlikely(!sbinfo.free_inodes)) {
			spin_unlock(sbinfo.stat_lock);
			return false;
		}
		sbinfo.free_inodes--;
		spin_unlock(sbinfo.stat_lock);
	}

	return true;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_inc_free_inodes() */
function hugetlbfs_inc_free_inodes(sbinfo: hugetlbfs_sb_info): void {
	if (sbinfo.free_inodes >= 0) {
		spin_lock(sbinfo.stat_lock);
		sbinfo.free_inodes++;
		spin_unlock(sbinfo.stat_lock);
	}
}

let hugetlbfs_inode_cachep: struct_kmem_cache<hugetlbfs_inode_info>;

/** fs/hugetlbfs/inode.c:hugetlbfs_alloc_inode() */
function hugetlbfs_alloc_inode(sb: struct_super_block): struct_inode | null {
	const sbinfo = HUGETLBFS_SB(sb);

	if (unlikely(!hugetlbfs_dec_free_inodes(sbinfo)))
		return null;
	const p = alloc_inode_sb(sb, hugetlbfs_inode_cachep, GFP_KERNEL);
	if (!p) {
		hugetlbfs_inc_free_inodes(sbinfo);
		return null;
	}

	return p.vfs_inode;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_free_inode() */
function hugetlbfs_free_inode(inode: struct_inode): void {
	kmem_cache_free(hugetlbfs_inode_cachep, HUGETLBFS_I(inode));
}

/** fs/hugetlbfs/inode.c:hugetlbfs_destroy_inode() */
function hugetlbfs_destroy_inode(inode: struct_inode): void {
	hugetlbfs_inc_free_inodes(HUGETLBFS_SB(inode.i_sb!));
}

const hugetlbfs_aops: struct_address_space_operations = {
	write_begin:		hugetlbfs_write_begin,
	write_end:		hugetlbfs_write_end,
	dirty_folio:		noop_dirty_folio,
	error_remove_page:	hugetlbfs_error_remove_page,
};

/** fs/hugetlbfs/inode.c:init_once() */
function init_once(foo: unknown): void {
	const ei = foo as hugetlbfs_inode_info;

	inode_init_once(ei.vfs_inode);
}

export const hugetlbfs_file_operations: struct_file_operations = {
	read_iter:		hugetlbfs_read_iter,
	mmap:			hugetlbfs_file_mmap,
	fsync:			noop_fsync,
	get_unmapped_area:	hugetlb_get_unmapped_area,
	llseek:			default_llseek,
	fallocate:		hugetlbfs_fallocate,
	hugetlbfs:		true,
};

const hugetlbfs_dir_inode_operations: struct_inode_operations = {
	setattr:	hugetlbfs_setattr,
	tmpfile:	hugetlbfs_tmpfile,
};

const hugetlbfs_inode_operations: struct_inode_operations = {
	setattr:	hugetlbfs_setattr,
};

const hugetlbfs_ops: struct_super_operations = {
	alloc_inode:	hugetlbfs_alloc_inode,
	free_inode:	hugetlbfs_free_inode,
	destroy_inode:	hugetlbfs_destroy_inode,
	evict_inode:	hugetlbfs_evict_inode,
	statfs:		hugetlbfs_statfs,
	put_super:	hugetlbfs_put_super,
	show_options:	hugetlbfs_show_options,
};

/** fs/hugetlbfs/inode.c:hugetlbfs_size_to_hpages(): bytes, or a share of the pool; -1 for none. */
function hugetlbfs_size_to_hpages(h: struct_hstate, size_opt: number, val_type: number): number {
	if (val_type === NO_SIZE)
		return -1;

	if (val_type === SIZE_PERCENT)
		size_opt = Math.floor(size_opt * huge_page_size(h) * h.max_huge_pages / 100);

	return ul_shr(size_opt, huge_page_shift(h));
}

/** fs/hugetlbfs/inode.c:hugetlbfs_parse_param() */
function hugetlbfs_parse_param(fc: struct_fs_context, param: struct_fs_parameter): number {
	const ctx = fc.fs_private as hugetlbfs_fs_context;
	const result: fs_parse_result = { negated: false, boolean: false, int_32: 0, uint_32: 0,
		uint_64: 0n };
	const rest = new ref("");

	const opt = fs_parse(fc, hugetlb_fs_parameters, param, result);
	if (opt < 0)
		return opt;

	const starts_with_digit = (s: string): boolean => /^[0-9]/.test(s);

	bad_val: {
		switch (opt) {
		case Opt_uid:
			ctx.uid = result.uint_32;
			if (ctx.uid === U32_MAX)
				break bad_val;
			return 0;

		case Opt_gid:
			ctx.gid = result.uint_32;
			if (ctx.gid === U32_MAX)
				break bad_val;
			return 0;

		case Opt_mode:
			ctx.mode = result.uint_32 & 0o1777;
			return 0;

		case Opt_size:
			if (!starts_with_digit(param.string!))
				break bad_val;
			ctx.max_size_opt = memparse(param.string!, rest);
			ctx.max_val_type = SIZE_STD;
			if (rest.v.startsWith("%"))
				ctx.max_val_type = SIZE_PERCENT;
			return 0;

		case Opt_nr_inodes:
			if (!starts_with_digit(param.string!))
				break bad_val;
			ctx.nr_inodes = memparse(param.string!, rest);
			return 0;

		case Opt_pagesize: {
			const ps = memparse(param.string!, rest);
			const hstate = size_to_hstate(ps);
			if (!hstate) {
				pr_err("hugetlbfs: Unsupported page size %lu MB\n",
					Math.floor(ps / 0x100000));
				return -EINVAL;
			}
			ctx.hstate = hstate;
			return 0;
		}

		case Opt_min_size:
			if (!starts_with_digit(param.string!))
				break bad_val;
			ctx.min_size_opt = memparse(param.string!, rest);
			ctx.min_val_type = SIZE_STD;
			if (rest.v.startsWith("%"))
				ctx.min_val_type = SIZE_PERCENT;
			return 0;

		default:
			return -EINVAL;
		}
	}
	return invalfc(fc, `Bad value '${param.string}' for mount option '${param.key}'\n`);
}

/** fs/hugetlbfs/inode.c:hugetlbfs_validate() */
function hugetlbfs_validate(fc: struct_fs_context): number {
	const ctx = fc.fs_private as hugetlbfs_fs_context;

	/* only now: a percentage needs the page size, whatever the order of the options */
	ctx.max_hpages = hugetlbfs_size_to_hpages(ctx.hstate!, ctx.max_size_opt, ctx.max_val_type);
	ctx.min_hpages = hugetlbfs_size_to_hpages(ctx.hstate!, ctx.min_size_opt, ctx.min_val_type);

	if (ctx.max_val_type > NO_SIZE && ctx.min_hpages > ctx.max_hpages) {
		pr_err("hugetlbfs: Minimum size can not be greater than maximum size\n");
		return -EINVAL;
	}

	return 0;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_fill_super() */
function hugetlbfs_fill_super(sb: struct_super_block, fc: struct_fs_context): number {
	const ctx = fc.fs_private as hugetlbfs_fs_context;

	const sbinfo = kmalloc(hugetlbfs_sb_info, GFP_KERNEL);
	if (!sbinfo)
		return -ENOMEM;
	sb.s_fs_info = sbinfo;
	spin_lock_init(sbinfo.stat_lock, "&sbinfo->stat_lock");
	sbinfo.hstate = ctx.hstate;
	sbinfo.max_inodes = ctx.nr_inodes;
	sbinfo.free_inodes = ctx.nr_inodes;
	sbinfo.spool = null;
	sbinfo.uid = ctx.uid;
	sbinfo.gid = ctx.gid;
	sbinfo.mode = ctx.mode;

	out_free: {
		/* without limits there is nothing to account by mount */
		if (ctx.max_hpages !== -1 || ctx.min_hpages !== -1) {
			sbinfo.spool = hugepage_new_subpool(ctx.hstate!, ctx.max_hpages,
				ctx.min_hpages);
			if (!sbinfo.spool)
				break out_free;
		}
		sb.s_maxbytes = MAX_LFS_FILESIZE;
		sb.s_blocksize = huge_page_size(ctx.hstate!);
		sb.s_blocksize_bits = huge_page_shift(ctx.hstate!);
		sb.s_magic = HUGETLBFS_MAGIC;
		sb.s_op = hugetlbfs_ops;
		sb.s_time_gran = 1;

		const root = hugetlbfs_get_root(sb, ctx);
		sb.s_root = root ? d_make_root(root) : null;
		if (!sb.s_root)
			break out_free;
		return 0;
	}
	if (sbinfo.spool)
		kfree(sbinfo.spool);
	kfree(sbinfo);
	return -ENOMEM;
}

/** fs/hugetlbfs/inode.c:hugetlbfs_get_tree() */
function hugetlbfs_get_tree(fc: struct_fs_context): number {
	const err = hugetlbfs_validate(fc);
	if (err)
		return err;
	return get_tree_nodev(fc, hugetlbfs_fill_super);
}

/** fs/hugetlbfs/inode.c:hugetlbfs_fs_context_free() */
function hugetlbfs_fs_context_free(fc: struct_fs_context): void {
	kfree(fc.fs_private as hugetlbfs_fs_context);
}

const hugetlbfs_fs_context_ops: struct_fs_context_operations = {
	free:		hugetlbfs_fs_context_free,
	parse_param:	hugetlbfs_parse_param,
	get_tree:	hugetlbfs_get_tree,
};

/** fs/hugetlbfs/inode.c:hugetlbfs_init_fs_context() */
function hugetlbfs_init_fs_context(fc: struct_fs_context): number {
	const ctx = kzalloc(hugetlbfs_fs_context, GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;

	ctx.max_hpages = -1;
	ctx.nr_inodes = -1;
	ctx.uid = current_fsuid();
	ctx.gid = current_fsgid();
	ctx.mode = 0o755;
	ctx.hstate = default_hstate();
	ctx.min_hpages = -1;
	ctx.max_val_type = NO_SIZE;
	ctx.min_val_type = NO_SIZE;
	fc.fs_private = ctx;
	fc.ops = hugetlbfs_fs_context_ops;
	return 0;
}

const hugetlbfs_fs_type: struct_file_system_type = {
	name:			"hugetlbfs",
	init_fs_context:	hugetlbfs_init_fs_context,
	parameters:		hugetlb_fs_parameters,
	kill_sb:		kill_litter_super,
};

/** The kernel's own mounts, by pool; null for one that failed. */
const hugetlbfs_vfsmount: (struct_vfsmount | null)[] = [];

function can_do_hugetlb_shm(): boolean {
	return capable(CAP_IPC_LOCK) || in_group_p(sysctl_hugetlb_shm_group);
}

function get_hstate_idx(page_size_log: number): number {
	const h = hstate_sizelog(page_size_log);

	if (!h)
		return -1;
	return hstate_index(h);
}

/**
 * fs/hugetlbfs/inode.c:hugetlb_file_setup(): an unlinked file of @size bytes (whole
 * huge pages), whose pages are reserved unless @acctflag has VM_NORESERVE.
 */
export function hugetlb_file_setup(name: string, size: number, acctflag: number,
	creat_flags: number, page_size_log: number): struct_file | err_ptr {
	const hstate_idx = get_hstate_idx(page_size_log);
	if (hstate_idx < 0)
		return ERR_PTR(-ENODEV);

	const mnt = hugetlbfs_vfsmount[hstate_idx];
	if (!mnt)
		return ERR_PTR(-ENOENT);

	if (creat_flags === HUGETLB_SHMFS_INODE && !can_do_hugetlb_shm()) {
		if (user_shm_lock(size)) {
			pr_warn_once(
				"hugetlbfs: %s (%d): Using mlock ulimits for SHM_HUGETLB is obsolete\n",
				current.comm, current.pid);
			user_shm_unlock(size);
		}
		return ERR_PTR(-EPERM);
	}

	let file: struct_file | err_ptr = ERR_PTR(-ENOSPC);
	const inode = hugetlbfs_get_inode(mnt.mnt_sb!, null, S_IFREG | S_IRWXUGO, 0);
	if (!inode)
		return file;
	if (creat_flags === HUGETLB_SHMFS_INODE)
		inode.i_flags |= S_PRIVATE;

	i_size_write(inode, BigInt(size));
	clear_nlink(inode);

	if (!hugetlb_reserve_pages(inode, 0, ul_shr(size, huge_page_shift(hstate_inode(inode))),
		null,
		acctflag))
		file = ERR_PTR(-ENOMEM);
	else
		file = alloc_file_pseudo(inode, mnt, name, O_RDWR, hugetlbfs_file_operations);
	if (!IS_ERR(file))
		return file;

	iput(inode);
	return file;
}

/** fs/hugetlbfs/inode.c:mount_one_hugetlbfs() */
function mount_one_hugetlbfs(h: struct_hstate): struct_vfsmount | err_ptr {
	let mnt: struct_vfsmount | err_ptr;

	const fc = fs_context_for_mount(hugetlbfs_fs_type, SB_KERNMOUNT);
	if (IS_ERR(fc)) {
		mnt = fc;
	} else {
		const ctx = fc.fs_private as hugetlbfs_fs_context;

		ctx.hstate = h;
		mnt = fc_mount(fc);
		put_fs_context(fc);
	}
	if (IS_ERR(mnt))
		pr_err("hugetlbfs: Cannot mount internal hugetlbfs for page size %luK",
			huge_page_size(h) / 1024);
	return mnt;
}

/** fs/hugetlbfs/inode.c:init_hugetlbfs_fs() */
function init_hugetlbfs_fs(): number {
	let error: number;

	if (!hugepages_supported()) {
		pr_info("hugetlbfs: disabling because there are no supported hugepage sizes\n");
		return -ENOTSUPP;
	}

	error = -ENOMEM;
	const cachep = kmem_cache_create("hugetlbfs_inode_cache", hugetlbfs_inode_info,
		SLAB_ACCOUNT,
		init_once);
	if (!cachep)
		return error;
	hugetlbfs_inode_cachep = cachep;

	out_free: {
		error = register_filesystem(hugetlbfs_fs_type);
		if (error)
			break out_free;

		/* the default size is needed, the others may fail */
		const default_mnt = mount_one_hugetlbfs(default_hstate());
		if (IS_ERR(default_mnt)) {
			error = PTR_ERR(default_mnt);
			unregister_filesystem(hugetlbfs_fs_type);
			break out_free;
		}
		hugetlbfs_vfsmount[default_hstate_index()] = default_mnt;

		for (let i = 0; i < hstates.length; i++) {
			if (i === default_hstate_index())
				continue;

			const mnt = mount_one_hugetlbfs(hstates[i]!);
			hugetlbfs_vfsmount[i] = IS_ERR(mnt) ? null : mnt;
		}

		return 0;
	}
	kmem_cache_destroy(hugetlbfs_inode_cachep);
	return error;
}
fs_initcall("hugetlb/inode", init_hugetlbfs_fs);
