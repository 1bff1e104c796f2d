// SPDX-License-Identifier: GPL-2.0
/*
 * Upstream: include/linux/pseudo_fs.h.
 */
import type { struct_dentry_operations, struct_super_operations } from "#linux/fs.types.ts";

export { init_pseudo } from "#linux/fs/libfs.ts";

export class struct_pseudo_fs_context {
	ops: struct_super_operations | null = null;
	dops: struct_dentry_operations | null = null;
	magic = 0;
}
