// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a failed assertion prints, and how the program ends.
 *
 * Upstream: tools/testing/selftests/kvm/lib/assert.c. The text of the condition is not known here.
 */
import { EACCES } from "#uapi/asm-generic/errno-base.ts";
import {
	errno, exit, fprintf, fputs, getpid, gettid, type printf_arg, sprintf, stderr, strerror,
} from "#tools/include/nolibc/nolibc.ts";
import { KSFT_SKIP } from "#tools/testing/selftests/kselftest.ts";
import { print_skip } from "./test_util.ts";

interface frame {
	fn: string;
	file: string;
	line: number;
}

/** The callers of this library's assertions, innermost first. */
export function callers(): frame[] {
	const frames: frame[] = [];
	for (const text of (new Error().stack ?? "").split("\n")) {
		const m = /at (?:(\S+) (?:\[[^\]]*\] )?\()?(?:.*\/selftests\/)?([^:()]*\.[jt]s):(\d+):\d+\)?$/
			.exec(text);
		if (m === null || /node:/.test(text))
			continue;
		const file = m[2]!.replace(/^kvm\//, "").replace(/\.js$/, ".ts");
		if (frames.length === 0 && /lib\/assert\.ts$|include\/test_util\.ts$|ucall_common\.ts$/
			.test(file))
			continue;
		frames.push({ fn: (m[1] ?? "").replace(/\.next$/, ""), file, line: Number(m[3]) });
	}
	return frames;
}

/** Dumps the current stack trace to stderr. */
function test_dump_stack(frames: readonly frame[]): void {
	if (frames.length === 0) {
		fputs("  (stack trace empty)\n", stderr);
		return;
	}
	frames.forEach((f, i) => fprintf(stderr, "%6d\t%s at %s:%d\n", i + 1, f.fn,
		f.file.replace(/.*\//, ""), f.line));
}

/** assert.c:test_assert() */
export function test_assert(exp: boolean, fmt: string | null, ...args: printf_arg[]): void {
	if (exp)
		return;
	const e = errno();
	const frames = callers();
	fputs("==== Test Assertion Failure ====\n" +
		sprintf("  %s:%u: %s\n", frames[0]?.file ?? "?", frames[0]?.line ?? 0, "false") +
		sprintf("  pid=%d tid=%d errno=%d - %s\n", getpid(), gettid(), e, strerror(e)),
	stderr);
	test_dump_stack(frames);
	if (fmt !== null)
		fputs(`  ${sprintf(fmt, ...args)}\n`, stderr);

	if (e === EACCES) {
		print_skip("Access denied - Exiting");
		exit(KSFT_SKIP);
	}
	exit(254);
}
