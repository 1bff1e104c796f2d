// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Red-black trees whose nodes carry a value computed over their subtree.
 *
 * Upstream: include/linux/rbtree_augmented.h. The templates become functions that take
 * accessors and return the table of callbacks.
 */
import {
	__rb_erase_color, __rb_insert_augmented, rb_next,
} from "#linux/rbtree/rbtree.ts";
import type { struct_rb_node, struct_rb_root, struct_rb_root_cached } from "#linux/rbtree_types.ts";

export { __rb_erase_color, __rb_insert_augmented } from "#linux/rbtree/rbtree.ts";
export * from "#linux/rbtree.ts";

export type rb_augment_rotate = (old: struct_rb_node, new_: struct_rb_node) => void;

export interface struct_rb_augment_callbacks {
	propagate(node: struct_rb_node | null, stop: struct_rb_node | null): void;
	copy(old: struct_rb_node, new_: struct_rb_node): void;
	rotate(old: struct_rb_node, new_: struct_rb_node): void;
}

export function rb_insert_augmented(node: struct_rb_node, root: struct_rb_root,
	augment: struct_rb_augment_callbacks): void {
	__rb_insert_augmented(node, root, augment.rotate);
}

export function rb_insert_augmented_cached(node: struct_rb_node, root: struct_rb_root_cached,
	newleft: boolean, augment: struct_rb_augment_callbacks): void {
	if (newleft)
		root.rb_leftmost = node;
	rb_insert_augmented(node, root.rb_root, augment);
}

/** How to reach a struct's node and its augmented value: RBFIELD and RBAUGMENTED. */
export interface rb_augment_fields<T> {
	rb(node: T): struct_rb_node;
	get(node: T): number;
	set(node: T, value: number): void;
}

/** rb_entry() for a node that may stand deeper than a direct member. */
export function rb_augment_entry<T extends object>(rb: struct_rb_node,
	ctor: abstract new (...args: never[]) => T, rb_of: (node: T) => struct_rb_node): T {
	const owner = rb.owner;

	if (!(owner instanceof ctor) || rb_of(owner) !== rb)
		throw new Error(`rb_entry: not a node of ${ctor.name}`);
	return owner;
}

/**
 * @compute recomputes the value of a node; with @exit it returns true, and changes nothing, when
 * the value is right already.
 */
export function RB_DECLARE_CALLBACKS<T extends object>(
	ctor: abstract new (...args: never[]) => T, fields: rb_augment_fields<T>,
	compute: (node: T, exit: boolean) => boolean): struct_rb_augment_callbacks {
	const rb_of = fields.rb;

	return {
		propagate(rb: struct_rb_node | null, stop: struct_rb_node | null): void {
			while (rb !== stop) {
				const node = rb_augment_entry(rb!, ctor, rb_of);

				if (compute(node, true))
					break;
				rb = rb!.__rb_parent;
			}
		},
		copy(rb_old: struct_rb_node, rb_new: struct_rb_node): void {
			fields.set(rb_augment_entry(rb_new, ctor, rb_of),
				fields.get(rb_augment_entry(rb_old, ctor, rb_of)));
		},
		rotate(rb_old: struct_rb_node, rb_new: struct_rb_node): void {
			const old = rb_augment_entry(rb_old, ctor, rb_of);

			fields.set(rb_augment_entry(rb_new, ctor, rb_of), fields.get(old));
			compute(old, false);
		},
	};
}

/** The augmented value is the maximum of @compute over the subtree. */
export function RB_DECLARE_CALLBACKS_MAX<T extends object>(
	ctor: abstract new (...args: never[]) => T, fields: rb_augment_fields<T>,
	compute: (node: T) => number): struct_rb_augment_callbacks {
	const rb_of = fields.rb;
	const compute_max = (node: T, exit: boolean): boolean => {
		const rb = rb_of(node);
		let max = compute(node);

		if (rb.rb_left !== null) {
			const child = fields.get(rb_augment_entry(rb.rb_left, ctor, rb_of));

			if (child > max)
				max = child;
		}
		if (rb.rb_right !== null) {
			const child = fields.get(rb_augment_entry(rb.rb_right, ctor, rb_of));

			if (child > max)
				max = child;
		}
		if (exit && fields.get(node) === max)
			return true;
		fields.set(node, max);
		return false;
	};

	return RB_DECLARE_CALLBACKS(ctor, fields, compute_max);
}

export const RB_RED	= 0;
export const RB_BLACK	= 1;

export function rb_color(rb: struct_rb_node): number {
	return rb.__rb_color;
}

export function rb_is_red(rb: struct_rb_node): boolean {
	return rb.__rb_color === RB_RED;
}

export function rb_is_black(rb: struct_rb_node): boolean {
	return rb.__rb_color === RB_BLACK;
}

export function rb_set_parent(rb: struct_rb_node, p: struct_rb_node | null): void {
	rb.__rb_parent = p;
}

export function rb_set_parent_color(rb: struct_rb_node, p: struct_rb_node | null,
	color: number): void {
	rb.__rb_parent = p;
	rb.__rb_color = color;
}

export function __rb_change_child(old: struct_rb_node, new_: struct_rb_node | null,
	parent: struct_rb_node | null, root: struct_rb_root): void {
	if (parent !== null) {
		if (parent.rb_left === old)
			parent.rb_left = new_;
		else
			parent.rb_right = new_;
	} else
		root.rb_node = new_;
}

export function __rb_change_child_rcu(old: struct_rb_node, new_: struct_rb_node | null,
	parent: struct_rb_node | null, root: struct_rb_root): void {
	__rb_change_child(old, new_, parent, root);
}

/** Unlinks @node; returns where rebalancing has to start, or null. */
export function __rb_erase_augmented(node: struct_rb_node, root: struct_rb_root,
	augment: struct_rb_augment_callbacks): struct_rb_node | null {
	const child = node.rb_right;
	let tmp = node.rb_left;
	let parent: struct_rb_node | null;
	let rebalance: struct_rb_node | null;

	if (tmp === null) {
		/* at most one child, which is then red under a black node */
		parent = node.__rb_parent;
		__rb_change_child(node, child, parent, root);
		if (child !== null) {
			rb_set_parent_color(child, parent, node.__rb_color);
			rebalance = null;
		} else
			rebalance = rb_is_black(node) ? parent : null;
		tmp = parent;
	} else if (child === null) {
		parent = node.__rb_parent;
		rb_set_parent_color(tmp, parent, node.__rb_color);
		__rb_change_child(node, tmp, parent, root);
		rebalance = null;
		tmp = parent;
	} else {
		let successor: struct_rb_node = child;
		let child2: struct_rb_node | null;

		tmp = child.rb_left;
		if (tmp === null) {
			/* the right child is the successor */
			parent = successor;
			child2 = successor.rb_right;

			augment.copy(node, successor);
		} else {
			/* the successor is the leftmost node under the right child */
			do {
				parent = successor;
				successor = tmp;
				tmp = tmp.rb_left;
			} while (tmp !== null);
			child2 = successor.rb_right;
			parent.rb_left = child2;
			successor.rb_right = child;
			rb_set_parent(child, successor);

			augment.copy(node, successor);
			augment.propagate(parent, successor);
		}

		tmp = node.rb_left!;
		successor.rb_left = tmp;
		rb_set_parent(tmp, successor);

		tmp = node.__rb_parent;
		__rb_change_child(node, successor, tmp, root);

		if (child2 !== null) {
			rb_set_parent_color(child2, parent, RB_BLACK);
			rebalance = null;
		} else {
			rebalance = rb_is_black(successor) ? parent : null;
		}
		rb_set_parent_color(successor, tmp, node.__rb_color);
		tmp = successor;
	}

	augment.propagate(tmp, null);
	return rebalance;
}

export function rb_erase_augmented(node: struct_rb_node, root: struct_rb_root,
	augment: struct_rb_augment_callbacks): void {
	const rebalance = __rb_erase_augmented(node, root, augment);

	if (rebalance !== null)
		__rb_erase_color(rebalance, root, augment.rotate);
}

export function rb_erase_augmented_cached(node: struct_rb_node, root: struct_rb_root_cached,
	augment: struct_rb_augment_callbacks): void {
	if (root.rb_leftmost === node)
		root.rb_leftmost = rb_next(node);
	rb_erase_augmented(node, root.rb_root, augment);
}
