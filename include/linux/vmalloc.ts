// SPDX-License-Identifier: GPL-2.0
/*
 * Large kernel buffers.
 *
 * Upstream: include/linux/vmalloc.h. There is no kernel address space to map them in: they are byte
 * buffers or arrays of the JavaScript heap, like those of kmalloc_bytes().
 */
import { GFP_KERNEL, type gfp_t } from "#linux/gfp_types.ts";
import { kvfree, kvmalloc_array, kvmalloc_bytes } from "#mm/util.ts";

export function vmalloc(size: number): Uint8Array | null {
	return kvmalloc_bytes(size, GFP_KERNEL);
}

export const vzalloc = vmalloc;

export function __vmalloc(size: number, gfp_mask: gfp_t): Uint8Array | null {
	return kvmalloc_bytes(size, gfp_mask);
}

export function vcalloc<T>(n: number, element: (i: number) => T): T[] | null {
	return kvmalloc_array(n, element, GFP_KERNEL);
}

export const vmalloc_array = vcalloc;

export function __vcalloc<T>(n: number, element: (i: number) => T, flags: gfp_t): T[] | null {
	return kvmalloc_array(n, element, flags);
}

export function vfree(addr: object | null): void {
	kvfree(addr);
}

export function is_vmalloc_addr(_x: unknown): boolean {
	return false;
}

export function is_vmalloc_or_module_addr(_x: unknown): boolean {
	return false;
}
