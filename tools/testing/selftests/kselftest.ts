// SPDX-License-Identifier: GPL-2.0
/*
 * What a test says about itself: TAP lines and exit codes.
 *
 * Upstream: tools/testing/selftests/kselftest.h. Left out: counts other than pass, fail and skip.
 */
import { exit, printf, type printf_arg, sprintf } from "#tools/include/nolibc/nolibc.ts";

export const KSFT_PASS	= 0;
export const KSFT_FAIL	= 1;
export const KSFT_XFAIL	= 2;
export const KSFT_XPASS	= 3;
export const KSFT_SKIP	= 4;

let ksft_plan = 0;
let ksft_pass = 0, ksft_fail = 0, ksft_xskip = 0;

function ksft_test_num(): number {
	return ksft_pass + ksft_fail + ksft_xskip;
}

export function ksft_print_header(): void {
	printf("TAP version 13\n");
}

export function ksft_set_plan(plan: number): void {
	ksft_plan = plan;
	printf("1..%d\n", ksft_plan);
}

function ksft_print_cnts(): void {
	if (ksft_plan !== ksft_test_num())
		printf("# Planned tests != run tests (%u != %u)\n", ksft_plan, ksft_test_num());
	printf("# Totals: pass:%d fail:%d xfail:%d xpass:%d skip:%d error:%d\n", ksft_pass,
		ksft_fail, 0, 0, ksft_xskip, 0);
}

export function ksft_print_msg(msg: string, ...args: printf_arg[]): void {
	printf("# " + msg, ...args);
}

export function ksft_test_result_pass(msg: string, ...args: printf_arg[]): void {
	ksft_pass++;
	printf("ok %d %s", ksft_test_num(), sprintf(msg, ...args));
}

export function ksft_test_result_fail(msg: string, ...args: printf_arg[]): void {
	ksft_fail++;
	printf("not ok %d %s", ksft_test_num(), sprintf(msg, ...args));
}

export function ksft_test_result(condition: boolean, msg: string, ...args: printf_arg[]): void {
	if (condition)
		ksft_test_result_pass(msg, ...args);
	else
		ksft_test_result_fail(msg, ...args);
}

export function ksft_test_result_skip(msg: string, ...args: printf_arg[]): void {
	ksft_xskip++;
	printf("ok %d # SKIP %s", ksft_test_num(), sprintf(msg, ...args));
}

export function ksft_exit_pass(): never {
	ksft_print_cnts();
	exit(KSFT_PASS);
}

export function ksft_exit_fail(): never {
	ksft_print_cnts();
	exit(KSFT_FAIL);
}

export function ksft_finished(): never {
	if (ksft_plan === ksft_pass + ksft_xskip)
		ksft_exit_pass();
	ksft_exit_fail();
}

/** Without a plan the whole program is skipped, which is one line of its own. */
export function ksft_exit_skip(msg: string, ...args: printf_arg[]): never {
	if (ksft_plan !== 0 || ksft_test_num() !== 0) {
		ksft_xskip++;
		printf("ok %d # SKIP %s", 1 + ksft_test_num(), sprintf(msg, ...args));
		ksft_print_cnts();
	} else {
		printf("1..0 # SKIP %s", sprintf(msg, ...args));
	}
	exit(KSFT_SKIP);
}
