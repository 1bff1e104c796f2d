// SPDX-License-Identifier: GPL-2.0
/*
 * Into a guest and out of it.
 *
 * Upstream: include/linux/context_tracking.h, vtime.h, and guest_state_*() of
 * include/linux/kvm_host.h
 * build on them. PF_VCPU says that the task is in its guest: the one place where it may be switched
 * away with preemption off.
 */
import { PF_VCPU } from "#linux/sched.const.ts";
import { current } from "#linux/sched_types.ts";

export function vtime_account_guest_enter(): void {
	current.flags |= PF_VCPU;
}

export function vtime_account_guest_exit(): void {
	current.flags &= ~PF_VCPU;
}

/** False: full dynticks are off. */
export function context_tracking_guest_enter(): boolean {
	return false;
}

export function context_tracking_guest_exit(): void {}
