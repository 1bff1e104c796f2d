// SPDX-License-Identifier: GPL-2.0
/*
 * Directory entries: a name, its inode, its parent.
 *
 * Upstream: fs/dcache.c. Left out: hash, LRU and shrinking, look-up, moving, invalidation: no entry
 * here is ever hashed, so that the last dput() frees it.
 *
 * Life: d_alloc*() (d_count 1, negative), d_instantiate() gives it an inode, whose reference it
 * takes over, dput() to 0.
 *
 *	dentry->d_lock (parent before child)
 *	  inode->i_lock
 */
import { BUG_ON, WARN_ON } from "#linux/bug.ts";
import { container_of } from "#asm-generic/owner.ts";
import { chrdev_init } from "#linux/fs/char_dev.ts";
import { fs_cache_init } from "#linux/fs/fs_struct.ts";
import { files_cache_init } from "#linux/fs/file.ts";
import { inode_init, inode_init_early } from "#linux/fs/inode.ts";
import { files_init, files_maxfiles_init } from "#linux/fs/file_table.ts";
import { struct_dentry, type struct_dentry_operations, type struct_inode,
	type struct_super_block } from "#linux/fs.types.ts";
import { inode_dec_link_count, iput } from "#linux/fs.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { list_add, list_del_init, list_empty } from "#linux/list.ts";
import { mnt_init } from "#linux/mount.ts";
import { might_sleep } from "#linux/kernel.ts";
import { pseudo_init } from "#linux/fs/proc/root.ts";
import { call_rcu, type struct_callback_head } from "#linux/rcupdate.ts";
import { SLAB_ACCOUNT, SLAB_MEM_SPREAD, SLAB_PANIC, SLAB_RECLAIM_ACCOUNT, kmem_cache_alloc,
	kmem_cache_create, kmem_cache_free, type struct_kmem_cache } from "#linux/slab.ts";
import { spin_lock, spin_lock_init, spin_lock_nested, spin_unlock } from "#linux/spinlock.ts";

/* d_flags */
const DCACHE_NORCU	= 0x40000000;

export const DENTRY_D_LOCK_NORMAL	= 0;
export const DENTRY_D_LOCK_NESTED	= 1;

let dentry_cache: struct_kmem_cache<struct_dentry>;

let nr_dentry = 0;

/** fs/dcache.c:get_nr_dentry() */
export function get_nr_dentry(): number {
	return nr_dentry;
}

function __d_free(head: struct_callback_head): void {
	kmem_cache_free(dentry_cache, container_of(head, struct_dentry, "d_rcu"));
}

/** fs/dcache.c:dentry_free() */
function dentry_free(dentry: struct_dentry): void {
	/* no RCU walk can have met this dentry: no need for a grace period */
	if (dentry.d_flags & DCACHE_NORCU)
		__d_free(dentry.d_rcu);
	else
		call_rcu(dentry.d_rcu, __d_free);
}

/** fs/dcache.c:dentry_unlink_inode(); d_lock is held and dropped. */
function dentry_unlink_inode(dentry: struct_dentry): void {
	const inode = dentry.d_inode;

	dentry.d_inode = null;
	spin_unlock(dentry.d_lock);
	iput(inode);
}

/** fs/dcache.c:__dentry_kill(); d_lock is held and dropped. The parent still to be put. */
function __dentry_kill(dentry: struct_dentry): struct_dentry | null {
	const parent = dentry.d_parent === dentry ? null : dentry.d_parent;

	if (dentry.d_op && dentry.d_op.d_prune)
		dentry.d_op.d_prune(dentry);
	if (!list_empty(dentry.d_child))
		list_del_init(dentry.d_child);
	if (dentry.d_inode)
		dentry_unlink_inode(dentry);
	else
		spin_unlock(dentry.d_lock);
	nr_dentry--;
	if (dentry.d_op && dentry.d_op.d_release)
		dentry.d_op.d_release(dentry);

	dentry_free(dentry);
	return parent;
}

/** fs/dcache.c:dput() */
export function dput(dentry: struct_dentry | null): void {
	while (dentry) {
		might_sleep();

		BUG_ON(dentry.d_count <= 0);
		if (--dentry.d_count > 0)
			return;

		/* unhashed, as all are: kill it */
		spin_lock(dentry.d_lock);
		dentry = __dentry_kill(dentry);
	}
}

/** fs/dcache.c:shrink_dcache_for_umount(): the superblock goes, so that its root has to. */
export function shrink_dcache_for_umount(sb: struct_super_block): void {
	const dentry = sb.s_root;

	sb.s_root = null;
	if (dentry)
		WARN_ON(dentry.d_count !== 1 || !list_empty(dentry.d_subdirs));
	dput(dentry);
}

/** fs/dcache.c:__d_alloc() */
function __d_alloc(sb: struct_super_block, name: string): struct_dentry | null {
	const dentry = kmem_cache_alloc(dentry_cache, GFP_KERNEL);
	if (!dentry)
		return null;

	dentry.d_name = name;
	dentry.d_count = 1;
	dentry.d_flags = 0;
	spin_lock_init(dentry.d_lock, "&dentry->d_lock");
	dentry.d_inode = null;
	dentry.d_parent = dentry;
	dentry.d_sb = sb;
	dentry.d_op = null;
	dentry.d_fsdata = null;
	d_set_d_op(dentry, sb.s_d_op);
	nr_dentry++;

	return dentry;
}

/** fs/dcache.c:d_alloc(): a negative child of @parent. */
export function d_alloc(parent: struct_dentry, name: string): struct_dentry | null {
	const dentry = __d_alloc(parent.d_sb!, name);
	if (!dentry)
		return null;
	spin_lock(parent.d_lock);
	spin_lock_nested(dentry.d_lock, DENTRY_D_LOCK_NESTED);
	parent.d_count++;
	dentry.d_parent = parent;
	list_add(dentry.d_child, parent.d_subdirs);
	spin_unlock(dentry.d_lock);
	spin_unlock(parent.d_lock);

	return dentry;
}

/** fs/dcache.c:d_alloc_anon() */
export function d_alloc_anon(sb: struct_super_block): struct_dentry | null {
	return __d_alloc(sb, "/");
}

/** fs/dcache.c:d_alloc_pseudo(): for files that are never looked up by name. */
export function d_alloc_pseudo(sb: struct_super_block, name: string): struct_dentry | null {
	const dentry = __d_alloc(sb, name);

	if (dentry)
		dentry.d_flags |= DCACHE_NORCU;
	return dentry;
}

/** fs/dcache.c:d_set_d_op() */
export function d_set_d_op(dentry: struct_dentry, op: struct_dentry_operations | null): void {
	WARN_ON(dentry.d_op !== null);
	dentry.d_op = op;
}

/** fs/dcache.c:d_instantiate(): @entry takes over the caller's reference to @inode. */
export function d_instantiate(entry: struct_dentry, inode: struct_inode | null): void {
	BUG_ON(entry.d_inode !== null);
	if (inode) {
		spin_lock(inode.i_lock);
		spin_lock(entry.d_lock);
		entry.d_inode = inode;
		spin_unlock(entry.d_lock);
		spin_unlock(inode.i_lock);
	}
}

/** fs/dcache.c:d_make_root(): the reference to @root_inode is gone in either case. */
export function d_make_root(root_inode: struct_inode | null): struct_dentry | null {
	let res: struct_dentry | null = null;

	if (root_inode) {
		res = d_alloc_anon(root_inode.i_sb!);
		if (res)
			d_instantiate(res, root_inode);
		else
			iput(root_inode);
	}
	return res;
}

/** fs/dcache.c:d_tmpfile(): for O_TMPFILE, a name that nobody can look up. */
export function d_tmpfile(dentry: struct_dentry, inode: struct_inode): void {
	inode_dec_link_count(inode);
	spin_lock(dentry.d_parent!.d_lock);
	spin_lock_nested(dentry.d_lock, DENTRY_D_LOCK_NESTED);
	dentry.d_name = `#${inode.i_ino}`;
	spin_unlock(dentry.d_lock);
	spin_unlock(dentry.d_parent!.d_lock);
	d_instantiate(dentry, inode);
}

function dcache_init(): void {
	dentry_cache = kmem_cache_create("dentry", struct_dentry,
		SLAB_RECLAIM_ACCOUNT | SLAB_PANIC | SLAB_MEM_SPREAD | SLAB_ACCOUNT, null)!;
}

/** fs/dcache.c:vfs_caches_init_early() */
export function vfs_caches_init_early(): void {
	inode_init_early();
}

/**
 * fs/dcache.c:vfs_caches_init(): from start_kernel(). The caches of files_struct and fs_struct,
 * which kernel/fork.c:proc_caches_init() makes upstream, are made here too.
 */
export function vfs_caches_init(): void {
	dcache_init();
	inode_init();
	files_init();
	files_maxfiles_init();
	files_cache_init();
	fs_cache_init();
	mnt_init();
	chrdev_init();
	pseudo_init();
}

