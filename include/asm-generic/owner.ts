// SPDX-License-Identifier: GPL-2.0
/*
 * container_of(): from an embedded node to the struct that holds it.
 *
 * Port-only: an embedded node is made with its owner, and the way back is checked.
 */

export interface embedded {
	readonly owner: object | null;
}

/** BUG (as an exception that becomes an oops) when @ptr is not @ctor's @member. */
export function container_of<T extends object, K extends keyof T>(
	ptr: embedded, ctor: abstract new (...args: never[]) => T, member: K): T {
	const owner = ptr.owner;
	if (!(owner instanceof ctor) || (owner[member] as unknown) !== ptr)
		throw new Error(`container_of: not a ${ctor.name}.${String(member)}`);
	return owner;
}
