// SPDX-License-Identifier: GPL-2.0
/*
 * Signal delivery and sigreturn.
 *
 * Upstream: arch/x86/kernel/signal.c. Left out: 32-bit and x32 frames, FPU state, alternate stacks
 * (frames do not lie on a stack), vsyscall.
 *
 * setup_rt_frame() leaves a frame in the task; on the way to user mode the entry code calls the
 * program's runtime with it, as if the CPU went to the handler, and issues rt_sigreturn() when the
 * handler has returned. See arch/x86/entry/common.ts.
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { EINTR, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS } from "#linux/errno.ts";
import { current } from "#linux/sched.ts";
import { force_sig, get_signal, restore_saved_sigmask, set_current_blocked, signal_setup_done,
	test_restore_sigmask } from "#linux/sched/signal.ts";
import { sigcopyset, type sigset_t, struct_ksignal } from "#linux/signal.ts";
import { siginfo_bytes } from "#linux/signal/signal.ts";
import { SIGKILL, SIGSTOP, SIGSEGV } from "#uapi/asm-generic/signal.ts";
import { IP_NONE, IP_RESTART, type struct_pt_regs } from "#asm/ptrace.ts";
import { arch_thread, struct_rt_sigframe } from "#asm/signal.ts";

const SA_RESTART	= 0x10000000;
const SA_RESTORER	= 0x04000000;
/** include/linux/errno.h's number of the restart by restart_syscall() */
const ERESTART_RESTARTBLOCK = 516;
const EFAULT		= 14;

/** signal.h:sigmask_to_save(): the mask that sigreturn restores */
function sigmask_to_save(): sigset_t {
	return test_restore_sigmask() ? current.saved_sigmask : current.blocked;
}

/** arch/x86/kernel/signal.c:__setup_rt_frame() */
function setup_rt_frame(ksig: struct_ksignal, regs: struct_pt_regs): number {
	/* x86-64 has no trampoline of its own */
	if ((ksig.ka.sa.sa_flags & SA_RESTORER) === 0)
		return -EFAULT;

	const frame = new struct_rt_sigframe(siginfo_bytes(ksig.info));
	frame.handler = ksig.ka.sa.sa_handler;
	frame.sig = ksig.sig;
	sigcopyset(frame.set, sigmask_to_save());
	frame.ip = regs.ip;
	frame.ax = regs.ax;
	arch_thread(current).frames.push(frame);

	/* "in the handler" */
	regs.ax = 0;
	regs.ip = IP_NONE;
	return 0;
}

function handle_signal(ksig: struct_ksignal, regs: struct_pt_regs): void {
	/* -1 unless a system call is being left */
	if (regs.orig_ax !== -1) {
		switch (regs.ax) {
		case -ERESTART_RESTARTBLOCK:
		case -ERESTARTNOHAND:
			regs.ax = -EINTR;
			break;
		case -ERESTARTSYS:
			if ((ksig.ka.sa.sa_flags & SA_RESTART) === 0) {
				regs.ax = -EINTR;
				break;
			}
			regs.ip = IP_RESTART;
			break;
		case -ERESTARTNOINTR:
			regs.ip = IP_RESTART;
			break;
		}
	}

	const failed = setup_rt_frame(ksig, regs);
	signal_setup_done(failed, ksig, false);
}

/** arch/x86/kernel/signal.c:arch_do_signal_or_restart() */
export function arch_do_signal_or_restart(regs: struct_pt_regs): void {
	const ksig = new struct_ksignal();

	if (get_signal(ksig)) {
		handle_signal(ksig, regs);
		return;
	}

	/* -1 unless a system call is being left */
	if (regs.orig_ax !== -1) {
		/* no handler ran, so each of these codes means a restart */
		switch (regs.ax) {
		case -ERESTARTNOHAND:
		case -ERESTARTSYS:
		case -ERESTARTNOINTR:
		case -ERESTART_RESTARTBLOCK:
			regs.ip = IP_RESTART;
			break;
		}
	}

	/* nothing was delivered: a mask that sigsuspend() and such saved is due again */
	restore_saved_sigmask();
}

/** SYSCALL_DEFINE0(rt_sigreturn): back to where the innermost frame interrupted the program. */
export const sys_rt_sigreturn = SYSCALL_DEFINE("rt_sigreturn", [], () => {
	const thread = arch_thread(current);
	const frame = thread.frames.pop();

	if (frame === undefined) {
		/* badframe: */
		force_sig(SIGSEGV);
		return 0;
	}
	/* SIGKILL and SIGSTOP cannot be blocked */
	frame.set.lo &= ~((1 << (SIGKILL - 1)) | (1 << (SIGSTOP - 1)));
	set_current_blocked(frame.set);

	/* restore_sigcontext(): no system call to restart any more, but what was decided then */
	thread.regs.orig_ax = -1;
	thread.regs.ip = frame.ip;
	thread.regs.ax = frame.ax;
	return typeof frame.ax === "number" ? frame.ax : Number(frame.ax);
});
