// SPDX-License-Identifier: GPL-2.0
/*
 * Pseudo files: the one table of names that open() knows.
 *
 * Upstream: include/linux/proc_fs.h. Port-only in form: entries of /proc, /sys, /sys/kernel/debug
 * and /dev all stand in it, by their whole path; linux/sysfs.ts, debugfs.ts and sysctl.ts add to
 * it.
 *
 *	proc_create_single("/proc/meminfo", 0o444, meminfo_proc_show);
 *	proc_create_single("/sys/kernel/mm/x", 0o644, x_show, x_store);
 *
 * show(m, data) writes with seq_printf(m, ...) and returns 0, or returns the text; store(text,
 * data) gets what one write() wrote, at most a page, and returns 0 for "all of it", a count, or
 * -errno.
 */
export { proc_create, proc_create_single, proc_create_single_data, proc_mkdir, proc_remove,
	pseudo_mknod, type proc_show_t, type proc_store_t, struct_proc_dir_entry } from
	"#linux/fs/proc/generic.ts";
export { privmem_state_section } from "#linux/fs/proc/privmem.ts";
