// SPDX-License-Identifier: GPL-2.0
/*
 * What the parts of memfd_inaccessible_test share: checks, and files to check.
 *
 * Port-only. A check that fails prints a line and is counted.
 */
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import {
	errno, errno_name, exit, fallocate, fork, fstat, malloc, memfd_create, memset, type num,
	printf, user_load8, waitpid, WEXITSTATUS, WIFEXITED,
} from "#tools/include/nolibc/nolibc.ts";

export type wait<T = void> = Generator<void, T, void>;

export const PAGE = 4096;
export const SIZE = 16 * PAGE;

let failures = 0;

export function failure_count(): number {
	return failures;
}

export function check(ok: boolean, fmt: string, ...args: (string | number | bigint)[]): void {
	if (ok)
		return;
	printf(`# not as expected: ${fmt}\n`, ...args);
	failures++;
}

export const outcome = (r: num): string => r < 0 ? `-1 ${errno_name(errno())}` : `${r}`;

/** @r has to be -1, with one of @errnos. */
export function refused(what: string, r: num, ...errnos: number[]): void {
	check(r < 0 && errnos.includes(errno()), "%s: %s, expected %s", what, outcome(r),
		errnos.map(errno_name).join(" or "));
}

export function allowed(what: string, r: num, expected: num = 0): void {
	check(BigInt(r) === BigInt(expected), "%s: %s, expected %d", what, outcome(r), expected);
}

export function new_fd(flags = 0): number {
	const fd = memfd_create("inaccessible", MFD_INACCESSIBLE | flags);
	if (fd < 0) {
		printf("# memfd_create: %m\n");
		exit(1);
	}
	return fd;
}

/** One with memory in it. */
export function filled_fd(): number {
	const fd = new_fd();

	allowed("fallocate", fallocate(fd, 0, 0, SIZE));
	return fd;
}

export function size_of(fd: number): number {
	const st = fstat(fd);

	return st === null ? -1 : Number(st.st_size);
}

/** How many pages of memory are in the file. */
export function pages_of(fd: number): number {
	const st = fstat(fd);

	return st === null ? -1 : Number(st.st_blocks) * 512 / PAGE;
}

/* a page of the test's with a pattern, to see whether it was read or written */
export let buf = 0;

export function make_buf(): void {
	buf = malloc(PAGE);
	memset(buf, 0x5a, PAGE);
}

export function untouched(what: string): void {
	check(user_load8(buf) === 0x5a && user_load8(buf + PAGE - 1) === 0x5a,
		"%s wrote to the buffer", what);
}

export function* in_child(what: string, code: () => void): wait {
	const pid = fork(function* (): wait {
		const before = failures;
		code();
		exit(failures === before ? 0 : 1);
	});
	const { status } = yield* waitpid(pid, 0);

	check(WIFEXITED(status) && WEXITSTATUS(status) === 0, "%s: status 0x%x", what, status);
}
