// SPDX-License-Identifier: GPL-2.0
/*
 * Wait queues.
 *
 * Upstream: kernel/sched/wait.c, the macros of include/linux/wait.h. Left out: bookmarks (a walk
 * is never interrupted), woken flags beyond the function.
 */
import { ERESTARTSYS } from "#linux/errno.ts";
import { LD_WAIT_CONFIG, lockdep_key } from "#linux/lockdep_types.ts";
import { list_add, list_add_tail, list_del, list_del_init, list_empty, INIT_LIST_HEAD,
	type struct_list_head } from "#linux/list.ts";
import { container_of } from "#asm-generic/owner.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore } from "#linux/spinlock.ts";
import { WQ_FLAG_EXCLUSIVE, WQ_FLAG_PRIORITY, WQ_FLAG_WOKEN, wait_queue_entry_t, type
	wait_queue_func_t, type wait_queue_head_t } from "#linux/wait_types.ts";
import { TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_NORMAL, TASK_RUNNING, TASK_UNINTERRUPTIBLE,
	current, type struct_task_struct } from "#linux/sched_types.ts";
import { default_wake_function, might_sleep, schedule, schedule_timeout, signal_pending_state } from
	"#linux/sched.ts";

export function init_waitqueue_head(wq_head: wait_queue_head_t, name = "&wq_head->lock"): void {
	wq_head.lock.dep = lockdep_key(name, LD_WAIT_CONFIG);
	wq_head.lock.owner = 0;
	INIT_LIST_HEAD(wq_head.head);
}

export const __init_waitqueue_head = init_waitqueue_head;

export function init_waitqueue_entry(wq_entry: wait_queue_entry_t, p: struct_task_struct): void {
	wq_entry.flags = 0;
	wq_entry.private_ = p;
	wq_entry.func = default_wake_function;
}

export function init_waitqueue_func_entry(wq_entry: wait_queue_entry_t,
	func: wait_queue_func_t): void {
	wq_entry.flags = 0;
	wq_entry.private_ = null;
	wq_entry.func = func;
}

export function init_wait(wait: wait_queue_entry_t): void {
	wait.private_ = current;
	wait.func = autoremove_wake_function;
	INIT_LIST_HEAD(wait.entry);
	wait.flags = 0;
}

export function init_wait_entry(wq_entry: wait_queue_entry_t, flags: number): void {
	init_wait(wq_entry);
	wq_entry.flags = flags;
}

export function DEFINE_WAIT(): wait_queue_entry_t {
	const wait = new wait_queue_entry_t(null);
	init_wait(wait);
	return wait;
}

export function DECLARE_WAITQUEUE(tsk: struct_task_struct): wait_queue_entry_t {
	const wait = new wait_queue_entry_t(null);
	init_waitqueue_entry(wait, tsk);
	return wait;
}

export function waitqueue_active(wq_head: wait_queue_head_t): boolean {
	return !list_empty(wq_head.head);
}

export const wq_has_sleeper = waitqueue_active;

export function __add_wait_queue(wq_head: wait_queue_head_t, wq_entry: wait_queue_entry_t): void {
	let head: struct_list_head = wq_head.head;
	for (let n = head.next; n !== wq_head.head; n = n.next) {
		if ((container_of(n, wait_queue_entry_t, "entry").flags & WQ_FLAG_PRIORITY) === 0)
			break;
		head = n;
	}
	list_add(wq_entry.entry, head);
}

export function __add_wait_queue_exclusive(wq_head: wait_queue_head_t,
	wq_entry: wait_queue_entry_t): void {
	wq_entry.flags |= WQ_FLAG_EXCLUSIVE;
	__add_wait_queue(wq_head, wq_entry);
}

export function __add_wait_queue_entry_tail(wq_head: wait_queue_head_t,
	wq_entry: wait_queue_entry_t): void {
	list_add_tail(wq_entry.entry, wq_head.head);
}

export function __remove_wait_queue(_wq_head: wait_queue_head_t, wq_entry: wait_queue_entry_t):
	void {
	list_del(wq_entry.entry);
}

/** kernel/sched/wait.c:add_wait_queue() */
export function add_wait_queue(wq_head: wait_queue_head_t, wq_entry: wait_queue_entry_t): void {
	wq_entry.flags &= ~WQ_FLAG_EXCLUSIVE;
	const flags = spin_lock_irqsave(wq_head.lock);
	__add_wait_queue(wq_head, wq_entry);
	spin_unlock_irqrestore(wq_head.lock, flags);
}

export function add_wait_queue_exclusive(wq_head: wait_queue_head_t,
	wq_entry: wait_queue_entry_t): void {
	wq_entry.flags |= WQ_FLAG_EXCLUSIVE;
	const flags = spin_lock_irqsave(wq_head.lock);
	__add_wait_queue_entry_tail(wq_head, wq_entry);
	spin_unlock_irqrestore(wq_head.lock, flags);
}

export function add_wait_queue_priority(wq_head: wait_queue_head_t,
	wq_entry: wait_queue_entry_t): void {
	wq_entry.flags |= WQ_FLAG_EXCLUSIVE | WQ_FLAG_PRIORITY;
	const flags = spin_lock_irqsave(wq_head.lock);
	__add_wait_queue(wq_head, wq_entry);
	spin_unlock_irqrestore(wq_head.lock, flags);
}

export function remove_wait_queue(wq_head: wait_queue_head_t, wq_entry: wait_queue_entry_t): void {
	const flags = spin_lock_irqsave(wq_head.lock);
	__remove_wait_queue(wq_head, wq_entry);
	spin_unlock_irqrestore(wq_head.lock, flags);
}

/* kernel/sched/wait.c:__wake_up_common() */
function __wake_up_common(wq_head: wait_queue_head_t, mode: number, nr_exclusive: number,
	wake_flags: number, key: unknown): number {
	let n = wq_head.head.next;

	while (n !== wq_head.head) {
		const next = n.next;
		const curr = container_of(n, wait_queue_entry_t, "entry");
		const flags = curr.flags;
		const ret = curr.func!(curr, mode, wake_flags, key);
		if (ret < 0)
			break;
		if (ret !== 0 && (flags & WQ_FLAG_EXCLUSIVE) !== 0 && --nr_exclusive === 0)
			break;
		n = next;
	}
	return nr_exclusive;
}

function __wake_up_common_lock(wq_head: wait_queue_head_t, mode: number, nr_exclusive: number,
	wake_flags: number, key: unknown): void {
	const flags = spin_lock_irqsave(wq_head.lock);
	__wake_up_common(wq_head, mode, nr_exclusive, wake_flags, key);
	spin_unlock_irqrestore(wq_head.lock, flags);
}

export function __wake_up(wq_head: wait_queue_head_t, mode: number, nr_exclusive: number,
	key: unknown): void {
	__wake_up_common_lock(wq_head, mode, nr_exclusive, 0, key);
}

export function __wake_up_locked(wq_head: wait_queue_head_t, mode: number, nr: number): void {
	__wake_up_common(wq_head, mode, nr, 0, null);
}

export function __wake_up_locked_key(wq_head: wait_queue_head_t, mode: number, key: unknown): void {
	__wake_up_common(wq_head, mode, 1, 0, key);
}

export function __wake_up_sync_key(wq_head: wait_queue_head_t, mode: number, key: unknown): void {
	__wake_up_common_lock(wq_head, mode, 1, 1, key);
}

export function __wake_up_sync(wq_head: wait_queue_head_t, mode: number): void {
	__wake_up_sync_key(wq_head, mode, null);
}

export function wake_up(x: wait_queue_head_t): void {
	__wake_up(x, TASK_NORMAL, 1, null);
}

export function wake_up_nr(x: wait_queue_head_t, nr: number): void {
	__wake_up(x, TASK_NORMAL, nr, null);
}

export function wake_up_all(x: wait_queue_head_t): void {
	__wake_up(x, TASK_NORMAL, 0, null);
}

export function wake_up_locked(x: wait_queue_head_t): void {
	__wake_up_locked(x, TASK_NORMAL, 1);
}

export function wake_up_all_locked(x: wait_queue_head_t): void {
	__wake_up_locked(x, TASK_NORMAL, 0);
}

export function wake_up_interruptible(x: wait_queue_head_t): void {
	__wake_up(x, TASK_INTERRUPTIBLE, 1, null);
}

export function wake_up_interruptible_all(x: wait_queue_head_t): void {
	__wake_up(x, TASK_INTERRUPTIBLE, 0, null);
}

export function wake_up_poll(x: wait_queue_head_t, m: number): void {
	__wake_up(x, TASK_NORMAL, 1, m);
}

export function wake_up_interruptible_poll(x: wait_queue_head_t, m: number): void {
	__wake_up(x, TASK_INTERRUPTIBLE, 1, m);
}

export function wake_up_interruptible_sync_poll(x: wait_queue_head_t, m: number): void {
	__wake_up_sync_key(x, TASK_INTERRUPTIBLE, m);
}

/** kernel/sched/wait.c:prepare_to_wait() */
export function prepare_to_wait(wq_head: wait_queue_head_t, wq_entry: wait_queue_entry_t,
	state: number): void {
	wq_entry.flags &= ~WQ_FLAG_EXCLUSIVE;
	const flags = spin_lock_irqsave(wq_head.lock);
	if (list_empty(wq_entry.entry))
		__add_wait_queue(wq_head, wq_entry);
	current.__state = state;
	spin_unlock_irqrestore(wq_head.lock, flags);
}

/** C: whether the list was empty before. */
export function prepare_to_wait_exclusive(wq_head: wait_queue_head_t, wq_entry: wait_queue_entry_t,
	state: number): boolean {
	let was_empty = false;
	wq_entry.flags |= WQ_FLAG_EXCLUSIVE;
	const flags = spin_lock_irqsave(wq_head.lock);
	if (list_empty(wq_entry.entry)) {
		was_empty = list_empty(wq_head.head);
		__add_wait_queue_entry_tail(wq_head, wq_entry);
	}
	current.__state = state;
	spin_unlock_irqrestore(wq_head.lock, flags);
	return was_empty;
}

/** kernel/sched/wait.c:prepare_to_wait_event() */
export function prepare_to_wait_event(wq_head: wait_queue_head_t, wq_entry: wait_queue_entry_t,
	state: number): number {
	let ret = 0;
	const flags = spin_lock_irqsave(wq_head.lock);
	if (signal_pending_state(state, current)) {
		list_del_init(wq_entry.entry);
		ret = -ERESTARTSYS;
	} else {
		if (list_empty(wq_entry.entry)) {
			if ((wq_entry.flags & WQ_FLAG_EXCLUSIVE) !== 0)
				__add_wait_queue_entry_tail(wq_head, wq_entry);
			else
				__add_wait_queue(wq_head, wq_entry);
		}
		current.__state = state;
	}
	spin_unlock_irqrestore(wq_head.lock, flags);
	return ret;
}

/** kernel/sched/wait.c:finish_wait() */
export function finish_wait(wq_head: wait_queue_head_t, wq_entry: wait_queue_entry_t): void {
	current.__state = TASK_RUNNING;
	if (!list_empty(wq_entry.entry)) {
		const flags = spin_lock_irqsave(wq_head.lock);
		list_del_init(wq_entry.entry);
		spin_unlock_irqrestore(wq_head.lock, flags);
	}
}

export function autoremove_wake_function(wq_entry: wait_queue_entry_t, mode: number, sync: number,
	key: unknown): number {
	const ret = default_wake_function(wq_entry, mode, sync, key);
	if (ret !== 0)
		list_del_init(wq_entry.entry);
	return ret;
}

export function woken_wake_function(wq_entry: wait_queue_entry_t, mode: number, sync: number,
	key: unknown): number {
	wq_entry.flags |= WQ_FLAG_WOKEN;
	return default_wake_function(wq_entry, mode, sync, key);
}

/* ---- waiting for the kernel's own work ------------------------------------------------------ */

function ___wait_event(wq_head: wait_queue_head_t, condition: () => boolean, state: number):
	number {
	if (condition())
		return 0;
	might_sleep();
	const wait = new wait_queue_entry_t(null);
	init_wait_entry(wait, 0);
	for (;;) {
		const ret = prepare_to_wait_event(wq_head, wait, state);
		if (condition())
			break;
		if (ret !== 0) {
			current.__state = TASK_RUNNING;
			return ret;
		}
		schedule();
	}
	finish_wait(wq_head, wait);
	return 0;
}

export function wait_event(wq_head: wait_queue_head_t, condition: () => boolean): void {
	___wait_event(wq_head, condition, TASK_UNINTERRUPTIBLE);
}

export function wait_event_interruptible(wq_head: wait_queue_head_t,
	condition: () => boolean): number {
	return ___wait_event(wq_head, condition, TASK_INTERRUPTIBLE);
}

export function wait_event_killable(wq_head: wait_queue_head_t, condition: () => boolean): number {
	return ___wait_event(wq_head, condition, TASK_KILLABLE);
}

/** @timeout in jiffies; returns the rest of it (never 0 when the condition holds), else 0. */
export function wait_event_timeout(wq_head: wait_queue_head_t, condition: () => boolean,
	timeout: number): number {
	if (condition())
		return Math.max(timeout, 1);
	might_sleep();
	const wait = new wait_queue_entry_t(null);
	init_wait_entry(wait, 0);
	let left = timeout;
	for (;;) {
		prepare_to_wait_event(wq_head, wait, TASK_UNINTERRUPTIBLE);
		if (condition()) {
			left = Math.max(left, 1);
			break;
		}
		if (left === 0)
			break;
		left = schedule_timeout(left);
	}
	finish_wait(wq_head, wait);
	return left;
}
