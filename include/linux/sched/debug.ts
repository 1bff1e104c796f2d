// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/sched.
 *
 * Upstream: kernel/sched/debug.c, its directory. Port-only: the one file in it. Writing a number to
 * "seed" begins a new schedule, so that a test sees several on one host.
 */
import { late_initcall } from "#asm-generic/registry.ts";
import { EINVAL } from "#linux/errno.ts";
import { debugfs_create_dir } from "#linux/debugfs.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import { sched_set_seed } from "#linux/sched.ts";

function sched_init_debug(): number {
	const dir = debugfs_create_dir("sched", null);

	proc_create_single(`${dir}/seed`, 0o200, () => 0, (text) => {
		const seed = Number(text);
		if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
			return -EINVAL;
		sched_set_seed(seed);
		return 0;
	});
	return 0;
}
late_initcall("sched/debug", sched_init_debug);
