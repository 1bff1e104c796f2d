// SPDX-License-Identifier: GPL-2.0
/*
 * Signal numbers, action flags, layouts.
 *
 * Upstream: arch/x86/include/uapi/asm/signal.h, include/uapi/asm-generic/signal-defs.h.
 */
import { __s32, __struct, __u64 } from "#asm-generic/struct.ts";

export const SIGHUP	= 1;
export const SIGINT	= 2;
export const SIGQUIT	= 3;
export const SIGILL	= 4;
export const SIGTRAP	= 5;
export const SIGABRT	= 6;
export const SIGIOT	= 6;
export const SIGBUS	= 7;
export const SIGFPE	= 8;
export const SIGKILL	= 9;
export const SIGUSR1	= 10;
export const SIGSEGV	= 11;
export const SIGUSR2	= 12;
export const SIGPIPE	= 13;
export const SIGALRM	= 14;
export const SIGTERM	= 15;
export const SIGSTKFLT	= 16;
export const SIGCHLD	= 17;
export const SIGCONT	= 18;
export const SIGSTOP	= 19;
export const SIGTSTP	= 20;
export const SIGTTIN	= 21;
export const SIGTTOU	= 22;
export const SIGURG	= 23;
export const SIGXCPU	= 24;
export const SIGXFSZ	= 25;
export const SIGVTALRM	= 26;
export const SIGPROF	= 27;
export const SIGWINCH	= 28;
export const SIGIO	= 29;
export const SIGPOLL	= 29;
export const SIGPWR	= 30;
export const SIGSYS	= 31;
export const SIGRTMIN	= 32;
export const SIGRTMAX	= 64;

export const SA_NOCLDSTOP	= 0x00000001;
export const SA_NOCLDWAIT	= 0x00000002;
export const SA_SIGINFO		= 0x00000004;
export const SA_UNSUPPORTED	= 0x00000400;
export const SA_EXPOSE_TAGBITS	= 0x00000800;
export const SA_RESTORER	= 0x04000000;
export const SA_ONSTACK		= 0x08000000;
export const SA_RESTART		= 0x10000000;
export const SA_NODEFER		= 0x40000000;
export const SA_RESETHAND	= 0x80000000;
export const SA_NOMASK		= SA_NODEFER;
export const SA_ONESHOT		= SA_RESETHAND;
/* kernel-internal, set by force_sig_fault() and friends */
export const SA_IMMUTABLE	= 0x00800000;

export const MINSIGSTKSZ	= 2048;
export const SIGSTKSZ		= 8192;

export const SIG_BLOCK		= 0;
export const SIG_UNBLOCK	= 1;
export const SIG_SETMASK	= 2;

export const SIG_DFL		= 0;
export const SIG_IGN		= 1;
export const SIG_ERR		= -1;

export const SS_ONSTACK		= 1;
export const SS_DISABLE		= 2;
export const SS_AUTODISARM	= 0x80000000;

/** The kernel's struct sigaction: what rt_sigaction() takes. */
export const struct_sigaction_layout = __struct({
	sa_handler:	__u64,
	sa_flags:	__u64,
	sa_restorer:	__u64,
	sa_mask:	__u64,
});

export const struct_sigaltstack = __struct({
	ss_sp:		__u64,
	ss_flags:	__s32,
	ss_size:	__u64,
});
