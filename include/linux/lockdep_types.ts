// SPDX-License-Identifier: GPL-2.0
/*
 * Lock classes by name.
 *
 * Upstream: include/linux/lockdep_types.h. A lock carries `dep`, the number of its class; class
 * `dep + n` is its subclass n. The name given to spin_lock_init() and friends is the key.
 */

export const MAX_LOCKDEP_SUBCLASSES	= 8;
export const MAX_LOCKDEP_KEYS		= 512;
export const MAX_LOCKDEP_CHAINS		= 1 << 16;
export const MAX_LOCK_DEPTH		= 48;

export const LD_WAIT_INV	= 0;
export const LD_WAIT_FREE	= 1;
export const LD_WAIT_SPIN	= 2;
export const LD_WAIT_CONFIG	= 2;
export const LD_WAIT_SLEEP	= 3;

/** What lock functions share. */
export interface lockdep_map {
	/** which of all locks */
	readonly lock_id: number;
	/** the class, or 0 before the lock was initialised */
	dep: number;
}

let last_lock_id = 0;

/** Locks are told apart by number: that costs lockdep less than objects do. */
export function new_lock_id(): number {
	last_lock_id = (last_lock_id + 1) | 0;
	return last_lock_id;
}

/** A key of its own, for lockdep_set_class(). */
export class struct_lock_class_key {
	readonly name: string;
	constructor(name: string) {
		this.name = name;
	}
}

const keys: Map<string, number>[] = [new Map(), new Map(), new Map(), new Map()];
const names: string[] = ["(uninitialised)"];
const wait_types: number[] = [LD_WAIT_INV];

/** The class number of @name, a lock of kind @wait_type. */
export function lockdep_key(name: string, wait_type: number): number {
	const map = keys[wait_type]!;
	const dep = map.get(name);
	return dep === undefined ? register(map, name, wait_type) : dep;
}

function register(map: Map<string, number>, name: string, wait_type: number): number {
	const dep = names.length * MAX_LOCKDEP_SUBCLASSES;
	if (names.length >= MAX_LOCKDEP_KEYS)
		throw new Error("BUG: MAX_LOCKDEP_KEYS too low!");
	names.push(name);
	wait_types.push(wait_type);
	map.set(name, dep);
	return dep;
}

export function lock_class_name(cls: number): string {
	return names[cls >> 3]!;
}

export function lock_class_wait_type(cls: number): number {
	return wait_types[cls >> 3]!;
}
