// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing of memfds, and the memfd_create() system call.
 *
 * Upstream: mm/memfd.c. Left out: nothing.
 */
import { IS_ERR, PTR_ERR } from "#asm-generic/err.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { PGOFF_MAX, U32_MAX, type ulong64 } from "#asm-generic/types.ts";
import { CONFIG_HUGETLBFS } from "#generated/autoconf.ts";
import { EBUSY, EFAULT, EINVAL, ENOMEM, EPERM } from "#linux/errno.ts";
import { fd_install, fput, get_unused_fd_flags, put_unused_fd } from "#linux/file.ts";
import { file_inode, inode_lock, inode_unlock, mapping_allow_writable, mapping_deny_writable } from
	"#linux/fs.ts";
import { FMODE_LSEEK, FMODE_PREAD, FMODE_PWRITE, FMODE_WRITE, PAGECACHE_TAG_TOWRITE } from
	"#linux/fs.const.ts";
import type { struct_address_space, struct_file } from "#linux/fs.types.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { HPAGE_PMD_NR } from "#linux/huge_mm.ts";
import { HUGETLBFS_I, HUGETLB_ANONHUGE_INODE, hugetlb_file_setup, is_file_hugepages } from
	"#linux/hugetlb.ts";
import { HZ } from "#linux/jiffies.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { VM_NORESERVE } from "#linux/mm.const.ts";
import { memfd_mkinaccessible } from "#linux/memfd.ts";
import { page_count, total_mapcount } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { PageHuge, PageTransHuge } from "#linux/page-flags.ts";
import { cond_resched, schedule_timeout_killable } from "#linux/sched.ts";
import { SHMEM_I, shmem_file, shmem_file_setup } from "#linux/shmem_fs.ts";
import { kfree, kvzalloc_bytes } from "#linux/slab.ts";
import { lru_add_drain, lru_add_drain_all } from "#linux/swap.ts";
import { copy_from_user, strnlen_user } from "#linux/uaccess.ts";
import { XA_CHECK_SCHED, XA_STATE, type struct_xa_state, xa_is_value, xas_clear_mark, xas_find,
	xas_find_marked, xas_lock_irq, xas_marked, xas_next_entry, xas_next_marked, xas_pause,
	xas_set, xas_set_mark, xas_unlock_irq } from "#linux/xarray.ts";
import { F_ADD_SEALS, F_GET_SEALS, F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK,
	F_SEAL_WRITE, O_CLOEXEC, O_LARGEFILE } from "#uapi/linux/fcntl.ts";
import { NAME_MAX } from "#uapi/linux/limits.ts";
import { MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_HUGETLB, MFD_HUGE_MASK, MFD_HUGE_SHIFT,
	MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";

/* a mark that files in memory have no other use for */
const MEMFD_TAG_PINNED	= PAGECACHE_TAG_TOWRITE;
const LAST_SCAN		= 4;	/* about 150 ms at most */

/** mm/memfd.c:memfd_tag_pins(). Marks pages with more references than mappings explain. */
function memfd_tag_pins(xas: struct_xa_state): void {
	let latency = 0;

	lru_add_drain();

	xas_lock_irq(xas);
	for (let page = xas_find(xas, PGOFF_MAX) as struct_page | null; page !== null;
		page = xas_next_entry(xas, PGOFF_MAX) as struct_page | null) {
		let cache_count = 1;
		if (!xa_is_value(page) && PageTransHuge(page) && !PageHuge(page))
			cache_count = HPAGE_PMD_NR;

		if (!xa_is_value(page) && page_count(page) - total_mapcount(page) !== cache_count)
			xas_set_mark(xas, MEMFD_TAG_PINNED);
		if (cache_count !== 1)
			xas_set(xas, page.index + cache_count);

		latency += cache_count;
		if (latency < XA_CHECK_SCHED)
			continue;
		latency = 0;

		xas_pause(xas);
		xas_unlock_irq(xas);
		cond_resched();
		xas_lock_irq(xas);
	}
	xas_unlock_irq(xas);
}

/*
 * mm/memfd.c:memfd_wait_for_pins(). F_SEAL_WRITE must be sure of no pending writer, and one may
 * have pages by get_user_pages() without any mapping: wait for such references to go. The caller
 * sees to it that no new ones are taken.
 */
function memfd_wait_for_pins(mapping: struct_address_space): number {
	const xas = XA_STATE(mapping.i_pages, 0);

	memfd_tag_pins(xas);

	let error = 0;
	for (let scan = 0; scan <= LAST_SCAN; scan++) {
		let latency = 0;

		if (!xas_marked(xas, MEMFD_TAG_PINNED))
			break;

		if (!scan)
			lru_add_drain_all();
		else if (schedule_timeout_killable(Math.floor((HZ << scan) / 200)))
			scan = LAST_SCAN;

		xas_set(xas, 0);
		xas_lock_irq(xas);
		for (let page = xas_find_marked(xas, PGOFF_MAX, MEMFD_TAG_PINNED) as
			struct_page | null; page !== null;
			page = xas_next_marked(xas, PGOFF_MAX, MEMFD_TAG_PINNED) as
			struct_page | null) {
			let clear = true;

			let cache_count = 1;
			if (!xa_is_value(page) && PageTransHuge(page) && !PageHuge(page))
				cache_count = HPAGE_PMD_NR;

			if (!xa_is_value(page) && cache_count !==
			    page_count(page) - total_mapcount(page)) {
				/* the last scan takes all marks off, but notes what it found */
				if (scan === LAST_SCAN)
					error = -EBUSY;
				else
					clear = false;
			}
			if (clear)
				xas_clear_mark(xas, MEMFD_TAG_PINNED);

			latency += cache_count;
			if (latency < XA_CHECK_SCHED)
				continue;
			latency = 0;

			xas_pause(xas);
			xas_unlock_irq(xas);
			cond_resched();
			xas_lock_irq(xas);
		}
		xas_unlock_irq(xas);
	}

	return error;
}

/** mm/memfd.c:memfd_file_seals_ptr(). The struct whose `seals` it is, or null. */
function memfd_file_seals_ptr(file: struct_file): { seals: number } | null {
	if (shmem_file(file))
		return SHMEM_I(file_inode(file));

	if (IS_ENABLED(CONFIG_HUGETLBFS) && is_file_hugepages(file))
		return HUGETLBFS_I(file_inode(file));

	return null;
}

const F_ALL_SEALS = F_SEAL_SEAL |
		    F_SEAL_SHRINK |
		    F_SEAL_GROW |
		    F_SEAL_WRITE |
		    F_SEAL_FUTURE_WRITE;

/*
 * mm/memfd.c:memfd_add_seals(). Seals belong to the inode, are only ever added, and F_SEAL_SEAL
 * ends that too; so parties that do not trust each other can share a file.
 */
function memfd_add_seals(file: struct_file, seals: number): number {
	const inode = file_inode(file);
	let error: number;

	if (!(file.f_mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~F_ALL_SEALS)
		return -EINVAL;

	inode_lock(inode);

	unlock: {
		const file_seals = memfd_file_seals_ptr(file);
		if (!file_seals) {
			error = -EINVAL;
			break unlock;
		}

		if (file_seals.seals & F_SEAL_SEAL) {
			error = -EPERM;
			break unlock;
		}

		if ((seals & F_SEAL_WRITE) && !(file_seals.seals & F_SEAL_WRITE)) {
			error = mapping_deny_writable(file.f_mapping!);
			if (error)
				break unlock;

			error = memfd_wait_for_pins(file.f_mapping!);
			if (error) {
				mapping_allow_writable(file.f_mapping!);
				break unlock;
			}
		}

		file_seals.seals |= seals;
		error = 0;
	}
	inode_unlock(inode);
	return error;
}

/** mm/memfd.c:memfd_get_seals() */
function memfd_get_seals(file: struct_file): number {
	const seals = memfd_file_seals_ptr(file);

	return seals ? seals.seals : -EINVAL;
}

/** mm/memfd.c:memfd_fcntl() */
export function memfd_fcntl(file: struct_file, cmd: number, arg: ulong64): number {
	let error: number;

	switch (cmd) {
	case F_ADD_SEALS:
		/* no upper 32 bits */
		if (arg > BigInt(U32_MAX))
			return -EINVAL;

		error = memfd_add_seals(file, Number(arg));
		break;
	case F_GET_SEALS:
		error = memfd_get_seals(file);
		break;
	default:
		error = -EINVAL;
		break;
	}

	return error;
}

const MFD_NAME_PREFIX = "memfd:";
const MFD_NAME_PREFIX_LEN = MFD_NAME_PREFIX.length;
const MFD_NAME_MAX_LEN = NAME_MAX - MFD_NAME_PREFIX_LEN;

/* @hunk 1:1 */
const MFD_ALL_FLAGS = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB |
	MFD_INACCESSIBLE;

export const sys_memfd_create = SYSCALL_DEFINE("memfd_create", ["ptr", "uint"], (uname, flags) => {
	let error: number;

	if (!(flags & MFD_HUGETLB)) {
		if (flags & ~MFD_ALL_FLAGS)
			return -EINVAL;
	} else {
		/* the size of huge pages may be encoded in the flags */
		if (flags & ~(MFD_ALL_FLAGS | (MFD_HUGE_MASK << MFD_HUGE_SHIFT)))
			return -EINVAL;
	}

	/* seals are for writers, and there are none. @hunk 1:2 */
	if ((flags & MFD_INACCESSIBLE) && (flags & MFD_ALLOW_SEALING))
		return -EINVAL;

	/* not on hugetlbfs yet */
	if ((flags & MFD_INACCESSIBLE) && (flags & MFD_HUGETLB))
		return -EINVAL;

	/* with the terminating zero */
	const len = strnlen_user(uname, MFD_NAME_MAX_LEN + 1);
	if (len <= 0)
		return -EFAULT;
	if (len > MFD_NAME_MAX_LEN + 1)
		return -EINVAL;

	const name = kvzalloc_bytes(len + MFD_NAME_PREFIX_LEN, GFP_KERNEL);
	if (!name)
		return -ENOMEM;

	err_name: {
		for (let i = 0; i < MFD_NAME_PREFIX_LEN; i++)
			name[i] = MFD_NAME_PREFIX.charCodeAt(i);
		if (copy_from_user(name.subarray(MFD_NAME_PREFIX_LEN), uname, len)) {
			error = -EFAULT;
			break err_name;
		}

		/* it may have changed since strnlen_user() */
		if (name[len + MFD_NAME_PREFIX_LEN - 1]) {
			error = -EFAULT;
			break err_name;
		}

		const fd = get_unused_fd_flags((flags & MFD_CLOEXEC) ? O_CLOEXEC : 0);
		if (fd < 0) {
			error = fd;
			break err_name;
		}

		err_fd: {
			let file = flags & MFD_HUGETLB ?
				hugetlb_file_setup(d_name(name), 0, VM_NORESERVE,
					HUGETLB_ANONHUGE_INODE,
					(flags >> MFD_HUGE_SHIFT) & MFD_HUGE_MASK) :
				shmem_file_setup(d_name(name), 0n, VM_NORESERVE);
			if (IS_ERR(file)) {
				error = PTR_ERR(file);
				break err_fd;
			}
			file.f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
			file.f_flags |= O_LARGEFILE;

			if (flags & MFD_ALLOW_SEALING) {
				const file_seals = memfd_file_seals_ptr(file)!;
				file_seals.seals &= ~F_SEAL_SEAL;
			}

			/* @hunk 1:3 */
			err_file: {
				if (flags & MFD_INACCESSIBLE) {
					const inaccessible_file = memfd_mkinaccessible(file);
					if (IS_ERR(inaccessible_file)) {
						error = PTR_ERR(inaccessible_file);
						break err_file;
					}

					file = inaccessible_file;
				}

				fd_install(fd, file);
				kfree(name);
				return fd;
			}
			/* err_file */
			fput(file);
		}
		/* err_fd */
		put_unused_fd(fd);
	}
	/* err_name */
	kfree(name);
	return error;
});

/** Port-only: a C string as the name of a dentry, a character for each byte. */
function d_name(name: Uint8Array): string {
	let s = "";

	for (let i = 0; i < name.length && name[i] !== 0; i++)
		s += String.fromCharCode(name[i]!);
	return s;
}
