// SPDX-License-Identifier: GPL-2.0
/*
 * Errno values in the place of pointers (include/linux/err.h).
 */

export class err_ptr {
	readonly err: number;
	constructor(err: number) {
		this.err = err;
	}
}

const cells = new Map<number, err_ptr>();

/** @err negative errno. */
export function ERR_PTR(err: number): err_ptr {
	let p = cells.get(err);
	if (p === undefined) {
		/* writing through it is an oops, as in C */
		p = Object.freeze(new err_ptr(err));
		cells.set(err, p);
	}
	return p;
}

export function IS_ERR(x: unknown): x is err_ptr {
	return x instanceof err_ptr;
}

export function IS_ERR_OR_NULL(x: unknown): x is err_ptr | null {
	return x === null || x instanceof err_ptr;
}

export function PTR_ERR(x: err_ptr): number {
	return x.err;
}

export function PTR_ERR_OR_ZERO(x: unknown): number {
	return x instanceof err_ptr ? x.err : 0;
}

/** An address that is an errno (C: the last page of the address space). */
export function IS_ERR_VALUE(x: number): boolean {
	return x < 0;
}
