// SPDX-License-Identifier: GPL-2.0
/*
 * Text that a show function writes as a whole.
 *
 * Upstream: include/linux/seq_file.h, fs/seq_file.c. Left out: iterators (start, next, stop): every
 * file here is shown by one call. Text is shown again when the position is 0.
 */
import { EFAULT, EINVAL, ENOMEM } from "#linux/errno.ts";
import type { loff_t } from "#asm-generic/types.ts";
import type { struct_file, struct_inode, struct_kiocb } from "#linux/fs.types.ts";
import { bytes_of } from "#linux/fs/namei.ts";
import { GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { sprintf } from "#linux/kernel.ts";
import { mutex_init, mutex_lock, mutex_unlock, struct_mutex } from "#linux/mutex.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { copy_to_iter, iov_iter_count, type struct_iov_iter } from "#linux/uio.ts";
import { SEEK_CUR, SEEK_SET } from "#uapi/linux/fs.ts";

/** 0, or -errno instead of the text. */
export type show_fn = (m: struct_seq_file, v: unknown) => number;

export class struct_seq_file {
	/** what was shown so far */
	text = "";
	/** what is being read, from position 0 on; null: to be shown */
	buf: Uint8Array | null = null;
	show: show_fn | null = null;
	file: struct_file | null = null;
	lock = new struct_mutex();
	private_: unknown = null;
}

/** fs/seq_file.c:single_open() */
export function single_open(file: struct_file, show: show_fn, data: unknown): number {
	const m = kzalloc(struct_seq_file, GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;

	mutex_init(m.lock, "&p->lock");
	m.show = show;
	m.file = file;
	m.private_ = data;
	file.private_data = m;
	return 0;
}

/** fs/seq_file.c:single_release() */
export function single_release(_inode: struct_inode, file: struct_file): number {
	kfree(file.private_data as struct_seq_file);
	return 0;
}

export const seq_release = single_release;

/** fs/seq_file.c:seq_read_iter() */
export function seq_read_iter(iocb: struct_kiocb, iter: struct_iov_iter): number {
	const m = iocb.ki_filp.private_data as struct_seq_file;

	if (!iov_iter_count(iter))
		return 0;

	mutex_lock(m.lock);
	Done: {
		/* at position 0 it is shown anew */
		if (iocb.ki_pos === 0n || m.buf === null) {
			m.text = "";
			m.buf = null;
			const err = m.show!(m, null);
			if (err < 0) {
				mutex_unlock(m.lock);
				return err;
			}
			m.buf = bytes_of(m.text);
			m.text = "";
		}
		if (iocb.ki_pos >= BigInt(m.buf.length))
			break Done;
		const at = Number(iocb.ki_pos);
		const n = copy_to_iter(m.buf.subarray(at),
			Math.min(m.buf.length - at, iov_iter_count(iter)), iter);
		iocb.ki_pos += BigInt(n);
		mutex_unlock(m.lock);
		return n || -EFAULT;
	}
	mutex_unlock(m.lock);
	return 0;
}

/** fs/seq_file.c:seq_lseek() */
export function seq_lseek(file: struct_file, offset: loff_t, whence: number): loff_t {
	const m = file.private_data as struct_seq_file;
	let retval = BigInt(-EINVAL);

	mutex_lock(m.lock);
	switch (whence) {
	case SEEK_CUR:
		offset += file.f_pos;
		// fallthrough
	case SEEK_SET:
		if (offset < 0n)
			break;
		retval = offset;
		if (offset !== file.f_pos)
			file.f_pos = offset;
	}
	mutex_unlock(m.lock);
	return retval;
}

/** fs/seq_file.c:seq_printf() */
export function seq_printf(m: struct_seq_file, fmt: string, ...args: unknown[]): void {
	m.text += args.length ? sprintf(fmt, ...args) : fmt;
}

/** fs/seq_file.c:seq_puts() */
export function seq_puts(m: struct_seq_file, s: string): void {
	m.text += s;
}

/** fs/seq_file.c:seq_putc() */
export function seq_putc(m: struct_seq_file, c: string): void {
	m.text += c;
}

/** fs/seq_file.c:seq_put_decimal_ull() */
export function seq_put_decimal_ull(m: struct_seq_file, delimiter: string, num: number | bigint):
	void {
	m.text += delimiter + String(num);
}

/** fs/seq_file.c:seq_put_decimal_ull_width() */
export function seq_put_decimal_ull_width(m: struct_seq_file, delimiter: string,
	num: number | bigint, width: number): void {
	m.text += delimiter + String(num).padStart(width);
}

/** fs/seq_file.c:seq_put_hex_ll() */
export function seq_put_hex_ll(m: struct_seq_file, delimiter: string, v: number, width: number):
	void {
	m.text += delimiter + v.toString(16).padStart(width, "0");
}

/** fs/seq_file.c:seq_pad(): spaces up to a width since the last newline, then @c. */
export function seq_pad_to(m: struct_seq_file, width: number, c: string): void {
	const at = m.text.length - (m.text.lastIndexOf("\n") + 1);
	m.text += " ".repeat(Math.max(0, width - at)) + c;
}

/** fs/seq_file.c:seq_escape(): characters of @esc in octal. */
export function seq_escape(m: struct_seq_file, s: string, esc: string): void {
	for (const c of s)
		m.text += esc.includes(c) ? `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}` : c;
}
