// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptor tables: allocating, installing, looking up and closing descriptors.
 *
 * Upstream: fs/file.c, and files_cachep and unshare_fd() of kernel/fork.c. Left out: io_uring's
 * and security's helpers.
 *
 *	files->file_lock
 *	  (nothing: flush and the last fput() run without it)
 */
import { roundup_pow_of_two } from "#linux/log2.ts";
import { BUG_ON } from "#linux/bug.ts";
import { printk, KERN_WARNING } from "#linux/printk.ts";
import { EBADF, EBUSY, EINVAL, EMFILE, ENOMEM } from "#linux/errno.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { container_of } from "#asm-generic/owner.ts";
import { ref, type user_ptr } from "#asm-generic/types.ts";
import { ALIGN } from "#asm-generic/bits.ts";
import { __s32 } from "#asm-generic/struct.ts";
import { smp_rmb, smp_wmb } from "#linux/compiler.ts";
import { BITS_PER_LONG, NR_OPEN_DEFAULT, NR_OPEN_MAX, close_on_exec, fd_is_open, files_fdtable,
	files_lookup_fd_locked, files_lookup_fd_raw, files_lookup_fd_rcu, struct_fdtable,
	struct_files_struct } from "#linux/fdtable.ts";
import { FMODE_ATOMIC_POS, FMODE_PATH } from "#linux/fs.const.ts";
import { file_count, filp_close, get_file, get_file_rcu } from "#linux/fs.ts";
import { fput } from "#linux/fs/file_table.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { GFP_KERNEL, GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { call_rcu, rcu_read_lock, rcu_read_lock_sched, rcu_read_unlock, rcu_read_unlock_sched,
	synchronize_rcu, type struct_callback_head } from "#linux/rcupdate.ts";
import { RLIMIT_NOFILE } from "#uapi/asm-generic/resource.ts";
import { cond_resched, current, type struct_task_struct } from "#linux/sched.ts";
import { rlimit } from "#linux/sched/signal.ts";
import { task_lock, task_unlock } from "#linux/sched/task.ts";
import { SLAB_ACCOUNT, SLAB_HWCACHE_ALIGN, SLAB_PANIC, kfree, kmem_cache_alloc,
	kmem_cache_create, kmem_cache_free, kvcalloc, kvfree, kvzalloc_bytes, kzalloc,
	type struct_kmem_cache } from "#linux/slab.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "#linux/spinlock.ts";
import { put_user } from "#linux/uaccess.ts";
import { init_waitqueue_head, wait_event, wake_up_all } from "#linux/wait.ts";
import { CLONE_FILES } from "#uapi/linux/sched.ts";
import { CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE } from "#uapi/linux/close_range.ts";
import { O_CLOEXEC } from "#uapi/linux/fcntl.ts";

export let sysctl_nr_open = 1024 * 1024;

/** For the sysctl table. */
export function set_sysctl_nr_open(nr: number): void {
	sysctl_nr_open = nr;
}

/** What fdget() hands out (C: struct fd). */
export class struct_fd {
	file: struct_file | null;
	flags: number;
	constructor(file: struct_file | null, flags: number) {
		this.file = file;
		this.flags = flags;
	}
}

export const FDPUT_FPUT		= 1;
export const FDPUT_POS_UNLOCK	= 2;

const no_fd = new struct_fd(null, 0);

export let files_cachep: struct_kmem_cache<struct_files_struct>;

/** The part of kernel/fork.c:proc_caches_init() that makes files_cachep. */
export function files_cache_init(): void {
	files_cachep = kmem_cache_create("files_cache", struct_files_struct,
		SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT, null)!;
}

function __free_fdtable(fdt: struct_fdtable): void {
	kvfree(fdt.fd);
	kvfree(fdt.bits);
	kfree(fdt);
}

function free_fdtable_rcu(rcu: struct_callback_head): void {
	__free_fdtable(container_of(rcu, struct_fdtable, "rcu"));
}

const BITS_TO_WORDS = (nr: number): number => (nr + 31) >>> 5;

/** Copies the bits of @count descriptors and clears the rest. */
function copy_fd_bitmaps(nfdt: struct_fdtable, ofdt: struct_fdtable, count: number): void {
	const words = count >>> 5, full = BITS_TO_WORDS(words);

	nfdt.open_fds.set(ofdt.open_fds.subarray(0, words));
	nfdt.open_fds.fill(0, words);
	nfdt.close_on_exec.set(ofdt.close_on_exec.subarray(0, words));
	nfdt.close_on_exec.fill(0, words);

	nfdt.full_fds_bits.fill(0);
	nfdt.full_fds_bits.set(ofdt.full_fds_bits.subarray(0, full));
	/* words beyond @words are empty now, whatever the last word said */
	if (words & 31)
		nfdt.full_fds_bits[full - 1]! &= (1 << (words & 31)) - 1;
}

function copy_fdtable(nfdt: struct_fdtable, ofdt: struct_fdtable): void {
	BUG_ON(nfdt.max_fds < ofdt.max_fds);

	for (let i = 0; i < ofdt.max_fds; i++)
		nfdt.fd[i] = ofdt.fd[i]!;
	copy_fd_bitmaps(nfdt, ofdt, ofdt.max_fds);
}

/** fs/file.c:alloc_fdtable() */
function alloc_fdtable(nr: number): struct_fdtable | null {
	const step = 1024 / 8;

	nr = Math.floor(nr / step);
	nr = roundup_pow_of_two(nr + 1);
	nr *= step;
	nr = ALIGN(nr, BITS_PER_LONG);
	/* the limit may have sunk since the caller looked; the caller deals with a short table */
	if (nr > sysctl_nr_open)
		nr = ((sysctl_nr_open - 1) | (BITS_PER_LONG - 1)) + 1;

	const fdt = kzalloc(struct_fdtable, GFP_KERNEL_ACCOUNT);
	if (!fdt)
		return null;
	out_fdt: {
		fdt.max_fds = nr;
		const fd = kvcalloc<struct_file | null>(nr, () => null, GFP_KERNEL_ACCOUNT);
		if (!fd)
			break out_fdt;
		fdt.fd = fd;

		const words = nr >>> 5, full = BITS_TO_WORDS(words);
		const data = kvzalloc_bytes(4 * (2 * words + full), GFP_KERNEL_ACCOUNT);
		if (!data) {
			kvfree(fdt.fd);
			break out_fdt;
		}
		fdt.bits = data;
		fdt.open_fds = new Uint32Array(data.buffer as ArrayBuffer, data.byteOffset, words);
		fdt.close_on_exec = new Uint32Array(data.buffer as ArrayBuffer,
			data.byteOffset + 4 * words, words);
		fdt.full_fds_bits = new Uint32Array(data.buffer as ArrayBuffer,
			data.byteOffset + 8 * words, full);
		return fdt;
	}
	kfree(fdt);
	return null;
}

/** fs/file.c:expand_fdtable(); file_lock is held, and dropped meanwhile. */
function expand_fdtable(files: struct_files_struct, nr: number): number {
	spin_unlock(files.file_lock);
	const new_fdt = alloc_fdtable(nr);

	/* every fd_install() must have seen resize_in_progress, or be done */
	if (files.count > 1)
		synchronize_rcu();

	spin_lock(files.file_lock);
	if (!new_fdt)
		return -ENOMEM;
	if (new_fdt.max_fds <= nr) {
		__free_fdtable(new_fdt);
		return -EMFILE;
	}
	const cur_fdt = files_fdtable(files);
	BUG_ON(nr < cur_fdt.max_fds);
	copy_fdtable(new_fdt, cur_fdt);
	files.fdt = new_fdt;
	if (cur_fdt !== files.fdtab)
		call_rcu(cur_fdt.rcu, free_fdtable_rcu);
	smp_wmb();
	return 1;
}

/** fs/file.c:expand_files(): 0, 1 if the table was changed, or -errno; file_lock is held. */
function expand_files(files: struct_files_struct, nr: number): number {
	let expanded = 0;

	for (;;) {
		const fdt = files_fdtable(files);

		/* do we need to? */
		if (nr < fdt.max_fds)
			return expanded;

		/* may we? */
		if (nr >= sysctl_nr_open)
			return -EMFILE;

		if (files.resize_in_progress) {
			spin_unlock(files.file_lock);
			expanded = 1;
			wait_event(files.resize_wait, () => !files.resize_in_progress);
			spin_lock(files.file_lock);
			continue;
		}

		files.resize_in_progress = true;
		expanded = expand_fdtable(files, nr);
		files.resize_in_progress = false;

		wake_up_all(files.resize_wait);
		return expanded;
	}
}

function __set_close_on_exec(fd: number, fdt: struct_fdtable): void {
	fdt.close_on_exec[fd >>> 5]! |= 1 << (fd & 31);
}

function __clear_close_on_exec(fd: number, fdt: struct_fdtable): void {
	fdt.close_on_exec[fd >>> 5]! &= ~(1 << (fd & 31));
}

function __set_open_fd(fd: number, fdt: struct_fdtable): void {
	const word = fd >>> 5;

	fdt.open_fds[word]! |= 1 << (fd & 31);
	if (fdt.open_fds[word] === 0xffffffff)
		fdt.full_fds_bits[word >>> 5]! |= 1 << (word & 31);
}

function __clear_open_fd(fd: number, fdt: struct_fdtable): void {
	const word = fd >>> 5;

	fdt.open_fds[word]! &= ~(1 << (fd & 31));
	fdt.full_fds_bits[word >>> 5]! &= ~(1 << (word & 31));
}

/** Descriptors up to the last open one, rounded up to longs. */
function count_open_files(fdt: struct_fdtable): number {
	let i = fdt.max_fds / BITS_PER_LONG;

	for (; i > 0;) {
		--i;
		if (fdt.open_fds[2 * i] || fdt.open_fds[2 * i + 1])
			break;
	}
	return (i + 1) * BITS_PER_LONG;
}

/** fs/file.c:sane_fdtable_size() */
function sane_fdtable_size(fdt: struct_fdtable, max_fds: number): number {
	const count = count_open_files(fdt);

	if (max_fds < NR_OPEN_DEFAULT)
		max_fds = NR_OPEN_DEFAULT;
	return ALIGN(Math.min(count, max_fds), BITS_PER_LONG);
}

function files_struct_init(newf: struct_files_struct): void {
	newf.count = 1;

	spin_lock_init(newf.file_lock, "&newf->file_lock");
	newf.resize_in_progress = false;
	init_waitqueue_head(newf.resize_wait, "&newf->resize_wait");
	newf.next_fd = 0;
	const fdt = newf.fdtab;
	fdt.max_fds = NR_OPEN_DEFAULT;
	fdt.close_on_exec = newf.close_on_exec_init;
	fdt.open_fds = newf.open_fds_init;
	fdt.full_fds_bits = newf.full_fds_bits_init;
	fdt.fd = newf.fd_array;
}

/** fs/file.c:dup_fd(): a copy of @oldf's table, or null with *@errorp set. */
export function dup_fd(oldf: struct_files_struct, max_fds: number, errorp: ref<number>):
	struct_files_struct | null {
	errorp.v = -ENOMEM;
	const newf = kmem_cache_alloc(files_cachep, GFP_KERNEL);
	if (!newf)
		return null;

	files_struct_init(newf);
	let new_fdt: struct_fdtable = newf.fdtab;

	spin_lock(oldf.file_lock);
	let old_fdt = files_fdtable(oldf);
	let open_files = sane_fdtable_size(old_fdt, max_fds);

	/* the lock is dropped to allocate, so look again afterwards */
	while (open_files > new_fdt.max_fds) {
		spin_unlock(oldf.file_lock);

		if (new_fdt !== newf.fdtab)
			__free_fdtable(new_fdt);

		const larger = alloc_fdtable(open_files - 1);
		if (!larger) {
			errorp.v = -ENOMEM;
			kmem_cache_free(files_cachep, newf);
			return null;
		}

		/* nr_open forbids more */
		if (larger.max_fds < open_files) {
			__free_fdtable(larger);
			errorp.v = -EMFILE;
			kmem_cache_free(files_cachep, newf);
			return null;
		}
		new_fdt = larger;

		spin_lock(oldf.file_lock);
		old_fdt = files_fdtable(oldf);
		open_files = sane_fdtable_size(old_fdt, max_fds);
	}

	copy_fd_bitmaps(new_fdt, old_fdt, open_files);

	for (let i = 0; i < open_files; i++) {
		const f = old_fdt.fd[i]!;

		if (f) {
			get_file(f);
		} else {
			/* claimed, but not installed: free in the copy */
			__clear_open_fd(i, new_fdt);
		}
		new_fdt.fd[i] = f;
	}
	spin_unlock(oldf.file_lock);

	/* clear the remainder */
	for (let i = open_files; i < new_fdt.max_fds; i++)
		new_fdt.fd[i] = null;

	newf.fdt = new_fdt;
	return newf;
}

/** fs/file.c:close_files(); the last reference is gone, so that no lock is needed. */
function close_files(files: struct_files_struct): struct_fdtable {
	const fdt = files.fdt;

	for (let j = 0; 32 * j < fdt.max_fds; j++) {
		let set = fdt.open_fds[j]!;

		for (let i = 32 * j; set; i++, set >>>= 1) {
			if (!(set & 1))
				continue;
			const file = fdt.fd[i]!;
			fdt.fd[i] = null;
			if (file) {
				filp_close(file, files);
				cond_resched();
			}
		}
	}
	return fdt;
}

/** fs/file.c:put_files_struct() */
export function put_files_struct(files: struct_files_struct): void {
	if (--files.count === 0) {
		const fdt = close_files(files);

		/* the first table is part of @files, any other was allocated */
		if (fdt !== files.fdtab)
			__free_fdtable(fdt);
		kmem_cache_free(files_cachep, files);
	}
}

/** fs/file.c:exit_files() */
export function exit_files(tsk: struct_task_struct): void {
	const files = tsk.files;

	if (files) {
		task_lock(tsk);
		tsk.files = null;
		task_unlock(tsk);
		put_files_struct(files);
	}
}

/** The table of the first task (C: a static object), made when it is first asked for. */
let init_files_struct: struct_files_struct | null = null;
export function init_files(): struct_files_struct {
	if (!init_files_struct) {
		init_files_struct = new struct_files_struct();
		files_struct_init(init_files_struct);
	}
	return init_files_struct;
}

/** First zero bit from @start on, @size if there is none. */
function find_next_zero_bit(map: Uint32Array, size: number, start: number): number {
	let word = start >>> 5;
	let bits = ~map[word]! & (-1 << (start & 31));

	while (bits === 0) {
		if (++word * 32 >= size)
			return size;
		bits = ~map[word]!;
	}
	return Math.min(size, word * 32 + 31 - Math.clz32(bits & -bits));
}

/** fs/file.c:find_next_fd() */
function find_next_fd(fdt: struct_fdtable, start: number): number {
	const maxfd = fdt.max_fds;
	const maxbit = maxfd >>> 5;
	let bitbit = start >>> 5;

	bitbit = find_next_zero_bit(fdt.full_fds_bits, maxbit, bitbit) * 32;
	if (bitbit >= maxfd)
		return maxfd;
	if (bitbit > start)
		start = bitbit;
	return find_next_zero_bit(fdt.open_fds, maxfd, start);
}

/** fs/file.c:alloc_fd(): lowest free descriptor in [@start, @end), marked busy. */
function alloc_fd(start: number, end: number, flags: number): number {
	const files = current.files!;
	let error: number;

	spin_lock(files.file_lock);
	out: for (;;) {
		const fdt = files_fdtable(files);
		let fd = start;
		if (fd < files.next_fd)
			fd = files.next_fd;

		if (fd < fdt.max_fds)
			fd = find_next_fd(fdt, fd);

		/* for tasks that share the table this limits them together */
		error = -EMFILE;
		if (fd >= end)
			break out;

		error = expand_files(files, fd);
		if (error < 0)
			break out;

		/* the lock was dropped to expand: look again */
		if (error)
			continue;

		if (start <= files.next_fd)
			files.next_fd = fd + 1;

		__set_open_fd(fd, fdt);
		if (flags & O_CLOEXEC)
			__set_close_on_exec(fd, fdt);
		else
			__clear_close_on_exec(fd, fdt);
		error = fd;
		if (fdt.fd[fd] !== null) {
			printk(`${KERN_WARNING}alloc_fd: slot ${fd} not NULL!\n`);
			fdt.fd[fd] = null;
		}
		break;
	}
	spin_unlock(files.file_lock);
	return error;
}

/* rlimits are 64 bits wide, descriptors 32 */
const nofile_limit = (): number => Math.min(rlimit(RLIMIT_NOFILE), 0xffffffff);

/** fs/file.c:__get_unused_fd_flags() */
export function __get_unused_fd_flags(flags: number, nofile: number): number {
	return alloc_fd(0, nofile, flags);
}

/** fs/file.c:get_unused_fd_flags() */
export function get_unused_fd_flags(flags: number): number {
	return __get_unused_fd_flags(flags, nofile_limit());
}

function __put_unused_fd(files: struct_files_struct, fd: number): void {
	const fdt = files_fdtable(files);

	__clear_open_fd(fd, fdt);
	if (fd < files.next_fd)
		files.next_fd = fd;
}

/** fs/file.c:put_unused_fd() */
export function put_unused_fd(fd: number): void {
	const files = current.files!;

	spin_lock(files.file_lock);
	__put_unused_fd(files, fd);
	spin_unlock(files.file_lock);
}

/** fs/file.c:fd_install(): takes over the caller's reference to @file. */
export function fd_install(fd: number, file: struct_file): void {
	const files = current.files!;

	rcu_read_lock_sched();

	if (files.resize_in_progress) {
		rcu_read_unlock_sched();
		spin_lock(files.file_lock);
		const fdt = files_fdtable(files);
		BUG_ON(fdt.fd[fd] !== null);
		fdt.fd[fd] = file;
		spin_unlock(files.file_lock);
		return;
	}
	smp_rmb();
	const fdt = files.fdt;
	BUG_ON(fdt.fd[fd] !== null);
	fdt.fd[fd] = file;
	rcu_read_unlock_sched();
}

/** fs/file.c:pick_file(); file_lock is held. */
function pick_file(files: struct_files_struct, fd: number): struct_file | null {
	const fdt = files_fdtable(files);

	if (fd >= fdt.max_fds)
		return null;

	const file = fdt.fd[fd]!;
	if (file) {
		fdt.fd[fd] = null;
		__put_unused_fd(files, fd);
	}
	return file;
}

/** fs/file.c:close_fd() */
export function close_fd(fd: number): number {
	const files = current.files!;

	spin_lock(files.file_lock);
	const file = pick_file(files, fd);
	spin_unlock(files.file_lock);
	if (!file)
		return -EBADF;

	return filp_close(file, files);
}

function last_fd(fdt: struct_fdtable): number {
	return fdt.max_fds - 1;
}

function __range_cloexec(cur_fds: struct_files_struct, fd: number, max_fd: number): void {
	/* the lock keeps the table, and so max_fds, from being replaced */
	spin_lock(cur_fds.file_lock);
	const fdt = files_fdtable(cur_fds);
	max_fd = Math.min(last_fd(fdt), max_fd);
	for (; fd <= max_fd; fd++)
		__set_close_on_exec(fd, fdt);
	spin_unlock(cur_fds.file_lock);
}

function __range_close(cur_fds: struct_files_struct, fd: number, max_fd: number): void {
	rcu_read_lock();
	const n = last_fd(files_fdtable(cur_fds));
	rcu_read_unlock();
	max_fd = Math.min(max_fd, n);

	while (fd <= max_fd) {
		spin_lock(cur_fds.file_lock);
		const file = pick_file(cur_fds, fd++);
		spin_unlock(cur_fds.file_lock);

		if (file) {
			filp_close(file, cur_fds);
			cond_resched();
		}
	}
}

/** kernel/fork.c:unshare_fd(): a private copy of a shared table in *@new_fdp. */
export function unshare_fd(unshare_flags: number, max_fds: number,
	new_fdp: ref<struct_files_struct | null>): number {
	const fd = current.files;

	if ((unshare_flags & CLONE_FILES) && fd && fd.count > 1) {
		const error = new ref(0);

		new_fdp.v = dup_fd(fd, max_fds, error);
		if (!new_fdp.v)
			return error.v;
	}
	return 0;
}

/** fs/file.c:__close_range() */
export function __close_range(fd: number, max_fd: number, flags: number): number {
	const me = current;
	let cur_fds = me.files!;
	let fds: struct_files_struct | null = null;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;

	if (fd > max_fd)
		return -EINVAL;

	if (flags & CLOSE_RANGE_UNSHARE) {
		const newp = new ref<struct_files_struct | null>(null);
		let max_unshare_fds = NR_OPEN_MAX;

		/* what is to be closed need not be copied; to mark it all, copy it all */
		if (!(flags & CLOSE_RANGE_CLOEXEC)) {
			rcu_read_lock();
			if (max_fd >= last_fd(files_fdtable(cur_fds)))
				max_unshare_fds = fd;
			rcu_read_unlock();
		}

		const ret = unshare_fd(CLONE_FILES, max_unshare_fds, newp);
		if (ret)
			return ret;

		/* work on the private copy from here */
		if (newp.v) {
			fds = cur_fds;
			cur_fds = newp.v;
		}
	}

	if (flags & CLOSE_RANGE_CLOEXEC)
		__range_cloexec(cur_fds, fd, max_fd);
	else
		__range_close(cur_fds, fd, max_fd);

	if (fds) {
		/* install the copy, drop the shared one */
		task_lock(me);
		me.files = cur_fds;
		task_unlock(me);
		put_files_struct(fds);
	}

	return 0;
}

/** fs/file.c:close_fd_get_file(): takes the file out of the table, with its reference. */
export function close_fd_get_file(fd: number): struct_file | null {
	const files = current.files!;

	spin_lock(files.file_lock);
	const file = pick_file(files, fd);
	spin_unlock(files.file_lock);
	return file;
}

/** fs/file.c:do_close_on_exec(); the caller has unshared the table. */
export function do_close_on_exec(files: struct_files_struct): void {
	spin_lock(files.file_lock);
	for (let i = 0; ; i++) {
		let fd = i * 32;
		const fdt = files_fdtable(files);
		if (fd >= fdt.max_fds)
			break;
		let set = fdt.close_on_exec[i]!;
		if (!set)
			continue;
		fdt.close_on_exec[i] = 0;
		for (; set; fd++, set >>>= 1) {
			if (!(set & 1))
				continue;
			const file = fdt.fd[fd]!;
			if (!file)
				continue;
			fdt.fd[fd] = null;
			__put_unused_fd(files, fd);
			spin_unlock(files.file_lock);
			filp_close(file, files);
			cond_resched();
			spin_lock(files.file_lock);
		}
	}
	spin_unlock(files.file_lock);
}

/** fs/file.c:__fget_files_rcu(); kernel code is atomic, so that one round always does. */
function __fget_files_rcu(files: struct_files_struct, fd: number, mask: number):
	struct_file | null {
	const fdt = files.fdt;

	if (fd >= fdt.max_fds)
		return null;

	const file = fdt.fd[fd]!;
	if (!file)
		return null;

	if (file.f_mode & mask)
		return null;

	BUG_ON(!get_file_rcu(file));
	return file;
}

function __fget_files(files: struct_files_struct, fd: number, mask: number): struct_file | null {
	rcu_read_lock();
	const file = __fget_files_rcu(files, fd, mask);
	rcu_read_unlock();

	return file;
}

function __fget(fd: number, mask: number): struct_file | null {
	return __fget_files(current.files!, fd, mask);
}

/** fs/file.c:fget(): the open file with a reference, O_PATH files excepted. */
export function fget(fd: number): struct_file | null {
	return __fget(fd >>> 0, FMODE_PATH);
}

/** fs/file.c:fget_raw() */
export function fget_raw(fd: number): struct_file | null {
	return __fget(fd >>> 0, 0);
}

/** fs/file.c:fget_task() */
export function fget_task(task: struct_task_struct, fd: number): struct_file | null {
	let file: struct_file | null = null;

	task_lock(task);
	if (task.files)
		file = __fget_files(task.files, fd >>> 0, 0);
	task_unlock(task);

	return file;
}

/** fs/file.c:task_lookup_fd_rcu() */
export function task_lookup_fd_rcu(task: struct_task_struct, fd: number): struct_file | null {
	let file: struct_file | null = null;

	task_lock(task);
	const files = task.files;
	if (files)
		file = files_lookup_fd_rcu(files, fd);
	task_unlock(task);

	return file;
}

/** fs/file.c:task_lookup_next_fd_rcu(): the first file from *@ret_fd on. */
export function task_lookup_next_fd_rcu(task: struct_task_struct, ret_fd: ref<number>):
	struct_file | null {
	let fd = ret_fd.v;
	let file: struct_file | null = null;

	task_lock(task);
	const files = task.files;
	if (files) {
		for (; fd < files_fdtable(files).max_fds; fd++) {
			file = files_lookup_fd_rcu(files, fd);
			if (file)
				break;
		}
	}
	task_unlock(task);
	ret_fd.v = fd;
	return file;
}

/*
 * fs/file.c:__fget_light(). A table that only its own task can reach keeps its files alive for as
 * long as the call lasts: no reference is taken.
 */
function __fget_light(fd: number, mask: number): struct_fd {
	const files = current.files!;

	if (files.count === 1) {
		const file = files_lookup_fd_raw(files, fd);
		if (file === null || file.f_mode & mask)
			return no_fd;
		return new struct_fd(file, 0);
	}
	const file = __fget(fd, mask);
	if (!file)
		return no_fd;
	return new struct_fd(file, FDPUT_FPUT);
}

/** fs/file.c:__fdget() */
export function __fdget(fd: number): struct_fd {
	return __fget_light(fd, FMODE_PATH);
}

/** fs/file.c:__fdget_raw() */
export function __fdget_raw(fd: number): struct_fd {
	return __fget_light(fd, 0);
}

/** fs/file.c:__fdget_pos(): a file that others can reach too has its position locked. */
export function __fdget_pos(fd: number): struct_fd {
	const v = __fdget(fd);
	const file = v.file;

	if (file && (file.f_mode & FMODE_ATOMIC_POS)) {
		if (file_count(file) > 1) {
			v.flags |= FDPUT_POS_UNLOCK;
			mutex_lock(file.f_pos_lock);
		}
	}
	return v;
}

/** fs/file.c:__f_unlock_pos() */
export function __f_unlock_pos(f: struct_file): void {
	mutex_unlock(f.f_pos_lock);
}

/** fs/file.c:set_close_on_exec() */
export function set_close_on_exec(fd: number, flag: number): void {
	const files = current.files!;

	spin_lock(files.file_lock);
	const fdt = files_fdtable(files);
	if (flag)
		__set_close_on_exec(fd, fdt);
	else
		__clear_close_on_exec(fd, fdt);
	spin_unlock(files.file_lock);
}

/** fs/file.c:get_close_on_exec() */
export function get_close_on_exec(fd: number): boolean {
	const files = current.files!;

	rcu_read_lock();
	const fdt = files_fdtable(files);
	const res = close_on_exec(fd, fdt);
	rcu_read_unlock();
	return res;
}

/** fs/file.c:do_dup2(); file_lock is held and released. */
function do_dup2(files: struct_files_struct, file: struct_file, fd: number, flags: number): number {
	const fdt = files_fdtable(files);
	const tofree = fdt.fd[fd]!;

	/* claimed by an open() that has not finished: neither free nor ours to replace */
	if (!tofree && fd_is_open(fd, fdt)) {
		spin_unlock(files.file_lock);
		return -EBUSY;
	}
	get_file(file);
	fdt.fd[fd] = file;
	__set_open_fd(fd, fdt);
	if (flags & O_CLOEXEC)
		__set_close_on_exec(fd, fdt);
	else
		__clear_close_on_exec(fd, fdt);
	spin_unlock(files.file_lock);

	if (tofree)
		filp_close(tofree, files);

	return fd;
}

/** fs/file.c:replace_fd() */
export function replace_fd(fd: number, file: struct_file | null, flags: number): number {
	const files = current.files!;

	if (!file)
		return close_fd(fd);

	if (fd >= rlimit(RLIMIT_NOFILE))
		return -EBADF;

	spin_lock(files.file_lock);
	const err = expand_files(files, fd);
	if (err < 0) {
		spin_unlock(files.file_lock);
		return err;
	}
	return do_dup2(files, file, fd, flags);
}

/** fs/file.c:__receive_fd(): a new descriptor for @file, told to userspace at @ufd if not 0. */
export function __receive_fd(file: struct_file, ufd: user_ptr, o_flags: number): number {
	const new_fd = get_unused_fd_flags(o_flags);
	if (new_fd < 0)
		return new_fd;

	if (ufd) {
		const error = put_user(__s32, new_fd, ufd);
		if (error) {
			put_unused_fd(new_fd);
			return error;
		}
	}

	fd_install(new_fd, get_file(file));
	return new_fd;
}

/** fs/file.c:receive_fd() */
export function receive_fd(file: struct_file, o_flags: number): number {
	return __receive_fd(file, 0, o_flags);
}

/** fs/file.c:ksys_dup3() */
function ksys_dup3(oldfd: number, newfd: number, flags: number): number {
	const files = current.files!;
	let err: number;

	if ((flags & ~O_CLOEXEC) !== 0)
		return -EINVAL;

	if (oldfd === newfd)
		return -EINVAL;

	if (newfd >= rlimit(RLIMIT_NOFILE))
		return -EBADF;

	spin_lock(files.file_lock);
	out_unlock: {
		err = expand_files(files, newfd);
		const file = files_lookup_fd_locked(files, oldfd);
		if (!file) {
			err = -EBADF;
			break out_unlock;
		}
		if (err < 0) {
			if (err === -EMFILE)
				err = -EBADF;
			break out_unlock;
		}
		return do_dup2(files, file, newfd, flags);
	}
	spin_unlock(files.file_lock);
	return err;
}

export const sys_dup3 = SYSCALL_DEFINE("dup3", ["uint", "uint", "int"], ksys_dup3);

export const sys_dup2 = SYSCALL_DEFINE("dup2", ["uint", "uint"], (oldfd, newfd) => {
	if (newfd === oldfd) {
		const files = current.files!;
		let retval = oldfd;

		rcu_read_lock();
		if (!files_lookup_fd_rcu(files, oldfd))
			retval = -EBADF;
		rcu_read_unlock();
		return retval;
	}
	return ksys_dup3(oldfd, newfd, 0);
});

export const sys_dup = SYSCALL_DEFINE("dup", ["uint"], (fildes) => {
	let ret = -EBADF;
	const file = fget_raw(fildes);

	if (file) {
		ret = get_unused_fd_flags(0);
		if (ret >= 0)
			fd_install(ret, file);
		else
			fput(file);
	}
	return ret;
});

/** fs/file.c:f_dupfd() */
export function f_dupfd(from: number, file: struct_file, flags: number): number {
	const nofile = nofile_limit();

	if (from >= nofile)
		return -EINVAL;
	const err = alloc_fd(from, nofile, flags);
	if (err >= 0) {
		get_file(file);
		fd_install(err, file);
	}
	return err;
}

/** fs/file.c:iterate_fd(): calls @f for each open file from @n on, until it returns nonzero. */
export function iterate_fd<P>(files: struct_files_struct | null, n: number,
	f: (p: P, file: struct_file, fd: number) => number, p: P): number {
	let res = 0;

	if (!files)
		return 0;
	spin_lock(files.file_lock);
	for (const fdt = files_fdtable(files); n < fdt.max_fds; n++) {
		const file = fdt.fd[n]!;
		if (!file)
			continue;
		res = f(p, file, n);
		if (res)
			break;
	}
	spin_unlock(files.file_lock);
	return res;
}
