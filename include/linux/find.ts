// SPDX-License-Identifier: GPL-2.0
/*
 * Searching bitmaps. All return @size when there is none.
 *
 * Upstream: include/linux/find.h, lib/find_bit.c.
 */

/* the first bit from @offset whose value, after the map was inverted by @invert, is 1 */
function _find_next_bit(addr: Uint8Array, size: number, offset: number, invert: number): number {
	if (offset >= size)
		return size;

	let at = offset >>> 3;
	let byte = (addr[at]! ^ invert) & (0xff << (offset & 7)) & 0xff;
	const last = (size - 1) >>> 3;

	while (byte === 0) {
		if (at === last)
			return size;
		byte = addr[++at]! ^ invert;
	}
	const bit = (at << 3) + 31 - Math.clz32(byte & -byte);
	return bit < size ? bit : size;
}

export function find_next_bit(addr: Uint8Array, size: number, offset: number): number {
	return _find_next_bit(addr, size, offset, 0);
}

export function find_next_zero_bit(addr: Uint8Array, size: number, offset: number): number {
	return _find_next_bit(addr, size, offset, 0xff);
}

export function find_first_bit(addr: Uint8Array, size: number): number {
	return _find_next_bit(addr, size, 0, 0);
}

export function find_first_zero_bit(addr: Uint8Array, size: number): number {
	return _find_next_bit(addr, size, 0, 0xff);
}

export function find_next_and_bit(addr1: Uint8Array, addr2: Uint8Array, size: number,
	offset: number): number {
	while (offset < size) {
		offset = find_next_bit(addr1, size, offset);
		if (offset >= size || (addr2[offset >>> 3]! & (1 << (offset & 7))) !== 0)
			return offset;
		offset++;
	}
	return size;
}

export function find_first_and_bit(addr1: Uint8Array, addr2: Uint8Array, size: number): number {
	return find_next_and_bit(addr1, addr2, size, 0);
}

export function find_last_bit(addr: Uint8Array, size: number): number {
	for (let at = (size - 1) >>> 3; at >= 0 && size > 0; at--) {
		const rest = size - (at << 3);
		const byte = addr[at]! & (rest >= 8 ? 0xff : (1 << rest) - 1);

		if (byte !== 0)
			return (at << 3) + 31 - Math.clz32(byte);
	}
	return size;
}

export {
	find_next_bit as find_next_bit_le, find_next_zero_bit as find_next_zero_bit_le,
	find_first_zero_bit as find_first_zero_bit_le,
};

class bit_iter implements IterableIterator<number> {
	done = false;
	value = 0;
	private offset: number;
	private readonly addr: Uint8Array;
	private readonly size: number;
	private readonly invert: number;
	constructor(addr: Uint8Array, size: number, offset: number, invert: number) {
		this.addr = addr;
		this.size = size;
		this.offset = offset;
		this.invert = invert;
	}
	[Symbol.iterator](): this {
		return this;
	}
	next(): IteratorResult<number> {
		this.value = _find_next_bit(this.addr, this.size, this.offset, this.invert);
		this.done = this.value >= this.size;
		this.offset = this.value + 1;
		return this as unknown as IteratorResult<number>;
	}
}

export function for_each_set_bit(addr: Uint8Array, size: number): IterableIterator<number> {
	return new bit_iter(addr, size, 0, 0);
}

export function for_each_set_bit_from(bit: number, addr: Uint8Array,
	size: number): IterableIterator<number> {
	return new bit_iter(addr, size, bit, 0);
}

export function for_each_clear_bit(addr: Uint8Array, size: number): IterableIterator<number> {
	return new bit_iter(addr, size, 0, 0xff);
}

export function for_each_clear_bit_from(bit: number, addr: Uint8Array,
	size: number): IterableIterator<number> {
	return new bit_iter(addr, size, bit, 0xff);
}
