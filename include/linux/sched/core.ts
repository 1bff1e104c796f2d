// SPDX-License-Identifier: GPL-2.0
/*
 * The scheduler.
 *
 * Upstream: kernel/sched/core.c, with wake-ups, context switches, task states, affinity and
 * might_sleep() as there. Left out: classes, priorities, load tracking, groups, hotplug.
 *
 * A user program is a generator; so is a kernel thread that sleeps. schedule_loop() picks a CPU and
 * a runnable task on it, both by the seed, and lets the task run until it yields: one slice. A task
 * whose state is not TASK_RUNNING then leaves the queue until somebody wakes it. When nobody is
 * runnable the virtual clock jumps to the next timer; without one, all tasks are printed and the
 * host ends. Other CPUs keep their last task and its mm loaded.
 *
 * Kernel code never yields: schedule() with a state set means to wait for work that the kernel
 * itself has pending (timers, work items, RCU callbacks, kernel threads). That is run on the spot,
 * nested; a wait that none of it can end is a BUG.
 */
import { clock_advance, clock_advance_to, clock_read } from "#asm/timex.ts";
import { cpus, set_this_cpu, this_cpu } from "#asm/smp.ts";
import { enter_lazy_tlb, switch_mm_irqs_off } from "#asm/mmu_context.ts";
import { EINVAL, ERESTARTSYS, ERESTARTWAIT } from "#linux/errno.ts";
import { KERN_ERR, pr_err, pr_info, printk } from "#linux/printk.ts";
import { SIGABRT } from "#uapi/asm-generic/signal.ts";
import { HOT_IRQS, HOT_NON_BLOCK, HOT_PREEMPT, HOT_RCU_NESTING, pcpu_hot } from "#asm/current.ts";
import { PREEMPT_COUNT_MASK, PREEMPT_MASK } from "#linux/preempt.const.ts";
import { die, dump_stack, host_dead, kernel_bug, panic } from "#linux/panic.ts";
import { fire_sched_in_preempt_notifiers, fire_sched_out_preempt_notifiers } from
	"#linux/preempt.ts";
import { hrtimer_cancel, hrtimer_init, hrtimer_start } from "#linux/hrtimer.ts";
import { HRTIMER_MODE_ABS, hrtimer_next_event, hrtimer_run_queues } from "#linux/hrtimer.ts";
import { debug_show_held_locks } from "#linux/lockdep/lockdep.ts";
import { rcu_callbacks_pending, rcu_note_context_switch, rcu_qs } from "#linux/rcupdate/tree.ts";
import { prandom_seed_state, prandom_u32_state, struct_rnd_state } from "#linux/random.ts";
import { srcu_advance, srcu_callbacks_pending } from "#linux/srcu/srcutree.ts";
import { PF_IDLE, PF_KTHREAD, PF_VCPU, _TIF_NEED_RESCHED, _TIF_NOTIFY_SIGNAL,
	_TIF_SIGPENDING } from "#linux/sched.const.ts";
import { EXIT_DEAD, EXIT_ZOMBIE, TASK_COMM_LEN, TASK_DEAD, TASK_INTERRUPTIBLE, TASK_NEW,
	TASK_NORMAL, TASK_PARKED, TASK_RUNNING, TASK_STOPPED, TASK_UNINTERRUPTIBLE, current,
	init_task, set_current, struct_task_struct, task_hot } from "#linux/sched_types.ts";
import type { struct_mutex, struct_rw_semaphore } from "#linux/mutex_types.ts";
import { do_exit, do_group_exit, task_exited } from "#linux/sched/exit.ts";
import { init_mm } from "#linux/mm.ts";
import { mmdrop, mmgrab } from "#linux/sched/mm.ts";
import { smp_call_function_single, smp_send_reschedule } from "#linux/smp.ts";
import { signal_pending_state } from "#linux/sched/signal.ts";
import { finish_task_dead } from "#linux/sched/task.ts";
import { thread_group_leader } from "#linux/sched.ts";
import { for_each_process_thread } from "#linux/sched/task_list.ts";
import { irqentry_return_to_user } from "#asm/entry-common.ts";
import { kthread_step } from "#linux/kthread/kthread.ts";
import { read_unlock, read_lock, spin_lock, spin_unlock, write_lock, write_unlock, type rwlock_t,
	type spinlock_t } from "#linux/spinlock.ts";
import { finish_wait, prepare_to_wait } from "#linux/wait.ts";
import type { wait_queue_entry_t, wait_queue_head_t } from "#linux/wait_types.ts";
import { lockdep_set_class_and_name } from "#linux/lockdep/lockdep.ts";

/** Virtual time of a slice, beside what system calls and accesses cost. */
const SLICE_COST_NS	= 1000;

/** A CPU's queue: the tasks that are runnable there, its current task among them. */
class struct_rq {
	readonly cpu: number;
	curr: struct_task_struct;
	idle: struct_task_struct;
	queue: struct_task_struct[] = [];
	nr_switches = 0;
	constructor(cpu: number, idle: struct_task_struct) {
		this.cpu = cpu;
		this.curr = idle;
		this.idle = idle;
	}
}

let runqueues: struct_rq[] = [];
let total_running = 0;
const sched_state = new struct_rnd_state();
/** Number of the current slice, for traces. */
export let sched_slices = 0;

/** The seed of the schedule; given at boot. */
export function sched_set_seed(seed: number): void {
	prandom_seed_state(sched_state, seed);
}

function rnd(n: number): number {
	return n <= 1 ? 0 : prandom_u32_state(sched_state) % n;
}

/** kernel/sched/core.c:sched_init(), and idle_threads_init() of kernel/smpboot.c */
export function sched_init(): void {
	runqueues = [];
	total_running = 0;
	for (const cpu of cpus) {
		const idle = cpu.id === 0 ? init_task : new struct_task_struct(init_task.signal);
		init_idle(idle, cpu.id);
		runqueues.push(new struct_rq(cpu.id, idle));
	}
	set_current(init_task);
}

function init_idle(idle: struct_task_struct, cpu: number): void {
	idle.comm = `swapper/${cpu}`;
	idle.flags |= PF_IDLE | PF_KTHREAD;
	idle.cpu = cpu;
	idle.cpus_mask = 1 << cpu;
	idle.on_cpu = 1;
	idle.__state = TASK_RUNNING;
	if (idle === init_task)
		return;
	idle.mm = null;
	idle.active_mm = init_task.active_mm;
	if (idle.active_mm !== null)
		mmgrab(idle.active_mm);
	idle.cred = init_task.cred;
	idle.real_cred = init_task.real_cred;
	idle.sighand = init_task.sighand;
	idle.fs = init_task.fs;
	idle.files = init_task.files;
	idle.real_parent = init_task;
	idle.parent = init_task;
	lockdep_set_class_and_name(idle.alloc_lock, null, "&p->alloc_lock");
	lockdep_set_class_and_name(idle.pi_lock, null, "&p->pi_lock");
}

export function idle_task(cpu: number): struct_task_struct {
	return runqueues[cpu]!.idle;
}

/** The task a CPU runs, or ran last. */
export function cpu_curr(cpu: number): struct_task_struct {
	return runqueues[cpu]!.curr;
}

export function idle_cpu(cpu: number): boolean {
	return runqueues[cpu]!.queue.length === 0;
}

export function task_curr(p: struct_task_struct): boolean {
	return runqueues[p.cpu]?.curr === p;
}

export function nr_running(): number {
	return total_running;
}

/* guest operations in one turn: alone, until the clock is looked at; among others */
const GUEST_SLICE_ALONE	= 4096;
const GUEST_SLICE	= 64;

/** How many operations a guest may run before the scheduler is asked again. */
export function guest_slice(): number {
	/* a double would make the guest's counter one */
	return total_running > 1 ? 1 + rnd(GUEST_SLICE) | 0 : GUEST_SLICE_ALONE;
}

/** For tests and traces. */
export function runnable_tasks(): struct_task_struct[] {
	return runqueues.flatMap((rq) => rq.queue);
}

/* ---- wake-ups ------------------------------------------------------------------------------- */

function cpu_allowed(p: struct_task_struct, cpu: number): boolean {
	return (p.cpus_mask & (1 << cpu)) !== 0;
}

/* its last CPU, unless another allowed one is idle and that is not */
function select_task_rq(p: struct_task_struct): number {
	if (cpu_allowed(p, p.cpu) && runqueues[p.cpu]!.queue.length === 0)
		return p.cpu;
	if (p.migration_disabled !== 0)
		return p.cpu;
	const idle: number[] = [];
	let least = -1;
	for (const rq of runqueues) {
		if (!cpu_allowed(p, rq.cpu))
			continue;
		if (rq.queue.length === 0)
			idle.push(rq.cpu);
		if (least < 0 || rq.queue.length < runqueues[least]!.queue.length)
			least = rq.cpu;
	}
	if (idle.length !== 0)
		return idle[rnd(idle.length)]!;
	return cpu_allowed(p, p.cpu) ? p.cpu : Math.max(least, 0);
}

function activate_task(p: struct_task_struct): void {
	if (runqueues.length === 0) {
		/* before sched_init(): kunit without a host */
		p.on_rq = 1;
		return;
	}
	const cpu = p.on_cpu !== 0 && cpu_allowed(p, p.cpu) ? p.cpu : select_task_rq(p);
	p.cpu = cpu;
	p.on_rq = 1;
	runqueues[cpu]!.queue.push(p);
	total_running++;
}

function deactivate_task(p: struct_task_struct): void {
	if (p.on_rq === 0)
		return;
	p.on_rq = 0;
	const queue = runqueues[p.cpu]!.queue;
	const i = queue.indexOf(p);
	if (i >= 0) {
		queue.splice(i, 1);
		total_running--;
	}
}

/** kernel/sched/core.c:try_to_wake_up(). C: 1 if it was woken. */
export function try_to_wake_up(p: struct_task_struct, state: number, _wake_flags: number): boolean {
	if ((p.__state & state) === 0)
		return false;
	p.__state = TASK_RUNNING;
	if (p.on_rq === 0 && (p.flags & PF_IDLE) === 0)
		activate_task(p);
	return true;
}

export function wake_up_process(p: struct_task_struct): boolean {
	return try_to_wake_up(p, TASK_NORMAL, 0);
}

export function wake_up_state(p: struct_task_struct, state: number): boolean {
	return try_to_wake_up(p, state, 0);
}

/** kernel/sched/core.c:default_wake_function() */
export function default_wake_function(curr: wait_queue_entry_t, mode: number, wake_flags: number,
	_key: unknown): number {
	return try_to_wake_up(curr.private_ as struct_task_struct, mode, wake_flags) ? 1 : 0;
}

/** kernel/sched/core.c:sched_fork() */
export function sched_fork(_clone_flags: number, p: struct_task_struct): void {
	p.__state = TASK_NEW;
	p.on_rq = 0;
	p.on_cpu = 0;
	p.thread_info_flags &= ~_TIF_NEED_RESCHED;
	p.hot[HOT_PREEMPT] = 0;
}

/** kernel/sched/core.c:wake_up_new_task() */
export function wake_up_new_task(p: struct_task_struct): void {
	p.__state = TASK_RUNNING;
	activate_task(p);
}

/** kernel/sched/core.c:kick_process(): one that runs elsewhere, in its guest perhaps, looks up. */
export function kick_process(p: struct_task_struct): void {
	const cpu = p.cpu;

	if (cpu !== this_cpu.id && task_curr(p))
		smp_send_reschedule(cpu);
}

/* ---- context switch ------------------------------------------------------------------------- */

/** kernel/sched/core.c:__schedule_bug() */
function __schedule_bug(prev: struct_task_struct): never {
	printk(KERN_ERR + "BUG: scheduling while atomic: %s/%d/0x%08x\n", prev.comm, prev.pid,
		task_hot(prev)[HOT_PREEMPT]! & PREEMPT_COUNT_MASK);
	debug_show_held_locks(prev);
	dump_stack();
	throw new kernel_bug("scheduling while atomic");
}

function schedule_debug(prev: struct_task_struct): void {
	const hot = task_hot(prev);
	const count = hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK;

	if ((count | hot[HOT_IRQS]!) === 0)
		return;
	/* a vCPU in its guest has preemption off, and nothing else */
	if ((prev.flags & PF_VCPU) !== 0 && (count & ~PREEMPT_MASK) === 0)
		return;
	__schedule_bug(prev);
}

/** kernel/sched/core.c:context_switch(): this CPU goes from rq.curr to @next. */
export function context_switch(cpu: number, next: struct_task_struct): void {
	const rq = runqueues[cpu]!;
	const prev = rq.curr;
	let dropped = null;

	if (prev === next) {
		set_current(next);
		return;
	}
	/* the interrupt that preempts a vCPU ends its guest's turn first */
	if ((prev.flags & PF_VCPU) !== 0 && cpus[cpu]!.in_guest)
		cpus[cpu]!.force_exit!();
	if (prev.preempt_notifiers.first !== null)
		fire_sched_out_preempt_notifiers(prev, next);
	prev.on_cpu = 0;
	rq.nr_switches++;
	if (next.mm === null) {
		if (prev.active_mm !== null)
			enter_lazy_tlb(prev.active_mm, next);
		next.active_mm = prev.active_mm;
		if (prev.mm !== null)
			mmgrab(prev.mm);
		else
			prev.active_mm = null;
	} else {
		switch_mm_irqs_off(prev.active_mm, next.mm, next);
		if (prev.mm === null) {
			dropped = prev.active_mm;
			prev.active_mm = null;
		}
	}
	rq.curr = next;
	next.cpu = cpu;
	next.on_cpu = 1;
	set_current(next);
	if (dropped !== null)
		mmdrop(dropped);
	if (next.preempt_notifiers.first !== null) {
		/* interrupts are on here, whatever a vCPU has off for its guest */
		const flags = pcpu_hot[HOT_IRQS]!;
		pcpu_hot[HOT_IRQS] = 0;
		fire_sched_in_preempt_notifiers(next);
		pcpu_hot[HOT_IRQS] = flags;
	}
	if (prev.__state === TASK_DEAD)
		finish_task_dead(prev);
}

/* on @task's CPU: from the mm it borrowed to the kernel's own */
function leave_lazy_mm(task: struct_task_struct): void {
	switch_mm_irqs_off(task.active_mm, init_mm, task);
	mmgrab(init_mm);
	task.active_mm = init_mm;
}

/**
 * As kernel/sched/core.c:idle_task_exit() on each CPU: no address space is kept alive for being the
 * last one that a CPU ran. For the count of what is left behind.
 */
export function drop_lazy_mms(): void {
	for (const { cpu, curr } of runqueues) {
		const mm = curr.active_mm;

		if (curr.mm !== null || mm === null || mm === init_mm)
			continue;
		smp_call_function_single(cpu, leave_lazy_mm, curr, 1);
		mmdrop(mm);
	}
}

/* ---- slices --------------------------------------------------------------------------------- */

/*
 * One slice of @t, which is current. Answers whether it goes on. What user code throws ends the
 * program as abort() would; what a system call threw was dealt with at its entry.
 */
function run_user_slice(t: struct_task_struct): boolean {
	let code: number;

	finish_restart_wait(t);
	if (t.thread.in_kernel === 0 && !t.restart_wait.active && (t.thread_info_flags &
	    (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)) !== 0 && !deliver_signals())
		return false;
	this_cpu.cpl = t.thread.in_kernel !== 0 ? 0 : 3;
	try {
		const r = t.thread.user!.next();
		this_cpu.cpl = 0;
		if (t.__state === TASK_DEAD)
			return false;
		if (r.done !== true)
			return true;
		code = (r.value & 0xff) << 8;
	} catch (e) {
		this_cpu.cpl = 0;
		if (e instanceof task_exited || t.__state === TASK_DEAD)
			return false;
		if (e instanceof host_dead)
			throw e;
		code = uncaught(t, e);
	}
	try {
		/* main() returned, or a thread's function did */
		if (thread_group_leader(t) || code === SIGABRT)
			do_group_exit(code);
		do_exit(code);
	} catch (e) {
		return kernel_exception(e);
	}
}

function deliver_signals(): boolean {
	try {
		irqentry_return_to_user();
		return true;
	} catch (e) {
		return kernel_exception(e);
	}
}

/* what kernel code called from here has thrown; false: the task is gone */
function kernel_exception(e: unknown): false {
	if (e instanceof task_exited)
		return false;
	try {
		die(e);
	} catch (again) {
		if (again instanceof task_exited)
			return false;
		throw again;
	}
}

/** User exceptions that nobody caught, for the test runners. */
export const uncaught_exceptions: unknown[] = [];

function uncaught(t: struct_task_struct, e: unknown): number {
	const err = e instanceof Error ? e : new Error(String(e));
	uncaught_exceptions.push(e);
	pr_err("%s[%d]: uncaught exception: %s\n", t.comm, t.pid, err.stack ?? err.message);
	return SIGABRT;
}

function run_kernel_slice(t: struct_task_struct): boolean {
	try {
		return kthread_step(t);
	} catch (e) {
		return kernel_exception(e);
	}
}

/* when the slice began, as far as it is not in utime yet */
const slice_start = new Float64Array(1);

function begin_slice(t: struct_task_struct): void {
	sched_slices++;
	t.thread_info_flags &= ~_TIF_NEED_RESCHED;
	t.nvcsw++;
	slice_start[0] = clock_read();
}

/* @t lives */
function end_slice(t: struct_task_struct): void {
	t.utime += clock_read() - slice_start[0]!;
	schedule_debug(t);
	rcu_note_context_switch(false);
}

/**
 * For a task in user mode whose slice may end. True: it is the only one that can run, nothing is
 * due, and that slice has ended and the next begun; false: it has to yield for that.
 */
export function sched_alone(): boolean {
	const t = current;

	if (total_running !== 1 || t.__state !== TASK_RUNNING || t.restart_wait.active ||
	    (t.thread_info_flags & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)) !== 0 ||
	    !cpu_allowed(t, t.cpu) || srcu_callbacks_pending() || rcu_callbacks_pending() ||
	    hrtimer_next_event() <= clock_read() + SLICE_COST_NS)
		return false;
	clock_advance(SLICE_COST_NS);
	end_slice(t);
	begin_slice(t);
	return true;
}

/** One slice of @t on its CPU. */
function run_slice(t: struct_task_struct): void {
	const rq = runqueues[t.cpu]!;

	set_this_cpu(cpus[rq.cpu]!);
	context_switch(rq.cpu, t);
	begin_slice(t);
	const alive = (t.flags & PF_KTHREAD) !== 0 ? run_kernel_slice(t) : run_user_slice(t);
	clock_advance(SLICE_COST_NS);
	if (!alive) {
		deactivate_task(t);
		context_switch(rq.cpu, rq.idle);
		return;
	}
	end_slice(t);
	if (t.__state !== TASK_RUNNING)
		deactivate_task(t);
	else if (!cpu_allowed(t, t.cpu))
		migrate_task(t);
}

/* a task for @rq: its own by the seed, or one that waits on the longest other queue */
function pick_next_task(rq: struct_rq): struct_task_struct {
	return rq.queue[rnd(rq.queue.length)]!;
}

/* an idle CPU takes over a task that waits elsewhere (newidle balance) */
function newidle_balance(): void {
	for (const rq of runqueues) {
		if (rq.queue.length !== 0)
			continue;
		let busiest: struct_rq | null = null;
		for (const other of runqueues) {
			if (other.queue.length > 1 && (busiest === null ||
			    other.queue.length > busiest.queue.length))
				busiest = other;
		}
		if (busiest === null)
			return;
		const p = busiest.queue.find((t) => t !== busiest.curr && cpu_allowed(t, rq.cpu) &&
			t.migration_disabled === 0);
		if (p === undefined)
			continue;
		busiest.queue.splice(busiest.queue.indexOf(p), 1);
		p.cpu = rq.cpu;
		rq.queue.push(p);
	}
}

function pick_cpu(): struct_rq {
	if (runqueues.length === 1)
		return runqueues[0]!;
	if (total_running > 1)
		newidle_balance();
	let busy = 0;
	for (const rq of runqueues) {
		if (rq.queue.length !== 0)
			busy++;
	}
	let n = rnd(busy);
	for (const rq of runqueues) {
		if (rq.queue.length !== 0 && n-- === 0)
			return rq;
	}
	throw new kernel_bug("no CPU to run");
}

/** One step of the host: expired timers, then a slice. False: nobody can run. */
export function sched_step(): boolean {
	hrtimer_run_queues(clock_read());
	srcu_advance();
	if (total_running === 0) {
		rcu_qs();
		if (total_running !== 0)
			return true;
		const next = hrtimer_next_event();
		if (next === Infinity)
			return false;
		clock_advance_to(next);
		hrtimer_run_queues(clock_read());
		return true;
	}
	run_slice(pick_next_task(pick_cpu()));
	return true;
}

/**
 * Runs the host until @init and every other user task have ended; the exit code of @init, as
 * wait4() would report it. Throws host_dead after a panic.
 */
export function schedule_loop(init: struct_task_struct): number {
	for (;;) {
		if (init.exit_state !== 0 && !user_tasks_left(init))
			break;
		if (!sched_step()) {
			show_state();
			panic("Deadlock: every task waits, and no timer is pending");
		}
	}
	/* work items, callbacks and dying kernel threads of the programs that ended */
	while (total_running !== 0)
		sched_step();
	rcu_qs();
	srcu_advance();
	context_switch_to_idle();
	return init.signal.group_exit_code !== 0 ? init.signal.group_exit_code : init.exit_code;
}

/** Lets kernel threads and callbacks run until nothing is runnable: between tests, at the end. */
export function sched_drain(): void {
	do {
		while (total_running !== 0)
			sched_step();
		rcu_qs();
		srcu_advance();
	} while (total_running !== 0);
	context_switch_to_idle();
}

/* every CPU lets go of the mm it had loaded */
function context_switch_to_idle(): void {
	for (const rq of runqueues) {
		set_this_cpu(cpus[rq.cpu]!);
		context_switch(rq.cpu, rq.idle);
	}
	set_this_cpu(cpus[0]!);
	set_current(runqueues[0]!.idle);
}

function user_tasks_left(init: struct_task_struct): boolean {
	for (const p of for_each_process_thread()) {
		if (p !== init && (p.flags & PF_KTHREAD) === 0 && p.exit_state === 0)
			return true;
	}
	return false;
}

/* ---- waiting inside the kernel -------------------------------------------------------------- */

/**
 * Switches this CPU to @t for one slice and back, inside the current task's kernel code: a kernel
 * thread does its work while the caller sleeps.
 */
export function run_nested(t: struct_task_struct): void {
	const prev = current;
	const cpu = prev.cpu;

	if ((pcpu_hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK) !== 0)
		__schedule_bug(prev);
	if (t.on_rq !== 0 && t.cpu !== cpu) {
		if (t.on_cpu !== 0)
			switch_out(t.cpu);
		deactivate_task(t);
		t.cpu = cpu;
		runqueues[cpu]!.queue.push(t);
		t.on_rq = 1;
		total_running++;
	}
	nested.push(prev);
	context_switch(cpu, t);
	const alive = run_kernel_slice(t);
	if (!alive || t.__state !== TASK_RUNNING)
		deactivate_task(t);
	nested.pop();
	context_switch(cpu, prev);
}

/* @cpu lets go of its task, which may then run elsewhere */
function switch_out(cpu: number): void {
	const here = this_cpu, curr = current;

	set_this_cpu(cpus[cpu]!);
	context_switch(cpu, runqueues[cpu]!.idle);
	set_this_cpu(here);
	set_current(curr);
}

/* tasks whose kernel code called run_nested(), outermost first */
const nested: struct_task_struct[] = [];

function in_nested(t: struct_task_struct): boolean {
	return t === current || nested.includes(t);
}

/**
 * One piece of what the kernel has pending; false when there is none. @timers: whether the clock
 * may advance for it.
 */
export function sched_progress(timers: boolean): boolean {
	hrtimer_run_queues(clock_read());
	srcu_advance();
	for (const rq of runqueues) {
		for (const t of rq.queue) {
			if ((t.flags & PF_KTHREAD) !== 0 && !in_nested(t)) {
				run_nested(t);
				return true;
			}
		}
	}
	if (!timers)
		return false;
	const next = hrtimer_next_event();
	if (next === Infinity)
		return false;
	clock_advance_to(next);
	hrtimer_run_queues(clock_read());
	return true;
}

/** kernel/sched/core.c:schedule(), from kernel code: see the head of this file. */
export function schedule(): void {
	const t = current;

	schedule_debug(t);
	rcu_note_context_switch(false);
	while (t.__state !== TASK_RUNNING) {
		if (signal_pending_state(t.__state, t)) {
			t.__state = TASK_RUNNING;
			return;
		}
		if (!sched_progress(true)) {
			t.__state = TASK_RUNNING;
			pr_err("INFO: task %s:%d sleeps in the kernel, and nothing can wake it.\n",
				t.comm, t.pid);
			debug_show_held_locks(t);
			dump_stack();
			throw new kernel_bug("kernel wait cannot be satisfied");
		}
	}
}

export function io_schedule(): void {
	schedule();
}

export function io_schedule_timeout(timeout: number): number {
	clock_advance(timeout * 4000000);
	return 0;
}

export function yield_(): void {
	sched_progress(false);
}

/* ---- waiting in a system call that is issued again ------------------------------------------ */

/**
 * `if (!condition) return wait_event_restart(wq, TASK_INTERRUPTIBLE);`
 * Queues the task and answers -ERESTARTWAIT, or -ERESTARTSYS when a signal is pending. See wait.ts.
 */
export function wait_event_restart(wq_head: wait_queue_head_t, state: number): number {
	const t = current;
	const rw = t.restart_wait;

	if (signal_pending_state(state, t))
		return -ERESTARTSYS;
	rw.active = true;
	rw.wq_head = wq_head;
	rw.entry.private_ = t;
	rw.entry.func = restart_wake_function;
	rw.entry.flags = 0;
	prepare_to_wait(wq_head, rw.entry, state);
	return -ERESTARTWAIT;
}

/* stays queued until the task runs: finish_restart_wait() */
function restart_wake_function(entry: wait_queue_entry_t, mode: number, flags: number,
	key: unknown): number {
	return default_wake_function(entry, mode, flags, key);
}

/**
 * When a timed wait ends, in ns: fixed by the first call, the same when it is issued again.
 * @timeout: ns from now, Infinity for never.
 */
export function restart_deadline(timeout: number): number {
	const rw = current.restart_wait;

	if (!rw.timed || !rw.active) {
		rw.timed = true;
		rw.deadline = clock_read() + timeout;
	}
	return rw.deadline;
}

/**
 * As wait_event_restart(), but woken at @deadline at the latest; @wq_head null: only by that or a
 * signal. The caller compares the clock with @deadline first, and answers -ETIMEDOUT or 0.
 */
export function wait_event_restart_until(wq_head: wait_queue_head_t | null, state: number,
	deadline: number): number {
	const t = current;
	const rw = t.restart_wait;

	if (signal_pending_state(state, t))
		return -ERESTARTSYS;
	if (wq_head !== null) {
		wait_event_restart(wq_head, state);
	} else {
		rw.active = true;
		t.__state = state;
	}
	if (deadline !== Infinity) {
		hrtimer_init(rw.timer, 1, HRTIMER_MODE_ABS);
		rw.timer.function_ = () => {
			try_to_wake_up(t, TASK_NORMAL, 0);
			return 0;
		};
		hrtimer_start(rw.timer, deadline, HRTIMER_MODE_ABS);
	}
	return -ERESTARTWAIT;
}

/** Queues the current task on a lock's list: mutex_lock_killable() and friends. */
export function restart_wait_on_lock(lock: struct_mutex | struct_rw_semaphore,
	wait_list: struct_task_struct[], state: number): void {
	const t = current;
	const rw = t.restart_wait;

	rw.active = true;
	rw.lock = lock;
	t.blocked_on = lock;
	wait_list.push(t);
	t.__state = state;
}

/** The task runs again: off the queues and lists it waited on. The scheduler calls it. */
export function finish_restart_wait(t: struct_task_struct): void {
	const rw = t.restart_wait;

	if (!rw.active)
		return;
	if (rw.wq_head !== null) {
		const wq_head = rw.wq_head;
		rw.wq_head = null;
		finish_wait(wq_head, rw.entry);
	}
	if (rw.lock !== null) {
		const list = rw.lock.wait_list;
		const i = list === null ? -1 : list.indexOf(t);
		if (i >= 0)
			list!.splice(i, 1);
		rw.lock = null;
		t.blocked_on = null;
	}
	if (rw.timed)
		hrtimer_cancel(rw.timer);
	t.__state = TASK_RUNNING;
}

/** The call has returned something else: forget its deadline. entry-common.ts calls it. */
export function clear_restart_wait(t: struct_task_struct): void {
	finish_restart_wait(t);
	t.restart_wait.active = false;
	t.restart_wait.timed = false;
}

/* ---- might_sleep, cond_resched -------------------------------------------------------------- */

let system_boots = true;

/** init/main.c: SYSTEM_RUNNING; before, sleeping with interrupts off is not reported. */
export function sched_set_running(): void {
	system_boots = false;
}

/** kernel/sched/core.c:__might_resched(). Prints as upstream does, and is a BUG. */
export function __might_resched(): void {
	const t = current;
	const count = pcpu_hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK;
	const nested = pcpu_hot[HOT_RCU_NESTING]! | pcpu_hot[HOT_NON_BLOCK]!;

	if ((count | nested) === 0 && (system_boots || pcpu_hot[HOT_IRQS] === 0))
		return;
	pr_err("BUG: sleeping function called from invalid context\n");
	pr_err("in_atomic(): %d, irqs_disabled(): %d, non_block: %d, pid: %d, name: %s\n",
		count !== 0 ? 1 : 0, pcpu_hot[HOT_IRQS] !== 0 ? 1 : 0, pcpu_hot[HOT_NON_BLOCK],
		t.pid, t.comm);
	pr_err("preempt_count: %x, expected: %x\n", count, 0);
	pr_err("RCU nest depth: %d, expected: %u\n", pcpu_hot[HOT_RCU_NESTING], 0);
	debug_show_held_locks(t);
	dump_stack();
	throw new kernel_bug("sleeping function called from invalid context");
}

export function __might_sleep(): void {
	if ((pcpu_hot[HOT_PREEMPT]! | pcpu_hot[HOT_IRQS]! | pcpu_hot[HOT_RCU_NESTING]! |
	    pcpu_hot[HOT_NON_BLOCK]!) !== 0)
		__might_resched();
}

export function __cond_resched(): number {
	rcu_qs();
	return 0;
}

/** Nobody else runs meanwhile, but the lock must be alone for it. C: 1 if it was dropped. */
export function __cond_resched_lock(lock: spinlock_t): number {
	if ((current.thread_info_flags & _TIF_NEED_RESCHED) === 0)
		return 0;
	spin_unlock(lock);
	__cond_resched();
	spin_lock(lock);
	return 1;
}

export function __cond_resched_rwlock_read(lock: rwlock_t): number {
	if ((current.thread_info_flags & _TIF_NEED_RESCHED) === 0)
		return 0;
	read_unlock(lock);
	__cond_resched();
	read_lock(lock);
	return 1;
}

export function __cond_resched_rwlock_write(lock: rwlock_t): number {
	if ((current.thread_info_flags & _TIF_NEED_RESCHED) === 0)
		return 0;
	write_unlock(lock);
	__cond_resched();
	write_lock(lock);
	return 1;
}

/* ---- attributes ----------------------------------------------------------------------------- */

export function set_task_comm(tsk: struct_task_struct, comm: string): void {
	tsk.comm = comm.slice(0, TASK_COMM_LEN - 1);
}

export function set_user_nice(p: struct_task_struct, nice: number): void {
	p.static_prio = 120 + nice;
	p.prio = p.static_prio;
}

/** kernel/sched/core.c:set_cpus_allowed_ptr(); @mask: bits of CPUs. */
export function set_cpus_allowed_ptr(p: struct_task_struct, mask: number): number {
	const online = 2 ** cpus.length - 1;

	if ((mask & online) === 0)
		return -EINVAL;
	p.cpus_mask = mask & online;
	p.nr_cpus_allowed = cpus.filter((c) => cpu_allowed(p, c.id)).length;
	/* a running task moves when its slice ends */
	if (!cpu_allowed(p, p.cpu) && p !== current)
		migrate_task(p);
	return 0;
}

function migrate_task(p: struct_task_struct): void {
	if (p.on_cpu !== 0)
		switch_out(p.cpu);
	if (p.on_rq === 0)
		return;
	deactivate_task(p);
	activate_task(p);
}

/* ---- reports -------------------------------------------------------------------------------- */

export function task_state_to_char(p: struct_task_struct): string {
	const state = p.__state | p.exit_state;
	if (state === TASK_RUNNING)
		return "R";
	if ((state & TASK_DEAD) !== 0 || (state & EXIT_DEAD) !== 0)
		return "X";
	if ((state & EXIT_ZOMBIE) !== 0)
		return "Z";
	if ((state & TASK_INTERRUPTIBLE) !== 0)
		return "S";
	if ((state & TASK_UNINTERRUPTIBLE) !== 0)
		return "D";
	if ((state & TASK_PARKED) !== 0)
		return "P";
	return (state & TASK_STOPPED) !== 0 ? "T" : "?";
}

/** kernel/sched/core.c:sched_show_task() */
export function sched_show_task(p: struct_task_struct): void {
	pr_info("task:%-15.15s state:%s%s stack:%5u pid:%5d ppid:%6d flags:0x%08lx\n", p.comm,
		task_state_to_char(p), p.__state === TASK_RUNNING ? "  running task    " : "", 0,
		p.pid,
		p.real_parent?.tgid ?? 0, p.thread_info_flags);
	debug_show_held_locks(p);
}

/** kernel/sched/core.c:show_state_filter(0) */
export function show_state(): void {
	for (const p of for_each_process_thread())
		sched_show_task(p);
}

