// SPDX-License-Identifier: GPL-2.0-only
/*
 * IDR and IDA.
 *
 * Upstream: lib/idr.c. Left out: preloading, the dump functions. IDR stands on the XArray's free
 * mark instead of the radix tree's; a null pointer is kept as a zero entry. The IDA keeps its first
 * identifiers in a value entry of 31 bits, where C has 63.
 */
import { type err_ptr, ERR_PTR } from "#asm-generic/err.ts";
import { INT_MAX, ref } from "#asm-generic/types.ts";
import { WARN, WARN_ON_ONCE } from "#linux/bug.ts";
import { EBUSY, EINVAL, ENOENT, ENOMEM, ENOSPC } from "#linux/errno.ts";
import { type gfp_t, GFP_NOWAIT } from "#linux/gfp.ts";
import {
	IDA_BITMAP_BITS, struct_ida_bitmap, type struct_ida, type struct_idr,
} from "#linux/idr.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import {
	xa_destroy, xa_find, xa_is_value, xa_load, xa_mk_value, xa_to_value, xas_clear_mark,
	xas_error, xas_find_marked, xas_for_each, xas_load, xas_lock_irqsave, xas_nomem, xas_set,
	xas_set_err, xas_set_mark, xas_store, xas_unlock_irqrestore,
} from "#linux/xarray.ts";
import {
	struct_xa_state, XA_FREE_MARK, XA_INDEX_MAX, XA_PRESENT, type xa_ptr, XA_ZERO_ENTRY,
	XAS_RESTART,
} from "#linux/xarray_types.ts";

/** lib/idr.c:idr_alloc_u32(): the first free id from nextid.v to @max; 0, -ENOSPC or -ENOMEM. */
export function idr_alloc_u32(idr: struct_idr, ptr: xa_ptr, nextid: ref<number>, max: number,
	gfp: gfp_t): number {
	const base = idr.idr_base;
	const id = nextid.v < base ? 0 : nextid.v - base;
	const xas = new struct_xa_state(idr.idr_rt, id, 0, 0);

	do {
		xas.xa_index = id;
		xas_find_marked(xas, max - base, XA_FREE_MARK);
		if (xas.xa_node === XAS_RESTART)
			xas_set_err(xas, -EBUSY);
		else
			nextid.v = xas.xa_index + base;
		xas_store(xas, ptr ?? XA_ZERO_ENTRY);
		xas_clear_mark(xas, XA_FREE_MARK);
	} while (xas_nomem(xas, gfp));

	return xas_error(xas) === -EBUSY ? -ENOSPC : xas_error(xas);
}

/** lib/idr.c:idr_alloc(): an id from @start to @end - 1 (0: no limit), or a negative errno. */
export function idr_alloc(idr: struct_idr, ptr: xa_ptr, start: number, end: number,
	gfp: gfp_t): number {
	const id = new ref<number>(start);

	if (WARN_ON_ONCE(start < 0))
		return -EINVAL;

	const ret = idr_alloc_u32(idr, ptr, id, end > 0 ? end - 1 : INT_MAX, gfp);
	if (ret !== 0)
		return ret;

	return id.v;
}

/** lib/idr.c:idr_alloc_cyclic() */
export function idr_alloc_cyclic(idr: struct_idr, ptr: xa_ptr, start: number, end: number,
	gfp: gfp_t): number {
	const id = new ref<number>(idr.idr_next);
	const max = end > 0 ? end - 1 : INT_MAX;

	if ((id.v | 0) < start)
		id.v = start;

	let err = idr_alloc_u32(idr, ptr, id, max, gfp);
	if (err === -ENOSPC && id.v > start) {
		id.v = start;
		err = idr_alloc_u32(idr, ptr, id, max, gfp);
	}
	if (err !== 0)
		return err;

	idr.idr_next = id.v + 1;
	return id.v;
}

/** lib/idr.c:idr_remove(): returns the pointer. */
export function idr_remove(idr: struct_idr, id: number): xa_ptr {
	if (id < idr.idr_base)
		return null;
	const entry = xas_store(new struct_xa_state(idr.idr_rt, id - idr.idr_base, 0, 0), null);
	return entry === XA_ZERO_ENTRY ? null : entry;
}

/** lib/idr.c:idr_find() */
export function idr_find(idr: struct_idr, id: number): xa_ptr {
	if (id < idr.idr_base)
		return null;
	return xa_load(idr.idr_rt, id - idr.idr_base);
}

/** lib/idr.c:idr_for_each(): until @fn returns something other than 0. */
export function idr_for_each<D>(idr: struct_idr, fn: (id: number, p: xa_ptr, data: D) => number,
	data: D): number {
	const xas = new struct_xa_state(idr.idr_rt, 0, 0, 0);

	for (const p of xas_for_each(xas, XA_INDEX_MAX)) {
		const id = xas.xa_index + idr.idr_base;

		if (WARN_ON_ONCE(id > INT_MAX))
			break;
		const ret = fn(id, p === XA_ZERO_ENTRY ? null : p, data);
		if (ret !== 0)
			return ret;
	}

	return 0;
}

/** lib/idr.c:idr_get_next(): the first pointer at or behind nextid.v, which gets its id. */
export function idr_get_next(idr: struct_idr, nextid: ref<number>): xa_ptr {
	const base = idr.idr_base;
	const id = new ref<number>(nextid.v < base ? 0 : nextid.v - base);
	const entry = xa_find(idr.idr_rt, id, XA_INDEX_MAX, XA_PRESENT);

	if (entry === null)
		return null;
	if (WARN_ON_ONCE(id.v + base > INT_MAX))
		return null;
	nextid.v = id.v + base;
	return entry;
}

/** lib/idr.c:idr_replace(): returns the old pointer, or -ENOENT. */
export function idr_replace(idr: struct_idr, ptr: xa_ptr, id: number): xa_ptr | err_ptr {
	if (id < idr.idr_base)
		return ERR_PTR(-ENOENT);
	const xas = new struct_xa_state(idr.idr_rt, id - idr.idr_base, 0, 0);
	const entry = xas_load(xas);
	if (entry === null)
		return ERR_PTR(-ENOENT);

	xas_store(xas, ptr ?? XA_ZERO_ENTRY);

	return entry === XA_ZERO_ENTRY ? null : entry;
}

/** lib/radix-tree.c:idr_destroy(): the pointers are the caller's. */
export function idr_destroy(idr: struct_idr): void {
	xa_destroy(idr.idr_rt);
}

/*
 * The IDA's array is indexed by id / IDA_BITMAP_BITS. An entry is null (none of the ids is taken),
 * a value (bits of the first ids, the others are free) or a bitmap; the free mark says that an
 * entry has a free id.
 */
const BITS_PER_XA_VALUE = 31;

function find_next_zero(words: Int32Array, bit: number): number {
	for (; bit < IDA_BITMAP_BITS; bit++)
		if ((words[bit >> 5]! & (1 << (bit & 31))) === 0)
			break;
	return bit;
}

function find_next_zero_value(v: number, bit: number): number {
	while (bit < BITS_PER_XA_VALUE && (v & (1 << bit)) !== 0)
		bit++;
	return bit;
}

function words_all(words: Int32Array, v: number): boolean {
	for (let i = 0; i < words.length; i++)
		if (words[i] !== v)
			return false;
	return true;
}

function ida_bitmap_alloc(gfp: gfp_t): struct_ida_bitmap | null {
	return kzalloc(struct_ida_bitmap, gfp);
}

function beyond(xas: struct_xa_state, bit: number, max: number): boolean {
	return xas.xa_index * IDA_BITMAP_BITS + bit > max;
}

/** lib/idr.c:ida_alloc_range(): an id, -ENOSPC or -ENOMEM. Takes its own lock. */
export function ida_alloc_range(ida: struct_ida, min: number, max: number, gfp: gfp_t): number {
	const index_min = (min / IDA_BITMAP_BITS) >>> 0;
	const xas = new struct_xa_state(ida.xa, index_min, 0, 0);
	let bit = min % IDA_BITMAP_BITS;
	let bitmap: struct_ida_bitmap | null, alloc: struct_ida_bitmap | null = null;

	if ((min | 0) < 0)
		return -ENOSPC;

	if ((max | 0) < 0)
		max = INT_MAX;

	retry: for (;;) {
		const flags = xas_lock_irqsave(xas);

		nospc: {
			alloc: {
				out: for (;;) {	/* next: */
					const entry = xas_find_marked(xas,
						(max / IDA_BITMAP_BITS) >>> 0, XA_FREE_MARK);

					bitmap = null;
					if (xas.xa_index > index_min)
						bit = 0;
					if (beyond(xas, bit, max))
						break nospc;

					if (xa_is_value(entry)) {
						let tmp = xa_to_value(entry);

						if (bit < BITS_PER_XA_VALUE) {
							bit = find_next_zero_value(tmp, bit);
							if (beyond(xas, bit, max))
								break nospc;
							if (bit < BITS_PER_XA_VALUE) {
								tmp |= 1 << bit;
								xas_store(xas, xa_mk_value(tmp));
								break out;
							}
						}
						bitmap = alloc ?? ida_bitmap_alloc(GFP_NOWAIT);
						if (bitmap === null)
							break alloc;
						bitmap.bitmap[0] = tmp;
						xas_store(xas, bitmap);
						if (xas_error(xas) !== 0) {
							bitmap.bitmap[0] = 0;
							break out;
						}
					} else if (entry !== null) {
						bitmap = entry as struct_ida_bitmap;
					}

					if (bitmap !== null) {
						bit = find_next_zero(bitmap.bitmap, bit);
						if (beyond(xas, bit, max))
							break nospc;
						if (bit === IDA_BITMAP_BITS)
							continue;

						bitmap.bitmap[bit >> 5]! |= 1 << (bit & 31);
						if (words_all(bitmap.bitmap, -1))
							xas_clear_mark(xas, XA_FREE_MARK);
					} else if (bit < BITS_PER_XA_VALUE) {
						xas_store(xas, xa_mk_value(1 << bit));
					} else {
						bitmap = alloc ?? ida_bitmap_alloc(GFP_NOWAIT);
						if (bitmap === null)
							break alloc;
						bitmap.bitmap[bit >> 5]! |= 1 << (bit & 31);
						xas_store(xas, bitmap);
					}
					break;
				}
				xas_unlock_irqrestore(xas, flags);
				if (xas_nomem(xas, gfp)) {
					/* found no slot: for the next turn; C leaks it */
					if (bitmap !== null) {
						bitmap.bitmap.fill(0);
						alloc = bitmap;
					}
					xas.xa_index = index_min;
					bit = min % IDA_BITMAP_BITS;
					continue retry;
				}
				if (xas_error(xas) !== 0) {
					kfree(bitmap);
					if (bitmap !== alloc)
						kfree(alloc);
					return xas_error(xas);
				}
				if (bitmap !== alloc)
					kfree(alloc);
				return xas.xa_index * IDA_BITMAP_BITS + bit;
			}
			/* alloc: */
			xas_unlock_irqrestore(xas, flags);
			alloc = ida_bitmap_alloc(gfp);
			if (alloc === null)
				return -ENOMEM;
			xas_set(xas, index_min);
			bit = min % IDA_BITMAP_BITS;
			continue retry;
		}
		xas_unlock_irqrestore(xas, flags);
		kfree(alloc);
		return -ENOSPC;
	}
}

/** lib/idr.c:ida_free() */
export function ida_free(ida: struct_ida, id: number): void {
	const xas = new struct_xa_state(ida.xa, (id / IDA_BITMAP_BITS) >>> 0, 0, 0);
	const bit = id % IDA_BITMAP_BITS;

	if ((id | 0) < 0)
		return;

	const flags = xas_lock_irqsave(xas);
	const bitmap = xas_load(xas);

	err: {
		if (xa_is_value(bitmap)) {
			let v = xa_to_value(bitmap);

			if (bit >= BITS_PER_XA_VALUE)
				break err;
			if ((v & (1 << bit)) === 0)
				break err;
			v &= ~(1 << bit);
			xas_store(xas, v === 0 ? null : xa_mk_value(v));
		} else {
			if (bitmap === null)
				break err;
			const words = (bitmap as struct_ida_bitmap).bitmap;

			if ((words[bit >> 5]! & (1 << (bit & 31))) === 0)
				break err;
			words[bit >> 5]! &= ~(1 << (bit & 31));
			xas_set_mark(xas, XA_FREE_MARK);
			if (words_all(words, 0)) {
				kfree(bitmap);
				xas_store(xas, null);
			}
		}
		xas_unlock_irqrestore(xas, flags);
		return;
	}
	xas_unlock_irqrestore(xas, flags);
	WARN(true, "ida_free called for id=%d which is not allocated.\n", id);
}

/** lib/idr.c:ida_destroy() */
export function ida_destroy(ida: struct_ida): void {
	const xas = new struct_xa_state(ida.xa, 0, 0, 0);
	const flags = xas_lock_irqsave(xas);

	for (const bitmap of xas_for_each(xas, XA_INDEX_MAX)) {
		if (!xa_is_value(bitmap))
			kfree(bitmap);
		xas_store(xas, null);
	}
	xas_unlock_irqrestore(xas, flags);
}
