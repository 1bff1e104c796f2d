// SPDX-License-Identifier: GPL-2.0
/*
 * fsync() and its kin. No file system here has anything to write back.
 *
 * Upstream: fs/sync.c. Left out: writeback itself, emergency_sync().
 */
import { EBADF, EINVAL, ESPIPE } from "#linux/errno.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { LLONG_MAX, s64, type loff_t } from "#asm-generic/types.ts";
import { fdget, fdput } from "#linux/file.ts";
import { I_DIRTY_TIME } from "#linux/fs.const.ts";
import { S_ISBLK, S_ISDIR, S_ISLNK, S_ISREG, file_inode, mark_inode_dirty_sync } from
	"#linux/fs.ts";
import type { struct_file, struct_super_block } from "#linux/fs.types.ts";
import { __filemap_fdatawrite_range, filemap_fdatawait_range } from "#linux/pagemap.ts";
import { down_read, up_read } from "#linux/rwsem.ts";
import { SYNC_FILE_RANGE_WAIT_AFTER, SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WRITE,
	SYNC_FILE_RANGE_WRITE_AND_WAIT } from "#uapi/linux/fs.ts";

const VALID_FLAGS = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
	SYNC_FILE_RANGE_WAIT_AFTER;

const WB_SYNC_NONE	= 0;
const WB_SYNC_ALL	= 1;

/** fs/sync.c:sync_filesystem(); s_umount is held. */
export function sync_filesystem(_sb: struct_super_block): number {
	return 0;
}

export const sys_sync = SYSCALL_DEFINE("sync", [], () => 0);

export const sys_syncfs = SYSCALL_DEFINE("syncfs", ["int"], (fd) => {
	const f = fdget(fd);

	if (!f.file)
		return -EBADF;
	const sb = f.file.f_path.dentry!.d_sb!;

	down_read(sb.s_umount);
	const ret = sync_filesystem(sb);
	up_read(sb.s_umount);

	fdput(f);
	return ret;
});

/** fs/sync.c:vfs_fsync_range() */
export function vfs_fsync_range(file: struct_file, start: loff_t, end: loff_t,
	datasync: number): number {
	const inode = file.f_mapping!.host!;

	if (!file.f_op.fsync)
		return -EINVAL;
	if (!datasync && (inode.i_state & I_DIRTY_TIME))
		mark_inode_dirty_sync(inode);
	return file.f_op.fsync(file, start, end, datasync);
}

/** fs/sync.c:vfs_fsync() */
export function vfs_fsync(file: struct_file, datasync: number): number {
	return vfs_fsync_range(file, 0n, LLONG_MAX, datasync);
}

/** fs/sync.c:do_fsync() */
function do_fsync(fd: number, datasync: number): number {
	const f = fdget(fd);
	let ret = -EBADF;

	if (f.file) {
		ret = vfs_fsync(f.file, datasync);
		fdput(f);
	}
	return ret;
}

export const sys_fsync = SYSCALL_DEFINE("fsync", ["uint"], (fd) => do_fsync(fd, 0));

export const sys_fdatasync = SYSCALL_DEFINE("fdatasync", ["uint"], (fd) => do_fsync(fd, 1));

/** fs/sync.c:sync_file_range() */
export function sync_file_range(file: struct_file, offset: loff_t, nbytes: loff_t, flags: number):
	number {
	let ret = -EINVAL;

	if (flags & ~VALID_FLAGS)
		return ret;

	let endbyte = s64(offset + nbytes);	/* inclusive, soon */

	if (offset < 0n)
		return ret;
	if (endbyte < 0n)
		return ret;
	if (endbyte < offset)
		return ret;

	if (nbytes === 0n)
		endbyte = LLONG_MAX;
	else
		endbyte--;

	const i_mode = file_inode(file).i_mode;
	ret = -ESPIPE;
	if (!S_ISREG(i_mode) && !S_ISBLK(i_mode) && !S_ISDIR(i_mode) && !S_ISLNK(i_mode))
		return ret;

	const mapping = file.f_mapping!;
	ret = 0;
	if (flags & SYNC_FILE_RANGE_WAIT_BEFORE) {
		ret = filemap_fdatawait_range(mapping, offset, endbyte);
		if (ret < 0)
			return ret;
	}

	if (flags & SYNC_FILE_RANGE_WRITE) {
		let sync_mode = WB_SYNC_NONE;

		if ((flags & SYNC_FILE_RANGE_WRITE_AND_WAIT) === SYNC_FILE_RANGE_WRITE_AND_WAIT)
			sync_mode = WB_SYNC_ALL;

		ret = __filemap_fdatawrite_range(mapping, offset, endbyte, sync_mode);
		if (ret < 0)
			return ret;
	}

	if (flags & SYNC_FILE_RANGE_WAIT_AFTER)
		ret = filemap_fdatawait_range(mapping, offset, endbyte);

	return ret;
}

export const sys_sync_file_range = SYSCALL_DEFINE("sync_file_range",
	["int", "long", "long", "uint"], (fd, offset, nbytes, flags) => {
		let ret = -EBADF;
		const f = fdget(fd);

		if (f.file) {
			ret = sync_file_range(f.file, offset, nbytes, flags);
			fdput(f);
		}
		return ret;
	});
