// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/PID/status.
 *
 * Upstream: fs/proc/array.c. Left out: /proc/PID/stat, namespaces, speculation, cpusets.
 */
import { files_fdtable } from "#linux/fdtable.ts";
import { _NSIG, sigismember, sigset_t, sigorsets, sigaddset } from "#linux/signal.ts";
import { EXIT_DEAD, EXIT_ZOMBIE, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, __TASK_STOPPED,
	__TASK_TRACED, task_tgid_nr, type struct_task_struct } from "#linux/sched.ts";
import { get_nr_threads, task_rlimit } from "#linux/sched/signal.ts";
import { task_lock, task_unlock } from "#linux/sched/task.ts";
import { get_task_mm, mmput } from "#linux/sched/mm.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { RLIMIT_SIGPENDING } from "#uapi/asm-generic/resource.ts";
import { task_mem } from "#linux/fs/proc/task_mmu.ts";
import { seq_printf, seq_put_decimal_ull, seq_putc, seq_puts, type struct_seq_file } from
	"#linux/seq_file.ts";
import type { kernel_cap_t } from "#linux/cred_types.ts";

/** fs/proc/array.c:get_task_state() */
function get_task_state(tsk: struct_task_struct): string {
	const state = tsk.__state;

	if (tsk.exit_state & EXIT_DEAD)
		return "X (dead)";
	if (tsk.exit_state & EXIT_ZOMBIE)
		return "Z (zombie)";
	if (state & __TASK_TRACED)
		return "t (tracing stop)";
	if (state & __TASK_STOPPED)
		return "T (stopped)";
	if (state & TASK_UNINTERRUPTIBLE)
		return "D (disk sleep)";
	if (state & TASK_INTERRUPTIBLE)
		return "S (sleeping)";
	return "R (running)";
}

/** fs/proc/array.c:task_state() */
function task_state(m: struct_seq_file, p: struct_task_struct): void {
	let umask = -1, max_fds = 0;

	rcu_read_lock();
	const ppid = p.real_parent ? task_tgid_nr(p.real_parent) : 0;
	const cred = p.cred!;

	task_lock(p);
	if (p.fs)
		umask = p.fs.umask;
	if (p.files)
		max_fds = files_fdtable(p.files).max_fds;
	task_unlock(p);
	rcu_read_unlock();

	if (umask >= 0)
		seq_printf(m, "Umask:\t%s\n", umask.toString(8).padStart(4, "0"));
	seq_puts(m, "State:\t");
	seq_puts(m, get_task_state(p));

	seq_put_decimal_ull(m, "\nTgid:\t", p.tgid);
	seq_put_decimal_ull(m, "\nNgid:\t", 0);
	seq_put_decimal_ull(m, "\nPid:\t", p.pid);
	seq_put_decimal_ull(m, "\nPPid:\t", ppid);
	seq_put_decimal_ull(m, "\nTracerPid:\t", 0);
	seq_put_decimal_ull(m, "\nUid:\t", cred.uid);
	seq_put_decimal_ull(m, "\t", cred.euid);
	seq_put_decimal_ull(m, "\t", cred.suid);
	seq_put_decimal_ull(m, "\t", cred.fsuid);
	seq_put_decimal_ull(m, "\nGid:\t", cred.gid);
	seq_put_decimal_ull(m, "\t", cred.egid);
	seq_put_decimal_ull(m, "\t", cred.sgid);
	seq_put_decimal_ull(m, "\t", cred.fsgid);
	seq_put_decimal_ull(m, "\nFDSize:\t", max_fds);

	seq_puts(m, "\nGroups:\t ");
	seq_putc(m, "\n");
}

/** fs/proc/array.c:render_sigset_t() */
function render_sigset_t(m: struct_seq_file, header: string, set: sigset_t): void {
	seq_puts(m, header);

	for (let i = _NSIG - 4; i >= 0; i -= 4) {
		let x = 0;

		for (let bit = 0; bit < 4; bit++)
			if (sigismember(set, i + bit + 1))
				x |= 1 << bit;
		seq_putc(m, x.toString(16));
	}

	seq_putc(m, "\n");
}

/** fs/proc/array.c:task_sig() */
function task_sig(m: struct_seq_file, p: struct_task_struct): void {
	const shpending = new sigset_t(), ignored = new sigset_t(), caught = new sigset_t();

	sigorsets(shpending, shpending, p.signal.shared_pending.signal);
	if (p.sighand) {
		for (let i = 1; i <= _NSIG; i++) {
			const handler = p.sighand.action[i - 1]!.sa.sa_handler;

			if (handler === 1)		/* SIG_IGN */
				sigaddset(ignored, i);
			else if (handler !== 0)		/* SIG_DFL */
				sigaddset(caught, i);
		}
	}

	seq_put_decimal_ull(m, "Threads:\t", get_nr_threads(p));
	seq_put_decimal_ull(m, "\nSigQ:\t", p.cred!.user!.sigpending);
	seq_put_decimal_ull(m, "/", task_rlimit(p, RLIMIT_SIGPENDING));

	render_sigset_t(m, "\nSigPnd:\t", p.pending.signal);
	render_sigset_t(m, "ShdPnd:\t", shpending);
	render_sigset_t(m, "SigBlk:\t", p.blocked);
	render_sigset_t(m, "SigIgn:\t", ignored);
	render_sigset_t(m, "SigCgt:\t", caught);
}

function render_cap_t(m: struct_seq_file, header: string, a: kernel_cap_t): void {
	const hex = (x: number): string => (x >>> 0).toString(16).padStart(8, "0");

	seq_puts(m, `${header}${hex(a.hi)}${hex(a.lo)}\n`);
}

/** fs/proc/array.c:task_cap() */
function task_cap(m: struct_seq_file, p: struct_task_struct): void {
	const cred = p.cred!;

	render_cap_t(m, "CapInh:\t", cred.cap_inheritable);
	render_cap_t(m, "CapPrm:\t", cred.cap_permitted);
	render_cap_t(m, "CapEff:\t", cred.cap_effective);
	render_cap_t(m, "CapBnd:\t", cred.cap_bset);
	render_cap_t(m, "CapAmb:\t", cred.cap_ambient);
}

/** fs/proc/array.c:proc_pid_status() */
export function proc_pid_status(m: struct_seq_file, data: unknown): number {
	const task = data as struct_task_struct;
	const mm = get_task_mm(task);

	seq_printf(m, "Name:\t%s\n", task.comm);

	task_state(m, task);

	if (mm) {
		task_mem(m, mm);
		mmput(mm);
	}
	task_sig(m, task);
	task_cap(m, task);
	seq_put_decimal_ull(m, "voluntary_ctxt_switches:\t", task.nvcsw);
	seq_put_decimal_ull(m, "\nnonvoluntary_ctxt_switches:\t", task.nivcsw);
	seq_putc(m, "\n");
	return 0;
}
