// SPDX-License-Identifier: GPL-2.0
/*
 * The VFS: what file systems and system calls have in common.
 *
 * Upstream: include/linux/fs.h. Left out: locks and leases, fasync, quotas, exports, block devices,
 * xattrs, ACLs, idmapped mounts (the mapping is the identity).
 */
import type { loff_t, user_ptr } from "#asm-generic/types.ts";
import { BUG_ON } from "#linux/bug.ts";
import { EBUSY, EOPNOTSUPP, EPERM, ETXTBSY } from "#linux/errno.ts";
import { FMODE_NONOTIFY, FMODE_NOWAIT, I_DIRTY, I_DIRTY_SYNC, IOCB_APPEND, IOCB_DIRECT, IOCB_DSYNC,
	IOCB_NOIO, IOCB_SYNC, SB_DIRSYNC, SB_FREEZE_FS, SB_FREEZE_PAGEFAULT, SB_FREEZE_WRITE,
	SB_I_VERSION, SB_NOATIME, SB_NOSEC, SB_POSIXACL, SB_RDONLY, SB_SYNCHRONOUS, S_APPEND,
	S_AUTOMOUNT, S_DAX, S_DEAD, S_DIRSYNC, S_IMMUTABLE, S_NOCMTIME, S_NOSEC, S_PRIVATE,
	S_SWAPFILE, S_SYNC } from "#linux/fs.const.ts";
import { struct_kiocb, type struct_address_space, type struct_dentry, type struct_file,
	type struct_iattr, type struct_inode, type struct_kstat, type struct_path,
	type struct_super_block, type struct_user_namespace } from "#linux/fs.types.ts";
import { __mark_inode_dirty, __remove_inode_hash, drop_nlink, inc_nlink, touch_atime } from
	"#linux/fs/inode.ts";
import { inode_permission } from "#linux/fs/namei.ts";
import { vfs_fstatat } from "#linux/fs/stat.ts";
import { vfs_fsync_range } from "#linux/fs/sync.ts";
import { hlist_unhashed } from "#linux/list.ts";
import { lockdep_assert_held, lockdep_assert_held_write } from "#linux/lockdep.ts";
import { MAJOR, MINOR } from "#linux/kdev_t.ts";
import type { struct_vm_area_struct } from "#linux/mm_types.ts";
import { mnt_user_ns } from "#linux/mount.ts";
import { down_read, down_read_nested, down_read_trylock, down_write, down_write_killable,
	down_write_nested, down_write_trylock, rwsem_is_locked, up_read, up_write } from
	"#linux/rwsem.ts";
import { S_IFMT, S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISGID, S_ISREG, S_ISSOCK, S_ISUID,
	S_IXGRP, S_IXUGO } from "#linux/stat.ts";
import type { struct_iov_iter } from "#linux/uio.ts";
import { type xa_mark_t, xa_marked } from "#linux/xarray.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_ACCMODE, O_APPEND, O_DIRECT, O_DSYNC, O_NOATIME,
	__O_SYNC } from "#uapi/linux/fcntl.ts";
import { RWF_NOWAIT, RWF_SUPPORTED, RWF_SYNC } from "#uapi/linux/fs.ts";

export * from "#linux/fs.const.ts";
export * from "#linux/fs.types.ts";
export * from "#linux/stat.ts";
export * from "#linux/kdev_t.ts";
export * from "#uapi/linux/fs.ts";
export * from "#uapi/linux/fcntl.ts";

export { d_inode } from "#linux/dcache.ts";
export { inode_newsize_ok, may_setattr, notify_change, setattr_copy, setattr_prepare } from
	"#linux/fs/attr.ts";
export { __register_chrdev, cdev_lookup, def_chr_fops, register_chrdev, unregister_chrdev } from
	"#linux/fs/char_dev.ts";
export { vfs_caches_init, vfs_caches_init_early } from "#linux/fs/dcache.ts";
export { do_fcntl } from "#linux/fs/fcntl.ts";
export { get_max_files, get_nr_files, files_init, files_maxfiles_init } from
	"#linux/fs/file_table.ts";
export { sysctl_nr_open } from "#linux/fs/file.ts";
export { get_filesystem, get_fs_type, put_filesystem, register_filesystem,
	unregister_filesystem } from "#linux/fs/filesystems.ts";
export { __destroy_inode, __iget, __mark_inode_dirty, address_space_init_once, alloc_inode_sb,
	atime_needs_update, clear_inode, clear_nlink, current_time, dentry_needs_remove_privs,
	drop_nlink, empty_aops, evict_inodes, file_modified, file_remove_privs, file_update_time,
	free_inode_nonrcu, generic_delete_inode, generic_update_time, get_next_ino, get_nr_inodes,
	igrab, ihold, inc_nlink, init_special_inode, inode_add_lru, inode_dio_wait, inode_init,
	inode_init_always, inode_init_early, inode_init_once, inode_init_owner, inode_needs_sync,
	inode_nohighmem, inode_owner_or_capable, inode_sb_list_add, inode_set_flags,
	inode_update_time, iput, kiocb_modified, lock_two_nondirectories, mode_strip_sgid,
	new_inode, new_inode_pseudo, set_nlink, should_remove_suid, timestamp_truncate, touch_atime,
	unlock_two_nondirectories } from "#linux/fs/inode.ts";
export { vfs_ioctl } from "#linux/fs/ioctl.ts";
export { alloc_anon_inode, always_delete_dentry, generic_read_dir, memory_read_from_buffer,
	noop_fsync, simple_attr_open, simple_attr_read, simple_attr_release, simple_attr_write,
	simple_dentry_operations, simple_dir_operations, simple_getattr, simple_nosetlease,
	simple_open, simple_read_from_buffer, simple_setattr, simple_statfs,
	simple_super_operations, simple_write_to_buffer } from "#linux/fs/libfs.ts";
export { generic_permission, getname, inode_permission, path_noexec, readlink_copy, vfs_tmpfile }
	from "#linux/fs/namei.ts";
export { build_open_flags, build_open_how, dentry_open, do_sys_open, do_truncate, file_clone_open,
	file_open_name, filp_close, filp_open, finish_open, generic_file_open, nonseekable_open,
	open_with_fake_path, stream_open, vfs_fallocate, vfs_fchmod, vfs_fchown, vfs_truncate } from
	"#linux/fs/open.ts";
export { do_pipe_flags } from "#linux/fs/pipe.ts";
export { __kernel_read, __kernel_write, default_llseek, fixed_size_llseek, generic_copy_file_range,
	generic_file_llseek, generic_file_llseek_size, generic_file_rw_checks,
	generic_write_check_limits, generic_write_checks, generic_write_checks_count, kernel_read,
	kernel_write, no_seek_end_llseek, no_seek_end_llseek_size, noop_llseek, rw_verify_area,
	vfs_copy_file_range, vfs_iocb_iter_read, vfs_iocb_iter_write, vfs_iter_read, vfs_iter_write,
	vfs_llseek, vfs_read, vfs_setpos, vfs_write } from "#linux/fs/read_write.ts";
export { do_splice_direct, generic_file_splice_read, iter_file_splice_write } from
	"#linux/fs/splice.ts";
export { fd_statfs, vfs_statfs } from "#linux/fs/statfs.ts";
export { __inode_add_bytes, __inode_sub_bytes, generic_fill_statx_attr, generic_fillattr,
	inode_add_bytes, inode_get_bytes, inode_set_bytes, inode_sub_bytes, vfs_fstat, vfs_fstatat,
	vfs_getattr, vfs_getattr_nosec } from "#linux/fs/stat.ts";
export { deactivate_locked_super, deactivate_super, drop_super, free_anon_bdev,
	generic_shutdown_super, get_anon_bdev, iterate_supers, iterate_supers_type, kill_anon_super,
	kill_litter_super, set_anon_super, set_anon_super_fc, sget_fc } from "#linux/fs/super.ts";
export { sync_file_range, sync_filesystem, vfs_fsync, vfs_fsync_range } from "#linux/fs/sync.ts";
export { current_umask } from "#linux/fs/fs_struct.ts";
export { generic_fadvise, vfs_fadvise } from "#mm/fadvise.ts";
export { filemap_invalidate_lock_two, filemap_invalidate_unlock_two, generic_file_mmap,
	generic_file_read_iter, generic_file_write_iter, __generic_file_write_iter,
	generic_perform_write, filemap_read } from "#mm/filemap.ts";

/** llseek of files without positions (C: NULL). */
export const no_llseek = undefined;

export function is_sync_kiocb(_kiocb: struct_kiocb): boolean {
	return true;
}

/* ---- mappings ------------------------------------------------------------------------------- */

export function mapping_tagged(mapping: struct_address_space, tag: xa_mark_t): boolean {
	return xa_marked(mapping.i_pages, tag);
}

export function i_mmap_lock_write(mapping: struct_address_space): void {
	down_write(mapping.i_mmap_rwsem);
}

export function i_mmap_trylock_write(mapping: struct_address_space): boolean {
	return down_write_trylock(mapping.i_mmap_rwsem);
}

export function i_mmap_unlock_write(mapping: struct_address_space): void {
	up_write(mapping.i_mmap_rwsem);
}

export function i_mmap_trylock_read(mapping: struct_address_space): boolean {
	return down_read_trylock(mapping.i_mmap_rwsem);
}

export function i_mmap_lock_read(mapping: struct_address_space): void {
	down_read(mapping.i_mmap_rwsem);
}

export function i_mmap_unlock_read(mapping: struct_address_space): void {
	up_read(mapping.i_mmap_rwsem);
}

export function i_mmap_assert_locked(mapping: struct_address_space): void {
	lockdep_assert_held(mapping.i_mmap_rwsem);
}

export function i_mmap_assert_write_locked(mapping: struct_address_space): void {
	lockdep_assert_held_write(mapping.i_mmap_rwsem);
}

/** Whether page tables may have entries of the file's pages. */
export function mapping_mapped(mapping: struct_address_space): boolean {
	return mapping.i_mmap.rb_root.rb_node !== null;
}

/** Whether page tables may have writable entries of the file's own pages. */
export function mapping_writably_mapped(mapping: struct_address_space): boolean {
	return mapping.i_mmap_writable > 0;
}

export function mapping_map_writable(mapping: struct_address_space): number {
	if (mapping.i_mmap_writable < 0)
		return -EPERM;
	mapping.i_mmap_writable++;
	return 0;
}

export function mapping_unmap_writable(mapping: struct_address_space): void {
	mapping.i_mmap_writable--;
}

export function mapping_deny_writable(mapping: struct_address_space): number {
	if (mapping.i_mmap_writable > 0)
		return -EBUSY;
	mapping.i_mmap_writable--;
	return 0;
}

export function mapping_allow_writable(mapping: struct_address_space): void {
	mapping.i_mmap_writable++;
}

/* ---- inodes --------------------------------------------------------------------------------- */

export function inode_unhashed(inode: struct_inode): boolean {
	return hlist_unhashed(inode.i_hash);
}

export function remove_inode_hash(inode: struct_inode): void {
	if (!inode_unhashed(inode))
		__remove_inode_hash(inode);
}

export function inode_lock(inode: struct_inode): void {
	down_write(inode.i_rwsem);
}

export function inode_lock_killable(inode: struct_inode): number {
	return down_write_killable(inode.i_rwsem);
}

export function inode_unlock(inode: struct_inode): void {
	up_write(inode.i_rwsem);
}

export function inode_lock_shared(inode: struct_inode): void {
	down_read(inode.i_rwsem);
}

export function inode_unlock_shared(inode: struct_inode): void {
	up_read(inode.i_rwsem);
}

export function inode_trylock(inode: struct_inode): boolean {
	return down_write_trylock(inode.i_rwsem);
}

export function inode_trylock_shared(inode: struct_inode): boolean {
	return down_read_trylock(inode.i_rwsem);
}

export function inode_is_locked(inode: struct_inode): boolean {
	return rwsem_is_locked(inode.i_rwsem);
}

export function inode_lock_nested(inode: struct_inode, subclass: number): void {
	down_write_nested(inode.i_rwsem, subclass);
}

export function inode_lock_shared_nested(inode: struct_inode, subclass: number): void {
	down_read_nested(inode.i_rwsem, subclass);
}

export function filemap_invalidate_lock(mapping: struct_address_space): void {
	down_write(mapping.invalidate_lock);
}

export function filemap_invalidate_unlock(mapping: struct_address_space): void {
	up_write(mapping.invalidate_lock);
}

export function filemap_invalidate_lock_shared(mapping: struct_address_space): void {
	down_read(mapping.invalidate_lock);
}

export function filemap_invalidate_trylock_shared(mapping: struct_address_space): boolean {
	return down_read_trylock(mapping.invalidate_lock);
}

export function filemap_invalidate_unlock_shared(mapping: struct_address_space): void {
	up_read(mapping.invalidate_lock);
}

export function i_size_read(inode: struct_inode): loff_t {
	return inode.i_size;
}

/** i_rwsem is held, or nobody else knows the inode yet. */
export function i_size_write(inode: struct_inode, i_size: loff_t): void {
	inode.i_size = i_size;
	inode.i_size_pages = Number((i_size + 4095n) >> 12n);
}

export function iminor(inode: struct_inode): number {
	return MINOR(inode.i_rdev);
}

export function imajor(inode: struct_inode): number {
	return MAJOR(inode.i_rdev);
}

export function i_blocksize(node: struct_inode): number {
	return 2 ** node.i_blkbits;
}

export function i_uid_read(inode: struct_inode): number {
	return inode.i_uid;
}

export function i_gid_read(inode: struct_inode): number {
	return inode.i_gid;
}

export function i_uid_write(inode: struct_inode, uid: number): void {
	inode.i_uid = uid;
}

export function i_gid_write(inode: struct_inode, gid: number): void {
	inode.i_gid = gid;
}

export function i_user_ns(inode: struct_inode): struct_user_namespace {
	return inode.i_sb!.s_user_ns!;
}

export function i_uid_needs_update(_mnt_userns: struct_user_namespace, attr: struct_iattr,
	inode: struct_inode): boolean {
	return (attr.ia_valid & 2) !== 0 && attr.ia_uid !== inode.i_uid;
}

export function i_gid_needs_update(_mnt_userns: struct_user_namespace, attr: struct_iattr,
	inode: struct_inode): boolean {
	return (attr.ia_valid & 4) !== 0 && attr.ia_gid !== inode.i_gid;
}

/* ---- open files ----------------------------------------------------------------------------- */

export function get_file(f: struct_file): struct_file {
	f.f_count++;
	return f;
}

export function get_file_rcu(f: struct_file): boolean {
	if (f.f_count === 0)
		return false;
	f.f_count++;
	return true;
}

export function file_count(f: struct_file): number {
	return f.f_count;
}

export function file_inode(f: struct_file): struct_inode {
	return f.f_inode!;
}

export function file_dentry(file: struct_file): struct_dentry {
	return file.f_path.dentry!;
}

export const locks_inode = file_inode;

export function file_mnt_user_ns(file: struct_file): struct_user_namespace {
	return mnt_user_ns(file.f_path.mnt!);
}

export function file_accessed(file: struct_file): void {
	if (!(file.f_flags & O_NOATIME))
		touch_atime(file.f_path);
}

export function file_permission(file: struct_file, mask: number): number {
	return inode_permission(file_mnt_user_ns(file), file_inode(file), mask);
}

export function path_permission(path: struct_path, mask: number): number {
	return inode_permission(mnt_user_ns(path.mnt!), path.dentry!.d_inode!, mask);
}

export function execute_ok(inode: struct_inode): boolean {
	return (inode.i_mode & S_IXUGO) !== 0 || S_ISDIR(inode.i_mode);
}

export function inode_wrong_type(inode: struct_inode, mode: number): boolean {
	return ((inode.i_mode ^ mode) & S_IFMT) !== 0;
}

/*
 * Writers against freezing. Upstream has a per-cpu rwsem for each level; with nothing to freeze a
 * file system it comes down to a count, which must be even when a task returns to user mode.
 */
export function __sb_end_write(sb: struct_super_block, level: number): void {
	BUG_ON(--sb.s_writers[level - 1]! < 0);
}

export function __sb_start_write(sb: struct_super_block, level: number): void {
	sb.s_writers[level - 1]!++;
}

export function __sb_start_write_trylock(sb: struct_super_block, level: number): boolean {
	__sb_start_write(sb, level);
	return true;
}

export function sb_end_write(sb: struct_super_block): void {
	__sb_end_write(sb, SB_FREEZE_WRITE);
}

export function sb_end_pagefault(sb: struct_super_block): void {
	__sb_end_write(sb, SB_FREEZE_PAGEFAULT);
}

export function sb_end_intwrite(sb: struct_super_block): void {
	__sb_end_write(sb, SB_FREEZE_FS);
}

export function sb_start_write(sb: struct_super_block): void {
	__sb_start_write(sb, SB_FREEZE_WRITE);
}

export function sb_start_write_trylock(sb: struct_super_block): boolean {
	return __sb_start_write_trylock(sb, SB_FREEZE_WRITE);
}

export function sb_start_pagefault(sb: struct_super_block): void {
	__sb_start_write(sb, SB_FREEZE_PAGEFAULT);
}

export function sb_start_intwrite(sb: struct_super_block): void {
	__sb_start_write(sb, SB_FREEZE_FS);
}

export function file_start_write(file: struct_file): void {
	if (!S_ISREG(file_inode(file).i_mode))
		return;
	sb_start_write(file_inode(file).i_sb!);
}

export function file_start_write_trylock(file: struct_file): boolean {
	if (!S_ISREG(file_inode(file).i_mode))
		return true;
	return sb_start_write_trylock(file_inode(file).i_sb!);
}

export function file_end_write(file: struct_file): void {
	if (!S_ISREG(file_inode(file).i_mode))
		return;
	__sb_end_write(file_inode(file).i_sb!, SB_FREEZE_WRITE);
}

/*
 * i_writecount: above 0 it counts writers (open files and mappings), below 0 those who must not
 * see writers.
 */
export function get_write_access(inode: struct_inode): number {
	if (inode.i_writecount < 0)
		return -ETXTBSY;
	inode.i_writecount++;
	return 0;
}

export function deny_write_access(file: struct_file): number {
	const inode = file_inode(file);

	if (inode.i_writecount > 0)
		return -ETXTBSY;
	inode.i_writecount--;
	return 0;
}

export function put_write_access(inode: struct_inode): void {
	inode.i_writecount--;
}

export function allow_write_access(file: struct_file | null): void {
	if (file)
		file_inode(file).i_writecount++;
}

export function inode_is_open_for_write(inode: struct_inode): boolean {
	return inode.i_writecount > 0;
}

export function i_readcount_dec(inode: struct_inode): void {
	BUG_ON(!inode.i_readcount);
	inode.i_readcount--;
}

export function i_readcount_inc(inode: struct_inode): void {
	inode.i_readcount++;
}

/* ---- calling operations --------------------------------------------------------------------- */

export function call_read_iter(file: struct_file, kio: struct_kiocb, iter: struct_iov_iter):
	number {
	return file.f_op.read_iter!(kio, iter);
}

export function call_write_iter(file: struct_file, kio: struct_kiocb, iter: struct_iov_iter):
	number {
	return file.f_op.write_iter!(kio, iter);
}

export function call_mmap(file: struct_file, vma: struct_vm_area_struct): number {
	return file.f_op.mmap!(file, vma);
}

/* ---- flags ---------------------------------------------------------------------------------- */

const __IS_FLG = (inode: struct_inode, flg: number): boolean =>
	(inode.i_sb!.s_flags & flg) !== 0;

export function sb_rdonly(sb: struct_super_block): boolean {
	return (sb.s_flags & SB_RDONLY) !== 0;
}

export const IS_RDONLY = (inode: struct_inode): boolean => sb_rdonly(inode.i_sb!);
export const IS_SYNC = (inode: struct_inode): boolean =>
	__IS_FLG(inode, SB_SYNCHRONOUS) || (inode.i_flags & S_SYNC) !== 0;
export const IS_DIRSYNC = (inode: struct_inode): boolean =>
	__IS_FLG(inode, SB_SYNCHRONOUS | SB_DIRSYNC) ||
	(inode.i_flags & (S_SYNC | S_DIRSYNC)) !== 0;
export const IS_NOATIME = (inode: struct_inode): boolean =>
	__IS_FLG(inode, SB_RDONLY | SB_NOATIME);
export const IS_I_VERSION = (inode: struct_inode): boolean => __IS_FLG(inode, SB_I_VERSION);
export const IS_APPEND = (inode: struct_inode): boolean => (inode.i_flags & S_APPEND) !== 0;
export const IS_IMMUTABLE = (inode: struct_inode): boolean =>
	(inode.i_flags & S_IMMUTABLE) !== 0;
export const IS_POSIXACL = (inode: struct_inode): boolean => __IS_FLG(inode, SB_POSIXACL);
export const IS_DEADDIR = (inode: struct_inode): boolean => (inode.i_flags & S_DEAD) !== 0;
export const IS_NOCMTIME = (inode: struct_inode): boolean => (inode.i_flags & S_NOCMTIME) !== 0;
export const IS_SWAPFILE = (inode: struct_inode): boolean => (inode.i_flags & S_SWAPFILE) !== 0;
export const IS_PRIVATE = (inode: struct_inode): boolean => (inode.i_flags & S_PRIVATE) !== 0;
export const IS_AUTOMOUNT = (inode: struct_inode): boolean =>
	(inode.i_flags & S_AUTOMOUNT) !== 0;
export const IS_NOSEC = (inode: struct_inode): boolean => (inode.i_flags & S_NOSEC) !== 0;
export const IS_DAX = (inode: struct_inode): boolean => (inode.i_flags & S_DAX) !== 0;

/** A control block for a read or write that is done when the call returns. */
export function init_sync_kiocb(filp: struct_file): struct_kiocb {
	const kiocb = new struct_kiocb(filp);

	kiocb.ki_flags = filp.f_iocb_flags;
	return kiocb;
}

export function mark_inode_dirty(inode: struct_inode): void {
	__mark_inode_dirty(inode, I_DIRTY);
}

export function mark_inode_dirty_sync(inode: struct_inode): void {
	__mark_inode_dirty(inode, I_DIRTY_SYNC);
}

export function inode_inc_link_count(inode: struct_inode): void {
	inc_nlink(inode);
	mark_inode_dirty(inode);
}

export function inode_dec_link_count(inode: struct_inode): void {
	drop_nlink(inode);
	mark_inode_dirty(inode);
}

/** Whether the last iput() should evict the inode at once. */
export function generic_drop_inode(inode: struct_inode): boolean {
	return !inode.i_nlink || inode_unhashed(inode);
}

export function inode_dio_begin(_inode: struct_inode): void {}
export function inode_dio_end(_inode: struct_inode): void {}

export const special_file = (m: number): boolean =>
	S_ISCHR(m) || S_ISBLK(m) || S_ISFIFO(m) || S_ISSOCK(m);

export function __inode_get_bytes(inode: struct_inode): loff_t {
	return (BigInt(inode.i_blocks) << 9n) + BigInt(inode.i_bytes);
}

export function vfs_stat(filename: user_ptr, stat: struct_kstat): number {
	return vfs_fstatat(AT_FDCWD, filename, stat, 0);
}

export function vfs_lstat(name: user_ptr, stat: struct_kstat): number {
	return vfs_fstatat(AT_FDCWD, name, stat, AT_SYMLINK_NOFOLLOW);
}

export function iocb_is_dsync(iocb: struct_kiocb): boolean {
	return (iocb.ki_flags & IOCB_DSYNC) !== 0 || IS_SYNC(iocb.ki_filp.f_mapping!.host!);
}

/** What generic writes end with: @count, or the errno of the fsync that O_DSYNC asks for. */
export function generic_write_sync(iocb: struct_kiocb, count: number): number {
	if (iocb_is_dsync(iocb)) {
		const ret = vfs_fsync_range(iocb.ki_filp, iocb.ki_pos - BigInt(count),
			iocb.ki_pos - 1n, (iocb.ki_flags & IOCB_SYNC) ? 0 : 1);
		if (ret)
			return ret;
	}

	return count;
}

export function vma_is_dax(vma: struct_vm_area_struct): boolean {
	return vma.vm_file !== null && IS_DAX(vma.vm_file.f_mapping!.host!);
}

export function iocb_flags(file: struct_file): number {
	let res = 0;

	if (file.f_flags & O_APPEND)
		res |= IOCB_APPEND;
	if (file.f_flags & O_DIRECT)
		res |= IOCB_DIRECT;
	if (file.f_flags & O_DSYNC)
		res |= IOCB_DSYNC;
	if (file.f_flags & __O_SYNC)
		res |= IOCB_SYNC;
	return res;
}

export function kiocb_set_rw_flags(ki: struct_kiocb, flags: number): number {
	let kiocb_flags = 0;

	if (!flags)
		return 0;
	if (flags & ~RWF_SUPPORTED)
		return -EOPNOTSUPP;

	if (flags & RWF_NOWAIT) {
		if (!(ki.ki_filp.f_mode & FMODE_NOWAIT))
			return -EOPNOTSUPP;
		kiocb_flags |= IOCB_NOIO;
	}
	kiocb_flags |= flags & RWF_SUPPORTED;
	if (flags & RWF_SYNC)
		kiocb_flags |= IOCB_DSYNC;

	ki.ki_flags |= kiocb_flags;
	return 0;
}

/** MAY_* that opening with @x needs. */
export const ACC_MODE = (x: number): number => [4, 2, 6, 6][x & O_ACCMODE]!;
/** FMODE_READ and FMODE_WRITE from the flags of open(). */
export const OPEN_FMODE = (flag: number): number =>
	((flag + 1) & O_ACCMODE) | (flag & FMODE_NONOTIFY);

export function is_sxid(mode: number): boolean {
	return (mode & S_ISUID) !== 0 || ((mode & S_ISGID) !== 0 && (mode & S_IXGRP) !== 0);
}

export function inode_has_no_xattr(inode: struct_inode): void {
	if (!is_sxid(inode.i_mode) && (inode.i_sb!.s_flags & SB_NOSEC))
		inode.i_flags |= S_NOSEC;
}

export function is_root_inode(inode: struct_inode): boolean {
	return inode === inode.i_sb!.s_root!.d_inode;
}
