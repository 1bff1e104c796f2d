// SPDX-License-Identifier: GPL-2.0
/*
 * File modes in groups.
 *
 * Upstream: include/linux/stat.h (struct kstat is in linux/fs.types.ts).
 */
import { STATX_ATTR_APPEND, STATX_ATTR_IMMUTABLE, S_IRGRP, S_IROTH, S_IRUSR, S_IRWXG, S_IRWXO,
	S_IRWXU, S_ISGID, S_ISUID, S_ISVTX, S_IWGRP, S_IWOTH, S_IWUSR, S_IXGRP, S_IXOTH, S_IXUSR }
	from "#uapi/linux/stat.ts";

export * from "#uapi/linux/stat.ts";
export { struct_kstat } from "#linux/fs.types.ts";

export const S_IRWXUGO	= S_IRWXU | S_IRWXG | S_IRWXO;
export const S_IALLUGO	= S_ISUID | S_ISGID | S_ISVTX | S_IRWXUGO;
export const S_IRUGO	= S_IRUSR | S_IRGRP | S_IROTH;
export const S_IWUGO	= S_IWUSR | S_IWGRP | S_IWOTH;
export const S_IXUGO	= S_IXUSR | S_IXGRP | S_IXOTH;

export const UTIME_NOW	= (1 << 30) - 1;
export const UTIME_OMIT	= (1 << 30) - 2;

/* attributes that the VFS reports for every file system */
export const KSTAT_ATTR_VFS_FLAGS = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
