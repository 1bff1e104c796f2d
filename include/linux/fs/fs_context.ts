// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts for making superblocks: flags and options.
 *
 * Upstream: fs/fs_context.c. Left out: legacy file systems, fsopen(), security, duplication.
 */
import { pr_err } from "#linux/printk.ts";
import { EINVAL, ENOMEM, ENOPARAM } from "#linux/errno.ts";
import { ERR_PTR, type err_ptr } from "#asm-generic/err.ts";
import { get_current_cred, put_cred } from "#linux/cred.ts";
import { dput } from "#linux/dcache.ts";
import { SB_DIRSYNC, SB_LAZYTIME, SB_MANDLOCK, SB_RDONLY, SB_SYNCHRONOUS } from
	"#linux/fs.const.ts";
import type { struct_dentry, struct_file_system_type } from "#linux/fs.types.ts";
import { FS_CONTEXT_FOR_MOUNT, FS_CONTEXT_FOR_RECONFIGURE, fs_value_is_flag, fs_value_is_string,
	struct_fs_context, struct_fs_parameter } from "#linux/fs_context.ts";
import { deactivate_super } from "#linux/fs/super.ts";
import { get_filesystem, put_filesystem } from "#linux/fs/filesystems.ts";
import { GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { mutex_init } from "#linux/mutex.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { init_user_ns } from "#linux/user_namespace.ts";

const common_set_sb_flag: Record<string, number> = {
	dirsync: SB_DIRSYNC,
	lazytime: SB_LAZYTIME,
	mand: SB_MANDLOCK,
	ro: SB_RDONLY,
	sync: SB_SYNCHRONOUS,
};

const common_clear_sb_flag: Record<string, number> = {
	async: SB_SYNCHRONOUS,
	nolazytime: SB_LAZYTIME,
	nomand: SB_MANDLOCK,
	rw: SB_RDONLY,
};

/** fs/fs_context.c:vfs_parse_sb_flag() */
function vfs_parse_sb_flag(fc: struct_fs_context, key: string): number {
	let token = common_set_sb_flag[key];
	if (token !== undefined) {
		fc.sb_flags |= token;
		fc.sb_flags_mask |= token;
		return 0;
	}

	token = common_clear_sb_flag[key];
	if (token !== undefined) {
		fc.sb_flags &= ~token;
		fc.sb_flags_mask |= token;
		return 0;
	}

	return -ENOPARAM;
}

/** fs/fs_context.c:vfs_parse_fs_param_source() */
function vfs_parse_fs_param_source(fc: struct_fs_context, param: struct_fs_parameter): number {
	if (param.key !== "source")
		return -ENOPARAM;

	if (param.type !== fs_value_is_string)
		return invalfc(fc, "Non-string source");

	if (fc.source)
		return invalfc(fc, "Multiple sources");

	fc.source = param.string;
	param.string = null;
	return 0;
}

/** fs/fs_context.c:vfs_parse_fs_param() */
export function vfs_parse_fs_param(fc: struct_fs_context, param: struct_fs_parameter): number {
	let ret: number;

	if (!param.key)
		return invalfc(fc, "Unnamed parameter\n");

	ret = vfs_parse_sb_flag(fc, param.key);
	if (ret !== -ENOPARAM)
		return ret;

	if (fc.ops!.parse_param) {
		ret = fc.ops!.parse_param(fc, param);
		if (ret !== -ENOPARAM)
			return ret;
	}

	/* "source" is handled here unless the file system did */
	ret = vfs_parse_fs_param_source(fc, param);
	if (ret !== -ENOPARAM)
		return ret;

	return invalfc(fc, `Unknown parameter '${param.key}'`);
}

/** fs/fs_context.c:vfs_parse_fs_string() */
export function vfs_parse_fs_string(fc: struct_fs_context, key: string, value: string | null):
	number {
	const param = new struct_fs_parameter();

	param.key = key;
	param.type = fs_value_is_flag;
	if (value !== null) {
		param.string = value;
		param.type = fs_value_is_string;
	}

	return vfs_parse_fs_param(fc, param);
}

/** fs/fs_context.c:generic_parse_monolithic(): "key[=val][,key[=val]]*" */
export function generic_parse_monolithic(fc: struct_fs_context, data: string | null): number {
	if (data === null)
		return 0;

	for (const option of data.split(",")) {
		if (option === "")
			continue;
		const eq = option.indexOf("=");
		if (eq === 0)
			continue;
		const ret = eq < 0 ? vfs_parse_fs_string(fc, option, null) :
			vfs_parse_fs_string(fc, option.slice(0, eq), option.slice(eq + 1));
		if (ret < 0)
			return ret;
	}

	return 0;
}

/** fs/fs_context.c:alloc_fs_context() */
function alloc_fs_context(fs_type: struct_file_system_type, reference: struct_dentry | null,
	sb_flags: number, sb_flags_mask: number, purpose: number): struct_fs_context | err_ptr {
	const fc = kzalloc(struct_fs_context, GFP_KERNEL_ACCOUNT, fs_type);
	if (!fc)
		return ERR_PTR(-ENOMEM);

	fc.purpose = purpose;
	fc.sb_flags = sb_flags;
	fc.sb_flags_mask = sb_flags_mask;
	fc.fs_type = get_filesystem(fs_type);
	fc.cred = get_current_cred();
	mutex_init(fc.uapi_mutex, "&fc->uapi_mutex");

	switch (purpose) {
	case FS_CONTEXT_FOR_MOUNT:
		fc.user_ns = init_user_ns;
		break;
	case FS_CONTEXT_FOR_RECONFIGURE:
		reference!.d_sb!.s_active++;
		fc.user_ns = reference!.d_sb!.s_user_ns;
		fc.root = reference;
		reference!.d_count++;
		break;
	}

	const ret = fs_type.init_fs_context!(fc);
	if (ret < 0) {
		put_fs_context(fc);
		return ERR_PTR(ret);
	}
	fc.need_free = true;
	return fc;
}

/** fs/fs_context.c:fs_context_for_mount() */
export function fs_context_for_mount(fs_type: struct_file_system_type, sb_flags: number):
	struct_fs_context | err_ptr {
	return alloc_fs_context(fs_type, null, sb_flags, 0, FS_CONTEXT_FOR_MOUNT);
}

/** fs/fs_context.c:fs_context_for_reconfigure() */
export function fs_context_for_reconfigure(dentry: struct_dentry, sb_flags: number,
	sb_flags_mask: number): struct_fs_context | err_ptr {
	return alloc_fs_context(dentry.d_sb!.s_type!, dentry, sb_flags, sb_flags_mask,
		FS_CONTEXT_FOR_RECONFIGURE);
}

/** fs/fs_context.c:put_fs_context() */
export function put_fs_context(fc: struct_fs_context): void {
	if (fc.root) {
		const sb = fc.root.d_sb!;
		dput(fc.root);
		fc.root = null;
		deactivate_super(sb);
	}

	if (fc.need_free && fc.ops && fc.ops.free)
		fc.ops.free(fc);

	put_cred(fc.cred!);
	put_filesystem(fc.fs_type);
	kfree(fc);
}

/** include/linux/fs_context.h:invalfc(): says what is wrong with the options. */
export function invalfc(fc: struct_fs_context, message: string): number {
	errorfc(fc, message);
	return -EINVAL;
}

/** include/linux/fs_context.h:errorfc() */
export function errorfc(fc: struct_fs_context, message: string): void {
	pr_err(`${fc.fs_type.name}: ${message.replace(/\n$/, "")}\n`);
}
