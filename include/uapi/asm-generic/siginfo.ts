// SPDX-License-Identifier: GPL-2.0
/*
 * siginfo_t: codes and layout.
 *
 * Upstream: include/uapi/asm-generic/siginfo.h.
 */
import { __bytes, __s16, __s32, __struct, __u32, __u64, __union } from "#asm-generic/struct.ts";

export const SI_MAX_SIZE	= 128;

const kill_fields = __struct({ _pid: __s32, _uid: __u32 });
const timer_fields = __struct({ _tid: __s32, _overrun: __s32, _sigval: __u64 });
const rt_fields = __struct({ _pid: __s32, _uid: __u32, _sigval: __u64 });
const sigchld_fields = __struct({
	_pid: __s32, _uid: __u32, _status: __s32, _utime: __u64, _stime: __u64,
});
const sigfault_fields = __struct({ _addr: __u64, _addr_lsb: __s16 });

export const struct_siginfo = __struct({
	si_signo:	__s32,
	si_errno:	__s32,
	si_code:	__s32,
	__pad0:		__s32,
	_sifields: __union({
		_pad:		__bytes(SI_MAX_SIZE - 16),
		_kill:		kill_fields,
		_timer:		timer_fields,
		_rt:		rt_fields,
		_sigchld:	sigchld_fields,
		_sigfault:	sigfault_fields,
	}),
});

export const SI_USER		= 0;
export const SI_KERNEL		= 0x80;
export const SI_QUEUE		= -1;
export const SI_TIMER		= -2;
export const SI_MESGQ		= -3;
export const SI_ASYNCIO		= -4;
export const SI_SIGIO		= -5;
export const SI_TKILL		= -6;

export const ILL_ILLOPC		= 1;
export const ILL_ILLOPN		= 2;
export const FPE_INTDIV		= 1;
export const SEGV_MAPERR	= 1;
export const SEGV_ACCERR	= 2;
export const SEGV_BNDERR	= 3;
export const SEGV_PKUERR	= 4;
export const BUS_ADRALN		= 1;
export const BUS_ADRERR		= 2;
export const BUS_OBJERR		= 3;
export const BUS_MCEERR_AR	= 4;
export const BUS_MCEERR_AO	= 5;
export const TRAP_BRKPT		= 1;
export const TRAP_TRACE		= 2;
export const CLD_EXITED		= 1;
export const CLD_KILLED		= 2;
export const CLD_DUMPED		= 3;
export const CLD_TRAPPED	= 4;
export const CLD_STOPPED	= 5;
export const CLD_CONTINUED	= 6;
