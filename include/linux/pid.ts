// SPDX-License-Identifier: GPL-2.0
/*
 * Process numbers.
 *
 * Upstream: include/linux/pid.h.
 */
export { PIDTYPE_MAX, PIDTYPE_PGID, PIDTYPE_PID, PIDTYPE_SID, PIDTYPE_TGID, struct_pid } from
	"#linux/sched_types.ts";
export { alloc_pid, attach_pid, change_pid, detach_pid, find_get_pid, find_pid_ns, find_vpid,
	free_pid, get_pid, get_pid_task, get_task_pid, init_struct_pid, pid_alive, pid_idr_init,
	pid_nr, pid_task, pid_vnr, put_pid, task_pgrp, task_pid, task_session, task_tgid } from
	"#linux/pid/pid.ts";
