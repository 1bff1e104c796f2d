// SPDX-License-Identifier: GPL-2.0
/*
 * The TDP MMU over a made-up VM: what is mapped against a model, and the meetings that one thread
 * alone never has: an entry frozen by somebody else, a compare-and-exchange that is lost.
 *
 * Port-only.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pair, pair_to_u64, PAIR_ZERO, type u64_spte } from "#asm-generic/pair.ts";
import { gfn_t, gpa_t, kvm_pfn_t, ref } from "#asm-generic/types.ts";
import { cred_init } from "#linux/cred.ts";
import { __free_page, alloc_page, GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { struct_kvm, struct_kvm_memory_slot, struct_kvm_memslots, struct_kvm_vcpu,
	struct_kvm_gfn_range, kvm_mmu_topup_memory_cache } from "#linux/kvm_host.ts";
import { list_empty, list_for_each_entry } from "#linux/list.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { mutex_init } from "#linux/mutex.ts";
import { ClearPageDirty, PageDirty } from "#linux/page-flags.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { read_lock, read_unlock, rwlock_init, write_lock, write_unlock } from "#linux/spinlock.ts";
import { cleanup_srcu_struct, init_srcu_struct } from "#linux/srcu.ts";
import { set_trace_sink, trace_set_event } from "#linux/tracepoint.ts";
import { workqueue_init, workqueue_init_early } from "#linux/workqueue.ts";
import { kvm_configure_mmu, kvm_mmu_create, kvm_mmu_destroy, kvm_mmu_init_vm, kvm_mmu_uninit_vm,
	kvm_mmu_vendor_module_init, kvm_x86_ops, type struct_kvm_tlb_range } from
	"#asm/kvm_host.ts";
import { kvm_page_track_init } from "#asm/kvm_page_track.ts";
import { PG_LEVEL_1G, PG_LEVEL_2M, PG_LEVEL_4K } from "#asm/pgtable_types.ts";
import { mem_hi, mem_lo, mem_write64 } from "#hw/memory.ts";
import { kvm_mmu_set_ept_masks, KVM_ZAP_SHARED } from "#arch/x86/kvm/mmu.h.ts";
import { kvm_page_fault_init, RET_PF_FIXED, RET_PF_RETRY, RET_PF_SPURIOUS, sptep_to_sp,
	struct_kvm_mmu_page, struct_kvm_page_fault, to_shadow_page } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { ACC_ALL, is_last_spte, is_shadow_present_pte, is_writable_pte, REMOVED_SPTE,
	shadow_accessed_mask, shadow_dirty_mask, spte_to_pfn } from "#arch/x86/kvm/mmu/spte.h.ts";
import { struct_tdp_iter, tdp_iter_next, tdp_iter_start } from "#arch/x86/kvm/mmu/tdp_iter.h.ts";
import { kvm_tdp_mmu_age_gfn_range, kvm_tdp_mmu_clear_dirty_pt_masked,
	kvm_tdp_mmu_clear_dirty_slot, kvm_tdp_mmu_get_vcpu_root_hpa, kvm_tdp_mmu_get_walk,
	kvm_tdp_mmu_invalidate_all_roots, kvm_tdp_mmu_map, kvm_tdp_mmu_put_root,
	kvm_tdp_mmu_test_age_gfn, kvm_tdp_mmu_try_split_huge_pages, kvm_tdp_mmu_wrprot_slot,
	kvm_tdp_mmu_zap_all, kvm_tdp_mmu_zap_invalidated_roots, kvm_tdp_mmu_zap_leafs } from
	"#arch/x86/kvm/mmu/tdp_mmu.h.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { boot_mm, enter_mm, exit_mm, in_use, new_mm } from
	"#tools/testing/kunit/mm/mm_env.ts";

const WRITE = 2, READ = 4;
const MAX_GFN = 2 ** 34;

let kvm: struct_kvm, vcpu: struct_kvm_vcpu, slot: struct_kvm_memory_slot;
let root: struct_kvm_mmu_page;
let flushes: { start: number; pages: number }[] = [];
let mm: ReturnType<typeof new_mm>;
let before: ReturnType<typeof in_use>;
/** page that every small mapping may lead to */
let page: struct_page;

beforeAll(() => {
	boot_mm();
	cred_init();
	workqueue_init_early();
	workqueue_init();
	kvm_x86_ops.get_mt_mask = () => 6 << 3;
	kvm_x86_ops.tlb_remote_flush_with_range = (_kvm: struct_kvm,
		range: struct_kvm_tlb_range) => {
		flushes.push({ start: range.start_gfn, pages: range.pages });
		return 0;
	};
	kvm_x86_ops.tlb_remote_flush = () => 0;
	expect(kvm_mmu_vendor_module_init()).toBe(0);
	kvm_mmu_set_ept_masks(true, false);
	kvm_configure_mmu(true, 0, 4, PG_LEVEL_1G);
});

beforeEach(() => {
	before = in_use();
	mm = new_mm();
	enter_mm(mm);
	page = alloc_page(GFP_KERNEL_ACCOUNT)!;
	flushes = [];
	kvm = new struct_kvm({});
	kvm.mm = mm;
	kvm.arch.disable_nx_huge_pages = true;
	rwlock_init(kvm.mmu_lock, "&(kvm)->mmu_lock");
	mutex_init(kvm.slots_lock, "&kvm->slots_lock");
	init_srcu_struct(kvm.srcu);
	kvm_page_track_init(kvm);
	expect(kvm_mmu_init_vm(kvm)).toBe(0);
	kvm.memslots[0] = new struct_kvm_memslots();
	kvm.memslots[1] = new struct_kvm_memslots();
	slot = new struct_kvm_memory_slot();
	slot.npages = MAX_GFN;

	vcpu = new struct_kvm_vcpu({});
	vcpu.kvm = kvm;
	expect(kvm_mmu_create(vcpu)).toBe(0);
	const { root_role } = vcpu.arch.mmu!;
	root_role.level = 4;
	root_role.direct = 1;
	root_role.access = ACC_ALL;
	topup();
	write_lock(kvm.mmu_lock);
	vcpu.arch.mmu!.root.hpa = kvm_tdp_mmu_get_vcpu_root_hpa(vcpu);
	write_unlock(kvm.mmu_lock);
	root = to_shadow_page(vcpu.arch.mmu!.root.hpa)!;
});

afterEach(() => {
	trace_set_event("kvmmmu:*", false);
	set_trace_sink(null);
	write_lock(kvm.mmu_lock);
	kvm_tdp_mmu_zap_all(kvm);
	expect(leaves()).toEqual([]);
	kvm_tdp_mmu_put_root(kvm, root, false);
	write_unlock(kvm.mmu_lock);
	kvm_tdp_mmu_zap_invalidated_roots(kvm);
	expect(list_empty(kvm.arch.tdp_mmu_roots)).toBe(true);
	expect(list_empty(kvm.arch.tdp_mmu_pages)).toBe(true);
	for (const stat of kvm.stat.pages)
		expect(stat).toBe(0);
	kvm_mmu_destroy(vcpu);
	kvm_mmu_uninit_vm(kvm);
	cleanup_srcu_struct(kvm.srcu);
	__free_page(page);
	exit_mm(mm);
	expect(in_use()).toEqual(before);
});

function topup(): void {
	const { arch } = vcpu;
	expect(kvm_mmu_topup_memory_cache(arch.mmu_shadow_page_cache, 5)).toBe(0);
	expect(kvm_mmu_topup_memory_cache(arch.mmu_page_header_cache, 5)).toBe(0);
}

/** A fault on @gfn for @pfn, at @level if nothing stands against it. */
function map(gfn: number, pfn: number, level = PG_LEVEL_4K, access = WRITE): number {
	const fault = new struct_kvm_page_fault();

	kvm_page_fault_init(fault, gpa_t(gfn * 4096), access, false, true, false);
	topup();
	fault.gfn = gfn_t(gfn);
	fault.pfn = kvm_pfn_t(pfn);
	fault.slot = slot;
	fault.map_writable = true;
	/* kvm_mmu_hugepage_adjust() would ask the host's page tables */
	fault.max_level = PG_LEVEL_4K;
	fault.goal_level = fault.req_level = level;
	read_lock(kvm.mmu_lock);
	const r = kvm_tdp_mmu_map(vcpu, fault);
	read_unlock(kvm.mmu_lock);
	return r;
}

interface leaf {
	gfn: number;
	pfn: number;
	level: number;
	writable: boolean;
}

/** All leaves, by walking the tables as the hardware would. */
function leaves(): leaf[] {
	const found: leaf[] = [];
	const walk = (table: number, level: number, gfn: number): void => {
		for (let i = 0; i < 512; i++) {
			const spte = pair(mem_lo(table + i), mem_hi(table + i));
			const at = gfn + i * 512 ** (level - 1);
			if (!is_shadow_present_pte(spte))
				continue;
			if (is_last_spte(spte, level))
				found.push({ gfn: at, pfn: spte_to_pfn(spte), level,
					writable: is_writable_pte(spte) });
			else
				walk(spte_to_pfn(spte) * 512, level - 1, at);
		}
	};
	walk(root.spt, 4, 0);
	return found;
}

function entry_of(gfn: number, level = PG_LEVEL_4K): number {
	const iter = new struct_tdp_iter();
	let sptep = 0;

	rcu_read_lock();
	for (tdp_iter_start(iter, root, level, gfn_t(gfn)); iter.valid && iter.gfn <= gfn;
	     tdp_iter_next(iter))
		sptep = iter.sptep;
	rcu_read_unlock();
	return sptep;
}

const get = (sptep: number): u64_spte => pair(mem_lo(sptep), mem_hi(sptep));
const put = (sptep: number, spte: u64_spte): void => mem_write64(sptep, spte.lo, spte.hi);

function locked<T>(write: boolean, fn: () => T): T {
	(write ? write_lock : read_lock)(kvm.mmu_lock);
	const x = fn();
	(write ? write_unlock : read_unlock)(kvm.mmu_lock);
	return x;
}

describe("mapping", () => {
	test.each(seeds(8))("random faults and zaps against a map, seed %i", (seed) => {
		const random = new prng(seed);
		const model = new Map<number, number>();
		const bases = [0, 511, 512, 2 ** 18 - 4, 2 ** 27 - 2, 2 ** 32 + 7];
		const check = (): void => expect(leaves().map((l) => [l.gfn, l.pfn]))
			.toEqual([...model].sort((a, b) => a[0] - b[0]));

		for (let i = 0; i < 300; i++) {
			const gfn = random.pick(bases) + random.below(40);
			if (!random.chance(1, 10)) {
				/* the first time again without the dirty bit, then as it is */
				const r = map(gfn, page.pfn);
				expect(r === RET_PF_FIXED || (r === RET_PF_SPURIOUS &&
					model.has(gfn))).toBe(true);
				model.set(gfn, page.pfn);
				continue;
			}
			const end = gfn + 1 + random.below(16);
			const some = [...model.keys()].some((g) => g >= gfn && g < end);
			expect(locked(true, () => kvm_tdp_mmu_zap_leafs(kvm, 0, gfn_t(gfn),
				gfn_t(end), true, false, KVM_ZAP_SHARED))).toBe(some);
			for (let g = gfn; g < end; g++)
				model.delete(g);
			check();
		}
		check();
		expect(kvm.stat.pages[0]).toBe(model.size);
	});

	test("a walk ends where the mapping does", () => {
		const sptes: u64_spte[] = [];
		const root_level = new ref(0);
		const walk = (gfn: number): number => {
			rcu_read_lock();
			const r = kvm_tdp_mmu_get_walk(vcpu, gpa_t(gfn * 4096), sptes, root_level);
			rcu_read_unlock();
			return r;
		};

		expect(walk(5)).toBe(4);
		map(5, page.pfn);
		expect(walk(5)).toBe(1);
		expect(root_level.v).toBe(4);
		expect(spte_to_pfn(sptes[1]!)).toBe(page.pfn);
		expect(walk(512)).toBe(2);
		expect(walk(2 ** 27)).toBe(4);
	});

	test("a large page gives way to a table, with a flush", () => {
		expect(map(512, 0x200, PG_LEVEL_2M)).toBe(RET_PF_FIXED);
		expect(kvm.stat.pages[1]).toBe(1);
		expect(map(513, page.pfn)).toBe(RET_PF_FIXED);
		expect(flushes).toEqual([{ start: 512, pages: 512 }]);
		expect(leaves()).toEqual([{ gfn: 513, pfn: page.pfn, level: 1, writable: true }]);
		expect(kvm.stat.pages[1]).toBe(0);
	});

	test("a table gives way to a large page, and is freed", () => {
		map(513, page.pfn);
		expect(map(512, 0x200, PG_LEVEL_2M)).toBe(RET_PF_FIXED);
		expect(leaves()).toEqual([{ gfn: 512, pfn: 0x200, level: 2, writable: true }]);
		expect([...list_for_each_entry(kvm.arch.tdp_mmu_pages, struct_kvm_mmu_page,
			"link")]).toHaveLength(2);
	});
});

describe("others at the same entry", () => {
	test("a frozen leaf is left alone", () => {
		map(7, page.pfn);
		const sptep = entry_of(7), old = get(sptep);
		put(sptep, REMOVED_SPTE);
		expect(map(7, page.pfn)).toBe(RET_PF_RETRY);
		expect(get(sptep)).toEqual(REMOVED_SPTE);
		put(sptep, old);
	});

	test("a frozen upper entry is left alone, and no table made for it", () => {
		map(7, page.pfn);
		const sptep = entry_of(512, PG_LEVEL_2M);
		put(sptep, REMOVED_SPTE);
		const pages = kvm.arch.tdp_mmu_pages.next;
		expect(map(512, page.pfn)).toBe(RET_PF_RETRY);
		expect(get(sptep)).toEqual(REMOVED_SPTE);
		expect(kvm.arch.tdp_mmu_pages.next).toBe(pages);
		put(sptep, PAIR_ZERO);
	});

	test("a table linked by somebody else meanwhile: retry, and ours is freed", () => {
		map(7, page.pfn);
		const sptep = entry_of(512, PG_LEVEL_2M);
		let lost = 0;
		trace_set_event("kvmmmu:kvm_mmu_get_page", true);
		set_trace_sink(() => {
			if (lost++ === 0)
				put(sptep, REMOVED_SPTE);
		});
		expect(map(512, page.pfn)).toBe(RET_PF_RETRY);
		expect(lost).toBe(1);
		put(sptep, PAIR_ZERO);
		set_trace_sink(null);
		expect(map(512, page.pfn)).toBe(RET_PF_FIXED);
	});

	test("a bit set by the CPU is not lost when its table goes", () => {
		map(7, page.pfn, PG_LEVEL_4K, READ);
		const sptep = entry_of(7), old = get(sptep);
		/* write permission without dirty: a volatile bit */
		put(sptep, pair(old.lo & ~shadow_dirty_mask.lo, old.hi));
		trace_set_event("kvmmmu:kvm_mmu_prepare_zap_page", true);
		set_trace_sink(() => put(sptep, old));
		ClearPageDirty(page);
		map(0, 0, PG_LEVEL_2M);
		expect(get(sptep)).toEqual(REMOVED_SPTE);
		expect(PageDirty(page)).toBe(true);
		ClearPageDirty(page);
	});
});

describe("dirty logging and aging", () => {
	const mask_of = (sptep: number): [boolean, boolean] => {
		const spte = get(sptep);
		return [(spte.lo & shadow_dirty_mask.lo) !== 0, is_writable_pte(spte)];
	};

	test.each([[0x80000001, 0x80000001], [0, 1], [6, 0]])("mask %i:%i", (lo, hi) => {
		const gfns = Array.from({ length: 64 }, (_, i) => 64 + i);
		const in_mask = (i: number): boolean => ((i < 32 ? lo : hi) >>> (i & 31) & 1) !== 0;

		for (const gfn of gfns)
			map(gfn, page.pfn);
		for (const wrprot of [false, true]) {
			locked(true, () => kvm_tdp_mmu_clear_dirty_pt_masked(kvm, slot, gfn_t(64),
				pair(lo, hi), wrprot));
			for (const gfn of gfns)
				expect(mask_of(entry_of(gfn))).toEqual(in_mask(gfn - 64) ?
					[false, !wrprot] : [true, true]);
		}
		/* it is up to the caller, before he drops mmu_lock */
		expect(flushes).toEqual([]);
	});

	test("a slot: dirty bits, then write permission", () => {
		map(3, page.pfn);
		map(512, 0x200, PG_LEVEL_2M);
		expect(locked(false, () => kvm_tdp_mmu_clear_dirty_slot(kvm, slot))).toBe(true);
		expect(locked(false, () => kvm_tdp_mmu_clear_dirty_slot(kvm, slot))).toBe(false);
		expect(locked(false, () => kvm_tdp_mmu_wrprot_slot(kvm, slot, PG_LEVEL_2M)))
			.toBe(true);
		expect(leaves().map((l) => l.writable)).toEqual([true, false]);
	});

	test("a large page is split without losing what it was", () => {
		map(512, 0x200, PG_LEVEL_2M);
		const spte = get(entry_of(512, PG_LEVEL_2M));
		locked(false, () => kvm_tdp_mmu_try_split_huge_pages(kvm, slot, gfn_t(0),
			gfn_t(2048), PG_LEVEL_4K, true));
		const small = leaves();
		expect(small).toHaveLength(512);
		expect(small[100]).toEqual({ gfn: 612, pfn: 0x200 + 100, level: 1,
			writable: true });
		expect([...kvm.stat.pages]).toEqual([512, 0, 0]);
		expect(pair_to_u64(get(entry_of(512)))).toBe(pair_to_u64(spte) & ~0x80n);
	});

	test("aging takes the accessed bit and says that it was there", () => {
		const range = new struct_kvm_gfn_range();
		map(9, page.pfn);
		range.slot = slot;
		range.start = gfn_t(8);
		range.end = gfn_t(12);
		expect(locked(true, () => kvm_tdp_mmu_test_age_gfn(kvm, range))).toBe(true);
		expect(locked(true, () => kvm_tdp_mmu_age_gfn_range(kvm, range))).toBe(true);
		expect(locked(true, () => kvm_tdp_mmu_test_age_gfn(kvm, range))).toBe(false);
		expect(get(entry_of(9)).lo & shadow_accessed_mask.lo).toBe(0);
	});
});

describe("roots", () => {
	test("the same role shares a root, an invalid one is not found", () => {
		const again = locked(true, () => kvm_tdp_mmu_get_vcpu_root_hpa(vcpu));
		expect(again).toBe(vcpu.arch.mmu!.root.hpa);
		expect(root.tdp_mmu_root_count.refs).toBe(2);
		locked(true, () => kvm_tdp_mmu_put_root(kvm, root, false));

		map(5, page.pfn);
		map(2 ** 30, page.pfn);
		locked(true, () => kvm_tdp_mmu_invalidate_all_roots(kvm));
		topup();
		const fresh = locked(true, () => kvm_tdp_mmu_get_vcpu_root_hpa(vcpu));
		expect(fresh).not.toBe(vcpu.arch.mmu!.root.hpa);
		kvm_tdp_mmu_zap_invalidated_roots(kvm);
		expect(leaves()).toEqual([]);
		expect(root.tdp_mmu_root_count.refs).toBe(1);
		const other = sptep_to_sp(fresh / 8);
		locked(true, () => kvm_tdp_mmu_put_root(kvm, other, false));
	});

	test("the last put of a valid root zaps it in the work queue", () => {
		map(5, page.pfn);
		locked(true, () => {
			kvm_tdp_mmu_put_root(kvm, root, false);
			expect(root.role.invalid).toBe(1);
			expect(root.tdp_mmu_root_count.refs).toBe(1);
		});
		kvm_tdp_mmu_zap_invalidated_roots(kvm);
		expect(list_empty(kvm.arch.tdp_mmu_roots)).toBe(true);
		expect(kvm.stat.pages[0]).toBe(0);
		topup();
		vcpu.arch.mmu!.root.hpa = locked(true, () => kvm_tdp_mmu_get_vcpu_root_hpa(vcpu));
		root = to_shadow_page(vcpu.arch.mmu!.root.hpa)!;
	});
});
