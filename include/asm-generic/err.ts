// SPDX-License-Identifier: GPL-2.0
/*
 * Errno values in the place of pointers (include/linux/err.h).
 */

declare const errno: unique symbol;

/**
 * A negative number that the compiler takes for an object of its own: an error is neither a pointer
 * nor an entry of an array (xa_value). Writing through it is an oops, as in C.
 */
export interface err_ptr {
	readonly [errno]: never;
}

/** @err negative errno. */
export function ERR_PTR(err: number): err_ptr {
	return err as unknown as err_ptr;
}

export function IS_ERR(x: unknown): x is err_ptr {
	return typeof x === "number" && x < 0;
}

export function IS_ERR_OR_NULL(x: unknown): x is err_ptr | null {
	return x === null || IS_ERR(x);
}

export function PTR_ERR(x: err_ptr): number {
	return x as unknown as number;
}

export function PTR_ERR_OR_ZERO(x: unknown): number {
	return IS_ERR(x) ? PTR_ERR(x) : 0;
}

/** An address that is an errno (C: the last page of the address space). */
export function IS_ERR_VALUE(x: number): boolean {
	return x < 0;
}
