// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel threads.
 *
 * Upstream: kernel/kthread.c. Left out: kthreadd (a thread is made by its creator), workers,
 * use_mm, per-CPU parking at hotplug.
 */
import { EINTR } from "#linux/errno.ts";
import { IS_ERR, type err_ptr } from "#asm-generic/err.ts";
import { complete, init_completion } from "#linux/completion.ts";
import { struct_completion } from "#linux/completion_types.ts";
import { vsprintf } from "#linux/kernel/vsprintf.ts";
import { PF_NO_SETAFFINITY } from "#linux/sched.const.ts";
import { TASK_PARKED, TASK_RUNNING, TASK_UNINTERRUPTIBLE, current, type kthread_fn,
	type struct_task_struct } from "#linux/sched_types.ts";
import { do_exit } from "#linux/sched/exit.ts";
import { create_kthread } from "#linux/sched/fork.ts";
import { get_task_struct, put_task_struct } from "#linux/sched/task.ts";
import { run_nested, wake_up_process, wake_up_state } from "#linux/sched.ts";
import { kernel_bug } from "#linux/panic.ts";

export class struct_kthread {
	should_stop = false;
	should_park = false;
	is_parked = false;
	started = false;
	result = 0;
	readonly threadfn: kthread_fn;
	readonly data: unknown;
	body: Generator<void, number, void> | null = null;
	parked = new struct_completion();
	exited = new struct_completion();
	constructor(threadfn: kthread_fn, data: unknown) {
		this.threadfn = threadfn;
		this.data = data;
	}
}

export function to_kthread(k: struct_task_struct): struct_kthread {
	return k.worker_private as struct_kthread;
}

export function kthread_should_stop(): boolean {
	return to_kthread(current).should_stop;
}

export function kthread_should_park(): boolean {
	return to_kthread(current).should_park;
}

export function kthread_data(task: struct_task_struct): unknown {
	return to_kthread(task).data;
}

/** kernel/kthread.c:kthread_create_on_node(): stopped until woken. */
export function kthread_create(threadfn: kthread_fn, data: unknown, namefmt: string,
	...args: unknown[]): struct_task_struct | err_ptr {
	const kthread = new struct_kthread(threadfn, data);
	init_completion(kthread.parked);
	init_completion(kthread.exited);
	const task = create_kthread(vsprintf(namefmt, args), kthread);
	if (!IS_ERR(task))
		task.__state = TASK_UNINTERRUPTIBLE;
	return task;
}

export function kthread_create_on_node(threadfn: kthread_fn, data: unknown, _node: number,
	namefmt: string, ...args: unknown[]): struct_task_struct | err_ptr {
	return kthread_create(threadfn, data, namefmt, ...args);
}

export function kthread_create_on_cpu(threadfn: kthread_fn, data: unknown, cpu: number,
	namefmt: string): struct_task_struct | err_ptr {
	const p = kthread_create(threadfn, data, namefmt, cpu);
	if (!IS_ERR(p))
		kthread_bind(p, cpu);
	return p;
}

export function kthread_run(threadfn: kthread_fn, data: unknown, namefmt: string,
	...args: unknown[]): struct_task_struct | err_ptr {
	const k = kthread_create(threadfn, data, namefmt, ...args);
	if (!IS_ERR(k))
		wake_up_process(k);
	return k;
}

export function kthread_bind(p: struct_task_struct, cpu: number): void {
	p.cpus_mask = 1 << cpu;
	p.nr_cpus_allowed = 1;
	p.flags |= PF_NO_SETAFFINITY;
}

/** One slice of a kernel thread, which is current. False: it has ended. */
export function kthread_step(t: struct_task_struct): boolean {
	const k = to_kthread(t);

	if (!k.started) {
		k.started = true;
		if (k.should_stop)
			return finish(k, -EINTR);
		const r = k.threadfn(k.data);
		if (typeof r === "number")
			return finish(k, r);
		k.body = r;
	}
	const r = k.body!.next();
	return r.done === true ? finish(k, r.value) : true;
}

function finish(k: struct_kthread, result: number): never {
	k.result = result;
	complete(k.exited);
	do_exit(0);
}

export function kthread_exit(result: number): never {
	return finish(to_kthread(current), result);
}

export function kthread_complete_and_exit(comp: struct_completion | null, code: number): never {
	if (comp !== null)
		complete(comp);
	return finish(to_kthread(current), code);
}

/* lets @k run until @done(); it must get there by itself */
function run_until(k: struct_task_struct, done: () => boolean, what: string): void {
	while (!done()) {
		if (k.__state !== TASK_RUNNING)
			throw new kernel_bug(`${what}: ${k.comm} sleeps on something else`);
		run_nested(k);
	}
}

/** kernel/kthread.c:kthread_stop(): waits until it has ended; its result. */
export function kthread_stop(k: struct_task_struct): number {
	const kthread = to_kthread(k);

	get_task_struct(k);
	kthread.should_stop = true;
	kthread_unpark(k);
	wake_up_process(k);
	run_until(k, () => kthread.exited.done !== 0, "kthread_stop");
	const ret = kthread.result;
	put_task_struct(k);
	return ret;
}

/** kernel/kthread.c:kthread_park() */
export function kthread_park(k: struct_task_struct): number {
	const kthread = to_kthread(k);

	kthread.should_park = true;
	if (k !== current) {
		wake_up_process(k);
		run_until(k, () => kthread.is_parked, "kthread_park");
	}
	return 0;
}

export function kthread_unpark(k: struct_task_struct): void {
	const kthread = to_kthread(k);

	kthread.should_park = false;
	if (kthread.is_parked) {
		kthread.is_parked = false;
		wake_up_state(k, TASK_PARKED);
	}
}

/** `while (kthread_should_park()) { kthread_parkme(); yield; }` */
export function kthread_parkme(): void {
	const kthread = to_kthread(current);

	kthread.is_parked = true;
	current.__state = TASK_PARKED;
	complete(kthread.parked);
}

