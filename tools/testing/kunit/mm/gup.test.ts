// SPDX-License-Identifier: GPL-2.0
/*
 * get_user_pages(): slow, fast and pinning, against copy on write and fork.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ref } from "#asm-generic/types.ts";
import {
	FAULT_FLAG_WRITE, FOLL_FORCE, FOLL_LONGTERM, FOLL_WRITE, GUP_PIN_COUNTING_BIAS,
	fixup_user_fault, get_user_pages, get_user_pages_fast, get_user_pages_fast_only,
	get_user_pages_unlocked, mm_populate, page_count, page_maybe_dma_pinned, pin_user_pages,
	pin_user_pages_fast, put_page, unpin_user_page, unpin_user_pages,
} from "#linux/mm.ts";
import type { struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import { mmap_read_lock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import { PageAnonExclusive } from "#linux/page-flags.ts";
import { EFAULT } from "#linux/errno.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import { lru_add_drain_all } from "#linux/swap.ts";
import { zero_pfn } from "#mm/memory.ts";
import { fault_in_readable, fault_in_safe_writeable, fault_in_writeable } from "#mm/gup.ts";
import {
	PAGE, PROT_READ, PROT_WRITE, boot_mm, enter_mm, exit_mm, fork_mm, in_mm, in_use, mmap_anon,
	mprotect, munmap, new_mm, page_at, peek, poke, translate,
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

type getter = (addr: number, n: number, flags: number, pages: struct_page[]) => number;

function locked(fn: () => number): number {
	mmap_read_lock(mm);
	try {
		return fn();
	} finally {
		mmap_read_unlock(mm);
	}
}

const ways: [string, getter][] = [
	["slow", (a, n, flags, pages) => locked(() => get_user_pages(a, n, flags, pages, null))],
	["unlocked", (a, n, flags, pages) => get_user_pages_unlocked(a, n, pages, flags)],
	["fast", (a, n, flags, pages) => get_user_pages_fast(a, n, flags, pages)],
];

describe.each(ways)("%s", (_name, get) => {
	test("faults in what is missing", () => {
		const a = mmap_anon(8 * PAGE), pages: struct_page[] = [];

		poke(a + 3 * PAGE, 9);
		expect(get(a, 8, FOLL_WRITE, pages)).toBe(8);
		for (let i = 0; i < 8; i++)
			expect(pages[i]).toBe(page_at(mm, a + i * PAGE));
		expect(translate(mm, a)!.write).toBe(true);
		pages.forEach(put_page);
	});
	test("for reading takes the zero page, for writing a page of its own", () => {
		const a = mmap_anon(PAGE), pages: struct_page[] = [];

		expect(get(a, 1, 0, pages)).toBe(1);
		expect(pages[0]!.pfn).toBe(zero_pfn);
		put_page(pages[0]!);
		expect(get(a, 1, FOLL_WRITE, pages)).toBe(1);
		expect(pages[0]!.pfn).not.toBe(zero_pfn);
		expect(pages[0]).toBe(page_at(mm, a));
		put_page(pages[0]!);
	});
	test("stops at the end of the mapping, fails where there is none", () => {
		const a = mmap_anon(4 * PAGE), pages: struct_page[] = [];

		expect(munmap(a + 2 * PAGE, 2 * PAGE)).toBe(0);
		expect(get(a, 4, FOLL_WRITE, pages)).toBe(2);
		put_page(pages[0]!);
		put_page(pages[1]!);
		expect(get(a + 2 * PAGE, 1, 0, pages)).toBe(-EFAULT);
	});
	test("does not write to read-only memory", () => {
		const a = mmap_anon(PAGE), pages: struct_page[] = [];

		poke(a, 5);
		expect(mprotect(a, PAGE, PROT_READ)).toBe(0);
		expect(get(a, 1, FOLL_WRITE, pages)).toBe(-EFAULT);
		expect(get(a, 1, 0, pages)).toBe(1);
		put_page(pages[0]!);
	});
	test("for writing breaks the sharing of a forked page", () => {
		const a = mmap_anon(PAGE), pages: struct_page[] = [];

		poke(a, 5);
		const shared = page_at(mm, a), child = fork_mm(mm)!;
		expect(get(a, 1, FOLL_WRITE, pages)).toBe(1);
		expect(pages[0]).not.toBe(shared);
		expect(page_at(mm, a)).toBe(pages[0]);
		expect(page_at(child, a)).toBe(shared);
		put_page(pages[0]!);
		exit_mm(child);
	});
});

describe("fast", () => {
	test("never faults when it must not", () => {
		const a = mmap_anon(2 * PAGE), pages: struct_page[] = [];

		poke(a, 1);
		expect(get_user_pages_fast_only(a, 2, FOLL_WRITE, pages)).toBe(1);
		expect(translate(mm, a + PAGE)).toBe(null);
		put_page(pages[0]!);
	});
	test("leaves pins alone while fork is making pages shared", () => {
		const a = mmap_anon(PAGE), pages: struct_page[] = [];

		poke(a, 1);
		mm.write_protect_seq++;
		expect(get_user_pages_fast_only(a, 1, FOLL_WRITE, pages)).toBe(1);
		put_page(pages[0]!);
		const nr = page_count(pages[0]!);
		expect(pin_user_pages_fast(a, 1, FOLL_WRITE, pages)).toBe(1); /* by the slow path */
		expect(page_count(pages[0]!)).toBe(nr + GUP_PIN_COUNTING_BIAS);
		mm.write_protect_seq++;
		unpin_user_page(pages[0]!);
	});
});

describe("pins", () => {
	test("count in the reference count, and are recognised", () => {
		const a = mmap_anon(PAGE), pages: struct_page[] = [];

		poke(a, 1);
		lru_add_drain_all();
		const page = page_at(mm, a);
		expect(page_count(page)).toBe(1);
		expect(page_maybe_dma_pinned(page)).toBe(false);
		for (const flags of [FOLL_WRITE, FOLL_WRITE | FOLL_LONGTERM]) {
			expect(pin_user_pages_fast(a, 1, flags, pages)).toBe(1);
			expect(pages[0]).toBe(page);
			expect(page_count(page)).toBe(1 + GUP_PIN_COUNTING_BIAS);
			expect(page_maybe_dma_pinned(page)).toBe(true);
			unpin_user_pages(pages, 1);
			expect(page_count(page)).toBe(1);
		}
	});
	test.each([
		["pinned", true], ["only referenced", false],
	])("a page that was %s when its process forked", (_name, pinned) => {
		const a = mmap_anon(PAGE), pages: struct_page[] = [];

		poke(a, 1);
		if (pinned)
			expect(pin_user_pages_fast(a, 1, FOLL_WRITE, pages)).toBe(1);
		else
			expect(get_user_pages_fast(a, 1, FOLL_WRITE, pages)).toBe(1);
		const page = pages[0]!, child = fork_mm(mm)!;

		/* the child got a copy at once, or shares until somebody writes */
		expect(page_at(child, a) === page).toBe(!pinned);
		expect(PageAnonExclusive(page)).toBe(pinned);
		poke(a, 2);
		/* the holder of a pin sees later writes; of a reference, perhaps not */
		expect(page_at(mm, a) === page).toBe(pinned);
		expect(in_mm(child, () => peek(a))).toBe(1);
		exit_mm(child);
		if (pinned)
			unpin_user_page(page);
		else
			put_page(page);
	});
	test("for reading make a shared page exclusive first", () => {
		const a = mmap_anon(PAGE), pages: struct_page[] = [];

		poke(a, 1);
		const shared = page_at(mm, a), child = fork_mm(mm)!;
		expect(locked(() => pin_user_pages(a, 1, 0, pages, null))).toBe(1);
		expect(pages[0]).not.toBe(shared);
		expect(PageAnonExclusive(pages[0]!)).toBe(true);
		expect(translate(mm, a)!.write).toBe(false);
		poke(a, 2);
		expect(page_at(mm, a)).toBe(pages[0]);
		unpin_user_page(pages[0]!);
		exit_mm(child);
	});
	test("of many pages are all given back", () => {
		const n = 40, a = mmap_anon(n * PAGE), pages: struct_page[] = [];

		expect(pin_user_pages_fast(a, n, FOLL_WRITE, pages)).toBe(n);
		expect(new Set(pages).size).toBe(n);
		munmap(a, n * PAGE);
		for (const page of pages)
			expect(page_count(page)).toBeGreaterThanOrEqual(GUP_PIN_COUNTING_BIAS);
		unpin_user_pages(pages, n);
	});
});

describe("by force", () => {
	test("writes to a private copy of read-only memory", () => {
		const a = mmap_anon(PAGE), pages: struct_page[] = [];

		poke(a, 5);
		const old = page_at(mm, a), child = fork_mm(mm)!;
		mprotect(a, PAGE, PROT_READ);
		expect(locked(() => get_user_pages(a, 1, FOLL_WRITE | FOLL_FORCE, pages,
			null))).toBe(1);
		expect(pages[0]).not.toBe(old);
		expect(translate(mm, a)!.write).toBe(false);
		put_page(pages[0]!);
		exit_mm(child);
	});
});

describe("faulting in", () => {
	test("populates", () => {
		const a = mmap_anon(8 * PAGE);

		mm_populate(a, 8 * PAGE);
		for (let i = 0; i < 8; i++)
			expect(translate(mm, a + i * PAGE)!.write).toBe(true);
	});
	test("as a user access would", () => {
		const a = mmap_anon(4 * PAGE), unlocked = new ref(false);

		poke(a + 2 * PAGE + 5, 7);
		munmap(a + 3 * PAGE, PAGE);
		expect(fault_in_readable(a + 5, 4 * PAGE - 5)).toBe(PAGE);
		expect(translate(mm, a)!.pfn).toBe(zero_pfn);
		expect(fault_in_safe_writeable(a, 3 * PAGE)).toBe(0);
		expect(peek(a + 2 * PAGE + 5)).toBe(7);
		expect(translate(mm, a)!.write).toBe(true);
		expect(fault_in_writeable(a + 2 * PAGE + 5, 2 * PAGE - 5)).toBe(PAGE);
		expect(peek(a + 2 * PAGE + 5)).toBe(0);
		expect(locked(() => fixup_user_fault(mm, a, FAULT_FLAG_WRITE, unlocked))).toBe(0);
		expect(locked(() => fixup_user_fault(mm, a + 3 * PAGE, 0, unlocked))).toBe(-EFAULT);
		expect(mprotect(a, PAGE, PROT_READ | PROT_WRITE)).toBe(0);
		expect(pfn_to_page(zero_pfn)).toBeDefined();
	});
});
