// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes.
 *
 * Upstream: fs/pipe.c. Left out: watch queues, fasync, reference counts of users.
 *
 * A read of an empty pipe, or a write to a full one, queues the task and is issued again; a write
 * that has put part of its bytes into the pipe returns their count instead of waiting for more
 * room.
 *
 *	pipe->mutex (two of them: I_MUTEX_PARENT, then I_MUTEX_CHILD)
 *	  pipe->rd_wait.lock
 *	inode->i_lock (i_pipe, pipe->files)
 */
import { BUG_ON } from "#linux/bug.ts";
import { EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, ENFILE, ENOBUFS, ENOIOCTLCMD, ENOMEM, ENXIO, EPERM,
	EPIPE, ERESTARTSYS, ERESTARTWAIT } from "#linux/errno.ts";
import { IS_ERR, PTR_ERR } from "#asm-generic/err.ts";
import { fs_initcall } from "#asm-generic/registry.ts";
import { __s32 } from "#asm-generic/struct.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { unsigned_long, type ulong64, type user_ptr } from "#asm-generic/types.ts";
import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE } from "#uapi/linux/capability.ts";
import { capable } from "#linux/capability.ts";
import { current_fsgid, current_fsuid, current_user } from "#linux/cred.ts";
import type { struct_user_struct } from "#linux/cred_types.ts";
import { dynamic_dname } from "#linux/dcache.ts";
import { alloc_file_clone, alloc_file_pseudo, fd_install, fput, get_unused_fd_flags, put_unused_fd }
	from "#linux/file.ts";
import { FMODE_READ, FMODE_WRITE, I_DIRTY, I_MUTEX_CHILD, I_MUTEX_PARENT } from
	"#linux/fs.const.ts";
import { current_time, file_accessed, file_inode, file_update_time, get_next_ino, iput,
	iter_file_splice_write, kill_anon_super, new_inode_pseudo, register_filesystem,
	sb_end_write, sb_start_write_trylock, simple_statfs, stream_open, unregister_filesystem,
	free_inode_nonrcu } from "#linux/fs.ts";
import type { struct_dentry, struct_dentry_operations, struct_file, struct_file_operations,
	struct_file_system_type, struct_inode, struct_kiocb, struct_super_operations,
	struct_vfsmount } from "#linux/fs.types.ts";
import type { struct_fs_context } from "#linux/fs_context.ts";
import { GFP_HIGHUSER, GFP_KERNEL_ACCOUNT, __GFP_ACCOUNT, __GFP_NOWARN, __free_page,
	alloc_page } from "#linux/gfp.ts";
import { lock_page } from "#linux/pagemap.ts";
import { get_page, page_count, put_page } from "#linux/mm.ts";
import { __SetPageLocked } from "#linux/page-flags.ts";
import { kern_mount } from "#linux/mount.ts";
import { mutex_init, mutex_lock_nested, mutex_unlock } from "#linux/mutex.ts";
import { PIPE_BUF_FLAG_CAN_MERGE, PIPE_BUF_FLAG_PACKET, PIPE_BUF_FLAG_WHOLE, PIPE_DEF_BUFFERS,
	pipe_buf_confirm, pipe_buf_copy, pipe_buf_release, pipe_empty, pipe_full, pipe_occupancy,
	struct_pipe_buffer, struct_pipe_inode_info, type struct_pipe_buf_operations } from
	"#linux/pipe_fs_i.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM, poll_wait,
	type struct_poll_table_struct } from "#linux/poll.ts";
import { init_pseudo } from "#linux/pseudo_fs.ts";
import { TASK_INTERRUPTIBLE, current } from "#linux/sched.ts";
import { send_sig, signal_pending } from "#linux/sched/signal.ts";
import { SIGPIPE } from "#linux/signal.ts";
import { kcalloc, kfree, kzalloc } from "#linux/slab.ts";
import { spin_lock, spin_lock_irq, spin_unlock, spin_unlock_irq } from "#linux/spinlock.ts";
import { S_IFIFO, S_IRUSR, S_IWUSR } from "#linux/stat.ts";
import { proc_doulongvec_minmax, register_sysctl_init, type struct_ctl_table } from
	"#linux/sysctl.ts";
import { copy_to_user, put_user } from "#linux/uaccess.ts";
import { copy_page_from_iter, copy_page_to_iter, iov_iter_count, type struct_iov_iter } from
	"#linux/uio.ts";
import { init_waitqueue_head, wait_event_restart, wake_up_interruptible,
	wake_up_interruptible_all, wake_up_interruptible_sync_poll } from "#linux/wait.ts";
import { F_GETPIPE_SZ, F_SETPIPE_SZ, O_CLOEXEC, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY } from
	"#uapi/linux/fcntl.ts";
import { INR_OPEN_CUR } from "#uapi/linux/fs.ts";
import { PIPEFS_MAGIC } from "#uapi/linux/magic.ts";
import { FIONREAD } from "#uapi/asm-generic/ioctls.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";

/* with fewer a writer of a full page could starve */
const PIPE_MIN_DEF_BUFFERS = 2;

/* largest pipe for the unprivileged, and pages that a user may have in pipes (0: any) */
let pipe_max_size = 1048576;
let pipe_user_pages_hard = 0;
let pipe_user_pages_soft = 16 * INR_OPEN_CUR;

function pipe_lock_nested(pipe: struct_pipe_inode_info, subclass: number): void {
	if (pipe.files)
		mutex_lock_nested(pipe.mutex, subclass);
}

/** fs/pipe.c:pipe_lock(): the internal pipe of sendfile() has no files and needs no lock. */
export function pipe_lock(pipe: struct_pipe_inode_info): void {
	pipe_lock_nested(pipe, I_MUTEX_PARENT);
}

/** fs/pipe.c:pipe_unlock() */
export function pipe_unlock(pipe: struct_pipe_inode_info): void {
	if (pipe.files)
		mutex_unlock(pipe.mutex);
}

function __pipe_lock(pipe: struct_pipe_inode_info): void {
	mutex_lock_nested(pipe.mutex, I_MUTEX_PARENT);
}

function __pipe_unlock(pipe: struct_pipe_inode_info): void {
	mutex_unlock(pipe.mutex);
}

/** fs/pipe.c:pipe_double_lock(); C orders them by address. */
export function pipe_double_lock(pipe1: struct_pipe_inode_info, pipe2: struct_pipe_inode_info):
	void {
	BUG_ON(pipe1 === pipe2);

	pipe_lock_nested(pipe1, I_MUTEX_PARENT);
	pipe_lock_nested(pipe2, I_MUTEX_CHILD);
}

/** fs/pipe.c:anon_pipe_buf_release() */
function anon_pipe_buf_release(pipe: struct_pipe_inode_info, buf: struct_pipe_buffer): void {
	const page = buf.page!;

	/* a page that nobody else has is kept for the next write, but one only */
	if (page_count(page) === 1 && !pipe.tmp_page)
		pipe.tmp_page = page;
	else
		put_page(page);
}

/** fs/pipe.c:anon_pipe_buf_try_steal() */
function anon_pipe_buf_try_steal(_pipe: struct_pipe_inode_info, buf: struct_pipe_buffer): boolean {
	const page = buf.page!;

	if (page_count(page) !== 1)
		return false;
	__SetPageLocked(page);
	return true;
}

/** fs/pipe.c:generic_pipe_buf_try_steal() */
export function generic_pipe_buf_try_steal(_pipe: struct_pipe_inode_info,
	buf: struct_pipe_buffer): boolean {
	const page = buf.page!;

	/* a reference count of one: ours */
	if (page_count(page) === 1) {
		lock_page(page);
		return true;
	}
	return false;
}

/** fs/pipe.c:generic_pipe_buf_get() */
export function generic_pipe_buf_get(_pipe: struct_pipe_inode_info, buf: struct_pipe_buffer):
	boolean {
	get_page(buf.page!);
	return true;
}

/** fs/pipe.c:generic_pipe_buf_release() */
export function generic_pipe_buf_release(_pipe: struct_pipe_inode_info,
	buf: struct_pipe_buffer): void {
	put_page(buf.page!);
}

const anon_pipe_buf_ops: struct_pipe_buf_operations = {
	release:	anon_pipe_buf_release,
	try_steal:	anon_pipe_buf_try_steal,
	get:		generic_pipe_buf_get,
};

/** fs/pipe.c:pipe_readable(), after which a read does not wait. */
export function pipe_readable(pipe: struct_pipe_inode_info): boolean {
	return !pipe_empty(pipe.head, pipe.tail) || !pipe.writers;
}

/** fs/pipe.c:pipe_read() */
function pipe_read(iocb: struct_kiocb, to: struct_iov_iter): number {
	let total_len = iov_iter_count(to);
	const filp = iocb.ki_filp;
	const pipe = filp.private_data as struct_pipe_inode_info;
	let ret = 0;

	/* null read succeeds */
	if (total_len === 0)
		return 0;

	__pipe_lock(pipe);

	/* writers are only woken if the pipe was full before */
	const was_full = pipe_full(pipe.head, pipe.tail, pipe.max_usage);
	for (;;) {
		const head = pipe.head;
		let tail = pipe.tail;
		const mask = pipe.ring_size - 1;

		if (!pipe_empty(head, tail)) {
			const buf = pipe.bufs[tail & mask]!;
			let chars = buf.len;

			if (chars > total_len) {
				if (buf.flags & PIPE_BUF_FLAG_WHOLE) {
					if (ret === 0)
						ret = -ENOBUFS;
					break;
				}
				chars = total_len;
			}

			const error = pipe_buf_confirm(pipe, buf);
			if (error) {
				if (!ret)
					ret = error;
				break;
			}

			const written = copy_page_to_iter(buf.page!, buf.offset, chars, to);
			if (written < chars) {
				if (!ret)
					ret = -EFAULT;
				break;
			}
			ret += chars;
			buf.offset += chars;
			buf.len -= chars;

			/* one packet per read; what did not fit is dropped */
			if (buf.flags & PIPE_BUF_FLAG_PACKET) {
				total_len = chars;
				buf.len = 0;
			}

			if (!buf.len) {
				pipe_buf_release(pipe, buf);
				spin_lock_irq(pipe.rd_wait.lock);
				tail++;
				pipe.tail = tail;
				spin_unlock_irq(pipe.rd_wait.lock);
			}
			total_len -= chars;
			if (!total_len)
				break;
			if (!pipe_empty(head, tail))	/* more to do? */
				continue;
		}

		if (!pipe.writers)
			break;
		if (ret)
			break;
		if (filp.f_flags & O_NONBLOCK) {
			ret = -EAGAIN;
			break;
		}
		__pipe_unlock(pipe);

		/* an empty buffer may have gone and have made room */
		if (was_full)
			wake_up_interruptible_sync_poll(pipe.wr_wait, EPOLLOUT | EPOLLWRNORM);

		/* nothing was read: wait until there is something, and be called again */
		return wait_event_restart(pipe.rd_wait, TASK_INTERRUPTIBLE);
	}
	__pipe_unlock(pipe);

	if (was_full)
		wake_up_interruptible_sync_poll(pipe.wr_wait, EPOLLOUT | EPOLLWRNORM);
	if (ret > 0)
		file_accessed(filp);
	return ret;
}

function is_packetized(file: struct_file): boolean {
	return (file.f_flags & O_DIRECT) !== 0;
}

/** fs/pipe.c:pipe_writable(), after which a write does not wait. */
export function pipe_writable(pipe: struct_pipe_inode_info): boolean {
	return !pipe_full(pipe.head, pipe.tail, pipe.max_usage) || !pipe.readers;
}

/** fs/pipe.c:pipe_write() */
function pipe_write(iocb: struct_kiocb, from: struct_iov_iter): number {
	const filp = iocb.ki_filp;
	const pipe = filp.private_data as struct_pipe_inode_info;
	const total_len = iov_iter_count(from);
	let ret = 0;
	let was_empty = false;

	/* null write succeeds */
	if (total_len === 0)
		return 0;

	__pipe_lock(pipe);

	out: {
		if (!pipe.readers) {
			send_sig(SIGPIPE, current, 0);
			ret = -EPIPE;
			break out;
		}

		/*
		 * What fits is merged into the last buffer: small writes as a whole, and of large
		 * ones the part that is not a page.
		 */
		let head = pipe.head;
		was_empty = pipe_empty(head, pipe.tail);
		const chars = total_len & (PAGE_SIZE - 1);
		if (chars && !was_empty) {
			const mask = pipe.ring_size - 1;
			const buf = pipe.bufs[(head - 1) & mask]!;
			const offset = buf.offset + buf.len;

			if ((buf.flags & PIPE_BUF_FLAG_CAN_MERGE) && offset + chars <= PAGE_SIZE) {
				ret = pipe_buf_confirm(pipe, buf);
				if (ret)
					break out;

				ret = copy_page_from_iter(buf.page!, offset, chars, from);
				if (ret < chars) {
					ret = -EFAULT;
					break out;
				}

				buf.len += ret;
				if (!iov_iter_count(from))
					break out;
			}
		}

		for (;;) {
			if (!pipe.readers) {
				send_sig(SIGPIPE, current, 0);
				if (!ret)
					ret = -EPIPE;
				break;
			}

			head = pipe.head;
			if (!pipe_full(head, pipe.tail, pipe.max_usage)) {
				const mask = pipe.ring_size - 1;
				let page = pipe.tmp_page;

				if (!page) {
					page = alloc_page(GFP_HIGHUSER | __GFP_ACCOUNT);
					if (!page) {
						ret = ret || -ENOMEM;
						break;
					}
					pipe.tmp_page = page;
				}

				/*
				 * The slot is taken before the copy. If that fails, it stays there
				 * empty, for the reader or the next write.
				 */
				spin_lock_irq(pipe.rd_wait.lock);
				head = pipe.head;
				pipe.head = head + 1;
				spin_unlock_irq(pipe.rd_wait.lock);

				const buf = pipe.bufs[head & mask]!;
				buf.page = page;
				buf.ops = anon_pipe_buf_ops;
				buf.offset = 0;
				buf.len = 0;
				if (is_packetized(filp))
					buf.flags = PIPE_BUF_FLAG_PACKET;
				else
					buf.flags = PIPE_BUF_FLAG_CAN_MERGE;
				pipe.tmp_page = null;

				const copied = copy_page_from_iter(page, 0, PAGE_SIZE, from);
				if (copied < PAGE_SIZE && iov_iter_count(from)) {
					if (!ret)
						ret = -EFAULT;
					break;
				}
				ret += copied;
				buf.offset = 0;
				buf.len = copied;

				if (!iov_iter_count(from))
					break;
			}

			if (!pipe_full(pipe.head, pipe.tail, pipe.max_usage))
				continue;

			/* the ring is full */
			if (filp.f_flags & O_NONBLOCK) {
				if (!ret)
					ret = -EAGAIN;
				break;
			}
			if (signal_pending(current)) {
				if (!ret)
					ret = -ERESTARTSYS;
				break;
			}
			if (!ret)
				ret = -ERESTARTWAIT;
			break;
		}
	}
	__pipe_unlock(pipe);

	if (was_empty || pipe.poll_usage)
		wake_up_interruptible_sync_poll(pipe.rd_wait, EPOLLIN | EPOLLRDNORM);
	if (ret === -ERESTARTWAIT)
		return wait_event_restart(pipe.wr_wait, TASK_INTERRUPTIBLE);
	if (ret > 0 && sb_start_write_trylock(file_inode(filp).i_sb!)) {
		const err = file_update_time(filp);
		if (err)
			ret = err;
		sb_end_write(file_inode(filp).i_sb!);
	}
	return ret;
}

/** fs/pipe.c:pipe_ioctl() */
function pipe_ioctl(filp: struct_file, cmd: number, arg: ulong64): number {
	const pipe = filp.private_data as struct_pipe_inode_info;

	switch (cmd) {
	case FIONREAD: {
		let count = 0;

		__pipe_lock(pipe);
		const mask = pipe.ring_size - 1;
		for (let tail = pipe.tail; tail !== pipe.head; tail++)
			count += pipe.bufs[tail & mask]!.len;
		__pipe_unlock(pipe);

		return put_user(__s32, count, unsigned_long(arg));
	}
	default:
		return -ENOIOCTLCMD;
	}
}

/** fs/pipe.c:pipe_poll() */
function pipe_poll(filp: struct_file, wait: struct_poll_table_struct | null): number {
	const pipe = filp.private_data as struct_pipe_inode_info;
	let mask = 0;

	pipe.poll_usage = true;

	/* queue first, look afterwards, so that nothing is missed */
	if (filp.f_mode & FMODE_READ)
		poll_wait(filp, pipe.rd_wait, wait);
	if (filp.f_mode & FMODE_WRITE)
		poll_wait(filp, pipe.wr_wait, wait);

	const head = pipe.head;
	const tail = pipe.tail;

	if (filp.f_mode & FMODE_READ) {
		if (!pipe_empty(head, tail))
			mask |= EPOLLIN | EPOLLRDNORM;
		if (!pipe.writers && filp.f_version !== pipe.w_counter)
			mask |= EPOLLHUP;
	}

	if (filp.f_mode & FMODE_WRITE) {
		if (!pipe_full(head, tail, pipe.max_usage))
			mask |= EPOLLOUT | EPOLLWRNORM;
		/* most Unices do not say EPOLLERR for FIFOs, but pipes and FIFOs are alike here */
		if (!pipe.readers)
			mask |= EPOLLERR;
	}

	return mask;
}

/** fs/pipe.c:put_pipe_info() */
function put_pipe_info(inode: struct_inode, pipe: struct_pipe_inode_info): void {
	let kill = false;

	spin_lock(inode.i_lock);
	if (!--pipe.files) {
		inode.i_pipe = null;
		kill = true;
	}
	spin_unlock(inode.i_lock);

	if (kill)
		free_pipe_info(pipe);
}

/** fs/pipe.c:pipe_release() */
function pipe_release(inode: struct_inode, file: struct_file): number {
	const pipe = file.private_data as struct_pipe_inode_info;

	__pipe_lock(pipe);
	if (file.f_mode & FMODE_READ)
		pipe.readers--;
	if (file.f_mode & FMODE_WRITE)
		pipe.writers--;

	/* one end has gone for good, the other remains */
	if (!pipe.readers !== !pipe.writers) {
		wake_up_interruptible_all(pipe.rd_wait);
		wake_up_interruptible_all(pipe.wr_wait);
	}
	__pipe_unlock(pipe);

	put_pipe_info(inode, pipe);
	return 0;
}

function account_pipe_buffers(user: struct_user_struct, old: number, new_: number): number {
	return user.pipe_bufs += new_ - old;
}

function too_many_pipe_buffers_soft(user_bufs: number): boolean {
	return pipe_user_pages_soft !== 0 && user_bufs > pipe_user_pages_soft;
}

function too_many_pipe_buffers_hard(user_bufs: number): boolean {
	return pipe_user_pages_hard !== 0 && user_bufs > pipe_user_pages_hard;
}

function pipe_is_unprivileged_user(): boolean {
	return !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

/** fs/pipe.c:alloc_pipe_info() */
export function alloc_pipe_info(): struct_pipe_inode_info | null {
	let pipe_bufs = PIPE_DEF_BUFFERS;
	const user = current_user();

	const pipe = kzalloc(struct_pipe_inode_info, GFP_KERNEL_ACCOUNT);
	if (pipe === null)
		return null;

	if (pipe_bufs * PAGE_SIZE > pipe_max_size && !capable(CAP_SYS_RESOURCE))
		pipe_bufs = pipe_max_size >> PAGE_SHIFT;

	let user_bufs = account_pipe_buffers(user, 0, pipe_bufs);

	if (too_many_pipe_buffers_soft(user_bufs) && pipe_is_unprivileged_user()) {
		user_bufs = account_pipe_buffers(user, pipe_bufs, PIPE_MIN_DEF_BUFFERS);
		pipe_bufs = PIPE_MIN_DEF_BUFFERS;
	}

	out_revert_acct: {
		if (too_many_pipe_buffers_hard(user_bufs) && pipe_is_unprivileged_user())
			break out_revert_acct;

		const bufs = kcalloc(pipe_bufs, () => new struct_pipe_buffer(), GFP_KERNEL_ACCOUNT);

		if (bufs) {
			pipe.bufs = bufs;
			init_waitqueue_head(pipe.rd_wait, "&pipe->rd_wait");
			init_waitqueue_head(pipe.wr_wait, "&pipe->wr_wait");
			pipe.r_counter = pipe.w_counter = 1;
			pipe.max_usage = pipe_bufs;
			pipe.ring_size = pipe_bufs;
			pipe.nr_accounted = pipe_bufs;
			pipe.user = user;
			mutex_init(pipe.mutex, "&pipe->mutex");
			return pipe;
		}
	}
	account_pipe_buffers(user, pipe_bufs, 0);
	kfree(pipe);
	return null;
}

/** fs/pipe.c:free_pipe_info() */
export function free_pipe_info(pipe: struct_pipe_inode_info): void {
	account_pipe_buffers(pipe.user!, pipe.nr_accounted, 0);
	for (const buf of pipe.bufs) {
		if (buf.ops)
			pipe_buf_release(pipe, buf);
	}
	if (pipe.tmp_page)
		__free_page(pipe.tmp_page);
	kfree(pipe.bufs);
	kfree(pipe);
}

let pipe_mnt: struct_vfsmount;

function pipefs_dname(dentry: struct_dentry): string {
	return dynamic_dname(dentry, `pipe:[${dentry.d_inode!.i_ino}]`);
}

const pipefs_dentry_operations: struct_dentry_operations = {
	d_dname: pipefs_dname,
};

/** fs/pipe.c:get_pipe_inode() */
function get_pipe_inode(): struct_inode | null {
	const inode = new_inode_pseudo(pipe_mnt.mnt_sb!);
	if (!inode)
		return null;

	inode.i_ino = get_next_ino();

	const pipe = alloc_pipe_info();
	if (!pipe) {
		iput(inode);
		return null;
	}

	inode.i_pipe = pipe;
	pipe.files = 2;
	pipe.readers = pipe.writers = 1;
	inode.i_fop = pipefifo_fops;

	/* dirty from the beginning, so that it is never moved to a list of dirty inodes */
	inode.i_state = I_DIRTY;
	inode.i_mode = S_IFIFO | S_IRUSR | S_IWUSR;
	inode.i_uid = current_fsuid();
	inode.i_gid = current_fsgid();
	inode.i_atime = inode.i_mtime = inode.i_ctime = current_time(inode);

	return inode;
}

/** fs/pipe.c:create_pipe_files(): @res is filled with the reading and the writing end. */
export function create_pipe_files(res: struct_file[], flags: number): number {
	const inode = get_pipe_inode();

	if (!inode)
		return -ENFILE;

	const f = alloc_file_pseudo(inode, pipe_mnt, "",
		O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)), pipefifo_fops);
	if (IS_ERR(f)) {
		free_pipe_info(inode.i_pipe!);
		iput(inode);
		return PTR_ERR(f);
	}

	f.private_data = inode.i_pipe;

	const r = alloc_file_clone(f, O_RDONLY | (flags & O_NONBLOCK), pipefifo_fops);
	if (IS_ERR(r)) {
		put_pipe_info(inode, inode.i_pipe!);
		fput(f);
		return PTR_ERR(r);
	}
	r.private_data = inode.i_pipe;
	res[0] = r;
	res[1] = f;
	stream_open(inode, r);
	stream_open(inode, f);
	return 0;
}

/** fs/pipe.c:__do_pipe_flags() */
function __do_pipe_flags(fd: number[], files: struct_file[], flags: number): number {
	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;

	let error = create_pipe_files(files, flags);
	if (error)
		return error;

	err_read_pipe: {
		error = get_unused_fd_flags(flags);
		if (error < 0)
			break err_read_pipe;
		const fdr = error;

		error = get_unused_fd_flags(flags);
		if (error < 0) {
			put_unused_fd(fdr);
			break err_read_pipe;
		}
		const fdw = error;

		fd[0] = fdr;
		fd[1] = fdw;
		return 0;
	}
	fput(files[0]!);
	fput(files[1]!);
	return error;
}

/** fs/pipe.c:do_pipe_flags() */
export function do_pipe_flags(fd: number[], flags: number): number {
	const files: struct_file[] = [];
	const error = __do_pipe_flags(fd, files, flags);

	if (!error) {
		fd_install(fd[0]!, files[0]!);
		fd_install(fd[1]!, files[1]!);
	}
	return error;
}

/** fs/pipe.c:do_pipe2() */
function do_pipe2(fildes: user_ptr, flags: number): number {
	const files: struct_file[] = [];
	const fd: number[] = [];

	let error = __do_pipe_flags(fd, files, flags);
	if (!error) {
		if (copy_to_user(fildes, new Uint8Array(Int32Array.from(fd).buffer), 8)) {
			fput(files[0]!);
			fput(files[1]!);
			put_unused_fd(fd[0]!);
			put_unused_fd(fd[1]!);
			error = -EFAULT;
		} else {
			fd_install(fd[0]!, files[0]!);
			fd_install(fd[1]!, files[1]!);
		}
	}
	return error;
}

export const sys_pipe2 = SYSCALL_DEFINE("pipe2", ["ptr", "int"], do_pipe2);

export const sys_pipe = SYSCALL_DEFINE("pipe", ["ptr"], (fildes) => do_pipe2(fildes, 0));

/**
 * fs/pipe.c:fifo_open(), of a pipe's inode: FIFOs have no names here, so that there is always a
 * pipe and never a partner to wait for.
 */
function fifo_open(inode: struct_inode, filp: struct_file): number {
	filp.f_version = 0;

	spin_lock(inode.i_lock);
	const pipe = inode.i_pipe;
	if (!pipe) {
		spin_unlock(inode.i_lock);
		return -ENXIO;
	}
	pipe.files++;
	spin_unlock(inode.i_lock);
	filp.private_data = pipe;

	__pipe_lock(pipe);

	/* no seeking, no file position */
	stream_open(inode, filp);

	switch (filp.f_mode & (FMODE_READ | FMODE_WRITE)) {
	case FMODE_READ:
		pipe.r_counter++;
		if (pipe.readers++ === 0)
			wake_up_interruptible_all(pipe.rd_wait);
		break;

	case FMODE_WRITE:
		pipe.w_counter++;
		if (!pipe.writers++)
			wake_up_interruptible_all(pipe.rd_wait);
		break;

	case FMODE_READ | FMODE_WRITE:
		pipe.readers++;
		pipe.writers++;
		pipe.r_counter++;
		pipe.w_counter++;
		if (pipe.readers === 1 || pipe.writers === 1)
			wake_up_interruptible_all(pipe.rd_wait);
		break;

	default:
		__pipe_unlock(pipe);
		put_pipe_info(inode, pipe);
		return -EINVAL;
	}

	__pipe_unlock(pipe);
	return 0;
}

export const pipefifo_fops: struct_file_operations = {
	open:		fifo_open,
	read_iter:	pipe_read,
	write_iter:	pipe_write,
	poll:		pipe_poll,
	unlocked_ioctl:	pipe_ioctl,
	release:	pipe_release,
	splice_write:	(pipe, file, ppos, len, flags) =>
		iter_file_splice_write(pipe, file, ppos, len, flags),
};

/** fs/pipe.c:round_pipe_size(): to a power of two of at least a page; 0: too large. */
export function round_pipe_size(size: number): number {
	if (size > 2 ** 31)
		return 0;

	/* a page is more than the 512 bytes of POSIX's PIPE_BUF */
	if (size < PAGE_SIZE)
		return PAGE_SIZE;

	return 2 ** Math.ceil(Math.log2(size));
}

/** fs/pipe.c:pipe_resize_ring(); the pipe is locked. */
function pipe_resize_ring(pipe: struct_pipe_inode_info, nr_slots: number): number {
	const bufs = kcalloc(nr_slots, () => new struct_pipe_buffer(),
		GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!bufs)
		return -ENOMEM;

	spin_lock_irq(pipe.rd_wait.lock);
	const mask = pipe.ring_size - 1;
	const n = pipe_occupancy(pipe.head, pipe.tail);
	if (nr_slots < n) {
		spin_unlock_irq(pipe.rd_wait.lock);
		kfree(bufs);
		return -EBUSY;
	}

	/* the new ring starts at zero */
	for (let i = 0; i < n; i++)
		pipe_buf_copy(bufs[i]!, pipe.bufs[(pipe.tail + i) & mask]!);

	kfree(pipe.bufs);
	pipe.bufs = bufs;
	pipe.ring_size = nr_slots;
	if (pipe.max_usage > nr_slots)
		pipe.max_usage = nr_slots;
	pipe.tail = 0;
	pipe.head = n;

	spin_unlock_irq(pipe.rd_wait.lock);

	/* a larger ring may let blocked writers go on */
	wake_up_interruptible(pipe.wr_wait);
	return 0;
}

/** fs/pipe.c:pipe_set_size() */
function pipe_set_size(pipe: struct_pipe_inode_info, arg: number): number {
	const size = round_pipe_size(arg);
	const nr_slots = size / PAGE_SIZE;
	let ret = 0;

	if (!nr_slots)
		return -EINVAL;

	/* growing beyond the limits is for the privileged, shrinking for all */
	if (nr_slots > pipe.max_usage && size > pipe_max_size && !capable(CAP_SYS_RESOURCE))
		return -EPERM;

	const user_bufs = account_pipe_buffers(pipe.user!, pipe.nr_accounted, nr_slots);

	out_revert_acct: {
		if (nr_slots > pipe.max_usage &&
		    (too_many_pipe_buffers_hard(user_bufs) ||
		     too_many_pipe_buffers_soft(user_bufs)) &&
		    pipe_is_unprivileged_user()) {
			ret = -EPERM;
			break out_revert_acct;
		}

		ret = pipe_resize_ring(pipe, nr_slots);
		if (ret < 0)
			break out_revert_acct;

		pipe.max_usage = nr_slots;
		pipe.nr_accounted = nr_slots;
		return pipe.max_usage * PAGE_SIZE;
	}
	account_pipe_buffers(pipe.user!, nr_slots, pipe.nr_accounted);
	return ret;
}

/** fs/pipe.c:get_pipe_info(): null if @file is no pipe. */
export function get_pipe_info(file: struct_file, _for_splice: boolean):
	struct_pipe_inode_info | null {
	if (file.f_op !== pipefifo_fops || !file.private_data)
		return null;
	return file.private_data as struct_pipe_inode_info;
}

/** fs/pipe.c:pipe_fcntl() */
export function pipe_fcntl(file: struct_file, cmd: number, arg: ulong64): number {
	let ret: number;

	const pipe = get_pipe_info(file, false);
	if (!pipe)
		return -EBADF;

	__pipe_lock(pipe);

	switch (cmd) {
	case F_SETPIPE_SZ:
		ret = pipe_set_size(pipe, unsigned_long(arg));
		break;
	case F_GETPIPE_SZ:
		ret = pipe.max_usage * PAGE_SIZE;
		break;
	default:
		ret = -EINVAL;
		break;
	}

	__pipe_unlock(pipe);
	return ret;
}

const pipefs_ops: struct_super_operations = {
	destroy_inode:	(inode) => free_inode_nonrcu(inode),
	statfs:		(dentry, buf) => simple_statfs(dentry, buf),
};

/** fs/pipe.c:pipefs_init_fs_context() */
function pipefs_init_fs_context(fc: struct_fs_context): number {
	const ctx = init_pseudo(fc, PIPEFS_MAGIC);
	if (!ctx)
		return -ENOMEM;
	ctx.ops = pipefs_ops;
	ctx.dops = pipefs_dentry_operations;
	return 0;
}

const pipe_fs_type: struct_file_system_type = {
	name:			"pipefs",
	init_fs_context:	pipefs_init_fs_context,
	kill_sb:		(sb) => kill_anon_super(sb),
};

/** fs/pipe.c:proc_dopipe_max_size(): rounded as sizes of pipes are. */
const fs_pipe_sysctls: struct_ctl_table[] = [
	{
		procname:	"pipe-max-size",
		data:		{
			get: () => pipe_max_size,
			set: (v) => {
				pipe_max_size = round_pipe_size(v) || pipe_max_size;
			},
		},
		mode:		0o644,
		proc_handler:	proc_doulongvec_minmax,
		extra2:		2 ** 31,
	},
	{
		procname:	"pipe-user-pages-hard",
		data:		{
			get: () => pipe_user_pages_hard,
			set: (v) => {
				pipe_user_pages_hard = v;
			},
		},
		mode:		0o644,
		proc_handler:	proc_doulongvec_minmax,
	},
	{
		procname:	"pipe-user-pages-soft",
		data:		{
			get: () => pipe_user_pages_soft,
			set: (v) => {
				pipe_user_pages_soft = v;
			},
		},
		mode:		0o644,
		proc_handler:	proc_doulongvec_minmax,
	},
];

/** fs/pipe.c:init_pipe_fs() */
function init_pipe_fs(): number {
	let err = register_filesystem(pipe_fs_type);

	if (!err) {
		const mnt = kern_mount(pipe_fs_type);
		if (IS_ERR(mnt)) {
			err = PTR_ERR(mnt);
			unregister_filesystem(pipe_fs_type);
		} else {
			pipe_mnt = mnt;
		}
	}
	register_sysctl_init("fs", fs_pipe_sysctls);
	return err;
}
fs_initcall("fs/pipe", init_pipe_fs);
