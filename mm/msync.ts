// SPDX-License-Identifier: GPL-2.0
/*
 * msync(): nothing to write back on tmpfs, but everything to check.
 *
 * Upstream: mm/msync.c.
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { loff_t, u64 } from "#asm-generic/types.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { EBUSY, EINVAL, ENOMEM } from "#linux/errno.ts";
import { get_file, vfs_fsync_range } from "#linux/fs.ts";
import { fput } from "#linux/file.ts";
import { MS_ASYNC, MS_INVALIDATE, MS_SYNC } from "#linux/mman.ts";
import { find_vma } from "#linux/mm.ts";
import { VM_LOCKED, VM_SHARED } from "#linux/mm.const.ts";
import { mmap_read_lock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import { current } from "#linux/sched.ts";

export const sys_msync = SYSCALL_DEFINE("msync", ["ulong", "ulong", "int"],
	(ustart: bigint, ulen: bigint, flags: number): number => {
		const mm = current.mm!;
		const low = BigInt(PAGE_SIZE - 1);
		let unmapped_error = 0;
		let error = -EINVAL;

		out: {
			if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))
				break out;
			if (ustart & low)
				break out;
			if ((flags & MS_ASYNC) && (flags & MS_SYNC))
				break out;
			error = -ENOMEM;
			const uend = u64(ustart + u64((ulen + low) & ~low));
			if (uend < ustart)
				break out;
			error = 0;
			if (uend === ustart)
				break out;

			let start = Number(ustart);
			const end = Number(uend);
			mmap_read_lock(mm);
			out_unlock: {
				let vma = find_vma(mm, start);
				for (;;) {
					/*
					 * without anything mapped at all: what was found to be
					 * missing
					 */
					error = -ENOMEM;
					if (vma === null)
						break out_unlock;
					if (start < vma.vm_start) {
						if (flags === MS_ASYNC)
							break out_unlock;
						start = vma.vm_start;
						if (start >= end)
							break out_unlock;
						unmapped_error = -ENOMEM;
					}
					if ((flags & MS_INVALIDATE) && (vma.vm_flags & VM_LOCKED)) {
						error = -EBUSY;
						break out_unlock;
					}
					const file = vma.vm_file;
					const fstart = loff_t(BigInt(start - vma.vm_start) +
						(BigInt(vma.vm_pgoff) << BigInt(PAGE_SHIFT)));
					const fend = loff_t(fstart +
						BigInt(Math.min(end, vma.vm_end) - start) - 1n);
					start = vma.vm_end;
					if ((flags & MS_SYNC) && file !== null &&
					    (vma.vm_flags & VM_SHARED)) {
						get_file(file);
						mmap_read_unlock(mm);
						error = vfs_fsync_range(file, fstart, fend, 1);
						fput(file);
						if (error || start >= end)
							break out;
						mmap_read_lock(mm);
						vma = find_vma(mm, start);
					} else {
						if (start >= end) {
							error = 0;
							break out_unlock;
						}
						vma = vma.vm_next;
					}
				}
			}
			mmap_read_unlock(mm);
		}
		return error || unmapped_error;
	});
