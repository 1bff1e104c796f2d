// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of guest memory, by ranges: struct kvm's mem_attr_array.
 *
 * Port-only: as posted there is an entry for each page that is shared. Here an entry is a slot of a
 * node at any level, so that a range costs what its two ends do. Nodes that would be full of such
 * entries are entries of the level above; nothing is known of what is private, zero entries hold
 * places within one change.
 *
 * A change is prepared, which may fail and then leaves no trace, and made, which may not. Both are
 * under slots_lock, other than xa_lock, which is only held for one entry at a time.
 */
import { gfn_t, pgoff_t } from "#asm-generic/types.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { KVM_MEM_ATTR_SHARED, type struct_kvm } from "#linux/kvm_host.ts";
import { lockdep_assert_held } from "#linux/lockdep.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { cond_resched } from "#linux/sched.ts";
import {
	type struct_xarray, XA_CHUNK_MASK, XA_CHUNK_SHIFT, XA_CHUNK_SIZE, XA_INDEX_BITS,
	XA_INDEX_MAX, xa_is_node, xa_is_retry, xa_is_value, xa_is_zero, xa_mk_value, type xa_ptr,
	xa_shl, xa_shr, XA_STATE, XA_STATE_ORDER, XA_ZERO_ENTRY, XAS_BOUNDS, xas_error, xas_is_node,
	xas_load, xas_lock, xas_nomem, xas_set, xas_set_order, xas_split, xas_split_alloc,
	xas_store, xas_unlock,
} from "#linux/xarray.ts";

const is_aligned = (index: number, order: number): boolean =>
	xa_shl(xa_shr(index, order), order) === index;

/** Of the largest entry that begins at @at and ends at @end or before. */
function first_order(at: number, end: number): number {
	let order = 0;

	for (let next = XA_CHUNK_SHIFT; next < XA_INDEX_BITS; next += XA_CHUNK_SHIFT) {
		if (!is_aligned(at, next) || at + xa_shl(1, next) > end)
			break;
		order = next;
	}
	return order;
}

/** Of the largest entry that ends at @end and begins at @start or behind. */
function last_order(start: number, end: number): number {
	let order = 0;

	for (let next = XA_CHUNK_SHIFT; next < XA_INDEX_BITS; next += XA_CHUNK_SHIFT) {
		if (!is_aligned(end, next) || end - xa_shl(1, next) < start)
			break;
		order = next;
	}
	return order;
}

/** Makes the place of an entry, so that a later store needs no memory. 0 or -ENOMEM. */
function reserve(xa: struct_xarray, at: number, order: number): number {
	const xas = XA_STATE_ORDER(xa, pgoff_t(at), order);

	do {
		xas_lock(xas);
		if (xas_load(xas) === null)
			xas_store(xas, XA_ZERO_ENTRY);
		xas_unlock(xas);
	} while (xas_nomem(xas, GFP_KERNEL_ACCOUNT));
	return xas_error(xas);
}

/** Gives up a place that was not used. */
function release(xa: struct_xarray, at: number, order: number): void {
	const xas = XA_STATE_ORDER(xa, pgoff_t(at), order);

	xas_lock(xas);
	if (xa_is_zero(xas_load(xas)))
		xas_store(xas, null);
	xas_unlock(xas);
}

/**
 * Frees what a reserve() that failed has left: empty nodes on the way to @at, and nodes that only
 * made the tree higher. The place that there is without any further node is taken and given up.
 */
function trim(xa: struct_xarray, at: number): void {
	const xas = XA_STATE(xa, pgoff_t(at));

	xas_lock(xas);
	const head = xa.xa_head;
	if (xa_is_node(head)) {
		xas_set(xas, Math.min(at, xa_shl(XA_CHUNK_SIZE, head.shift) - 1));
		if (xas_load(xas) === null) {
			xas_set_order(xas, xas.xa_index, xas.xa_node!.shift);
			xas_store(xas, XA_ZERO_ENTRY);
			xas_store(xas, null);
		}
	}
	xas_unlock(xas);
}

/** Whether an entry at 0 would only make the tree higher, and cover what is there. */
function is_above_head(xa: struct_xarray, at: number, order: number): boolean {
	const head = xa.xa_head;

	return at === 0 && order !== 0 && head !== null &&
		!(xa_is_node(head) && head.shift >= order);
}

/**
 * Of [@start, @end), which is to be shared, the places of the first and the last entry: all others
 * are on the way to one of these.
 */
function prepare_shared(xa: struct_xarray, start: number, end: number): number {
	const first = first_order(start, end), last = last_order(start, end);
	const last_at = end - xa_shl(1, last);

	/* only one entry: that beside it makes the tree as high as needed and replaces nothing */
	if (is_above_head(xa, start, first) && last_at === start) {
		const r = reserve(xa, end, first);
		if (r)
			trim(xa, end);
		return r;
	}

	/* this one first: higher than for it the tree need not be */
	let r = reserve(xa, last_at, last);
	if (r) {
		trim(xa, last_at);
		return r;
	}
	r = reserve(xa, start, first);
	if (r) {
		trim(xa, start);
		release(xa, last_at, last);
	}
	return r;
}

/** Divides entries until one begins at @at, unless there is none. 0 or -ENOMEM. */
function split(xa: struct_xarray, at: number): number {
	if (at > XA_INDEX_MAX)
		return 0;

	for (;;) {
		const xas = XA_STATE(xa, pgoff_t(at));

		xas_lock(xas);
		const entry = xas_load(xas), node = xas.xa_node;
		xas_unlock(xas);
		if (!xa_is_value(entry) || node === null || is_aligned(at, node.shift))
			return 0;

		const order = node.shift;
		xas_set_order(xas, at, order - XA_CHUNK_SHIFT);
		xas_split_alloc(xas, entry, order, GFP_KERNEL_ACCOUNT);
		if (xas_error(xas))
			return xas_error(xas);
		xas_lock(xas);
		xas_split(xas, entry, order);
		xas_unlock(xas);
	}
}

/** The reverse, as far as all around @at is shared. */
function merge(xa: struct_xarray, at: number): void {
	const xas = XA_STATE(xa, pgoff_t(Math.min(at, XA_INDEX_MAX)));

	xas_lock(xas);
	xas_load(xas);
	while (xas_is_node(xas)) {
		const node = xas.xa_node;

		if (node === null || node.parent === null || node.nr_values !== XA_CHUNK_SIZE)
			break;
		xas_set_order(xas, xas.xa_index, node.shift + XA_CHUNK_SHIFT);
		xas_store(xas, xa_mk_value(KVM_MEM_ATTR_SHARED));
	}
	xas_unlock(xas);
}

/** [@start, @end) is to become shared, or private: 0 or -ENOMEM. */
export function kvm_mem_attr_prepare(kvm: struct_kvm, start: gfn_t, end: gfn_t,
	shared: boolean): number {
	const xa = kvm.mem_attr_array;

	lockdep_assert_held(kvm.slots_lock);
	if (shared)
		return prepare_shared(xa, start, end);

	const r = split(xa, start) || split(xa, end);
	if (r) {
		merge(xa, end);
		merge(xa, start);
	}
	return r;
}

/** An entry, or none, in the place of whatever was there. */
function store(xa: struct_xarray, at: number, order: number, entry: xa_ptr): void {
	const xas = XA_STATE_ORDER(xa, pgoff_t(at), order);

	xas_lock(xas);
	let curr = xas_load(xas);
	xas_unlock(xas);

	/* all at once would be long under the lock: from below, 64 entries at a time */
	if (xa_is_node(curr) && curr.shift > XA_CHUNK_SHIFT) {
		for (let i = 0, shift = curr.shift; i < XA_CHUNK_SIZE; i++)
			store(xa, at + xa_shl(i, shift), shift, entry);
		cond_resched();
	}

	xas_set_order(xas, at, order);
	xas_lock(xas);
	curr = xas_load(xas);
	/* of a larger one that is there already, this is a part */
	if (entry === null ? curr !== null : !xa_is_value(curr))
		xas_store(xas, entry);
	xas_unlock(xas);
	WARN_ON_ONCE(xas_error(xas) !== 0);
}

/** What was prepared. */
export function kvm_mem_attr_set(kvm: struct_kvm, start: gfn_t, end: gfn_t,
	shared: boolean): void {
	const xa = kvm.mem_attr_array;
	const entry = shared ? xa_mk_value(KVM_MEM_ATTR_SHARED) : null;
	let order = 0;

	lockdep_assert_held(kvm.slots_lock);
	for (let at: number = start; at < end; at += xa_shl(1, order)) {
		order = first_order(at, end);
		store(xa, at, order, entry);
		cond_resched();
	}
	if (!shared)
		return;
	if (end <= XA_INDEX_MAX)
		release(xa, end, order);
	merge(xa, start);
	merge(xa, end - 1);
}

/** Behind @gfn, the first gfn that is private where @gfn is not, or the reverse; at most @end. */
export function kvm_mem_attr_end(kvm: struct_kvm, gfn: gfn_t, end: gfn_t): gfn_t {
	const xas = XA_STATE(kvm.mem_attr_array, pgoff_t(gfn));
	let at: number = gfn, shared: boolean | null = null;

	rcu_read_lock();
	while (at < end) {
		xas_set(xas, at);
		let entry = xas_load(xas);
		if (xa_is_retry(entry))
			continue;

		const is_shared: boolean = xa_is_value(entry);
		shared ??= is_shared;
		if (is_shared !== shared)
			break;

		/* beyond all nodes there is nothing */
		if (xas.xa_node === XAS_BOUNDS) {
			at = end;
			break;
		}
		const node = xas.xa_node, shift = node === null ? 0 : node.shift;
		at = xa_shl(xa_shr(at, shift) + 1, shift);
		if (node === null)
			continue;

		/* what follows in the same node */
		for (let i = xas.xa_offset + 1; i <= XA_CHUNK_MASK && at < end; i++) {
			entry = node.slots[i]!;
			if (xa_is_value(entry) !== shared || (!shared && entry !== null))
				break;
			at += xa_shl(1, shift);
		}
	}
	rcu_read_unlock();
	return gfn_t(Math.min(at, end));
}
