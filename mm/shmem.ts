// SPDX-License-Identifier: GPL-2.0
/*
 * tmpfs: files whose only home is the page cache (and swap).
 *
 * Upstream: mm/shmem.c. Left out: names in directories (mknod, link, rename, symlinks), xattrs,
 * ACLs, file attributes, export operations, mempolicies, userfaultfd, tiny-shmem.
 *
 * Lock order: i_rwsem, then a folio's lock, then one of i_lock, info->lock, i_pages' lock,
 * shrinklist_lock; shmem_swaplist_mutex is inside a folio's lock and outside info->lock.
 */
import { IS_ALIGNED, round_down, round_up } from "#asm-generic/bits.ts";
import { ERR_PTR, type err_ptr, IS_ERR, IS_ERR_VALUE, PTR_ERR } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { type loff_t, type pgoff_t, type unsigned_long, PGOFF_MAX, U32_MAX, index_word,
	loff_t as to_loff, loff_to_pgoff, pgoff_t as to_pgoff, pgoff_to_loff, ref,
	u64 } from "#asm-generic/types.ts";
import { CONFIG_NUMA, CONFIG_SWAP, CONFIG_TMPFS_INODE64, CONFIG_TRANSPARENT_HUGEPAGE } from
	"#generated/autoconf.ts";
import { atomic_dec_and_test, atomic_inc, atomic_read, atomic_set } from "#linux/atomic.ts";
import { BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { READ_ONCE, unlikely } from "#linux/compiler.ts";
import { current_fsgid, current_fsuid } from "#linux/cred.ts";
import { EEXIST, EFAULT, EFBIG, EINTR, EINVAL, EIO, ENOENT, ENOMEM, ENOSPC, ENXIO, EOPNOTSUPP,
	EPERM } from "#linux/errno.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { alloc_file_pseudo, fput } from "#linux/file.ts";
import { d_make_root, d_tmpfile } from "#linux/dcache.ts";
import { type struct_fs_context, type struct_fs_context_operations, type struct_fs_parameter,
	get_tree_nodev, invalfc, vfs_parse_fs_string } from "#linux/fs_context.ts";
import { type constant_table, type fs_parameter_spec, type fs_parse_result, fs_parse, fsparam_enum,
	fsparam_flag, fsparam_string, fsparam_u32, fsparam_u32oct } from
	"#linux/fs_parser.ts";
import { AOP_WRITEPAGE_ACTIVATE, ATTR_SIZE, FS_USERNS_MOUNT, MAX_LFS_FILESIZE, SB_KERNMOUNT,
	SB_NOSEC, SB_NOUSER, S_PRIVATE } from "#linux/fs.const.ts";
import { SEEK_DATA, SEEK_HOLE, S_ISREG, alloc_inode_sb, clear_inode, clear_nlink, current_time,
	d_inode, file_accessed, file_inode, file_modified, generic_delete_inode,
	generic_file_llseek_size, generic_file_splice_read, generic_file_write_iter,
	generic_fillattr, i_size_read, i_size_write, igrab, inc_nlink, init_special_inode,
	inode_init_once, inode_init_owner, inode_lock, inode_newsize_ok, inode_unlock, iput,
	iter_file_splice_write, kill_litter_super, mapping_writably_mapped, new_inode, noop_fsync,
	register_filesystem, setattr_copy, setattr_prepare, simple_dir_operations,
	unregister_filesystem, vfs_setpos } from "#linux/fs.ts";
import type {
	struct_address_space, struct_address_space_operations, struct_dentry, struct_file,
	struct_file_operations, struct_file_system_type, struct_iattr, struct_inode,
	struct_inode_operations, struct_kiocb, struct_kstat, struct_path, struct_super_block,
	struct_super_operations, struct_user_namespace, struct_vfsmount,
} from "#linux/fs.types.ts";
import { type gfp_t, GFP_KERNEL, GFP_ZONEMASK, __GFP_FS, __GFP_HIGH, __GFP_IO, __GFP_NOMEMALLOC,
	__GFP_NORETRY, __GFP_NOWARN, __GFP_RECLAIM, gfp_zone, vma_alloc_folio,
	vma_thp_gfp_mask } from "#linux/gfp.ts";
import { clear_highpage, copy_highpage, flush_dcache_folio, flush_dcache_page,
	zero_user_segments } from "#linux/highmem.ts";
import { HPAGE_PMD_NR, HPAGE_PMD_ORDER, HPAGE_PMD_SIZE, folio_test_pmd_mappable,
	split_huge_page } from
	"#linux/huge_mm.ts";
import { MINOR } from "#linux/kdev_t.ts";
import { has_transparent_hugepage } from "#linux/pgtable.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { memparse } from "#linux/kernel.ts";
import { LIST_HEAD, INIT_LIST_HEAD, list_add, list_add_tail, list_del_init, list_empty,
	list_empty_careful, list_move } from "#linux/list.ts";
import { TMPFS_MAGIC } from "#uapi/linux/magic.ts";
import { vm_unacct_memory } from "#linux/mman.ts";
import { count_memcg_event_mm, mem_cgroup_charge, mem_cgroup_migrate } from
	"#linux/memcontrol.ts";
import { VM_FAULT_LOCKED, VM_FAULT_MAJOR, VM_FAULT_NOPAGE, VM_FAULT_RETRY, VM_HUGEPAGE,
	VM_LOCKED, VM_NOHUGEPAGE, VM_NORESERVE } from "#linux/mm.const.ts";
import { filemap_map_pages, folio_mark_dirty, folio_nr_pages, folio_order, folio_page, folio_put,
	folio_size, get_page, page_mapped, put_page, seal_check_future_write, set_page_dirty,
	totalram_pages, unmap_mapping_range, user_shm_lock, user_shm_unlock, vma_init, vma_pages,
	vmf_error } from "#linux/mm.ts";
import { type struct_folio, type struct_mm_struct, type struct_page, type vm_fault_t,
	type vm_operations_struct, struct_vm_area_struct, struct_vm_fault } from
	"#linux/mm_types.ts";
import { VM_BUG_ON, VM_BUG_ON_FOLIO, VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import { NR_FILE_PAGES, NR_SHMEM, NR_SHMEM_THPS } from "#linux/mmzone.const.ts";
import { folio_zonenum } from "#linux/mmzone.ts";
import { kern_mount } from "#linux/mount.ts";
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { ClearPageDirty, ClearPageSwapCache, PageCompound, PageHWPoison, PageLocked,
	PageTransCompound, PageUptodate, SetPageDirty, SetPageSwapCache, SetPageUptodate,
	__SetPageLocked, __SetPageSwapBacked, __folio_set_locked, __folio_set_referenced,
	__folio_set_swapbacked, compound_head, folio_clear_dirty, folio_mark_uptodate,
	folio_test_large, folio_test_locked, folio_test_swapbacked,
	folio_test_swapcache, folio_test_uptodate, folio_test_writeback, page_folio } from
	"#linux/page-flags.ts";
import { folio_ref_add, folio_ref_sub } from "#linux/page_ref.ts";
import { FGP_ENTRY, FGP_LOCK, __filemap_get_folio, filemap_get_folio, filemap_get_folios,
	filemap_remove_folio, find_get_entries, find_lock_entries, folio_lock, folio_mapping,
	folio_pos, folio_trylock, folio_unlock, folio_wait_writeback, mapping_clear_unevictable,
	mapping_gfp_mask, mapping_seek_hole_data, mapping_set_exiting, mapping_set_large_folios,
	mapping_set_unevictable, mapping_unevictable, noop_dirty_folio, page_mapping,
	unlock_page } from "#linux/pagemap.ts";
import { PAGEVEC_SIZE, folio_batch_add, folio_batch_count, folio_batch_init,
	folio_batch_release, folio_batch_remove_exceptionals, struct_folio_batch } from
	"#linux/pagevec.ts";
import { percpu_counter_add, percpu_counter_compare, percpu_counter_destroy, percpu_counter_init,
	percpu_counter_sub, percpu_counter_sum } from "#linux/percpu_counter.ts";
import { pr_err, pr_warn } from "#linux/printk.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { MMF_DISABLE_THP } from "#linux/sched/coredump.ts";
import { TASK_UNINTERRUPTIBLE, cond_resched, current, need_resched, schedule } from
	"#linux/sched.ts";
import { signal_pending } from "#linux/sched/signal.ts";
import { security_vm_enough_memory_mm } from "#linux/security.ts";
import { SGP_CACHE, SGP_FALLOC, SGP_NOALLOC, SGP_READ, SGP_WRITE, SHMEM_I, type sgp_type,
	shmem_mapping, struct_shmem_inode_info, struct_shmem_sb_info } from "#linux/shmem_fs.ts";
import { SHRINK_STOP, type struct_shrink_control } from "#linux/shrinker.ts";
import { SLAB_ACCOUNT, SLAB_PANIC, kfree, kmem_cache_create, kmem_cache_destroy, kmem_cache_free,
	kvcalloc, kvfree, kzalloc, type struct_kmem_cache } from "#linux/slab.ts";
import { get_cpu, nr_cpu_ids, put_cpu } from "#linux/smp.ts";
import { raw_spin_lock, raw_spin_lock_init, raw_spin_unlock, spin_lock, spin_lock_init,
	spin_lock_irq, spin_lock_irqsave, spin_unlock, spin_unlock_irq,
	spin_unlock_irqrestore } from "#linux/spinlock.ts";
import { type struct_kstatfs } from "#linux/statfs.ts";
import { STATX_ATTR_APPEND, STATX_ATTR_IMMUTABLE, STATX_ATTR_NODUMP, STATX_BTIME, S_IFDIR, S_IFMT,
	S_IFREG, S_IRWXUGO, S_ISVTX } from "#linux/stat.ts";
import { check_move_unevictable_folios, folio_add_lru, folio_alloc_swap, folio_mark_accessed,
	folio_swap_entry, folio_throttle_swaprate, free_swap_and_cache, lru_cache_add,
	mark_page_accessed, put_swap_page, swap_free, swap_shmem_alloc, total_swap_pages } from
	"#linux/swap.ts";
import { is_swapin_error_entry, make_swapin_error_entry, radix_to_swp_entry, swp_offset,
	swp_to_radix_entry, swp_type, type swp_entry_t } from "#linux/swapops.ts";
import { copy_page_to_iter, iov_iter_count, iov_iter_zero, type struct_iov_iter,
	user_backed_iter } from "#linux/uio.ts";
import { THP_FILE_ALLOC, THP_FILE_FALLBACK, THP_FILE_FALLBACK_CHARGE, PGMAJFAULT } from
	"#linux/vm_event_item.ts";
import { __dec_lruvec_page_state, __inc_lruvec_page_state, __lruvec_stat_mod_folio,
	count_vm_event } from "#linux/vmstat.ts";
import { default_wake_function, finish_wait, init_waitqueue_head, prepare_to_wait,
	wait_queue_entry_t, wait_queue_head_t, wake_up_all } from "#linux/wait.ts";
import { wait_var_event, wake_up_var } from "#linux/wait_bit.ts";
import type { struct_writeback_control } from "#linux/writeback.ts";
import { XA_PRESENT, XA_STATE, XA_STATE_ORDER, type struct_xa_node, xa_cmpxchg_irq, xa_empty_leaf,
	xa_fill_leaf, xa_find, xa_is_value, xa_load, xa_lock_irq, xa_unlock_irq, xas_error,
	xas_find, xas_find_conflict, xas_load, xas_lock_irq, xas_next_entry, xas_nomem, xas_pause,
	xas_retry, xas_set_err, xas_store, xas_unlock_irq } from "#linux/xarray.ts";
import { init_user_ns } from "#linux/user_namespace.ts";
import { F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE, O_RDWR } from
	"#uapi/linux/fcntl.ts";
import { NAME_MAX } from "#uapi/linux/limits.ts";
import { MAP_FIXED } from "#uapi/linux/mman.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { ZERO_PAGE } from "#linux/pgtable.ts";
import { TASK_SIZE } from "#asm/processor.ts";
import { cond_resched_rcu } from "#linux/sched.ts";
import { add_to_swap_cache, delete_from_swap_cache, lookup_swap_cache, swap_cluster_readahead,
	swap_writepage } from "#mm/swap.h.ts";
import { GFP_CONSTRAINT_MASK, GFP_RECLAIM_MASK, maybe_unlock_mmap_for_io, truncate_inode_folio,
	truncate_inode_partial_folio, loff_page_align } from "#mm/internal.h.ts";

/** null before shmem_init() */
let shm_mnt: struct_vfsmount | err_ptr | null = null;

const BLOCKS_PER_PAGE = 8;

/** C: VM_ACCT(size), PAGE_ALIGN(size) >> PAGE_SHIFT; bytes to pages. */
function VM_ACCT(size: loff_t): number {
	return loff_to_pgoff(to_loff(size + 0xfffn));
}

/* pretend that a directory entry takes this much of i_size */
const BOGO_DIRENT_SIZE = 20;

/*
 * How shmem_fallocate() tells shmem_fault() and shmem_writepage() what it is at, through
 * inode->i_private under i_lock; i_rwsem keeps it to one at a time.
 */
class struct_shmem_falloc {
	/** faults into a hole wait here for the punch to end; null for an allocation */
	waitq: wait_queue_head_t | null = null;
	/** first page of the range */
	start: pgoff_t = to_pgoff(0);
	/** where allocation stands; for a hole, its end */
	next: pgoff_t = to_pgoff(0);
	/** new pages so far */
	nr_falloced = 0;
	/** times that writepage kept a folio in memory instead */
	nr_unswapped = 0;
}

const SHMEM_SEEN_BLOCKS	= 1;
const SHMEM_SEEN_INODES	= 2;
const SHMEM_SEEN_HUGE	= 4;
const SHMEM_SEEN_INUMS	= 8;

class struct_shmem_options {
	blocks = 0;
	inodes = 0;
	uid = 0;
	gid = 0;
	mode = 0;
	full_inums = false;
	huge = 0;
	/** SHMEM_SEEN_* */
	seen = 0;
}

function shmem_default_max_blocks(): number {
	return Math.floor(totalram_pages() / 2);
}

function shmem_default_max_inodes(): number {
	const nr_pages = totalram_pages();

	return Math.floor(nr_pages / 2);
}

/** mm/shmem.c:shmem_getpage(). The page comes locked and with a reference. */
export function shmem_getpage(inode: struct_inode, index: pgoff_t,
	pagep: ref<struct_page | null>, sgp: sgp_type): number {
	return shmem_getpage_gfp(inode, index, pagep, sgp, mapping_gfp_mask(inode.i_mapping), null,
		null, null);
}

function SHMEM_SB(sb: struct_super_block): struct_shmem_sb_info {
	return sb.s_fs_info as struct_shmem_sb_info;
}

/*
 * A VM object (shared anonymous memory, /dev/zero) is accounted whole when it is made, unless
 * with MAP_NORESERVE, as private mappings are ...
 */
function shmem_acct_size(flags: number, size: loff_t): number {
	return (flags & VM_NORESERVE) ?
		0 : security_vm_enough_memory_mm(current.mm!, VM_ACCT(size));
}

function shmem_unacct_size(flags: number, size: loff_t): void {
	if (!(flags & VM_NORESERVE))
		vm_unacct_memory(VM_ACCT(size));
}

function shmem_reacct_size(flags: number, oldsize: loff_t, newsize: loff_t): number {
	if (!(flags & VM_NORESERVE)) {
		if (VM_ACCT(newsize) > VM_ACCT(oldsize))
			return security_vm_enough_memory_mm(current.mm!,
				VM_ACCT(newsize) - VM_ACCT(oldsize));
		else if (VM_ACCT(newsize) < VM_ACCT(oldsize))
			vm_unacct_memory(VM_ACCT(oldsize) - VM_ACCT(newsize));
	}
	return 0;
}

/*
 * ... while a tmpfs file is accounted page by page, so that it may be large and sparse. Failure
 * is reported as -ENOSPC, so that a fault gives SIGBUS and not OOM.
 */
function shmem_acct_block(flags: number, pages: number): number {
	if (!(flags & VM_NORESERVE))
		return 0;

	return security_vm_enough_memory_mm(current.mm!, pages);
}

function shmem_unacct_blocks(flags: number, pages: number): void {
	if (flags & VM_NORESERVE)
		vm_unacct_memory(pages);
}

/** mm/shmem.c:shmem_inode_acct_block() */
function shmem_inode_acct_block(inode: struct_inode, pages: number): boolean {
	const info = SHMEM_I(inode);
	const sbinfo = SHMEM_SB(inode.i_sb!);

	if (shmem_acct_block(info.flags, pages) !== 0)
		return false;

	if (sbinfo.max_blocks !== 0) {
		if (percpu_counter_compare(sbinfo.used_blocks, sbinfo.max_blocks - pages) > 0) {
			shmem_unacct_blocks(info.flags, pages);
			return false;
		}
		percpu_counter_add(sbinfo.used_blocks, pages);
	}

	return true;
}

/** mm/shmem.c:shmem_inode_unacct_blocks() */
function shmem_inode_unacct_blocks(inode: struct_inode, pages: number): void {
	const info = SHMEM_I(inode);
	const sbinfo = SHMEM_SB(inode.i_sb!);

	if (sbinfo.max_blocks)
		percpu_counter_sub(sbinfo.used_blocks, pages);
	shmem_unacct_blocks(info.flags, pages);
}

export function vma_is_shmem(vma: struct_vm_area_struct): boolean {
	return vma.vm_ops === shmem_vm_ops;
}

const shmem_swaplist = LIST_HEAD();
const shmem_swaplist_mutex = DEFINE_MUTEX("shmem_swaplist_mutex");

const SHMEM_INO_BATCH = 1024;

/** Inode number 0 is not used: userspace takes it for no file. */
function is_zero_ino(ino: number): boolean {
	return ino % 0x100000000 === 0;
}

/** mm/shmem.c:shmem_reserve_inode(). A new inode number in @inop, if given. */
function shmem_reserve_inode(sb: struct_super_block, inop: ref<number> | null): number {
	const sbinfo = SHMEM_SB(sb);
	let ino: number;

	if (!(sb.s_flags & SB_KERNMOUNT)) {
		raw_spin_lock(sbinfo.stat_lock);
		if (sbinfo.max_inodes) {
			if (!sbinfo.free_inodes) {
				raw_spin_unlock(sbinfo.stat_lock);
				return -ENOSPC;
			}
			sbinfo.free_inodes--;
		}
		if (inop) {
			ino = sbinfo.next_ino++;
			if (unlikely(is_zero_ino(ino)))
				ino = sbinfo.next_ino++;
			if (unlikely(!sbinfo.full_inums && ino > U32_MAX)) {
				/* wraps as get_next_ino() does */
				pr_warn("%s: inode number overflow on device %d, " +
					"consider using inode64 mount option\n",
					"shmem_reserve_inode", MINOR(sb.s_dev));
				sbinfo.next_ino = 1;
				ino = sbinfo.next_ino++;
			}
			inop.v = ino;
		}
		raw_spin_unlock(sbinfo.stat_lock);
	} else if (inop) {
		/*
		 * Called from __shmem_file_setup() in unknown context: numbers come in batches by
		 * CPU, so that stat_lock is only taken for a new batch.
		 */
		const next_ino = sbinfo.ino_batch![get_cpu()]!;
		ino = next_ino.v;
		if (unlikely(ino % SHMEM_INO_BATCH === 0)) {
			raw_spin_lock(sbinfo.stat_lock);
			ino = sbinfo.next_ino;
			sbinfo.next_ino += SHMEM_INO_BATCH;
			raw_spin_unlock(sbinfo.stat_lock);
			if (unlikely(is_zero_ino(ino)))
				ino++;
		}
		inop.v = ino;
		next_ino.v = ++ino;
		put_cpu();
	}

	return 0;
}

/** mm/shmem.c:shmem_free_inode() */
function shmem_free_inode(sb: struct_super_block): void {
	const sbinfo = SHMEM_SB(sb);
	if (sbinfo.max_inodes) {
		raw_spin_lock(sbinfo.stat_lock);
		sbinfo.free_inodes++;
		raw_spin_unlock(sbinfo.stat_lock);
	}
}

/*
 * mm/shmem.c:shmem_recalc_inode(). Pages may go away behind our back (undirtied holes): what was
 * allocated and is neither cached nor swapped any more was freed. info->lock is held.
 */
function shmem_recalc_inode(inode: struct_inode): void {
	const info = SHMEM_I(inode);

	const freed = info.alloced - info.swapped - inode.i_mapping.nrpages;
	if (freed > 0) {
		info.alloced -= freed;
		inode.i_blocks -= freed * BLOCKS_PER_PAGE;
		shmem_inode_unacct_blocks(inode, freed);
	}
}

/** mm/shmem.c:shmem_charge() */
export function shmem_charge(inode: struct_inode, pages: number): boolean {
	const info = SHMEM_I(inode);

	if (!shmem_inode_acct_block(inode, pages))
		return false;

	/* nrpages first: shmem_recalc_inode() must find it balanced */
	inode.i_mapping.nrpages += pages;

	const flags = spin_lock_irqsave(info.lock);
	info.alloced += pages;
	inode.i_blocks += pages * BLOCKS_PER_PAGE;
	shmem_recalc_inode(inode);
	spin_unlock_irqrestore(info.lock, flags);

	return true;
}

/** mm/shmem.c:shmem_uncharge(). nrpages was changed by the caller. */
export function shmem_uncharge(inode: struct_inode, pages: number): void {
	const info = SHMEM_I(inode);

	const flags = spin_lock_irqsave(info.lock);
	info.alloced -= pages;
	inode.i_blocks -= pages * BLOCKS_PER_PAGE;
	shmem_recalc_inode(inode);
	spin_unlock_irqrestore(info.lock, flags);

	shmem_inode_unacct_blocks(inode, pages);
}

/** mm/shmem.c:shmem_replace_entry(). i_pages is locked. */
function shmem_replace_entry(mapping: struct_address_space, index: number, expected: xa_item,
	replacement: xa_item): number {
	const xas = XA_STATE(mapping.i_pages, index);

	VM_BUG_ON(expected === null);
	VM_BUG_ON(replacement === null);
	const item = xas_load(xas);
	if (item !== expected)
		return -ENOENT;
	xas_store(xas, replacement);
	return 0;
}

type xa_item = ReturnType<typeof xas_load>;

/*
 * mm/shmem.c:shmem_confirm_swap(): whether @index still holds @swap. A swap cache page is no
 * proof: before it was locked it may have been reused for the same swap entry.
 */
function shmem_confirm_swap(mapping: struct_address_space, index: pgoff_t, swap: swp_entry_t):
	boolean {
	return xa_load(mapping.i_pages, index) === swp_to_radix_entry(swap);
}

/* huge= of a mount */
const SHMEM_HUGE_NEVER		= 0;
const SHMEM_HUGE_ALWAYS		= 1;
const SHMEM_HUGE_WITHIN_SIZE	= 2;	/* only wholly within i_size; heeds madvise() too */
const SHMEM_HUGE_ADVISE		= 3;	/* only if asked for by madvise() */

/* only through shmem_enabled: for all mounts */
const SHMEM_HUGE_DENY		= -1;
const SHMEM_HUGE_FORCE		= -2;

let shmem_huge = SHMEM_HUGE_NEVER;

/** mm/shmem.c:shmem_is_huge() */
export function shmem_is_huge(vma: struct_vm_area_struct | null, inode: struct_inode,
	index: pgoff_t): boolean {
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return false;

	/* then nothing below says yes */
	if (shmem_huge !== SHMEM_HUGE_FORCE && SHMEM_SB(inode.i_sb!).huge === SHMEM_HUGE_NEVER)
		return false;

	if (!S_ISREG(inode.i_mode))
		return false;
	if (shmem_huge === SHMEM_HUGE_DENY)
		return false;
	if (vma !== null && ((vma.vm_flags & VM_NOHUGEPAGE) ||
	    (vma.vm_mm!.flags & (1 << MMF_DISABLE_THP))))
		return false;
	if (shmem_huge === SHMEM_HUGE_FORCE)
		return true;

	switch (SHMEM_SB(inode.i_sb!).huge) {
	case SHMEM_HUGE_ALWAYS:
		return true;
	case SHMEM_HUGE_WITHIN_SIZE:
		if (inode.i_size_pages >= round_up(index + 1, HPAGE_PMD_NR))
			return true;
		/* fallthrough */
	case SHMEM_HUGE_ADVISE:
		if (vma !== null && (vma.vm_flags & VM_HUGEPAGE))
			return true;
		/* fallthrough */
	default:
		return false;
	}
}

function shmem_parse_huge(str: string): number {
	if (str === "never")
		return SHMEM_HUGE_NEVER;
	if (str === "always")
		return SHMEM_HUGE_ALWAYS;
	if (str === "within_size")
		return SHMEM_HUGE_WITHIN_SIZE;
	if (str === "advise")
		return SHMEM_HUGE_ADVISE;
	if (str === "deny")
		return SHMEM_HUGE_DENY;
	if (str === "force")
		return SHMEM_HUGE_FORCE;
	return -EINVAL;
}

function shmem_format_huge(huge: number): string {
	switch (huge) {
	case SHMEM_HUGE_NEVER:
		return "never";
	case SHMEM_HUGE_ALWAYS:
		return "always";
	case SHMEM_HUGE_WITHIN_SIZE:
		return "within_size";
	case SHMEM_HUGE_ADVISE:
		return "advise";
	case SHMEM_HUGE_DENY:
		return "deny";
	case SHMEM_HUGE_FORCE:
		return "force";
	default:
		VM_BUG_ON(true);
		return "bad_val";
	}
}

/*
 * mm/shmem.c:shmem_unused_huge_shrink(). Splits huge pages at the end of files, which gives back
 * what of them lies beyond i_size. @nr_to_split 0: as many as there are.
 */
function shmem_unused_huge_shrink(sbinfo: struct_shmem_sb_info,
	sc: struct_shrink_control | null, nr_to_split: number): number {
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return 0;

	const list = LIST_HEAD();
	const to_remove = LIST_HEAD();
	let batch = sc ? sc.nr_to_scan : 128;
	let split = 0;

	if (list_empty(sbinfo.shrinklist))
		return SHRINK_STOP;

	spin_lock(sbinfo.shrinklist_lock);
	for (let pos = sbinfo.shrinklist.next, next; pos !== sbinfo.shrinklist; pos = next) {
		next = pos.next;
		const info = container_of(pos, struct_shmem_inode_info, "shrinklist");

		next: {
			/* pin the inode */
			const inode = igrab(info.vfs_inode);

			/* it is about to be evicted */
			if (!inode) {
				list_del_init(info.shrinklist);
				break next;
			}

			/* is there anything to gain? */
			if (inode.i_size_pages === round_up(inode.i_size_pages, HPAGE_PMD_NR)) {
				list_move(info.shrinklist, to_remove);
				break next;
			}

			list_move(info.shrinklist, list);
		}
		sbinfo.shrinklist_len--;
		if (!--batch)
			break;
	}
	spin_unlock(sbinfo.shrinklist_lock);

	for (let pos = to_remove.next, next; pos !== to_remove; pos = next) {
		next = pos.next;
		const info = container_of(pos, struct_shmem_inode_info, "shrinklist");
		list_del_init(info.shrinklist);
		iput(info.vfs_inode);
	}

	for (let pos = list.next, next; pos !== list; pos = next) {
		next = pos.next;
		const info = container_of(pos, struct_shmem_inode_info, "shrinklist");
		const inode = info.vfs_inode;

		put: {
			move_back: {
				drop: {
					if (nr_to_split && split >= nr_to_split)
						break move_back;

					const index = round_down(loff_to_pgoff(inode.i_size),
						HPAGE_PMD_NR);
					const folio = filemap_get_folio(inode.i_mapping, index);
					if (!folio)
						break drop;

					/* the last page is a small one */
					if (!folio_test_large(folio)) {
						folio_put(folio);
						break drop;
					}

					/* waiting for it may deadlock in reclaim */
					if (!folio_trylock(folio)) {
						folio_put(folio);
						break move_back;
					}

					const ret = split_huge_page(folio);
					folio_unlock(folio);
					folio_put(folio);

					if (ret)
						break move_back;

					split++;
				}
				/* drop */
				list_del_init(info.shrinklist);
				break put;
			}
			/* move_back: off our list before iput(), which may delete the inode */
			spin_lock(sbinfo.shrinklist_lock);
			list_move(info.shrinklist, sbinfo.shrinklist);
			sbinfo.shrinklist_len++;
			spin_unlock(sbinfo.shrinklist_lock);
		}
		iput(inode);
	}

	return split;
}

/** mm/shmem.c:shmem_unused_huge_scan() */
function shmem_unused_huge_scan(sb: struct_super_block, sc: unknown): number {
	const sbinfo = SHMEM_SB(sb);

	if (!READ_ONCE(sbinfo.shrinklist_len))
		return SHRINK_STOP;

	return shmem_unused_huge_shrink(sbinfo, sc as struct_shrink_control, 0);
}

/** mm/shmem.c:shmem_unused_huge_count() */
function shmem_unused_huge_count(sb: struct_super_block, _sc: unknown): number {
	const sbinfo = SHMEM_SB(sb);
	return READ_ONCE(sbinfo.shrinklist_len);
}

/* What the loop of shmem_add_to_page_cache() does with a slot that is known to be empty. */
function shmem_add_to_leaf(leaf: struct_xa_node, folio: struct_folio,
	mapping: struct_address_space, index: pgoff_t): void {
	xa_lock_irq(mapping.i_pages);
	xa_fill_leaf(leaf, index, folio);
	mapping.nrpages++;
	__lruvec_stat_mod_folio(folio, NR_FILE_PAGES, 1);
	__lruvec_stat_mod_folio(folio, NR_SHMEM, 1);
	xa_unlock_irq(mapping.i_pages);
}

/** mm/shmem.c:shmem_add_to_page_cache(). Like filemap_add_folio(), but fails when what was
 * @expected there is gone. */
function shmem_add_to_page_cache(folio: struct_folio, mapping: struct_address_space,
	index: pgoff_t, expected: xa_item, gfp: gfp_t, charge_mm: struct_mm_struct | null): number {
	const nr = folio_nr_pages(folio);
	let error: number;

	VM_BUG_ON_FOLIO(!IS_ALIGNED(index, nr), folio);
	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);
	VM_BUG_ON_FOLIO(!folio_test_swapbacked(folio), folio);
	VM_BUG_ON(expected !== null && folio_test_large(folio));

	folio_ref_add(folio, nr);
	folio.mapping = mapping;
	folio.index = index;

	error: {
		if (!folio_test_swapcache(folio)) {
			error = mem_cgroup_charge(folio, charge_mm, gfp);
			if (error !== 0) {
				if (folio_test_pmd_mappable(folio)) {
					count_vm_event(THP_FILE_FALLBACK);
					count_vm_event(THP_FILE_FALLBACK_CHARGE);
				}
				break error;
			}
		}
		folio_throttle_swaprate(folio, gfp);

		const leaf = expected === null && nr === 1 ?
			xa_empty_leaf(mapping.i_pages, index) : null;
		if (leaf !== null) {
			shmem_add_to_leaf(leaf, folio, mapping, index);
			return 0;
		}

		const xas = XA_STATE_ORDER(mapping.i_pages, index, folio_order(folio));
		do {
			xas_lock_irq(xas);
			unlock: {
				if (expected !== xas_find_conflict(xas)) {
					xas_set_err(xas, -EEXIST);
					break unlock;
				}
				if (expected !== null && xas_find_conflict(xas) !== null) {
					xas_set_err(xas, -EEXIST);
					break unlock;
				}
				xas_store(xas, folio);
				if (xas_error(xas) !== 0)
					break unlock;
				if (folio_test_pmd_mappable(folio)) {
					count_vm_event(THP_FILE_ALLOC);
					__lruvec_stat_mod_folio(folio, NR_SHMEM_THPS, nr);
				}
				mapping.nrpages += nr;
				__lruvec_stat_mod_folio(folio, NR_FILE_PAGES, nr);
				__lruvec_stat_mod_folio(folio, NR_SHMEM, nr);
			}
			xas_unlock_irq(xas);
		} while (xas_nomem(xas, gfp));

		error = xas_error(xas);
		if (error !== 0)
			break error;

		return 0;
	}
	folio.mapping = null;
	folio_ref_sub(folio, nr);
	return error;
}

/** mm/shmem.c:shmem_delete_from_page_cache(). Leaves a swap entry in the page's place. */
function shmem_delete_from_page_cache(page: struct_page, radswap: xa_item): void {
	const mapping = page.mapping as struct_address_space;

	VM_BUG_ON_PAGE(PageCompound(page), page);

	xa_lock_irq(mapping.i_pages);
	const error = shmem_replace_entry(mapping, page.index, page, radswap);
	page.mapping = null;
	mapping.nrpages--;
	__dec_lruvec_page_state(page, NR_FILE_PAGES);
	__dec_lruvec_page_state(page, NR_SHMEM);
	xa_unlock_irq(mapping.i_pages);
	put_page(page);
	BUG_ON(error !== 0);
}

/** mm/shmem.c:shmem_free_swap() */
function shmem_free_swap(mapping: struct_address_space, index: pgoff_t, radswap: xa_item):
	number {
	const old = xa_cmpxchg_irq(mapping.i_pages, index, radswap, null, 0);
	if (old !== radswap)
		return -ENOENT;
	free_swap_and_cache(radix_to_swp_entry(radswap));
	return 0;
}

/** mm/shmem.c:shmem_partial_swap_usage(). In bytes; racy without i_rwsem. */
export function shmem_partial_swap_usage(mapping: struct_address_space, start: pgoff_t,
	end: pgoff_t): unsigned_long {
	const xas = XA_STATE(mapping.i_pages, start);
	let swapped = 0;

	rcu_read_lock();
	for (let page = xas_find(xas, end - 1); page !== null;
		page = xas_next_entry(xas, end - 1)) {
		if (xas_retry(xas, page))
			continue;
		if (xa_is_value(page))
			swapped++;

		if (need_resched()) {
			xas_pause(xas);
			cond_resched_rcu();
		}
	}

	rcu_read_unlock();

	return swapped * PAGE_SIZE;
}

/** mm/shmem.c:shmem_swap_usage(). In bytes; racy without i_rwsem. */
export function shmem_swap_usage(vma: struct_vm_area_struct): unsigned_long {
	const inode = file_inode(vma.vm_file!);
	const info = SHMEM_I(inode);
	const mapping = inode.i_mapping;

	const swapped = READ_ONCE(info.swapped);

	if (!swapped)
		return 0;

	/* the VMA maps all of it */
	if (!vma.vm_pgoff && BigInt(vma.vm_end - vma.vm_start) >= inode.i_size)
		return swapped * PAGE_SIZE;

	return shmem_partial_swap_usage(mapping, vma.vm_pgoff,
		to_pgoff(vma.vm_pgoff + vma_pages(vma)));
}

/** mm/shmem.c:shmem_unlock_mapping(). SHM_UNLOCK makes pages evictable again. */
export function shmem_unlock_mapping(mapping: struct_address_space): void {
	const fbatch = new struct_folio_batch();
	const index = new ref(to_pgoff(0));

	folio_batch_init(fbatch);
	/* no need to go on when somebody locks it again */
	while (!mapping_unevictable(mapping) &&
	       filemap_get_folios(mapping, index, PGOFF_MAX, fbatch)) {
		check_move_unevictable_folios(fbatch);
		folio_batch_release(fbatch);
		cond_resched();
	}
}

/* past MAX_LFS_FILESIZE; in two steps, so that V8 sees that @index is nearly always small */
function beyond_max_lfs(index: pgoff_t): boolean {
	return index > 0x7fffffff && index > 2 ** 51 - 1;
}

/** mm/shmem.c:shmem_get_partial_folio() */
function shmem_get_partial_folio(inode: struct_inode, index: pgoff_t): struct_folio | null {
	/* "to the end" is no index for the cache, whose walks are faster with small integers */
	if (beyond_max_lfs(index))
		return null;

	/*
	 * Not by SGP_READ at first: that fails beyond i_size, and takes pages of fallocate for
	 * holes.
	 */
	const folio = __filemap_get_folio(inode.i_mapping, index, FGP_ENTRY | FGP_LOCK, 0);
	if (!xa_is_value(folio))
		return folio;
	/* swapped out, perhaps: fetched unless it lies beyond i_size */
	const page = new ref<struct_page | null>(null);
	shmem_getpage(inode, index, page, SGP_READ);
	return page.v ? page_folio(page.v) : null;
}

/*
 * mm/shmem.c:shmem_undo_range(). Removes the pages and swap entries of the bytes from @lstart to
 * @lend (inclusive; -1: all to the end). With @unfalloc, only those that a failed fallocate added
 * (they are not uptodate).
 */
function shmem_undo_range(inode: struct_inode, lstart: loff_t, lend: loff_t, unfalloc: boolean):
	void {
	const mapping = inode.i_mapping;
	const info = SHMEM_I(inode);
	let start: number = loff_to_pgoff(to_loff(lstart + 0xfffn));
	let end: number = loff_to_pgoff(to_loff(lend + 1n));
	const fbatch = new struct_folio_batch();
	const indices: pgoff_t[] = new Array<pgoff_t>(PAGEVEC_SIZE).fill(to_pgoff(0));
	let folio: struct_folio | null;
	let nr_swaps_freed = 0;

	if (lend === -1n)
		end = PGOFF_MAX;

	if (info.fallocend > start && info.fallocend <= end && !unfalloc)
		info.fallocend = to_pgoff(start);

	folio_batch_init(fbatch);
	let index = start;
	while (index < end &&
	       find_lock_entries(mapping, to_pgoff(index), to_pgoff(end - 1), fbatch, indices)) {
		for (let i = 0; i < folio_batch_count(fbatch); i++) {
			const folio = fbatch.folios[i]!;

			index = indices[i]!;

			if (xa_is_value(folio)) {
				if (unfalloc)
					continue;
				nr_swaps_freed += Number(!shmem_free_swap(mapping, to_pgoff(index),
					folio));
				continue;
			}
			index += folio_nr_pages(folio) - 1;

			if (!unfalloc || !folio_test_uptodate(folio))
				truncate_inode_folio(mapping, folio);
			folio_unlock(folio);
		}
		folio_batch_remove_exceptionals(fbatch);
		folio_batch_release(fbatch);
		cond_resched();
		index++;
	}

	/*
	 * As in later kernels: what a failed call has added goes as a whole, below, and of what was
	 * there before nothing is cleared or split. Somebody may have it.
	 */
	let same_folio = lstart >> 12n === lend >> 12n;
	folio = unfalloc ? null : shmem_get_partial_folio(inode, loff_to_pgoff(lstart));
	if (folio) {
		same_folio = lend < folio_pos(folio) + BigInt(folio_size(folio));
		folio_mark_dirty(folio);
		if (!truncate_inode_partial_folio(folio, lstart, lend)) {
			start = folio.index + folio_nr_pages(folio);
			if (same_folio)
				end = folio.index;
		}
		folio_unlock(folio);
		folio_put(folio);
		folio = null;
	}

	if (!same_folio && !unfalloc)
		folio = shmem_get_partial_folio(inode, loff_to_pgoff(lend));
	if (folio) {
		folio_mark_dirty(folio);
		if (!truncate_inode_partial_folio(folio, lstart, lend))
			end = folio.index;
		folio_unlock(folio);
		folio_put(folio);
	}

	index = start;
	while (index < end) {
		cond_resched();

		if (!find_get_entries(mapping, to_pgoff(index), to_pgoff(end - 1), fbatch,
			indices)) {
			/* all gone, or a hole punch or undo, which need not be sure */
			if (index === start || end !== PGOFF_MAX)
				break;
			/* truncation makes sure */
			index = start;
			continue;
		}
		for (let i = 0; i < folio_batch_count(fbatch); i++) {
			const folio = fbatch.folios[i]!;

			index = indices[i]!;
			if (xa_is_value(folio)) {
				if (unfalloc)
					continue;
				if (shmem_free_swap(mapping, to_pgoff(index), folio)) {
					/* a page came back from swap: again */
					index--;
					break;
				}
				nr_swaps_freed++;
				continue;
			}

			folio_lock(folio);

			if (!unfalloc || !folio_test_uptodate(folio)) {
				if (folio_mapping(folio) !== mapping) {
					/* it went to swap: again */
					folio_unlock(folio);
					index--;
					break;
				}
				VM_BUG_ON_FOLIO(folio_test_writeback(folio), folio);
				truncate_inode_folio(mapping, folio);
			}
			index = folio.index + folio_nr_pages(folio) - 1;
			folio_unlock(folio);
		}
		folio_batch_remove_exceptionals(fbatch);
		folio_batch_release(fbatch);
		index++;
	}

	spin_lock_irq(info.lock);
	info.swapped -= nr_swaps_freed;
	shmem_recalc_inode(inode);
	spin_unlock_irq(info.lock);
}

/** mm/shmem.c:shmem_truncate_range() */
export function shmem_truncate_range(inode: struct_inode, lstart: loff_t, lend: loff_t): void {
	shmem_undo_range(inode, lstart, lend, false);
	inode.i_ctime = inode.i_mtime = current_time(inode);
}

/** mm/shmem.c:shmem_getattr() */
function shmem_getattr(_mnt_userns: struct_user_namespace, path: struct_path,
	stat: struct_kstat, request_mask: number, _query_flags: number): number {
	const inode = path.dentry!.d_inode!;
	const info = SHMEM_I(inode);

	if (info.alloced - info.swapped !== inode.i_mapping.nrpages) {
		spin_lock_irq(info.lock);
		shmem_recalc_inode(inode);
		spin_unlock_irq(info.lock);
	}
	stat.attributes_mask |= STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE | STATX_ATTR_NODUMP;
	generic_fillattr(init_user_ns, inode, stat);

	if (shmem_is_huge(null, inode, to_pgoff(0)))
		stat.blksize = HPAGE_PMD_SIZE;

	if (request_mask & STATX_BTIME) {
		stat.result_mask |= STATX_BTIME;
		stat.btime = info.i_crtime;
	}

	return 0;
}

/** mm/shmem.c:shmem_setattr(). i_rwsem is held. */
function shmem_setattr(_mnt_userns: struct_user_namespace, dentry: struct_dentry,
	attr: struct_iattr): number {
	const inode = d_inode(dentry)!;
	const info = SHMEM_I(inode);

	const error = setattr_prepare(init_user_ns, dentry, attr);
	if (error)
		return error;

	if (S_ISREG(inode.i_mode) && (attr.ia_valid & ATTR_SIZE)) {
		const oldsize = inode.i_size;
		const newsize = attr.ia_size;

		/* protected by i_rwsem */
		if ((newsize < oldsize && (info.seals & F_SEAL_SHRINK)) ||
		    (newsize > oldsize && (info.seals & F_SEAL_GROW)))
			return -EPERM;

		if (newsize !== oldsize) {
			const error = shmem_reacct_size(SHMEM_I(inode).flags, oldsize, newsize);
			if (error)
				return error;
			i_size_write(inode, newsize);
			inode.i_ctime = inode.i_mtime = current_time(inode);
		}
		if (newsize <= oldsize) {
			const holebegin = loff_page_align(newsize);
			if (oldsize > holebegin)
				unmap_mapping_range(inode.i_mapping, holebegin, 0n, 1);
			if (info.alloced)
				shmem_truncate_range(inode, newsize, -1n);
			/* again, for private copies made meanwhile */
			if (oldsize > holebegin)
				unmap_mapping_range(inode.i_mapping, holebegin, 0n, 1);
		}
	}

	setattr_copy(init_user_ns, inode, attr);
	return error;
}

/** mm/shmem.c:shmem_evict_inode() */
function shmem_evict_inode(inode: struct_inode): void {
	const info = SHMEM_I(inode);
	const sbinfo = SHMEM_SB(inode.i_sb!);

	if (shmem_mapping(inode.i_mapping)) {
		shmem_unacct_size(info.flags, inode.i_size);
		inode.i_size = 0n;
		inode.i_size_pages = 0;
		mapping_set_exiting(inode.i_mapping);
		shmem_truncate_range(inode, 0n, -1n);
		if (!list_empty(info.shrinklist)) {
			spin_lock(sbinfo.shrinklist_lock);
			if (!list_empty(info.shrinklist)) {
				list_del_init(info.shrinklist);
				sbinfo.shrinklist_len--;
			}
			spin_unlock(sbinfo.shrinklist_lock);
		}
		while (!list_empty(info.swaplist)) {
			/* until shmem_unuse() is done with this inode ... */
			wait_var_event(info.stop_eviction, () => !atomic_read(info.stop_eviction));
			mutex_lock(shmem_swaplist_mutex);
			/* ... which may only be starting */
			if (!atomic_read(info.stop_eviction))
				list_del_init(info.swaplist);
			mutex_unlock(shmem_swaplist_mutex);
		}
	}

	WARN_ON(inode.i_blocks !== 0);
	shmem_free_inode(inode.i_sb!);
	clear_inode(inode);
}

/** mm/shmem.c:shmem_find_swap_entries() */
function shmem_find_swap_entries(mapping: struct_address_space, start: pgoff_t,
	fbatch: struct_folio_batch, indices: pgoff_t[], type: number): number {
	const xas = XA_STATE(mapping.i_pages, start);

	rcu_read_lock();
	for (let folio = xas_find(xas, PGOFF_MAX) as struct_folio | null; folio !== null;
		folio = xas_next_entry(xas, PGOFF_MAX) as struct_folio | null) {
		if (xas_retry(xas, folio))
			continue;

		if (!xa_is_value(folio))
			continue;

		/* entries of a failed swap-in have another type: nothing is to be done for them */
		const entry = radix_to_swp_entry(folio);
		if (swp_type(entry) !== type)
			continue;

		indices[folio_batch_count(fbatch)] = to_pgoff(xas.xa_index);
		if (!folio_batch_add(fbatch, folio))
			break;

		if (need_resched()) {
			xas_pause(xas);
			cond_resched_rcu();
		}
	}
	rcu_read_unlock();

	return xas.xa_index;
}

/** mm/shmem.c:shmem_unuse_swap_entries(). The number of pages brought in, or an error. */
function shmem_unuse_swap_entries(inode: struct_inode, fbatch: struct_folio_batch,
	indices: pgoff_t[]): number {
	let ret = 0;
	let error = 0;
	const mapping = inode.i_mapping;
	const foliop = new ref<struct_folio | null>(null);

	for (let i = 0; i < folio_batch_count(fbatch); i++) {
		foliop.v = fbatch.folios[i]!;

		if (!xa_is_value(foliop.v))
			continue;
		error = shmem_swapin_folio(inode, indices[i]!, foliop, SGP_CACHE,
			mapping_gfp_mask(mapping), null, null);
		if (error === 0) {
			folio_unlock(foliop.v!);
			folio_put(foliop.v!);
			ret++;
		}
		if (error === -ENOMEM)
			break;
		error = 0;
	}
	return error ? error : ret;
}

/** mm/shmem.c:shmem_unuse_inode() */
function shmem_unuse_inode(inode: struct_inode, type: number): number {
	const mapping = inode.i_mapping;
	let start = to_pgoff(0);
	const fbatch = new struct_folio_batch();
	const indices: pgoff_t[] = new Array<pgoff_t>(PAGEVEC_SIZE).fill(to_pgoff(0));
	let ret = 0;

	do {
		folio_batch_init(fbatch);
		shmem_find_swap_entries(mapping, start, fbatch, indices, type);
		if (folio_batch_count(fbatch) === 0) {
			ret = 0;
			break;
		}

		ret = shmem_unuse_swap_entries(inode, fbatch, indices);
		if (ret < 0)
			break;

		start = indices[folio_batch_count(fbatch) - 1]!;
	} while (true);

	return ret;
}

/** mm/shmem.c:shmem_unuse(). Brings back all that is in swap area @type. */
export function shmem_unuse(type: number): number {
	let error = 0;

	if (list_empty(shmem_swaplist))
		return 0;

	mutex_lock(shmem_swaplist_mutex);
	for (let pos = shmem_swaplist.next, next; pos !== shmem_swaplist; pos = next) {
		const info = container_of(pos, struct_shmem_inode_info, "swaplist");
		next = pos.next;
		if (!info.swapped) {
			list_del_init(info.swaplist);
			continue;
		}
		/*
		 * The mutex is dropped while the inode is searched; stop_eviction keeps it on the
		 * list and in memory, where igrab() would not protect from unmounting.
		 */
		atomic_inc(info.stop_eviction);
		mutex_unlock(shmem_swaplist_mutex);

		error = shmem_unuse_inode(info.vfs_inode, type);
		cond_resched();

		mutex_lock(shmem_swaplist_mutex);
		next = info.swaplist.next;
		if (!info.swapped)
			list_del_init(info.swaplist);
		if (atomic_dec_and_test(info.stop_eviction))
			wake_up_var(info.stop_eviction);
		if (error)
			break;
	}
	mutex_unlock(shmem_swaplist_mutex);

	return error;
}

/** mm/shmem.c:shmem_writepage(). Puts the folio into the swap cache. */
function shmem_writepage(page: struct_page, wbc_: unknown): number {
	const wbc = wbc_ as struct_writeback_control;
	const folio = page_folio(page);

	redirty: {
		if (PageTransCompound(page)) {
			/* the subpages stay dirty */
			SetPageDirty(page);
			if (split_huge_page(page) < 0)
				break redirty;
			ClearPageDirty(page);
		}

		BUG_ON(!PageLocked(page));
		const mapping = page.mapping as struct_address_space;
		const index = page.index;
		const inode = mapping.host!;
		const info = SHMEM_I(inode);
		if (info.flags & VM_LOCKED)
			break redirty;
		if (!IS_ENABLED(CONFIG_SWAP) || !total_swap_pages)
			break redirty;

		/* only reclaim may call us, sync and writeback threads must not */
		if (!wbc.for_reclaim) {
			WARN_ON_ONCE(true);
			break redirty;
		}

		/*
		 * Swap has no notion of a fallocated page, so it is made uptodate and written like
		 * any other. If its fallocate is still at work, it stays instead: it may have to be
		 * undone, and going on into swap is no good idea; shmem_fallocate() gives up when
		 * too many stayed.
		 */
		if (!PageUptodate(page)) {
			if (inode.i_private) {
				spin_lock(inode.i_lock);
				let shmem_falloc = inode.i_private as struct_shmem_falloc | null;
				if (shmem_falloc &&
				    !shmem_falloc.waitq &&
				    index >= shmem_falloc.start &&
				    index < shmem_falloc.next)
					shmem_falloc.nr_unswapped++;
				else
					shmem_falloc = null;
				spin_unlock(inode.i_lock);
				if (shmem_falloc)
					break redirty;
			}
			clear_highpage(page);
			flush_dcache_page(page);
			SetPageUptodate(page);
		}

		const swap = folio_alloc_swap(folio);
		if (!swap)
			break redirty;

		/*
		 * On the list before the page moves: from then on its lock does not hold back
		 * eviction. The mutex is kept until swapped is raised, as shmem_unuse() takes
		 * inodes with nothing swapped off the list.
		 */
		mutex_lock(shmem_swaplist_mutex);
		if (list_empty(info.swaplist))
			list_add(info.swaplist, shmem_swaplist);

		if (add_to_swap_cache(page, swap, __GFP_HIGH | __GFP_NOMEMALLOC | __GFP_NOWARN,
			null) === 0) {
			spin_lock_irq(info.lock);
			shmem_recalc_inode(inode);
			info.swapped++;
			spin_unlock_irq(info.lock);

			swap_shmem_alloc(swap);
			shmem_delete_from_page_cache(page, swp_to_radix_entry(swap) as xa_item);

			mutex_unlock(shmem_swaplist_mutex);
			BUG_ON(page_mapped(page));
			swap_writepage(page, wbc);
			return 0;
		}

		mutex_unlock(shmem_swaplist_mutex);
		put_swap_page(page, swap);
	}
	set_page_dirty(page);
	if (wbc.for_reclaim)
		return AOP_WRITEPAGE_ACTIVATE;	/* still locked */
	unlock_page(page);
	return 0;
}

/** mm/shmem.c:shmem_pseudo_vma_init(). The VMA would carry a NUMA policy to the allocator. */
function shmem_pseudo_vma_init(info: struct_shmem_inode_info, index: number):
	struct_vm_area_struct | null {
	if (!IS_ENABLED(CONFIG_NUMA))
		return null;

	const vma = new struct_vm_area_struct();
	vma_init(vma, null);
	/* inodes interleave from different nodes on */
	vma.vm_pgoff = to_pgoff(index + info.vfs_inode.i_ino);
	return vma;
}

/** mm/shmem.c:shmem_swapin() */
function shmem_swapin(swap: swp_entry_t, gfp: gfp_t, info: struct_shmem_inode_info,
	index: pgoff_t): struct_page | null {
	const pvma = shmem_pseudo_vma_init(info, index) ?? new struct_vm_area_struct();

	return swap_cluster_readahead(swap, gfp, new struct_vm_fault(pvma));
}

/** mm/shmem.c:limit_gfp_mask(). Never grants what @limit_gfp does not. */
function limit_gfp_mask(huge_gfp: gfp_t, limit_gfp: gfp_t): gfp_t {
	const allowflags = __GFP_IO | __GFP_FS | __GFP_RECLAIM;
	const denyflags = __GFP_NOWARN | __GFP_NORETRY;
	const zoneflags = limit_gfp & GFP_ZONEMASK;
	let result = huge_gfp & ~(allowflags | GFP_ZONEMASK);

	result |= zoneflags;

	/* permissions that both have, limitations that either has */
	result |= limit_gfp & denyflags;
	result |= (huge_gfp & limit_gfp) & allowflags;

	return result;
}

/** mm/shmem.c:shmem_alloc_hugefolio(). Only where the whole huge page is a hole. */
function shmem_alloc_hugefolio(gfp: gfp_t, info: struct_shmem_inode_info, index: pgoff_t):
	struct_folio | null {
	const mapping = info.vfs_inode.i_mapping;

	const hindex = new ref<number>(round_down(index, HPAGE_PMD_NR));
	if (xa_find(mapping.i_pages, hindex, hindex.v + HPAGE_PMD_NR - 1, XA_PRESENT) !== null)
		return null;

	const folio = vma_alloc_folio(gfp, HPAGE_PMD_ORDER, shmem_pseudo_vma_init(info, hindex.v),
		0, true);
	if (!folio)
		count_vm_event(THP_FILE_FALLBACK);
	return folio;
}

/** mm/shmem.c:shmem_alloc_folio() */
function shmem_alloc_folio(gfp: gfp_t, info: struct_shmem_inode_info, index: pgoff_t):
	struct_folio | null {
	return vma_alloc_folio(gfp, 0, shmem_pseudo_vma_init(info, index), 0, false);
}

/** mm/shmem.c:shmem_alloc_page() */
function shmem_alloc_page(gfp: gfp_t, info: struct_shmem_inode_info, index: pgoff_t):
	struct_page | null {
	return shmem_alloc_folio(gfp, info, index);
}

/** mm/shmem.c:shmem_alloc_and_acct_folio(). The folio is locked. */
function shmem_alloc_and_acct_folio(gfp: gfp_t, inode: struct_inode, index: pgoff_t,
	huge: boolean): struct_folio | err_ptr {
	const info = SHMEM_I(inode);
	let folio: struct_folio | null;
	let err = -ENOSPC;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		huge = false;
	const nr = huge ? HPAGE_PMD_NR : 1;

	failed: {
		if (!shmem_inode_acct_block(inode, nr))
			break failed;

		if (huge)
			folio = shmem_alloc_hugefolio(gfp, info, index);
		else
			folio = shmem_alloc_folio(gfp, info, index);
		if (folio !== null) {
			__folio_set_locked(folio);
			__folio_set_swapbacked(folio);
			return folio;
		}

		err = -ENOMEM;
		shmem_inode_unacct_blocks(inode, nr);
	}
	return ERR_PTR(err);
}

/*
 * mm/shmem.c:shmem_should_replace_folio(). A page read from swap was allocated without knowing
 * what zones its mapping may use.
 */
function shmem_should_replace_folio(folio: struct_folio, gfp: gfp_t): boolean {
	return folio_zonenum(folio) > gfp_zone(gfp);
}

/** mm/shmem.c:shmem_replace_page() */
function shmem_replace_page(pagep: ref<struct_page>, gfp: gfp_t, info: struct_shmem_inode_info,
	index: pgoff_t): number {
	let oldpage = pagep.v;
	const entry = oldpage.private_ as swp_entry_t;
	const swap_index = swp_offset(entry);
	const swap_mapping = page_mapping(oldpage)!;

	/* constrained enough by zones */
	gfp &= ~GFP_CONSTRAINT_MASK;
	const newpage = shmem_alloc_page(gfp, info, index);
	if (!newpage)
		return -ENOMEM;

	get_page(newpage);
	copy_highpage(newpage, oldpage);
	flush_dcache_page(newpage);

	__SetPageLocked(newpage);
	__SetPageSwapBacked(newpage);
	SetPageUptodate(newpage);
	newpage.private_ = entry;
	SetPageSwapCache(newpage);

	/* our caller takes it out of the swap cache right away, but this is the clean way */
	xa_lock_irq(swap_mapping.i_pages);
	const error = shmem_replace_entry(swap_mapping, swap_index, oldpage, newpage);
	if (!error) {
		const old = page_folio(oldpage);
		const new_ = page_folio(newpage);
		mem_cgroup_migrate(old, new_);
		__inc_lruvec_page_state(newpage, NR_FILE_PAGES);
		__inc_lruvec_page_state(newpage, NR_SHMEM);
		__dec_lruvec_page_state(oldpage, NR_FILE_PAGES);
		__dec_lruvec_page_state(oldpage, NR_SHMEM);
	}
	xa_unlock_irq(swap_mapping.i_pages);

	if (unlikely(error !== 0)) {
		/* should not happen; then the new page is the one to be freed */
		oldpage = newpage;
	} else {
		lru_cache_add(newpage);
		pagep.v = newpage;
	}

	ClearPageSwapCache(oldpage);
	oldpage.private_ = 0;

	unlock_page(oldpage);
	put_page(oldpage);
	put_page(oldpage);
	return error;
}

/** mm/shmem.c:shmem_set_folio_swapin_error() */
function shmem_set_folio_swapin_error(inode: struct_inode, index: pgoff_t, folio: struct_folio,
	swap: swp_entry_t): void {
	const mapping = inode.i_mapping;
	const info = SHMEM_I(inode);

	const swapin_error = make_swapin_error_entry(folio);
	const old = xa_cmpxchg_irq(mapping.i_pages, index, swp_to_radix_entry(swap) as xa_item,
		swp_to_radix_entry(swapin_error) as xa_item, 0);
	if (old !== swp_to_radix_entry(swap))
		return;

	folio_wait_writeback(folio);
	delete_from_swap_cache(folio);
	spin_lock_irq(info.lock);
	/* not allocated any more, or i_blocks would not come to 0 at eviction */
	info.alloced--;
	info.swapped--;
	shmem_recalc_inode(inode);
	spin_unlock_irq(info.lock);
	swap_free(swap);
}

/** mm/shmem.c:shmem_swapin_folio(). @foliop is a swap entry, and then the folio, locked. */
function shmem_swapin_folio(inode: struct_inode, index: pgoff_t,
	foliop: ref<struct_folio | null>, sgp: sgp_type, gfp: gfp_t,
	vma: struct_vm_area_struct | null, fault_type: ref<vm_fault_t> | null): number {
	const mapping = inode.i_mapping;
	const info = SHMEM_I(inode);
	const charge_mm = vma ? vma.vm_mm : null;
	let folio: struct_folio | null = null;
	let error: number;

	VM_BUG_ON(foliop.v === null || !xa_is_value(foliop.v));
	const swap = radix_to_swp_entry(foliop.v);
	foliop.v = null;

	if (is_swapin_error_entry(swap))
		return -EIO;

	unlock: {
		failed: {
			/* cached still, or to be read */
			let page = lookup_swap_cache(swap, null, 0);
			if (!page) {
				if (fault_type) {
					fault_type.v |= VM_FAULT_MAJOR;
					count_vm_event(PGMAJFAULT);
					count_memcg_event_mm(charge_mm, PGMAJFAULT);
				}
				page = shmem_swapin(swap, gfp, info, index);
				if (!page) {
					error = -ENOMEM;
					break failed;
				}
			}
			folio = page_folio(page);

			folio_lock(folio);
			if (!folio_test_swapcache(folio) ||
			    folio_swap_entry(folio) !== swap ||
			    !shmem_confirm_swap(mapping, index, swap)) {
				error = -EEXIST;
				break unlock;
			}
			if (!folio_test_uptodate(folio)) {
				error = -EIO;
				break failed;
			}
			folio_wait_writeback(folio);

			if (shmem_should_replace_folio(folio, gfp)) {
				const pagep = new ref(page);
				error = shmem_replace_page(pagep, gfp, info, index);
				folio = page_folio(pagep.v);
				if (error)
					break failed;
			}

			error = shmem_add_to_page_cache(folio, mapping, index,
				swp_to_radix_entry(swap) as xa_item, gfp, charge_mm);
			if (error)
				break failed;

			spin_lock_irq(info.lock);
			info.swapped--;
			shmem_recalc_inode(inode);
			spin_unlock_irq(info.lock);

			if (sgp === SGP_WRITE)
				folio_mark_accessed(folio);

			delete_from_swap_cache(folio);
			folio_mark_dirty(folio);
			swap_free(swap);

			foliop.v = folio;
			return 0;
		}
		if (!shmem_confirm_swap(mapping, index, swap))
			error = -EEXIST;
		if (error === -EIO)
			shmem_set_folio_swapin_error(inode, index, folio!, swap);
	}
	if (folio) {
		folio_unlock(folio);
		folio_put(folio);
	}

	return error;
}

/*
 * mm/shmem.c:shmem_getpage_gfp(). Finds the page in the cache, brings it back from swap, or
 * allocates it (then it is not dirty: that is the caller's). @vma, @vmf and @fault_type are given
 * by shmem_fault() only.
 */
function shmem_getpage_gfp(inode: struct_inode, index: pgoff_t, pagep: ref<struct_page | null>,
	sgp: sgp_type, gfp: gfp_t, vma: struct_vm_area_struct | null, _vmf: struct_vm_fault | null,
	fault_type: ref<vm_fault_t> | null): number {
	const mapping = inode.i_mapping;
	const info = SHMEM_I(inode);
	let folio: struct_folio | null | err_ptr;
	let hindex: number = index;
	let error: number;
	let once = 0;
	let alloced = false;

	if (beyond_max_lfs(index))
		return -EFBIG;
	for (;;) {
		/* repeat */
		if (sgp <= SGP_CACHE && index >= inode.i_size_pages)
			return -EINVAL;

		const sbinfo = SHMEM_SB(inode.i_sb!);
		const charge_mm = vma !== null ? vma.vm_mm : null;

		folio = __filemap_get_folio(mapping, index, FGP_ENTRY | FGP_LOCK, 0);

		if (xa_is_value(folio)) {
			const foliop = new ref<struct_folio | null>(folio);
			error = shmem_swapin_folio(inode, index, foliop, sgp, gfp, vma, fault_type);
			if (error === -EEXIST)
				continue;

			pagep.v = foliop.v;
			return error;
		}

		unlock: {
			if (folio !== null) {
				hindex = folio.index;
				if (sgp === SGP_WRITE)
					folio_mark_accessed(folio);
				if (folio_test_uptodate(folio)) {
					pagep.v = folio_page(folio, index - hindex);
					return 0;
				}
				/* a page of fallocate: a hole to readers */
				if (sgp === SGP_READ) {
					folio_unlock(folio);
					folio_put(folio);
					folio = null;
				}
			}

			if (folio === null) {
				/* a hole: null, and an error unless the caller reads */
				pagep.v = null;
				if (sgp === SGP_READ)
					return 0;
				if (sgp === SGP_NOALLOC)
					return -ENOENT;

				let huge = shmem_is_huge(vma, inode, index);
				alloc_nohuge: for (;; huge = false) {
					if (huge) {
						const huge_gfp = limit_gfp_mask(
							vma_thp_gfp_mask(vma), gfp);
						folio = shmem_alloc_and_acct_folio(huge_gfp, inode,
							index, true);
					}
					if (!huge || IS_ERR(folio))
						folio = shmem_alloc_and_acct_folio(gfp, inode,
							index, false);
					if (IS_ERR(folio)) {
						let retry = 5;

						error = PTR_ERR(folio);
						folio = null;
						if (error !== -ENOSPC)
							break unlock;
						/* split a huge page beyond some file's end */
						while (retry--) {
							const ret = shmem_unused_huge_shrink(
								sbinfo, null, 1);
							if (ret === SHRINK_STOP)
								break;
							if (ret)
								continue alloc_nohuge;
						}
						break unlock;
					}

					const nr = folio_nr_pages(folio!);
					hindex = index - (index & (nr - 1));

					if (sgp === SGP_WRITE)
						__folio_set_referenced(folio!);

					error = shmem_add_to_page_cache(folio!, mapping,
						to_pgoff(hindex), null, gfp & GFP_RECLAIM_MASK,
						charge_mm);
					if (error === 0)
						break;

					/* unacct */
					shmem_inode_unacct_blocks(inode, nr);

					if (folio_test_large(folio!)) {
						folio_unlock(folio!);
						folio_put(folio!);
						continue;
					}
					break unlock;
				}
				folio_add_lru(folio!);

				spin_lock_irq(info.lock);
				info.alloced += folio_nr_pages(folio!);
				inode.i_blocks += BLOCKS_PER_PAGE << folio_order(folio!);
				shmem_recalc_inode(inode);
				spin_unlock_irq(info.lock);
				alloced = true;

				if (folio_test_pmd_mappable(folio!) &&
				    inode.i_size_pages < hindex + HPAGE_PMD_NR - 1) {
					/* part of it is beyond i_size: may be split */
					spin_lock(sbinfo.shrinklist_lock);
					if (list_empty_careful(info.shrinklist)) {
						list_add_tail(info.shrinklist, sbinfo.shrinklist);
						sbinfo.shrinklist_len++;
					}
					spin_unlock(sbinfo.shrinklist_lock);
				}

				/* a new page need not be cleared for fallocate either */
				if (sgp === SGP_FALLOC)
					sgp = SGP_WRITE;
			}

			/*
			 * A writer clears what it does not fill; but a page of an earlier fallocate
			 * must be made uptodate, or undoing this one would take it away.
			 */
			if (sgp !== SGP_WRITE && !folio_test_uptodate(folio!)) {
				const n = folio_nr_pages(folio!);

				for (let i = 0; i < n; i++)
					clear_highpage(folio_page(folio!, i));
				flush_dcache_folio(folio!);
				folio_mark_uptodate(folio!);
			}

			/* truncated since we looked? */
			if (sgp <= SGP_CACHE && index >= inode.i_size_pages) {
				if (alloced) {
					folio_clear_dirty(folio!);
					filemap_remove_folio(folio!);
					spin_lock_irq(info.lock);
					shmem_recalc_inode(inode);
					spin_unlock_irq(info.lock);
				}
				error = -EINVAL;
				break unlock;
			}
			pagep.v = folio_page(folio!, index - hindex);
			return 0;
		}

		/* unlock */
		if (folio) {
			folio_unlock(folio);
			folio_put(folio);
		}
		if (error === -ENOSPC && !once++) {
			spin_lock_irq(info.lock);
			shmem_recalc_inode(inode);
			spin_unlock_irq(info.lock);
			continue;
		}
		if (error === -EEXIST)
			continue;
		return error;
	}
}

/** mm/shmem.c:synchronous_wake_function(). Leaves the queue even if somebody else woke it. */
function synchronous_wake_function(wait: wait_queue_entry_t, mode: number, sync: number,
	key: unknown): number {
	const ret = default_wake_function(wait, mode, sync, key);
	list_del_init(wait.entry);
	return ret;
}

/** mm/shmem.c:shmem_fault() */
function shmem_fault(vmf: struct_vm_fault): vm_fault_t {
	const vma = vmf.vma;
	const inode = file_inode(vma.vm_file!);
	const gfp = mapping_gfp_mask(inode.i_mapping);

	/*
	 * Faults keep out of a hole while it is punched: each page they bring in would need an
	 * unmap_mapping_range() of its own, and the punch might never end, with i_rwsem held.
	 */
	if (unlikely(inode.i_private !== null)) {
		spin_lock(inode.i_lock);
		const shmem_falloc = inode.i_private as struct_shmem_falloc | null;
		if (shmem_falloc &&
		    shmem_falloc.waitq &&
		    vmf.pgoff >= shmem_falloc.start &&
		    vmf.pgoff < shmem_falloc.next) {
			const shmem_fault_wait = new wait_queue_entry_t();
			let ret = VM_FAULT_NOPAGE;

			shmem_fault_wait.private_ = current;
			shmem_fault_wait.func = synchronous_wake_function;
			const fpin = maybe_unlock_mmap_for_io(vmf, null);
			if (fpin)
				ret = VM_FAULT_RETRY;

			const shmem_falloc_waitq = shmem_falloc.waitq;
			prepare_to_wait(shmem_falloc_waitq, shmem_fault_wait, TASK_UNINTERRUPTIBLE);
			spin_unlock(inode.i_lock);
			schedule();

			/* the queue was on the puncher's stack: do not race with its end */
			spin_lock(inode.i_lock);
			finish_wait(shmem_falloc_waitq, shmem_fault_wait);
			spin_unlock(inode.i_lock);

			if (fpin)
				fput(fpin);
			return ret;
		}
		spin_unlock(inode.i_lock);
	}

	const page = new ref<struct_page | null>(null);
	const ret = new ref<vm_fault_t>(VM_FAULT_LOCKED);
	const err = shmem_getpage_gfp(inode, index_word(vmf.pgoff), page, SGP_CACHE, gfp, vma,
		vmf, ret);
	vmf.page = page.v;
	if (err !== 0)
		return vmf_error(err);
	return ret.v;
}

/** mm/shmem.c:shmem_get_unmapped_area(). Aligns for huge mappings where that can pay. */
export function shmem_get_unmapped_area(file: struct_file | null, uaddr: unsigned_long,
	len: unsigned_long, pgoff: pgoff_t, flags: number): unsigned_long {
	if (len > TASK_SIZE)
		return -ENOMEM;

	const get_area = current.mm!.get_unmapped_area!;
	const addr = get_area(file, uaddr, len, pgoff, flags);

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return addr;
	if (IS_ERR_VALUE(addr))
		return addr;
	if (addr & (PAGE_SIZE - 1))
		return addr;
	if (addr > TASK_SIZE - len)
		return addr;

	if (shmem_huge === SHMEM_HUGE_DENY)
		return addr;
	if (len < HPAGE_PMD_SIZE)
		return addr;
	if (flags & MAP_FIXED)
		return addr;
	/* a hint that was honoured is respected */
	if (uaddr === addr)
		return addr;

	if (shmem_huge !== SHMEM_HUGE_FORCE) {
		let sb: struct_super_block;

		if (file) {
			VM_BUG_ON(file.f_op !== shmem_file_operations);
			sb = file_inode(file).i_sb!;
		} else {
			/* shared anonymous memory, or /dev/zero */
			if (IS_ERR(shm_mnt))
				return addr;
			sb = shm_mnt!.mnt_sb!;
		}
		if (SHMEM_SB(sb).huge === SHMEM_HUGE_NEVER)
			return addr;
	}

	const offset = (pgoff & (HPAGE_PMD_NR - 1)) * PAGE_SIZE;
	if (offset && offset + len < 2 * HPAGE_PMD_SIZE)
		return addr;
	if ((addr & (HPAGE_PMD_SIZE - 1)) === offset)
		return addr;

	const inflated_len = len + HPAGE_PMD_SIZE - PAGE_SIZE;
	if (inflated_len > TASK_SIZE)
		return addr;

	let inflated_addr = get_area(null, uaddr, inflated_len, to_pgoff(0), flags);
	if (IS_ERR_VALUE(inflated_addr))
		return addr;
	if (inflated_addr & (PAGE_SIZE - 1))
		return addr;

	const inflated_offset = inflated_addr & (HPAGE_PMD_SIZE - 1);
	inflated_addr += offset - inflated_offset;
	if (inflated_offset > offset)
		inflated_addr += HPAGE_PMD_SIZE;

	if (inflated_addr > TASK_SIZE - len)
		return addr;
	return inflated_addr;
}

/** mm/shmem.c:shmem_lock(). For SHM_LOCK; the caller serialises. */
export function shmem_lock(file: struct_file, lock: number, ucounts: object | null):
	number {
	const inode = file_inode(file);
	const info = SHMEM_I(inode);
	let retval = -ENOMEM;

	out_nomem: {
		if (lock && !(info.flags & VM_LOCKED)) {
			if (!user_shm_lock(Number(inode.i_size)))
				break out_nomem;
			info.flags |= VM_LOCKED;
			mapping_set_unevictable(file.f_mapping!);
		}
		if (!lock && (info.flags & VM_LOCKED) && ucounts) {
			user_shm_unlock(Number(inode.i_size));
			info.flags &= ~VM_LOCKED;
			mapping_clear_unevictable(file.f_mapping!);
		}
		retval = 0;
	}
	return retval;
}

/** mm/shmem.c:shmem_mmap() */
function shmem_mmap(file: struct_file, vma: struct_vm_area_struct): number {
	const info = SHMEM_I(file_inode(file));

	const ret = seal_check_future_write(info.seals, vma);
	if (ret)
		return ret;

	file_accessed(file);
	vma.vm_ops = shmem_vm_ops;
	return 0;
}

/** mm/shmem.c:shmem_get_inode() */
function shmem_get_inode(sb: struct_super_block, dir: struct_inode | null, mode: number,
	dev: number, flags: number): struct_inode | null {
	const ino = new ref(0);

	if (shmem_reserve_inode(sb, ino))
		return null;

	const inode = new_inode(sb);
	if (inode) {
		inode.i_ino = ino.v;
		inode_init_owner(init_user_ns, inode, dir, mode);
		inode.i_blocks = 0;
		inode.i_atime = inode.i_mtime = inode.i_ctime = current_time(inode);
		const info = SHMEM_I(inode);
		info.alloced = info.swapped = 0;
		info.fallocend = to_pgoff(0);
		spin_lock_init(info.lock, "&info->lock");
		atomic_set(info.stop_eviction, 0);
		info.seals = F_SEAL_SEAL;
		info.flags = flags & VM_NORESERVE;
		info.i_crtime = inode.i_mtime;
		info.fsflags = 0;
		INIT_LIST_HEAD(info.shrinklist);
		INIT_LIST_HEAD(info.swaplist);
		mapping_set_large_folios(inode.i_mapping);

		switch (mode & S_IFMT) {
		default:
			inode.i_op = shmem_special_inode_operations;
			init_special_inode(inode, mode, dev);
			break;
		case S_IFREG:
			inode.i_mapping.a_ops = shmem_aops;
			inode.i_op = shmem_inode_operations;
			inode.i_fop = shmem_file_operations;
			break;
		case S_IFDIR:
			inc_nlink(inode);
			/* some things misbehave if a directory has size 0 */
			i_size_write(inode, BigInt(2 * BOGO_DIRENT_SIZE));
			inode.i_op = shmem_dir_inode_operations;
			inode.i_fop = simple_dir_operations;
			break;
		}
	} else {
		shmem_free_inode(sb);
	}
	return inode;
}

/** mm/shmem.c:shmem_write_begin(). i_rwsem is held. */
function shmem_write_begin(_file: struct_file | null, mapping: struct_address_space, pos: loff_t,
	len: number, pagep: ref<struct_page | null>, _fsdata: ref<unknown>): number {
	const inode = mapping.host!;
	const info = SHMEM_I(inode);
	const index = loff_to_pgoff(pos);

	if (unlikely((info.seals & (F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0)) {
		if (info.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			return -EPERM;
		if ((info.seals & F_SEAL_GROW) && pos + BigInt(len) > inode.i_size)
			return -EPERM;
	}

	const ret = shmem_getpage(inode, index, pagep, SGP_WRITE);

	if (ret)
		return ret;

	if (PageHWPoison(pagep.v!)) {
		unlock_page(pagep.v!);
		put_page(pagep.v!);
		pagep.v = null;
		return -EIO;
	}

	return 0;
}

/** mm/shmem.c:shmem_write_end() */
function shmem_write_end(_file: struct_file | null, mapping: struct_address_space, pos: loff_t,
	_len: number, copied: number, page: struct_page, _fsdata: unknown): number {
	const inode = mapping.host!;

	const end = pos + BigInt(copied);
	if (end > inode.i_size)
		i_size_write(inode, end);

	if (!PageUptodate(page)) {
		const head = compound_head(page);
		if (PageTransCompound(page)) {
			for (let i = 0; i < HPAGE_PMD_NR; i++) {
				const subpage = folio_page(head as struct_folio, i);
				if (subpage === page)
					continue;
				clear_highpage(subpage);
				flush_dcache_page(subpage);
			}
		}
		if (copied < PAGE_SIZE) {
			const from = Number(pos & 0xfffn);
			zero_user_segments(page, 0, from, from + copied, PAGE_SIZE);
		}
		SetPageUptodate(head);
	}
	set_page_dirty(page);
	unlock_page(page);
	put_page(page);

	return copied;
}

/** mm/shmem.c:shmem_file_read_iter() */
function shmem_file_read_iter(iocb: struct_kiocb, to: struct_iov_iter): number {
	const file = iocb.ki_filp;
	const inode = file_inode(file);
	const mapping = inode.i_mapping;
	const pagep = new ref<struct_page | null>(null);
	let error = 0;
	let retval = 0;

	let index: number = loff_to_pgoff(iocb.ki_pos);
	let offset = Number(iocb.ki_pos & 0xfffn);

	for (;;) {
		let i_size = i_size_read(inode);

		pagep.v = null;
		let end_index = loff_to_pgoff(i_size);
		if (index > end_index)
			break;
		if (index === end_index) {
			const nr = Number(i_size & 0xfffn);
			if (nr <= offset)
				break;
		}

		error = shmem_getpage(inode, to_pgoff(index), pagep, SGP_READ);
		if (error) {
			if (error === -EINVAL)
				error = 0;
			break;
		}
		const page = pagep.v as struct_page | null;
		if (page) {
			unlock_page(page);

			if (PageHWPoison(page)) {
				put_page(page);
				error = -EIO;
				break;
			}
		}

		/* after that: readers do not hold i_rwsem against truncation */
		let nr = PAGE_SIZE;
		i_size = i_size_read(inode);
		end_index = loff_to_pgoff(i_size);
		if (index === end_index) {
			nr = Number(i_size & 0xfffn);
			if (nr <= offset) {
				if (page)
					put_page(page);
				break;
			}
		}
		nr -= offset;

		let ret: number;
		if (page) {
			if (mapping_writably_mapped(mapping))
				flush_dcache_page(page);
			/* accessed, if read from its beginning */
			if (!offset)
				mark_page_accessed(page);
			ret = copy_page_to_iter(page, offset, nr, to);
			put_page(page);
		} else if (user_backed_iter(to)) {
			ret = copy_page_to_iter(ZERO_PAGE(0), offset, nr, to);
		} else {
			/* pipes get zeroes of their own: one page must not follow itself */
			ret = iov_iter_zero(nr, to);
		}

		retval += ret;
		offset += ret;
		index += offset >> 12;
		offset &= PAGE_SIZE - 1;

		if (!iov_iter_count(to))
			break;
		if (ret < nr) {
			error = -EFAULT;
			break;
		}
		cond_resched();
	}

	iocb.ki_pos = pgoff_to_loff(to_pgoff(index)) + BigInt(offset);
	file_accessed(file);
	return retval ? retval : error;
}

/** mm/shmem.c:shmem_file_llseek() */
function shmem_file_llseek(file: struct_file, offset: loff_t, whence: number): loff_t {
	const mapping = file.f_mapping!;
	const inode = mapping.host!;

	if (whence !== SEEK_DATA && whence !== SEEK_HOLE)
		return generic_file_llseek_size(file, offset, whence, MAX_LFS_FILESIZE,
			i_size_read(inode));
	if (offset < 0n)
		return BigInt(-ENXIO);

	inode_lock(inode);
	/* with i_rwsem held, i_size may be read directly */
	offset = mapping_seek_hole_data(mapping, offset, inode.i_size, whence);
	if (offset >= 0n)
		offset = vfs_setpos(file, offset, MAX_LFS_FILESIZE);
	inode_unlock(inode);
	return offset;
}

/** mm/shmem.c:shmem_fallocate() */
function shmem_fallocate(file: struct_file, mode: number, offset: loff_t, len: loff_t): number {
	const inode = file_inode(file);
	const sbinfo = SHMEM_SB(inode.i_sb!);
	const info = SHMEM_I(inode);
	const shmem_falloc = new struct_shmem_falloc();
	let error: number;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;

	inode_lock(inode);

	out: {
		if (mode & FALLOC_FL_PUNCH_HOLE) {
			const mapping = file.f_mapping!;
			const unmap_start = loff_page_align(offset);
			const unmap_end = ((offset + len) & ~0xfffn) - 1n;
			const shmem_falloc_waitq = new wait_queue_head_t();
			init_waitqueue_head(shmem_falloc_waitq);

			/* protected by i_rwsem */
			if (info.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
				error = -EPERM;
				break out;
			}

			shmem_falloc.waitq = shmem_falloc_waitq;
			shmem_falloc.start = to_pgoff(Number(u64(unmap_start) >> 12n));
			shmem_falloc.next = loff_to_pgoff(unmap_end + 1n);
			spin_lock(inode.i_lock);
			inode.i_private = shmem_falloc;
			spin_unlock(inode.i_lock);

			if (u64(unmap_end) > u64(unmap_start))
				unmap_mapping_range(mapping, unmap_start,
					1n + unmap_end - unmap_start, 0);
			shmem_truncate_range(inode, offset, offset + len - 1n);
			/* not again: a punched hole leaves private copies */

			spin_lock(inode.i_lock);
			inode.i_private = null;
			wake_up_all(shmem_falloc_waitq);
			WARN_ON_ONCE(!list_empty(shmem_falloc_waitq.head));
			spin_unlock(inode.i_lock);
			error = 0;
			break out;
		}

		/* the limits count with FALLOC_FL_KEEP_SIZE too */
		error = inode_newsize_ok(inode, offset + len);
		if (error)
			break out;

		if ((info.seals & F_SEAL_GROW) && offset + len > inode.i_size) {
			error = -EPERM;
			break out;
		}

		const start = loff_to_pgoff(offset);
		/* PAGE_SIZE is unsigned: the sum of the largest file does not turn negative */
		const end = to_pgoff(Number((offset + len + 0xfffn) >> 12n));
		/* no use in trying what cannot succeed */
		if (sbinfo.max_blocks && end - start > sbinfo.max_blocks) {
			error = -ENOSPC;
			break out;
		}

		shmem_falloc.waitq = null;
		shmem_falloc.start = start;
		shmem_falloc.next = start;
		shmem_falloc.nr_falloced = 0;
		shmem_falloc.nr_unswapped = 0;
		spin_lock(inode.i_lock);
		inode.i_private = shmem_falloc;
		spin_unlock(inode.i_lock);

		/* split_huge_page() must not free what FALLOC_FL_KEEP_SIZE put beyond i_size */
		const undo_fallocend = info.fallocend;
		if (info.fallocend < end)
			info.fallocend = end;

		undone: {
			const pagep = new ref<struct_page | null>(null);

			for (let index: number = start; index < end; ) {
				/* we may be interrupted for using too much memory */
				if (signal_pending(current))
					error = -EINTR;
				else if (shmem_falloc.nr_unswapped > shmem_falloc.nr_falloced)
					error = -ENOMEM;
				else
					error = shmem_getpage(inode, to_pgoff(index), pagep,
						SGP_FALLOC);
				if (error !== 0) {
					info.fallocend = undo_fallocend;
					/* remove what we added: the pages that are not uptodate */
					if (index > start) {
						shmem_undo_range(inode, pgoff_to_loff(start),
							pgoff_to_loff(to_pgoff(index)) - 1n, true);
					}
					break undone;
				}
				const page = pagep.v!;

				index++;
				/* SGP_FALLOC again on the same huge page would make it uptodate */
				if (PageTransCompound(page))
					index = round_up(index, HPAGE_PMD_NR);

				/* tell shmem_writepage() how far we are; the page lock suffices */
				if (!PageUptodate(page))
					shmem_falloc.nr_falloced += index - shmem_falloc.next;
				shmem_falloc.next = to_pgoff(index);

				/*
				 * Not uptodate, so that it can be told apart if it has to be
				 * undone; but dirty, so that reclaim does not free it.
				 */
				set_page_dirty(page);
				unlock_page(page);
				put_page(page);
				cond_resched();
			}

			if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + len > inode.i_size)
				i_size_write(inode, offset + len);
		}
		spin_lock(inode.i_lock);
		inode.i_private = null;
		spin_unlock(inode.i_lock);
	}
	if (!error)
		file_modified(file);
	inode_unlock(inode);
	return error;
}

/** mm/shmem.c:shmem_statfs() */
function shmem_statfs(dentry: struct_dentry, buf_: unknown): number {
	const buf = buf_ as struct_kstatfs;
	const sbinfo = SHMEM_SB(dentry.d_sb!);

	buf.f_type = TMPFS_MAGIC;
	buf.f_bsize = PAGE_SIZE;
	buf.f_namelen = NAME_MAX;
	if (sbinfo.max_blocks) {
		buf.f_blocks = sbinfo.max_blocks;
		buf.f_bavail = buf.f_bfree =
			sbinfo.max_blocks - percpu_counter_sum(sbinfo.used_blocks);
	}
	if (sbinfo.max_inodes) {
		buf.f_files = sbinfo.max_inodes;
		buf.f_ffree = sbinfo.free_inodes;
	}

	return 0;
}

/** mm/shmem.c:shmem_tmpfile() */
function shmem_tmpfile(_mnt_userns: struct_user_namespace, dir: struct_inode,
	dentry: struct_dentry, mode: number): number {
	let error = -ENOSPC;

	const inode = shmem_get_inode(dir.i_sb!, dir, mode, 0, VM_NORESERVE);
	if (inode) {
		error = 0;
		d_tmpfile(dentry, inode);
	}
	return error;
}

/* enum shmem_param */
const Opt_gid		= 0;
const Opt_huge		= 1;
const Opt_mode		= 2;
const Opt_mpol		= 3;
const Opt_nr_blocks	= 4;
const Opt_nr_inodes	= 5;
const Opt_size		= 6;
const Opt_uid		= 7;
const Opt_inode32	= 8;
const Opt_inode64	= 9;

const shmem_param_enums_huge: readonly constant_table[] = [
	{ name: "never",	value: SHMEM_HUGE_NEVER },
	{ name: "always",	value: SHMEM_HUGE_ALWAYS },
	{ name: "within_size",	value: SHMEM_HUGE_WITHIN_SIZE },
	{ name: "advise",	value: SHMEM_HUGE_ADVISE },
];

export const shmem_fs_parameters: readonly fs_parameter_spec[] = [
	fsparam_u32("gid",		Opt_gid),
	fsparam_enum("huge",		Opt_huge, shmem_param_enums_huge),
	fsparam_u32oct("mode",		Opt_mode),
	fsparam_string("mpol",		Opt_mpol),
	fsparam_string("nr_blocks",	Opt_nr_blocks),
	fsparam_string("nr_inodes",	Opt_nr_inodes),
	fsparam_string("size",		Opt_size),
	fsparam_u32("uid",		Opt_uid),
	fsparam_flag("inode32",		Opt_inode32),
	fsparam_flag("inode64",		Opt_inode64),
];

/** mm/shmem.c:shmem_parse_one() */
function shmem_parse_one(fc: struct_fs_context, param: struct_fs_parameter): number {
	const ctx = fc.fs_private as struct_shmem_options;
	const result: fs_parse_result = { negated: false, boolean: false, int_32: 0, uint_32: 0,
		uint_64: 0n };
	const rest = new ref("");

	const opt = fs_parse(fc, shmem_fs_parameters, param, result);
	if (opt < 0)
		return opt;

	unsupported_parameter: {
		bad_value: {
			switch (opt) {
			case Opt_size: {
				let size = memparse(param.string!, rest);
				if (rest.v.startsWith("%")) {
					size = size * PAGE_SIZE * totalram_pages();
					size = Math.floor(size / 100);
					rest.v = rest.v.slice(1);
				}
				if (rest.v)
					break bad_value;
				ctx.blocks = Math.ceil(size / PAGE_SIZE);
				ctx.seen |= SHMEM_SEEN_BLOCKS;
				break;
			}
			case Opt_nr_blocks: {
				const blocks = memparse(param.string!, rest);
				if (rest.v || blocks >= 2 ** 63)
					break bad_value;
				ctx.blocks = blocks;
				ctx.seen |= SHMEM_SEEN_BLOCKS;
				break;
			}
			case Opt_nr_inodes:
				ctx.inodes = memparse(param.string!, rest);
				if (rest.v)
					break bad_value;
				ctx.seen |= SHMEM_SEEN_INODES;
				break;
			case Opt_mode:
				ctx.mode = result.uint_32 & 0o7777;
				break;
			case Opt_uid:
				ctx.uid = result.uint_32;
				if (ctx.uid === U32_MAX)
					break bad_value;
				break;
			case Opt_gid:
				ctx.gid = result.uint_32;
				if (ctx.gid === U32_MAX)
					break bad_value;
				break;
			case Opt_huge:
				ctx.huge = result.uint_32;
				if (ctx.huge !== SHMEM_HUGE_NEVER &&
				    !(IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) &&
				      has_transparent_hugepage()))
					break unsupported_parameter;
				ctx.seen |= SHMEM_SEEN_HUGE;
				break;
			case Opt_mpol:
				/* no NUMA */
				break unsupported_parameter;
			case Opt_inode32:
				ctx.full_inums = false;
				ctx.seen |= SHMEM_SEEN_INUMS;
				break;
			case Opt_inode64:
				ctx.full_inums = true;
				ctx.seen |= SHMEM_SEEN_INUMS;
				break;
			}
			return 0;
		}
		return invalfc(fc, `Bad value for '${param.key}'`);
	}
	return invalfc(fc, `Unsupported parameter '${param.key}'`);
}

/** mm/shmem.c:shmem_parse_options(). Comma-separated, as mount(2) takes them. */
function shmem_parse_options(fc: struct_fs_context, data: unknown): number {
	/* a comma before a digit belongs to the nodes of mpol= */
	for (const this_char of ((data as string | null) ?? "").split(/,(?![0-9])/)) {
		if (this_char) {
			const at = this_char.indexOf("=");
			const err = vfs_parse_fs_string(fc,
				at < 0 ? this_char : this_char.slice(0, at),
				at < 0 ? null : this_char.slice(at + 1));
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/*
 * mm/shmem.c:shmem_reconfigure(). A limit may not be lifted or set while in use: without a limit
 * nobody counts.
 */
function shmem_reconfigure(fc: struct_fs_context): number {
	const ctx = fc.fs_private as struct_shmem_options;
	const sbinfo = SHMEM_SB(fc.root!.d_sb!);
	let err: string;

	raw_spin_lock(sbinfo.stat_lock);
	const inodes = sbinfo.max_inodes - sbinfo.free_inodes;

	out: {
		if ((ctx.seen & SHMEM_SEEN_BLOCKS) && ctx.blocks) {
			if (!sbinfo.max_blocks) {
				err = "Cannot retroactively limit size";
				break out;
			}
			if (percpu_counter_compare(sbinfo.used_blocks, ctx.blocks) > 0) {
				err = "Too small a size for current use";
				break out;
			}
		}
		if ((ctx.seen & SHMEM_SEEN_INODES) && ctx.inodes) {
			if (!sbinfo.max_inodes) {
				err = "Cannot retroactively limit inodes";
				break out;
			}
			if (ctx.inodes < inodes) {
				err = "Too few inodes for current use";
				break out;
			}
		}

		if ((ctx.seen & SHMEM_SEEN_INUMS) && !ctx.full_inums && sbinfo.next_ino > U32_MAX) {
			err = "Current inum too high to switch to 32-bit inums";
			break out;
		}

		if (ctx.seen & SHMEM_SEEN_HUGE)
			sbinfo.huge = ctx.huge;
		if (ctx.seen & SHMEM_SEEN_INUMS)
			sbinfo.full_inums = ctx.full_inums;
		if (ctx.seen & SHMEM_SEEN_BLOCKS)
			sbinfo.max_blocks = ctx.blocks;
		if (ctx.seen & SHMEM_SEEN_INODES) {
			sbinfo.max_inodes = ctx.inodes;
			sbinfo.free_inodes = ctx.inodes - inodes;
		}

		raw_spin_unlock(sbinfo.stat_lock);
		return 0;
	}
	raw_spin_unlock(sbinfo.stat_lock);
	return invalfc(fc, err);
}

/** mm/shmem.c:shmem_show_options(). C prints into a seq_file. */
export function shmem_show_options(root: struct_dentry): string {
	const sbinfo = SHMEM_SB(root.d_sb!);
	let seq = "";

	if (sbinfo.max_blocks !== shmem_default_max_blocks())
		seq += `,size=${sbinfo.max_blocks * (PAGE_SIZE >> 10)}k`;
	if (sbinfo.max_inodes !== shmem_default_max_inodes())
		seq += `,nr_inodes=${sbinfo.max_inodes}`;
	if (sbinfo.mode !== (0o777 | S_ISVTX))
		seq += `,mode=${sbinfo.mode.toString(8).padStart(3, "0")}`;
	if (sbinfo.uid !== 0)
		seq += `,uid=${sbinfo.uid}`;
	if (sbinfo.gid !== 0)
		seq += `,gid=${sbinfo.gid}`;
	if (IS_ENABLED(CONFIG_TMPFS_INODE64) || sbinfo.full_inums)
		seq += `,inode${sbinfo.full_inums ? 64 : 32}`;
	/* of the mount, whatever shmem_huge says */
	if (sbinfo.huge)
		seq += `,huge=${shmem_format_huge(sbinfo.huge)}`;
	return seq;
}

/** mm/shmem.c:shmem_put_super() */
function shmem_put_super(sb: struct_super_block): void {
	const sbinfo = SHMEM_SB(sb);

	kvfree(sbinfo.ino_batch);
	percpu_counter_destroy(sbinfo.used_blocks);
	kfree(sbinfo);
	sb.s_fs_info = null;
}

/** mm/shmem.c:shmem_fill_super() */
function shmem_fill_super(sb: struct_super_block, fc: struct_fs_context): number {
	const ctx = fc.fs_private as struct_shmem_options;

	const sbinfo = kzalloc(struct_shmem_sb_info, GFP_KERNEL);
	if (!sbinfo)
		return -ENOMEM;

	sb.s_fs_info = sbinfo;

	/* a mount may take half of memory; the kernel's own has no limits */
	if (!(sb.s_flags & SB_KERNMOUNT)) {
		if (!(ctx.seen & SHMEM_SEEN_BLOCKS))
			ctx.blocks = shmem_default_max_blocks();
		if (!(ctx.seen & SHMEM_SEEN_INODES))
			ctx.inodes = shmem_default_max_inodes();
		if (!(ctx.seen & SHMEM_SEEN_INUMS))
			ctx.full_inums = IS_ENABLED(CONFIG_TMPFS_INODE64);
	} else {
		sb.s_flags |= SB_NOUSER;
	}
	sb.s_flags |= SB_NOSEC;

	failed: {
		sbinfo.max_blocks = ctx.blocks;
		sbinfo.free_inodes = sbinfo.max_inodes = ctx.inodes;
		if (sb.s_flags & SB_KERNMOUNT) {
			sbinfo.ino_batch = kvcalloc(nr_cpu_ids, () => new ref(0), GFP_KERNEL);
			if (!sbinfo.ino_batch)
				break failed;
		}
		sbinfo.uid = ctx.uid;
		sbinfo.gid = ctx.gid;
		sbinfo.full_inums = ctx.full_inums;
		sbinfo.mode = ctx.mode;
		sbinfo.huge = ctx.huge;

		raw_spin_lock_init(sbinfo.stat_lock, "&sbinfo->stat_lock");
		if (percpu_counter_init(sbinfo.used_blocks, 0, GFP_KERNEL))
			break failed;
		spin_lock_init(sbinfo.shrinklist_lock, "&sbinfo->shrinklist_lock");
		INIT_LIST_HEAD(sbinfo.shrinklist);

		sb.s_maxbytes = MAX_LFS_FILESIZE;
		sb.s_blocksize = PAGE_SIZE;
		sb.s_blocksize_bits = 12;
		sb.s_magic = TMPFS_MAGIC;
		sb.s_op = shmem_ops;
		sb.s_time_gran = 1;

		const inode = shmem_get_inode(sb, null, S_IFDIR | sbinfo.mode, 0, VM_NORESERVE);
		if (!inode)
			break failed;
		inode.i_uid = sbinfo.uid;
		inode.i_gid = sbinfo.gid;
		sb.s_root = d_make_root(inode);
		if (!sb.s_root)
			break failed;
		return 0;
	}
	shmem_put_super(sb);
	return -ENOMEM;
}

/** mm/shmem.c:shmem_get_tree() */
function shmem_get_tree(fc: struct_fs_context): number {
	return get_tree_nodev(fc, shmem_fill_super);
}

/** mm/shmem.c:shmem_free_fc() */
function shmem_free_fc(fc: struct_fs_context): void {
	const ctx = fc.fs_private as struct_shmem_options | null;

	if (ctx)
		kfree(ctx);
}

const shmem_fs_context_ops: struct_fs_context_operations = {
	free:			shmem_free_fc,
	get_tree:		shmem_get_tree,
	parse_monolithic:	shmem_parse_options,
	parse_param:		shmem_parse_one,
	reconfigure:		shmem_reconfigure,
};

let shmem_inode_cachep: struct_kmem_cache<struct_shmem_inode_info>;

/** mm/shmem.c:shmem_alloc_inode() */
function shmem_alloc_inode(sb: struct_super_block): struct_inode | null {
	const info = alloc_inode_sb(sb, shmem_inode_cachep, GFP_KERNEL);
	if (!info)
		return null;
	return info.vfs_inode;
}

/** mm/shmem.c:shmem_free_in_core_inode() */
function shmem_free_in_core_inode(inode: struct_inode): void {
	kmem_cache_free(shmem_inode_cachep, SHMEM_I(inode));
}

/** mm/shmem.c:shmem_init_inode() */
function shmem_init_inode(foo: unknown): void {
	const info = foo as struct_shmem_inode_info;
	inode_init_once(info.vfs_inode);
}

/** mm/shmem.c:shmem_init_inodecache() */
function shmem_init_inodecache(): void {
	shmem_inode_cachep = kmem_cache_create("shmem_inode_cache", struct_shmem_inode_info,
		SLAB_PANIC | SLAB_ACCOUNT, shmem_init_inode)!;
}

/** mm/shmem.c:shmem_destroy_inodecache() */
function shmem_destroy_inodecache(): void {
	kmem_cache_destroy(shmem_inode_cachep);
}

/** mm/shmem.c:shmem_error_remove_page(). The page stays, so that its loss is noticed. */
function shmem_error_remove_page(_mapping: struct_address_space, _page: struct_page): number {
	return 0;
}

export const shmem_aops: struct_address_space_operations = {
	writepage:		shmem_writepage,
	dirty_folio:		noop_dirty_folio,
	write_begin:		shmem_write_begin,
	write_end:		shmem_write_end,
	error_remove_page:	shmem_error_remove_page,
};

const shmem_file_operations: struct_file_operations = {
	mmap:			shmem_mmap,
	get_unmapped_area:	shmem_get_unmapped_area,
	llseek:			shmem_file_llseek,
	read_iter:		shmem_file_read_iter,
	write_iter:		generic_file_write_iter,
	fsync:			noop_fsync,
	splice_read:		generic_file_splice_read,
	splice_write:		iter_file_splice_write,
	fallocate:		shmem_fallocate,
};

const shmem_inode_operations: struct_inode_operations = {
	getattr:	shmem_getattr,
	setattr:	shmem_setattr,
};

const shmem_dir_inode_operations: struct_inode_operations = {
	getattr:	shmem_getattr,
	tmpfile:	shmem_tmpfile,
};

const shmem_special_inode_operations: struct_inode_operations = {
	getattr:	shmem_getattr,
};

const shmem_ops: struct_super_operations = {
	alloc_inode:		shmem_alloc_inode,
	free_inode:		shmem_free_in_core_inode,
	statfs:			shmem_statfs,
	evict_inode:		shmem_evict_inode,
	drop_inode:		generic_delete_inode,
	put_super:		shmem_put_super,
	nr_cached_objects:	shmem_unused_huge_count,
	free_cached_objects:	shmem_unused_huge_scan,
};

const shmem_vm_ops: vm_operations_struct = {
	fault:		shmem_fault,
	map_pages:	filemap_map_pages,
};

/** mm/shmem.c:shmem_init_fs_context() */
export function shmem_init_fs_context(fc: struct_fs_context): number {
	const ctx = kzalloc(struct_shmem_options, GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;

	ctx.mode = 0o777 | S_ISVTX;
	ctx.uid = current_fsuid();
	ctx.gid = current_fsgid();

	fc.fs_private = ctx;
	fc.ops = shmem_fs_context_ops;
	return 0;
}

const shmem_fs_type: struct_file_system_type = {
	name:			"tmpfs",
	init_fs_context:	shmem_init_fs_context,
	kill_sb:		kill_litter_super,
	fs_flags:		FS_USERNS_MOUNT,
};

/** mm/shmem.c:shmem_init(). Called by mnt_init(), before the first initcall. */
export function shmem_init(): void {
	let error: number;

	shmem_init_inodecache();

	out2: {
		out1: {
			error = register_filesystem(shmem_fs_type);
			if (error) {
				pr_err("Could not register tmpfs\n");
				break out2;
			}

			const mnt = shm_mnt = kern_mount(shmem_fs_type);
			if (IS_ERR(mnt)) {
				error = PTR_ERR(mnt);
				pr_err("Could not kern_mount tmpfs\n");
				break out1;
			}

			if (has_transparent_hugepage() && shmem_huge > SHMEM_HUGE_DENY)
				SHMEM_SB(mnt.mnt_sb!).huge = shmem_huge;
			else
				shmem_huge = SHMEM_HUGE_NEVER;
			return;
		}
		unregister_filesystem(shmem_fs_type);
	}
	shmem_destroy_inodecache();
	shm_mnt = ERR_PTR(error);
}

/** mm/shmem.c:shmem_enabled_show() */
export function shmem_enabled_show(): string {
	const values = [
		SHMEM_HUGE_ALWAYS,
		SHMEM_HUGE_WITHIN_SIZE,
		SHMEM_HUGE_ADVISE,
		SHMEM_HUGE_NEVER,
		SHMEM_HUGE_DENY,
		SHMEM_HUGE_FORCE,
	];
	const names = values.map((huge) => shmem_huge === huge ? `[${shmem_format_huge(huge)}]` :
		shmem_format_huge(huge));

	return `${names.join(" ")}\n`;
}

/** mm/shmem.c:shmem_enabled_store(). The length taken, or an error. */
export function shmem_enabled_store(buf: string): number {
	const count = buf.length;

	if (count + 1 > 16)
		return -EINVAL;
	let tmp = buf;
	const nul = tmp.indexOf("\0");
	if (count && tmp.endsWith("\n"))
		tmp = tmp.slice(0, -1);
	if (nul >= 0)
		tmp = tmp.slice(0, nul);

	const huge = shmem_parse_huge(tmp);
	if (huge === -EINVAL)
		return -EINVAL;
	if (!has_transparent_hugepage() && huge !== SHMEM_HUGE_NEVER && huge !== SHMEM_HUGE_DENY)
		return -EINVAL;

	shmem_huge = huge;
	if (shmem_huge > SHMEM_HUGE_DENY)
		SHMEM_SB((shm_mnt as struct_vfsmount).mnt_sb!).huge = shmem_huge;
	return count;
}

/* common code */

/** mm/shmem.c:__shmem_file_setup() */
function __shmem_file_setup(mnt: struct_vfsmount | err_ptr | null, name: string, size: loff_t,
	flags: number, i_flags: number): struct_file | err_ptr {
	if (IS_ERR(mnt))
		return mnt;

	if (size < 0n || size > MAX_LFS_FILESIZE)
		return ERR_PTR(-EINVAL);

	if (shmem_acct_size(flags, size))
		return ERR_PTR(-ENOMEM);

	const inode = shmem_get_inode(mnt!.mnt_sb!, null, S_IFREG | S_IRWXUGO, 0, flags);
	if (unlikely(!inode)) {
		shmem_unacct_size(flags, size);
		return ERR_PTR(-ENOSPC);
	}
	inode!.i_flags |= i_flags;
	i_size_write(inode!, size);
	clear_nlink(inode!);	/* it has no name */
	const res = alloc_file_pseudo(inode!, mnt!, name, O_RDWR, shmem_file_operations);
	if (IS_ERR(res))
		iput(inode!);
	return res;
}

/** mm/shmem.c:shmem_kernel_file_setup(). An unlinked file for the kernel's own use. */
export function shmem_kernel_file_setup(name: string, size: loff_t, flags: number):
	struct_file | err_ptr {
	return __shmem_file_setup(shm_mnt, name, size, flags, S_PRIVATE);
}

/** mm/shmem.c:shmem_file_setup(). Without VM_NORESERVE its size is accounted at once. */
export function shmem_file_setup(name: string, size: loff_t, flags: number):
	struct_file | err_ptr {
	return __shmem_file_setup(shm_mnt, name, size, flags, 0);
}

/** mm/shmem.c:shmem_file_setup_with_mnt() */
export function shmem_file_setup_with_mnt(mnt: struct_vfsmount, name: string, size: loff_t,
	flags: number): struct_file | err_ptr {
	return __shmem_file_setup(mnt, name, size, flags, 0);
}

/** mm/shmem.c:shmem_zero_setup(). The file behind a shared anonymous mapping. */
export function shmem_zero_setup(vma: struct_vm_area_struct): number {
	const size = BigInt(vma.vm_end - vma.vm_start);

	/* reachable through the mapping only */
	const file = shmem_kernel_file_setup("dev/zero", size, vma.vm_flags);
	if (IS_ERR(file))
		return PTR_ERR(file);

	if (vma.vm_file)
		fput(vma.vm_file);
	vma.vm_file = file;
	vma.vm_ops = shmem_vm_ops;

	return 0;
}

/** mm/shmem.c:shmem_read_mapping_page_gfp() */
export function shmem_read_mapping_page_gfp(mapping: struct_address_space, index: pgoff_t,
	gfp: gfp_t): struct_page | err_ptr {
	const inode = mapping.host!;
	const page = new ref<struct_page | null>(null);

	BUG_ON(!shmem_mapping(mapping));
	const error = shmem_getpage_gfp(inode, index, page, SGP_CACHE, gfp, null, null, null);
	if (error)
		return ERR_PTR(error);

	unlock_page(page.v!);
	if (PageHWPoison(page.v!)) {
		put_page(page.v!);
		return ERR_PTR(-EIO);
	}

	return page.v!;
}
