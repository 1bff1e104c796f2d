// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small identifiers: IDR maps them to pointers, IDA only hands them out.
 *
 * Upstream: include/linux/idr.h. Left out: preloading. The owner of an IDR serialises its writers;
 * readers need the RCU lock only.
 */
import { ref } from "#asm-generic/types.ts";
import { idr_get_next, ida_alloc_range, ida_free } from "#linux/idr/idr.ts";
import type { gfp_t } from "#linux/gfp.ts";
import {
	DEFINE_XARRAY_FLAGS, xa_empty, xa_init_flags, xa_lock, xa_lock_irq, xa_marked, xa_unlock,
	xa_unlock_irq,
} from "#linux/xarray.ts";
import {
	struct_xarray, XA_FLAGS_ALLOC, XA_FLAGS_EXTERNAL_LOCK, XA_FLAGS_LOCK_IRQ, XA_FREE_MARK,
} from "#linux/xarray_types.ts";

export {
	ida_alloc_range, ida_destroy, ida_free, idr_alloc, idr_alloc_cyclic, idr_alloc_u32,
	idr_destroy, idr_find, idr_for_each, idr_get_next, idr_remove, idr_replace,
} from "#linux/idr/idr.ts";

export class struct_idr {
	idr_rt = new struct_xarray();
	idr_base = 0;
	idr_next = 0;
}

/* marks the tree as an IDR and its free slots with IDR_FREE */
const IDR_RT_MARKER = XA_FLAGS_EXTERNAL_LOCK | XA_FLAGS_ALLOC;

export function DEFINE_IDR(_name: string): struct_idr {
	const idr = new struct_idr();

	idr.idr_rt = DEFINE_XARRAY_FLAGS("&idr->idr_rt", XA_FLAGS_EXTERNAL_LOCK | XA_FLAGS_ALLOC);
	return idr;
}

export function idr_get_cursor(idr: struct_idr): number {
	return idr.idr_next;
}

export function idr_set_cursor(idr: struct_idr, val: number): void {
	idr.idr_next = val;
}

export function idr_lock(idr: struct_idr): void {
	xa_lock(idr.idr_rt);
}

export function idr_unlock(idr: struct_idr): void {
	xa_unlock(idr.idr_rt);
}

export function idr_lock_irq(idr: struct_idr): void {
	xa_lock_irq(idr.idr_rt);
}

export function idr_unlock_irq(idr: struct_idr): void {
	xa_unlock_irq(idr.idr_rt);
}

export function idr_init_base(idr: struct_idr, base: number): void {
	xa_init_flags(idr.idr_rt, IDR_RT_MARKER, "&idr->idr_rt");
	idr.idr_base = base;
	idr.idr_next = 0;
}

export function idr_init(idr: struct_idr): void {
	idr_init_base(idr, 0);
}

export function idr_is_empty(idr: struct_idr): boolean {
	return xa_empty(idr.idr_rt) && xa_marked(idr.idr_rt, XA_FREE_MARK);
}

class idr_iter implements IterableIterator<object | number> {
	done = false;
	value: object | number = 0;
	private started = false;
	private readonly idr: struct_idr;
	private readonly id: ref<number>;
	constructor(idr: struct_idr, id: ref<number>) {
		this.idr = idr;
		this.id = id;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<object | number> {
		if (this.started)
			this.id.v++;
		this.started = true;
		const entry = idr_get_next(this.idr, this.id);
		this.done = entry === null;
		this.value = entry!;
		return this as unknown as IteratorResult<object | number>;
	}
}

/** The pointers by rising id; id.v is the current one's. */
export function idr_for_each_entry(idr: struct_idr,
	id = new ref<number>(0)): IterableIterator<object | number> {
	id.v = 0;
	return new idr_iter(idr, id);
}

/** From id.v on. */
export function idr_for_each_entry_continue(idr: struct_idr,
	id: ref<number>): IterableIterator<object | number> {
	return new idr_iter(idr, id);
}

export const IDA_BITMAP_BITS	= 1024;

export class struct_ida_bitmap {
	/** 32-bit words. */
	bitmap = new Int32Array(IDA_BITMAP_BITS / 32);
}

export class struct_ida {
	xa = new struct_xarray();
}

export const IDA_INIT_FLAGS = XA_FLAGS_LOCK_IRQ | XA_FLAGS_ALLOC;

export function DEFINE_IDA(name: string): struct_ida {
	const ida = new struct_ida();

	ida.xa = DEFINE_XARRAY_FLAGS(name, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ALLOC);
	return ida;
}

export function ida_init(ida: struct_ida): void {
	xa_init_flags(ida.xa, IDA_INIT_FLAGS, "&ida->xa");
}

export function ida_alloc(ida: struct_ida, gfp: gfp_t): number {
	return ida_alloc_range(ida, 0, -1, gfp);
}

export function ida_alloc_min(ida: struct_ida, min: number, gfp: gfp_t): number {
	return ida_alloc_range(ida, min, -1, gfp);
}

export function ida_alloc_max(ida: struct_ida, max: number, gfp: gfp_t): number {
	return ida_alloc_range(ida, 0, max, gfp);
}

export function ida_simple_get(ida: struct_ida, start: number, end: number, gfp: gfp_t): number {
	return ida_alloc_range(ida, start, end - 1, gfp);
}

export function ida_simple_remove(ida: struct_ida, id: number): void {
	ida_free(ida, id);
}

export function ida_is_empty(ida: struct_ida): boolean {
	return xa_empty(ida.xa);
}
