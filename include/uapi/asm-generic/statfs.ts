// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * What statfs() fills in.
 *
 * Upstream: include/uapi/asm-generic/statfs.h (64-bit words, as on x86-64).
 */
import { __array, __s32, __s64, __struct } from "#asm-generic/struct.ts";

export const struct_statfs = __struct({
	f_type:		__s64,
	f_bsize:	__s64,
	f_blocks:	__s64,
	f_bfree:	__s64,
	f_bavail:	__s64,
	f_files:	__s64,
	f_ffree:	__s64,
	f_fsid: __struct({
		val:	__array(__s32, 2),
	}),
	f_namelen:	__s64,
	f_frsize:	__s64,
	f_flags:	__s64,
	f_spare:	__array(__s64, 4),
});
