// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls from a guest to the test that runs it.
 *
 * Upstream: tools/testing/selftests/kvm/include/ucall_common.h.
 */
import { callers } from "../lib/assert.ts";
import { ucall } from "../lib/x86_64/ucall.ts";
import { type guest_program, string_at } from "./guest.ts";
import { TEST_FAIL } from "./test_util.ts";

/* Common ucalls */
export const UCALL_NONE		= 0;
export const UCALL_SYNC		= 1;
export const UCALL_ABORT	= 2;
export const UCALL_DONE		= 3;
export const UCALL_UNHANDLED	= 4;

export const UCALL_MAX_ARGS	= 7;

export class struct_ucall {
	cmd = UCALL_NONE;
	args: bigint[] = new Array<bigint>(UCALL_MAX_ARGS).fill(0n);
}

/** A number, or a string that the host knows by its address. */
export type ucall_arg = number | bigint | string | boolean;

export {
	get_ucall, get_ucall_pool_paddr, ucall, ucall_init, ucall_page_paddr_gva, ucall_uninit,
} from "../lib/x86_64/ucall.ts";

export function GUEST_SYNC_ARGS(stage: ucall_arg, arg1: ucall_arg, arg2: ucall_arg,
	arg3: ucall_arg, arg4: ucall_arg): guest_program {
	return ucall(UCALL_SYNC, 6, "hello", stage, arg1, arg2, arg3, arg4);
}

export function GUEST_SYNC(stage: ucall_arg): guest_program {
	return ucall(UCALL_SYNC, 2, "hello", stage);
}

export function GUEST_DONE(): guest_program {
	return ucall(UCALL_DONE, 0);
}

/* enum guest_assert_builtin_args */
export const GUEST_ERROR_STRING		= 0;
export const GUEST_FILE			= 1;
export const GUEST_LINE			= 2;
export const GUEST_ASSERT_BUILTIN_NARGS	= 3;

/** @condstr the condition as it is written */
export function* GUEST_ASSERT(condition: boolean, condstr: string, ...args: ucall_arg[]):
	guest_program {
	if (condition)
		return;
	const at = callers()[0] ?? { file: "?", line: 0 };
	yield* ucall(UCALL_ABORT, GUEST_ASSERT_BUILTIN_NARGS + args.length,
		"Failed guest assert: " + condstr, at.file, at.line, ...args);
}

export const GUEST_ASSERT_1 = GUEST_ASSERT;
export const GUEST_ASSERT_2 = GUEST_ASSERT;
export const GUEST_ASSERT_3 = GUEST_ASSERT;
export const GUEST_ASSERT_4 = GUEST_ASSERT;

/** @names "a == b" as it is written */
export function GUEST_ASSERT_EQ(a: number | bigint, b: number | bigint, names = "a == b"):
	guest_program {
	return GUEST_ASSERT(BigInt(a) === BigInt(b), names, a, b);
}

export function GUEST_ASSERT_ARG(uc: struct_ucall, i: number): bigint {
	return uc.args[GUEST_ASSERT_BUILTIN_NARGS + i]!;
}

/** @fmt for the guest's arguments after the first three */
export function REPORT_GUEST_ASSERT_N(uc: struct_ucall, fmt: string,
	...args: (number | bigint)[]): never {
	TEST_FAIL("%s at %s:%ld\n" + fmt, string_at(uc.args[GUEST_ERROR_STRING]!),
		string_at(uc.args[GUEST_FILE]!), uc.args[GUEST_LINE]!, ...args);
}

export function REPORT_GUEST_ASSERT(uc: struct_ucall): never {
	REPORT_GUEST_ASSERT_N(uc, "");
}

export function REPORT_GUEST_ASSERT_1(uc: struct_ucall, fmt: string): never {
	REPORT_GUEST_ASSERT_N(uc, fmt, GUEST_ASSERT_ARG(uc, 0));
}

export function REPORT_GUEST_ASSERT_2(uc: struct_ucall, fmt: string): never {
	REPORT_GUEST_ASSERT_N(uc, fmt, GUEST_ASSERT_ARG(uc, 0), GUEST_ASSERT_ARG(uc, 1));
}

export function REPORT_GUEST_ASSERT_3(uc: struct_ucall, fmt: string): never {
	REPORT_GUEST_ASSERT_N(uc, fmt, GUEST_ASSERT_ARG(uc, 0), GUEST_ASSERT_ARG(uc, 1),
		GUEST_ASSERT_ARG(uc, 2));
}

export function REPORT_GUEST_ASSERT_4(uc: struct_ucall, fmt: string): never {
	REPORT_GUEST_ASSERT_N(uc, fmt, GUEST_ASSERT_ARG(uc, 0), GUEST_ASSERT_ARG(uc, 1),
		GUEST_ASSERT_ARG(uc, 2), GUEST_ASSERT_ARG(uc, 3));
}
