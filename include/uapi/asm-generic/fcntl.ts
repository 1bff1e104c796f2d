// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Flags of open(), commands of fcntl().
 *
 * Upstream: include/uapi/asm-generic/fcntl.h (x86 takes it as it is).
 */
import { __s16, __s32, __s64, __struct } from "#asm-generic/struct.ts";

export const O_ACCMODE		= 0o00000003;
export const O_RDONLY		= 0o00000000;
export const O_WRONLY		= 0o00000001;
export const O_RDWR		= 0o00000002;
export const O_CREAT		= 0o00000100;
export const O_EXCL		= 0o00000200;
export const O_NOCTTY		= 0o00000400;
export const O_TRUNC		= 0o00001000;
export const O_APPEND		= 0o00002000;
export const O_NONBLOCK		= 0o00004000;
export const O_DSYNC		= 0o00010000;
export const FASYNC		= 0o00020000;
export const O_DIRECT		= 0o00040000;
export const O_LARGEFILE	= 0o00100000;
export const O_DIRECTORY	= 0o00200000;
export const O_NOFOLLOW		= 0o00400000;
export const O_NOATIME		= 0o01000000;
export const O_CLOEXEC		= 0o02000000;
export const __O_SYNC		= 0o04000000;
export const O_SYNC		= __O_SYNC | O_DSYNC;
export const O_PATH		= 0o10000000;
export const __O_TMPFILE	= 0o20000000;
export const O_TMPFILE		= __O_TMPFILE | O_DIRECTORY;
export const O_TMPFILE_MASK	= __O_TMPFILE | O_DIRECTORY | O_CREAT;
export const O_NDELAY		= O_NONBLOCK;

export const F_DUPFD		= 0;
export const F_GETFD		= 1;
export const F_SETFD		= 2;
export const F_GETFL		= 3;
export const F_SETFL		= 4;
export const F_GETLK		= 5;
export const F_SETLK		= 6;
export const F_SETLKW		= 7;
export const F_SETOWN		= 8;
export const F_GETOWN		= 9;
export const F_SETSIG		= 10;
export const F_GETSIG		= 11;
export const F_SETOWN_EX	= 15;
export const F_GETOWN_EX	= 16;
export const F_GETOWNER_UIDS	= 17;
export const F_OFD_GETLK	= 36;
export const F_OFD_SETLK	= 37;
export const F_OFD_SETLKW	= 38;

export const F_OWNER_TID	= 0;
export const F_OWNER_PID	= 1;
export const F_OWNER_PGRP	= 2;

export const struct_f_owner_ex = __struct({
	type:	__s32,
	pid:	__s32,
});

/* any value with the low bit set does */
export const FD_CLOEXEC		= 1;

export const F_RDLCK		= 0;
export const F_WRLCK		= 1;
export const F_UNLCK		= 2;

export const F_EXLCK		= 4;
export const F_SHLCK		= 8;

export const LOCK_SH		= 1;
export const LOCK_EX		= 2;
export const LOCK_NB		= 4;
export const LOCK_UN		= 8;
export const LOCK_MAND		= 32;
export const LOCK_READ		= 64;
export const LOCK_WRITE		= 128;
export const LOCK_RW		= 192;

export const F_LINUX_SPECIFIC_BASE	= 1024;

export const struct_flock = __struct({
	l_type:		__s16,
	l_whence:	__s16,
	l_start:	__s64,
	l_len:		__s64,
	l_pid:		__s32,
});
