// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/null and /dev/zero.
 *
 * Upstream: drivers/char/mem.c. Left out: the other minors.
 */
import { EFAULT, ENXIO } from "#linux/errno.ts";
import type { loff_t, ref, user_ptr } from "#asm-generic/types.ts";
import { fs_initcall } from "#asm-generic/registry.ts";
import { iminor, register_chrdev } from "#linux/fs.ts";
import type { struct_file, struct_file_operations, struct_inode, struct_kiocb } from
	"#linux/fs.types.ts";
import { MKDEV } from "#linux/kdev_t.ts";
import { VM_SHARED } from "#linux/mm.const.ts";
import { shmem_zero_setup, vma_set_anonymous } from "#linux/mm.ts";
import type { struct_vm_area_struct } from "#linux/mm_types.ts";
import { pseudo_mknod } from "#linux/proc_fs.ts";
import { iov_iter_advance, iov_iter_count, iov_iter_zero, type struct_iov_iter } from
	"#linux/uio.ts";
import { MEM_MAJOR } from "#uapi/linux/major.ts";

function read_null(_file: struct_file, _buf: user_ptr, _count: number, _ppos: ref<loff_t>): number {
	return 0;
}

function write_null(_file: struct_file, _buf: user_ptr, count: number, _ppos: ref<loff_t>): number {
	return count;
}

function write_iter_null(_iocb: struct_kiocb, from: struct_iov_iter): number {
	const count = iov_iter_count(from);

	iov_iter_advance(from, count);
	return count;
}

/** drivers/char/mem.c:read_iter_zero() */
function read_iter_zero(_iocb: struct_kiocb, iter: struct_iov_iter): number {
	let written = 0;

	while (iov_iter_count(iter)) {
		const chunk = Math.min(iov_iter_count(iter), 4096);
		const n = iov_iter_zero(chunk, iter);
		if (!n && iov_iter_count(iter))
			return written ? written : -EFAULT;
		written += n;
	}
	return written;
}

/** drivers/char/mem.c:mmap_zero() */
function mmap_zero(_file: struct_file, vma: struct_vm_area_struct): number {
	if (vma.vm_flags & VM_SHARED)
		return shmem_zero_setup(vma);
	vma_set_anonymous(vma);
	return 0;
}

/* read and write set the position to 0 upstream; nobody sees it */
function null_lseek(file: struct_file, _offset: loff_t, _orig: number): loff_t {
	return file.f_pos = 0n;
}

const null_fops: struct_file_operations = {
	llseek:		null_lseek,
	read:		read_null,
	write:		write_null,
};

const zero_fops: struct_file_operations = {
	llseek:		null_lseek,
	read_iter:	read_iter_zero,
	write_iter:	write_iter_null,
	mmap:		mmap_zero,
};

const devlist: Record<number, { name: string; fops: struct_file_operations }> = {
	3: { name: "null", fops: null_fops },
	5: { name: "zero", fops: zero_fops },
};

/** drivers/char/mem.c:memory_open() */
function memory_open(inode: struct_inode, filp: struct_file): number {
	const dev = devlist[iminor(inode)];

	if (!dev)
		return -ENXIO;
	filp.f_op = dev.fops;
	return 0;
}

const memory_fops: struct_file_operations = {
	open: memory_open,
};

function chr_dev_init(): number {
	const err = register_chrdev(MEM_MAJOR, "mem", memory_fops);

	if (err)
		return err;
	for (const [minor, dev] of Object.entries(devlist))
		pseudo_mknod(`/dev/${dev.name}`, 0o666, MKDEV(MEM_MAJOR, Number(minor)));
	return 0;
}
fs_initcall("miscdevice/mem", chr_dev_init);
