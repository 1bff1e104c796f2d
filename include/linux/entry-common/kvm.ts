// SPDX-License-Identifier: GPL-2.0
/*
 * Work to do before a guest is entered.
 *
 * Upstream: kernel/entry/kvm.c.
 */
import { EINTR } from "#linux/errno.ts";
import { _TIF_NEED_RESCHED, _TIF_NOTIFY_RESUME, _TIF_NOTIFY_SIGNAL, _TIF_SIGPENDING } from
	"#linux/sched.const.ts";
import { current } from "#linux/sched_types.ts";
import { task_work_run } from "#linux/task_work/task_work.ts";

/** kernel/entry/kvm.c:xfer_to_guest_mode_handle_work(): 0, or -EINTR for a signal. */
export function xfer_to_guest_mode_handle_work(): number {
	const t = current;

	for (;;) {
		const flags = t.thread_info_flags;
		if ((flags & _TIF_NOTIFY_SIGNAL) !== 0) {
			t.thread_info_flags &= ~_TIF_NOTIFY_SIGNAL;
			if (t.task_works !== null)
				task_work_run();
		}
		if ((flags & _TIF_SIGPENDING) !== 0)
			return -EINTR;
		t.thread_info_flags &= ~_TIF_NEED_RESCHED;
		if ((flags & _TIF_NOTIFY_RESUME) !== 0) {
			t.thread_info_flags &= ~_TIF_NOTIFY_RESUME;
			if (t.task_works !== null)
				task_work_run();
		}
		if ((t.thread_info_flags & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL |
		    _TIF_NOTIFY_RESUME)) === 0)
			return 0;
	}
}
