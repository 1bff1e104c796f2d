// SPDX-License-Identifier: GPL-2.0
/*
 * Interval trees over struct interval_tree_node.
 *
 * Upstream: include/linux/interval_tree.h.
 */
import { struct_rb_node } from "#linux/rbtree_types.ts";

export {
	interval_tree_insert, interval_tree_iter_first, interval_tree_iter_next,
	interval_tree_remove,
} from "#linux/interval_tree/interval_tree.ts";

export class struct_interval_tree_node {
	rb = new struct_rb_node(this);
	start = 0;		/* Start of interval */
	last = 0;		/* inclusive */
	__subtree_last = 0;
	readonly owner: object | null;
	/** @owner the struct this node is embedded in. */
	constructor(owner: object | null) {
		this.owner = owner;
	}
}
