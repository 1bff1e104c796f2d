// SPDX-License-Identifier: GPL-2.0
/*
 * Superblocks.
 *
 * Upstream: fs/super.c. Left out: block devices, freezing, reconfiguration, emergency calls. There
 * is no dentry or inode LRU: the shrinker asks for the file system's own objects only.
 *
 * Life: alloc_super() (s_active 1, s_count 1, s_umount held), SB_BORN and SB_ACTIVE when filled,
 * deactivate_super() to s_active 0 calls ->kill_sb(), put_super() to s_count 0 frees it after a
 * grace period.
 *
 *	sb->s_umount
 *	  sb_lock
 *	  sb->s_inode_list_lock
 */
import { BUG_ON, WARN } from "#linux/bug.ts";
import { printk } from "#linux/printk.ts";
import { EBUSY, EMFILE, ENOMEM, ENOSPC } from "#linux/errno.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { get_filesystem, put_filesystem } from "#linux/fs/filesystems.ts";
import { evict_inodes } from "#linux/fs/inode.ts";
import { MAX_NON_LFS, SB_ACTIVE, SB_BORN } from "#linux/fs.const.ts";
import { struct_super_block } from "#linux/fs.types.ts";
import type { fill_super_t, struct_fs_context } from "#linux/fs_context.ts";
import { dget, shrink_dcache_for_umount } from "#linux/dcache.ts";
import { GFP_ATOMIC, GFP_USER } from "#linux/gfp.ts";
import { __GFP_FS } from "#linux/gfp_types.ts";
import { DEFINE_IDA, ida_alloc_range, ida_free, type struct_ida } from "#linux/idr.ts";
import { MINOR, MINORBITS, MKDEV } from "#linux/kdev_t.ts";
import { list_add_tail, list_del_init, list_empty, list_for_each_entry, struct_list_head } from
	"#linux/list.ts";
import { call_rcu, type struct_callback_head } from "#linux/rcupdate.ts";
import { SINGLE_DEPTH_NESTING } from "#linux/lockdep.ts";
import {
	down_read, down_read_trylock, down_write, down_write_nested, init_rwsem, up_read, up_write,
} from "#linux/rwsem.ts";
import {
	DEFAULT_SEEKS, prealloc_shrinker, register_shrinker_prepared, SHRINK_EMPTY, SHRINK_STOP,
	SHRINKER_MEMCG_AWARE, SHRINKER_NUMA_AWARE, type struct_shrink_control, struct_shrinker,
	unregister_shrinker,
} from "#linux/shrinker.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "#linux/spinlock.ts";
import { init_user_ns } from "#linux/user_namespace.ts";

const super_blocks = new struct_list_head(null);
let sb_lock: spinlock_t;

/** port-only: what C initialises statically; from mnt_init(). */
export function super_init(): void {
	sb_lock = new spinlock_t();
	spin_lock_init(sb_lock, "sb_lock");
	unnamed_dev_ida = DEFINE_IDA("unnamed_dev_ida");
}

function destroy_super_rcu(head: struct_callback_head): void {
	kfree(container_of(head, struct_super_block, "rcu"));
}

/** fs/super.c:destroy_unused_super(): undo an allocation before @s was published. */
function destroy_unused_super(s: struct_super_block | null): void {
	if (!s)
		return;
	up_write(s.s_umount);
	kfree(s);
}

/** fs/super.c:trylock_super() */
function trylock_super(sb: struct_super_block): boolean {
	if (down_read_trylock(sb.s_umount)) {
		if (!list_empty(sb.s_list) && sb.s_root && (sb.s_flags & SB_BORN))
			return true;
		up_read(sb.s_umount);
	}

	return false;
}

/** fs/super.c:super_cache_scan() */
function super_cache_scan(shrink: struct_shrinker, sc: struct_shrink_control): number {
	const sb = shrink.private_data as struct_super_block;
	let fs_objects = 0;
	let freed = 0;

	/* who allocates may hold locks of the file system */
	if (!(sc.gfp_mask & __GFP_FS))
		return SHRINK_STOP;

	if (!trylock_super(sb))
		return SHRINK_STOP;

	if (sb.s_op!.nr_cached_objects)
		fs_objects = sb.s_op!.nr_cached_objects(sb, sc);

	fs_objects = Math.floor(sc.nr_to_scan * fs_objects / (fs_objects + 1));

	if (fs_objects) {
		sc.nr_to_scan = fs_objects + 1;
		freed += sb.s_op!.free_cached_objects!(sb, sc);
	}

	up_read(sb.s_umount);
	return freed;
}

/** fs/super.c:super_cache_count(); without the lock. */
function super_cache_count(shrink: struct_shrinker, sc: struct_shrink_control): number {
	const sb = shrink.private_data as struct_super_block;
	let total_objects = 0;

	/* half mounted */
	if (!(sb.s_flags & SB_BORN))
		return 0;

	if (sb.s_op?.nr_cached_objects)
		total_objects = sb.s_op.nr_cached_objects(sb, sc);

	return total_objects || SHRINK_EMPTY;
}

/** fs/super.c:alloc_super() */
function alloc_super(type: struct_fs_context["fs_type"], flags: number,
	user_ns: struct_super_block["s_user_ns"]): struct_super_block | null {
	const s = kzalloc(struct_super_block, GFP_USER);
	if (!s)
		return null;

	s.s_user_ns = user_ns;
	init_rwsem(s.s_umount, `&type->s_umount_key#${type.name}`);
	/* sget() may have an older one locked */
	down_write_nested(s.s_umount, SINGLE_DEPTH_NESTING);

	s.s_flags = flags;
	spin_lock_init(s.s_inode_list_lock, "&s->s_inode_list_lock");
	s.s_count = 1;
	s.s_active = 1;
	s.s_maxbytes = MAX_NON_LFS;
	s.s_time_gran = 1000000000;

	s.s_shrink = new struct_shrinker(super_cache_count, super_cache_scan, DEFAULT_SEEKS);
	s.s_shrink.private_data = s;
	s.s_shrink.batch = 1024;
	s.s_shrink.flags = SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE;
	if (prealloc_shrinker(s.s_shrink, `sb-${type.name}`)) {
		destroy_unused_super(s);
		return null;
	}
	return s;
}

/** fs/super.c:put_super(); sb_lock is held. */
function __put_super(s: struct_super_block): void {
	if (!--s.s_count) {
		list_del_init(s.s_list);
		BUG_ON(!list_empty(s.s_inodes));
		call_rcu(s.rcu, destroy_super_rcu);
	}
}

function put_super(sb: struct_super_block): void {
	spin_lock(sb_lock);
	__put_super(sb);
	spin_unlock(sb_lock);
}

/** fs/super.c:deactivate_locked_super(); s_umount is held and dropped. */
export function deactivate_locked_super(s: struct_super_block): void {
	const fs = s.s_type!;

	if (--s.s_active === 0) {
		unregister_shrinker(s.s_shrink!);
		fs.kill_sb(s);
		put_filesystem(fs);
		put_super(s);
	} else {
		up_write(s.s_umount);
	}
}

/** fs/super.c:deactivate_super() */
export function deactivate_super(s: struct_super_block): void {
	if (s.s_active > 1) {
		s.s_active--;
		return;
	}
	down_write(s.s_umount);
	deactivate_locked_super(s);
}

/** fs/super.c:generic_shutdown_super(); s_umount is held and dropped. */
export function generic_shutdown_super(sb: struct_super_block): void {
	const sop = sb.s_op;

	if (sb.s_root) {
		shrink_dcache_for_umount(sb);
		sb.s_flags &= ~SB_ACTIVE;

		/* drops inodes that nobody uses */
		evict_inodes(sb);

		if (sop && sop.put_super)
			sop.put_super(sb);

		if (!list_empty(sb.s_inodes))
			printk(`VFS: Busy inodes after unmount of ${sb.s_id}. ` +
				"Self-destruct in 5 seconds.  Have a nice day...\n");
	}
	up_write(sb.s_umount);
}

/**
 * fs/super.c:sget_fc(): a superblock for @fc, found by @test or new and set up by @set; s_umount is
 * held.
 */
export function sget_fc(fc: struct_fs_context,
	test: ((s: struct_super_block, fc: struct_fs_context) => boolean) | null,
	set: (s: struct_super_block, fc: struct_fs_context) => number):
	struct_super_block | err_ptr {
	spin_lock(sb_lock);
	if (test) {
		for (const old of list_for_each_entry(super_blocks, struct_super_block, "s_list")) {
			if (old.s_type === fc.fs_type && old.s_active && test(old, fc)) {
				old.s_active++;
				spin_unlock(sb_lock);
				down_write(old.s_umount);
				return old;
			}
		}
	}
	spin_unlock(sb_lock);

	const s = alloc_super(fc.fs_type, fc.sb_flags, fc.user_ns ?? init_user_ns);
	if (!s)
		return ERR_PTR(-ENOMEM);

	spin_lock(sb_lock);
	s.s_fs_info = fc.s_fs_info;
	const err = set(s, fc);
	if (err) {
		s.s_fs_info = null;
		spin_unlock(sb_lock);
		destroy_unused_super(s);
		return ERR_PTR(err);
	}
	fc.s_fs_info = null;
	s.s_type = fc.fs_type;
	s.s_iflags |= fc.s_iflags;
	s.s_id = s.s_type.name;
	list_add_tail(s.s_list, super_blocks);
	spin_unlock(sb_lock);
	get_filesystem(s.s_type);
	register_shrinker_prepared(s.s_shrink!);
	return s;
}

/** fs/super.c:drop_super() */
export function drop_super(sb: struct_super_block): void {
	up_read(sb.s_umount);
	put_super(sb);
}

/** fs/super.c:iterate_supers(): @f for each live superblock, with s_umount held for reading. */
export function iterate_supers<A>(f: (sb: struct_super_block, arg: A) => void, arg: A): void {
	let p: struct_super_block | null = null;

	spin_lock(sb_lock);
	for (const sb of list_for_each_entry(super_blocks, struct_super_block, "s_list")) {
		if (!sb.s_active)
			continue;
		sb.s_count++;
		spin_unlock(sb_lock);

		down_read(sb.s_umount);
		if (sb.s_root && (sb.s_flags & SB_BORN))
			f(sb, arg);
		up_read(sb.s_umount);

		spin_lock(sb_lock);
		if (p)
			__put_super(p);
		p = sb;
	}
	if (p)
		__put_super(p);
	spin_unlock(sb_lock);
}

/** fs/super.c:iterate_supers_type() */
export function iterate_supers_type<A>(type: struct_fs_context["fs_type"],
	f: (sb: struct_super_block, arg: A) => void, arg: A): void {
	iterate_supers((sb, a: A) => {
		if (sb.s_type === type)
			f(sb, a);
	}, arg);
}

/* device numbers for file systems without a device; minor 0 stays free */
let unnamed_dev_ida: struct_ida;

/** fs/super.c:get_anon_bdev(): a number for @sb, in s_dev. */
export function get_anon_bdev(sb: struct_super_block): number {
	/* some say that st_dev 0 is no file system */
	let dev = ida_alloc_range(unnamed_dev_ida, 1, (1 << MINORBITS) - 1, GFP_ATOMIC);

	if (dev === -ENOSPC)
		dev = -EMFILE;
	if (dev < 0)
		return dev;

	sb.s_dev = MKDEV(0, dev);
	return 0;
}

/** fs/super.c:free_anon_bdev() */
export function free_anon_bdev(dev: number): void {
	ida_free(unnamed_dev_ida, MINOR(dev));
}

/** fs/super.c:set_anon_super() */
export function set_anon_super(s: struct_super_block, _data: unknown): number {
	return get_anon_bdev(s);
}

/** fs/super.c:kill_anon_super() */
export function kill_anon_super(sb: struct_super_block): void {
	const dev = sb.s_dev;

	generic_shutdown_super(sb);
	free_anon_bdev(dev);
}

/** fs/super.c:kill_litter_super(): the entries that a RAM file system pins are dropped first. */
export function kill_litter_super(sb: struct_super_block): void {
	kill_anon_super(sb);
}

/** fs/super.c:set_anon_super_fc() */
export function set_anon_super_fc(sb: struct_super_block, _fc: struct_fs_context): number {
	return set_anon_super(sb, null);
}

function test_single_super(_s: struct_super_block, _fc: struct_fs_context): boolean {
	return true;
}

/** fs/super.c:vfs_get_super() */
function vfs_get_super(fc: struct_fs_context, single: boolean, fill_super: fill_super_t): number {
	const sb = sget_fc(fc, single ? test_single_super : null, set_anon_super_fc);
	if (IS_ERR(sb))
		return PTR_ERR(sb);

	if (!sb.s_root) {
		const err = fill_super(sb, fc);
		if (err) {
			deactivate_locked_super(sb);
			return err;
		}

		sb.s_flags |= SB_ACTIVE;
	}
	BUG_ON(fc.root !== null);
	fc.root = dget(sb.s_root);
	return 0;
}

/** fs/super.c:get_tree_nodev(): a superblock of its own each time. */
export function get_tree_nodev(fc: struct_fs_context, fill_super: fill_super_t): number {
	return vfs_get_super(fc, false, fill_super);
}

/** fs/super.c:get_tree_single(): one superblock for all. */
export function get_tree_single(fc: struct_fs_context, fill_super: fill_super_t): number {
	return vfs_get_super(fc, true, fill_super);
}

/** fs/super.c:vfs_get_tree(): fc->root with a reference; its superblock's s_umount is held. */
export function vfs_get_tree(fc: struct_fs_context): number {
	if (fc.root)
		return -EBUSY;

	/* what it needs is in fc, or was given as options */
	const error = fc.ops!.get_tree!(fc);
	if (error < 0)
		return error;

	if (!fc.root) {
		printk(`Filesystem ${fc.fs_type.name} get_tree() didn't set fc->root\n`);
		/* nothing is known about the superblock that may be locked */
		BUG_ON(true);
	}

	const sb = fc.root!.d_sb!;
	sb.s_flags |= SB_BORN;

	/* anything above MAX_LFS_FILESIZE is negative as a loff_t */
	WARN(sb.s_maxbytes < 0n, `${fc.fs_type.name} set sb->s_maxbytes to negative value ` +
		`(${sb.s_maxbytes})\n`);

	return 0;
}
