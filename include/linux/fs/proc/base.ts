// SPDX-License-Identifier: GPL-2.0
/*
 * The files of /proc/PID.
 *
 * Upstream: fs/proc/base.c. Kept: maps, status, comm, fail-nth; the links of fd are in fs/namei.ts.
 */
import { CONFIG_FAULT_INJECTION } from "#generated/autoconf.ts";
import { fs_initcall } from "#asm-generic/registry.ts";
import type { loff_t, ref, user_ptr } from "#asm-generic/types.ts";
import { EFAULT, ESRCH } from "#linux/errno.ts";
import { file_inode, simple_read_from_buffer } from "#linux/fs.ts";
import type { struct_file, struct_file_operations } from "#linux/fs.types.ts";
import { string_of } from "#linux/fs/namei.ts";
import { proc_pid_status } from "#linux/fs/proc/array.ts";
import { get_proc_task } from "#linux/fs/proc/generic.ts";
import { proc_maps_show } from "#linux/fs/proc/task_mmu.ts";
import { kstrtouint } from "#linux/kernel.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { proc_create, proc_create_single } from "#linux/proc_fs.ts";
import { put_task_struct, TASK_COMM_LEN, type struct_task_struct } from "#linux/sched.ts";
import { seq_printf } from "#linux/seq_file.ts";
import { copy_from_user } from "#linux/uaccess.ts";

/* lib/kstrtox.c:kstrtouint_from_user(): sign, base 2, newline */
const NUMBER_MAX = 1 + 32 + 1;

/** fs/proc/base.c:proc_fail_nth_write(); like the read it allocates nothing. */
function proc_fail_nth_write(file: struct_file, buf: user_ptr, count: number, _ppos: ref<loff_t>):
	number {
	const bytes = new Uint8Array(Math.min(count, NUMBER_MAX));
	const n = { v: 0 };

	if (copy_from_user(bytes, buf, bytes.length))
		return -EFAULT;
	const err = kstrtouint(string_of(bytes), 0, n);
	if (err)
		return err;

	const task = get_proc_task(file_inode(file));
	if (!task)
		return -ESRCH;
	task.fail_nth = n.v;
	put_task_struct(task);

	return count;
}

/** fs/proc/base.c:proc_fail_nth_read() */
function proc_fail_nth_read(file: struct_file, buf: user_ptr, count: number, ppos: ref<loff_t>):
	number {
	const task = get_proc_task(file_inode(file));
	if (!task)
		return -ESRCH;
	const numbuf = Uint8Array.from(`${task.fail_nth}\n`, (c) => c.charCodeAt(0));
	put_task_struct(task);
	return simple_read_from_buffer(buf, count, ppos, numbuf, numbuf.length);
}

const proc_fail_nth_operations: struct_file_operations = {
	read:	proc_fail_nth_read,
	write:	proc_fail_nth_write,
};

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
		proc_create("/proc/self/fail-nth", 0o644, proc_fail_nth_operations);
	return 0;
}
fs_initcall("fs/proc/base", tgid_base_init);
