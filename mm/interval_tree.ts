// SPDX-License-Identifier: GPL-2.0
/*
 * Interval trees of file mappings (address_space.i_mmap) and anonymous ones (anon_vma.rb_root).
 *
 * Upstream: mm/interval_tree.c. Left out: the verify functions of CONFIG_DEBUG_VM_RB.
 */
import { VM_BUG_ON_VMA } from "#linux/mmdebug.ts";
import { INTERVAL_TREE_DEFINE, type interval_tree_functions } from
	"#linux/interval_tree_generic.ts";
import { rb_insert_augmented, type rb_link, rb_link_node, type struct_rb_root_cached } from
	"#linux/rbtree_augmented.ts";
import { struct_vm_area_struct } from "#linux/mm_types.ts";
import { struct_anon_vma_chain } from "#linux/rmap.ts";
import { ul_shr } from "#asm-generic/bits.ts";
import { PAGE_SHIFT } from "#asm/page_types.ts";

/** mm/interval_tree.c:vma_start_pgoff() */
function vma_start_pgoff(v: struct_vm_area_struct): number {
	return v.vm_pgoff;
}

/** mm/interval_tree.c:vma_last_pgoff() */
function vma_last_pgoff(v: struct_vm_area_struct): number {
	return v.vm_pgoff + ul_shr(v.vm_end - v.vm_start, PAGE_SHIFT) - 1;
}

let vma_tree: interval_tree_functions<struct_vm_area_struct> | null = null;
let avc_tree: interval_tree_functions<struct_anon_vma_chain> | null = null;

/* made at first use: the classes come from files that import this one */
function vma_interval_tree(): interval_tree_functions<struct_vm_area_struct> {
	vma_tree ??= INTERVAL_TREE_DEFINE(struct_vm_area_struct, {
		rb: (v) => v.shared_rb,
		subtree_last: (v) => v.shared_rb_subtree_last,
		set_subtree_last: (v, last) => {
			v.shared_rb_subtree_last = last;
		},
		start: vma_start_pgoff,
		last: vma_last_pgoff,
	});
	return vma_tree;
}

function __anon_vma_interval_tree(): interval_tree_functions<struct_anon_vma_chain> {
	avc_tree ??= INTERVAL_TREE_DEFINE(struct_anon_vma_chain, {
		rb: (a) => a.rb,
		subtree_last: (a) => a.rb_subtree_last,
		set_subtree_last: (a, last) => {
			a.rb_subtree_last = last;
		},
		start: (a) => vma_start_pgoff(a.vma!),
		last: (a) => vma_last_pgoff(a.vma!),
	});
	return avc_tree;
}

export function vma_interval_tree_insert(node: struct_vm_area_struct,
	root: struct_rb_root_cached): void {
	vma_interval_tree().insert(node, root);
}

export function vma_interval_tree_remove(node: struct_vm_area_struct,
	root: struct_rb_root_cached): void {
	vma_interval_tree().remove(node, root);
}

export function vma_interval_tree_iter_first(root: struct_rb_root_cached, start: number,
	last: number): struct_vm_area_struct | null {
	return vma_interval_tree().iter_first(root, start, last);
}

export function vma_interval_tree_iter_next(node: struct_vm_area_struct, start: number,
	last: number): struct_vm_area_struct | null {
	return vma_interval_tree().iter_next(node, start, last);
}

/** mm/interval_tree.c:vma_interval_tree_insert_after(), @node next to @prev of the same start. */
export function vma_interval_tree_insert_after(node: struct_vm_area_struct,
	prev: struct_vm_area_struct, root: struct_rb_root_cached): void {
	let link: rb_link;
	let parent: struct_vm_area_struct;
	const last = vma_last_pgoff(node);

	VM_BUG_ON_VMA(vma_start_pgoff(node) !== vma_start_pgoff(prev), node);

	if (prev.shared_rb.rb_right === null) {
		parent = prev;
		link = "rb_right";
	} else {
		parent = prev.shared_rb.rb_right.owner as struct_vm_area_struct;
		if (parent.shared_rb_subtree_last < last)
			parent.shared_rb_subtree_last = last;
		while (parent.shared_rb.rb_left !== null) {
			parent = parent.shared_rb.rb_left.owner as struct_vm_area_struct;
			if (parent.shared_rb_subtree_last < last)
				parent.shared_rb_subtree_last = last;
		}
		link = "rb_left";
	}

	node.shared_rb_subtree_last = last;
	rb_link_node(node.shared_rb, parent.shared_rb, link);
	rb_insert_augmented(node.shared_rb, root.rb_root, vma_interval_tree().augment);
}

export function anon_vma_interval_tree_insert(node: struct_anon_vma_chain,
	root: struct_rb_root_cached): void {
	__anon_vma_interval_tree().insert(node, root);
}

export function anon_vma_interval_tree_remove(node: struct_anon_vma_chain,
	root: struct_rb_root_cached): void {
	__anon_vma_interval_tree().remove(node, root);
}

export function anon_vma_interval_tree_iter_first(root: struct_rb_root_cached, first: number,
	last: number): struct_anon_vma_chain | null {
	return __anon_vma_interval_tree().iter_first(root, first, last);
}

export function anon_vma_interval_tree_iter_next(node: struct_anon_vma_chain, first: number,
	last: number): struct_anon_vma_chain | null {
	return __anon_vma_interval_tree().iter_next(node, first, last);
}
