// SPDX-License-Identifier: GPL-2.0
/*
 * siginfo_t: codes and layout.
 *
 * Upstream: include/uapi/asm-generic/siginfo.h.
 */
import { __anon, __array, __bytes, __s16, __s32, __s64, __struct, __u32, __u64, __union } from
	"#asm-generic/struct.ts";

export const SI_MAX_SIZE	= 128;

const sigfault_fields = __struct({
	_addr:	__u64,
	_1: __anon(__union({
		_trapno:	__s32,
		_addr_lsb:	__s16,	/* BUS_MCEERR_AR, BUS_MCEERR_AO */
		_addr_bnd: __struct({
			_dummy_bnd:	__bytes(8),
			_lower:		__u64,
			_upper:		__u64,
		}),
		_addr_pkey: __struct({
			_dummy_pkey:	__bytes(8),
			_pkey:		__u32,
		}),
		_perf: __struct({
			_data:	__u64,
			_type:	__u32,
			_flags:	__u32,
		}),
	})),
});

/* a _sigval is an int or a pointer; here the whole word */
const sifields = __union({
	_kill: __struct({
		_pid:	__s32,
		_uid:	__u32,
	}),
	_timer: __struct({
		_tid:		__s32,
		_overrun:	__s32,
		_sigval:	__u64,
		_sys_private:	__s32,
	}),
	_rt: __struct({
		_pid:		__s32,
		_uid:		__u32,
		_sigval:	__u64,
	}),
	_sigchld: __struct({
		_pid:		__s32,
		_uid:		__u32,
		_status:	__s32,
		_utime:		__s64,
		_stime:		__s64,
	}),
	_sigfault: sigfault_fields,
	_sigpoll: __struct({
		_band:	__s64,
		_fd:	__s32,
	}),
	_sigsys: __struct({
		_call_addr:	__u64,
		_syscall:	__s32,
		_arch:		__u32,
	}),
});

export const struct_siginfo = __struct({
	_1: __anon(__union({
		_1: __anon(__struct({
			si_signo:	__s32,
			si_errno:	__s32,
			si_code:	__s32,
			_sifields:	sifields,
		})),
		_si_pad:	__array(__s32, SI_MAX_SIZE / 4),
	})),
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
