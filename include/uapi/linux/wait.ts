// SPDX-License-Identifier: GPL-2.0
/*
 * wait4() and waitid() options, and the status word.
 *
 * Upstream: include/uapi/linux/wait.h; the W* macros are libc's.
 */

export const WNOHANG	= 0x00000001;
export const WUNTRACED	= 0x00000002;
export const WSTOPPED	= WUNTRACED;
export const WEXITED	= 0x00000004;
export const WCONTINUED	= 0x00000008;
export const WNOWAIT	= 0x01000000;
export const __WNOTHREAD = 0x20000000;
export const __WALL	= 0x40000000;
export const __WCLONE	= 0x80000000;

export const P_ALL	= 0;
export const P_PID	= 1;
export const P_PGID	= 2;
export const P_PIDFD	= 3;
