// SPDX-License-Identifier: GPL-2.0
/*
 * Faults that are mended without mmu_lock, on an AMD host, whose CPUs keep no log of dirty pages:
 * KVM write-protects instead.
 *
 * Port-only.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { pfn_nr } from "#asm-generic/types.ts";
import { gpa_t, ref } from "#asm-generic/types.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import { write_lock, write_unlock } from "#linux/spinlock.ts";
import { mem_and_lo, mem_lo, mem_or_lo, mem_write64 } from "#hw/memory.ts";
import { PG_LEVEL_2M, PG_LEVEL_4K } from "#asm/page_types.ts";
import { kvm_mmu_do_page_fault, RET_PF_EMULATE, RET_PF_FIXED, RET_PF_RETRY, RET_PF_SPURIOUS,
	type struct_kvm_mmu_page } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { is_mmu_writable_spte, is_writable_pte } from "#arch/x86/kvm/mmu/spte.h.ts";
import { kvm_tdp_mmu_fast_pf_get_last_sptep } from "#arch/x86/kvm/mmu/tdp_mmu.h.ts";
import { PAIR_ZERO, type u64_spte } from "#asm-generic/pair.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { KVM_MEM_LOG_DIRTY_PAGES } from "#uapi/linux/kvm.ts";
import { anon, boot_kvm, HPAGE, in_task, PAGE, PRESENT, state, touch, USER, vm, WRITE } from
	"#tools/testing/kunit/kvm/mmu_env.ts";

const DIRTY = 1 << 6;

let before = "";

beforeAll(() => {
	boot_kvm("amd");
});
beforeEach(() => {
	before = state();
});
afterEach(() => {
	expect(state()).toBe(before);
});

function sptep_of(m: vm, gpa: number): number {
	return m.loaded(() => {
		rcu_read_lock();
		const sptep = kvm_tdp_mmu_fast_pf_get_last_sptep(m.vcpu, gpa_t(gpa),
			new ref<u64_spte>(PAIR_ZERO));
		rcu_read_unlock();
		return sptep;
	});
}

function dirty(m: vm, gpa: number): boolean {
	const slot = m.slot_of(gpa);
	const n = gpa / PAGE - slot.base_gfn;
	return (slot.dirty_bitmap![n >> 3]! >> (n & 7) & 1) !== 0;
}

/** A VM with @n pages, mapped writable before its log was switched on. */
function logged(n: number): vm {
	const m = new vm(), at = anon(n * PAGE);

	m.slot(0, at, n * PAGE);
	for (let i = 0; i < n; i++)
		expect(m.fault(i * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
	m.slot(0, at, n * PAGE, KVM_MEM_LOG_DIRTY_PAGES);
	return m;
}

/**
 * Runs @fn while the table of @sptep has a struct kvm_mmu_page whose role, asked twice between
 * reading an entry and changing it, gives another CPU its turn: @change, in @times rounds.
 */
function meddle(sptep: number, times: number, change: () => void, fn: () => void): void {
	const page = pfn_to_page(Math.floor(sptep / 512) as pfn_nr);
	const sp = page.pt_private as struct_kvm_mmu_page;
	let asked = 0;

	page.pt_private = Object.create(sp, {
		role: {
			get() {
				if (asked % 2 === 0 && asked < 2 * times)
					change();
				asked++;
				return sp.role;
			},
		},
	}) as object;
	fn();
	page.pt_private = sp;
	expect(asked).toBeGreaterThanOrEqual(2 * times);
}

function toggle_dirty(sptep: number): void {
	if ((mem_lo(sptep) & DIRTY) !== 0)
		mem_and_lo(sptep, ~DIRTY);
	else
		mem_or_lo(sptep, DIRTY);
}

describe("a write to a page that the dirty log protects", () => {
	test("needs no mmu_lock", () => in_task(() => {
		const m = logged(8);

		expect(is_writable_pte(m.walk(3 * PAGE).spte)).toBe(false);
		expect(is_mmu_writable_spte(m.walk(3 * PAGE).spte)).toBe(true);
		expect(dirty(m, 3 * PAGE)).toBe(false);
		const fast = m.vcpu.stat.pf_fast;
		const r = m.loaded(() => {
			/* who would take it again is a BUG */
			write_lock(m.kvm.mmu_lock);
			const r = kvm_mmu_do_page_fault(m.vcpu, gpa_t(3 * PAGE),
				PRESENT | WRITE | USER, false);
			write_unlock(m.kvm.mmu_lock);
			return r;
		});
		expect(r).toBe(RET_PF_FIXED);
		expect(is_writable_pte(m.walk(3 * PAGE).spte)).toBe(true);
		expect(dirty(m, 3 * PAGE)).toBe(true);
		expect(dirty(m, 2 * PAGE)).toBe(false);
		expect(m.vcpu.stat.pf_fast).toBe(fast + 1);
		m.close();
	}));
	test("is spurious the second time, and when it only reads", () => in_task(() => {
		const m = logged(1);

		expect(m.fault(0, PRESENT | WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.fault(0, PRESENT | WRITE | USER)).toBe(RET_PF_SPURIOUS);
		expect(m.vcpu.stat.pf_fast).toBe(2);
		m.close();
	}));
	test("is tried again when the CPU sets a bit in between", () => in_task(() => {
		const m = logged(1), sptep = sptep_of(m, 0);

		meddle(sptep, 4, () => toggle_dirty(sptep), () => {
			expect(m.fault(0, PRESENT | WRITE | USER)).toBe(RET_PF_FIXED);
		});
		expect(m.vcpu.stat.pf_fast).toBe(1);
		expect(is_writable_pte(m.walk(0).spte)).toBe(true);
		m.close();
	}));
	test("goes the long way after five attempts", () => in_task(() => {
		const m = logged(1), sptep = sptep_of(m, 0);

		meddle(sptep, 5, () => toggle_dirty(sptep), () => {
			expect(m.fault(0, PRESENT | WRITE | USER)).toBe(RET_PF_FIXED);
		});
		expect(m.vcpu.stat.pf_fast).toBe(0);
		expect(kmsg_text().join("\n")).toContain("Fast #PF retrying more than 4 times");
		log_buf_clear();
		expect(is_writable_pte(m.walk(0).spte)).toBe(true);
		expect(dirty(m, 0)).toBe(true);
		m.close();
	}));
	test("that was zapped in between goes the long way", () => in_task(() => {
		const m = logged(1), sptep = sptep_of(m, 0);
		const was = m.walk(0).spte;

		/* seen through to its end, the zap would have counted the page off */
		m.kvm.stat.pages[0]!--;
		meddle(sptep, 1, () => mem_write64(sptep, 0, 0), () => {
			expect(m.fault(0, PRESENT | WRITE | USER)).toBe(RET_PF_FIXED);
		});
		expect(m.vcpu.stat.pf_fast).toBe(0);
		expect(m.kvm.stat.pages[0]).toBe(1);
		expect(m.walk(0).spte.lo >>> 12).toBe(was.lo >>> 12);
		m.close();
	}));
	test("splits a large page first", () => in_task(() => {
		const m = new vm(), at = anon(HPAGE, true);

		m.slot(0, at, HPAGE);
		touch(at);
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(0)).toBe(PG_LEVEL_2M);
		m.slot(0, at, HPAGE, KVM_MEM_LOG_DIRTY_PAGES);
		expect(m.fault(5 * PAGE, PRESENT | WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(5 * PAGE)).toBe(PG_LEVEL_4K);
		expect(dirty(m, 5 * PAGE)).toBe(true);
		expect(dirty(m, 0)).toBe(false);
		m.close();
	}));
	test("has nothing to mend where there is nothing, or only MMIO", () => in_task(() => {
		const m = logged(1);

		expect(m.fault(64 * PAGE, PRESENT | WRITE | USER)).toBe(RET_PF_EMULATE);
		expect(m.vcpu.stat.pf_fast).toBe(0);
		expect([RET_PF_RETRY, RET_PF_FIXED]).not.toContain(
			m.fault(64 * PAGE, PRESENT | WRITE | USER));
		m.close();
	}));
});
