// SPDX-License-Identifier: GPL-2.0
/*
 * Making tasks and address spaces.
 *
 * Upstream: kernel/fork.c, init/init_task.c. Left out: namespaces, pidfds, ptrace, cgroups, io
 * contexts, user fault handling, binary formats, unshare(), kernel stacks.
 *
 * A generator cannot be copied: what the child runs is given beforehand, in
 * current.thread.next_child (nolibc's fork(child) and thread creation set it).
 *
 * tasklist_lock, then siglock. Address spaces: the parent's mmap_lock, then the child's (nested).
 */
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { __u32 } from "#asm-generic/struct.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { ref } from "#asm-generic/types.ts";
import { HOT_OWNER } from "#asm/current.ts";
import { arch_pick_mmap_layout } from "#asm/processor.ts";
import { arch_dup_mmap, deactivate_mm, destroy_context, init_new_context } from
	"#asm/mmu_context.ts";
import { flush_tlb_mm } from "#asm/tlbflush.ts";
import { pgd_alloc, pgd_free } from "#asm/pgalloc.ts";
import { put_user } from "#linux/uaccess.ts";
import { RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC,
	RLIMIT_RTPRIO, RLIMIT_SIGPENDING, RLIMIT_STACK, RLIM_INFINITY } from
	"#uapi/asm-generic/resource.ts";
import { SIGCHLD, SIG_IGN } from "#uapi/asm-generic/signal.ts";
import { CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_FILES, CLONE_FS, CLONE_NEWCGROUP,
	CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS,
	CLONE_PARENT, CLONE_PARENT_SETTID, CLONE_PIDFD, CLONE_SETTLS, CLONE_SIGHAND, CLONE_THREAD,
	CLONE_UNTRACED, CLONE_VFORK, CLONE_VM, CSIGNAL } from "#uapi/linux/sched.ts";
import { CLOCK_MONOTONIC } from "#uapi/linux/time.ts";
import { EAGAIN, EINTR, EINVAL, ENOMEM, ERESTARTNOINTR } from "#linux/errno.ts";
import { BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE, capable } from "#linux/capability.ts";
import { copy_creds, exit_creds, init_cred, root_user } from "#linux/cred/cred.ts";
import { copy_fs_struct, exit_fs, init_fs } from "#linux/fs_struct.ts";
import { dup_fd, exit_files, init_files, NR_OPEN_MAX } from "#linux/fdtable.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { get_file, i_mmap_lock_write, i_mmap_unlock_write, mapping_allow_writable } from
	"#linux/fs.ts";
import { fput } from "#linux/file.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { hrtimer_init } from "#linux/hrtimer.ts";
import { hugetlb_count_init, is_vm_hugetlb_page, reset_vma_resv_huge_pages } from
	"#linux/hugetlb.ts";
import { mm_put_huge_zero_page } from "#linux/huge_mm.ts";
import { it_real_fn } from "#linux/timer/itimer.ts";
import { khugepaged_exit, khugepaged_fork } from "#linux/khugepaged.ts";
import { ksm_exit, ksm_fork } from "#linux/ksm.ts";
import { ktime_get_ns } from "#linux/ktime.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del, list_empty } from "#linux/list.ts";
import { LD_WAIT_CONFIG, lockdep_key } from "#linux/lockdep_types.ts";
import { MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, MM_SWAPENTS, NR_MM_COUNTERS, struct_mm_struct,
	struct_vm_area_struct } from "#linux/mm_types.ts";
import { VM_ACCOUNT, VM_DONTCOPY, VM_LOCKED, VM_LOCKONFAULT, VM_SHARED, VM_WIPEONFORK,
	VM_INIT_DEF_MASK, __vma_link_rb, copy_page_range, exit_mmap, get_mm_rss, init_mm,
	mm_pgtables_bytes, mm_pgtables_bytes_init, vm_stat_account,
	vma_interval_tree_insert_after, vma_pages } from "#linux/mm.ts";
import { mmap_init_lock, mmap_read_lock, mmap_read_unlock, mmap_write_lock_killable,
	mmap_write_lock_nested, mmap_write_unlock } from "#linux/mmap_lock.ts";
import { mmu_notifier_subscriptions_destroy, mmu_notifier_subscriptions_init } from
	"#linux/mmu_notifier.ts";
import { vm_unacct_memory } from "#linux/mman.ts";
import { mutex_init } from "#linux/mutex.ts";
import { pr_alert } from "#linux/printk.ts";
import { call_rcu, type struct_callback_head } from "#linux/rcupdate.ts";
import { init_rwsem } from "#linux/rwsem.ts";
import { anon_vma_fork } from "#linux/rmap.ts";
import { attach_pid, alloc_pid, free_pid, get_task_pid, init_struct_pid, pid_vnr, put_pid,
	task_pgrp, task_session } from "#linux/pid/pid.ts";
import { MMF_DUMP_FILTER_DEFAULT, MMF_INIT_MASK } from "#linux/sched/coredump.ts";
import { PF_FORKNOEXEC, PF_IDLE, PF_KTHREAD, PF_MCE_PROCESS, PF_NO_SETAFFINITY,
	PF_NPROC_EXCEEDED, PF_SUPERPRIV, PF_VCPU, PF_WQ_WORKER } from "#linux/sched.const.ts";
import { mmdrop, mmget } from "#linux/sched/mm.ts";
import { fatal_signal_pending, rlimit, task_sigpending } from "#linux/sched/signal.ts";
import { put_task_struct } from "#linux/sched/task.ts";
import { sched_fork, set_task_comm, wake_up_new_task, wake_up_process } from "#linux/sched/core.ts";
import { PIDTYPE_PGID, PIDTYPE_PID, PIDTYPE_SID, PIDTYPE_TGID, TASK_DEAD, TASK_RUNNING, current,
	init_task, lock_owner_gone, struct_task_struct, task_hot, type user_context } from "#linux/sched_types.ts";
import { security_vm_enough_memory_mm } from "#linux/security.ts";
import { init_sigpending, sigcopyset } from "#linux/signal.ts";
import { recalc_sigpending, sas_ss_reset } from "#linux/signal/signal.ts";
import { struct_sighand_struct, struct_signal_struct, type struct_rlimit } from
	"#linux/signal_types.ts";
import { KMEM_CACHE, SLAB_ACCOUNT, SLAB_HWCACHE_ALIGN, SLAB_PANIC, kmem_cache_alloc,
	kmem_cache_create, kmem_cache_free, kmem_cache_zalloc, type struct_kmem_cache } from
	"#linux/slab.ts";
import { DEFINE_RWLOCK } from "#linux/spinlock_types.ts";
import { spin_lock, spin_lock_init, spin_lock_irq, spin_unlock, spin_unlock_irq, write_lock_irq,
	write_unlock_irq } from "#linux/spinlock.ts";
import { struct_completion } from "#linux/completion_types.ts";
import { complete } from "#linux/completion.ts";
import { vmacache_flush } from "#linux/vmacache.ts";
import { init_waitqueue_head } from "#linux/wait.ts";
import { INIT_WORK, schedule_work, struct_work_struct } from "#linux/workqueue.ts";
import { DEFINE_TRACE } from "#linux/tracepoint.ts";
import { exit_oom_victim } from "#linux/oom.ts";
import type { struct_kthread } from "#linux/kthread/kthread.ts";

/** Outermost of the task locks: parents, children, pids. */
export const tasklist_lock = DEFINE_RWLOCK("tasklist_lock");

/** Threads that exist, the idle ones not counted. */
export let nr_threads = 0;
let total_forks = 0;
let max_threads = 0x7fff;

let task_struct_cachep: struct_kmem_cache<struct_task_struct>;
let signal_cachep: struct_kmem_cache<struct_signal_struct>;
let sighand_cachep: struct_kmem_cache<struct_sighand_struct>;
let mm_cachep: struct_kmem_cache<struct_mm_struct>;
let vm_area_cachep: struct_kmem_cache<struct_vm_area_struct>;

const resident_page_types: string[] = [];
resident_page_types[MM_FILEPAGES] = "MM_FILEPAGES";
resident_page_types[MM_ANONPAGES] = "MM_ANONPAGES";
resident_page_types[MM_SWAPENTS] = "MM_SWAPENTS";
resident_page_types[MM_SHMEMPAGES] = "MM_SHMEMPAGES";

const __tracepoint_task_newtask = DEFINE_TRACE("task", "task_newtask",
	(task: struct_task_struct, clone_flags: number) =>
		`pid=${task.pid} comm=${task.comm} clone_flags=${clone_flags.toString(16)} ` +
		`oom_score_adj=${task.signal.oom_score_adj}`);

export function nr_processes(): number {
	return nr_threads;
}

export function total_forks_read(): number {
	return total_forks;
}

export function nr_threads_dec(): void {
	nr_threads--;
}

/* ---- VMAs ----------------------------------------------------------------------------------- */

/** kernel/fork.c:vm_area_alloc() */
export function vm_area_alloc(mm: struct_mm_struct): struct_vm_area_struct | null {
	const vma = kmem_cache_zalloc(vm_area_cachep, GFP_KERNEL);

	if (vma !== null) {
		vma.vm_mm = mm;
		INIT_LIST_HEAD(vma.anon_vma_chain);
	}
	return vma;
}

/** kernel/fork.c:vm_area_dup(); links of trees and lists are not copied. */
export function vm_area_dup(orig: struct_vm_area_struct): struct_vm_area_struct | null {
	const new_ = kmem_cache_alloc(vm_area_cachep, GFP_KERNEL);

	if (new_ === null)
		return null;
	new_.vm_start = orig.vm_start;
	new_.vm_end = orig.vm_end;
	new_.rb_subtree_gap = orig.rb_subtree_gap;
	new_.vm_mm = orig.vm_mm;
	new_.vm_page_prot = orig.vm_page_prot;
	new_.vm_flags = orig.vm_flags;
	new_.shared_rb_subtree_last = orig.shared_rb_subtree_last;
	new_.anon_vma = orig.anon_vma;
	new_.vm_ops = orig.vm_ops;
	new_.vm_pgoff = orig.vm_pgoff;
	new_.vm_file = orig.vm_file;
	new_.vm_private_data = orig.vm_private_data;
	new_.vm_private_flags = orig.vm_private_flags;
	INIT_LIST_HEAD(new_.anon_vma_chain);
	new_.vm_next = null;
	new_.vm_prev = null;
	return new_;
}

export function vm_area_free(vma: struct_vm_area_struct): void {
	kmem_cache_free(vm_area_cachep, vma);
}

/* ---- task structs --------------------------------------------------------------------------- */

function free_task(tsk: struct_task_struct): void {
	WARN_ON_ONCE((tsk.flags & PF_KTHREAD) === 0 && tsk.mm !== null);
	lock_owner_gone(tsk);
	kmem_cache_free(task_struct_cachep, tsk);
}

function free_signal_struct(sig: struct_signal_struct): void {
	if (sig.oom_mm !== null)
		mmdrop(sig.oom_mm);
	kmem_cache_free(signal_cachep, sig);
}

function put_signal_struct(sig: struct_signal_struct): void {
	if (--sig.sigcnt === 0)
		free_signal_struct(sig);
}

/** kernel/fork.c:__put_task_struct(): the last reference is gone. */
export function __put_task_struct(tsk: struct_task_struct): void {
	WARN_ON(tsk.exit_state === 0);
	WARN_ON(tsk.usage !== 0);
	WARN_ON(tsk === current);
	exit_creds(tsk);
	put_signal_struct(tsk.signal);
	free_task(tsk);
}

function delayed_put_task_struct(rhp: struct_callback_head): void {
	put_task_struct(container_of(rhp, struct_task_struct, "rcu"));
}

/*
 * kernel/exit.c:put_task_struct_rcu_user(). A task has two such users: the scheduler, until it has
 * switched away for the last time, and whoever reaps it.
 */
const rcu_users = new WeakMap<struct_task_struct, number>();

export function put_task_struct_rcu_user(task: struct_task_struct): void {
	const left = (rcu_users.get(task) ?? 2) - 1;
	rcu_users.set(task, left);
	if (left === 0) {
		rcu_users.delete(task);
		call_rcu(task.rcu, delayed_put_task_struct);
	}
}

/** kernel/sched/core.c:finish_task_switch(), the dead task's part. */
export function finish_task_dead(prev: struct_task_struct): void {
	put_task_struct_rcu_user(prev);
}

/** kernel/fork.c:fork_init() */
export function fork_init(): void {
	task_struct_cachep = kmem_cache_create("task_struct", struct_task_struct,
		SLAB_PANIC | SLAB_ACCOUNT)!;
	nr_threads = 0;
	total_forks = 0;
	max_threads = 0x7fff;
	for (const limit of [RLIMIT_NPROC, RLIMIT_SIGPENDING]) {
		init_task.signal.rlim[limit]!.rlim_cur = BigInt(max_threads >> 1);
		init_task.signal.rlim[limit]!.rlim_max = BigInt(max_threads >> 1);
	}
}

/** kernel/fork.c:proc_caches_init() */
export function proc_caches_init(): void {
	const flags = SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT;

	sighand_cachep = kmem_cache_create("sighand_cache", struct_sighand_struct, flags)!;
	signal_cachep = kmem_cache_create("signal_cache", struct_signal_struct, flags)!;
	mm_cachep = kmem_cache_create("mm_struct", struct_mm_struct, flags)!;
	vm_area_cachep = KMEM_CACHE(struct_vm_area_struct, SLAB_PANIC | SLAB_ACCOUNT);
}

const _STK_LIM		= 8n * 1024n * 1024n;
const MLOCK_LIMIT	= 8n * 1024n * 1024n;
const INR_OPEN_CUR	= 1024n;
const INR_OPEN_MAX	= 4096n;
const MQ_BYTES_MAX	= 819200n;

function init_rlimits(rlim: struct_rlimit[]): void {
	for (const r of rlim) {
		r.rlim_cur = RLIM_INFINITY;
		r.rlim_max = RLIM_INFINITY;
	}
	rlim[RLIMIT_STACK]!.rlim_cur = _STK_LIM;
	rlim[RLIMIT_CORE]!.rlim_cur = 0n;
	rlim[RLIMIT_NPROC]!.rlim_cur = 0n;
	rlim[RLIMIT_NPROC]!.rlim_max = 0n;
	rlim[RLIMIT_NOFILE]!.rlim_cur = INR_OPEN_CUR;
	rlim[RLIMIT_NOFILE]!.rlim_max = INR_OPEN_MAX;
	rlim[RLIMIT_MEMLOCK]!.rlim_cur = MLOCK_LIMIT;
	rlim[RLIMIT_MEMLOCK]!.rlim_max = MLOCK_LIMIT;
	rlim[RLIMIT_MSGQUEUE]!.rlim_cur = MQ_BYTES_MAX;
	rlim[RLIMIT_MSGQUEUE]!.rlim_max = MQ_BYTES_MAX;
	for (const i of [RLIMIT_NICE, RLIMIT_RTPRIO]) {
		rlim[i]!.rlim_cur = 0n;
		rlim[i]!.rlim_max = 0n;
	}
}

function init_signal_locks(sig: struct_signal_struct): void {
	init_waitqueue_head(sig.wait_chldexit, "&sig->wait_chldexit");
	mutex_init(sig.cred_guard_mutex, "&sig->cred_guard_mutex");
	init_rwsem(sig.exec_update_lock, "&sig->exec_update_lock");
}

/** init/init_task.c: init_signals, init_sighand, init_task; filled in at boot. */
export function init_task_init(): void {
	const t = init_task;
	const signal = new struct_signal_struct();
	const sighand = new struct_sighand_struct();

	signal.nr_threads = 1;
	signal.live = 1;
	signal.sigcnt = 1;
	init_rlimits(signal.rlim);
	init_signal_locks(signal);
	sighand.count = 1;
	spin_lock_init(sighand.siglock, "&sighand->siglock");
	/* what init leaves behind is reaped at once */
	sighand.action[SIGCHLD - 1]!.sa.sa_handler = SIG_IGN;

	t.__state = TASK_RUNNING;
	t.flags = PF_KTHREAD;
	t.usage = 2;
	t.signal = signal;
	t.sighand = sighand;
	t.cred = init_cred;
	t.real_cred = init_cred;
	t.mm = null;
	t.active_mm = init_mm;
	t.real_parent = t;
	t.parent = t;
	t.group_leader = t;
	t.thread_pid = init_struct_pid;
	signal.pids[PIDTYPE_TGID] = init_struct_pid;
	signal.pids[PIDTYPE_PGID] = init_struct_pid;
	signal.pids[PIDTYPE_SID] = init_struct_pid;
	INIT_LIST_HEAD(t.tasks);
	INIT_LIST_HEAD(t.children);
	INIT_LIST_HEAD(t.sibling);
	INIT_LIST_HEAD(t.thread_group);
	INIT_LIST_HEAD(signal.thread_head);
	list_add_tail(t.thread_node, signal.thread_head);
	spin_lock_init(t.alloc_lock, "&p->alloc_lock");
	spin_lock_init(t.pi_lock, "&p->pi_lock");
	task_hot(t).fill(0, 0, HOT_OWNER);
	root_user.processes = 1;
	set_task_comm(t, "swapper/0");
}

/** Its file table and root, once the VFS is up. */
export function init_task_fs(): void {
	init_task.fs = init_fs();
	init_task.files = init_files();
}

/* kernel/fork.c:dup_task_struct(): what a child inherits, field by field */
function dup_task_struct(orig: struct_task_struct): struct_task_struct | null {
	const tsk = kmem_cache_alloc(task_struct_cachep, GFP_KERNEL);

	if (tsk === null)
		return null;
	tsk.usage = 1;
	tsk.flags = orig.flags & ~PF_VCPU;
	tsk.cpu = orig.cpu;
	tsk.cpus_mask = orig.cpus_mask;
	tsk.nr_cpus_allowed = orig.nr_cpus_allowed;
	if ((orig.flags & PF_IDLE) !== 0)
		tsk.cpus_mask = -1;
	tsk.prio = orig.prio;
	tsk.static_prio = orig.static_prio;
	tsk.normal_prio = orig.normal_prio;
	tsk.policy = orig.policy;
	tsk.personality = orig.personality;
	tsk.comm = orig.comm;
	tsk.cred = orig.cred;
	tsk.real_cred = orig.real_cred;
	tsk.signal = orig.signal;
	tsk.sighand = orig.sighand;
	tsk.fs = orig.fs;
	tsk.files = orig.files;
	tsk.self_exec_id = orig.self_exec_id;
	sigcopyset(tsk.blocked, orig.blocked);
	sigcopyset(tsk.real_blocked, orig.real_blocked);
	sigcopyset(tsk.saved_sigmask, orig.saved_sigmask);
	tsk.sas_ss_sp = orig.sas_ss_sp;
	tsk.sas_ss_size = orig.sas_ss_size;
	tsk.sas_ss_flags = orig.sas_ss_flags;
	tsk.make_it_fail = orig.make_it_fail;
	tsk.thread.fsbase = orig.thread.fsbase;
	tsk.fail_nth = 0;
	tsk.wake_q_queued = false;
	tsk.restart_block.fn = null;
	INIT_LIST_HEAD(tsk.tasks);
	return tsk;
}

/* ---- address spaces ------------------------------------------------------------------------- */

function dup_mm_exe_file(mm: struct_mm_struct, oldmm: struct_mm_struct): void {
	const exe_file = oldmm.exe_file;

	mm.exe_file = exe_file;
	if (exe_file !== null)
		get_file(exe_file);
}

/** kernel/fork.c:set_mm_exe_file() */
export function set_mm_exe_file(mm: struct_mm_struct, new_exe_file: struct_file | null): number {
	const old_exe_file = mm.exe_file;

	if (new_exe_file !== null)
		get_file(new_exe_file);
	mm.exe_file = new_exe_file;
	if (old_exe_file !== null)
		fput(old_exe_file);
	return 0;
}

/* kernel/fork.c:dup_mmap() */
function dup_mmap(mm: struct_mm_struct, oldmm: struct_mm_struct): number {
	let retval: number;
	let charge = 0;

	if (mmap_write_lock_killable(oldmm) !== 0)
		return -EINTR;
	/* nobody else can find this mm yet, so the nesting cannot deadlock */
	mmap_write_lock_nested(mm, 1);

	dup_mm_exe_file(mm, oldmm);

	mm.total_vm = oldmm.total_vm;
	mm.data_vm = oldmm.data_vm;
	mm.exec_vm = oldmm.exec_vm;
	mm.stack_vm = oldmm.stack_vm;

	let rb_link: Parameters<typeof __vma_link_rb>[2] = mm.mm_rb;
	let rb_parent: Parameters<typeof __vma_link_rb>[3] = null;
	let prev: struct_vm_area_struct | null = null;
	let tmp: struct_vm_area_struct | null = null;

	out: {
		fail_nomem: {
			fail_nomem_policy: {
				retval = ksm_fork(mm, oldmm);
				if (retval !== 0)
					break out;
				khugepaged_fork(mm, oldmm);

				for (let mpnt = oldmm.mmap; mpnt !== null; mpnt = mpnt.vm_next) {
					if ((mpnt.vm_flags & VM_DONTCOPY) !== 0) {
						vm_stat_account(mm, mpnt.vm_flags,
							-vma_pages(mpnt));
						continue;
					}
					charge = 0;
					if (fatal_signal_pending(current)) {
						retval = -EINTR;
						break out;
					}
					if ((mpnt.vm_flags & VM_ACCOUNT) !== 0) {
						const len = vma_pages(mpnt);

						if (security_vm_enough_memory_mm(oldmm, len) !== 0)
							break fail_nomem;
						charge = len;
					}
					tmp = vm_area_dup(mpnt);
					if (tmp === null)
						break fail_nomem;
					tmp.vm_mm = mm;
					if ((tmp.vm_flags & VM_WIPEONFORK) !== 0) {
						/* prepared by the first fault: nothing is copied */
						tmp.anon_vma = null;
					} else if (anon_vma_fork(tmp, mpnt) !== 0) {
						break fail_nomem_policy;
					}
					tmp.vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
					const file = tmp.vm_file;
					if (file !== null) {
						const mapping = file.f_mapping!;

						get_file(file);
						i_mmap_lock_write(mapping);
						if ((tmp.vm_flags & VM_SHARED) !== 0)
							mapping_allow_writable(mapping);
						vma_interval_tree_insert_after(tmp, mpnt,
							mapping.i_mmap);
						i_mmap_unlock_write(mapping);
					}

					/* private reservations stay the parent's */
					if (is_vm_hugetlb_page(tmp))
						reset_vma_resv_huge_pages(tmp);

					if (prev === null)
						mm.mmap = tmp;
					else
						prev.vm_next = tmp;
					tmp.vm_prev = prev;
					prev = tmp;

					__vma_link_rb(mm, tmp, rb_link, rb_parent);
					rb_link = "rb_right";
					rb_parent = tmp.vm_rb;

					mm.map_count++;
					if ((tmp.vm_flags & VM_WIPEONFORK) === 0)
						retval = copy_page_range(tmp, mpnt);

					if (tmp.vm_ops?.open)
						tmp.vm_ops.open(tmp);

					if (retval !== 0)
						break out;
				}
				retval = arch_dup_mmap(oldmm, mm);
				break out;
			} /* fail_nomem_policy: */
			vm_area_free(tmp!);
		} /* fail_nomem: */
		retval = -ENOMEM;
		vm_unacct_memory(charge);
	} /* out: */
	mmap_write_unlock(mm);
	flush_tlb_mm(oldmm);
	mmap_write_unlock(oldmm);
	return retval;
}

function mm_alloc_pgd(mm: struct_mm_struct): number {
	mm.pgd = pgd_alloc(mm);
	return mm.pgd === 0 ? -ENOMEM : 0;
}

function mm_free_pgd(mm: struct_mm_struct): void {
	pgd_free(mm, mm.pgd);
}

/* kernel/fork.c:check_mm() */
function check_mm(mm: struct_mm_struct): void {
	for (let i = 0; i < NR_MM_COUNTERS; i++) {
		const x = mm.rss_stat[i]!;
		if (x !== 0) {
			pr_alert("BUG: Bad rss-counter state mm:%d type:%s val:%ld\n", mm.mm_id,
				resident_page_types[i], x);
			WARN_ON(true);
		}
	}
	if (mm_pgtables_bytes(mm) !== 0) {
		pr_alert("BUG: non-zero pgtables_bytes on freeing mm: %ld\n",
			mm_pgtables_bytes(mm));
		WARN_ON(true);
	}
}

/** kernel/fork.c:__mmdrop() */
export function __mmdrop(mm: struct_mm_struct): void {
	BUG_ON(mm === init_mm);
	WARN_ON_ONCE(mm === current.mm);
	WARN_ON_ONCE(mm === current.active_mm);
	mm_free_pgd(mm);
	destroy_context(mm);
	mmu_notifier_subscriptions_destroy(mm);
	check_mm(mm);
	kmem_cache_free(mm_cachep, mm);
}

let next_mm_id = 1;

/* kernel/fork.c:mm_init(); takes the struct down again when it fails */
function mm_init(mm: struct_mm_struct, p: struct_task_struct | null): struct_mm_struct | null {
	mm.mmap = null;
	mm.mm_rb.rb_node = null;
	mm.vmacache_seqnum = 0;
	mm.mm_users = 1;
	mm.mm_count = 1;
	mm.write_protect_seq = 0;
	mmap_init_lock(mm);
	INIT_LIST_HEAD(mm.mmlist);
	mm_pgtables_bytes_init(mm);
	mm.map_count = 0;
	mm.locked_vm = 0;
	mm.pinned_vm = 0;
	mm.rss_stat.fill(0);
	spin_lock_init(mm.page_table_lock, "&mm->page_table_lock");
	mm.cpu_bitmap = 0;
	mm.owner = p;
	mm.exe_file = null;
	mmu_notifier_subscriptions_init(mm);
	mm.tlb_flush_pending = 0;
	mm.tlb_flush_batched = 0;
	mm.mm_id = next_mm_id++;
	hugetlb_count_init(mm);

	if (current.mm !== null) {
		mm.flags = current.mm.flags & MMF_INIT_MASK;
		mm.def_flags = current.mm.def_flags & VM_INIT_DEF_MASK;
	} else {
		mm.flags = MMF_DUMP_FILTER_DEFAULT;
		mm.def_flags = 0;
	}

	fail_nopgd: {
		fail_nocontext: {
			if (mm_alloc_pgd(mm) !== 0)
				break fail_nopgd;
			if (init_new_context(p, mm) !== 0)
				break fail_nocontext;
			return mm;
		}
		mm_free_pgd(mm);
	}
	kmem_cache_free(mm_cachep, mm);
	return null;
}

/** kernel/fork.c:mm_alloc() */
export function mm_alloc(): struct_mm_struct | null {
	const mm = kmem_cache_zalloc(mm_cachep, GFP_KERNEL);
	return mm === null ? null : mm_init(mm, current);
}

function __mmput(mm: struct_mm_struct): void {
	ksm_exit(mm);
	khugepaged_exit(mm);	/* before exit_mmap() */
	exit_mmap(mm);
	mm_put_huge_zero_page(mm);
	set_mm_exe_file(mm, null);
	if (!list_empty(mm.mmlist))
		list_del(mm.mmlist);
	mmdrop(mm);
}

/** kernel/fork.c:mmput(): the last user takes the mappings down. May sleep. */
export function mmput(mm: struct_mm_struct): void {
	if (--mm.mm_users === 0)
		__mmput(mm);
}

/** kernel/fork.c:mmput_async() */
export function mmput_async(mm: struct_mm_struct): void {
	if (--mm.mm_users === 0) {
		const work = new struct_work_struct(mm);
		INIT_WORK(work, () => __mmput(mm), "&mm->async_put_work");
		schedule_work(work);
	}
}

/** kernel/fork.c:get_task_mm() */
export function get_task_mm(task: struct_task_struct): struct_mm_struct | null {
	spin_lock(task.alloc_lock);
	let mm = task.mm;
	if (mm !== null) {
		if ((task.flags & PF_KTHREAD) !== 0)
			mm = null;
		else
			mmget(mm);
	}
	spin_unlock(task.alloc_lock);
	return mm;
}

/** kernel/fork.c:mm_access(); @mode is not looked at: there is no ptrace. */
export function mm_access(task: struct_task_struct, _mode: number): struct_mm_struct | null {
	return get_task_mm(task);
}

function complete_vfork_done(tsk: struct_task_struct): void {
	const vfork = tsk.vfork_done;

	if (vfork !== null) {
		tsk.vfork_done = null;
		complete(vfork);
	}
}

/** kernel/fork.c:mm_release() */
export function mm_release(tsk: struct_task_struct, mm: struct_mm_struct | null): void {
	deactivate_mm(tsk, mm);
	if (tsk.clear_child_tid !== 0) {
		if (mm !== null && mm.mm_users > 1)
			put_user(__u32, 0, tsk.clear_child_tid);
		tsk.clear_child_tid = 0;
	}
	complete_vfork_done(tsk);
}

export function exit_mm_release(tsk: struct_task_struct, mm: struct_mm_struct | null): void {
	mm_release(tsk, mm);
}

/* C: memcpy(mm, oldmm): what mm_init() leaves alone */
function copy_mm_fields(mm: struct_mm_struct, oldmm: struct_mm_struct): void {
	mm.get_unmapped_area = oldmm.get_unmapped_area;
	mm.mmap_base = oldmm.mmap_base;
	mm.mmap_legacy_base = oldmm.mmap_legacy_base;
	mm.task_size = oldmm.task_size;
	mm.highest_vm_end = oldmm.highest_vm_end;
	mm.hiwater_rss = oldmm.hiwater_rss;
	mm.hiwater_vm = oldmm.hiwater_vm;
	mm.start_code = oldmm.start_code;
	mm.end_code = oldmm.end_code;
	mm.start_data = oldmm.start_data;
	mm.end_data = oldmm.end_data;
	mm.start_brk = oldmm.start_brk;
	mm.brk = oldmm.brk;
	mm.start_stack = oldmm.start_stack;
	mm.has_pinned = oldmm.has_pinned;
	mm.membarrier_state = oldmm.membarrier_state;
}

/* kernel/fork.c:dup_mm() */
export function dup_mm(tsk: struct_task_struct, oldmm: struct_mm_struct): struct_mm_struct | null {
	const mm = kmem_cache_alloc(mm_cachep, GFP_KERNEL);

	if (mm === null)
		return null;
	copy_mm_fields(mm, oldmm);
	if (mm_init(mm, tsk) === null)
		return null;
	if (dup_mmap(mm, oldmm) !== 0) {
		mm.owner = null;
		mmput(mm);
		return null;
	}
	mm.hiwater_rss = get_mm_rss(mm);
	mm.hiwater_vm = mm.total_vm;
	return mm;
}

function copy_mm(clone_flags: number, tsk: struct_task_struct): number {
	const oldmm = current.mm;

	tsk.min_flt = tsk.maj_flt = 0;
	tsk.nvcsw = tsk.nivcsw = 0;
	tsk.mm = null;
	tsk.active_mm = null;
	if (oldmm === null)
		return 0;

	vmacache_flush(tsk);
	let mm: struct_mm_struct | null;
	if ((clone_flags & CLONE_VM) !== 0) {
		mmget(oldmm);
		mm = oldmm;
	} else {
		mm = dup_mm(tsk, oldmm);
		if (mm === null)
			return -ENOMEM;
	}
	tsk.mm = mm;
	tsk.active_mm = mm;
	return 0;
}

/* kernel/exit.c:exit_mm(), here beside mm_release() */
export function exit_mm(): void {
	const tsk = current;
	const mm = tsk.mm;

	exit_mm_release(tsk, mm);
	if (mm === null)
		return;
	sync_mm_rss_of(tsk, mm);
	mmap_read_lock(mm);
	mm.mm_count++;
	BUG_ON(mm !== tsk.active_mm);
	spin_lock(tsk.alloc_lock);
	tsk.mm = null;
	spin_unlock(tsk.alloc_lock);
	mmap_read_unlock(mm);
	if (mm.owner === tsk)
		mm.owner = null;
	mmput(mm);
	if ((tsk.thread_info_flags & (1 << 20)) !== 0)
		exit_oom_victim();
}

/* mm/memory.c:sync_mm_rss() works on current.mm */
function sync_mm_rss_of(tsk: struct_task_struct, mm: struct_mm_struct): void {
	for (let i = 0; i < NR_MM_COUNTERS; i++) {
		mm.rss_stat[i]! += tsk.rss_stat[i]!;
		tsk.rss_stat[i] = 0;
	}
	tsk.rss_stat_events = 0;
}

/* ---- what else is copied or shared ---------------------------------------------------------- */

function copy_fs(clone_flags: number, tsk: struct_task_struct): number {
	const fs = current.fs;

	if (fs === null)
		return 0;
	if ((clone_flags & CLONE_FS) !== 0) {
		spin_lock(fs.lock);
		fs.users++;
		spin_unlock(fs.lock);
		return 0;
	}
	tsk.fs = copy_fs_struct(fs);
	return tsk.fs === null ? -ENOMEM : 0;
}

function copy_files(clone_flags: number, tsk: struct_task_struct): number {
	const oldf = current.files;

	if (oldf === null)
		return 0;
	if ((clone_flags & CLONE_FILES) !== 0) {
		oldf.count++;
		return 0;
	}
	const error = new ref(0);
	const newf = dup_fd(oldf, NR_OPEN_MAX, error);
	if (newf === null) {
		tsk.files = null;
		return error.v;
	}
	tsk.files = newf;
	return 0;
}

function copy_sighand(clone_flags: number, tsk: struct_task_struct): number {
	if ((clone_flags & CLONE_SIGHAND) !== 0) {
		current.sighand!.count++;
		return 0;
	}
	const sig = kmem_cache_alloc(sighand_cachep, GFP_KERNEL);
	tsk.sighand = sig;
	if (sig === null)
		return -ENOMEM;
	sig.count = 1;
	spin_lock_init(sig.siglock, "&sighand->siglock");
	spin_lock_irq(current.sighand!.siglock);
	for (let i = 0; i < sig.action.length; i++) {
		const from = current.sighand!.action[i]!.sa, to = sig.action[i]!.sa;
		to.sa_handler = from.sa_handler;
		to.sa_flags = from.sa_flags;
		to.sa_restorer = from.sa_restorer;
		sigcopyset(to.sa_mask, from.sa_mask);
	}
	/* the kernel's own: children of the idle task are not reaped behind its back */
	if ((current.flags & PF_KTHREAD) !== 0)
		sig.action[SIGCHLD - 1]!.sa.sa_handler = 0;
	spin_unlock_irq(current.sighand!.siglock);
	return 0;
}

/** kernel/fork.c:__cleanup_sighand() */
export function __cleanup_sighand(sighand: struct_sighand_struct): void {
	if (--sighand.count === 0)
		kmem_cache_free(sighand_cachep, sighand);
}

function copy_signal(clone_flags: number, tsk: struct_task_struct): number {
	if ((clone_flags & CLONE_THREAD) !== 0)
		return 0;
	const sig = kmem_cache_zalloc(signal_cachep, GFP_KERNEL);
	if (sig === null) {
		tsk.signal = null as unknown as struct_signal_struct;
		return -ENOMEM;
	}
	tsk.signal = sig;
	sig.nr_threads = 1;
	sig.live = 1;
	sig.sigcnt = 1;
	INIT_LIST_HEAD(sig.thread_head);
	INIT_LIST_HEAD(tsk.thread_node);
	list_add_tail(tsk.thread_node, sig.thread_head);
	sig.curr_target = tsk;
	init_sigpending(sig.shared_pending);
	init_signal_locks(sig);
	hrtimer_init(sig.real_timer, CLOCK_MONOTONIC, 1);
	sig.real_timer.function_ = it_real_fn;

	spin_lock(current.group_leader.alloc_lock);
	for (let i = 0; i < sig.rlim.length; i++) {
		sig.rlim[i]!.rlim_cur = current.signal.rlim[i]!.rlim_cur;
		sig.rlim[i]!.rlim_max = current.signal.rlim[i]!.rlim_max;
	}
	spin_unlock(current.group_leader.alloc_lock);
	sig.oom_score_adj = current.signal.oom_score_adj;
	sig.oom_score_adj_min = current.signal.oom_score_adj_min;
	return 0;
}

function init_task_locks(p: struct_task_struct): void {
	spin_lock_init(p.alloc_lock, "&p->alloc_lock");
	p.pi_lock.dep = lockdep_key("&p->pi_lock", LD_WAIT_CONFIG);
}

/* ---- clone ---------------------------------------------------------------------------------- */

export class struct_kernel_clone_args {
	flags = 0;
	child_tid = 0;
	parent_tid = 0;
	exit_signal = 0;
	tls = 0;
	/** the pid wanted, if it is free; 0 for any */
	set_tid = 0;
	/** a kernel thread and its body */
	kthread: struct_kthread | null = null;
	/** what the child runs in user mode */
	user: user_context | null = null;
}

const CLONE_NAMESPACES = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
	CLONE_NEWNET | CLONE_NEWCGROUP;

function copy_process(args: struct_kernel_clone_args): struct_task_struct | err_ptr {
	const clone_flags = args.flags;
	let retval: number;

	if ((clone_flags & (CLONE_NAMESPACES | CLONE_PIDFD)) !== 0)
		return ERR_PTR(-EINVAL);
	if ((clone_flags & CLONE_THREAD) !== 0 && (clone_flags & CLONE_SIGHAND) === 0)
		return ERR_PTR(-EINVAL);
	if ((clone_flags & CLONE_SIGHAND) !== 0 && (clone_flags & CLONE_VM) === 0)
		return ERR_PTR(-EINVAL);

	/* signals that came before are delivered before the fork */
	spin_lock_irq(current.sighand!.siglock);
	recalc_sigpending();
	spin_unlock_irq(current.sighand!.siglock);
	if (task_sigpending(current))
		return ERR_PTR(-ERESTARTNOINTR);

	const p = dup_task_struct(current);
	if (p === null)
		return ERR_PTR(-ENOMEM);
	p.flags &= ~PF_KTHREAD;
	if (args.kthread !== null)
		p.flags |= PF_KTHREAD;
	p.set_child_tid = (clone_flags & CLONE_CHILD_SETTID) !== 0 ? args.child_tid : 0;
	p.clear_child_tid = (clone_flags & CLONE_CHILD_CLEARTID) !== 0 ? args.child_tid : 0;

	bad_fork_free: {
		retval = copy_creds(p, clone_flags);
		if (retval < 0)
			break bad_fork_free;
		bad_fork_cleanup_count: {
			retval = -EAGAIN;
			if (p.cred!.user!.processes > rlimit(RLIMIT_NPROC) &&
			    p.real_cred!.user !== root_user && !capable(CAP_SYS_RESOURCE) &&
			    !capable(CAP_SYS_ADMIN))
				break bad_fork_cleanup_count;
			current.flags &= ~PF_NPROC_EXCEEDED;
			if (nr_threads >= max_threads)
				break bad_fork_cleanup_count;

			p.flags &= ~(PF_SUPERPRIV | PF_WQ_WORKER | PF_IDLE | PF_NO_SETAFFINITY |
				PF_MCE_PROCESS);
			p.flags |= PF_FORKNOEXEC;
			INIT_LIST_HEAD(p.children);
			INIT_LIST_HEAD(p.sibling);
			p.vfork_done = null;
			init_task_locks(p);
			init_sigpending(p.pending);
			p.utime = p.stime = 0;
			p.rss_stat.fill(0);
			p.pagefault_disabled = 0;
			sched_fork(clone_flags, p);
			if (args.kthread !== null)
				p.worker_private = args.kthread;
			p.thread.user = args.user;

			retval = copy_process_parts(p, clone_flags);
			if (retval !== 0)
				break bad_fork_cleanup_count;

			const err = link_process(p, args);
			if (err === 0) {
				if (__tracepoint_task_newtask.enabled)
					__tracepoint_task_newtask.fire(p, clone_flags);
				return p;
			}
			retval = err;
			undo_process_parts(p, clone_flags, 5);
		} /* bad_fork_cleanup_count: */
		p.cred!.user!.processes--;
		exit_creds(p);
	} /* bad_fork_free: */
	p.__state = TASK_DEAD;
	p.exit_state = TASK_DEAD;
	kmem_cache_free(task_struct_cachep, p);
	return ERR_PTR(retval);
}

/* copy_files() to copy_mm(), and alloc_pid(): undone in reverse when one fails */
function copy_process_parts(p: struct_task_struct, clone_flags: number): number {
	let done = 0, retval: number;

	retval = copy_files(clone_flags, p);
	if (retval === 0) {
		done = 1;
		retval = copy_fs(clone_flags, p);
	}
	if (retval === 0) {
		done = 2;
		retval = copy_sighand(clone_flags, p);
	}
	if (retval === 0) {
		done = 3;
		retval = copy_signal(clone_flags, p);
	}
	if (retval === 0) {
		done = 4;
		retval = copy_mm(clone_flags, p);
	}
	if (retval === 0)
		return 0;
	undo_process_parts(p, clone_flags, done);
	return retval;
}

function undo_process_parts(p: struct_task_struct, clone_flags: number, done: number): void {
	if (done >= 5 && p.mm !== null) {
		if (p.mm.owner === p)
			p.mm.owner = null;
		mmput(p.mm);
		p.mm = null;
	}
	if (done >= 4 && (clone_flags & CLONE_THREAD) === 0)
		free_signal_struct(p.signal);
	if (done >= 3)
		__cleanup_sighand(p.sighand!);
	if (done >= 2)
		exit_fs(p);
	if (done >= 1)
		exit_files(p);
}

function link_process(p: struct_task_struct, args: struct_kernel_clone_args): number {
	const clone_flags = args.flags;
	const pid = alloc_pid(args.set_tid);

	if (IS_ERR(pid))
		return PTR_ERR(pid);
	if ((clone_flags & (CLONE_VM | CLONE_VFORK)) === CLONE_VM)
		sas_ss_reset(p);
	if ((clone_flags & CLONE_SETTLS) !== 0)
		p.thread.fsbase = args.tls;
	p.pid = pid.nr;
	if ((clone_flags & CLONE_THREAD) !== 0) {
		p.group_leader = current.group_leader;
		p.tgid = current.tgid;
	} else {
		p.group_leader = p;
		p.tgid = p.pid;
	}
	p.pdeath_signal = 0;
	INIT_LIST_HEAD(p.thread_group);
	p.task_works = null;
	p.start_time = ktime_get_ns();
	p.start_boottime = p.start_time;

	write_lock_irq(tasklist_lock);
	if ((clone_flags & (CLONE_PARENT | CLONE_THREAD)) !== 0) {
		p.real_parent = current.real_parent;
		p.parent_exec_id = current.parent_exec_id;
		p.exit_signal = (clone_flags & CLONE_THREAD) !== 0 ? -1 :
			current.group_leader.exit_signal;
	} else {
		p.real_parent = current;
		p.parent_exec_id = current.self_exec_id;
		p.exit_signal = args.exit_signal;
	}
	p.parent = p.real_parent;

	spin_lock(current.sighand!.siglock);
	/* let a kill end the clone in the middle */
	if (fatal_signal_pending(current)) {
		spin_unlock(current.sighand!.siglock);
		write_unlock_irq(tasklist_lock);
		free_pid(pid);
		return -EINTR;
	}
	p.thread_pid = pid;
	if (p.exit_signal >= 0) {
		p.signal.pids[PIDTYPE_TGID] = pid;
		p.signal.pids[PIDTYPE_PGID] = task_pgrp(current);
		p.signal.pids[PIDTYPE_SID] = task_session(current);
		list_add_tail(p.sibling, p.real_parent!.children);
		list_add_tail(p.tasks, init_task.tasks);
		attach_pid(p, PIDTYPE_TGID);
		attach_pid(p, PIDTYPE_PGID);
		attach_pid(p, PIDTYPE_SID);
	} else {
		current.signal.nr_threads++;
		current.signal.live++;
		current.signal.sigcnt++;
		list_add_tail(p.thread_group, p.group_leader.thread_group);
		list_add_tail(p.thread_node, p.signal.thread_head);
	}
	attach_pid(p, PIDTYPE_PID);
	nr_threads++;
	total_forks++;
	spin_unlock(current.sighand!.siglock);
	write_unlock_irq(tasklist_lock);
	return 0;
}

/** kernel/fork.c:kernel_clone(): the child's pid or an errno. */
export function kernel_clone(args: struct_kernel_clone_args): number {
	const clone_flags = args.flags;
	const p = copy_process(args);

	if (IS_ERR(p))
		return PTR_ERR(p);
	const pid = get_task_pid(p, PIDTYPE_PID);
	const nr = pid_vnr(pid);

	if ((clone_flags & CLONE_PARENT_SETTID) !== 0)
		put_user(__u32, nr, args.parent_tid);
	if ((clone_flags & CLONE_VFORK) !== 0) {
		/* the parent goes on at once: its program cannot be held inside the call */
		p.vfork_done = new struct_completion();
		init_waitqueue_head(p.vfork_done.wait, "&x->wait");
	}
	wake_up_new_task(p);
	put_pid(pid);
	return nr;
}

/** kernel/fork.c:kernel_thread() for kthread_create(): not woken yet. */
export function create_kthread(name: string, kthread: struct_kthread):
	struct_task_struct | err_ptr {
	const args = new struct_kernel_clone_args();

	args.flags = CLONE_FS | CLONE_FILES | CLONE_UNTRACED;
	args.exit_signal = SIGCHLD;
	args.kthread = kthread;
	const p = with_kernel_parent(args);
	if (!IS_ERR(p))
		set_task_comm(p, name);
	return p;
}

/* C: kthreadd is the parent of all kernel threads, and shares nothing with programs */
function with_kernel_parent(args: struct_kernel_clone_args): struct_task_struct | err_ptr {
	const curr = current;

	if (curr.mm === null && (curr.flags & PF_KTHREAD) !== 0)
		return copy_process(args);
	const p = copy_kernel_process(args);
	return p;
}

/* as copy_process(), for a caller that is a program: from the idle task's parts */
function copy_kernel_process(args: struct_kernel_clone_args): struct_task_struct | err_ptr {
	const p = dup_task_struct(init_task);

	if (p === null)
		return ERR_PTR(-ENOMEM);
	p.flags = (p.flags & ~(PF_IDLE | PF_NO_SETAFFINITY)) | PF_KTHREAD | PF_FORKNOEXEC;
	p.cred = init_cred;
	p.real_cred = init_cred;
	init_cred.usage += 2;
	root_user.processes++;
	INIT_LIST_HEAD(p.children);
	INIT_LIST_HEAD(p.sibling);
	init_task_locks(p);
	init_sigpending(p.pending);
	p.rss_stat.fill(0);
	sched_fork(0, p);
	p.worker_private = args.kthread;
	if (init_task.fs !== null)
		init_task.fs.users++;
	if (init_task.files !== null)
		init_task.files.count++;
	let retval = copy_sighand(0, p);
	if (retval === 0) {
		retval = copy_signal(0, p);
		if (retval === 0) {
			retval = link_kernel_process(p, args);
			if (retval === 0)
				return p;
			free_signal_struct(p.signal);
		}
		__cleanup_sighand(p.sighand!);
	}
	exit_fs(p);
	exit_files(p);
	root_user.processes--;
	exit_creds(p);
	p.__state = TASK_DEAD;
	kmem_cache_free(task_struct_cachep, p);
	return ERR_PTR(retval);
}

function link_kernel_process(p: struct_task_struct, args: struct_kernel_clone_args): number {
	const pid = alloc_pid();

	if (IS_ERR(pid))
		return PTR_ERR(pid);
	p.pid = pid.nr;
	p.tgid = pid.nr;
	p.group_leader = p;
	INIT_LIST_HEAD(p.thread_group);
	p.task_works = null;
	p.start_time = ktime_get_ns();
	write_lock_irq(tasklist_lock);
	p.real_parent = init_task;
	p.parent = init_task;
	p.exit_signal = args.exit_signal;
	p.thread_pid = pid;
	p.signal.pids[PIDTYPE_TGID] = pid;
	p.signal.pids[PIDTYPE_PGID] = init_struct_pid;
	p.signal.pids[PIDTYPE_SID] = init_struct_pid;
	list_add_tail(p.sibling, init_task.children);
	list_add_tail(p.tasks, init_task.tasks);
	attach_pid(p, PIDTYPE_TGID);
	attach_pid(p, PIDTYPE_PGID);
	attach_pid(p, PIDTYPE_SID);
	attach_pid(p, PIDTYPE_PID);
	nr_threads++;
	write_unlock_irq(tasklist_lock);
	return 0;
}

/** kernel/fork.c:kernel_thread(): a pid. */
export function kernel_thread(kthread: struct_kthread, name: string, _flags: number): number {
	const p = create_kthread(name, kthread);
	if (IS_ERR(p))
		return PTR_ERR(p);
	wake_up_process(p);
	return p.pid;
}

/**
 * kernel/fork.c:user_mode_thread(), and what execve() does after it: a process of its own, with an
 * empty address space, that runs @user. Called by the idle task.
 */
export function user_mode_thread(user: user_context, comm: string):
	struct_task_struct | err_ptr {
	const args = new struct_kernel_clone_args();

	args.exit_signal = SIGCHLD;
	args.set_tid = 1;
	args.user = user;
	const p = copy_process(args);
	if (IS_ERR(p))
		return p;
	set_task_comm(p, comm);
	p.flags &= ~PF_FORKNOEXEC;
	const mm = mm_alloc();
	if (mm === null)
		return ERR_PTR(-ENOMEM);
	mm.owner = p;
	arch_pick_mmap_layout(mm, p.signal.rlim[RLIMIT_STACK]!);
	p.mm = mm;
	p.active_mm = mm;
	p.self_exec_id++;
	/* a session of its own */
	p.signal.leader = 1;
	return p;
}

/* ---- system calls --------------------------------------------------------------------------- */

function take_next_child(): user_context | null {
	const child = current.thread.next_child;
	current.thread.next_child = null;
	return child;
}

/** clone(flags, newsp, parent_tid, child_tid, tls); the stack pointer means nothing. */
export const sys_clone = SYSCALL_DEFINE("clone", ["ulong", "ulong", "ptr", "ptr", "ulong"],
	(clone_flags, _newsp, parent_tidptr, child_tidptr, tls) => {
		const args = new struct_kernel_clone_args();
		const flags = Number(clone_flags & 0xffffffffn);

		args.flags = flags & ~CSIGNAL;
		args.exit_signal = flags & CSIGNAL;
		args.parent_tid = parent_tidptr;
		args.child_tid = child_tidptr;
		args.tls = Number(tls);
		args.user = take_next_child();
		if (args.user === null)
			return -EINVAL;
		return kernel_clone(args);
	});

export const sys_fork = SYSCALL_DEFINE("fork", [], () => {
	const args = new struct_kernel_clone_args();

	args.exit_signal = SIGCHLD;
	args.user = take_next_child();
	return args.user === null ? -EINVAL : kernel_clone(args);
});

export const sys_vfork = SYSCALL_DEFINE("vfork", [], () => {
	const args = new struct_kernel_clone_args();

	args.flags = CLONE_VFORK | CLONE_VM;
	args.exit_signal = SIGCHLD;
	args.user = take_next_child();
	return args.user === null ? -EINVAL : kernel_clone(args);
});

export const sys_set_tid_address = SYSCALL_DEFINE("set_tid_address", ["ptr"], (tidptr) => {
	current.clear_child_tid = tidptr;
	return current.pid;
});

