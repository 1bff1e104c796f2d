// SPDX-License-Identifier: GPL-2.0
/*
 * The fault path on an Intel host: against invalidation, held at each of its steps, and against
 * large pages that may or may not be.
 *
 * Port-only.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pair_frame } from "#asm-generic/pair.ts";
import { gfn_t } from "#asm-generic/types.ts";
import { page_count } from "#linux/mm.ts";
import { MMU_NOTIFY_CLEAR, mmu_notifier_invalidate_range_end, mmu_notifier_invalidate_range_start,
	mmu_notifier_range_init, struct_mmu_notifier_range } from "#linux/mmu_notifier.ts";
import { current } from "#linux/sched.ts";
import { lru_add_drain_all } from "#linux/swap.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import type { pfn_nr } from "#asm-generic/types.ts";
import { kvm_make_all_cpus_request, kvm_mmu_invalidate_begin,
	kvm_mmu_invalidate_end } from "#linux/kvm_host.ts";
import { write_lock, write_unlock } from "#linux/spinlock.ts";
import { KVM_REQ_MMU_FREE_OBSOLETE_ROOTS } from "#asm/kvm_host.ts";
import { PG_LEVEL_1G, PG_LEVEL_2M, PG_LEVEL_4K, PG_LEVEL_NUM } from "#asm/page_types.ts";
import { kvm_mmu_max_mapping_level, kvm_mmu_gfn_allow_lpage, kvm_mmu_gfn_disallow_lpage,
	RET_PF_EMULATE, RET_PF_FIXED, RET_PF_RETRY, RET_PF_SPURIOUS } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { is_executable_pte, is_mmio_spte } from "#arch/x86/kvm/mmu/spte.h.ts";
import { kvm_tdp_mmu_invalidate_all_roots, kvm_tdp_mmu_zap_invalidated_roots } from
	"#arch/x86/kvm/mmu/tdp_mmu.h.ts";
import { MFD_HUGETLB } from "#uapi/linux/memfd.ts";
import { KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY } from "#uapi/linux/kvm.ts";
import { MADV_DONTNEED } from "#uapi/asm-generic/mman-common.ts";
import { usleep } from "#tools/include/nolibc/process.ts";
import { madvise, munmap } from "#tools/include/nolibc/mman.ts";
import { close, write_file } from "#tools/include/nolibc/sys.ts";
import { anon, boot_kvm, FETCH, GPAGE, HPAGE, in_task, on_host_fault, PAGE, PRESENT, shared, state,
	touch, USER, vm, WRITE } from "#tools/testing/kunit/kvm/mmu_env.ts";

const NR_1G = "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages";

const PARAMS = "/sys/module/kvm/parameters";

let before = "";

beforeAll(() => {
	boot_kvm("intel", "", 3 * 2 ** 30);
});
beforeEach(() => {
	before = state();
});
afterEach(() => {
	expect(state()).toBe(before);
});

function begin(m: vm, start: number, end: number): void {
	write_lock(m.kvm.mmu_lock);
	kvm_mmu_invalidate_begin(m.kvm, gfn_t(start), gfn_t(end));
	write_unlock(m.kvm.mmu_lock);
}

function end(m: vm, start: number, end_: number): void {
	write_lock(m.kvm.mmu_lock);
	kvm_mmu_invalidate_end(m.kvm, gfn_t(start), gfn_t(end_));
	write_unlock(m.kvm.mmu_lock);
}

describe("a fault against an invalidation", () => {
	test("waits until one that covers its address is over", () => in_task(() => {
		const m = new vm(), at = anon(64 * PAGE);

		m.slot(0, at, 64 * PAGE);
		begin(m, 8, 16);
		expect(m.fault(8 * PAGE, WRITE | USER)).toBe(RET_PF_RETRY);
		expect(m.fault(15 * PAGE, WRITE | USER)).toBe(RET_PF_RETRY);
		expect(m.level(8 * PAGE)).toBe(0);
		/* the bounds themselves */
		expect(m.fault(7 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.fault(16 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		end(m, 8, 16);
		expect(m.fault(8 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(8 * PAGE)).toBe(PG_LEVEL_4K);
		m.close();
	}));
	test("takes several for one range from first to last", () => in_task(() => {
		const m = new vm(), at = anon(64 * PAGE);

		m.slot(0, at, 64 * PAGE);
		begin(m, 0, 1);
		begin(m, 32, 33);
		expect(m.fault(16 * PAGE, WRITE | USER)).toBe(RET_PF_RETRY);
		end(m, 0, 1);
		/* it is not known which of the two is over */
		expect(m.fault(16 * PAGE, WRITE | USER)).toBe(RET_PF_RETRY);
		end(m, 32, 33);
		expect(m.fault(16 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		m.close();
	}));
	test("waits at every slot that has part of an address range", () => in_task(() => {
		const m = new vm(), { at } = shared(16 * PAGE);
		const range = new struct_mmu_notifier_range(current.mm!);
		/* the first in the middle: it is met neither first nor last, whatever the order */
		const gfns = [1024, 0, 2048];

		gfns.forEach((gfn, i) => {
			m.slot(gfn * PAGE, at, 16 * PAGE, 0, i);
		});
		m.slot(3072 * PAGE, anon(16 * PAGE), 16 * PAGE, 0, 3);
		mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, null, current.mm!, at + PAGE,
			at + 3 * PAGE);
		mmu_notifier_invalidate_range_start(range);
		for (const gfn of gfns) {
			expect(m.fault((gfn + 1) * PAGE, WRITE | USER), `gfn ${gfn} + 1`)
				.toBe(RET_PF_RETRY);
			expect(m.fault((gfn + 2) * PAGE, WRITE | USER), `gfn ${gfn} + 2`)
				.toBe(RET_PF_RETRY);
		}
		/* beyond what covers them */
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.fault(2051 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.fault(3072 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		mmu_notifier_invalidate_range_end(range);

		/* what covered the last one is forgotten when the next begins */
		begin(m, 3072, 3073);
		for (const gfn of gfns)
			expect(m.fault((gfn + 1) * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		end(m, 3072, 3073);
		m.close();
	}));
	test("is stale if one came and went while the page was looked up", () => in_task(() => {
		const m = new vm(), { at } = shared(16 * PAGE);
		let n = 0;

		m.slot(0, at, 16 * PAGE);
		const seq = m.kvm.mmu_invalidate_seq;
		const undo = on_host_fault(at, () => {
			n++;
			begin(m, 1, 2);
			end(m, 1, 2);
		});
		/* of another page even: the sequence is one for all */
		expect(m.fault(3 * PAGE, WRITE | USER)).toBe(RET_PF_RETRY);
		undo();
		expect(n).toBe(1);
		expect(m.kvm.mmu_invalidate_seq).toBe(seq + 1);
		expect(m.level(3 * PAGE)).toBe(0);
		expect(m.vcpu.stat.pf_fixed).toBe(0);
		expect(m.fault(3 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		m.close();
	}));
	test("is stale if one begins while the page is looked up, and goes on", () => in_task(() => {
		const m = new vm(), { at } = shared(16 * PAGE);

		m.slot(0, at, 16 * PAGE);
		const undo = on_host_fault(at, () => begin(m, 0, 4));
		expect(m.fault(3 * PAGE, WRITE | USER)).toBe(RET_PF_RETRY);
		undo();
		expect(m.level(3 * PAGE)).toBe(0);
		end(m, 0, 4);
		expect(m.fault(3 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		m.close();
	}));
	test("drops the page that it took in vain", () => in_task(() => {
		const m = new vm(), { at } = shared(PAGE);

		m.slot(0, at, PAGE);
		const undo = on_host_fault(at, () => {
			begin(m, 0, 1);
			end(m, 0, 1);
		});
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_RETRY);
		undo();
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_FIXED);
		/* page cache and host mapping: none is KVM's */
		lru_add_drain_all();
		const page = pfn_to_page(pair_frame(m.walk(0).spte) as pfn_nr);
		expect(page_count(page)).toBe(2);
		m.close();
	}));
	test("is stale if its root became obsolete", () => in_task(() => {
		const m = new vm(), { at } = shared(16 * PAGE);

		m.slot(0, at, 16 * PAGE);
		expect(m.fault(PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		const was = m.vcpu.arch.mmu!.root.hpa;
		const undo = on_host_fault(at, () => {
			write_lock(m.kvm.mmu_lock);
			kvm_tdp_mmu_invalidate_all_roots(m.kvm);
			kvm_make_all_cpus_request(m.kvm, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS);
			write_unlock(m.kvm.mmu_lock);
		});
		expect(m.fault(3 * PAGE, WRITE | USER)).toBe(RET_PF_RETRY);
		undo();
		kvm_tdp_mmu_zap_invalidated_roots(m.kvm);
		/* fault() takes a new root, as the request demands */
		expect(m.fault(3 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.vcpu.arch.mmu!.root.hpa).not.toBe(was);
		expect(m.level(PAGE)).toBe(0);
		m.close();
	}));
	test("loses what the host takes away", () => in_task(() => {
		const m = new vm(), at = anon(16 * PAGE);

		m.slot(0, at, 16 * PAGE);
		for (let i = 0; i < 16; i++)
			expect(m.fault(i * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(madvise(at + 4 * PAGE, 4 * PAGE, MADV_DONTNEED)).toBe(0);
		for (let i = 0; i < 16; i++)
			expect(m.level(i * PAGE)).toBe(i >= 4 && i < 8 ? 0 : PG_LEVEL_4K);
		m.close();
	}));
});

describe("kinds of faults", () => {
	test("on a mapping that is there are spurious", () => in_task(() => {
		const m = new vm(), at = anon(PAGE);

		m.slot(0, at, PAGE);
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.fault(0, PRESENT | WRITE | USER)).toBe(RET_PF_SPURIOUS);
		expect(m.vcpu.stat.pf_fast).toBe(1);
		/* the long way, as after a fault with an empty entry: the dirty bit gets lost */
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_SPURIOUS);
		expect(m.vcpu.stat.pf_fast).toBe(1);
		expect(m.vcpu.stat.pf_taken).toBe(4);
		expect(m.vcpu.stat.pf_spurious).toBe(2);
		m.close();
	}));
	test("outside of slots are emulated, and leave an MMIO entry", () => in_task(() => {
		const m = new vm(), at = anon(PAGE);

		m.slot(0, at, PAGE);
		expect(m.fault(64 * PAGE, USER)).toBe(RET_PF_EMULATE);
		expect(is_mmio_spte(m.kvm, m.walk(64 * PAGE).spte)).toBe(true);
		expect(m.vcpu.stat.pf_mmio_spte_created).toBe(1);
		expect(m.vcpu.stat.pf_emulate).toBe(1);
		m.close();
	}));
	test("that write to a read-only slot are emulated, and leave none", () => in_task(() => {
		const m = new vm(), at = anon(PAGE);

		m.slot(0, at, PAGE, KVM_MEM_READONLY);
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_EMULATE);
		expect(m.level(0)).toBe(0);
		touch(at);
		expect(m.fault(0, USER)).toBe(RET_PF_FIXED);
		expect(m.level(0)).toBe(PG_LEVEL_4K);
		m.close();
	}));
});

describe("large pages", () => {
	const level_of = (m: vm, gpa: number): number => kvm_mmu_max_mapping_level(m.kvm,
		m.slot_of(gpa), gfn_t(gpa / PAGE), PG_LEVEL_NUM);

	test("are what the host maps", () => in_task(() => {
		const m = new vm(), at = anon(4 * HPAGE, true), small = anon(HPAGE);

		m.slot(0, at, 4 * HPAGE);
		m.slot(4 * HPAGE, small, HPAGE, 0, 1);
		expect(m.fault(HPAGE + 77 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		const { level, spte } = m.walk(HPAGE);
		expect(level).toBe(PG_LEVEL_2M);
		expect(pair_frame(spte) & 511).toBe(0);
		expect([...m.kvm.stat.pages]).toEqual([0, 1, 0]);
		/* nothing there yet, and small pages */
		expect(level_of(m, 2 * HPAGE)).toBe(PG_LEVEL_4K);
		touch(at + 2 * HPAGE);
		expect(level_of(m, 2 * HPAGE)).toBe(PG_LEVEL_2M);
		touch(small);
		expect(level_of(m, 4 * HPAGE)).toBe(PG_LEVEL_4K);
		expect(m.fault(4 * HPAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(4 * HPAGE)).toBe(PG_LEVEL_4K);
		m.close();
	}));
	test("need a slot whose ends reach over them, and that is aligned as the memory is", () => {
		in_task(() => {
			const m = new vm(), at = anon(8 * HPAGE, true);

			m.slot(0, at + HPAGE, HPAGE - PAGE);
			m.slot(4 * HPAGE + PAGE, at + 2 * HPAGE, 2 * HPAGE, 0, 1);
			for (const gpa of [0, HPAGE - 2 * PAGE, 5 * HPAGE, 6 * HPAGE]) {
				touch(at + 2 * HPAGE);
				expect(m.fault(gpa, WRITE | USER)).toBe(RET_PF_FIXED);
				expect(m.level(gpa)).toBe(PG_LEVEL_4K);
			}
			m.close();
		});
	});
	test("can be disallowed one by one, and are counted", () => in_task(() => {
		const m = new vm(), at = anon(2 * HPAGE, true);

		m.slot(0, at, 2 * HPAGE);
		const slot = m.slot_of(0);
		touch(at);
		touch(at + HPAGE);
		kvm_mmu_gfn_disallow_lpage(slot, gfn_t(3));
		kvm_mmu_gfn_disallow_lpage(slot, gfn_t(4));
		kvm_mmu_gfn_allow_lpage(slot, gfn_t(3));
		expect(m.fault(PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(PAGE)).toBe(PG_LEVEL_4K);
		expect(m.fault(HPAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(HPAGE)).toBe(PG_LEVEL_2M);
		kvm_mmu_gfn_allow_lpage(slot, gfn_t(4));
		/* in the place of the table, which goes */
		expect(m.fault(2 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(PAGE)).toBe(PG_LEVEL_2M);
		expect([...m.kvm.stat.pages]).toEqual([0, 2, 0]);
		m.close();
	}));
	test("are none while the slot's log is on", () => in_task(() => {
		const m = new vm(), at = anon(HPAGE, true);

		m.slot(0, at, HPAGE, KVM_MEM_LOG_DIRTY_PAGES);
		touch(at);
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(0)).toBe(PG_LEVEL_4K);
		m.slot(0, at, HPAGE, 0);
		expect(m.fault(PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(0)).toBe(PG_LEVEL_2M);
		m.close();
	}));
	test("split when the host splits, and come back", () => in_task(() => {
		const m = new vm(), at = anon(HPAGE, true);

		m.slot(0, at, HPAGE);
		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(0)).toBe(PG_LEVEL_2M);
		expect(madvise(at + 5 * PAGE, PAGE, MADV_DONTNEED)).toBe(0);
		expect(m.level(5 * PAGE)).toBe(0);
		expect(m.fault(5 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(5 * PAGE)).toBe(PG_LEVEL_4K);
		m.close();
	}));
	test("are not executed where the CPU cannot bear it, and recovered in time", () => {
		in_task(function* () {
			const m = new vm(), at = anon(4 * HPAGE, true);

			for (let i = 0; i < 4; i++)
				touch(at + i * HPAGE);
			m.slot(0, at, 4 * HPAGE);
			expect(m.fault(0, FETCH | USER)).toBe(RET_PF_FIXED);
			expect(m.level(0)).toBe(PG_LEVEL_2M);
			/* what is mapped goes: it may be executed */
			expect(write_file(`${PARAMS}/nx_huge_pages`, "force")).toBe(0);
			expect(m.level(0)).toBe(0);
			expect(m.fault(HPAGE, WRITE | USER)).toBe(RET_PF_FIXED);
			expect(m.level(HPAGE)).toBe(PG_LEVEL_2M);
			expect(is_executable_pte(m.walk(HPAGE).spte)).toBe(false);
			for (const gpa of [0, HPAGE])
				expect(m.fault(gpa + PAGE, FETCH | USER)).toBe(RET_PF_FIXED);
			for (const gpa of [0, HPAGE]) {
				expect(m.level(gpa + PAGE)).toBe(PG_LEVEL_4K);
				expect(is_executable_pte(m.walk(gpa + PAGE).spte)).toBe(true);
			}
			expect(m.kvm.stat.nx_lpage_splits).toBe(2);
			/* a table of small pages stays, whoever faults */
			expect(m.fault(HPAGE + 2 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
			expect(m.level(HPAGE + 2 * PAGE)).toBe(PG_LEVEL_4K);
			/* half of them at a time */
			expect(write_file(`${PARAMS}/nx_huge_pages_recovery_period_ms`, "1000"))
				.toBe(0);
			expect(write_file(`${PARAMS}/nx_huge_pages_recovery_ratio`, "2")).toBe(0);
			yield* usleep(1500000);
			expect(m.kvm.stat.nx_lpage_splits).toBe(1);
			expect(m.level(PAGE)).toBe(0);
			yield* usleep(1000000);
			expect(m.kvm.stat.nx_lpage_splits).toBe(0);
			expect(m.fault(HPAGE + 2 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
			expect(m.level(HPAGE)).toBe(PG_LEVEL_2M);
			for (const [name, was] of [["nx_huge_pages", "off"],
				["nx_huge_pages_recovery_period_ms", "0"],
				["nx_huge_pages_recovery_ratio", "60"]])
				expect(write_file(`${PARAMS}/${name!}`, was!)).toBe(0);
			m.close();
		});
	});
	test("of 1 GiB, where everything agrees", () => in_task(() => {
		const m = new vm();

		expect(write_file(NR_1G, "1")).toBe(0);
		const { fd, at } = shared(GPAGE, MFD_HUGETLB | 30 << 26, GPAGE);

		m.slot(GPAGE, at, GPAGE);
		expect(m.fault(GPAGE + 12345 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(GPAGE)).toBe(PG_LEVEL_1G);
		expect([...m.kvm.stat.pages]).toEqual([0, 0, 1]);
		const slot = m.slot_of(GPAGE);
		expect(kvm_mmu_max_mapping_level(m.kvm, slot, slot.base_gfn, PG_LEVEL_2M))
			.toBe(PG_LEVEL_2M);
		m.close();
		munmap(at, GPAGE);
		close(fd);
		expect(write_file(NR_1G, "0")).toBe(0);
	}));
});
