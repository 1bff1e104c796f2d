// SPDX-License-Identifier: GPL-2.0
/*
 * Entry into the kernel by system call or exception, and the way back.
 *
 * Upstream: arch/x86/entry/common.c, entry_64.S, kernel/entry/common.c's irqentry_*(). Left out:
 * 32-bit entries, tracing and auditing, KPTI.
 *
 * An exception that leaves kernel code is an oops here, the outermost frame of it: die() prints it
 * and ends the task. Signal handlers run after that, outside of any kernel frame that could
 * mistake what they throw (siglongjmp()) for an oops.
 */
import type { reg_value, syscall_entry } from "#asm-generic/syscall.ts";
import { syscall_by_name } from "#asm-generic/syscall.ts";
import { ENOSYS } from "#linux/errno.ts";
import { irqentry_exit_to_user_mode, syscall_enter_from_user_mode, syscall_exit_to_user_mode } from
	"#linux/entry-common.ts";
import { die } from "#linux/panic.ts";
import { current } from "#linux/sched.ts";
import { __NR_rt_sigreturn } from "#uapi-asm/unistd_64.ts";
import { FAULT_COST_NS, SYSCALL_COST_NS, clock_cell } from "#hw/clock.ts";
import { type struct_cpu, this_cpu } from "#hw/cpu.ts";
import { uaccess_end } from "#asm/extable.ts";
import { IP_NONE, IP_RESTART, type struct_pt_regs } from "#asm/ptrace.ts";
import { type struct_arch_thread, arch_thread } from "#asm/signal.ts";
import { syscall_64_tbl } from "#arch/x86/entry/syscalls/syscall_64.tbl.ts";

/* codes of arg_kind */
const K_INT = 0, K_UINT = 1, K_PTR = 2, K_ULONG = 3, K_LONG = 4;

/** A system call as the entry code wants it. */
class syscall_desc {
	readonly name: string;
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	readonly fn: (...args: any[]) => number | bigint;
	readonly nargs: number;
	readonly k0: number;
	readonly k1: number;
	readonly k2: number;
	readonly k3: number;
	readonly k4: number;
	readonly k5: number;

	constructor(e: syscall_entry) {
		const code = { int: K_INT, uint: K_UINT, ptr: K_PTR, ulong: K_ULONG, long: K_LONG };
		const k = (i: number): number => i < e.kinds.length ? code[e.kinds[i]!] : K_INT;

		this.name = e.name;
		this.fn = e.fn;
		this.nargs = e.kinds.length;
		this.k0 = k(0);
		this.k1 = k(1);
		this.k2 = k(2);
		this.k3 = k(3);
		this.k4 = k(4);
		this.k5 = k(5);
	}
}

let sys_call_table: (syscall_desc | null)[] = [];

/** Fills the table; every SYSCALL_DEFINE has run. */
export function syscall_init(): void {
	sys_call_table = new Array<syscall_desc | null>(512).fill(null);
	for (const [nr, name] of syscall_64_tbl) {
		const e = syscall_by_name(name);
		if (e !== null)
			sys_call_table[nr] = new syscall_desc(e);
	}
}

/** Argument register @x as the C type @k. */
function arg(k: number, x: reg_value): number | bigint {
	if (typeof x === "number") {
		switch (k) {
		case K_INT:
			return x | 0;
		case K_UINT:
			return x >>> 0;
		case K_PTR:
			return x >= 0 ? x : x + 2 ** 64;
		case K_ULONG:
			return x >= 0 ? BigInt(x) : BigInt.asUintN(64, BigInt(x));
		default:
			return BigInt.asIntN(64, BigInt(x));
		}
	}
	switch (k) {
	case K_INT:
		return Number(BigInt.asIntN(32, x));
	case K_UINT:
		return Number(BigInt.asUintN(32, x));
	case K_PTR:
		return Number(BigInt.asUintN(64, x));
	case K_ULONG:
		return BigInt.asUintN(64, x);
	default:
		return BigInt.asIntN(64, x);
	}
}

function invoke(d: syscall_desc, a0: reg_value, a1: reg_value, a2: reg_value, a3: reg_value,
	a4: reg_value, a5: reg_value): number | bigint {
	switch (d.nargs) {
	case 0:
		return d.fn();
	case 1:
		return d.fn(arg(d.k0, a0));
	case 2:
		return d.fn(arg(d.k0, a0), arg(d.k1, a1));
	case 3:
		return d.fn(arg(d.k0, a0), arg(d.k1, a1), arg(d.k2, a2));
	case 4:
		return d.fn(arg(d.k0, a0), arg(d.k1, a1), arg(d.k2, a2), arg(d.k3, a3));
	case 5:
		return d.fn(arg(d.k0, a0), arg(d.k1, a1), arg(d.k2, a2), arg(d.k3, a3),
			arg(d.k4, a4));
	default:
		return d.fn(arg(d.k0, a0), arg(d.k1, a1), arg(d.k2, a2), arg(d.k3, a3),
			arg(d.k4, a4), arg(d.k5, a5));
	}
}

/** entry_SYSCALL_64: from user mode into the kernel. */
export function enter_from_user_mode(): struct_cpu {
	const cpu = this_cpu;

	if (cpu.cpl !== 3)
		throw new Error(`machine: cpu ${cpu.id}: system call outside user mode`);
	syscall_enter_from_user_mode();
	cpu.cpl = 0;
	clock_cell[0]! += SYSCALL_COST_NS;
	return cpu;
}

/**
 * arch/x86/entry/common.c:do_syscall_64(). The value is what the program finds in rax: never a
 * restart code but -ERESTARTWAIT.
 */
export function do_syscall_64(nr: number, a0: reg_value, a1: reg_value, a2: reg_value,
	a3: reg_value, a4: reg_value, a5: reg_value): number | bigint {
	for (;;) {
		const cpu = enter_from_user_mode();
		const d = sys_call_table[nr];
		const thread = arch_thread(current);
		const regs = thread.regs;
		const base = thread.frames.length;

		try {
			const ret = d !== undefined && d !== null ?
				invoke(d, a0, a1, a2, a3, a4, a5) : -ENOSYS;
			/* sigreturn has set the registers itself */
			if (nr !== __NR_rt_sigreturn) {
				regs.orig_ax = nr;
				regs.ax = ret;
				regs.ip = IP_NONE;
			}
			syscall_exit_to_user_mode(regs);
		} catch (e) {
			oops(e);
		}
		cpu.cpl = 3;
		if (thread.frames.length > base)
			run_handlers(thread, base);
		/* what sigreturn has restored is for the call that was interrupted */
		if (regs.ip !== IP_RESTART || nr === __NR_rt_sigreturn)
			return regs.ax;
	}
}

/** The end of do_syscall_64() for a call that ran as a generator. False: issue it again. */
export function syscall_return(nr: number, ret: number | bigint): boolean {
	const thread = arch_thread(current);
	const regs = thread.regs;
	const base = thread.frames.length;

	try {
		regs.orig_ax = nr;
		regs.ax = ret;
		regs.ip = IP_NONE;
		syscall_exit_to_user_mode(regs);
	} catch (e) {
		oops(e);
	}
	this_cpu.cpl = 3;
	if (thread.frames.length > base)
		run_handlers(thread, base);
	return regs.ip !== IP_RESTART;
}

/** The task is in the middle of nothing any more: die() ends it. */
export function oops(e: unknown): never {
	uaccess_end(IP_NONE);
	die(e);
}

/** What the program's runtime gives the kernel. */
export interface user_runtime {
	/** Calls the handler at @addr; may throw, which is siglongjmp(). */
	deliver(addr: number, signo: number, info: Uint8Array): void;
}

let user_runtime: user_runtime | null = null;

export function set_user_runtime(runtime: user_runtime): void {
	user_runtime = runtime;
}

/* the frames above @base, innermost first; each ends with rt_sigreturn() */
function run_handlers(thread: struct_arch_thread, base: number): void {
	while (thread.frames.length > base) {
		const frame = thread.frames[thread.frames.length - 1]!;

		try {
			if (user_runtime === null)
				throw new Error("no user runtime to deliver signals to");
			user_runtime.deliver(frame.handler, frame.sig, frame.info);
		} catch (e) {
			/* the frames that are jumped over are gone */
			thread.frames.length = Math.min(thread.frames.length, base);
			throw e;
		}
		do_syscall_64(__NR_rt_sigreturn, 0, 0, 0, 0, 0, 0);
	}
}

/**
 * irqentry_exit_to_user_mode() for a task that was interrupted between two of its instructions:
 * the scheduler gives it the CPU again. What a handler throws is thrown into the program.
 */
export function irqentry_return_to_user(): void {
	const t = current;
	const thread = arch_thread(t);
	const base = thread.frames.length;

	thread.regs.orig_ax = -1;
	thread.regs.ip = IP_NONE;
	irqentry_exit_to_user_mode(thread.regs);
	if (thread.frames.length === base)
		return;
	this_cpu.cpl = 3;
	try {
		run_handlers(thread, base);
	} catch (e) {
		throw_into_program(e);
	}
	this_cpu.cpl = 0;
}

/* t.thread.user.next() will throw @e at the point where the program is suspended */
function throw_into_program(e: unknown): void {
	const thread = current.thread;
	const user = thread.user;

	/* ended inside the handler, or about to be panicked: the caller's business */
	if (user === null || current.exit_state !== 0)
		throw e;
	const step: Generator<void, number, void> = {
		next() {
			thread.user = user;
			return user.throw(e);
		},
		return: (v) => user.return(v),
		throw: (x) => user.throw(x),
		[Symbol.iterator]: () => step,
	} as Generator<void, number, void>;
	thread.user = step;
}

/** Registers of a user-mode exception: the task's own. */
export function exception_enter_user(): struct_pt_regs {
	const regs = arch_thread(current).regs;

	clock_cell[0]! += FAULT_COST_NS;
	regs.orig_ax = -1;
	regs.ip = IP_NONE;
	return regs;
}

/** irqentry_exit() of an exception from user mode, then the handlers of its signals. */
export function exception_exit_user(): void {
	const thread = arch_thread(current);
	const base = thread.frames.length;

	try {
		irqentry_exit_to_user_mode(thread.regs);
	} catch (e) {
		oops(e);
	}
	this_cpu.cpl = 3;
	if (thread.frames.length > base)
		run_handlers(thread, base);
}
