// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: Uint8Arrays of whole longs. Bits beyond @nbits in the last byte keep their values where
 * that matters to nobody, as in C.
 *
 * Upstream: include/linux/bitmap.h, lib/bitmap.c. Left out: parsing and printing, scatter and
 * gather, relative maps.
 */
import { ENOMEM } from "#linux/errno.ts";
import { BITS_TO_LONGS, hweight32 } from "#linux/bitops.ts";
import { find_next_bit, find_next_zero_bit } from "#linux/find.ts";
import type { gfp_t } from "#linux/gfp_types.ts";
import { kfree, kmalloc_bytes, kzalloc_bytes } from "#linux/slab.ts";

export * from "#linux/find.ts";

/** DECLARE_BITMAP(name, bits): `name = DECLARE_BITMAP(bits)` */
export function DECLARE_BITMAP(bits: number): Uint8Array {
	return new Uint8Array(BITS_TO_LONGS(bits) * 8);
}

/** lib/bitmap.c:bitmap_alloc() */
export function bitmap_alloc(nbits: number, flags: gfp_t): Uint8Array | null {
	return kmalloc_bytes(BITS_TO_LONGS(nbits) * 8, flags);
}

/** lib/bitmap.c:bitmap_zalloc() */
export function bitmap_zalloc(nbits: number, flags: gfp_t): Uint8Array | null {
	return kzalloc_bytes(BITS_TO_LONGS(nbits) * 8, flags);
}

/** lib/bitmap.c:bitmap_free() */
export function bitmap_free(bitmap: Uint8Array | null): void {
	kfree(bitmap);
}

/* mask of the bits that count in the last byte */
function last_byte_mask(nbits: number): number {
	return 0xff >>> (-nbits & 7);
}

export function bitmap_zero(dst: Uint8Array, nbits: number): void {
	dst.fill(0, 0, BITS_TO_LONGS(nbits) * 8);
}

export function bitmap_fill(dst: Uint8Array, nbits: number): void {
	dst.fill(0xff, 0, BITS_TO_LONGS(nbits) * 8);
}

export function bitmap_copy(dst: Uint8Array, src: Uint8Array, nbits: number): void {
	dst.set(src.subarray(0, BITS_TO_LONGS(nbits) * 8));
}

/** Whether the result has a bit set. */
export function bitmap_and(dst: Uint8Array, src1: Uint8Array, src2: Uint8Array,
	nbits: number): boolean {
	const n = (nbits + 7) >>> 3;
	let result = 0;

	for (let k = 0; k < n; k++) {
		dst[k] = src1[k]! & src2[k]!;
		result |= k === n - 1 ? dst[k]! & last_byte_mask(nbits) : dst[k]!;
	}
	return result !== 0;
}

export function bitmap_or(dst: Uint8Array, src1: Uint8Array, src2: Uint8Array,
	nbits: number): void {
	const n = (nbits + 7) >>> 3;

	for (let k = 0; k < n; k++)
		dst[k] = src1[k]! | src2[k]!;
}

export function bitmap_xor(dst: Uint8Array, src1: Uint8Array, src2: Uint8Array,
	nbits: number): void {
	const n = (nbits + 7) >>> 3;

	for (let k = 0; k < n; k++)
		dst[k] = src1[k]! ^ src2[k]!;
}

/** Whether the result has a bit set. */
export function bitmap_andnot(dst: Uint8Array, src1: Uint8Array, src2: Uint8Array,
	nbits: number): boolean {
	const n = (nbits + 7) >>> 3;
	let result = 0;

	for (let k = 0; k < n; k++) {
		dst[k] = src1[k]! & ~src2[k]!;
		result |= k === n - 1 ? dst[k]! & last_byte_mask(nbits) : dst[k]!;
	}
	return result !== 0;
}

export function bitmap_complement(dst: Uint8Array, src: Uint8Array, nbits: number): void {
	const n = (nbits + 7) >>> 3;

	for (let k = 0; k < n; k++)
		dst[k] = ~src[k]!;
}

export function bitmap_equal(src1: Uint8Array, src2: Uint8Array, nbits: number): boolean {
	const n = nbits >>> 3;

	for (let k = 0; k < n; k++)
		if (src1[k] !== src2[k])
			return false;
	return (nbits & 7) === 0 || ((src1[n]! ^ src2[n]!) & last_byte_mask(nbits)) === 0;
}

export function bitmap_intersects(src1: Uint8Array, src2: Uint8Array, nbits: number): boolean {
	const n = nbits >>> 3;

	for (let k = 0; k < n; k++)
		if ((src1[k]! & src2[k]!) !== 0)
			return true;
	return (nbits & 7) !== 0 && (src1[n]! & src2[n]! & last_byte_mask(nbits)) !== 0;
}

export function bitmap_subset(src1: Uint8Array, src2: Uint8Array, nbits: number): boolean {
	const n = nbits >>> 3;

	for (let k = 0; k < n; k++)
		if ((src1[k]! & ~src2[k]!) !== 0)
			return false;
	return (nbits & 7) === 0 || (src1[n]! & ~src2[n]! & last_byte_mask(nbits)) === 0;
}

export function bitmap_empty(src: Uint8Array, nbits: number): boolean {
	return find_next_bit(src, nbits, 0) === nbits;
}

export function bitmap_full(src: Uint8Array, nbits: number): boolean {
	return find_next_zero_bit(src, nbits, 0) === nbits;
}

export function bitmap_weight(src: Uint8Array, nbits: number): number {
	const n = nbits >>> 3;
	let w = 0;

	for (let k = 0; k < n; k++)
		w += hweight32(src[k]!);
	if ((nbits & 7) !== 0)
		w += hweight32(src[n]! & last_byte_mask(nbits));
	return w;
}

/** lib/bitmap.c:__bitmap_set() */
export function bitmap_set(map: Uint8Array, start: number, nbits: number): void {
	for (let bit = start; bit < start + nbits;) {
		if ((bit & 7) === 0 && start + nbits - bit >= 8) {
			map[bit >>> 3] = 0xff;
			bit += 8;
		} else {
			map[bit >>> 3]! |= 1 << (bit & 7);
			bit++;
		}
	}
}

/** lib/bitmap.c:__bitmap_clear() */
export function bitmap_clear(map: Uint8Array, start: number, nbits: number): void {
	for (let bit = start; bit < start + nbits;) {
		if ((bit & 7) === 0 && start + nbits - bit >= 8) {
			map[bit >>> 3] = 0;
			bit += 8;
		} else {
			map[bit >>> 3]! &= ~(1 << (bit & 7));
			bit++;
		}
	}
}

/** lib/bitmap.c:bitmap_find_next_zero_area_off(): above @size if there is none. */
export function bitmap_find_next_zero_area_off(map: Uint8Array, size: number, start: number,
	nr: number, align_mask: number, align_offset: number): number {
	for (;;) {
		let index = find_next_zero_bit(map, size, start);

		index = ((index + align_offset + align_mask) & ~align_mask) - align_offset;

		const end = index + nr;
		if (end > size)
			return end;
		const i = find_next_bit(map, end, index);
		if (i >= end)
			return index;
		start = i + 1;
	}
}

export function bitmap_find_next_zero_area(map: Uint8Array, size: number, start: number, nr: number,
	align_mask: number): number {
	return bitmap_find_next_zero_area_off(map, size, start, nr, align_mask, 0);
}

/** lib/bitmap.c:bitmap_find_free_region(): a free, aligned block of 2^order bits; or -ENOMEM. */
export function bitmap_find_free_region(bitmap: Uint8Array, bits: number, order: number): number {
	const n = 1 << order;

	for (let pos = 0; pos + n <= bits; pos += n) {
		if (find_next_bit(bitmap, pos + n, pos) !== pos + n)
			continue;
		bitmap_set(bitmap, pos, n);
		return pos;
	}
	return -ENOMEM;
}

/** lib/bitmap.c:bitmap_release_region() */
export function bitmap_release_region(bitmap: Uint8Array, pos: number, order: number): void {
	bitmap_clear(bitmap, pos, 1 << order);
}
