// SPDX-License-Identifier: GPL-2.0
/*
 * Sequence counters and locks.
 *
 * Upstream: include/linux/seqlock.h. A reader can only meet an odd count inside the writer's own
 * section: a loop that would never end, so a BUG.
 */
import { kernel_bug } from "#linux/panic.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import { spin_lock, spin_lock_init, spin_lock_irqsave, spin_unlock, spin_unlock_irqrestore } from
	"#linux/spinlock.ts";
import { preempt_disable, preempt_enable } from "#linux/preempt.ts";

export class seqcount_t {
	sequence = 0;
}

export const seqcount_spinlock_t = seqcount_t;
export type seqcount_spinlock_t = seqcount_t;
export const seqcount_mutex_t = seqcount_t;
export type seqcount_mutex_t = seqcount_t;
export const seqcount_raw_spinlock_t = seqcount_t;
export type seqcount_raw_spinlock_t = seqcount_t;

export class seqlock_t {
	seqcount = new seqcount_t();
	lock = new spinlock_t();
}

export function seqcount_init(s: seqcount_t, _name = ""): void {
	s.sequence = 0;
}

export function seqcount_spinlock_init(s: seqcount_t, _lock: spinlock_t): void {
	s.sequence = 0;
}

export function seqprop_sequence(s: seqcount_t): number {
	return s.sequence;
}

export function read_seqcount_begin(s: seqcount_t): number {
	const seq = s.sequence;
	if ((seq & 1) !== 0)
		throw new kernel_bug("seqcount read inside its own write section");
	return seq;
}

export const raw_read_seqcount_begin = read_seqcount_begin;

export function raw_read_seqcount(s: seqcount_t): number {
	return s.sequence;
}

/** An odd value makes the retry test fail later. */
export function raw_seqcount_begin(s: seqcount_t): number {
	return s.sequence & ~1;
}

export function read_seqcount_retry(s: seqcount_t, start: number): boolean {
	return s.sequence !== start;
}

export const __read_seqcount_retry = read_seqcount_retry;

export function raw_write_seqcount_begin(s: seqcount_t): void {
	s.sequence = (s.sequence + 1) >>> 0;
}

export function raw_write_seqcount_end(s: seqcount_t): void {
	s.sequence = (s.sequence + 1) >>> 0;
}

export function write_seqcount_begin(s: seqcount_t): void {
	preempt_disable();
	s.sequence = (s.sequence + 1) >>> 0;
}

export function write_seqcount_end(s: seqcount_t): void {
	s.sequence = (s.sequence + 1) >>> 0;
	preempt_enable();
}

export function write_seqcount_invalidate(s: seqcount_t): void {
	s.sequence = (s.sequence + 2) >>> 0;
}

export function seqlock_init(sl: seqlock_t, name: string): void {
	spin_lock_init(sl.lock, name);
	sl.seqcount.sequence = 0;
}

export function read_seqbegin(sl: seqlock_t): number {
	return read_seqcount_begin(sl.seqcount);
}

export function read_seqretry(sl: seqlock_t, start: number): boolean {
	return read_seqcount_retry(sl.seqcount, start);
}

export function write_seqlock(sl: seqlock_t): void {
	spin_lock(sl.lock);
	raw_write_seqcount_begin(sl.seqcount);
}

export function write_sequnlock(sl: seqlock_t): void {
	raw_write_seqcount_end(sl.seqcount);
	spin_unlock(sl.lock);
}

export function write_seqlock_irqsave(sl: seqlock_t): number {
	const flags = spin_lock_irqsave(sl.lock);
	raw_write_seqcount_begin(sl.seqcount);
	return flags;
}

export function write_sequnlock_irqrestore(sl: seqlock_t, flags: number): void {
	raw_write_seqcount_end(sl.seqcount);
	spin_unlock_irqrestore(sl.lock, flags);
}
