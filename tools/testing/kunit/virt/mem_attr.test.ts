// SPDX-License-Identifier: GPL-2.0
/*
 * The attributes of guest memory against naive models: a byte for each page, and a list of ranges.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { gfn_t } from "#asm-generic/types.ts";
import {
	kvm_mem_attr_end, kvm_mem_attr_prepare, kvm_mem_attr_set, kvm_mem_is_private,
	type struct_kvm,
} from "#linux/kvm_host.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { slab_live_counts } from "#linux/slab.ts";
import { current } from "#linux/sched.ts";
import { setup_failslab } from "#mm/failslab.ts";
import { struct_xa_node, XA_CHUNK_SIZE, XA_FLAGS_ACCOUNT, XA_INDEX_MAX, type xa_ptr } from "#linux/xarray.ts";
import { close, write_file } from "#tools/include/nolibc/sys.ts";
import { boot_fs, in_task } from "#tools/testing/kunit/fs/fs_env.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { check_nodes } from "#tools/testing/kunit/lib/xarray_oracle.ts";
import { create_vm } from "./kvm_env.ts";

const ALL = XA_INDEX_MAX + 1;

boot_fs();

type run = readonly [first: number, end: number];

/** What is shared. */
function runs_of(kvm: struct_kvm, from = 0, to = ALL): run[] {
	const runs: run[] = [];

	for (let gfn = from, end = gfn; gfn < to; gfn = end) {
		end = kvm_mem_attr_end(kvm, gfn_t(gfn), gfn_t(to));
		if (end <= gfn)
			throw new Error("no progress");
		if (!kvm_mem_is_private(kvm, gfn_t(gfn)))
			runs.push([gfn, end]);
	}
	return runs;
}

function prepare(kvm: struct_kvm, start: number, end: number, shared: boolean): number {
	return kvm_mem_attr_prepare(kvm, gfn_t(start), gfn_t(end), shared);
}

function set(kvm: struct_kvm, start: number, end: number, shared: boolean): void {
	kvm_mem_attr_set(kvm, gfn_t(start), gfn_t(end), shared);
}

function convert(kvm: struct_kvm, start: number, end: number, shared: boolean): void {
	expect(prepare(kvm, start, end, shared)).toBe(0);
	set(kvm, start, end, shared);
}

/** Nodes are well formed, and none but the first is full of entries. */
function check_tree(kvm: struct_kvm): number {
	let bad = "";
	const walk = (entry: xa_ptr): void => {
		if (!(entry instanceof struct_xa_node))
			return;
		if (entry.parent !== null && entry.nr_values === XA_CHUNK_SIZE)
			bad = "a full node";
		for (const slot of entry.slots) {
			if (slot instanceof struct_xa_node)
				walk(slot);
			else if (slot !== null && typeof slot !== "number")
				bad = "neither entry nor node";
		}
	};

	walk(kvm.mem_attr_array.xa_head);
	expect(bad).toBe("");
	return check_nodes(kvm.mem_attr_array);
}

function with_kvm(body: (kvm: struct_kvm) => void): void {
	in_task(() => {
		const { fd, kvm } = create_vm();

		write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
		write_file("/sys/kernel/debug/failslab/verbose", "0");
		mutex_lock(kvm.slots_lock);
		body(kvm);
		mutex_unlock(kvm.slots_lock);
		rcu_barrier();
		close(fd);
	});
}

/** [first, end) of @pages, aligned to whatever. */
function random_range(rnd: prng, pages: number): run {
	const bits = Math.floor(Math.log2(pages));
	const pick = (): number => {
		const align = 2 ** rnd.below(bits);
		return Math.floor(rnd.u32() / 2 ** 32 * (pages / align + 1)) * align;
	};

	for (;;) {
		const a = pick(), b = rnd.chance(1, 3) ? a + 1 + rnd.below(70) : pick();
		if (a !== b && Math.max(a, b) <= pages)
			return [Math.min(a, b), Math.max(a, b)];
	}
}

/* the flags of an allocation under the lock come from the tree alone */
test("what attributes take is charged to whoever converts", () => {
	with_kvm((kvm) => {
		expect(kvm.mem_attr_array.xa_flags & XA_FLAGS_ACCOUNT).toBe(XA_FLAGS_ACCOUNT);
	});
});

describe("a byte for each page", () => {
	const PAGES = 5 * 4096 + 100;

	test.each(seeds(3))("seed %d", (seed) => {
		with_kvm((kvm) => {
			const rnd = new prng(seed), model = new Uint8Array(PAGES);
			/* at 0, or somewhere in the middle of a larger tree */
			const base = [0, 2 ** 30 - 4096, 2 ** 40][seed % 3]!;

			for (let i = 0; i < 100; i++) {
				const [start, end] = random_range(rnd, PAGES);
				const shared = rnd.chance(1, 2);

				model.fill(shared ? 1 : 0, start, end);
				convert(kvm, base + start, base + end, shared);
				check_tree(kvm);

				const bytes = new Uint8Array(PAGES);
				for (const [a, b] of runs_of(kvm))
					bytes.fill(1, a - base, b - base);
				expect(Buffer.compare(bytes, model), `op ${i}`).toBe(0);
				for (let j = 0; j < 4; j++) {
					const gfn = rnd.below(PAGES);
					expect(kvm_mem_is_private(kvm, gfn_t(base + gfn)))
						.toBe(model[gfn] === 0);
				}
			}
			convert(kvm, base, base + PAGES, false);
			expect(kvm.mem_attr_array.xa_head).toBe(null);
		});
	});
});

/** @runs after a conversion. */
function converted(runs: readonly run[], start: number, end: number, shared: boolean): run[] {
	const rest: run[] = runs.flatMap(([a, b]): run[] => [[a, Math.min(b, start)],
		[Math.max(a, end), b]]).filter(([a, b]) => a < b);
	const out: run[] = [];

	if (shared)
		rest.push([start, end]);
	rest.sort((x, y) => x[0] - y[0]);
	for (const r of rest) {
		const last = out.at(-1);
		if (last?.[1] === r[0])
			out[out.length - 1] = [last[0], r[1]];
		else
			out.push(r);
	}
	return out;
}

/** Fails the @n-th allocation and all after it: whether there were so many. */
function failing(n: number, fn: () => number): { r: number; failed: boolean } {
	setup_failslab("1,100,0,-1");
	current.fail_nth = n;
	const r = fn(), failed = current.fail_nth === 0;
	current.fail_nth = 0;
	setup_failslab("1,0,0,0");
	return { r, failed };
}

describe("a list of ranges, from 0 to 2^52", () => {
	test.each(seeds(6))("seed %d", (seed) => {
		with_kvm((kvm) => {
			const rnd = new prng(seed);
			let runs: run[] = [];

			for (let i = 0; i < 200; i++) {
				const pages = 2 ** (1 + rnd.below(52));
				const [start, end] = random_range(rnd, pages);
				const shared = rnd.chance(1, 2);

				runs = converted(runs, start, end, shared);
				convert(kvm, start, end, shared);
				check_tree(kvm);
				expect(runs_of(kvm)).toEqual(runs);
			}
			convert(kvm, 0, ALL, false);
			expect(kvm.mem_attr_array.xa_head).toBe(null);
		});
	});

	test.each(seeds(3))("every allocation fails, seed %d", (seed) => {
		with_kvm((kvm) => {
			const rnd = new prng(seed);
			let runs: run[] = [], failures = 0;

			for (let i = 0; i < 60; i++) {
				const pages = 2 ** (1 + rnd.below(52));
				const [start, end] = random_range(rnd, pages);
				const shared = rnd.chance(1, 2);

				for (let n = 1; ; n++) {
					rcu_barrier();
					const nodes = check_tree(kvm), live = slab_live_counts();
					const { r, failed } = failing(n, () =>
						prepare(kvm, start, end, shared));

					if (r === 0) {
						expect(failed).toBe(false);
						break;
					}
					failures++;
					rcu_barrier();
					expect(runs_of(kvm)).toEqual(runs);
					expect(check_tree(kvm)).toBe(nodes);
					expect(slab_live_counts()).toEqual(live);
				}
				set(kvm, start, end, shared);
				check_tree(kvm);
				runs = converted(runs, start, end, shared);
				expect(runs_of(kvm)).toEqual(runs);
			}
			expect(failures).toBeGreaterThan(50);
		});
	});
});

describe("costs", () => {
	test("nodes for ends, not for pages", () => {
		with_kvm((kvm) => {
			convert(kvm, 2 ** 32, 2 ** 32 + 2 ** 28, true);
			expect(check_tree(kvm)).toBe(2);
			/* a page out of the middle, and back */
			convert(kvm, 2 ** 32 + 12345, 2 ** 32 + 12346, false);
			expect(check_tree(kvm)).toBe(6);
			convert(kvm, 2 ** 32 + 12345, 2 ** 32 + 12346, true);
			expect(check_tree(kvm)).toBe(2);
			/* page by page comes to the same */
			convert(kvm, 2 ** 32, 2 ** 32 + 2 ** 28, false);
			for (let gfn = 0; gfn < 4096; gfn++)
				convert(kvm, 2 ** 32 + gfn, 2 ** 32 + gfn + 1, true);
			convert(kvm, 2 ** 32 + 4096, 2 ** 32 + 2 ** 28, true);
			expect(check_tree(kvm)).toBe(2);
		});
	});
});
