// SPDX-License-Identifier: GPL-2.0
/*
 * Copying through iterators.
 *
 * Upstream: lib/iov_iter.c. Left out: ITER_XARRAY, checksums, hashes, alignment queries,
 * machine-check safe and cache-bypassing copies, compat vectors. C's iterate_and_advance() macro
 * with a statement per user is one function here, given the kind of step.
 */
import { BUG, BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { printk, KERN_ERR } from "#linux/printk.ts";
import { EFAULT, EINVAL, ENOMEM } from "#linux/errno.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { type ref, type ulong64, type user_ptr } from "#asm-generic/types.ts";
import { ul_shr, DIV_ROUND_UP } from "#asm-generic/bits.ts";
import { sizeof } from "#asm-generic/struct.ts";
import { MAX_RW_COUNT, READ, WRITE } from "#linux/fs.const.ts";
import { GFP_KERNEL, GFP_USER, alloc_page } from "#linux/gfp.ts";
import { might_fault } from "#linux/kernel.ts";
import { FOLL_NOFAULT, FOLL_WRITE, compound_head, get_page, get_user_pages_fast, page_size } from
	"#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { fault_in_readable, fault_in_safe_writeable } from "#linux/pagemap.ts";
import { pipe_buf_release, pipe_discard_from, pipe_full, pipe_occupancy,
	type struct_pipe_buffer, type struct_pipe_inode_info } from "#linux/pipe_fs_i.ts";
import { kfree, kmalloc_array } from "#linux/slab.ts";
import { default_pipe_buf_ops, page_cache_pipe_buf_ops } from "#linux/splice.ts";
import { access_ok, clear_user, copy_from_user, pagefault_disable, pagefault_enable,
	raw_copy_from_user, raw_copy_to_user } from "#linux/uaccess.ts";
import { ITER_BVEC, ITER_DISCARD, ITER_IOVEC, ITER_KVEC, ITER_PIPE, ITER_UBUF, iov_iter_count,
	iov_iter_is_bvec, iov_iter_is_kvec, iov_iter_rw,
	iter_is_iovec, iter_is_ubuf, user_backed_iter, type struct_bio_vec, type struct_iov_iter,
	type struct_iov_iter_state, type struct_kvec } from "#linux/uio.ts";
import { struct_iovec } from "#linux/uio/iovec.ts";
import { UIO_FASTIOV, UIO_MAXIOV, struct_iovec as iovec_layout } from "#uapi/linux/uio.ts";
import { nth_page } from "#linux/mmzone.ts";
import { memcpy_from_page, memcpy_to_page, memset_page, page_bytes, page_is_plain,
	page_to_pfn } from "#asm/page.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";

/* what is done with each piece: with user memory, or with kernel memory */
const STEP_TO		= 0;	/* copy @buf to the iterator */
const STEP_FROM		= 1;	/* copy the iterator to @buf */
const STEP_ZERO		= 2;	/* clear the iterator's memory */

const no_bytes = new Uint8Array(0);

function copyout(to: user_ptr, from: Uint8Array, n: number): number {
	if (access_ok(to, n))
		n = raw_copy_to_user(to, from, n);
	return n;
}

function copyin(to: Uint8Array, from: user_ptr, n: number): number {
	if (access_ok(from, n))
		n = raw_copy_from_user(to, from, n);
	return n;
}

/** The piece [@off, @off + @len) of @buf, against @len bytes at @base: bytes not done. */
function step_user(step: number, base: user_ptr, len: number, buf: Uint8Array, off: number):
	number {
	if (step === STEP_ZERO)
		return clear_user(base, len);
	const piece = off === 0 ? buf : buf.subarray(off, off + len);
	return step === STEP_TO ? copyout(base, piece, len) : copyin(piece, base, len);
}

/*
 * kmap_local_page(): a page that belongs to a TD, or has poison, is read into a copy, and written
 * from one.
 */
function kmap(page: struct_page, at: number, n_read: number): Uint8Array {
	if (page_is_plain(page))
		return page_bytes(page);
	const copy = new Uint8Array(PAGE_SIZE);
	if (n_read)
		memcpy_from_page(copy.subarray(at), page, at, n_read);
	return copy;
}

function kunmap_written(page: struct_page, kaddr: Uint8Array, at: number, n: number): void {
	if (!page_is_plain(page))
		memcpy_to_page(page, at, kaddr.subarray(at, at + n), n);
}

function step_kernel(step: number, mem: Uint8Array, at: number, len: number, buf: Uint8Array,
	off: number): void {
	if (step === STEP_TO)
		mem.set(buf.subarray(off, off + len), at);
	else if (step === STEP_FROM)
		buf.set(mem.subarray(at, at + len), off);
	else
		mem.fill(0, at, at + len);
}

function iterate_iovec(i: struct_iov_iter, n: number, buf: Uint8Array, step: number): number {
	const iov = i.iov!;
	let off = 0, skip = i.iov_offset, p = i.seg;

	do {
		const seg = iov[p]!;
		let len = Math.min(n, seg.iov_len - skip);

		if (len) {
			len -= step_user(step, seg.iov_base + skip, len, buf, off);
			off += len;
			skip += len;
			n -= len;
			if (skip < seg.iov_len)
				break;
		}
		p++;
		skip = 0;
	} while (n);
	i.iov_offset = skip;
	i.nr_segs -= p - i.seg;
	i.seg = p;
	return off;
}

function iterate_kvec(i: struct_iov_iter, n: number, buf: Uint8Array, step: number): number {
	const kvec = i.kvec!;
	let off = 0, skip = i.iov_offset, p = i.seg;

	do {
		const seg = kvec[p]!;
		const len = Math.min(n, seg.iov_len - skip);

		if (len) {
			step_kernel(step, seg.iov_base, skip, len, buf, off);
			off += len;
			skip += len;
			n -= len;
			if (skip < seg.iov_len)
				break;
		}
		p++;
		skip = 0;
	} while (n);
	i.iov_offset = skip;
	i.nr_segs -= p - i.seg;
	i.seg = p;
	return off;
}

function iterate_bvec(i: struct_iov_iter, n: number, buf: Uint8Array, step: number): number {
	const bvec = i.bvec!;
	let off = 0, skip = i.iov_offset, p = i.seg;

	while (n) {
		const seg = bvec[p]!;
		const offset = seg.bv_offset + skip;
		const at = offset & (PAGE_SIZE - 1);
		const len = Math.min(n, seg.bv_len - skip, PAGE_SIZE - at);

		const page = nth_page(seg.bv_page!, ul_shr(offset, PAGE_SHIFT));
		const kaddr = kmap(page, at, step === STEP_FROM ? len : 0);

		step_kernel(step, kaddr, at, len, buf, off);
		if (step !== STEP_FROM)
			kunmap_written(page, kaddr, at, len);
		off += len;
		skip += len;
		if (skip === seg.bv_len) {
			skip = 0;
			p++;
		}
		n -= len;
	}
	i.iov_offset = skip;
	i.nr_segs -= p - i.seg;
	i.seg = p;
	return off;
}

/** lib/iov_iter.c:iterate_and_advance(): @n bytes of the iterator against @buf; bytes done. */
function iterate_and_advance(i: struct_iov_iter, n: number, buf: Uint8Array, step: number):
	number {
	if (i.count < n)
		n = i.count;
	if (n) {
		switch (i.iter_type) {
		case ITER_UBUF:
			n -= step_user(step, i.ubuf + i.iov_offset, n, buf, 0);
			i.iov_offset += n;
			break;
		case ITER_IOVEC:
			n = iterate_iovec(i, n, buf, step);
			break;
		case ITER_BVEC:
			n = iterate_bvec(i, n, buf, step);
			break;
		case ITER_KVEC:
			n = iterate_kvec(i, n, buf, step);
			break;
		}
		i.count -= n;
	}
	return n;
}

function pipe_buf(pipe: struct_pipe_inode_info, slot: number): struct_pipe_buffer {
	return pipe.bufs[slot & (pipe.ring_size - 1)]!;
}

/** lib/iov_iter.c:sanity(): a pipe iterator must stand at the end of what it has put in. */
function sanity(i: struct_iov_iter): boolean {
	const pipe = i.pipe!;
	const p_head = pipe.head;
	const p_tail = pipe.tail;
	const i_head = i.head;

	Bad: {
		if (i.last_offset) {
			if (pipe_occupancy(p_head, p_tail) === 0)
				break Bad;	/* its own data cannot be gone */
			if (i_head !== p_head - 1)
				break Bad;	/* only the newest buffer may be open */

			const p = pipe_buf(pipe, i_head);
			if (p.offset + p.len !== Math.abs(i.last_offset))
				break Bad;	/* and must end where the iterator stands */
		} else {
			if (i_head !== p_head)
				break Bad;	/* the next free slot is the only choice */
		}
		return true;
	}
	printk(`${KERN_ERR}idx = ${i_head}, offset = ${i.last_offset}\n`);
	printk(`${KERN_ERR}head = ${p_head}, tail = ${p_tail}, buffers = ${pipe.ring_size}\n`);
	WARN_ON(true);
	return false;
}

function set_pipe_buf(buf: struct_pipe_buffer, ops: struct_pipe_buffer["ops"], page: struct_page,
	offset: number, len: number): void {
	buf.ops = ops;
	buf.page = page;
	buf.offset = offset;
	buf.len = len;
	buf.flags = 0;
	buf.private_ = 0;
}

/** lib/iov_iter.c:push_anon() */
function push_anon(pipe: struct_pipe_inode_info, size: number): struct_page | null {
	const page = alloc_page(GFP_USER);

	if (page)
		set_pipe_buf(pipe_buf(pipe, pipe.head++), default_pipe_buf_ops, page, 0, size);
	return page;
}

/** lib/iov_iter.c:push_page(): a reference instead of a copy. */
function push_page(pipe: struct_pipe_inode_info, page: struct_page, offset: number, size: number):
	void {
	set_pipe_buf(pipe_buf(pipe, pipe.head++), page_cache_pipe_buf_ops, page, offset, size);
	get_page(page);
}

/** lib/iov_iter.c:last_offset(): the end of @buf, negative where nothing can be appended. */
function last_offset(buf: struct_pipe_buffer): number {
	if (buf.ops === default_pipe_buf_ops)
		return buf.len;	/* their data begins at offset 0 */
	return -(buf.offset + buf.len);
}

/** lib/iov_iter.c:append_pipe(): a page with room from *@off on, or null. */
function append_pipe(i: struct_iov_iter, size: number, off: ref_number): struct_page | null {
	const pipe = i.pipe!;
	const offset = i.last_offset;

	if (offset > 0 && offset < PAGE_SIZE) {
		/* the newest buffer has room: extend it */
		const buf = pipe_buf(pipe, pipe.head - 1);
		size = Math.min(size, PAGE_SIZE - offset);
		buf.len += size;
		i.last_offset += size;
		i.count -= size;
		off.v = offset;
		return buf.page;
	}
	off.v = 0;
	size = Math.min(size, PAGE_SIZE);
	if (pipe_full(pipe.head, pipe.tail, pipe.max_usage))
		return null;
	const page = push_anon(pipe, size);
	if (!page)
		return null;
	i.head = pipe.head - 1;
	i.last_offset = size;
	i.count -= size;
	return page;
}

interface ref_number {
	v: number;
}

/** lib/iov_iter.c:copy_page_to_iter_pipe() */
function copy_page_to_iter_pipe(page: struct_page, offset: number, bytes: number,
	i: struct_iov_iter): number {
	const pipe = i.pipe!;
	const head = pipe.head;

	if (bytes > i.count)
		bytes = i.count;

	if (!bytes)
		return 0;

	if (!sanity(i))
		return 0;

	if (offset && i.last_offset === -offset) {
		const buf = pipe_buf(pipe, head - 1);
		if (buf.page === page) {
			buf.len += bytes;
			i.last_offset -= bytes;
			i.count -= bytes;
			return bytes;
		}
	}
	if (pipe_full(pipe.head, pipe.tail, pipe.max_usage))
		return 0;

	push_page(pipe, page, offset, bytes);
	i.last_offset = -(offset + bytes);
	i.head = head;
	i.count -= bytes;
	return bytes;
}

/**
 * lib/iov_iter.c:fault_in_iov_iter_readable(): touches the user memory of the next @size bytes;
 * bytes that could not be faulted in.
 */
export function fault_in_iov_iter_readable(i: struct_iov_iter, size: number): number {
	if (iter_is_ubuf(i)) {
		let n = Math.min(size, iov_iter_count(i));
		n -= fault_in_readable(i.ubuf + i.iov_offset, n);
		return size - n;
	} else if (iter_is_iovec(i)) {
		let count = Math.min(size, iov_iter_count(i));

		size -= count;
		for (let p = i.seg, skip = i.iov_offset; count; p++, skip = 0) {
			const seg = i.iov![p]!;
			const len = Math.min(count, seg.iov_len - skip);

			if (!len)
				continue;
			const ret = fault_in_readable(seg.iov_base + skip, len);
			count -= len - ret;
			if (ret)
				break;
		}
		return count + size;
	}
	return 0;
}

/** lib/iov_iter.c:fault_in_iov_iter_writeable() */
export function fault_in_iov_iter_writeable(i: struct_iov_iter, size: number): number {
	if (iter_is_ubuf(i)) {
		let n = Math.min(size, iov_iter_count(i));
		n -= fault_in_safe_writeable(i.ubuf + i.iov_offset, n);
		return size - n;
	} else if (iter_is_iovec(i)) {
		let count = Math.min(size, iov_iter_count(i));

		size -= count;
		for (let p = i.seg, skip = i.iov_offset; count; p++, skip = 0) {
			const seg = i.iov![p]!;
			const len = Math.min(count, seg.iov_len - skip);

			if (!len)
				continue;
			const ret = fault_in_safe_writeable(seg.iov_base + skip, len);
			count -= len - ret;
			if (ret)
				break;
		}
		return count + size;
	}
	return 0;
}

/** lib/iov_iter.c:iov_iter_init() */
export function iov_iter_init(i: struct_iov_iter, direction: number, iov: struct_iovec[],
	nr_segs: number, count: number): void {
	WARN_ON((direction & ~(READ | WRITE)) !== 0);
	i.iter_type = ITER_IOVEC;
	i.nofault = false;
	i.user_backed = true;
	i.data_source = direction === WRITE;
	i.iov = iov;
	i.seg = 0;
	i.nr_segs = nr_segs;
	i.iov_offset = 0;
	i.count = count;
}

/** lib/iov_iter.c:copy_pipe_to_iter() */
function copy_pipe_to_iter(addr: Uint8Array, bytes: number, i: struct_iov_iter): number {
	const off = { v: 0 };

	if (bytes > i.count)
		bytes = i.count;
	if (!bytes)
		return 0;

	if (!sanity(i))
		return 0;

	for (let n = bytes, chunk; n; n -= chunk) {
		const page = append_pipe(i, n, off);
		chunk = Math.min(n, PAGE_SIZE - off.v);
		if (!page)
			return bytes - n;
		memcpy_to_page(page, off.v, addr.subarray(bytes - n, bytes - n + chunk), chunk);
	}
	return bytes;
}

/** lib/iov_iter.c:_copy_to_iter() */
export function _copy_to_iter(addr: Uint8Array, bytes: number, i: struct_iov_iter): number {
	if (i.iter_type === ITER_PIPE)
		return copy_pipe_to_iter(addr, bytes, i);
	if (i.user_backed)
		might_fault();
	return iterate_and_advance(i, bytes, addr, STEP_TO);
}

/** lib/iov_iter.c:_copy_from_iter() */
export function _copy_from_iter(addr: Uint8Array, bytes: number, i: struct_iov_iter): number {
	if (i.iter_type === ITER_PIPE) {
		WARN_ON(true);
		return 0;
	}
	if (i.user_backed)
		might_fault();
	return iterate_and_advance(i, bytes, addr, STEP_FROM);
}

/** lib/iov_iter.c:page_copy_sane() */
function page_copy_sane(page: struct_page, offset: number, n: number): boolean {
	let v = n + offset;

	/* most pages are single, and then nothing needs to be looked up */
	if (n <= v && v <= PAGE_SIZE)
		return true;

	const head = compound_head(page);
	v += (page_to_pfn(page) - page_to_pfn(head)) * PAGE_SIZE;

	if (n <= v && v <= page_size(head))
		return true;
	WARN_ON(true);
	return false;
}

/** lib/iov_iter.c:copy_page_to_iter() */
export function copy_page_to_iter(page: struct_page, offset: number, bytes: number,
	i: struct_iov_iter): number {
	let res = 0;

	if (!page_copy_sane(page, offset, bytes))
		return 0;
	if (i.iter_type === ITER_PIPE)
		return copy_page_to_iter_pipe(page, offset, bytes, i);
	let sub = ul_shr(offset, PAGE_SHIFT);	/* first subpage */
	offset &= PAGE_SIZE - 1;
	for (;;) {
		let n = Math.min(bytes, PAGE_SIZE - offset);
		const kaddr = kmap(nth_page(page, sub), offset, n);
		n = _copy_to_iter(offset === 0 ? kaddr : kaddr.subarray(offset), n, i);
		res += n;
		bytes -= n;
		if (!bytes || !n)
			break;
		offset += n;
		if (offset === PAGE_SIZE) {
			sub++;
			offset = 0;
		}
	}
	return res;
}

/** lib/iov_iter.c:copy_page_from_iter() */
export function copy_page_from_iter(page: struct_page, offset: number, bytes: number,
	i: struct_iov_iter): number {
	let res = 0;

	if (!page_copy_sane(page, offset, bytes))
		return 0;
	let sub = ul_shr(offset, PAGE_SHIFT);	/* first subpage */
	offset &= PAGE_SIZE - 1;
	for (;;) {
		const p = nth_page(page, sub);
		const kaddr = kmap(p, 0, 0);
		let n = Math.min(bytes, PAGE_SIZE - offset);
		n = _copy_from_iter(offset === 0 ? kaddr : kaddr.subarray(offset), n, i);
		kunmap_written(p, kaddr, offset, n);
		res += n;
		bytes -= n;
		if (!bytes || !n)
			break;
		offset += n;
		if (offset === PAGE_SIZE) {
			sub++;
			offset = 0;
		}
	}
	return res;
}

/** lib/iov_iter.c:pipe_zero() */
function pipe_zero(bytes: number, i: struct_iov_iter): number {
	const off = { v: 0 };

	if (bytes > i.count)
		bytes = i.count;
	if (!bytes)
		return 0;

	if (!sanity(i))
		return 0;

	for (let n = bytes, chunk; n; n -= chunk) {
		const page = append_pipe(i, n, off);

		if (!page)
			return bytes - n;
		chunk = Math.min(n, PAGE_SIZE - off.v);
		memset_page(page, off.v, 0, chunk);
	}
	return bytes;
}

/** lib/iov_iter.c:iov_iter_zero() */
export function iov_iter_zero(bytes: number, i: struct_iov_iter): number {
	if (i.iter_type === ITER_PIPE)
		return pipe_zero(bytes, i);
	return iterate_and_advance(i, bytes, no_bytes, STEP_ZERO);
}

/**
 * lib/iov_iter.c:copy_page_from_iter_atomic(): never faults, so that it may run with the page
 * locked; bytes copied. @page may be the head of the compound page that @offset lies in.
 */
export function copy_page_from_iter_atomic(page: struct_page, offset: number, bytes: number,
	i: struct_iov_iter): number {
	if (!page_copy_sane(page, offset, bytes))
		return 0;
	if (i.iter_type === ITER_PIPE || i.iter_type === ITER_DISCARD) {
		WARN_ON(true);
		return 0;
	}
	const p = nth_page(page, ul_shr(offset, PAGE_SHIFT));
	const kaddr = kmap(p, 0, 0);
	const at = offset & (PAGE_SIZE - 1);

	/* C: kmap_atomic() */
	pagefault_disable();
	bytes = iterate_and_advance(i, bytes, at === 0 ? kaddr : kaddr.subarray(at), STEP_FROM);
	pagefault_enable();
	kunmap_written(p, kaddr, at, bytes);
	return bytes;
}

/** lib/iov_iter.c:pipe_advance() */
function pipe_advance(i: struct_iov_iter, size: number): void {
	const pipe = i.pipe!;
	let off = i.last_offset;

	if (!off && !size) {
		pipe_discard_from(pipe, i.start_head);	/* discard everything */
		return;
	}
	i.count -= size;
	for (;;) {
		const buf = pipe_buf(pipe, i.head);
		if (off)	/* count from where the buffer begins */
			size += Math.abs(off) - buf.offset;
		if (size <= buf.len) {
			buf.len = size;
			i.last_offset = last_offset(buf);
			break;
		}
		size -= buf.len;
		i.head++;
		off = 0;
	}
	pipe_discard_from(pipe, i.head + 1);
}

/** lib/iov_iter.c:iov_iter_bvec_advance(), iov_iter_iovec_advance() */
function iov_iter_vec_advance(i: struct_iov_iter, size: number): void {
	if (!i.count)
		return;
	i.count -= size;

	size += i.iov_offset;	/* counted from the segment's start */
	const end = i.seg + i.nr_segs;
	let p = i.seg;
	for (; p < end; p++) {
		const len = seg_len(i, p);
		if (size < len)
			break;
		size -= len;
	}
	i.iov_offset = size;
	i.nr_segs -= p - i.seg;
	i.seg = p;
}

function seg_len(i: struct_iov_iter, p: number): number {
	if (i.iter_type === ITER_BVEC)
		return i.bvec![p]!.bv_len;
	return i.iter_type === ITER_IOVEC ? i.iov![p]!.iov_len : i.kvec![p]!.iov_len;
}

/** lib/iov_iter.c:iov_iter_advance() */
export function iov_iter_advance(i: struct_iov_iter, size: number): void {
	if (i.count < size)
		size = i.count;
	switch (i.iter_type) {
	case ITER_UBUF:
		i.iov_offset += size;
		i.count -= size;
		break;
	case ITER_IOVEC: case ITER_KVEC: case ITER_BVEC:
		iov_iter_vec_advance(i, size);
		break;
	case ITER_PIPE:
		pipe_advance(i, size);
		break;
	case ITER_DISCARD:
		i.count -= size;
		break;
	}
}

/** lib/iov_iter.c:iov_iter_revert(): steps back over bytes that were copied. */
export function iov_iter_revert(i: struct_iov_iter, unroll: number): void {
	if (!unroll)
		return;
	if (WARN_ON(unroll > MAX_RW_COUNT))
		return;
	i.count += unroll;
	if (i.iter_type === ITER_PIPE) {
		const pipe = i.pipe!;
		let head = pipe.head;

		while (head > i.start_head) {
			const b = pipe_buf(pipe, --head);
			if (unroll < b.len) {
				b.len -= unroll;
				i.last_offset = last_offset(b);
				i.head = head;
				return;
			}
			unroll -= b.len;
			pipe_buf_release(pipe, b);
			pipe.head--;
		}
		i.last_offset = 0;
		i.head = head;
		return;
	}
	if (i.iter_type === ITER_DISCARD)
		return;
	if (unroll <= i.iov_offset) {
		i.iov_offset -= unroll;
		return;
	}
	unroll -= i.iov_offset;
	if (i.iter_type === ITER_UBUF)
		BUG();	/* before the start of the range */
	for (;;) {
		const n = seg_len(i, --i.seg);
		i.nr_segs++;
		if (unroll <= n) {
			i.iov_offset = n - unroll;
			return;
		}
		unroll -= n;
	}
}

/** lib/iov_iter.c:iov_iter_single_seg_count(): what the current segment still holds. */
export function iov_iter_single_seg_count(i: struct_iov_iter): number {
	if (i.nr_segs > 1) {
		if (iter_is_iovec(i) || iov_iter_is_kvec(i) || iov_iter_is_bvec(i))
			return Math.min(i.count, seg_len(i, i.seg) - i.iov_offset);
	}
	return i.count;
}

/** lib/iov_iter.c:iov_iter_kvec() */
export function iov_iter_kvec(i: struct_iov_iter, direction: number, kvec: struct_kvec[],
	nr_segs: number, count: number): void {
	WARN_ON((direction & ~(READ | WRITE)) !== 0);
	i.iter_type = ITER_KVEC;
	i.user_backed = false;
	i.data_source = direction === WRITE;
	i.kvec = kvec;
	i.seg = 0;
	i.nr_segs = nr_segs;
	i.iov_offset = 0;
	i.count = count;
}

/** lib/iov_iter.c:iov_iter_bvec() */
export function iov_iter_bvec(i: struct_iov_iter, direction: number, bvec: struct_bio_vec[],
	nr_segs: number, count: number): void {
	WARN_ON((direction & ~(READ | WRITE)) !== 0);
	i.iter_type = ITER_BVEC;
	i.user_backed = false;
	i.data_source = direction === WRITE;
	i.bvec = bvec;
	i.seg = 0;
	i.nr_segs = nr_segs;
	i.iov_offset = 0;
	i.count = count;
}

/** lib/iov_iter.c:iov_iter_pipe() */
export function iov_iter_pipe(i: struct_iov_iter, direction: number,
	pipe: struct_pipe_inode_info, count: number): void {
	BUG_ON(direction !== READ);
	WARN_ON(pipe_full(pipe.head, pipe.tail, pipe.ring_size));
	i.iter_type = ITER_PIPE;
	i.user_backed = false;
	i.data_source = false;
	i.pipe = pipe;
	i.head = pipe.head;
	i.start_head = pipe.head;
	i.last_offset = 0;
	i.count = count;
}

/** lib/iov_iter.c:iov_iter_discard(): swallows what is copied to it. */
export function iov_iter_discard(i: struct_iov_iter, direction: number, count: number): void {
	BUG_ON(direction !== READ);
	i.iter_type = ITER_DISCARD;
	i.user_backed = false;
	i.data_source = false;
	i.count = count;
	i.iov_offset = 0;
}

/** lib/iov_iter.c:iov_iter_npages(): pages that the iterator touches, user and kernel vectors. */
export function iov_iter_npages(i: struct_iov_iter, maxpages: number): number {
	if (!i.count)
		return 0;
	if (iter_is_ubuf(i)) {
		const offs = (i.ubuf + i.iov_offset) & (PAGE_SIZE - 1);
		return Math.min(DIV_ROUND_UP(offs + i.count, PAGE_SIZE), maxpages);
	}
	let npages = 0, size = i.count, skip = i.iov_offset;
	for (let p = i.seg; size; skip = 0, p++) {
		const len = Math.min(seg_len(i, p) - skip, size);
		if (len) {
			size -= len;
			const base = i.iter_type === ITER_IOVEC ? i.iov![p]!.iov_base + skip :
				i.iter_type === ITER_BVEC ? i.bvec![p]!.bv_offset + skip : skip;
			npages += DIV_ROUND_UP((base & (PAGE_SIZE - 1)) + len, PAGE_SIZE);
			if (npages > maxpages)
				return maxpages;
		}
	}
	return npages;
}

/**
 * lib/iov_iter.c:iov_iter_get_pages2(): references to the next pages of user memory or of a bvec in
 * @pages; bytes covered, *@start is where they begin in the first page. The iterator moves on.
 */
export function iov_iter_get_pages2(i: struct_iov_iter, pages: struct_page[],
	maxsize: number, maxpages: number, start: ref<number>): number {
	if (!maxpages)
		return 0;
	if (maxsize > i.count)
		maxsize = i.count;
	if (!maxsize)
		return 0;
	if (maxsize > MAX_RW_COUNT)
		maxsize = MAX_RW_COUNT;

	if (user_backed_iter(i)) {
		let gup_flags = 0, addr = 0;

		if (iov_iter_rw(i) !== WRITE)
			gup_flags |= FOLL_WRITE;
		if (i.nofault)
			gup_flags |= FOLL_NOFAULT;

		if (iter_is_ubuf(i)) {
			addr = i.ubuf + i.iov_offset;
		} else {
			for (let p = i.seg, skip = i.iov_offset; ; p++, skip = 0) {
				const len = i.iov![p]!.iov_len - skip;
				if (!len)
					continue;
				maxsize = Math.min(maxsize, len);
				addr = i.iov![p]!.iov_base + skip;
				break;
			}
		}
		start.v = addr & (PAGE_SIZE - 1);
		addr -= start.v;
		const n = Math.min(DIV_ROUND_UP(maxsize + start.v, PAGE_SIZE), maxpages);
		const res = get_user_pages_fast(addr, n, gup_flags, pages);
		if (res <= 0)
			return res;
		maxsize = Math.min(maxsize, res * PAGE_SIZE - start.v);
		iov_iter_advance(i, maxsize);
		return maxsize;
	}
	if (iov_iter_is_bvec(i)) {
		const bv = i.bvec![i.seg]!;
		const skip = i.iov_offset + bv.bv_offset;

		maxsize = Math.min(maxsize, bv.bv_len - i.iov_offset);
		start.v = skip & (PAGE_SIZE - 1);
		const first = ul_shr(skip, PAGE_SHIFT);
		const n = Math.min(DIV_ROUND_UP(maxsize + start.v, PAGE_SIZE), maxpages);
		for (let k = 0; k < n; k++) {
			const page = nth_page(bv.bv_page!, first + k);
			get_page(page);
			pages[k] = page;
		}
		maxsize = Math.min(maxsize, n * PAGE_SIZE - start.v);
		iov_iter_vec_advance(i, maxsize);
		return maxsize;
	}
	return -EFAULT;
}

/** lib/iov_iter.c:copy_iovec_from_user(): lengths that are negative as ssize_t are refused. */
function copy_iovec_from_user(iov: struct_iovec[], uvec: user_ptr, nr_segs: number): number {
	const size = sizeof(iovec_layout);
	const bytes = new Uint8Array(nr_segs * size);

	if (copy_from_user(bytes, uvec, nr_segs * size))
		return -EFAULT;

	for (let seg = 0; seg < nr_segs; seg++) {
		const u = iovec_layout.of(bytes, seg * size);

		if (u.iov_len >> 63n)
			return -EINVAL;
		/* beyond 2^53 either is only "too large", which access_ok() refuses */
		iov[seg]!.iov_base = Number(u.iov_base);
		iov[seg]!.iov_len = Number(u.iov_len);
	}
	return 0;
}

/** lib/iov_iter.c:iovec_from_user(): an array that the caller frees, unless it is @fast_iov. */
export function iovec_from_user(uvec: user_ptr, nr_segs: ulong64, fast_segs: number,
	fast_iov: struct_iovec[]): struct_iovec[] | err_ptr {
	let iov = fast_iov;

	/* zero segments have always been zero bytes here, although they might fail by SuS */
	if (nr_segs === 0n)
		return iov;
	if (nr_segs > BigInt(UIO_MAXIOV))
		return ERR_PTR(-EINVAL);
	const n = Number(nr_segs);
	if (n > fast_segs) {
		const array = kmalloc_array(n, () => new struct_iovec(), GFP_KERNEL);
		if (!array)
			return ERR_PTR(-ENOMEM);
		iov = array;
	}

	const ret = copy_iovec_from_user(iov, uvec, n);
	if (ret) {
		if (iov !== fast_iov)
			kfree(iov);
		return ERR_PTR(ret);
	}

	return iov;
}

/**
 * lib/iov_iter.c:import_iovec(): an iterator over a user vector, cut at MAX_RW_COUNT bytes; the
 * bytes it covers, or -errno. *@iovp is what the caller has to kfree(), or null.
 */
export function import_iovec(type: number, uvec: user_ptr, nr_segs: ulong64,
	iovp: ref<struct_iovec[] | null>, i: struct_iov_iter): number {
	let total_len = 0;
	const fast_iov = nr_segs <= BigInt(UIO_FASTIOV) ?
		Array.from({ length: Number(nr_segs) }, () => new struct_iovec()) : [];

	/* C passes an unsigned: the count is cut to 32 bits */
	nr_segs = BigInt.asUintN(32, nr_segs);
	const iov = iovec_from_user(uvec, nr_segs, fast_iov.length, fast_iov);
	iovp.v = null;
	if (IS_ERR(iov))
		return PTR_ERR(iov);

	for (let seg = 0; seg < Number(nr_segs); seg++) {
		let len = iov[seg]!.iov_len;

		if (!access_ok(iov[seg]!.iov_base, len)) {
			if (iov !== fast_iov)
				kfree(iov);
			return -EFAULT;
		}

		if (len > MAX_RW_COUNT - total_len) {
			len = MAX_RW_COUNT - total_len;
			iov[seg]!.iov_len = len;
		}
		total_len += len;
	}

	iov_iter_init(i, type, iov, Number(nr_segs), total_len);
	iovp.v = iov === fast_iov ? null : iov;
	return total_len;
}

/** lib/iov_iter.c:import_single_range() */
export function import_single_range(rw: number, buf: user_ptr, len: number, iov: struct_iovec,
	i: struct_iov_iter): number {
	if (len > MAX_RW_COUNT)
		len = MAX_RW_COUNT;
	if (!access_ok(buf, len))
		return -EFAULT;

	iov.iov_base = buf;
	iov.iov_len = len;
	iov_iter_init(i, rw, [iov], 1, len);
	return 0;
}

/** lib/iov_iter.c:iov_iter_restore() */
export function iov_iter_restore(i: struct_iov_iter, state: struct_iov_iter_state): void {
	if (WARN_ON_ONCE(!iov_iter_is_bvec(i) && !iter_is_iovec(i) && !iov_iter_is_kvec(i) &&
			 !iter_is_ubuf(i)))
		return;
	i.iov_offset = state.iov_offset;
	i.count = state.count;
	if (iter_is_ubuf(i))
		return;
	/* segments and their count move together, so that one of them is enough to save */
	i.seg -= state.nr_segs - i.nr_segs;
	i.nr_segs = state.nr_segs;
}

