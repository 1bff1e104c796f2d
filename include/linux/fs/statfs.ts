// SPDX-License-Identifier: GPL-2.0
/*
 * statfs() and fstatfs().
 *
 * Upstream: fs/statfs.c. Left out: 32-bit forms, ustat().
 */
import { EBADF, EFAULT, ENOSYS } from "#linux/errno.ts";
import { IS_ERR, PTR_ERR } from "#asm-generic/err.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { sizeof } from "#asm-generic/struct.ts";
import type { user_ptr } from "#asm-generic/types.ts";
import { fdget_raw, fdput } from "#linux/file.ts";
import { LOOKUP_AUTOMOUNT, LOOKUP_FOLLOW, MNT_NOATIME, MNT_NODEV, MNT_NODIRATIME, MNT_NOEXEC,
	MNT_NOSUID, MNT_READONLY, MNT_RELATIME, SB_MANDLOCK, SB_RDONLY, SB_SYNCHRONOUS } from
	"#linux/fs.const.ts";
import { struct_path, type struct_dentry, type struct_vfsmount } from "#linux/fs.types.ts";
import { filename_lookup, getname } from "#linux/fs/namei.ts";
import { path_put } from "#linux/path.ts";
import { ST_MANDLOCK, ST_NOATIME, ST_NODEV, ST_NODIRATIME, ST_NOEXEC, ST_NOSUID, ST_RDONLY,
	ST_RELATIME, ST_SYNCHRONOUS, ST_VALID, struct_kstatfs } from "#linux/statfs.ts";
import { copy_to_user } from "#linux/uaccess.ts";
import { AT_FDCWD } from "#uapi/linux/fcntl.ts";
import { struct_statfs } from "#uapi/asm-generic/statfs.ts";

/** fs/statfs.c:calculate_f_flags() */
function calculate_f_flags(mnt: struct_vfsmount): number {
	const m = mnt.mnt_flags, s = mnt.mnt_sb!.s_flags;
	let flags = ST_VALID;

	if (m & MNT_READONLY)
		flags |= ST_RDONLY;
	if (m & MNT_NOSUID)
		flags |= ST_NOSUID;
	if (m & MNT_NODEV)
		flags |= ST_NODEV;
	if (m & MNT_NOEXEC)
		flags |= ST_NOEXEC;
	if (m & MNT_NOATIME)
		flags |= ST_NOATIME;
	if (m & MNT_NODIRATIME)
		flags |= ST_NODIRATIME;
	if (m & MNT_RELATIME)
		flags |= ST_RELATIME;
	if (s & SB_SYNCHRONOUS)
		flags |= ST_SYNCHRONOUS;
	if (s & SB_MANDLOCK)
		flags |= ST_MANDLOCK;
	if (s & SB_RDONLY)
		flags |= ST_RDONLY;
	return flags;
}

/** fs/statfs.c:statfs_by_dentry() */
function statfs_by_dentry(dentry: struct_dentry, buf: struct_kstatfs): number {
	const statfs = dentry.d_sb!.s_op!.statfs;

	if (!statfs)
		return -ENOSYS;

	const retval = statfs(dentry, buf);
	if (retval === 0 && buf.f_frsize === 0)
		buf.f_frsize = buf.f_bsize;
	return retval;
}

/** fs/statfs.c:vfs_statfs(); @buf is new. */
export function vfs_statfs(path: struct_path, buf: struct_kstatfs): number {
	const error = statfs_by_dentry(path.dentry!, buf);
	if (!error)
		buf.f_flags = calculate_f_flags(path.mnt!);
	return error;
}

/** fs/statfs.c:user_statfs() */
export function user_statfs(pathname: user_ptr, st: struct_kstatfs): number {
	const path = new struct_path();
	const name = getname(pathname);

	if (IS_ERR(name))
		return PTR_ERR(name);
	let error = filename_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_AUTOMOUNT, path);
	if (!error) {
		error = vfs_statfs(path, st);
		path_put(path);
	}
	return error;
}

/** fs/statfs.c:fd_statfs() */
export function fd_statfs(fd: number, st: struct_kstatfs): number {
	const f = fdget_raw(fd);
	let error = -EBADF;

	if (f.file) {
		error = vfs_statfs(f.file.f_path, st);
		fdput(f);
	}
	return error;
}

/** fs/statfs.c:do_statfs_native() */
function do_statfs_native(st: struct_kstatfs, p: user_ptr): number {
	const buf = struct_statfs.alloc();

	buf.f_type = BigInt(st.f_type);
	buf.f_bsize = BigInt(st.f_bsize);
	buf.f_blocks = BigInt(st.f_blocks);
	buf.f_bfree = BigInt(st.f_bfree);
	buf.f_bavail = BigInt(st.f_bavail);
	buf.f_files = BigInt(st.f_files);
	buf.f_ffree = BigInt(st.f_ffree);
	buf.f_fsid.val[0] = st.f_fsid[0];
	buf.f_fsid.val[1] = st.f_fsid[1];
	buf.f_namelen = BigInt(st.f_namelen);
	buf.f_frsize = BigInt(st.f_frsize);
	buf.f_flags = BigInt(st.f_flags);
	if (copy_to_user(p, buf.bytes, sizeof(struct_statfs)))
		return -EFAULT;
	return 0;
}

export const sys_statfs = SYSCALL_DEFINE("statfs", ["ptr", "ptr"], (pathname, buf) => {
	const st = new struct_kstatfs();
	let error = user_statfs(pathname, st);

	if (!error)
		error = do_statfs_native(st, buf);
	return error;
});

export const sys_fstatfs = SYSCALL_DEFINE("fstatfs", ["uint", "ptr"], (fd, buf) => {
	const st = new struct_kstatfs();
	let error = fd_statfs(fd, st);

	if (!error)
		error = do_statfs_native(st, buf);
	return error;
});
