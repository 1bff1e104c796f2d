// SPDX-License-Identifier: GPL-2.0
/*
 * Red-black and interval trees against sorted lists, under random operations.
 */
import { describe, expect, it } from "vitest";
import {
	interval_tree_insert, interval_tree_iter_first, interval_tree_iter_next,
	interval_tree_remove, struct_interval_tree_node,
} from "#linux/interval_tree.ts";
import { INTERVAL_TREE_DEFINE } from "#linux/interval_tree_generic.ts";
import {
	RB_CLEAR_NODE, RB_EMPTY_NODE, RB_EMPTY_ROOT, RB_ROOT, RB_ROOT_CACHED, rb_add, rb_add_cached,
	RB_BLACK, rb_entry, rb_erase, rb_erase_augmented, rb_erase_cached, rb_find, rb_find_add,
	rb_find_first, rb_first, rb_first_cached, rb_for_each, rb_insert_augmented, rb_insert_color,
	rb_is_red, rb_last, type rb_link, rb_link_deref, rb_link_node, rb_next, rb_parent, rb_prev,
	rb_replace_node, rb_replace_node_cached, rbtree_postorder_for_each_entry_safe,
	RB_DECLARE_CALLBACKS_MAX, struct_rb_node, type struct_rb_root,
} from "#linux/rbtree_augmented.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";

class item {
	rb = new struct_rb_node(this);
	key: number;
	val = 0;
	augmented = 0;
	constructor(key: number) {
		this.key = key;
	}
}

const of = (rb: struct_rb_node): item => rb_entry(rb, item, "rb");
const less = (a: struct_rb_node, b: struct_rb_node): boolean => of(a).key < of(b).key;

function eq(got: unknown, want: unknown): void {
	if (got !== want)
		expect(got).toBe(want);
}

/* black height; all the rules */
function check(node: struct_rb_node | null, parent: struct_rb_node | null): number {
	if (node === null)
		return 1;
	eq(rb_parent(node), parent);
	if (rb_is_red(node)) {
		eq(parent !== null && !rb_is_red(parent), true);
	}
	const left = check(node.rb_left, node), right = check(node.rb_right, node);
	eq(left, right);
	return left + (rb_is_red(node) ? 0 : RB_BLACK);
}

function check_order(root: struct_rb_root, want: item[]): void {
	check(root.rb_node, null);
	let n = rb_first(root);
	for (const w of want) {
		eq(n, w.rb);
		n = rb_next(w.rb);
	}
	eq(n, null);
	n = rb_last(root);
	for (let i = want.length - 1; i >= 0; i--) {
		eq(n, want[i]!.rb);
		n = rb_prev(want[i]!.rb);
	}
	eq(n, null);
}

describe("rbtree", () => {
	it("stays sorted and balanced", () => {
		for (const seed of seeds(30)) {
			const rnd = new prng(seed);
			const root = RB_ROOT();
			const keys = rnd.pick([20, 1000]);
			let want: item[] = [];
			for (let step = 0; step < 400; step++) {
				if (rnd.chance(want.length < 60 ? 2 : 1, 3)) {
					const x = new item(rnd.below(keys));
					rb_add(x.rb, root, less);
					/* equal keys: behind those that are there */
					const at = want.findIndex((w) => w.key > x.key);
					want.splice(at < 0 ? want.length : at, 0, x);
				} else if (want.length > 0) {
					const x = rnd.pick(want);
					rb_erase(x.rb, root);
					RB_CLEAR_NODE(x.rb);
					eq(RB_EMPTY_NODE(x.rb), true);
					want = want.filter((w) => w !== x);
				}
				if (want.length > 0 && rnd.chance(1, 10)) {
					const i = rnd.below(want.length),
						x = new item(want[i]!.key);
					rb_replace_node(want[i]!.rb, x.rb, root);
					want[i] = x;
				}
				check_order(root, want);
			}
			const seen = new Set<item>();
			for (const x of rbtree_postorder_for_each_entry_safe(root, item, "rb")) {
				for (const child of [x.rb.rb_left, x.rb.rb_right])
					if (child !== null)
						eq(seen.has(of(child)), true);
				seen.add(x);
			}
			eq(seen.size, want.length);
		}
	});

	it("find", () => {
		const rnd = new prng(7);
		const root = RB_ROOT();
		const cmp = (key: number, n: struct_rb_node): number => key - of(n).key;
		const all: item[] = [];
		for (let i = 0; i < 300; i++) {
			const x = new item(rnd.below(100));
			rb_add(x.rb, root, less);
			all.push(x);
		}
		for (let key = 0; key < 100; key++) {
			const same = all.filter((x) => x.key === key);
			const found = rb_find(key, root, cmp);
			eq(found === null, same.length === 0);
			if (found !== null)
				eq(of(found).key, key);
			eq(rb_find_first(key, root, cmp)?.owner ?? null, same[0] ?? null);
			expect([...rb_for_each(key, root, cmp)].map((n) => n.owner)).toEqual(same);
		}
		const x = new item(50);
		const cmp_nodes = (a: struct_rb_node, b: struct_rb_node): number =>
			of(a).key - of(b).key;
		eq(of(rb_find_add(x.rb, root, cmp_nodes)!).key, 50);
		x.key = 500;
		eq(rb_find_add(x.rb, root, cmp_nodes), null);
		eq(rb_last(root), x.rb);
	});

	it("the cached leftmost node", () => {
		const rnd = new prng(8);
		const tree = RB_ROOT_CACHED();
		let want: item[] = [];
		for (let step = 0; step < 2000; step++) {
			if (rnd.chance(1, 2) || want.length === 0) {
				const x = new item(rnd.below(1000));
				const leftmost = want.every((w) => w.key > x.key);
				eq(rb_add_cached(x.rb, tree, less), leftmost ? x.rb : null);
				want.push(x);
			} else {
				const x = rnd.chance(1, 2) ?
					of(rb_first_cached(tree)!) : rnd.pick(want);
				const was = rb_first_cached(tree);
				const next = rb_erase_cached(x.rb, tree);
				eq(next, was === x.rb ? rb_first_cached(tree) : null);
				want = want.filter((w) => w !== x);
			}
			eq(rb_first_cached(tree), rb_first(tree.rb_root));
		}
		const x = new item(of(rb_first_cached(tree)!).key);
		rb_replace_node_cached(rb_first_cached(tree)!, x.rb, tree);
		eq(rb_first_cached(tree), x.rb);
		eq(rb_first(tree.rb_root), x.rb);
	});

	it("augmented values follow", () => {
		const augment = RB_DECLARE_CALLBACKS_MAX(item, {
			rb: (n) => n.rb,
			get: (n) => n.augmented,
			set: (n, v) => {
				n.augmented = v;
			},
		}, (n) => n.val);
		const check_max = (rb: struct_rb_node | null): number => {
			if (rb === null)
				return 0;
			const max = Math.max(of(rb).val, check_max(rb.rb_left),
				check_max(rb.rb_right));
			eq(of(rb).augmented, max);
			return max;
		};
		for (const seed of seeds(20)) {
			const rnd = new prng(seed);
			const root = RB_ROOT();
			let want: item[] = [];
			for (let step = 0; step < 300; step++) {
				if (rnd.chance(want.length < 60 ? 2 : 1, 3)) {
					const x = new item(rnd.below(500));
					x.val = x.augmented = rnd.below(1000);
					let link: rb_link = root,
						parent: struct_rb_node | null = null;
					while (rb_link_deref(parent, link) !== null) {
						parent = rb_link_deref(parent, link)!;
						if (of(parent).augmented < x.val)
							of(parent).augmented = x.val;
						link = x.key < of(parent).key ?
							"rb_left" : "rb_right";
					}
					rb_link_node(x.rb, parent, link);
					rb_insert_augmented(x.rb, root, augment);
					want.push(x);
				} else if (want.length > 0) {
					const x = rnd.pick(want);
					rb_erase_augmented(x.rb, root, augment);
					want = want.filter((w) => w !== x);
				}
				check(root.rb_node, null);
				check_max(root.rb_node);
			}
		}
	});

	it("knows its nodes", () => {
		const root = RB_ROOT();
		const x = new item(1), stranger = new struct_rb_node({});
		eq(RB_EMPTY_ROOT(root), true);
		rb_link_node(x.rb, null, root);
		rb_insert_color(x.rb, root);
		eq(RB_EMPTY_ROOT(root), false);
		expect(() => of(stranger)).toThrow("container_of");
	});
});

/* a node that stands below a member, as vma->shared.rb does */
class nested {
	shared = { rb: new struct_rb_node(this), last: 0 };
	a = 0;
	b = 0;
}

describe("interval tree", () => {
	it("finds what overlaps, by rising start", () => {
		for (const seed of seeds(30)) {
			const rnd = new prng(seed);
			const root = RB_ROOT_CACHED();
			const scale = rnd.pick([1, 1, 2 ** 33]);
			let want: struct_interval_tree_node[] = [];
			for (let step = 0; step < 300; step++) {
				if (rnd.chance(want.length < 50 ? 2 : 1, 3)) {
					const n = new struct_interval_tree_node(null);
					n.start = rnd.below(1000) * scale;
					n.last = n.start + rnd.below(rnd.pick([2, 300])) * scale;
					interval_tree_insert(n, root);
					want.push(n);
				} else if (want.length > 0) {
					const n = rnd.pick(want);
					interval_tree_remove(n, root);
					want = want.filter((w) => w !== n);
				}
				const start = rnd.below(1100) * scale,
					last = start + rnd.below(100) * scale;
				const hits = want.filter((w) => w.start <= last && start <= w.last);
				let n = interval_tree_iter_first(root, start, last), before = -1,
					count = 0;
				for (; n !== null; n = interval_tree_iter_next(n, start, last)) {
					eq(hits.includes(n), true);
					eq(n.start >= before, true);
					before = n.start;
					count++;
				}
				eq(count, hits.length);
				check(root.rb_root.rb_node, null);
			}
		}
	});

	it("INTERVAL_TREE_DEFINE() for a node deeper down", () => {
		const tree = INTERVAL_TREE_DEFINE(nested, {
			rb: (n) => n.shared.rb,
			subtree_last: (n) => n.shared.last,
			set_subtree_last: (n, last) => {
				n.shared.last = last;
			},
			start: (n) => n.a,
			last: (n) => n.b,
		});
		const root = RB_ROOT_CACHED();
		const all: nested[] = [];
		for (let i = 0; i < 100; i++) {
			const n = new nested();
			n.a = i * 10;
			n.b = i * 10 + 14;
			tree.insert(n, root);
			all.push(n);
		}
		const got: nested[] = [];
		for (let n = tree.iter_first(root, 500, 505); n !== null;
		     n = tree.iter_next(n, 500, 505))
			got.push(n);
		expect(got).toEqual([all[49], all[50]]);
		for (const n of all)
			tree.remove(n, root);
		eq(root.rb_leftmost, null);
	});
});
