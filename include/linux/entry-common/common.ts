// SPDX-License-Identifier: GPL-2.0
/*
 * What happens between user mode and the kernel, whatever the architecture.
 *
 * Upstream: kernel/entry/common.c. Left out: ptrace, seccomp, audit, context tracking. Beside
 * upstream's work (signals, task work), a return to user mode is where RCU callbacks run, expired
 * timers fire, and where a lock, a section or a preemption count left behind is a BUG.
 */
import { HOT_IRQS, HOT_LOCK_DEPTH, HOT_PREEMPT, HOT_RCU_NESTING, pcpu_hot } from "#asm/current.ts";
import { clock_read } from "#asm/timex.ts";
import { irqs_disabled } from "#linux/irqflags.ts";
import { preempt_count } from "#linux/preempt.ts";
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { ERESTARTWAIT } from "#linux/errno.ts";
import { debug_show_held_locks, lockdep_rcu_suspicious, lockdep_sys_exit } from
	"#linux/lockdep/lockdep.ts";
import { kernel_bug, dump_stack } from "#linux/panic.ts";
import { pr_err } from "#linux/printk.ts";
import { rcu_qs } from "#linux/rcupdate/tree.ts";
import { PF_EXITING, _TIF_NEED_RESCHED, _TIF_NOTIFY_RESUME, _TIF_NOTIFY_SIGNAL, _TIF_SIGPENDING }
	from "#linux/sched.const.ts";
import { clear_restart_wait } from "#linux/sched/core.ts";
import { task_exited } from "#linux/sched/exit.ts";
import { current, type struct_task_struct } from "#linux/sched_types.ts";
import { task_work_run } from "#linux/task_work/task_work.ts";
import { hrtimer_run_queues, next_expiry } from "#linux/timer/hrtimer.ts";
import type { struct_pt_regs } from "#asm/ptrace.ts";
import { arch_do_signal_or_restart } from "#arch/x86/kernel/signal.ts";

const EXIT_TO_USER_MODE_WORK = _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME |
	_TIF_NEED_RESCHED;

/** A task that has exited must not come back: its program swallowed task_exited. */
export function syscall_enter_from_user_mode(): void {
	if ((current.flags & PF_EXITING) !== 0)
		throw new task_exited(current);
}

/**
 * kernel/entry/common.c:exit_to_user_mode_loop(). May end the task, and then throws task_exited.
 */
export function exit_to_user_mode_loop(regs: struct_pt_regs): void {
	const t = current;

	for (let n = 0; (t.thread_info_flags & EXIT_TO_USER_MODE_WORK) !== 0; n++) {
		if (n > 1000)
			throw new kernel_bug("exit_to_user_mode_loop() does not end");
		/* the next yield is as good */
		t.thread_info_flags &= ~_TIF_NEED_RESCHED;
		if ((t.thread_info_flags & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)) !== 0)
			arch_do_signal_or_restart(regs);
		if ((t.thread_info_flags & _TIF_NOTIFY_RESUME) !== 0) {
			t.thread_info_flags &= ~_TIF_NOTIFY_RESUME;
			if (t.task_works !== null)
				task_work_run();
		}
	}
}

function is_unbalanced(t: struct_task_struct): boolean {
	return (pcpu_hot[HOT_LOCK_DEPTH]! | pcpu_hot[HOT_RCU_NESTING]! | pcpu_hot[HOT_PREEMPT]! |
		pcpu_hot[HOT_IRQS]! | t.pagefault_disabled) !== 0;
}

function unbalanced(t: struct_task_struct): void {
	if (CONFIG_PROVE_LOCKING)
		lockdep_sys_exit();
	if (pcpu_hot[HOT_RCU_NESTING] !== 0)
		lockdep_rcu_suspicious(
			"RCU read-side critical section held when returning to user space");
	if ((preempt_count() | pcpu_hot[HOT_IRQS]! | t.pagefault_disabled) !== 0) {
		pr_err("BUG: %s/%d returns to user space with preempt_count %x, " +
			"irqs_disabled %d, " +
			"pagefault_disabled %d\n", t.comm, t.pid, preempt_count(),
			irqs_disabled() ? 1 : 0, t.pagefault_disabled);
		debug_show_held_locks(t);
		dump_stack();
		throw new kernel_bug("unbalanced context when returning to user space");
	}
}

/** kernel/entry/common.c:exit_to_user_mode_prepare() */
export function exit_to_user_mode_prepare(regs: struct_pt_regs): void {
	const t = current;

	if (is_unbalanced(t))
		unbalanced(t);
	rcu_qs();
	if (next_expiry <= clock_read())
		hrtimer_run_queues(clock_read());
	if ((t.thread_info_flags & EXIT_TO_USER_MODE_WORK) !== 0)
		exit_to_user_mode_loop(regs);
}

/**
 * kernel/entry/common.c:syscall_exit_to_user_mode(); regs.ax is what the call returned. A call that
 * waits (-ERESTARTWAIT) is not over: no signal is delivered, it looks for itself when it is issued
 * again.
 */
export function syscall_exit_to_user_mode(regs: struct_pt_regs): void {
	const t = current;

	if (t.restart_wait.active) {
		if (regs.ax === -ERESTARTWAIT) {
			if (is_unbalanced(t))
				unbalanced(t);
			rcu_qs();
			return;
		}
		clear_restart_wait(t);
	}
	exit_to_user_mode_prepare(regs);
}

export function irqentry_enter_from_user_mode(): void {}

export function irqentry_exit_to_user_mode(regs: struct_pt_regs): void {
	exit_to_user_mode_prepare(regs);
}
