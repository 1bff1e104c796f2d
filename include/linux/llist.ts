// SPDX-License-Identifier: GPL-2.0-only
/*
 * Singly linked lists without locks.
 *
 * Upstream: include/linux/llist.h, lib/llist.c. Each function is atomic here as a whole.
 */
import { container_of, type embedded } from "#asm-generic/owner.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type ctor_of<T> = abstract new (...args: any[]) => T;

export class struct_llist_head {
	first: struct_llist_node | null = null;
}

export class struct_llist_node implements embedded {
	next: struct_llist_node | null = null;
	readonly owner: object | null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

export function LLIST_HEAD(): struct_llist_head {
	return new struct_llist_head();
}

export function init_llist_head(list: struct_llist_head): void {
	list.first = null;
}

export function llist_entry<T extends object, K extends keyof T>(
	ptr: struct_llist_node, ctor: ctor_of<T>, member: K): T {
	return container_of(ptr, ctor, member);
}

/* the next pointer is read before the body: the plain loops are safe too */
class llist_iter<T> implements IterableIterator<T> {
	done = false;
	value: T = null as T;
	private n: struct_llist_node | null;
	private readonly ctor: ctor_of<object> | null;
	private readonly member: string;
	constructor(first: struct_llist_node | null, ctor: ctor_of<object> | null, member: string) {
		this.n = first;
		this.ctor = ctor;
		this.member = member;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<T> {
		const pos = this.n;

		if (pos === null) {
			this.done = true;
			this.value = null as T;
		} else {
			this.n = pos.next;
			this.value = (this.ctor === null ? pos :
				container_of(pos, this.ctor, this.member as never)) as T;
		}
		return this as unknown as IteratorResult<T>;
	}
}

export function llist_for_each(
	node: struct_llist_node | null): IterableIterator<struct_llist_node> {
	return new llist_iter(node, null, "");
}

export const llist_for_each_safe = llist_for_each;

export function llist_for_each_entry<T extends object, K extends keyof T>(
	node: struct_llist_node | null, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new llist_iter<T>(node, ctor, member as string);
}

export const llist_for_each_entry_safe = llist_for_each_entry;

export function llist_empty(head: struct_llist_head): boolean {
	return head.first === null;
}

export function llist_next(node: struct_llist_node): struct_llist_node | null {
	return node.next;
}

/** Returns whether the list was empty. */
export function llist_add_batch(new_first: struct_llist_node, new_last: struct_llist_node,
	head: struct_llist_head): boolean {
	new_last.next = head.first;
	head.first = new_first;
	return new_last.next === null;
}

export const __llist_add_batch = llist_add_batch;

export function llist_add(new_: struct_llist_node, head: struct_llist_head): boolean {
	return llist_add_batch(new_, new_, head);
}

export const __llist_add = llist_add;

/** Returns the entries, the newest first. */
export function llist_del_all(head: struct_llist_head): struct_llist_node | null {
	const first = head.first;

	head.first = null;
	return first;
}

export const __llist_del_all = llist_del_all;

/** lib/llist.c:llist_del_first() */
export function llist_del_first(head: struct_llist_head): struct_llist_node | null {
	const entry = head.first;

	if (entry === null)
		return null;
	head.first = entry.next;
	return entry;
}

/** lib/llist.c:llist_reverse_order() */
export function llist_reverse_order(head: struct_llist_node | null): struct_llist_node | null {
	let new_head: struct_llist_node | null = null;

	while (head !== null) {
		const tmp: struct_llist_node = head;

		head = head.next;
		tmp.next = new_head;
		new_head = tmp;
	}

	return new_head;
}
