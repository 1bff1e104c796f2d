// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * What stat() fills in, 64-bit form.
 *
 * Upstream: arch/x86/include/uapi/asm/stat.h.
 */
import { __array, __s64, __struct, __u32, __u64 } from "#asm-generic/struct.ts";

export const struct_stat = __struct({
	st_dev:		__u64,
	st_ino:		__u64,
	st_nlink:	__u64,

	st_mode:	__u32,
	st_uid:		__u32,
	st_gid:		__u32,
	__pad0:		__u32,
	st_rdev:	__u64,
	st_size:	__s64,
	st_blksize:	__s64,
	st_blocks:	__s64,	/* of 512 bytes */

	st_atime:	__u64,
	st_atime_nsec:	__u64,
	st_mtime:	__u64,
	st_mtime_nsec:	__u64,
	st_ctime:	__u64,
	st_ctime_nsec:	__u64,
	__unused:	__array(__s64, 3),
});
