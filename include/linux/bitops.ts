// SPDX-License-Identifier: GPL-2.0
/*
 * Single bits and words of bits.
 *
 * Upstream: include/linux/bitops.h, include/asm-generic/bitops. A bitmap is a Uint8Array of
 * little-endian longs, as userspace sees it. Where C takes the address of a flags word,
 * (`set_bit(nr, &x->flags)`), the struct is passed: `set_bit(nr, x)`, for bits 0 to 31.
 */
import { __ffs, __fls, BIT, ul_shr } from "#asm-generic/bits.ts";

export { __ffs, __fls, BIT };

export const BITS_PER_BYTE	= 8;
export const BITS_PER_LONG	= 64;

/** A bitmap, or a struct with a word of flags. */
export type bit_addr = Uint8Array | { flags: number };

export function BITS_TO_LONGS(nr: number): number {
	return Math.ceil(nr / 64);
}

export function BITS_TO_BYTES(nr: number): number {
	return (nr + 7) >>> 3;
}

export function set_bit(nr: number, addr: bit_addr): void {
	if (addr instanceof Uint8Array)
		addr[nr >>> 3]! |= 1 << (nr & 7);
	else
		addr.flags |= 1 << nr;
}

export function clear_bit(nr: number, addr: bit_addr): void {
	if (addr instanceof Uint8Array)
		addr[nr >>> 3]! &= ~(1 << (nr & 7));
	else
		addr.flags &= ~(1 << nr);
}

export function change_bit(nr: number, addr: bit_addr): void {
	if (addr instanceof Uint8Array)
		addr[nr >>> 3]! ^= 1 << (nr & 7);
	else
		addr.flags ^= 1 << nr;
}

/** @addr may be the word itself. */
export function test_bit(nr: number, addr: bit_addr | number): boolean {
	if (typeof addr === "number")
		return (addr & (1 << nr)) !== 0;
	if (addr instanceof Uint8Array)
		return (addr[nr >>> 3]! & (1 << (nr & 7))) !== 0;
	return (addr.flags & (1 << nr)) !== 0;
}

export function test_and_set_bit(nr: number, addr: bit_addr): boolean {
	const old = test_bit(nr, addr);

	if (!old)
		set_bit(nr, addr);
	return old;
}

export function test_and_clear_bit(nr: number, addr: bit_addr): boolean {
	const old = test_bit(nr, addr);

	if (old)
		clear_bit(nr, addr);
	return old;
}

export function test_and_change_bit(nr: number, addr: bit_addr): boolean {
	const old = test_bit(nr, addr);

	change_bit(nr, addr);
	return old;
}

export {
	set_bit as __set_bit, clear_bit as __clear_bit, change_bit as __change_bit,
	test_and_set_bit as __test_and_set_bit, test_and_clear_bit as __test_and_clear_bit,
	test_and_change_bit as __test_and_change_bit, test_bit as test_bit_acquire,
	clear_bit as clear_bit_unlock, clear_bit as __clear_bit_unlock,
	test_and_set_bit as test_and_set_bit_lock,
};

export function assign_bit(nr: number, addr: bit_addr, value: boolean): void {
	if (value)
		set_bit(nr, addr);
	else
		clear_bit(nr, addr);
}

export const __assign_bit = assign_bit;

/** Number of bits set in a 32-bit word. */
export function hweight32(w: number): number {
	w -= (w >>> 1) & 0x55555555;
	w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
	w = (w + (w >>> 4)) & 0x0f0f0f0f;
	return Math.imul(w, 0x01010101) >>> 24;
}

export const hweight8 = hweight32;
export const hweight16 = hweight32;

/** Of a safe integer. */
export function hweight_long(w: number): number {
	return hweight32(w | 0) + hweight32(ul_shr(w, 32));
}

export const hweight64 = hweight_long;

/** Number of the highest bit set in a 32-bit word, from 1; 0 for 0. */
export function fls(x: number): number {
	return 32 - Math.clz32(x);
}

/** fls() of a safe integer. */
export function fls64(x: number): number {
	const hi = ul_shr(x, 32);

	return hi !== 0 ? 32 + fls(hi) : fls(x);
}

export const fls_long = fls64;

/** Number of the lowest bit set in a 32-bit word, from 1; 0 for 0. */
export function ffs(x: number): number {
	return x === 0 ? 0 : __ffs(x) + 1;
}

/** __ffs() of a safe integer above 0. */
export function __ffs64(x: number): number {
	const lo = x | 0;

	return lo !== 0 ? __ffs(lo) : 32 + __ffs(ul_shr(x, 32));
}

/** Number of the lowest clear bit of a 32-bit word that has one. */
export function ffz(x: number): number {
	return __ffs(~x);
}

export function get_bitmask_order(count: number): number {
	return fls(count);
}

export function get_count_order(count: number): number {
	return count === 0 ? -1 : fls(count - 1);
}

export function get_count_order_long(l: number): number {
	return l === 0 ? -1 : fls64(l - 1);
}

export function rol32(word: number, shift: number): number {
	return ((word << (shift & 31)) | (word >>> (-shift & 31))) >>> 0;
}

export function ror32(word: number, shift: number): number {
	return ((word >>> (shift & 31)) | (word << (-shift & 31))) >>> 0;
}

export function sign_extend32(value: number, index: number): number {
	const shift = 31 - index;

	return (value << shift) >> shift;
}
