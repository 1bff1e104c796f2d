// SPDX-License-Identifier: GPL-2.0
/*
 * ioctl().
 *
 * Upstream: fs/ioctl.c. Left out: the block map and XFS ioctls of regular files, freezing, inode
 * flags, fasync, clone and dedupe (no file system here knows them).
 */
import { EBADF, EFAULT, EINVAL, ENOIOCTLCMD, ENOTTY, EOPNOTSUPP } from "#linux/errno.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { __s32, __s64 } from "#asm-generic/struct.ts";
import { ref, unsigned_long, type ulong64, type user_ptr } from "#asm-generic/types.ts";
import { fdget, fdput, set_close_on_exec } from "#linux/file.ts";
import { S_ISDIR, S_ISLNK, S_ISREG, file_inode, i_size_read, inode_get_bytes } from
	"#linux/fs.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { get_user, put_user } from "#linux/uaccess.ts";
import { O_NONBLOCK } from "#uapi/linux/fcntl.ts";
import { FICLONE, FICLONERANGE, FIDEDUPERANGE, FIGETBSZ, FS_IOC_FIEMAP } from "#uapi/linux/fs.ts";
import { FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, FIOQSIZE } from "#uapi/asm-generic/ioctls.ts";

/** fs/ioctl.c:vfs_ioctl() */
export function vfs_ioctl(filp: struct_file, cmd: number, arg: ulong64): number {
	let error = -ENOTTY;

	if (!filp.f_op.unlocked_ioctl)
		return error;

	error = filp.f_op.unlocked_ioctl(filp, cmd, arg);
	if (error === -ENOIOCTLCMD)
		error = -ENOTTY;
	return error;
}

/** fs/ioctl.c:ioctl_fionbio() */
function ioctl_fionbio(filp: struct_file, argp: user_ptr): number {
	const on = new ref(0);

	const error = get_user(on, __s32, argp);
	if (error)
		return error;
	spin_lock(filp.f_lock);
	if (on.v)
		filp.f_flags |= O_NONBLOCK;
	else
		filp.f_flags &= ~O_NONBLOCK;
	spin_unlock(filp.f_lock);
	return error;
}

/** fs/ioctl.c:do_vfs_ioctl(): what is the same for all files; -ENOIOCTLCMD for the rest. */
function do_vfs_ioctl(filp: struct_file, fd: number, cmd: number, arg: ulong64): number {
	const inode = file_inode(filp);

	switch (cmd) {
	case FIOCLEX:
		set_close_on_exec(fd, 1);
		return 0;

	case FIONCLEX:
		set_close_on_exec(fd, 0);
		return 0;

	case FIONBIO:
		return ioctl_fionbio(filp, unsigned_long(arg));

	case FIOQSIZE:
		if (S_ISDIR(inode.i_mode) || S_ISREG(inode.i_mode) || S_ISLNK(inode.i_mode)) {
			const res = inode_get_bytes(inode);
			return put_user(__s64, res, unsigned_long(arg)) ? -EFAULT : 0;
		}

		return -ENOTTY;

	case FS_IOC_FIEMAP:
	case FICLONE:
	case FICLONERANGE:
	case FIDEDUPERANGE:
		return -EOPNOTSUPP;

	case FIGETBSZ:
		/* 0 is possible without a block device */
		if (!inode.i_sb!.s_blocksize)
			return -EINVAL;

		return put_user(__s32, inode.i_sb!.s_blocksize, unsigned_long(arg));

	case FIONREAD:
		if (!S_ISREG(inode.i_mode))
			return vfs_ioctl(filp, cmd, arg);

		return put_user(__s32, Number(BigInt.asIntN(32, i_size_read(inode) - filp.f_pos)),
			unsigned_long(arg));

	default:
		break;
	}

	return -ENOIOCTLCMD;
}

export const sys_ioctl = SYSCALL_DEFINE("ioctl", ["uint", "uint", "ulong"], (fd, cmd, arg) => {
	const f = fdget(fd);

	if (!f.file)
		return -EBADF;

	let error = do_vfs_ioctl(f.file, fd, cmd, arg);
	if (error === -ENOIOCTLCMD)
		error = vfs_ioctl(f.file, cmd, arg);

	fdput(f);
	return error;
});
