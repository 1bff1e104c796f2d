// SPDX-License-Identifier: GPL-2.0
/*
 * The SYSCALL instruction, as programs issue it.
 *
 * Upstream: arch/x86/entry/syscall_64.c is the table; this is the port-only doorway that userland
 * imports. Registers are numbers (any integer that a double holds exactly) or bigints.
 */
import type { reg_value } from "#asm-generic/syscall.ts";
import { EBADF } from "#linux/errno.ts";
import { fdget, fdput, type struct_fd } from "#linux/file.ts";
import { current, sched_alone } from "#linux/sched.ts";
import type { struct_task_struct, user_context } from "#linux/sched_types.ts";
import { __NR_ioctl } from "#uapi-asm/unistd_64.ts";
import { current_pt_regs } from "#asm/signal.ts";
import { do_syscall_64, enter_from_user_mode, oops, syscall_return } from "#asm/syscall.ts";

export { ERESTARTWAIT } from "#linux/errno.ts";
export { set_user_runtime, type user_runtime } from "#asm/syscall.ts";

/** rax after the call, as a number: -errno, or a result (rounded above 2^53). */
export function syscall(nr: number, a0: reg_value = 0, a1: reg_value = 0, a2: reg_value = 0,
	a3: reg_value = 0, a4: reg_value = 0, a5: reg_value = 0): number {
	const ret = do_syscall_64(nr, a0, a1, a2, a3, a4, a5);

	return typeof ret === "number" ? ret : Number(ret);
}

/** rax after the call, all 64 bits of it, signed. */
export function syscall_ret64(nr: number, a0: reg_value = 0, a1: reg_value = 0, a2: reg_value = 0,
	a3: reg_value = 0, a4: reg_value = 0, a5: reg_value = 0): bigint {
	return BigInt.asIntN(64, BigInt(do_syscall_64(nr, a0, a1, a2, a3, a4, a5)));
}

/**
 * ioctl() on a file that runs guests: rax, or, where it has to wait or others get a turn, a
 * generator of the rest, which yields while the guest runs or the vCPU sleeps. Every other call is
 * a plain one.
 */
export function syscall_gen(nr: number, a0: reg_value = 0, a1: reg_value = 0, a2: reg_value = 0,
	a3: reg_value = 0, a4: reg_value = 0, a5: reg_value = 0):
	number | Generator<void, number, void> {
	if (nr !== __NR_ioctl)
		return syscall(nr, a0, a1, a2, a3, a4, a5);
	const fd = typeof a0 === "number" ? a0 | 0 : Number(BigInt.asIntN(32, a0));
	const t = current;
	for (;;) {
		let ret: number;

		/* held across the call, as upstream's fdget() in sys_ioctl() does, and no longer */
		const f = fdget(fd);
		const ioctl_gen = f.file === null ? undefined : f.file.f_op.unlocked_ioctl_gen;
		if (f.file === null || ioctl_gen === undefined) {
			fdput(f);
			return f.file === null ? -EBADF : syscall(nr, a0, a1, a2, a3, a4, a5);
		}
		enter_from_user_mode();
		try {
			const run = ioctl_gen(f.file, typeof a1 === "number" ? a1 >>> 0 :
				Number(BigInt.asUintN(32, a1)), a2 === 0 ? 0n :
				BigInt.asUintN(64, BigInt(a2)));
			if (typeof run !== "number")
				return syscall_wait(t, f, run, nr, a0, a1, a2);
			ret = run;
			/* a signal may end the task on the way out */
			fdput(f);
		} catch (e) {
			oops(e);
		}
		if (syscall_return(nr, ret)) {
			const ax = Number(current_pt_regs(t).ax);

			/* the tick may come here: a guest that always exits ends no turn itself */
			return sched_alone() ? ax : syscall_turn(ax);
		}
	}
}

/** syscall_gen() from the first time on that @run, the ioctl, yields. */
function* syscall_wait(t: struct_task_struct, f: struct_fd, run: Generator<void, number, void>,
	nr: number, a0: reg_value, a1: reg_value, a2: reg_value): Generator<void, number, void> {
	let ret = 0;

	try {
		for (;;) {
			t.thread.in_kernel = 1;
			yield;
			t.thread.in_kernel = 0;
			const r = run.next();
			if (r.done === true) {
				ret = r.value;
				break;
			}
		}
		fdput(f);
	} catch (e) {
		oops(e);
	}
	if (!syscall_return(nr, ret)) {
		const again = syscall_gen(nr, a0, a1, a2);
		return typeof again === "number" ? again : yield* again;
	}
	const ax = Number(current_pt_regs(t).ax);

	if (!sched_alone())
		yield;
	return ax;
}

function* syscall_turn(ax: number): Generator<void, number, void> {
	yield;
	return ax;
}

/** The user context of the task that the next clone() makes; set right before it. */
export function set_next_child(child: () => user_context): void {
	current.thread.next_child = child();
}
