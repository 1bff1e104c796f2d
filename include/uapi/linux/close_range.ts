// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Flags of close_range().
 *
 * Upstream: include/uapi/linux/close_range.h.
 */

/* unshare the descriptor table first */
export const CLOSE_RANGE_UNSHARE	= 1 << 1;
/* set close-on-exec instead of closing */
export const CLOSE_RANGE_CLOEXEC	= 1 << 2;
