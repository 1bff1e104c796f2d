// SPDX-License-Identifier: GPL-2.0
/*
 * The flags of slab caches and struct kmem_cache.
 *
 * Upstream: include/linux/slab.h (flags), include/linux/slub_def.h (struct kmem_cache).
 */
import { CONFIG_FAILSLAB } from "#generated/autoconf.ts";
import { struct_list_head } from "#linux/list.ts";

export type slab_flags_t = number;

export const SLAB_CONSISTENCY_CHECKS	= 0x00000100;
export const SLAB_RED_ZONE		= 0x00000400;
export const SLAB_POISON		= 0x00000800;
export const SLAB_HWCACHE_ALIGN		= 0x00002000;
export const SLAB_CACHE_DMA		= 0x00004000;
export const SLAB_CACHE_DMA32		= 0x00008000;
export const SLAB_STORE_USER		= 0x00010000;
export const SLAB_RECLAIM_ACCOUNT	= 0x00020000;
export const SLAB_TEMPORARY		= SLAB_RECLAIM_ACCOUNT;
export const SLAB_PANIC			= 0x00040000;
/*
 * an object may be handed out again at once, but stays an object of this cache for a grace period
 */
export const SLAB_TYPESAFE_BY_RCU	= 0x00080000;
export const SLAB_MEM_SPREAD		= 0x00100000;
export const SLAB_TRACE			= 0x00200000;
export const SLAB_NOLEAKTRACE		= 0x00800000;
export const SLAB_FAILSLAB		= CONFIG_FAILSLAB ? 0x02000000 : 0;
export const SLAB_ACCOUNT		= 0x04000000;
export const SLAB_NO_USER_FLAGS		= 0x10000000;

/** A class whose instances a cache holds. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type class_of<T> = new (...args: any[]) => T;

/*
 * A cache of objects of one class. make, reset and poison are generated for the class when the
 * cache is created; each is called with an object only it has seen, so that it stays monomorphic.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export class struct_kmem_cache<T extends object = any> {
	flags: slab_flags_t = 0;
	/** Estimate in bytes; what fault injection's `space` counts. */
	size = 0;
	object_size = 0;
	ctor: ((object: T) => void) | null = null;
	refcount = 0;
	name = "";
	list = new struct_list_head(this);
	/** objects handed out and not freed */
	nr_live = 0;
	/** since boot */
	nr_allocs = 0;
	/** freed objects, the next one to hand out last */
	freelist: T[] = [];
	/** whether freed objects are handed out again, or left to the garbage collector */
	reuse = false;
	/** a new object, marked live */
	make: () => T;
	/** a freed object back to what the class's constructor makes, marked live */
	reset: (object: T) => void;
	/** fields overwritten, marked free; false: it was not a live object of this cache */
	poison: (object: T) => boolean;

	constructor(make: () => T, reset: (object: T) => void, poison: (object: T) => boolean) {
		this.make = make;
		this.reset = reset;
		this.poison = poison;
	}
}
