// SPDX-License-Identifier: GPL-2.0
/*
 * IDR, IDA and reference counts.
 */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { IS_ERR } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { ref } from "#asm-generic/types.ts";
import { ENOMEM, ENOSPC } from "#linux/errno.ts";
import { GFP_KERNEL, GFP_NOWAIT } from "#linux/gfp_types.ts";
import {
	ida_alloc, ida_alloc_max, ida_alloc_range, ida_destroy, ida_free, ida_init, ida_is_empty,
	idr_alloc, idr_alloc_cyclic, idr_destroy, idr_find, idr_for_each, idr_for_each_entry,
	idr_init, idr_init_base, idr_is_empty, idr_remove, idr_replace, struct_ida, struct_idr,
} from "#linux/idr.ts";
import { kref_get, kref_get_unless_zero, kref_init, kref_put, struct_kref } from "#linux/kref.ts";
import { radix_tree_init, radix_tree_node_cachep } from "#linux/radix-tree.ts";
import {
	refcount_add, refcount_dec_and_test, refcount_dec_if_one, refcount_dec_not_one,
	refcount_inc, refcount_inc_not_zero, refcount_read, REFCOUNT_SATURATED, refcount_set,
	refcount_t,
} from "#linux/refcount.ts";
import { rcu_barrier, rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { slab_live_total } from "#linux/slab.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { fail_after, live_nodes, setup, warnings } from "#tools/testing/kunit/lib/slab_env.ts";

function eq(got: unknown, want: unknown): void {
	if (got !== want)
		expect(got).toBe(want);
}

let live = 0;

beforeAll(() => {
	setup();
	radix_tree_init();
	fail_after(-1, radix_tree_node_cachep);
	live = slab_live_total();
});

afterEach(() => {
	fail_after(-1);
	rcu_barrier();
	expect(live_nodes(radix_tree_node_cachep)).toBe(0);
	expect(slab_live_total()).toBe(live);
	expect(warnings()).toEqual([]);
});

describe("idr", () => {
	it("against a map", () => {
		for (const seed of seeds(20)) {
			const rnd = new prng(seed);
			const idr = new struct_idr(), base = rnd.pick([0, 0, 1, 7]);
			idr_init_base(idr, base);
			const want = new Map<number, object | null>();
			for (let step = 0; step < 500; step++) {
				const id = rnd.below(200);
				switch (rnd.below(5)) {
				case 0: case 1: {
					const start = rnd.below(100),
						end = rnd.pick([0, start + 1 + rnd.below(20)]);
					const p = rnd.chance(1, 6) ? null : { id };
					fail_after(rnd.chance(1, 4) ? rnd.below(2) : -1);
					const got = idr_alloc(idr, p, start, end,
						rnd.pick([GFP_KERNEL, GFP_NOWAIT]));
					fail_after(-1);
					let free = Math.max(start, base);
					while (want.has(free))
						free++;
					if (got === -ENOMEM)
						break;
					if (end !== 0 && free >= end)
						eq(got, -ENOSPC);
					else {
						eq(got, free);
						want.set(free, p);
					}
					break;
				}
				case 2:
					eq(idr_remove(idr, id), want.get(id) ?? null);
					want.delete(id);
					break;
				case 3: {
					const p = { id }, old = idr_replace(idr, p, id);
					eq(IS_ERR(old), !want.has(id));
					if (want.has(id)) {
						eq(old, want.get(id));
						want.set(id, p);
					}
					break;
				}
				default:
					rcu_read_lock();
					eq(idr_find(idr, id), want.get(id) ?? null);
					rcu_read_unlock();
				}
			}
			const ids = [...want.keys()].sort((a, b) => a - b);
			const id = new ref<number>(0), got: number[] = [];
			for (const p of idr_for_each_entry(idr, id)) {
				eq(p, want.get(id.v));
				got.push(id.v);
			}
			expect(got).toEqual(ids.filter((i) => want.get(i) !== null));
			const all: number[] = [];
			idr_for_each(idr, (i) => {
				all.push(i);
				return 0;
			}, null);
			expect(all).toEqual(ids);
			if (rnd.chance(1, 2))
				for (const i of ids)
					idr_remove(idr, i);
			idr_destroy(idr);
			eq(idr_is_empty(idr), true);
		}
	});

	it("cyclic", () => {
		const idr = new struct_idr();
		idr_init(idr);
		const got: number[] = [];
		for (let i = 0; i < 5; i++) {
			const id = idr_alloc_cyclic(idr, {}, 1, 4, GFP_KERNEL);
			got.push(id);
			if (i < 4)
				idr_remove(idr, id);
		}
		expect(got).toEqual([1, 2, 3, 1, 2]);
		idr_destroy(idr);
	});
});

describe("ida", () => {
	it("hands out the lowest free id", () => {
		for (const seed of seeds(15)) {
			const rnd = new prng(seed);
			const ida = new struct_ida();
			ida_init(ida);
			const used = new Set<number>();
			const min = rnd.pick([0, 1, 30, 1000]), max = rnd.pick([-1, 100000, 1100]);
			for (let step = 0; step < 3000; step++) {
				if (rnd.chance(3, 5)) {
					fail_after(rnd.chance(1, 10) ? rnd.below(2) : -1);
					const id = ida_alloc_range(ida, min, max,
						rnd.pick([GFP_KERNEL, GFP_NOWAIT]));
					fail_after(-1);
					let want = min;
					while (used.has(want))
						want++;
					if (id === -ENOMEM)
						continue;
					if (max >= 0 && want > max)
						eq(id, -ENOSPC);
					else {
						eq(id, want);
						used.add(id);
					}
				} else if (used.size > 0) {
					const id = [...used][rnd.below(used.size)]!;
					ida_free(ida, id);
					used.delete(id);
				}
			}
			if (rnd.chance(1, 2)) {
				for (const id of used)
					ida_free(ida, id);
				eq(ida_is_empty(ida), true);
			}
			ida_destroy(ida);
			eq(ida_is_empty(ida), true);
		}
	});

	it("bounds", () => {
		const ida = new struct_ida();
		ida_init(ida);
		eq(ida_alloc(ida, GFP_KERNEL), 0);
		eq(ida_alloc_max(ida, 0, GFP_KERNEL), -ENOSPC);
		eq(ida_alloc_range(ida, 0x7fffffff, -1, GFP_KERNEL), 0x7fffffff);
		eq(ida_alloc_range(ida, 0x7fffffff, -1, GFP_KERNEL), -ENOSPC);
		ida_free(ida, 0x7fffffff);
		ida_free(ida, 0);
		eq(ida_is_empty(ida), true);
		ida_free(ida, 5);
		expect(warnings().join("\n"))
			.toContain("ida_free called for id=5 which is not allocated.");
	});
});

describe("reference counts", () => {
	it("saturate", () => {
		const r = new refcount_t(1);
		refcount_inc(r);
		eq(refcount_read(r), 2);
		eq(refcount_dec_not_one(r), true);
		eq(refcount_dec_not_one(r), false);
		eq(refcount_dec_if_one(r), true);
		eq(refcount_inc_not_zero(r), false);
		refcount_set(r, 1);
		eq(refcount_dec_and_test(r), true);
		refcount_inc(r);
		eq(refcount_read(r), REFCOUNT_SATURATED);
		expect(warnings().join("")).toContain("refcount_t: addition on 0; use-after-free.");
		refcount_set(r, 0x7fffffff);
		refcount_add(1, r);
		eq(refcount_read(r), REFCOUNT_SATURATED);
		eq(refcount_dec_and_test(r), false);
		expect(warnings().join("")).toContain("refcount_t: saturated; leaking memory.");
	});

	it("kref", () => {
		class item {
			kref = new struct_kref(this);
			released = 0;
		}
		const release = (kref: struct_kref): void => {
			container_of(kref, item, "kref").released++;
		};
		const x = new item();
		kref_init(x.kref);
		kref_get(x.kref);
		eq(kref_put(x.kref, release), false);
		eq(x.released, 0);
		eq(kref_put(x.kref, release), true);
		eq(x.released, 1);
		eq(kref_get_unless_zero(x.kref), false);
	});
});
