// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/console: what programs print goes out on the machine's serial line.
 *
 * Port-only; it stands for drivers/tty. Reading is end of file, line discipline there is none.
 */
import { fs_initcall } from "#asm-generic/registry.ts";
import { EFAULT } from "#linux/errno.ts";
import type { struct_file_operations, struct_kiocb } from "#linux/fs.types.ts";
import { noop_llseek, register_chrdev } from "#linux/fs.ts";
import { MKDEV } from "#linux/kdev_t.ts";
import { pseudo_mknod } from "#linux/proc_fs.ts";
import { copy_from_iter, iov_iter_count, type struct_iov_iter } from "#linux/uio.ts";
import { TTYAUX_MAJOR } from "#uapi/linux/major.ts";
import { serial_write } from "#hw/console.ts";

const CHUNK = 4096;
const buffer = new Uint8Array(CHUNK);

function tty_write(_iocb: struct_kiocb, from: struct_iov_iter): number {
	let written = 0;

	while (iov_iter_count(from)) {
		const n = copy_from_iter(buffer, Math.min(iov_iter_count(from), CHUNK), from);
		if (!n)
			return written || -EFAULT;
		serial_write(buffer.subarray(0, n));
		written += n;
	}
	return written;
}

const console_fops: struct_file_operations = {
	llseek:		(file, offset, whence) => noop_llseek(file, offset, whence),
	read_iter:	() => 0,
	write_iter:	tty_write,
};

function tty_init(): number {
	const err = register_chrdev(TTYAUX_MAJOR, "console", console_fops);

	if (err)
		return err;
	pseudo_mknod("/dev/console", 0o600, MKDEV(TTYAUX_MAJOR, 1));
	return 0;
}
fs_initcall("arch/x86/kernel/serial", tty_init);
