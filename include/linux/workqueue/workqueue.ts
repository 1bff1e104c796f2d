// SPDX-License-Identifier: GPL-2.0
/*
 * Work queues.
 *
 * Upstream: kernel/workqueue.c. One pool with one worker, a kernel thread that does one item a
 * slice: an item runs to its end, so that items of a queue run one by one in the order of queueing,
 * whatever max_active says. flush_work() and friends run what is due on the spot, in the worker's
 * context. Left out: attributes, affinity, rescuers, concurrency management, freezing, sysfs.
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { IS_ERR } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { kernel_bug, panic } from "#linux/panic.ts";
import { vsprintf } from "#linux/kernel/vsprintf.ts";
import { jiffies } from "#linux/jiffies.ts";
import { kthread_create } from "#linux/kthread.ts";
import { LD_WAIT_SLEEP, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";
import { lock_acquire, lock_release } from "#linux/lockdep/lockdep.ts";
import { list_add_tail, list_del_init, list_empty, struct_list_head } from "#linux/list.ts";
import { pr_err } from "#linux/printk.ts";
import { WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { PF_WQ_WORKER } from "#linux/sched.const.ts";
import { HOT_LOCK_DEPTH, pcpu_hot } from "#asm/current.ts";
import { preempt_count } from "#linux/preempt.ts";
import { TASK_IDLE, current, type struct_task_struct } from "#linux/sched_types.ts";
import { might_sleep, run_nested, wake_up_process } from "#linux/sched.ts";
import { DEFINE_RAW_SPINLOCK } from "#linux/spinlock_types.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore } from "#linux/spinlock.ts";
import { del_timer, mod_timer, timer_pending, timer_setup } from "#linux/timer.ts";
import { type struct_timer_list } from "#linux/hrtimer_types.ts";
import { INIT_WORK, struct_delayed_work, struct_work_struct, type work_func_t } from
	"#linux/workqueue_types.ts";
import { DEFINE_TRACE } from "#linux/tracepoint.ts";

const pool_lock = DEFINE_RAW_SPINLOCK("&pool->lock");

export class struct_workqueue_struct {
	readonly name: string;
	flags: number;
	max_active: number;
	readonly lock_id = new_lock_id();
	dep: number;
	draining = false;
	destroyed = false;
	constructor(name: string, flags: number, max_active: number) {
		this.name = name;
		this.flags = flags;
		this.max_active = max_active;
		this.dep = lockdep_key(`(wq_completion)${name}`, LD_WAIT_SLEEP);
	}
}

export let system_wq: struct_workqueue_struct | null = null;
export let system_highpri_wq: struct_workqueue_struct | null = null;
export let system_long_wq: struct_workqueue_struct | null = null;
export let system_unbound_wq: struct_workqueue_struct | null = null;

/* pending items of all queues, in order */
const worklist = new struct_list_head(null);
let worker: struct_task_struct | null = null;
let workqueues: struct_workqueue_struct[] = [];
/* what runs now: items nest when one flushes another */
const running: struct_work_struct[] = [];

const __tracepoint_workqueue_queue_work = DEFINE_TRACE("workqueue", "workqueue_queue_work",
	(work: struct_work_struct, wq: struct_workqueue_struct) =>
		`function=${work.func?.name} workqueue=${wq.name}`);
const __tracepoint_workqueue_execute_start = DEFINE_TRACE("workqueue", "workqueue_execute_start",
	(work: struct_work_struct) => `function ${work.func?.name}`);

/** kernel/workqueue.c:workqueue_init_early() */
export function workqueue_init_early(): void {
	worklist.next = worklist;
	worklist.prev = worklist;
	workqueues = [];
	worker = null;
	running.length = 0;
	system_wq = alloc_workqueue("events", 0, 0);
	system_highpri_wq = alloc_workqueue("events_highpri", 0, 0);
	system_long_wq = alloc_workqueue("events_long", 0, 0);
	system_unbound_wq = alloc_workqueue("events_unbound", 0, 0);
}

/** kernel/workqueue.c:workqueue_init(): from here on there is a worker. */
export function workqueue_init(): void {
	const k = kthread_create(worker_thread, null, "kworker/u%d:0", 0);

	if (IS_ERR(k))
		panic("workqueue: no worker");
	worker = k;
	worker.flags |= PF_WQ_WORKER;
	wake_up_process(worker);
}

function* worker_thread(): Generator<void, number, void> {
	for (;;) {
		if (list_empty(worklist))
			current.__state = TASK_IDLE;
		else
			process_one_work(first_work());
		yield;
	}
}

function first_work(): struct_work_struct {
	return container_of(worklist.next, struct_work_struct, "entry");
}

/* kernel/workqueue.c:process_one_work(), in the worker's context */
function process_one_work(work: struct_work_struct): void {
	const wq = work.wq!;
	const func = work.func!;
	const t = current;

	const flags = spin_lock_irqsave(pool_lock);
	list_del_init(work.entry);
	work.pending = false;
	spin_unlock_irqrestore(pool_lock, flags);

	const depth = pcpu_hot[HOT_LOCK_DEPTH]!;
	const work_map = { lock_id: new_lock_id(), dep: work.dep };
	running.push(work);
	if (CONFIG_PROVE_LOCKING) {
		lock_acquire(wq.lock_id, wq.dep, 0);
		if (work_map.dep !== 0)
			lock_acquire(work_map.lock_id, work_map.dep, 0);
	}
	if (__tracepoint_workqueue_execute_start.enabled)
		__tracepoint_workqueue_execute_start.fire(work);
	/* from here on the item may be queued again, or freed */
	func(work);
	if (CONFIG_PROVE_LOCKING) {
		if (work_map.dep !== 0)
			lock_release(work_map.lock_id, work_map.dep);
		lock_release(wq.lock_id, wq.dep);
	}
	running.pop();
	if (preempt_count() !== 0 || pcpu_hot[HOT_LOCK_DEPTH]! > depth) {
		pr_err("BUG: workqueue leaked lock or atomic: %s/0x%08x/%d\n" +
			"     last function: %s\n", t.comm, preempt_count(), t.pid, func.name);
		throw new kernel_bug(`workqueue leaked lock or atomic: ${func.name}`);
	}
}

/* does one item now, as the worker, inside whatever the current task does */
function run_work(work: struct_work_struct): void {
	if (worker === null || current === worker) {
		process_one_work(work);
		return;
	}
	/* the worker takes the first item: bring this one to the front */
	list_del_init(work.entry);
	work.entry.prev = worklist;
	work.entry.next = worklist.next;
	worklist.next.prev = work.entry;
	worklist.next = work.entry;
	wake_up_process(worker);
	run_nested(worker);
}

/* ---- queueing ------------------------------------------------------------------------------- */

function __queue_work(wq: struct_workqueue_struct, work: struct_work_struct): void {
	if (WARN_ON(wq.destroyed))
		return;
	if (wq.draining && WARN_ON_ONCE(!running.some((w) => w.wq === wq)))
		return;
	work.wq = wq;
	list_add_tail(work.entry, worklist);
	if (__tracepoint_workqueue_queue_work.enabled)
		__tracepoint_workqueue_queue_work.fire(work, wq);
	if (worker !== null)
		wake_up_process(worker);
}

/** kernel/workqueue.c:queue_work_on(); false if it was pending already. */
export function queue_work(wq: struct_workqueue_struct, work: struct_work_struct): boolean {
	if (work.pending)
		return false;
	work.pending = true;
	const flags = spin_lock_irqsave(pool_lock);
	__queue_work(wq, work);
	spin_unlock_irqrestore(pool_lock, flags);
	return true;
}

export function queue_work_on(_cpu: number, wq: struct_workqueue_struct,
	work: struct_work_struct): boolean {
	return queue_work(wq, work);
}

export function work_pending(work: struct_work_struct): boolean {
	return work.pending;
}

export function delayed_work_pending(w: struct_delayed_work): boolean {
	return w.work.pending;
}

/** C: WORK_BUSY_PENDING 1, WORK_BUSY_RUNNING 2. */
export function work_busy(work: struct_work_struct): number {
	return (work.pending ? 1 : 0) | (running.includes(work) ? 2 : 0);
}

export function to_delayed_work(work: struct_work_struct): struct_delayed_work {
	return container_of(work, struct_delayed_work, "work");
}

function delayed_work_timer_fn(t: struct_timer_list): void {
	const dwork = container_of(t, struct_delayed_work, "timer");
	const flags = spin_lock_irqsave(pool_lock);
	__queue_work(dwork.wq!, dwork.work);
	spin_unlock_irqrestore(pool_lock, flags);
}

export function INIT_DELAYED_WORK(dwork: struct_delayed_work, func: work_func_t,
	name = "&dwork->work"): void {
	INIT_WORK(dwork.work, func, name);
	timer_setup(dwork.timer, delayed_work_timer_fn, 0);
}

function __queue_delayed_work(wq: struct_workqueue_struct, dwork: struct_delayed_work,
	delay: number): void {
	dwork.wq = wq;
	if (delay === 0) {
		const flags = spin_lock_irqsave(pool_lock);
		__queue_work(wq, dwork.work);
		spin_unlock_irqrestore(pool_lock, flags);
		return;
	}
	dwork.work.wq = wq;
	mod_timer(dwork.timer, jiffies() + delay);
}

/** @delay in jiffies; false if it was pending already. */
export function queue_delayed_work(wq: struct_workqueue_struct, dwork: struct_delayed_work,
	delay: number): boolean {
	if (dwork.work.pending)
		return false;
	dwork.work.pending = true;
	__queue_delayed_work(wq, dwork, delay);
	return true;
}

export function queue_delayed_work_on(_cpu: number, wq: struct_workqueue_struct,
	dwork: struct_delayed_work, delay: number): boolean {
	return queue_delayed_work(wq, dwork, delay);
}

/** True if it was pending. */
export function mod_delayed_work(wq: struct_workqueue_struct, dwork: struct_delayed_work,
	delay: number): boolean {
	const was = cancel_delayed_work(dwork);
	dwork.work.pending = true;
	__queue_delayed_work(wq, dwork, delay);
	return was;
}

/* ---- cancelling and flushing ---------------------------------------------------------------- */

/* off the list; whether it was on it */
function try_to_grab_pending(work: struct_work_struct): boolean {
	if (!work.pending)
		return false;
	const flags = spin_lock_irqsave(pool_lock);
	list_del_init(work.entry);
	work.pending = false;
	spin_unlock_irqrestore(pool_lock, flags);
	return true;
}

export function cancel_work(work: struct_work_struct): boolean {
	return try_to_grab_pending(work);
}

/* lockdep: waiting for the item takes whatever the item takes */
function flush_map(map: { dep: number }): void {
	if (!CONFIG_PROVE_LOCKING || map.dep === 0)
		return;
	const probe = { lock_id: new_lock_id(), dep: map.dep };
	lock_acquire(probe.lock_id, probe.dep, 0);
	lock_release(probe.lock_id, probe.dep);
}

function not_from_itself(work: struct_work_struct, what: string): void {
	if (running.includes(work))
		throw new kernel_bug(
			`${what} of an item from the item itself: it would wait for ever`);
}

/** kernel/workqueue.c:cancel_work_sync(): true if it was pending. */
export function cancel_work_sync(work: struct_work_struct): boolean {
	might_sleep();
	const pending = try_to_grab_pending(work);
	flush_map(work);
	not_from_itself(work, "cancel_work_sync()");
	return pending;
}

export function cancel_delayed_work(dwork: struct_delayed_work): boolean {
	if (timer_pending(dwork.timer)) {
		del_timer(dwork.timer);
		dwork.work.pending = false;
		return true;
	}
	return try_to_grab_pending(dwork.work);
}

export function cancel_delayed_work_sync(dwork: struct_delayed_work): boolean {
	might_sleep();
	const pending = cancel_delayed_work(dwork);
	flush_map(dwork.work);
	not_from_itself(dwork.work, "cancel_delayed_work_sync()");
	return pending;
}

/** kernel/workqueue.c:flush_work(): the item has run; false if there was nothing to wait for. */
export function flush_work(work: struct_work_struct): boolean {
	might_sleep();
	flush_map(work);
	not_from_itself(work, "flush_work()");
	if (!work.pending || list_empty(work.entry))
		return false;
	/* what was queued on its queue before it runs before it */
	while (work.pending)
		run_work(next_of(work.wq!) ?? work);
	return true;
}

function next_of(wq: struct_workqueue_struct): struct_work_struct | null {
	for (let n = worklist.next; n !== worklist; n = n.next) {
		const work = container_of(n, struct_work_struct, "entry");
		if (work.wq === wq)
			return work;
	}
	return null;
}

export function flush_delayed_work(dwork: struct_delayed_work): boolean {
	if (timer_pending(dwork.timer)) {
		del_timer(dwork.timer);
		const flags = spin_lock_irqsave(pool_lock);
		__queue_work(dwork.wq!, dwork.work);
		spin_unlock_irqrestore(pool_lock, flags);
	}
	return flush_work(dwork.work);
}

/** kernel/workqueue.c:__flush_workqueue(): what is queued now has run. */
export function flush_workqueue(wq: struct_workqueue_struct): void {
	might_sleep();
	flush_map(wq);
	const due = new Set<struct_work_struct>();
	for (let n = worklist.next; n !== worklist; n = n.next) {
		const work = container_of(n, struct_work_struct, "entry");
		if (work.wq === wq)
			due.add(work);
	}
	for (const work of due) {
		if (work.pending && work.wq === wq && !list_empty(work.entry))
			run_work(work);
	}
}

export function flush_scheduled_work(): void {
	flush_workqueue(system_wq!);
}

/** kernel/workqueue.c:drain_workqueue(): until nothing is queued any more. */
export function drain_workqueue(wq: struct_workqueue_struct): void {
	wq.draining = true;
	while (next_of(wq) !== null)
		flush_workqueue(wq);
	wq.draining = false;
}

/** The item that runs now, or null. */
export function current_work(): struct_work_struct | null {
	return running.at(-1) ?? null;
}

/* ---- queues --------------------------------------------------------------------------------- */

/** kernel/workqueue.c:alloc_workqueue() */
export function alloc_workqueue(fmt: string, flags: number, max_active: number,
	...args: unknown[]): struct_workqueue_struct | null {
	const wq = new struct_workqueue_struct(vsprintf(fmt, args), flags, max_active);
	workqueues.push(wq);
	return wq;
}

export function alloc_ordered_workqueue(fmt: string, flags: number,
	...args: unknown[]): struct_workqueue_struct | null {
	return alloc_workqueue(fmt, flags, 1, ...args);
}

/** kernel/workqueue.c:destroy_workqueue() */
export function destroy_workqueue(wq: struct_workqueue_struct): void {
	drain_workqueue(wq);
	if (WARN_ON(running.some((w) => w.wq === wq)))
		return;
	wq.destroyed = true;
	const i = workqueues.indexOf(wq);
	if (i >= 0)
		workqueues.splice(i, 1);
}

/** Queues that exist beside the system's: for the leak check. */
export function workqueues_allocated(): string[] {
	return workqueues.map((wq) => wq.name).filter((name) => !name.startsWith("events"));
}

/** Items pending, for the leak check. */
export function works_pending(): number {
	let n = 0;
	for (let e = worklist.next; e !== worklist; e = e.next)
		n++;
	return n;
}

/** kernel/workqueue.c:schedule_on_each_cpu(): @func once a CPU. */
export function schedule_on_each_cpu(func: work_func_t): number {
	const work = new struct_work_struct(null);

	INIT_WORK(work, func, "&work");
	queue_work(system_wq!, work);
	flush_work(work);
	return 0;
}

