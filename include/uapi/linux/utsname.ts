// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * What uname() fills in.
 *
 * Upstream: include/uapi/linux/utsname.h.
 */
import { __bytes, __struct } from "#asm-generic/struct.ts";

export const __NEW_UTS_LEN	= 64;

export const struct_new_utsname = __struct({
	sysname:	__bytes(__NEW_UTS_LEN + 1),
	nodename:	__bytes(__NEW_UTS_LEN + 1),
	release:	__bytes(__NEW_UTS_LEN + 1),
	version:	__bytes(__NEW_UTS_LEN + 1),
	machine:	__bytes(__NEW_UTS_LEN + 1),
	domainname:	__bytes(__NEW_UTS_LEN + 1),
});
