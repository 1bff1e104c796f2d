// SPDX-License-Identifier: GPL-2.0
/*
 * Slab caches: reuse, poison, wrong frees, constructors, failures on request, live counts.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
	GFP_ATOMIC, GFP_KERNEL, GFP_NOWAIT, __GFP_NOFAIL,
} from "#linux/gfp_types.ts";
import { struct_list_head } from "#linux/list.ts";
import { struct_rb_node } from "#linux/rbtree_types.ts";
import { struct_vm_area_struct } from "#linux/mm_types.ts";
import {
	KMEM_CACHE, SLAB_FAILSLAB, SLAB_TYPESAFE_BY_RCU, kcalloc, kfree, kmalloc, kmalloc_bytes,
	kmem_cache_alloc, kmem_cache_alloc_bulk, kmem_cache_create, kmem_cache_destroy,
	kmem_cache_free, kmem_cache_free_bulk, kmem_cache_zalloc, kmemdup, kstrdup, kvcalloc,
	kvfree, kvzalloc_bytes, kzalloc, slab_is_live, slab_live_counts, type struct_kmem_cache,
} from "#linux/slab.ts";
import { current } from "#linux/sched.ts";
import { POISON } from "#mm/slub.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { MiB, boot_memory, fault_file, printed } from "#tools/testing/kunit/mm/alloc_env.ts";

const PAIR = (lo: number, hi: number): { lo: number; hi: number } => ({ lo, hi });

class struct_thing {
	n = 7;
	big = 5n;
	name = "thing";
	on = false;
	next: struct_thing | null = null;
	node = new struct_list_head(this);
	rb = new struct_rb_node(this);
	prot = PAIR(0, 0);
}

/** Embeds what cannot be made anew in place. */
class struct_with_array {
	counts: number[] = [0, 0];
	inner = { a: 1, b: 2, c: 3 };
	x = 0;
}

class struct_with_args {
	readonly ops: object;
	count = 0;
	constructor(ops: object) {
		this.ops = ops;
	}
}

let things: struct_kmem_cache<struct_thing>;

beforeAll(() => boot_memory(16 * MiB));
beforeEach(() => {
	things = kmem_cache_create("thing", struct_thing, 0)!;
});

describe("objects", () => {
	test("are as the class makes them, also when used again", () => {
		const a = kmem_cache_zalloc(things, GFP_KERNEL)!;
		const fresh = new struct_thing();

		expect({ n: a.n, big: a.big, name: a.name, on: a.on, next: a.next }).toEqual(
			{ n: fresh.n, big: fresh.big, name: fresh.name, on: fresh.on,
				next: fresh.next });
		a.n = 99;
		a.big = 1n;
		a.name = "x";
		a.on = true;
		a.next = a;
		a.prot = PAIR(3, 4);
		const other = new struct_list_head(null);
		a.node.next = other;
		a.rb.rb_left = new struct_rb_node(null);
		kmem_cache_free(things, a);

		const b = kmem_cache_zalloc(things, GFP_KERNEL)!;
		expect(b).toBe(a);
		expect([b.n, b.big, b.name, b.on, b.next]).toEqual([7, 5n, "thing", false, null]);
		expect(b.node.next).toBe(b.node);
		expect(b.node.owner).toBe(b);
		expect(b.rb.rb_left).toBe(null);
		expect(b.prot).toEqual({ lo: 0, hi: 0 });
		kmem_cache_free(things, b);
		expect(things.nr_live).toBe(0);
	});

	test("hold poison once freed", () => {
		const a = kmem_cache_alloc(things, GFP_KERNEL)!;
		kmem_cache_free(things, a);

		expect(a.n).toBe(0x6b6b6b6b);
		expect(a.big).toBe(0x6b6b6b6b6b6b6b6bn);
		expect(a.next === (POISON as unknown)).toBe(true);
		expect(a.next === null).toBe(false);
		expect(() => a.next!.n).toThrow(/use of a freed object/);
		expect(() => {
			a.next!.n = 1;
		}).toThrow(/use of a freed object/);
		expect(() => a.node.next.prev).toThrow(/use of a freed object/);
		expect(() => a.prot.lo).toThrow(/use of a freed object/);
	});

	test("that cannot be made anew in place are not used again", () => {
		const cache = KMEM_CACHE(struct_with_array, 0);
		const a = kmem_cache_alloc(cache, GFP_KERNEL)!;

		expect(cache.name).toBe("with_array");
		expect(cache.reuse).toBe(false);
		kmem_cache_free(cache, a);
		expect(() => a.counts[0]).toThrow(/use of a freed object/);
		expect(kmem_cache_alloc(cache, GFP_KERNEL)).not.toBe(a);
	});

	test("whose constructor takes arguments", () => {
		const ops = {}, other = {};
		const cache = kmem_cache_create("args", struct_with_args, 0, null, [ops])!;
		const a = kmem_cache_alloc(cache, GFP_KERNEL)!;
		const b = kzalloc(struct_with_args, GFP_KERNEL, other)!;

		expect(a.ops).toBe(ops);
		expect(b.ops).toBe(other);
		kmem_cache_free(cache, a);
		const c = kmem_cache_alloc(cache, GFP_KERNEL)!;
		expect([c, c.ops]).toEqual([a, ops]);
		kfree(b);
		kfree(c);
	});

	test("VMAs and their like are reused", () => {
		expect(KMEM_CACHE(struct_vm_area_struct, 0).reuse).toBe(true);
	});
});

describe("wrong frees", () => {
	const bug = (f: () => void, text: RegExp): void => {
		printed();
		expect(f).toThrow(/BUG/);
		expect(printed()).toMatch(text);
	};

	test("twice", () => {
		const a = kmem_cache_alloc(things, GFP_KERNEL)!;
		kmem_cache_free(things, a);
		bug(() => kmem_cache_free(things, a), /BUG thing .*: Object already free/);
		bug(() => kfree(a), /Object already free/);
	});

	test("to another cache", () => {
		const other = kmem_cache_create("other", struct_thing, 0)!;
		const a = kmem_cache_alloc(things, GFP_KERNEL)!;
		bug(() => kmem_cache_free(other, a), /BUG other .*: Wrong slab cache. other but object is from thing/);
		kmem_cache_free(things, a);
	});

	test("of what no cache gave", () => {
		bug(() => kmem_cache_free(things, new struct_thing()), /Invalid object pointer/);
		bug(() => kfree(new struct_thing()), /Invalid object pointer/);
		bug(() => kfree(new Uint8Array(3)), /Invalid object pointer/);
	});

	test("none at all is fine", () => kfree(null));
});

describe("constructors", () => {
	test("run once; the state stays", () => {
		let runs = 0;
		const cache = kmem_cache_create("ctor", struct_thing, 0, (t) => {
			runs++;
			t.n = 42;
		})!;
		const a = kmem_cache_alloc(cache, GFP_KERNEL)!;

		expect([runs, a.n]).toEqual([1, 42]);
		a.name = "kept";
		kmem_cache_free(cache, a);
		const b = kmem_cache_alloc(cache, GFP_KERNEL)!;
		expect([b, runs, b.name]).toEqual([a, 1, "kept"]);
		expect(() => kmem_cache_zalloc(cache, GFP_KERNEL)).toThrow(/BUG/);
		kmem_cache_free(cache, b);
	});

	test("type-safe by RCU: a reader may look at what was freed", () => {
		const cache = kmem_cache_create("rcu", struct_thing, SLAB_TYPESAFE_BY_RCU)!;
		const a = kmem_cache_alloc(cache, GFP_KERNEL)!;
		a.n = 3;
		kmem_cache_free(cache, a);
		expect(a.n).toBe(3);
		expect(slab_is_live(a)).toBe(false);
	});
});

describe("kmalloc", () => {
	test("objects, bytes, arrays and strings are counted", () => {
		const before = [...slab_live_counts()];
		const o = kmalloc(struct_thing, GFP_KERNEL)!;
		const bytes = kmalloc_bytes(100, GFP_KERNEL)!;
		const big = kvzalloc_bytes(1 << 20, GFP_KERNEL)!;
		const array = kcalloc(4, (i) => i, GFP_KERNEL)!;
		const varray = kvcalloc(9000, () => null, GFP_KERNEL)!;
		const s = kstrdup("text", GFP_KERNEL)!, copy = kmemdup(Uint8Array.of(1, 2, 3), 3, GFP_KERNEL)!;

		expect(slab_live_counts().get("kmalloc-struct_thing")).toBe(1);
		expect(slab_live_counts().get("kmalloc")).toBe(6);
		expect([...array]).toEqual([0, 1, 2, 3]);
		expect([...copy]).toEqual([1, 2, 3]);
		for (const x of [o, bytes, array, s, copy])
			kfree(x);
		kvfree(big);
		kvfree(varray);
		expect(bytes[99]).toBe(0x6b);
		expect(big[0]).toBe(0x6b);
		expect(array[0]).toBe(0x6b6b6b6b);
		expect([...slab_live_counts()]).toEqual(before);
		expect(() => kfree(bytes)).toThrow(/BUG/);
	});

	test("too much for anybody", () => {
		expect(kvzalloc_bytes(2 ** 31, GFP_KERNEL)).toBe(null);
	});
});

describe("failures on request", () => {
	const set = (name: string, v: number): void => fault_file("failslab", name).set(v);

	beforeEach(() => {
		set("ignore-gfp-wait", 0);
		set("cache-filter", 0);
		set("verbose", 0);
		set("probability", 0);
		set("times", -1);
		current.fail_nth = 0;
	});

	afterEach(() => set("probability", 0));

	/* first: a __GFP_NOWARN allocation that is asked for silences the attributes for good */
	test("is printed when asked for", () => {
		set("verbose", 1);
		set("probability", 100);
		printed();
		expect(kmem_cache_alloc(things, GFP_KERNEL)).toBe(null);
		expect(printed()).toMatch(/FAULT_INJECTION: forcing a failure.\s+name failslab, interval 1/);
	});

	test("the n-th allocation of a task", () => {
		current.fail_nth = 2;
		const a = kmem_cache_alloc(things, GFP_KERNEL), b = kmalloc_bytes(5, GFP_KERNEL),
			c = kstrdup("x", GFP_KERNEL);
		expect([a !== null, b, c]).toEqual([true, null, "x"]);
		kfree(a);
		kfree(c);
	});

	test("only those that cannot wait, by default", () => {
		set("ignore-gfp-wait", 1);
		current.fail_nth = 1;
		const a = kmem_cache_alloc(things, GFP_KERNEL)!;
		expect(a).not.toBe(null);
		expect(kmem_cache_alloc(things, GFP_ATOMIC)).toBe(null);
		kfree(a);
	});

	test("never what must not fail; not other caches", () => {
		set("probability", 100);
		const a = kmem_cache_alloc(things, GFP_KERNEL | __GFP_NOFAIL)!;
		expect(a).not.toBe(null);
		expect(kmem_cache_alloc(things, GFP_NOWAIT)).toBe(null);
		set("cache-filter", 1);
		const b = kmem_cache_alloc(things, GFP_KERNEL)!;
		expect(b).not.toBe(null);
		const marked = kmem_cache_create("marked", struct_thing, SLAB_FAILSLAB)!;
		expect(kmem_cache_alloc(marked, GFP_KERNEL)).toBe(null);
		kfree(a);
		kfree(b);
	});

	test("one in a bulk fails all", () => {
		const p: (struct_thing | null)[] = [];
		current.fail_nth = 5;
		expect(kmem_cache_alloc_bulk(things, GFP_KERNEL, 8, p)).toBe(0);
		expect(things.nr_live).toBe(0);
		expect(kmem_cache_alloc_bulk(things, GFP_KERNEL, 8, p)).toBe(8);
		expect(things.nr_live).toBe(8);
		kmem_cache_free_bulk(things, 8, p);
		expect(things.nr_live).toBe(0);
	});
});

describe("caches", () => {
	test("that still have objects cannot go", () => {
		const a = kmem_cache_alloc(things, GFP_KERNEL)!;
		printed();
		kmem_cache_destroy(things);
		expect(printed()).toMatch(/kmem_cache_destroy thing: Slab cache still has objects/);
		kmem_cache_free(things, a);
	});

	test.each(seeds(3))("live counts are exact, seed %i", (seed) => {
		const r = new prng(seed), live = new Set<struct_thing>();

		for (let i = 0; i < 3000; i++) {
			if (r.chance(11, 20)) {
				const t = kmem_cache_alloc(things, GFP_KERNEL)!;
				if (live.has(t) || t.n !== 7 || t.next !== null)
					throw new Error("not a fresh object");
				t.n = i;
				t.next = t;
				live.add(t);
			} else if (live.size !== 0) {
				const t = r.pick([...live]);
				live.delete(t);
				kmem_cache_free(things, t);
			}
			if (things.nr_live !== live.size)
				throw new Error(`${things.nr_live} live objects, not ${live.size}`);
		}
		expect(slab_live_counts().get("thing") ?? 0).toBe(live.size);
		for (const t of live)
			kfree(t);
		expect(things.nr_live).toBe(0);
	});
});
