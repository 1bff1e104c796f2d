// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Radix trees, which are xarrays whose owner has a lock of its own.
 *
 * Upstream: include/linux/radix-tree.h. Left out: slots, iterators, preloading (nodes are allocated
 * with the flags given to INIT_RADIX_TREE()).
 */
import {
	struct_xa_node, struct_xarray, XA_FLAGS_EXTERNAL_LOCK, type xa_ptr,
} from "#linux/xarray_types.ts";
import { xa_init_flags, xa_marked } from "#linux/xarray.ts";

export {
	radix_tree_delete, radix_tree_delete_item, radix_tree_init, radix_tree_insert,
	radix_tree_lookup, radix_tree_node_cachep, radix_tree_node_rcu_free, radix_tree_tag_clear,
	radix_tree_tag_get, radix_tree_tag_set,
} from "#linux/radix-tree/radix-tree.ts";

export const struct_radix_tree_root = struct_xarray;
export type struct_radix_tree_root = struct_xarray;
export const struct_radix_tree_node = struct_xa_node;
export type struct_radix_tree_node = struct_xa_node;

export type radix_tree_entry = xa_ptr;

export function INIT_RADIX_TREE(root: struct_radix_tree_root): void {
	xa_init_flags(root, XA_FLAGS_EXTERNAL_LOCK, "&root->xa_lock");
}

export function radix_tree_empty(root: struct_radix_tree_root): boolean {
	return root.xa_head === null;
}

export function radix_tree_tagged(root: struct_radix_tree_root, tag: number): boolean {
	return xa_marked(root, tag);
}
