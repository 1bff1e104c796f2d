// SPDX-License-Identifier: GPL-2.0
/*
 * Lists: the operations against arrays, and what the loops survive.
 */
import { describe, expect, it } from "vitest";
import { DECLARE_HASHTABLE, hash_add, hash_del, hash_empty, hash_for_each, hash_for_each_possible }
	from "#linux/hashtable.ts";
import {
	hlist_add_before, hlist_add_behind, hlist_add_head, hlist_del, hlist_del_init, hlist_empty,
	hlist_for_each_entry, hlist_for_each_entry_safe, hlist_move_list, hlist_unhashed, LIST_HEAD,
	LIST_POISON1, list_add, list_add_tail, list_cut_before, list_cut_position, list_del,
	list_del_init, list_empty, list_entry, list_first_entry, list_first_entry_or_null,
	list_for_each_entry, list_for_each_entry_continue, list_for_each_entry_from,
	list_for_each_entry_reverse, list_for_each_entry_safe, list_for_each_entry_safe_reverse,
	list_is_last, list_is_singular, list_last_entry, list_move, list_move_tail, list_next_entry,
	list_prev_entry, list_replace, list_rotate_left, list_splice, list_splice_init,
	list_splice_tail_init, list_swap, struct_hlist_head, struct_hlist_node, struct_list_head,
} from "#linux/list.ts";
import {
	LLIST_HEAD, llist_add, llist_del_all, llist_del_first, llist_empty, llist_for_each_entry,
	llist_reverse_order, struct_llist_node,
} from "#linux/llist.ts";
import { hlist_add_head_rcu, hlist_add_tail_rcu, hlist_for_each_entry_rcu, list_add_tail_rcu,
	list_del_rcu, list_for_each_entry_rcu, list_splice_init_rcu } from "#linux/rculist.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";

class item {
	list = new struct_list_head(this);
	other = new struct_list_head(this);
	hash = new struct_hlist_node(this);
	nodes = [new struct_hlist_node(this), new struct_hlist_node(this)];
	ll = new struct_llist_node(this);
	id: number;
	constructor(id: number) {
		this.id = id;
	}
}

const ids = (head: struct_list_head): number[] =>
	[...list_for_each_entry(head, item, "list")].map((x) => x.id);
const hids = (head: struct_hlist_head): number[] =>
	[...hlist_for_each_entry(head, item, "hash")].map((x) => x.id);

const filled = (n: number): [struct_list_head, item[]] => {
	const head = LIST_HEAD();
	const all = Array.from({ length: n }, (_, i) => new item(i));
	for (const x of all)
		list_add_tail(x.list, head);
	return [head, all];
};

describe("list_head", () => {
	it("against arrays", () => {
		for (const seed of seeds(20)) {
			const rnd = new prng(seed);
			const heads = [LIST_HEAD(), LIST_HEAD(), LIST_HEAD()];
			const want: item[][] = [[], [], []];
			const where = (x: item): number => want.findIndex((w) => w.includes(x));
			const take = (x: item): void => {
				const w = where(x);
				want[w] = want[w]!.filter((y) => y !== x);
			};
			for (let step = 0; step < 500; step++) {
				const h = rnd.below(3), g = (h + 1) % 3;
				const x = want[h]!.length > 0 ? rnd.pick(want[h]!) : null;
				switch (rnd.below(12)) {
				case 0: case 1: {
					const y = new item(step);
					list_add(y.list, heads[h]!);
					want[h]!.unshift(y);
					break;
				}
				case 2: case 3: {
					const y = new item(step);
					list_add_tail(y.list, heads[h]!);
					want[h]!.push(y);
					break;
				}
				case 4:
					if (x === null)
						break;
					take(x);
					if (rnd.chance(1, 2)) {
						list_del(x.list);
						expect(x.list.next).toBe(LIST_POISON1);
					} else {
						list_del_init(x.list);
						expect(list_empty(x.list)).toBe(true);
					}
					break;
				case 5:
					if (x === null)
						break;
					take(x);
					if (rnd.chance(1, 2)) {
						list_move(x.list, heads[g]!);
						want[g]!.unshift(x);
					} else {
						list_move_tail(x.list, heads[g]!);
						want[g]!.push(x);
					}
					break;
				case 6:
					list_splice_init(heads[h]!, heads[g]!);
					want[g] = [...want[h]!, ...want[g]!];
					want[h] = [];
					break;
				case 7:
					list_splice_tail_init(heads[h]!, heads[g]!);
					want[g] = [...want[g]!, ...want[h]!];
					want[h] = [];
					break;
				case 8:
					list_rotate_left(heads[h]!);
					if (want[h]!.length > 0)
						want[h]!.push(want[h]!.shift()!);
					break;
				case 9: {
					if (x === null)
						break;
					const y = rnd.pick(want[h]!);
					if (x === y)
						break;
					list_swap(x.list, y.list);
					const i = want[h]!.indexOf(x), j = want[h]!.indexOf(y);
					want[h]![i] = y;
					want[h]![j] = x;
					break;
				}
				case 10: {
					if (x === null)
						break;
					const y = new item(step);
					list_replace(x.list, y.list);
					want[h]![want[h]!.indexOf(x)] = y;
					break;
				}
				default: {
					if (x === null)
						break;
					const i = want[h]!.indexOf(x);
					const cut = LIST_HEAD();
					const behind = rnd.chance(1, 2) ? 1 : 0;
					if (behind === 1)
						list_cut_position(cut, heads[h]!, x.list);
					else
						list_cut_before(cut, heads[h]!, x.list);
					const left = want[h]!.slice(0, i + behind);
					expect(ids(cut)).toEqual(left.map((y) => y.id));
					want[h] = want[h]!.slice(i + behind);
				}
				}
				for (let k = 0; k < 3; k++) {
					expect(ids(heads[k]!)).toEqual(want[k]!.map((y) => y.id));
					const back = list_for_each_entry_reverse(heads[k]!, item, "list");
					expect([...back].map((y) => y.id))
						.toEqual(want[k]!.map((y) => y.id).reverse());
				}
			}
		}
	});

	it("entries", () => {
		const [head, all] = filled(3);
		expect(list_first_entry(head, item, "list")).toBe(all[0]);
		expect(list_last_entry(head, item, "list")).toBe(all[2]);
		expect(list_next_entry(all[0]!, "list")).toBe(all[1]);
		expect(list_prev_entry(all[1]!, "list")).toBe(all[0]);
		expect(list_is_last(all[2]!.list, head)).toBe(true);
		expect(() => list_next_entry(all[2]!, "list")).toThrow("container_of");
		expect(() => list_entry(all[0]!.list, item, "other")).toThrow("container_of");
		expect(list_first_entry_or_null(LIST_HEAD(), item, "list")).toBe(null);
		expect(() => list_first_entry(LIST_HEAD(), item, "list")).toThrow("container_of");
		list_del(all[0]!.list);
		list_del(all[1]!.list);
		expect(list_is_singular(head)).toBe(true);
		const to = LIST_HEAD();
		list_splice(head, to);
		expect(ids(to)).toEqual([2]);
	});

	it("misuse is a BUG", () => {
		const [head, all] = filled(3);
		expect(() => list_add(all[1]!.list, all[1]!.list)).toThrow("list_add");
		list_del(all[1]!.list);
		expect(() => list_del(all[1]!.list)).toThrow("LIST_POISON1");
		expect(() => list_add(all[1]!.list, all[1]!.list)).toThrow();
		all[0]!.list.next = all[1]!.list;
		expect(() => list_add(new item(9).list, head)).not.toThrow();
		expect(() => list_del(all[2]!.list)).toThrow("list_del corruption. prev->next");
	});

	it("loops survive the removal of the current entry, and see additions behind it", () => {
		let [head, all] = filled(6);
		for (const x of list_for_each_entry(head, item, "list"))
			if (x.id % 2 === 0)
				list_del(x.list);
		expect(ids(head)).toEqual([1, 3, 5]);

		[head, all] = filled(4);
		const to = LIST_HEAD();
		const seen: number[] = [];
		for (const x of list_for_each_entry(head, item, "list")) {
			seen.push(x.id);
			list_move_tail(x.list, to);
		}
		expect(seen).toEqual([0, 1, 2, 3]);
		expect(ids(to)).toEqual([0, 1, 2, 3]);

		[head, all] = filled(2);
		seen.length = 0;
		for (const x of list_for_each_entry(head, item, "list")) {
			seen.push(x.id);
			if (x.id < 4)
				list_add_tail(new item(x.id + 2).list, head);
		}
		expect(seen).toEqual([0, 1, 2, 3, 4, 5]);

		/* the next entry goes: a plain loop skips it, as in C */
		[head, all] = filled(4);
		seen.length = 0;
		for (const x of list_for_each_entry(head, item, "list")) {
			seen.push(x.id);
			if (x.id === 1)
				list_del(all[2]!.list);
		}
		expect(seen).toEqual([0, 1, 3]);

		/* a safe one has it already, as in C */
		[head, all] = filled(4);
		expect(() => {
			for (const x of list_for_each_entry_safe(head, item, "list"))
				if (x.id === 1)
					list_del(all[2]!.list);
		}).toThrow();

		[head, all] = filled(5);
		for (const x of list_for_each_entry_safe_reverse(head, item, "list"))
			list_del_init(x.list);
		expect(list_empty(head)).toBe(true);

		[head, all] = filled(5);
		expect([...list_for_each_entry_continue(all[1]!, head, "list")].map((x) => x.id))
			.toEqual([2, 3, 4]);
		expect([...list_for_each_entry_from(all[1]!, head, "list")].map((x) => x.id))
			.toEqual([1, 2, 3, 4]);
	});

	it("an RCU reader goes on from an entry that was removed", () => {
		const head = LIST_HEAD();
		const all = Array.from({ length: 4 }, (_, i) => new item(i));
		for (const x of all)
			list_add_tail_rcu(x.list, head);
		const seen: number[] = [];
		for (const x of list_for_each_entry_rcu(head, item, "list")) {
			seen.push(x.id);
			if (x.id < 2)
				list_del_rcu(x.list);
		}
		expect(seen).toEqual([0, 1, 2, 3]);
		let synced = 0;
		const to = LIST_HEAD();
		list_splice_init_rcu(head, to, () => synced++);
		expect(synced).toBe(1);
		expect(ids(to)).toEqual([2, 3]);
		expect(list_empty(head)).toBe(true);
	});
});

describe("hlist", () => {
	it("against arrays", () => {
		const rnd = new prng(2);
		const head = new struct_hlist_head();
		let want: item[] = [];
		for (let step = 0; step < 1000; step++) {
			const y = new item(step), x = want.length > 0 ? rnd.pick(want) : null;
			switch (rnd.below(x === null ? 1 : 5)) {
			case 0:
				hlist_add_head(y.hash, head);
				want.unshift(y);
				break;
			case 1:
				hlist_add_before(y.hash, x!.hash);
				want.splice(want.indexOf(x!), 0, y);
				break;
			case 2:
				hlist_add_behind(y.hash, x!.hash);
				want.splice(want.indexOf(x!) + 1, 0, y);
				break;
			default:
				if (rnd.chance(1, 2)) {
					hlist_del(x!.hash);
					expect(() => hlist_del(x!.hash))
						.toThrow("hlist_del corruption");
				} else {
					hlist_del_init(x!.hash);
					expect(hlist_unhashed(x!.hash)).toBe(true);
				}
				want = want.filter((w) => w !== x);
			}
			expect(hids(head)).toEqual(want.map((w) => w.id));
		}
		const to = new struct_hlist_head();
		hlist_move_list(head, to);
		expect(hlist_empty(head)).toBe(true);
		for (const x of hlist_for_each_entry(to, item, "hash"))
			hlist_del(x.hash);
		expect(hlist_empty(to)).toBe(true);
		hlist_add_head_rcu(new item(1).hash, to);
		hlist_add_tail_rcu(new item(2).hash, to);
		expect([...hlist_for_each_entry_rcu(to, item, "hash")].map((x) => x.id))
			.toEqual([1, 2]);
		for (const x of hlist_for_each_entry_safe(to, item, "hash"))
			hlist_del_init(x.hash);
		expect(hlist_empty(to)).toBe(true);
	});

	it("nodes that are array elements", () => {
		const head = new struct_hlist_head();
		const x = new item(1);
		hlist_add_head(x.nodes[1]!, head);
		expect([...hlist_for_each_entry(head, item, "nodes")]).toEqual([x]);
	});

	it("hash tables", () => {
		const table = DECLARE_HASHTABLE(4);
		const all = Array.from({ length: 100 }, (_, i) => new item(i));
		for (const x of all)
			hash_add(table, x.hash, x.id);
		for (const x of all)
			expect([...hash_for_each_possible(table, item, "hash", x.id)]).toContain(x);
		expect([...hash_for_each(table, item, "hash")].length).toBe(100);
		for (const x of hash_for_each(table, item, "hash"))
			hash_del(x.hash);
		expect(hash_empty(table)).toBe(true);
	});
});

describe("llist", () => {
	it("is a stack", () => {
		const head = LLIST_HEAD();
		const all = Array.from({ length: 4 }, (_, i) => new item(i));
		for (const x of all)
			expect(llist_add(x.ll, head)).toBe(x.id === 0);
		expect(llist_del_first(head)).toBe(all[3]!.ll);
		const list = llist_reverse_order(llist_del_all(head));
		expect(llist_empty(head)).toBe(true);
		expect([...llist_for_each_entry(list, item, "ll")].map((x) => x.id))
			.toEqual([0, 1, 2]);
	});
});
