// SPDX-License-Identifier: GPL-2.0+
/*
 * The array, its nodes, the entries that are not the user's, and the state of a walk.
 *
 * Upstream: the types and constants of include/linux/xarray.h. What C keeps in the low bits of an
 * entry is its JavaScript type:
 *
 *	null		empty
 *	number		value entry
 *	xa_internal	sibling (0-62), retry (256), zero (257), node
 *	other objects	the user's pointers
 *
 * An index is a safe integer from 0 to XA_INDEX_MAX, where C goes up to ULONG_MAX.
 */
import { struct_list_head } from "#linux/list.ts";
import { struct_callback_head } from "#linux/rcupdate_types.ts";
import type { struct_list_lru } from "#linux/list_lru.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";

/** C's ULONG_MAX, as the largest index and as "to the end". */
export const XA_INDEX_MAX	= 2 ** 52 - 1;
/** Bits of an index: C's BITS_PER_LONG. */
export const XA_INDEX_BITS	= 52;

export class xa_internal {
	/** xa_to_internal() */
	readonly v: number;
	constructor(v: number) {
		this.v = v;
	}
}

/** An entry: C's `void *`. */
export type xa_ptr = object | number | null;

export type xa_mark_t = number;
export const XA_MARK_0		= 0;
export const XA_MARK_1		= 1;
export const XA_MARK_2		= 2;
export const XA_PRESENT		= 8;
export const XA_MARK_MAX	= XA_MARK_2;
export const XA_FREE_MARK	= XA_MARK_0;

export const XA_LOCK_IRQ	= 1;
export const XA_LOCK_BH		= 2;

export const XA_FLAGS_LOCK_IRQ		= XA_LOCK_IRQ;
export const XA_FLAGS_LOCK_BH		= XA_LOCK_BH;
export const XA_FLAGS_TRACK_FREE	= 4;
export const XA_FLAGS_ZERO_BUSY		= 8;
export const XA_FLAGS_ALLOC_WRAPPED	= 16;
export const XA_FLAGS_ACCOUNT		= 32;
/** Port-only: not xa_lock but a lock of the owner's keeps writers apart (radix trees, IDR). */
export const XA_FLAGS_EXTERNAL_LOCK	= 64;

/* __GFP_BITS_SHIFT with lockdep: the marks share xa_flags with flags that never meet them */
const XA_MARKS_SHIFT = 28;

export function XA_FLAGS_MARK(mark: xa_mark_t): number {
	return 1 << (XA_MARKS_SHIFT + mark);
}

/** XA_FLAGS_MARK() of all marks */
export const XA_FLAGS_MARKS	= 7 << XA_MARKS_SHIFT;

/* xa_alloc() hands out indices from 0 (ALLOC) or from 1 (ALLOC1) */
export const XA_FLAGS_ALLOC	= XA_FLAGS_TRACK_FREE | XA_FLAGS_MARK(XA_FREE_MARK);
export const XA_FLAGS_ALLOC1	= XA_FLAGS_TRACK_FREE | XA_FLAGS_ZERO_BUSY;

export const XA_CHUNK_SHIFT	= 6;
export const XA_CHUNK_SIZE	= 1 << XA_CHUNK_SHIFT;
export const XA_CHUNK_MASK	= XA_CHUNK_SIZE - 1;
export const XA_MAX_MARKS	= 3;
/** 32-bit words of one mark. */
export const XA_MARK_WORDS	= XA_CHUNK_SIZE / 32;

/* Iterating with a lock held: drop it and reschedule after so many entries. */
export const XA_CHECK_SCHED	= 4096;

/*
 * xa_head is null when all entries are, the entry itself when there is only one, at index 0, and a
 * node otherwise. Changed under xa_lock, read under it or rcu_read_lock().
 */
export class struct_xarray {
	xa_lock = new spinlock_t();
	xa_flags = 0;
	xa_head: xa_ptr = null;
	/**
	 * Port-only: the node of the last level that a walk came by last, and the index of its
	 * first slot (-XA_CHUNK_SIZE: none). Forgotten when the node is freed.
	 */
	leaf: struct_xa_node | null = null;
	leaf_index = -XA_CHUNK_SIZE;
}

/*
 * Life: empty in the slab (all slots null, no marks, private_list empty), in a tree (array, parent
 * and offset say where), on RCU's list with array XA_RCU_FREE, in the slab again.
 *
 * count is the number of slots that are not null, nr_values of those that are value entries or
 * their siblings.
 */
export class struct_xa_node extends xa_internal {
	shift = 0;
	offset = 0;
	count = 0;
	nr_values = 0;
	/**
	 * Port-only: whether a slot may be a sibling; set with the first and kept until the node is
	 * freed. An entry of the last level then need not be asked what it is.
	 */
	has_siblings = false;
	/**
	 * 0. In XAS_BOUNDS, XAS_RESTART and XA_ERROR(), which an xa_state holds in the place of a
	 * node, the number that C's pointer is.
	 */
	readonly ptr_bits: number;
	parent: struct_xa_node | null = null;
	array: struct_xarray | null = null;
	private_list = new struct_list_head(this);	/* For tree user */
	rcu_head = new struct_callback_head(this);
	slots: xa_ptr[];
	/** Two words for each mark. */
	marks: number[] = [0, 0, 0, 0, 0, 0];
	/** The slab's own: here so that nodes and their stand-ins have one shape. */
	__slab: unknown = null;

	constructor(ptr_bits = 0) {
		super(4097);
		this.ptr_bits = ptr_bits;
		this.slots = ptr_bits !== 0 ? [] : [
			null, null, null, null, null, null, null, null,
			null, null, null, null, null, null, null, null,
			null, null, null, null, null, null, null, null,
			null, null, null, null, null, null, null, null,
			null, null, null, null, null, null, null, null,
			null, null, null, null, null, null, null, null,
			null, null, null, null, null, null, null, null,
			null, null, null, null, null, null, null, null,
		];
	}
}

/** Called whenever the counts of @node have changed; xa_lock is held. */
export type xa_update_node_t = (node: struct_xa_node) => void;

export const XAS_BOUNDS		= new struct_xa_node(1);
export const XAS_RESTART	= new struct_xa_node(3);
/** array of a node that only waits for RCU readers before it is freed */
export const XA_RCU_FREE	= new struct_xarray();

const errors = new Map<number, struct_xa_node>();

/** @errno negative; as an entry it is what xa_is_err() knows. */
export function XA_ERROR(errno: number): struct_xa_node {
	let node = errors.get(errno);

	if (node === undefined) {
		node = new struct_xa_node((errno << 2) | 2);
		errors.set(errno, node);
	}
	return node;
}

const internals = Array.from({ length: 258 }, (_, v) => new xa_internal(v));

export function xa_mk_internal(v: number): xa_internal {
	return internals[v]!;
}

export const XA_RETRY_ENTRY	= xa_mk_internal(256);
export const XA_ZERO_ENTRY	= xa_mk_internal(257);

/*
 * Where a walk stands. xa_node and xa_offset usually name the slot; xa_node is null for the entry
 * at index 0 of an array without nodes, XAS_RESTART before the walk, XAS_BOUNDS beyond the nodes
 * there are, or an error.
 */
export class struct_xa_state {
	xa: struct_xarray;
	xa_index: number;
	xa_shift: number;
	xa_sibs: number;
	xa_offset = 0;
	xa_node: struct_xa_node | null = XAS_RESTART;
	xa_alloc: struct_xa_node | null = null;
	xa_update: xa_update_node_t | null = null;
	xa_lru: struct_list_lru | null = null;

	constructor(xa: struct_xarray, index: number, shift: number, sibs: number) {
		this.xa = xa;
		this.xa_index = index;
		this.xa_shift = shift;
		this.xa_sibs = sibs;
	}
}

/* passed by value in C: callees copy before they change it */
export interface struct_xa_limit {
	readonly max: number;
	readonly min: number;
}

export function XA_LIMIT(min: number, max: number): struct_xa_limit {
	return { max, min };
}

export const xa_limit_32b	= XA_LIMIT(0, 0xffffffff);
export const xa_limit_31b	= XA_LIMIT(0, 0x7fffffff);
export const xa_limit_16b	= XA_LIMIT(0, 0xffff);
