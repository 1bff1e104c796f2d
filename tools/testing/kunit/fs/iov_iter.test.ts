// SPDX-License-Identifier: GPL-2.0
/*
 * Iterators over memory.
 */
import { describe, expect, it } from "vitest";
import { ref } from "#asm-generic/types.ts";
import { EFAULT, EINVAL } from "#linux/errno.ts";
import { GFP_KERNEL, __free_pages, alloc_pages } from "#linux/gfp.ts";
import { page_bytes } from "#asm/page.ts";
import { MAX_RW_COUNT } from "#linux/fs.const.ts";
import { READ, WRITE, copy_from_iter_full, copy_page_from_iter_atomic, copy_page_to_iter,
	copy_to_iter, fault_in_iov_iter_readable, import_iovec, iov_iter_advance, iov_iter_bvec,
	iov_iter_count, iov_iter_discard, iov_iter_kvec, iov_iter_npages, iov_iter_revert,
	iov_iter_single_seg_count, iov_iter_truncate, iov_iter_ubuf, iov_iter_zero, struct_bio_vec,
	struct_iov_iter, type struct_iovec, struct_kvec, copy_from_iter } from "#linux/uio.ts";
import { peek, poke, syscall } from "#tools/include/nolibc/arch.ts";
import { alloca } from "#tools/include/nolibc/stack.ts";
import { memfd_create, read_bytes, lseek } from "#tools/include/nolibc/sys.ts";
import { mmap, munmap } from "#tools/include/nolibc/mman.ts";
import { boot_fs, in_task } from "./fs_env.ts";

boot_fs();

const count = (n: number, from = 0): Uint8Array =>
	Uint8Array.from({ length: n }, (_, i) => from + i);

function kvec_iter(direction: number, ...lens: number[]): [struct_iov_iter, Uint8Array[]] {
	const bufs = lens.map((n) => new Uint8Array(n));
	const i = new struct_iov_iter();

	iov_iter_kvec(i, direction, bufs.map((b) => new struct_kvec(b, b.length)), bufs.length,
		lens.reduce((a, b) => a + b, 0));
	return [i, bufs];
}

describe("kernel vectors", () => {
	it("copy across segments, and step back", () => {
		const [i, bufs] = kvec_iter(READ, 3, 0, 4, 5);

		expect(copy_to_iter(count(5), 5, i)).toBe(5);
		expect([iov_iter_count(i), iov_iter_single_seg_count(i), i.nr_segs])
			.toEqual([7, 2, 2]);
		iov_iter_revert(i, 4);
		expect(copy_to_iter(count(11, 10), 11, i)).toBe(11);
		expect(bufs.map((b) => [...b])).toEqual([[0, 10, 11], [], [12, 13, 14, 15],
			[16, 17, 18, 19, 20]]);
		expect(iov_iter_count(i)).toBe(0);
		expect(copy_to_iter(count(1), 1, i)).toBe(0);
	});

	it("advance like copies do", () => {
		const [i, bufs] = kvec_iter(WRITE, 3, 4, 5);
		const to = new Uint8Array(4);

		bufs.forEach((b, n) => b.set(count(b.length, 10 * n)));
		iov_iter_advance(i, 5);
		expect(copy_from_iter(to, 4, i)).toBe(4);
		expect([...to]).toEqual([12, 13, 20, 21]);
		iov_iter_truncate(i, 2);
		expect(copy_from_iter_full(to, 3, i)).toBe(false);
		expect(iov_iter_count(i)).toBe(2);
		expect(copy_from_iter_full(to, 2, i)).toBe(true);
	});

	it("discard counts only", () => {
		const i = new struct_iov_iter();

		iov_iter_discard(i, READ, 10);
		expect(copy_to_iter(count(4), 4, i)).toBe(4);
		iov_iter_advance(i, 6);
		expect(iov_iter_count(i)).toBe(0);
	});
});

describe("pages", () => {
	it("of a compound page, from and to", () => {
		in_task(() => {
			const page = alloc_pages(GFP_KERNEL | 0x40000, 1)!;	/* __GFP_COMP */
			const [from] = kvec_iter(WRITE, 6);
			const i = new struct_iov_iter(), bv = new struct_bio_vec();

			from.kvec![0]!.iov_base.set(count(6, 1));
			bv.bv_page = page;
			bv.bv_offset = 4092;
			bv.bv_len = 8;
			iov_iter_bvec(i, READ, [bv], 1, 8);
			expect(iov_iter_npages(i, 9)).toBe(2);
			expect(iov_iter_zero(8, i)).toBe(8);
			iov_iter_revert(i, 8);
			expect(copy_to_iter(count(6, 1), 6, i)).toBe(6);
			const [to, bufs] = kvec_iter(READ, 8);
			expect(copy_page_to_iter(page, 4092, 8, to)).toBe(8);
			expect([...bufs[0]!]).toEqual([1, 2, 3, 4, 5, 6, 0, 0]);
			expect(copy_page_from_iter_atomic(page, 4096, 6, from)).toBe(6);
			__free_pages(page, 1);
		});
	});
});

describe("user memory", () => {
	it("stops at the first byte that is not there", () => {
		in_task(() => {
			const p = mmap(0, 8192, 3, 0x22, -1, 0);
			const page = alloc_pages(GFP_KERNEL, 0)!;
			const i = new struct_iov_iter();

			poke(p, new Uint8Array(4096).fill(7));
			munmap(p + 4096, 4096);
			iov_iter_ubuf(i, READ, p + 4000, 200);
			expect(copy_to_iter(count(200), 200, i)).toBe(96);
			expect(iov_iter_count(i)).toBe(104);
			expect(peek(p + 4095, 1)[0]).toBe(95);

			iov_iter_ubuf(i, WRITE, p + 4090, 20);
			expect(fault_in_iov_iter_readable(i, 20)).toBe(14);
			expect(copy_page_from_iter_atomic(page, 100, 20, i)).toBe(6);
			expect(page_bytes(page)[105]).toBe(95);
			__free_pages(page, 0);
		});
	});

	it("is not faulted in by atomic copies", () => {
		in_task(() => {
			const p = mmap(0, 4096, 3, 0x22, -1, 0);
			const page = alloc_pages(GFP_KERNEL, 0)!;
			const i = new struct_iov_iter();

			iov_iter_ubuf(i, WRITE, p, 100);
			expect(copy_page_from_iter_atomic(page, 0, 100, i)).toBe(0);
			expect(fault_in_iov_iter_readable(i, 100)).toBe(0);
			expect(copy_page_from_iter_atomic(page, 0, 100, i)).toBe(100);
			__free_pages(page, 0);
		});
	});

	it("comes in vectors that are checked", () => {
		in_task(() => {
			const v = alloca(1025 * 16);
			const iov = new ref<struct_iovec[] | null>(null);
			const i = new struct_iov_iter();
			const set = (...segs: [bigint, bigint][]): void =>
				poke(v, new Uint8Array(BigUint64Array.from(segs.flat()).buffer));

			set([4096n, 10n], [8192n, 0n], [12288n, 20n]);
			expect(import_iovec(READ, v, 3n, iov, i)).toBe(30);
			expect([iov.v, i.nr_segs]).toEqual([null, 3]);
			expect(import_iovec(READ, v, 0n, iov, i)).toBe(0);
			expect(import_iovec(READ, v, 1025n, iov, i)).toBe(-EINVAL);
			expect(import_iovec(READ, 0x1000, 1n, iov, i)).toBe(-EFAULT);
			set([4096n, 1n << 63n]);
			expect(import_iovec(READ, v, 1n, iov, i)).toBe(-EINVAL);
			set([1n << 47n, 8n]);
			expect(import_iovec(READ, v, 1n, iov, i)).toBe(-EFAULT);
			set([4096n, 0x7ffff000n], [4096n, 5000n]);
			expect(import_iovec(READ, v, 2n, iov, i)).toBe(MAX_RW_COUNT);
		});
	});

	it("writev() and readv()", () => {
		in_task(() => {
			const fd = memfd_create("v", 0);
			const v = alloca(64), a = alloca(16), b = alloca(16);

			poke(a, count(16, 1));
			poke(b, count(16, 100));
			const iov = BigUint64Array.of(BigInt(a), 3n, BigInt(b), 2n);
			poke(v, new Uint8Array(iov.buffer));
			expect(syscall(20, fd, v, 2)).toBe(5);
			lseek(fd, 0, 0);
			expect([...read_bytes(fd, 9)!]).toEqual([1, 2, 3, 100, 101]);
			expect(syscall(295, fd, v, 2, 1, 0)).toBe(4);
			expect([...peek(a, 4), ...peek(b, 2)]).toEqual([2, 3, 100, 4, 101, 101]);
		});
	});
});
