// SPDX-License-Identifier: GPL-2.0
/*
 * Access to user memory.
 *
 * Upstream: include/linux/uaccess.h, lib/usercopy.c, mm/maccess.c's *_user_nofault(). Left out:
 * kernel nofault copies, hardened usercopy (bounds are the typed arrays' own).
 *
 * Buffers are byte arrays or views of layouts; counts are bytes. Functions that return a count
 * return bytes not copied.
 */
import type { bytes_view } from "#asm-generic/struct.ts";
import type { user_ptr } from "#asm-generic/types.ts";
import { E2BIG, EFAULT } from "#linux/errno.ts";
import { in_atomic } from "#linux/preempt.ts";
import { current } from "#linux/sched.ts";
import { access_ok, might_fault, raw_copy_from_user, raw_copy_to_user } from
	"#asm/uaccess.ts";

export { __get_user, __put_user, __try_cmpxchg_user, access_ok, clear_user,
	copy_from_user_to_page, copy_page_to_user, get_user, might_fault, put_user,
	raw_copy_from_user, raw_copy_to_user, strncpy_from_user, strnlen_user, user_probe_readable,
	user_probe_writeable } from "#asm/uaccess.ts";

const bytes_of = (x: Uint8Array | bytes_view): Uint8Array =>
	x instanceof Uint8Array ? x : x.bytes;

/** Page faults are off: the copy ends at the first page that is not there. */
export function __copy_from_user_inatomic(to: Uint8Array | bytes_view, from: user_ptr,
	n: number): number {
	return raw_copy_from_user(bytes_of(to), from, n);
}

export function __copy_to_user_inatomic(to: user_ptr, from: Uint8Array | bytes_view,
	n: number): number {
	return raw_copy_to_user(to, bytes_of(from), n);
}

/** access_ok() was checked. */
export function __copy_from_user(to: Uint8Array | bytes_view, from: user_ptr, n: number): number {
	might_fault();
	return raw_copy_from_user(bytes_of(to), from, n);
}

export function __copy_to_user(to: user_ptr, from: Uint8Array | bytes_view, n: number): number {
	might_fault();
	return raw_copy_to_user(to, bytes_of(from), n);
}

/** lib/usercopy.c:_copy_from_user(). What was not copied is zeroed. */
export function copy_from_user(to: Uint8Array | bytes_view, from: user_ptr, n: number): number {
	const bytes = bytes_of(to);
	let res = n;

	might_fault();
	if (access_ok(from, n))
		res = raw_copy_from_user(bytes, from, n);
	if (res !== 0)
		bytes.fill(0, n - res, n);
	return res;
}

/** lib/usercopy.c:_copy_to_user() */
export function copy_to_user(to: user_ptr, from: Uint8Array | bytes_view, n: number): number {
	might_fault();
	if (access_ok(to, n))
		n = raw_copy_to_user(to, bytes_of(from), n);
	return n;
}

/** lib/usercopy.c:check_zeroed_user(): 1 if all bytes are zero, 0 if not, or -EFAULT. */
export function check_zeroed_user(from: user_ptr, size: number): number {
	if (size === 0)
		return 1;
	if (!access_ok(from, size))
		return -EFAULT;
	const buf = new Uint8Array(Math.min(size, 4096));
	for (let done = 0; done < size;) {
		const n = Math.min(buf.length, size - done);
		const left = raw_copy_from_user(buf, from + done, n);

		for (let i = 0; i < n - left; i++)
			if (buf[i] !== 0)
				return 0;
		if (left !== 0)
			return -EFAULT;
		done += n;
	}
	return 1;
}

/**
 * A struct whose size userspace gives: shorter ones are filled with zero, in longer ones the rest
 * must be zero. 0, -E2BIG or -EFAULT.
 */
export function copy_struct_from_user(dst: Uint8Array | bytes_view, ksize: number, src: user_ptr,
	usize: number): number {
	const bytes = bytes_of(dst);
	const size = Math.min(ksize, usize);
	const rest = Math.max(ksize, usize) - size;

	/* trailing bytes */
	if (usize < ksize) {
		bytes.fill(0, size, size + rest);
	} else if (usize > ksize) {
		const ret = check_zeroed_user(src + size, rest);
		if (ret <= 0)
			return ret !== 0 ? ret : -E2BIG;
	}
	if (copy_from_user(bytes, src, size))
		return -EFAULT;
	return 0;
}

export function pagefault_disable(): void {
	current.pagefault_disabled++;
}

export function pagefault_enable(): void {
	current.pagefault_disabled--;
}

export function pagefault_disabled(): boolean {
	return current.pagefault_disabled !== 0;
}

/** No fault handling: in atomic context, or switched off. */
export function faulthandler_disabled(): boolean {
	return pagefault_disabled() || in_atomic();
}

export function probe_subpage_writeable(_uaddr: user_ptr, _size: number): number {
	return 0;
}

/** mm/maccess.c:copy_from_user_nofault() */
export function copy_from_user_nofault(dst: Uint8Array | bytes_view, src: user_ptr,
	size: number): number {
	let ret = -EFAULT;
	if (access_ok(src, size)) {
		pagefault_disable();
		ret = __copy_from_user_inatomic(dst, src, size);
		pagefault_enable();
	}
	return ret !== 0 ? -EFAULT : 0;
}

/** mm/maccess.c:copy_to_user_nofault() */
export function copy_to_user_nofault(dst: user_ptr, src: Uint8Array | bytes_view,
	size: number): number {
	let ret = -EFAULT;
	if (access_ok(dst, size)) {
		pagefault_disable();
		ret = __copy_to_user_inatomic(dst, src, size);
		pagefault_enable();
	}
	return ret !== 0 ? -EFAULT : 0;
}

