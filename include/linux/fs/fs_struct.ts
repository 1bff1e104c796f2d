// SPDX-License-Identifier: GPL-2.0
/*
 * The umask, and what would be root and working directory.
 *
 * Upstream: fs/fs_struct.c, sys_umask() of kernel/sys.c, fs_cachep of kernel/fork.c. Left out: root
 * and working directory, which are "/" for all.
 */
import { ENOMEM } from "#linux/errno.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { struct_fs_struct } from "#linux/fs_struct.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { current, type struct_task_struct } from "#linux/sched.ts";
import { task_lock, task_unlock } from "#linux/sched/task.ts";
import { SLAB_ACCOUNT, SLAB_HWCACHE_ALIGN, SLAB_PANIC, kmem_cache_alloc, kmem_cache_create,
	kmem_cache_free, type struct_kmem_cache } from "#linux/slab.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "#linux/spinlock.ts";
import { S_IRWXUGO } from "#linux/stat.ts";

let fs_cachep: struct_kmem_cache<struct_fs_struct>;

/** The part of kernel/fork.c:proc_caches_init() that makes fs_cachep. */
export function fs_cache_init(): void {
	fs_cachep = kmem_cache_create("fs_cache", struct_fs_struct,
		SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT, null)!;
}

/** fs/fs_struct.c:free_fs_struct() */
export function free_fs_struct(fs: struct_fs_struct): void {
	kmem_cache_free(fs_cachep, fs);
}

/** fs/fs_struct.c:exit_fs() */
export function exit_fs(tsk: struct_task_struct): void {
	const fs = tsk.fs;

	if (fs) {
		task_lock(tsk);
		spin_lock(fs.lock);
		tsk.fs = null;
		const kill = !--fs.users;
		spin_unlock(fs.lock);
		task_unlock(tsk);
		if (kill)
			free_fs_struct(fs);
	}
}

/** fs/fs_struct.c:copy_fs_struct() */
export function copy_fs_struct(old: struct_fs_struct): struct_fs_struct | null {
	const fs = kmem_cache_alloc(fs_cachep, GFP_KERNEL);

	/* @old is the caller's own */
	if (fs) {
		fs.users = 1;
		fs.in_exec = 0;
		spin_lock_init(fs.lock, "&fs->lock");
		fs.umask = old.umask;
	}
	return fs;
}

/** fs/fs_struct.c:unshare_fs_struct() */
export function unshare_fs_struct(): number {
	const fs = current.fs!;
	const new_fs = copy_fs_struct(fs);

	if (!new_fs)
		return -ENOMEM;

	task_lock(current);
	spin_lock(fs.lock);
	const kill = !--fs.users;
	current.fs = new_fs;
	spin_unlock(fs.lock);
	task_unlock(current);

	if (kill)
		free_fs_struct(fs);

	return 0;
}

/** fs/fs_struct.c:current_umask() */
export function current_umask(): number {
	return current.fs!.umask;
}

/** What the first task has (C: a static object), made when it is first asked for. */
let init_fs_struct: struct_fs_struct | null = null;
export function init_fs(): struct_fs_struct {
	if (!init_fs_struct) {
		init_fs_struct = new struct_fs_struct();
		init_fs_struct.users = 1;
		spin_lock_init(init_fs_struct.lock, "&fs->lock");
		init_fs_struct.umask = 0o022;
	}
	return init_fs_struct;
}

export const sys_umask = SYSCALL_DEFINE("umask", ["int"], (mask) => {
	const fs = current.fs!;
	const old = fs.umask;

	fs.umask = mask & S_IRWXUGO;
	return old;
});
