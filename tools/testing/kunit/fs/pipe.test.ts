// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes, eventfds and splice.
 */
import { describe, expect, it } from "vitest";
import { EAGAIN, EBUSY, EFAULT, EINVAL, EPERM, EPIPE, ESPIPE } from "#linux/errno.ts";
import { fdget } from "#linux/file.ts";
import type { struct_pipe_inode_info } from "#linux/pipe_fs_i.ts";
import { F_GETPIPE_SZ, F_SETPIPE_SZ, O_DIRECT, O_NONBLOCK } from "#uapi/linux/fcntl.ts";
import { EFD_SEMAPHORE } from "#uapi/linux/eventfd.ts";
import { FIONREAD } from "#uapi/asm-generic/ioctls.ts";
import { SIGPIPE } from "#uapi/asm-generic/signal.ts";
import { peek, syscall, syscall_wait, type user_code } from "#tools/include/nolibc/arch.ts";
import { fork, waitpid } from "#tools/include/nolibc/process.ts";
import { sigaction } from "#tools/include/nolibc/signal.ts";
import { alloca, with_input } from "#tools/include/nolibc/stack.ts";
import { close, eventfd, fcntl, ioctl, lseek, memfd_create, pipe, pwrite, read_bytes, read_wait,
	sendfile, u64_bytes, write, write_bytes } from "#tools/include/nolibc/sys.ts";
import { boot_fs, err, in_task } from "./fs_env.ts";

const NR_splice = 275, NR_tee = 276, NR_read = 0, NR_write = 1, NR_ftruncate = 77;
const SIG_IGN = 1;

boot_fs();

const bytes = (n: number, fill = 1): Uint8Array => new Uint8Array(n).fill(fill);
const info = (fd: number): struct_pipe_inode_info =>
	fdget(fd).file!.private_data as struct_pipe_inode_info;

describe("a pipe", () => {
	it("carries bytes in order, merging small writes", () => {
		in_task(() => {
			const [r, w] = pipe()!;

			expect(write_bytes(w, Uint8Array.of(1, 2, 3))).toBe(3);
			expect(write_bytes(w, Uint8Array.of(4, 5))).toBe(2);
			expect(info(r).head - info(r).tail).toBe(1);
			const n = new Uint8Array(4);
			ioctl(r, FIONREAD, n);
			expect(n[0]).toBe(5);
			expect([...read_bytes(r, 4)!]).toEqual([1, 2, 3, 4]);
			expect([...read_bytes(r, 4)!]).toEqual([5]);
			close(w);
			expect(read_bytes(r, 4)!.length).toBe(0);
		});
	});

	it("says EAGAIN, EPIPE and ESPIPE", () => {
		in_task(() => {
			const [r, w] = pipe(O_NONBLOCK)!;

			expect(syscall(NR_read, r, alloca(8), 8)).toBe(-EAGAIN);
			expect(err(Number(lseek(r, 0, 0)))).toBe(-ESPIPE);
			expect(syscall(NR_ftruncate, w, 0)).toBe(-EINVAL);
			expect(write_bytes(w, bytes(65536))).toBe(65536);
			expect(err(write_bytes(w, bytes(1)))).toBe(-EAGAIN);
			expect(read_bytes(r, 4096)!.length).toBe(4096);
			expect(write_bytes(w, bytes(4097))).toBe(4096);
			sigaction(SIGPIPE, SIG_IGN);
			close(r);
			expect(err(write_bytes(w, bytes(1)))).toBe(-EPIPE);
		});
	});

	it("kills a writer without readers", () => {
		const status = in_task(() => {
			const [r, w] = pipe()!;

			close(r);
			write_bytes(w, bytes(1));
		});
		expect(status & 0x7f).toBe(SIGPIPE);
	});

	it("makes a reader wait, without effect, and wakes it", () => {
		in_task(function* (): user_code {
			const [r, w] = pipe()!;
			const pid = fork(function* (): user_code {
				const buf = alloca(16);

				close(w);
				expect(yield* read_wait(r, buf, 16)).toBe(3);
				expect([...peek(buf, 3)]).toEqual([7, 8, 9]);
				expect(yield* read_wait(r, buf, 16)).toBe(0);
				return 0;
			});
			close(r);
			yield;
			yield;
			expect(write_bytes(w, Uint8Array.of(7, 8, 9))).toBe(3);
			yield;
			close(w);
			yield* waitpid(pid, 0);
		});
	});

	it("makes a writer wait", () => {
		in_task(function* (): user_code {
			const [r, w] = pipe()!;
			let done = false;

			fcntl(w, F_SETPIPE_SZ, 4096);
			write_bytes(w, bytes(4096));
			const pid = fork(function* (): user_code {
				expect(yield* syscall_wait(NR_write, w, alloca(16), 16)).toBe(16);
				done = true;
				return 0;
			});
			yield;
			yield;
			expect(done).toBe(false);
			expect(read_bytes(r, 4096)!.length).toBe(4096);
			yield* waitpid(pid, 0);
			expect(done).toBe(true);
			expect(read_bytes(r, 99)!.length).toBe(16);
		});
	});

	it("can be resized", () => {
		in_task(() => {
			const [r, w] = pipe()!;

			expect(fcntl(w, F_GETPIPE_SZ)).toBe(65536);
			write_bytes(w, bytes(8000, 5));
			write_bytes(w, bytes(4000, 6));
			expect(err(fcntl(w, F_SETPIPE_SZ, 4096))).toBe(-EBUSY);
			expect(fcntl(w, F_SETPIPE_SZ, 9000)).toBe(16384);
			const all = read_bytes(r, 12000)!;
			expect([all.length, all[7999], all[8000]]).toEqual([12000, 5, 6]);
			expect(err(fcntl(w, F_SETPIPE_SZ, 2 ** 31 + 1))).toBe(-EINVAL);
		});
	});

	it("in packet mode keeps the bounds of writes", () => {
		in_task(() => {
			const [r, w] = pipe(O_DIRECT)!;

			write_bytes(w, bytes(10));
			write_bytes(w, bytes(20));
			expect(read_bytes(r, 100)!.length).toBe(10);
			expect(read_bytes(r, 5)!.length).toBe(5);
			close(w);
			expect(read_bytes(r, 100)!.length).toBe(0);
		});
	});

	it("survives faults of its users", () => {
		in_task(() => {
			const [r, w] = pipe(O_NONBLOCK)!;

			expect(err(write(w, 0x1000, 10))).toBe(-EFAULT);
			write_bytes(w, bytes(10));
			expect(syscall(NR_read, r, 0x1000, 10)).toBe(-EFAULT);
			expect(read_bytes(r, 10)!.length).toBe(10);
		});
	});
});

describe("an eventfd", () => {
	it("counts", () => {
		in_task(() => {
			const e = eventfd(3, O_NONBLOCK);
			const s = eventfd(2, O_NONBLOCK | EFD_SEMAPHORE);

			write_bytes(e, u64_bytes(4));
			expect([...read_bytes(e, 8)!]).toEqual([...u64_bytes(7)]);
			expect(syscall(NR_read, e, alloca(8), 8)).toBe(-EAGAIN);
			expect(syscall(NR_read, e, alloca(8), 7)).toBe(-EINVAL);
			expect(err(write_bytes(e, u64_bytes(-1n)))).toBe(-EINVAL);
			write_bytes(e, u64_bytes(-2n));
			expect(err(write_bytes(e, u64_bytes(1)))).toBe(-EAGAIN);
			for (let i = 0; i < 2; i++)
				expect([...read_bytes(s, 8)!]).toEqual([...u64_bytes(1)]);
			expect(syscall(NR_read, s, alloca(8), 8)).toBe(-EAGAIN);
		});
	});

	it("wakes a reader", () => {
		in_task(function* (): user_code {
			const e = eventfd(0, 0);
			const pid = fork(function* (): user_code {
				const buf = alloca(8);

				expect(yield* read_wait(e, buf, 8)).toBe(8);
				expect(peek(buf, 8)[0]).toBe(5);
				return 0;
			});
			yield;
			yield;
			write_bytes(e, u64_bytes(5));
			yield* waitpid(pid, 0);
		});
	});
});

describe("splice", () => {
	it("moves pages of a file into a pipe and on into a file", () => {
		in_task(() => {
			const a = memfd_create("a", 0), b = memfd_create("b", 0);
			const [r, w] = pipe()!;

			write_bytes(a, bytes(10000, 3));
			lseek(a, 0, 0);
			expect(syscall(NR_splice, a, 0, w, 0, 9000, 0)).toBe(9000);
			expect(lseek(a, 0, 1)).toBe(9000n);
			/* by reference: what is written to the file now is seen */
			with_input(Uint8Array.of(4), (p) => pwrite(a, p, 1, 0));
			expect(syscall(NR_splice, r, 0, b, 0, 5000, 0)).toBe(5000);
			expect(syscall(NR_splice, r, 0, b, 0, 5000, 0)).toBe(4000);
			expect(lseek(b, 0, 2)).toBe(9000n);
			lseek(b, 0, 0);
			expect([...read_bytes(b, 2)!]).toEqual([4, 3]);
		});
	});

	it("tee() and pipe to pipe", () => {
		in_task(() => {
			const [r1, w1] = pipe(O_NONBLOCK)!, [r2, w2] = pipe(O_NONBLOCK)!;

			write_bytes(w1, bytes(100, 9));
			expect(syscall(NR_tee, r1, w2, 60, 0)).toBe(60);
			expect(read_bytes(r2, 100)!.length).toBe(60);
			expect(syscall(NR_splice, r1, 0, w2, 0, 30, 0)).toBe(30);
			expect(syscall(NR_splice, r1, 0, w2, 0, 1000, 0)).toBe(70);
			expect(read_bytes(r2, 1000)!.length).toBe(100);
			expect(syscall(NR_splice, r1, 0, w2, 0, 1000, 0)).toBe(-EAGAIN);
			expect(syscall(NR_splice, r1, 0, w1, 0, 1000, 0)).toBe(-EINVAL);
		});
	});

	it("sendfile() to a pipe, and to a sealed file", () => {
		in_task(() => {
			const a = memfd_create("a", 0), b = memfd_create("b", 2);
			const [r, w] = pipe()!;

			write_bytes(a, bytes(5000, 2));
			expect(sendfile(w, a, 1000, 3000)).toBe(3000);
			expect(read_bytes(r, 5000)!.length).toBe(3000);
			fcntl(b, 1033, 8);
			expect(err(sendfile(b, a, 0, 100))).toBe(-EPERM);
		});
	});
});
