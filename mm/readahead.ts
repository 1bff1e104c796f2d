// SPDX-License-Identifier: GPL-2.0
/*
 * The readahead() system call.
 *
 * Upstream: mm/readahead.c. Left out: reading ahead itself (no file here is read from a device).
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { type loff_t, loff_t as to_loff, type ulong64 } from "#asm-generic/types.ts";
import { EBADF, EINVAL } from "#linux/errno.ts";
import { fdget, fdput } from "#linux/file.ts";
import { S_ISREG, file_inode, vfs_fadvise } from "#linux/fs.ts";
import { FMODE_READ } from "#linux/fs.const.ts";
import { POSIX_FADV_WILLNEED } from "#uapi/linux/fadvise.ts";

/** mm/readahead.c:ksys_readahead() */
export function ksys_readahead(fd: number, offset: loff_t, count: ulong64): number {
	let ret = -EBADF;
	const f = fdget(fd);
	out: {
		if (!f.file || !(f.file.f_mode & FMODE_READ))
			break out;

		/* only for files that could be read ahead */
		ret = -EINVAL;
		if (!f.file.f_mapping || !S_ISREG(file_inode(f.file).i_mode))
			break out;

		ret = vfs_fadvise(f.file, offset, to_loff(count), POSIX_FADV_WILLNEED);
	}
	fdput(f);
	return ret;
}

export const sys_readahead = SYSCALL_DEFINE("readahead", ["int", "long", "ulong"],
	(fd, offset, count) => ksys_readahead(fd, offset, count));
