// SPDX-License-Identifier: GPL-2.0
/*
 * fcntl().
 *
 * Upstream: fs/fcntl.c. Left out: locks and leases, owners and signals, notification, write hints
 * (EINVAL, as for any command that is not known).
 */
import { EBADF, EINVAL, EPERM } from "#linux/errno.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import type { ulong64 } from "#asm-generic/types.ts";
import { f_dupfd, fdget_raw, fdput, get_close_on_exec, set_close_on_exec } from "#linux/file.ts";
import { FMODE_CAN_ODIRECT, FMODE_PATH } from "#linux/fs.const.ts";
import { IS_APPEND, S_ISFIFO, file_inode, file_mnt_user_ns, inode_owner_or_capable, iocb_flags }
	from "#linux/fs.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { memfd_fcntl } from "#linux/memfd.ts";
import { pipe_fcntl } from "#linux/pipe_fs_i.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { FD_CLOEXEC, F_ADD_SEALS, F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_GETPIPE_SZ,
	F_GET_SEALS, F_SETFD, F_SETFL, F_SETPIPE_SZ, O_APPEND, O_CLOEXEC, O_DIRECT, O_NDELAY,
	O_NOATIME, O_NONBLOCK } from "#uapi/linux/fcntl.ts";

const SETFL_MASK = O_APPEND | O_NONBLOCK | O_NDELAY | O_DIRECT | O_NOATIME;

/** fs/fcntl.c:setfl() */
function setfl(_fd: number, filp: struct_file, arg: number): number {
	const inode = file_inode(filp);

	/* an append-only file that is open for writing stays so */
	if (((arg ^ filp.f_flags) & O_APPEND) && IS_APPEND(inode))
		return -EPERM;

	/* O_NOATIME takes the owner or CAP_FOWNER */
	if ((arg & O_NOATIME) && !(filp.f_flags & O_NOATIME))
		if (!inode_owner_or_capable(file_mnt_user_ns(filp), inode))
			return -EPERM;

	/* for pipes O_DIRECT means packets */
	if (!S_ISFIFO(inode.i_mode) && (arg & O_DIRECT) && !(filp.f_mode & FMODE_CAN_ODIRECT))
		return -EINVAL;

	if (filp.f_op.check_flags) {
		const error = filp.f_op.check_flags(arg);
		if (error)
			return error;
	}

	spin_lock(filp.f_lock);
	filp.f_flags = (arg & SETFL_MASK) | (filp.f_flags & ~SETFL_MASK);
	filp.f_iocb_flags = iocb_flags(filp);
	spin_unlock(filp.f_lock);
	return 0;
}

/** fs/fcntl.c:do_fcntl() */
export function do_fcntl(fd: number, cmd: number, arg: ulong64, filp: struct_file): number {
	let err = -EINVAL;

	switch (cmd) {
	case F_DUPFD:
		err = f_dupfd(Number(BigInt.asUintN(32, arg)), filp, 0);
		break;
	case F_DUPFD_CLOEXEC:
		err = f_dupfd(Number(BigInt.asUintN(32, arg)), filp, O_CLOEXEC);
		break;
	case F_GETFD:
		err = get_close_on_exec(fd) ? FD_CLOEXEC : 0;
		break;
	case F_SETFD:
		err = 0;
		set_close_on_exec(fd, Number(arg & BigInt(FD_CLOEXEC)));
		break;
	case F_GETFL:
		err = filp.f_flags;
		break;
	case F_SETFL:
		/* bits above 31 are none that it looks at */
		err = setfl(fd, filp, Number(BigInt.asIntN(32, arg)));
		break;
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		err = pipe_fcntl(filp, cmd, arg);
		break;
	case F_ADD_SEALS:
	case F_GET_SEALS:
		err = memfd_fcntl(filp, cmd, arg);
		break;
	default:
		break;
	}
	return err;
}

/** fs/fcntl.c:check_fcntl_cmd(): what O_PATH descriptors are good for. */
function check_fcntl_cmd(cmd: number): boolean {
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
		return true;
	}
	return false;
}

export const sys_fcntl = SYSCALL_DEFINE("fcntl", ["uint", "uint", "ulong"], (fd, cmd, arg) => {
	const f = fdget_raw(fd);
	let err = -EBADF;

	if (!f.file)
		return err;

	out1: {
		if (f.file.f_mode & FMODE_PATH) {
			if (!check_fcntl_cmd(cmd))
				break out1;
		}

		err = do_fcntl(fd, cmd, arg, f.file);
	}
	fdput(f);
	return err;
});
