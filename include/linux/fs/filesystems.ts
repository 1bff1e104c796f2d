// SPDX-License-Identifier: GPL-2.0
/*
 * The list of file system types.
 *
 * Upstream: fs/filesystems.c. Left out: sysfs(), modules.
 */
import { EBUSY, EINVAL } from "#linux/errno.ts";
import type { struct_file_system_type } from "#linux/fs.types.ts";
import { read_lock, read_unlock, rwlock_t, write_lock, write_unlock, rwlock_init } from
	"#linux/spinlock.ts";

const file_systems: struct_file_system_type[] = [];
let file_systems_lock_: rwlock_t | null = null;

function file_systems_lock(): rwlock_t {
	if (!file_systems_lock_) {
		file_systems_lock_ = new rwlock_t();
		rwlock_init(file_systems_lock_, "file_systems_lock");
	}
	return file_systems_lock_;
}

/** fs/filesystems.c:get_filesystem() */
export function get_filesystem(fs: struct_file_system_type): struct_file_system_type {
	return fs;
}

/** fs/filesystems.c:put_filesystem() */
export function put_filesystem(_fs: struct_file_system_type): void {}

/** fs/filesystems.c:register_filesystem() */
export function register_filesystem(fs: struct_file_system_type): number {
	let res = 0;

	write_lock(file_systems_lock());
	if (file_systems.some((p) => p === fs || p.name === fs.name))
		res = -EBUSY;
	else
		file_systems.push(fs);
	write_unlock(file_systems_lock());
	return res;
}

/** fs/filesystems.c:unregister_filesystem() */
export function unregister_filesystem(fs: struct_file_system_type): number {
	write_lock(file_systems_lock());
	const at = file_systems.indexOf(fs);
	if (at >= 0)
		file_systems.splice(at, 1);
	write_unlock(file_systems_lock());
	return at >= 0 ? 0 : -EINVAL;
}

/** fs/filesystems.c:get_fs_type() */
export function get_fs_type(name: string): struct_file_system_type | null {
	read_lock(file_systems_lock());
	const fs = file_systems.find((p) => p.name === name) ?? null;
	read_unlock(file_systems_lock());
	return fs;
}
