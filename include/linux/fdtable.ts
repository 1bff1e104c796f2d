// SPDX-License-Identifier: GPL-2.0
/*
 * The descriptor table of a process.
 *
 * Upstream: include/linux/fdtable.h. Bitmaps are kept in 32-bit words here; the sizes that can
 * be seen (NR_OPEN_DEFAULT, steps of growth) are those of 64-bit longs.
 */
import { struct_callback_head } from "#linux/rcupdate_types.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import { wait_queue_head_t } from "#linux/wait_types.ts";
import { current } from "#linux/sched.ts";
import type { struct_file } from "#linux/fs.types.ts";

export { __close_range, close_fd, close_fd_get_file, do_close_on_exec, dup_fd, exit_files,
	files_cachep, init_files, iterate_fd, put_files_struct, task_lookup_fd_rcu,
	task_lookup_next_fd_rcu, unshare_fd } from "#linux/fs/file.ts";

export const BITS_PER_LONG	= 64;
export const NR_OPEN_DEFAULT	= BITS_PER_LONG;
export const NR_OPEN_MAX	= 0xffffffff;

/*
 * One generation of a table; a larger one replaces it, and the old one goes after a grace period.
 * full_fds_bits has a bit for each word of open_fds without a zero.
 */
export class struct_fdtable {
	max_fds = 0;
	fd: (struct_file | null)[] = [];
	close_on_exec = new Uint32Array(0);
	open_fds = new Uint32Array(0);
	full_fds_bits = new Uint32Array(0);
	/** the allocation behind the three bitmaps; null: the files_struct's own */
	bits: Uint8Array | null = null;
	rcu = new struct_callback_head(this);
}

/* count by references; all else under file_lock, but for reads under RCU. */
export class struct_files_struct {
	count = 0;
	resize_in_progress = false;
	resize_wait = new wait_queue_head_t();
	fdt: struct_fdtable;
	fdtab = new struct_fdtable();
	file_lock = new spinlock_t();
	/** no descriptor below it is free */
	next_fd = 0;
	close_on_exec_init = new Uint32Array(NR_OPEN_DEFAULT / 32);
	open_fds_init = new Uint32Array(NR_OPEN_DEFAULT / 32);
	full_fds_bits_init = new Uint32Array(1);
	fd_array: (struct_file | null)[] =
		new Array<struct_file | null>(NR_OPEN_DEFAULT).fill(null);

	constructor() {
		this.fdt = this.fdtab;
	}
}

export function close_on_exec(fd: number, fdt: struct_fdtable): boolean {
	return (fdt.close_on_exec[fd >>> 5]! & (1 << (fd & 31))) !== 0;
}

export function fd_is_open(fd: number, fdt: struct_fdtable): boolean {
	return (fdt.open_fds[fd >>> 5]! & (1 << (fd & 31))) !== 0;
}

export function files_fdtable(files: struct_files_struct): struct_fdtable {
	return files.fdt;
}

/** The caller keeps the table from changing, or is its only user. */
export function files_lookup_fd_raw(files: struct_files_struct, fd: number): struct_file | null {
	const fdt = files.fdt;

	if (fd < fdt.max_fds)
		return fdt.fd[fd]!;
	return null;
}

export const files_lookup_fd_locked = files_lookup_fd_raw;
export const files_lookup_fd_rcu = files_lookup_fd_raw;

export function lookup_fd_rcu(fd: number): struct_file | null {
	return files_lookup_fd_rcu(current.files!, fd);
}
