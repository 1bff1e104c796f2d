// SPDX-License-Identifier: GPL-2.0
/*
 * Files on the anonymous inode: all they have of their own is their operations.
 *
 * Upstream: fs/anon_inodes.c. Left out: security contexts (the secure forms give an inode of its
 * own, as upstream does without a security module too).
 */
import { panic } from "#linux/panic.ts";
import { ENODEV, ENOMEM } from "#linux/errno.ts";
import { IS_ERR, PTR_ERR, ERR_PTR, type err_ptr } from "#asm-generic/err.ts";
import { fs_initcall } from "#asm-generic/registry.ts";
import { dynamic_dname } from "#linux/dcache.ts";
import { alloc_file_pseudo, fd_install, get_unused_fd_flags, put_unused_fd } from
	"#linux/file.ts";
import { S_PRIVATE } from "#linux/fs.const.ts";
import { alloc_anon_inode, ihold, iput, kill_anon_super } from "#linux/fs.ts";
import type { struct_dentry, struct_dentry_operations, struct_file, struct_file_operations,
	struct_file_system_type, struct_inode, struct_vfsmount } from "#linux/fs.types.ts";
import type { struct_fs_context } from "#linux/fs_context.ts";
import { kern_mount } from "#linux/mount.ts";
import { init_pseudo } from "#linux/pseudo_fs.ts";
import { O_ACCMODE, O_NONBLOCK } from "#uapi/linux/fcntl.ts";
import { ANON_INODE_FS_MAGIC } from "#uapi/linux/magic.ts";

let anon_inode_mnt: struct_vfsmount;
let anon_inode_inode: struct_inode;

function anon_inodefs_dname(dentry: struct_dentry): string {
	return dynamic_dname(dentry, `anon_inode:${dentry.d_name}`);
}

const anon_inodefs_dentry_operations: struct_dentry_operations = {
	d_dname: anon_inodefs_dname,
};

function anon_inodefs_init_fs_context(fc: struct_fs_context): number {
	const ctx = init_pseudo(fc, ANON_INODE_FS_MAGIC);
	if (!ctx)
		return -ENOMEM;
	ctx.dops = anon_inodefs_dentry_operations;
	return 0;
}

const anon_inode_fs_type: struct_file_system_type = {
	name:			"anon_inodefs",
	init_fs_context:	anon_inodefs_init_fs_context,
	kill_sb:		(sb) => kill_anon_super(sb),
};

/** fs/anon_inodes.c:anon_inode_make_secure_inode() */
function anon_inode_make_secure_inode(_name: string, _context_inode: struct_inode | null):
	struct_inode | err_ptr {
	const inode = alloc_anon_inode(anon_inode_mnt.mnt_sb!);
	if (IS_ERR(inode))
		return inode;
	inode.i_flags &= ~S_PRIVATE;
	return inode;
}

/** fs/anon_inodes.c:__anon_inode_getfile() */
function __anon_inode_getfile(name: string, fops: struct_file_operations, priv: unknown,
	flags: number, context_inode: struct_inode | null, secure: boolean): struct_file | err_ptr {
	let inode: struct_inode;

	if (secure) {
		const new_ = anon_inode_make_secure_inode(name, context_inode);
		if (IS_ERR(new_))
			return new_;
		inode = new_;
	} else {
		inode = anon_inode_inode;
		if (!inode)
			return ERR_PTR(-ENODEV);
		/* its count is never zero, so that ihold() is safe */
		ihold(inode);
	}

	const file = alloc_file_pseudo(inode, anon_inode_mnt, name,
		flags & (O_ACCMODE | O_NONBLOCK), fops);
	if (IS_ERR(file)) {
		iput(inode);
		return file;
	}

	file.f_mapping = inode.i_mapping;

	file.private_data = priv;

	return file;
}

/** fs/anon_inodes.c:anon_inode_getfile() */
export function anon_inode_getfile(name: string, fops: struct_file_operations, priv: unknown,
	flags: number): struct_file | err_ptr {
	return __anon_inode_getfile(name, fops, priv, flags, null, false);
}

/** fs/anon_inodes.c:anon_inode_getfile_secure() */
export function anon_inode_getfile_secure(name: string, fops: struct_file_operations,
	priv: unknown, flags: number, context_inode: struct_inode | null): struct_file | err_ptr {
	return __anon_inode_getfile(name, fops, priv, flags, context_inode, true);
}

/** fs/anon_inodes.c:__anon_inode_getfd() */
function __anon_inode_getfd(name: string, fops: struct_file_operations, priv: unknown,
	flags: number, context_inode: struct_inode | null, secure: boolean): number {
	const error = get_unused_fd_flags(flags);
	if (error < 0)
		return error;
	const fd = error;

	const file = __anon_inode_getfile(name, fops, priv, flags, context_inode, secure);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);

	return fd;
}

/** fs/anon_inodes.c:anon_inode_getfd() */
export function anon_inode_getfd(name: string, fops: struct_file_operations, priv: unknown,
	flags: number): number {
	return __anon_inode_getfd(name, fops, priv, flags, null, false);
}

/** fs/anon_inodes.c:anon_inode_getfd_secure() */
export function anon_inode_getfd_secure(name: string, fops: struct_file_operations, priv: unknown,
	flags: number, context_inode: struct_inode | null): number {
	return __anon_inode_getfd(name, fops, priv, flags, context_inode, true);
}

/** fs/anon_inodes.c:anon_inode_init() */
function anon_inode_init(): number {
	const mnt = kern_mount(anon_inode_fs_type);
	if (IS_ERR(mnt))
		panic(`anon_inode_init() kernel mount failed (${PTR_ERR(mnt)})\n`);
	else
		anon_inode_mnt = mnt;

	const inode = alloc_anon_inode(anon_inode_mnt.mnt_sb!);
	if (IS_ERR(inode))
		panic(`anon_inode_init() inode allocation failed (${PTR_ERR(inode)})\n`);
	else
		anon_inode_inode = inode;

	return 0;
}
fs_initcall("fs/anon_inodes", anon_inode_init);
