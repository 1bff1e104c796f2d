// SPDX-License-Identifier: GPL-2.0
/*
 * The user-mode runtime's way into the machine: system calls, memory, the current thread.
 *
 * Port-only. A program's threads are generators; each is wrapped so that `thread()` is right
 * whenever its code runs, and a signal handler is called as an ordinary function on top of it.
 */
import { set_next_child, set_user_runtime, syscall, syscall_gen, syscall_ret64 } from
	"#arch/x86/entry/syscall_64.ts";
import { user_read, user_write } from "#hw/isa.ts";
import { ERESTARTWAIT } from "#arch/x86/entry/syscall_64.ts";

export { ERESTARTWAIT, syscall, syscall_gen, syscall_ret64 };
export {
	user_cmpxchg32, user_cmpxchg64, user_cpuid, user_fill, user_load16, user_load32,
	user_load64, user_load64n, user_load8, user_read, user_store16, user_store32, user_store64,
	user_store64n, user_store8, user_write, user_xadd32, user_xchg32,
} from "#hw/isa.ts";

/** A thread's code: yields whenever it waits, returns the thread's exit status. */
export type user_code = Generator<void, number | void, void>;

/** What C keeps in thread-local storage. */
export class struct_thread {
	errno = 0;
	/** Scratch stack: [stack_lo, sp) is in use. 0 until first used. */
	stack_lo = 0;
	stack_hi = 0;
	sp = 0;
}

let current_thread = new struct_thread();

export function thread(): struct_thread {
	return current_thread;
}

/** Bytes of scratch stack of a thread. */
export const STACK_SIZE = 1 << 20;

/** @code with its thread-local state in place whenever it runs. */
export function* run_thread(t: struct_thread, code: user_code): Generator<void, number, void> {
	for (;;) {
		current_thread = t;
		const r = code.next();
		if (r.done)
			return r.value ?? 0;
		yield;
	}
}

type handler_fn = (signo: number, info: Uint8Array) => void;
const functions: handler_fn[] = [];
/** Where functions "are": text addresses that only sigaction() and the kernel pass around. */
const TEXT_BASE = 0x400000;

export function function_address(fn: handler_fn): number {
	let i = functions.indexOf(fn);
	if (i < 0)
		i = functions.push(fn) - 1;
	return TEXT_BASE + 16 * i;
}

/** Calls the handler at @addr, as the kernel's signal frame would. */
function deliver(addr: number, signo: number, info: Uint8Array): void {
	const fn = functions[(addr - TEXT_BASE) / 16];
	if (fn === undefined)
		throw new Error(`nolibc: signal handler at ${addr.toString(16)}: no such function`);
	const t = current_thread;
	const sp = t.sp;
	fn(signo, info);
	current_thread = t;
	t.sp = sp;
}

set_user_runtime({ deliver });

/** System call that starts a task whose user context is @code on thread state @t. */
export function syscall_spawn(t: struct_thread, code: () => user_code, nr: number,
	...args: (number | bigint)[]): number {
	set_next_child(() => run_thread(t, code()));
	return syscall(nr, ...args);
}

/** Issues a system call that may wait: yields to the scheduler until it was woken, then again. */
export function* syscall_wait(nr: number, ...args: (number | bigint)[]):
	Generator<void, number, void> {
	for (;;) {
		const r = syscall(nr, ...args);
		if (r !== -ERESTARTWAIT)
			return r;
		yield;
	}
}

/** Return value of a plain system call: -1 and errno on failure, as libc does. */
export function ret(r: number): number {
	if (r >= 0 || r < -4095)
		return r;
	if (r === -ERESTARTWAIT)
		throw new Error("nolibc: this call has to wait: use its generator form");
	current_thread.errno = -r;
	return -1;
}

/** errno of the last failed call of this thread. */
export function errno(): number {
	return current_thread.errno;
}

export function set_errno(e: number): void {
	current_thread.errno = e;
}

/** Copy of @len bytes of user memory. */
export function peek(addr: number, len: number): Uint8Array {
	const bytes = new Uint8Array(len);
	user_read(addr, bytes);
	return bytes;
}

/** Stores @bytes to user memory. */
export function poke(addr: number, bytes: Uint8Array): void {
	user_write(addr, bytes);
}
