// SPDX-License-Identifier: GPL-2.0
/*
 * Resource limits.
 *
 * Upstream: include/uapi/asm-generic/resource.h, include/uapi/linux/resource.h.
 */
import { __struct, __s64, __u64 } from "#asm-generic/struct.ts";
import { struct_timeval } from "#uapi/linux/time.ts";

export const RLIMIT_CPU		= 0;
export const RLIMIT_FSIZE	= 1;
export const RLIMIT_DATA	= 2;
export const RLIMIT_STACK	= 3;
export const RLIMIT_CORE	= 4;
export const RLIMIT_RSS		= 5;
export const RLIMIT_NPROC	= 6;
export const RLIMIT_NOFILE	= 7;
export const RLIMIT_MEMLOCK	= 8;
export const RLIMIT_AS		= 9;
export const RLIMIT_LOCKS	= 10;
export const RLIMIT_SIGPENDING	= 11;
export const RLIMIT_MSGQUEUE	= 12;
export const RLIMIT_NICE	= 13;
export const RLIMIT_RTPRIO	= 14;
export const RLIMIT_RTTIME	= 15;
export const RLIM_NLIMITS	= 16;

export const RLIM_INFINITY	= 0xffffffffffffffffn;
export const RLIM64_INFINITY	= 0xffffffffffffffffn;

export const struct_rlimit_layout = __struct({ rlim_cur: __u64, rlim_max: __u64 });
export const struct_rlimit64 = struct_rlimit_layout;

export const RUSAGE_SELF	= 0;
export const RUSAGE_CHILDREN	= -1;
export const RUSAGE_THREAD	= 1;

export const struct_rusage = __struct({
	ru_utime: struct_timeval, ru_stime: struct_timeval,
	ru_maxrss: __s64, ru_ixrss: __s64, ru_idrss: __s64, ru_isrss: __s64,
	ru_minflt: __s64, ru_majflt: __s64, ru_nswap: __s64,
	ru_inblock: __s64, ru_oublock: __s64, ru_msgsnd: __s64, ru_msgrcv: __s64,
	ru_nsignals: __s64, ru_nvcsw: __s64, ru_nivcsw: __s64,
});
