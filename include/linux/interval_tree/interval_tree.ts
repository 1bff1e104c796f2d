// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic interval tree.
 *
 * Upstream: lib/interval_tree.c. Left out: nothing.
 */
import { struct_interval_tree_node } from "#linux/interval_tree.ts";
import {
	INTERVAL_TREE_DEFINE, type interval_tree_functions,
} from "#linux/interval_tree_generic.ts";
import type { struct_rb_root_cached } from "#linux/rbtree_types.ts";

let tree: interval_tree_functions<struct_interval_tree_node> | null = null;

/* made at first use: this module's top level may run before its imports' */
function interval_tree(): interval_tree_functions<struct_interval_tree_node> {
	tree ??= INTERVAL_TREE_DEFINE(struct_interval_tree_node, {
		rb: (node) => node.rb,
		subtree_last: (node) => node.__subtree_last,
		set_subtree_last: (node, last) => {
			node.__subtree_last = last;
		},
		start: (node) => node.start,
		last: (node) => node.last,
	});
	return tree;
}

/** lib/interval_tree.c:interval_tree_insert() */
export function interval_tree_insert(node: struct_interval_tree_node,
	root: struct_rb_root_cached): void {
	interval_tree().insert(node, root);
}

/** lib/interval_tree.c:interval_tree_remove() */
export function interval_tree_remove(node: struct_interval_tree_node,
	root: struct_rb_root_cached): void {
	interval_tree().remove(node, root);
}

/** lib/interval_tree.c:interval_tree_iter_first() */
export function interval_tree_iter_first(root: struct_rb_root_cached, start: number,
	last: number): struct_interval_tree_node | null {
	return interval_tree().iter_first(root, start, last);
}

/** lib/interval_tree.c:interval_tree_iter_next() */
export function interval_tree_iter_next(node: struct_interval_tree_node, start: number,
	last: number): struct_interval_tree_node | null {
	return interval_tree().iter_next(node, start, last);
}
