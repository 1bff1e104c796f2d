// SPDX-License-Identifier: GPL-2.0
/*
 * Character devices by major number.
 *
 * Upstream: fs/char_dev.c. Left out: dynamic numbers, ranges of minors, cdev objects (a major has
 * one table of operations).
 */
import { EBUSY, ENXIO } from "#linux/errno.ts";
import { noop_llseek } from "#linux/fs/read_write.ts";
import type { struct_file, struct_file_operations, struct_inode } from "#linux/fs.types.ts";
import { MAJOR } from "#linux/kdev_t.ts";

interface char_device {
	name: string;
	fops: struct_file_operations;
}

const chrdevs = new Map<number, char_device>();

/** fs/char_dev.c:__register_chrdev() */
export function __register_chrdev(major: number, _baseminor: number, _count: number, name: string,
	fops: struct_file_operations): number {
	if (chrdevs.has(major))
		return -EBUSY;
	chrdevs.set(major, { name, fops });
	return 0;
}

export function register_chrdev(major: number, name: string, fops: struct_file_operations): number {
	return __register_chrdev(major, 0, 256, name, fops);
}

export function unregister_chrdev(major: number, _name: string): void {
	chrdevs.delete(major);
}

/** The operations of major number @major, or null. */
export function cdev_lookup(major: number): struct_file_operations | null {
	return chrdevs.get(major)?.fops ?? null;
}

/** fs/char_dev.c:chrdev_open(): the device's operations take over. */
function chrdev_open(inode: struct_inode, filp: struct_file): number {
	const fops = cdev_lookup(MAJOR(inode.i_rdev));

	if (!fops)
		return -ENXIO;
	inode.i_cdev = fops;

	filp.f_op = fops;
	if (filp.f_op.open)
		return filp.f_op.open(inode, filp);
	return 0;
}

/** What a device node has until it is opened. */
export const def_chr_fops: struct_file_operations = {
	open:	chrdev_open,
	llseek:	(file, offset, whence) => noop_llseek(file, offset, whence),
};

/** fs/char_dev.c:chrdev_init() */
export function chrdev_init(): void {}
