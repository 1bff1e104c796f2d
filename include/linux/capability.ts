// SPDX-License-Identifier: GPL-2.0
/*
 * Capabilities.
 *
 * Upstream: include/linux/capability.h, kernel/capability.c, cap_capable() of
 * security/commoncap.c.
 */
import { PF_SUPERPRIV } from "#linux/sched.const.ts";
import { current } from "#linux/sched_types.ts";
import type { kernel_cap_t, struct_user_namespace } from "#linux/cred_types.ts";

export * from "#uapi/linux/capability.ts";

export function cap_raised(c: kernel_cap_t, flag: number): boolean {
	return flag < 32 ? (c.lo & (1 << flag)) !== 0 : (c.hi & (1 << (flag - 32))) !== 0;
}

/** kernel/capability.c:ns_capable() */
export function ns_capable(_ns: struct_user_namespace | { name: string }, cap: number): boolean {
	if (!cap_raised(current.cred!.cap_effective, cap))
		return false;
	current.flags |= PF_SUPERPRIV;
	return true;
}

export function ns_capable_noaudit(ns: struct_user_namespace | { name: string }, cap: number):
	boolean {
	return ns_capable(ns, cap);
}

export function capable(cap: number): boolean {
	return ns_capable(current.cred!.user_ns!, cap);
}

export function has_capability_noaudit(t: typeof current, cap: number): boolean {
	return cap_raised(t.real_cred!.cap_effective, cap);
}

export function file_ns_capable(_file: unknown, ns: struct_user_namespace | { name: string },
	cap: number): boolean {
	return ns_capable(ns, cap);
}

export function capable_wrt_inode_uidgid(_ns: unknown, _inode: unknown, cap: number): boolean {
	return capable(cap);
}

export function perfmon_capable(): boolean {
	return capable(38) || capable(21);
}
