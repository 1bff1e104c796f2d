// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Modes of fallocate().
 *
 * Upstream: include/uapi/linux/falloc.h.
 */

export const FALLOC_FL_KEEP_SIZE	= 0x01;	/* otherwise the file grows */
export const FALLOC_FL_PUNCH_HOLE	= 0x02;	/* gives the range back */
export const FALLOC_FL_NO_HIDE_STALE	= 0x04;	/* reserved */
export const FALLOC_FL_COLLAPSE_RANGE	= 0x08;
export const FALLOC_FL_ZERO_RANGE	= 0x10;
export const FALLOC_FL_INSERT_RANGE	= 0x20;
export const FALLOC_FL_UNSHARE_RANGE	= 0x40;
