// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Scatter and gather vectors.
 *
 * Upstream: include/uapi/linux/uio.h.
 */
import { __struct, __u64 } from "#asm-generic/struct.ts";

export const struct_iovec = __struct({
	iov_base:	__u64,
	iov_len:	__u64,
});

export const UIO_FASTIOV	= 8;
export const UIO_MAXIOV		= 1024;
