// SPDX-License-Identifier: GPL-2.0
/*
 * Credentials.
 *
 * Upstream: include/linux/cred.h.
 */
import { __put_cred } from "#linux/cred/cred.ts";
import { current } from "#linux/sched_types.ts";
import type { struct_cred, struct_user_namespace, struct_user_struct } from "#linux/cred_types.ts";

export { kernel_cap_t, struct_cred, struct_user_namespace, struct_user_struct } from
	"#linux/cred_types.ts";
export { __put_cred, abort_creds, commit_creds, copy_creds, cred_init, exit_creds, init_cred,
	init_user_ns, override_creds, prepare_creds, prepare_kernel_cred, revert_creds } from
	"#linux/cred/cred.ts";

export function get_cred(cred: struct_cred): struct_cred {
	cred.usage++;
	return cred;
}

export function get_new_cred(cred: struct_cred): struct_cred {
	cred.usage++;
	return cred;
}

export function put_cred(cred: struct_cred): void {
	if (--cred.usage === 0)
		__put_cred(cred);
}

export function current_cred(): struct_cred {
	return current.cred!;
}

export function get_current_cred(): struct_cred {
	return get_cred(current.cred!);
}

export function current_real_cred(): struct_cred {
	return current.real_cred!;
}

export function current_uid(): number {
	return current.cred!.uid;
}

export function current_gid(): number {
	return current.cred!.gid;
}

export function current_euid(): number {
	return current.cred!.euid;
}

export function current_egid(): number {
	return current.cred!.egid;
}

export function current_fsuid(): number {
	return current.cred!.fsuid;
}

export function current_fsgid(): number {
	return current.cred!.fsgid;
}

/** kernel/groups.c:in_group_p(); there are no supplementary groups. */
export function in_group_p(grp: number): boolean {
	return grp === current.cred!.fsgid;
}

export function current_user(): struct_user_struct {
	return current.cred!.user!;
}

export function current_user_ns(): struct_user_namespace {
	return current.cred!.user_ns!;
}

/** Pages locked by a user; upstream's ucounts of the one namespace. */
export function current_ucounts(): struct_user_struct {
	return current.cred!.user!;
}
