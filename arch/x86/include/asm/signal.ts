// SPDX-License-Identifier: GPL-2.0
/*
 * Signal frames.
 *
 * Upstream: arch/x86/include/asm/{signal,sigframe}.h. A frame lies not on the user stack but in
 * the task; what the handler sees of it is the siginfo.
 */
import type { struct_task_struct } from "#linux/sched_types.ts";
import { sigset_t } from "#linux/signal_types.ts";
import { struct_pt_regs } from "#asm/ptrace.ts";

/** C: struct rt_sigframe and the sigcontext in it. */
export class struct_rt_sigframe {
	handler = 0;
	sig = 0;
	info: Uint8Array;
	/** uc.uc_sigmask */
	set = new sigset_t();
	/** uc.uc_mcontext: the registers that sigreturn restores */
	ip = 0;
	ax: number | bigint = 0;

	constructor(info: Uint8Array) {
		this.info = info;
	}
}

/** thread.arch of a user task. */
export class struct_arch_thread {
	regs = new struct_pt_regs();
	/** frames set up and not yet returned from; the last is the innermost */
	frames: struct_rt_sigframe[] = [];
}

export function arch_thread(tsk: struct_task_struct): struct_arch_thread {
	let a = tsk.thread.arch as struct_arch_thread | null;
	if (a === null) {
		a = new struct_arch_thread();
		tsk.thread.arch = a;
	}
	return a;
}

/** C: task_pt_regs(current) */
export function current_pt_regs(tsk: struct_task_struct): struct_pt_regs {
	return arch_thread(tsk).regs;
}
