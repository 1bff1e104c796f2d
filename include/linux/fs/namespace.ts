// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts in the kernel, and the few that the flat name table shows.
 *
 * Upstream: fs/namespace.c. Left out: namespaces, mount(), umount(), propagation, pivot_root().
 */
import { shmem_init } from "#linux/shmem_fs.ts";
import { BUG_ON } from "#linux/bug.ts";
import { EINVAL, EROFS } from "#linux/errno.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { ENOMEM } from "#linux/errno.ts";
import { container_of } from "#asm-generic/owner.ts";
import { dget, dput } from "#linux/dcache.ts";
import { fs_context_for_mount, put_fs_context, vfs_parse_fs_string, generic_parse_monolithic } from
	"#linux/fs/fs_context.ts";
import { FMODE_WRITER, MNT_READONLY, MNT_RELATIME, SB_KERNMOUNT } from "#linux/fs.const.ts";
import { struct_vfsmount, type struct_file, type struct_file_system_type } from
	"#linux/fs.types.ts";
import { super_init, deactivate_super, vfs_get_tree } from "#linux/fs/super.ts";
import { file_inode, sb_end_write, sb_rdonly, sb_start_write } from "#linux/fs.ts";
import type { struct_fs_context } from "#linux/fs_context.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { call_rcu, type struct_callback_head } from "#linux/rcupdate.ts";
import { up_write } from "#linux/rwsem.ts";
import { SLAB_ACCOUNT, SLAB_HWCACHE_ALIGN, SLAB_PANIC, kmem_cache_create, kmem_cache_free,
	kmem_cache_zalloc, type struct_kmem_cache } from "#linux/slab.ts";

let mnt_cache: struct_kmem_cache<struct_vfsmount>;
let mnt_ids = 0;

/** fs/namespace.c:alloc_vfsmnt() */
function alloc_vfsmnt(name: string | null): struct_vfsmount | null {
	const mnt = kmem_cache_zalloc(mnt_cache, GFP_KERNEL);

	if (mnt) {
		mnt.mnt_id = ++mnt_ids;
		mnt.mnt_devname = name ?? "none";
		mnt.mnt_count = 1;
		mnt.mnt_writers = 0;
	}
	return mnt;
}

/** fs/namespace.c:__mnt_is_readonly() */
export function __mnt_is_readonly(mnt: struct_vfsmount): boolean {
	return (mnt.mnt_flags & MNT_READONLY) !== 0 || sb_rdonly(mnt.mnt_sb!);
}

/** fs/namespace.c:__mnt_want_write(): announces a writer; without the superblock's freeze count. */
export function __mnt_want_write(m: struct_vfsmount): number {
	m.mnt_writers++;
	if (__mnt_is_readonly(m)) {
		m.mnt_writers--;
		return -EROFS;
	}
	return 0;
}

/** fs/namespace.c:mnt_want_write() */
export function mnt_want_write(m: struct_vfsmount): number {
	sb_start_write(m.mnt_sb!);
	const ret = __mnt_want_write(m);
	if (ret)
		sb_end_write(m.mnt_sb!);
	return ret;
}

/** fs/namespace.c:__mnt_want_write_file() */
export function __mnt_want_write_file(file: struct_file): number {
	if (file.f_mode & FMODE_WRITER) {
		/* a descriptor open for writing may outlast a remount to read-only */
		return __mnt_is_readonly(file.f_path.mnt!) ? -EROFS : 0;
	}
	return __mnt_want_write(file.f_path.mnt!);
}

/** fs/namespace.c:mnt_want_write_file() */
export function mnt_want_write_file(file: struct_file): number {
	sb_start_write(file_inode(file).i_sb!);
	const ret = __mnt_want_write_file(file);
	if (ret)
		sb_end_write(file_inode(file).i_sb!);
	return ret;
}

/** fs/namespace.c:__mnt_drop_write() */
export function __mnt_drop_write(mnt: struct_vfsmount): void {
	BUG_ON(--mnt.mnt_writers < 0);
}

/** fs/namespace.c:mnt_drop_write() */
export function mnt_drop_write(mnt: struct_vfsmount): void {
	__mnt_drop_write(mnt);
	sb_end_write(mnt.mnt_sb!);
}

/** fs/namespace.c:__mnt_drop_write_file() */
export function __mnt_drop_write_file(file: struct_file): void {
	if (!(file.f_mode & FMODE_WRITER))
		__mnt_drop_write(file.f_path.mnt!);
}

/** fs/namespace.c:mnt_drop_write_file() */
export function mnt_drop_write_file(file: struct_file): void {
	__mnt_drop_write_file(file);
	sb_end_write(file_inode(file).i_sb!);
}

/** fs/namespace.c:vfs_create_mount(): takes over fc->root's reference to the superblock. */
export function vfs_create_mount(fc: struct_fs_context): struct_vfsmount | err_ptr {
	if (!fc.root)
		return ERR_PTR(-EINVAL);

	const mnt = alloc_vfsmnt(fc.source ?? "none");
	if (!mnt)
		return ERR_PTR(-ENOMEM);

	if (fc.sb_flags & SB_KERNMOUNT)
		mnt.mnt_flags = 0x4000;		/* MNT_INTERNAL */

	fc.root.d_sb!.s_active++;
	mnt.mnt_sb = fc.root.d_sb;
	mnt.mnt_root = dget(fc.root);
	return mnt;
}

/** fs/namespace.c:fc_mount() */
export function fc_mount(fc: struct_fs_context): struct_vfsmount | err_ptr {
	const err = vfs_get_tree(fc);

	if (!err) {
		up_write(fc.root!.d_sb!.s_umount);
		return vfs_create_mount(fc);
	}
	return ERR_PTR(err);
}

/** fs/namespace.c:vfs_kern_mount() */
export function vfs_kern_mount(type: struct_file_system_type | null, flags: number,
	name: string | null, data: string | null): struct_vfsmount | err_ptr {
	let ret = 0;

	if (!type)
		return ERR_PTR(-EINVAL);

	const fc = fs_context_for_mount(type, flags);
	if (IS_ERR(fc))
		return fc;

	if (name)
		ret = vfs_parse_fs_string(fc, "source", name);
	if (!ret)
		ret = fc.ops!.parse_monolithic ? fc.ops!.parse_monolithic(fc, data) :
			generic_parse_monolithic(fc, data);
	const mnt = ret ? ERR_PTR(ret) : fc_mount(fc);

	put_fs_context(fc);
	return mnt;
}

/** fs/namespace.c:kern_mount(): for the kernel's own use. */
export function kern_mount(type: struct_file_system_type): struct_vfsmount | err_ptr {
	return vfs_kern_mount(type, SB_KERNMOUNT, type.name, null);
}

/** fs/namespace.c:kern_unmount() */
export function kern_unmount(mnt: struct_vfsmount | null): void {
	if (mnt)
		mntput(mnt);
}

/** fs/namespace.c:mntget() */
export function mntget(mnt: struct_vfsmount): struct_vfsmount {
	mnt.mnt_count++;
	return mnt;
}

function delayed_free_vfsmnt(head: struct_callback_head): void {
	kmem_cache_free(mnt_cache, container_of(head, struct_vfsmount, "mnt_rcu"));
}

/** fs/namespace.c:mntput() */
export function mntput(mnt: struct_vfsmount | null): void {
	if (!mnt)
		return;
	BUG_ON(mnt.mnt_count <= 0);
	if (--mnt.mnt_count)
		return;

	/* nobody can have been left as a writer */
	BUG_ON(mnt.mnt_writers !== 0);
	const sb = mnt.mnt_sb!;
	const root = mnt.mnt_root;

	mnt.mnt_root = null;
	mounted.delete(mnt.mnt_mountpoint ?? "");
	dput(root);
	deactivate_super(sb);
	call_rcu(mnt.mnt_rcu, delayed_free_vfsmnt);
}

/* ---- port-only: mounts by path --------------------------------------------------------------- */

const mounted = new Map<string, struct_vfsmount>();

/** Mounts @type at @path, as init would: 0 or -errno. */
export function mount_at(path: string, type: struct_file_system_type, data: string | null = null):
	number {
	const mnt = vfs_kern_mount(type, 0, type.name, data);

	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	mnt.mnt_flags |= MNT_RELATIME;
	mnt.mnt_mountpoint = path;
	mounted.set(path, mnt);
	return 0;
}

/** The mount whose root is at @path, or null; no reference. */
export function mount_of(path: string): struct_vfsmount | null {
	return mounted.get(path) ?? null;
}

/** The mount that holds @path: the one with the longest mount point. */
export function mount_above(path: string): struct_vfsmount | null {
	for (let p = path; p !== ""; p = p.slice(0, Math.max(0, p.lastIndexOf("/")))) {
		const mnt = mounted.get(p);
		if (mnt)
			return mnt;
	}
	return null;
}

/** fs/namespace.c:mnt_init() */
export function mnt_init(): void {
	mnt_cache = kmem_cache_create("mnt_cache", struct_vfsmount,
		SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT, null)!;
	super_init();
	shmem_init();
}
