// SPDX-License-Identifier: GPL-2.0
/*
 * System calls under their libc names: -1 and errno on failure.
 *
 * Port-only in form. Offsets and sizes are numbers or bigints; pointers are numbers.
 */
import * as nr from "#uapi-asm/unistd_64.ts";
import { struct_stat } from "#uapi-asm/stat.ts";
import { type struct_view } from "#asm-generic/struct.ts";
import { AT_FDCWD } from "#uapi/linux/fcntl.ts";
import { ERESTARTWAIT, peek, poke, ret, syscall, syscall_gen, syscall_ret64, syscall_wait } from
	"./arch.ts";
import { alloca, release, with_bytes, with_input, with_string } from "./stack.ts";

export type num = number | bigint;
export const MAP_FAILED = -1;

export function memfd_create(name: string | null | number, flags: number): number {
	if (typeof name === "string")
		return with_string(name, (p) => ret(syscall(nr.__NR_memfd_create, p, flags)));
	return ret(syscall(nr.__NR_memfd_create, name ?? 0, flags));
}

export function open(path: string, flags: number, mode = 0): number {
	return with_string(path, (p) => ret(syscall(nr.__NR_openat, AT_FDCWD, p, flags, mode)));
}

export function close(fd: number): number {
	return ret(syscall(nr.__NR_close, fd));
}

export function read(fd: number, buf: num, len: num): number {
	return ret(syscall(nr.__NR_read, fd, buf, len));
}

/** read() that may wait, for pipes and eventfds. */
export function* read_wait(fd: number, buf: num, len: num): Generator<void, number, void> {
	return ret(yield* syscall_wait(nr.__NR_read, fd, buf, len));
}

export function write(fd: number, buf: num, len: num): number {
	return ret(syscall(nr.__NR_write, fd, buf, len));
}

export function pread(fd: number, buf: num, len: num, off: num): number {
	return ret(syscall(nr.__NR_pread64, fd, buf, len, off));
}

export function pwrite(fd: number, buf: num, len: num, off: num): number {
	return ret(syscall(nr.__NR_pwrite64, fd, buf, len, off));
}

/** Writes @bytes from scratch memory. */
export function write_bytes(fd: number, bytes: Uint8Array): number {
	return with_input(bytes, (p) => write(fd, p, bytes.length));
}

/** Up to @len bytes read, or null with errno. */
export function read_bytes(fd: number, len: number): Uint8Array | null {
	const p = alloca(len);
	const n = read(fd, p, len);
	const bytes = n < 0 ? null : peek(p, n);
	release(p);
	return bytes;
}

/** The whole of a file, as text, or null with errno. */
export function read_file(path: string): string | null {
	const fd = open(path, 0);
	if (fd < 0)
		return null;
	let text = "";
	for (;;) {
		const chunk = read_bytes(fd, 65536);
		if (chunk === null || chunk.length === 0)
			break;
		text += new TextDecoder().decode(chunk);
	}
	close(fd);
	return text;
}

/** Writes @text to a file; 0, or -1 with errno. */
export function write_file(path: string, text: string): number {
	const fd = open(path, 1);
	if (fd < 0)
		return -1;
	const n = write_bytes(fd, new TextEncoder().encode(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/** New offset, or -1n with errno. */
export function lseek(fd: number, off: num, whence: number): bigint {
	const r = syscall_ret64(nr.__NR_lseek, fd, off, whence);
	return r < 0n ? BigInt(ret(Number(r))) : r;
}

export function ftruncate(fd: number, len: num): number {
	return ret(syscall(nr.__NR_ftruncate, fd, len));
}

export function fallocate(fd: number, mode: number, off: num, len: num): number {
	return ret(syscall(nr.__NR_fallocate, fd, mode, off, len));
}

export function fstat(fd: number): struct_view<typeof struct_stat> | null {
	const st = struct_stat.alloc();
	return with_bytes(st.bytes, (p) => ret(syscall(nr.__NR_fstat, fd, p))) < 0 ? null : st;
}

export function fcntl(fd: number, cmd: number, arg: num = 0): number {
	return ret(syscall(nr.__NR_fcntl, fd, cmd, arg));
}

export function dup(fd: number): number {
	return ret(syscall(nr.__NR_dup, fd));
}

export function dup2(fd: number, to: number): number {
	return ret(syscall(nr.__NR_dup2, fd, to));
}

/** [read end, write end], or null with errno. */
export function pipe(flags = 0): [number, number] | null {
	const fds = new Uint8Array(8);
	if (with_bytes(fds, (p) => ret(syscall(nr.__NR_pipe2, p, flags))) < 0)
		return null;
	const dv = new DataView(fds.buffer);
	return [dv.getInt32(0, true), dv.getInt32(4, true)];
}

export function eventfd(initval: number, flags: number): number {
	return ret(syscall(nr.__NR_eventfd2, initval, flags));
}

export function fsync(fd: number): number {
	return ret(syscall(nr.__NR_fsync, fd));
}

/** @in_off null: the input file's own position. */
export function sendfile(out_fd: number, in_fd: number, in_off: num | null, len: num): number {
	if (in_off === null)
		return ret(syscall(nr.__NR_sendfile, out_fd, in_fd, 0, len));
	return with_bytes(u64_bytes(in_off),
		(p) => ret(syscall(nr.__NR_sendfile, out_fd, in_fd, p, len)));
}

export function copy_file_range(in_fd: number, in_off: num | null, out_fd: number,
	out_off: num | null, len: num, flags: number): number {
	const sp = alloca(16);
	const slot = (at: number, off: num | null): number => {
		if (off === null)
			return 0;
		poke(at, u64_bytes(off));
		return at;
	};
	const r = ret(syscall(nr.__NR_copy_file_range, in_fd, slot(sp, in_off), out_fd,
		slot(sp + 8, out_off), len, flags));
	release(sp);
	return r;
}

/** From and to where the files stand. */
export function splice(fd_in: number, fd_out: number, len: num, flags: number): number {
	return ret(syscall(nr.__NR_splice, fd_in, 0, fd_out, 0, len, flags));
}

/** @arg a raw register value, or the bytes of the argument struct. */
export function ioctl(fd: number, req: number, arg: num | Uint8Array = 0): number {
	if (arg instanceof Uint8Array)
		return with_bytes(arg, (p) => ret(syscall(nr.__NR_ioctl, fd, req, p)));
	return ret(syscall(nr.__NR_ioctl, fd, req, arg));
}

/** What gives its number to `yield*` without yielding. */
class no_wait {
	readonly last = { done: true as const, value: 0 };
	[Symbol.iterator](): Iterator<void, number, void> {
		return this;
	}
	next(): { done: true; value: number } {
		return this.last;
	}
}

const answer = new no_wait();

/**
 * ioctl() on a vCPU, which may run its guest, sleep, or wait for its mutex. What it returns is for
 * one `yield*`, at once.
 */
export function ioctl_wait(fd: number, req: number, arg: num = 0): Iterable<void, number, void> {
	const r = syscall_gen(nr.__NR_ioctl, fd, req, arg);

	if (typeof r !== "number" || r === -ERESTARTWAIT)
		return ioctl_waiting(r, fd, req, arg);
	answer.last.value = ret(r);
	return answer;
}

function* ioctl_waiting(run: number | Generator<void, number, void>, fd: number, req: number,
	arg: num): Generator<void, number, void> {
	for (;;) {
		const r = typeof run === "number" ? run : yield* run;
		if (r !== -ERESTARTWAIT)
			return ret(r);
		yield;
		run = syscall_gen(nr.__NR_ioctl, fd, req, arg);
	}
}

/** Target of a symbolic link, or null with errno. */
export function readlink(path: string): string | null {
	const p = alloca(4096);
	const n = with_string(path, (s) => ret(syscall(nr.__NR_readlinkat, AT_FDCWD, s, p, 4096)));
	const s = n < 0 ? null : new TextDecoder().decode(peek(p, n));
	release(p);
	return s;
}

/** libc's syscall(): one that has no name here. */
export function syscall_by_number(number: number, ...args: num[]): number {
	return ret(syscall(number, ...args));
}

/** 8 bytes, little endian. */
export function u64_bytes(x: num): Uint8Array {
	const b = new Uint8Array(8);
	new DataView(b.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(x)), true);
	return b;
}
