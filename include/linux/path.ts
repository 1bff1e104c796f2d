// SPDX-License-Identifier: GPL-2.0
/*
 * Upstream: include/linux/path.h, fs/namei.c (path_get, path_put).
 */
import type { struct_path } from "#linux/fs.types.ts";
import { dget, dput } from "#linux/dcache.ts";
import { mntget, mntput } from "#linux/mount.ts";

export { struct_path } from "#linux/fs.types.ts";

/** fs/namei.c:path_get(): a reference to both halves. */
export function path_get(path: struct_path): void {
	mntget(path.mnt!);
	dget(path.dentry);
}

/** fs/namei.c:path_put() */
export function path_put(path: struct_path): void {
	dput(path.dentry);
	mntput(path.mnt);
}

export function path_equal(path1: struct_path, path2: struct_path): boolean {
	return path1.mnt === path2.mnt && path1.dentry === path2.dentry;
}
