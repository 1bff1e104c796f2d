// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Template of interval trees: red-black trees by start, augmented with the last end below.
 *
 * Upstream: include/linux/interval_tree_generic.h. The template is a function that takes
 * accessors and returns the tree's functions.
 */
import {
	RB_DECLARE_CALLBACKS_MAX, rb_augment_entry, type rb_link, rb_erase_augmented_cached,
	rb_insert_augmented_cached, rb_link_node, type struct_rb_augment_callbacks,
	type struct_rb_node, type struct_rb_root_cached,
} from "#linux/rbtree_augmented.ts";

/** ITRB, ITSUBTREE (both ways), ITSTART and ITLAST. */
export interface interval_tree_fields<T> {
	rb(node: T): struct_rb_node;
	subtree_last(node: T): number;
	set_subtree_last(node: T, last: number): void;
	start(node: T): number;
	last(node: T): number;
}

export interface interval_tree_functions<T> {
	readonly augment: struct_rb_augment_callbacks;
	insert(node: T, root: struct_rb_root_cached): void;
	remove(node: T, root: struct_rb_root_cached): void;
	/** The first node that meets [start; last]. */
	iter_first(root: struct_rb_root_cached, start: number, last: number): T | null;
	iter_next(node: T, start: number, last: number): T | null;
}

export function INTERVAL_TREE_DEFINE<T extends object>(
	ITSTRUCT: abstract new (...args: never[]) => T,
	fields: interval_tree_fields<T>): interval_tree_functions<T> {
	const ITRB = fields.rb, ITSUBTREE = fields.subtree_last,
		set_subtree = fields.set_subtree_last;
	const ITSTART = fields.start, ITLAST = fields.last;

	const augment = RB_DECLARE_CALLBACKS_MAX(ITSTRUCT,
		{ rb: ITRB, get: ITSUBTREE, set: set_subtree }, ITLAST);

	function insert(node: T, root: struct_rb_root_cached): void {
		let link: rb_link = root.rb_root;
		let n = root.rb_root.rb_node;
		let rb_parent: struct_rb_node | null = null;
		const start = ITSTART(node), last = ITLAST(node);
		let leftmost = true;

		while (n !== null) {
			rb_parent = n;
			const parent = rb_augment_entry(rb_parent, ITSTRUCT, ITRB);

			if (ITSUBTREE(parent) < last)
				set_subtree(parent, last);
			if (start < ITSTART(parent)) {
				link = "rb_left";
				n = rb_parent.rb_left;
			} else {
				link = "rb_right";
				n = rb_parent.rb_right;
				leftmost = false;
			}
		}

		set_subtree(node, last);
		rb_link_node(ITRB(node), rb_parent, link);
		rb_insert_augmented_cached(ITRB(node), root, leftmost, augment);
	}

	function remove(node: T, root: struct_rb_root_cached): void {
		rb_erase_augmented_cached(ITRB(node), root, augment);
	}

	/*
	 * Two conditions make a node meet [start; last]: it begins no later than last
	 * (Cond1) and ends no earlier than start (Cond2).
	 *
	 * Whenever the loop begins, a node that fulfils Cond2 exists below @node.
	 */
	function subtree_search(node: T, start: number, last: number): T | null {
		while (true) {
			const rb = ITRB(node);

			if (rb.rb_left !== null) {
				const left = rb_augment_entry(rb.rb_left, ITSTRUCT, ITRB);

				/*
				 * The leftmost node with Cond2 is then on the left, and if it
				 * fails Cond1, so does everything to its right.
				 */
				if (start <= ITSUBTREE(left)) {
					node = left;
					continue;
				}
			}
			if (ITSTART(node) <= last) {		/* Cond1 */
				if (start <= ITLAST(node))	/* Cond2 */
					return node;
				if (rb.rb_right !== null) {
					node = rb_augment_entry(rb.rb_right, ITSTRUCT, ITRB);
					if (start <= ITSUBTREE(node))
						continue;
				}
			}
			return null;
		}
	}

	function iter_first(root: struct_rb_root_cached, start: number, last: number): T | null {
		if (root.rb_root.rb_node === null)
			return null;

		/* the root knows the largest end, the cached leftmost node the smallest start */
		const node = rb_augment_entry(root.rb_root.rb_node, ITSTRUCT, ITRB);

		if (ITSUBTREE(node) < start)
			return null;

		const leftmost = rb_augment_entry(root.rb_leftmost!, ITSTRUCT, ITRB);

		if (ITSTART(leftmost) > last)
			return null;

		return subtree_search(node, start, last);
	}

	function iter_next(node: T, start: number, last: number): T | null {
		let rb = ITRB(node).rb_right, prev: struct_rb_node;

		/* Cond1 holds for @node, and rb is its right child */
		while (true) {
			if (rb !== null) {
				const right = rb_augment_entry(rb, ITSTRUCT, ITRB);

				if (start <= ITSUBTREE(right))
					return subtree_search(right, start, last);
			}

			/* up, until we come from a left child */
			do {
				prev = ITRB(node);
				rb = prev.__rb_parent;
				if (rb === null)
					return null;
				node = rb_augment_entry(rb, ITSTRUCT, ITRB);
				rb = rb.rb_right;
			} while (prev === rb);

			if (last < ITSTART(node))		/* !Cond1 */
				return null;
			else if (start <= ITLAST(node))		/* Cond2 */
				return node;
		}
	}

	return { augment, insert, remove, iter_first, iter_next };
}
