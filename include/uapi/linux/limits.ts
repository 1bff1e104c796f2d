// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Limits that userspace may rely on.
 *
 * Upstream: include/uapi/linux/limits.h.
 */

export const NR_OPEN		= 1024;

export const NGROUPS_MAX	= 65536;
export const ARG_MAX		= 131072;
export const LINK_MAX		= 127;
export const MAX_CANON		= 255;
export const MAX_INPUT		= 255;
export const NAME_MAX		= 255;
export const PATH_MAX		= 4096;	/* with the NUL */
export const PIPE_BUF		= 4096;	/* bytes that a pipe takes atomically */
export const XATTR_NAME_MAX	= 255;
export const XATTR_SIZE_MAX	= 65536;
export const XATTR_LIST_MAX	= 65536;

export const RTSIG_MAX		= 32;
