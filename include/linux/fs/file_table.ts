// SPDX-License-Identifier: GPL-2.0
/*
 * Open file descriptions: allocation, accounting, and the final fput().
 *
 * Upstream: fs/file_table.c. Left out: fasync, locks, leases, epoll, security.
 *
 * Life of a struct file: alloc_empty_file() (f_count 1), FMODE_OPENED once open() succeeded,
 * references by descriptors, mappings and users in the kernel; the last fput() queues __fput(),
 * which runs when the task returns to user mode (kernel threads: from a worker), and frees it
 * after a grace period.
 */
import { BUG_ON } from "#linux/bug.ts";
import { pr_info } from "#linux/printk.ts";
import { ENFILE, ENOMEM } from "#linux/errno.ts";
import { ERR_PTR, IS_ERR, type err_ptr } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { fs_initcall } from "#asm-generic/registry.ts";
import { CAP_SYS_ADMIN } from "#uapi/linux/capability.ts";
import { capable } from "#linux/capability.ts";
import { current_cred, get_cred, put_cred } from "#linux/cred.ts";
import type { struct_cred } from "#linux/cred_types.ts";
import { d_alloc_pseudo, d_instantiate, d_set_d_op, dput, simple_dname } from "#linux/dcache.ts";
import { FMODE_CAN_READ, FMODE_CAN_WRITE, FMODE_LSEEK, FMODE_NOACCOUNT, FMODE_OPENED, FMODE_READ,
	FMODE_WRITE, FMODE_WRITER, sysctl_nr_open_max, sysctl_nr_open_min } from
	"#linux/fs.const.ts";
import { OPEN_FMODE, i_readcount_dec, i_readcount_inc, ihold, iocb_flags, put_write_access } from
	"#linux/fs.ts";
import { struct_file, struct_path, type struct_dentry_operations, type struct_file_operations,
	type struct_inode, type struct_vfsmount } from "#linux/fs.types.ts";
import { set_sysctl_nr_open, sysctl_nr_open } from "#linux/fs/file.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { might_sleep } from "#linux/kernel.ts";
import { totalram_pages } from "#linux/mm.ts";
import { __mnt_drop_write, mntget, mntput } from "#linux/mount.ts";
import { mutex_init } from "#linux/mutex.ts";
import { path_get, path_put } from "#linux/path.ts";
import { in_interrupt } from "#linux/preempt.ts";
import { call_rcu, type struct_callback_head } from "#linux/rcupdate.ts";
import { PF_KTHREAD, current } from "#linux/sched.ts";
import { SLAB_ACCOUNT, SLAB_HWCACHE_ALIGN, SLAB_PANIC, kmem_cache_create, kmem_cache_free,
	kmem_cache_zalloc, type struct_kmem_cache } from "#linux/slab.ts";
import { spin_lock_init } from "#linux/spinlock.ts";
import { proc_doulongvec_minmax, register_sysctl_init, type struct_ctl_table,
	sysctl_ulong, sysctl_vals } from "#linux/sysctl.ts";
import { nr_free_pages } from "#linux/swap.ts";
import { TWA_RESUME, init_task_work, task_work_add } from "#linux/task_work.ts";
import { INIT_DELAYED_WORK, schedule_delayed_work, struct_delayed_work } from
	"#linux/workqueue.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { NR_FILE } from "#uapi/linux/fs.ts";

const files_stat = {
	nr_files: 0,
	nr_free_files: 0,
	max_files: NR_FILE,
};

let filp_cachep: struct_kmem_cache<struct_file>;

let nr_files = 0;

function file_free_rcu(head: struct_callback_head): void {
	const f = container_of(head, struct_file, "f_rcuhead");

	put_cred(f.f_cred!);
	kmem_cache_free(filp_cachep, f);
}

function file_free(f: struct_file): void {
	if (!(f.f_mode & FMODE_NOACCOUNT))
		nr_files--;
	call_rcu(f.f_rcuhead, file_free_rcu);
}

/** fs/file_table.c:get_nr_files(): files that are open, or in __fput()'s queue. */
export function get_nr_files(): number {
	return nr_files;
}

/** fs/file_table.c:get_max_files() */
export function get_max_files(): number {
	return files_stat.max_files;
}

const fs_stat_sysctls: struct_ctl_table[] = [
	{
		procname:	"file-nr",
		data:		sysctl_vals(
			{ get: () => get_nr_files(), set: () => {} },
			{ get: () => 0, set: () => {} },
			{ get: () => files_stat.max_files, set: () => {} }),
		mode:		0o444,
		proc_handler:	proc_doulongvec_minmax,
	},
	{
		procname:	"file-max",
		data:		sysctl_ulong(files_stat, "max_files"),
		mode:		0o644,
		proc_handler:	proc_doulongvec_minmax,
		extra1:		0,
		extra2:		Number.MAX_SAFE_INTEGER,
	},
	{
		procname:	"nr_open",
		data:		sysctl_vals({ get: () => sysctl_nr_open, set: set_sysctl_nr_open }),
		mode:		0o644,
		proc_handler:	proc_doulongvec_minmax,
		extra1:		sysctl_nr_open_min,
		extra2:		sysctl_nr_open_max,
	},
];

function init_fs_stat_sysctls(): number {
	register_sysctl_init("fs", fs_stat_sysctls);
	return 0;
}
fs_initcall("fs/file_table", init_fs_stat_sysctls);

/** fs/file_table.c:__alloc_file() */
function __alloc_file(flags: number, cred: struct_cred): struct_file | err_ptr {
	const f = kmem_cache_zalloc(filp_cachep, GFP_KERNEL);
	if (!f)
		return ERR_PTR(-ENOMEM);

	f.f_cred = get_cred(cred);

	f.f_count = 1;
	spin_lock_init(f.f_lock, "&f->f_lock");
	mutex_init(f.f_pos_lock, "&f->f_pos_lock");
	f.f_flags = flags;
	f.f_mode = OPEN_FMODE(flags);

	return f;
}

let old_max = 0;

/** fs/file_table.c:alloc_empty_file(): -ENFILE above fs.file-max, but for the privileged. */
export function alloc_empty_file(flags: number, cred: struct_cred): struct_file | err_ptr {
	if (get_nr_files() >= files_stat.max_files && !capable(CAP_SYS_ADMIN)) {
		/* logged once per new maximum */
		if (get_nr_files() > old_max) {
			pr_info(`VFS: file-max limit ${get_max_files()} reached\n`);
			old_max = get_nr_files();
		}
		return ERR_PTR(-ENFILE);
	}

	const f = __alloc_file(flags, cred);
	if (!IS_ERR(f))
		nr_files++;

	return f;
}

/** fs/file_table.c:alloc_empty_file_noaccount() */
export function alloc_empty_file_noaccount(flags: number, cred: struct_cred):
	struct_file | err_ptr {
	const f = __alloc_file(flags, cred);

	if (!IS_ERR(f))
		f.f_mode |= FMODE_NOACCOUNT;

	return f;
}

/** fs/file_table.c:alloc_file(): an open file that takes over @path's references on success. */
function alloc_file(path: struct_path, flags: number, fop: struct_file_operations):
	struct_file | err_ptr {
	const file = alloc_empty_file(flags, current_cred());
	if (IS_ERR(file))
		return file;

	const inode = path.dentry!.d_inode!;

	file.f_path.mnt = path.mnt;
	file.f_path.dentry = path.dentry;
	file.f_inode = inode;
	file.f_mapping = inode.i_mapping;
	if (fop.llseek)
		file.f_mode |= FMODE_LSEEK;
	if ((file.f_mode & FMODE_READ) && (fop.read || fop.read_iter))
		file.f_mode |= FMODE_CAN_READ;
	if ((file.f_mode & FMODE_WRITE) && (fop.write || fop.write_iter))
		file.f_mode |= FMODE_CAN_WRITE;
	file.f_iocb_flags = iocb_flags(file);
	file.f_mode |= FMODE_OPENED;
	file.f_op = fop;
	if ((file.f_mode & (FMODE_READ | FMODE_WRITE)) === FMODE_READ)
		i_readcount_inc(inode);
	return file;
}

const anon_ops: struct_dentry_operations = {
	d_dname: simple_dname,
};

/** fs/file_table.c:alloc_file_pseudo(): takes over the reference to @inode on success. */
export function alloc_file_pseudo(inode: struct_inode, mnt: struct_vfsmount, name: string,
	flags: number, fops: struct_file_operations): struct_file | err_ptr {
	const path = new struct_path();

	path.dentry = d_alloc_pseudo(mnt.mnt_sb!, name);
	if (!path.dentry)
		return ERR_PTR(-ENOMEM);
	if (!mnt.mnt_sb!.s_d_op)
		d_set_d_op(path.dentry, anon_ops);
	path.mnt = mntget(mnt);
	d_instantiate(path.dentry, inode);
	const file = alloc_file(path, flags, fops);
	if (IS_ERR(file)) {
		ihold(inode);
		path_put(path);
	}
	return file;
}

/** fs/file_table.c:alloc_file_clone(): another open file of @base's path. */
export function alloc_file_clone(base: struct_file, flags: number, fops: struct_file_operations):
	struct_file | err_ptr {
	const f = alloc_file(base.f_path, flags, fops);

	if (!IS_ERR(f)) {
		path_get(f.f_path);
		f.f_mapping = base.f_mapping;
	}
	return f;
}

/** fs/file_table.c:__fput(): what the last reference leaves to be done. */
function __fput(file: struct_file): void {
	const dentry = file.f_path.dentry;
	const mnt = file.f_path.mnt;
	const inode = file.f_inode;
	const mode = file.f_mode;

	out: {
		if (!(file.f_mode & FMODE_OPENED))
			break out;

		might_sleep();

		if (file.f_op.release)
			file.f_op.release(inode!, file);
		if ((mode & (FMODE_READ | FMODE_WRITE)) === FMODE_READ)
			i_readcount_dec(inode!);
		if (mode & FMODE_WRITER) {
			put_write_access(inode!);
			__mnt_drop_write(mnt!);
		}
		dput(dentry);
		mntput(mnt);
	}
	file_free(file);
}

/* files of kernel threads, whose __fput() a worker runs (C: a lockless list) */
let delayed_fput_list: struct_file[] = [];

function delayed_fput(_unused: unknown): void {
	const list = delayed_fput_list;

	delayed_fput_list = [];
	for (const f of list)
		__fput(f);
}

function ____fput(work: struct_callback_head): void {
	__fput(container_of(work, struct_file, "f_rcuhead"));
}

/** fs/file_table.c:flush_delayed_fput(): for init, which has to be done with its files. */
export function flush_delayed_fput(): void {
	delayed_fput(null);
}

let delayed_fput_work: struct_delayed_work;

/** fs/file_table.c:fput() */
export function fput(file: struct_file): void {
	if (--file.f_count === 0) {
		const task = current;

		if (!in_interrupt() && !(task.flags & PF_KTHREAD)) {
			init_task_work(file.f_rcuhead, ____fput);
			if (!task_work_add(task, file.f_rcuhead, TWA_RESUME))
				return;
			/* the task is past exit_task_work(): fall through, or it would leak */
		}

		delayed_fput_list.push(file);
		if (delayed_fput_list.length === 1)
			schedule_delayed_work(delayed_fput_work, 1);
	}
	BUG_ON(file.f_count < 0);
}

/** fs/file_table.c:__fput_sync(): for kernel threads that must see it done. */
export function __fput_sync(file: struct_file): void {
	if (--file.f_count === 0) {
		const task = current;

		BUG_ON(!(task.flags & PF_KTHREAD));
		__fput(file);
	}
}

/** fs/file_table.c:files_init() */
export function files_init(): void {
	filp_cachep = kmem_cache_create("filp", struct_file,
		SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT, null)!;
	delayed_fput_work = new struct_delayed_work(null);
	INIT_DELAYED_WORK(delayed_fput_work, delayed_fput);
}

/** fs/file_table.c:files_maxfiles_init(): a file with its inode takes about 1 KiB; give 10 %. */
export function files_maxfiles_init(): void {
	const nr_pages = totalram_pages();
	let memreserve = Math.floor((nr_pages - nr_free_pages()) * 3 / 2);

	memreserve = Math.min(memreserve, nr_pages - 1);
	const n = Math.floor((nr_pages - memreserve) * (PAGE_SIZE / 1024) / 10);

	files_stat.max_files = Math.max(n, NR_FILE);
}
