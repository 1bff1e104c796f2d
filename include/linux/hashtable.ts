// SPDX-License-Identifier: GPL-2.0
/*
 * Hash tables of a fixed power of two of buckets.
 *
 * Upstream: include/linux/hashtable.h. Keys are hashed as `unsigned long`s.
 */
import { hash_long } from "#linux/hash.ts";
import {
	hlist_add_head, hlist_del_init, hlist_empty, hlist_for_each_entry,
	hlist_for_each_entry_safe, hlist_unhashed, INIT_HLIST_HEAD, struct_hlist_head,
	type struct_hlist_node,
} from "#linux/list.ts";
import {
	hlist_add_head_rcu, hlist_del_init_rcu, hlist_for_each_entry_rcu,
} from "#linux/rculist.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type ctor_of<T> = abstract new (...args: any[]) => T;

/** A bucket is null until somebody asks for it: most tables stay nearly empty. */
export type hashtable = (struct_hlist_head | null)[];

/** `id_hash = DECLARE_HASHTABLE(7)` */
export function DECLARE_HASHTABLE(bits: number): hashtable {
	return new Array<struct_hlist_head | null>(1 << bits).fill(null);
}

export const DEFINE_HASHTABLE = DECLARE_HASHTABLE;

export function HASH_SIZE(table: hashtable): number {
	return table.length;
}

export function HASH_BITS(table: hashtable): number {
	return 31 - Math.clz32(table.length);
}

/** The bucket of @key. */
export function hash_bucket(table: hashtable, key: number): struct_hlist_head {
	const bkt = table.length === 1 ? 0 : hash_long(key, HASH_BITS(table));

	return table[bkt] ??= new struct_hlist_head();
}

export function hash_init(table: hashtable): void {
	for (const head of table)
		if (head !== null)
			INIT_HLIST_HEAD(head);
}

export function hash_add(table: hashtable, node: struct_hlist_node, key: number): void {
	hlist_add_head(node, hash_bucket(table, key));
}

export function hash_add_rcu(table: hashtable, node: struct_hlist_node, key: number): void {
	hlist_add_head_rcu(node, hash_bucket(table, key));
}

export function hash_hashed(node: struct_hlist_node): boolean {
	return !hlist_unhashed(node);
}

export function hash_empty(table: hashtable): boolean {
	for (const head of table)
		if (head !== null && !hlist_empty(head))
			return false;
	return true;
}

export function hash_del(node: struct_hlist_node): void {
	hlist_del_init(node);
}

export function hash_del_rcu(node: struct_hlist_node): void {
	hlist_del_init_rcu(node);
}

/* the entries of all buckets in turn */
class hash_iter<T extends object> implements IterableIterator<T> {
	done = false;
	value: T = null as unknown as T;
	private bkt = 0;
	private inner: IterableIterator<T> | null = null;
	private readonly table: hashtable;
	private readonly walk: (head: struct_hlist_head) => IterableIterator<T>;
	constructor(table: hashtable, walk: (head: struct_hlist_head) => IterableIterator<T>) {
		this.table = table;
		this.walk = walk;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<T> {
		for (;;) {
			if (this.inner !== null) {
				const r = this.inner.next();

				if (r.done !== true) {
					this.value = r.value;
					break;
				}
				this.inner = null;
			}
			if (this.bkt === this.table.length) {
				this.done = true;
				this.value = null as unknown as T;
				break;
			}
			const head = this.table[this.bkt++] ?? null;
			if (head !== null && head.first !== null)
				this.inner = this.walk(head);
		}
		return this as unknown as IteratorResult<T>;
	}
}

export function hash_for_each<T extends object, K extends keyof T>(
	table: hashtable, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new hash_iter<T>(table, (head) => hlist_for_each_entry(head, ctor, member));
}

export function hash_for_each_rcu<T extends object, K extends keyof T>(
	table: hashtable, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new hash_iter<T>(table, (head) => hlist_for_each_entry_rcu(head, ctor, member));
}

export function hash_for_each_safe<T extends object, K extends keyof T>(
	table: hashtable, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new hash_iter<T>(table, (head) => hlist_for_each_entry_safe(head, ctor, member));
}

/** The entries that may have @key: the caller compares. */
export function hash_for_each_possible<T extends object, K extends keyof T>(
	table: hashtable, ctor: ctor_of<T>, member: K, key: number): IterableIterator<T> {
	return hlist_for_each_entry(hash_bucket(table, key), ctor, member);
}

export function hash_for_each_possible_rcu<T extends object, K extends keyof T>(
	table: hashtable, ctor: ctor_of<T>, member: K, key: number): IterableIterator<T> {
	return hlist_for_each_entry_rcu(hash_bucket(table, key), ctor, member);
}

export function hash_for_each_possible_safe<T extends object, K extends keyof T>(
	table: hashtable, ctor: ctor_of<T>, member: K, key: number): IterableIterator<T> {
	return hlist_for_each_entry_safe(hash_bucket(table, key), ctor, member);
}
