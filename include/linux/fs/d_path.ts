// SPDX-License-Identifier: GPL-2.0
/*
 * Names of open files, as /proc shows them.
 *
 * Upstream: fs/d_path.c. Left out: getcwd(), chroots (every task's root is the mount "/").
 *
 * Kernel names are byte strings: one character per byte.
 */
import { ENAMETOOLONG } from "#linux/errno.ts";
import { ERR_PTR, type err_ptr } from "#asm-generic/err.ts";
import type { struct_dentry, struct_path } from "#linux/fs.types.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";

/** fs/d_path.c:prepend_path() */
function prepend_path(path: struct_path): string {
	let dentry = path.dentry!;
	const mnt = path.mnt!;
	let p = "";

	while (dentry !== mnt.mnt_root) {
		const parent = dentry.d_parent!;
		if (dentry === parent)
			break;
		p = `/${dentry.d_name}${p}`;
		dentry = parent;
	}
	/* a kernel mount stands nowhere */
	const at = mnt.mnt_mountpoint ?? "";
	p = at === "/" ? p : at + p;
	return p === "" ? "/" : p;
}

/** fs/d_path.c:d_path(): of at most @buflen bytes with the NUL. */
export function d_path(path: struct_path, buflen: number = PAGE_SIZE): string | err_ptr {
	const dentry = path.dentry!;
	let res: string;

	/* pseudo file systems make up their names; their roots have ordinary ones */
	if (dentry.d_op && dentry.d_op.d_dname &&
	    (dentry !== dentry.d_parent || dentry !== path.mnt!.mnt_root)) {
		res = dentry.d_op.d_dname(dentry);
	} else {
		res = prepend_path(path);
		/* nothing is hashed; what has no link left has no name */
		if (dentry !== dentry.d_parent && dentry.d_inode && dentry.d_inode.i_nlink === 0)
			res += " (deleted)";
	}
	return res.length + 1 > buflen ? ERR_PTR(-ENAMETOOLONG) : res;
}

export const d_absolute_path = d_path;

/** fs/d_path.c:dynamic_dname(): for ->d_dname(); the caller has formatted the name. */
export function dynamic_dname(_dentry: struct_dentry, name: string): string {
	return name;
}

/** fs/d_path.c:simple_dname() */
export function simple_dname(dentry: struct_dentry): string {
	return `/${dentry.d_name} (deleted)`;
}
