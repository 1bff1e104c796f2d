// SPDX-License-Identifier: GPL-2.0
/*
 * Handing out and taking back slab objects.
 *
 * Upstream: mm/slub.c. The memory of an object is the JavaScript heap's. What stays is what its
 * users see: allocations that can be made to fail, objects that keep their constructed state when
 * the cache has a constructor, last in first out reuse, and slub_debug's checks: freed objects are
 * poisoned, a double free and the free of a foreign object are BUGs, live objects are counted.
 *
 * Each object carries its state in a hidden field, __slab: its cache while live, else null. That of
 * arrays and buffers is kept beside them: a field on one of them would make the engine check each
 * access to any other, wherever it is, for having one too.
 */
import { __GFP_NOWARN, type gfp_t } from "#linux/gfp_types.ts";
import { CONFIG_FAILSLAB } from "#generated/autoconf.ts";
import { BUG_ON } from "#linux/bug.ts";
import type { struct_list_lru } from "#linux/list_lru.ts";
import { kernel_bug, print_tainted } from "#linux/panic.ts";
import { pr_err } from "#linux/printk.ts";
import { might_alloc } from "#linux/sched/mm.ts";
import { SLAB_TYPESAFE_BY_RCU, type class_of, type struct_kmem_cache } from "#linux/slab_def.ts";
import { __should_failslab } from "#linux/fault-inject.ts";
import { gfp_allowed_mask } from "#linux/gfp.ts";

interface slab_object {
	__slab?: struct_kmem_cache | null;
}

/* include/linux/poison.h */
export const POISON_FREE = 0x6b;
const POISON_NUMBER	= 0x6b6b6b6b;
const POISON_BIGINT	= 0x6b6b6b6b6b6b6b6bn;
const POISON_STRING	= "kkkkkkkk";

function use_of_freed(): never {
	throw new Error("general protection fault, probably for non-canonical address " +
		"0x6b6b6b6b6b6b6b6b: use of a freed object");
}

/** What object fields of a freed object hold: it can be compared, any other use is an oops. */
export const POISON: object = new Proxy(Object.freeze({}), {
	get: use_of_freed,
	set: use_of_freed,
	has: use_of_freed,
	deleteProperty: use_of_freed,
	defineProperty: use_of_freed,
	getOwnPropertyDescriptor: use_of_freed,
	getPrototypeOf: use_of_freed,
	setPrototypeOf: use_of_freed,
	ownKeys: use_of_freed,
	isExtensible: use_of_freed,
	preventExtensions: use_of_freed,
});

/* ---- code for a class ----------------------------------------------------------------------- */

type fields = Record<string, unknown>;

/* a node embedded in @owner: it stays in place, only its own fields are written */
function is_node(value: unknown, owner: object): value is fields {
	return typeof value === "object" && value !== null &&
	       (value as { owner?: unknown }).owner === owner;
}

/* pte_t and the like: never changed, so that one instance serves all objects */
function is_pair(value: object): boolean {
	const keys = Object.keys(value);
	return keys.length === 2 && keys[0] === "lo" && keys[1] === "hi";
}

function poison_of(value: unknown): unknown {
	switch (typeof value) {
	case "number":
		return POISON_NUMBER;
	case "bigint":
		return POISON_BIGINT;
	case "string":
		return POISON_STRING;
	case "boolean":
		return true;
	default:
		return POISON;
	}
}

class generator {
	readonly constants: unknown[] = [];
	reset = "";
	poison = "";
	reuse = true;

	private use(value: unknown): string {
		if (value === null || typeof value === "boolean" ||
		    (Number.isInteger(value) && !Object.is(value, -0)))
			return String(value);
		let i = this.constants.indexOf(value);
		if (i < 0)
			i = this.constants.push(value) - 1;
		return `k${i}`;
	}

	/* @t and @other: two objects as the constructor makes them, at @path */
	walk(t: fields, other: fields, path: string, nodes: boolean): void {
		for (const key of Object.keys(t)) {
			const value = t[key];
			const at = `${path}[${JSON.stringify(key)}]`;

			if (key === "__slab" || (!nodes && key === "owner"))
				continue;
			if (value === t) {
				this.reset += `${at} = ${path};\n`;
				this.poison += `${at} = ${this.use(POISON)};\n`;
			} else if (nodes && is_node(value, t)) {
				this.walk(value, other[key] as fields, at, false);
			} else {
				if (typeof value === "object" && value !== null && value !== other[key] &&
				    !is_pair(value))
					this.reuse = false;
				this.reset += `${at} = ${this.use(value)};\n`;
				this.poison += `${at} = ${this.use(poison_of(value))};\n`;
			}
		}
	}

	compile<F>(args: string, body: string, s: { cache: struct_kmem_cache | null }): F {
		const names = this.constants.map((_, i) => `k${i}`);

		return new Function("s", ...names, `"use strict";
			return function (${args}) { ${body} };`)(s, ...this.constants) as F;
	}
}

interface object_ops<T> {
	make: () => T;
	reset: (object: T) => void;
	poison: (object: T) => boolean;
	reuse: boolean;
}

/**
 * The functions of a cache of @type, whose constructor is called with @args. @s.cache is set by the
 * caller. Objects of a cache with a constructor keep their contents from user to user; the others
 * are reused if all they embed are nodes, else a freed one is left to the garbage collector.
 */
export function generate_object_ops<T extends object>(type: class_of<T>, args: readonly unknown[],
	keeps_contents: boolean, s: { cache: struct_kmem_cache | null }): object_ops<T> {
	const mark = (object: T): T => {
		(object as slab_object).__slab = null;
		return object;
	};
	const fresh = (): T => mark(new type(...args));
	const gen = new generator();
	if (!keeps_contents)
		gen.walk(fresh() as fields, fresh() as fields, "o", true);

	gen.constants.push(type, ...args);
	const [new_type, ...new_args] = gen.constants.slice(-1 - args.length)
		.map((_, i) => `k${gen.constants.length - 1 - args.length + i}`);
	const make = gen.compile<() => T>("", `
		const o = new ${new_type!}(${new_args.join(", ")});
		o.__slab = s.cache;
		return o;`, s);
	const reset = gen.compile<(o: T) => void>("o", `${gen.reset} o.__slab = s.cache;`, s);
	const poison = gen.compile<(o: T) => boolean>("o", `
		if (o.__slab !== s.cache)
			return false;
		o.__slab = null;
		${gen.poison}
		return true;`, s);

	/*
	 * Once, so that the kinds of the fields are settled before code is optimised for them. What
	 * is not used again is large, and freed when all is over: until then the engine is to know
	 * of which class the structs are that it embeds.
	 */
	if (!keeps_contents && gen.reuse) {
		const object = make();
		poison(object);
		reset(object);
	}
	return { make, reset, poison, reuse: gen.reuse };
}

/* ---- allocation ----------------------------------------------------------------------------- */

/** mm/slab_common.c:should_failslab() */
export function should_failslab(s: struct_kmem_cache, gfpflags: gfp_t): boolean {
	return CONFIG_FAILSLAB && __should_failslab(s, gfpflags);
}

/** mm/slub.c:kmem_cache_alloc() */
export function kmem_cache_alloc<T extends object>(s: struct_kmem_cache<T>,
	gfpflags: gfp_t): T | null {
	gfpflags &= gfp_allowed_mask;
	might_alloc(gfpflags);

	if (should_failslab(s, gfpflags))
		return null;

	let object = s.freelist.pop();
	if (object === undefined) {
		object = s.make();
		if (s.ctor !== null)
			s.ctor(object);
	} else {
		s.reset(object);
	}
	s.nr_live++;
	s.nr_allocs++;
	return object;
}

export function kmem_cache_zalloc<T extends object>(k: struct_kmem_cache<T>,
	flags: gfp_t): T | null {
	BUG_ON(k.ctor !== null);
	return kmem_cache_alloc(k, flags);
}

export function kmem_cache_alloc_lru<T extends object>(s: struct_kmem_cache<T>,
	_lru: struct_list_lru | null, gfpflags: gfp_t): T | null {
	return kmem_cache_alloc(s, gfpflags);
}

export function kmem_cache_alloc_node<T extends object>(s: struct_kmem_cache<T>, gfpflags: gfp_t,
	_node: number): T | null {
	return kmem_cache_alloc(s, gfpflags);
}

function slab_err(s: struct_kmem_cache | null, what: string): never {
	const name = s === null ? "kmalloc" : s.name;

	pr_err("=============================================================================\n");
	pr_err("BUG %s (%s): %s\n", name, print_tainted(), what);
	pr_err("-----------------------------------------------------------------------------\n\n");
	throw new kernel_bug(`BUG ${name}: ${what}`);
}

/* why @object is not a live object of @s */
function free_err(s: struct_kmem_cache | null, object: object): never {
	const slab = slab_of(object);

	if (slab === null)
		slab_err(s, "Object already free");
	if (slab === undefined)
		slab_err(s, "Invalid object pointer");
	slab_err(s, `Wrong slab cache. ${s?.name ?? "kmalloc"} but object is from ${slab.name}`);
}

/** mm/slub.c:kmem_cache_free() */
export function kmem_cache_free<T extends object>(s: struct_kmem_cache<T>, x: T): void {
	if (!s.poison(x))
		free_err(s, x);
	s.nr_live--;
	if (s.reuse)
		s.freelist.push(x);
}

export function kmem_cache_free_bulk<T extends object>(s: struct_kmem_cache<T>, size: number,
	p: (T | null)[]): void {
	for (let i = 0; i < size; i++) {
		kmem_cache_free(s, p[i]!);
		p[i] = null;
	}
}

/** mm/slub.c:kmem_cache_alloc_bulk(); all or nothing. */
export function kmem_cache_alloc_bulk<T extends object>(s: struct_kmem_cache<T>, flags: gfp_t,
	size: number, p: (T | null)[]): number {
	for (let i = 0; i < size; i++) {
		const object = kmem_cache_alloc(s, flags | __GFP_NOWARN);

		if (object === null) {
			kmem_cache_free_bulk(s, i, p);
			return 0;
		}
		p[i] = object;
	}
	return size;
}

export function kmem_cache_shrink(s: struct_kmem_cache): number {
	s.freelist.length = 0;
	return 0;
}

/* ---- byte buffers, arrays and strings ------------------------------------------------------- */

interface plain_counts {
	live: number;
	allocs: number;
}

/** Live kmalloc()ed arrays, buffers and strings, which have no class. */
export const kmalloc_plain: plain_counts = { live: 0, allocs: 0 };
const PLAIN = { name: "kmalloc" } as struct_kmem_cache;

const plain_slabs = new WeakMap<object, struct_kmem_cache | null>();

function slab_of(object: object): struct_kmem_cache | null | undefined {
	const slab = (object as slab_object).__slab;

	return slab !== undefined ? slab : plain_slabs.get(object);
}

/** Marks an array or a buffer as allocated. */
export function slab_mark_plain<T extends object>(object: T): T {
	plain_slabs.set(object, PLAIN);
	kmalloc_plain.live++;
	kmalloc_plain.allocs++;
	return object;
}

/** Counts a string as allocated; strings have no identity, only their number is checked. */
export function slab_count_string(s: string): string {
	kmalloc_plain.live++;
	kmalloc_plain.allocs++;
	return s;
}

function free_plain(object: object): void {
	plain_slabs.set(object, null);
	kmalloc_plain.live--;
	if (object instanceof Uint8Array)
		object.fill(POISON_FREE);
	else if (Array.isArray(object))
		object.fill(typeof object[0] === "number" ? POISON_NUMBER : POISON);
	else if (ArrayBuffer.isView(object))
		new Uint8Array(object.buffer, object.byteOffset, object.byteLength)
			.fill(POISON_FREE);
}

/** mm/slub.c:kfree(), for whatever kmalloc() and its kind gave. */
export function kfree(x: object | string | null): void {
	if (x === null)
		return;
	if (typeof x === "string") {
		BUG_ON(kmalloc_plain.live <= 0);
		kmalloc_plain.live--;
		return;
	}

	const s = slab_of(x);

	if (s === PLAIN)
		free_plain(x);
	else if (s === null || s === undefined)
		free_err(null, x);
	else
		kmem_cache_free(s, x);
}

export function kfree_bulk(size: number, p: (object | null)[]): void {
	for (let i = 0; i < size; i++)
		kfree(p[i]!);
}

export function kfree_sensitive(p: object | string | null): void {
	kfree(p);
}

/** mm/util.c:kfree_const(); constants and copies look alike, so that copies are not counted. */
export function kfree_const(_x: string | null): void {}

/** Port-only, for tests: whether @object was allocated and not freed. */
export function slab_is_live(object: object): boolean {
	const s = slab_of(object);
	return s !== null && s !== undefined;
}

/** Whether @s keeps freed objects as they are: it has a constructor, or lockless readers. */
export function slab_keeps_contents(s: { flags: number; ctor: unknown }): boolean {
	return s.ctor !== null || (s.flags & SLAB_TYPESAFE_BY_RCU) !== 0;
}

