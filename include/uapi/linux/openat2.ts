// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Arguments of openat2(); open() and openat() build one too.
 *
 * Upstream: include/uapi/linux/openat2.h.
 */
import { __struct, __u64 } from "#asm-generic/struct.ts";

export const struct_open_how = __struct({
	flags:		__u64,
	mode:		__u64,
	resolve:	__u64,
});

export const RESOLVE_NO_XDEV		= 0x01;
export const RESOLVE_NO_MAGICLINKS	= 0x02;
export const RESOLVE_NO_SYMLINKS	= 0x04;
export const RESOLVE_BENEATH		= 0x08;
export const RESOLVE_IN_ROOT		= 0x10;
export const RESOLVE_CACHED		= 0x20;
