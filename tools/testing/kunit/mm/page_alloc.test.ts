// SPDX-License-Identifier: GPL-2.0
/*
 * The page allocator: random operations against a naive model, exhaustion, failures on request,
 * compound pages made late, contiguous ranges, and a terabyte that costs nothing.
 */
import { __find_buddy_pfn } from "#mm/internal.h.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { pfn_nr } from "#asm-generic/types.ts";
import {
	GFP_ATOMIC, GFP_DMA32, GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_NOWAIT, GFP_TRANSHUGE_LIGHT,
	__GFP_COMP, __GFP_DIRECT_RECLAIM, __GFP_MEMALLOC, __GFP_NOWARN, __GFP_RECLAIMABLE,
	__GFP_ZERO, __free_page, __free_pages, alloc_contig_pages, alloc_page, alloc_pages,
	alloc_pages_bulk_array, drain_all_pages, folio_alloc, free_contig_range,
} from "#linux/gfp.ts";
import { folio_put, page_zone, put_page, split_page } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import {
	MAX_ORDER, MIGRATE_MOVABLE, MIGRATE_UNMOVABLE, NR_FREE_PAGES, contig_page_data,
	for_each_zone, get_pageblock_migratetype, mem_section, pfn_to_made_page, pfn_to_page,
	pfn_valid,
} from "#linux/mmzone.ts";
import {
	PG_head, PG_locked, PG_reserved, PageBuddy, PageHead, PageReserved, PageTail,
	is_free_buddy_page, put_page_back_buddy, take_page_off_buddy,
} from "#linux/page-flags.ts";
import { get_taint, warn_count } from "#linux/panic.ts";
import { current } from "#linux/sched.ts";
import {
	folio_add_lru, folio_mark_accessed, lru_add_drain, lru_add_drain_all, lru_cache_disable,
	lru_cache_enable,
} from "#linux/swap.ts";
import {
	NR_ACTIVE_ANON, NR_INACTIVE_ANON, NR_INACTIVE_FILE, PGFREE, buddyinfo_text,
	global_node_page_state, global_zone_page_state, pages_in_use, vm_event_states, vmstat_text,
} from "#linux/vmstat.ts";
import { memcpy_from_page, memcpy_to_page, page_bytes } from "#asm/page.ts";
import { free_unref_page_list } from "#mm/page_alloc.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { GiB, MiB, boot_memory, fault_file, printed } from "#tools/testing/kunit/mm/alloc_env.ts";

/* expect() is too slow for the inner loops */
function must(ok: boolean, what: string): void {
	if (!ok)
		throw new Error(what);
}

const free_pages_now = (): number => global_zone_page_state(NR_FREE_PAGES);

/** Every free page is on one list, once, in blocks that are as large as they can be. */
function check_buddies(): void {
	let on_lists = 0, deferred = 0, on_cpus = 0;

	for (const zone of for_each_zone()) {
		deferred += zone.nr_deferred;
		for (const pcp of zone.per_cpu_pageset)
			on_cpus += pcp.count;
		zone.free_area.forEach((area, order) => {
			let nr = 0;

			for (const head of area.free_list)
				for (let p = head.next; p !== head; p = p.next) {
					const page = p.owner as struct_page;
					const buddy_pfn = __find_buddy_pfn(page.pfn, order);
					const buddy = pfn_valid(buddy_pfn) ?
						pfn_to_made_page(buddy_pfn) : null;

					must(PageBuddy(page) && page.private_ === order, "no free block");
					must(page._refcount === 0, "referenced");
					must((page.pfn & ((1 << order) - 1)) === 0, "unaligned");
					must(page_zone(page) === zone, "wrong zone");
					if (order < MAX_ORDER - 1 && buddy !== null &&
					    page_zone(buddy) === zone)
						must(!PageBuddy(buddy) || buddy.private_ !== order, "not merged");
					nr++;
				}
			expect(area.nr_free).toBe(nr);
			on_lists += nr << order;
		});
	}
	expect(on_lists + deferred).toBe(free_pages_now());
	expect(pages_in_use()).toBe(managed() - on_lists - deferred - on_cpus);
}

function managed(): number {
	return for_each_zone().reduce((n, z) => n + z.managed_pages, 0);
}

describe("random operations", () => {
	interface block {
		page: struct_page;
		order: number;
		mark: number;
	}

	/** One owner per frame. */
	class model {
		readonly owner = new Map<number, block>();
		readonly blocks: block[] = [];
		add(b: block): void {
			const end = b.page.pfn + (1 << b.order);
			for (let pfn: number = b.page.pfn; pfn < end; pfn++) {
				must(!this.owner.has(pfn), `frame ${pfn} twice`);
				this.owner.set(pfn, b);
			}
			this.blocks.push(b);
		}
		remove(b: block): void {
			for (let pfn: number = b.page.pfn; pfn < b.page.pfn + (1 << b.order); pfn++)
				this.owner.delete(pfn);
			this.blocks.splice(this.blocks.indexOf(b), 1);
		}
		pages(): number {
			return this.owner.size;
		}
	}

	const GFPS = [GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_DMA32, GFP_ATOMIC, GFP_HIGHUSER_MOVABLE | __GFP_COMP,
		GFP_KERNEL | __GFP_COMP | __GFP_ZERO];
	const word = new Uint8Array(4), ZEROES = new Uint8Array(4096);

	function stamp(b: block): void {
		for (const at of [0, (1 << b.order) - 1]) {
			new DataView(word.buffer).setUint32(0, b.mark);
			memcpy_to_page(pfn_to_page(pfn_nr(b.page.pfn + at)), 4092, word, 4);
		}
	}

	function stamp_ok(b: block): boolean {
		return [0, (1 << b.order) - 1].every((at) => {
			memcpy_from_page(word, pfn_to_page(pfn_nr(b.page.pfn + at)), 4092, 4);
			return new DataView(word.buffer).getUint32(0) === b.mark;
		});
	}

	test.each(seeds(6))("seed %i", (seed) => {
		const r = new prng(seed), m = new model();

		boot_memory(48 * MiB, 2, [{ base: 9 * MiB, size: 3 * MiB }]);
		const before = buddyinfo_text(), free_before = free_pages_now();

		for (let i = 0; i < 4000; i++) {
			if (r.chance(i < 3000 ? 11 : 6, 20)) {
				const order = r.chance(3, 4) ? r.below(4) : r.below(MAX_ORDER);
				const gfp = (r.pick(GFPS) | __GFP_NOWARN) & ~__GFP_DIRECT_RECLAIM;
				const page = alloc_pages(gfp, order);

				if (page === null)
					continue;
				must(page._refcount === 1, "not one reference");
				must((page.pfn & ((1 << order) - 1)) === 0, "unaligned");
				must(!PageReserved(page), "reserved");
				must(PageHead(page) === (order > 0 && (gfp & __GFP_COMP) !== 0), "head");
				if ((gfp & __GFP_ZERO) !== 0)
					must(Buffer.compare(page_bytes(page), ZEROES) === 0, "not zeroed");
				const b = { page, order, mark: r.u32() };
				m.add(b);
				stamp(b);
			} else if (m.blocks.length !== 0) {
				const b = r.pick(m.blocks);

				must(stamp_ok(b), "contents changed");
				m.remove(b);
				if (PageHead(b.page) && r.chance(1, 2)) {
					put_page(b.page);
				} else if (!PageHead(b.page) && b.order > 0 && r.chance(1, 3)) {
					split_page(b.page, b.order);
					for (let j = 0; j < 1 << b.order; j++)
						__free_page(pfn_to_page(pfn_nr(b.page.pfn + j)));
				} else {
					__free_pages(b.page, b.order);
				}
			} else if (r.chance(1, 8)) {
				drain_all_pages(null);
			}
			if (i % 500 === 0) {
				expect(pages_in_use()).toBe(m.pages());
				check_buddies();
			}
		}
		for (const b of [...m.blocks]) {
			m.remove(b);
			__free_pages(b.page, b.order);
		}
		drain_all_pages(null);
		check_buddies();
		expect(pages_in_use()).toBe(0);
		expect(free_pages_now()).toBe(free_before);
		expect(buddyinfo_text()).toBe(before);
		expect(get_taint()).toBe(0);
		expect(warn_count).toBe(0);
	});
});

describe("zones and watermarks", () => {
	beforeEach(() => boot_memory(32 * MiB));

	test("memory runs out, the reserves last longer, and everything comes back", () => {
		const pages: struct_page[] = [];
		const take = (gfp: number): number => {
			let n = 0;
			for (let p; (p = alloc_page(gfp | __GFP_NOWARN)) !== null; n++)
				pages.push(p);
			return n;
		};
		const total = free_pages_now();
		const nr_nowait = take(GFP_NOWAIT);

		expect(nr_nowait).toBeGreaterThan(total * 0.9);
		const nr_atomic = take(GFP_ATOMIC);
		expect(nr_atomic).toBeGreaterThan(0);
		take(GFP_NOWAIT | __GFP_MEMALLOC);
		expect(pages.length).toBe(total);
		expect(new Set(pages.map((p) => p.pfn)).size).toBe(total);
		for (const p of pages)
			__free_page(p);
		drain_all_pages(null);
		expect(free_pages_now()).toBe(total);
		check_buddies();
	});

	test("a failed allocation says so", () => {
		const pages: struct_page[] = [];
		for (let p; (p = alloc_pages(GFP_NOWAIT | __GFP_NOWARN, 6)) !== null;)
			pages.push(p);
		printed();
		expect(alloc_pages(GFP_NOWAIT, 10)).toBe(null);
		expect(printed()).toMatch(/page allocation failure: order:10, mode:0x800/);
		for (const p of pages)
			__free_pages(p, 6);
	});

	test("GFP_DMA32 stays below 4 GiB, the rest starts above", () => {
		boot_memory(6 * GiB);
		const low = alloc_page(GFP_DMA32)!, high = alloc_page(GFP_KERNEL)!;

		expect(low.pfn).toBeLessThan(2 ** 20);
		expect(high.pfn).toBeGreaterThanOrEqual(2 ** 20);
		__free_page(low);
		__free_page(high);
	});

	test("an unmovable allocation takes a whole pageblock", () => {
		const movable = alloc_page(GFP_HIGHUSER_MOVABLE)!;
		const unmovable = alloc_page(GFP_KERNEL)!;

		expect(get_pageblock_migratetype(movable)).toBe(MIGRATE_MOVABLE);
		expect(get_pageblock_migratetype(unmovable)).toBe(MIGRATE_UNMOVABLE);
		__free_page(movable);
		__free_page(unmovable);
	});

	test("freed pages are the next to be used", () => {
		const a = alloc_page(GFP_KERNEL)!, b = alloc_page(GFP_KERNEL)!;
		__free_page(a);
		__free_page(b);
		expect(alloc_page(GFP_KERNEL)).toBe(b);
		expect(alloc_page(GFP_KERNEL)).toBe(a);
		__free_page(a);
		__free_page(b);
	});

	test("bulk", () => {
		const pages: (struct_page | null)[] = new Array<null>(100).fill(null);
		pages[3] = alloc_page(GFP_KERNEL);
		expect(alloc_pages_bulk_array(GFP_KERNEL, 100, pages)).toBe(100);
		for (const p of pages)
			p!._refcount = 0;
		free_unref_page_list(pages, 100);
		expect(pages_in_use()).toBe(0);
	});
});

describe("a terabyte", () => {
	test("boots fast, counts fully, grows from below", () => {
		const t = performance.now();
		boot_memory(1024 * GiB);
		expect(performance.now() - t).toBeLessThan(500);

		expect(free_pages_now()).toBeGreaterThan(1023 * GiB / 4096);
		expect(mem_section.every((s) => s === null || s === undefined)).toBe(true);

		const first = alloc_page(GFP_HIGHUSER_MOVABLE)!;
		expect(first.pfn).toBe(2 ** 20);
		const pages = Array.from({ length: 5000 }, () => alloc_page(GFP_HIGHUSER_MOVABLE)!);
		expect(Math.max(...pages.map((p) => p.pfn))).toBeLessThan(2 ** 20 + 8192);
		expect(mem_section.filter((s) => s !== null && s !== undefined).length).toBe(1);
		for (const p of pages)
			__free_page(p);
		__free_page(first);
		drain_all_pages(null);
		check_buddies();
		expect(vmstat_text()).toMatch(/^nr_free_pages \d+\nnr_zone_inactive_anon 0\n/);
	});

	test("a page far up is free memory, reserved memory is not", () => {
		boot_memory(1024 * GiB);
		const far = pfn_to_page(pfn_nr(2 ** 27));
		expect([far._refcount, PageReserved(far)]).toEqual([0, false]);
		const low = pfn_to_page(pfn_nr(3));
		expect([low._refcount, PageReserved(low)]).toEqual([1, true]);
		expect(pfn_valid(2 ** 30)).toBe(false);
		/* the hole below 4 GiB */
		expect(pfn_valid(0xd0000)).toBe(false);
	});
});

describe("compound pages", () => {
	beforeEach(() => boot_memory(256 * MiB));

	test("a tail made late knows its head", () => {
		const head = alloc_pages(GFP_TRANSHUGE_LIGHT, 9)!;
		expect(pfn_to_made_page(head.pfn + 77)).toBe(null);
		const tail = pfn_to_page(pfn_nr(head.pfn + 77));
		expect(PageTail(tail)).toBe(true);
		expect(tail.compound_head).toBe(head);
		put_page(head);
		expect(PageTail(tail)).toBe(false);
		expect(head.flags & (1 << PG_head)).toBe(0);
	});

	test("folio_alloc() and folio_put()", () => {
		const folio = folio_alloc(GFP_KERNEL, 1)!;
		expect(PageHead(folio)).toBe(true);
		folio_put(folio);
		expect(pages_in_use()).toBe(0);
	});

	test("freeing an order-1 block whose first page is still referenced", () => {
		const page = alloc_pages(GFP_KERNEL, 2)!;
		page._refcount++;
		__free_pages(page, 2);
		expect(pages_in_use()).toBe(1);
		put_page(page);
		expect(pages_in_use()).toBe(0);
	});
});

describe("bad pages", () => {
	beforeEach(() => boot_memory(64 * MiB));

	test("freed twice", () => {
		const page = alloc_page(GFP_KERNEL)!;
		__free_page(page);
		expect(() => __free_page(page)).toThrow(/kernel BUG/);
	});

	test("locked, or mapped, or in a mapping: reported and not used again", () => {
		const spoil: ((p: struct_page) => void)[] = [
			(p) => p.flags |= 1 << PG_locked,
			(p) => p._mapcount = 0,
			(p) => p.mapping = {} as typeof p.mapping,
			(p) => p.flags |= 1 << PG_reserved,
		];
		spoil.forEach((f, i) => {
			const page = alloc_page(GFP_KERNEL)!;
			f(page);
			printed();
			__free_page(page);
			expect(printed()).toMatch(/BUG: Bad page state in process .* {2}pfn:/);
			expect(pages_in_use()).toBe(i + 1);
			expect(is_free_buddy_page(page)).toBe(false);
		});
		expect(get_taint()).not.toBe(0);
	});

	test("changed while it was free", () => {
		const page = alloc_page(GFP_KERNEL)!;
		__free_page(page);
		page._refcount = 1;
		printed();
		const next = alloc_page(GFP_KERNEL)!;
		expect(next).not.toBe(page);
		expect(printed()).toMatch(/nonzero _refcount/);
		__free_page(next);
	});

	test("take_page_off_buddy() and back", () => {
		const pages = Array.from({ length: 200 }, () => alloc_page(GFP_KERNEL)!);
		for (const p of pages)
			__free_page(p);
		drain_all_pages(null);
		const target = pages[111]!, before = free_pages_now();
		expect(is_free_buddy_page(target)).toBe(true);
		expect(take_page_off_buddy(target)).toBe(true);
		expect(free_pages_now()).toBe(before - 1);
		expect(is_free_buddy_page(target)).toBe(false);
		target._refcount = 1;
		put_page_back_buddy(target);
		expect(free_pages_now()).toBe(before);
		check_buddies();
	});
});

describe("failures on request", () => {
	beforeEach(() => boot_memory(64 * MiB));

	test("fail-nth", () => {
		fault_file("fail_page_alloc", "ignore-gfp-wait").set(0);
		fault_file("fail_page_alloc", "ignore-gfp-highmem").set(0);
		fault_file("fail_page_alloc", "min-order").set(0);
		fault_file("fail_page_alloc", "verbose").set(0);
		current.fail_nth = 3;
		const got = [0, 1, 2, 3].map(() => alloc_page(GFP_KERNEL));
		expect(got.map((p) => p === null)).toEqual([false, false, true, false]);
		expect(current.fail_nth).toBe(0);
		for (const p of got)
			if (p !== null)
				__free_page(p);
		expect(pages_in_use()).toBe(0);
	});

	test("every time, by probability", () => {
		fault_file("fail_page_alloc", "probability").set(100);
		fault_file("fail_page_alloc", "times").set(2);
		expect(alloc_page(GFP_KERNEL)).toBe(null);
		expect(alloc_pages(GFP_KERNEL, 3)).toBe(null);
		const page = alloc_page(GFP_KERNEL)!;
		expect(page).not.toBe(null);
		__free_page(page);
		fault_file("fail_page_alloc", "probability").set(0);
	});
});

describe("contiguous ranges", () => {
	beforeEach(() => boot_memory(8 * GiB));
	const NR = GiB / 4096;
	const GFP = GFP_KERNEL | __GFP_NOWARN;

	test("a gibibyte, few of whose pages are ever made", () => {
		const before = free_pages_now();
		const page = alloc_contig_pages(NR, GFP, 0, null)!;

		expect(page.pfn % NR).toBe(0);
		expect(free_pages_now()).toBe(before - NR);
		expect(pfn_to_page(pfn_nr(page.pfn + 12345))._refcount).toBe(1);
		expect(pfn_to_made_page(page.pfn + 54321)).toBe(null);
		free_contig_range(page.pfn, NR);
		drain_all_pages(null);
		expect(pages_in_use()).toBe(0);
		expect(free_pages_now()).toBe(before);
		expect(pfn_to_page(pfn_nr(page.pfn + 54321))._refcount).toBe(0);
		check_buddies();
	});

	test("what is in use is gone around", () => {
		const busy = alloc_page(GFP_KERNEL)!;
		const page = alloc_contig_pages(NR, GFP, 0, null)!;

		expect(Math.floor(page.pfn / NR)).not.toBe(Math.floor(busy.pfn / NR));
		__free_page(busy);
		free_contig_range(page.pfn, NR);
		drain_all_pages(null);
		expect(pages_in_use()).toBe(0);
		check_buddies();
	});

	test("as many as there are", () => {
		const got: struct_page[] = [];
		for (let p; (p = alloc_contig_pages(NR, GFP, 0, null)) !== null;)
			got.push(p);
		expect(got.length).toBeGreaterThanOrEqual(6);
		for (const p of got)
			free_contig_range(p.pfn, NR);
		drain_all_pages(null);
		expect(pages_in_use()).toBe(0);
		check_buddies();
	});

	test("a small range, unaligned", () => {
		const page = alloc_contig_pages(700, GFP, 0, null)!;
		expect(pages_in_use()).toBe(700);
		free_contig_range(page.pfn, 700);
		drain_all_pages(null);
		expect(pages_in_use()).toBe(0);
		check_buddies();
	});
});

describe("LRU", () => {
	beforeEach(() => boot_memory(64 * MiB));
	const lru = (): number[] => [NR_INACTIVE_ANON, NR_ACTIVE_ANON, NR_INACTIVE_FILE]
		.map(global_node_page_state);

	test("by batches onto the lists and off them with the last reference", () => {
		const folios = Array.from({ length: 40 },
			() => folio_alloc(GFP_HIGHUSER_MOVABLE, 0)!);
		for (const f of folios)
			folio_add_lru(f);
		expect(lru()).toEqual([0, 0, 30]);
		lru_add_drain();
		expect(lru()).toEqual([0, 0, 40]);
		for (const f of folios)
			folio_put(f);
		expect(lru()).toEqual([0, 0, 0]);
		expect(pages_in_use()).toBe(0);
		expect(vm_event_states[PGFREE]).toBeGreaterThanOrEqual(40);
	});

	test("a large folio does not wait, nor anything while batches are off", () => {
		const large = folio_alloc(GFP_HIGHUSER_MOVABLE, 1)!;
		const small = folio_alloc(GFP_HIGHUSER_MOVABLE, 0)!;
		folio_add_lru(large);
		expect(lru()[2]).toBe(2);
		lru_cache_disable();
		folio_add_lru(small);
		expect(lru()[2]).toBe(3);
		lru_cache_enable();
		folio_put(large);
		folio_put(small);
		expect(pages_in_use()).toBe(0);
	});

	test("accessed twice is active", () => {
		const folio = folio_alloc(GFP_HIGHUSER_MOVABLE, 0)!;
		folio_add_lru(folio);
		lru_add_drain_all();
		folio_mark_accessed(folio);
		folio_mark_accessed(folio);
		lru_add_drain_all();
		expect(global_node_page_state(NR_INACTIVE_FILE)).toBe(0);
		expect(contig_page_data.vm_stat[NR_INACTIVE_FILE + 1]).toBe(1);
		folio_put(folio);
		expect(contig_page_data.vm_stat[NR_INACTIVE_FILE + 1]).toBe(0);
		expect(pages_in_use()).toBe(0);
	});
});
