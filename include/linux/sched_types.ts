// SPDX-License-Identifier: GPL-2.0
/*
 * struct task_struct, the first task, and `current`.
 *
 * Upstream: include/linux/sched.h (struct task_struct), init/init_task.c (storage of init_task),
 * struct pid of include/linux/pid.h, arch/x86/include/asm/current.h.
 */
import { HOT_LOCK_DEPTH, HOT_OWNER, NR_HOT, pcpu_hot } from "#asm/current.ts";
import { struct_hlist_head, struct_list_head } from "#linux/list.ts";
import { struct_callback_head } from "#linux/rcupdate_types.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import type { struct_mutex, struct_rw_semaphore } from "#linux/mutex_types.ts";
import { sigset_t, struct_sigpending, type kernel_siginfo_t, type struct_sighand_struct,
	type struct_signal_struct } from "#linux/signal_types.ts";
import { struct_hrtimer, type ktime_t } from "#linux/hrtimer_types.ts";
import { wait_queue_entry_t, wait_queue_head_t } from "#linux/wait_types.ts";
import type { struct_cred } from "#linux/cred_types.ts";
import type { struct_completion } from "#linux/completion_types.ts";
import type { struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import type { struct_files_struct } from "#linux/fdtable.ts";
import type { struct_fs_struct } from "#linux/fs_struct.ts";
import type { struct_pipe_inode_info } from "#linux/pipe_fs_i.ts";

/** A program as the scheduler runs it: each next() is a slice; the value returned is its status. */
export type user_context = Generator<void, number, void>;

export const TASK_COMM_LEN	= 16;

export const PIDTYPE_PID	= 0;
export const PIDTYPE_TGID	= 1;
export const PIDTYPE_PGID	= 2;
export const PIDTYPE_SID	= 3;
export const PIDTYPE_MAX	= 4;

/** A process number. Life: alloc_pid() with a task, put_pid() by the last of task and users. */
export class struct_pid {
	count = 1;
	readonly nr: number;
	/** by PIDTYPE_*: tasks that use it */
	tasks: struct_task_struct[][] = [[], [], [], []];
	wait_pidfd = new wait_queue_head_t();
	rcu = new struct_callback_head(this);
	constructor(nr: number) {
		this.nr = nr;
	}
}

export const VMACACHE_BITS	= 2;
export const VMACACHE_SIZE	= 1 << VMACACHE_BITS;
export const VMACACHE_MASK	= VMACACHE_SIZE - 1;

/** Per-thread cache of the last VMAs found; valid while seqnum is the mm's. */
export class struct_vmacache {
	seqnum = 0;
	vmas: (struct_vm_area_struct | null)[] = [null, null, null, null];
	/** Port-only: where the last search ended, and the next one begins. */
	hit = 0;
}

/** State of a call that is to be resumed by restart_syscall(). */
export class struct_restart_block {
	fn: ((restart: struct_restart_block) => number) | null = null;
	/** absolute, ns */
	expires: ktime_t = 0;
	clockid = 0;
	type = 0;
	rmtp = 0;
}

/*
 * A system call that waits returns -ERESTARTWAIT and is issued again; what must survive in
 * between stands here. active: set by the wait, cleared when the call returns something else.
 */
export class struct_restart_wait {
	active = false;
	entry = new wait_queue_entry_t(null);
	wq_head: wait_queue_head_t | null = null;
	timer = new struct_hrtimer(null);
	/** absolute time of the first call's timeout; Infinity: none */
	deadline: ktime_t = 0;
	timed = false;
	/** rt_sigtimedwait() has put the task's mask into real_blocked */
	sigwait = false;
	/** the lock whose wait_list the task is on */
	lock: struct_mutex | struct_rw_semaphore | null = null;
}

/* The machine's side of a task. */
export class struct_thread_struct {
	/** the program; null in kernel threads */
	user: user_context | null = null;
	/** what the next clone() runs in the child (set by nolibc's fork() and thread creation) */
	next_child: user_context | null = null;
	/**
	 * the program is suspended inside the kernel (KVM_RUN), not in user mode; set by
	 * syscall_gen()
	 */
	in_kernel = 0;
	/** address, vector and error code of the last user fault */
	cr2 = 0;
	trap_nr = 0;
	error_code = 0;
	fsbase = 0;
	/** what arch code keeps about signal frames */
	arch: unknown = null;
}

/** A kernel thread's body: runs to its end, or yields where upstream's would sleep. */
export type kthread_fn = (data: unknown) => number | Generator<void, number, void>;

export const TASK_RUNNING		= 0x00000000;
export const TASK_INTERRUPTIBLE		= 0x00000001;
export const TASK_UNINTERRUPTIBLE	= 0x00000002;
export const __TASK_STOPPED		= 0x00000004;
export const __TASK_TRACED		= 0x00000008;
export const EXIT_DEAD			= 0x00000010;
export const EXIT_ZOMBIE		= 0x00000020;
export const EXIT_TRACE			= EXIT_ZOMBIE | EXIT_DEAD;
export const TASK_PARKED		= 0x00000040;
export const TASK_DEAD			= 0x00000080;
export const TASK_WAKEKILL		= 0x00000100;
export const TASK_WAKING		= 0x00000200;
export const TASK_NOLOAD		= 0x00000400;
export const TASK_NEW			= 0x00000800;
export const TASK_KILLABLE		= TASK_WAKEKILL | TASK_UNINTERRUPTIBLE;
export const TASK_STOPPED		= TASK_WAKEKILL | __TASK_STOPPED;
export const TASK_IDLE			= TASK_UNINTERRUPTIBLE | TASK_NOLOAD;
export const TASK_NORMAL		= TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE;

/*
 * A task. Life: copy_process() (usage 1 and one for its zombie), wake_up_new_task(), do_exit()
 * to EXIT_ZOMBIE, release_task() and delayed put by RCU.
 */
export class struct_task_struct {
	/* thread_info */
	thread_info_flags = 0;
	syscall_work = 0;
	/** while another task is current, what pcpu_hot has of this one; see task_hot() */
	hot = new Int32Array(NR_HOT);
	pagefault_disabled = 0;

	/** likewise the locks held; null: never yet */
	held_locks: held_locks | null = null;
	/** died with locks held: they name it for good */
	owns_for_good = false;

	__state = TASK_RUNNING;
	usage = 1;
	flags = 0;
	ptrace = 0;

	on_cpu = 0;
	on_rq = 0;
	cpu = 0;
	recent_used_cpu = 0;
	prio = 120;
	static_prio = 120;
	normal_prio = 120;
	policy = 0;
	nr_cpus_allowed = 1;
	/** bit mask of CPUs (at most 31) */
	cpus_mask = 1;
	migration_disabled = 0;
	preempt_notifiers = new struct_hlist_head();
	sched_reset_on_fork = 0;

	tasks = new struct_list_head(this);
	mm: struct_mm_struct | null = null;
	active_mm: struct_mm_struct | null = null;
	vmacache = new struct_vmacache();
	/** C: struct task_rss_stat: counts not yet folded into the mm */
	rss_stat_events = 0;
	rss_stat = new Int32Array(4);

	exit_state = 0;
	exit_code = 0;
	exit_signal = 0;
	pdeath_signal = 0;
	jobctl = 0;
	personality = 0;
	in_execve = 0;
	in_iowait = 0;
	restore_sigmask = 0;
	in_user_fault = 0;
	atomic_flags = 0;
	restart_block = new struct_restart_block();
	restart_wait = new struct_restart_wait();

	pid = 0;
	tgid = 0;
	real_parent: struct_task_struct | null = null;
	parent: struct_task_struct | null = null;
	children = new struct_list_head(null);
	sibling = new struct_list_head(this);
	group_leader: struct_task_struct;
	thread_pid: struct_pid | null = null;
	thread_group = new struct_list_head(this);
	thread_node = new struct_list_head(this);
	vfork_done: struct_completion | null = null;
	set_child_tid = 0;
	clear_child_tid = 0;
	/** kernel threads: struct kthread */
	worker_private: unknown = null;

	/** ns */
	utime = 0;
	stime = 0;
	nvcsw = 0;
	nivcsw = 0;
	start_time = 0;
	start_boottime = 0;
	min_flt = 0;
	maj_flt = 0;

	real_cred: struct_cred | null = null;
	cred: struct_cred | null = null;
	comm = "";

	fs: struct_fs_struct | null = null;
	files: struct_files_struct | null = null;
	signal: struct_signal_struct;
	sighand: struct_sighand_struct | null = null;
	blocked = new sigset_t();
	real_blocked = new sigset_t();
	saved_sigmask = new sigset_t();
	pending = new struct_sigpending();
	last_siginfo: kernel_siginfo_t | null = null;
	sas_ss_sp = 0n;
	sas_ss_size = 0n;
	sas_ss_flags = 2;
	task_works: struct_callback_head | null = null;

	parent_exec_id = 0;
	self_exec_id = 0;
	alloc_lock = new spinlock_t();
	pi_lock = new spinlock_t();
	/** C: wake_q.next; the queue is an array here */
	wake_q_queued = false;
	blocked_on: struct_mutex | struct_rw_semaphore | null = null;
	journal_info: unknown = null;
	plug: null = null;
	/** the pipe that sendfile() keeps for its next call */
	splice_pipe: struct_pipe_inode_info | null = null;
	in_eventfd_signal = false;
	reclaim_state: { reclaimed_slab: number } | null = null;
	capture_control: unknown = null;

	/* fault injection */
	make_it_fail = 0;
	fail_nth = 0;

	/* memory cgroup and OOM */
	memcg_in_oom: unknown = null;
	memcg_nr_pages_over_high = 0;
	active_memcg: unknown = null;
	oom_reaper_list: struct_task_struct | null = null;
	oom_reaper_timer: unknown = null;

	/* machine checks */
	mce_vaddr = 0;
	mce_addr = 0n;
	mce_ripv = false;
	mce_kill_me = new struct_callback_head(this);
	mce_count = 0;

	nr_dirtied = 0;
	thread = new struct_thread_struct();
	rcu = new struct_callback_head(this);
	delayed_fput = new struct_callback_head(this);

	constructor(signal: struct_signal_struct | null = null) {
		this.group_leader = this;
		this.signal = signal as struct_signal_struct;
	}
}

/** The boot task, and the idle task of CPU 0. Filled by init_task_init() (init/init_task.c). */
export const init_task = new struct_task_struct(null);
init_task.comm = "swapper/0";

/*
 * Locks of the current task, HOT_LOCK_DEPTH of them, from index 1 on. They are not in the task
 * because an array that is always the same costs a fraction.
 */
class held_locks {
	/** lock_id of each, or HELD_MERGED; 0 at index 0 */
	readonly lock = new Int32Array(64);
	/** HOT_LOCK_CHAIN before it was taken */
	readonly before = new Int32Array(64);
	/** locks of the class merged here under a nest lock; 0: just one, and not merged */
	readonly refs = new Int32Array(64);
}

const held = new held_locks();
export const held_lock = held.lock;
export const held_before = held.before;
export const held_refs = held.refs;
/** in place of the lock_id of merged ones */
export const HELD_MERGED	= -1;

function copy_held_locks(to: held_locks, from: held_locks, depth: number): void {
	for (let i = 1; i <= depth; i++) {
		to.lock[i] = from.lock[i]!;
		to.before[i] = from.before[i]!;
		to.refs[i] = from.refs[i]!;
		from.refs[i] = 0;
	}
}

/** The task that runs now, on the CPU that runs now. Only the scheduler changes it. */
export let current: struct_task_struct = init_task;

/** What pcpu_hot says of @task, or would. */
export function task_hot(task: struct_task_struct): Int32Array {
	return task === current ? pcpu_hot : task.hot;
}

/** held_before of @task */
export function task_held_before(task: struct_task_struct): Int32Array {
	return task === current ? held_before : task.held_locks!.before;
}

/* who owns a lock is kept as a number: that costs less than an object, which V8 has to note */
const lock_owners = new Map<number, struct_task_struct>([[pcpu_hot[HOT_OWNER]!, init_task]]);
let last_lock_owner = pcpu_hot[HOT_OWNER]!;
init_task.hot[HOT_OWNER] = last_lock_owner;

/** For reports: the task that a lock names, or null if there is none. */
export function lock_owner(nr: number): struct_task_struct | null {
	return lock_owners.get(nr) ?? null;
}

/** @task is freed. */
export function lock_owner_gone(task: struct_task_struct): void {
	if (!task.owns_for_good)
		lock_owners.delete(task_hot(task)[HOT_OWNER]!);
}

function name_owner(task: struct_task_struct): void {
	task.hot[HOT_OWNER] = ++last_lock_owner;
	lock_owners.set(last_lock_owner, task);
}

/** For the scheduler, for calls on other CPUs, and for kunit to hold the other side. */
export function set_current(task: struct_task_struct): void {
	const prev = current;

	if (task === prev)
		return;
	if (pcpu_hot[HOT_LOCK_DEPTH] !== 0)
		copy_held_locks(prev.held_locks ??= new held_locks(), held,
			pcpu_hot[HOT_LOCK_DEPTH]!);
	if (task.hot[HOT_OWNER] === 0)
		name_owner(task);
	for (let i = 0; i < NR_HOT; i++) {
		prev.hot[i] = pcpu_hot[i]!;
		pcpu_hot[i] = task.hot[i]!;
	}
	if (pcpu_hot[HOT_LOCK_DEPTH] !== 0)
		copy_held_locks(held, task.held_locks!, pcpu_hot[HOT_LOCK_DEPTH]!);
	current = task;
}
