// SPDX-License-Identifier: GPL-2.0
/*
 * LRU lists of objects that shrinkers free.
 *
 * Upstream: include/linux/list_lru.h, mm/list_lru.c. Left out: memory cgroups, several nodes.
 */
import {
	list_add_tail, list_del_init, list_empty, list_move, list_move_tail,
	struct_list_head,
} from "#linux/list.ts";
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "#linux/spinlock.ts";

/* what the callback says of an item */
export type lru_status = number;
export const LRU_REMOVED	= 0;
export const LRU_REMOVED_RETRY	= 1;
export const LRU_ROTATE		= 2;
export const LRU_SKIP		= 3;
export const LRU_RETRY		= 4;

export class struct_list_lru_one {
	list = new struct_list_head(null);
	nr_items = 0;
}

export class struct_list_lru_node {
	lock = new spinlock_t();
	lru = new struct_list_lru_one();
	nr_items = 0;
}

export class struct_list_lru {
	node: struct_list_lru_node | null = null;
}

export type list_lru_walk_cb = (item: struct_list_head, list: struct_list_lru_one,
	lock: spinlock_t, cb_arg: unknown) => lru_status;

export function list_lru_init(lru: struct_list_lru): number {
	lru.node = new struct_list_lru_node();
	spin_lock_init(lru.node.lock, "&l->lock");
	return 0;
}

export function list_lru_destroy(lru: struct_list_lru): void {
	lru.node = null;
}

export function list_lru_add(lru: struct_list_lru, item: struct_list_head): boolean {
	const nlru = lru.node!;

	spin_lock(nlru.lock);
	if (list_empty(item)) {
		list_add_tail(item, nlru.lru.list);
		nlru.lru.nr_items++;
		nlru.nr_items++;
		spin_unlock(nlru.lock);
		return true;
	}
	spin_unlock(nlru.lock);
	return false;
}

export function list_lru_del(lru: struct_list_lru, item: struct_list_head): boolean {
	const nlru = lru.node!;

	spin_lock(nlru.lock);
	if (!list_empty(item)) {
		list_del_init(item);
		nlru.lru.nr_items--;
		nlru.nr_items--;
		spin_unlock(nlru.lock);
		return true;
	}
	spin_unlock(nlru.lock);
	return false;
}

export function list_lru_isolate(list: struct_list_lru_one, item: struct_list_head): void {
	list_del_init(item);
	list.nr_items--;
}

export function list_lru_isolate_move(list: struct_list_lru_one, item: struct_list_head,
	head: struct_list_head): void {
	list_move(item, head);
	list.nr_items--;
}

export function list_lru_count_node(lru: struct_list_lru, _nid: number): number {
	return lru.node!.nr_items;
}

export function list_lru_count(lru: struct_list_lru): number {
	return list_lru_count_node(lru, 0);
}

/** mm/list_lru.c:__list_lru_walk_one(); the lock is held in @isolate unless that says otherwise. */
export function list_lru_walk(lru: struct_list_lru, isolate: list_lru_walk_cb, cb_arg: unknown,
	nr_to_walk: number): number {
	const nlru = lru.node!;
	let isolated = 0;

	spin_lock(nlru.lock);
	restart: for (;;) {
		for (let item = nlru.lru.list.next, n = item.next; item !== nlru.lru.list;
			item = n, n = item.next) {
			if (nr_to_walk === 0)
				break;
			nr_to_walk--;

			const ret = isolate(item, nlru.lru, nlru.lock, cb_arg);
			switch (ret) {
			case LRU_REMOVED_RETRY:
			case LRU_REMOVED:
				isolated++;
				nlru.nr_items--;
				if (ret === LRU_REMOVED_RETRY)
					continue restart;
				break;
			case LRU_ROTATE:
				list_move_tail(item, nlru.lru.list);
				break;
			case LRU_RETRY:
				continue restart;
			}
		}
		break;
	}
	spin_unlock(nlru.lock);
	return isolated;
}

