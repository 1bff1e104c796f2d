// SPDX-License-Identifier: GPL-2.0
/*
 * Work to do before a guest is entered.
 *
 * Upstream: kernel/entry/kvm.c, and the inlines of include/linux/entry-kvm.h. A task that should
 * let others run does so in the guest, where its turn ends.
 */
import { EINTR } from "#linux/errno.ts";
import { kvm_handle_signal_exit, type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { _TIF_NEED_RESCHED, _TIF_NOTIFY_RESUME, _TIF_NOTIFY_SIGNAL, _TIF_SIGPENDING } from
	"#linux/sched.const.ts";
import { current } from "#linux/sched_types.ts";
import { task_work_run } from "#linux/task_work/task_work.ts";

export const XFER_TO_GUEST_MODE_WORK	= _TIF_NEED_RESCHED | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL |
	_TIF_NOTIFY_RESUME;

/** kernel/entry/kvm.c:xfer_to_guest_mode_work() */
function xfer_to_guest_mode_work(vcpu: struct_kvm_vcpu): number {
	const t = current;

	do {
		const ti_work = t.thread_info_flags;
		if ((ti_work & _TIF_NOTIFY_SIGNAL) !== 0) {
			t.thread_info_flags &= ~_TIF_NOTIFY_SIGNAL;
			if (t.task_works !== null)
				task_work_run();
		}

		if ((ti_work & _TIF_SIGPENDING) !== 0) {
			kvm_handle_signal_exit(vcpu);
			return -EINTR;
		}

		t.thread_info_flags &= ~_TIF_NEED_RESCHED;

		if ((ti_work & _TIF_NOTIFY_RESUME) !== 0) {
			t.thread_info_flags &= ~_TIF_NOTIFY_RESUME;
			if (t.task_works !== null)
				task_work_run();
		}
	} while ((t.thread_info_flags & XFER_TO_GUEST_MODE_WORK) !== 0);
	return 0;
}

/** kernel/entry/kvm.c:xfer_to_guest_mode_handle_work(): 0, or -EINTR for a signal. */
export function xfer_to_guest_mode_handle_work(vcpu: struct_kvm_vcpu): number {
	/*
	 * With interrupts on: what is set after this is seen by the check that comes with
	 * interrupts off, right before the entry.
	 */
	if ((current.thread_info_flags & XFER_TO_GUEST_MODE_WORK) === 0)
		return 0;

	return xfer_to_guest_mode_work(vcpu);
}

/** C: flushes RCU's deferred wakeups, of which there are none. */
export function xfer_to_guest_mode_prepare(): void {}

/** May be called with interrupts on: a hint. */
export function __xfer_to_guest_mode_work_pending(): boolean {
	return (current.thread_info_flags & XFER_TO_GUEST_MODE_WORK) !== 0;
}

export function xfer_to_guest_mode_work_pending(): boolean {
	return __xfer_to_guest_mode_work_pending();
}
