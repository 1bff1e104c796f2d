// SPDX-License-Identifier: GPL-2.0
/*
 * Registration and opening of misc devices.
 *
 * Upstream: drivers/char/misc.c. Left out: /proc/misc.
 */
import { EBUSY, ENODEV } from "#linux/errno.ts";
import { subsys_initcall } from "#asm-generic/registry.ts";
import { iminor, register_chrdev } from "#linux/fs.ts";
import type { struct_file, struct_file_operations, struct_inode } from "#linux/fs.types.ts";
import { MKDEV } from "#linux/kdev_t.ts";
import { MISC_DYNAMIC_MINOR, type struct_miscdevice } from "#linux/miscdevice.ts";
import { proc_remove, pseudo_mknod, type struct_proc_dir_entry } from "#linux/proc_fs.ts";
import { MISC_MAJOR } from "#uapi/linux/major.ts";

const misc_list = new Map<number, { misc: struct_miscdevice; node: struct_proc_dir_entry }>();

/** drivers/char/misc.c:misc_open() */
function misc_open(inode: struct_inode, file: struct_file): number {
	const c = misc_list.get(iminor(inode));

	if (!c)
		return -ENODEV;
	/* file_operations.open of the device gets the device itself */
	file.private_data = c.misc;

	file.f_op = c.misc.fops;
	if (file.f_op.open)
		return file.f_op.open(inode, file);
	return 0;
}

const misc_fops: struct_file_operations = {
	open: misc_open,
};

/** drivers/char/misc.c:misc_register(): /dev/NAME appears. */
export function misc_register(misc: struct_miscdevice): number {
	if (misc.minor === MISC_DYNAMIC_MINOR) {
		let minor = 63;
		while (minor >= 0 && misc_list.has(minor))
			minor--;
		if (minor < 0)
			return -EBUSY;
		misc.minor = minor;
	} else if (misc_list.has(misc.minor)) {
		return -EBUSY;
	}
	const node = pseudo_mknod(`/dev/${misc.name}`, misc.mode || 0o600,
		MKDEV(MISC_MAJOR, misc.minor));

	misc_list.set(misc.minor, { misc, node });
	return 0;
}

/** drivers/char/misc.c:misc_deregister() */
export function misc_deregister(misc: struct_miscdevice): void {
	const c = misc_list.get(misc.minor);

	if (c) {
		proc_remove(c.node);
		misc_list.delete(misc.minor);
	}
}

function misc_init(): number {
	return register_chrdev(MISC_MAJOR, "misc", misc_fops);
}
subsys_initcall("miscdevice/misc", misc_init);
