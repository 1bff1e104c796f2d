// SPDX-License-Identifier: GPL-2.0
/*
 * Doubly linked lists, and lists with a single pointer head for hash tables.
 *
 * Upstream: include/linux/list.h, lib/list_debug.c (always on). A node is made initialised
 * (empty), which C leaves to INIT_LIST_HEAD(). The loops are iterables:
 * `for (const pos of list_for_each_entry(head, struct_x, "member"))`.
 */
import { container_of, type embedded } from "#asm-generic/owner.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type ctor_of<T> = abstract new (...args: any[]) => T;

export class struct_list_head implements embedded {
	next: struct_list_head;
	prev: struct_list_head;
	readonly owner: object | null;
	/** @owner the struct this node is embedded in; null for a list's head. */
	constructor(owner: object | null) {
		this.next = this;
		this.prev = this;
		this.owner = owner;
	}
}

/*
 * Following either of them ends at undefined. Booleans, because V8 writes them without a word to
 * the garbage collector.
 */
export const LIST_POISON1 = true as unknown as struct_list_head;
export const LIST_POISON2 = false as unknown as struct_list_head;

export function LIST_HEAD_INIT(): struct_list_head {
	return new struct_list_head(null);
}

export const LIST_HEAD = LIST_HEAD_INIT;

export function INIT_LIST_HEAD(list: struct_list_head): void {
	list.next = list;
	list.prev = list;
}

function name_of(entry: struct_list_head | null): string {
	if (entry === null)
		return "NULL";
	if (entry === LIST_POISON1)
		return "LIST_POISON1";
	if (entry === LIST_POISON2)
		return "LIST_POISON2";
	return entry.owner === null ? "head" : entry.owner.constructor.name;
}

function list_add_corruption(new_: struct_list_head, prev: struct_list_head,
	next: struct_list_head): never {
	if (next.prev !== prev)
		throw new Error("list_add corruption. next->prev should be prev " +
			`(${name_of(prev)}), but was ${name_of(next.prev)}. (next=${name_of(next)}).`);
	if (prev.next !== next)
		throw new Error("list_add corruption. prev->next should be next " +
			`(${name_of(next)}), but was ${name_of(prev.next)}. (prev=${name_of(prev)}).`);
	throw new Error(`list_add double add: new=${name_of(new_)}, prev=${name_of(prev)}, ` +
		`next=${name_of(next)}.`);
}

function list_del_corruption(entry: struct_list_head): never {
	const prev = entry.prev, next = entry.next, name = name_of(entry);

	if (next === null || next === LIST_POISON1)
		throw new Error(`list_del corruption, ${name}->next is ${name_of(next)}`);
	if (prev === null || prev === LIST_POISON2)
		throw new Error(`list_del corruption, ${name}->prev is ${name_of(prev)}`);
	if (prev.next !== entry)
		throw new Error(`list_del corruption. prev->next should be ${name}, ` +
			`but was ${name_of(prev.next)}. (prev=${name_of(prev)})`);
	throw new Error(`list_del corruption. next->prev should be ${name}, ` +
		`but was ${name_of(next.prev)}. (next=${name_of(next)})`);
}

/** lib/list_debug.c:__list_add_valid() */
export function __list_add_valid(new_: struct_list_head, prev: struct_list_head,
	next: struct_list_head): boolean {
	if (next.prev !== prev || prev.next !== next || new_ === prev || new_ === next)
		list_add_corruption(new_, prev, next);
	return true;
}

/** lib/list_debug.c:__list_del_entry_valid() */
export function __list_del_entry_valid(entry: struct_list_head): boolean {
	/* a poison points to no entry */
	if (entry.prev.next !== entry || entry.next.prev !== entry)
		list_del_corruption(entry);
	return true;
}

export function __list_add(new_: struct_list_head, prev: struct_list_head,
	next: struct_list_head): void {
	if (!__list_add_valid(new_, prev, next))
		return;

	link_between(new_, prev, next);
}

function link_between(new_: struct_list_head, prev: struct_list_head, next: struct_list_head):
	void {
	next.prev = new_;
	new_.next = next;
	new_.prev = prev;
	prev.next = new_;
}

/* these two do as __list_add(), but one link of @head is what it is compared with */
export function list_add(new_: struct_list_head, head: struct_list_head): void {
	const next = head.next;

	if (next.prev !== head || new_ === head || new_ === next)
		list_add_corruption(new_, head, next);
	link_between(new_, head, next);
}

export function list_add_tail(new_: struct_list_head, head: struct_list_head): void {
	const prev = head.prev;

	if (prev.next !== head || new_ === prev || new_ === head)
		list_add_corruption(new_, prev, head);
	link_between(new_, prev, head);
}

export function __list_del(prev: struct_list_head, next: struct_list_head): void {
	next.prev = prev;
	prev.next = next;
}

export function __list_del_clearprev(entry: struct_list_head): void {
	__list_del(entry.prev, entry.next);
	entry.prev = null as unknown as struct_list_head;
}

export function __list_del_entry(entry: struct_list_head): void {
	if (!__list_del_entry_valid(entry))
		return;

	__list_del(entry.prev, entry.next);
}

export function list_del(entry: struct_list_head): void {
	__list_del_entry(entry);
	entry.next = LIST_POISON1;
	entry.prev = LIST_POISON2;
}

export function list_replace(old: struct_list_head, new_: struct_list_head): void {
	new_.next = old.next;
	new_.next.prev = new_;
	new_.prev = old.prev;
	new_.prev.next = new_;
}

export function list_replace_init(old: struct_list_head, new_: struct_list_head): void {
	list_replace(old, new_);
	INIT_LIST_HEAD(old);
}

export function list_swap(entry1: struct_list_head, entry2: struct_list_head): void {
	let pos = entry2.prev;

	list_del(entry2);
	list_replace(entry1, entry2);
	if (pos === entry1)
		pos = entry2;
	list_add(entry1, pos);
}

export function list_del_init(entry: struct_list_head): void {
	__list_del_entry(entry);
	INIT_LIST_HEAD(entry);
}

export function list_move(list: struct_list_head, head: struct_list_head): void {
	__list_del_entry(list);
	list_add(list, head);
}

export function list_move_tail(list: struct_list_head, head: struct_list_head): void {
	__list_del_entry(list);
	list_add_tail(list, head);
}

export function list_bulk_move_tail(head: struct_list_head, first: struct_list_head,
	last: struct_list_head): void {
	first.prev.next = last.next;
	last.next.prev = first.prev;

	head.prev.next = first;
	first.prev = head.prev;

	last.next = head;
	head.prev = last;
}

export function list_is_first(list: struct_list_head, head: struct_list_head): boolean {
	return list.prev === head;
}

export function list_is_last(list: struct_list_head, head: struct_list_head): boolean {
	return list.next === head;
}

export function list_is_head(list: struct_list_head, head: struct_list_head): boolean {
	return list === head;
}

export function list_empty(head: struct_list_head): boolean {
	return head.next === head;
}

export function list_del_init_careful(entry: struct_list_head): void {
	__list_del_entry(entry);
	entry.prev = entry;
	entry.next = entry;
}

export function list_empty_careful(head: struct_list_head): boolean {
	const next = head.next;

	return list_is_head(next, head) && next === head.prev;
}

export function list_rotate_left(head: struct_list_head): void {
	if (!list_empty(head)) {
		const first = head.next;

		list_move_tail(first, head);
	}
}

export function list_rotate_to_front(list: struct_list_head, head: struct_list_head): void {
	list_move_tail(head, list);
}

export function list_is_singular(head: struct_list_head): boolean {
	return !list_empty(head) && head.next === head.prev;
}

export function __list_cut_position(list: struct_list_head, head: struct_list_head,
	entry: struct_list_head): void {
	const new_first = entry.next;

	list.next = head.next;
	list.next.prev = list;
	list.prev = entry;
	entry.next = list;
	head.next = new_first;
	new_first.prev = head;
}

export function list_cut_position(list: struct_list_head, head: struct_list_head,
	entry: struct_list_head): void {
	if (list_empty(head))
		return;
	if (list_is_singular(head) && !list_is_head(entry, head) && entry !== head.next)
		return;
	if (list_is_head(entry, head))
		INIT_LIST_HEAD(list);
	else
		__list_cut_position(list, head, entry);
}

export function list_cut_before(list: struct_list_head, head: struct_list_head,
	entry: struct_list_head): void {
	if (head.next === entry) {
		INIT_LIST_HEAD(list);
		return;
	}
	list.next = head.next;
	list.next.prev = list;
	list.prev = entry.prev;
	list.prev.next = list;
	head.next = entry;
	entry.prev = head;
}

export function __list_splice(list: struct_list_head, prev: struct_list_head,
	next: struct_list_head): void {
	const first = list.next;
	const last = list.prev;

	first.prev = prev;
	prev.next = first;

	last.next = next;
	next.prev = last;
}

export function list_splice(list: struct_list_head, head: struct_list_head): void {
	if (!list_empty(list))
		__list_splice(list, head, head.next);
}

export function list_splice_tail(list: struct_list_head, head: struct_list_head): void {
	if (!list_empty(list))
		__list_splice(list, head.prev, head);
}

export function list_splice_init(list: struct_list_head, head: struct_list_head): void {
	if (!list_empty(list)) {
		__list_splice(list, head, head.next);
		INIT_LIST_HEAD(list);
	}
}

export function list_splice_tail_init(list: struct_list_head, head: struct_list_head): void {
	if (!list_empty(list)) {
		__list_splice(list, head.prev, head);
		INIT_LIST_HEAD(list);
	}
}

export function list_entry<T extends object, K extends keyof T>(
	ptr: struct_list_head, ctor: ctor_of<T>, member: K): T {
	return container_of(ptr, ctor, member);
}

/** The list must not be empty: its head is no entry, and container_of() says so. */
export function list_first_entry<T extends object, K extends keyof T>(
	ptr: struct_list_head, ctor: ctor_of<T>, member: K): T {
	return container_of(ptr.next, ctor, member);
}

export function list_last_entry<T extends object, K extends keyof T>(
	ptr: struct_list_head, ctor: ctor_of<T>, member: K): T {
	return container_of(ptr.prev, ctor, member);
}

export function list_first_entry_or_null<T extends object, K extends keyof T>(
	ptr: struct_list_head, ctor: ctor_of<T>, member: K): T | null {
	const pos = ptr.next;

	return pos !== ptr ? container_of(pos, ctor, member) : null;
}

function node_of<T extends object>(pos: T, member: keyof T): struct_list_head {
	return pos[member] as struct_list_head;
}

function ctor_of<T extends object>(pos: T): ctor_of<T> {
	return pos.constructor as unknown as ctor_of<T>;
}

/** The entry after @pos; @pos must not be the last (list_is_last() tells). */
export function list_next_entry<T extends object, K extends keyof T>(pos: T, member: K): T {
	return container_of(node_of(pos, member).next, ctor_of(pos), member);
}

export function list_next_entry_circular<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): T {
	return list_is_last(node_of(pos, member), head) ?
		list_first_entry(head, ctor_of(pos), member) : list_next_entry(pos, member);
}

/** The entry before @pos; @pos must not be the first (list_is_first() tells). */
export function list_prev_entry<T extends object, K extends keyof T>(pos: T, member: K): T {
	return container_of(node_of(pos, member).prev, ctor_of(pos), member);
}

export function list_prev_entry_circular<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): T {
	return list_is_first(node_of(pos, member), head) ?
		list_last_entry(head, ctor_of(pos), member) : list_prev_entry(pos, member);
}

/*
 * The loops. The iterator is its own result object. A plain loop goes on where C's does, from
 * the current entry's next pointer as it is after the body, unless the body took the entry off
 * its place: then from the next entry as it was before. A safe loop always does the latter.
 */
class list_iter<T> implements IterableIterator<T> {
	done = false;
	value: T = null as T;
	private cur: struct_list_head | null = null;
	private n: struct_list_head;
	private p: struct_list_head;
	private readonly head: struct_list_head;
	private readonly ctor: ctor_of<object> | null;
	private readonly member: string;
	private readonly safe: boolean;
	/** @ctor null: the loop yields the nodes themselves. */
	constructor(head: struct_list_head, first: struct_list_head, ctor: ctor_of<object> | null,
		member: string, safe: boolean) {
		this.head = head;
		this.n = first;
		this.p = first;
		this.ctor = ctor;
		this.member = member;
		this.safe = safe;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<T> {
		const cur = this.cur;
		let pos = this.n;

		if (cur !== null && pos.prev !== cur && !this.safe && cur.prev === this.p)
			pos = cur.next;
		if (pos === this.head) {
			this.done = true;
			this.value = null as T;
		} else {
			this.cur = pos;
			this.n = pos.next;
			this.p = pos.prev;
			this.value = (this.ctor === null ? pos :
				container_of(pos, this.ctor, this.member as never)) as T;
		}
		return this as unknown as IteratorResult<T>;
	}
}

class list_iter_reverse<T> implements IterableIterator<T> {
	done = false;
	value: T = null as T;
	private cur: struct_list_head | null = null;
	private n: struct_list_head;
	private p: struct_list_head;
	private readonly head: struct_list_head;
	private readonly ctor: ctor_of<object> | null;
	private readonly member: string;
	private readonly safe: boolean;
	constructor(head: struct_list_head, first: struct_list_head, ctor: ctor_of<object> | null,
		member: string, safe: boolean) {
		this.head = head;
		this.n = first;
		this.p = first;
		this.ctor = ctor;
		this.member = member;
		this.safe = safe;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<T> {
		const cur = this.cur;
		let pos = this.n;

		if (cur !== null && pos.next !== cur && !this.safe && cur.next === this.p)
			pos = cur.prev;
		if (pos === this.head) {
			this.done = true;
			this.value = null as T;
		} else {
			this.cur = pos;
			this.n = pos.prev;
			this.p = pos.next;
			this.value = (this.ctor === null ? pos :
				container_of(pos, this.ctor, this.member as never)) as T;
		}
		return this as unknown as IteratorResult<T>;
	}
}

export function list_for_each(head: struct_list_head): IterableIterator<struct_list_head> {
	return new list_iter(head, head.next, null, "", false);
}

export function list_for_each_continue(pos: struct_list_head,
	head: struct_list_head): IterableIterator<struct_list_head> {
	return new list_iter(head, pos.next, null, "", false);
}

export function list_for_each_prev(head: struct_list_head): IterableIterator<struct_list_head> {
	return new list_iter_reverse(head, head.prev, null, "", false);
}

export function list_for_each_safe(head: struct_list_head): IterableIterator<struct_list_head> {
	return new list_iter(head, head.next, null, "", true);
}

export function list_for_each_prev_safe(
	head: struct_list_head): IterableIterator<struct_list_head> {
	return new list_iter_reverse(head, head.prev, null, "", true);
}

export function list_entry_is_head<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): boolean {
	return node_of(pos, member) === head;
}

export function list_for_each_entry<T extends object, K extends keyof T>(
	head: struct_list_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new list_iter<T>(head, head.next, ctor, member as string, false);
}

export function list_for_each_entry_reverse<T extends object, K extends keyof T>(
	head: struct_list_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new list_iter_reverse<T>(head, head.prev, ctor, member as string, false);
}

/** Goes on after @pos. */
export function list_for_each_entry_continue<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): IterableIterator<T> {
	return new list_iter<T>(head, node_of(pos, member).next, ctor_of(pos), member as string,
		false);
}

export function list_for_each_entry_continue_reverse<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): IterableIterator<T> {
	return new list_iter_reverse<T>(head, node_of(pos, member).prev, ctor_of(pos),
		member as string, false);
}

/** Goes on with @pos itself. */
export function list_for_each_entry_from<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): IterableIterator<T> {
	return new list_iter<T>(head, node_of(pos, member), ctor_of(pos), member as string, false);
}

export function list_for_each_entry_from_reverse<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): IterableIterator<T> {
	return new list_iter_reverse<T>(head, node_of(pos, member), ctor_of(pos),
		member as string, false);
}

export function list_for_each_entry_safe<T extends object, K extends keyof T>(
	head: struct_list_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new list_iter<T>(head, head.next, ctor, member as string, true);
}

export function list_for_each_entry_safe_continue<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): IterableIterator<T> {
	return new list_iter<T>(head, node_of(pos, member).next, ctor_of(pos), member as string,
		true);
}

export function list_for_each_entry_safe_from<T extends object, K extends keyof T>(
	pos: T, head: struct_list_head, member: K): IterableIterator<T> {
	return new list_iter<T>(head, node_of(pos, member), ctor_of(pos), member as string, true);
}

export function list_for_each_entry_safe_reverse<T extends object, K extends keyof T>(
	head: struct_list_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new list_iter_reverse<T>(head, head.prev, ctor, member as string, true);
}

/*
 * Lists with a single pointer head. A node's pprev names the object that points to it: the
 * head (its `first`) or another node (its `next`).
 */
export class struct_hlist_head {
	first: struct_hlist_node | null = null;
}

export class struct_hlist_node implements embedded {
	next: struct_hlist_node | null = null;
	pprev: struct_hlist_head | struct_hlist_node | null = null;
	readonly owner: object | null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

/* LIST_POISON1 and LIST_POISON2 in C; no list contains them */
export const HLIST_POISON1 = new struct_hlist_node(null);
export const HLIST_POISON2 = new struct_hlist_node(null);

export function HLIST_HEAD_INIT(): struct_hlist_head {
	return new struct_hlist_head();
}

export const HLIST_HEAD = HLIST_HEAD_INIT;

export function INIT_HLIST_HEAD(ptr: struct_hlist_head): void {
	ptr.first = null;
}

export function INIT_HLIST_NODE(h: struct_hlist_node): void {
	h.next = null;
	h.pprev = null;
}

/** C's `*pprev`. */
export function hlist_pprev_load(
	pprev: struct_hlist_head | struct_hlist_node): struct_hlist_node | null {
	return pprev instanceof struct_hlist_head ? pprev.first : pprev.next;
}

/** C's `*pprev = n`. */
export function hlist_pprev_store(pprev: struct_hlist_head | struct_hlist_node,
	n: struct_hlist_node | null): void {
	if (pprev instanceof struct_hlist_head)
		pprev.first = n;
	else
		pprev.next = n;
}

export function hlist_unhashed(h: struct_hlist_node): boolean {
	return h.pprev === null;
}

export function hlist_unhashed_lockless(h: struct_hlist_node): boolean {
	return h.pprev === null;
}

export function hlist_empty(h: struct_hlist_head): boolean {
	return h.first === null;
}

export function __hlist_del(n: struct_hlist_node): void {
	const next = n.next;
	const pprev = n.pprev;

	if (pprev === null || pprev === HLIST_POISON2 || hlist_pprev_load(pprev) !== n)
		throw new Error("hlist_del corruption, " +
			`${n.owner === null ? "node" : n.owner.constructor.name} is not on a list`);
	hlist_pprev_store(pprev, next);
	if (next !== null)
		next.pprev = pprev;
}

export function hlist_del(n: struct_hlist_node): void {
	__hlist_del(n);
	n.next = HLIST_POISON1;
	n.pprev = HLIST_POISON2;
}

export function hlist_del_init(n: struct_hlist_node): void {
	if (!hlist_unhashed(n)) {
		__hlist_del(n);
		INIT_HLIST_NODE(n);
	}
}

export function hlist_add_head(n: struct_hlist_node, h: struct_hlist_head): void {
	const first = h.first;

	n.next = first;
	if (first !== null)
		first.pprev = n;
	h.first = n;
	n.pprev = h;
}

export function hlist_add_before(n: struct_hlist_node, next: struct_hlist_node): void {
	const pprev = next.pprev!;

	n.pprev = pprev;
	n.next = next;
	next.pprev = n;
	hlist_pprev_store(pprev, n);
}

export function hlist_add_behind(n: struct_hlist_node, prev: struct_hlist_node): void {
	n.next = prev.next;
	prev.next = n;
	n.pprev = prev;

	if (n.next !== null)
		n.next.pprev = n;
}

export function hlist_add_fake(n: struct_hlist_node): void {
	n.pprev = n;
}

export function hlist_fake(h: struct_hlist_node): boolean {
	return h.pprev === h;
}

export function hlist_is_singular_node(n: struct_hlist_node, h: struct_hlist_head): boolean {
	return n.next === null && n.pprev === h;
}

export function hlist_move_list(old: struct_hlist_head, new_: struct_hlist_head): void {
	new_.first = old.first;
	if (new_.first !== null)
		new_.first.pprev = new_;
	old.first = null;
}

export function hlist_entry<T extends object, K extends keyof T>(
	ptr: struct_hlist_node, ctor: ctor_of<T>, member: K): T {
	return container_of(ptr, ctor, member);
}

export function hlist_entry_safe<T extends object, K extends keyof T>(
	ptr: struct_hlist_node | null, ctor: ctor_of<T>, member: K): T | null {
	return ptr !== null ? container_of(ptr, ctor, member) : null;
}

/* as list_iter: a plain loop stays safe when the body removes the current entry */
class hlist_iter<T> implements IterableIterator<T> {
	done = false;
	value: T = null as T;
	private cur: struct_hlist_node | null = null;
	private n: struct_hlist_node | null;
	private p: struct_hlist_head | struct_hlist_node | null = null;
	private readonly ctor: ctor_of<object> | null;
	private readonly member: string;
	private readonly safe: boolean;
	constructor(first: struct_hlist_node | null, ctor: ctor_of<object> | null, member: string,
		safe: boolean) {
		this.n = first;
		this.ctor = ctor;
		this.member = member;
		this.safe = safe;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<T> {
		const cur = this.cur;
		let pos = this.n;

		if (cur !== null && !this.safe && cur.pprev === this.p)
			pos = cur.next;
		if (pos === null) {
			this.done = true;
			this.value = null as T;
		} else {
			this.cur = pos;
			this.n = pos.next;
			this.p = pos.pprev;
			this.value = (this.ctor === null ? pos :
				container_of(pos, this.ctor, this.member as never)) as T;
		}
		return this as unknown as IteratorResult<T>;
	}
}

function hnode_of<T extends object>(pos: T, member: keyof T): struct_hlist_node {
	return pos[member] as struct_hlist_node;
}

export function hlist_for_each(head: struct_hlist_head): IterableIterator<struct_hlist_node> {
	return new hlist_iter(head.first, null, "", false);
}

export function hlist_for_each_safe(head: struct_hlist_head): IterableIterator<struct_hlist_node> {
	return new hlist_iter(head.first, null, "", true);
}

export function hlist_for_each_entry<T extends object, K extends keyof T>(
	head: struct_hlist_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new hlist_iter<T>(head.first, ctor, member as string, false);
}

export function hlist_for_each_entry_continue<T extends object, K extends keyof T>(
	pos: T, member: K): IterableIterator<T> {
	return new hlist_iter<T>(hnode_of(pos, member).next, ctor_of(pos), member as string, false);
}

export function hlist_for_each_entry_from<T extends object, K extends keyof T>(
	pos: T, member: K): IterableIterator<T> {
	return new hlist_iter<T>(hnode_of(pos, member), ctor_of(pos), member as string, false);
}

export function hlist_for_each_entry_safe<T extends object, K extends keyof T>(
	head: struct_hlist_head, ctor: ctor_of<T>, member: K): IterableIterator<T> {
	return new hlist_iter<T>(head.first, ctor, member as string, true);
}
