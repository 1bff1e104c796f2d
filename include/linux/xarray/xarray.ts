// SPDX-License-Identifier: GPL-2.0+
/*
 * XArray implementation.
 *
 * Upstream: lib/xarray.c. Left out: the dump functions of XA_DEBUG.
 *
 * @xas is the state of an operation on the array @xa, @index what it operates on; @node has @entry
 * in slots[@offset]; @parent is the node above; @mark the number of a mark. Where C has a pointer
 * to a slot, a node and an offset stand, the node null for the array's head.
 */
import type { ref } from "#asm-generic/types.ts";
import { ul_shr } from "#asm-generic/bits.ts";
import { WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { EBUSY, EINVAL, ENOMEM } from "#linux/errno.ts";
import { __GFP_ACCOUNT, __GFP_NOWARN, GFP_NOWAIT, gfpflags_allow_blocking } from "#linux/gfp.ts";
import { list_empty } from "#linux/list.ts";
import { radix_tree_node_cachep, radix_tree_node_rcu_free } from "#linux/radix-tree.ts";
import { call_rcu, rcu_assign_pointer, rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { kmem_cache_alloc_lru } from "#linux/slab.ts";
import {
	node_is_sibling, XA_NODE_BUG_ON, xa_entry, xa_entry_locked, xa_head, xa_head_locked,
	xa_index_offset, xa_is_advanced, xa_is_internal, xa_is_node, xa_is_sibling, xa_is_value,
	xa_is_zero, xa_lock, xa_marked, xa_mk_node, xa_mk_sibling, xa_or, xa_parent,
	xa_parent_locked, xa_shl, xa_shr, xa_to_node, xa_to_sibling, xa_unlock, xas_error,
	xas_find_chunk, xas_frozen, xas_invalid, xas_is_node, xas_lock, xas_lock_bh, xas_lock_irq,
	xas_lock_irqsave, xas_next_entry, xas_next_marked, xas_not_node, xas_reload, xas_retry,
	xas_set, xas_set_err, xas_set_order, xas_top, xas_unlock, xas_unlock_bh, xas_unlock_irq,
	xas_unlock_irqrestore, xas_valid,
} from "#linux/xarray.ts";
import {
	type struct_xa_node, struct_xa_state, type struct_xa_limit, type struct_xarray,
	XA_CHUNK_MASK, XA_CHUNK_SHIFT, XA_CHUNK_SIZE, XA_ERROR, XA_FLAGS_ACCOUNT,
	XA_FLAGS_ALLOC_WRAPPED, XA_FLAGS_MARK, XA_FLAGS_MARKS, XA_FLAGS_TRACK_FREE,
	XA_FLAGS_ZERO_BUSY, XA_FREE_MARK, XA_INDEX_BITS, XA_INDEX_MAX, XA_LOCK_BH, XA_LOCK_IRQ,
	XA_MARK_MAX, type xa_mark_t, XA_MAX_MARKS, type xa_ptr, XA_RCU_FREE, XA_RETRY_ENTRY,
	type xa_update_node_t, XA_ZERO_ENTRY, XAS_BOUNDS, XAS_RESTART,
} from "#linux/xarray_types.ts";

function xa_lock_type(xa: struct_xarray): number {
	return xa.xa_flags & 3;
}

function xas_lock_type(xas: struct_xa_state, lock_type: number): void {
	if (lock_type === XA_LOCK_IRQ)
		xas_lock_irq(xas);
	else if (lock_type === XA_LOCK_BH)
		xas_lock_bh(xas);
	else
		xas_lock(xas);
}

function xas_unlock_type(xas: struct_xa_state, lock_type: number): void {
	if (lock_type === XA_LOCK_IRQ)
		xas_unlock_irq(xas);
	else if (lock_type === XA_LOCK_BH)
		xas_unlock_bh(xas);
	else
		xas_unlock(xas);
}

function xa_track_free(xa: struct_xarray): boolean {
	return (xa.xa_flags & XA_FLAGS_TRACK_FREE) !== 0;
}

function xa_zero_busy(xa: struct_xarray): boolean {
	return (xa.xa_flags & XA_FLAGS_ZERO_BUSY) !== 0;
}

function xa_mark_set(xa: struct_xarray, mark: xa_mark_t): void {
	if ((xa.xa_flags & XA_FLAGS_MARK(mark)) === 0)
		xa.xa_flags |= XA_FLAGS_MARK(mark);
}

function xa_mark_clear(xa: struct_xarray, mark: xa_mark_t): void {
	if ((xa.xa_flags & XA_FLAGS_MARK(mark)) !== 0)
		xa.xa_flags &= ~XA_FLAGS_MARK(mark);
}

/* index of the word of @mark that has the bit of @offset */
function mark_word(offset: number, mark: xa_mark_t): number {
	return (mark << 1) | (offset >> 5);
}

function node_get_mark(node: struct_xa_node, offset: number, mark: xa_mark_t): boolean {
	return (node.marks[mark_word(offset, mark)]! & (1 << (offset & 31))) !== 0;
}

/* returns the old value of the mark */
function node_set_mark(node: struct_xa_node, offset: number, mark: xa_mark_t): boolean {
	const word = mark_word(offset, mark), bit = 1 << (offset & 31);
	const old = node.marks[word]!;

	node.marks[word] = old | bit;
	return (old & bit) !== 0;
}

/* returns the old value of the mark */
function node_clear_mark(node: struct_xa_node, offset: number, mark: xa_mark_t): boolean {
	const word = mark_word(offset, mark), bit = 1 << (offset & 31);
	const old = node.marks[word]!;

	if ((old & bit) === 0)
		return false;
	node.marks[word] = old & ~bit;
	return true;
}

function node_any_mark(node: struct_xa_node, mark: xa_mark_t): boolean {
	return (node.marks[mark << 1]! | node.marks[(mark << 1) + 1]!) !== 0;
}

function node_mark_all(node: struct_xa_node, mark: xa_mark_t): void {
	node.marks[mark << 1] = -1;
	node.marks[(mark << 1) + 1] = -1;
}

/*
 * Merges the marks of an entry and its siblings-to-be into the first slot.
 */
function xas_squash_marks(xas: struct_xa_state): void {
	const node = xas.xa_node!;
	const limit = xas.xa_offset + xas.xa_sibs + 1;

	if (xas.xa_sibs === 0)
		return;

	for (let mark = 0; mark <= XA_MARK_MAX; mark++) {
		let any = false;

		for (let offset = xas.xa_offset + 1; offset < limit; offset++)
			if (node_clear_mark(node, offset, mark))
				any = true;
		if (any)
			node_set_mark(node, xas.xa_offset, mark);
	}
}

/* slot of @node that @index leads to */
function get_offset(index: number, node: struct_xa_node): number {
	return xa_index_offset(index, node.shift);
}

function xas_set_offset(xas: struct_xa_state): void {
	xas.xa_offset = get_offset(xas.xa_index, xas.xa_node!);
}

/* xa_index becomes that of slot @offset: ahead in a search, back from a sibling */
function xas_move_index(xas: struct_xa_state, offset: number): void {
	const shift = xas.xa_node!.shift;
	const index = xas.xa_index;

	if (shift <= 24)
		xas.xa_index = index - (index & ((XA_CHUNK_SIZE << shift) - 1)) + (offset << shift);
	else
		xas.xa_index = moved_high(index, shift, offset);
}

function moved_high(index: number, shift: number, offset: number): number {
	return xa_shl(xa_shr(index, shift + XA_CHUNK_SHIFT), shift + XA_CHUNK_SHIFT) +
		xa_shl(offset, shift);
}

function xas_next_offset(xas: struct_xa_state): void {
	xas.xa_offset++;
	xas_move_index(xas, xas.xa_offset);
}

function set_bounds(xas: struct_xa_state): null {
	xas.xa_node = XAS_BOUNDS;
	return null;
}

/* the next walk for a neighbour of @index need not begin at the head */
function xa_set_leaf(xa: struct_xarray, node: struct_xa_node, index: number): void {
	if (node.array !== xa || index > 0x7fffffff)
		return;
	xa.leaf = node;
	xa.leaf_index = index & ~XA_CHUNK_MASK;
}

function xa_forget_leaf(xa: struct_xarray): void {
	xa.leaf = null;
	xa.leaf_index = -XA_CHUNK_SIZE;
}

/*
 * Starts a walk. A valid @xas is taken to be on the right path: its entry is returned. In an error
 * state, null. Beyond the array's nodes, null and XAS_BOUNDS. Otherwise the head, or the leaf below
 * it that a single index is known to lead to, and xas->xa_node is null.
 */
function xas_start(xas: struct_xa_state): xa_ptr {
	if (xas.xa_node !== XAS_RESTART) {
		if (xas_valid(xas))
			return xas_reload(xas);
		if (xas_error(xas) !== 0)
			return null;
	}

	const xa = xas.xa;
	const entry = xa_head(xa);
	const offset = xas.xa_index - xa.leaf_index;
	if (offset >= 0 && offset < XA_CHUNK_SIZE && xas.xa_shift === 0) {
		xas.xa_node = null;
		return xa.leaf;
	}
	if (!xa_is_node(entry)) {
		if (xas.xa_index !== 0)
			return set_bounds(xas);
	} else {
		if (xas.xa_index > max_index(entry))
			return set_bounds(xas);
	}

	xas.xa_node = null;
	return entry;
}

function xas_descend(xas: struct_xa_state, node: struct_xa_node): xa_ptr {
	let offset = get_offset(xas.xa_index, node);
	let entry = xa_entry(xas.xa, node, offset);

	if (node.shift === 0 && xas.xa.leaf_index !== (xas.xa_index & ~XA_CHUNK_MASK))
		xa_set_leaf(xas.xa, node, xas.xa_index);
	xas.xa_node = node;
	if (node_is_sibling(node, entry)) {
		offset = xa_to_sibling(entry);
		entry = xa_entry(xas.xa, node, offset);
		if (node.shift !== 0 && xa_is_node(entry))
			entry = XA_RETRY_ENTRY;
	}

	xas.xa_offset = offset;
	return entry;
}

/* the leaf that xas_start() of a new walk will hand out, or null: the walk begins elsewhere */
function xas_known_leaf(xas: struct_xa_state): struct_xa_node | null {
	const offset = xas.xa_index - xas.xa.leaf_index;

	return xas.xa_node === XAS_RESTART && offset >= 0 && offset < XA_CHUNK_SIZE &&
		xas.xa_shift === 0 ? xas.xa.leaf : null;
}

/**
 * The leaf that a walk for @index would come to, if that is known without one and the slot is
 * empty; else null. The caller holds xa_lock or the RCU lock.
 */
export function xa_empty_leaf(xa: struct_xarray, index: number): struct_xa_node | null {
	const offset = index - xa.leaf_index;

	if (offset < 0 || offset >= XA_CHUNK_SIZE)
		return null;
	const leaf = xa.leaf!;
	return leaf.has_siblings === false && leaf.slots[offset] === null ? leaf : null;
}

/** xas_store() of an @entry, no value, where xa_empty_leaf() has found @leaf. Under xa_lock. */
export function xa_fill_leaf(leaf: struct_xa_node, index: number, entry: xa_ptr): void {
	leaf.slots[index & XA_CHUNK_MASK] = rcu_assign_pointer(entry);
	leaf.count++;
	XA_NODE_BUG_ON(leaf, (leaf.count & 255) > XA_CHUNK_SIZE);
	XA_NODE_BUG_ON(leaf, !list_empty(leaf.private_list));
}

/* xas_start() and xas_descend() for what xas_known_leaf() found */
function xas_load_leaf(xas: struct_xa_state, leaf: struct_xa_node): xa_ptr {
	const offset = xas.xa_index & XA_CHUNK_MASK;

	xa_head(xas.xa);	/* for its check of the locks */
	if (leaf.has_siblings === true)
		return xas_descend(xas, leaf);
	xas.xa_node = leaf;
	xas.xa_offset = offset;
	return xa_entry(xas.xa, leaf, offset);
}

/**
 * lib/xarray.c:xas_load(): the entry at xa_index, null if @xas holds an error. Never makes
 * nodes. For a multi-index @xas the result may be null or internal although the range has
 * entries. The caller holds xa_lock or the RCU lock.
 */
export function xas_load(xas: struct_xa_state): xa_ptr {
	const leaf = xas_known_leaf(xas);
	if (leaf !== null)
		return xas_load_leaf(xas, leaf);

	let entry = xas_start(xas);

	while (xa_is_node(entry)) {
		const node: struct_xa_node = xa_to_node(entry);

		if (xas.xa_shift > node.shift)
			break;
		entry = xas_descend(xas, node);
		if (node.shift === 0)
			break;
	}
	return entry;
}

function xa_node_free(node: struct_xa_node): void {
	const xa = node.array;

	XA_NODE_BUG_ON(node, !list_empty(node.private_list));
	if (xa !== null && xa.leaf === node)
		xa_forget_leaf(xa);
	node.array = XA_RCU_FREE;
	call_rcu(node.rcu_head, radix_tree_node_rcu_free);
}

/**
 * lib/xarray.c:xas_destroy(): frees what the operation allocated and did not use. xas_nomem() does
 * it for most callers.
 */
export function xas_destroy(xas: struct_xa_state): void {
	let next: struct_xa_node | null, node = xas.xa_alloc;

	while (node !== null) {
		XA_NODE_BUG_ON(node, !list_empty(node.private_list));
		next = node.parent;
		radix_tree_node_rcu_free(node.rcu_head);
		xas.xa_alloc = node = next;
	}
}

/**
 * lib/xarray.c:xas_nomem(): after the lock was dropped, allocates the node that a failed operation
 * lacked. True: the caller retries the operation. One node is enough to make progress.
 */
export function xas_nomem(xas: struct_xa_state, gfp: number): boolean {
	if (xas_error(xas) !== -ENOMEM) {
		xas_destroy(xas);
		return false;
	}
	if ((xas.xa.xa_flags & XA_FLAGS_ACCOUNT) !== 0)
		gfp |= __GFP_ACCOUNT;
	xas.xa_alloc = kmem_cache_alloc_lru(radix_tree_node_cachep, xas.xa_lru, gfp);
	if (xas.xa_alloc === null)
		return false;
	xas.xa_alloc.parent = null;
	XA_NODE_BUG_ON(xas.xa_alloc, !list_empty(xas.xa_alloc.private_list));
	xas.xa_node = XAS_RESTART;
	return true;
}

/* xas_nomem() for the normal API: drops the lock if need be */
function __xas_nomem(xas: struct_xa_state, gfp: number): boolean {
	const lock_type = xa_lock_type(xas.xa);

	if (xas_error(xas) !== -ENOMEM) {
		xas_destroy(xas);
		return false;
	}
	if ((xas.xa.xa_flags & XA_FLAGS_ACCOUNT) !== 0)
		gfp |= __GFP_ACCOUNT;
	if (gfpflags_allow_blocking(gfp)) {
		xas_unlock_type(xas, lock_type);
		xas.xa_alloc = kmem_cache_alloc_lru(radix_tree_node_cachep, xas.xa_lru, gfp);
		xas_lock_type(xas, lock_type);
	} else {
		xas.xa_alloc = kmem_cache_alloc_lru(radix_tree_node_cachep, xas.xa_lru, gfp);
	}
	if (xas.xa_alloc === null)
		return false;
	xas.xa_alloc.parent = null;
	XA_NODE_BUG_ON(xas.xa_alloc, !list_empty(xas.xa_alloc.private_list));
	xas.xa_node = XAS_RESTART;
	return true;
}

function xas_update(xas: struct_xa_state, node: struct_xa_node): void {
	if (xas.xa_update !== null)
		xas.xa_update(node);
	else
		XA_NODE_BUG_ON(node, !list_empty(node.private_list));
}

function xas_alloc(xas: struct_xa_state, shift: number): struct_xa_node | null {
	const parent = xas.xa_node;
	let node = xas.xa_alloc;

	if (xas_invalid(xas))
		return null;

	if (node !== null) {
		xas.xa_alloc = null;
	} else {
		let gfp = GFP_NOWAIT | __GFP_NOWARN;

		if ((xas.xa.xa_flags & XA_FLAGS_ACCOUNT) !== 0)
			gfp |= __GFP_ACCOUNT;

		node = kmem_cache_alloc_lru(radix_tree_node_cachep, xas.xa_lru, gfp);
		if (node === null) {
			xas_set_err(xas, -ENOMEM);
			return null;
		}
	}

	if (parent !== null) {
		node.offset = xas.xa_offset;
		parent.count++;
		XA_NODE_BUG_ON(node, parent.count > XA_CHUNK_SIZE);
		xas_update(xas, parent);
	}
	XA_NODE_BUG_ON(node, shift > XA_INDEX_BITS);
	XA_NODE_BUG_ON(node, !list_empty(node.private_list));
	node.shift = shift;
	node.count = 0;
	node.nr_values = 0;
	node.parent = xas.xa_node;
	node.array = xas.xa;

	return node;
}

/* how many indices an entry stored through @xas takes up */
function xas_size(xas: struct_xa_state): number {
	return xa_shl(xas.xa_sibs + 1, xas.xa_shift);
}

/*
 * The largest index that must exist before the entry of @xas can be added. A multi-index entry
 * cannot stand at the head, so that one at index 0 needs an index more.
 */
function xas_max(xas: struct_xa_state): number {
	let max = xas.xa_index;

	if (xas.xa_shift !== 0 || xas.xa_sibs !== 0) {
		const mask = xas_size(xas) - 1;

		max = xa_or(max, mask);
		if (mask === max)
			max++;
	}

	return max;
}

/* last index for which a tree with this head has a slot */
function max_index(entry: xa_ptr): number {
	if (!xa_is_node(entry))
		return 0;
	return entry.shift <= 24 ? (XA_CHUNK_SIZE << entry.shift) - 1 :
		xa_shl(XA_CHUNK_SIZE, entry.shift) - 1;
}

function xas_shrink(xas: struct_xa_state): void {
	const xa = xas.xa;
	let node = xas.xa_node!;

	for (;;) {
		XA_NODE_BUG_ON(node, node.count > XA_CHUNK_SIZE);
		if (node.count !== 1)
			break;
		let entry = xa_entry_locked(xa, node, 0);
		if (entry === null)
			break;
		if (!xa_is_node(entry) && node.shift !== 0)
			break;
		if (xa_is_zero(entry) && xa_zero_busy(xa))
			entry = null;
		xas.xa_node = XAS_BOUNDS;

		xa.xa_head = entry;
		if (xa_track_free(xa) && !node_get_mark(node, 0, XA_FREE_MARK))
			xa_mark_clear(xa, XA_FREE_MARK);

		node.count = 0;
		node.nr_values = 0;
		if (!xa_is_node(entry))
			node.slots[0] = XA_RETRY_ENTRY;
		xas_update(xas, node);
		xa_node_free(node);
		if (!xa_is_node(entry))
			break;
		node = xa_to_node(entry);
		node.parent = null;
	}
}

/* Removes xas->xa_node, if it is empty, and those above that become empty by it. */
function xas_delete_node(xas: struct_xa_state): void {
	let node = xas.xa_node!;

	for (;;) {
		XA_NODE_BUG_ON(node, node.count > XA_CHUNK_SIZE);
		if (node.count !== 0)
			break;

		const parent = xa_parent_locked(xas.xa, node);
		xas.xa_node = parent;
		xas.xa_offset = node.offset;
		xa_node_free(node);

		if (parent === null) {
			xas.xa.xa_head = null;
			xas.xa_node = XAS_BOUNDS;
			return;
		}

		parent.slots[xas.xa_offset] = null;
		parent.count--;
		XA_NODE_BUG_ON(parent, parent.count > XA_CHUNK_SIZE);
		node = parent;
		xas_update(xas, node);
	}

	if (node.parent === null)
		xas_shrink(xas);
}

/*
 * Frees @top, which is out of the tree already, and all below. Walkers may still be in there: what
 * they find are retry entries.
 */
function xas_free_nodes(xas: struct_xa_state, top: struct_xa_node): void {
	let offset = 0;
	let node = top;

	for (;;) {
		const entry = xa_entry_locked(xas.xa, node, offset);

		if (node.shift !== 0 && xa_is_node(entry)) {
			node = xa_to_node(entry);
			offset = 0;
			continue;
		}
		if (entry !== null)
			node.slots[offset] = XA_RETRY_ENTRY;
		offset++;
		while (offset === XA_CHUNK_SIZE) {
			const parent = xa_parent_locked(xas.xa, node);

			offset = node.offset + 1;
			node.count = 0;
			node.nr_values = 0;
			xas_update(xas, node);
			xa_node_free(node);
			if (node === top)
				return;
			node = parent!;
		}
	}
}

/*
 * Adds nodes at the head until the tree is high enough for @xas; returns the shift of what stands
 * at the head, plus one level, or -ENOMEM.
 */
function xas_expand(xas: struct_xa_state, head: xa_ptr): number {
	const xa = xas.xa;
	let node: struct_xa_node | null = null;
	let shift = 0;
	const max = xas_max(xas);

	if (head === null) {
		if (max === 0)
			return 0;
		while (xa_shr(max, shift) >= XA_CHUNK_SIZE)
			shift += XA_CHUNK_SHIFT;
		return shift + XA_CHUNK_SHIFT;
	} else if (xa_is_node(head)) {
		node = xa_to_node(head);
		shift = node.shift + XA_CHUNK_SHIFT;
	}
	xas.xa_node = null;

	while (max > max_index(head)) {
		XA_NODE_BUG_ON(node, shift > XA_INDEX_BITS);
		node = xas_alloc(xas, shift);
		if (node === null)
			return -ENOMEM;

		node.count = 1;
		if (xa_is_value(head))
			node.nr_values = 1;
		node.slots[0] = head;

		/* what the old head was marked with, its slot in the new one is too */
		for (let mark = 0; mark <= XA_MARK_MAX; mark++) {
			if (xa_track_free(xa) && mark === XA_FREE_MARK) {
				node_mark_all(node, XA_FREE_MARK);
				if (!xa_marked(xa, XA_FREE_MARK)) {
					node_clear_mark(node, 0, XA_FREE_MARK);
					xa_mark_set(xa, XA_FREE_MARK);
				}
			} else if (xa_marked(xa, mark)) {
				node_set_mark(node, 0, mark);
			}
		}

		/* the node is complete and may be seen */
		if (xa_is_node(head)) {
			xa_to_node(head).offset = 0;
			xa_to_node(head).parent = rcu_assign_pointer(node);
		}
		head = xa_mk_node(node);
		xa.xa_head = rcu_assign_pointer(head);
		xas_update(xas, node);

		shift += XA_CHUNK_SHIFT;
	}

	xas.xa_node = node;
	return shift;
}

/*
 * Makes the slot for an entry; @allow_root: the head will do. Returns the entry that is in the slot
 * when it existed, null when it is new, and null with an error in @xas.
 */
function xas_create(xas: struct_xa_state, allow_root: boolean): xa_ptr {
	const xa = xas.xa;
	let entry: xa_ptr;
	let slot: struct_xa_node | null = null;
	let node = xas.xa_node;
	let shift: number;
	const order = xas.xa_shift;

	if (xas_top(node)) {
		entry = xa_head_locked(xa);
		xas.xa_node = null;
		if (entry === null && xa_zero_busy(xa))
			entry = XA_ZERO_ENTRY;
		shift = xas_expand(xas, entry);
		if (shift < 0)
			return null;
		if (shift === 0 && !allow_root)
			shift = XA_CHUNK_SHIFT;
		entry = xa_head_locked(xa);
	} else if (xas_error(xas) !== 0) {
		return null;
	} else {
		shift = node!.shift;
		entry = xa_entry_locked(xa, node!, xas.xa_offset);
		slot = node;
	}

	while (shift > order) {
		shift -= XA_CHUNK_SHIFT;
		if (entry === null) {
			node = xas_alloc(xas, shift);
			if (node === null)
				break;
			if (xa_track_free(xa))
				node_mark_all(node, XA_FREE_MARK);
			if (slot === null)
				xa.xa_head = rcu_assign_pointer(xa_mk_node(node));
			else
				slot.slots[xas.xa_offset] = rcu_assign_pointer(xa_mk_node(node));
		} else if (xa_is_node(entry)) {
			node = xa_to_node(entry);
		} else {
			break;
		}
		entry = xas_descend(xas, node);
		slot = node;
	}

	return entry;
}

/**
 * lib/xarray.c:xas_create_range(): makes the slots of all indices of @xas, so that stores of single
 * entries there succeed, and leaves @xas at the first, for single entries.
 */
export function xas_create_range(xas: struct_xa_state): void {
	const index = xas.xa_index;
	const shift = xas.xa_shift;
	const sibs = xas.xa_sibs;

	xas.xa_index = xa_or(xas.xa_index, xa_shl(sibs + 1, shift) - 1);
	if (xas_is_node(xas) && xas.xa_node!.shift === xas.xa_shift)
		xas.xa_offset |= sibs;
	xas.xa_shift = 0;
	xas.xa_sibs = 0;

	success: {
		for (;;) {
			xas_create(xas, true);
			if (xas_error(xas) !== 0)
				break;
			if (xas.xa_index <= index - (index & XA_CHUNK_MASK) + XA_CHUNK_MASK)
				break success;
			xas.xa_index -= XA_CHUNK_SIZE;

			for (;;) {
				const node = xas.xa_node!;

				if (node.shift >= shift)
					break;
				xas.xa_node = xa_parent_locked(xas.xa, node);
				xas.xa_offset = (node.offset - 1) & 255;
				if (node.offset !== 0)
					break;
			}
		}

		/* restore */
		xas.xa_shift = shift;
		xas.xa_sibs = sibs;
		xas.xa_index = index;
		return;
	}
	xas.xa_index = index;
	if (xas.xa_node !== null)
		xas_set_offset(xas);
}

function update_node(xas: struct_xa_state, node: struct_xa_node | null, count: number,
	values: number): void {
	if (node === null || (count === 0 && values === 0))
		return;

	node.count += count;
	if (values !== 0)
		node.nr_values += values;
	XA_NODE_BUG_ON(node, (node.count & 255) > XA_CHUNK_SIZE);
	XA_NODE_BUG_ON(node, (node.nr_values & 255) > XA_CHUNK_SIZE);
	xas_update(xas, node);
	/* a node in use that is not at the head stays as it is */
	if (count < 0 && (node.count === 0 || node.parent === null))
		xas_delete_node(xas);
}

/* a === b, at the cost of a test for null where one is */
function same_entry(a: xa_ptr, b: xa_ptr): boolean {
	if (a === null)
		return b === null;
	return b !== null && a === b;
}

/* allow_root of xas_create(); it matters only where the head is no node */
function may_be_root(xas: struct_xa_state, entry: xa_ptr): boolean {
	return !xas_top(xas.xa_node) || xa_is_node(xas.xa.xa_head) ||
		(!xa_is_node(entry) && !xa_is_zero(entry));
}

/* whether only slots of one entry each are in @node, of the last level */
function is_plain_leaf(node: struct_xa_node | null): node is struct_xa_node {
	return node !== null && node.ptr_bits === 0 && node.shift === 0 &&
		node.has_siblings === false;
}

/* xas_store() where one slot of the last level changes */
function store_in_leaf(xas: struct_xa_state, node: struct_xa_node, old: xa_ptr,
	entry: xa_ptr): xa_ptr {
	if (same_entry(old, entry))
		return old;
	if (entry === null)
		return erase_in_leaf(xas, node, old);
	node.slots[xas.xa_offset] = rcu_assign_pointer(entry);
	update_node(xas, node, old === null ? 1 : 0,
		(xa_is_value(entry) ? 1 : 0) - (xa_is_value(old) ? 1 : 0));
	return old;
}

function erase_in_leaf(xas: struct_xa_state, node: struct_xa_node, old: xa_ptr): xa_ptr {
	xas_init_marks(xas);
	node.slots[xas.xa_offset] = rcu_assign_pointer(null);
	update_node(xas, node, -1, xa_is_value(old) ? -1 : 0);
	return old;
}

/* whether @xas stands at a slot that xas_create() would find made */
function xas_in_leaf(xas: struct_xa_state): xas is struct_xa_state & { xa_node: struct_xa_node } {
	const node = xas.xa_node;

	return node !== null && node.ptr_bits === 0 && node.shift <= xas.xa_shift;
}

/**
 * lib/xarray.c:xas_store(): returns the old entry at the index; for a multi-index @xas that means
 * nothing. The caller holds xa_lock.
 */
export function xas_store(xas: struct_xa_state, entry: xa_ptr): xa_ptr {
	let first: xa_ptr;

	if (entry !== null)
		first = xas_in_leaf(xas) ? xa_entry_locked(xas.xa, xas.xa_node, xas.xa_offset) :
			xas_create(xas, may_be_root(xas, entry));
	else
		first = xas_load(xas);

	const node = xas.xa_node;
	if (xas.xa_sibs === 0 && is_plain_leaf(node))
		return store_in_leaf(xas, node, first, entry);
	return store_range(xas, entry, first);
}

/* its other cases, apart from what is compiled into callers; @first is at the index now */
function store_range(xas: struct_xa_state, entry: xa_ptr, first: xa_ptr): xa_ptr {
	const node = xas.xa_node;
	let count = 0;
	let values = 0;
	let next: xa_ptr;

	if (xas_invalid(xas))
		return first;
	if (node !== null && xas.xa_shift < node.shift)
		xas.xa_sibs = 0;
	if (xas.xa_sibs === 0 && same_entry(first, entry))
		return first;

	const value = xa_is_value(entry);
	next = first;
	let offset = xas.xa_offset;
	const max = xas.xa_offset + xas.xa_sibs;
	if (node !== null) {
		if (xas.xa_sibs !== 0)
			xas_squash_marks(xas);
	}
	if (entry === null)
		xas_init_marks(xas);

	for (;;) {
		/*
		 * Marks were cleared before: xas_for_each_marked() must not meet null under a mark.
		 */
		if (node === null)
			xas.xa.xa_head = rcu_assign_pointer(entry);
		else
			node.slots[offset] = rcu_assign_pointer(entry);
		if ((node === null || node.shift !== 0) && xa_is_node(next))
			xas_free_nodes(xas, xa_to_node(next));
		if (node === null)
			break;
		count += (next === null ? 1 : 0) - (entry === null ? 1 : 0);
		values += (xa_is_value(first) ? 0 : 1) - (value ? 0 : 1);
		if (entry !== null) {
			if (offset === max)
				break;
			if (!xa_is_sibling(entry)) {
				entry = xa_mk_sibling(xas.xa_offset);
				node.has_siblings = true;
			}
		} else {
			if (offset === XA_CHUNK_MASK || (offset === max && !node.has_siblings))
				break;
		}
		next = xa_entry_locked(xas.xa, node, ++offset);
		if (!node_is_sibling(node, next)) {
			if (entry === null && offset > max)
				break;
			first = next;
		}
	}

	update_node(xas, node, count, values);
	return first;
}

/** lib/xarray.c:xas_get_mark(): false in an error state. */
export function xas_get_mark(xas: struct_xa_state, mark: xa_mark_t): boolean {
	if (xas_invalid(xas))
		return false;
	if (xas.xa_node === null)
		return xa_marked(xas.xa, mark);
	return node_get_mark(xas.xa_node, xas.xa_offset, mark);
}

/** lib/xarray.c:xas_set_mark(): on the entry @xas was walked to, and on all above it. */
export function xas_set_mark(xas: struct_xa_state, mark: xa_mark_t): void {
	let node = xas.xa_node;
	let offset = xas.xa_offset;

	if (xas_invalid(xas))
		return;

	while (node !== null) {
		if (node_set_mark(node, offset, mark))
			return;
		offset = node.offset;
		node = xa_parent_locked(xas.xa, node);
	}

	if (!xa_marked(xas.xa, mark))
		xa_mark_set(xas.xa, mark);
}

/** lib/xarray.c:xas_clear_mark(): and above, where no other entry has it. */
export function xas_clear_mark(xas: struct_xa_state, mark: xa_mark_t): void {
	let node = xas.xa_node;
	let offset = xas.xa_offset;

	if (xas_invalid(xas))
		return;

	while (node !== null) {
		if (!node_clear_mark(node, offset, mark))
			return;
		if (node_any_mark(node, mark))
			return;

		offset = node.offset;
		node = xa_parent_locked(xas.xa, node);
	}

	if (xa_marked(xas.xa, mark))
		xa_mark_clear(xas.xa, mark);
}

/** lib/xarray.c:xas_init_marks(): none, but the one of free entries where those are tracked. */
export function xas_init_marks(xas: struct_xa_state): void {
	/* no mark at the head, none below */
	if ((xas.xa.xa_flags & (XA_FLAGS_TRACK_FREE | XA_FLAGS_MARKS)) === 0)
		return;

	for (let mark = 0; mark <= XA_MARK_MAX; mark++) {
		if (xa_track_free(xas.xa) && mark === XA_FREE_MARK)
			xas_set_mark(xas, mark);
		else
			xas_clear_mark(xas, mark);
	}
}

function node_get_marks(node: struct_xa_node, offset: number): number {
	let marks = 0;

	for (let mark = 0; mark <= XA_MARK_MAX; mark++) {
		if (node_get_mark(node, offset, mark))
			marks |= 1 << mark;
	}

	return marks;
}

function node_set_marks(node: struct_xa_node, offset: number, child: struct_xa_node | null,
	marks: number): void {
	for (let mark = 0; mark <= XA_MARK_MAX; mark++) {
		if ((marks & (1 << mark)) !== 0) {
			node_set_mark(node, offset, mark);
			if (child !== null)
				node_mark_all(child, mark);
		}
	}
}

/**
 * lib/xarray.c:xas_split_alloc(): before xas_split(), allocates the nodes it needs to split an
 * entry of @order into those of @xas, filled with @entry. Sets an error in @xas.
 */
export function xas_split_alloc(xas: struct_xa_state, entry: xa_ptr, order: number,
	gfp: number): void {
	let sibs = (1 << (order % XA_CHUNK_SHIFT)) - 1;
	const mask = xas.xa_sibs;

	nomem: {
		/* entries that span more than two levels of nodes cannot be split yet */
		if (WARN_ON(xas.xa_shift + 2 * XA_CHUNK_SHIFT < order))
			break nomem;
		if (xas.xa_shift + XA_CHUNK_SHIFT > order)
			return;

		do {
			let sibling: xa_ptr = null;

			const node = kmem_cache_alloc_lru(radix_tree_node_cachep, xas.xa_lru, gfp);
			if (node === null)
				break nomem;
			node.array = xas.xa;
			node.has_siblings = mask !== 0;
			for (let i = 0; i < XA_CHUNK_SIZE; i++) {
				if ((i & mask) === 0) {
					node.slots[i] = entry;
					sibling = xa_mk_sibling(i);
				} else {
					node.slots[i] = sibling;
				}
			}
			node.parent = xas.xa_alloc;
			xas.xa_alloc = node;
		} while (sibs-- > 0);

		return;
	}
	xas_destroy(xas);
	xas_set_err(xas, -ENOMEM);
}

/**
 * lib/xarray.c:xas_split(): makes entries of the size of @xas, each @entry, out of one of @order.
 * The caller holds xa_lock.
 */
export function xas_split(xas: struct_xa_state, entry: xa_ptr, order: number): void {
	const sibs = (1 << (order % XA_CHUNK_SHIFT)) - 1;
	const curr = xas_load(xas);
	let values = 0;

	const node = xas.xa_node;
	if (xas_top(node) || node === null)
		return;

	const marks = node_get_marks(node, xas.xa_offset);

	let offset = xas.xa_offset + sibs;
	do {
		if (xas.xa_shift < node.shift) {
			const child = xas.xa_alloc!;

			xas.xa_alloc = child.parent;
			child.shift = node.shift - XA_CHUNK_SHIFT;
			child.offset = offset;
			child.count = XA_CHUNK_SIZE;
			child.nr_values = xa_is_value(entry) ? XA_CHUNK_SIZE : 0;
			child.parent = node;
			node_set_marks(node, offset, child, marks);
			node.slots[offset] = rcu_assign_pointer(xa_mk_node(child));
			if (xa_is_value(curr))
				values--;
			xas_update(xas, child);
		} else {
			const canon = offset - xas.xa_sibs;

			node_set_marks(node, canon, null, marks);
			node.slots[canon] = rcu_assign_pointer(entry);
			node.has_siblings = true;
			while (offset > canon)
				node.slots[offset--] = rcu_assign_pointer(xa_mk_sibling(canon));
			values += ((xa_is_value(entry) ? 1 : 0) - (xa_is_value(curr) ? 1 : 0)) *
				(xas.xa_sibs + 1);
		}
	} while (offset-- > xas.xa_offset);

	node.nr_values += values;
	xas_update(xas, node);
}

/**
 * lib/xarray.c:xas_pause(): before a forward walk drops its lock: afterwards it goes on behind the
 * current entry, from the top.
 */
export function xas_pause(xas: struct_xa_state): void {
	const node = xas.xa_node;

	if (xas_invalid(xas))
		return;

	xas.xa_node = XAS_RESTART;
	if (node !== null) {
		let offset = xas.xa_offset;

		while (++offset < XA_CHUNK_SIZE) {
			if (!node_is_sibling(node, xa_entry(xas.xa, node, offset)))
				break;
		}
		xas.xa_index += xa_shl(offset - xas.xa_offset, node.shift);
		if (xas.xa_index > XA_INDEX_MAX) {
			xas.xa_index = 0;
			xas.xa_node = XAS_BOUNDS;
		}
	} else {
		xas.xa_index++;
	}
}

/** lib/xarray.c:__xas_prev() */
export function __xas_prev(xas: struct_xa_state): xa_ptr {
	if (!xas_frozen(xas.xa_node))
		xas.xa_index = xas.xa_index === 0 ? XA_INDEX_MAX : xas.xa_index - 1;
	if (xas.xa_node === null)
		return set_bounds(xas);
	if (xas_not_node(xas.xa_node))
		return xas_load(xas);

	if (xas.xa_offset !== get_offset(xas.xa_index, xas.xa_node))
		xas.xa_offset = (xas.xa_offset - 1) & 255;

	while (xas.xa_offset === 255) {
		xas.xa_offset = (xas.xa_node.offset - 1) & 255;
		xas.xa_node = xa_parent(xas.xa, xas.xa_node);
		if (xas.xa_node === null)
			return set_bounds(xas);
	}

	for (;;) {
		const entry = xa_entry(xas.xa, xas.xa_node, xas.xa_offset);

		if (xas.xa_node.shift === 0 || !xa_is_node(entry))
			return entry;

		xas.xa_node = xa_to_node(entry);
		xas_set_offset(xas);
	}
}

/** lib/xarray.c:__xas_next() */
export function __xas_next(xas: struct_xa_state): xa_ptr {
	if (!xas_frozen(xas.xa_node))
		xas.xa_index = xas.xa_index === XA_INDEX_MAX ? 0 : xas.xa_index + 1;
	if (xas.xa_node === null)
		return set_bounds(xas);
	if (xas_not_node(xas.xa_node))
		return xas_load(xas);

	if (xas.xa_offset !== get_offset(xas.xa_index, xas.xa_node))
		xas.xa_offset++;

	while (xas.xa_offset === XA_CHUNK_SIZE) {
		xas.xa_offset = xas.xa_node.offset + 1;
		xas.xa_node = xa_parent(xas.xa, xas.xa_node);
		if (xas.xa_node === null)
			return set_bounds(xas);
	}

	for (;;) {
		const entry = xa_entry(xas.xa, xas.xa_node, xas.xa_offset);

		if (xas.xa_node.shift === 0 || !xa_is_node(entry))
			return entry;

		xas.xa_node = xa_to_node(entry);
		xas_set_offset(xas);
	}
}

/* The entry behind the current one, if it is in the same leaf and no further than @max, or null. */
function next_in_leaf(xas: struct_xa_state, max: number): xa_ptr {
	const leaf = xas.xa_node, offset = xas.xa_offset + 1;

	if (leaf === null || leaf.ptr_bits !== 0 || leaf.shift !== 0 ||
	    leaf.has_siblings === true || offset > XA_CHUNK_MASK ||
	    offset - 1 !== (xas.xa_index & XA_CHUNK_MASK) || xas.xa_index >= max)
		return null;
	const entry = xa_entry(xas.xa, leaf, offset);
	if (entry !== null) {
		xas.xa_offset = offset;
		xas.xa_index++;
	}
	return entry;
}

/**
 * lib/xarray.c:xas_find(): the first entry at or behind xa_index, or, after a walk, behind the
 * current one. When there is none up to @max and the array is smaller, @xas stands at the first
 * index that is not in the array, ready for xas_store().
 */
export function xas_find(xas: struct_xa_state, max: number): xa_ptr {
	let entry = next_in_leaf(xas, max);

	if (entry !== null)
		return entry;
	if (xas_error(xas) !== 0 || xas.xa_node === XAS_BOUNDS)
		return null;
	if (xas.xa_index > max)
		return set_bounds(xas);

	if (xas.xa_node === null) {
		xas.xa_index = 1;
		return set_bounds(xas);
	} else if (xas.xa_node === XAS_RESTART) {
		entry = xas_load(xas);
		if (entry !== null || xas_not_node(xas.xa_node))
			return entry;
	} else if (xas.xa_node.shift === 0 &&
		   xas.xa_offset !== (xas.xa_index & XA_CHUNK_MASK)) {
		xas.xa_offset = ((xas.xa_index - 1) & XA_CHUNK_MASK) + 1;
	}

	xas_next_offset(xas);

	while (xas.xa_node !== null && xas.xa_index <= max) {
		if (xas.xa_offset === XA_CHUNK_SIZE) {
			xas.xa_offset = xas.xa_node.offset + 1;
			xas.xa_node = xa_parent(xas.xa, xas.xa_node);
			continue;
		}

		entry = xa_entry(xas.xa, xas.xa_node, xas.xa_offset);
		if (entry !== null) {
			if (xas.xa_node.shift !== 0 && xa_is_node(entry)) {
				xas.xa_node = xa_to_node(entry);
				xas.xa_offset = 0;
				continue;
			}
			if (!node_is_sibling(xas.xa_node, entry))
				return entry;
		}

		xas_next_offset(xas);
	}

	if (xas.xa_node === null)
		xas.xa_node = XAS_BOUNDS;
	return null;
}

/**
 * lib/xarray.c:xas_find_marked(): as xas_find(), for entries with @mark. Leaves @xas in the
 * bounds state if the array ended, in the restart state if @max was passed.
 */
export function xas_find_marked(xas: struct_xa_state, max: number, mark: xa_mark_t): xa_ptr {
	let advance = true;
	let entry: xa_ptr;

	if (xas_error(xas) !== 0)
		return null;

	max: {
		if (xas.xa_index > max)
			break max;

		out: {
			if (xas.xa_node === null) {
				xas.xa_index = 1;
				break out;
			} else if (xas_top(xas.xa_node)) {
				advance = false;
				entry = xa_head(xas.xa);
				xas.xa_node = null;
				if (xas.xa_index > max_index(entry))
					break out;
				if (!xa_is_node(entry)) {
					if (xa_marked(xas.xa, mark))
						return entry;
					xas.xa_index = 1;
					break out;
				}
				xas.xa_node = xa_to_node(entry);
				xas.xa_offset = get_offset(xas.xa_index, xas.xa_node);
			}

			while (xas.xa_index <= max) {
				const node: struct_xa_node = xas.xa_node!;

				if (xas.xa_offset === XA_CHUNK_SIZE) {
					xas.xa_offset = node.offset + 1;
					xas.xa_node = xa_parent(xas.xa, node);
					if (xas.xa_node === null)
						break;
					advance = false;
					continue;
				}

				if (!advance) {
					entry = xa_entry(xas.xa, node, xas.xa_offset);
					if (node_is_sibling(node, entry)) {
						xas.xa_offset = xa_to_sibling(entry);
						xas_move_index(xas, xas.xa_offset);
					}
				}

				const offset = xas_find_chunk(xas, advance, mark);
				if (offset > xas.xa_offset) {
					advance = false;
					xas_move_index(xas, offset);
					if (xas.xa_index - 1 >= max)
						break max;
					xas.xa_offset = offset;
					if (offset === XA_CHUNK_SIZE)
						continue;
				}

				entry = xa_entry(xas.xa, node, xas.xa_offset);
				if (entry === null &&
					!(xa_track_free(xas.xa) && mark === XA_FREE_MARK))
					continue;
				if (node.shift === 0 || !xa_is_node(entry))
					return entry;
				xas.xa_node = xa_to_node(entry);
				xas_set_offset(xas);
			}
		}
		if (xas.xa_index > max)
			break max;
		return set_bounds(xas);
	}
	xas.xa_node = XAS_RESTART;
	return null;
}

/**
 * lib/xarray.c:xas_find_conflict(): the next entry within the range of @xas, which is both range
 * and position. The caller holds xa_lock.
 */
export function xas_find_conflict(xas: struct_xa_state): xa_ptr {
	let curr: xa_ptr;

	if (xas_error(xas) !== 0)
		return null;

	if (xas.xa_node === null)
		return null;

	if (xas_top(xas.xa_node)) {
		const leaf = xas_known_leaf(xas);

		if (leaf !== null) {
			curr = xas_load_leaf(xas, leaf);
		} else {
			curr = xas_start(xas);
			if (curr === null)
				return null;
			while (xa_is_node(curr)) {
				const node: struct_xa_node = xa_to_node(curr);

				curr = xas_descend(xas, node);
				if (node.shift === 0)
					break;
			}
		}
		if (curr !== null)
			return curr;
	}

	if (xas.xa_node.shift > xas.xa_shift)
		return null;

	for (;;) {
		if (xas.xa_node.shift === xas.xa_shift) {
			if ((xas.xa_offset & xas.xa_sibs) === xas.xa_sibs)
				break;
		} else if (xas.xa_offset === XA_CHUNK_MASK) {
			xas.xa_offset = xas.xa_node.offset;
			xas.xa_node = xa_parent_locked(xas.xa, xas.xa_node);
			if (xas.xa_node === null)
				break;
			continue;
		}
		curr = xa_entry_locked(xas.xa, xas.xa_node, ++xas.xa_offset);
		if (node_is_sibling(xas.xa_node, curr))
			continue;
		while (xas.xa_node.shift !== 0 && xa_is_node(curr)) {
			xas.xa_node = xa_to_node(curr);
			xas.xa_offset = 0;
			curr = xa_entry_locked(xas.xa, xas.xa_node, 0);
		}
		if (curr !== null)
			return curr;
	}
	xas.xa_offset -= xas.xa_sibs;
	return null;
}

/** lib/xarray.c:xa_load(), with the walk in line: no xa_state. */
export function xa_load(xa: struct_xarray, index: number): xa_ptr {
	let entry: xa_ptr;

	rcu_read_lock();
	do {
		entry = xa_head(xa);
		const offset = index - xa.leaf_index;
		if (offset >= 0 && offset < XA_CHUNK_SIZE) {
			entry = xa.leaf;
		} else if (!xa_is_node(entry)) {
			if (index !== 0)
				entry = null;
		} else if (index > max_index(entry)) {
			entry = null;
		}
		if (xa_is_node(entry)) {
			let node: struct_xa_node = entry;

			for (;;) {
				entry = node.slots[get_offset(index, node)]!;
				if (node.shift === 0 || !xa_is_node(entry))
					break;
				node = entry;
			}
			if (node_is_sibling(node, entry)) {
				entry = node.slots[xa_to_sibling(entry)]!;
				if (node.shift !== 0 && xa_is_node(entry))
					entry = XA_RETRY_ENTRY;
			}
		}
		if (entry === XA_ZERO_ENTRY)
			entry = null;
	} while (entry === XA_RETRY_ENTRY);
	rcu_read_unlock();

	return entry;
}

function xas_result(xas: struct_xa_state, curr: xa_ptr): xa_ptr {
	if (xa_is_zero(curr))
		return null;
	if (xas_error(xas) !== 0)
		curr = xas.xa_node;
	return curr;
}

/** lib/xarray.c:__xa_erase(): under xa_lock. A multi-index entry goes as a whole. */
export function __xa_erase(xa: struct_xarray, index: number): xa_ptr {
	const xas = new struct_xa_state(xa, index, 0, 0);

	return xas_result(xas, xas_store(xas, null));
}

/** lib/xarray.c:xa_erase(): returns the entry that was there. */
export function xa_erase(xa: struct_xarray, index: number): xa_ptr {
	xa_lock(xa);
	const entry = __xa_erase(xa, index);
	xa_unlock(xa);

	return entry;
}

/** lib/xarray.c:__xa_store(): xa_lock is held, and dropped if @gfp allows to sleep for memory. */
export function __xa_store(xa: struct_xarray, index: number, entry: xa_ptr, gfp: number): xa_ptr {
	const xas = new struct_xa_state(xa, index, 0, 0);
	let curr: xa_ptr;

	if (WARN_ON_ONCE(xa_is_advanced(entry)))
		return XA_ERROR(-EINVAL);
	if (xa_track_free(xa) && entry === null)
		entry = XA_ZERO_ENTRY;

	do {
		curr = xas_store(xas, entry);
		if (xa_track_free(xa))
			xas_clear_mark(xas, XA_FREE_MARK);
	} while (__xas_nomem(xas, gfp));

	return xas_result(xas, curr);
}

/**
 * lib/xarray.c:xa_store(): returns the old entry, or xa_err() of -EINVAL or -ENOMEM. Storing to one
 * index of a multi-index entry stores to all; marks stay unless @entry is null.
 */
export function xa_store(xa: struct_xarray, index: number, entry: xa_ptr, gfp: number): xa_ptr {
	xa_lock(xa);
	const curr = __xa_store(xa, index, entry, gfp);
	xa_unlock(xa);

	return curr;
}

/** lib/xarray.c:__xa_cmpxchg(): locking as __xa_store(). */
export function __xa_cmpxchg(xa: struct_xarray, index: number, old: xa_ptr, entry: xa_ptr,
	gfp: number): xa_ptr {
	const xas = new struct_xa_state(xa, index, 0, 0);
	let curr: xa_ptr;

	if (WARN_ON_ONCE(xa_is_advanced(entry)))
		return XA_ERROR(-EINVAL);

	do {
		curr = xas_load(xas);
		if (curr === old) {
			xas_store(xas, entry);
			if (xa_track_free(xa) && entry !== null && curr === null)
				xas_clear_mark(xas, XA_FREE_MARK);
		}
	} while (__xas_nomem(xas, gfp));

	return xas_result(xas, curr);
}

/** lib/xarray.c:__xa_insert(): locking as __xa_store(). */
export function __xa_insert(xa: struct_xarray, index: number, entry: xa_ptr, gfp: number): number {
	const xas = new struct_xa_state(xa, index, 0, 0);

	if (WARN_ON_ONCE(xa_is_advanced(entry)))
		return -EINVAL;
	if (entry === null)
		entry = XA_ZERO_ENTRY;

	do {
		const curr = xas_load(xas);

		if (curr === null) {
			xas_store(xas, entry);
			if (xa_track_free(xa))
				xas_clear_mark(xas, XA_FREE_MARK);
		} else {
			xas_set_err(xas, -EBUSY);
		}
	} while (__xas_nomem(xas, gfp));

	return xas_error(xas);
}

/* The largest entry that starts at @first and does not go beyond @last. */
function xas_set_range(xas: struct_xa_state, first: number, last: number): void {
	let shift = 0;
	let sibs = last - first;
	let offset = XA_CHUNK_MASK;

	xas_set(xas, first);

	while ((first & XA_CHUNK_MASK) === 0) {
		if (sibs < XA_CHUNK_MASK)
			break;
		if (sibs === XA_CHUNK_MASK && offset < XA_CHUNK_MASK)
			break;
		shift += XA_CHUNK_SHIFT;
		if (offset === XA_CHUNK_MASK)
			offset = sibs & XA_CHUNK_MASK;
		sibs = xa_shr(sibs, XA_CHUNK_SHIFT);
		first = xa_shr(first, XA_CHUNK_SHIFT);
	}

	offset = first & XA_CHUNK_MASK;
	if (offset + sibs > XA_CHUNK_MASK)
		sibs = XA_CHUNK_MASK - offset;
	if (xa_shl(first + sibs + 1, shift) - 1 > last)
		sibs -= 1;

	xas.xa_shift = shift;
	xas.xa_sibs = sibs;
}

/* __ffs() of an index above 0 */
function index_ffs(x: number): number {
	const lo = x | 0;

	if (lo !== 0)
		return 31 - Math.clz32(lo & -lo);
	const hi = ul_shr(x, 32);
	return 63 - Math.clz32(hi & -hi);
}

/**
 * lib/xarray.c:xa_store_range(): stores @entry as few multi-index entries. Null, or xa_err() of
 * -EINVAL or -ENOMEM. May sleep if @gfp allows.
 */
export function xa_store_range(xa: struct_xarray, first: number, last: number, entry: xa_ptr,
	gfp: number): xa_ptr {
	const xas = new struct_xa_state(xa, 0, 0, 0);

	if (WARN_ON_ONCE(xa_is_internal(entry)))
		return XA_ERROR(-EINVAL);
	if (last < first)
		return XA_ERROR(-EINVAL);

	do {
		xas_lock(xas);
		unlock: {
			if (entry !== null) {
				xas_set_order(xas, last, index_ffs(last + 1));
				xas_create(xas, true);
				if (xas_error(xas) !== 0)
					break unlock;
			}
			do {
				xas_set_range(xas, first, last);
				xas_store(xas, entry);
				if (xas_error(xas) !== 0)
					break unlock;
				first += xas_size(xas);
			} while (first <= last);
		}
		xas_unlock(xas);
	} while (xas_nomem(xas, gfp));

	return xas_result(xas, null);
}

/** lib/xarray.c:xa_get_order(): order of the entry at @index. */
export function xa_get_order(xa: struct_xarray, index: number): number {
	const xas = new struct_xa_state(xa, index, 0, 0);
	let order = 0;

	rcu_read_lock();
	const entry = xas_load(xas);

	unlock: {
		if (entry === null)
			break unlock;

		const node = xas.xa_node;
		if (node === null)
			break unlock;

		for (;;) {
			const slot = xas.xa_offset + (1 << order);

			if (slot >= XA_CHUNK_SIZE)
				break;
			if (!xa_is_sibling(node.slots[slot]!))
				break;
			order++;
		}

		order += node.shift;
	}
	rcu_read_unlock();

	return order;
}

/** lib/xarray.c:__xa_alloc(): locking as __xa_store(). */
export function __xa_alloc(xa: struct_xarray, id: ref<number>, entry: xa_ptr,
	limit: struct_xa_limit, gfp: number): number {
	const xas = new struct_xa_state(xa, 0, 0, 0);

	if (WARN_ON_ONCE(xa_is_advanced(entry)))
		return -EINVAL;
	if (WARN_ON_ONCE(!xa_track_free(xa)))
		return -EINVAL;

	if (entry === null)
		entry = XA_ZERO_ENTRY;

	do {
		xas.xa_index = limit.min;
		xas_find_marked(xas, limit.max, XA_FREE_MARK);
		if (xas.xa_node === XAS_RESTART)
			xas_set_err(xas, -EBUSY);
		else
			id.v = xas.xa_index;
		xas_store(xas, entry);
		xas_clear_mark(xas, XA_FREE_MARK);
	} while (__xas_nomem(xas, gfp));

	return xas_error(xas);
}

/** lib/xarray.c:__xa_alloc_cyclic(): locking as __xa_store(). */
export function __xa_alloc_cyclic(xa: struct_xarray, id: ref<number>, entry: xa_ptr,
	limit: struct_xa_limit, next: ref<number>, gfp: number): number {
	const min = limit.min;
	const from = { min: Math.max(min, next.v), max: limit.max };
	let ret = __xa_alloc(xa, id, entry, from, gfp);

	if ((xa.xa_flags & XA_FLAGS_ALLOC_WRAPPED) !== 0 && ret === 0) {
		xa.xa_flags &= ~XA_FLAGS_ALLOC_WRAPPED;
		ret = 1;
	}

	if (ret < 0 && from.min > min) {
		from.min = min;
		ret = __xa_alloc(xa, id, entry, from, gfp);
		if (ret === 0)
			ret = 1;
	}

	if (ret >= 0) {
		next.v = (id.v + 1) >>> 0;
		if (next.v === 0)
			xa.xa_flags |= XA_FLAGS_ALLOC_WRAPPED;
	}
	return ret;
}

/** lib/xarray.c:__xa_set_mark(): nothing happens to a null entry. xa_lock is held. */
export function __xa_set_mark(xa: struct_xarray, index: number, mark: xa_mark_t): void {
	const xas = new struct_xa_state(xa, index, 0, 0);
	const entry = xas_load(xas);

	if (entry !== null)
		xas_set_mark(xas, mark);
}

/** lib/xarray.c:__xa_clear_mark(): xa_lock is held. */
export function __xa_clear_mark(xa: struct_xarray, index: number, mark: xa_mark_t): void {
	const xas = new struct_xa_state(xa, index, 0, 0);
	const entry = xas_load(xas);

	if (entry !== null)
		xas_clear_mark(xas, mark);
}

/** lib/xarray.c:xa_get_mark() */
export function xa_get_mark(xa: struct_xarray, index: number, mark: xa_mark_t): boolean {
	const xas = new struct_xa_state(xa, index, 0, 0);

	rcu_read_lock();
	let entry = xas_start(xas);
	while (xas_get_mark(xas, mark)) {
		if (!xa_is_node(entry)) {
			rcu_read_unlock();
			return true;
		}
		entry = xas_descend(xas, xa_to_node(entry));
	}
	rcu_read_unlock();
	return false;
}

/** lib/xarray.c:xa_set_mark() */
export function xa_set_mark(xa: struct_xarray, index: number, mark: xa_mark_t): void {
	xa_lock(xa);
	__xa_set_mark(xa, index, mark);
	xa_unlock(xa);
}

/** lib/xarray.c:xa_clear_mark() */
export function xa_clear_mark(xa: struct_xarray, index: number, mark: xa_mark_t): void {
	xa_lock(xa);
	__xa_clear_mark(xa, index, mark);
	xa_unlock(xa);
}

/**
 * lib/xarray.c:xa_find(): the first entry from @indexp to @max that has the mark @filter (or is
 * XA_PRESENT); its index goes into @indexp.
 */
export function xa_find(xa: struct_xarray, indexp: ref<number>, max: number,
	filter: xa_mark_t): xa_ptr {
	const xas = new struct_xa_state(xa, indexp.v, 0, 0);
	let entry: xa_ptr;

	rcu_read_lock();
	do {
		if (filter < XA_MAX_MARKS)
			entry = xas_find_marked(xas, max, filter);
		else
			entry = xas_find(xas, max);
	} while (xas_retry(xas, entry));
	rcu_read_unlock();

	if (entry !== null)
		indexp.v = xas.xa_index;
	return entry;
}

function xas_sibling(xas: struct_xa_state): boolean {
	const node = xas.xa_node;

	if (node === null)
		return false;
	const index = xas.xa_index;
	const size = node.shift + XA_CHUNK_SHIFT;
	return index - xa_shl(xa_shr(index, size), size) > xa_shl(xas.xa_offset, node.shift);
}

/**
 * lib/xarray.c:xa_find_after(): as xa_find(), behind @indexp.
 *
 * XXX: with a mark as @filter, an @indexp within a multi-index entry finds that entry again; loops
 * over marks of such arrays use xas_for_each_marked().
 */
export function xa_find_after(xa: struct_xarray, indexp: ref<number>, max: number,
	filter: xa_mark_t): xa_ptr {
	const xas = new struct_xa_state(xa, indexp.v + 1, 0, 0);
	let entry: xa_ptr;

	if (xas.xa_index > XA_INDEX_MAX)
		return null;

	rcu_read_lock();
	for (;;) {
		if (filter < XA_MAX_MARKS)
			entry = xas_find_marked(xas, max, filter);
		else
			entry = xas_find(xas, max);

		if (xas_invalid(xas))
			break;
		if (xas_sibling(xas))
			continue;
		if (!xas_retry(xas, entry))
			break;
	}
	rcu_read_unlock();

	if (entry !== null)
		indexp.v = xas.xa_index;
	return entry;
}

function xas_extract_present(xas: struct_xa_state, dst: (object | number)[], max: number,
	n: number): number {
	let i = 0;

	rcu_read_lock();
	for (let entry = xas_find(xas, max); entry !== null; entry = xas_next_entry(xas, max)) {
		if (xas_retry(xas, entry))
			continue;
		dst[i++] = entry;
		if (i === n)
			break;
	}
	rcu_read_unlock();

	return i;
}

function xas_extract_marked(xas: struct_xa_state, dst: (object | number)[], max: number, n: number,
	mark: xa_mark_t): number {
	let i = 0;

	rcu_read_lock();
	for (let entry = xas_find_marked(xas, max, mark); entry !== null;
	     entry = xas_next_marked(xas, max, mark)) {
		if (xas_retry(xas, entry))
			continue;
		dst[i++] = entry;
		if (i === n)
			break;
	}
	rcu_read_unlock();

	return i;
}

/** lib/xarray.c:xa_extract(): copies up to @n entries from @start to @max; returns how many. */
export function xa_extract(xa: struct_xarray, dst: (object | number)[], start: number, max: number,
	n: number, filter: xa_mark_t): number {
	const xas = new struct_xa_state(xa, start, 0, 0);

	if (n === 0)
		return 0;

	if (filter < XA_MAX_MARKS)
		return xas_extract_marked(xas, dst, max, n, filter);
	return xas_extract_present(xas, dst, max, n);
}

/** lib/xarray.c:xa_delete_node(): for the shadow node shrinker; xa_lock is held. */
export function xa_delete_node(node: struct_xa_node, update: xa_update_node_t | null): void {
	const xas = new struct_xa_state(node.array!,
		xa_shl(node.offset, node.shift + XA_CHUNK_SHIFT),
		node.shift + XA_CHUNK_SHIFT, 0);

	xas.xa_offset = node.offset;
	xas.xa_node = xa_parent_locked(node.array!, node);
	xas.xa_update = update;

	xas_store(xas, null);
}

/** lib/xarray.c:xa_destroy(): the array is empty afterwards; the entries are the caller's. */
export function xa_destroy(xa: struct_xarray): void {
	const xas = new struct_xa_state(xa, 0, 0, 0);

	xas.xa_node = null;
	const flags = xas_lock_irqsave(xas);
	const entry = xa_head_locked(xa);
	xa.xa_head = null;
	xas_init_marks(xas);
	if (xa_zero_busy(xa))
		xa_mark_clear(xa, XA_FREE_MARK);
	if (xa_is_node(entry))
		xas_free_nodes(xas, xa_to_node(entry));
	xas_unlock_irqrestore(xas, flags);
}
