// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes: life, link counts, timestamps, privileges.
 *
 * Upstream: fs/inode.c, __mark_inode_dirty() of fs/fs-writeback.c. Left out: the hash and its
 * look-ups, the LRU with its pruning (an inode is never hashed, so that the last iput() evicts it),
 * writeback, xattrs, ACLs, bmap.
 *
 * Life: alloc_inode() (i_count 1), new_inode() puts it on the superblock's list, ihold(), iput() to
 * 0: I_FREEING, ->evict_inode() (truncates and clear_inode()s), destroyed after a grace period.
 *
 *	inode->i_rwsem
 *	  mapping->invalidate_lock
 *	    inode->i_lock
 *	      sb->s_inode_list_lock (only in evict_inodes(), the other way round)
 */
import { BUG, BUG_ON, WARN, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { printk, KERN_DEBUG } from "#linux/printk.ts";
import { EAGAIN, ENXIO } from "#linux/errno.ts";
import { clock_read } from "#asm/timex.ts";
import { container_of } from "#asm-generic/owner.ts";
import { early_initcall } from "#asm-generic/registry.ts";
import { CAP_FOWNER, CAP_FSETID } from "#uapi/linux/capability.ts";
import { capable, capable_wrt_inode_uidgid, ns_capable } from "#linux/capability.ts";
import { current_fsgid, current_fsuid, current_user_ns, in_group_p } from "#linux/cred.ts";
import { def_chr_fops } from "#linux/fs/char_dev.ts";
import { pipefifo_fops } from "#linux/fs/pipe.ts";
import { ATTR_FORCE, ATTR_KILL_SGID, ATTR_KILL_SUID, FMODE_NOCMTIME, IOCB_NOWAIT, I_CLEAR,
	I_DIRTY_ALL, I_DIRTY_SYNC, I_DIRTY_TIME, I_DONTCACHE, I_FREEING, I_MUTEX_NONDIR2, I_NEW,
	I_SYNC, I_WILL_FREE, MNT_NOATIME, MNT_NODIRATIME, MNT_RELATIME, SB_ACTIVE, SB_LAZYTIME,
	SB_NODIRATIME, S_ATIME, S_CTIME, S_MTIME, S_NOATIME } from "#linux/fs.const.ts";
import { IS_DIRSYNC, IS_NOATIME, IS_NOCMTIME, IS_NOSEC, IS_SYNC, S_ISBLK, S_ISCHR, S_ISDIR,
	S_ISFIFO, S_ISREG, S_ISSOCK, file_dentry, file_inode, file_mnt_user_ns, generic_drop_inode,
	inode_has_no_xattr, inode_lock, inode_lock_nested, inode_unlock, notify_change,
	remove_inode_hash, sb_end_write, sb_start_write_trylock } from "#linux/fs.ts";
import { type struct_address_space, struct_iattr, struct_inode,
	type struct_address_space_operations, type struct_dentry, type struct_file,
	type struct_file_operations, type struct_inode_operations, type struct_kiocb,
	type struct_path, type struct_super_block, type struct_timespec64,
	type struct_user_namespace, type struct_vfsmount } from "#linux/fs.types.ts";
import { GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_USER, type gfp_t } from "#linux/gfp.ts";
import { hlist_del_init, list_add, list_del_init, list_empty, list_first_entry,
	list_for_each_entry, struct_list_head } from "#linux/list.ts";
import { truncate_inode_pages_final } from "#linux/mm.ts";
import { __mnt_drop_write, __mnt_drop_write_file, __mnt_want_write,
	__mnt_want_write_file } from "#linux/mount.ts";
import { mapping_set_gfp_mask, mapping_shrinkable } from "#linux/pagemap.ts";
import { call_rcu, type struct_callback_head } from "#linux/rcupdate.ts";
import { init_rwsem } from "#linux/rwsem.ts";
import { cond_resched } from "#linux/sched.ts";
import { SLAB_ACCOUNT, SLAB_MEM_SPREAD, SLAB_PANIC, SLAB_RECLAIM_ACCOUNT, kmem_cache_alloc_lru,
	kmem_cache_create, kmem_cache_free, type struct_kmem_cache } from "#linux/slab.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "#linux/spinlock.ts";
import { S_ISGID, S_ISUID, S_IXGRP } from "#linux/stat.ts";
import { proc_doulongvec_minmax, register_sysctl_init, sysctl_vals, type struct_ctl_table } from
	"#linux/sysctl.ts";
import { ktime_get_coarse_real_ts64 } from "#linux/timekeeping.ts";
import { NSEC_PER_SEC, timespec64_compare, timespec64_equal } from "#linux/time.ts";
import { xa_init_flags, xa_lock_irq, xa_unlock_irq, XA_FLAGS_ACCOUNT, XA_FLAGS_LOCK_IRQ } from
	"#linux/xarray.ts";

export const empty_aops: struct_address_space_operations = {};

let inode_cachep: struct_kmem_cache<struct_inode>;

let nr_inodes = 0;

/** fs/inode.c:get_nr_inodes() */
export function get_nr_inodes(): number {
	return nr_inodes;
}

const zero = { get: (): number => 0, set: (): void => {} };
const inodes_sysctls: struct_ctl_table[] = [
	{
		procname:	"inode-nr",
		data:		sysctl_vals({ get: get_nr_inodes, set: () => {} }, zero),
		mode:		0o444,
		proc_handler:	proc_doulongvec_minmax,
	},
	{
		procname:	"inode-state",
		data:		sysctl_vals({ get: get_nr_inodes, set: () => {} }, zero, zero, zero,
			zero, zero, zero),
		mode:		0o444,
		proc_handler:	proc_doulongvec_minmax,
	},
];

function init_fs_inode_sysctls(): number {
	register_sysctl_init("fs", inodes_sysctls);
	return 0;
}
early_initcall("fs/inode", init_fs_inode_sysctls);

function no_open(_inode: struct_inode, _file: struct_file): number {
	return -ENXIO;
}

const empty_iops: struct_inode_operations = {};
const no_open_fops: struct_file_operations = { open: no_open };

/* lock classes by file system type, as its keys are upstream */
interface type_keys {
	i_lock_key: string;
	i_mutex_key: string;
	invalidate_lock_key: string;
}
const keys = new Map<string, type_keys>();

function keys_of(type: string): type_keys {
	let k = keys.get(type);
	if (k === undefined) {
		k = {
			i_lock_key: `&sb->s_type->i_lock_key#${type}`,
			i_mutex_key: `&sb->s_type->i_mutex_key#${type}`,
			invalidate_lock_key: `mapping.invalidate_lock#${type}`,
		};
		keys.set(type, k);
	}
	return k;
}

/** fs/inode.c:inode_init_always(): what every new inode starts with, in a used object too. */
export function inode_init_always(sb: struct_super_block, inode: struct_inode): number {
	const mapping = inode.i_data;
	const key = keys_of(sb.s_type!.name);

	inode.i_sb = sb;
	inode.i_blkbits = sb.s_blocksize_bits;
	inode.i_flags = 0;
	inode.i_count = 1;
	inode.i_op = empty_iops;
	inode.i_fop = no_open_fops;
	inode.i_ino = 0;
	inode.i_nlink = 1;
	inode.i_opflags = 0;
	inode.i_uid = 0;
	inode.i_gid = 0;
	inode.i_writecount = 0;
	inode.i_readcount = 0;
	inode.i_size = 0n;
	inode.i_size_pages = 0;
	inode.i_blocks = 0;
	inode.i_bytes = 0;
	inode.i_generation = 0;
	inode.i_pipe = null;
	inode.i_cdev = null;
	inode.i_rdev = 0;

	spin_lock_init(inode.i_lock, key.i_lock_key);

	init_rwsem(inode.i_rwsem, key.i_mutex_key);

	mapping.a_ops = empty_aops;
	mapping.host = inode;
	mapping.flags = 0;
	mapping.wb_err = 0;
	mapping.i_mmap_writable = 0;
	mapping_set_gfp_mask(mapping, GFP_HIGHUSER_MOVABLE);
	mapping.private_data = null;
	mapping.writeback_index = 0 as typeof mapping.writeback_index;
	init_rwsem(mapping.invalidate_lock, key.invalidate_lock_key);
	inode.i_private = null;
	inode.i_mapping = mapping;
	nr_inodes++;

	return 0;
}

/** fs/inode.c:free_inode_nonrcu() */
export function free_inode_nonrcu(inode: struct_inode): void {
	kmem_cache_free(inode_cachep, inode);
}

function i_callback(head: struct_callback_head): void {
	const inode = container_of(head, struct_inode, "i_rcu");
	const free_inode = inode.i_sb!.s_op!.free_inode;

	if (free_inode)
		free_inode(inode);
	else
		free_inode_nonrcu(inode);
}

/** include/linux/fs.h:alloc_inode_sb() */
export function alloc_inode_sb<T extends object>(_sb: struct_super_block,
	cache: struct_kmem_cache<T>, gfp: gfp_t): T | null {
	return kmem_cache_alloc_lru(cache, null, gfp);
}

/** fs/inode.c:alloc_inode() */
function alloc_inode(sb: struct_super_block): struct_inode | null {
	const ops = sb.s_op!;
	let inode: struct_inode | null;

	if (ops.alloc_inode)
		inode = ops.alloc_inode(sb);
	else
		inode = alloc_inode_sb(sb, inode_cachep, GFP_KERNEL);

	if (!inode)
		return null;

	inode_init_always(sb, inode);
	return inode;
}

/** fs/inode.c:__destroy_inode() */
export function __destroy_inode(inode: struct_inode): void {
	if (!inode.i_nlink) {
		WARN_ON(inode.i_sb!.s_remove_count === 0);
		inode.i_sb!.s_remove_count--;
	}
	nr_inodes--;
}

/** fs/inode.c:destroy_inode() */
function destroy_inode(inode: struct_inode): void {
	const ops = inode.i_sb!.s_op!;

	BUG_ON(!list_empty(inode.i_lru));
	__destroy_inode(inode);
	if (ops.destroy_inode) {
		ops.destroy_inode(inode);
		if (!ops.free_inode)
			return;
	}
	call_rcu(inode.i_rcu, i_callback);
}

/** fs/inode.c:drop_nlink() */
export function drop_nlink(inode: struct_inode): void {
	WARN_ON(inode.i_nlink === 0);
	inode.i_nlink--;
	if (!inode.i_nlink)
		inode.i_sb!.s_remove_count++;
}

/** fs/inode.c:clear_nlink() */
export function clear_nlink(inode: struct_inode): void {
	if (inode.i_nlink) {
		inode.i_nlink = 0;
		inode.i_sb!.s_remove_count++;
	}
}

/** fs/inode.c:set_nlink() */
export function set_nlink(inode: struct_inode, nlink: number): void {
	if (!nlink) {
		clear_nlink(inode);
	} else {
		/* some file systems do change it from zero to one */
		if (inode.i_nlink === 0)
			inode.i_sb!.s_remove_count--;
		inode.i_nlink = nlink;
	}
}

/** fs/inode.c:inc_nlink() */
export function inc_nlink(inode: struct_inode): void {
	if (inode.i_nlink === 0)
		inode.i_sb!.s_remove_count--;
	inode.i_nlink++;
}

/** fs/inode.c:__address_space_init_once() */
function __address_space_init_once(mapping: struct_address_space): void {
	xa_init_flags(mapping.i_pages, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT);
	init_rwsem(mapping.i_mmap_rwsem, "&mapping->i_mmap_rwsem");
	spin_lock_init(mapping.private_lock, "&mapping->private_lock");
}

/** fs/inode.c:address_space_init_once(): @mapping is as its constructor left it. */
export function address_space_init_once(mapping: struct_address_space): void {
	__address_space_init_once(mapping);
}

/** fs/inode.c:inode_init_once(): for the constructors of caches that embed an inode. */
export function inode_init_once(inode: struct_inode): void {
	__address_space_init_once(inode.i_data);
}

function init_once(inode: struct_inode): void {
	inode_init_once(inode);
}

/** fs/inode.c:__iget(); i_lock is held, or there is a reference. */
export function __iget(inode: struct_inode): void {
	inode.i_count++;
}

/** fs/inode.c:ihold(): one more reference for somebody who has one. */
export function ihold(inode: struct_inode): void {
	WARN_ON(++inode.i_count < 2);
}

/**
 * fs/inode.c:inode_add_lru(), called when the last page of a mapping goes. Only inodes without
 * users would be put on the LRU, and those are evicted at once here.
 */
export function inode_add_lru(inode: struct_inode): void {
	if (inode.i_state & (I_DIRTY_ALL | I_SYNC | I_FREEING | I_WILL_FREE))
		return;
	if (inode.i_count)
		return;
	if (!(inode.i_sb!.s_flags & SB_ACTIVE))
		return;
	if (!mapping_shrinkable(inode.i_data))
		return;
	BUG();
}

/** fs/inode.c:inode_sb_list_add() */
export function inode_sb_list_add(inode: struct_inode): void {
	const sb = inode.i_sb!;

	spin_lock(sb.s_inode_list_lock);
	list_add(inode.i_sb_list, sb.s_inodes);
	spin_unlock(sb.s_inode_list_lock);
}

function inode_sb_list_del(inode: struct_inode): void {
	const sb = inode.i_sb!;

	if (!list_empty(inode.i_sb_list)) {
		spin_lock(sb.s_inode_list_lock);
		list_del_init(inode.i_sb_list);
		spin_unlock(sb.s_inode_list_lock);
	}
}

/** fs/inode.c:__remove_inode_hash() */
export function __remove_inode_hash(inode: struct_inode): void {
	spin_lock(inode.i_lock);
	hlist_del_init(inode.i_hash);
	spin_unlock(inode.i_lock);
}

/** fs/inode.c:clear_inode(): the last thing that ->evict_inode() does to it. */
export function clear_inode(inode: struct_inode): void {
	/* whoever removes the last page may still hold the lock */
	xa_lock_irq(inode.i_data.i_pages);
	BUG_ON(inode.i_data.nrpages !== 0);
	xa_unlock_irq(inode.i_data.i_pages);
	BUG_ON(!list_empty(inode.i_data.private_list));
	BUG_ON(!(inode.i_state & I_FREEING));
	BUG_ON((inode.i_state & I_CLEAR) !== 0);
	inode.i_state = I_FREEING | I_CLEAR;
}

/** fs/inode.c:evict(): the inode has I_FREEING, so that nobody takes a reference any more. */
function evict(inode: struct_inode): void {
	const op = inode.i_sb!.s_op!;

	BUG_ON(!(inode.i_state & I_FREEING));
	BUG_ON(!list_empty(inode.i_lru));

	inode_sb_list_del(inode);

	if (op.evict_inode) {
		op.evict_inode(inode);
	} else {
		truncate_inode_pages_final(inode.i_data);
		clear_inode(inode);
	}
	inode.i_cdev = null;

	remove_inode_hash(inode);

	spin_lock(inode.i_lock);
	BUG_ON(inode.i_state !== (I_FREEING | I_CLEAR));
	spin_unlock(inode.i_lock);

	destroy_inode(inode);
}

/** fs/inode.c:dispose_list() */
function dispose_list(head: struct_list_head): void {
	while (!list_empty(head)) {
		const inode = list_first_entry(head, struct_inode, "i_lru");
		list_del_init(inode.i_lru);

		evict(inode);
		cond_resched();
	}
}

/** fs/inode.c:evict_inodes(): all without references, as the superblock goes. */
export function evict_inodes(sb: struct_super_block): void {
	const dispose = new struct_list_head(null);

	spin_lock(sb.s_inode_list_lock);
	for (const inode of list_for_each_entry(sb.s_inodes, struct_inode, "i_sb_list")) {
		if (inode.i_count)
			continue;

		spin_lock(inode.i_lock);
		if (inode.i_state & (I_NEW | I_FREEING | I_WILL_FREE)) {
			spin_unlock(inode.i_lock);
			continue;
		}

		inode.i_state |= I_FREEING;
		spin_unlock(inode.i_lock);
		list_add(inode.i_lru, dispose);
	}
	spin_unlock(sb.s_inode_list_lock);

	dispose_list(dispose);
}

let last_ino = 0;

/** fs/inode.c:get_next_ino(): 32 bits, never 0. */
export function get_next_ino(): number {
	last_ino = (last_ino + 1) >>> 0;
	if (!last_ino)
		last_ino++;
	return last_ino;
}

/** fs/inode.c:new_inode_pseudo(): not on the superblock's list, so that nothing walks over it. */
export function new_inode_pseudo(sb: struct_super_block): struct_inode | null {
	const inode = alloc_inode(sb);

	if (inode) {
		spin_lock(inode.i_lock);
		inode.i_state = 0;
		spin_unlock(inode.i_lock);
	}
	return inode;
}

/** fs/inode.c:new_inode() */
export function new_inode(sb: struct_super_block): struct_inode | null {
	const inode = new_inode_pseudo(sb);

	if (inode)
		inode_sb_list_add(inode);
	return inode;
}

/** fs/inode.c:lock_two_nondirectories() */
export function lock_two_nondirectories(inode1: struct_inode | null, inode2: struct_inode | null):
	void {
	/* C orders them by address */
	if (inode1 && inode2 && inode1.i_ino > inode2.i_ino)
		[inode1, inode2] = [inode2, inode1];

	if (inode1 && !S_ISDIR(inode1.i_mode))
		inode_lock(inode1);
	if (inode2 && !S_ISDIR(inode2.i_mode) && inode2 !== inode1)
		inode_lock_nested(inode2, I_MUTEX_NONDIR2);
}

/** fs/inode.c:unlock_two_nondirectories() */
export function unlock_two_nondirectories(inode1: struct_inode | null,
	inode2: struct_inode | null): void {
	if (inode1 && !S_ISDIR(inode1.i_mode))
		inode_unlock(inode1);
	if (inode2 && !S_ISDIR(inode2.i_mode) && inode2 !== inode1)
		inode_unlock(inode2);
}

/** fs/inode.c:igrab(): a reference, unless the inode is on its way out. */
export function igrab(inode: struct_inode): struct_inode | null {
	let res: struct_inode | null = inode;

	spin_lock(inode.i_lock);
	if (!(inode.i_state & (I_FREEING | I_WILL_FREE)))
		__iget(inode);
	else
		res = null;
	spin_unlock(inode.i_lock);
	return res;
}

/** fs/inode.c:generic_delete_inode(): for ->drop_inode() of file systems that keep nothing. */
export function generic_delete_inode(_inode: struct_inode): number {
	return 1;
}

/** fs/inode.c:iput_final(); i_lock is held and dropped. */
function iput_final(inode: struct_inode): void {
	const op = inode.i_sb!.s_op!;

	WARN_ON((inode.i_state & I_NEW) !== 0);

	const drop = op.drop_inode ? op.drop_inode(inode) !== 0 : generic_drop_inode(inode);

	/* hashed inodes would stay in the cache */
	BUG_ON(!drop && !(inode.i_state & I_DONTCACHE) && (inode.i_sb!.s_flags & SB_ACTIVE) !== 0);

	inode.i_state |= I_FREEING;
	spin_unlock(inode.i_lock);

	evict(inode);
}

/** fs/inode.c:iput() */
export function iput(inode: struct_inode | null): void {
	if (!inode)
		return;
	BUG_ON((inode.i_state & I_CLEAR) !== 0);
	BUG_ON(inode.i_count <= 0);
	if (inode.i_count > 1) {
		inode.i_count--;
		return;
	}
	/* C: atomic_dec_and_lock() */
	spin_lock(inode.i_lock);
	inode.i_count--;
	iput_final(inode);
}

/** fs/inode.c:relatime_need_update() */
function relatime_need_update(mnt: struct_vfsmount, inode: struct_inode, now: struct_timespec64):
	boolean {
	if (!(mnt.mnt_flags & MNT_RELATIME))
		return true;
	/* atime not after mtime or ctime: update */
	if (timespec64_compare(inode.i_mtime, inode.i_atime) >= 0)
		return true;
	if (timespec64_compare(inode.i_ctime, inode.i_atime) >= 0)
		return true;

	/* older than a day: update */
	if (now.tv_sec - inode.i_atime.tv_sec >= 24 * 60 * 60)
		return true;
	return false;
}

/**
 * fs/fs-writeback.c:__mark_inode_dirty(). Nothing is ever written back: the state is for those who
 * ask, and an inode on its way out is left alone.
 */
export function __mark_inode_dirty(inode: struct_inode, flags: number): void {
	if ((inode.i_state & flags) === flags)
		return;
	spin_lock(inode.i_lock);
	if (!(inode.i_state & I_FREEING))
		inode.i_state |= flags;
	spin_unlock(inode.i_lock);
}

/** fs/inode.c:generic_update_time() */
export function generic_update_time(inode: struct_inode, time: struct_timespec64, flags: number):
	number {
	let dirty_flags = 0;

	if (flags & (S_ATIME | S_CTIME | S_MTIME)) {
		if (flags & S_ATIME)
			inode.i_atime = time;
		if (flags & S_CTIME)
			inode.i_ctime = time;
		if (flags & S_MTIME)
			inode.i_mtime = time;

		if (inode.i_sb!.s_flags & SB_LAZYTIME)
			dirty_flags |= I_DIRTY_TIME;
		else
			dirty_flags |= I_DIRTY_SYNC;
	}

	__mark_inode_dirty(inode, dirty_flags);
	return 0;
}

/** fs/inode.c:inode_update_time() */
export function inode_update_time(inode: struct_inode, time: struct_timespec64, flags: number):
	number {
	if (inode.i_op.update_time)
		return inode.i_op.update_time(inode, time, flags);
	return generic_update_time(inode, time, flags);
}

/** fs/inode.c:atime_needs_update() */
export function atime_needs_update(path: struct_path, inode: struct_inode): boolean {
	const mnt = path.mnt!;

	if (inode.i_flags & S_NOATIME)
		return false;

	if (IS_NOATIME(inode))
		return false;
	if ((inode.i_sb!.s_flags & SB_NODIRATIME) && S_ISDIR(inode.i_mode))
		return false;

	if (mnt.mnt_flags & MNT_NOATIME)
		return false;
	if ((mnt.mnt_flags & MNT_NODIRATIME) && S_ISDIR(inode.i_mode))
		return false;

	const now = current_time(inode);

	if (!relatime_need_update(mnt, inode, now))
		return false;

	if (timespec64_equal(inode.i_atime, now))
		return false;

	return true;
}

/** fs/inode.c:touch_atime() */
export function touch_atime(path: struct_path): void {
	const mnt = path.mnt!;
	const inode = path.dentry!.d_inode!;

	if (!atime_needs_update(path, inode))
		return;

	if (!sb_start_write_trylock(inode.i_sb!))
		return;

	skip_update: {
		if (__mnt_want_write(mnt) !== 0)
			break skip_update;
		/* nobody is told when it fails */
		const now = current_time(inode);
		inode_update_time(inode, now, S_ATIME);
		__mnt_drop_write(mnt);
	}
	sb_end_write(inode.i_sb!);
}

/** fs/inode.c:should_remove_suid(): which set-id bits a write or truncation has to drop. */
export function should_remove_suid(dentry: struct_dentry): number {
	const mode = dentry.d_inode!.i_mode;
	let kill = 0;

	if (mode & S_ISUID)
		kill = ATTR_KILL_SUID;

	/* sgid without group execution is a mark for mandatory locking: left alone */
	if ((mode & S_ISGID) && (mode & S_IXGRP))
		kill |= ATTR_KILL_SGID;

	if (kill && !capable(CAP_FSETID) && S_ISREG(mode))
		return kill;

	return 0;
}

/** fs/inode.c:dentry_needs_remove_privs() */
export function dentry_needs_remove_privs(dentry: struct_dentry): number {
	const inode = dentry.d_inode!;

	if (IS_NOSEC(inode))
		return 0;

	return should_remove_suid(dentry);
}

function __remove_privs(mnt_userns: struct_user_namespace, dentry: struct_dentry, kill: number):
	number {
	const newattrs = new struct_iattr();

	newattrs.ia_valid = ATTR_FORCE | kill;
	return notify_change(mnt_userns, dentry, newattrs);
}

/** fs/inode.c:__file_remove_privs(); i_rwsem is held. */
function __file_remove_privs(file: struct_file, flags: number): number {
	const dentry = file_dentry(file);
	const inode = file_inode(file);
	let error = 0;

	if (IS_NOSEC(inode) || !S_ISREG(inode.i_mode))
		return 0;

	const kill = dentry_needs_remove_privs(dentry);
	if (kill < 0)
		return kill;

	if (kill) {
		if (flags & IOCB_NOWAIT)
			return -EAGAIN;

		error = __remove_privs(file_mnt_user_ns(file), dentry, kill);
	}

	if (!error)
		inode_has_no_xattr(inode);
	return error;
}

/** fs/inode.c:file_remove_privs() */
export function file_remove_privs(file: struct_file): number {
	return __file_remove_privs(file, 0);
}

/** fs/inode.c:inode_needs_update_time() */
function inode_needs_update_time(inode: struct_inode, now: struct_timespec64): number {
	let sync_it = 0;

	if (IS_NOCMTIME(inode))
		return 0;

	if (inode.i_mtime !== now && !timespec64_equal(inode.i_mtime, now))
		sync_it = S_MTIME;

	if (inode.i_ctime !== now && !timespec64_equal(inode.i_ctime, now))
		sync_it |= S_CTIME;

	return sync_it;
}

/** fs/inode.c:__file_update_time() */
function __file_update_time(file: struct_file, now: struct_timespec64, sync_mode: number): number {
	let ret = 0;
	const inode = file_inode(file);

	/* times are best effort */
	if (!__mnt_want_write_file(file)) {
		ret = inode_update_time(inode, now, sync_mode);
		__mnt_drop_write_file(file);
	}

	return ret;
}

/** fs/inode.c:file_update_time(): mtime and ctime, for writes through the file. */
export function file_update_time(file: struct_file): number {
	const inode = file_inode(file);
	const now = current_time(inode);

	const ret = inode_needs_update_time(inode, now);
	if (ret <= 0)
		return ret;

	return __file_update_time(file, now, ret);
}

/** fs/inode.c:file_modified_flags() */
function file_modified_flags(file: struct_file, flags: number): number {
	const inode = file_inode(file);
	const now = current_time(inode);

	/* what the writer is not privileged to keep goes first */
	let ret = __file_remove_privs(file, flags);
	if (ret)
		return ret;

	if (file.f_mode & FMODE_NOCMTIME)
		return 0;

	ret = inode_needs_update_time(inode, now);
	if (ret <= 0)
		return ret;
	if (flags & IOCB_NOWAIT)
		return -EAGAIN;

	return __file_update_time(file, now, ret);
}

/** fs/inode.c:file_modified(); i_rwsem is held. */
export function file_modified(file: struct_file): number {
	return file_modified_flags(file, 0);
}

/** fs/inode.c:kiocb_modified() */
export function kiocb_modified(iocb: struct_kiocb): number {
	return file_modified_flags(iocb.ki_filp, iocb.ki_flags);
}

/** fs/inode.c:inode_needs_sync() */
export function inode_needs_sync(inode: struct_inode): boolean {
	if (IS_SYNC(inode))
		return true;
	if (S_ISDIR(inode.i_mode) && IS_DIRSYNC(inode))
		return true;
	return false;
}

/** fs/inode.c:inode_init_early(): the hash would be allocated here. */
export function inode_init_early(): void {}

/** fs/inode.c:inode_init() */
export function inode_init(): void {
	inode_cachep = kmem_cache_create("inode_cache", struct_inode,
		SLAB_RECLAIM_ACCOUNT | SLAB_PANIC | SLAB_MEM_SPREAD | SLAB_ACCOUNT, init_once)!;
}

/** fs/inode.c:init_special_inode() */
export function init_special_inode(inode: struct_inode, mode: number, rdev: number): void {
	inode.i_mode = mode;
	if (S_ISCHR(mode)) {
		inode.i_fop = def_chr_fops;
		inode.i_rdev = rdev;
	} else if (S_ISBLK(mode)) {
		/* leave it no_open_fops: there are no block devices */
		inode.i_rdev = rdev;
	} else if (S_ISFIFO(mode)) {
		inode.i_fop = pipefifo_fops;
	} else if (!S_ISSOCK(mode)) {	/* a socket is left no_open_fops */
		printk(`${KERN_DEBUG}init_special_inode: bogus i_mode (${mode.toString(8)}) for` +
			` inode ${inode.i_sb!.s_id}:${inode.i_ino}\n`);
	}
}

/** fs/inode.c:inode_init_owner() */
export function inode_init_owner(_mnt_userns: struct_user_namespace, inode: struct_inode,
	dir: struct_inode | null, mode: number): void {
	inode.i_uid = current_fsuid();
	if (dir && dir.i_mode & S_ISGID) {
		inode.i_gid = dir.i_gid;

		/* a new directory takes S_ISGID over from its parent */
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	} else {
		inode.i_gid = current_fsgid();
	}
	inode.i_mode = mode;
}

/** fs/inode.c:inode_owner_or_capable() */
export function inode_owner_or_capable(_mnt_userns: struct_user_namespace, inode: struct_inode):
	boolean {
	if (current_fsuid() === inode.i_uid)
		return true;

	return ns_capable(current_user_ns(), CAP_FOWNER);
}

/** fs/inode.c:inode_dio_wait(): direct I/O is out. */
export function inode_dio_wait(_inode: struct_inode): void {}

/** fs/inode.c:inode_set_flags() */
export function inode_set_flags(inode: struct_inode, flags: number, mask: number): void {
	WARN_ON_ONCE((flags & ~mask) !== 0);
	inode.i_flags = (inode.i_flags & ~mask) | flags;
}

/** fs/inode.c:inode_nohighmem() */
export function inode_nohighmem(inode: struct_inode): void {
	mapping_set_gfp_mask(inode.i_mapping, GFP_USER);
}

/** fs/inode.c:timestamp_truncate(): to what the file system can store. */
export function timestamp_truncate(t: struct_timespec64, inode: struct_inode): struct_timespec64 {
	const gran = inode.i_sb!.s_time_gran;

	/* granularities of 1 ns and 1 s need no modulo */
	if (gran === 1)
		return t;
	if (gran === NSEC_PER_SEC)
		return { tv_sec: t.tv_sec, tv_nsec: 0 };
	if (gran > 1 && gran < NSEC_PER_SEC)
		return { tv_sec: t.tv_sec, tv_nsec: t.tv_nsec - t.tv_nsec % gran };
	WARN(true, `invalid file time granularity: ${gran}`);
	return t;
}

/* the coarse clock stands still between ticks: 250 a second */
const TICK_NSEC = 4000000;
/* the tick's start and end */
const tick = new Float64Array(new ArrayBuffer(16));
let tick_time: struct_timespec64 = { tv_sec: 0, tv_nsec: 0 };

/** fs/inode.c:current_time() */
export function current_time(inode: struct_inode): struct_timespec64 {
	const t = clock_read();

	if (t >= tick[1]! || t < tick[0]!) {
		tick_time = ktime_get_coarse_real_ts64();
		tick[0] = t;
		tick[1] = t + TICK_NSEC;
	}
	return inode.i_sb!.s_time_gran === 1 ? tick_time : timestamp_truncate(tick_time, inode);
}

/** fs/inode.c:mode_strip_sgid() */
export function mode_strip_sgid(mnt_userns: struct_user_namespace, dir: struct_inode | null,
	mode: number): number {
	if ((mode & (S_ISGID | S_IXGRP)) !== (S_ISGID | S_IXGRP))
		return mode;
	if (S_ISDIR(mode) || !dir || !(dir.i_mode & S_ISGID))
		return mode;
	if (in_group_p(dir.i_gid))
		return mode;
	if (capable_wrt_inode_uidgid(mnt_userns, dir, CAP_FSETID))
		return mode;
	return mode & ~S_ISGID;
}

