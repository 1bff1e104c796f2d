// SPDX-License-Identifier: GPL-2.0
/*
 * Names and permissions.
 *
 * Upstream: fs/namei.c (permissions, getname, opening), fs/proc/fd.c (the links to open files).
 * Left out: walking. A name is looked up as a whole: in the mounts, among the links to open files,
 * in the table of pseudo files (fs/proc/generic.ts); what is not there does not exist.
 *
 * Names in the kernel are byte strings, one character for each byte.
 */
import { WARN_ON } from "#linux/bug.ts";
import { EACCES, EBADF, EEXIST, EFAULT, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM,
	ENOTDIR, EOPNOTSUPP, EPERM, EROFS } from "#linux/errno.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import type { user_ptr } from "#asm-generic/types.ts";
import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH } from "#uapi/linux/capability.ts";
import { capable_wrt_inode_uidgid } from "#linux/capability.ts";
import { current_cred, current_fsuid, in_group_p } from "#linux/cred.ts";
import { d_alloc, d_can_lookup, d_is_dir, d_is_reg, d_path, dget, dput } from
	"#linux/dcache.ts";
import { fdget_raw, fdput, fget_task, fput } from "#linux/file.ts";
import { ATTR_CTIME, ATTR_MTIME, ATTR_OPEN, FMODE_OPENED, I_LINKABLE, LOOKUP_DIRECTORY,
	LOOKUP_EMPTY, LOOKUP_EXCL, LOOKUP_FOLLOW, LOOKUP_NO_MAGICLINKS, LOOKUP_NO_SYMLINKS,
	LOOKUP_OPEN, MAY_APPEND, MAY_EXEC, MAY_OPEN, MAY_READ, MAY_WRITE, MNT_NODEV, MNT_NOEXEC,
	SB_I_NODEV, SB_I_NOEXEC } from "#linux/fs.const.ts";
import { IS_APPEND, IS_IMMUTABLE, IS_POSIXACL, S_ISDIR, S_ISLNK, S_ISREG, do_truncate,
	get_write_access, inode_owner_or_capable, mode_strip_sgid, put_write_access, sb_rdonly,
	current_umask } from "#linux/fs.ts";
import { struct_path, type struct_dentry, type struct_file, type struct_inode,
	type struct_user_namespace } from "#linux/fs.types.ts";
import { alloc_empty_file } from "#linux/fs/file_table.ts";
import { mount_of } from "#linux/fs/namespace.ts";
import { vfs_open } from "#linux/fs/open.ts";
import { proc_fd_link, pseudo_lookup, pseudo_path } from "#linux/fs/proc/generic.ts";
import { mnt_drop_write, mnt_user_ns, mnt_want_write, mntget } from "#linux/mount.ts";
import { path_get, path_put } from "#linux/path.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, S_IXUGO } from
	"#linux/stat.ts";
import { copy_to_user, strncpy_from_user } from "#linux/uaccess.ts";
import { AT_FDCWD, O_ACCMODE, O_CREAT, O_EXCL, O_NOATIME, O_PATH, O_RDONLY, O_TRUNC, __O_TMPFILE }
	from "#uapi/linux/fcntl.ts";
import { PATH_MAX } from "#uapi/linux/limits.ts";

/** What open() wants, after its flags were checked. */
export class struct_open_flags {
	open_flag = 0;
	mode = 0;
	acc_mode = 0;
	intent = 0;
	lookup_flags = 0;
}

/* ---- strings -------------------------------------------------------------------------------- */

/** Bytes up to the first NUL as a kernel string. */
export function string_of(bytes: Uint8Array): string {
	let s = "";

	for (const b of bytes) {
		if (b === 0)
			break;
		s += String.fromCharCode(b);
	}
	return s;
}

/** A kernel string as bytes; characters beyond a byte (from literals) as UTF-8. */
export function bytes_of(s: string): Uint8Array {
	const out: number[] = [];
	let wide = false;

	for (let i = 0; i < s.length && !wide; i++)
		wide = s.charCodeAt(i) > 0xff;
	for (const ch of s) {
		const c = ch.codePointAt(0)!;
		if (!wide || c < 0x80)
			out.push(c);
		else if (c < 0x800)
			out.push(0xc0 | c >> 6, 0x80 | c & 0x3f);
		else if (c < 0x10000)
			out.push(0xe0 | c >> 12, 0x80 | c >> 6 & 0x3f, 0x80 | c & 0x3f);
		else
			out.push(0xf0 | c >> 18, 0x80 | c >> 12 & 0x3f, 0x80 | c >> 6 & 0x3f,
				0x80 | c & 0x3f);
	}
	return Uint8Array.from(out);
}

/** fs/namei.c:getname_flags() */
export function getname_flags(filename: user_ptr, flags: number): string | err_ptr {
	const buf = new Uint8Array(PATH_MAX);
	const len = strncpy_from_user(buf, filename, PATH_MAX);

	if (len < 0)
		return ERR_PTR(len);
	if (len === PATH_MAX)
		return ERR_PTR(-ENAMETOOLONG);

	/* "" names nothing unless AT_EMPTY_PATH lets it */
	if (!len && !(flags & LOOKUP_EMPTY))
		return ERR_PTR(-ENOENT);
	return string_of(buf.subarray(0, len));
}

/** fs/namei.c:getname() */
export function getname(filename: user_ptr): string | err_ptr {
	return getname_flags(filename, 0);
}

/* ---- permissions ---------------------------------------------------------------------------- */

/** fs/namei.c:acl_permission_check(): by owner, group and others. */
function acl_permission_check(inode: struct_inode, mask: number): number {
	let mode = inode.i_mode;

	/* for the owner the bits of the group do not count */
	if (inode.i_uid === current_fsuid()) {
		mask &= 7;
		mode >>= 6;
		return (mask & ~mode) ? -EACCES : 0;
	}

	/* group and others have no other bits than rwx */
	mask &= 7;

	/* ask for the group only if it makes a difference */
	if (mask & (mode ^ (mode >> 3))) {
		if (in_group_p(inode.i_gid))
			mode >>= 3;
	}

	return (mask & ~mode) ? -EACCES : 0;
}

/** fs/namei.c:generic_permission() */
export function generic_permission(mnt_userns: struct_user_namespace, inode: struct_inode,
	mask: number): number {
	const ret = acl_permission_check(inode, mask);
	if (ret !== -EACCES)
		return ret;

	if (S_ISDIR(inode.i_mode)) {
		/* root may, if it is a directory */
		if (!(mask & MAY_WRITE))
			if (capable_wrt_inode_uidgid(mnt_userns, inode, CAP_DAC_READ_SEARCH))
				return 0;
		if (capable_wrt_inode_uidgid(mnt_userns, inode, CAP_DAC_OVERRIDE))
			return 0;
		return -EACCES;
	}

	/* the capability covers reading, and searching where it is a directory */
	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (mask === MAY_READ)
		if (capable_wrt_inode_uidgid(mnt_userns, inode, CAP_DAC_READ_SEARCH))
			return 0;
	/* execution is only overridable when at least one exec bit is set */
	if (!(mask & MAY_EXEC) || (inode.i_mode & S_IXUGO))
		if (capable_wrt_inode_uidgid(mnt_userns, inode, CAP_DAC_OVERRIDE))
			return 0;

	return -EACCES;
}

/** fs/namei.c:inode_permission() */
export function inode_permission(mnt_userns: struct_user_namespace, inode: struct_inode,
	mask: number): number {
	if (mask & MAY_WRITE) {
		const mode = inode.i_mode;

		/* devices, FIFOs and sockets can be written on a read-only fs too */
		if (sb_rdonly(inode.i_sb!) && (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
			return -EROFS;

		/* not even root may write these */
		if (IS_IMMUTABLE(inode))
			return -EPERM;
	}

	if (inode.i_op.permission)
		return inode.i_op.permission(mnt_userns, inode, mask);
	return generic_permission(mnt_userns, inode, mask);
}

/** fs/exec.c:path_noexec() */
export function path_noexec(path: struct_path): boolean {
	return (path.mnt!.mnt_flags & MNT_NOEXEC) !== 0 ||
		(path.mnt!.mnt_sb!.s_iflags & SB_I_NOEXEC) !== 0;
}

/** fs/namei.c:may_open_dev() */
export function may_open_dev(path: struct_path): boolean {
	return !(path.mnt!.mnt_flags & MNT_NODEV) && !(path.mnt!.mnt_sb!.s_iflags & SB_I_NODEV);
}

/** fs/namei.c:may_open() */
function may_open(mnt_userns: struct_user_namespace, path: struct_path, acc_mode: number,
	flag: number): number {
	const inode = path.dentry!.d_inode;

	if (!inode)
		return -ENOENT;

	switch (inode.i_mode & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		if (acc_mode & MAY_WRITE)
			return -EISDIR;
		if (acc_mode & MAY_EXEC)
			return -EACCES;
		break;
	case S_IFBLK:
	case S_IFCHR:
		if (!may_open_dev(path))
			return -EACCES;
		// fallthrough
	case S_IFIFO:
	case S_IFSOCK:
		if (acc_mode & MAY_EXEC)
			return -EACCES;
		flag &= ~O_TRUNC;
		break;
	case S_IFREG:
		if ((acc_mode & MAY_EXEC) && path_noexec(path))
			return -EACCES;
		break;
	}

	const error = inode_permission(mnt_userns, inode, MAY_OPEN | acc_mode);
	if (error)
		return error;

	/* append-only: no writing without O_APPEND, no truncation */
	if (IS_APPEND(inode)) {
		if ((flag & O_ACCMODE) !== O_RDONLY && !(acc_mode & MAY_APPEND))
			return -EPERM;
		if (flag & O_TRUNC)
			return -EPERM;
	}

	/* O_NOATIME takes the owner or CAP_FOWNER */
	if (flag & O_NOATIME && !inode_owner_or_capable(mnt_userns, inode))
		return -EPERM;

	return 0;
}

/** fs/namei.c:handle_truncate() */
function handle_truncate(mnt_userns: struct_user_namespace, filp: struct_file): number {
	const path = filp.f_path;
	const inode = path.dentry!.d_inode!;

	let error = get_write_access(inode);
	if (error)
		return error;

	error = do_truncate(mnt_userns, path.dentry!, 0n, ATTR_MTIME | ATTR_CTIME | ATTR_OPEN,
		filp);
	put_write_access(inode);
	return error;
}

/* ---- look-up -------------------------------------------------------------------------------- */

/** Absolute form of @name: slashes and "." removed; the working directory is "/". */
function absolute(base: string, name: string): string {
	const out: string[] = [];

	for (const part of (name.startsWith("/") ? name : `${base}/${name}`).split("/")) {
		if (part === "" || part === ".")
			continue;
		if (part === "..")
			out.pop();
		else
			out.push(part);
	}
	return `/${out.join("/")}`;
}

/** @name from the directory @dfd as an absolute path, or -errno. */
function resolve_at(dfd: number, name: string): string | err_ptr {
	if (name.startsWith("/") || dfd === AT_FDCWD)
		return absolute("", name);

	const f = fdget_raw(dfd);
	if (!f.file)
		return ERR_PTR(-EBADF);
	const base = d_can_lookup(f.file.f_path.dentry!) ? d_path(f.file.f_path) :
		ERR_PTR(-ENOTDIR);
	fdput(f);
	return IS_ERR(base) ? base : absolute(base, name);
}

/**
 * fs/namei.c:filename_lookup(): *@path with references, or -errno. The empty name, where the caller
 * allows it, is @dfd itself.
 */
export function filename_lookup(dfd: number, name: string | err_ptr, flags: number,
	path: struct_path): number {
	if (IS_ERR(name))
		return PTR_ERR(name);

	if (name === "" && dfd !== AT_FDCWD) {
		const f = fdget_raw(dfd);
		if (!f.file)
			return -EBADF;
		path.mnt = f.file.f_path.mnt;
		path.dentry = f.file.f_path.dentry;
		path_get(path);
		fdput(f);
	} else {
		const full = resolve_at(dfd, name);
		if (IS_ERR(full))
			return PTR_ERR(full);
		const error = lookup_whole(full, flags, path);
		if (error)
			return error;
		/* a trailing slash asks for a directory */
		if (/[^/]\/+$/.test(name))
			flags |= LOOKUP_DIRECTORY;
	}
	if ((flags & LOOKUP_DIRECTORY) && !d_can_lookup(path.dentry!)) {
		path_put(path);
		return -ENOTDIR;
	}
	return 0;
}

function lookup_whole(full: string, flags: number, path: struct_path): number {
	const mnt = mount_of(full);
	if (mnt) {
		path.mnt = mntget(mnt);
		path.dentry = dget(mnt.mnt_root);
		return 0;
	}

	const link = proc_fd_link(full);
	if (link && (flags & LOOKUP_FOLLOW)) {
		if (flags & (LOOKUP_NO_MAGICLINKS | LOOKUP_NO_SYMLINKS))
			return -ELOOP;
		return proc_fd_follow(link.task, link.fd, path);
	}
	if (link && (flags & LOOKUP_OPEN)) {
		const error = proc_fd_follow(link.task, link.fd, path);
		if (error)
			return error;
		path_put(path);
		return flags & LOOKUP_EXCL ? -EEXIST : -ELOOP;
	}
	return pseudo_lookup(full, path);
}

/** fs/proc/fd.c:proc_fd_link(): the path of an open file. */
function proc_fd_follow(task: Parameters<typeof fget_task>[0], fd: number, path: struct_path):
	number {
	const file = fget_task(task, fd);

	if (!file)
		return -ENOENT;
	path.mnt = file.f_path.mnt;
	path.dentry = file.f_path.dentry;
	path_get(path);
	fput(file);
	return 0;
}

/** What readlink() is to read: the text, null if it is no link, or -errno. */
export function user_link_at(dfd: number, name: string): string | null | err_ptr {
	const path = new struct_path();

	if (name !== "") {
		const full = resolve_at(dfd, name);
		if (IS_ERR(full))
			return full;
		const link = proc_fd_link(full);
		if (link) {
			const error = proc_fd_follow(link.task, link.fd, path);
			if (error)
				return ERR_PTR(error);
			const text = d_path(path);
			path_put(path);
			return text;
		}
	}
	const error = filename_lookup(dfd, name, LOOKUP_EMPTY, path);
	if (error)
		return ERR_PTR(error);
	const text = pseudo_path(path.dentry!);
	path_put(path);
	return text;
}

/** fs/namei.c:readlink_copy(): cut off without a NUL. */
export function readlink_copy(buffer: user_ptr, buflen: number, link: string): number {
	const bytes = bytes_of(link);
	const len = Math.min(bytes.length, buflen);

	if (copy_to_user(buffer, bytes, len))
		return -EFAULT;
	return len;
}

/* ---- opening -------------------------------------------------------------------------------- */

/** fs/namei.c:do_open() */
function do_open(path: struct_path, file: struct_file, op: struct_open_flags): number {
	const open_flag = op.open_flag;
	const dentry = path.dentry!;
	let truncate = false;

	if (open_flag & O_CREAT) {
		if (open_flag & O_EXCL)
			return -EEXIST;
		if (d_is_dir(dentry))
			return -EISDIR;
	}
	if ((op.lookup_flags & LOOKUP_DIRECTORY) && !d_can_lookup(dentry))
		return -ENOTDIR;

	const mnt_userns = mnt_user_ns(path.mnt!);
	if (d_is_reg(dentry) && open_flag & O_TRUNC) {
		const error = mnt_want_write(path.mnt!);
		if (error)
			return error;
		truncate = true;
	}
	let error = may_open(mnt_userns, path, op.acc_mode, open_flag);
	if (!error)
		error = vfs_open(path, file);
	if (!error && truncate)
		error = handle_truncate(mnt_userns, file);
	if (error > 0) {
		WARN_ON(true);
		error = -EINVAL;
	}
	if (truncate)
		mnt_drop_write(path.mnt!);
	return error;
}

/** fs/namei.c:vfs_tmpfile(): a file without a name in the directory @dentry. */
export function vfs_tmpfile(mnt_userns: struct_user_namespace, dentry: struct_dentry, mode: number,
	open_flag: number): struct_dentry | err_ptr {
	const dir = dentry.d_inode!;

	let error = inode_permission(mnt_userns, dir, MAY_WRITE | MAY_EXEC);
	if (error)
		return ERR_PTR(error);
	if (!dir.i_op.tmpfile)
		return ERR_PTR(-EOPNOTSUPP);
	const child = d_alloc(dentry, "/");
	if (!child)
		return ERR_PTR(-ENOMEM);

	mode = mode_strip_sgid(mnt_userns, dir, mode);
	if (!IS_POSIXACL(dir))
		mode &= ~current_umask();
	out_err: {
		error = dir.i_op.tmpfile(mnt_userns, dir, child, mode);
		if (error)
			break out_err;
		error = -ENOENT;
		const inode = child.d_inode;
		if (!inode)
			break out_err;
		if (!(open_flag & O_EXCL)) {
			spin_lock(inode.i_lock);
			inode.i_state |= I_LINKABLE;
			spin_unlock(inode.i_lock);
		}
		return child;
	}
	dput(child);
	return ERR_PTR(error);
}

/** fs/namei.c:do_tmpfile() */
function do_tmpfile(dfd: number, name: string, op: struct_open_flags, file: struct_file): number {
	const path = new struct_path();

	let error = filename_lookup(dfd, name, op.lookup_flags | LOOKUP_DIRECTORY, path);
	if (error)
		return error;
	out: {
		error = mnt_want_write(path.mnt!);
		if (error)
			break out;
		const mnt_userns = mnt_user_ns(path.mnt!);
		out2: {
			const child = vfs_tmpfile(mnt_userns, path.dentry!, op.mode, op.open_flag);
			if (IS_ERR(child)) {
				error = PTR_ERR(child);
				break out2;
			}
			dput(path.dentry);
			path.dentry = child;
			/* a new inode: its mode does not restrict this open */
			error = may_open(mnt_userns, path, 0, op.open_flag);
			if (!error)
				error = vfs_open(path, file);
		}
		mnt_drop_write(path.mnt!);
	}
	path_put(path);
	return error;
}

/** fs/namei.c:do_o_path() */
function do_o_path(dfd: number, name: string, flags: number, file: struct_file): number {
	const path = new struct_path();
	let error = filename_lookup(dfd, name, flags, path);

	if (!error) {
		error = vfs_open(path, file);
		path_put(path);
	}
	return error;
}

/** fs/namei.c:do_filp_open() */
export function do_filp_open(dfd: number, name: string, op: struct_open_flags):
	struct_file | err_ptr {
	const file = alloc_empty_file(op.open_flag, current_cred());
	if (IS_ERR(file))
		return file;

	let error: number;
	if (file.f_flags & __O_TMPFILE) {
		error = do_tmpfile(dfd, name, op, file);
	} else if (file.f_flags & O_PATH) {
		error = do_o_path(dfd, name, op.lookup_flags, file);
	} else {
		const path = new struct_path();

		error = filename_lookup(dfd, name, op.lookup_flags | op.intent, path);
		/* nothing can be created by name */
		if (error === -ENOENT && (op.open_flag & O_CREAT))
			error = -EACCES;
		if (!error) {
			error = do_open(path, file, op);
			path_put(path);
		}
	}
	if (!error) {
		if (file.f_mode & FMODE_OPENED)
			return file;
		WARN_ON(true);
		error = -EINVAL;
	}
	fput(file);
	return ERR_PTR(error);
}
