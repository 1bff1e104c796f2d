// SPDX-License-Identifier: GPL-2.0
/*
 * The table of open files.
 */
import { describe, expect, it } from "vitest";
import { EBADF, EINVAL, EMFILE } from "#linux/errno.ts";
import { fdget, fput } from "#linux/file.ts";
import { get_file, get_nr_files } from "#linux/fs.ts";
import { current } from "#linux/sched.ts";
import { CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE } from "#uapi/linux/close_range.ts";
import { FD_CLOEXEC, F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, O_APPEND,
	O_CLOEXEC, O_NONBLOCK } from "#uapi/linux/fcntl.ts";
import { CLONE_FILES } from "#uapi/linux/sched.ts";
import { syscall, type user_code } from "#tools/include/nolibc/arch.ts";
import { clone, exit, fork, getrlimit, sched_yield, setrlimit, waitpid } from
	"#tools/include/nolibc/process.ts";
import { close, dup, dup2, fcntl, lseek, memfd_create } from "#tools/include/nolibc/sys.ts";
import { boot_fs, err, in_task } from "./fs_env.ts";

const NR_dup3 = 292, NR_close_range = 436;
const RLIMIT_NOFILE = 7, MFD_CLOEXEC = 1, SEEK_SET = 0, SEEK_CUR = 1;

boot_fs();

const memfd = (flags = 0): number => memfd_create("m", flags);
const files = () => current.files!;
const is_open = (fd: number): boolean => fcntl(fd, F_GETFD) >= 0;

describe("numbers", () => {
	it("are the lowest that are free", () => {
		in_task(() => {
			const a = memfd(), b = memfd(), c = memfd();

			expect([b, c]).toEqual([a + 1, a + 2]);
			close(b);
			close(a);
			expect([memfd(), memfd(), memfd()]).toEqual([a, b, c + 1]);
			expect(err(close(1000))).toBe(-EBADF);
			expect(syscall(3, 0xffffffff)).toBe(-EBADF);
		});
	});

	it("go beyond what the table holds", () => {
		in_task(() => {
			const first = memfd();

			for (let fd = first + 1; fd < 1024; fd++)
				expect(dup(first)).toBe(fd);
			expect(files().fdt!.max_fds).toBe(1024);
			expect(err(dup(first))).toBe(-EMFILE);
			close(130);
			close(700);
			expect([dup(first), dup(first)]).toEqual([130, 700]);

			const rl = getrlimit(RLIMIT_NOFILE)!;
			expect(setrlimit(RLIMIT_NOFILE, { ...rl, rlim_cur: rl.rlim_max })).toBe(0);
			expect(dup(first)).toBe(1024);
			expect(dup2(first, 3000)).toBe(3000);
			expect(files().fdt!.max_fds).toBe(4096);
			expect(dup(first)).toBe(1025);
			expect([is_open(2999), is_open(3000)]).toEqual([false, true]);
		});
	});

	it("stay below RLIMIT_NOFILE", () => {
		in_task(() => {
			const fd = memfd();
			const rl = getrlimit(RLIMIT_NOFILE)!;

			setrlimit(RLIMIT_NOFILE, { ...rl, rlim_cur: 10n });
			expect(err(fcntl(fd, F_DUPFD, 10))).toBe(-EINVAL);
			expect(err(dup2(fd, 10))).toBe(-EBADF);
			expect(fcntl(fd, F_DUPFD, 9)).toBe(9);
			expect(err(fcntl(fd, F_DUPFD, 9))).toBe(-EMFILE);
		});
	});
});

describe("duplicates", () => {
	it("share offset and status flags, not FD_CLOEXEC", () => {
		in_task(() => {
			const a = memfd(MFD_CLOEXEC), b = dup(a);

			lseek(a, 5, SEEK_SET);
			expect(lseek(b, 0, SEEK_CUR)).toBe(5n);
			fcntl(b, F_SETFL, O_APPEND | O_NONBLOCK);
			expect(fcntl(a, F_GETFL) & (O_APPEND | O_NONBLOCK))
				.toBe(O_APPEND | O_NONBLOCK);
			expect([fcntl(a, F_GETFD), fcntl(b, F_GETFD)]).toEqual([FD_CLOEXEC, 0]);
			fcntl(a, F_SETFD, 0);
			expect([fcntl(a, F_GETFD), fcntl(fcntl(a, F_DUPFD_CLOEXEC, 0), F_GETFD)])
				.toEqual([0, FD_CLOEXEC]);
		});
	});

	it("replace what was open", () => {
		in_task(() => {
			const a = memfd(), b = memfd();
			const nr = get_nr_files();

			expect(dup2(a, b)).toBe(b);
			expect(get_nr_files()).toBe(nr - 1);
			expect(dup2(a, a)).toBe(a);
			expect(err(dup2(99, 99))).toBe(-EBADF);
			expect(err(dup2(99, a))).toBe(-EBADF);
			expect(syscall(NR_dup3, a, a, 0)).toBe(-EINVAL);
			expect(syscall(NR_dup3, a, b, 1)).toBe(-EINVAL);
			expect(syscall(NR_dup3, a, b, O_CLOEXEC)).toBe(b);
			expect(fcntl(b, F_GETFD)).toBe(FD_CLOEXEC);
		});
	});
});

describe("close_range()", () => {
	it("closes, or marks", () => {
		in_task(() => {
			const a = memfd();

			for (let i = 1; i < 70; i++)
				dup(a);
			expect(syscall(NR_close_range, a + 2, a + 1, 0)).toBe(-EINVAL);
			expect(syscall(NR_close_range, a, a + 1, 1)).toBe(-EINVAL);
			expect(syscall(NR_close_range, a + 10, a + 11, CLOSE_RANGE_CLOEXEC))
				.toBe(0);
			expect([9, 10, 11, 12].map((i) => fcntl(a + i, F_GETFD)))
				.toEqual([0, 1, 1, 0]);
			expect(is_open(a + 69)).toBe(true);
			expect(syscall(NR_close_range, a + 1, 0xffffffff, 0)).toBe(0);
			expect([0, 1, 69].map((i) => is_open(a + i))).toEqual([true, false, false]);
			expect(dup(a)).toBe(a + 1);
		});
	});

	it("leaves the table of others alone with UNSHARE", () => {
		in_task(function* (): user_code {
			const a = memfd(), b = memfd();
			const shared = files();
			let left: unknown;
			const pid = clone(function* (): user_code {
				const before = [files() === shared, shared.count];
				syscall(NR_close_range, b, 0xffffffff, CLOSE_RANGE_UNSHARE);
				left = [...before, files() === shared, is_open(a), is_open(b)];
				exit(0);
			}, CLONE_FILES | 17);

			yield* waitpid(pid, 0);
			expect(left).toEqual([true, 2, false, true, false]);
			expect([shared.count, is_open(a), is_open(b)]).toEqual([1, true, true]);
		});
	});
});

describe("a child", () => {
	it("has a table of its own and the same open files", () => {
		in_task(function* (): user_code {
			const a = memfd(), b = memfd(), nr = get_nr_files();
			const pid = fork(function* (): user_code {
				lseek(a, 7, SEEK_SET);
				close(b);
				memfd();
				exit(is_open(b) ? 0 : 1);
			});

			yield* waitpid(pid, 0);
			expect([is_open(a), is_open(b)]).toEqual([true, true]);
			expect(lseek(a, 0, SEEK_CUR)).toBe(7n);
			expect(get_nr_files()).toBe(nr);
		});
	});
});

describe("references", () => {
	it("are taken by fdget() when the table is shared only", () => {
		in_task(function* (): user_code {
			const a = memfd();
			let stop = false;
			const alone = fdget(a);

			expect([alone.flags & 1, alone.file!.f_count]).toEqual([0, 1]);
			const pid = clone(function* (): user_code {
				while (!stop)
					yield* sched_yield();
				exit(0);
			}, CLONE_FILES | 17);
			const f = fdget(a);
			expect([f.flags & 1, f.file!.f_count]).toEqual([1, 2]);
			fput(f.file!);
			stop = true;
			yield* waitpid(pid, 0);
		});
	});

	it("given back last are dropped on the way to user mode", () => {
		in_task(() => {
			const a = memfd(), file = fdget(a).file!, nr = get_nr_files();

			get_file(file);
			close(a);
			expect(get_nr_files()).toBe(nr);
			fput(file);
			expect(get_nr_files()).toBe(nr);
			close(-1);
			expect(get_nr_files()).toBe(nr - 1);
		});
	});
});
