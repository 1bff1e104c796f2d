// SPDX-License-Identifier: GPL-2.0
/*
 * What the flags of open() may hold.
 *
 * Upstream: include/linux/fcntl.h.
 */
import * as F from "#uapi/linux/fcntl.ts";

export * from "#uapi/linux/fcntl.ts";

export const VALID_OPEN_FLAGS =
	F.O_RDONLY | F.O_WRONLY | F.O_RDWR | F.O_CREAT | F.O_EXCL | F.O_NOCTTY | F.O_TRUNC |
	F.O_APPEND | F.O_NDELAY | F.O_NONBLOCK | F.__O_SYNC | F.O_DSYNC |
	F.FASYNC | F.O_DIRECT | F.O_LARGEFILE | F.O_DIRECTORY | F.O_NOFOLLOW |
	F.O_NOATIME | F.O_CLOEXEC | F.O_PATH | F.__O_TMPFILE;

export const VALID_RESOLVE_FLAGS =
	F.RESOLVE_NO_XDEV | F.RESOLVE_NO_MAGICLINKS | F.RESOLVE_NO_SYMLINKS |
	F.RESOLVE_BENEATH | F.RESOLVE_IN_ROOT | F.RESOLVE_CACHED;

/* sizes that struct open_how has had */
export const OPEN_HOW_SIZE_VER0		= 24;
export const OPEN_HOW_SIZE_LATEST	= OPEN_HOW_SIZE_VER0;

export const force_o_largefile = (): boolean => true;
