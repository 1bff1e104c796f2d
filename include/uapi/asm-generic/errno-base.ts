// SPDX-License-Identifier: GPL-2.0
/*
 * Error numbers every Unix has.
 *
 * Upstream: include/uapi/asm-generic/errno-base.h.
 */
export const EPERM		= 1;
export const ENOENT		= 2;
export const ESRCH		= 3;
export const EINTR		= 4;
export const EIO		= 5;
export const ENXIO		= 6;
export const E2BIG		= 7;
export const ENOEXEC		= 8;
export const EBADF		= 9;
export const ECHILD		= 10;
export const EAGAIN		= 11;
export const ENOMEM		= 12;
export const EACCES		= 13;
export const EFAULT		= 14;
export const ENOTBLK		= 15;
export const EBUSY		= 16;
export const EEXIST		= 17;
export const EXDEV		= 18;
export const ENODEV		= 19;
export const ENOTDIR		= 20;
export const EISDIR		= 21;
export const EINVAL		= 22;
export const ENFILE		= 23;
export const EMFILE		= 24;
export const ENOTTY		= 25;
export const ETXTBSY		= 26;
export const EFBIG		= 27;
export const ENOSPC		= 28;
export const ESPIPE		= 29;
export const EROFS		= 30;
export const EMLINK		= 31;
export const EPIPE		= 32;
export const EDOM		= 33;
export const ERANGE		= 34;
