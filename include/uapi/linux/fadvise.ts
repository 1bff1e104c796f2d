// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Advices of posix_fadvise().
 *
 * Upstream: include/uapi/linux/fadvise.h.
 */

export const POSIX_FADV_NORMAL		= 0;
export const POSIX_FADV_RANDOM		= 1;
export const POSIX_FADV_SEQUENTIAL	= 2;
export const POSIX_FADV_WILLNEED	= 3;
export const POSIX_FADV_DONTNEED	= 4;
export const POSIX_FADV_NOREUSE		= 5;
