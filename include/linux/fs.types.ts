// SPDX-License-Identifier: GPL-2.0
/*
 * The structs and operation tables of the VFS.
 *
 * Upstream: struct definitions of include/linux/fs.h, dcache.h, path.h, stat.h, uio.h users.
 */
import { type loff_t, type pgoff_t, type unsigned_long, type user_ptr } from
	"#asm-generic/types.ts";
import type { ref } from "#asm-generic/types.ts";
import { struct_hlist_node, struct_list_head } from "#linux/list.ts";
import { struct_mutex, struct_rw_semaphore } from "#linux/mutex_types.ts";
import { struct_rb_root_cached } from "#linux/rbtree_types.ts";
import { struct_callback_head } from "#linux/rcupdate_types.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import { struct_xarray } from "#linux/xarray_types.ts";
import type { struct_cred } from "#linux/cred_types.ts";
import type { struct_folio, struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import type { struct_iov_iter } from "#linux/uio.ts";
import type { struct_fs_context } from "#linux/fs_context.ts";
import type { struct_pipe_inode_info } from "#linux/pipe_fs_i.ts";
import type { struct_poll_table_struct } from "#linux/poll.ts";
import type { struct_seq_file } from "#linux/seq_file.ts";
import type { struct_shrinker } from "#linux/shrinker.ts";
import type { struct_kstatfs } from "#linux/statfs.ts";

/** Port: identity mapping only; handed through as upstream does. */
export interface struct_user_namespace {
	readonly name: string;
}

/* Never changed in place: inodes and attributes share one object. */
export interface struct_timespec64 {
	readonly tv_sec: number;
	readonly tv_nsec: number;
}

const epoch: struct_timespec64 = { tv_sec: 0, tv_nsec: 0 };
/* what a zeroed struct has in the place of its operation tables, until it is set up */
const no_ops = {};

/*
 * What a file's pages hang on. i_pages under its own lock; i_mmap under i_mmap_rwsem;
 * invalidate_lock keeps faults out during truncation; i_mmap_writable is positive while shared
 * writable mappings exist and negative while they are denied.
 */
export class struct_address_space {
	host: struct_inode | null = null;
	i_pages = new struct_xarray();
	invalidate_lock = new struct_rw_semaphore();
	gfp_mask = 0;
	i_mmap_writable = 0;
	i_mmap = new struct_rb_root_cached();
	i_mmap_rwsem = new struct_rw_semaphore();
	nrpages = 0;
	writeback_index: pgoff_t = 0 as pgoff_t;
	a_ops: struct_address_space_operations;
	/** AS_* bits */
	flags = 0;
	wb_err = 0;
	private_lock = new spinlock_t();
	private_list = new struct_list_head(null);
	private_data: unknown = null;

	constructor(a_ops: struct_address_space_operations = no_ops) {
		this.a_ops = a_ops;
	}
}

export interface struct_address_space_operations {
	writepage?: (page: struct_page, wbc: unknown) => number;
	read_folio?: (file: struct_file | null, folio: struct_folio) => number;
	dirty_folio?: (mapping: struct_address_space, folio: struct_folio) => boolean;
	write_begin?: (file: struct_file | null, mapping: struct_address_space, pos: loff_t,
		len: number, pagep: ref<struct_page | null>, fsdata: ref<unknown>) => number;
	write_end?: (file: struct_file | null, mapping: struct_address_space, pos: loff_t,
		len: number, copied: number, page: struct_page, fsdata: unknown) => number;
	invalidate_folio?: (folio: struct_folio, offset: number, len: number) => void;
	release_folio?: (folio: struct_folio, gfp: number) => boolean;
	free_folio?: (folio: struct_folio) => void;
	migrate_folio?: (mapping: struct_address_space, dst: struct_folio, src: struct_folio,
		mode: number) => number;
	launder_folio?: (folio: struct_folio) => number;
	error_remove_page?: (mapping: struct_address_space, page: struct_page) => number;
	is_partially_uptodate?: (folio: struct_folio, from: number, count: number) => boolean;
}

/*
 * An inode. Life: alloc_inode/new_inode (I_NEW on request, i_count 1), referenced by dentries,
 * evicted and freed when i_count and i_nlink reach 0. i_rwsem guards size, seals and contents;
 * i_lock guards state and blocks.
 */
export class struct_inode {
	i_mode = 0;
	i_opflags = 0;
	i_uid = 0;
	i_gid = 0;
	i_flags = 0;
	i_op: struct_inode_operations = no_ops;
	i_sb: struct_super_block | null = null;
	i_mapping: struct_address_space;
	i_ino = 0;
	i_nlink = 1;
	i_rdev = 0;
	/** bytes; read by i_size_read(), written by i_size_write() under i_rwsem */
	i_size: loff_t = 0n;
	/** port-only, kept by i_size_write(): i_size rounded up to pages, for hot paths */
	i_size_pages = 0;
	i_atime: struct_timespec64 = epoch;
	i_mtime: struct_timespec64 = epoch;
	i_ctime: struct_timespec64 = epoch;
	i_lock = new spinlock_t();
	i_bytes = 0;
	i_blkbits = 12;
	/** 512-byte units */
	i_blocks = 0;
	i_state = 0;
	i_rwsem = new struct_rw_semaphore();
	i_hash = new struct_hlist_node(this);
	i_lru = new struct_list_head(this);
	i_sb_list = new struct_list_head(this);
	i_version = 0;
	i_count = 0;
	i_writecount = 0;
	i_readcount = 0;
	i_fop: struct_file_operations = no_ops;
	i_data = new struct_address_space();
	i_pipe: struct_pipe_inode_info | null = null;
	i_cdev: unknown = null;
	i_private: unknown = null;
	i_generation = 0;
	i_rcu = new struct_callback_head(this);
	/** port-only, for container_of(): the filesystem's struct that embeds this inode */
	owner: object | null;

	constructor(owner: object | null = null) {
		this.owner = owner;
		this.i_mapping = this.i_data;
	}
}

export class struct_dentry {
	d_name = "";
	d_inode: struct_inode | null = null;
	d_parent: struct_dentry | null = null;
	d_sb: struct_super_block | null = null;
	d_op: struct_dentry_operations | null = null;
	d_flags = 0;
	/** C: d_lockref.count */
	d_count = 0;
	d_lock = new spinlock_t();
	d_fsdata: unknown = null;
	d_child = new struct_list_head(this);
	d_rcu = new struct_callback_head(this);
	d_subdirs = new struct_list_head(null);
}

export interface struct_dentry_operations {
	d_delete?: (dentry: struct_dentry) => number;
	d_dname?: (dentry: struct_dentry) => string;
	d_release?: (dentry: struct_dentry) => void;
	d_prune?: (dentry: struct_dentry) => void;
}

/* C's struct mount and struct vfsmount in one. Life: vfs_kern_mount() to the last mntput(). */
export class struct_vfsmount {
	mnt_root: struct_dentry | null = null;
	mnt_sb: struct_super_block | null = null;
	mnt_flags = 0;
	mnt_count = 0;
	mnt_writers = 0;
	mnt_id = 0;
	mnt_devname = "";
	/** port-only: where the flat name table shows it; null for kernel mounts */
	mnt_mountpoint: string | null = null;
	mnt_rcu = new struct_callback_head(this);
}

export class struct_path {
	mnt: struct_vfsmount | null = null;
	dentry: struct_dentry | null = null;
}

export class struct_super_block {
	s_list = new struct_list_head(this);
	s_dev = 0;
	s_blocksize_bits = 0;
	s_blocksize = 0;
	s_maxbytes: loff_t = 0n;
	s_type: struct_file_system_type | null = null;
	s_op: struct_super_operations | null = null;
	s_d_op: struct_dentry_operations | null = null;
	s_flags = 0;
	s_iflags = 0;
	s_magic = 0;
	s_root: struct_dentry | null = null;
	s_umount = new struct_rw_semaphore();
	s_count = 0;
	s_active = 0;
	s_time_gran = 1;
	s_id = "";
	/** inodes without links that are still in use */
	s_remove_count = 0;
	/** writers by freeze level (C: s_writers, per-cpu rwsems); nothing freezes here */
	s_writers = [0, 0, 0];
	rcu = new struct_callback_head(this);
	s_fs_info: unknown = null;
	s_user_ns: struct_user_namespace | null = null;
	s_shrink: struct_shrinker | null = null;
	s_inodes = new struct_list_head(null);
	s_inode_list_lock = new spinlock_t();
}

export interface struct_file_system_type {
	name: string;
	fs_flags?: number;
	init_fs_context?: (fc: struct_fs_context) => number;
	parameters?: unknown;
	kill_sb: (sb: struct_super_block) => void;
}

export interface struct_super_operations {
	alloc_inode?: (sb: struct_super_block) => struct_inode | null;
	destroy_inode?: (inode: struct_inode) => void;
	free_inode?: (inode: struct_inode) => void;
	drop_inode?: (inode: struct_inode) => number;
	evict_inode?: (inode: struct_inode) => void;
	put_super?: (sb: struct_super_block) => void;
	statfs?: (dentry: struct_dentry, buf: struct_kstatfs) => number;
	nr_cached_objects?: (sb: struct_super_block, sc: unknown) => number;
	free_cached_objects?: (sb: struct_super_block, sc: unknown) => number;
	show_options?: (m: struct_seq_file, root: struct_dentry) => number;
}

export interface struct_inode_operations {
	getattr?: (mnt_userns: struct_user_namespace, path: struct_path, stat: struct_kstat,
		request_mask: number, query_flags: number) => number;
	setattr?: (mnt_userns: struct_user_namespace, dentry: struct_dentry,
		attr: struct_iattr) => number;
	tmpfile?: (mnt_userns: struct_user_namespace, dir: struct_inode, dentry: struct_dentry,
		mode: number) => number;
	permission?: (mnt_userns: struct_user_namespace, inode: struct_inode, mask: number) =>
		number;
	update_time?: (inode: struct_inode, time: struct_timespec64, flags: number) => number;
}

/* actor of ->fallocate and friends: offsets in bytes; ->read_iter returns bytes or -errno */
export interface struct_file_operations {
	owner?: object | null;
	llseek?: (file: struct_file, offset: loff_t, whence: number) => loff_t;
	read?: (file: struct_file, buf: user_ptr, count: number, pos: ref<loff_t>) => number;
	write?: (file: struct_file, buf: user_ptr, count: number, pos: ref<loff_t>) => number;
	read_iter?: (iocb: struct_kiocb, iter: struct_iov_iter) => number;
	write_iter?: (iocb: struct_kiocb, iter: struct_iov_iter) => number;
	poll?: (file: struct_file, wait: struct_poll_table_struct | null) => number;
	unlocked_ioctl?: (file: struct_file, cmd: number, arg: bigint) => number;
	/**
	 * port-only: an ioctl that may run a vCPU. Its answer, or, where it yields, a generator
	 * that has done so for the first time; see Documentation/port
	 */
	unlocked_ioctl_gen?: (file: struct_file, cmd: number, arg: bigint) =>
		number | Generator<void, number, void>;
	mmap?: (file: struct_file, vma: struct_vm_area_struct) => number;
	mmap_supported_flags?: number;
	/** port-only: the table of hugetlbfs (C compares the pointer) */
	hugetlbfs?: boolean;
	open?: (inode: struct_inode, file: struct_file) => number;
	flush?: (file: struct_file, id: unknown) => number;
	release?: (inode: struct_inode, file: struct_file) => number;
	fsync?: (file: struct_file, start: loff_t, end: loff_t, datasync: number) => number;
	get_unmapped_area?: (file: struct_file | null, addr: unsigned_long, len: unsigned_long,
		pgoff: pgoff_t, flags: number) => unsigned_long;
	check_flags?: (flags: number) => number;
	splice_read?: (file: struct_file, ppos: ref<loff_t>, pipe: struct_pipe_inode_info,
		len: number, flags: number) => number;
	splice_write?: (pipe: struct_pipe_inode_info, file: struct_file, ppos: ref<loff_t>,
		len: number, flags: number) => number;
	fallocate?: (file: struct_file, mode: number, offset: loff_t, len: loff_t) => number;
	show_fdinfo?: (m: struct_seq_file, file: struct_file) => void;
	copy_file_range?: (file_in: struct_file, pos_in: loff_t, file_out: struct_file,
		pos_out: loff_t, len: number, flags: number) => number;
	fadvise?: (file: struct_file, offset: loff_t, len: loff_t, advice: number) => number;
}

/* An open file description. f_count by references; f_pos under f_pos_lock where needed. */
export class struct_file {
	f_path = new struct_path();
	f_inode: struct_inode | null = null;
	f_op: struct_file_operations = no_ops;
	f_lock = new spinlock_t();
	f_count = 0;
	f_flags = 0;
	f_mode = 0;
	f_pos_lock = new struct_mutex();
	f_pos: loff_t = 0n;
	f_version = 0;
	private_data: unknown = null;
	f_mapping: struct_address_space | null = null;
	f_wb_err = 0;
	f_iocb_flags = 0;
	f_cred: struct_cred | null = null;
	f_rcuhead = new struct_callback_head(this);
}

export class struct_kiocb {
	ki_filp: struct_file;
	ki_pos: loff_t = 0n;
	ki_flags = 0;

	constructor(ki_filp: struct_file) {
		this.ki_filp = ki_filp;
	}
}

export class struct_iattr {
	ia_valid = 0;
	ia_mode = 0;
	ia_uid = 0;
	ia_gid = 0;
	ia_size: loff_t = 0n;
	ia_atime: struct_timespec64 = epoch;
	ia_mtime: struct_timespec64 = epoch;
	ia_ctime: struct_timespec64 = epoch;
	ia_file: struct_file | null = null;
}

export class struct_kstat {
	result_mask = 0;
	mode = 0;
	nlink = 0;
	blksize = 0;
	attributes = 0;
	attributes_mask = 0;
	ino = 0;
	dev = 0;
	rdev = 0;
	uid = 0;
	gid = 0;
	mnt_id = 0;
	size: loff_t = 0n;
	atime: struct_timespec64 = epoch;
	mtime: struct_timespec64 = epoch;
	ctime: struct_timespec64 = epoch;
	btime: struct_timespec64 = epoch;
	blocks = 0;
}
