// SPDX-License-Identifier: GPL-2.0
/*
 * Lists whose readers hold only rcu_read_lock().
 *
 * Upstream: include/linux/rculist.h.
 */
import { container_of } from "#asm-generic/owner.ts";
import {
	__hlist_del, __list_add_valid, __list_del_entry, HLIST_POISON2, hlist_pprev_store,
	hlist_unhashed, INIT_LIST_HEAD, LIST_POISON2, list_empty, type struct_hlist_head,
	type struct_hlist_node, type struct_list_head,
} from "#linux/list.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type ctor_of<T> = abstract new (...args: any[]) => T;

export function INIT_LIST_HEAD_RCU(list: struct_list_head): void {
	INIT_LIST_HEAD(list);
}

export function __list_add_rcu(new_: struct_list_head, prev: struct_list_head,
	next: struct_list_head): void {
	if (!__list_add_valid(new_, prev, next))
		return;

	new_.next = next;
	new_.prev = prev;
	prev.next = new_;
	next.prev = new_;
}

export function list_add_rcu(new_: struct_list_head, head: struct_list_head): void {
	__list_add_rcu(new_, head, head.next);
}

export function list_add_tail_rcu(new_: struct_list_head, head: struct_list_head): void {
	__list_add_rcu(new_, head.prev, head);
}

/** A reader that stands on @entry can still go on: its next pointer stays. */
export function list_del_rcu(entry: struct_list_head): void {
	__list_del_entry(entry);
	entry.prev = LIST_POISON2;
}

export function hlist_del_init_rcu(n: struct_hlist_node): void {
	if (!hlist_unhashed(n)) {
		__hlist_del(n);
		n.pprev = null;
	}
}

export function list_replace_rcu(old: struct_list_head, new_: struct_list_head): void {
	new_.next = old.next;
	new_.prev = old.prev;
	new_.prev.next = new_;
	new_.next.prev = new_;
	old.prev = LIST_POISON2;
}

/** @sync waits for the readers of @list, which is empty for new ones already. */
export function __list_splice_init_rcu(list: struct_list_head, prev: struct_list_head,
	next: struct_list_head, sync: () => void): void {
	const first = list.next;
	const last = list.prev;

	INIT_LIST_HEAD_RCU(list);

	sync();

	last.next = next;
	prev.next = first;
	first.prev = prev;
	next.prev = last;
}

export function list_splice_init_rcu(list: struct_list_head, head: struct_list_head,
	sync: () => void): void {
	if (!list_empty(list))
		__list_splice_init_rcu(list, head, head.next, sync);
}

export function list_splice_tail_init_rcu(list: struct_list_head, head: struct_list_head,
	sync: () => void): void {
	if (!list_empty(list))
		__list_splice_init_rcu(list, head.prev, head, sync);
}

export function list_entry_rcu<T extends object, K extends keyof T>(
	ptr: struct_list_head, ctor: ctor_of<T>, member: K): T {
	return container_of(ptr, ctor, member);
}

export function list_first_or_null_rcu<T extends object, K extends keyof T>(
	ptr: struct_list_head, ctor: ctor_of<T>, member: K): T | null {
	const next = ptr.next;

	return ptr !== next ? container_of(next, ctor, member) : null;
}

export function list_next_or_null_rcu<T extends object, K extends keyof T>(
	head: struct_list_head, ptr: struct_list_head, ctor: ctor_of<T>, member: K): T | null {
	const next = ptr.next;

	return next !== head ? container_of(next, ctor, member) : null;
}

/* the next pointer is read after the body, also of an entry that was taken off meanwhile */
class list_iter_rcu<T extends object> implements IterableIterator<T> {
	done = false;
	value: T = null as unknown as T;
	private pos: struct_list_head;
	private started = false;
	private readonly head: struct_list_head;
	private readonly ctor: ctor_of<T>;
	private readonly member: keyof T;
	constructor(head: struct_list_head, first: struct_list_head, ctor: ctor_of<T>,
		member: keyof T) {
		this.head = head;
		this.pos = first;
		this.ctor = ctor;
		this.member = member;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<T> {
		if (this.started)
			this.pos = this.pos.next;
		this.started = true;
		if (this.pos === this.head) {
			this.done = true;
			this.value = null as unknown as T;
		} else
			this.value = container_of(this.pos, this.ctor, this.member);
		return this as unknown as IteratorResult<T>;
	}
}

export function list_for_each_entry_rcu<T extends object, K extends keyof T>(
	head: struct_list_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new list_iter_rcu<T>(head, head.next, ctor, member);
}

/** The caller holds the SRCU domain that protects the list. */
export function list_for_each_entry_srcu<T extends object, K extends keyof T>(
	head: struct_list_head, ctor: ctor_of<T>, member: K, cond: boolean): IterableIterator<T> {
	if (!cond)
		throw new Error("RCU-list traversed without holding the required lock!");
	return new list_iter_rcu<T>(head, head.next, ctor, member);
}

export function list_entry_lockless<T extends object, K extends keyof T>(
	ptr: struct_list_head, ctor: ctor_of<T>, member: K): T {
	return container_of(ptr, ctor, member);
}

export function list_for_each_entry_lockless<T extends object, K extends keyof T>(
	head: struct_list_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new list_iter_rcu<T>(head, head.next, ctor, member);
}

export function list_for_each_entry_continue_rcu<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): IterableIterator<T> {
	return new list_iter_rcu<T>(head, (pos[member] as struct_list_head).next,
		pos.constructor as unknown as ctor_of<T>, member);
}

export function list_for_each_entry_from_rcu<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): IterableIterator<T> {
	return new list_iter_rcu<T>(head, pos[member] as struct_list_head,
		pos.constructor as unknown as ctor_of<T>, member);
}

export function hlist_del_rcu(n: struct_hlist_node): void {
	__hlist_del(n);
	n.pprev = HLIST_POISON2;
}

export function hlist_replace_rcu(old: struct_hlist_node, new_: struct_hlist_node): void {
	const next = old.next;

	new_.next = next;
	new_.pprev = old.pprev;
	hlist_pprev_store(new_.pprev!, new_);
	if (next !== null)
		next.pprev = new_;
	old.pprev = HLIST_POISON2;
}

/** Both lists must have an entry. */
export function hlists_swap_heads_rcu(left: struct_hlist_head, right: struct_hlist_head): void {
	const node1 = left.first!;
	const node2 = right.first!;

	left.first = node2;
	right.first = node1;
	node2.pprev = left;
	node1.pprev = right;
}

export function hlist_add_head_rcu(n: struct_hlist_node, h: struct_hlist_head): void {
	const first = h.first;

	n.next = first;
	n.pprev = h;
	h.first = n;
	if (first !== null)
		first.pprev = n;
}

export function hlist_add_tail_rcu(n: struct_hlist_node, h: struct_hlist_head): void {
	let last: struct_hlist_node | null = null;

	for (let i = h.first; i !== null; i = i.next)
		last = i;

	if (last !== null) {
		n.next = last.next;
		n.pprev = last;
		last.next = n;
	} else {
		hlist_add_head_rcu(n, h);
	}
}

export function hlist_add_before_rcu(n: struct_hlist_node, next: struct_hlist_node): void {
	n.pprev = next.pprev;
	n.next = next;
	hlist_pprev_store(n.pprev!, n);
	next.pprev = n;
}

export function hlist_add_behind_rcu(n: struct_hlist_node, prev: struct_hlist_node): void {
	n.next = prev.next;
	n.pprev = prev;
	prev.next = n;
	if (n.next !== null)
		n.next.pprev = n;
}

class hlist_iter_rcu<T extends object> implements IterableIterator<T> {
	done = false;
	value: T = null as unknown as T;
	private pos: struct_hlist_node | null;
	private started = false;
	private readonly ctor: ctor_of<T>;
	private readonly member: keyof T;
	constructor(first: struct_hlist_node | null, ctor: ctor_of<T>, member: keyof T) {
		this.pos = first;
		this.ctor = ctor;
		this.member = member;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<T> {
		if (this.started)
			this.pos = this.pos!.next;
		this.started = true;
		if (this.pos === null) {
			this.done = true;
			this.value = null as unknown as T;
		} else
			this.value = container_of(this.pos, this.ctor, this.member);
		return this as unknown as IteratorResult<T>;
	}
}

export function hlist_for_each_entry_rcu<T extends object, K extends keyof T>(
	head: struct_hlist_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new hlist_iter_rcu<T>(head.first, ctor, member);
}

/** As list_for_each_entry_srcu(). */
export function hlist_for_each_entry_srcu<T extends object, K extends keyof T>(
	head: struct_hlist_head, ctor: ctor_of<T>, member: K, cond: boolean): IterableIterator<T> {
	if (!cond)
		throw new Error("RCU-list traversed without holding the required lock!");
	return new hlist_iter_rcu<T>(head.first, ctor, member);
}

export function hlist_for_each_entry_continue_rcu<T extends object, K extends keyof T>(
	pos: T, member: K): IterableIterator<T> {
	return new hlist_iter_rcu<T>((pos[member] as struct_hlist_node).next,
		pos.constructor as unknown as ctor_of<T>, member);
}

export function hlist_for_each_entry_from_rcu<T extends object, K extends keyof T>(
	pos: T, member: K): IterableIterator<T> {
	return new hlist_iter_rcu<T>(pos[member] as struct_hlist_node,
		pos.constructor as unknown as ctor_of<T>, member);
}
