// SPDX-License-Identifier: GPL-2.0
/*
 * Slab caches: making, finding and destroying them; kmalloc().
 *
 * Upstream: mm/slab_common.c, the inlines of include/linux/slab.h. Left out: merging, sysfs,
 * /proc/slabinfo, krealloc. kmalloc() has a cache for each class, named after it.
 */
import type { gfp_t } from "#linux/gfp_types.ts";
import { WARN } from "#linux/bug.ts";
import { list_add, list_del, struct_list_head } from "#linux/list.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { DEFINE_MUTEX } from "#linux/mutex_types.ts";
import { might_alloc } from "#linux/sched/mm.ts";
import {
	SLAB_PANIC, type class_of, type slab_flags_t, struct_kmem_cache,
} from "#linux/slab_def.ts";
import { should_failslab } from "#linux/fault-inject.ts";
import { kmem_cache_alloc } from "#linux/slab.ts";
import {
	generate_object_ops, kmalloc_plain, slab_keeps_contents, slab_mark_plain,
} from "#mm/slab.h.ts";

export const slab_caches = new struct_list_head(null);
export const slab_mutex = DEFINE_MUTEX("slab_mutex");

/* what fault injection knows of a class's size: a word per field of a fresh object */
function size_of(object: object): number {
	return 8 * Math.max(1, Object.keys(object).length);
}

function create_cache<T extends object>(name: string, type: class_of<T>, flags: slab_flags_t,
	ctor: ((object: T) => void) | null, args: readonly unknown[]): struct_kmem_cache<T> {
	const cell: { cache: struct_kmem_cache | null } = { cache: null };
	const keeps = slab_keeps_contents({ flags, ctor });
	const ops = generate_object_ops(type, args, keeps, cell);
	const s = new struct_kmem_cache<T>(ops.make, ops.reset, ops.poison);

	cell.cache = s;
	s.name = name;
	s.size = s.object_size = size_of(new type(...args));
	s.flags = flags;
	s.ctor = ctor;
	s.reuse = ops.reuse;
	s.refcount = 1;
	list_add(s.list, slab_caches);
	return s;
}

/**
 * mm/slab_common.c:kmem_cache_create(), for objects of @type. @args are what its constructor wants.
 * @ctor runs once for each new object; objects must be freed in the state in which it left them.
 * Upstream's failures (no memory for the cache itself) cannot happen.
 */
export function kmem_cache_create<T extends object>(name: string, type: class_of<T>,
	flags: slab_flags_t, ctor: ((object: T) => void) | null = null,
	args: readonly unknown[] = []): struct_kmem_cache<T> | null {
	mutex_lock(slab_mutex);
	const s = create_cache(name, type, flags, ctor, args);
	mutex_unlock(slab_mutex);
	return s;
}

export const kmem_cache_create_usercopy = kmem_cache_create;

/** A cache named after the class, less its "struct_". */
export function KMEM_CACHE<T extends object>(type: class_of<T>,
	flags: slab_flags_t): struct_kmem_cache<T> {
	return kmem_cache_create(type.name.replace(/^struct_/, ""), type, flags | SLAB_PANIC)!;
}

/** mm/slab_common.c:kmem_cache_destroy() */
export function kmem_cache_destroy(s: struct_kmem_cache | null): void {
	if (s === null)
		return;

	mutex_lock(slab_mutex);
	s.refcount--;
	if (s.refcount === 0 &&
	    !WARN(s.nr_live !== 0, "%s %s: Slab cache still has objects\n", "kmem_cache_destroy",
		    s.name))
		list_del(s.list);
	mutex_unlock(slab_mutex);
}

export function kmem_cache_size(s: struct_kmem_cache): number {
	return s.object_size;
}

export function kmem_cache_init(): void {}
export function kmem_cache_init_late(): void {}

export function slab_is_available(): boolean {
	return true;
}

/* ---- kmalloc -------------------------------------------------------------------------------- */

const kmalloc_caches = new Map<class_of<object>, struct_kmem_cache>();

function kmalloc_slab<T extends object>(type: class_of<T>,
	args: readonly unknown[]): struct_kmem_cache<T> {
	let s = kmalloc_caches.get(type);

	if (s === undefined) {
		s = create_cache(`kmalloc-${type.name}`, type as class_of<object>, 0, null, args);
		if (args.length !== 0)
			s.reuse = false;
		kmalloc_caches.set(type, s);
	}
	return s as struct_kmem_cache<T>;
}

/**
 * An object of @type, as its constructor makes it; @args go to the constructor. Classes whose
 * constructor takes arguments are made anew each time.
 */
export function kmalloc<T extends object, A extends unknown[]>(type: new (...args: A) => T,
	flags: gfp_t, ...args: A): T | null {
	const s = kmalloc_slab<T>(type, args);

	if (args.length !== 0)
		s.make = (): T => {
			const object = new type(...args);
			(object as { __slab?: struct_kmem_cache }).__slab = s;
			return object;
		};
	return kmem_cache_alloc(s, flags);
}

export const kzalloc = kmalloc;

export function kmalloc_node<T extends object>(type: new () => T, flags: gfp_t,
	_node: number): T | null {
	return kmalloc(type, flags);
}

export const kzalloc_node = kmalloc_node;

/* for the check of should_failslab() on what has no class */
let plain_cache: struct_kmem_cache | null = null;

/** Whether an allocation without class may go on: kvmalloc() and the functions below ask it. */
export function kmalloc_plain_ok(size: number, flags: gfp_t): boolean {
	might_alloc(flags);
	plain_cache ??= new struct_kmem_cache(() => ({}), () => undefined, () => false);
	plain_cache.object_size = size;
	return !should_failslab(plain_cache, flags);
}

export function kmalloc_bytes(size: number, flags: gfp_t): Uint8Array | null {
	return kmalloc_plain_ok(size, flags) ? slab_mark_plain(new Uint8Array(size)) : null;
}

export const kzalloc_bytes = kmalloc_bytes;

/** An array of @n elements, each made by @element. */
export function kmalloc_array<T>(n: number, element: (i: number) => T, flags: gfp_t): T[] | null {
	if (!kmalloc_plain_ok(8 * n, flags))
		return null;
	const array = new Array<T>(n);
	for (let i = 0; i < n; i++)
		array[i] = element(i);
	return slab_mark_plain(array);
}

export const kcalloc = kmalloc_array;

export function kcalloc_node<T>(n: number, element: (i: number) => T, flags: gfp_t,
	_node: number): T[] | null {
	return kmalloc_array(n, element, flags);
}

/* ---- accounting ----------------------------------------------------------------------------- */

/** Port-only: live objects by cache name; caches with none are left out. For leak checks. */
export function slab_live_counts(): Map<string, number> {
	const counts = new Map<string, number>();

	for (let p = slab_caches.next; p !== slab_caches; p = p.next) {
		const s = p.owner as struct_kmem_cache;
		if (s.nr_live !== 0)
			counts.set(s.name, (counts.get(s.name) ?? 0) + s.nr_live);
	}
	if (kmalloc_plain.live !== 0)
		counts.set("kmalloc", kmalloc_plain.live);
	return counts;
}

/** Port-only: all live objects. */
export function slab_live_total(): number {
	let total = 0;
	for (const n of slab_live_counts().values())
		total += n;
	return total;
}
