// SPDX-License-Identifier: GPL-2.0
/*
 * Timers on the virtual clock: one heap for high resolution timers and for timer_list.
 *
 * Upstream: kernel/time/hrtimer.c, kernel/time/timer.c (expiry). An hrtimer's function runs as in
 * a hard interrupt, a soft one's and a timer_list's as in a softirq, both in the task that happens
 * to be loaded. Equal times expire in the order of starting.
 */
import { HOT_IRQS, HOT_PREEMPT, IRQS_OFF, pcpu_hot } from "#asm/current.ts";
import { clock_read } from "#asm/timex.ts";
import { CLOCK_REALTIME } from "#uapi/linux/time.ts";
import { HARDIRQ_OFFSET, SOFTIRQ_OFFSET } from "#linux/preempt.const.ts";
import { HRTIMER_RESTART, type struct_hrtimer, type hrtimer_restart as hrtimer_restart_t,
	type ktime_t,
	struct_timer_list, type struct_timer_node } from "#linux/hrtimer_types.ts";
import { ktime_mono_to_real } from "#linux/timekeeping/timekeeping.ts";

const HRTIMER_MODE_REL	= 0x01;
const HRTIMER_MODE_SOFT	= 0x04;

let heap: struct_timer_node[] = [];
let seq = 0;
/** Time of the first timer, Infinity without one: compared at each return to user mode. */
export let next_expiry: ktime_t = Infinity;

export function hrtimers_init(): void {
	heap = [];
	seq = 0;
	next_expiry = Infinity;
}

function before(a: struct_timer_node, b: struct_timer_node): boolean {
	return a.expires < b.expires || (a.expires === b.expires && a.seq < b.seq);
}

function put(node: struct_timer_node, at: number): void {
	heap[at] = node;
	node.at = at;
}

function sift_up(node: struct_timer_node, at: number): void {
	while (at > 0) {
		const up = (at - 1) >> 1;
		const parent = heap[up]!;
		if (!before(node, parent))
			break;
		put(parent, at);
		at = up;
	}
	put(node, at);
}

function sift_down(node: struct_timer_node, at: number): void {
	for (;;) {
		let child = 2 * at + 1;
		if (child >= heap.length)
			break;
		if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!))
			child++;
		if (!before(heap[child]!, node))
			break;
		put(heap[child]!, at);
		at = child;
	}
	put(node, at);
}

/** Queues @node for @expires, ns of the virtual clock. */
export function timerqueue_add(node: struct_timer_node, expires: ktime_t): void {
	node.expires = expires;
	node.seq = seq++;
	heap.push(node);
	sift_up(node, heap.length - 1);
	next_expiry = heap[0]!.expires;
}

export function timerqueue_del(node: struct_timer_node): void {
	const at = node.at;
	const last = heap.pop()!;

	node.at = -1;
	if (last !== node) {
		if (at > 0 && before(last, heap[(at - 1) >> 1]!))
			sift_up(last, at);
		else
			sift_down(last, at);
	}
	next_expiry = heap.length === 0 ? Infinity : heap[0]!.expires;
}

/** kernel/time/hrtimer.c:hrtimer_init() */
export function hrtimer_init(timer: struct_hrtimer, clock_id: number, mode: number): void {
	if (timer.node.at >= 0)
		timerqueue_del(timer.node);
	timer.clock_id = clock_id;
	timer.is_soft = (mode & HRTIMER_MODE_SOFT) !== 0 ? 1 : 0;
	timer.function_ = null;
}

/* a time of the timer's clock as virtual time */
function to_virtual(timer: struct_hrtimer, tim: ktime_t): ktime_t {
	return timer.clock_id === CLOCK_REALTIME ? tim - ktime_mono_to_real(0) : tim;
}

export function hrtimer_cb_get_time(timer: struct_hrtimer): ktime_t {
	const now = Math.floor(clock_read());
	return timer.clock_id === CLOCK_REALTIME ? ktime_mono_to_real(now) : now;
}

/** kernel/time/hrtimer.c:hrtimer_start(); @tim in ns. */
export function hrtimer_start(timer: struct_hrtimer, tim: ktime_t, mode: number): void {
	if (timer.node.at >= 0)
		timerqueue_del(timer.node);
	if ((mode & HRTIMER_MODE_REL) !== 0)
		tim += hrtimer_cb_get_time(timer);
	timer._softexpires = tim;
	timerqueue_add(timer.node, to_virtual(timer, tim));
}

export function hrtimer_start_range_ns(timer: struct_hrtimer, tim: ktime_t, _delta_ns: number,
	mode: number): void {
	hrtimer_start(timer, tim, mode);
}

export function hrtimer_restart(timer: struct_hrtimer): void {
	timerqueue_add(timer.node, to_virtual(timer, timer._softexpires));
}

/** 1 if it was queued, 0 if not, -1 if its function runs now. */
export function hrtimer_try_to_cancel(timer: struct_hrtimer): number {
	if (timer.running)
		return -1;
	if (timer.node.at < 0)
		return 0;
	timerqueue_del(timer.node);
	return 1;
}

export function hrtimer_cancel(timer: struct_hrtimer): number {
	return Math.max(hrtimer_try_to_cancel(timer), 0);
}

export function hrtimer_is_queued(timer: struct_hrtimer): boolean {
	return timer.node.at >= 0;
}

export function hrtimer_active(timer: struct_hrtimer): boolean {
	return timer.node.at >= 0 || timer.running;
}

export function hrtimer_get_remaining(timer: struct_hrtimer): ktime_t {
	return timer._softexpires - hrtimer_cb_get_time(timer);
}

/** kernel/time/hrtimer.c:hrtimer_forward(): by whole intervals past @now; how many. */
export function hrtimer_forward(timer: struct_hrtimer, now: ktime_t, interval: ktime_t): number {
	const delta = now - timer._softexpires;

	if (delta < 0 || timer.node.at >= 0)
		return 0;
	const overrun = Math.floor(delta / interval) + 1;
	timer._softexpires += overrun * interval;
	return overrun;
}

export function hrtimer_forward_now(timer: struct_hrtimer, interval: ktime_t): number {
	return hrtimer_forward(timer, hrtimer_cb_get_time(timer), interval);
}

/** When the first timer expires, Infinity without one. */
export function hrtimer_next_event(): ktime_t {
	return next_expiry;
}

/** Runs what has expired by @now; kernel/time/hrtimer.c:hrtimer_interrupt(). */
export function hrtimer_run_queues(now: ktime_t): void {
	while (next_expiry <= now)
		run_first();
}

function run_first(): void {
	const node = heap[0]!;
	const timer = node.timer;

	timerqueue_del(node);
	timer.running = true;
	if (timer instanceof struct_timer_list) {
		pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_OFFSET;
		timer.function_!(timer);
		pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_OFFSET;
		timer.running = false;
		return;
	}
	const offset = timer.is_soft !== 0 ? SOFTIRQ_OFFSET : HARDIRQ_OFFSET;
	const flags = pcpu_hot[HOT_IRQS]!;
	pcpu_hot[HOT_PREEMPT]! += offset;
	pcpu_hot[HOT_IRQS] = timer.is_soft !== 0 ? flags : IRQS_OFF;
	const restart: hrtimer_restart_t = timer.function_!(timer);
	pcpu_hot[HOT_IRQS] = flags;
	pcpu_hot[HOT_PREEMPT]! -= offset;
	timer.running = false;
	if (restart === HRTIMER_RESTART && node.at < 0)
		hrtimer_restart(timer);
}
