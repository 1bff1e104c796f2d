// SPDX-License-Identifier: GPL-2.0
/*
 * Copies between the kernel and the current task's memory.
 *
 * Upstream: arch/x86/include/asm/{uaccess,uaccess_64}.h. The copies go page by page through the
 * CPU's TLB and page tables, as supervisor accesses; a fault that the kernel cannot handle ends
 * them at the first byte of that page.
 */
import type { kind_of } from "#asm-generic/struct.ts";
import type { ref, user_ptr } from "#asm-generic/types.ts";
import { EFAULT } from "#linux/errno.ts";
import { might_fault, raw_copy_from_user, raw_copy_to_user } from "#arch/x86/lib/usercopy_64.ts";
import { TASK_SIZE_MAX } from "#asm/page_types.ts";

export { clear_user, copy_from_user_to_page, copy_page_to_user, might_fault, raw_copy_from_user,
	raw_copy_to_user, strncpy_from_user, strnlen_user, user_probe_readable,
	user_probe_writeable } from "#arch/x86/lib/usercopy_64.ts";

/** Whether [@addr, @addr + @size) lies in user space; says nothing about mappings. */
export function access_ok(addr: user_ptr, size: number | bigint): boolean {
	const n = typeof size === "number" ? size : Number(size);
	return addr >= 0 && n <= TASK_SIZE_MAX && addr <= TASK_SIZE_MAX - n;
}

const cell = new Uint8Array(8);
const cell_view = new DataView(cell.buffer);

/** C: __get_user(x, ptr); 0 or -EFAULT */
export function __get_user<T>(x: ref<T>, kind: kind_of<T>, ptr: user_ptr): number {
	const left = raw_copy_from_user(cell, ptr, kind.size);
	if (left !== 0)
		cell.fill(0);
	x.v = kind.get(cell_view, 0);
	return left !== 0 ? -EFAULT : 0;
}

/** C: __put_user(x, ptr) */
export function __put_user<T>(kind: kind_of<T>, x: T, ptr: user_ptr): number {
	kind.set!(cell_view, 0, x);
	return raw_copy_to_user(ptr, cell, kind.size) !== 0 ? -EFAULT : 0;
}

/** C: get_user(x, ptr): `get_user(x, __u32, ptr)` reads into x.v; 0 or -EFAULT. */
export function get_user<T>(x: ref<T>, kind: kind_of<T>, ptr: user_ptr): number {
	might_fault();
	if (!access_ok(ptr, kind.size)) {
		cell.fill(0);
		x.v = kind.get(cell_view, 0);
		return -EFAULT;
	}
	return __get_user(x, kind, ptr);
}

/** C: put_user(x, ptr): `put_user(__u32, x, ptr)`. */
export function put_user<T>(kind: kind_of<T>, x: T, ptr: user_ptr): number {
	might_fault();
	if (!access_ok(ptr, kind.size))
		return -EFAULT;
	return __put_user(kind, x, ptr);
}

/**
 * C: __try_cmpxchg_user(ptr, oldp, nval, label): 0, or 1 if *@ptr was not oldp.v (that then is what
 * it was), or -EFAULT. Atomic, as nothing can run in between; a write access in any case.
 */
export function __try_cmpxchg_user<T>(ptr: user_ptr, kind: kind_of<T>, oldp: ref<T>, nval: T):
	number {
	const was = oldp.v;

	if (__get_user(oldp, kind, ptr) !== 0)
		return -EFAULT;
	if (oldp.v !== was)
		return __put_user(kind, oldp.v, ptr) !== 0 ? -EFAULT : 1;
	return __put_user(kind, nval, ptr);
}
