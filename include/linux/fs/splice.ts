// SPDX-License-Identifier: GPL-2.0
/*
 * Moving data between files and pipes by references to pages.
 *
 * Upstream: fs/splice.c. Left out: vmsplice(), sendpage, splice_to_pipe().
 */
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { EAGAIN, EBADF, EFAULT, EINVAL, ENODATA, ENOMEM, EPIPE, EIO, ERESTARTSYS, ESPIPE } from
	"#linux/errno.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { __s64 } from "#asm-generic/struct.ts";
import { ref, type loff_t, type user_ptr } from "#asm-generic/types.ts";
import { fdget, fdput } from "#linux/file.ts";
import { FMODE_LSEEK, FMODE_PREAD, FMODE_PWRITE, FMODE_READ, FMODE_WRITE, MAX_RW_COUNT, READ,
	WRITE } from "#linux/fs.const.ts";
import { call_read_iter, file_accessed, file_end_write, file_start_write, init_sync_kiocb,
	rw_verify_area, vfs_iter_write } from "#linux/fs.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { pipe_readable, pipe_writable } from "#linux/fs/pipe.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { put_page } from "#linux/mm.ts";
import { PageUptodate } from "#linux/page-flags.ts";
import { lock_page, unlock_page } from "#linux/pagemap.ts";
import { PIPE_BUF_FLAG_CAN_MERGE, PIPE_BUF_FLAG_GIFT, PIPE_BUF_FLAG_LRU, alloc_pipe_info,
	generic_pipe_buf_get, generic_pipe_buf_release, generic_pipe_buf_try_steal, get_pipe_info,
	pipe_buf_confirm, pipe_buf_copy, pipe_buf_get, pipe_buf_release, pipe_discard_from,
	pipe_double_lock, pipe_empty, pipe_full, pipe_lock, pipe_occupancy, pipe_unlock,
	type struct_pipe_buf_operations, type struct_pipe_buffer, type struct_pipe_inode_info } from
	"#linux/pipe_fs_i.ts";
import { TASK_INTERRUPTIBLE, cond_resched, current } from "#linux/sched.ts";
import { send_sig, signal_pending } from "#linux/sched/signal.ts";
import { SIGPIPE } from "#linux/signal.ts";
import { kcalloc, kfree } from "#linux/slab.ts";
import { SPLICE_F_ALL, SPLICE_F_MORE, SPLICE_F_NONBLOCK, struct_splice_desc, type splice_actor,
	type splice_direct_actor } from "#linux/splice.ts";
import { get_user, put_user } from "#linux/uaccess.ts";
import { iov_iter_bvec, iov_iter_pipe, struct_bio_vec, struct_iov_iter } from "#linux/uio.ts";
import { wait_event_restart, waitqueue_active, wake_up_interruptible } from "#linux/wait.ts";
import { O_APPEND, O_NONBLOCK } from "#uapi/linux/fcntl.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";

/* stealing pages of the page cache is for move into another cache, which nobody does here */
function page_cache_pipe_buf_try_steal(_pipe: struct_pipe_inode_info, _buf: struct_pipe_buffer):
	boolean {
	return false;
}

function page_cache_pipe_buf_release(_pipe: struct_pipe_inode_info, buf: struct_pipe_buffer):
	void {
	put_page(buf.page!);
	buf.flags &= ~PIPE_BUF_FLAG_LRU;
}

/** fs/splice.c:page_cache_pipe_buf_confirm(): are there contents, and is it still the file's? */
function page_cache_pipe_buf_confirm(_pipe: struct_pipe_inode_info, buf: struct_pipe_buffer):
	number {
	const page = buf.page!;

	if (!PageUptodate(page)) {
		let err = 0;

		lock_page(page);

		/* truncated in the meantime: no data for this buffer */
		if (!page.mapping)
			err = -ENODATA;
		/* reading it in failed */
		else if (!PageUptodate(page))
			err = -EIO;
		unlock_page(page);
		return err;
	}

	return 0;
}

export const page_cache_pipe_buf_ops: struct_pipe_buf_operations = {
	confirm:	page_cache_pipe_buf_confirm,
	release:	page_cache_pipe_buf_release,
	try_steal:	page_cache_pipe_buf_try_steal,
	get:		(pipe, buf) => generic_pipe_buf_get(pipe, buf),
};

/** fs/splice.c:wakeup_pipe_readers() */
function wakeup_pipe_readers(pipe: struct_pipe_inode_info): void {
	if (waitqueue_active(pipe.rd_wait))
		wake_up_interruptible(pipe.rd_wait);
}

/** fs/splice.c:add_to_pipe(): takes over the reference in @buf, whatever comes of it. */
export function add_to_pipe(pipe: struct_pipe_inode_info, buf: struct_pipe_buffer): number {
	const mask = pipe.ring_size - 1;
	let ret: number;

	if (!pipe.readers) {
		send_sig(SIGPIPE, current, 0);
		ret = -EPIPE;
	} else if (pipe_full(pipe.head, pipe.tail, pipe.max_usage)) {
		ret = -EAGAIN;
	} else {
		pipe_buf_copy(pipe.bufs[pipe.head & mask]!, buf);
		pipe.head++;
		return buf.len;
	}
	pipe_buf_release(pipe, buf);
	return ret;
}

/** fs/splice.c:generic_file_splice_read(): ->splice_read() by ->read_iter(). */
export function generic_file_splice_read(in_: struct_file, ppos: ref<loff_t>,
	pipe: struct_pipe_inode_info, len: number, _flags: number): number {
	const to = new struct_iov_iter();

	iov_iter_pipe(to, READ, pipe, len);
	const kiocb = init_sync_kiocb(in_);
	kiocb.ki_pos = ppos.v;
	let ret = call_read_iter(in_, kiocb, to);
	if (ret > 0) {
		ppos.v = kiocb.ki_pos;
		file_accessed(in_);
	} else if (ret < 0) {
		/* what got in goes again */
		pipe_discard_from(pipe, to.start_head);
		/* "can't put anything in there" is -EAGAIN to callers */
		if (ret === -EFAULT)
			ret = -EAGAIN;
	}

	return ret;
}

export const default_pipe_buf_ops: struct_pipe_buf_operations = {
	release:	(pipe, buf) => generic_pipe_buf_release(pipe, buf),
	try_steal:	(pipe, buf) => generic_pipe_buf_try_steal(pipe, buf),
	get:		(pipe, buf) => generic_pipe_buf_get(pipe, buf),
};

/** For pages whose owner wants them back unchanged. */
export const nosteal_pipe_buf_ops: struct_pipe_buf_operations = {
	release:	(pipe, buf) => generic_pipe_buf_release(pipe, buf),
	get:		(pipe, buf) => generic_pipe_buf_get(pipe, buf),
};

/** fs/splice.c:wakeup_pipe_writers() */
function wakeup_pipe_writers(pipe: struct_pipe_inode_info): void {
	if (waitqueue_active(pipe.wr_wait))
		wake_up_interruptible(pipe.wr_wait);
}

/** fs/splice.c:splice_from_pipe_feed(): 1 if the pipe is empty and more is wanted, else 0. */
function splice_from_pipe_feed(pipe: struct_pipe_inode_info, sd: struct_splice_desc,
	actor: splice_actor): number {
	const head = pipe.head;
	let tail = pipe.tail;
	const mask = pipe.ring_size - 1;

	while (!pipe_empty(head, tail)) {
		const buf = pipe.bufs[tail & mask]!;

		sd.len = buf.len;
		if (sd.len > sd.total_len)
			sd.len = sd.total_len;

		let ret = pipe_buf_confirm(pipe, buf);
		if (ret) {
			if (ret === -ENODATA)
				ret = 0;
			return ret;
		}

		ret = actor(pipe, buf, sd);
		if (ret <= 0)
			return ret;

		buf.offset += ret;
		buf.len -= ret;

		sd.num_spliced += ret;
		sd.len -= ret;
		sd.pos += BigInt(ret);
		sd.total_len -= ret;

		if (!buf.len) {
			pipe_buf_release(pipe, buf);
			tail++;
			pipe.tail = tail;
			if (pipe.files)
				sd.need_wakeup = true;
		}

		if (!sd.total_len)
			return 0;
	}

	return 1;
}

/** fs/splice.c:eat_empty_buffer() */
function eat_empty_buffer(pipe: struct_pipe_inode_info): boolean {
	const tail = pipe.tail;
	const buf = pipe.bufs[tail & (pipe.ring_size - 1)]!;

	if (!buf.len) {
		pipe_buf_release(pipe, buf);
		pipe.tail = tail + 1;
		return true;
	}
	return false;
}

/*
 * fs/splice.c:splice_from_pipe_next(): 1 if there is something, 0 if there will not be, or -errno.
 * The pipe is locked. Waiting: -ERESTARTWAIT, before anything was spliced.
 */
function splice_from_pipe_next(pipe: struct_pipe_inode_info, sd: struct_splice_desc): number {
	/* signals first, so that the process can be killed while there are always buffers */
	if (signal_pending(current))
		return -ERESTARTSYS;

	for (;;) {
		if (pipe_empty(pipe.head, pipe.tail)) {
			if (!pipe.writers)
				return 0;

			if (sd.num_spliced)
				return 0;

			if (sd.flags & SPLICE_F_NONBLOCK)
				return -EAGAIN;

			if (sd.need_wakeup) {
				wakeup_pipe_writers(pipe);
				sd.need_wakeup = false;
			}

			return wait_event_restart(pipe.rd_wait, TASK_INTERRUPTIBLE);
		}

		if (eat_empty_buffer(pipe))
			continue;

		return 1;
	}
}

function splice_from_pipe_begin(sd: struct_splice_desc): void {
	sd.num_spliced = 0;
	sd.need_wakeup = false;
}

function splice_from_pipe_end(pipe: struct_pipe_inode_info, sd: struct_splice_desc): void {
	if (sd.need_wakeup)
		wakeup_pipe_writers(pipe);
}

/** fs/splice.c:__splice_from_pipe(); the pipe is locked. */
export function __splice_from_pipe(pipe: struct_pipe_inode_info, sd: struct_splice_desc,
	actor: splice_actor): number {
	let ret: number;

	splice_from_pipe_begin(sd);
	do {
		cond_resched();
		ret = splice_from_pipe_next(pipe, sd);
		if (ret > 0)
			ret = splice_from_pipe_feed(pipe, sd, actor);
	} while (ret > 0);
	splice_from_pipe_end(pipe, sd);

	return sd.num_spliced ? sd.num_spliced : ret;
}

/** fs/splice.c:splice_from_pipe() */
export function splice_from_pipe(pipe: struct_pipe_inode_info, out: struct_file,
	ppos: ref<loff_t>, len: number, flags: number, actor: splice_actor): number {
	const sd = new struct_splice_desc();

	sd.total_len = len;
	sd.flags = flags;
	sd.pos = ppos.v;
	sd.file = out;

	pipe_lock(pipe);
	const ret = __splice_from_pipe(pipe, sd, actor);
	pipe_unlock(pipe);

	return ret;
}

/** fs/splice.c:iter_file_splice_write(): ->splice_write() by ->write_iter(). */
export function iter_file_splice_write(pipe: struct_pipe_inode_info, out: struct_file,
	ppos: ref<loff_t>, len: number, flags: number): number {
	const sd = new struct_splice_desc();
	const nbufs = pipe.max_usage;
	const array = kcalloc(nbufs, () => new struct_bio_vec(), GFP_KERNEL);
	const pos = new ref(ppos.v);
	let ret = 0;

	if (!array)
		return -ENOMEM;

	sd.total_len = len;
	sd.flags = flags;
	sd.file = out;

	pipe_lock(pipe);

	splice_from_pipe_begin(sd);
	done: while (sd.total_len) {
		const from = new struct_iov_iter();

		ret = splice_from_pipe_next(pipe, sd);
		if (ret <= 0)
			break;

		const head = pipe.head;
		let tail = pipe.tail;
		const mask = pipe.ring_size - 1;

		/* build the vector */
		let left = sd.total_len, n = 0;
		for (; !pipe_empty(head, tail) && left && n < nbufs; tail++) {
			const buf = pipe.bufs[tail & mask]!;
			let this_len = buf.len;

			/* a bvec must not be empty */
			if (!this_len)
				continue;
			this_len = Math.min(this_len, left);

			ret = pipe_buf_confirm(pipe, buf);
			if (ret) {
				if (ret === -ENODATA)
					ret = 0;
				break done;
			}

			array[n]!.bv_page = buf.page;
			array[n]!.bv_len = this_len;
			array[n]!.bv_offset = buf.offset;
			left -= this_len;
			n++;
		}

		iov_iter_bvec(from, WRITE, array, n, sd.total_len - left);
		ret = vfs_iter_write(out, from, pos, 0);
		if (ret <= 0)
			break;

		sd.num_spliced += ret;
		sd.total_len -= ret;
		ppos.v = pos.v;

		/* release buffers written in full, shorten one written in part */
		tail = pipe.tail;
		while (ret) {
			const buf = pipe.bufs[tail & mask]!;
			if (ret >= buf.len) {
				ret -= buf.len;
				buf.len = 0;
				pipe_buf_release(pipe, buf);
				tail++;
				pipe.tail = tail;
				if (pipe.files)
					sd.need_wakeup = true;
			} else {
				buf.offset += ret;
				buf.len -= ret;
				ret = 0;
			}
		}
	}
	kfree(array);
	splice_from_pipe_end(pipe, sd);

	pipe_unlock(pipe);

	if (sd.num_spliced)
		ret = sd.num_spliced;

	return ret;
}

/** fs/splice.c:do_splice_from() */
function do_splice_from(pipe: struct_pipe_inode_info, out: struct_file, ppos: ref<loff_t>,
	len: number, flags: number): number {
	if (!out.f_op.splice_write)
		return -EINVAL;
	return out.f_op.splice_write(pipe, out, ppos, len, flags);
}

/** fs/splice.c:do_splice_to() */
function do_splice_to(in_: struct_file, ppos: ref<loff_t>, pipe: struct_pipe_inode_info,
	len: number, flags: number): number {
	if (!(in_.f_mode & FMODE_READ))
		return -EBADF;

	/* the free slots of the pipe limit a read */
	const p_space = pipe.max_usage - pipe_occupancy(pipe.head, pipe.tail);
	len = Math.min(len, p_space * PAGE_SIZE);

	const ret = rw_verify_area(READ, in_, ppos, len);
	if (ret < 0)
		return ret;

	if (len > MAX_RW_COUNT)
		len = MAX_RW_COUNT;

	if (!in_.f_op.splice_read)
		return -EINVAL;
	return in_.f_op.splice_read(in_, ppos, pipe, len, flags);
}

/** fs/splice.c:splice_direct_to_actor(): from @in_ through a pipe of the task's own to @actor. */
export function splice_direct_to_actor(in_: struct_file, sd: struct_splice_desc,
	actor: splice_direct_actor): number {
	let ret: number, bytes: number;

	/* data of files without positions would be lost when the actor takes less */
	if (!(in_.f_mode & FMODE_LSEEK))
		return -EINVAL;

	let pipe = current.splice_pipe;
	if (!pipe) {
		pipe = alloc_pipe_info();
		if (!pipe)
			return -ENOMEM;

		/* nobody has it open, but it is read at once */
		pipe.readers = 1;

		current.splice_pipe = pipe;
	}

	ret = 0;
	bytes = 0;
	let len = sd.total_len;
	const flags = sd.flags;

	/* what is in the internal pipe must get out, so writing may block */
	sd.flags &= ~SPLICE_F_NONBLOCK;
	const more = sd.flags & SPLICE_F_MORE;

	WARN_ON_ONCE(!pipe_empty(pipe.head, pipe.tail));

	out_release: {
		while (len) {
			const prev_pos = sd.pos;
			const pos = new ref(sd.pos);

			ret = do_splice_to(in_, pos, pipe, len, flags);
			if (ret <= 0)
				break out_release;

			const read_len = ret;
			sd.total_len = read_len;

			/* say whether more is to come */
			if (read_len < len)
				sd.flags |= SPLICE_F_MORE;
			else if (!more)
				sd.flags &= ~SPLICE_F_MORE;

			/* only the input may be non-blocking: data would be stuck in the pipe */
			ret = actor(pipe, sd);
			if (ret <= 0) {
				sd.pos = prev_pos;
				break out_release;
			}

			bytes += ret;
			len -= ret;
			sd.pos = pos.v;

			if (ret < read_len) {
				sd.pos = prev_pos + BigInt(ret);
				break out_release;
			}
		}
		pipe.tail = pipe.head = 0;
		file_accessed(in_);
		return bytes;
	}
	/* an incomplete transfer leaves buffers behind */
	for (const buf of pipe.bufs) {
		if (buf.ops)
			pipe_buf_release(pipe, buf);
	}

	if (!bytes)
		bytes = ret;

	pipe.tail = pipe.head = 0;
	file_accessed(in_);
	return bytes;
}

function direct_splice_actor(pipe: struct_pipe_inode_info, sd: struct_splice_desc): number {
	return do_splice_from(pipe, sd.file!, sd.opos!, sd.total_len, sd.flags);
}

/** fs/splice.c:do_splice_direct(): from file to file, neither of them a pipe. */
export function do_splice_direct(in_: struct_file, ppos: ref<loff_t>, out: struct_file,
	opos: ref<loff_t>, len: number, flags: number): number {
	const sd = new struct_splice_desc();

	sd.len = len;
	sd.total_len = len;
	sd.flags = flags;
	sd.pos = ppos.v;
	sd.file = out;
	sd.opos = opos;

	if (!(out.f_mode & FMODE_WRITE))
		return -EBADF;

	if (out.f_flags & O_APPEND)
		return -EINVAL;

	let ret = rw_verify_area(WRITE, out, opos, len);
	if (ret < 0)
		return ret;

	ret = splice_direct_to_actor(in_, sd, direct_splice_actor);
	if (ret > 0)
		ppos.v = sd.pos;

	return ret;
}

/** fs/splice.c:wait_for_space(); the pipe is locked. */
function wait_for_space(pipe: struct_pipe_inode_info, flags: number): number {
	if (!pipe.readers) {
		send_sig(SIGPIPE, current, 0);
		return -EPIPE;
	}
	if (!pipe_full(pipe.head, pipe.tail, pipe.max_usage))
		return 0;
	if (flags & SPLICE_F_NONBLOCK)
		return -EAGAIN;
	return wait_event_restart(pipe.wr_wait, TASK_INTERRUPTIBLE);
}

/** fs/splice.c:splice_file_to_pipe() */
export function splice_file_to_pipe(in_: struct_file, opipe: struct_pipe_inode_info,
	offset: ref<loff_t>, len: number, flags: number): number {
	pipe_lock(opipe);
	let ret = wait_for_space(opipe, flags);
	if (!ret)
		ret = do_splice_to(in_, offset, opipe, len, flags);
	pipe_unlock(opipe);
	if (ret > 0)
		wakeup_pipe_readers(opipe);
	return ret;
}

/** fs/splice.c:do_splice() */
export function do_splice(in_: struct_file, off_in: ref<loff_t> | null, out: struct_file,
	off_out: ref<loff_t> | null, len: number, flags: number): number {
	let ret: number;

	if (!(in_.f_mode & FMODE_READ) || !(out.f_mode & FMODE_WRITE))
		return -EBADF;

	const ipipe = get_pipe_info(in_, true);
	const opipe = get_pipe_info(out, true);

	if (ipipe && opipe) {
		if (off_in || off_out)
			return -ESPIPE;

		/* source and target must differ */
		if (ipipe === opipe)
			return -EINVAL;

		if ((in_.f_flags | out.f_flags) & O_NONBLOCK)
			flags |= SPLICE_F_NONBLOCK;

		return splice_pipe_to_pipe(ipipe, opipe, len, flags);
	}

	if (ipipe) {
		if (off_in)
			return -ESPIPE;
		if (off_out) {
			if (!(out.f_mode & FMODE_PWRITE))
				return -EINVAL;
		}
		const offset = new ref(off_out ? off_out.v : out.f_pos);

		if (out.f_flags & O_APPEND)
			return -EINVAL;

		ret = rw_verify_area(WRITE, out, offset, len);
		if (ret < 0)
			return ret;

		if (in_.f_flags & O_NONBLOCK)
			flags |= SPLICE_F_NONBLOCK;

		file_start_write(out);
		ret = do_splice_from(ipipe, out, offset, len, flags);
		file_end_write(out);

		if (!off_out)
			out.f_pos = offset.v;
		else
			off_out.v = offset.v;

		return ret;
	}

	if (opipe) {
		if (off_out)
			return -ESPIPE;
		if (off_in) {
			if (!(in_.f_mode & FMODE_PREAD))
				return -EINVAL;
		}
		const offset = new ref(off_in ? off_in.v : in_.f_pos);

		if (out.f_flags & O_NONBLOCK)
			flags |= SPLICE_F_NONBLOCK;

		ret = splice_file_to_pipe(in_, opipe, offset, len, flags);
		if (!off_in)
			in_.f_pos = offset.v;
		else
			off_in.v = offset.v;

		return ret;
	}

	return -EINVAL;
}

/** fs/splice.c:__do_splice() */
function __do_splice(in_: struct_file, off_in: user_ptr, out: struct_file, off_out: user_ptr,
	len: number, flags: number): number {
	let __off_in: ref<loff_t> | null = null, __off_out: ref<loff_t> | null = null;

	const ipipe = get_pipe_info(in_, true);
	const opipe = get_pipe_info(out, true);

	if (ipipe && off_in)
		return -ESPIPE;
	if (opipe && off_out)
		return -ESPIPE;

	const offset = new ref(0n);
	if (off_out) {
		if (get_user(offset, __s64, off_out))
			return -EFAULT;
		__off_out = offset;
	}
	if (off_in) {
		if (get_user(offset, __s64, off_in))
			return -EFAULT;
		__off_in = offset;
	}

	const ret = do_splice(in_, __off_in, out, __off_out, len, flags);
	if (ret < 0)
		return ret;

	if (__off_out && put_user(__s64, __off_out.v, off_out))
		return -EFAULT;
	if (__off_in && put_user(__s64, __off_in.v, off_in))
		return -EFAULT;

	return ret;
}

export const sys_splice = SYSCALL_DEFINE("splice", ["int", "ptr", "int", "ptr", "ulong", "uint"],
	(fd_in, off_in, fd_out, off_out, len, flags) => {
		if (!len)
			return 0;

		if (flags & ~SPLICE_F_ALL)
			return -EINVAL;

		let error = -EBADF;
		const in_ = fdget(fd_in);
		if (in_.file) {
			const out = fdget(fd_out);
			if (out.file) {
				error = __do_splice(in_.file, off_in, out.file, off_out,
					Number(len), flags);
				fdput(out);
			}
			fdput(in_);
		}
		return error;
	});

/** fs/splice.c:ipipe_prep(): something to read, or the end of it. */
function ipipe_prep(pipe: struct_pipe_inode_info, flags: number): number {
	if (pipe_readable(pipe))
		return 0;
	if (flags & SPLICE_F_NONBLOCK)
		return -EAGAIN;
	return wait_event_restart(pipe.rd_wait, TASK_INTERRUPTIBLE);
}

/** fs/splice.c:opipe_prep(): room for a buffer. */
function opipe_prep(pipe: struct_pipe_inode_info, flags: number): number {
	if (!pipe_full(pipe.head, pipe.tail, pipe.max_usage))
		return 0;
	if (!pipe.readers) {
		send_sig(SIGPIPE, current, 0);
		return -EPIPE;
	}
	if (flags & SPLICE_F_NONBLOCK)
		return -EAGAIN;
	if (pipe_writable(pipe))
		return 0;
	return wait_event_restart(pipe.wr_wait, TASK_INTERRUPTIBLE);
}

/** fs/splice.c:splice_pipe_to_pipe(): buffers move, the last one may be split. */
function splice_pipe_to_pipe(ipipe: struct_pipe_inode_info, opipe: struct_pipe_inode_info,
	len: number, flags: number): number {
	let input_wakeup = false;

	let ret = ipipe_prep(ipipe, flags);
	if (ret)
		return ret;

	ret = opipe_prep(opipe, flags);
	if (ret)
		return ret;

	pipe_double_lock(ipipe, opipe);

	const i_mask = ipipe.ring_size - 1;
	const o_mask = opipe.ring_size - 1;

	do {
		if (!opipe.readers) {
			send_sig(SIGPIPE, current, 0);
			if (!ret)
				ret = -EPIPE;
			break;
		}

		if (pipe_empty(ipipe.head, ipipe.tail) && !ipipe.writers)
			break;

		/* the input is empty or the output full: what was moved is the answer */
		if (pipe_empty(ipipe.head, ipipe.tail) ||
		    pipe_full(opipe.head, opipe.tail, opipe.max_usage))
			break;

		const ibuf = ipipe.bufs[ipipe.tail & i_mask]!;
		const obuf = opipe.bufs[opipe.head & o_mask]!;
		let o_len: number;

		if (len >= ibuf.len) {
			/* simply move the whole buffer */
			pipe_buf_copy(obuf, ibuf);
			ibuf.ops = null;
			ipipe.tail++;
			input_wakeup = true;
			o_len = obuf.len;
			opipe.head++;
		} else {
			/* a second reference, for the part that goes */
			if (!pipe_buf_get(ipipe, ibuf)) {
				if (ret === 0)
					ret = -EFAULT;
				break;
			}
			pipe_buf_copy(obuf, ibuf);

			/* the page must not be stolen twice, nor be written through both */
			obuf.flags &= ~PIPE_BUF_FLAG_GIFT;
			obuf.flags &= ~PIPE_BUF_FLAG_CAN_MERGE;

			obuf.len = len;
			ibuf.offset += len;
			ibuf.len -= len;
			o_len = len;
			opipe.head++;
		}
		ret += o_len;
		len -= o_len;
	} while (len);

	pipe_unlock(ipipe);
	pipe_unlock(opipe);

	/* opipe has new data: tell its readers */
	if (ret > 0)
		wakeup_pipe_readers(opipe);

	if (input_wakeup)
		wakeup_pipe_writers(ipipe);

	return ret;
}

/** fs/splice.c:link_pipe(): buffers appear in both pipes. */
function link_pipe(ipipe: struct_pipe_inode_info, opipe: struct_pipe_inode_info, len: number,
	_flags: number): number {
	let ret = 0;

	pipe_double_lock(ipipe, opipe);

	const i_mask = ipipe.ring_size - 1;
	const o_mask = opipe.ring_size - 1;
	let i_tail = ipipe.tail;

	do {
		if (!opipe.readers) {
			send_sig(SIGPIPE, current, 0);
			if (!ret)
				ret = -EPIPE;
			break;
		}

		/* done when ipipe has no more buffers or opipe no more slots */
		if (pipe_empty(ipipe.head, i_tail) ||
		    pipe_full(opipe.head, opipe.tail, opipe.max_usage))
			break;

		const ibuf = ipipe.bufs[i_tail & i_mask]!;
		const obuf = opipe.bufs[opipe.head & o_mask]!;

		if (!pipe_buf_get(ipipe, ibuf)) {
			if (ret === 0)
				ret = -EFAULT;
			break;
		}

		pipe_buf_copy(obuf, ibuf);

		/* the page must not be stolen twice, nor be written through both */
		obuf.flags &= ~PIPE_BUF_FLAG_GIFT;
		obuf.flags &= ~PIPE_BUF_FLAG_CAN_MERGE;

		if (obuf.len > len)
			obuf.len = len;
		ret += obuf.len;
		len -= obuf.len;

		opipe.head++;
		i_tail++;
	} while (len);

	pipe_unlock(ipipe);
	pipe_unlock(opipe);

	/* opipe has new data: tell its readers */
	if (ret > 0)
		wakeup_pipe_readers(opipe);

	return ret;
}

/** fs/splice.c:do_tee() */
export function do_tee(in_: struct_file, out: struct_file, len: number, flags: number): number {
	const ipipe = get_pipe_info(in_, true);
	const opipe = get_pipe_info(out, true);
	let ret = -EINVAL;

	if (!(in_.f_mode & FMODE_READ) || !(out.f_mode & FMODE_WRITE))
		return -EBADF;

	/* the buffers end up in both pipes */
	if (ipipe && opipe && ipipe !== opipe) {
		if ((in_.f_flags | out.f_flags) & O_NONBLOCK)
			flags |= SPLICE_F_NONBLOCK;

		ret = ipipe_prep(ipipe, flags);
		if (!ret) {
			ret = opipe_prep(opipe, flags);
			if (!ret)
				ret = link_pipe(ipipe, opipe, len, flags);
		}
	}

	return ret;
}

export const sys_tee = SYSCALL_DEFINE("tee", ["int", "int", "ulong", "uint"],
	(fdin, fdout, len, flags) => {
		if (flags & ~SPLICE_F_ALL)
			return -EINVAL;

		if (!len)
			return 0;

		let error = -EBADF;
		const in_ = fdget(fdin);
		if (in_.file) {
			const out = fdget(fdout);
			if (out.file) {
				error = do_tee(in_.file, out.file, Number(len), flags);
				fdput(out);
			}
			fdput(in_);
		}

		return error;
	});
