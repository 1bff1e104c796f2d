// SPDX-License-Identifier: GPL-2.0
/*
 * Seeking, reading and writing, sendfile() and copy_file_range().
 *
 * Upstream: fs/read_write.c. Left out: security, fsnotify and I/O accounting, clone and dedupe.
 *
 * A byte count is a bigint until rw_verify_area() or access_ok() has passed it, then a number.
 */
import { BUG_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { pr_warn_ratelimited } from "#linux/printk.ts";
import { EBADF, EFAULT, EFBIG, EINVAL, EIOCBQUEUED, EISDIR, ENXIO, EOPNOTSUPP, EOVERFLOW, EPERM,
	ESPIPE, ETXTBSY, EXDEV } from "#linux/errno.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { LLONG_MAX, ref, s64, u64, unsigned_long, type loff_t, type ulong64, type user_ptr } from
	"#asm-generic/types.ts";
import { __s64 } from "#asm-generic/struct.ts";
import { d_path } from "#linux/dcache.ts";
import { fdget, fdget_pos, fdput, fdput_pos } from "#linux/file.ts";
import { FMODE_BUF_WASYNC, FMODE_CAN_READ, FMODE_CAN_WRITE, FMODE_LSEEK, FMODE_PREAD, FMODE_PWRITE,
	FMODE_READ, FMODE_STREAM, FMODE_UNSIGNED_OFFSET, FMODE_WRITE, IOCB_APPEND, IOCB_DIRECT,
	IOCB_NOWAIT, MAX_NON_LFS, MAX_RW_COUNT, OFFSET_MAX, READ, WRITE } from "#linux/fs.const.ts";
import { IS_IMMUTABLE, IS_SWAPFILE, S_ISDIR, S_ISREG, call_read_iter, call_write_iter,
	file_end_write, file_inode, file_start_write, i_size_read, init_sync_kiocb, inode_lock,
	inode_unlock, kiocb_set_rw_flags } from "#linux/fs.ts";
import type { struct_file, struct_kiocb } from "#linux/fs.types.ts";
import { get_pipe_info } from "#linux/pipe_fs_i.ts";
import { RLIMIT_FSIZE } from "#uapi/asm-generic/resource.ts";
import { current } from "#linux/sched.ts";
import { rlimit, send_sig } from "#linux/sched/signal.ts";
import { SIGXFSZ } from "#linux/signal.ts";
import { kfree } from "#linux/slab.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { do_splice_direct, splice_file_to_pipe } from "#linux/fs/splice.ts";
import { SPLICE_F_NONBLOCK } from "#linux/splice.ts";
import { access_ok, get_user, put_user } from "#linux/uaccess.ts";
import { iov_iter_advance, iov_iter_count, iov_iter_iovec, iov_iter_kvec, iov_iter_truncate,
	iov_iter_ubuf, import_iovec, struct_iov_iter, type struct_iovec, struct_kvec } from
	"#linux/uio.ts";
import { O_APPEND, O_LARGEFILE, O_NONBLOCK } from "#uapi/linux/fcntl.ts";
import { SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_MAX, SEEK_SET } from "#uapi/linux/fs.ts";

function unsigned_offsets(file: struct_file): boolean {
	return (file.f_mode & FMODE_UNSIGNED_OFFSET) !== 0;
}

/** fs/read_write.c:vfs_setpos() */
export function vfs_setpos(file: struct_file, offset: loff_t, maxsize: loff_t): loff_t {
	if (offset < 0n && !unsigned_offsets(file))
		return BigInt(-EINVAL);
	if (offset > maxsize)
		return BigInt(-EINVAL);

	if (offset !== file.f_pos) {
		file.f_pos = offset;
		file.f_version = 0;
	}
	return offset;
}

/** fs/read_write.c:generic_file_llseek_size(): @maxsize bounds positions, @eof is the end. */
export function generic_file_llseek_size(file: struct_file, offset: loff_t, whence: number,
	maxsize: loff_t, eof: loff_t): loff_t {
	switch (whence) {
	case SEEK_END:
		offset = s64(offset + eof);
		break;
	case SEEK_CUR:
		/* asking for the position must not write it back */
		if (offset === 0n)
			return file.f_pos;
		/* f_lock: against other SEEK_CURs; reads and writes race as with SEEK_SET */
		spin_lock(file.f_lock);
		offset = vfs_setpos(file, s64(file.f_pos + offset), maxsize);
		spin_unlock(file.f_lock);
		return offset;
	case SEEK_DATA:
		/* all of the file is data */
		if (u64(offset) >= eof)
			return BigInt(-ENXIO);
		break;
	case SEEK_HOLE:
		/* and there is one hole, at its end */
		if (u64(offset) >= eof)
			return BigInt(-ENXIO);
		offset = eof;
		break;
	}

	return vfs_setpos(file, offset, maxsize);
}

/** fs/read_write.c:generic_file_llseek() */
export function generic_file_llseek(file: struct_file, offset: loff_t, whence: number): loff_t {
	const inode = file.f_mapping!.host!;

	return generic_file_llseek_size(file, offset, whence, inode.i_sb!.s_maxbytes,
		i_size_read(inode));
}

/** fs/read_write.c:fixed_size_llseek() */
export function fixed_size_llseek(file: struct_file, offset: loff_t, whence: number,
	size: loff_t): loff_t {
	switch (whence) {
	case SEEK_SET: case SEEK_CUR: case SEEK_END:
		return generic_file_llseek_size(file, offset, whence, size, size);
	default:
		return BigInt(-EINVAL);
	}
}

/** fs/read_write.c:no_seek_end_llseek() */
export function no_seek_end_llseek(file: struct_file, offset: loff_t, whence: number): loff_t {
	switch (whence) {
	case SEEK_SET: case SEEK_CUR:
		return generic_file_llseek_size(file, offset, whence, OFFSET_MAX, 0n);
	default:
		return BigInt(-EINVAL);
	}
}

/** fs/read_write.c:no_seek_end_llseek_size() */
export function no_seek_end_llseek_size(file: struct_file, offset: loff_t, whence: number,
	size: loff_t): loff_t {
	switch (whence) {
	case SEEK_SET: case SEEK_CUR:
		return generic_file_llseek_size(file, offset, whence, size, 0n);
	default:
		return BigInt(-EINVAL);
	}
}

/** fs/read_write.c:noop_llseek(): for files that have no positions but whose users seek. */
export function noop_llseek(file: struct_file, _offset: loff_t, _whence: number): loff_t {
	return file.f_pos;
}

/** fs/read_write.c:default_llseek() */
export function default_llseek(file: struct_file, offset: loff_t, whence: number): loff_t {
	const inode = file_inode(file);
	let retval: loff_t;

	inode_lock(inode);
	out: {
		switch (whence) {
		case SEEK_END:
			offset = s64(offset + i_size_read(inode));
			break;
		case SEEK_CUR:
			if (offset === 0n) {
				retval = file.f_pos;
				break out;
			}
			offset = s64(offset + file.f_pos);
			break;
		case SEEK_DATA:
			/* all of the file is data */
			if (offset >= inode.i_size) {
				retval = BigInt(-ENXIO);
				break out;
			}
			break;
		case SEEK_HOLE:
			/* and there is one hole, at its end */
			if (offset >= inode.i_size) {
				retval = BigInt(-ENXIO);
				break out;
			}
			offset = inode.i_size;
			break;
		}
		retval = BigInt(-EINVAL);
		if (offset >= 0n || unsigned_offsets(file)) {
			if (offset !== file.f_pos) {
				file.f_pos = offset;
				file.f_version = 0;
			}
			retval = offset;
		}
	}
	inode_unlock(inode);
	return retval;
}

/** fs/read_write.c:vfs_llseek() */
export function vfs_llseek(file: struct_file, offset: loff_t, whence: number): loff_t {
	if (!(file.f_mode & FMODE_LSEEK))
		return BigInt(-ESPIPE);
	return file.f_op.llseek!(file, offset, whence);
}

/** fs/read_write.c:ksys_lseek() */
function ksys_lseek(fd: number, offset: loff_t, whence: number): loff_t | number {
	const f = fdget_pos(fd);

	if (!f.file)
		return -EBADF;

	let retval: loff_t | number = -EINVAL;
	if (whence <= SEEK_MAX)
		retval = vfs_llseek(f.file, offset, whence);
	fdput_pos(f);
	return retval;
}

export const sys_lseek = SYSCALL_DEFINE("lseek", ["uint", "long", "uint"], ksys_lseek);

/** fs/read_write.c:rw_verify_area(): may @count bytes at *@ppos be read or written? */
export function rw_verify_area(_read_write: number, file: struct_file, ppos: ref<loff_t> | null,
	count: ulong64 | number): number {
	if (count > LLONG_MAX)
		return -EINVAL;

	if (ppos) {
		const pos = ppos.v;

		if (pos < 0n) {
			if (!unsigned_offsets(file))
				return -EINVAL;
			if (count >= -pos)	/* neither side is negative */
				return -EOVERFLOW;
		} else if (pos > LLONG_MAX - BigInt(count)) {
			if (!unsigned_offsets(file))
				return -EINVAL;
		}
	}

	return 0;
}

/** fs/read_write.c:new_sync_read() */
function new_sync_read(filp: struct_file, buf: user_ptr, len: number, ppos: ref<loff_t> | null):
	number {
	const kiocb = init_sync_kiocb(filp);
	const iter = new struct_iov_iter();

	kiocb.ki_pos = ppos ? ppos.v : 0n;
	iov_iter_ubuf(iter, READ, buf, len);

	const ret = call_read_iter(filp, kiocb, iter);
	BUG_ON(ret === -EIOCBQUEUED);
	if (ppos)
		ppos.v = kiocb.ki_pos;
	return ret;
}

function warn_unsupported(file: struct_file, op: string): number {
	pr_warn_ratelimited(`kernel ${op} not supported for file ${String(d_path(file.f_path))} ` +
		`(pid: ${current.pid} comm: ${current.comm})\n`);
	return -EINVAL;
}

/** fs/read_write.c:__kernel_read(): into kernel memory. */
export function __kernel_read(file: struct_file, buf: Uint8Array, count: number,
	pos: ref<loff_t> | null): number {
	const iov = new struct_kvec(buf, Math.min(count, MAX_RW_COUNT));
	const iter = new struct_iov_iter();

	if (WARN_ON_ONCE(!(file.f_mode & FMODE_READ)))
		return -EINVAL;
	if (!(file.f_mode & FMODE_CAN_READ))
		return -EINVAL;
	/* with both wired up it would be anybody's guess which is meant */
	if (!file.f_op.read_iter || file.f_op.read)
		return warn_unsupported(file, "read");

	const kiocb = init_sync_kiocb(file);
	kiocb.ki_pos = pos ? pos.v : 0n;
	iov_iter_kvec(iter, READ, [iov], 1, iov.iov_len);
	const ret = file.f_op.read_iter(kiocb, iter);
	if (ret > 0) {
		if (pos)
			pos.v = kiocb.ki_pos;
	}
	return ret;
}

/** fs/read_write.c:kernel_read() */
export function kernel_read(file: struct_file, buf: Uint8Array, count: number,
	pos: ref<loff_t> | null): number {
	const ret = rw_verify_area(READ, file, pos, count);
	if (ret)
		return ret;
	return __kernel_read(file, buf, count, pos);
}

/** fs/read_write.c:vfs_read(): @count beyond 2^53 may be inexact, access_ok() refuses it. */
export function vfs_read(file: struct_file, buf: user_ptr, count: number,
	pos: ref<loff_t> | null): number {
	let ret: number;

	if (!(file.f_mode & FMODE_READ))
		return -EBADF;
	if (!(file.f_mode & FMODE_CAN_READ))
		return -EINVAL;
	if (!access_ok(buf, count))
		return -EFAULT;

	ret = rw_verify_area(READ, file, pos, count);
	if (ret)
		return ret;
	if (count > MAX_RW_COUNT)
		count = MAX_RW_COUNT;

	if (file.f_op.read)
		ret = file.f_op.read(file, buf, count, pos!);
	else if (file.f_op.read_iter)
		ret = new_sync_read(file, buf, count, pos);
	else
		ret = -EINVAL;
	return ret;
}

/** fs/read_write.c:new_sync_write() */
function new_sync_write(filp: struct_file, buf: user_ptr, len: number, ppos: ref<loff_t> | null):
	number {
	const kiocb = init_sync_kiocb(filp);
	const iter = new struct_iov_iter();

	kiocb.ki_pos = ppos ? ppos.v : 0n;
	iov_iter_ubuf(iter, WRITE, buf, len);

	const ret = call_write_iter(filp, kiocb, iter);
	BUG_ON(ret === -EIOCBQUEUED);
	if (ret > 0 && ppos)
		ppos.v = kiocb.ki_pos;
	return ret;
}

/** fs/read_write.c:__kernel_write_iter() */
export function __kernel_write_iter(file: struct_file, from: struct_iov_iter,
	pos: ref<loff_t> | null): number {
	if (WARN_ON_ONCE(!(file.f_mode & FMODE_WRITE)))
		return -EBADF;
	if (!(file.f_mode & FMODE_CAN_WRITE))
		return -EINVAL;
	/* with both wired up it would be anybody's guess which is meant */
	if (!file.f_op.write_iter || file.f_op.write)
		return warn_unsupported(file, "write");

	const kiocb = init_sync_kiocb(file);
	kiocb.ki_pos = pos ? pos.v : 0n;
	const ret = file.f_op.write_iter(kiocb, from);
	if (ret > 0) {
		if (pos)
			pos.v = kiocb.ki_pos;
	}
	return ret;
}

/** fs/read_write.c:__kernel_write() */
export function __kernel_write(file: struct_file, buf: Uint8Array, count: number,
	pos: ref<loff_t> | null): number {
	const iov = new struct_kvec(buf, Math.min(count, MAX_RW_COUNT));
	const iter = new struct_iov_iter();

	iov_iter_kvec(iter, WRITE, [iov], 1, iov.iov_len);
	return __kernel_write_iter(file, iter, pos);
}

/** fs/read_write.c:kernel_write() */
export function kernel_write(file: struct_file, buf: Uint8Array, count: number,
	pos: ref<loff_t> | null): number {
	let ret = rw_verify_area(WRITE, file, pos, count);
	if (ret)
		return ret;

	file_start_write(file);
	ret = __kernel_write(file, buf, count, pos);
	file_end_write(file);
	return ret;
}

/** fs/read_write.c:vfs_write(): @count beyond 2^53 may be inexact, access_ok() refuses it. */
export function vfs_write(file: struct_file, buf: user_ptr, count: number,
	pos: ref<loff_t> | null): number {
	let ret: number;

	if (!(file.f_mode & FMODE_WRITE))
		return -EBADF;
	if (!(file.f_mode & FMODE_CAN_WRITE))
		return -EINVAL;
	if (!access_ok(buf, count))
		return -EFAULT;

	ret = rw_verify_area(WRITE, file, pos, count);
	if (ret)
		return ret;
	if (count > MAX_RW_COUNT)
		count = MAX_RW_COUNT;
	file_start_write(file);
	if (file.f_op.write)
		ret = file.f_op.write(file, buf, count, pos!);
	else if (file.f_op.write_iter)
		ret = new_sync_write(file, buf, count, pos);
	else
		ret = -EINVAL;
	file_end_write(file);
	return ret;
}

/** fs/read_write.c:file_ppos(): a copy of the position, or null for streams, which have none. */
function file_ppos(file: struct_file): ref<loff_t> | null {
	return file.f_mode & FMODE_STREAM ? null : new ref(file.f_pos);
}

/** fs/read_write.c:ksys_read() */
export function ksys_read(fd: number, buf: user_ptr, count: ulong64): number {
	const f = fdget_pos(fd);
	let ret = -EBADF;

	if (f.file) {
		const ppos = file_ppos(f.file);

		ret = vfs_read(f.file, buf, unsigned_long(count), ppos);
		if (ret >= 0 && ppos)
			f.file.f_pos = ppos.v;
		fdput_pos(f);
	}
	return ret;
}

export const sys_read = SYSCALL_DEFINE("read", ["uint", "ptr", "ulong"], ksys_read);

/** fs/read_write.c:ksys_write() */
export function ksys_write(fd: number, buf: user_ptr, count: ulong64): number {
	const f = fdget_pos(fd);
	let ret = -EBADF;

	if (f.file) {
		const ppos = file_ppos(f.file);

		ret = vfs_write(f.file, buf, unsigned_long(count), ppos);
		if (ret >= 0 && ppos)
			f.file.f_pos = ppos.v;
		fdput_pos(f);
	}

	return ret;
}

export const sys_write = SYSCALL_DEFINE("write", ["uint", "ptr", "ulong"], ksys_write);

/** fs/read_write.c:ksys_pread64() */
export function ksys_pread64(fd: number, buf: user_ptr, count: ulong64, pos: loff_t): number {
	let ret = -EBADF;

	if (pos < 0n)
		return -EINVAL;

	const f = fdget(fd);
	if (f.file) {
		ret = -ESPIPE;
		if (f.file.f_mode & FMODE_PREAD)
			ret = vfs_read(f.file, buf, unsigned_long(count), new ref(pos));
		fdput(f);
	}

	return ret;
}

export const sys_pread64 = SYSCALL_DEFINE("pread64", ["uint", "ptr", "ulong", "long"],
	ksys_pread64);

/** fs/read_write.c:ksys_pwrite64() */
export function ksys_pwrite64(fd: number, buf: user_ptr, count: ulong64, pos: loff_t): number {
	let ret = -EBADF;

	if (pos < 0n)
		return -EINVAL;

	const f = fdget(fd);
	if (f.file) {
		ret = -ESPIPE;
		if (f.file.f_mode & FMODE_PWRITE)
			ret = vfs_write(f.file, buf, unsigned_long(count), new ref(pos));
		fdput(f);
	}

	return ret;
}

export const sys_pwrite64 = SYSCALL_DEFINE("pwrite64", ["uint", "ptr", "ulong", "long"],
	ksys_pwrite64);

/** fs/read_write.c:do_iter_readv_writev() */
function do_iter_readv_writev(filp: struct_file, iter: struct_iov_iter, ppos: ref<loff_t> | null,
	type: number, flags: number): number {
	const kiocb = init_sync_kiocb(filp);
	let ret = kiocb_set_rw_flags(kiocb, flags);
	if (ret)
		return ret;
	kiocb.ki_pos = ppos ? ppos.v : 0n;

	if (type === READ)
		ret = call_read_iter(filp, kiocb, iter);
	else
		ret = call_write_iter(filp, kiocb, iter);
	BUG_ON(ret === -EIOCBQUEUED);
	if (ppos)
		ppos.v = kiocb.ki_pos;
	return ret;
}

const RWF_HIPRI = 1;

/** fs/read_write.c:do_loop_readv_writev(): segment by segment, for files without ->read_iter. */
function do_loop_readv_writev(filp: struct_file, iter: struct_iov_iter, ppos: ref<loff_t> | null,
	type: number, flags: number): number {
	let ret = 0;

	if (flags & ~RWF_HIPRI)
		return -EOPNOTSUPP;

	while (iov_iter_count(iter)) {
		const iovec = iov_iter_iovec(iter);
		let nr: number;

		if (type === READ)
			nr = filp.f_op.read!(filp, iovec.iov_base, iovec.iov_len, ppos!);
		else
			nr = filp.f_op.write!(filp, iovec.iov_base, iovec.iov_len, ppos!);

		if (nr < 0) {
			if (!ret)
				ret = nr;
			break;
		}
		ret += nr;
		if (nr !== iovec.iov_len)
			break;
		iov_iter_advance(iter, nr);
	}

	return ret;
}

/** fs/read_write.c:do_iter_read() */
function do_iter_read(file: struct_file, iter: struct_iov_iter, pos: ref<loff_t> | null,
	flags: number): number {
	let ret = 0;

	if (!(file.f_mode & FMODE_READ))
		return -EBADF;
	if (!(file.f_mode & FMODE_CAN_READ))
		return -EINVAL;

	const tot_len = iov_iter_count(iter);
	if (!tot_len)
		return ret;
	ret = rw_verify_area(READ, file, pos, tot_len);
	if (ret < 0)
		return ret;

	if (file.f_op.read_iter)
		ret = do_iter_readv_writev(file, iter, pos, READ, flags);
	else
		ret = do_loop_readv_writev(file, iter, pos, READ, flags);
	return ret;
}

/** fs/read_write.c:vfs_iocb_iter_read() */
export function vfs_iocb_iter_read(file: struct_file, iocb: struct_kiocb, iter: struct_iov_iter):
	number {
	if (!file.f_op.read_iter)
		return -EINVAL;
	if (!(file.f_mode & FMODE_READ))
		return -EBADF;
	if (!(file.f_mode & FMODE_CAN_READ))
		return -EINVAL;

	const tot_len = iov_iter_count(iter);
	if (!tot_len)
		return 0;
	const ret = rw_verify_area(READ, file, new ref(iocb.ki_pos), tot_len);
	if (ret < 0)
		return ret;

	return call_read_iter(file, iocb, iter);
}

/** fs/read_write.c:vfs_iter_read() */
export function vfs_iter_read(file: struct_file, iter: struct_iov_iter, ppos: ref<loff_t> | null,
	flags: number): number {
	if (!file.f_op.read_iter)
		return -EINVAL;
	return do_iter_read(file, iter, ppos, flags);
}

/** fs/read_write.c:do_iter_write() */
function do_iter_write(file: struct_file, iter: struct_iov_iter, pos: ref<loff_t> | null,
	flags: number): number {
	let ret = 0;

	if (!(file.f_mode & FMODE_WRITE))
		return -EBADF;
	if (!(file.f_mode & FMODE_CAN_WRITE))
		return -EINVAL;

	const tot_len = iov_iter_count(iter);
	if (!tot_len)
		return 0;
	ret = rw_verify_area(WRITE, file, pos, tot_len);
	if (ret < 0)
		return ret;

	if (file.f_op.write_iter)
		ret = do_iter_readv_writev(file, iter, pos, WRITE, flags);
	else
		ret = do_loop_readv_writev(file, iter, pos, WRITE, flags);
	return ret;
}

/** fs/read_write.c:vfs_iocb_iter_write() */
export function vfs_iocb_iter_write(file: struct_file, iocb: struct_kiocb, iter: struct_iov_iter):
	number {
	if (!file.f_op.write_iter)
		return -EINVAL;
	if (!(file.f_mode & FMODE_WRITE))
		return -EBADF;
	if (!(file.f_mode & FMODE_CAN_WRITE))
		return -EINVAL;

	const tot_len = iov_iter_count(iter);
	if (!tot_len)
		return 0;
	const ret = rw_verify_area(WRITE, file, new ref(iocb.ki_pos), tot_len);
	if (ret < 0)
		return ret;

	return call_write_iter(file, iocb, iter);
}

/** fs/read_write.c:vfs_iter_write() */
export function vfs_iter_write(file: struct_file, iter: struct_iov_iter, ppos: ref<loff_t> | null,
	flags: number): number {
	if (!file.f_op.write_iter)
		return -EINVAL;
	return do_iter_write(file, iter, ppos, flags);
}

/** fs/read_write.c:vfs_readv() */
function vfs_readv(file: struct_file, vec: user_ptr, vlen: ulong64, pos: ref<loff_t> | null,
	flags: number): number {
	const iov = new ref<struct_iovec[] | null>(null);
	const iter = new struct_iov_iter();

	let ret = import_iovec(READ, vec, vlen, iov, iter);
	if (ret >= 0) {
		ret = do_iter_read(file, iter, pos, flags);
		kfree(iov.v);
	}

	return ret;
}

/** fs/read_write.c:vfs_writev() */
function vfs_writev(file: struct_file, vec: user_ptr, vlen: ulong64, pos: ref<loff_t> | null,
	flags: number): number {
	const iov = new ref<struct_iovec[] | null>(null);
	const iter = new struct_iov_iter();

	let ret = import_iovec(WRITE, vec, vlen, iov, iter);
	if (ret >= 0) {
		file_start_write(file);
		ret = do_iter_write(file, iter, pos, flags);
		file_end_write(file);
		kfree(iov.v);
	}
	return ret;
}

/* an unsigned long @fd is looked up by its low 32 bits */
const low_fd = (fd: ulong64): number => Number(BigInt.asUintN(32, fd));

/** fs/read_write.c:do_readv() */
function do_readv(fd: ulong64, vec: user_ptr, vlen: ulong64, flags: number): number {
	const f = fdget_pos(low_fd(fd));
	let ret = -EBADF;

	if (f.file) {
		const ppos = file_ppos(f.file);

		ret = vfs_readv(f.file, vec, vlen, ppos, flags);
		if (ret >= 0 && ppos)
			f.file.f_pos = ppos.v;
		fdput_pos(f);
	}

	return ret;
}

/** fs/read_write.c:do_writev() */
function do_writev(fd: ulong64, vec: user_ptr, vlen: ulong64, flags: number): number {
	const f = fdget_pos(low_fd(fd));
	let ret = -EBADF;

	if (f.file) {
		const ppos = file_ppos(f.file);

		ret = vfs_writev(f.file, vec, vlen, ppos, flags);
		if (ret >= 0 && ppos)
			f.file.f_pos = ppos.v;
		fdput_pos(f);
	}

	return ret;
}

/** fs/read_write.c:pos_from_hilo(): on 64 bits the high word falls out at the top. */
function pos_from_hilo(_high: ulong64, low: ulong64): loff_t {
	return s64(low);
}

/** fs/read_write.c:do_preadv() */
function do_preadv(fd: ulong64, vec: user_ptr, vlen: ulong64, pos: loff_t, flags: number): number {
	let ret = -EBADF;

	if (pos < 0n)
		return -EINVAL;

	const f = fdget(low_fd(fd));
	if (f.file) {
		ret = -ESPIPE;
		if (f.file.f_mode & FMODE_PREAD)
			ret = vfs_readv(f.file, vec, vlen, new ref(pos), flags);
		fdput(f);
	}

	return ret;
}

/** fs/read_write.c:do_pwritev() */
function do_pwritev(fd: ulong64, vec: user_ptr, vlen: ulong64, pos: loff_t, flags: number): number {
	let ret = -EBADF;

	if (pos < 0n)
		return -EINVAL;

	const f = fdget(low_fd(fd));
	if (f.file) {
		ret = -ESPIPE;
		if (f.file.f_mode & FMODE_PWRITE)
			ret = vfs_writev(f.file, vec, vlen, new ref(pos), flags);
		fdput(f);
	}

	return ret;
}

export const sys_readv = SYSCALL_DEFINE("readv", ["ulong", "ptr", "ulong"], (fd, vec, vlen) =>
	do_readv(fd, vec, vlen, 0));

export const sys_writev = SYSCALL_DEFINE("writev", ["ulong", "ptr", "ulong"], (fd, vec, vlen) =>
	do_writev(fd, vec, vlen, 0));

export const sys_preadv = SYSCALL_DEFINE("preadv", ["ulong", "ptr", "ulong", "ulong", "ulong"],
	(fd, vec, vlen, pos_l, pos_h) => do_preadv(fd, vec, vlen, pos_from_hilo(pos_h, pos_l), 0));

export const sys_preadv2 = SYSCALL_DEFINE("preadv2",
	["ulong", "ptr", "ulong", "ulong", "ulong", "int"],
	(fd, vec, vlen, pos_l, pos_h, flags) => {
		const pos = pos_from_hilo(pos_h, pos_l);

		if (pos === -1n)
			return do_readv(fd, vec, vlen, flags);

		return do_preadv(fd, vec, vlen, pos, flags);
	});

export const sys_pwritev = SYSCALL_DEFINE("pwritev", ["ulong", "ptr", "ulong", "ulong", "ulong"],
	(fd, vec, vlen, pos_l, pos_h) => do_pwritev(fd, vec, vlen, pos_from_hilo(pos_h, pos_l), 0));

export const sys_pwritev2 = SYSCALL_DEFINE("pwritev2",
	["ulong", "ptr", "ulong", "ulong", "ulong", "int"],
	(fd, vec, vlen, pos_l, pos_h, flags) => {
		const pos = pos_from_hilo(pos_h, pos_l);

		if (pos === -1n)
			return do_writev(fd, vec, vlen, flags);

		return do_pwritev(fd, vec, vlen, pos, flags);
	});

/** fs/read_write.c:do_sendfile(): @max bounds the position, 0: what the file systems allow. */
function do_sendfile(out_fd: number, in_fd: number, ppos: ref<loff_t> | null, count: ulong64,
	max: loff_t): number {
	const pos = new ref(0n), out_pos = new ref(0n);
	let retval: number;

	retval = -EBADF;
	const in_ = fdget(in_fd);
	if (!in_.file)
		return retval;
	fput_in: {
		if (!(in_.file.f_mode & FMODE_READ))
			break fput_in;
		retval = -ESPIPE;
		if (!ppos) {
			pos.v = in_.file.f_pos;
		} else {
			pos.v = ppos.v;
			if (!(in_.file.f_mode & FMODE_PREAD))
				break fput_in;
		}
		retval = rw_verify_area(READ, in_.file, pos, count);
		if (retval < 0)
			break fput_in;
		let len = count > BigInt(MAX_RW_COUNT) ? MAX_RW_COUNT : Number(count);

		retval = -EBADF;
		const out = fdget(out_fd);
		if (!out.file)
			break fput_in;
		fput_out: {
			if (!(out.file.f_mode & FMODE_WRITE))
				break fput_out;
			const in_inode = file_inode(in_.file);
			const out_inode = file_inode(out.file);
			out_pos.v = out.file.f_pos;

			if (!max) {
				const a = in_inode.i_sb!.s_maxbytes, b = out_inode.i_sb!.s_maxbytes;
				max = a < b ? a : b;
			}

			if (pos.v + BigInt(len) > max) {
				retval = -EOVERFLOW;
				if (pos.v >= max)
					break fput_out;
				len = Number(max - pos.v);
			}

			let fl = 0;
			const opipe = get_pipe_info(out.file, true);
			if (!opipe) {
				retval = rw_verify_area(WRITE, out.file, out_pos, len);
				if (retval < 0)
					break fput_out;
				file_start_write(out.file);
				retval = do_splice_direct(in_.file, pos, out.file, out_pos, len,
					fl);
				file_end_write(out.file);
			} else {
				if (out.file.f_flags & O_NONBLOCK)
					fl |= SPLICE_F_NONBLOCK;

				retval = splice_file_to_pipe(in_.file, opipe, pos, len, fl);
			}

			if (retval > 0) {
				out.file.f_pos = out_pos.v;
				if (ppos)
					ppos.v = pos.v;
				else
					in_.file.f_pos = pos.v;
			}

			if (pos.v > max)
				retval = -EOVERFLOW;
		}
		fdput(out);
	}
	fdput(in_);
	return retval;
}

export const sys_sendfile = SYSCALL_DEFINE("sendfile", ["int", "int", "ptr", "ulong"],
	(out_fd, in_fd, offset, count) => {
		if (offset) {
			const pos = new ref(0n);

			if (get_user(pos, __s64, offset))
				return -EFAULT;
			const ret = do_sendfile(out_fd, in_fd, pos, count, MAX_NON_LFS);
			if (put_user(__s64, pos.v, offset))
				return -EFAULT;
			return ret;
		}

		return do_sendfile(out_fd, in_fd, null, count, 0n);
	});

export const sys_sendfile64 = SYSCALL_DEFINE("sendfile64", ["int", "int", "ptr", "ulong"],
	(out_fd, in_fd, offset, count) => {
		if (offset) {
			const pos = new ref(0n);

			if (get_user(pos, __s64, offset))
				return -EFAULT;
			const ret = do_sendfile(out_fd, in_fd, pos, count, 0n);
			if (put_user(__s64, pos.v, offset))
				return -EFAULT;
			return ret;
		}

		return do_sendfile(out_fd, in_fd, null, count, 0n);
	});

/** fs/read_write.c:generic_copy_file_range(): through a pipe, at most MAX_RW_COUNT bytes. */
export function generic_copy_file_range(file_in: struct_file, pos_in: loff_t,
	file_out: struct_file, pos_out: loff_t, len: ulong64, _flags: number): number {
	return do_splice_direct(file_in, new ref(pos_in), file_out, new ref(pos_out),
		len > BigInt(MAX_RW_COUNT) ? MAX_RW_COUNT : Number(len), 0);
}

/** fs/read_write.c:generic_copy_file_checks() */
function generic_copy_file_checks(file_in: struct_file, pos_in: loff_t, file_out: struct_file,
	pos_out: loff_t, req_count: ref<ulong64>, _flags: number): number {
	const inode_in = file_inode(file_in);
	const inode_out = file_inode(file_out);
	const count = new ref(req_count.v);

	let ret = generic_file_rw_checks(file_in, file_out);
	if (ret)
		return ret;

	/* the method of one file system must not see the files of another */
	if (file_out.f_op.copy_file_range) {
		if (file_in.f_op.copy_file_range !== file_out.f_op.copy_file_range)
			return -EXDEV;
	} else if (file_inode(file_in).i_sb !== file_inode(file_out).i_sb) {
		return -EXDEV;
	}

	/* not even an open descriptor makes these writable */
	if (IS_IMMUTABLE(inode_out))
		return -EPERM;

	if (IS_SWAPFILE(inode_in) || IS_SWAPFILE(inode_out))
		return -ETXTBSY;

	/* ensure offsets don't wrap: C adds as unsigned 64 bits */
	if (u64(u64(pos_in) + count.v) < u64(pos_in) || u64(u64(pos_out) + count.v) < u64(pos_out))
		return -EOVERFLOW;

	/* no further than the file goes */
	const size_in = i_size_read(inode_in);
	if (pos_in >= size_in)
		count.v = 0n;
	else if (u64(size_in - pos_in) < count.v)
		count.v = u64(size_in - pos_in);

	ret = generic_write_check_limits(file_out, pos_out, count);
	if (ret)
		return ret;

	/* the ranges must be disjoint if the file is the same */
	if (inode_in === inode_out &&
	    u64(pos_out) + count.v > u64(pos_in) &&
	    u64(pos_out) < u64(pos_in) + count.v)
		return -EINVAL;

	req_count.v = count.v;
	return 0;
}

/** fs/read_write.c:vfs_copy_file_range(): bytes copied, perhaps fewer than @len, or -errno. */
export function vfs_copy_file_range(file_in: struct_file, pos_in: loff_t, file_out: struct_file,
	pos_out: loff_t, len: ulong64, flags: number): number {
	let ret: number;

	if (flags !== 0)
		return -EINVAL;

	const count = new ref(len);
	ret = generic_copy_file_checks(file_in, pos_in, file_out, pos_out, count, flags);
	if (ret)
		return ret;

	ret = rw_verify_area(READ, file_in, new ref(pos_in), count.v);
	if (ret)
		return ret;

	ret = rw_verify_area(WRITE, file_out, new ref(pos_out), count.v);
	if (ret)
		return ret;

	if (count.v === 0n)
		return 0;

	file_start_write(file_out);

	if (file_out.f_op.copy_file_range)
		ret = file_out.f_op.copy_file_range(file_in, pos_in, file_out, pos_out,
			unsigned_long(count.v), flags);
	else
		ret = generic_copy_file_range(file_in, pos_in, file_out, pos_out, count.v, flags);

	file_end_write(file_out);

	return ret;
}

export const sys_copy_file_range = SYSCALL_DEFINE("copy_file_range",
	["int", "ptr", "int", "ptr", "ulong", "uint"],
	(fd_in, off_in, fd_out, off_out, len, flags) => {
		const pos_in = new ref(0n), pos_out = new ref(0n);
		let ret = -EBADF;

		const f_in = fdget(fd_in);
		if (!f_in.file)
			return ret;
		out1: {
			const f_out = fdget(fd_out);
			if (!f_out.file)
				break out1;

			out: {
				ret = -EFAULT;
				if (off_in) {
					if (get_user(pos_in, __s64, off_in))
						break out;
				} else {
					pos_in.v = f_in.file.f_pos;
				}

				if (off_out) {
					if (get_user(pos_out, __s64, off_out))
						break out;
				} else {
					pos_out.v = f_out.file.f_pos;
				}

				ret = vfs_copy_file_range(f_in.file, pos_in.v, f_out.file,
					pos_out.v, len, flags);
				if (ret > 0) {
					pos_in.v += BigInt(ret);
					pos_out.v += BigInt(ret);

					if (off_in) {
						if (put_user(__s64, pos_in.v, off_in))
							ret = -EFAULT;
					} else {
						f_in.file.f_pos = pos_in.v;
					}

					if (off_out) {
						if (put_user(__s64, pos_out.v, off_out))
							ret = -EFAULT;
					} else {
						f_out.file.f_pos = pos_out.v;
					}
				}
			}
			fdput(f_out);
		}
		fdput(f_in);
		return ret;
	});

/*
 * fs/read_write.c:generic_write_check_limits(): cuts *@count at RLIMIT_FSIZE and at the largest
 * file; -EFBIG if nothing is left.
 */
export function generic_write_check_limits(file: struct_file, pos: loff_t,
	count: ref<loff_t>): number {
	const inode = file.f_mapping!.host!;
	let max_size = inode.i_sb!.s_maxbytes;
	const rlim = rlimit(RLIMIT_FSIZE);

	if (rlim < 2 ** 63) {
		const limit = BigInt(rlim);

		if (pos >= limit) {
			send_sig(SIGXFSZ, current, 0);
			return -EFBIG;
		}
		if (limit - pos < count.v)
			count.v = limit - pos;
	}

	if (!(file.f_flags & O_LARGEFILE))
		max_size = MAX_NON_LFS;

	if (pos >= max_size)
		return -EFBIG;

	if (max_size - pos < count.v)
		count.v = max_size - pos;

	return 0;
}

/** fs/read_write.c:generic_write_checks_count() */
export function generic_write_checks_count(iocb: struct_kiocb, count: ref<loff_t>): number {
	const file = iocb.ki_filp;
	const inode = file.f_mapping!.host!;

	if (IS_SWAPFILE(inode))
		return -ETXTBSY;

	if (!count.v)
		return 0;

	if (iocb.ki_flags & IOCB_APPEND)
		iocb.ki_pos = i_size_read(inode);

	if ((iocb.ki_flags & IOCB_NOWAIT) &&
	    !((iocb.ki_flags & IOCB_DIRECT) || (file.f_mode & FMODE_BUF_WASYNC)))
		return -EINVAL;

	return generic_write_check_limits(iocb.ki_filp, iocb.ki_pos, count);
}

/** fs/read_write.c:generic_write_checks(): bytes to write after all limits, or 0 or -errno. */
export function generic_write_checks(iocb: struct_kiocb, from: struct_iov_iter): number {
	const count = new ref(BigInt(iov_iter_count(from)));

	const ret = generic_write_checks_count(iocb, count);
	if (ret)
		return ret;

	iov_iter_truncate(from, Number(count.v));
	return iov_iter_count(from);
}

/** fs/read_write.c:generic_file_rw_checks() */
export function generic_file_rw_checks(file_in: struct_file, file_out: struct_file): number {
	const inode_in = file_inode(file_in);
	const inode_out = file_inode(file_out);

	/* regular files only */
	if (S_ISDIR(inode_in.i_mode) || S_ISDIR(inode_out.i_mode))
		return -EISDIR;
	if (!S_ISREG(inode_in.i_mode) || !S_ISREG(inode_out.i_mode))
		return -EINVAL;

	if (!(file_in.f_mode & FMODE_READ) || !(file_out.f_mode & FMODE_WRITE) ||
	    (file_out.f_flags & O_APPEND))
		return -EBADF;

	return 0;
}
