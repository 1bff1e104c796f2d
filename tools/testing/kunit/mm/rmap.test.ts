// SPDX-License-Identifier: GPL-2.0
/*
 * Reverse mapping against a scan of all page tables, and migration entries there and back.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ref } from "#asm-generic/types.ts";
import { page_count, page_mapcount } from "#linux/mm.ts";
import type { struct_folio, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { PageAnon, PageAnonExclusive, page_folio } from "#linux/page-flags.ts";
import { trylock_page, unlock_page } from "#linux/pagemap.ts";
import {
	folio_referenced, page_mapped_in_vma, remove_migration_ptes, rmap_walk,
	struct_rmap_walk_control, try_to_migrate,
} from "#linux/rmap.ts";
import { flush_tlb_mm } from "#asm/tlbflush.ts";
import { lru_add_drain_all } from "#linux/swap.ts";
import { zero_pfn } from "#mm/memory.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import {
	HPAGE, PAGE, PROT_READ, PROT_WRITE, advise_huge, boot_mm, dontneed, enter_mm, exit_mm,
	fork_mm, in_mm, in_use, mmap_anon, mprotect, mremap, munmap, new_mm, page_at, peek, poke,
	translate,
} from "#tools/testing/kunit/mm/mm_env.ts";

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

interface place {
	mm: struct_mm_struct;
	addr: number;
}

function key(p: place): string {
	return `${p.mm.mm_id}:${p.addr.toString(16)}`;
}

/** Where the rmap says that @page may be mapped, and really is. */
function walk(page: struct_page): string[] {
	const found: string[] = [];
	const rwc = new struct_rmap_walk_control((_folio: struct_folio, vma: struct_vm_area_struct,
		address: number) => {
		if (page_mapped_in_vma(page, vma))
			found.push(key({ mm: vma.vm_mm!, addr: address }));
		return true;
	});

	expect(trylock_page(page)).toBe(true);
	rmap_walk(page_folio(page), rwc);
	unlock_page(page);
	return found.sort();
}

describe("anonymous pages", () => {
	test.each(seeds(5))("are found wherever they are mapped, seed %i", (seed) => {
		const r = new prng(seed), n = 16;
		const family = [mm];
		const areas = [mmap_anon(n * PAGE), mmap_anon(n * PAGE)];

		for (let i = 0; i < 150; i++) {
			const who = r.pick(family), k = r.below(areas.length);
			const first = r.below(n), len = 1 + r.below(Math.min(4, n - first));
			const at = areas[k]! + first * PAGE;

			in_mm(who, () => {
				switch (r.below(8)) {
				case 0:
					dontneed(at, len * PAGE);
					break;
				case 1:
					mprotect(at, len * PAGE, r.chance(1, 2) ? PROT_READ :
						PROT_READ | PROT_WRITE);
					break;
				case 2:
					munmap(at, len * PAGE);
					mmap_anon(len * PAGE, PROT_READ | PROT_WRITE, at);
					break;
				default:
					poke(at, 1 + r.below(255));
				}
			});
			if (r.chance(1, 15) && family.length < 5)
				family.push(fork_mm(who)!);
			else if (r.chance(1, 25) && who !== mm) {
				family.splice(family.indexOf(who), 1);
				exit_mm(who);
			}
		}

		const mapped = new Map<struct_page, string[]>();
		for (const who of family) {
			for (const area of areas) {
				for (let i = 0; i < n; i++) {
					const t = translate(who, area + i * PAGE);
					if (t === null || t.pfn === zero_pfn)
						continue;
					const page = page_at(who, area + i * PAGE);
					const places = mapped.get(page) ?? [];
					places.push(key({ mm: who, addr: area + i * PAGE }));
					mapped.set(page, places);
				}
			}
		}
		expect(mapped.size).toBeGreaterThan(5);
		lru_add_drain_all();
		for (const [page, places] of mapped) {
			expect(PageAnon(page)).toBe(true);
			expect(walk(page)).toEqual(places.sort());
			expect(page_mapcount(page)).toBe(places.length);
			expect(page_count(page)).toBe(places.length);
			if (PageAnonExclusive(page))
				expect(places.length).toBe(1);
		}
		for (const who of family)
			if (who !== mm)
				exit_mm(who);
	});
	test("are found after their area moved", () => {
		const gap = mmap_anon(PAGE), a = mmap_anon(4 * PAGE);

		poke(a + PAGE, 1);
		const page = page_at(mm, a + PAGE), moved = mremap(a, 4 * PAGE, 64 * PAGE);
		expect(moved).not.toBe(a);
		expect(page_at(mm, moved + PAGE)).toBe(page);
		expect(walk(page)).toEqual([key({ mm, addr: moved + PAGE })]);
		munmap(gap, PAGE);
	});
	test("say whether they were accessed, once", () => {
		const a = mmap_anon(PAGE), flags = new ref(0);

		poke(a, 1);
		const folio = page_folio(page_at(mm, a));
		expect(folio_referenced(folio, 0, null, flags)).toBe(1);
		expect(folio_referenced(folio, 0, null, flags)).toBe(0);
		flush_tlb_mm(mm);	/* x86 clears the bit without flushing */
		peek(a);
		expect(folio_referenced(folio, 0, null, flags)).toBe(1);
	});
});

describe("migration entries", () => {
	test("take the place of all mappings, and give it back with their rights", () => {
		const a = mmap_anon(2 * PAGE);

		poke(a, 1);
		poke(a + PAGE, 2);
		const alone = page_at(mm, a + PAGE), child = fork_mm(mm)!;
		in_mm(child, () => dontneed(a + PAGE, PAGE));
		poke(a + PAGE, 3);
		expect(page_at(mm, a + PAGE)).toBe(alone);
		lru_add_drain_all();

		for (const page of [page_at(mm, a), alone]) {
			const folio = page_folio(page), was = page_mapcount(page);
			const write = translate(mm, page === alone ? a + PAGE : a)!.write;

			trylock_page(page);
			page._refcount++;
			try_to_migrate(folio, 0);
			expect(page_mapcount(page)).toBe(0);
			expect(page_count(page)).toBe(1);
			expect(translate(mm, page === alone ? a + PAGE : a)).toBe(null);
			remove_migration_ptes(folio, folio, false);
			expect(page_mapcount(page)).toBe(was);
			expect(page_count(page)).toBe(1 + was);
			expect(translate(mm, page === alone ? a + PAGE : a)!.write).toBe(write);
			page._refcount--;
			unlock_page(page);
		}
		expect(peek(a + PAGE)).toBe(3);
		expect(in_mm(child, () => peek(a))).toBe(1);
		exit_mm(child);
	});
	test("are copied by fork and dropped by munmap", () => {
		const a = mmap_anon(PAGE);

		poke(a, 1);
		lru_add_drain_all();
		const page = page_at(mm, a), folio = page_folio(page);
		trylock_page(page);
		page._refcount++;
		try_to_migrate(folio, 0);
		const child = fork_mm(mm)!;
		munmap(a, PAGE);
		remove_migration_ptes(folio, folio, false);
		expect(page_mapcount(page)).toBe(1);
		expect(page_at(child, a)).toBe(page);
		expect(translate(child, a)!.write).toBe(false);
		unlock_page(page);
		page._refcount--;
		expect(in_mm(child, () => peek(a))).toBe(1);
		exit_mm(child);
	});
});

describe("huge pages", () => {
	test("are found by their first address, split or not", () => {
		const area = mmap_anon(2 * HPAGE), a = Math.ceil(area / HPAGE) * HPAGE;

		expect(advise_huge(area, 2 * HPAGE)).toBe(0);
		poke(a + 5 * PAGE, 7);
		expect(translate(mm, a)!.huge).toBe(true);
		const head = page_at(mm, a);
		expect(page_mapcount(head)).toBe(1);
		const child = fork_mm(mm)!;
		in_mm(child, () => poke(a + 6 * PAGE, 8));
		expect(in_mm(child, () => peek(a + 5 * PAGE))).toBe(7);
		expect(peek(a + 6 * PAGE)).toBe(0);
		dontneed(a + 7 * PAGE, PAGE);
		expect(translate(mm, a)!.huge).toBe(false);
		expect(peek(a + 5 * PAGE)).toBe(7);
		exit_mm(child);
	});
});
