// SPDX-License-Identifier: GPL-2.0
/*
 * stat() and its kin, readlink().
 *
 * Upstream: fs/stat.c. Left out: the old and 32-bit forms.
 */
import { EBADF, EFAULT, EINVAL, ENOENT } from "#linux/errno.ts";
import { IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { sizeof } from "#asm-generic/struct.ts";
import type { loff_t, user_ptr } from "#asm-generic/types.ts";
import { d_backing_inode } from "#linux/dcache.ts";
import { fdget_raw, fdput } from "#linux/file.ts";
import { LOOKUP_AUTOMOUNT, LOOKUP_EMPTY, LOOKUP_FOLLOW, SB_NOATIME, S_APPEND, S_IMMUTABLE } from
	"#linux/fs.const.ts";
import { IS_AUTOMOUNT, IS_DAX, __inode_get_bytes, i_blocksize, i_size_read } from "#linux/fs.ts";
import { struct_kstat, struct_path, type struct_inode, type struct_user_namespace } from
	"#linux/fs.types.ts";
import { filename_lookup, getname_flags, readlink_copy, user_link_at } from
	"#linux/fs/namei.ts";
import { MAJOR, MINOR, new_encode_dev } from "#linux/kdev_t.ts";
import { mnt_user_ns } from "#linux/mount.ts";
import { path_put } from "#linux/path.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { KSTAT_ATTR_VFS_FLAGS, STATX_ATIME, STATX_ATTR_APPEND, STATX_ATTR_AUTOMOUNT, STATX_ATTR_DAX,
	STATX_ATTR_IMMUTABLE, STATX_ATTR_MOUNT_ROOT, STATX_BASIC_STATS, STATX_MNT_ID,
	STATX__RESERVED, struct_statx } from "#linux/stat.ts";
import { copy_to_user } from "#linux/uaccess.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_STATX_SYNC_TYPE, AT_SYMLINK_NOFOLLOW } from
	"#uapi/linux/fcntl.ts";
import { struct_stat } from "#uapi-asm/stat.ts";

/** fs/stat.c:generic_fillattr(): what the inode itself says. */
export function generic_fillattr(_mnt_userns: struct_user_namespace, inode: struct_inode,
	stat: struct_kstat): void {
	stat.dev = inode.i_sb!.s_dev;
	stat.ino = inode.i_ino;
	stat.mode = inode.i_mode;
	stat.nlink = inode.i_nlink;
	stat.uid = inode.i_uid;
	stat.gid = inode.i_gid;
	stat.rdev = inode.i_rdev;
	stat.size = i_size_read(inode);
	stat.atime = inode.i_atime;
	stat.mtime = inode.i_mtime;
	stat.ctime = inode.i_ctime;
	stat.blksize = i_blocksize(inode);
	stat.blocks = inode.i_blocks;
}

/** fs/stat.c:generic_fill_statx_attr() */
export function generic_fill_statx_attr(inode: struct_inode, stat: struct_kstat): void {
	if (inode.i_flags & S_IMMUTABLE)
		stat.attributes |= STATX_ATTR_IMMUTABLE;
	if (inode.i_flags & S_APPEND)
		stat.attributes |= STATX_ATTR_APPEND;
	stat.attributes_mask |= KSTAT_ATTR_VFS_FLAGS;
}

/** fs/stat.c:vfs_getattr_nosec(); @stat is new. */
export function vfs_getattr_nosec(path: struct_path, stat: struct_kstat, request_mask: number,
	query_flags: number): number {
	const inode = d_backing_inode(path.dentry!);

	stat.result_mask |= STATX_BASIC_STATS;
	query_flags &= AT_STATX_SYNC_TYPE;

	/* with SB_NOATIME the atime is made up, so it is not reported as valid */
	if (inode.i_sb!.s_flags & SB_NOATIME)
		stat.result_mask &= ~STATX_ATIME;

	if (IS_AUTOMOUNT(inode))
		stat.attributes |= STATX_ATTR_AUTOMOUNT;

	if (IS_DAX(inode))
		stat.attributes |= STATX_ATTR_DAX;

	stat.attributes_mask |= STATX_ATTR_AUTOMOUNT | STATX_ATTR_DAX;

	const mnt_userns = mnt_user_ns(path.mnt!);
	if (inode.i_op.getattr)
		return inode.i_op.getattr(mnt_userns, path, stat, request_mask, query_flags);

	generic_fillattr(mnt_userns, inode, stat);
	return 0;
}

/** fs/stat.c:vfs_getattr() */
export function vfs_getattr(path: struct_path, stat: struct_kstat, request_mask: number,
	query_flags: number): number {
	return vfs_getattr_nosec(path, stat, request_mask, query_flags);
}

/** fs/stat.c:vfs_fstat() */
export function vfs_fstat(fd: number, stat: struct_kstat): number {
	const f = fdget_raw(fd);

	if (!f.file)
		return -EBADF;
	const error = vfs_getattr(f.file.f_path, stat, STATX_BASIC_STATS, 0);
	fdput(f);
	return error;
}

/** fs/stat.c:getname_statx_lookup_flags() */
function getname_statx_lookup_flags(flags: number): number {
	let lookup_flags = 0;

	if (!(flags & AT_SYMLINK_NOFOLLOW))
		lookup_flags |= LOOKUP_FOLLOW;
	if (!(flags & AT_NO_AUTOMOUNT))
		lookup_flags |= LOOKUP_AUTOMOUNT;
	if (flags & AT_EMPTY_PATH)
		lookup_flags |= LOOKUP_EMPTY;

	return lookup_flags;
}

/** fs/stat.c:vfs_statx() */
function vfs_statx(dfd: number, filename: string | err_ptr, flags: number, stat: struct_kstat,
	request_mask: number): number {
	const path = new struct_path();
	const lookup_flags = getname_statx_lookup_flags(flags);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;

	let error = filename_lookup(dfd, filename, lookup_flags, path);
	if (error)
		return error;

	error = vfs_getattr(path, stat, request_mask, flags);

	stat.mnt_id = path.mnt!.mnt_id;
	stat.result_mask |= STATX_MNT_ID;

	if (path.mnt!.mnt_root === path.dentry)
		stat.attributes |= STATX_ATTR_MOUNT_ROOT;
	stat.attributes_mask |= STATX_ATTR_MOUNT_ROOT;

	path_put(path);
	return error;
}

/** fs/stat.c:vfs_fstatat() */
export function vfs_fstatat(dfd: number, filename: user_ptr, stat: struct_kstat, flags: number):
	number {
	const statx_flags = flags | AT_NO_AUTOMOUNT;
	const name = getname_flags(filename, getname_statx_lookup_flags(statx_flags));

	return vfs_statx(dfd, name, statx_flags, stat, STATX_BASIC_STATS);
}

/** fs/stat.c:cp_new_stat() */
function cp_new_stat(stat: struct_kstat, statbuf: user_ptr): number {
	const tmp = struct_stat.alloc();

	tmp.st_dev = BigInt(new_encode_dev(stat.dev));
	tmp.st_ino = BigInt(stat.ino);
	tmp.st_mode = stat.mode;
	tmp.st_nlink = BigInt(stat.nlink);
	tmp.st_uid = stat.uid;
	tmp.st_gid = stat.gid;
	tmp.st_rdev = BigInt(new_encode_dev(stat.rdev));
	tmp.st_size = stat.size;
	tmp.st_atime = BigInt(stat.atime.tv_sec);
	tmp.st_mtime = BigInt(stat.mtime.tv_sec);
	tmp.st_ctime = BigInt(stat.ctime.tv_sec);
	tmp.st_atime_nsec = BigInt(stat.atime.tv_nsec);
	tmp.st_mtime_nsec = BigInt(stat.mtime.tv_nsec);
	tmp.st_ctime_nsec = BigInt(stat.ctime.tv_nsec);
	tmp.st_blocks = BigInt(stat.blocks);
	tmp.st_blksize = BigInt(stat.blksize);
	return copy_to_user(statbuf, tmp.bytes, sizeof(struct_stat)) ? -EFAULT : 0;
}

export const sys_newstat = SYSCALL_DEFINE("newstat", ["ptr", "ptr"], (filename, statbuf) => {
	const stat = new struct_kstat();
	const error = vfs_fstatat(AT_FDCWD, filename, stat, 0);

	if (error)
		return error;
	return cp_new_stat(stat, statbuf);
});

export const sys_newlstat = SYSCALL_DEFINE("newlstat", ["ptr", "ptr"], (filename, statbuf) => {
	const stat = new struct_kstat();
	const error = vfs_fstatat(AT_FDCWD, filename, stat, AT_SYMLINK_NOFOLLOW);

	if (error)
		return error;
	return cp_new_stat(stat, statbuf);
});

export const sys_newfstatat = SYSCALL_DEFINE("newfstatat", ["int", "ptr", "ptr", "int"],
	(dfd, filename, statbuf, flag) => {
		const stat = new struct_kstat();
		const error = vfs_fstatat(dfd, filename, stat, flag);

		if (error)
			return error;
		return cp_new_stat(stat, statbuf);
	});

export const sys_newfstat = SYSCALL_DEFINE("newfstat", ["uint", "ptr"], (fd, statbuf) => {
	const stat = new struct_kstat();
	let error = vfs_fstat(fd, stat);

	if (!error)
		error = cp_new_stat(stat, statbuf);

	return error;
});

/** fs/stat.c:do_readlinkat(); the only links are those of /proc. */
function do_readlinkat(dfd: number, pathname: user_ptr, buf: user_ptr, bufsiz: number): number {
	if (bufsiz <= 0)
		return -EINVAL;

	const name = getname_flags(pathname, LOOKUP_EMPTY);
	if (IS_ERR(name))
		return PTR_ERR(name);

	const link = user_link_at(dfd, name);
	if (IS_ERR(link))
		return PTR_ERR(link);
	if (link === null)
		return name === "" ? -ENOENT : -EINVAL;
	return readlink_copy(buf, bufsiz, link);
}

export const sys_readlinkat = SYSCALL_DEFINE("readlinkat", ["int", "ptr", "ptr", "int"],
	do_readlinkat);

export const sys_readlink = SYSCALL_DEFINE("readlink", ["ptr", "ptr", "int"],
	(path, buf, bufsiz) => do_readlinkat(AT_FDCWD, path, buf, bufsiz));

/** fs/stat.c:cp_statx() */
function cp_statx(stat: struct_kstat, buffer: user_ptr): number {
	const tmp = struct_statx.alloc();

	tmp.stx_mask = stat.result_mask;
	tmp.stx_blksize = stat.blksize;
	tmp.stx_attributes = BigInt(stat.attributes);
	tmp.stx_nlink = stat.nlink;
	tmp.stx_uid = stat.uid;
	tmp.stx_gid = stat.gid;
	tmp.stx_mode = stat.mode;
	tmp.stx_ino = BigInt(stat.ino);
	tmp.stx_size = stat.size;
	tmp.stx_blocks = BigInt(stat.blocks);
	tmp.stx_attributes_mask = BigInt(stat.attributes_mask);
	tmp.stx_atime.tv_sec = BigInt(stat.atime.tv_sec);
	tmp.stx_atime.tv_nsec = stat.atime.tv_nsec;
	tmp.stx_btime.tv_sec = BigInt(stat.btime.tv_sec);
	tmp.stx_btime.tv_nsec = stat.btime.tv_nsec;
	tmp.stx_ctime.tv_sec = BigInt(stat.ctime.tv_sec);
	tmp.stx_ctime.tv_nsec = stat.ctime.tv_nsec;
	tmp.stx_mtime.tv_sec = BigInt(stat.mtime.tv_sec);
	tmp.stx_mtime.tv_nsec = stat.mtime.tv_nsec;
	tmp.stx_rdev_major = MAJOR(stat.rdev);
	tmp.stx_rdev_minor = MINOR(stat.rdev);
	tmp.stx_dev_major = MAJOR(stat.dev);
	tmp.stx_dev_minor = MINOR(stat.dev);
	tmp.stx_mnt_id = BigInt(stat.mnt_id);

	return copy_to_user(buffer, tmp.bytes, sizeof(struct_statx)) ? -EFAULT : 0;
}

/** fs/stat.c:do_statx() */
export function do_statx(dfd: number, filename: string | err_ptr, flags: number, mask: number,
	buffer: user_ptr): number {
	const stat = new struct_kstat();

	if (mask & STATX__RESERVED)
		return -EINVAL;
	if ((flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE)
		return -EINVAL;

	const error = vfs_statx(dfd, filename, flags, stat, mask);
	if (error)
		return error;

	return cp_statx(stat, buffer);
}

export const sys_statx = SYSCALL_DEFINE("statx", ["int", "ptr", "uint", "uint", "ptr"],
	(dfd, filename, flags, mask, buffer) => {
		const name = getname_flags(filename, getname_statx_lookup_flags(flags));

		return do_statx(dfd, name, flags, mask, buffer);
	});

/** fs/stat.c:__inode_add_bytes(); i_lock is held, or nobody else knows the inode. */
export function __inode_add_bytes(inode: struct_inode, bytes: loff_t): void {
	inode.i_blocks += Number(bytes >> 9n);
	inode.i_bytes += Number(bytes & 511n);
	if (inode.i_bytes >= 512) {
		inode.i_blocks++;
		inode.i_bytes -= 512;
	}
}

/** fs/stat.c:inode_add_bytes() */
export function inode_add_bytes(inode: struct_inode, bytes: loff_t): void {
	spin_lock(inode.i_lock);
	__inode_add_bytes(inode, bytes);
	spin_unlock(inode.i_lock);
}

/** fs/stat.c:__inode_sub_bytes() */
export function __inode_sub_bytes(inode: struct_inode, bytes: loff_t): void {
	const low = Number(bytes & 511n);

	inode.i_blocks -= Number(bytes >> 9n);
	if (inode.i_bytes < low) {
		inode.i_blocks--;
		inode.i_bytes += 512;
	}
	inode.i_bytes -= low;
}

/** fs/stat.c:inode_sub_bytes() */
export function inode_sub_bytes(inode: struct_inode, bytes: loff_t): void {
	spin_lock(inode.i_lock);
	__inode_sub_bytes(inode, bytes);
	spin_unlock(inode.i_lock);
}

/** fs/stat.c:inode_get_bytes() */
export function inode_get_bytes(inode: struct_inode): loff_t {
	spin_lock(inode.i_lock);
	const ret = __inode_get_bytes(inode);
	spin_unlock(inode.i_lock);
	return ret;
}

/** fs/stat.c:inode_set_bytes() */
export function inode_set_bytes(inode: struct_inode, bytes: loff_t): void {
	inode.i_blocks = Number(bytes >> 9n);
	inode.i_bytes = Number(bytes & 511n);
}
