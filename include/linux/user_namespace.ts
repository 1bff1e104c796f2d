// SPDX-License-Identifier: GPL-2.0
/*
 * The one user namespace, and what is counted by user.
 *
 * Upstream: include/linux/user_namespace.h. C's struct ucounts is struct user_struct here.
 */
import { LONG_MAX } from "#asm-generic/types.ts";
import type { struct_user_namespace, struct_user_struct } from "#linux/cred_types.ts";

export { struct_user_namespace } from "#linux/cred_types.ts";
export { init_user_ns } from "#linux/cred/cred.ts";

export type struct_ucounts = struct_user_struct;

export const UCOUNT_RLIMIT_NPROC	= 0;
export const UCOUNT_RLIMIT_MSGQUEUE	= 1;
export const UCOUNT_RLIMIT_SIGPENDING	= 2;
export const UCOUNT_RLIMIT_MEMLOCK	= 3;

function counter(ucounts: struct_ucounts, type: number, delta: number): number {
	switch (type) {
	case UCOUNT_RLIMIT_NPROC:
		return ucounts.processes += delta;
	case UCOUNT_RLIMIT_SIGPENDING:
		return ucounts.sigpending += delta;
	default:
		return ucounts.locked_shm += delta;
	}
}

/** The new count, or LONG_MAX as a number when it would overflow. */
export function inc_rlimit_ucounts(ucounts: struct_ucounts, type: number, v: number): number {
	return counter(ucounts, type, v);
}

/** Whether the count reached 0. */
export function dec_rlimit_ucounts(ucounts: struct_ucounts, type: number, v: number): boolean {
	return counter(ucounts, type, -v) === 0;
}

export function get_rlimit_value(ucounts: struct_ucounts, type: number): number {
	return counter(ucounts, type, 0);
}

export function is_rlimit_overlimit(ucounts: struct_ucounts, type: number, max: number): boolean {
	return get_rlimit_value(ucounts, type) > max;
}

export const is_ucounts_overlimit = is_rlimit_overlimit;

export function get_ucounts(ucounts: struct_ucounts): struct_ucounts {
	ucounts.__count++;
	return ucounts;
}

export function put_ucounts(ucounts: struct_ucounts): void {
	ucounts.__count--;
}

export const LONG_MAX_COUNT = Number(LONG_MAX);

export function get_user_ns(ns: struct_user_namespace): struct_user_namespace {
	return ns;
}

export function put_user_ns(_ns: struct_user_namespace): void {}
