// SPDX-License-Identifier: GPL-2.0
/*
 * Slab allocation: objects of one class from caches, and kmalloc()ed ones.
 *
 * Upstream: include/linux/slab.h. Sizes become classes: kzalloc(struct_x, gfp). What is allocated
 * is always zeroed, that is, as its class's constructor leaves it. Byte buffers are
 * kmalloc_bytes(n), kzalloc_bytes(n) and, beyond a page, kvzalloc_bytes(n); arrays are kcalloc(n,
 * () => element).
 */
export * from "#linux/slab_def.ts";
export {
	kfree, kfree_bulk, kfree_const, kfree_sensitive, kmem_cache_alloc, kmem_cache_alloc_bulk,
	kmem_cache_alloc_lru, kmem_cache_alloc_node, kmem_cache_free, kmem_cache_free_bulk,
	kmem_cache_shrink, kmem_cache_zalloc, slab_is_live,
} from "#mm/slub.ts";
export {
	KMEM_CACHE, kcalloc, kcalloc_node, kmalloc, kmalloc_array, kmalloc_bytes, kmalloc_node,
	kmem_cache_create, kmem_cache_create_usercopy, kmem_cache_destroy, kmem_cache_init,
	kmem_cache_init_late, kmem_cache_size, kzalloc, kzalloc_bytes, kzalloc_node,
	slab_is_available, slab_live_counts, slab_live_total,
} from "#mm/slab_common.ts";
export {
	kasprintf, kmemdup, kstrdup, kstrdup_const, kstrndup, kvcalloc, kvcalloc_s32, kvfree,
	kvfree_sensitive, kvmalloc, kvmalloc_array, kvmalloc_bytes, kvmalloc_node, kvzalloc,
	kvzalloc_bytes,
} from "#mm/util.ts";
