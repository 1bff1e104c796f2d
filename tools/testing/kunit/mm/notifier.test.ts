// SPDX-License-Identifier: GPL-2.0
/*
 * A subscriber that copies page tables, as KVM does, and must never lag: after every
 * invalidate_range_end(), and after every operation, no copy differs from the page tables.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EAGAIN } from "#linux/errno.ts";
import { FOLL_WRITE, get_user_pages_fast, put_page } from "#linux/mm.ts";
import type { struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import {
	MMU_NOTIFY_CLEAR, mmu_notifier_invalidate_range_end, mmu_notifier_invalidate_range_start,
	mmu_notifier_invalidate_range_start_nonblock, mmu_notifier_range_blockable,
	mmu_notifier_range_init, mmu_notifier_register, mmu_notifier_unregister,
	struct_mmu_notifier, struct_mmu_notifier_range,
} from "#linux/mmu_notifier.ts";
import { pte_pfn, pte_write } from "#linux/pgtable.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import {
	PAGE, PROT_READ, PROT_WRITE, boot_mm, dontneed, enter_mm, exit_mm, fork_mm, in_mm, in_use,
	mmap_anon, mprotect, mremap, munmap, new_mm, poke, peek, translate,
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
	if (mm.mm_users > 0)
		exit_mm(mm);
	expect(in_use()).toEqual(before);
});

/** Copies of entries by address; made under the rule that KVM's faults follow. */
class mirror {
	readonly sub: struct_mmu_notifier;
	private entries = new Map<number, { pfn: number; write: boolean }>();
	/** ranges that are being invalidated */
	private active: struct_mmu_notifier_range[] = [];
	starts = 0;
	changes = 0;
	released = 0;

	private readonly of: struct_mm_struct;

	constructor(of: struct_mm_struct) {
		this.of = of;
		this.sub = new struct_mmu_notifier({
			release: () => {
				this.released++;
				this.entries.clear();
			},
			invalidate_range_start: (_sub, range) => {
				this.starts++;
				this.active.push(range);
				for (const addr of this.entries.keys())
					if (addr >= range.start && addr < range.end)
						this.entries.delete(addr);
				return 0;
			},
			invalidate_range_end: (_sub, range) => {
				const i = this.active.indexOf(range);
				expect(i).toBeGreaterThanOrEqual(0);
				this.active.splice(i, 1);
				this.check();
			},
			change_pte: (_sub, _mm, address, pte) => {
				this.changes++;
				expect(this.active.some((r) => address >= r.start &&
					address < r.end))
					.toBe(true);
				if (this.entries.has(address))
					this.entries.set(address,
						{ pfn: pte_pfn(pte), write: pte_write(pte) });
			},
		});
		expect(mmu_notifier_register(this.sub, of)).toBe(0);
	}

	/** A fault of the subscriber's: takes the page as KVM would, and keeps only its address. */
	fault(addr: number, write: boolean): void {
		const pages: struct_page[] = [];

		if (this.active.some((r) => addr >= r.start && addr < r.end))
			return;
		if (get_user_pages_fast(addr, 1, write ? FOLL_WRITE : 0, pages) !== 1)
			return;
		const t = translate(this.of, addr)!;
		expect(t.pfn).toBe(pages[0]!.pfn);
		this.entries.set(addr, { pfn: t.pfn, write: write || t.write });
		put_page(pages[0]!);
	}

	/** What is copied must be what is there; less permission is allowed, more is not. */
	check(): void {
		for (const [addr, entry] of this.entries) {
			const t = translate(this.of, addr);
			expect(t, `0x${addr.toString(16)}`).not.toBe(null);
			expect(t!.pfn).toBe(entry.pfn);
			if (entry.write)
				expect(t!.write).toBe(true);
		}
	}

	get size(): number {
		return this.entries.size;
	}
	get quiet(): boolean {
		return this.active.length === 0;
	}
}

describe("a mirror of the page tables", () => {
	test.each(seeds(8))("never lags, seed %i", (seed) => {
		const r = new prng(seed), n = 32;
		const m = new mirror(mm);
		const children: struct_mm_struct[] = [];
		let base = mmap_anon(n * PAGE);
		let seen = 0;

		for (let i = 0; i < 600; i++) {
			const first = r.below(n), len = 1 + r.below(Math.min(6, n - first));
			const at = base + first * PAGE, bytes = len * PAGE;

			switch (r.below(12)) {
			case 0:
				dontneed(at, bytes);
				break;
			case 1:
				mprotect(at, bytes, r.chance(1,
					2) ? PROT_READ : PROT_READ | PROT_WRITE);
				break;
			case 2:
				munmap(at, bytes);
				mmap_anon(bytes, PROT_READ | PROT_WRITE, at);
				break;
			case 3:
				if (children.length < 3)
					children.push(fork_mm(mm)!);
				break;
			case 4:
				if (children.length !== 0)
					exit_mm(children.pop()!);
				break;
			case 5:
				if (children.length !== 0)
					in_mm(r.pick(children), () => poke(at, 1));
				break;
			case 6: {
				/* the whole area moves */
				mprotect(base, n * PAGE, PROT_READ | PROT_WRITE);
				const grown = mremap(base, n * PAGE, (n + 1) * PAGE);
				if (grown > 0) {
					munmap(grown + n * PAGE, PAGE);
					base = grown;
				}
				break;
			}
			case 7:
				poke(at, r.below(256));
				break;
			case 8:
				peek(at);
				break;
			default:
				m.fault(at, r.chance(1, 2));
			}
			expect(m.quiet).toBe(true);
			m.check();
			seen = Math.max(seen, m.size);
		}
		expect(seen).toBeGreaterThan(3);
		expect(m.starts).toBeGreaterThan(50);
		expect(m.changes).toBeGreaterThan(0);
		for (const child of children)
			exit_mm(child);
		mmu_notifier_unregister(m.sub, mm);
		expect(m.released).toBe(1);
	});
	test("is told of a copy on write inside the range, before the entry changes", () => {
		const a = mmap_anon(PAGE), m = new mirror(mm);

		poke(a, 1);
		const child = fork_mm(mm)!, old = translate(mm, a)!.pfn;
		m.fault(a, false);
		expect(m.size).toBe(1);
		poke(a, 2);
		expect(m.changes).toBe(1);
		expect(translate(mm, a)!.pfn).not.toBe(old);
		exit_mm(child);
		mmu_notifier_unregister(m.sub, mm);
	});
	test("is released once, when the mm goes, and holds the struct until unregistered", () => {
		const m = new mirror(mm), a = mmap_anon(PAGE);

		m.fault(a, true);
		exit_mm(mm);
		expect(m.released).toBe(1);
		expect(m.size).toBe(0);
		expect(mm.mm_count).toBe(1);
		mmu_notifier_unregister(m.sub, mm);
		expect(m.released).toBe(1);
	});
});

describe("ranges", () => {
	test("that may not block can be refused, and all who have an end hear it", () => {
		const heard: string[] = [];
		const refuses = new struct_mmu_notifier({
			invalidate_range_start: (_sub, range) =>
				mmu_notifier_range_blockable(range) ? 0 : -EAGAIN,
		});
		const other = new struct_mmu_notifier({
			invalidate_range_start: () => {
				heard.push("start");
				return 0;
			},
			invalidate_range_end: () => {
				heard.push("end");
			},
		});
		const range = new struct_mmu_notifier_range(mm);

		mmu_notifier_register(refuses, mm);
		mmu_notifier_register(other, mm);
		mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, null, mm, 0, PAGE);
		expect(mmu_notifier_invalidate_range_start_nonblock(range)).toBe(-EAGAIN);
		expect(heard).toEqual(["start", "end"]);
		mmu_notifier_invalidate_range_start(range);
		mmu_notifier_invalidate_range_end(range);
		expect(heard).toEqual(["start", "end", "start", "end"]);
		mmu_notifier_unregister(refuses, mm);
		mmu_notifier_unregister(other, mm);
	});
});
