// SPDX-License-Identifier: GPL-2.0
/*
 * Processes and time.
 *
 * Port-only in form. A generator cannot be duplicated, so fork() takes the child's code; parent
 * and child have separate address spaces and descriptor tables, but share JavaScript variables:
 * what must be private to a process belongs in its memory.
 */
import * as nr from "#uapi-asm/unistd_64.ts";
import { SIGCHLD } from "#uapi/asm-generic/signal.ts";
import {
	peek, poke, ret, struct_thread, syscall, syscall_spawn, syscall_wait, thread,
	type user_code,
} from "./arch.ts";
import { alloca, release, with_bytes } from "./stack.ts";

/** The child's pid, or -1 with errno. */
export function fork(child: () => user_code): number {
	const t = new struct_thread();
	Object.assign(t, thread());
	return ret(syscall_spawn(t, child, nr.__NR_clone, SIGCHLD, 0, 0, 0, 0));
}

/** clone() with the flags given; a task that shares memory gets a stack of its own. */
export function clone(code: () => user_code, flags: number): number {
	return ret(syscall_spawn(new struct_thread(), code, nr.__NR_clone, flags, 0, 0, 0, 0));
}

/* how a child ended (wait status word) */
export const WIFEXITED = (s: number): boolean => (s & 0x7f) === 0;
export const WEXITSTATUS = (s: number): number => (s >> 8) & 0xff;
export const WIFSIGNALED = (s: number): boolean => ((s & 0x7f) + 1) >> 1 > 0 && !WIFEXITED(s);
export const WTERMSIG = (s: number): number => s & 0x7f;

/** { pid, status }; pid is -1 with errno. */
export function* waitpid(pid: number, options: number):
	Generator<void, { pid: number; status: number }, void> {
	const p = alloca(16);
	const r = ret(yield* syscall_wait(nr.__NR_wait4, pid, p, options, 0));
	const status = r > 0 ? new DataView(peek(p, 4).buffer).getInt32(0, true) : 0;
	release(p);
	return { pid: r, status };
}

export function exit(status: number): never {
	syscall(nr.__NR_exit_group, status);
	throw new Error("nolibc: exit: still alive");
}

export function* sched_yield(): Generator<void, void, void> {
	syscall(nr.__NR_sched_yield);
	yield;
}

/** struct timespec */
export function timespec_bytes(ns: number): Uint8Array {
	const ts = new Uint8Array(16);
	const dv = new DataView(ts.buffer);
	dv.setBigInt64(0, BigInt(Math.floor(ns / 1e9)), true);
	dv.setBigInt64(8, BigInt(Math.floor(ns % 1e9)), true);
	return ts;
}

/** Sleeps on the host's clock; others get a turn in any case. */
export function* nanosleep(ns: number): Generator<void, number, void> {
	if (ns === 0)
		yield;
	const p = alloca(16);
	poke(p, timespec_bytes(ns));
	const r = ret(yield* syscall_wait(nr.__NR_nanosleep, p, 0));
	release(p);
	return r;
}

export function* usleep(us: number): Generator<void, number, void> {
	return yield* nanosleep(us * 1000);
}

/** Nanoseconds of a clock of the host (CLOCK_MONOTONIC by default). */
export function clock_gettime(clock = 1): number {
	const ts = new Uint8Array(16);
	with_bytes(ts, (p) => syscall(nr.__NR_clock_gettime, clock, p));
	const dv = new DataView(ts.buffer);
	return Number(dv.getBigInt64(0, true)) * 1e9 + Number(dv.getBigInt64(8, true));
}

export function* sleep(seconds: number): Generator<void, number, void> {
	return yield* nanosleep(seconds * 1e9);
}

export function alarm(seconds: number): number {
	return syscall(nr.__NR_alarm, seconds);
}

export interface rlimit {
	rlim_cur: bigint;
	rlim_max: bigint;
}

export function getrlimit(resource: number): rlimit | null {
	const b = new Uint8Array(16);
	if (with_bytes(b, (p) => ret(syscall(nr.__NR_getrlimit, resource, p))) < 0)
		return null;
	const dv = new DataView(b.buffer);
	return { rlim_cur: dv.getBigUint64(0, true), rlim_max: dv.getBigUint64(8, true) };
}

export function setrlimit(resource: number, rl: rlimit): number {
	const b = new Uint8Array(16);
	const dv = new DataView(b.buffer);
	dv.setBigUint64(0, rl.rlim_cur, true);
	dv.setBigUint64(8, rl.rlim_max, true);
	return with_bytes(b, (p) => ret(syscall(nr.__NR_setrlimit, resource, p)));
}
