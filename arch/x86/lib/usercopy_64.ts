// SPDX-License-Identifier: GPL-2.0
/*
 * Copies to, from and within user memory.
 *
 * Upstream: arch/x86/lib/{usercopy_64,copy_user_64,usercopy}, lib/strnlen_user.c,
 * lib/strncpy_from_user.c. All return the number of bytes not done, unless said otherwise.
 */
import type { user_ptr } from "#asm-generic/types.ts";
import { EFAULT } from "#linux/errno.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { current, might_sleep } from "#linux/sched.ts";
import { FRAME_META, copy_failed_reading, copy_frame, frame_bytes, frame_fill, frame_read,
	frame_state, frame_write } from "#hw/memory.ts";
import { mce_host } from "#hw/mce.ts";
import { tme_host_done } from "#hw/tme.ts";
import { this_cpu } from "#hw/cpu.ts";
import { NEED_READ, NEED_WRITE, host_translate } from "#hw/walk.ts";
import { PAGE_SIZE, TASK_SIZE_MAX } from "#asm/page_types.ts";
import { access_ok } from "#asm/uaccess.ts";
import { set_uaccess_si, uaccess_begin, uaccess_end } from "#asm/extable.ts";

const INV_2_32 = 2 ** -32;

/** include/linux/kernel.h:might_fault(): user memory may have to be paged in. */
export function might_fault(): void {
	if (current.pagefault_disabled !== 0)
		return;
	might_sleep();
}

function translate(va: number, need: number): number {
	return host_translate(this_cpu, va, va | 0, (va * INV_2_32) | 0, need);
}

/** Machine check at user address @va, in the copy's source; the kernel's fixup ends the copy. */
function poison_copyin(va: number): void {
	set_uaccess_si(va);
	mce_host();
	set_uaccess_si(-1);
}

export function raw_copy_from_user(to: Uint8Array, from: user_ptr, n: number): number {
	const prev = uaccess_begin();
	let done = 0;

	while (done < n) {
		const va = from + done;
		const off = va & (PAGE_SIZE - 1);
		let len = PAGE_SIZE - off;
		if (len > n - done)
			len = n - done;
		const pfn = translate(va, NEED_READ);
		if (pfn < 0)
			break;
		if (!frame_read(pfn as never, off, to, done, len)) {
			done += tme_host_done;
			poison_copyin(from + done);
			break;
		}
		done += len;
	}
	uaccess_end(prev);
	return n - done;
}

export function raw_copy_to_user(to: user_ptr, from: Uint8Array, n: number): number {
	const prev = uaccess_begin();
	let done = 0;

	while (done < n) {
		const va = to + done;
		const off = va & (PAGE_SIZE - 1);
		let len = PAGE_SIZE - off;
		if (len > n - done)
			len = n - done;
		const pfn = translate(va, NEED_READ | NEED_WRITE);
		if (pfn < 0)
			break;
		if (!frame_write(pfn as never, off, from, done, len)) {
			mce_host();
			break;
		}
		done += len;
	}
	uaccess_end(prev);
	return n - done;
}

/** raw_copy_from_user() of a whole, aligned page straight into @page; false if it faulted. */
export function copy_from_user_to_page(page: struct_page, from: user_ptr): boolean {
	const prev = uaccess_begin();
	const pfn = translate(from, NEED_READ);
	const done = pfn >= 0 && copy_frame(page.pfn, pfn as never);

	if (pfn >= 0 && !done) {
		if (copy_failed_reading)
			poison_copyin(from);
		else
			mce_host();
	}
	uaccess_end(prev);
	return done;
}

export function copy_page_to_user(to: user_ptr, page: struct_page): boolean {
	const prev = uaccess_begin();
	const pfn = translate(to, NEED_READ | NEED_WRITE);
	const done = pfn >= 0 && copy_frame(pfn as never, page.pfn);

	if (pfn >= 0 && !done)
		mce_host();
	uaccess_end(prev);
	return done;
}

/** arch/x86/lib/usercopy_64.c:__clear_user() */
export function __clear_user(addr: user_ptr, size: number): number {
	const prev = uaccess_begin();
	let done = 0;

	might_fault();
	while (done < size) {
		const va = addr + done;
		const off = va & (PAGE_SIZE - 1);
		const len = Math.min(PAGE_SIZE - off, size - done);
		const pfn = translate(va, NEED_READ | NEED_WRITE);
		if (pfn < 0)
			break;
		if (!frame_fill(pfn as never, off, 0, len)) {
			mce_host();
			break;
		}
		done += len;
	}
	uaccess_end(prev);
	return size - done;
}

export function clear_user(to: user_ptr, n: number): number {
	if (access_ok(to, n))
		return __clear_user(to, n);
	return n;
}

const probe = new Uint8Array(1);

/** What unsafe_get_user() does in fault_in_readable(): touches one byte; false if it faulted. */
export function user_probe_readable(addr: user_ptr): boolean {
	const prev = uaccess_begin();
	const pfn = translate(addr, NEED_READ);
	const done = pfn >= 0 && frame_read(pfn as never, addr & (PAGE_SIZE - 1), probe, 0, 1);

	if (pfn >= 0 && !done)
		poison_copyin(addr);
	uaccess_end(prev);
	return done;
}

/** What unsafe_put_user(0, ...) does in fault_in_writeable(): stores a zero byte. */
export function user_probe_writeable(addr: user_ptr): boolean {
	const prev = uaccess_begin();
	const pfn = translate(addr, NEED_READ | NEED_WRITE);
	const done = pfn >= 0 && frame_fill(pfn as never, addr & (PAGE_SIZE - 1), 0, 1);

	if (pfn >= 0 && !done)
		mce_host();
	uaccess_end(prev);
	return done;
}

/* bytes up to the first NUL or @max; copied to @dst if there is one; ~length at a fault */
function scan_string(dst: Uint8Array | null, src: user_ptr, max: number): number {
	const prev = uaccess_begin();
	let res = 0;

	while (res < max) {
		const va = src + res;
		const off = va & (PAGE_SIZE - 1);
		const len = Math.min(PAGE_SIZE - off, max - res);
		const pfn = translate(va, NEED_READ);
		if (pfn < 0) {
			uaccess_end(prev);
			return ~res;
		}
		let bytes = frame_bytes(pfn as never);
		if ((frame_state(pfn) & FRAME_META) !== 0) {
			bytes = new Uint8Array(PAGE_SIZE);
			if (!frame_read(pfn as never, off, bytes, off, len)) {
				poison_copyin(va);
				uaccess_end(prev);
				return ~res;
			}
		}
		for (let i = 0; i < len; i++) {
			const c = bytes[off + i]!;
			if (dst !== null)
				dst[res + i] = c;
			if (c === 0) {
				uaccess_end(prev);
				return res + i;
			}
		}
		res += len;
	}
	uaccess_end(prev);
	return max;
}

/** Length without the NUL, @count if there is none in @count bytes, -EFAULT. */
export function strncpy_from_user(dst: Uint8Array, src: user_ptr, count: number): number {
	might_fault();
	if (count <= 0)
		return 0;

	const max_addr = TASK_SIZE_MAX;
	if (src >= 0 && src < max_addr) {
		const max = Math.min(max_addr - src, count);
		const res = scan_string(dst, src, max);

		if (res < 0 || (res === max && max < count))
			return -EFAULT;
		return res;
	}
	return -EFAULT;
}

/** Length including the NUL; above @count if there is none in @count bytes; 0 at a fault. */
export function strnlen_user(str: user_ptr, count: number): number {
	if (count <= 0)
		return 0;

	const max_addr = TASK_SIZE_MAX;
	if (str >= 0 && str < max_addr) {
		const max = Math.min(max_addr - str, count);
		const res = scan_string(null, str, max);

		if (res < 0)
			return 0;
		if (res < max)
			return res + 1;
		return max >= count ? count + 1 : 0;
	}
	return 0;
}
