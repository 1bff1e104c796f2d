// SPDX-License-Identifier: GPL-2.0
/*
 * RAM blocks: memory that the VMM has mapped, with a file behind it or not, and beside it perhaps a
 * file of private memory that nobody maps.
 *
 * Port-only; after QEMU's softmmu/physmem.c and the series' QEMU branch.
 */
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { MADV_DONTNEED, MADV_REMOVE } from "#uapi/linux/mman.ts";
import { errno, fallocate, fstat, madvise, mincore, peek, strerror, with_bytes } from
	"#tools/include/nolibc/nolibc.ts";
import { error_report } from "#tools/qemu/util/error-report.ts";

export const PAGE = 4096;

export interface ram_block {
	readonly idstr: string;
	/** where it is mapped */
	readonly host: number;
	/** bytes */
	readonly length: number;
	readonly page_size: number;
	/** -1: anonymous */
	readonly fd: number;
	/** -1: none */
	readonly private_fd: number;
	readonly shared: boolean;
}

const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

function failed(what: string, rb: ram_block, start: number, length: number): number {
	const e = -errno();

	error_report(`${what} ${rb.idstr}:${start.toString(16)} +${length.toString(16)} (${e})`);
	return e;
}

/** softmmu/physmem.c:ram_block_discard_range(): gives the shared pages back. */
export function ram_block_discard_range(rb: ram_block, start: number, length: number): number {
	const who = "ram_block_discard_range";

	if (start % rb.page_size !== 0) {
		error_report(`${who}: Unaligned start address: 0x${(rb.host + start).toString(16)}`);
		return -1;
	}
	if (start + length > rb.length) {
		error_report(`${who}: Overrun block '${rb.idstr}' (${start}/${length.toString(16)}/` +
			`${rb.length.toString(16)})`);
		return -1;
	}
	if (length % rb.page_size !== 0) {
		error_report(`${who}: Unaligned length: ${length.toString(16)}`);
		return -1;
	}
	if (rb.fd >= 0 && fallocate(rb.fd, PUNCH, start, length) !== 0)
		return failed(`${who}: Failed to fallocate`, rb, start, length);
	if (rb.page_size === PAGE && madvise(rb.host + start, length,
		rb.shared && rb.fd < 0 ? MADV_REMOVE : MADV_DONTNEED) !== 0)
		return failed(`${who}: Failed to discard range`, rb, start, length);
	return 0;
}

/**
 * ram_block_convert_range() of the series' QEMU branch: memory for the side that the guest wants,
 * and none on the other. The shared side fills when it is touched.
 */
export function ram_block_convert_range(rb: ram_block, start: number, length: number,
	to_private: boolean): number {
	if (start % PAGE !== 0 || length % PAGE !== 0 || length <= 0 ||
	    start + length > rb.length) {
		error_report(`ram_block_convert_range: invalid range: ${rb.idstr}:${start.toString(16)} ` +
			`+${length.toString(16)}`);
		return -1;
	}
	if (to_private) {
		if (fallocate(rb.private_fd, 0, start, length) !== 0)
			return failed("ram_block_convert_range: Failed to allocate private memory",
				rb, start, length);
		return ram_block_discard_range(rb, start, length);
	}
	if (fallocate(rb.private_fd, PUNCH, start, length) !== 0)
		return failed("ram_block_convert_range: Failed to free private memory", rb, start, length);
	return 0;
}

/** Pages that the private file holds; 0 without one, -1 if the kernel does not say. */
export function ram_block_private_pages(rb: ram_block): number {
	if (rb.private_fd < 0)
		return 0;
	const st = fstat(rb.private_fd);
	return st === null ? -1 : Number(st.st_blocks) * 512 / PAGE;
}

/** Pages that are there on the shared side. */
export function ram_block_shared_pages(rb: ram_block): number {
	if (rb.fd >= 0 && rb.shared) {
		const st = fstat(rb.fd);
		return st === null ? -1 : Number(st.st_blocks) * 512 / PAGE;
	}
	const vec = new Uint8Array(rb.length / PAGE);
	let n = 0;
	for (let at = 0; at < vec.length; at += 4096) {
		const part = vec.subarray(at, Math.min(at + 4096, vec.length));
		with_bytes(part, (p) => mincore(rb.host + at * PAGE, part.length * PAGE, p));
		for (const x of part)
			n += x & 1;
	}
	return n;
}

/** A range as the VMM sees it: the shared side. */
export function ram_block_read(rb: ram_block, at: number, length: number): Uint8Array {
	return peek(rb.host + at, length);
}

export const errno_text = (e: number): string => strerror(Math.abs(e));
