// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Linux's own fcntl() commands, seals, and the AT_* flags.
 *
 * Upstream: include/uapi/linux/fcntl.h.
 */
import { F_LINUX_SPECIFIC_BASE } from "#uapi/asm-generic/fcntl.ts";

export * from "#uapi/asm-generic/fcntl.ts";
export * from "#uapi/linux/openat2.ts";

export const F_SETLEASE		= F_LINUX_SPECIFIC_BASE + 0;
export const F_GETLEASE		= F_LINUX_SPECIFIC_BASE + 1;

export const F_CANCELLK		= F_LINUX_SPECIFIC_BASE + 5;

export const F_DUPFD_CLOEXEC	= F_LINUX_SPECIFIC_BASE + 6;

export const F_NOTIFY		= F_LINUX_SPECIFIC_BASE + 2;

export const F_SETPIPE_SZ	= F_LINUX_SPECIFIC_BASE + 7;
export const F_GETPIPE_SZ	= F_LINUX_SPECIFIC_BASE + 8;

export const F_ADD_SEALS	= F_LINUX_SPECIFIC_BASE + 9;
export const F_GET_SEALS	= F_LINUX_SPECIFIC_BASE + 10;

/* kinds of seals; bit 31 stays free, because it is the sign of an error */
export const F_SEAL_SEAL	= 0x0001;	/* no further seals */
export const F_SEAL_SHRINK	= 0x0002;	/* the file may not shrink */
export const F_SEAL_GROW	= 0x0004;	/* the file may not grow */
export const F_SEAL_WRITE	= 0x0008;	/* no writes */
export const F_SEAL_FUTURE_WRITE	= 0x0010;	/* none but through present mappings */

export const F_GET_RW_HINT	= F_LINUX_SPECIFIC_BASE + 11;
export const F_SET_RW_HINT	= F_LINUX_SPECIFIC_BASE + 12;
export const F_GET_FILE_RW_HINT	= F_LINUX_SPECIFIC_BASE + 13;
export const F_SET_FILE_RW_HINT	= F_LINUX_SPECIFIC_BASE + 14;

export const RWH_WRITE_LIFE_NOT_SET	= 0;
export const RWH_WRITE_LIFE_NONE	= 1;
export const RWH_WRITE_LIFE_SHORT	= 2;
export const RWH_WRITE_LIFE_MEDIUM	= 3;
export const RWH_WRITE_LIFE_LONG	= 4;
export const RWH_WRITE_LIFE_EXTREME	= 5;

export const AT_FDCWD			= -100;
export const AT_SYMLINK_NOFOLLOW	= 0x100;
export const AT_EACCESS			= 0x200;
export const AT_REMOVEDIR		= 0x200;
export const AT_SYMLINK_FOLLOW		= 0x400;
export const AT_NO_AUTOMOUNT		= 0x800;
export const AT_EMPTY_PATH		= 0x1000;
export const AT_STATX_SYNC_TYPE		= 0x6000;
export const AT_STATX_SYNC_AS_STAT	= 0x0000;
export const AT_STATX_FORCE_SYNC	= 0x2000;
export const AT_STATX_DONT_SYNC		= 0x4000;
export const AT_RECURSIVE		= 0x8000;
