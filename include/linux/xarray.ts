// SPDX-License-Identifier: GPL-2.0+
/*
 * eXtensible Arrays: sparse arrays of pointers and small values.
 *
 * Upstream: include/linux/xarray.h. Left out: tagged pointers, the dump functions of XA_DEBUG
 * (its assertions are always on). The loops are iterables that yield the entries; the index stands
 * in the ref given to xa_for_each(), or in the xa_state.
 */
import { ref } from "#asm-generic/types.ts";
import { BUG_ON } from "#linux/bug.ts";
import type { struct_list_lru } from "#linux/list_lru.ts";
import { LD_WAIT_CONFIG, lockdep_key } from "#linux/lockdep_types.ts";
import { rcu_dereference_check, rcu_dereference_protected } from "#linux/rcupdate.ts";
import { might_alloc } from "#linux/sched/mm.ts";
import { HOT_OWNER, pcpu_hot } from "#asm/current.ts";
import {
	spin_lock, spin_lock_bh, spin_lock_init, spin_lock_irq, spin_lock_irqsave, spin_trylock,
	spin_unlock, spin_unlock_bh, spin_unlock_irq, spin_unlock_irqrestore,
} from "#linux/spinlock.ts";
import {
	struct_xa_node, struct_xa_state, struct_xarray, XA_CHUNK_MASK, XA_CHUNK_SHIFT,
	XA_CHUNK_SIZE, XA_ERROR, XA_FLAGS_ALLOC, XA_FLAGS_ALLOC1, XA_FLAGS_EXTERNAL_LOCK,
	XA_FLAGS_MARK, XA_INDEX_BITS, XA_INDEX_MAX, xa_internal, type xa_mark_t, xa_mk_internal,
	XA_PRESENT, type xa_ptr, XA_RETRY_ENTRY, type struct_xa_limit, type xa_update_node_t,
	XA_ZERO_ENTRY, XAS_RESTART,
} from "#linux/xarray_types.ts";
import {
	__xa_alloc, __xa_alloc_cyclic, __xa_cmpxchg, __xa_erase, __xa_insert, __xa_store,
	__xas_next, __xas_prev, xa_find, xa_find_after, xas_find, xas_find_conflict,
	xas_find_marked,
} from "#linux/xarray/xarray.ts";

export {
	struct_xa_node, struct_xa_state, struct_xarray, XA_CHECK_SCHED, XA_CHUNK_MASK,
	XA_CHUNK_SHIFT, XA_CHUNK_SIZE, XA_ERROR, XA_FLAGS_ACCOUNT, XA_FLAGS_ALLOC, XA_FLAGS_ALLOC1,
	XA_FLAGS_ALLOC_WRAPPED, XA_FLAGS_EXTERNAL_LOCK, XA_FLAGS_LOCK_BH, XA_FLAGS_LOCK_IRQ,
	XA_FLAGS_MARK, XA_FLAGS_TRACK_FREE, XA_FLAGS_ZERO_BUSY, XA_FREE_MARK, XA_INDEX_BITS,
	XA_INDEX_MAX, xa_internal, XA_LIMIT, type struct_xa_limit, xa_limit_16b, xa_limit_31b,
	xa_limit_32b, XA_LOCK_BH, XA_LOCK_IRQ, XA_MARK_0, XA_MARK_1, XA_MARK_2, XA_MARK_MAX,
	XA_MARK_WORDS, type xa_mark_t, XA_MAX_MARKS, xa_mk_internal, XA_PRESENT, type xa_ptr,
	XA_RCU_FREE, XA_RETRY_ENTRY, type xa_update_node_t, XA_ZERO_ENTRY, XAS_BOUNDS, XAS_RESTART,
} from "#linux/xarray_types.ts";
export {
	__xa_alloc, __xa_alloc_cyclic, __xa_clear_mark, __xa_cmpxchg, __xa_erase, __xa_insert,
	__xa_set_mark, __xa_store, __xas_next, __xas_prev, xa_clear_mark, xa_delete_node,
	xa_destroy, xa_empty_leaf, xa_erase, xa_extract, xa_fill_leaf, xa_find, xa_find_after,
	xa_get_mark, xa_get_order, xa_load, xa_set_mark, xa_store, xa_store_range, xas_clear_mark,
	xas_create_range, xas_destroy, xas_find, xas_find_conflict, xas_find_marked, xas_get_mark,
	xas_init_marks, xas_load, xas_nomem, xas_pause, xas_set_mark, xas_split, xas_split_alloc,
	xas_store,
} from "#linux/xarray/xarray.ts";

/** Identities: a value entry is a number. Zero is a value, unlike null. */
export function xa_mk_value(v: number): number {
	return v;
}

export function xa_to_value(entry: xa_ptr): number {
	return entry as number;
}

export function xa_is_value(entry: xa_ptr): entry is number {
	return typeof entry === "number";
}

export function xa_to_internal(entry: xa_ptr): number {
	return (entry as xa_internal).v;
}

export function xa_is_internal(entry: xa_ptr): entry is xa_internal {
	return entry instanceof xa_internal;
}

export function xa_is_zero(entry: xa_ptr): boolean {
	return entry === XA_ZERO_ENTRY;
}

export function xa_is_err(entry: xa_ptr): boolean {
	return entry instanceof struct_xa_node && (entry.ptr_bits & 3) === 2;
}

/** The negative errno that @entry stands for, or 0. */
export function xa_err(entry: xa_ptr): number {
	if (xa_is_err(entry))
		return (entry as struct_xa_node).ptr_bits >> 2;
	return 0;
}

/** @name the lock's class. */
export function xa_init_flags(xa: struct_xarray, flags: number, name = "&xa->xa_lock"): void {
	spin_lock_init(xa.xa_lock, name);
	xa.xa_flags = flags;
	xa.xa_head = null;
}

export function xa_init(xa: struct_xarray, name = "&xa->xa_lock"): void {
	xa_init_flags(xa, 0, name);
}

/** `export const name = DEFINE_XARRAY_FLAGS("name", flags)` */
export function DEFINE_XARRAY_FLAGS(name: string, flags: number): struct_xarray {
	const xa = new struct_xarray();

	xa.xa_lock.dep = lockdep_key(`${name}.xa_lock`, LD_WAIT_CONFIG);
	xa.xa_flags = flags;
	return xa;
}

export function DEFINE_XARRAY(name: string): struct_xarray {
	return DEFINE_XARRAY_FLAGS(name, 0);
}

export function DEFINE_XARRAY_ALLOC(name: string): struct_xarray {
	return DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC);
}

export function DEFINE_XARRAY_ALLOC1(name: string): struct_xarray {
	return DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC1);
}

export function xa_empty(xa: struct_xarray): boolean {
	return xa.xa_head === null;
}

export function xa_marked(xa: struct_xarray, mark: xa_mark_t): boolean {
	return (xa.xa_flags & XA_FLAGS_MARK(mark)) !== 0;
}

class xa_iter implements IterableIterator<object | number> {
	done = false;
	value: object | number = 0;
	private started = false;
	private readonly xa: struct_xarray;
	private readonly index: ref<number>;
	private readonly max: number;
	private readonly filter: xa_mark_t;
	constructor(xa: struct_xarray, index: ref<number>, max: number, filter: xa_mark_t) {
		this.xa = xa;
		this.index = index;
		this.max = max;
		this.filter = filter;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<object | number> {
		const entry = this.started ?
			xa_find_after(this.xa, this.index, this.max, this.filter) :
			xa_find(this.xa, this.index, this.max, this.filter);

		this.started = true;
		this.done = entry === null;
		this.value = entry!;
		return this as unknown as IteratorResult<object | number>;
	}
}

/**
 * The entries from @start to @last. index.v is the current entry's index and may be changed by the
 * body, as may the array.
 */
export function xa_for_each_range(xa: struct_xarray, index: ref<number>, start: number,
	last: number): IterableIterator<object | number> {
	index.v = start;
	return new xa_iter(xa, index, last, XA_PRESENT);
}

export function xa_for_each_start(xa: struct_xarray, index: ref<number>,
	start: number): IterableIterator<object | number> {
	return xa_for_each_range(xa, index, start, XA_INDEX_MAX);
}

export function xa_for_each(xa: struct_xarray,
	index = new ref<number>(0)): IterableIterator<object | number> {
	return xa_for_each_start(xa, index, 0);
}

export function xa_for_each_marked(xa: struct_xarray, index: ref<number>,
	filter: xa_mark_t): IterableIterator<object | number> {
	index.v = 0;
	return new xa_iter(xa, index, XA_INDEX_MAX, filter);
}

export function xa_trylock(xa: struct_xarray): boolean {
	return spin_trylock(xa.xa_lock);
}

export function xa_lock(xa: struct_xarray): void {
	spin_lock(xa.xa_lock);
}

export function xa_unlock(xa: struct_xarray): void {
	spin_unlock(xa.xa_lock);
}

export function xa_lock_bh(xa: struct_xarray): void {
	spin_lock_bh(xa.xa_lock);
}

export function xa_unlock_bh(xa: struct_xarray): void {
	spin_unlock_bh(xa.xa_lock);
}

export function xa_lock_irq(xa: struct_xarray): void {
	spin_lock_irq(xa.xa_lock);
}

export function xa_unlock_irq(xa: struct_xarray): void {
	spin_unlock_irq(xa.xa_lock);
}

/** `const flags = xa_lock_irqsave(xa)` */
export function xa_lock_irqsave(xa: struct_xarray): number {
	return spin_lock_irqsave(xa.xa_lock);
}

export function xa_unlock_irqrestore(xa: struct_xarray, flags: number): void {
	spin_unlock_irqrestore(xa.xa_lock, flags);
}

export function xa_store_bh(xa: struct_xarray, index: number, entry: xa_ptr, gfp: number): xa_ptr {
	might_alloc(gfp);
	xa_lock_bh(xa);
	const curr = __xa_store(xa, index, entry, gfp);
	xa_unlock_bh(xa);

	return curr;
}

export function xa_store_irq(xa: struct_xarray, index: number, entry: xa_ptr,
	gfp: number): xa_ptr {
	might_alloc(gfp);
	xa_lock_irq(xa);
	const curr = __xa_store(xa, index, entry, gfp);
	xa_unlock_irq(xa);

	return curr;
}

export function xa_erase_bh(xa: struct_xarray, index: number): xa_ptr {
	xa_lock_bh(xa);
	const entry = __xa_erase(xa, index);
	xa_unlock_bh(xa);

	return entry;
}

export function xa_erase_irq(xa: struct_xarray, index: number): xa_ptr {
	xa_lock_irq(xa);
	const entry = __xa_erase(xa, index);
	xa_unlock_irq(xa);

	return entry;
}

/** Stores @entry if the entry is @old; returns the entry that was there, or an error. */
export function xa_cmpxchg(xa: struct_xarray, index: number, old: xa_ptr, entry: xa_ptr,
	gfp: number): xa_ptr {
	might_alloc(gfp);
	xa_lock(xa);
	const curr = __xa_cmpxchg(xa, index, old, entry, gfp);
	xa_unlock(xa);

	return curr;
}

export function xa_cmpxchg_bh(xa: struct_xarray, index: number, old: xa_ptr, entry: xa_ptr,
	gfp: number): xa_ptr {
	might_alloc(gfp);
	xa_lock_bh(xa);
	const curr = __xa_cmpxchg(xa, index, old, entry, gfp);
	xa_unlock_bh(xa);

	return curr;
}

export function xa_cmpxchg_irq(xa: struct_xarray, index: number, old: xa_ptr, entry: xa_ptr,
	gfp: number): xa_ptr {
	might_alloc(gfp);
	xa_lock_irq(xa);
	const curr = __xa_cmpxchg(xa, index, old, entry, gfp);
	xa_unlock_irq(xa);

	return curr;
}

/** 0, -EBUSY when there is an entry (or a reservation), or -ENOMEM. A null @entry reserves. */
export function xa_insert(xa: struct_xarray, index: number, entry: xa_ptr, gfp: number): number {
	might_alloc(gfp);
	xa_lock(xa);
	const err = __xa_insert(xa, index, entry, gfp);
	xa_unlock(xa);

	return err;
}

export function xa_insert_bh(xa: struct_xarray, index: number, entry: xa_ptr,
	gfp: number): number {
	might_alloc(gfp);
	xa_lock_bh(xa);
	const err = __xa_insert(xa, index, entry, gfp);
	xa_unlock_bh(xa);

	return err;
}

export function xa_insert_irq(xa: struct_xarray, index: number, entry: xa_ptr,
	gfp: number): number {
	might_alloc(gfp);
	xa_lock_irq(xa);
	const err = __xa_insert(xa, index, entry, gfp);
	xa_unlock_irq(xa);

	return err;
}

/** Stores @entry at a free index within @limit and the index into @id; 0, -EBUSY or -ENOMEM. */
export function xa_alloc(xa: struct_xarray, id: ref<number>, entry: xa_ptr, limit: struct_xa_limit,
	gfp: number): number {
	might_alloc(gfp);
	xa_lock(xa);
	const err = __xa_alloc(xa, id, entry, limit, gfp);
	xa_unlock(xa);

	return err;
}

export function xa_alloc_bh(xa: struct_xarray, id: ref<number>, entry: xa_ptr,
	limit: struct_xa_limit, gfp: number): number {
	might_alloc(gfp);
	xa_lock_bh(xa);
	const err = __xa_alloc(xa, id, entry, limit, gfp);
	xa_unlock_bh(xa);

	return err;
}

export function xa_alloc_irq(xa: struct_xarray, id: ref<number>, entry: xa_ptr,
	limit: struct_xa_limit, gfp: number): number {
	might_alloc(gfp);
	xa_lock_irq(xa);
	const err = __xa_alloc(xa, id, entry, limit, gfp);
	xa_unlock_irq(xa);

	return err;
}

/** As xa_alloc(), starting at @next; 1 when the search wrapped around. */
export function xa_alloc_cyclic(xa: struct_xarray, id: ref<number>, entry: xa_ptr,
	limit: struct_xa_limit, next: ref<number>, gfp: number): number {
	might_alloc(gfp);
	xa_lock(xa);
	const err = __xa_alloc_cyclic(xa, id, entry, limit, next, gfp);
	xa_unlock(xa);

	return err;
}

export function xa_alloc_cyclic_bh(xa: struct_xarray, id: ref<number>, entry: xa_ptr,
	limit: struct_xa_limit, next: ref<number>, gfp: number): number {
	might_alloc(gfp);
	xa_lock_bh(xa);
	const err = __xa_alloc_cyclic(xa, id, entry, limit, next, gfp);
	xa_unlock_bh(xa);

	return err;
}

export function xa_alloc_cyclic_irq(xa: struct_xarray, id: ref<number>, entry: xa_ptr,
	limit: struct_xa_limit, next: ref<number>, gfp: number): number {
	might_alloc(gfp);
	xa_lock_irq(xa);
	const err = __xa_alloc_cyclic(xa, id, entry, limit, next, gfp);
	xa_unlock_irq(xa);

	return err;
}

/** A later store to @index will not fail; until then the entry reads as null. */
export function xa_reserve(xa: struct_xarray, index: number, gfp: number): number {
	return xa_err(xa_cmpxchg(xa, index, null, XA_ZERO_ENTRY, gfp));
}

export function xa_reserve_bh(xa: struct_xarray, index: number, gfp: number): number {
	return xa_err(xa_cmpxchg_bh(xa, index, null, XA_ZERO_ENTRY, gfp));
}

export function xa_reserve_irq(xa: struct_xarray, index: number, gfp: number): number {
	return xa_err(xa_cmpxchg_irq(xa, index, null, XA_ZERO_ENTRY, gfp));
}

/** Undoes xa_reserve(), unless something was stored meanwhile. */
export function xa_release(xa: struct_xarray, index: number): void {
	xa_cmpxchg(xa, index, XA_ZERO_ENTRY, null, 0);
}

/* From here on: the advanced API. */

export function XA_BUG_ON(_xa: struct_xarray, x: boolean): void {
	if (x) {
		x = false;	/* see linux/bug/bug.ts */
		BUG_ON(true);
	}
}

export function XA_NODE_BUG_ON(_node: struct_xa_node | null, x: boolean): void {
	if (x) {
		x = false;
		BUG_ON(true);
	}
}

/* lockdep_is_held(&xa->xa_lock), by the lock itself: this is asked at each walk */
function xa_lock_is_held(xa: struct_xarray): boolean {
	return xa.xa_lock.owner === pcpu_hot[HOT_OWNER] ||
		(xa.xa_flags & XA_FLAGS_EXTERNAL_LOCK) !== 0;
}

/* Private */
export function xa_head(xa: struct_xarray): xa_ptr {
	return rcu_dereference_check(xa.xa_head, xa_lock_is_held(xa));
}

/* Private */
export function xa_head_locked(xa: struct_xarray): xa_ptr {
	return rcu_dereference_protected(xa.xa_head, xa_lock_is_held(xa));
}

/* Private; whoever got hold of a node went through xa_head() and its check */
export function xa_entry(_xa: struct_xarray, node: struct_xa_node, offset: number): xa_ptr {
	return node.slots[offset]!;
}

/* Private */
export function xa_entry_locked(_xa: struct_xarray, node: struct_xa_node, offset: number): xa_ptr {
	return node.slots[offset]!;
}

/* Private */
export function xa_parent(_xa: struct_xarray, node: struct_xa_node): struct_xa_node | null {
	return node.parent;
}

/* Private */
export function xa_parent_locked(_xa: struct_xarray, node: struct_xa_node): struct_xa_node | null {
	return node.parent;
}

/* Private */
export function xa_mk_node(node: struct_xa_node): struct_xa_node {
	return node;
}

/* Private */
export function xa_to_node(entry: xa_ptr): struct_xa_node {
	return entry as struct_xa_node;
}

/* Private */
export function xa_is_node(entry: xa_ptr): entry is struct_xa_node {
	return entry instanceof struct_xa_node;
}

/* Private */
export function xa_mk_sibling(offset: number): xa_internal {
	return xa_mk_internal(offset);
}

/* Private */
export function xa_to_sibling(entry: xa_ptr): number {
	return xa_to_internal(entry);
}

export function xa_is_sibling(entry: xa_ptr): boolean {
	return entry instanceof xa_internal && entry.v < XA_CHUNK_SIZE - 1;
}

export function xa_is_retry(entry: xa_ptr): boolean {
	return entry === XA_RETRY_ENTRY;
}

/* Private: xa_is_sibling() of an entry found in @node */
export function node_is_sibling(node: struct_xa_node, entry: xa_ptr): boolean {
	return node.has_siblings === true && xa_is_sibling(entry);
}

/** Internal entries that only xas_*() may store. */
export function xa_is_advanced(entry: xa_ptr): boolean {
	return entry instanceof xa_internal && entry.v <= 256;
}

/*
 * Shifts of an index, which may exceed 32 bits; shifts are multiples of XA_CHUNK_SHIFT from 0 to
 * 48. `>>>` takes the low 32 bits, and that is enough for the six of a shift up to 24.
 */
const XA_POW2 = Array.from({ length: 64 }, (_, n) => 2 ** n);
const XA_INV2 = Array.from({ length: 64 }, (_, n) => 2 ** -n);

/* Private: (index >> shift) & XA_CHUNK_MASK */
export function xa_index_offset(index: number, shift: number): number {
	if (shift <= 24)
		return (index >>> shift) & XA_CHUNK_MASK;
	return high_offset(index, shift);
}

/* apart, so that what is common stays with integers */
function high_offset(index: number, shift: number): number {
	return Math.floor(index * XA_INV2[shift]!) & XA_CHUNK_MASK;
}

/* Private: x << shift */
export function xa_shl(x: number, shift: number): number {
	return x * XA_POW2[shift]!;
}

/* Private: x >> shift */
export function xa_shr(x: number, shift: number): number {
	return Math.floor(x * XA_INV2[shift]!);
}

/* Private: a | b */
export function xa_or(a: number, b: number): number {
	if (a <= 0x7fffffff && b <= 0x7fffffff)
		return a | b;
	return (xa_shr(a, 32) | xa_shr(b, 32)) * 0x100000000 + ((a | b) >>> 0);
}

export function XA_STATE(xa: struct_xarray, index: number): struct_xa_state {
	return new struct_xa_state(xa, index, 0, 0);
}

/** Port-only: XA_STATE() in a struct that was one before, and never allocated a node. */
export function xas_reuse(xas: struct_xa_state, xa: struct_xarray, index: number): struct_xa_state {
	if (xas.xa !== xa)
		xas.xa = xa;
	xas.xa_index = index;
	xas.xa_shift = 0;
	xas.xa_sibs = 0;
	xas.xa_offset = 0;
	xas.xa_node = XAS_RESTART;
	return xas;
}

export function XA_STATE_ORDER(xa: struct_xarray, index: number, order: number): struct_xa_state {
	if (order === 0)
		return new struct_xa_state(xa, index, 0, 0);
	return new struct_xa_state(xa, xa_shl(xa_shr(index, order), order),
		order - (order % XA_CHUNK_SHIFT), (1 << (order % XA_CHUNK_SHIFT)) - 1);
}

export function xas_marked(xas: struct_xa_state, mark: xa_mark_t): boolean {
	return xa_marked(xas.xa, mark);
}

export function xas_trylock(xas: struct_xa_state): boolean {
	return spin_trylock(xas.xa.xa_lock);
}

export function xas_lock(xas: struct_xa_state): void {
	spin_lock(xas.xa.xa_lock);
}

export function xas_unlock(xas: struct_xa_state): void {
	spin_unlock(xas.xa.xa_lock);
}

export function xas_lock_bh(xas: struct_xa_state): void {
	spin_lock_bh(xas.xa.xa_lock);
}

export function xas_unlock_bh(xas: struct_xa_state): void {
	spin_unlock_bh(xas.xa.xa_lock);
}

export function xas_lock_irq(xas: struct_xa_state): void {
	spin_lock_irq(xas.xa.xa_lock);
}

export function xas_unlock_irq(xas: struct_xa_state): void {
	spin_unlock_irq(xas.xa.xa_lock);
}

/** `const flags = xas_lock_irqsave(xas)` */
export function xas_lock_irqsave(xas: struct_xa_state): number {
	return spin_lock_irqsave(xas.xa.xa_lock);
}

export function xas_unlock_irqrestore(xas: struct_xa_state, flags: number): void {
	spin_unlock_irqrestore(xas.xa.xa_lock, flags);
}

/** The negative errno noted in @xas, or 0. */
export function xas_error(xas: struct_xa_state): number {
	const node = xas.xa_node;

	return node !== null && (node.ptr_bits & 3) === 2 ? node.ptr_bits >> 2 : 0;
}

export function xas_set_err(xas: struct_xa_state, err: number): void {
	xas.xa_node = XA_ERROR(err);
}

/** Before a walk, beyond its bounds, or in error. */
export function xas_invalid(xas: struct_xa_state): boolean {
	const node = xas.xa_node;

	return node !== null && node.ptr_bits !== 0;
}

export function xas_valid(xas: struct_xa_state): boolean {
	return !xas_invalid(xas);
}

export function xas_is_node(xas: struct_xa_state): boolean {
	return !xas_not_node(xas.xa_node);
}

/* null, or one of the states that stand in for a node */
export function xas_not_node(node: struct_xa_node | null): boolean {
	return node === null || node.ptr_bits !== 0;
}

/* the restart state, or an error */
export function xas_frozen(node: struct_xa_node | null): boolean {
	return node !== null && (node.ptr_bits & 2) !== 0;
}

/* at the head (null), or in the restart or bounds state */
export function xas_top(node: struct_xa_node | null): boolean {
	return node === null || (node.ptr_bits & 1) !== 0;
}

/** Forgets error and position, keeps the index: to be used after the lock was dropped. */
export function xas_reset(xas: struct_xa_state): void {
	xas.xa_node = XAS_RESTART;
}

/** Whether to skip @entry and go on: it is internal; after a retry entry from the top. */
export function xas_retry(xas: struct_xa_state, entry: xa_ptr): boolean {
	if (xa_is_zero(entry))
		return true;
	if (!xa_is_retry(entry))
		return false;
	xas_reset(xas);
	return true;
}

/** What now stands at the place of an entry loaded before; @xas must be valid. */
export function xas_reload(xas: struct_xa_state): xa_ptr {
	const node = xas.xa_node;

	if (node === null)
		return xa_head(xas.xa);
	if (node.shift === 0 && node.has_siblings === false)
		return xa_entry(xas.xa, node, xas.xa_index & XA_CHUNK_MASK);
	const entry = xa_entry(xas.xa, node, xa_index_offset(xas.xa_index, node.shift));
	if (!node_is_sibling(node, entry))
		return entry;
	return xa_entry(xas.xa, node, xa_to_sibling(entry));
}

export function xas_set(xas: struct_xa_state, index: number): void {
	xas.xa_index = index;
	xas.xa_node = XAS_RESTART;
}

/** To the last sibling of the current entry, @index, so that a loop skips the others. */
export function xas_advance(xas: struct_xa_state, index: number): void {
	const shift = xas_is_node(xas) ? xas.xa_node!.shift : 0;

	xas.xa_index = index;
	xas.xa_offset = xa_index_offset(index, shift);
}

export function xas_set_order(xas: struct_xa_state, index: number, order: number): void {
	if (order === 0) {
		xas.xa_index = index;
		xas.xa_shift = 0;
		xas.xa_sibs = 0;
		xas.xa_node = XAS_RESTART;
		return;
	}
	xas.xa_index = order < XA_INDEX_BITS ? xa_shl(xa_shr(index, order), order) : 0;
	xas.xa_shift = order - (order % XA_CHUNK_SHIFT);
	xas.xa_sibs = (1 << (order % XA_CHUNK_SHIFT)) - 1;
	xas.xa_node = XAS_RESTART;
}

export function xas_set_update(xas: struct_xa_state, update: xa_update_node_t | null): void {
	xas.xa_update = update;
}

export function xas_set_lru(xas: struct_xa_state, lru: struct_list_lru | null): void {
	xas.xa_lru = lru;
}

/** xas_find(), with the common case in line. */
export function xas_next_entry(xas: struct_xa_state, max: number): xa_ptr {
	const node = xas.xa_node;
	let entry: xa_ptr;

	if (node === null || node.ptr_bits !== 0 || node.shift !== 0 ||
	    xas.xa_offset !== (xas.xa_index & XA_CHUNK_MASK))
		return xas_find(xas, max);

	do {
		if (xas.xa_index >= max)
			return xas_find(xas, max);
		if (xas.xa_offset === XA_CHUNK_MASK)
			return xas_find(xas, max);
		entry = xa_entry(xas.xa, node, xas.xa_offset + 1);
		if (node_is_sibling(node, entry))
			return xas_find(xas, max);
		xas.xa_offset++;
		xas.xa_index++;
	} while (entry === null);

	return entry;
}

/* Private: the first offset at or (@advance) behind xa_offset that has @mark */
export function xas_find_chunk(xas: struct_xa_state, advance: boolean, mark: xa_mark_t): number {
	const marks = xas.xa_node!.marks;
	let offset = xas.xa_offset;

	if (advance)
		offset++;
	if (offset < 32) {
		const data = marks[mark << 1]! & (-1 << offset);

		if (data !== 0)
			return 31 - Math.clz32(data & -data);
		offset = 32;
	}
	if (offset < XA_CHUNK_SIZE) {
		const data = marks[(mark << 1) + 1]! & (-1 << offset);

		if (data !== 0)
			return 63 - Math.clz32(data & -data);
	}
	return XA_CHUNK_SIZE;
}

/** xas_find_marked(), with the common case in line. */
export function xas_next_marked(xas: struct_xa_state, max: number, mark: xa_mark_t): xa_ptr {
	const node = xas.xa_node;

	if (node === null || node.ptr_bits !== 0 || node.shift !== 0)
		return xas_find_marked(xas, max, mark);
	const offset = xas_find_chunk(xas, true, mark);
	xas.xa_offset = offset;
	xas.xa_index = xas.xa_index - (xas.xa_index & XA_CHUNK_MASK) + offset;
	if (xas.xa_index > max)
		return null;
	if (offset === XA_CHUNK_SIZE)
		return xas_find_marked(xas, max, mark);
	const entry = xa_entry(xas.xa, node, offset);
	if (entry === null)
		return xas_find_marked(xas, max, mark);
	return entry;
}

class xas_iter implements IterableIterator<object | number> {
	done = false;
	value: object | number = 0;
	private started = false;
	private readonly xas: struct_xa_state;
	private readonly max: number;
	private readonly mark: xa_mark_t;
	constructor(xas: struct_xa_state, max: number, mark: xa_mark_t) {
		this.xas = xas;
		this.max = max;
		this.mark = mark;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<object | number> {
		let entry: xa_ptr;

		if (this.mark === XA_PRESENT)
			entry = this.started ? xas_next_entry(this.xas, this.max) :
				xas_find(this.xas, this.max);
		else
			entry = this.started ? xas_next_marked(this.xas, this.max, this.mark) :
				xas_find_marked(this.xas, this.max, this.mark);
		this.started = true;
		this.done = entry === null;
		this.value = entry!;
		return this as unknown as IteratorResult<object | number>;
	}
}

/**
 * The entries from where @xas stands to @max, internal ones included. The caller holds the RCU lock
 * or xa_lock, may erase entries in the body, and calls xas_pause() before dropping the lock.
 */
export function xas_for_each(xas: struct_xa_state, max: number): IterableIterator<object | number> {
	return new xas_iter(xas, max, XA_PRESENT);
}

export function xas_for_each_marked(xas: struct_xa_state, max: number,
	mark: xa_mark_t): IterableIterator<object | number> {
	return new xas_iter(xas, max, mark);
}

class xas_conflict_iter implements IterableIterator<object | number> {
	done = false;
	value: object | number = 0;
	private readonly xas: struct_xa_state;
	constructor(xas: struct_xa_state) {
		this.xas = xas;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<object | number> {
		const entry = xas_find_conflict(this.xas);

		this.done = entry === null;
		this.value = entry!;
		return this as unknown as IteratorResult<object | number>;
	}
}

/** The entries in the range that @xas describes. */
export function xas_for_each_conflict(
	xas: struct_xa_state): IterableIterator<object | number> {
	return new xas_conflict_iter(xas);
}

/** To the index before; from 0 around to XA_INDEX_MAX. An error state stays one. */
export function xas_prev(xas: struct_xa_state): xa_ptr {
	const node = xas.xa_node;

	if (node === null || node.ptr_bits !== 0 || node.shift !== 0 || xas.xa_offset === 0)
		return __xas_prev(xas);

	xas.xa_index--;
	xas.xa_offset--;
	return xa_entry(xas.xa, node, xas.xa_offset);
}

/** To the index after; from XA_INDEX_MAX around to 0. An error state stays one. */
export function xas_next(xas: struct_xa_state): xa_ptr {
	const node = xas.xa_node;

	if (node === null || node.ptr_bits !== 0 || node.shift !== 0 ||
	    xas.xa_offset === XA_CHUNK_MASK)
		return __xas_next(xas);

	xas.xa_index++;
	xas.xa_offset++;
	return xa_entry(xas.xa, node, xas.xa_offset);
}
