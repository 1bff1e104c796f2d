// SPDX-License-Identifier: GPL-2.0
/*
 * What the slab allocator's files share.
 *
 * Upstream: mm/slab.h.
 */
export { kmalloc_plain_ok } from "#mm/slab_common.ts";
export {
	generate_object_ops, kmalloc_plain, slab_count_string, slab_keeps_contents, slab_mark_plain,
} from "#mm/slub.ts";
