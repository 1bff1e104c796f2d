// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Red-black trees. Users write their own search and insertion loops:
 *
 *	let link: rb_link = root, parent: struct_rb_node | null = null, n = root.rb_node;
 *	while (n !== null) {
 *		parent = n;
 *		if (...) { link = "rb_left"; n = n.rb_left; }
 *		else { link = "rb_right"; n = n.rb_right; }
 *	}
 *	rb_link_node(node, parent, link);
 *	rb_insert_color(node, root);
 *
 * Upstream: include/linux/rbtree.h.
 */
import { container_of } from "#asm-generic/owner.ts";
import type {
	rb_link, struct_rb_node, struct_rb_root, struct_rb_root_cached,
} from "#linux/rbtree_types.ts";
import {
	rb_erase, rb_first_postorder, rb_insert_color, rb_next, rb_next_postorder, rb_replace_node,
} from "#linux/rbtree/rbtree.ts";

export {
	RB_ROOT, RB_ROOT_CACHED, type rb_link, struct_rb_node, struct_rb_root,
	struct_rb_root_cached,
} from "#linux/rbtree_types.ts";
export {
	rb_erase, rb_first, rb_first_postorder, rb_insert_color, rb_last, rb_next,
	rb_next_postorder, rb_prev, rb_replace_node, rb_replace_node_rcu,
} from "#linux/rbtree/rbtree.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type ctor_of<T> = abstract new (...args: any[]) => T;

export function rb_parent(r: struct_rb_node): struct_rb_node | null {
	return r.__rb_parent;
}

export function rb_entry<T extends object, K extends keyof T>(
	ptr: struct_rb_node, ctor: ctor_of<T>, member: K): T {
	return container_of(ptr, ctor, member);
}

export function RB_EMPTY_ROOT(root: struct_rb_root): boolean {
	return root.rb_node === null;
}

export function RB_EMPTY_NODE(node: struct_rb_node): boolean {
	return node.__rb_parent === node;
}

export function RB_CLEAR_NODE(node: struct_rb_node): void {
	node.__rb_parent = node;
	node.__rb_color = 0;
}

/** C's `*link`, for a link that goes with @parent. */
export function rb_link_deref(parent: struct_rb_node | null,
	link: rb_link): struct_rb_node | null {
	if (link === "rb_left")
		return parent!.rb_left;
	if (link === "rb_right")
		return parent!.rb_right;
	return link.rb_node;
}

export function rb_link_node(node: struct_rb_node, parent: struct_rb_node | null,
	link: rb_link): void {
	node.__rb_parent = parent;
	node.__rb_color = 0;
	node.rb_left = node.rb_right = null;

	if (link === "rb_left")
		parent!.rb_left = node;
	else if (link === "rb_right")
		parent!.rb_right = node;
	else
		link.rb_node = node;
}

export function rb_link_node_rcu(node: struct_rb_node, parent: struct_rb_node | null,
	link: rb_link): void {
	rb_link_node(node, parent, link);
}

export function rb_entry_safe<T extends object, K extends keyof T>(
	ptr: struct_rb_node | null, ctor: ctor_of<T>, member: K): T | null {
	return ptr !== null ? container_of(ptr, ctor, member) : null;
}

class rb_postorder_iter<T extends object> implements IterableIterator<T> {
	done = false;
	value: T = null as unknown as T;
	private n: struct_rb_node | null;
	private readonly ctor: ctor_of<T>;
	private readonly member: keyof T;
	constructor(first: struct_rb_node | null, ctor: ctor_of<T>, member: keyof T) {
		this.n = first;
		this.ctor = ctor;
		this.member = member;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<T> {
		const pos = this.n;

		if (pos === null) {
			this.done = true;
			this.value = null as unknown as T;
		} else {
			this.value = container_of(pos, this.ctor, this.member);
			this.n = rb_next_postorder(pos);
		}
		return this as unknown as IteratorResult<T>;
	}
}

/** The body may free the current entry, but not rb_erase() it: that could rebalance. */
export function rbtree_postorder_for_each_entry_safe<T extends object, K extends keyof T>(
	root: struct_rb_root, ctor: ctor_of<T>, field: K): IterableIterator<T> {
	return new rb_postorder_iter<T>(rb_first_postorder(root), ctor, field);
}

export function rb_first_cached(root: struct_rb_root_cached): struct_rb_node | null {
	return root.rb_leftmost;
}

export function rb_insert_color_cached(node: struct_rb_node, root: struct_rb_root_cached,
	leftmost: boolean): void {
	if (leftmost)
		root.rb_leftmost = node;
	rb_insert_color(node, root.rb_root);
}

/** Returns the new leftmost node if @node was it, else null. */
export function rb_erase_cached(node: struct_rb_node,
	root: struct_rb_root_cached): struct_rb_node | null {
	let leftmost: struct_rb_node | null = null;

	if (root.rb_leftmost === node)
		leftmost = root.rb_leftmost = rb_next(node);

	rb_erase(node, root.rb_root);

	return leftmost;
}

export function rb_replace_node_cached(victim: struct_rb_node, new_: struct_rb_node,
	root: struct_rb_root_cached): void {
	if (root.rb_leftmost === victim)
		root.rb_leftmost = new_;
	rb_replace_node(victim, new_, root.rb_root);
}

export type rb_less = (a: struct_rb_node, b: struct_rb_node) => boolean;

/** Gives back @node if it became the first of the tree, otherwise null. */
export function rb_add_cached(node: struct_rb_node, tree: struct_rb_root_cached,
	less: rb_less): struct_rb_node | null {
	let link: rb_link = tree.rb_root;
	let parent: struct_rb_node | null = null;
	let n = tree.rb_root.rb_node;
	let leftmost = true;

	while (n !== null) {
		parent = n;
		if (less(node, parent)) {
			link = "rb_left";
			n = parent.rb_left;
		} else {
			link = "rb_right";
			n = parent.rb_right;
			leftmost = false;
		}
	}

	rb_link_node(node, parent, link);
	rb_insert_color_cached(node, tree, leftmost);

	return leftmost ? node : null;
}

export function rb_add(node: struct_rb_node, tree: struct_rb_root, less: rb_less): void {
	let link: rb_link = tree;
	let parent: struct_rb_node | null = null;
	let n = tree.rb_node;

	while (n !== null) {
		parent = n;
		if (less(node, parent)) {
			link = "rb_left";
			n = parent.rb_left;
		} else {
			link = "rb_right";
			n = parent.rb_right;
		}
	}

	rb_link_node(node, parent, link);
	rb_insert_color(node, tree);
}

/** Returns the node that equals @node, or null after @node was inserted. */
export function rb_find_add(node: struct_rb_node, tree: struct_rb_root,
	cmp: (a: struct_rb_node, b: struct_rb_node) => number): struct_rb_node | null {
	let link: rb_link = tree;
	let parent: struct_rb_node | null = null;
	let n = tree.rb_node;

	while (n !== null) {
		parent = n;
		const c = cmp(node, parent);

		if (c < 0) {
			link = "rb_left";
			n = parent.rb_left;
		} else if (c > 0) {
			link = "rb_right";
			n = parent.rb_right;
		} else
			return parent;
	}

	rb_link_node(node, parent, link);
	rb_insert_color(node, tree);
	return null;
}

export function rb_find<K>(key: K, tree: struct_rb_root,
	cmp: (key: K, node: struct_rb_node) => number): struct_rb_node | null {
	let node = tree.rb_node;

	while (node !== null) {
		const c = cmp(key, node);

		if (c < 0)
			node = node.rb_left;
		else if (c > 0)
			node = node.rb_right;
		else
			return node;
	}

	return null;
}

/** The leftmost node that matches @key, or null. */
export function rb_find_first<K>(key: K, tree: struct_rb_root,
	cmp: (key: K, node: struct_rb_node) => number): struct_rb_node | null {
	let node = tree.rb_node;
	let match: struct_rb_node | null = null;

	while (node !== null) {
		const c = cmp(key, node);

		if (c <= 0) {
			if (c === 0)
				match = node;
			node = node.rb_left;
		} else if (c > 0) {
			node = node.rb_right;
		}
	}

	return match;
}

export function rb_next_match<K>(key: K, node: struct_rb_node,
	cmp: (key: K, node: struct_rb_node) => number): struct_rb_node | null {
	let next = rb_next(node);

	if (next !== null && cmp(key, next) !== 0)
		next = null;
	return next;
}

class rb_match_iter<K> implements IterableIterator<struct_rb_node> {
	done = false;
	value: struct_rb_node = null as unknown as struct_rb_node;
	private started = false;
	private readonly key: K;
	private readonly tree: struct_rb_root;
	private readonly cmp: (key: K, node: struct_rb_node) => number;
	constructor(key: K, tree: struct_rb_root, cmp: (key: K, node: struct_rb_node) => number) {
		this.key = key;
		this.tree = tree;
		this.cmp = cmp;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<struct_rb_node> {
		const node = this.started ? rb_next_match(this.key, this.value, this.cmp) :
			rb_find_first(this.key, this.tree, this.cmp);

		this.started = true;
		this.done = node === null;
		this.value = node as struct_rb_node;
		return this as unknown as IteratorResult<struct_rb_node>;
	}
}

export function rb_for_each<K>(key: K, tree: struct_rb_root,
	cmp: (key: K, node: struct_rb_node) => number): IterableIterator<struct_rb_node> {
	return new rb_match_iter(key, tree, cmp);
}
