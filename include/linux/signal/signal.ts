// SPDX-License-Identifier: GPL-2.0
/*
 * Signals.
 *
 * Upstream: kernel/signal.c. Left out: ptrace, job control (a stop signal's default action is to
 * do nothing), core dumps (the status has no core bit), signalfd, compat calls. Init is not
 * protected from signals: it is the program that the host was started for.
 *
 * siglock of the sighand protects queues, masks and actions; tasklist_lock, outside it, the walk
 * over tasks.
 */
import { copy_from_user, copy_to_user } from "#linux/uaccess.ts";
import { __struct, __u64 } from "#asm-generic/struct.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { BUS_MCEERR_AO, BUS_MCEERR_AR, CLD_EXITED, CLD_KILLED, SEGV_MAPERR, SI_KERNEL,
	SI_TIMER, SI_TKILL, SI_USER, struct_siginfo } from "#uapi/asm-generic/siginfo.ts";
import { SA_IMMUTABLE, SA_NOCLDWAIT, SA_NODEFER, SA_ONESHOT, SIGBUS, SIGCHLD, SIGCONT, SIGKILL,
	SIGRTMIN, SIGSEGV, SIGSTOP, SIG_BLOCK, SIG_DFL, SIG_IGN, SIG_SETMASK, SIG_UNBLOCK,
	SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, MINSIGSTKSZ, struct_sigaction_layout,
	struct_sigaltstack } from "#uapi/asm-generic/signal.ts";
import { struct___kernel_timespec } from "#uapi/linux/time.ts";
import { RLIMIT_SIGPENDING } from "#uapi/asm-generic/resource.ts";
import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ERESTARTNOHAND, ERESTARTWAIT, ESRCH } from
	"#linux/errno.ts";
import { capable } from "#linux/capability.ts";
import { CAP_KILL } from "#uapi/linux/capability.ts";
import { GFP_ATOMIC } from "#linux/gfp.ts";
import { KMEM_CACHE, kmem_cache_alloc, kmem_cache_free, type struct_kmem_cache } from
	"#linux/slab.ts";
import { SLAB_ACCOUNT, SLAB_PANIC } from "#linux/slab.ts";
import { list_add_tail, list_del_init, list_empty, list_for_each_entry, list_first_entry,
	INIT_LIST_HEAD } from "#linux/list.ts";
import { lockdep_assert_held } from "#linux/lockdep.ts";
import { PF_EXITING, PF_KTHREAD, PF_SIGNALED, _TIF_NOTIFY_SIGNAL, TIF_SIGPENDING } from
	"#linux/sched.const.ts";
import { find_vpid, pid_task, pid_vnr, task_pgrp } from "#linux/pid/pid.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { read_lock, read_unlock, spin_lock_irq, spin_lock_irqsave, spin_unlock_irq,
	spin_unlock_irqrestore } from "#linux/spinlock.ts";
import { PIDTYPE_MAX, PIDTYPE_PGID, PIDTYPE_PID, PIDTYPE_TGID, TASK_INTERRUPTIBLE, current,
	type struct_pid, type struct_task_struct } from "#linux/sched_types.ts";
import { for_each_process } from "#linux/sched/task_list.ts";
import { SIGNAL_GROUP_EXIT, next_thread, signal_pending, signal_wake_up, task_rlimit,
	task_sigpending, thread_group_empty, test_and_clear_restore_sigmask, set_restore_sigmask,
	clear_restore_sigmask } from "#linux/sched/signal.ts";
import { restart_deadline, wait_event_restart_until, kick_process, wake_up_state } from
	"#linux/sched.ts";
import { tasklist_lock } from "#linux/sched/task.ts";
import { task_work_pending, task_work_run } from "#linux/task_work.ts";
import { do_group_exit } from "#linux/sched/exit.ts";
import { clock_read } from "#asm/timex.ts";
import { kernel_siginfo_t, _NSIG, sigset_t, struct_k_sigaction, type struct_ksignal,
	struct_sigqueue, type struct_sigpending } from "#linux/signal_types.ts";
import { SIG_KERNEL_ONLY_MASK, SIG_KERNEL_STOP_MASK, SYNCHRONOUS_MASK, sig_kernel_ignore,
	sig_kernel_coredump, sig_kernel_only, sig_kernel_stop, sigaddset, sigandnsets, sigandsets,
	sigcopyset, sigdelset, sigdelsetmask, sigemptyset, sigequalsets, sigisemptyset,
	sigismember, sigmask, signotset, sigorsets, siginitset, valid_signal } from
	"#linux/signal.ts";
import { __wake_up } from "#linux/wait.ts";
import { current_cred } from "#linux/cred.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { DEFINE_TRACE } from "#linux/tracepoint.ts";

let sigqueue_cachep: struct_kmem_cache<struct_sigqueue> | null = null;

/** kernel/signal.c:signals_init() */
export function signals_init(): void {
	sigqueue_cachep = KMEM_CACHE(struct_sigqueue, SLAB_PANIC | SLAB_ACCOUNT);
}

/* C: (struct kernel_siginfo *) 0 and 1 */
export const SEND_SIG_NOINFO = new kernel_siginfo_t();
export const SEND_SIG_PRIV = new kernel_siginfo_t();

function is_si_special(info: kernel_siginfo_t): boolean {
	return info === SEND_SIG_NOINFO || info === SEND_SIG_PRIV;
}

export function clear_siginfo(info: kernel_siginfo_t): void {
	info.si_signo = 0;
	info.si_errno = 0;
	info.si_code = 0;
	info.si_pid = 0;
	info.si_uid = 0;
	info.si_status = 0;
	info.si_value = 0n;
	info.si_tid = 0;
	info.si_addr = 0;
	info.si_addr_lsb = 0;
	info.si_trapno = 0;
}

export function copy_siginfo(to: kernel_siginfo_t, from: kernel_siginfo_t): void {
	Object.assign(to, from);
}

const __tracepoint_signal_generate = DEFINE_TRACE("signal", "signal_generate",
	(sig: number, info: kernel_siginfo_t, p: struct_task_struct, group: number,
		result: number) =>
		`sig=${sig} errno=${info.si_errno} code=${info.si_code} comm=${p.comm} ` +
		`pid=${p.pid} grp=${group} res=${result}`);
const __tracepoint_signal_deliver = DEFINE_TRACE("signal", "signal_deliver",
	(sig: number, info: kernel_siginfo_t, ka: struct_k_sigaction) =>
		`sig=${sig} errno=${info.si_errno} code=${info.si_code} ` +
		`sa_handler=${ka.sa.sa_handler.toString(16)} ` +
			`sa_flags=${ka.sa.sa_flags.toString(16)}`);

/* ---- who ignores what ----------------------------------------------------------------------- */

function sig_handler(t: struct_task_struct, sig: number): number {
	return t.sighand!.action[sig - 1]!.sa.sa_handler;
}

function sig_handler_ignored(handler: number, sig: number): boolean {
	return handler === SIG_IGN || (handler === SIG_DFL && sig_kernel_ignore(sig));
}

function sig_task_ignored(t: struct_task_struct, sig: number, force: boolean): boolean {
	const handler = sig_handler(t, sig);

	if ((t.flags & PF_KTHREAD) !== 0 && handler === SIG_KTHREAD_KERNEL && !force)
		return true;
	return sig_handler_ignored(handler, sig);
}

/* kernel threads that have not allowed a signal: kernel/signal.c ignore_signals() */
const SIG_KTHREAD_KERNEL = 3;

function sig_ignored(t: struct_task_struct, sig: number, force: boolean): boolean {
	/* a blocked signal stays pending: its action may change before it is unblocked */
	if (sigismember(t.blocked, sig) || sigismember(t.real_blocked, sig))
		return false;
	return sig_task_ignored(t, sig, force);
}

/* ---- pending -------------------------------------------------------------------------------- */

function has_pending_signals(signal: sigset_t, blocked: sigset_t): boolean {
	return ((signal.lo & ~blocked.lo) | (signal.hi & ~blocked.hi)) !== 0;
}

function PENDING(p: struct_sigpending, b: sigset_t): boolean {
	return has_pending_signals(p.signal, b);
}

function recalc_sigpending_tsk(t: struct_task_struct): boolean {
	if (PENDING(t.pending, t.blocked) || PENDING(t.signal.shared_pending, t.blocked)) {
		t.thread_info_flags |= 1 << TIF_SIGPENDING;
		return true;
	}
	return false;
}

export function recalc_sigpending_and_wake(t: struct_task_struct): void {
	if (recalc_sigpending_tsk(t))
		signal_wake_up(t, false);
}

/** kernel/signal.c:recalc_sigpending() */
export function recalc_sigpending(): void {
	if (!recalc_sigpending_tsk(current))
		current.thread_info_flags &= ~(1 << TIF_SIGPENDING);
}

export function calculate_sigpending(): void {
	spin_lock_irq(current.sighand!.siglock);
	current.thread_info_flags |= 1 << TIF_SIGPENDING;
	recalc_sigpending();
	spin_unlock_irq(current.sighand!.siglock);
}

/** kernel/signal.c:next_signal(): synchronous ones first, then the lowest. */
export function next_signal(pending: struct_sigpending, mask: sigset_t): number {
	let x = pending.signal.lo & ~mask.lo;

	if (x !== 0) {
		if ((x & SYNCHRONOUS_MASK) !== 0)
			x &= SYNCHRONOUS_MASK;
		return 32 - Math.clz32(x & -x);
	}
	x = pending.signal.hi & ~mask.hi;
	return x !== 0 ? 64 - Math.clz32(x & -x) : 0;
}

function __sigqueue_alloc(t: struct_task_struct, gfp_flags: number,
	override_rlimit: boolean): struct_sigqueue | null {
	const user = t.cred?.user ?? null;

	if (user !== null && !override_rlimit &&
	    user.sigpending >= task_rlimit(t, RLIMIT_SIGPENDING))
		return null;
	const q = kmem_cache_alloc(sigqueue_cachep!, gfp_flags);
	if (q === null)
		return null;
	if (user !== null)
		user.sigpending++;
	INIT_LIST_HEAD(q.list);
	q.flags = 0;
	return q;
}

function __sigqueue_free(q: struct_sigqueue, t: struct_task_struct): void {
	if (t.cred?.user)
		t.cred.user.sigpending--;
	kmem_cache_free(sigqueue_cachep!, q);
}

/** kernel/signal.c:flush_sigqueue() */
export function flush_sigqueue(queue: struct_sigpending, t: struct_task_struct): void {
	sigemptyset(queue.signal);
	while (!list_empty(queue.list)) {
		const q = list_first_entry(queue.list, struct_sigqueue, "list");
		list_del_init(q.list);
		__sigqueue_free(q, t);
	}
}

/** kernel/signal.c:flush_signals() */
export function flush_signals(t: struct_task_struct): void {
	const flags = spin_lock_irqsave(t.sighand!.siglock);
	t.thread_info_flags &= ~(1 << TIF_SIGPENDING);
	flush_sigqueue(t.pending, t);
	flush_sigqueue(t.signal.shared_pending, t);
	spin_unlock_irqrestore(t.sighand!.siglock, flags);
}

export function ignore_signals(t: struct_task_struct): void {
	for (let i = 0; i < _NSIG; i++)
		t.sighand!.action[i]!.sa.sa_handler = SIG_IGN;
	flush_signals(t);
}

/** kernel/signal.c:flush_signal_handlers(), at exec. */
export function flush_signal_handlers(t: struct_task_struct, force_default: boolean): void {
	for (const ka of t.sighand!.action) {
		if (force_default || ka.sa.sa_handler !== SIG_IGN)
			ka.sa.sa_handler = SIG_DFL;
		ka.sa.sa_flags = 0;
		sigemptyset(ka.sa.sa_mask);
	}
}

function collect_signal(sig: number, list: struct_sigpending, info: kernel_siginfo_t): void {
	let first: struct_sigqueue | null = null;

	for (const q of list_for_each_entry(list.list, struct_sigqueue, "list")) {
		if (q.info.si_signo !== sig)
			continue;
		if (first !== null) {
			/* another one stays pending */
			take(first, info);
			return;
		}
		first = q;
	}
	sigdelset(list.signal, sig);
	if (first !== null) {
		take(first, info);
		return;
	}
	clear_siginfo(info);
	info.si_signo = sig;
	info.si_code = SI_USER;
}

function take(q: struct_sigqueue, info: kernel_siginfo_t): void {
	list_del_init(q.list);
	copy_siginfo(info, q.info);
	__sigqueue_free(q, current);
}

function __dequeue_signal(pending: struct_sigpending, mask: sigset_t, info: kernel_siginfo_t):
	number {
	const sig = next_signal(pending, mask);

	if (sig !== 0)
		collect_signal(sig, pending, info);
	return sig;
}

/** kernel/signal.c:dequeue_signal(); siglock held. */
export function dequeue_signal(tsk: struct_task_struct, mask: sigset_t, info: kernel_siginfo_t):
	number {
	let signr = __dequeue_signal(tsk.pending, mask, info);
	if (signr === 0)
		signr = __dequeue_signal(tsk.signal.shared_pending, mask, info);
	recalc_sigpending();
	return signr;
}

function dequeue_synchronous_signal(info: kernel_siginfo_t): number {
	const tsk = current;
	const pending = tsk.pending;

	if ((pending.signal.lo & ~tsk.blocked.lo & SYNCHRONOUS_MASK) === 0)
		return 0;
	for (const q of list_for_each_entry(pending.list, struct_sigqueue, "list")) {
		const sig = q.info.si_signo;
		if (q.info.si_code <= SI_USER || (sigmask(sig) & SYNCHRONOUS_MASK) === 0 ||
		    sigismember(tsk.blocked, sig))
			continue;
		let more = false;
		for (const other of list_for_each_entry(pending.list, struct_sigqueue, "list"))
			more ||= other !== q && other.info.si_signo === sig;
		if (!more) {
			sigdelset(pending.signal, sig);
			recalc_sigpending();
		}
		take(q, info);
		return sig;
	}
	return 0;
}

/** kernel/signal.c:signal_wake_up_state() */
export function signal_wake_up_state(t: struct_task_struct, state: number): void {
	t.thread_info_flags |= 1 << TIF_SIGPENDING;
	if (!wake_up_state(t, state | TASK_INTERRUPTIBLE))
		kick_process(t);
}

function flush_sigqueue_mask(mask: sigset_t, s: struct_sigpending, t: struct_task_struct): void {
	const m = new sigset_t();

	sigandsets(m, mask, s.signal);
	if (sigisemptyset(m))
		return;
	sigandnsets(s.signal, s.signal, mask);
	for (const q of list_for_each_entry(s.list, struct_sigqueue, "list")) {
		if (sigismember(mask, q.info.si_signo)) {
			list_del_init(q.list);
			__sigqueue_free(q, t);
		}
	}
}

/* ---- sending -------------------------------------------------------------------------------- */

function kill_ok_by_cred(t: struct_task_struct): boolean {
	const cred = current_cred();
	const tcred = t.real_cred!;

	return cred.euid === tcred.suid || cred.euid === tcred.uid || cred.uid === tcred.suid ||
		cred.uid === tcred.uid || capable(CAP_KILL);
}

function check_kill_permission(sig: number, info: kernel_siginfo_t, t: struct_task_struct): number {
	if (!valid_signal(sig))
		return -EINVAL;
	if (info !== SEND_SIG_NOINFO && (is_si_special(info) || info.si_code > 0))
		return 0;
	if (t.signal !== current.signal && !kill_ok_by_cred(t))
		return -EPERM;
	return 0;
}

/* kernel/signal.c:prepare_signal(): a stop and a continue undo each other */
function prepare_signal(sig: number, p: struct_task_struct, force: boolean): boolean {
	const signal = p.signal;
	const flush = new sigset_t();

	if ((signal.flags & SIGNAL_GROUP_EXIT) !== 0)
		return sig === SIGKILL;
	if (sig_kernel_stop(sig) || sig === SIGCONT) {
		siginitset(flush, sig === SIGCONT ? SIG_KERNEL_STOP_MASK : sigmask(SIGCONT));
		flush_sigqueue_mask(flush, signal.shared_pending, p);
		let t = p;
		do {
			flush_sigqueue_mask(flush, t.pending, p);
			t = next_thread(t);
		} while (t !== p);
	}
	return !sig_ignored(p, sig, force);
}

function wants_signal(sig: number, p: struct_task_struct): boolean {
	if (sigismember(p.blocked, sig))
		return false;
	if ((p.flags & PF_EXITING) !== 0)
		return false;
	if (sig === SIGKILL)
		return true;
	return p.on_cpu !== 0 || !task_sigpending(p);
}

function sig_fatal(t: struct_task_struct, signr: number): boolean {
	return !sig_kernel_ignore(signr) && !sig_kernel_stop(signr) &&
		sig_handler(t, signr) === SIG_DFL;
}

function complete_signal(sig: number, p: struct_task_struct, type: number): void {
	const signal = p.signal;
	let t: struct_task_struct;

	if (wants_signal(sig, p)) {
		t = p;
	} else if (type === PIDTYPE_PID || thread_group_empty(p)) {
		return;
	} else {
		t = signal.curr_target ?? p;
		while (!wants_signal(sig, t)) {
			t = next_thread(t);
			if (t === (signal.curr_target ?? p))
				return;
		}
		signal.curr_target = t;
	}

	/* fatal to the whole group: take everybody down at once */
	if (sig_fatal(p, sig) && (signal.flags & SIGNAL_GROUP_EXIT) === 0 &&
	    !sigismember(t.real_blocked, sig)) {
		if (!sig_kernel_coredump(sig)) {
			signal.flags = SIGNAL_GROUP_EXIT;
			signal.group_exit_code = sig;
			signal.group_stop_count = 0;
			t = p;
			do {
				sigaddset(t.pending.signal, SIGKILL);
				signal_wake_up(t, true);
				t = next_thread(t);
			} while (t !== p);
			return;
		}
	}
	signal_wake_up(t, sig === SIGKILL);
}

function legacy_queue(signals: struct_sigpending, sig: number): boolean {
	return sig < SIGRTMIN && sigismember(signals.signal, sig);
}

/** kernel/signal.c:__send_signal_locked() */
export function __send_signal_locked(sig: number, info: kernel_siginfo_t, t: struct_task_struct,
	type: number, force: boolean): number {
	lockdep_assert_held(t.sighand!.siglock);
	if (!prepare_signal(sig, t, force))
		return 0;

	const pending = type !== PIDTYPE_PID ? t.signal.shared_pending : t.pending;
	if (legacy_queue(pending, sig))
		return 0;

	if (sig !== SIGKILL && (t.flags & PF_KTHREAD) === 0) {
		const override_rlimit = sig < SIGRTMIN && (is_si_special(info) ||
			info.si_code >= 0);
		const q = __sigqueue_alloc(t, GFP_ATOMIC, override_rlimit);
		if (q !== null) {
			list_add_tail(q.list, pending.list);
			if (info === SEND_SIG_NOINFO) {
				clear_siginfo(q.info);
				q.info.si_signo = sig;
				q.info.si_code = SI_USER;
				q.info.si_pid = current.tgid;
				q.info.si_uid = current_cred().uid;
			} else if (info === SEND_SIG_PRIV) {
				clear_siginfo(q.info);
				q.info.si_signo = sig;
				q.info.si_code = SI_KERNEL;
			} else {
				copy_siginfo(q.info, info);
			}
		} else if (!is_si_special(info) && sig >= SIGRTMIN && info.si_code !== SI_USER) {
			return -EAGAIN;
		}
	}
	sigaddset(pending.signal, sig);
	complete_signal(sig, t, type);
	if (__tracepoint_signal_generate.enabled)
		__tracepoint_signal_generate.fire(sig, info, t, type !== PIDTYPE_PID ? 1 : 0, 0);
	return 0;
}

/** kernel/signal.c:send_signal_locked() */
export function send_signal_locked(sig: number, info: kernel_siginfo_t, t: struct_task_struct,
	type: number): number {
	let force = false;

	if (info === SEND_SIG_PRIV)
		force = true;
	else if (info !== SEND_SIG_NOINFO)
		force = info.si_code === SI_KERNEL;
	return __send_signal_locked(sig, info, t, type, force);
}

/** kernel/signal.c:lock_task_sighand(): flags, or -1 when the task has none any more. */
export function lock_task_sighand(tsk: struct_task_struct): number {
	const sighand = tsk.sighand;
	return sighand === null ? -1 : spin_lock_irqsave(sighand.siglock);
}

/** kernel/signal.c:do_send_sig_info() */
export function do_send_sig_info(sig: number, info: kernel_siginfo_t, p: struct_task_struct,
	type: number): number {
	const sighand = p.sighand;
	let ret = -ESRCH;
	const flags = lock_task_sighand(p);

	if (flags >= 0) {
		ret = send_signal_locked(sig, info, p, type);
		spin_unlock_irqrestore(sighand!.siglock, flags);
	}
	return ret;
}

const HANDLER_CURRENT	= 0;
const HANDLER_SIG_DFL	= 1;
const HANDLER_EXIT	= 2;

/* a signal that cannot be ignored or blocked: its action becomes the default if it was */
function force_sig_info_to_task(info: kernel_siginfo_t, t: struct_task_struct, handler: number):
	number {
	const sig = info.si_signo;
	const flags = spin_lock_irqsave(t.sighand!.siglock);
	const action = t.sighand!.action[sig - 1]!;
	const ignored = action.sa.sa_handler === SIG_IGN;
	const blocked = sigismember(t.blocked, sig);

	if (blocked || ignored || handler !== HANDLER_CURRENT) {
		action.sa.sa_handler = SIG_DFL;
		if (handler === HANDLER_EXIT)
			action.sa.sa_flags |= SA_IMMUTABLE;
		if (blocked) {
			sigdelset(t.blocked, sig);
			recalc_sigpending_and_wake(t);
		}
	}
	const ret = send_signal_locked(sig, info, t, PIDTYPE_PID);
	spin_unlock_irqrestore(t.sighand!.siglock, flags);
	return ret;
}

export function force_sig_info(info: kernel_siginfo_t): number {
	return force_sig_info_to_task(info, current, HANDLER_CURRENT);
}

/** kernel/signal.c:zap_other_threads(); siglock held. How many there are. */
export function zap_other_threads(p: struct_task_struct): number {
	let count = 0;

	p.signal.group_stop_count = 0;
	for (let t = next_thread(p); t !== p; t = next_thread(t)) {
		count++;
		if (t.exit_state !== 0)
			continue;
		sigaddset(t.pending.signal, SIGKILL);
		signal_wake_up(t, true);
	}
	return count;
}

/** kernel/signal.c:group_send_sig_info() */
export function group_send_sig_info(sig: number, info: kernel_siginfo_t, p: struct_task_struct,
	type: number): number {
	rcu_read_lock();
	let ret = check_kill_permission(sig, info, p);
	rcu_read_unlock();
	if (ret === 0 && sig !== 0)
		ret = do_send_sig_info(sig, info, p, type);
	return ret;
}

/** kernel/signal.c:__kill_pgrp_info(); tasklist_lock held. */
export function __kill_pgrp_info(sig: number, info: kernel_siginfo_t, pgrp: struct_pid): number {
	let success = 0, retval = -ESRCH;

	for (const p of [...pgrp.tasks[PIDTYPE_PGID]!]) {
		const err = group_send_sig_info(sig, info, p, PIDTYPE_PGID);
		if (err === 0)
			success = 1;
		retval = err;
	}
	return success !== 0 ? 0 : retval;
}

/** kernel/signal.c:kill_pid_info() */
export function kill_pid_info(sig: number, info: kernel_siginfo_t, pid: struct_pid | null): number {
	rcu_read_lock();
	const p = pid_task(pid, PIDTYPE_PID);
	const error = p !== null ? group_send_sig_info(sig, info, p, PIDTYPE_TGID) : -ESRCH;
	rcu_read_unlock();
	return error;
}

function kill_proc_info(sig: number, info: kernel_siginfo_t, pid: number): number {
	return kill_pid_info(sig, info, find_vpid(pid));
}

export function kill_pid(pid: struct_pid | null, sig: number, priv: number): number {
	return kill_pid_info(sig, priv !== 0 ? SEND_SIG_PRIV : SEND_SIG_NOINFO, pid);
}

function kill_something_info(sig: number, info: kernel_siginfo_t, pid: number): number {
	let ret: number;

	if (pid > 0)
		return kill_proc_info(sig, info, pid);
	if (pid === -0x80000000)
		return -ESRCH;

	read_lock(tasklist_lock);
	if (pid !== -1) {
		const pgrp = pid !== 0 ? find_vpid(-pid) : task_pgrp(current);
		ret = pgrp === null ? -ESRCH : __kill_pgrp_info(sig, info, pgrp);
	} else {
		let retval = 0, count = 0;
		for (const p of for_each_process()) {
			if (p.tgid <= 1 || p.signal === current.signal)
				continue;
			const err = group_send_sig_info(sig, info, p, PIDTYPE_MAX);
			count++;
			if (err !== -EPERM)
				retval = err;
		}
		ret = count !== 0 ? retval : -ESRCH;
	}
	read_unlock(tasklist_lock);
	return ret;
}

/** kernel/signal.c:send_sig_info() */
export function send_sig_info(sig: number, info: kernel_siginfo_t, p: struct_task_struct): number {
	if (!valid_signal(sig))
		return -EINVAL;
	return do_send_sig_info(sig, info, p, PIDTYPE_PID);
}

export function send_sig(sig: number, p: struct_task_struct, priv: number): number {
	return send_sig_info(sig, priv !== 0 ? SEND_SIG_PRIV : SEND_SIG_NOINFO, p);
}

function kernel_info(sig: number): kernel_siginfo_t {
	const info = new kernel_siginfo_t();
	info.si_signo = sig;
	info.si_code = SI_KERNEL;
	return info;
}

/** kernel/signal.c:force_sig() */
export function force_sig(sig: number): void {
	force_sig_info(kernel_info(sig));
}

export function force_fatal_sig(sig: number): void {
	force_sig_info_to_task(kernel_info(sig), current, HANDLER_SIG_DFL);
}

export function force_exit_sig(sig: number): void {
	force_sig_info_to_task(kernel_info(sig), current, HANDLER_EXIT);
}

/** kernel/signal.c:force_sigsegv(): a SIGSEGV that could not be delivered kills. */
export function force_sigsegv(sig: number): void {
	if (sig === SIGSEGV)
		force_fatal_sig(SIGSEGV);
	else
		force_sig(SIGSEGV);
}

function fault_info(sig: number, code: number, addr: number): kernel_siginfo_t {
	const info = new kernel_siginfo_t();
	info.si_signo = sig;
	info.si_code = code;
	info.si_addr = addr;
	return info;
}

export function force_sig_fault_to_task(sig: number, code: number, addr: number,
	t: struct_task_struct): number {
	return force_sig_info_to_task(fault_info(sig, code, addr), t, HANDLER_CURRENT);
}

/** kernel/signal.c:force_sig_fault() */
export function force_sig_fault(sig: number, code: number, addr: number): number {
	return force_sig_fault_to_task(sig, code, addr, current);
}

export function send_sig_fault(sig: number, code: number, addr: number, t: struct_task_struct):
	number {
	return send_sig_info(sig, fault_info(sig, code, addr), t);
}

/** kernel/signal.c:force_sig_mceerr() */
export function force_sig_mceerr(code: number, addr: number, lsb: number): number {
	WARN_ON_ONCE(code !== BUS_MCEERR_AO && code !== BUS_MCEERR_AR);
	const info = fault_info(SIGBUS, code, addr);
	info.si_addr_lsb = lsb;
	return force_sig_info(info);
}

export function send_sig_mceerr(code: number, addr: number, lsb: number, t: struct_task_struct):
	number {
	WARN_ON_ONCE(code !== BUS_MCEERR_AO && code !== BUS_MCEERR_AR);
	const info = fault_info(SIGBUS, code, addr);
	info.si_addr_lsb = lsb;
	return send_sig_info(SIGBUS, info, t);
}

/* ---- telling the parent --------------------------------------------------------------------- */

function __wake_up_parent(p: struct_task_struct, parent: struct_task_struct): void {
	__wake_up(parent.signal.wait_chldexit, TASK_INTERRUPTIBLE, 1, p);
}

/** kernel/signal.c:do_notify_parent(); tasklist_lock held for write. True: reap it at once. */
export function do_notify_parent(tsk: struct_task_struct, sig: number): boolean {
	const parent = tsk.parent!;
	const info = new kernel_siginfo_t();
	let autoreap = false;

	WARN_ON_ONCE(sig === -1);
	if (sig !== SIGCHLD && tsk.parent_exec_id !== parent.self_exec_id)
		sig = SIGCHLD;
	info.si_signo = sig;
	info.si_pid = tsk.pid;
	info.si_uid = tsk.cred!.uid;
	info.si_status = tsk.exit_code & 0x7f;
	if ((tsk.exit_code & 0x7f) !== 0) {
		info.si_code = CLD_KILLED;
	} else {
		info.si_code = CLD_EXITED;
		info.si_status = tsk.exit_code >> 8;
	}

	const psig = parent.sighand!;
	const flags = spin_lock_irqsave(psig.siglock);
	if (sig === SIGCHLD && (psig.action[SIGCHLD - 1]!.sa.sa_handler === SIG_IGN ||
	    (psig.action[SIGCHLD - 1]!.sa.sa_flags & SA_NOCLDWAIT) !== 0)) {
		autoreap = true;
		if (psig.action[SIGCHLD - 1]!.sa.sa_handler === SIG_IGN)
			sig = 0;
	}
	if (valid_signal(sig) && sig !== 0)
		__send_signal_locked(sig, info, parent, PIDTYPE_TGID, false);
	__wake_up_parent(tsk, parent);
	spin_unlock_irqrestore(psig.siglock, flags);
	return autoreap;
}

/* ---- delivery ------------------------------------------------------------------------------- */

/**
 * kernel/signal.c:get_signal(): the next signal that has a handler, in @ksig; or does what the
 * default says, which may end the task (and throws).
 */
export function get_signal(ksig: struct_ksignal): boolean {
	const curr = current;
	const sighand = curr.sighand!;
	const signal = curr.signal;
	let signr: number;

	curr.thread_info_flags &= ~_TIF_NOTIFY_SIGNAL;
	if (task_work_pending(curr))
		task_work_run();
	if (!task_sigpending(curr))
		return false;

	spin_lock_irq(sighand.siglock);
	for (;;) {
		let fatal = false;

		if ((signal.flags & SIGNAL_GROUP_EXIT) !== 0 || signal.group_exec_task !== null) {
			ksig.info.si_signo = signr = SIGKILL;
			sigdelset(curr.pending.signal, SIGKILL);
			recalc_sigpending();
			fatal = true;
		} else {
			signr = dequeue_synchronous_signal(ksig.info);
			if (signr === 0)
				signr = dequeue_signal(curr, curr.blocked, ksig.info);
			if (signr === 0)
				break;
		}
		if (!fatal) {
			const ka = sighand.action[signr - 1]!;
			if (__tracepoint_signal_deliver.enabled)
				__tracepoint_signal_deliver.fire(signr, ksig.info, ka);
			if (ka.sa.sa_handler === SIG_IGN)
				continue;
			if (ka.sa.sa_handler !== SIG_DFL) {
				copy_sigaction(ksig.ka, ka);
				if ((ka.sa.sa_flags & SA_ONESHOT) !== 0)
					ka.sa.sa_handler = SIG_DFL;
				break;
			}
			if (sig_kernel_ignore(signr) || sig_kernel_stop(signr))
				continue;
		}
		/* fatal: */
		spin_unlock_irq(sighand.siglock);
		curr.flags |= PF_SIGNALED;
		do_group_exit(ksig.info.si_signo);
	}
	spin_unlock_irq(sighand.siglock);
	ksig.sig = signr;
	return ksig.sig > 0;
}

function copy_sigaction(to: struct_k_sigaction, from: struct_k_sigaction): void {
	to.sa.sa_handler = from.sa.sa_handler;
	to.sa.sa_flags = from.sa.sa_flags;
	to.sa.sa_restorer = from.sa.sa_restorer;
	sigcopyset(to.sa.sa_mask, from.sa.sa_mask);
}

/** kernel/signal.c:signal_delivered(): the mask while the handler runs. */
export function signal_delivered(ksig: struct_ksignal, _stepping: boolean): void {
	const blocked = new sigset_t();

	clear_restore_sigmask();
	sigorsets(blocked, current.blocked, ksig.ka.sa.sa_mask);
	if ((ksig.ka.sa.sa_flags & SA_NODEFER) === 0)
		sigaddset(blocked, ksig.sig);
	set_current_blocked(blocked);
	if ((current.sas_ss_flags & SS_AUTODISARM) !== 0)
		sas_ss_reset(current);
}

export function signal_setup_done(failed: number, ksig: struct_ksignal, stepping: boolean): void {
	if (failed !== 0)
		force_sigsegv(ksig.sig);
	else
		signal_delivered(ksig, stepping);
}

/* a thread that blocks or leaves hands shared signals to others */
function retarget_shared_pending(tsk: struct_task_struct, which: sigset_t): void {
	const retarget = new sigset_t();

	sigandsets(retarget, tsk.signal.shared_pending.signal, which);
	if (sigisemptyset(retarget))
		return;
	for (let t = next_thread(tsk); t !== tsk; t = next_thread(t)) {
		if ((t.flags & PF_EXITING) !== 0 || !has_pending_signals(retarget, t.blocked))
			continue;
		sigandsets(retarget, retarget, t.blocked);
		if (!task_sigpending(t))
			signal_wake_up(t, false);
		if (sigisemptyset(retarget))
			break;
	}
}

/** kernel/signal.c:exit_signals() */
export function exit_signals(tsk: struct_task_struct): void {
	if (thread_group_empty(tsk) || (tsk.signal.flags & SIGNAL_GROUP_EXIT) !== 0) {
		tsk.flags |= PF_EXITING;
		return;
	}
	spin_lock_irq(tsk.sighand!.siglock);
	tsk.flags |= PF_EXITING;
	if (task_sigpending(tsk)) {
		const unblocked = new sigset_t();
		sigcopyset(unblocked, tsk.blocked);
		signotset(unblocked);
		retarget_shared_pending(tsk, unblocked);
	}
	spin_unlock_irq(tsk.sighand!.siglock);
}

/* ---- masks ---------------------------------------------------------------------------------- */

function __set_task_blocked(tsk: struct_task_struct, newset: sigset_t): void {
	if (task_sigpending(tsk) && !thread_group_empty(tsk)) {
		const newblocked = new sigset_t();
		sigandnsets(newblocked, newset, tsk.blocked);
		retarget_shared_pending(tsk, newblocked);
	}
	sigcopyset(tsk.blocked, newset);
	recalc_sigpending();
}

export function __set_current_blocked(newset: sigset_t): void {
	const tsk = current;

	if (sigequalsets(tsk.blocked, newset))
		return;
	spin_lock_irq(tsk.sighand!.siglock);
	__set_task_blocked(tsk, newset);
	spin_unlock_irq(tsk.sighand!.siglock);
}

/** kernel/signal.c:set_current_blocked() */
export function set_current_blocked(newset: sigset_t): void {
	sigdelsetmask(newset, sigmask(SIGKILL) | sigmask(SIGSTOP));
	__set_current_blocked(newset);
}

/** kernel/signal.c:sigprocmask(); the caller keeps SIGKILL and SIGSTOP out. */
export function sigprocmask(how: number, set: sigset_t, oldset: sigset_t | null): number {
	const tsk = current;
	const newset = new sigset_t();

	switch (how) {
	case SIG_BLOCK:
		sigorsets(newset, tsk.blocked, set);
		break;
	case SIG_UNBLOCK:
		sigandnsets(newset, tsk.blocked, set);
		break;
	case SIG_SETMASK:
		sigcopyset(newset, set);
		break;
	default:
		return -EINVAL;
	}
	if (oldset !== null)
		sigcopyset(oldset, tsk.blocked);
	__set_current_blocked(newset);
	return 0;
}

const layout_u64 = __struct({ v: __u64 });

/** A user's sigset_t into @set; bytes not copied. */
export function get_user_sigset(set: sigset_t, from: number): number {
	const buf = new Uint8Array(8);
	const left = copy_from_user(buf, from, 8);
	const view = new DataView(buf.buffer);
	set.lo = view.getInt32(0, true);
	set.hi = view.getInt32(4, true);
	return left;
}

export function put_user_sigset(to: number, set: sigset_t): number {
	const view = layout_u64.alloc();
	view.v = sigset_bits(set);
	return copy_to_user(to, view.bytes, 8);
}

function sigset_bits(set: sigset_t): bigint {
	return BigInt(set.hi >>> 0) << 32n | BigInt(set.lo >>> 0);
}

/** kernel/signal.c:set_user_sigmask() */
export function set_user_sigmask(umask: number, sigsetsize: bigint): number {
	const kmask = new sigset_t();

	if (umask === 0)
		return 0;
	if (sigsetsize !== 8n)
		return -EINVAL;
	if (get_user_sigset(kmask, umask) !== 0)
		return -EFAULT;
	set_restore_sigmask();
	sigcopyset(current.saved_sigmask, current.blocked);
	set_current_blocked(kmask);
	return 0;
}

export function restore_saved_sigmask(): void {
	if (test_and_clear_restore_sigmask())
		__set_current_blocked(current.saved_sigmask);
}

export function restore_saved_sigmask_unless(interrupted: boolean): void {
	if (!interrupted)
		restore_saved_sigmask();
}

/* ---- siginfo -------------------------------------------------------------------------------- */

export const SIL_KILL	= 0;
export const SIL_TIMER	= 1;
export const SIL_FAULT	= 2;
export const SIL_MCEERR	= 3;
export const SIL_CHLD	= 4;
export const SIL_RT	= 5;

/** kernel/signal.c:siginfo_layout() */
export function siginfo_layout(sig: number, si_code: number): number {
	if (si_code > SI_USER && si_code < SI_KERNEL) {
		if (sig === SIGBUS && (si_code === BUS_MCEERR_AR || si_code === BUS_MCEERR_AO))
			return SIL_MCEERR;
		if (sig === SIGCHLD)
			return SIL_CHLD;
		if ((sigmask(sig) & SYNCHRONOUS_MASK) !== 0 && si_code >= SEGV_MAPERR)
			return SIL_FAULT;
		return SIL_KILL;
	}
	if (si_code === SI_TIMER)
		return SIL_TIMER;
	return si_code < 0 && si_code !== SI_TKILL ? SIL_RT : SIL_KILL;
}

/** The bytes of a siginfo_t as userspace sees it. */
export function siginfo_bytes(from: kernel_siginfo_t): Uint8Array {
	const to = struct_siginfo.alloc();
	const f = to._sifields;

	to.si_signo = from.si_signo;
	to.si_errno = from.si_errno;
	to.si_code = from.si_code;
	switch (siginfo_layout(from.si_signo, from.si_code)) {
	case SIL_KILL:
		f._kill._pid = from.si_pid;
		f._kill._uid = from.si_uid;
		break;
	case SIL_TIMER:
		f._timer._tid = from.si_tid;
		f._timer._sigval = from.si_value;
		break;
	case SIL_MCEERR:
		f._sigfault._addr_lsb = from.si_addr_lsb;
		f._sigfault._addr = BigInt(from.si_addr);
		break;
	case SIL_FAULT:
		f._sigfault._addr = BigInt(from.si_addr);
		break;
	case SIL_CHLD:
		f._sigchld._pid = from.si_pid;
		f._sigchld._uid = from.si_uid;
		f._sigchld._status = from.si_status;
		break;
	default:
		f._rt._pid = from.si_pid;
		f._rt._uid = from.si_uid;
		f._rt._sigval = from.si_value;
	}
	return to.bytes;
}

export function copy_siginfo_to_user(to: number, from: kernel_siginfo_t): number {
	const bytes = siginfo_bytes(from);
	return copy_to_user(to, bytes, bytes.length) !== 0 ? -EFAULT : 0;
}

/* ---- system calls --------------------------------------------------------------------------- */

export const sys_rt_sigprocmask = SYSCALL_DEFINE("rt_sigprocmask", ["int", "ptr", "ptr", "ulong"],
	(how, nset, oset, sigsetsize) => {
		const old_set = new sigset_t();
		const new_set = new sigset_t();

		if (sigsetsize !== 8n)
			return -EINVAL;
		sigcopyset(old_set, current.blocked);
		if (nset !== 0) {
			if (get_user_sigset(new_set, nset) !== 0)
				return -EFAULT;
			sigdelsetmask(new_set, sigmask(SIGKILL) | sigmask(SIGSTOP));
			const error = sigprocmask(how, new_set, null);
			if (error !== 0)
				return error;
		}
		if (oset !== 0 && put_user_sigset(oset, old_set) !== 0)
			return -EFAULT;
		return 0;
	});

export const sys_rt_sigpending = SYSCALL_DEFINE("rt_sigpending", ["ptr", "ulong"],
	(uset, sigsetsize) => {
		const set = new sigset_t();
		const tsk = current;

		if (sigsetsize > 8n)
			return -EINVAL;
		spin_lock_irq(tsk.sighand!.siglock);
		sigorsets(set, tsk.pending.signal, tsk.signal.shared_pending.signal);
		spin_unlock_irq(tsk.sighand!.siglock);
		sigandsets(set, tsk.blocked, set);
		const view = layout_u64.alloc();
		view.v = sigset_bits(set);
		return copy_to_user(uset, view.bytes, Number(sigsetsize)) !== 0 ? -EFAULT : 0;
	});

/* kernel/signal.c:do_sigtimedwait(), issued again until it ends; @timeout ns, Infinity: none */
function do_sigtimedwait(which: sigset_t, info: kernel_siginfo_t, timeout: number): number {
	const tsk = current;
	const rw = tsk.restart_wait;
	const again = rw.active && rw.sigwait;
	const mask = new sigset_t();

	sigcopyset(mask, which);
	sigdelsetmask(mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	signotset(mask);
	const end = restart_deadline(timeout);

	spin_lock_irq(tsk.sighand!.siglock);
	if (again) {
		__set_task_blocked(tsk, tsk.real_blocked);
		sigemptyset(tsk.real_blocked);
		rw.sigwait = false;
	}
	const sig = dequeue_signal(tsk, mask, info);
	if (sig !== 0 || clock_read() >= end || (again && signal_pending(tsk))) {
		spin_unlock_irq(tsk.sighand!.siglock);
		if (sig !== 0)
			return sig;
		return clock_read() < end ? -EINTR : -EAGAIN;
	}
	sigcopyset(tsk.real_blocked, tsk.blocked);
	sigandsets(tsk.blocked, tsk.blocked, mask);
	recalc_sigpending();
	rw.sigwait = true;
	spin_unlock_irq(tsk.sighand!.siglock);

	const ret = wait_event_restart_until(null, TASK_INTERRUPTIBLE, end);
	if (ret !== -ERESTARTWAIT) {
		/* another signal, which was not blocked, is pending already */
		spin_lock_irq(tsk.sighand!.siglock);
		__set_task_blocked(tsk, tsk.real_blocked);
		sigemptyset(tsk.real_blocked);
		rw.sigwait = false;
		spin_unlock_irq(tsk.sighand!.siglock);
		return -EINTR;
	}
	return ret;
}

export const sys_rt_sigtimedwait = SYSCALL_DEFINE("rt_sigtimedwait", ["ptr", "ptr", "ptr", "ulong"],
	(uthese, uinfo, uts, sigsetsize) => {
		const these = new sigset_t();
		const info = new kernel_siginfo_t();
		let timeout = Infinity;

		if (sigsetsize !== 8n)
			return -EINVAL;
		if (get_user_sigset(these, uthese) !== 0)
			return -EFAULT;
		if (uts !== 0) {
			const ts = struct___kernel_timespec.alloc();
			if (copy_from_user(ts.bytes, uts, ts.bytes.length) !== 0)
				return -EFAULT;
			if (ts.tv_sec < 0n || ts.tv_nsec < 0n || ts.tv_nsec >= 1000000000n)
				return -EINVAL;
			timeout = Number(ts.tv_sec) * 1e9 + Number(ts.tv_nsec);
		}
		let ret = do_sigtimedwait(these, info, timeout);
		if (ret > 0 && uinfo !== 0 && copy_siginfo_to_user(uinfo, info) !== 0)
			ret = -EFAULT;
		return ret;
	});

function prepare_kill_siginfo(sig: number): kernel_siginfo_t {
	const info = new kernel_siginfo_t();
	info.si_signo = sig;
	info.si_code = SI_USER;
	info.si_pid = current.tgid;
	info.si_uid = current_cred().uid;
	return info;
}

export const sys_kill = SYSCALL_DEFINE("kill", ["int", "int"], (pid, sig) =>
	kill_something_info(sig, prepare_kill_siginfo(sig), pid));

function do_send_specific(tgid: number, pid: number, sig: number, info: kernel_siginfo_t): number {
	let error = -ESRCH;

	rcu_read_lock();
	const p = pid_task(find_vpid(pid), PIDTYPE_PID);
	if (p !== null && (tgid <= 0 || p.tgid === tgid)) {
		error = check_kill_permission(sig, info, p);
		if (error === 0 && sig !== 0) {
			error = do_send_sig_info(sig, info, p, PIDTYPE_PID);
			if (error === -ESRCH)
				error = 0;
		}
	}
	rcu_read_unlock();
	return error;
}

function do_tkill(tgid: number, pid: number, sig: number): number {
	const info = prepare_kill_siginfo(sig);
	info.si_code = SI_TKILL;
	return do_send_specific(tgid, pid, sig, info);
}

export const sys_tgkill = SYSCALL_DEFINE("tgkill", ["int", "int", "int"], (tgid, pid, sig) => {
	if (pid <= 0 || tgid <= 0)
		return -EINVAL;
	return do_tkill(tgid, pid, sig);
});

export const sys_tkill = SYSCALL_DEFINE("tkill", ["int", "int"], (pid, sig) => {
	if (pid <= 0)
		return -EINVAL;
	return do_tkill(0, pid, sig);
});

export const sys_rt_sigqueueinfo = SYSCALL_DEFINE("rt_sigqueueinfo", ["int", "int", "ptr"],
	(pid, sig, uinfo) => {
		const u = struct_siginfo.alloc();

		if (copy_from_user(u.bytes, uinfo, u.bytes.length) !== 0)
			return -EFAULT;
		const info = new kernel_siginfo_t();
		info.si_signo = sig;
		info.si_errno = u.si_errno;
		info.si_code = u.si_code;
		info.si_pid = u._sifields._rt._pid;
		info.si_uid = u._sifields._rt._uid;
		info.si_value = u._sifields._rt._sigval;
		if ((info.si_code >= 0 || info.si_code === SI_TKILL) &&
		    pid_vnr(current.thread_pid) !== pid)
			return -EPERM;
		return kill_proc_info(sig, info, pid);
	});

/** kernel/signal.c:do_sigaction() */
export function do_sigaction(sig: number, act: struct_k_sigaction | null,
	oact: struct_k_sigaction | null): number {
	const p = current;

	if (!valid_signal(sig) || sig < 1 || (act !== null && sig_kernel_only(sig)))
		return -EINVAL;
	const k = p.sighand!.action[sig - 1]!;

	spin_lock_irq(p.sighand!.siglock);
	if ((k.sa.sa_flags & SA_IMMUTABLE) !== 0) {
		spin_unlock_irq(p.sighand!.siglock);
		return -EINVAL;
	}
	if (oact !== null)
		copy_sigaction(oact, k);
	if (act !== null) {
		sigdelsetmask(act.sa.sa_mask, SIG_KERNEL_ONLY_MASK);
		copy_sigaction(k, act);
		/* what is ignored from now on is no longer pending either */
		if (sig_handler_ignored(sig_handler(p, sig), sig)) {
			const mask = new sigset_t();
			sigaddset(mask, sig);
			flush_sigqueue_mask(mask, p.signal.shared_pending, p);
			let t = p;
			do {
				flush_sigqueue_mask(mask, t.pending, p);
				t = next_thread(t);
			} while (t !== p);
		}
	}
	spin_unlock_irq(p.sighand!.siglock);
	return 0;
}

export const sys_rt_sigaction = SYSCALL_DEFINE("rt_sigaction", ["int", "ptr", "ptr", "ulong"],
	(sig, act, oact, sigsetsize) => {
		const new_sa = new struct_k_sigaction();
		const old_sa = new struct_k_sigaction();
		const u = struct_sigaction_layout.alloc();

		if (sigsetsize !== 8n)
			return -EINVAL;
		if (act !== 0) {
			if (copy_from_user(u.bytes, act, u.bytes.length) !== 0)
				return -EFAULT;
			new_sa.sa.sa_handler = Number(u.sa_handler);
			new_sa.sa.sa_flags = Number(u.sa_flags & 0xffffffffn) & ~SA_IMMUTABLE;
			new_sa.sa.sa_restorer = Number(u.sa_restorer);
			new_sa.sa.sa_mask.lo = Number(BigInt.asIntN(32, u.sa_mask));
			new_sa.sa.sa_mask.hi = Number(BigInt.asIntN(32, u.sa_mask >> 32n));
		}
		const ret = do_sigaction(sig, act !== 0 ? new_sa : null,
			oact !== 0 ? old_sa : null);
		if (ret !== 0)
			return ret;
		if (oact !== 0) {
			u.sa_handler = BigInt(old_sa.sa.sa_handler);
			u.sa_flags = BigInt(old_sa.sa.sa_flags >>> 0);
			u.sa_restorer = BigInt(old_sa.sa.sa_restorer);
			u.sa_mask = sigset_bits(old_sa.sa.sa_mask);
			if (copy_to_user(oact, u.bytes, u.bytes.length) !== 0)
				return -EFAULT;
		}
		return 0;
	});

export function sas_ss_reset(p: struct_task_struct): void {
	p.sas_ss_sp = 0n;
	p.sas_ss_size = 0n;
	p.sas_ss_flags = SS_DISABLE;
}

/* handlers run on no stack that a program could see: what is set is remembered, no more */
export const sys_sigaltstack = SYSCALL_DEFINE("sigaltstack", ["ptr", "ptr"], (uss, uoss) => {
	const t = current;
	const old_ = struct_sigaltstack.alloc();
	const u = struct_sigaltstack.alloc();

	old_.ss_sp = t.sas_ss_sp;
	old_.ss_size = t.sas_ss_size;
	old_.ss_flags = t.sas_ss_flags;
	if (uss !== 0) {
		if (copy_from_user(u.bytes, uss, u.bytes.length) !== 0)
			return -EFAULT;
		const mode = u.ss_flags & ~SS_AUTODISARM;
		if (mode !== SS_DISABLE && mode !== SS_ONSTACK && mode !== 0)
			return -EINVAL;
		if (mode === SS_DISABLE) {
			sas_ss_reset(t);
		} else {
			if (u.ss_size < BigInt(MINSIGSTKSZ))
				return -ENOMEM;
			t.sas_ss_sp = u.ss_sp;
			t.sas_ss_size = u.ss_size;
			t.sas_ss_flags = u.ss_flags;
		}
	}
	if (uoss !== 0 && copy_to_user(uoss, old_.bytes, old_.bytes.length) !== 0)
		return -EFAULT;
	return 0;
});

export const sys_pause = SYSCALL_DEFINE("pause", [], () => {
	const ret = wait_event_restart_until(null, TASK_INTERRUPTIBLE, Infinity);
	return ret === -ERESTARTWAIT ? ret : -ERESTARTNOHAND;
});

export const sys_rt_sigsuspend = SYSCALL_DEFINE("rt_sigsuspend", ["ptr", "ulong"],
	(unewset, sigsetsize) => {
		const newset = new sigset_t();
		const rw = current.restart_wait;

		if (sigsetsize !== 8n)
			return -EINVAL;
		if (!rw.active) {
			if (get_user_sigset(newset, unewset) !== 0)
				return -EFAULT;
			sigcopyset(current.saved_sigmask, current.blocked);
			set_current_blocked(newset);
		}
		const ret = wait_event_restart_until(null, TASK_INTERRUPTIBLE, Infinity);
		if (ret === -ERESTARTWAIT)
			return ret;
		set_restore_sigmask();
		return -ERESTARTNOHAND;
	});

export const sys_restart_syscall = SYSCALL_DEFINE("restart_syscall", [], () => {
	const restart = current.restart_block;
	return restart.fn === null ? -EINTR : restart.fn(restart);
});

