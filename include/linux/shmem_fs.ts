// SPDX-License-Identifier: GPL-2.0
/*
 * tmpfs, as others see it.
 *
 * Upstream: include/linux/shmem_fs.h. Left out: mempolicies, xattrs, userfaultfd.
 */
import { max } from "#asm-generic/bits.ts";
import { container_of } from "#asm-generic/owner.ts";
import { type pgoff_t, pgoff_t as to_pgoff } from "#asm-generic/types.ts";
import { CONFIG_SHMEM } from "#generated/autoconf.ts";
import { atomic_t } from "#linux/atomic.ts";
import { file_inode } from "#linux/fs.ts";
import { type struct_address_space, type struct_file, struct_inode, type struct_timespec64 } from
	"#linux/fs.types.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { struct_list_head } from "#linux/list.ts";
import type { struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import { mapping_gfp_mask } from "#linux/pagemap.ts";
import { struct_percpu_counter } from "#linux/percpu_counter.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import type { err_ptr } from "#asm-generic/err.ts";
import { shmem_aops, shmem_is_huge, shmem_read_mapping_page_gfp } from "#mm/shmem.ts";

export { shmem_aops, shmem_charge, shmem_file_setup, shmem_file_setup_with_mnt, shmem_fs_parameters,
	shmem_get_unmapped_area, shmem_getpage, shmem_init, shmem_init_fs_context, shmem_is_huge,
	shmem_kernel_file_setup, shmem_lock, shmem_partial_swap_usage, shmem_read_mapping_page_gfp,
	shmem_show_options, shmem_swap_usage, shmem_truncate_range, shmem_uncharge,
	shmem_unlock_mapping, shmem_unuse, shmem_zero_setup, vma_is_shmem, shmem_enabled_show,
	shmem_enabled_store } from "#mm/shmem.ts";

/*
 * An inode of tmpfs. alloced, swapped and i_blocks under lock; seals and the size under i_rwsem;
 * shrinklist under the superblock's shrinklist_lock, swaplist under shmem_swaplist_mutex.
 */
export class struct_shmem_inode_info {
	lock = new spinlock_t();
	/** F_SEAL_* */
	seals = 0;
	/** VM_NORESERVE, VM_LOCKED */
	flags = 0;
	/** data pages of the file, in memory or swapped */
	alloced = 0;
	swapped = 0;
	/** highest page that fallocate committed to; see shmem_fallocend() */
	fallocend: pgoff_t = to_pgoff(0);
	/** huge pages that reach beyond the file's end */
	shrinklist = new struct_list_head(this);
	swaplist = new struct_list_head(this);
	/** holds back eviction while shmem_unuse() looks */
	stop_eviction = new atomic_t();
	i_crtime: struct_timespec64 = { tv_sec: 0, tv_nsec: 0 };
	/** FS_*_FL; nothing sets them here */
	fsflags = 0;
	vfs_inode = new struct_inode(this);
}

/* A mount of tmpfs. Limits of 0 mean none. free_inodes and next_ino under stat_lock. */
export class struct_shmem_sb_info {
	/** pages */
	max_blocks = 0;
	used_blocks = new struct_percpu_counter();
	max_inodes = 0;
	free_inodes = 0;
	stat_lock = new spinlock_t();
	mode = 0;
	/** SHMEM_HUGE_* */
	huge = 0;
	uid = 0;
	gid = 0;
	full_inums = false;
	next_ino = 0;
	/** by CPU; null unless the kernel's own mount */
	ino_batch: { v: number }[] | null = null;
	shrinklist_lock = new spinlock_t();
	shrinklist = new struct_list_head(null);
	shrinklist_len = 0;
}

/* the inode that SHMEM_I() was last asked for, and what it is part of for as long as it exists */
let last_inode: struct_inode | null = null;
let last_info: struct_shmem_inode_info = null as never;

export function SHMEM_I(inode: struct_inode): struct_shmem_inode_info {
	if (inode !== last_inode) {
		last_info = container_of(inode, struct_shmem_inode_info, "vfs_inode");
		last_inode = inode;
	}
	return last_info;
}

export function shmem_mapping(mapping: struct_address_space): boolean {
	if (!IS_ENABLED(CONFIG_SHMEM))
		return false;
	return mapping.a_ops === shmem_aops;
}

export function shmem_huge_enabled(vma: struct_vm_area_struct): boolean {
	return shmem_is_huge(vma, file_inode(vma.vm_file!), vma.vm_pgoff);
}

/*
 * enum sgp_type: what shmem_getpage() may do. SGP_READ and SGP_CACHE stay within i_size, and only
 * the latter allocates; to SGP_NOALLOC a hole is an error, but it may use a page of fallocate.
 * SGP_WRITE and SGP_FALLOC may go beyond i_size and leave a new page not uptodate; SGP_FALLOC makes
 * an existing one uptodate.
 */
export const SGP_READ		= 0;
export const SGP_NOALLOC	= 1;
export const SGP_CACHE		= 2;
export const SGP_WRITE		= 3;
export const SGP_FALLOC		= 4;
export type sgp_type = 0 | 1 | 2 | 3 | 4;

export function shmem_read_mapping_page(mapping: struct_address_space, index: pgoff_t):
	struct_page | err_ptr {
	return shmem_read_mapping_page_gfp(mapping, index, mapping_gfp_mask(mapping));
}

export function shmem_file(file: struct_file | null): boolean {
	if (!IS_ENABLED(CONFIG_SHMEM))
		return false;
	if (!file || !file.f_mapping)
		return false;
	return shmem_mapping(file.f_mapping);
}

/*
 * With FALLOC_FL_KEEP_SIZE there may be pages beyond i_size that split_huge_page() must not drop.
 * One mark for each inode keeps, when in doubt, too many.
 */
export function shmem_fallocend(inode: struct_inode, eof: pgoff_t): pgoff_t {
	return max(eof, SHMEM_I(inode).fallocend);
}
