// SPDX-License-Identifier: GPL-2.0
/*
 * eventfd: a 64-bit counter to wait on.
 *
 * Upstream: fs/eventfd.c.
 */
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { EAGAIN, EBADF, EFAULT, EINVAL, ENOMEM } from "#linux/errno.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { __u64 } from "#asm-generic/struct.ts";
import { U64_MAX as ULLONG_MAX, ref, type loff_t, type u64, type user_ptr } from
	"#asm-generic/types.ts";
import { anon_inode_getfile } from "#linux/anon_inodes.ts";
import { EFD_FLAGS_SET, EFD_SEMAPHORE, EFD_SHARED_FCNTL_FLAGS } from "#linux/eventfd.ts";
import { fd_install, fdget, fdput, fget, fput, get_unused_fd_flags, put_unused_fd } from
	"#linux/file.ts";
import { FMODE_NOWAIT, IOCB_NOWAIT } from "#linux/fs.const.ts";
import type { struct_file, struct_file_operations, struct_inode, struct_kiocb } from
	"#linux/fs.types.ts";
import { noop_llseek } from "#linux/fs.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { DEFINE_IDA, ida_alloc_range, ida_free, type struct_ida } from "#linux/idr.ts";
import { lockdep_assert_held } from "#linux/lockdep.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, poll_wait, type struct_poll_table_struct } from
	"#linux/poll.ts";
import { TASK_INTERRUPTIBLE, current } from "#linux/sched.ts";
import { seq_printf, type struct_seq_file } from "#linux/seq_file.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { spin_lock_irq, spin_lock_irqsave, spin_unlock_irq, spin_unlock_irqrestore } from
	"#linux/spinlock.ts";
import { copy_from_user } from "#linux/uaccess.ts";
import { copy_to_iter, iov_iter_count, type struct_iov_iter } from "#linux/uio.ts";
import { __remove_wait_queue, __wake_up_locked_key, init_waitqueue_head, wait_event_restart,
	waitqueue_active, wake_up_poll, TASK_NORMAL } from "#linux/wait.ts";
import { wait_queue_head_t, type wait_queue_entry_t } from "#linux/wait_types.ts";
import { O_NONBLOCK, O_RDWR } from "#uapi/linux/fcntl.ts";

let eventfd_ida: struct_ida | null = null;

export class struct_eventfd_ctx {
	/** C: kref */
	count_refs = 0;
	wqh = new wait_queue_head_t();
	/** under wqh.lock */
	count: u64 = 0n;
	flags = 0;
	id = -1;
}

const wake_up_locked_poll = (wqh: wait_queue_head_t, m: number): void =>
	__wake_up_locked_key(wqh, TASK_NORMAL, m);

/** fs/eventfd.c:eventfd_signal(): adds @n, at most up to the largest count; what was added. */
export function eventfd_signal(ctx: struct_eventfd_ctx, n: u64): u64 {
	/* a wake-up that signals another eventfd could go round for ever */
	if (WARN_ON_ONCE(current.in_eventfd_signal))
		return 0n;

	const flags = spin_lock_irqsave(ctx.wqh.lock);
	current.in_eventfd_signal = true;
	if (ULLONG_MAX - ctx.count < n)
		n = ULLONG_MAX - ctx.count;
	ctx.count += n;
	if (waitqueue_active(ctx.wqh))
		wake_up_locked_poll(ctx.wqh, EPOLLIN);
	current.in_eventfd_signal = false;
	spin_unlock_irqrestore(ctx.wqh.lock, flags);

	return n;
}

function eventfd_free_ctx(ctx: struct_eventfd_ctx): void {
	if (ctx.id >= 0)
		ida_free(eventfd_ida!, ctx.id);
	kfree(ctx);
}

/** fs/eventfd.c:eventfd_ctx_put() */
export function eventfd_ctx_put(ctx: struct_eventfd_ctx): void {
	if (--ctx.count_refs === 0)
		eventfd_free_ctx(ctx);
}

function eventfd_release(_inode: struct_inode, file: struct_file): number {
	const ctx = file.private_data as struct_eventfd_ctx;

	wake_up_poll(ctx.wqh, EPOLLHUP);
	eventfd_ctx_put(ctx);
	return 0;
}

/** fs/eventfd.c:eventfd_poll() */
function eventfd_poll(file: struct_file, wait: struct_poll_table_struct | null): number {
	const ctx = file.private_data as struct_eventfd_ctx;
	let events = 0;

	poll_wait(file, ctx.wqh, wait);

	const count = ctx.count;

	if (count > 0n)
		events |= EPOLLIN;
	if (count === ULLONG_MAX)
		events |= EPOLLERR;
	if (ULLONG_MAX - 1n > count)
		events |= EPOLLOUT;

	return events;
}

/** fs/eventfd.c:eventfd_ctx_do_read(); wqh.lock is held. */
export function eventfd_ctx_do_read(ctx: struct_eventfd_ctx, cnt: ref<u64>): void {
	lockdep_assert_held(ctx.wqh.lock);

	cnt.v = (ctx.flags & EFD_SEMAPHORE) && ctx.count ? 1n : ctx.count;
	ctx.count -= cnt.v;
}

/** fs/eventfd.c:eventfd_ctx_remove_wait_queue() */
export function eventfd_ctx_remove_wait_queue(ctx: struct_eventfd_ctx, wait: wait_queue_entry_t,
	cnt: ref<u64>): number {
	const flags = spin_lock_irqsave(ctx.wqh.lock);
	eventfd_ctx_do_read(ctx, cnt);
	__remove_wait_queue(ctx.wqh, wait);
	if (cnt.v !== 0n && waitqueue_active(ctx.wqh))
		wake_up_locked_poll(ctx.wqh, EPOLLOUT);
	spin_unlock_irqrestore(ctx.wqh.lock, flags);

	return cnt.v !== 0n ? 0 : -EAGAIN;
}

/** fs/eventfd.c:eventfd_read() */
function eventfd_read(iocb: struct_kiocb, to: struct_iov_iter): number {
	const file = iocb.ki_filp;
	const ctx = file.private_data as struct_eventfd_ctx;
	const ucnt = new ref(0n);

	if (iov_iter_count(to) < 8)
		return -EINVAL;
	spin_lock_irq(ctx.wqh.lock);
	if (!ctx.count) {
		spin_unlock_irq(ctx.wqh.lock);
		if ((file.f_flags & O_NONBLOCK) || (iocb.ki_flags & IOCB_NOWAIT))
			return -EAGAIN;
		return wait_event_restart(ctx.wqh, TASK_INTERRUPTIBLE);
	}
	eventfd_ctx_do_read(ctx, ucnt);
	if (waitqueue_active(ctx.wqh))
		wake_up_locked_poll(ctx.wqh, EPOLLOUT);
	spin_unlock_irq(ctx.wqh.lock);
	const bytes = new Uint8Array(8);
	__u64.set!(new DataView(bytes.buffer), 0, ucnt.v);
	if (copy_to_iter(bytes, 8, to) !== 8)
		return -EFAULT;

	return 8;
}

/** fs/eventfd.c:eventfd_write() */
function eventfd_write(file: struct_file, buf: user_ptr, count: number, _ppos: ref<loff_t>):
	number {
	const ctx = file.private_data as struct_eventfd_ctx;
	const bytes = new Uint8Array(8);

	if (count < 8)
		return -EINVAL;
	if (copy_from_user(bytes, buf, 8))
		return -EFAULT;
	const ucnt = __u64.get(new DataView(bytes.buffer), 0);
	if (ucnt === ULLONG_MAX)
		return -EINVAL;
	spin_lock_irq(ctx.wqh.lock);
	if (ULLONG_MAX - ctx.count <= ucnt) {
		spin_unlock_irq(ctx.wqh.lock);
		if (file.f_flags & O_NONBLOCK)
			return -EAGAIN;
		return wait_event_restart(ctx.wqh, TASK_INTERRUPTIBLE);
	}
	ctx.count += ucnt;
	if (waitqueue_active(ctx.wqh))
		wake_up_locked_poll(ctx.wqh, EPOLLIN);
	spin_unlock_irq(ctx.wqh.lock);

	return 8;
}

function eventfd_show_fdinfo(m: struct_seq_file, f: struct_file): void {
	const ctx = f.private_data as struct_eventfd_ctx;

	spin_lock_irq(ctx.wqh.lock);
	seq_printf(m, "eventfd-count: %16llx\n", ctx.count);
	spin_unlock_irq(ctx.wqh.lock);
	seq_printf(m, "eventfd-id: %d\n", ctx.id);
}

const eventfd_fops: struct_file_operations = {
	show_fdinfo:	eventfd_show_fdinfo,
	release:	eventfd_release,
	poll:		eventfd_poll,
	read_iter:	eventfd_read,
	write:		eventfd_write,
	llseek:		(file, offset, whence) => noop_llseek(file, offset, whence),
};

/** fs/eventfd.c:eventfd_fget() */
export function eventfd_fget(fd: number): struct_file | err_ptr {
	const file = fget(fd);
	if (!file)
		return ERR_PTR(-EBADF);
	if (file.f_op !== eventfd_fops) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}

	return file;
}

/** fs/eventfd.c:eventfd_ctx_fdget() */
export function eventfd_ctx_fdget(fd: number): struct_eventfd_ctx | err_ptr {
	const f = fdget(fd);
	if (!f.file)
		return ERR_PTR(-EBADF);
	const ctx = eventfd_ctx_fileget(f.file);
	fdput(f);
	return ctx;
}

/** fs/eventfd.c:eventfd_ctx_fileget() */
export function eventfd_ctx_fileget(file: struct_file): struct_eventfd_ctx | err_ptr {
	if (file.f_op !== eventfd_fops)
		return ERR_PTR(-EINVAL);

	const ctx = file.private_data as struct_eventfd_ctx;
	ctx.count_refs++;
	return ctx;
}

/** fs/eventfd.c:do_eventfd() */
function do_eventfd(count: number, flags: number): number {
	if (flags & ~EFD_FLAGS_SET)
		return -EINVAL;

	const ctx = kzalloc(struct_eventfd_ctx, GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;

	ctx.count_refs = 1;
	init_waitqueue_head(ctx.wqh, "&ctx->wqh");
	ctx.count = BigInt(count);
	ctx.flags = flags;
	eventfd_ida ??= DEFINE_IDA("eventfd_ida");
	ctx.id = ida_alloc_range(eventfd_ida, 0, 0x7fffffff, GFP_KERNEL);

	flags &= EFD_SHARED_FCNTL_FLAGS;
	flags |= O_RDWR;
	let fd = get_unused_fd_flags(flags);
	err: {
		if (fd < 0)
			break err;

		const file = anon_inode_getfile("[eventfd]", eventfd_fops, ctx, flags);
		if (IS_ERR(file)) {
			put_unused_fd(fd);
			fd = PTR_ERR(file);
			break err;
		}

		file.f_mode |= FMODE_NOWAIT;
		fd_install(fd, file);
		return fd;
	}
	eventfd_free_ctx(ctx);
	return fd;
}

export const sys_eventfd2 = SYSCALL_DEFINE("eventfd2", ["uint", "int"], do_eventfd);

export const sys_eventfd = SYSCALL_DEFINE("eventfd", ["uint"], (count) => do_eventfd(count, 0));
