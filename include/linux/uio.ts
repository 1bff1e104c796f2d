// SPDX-License-Identifier: GPL-2.0
/*
 * Where the bytes of a read or write come from or go to.
 *
 * Upstream: include/linux/uio.h, struct bio_vec of include/linux/bvec.h. Left out: ITER_XARRAY,
 * checksums, machine-check safe and cache-bypassing copies. A pointer into an array of segments is
 * the array and `seg`, an index. Counts are checked before they get here, so that they are numbers.
 */
import { WARN_ON } from "#linux/bug.ts";
import { READ, WRITE } from "#linux/fs.const.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import type { struct_pipe_inode_info } from "#linux/pipe_fs_i.ts";
import type { user_ptr } from "#asm-generic/types.ts";
import { _copy_from_iter, _copy_to_iter, copy_page_to_iter, iov_iter_revert } from
	"#linux/uio/iov_iter.ts";

export { UIO_FASTIOV, UIO_MAXIOV } from "#uapi/linux/uio.ts";
export { struct_iovec } from "#linux/uio/iovec.ts";
import { struct_iovec } from "#linux/uio/iovec.ts";
export { _copy_from_iter, _copy_to_iter, copy_page_from_iter, copy_page_from_iter_atomic,
	copy_page_to_iter, fault_in_iov_iter_readable, fault_in_iov_iter_writeable, import_iovec,
	import_single_range, iov_iter_advance, iov_iter_bvec, iov_iter_discard, iov_iter_get_pages2,
	iov_iter_init, iov_iter_kvec, iov_iter_npages, iov_iter_pipe, iov_iter_restore,
	iov_iter_revert, iov_iter_single_seg_count, iov_iter_zero, iovec_from_user } from
	"#linux/uio/iov_iter.ts";
export { READ, WRITE } from "#linux/fs.const.ts";

/** A piece of kernel memory. */
export class struct_kvec {
	iov_base: Uint8Array;
	iov_len: number;
	constructor(iov_base: Uint8Array, iov_len: number) {
		this.iov_base = iov_base;
		this.iov_len = iov_len;
	}
}

/** A piece of a (compound) page. */
export class struct_bio_vec {
	bv_page: struct_page | null = null;
	bv_len = 0;
	bv_offset = 0;
}

export const ITER_IOVEC		= 0;
export const ITER_KVEC		= 1;
export const ITER_BVEC		= 2;
export const ITER_PIPE		= 3;
export const ITER_XARRAY	= 4;
export const ITER_DISCARD	= 5;
export const ITER_UBUF		= 6;

export interface struct_iov_iter_state {
	iov_offset: number;
	count: number;
	nr_segs: number;
}

export class struct_iov_iter {
	iter_type = ITER_IOVEC;
	nofault = false;
	/** the iterator is read from (WRITE) */
	data_source = false;
	user_backed = false;
	iov_offset = 0;
	/** pipes: see last_offset() in iov_iter.ts */
	last_offset = 0;
	count = 0;
	ubuf: user_ptr = 0;
	iov: struct_iovec[] | null = null;
	kvec: struct_kvec[] | null = null;
	bvec: struct_bio_vec[] | null = null;
	/** current segment */
	seg = 0;
	pipe: struct_pipe_inode_info | null = null;
	nr_segs = 0;
	head = 0;
	start_head = 0;
}

export function iov_iter_type(i: struct_iov_iter): number {
	return i.iter_type;
}

export function iov_iter_save_state(iter: struct_iov_iter, state: struct_iov_iter_state): void {
	state.iov_offset = iter.iov_offset;
	state.count = iter.count;
	state.nr_segs = iter.nr_segs;
}

export function iter_is_ubuf(i: struct_iov_iter): boolean {
	return i.iter_type === ITER_UBUF;
}

export function iter_is_iovec(i: struct_iov_iter): boolean {
	return i.iter_type === ITER_IOVEC;
}

export function iov_iter_is_kvec(i: struct_iov_iter): boolean {
	return i.iter_type === ITER_KVEC;
}

export function iov_iter_is_bvec(i: struct_iov_iter): boolean {
	return i.iter_type === ITER_BVEC;
}

export function iov_iter_is_pipe(i: struct_iov_iter): boolean {
	return i.iter_type === ITER_PIPE;
}

export function iov_iter_is_discard(i: struct_iov_iter): boolean {
	return i.iter_type === ITER_DISCARD;
}

export function iov_iter_rw(i: struct_iov_iter): number {
	return i.data_source ? WRITE : READ;
}

export function user_backed_iter(i: struct_iov_iter): boolean {
	return i.user_backed;
}

export function iov_length(iov: readonly struct_iovec[], nr_segs: number): number {
	let ret = 0;

	for (let seg = 0; seg < nr_segs; seg++)
		ret += iov[seg]!.iov_len;
	return ret;
}

/** What is left of the current segment. */
export function iov_iter_iovec(iter: struct_iov_iter): struct_iovec {
	if (iter.iter_type === ITER_UBUF)
		return new struct_iovec(iter.ubuf + iter.iov_offset, iter.count);

	const iov = iter.iov![iter.seg]!;
	return new struct_iovec(iov.iov_base + iter.iov_offset,
		Math.min(iter.count, iov.iov_len - iter.iov_offset));
}

export function copy_folio_to_iter(folio: struct_folio, offset: number, bytes: number,
	i: struct_iov_iter): number {
	return copy_page_to_iter(folio, offset, bytes, i);
}

/** Bytes copied; fewer than asked for at a fault. */
export function copy_to_iter(addr: Uint8Array, bytes: number, i: struct_iov_iter): number {
	return _copy_to_iter(addr, bytes, i);
}

export function copy_from_iter(addr: Uint8Array, bytes: number, i: struct_iov_iter): number {
	return _copy_from_iter(addr, bytes, i);
}

/** All or nothing. */
export function copy_from_iter_full(addr: Uint8Array, bytes: number, i: struct_iov_iter): boolean {
	const copied = copy_from_iter(addr, bytes, i);

	if (copied === bytes)
		return true;
	iov_iter_revert(i, copied);
	return false;
}

export function iov_iter_count(i: struct_iov_iter): number {
	return i.count;
}

export function iov_iter_truncate(i: struct_iov_iter, count: number): void {
	if (i.count > count)
		i.count = count;
}

/** Undoes iov_iter_truncate(); the caller knows what the count was. */
export function iov_iter_reexpand(i: struct_iov_iter, count: number): void {
	i.count = count;
}

export function iov_iter_ubuf(i: struct_iov_iter, direction: number, buf: user_ptr,
	count: number): void {
	WARN_ON((direction & ~(READ | WRITE)) !== 0);
	i.iter_type = ITER_UBUF;
	i.user_backed = true;
	i.data_source = direction === WRITE;
	i.ubuf = buf;
	i.count = count;
	i.iov_offset = 0;
	i.nr_segs = 0;
}
