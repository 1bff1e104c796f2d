// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * File modes, and struct statx.
 *
 * Upstream: include/uapi/linux/stat.h.
 */
import { __array, __s32, __s64, __struct, __u16, __u32, __u64 } from "#asm-generic/struct.ts";

export const S_IFMT	= 0o170000;
export const S_IFSOCK	= 0o140000;
export const S_IFLNK	= 0o120000;
export const S_IFREG	= 0o100000;
export const S_IFBLK	= 0o060000;
export const S_IFDIR	= 0o040000;
export const S_IFCHR	= 0o020000;
export const S_IFIFO	= 0o010000;
export const S_ISUID	= 0o004000;
export const S_ISGID	= 0o002000;
export const S_ISVTX	= 0o001000;

export const S_ISLNK = (m: number): boolean => (m & S_IFMT) === S_IFLNK;
export const S_ISREG = (m: number): boolean => (m & S_IFMT) === S_IFREG;
export const S_ISDIR = (m: number): boolean => (m & S_IFMT) === S_IFDIR;
export const S_ISCHR = (m: number): boolean => (m & S_IFMT) === S_IFCHR;
export const S_ISBLK = (m: number): boolean => (m & S_IFMT) === S_IFBLK;
export const S_ISFIFO = (m: number): boolean => (m & S_IFMT) === S_IFIFO;
export const S_ISSOCK = (m: number): boolean => (m & S_IFMT) === S_IFSOCK;

export const S_IRWXU	= 0o0700;
export const S_IRUSR	= 0o0400;
export const S_IWUSR	= 0o0200;
export const S_IXUSR	= 0o0100;

export const S_IRWXG	= 0o0070;
export const S_IRGRP	= 0o0040;
export const S_IWGRP	= 0o0020;
export const S_IXGRP	= 0o0010;

export const S_IRWXO	= 0o0007;
export const S_IROTH	= 0o0004;
export const S_IWOTH	= 0o0002;
export const S_IXOTH	= 0o0001;

export const struct_statx_timestamp = __struct({
	tv_sec:		__s64,
	tv_nsec:	__u32,
	__reserved:	__s32,
});

export const struct_statx = __struct({
	stx_mask:		__u32,
	stx_blksize:		__u32,
	stx_attributes:		__u64,
	stx_nlink:		__u32,
	stx_uid:		__u32,
	stx_gid:		__u32,
	stx_mode:		__u16,
	__spare0:		__u16,
	stx_ino:		__u64,
	stx_size:		__u64,
	stx_blocks:		__u64,	/* of 512 bytes */
	stx_attributes_mask:	__u64,
	stx_atime:		struct_statx_timestamp,
	stx_btime:		struct_statx_timestamp,
	stx_ctime:		struct_statx_timestamp,
	stx_mtime:		struct_statx_timestamp,
	stx_rdev_major:		__u32,
	stx_rdev_minor:		__u32,
	stx_dev_major:		__u32,
	stx_dev_minor:		__u32,
	stx_mnt_id:		__u64,
	__spare2:		__u64,
	__spare3:		__array(__u64, 12),
});

export const STATX_TYPE			= 0x00000001;
export const STATX_MODE			= 0x00000002;
export const STATX_NLINK		= 0x00000004;
export const STATX_UID			= 0x00000008;
export const STATX_GID			= 0x00000010;
export const STATX_ATIME		= 0x00000020;
export const STATX_MTIME		= 0x00000040;
export const STATX_CTIME		= 0x00000080;
export const STATX_INO			= 0x00000100;
export const STATX_SIZE			= 0x00000200;
export const STATX_BLOCKS		= 0x00000400;
export const STATX_BASIC_STATS		= 0x000007ff;
export const STATX_BTIME		= 0x00000800;
export const STATX_MNT_ID		= 0x00001000;

export const STATX__RESERVED		= 0x80000000;
export const STATX_ALL			= 0x00000fff;

export const STATX_ATTR_COMPRESSED	= 0x00000004;
export const STATX_ATTR_IMMUTABLE	= 0x00000010;
export const STATX_ATTR_APPEND		= 0x00000020;
export const STATX_ATTR_NODUMP		= 0x00000040;
export const STATX_ATTR_ENCRYPTED	= 0x00000800;
export const STATX_ATTR_AUTOMOUNT	= 0x00001000;
export const STATX_ATTR_MOUNT_ROOT	= 0x00002000;
export const STATX_ATTR_VERITY		= 0x00100000;
export const STATX_ATTR_DAX		= 0x00200000;
