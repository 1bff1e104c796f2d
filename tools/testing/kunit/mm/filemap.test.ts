// SPDX-License-Identifier: GPL-2.0
/*
 * The page cache under a toy filesystem whose bytes are made up by ->read_folio(): reads, faults,
 * fault-around, truncation, invalidation, shadow entries, and the folio lock.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { type pgoff_t, PGOFF_MAX, ref } from "#asm-generic/types.ts";
import { EIO } from "#linux/errno.ts";
import { alloc_file_pseudo, fput } from "#linux/file.ts";
import { __kernel_read, alloc_anon_inode, generic_file_mmap, generic_file_read_iter,
	i_size_write } from "#linux/fs.ts";
import type { struct_address_space, struct_address_space_operations, struct_file,
	struct_file_operations, struct_inode } from "#linux/fs.types.ts";
import { folio_put, folio_nr_pages, put_page, truncate_inode_pages_final, truncate_pagecache,
	truncate_pagecache_range, vm_mmap, vm_munmap } from "#linux/mm.ts";
import type { struct_folio } from "#linux/mm_types.ts";
import { folio_mark_uptodate, folio_set_dirty, folio_test_uptodate } from "#linux/page-flags.ts";
import { filemap_get_folio, filemap_lock_folio, find_get_pages_contig, folio_lock, folio_trylock,
	folio_unlock, invalidate_inode_pages2, invalidate_mapping_pages, mapping_empty,
	noop_dirty_folio, page_cache_next_miss, page_cache_prev_miss, read_mapping_folio } from
	"#linux/pagemap.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { current } from "#linux/sched.ts";
import { lru_add_drain_all } from "#linux/swap.ts";
import { task_work_run } from "#linux/task_work.ts";
import { copy_from_user } from "#linux/uaccess.ts";
import { xa_load, xa_mk_value, xa_store_irq } from "#linux/xarray.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { page_bytes } from "#asm/page.ts";
import { translate } from "#tools/testing/kunit/mm/mm_env.ts";
import { boot_shmem, file_under_test, in_use } from "#tools/testing/kunit/mm/shmem_env.ts";

const PAGE = 4096;
const index = (n: number): pgoff_t => n as pgoff_t;
const byte_of = (page: number): number => page % 251 + 1;

let reads = 0;
/* pages that cannot be read */
const bad = new Set<number>();

function toy_read_folio(_file: struct_file | null, folio: struct_folio): number {
	reads++;
	if (bad.has(folio.index)) {
		folio_unlock(folio);
		return 0;
	}
	page_bytes(folio).fill(byte_of(folio.index));
	folio_mark_uptodate(folio);
	folio_unlock(folio);
	return 0;
}

const toy_aops: struct_address_space_operations = {
	read_folio:	toy_read_folio,
	dirty_folio:	noop_dirty_folio,
};

const toy_fops: struct_file_operations = {
	read_iter:	generic_file_read_iter,
	mmap:		generic_file_mmap,
};

let base: file_under_test;
let before: ReturnType<typeof in_use>;

class toy_file {
	readonly file: struct_file;
	readonly inode: struct_inode;
	readonly mapping: struct_address_space;

	constructor(size: number) {
		const inode = alloc_anon_inode(base.file.f_inode!.i_sb!) as struct_inode | err_ptr;
		if (IS_ERR(inode))
			throw new Error(`alloc_anon_inode: ${PTR_ERR(inode)}`);
		inode.i_mode |= 0o100000;
		inode.i_mapping.a_ops = toy_aops;
		inode.i_blocks = 0;
		i_size_write(inode, BigInt(size));
		const file = alloc_file_pseudo(inode, base.file.f_path.mnt!, "toy", 2, toy_fops) as
			struct_file | err_ptr;
		if (IS_ERR(file))
			throw new Error(`alloc_file_pseudo: ${PTR_ERR(file)}`);
		this.file = file;
		this.inode = inode;
		this.mapping = inode.i_mapping;
		reads = 0;
	}
	read(pos: number, len: number): Uint8Array | number {
		const buf = new Uint8Array(len);
		const ret = __kernel_read(this.file, buf, len, new ref(BigInt(pos)));
		return ret < 0 ? ret : buf.subarray(0, ret);
	}
	cached(): number[] {
		const found: number[] = [];
		for (let i = 0; i < 64; i++) {
			const folio = filemap_get_folio(this.mapping, index(i));
			if (folio) {
				found.push(i);
				folio_put(folio);
			}
		}
		return found;
	}
	release(): void {
		truncate_inode_pages_final(this.mapping);
		fput(this.file);
		task_work_run();
	}
}

beforeAll(() => {
	boot_shmem();
	base = file_under_test.create(0);
	const f = new toy_file(PAGE);
	f.read(0, 1);
	f.release();
	before = in_use();
});

afterAll(() => {
	expect(in_use()).toEqual(before);
});

describe("reading", () => {
	test("each page is read once, and not beyond the end", () => {
		const f = new toy_file(5 * PAGE + 100);

		expect(f.read(PAGE - 1, 2)).toEqual(Uint8Array.of(byte_of(0), byte_of(1)));
		expect(f.read(5 * PAGE, PAGE)).toEqual(new Uint8Array(100).fill(byte_of(5)));
		expect(f.read(5 * PAGE + 100, 1)).toEqual(new Uint8Array(0));
		expect(f.read(0, 8 * PAGE) as Uint8Array).toHaveLength(5 * PAGE + 100);
		expect(reads).toBe(6);
		expect(f.cached()).toEqual([0, 1, 2, 3, 4, 5]);
		expect(f.mapping.nrpages).toBe(6);
		f.release();
	});

	test("a page that cannot be read is an error, or the end of a short read", () => {
		const f = new toy_file(4 * PAGE);

		bad.add(2);
		expect(f.read(2 * PAGE, 1)).toBe(-EIO);
		expect(f.read(0, 4 * PAGE) as Uint8Array).toHaveLength(2 * PAGE);
		bad.clear();
		expect(f.read(2 * PAGE, 1)).toEqual(Uint8Array.of(byte_of(2)));
		f.release();
	});

	test("gaps and runs", () => {
		const f = new toy_file(16 * PAGE);
		for (const i of [0, 1, 2, 5, 6])
			f.read(i * PAGE, 1);

		rcu_read_lock();
		expect(page_cache_next_miss(f.mapping, index(1), 16)).toBe(3);
		expect(page_cache_prev_miss(f.mapping, index(6), 16)).toBe(4);
		rcu_read_unlock();
		const pages: never[] = [];
		expect(find_get_pages_contig(f.mapping, index(0), 15, pages)).toBe(3);
		for (const page of pages)
			put_page(page);
		expect(find_get_pages_contig(f.mapping, index(3), 15, pages)).toBe(0);
		f.release();
	});

	test("read_mapping_folio()", () => {
		const f = new toy_file(16 * PAGE);
		const folio = read_mapping_folio(f.mapping, index(7), f.file) as struct_folio;
		expect(folio_test_uptodate(folio)).toBe(true);
		expect(page_bytes(folio)[17]).toBe(byte_of(7));
		folio_put(folio);
		f.release();
	});
});

describe("mapped", () => {
	test("a fault brings the page in, and maps what is cached around it", () => {
		const f = new toy_file(32 * PAGE);
		const addr = vm_mmap(f.file, 0, 32 * PAGE, 1, 2, 0);
		const cell = new Uint8Array(1);
		const mapped = (i: number): boolean =>
			translate(current.mm!, addr + i * PAGE) !== null;

		expect(addr).toBeGreaterThan(0);
		for (const i of [3, 4, 9])
			f.read(i * PAGE, 1);
		reads = 0;
		expect(copy_from_user(cell, addr + 3 * PAGE + 5, 1)).toBe(0);
		expect(cell[0]).toBe(byte_of(3));
		expect(reads).toBe(0);
		expect([3, 4, 9].every(mapped)).toBe(true);
		expect([0, 5, 10].some(mapped)).toBe(false);

		expect(copy_from_user(cell, addr + 5 * PAGE, 1)).toBe(0);
		expect(cell[0]).toBe(byte_of(5));
		expect(reads).toBe(1);
		vm_munmap(addr, 32 * PAGE);
		f.release();
	});

	test("truncation takes pages from page tables and cache, punching leaves the rest", () => {
		const f = new toy_file(32 * PAGE);
		const addr = vm_mmap(f.file, 0, 32 * PAGE, 1, 1, 0);
		const cell = new Uint8Array(1);
		const peek = (i: number): number =>
			copy_from_user(cell, addr + i * PAGE, 1) ? -1 : cell[0]!;

		for (let i = 0; i < 32; i++)
			expect(peek(i)).toBe(byte_of(i));

		truncate_pagecache_range(f.inode, BigInt(4 * PAGE - 10), BigInt(6 * PAGE + 9));
		expect(translate(current.mm!, addr + 4 * PAGE)).toBe(null);
		expect(f.read(4 * PAGE - 11, 12)).toEqual(
			Uint8Array.of(byte_of(3), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte_of(4)));
		expect((f.read(6 * PAGE, 11) as Uint8Array)[9]).toBe(0);
		expect((f.read(6 * PAGE, 11) as Uint8Array)[10]).toBe(byte_of(6));

		i_size_write(f.inode, BigInt(8 * PAGE + 1));
		truncate_pagecache(f.inode, BigInt(8 * PAGE + 1));
		expect(f.cached().every((i) => i <= 8)).toBe(true);
		expect(peek(8)).toBe(byte_of(8));
		expect(peek(9)).toBe(-1);
		vm_munmap(addr, 32 * PAGE);
		f.release();
	});
});

describe("invalidation", () => {
	test("clean pages that nobody holds go, others stay", () => {
		const f = new toy_file(8 * PAGE);
		f.read(0, 8 * PAGE);

		const held = filemap_get_folio(f.mapping, index(1))!;
		const locked = filemap_lock_folio(f.mapping, index(3))!;
		const dirty = filemap_lock_folio(f.mapping, index(5))!;
		folio_set_dirty(dirty);
		folio_unlock(dirty);
		folio_put(dirty);
		/* batches on their way to the LRU hold references too */
		lru_add_drain_all();
		invalidate_mapping_pages(f.mapping, index(0), PGOFF_MAX);
		expect(f.cached()).toEqual([1, 3, 5]);
		folio_unlock(locked);
		folio_put(locked);
		folio_put(held);

		/* -EBUSY for the dirty one */
		expect(invalidate_inode_pages2(f.mapping)).toBeLessThan(0);
		expect(f.cached()).toEqual([5]);
		f.release();
	});

	test("shadow entries are no pages, and truncation drops them", () => {
		const f = new toy_file(8 * PAGE);
		f.read(0, 1);
		xa_store_irq(f.mapping.i_pages, 2, xa_mk_value(7), GFP_KERNEL);

		expect(filemap_get_folio(f.mapping, index(2))).toBe(null);
		expect(f.read(2 * PAGE, 1)).toEqual(Uint8Array.of(byte_of(2)));
		expect(f.mapping.nrpages).toBe(2);
		xa_store_irq(f.mapping.i_pages, 4, xa_mk_value(7), GFP_KERNEL);
		expect(xa_load(f.mapping.i_pages, 4)).toBe(xa_mk_value(7));
		truncate_inode_pages_final(f.mapping);
		expect(mapping_empty(f.mapping)).toBe(true);
		expect(f.mapping.nrpages).toBe(0);
		f.release();
	});
});

describe("the folio lock", () => {
	test("waiting for a lock that nobody can release is a BUG", () => {
		const f = new toy_file(PAGE);
		f.read(0, 1);
		const folio = filemap_lock_folio(f.mapping, index(0))!;

		expect(folio_nr_pages(folio)).toBe(1);
		expect(folio_trylock(folio)).toBe(false);
		expect(() => folio_lock(folio)).toThrow();
		folio_unlock(folio);
		expect(folio_trylock(folio)).toBe(true);
		folio_unlock(folio);
		folio_put(folio);
		f.release();
	});
});
