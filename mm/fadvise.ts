// SPDX-License-Identifier: GPL-2.0
/*
 * posix_fadvise().
 *
 * Upstream: mm/fadvise.c. Left out: what follows the early return of generic_fadvise() for files
 * without a backing device, as all files here are.
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { type loff_t, loff_t as to_loff } from "#asm-generic/types.ts";
import { inode_to_bdi, noop_backing_dev_info } from "#linux/backing-dev.ts";
import { BUG_ON } from "#linux/bug.ts";
import { EBADF, EINVAL, ESPIPE } from "#linux/errno.ts";
import { fdget, fdput } from "#linux/file.ts";
import { S_ISFIFO, file_inode } from "#linux/fs.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE, POSIX_FADV_NORMAL, POSIX_FADV_RANDOM,
	POSIX_FADV_SEQUENTIAL, POSIX_FADV_WILLNEED } from "#uapi/linux/fadvise.ts";

/** mm/fadvise.c:generic_fadvise() */
export function generic_fadvise(file: struct_file, _offset: loff_t, len: loff_t, advice: number):
	number {
	const inode = file_inode(file);
	if (S_ISFIFO(inode.i_mode))
		return -ESPIPE;

	const mapping = file.f_mapping;
	if (!mapping || len < 0n)
		return -EINVAL;

	const bdi = inode_to_bdi(mapping.host!);

	BUG_ON(bdi !== noop_backing_dev_info);
	switch (advice) {
	case POSIX_FADV_NORMAL:
	case POSIX_FADV_RANDOM:
	case POSIX_FADV_SEQUENTIAL:
	case POSIX_FADV_WILLNEED:
	case POSIX_FADV_NOREUSE:
	case POSIX_FADV_DONTNEED:
		/* known, and of no use without a device */
		break;
	default:
		return -EINVAL;
	}
	return 0;
}

/** mm/fadvise.c:vfs_fadvise() */
export function vfs_fadvise(file: struct_file, offset: loff_t, len: loff_t, advice: number):
	number {
	if (file.f_op.fadvise)
		return file.f_op.fadvise(file, offset, len, advice);

	return generic_fadvise(file, offset, len, advice);
}

/** mm/fadvise.c:ksys_fadvise64_64() */
export function ksys_fadvise64_64(fd: number, offset: loff_t, len: loff_t, advice: number):
	number {
	const f = fdget(fd);

	if (!f.file)
		return -EBADF;

	const ret = vfs_fadvise(f.file, offset, len, advice);

	fdput(f);
	return ret;
}

export const sys_fadvise64 = SYSCALL_DEFINE("fadvise64", ["int", "long", "ulong", "int"],
	(fd, offset, len, advice) => ksys_fadvise64_64(fd, offset, to_loff(len), advice));
