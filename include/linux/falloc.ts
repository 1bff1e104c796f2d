// SPDX-License-Identifier: GPL-2.0
/*
 * Upstream: include/linux/falloc.h. Left out: the ioctl forms of XFS.
 */
import * as F from "#uapi/linux/falloc.ts";

export * from "#uapi/linux/falloc.ts";

export const FALLOC_FL_SUPPORTED_MASK =
	F.FALLOC_FL_KEEP_SIZE | F.FALLOC_FL_PUNCH_HOLE | F.FALLOC_FL_COLLAPSE_RANGE |
	F.FALLOC_FL_ZERO_RANGE | F.FALLOC_FL_INSERT_RANGE | F.FALLOC_FL_UNSHARE_RANGE;
