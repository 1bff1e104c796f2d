// SPDX-License-Identifier: GPL-2.0
/*
 * SYSCALL_DEFINE: system calls by name, with the C types of their arguments.
 *
 * Port-only in form. The table in arch/x86/entry turns numbers into names.
 */

/* how an argument register is read:
 *
 * int, uint	low 32 bits, as number
 * ptr		pointer into user memory, as number (2^47 and above: never accessible)
 * ulong	all 64 bits, unsigned, as bigint (size_t too)
 * long		all 64 bits, signed, as bigint (loff_t, off_t, ssize_t)
 */
export type arg_kind = "int" | "uint" | "ptr" | "ulong" | "long";

type arg_value<K extends arg_kind> = K extends "ulong" | "long" ? bigint : number;
type arg_values<A extends readonly arg_kind[]> = { -readonly [I in keyof A]: arg_value<A[I]> };

export interface syscall_entry {
	readonly name: string;
	readonly kinds: readonly arg_kind[];
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	readonly fn: (...args: any[]) => number | bigint;
}

const entries = new Map<string, syscall_entry>();

/** Registers a system call and returns the function itself: `sys_close(fd)` inside the kernel. */
export function SYSCALL_DEFINE<const A extends readonly arg_kind[], R extends number | bigint>(
	name: string, kinds: A, fn: (...args: arg_values<A>) => R): (...args: arg_values<A>) => R {
	if (entries.has(name))
		throw new Error(`multiple definition of sys_${name}`);
	entries.set(name, { name, kinds, fn });
	return fn;
}

/** The entry of system call @name, or null (ENOSYS). */
export function syscall_by_name(name: string): syscall_entry | null {
	return entries.get(name) ?? null;
}

/** What userspace passes in an argument register. */
export type reg_value = number | bigint;

/** Reads a register as @kind. */
export function read_arg(kind: arg_kind, x: reg_value): number | bigint {
	switch (kind) {
	case "int":
		return typeof x === "number" ? x | 0 : Number(BigInt.asIntN(32, x));
	case "uint":
		return typeof x === "number" ? x >>> 0 : Number(BigInt.asUintN(32, x));
	case "ptr":
		return typeof x === "number" && x >= 0 ? x : Number(BigInt.asUintN(64, BigInt(x)));
	case "ulong":
		return BigInt.asUintN(64, BigInt(x));
	case "long":
		return BigInt.asIntN(64, BigInt(x));
	}
}
