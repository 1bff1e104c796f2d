// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * What sysinfo() fills in.
 *
 * Upstream: include/uapi/linux/sysinfo.h.
 */
import { __array, __bytes, __s64, __struct, __u16, __u32, __u64 } from "#asm-generic/struct.ts";

export const SI_LOAD_SHIFT	= 16;

/** Sizes are in units of mem_unit bytes. */
export const struct_sysinfo_layout = __struct({
	uptime:		__s64,
	loads:		__array(__u64, 3),
	totalram:	__u64,
	freeram:	__u64,
	sharedram:	__u64,
	bufferram:	__u64,
	totalswap:	__u64,
	freeswap:	__u64,
	procs:		__u16,
	pad:		__u16,
	totalhigh:	__u64,
	freehigh:	__u64,
	mem_unit:	__u32,
	_f:		__bytes(0),
});
