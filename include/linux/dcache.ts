// SPDX-License-Identifier: GPL-2.0
/*
 * Directory entries.
 *
 * Upstream: include/linux/dcache.h. Left out: the hash, the LRU, and everything about walking:
 * names are looked up in one flat table (fs/namei.ts).
 */
import type { struct_dentry, struct_inode } from "#linux/fs.types.ts";
import { S_ISDIR, S_ISLNK, S_ISREG } from "#uapi/linux/stat.ts";

export { d_alloc, d_alloc_anon, d_alloc_pseudo, d_instantiate, d_make_root, d_set_d_op, d_tmpfile,
	dput, get_nr_dentry, shrink_dcache_for_umount } from "#linux/fs/dcache.ts";
export { d_absolute_path, d_path, dynamic_dname, simple_dname } from "#linux/fs/d_path.ts";

export function dget(dentry: struct_dentry): struct_dentry;
export function dget(dentry: struct_dentry | null): struct_dentry | null;
export function dget(dentry: struct_dentry | null): struct_dentry | null {
	if (dentry)
		dentry.d_count++;
	return dentry;
}

export const IS_ROOT = (x: struct_dentry): boolean => x === x.d_parent;

export function d_inode(dentry: struct_dentry): struct_inode {
	return dentry.d_inode!;
}

export const d_backing_inode = d_inode;
export const d_inode_rcu = d_inode;

export function d_backing_dentry(upper: struct_dentry): struct_dentry {
	return upper;
}

export function d_is_dir(dentry: struct_dentry): boolean {
	return S_ISDIR(dentry.d_inode!.i_mode);
}

/** Whether names can be looked up in it. */
export const d_can_lookup = d_is_dir;

export function d_is_symlink(dentry: struct_dentry): boolean {
	return S_ISLNK(dentry.d_inode!.i_mode);
}

export function d_is_reg(dentry: struct_dentry): boolean {
	return S_ISREG(dentry.d_inode!.i_mode);
}

export function d_really_is_positive(dentry: struct_dentry): boolean {
	return dentry.d_inode !== null;
}

export function d_is_positive(dentry: struct_dentry): boolean {
	return dentry.d_inode !== null;
}

export function d_is_negative(dentry: struct_dentry): boolean {
	return dentry.d_inode === null;
}
