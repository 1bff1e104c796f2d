// SPDX-License-Identifier: GPL-2.0
/*
 * The files of /proc/PID.
 *
 * Upstream: fs/proc/base.c. Kept: maps, status, comm, fail-nth; the links of fd are in fs/namei.ts.
 */
import { CONFIG_FAULT_INJECTION } from "#generated/autoconf.ts";
import { fs_initcall } from "#asm-generic/registry.ts";
import { kstrtouint } from "#linux/kernel.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { proc_pid_status } from "#linux/fs/proc/array.ts";
import { proc_maps_show } from "#linux/fs/proc/task_mmu.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import { TASK_COMM_LEN, type struct_task_struct } from "#linux/sched.ts";
import { seq_printf } from "#linux/seq_file.ts";

function tgid_base_init(): number {
	proc_create_single("/proc/self/maps", 0o444, proc_maps_show);
	proc_create_single("/proc/self/status", 0o444, proc_pid_status);
	proc_create_single("/proc/self/comm", 0o644,
		(m, task) => {
			seq_printf(m, "%s\n", (task as struct_task_struct).comm);
			return 0;
		},
		(text, task) => {
			(task as struct_task_struct).comm =
				text.replace(/\n$/, "").slice(0, TASK_COMM_LEN - 1);
			return 0;
		});
	if (IS_ENABLED(CONFIG_FAULT_INJECTION))
		proc_create_single("/proc/self/fail-nth", 0o644,
			(m, task) => {
				seq_printf(m, "%u\n", (task as struct_task_struct).fail_nth);
				return 0;
			},
			(text, task) => {
				const n = { v: 0 };
				const err = kstrtouint(text, 0, n);
				if (!err)
					(task as struct_task_struct).fail_nth = n.v;
				return err;
			});
	return 0;
}
fs_initcall("fs/proc/base", tgid_base_init);
