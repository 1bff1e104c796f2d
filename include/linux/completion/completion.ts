// SPDX-License-Identifier: GPL-2.0
/*
 * Completions.
 *
 * Upstream: kernel/sched/completion.c, on a plain wait queue.
 */
import { type struct_completion } from "#linux/completion_types.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore } from "#linux/spinlock.ts";
import { __wake_up_locked, init_waitqueue_head, wait_event, wait_event_interruptible,
	wait_event_killable, wait_event_timeout } from "#linux/wait.ts";
import { TASK_NORMAL } from "#linux/sched_types.ts";

const UINT_MAX = 0xffffffff;

export function init_completion(x: struct_completion): void {
	x.done = 0;
	init_waitqueue_head(x.wait, "&x->wait");
}

export function reinit_completion(x: struct_completion): void {
	x.done = 0;
}

export function complete(x: struct_completion): void {
	const flags = spin_lock_irqsave(x.wait.lock);
	if (x.done !== UINT_MAX)
		x.done++;
	__wake_up_locked(x.wait, TASK_NORMAL, 1);
	spin_unlock_irqrestore(x.wait.lock, flags);
}

export function complete_all(x: struct_completion): void {
	const flags = spin_lock_irqsave(x.wait.lock);
	x.done = UINT_MAX;
	__wake_up_locked(x.wait, TASK_NORMAL, 0);
	spin_unlock_irqrestore(x.wait.lock, flags);
}

function consume(x: struct_completion): void {
	if (x.done !== UINT_MAX)
		x.done--;
}

export function wait_for_completion(x: struct_completion): void {
	wait_event(x.wait, () => x.done !== 0);
	consume(x);
}

export function wait_for_completion_interruptible(x: struct_completion): number {
	const ret = wait_event_interruptible(x.wait, () => x.done !== 0);
	if (ret === 0)
		consume(x);
	return ret;
}

export function wait_for_completion_killable(x: struct_completion): number {
	const ret = wait_event_killable(x.wait, () => x.done !== 0);
	if (ret === 0)
		consume(x);
	return ret;
}

/** @timeout in jiffies; 0 when it ran out. */
export function wait_for_completion_timeout(x: struct_completion, timeout: number): number {
	const left = wait_event_timeout(x.wait, () => x.done !== 0, timeout);
	if (left !== 0)
		consume(x);
	return left;
}

export function try_wait_for_completion(x: struct_completion): boolean {
	if (x.done === 0)
		return false;
	consume(x);
	return true;
}

export function completion_done(x: struct_completion): boolean {
	return x.done !== 0;
}
