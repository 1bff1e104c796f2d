// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes in /sys.
 *
 * Upstream: include/linux/sysfs.h, include/linux/kobject.h. Directories are paths.
 */
import { proc_create_single } from "#linux/proc_fs.ts";
import { seq_puts } from "#linux/seq_file.ts";

/** show() returns the whole text; store() 0 or the count for "all of it", or -errno. */
export interface struct_kobj_attribute {
	name: string;
	mode: number;
	show?: () => string;
	store?: (buf: string, count: number) => number;
}

export interface struct_attribute_group {
	name?: string;
	attrs: readonly struct_kobj_attribute[];
}

export function __ATTR(name: string, mode: number, show?: () => string,
	store?: (buf: string, count: number) => number): struct_kobj_attribute {
	return { name, mode, ...(show && { show }), ...(store && { store }) };
}

export function __ATTR_RO(name: string, show: () => string): struct_kobj_attribute {
	return __ATTR(name, 0o444, show);
}

export function __ATTR_WO(name: string, store: (buf: string, count: number) => number):
	struct_kobj_attribute {
	return __ATTR(name, 0o200, undefined, store);
}

export function __ATTR_RW(name: string, show: () => string,
	store: (buf: string, count: number) => number): struct_kobj_attribute {
	return __ATTR(name, 0o644, show, store);
}

/** @dir an absolute path: "/sys/kernel/mm/transparent_hugepage". */
export function sysfs_create_file(dir: string, attr: struct_kobj_attribute): number {
	const { show, store } = attr;

	proc_create_single(`${dir}/${attr.name}`, attr.mode,
		show ? (m) => {
			seq_puts(m, show());
			return 0;
		} : null,
		store ? (text) => store(text, text.length) : null);
	return 0;
}

export function sysfs_create_group(dir: string, grp: struct_attribute_group): number {
	for (const attr of grp.attrs)
		sysfs_create_file(grp.name ? `${dir}/${grp.name}` : dir, attr);
	return 0;
}

/** fs/sysfs/file.c:sysfs_emit(): the text of a show(). */
export { sprintf as sysfs_emit } from "#linux/kernel.ts";

export { sysfs_streq } from "#linux/kernel.ts";
