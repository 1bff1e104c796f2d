// SPDX-License-Identifier: GPL-2.0
/*
 * container_of(): from an embedded node to the struct that holds it.
 *
 * Port-only: an embedded node is made with its owner, and the way back is checked.
 */

export interface embedded {
	readonly owner: object | null;
}

function is_element(array: unknown, ptr: embedded): boolean {
	return Array.isArray(array) && array.includes(ptr);
}

/**
 * BUG (as an exception that becomes an oops) when @ptr is not @ctor's @member, nor, where that is
 * an array (`id_node[idx]`), an element of it.
 */
export function container_of<T extends object, K extends keyof T>(
	ptr: embedded, ctor: abstract new (...args: never[]) => T, member: K): T {
	const owner = ptr.owner;
	if (!(owner instanceof ctor) ||
	    ((owner[member] as unknown) !== ptr && !is_element(owner[member], ptr)))
		throw new Error(`container_of: not a ${ctor.name}.${String(member)}`);
	return owner;
}
