// SPDX-License-Identifier: GPL-2.0
/*
 * Ending tasks, and waiting for them.
 *
 * Upstream: kernel/exit.c. Left out: ptrace, job control states of wait(), subreapers' levels,
 * pidfds, kill_orphaned_pgrp, coredump.
 *
 * do_exit() unwinds the program by throwing task_exited out of the kernel; the scheduler catches
 * it. When init ends the host does not panic: everybody else is killed and reaped, and
 * schedule_loop() answers init's status.
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { __s32 } from "#asm-generic/struct.ts";
import { container_of } from "#asm-generic/owner.ts";
import { copy_to_user, put_user } from "#linux/uaccess.ts";
import { CLD_EXITED, CLD_KILLED, struct_siginfo } from "#uapi/asm-generic/siginfo.ts";
import { SIGCHLD, SIGKILL } from "#uapi/asm-generic/signal.ts";
import { P_ALL, P_PGID, P_PID, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED, WUNTRACED, __WALL,
	__WCLONE, __WNOTHREAD } from "#uapi/linux/wait.ts";
import { RUSAGE_CHILDREN } from "#uapi/asm-generic/resource.ts";
import { ECHILD, EFAULT, EINVAL, ERESTARTWAIT, ESRCH } from "#linux/errno.ts";
import { exit_files } from "#linux/fdtable.ts";
import { exit_fs } from "#linux/fs_struct.ts";
import { list_add_tail, list_del_init, list_empty } from "#linux/list.ts";
import { HOT_IRQS, HOT_NON_BLOCK, HOT_RCU_NESTING, pcpu_hot } from "#asm/current.ts";
import { debug_check_no_locks_held, lockdep_forget_held } from "#linux/lockdep/lockdep.ts";
import { lockdep_off } from "#linux/lockdep.ts";
import { preempt_count, preempt_count_sub } from "#linux/preempt.ts";
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { host_dead, panic } from "#linux/panic.ts";
import { detach_pid, find_get_pid, get_task_pid, put_pid } from "#linux/pid/pid.ts";
import { pr_alert, pr_info } from "#linux/printk.ts";
import { hrtimer_cancel } from "#linux/hrtimer.ts";
import { PF_EXITING, PF_KTHREAD, TIF_SIGPENDING } from "#linux/sched.const.ts";
import { EXIT_DEAD, EXIT_ZOMBIE, PIDTYPE_MAX, PIDTYPE_PGID, PIDTYPE_PID, PIDTYPE_SID, PIDTYPE_TGID,
	TASK_DEAD, TASK_INTERRUPTIBLE, current, init_task, type struct_pid,
	struct_task_struct } from "#linux/sched_types.ts";
import { __cleanup_sighand, exit_mm, nr_threads_dec, put_task_struct_rcu_user, tasklist_lock } from
	"#linux/sched/fork.ts";
import { for_each_process, for_each_thread } from "#linux/sched/task_list.ts";
import { SIGNAL_GROUP_EXIT, delay_group_leader, next_thread, thread_group_empty } from
	"#linux/sched/signal.ts";
import { clear_restart_wait, is_global_init, same_thread_group, wait_event_restart,
	wake_up_process } from "#linux/sched.ts";
import { SEND_SIG_PRIV, SEND_SIG_NOINFO, do_notify_parent, do_send_sig_info, exit_signals,
	flush_sigqueue, group_send_sig_info, zap_other_threads } from "#linux/signal/signal.ts";
import { spin_lock, spin_lock_irq, spin_unlock, spin_unlock_irq, read_lock, read_unlock,
	write_lock_irq, write_unlock_irq } from "#linux/spinlock.ts";
import { free_pipe_info } from "#linux/pipe_fs_i.ts";
import { exit_task_work } from "#linux/task_work.ts";
import { getrusage_bytes } from "#linux/resource/sys.ts";
import { DEFINE_TRACE } from "#linux/tracepoint.ts";

/**
 * Thrown by do_exit() through the program's generators to the scheduler. Never catch it for
 * good.
 */
export class task_exited extends Error {
	readonly task: struct_task_struct;
	constructor(task: struct_task_struct) {
		super(`task ${task.comm}/${task.pid} exited`);
		this.name = "task_exited";
		this.task = task;
	}
}

const __tracepoint_sched_process_exit = DEFINE_TRACE("sched", "sched_process_exit",
	(p: struct_task_struct) => `comm=${p.comm} pid=${p.pid} prio=${p.prio}`);

function __unhash_process(p: struct_task_struct, group_dead: boolean): void {
	nr_threads_dec();
	detach_pid(p, PIDTYPE_PID);
	if (group_dead) {
		detach_pid(p, PIDTYPE_TGID);
		detach_pid(p, PIDTYPE_PGID);
		detach_pid(p, PIDTYPE_SID);
		list_del_init(p.tasks);
		list_del_init(p.sibling);
	}
	list_del_init(p.thread_group);
	list_del_init(p.thread_node);
}

/* kernel/exit.c:__exit_signal() */
function __exit_signal(tsk: struct_task_struct): void {
	const sig = tsk.signal;
	const group_dead = tsk.exit_signal >= 0;
	const sighand = tsk.sighand!;

	spin_lock(sighand.siglock);
	if (!group_dead) {
		if (sig.notify_count > 0 && --sig.notify_count === 0)
			wake_up_process(sig.group_exec_task!);
		if (tsk === sig.curr_target)
			sig.curr_target = next_thread(tsk);
	}
	sig.utime += tsk.utime;
	sig.stime += tsk.stime;
	sig.min_flt += tsk.min_flt;
	sig.maj_flt += tsk.maj_flt;
	sig.nvcsw += tsk.nvcsw;
	sig.nivcsw += tsk.nivcsw;
	sig.nr_threads--;
	__unhash_process(tsk, group_dead);

	flush_sigqueue(tsk.pending, tsk);
	tsk.sighand = null;
	spin_unlock(sighand.siglock);

	__cleanup_sighand(sighand);
	tsk.thread_info_flags &= ~(1 << TIF_SIGPENDING);
	if (group_dead)
		flush_sigqueue(sig.shared_pending, tsk);
}

/** kernel/exit.c:release_task(): a zombie, or a thread, goes for good. */
export function release_task(p: struct_task_struct): void {
	for (;;) {
		if (p.cred !== null)
			p.cred.user!.processes--;
		write_lock_irq(tasklist_lock);
		__exit_signal(p);

		/* the last thread of a dead leader: now the leader's parent may be told */
		let zap_leader = false;
		const leader = p.group_leader;
		if (leader !== p && thread_group_empty(leader) &&
		    leader.exit_state === EXIT_ZOMBIE) {
			zap_leader = do_notify_parent(leader, leader.exit_signal);
			if (zap_leader)
				leader.exit_state = EXIT_DEAD;
		}
		write_unlock_irq(tasklist_lock);
		put_task_struct_rcu_user(p);
		if (!zap_leader)
			return;
		p = leader;
	}
}

function find_alive_thread(p: struct_task_struct): struct_task_struct | null {
	for (const t of for_each_thread(p)) {
		if ((t.flags & PF_EXITING) === 0)
			return t;
	}
	return null;
}

/* init adopts; after its end nobody, and the idle task lets them be reaped */
function find_child_reaper(father: struct_task_struct): struct_task_struct {
	for (const p of for_each_process()) {
		if (is_global_init(p))
			return same_thread_group(p, father) ? init_task :
				find_alive_thread(p) ?? init_task;
	}
	return init_task;
}

function find_new_reaper(father: struct_task_struct): struct_task_struct {
	const thread = find_alive_thread(father);
	if (thread !== null)
		return thread;
	for (let reaper = father.real_parent; reaper !== null && reaper !== init_task;
	     reaper = reaper.real_parent) {
		if (reaper.signal.is_child_subreaper === 0)
			continue;
		const alive = find_alive_thread(reaper);
		if (alive !== null)
			return alive;
	}
	return find_child_reaper(father);
}

function reparent_leader(p: struct_task_struct, dead: struct_task_struct[]): void {
	if (p.exit_state === EXIT_DEAD)
		return;
	p.exit_signal = SIGCHLD;
	if (p.exit_state === EXIT_ZOMBIE && thread_group_empty(p)) {
		if (do_notify_parent(p, p.exit_signal)) {
			p.exit_state = EXIT_DEAD;
			dead.push(p);
		}
	}
}

/* kernel/exit.c:forget_original_parent(); tasklist_lock held for write */
function forget_original_parent(father: struct_task_struct, dead: struct_task_struct[]): void {
	if (list_empty(father.children))
		return;
	const reaper = find_new_reaper(father);
	while (!list_empty(father.children)) {
		const p = container_of(father.children.next, struct_task_struct, "sibling");
		for (const t of for_each_thread(p)) {
			t.real_parent = reaper;
			t.parent = reaper;
			if (t.pdeath_signal !== 0)
				group_send_sig_info(t.pdeath_signal, SEND_SIG_NOINFO, t,
					PIDTYPE_TGID);
		}
		list_del_init(p.sibling);
		list_add_tail(p.sibling, reaper.children);
		if (!same_thread_group(reaper, father))
			reparent_leader(p, dead);
	}
}

/* kernel/exit.c:exit_notify() */
function exit_notify(tsk: struct_task_struct): void {
	const dead: struct_task_struct[] = [];
	let autoreap: boolean;

	write_lock_irq(tasklist_lock);
	forget_original_parent(tsk, dead);
	tsk.exit_state = EXIT_ZOMBIE;
	if (tsk.exit_signal >= 0)
		autoreap = thread_group_empty(tsk) && do_notify_parent(tsk, tsk.exit_signal);
	else
		autoreap = true;
	if (autoreap) {
		tsk.exit_state = EXIT_DEAD;
		dead.push(tsk);
	}
	write_unlock_irq(tasklist_lock);
	for (const p of dead)
		release_task(p);
}

/* the host's program has ended: what it left behind is killed */
function zap_all_others(tsk: struct_task_struct): void {
	for (const p of for_each_process()) {
		if (same_thread_group(p, tsk) || (p.flags & PF_KTHREAD) !== 0)
			continue;
		do_send_sig_info(SIGKILL, SEND_SIG_PRIV, p, PIDTYPE_TGID);
	}
}

/** kernel/exit.c:do_exit(); throws task_exited. */
export function do_exit(code: number): never {
	const tsk = current;

	clear_restart_wait(tsk);
	exit_signals(tsk);	/* sets PF_EXITING */

	const group_dead = --tsk.signal.live === 0;
	if (group_dead) {
		if (is_global_init(tsk))
			zap_all_others(tsk);
		hrtimer_cancel(tsk.signal.real_timer);
		if (tsk.mm !== null)
			tsk.signal.maxrss = Math.max(tsk.signal.maxrss, tsk.mm.hiwater_rss);
	}
	tsk.exit_code = code;

	exit_mm();
	if (__tracepoint_sched_process_exit.enabled)
		__tracepoint_sched_process_exit.fire(tsk);
	exit_files(tsk);
	exit_fs(tsk);
	exit_task_work(tsk);
	exit_notify(tsk);
	if (tsk.splice_pipe !== null)
		free_pipe_info(tsk.splice_pipe);
	if (CONFIG_PROVE_LOCKING)
		debug_check_no_locks_held();
	do_task_dead();
}

/** kernel/sched/core.c:do_task_dead() */
export function do_task_dead(): never {
	const traces = Error as { stackTraceLimit?: number };
	const limit = traces.stackTraceLimit;

	current.__state = TASK_DEAD;
	/* nobody reads where from, and V8 takes long to write it down */
	traces.stackTraceLimit = 0;
	const exited = new task_exited(current);
	traces.stackTraceLimit = limit;
	throw exited;
}

/**
 * kernel/exit.c:make_task_dead(): a task that oopsed ends, with whatever it holds; lockdep looks
 * away. If that fails too, it stays where it is.
 */
export function make_task_dead(signr: number): never {
	const tsk = current;

	if (tsk.pid === 0)
		panic("Attempted to kill the idle task!");
	if (preempt_count() !== 0) {
		pr_info("note: %s[%d] exited with preempt_count %d\n", tsk.comm, tsk.pid,
			preempt_count());
		preempt_count_sub(preempt_count());
	}
	pcpu_hot[HOT_IRQS] = 0;
	pcpu_hot[HOT_RCU_NESTING] = 0;
	pcpu_hot[HOT_NON_BLOCK] = 0;
	tsk.pagefault_disabled = 0;
	lockdep_off();
	lockdep_forget_held();
	tsk.owns_for_good = true;
	if ((tsk.flags & PF_EXITING) !== 0)
		stuck(tsk);
	try {
		do_exit(signr);
	} catch (e) {
		if (e instanceof task_exited || e instanceof host_dead)
			throw e;
		pr_alert("%s\n", e instanceof Error ? e.message : String(e));
		stuck(tsk);
	}
}

/* out of the scheduler's way for ever; its parent learns of it if that is still possible */
function stuck(tsk: struct_task_struct): never {
	pr_alert("Fixing recursive fault but reboot is needed!\n");
	tsk.__state = TASK_DEAD;
	if (tsk.exit_state === 0) {
		tsk.exit_state = EXIT_ZOMBIE;
		tsk.exit_code = SIGKILL;
	}
	throw new task_exited(tsk);
}

/** kernel/exit.c:do_group_exit() */
export function do_group_exit(exit_code: number): never {
	const sig = current.signal;

	if ((sig.flags & SIGNAL_GROUP_EXIT) !== 0) {
		exit_code = sig.group_exit_code;
	} else if (sig.group_exec_task !== null) {
		exit_code = 0;
	} else if (!thread_group_empty(current)) {
		spin_lock_irq(current.sighand!.siglock);
		sig.group_exit_code = exit_code;
		sig.flags = SIGNAL_GROUP_EXIT;
		zap_other_threads(current);
		spin_unlock_irq(current.sighand!.siglock);
	}
	do_exit(exit_code);
}

/* ---- wait ----------------------------------------------------------------------------------- */

class struct_wait_opts {
	wo_type = 0;
	wo_flags = 0;
	wo_pid: struct_pid | null = null;
	wo_stat = 0;
	wo_rusage: Uint8Array | null = null;
	notask_error = 0;
	/* struct waitid_info */
	cause = 0;
	status = 0;
	pid = 0;
	uid = 0;
}

function task_pid_type(p: struct_task_struct, type: number): struct_pid | null {
	return type === PIDTYPE_PID ? p.thread_pid : p.signal.pids[type]!;
}

function eligible_child(wo: struct_wait_opts, p: struct_task_struct): boolean {
	if (wo.wo_type !== PIDTYPE_MAX && task_pid_type(p, wo.wo_type) !== wo.wo_pid)
		return false;
	if ((wo.wo_flags & __WALL) !== 0)
		return true;
	/* a clone child does not report by SIGCHLD */
	return (p.exit_signal !== SIGCHLD) === ((wo.wo_flags & __WCLONE) !== 0);
}

/* kernel/exit.c:wait_task_zombie(); drops tasklist_lock when it answers a pid */
function wait_task_zombie(wo: struct_wait_opts, p: struct_task_struct): number {
	const pid = p.pid;
	const uid = p.cred!.uid;

	if ((wo.wo_flags & WEXITED) === 0)
		return 0;
	const status = (p.signal.flags & SIGNAL_GROUP_EXIT) !== 0 ? p.signal.group_exit_code :
		p.exit_code;
	if ((wo.wo_flags & WNOWAIT) === 0)
		p.exit_state = EXIT_DEAD;
	read_unlock(tasklist_lock);
	if (wo.wo_rusage !== null)
		wo.wo_rusage.set(getrusage_bytes(p, RUSAGE_CHILDREN - 1));
	if ((wo.wo_flags & WNOWAIT) === 0) {
		const sig = p.signal, psig = current.signal;
		spin_lock_irq(current.sighand!.siglock);
		psig.cutime += p.utime + sig.utime + sig.cutime;
		psig.cstime += p.stime + sig.stime + sig.cstime;
		psig.cmin_flt += p.min_flt + sig.min_flt + sig.cmin_flt;
		psig.cmaj_flt += p.maj_flt + sig.maj_flt + sig.cmaj_flt;
		psig.cmaxrss = Math.max(psig.cmaxrss, sig.maxrss, sig.cmaxrss);
		spin_unlock_irq(current.sighand!.siglock);
		wo.wo_stat = status;
		release_task(p);
	}
	wo.cause = (status & 0x7f) === 0 ? CLD_EXITED : CLD_KILLED;
	wo.status = (status & 0x7f) === 0 ? status >> 8 : status & 0x7f;
	wo.pid = pid;
	wo.uid = uid;
	return pid;
}

function wait_consider_task(wo: struct_wait_opts, p: struct_task_struct): number {
	if (p.exit_state === EXIT_DEAD || !eligible_child(wo, p))
		return 0;
	if (p.exit_state === EXIT_ZOMBIE && !delay_group_leader(p))
		return wait_task_zombie(wo, p);
	wo.notask_error = 0;
	return 0;
}

function do_wait_thread(wo: struct_wait_opts, tsk: struct_task_struct): number {
	for (let n = tsk.children.next; n !== tsk.children; n = n.next) {
		const ret = wait_consider_task(wo, container_of(n, struct_task_struct, "sibling"));
		if (ret !== 0)
			return ret;
	}
	return 0;
}

/* kernel/exit.c:do_wait(), in the form that is issued again */
function do_wait(wo: struct_wait_opts): number {
	wo.notask_error = -ECHILD;
	if (wo.wo_type < PIDTYPE_MAX &&
	    (wo.wo_pid === null || wo.wo_pid.tasks[wo.wo_type]!.length === 0))
		return -ECHILD;
	read_lock(tasklist_lock);
	let tsk = current;
	do {
		const retval = do_wait_thread(wo, tsk);
		if (retval !== 0)
			return retval;
		if ((wo.wo_flags & __WNOTHREAD) !== 0)
			break;
		tsk = next_thread(tsk);
	} while (tsk !== current);
	read_unlock(tasklist_lock);

	if (wo.notask_error !== 0 || (wo.wo_flags & WNOHANG) !== 0)
		return wo.notask_error;
	return wait_event_restart(current.signal.wait_chldexit, TASK_INTERRUPTIBLE);
}

/** kernel/exit.c:kernel_wait4() */
export function kernel_wait4(upid: number, stat_addr: number, options: number,
	ru: Uint8Array | null): number {
	const wo = new struct_wait_opts();

	if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)) !== 0)
		return -EINVAL;
	if (upid === -0x80000000)
		return -ESRCH;
	if (upid === -1) {
		wo.wo_type = PIDTYPE_MAX;
	} else if (upid < 0) {
		wo.wo_type = PIDTYPE_PGID;
		wo.wo_pid = find_get_pid(-upid);
	} else if (upid === 0) {
		wo.wo_type = PIDTYPE_PGID;
		wo.wo_pid = get_task_pid(current, PIDTYPE_PGID);
	} else {
		wo.wo_type = PIDTYPE_PID;
		wo.wo_pid = find_get_pid(upid);
	}
	wo.wo_flags = options | WEXITED;
	wo.wo_rusage = ru;
	let ret = do_wait(wo);
	put_pid(wo.wo_pid);
	if (ret > 0 && stat_addr !== 0 && put_user(__s32, wo.wo_stat, stat_addr) !== 0)
		ret = -EFAULT;
	return ret;
}

/* ---- system calls --------------------------------------------------------------------------- */

export const sys_exit = SYSCALL_DEFINE("exit", ["int"], (error_code): number =>
	do_exit((error_code & 0xff) << 8));

export const sys_exit_group = SYSCALL_DEFINE("exit_group", ["int"], (error_code): number =>
	do_group_exit((error_code & 0xff) << 8));

export const sys_wait4 = SYSCALL_DEFINE("wait4", ["int", "ptr", "int", "ptr"],
	(upid, stat_addr, options, ru) => {
		const r = ru !== 0 ? new Uint8Array(144) : null;
		const err = kernel_wait4(upid, stat_addr, options, r);

		if (err > 0 && r !== null && copy_to_user(ru, r, r.length) !== 0)
			return -EFAULT;
		return err;
	});

export const sys_waitid = SYSCALL_DEFINE("waitid", ["int", "int", "ptr", "int", "ptr"],
	(which, upid, infop, options, ru) => {
		const wo = new struct_wait_opts();
		const r = ru !== 0 ? new Uint8Array(144) : null;

		if ((options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
		    __WCLONE | __WALL)) !== 0)
			return -EINVAL;
		if ((options & (WEXITED | WSTOPPED | WCONTINUED)) === 0)
			return -EINVAL;
		switch (which) {
		case P_ALL:
			wo.wo_type = PIDTYPE_MAX;
			break;
		case P_PID:
			wo.wo_type = PIDTYPE_PID;
			if (upid <= 0)
				return -EINVAL;
			wo.wo_pid = find_get_pid(upid);
			break;
		case P_PGID:
			wo.wo_type = PIDTYPE_PGID;
			if (upid < 0)
				return -EINVAL;
			wo.wo_pid = upid !== 0 ? find_get_pid(upid) :
				get_task_pid(current, PIDTYPE_PGID);
			break;
		default:
			return -EINVAL;
		}
		wo.wo_flags = options;
		wo.wo_rusage = r;
		let err = do_wait(wo);
		put_pid(wo.wo_pid);
		if (err === -ERESTARTWAIT)
			return err;
		let signo = 0;
		if (err > 0) {
			signo = SIGCHLD;
			err = 0;
			if (r !== null && copy_to_user(ru, r, r.length) !== 0)
				return -EFAULT;
		}
		if (infop === 0)
			return err;
		const info = struct_siginfo.alloc();
		info.si_signo = signo;
		info.si_code = wo.cause;
		info._sifields._sigchld._pid = wo.pid;
		info._sifields._sigchld._uid = wo.uid;
		info._sifields._sigchld._status = wo.status;
		return copy_to_user(infop, info.bytes, info.bytes.length) !== 0 ? -EFAULT : err;
	});

