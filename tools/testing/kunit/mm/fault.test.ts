// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of anonymous memory, copy on write and fork, and what zapping owes the TLBs.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MM_ANONPAGES, type struct_mm_struct, type struct_page } from "#linux/mm_types.ts";
import { lru_add_drain_all } from "#linux/swap.ts";
import { get_mm_counter, page_count, page_mapcount, sync_mm_rss } from "#linux/mm.ts";
import { struct_mmu_notifier, mmu_notifier_register, mmu_notifier_unregister } from
	"#linux/mmu_notifier.ts";
import { PageAnonExclusive } from "#linux/page-flags.ts";
import { zero_pfn } from "#mm/memory.ts";
import { seeds, prng } from "#tools/testing/kunit/lib/prng.ts";
import {
	PAGE, PROT_READ, PROT_WRITE, boot_mm, dontneed, enter_mm, exit_mm, fork_mm, in_mm, in_use,
	mmap_anon, mprotect, munmap, new_mm, on_cpu, page_at, peek, poke, tlbs_reach, translate,
} from "#tools/testing/kunit/mm/mm_env.ts";
import { switch_mm } from "#arch/x86/mm/tlb.ts";
import { current } from "#linux/sched.ts";

let mm: struct_mm_struct;
let before: { pages: number; objects: number };

beforeAll(() => boot_mm());
beforeEach(() => {
	before = in_use();
	mm = new_mm();
	enter_mm(mm);
});
afterEach(() => {
	exit_mm(mm);
	expect(in_use()).toEqual(before);
});

function anon_rss(of: struct_mm_struct): number {
	sync_mm_rss(mm);
	return get_mm_counter(of, MM_ANONPAGES);
}

describe("first touch", () => {
	test("reads map the zero page, which counts for nothing", () => {
		const a = mmap_anon(4 * PAGE);

		expect(peek(a)).toBe(0);
		expect(translate(mm, a)).toEqual({ pfn: zero_pfn, write: false, huge: false });
		expect(anon_rss(mm)).toBe(0);
	});
	test("a write after a read gets a page of its own", () => {
		const a = mmap_anon(4 * PAGE);

		expect(peek(a + 1)).toBe(0);
		expect(poke(a + 1, 7)).toBe(true);
		expect(peek(a + 1)).toBe(7);
		expect(peek(a)).toBe(0);
		expect(translate(mm, a)!.write).toBe(true);
		expect(translate(mm, a)!.pfn).not.toBe(zero_pfn);
		expect(anon_rss(mm)).toBe(1);
	});
	test("no access where nothing is mapped, none against the permissions", () => {
		const a = mmap_anon(4 * PAGE, PROT_READ);

		expect(poke(a, 1)).toBe(false);
		expect(peek(a)).toBe(0);
		expect(munmap(a, 4 * PAGE)).toBe(0);
		expect(peek(a)).toBe(-1);
	});
	test("write permission taken away holds on all CPUs", () => {
		const a = mmap_anon(PAGE);

		expect(poke(a, 1)).toBe(true);
		on_cpu(1, () => {
			switch_mm(null, mm, current);
			expect(poke(a, 2)).toBe(true);
		});
		expect(mprotect(a, PAGE, PROT_READ)).toBe(0);
		expect(on_cpu(1, () => poke(a, 3))).toBe(false);
		expect(poke(a, 3)).toBe(false);
		expect(peek(a)).toBe(2);
		expect(mprotect(a, PAGE, PROT_READ | PROT_WRITE)).toBe(0);
		expect(poke(a, 4)).toBe(true);
	});
});

describe("fork", () => {
	test("shares, and the first to write gets a copy, the other the page", () => {
		const a = mmap_anon(PAGE);

		poke(a, 1);
		const page = page_at(mm, a);
		expect(PageAnonExclusive(page)).toBe(true);
		const child = fork_mm(mm)!;
		expect(page_at(child, a)).toBe(page);
		expect(page_mapcount(page)).toBe(2);
		expect(PageAnonExclusive(page)).toBe(false);
		expect(translate(mm, a)!.write).toBe(false);
		expect(translate(child, a)!.write).toBe(false);

		in_mm(child, () => poke(a, 2));
		expect(page_at(child, a)).not.toBe(page);
		expect(peek(a)).toBe(1);
		expect(poke(a, 3)).toBe(true);
		expect(page_at(mm, a)).toBe(page);
		expect(in_mm(child, () => peek(a))).toBe(2);
		exit_mm(child);
	});
	test("a stale writable TLB entry does not write to the shared page", () => {
		const a = mmap_anon(PAGE);

		on_cpu(1, () => {
			switch_mm(null, mm, current);
			poke(a, 1);
		});
		const child = fork_mm(mm)!;
		expect(on_cpu(1, () => poke(a, 2))).toBe(true);
		expect(in_mm(child, () => peek(a))).toBe(1);
		exit_mm(child);
	});
	test.each(seeds(5))("a family under random writes and exits, seed %i", (seed) => {
		const r = new prng(seed), n = 24;
		const a = mmap_anon(n * PAGE);
		const family = [{ mm, bytes: new Array<number>(n).fill(0) }];

		for (let i = 0; i < 400; i++) {
			const who = r.pick(family), page = r.below(n);

			if (r.chance(1, 12) && family.length < 6) {
				family.push({ mm: fork_mm(who.mm)!, bytes: [...who.bytes] });
			} else if (r.chance(1, 20) && who.mm !== mm) {
				family.splice(family.indexOf(who), 1);
				exit_mm(who.mm);
				continue;
			} else if (r.chance(1, 10)) {
				in_mm(who.mm, () => dontneed(a + page * PAGE, PAGE));
				who.bytes[page] = 0;
			} else if (r.chance(1, 2)) {
				const value = 1 + r.below(255);
				in_mm(who.mm, () => poke(a + page * PAGE, value));
				who.bytes[page] = value;
			}
			expect(in_mm(who.mm, () => peek(a + page * PAGE))).toBe(who.bytes[page]);
		}
		for (const who of family) {
			for (let page = 0; page < n; page++)
				expect(in_mm(who.mm,
					() => peek(a + page * PAGE))).toBe(who.bytes[page]);
			if (who.mm !== mm)
				exit_mm(who.mm);
		}
	});
});

describe("zap", () => {
	/* invalidate_range() is called at the flush: after it, and before a page is freed */
	function watch(pages: Map<number, struct_page>): { sub: struct_mmu_notifier;
		flushes: () => number } {
		let flushes = 0;
		const sub = new struct_mmu_notifier({
			invalidate_range: (_sub, _mm, start, end) => {
				flushes++;
				for (const [addr, page] of pages) {
					if (addr < start || addr >= end)
						continue;
					expect(page_count(page)).toBeGreaterThan(0);
					expect(tlbs_reach(addr)).toBe(false);
					pages.delete(addr);
				}
			},
		});

		expect(mmu_notifier_register(sub, mm)).toBe(0);
		return { sub, flushes: () => flushes };
	}

	test.each([
		["munmap", munmap], ["madvise", dontneed],
	])("by %s: pages are freed only after the flush", (_name, op) => {
		const n = 1200, a = mmap_anon(n * PAGE);
		const pages = new Map<number, struct_page>();

		on_cpu(1, () => switch_mm(null, mm, current));
		for (let i = 0; i < n; i++) {
			poke(a + i * PAGE, 1);
			on_cpu(1, () => peek(a + i * PAGE));
			pages.set(a + i * PAGE, page_at(mm, a + i * PAGE));
		}
		expect(tlbs_reach(a + (n - 1) * PAGE)).toBe(true);
		const w = watch(pages), freed = [...pages.values()];
		expect(op(a, n * PAGE)).toBe(0);
		expect(w.flushes()).toBeGreaterThan(0);
		expect(pages.size).toBe(0);
		lru_add_drain_all();
		for (const page of freed)
			expect(page_count(page)).toBe(0);
		expect(anon_rss(mm)).toBe(0);
		mmu_notifier_unregister(w.sub, mm);
	});
	test("page tables go with the last mapping below them", () => {
		const a = mmap_anon(PAGE);

		poke(a, 1);
		expect(mm.pgtables_bytes).toBe(3 * PAGE);
		munmap(a, PAGE);
		expect(mm.pgtables_bytes).toBe(0);
	});
});
