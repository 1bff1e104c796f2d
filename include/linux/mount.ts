// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts.
 *
 * Upstream: include/linux/mount.h, and mnt_user_ns() of linux/fs.h.
 */
import type { struct_user_namespace, struct_vfsmount } from "#linux/fs.types.ts";
import { init_user_ns } from "#linux/user_namespace.ts";

export { struct_vfsmount } from "#linux/fs.types.ts";
export { __mnt_drop_write, __mnt_drop_write_file, __mnt_is_readonly, __mnt_want_write,
	__mnt_want_write_file, fc_mount, kern_mount, kern_unmount, mnt_drop_write,
	mnt_drop_write_file, mnt_init, mnt_want_write, mnt_want_write_file, mntget, mntput,
	vfs_create_mount, vfs_kern_mount } from "#linux/fs/namespace.ts";

/** Mounts are not idmapped here. */
export function mnt_user_ns(_mnt: struct_vfsmount): struct_user_namespace {
	return init_user_ns;
}
