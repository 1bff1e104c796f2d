// SPDX-License-Identifier: GPL-2.0
/*
 * Task and thread flags.
 *
 * Upstream: include/linux/sched.h (PF_*), arch/x86/include/asm/thread_info.h (TIF_*).
 */

export const PF_VCPU			= 0x00000001;
export const PF_IDLE			= 0x00000002;
export const PF_EXITING			= 0x00000004;
export const PF_POSTCOREDUMP		= 0x00000008;
export const PF_IO_WORKER		= 0x00000010;
export const PF_WQ_WORKER		= 0x00000020;
export const PF_FORKNOEXEC		= 0x00000040;
export const PF_MCE_PROCESS		= 0x00000080;
export const PF_SUPERPRIV		= 0x00000100;
export const PF_DUMPCORE		= 0x00000200;
export const PF_SIGNALED		= 0x00000400;
export const PF_MEMALLOC		= 0x00000800;
export const PF_NPROC_EXCEEDED		= 0x00001000;
export const PF_USED_MATH		= 0x00002000;
export const PF_NOFREEZE		= 0x00008000;
export const PF_FROZEN			= 0x00010000;
export const PF_KSWAPD			= 0x00020000;
export const PF_MEMALLOC_NOFS		= 0x00040000;
export const PF_MEMALLOC_NOIO		= 0x00080000;
export const PF_LOCAL_THROTTLE		= 0x00100000;
export const PF_KTHREAD			= 0x00200000;
export const PF_RANDOMIZE		= 0x00400000;
export const PF_NO_SETAFFINITY		= 0x04000000;
export const PF_MCE_EARLY		= 0x08000000;
export const PF_MEMALLOC_PIN		= 0x10000000;
export const PF_FREEZER_SKIP		= 0x40000000;

export const TIF_NOTIFY_RESUME		= 1;
export const TIF_SIGPENDING		= 2;
export const TIF_NEED_RESCHED		= 3;
export const TIF_SINGLESTEP		= 4;
export const TIF_USER_RETURN_NOTIFY	= 11;
export const TIF_NEED_FPU_LOAD		= 14;
export const TIF_NOTIFY_SIGNAL		= 17;
export const TIF_MEMDIE			= 20;

export const _TIF_NOTIFY_RESUME		= 1 << TIF_NOTIFY_RESUME;
export const _TIF_SIGPENDING		= 1 << TIF_SIGPENDING;
export const _TIF_NEED_RESCHED		= 1 << TIF_NEED_RESCHED;
export const _TIF_NOTIFY_SIGNAL		= 1 << TIF_NOTIFY_SIGNAL;

export const MAX_SCHEDULE_TIMEOUT	= Infinity;

export const SCHED_NORMAL	= 0;
