// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that userspace owns but cannot touch: a file in front of a tmpfs file, of which only
 * fallocate(), ftruncate() and fstat() get through, while the kernel takes pages from it.
 *
 * Upstream: mm/memfd_inaccessible.c of the series. Left out: nothing.
 *
 *	fd -> inaccessible file, its inode -> inaccessible_data -> tmpfs file (no descriptor)
 *
 * data.lock protects the tree of notifiers, and is held while pages go. The mapping of the tmpfs
 * file knows the inode in front; its private_lock keeps that from going.
 *
 * @hunk 1:1
 */
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { fs_initcall } from "#asm-generic/registry.ts";
import { PGOFF_MAX, type loff_t, pgoff_t, ref } from "#asm-generic/types.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { EHWPOISON, EINVAL, ENOMEM, EOPNOTSUPP, EPERM } from "#linux/errno.ts";
import { alloc_file_pseudo, fput } from "#linux/file.ts";
import { ATTR_SIZE, SB_I_NOEXEC } from "#linux/fs.const.ts";
import { alloc_anon_inode, clear_inode, d_inode, file_dentry, file_inode, i_size_read, igrab,
	inode_lock, inode_unlock, iput, kill_anon_super, simple_statfs } from "#linux/fs.ts";
import type { struct_address_space, struct_dentry, struct_file, struct_file_operations,
	struct_file_system_type, struct_iattr, struct_inode, struct_inode_operations, struct_kstat,
	struct_super_operations, struct_vfsmount } from "#linux/fs.types.ts";
import type { struct_fs_context } from "#linux/fs_context.ts";
import { GFP_KERNEL, __GFP_MOVABLE } from "#linux/gfp.ts";
import { thp_order } from "#linux/huge_mm.ts";
import { interval_tree_insert, interval_tree_iter_first, interval_tree_iter_next,
	interval_tree_remove } from "#linux/interval_tree.ts";
import { struct_inaccessible_notifier } from "#linux/memfd.ts";
import { compound_head, put_page, set_page_dirty, truncate_inode_pages_final } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { kern_mount } from "#linux/mount.ts";
import { mutex_init, mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { struct_mutex } from "#linux/mutex_types.ts";
import { PageDirty, PageHWPoison, PageHasHWPoisoned } from "#linux/page-flags.ts";
import { mapping_gfp_mask, mapping_set_gfp_mask, mapping_set_unevictable, unlock_page } from
	"#linux/pagemap.ts";
import type { struct_path } from "#linux/path.ts";
import { page_to_pfn_t, pfn_t_to_page, type pfn_t } from "#linux/pfn_t.ts";
import { init_pseudo } from "#linux/pseudo_fs.ts";
import { RB_ROOT_CACHED } from "#linux/rbtree.ts";
import { struct_rb_root_cached } from "#linux/rbtree_types.ts";
import { SGP_CACHE, shmem_getpage, shmem_mapping } from "#linux/shmem_fs.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import type { struct_user_namespace } from "#linux/user_namespace.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { O_LARGEFILE, O_RDWR } from "#uapi/linux/fcntl.ts";
import { INACCESSIBLE_MAGIC } from "#uapi/linux/magic.ts";
import { S_IFREG } from "#uapi/linux/stat.ts";

/** What stands behind the mapping of an inaccessible file. */
class struct_inaccessible_data {
	lock = new struct_mutex();
	memfd: struct_file | null = null;
	/** by the pages that they are for */
	notifiers = new struct_rb_root_cached();
}

/** PAGE_ALIGNED() of an unchecked 64-bit value. */
const PAGE_ALIGNED_LOFF = (x: loff_t): boolean => (x & BigInt(PAGE_SIZE - 1)) === 0n;

const loff_to_pgoff = (x: loff_t): pgoff_t => pgoff_t(Number(x >> BigInt(PAGE_SHIFT)));

const inaccessible_data = (m: { private_data: unknown } | null): struct_inaccessible_data =>
	m!.private_data as struct_inaccessible_data;

/** Later versions: restrictedmem_invalidate_start(). With data.lock held. */
function inaccessible_invalidate_start(data: struct_inaccessible_data,
	start: pgoff_t, end: pgoff_t): void {
	for (let node = interval_tree_iter_first(data.notifiers, start, end - 1); node !== null;
	     node = interval_tree_iter_next(node, start, end - 1)) {
		const notifier = container_of(node, struct_inaccessible_notifier, "range");

		notifier.ops!.invalidate_start(notifier, start, end);
	}
}

/** Later versions: restrictedmem_invalidate_end(). With data.lock held. */
function inaccessible_invalidate_end(data: struct_inaccessible_data,
	start: pgoff_t, end: pgoff_t): void {
	for (let node = interval_tree_iter_first(data.notifiers, start, end - 1); node !== null;
	     node = interval_tree_iter_next(node, start, end - 1)) {
		const notifier = container_of(node, struct_inaccessible_notifier, "range");

		notifier.ops!.invalidate_end(notifier, start, end);
	}
}

/** mm/memfd_inaccessible.c:inaccessible_fallocate() */
function inaccessible_fallocate(file: struct_file, mode: number,
	offset: loff_t, len: loff_t): number {
	const data = inaccessible_data(file.f_mapping);
	const memfd = data.memfd!;

	/* that of shmem is tmpfs's, which may be left out */
	if (!memfd.f_op!.fallocate)
		return -EOPNOTSUPP;

	/* nobody loses a page, and nobody need know */
	if (!(mode & FALLOC_FL_PUNCH_HOLE))
		return memfd.f_op!.fallocate(memfd, mode, offset, len);

	if (!PAGE_ALIGNED_LOFF(offset) || !PAGE_ALIGNED_LOFF(len))
		return -EINVAL;

	/*
	 * Whoever hears of the start has to hear of the end: the lock is held throughout, and
	 * nobody comes or goes in between.
	 */
	mutex_lock(data.lock);
	inaccessible_invalidate_start(data, loff_to_pgoff(offset), loff_to_pgoff(offset + len));
	const ret = memfd.f_op!.fallocate(memfd, mode, offset, len);
	inaccessible_invalidate_end(data, loff_to_pgoff(offset), loff_to_pgoff(offset + len));
	mutex_unlock(data.lock);
	return ret;
}

const inaccessible_fops: struct_file_operations = {
	fallocate:	inaccessible_fallocate,
};

/** mm/memfd_inaccessible.c:inaccessible_getattr() */
function inaccessible_getattr(mnt_userns: struct_user_namespace, path: struct_path,
	stat: struct_kstat, request_mask: number, query_flags: number): number {
	const inode = d_inode(path.dentry!)!;
	const data = inaccessible_data(inode.i_mapping);
	const memfd = data.memfd!;

	return memfd.f_inode!.i_op.getattr!(mnt_userns, memfd.f_path, stat,
		request_mask, query_flags);
}

/** mm/memfd_inaccessible.c:inaccessible_setattr() */
function inaccessible_setattr(mnt_userns: struct_user_namespace, dentry: struct_dentry,
	attr: struct_iattr): number {
	const inode = d_inode(dentry)!;
	const data = inaccessible_data(inode.i_mapping);
	const memfd = data.memfd!;
	let ret: number;

	/* the caller holds the lock of the inode in front, fallocate() that of the one behind */
	inode_lock(memfd.f_inode!);
	out: {
		if (attr.ia_valid & ATTR_SIZE) {
			ret = -EPERM;
			if (memfd.f_inode!.i_size)
				break out;

			ret = -EINVAL;
			if (!PAGE_ALIGNED_LOFF(attr.ia_size))
				break out;
		}

		ret = memfd.f_inode!.i_op.setattr!(mnt_userns, file_dentry(memfd), attr);
	}
	inode_unlock(memfd.f_inode!);
	return ret;
}

const inaccessible_iops: struct_inode_operations = {
	getattr:	inaccessible_getattr,
	setattr:	inaccessible_setattr,
};

/**
 * mm/memfd_inaccessible.c:inaccessible_release(), which ran when the file was closed: by O_PATH, or
 * for as long as a path is looked up, others have the inode.
 */
function inaccessible_evict_inode(inode: struct_inode): void {
	const data = inode.i_mapping!.private_data as struct_inaccessible_data | null;

	truncate_inode_pages_final(inode.i_data);
	clear_inode(inode);
	/* of the root directory, and of a file that was never finished, there is none */
	if (!data)
		return;

	const mapping = data.memfd!.f_mapping!;
	spin_lock(mapping.private_lock);
	mapping.private_data = null;
	spin_unlock(mapping.private_lock);

	fput(data.memfd!);
	kfree(data);
}

const inaccessible_sops: struct_super_operations = {
	statfs:		simple_statfs,
	evict_inode:	inaccessible_evict_inode,
};

/** mm/memfd_inaccessible.c:inaccessible_init_fs_context() */
function inaccessible_init_fs_context(fc: struct_fs_context): number {
	const ctx = init_pseudo(fc, INACCESSIBLE_MAGIC);

	if (!ctx)
		return -ENOMEM;

	ctx.ops = inaccessible_sops;
	fc.s_iflags |= SB_I_NOEXEC;
	return 0;
}

const inaccessible_fs: struct_file_system_type = {
	name:			"[inaccessible]",
	init_fs_context:	inaccessible_init_fs_context,
	kill_sb:		(sb) => kill_anon_super(sb),
};

let inaccessible_mnt: struct_vfsmount;

/** mm/memfd_inaccessible.c:inaccessible_init() */
function inaccessible_init(): number {
	const mnt = kern_mount(inaccessible_fs);
	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	inaccessible_mnt = mnt;
	return 0;
}
fs_initcall("mm/memfd_inaccessible", inaccessible_init);

/** mm/memfd_inaccessible.c:memfd_mkinaccessible(): takes over the caller's reference to @memfd. */
export function memfd_mkinaccessible(memfd: struct_file): struct_file | err_ptr {
	const data = kzalloc(struct_inaccessible_data, GFP_KERNEL);
	if (!data)
		return ERR_PTR(-ENOMEM);

	data.memfd = memfd;
	mutex_init(data.lock, "&data->lock");
	data.notifiers = RB_ROOT_CACHED();

	const inode = alloc_anon_inode(inaccessible_mnt.mnt_sb!);
	if (IS_ERR(inode)) {
		kfree(data);
		return inode;
	}

	inode.i_mode |= S_IFREG;
	inode.i_op = inaccessible_iops;

	const file = alloc_file_pseudo(inode, inaccessible_mnt,
		"[memfd:inaccessible]", O_RDWR,
		inaccessible_fops);
	if (IS_ERR(file)) {
		iput(inode);
		kfree(data);
		return file;
	}

	/* from here on the inode owns it */
	inode.i_mapping!.private_data = data;
	file.f_flags |= O_LARGEFILE;

	const mapping = memfd.f_mapping!;
	mapping_set_unevictable(mapping);
	mapping_set_gfp_mask(mapping,
		mapping_gfp_mask(mapping) & ~__GFP_MOVABLE);
	mapping.private_data = inode;

	return file;
}

/** mm/memfd_inaccessible.c:inaccessible_register_notifier() */
export function inaccessible_register_notifier(file: struct_file,
	notifier: struct_inaccessible_notifier): void {
	const data = inaccessible_data(file.f_mapping);

	mutex_lock(data.lock);
	interval_tree_insert(notifier.range, data.notifiers);
	mutex_unlock(data.lock);
}

/** mm/memfd_inaccessible.c:inaccessible_unregister_notifier() */
export function inaccessible_unregister_notifier(file: struct_file,
	notifier: struct_inaccessible_notifier): void {
	const data = inaccessible_data(file.f_mapping);

	mutex_lock(data.lock);
	interval_tree_remove(notifier.range, data.notifiers);
	mutex_unlock(data.lock);
}

/** Whether memfd_mkinaccessible() made @file. Later versions: file_is_restrictedmem(). */
export function file_is_inaccessible(file: struct_file): boolean {
	return file.f_op === inaccessible_fops;
}

/** The inode in front of @mapping, with a reference, or null. With a page of it locked. */
export function inaccessible_inode_get(mapping: struct_address_space): struct_inode | null {
	if (!shmem_mapping(mapping))
		return null;

	spin_lock(mapping.private_lock);
	const inode = mapping.private_data as struct_inode | null;
	const ret = inode && igrab(inode);
	spin_unlock(mapping.private_lock);
	return ret;
}

/**
 * Later versions: restrictedmem_error_page(). The page at @index is broken: whoever uses it has to
 * ask again, and will not get it. No page may be locked, as fallocate() locks them under data.lock.
 * Drops the reference to @inode.
 */
export function inaccessible_error_page(inode: struct_inode, index: pgoff_t): void {
	const data = inaccessible_data(inode.i_mapping), end = pgoff_t(index + 1);

	mutex_lock(data.lock);
	inaccessible_invalidate_start(data, index, end);
	inaccessible_invalidate_end(data, index, end);
	mutex_unlock(data.lock);
	iput(inode);
}

/**
 * Port-only: how much of @page's huge page the file has for sure. One that goes beyond the end may
 * be split without notice, and what is beyond it freed. One that is broken may not be split at all.
 */
function inaccessible_order(page: struct_page, inode: struct_inode): number {
	const head = compound_head(page), order = thp_order(head);

	if (order !== 0 && PageHasHWPoisoned(head))
		return 0;
	return head.index + (1 << order) <= loff_to_pgoff(i_size_read(inode)) ? order : 0;
}

/**
 * mm/memfd_inaccessible.c:inaccessible_get_pfn(): the page at @offset with a reference, allocated
 * if there is a hole. 0 or -errno.
 */
export function inaccessible_get_pfn(file: struct_file, offset: pgoff_t, pfn: ref<pfn_t>,
	order: ref<number>): number {
	const data = inaccessible_data(file.f_mapping);
	const memfd = data.memfd!;
	const pagep = new ref<struct_page | null>(null);

	const ret = shmem_getpage(file_inode(memfd), offset, pagep, SGP_CACHE);
	if (ret)
		return ret;

	const page = pagep.v!;
	if (PageHWPoison(page)) {
		unlock_page(page);
		put_page(page);
		return -EHWPOISON;
	}
	pfn.v = page_to_pfn_t(page);
	order.v = inaccessible_order(page, file_inode(memfd));
	/* the guest may write at any time, and nobody else knows that it has the page */
	if (!PageDirty(page))
		set_page_dirty(page);
	unlock_page(page);

	return 0;
}

/** mm/memfd_inaccessible.c:inaccessible_put_pfn() */
export function inaccessible_put_pfn(_file: struct_file, pfn: pfn_t): void {
	const page = pfn_t_to_page(pfn);

	if (WARN_ON_ONCE(!page))
		return;

	put_page(page!);
}

/** Port-only: how many are registered, for /sys/kernel/debug/privmem/state. */
export function inaccessible_nr_notifiers(file: struct_file): number {
	const data = inaccessible_data(file.f_mapping);
	let nr = 0;

	mutex_lock(data.lock);
	for (let node = interval_tree_iter_first(data.notifiers, 0, PGOFF_MAX); node !== null;
	     node = interval_tree_iter_next(node, 0, PGOFF_MAX))
		nr++;
	mutex_unlock(data.lock);
	return nr;
}
