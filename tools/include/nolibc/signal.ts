// SPDX-License-Identifier: GPL-2.0
/*
 * Signals: sigaction, masks, and the way out of a handler.
 *
 * Port-only in form. A handler is a plain function; siglongjmp() is an exception that the
 * matching sigsetjmp() catches.
 */
import * as nr from "#uapi-asm/unistd_64.ts";
import { SA_SIGINFO, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SIGABRT } from
	"#uapi/asm-generic/signal.ts";
import { function_address, poke, ret, syscall, syscall_wait, thread } from "./arch.ts";
import { alloca, release, with_bytes } from "./stack.ts";

/** What a handler can read of siginfo_t. */
export interface siginfo {
	signo: number;
	errno: number;
	code: number;
	/** si_addr of SIGSEGV, SIGBUS */
	addr: number;
	/** si_addr_lsb of BUS_MCEERR_* */
	addr_lsb: number;
	/** si_pid of SIGCHLD and kill() */
	pid: number;
}

export type sighandler = (signo: number, info: siginfo) => void;
export const SIG_DFL = 0;
export const SIG_IGN = 1;
const SA_RESTORER = 0x04000000;
const wrappers = new Map<sighandler, (signo: number, info: Uint8Array) => void>();

function decode(bytes: Uint8Array): siginfo {
	const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	return {
		signo: dv.getInt32(0, true),
		errno: dv.getInt32(4, true),
		code: dv.getInt32(8, true),
		addr: Number(dv.getBigUint64(16, true)),
		addr_lsb: dv.getInt16(24, true),
		pid: dv.getInt32(16, true),
	};
}

/** @handler a function, SIG_DFL or SIG_IGN; @mask signals blocked while it runs. */
export function sigaction(signo: number, handler: sighandler | 0 | 1, flags = 0,
	mask = 0n): number {
	let address: number;
	if (typeof handler === "number") {
		address = handler;
	} else {
		let w = wrappers.get(handler);
		if (w === undefined) {
			w = (s, info): void => handler(s, decode(info));
			wrappers.set(handler, w);
		}
		address = function_address(w);
	}
	const sa = new Uint8Array(32);
	const dv = new DataView(sa.buffer);
	dv.setBigUint64(0, BigInt(address), true);
	dv.setBigUint64(8, BigInt(flags | SA_SIGINFO | SA_RESTORER), true);
	dv.setBigUint64(24, mask, true);
	return with_bytes(sa, (p) => ret(syscall(nr.__NR_rt_sigaction, signo, p, 0, 8)));
}

export function sigmask_of(...signals: number[]): bigint {
	return signals.reduce((m, s) => m | (1n << BigInt(s - 1)), 0n);
}

function sigprocmask_raw(how: number, set: bigint | null): bigint {
	const buf = new Uint8Array(16);
	const dv = new DataView(buf.buffer);
	dv.setBigUint64(0, set ?? 0n, true);
	with_bytes(buf, (p) => syscall(nr.__NR_rt_sigprocmask, how, set === null ? 0 : p, p + 8,
		8));
	return dv.getBigUint64(8, true);
}

/** The old mask. */
export function sigblock(mask: bigint): bigint {
	return sigprocmask_raw(SIG_BLOCK, mask);
}

export function sigunblock(mask: bigint): bigint {
	return sigprocmask_raw(SIG_UNBLOCK, mask);
}

export function sigsetmask(mask: bigint): bigint {
	return sigprocmask_raw(SIG_SETMASK, mask);
}

export function kill(pid: number, signo: number): number {
	return ret(syscall(nr.__NR_kill, pid, signo));
}

export function getpid(): number {
	return syscall(nr.__NR_getpid);
}

export function gettid(): number {
	return syscall(nr.__NR_gettid);
}

export function raise(signo: number): number {
	return ret(syscall(nr.__NR_tgkill, getpid(), gettid(), signo));
}

/** Ends the program by SIGABRT (status 134 in a shell). */
export function abort(): never {
	sigunblock(sigmask_of(SIGABRT));
	raise(SIGABRT);
	sigaction(SIGABRT, SIG_DFL);
	raise(SIGABRT);
	throw new Error("nolibc: abort: still alive");
}

/** Waits until one of @mask is pending and takes it; the signal's number or -1. */
export function* sigwait(mask: bigint): Generator<void, number, void> {
	const set = new Uint8Array(8);
	new DataView(set.buffer).setBigUint64(0, mask, true);
	const p = alloca(8);
	poke(p, set);
	const r = ret(yield* syscall_wait(nr.__NR_rt_sigtimedwait, p, 0, 0, 8));
	release(p);
	return r;
}

/* one jump target */
export class sigjmp_buf {
	mask = 0n;
	sp = 0;
}

class jump {
	readonly to: sigjmp_buf;
	readonly val: number;
	constructor(to: sigjmp_buf, val: number) {
		this.to = to;
		this.val = val;
	}
}

/**
 * Runs @body; 0 when it returns, or what siglongjmp(@env) was given inside it. The signal mask of
 * the call is back in force in that case.
 */
export function sigsetjmp(env: sigjmp_buf, body: () => void): number {
	env.mask = sigprocmask_raw(SIG_BLOCK, null);
	env.sp = thread().sp;
	try {
		body();
	} catch (e) {
		if (!(e instanceof jump) || e.to !== env)
			throw e;
		thread().sp = env.sp;
		sigsetmask(env.mask);
		return e.val;
	}
	return 0;
}

/** Leaves a handler for the sigsetjmp() of @env. */
export function siglongjmp(env: sigjmp_buf, val: number): never {
	throw new jump(env, val);
}
