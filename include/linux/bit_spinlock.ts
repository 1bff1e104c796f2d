// SPDX-License-Identifier: GPL-2.0
/*
 * Spinlocks in one bit of a word.
 *
 * Upstream: include/linux/bit_spinlock.h. The word is the `flags` field of an object.
 */
import { kernel_bug } from "#linux/panic.ts";
import { preempt_disable, preempt_enable } from "#linux/preempt.ts";

export function bit_spin_lock(bitnum: number, addr: { flags: number }): void {
	preempt_disable();
	if ((addr.flags & (1 << bitnum)) !== 0)
		throw new kernel_bug(`bit spinlock lockup suspected: bit ${bitnum}`);
	addr.flags |= 1 << bitnum;
}

export function bit_spin_trylock(bitnum: number, addr: { flags: number }): boolean {
	if ((addr.flags & (1 << bitnum)) !== 0)
		return false;
	preempt_disable();
	addr.flags |= 1 << bitnum;
	return true;
}

export function bit_spin_unlock(bitnum: number, addr: { flags: number }): void {
	if ((addr.flags & (1 << bitnum)) === 0)
		throw new kernel_bug(`bit spinlock already unlocked: bit ${bitnum}`);
	addr.flags &= ~(1 << bitnum);
	preempt_enable();
}

export const __bit_spin_unlock = bit_spin_unlock;

export function bit_spin_is_locked(bitnum: number, addr: { flags: number }): boolean {
	return (addr.flags & (1 << bitnum)) !== 0;
}
