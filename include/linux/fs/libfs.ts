// SPDX-License-Identifier: GPL-2.0
/*
 * Parts that file systems without a device share.
 *
 * Upstream: fs/libfs.c. Left out: directories, transactions, symlinks, exports, case folding.
 */
import { EACCES, EFAULT, EINVAL, EISDIR, ENOMEM } from "#linux/errno.ts";
import { ERR_PTR, type err_ptr } from "#asm-generic/err.ts";
import type { loff_t, ref, user_ptr } from "#asm-generic/types.ts";
import { current_fsgid, current_fsuid } from "#linux/cred.ts";
import { d_make_root } from "#linux/dcache.ts";
import { ATTR_SIZE, I_DIRTY, MAX_LFS_FILESIZE, SB_NOUSER, S_PRIVATE } from "#linux/fs.const.ts";
import { current_time, generic_file_llseek, generic_fillattr, get_next_ino,
	mark_inode_dirty, new_inode, new_inode_pseudo, nonseekable_open,
	setattr_copy, setattr_prepare } from "#linux/fs.ts";
import type { struct_address_space_operations, struct_dentry, struct_dentry_operations,
	struct_file, struct_file_operations, struct_iattr, struct_inode, struct_kstat, struct_path,
	struct_super_block, struct_super_operations, struct_user_namespace } from
	"#linux/fs.types.ts";
import { get_tree_nodev, type struct_fs_context, type struct_fs_context_operations } from
	"#linux/fs_context.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { truncate_setsize } from "#linux/mm.ts";
import { mutex_init, mutex_lock_interruptible, mutex_unlock, struct_mutex } from
	"#linux/mutex.ts";
import { noop_dirty_folio } from "#linux/pagemap.ts";
import { struct_pseudo_fs_context } from "#linux/pseudo_fs.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { S_IFDIR, S_IRUSR, S_IWUSR } from "#linux/stat.ts";
import type { struct_kstatfs } from "#linux/statfs.ts";
import { copy_from_user, copy_to_user } from "#linux/uaccess.ts";
import { init_user_ns } from "#linux/user_namespace.ts";
import { kstrtoull, sprintf } from "#linux/kernel.ts";
import { bytes_of, string_of } from "#linux/fs/namei.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { NAME_MAX } from "#uapi/linux/limits.ts";

/** fs/libfs.c:simple_getattr(): pages in the cache count as blocks. */
export function simple_getattr(_mnt_userns: struct_user_namespace, path: struct_path,
	stat: struct_kstat, _request_mask: number, _query_flags: number): number {
	const inode = path.dentry!.d_inode!;

	generic_fillattr(init_user_ns, inode, stat);
	stat.blocks = inode.i_mapping.nrpages * 2 ** (PAGE_SHIFT - 9);
	return 0;
}

/** fs/libfs.c:simple_statfs() */
export function simple_statfs(dentry: struct_dentry, buf: struct_kstatfs): number {
	buf.f_type = dentry.d_sb!.s_magic;
	buf.f_bsize = PAGE_SIZE;
	buf.f_namelen = NAME_MAX;
	return 0;
}

/** fs/libfs.c:always_delete_dentry(): for dentries that are not worth keeping. */
export function always_delete_dentry(_dentry: struct_dentry): number {
	return 1;
}

export const simple_dentry_operations: struct_dentry_operations = {
	d_delete: always_delete_dentry,
};

export const simple_super_operations: struct_super_operations = {
	statfs: simple_statfs,
};

/** fs/libfs.c:pseudo_fs_fill_super() */
function pseudo_fs_fill_super(s: struct_super_block, fc: struct_fs_context): number {
	const ctx = fc.fs_private as struct_pseudo_fs_context;

	s.s_maxbytes = MAX_LFS_FILESIZE;
	s.s_blocksize = PAGE_SIZE;
	s.s_blocksize_bits = PAGE_SHIFT;
	s.s_magic = ctx.magic;
	s.s_op = ctx.ops ?? simple_super_operations;
	s.s_time_gran = 1;
	const root = new_inode(s);
	if (!root)
		return -ENOMEM;

	/* the first inode is number 1 */
	root.i_ino = 1;
	root.i_mode = S_IFDIR | S_IRUSR | S_IWUSR;
	root.i_atime = root.i_mtime = root.i_ctime = current_time(root);
	s.s_root = d_make_root(root);
	if (!s.s_root)
		return -ENOMEM;
	s.s_d_op = ctx.dops;
	return 0;
}

function pseudo_fs_get_tree(fc: struct_fs_context): number {
	return get_tree_nodev(fc, pseudo_fs_fill_super);
}

function pseudo_fs_free(fc: struct_fs_context): void {
	kfree(fc.fs_private as struct_pseudo_fs_context);
}

const pseudo_fs_context_ops: struct_fs_context_operations = {
	free:		pseudo_fs_free,
	get_tree:	pseudo_fs_get_tree,
};

/** fs/libfs.c:init_pseudo(): for file systems that nobody can mount from userspace. */
export function init_pseudo(fc: struct_fs_context, magic: number): struct_pseudo_fs_context | null {
	const ctx = kzalloc(struct_pseudo_fs_context, GFP_KERNEL);

	if (ctx) {
		ctx.magic = magic;
		fc.fs_private = ctx;
		fc.ops = pseudo_fs_context_ops;
		fc.sb_flags |= SB_NOUSER;
		fc.global = true;
	}
	return ctx;
}

/** fs/libfs.c:simple_open() */
export function simple_open(inode: struct_inode, file: struct_file): number {
	if (inode.i_private)
		file.private_data = inode.i_private;
	return 0;
}

/** fs/libfs.c:simple_setattr() */
export function simple_setattr(mnt_userns: struct_user_namespace, dentry: struct_dentry,
	iattr: struct_iattr): number {
	const inode = dentry.d_inode!;

	const error = setattr_prepare(mnt_userns, dentry, iattr);
	if (error)
		return error;

	if (iattr.ia_valid & ATTR_SIZE)
		truncate_setsize(inode, iattr.ia_size);
	setattr_copy(mnt_userns, inode, iattr);
	mark_inode_dirty(inode);
	return 0;
}

/** fs/libfs.c:simple_read_from_buffer(): part of @from, which has @available bytes, to user @to. */
export function simple_read_from_buffer(to: user_ptr, count: number, ppos: ref<loff_t>,
	from: Uint8Array, available: number): number {
	const pos = ppos.v;

	if (pos < 0n)
		return -EINVAL;
	if (pos >= BigInt(available) || !count)
		return 0;
	const at = Number(pos);
	if (count > available - at)
		count = available - at;
	const ret = copy_to_user(to, from.subarray(at, at + count), count);
	if (ret === count)
		return -EFAULT;
	count -= ret;
	ppos.v = pos + BigInt(count);
	return count;
}

/** fs/libfs.c:simple_write_to_buffer() */
export function simple_write_to_buffer(to: Uint8Array, available: number, ppos: ref<loff_t>,
	from: user_ptr, count: number): number {
	const pos = ppos.v;

	if (pos < 0n)
		return -EINVAL;
	if (pos >= BigInt(available) || !count)
		return 0;
	const at = Number(pos);
	if (count > available - at)
		count = available - at;
	const res = copy_from_user(to.subarray(at, at + count), from, count);
	if (res === count)
		return -EFAULT;
	count -= res;
	ppos.v = pos + BigInt(count);
	return count;
}

/** fs/libfs.c:memory_read_from_buffer(): to kernel memory. */
export function memory_read_from_buffer(to: Uint8Array, count: number, ppos: ref<loff_t>,
	from: Uint8Array, available: number): number {
	const pos = ppos.v;

	if (pos < 0n)
		return -EINVAL;
	if (pos >= BigInt(available))
		return 0;
	const at = Number(pos);
	if (count > available - at)
		count = available - at;
	to.set(from.subarray(at, at + count));
	ppos.v = pos + BigInt(count);

	return count;
}

/* a file that is one number: DEFINE_SIMPLE_ATTRIBUTE */
class struct_simple_attr {
	get: ((data: unknown, val: ref<bigint>) => number) | null = null;
	set: ((data: unknown, val: bigint) => number) | null = null;
	/** what was read when the position was 0 */
	get_buf: Uint8Array | null = null;
	data: unknown = null;
	/** of read; writes are decimal or hexadecimal */
	fmt = "";
	mutex = new struct_mutex();
}

/** fs/libfs.c:simple_attr_open() */
export function simple_attr_open(inode: struct_inode, file: struct_file,
	get: ((data: unknown, val: ref<bigint>) => number) | null,
	set: ((data: unknown, val: bigint) => number) | null, fmt: string): number {
	const attr = kzalloc(struct_simple_attr, GFP_KERNEL);
	if (!attr)
		return -ENOMEM;

	attr.get = get;
	attr.set = set;
	attr.data = inode.i_private;
	attr.fmt = fmt;
	mutex_init(attr.mutex, "&attr->mutex");

	file.private_data = attr;

	return nonseekable_open(inode, file);
}

/** fs/libfs.c:simple_attr_release() */
export function simple_attr_release(_inode: struct_inode, file: struct_file): number {
	kfree(file.private_data as struct_simple_attr);
	return 0;
}

/** fs/libfs.c:simple_attr_read() */
export function simple_attr_read(file: struct_file, buf: user_ptr, len: number,
	ppos: ref<loff_t>): number {
	const attr = file.private_data as struct_simple_attr;

	if (!attr.get)
		return -EACCES;

	let ret = mutex_lock_interruptible(attr.mutex);
	if (ret)
		return ret;

	out: {
		if (ppos.v === 0n || !attr.get_buf) {	/* first read */
			const val = { v: 0n };
			ret = attr.get(attr.data, val);
			if (ret)
				break out;
			attr.get_buf = bytes_of(sprintf(attr.fmt, val.v));
		}
		ret = simple_read_from_buffer(buf, len, ppos, attr.get_buf, attr.get_buf.length);
	}
	mutex_unlock(attr.mutex);
	return ret;
}

/** fs/libfs.c:simple_attr_write() */
export function simple_attr_write(file: struct_file, buf: user_ptr, len: number,
	_ppos: ref<loff_t>): number {
	const attr = file.private_data as struct_simple_attr;

	if (!attr.set)
		return -EACCES;

	let ret = mutex_lock_interruptible(attr.mutex);
	if (ret)
		return ret;

	out: {
		ret = -EFAULT;
		const size = Math.min(24 - 1, len);
		const set_buf = new Uint8Array(size);
		if (copy_from_user(set_buf, buf, size))
			break out;

		const val = { v: 0n };
		ret = kstrtoull(string_of(set_buf), 0, val);
		if (ret)
			break out;
		ret = attr.set(attr.data, val.v);
		if (ret === 0)
			ret = len;	/* all of it counts as written */
	}
	mutex_unlock(attr.mutex);
	return ret;
}

/** include/linux/fs.h:DEFINE_SIMPLE_ATTRIBUTE(): operations of a file that is one number. */
export function DEFINE_SIMPLE_ATTRIBUTE(
	get: ((data: unknown, val: ref<bigint>) => number) | null,
	set: ((data: unknown, val: bigint) => number) | null, fmt: string): struct_file_operations {
	return {
		open:		(inode, file) => simple_attr_open(inode, file, get, set, fmt),
		release:	(inode, file) => simple_attr_release(inode, file),
		read:		(file, buf, len, ppos) => simple_attr_read(file, buf, len, ppos),
		write:		(file, buf, len, ppos) => simple_attr_write(file, buf, len, ppos),
		llseek:		(file, offset, whence) => generic_file_llseek(file, offset, whence),
	};
}

/** fs/libfs.c:generic_read_dir() */
export function generic_read_dir(_filp: struct_file, _buf: user_ptr, _siz: number,
	_ppos: ref<loff_t>): number {
	return -EISDIR;
}

/** Directories that nobody lists. */
export const simple_dir_operations: struct_file_operations = {
	read:	generic_read_dir,
	fsync:	noop_fsync,
};

/** fs/libfs.c:noop_fsync(): there is nothing to write back to. */
export function noop_fsync(_file: struct_file, _start: loff_t, _end: loff_t, _datasync: number):
	number {
	return 0;
}

const anon_aops: struct_address_space_operations = {
	dirty_folio: (mapping, folio) => noop_dirty_folio(mapping, folio),
};

/** fs/libfs.c:alloc_anon_inode() */
export function alloc_anon_inode(s: struct_super_block): struct_inode | err_ptr {
	const inode = new_inode_pseudo(s);

	if (!inode)
		return ERR_PTR(-ENOMEM);

	inode.i_ino = get_next_ino();
	inode.i_mapping.a_ops = anon_aops;

	/* dirty from the beginning, so that it is never moved to a list of dirty inodes */
	inode.i_state = I_DIRTY;
	inode.i_mode = S_IRUSR | S_IWUSR;
	inode.i_uid = current_fsuid();
	inode.i_gid = current_fsgid();
	inode.i_flags |= S_PRIVATE;
	inode.i_atime = inode.i_mtime = inode.i_ctime = current_time(inode);
	return inode;
}

/** fs/libfs.c:simple_nosetlease() */
export function simple_nosetlease(_filp: struct_file, _arg: number): number {
	return -EINVAL;
}
