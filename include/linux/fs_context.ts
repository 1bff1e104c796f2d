// SPDX-License-Identifier: GPL-2.0
/*
 * What a superblock is made from.
 *
 * Upstream: include/linux/fs_context.h. Left out: the log, security, submounts.
 */
import { struct_mutex } from "#linux/mutex_types.ts";
import type { struct_cred } from "#linux/cred_types.ts";
import type { struct_dentry, struct_file_system_type, struct_super_block, struct_user_namespace }
	from "#linux/fs.types.ts";

export { fs_context_for_mount, fs_context_for_reconfigure, put_fs_context, vfs_parse_fs_param,
	vfs_parse_fs_string, generic_parse_monolithic } from "#linux/fs/fs_context.ts";
export { get_tree_nodev, get_tree_single, vfs_get_tree } from "#linux/fs/super.ts";

export const FS_CONTEXT_FOR_MOUNT	= 0;
export const FS_CONTEXT_FOR_SUBMOUNT	= 1;
export const FS_CONTEXT_FOR_RECONFIGURE	= 2;

export const fs_value_is_undefined	= 0;
export const fs_value_is_flag		= 1;
export const fs_value_is_string		= 2;

/** One "key" or "key=value" of the mount options. */
export class struct_fs_parameter {
	key = "";
	type = fs_value_is_undefined;
	string: string | null = null;
}

export class struct_fs_context {
	ops: struct_fs_context_operations | null = null;
	uapi_mutex = new struct_mutex();
	fs_type: struct_file_system_type;
	/** the file system's own */
	fs_private: unknown = null;
	root: struct_dentry | null = null;
	user_ns: struct_user_namespace | null = null;
	cred: struct_cred | null = null;
	source: string | null = null;
	/** to become s_fs_info */
	s_fs_info: unknown = null;
	sb_flags = 0;
	sb_flags_mask = 0;
	s_iflags = 0;
	purpose = FS_CONTEXT_FOR_MOUNT;
	need_free = false;
	global = false;

	constructor(fs_type: struct_file_system_type) {
		this.fs_type = fs_type;
	}
}

export interface struct_fs_context_operations {
	free?: (fc: struct_fs_context) => void;
	parse_param?: (fc: struct_fs_context, param: struct_fs_parameter) => number;
	parse_monolithic?: (fc: struct_fs_context, data: string | null) => number;
	get_tree?: (fc: struct_fs_context) => number;
	reconfigure?: (fc: struct_fs_context) => number;
}

export type fill_super_t = (sb: struct_super_block, fc: struct_fs_context) => number;

/** invalfc() without the log: the message goes to the console, the caller gets -EINVAL. */
export { invalfc, errorfc } from "#linux/fs/fs_context.ts";
