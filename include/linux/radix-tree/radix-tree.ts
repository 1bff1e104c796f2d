// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cache of nodes, and radix trees' functions in terms of the XArray.
 *
 * Upstream: lib/radix-tree.c. Left out: see include/linux/radix-tree.ts.
 */
import { container_of } from "#asm-generic/owner.ts";
import { EEXIST } from "#linux/errno.ts";
import { type gfp_t, GFP_NOWAIT } from "#linux/gfp.ts";
import { INIT_LIST_HEAD } from "#linux/list.ts";
import type { struct_callback_head } from "#linux/rcupdate_types.ts";
import {
	kmem_cache_create, kmem_cache_free, SLAB_PANIC, SLAB_RECLAIM_ACCOUNT,
	type struct_kmem_cache,
} from "#linux/slab.ts";
import {
	xas_clear_mark, xas_error, xas_get_mark, xas_load, xas_nomem, xas_set_err, xas_set_mark,
	xas_store,
} from "#linux/xarray.ts";
import {
	struct_xa_node, struct_xa_state, type struct_xarray, type xa_ptr,
} from "#linux/xarray_types.ts";

/** Null until radix_tree_init(). */
export let radix_tree_node_cachep: struct_kmem_cache<struct_xa_node> = null as never;

/**
 * lib/radix-tree.c:radix_tree_node_rcu_free(): nodes in the slab are as the constructor leaves
 * them.
 */
export function radix_tree_node_rcu_free(head: struct_callback_head): void {
	const node = container_of(head, struct_xa_node, "rcu_head");

	node.slots.fill(null);
	node.marks.fill(0);
	node.has_siblings = false;
	INIT_LIST_HEAD(node.private_list);

	kmem_cache_free(radix_tree_node_cachep, node);
}

function radix_tree_node_ctor(node: struct_xa_node): void {
	node.shift = 0;
	node.offset = 0;
	node.count = 0;
	node.nr_values = 0;
	node.has_siblings = false;
	node.parent = null;
	node.array = null;
	node.slots.fill(null);
	node.marks.fill(0);
	INIT_LIST_HEAD(node.private_list);
}

/** lib/radix-tree.c:radix_tree_init(): after kmem_cache_init(), before the first array grows. */
export function radix_tree_init(): void {
	radix_tree_node_cachep = kmem_cache_create("radix_tree_node", struct_xa_node,
		SLAB_PANIC | SLAB_RECLAIM_ACCOUNT, radix_tree_node_ctor)!;
}

/** lib/radix-tree.c:radix_tree_insert(): 0, -EEXIST or -ENOMEM. */
export function radix_tree_insert(root: struct_xarray, index: number, item: object | number,
	gfp: gfp_t = GFP_NOWAIT): number {
	const xas = new struct_xa_state(root, index, 0, 0);

	do {
		if (xas_load(xas) === null)
			xas_store(xas, item);
		else
			xas_set_err(xas, -EEXIST);
	} while (xas_nomem(xas, gfp));
	return xas_error(xas);
}

/** lib/radix-tree.c:radix_tree_lookup() */
export function radix_tree_lookup(root: struct_xarray, index: number): xa_ptr {
	return xas_load(new struct_xa_state(root, index, 0, 0));
}

/** lib/radix-tree.c:radix_tree_delete_item(): only if it is @item, unless that is null. */
export function radix_tree_delete_item(root: struct_xarray, index: number, item: xa_ptr): xa_ptr {
	const xas = new struct_xa_state(root, index, 0, 0);
	const entry = xas_load(xas);

	if (entry === null || (item !== null && entry !== item))
		return null;
	xas_store(xas, null);
	return entry;
}

/** lib/radix-tree.c:radix_tree_delete() */
export function radix_tree_delete(root: struct_xarray, index: number): xa_ptr {
	return radix_tree_delete_item(root, index, null);
}

/** lib/radix-tree.c:radix_tree_tag_set() */
export function radix_tree_tag_set(root: struct_xarray, index: number, tag: number): xa_ptr {
	const xas = new struct_xa_state(root, index, 0, 0);
	const entry = xas_load(xas);

	if (entry !== null)
		xas_set_mark(xas, tag);
	return entry;
}

/** lib/radix-tree.c:radix_tree_tag_clear() */
export function radix_tree_tag_clear(root: struct_xarray, index: number, tag: number): xa_ptr {
	const xas = new struct_xa_state(root, index, 0, 0);
	const entry = xas_load(xas);

	if (entry !== null)
		xas_clear_mark(xas, tag);
	return entry;
}

/** lib/radix-tree.c:radix_tree_tag_get() */
export function radix_tree_tag_get(root: struct_xarray, index: number, tag: number): boolean {
	const xas = new struct_xa_state(root, index, 0, 0);

	return xas_load(xas) !== null && xas_get_mark(xas, tag);
}
