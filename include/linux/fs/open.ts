// SPDX-License-Identifier: GPL-2.0
/*
 * Truncation, preallocation, opening and closing.
 *
 * Upstream: fs/open.c. Left out: access, chdir, chroot, chmod and chown by name.
 */
import { BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { printk, KERN_ERR } from "#linux/printk.ts";
import { EBADF, EFBIG, EINTR, EINVAL, EISDIR, ENODEV, EOPNOTSUPP, EOVERFLOW, EPERM, ERESTARTNOHAND,
	ERESTARTNOINTR, ERESTARTSYS, ESPIPE, ETXTBSY, EAGAIN } from "#linux/errno.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { LLONG_MAX, s64, unsigned_long, type loff_t, type user_ptr } from "#asm-generic/types.ts";
import { current_cred } from "#linux/cred.ts";
import type { struct_cred } from "#linux/cred_types.ts";
import { d_backing_inode } from "#linux/dcache.ts";
import { FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE,
	FALLOC_FL_PUNCH_HOLE, FALLOC_FL_SUPPORTED_MASK, FALLOC_FL_UNSHARE_RANGE,
	FALLOC_FL_ZERO_RANGE } from "#linux/falloc.ts";
import * as F from "#linux/fcntl.ts";
import { O_APPEND, O_CLOEXEC, O_CREAT, O_DIRECT, O_DIRECTORY, O_DSYNC, O_EXCL, O_LARGEFILE,
	O_NOCTTY, O_NOFOLLOW, O_PATH, O_TMPFILE, O_TMPFILE_MASK, O_TRUNC, O_WRONLY,
	VALID_OPEN_FLAGS, VALID_RESOLVE_FLAGS, __O_SYNC, __O_TMPFILE } from "#linux/fcntl.ts";
import { fdget, fd_install, fdput, get_unused_fd_flags, put_unused_fd } from
	"#linux/file.ts";
import { __close_range, close_fd } from "#linux/fdtable.ts";
import * as C from "#linux/fs.const.ts";
import { ATTR_CTIME, ATTR_FILE, ATTR_FORCE, ATTR_MODE, ATTR_MTIME, ATTR_SIZE, FMODE_ATOMIC_POS,
	FMODE_CAN_ODIRECT, FMODE_CAN_READ, FMODE_CAN_WRITE, FMODE_LSEEK, FMODE_NONOTIFY,
	FMODE_OPENED, FMODE_PATH, FMODE_PREAD, FMODE_PWRITE, FMODE_READ, FMODE_STREAM, FMODE_WRITE,
	FMODE_WRITER, MAX_NON_LFS, MAY_APPEND, MAY_WRITE } from "#linux/fs.const.ts";
import { ACC_MODE, IS_APPEND, IS_IMMUTABLE, IS_SWAPFILE, S_ISBLK, S_ISDIR, S_ISFIFO, S_ISREG,
	dentry_needs_remove_privs, file_count, file_end_write, file_inode, file_mnt_user_ns,
	file_start_write, get_write_access, i_readcount_inc, i_size_read, inode_lock,
	inode_permission, inode_unlock, iocb_flags, notify_change, put_write_access, sb_end_write,
	sb_start_write, special_file } from "#linux/fs.ts";
import { struct_iattr, type struct_dentry, type struct_file, type struct_file_operations,
	type struct_inode, type struct_path, type struct_user_namespace } from "#linux/fs.types.ts";
import { alloc_empty_file, alloc_empty_file_noaccount, fput } from "#linux/fs/file_table.ts";
import { do_filp_open, getname, struct_open_flags } from "#linux/fs/namei.ts";
import { __mnt_drop_write, __mnt_want_write, mnt_drop_write, mnt_drop_write_file, mnt_user_ns,
	mnt_want_write, mnt_want_write_file } from "#linux/mount.ts";
import { path_get, path_put } from "#linux/path.ts";
import { S_IALLUGO, S_IFREG } from "#linux/stat.ts";
import { copy_struct_from_user } from "#linux/uaccess.ts";
import { struct_open_how } from "#uapi/linux/openat2.ts";
import { sizeof } from "#asm-generic/struct.ts";

/** fs/open.c:do_truncate() */
export function do_truncate(mnt_userns: struct_user_namespace, dentry: struct_dentry,
	length: loff_t, time_attrs: number, filp: struct_file | null): number {
	const newattrs = new struct_iattr();
	const inode = dentry.d_inode!;

	/* i_size is signed */
	if (length < 0n)
		return -EINVAL;

	newattrs.ia_size = length;
	newattrs.ia_valid = ATTR_SIZE | time_attrs;
	if (filp) {
		newattrs.ia_file = filp;
		newattrs.ia_valid |= ATTR_FILE;
	}

	/* truncating drops set-id bits too */
	let ret = dentry_needs_remove_privs(dentry);
	if (ret < 0)
		return ret;
	if (ret)
		newattrs.ia_valid |= ret | ATTR_FORCE;

	inode_lock(inode);
	ret = notify_change(mnt_userns, dentry, newattrs);
	inode_unlock(inode);
	return ret;
}

/** fs/open.c:vfs_truncate() */
export function vfs_truncate(path: struct_path, length: loff_t): number {
	const inode = path.dentry!.d_inode!;
	let error: number;

	/* only regular files can be truncated */
	if (S_ISDIR(inode.i_mode))
		return -EISDIR;
	if (!S_ISREG(inode.i_mode))
		return -EINVAL;

	error = mnt_want_write(path.mnt!);
	if (error)
		return error;

	const mnt_userns = mnt_user_ns(path.mnt!);
	mnt_drop_write_and_out: {
		error = inode_permission(mnt_userns, inode, MAY_WRITE);
		if (error)
			break mnt_drop_write_and_out;

		error = -EPERM;
		if (IS_APPEND(inode))
			break mnt_drop_write_and_out;

		error = get_write_access(inode);
		if (error)
			break mnt_drop_write_and_out;

		error = do_truncate(mnt_userns, path.dentry!, length, 0, null);
		put_write_access(inode);
	}
	mnt_drop_write(path.mnt!);
	return error;
}

/** fs/open.c:do_sys_ftruncate() */
export function do_sys_ftruncate(fd: number, length: loff_t, small: number): number {
	let error: number;

	error = -EINVAL;
	if (length < 0n)
		return error;
	error = -EBADF;
	const f = fdget(fd);
	if (!f.file)
		return error;

	/* opened as large: no limit */
	if (f.file.f_flags & O_LARGEFILE)
		small = 0;

	const dentry = f.file.f_path.dentry!;
	const inode = dentry.d_inode!;
	out_putf: {
		error = -EINVAL;
		if (!S_ISREG(inode.i_mode) || !(f.file.f_mode & FMODE_WRITE))
			break out_putf;

		error = -EINVAL;
		/* beyond 2^31 only with large file support */
		if (small && length > MAX_NON_LFS)
			break out_putf;

		error = -EPERM;
		if (IS_APPEND(file_inode(f.file)))
			break out_putf;
		sb_start_write(inode.i_sb!);
		error = do_truncate(file_mnt_user_ns(f.file), dentry, length,
			ATTR_MTIME | ATTR_CTIME, f.file);
		sb_end_write(inode.i_sb!);
	}
	fdput(f);
	return error;
}

export const sys_ftruncate = SYSCALL_DEFINE("ftruncate", ["uint", "ulong"], (fd, length) =>
	do_sys_ftruncate(fd, s64(length), 1));

/** fs/open.c:vfs_fallocate() */
export function vfs_fallocate(file: struct_file, mode: number, offset: loff_t, len: loff_t):
	number {
	const inode = file_inode(file);

	if (offset < 0n || len <= 0n)
		return -EINVAL;

	if (mode & ~FALLOC_FL_SUPPORTED_MASK)
		return -EOPNOTSUPP;

	/* at most one of the two */
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) ===
	    (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;

	/* a hole leaves the size as it is, and the caller has to say so */
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;

	/* collapse range only alone */
	if ((mode & FALLOC_FL_COLLAPSE_RANGE) && (mode & ~FALLOC_FL_COLLAPSE_RANGE))
		return -EINVAL;

	/* insert range only alone */
	if ((mode & FALLOC_FL_INSERT_RANGE) && (mode & ~FALLOC_FL_INSERT_RANGE))
		return -EINVAL;

	/* unshare range only with allocate mode */
	if ((mode & FALLOC_FL_UNSHARE_RANGE) &&
	    (mode & ~(FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE)))
		return -EINVAL;

	if (!(file.f_mode & FMODE_WRITE))
		return -EBADF;

	/* append-only files can only be allocated */
	if ((mode & ~FALLOC_FL_KEEP_SIZE) && IS_APPEND(inode))
		return -EPERM;

	if (IS_IMMUTABLE(inode))
		return -EPERM;

	if (IS_SWAPFILE(inode))
		return -ETXTBSY;

	if (S_ISFIFO(inode.i_mode))
		return -ESPIPE;

	if (S_ISDIR(inode.i_mode))
		return -EISDIR;

	if (!S_ISREG(inode.i_mode) && !S_ISBLK(inode.i_mode))
		return -ENODEV;

	/* past the largest file, or around through zero */
	const end = offset + len;
	if (end > inode.i_sb!.s_maxbytes || end > LLONG_MAX)
		return -EFBIG;

	if (!file.f_op.fallocate)
		return -EOPNOTSUPP;

	file_start_write(file);
	const ret = file.f_op.fallocate(file, mode, offset, len);
	file_end_write(file);
	return ret;
}

/** fs/open.c:ksys_fallocate() */
export function ksys_fallocate(fd: number, mode: number, offset: loff_t, len: loff_t): number {
	const f = fdget(fd);
	let error = -EBADF;

	if (f.file) {
		error = vfs_fallocate(f.file, mode, offset, len);
		fdput(f);
	}
	return error;
}

export const sys_fallocate = SYSCALL_DEFINE("fallocate", ["int", "int", "long", "long"],
	ksys_fallocate);

/** fs/open.c:chmod_common() */
function chmod_common(path: struct_path, mode: number): number {
	const inode = path.dentry!.d_inode!;
	const newattrs = new struct_iattr();

	let error = mnt_want_write(path.mnt!);
	if (error)
		return error;
	inode_lock(inode);
	newattrs.ia_mode = (mode & S_IALLUGO) | (inode.i_mode & ~S_IALLUGO);
	newattrs.ia_valid = ATTR_MODE | ATTR_CTIME;
	error = notify_change(mnt_user_ns(path.mnt!), path.dentry!, newattrs);
	inode_unlock(inode);
	mnt_drop_write(path.mnt!);
	return error;
}

/** fs/open.c:vfs_fchmod() */
export function vfs_fchmod(file: struct_file, mode: number): number {
	return chmod_common(file.f_path, mode);
}

export const sys_fchmod = SYSCALL_DEFINE("fchmod", ["uint", "uint"], (fd, mode) => {
	const f = fdget(fd);
	let err = -EBADF;

	if (f.file) {
		err = vfs_fchmod(f.file, mode & 0xffff);
		fdput(f);
	}
	return err;
});

/** fs/open.c:chown_common(); an id of -1 stays as it is. */
function chown_common(path: struct_path, user: number, group: number): number {
	const inode = path.dentry!.d_inode!;
	const newattrs = new struct_iattr();

	newattrs.ia_valid = ATTR_CTIME;
	if (user !== 0xffffffff) {
		newattrs.ia_valid |= C.ATTR_UID;
		newattrs.ia_uid = user;
	}
	if (group !== 0xffffffff) {
		newattrs.ia_valid |= C.ATTR_GID;
		newattrs.ia_gid = group;
	}
	if (!S_ISDIR(inode.i_mode))
		newattrs.ia_valid |= C.ATTR_KILL_SUID | C.ATTR_KILL_SGID | C.ATTR_KILL_PRIV;
	inode_lock(inode);
	const error = notify_change(mnt_user_ns(path.mnt!), path.dentry!, newattrs);
	inode_unlock(inode);
	return error;
}

/** fs/open.c:vfs_fchown() */
export function vfs_fchown(file: struct_file, user: number, group: number): number {
	let error = mnt_want_write_file(file);
	if (error)
		return error;
	error = chown_common(file.f_path, user, group);
	mnt_drop_write_file(file);
	return error;
}

export const sys_fchown = SYSCALL_DEFINE("fchown", ["uint", "uint", "uint"],
	(fd, user, group) => {
		const f = fdget(fd);
		let error = -EBADF;

		if (f.file) {
			error = vfs_fchown(f.file, user, group);
			fdput(f);
		}
		return error;
	});

const empty_fops: struct_file_operations = {};

type open_fn = (inode: struct_inode, file: struct_file) => number;

/** fs/open.c:do_dentry_open() */
function do_dentry_open(f: struct_file, inode: struct_inode, open: open_fn | null): number {
	let error: number;

	path_get(f.f_path);
	f.f_inode = inode;
	f.f_mapping = inode.i_mapping;

	if (f.f_flags & O_PATH) {
		f.f_mode = FMODE_PATH | FMODE_OPENED;
		f.f_op = empty_fops;
		return 0;
	}

	cleanup_file: {
		if (f.f_mode & FMODE_WRITE && !special_file(inode.i_mode)) {
			error = get_write_access(inode);
			if (error)
				break cleanup_file;
			error = __mnt_want_write(f.f_path.mnt!);
			if (error) {
				put_write_access(inode);
				break cleanup_file;
			}
			f.f_mode |= FMODE_WRITER;
		}

		/* POSIX (XSI 2.9.7) wants f_pos atomic for these */
		if (S_ISREG(inode.i_mode) || S_ISDIR(inode.i_mode))
			f.f_mode |= FMODE_ATOMIC_POS;

		cleanup_all: {
			f.f_op = inode.i_fop;
			if (WARN_ON(!f.f_op)) {
				error = -ENODEV;
				break cleanup_all;
			}

			/* ->open() takes away what the file cannot do */
			f.f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
			if (!open)
				open = f.f_op.open ?? null;
			if (open) {
				error = open(inode, f);
				if (error)
					break cleanup_all;
			}
			f.f_mode |= FMODE_OPENED;
			if ((f.f_mode & (FMODE_READ | FMODE_WRITE)) === FMODE_READ)
				i_readcount_inc(inode);
			if ((f.f_mode & FMODE_READ) && (f.f_op.read || f.f_op.read_iter))
				f.f_mode |= FMODE_CAN_READ;
			if ((f.f_mode & FMODE_WRITE) && (f.f_op.write || f.f_op.write_iter))
				f.f_mode |= FMODE_CAN_WRITE;
			if ((f.f_mode & FMODE_LSEEK) && !f.f_op.llseek)
				f.f_mode &= ~FMODE_LSEEK;

			f.f_flags &= ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
			f.f_iocb_flags = iocb_flags(f);

			if ((f.f_flags & O_DIRECT) && !(f.f_mode & FMODE_CAN_ODIRECT))
				return -EINVAL;

			return 0;
		}
		if (WARN_ON_ONCE(error > 0))
			error = -EINVAL;
		if (f.f_mode & FMODE_WRITER) {
			put_write_access(inode);
			__mnt_drop_write(f.f_path.mnt!);
		}
	}
	path_put(f.f_path);
	f.f_path.mnt = null;
	f.f_path.dentry = null;
	f.f_inode = null;
	return error;
}

/** fs/open.c:finish_open() */
export function finish_open(file: struct_file, dentry: struct_dentry, open: open_fn | null):
	number {
	BUG_ON((file.f_mode & FMODE_OPENED) !== 0);

	file.f_path.dentry = dentry;
	return do_dentry_open(file, d_backing_inode(dentry)!, open);
}

/** fs/open.c:vfs_open(): opens @path as @file, which was allocated with the flags wanted. */
export function vfs_open(path: struct_path, file: struct_file): number {
	file.f_path.mnt = path.mnt;
	file.f_path.dentry = path.dentry;
	return do_dentry_open(file, d_backing_inode(path.dentry!)!, null);
}

/** fs/open.c:dentry_open() */
export function dentry_open(path: struct_path, flags: number, cred: struct_cred):
	struct_file | err_ptr {
	BUG_ON(!path.mnt);

	const f = alloc_empty_file(flags, cred);
	if (!IS_ERR(f)) {
		const error = vfs_open(path, f);
		if (error) {
			fput(f);
			return ERR_PTR(error);
		}
	}
	return f;
}

/** fs/open.c:open_with_fake_path() */
export function open_with_fake_path(path: struct_path, flags: number, inode: struct_inode,
	cred: struct_cred): struct_file | err_ptr {
	const f = alloc_empty_file_noaccount(flags, cred);

	if (!IS_ERR(f)) {
		f.f_path.mnt = path.mnt;
		f.f_path.dentry = path.dentry;
		const error = do_dentry_open(f, inode, null);
		if (error) {
			fput(f);
			return ERR_PTR(error);
		}
	}
	return f;
}

const WILL_CREATE = (flags: number): boolean => (flags & (O_CREAT | __O_TMPFILE)) !== 0;
const O_PATH_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;

/** In the kernel, struct open_how. flags may have bits above 32 only from openat2(). */
export interface open_how {
	flags: number;
	mode: number;
	resolve: number;
}

/** fs/open.c:build_open_how() */
export function build_open_how(flags: number, mode: number): open_how {
	const how: open_how = {
		flags: flags & VALID_OPEN_FLAGS,
		mode: mode & S_IALLUGO,
		resolve: 0,
	};

	/* of the others it leaves three */
	if (how.flags & O_PATH)
		how.flags &= O_PATH_FLAGS;
	/* nothing will be created: the mode is ignored */
	if (!WILL_CREATE(how.flags))
		how.mode = 0;
	return how;
}

/** fs/open.c:build_open_flags() */
export function build_open_flags(how: open_how, op: struct_open_flags): number {
	let flags = how.flags;
	const strip = FMODE_NONOTIFY | O_CLOEXEC;
	let lookup_flags = 0;
	let acc_mode = ACC_MODE(flags);

	/* what userspace may not set, and what has no place in struct open_flags */
	flags &= ~strip;

	/* openat2() checks all of its arguments, older calls ignore what they do not know */
	if (flags & ~VALID_OPEN_FLAGS)
		return -EINVAL;
	if (how.resolve & ~VALID_RESOLVE_FLAGS)
		return -EINVAL;

	/* one scope or the other */
	if ((how.resolve & F.RESOLVE_BENEATH) && (how.resolve & F.RESOLVE_IN_ROOT))
		return -EINVAL;

	if (WILL_CREATE(flags)) {
		if (how.mode & ~S_IALLUGO)
			return -EINVAL;
		op.mode = how.mode | S_IFREG;
	} else {
		if (how.mode !== 0)
			return -EINVAL;
		op.mode = 0;
	}

	/* to older kernels O_TMPFILE has to look like opening a directory to write */
	if (flags & __O_TMPFILE) {
		if ((flags & O_TMPFILE_MASK) !== O_TMPFILE)
			return -EINVAL;
		if (!(acc_mode & MAY_WRITE))
			return -EINVAL;
	}
	if (flags & O_PATH) {
		/* few flags go together with O_PATH */
		if (flags & ~O_PATH_FLAGS)
			return -EINVAL;
		acc_mode = 0;
	}

	/* __O_SYNC alone is not to be had: those who ask for less ask for O_DSYNC */
	if (flags & __O_SYNC)
		flags |= O_DSYNC;

	op.open_flag = flags;

	/* truncation needs the permission to write */
	if (flags & O_TRUNC)
		acc_mode |= MAY_WRITE;

	if (flags & O_APPEND)
		acc_mode |= MAY_APPEND;

	op.acc_mode = acc_mode;

	op.intent = flags & O_PATH ? 0 : C.LOOKUP_OPEN;

	if (flags & O_CREAT) {
		op.intent |= C.LOOKUP_CREATE;
		if (flags & O_EXCL) {
			op.intent |= C.LOOKUP_EXCL;
			flags |= O_NOFOLLOW;
		}
	}

	if (flags & O_DIRECTORY)
		lookup_flags |= C.LOOKUP_DIRECTORY;
	if (!(flags & O_NOFOLLOW))
		lookup_flags |= C.LOOKUP_FOLLOW;

	if (how.resolve & F.RESOLVE_NO_XDEV)
		lookup_flags |= C.LOOKUP_NO_XDEV;
	if (how.resolve & F.RESOLVE_NO_MAGICLINKS)
		lookup_flags |= C.LOOKUP_NO_MAGICLINKS;
	if (how.resolve & F.RESOLVE_NO_SYMLINKS)
		lookup_flags |= C.LOOKUP_NO_SYMLINKS;
	if (how.resolve & F.RESOLVE_BENEATH)
		lookup_flags |= C.LOOKUP_BENEATH;
	if (how.resolve & F.RESOLVE_IN_ROOT)
		lookup_flags |= C.LOOKUP_IN_ROOT;
	if (how.resolve & F.RESOLVE_CACHED) {
		/* these cannot do with cached lookups alone */
		if (flags & (O_TRUNC | O_CREAT | O_TMPFILE))
			return -EAGAIN;
		lookup_flags |= C.LOOKUP_CACHED;
	}

	op.lookup_flags = lookup_flags;
	return 0;
}

/** fs/open.c:file_open_name() */
export function file_open_name(name: string, flags: number, mode: number): struct_file | err_ptr {
	const op = new struct_open_flags();
	const how = build_open_how(flags, mode);
	const err = build_open_flags(how, op);
	if (err)
		return ERR_PTR(err);
	return do_filp_open(F.AT_FDCWD, name, op);
}

/** fs/open.c:filp_open() */
export function filp_open(filename: string, flags: number, mode: number): struct_file | err_ptr {
	return file_open_name(filename, flags, mode);
}

/** fs/open.c:do_sys_openat2() */
function do_sys_openat2(dfd: number, filename: user_ptr, how: open_how): number {
	const op = new struct_open_flags();
	let fd = build_open_flags(how, op);

	if (fd)
		return fd;

	const tmp = getname(filename);
	if (IS_ERR(tmp))
		return PTR_ERR(tmp);

	fd = get_unused_fd_flags(how.flags);
	if (fd >= 0) {
		const f = do_filp_open(dfd, tmp, op);
		if (IS_ERR(f)) {
			put_unused_fd(fd);
			fd = PTR_ERR(f);
		} else {
			fd_install(fd, f);
		}
	}
	return fd;
}

/** fs/open.c:do_sys_open() */
export function do_sys_open(dfd: number, filename: user_ptr, flags: number, mode: number): number {
	const how = build_open_how(flags, mode);
	return do_sys_openat2(dfd, filename, how);
}

export const sys_open = SYSCALL_DEFINE("open", ["ptr", "int", "uint"], (filename, flags, mode) => {
	if (F.force_o_largefile())
		flags |= O_LARGEFILE;
	return do_sys_open(F.AT_FDCWD, filename, flags, mode & 0xffff);
});

export const sys_openat = SYSCALL_DEFINE("openat", ["int", "ptr", "int", "uint"],
	(dfd, filename, flags, mode) => {
		if (F.force_o_largefile())
			flags |= O_LARGEFILE;
		return do_sys_open(dfd, filename, flags, mode & 0xffff);
	});

export const sys_openat2 = SYSCALL_DEFINE("openat2", ["int", "ptr", "ptr", "ulong"],
	(dfd, filename, how, usize) => {
		const tmp = struct_open_how.alloc();

		if (usize < BigInt(F.OPEN_HOW_SIZE_VER0))
			return -EINVAL;

		const err = copy_struct_from_user(tmp.bytes, sizeof(struct_open_how), how,
			unsigned_long(usize));
		if (err)
			return err;

		/* nothing above bit 31 is valid in any member */
		if (tmp.flags >> 31n || tmp.mode >> 31n || tmp.resolve >> 31n)
			return -EINVAL;
		const k: open_how = { flags: Number(tmp.flags), mode: Number(tmp.mode),
			resolve: Number(tmp.resolve) };

		/* O_PATH does not go with O_LARGEFILE */
		if (!(k.flags & O_PATH) && F.force_o_largefile())
			k.flags |= O_LARGEFILE;

		return do_sys_openat2(dfd, filename, k);
	});

export const sys_creat = SYSCALL_DEFINE("creat", ["ptr", "uint"], (pathname, mode) => {
	let flags = O_CREAT | O_WRONLY | O_TRUNC;

	if (F.force_o_largefile())
		flags |= O_LARGEFILE;
	return do_sys_open(F.AT_FDCWD, pathname, flags, mode & 0xffff);
});

/** fs/open.c:filp_close(): @id is the table that the descriptor was in. */
export function filp_close(filp: struct_file, id: unknown): number {
	let retval = 0;

	if (!file_count(filp)) {
		printk(`${KERN_ERR}VFS: Close: file count is 0\n`);
		return 0;
	}

	if (filp.f_op.flush)
		retval = filp.f_op.flush(filp, id);

	fput(filp);
	return retval;
}

export const sys_close = SYSCALL_DEFINE("close", ["uint"], (fd) => {
	let retval = close_fd(fd);

	/* the entry is gone, so that the call cannot be restarted */
	if (retval === -ERESTARTSYS || retval === -ERESTARTNOINTR || retval === -ERESTARTNOHAND)
		retval = -EINTR;

	return retval;
});

export const sys_close_range = SYSCALL_DEFINE("close_range", ["uint", "uint", "uint"],
	(fd, max_fd, flags) => __close_range(fd, max_fd, flags));

/** fs/open.c:generic_file_open(): files beyond 2 GiB only with O_LARGEFILE. */
export function generic_file_open(inode: struct_inode, filp: struct_file): number {
	if (!(filp.f_flags & O_LARGEFILE) && i_size_read(inode) > MAX_NON_LFS)
		return -EOVERFLOW;
	return 0;
}

/** fs/open.c:nonseekable_open(): for ->open() of files without positions. */
export function nonseekable_open(_inode: struct_inode, filp: struct_file): number {
	filp.f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE);
	return 0;
}

/** fs/open.c:stream_open(): as nonseekable_open(), and reads and writes may run side by side. */
export function stream_open(_inode: struct_inode, filp: struct_file): number {
	filp.f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE | FMODE_ATOMIC_POS);
	filp.f_mode |= FMODE_STREAM;
	return 0;
}

/** For callers in the kernel that open as themselves. */
export function file_clone_open(file: struct_file): struct_file | err_ptr {
	return dentry_open(file.f_path, file.f_flags, file.f_cred ?? current_cred());
}
