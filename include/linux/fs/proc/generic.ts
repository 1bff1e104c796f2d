// SPDX-License-Identifier: GPL-2.0
/*
 * The table of pseudo files, by path.
 *
 * Upstream: fs/proc/generic.c, fs/proc/inode.c, fs/kernfs and fs/debugfs as far as a file of text
 * is concerned. Port-only in form: /proc, /sys, /sys/kernel/debug and /dev are mounts of one kind
 * of file system each, and an entry's inode exists while somebody uses it.
 *
 * Files below /proc/self stand for every /proc/PID too; their data is the task.
 */
import { BUG_ON } from "#linux/bug.ts";
import { EFAULT, EINVAL, EIO, ENOENT, ENOMEM, ENOTDIR, ESRCH } from "#linux/errno.ts";
import type { loff_t, ref, user_ptr } from "#asm-generic/types.ts";
import { d_alloc, d_instantiate, d_set_d_op, dget, dput } from "#linux/dcache.ts";
import { ATTR_MODE, ATTR_UID, ATTR_GID } from "#linux/fs.const.ts";
import { S_ISDIR, current_time, get_next_ino, init_special_inode, mark_inode_dirty, new_inode,
	setattr_copy, setattr_prepare, simple_dir_operations } from "#linux/fs.ts";
import type { struct_dentry, struct_dentry_operations, struct_file, struct_file_operations,
	struct_iattr, struct_inode, struct_inode_operations, struct_path, struct_user_namespace }
	from "#linux/fs.types.ts";
import { string_of } from "#linux/fs/namei.ts";
import { mount_above } from "#linux/fs/namespace.ts";
import { mntget } from "#linux/mount.ts";
import { current, find_task_by_vpid, get_task_struct, put_task_struct,
	type struct_task_struct } from "#linux/sched.ts";
import { seq_lseek, seq_puts, seq_read_iter, single_open, single_release, type struct_seq_file }
	from "#linux/seq_file.ts";
import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "#linux/stat.ts";
import { copy_from_user } from "#linux/uaccess.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";

/**
 * Writes the text and returns 0, or just returns it; or -errno. @data as given at creation; below
 * /proc/self the task.
 */
export type proc_show_t = (m: struct_seq_file, data: unknown) => number | string;
/** Takes the text of one write(); 0 or its length for all of it, a count, or -errno. */
export type proc_store_t = (text: string, data: unknown) => number;

export class struct_proc_dir_entry {
	readonly path: string;
	mode: number;
	readonly low_ino: number;
	fops: struct_file_operations;
	data: unknown;
	rdev = 0;
	show: proc_show_t | null = null;
	store: proc_store_t | null = null;
	/** of symbolic links */
	link: (() => string) | null = null;
	/** while somebody uses it; of per-task files by pid */
	dentries = new Map<number, struct_dentry>();

	constructor(path: string, mode: number, fops: struct_file_operations, data: unknown) {
		this.path = path;
		this.mode = mode;
		this.low_ino = ++last_ino;
		this.fops = fops;
		this.data = data;
	}
}

/* PROC_DYNAMIC_FIRST */
let last_ino = 0xf0000000;

const table = new Map<string, struct_proc_dir_entry>();

const no_fops: struct_file_operations = {};

/** fs/proc/generic.c:proc_mkdir(): the directories on the way to it too. */
export function proc_mkdir(path: string): struct_proc_dir_entry {
	const old = table.get(path);
	if (old)
		return old;
	const at = path.lastIndexOf("/");
	if (at > 0)
		proc_mkdir(path.slice(0, at));
	const entry = new struct_proc_dir_entry(path, S_IFDIR | 0o555, simple_dir_operations, null);
	table.set(path, entry);
	return entry;
}

function add(entry: struct_proc_dir_entry): struct_proc_dir_entry {
	BUG_ON(table.has(entry.path));
	proc_mkdir(entry.path.slice(0, Math.max(1, entry.path.lastIndexOf("/"))));
	table.set(entry.path, entry);
	return entry;
}

/** fs/proc/generic.c:proc_create_data(): a file with operations of its own; i_private is @data. */
export function proc_create(path: string, mode: number, fops: struct_file_operations,
	data: unknown = null): struct_proc_dir_entry {
	return add(new struct_proc_dir_entry(path, S_IFREG | mode, fops, data));
}

/** fs/proc/generic.c:proc_create_single(): a file of text. */
export function proc_create_single(path: string, mode: number, show: proc_show_t | null,
	store: proc_store_t | null = null): struct_proc_dir_entry {
	return proc_create_single_data(path, mode, show, store, null);
}

/** fs/proc/generic.c:proc_create_single_data() */
export function proc_create_single_data(path: string, mode: number, show: proc_show_t | null,
	store: proc_store_t | null, data: unknown): struct_proc_dir_entry {
	const entry = new struct_proc_dir_entry(path, S_IFREG | mode, ops_for(path), data);

	entry.show = show;
	entry.store = store;
	return add(entry);
}

/** A device node: @path "/dev/kvm". */
export function pseudo_mknod(path: string, mode: number, rdev: number): struct_proc_dir_entry {
	const entry = new struct_proc_dir_entry(path, S_IFCHR | mode, no_fops, null);

	entry.rdev = rdev;
	return add(entry);
}

/** A symbolic link, which is read but not followed. */
export function proc_symlink(path: string, link: () => string): struct_proc_dir_entry {
	const entry = new struct_proc_dir_entry(path, S_IFLNK | 0o777, no_fops, null);

	entry.link = link;
	return add(entry);
}

/** fs/proc/generic.c:proc_remove(); open files keep their inode. */
export function proc_remove(entry: struct_proc_dir_entry | null): void {
	if (entry)
		table.delete(entry.path);
}

/* ---- files of text --------------------------------------------------------------------------- */

const PDE = (inode: struct_inode): struct_proc_dir_entry =>
	(inode.i_private as pseudo_private).entry;

/* what an inode stands for; @pid is 0, or that of the task that a file of /proc/PID is about */
interface pseudo_private {
	entry: struct_proc_dir_entry;
	pid: number;
}

/** fs/proc/internal.h:get_proc_task(), of a file of /proc/PID. */
export function get_proc_task(inode: struct_inode): struct_task_struct | null {
	const task = find_task_by_vpid((inode.i_private as pseudo_private).pid);

	if (task)
		get_task_struct(task);
	return task;
}

/** Calls @fn with the entry's data, or the task that the file is about. */
function with_data(inode: struct_inode, fn: (data: unknown) => number): number {
	const { entry, pid } = inode.i_private as pseudo_private;

	if (!pid)
		return fn(entry.data);
	const task = get_proc_task(inode);
	if (!task)
		return -ESRCH;
	const ret = fn(task);
	put_task_struct(task);
	return ret;
}

/** fs/proc/generic.c:proc_single_open() */
function proc_single_open(inode: struct_inode, file: struct_file): number {
	const entry = PDE(inode);

	return single_open(file, (m) => entry.show ?
		with_data(inode, (data) => {
			const ret = entry.show!(m, data);
			if (typeof ret === "number")
				return ret;
			seq_puts(m, ret);
			return 0;
		}) : -EINVAL, entry.data);
}

/** fs/kernfs/file.c:kernfs_fop_write_iter(), proc_sys_write(): the text of one write. */
function proc_single_write(file: struct_file, buf: user_ptr, count: number, ppos: ref<loff_t>):
	number {
	const inode = file.f_inode!;
	const entry = PDE(inode);

	if (!entry.store)
		return -EIO;
	if (count >= PAGE_SIZE)
		count = PAGE_SIZE - 1;
	const bytes = new Uint8Array(count);
	if (copy_from_user(bytes, buf, count))
		return -EFAULT;
	const text = string_of(bytes);

	const ret = with_data(inode, (data) => entry.store!(text, data));
	if (ret < 0)
		return ret;
	const len = ret === 0 ? count : Math.min(ret, count);
	ppos.v += BigInt(len);
	return len;
}

const proc_single_ops: struct_file_operations = {
	open:		proc_single_open,
	read_iter:	(iocb, iter) => seq_read_iter(iocb, iter),
	write:		proc_single_write,
	llseek:		(file, offset, whence) => seq_lseek(file, offset, whence),
	release:	(inode, file) => single_release(inode, file),
};

/* fs/proc/inode.c:proc_reg_mmap(), where the entry has no operation of its own */
const proc_reg_file_ops: struct_file_operations = { ...proc_single_ops, mmap: () => -EIO };

/** Files of tasks, of sysctl and outside /proc are of other kinds, none of which knows mmap(). */
const ops_for = (path: string): struct_file_operations =>
	/^\/proc\/(?!self\/|sys\/)/.test(path) ? proc_reg_file_ops : proc_single_ops;

/* ---- inodes ---------------------------------------------------------------------------------- */

/** fs/proc/generic.c:proc_setattr(): sizes are accepted and ignored. */
function proc_setattr(mnt_userns: struct_user_namespace, dentry: struct_dentry,
	iattr: struct_iattr): number {
	const inode = dentry.d_inode!;
	const { entry } = dentry.d_fsdata as pseudo_private;

	const error = setattr_prepare(mnt_userns, dentry, iattr);
	if (error)
		return error;

	setattr_copy(mnt_userns, inode, iattr);
	mark_inode_dirty(inode);

	if (iattr.ia_valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		entry.mode = inode.i_mode;
	return 0;
}

const proc_file_inode_operations: struct_inode_operations = {
	setattr: proc_setattr,
};

function pseudo_d_release(dentry: struct_dentry): void {
	const { entry, pid } = dentry.d_fsdata as pseudo_private;

	entry.dentries.delete(pid);
}

const pseudo_dentry_operations: struct_dentry_operations = {
	d_release: pseudo_d_release,
};

/** fs/proc/inode.c:proc_get_inode(), with the dentry that holds it. */
function pseudo_get(entry: struct_proc_dir_entry, pid: number, full: string, path: struct_path):
	number {
	const mnt = mount_above(full);
	if (!mnt)
		return -ENOENT;

	let dentry = entry.dentries.get(pid) ?? null;
	if (dentry) {
		dget(dentry);
	} else {
		const root = mnt.mnt_root!;

		dentry = d_alloc(root, full.slice(mnt.mnt_mountpoint!.length + 1));
		if (!dentry)
			return -ENOMEM;
		const inode = new_inode(mnt.mnt_sb!);
		if (!inode) {
			dput(dentry);
			return -ENOMEM;
		}
		inode.i_ino = pid ? get_next_ino() : entry.low_ino;
		inode.i_private = entry.fops.open === proc_single_open || pid !== 0 ?
			{ entry, pid } satisfies pseudo_private : entry.data;
		inode.i_mtime = inode.i_atime = inode.i_ctime = current_time(inode);
		inode.i_op = proc_file_inode_operations;
		if ((entry.mode & S_IFMT) === S_IFCHR) {
			init_special_inode(inode, entry.mode, entry.rdev);
		} else {
			inode.i_mode = entry.mode;
			inode.i_fop = entry.fops;
		}
		if (S_ISDIR(entry.mode))
			inode.i_nlink = 2;
		if (!dentry.d_op)
			d_set_d_op(dentry, pseudo_dentry_operations);
		dentry.d_fsdata = { entry, pid } satisfies pseudo_private;
		d_instantiate(dentry, inode);
		entry.dentries.set(pid, dentry);
	}
	path.dentry = dentry;
	path.mnt = mntget(mnt);
	return 0;
}

const TASK_DIR = /^\/proc\/(self|thread-self|\d+)(?=\/|$)/;

/* the task that a path below /proc is about, and the entry's name */
function task_path(full: string): { task: struct_task_struct | null; name: string } | null {
	const match = TASK_DIR.exec(full);

	if (!match)
		return null;
	const who = match[1]!;
	const task = who === "thread-self" ? current :
		find_task_by_vpid(who === "self" ? current.tgid : Number(who));
	return { task, name: `/proc/self${full.slice(match[0].length)}` };
}

/** Port-only: the entry at @full as *@path with references, or -errno. */
export function pseudo_lookup(full: string, path: struct_path): number {
	const about = task_path(full);

	if (about) {
		if (!about.task)
			return -ENOENT;
		const entry = table.get(about.name);
		return entry ? pseudo_get(entry, about.task.pid, full, path) :
			not_there(about.name);
	}
	const entry = table.get(full);
	return entry ? pseudo_get(entry, 0, full, path) : not_there(full);
}

/* -ENOTDIR below a file */
function not_there(full: string): number {
	for (let at = full.lastIndexOf("/"); at > 0; at = full.lastIndexOf("/", at - 1)) {
		const above = table.get(full.slice(0, at));
		if (above)
			return S_ISDIR(above.mode) ? -ENOENT : -ENOTDIR;
	}
	return -ENOENT;
}

/** The text of a symbolic link; null if @dentry is none. */
export function pseudo_path(dentry: struct_dentry): string | null {
	const data = dentry.d_fsdata as pseudo_private | null;

	if (data === null || !(data.entry instanceof struct_proc_dir_entry) || !data.entry.link)
		return null;
	return data.entry.link();
}

/** /proc/TASK/fd/N: which task and descriptor; null if @full is no such name. */
export function proc_fd_link(full: string): { task: struct_task_struct; fd: number } | null {
	const dev = /^\/dev\/fd\/(\d+)$/.exec(full);
	if (dev)
		return { task: current, fd: Number(dev[1]) };
	const about = task_path(full);
	const match = about && /^\/proc\/self\/fd\/(\d+)$/.exec(about.name);

	if (!match || !about.task)
		return null;
	return { task: about.task, fd: Number(match[1]) };
}
