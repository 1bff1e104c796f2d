// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes and roots of red-black trees.
 *
 * Upstream: include/linux/rbtree_types.h. __rb_parent_color is two fields here.
 */
import type { embedded } from "#asm-generic/owner.ts";

export class struct_rb_node implements embedded {
	/** The node itself when it is known to be in no tree (RB_CLEAR_NODE). */
	__rb_parent: struct_rb_node | null = null;
	__rb_color = 0;
	rb_right: struct_rb_node | null = null;
	rb_left: struct_rb_node | null = null;
	readonly owner: object | null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

export class struct_rb_root {
	rb_node: struct_rb_node | null = null;
}

/* the leftmost node is cached */
export class struct_rb_root_cached {
	rb_root = new struct_rb_root();
	rb_leftmost: struct_rb_node | null = null;
}

/**
 * C's `struct rb_node **link`: the root (`&root->rb_node`), or the name of the child pointer in the
 * parent that goes with it (`&parent->rb_left`).
 */
export type rb_link = struct_rb_root | "rb_left" | "rb_right";

export function RB_ROOT(): struct_rb_root {
	return new struct_rb_root();
}

export function RB_ROOT_CACHED(): struct_rb_root_cached {
	return new struct_rb_root_cached();
}
