// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Red-black trees: rebalancing and walking.
 *
 * Upstream: lib/rbtree.c. Left out: nothing.
 *
 * What holds between calls: root and null leaves are black, no red node has a red child, and
 * the black nodes on the way down from the root are equally many for each leaf. In the drawings
 * capitals are black, small letters red, parentheses either.
 */
import {
	__rb_change_child, __rb_change_child_rcu, __rb_erase_augmented, RB_BLACK, RB_RED,
	type rb_augment_rotate, rb_is_black, rb_is_red, rb_set_parent, rb_set_parent_color,
	type struct_rb_augment_callbacks,
} from "#linux/rbtree_augmented.ts";
import type { struct_rb_node, struct_rb_root } from "#linux/rbtree_types.ts";

function rb_set_black(rb: struct_rb_node): void {
	rb.__rb_color = RB_BLACK;
}

function rb_red_parent(red: struct_rb_node): struct_rb_node | null {
	return red.__rb_parent;
}

/* new_ takes old's parent and colour; old becomes a child of new_, in @color */
function __rb_rotate_set_parents(old: struct_rb_node, new_: struct_rb_node, root: struct_rb_root,
	color: number): void {
	const parent = old.__rb_parent;

	rb_set_parent_color(new_, parent, old.__rb_color);
	rb_set_parent_color(old, new_, color);
	__rb_change_child(old, new_, parent, root);
}

/** lib/rbtree.c:__rb_insert() */
function __rb_insert(node: struct_rb_node, root: struct_rb_root,
	augment_rotate: rb_augment_rotate): void {
	let parent = rb_red_parent(node);
	let gparent: struct_rb_node;
	let tmp: struct_rb_node | null;

	/* node is red throughout */
	while (true) {
		if (parent === null) {
			rb_set_parent_color(node, null, RB_BLACK);
			break;
		}

		if (rb_is_black(parent))
			break;

		gparent = rb_red_parent(parent)!;

		tmp = gparent.rb_right;
		if (parent !== tmp) {	/* parent == gparent->rb_left */
			if (tmp !== null && rb_is_red(tmp)) {
				/*
				 * Case 1: the uncle is red. Parent and uncle turn black, the
				 * grandparent red; go on there.
				 */
				rb_set_parent_color(tmp, gparent, RB_BLACK);
				rb_set_parent_color(parent, gparent, RB_BLACK);
				node = gparent;
				parent = node.__rb_parent;
				rb_set_parent_color(node, parent, RB_RED);
				continue;
			}

			tmp = parent.rb_right;
			if (node === tmp) {
				/* Case 2: an inner child becomes an outer one */
				tmp = node.rb_left;
				parent.rb_right = tmp;
				node.rb_left = parent;
				if (tmp !== null)
					rb_set_parent_color(tmp, parent, RB_BLACK);
				rb_set_parent_color(parent, node, RB_RED);
				augment_rotate(parent, node);
				parent = node;
				tmp = node.rb_right;
			}

			/* Case 3: the parent takes the grandparent's place, and turns black */
			gparent.rb_left = tmp; /* == parent->rb_right */
			parent.rb_right = gparent;
			if (tmp !== null)
				rb_set_parent_color(tmp, gparent, RB_BLACK);
			__rb_rotate_set_parents(gparent, parent, root, RB_RED);
			augment_rotate(gparent, parent);
			break;
		} else {
			tmp = gparent.rb_left;
			if (tmp !== null && rb_is_red(tmp)) {
				/* Case 1 */
				rb_set_parent_color(tmp, gparent, RB_BLACK);
				rb_set_parent_color(parent, gparent, RB_BLACK);
				node = gparent;
				parent = node.__rb_parent;
				rb_set_parent_color(node, parent, RB_RED);
				continue;
			}

			tmp = parent.rb_left;
			if (node === tmp) {
				/* Case 2, mirrored */
				tmp = node.rb_right;
				parent.rb_left = tmp;
				node.rb_right = parent;
				if (tmp !== null)
					rb_set_parent_color(tmp, parent, RB_BLACK);
				rb_set_parent_color(parent, node, RB_RED);
				augment_rotate(parent, node);
				parent = node;
				tmp = node.rb_left;
			}

			/* Case 3, mirrored */
			gparent.rb_right = tmp; /* == parent->rb_left */
			parent.rb_left = gparent;
			if (tmp !== null)
				rb_set_parent_color(tmp, gparent, RB_BLACK);
			__rb_rotate_set_parents(gparent, parent, root, RB_RED);
			augment_rotate(gparent, parent);
			break;
		}
	}
}

/** lib/rbtree.c:____rb_erase_color() */
function ____rb_erase_color(parent: struct_rb_node, root: struct_rb_root,
	augment_rotate: rb_augment_rotate): void {
	let node: struct_rb_node | null = null;
	let sibling: struct_rb_node;
	let tmp1: struct_rb_node | null, tmp2: struct_rb_node | null;

	/*
	 * node is black (or null, the first time) and not the root; paths through it have one
	 * black node less than others.
	 */
	while (true) {
		sibling = parent.rb_right!;
		if (node !== sibling) {	/* node == parent->rb_left */
			if (rb_is_red(sibling)) {
				/* Case 1: a red sibling goes up; its inner child replaces it */
				tmp1 = sibling.rb_left!;
				parent.rb_right = tmp1;
				sibling.rb_left = parent;
				rb_set_parent_color(tmp1, parent, RB_BLACK);
				__rb_rotate_set_parents(parent, sibling, root, RB_RED);
				augment_rotate(parent, sibling);
				sibling = tmp1;
			}
			tmp1 = sibling.rb_right;
			if (tmp1 === null || rb_is_black(tmp1)) {
				tmp2 = sibling.rb_left;
				if (tmp2 === null || rb_is_black(tmp2)) {
					/*
					 * Case 2: make the sibling red; a red parent (always
					 * so after case 1) turns black and ends it, else go on
					 * at the parent.
					 */
					rb_set_parent_color(sibling, parent, RB_RED);
					if (rb_is_red(parent))
						rb_set_black(parent);
					else {
						node = parent;
						const up: struct_rb_node | null = node.__rb_parent;

						if (up !== null) {
							parent = up;
							continue;
						}
					}
					break;
				}
				/*
				 * Case 3: the sibling's inner child is red and replaces it. The
				 * parent may be red too; case 4 mends it.
				 */
				tmp1 = tmp2.rb_right;
				sibling.rb_left = tmp1;
				tmp2.rb_right = sibling;
				parent.rb_right = tmp2;
				if (tmp1 !== null)
					rb_set_parent_color(tmp1, sibling, RB_BLACK);
				augment_rotate(sibling, tmp2);
				tmp1 = sibling;
				sibling = tmp2;
			}
			/*
			 * Case 4: the sibling goes up, in the parent's colour; the parent and the
			 * sibling's outer child turn black.
			 */
			tmp2 = sibling.rb_left;
			parent.rb_right = tmp2;
			sibling.rb_left = parent;
			rb_set_parent_color(tmp1, sibling, RB_BLACK);
			if (tmp2 !== null)
				rb_set_parent(tmp2, parent);
			__rb_rotate_set_parents(parent, sibling, root, RB_BLACK);
			augment_rotate(parent, sibling);
			break;
		} else {
			sibling = parent.rb_left!;
			if (rb_is_red(sibling)) {
				/* Case 1, mirrored */
				tmp1 = sibling.rb_right!;
				parent.rb_left = tmp1;
				sibling.rb_right = parent;
				rb_set_parent_color(tmp1, parent, RB_BLACK);
				__rb_rotate_set_parents(parent, sibling, root, RB_RED);
				augment_rotate(parent, sibling);
				sibling = tmp1;
			}
			tmp1 = sibling.rb_left;
			if (tmp1 === null || rb_is_black(tmp1)) {
				tmp2 = sibling.rb_right;
				if (tmp2 === null || rb_is_black(tmp2)) {
					/* Case 2 */
					rb_set_parent_color(sibling, parent, RB_RED);
					if (rb_is_red(parent))
						rb_set_black(parent);
					else {
						node = parent;
						const up: struct_rb_node | null = node.__rb_parent;

						if (up !== null) {
							parent = up;
							continue;
						}
					}
					break;
				}
				/* Case 3, mirrored */
				tmp1 = tmp2.rb_left;
				sibling.rb_right = tmp1;
				tmp2.rb_left = sibling;
				parent.rb_left = tmp2;
				if (tmp1 !== null)
					rb_set_parent_color(tmp1, sibling, RB_BLACK);
				augment_rotate(sibling, tmp2);
				tmp1 = sibling;
				sibling = tmp2;
			}
			/* Case 4, mirrored */
			tmp2 = sibling.rb_right;
			parent.rb_left = tmp2;
			sibling.rb_right = parent;
			rb_set_parent_color(tmp1, sibling, RB_BLACK);
			if (tmp2 !== null)
				rb_set_parent(tmp2, parent);
			__rb_rotate_set_parents(parent, sibling, root, RB_BLACK);
			augment_rotate(parent, sibling);
			break;
		}
	}
}

/** lib/rbtree.c:__rb_erase_color() */
export function __rb_erase_color(parent: struct_rb_node, root: struct_rb_root,
	augment_rotate: rb_augment_rotate): void {
	____rb_erase_color(parent, root, augment_rotate);
}

function dummy_propagate(): void {}
function dummy_copy(): void {}
function dummy_rotate(): void {}

const dummy_callbacks: struct_rb_augment_callbacks = {
	propagate: dummy_propagate,
	copy: dummy_copy,
	rotate: dummy_rotate,
};

/** lib/rbtree.c:rb_insert_color() */
export function rb_insert_color(node: struct_rb_node, root: struct_rb_root): void {
	__rb_insert(node, root, dummy_rotate);
}

/** lib/rbtree.c:rb_erase() */
export function rb_erase(node: struct_rb_node, root: struct_rb_root): void {
	const rebalance = __rb_erase_augmented(node, root, dummy_callbacks);

	if (rebalance !== null)
		____rb_erase_color(rebalance, root, dummy_rotate);
}

/** lib/rbtree.c:__rb_insert_augmented() */
export function __rb_insert_augmented(node: struct_rb_node, root: struct_rb_root,
	augment_rotate: rb_augment_rotate): void {
	__rb_insert(node, root, augment_rotate);
}

/** lib/rbtree.c:rb_first() */
export function rb_first(root: struct_rb_root): struct_rb_node | null {
	let n = root.rb_node;

	if (n === null)
		return null;
	while (n.rb_left !== null)
		n = n.rb_left;
	return n;
}

/** lib/rbtree.c:rb_last() */
export function rb_last(root: struct_rb_root): struct_rb_node | null {
	let n = root.rb_node;

	if (n === null)
		return null;
	while (n.rb_right !== null)
		n = n.rb_right;
	return n;
}

/** lib/rbtree.c:rb_next() */
export function rb_next(node: struct_rb_node): struct_rb_node | null {
	let parent: struct_rb_node | null;

	if (node.__rb_parent === node)
		return null;

	if (node.rb_right !== null) {
		node = node.rb_right;
		while (node.rb_left !== null)
			node = node.rb_left;
		return node;
	}

	/* up, until we come from a left child */
	while ((parent = node.__rb_parent) !== null && node === parent.rb_right)
		node = parent;

	return parent;
}

/** lib/rbtree.c:rb_prev() */
export function rb_prev(node: struct_rb_node): struct_rb_node | null {
	let parent: struct_rb_node | null;

	if (node.__rb_parent === node)
		return null;

	if (node.rb_left !== null) {
		node = node.rb_left;
		while (node.rb_right !== null)
			node = node.rb_right;
		return node;
	}

	/* up, until we come from a right child */
	while ((parent = node.__rb_parent) !== null && node === parent.rb_left)
		node = parent;

	return parent;
}

function rb_copy_node(new_: struct_rb_node, victim: struct_rb_node): void {
	new_.__rb_parent = victim.__rb_parent;
	new_.__rb_color = victim.__rb_color;
	new_.rb_right = victim.rb_right;
	new_.rb_left = victim.rb_left;
}

/** lib/rbtree.c:rb_replace_node() */
export function rb_replace_node(victim: struct_rb_node, new_: struct_rb_node,
	root: struct_rb_root): void {
	const parent = victim.__rb_parent;

	rb_copy_node(new_, victim);

	if (victim.rb_left !== null)
		rb_set_parent(victim.rb_left, new_);
	if (victim.rb_right !== null)
		rb_set_parent(victim.rb_right, new_);
	__rb_change_child(victim, new_, parent, root);
}

/** lib/rbtree.c:rb_replace_node_rcu() */
export function rb_replace_node_rcu(victim: struct_rb_node, new_: struct_rb_node,
	root: struct_rb_root): void {
	const parent = victim.__rb_parent;

	rb_copy_node(new_, victim);

	if (victim.rb_left !== null)
		rb_set_parent(victim.rb_left, new_);
	if (victim.rb_right !== null)
		rb_set_parent(victim.rb_right, new_);

	/* the way down changes last: readers find the new node complete */
	__rb_change_child_rcu(victim, new_, parent, root);
}

function rb_left_deepest_node(node: struct_rb_node): struct_rb_node {
	for (;;) {
		if (node.rb_left !== null)
			node = node.rb_left;
		else if (node.rb_right !== null)
			node = node.rb_right;
		else
			return node;
	}
}

/** lib/rbtree.c:rb_next_postorder() */
export function rb_next_postorder(node: struct_rb_node | null): struct_rb_node | null {
	if (node === null)
		return null;
	const parent = node.__rb_parent;

	/* the children of @node were visited before it */
	if (parent !== null && node === parent.rb_left && parent.rb_right !== null)
		return rb_left_deepest_node(parent.rb_right);
	else
		return parent;
}

/** lib/rbtree.c:rb_first_postorder() */
export function rb_first_postorder(root: struct_rb_root): struct_rb_node | null {
	if (root.rb_node === null)
		return null;

	return rb_left_deepest_node(root.rb_node);
}
