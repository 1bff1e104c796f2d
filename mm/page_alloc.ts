// SPDX-License-Identifier: GPL-2.0
/*
 * The page allocator: buddy lists by order and migrate type, per-CPU lists in front of them,
 * watermarks, and what happens when memory runs out.
 *
 * Upstream: mm/page_alloc.c. Left out: NUMA, CMA, highatomic reserves for orders above 0 are kept,
 * memory hotplug, cpusets, guard pages, KASAN, page owner, page fragments, alloc_pages_exact(),
 * kernelcore=, tracepoints, dirty limits of nodes, show_free_areas().
 *
 * zone->lock is inside pcp->lock; both are taken with interrupts off. Nothing is taken inside.
 *
 * Port-only: struct pages are made when first asked for (mm_init.ts), and the memory that is free
 * at boot joins the lists block by block, lowest first, when they have run dry
 * (deferred_grow_zone()), while it is counted as free from the start. A page that was never made is
 * either inside a free block, or a tail, or allocated with one reference in a range that
 * alloc_contig_range() gave out; loops over the pages of a block look only at those that exist.
 */
import { late_initcall, postcore_initcall } from "#asm-generic/registry.ts";
import { pfn_nr } from "#asm-generic/types.ts";
import { __ffs, __fls, ALIGN, ALIGN_DOWN, min } from "#asm-generic/bits.ts";
import {
	CONFIG_DEBUG_VM, CONFIG_FAIL_PAGE_ALLOC, CONFIG_LOCKDEP, CONFIG_MMU_NOTIFIER,
	CONFIG_PAGE_POISONING, CONFIG_TRANSPARENT_HUGEPAGE,
} from "#generated/autoconf.ts";
import { BUG, WARN, WARN_ON_ONCE } from "#linux/bug.ts";
import { for_each_online_cpu, for_each_possible_cpu, num_online_cpus } from "#linux/cpumask.ts";
import {
	COMPACT_DEFERRED, COMPACT_SKIPPED, DEF_COMPACT_PRIORITY, INIT_COMPACT_PRIORITY,
	type compact_priority, type compact_result,
} from "#linux/compaction.ts";
import { EBUSY, ENOENT } from "#linux/errno.ts";
import {
	debugfs_create_bool, debugfs_create_u32, fault_create_debugfs_attr, setup_fault_attr,
	should_fail, struct_fault_attr,
} from "#linux/fault-inject.ts";
import { GFP_ZONE_BAD, alloc_pages, gfp_migratetype, gfp_zone, node_zonelist } from "#linux/gfp.ts";
import {
	GFP_KERNEL, GFP_USER, GFP_ZONEMASK, __GFP_ATOMIC, __GFP_BITS_MASK, __GFP_COMP,
	__GFP_DIRECT_RECLAIM, __GFP_FS, __GFP_HARDWALL, __GFP_HIGH, __GFP_HIGHMEM,
	__GFP_KSWAPD_RECLAIM, __GFP_MEMALLOC, __GFP_NOFAIL, __GFP_NOLOCKDEP, __GFP_NOMEMALLOC,
	__GFP_NORETRY, __GFP_NOWARN, __GFP_RETRY_MAYFAIL, __GFP_THISNODE, __GFP_ZERO, type gfp_t,
} from "#linux/gfp_types.ts";
import { prep_transhuge_page, free_transhuge_page } from "#linux/huge_mm.ts";
import { free_huge_page } from "#linux/hugetlb.ts";
import { local_irq_restore, local_irq_save } from "#linux/irqflags.ts";
import {
	list_add, list_add_tail, list_del, list_empty, list_move_tail, type struct_list_head,
} from "#linux/list.ts";
import {
	lock_map_acquire, lock_map_release, lockdep_assert_held, lockdep_chain, lockdep_init_map,
	new_lock_id, type lockdep_map,
} from "#linux/lockdep.ts";
import { mem_cgroup_uncharge } from "#linux/memcontrol.ts";
import {
	COMPOUND_PAGE_DTOR, HUGETLB_PAGE_DTOR, NR_COMPOUND_DTORS, TRANSHUGE_PAGE_DTOR,
	compound_order, page_zone, set_compound_order, set_compound_page_dtor,
} from "#linux/mm.ts";
import type { struct_folio, struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON, VM_BUG_ON_FOLIO, VM_BUG_ON_PAGE, dump_page } from "#linux/mmdebug.ts";
import { __mmu_notifier_invalidate_range_start_map } from "#linux/mmu_notifier.ts";
import {
	LRU_ACTIVE_FILE, LRU_INACTIVE_FILE, MAX_ORDER, MAX_ORDER_NR_PAGES, MIGRATE_HIGHATOMIC,
	MIGRATE_MOVABLE, MIGRATE_PCPTYPES, MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE, NR_FREE_PAGES,
	NR_KERNEL_MISC_RECLAIMABLE, NR_LOWORDER_PCP_LISTS, NR_LRU_BASE, NR_PAGEBLOCK_BITS,
	NR_PCP_LISTS, NR_SHMEM, NR_SLAB_RECLAIMABLE_B, PAGES_PER_SECTION, PAGE_ALLOC_COSTLY_ORDER,
	PFN_SECTION_SHIFT, WMARK_HIGH, WMARK_LOW, WMARK_MIN, WMARK_PROMO, ZONE_BOOSTED_WATERMARK,
	ZONE_NORMAL, ZONE_RECLAIM_ACTIVE, pageblock_nr_pages, pageblock_order, type zone_type,
} from "#linux/mmzone.const.ts";
import {
	MAX_NR_ZONES, NEAR_SHIFT, contig_page_data, for_each_populated_zone, for_each_zone,
	for_each_zone_zonelist_nodemask, free_area_empty, get_page_from_free_area,
	high_wmark_pages, low_wmark_pages, managed_zone, mem_section, migratetype_is_mergeable,
	near_is, near_pageblock_flags, next_made_page, min_wmark_pages, type nodemask_t,
	page_zonenum, pfn_to_made_page, pfn_to_page, type struct_free_area,
	struct_per_cpu_pages, type struct_pglist_data, type struct_zone, type struct_zoneref,
	wmark_pages, zone_end_pfn, zone_idx, zone_is_initialized, zone_managed_pages,
	zone_spans_pfn, zone_to_nid, populated_zone,
} from "#linux/mmzone.ts";
import { mutex_lock, mutex_trylock, mutex_unlock } from "#linux/mutex.ts";
import { DEFINE_MUTEX } from "#linux/mutex_types.ts";
import { oom_control, oom_lock, out_of_memory, tsk_is_oom_victim } from "#linux/oom.ts";
import { has_isolate_pageblock, is_migrate_isolate } from "#linux/page-isolation.ts";
import {
	ClearPageDoubleMap, ClearPageHasHWPoisoned, PageBuddy, PageCompound, PageHWPoison,
	PageHead, PageLRU, PageReserved, PageTail, TestClearPageHWPoison, __ClearPageBuddy,
	__ClearPageReported, PageReported, __PageMovable, __SetPageBuddy, __SetPageHead,
	clear_compound_head,
} from "#linux/page-flags.ts";
import {
	MAGIC_HWPOISON, PAGE_FLAGS_CHECK_AT_FREE, PAGE_FLAGS_CHECK_AT_PREP, PG_head, PG_reserved,
	__PG_HWPOISON,
} from "#linux/page-flags.const.ts";
import {
	page_poisoning_enabled_static, kernel_poison_pages, kernel_unpoison_pages,
} from "#linux/mm.ts";
import { TAINT_BAD_PAGE, LOCKDEP_NOW_UNRELIABLE, add_taint, dump_stack } from "#linux/panic.ts";
import { pr_alert, pr_cont, pr_warn, pr_err } from "#linux/printk.ts";
import { in_interrupt, in_serving_softirq } from "#linux/preempt.ts";
import {
	current_gfp_context, memalloc_noreclaim_restore, memalloc_noreclaim_save, might_alloc,
} from "#linux/sched/mm.ts";
import { MAX_LOCKDEP_CHAINS } from "#linux/lockdep_types.ts";
import {
	cond_resched, current, PF_DUMPCORE, PF_MEMALLOC, PF_WQ_WORKER,
	schedule_timeout_uninterruptible,
} from "#linux/sched.ts";
import { smp_processor_id } from "#linux/smp.ts";
import {
	spin_lock, spin_lock_init, spin_lock_irqsave, spin_trylock, spin_unlock,
	spin_unlock_irqrestore,
} from "#linux/spinlock.ts";
import { DEFINE_SPINLOCK } from "#linux/spinlock_types.ts";
import { proc_dointvec_minmax, type struct_ctl_table, type struct_sysctl_buffer } from
	"#linux/sysctl.ts";
import { SWAP_CLUSTER_MAX, try_to_free_pages, zone_reclaimable_pages } from "#linux/swap.ts";
import {
	PGALLOC_DMA32, PGFREE, __count_vm_event, __count_vm_events, __count_zid_vm_events,
	__mod_zone_freepage_state, __mod_zone_page_state, global_node_page_state,
	global_zone_page_state, zone_page_state,
} from "#linux/vmstat.ts";
import { clear_highpage } from "#linux/highmem.ts";
import { memblock_is_free_range } from "#linux/memblock.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import {
	ALLOC_CMA, ALLOC_CPUSET, ALLOC_HARDER, ALLOC_HIGH, ALLOC_KSWAPD, ALLOC_NOFRAGMENT,
	ALLOC_NO_WATERMARKS, ALLOC_OOM, ALLOC_WMARK_HIGH, ALLOC_WMARK_LOW, ALLOC_WMARK_MASK,
	ALLOC_WMARK_MIN, MAX_RECLAIM_RETRIES, WARN_ON_ONCE_GFP, buddy_order, contig_ranges,
	find_buddy_page_pfn, forget_contig_range, is_migrate_highatomic,
	is_migrate_highatomic_page, materialise_section, set_page_refcounted,
	struct_alloc_context,
} from "#mm/internal.h.ts";
import {
	start_isolate_page_range, test_pages_isolated, undo_isolate_page_range,
} from "#linux/page-isolation.ts";

type fpi_t = number;
const FPI_NONE			= 0;
const FPI_TO_TAIL		= 1 << 1;

const pcp_batch_high_lock	= DEFINE_MUTEX("pcp_batch_high_lock");
const pcpu_drain_mutex		= DEFINE_MUTEX("pcpu_drain_mutex");

let _totalram_pages = 0;
export let totalreserve_pages = 0;

export const percpu_pagelist_high_fraction = 0;
export const gfp_allowed_mask = __GFP_BITS_MASK;

/** Port-only: called with each block of pages that is freed; for checks of the machine. */
let free_hook: ((pfn: number, order: number) => void) | null = null;
/* every page that is freed goes the long way: there is a hook, or free pages are filled */
let slow_free = CONFIG_PAGE_POISONING;

export function set_arch_free_page(hook: ((pfn: number, order: number) => void) | null): void {
	free_hook = hook;
	slow_free = CONFIG_PAGE_POISONING || hook !== null;
}

/* C: in index; this field is as free here and only ever holds small integers */
function get_pcppage_migratetype(page: struct_page): number {
	return page.mlock_count;
}

function set_pcppage_migratetype(page: struct_page, migratetype: number): void {
	page.mlock_count = migratetype;
}

export const sysctl_lowmem_reserve_ratio = [256, 32, 0];

const zone_names = ["DMA32", "Normal", "Movable"];

export const migratetype_names = ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"];

export let min_free_kbytes = 1024;
export let user_min_free_kbytes = -1;
const watermark_boost_factor: number = 15000;
const watermark_scale_factor = 10;

export const page_group_by_mobility_disabled = false;

/* ---- pageblocks ----------------------------------------------------------------------------- */

function pageblock_flags(pfn: number): Uint8Array {
	const section = mem_section[pfn >>> PFN_SECTION_SHIFT];
	return (section ?? materialise_section(pfn)).pageblock_flags;
}

function get_pfnblock_migratetype(_page: struct_page | null, pfn: number): number {
	if (pfn >> NEAR_SHIFT === near_is[0])
		return near_pageblock_flags[(pfn & ((1 << NEAR_SHIFT) - 1)) >> pageblock_order]!;
	return pageblock_flags(pfn)[(pfn & (PAGES_PER_SECTION - 1)) >> pageblock_order]!;
}

export function get_pfnblock_flags_mask(page: struct_page, pfn: number, mask: number): number {
	return get_pfnblock_migratetype(page, pfn) & mask;
}

export function set_pfnblock_flags_mask(page: struct_page, flags: number, pfn: number,
	mask: number): void {
	VM_BUG_ON_PAGE(!zone_spans_pfn(page_zone(page), pfn), page);

	const at = (pfn & (PAGES_PER_SECTION - 1)) >> pageblock_order;
	const bitmap = pageblock_flags(pfn);
	bitmap[at] = bitmap[at]! & ~mask | flags;
}

const MIGRATETYPE_MASK = (1 << (NR_PAGEBLOCK_BITS - 1)) - 1;

export function get_pageblock_migratetype(page: struct_page): number {
	return get_pfnblock_migratetype(page, page.pfn);
}

export function set_pageblock_migratetype(page: struct_page, migratetype: number): void {
	set_pfnblock_flags_mask(page, migratetype, page.pfn, MIGRATETYPE_MASK);
}

function page_outside_zone_boundaries(zone: struct_zone, page: struct_page): boolean {
	const pfn = page.pfn;

	if (zone_spans_pfn(zone, pfn))
		return false;
	pr_err("page 0x%x outside node %d zone %s [ 0x%x - 0x%x ]\n", pfn, zone_to_nid(zone),
		zone.name, zone.zone_start_pfn, zone_end_pfn(zone));
	return true;
}

function bad_range(zone: struct_zone, page: struct_page): boolean {
	if (!CONFIG_DEBUG_VM)
		return false;
	return page_outside_zone_boundaries(zone, page) || zone_idx(zone) !== page_zonenum(page);
}

let nr_bad_pages_shown = 0;

function bad_page(page: struct_page, reason: string | null): void {
	if (nr_bad_pages_shown++ < 60) {
		pr_alert("BUG: Bad page state in process %s  pfn:%05x\n", current.comm, page.pfn);
		dump_page(page, reason);
		dump_stack();
	}
	/* bad fields stay as they are, but a free page's type would make more trouble */
	page._mapcount = -1;
	add_taint(TAINT_BAD_PAGE, LOCKDEP_NOW_UNRELIABLE);
}

function order_to_pindex(migratetype: number, order: number): number {
	if (order === 0)
		return migratetype;
	if (CONFIG_TRANSPARENT_HUGEPAGE && order > PAGE_ALLOC_COSTLY_ORDER) {
		VM_BUG_ON(order !== pageblock_order);
		return NR_LOWORDER_PCP_LISTS;
	}
	return MIGRATE_PCPTYPES * order + migratetype;
}

function pindex_to_order(pindex: number): number {
	if (CONFIG_TRANSPARENT_HUGEPAGE && pindex === NR_LOWORDER_PCP_LISTS)
		return pageblock_order;
	return pindex / MIGRATE_PCPTYPES | 0;
}

function pcp_allowed_order(order: number): boolean {
	if (order <= PAGE_ALLOC_COSTLY_ORDER)
		return true;
	return CONFIG_TRANSPARENT_HUGEPAGE && order === pageblock_order;
}

function free_the_page(page: struct_page, order: number): void {
	if (pcp_allowed_order(order))
		free_unref_page(page, order);
	else
		__free_pages_ok(page, order, FPI_NONE);
}

/* ---- compound pages ------------------------------------------------------------------------- */

export function free_compound_page(page: struct_page): void {
	mem_cgroup_uncharge(page as struct_folio);
	free_the_page(page, compound_order(page));
}

function prep_compound_head(page: struct_page, order: number): void {
	set_compound_page_dtor(page, COMPOUND_PAGE_DTOR);
	set_compound_order(page, order);
	page.compound_mapcount = -1;
	page.compound_pincount = 0;
}

/* the pages of @pfn's section; a block up to MAX_ORDER - 1 lies within one */
function section_pages(pfn: number): (struct_page | null)[] {
	return (mem_section[pfn >>> PFN_SECTION_SHIFT] ?? materialise_section(pfn)).pages;
}

/** mm/page_alloc.c:prep_compound_page(); tails made later find their head (mm_init.ts). */
export function prep_compound_page(page: struct_page, order: number): void {
	const nr_pages = 1 << order;

	__SetPageHead(page);
	for (let i = 1; i < nr_pages;) {
		const pfn = page.pfn + i;
		const pages = section_pages(pfn);
		const at = pfn & (PAGES_PER_SECTION - 1);
		const end = Math.min(at + nr_pages - i, PAGES_PER_SECTION);
		for (let j = at; j < end; j++) {
			const p = pages[j]!;
			if (p !== null)
				p.compound_head = page;
		}
		i += end - at;
	}
	prep_compound_head(page, order);
}

/** mm/page_alloc.c:destroy_large_folio() and compound_page_dtors */
export function destroy_large_folio(folio: struct_folio): void {
	const dtor = folio.compound_dtor;

	VM_BUG_ON_FOLIO(dtor >= NR_COMPOUND_DTORS, folio);
	switch (dtor) {
	case COMPOUND_PAGE_DTOR:
		free_compound_page(folio);
		break;
	case HUGETLB_PAGE_DTOR:
		free_huge_page(folio);
		break;
	case TRANSHUGE_PAGE_DTOR:
		free_transhuge_page(folio);
		break;
	default:
		BUG();
	}
}

/* ---- the buddy lists ------------------------------------------------------------------------ */

function set_buddy_order(page: struct_page, order: number): void {
	page.private_ = order;
	__SetPageBuddy(page);
}

function add_to_free_list(page: struct_page, zone: struct_zone, order: number,
	migratetype: number): void {
	const area = zone.free_area[order]!;

	list_add(page.lru, area.free_list[migratetype]!);
	area.nr_free++;
}

function add_to_free_list_tail(page: struct_page, zone: struct_zone, order: number,
	migratetype: number): void {
	const area = zone.free_area[order]!;

	list_add_tail(page.lru, area.free_list[migratetype]!);
	area.nr_free++;
}

function move_to_free_list(page: struct_page, zone: struct_zone, order: number,
	migratetype: number): void {
	list_move_tail(page.lru, zone.free_area[order]!.free_list[migratetype]!);
}

function del_page_from_free_list(page: struct_page, zone: struct_zone, order: number): void {
	if (PageReported(page))
		__ClearPageReported(page);

	list_del(page.lru);
	__ClearPageBuddy(page);
	page.private_ = 0;
	zone.free_area[order]!.nr_free--;
}

/* whether the block one order up is likely to be whole soon: then this one goes to the tail */
function buddy_merge_likely(pfn: number, buddy_pfn: number, page: struct_page,
	order: number): boolean {
	if (order >= MAX_ORDER - 2)
		return false;

	const higher_page_pfn = buddy_pfn & pfn;
	return find_buddy_page_pfn(page, higher_page_pfn, order + 1) !== null;
}

/** mm/page_alloc.c:__free_one_page(); zone->lock held. */
function __free_one_page(page: struct_page, pfn: number, zone: struct_zone, order: number,
	migratetype: number, fpi_flags: fpi_t): void {
	VM_BUG_ON(!zone_is_initialized(zone));
	VM_BUG_ON_PAGE((page.flags & PAGE_FLAGS_CHECK_AT_PREP) !== 0, page);

	if (!is_migrate_isolate(migratetype))
		__mod_zone_freepage_state(zone, 1 << order, migratetype);

	VM_BUG_ON_PAGE((pfn & ((1 << order) - 1)) !== 0, page);
	VM_BUG_ON_PAGE(bad_range(zone, page), page);

	while (order < MAX_ORDER - 1) {
		const buddy = find_buddy_page_pfn(page, pfn, order);
		if (buddy === null)
			break;

		if (order >= pageblock_order) {
			/* what is isolated or reserved stays by itself */
			const buddy_mt = get_pageblock_migratetype(buddy);

			if (migratetype !== buddy_mt &&
			    (!migratetype_is_mergeable(migratetype) ||
			     !migratetype_is_mergeable(buddy_mt)))
				break;
		}

		del_page_from_free_list(buddy, zone, order);
		if (buddy.pfn < pfn) {
			page = buddy;
			pfn = buddy.pfn;
		}
		order++;
	}

	set_buddy_order(page, order);

	if ((fpi_flags & FPI_TO_TAIL) !== 0 ||
	    buddy_merge_likely(pfn, pfn ^ (1 << order), page, order))
		add_to_free_list_tail(page, zone, order, migratetype);
	else
		add_to_free_list(page, zone, order, migratetype);
}

/** mm/page_alloc.c:split_free_page(); a free block in two at @split_pfn_offset. */
export function split_free_page(free_page: struct_page, order: number,
	split_pfn_offset: number): number {
	const zone = page_zone(free_page);
	const free_page_pfn = free_page.pfn;
	let ret = 0;

	if (split_pfn_offset === 0)
		return ret;

	const flags = spin_lock_irqsave(zone.lock);

	out: {
		if (!PageBuddy(free_page) || buddy_order(free_page) !== order) {
			ret = -ENOENT;
			break out;
		}

		const mt = get_pageblock_migratetype(free_page);
		if (!is_migrate_isolate(mt))
			__mod_zone_freepage_state(zone, -(1 << order), mt);

		del_page_from_free_list(free_page, zone, order);
		for (let pfn: number = free_page_pfn; pfn < free_page_pfn + (1 << order);) {
			const mt = get_pfnblock_migratetype(null, pfn);
			const free_page_order = min(pfn !== 0 ? __ffs(pfn) : order,
				__fls(split_pfn_offset));

			__free_one_page(pfn_to_page(pfn_nr(pfn)), pfn, zone, free_page_order, mt,
				FPI_NONE);
			pfn += 1 << free_page_order;
			split_pfn_offset -= 1 << free_page_order;
			/* the first part is done, the rest follows */
			if (split_pfn_offset === 0)
				split_pfn_offset = (1 << order) - (pfn - free_page_pfn);
		}
	}
	spin_unlock_irqrestore(zone.lock, flags);
	return ret;
}

/* ---- checks of pages that come and go ------------------------------------------------------- */

function page_expected_state(page: struct_page, check_flags: number): boolean {
	return page._mapcount === -1 && page.mapping === null && page.mapping_flags === 0 &&
	       page._refcount === 0 && (page.flags & check_flags) === 0;
}

function page_bad_reason(page: struct_page, flags: number): string | null {
	let bad_reason: string | null = null;

	if (page._mapcount !== -1)
		bad_reason = "nonzero mapcount";
	if (page.mapping !== null || page.mapping_flags !== 0)
		bad_reason = "non-NULL mapping";
	if (page._refcount !== 0)
		bad_reason = "nonzero _refcount";
	if ((page.flags & flags) !== 0) {
		if (flags === PAGE_FLAGS_CHECK_AT_PREP)
			bad_reason = "PAGE_FLAGS_CHECK_AT_PREP flag(s) set";
		else
			bad_reason = "PAGE_FLAGS_CHECK_AT_FREE flag(s) set";
	}
	return bad_reason;
}

function check_free_page(page: struct_page): boolean {
	if (page_expected_state(page, PAGE_FLAGS_CHECK_AT_FREE))
		return false;

	bad_page(page, page_bad_reason(page, PAGE_FLAGS_CHECK_AT_FREE));
	return true;
}

function free_tail_pages_check(head_page: struct_page, page: struct_page): number {
	let ret = 1;

	out: {
		if (!PageTail(page)) {
			bad_page(page, "PageTail not set");
			break out;
		}
		if (page.compound_head !== head_page) {
			bad_page(page, "compound_head not consistent");
			break out;
		}
		ret = 0;
	}
	page.mapping = null;
	clear_compound_head(page);
	return ret;
}

function kernel_init_pages(page: struct_page, numpages: number): void {
	clear_highpage(page);
	for (let i = 1; i < numpages; i++)
		clear_highpage(pfn_to_page(pfn_nr(page.pfn + i)));
}

/* the tails of a block that is freed; the number of bad ones */
function free_pages_prepare_tails(page: struct_page, order: number): number {
	const compound = PageCompound(page);
	const nr_pages = 1 << order;
	let bad = 0;

	VM_BUG_ON_PAGE(compound && compound_order(page) !== order, page);

	if (compound) {
		if (page.compound_mapcount !== -1) {
			bad_page(page, "nonzero compound_mapcount");
			bad++;
		}
		ClearPageDoubleMap(page);
		ClearPageHasHWPoisoned(page);
	}
	const pages = section_pages(page.pfn);
	const at = page.pfn & (PAGES_PER_SECTION - 1);
	for (let i = 1; i < nr_pages; i++) {
		const p = pages[at + i]!;
		if (p === null)
			continue;
		if (compound)
			bad += free_tail_pages_check(page, p);
		if (check_free_page(p)) {
			bad++;
			continue;
		}
		p.flags &= ~PAGE_FLAGS_CHECK_AT_PREP;
	}
	return bad;
}

/* with one of these a page that is freed is looked at more closely */
const UNUSUAL_AT_FREE = PAGE_FLAGS_CHECK_AT_FREE | __PG_HWPOISON | 1 << PG_head;
const FLAGS_AFTER_FREE = ~PAGE_FLAGS_CHECK_AT_PREP;

/**
 * mm/page_alloc.c:free_pages_prepare(); false: the page is bad and must not be used again. A single
 * page without anything unusual, which most are, passes by the separate checks.
 */
function free_pages_prepare(page: struct_page, order: number, fpi_flags: fpi_t): boolean {
	const flags = page.flags;

	if (order !== 0 || (flags & UNUSUAL_AT_FREE) !== 0 || page._mapcount !== -1 ||
	    page._refcount !== 0 || page.compound_head !== page ||
	    (page.mapping !== null && page.mapping_flags === 0) || slow_free)
		return __free_pages_prepare(page, order, fpi_flags);

	page.mapping = null;
	page.mapping_flags = 0;
	page.flags = flags & FLAGS_AFTER_FREE;
	return true;
}

function __free_pages_prepare(page: struct_page, order: number, _fpi_flags: fpi_t): boolean {
	let bad = 0;

	VM_BUG_ON_PAGE(PageTail(page), page);

	if (PageHWPoison(page) && order === 0)
		return false;

	if (order !== 0)
		bad += free_pages_prepare_tails(page, order);
	if (page.mapping_flags !== 0) {
		page.mapping = null;
		page.mapping_flags = 0;
	}
	if (check_free_page(page))
		bad++;
	if (bad !== 0)
		return false;

	page.flags &= ~PAGE_FLAGS_CHECK_AT_PREP;

	if (page_poisoning_enabled_static())
		kernel_poison_pages(page, 1 << order);
	if (free_hook !== null)
		free_hook(page.pfn, order);

	return true;
}

/** mm/page_alloc.c:free_pcppages_bulk(); pcp->lock held. */
function free_pcppages_bulk(zone: struct_zone, count: number, pcp: struct_per_cpu_pages,
	pindex: number): void {
	let min_pindex = 0;
	let max_pindex = NR_PCP_LISTS - 1;

	count = min(pcp.count, count);

	/* the list asked for is the first that is drained */
	pindex = pindex - 1;

	spin_lock(zone.lock);
	const isolated_pageblocks = has_isolate_pageblock(zone);

	while (count > 0) {
		let list: struct_list_head;

		/* round robin */
		do {
			if (++pindex > max_pindex)
				pindex = min_pindex;
			list = pcp.lists[pindex]!;
			if (!list_empty(list))
				break;

			if (pindex === max_pindex)
				max_pindex--;
			if (pindex === min_pindex)
				min_pindex++;
		} while (true);

		const order = pindex_to_order(pindex);
		const nr_pages = 1 << order;
		do {
			const page = list.prev.owner as struct_page;
			let mt = get_pcppage_migratetype(page);

			list_del(page.lru);
			count -= nr_pages;
			pcp.count -= nr_pages;

			/*
			 * isolated pages do not come here, but the block may have become isolated
			 */
			VM_BUG_ON_PAGE(is_migrate_isolate(mt), page);
			if (isolated_pageblocks)
				mt = get_pageblock_migratetype(page);

			__free_one_page(page, page.pfn, zone, order, mt, FPI_NONE);
		} while (count > 0 && !list_empty(list));
	}

	spin_unlock(zone.lock);
}

function free_one_page(zone: struct_zone, page: struct_page, pfn: number, order: number,
	migratetype: number, fpi_flags: fpi_t): void {
	const flags = spin_lock_irqsave(zone.lock);
	if (has_isolate_pageblock(zone) || is_migrate_isolate(migratetype))
		migratetype = get_pfnblock_migratetype(page, pfn);
	__free_one_page(page, pfn, zone, order, migratetype, fpi_flags);
	spin_unlock_irqrestore(zone.lock, flags);
}

function __free_pages_ok(page: struct_page, order: number, fpi_flags: fpi_t): void {
	const pfn = page.pfn;
	const zone = page_zone(page);

	if (!free_pages_prepare(page, order, fpi_flags))
		return;

	free_one_page(zone, page, pfn, order, get_pfnblock_migratetype(page, pfn), fpi_flags);

	__count_vm_events(PGFREE, 1 << order);
}

/**
 * mm/page_alloc.c:__free_pages_core(), for a page that was reserved at boot: free memory itself is
 * added by memblock_free_pages().
 */
export function __free_pages_core(page: struct_page, order: number): void {
	for (let i = 0; i < 1 << order; i++) {
		const p = pfn_to_page(pfn_nr(page.pfn + i));
		p.flags &= ~(1 << PG_reserved);
		p._refcount = 0;
	}

	page_zone(page).managed_pages += 1 << order;

	__free_pages_ok(page, order, FPI_TO_TAIL);
}

/* ---- deferred memory ------------------------------------------------------------------------ */

/**
 * mm/page_alloc.c:memblock_free_pages(), for the whole of a free range at once: it counts as free,
 * and joins the lists when it is needed. @pfn and @end lie in one zone.
 */
export function memblock_free_pages(zone: struct_zone, pfn: number, end: number): void {
	const nr = end - pfn;

	zone.deferred.push({ pfn, end });
	zone.nr_deferred += nr;
	zone.managed_pages += nr;
	__mod_zone_freepage_state(zone, nr, MIGRATE_MOVABLE);
	totalram_pages_add(nr);
}

/**
 * mm/page_alloc.c:deferred_grow_zone(): the next block of the zone's untouched memory. zone->lock
 * held. False when there is none left.
 */
function deferred_grow_zone(zone: struct_zone): boolean {
	const range = zone.deferred[0];
	if (range === undefined)
		return false;

	const pfn = range.pfn;
	const order = Math.min(MAX_ORDER - 1, pfn === 0 ? MAX_ORDER - 1 : __ffs(pfn),
		__fls(Math.min(range.end - pfn, MAX_ORDER_NR_PAGES)));
	const nr = 1 << order;
	const mt = get_pfnblock_migratetype(null, pfn);

	range.pfn += nr;
	if (range.pfn === range.end)
		zone.deferred.shift();
	zone.nr_deferred -= nr;
	__mod_zone_freepage_state(zone, -nr, mt);
	__free_one_page(pfn_to_page(pfn_nr(pfn)), pfn, zone, order, mt, FPI_TO_TAIL);
	return true;
}

/** All blocks below @end_pfn join the lists. */
function deferred_grow_up_to(zone: struct_zone, end_pfn: number): void {
	const flags = spin_lock_irqsave(zone.lock);
	while (zone.deferred.length !== 0 && zone.deferred[0]!.pfn < end_pfn)
		deferred_grow_zone(zone);
	spin_unlock_irqrestore(zone.lock, flags);
}

/* ---- taking pages off the lists ------------------------------------------------------------- */

function expand(zone: struct_zone, page: struct_page, low: number, high: number,
	migratetype: number): void {
	let size = 1 << high;

	while (high > low) {
		high--;
		size >>= 1;
		const buddy = pfn_to_page(pfn_nr(page.pfn + size));
		VM_BUG_ON_PAGE(bad_range(zone, buddy), buddy);

		add_to_free_list(buddy, zone, high, migratetype);
		set_buddy_order(buddy, high);
	}
}

function check_new_page_bad(page: struct_page): void {
	if ((page.flags & __PG_HWPOISON) !== 0) {
		/* nothing to say about it */
		page._mapcount = -1;
		return;
	}

	bad_page(page, page_bad_reason(page, PAGE_FLAGS_CHECK_AT_PREP));
}

function check_new_page(page: struct_page): boolean {
	if (page_expected_state(page, PAGE_FLAGS_CHECK_AT_PREP | __PG_HWPOISON))
		return false;

	check_new_page_bad(page);
	return true;
}

const UNUSUAL_AT_PREP = PAGE_FLAGS_CHECK_AT_PREP | __PG_HWPOISON;

function check_new_pages(page: struct_page, order: number): boolean {
	if (((page.flags & UNUSUAL_AT_PREP) !== 0 || page._mapcount !== -1 ||
	     page._refcount !== 0 || page.mapping !== null || page.mapping_flags !== 0) &&
	    check_new_page(page))
		return true;
	if (order !== 0) {
		const pages = section_pages(page.pfn);
		const at = page.pfn & (PAGES_PER_SECTION - 1);
		for (let i = 1; i < 1 << order; i++) {
			const p = pages[at + i]!;
			if (p !== null && check_new_page(p))
				return true;
		}
	}
	return false;
}

/** mm/page_alloc.c:post_alloc_hook() */
export function post_alloc_hook(page: struct_page, order: number, gfp_flags: gfp_t): void {
	page.private_ = 0;
	set_page_refcounted(page);

	if (page_poisoning_enabled_static())
		kernel_unpoison_pages(page, 1 << order);

	if ((gfp_flags & __GFP_ZERO) !== 0)
		kernel_init_pages(page, 1 << order);
}

function prep_new_page(page: struct_page, order: number, gfp_flags: gfp_t,
	_alloc_flags: number): void {
	post_alloc_hook(page, order, gfp_flags);

	if (order !== 0 && (gfp_flags & __GFP_COMP) !== 0)
		prep_compound_page(page, order);
}

function __rmqueue_smallest(zone: struct_zone, order: number,
	migratetype: number): struct_page | null {
	for (let current_order = order; current_order < MAX_ORDER; ++current_order) {
		const page = get_page_from_free_area(zone.free_area[current_order]!, migratetype);
		if (page === null)
			continue;
		del_page_from_free_list(page, zone, current_order);
		expand(zone, page, order, current_order, migratetype);
		set_pcppage_migratetype(page, migratetype);
		return page;
	}

	return null;
}

/* where a migrate type may take from when its own lists are empty */
const fallbacks: readonly (readonly number[])[] = [
	/* MIGRATE_UNMOVABLE */   [MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE],
	/* MIGRATE_MOVABLE */     [MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE],
	/* MIGRATE_RECLAIMABLE */ [MIGRATE_UNMOVABLE, MIGRATE_MOVABLE],
];

/* out parameters of the functions below */
let num_movable = 0;
let can_steal = false;

function move_freepages(zone: struct_zone, start_pfn: number, end_pfn: number,
	migratetype: number): number {
	let pages_moved = 0;

	for (let pfn = start_pfn; pfn <= end_pfn;) {
		const page = pfn_to_made_page(pfn);
		if (page === null || !PageBuddy(page)) {
			if (page !== null && (PageLRU(page) || __PageMovable(page)))
				num_movable++;
			pfn++;
			continue;
		}

		VM_BUG_ON_PAGE(page_zone(page) !== zone, page);

		const order = buddy_order(page);
		move_to_free_list(page, zone, order, migratetype);
		pfn += 1 << order;
		pages_moved += 1 << order;
	}

	return pages_moved;
}

/** mm/page_alloc.c:move_freepages_block(); counts pages that could move in num_movable. */
export function move_freepages_block(zone: struct_zone, page: struct_page,
	migratetype: number): number {
	num_movable = 0;

	const pfn = page.pfn;
	let start_pfn = pfn - (pfn & (pageblock_nr_pages - 1));
	const end_pfn = start_pfn + pageblock_nr_pages - 1;

	if (!zone_spans_pfn(zone, start_pfn))
		start_pfn = pfn;
	if (!zone_spans_pfn(zone, end_pfn))
		return 0;

	return move_freepages(zone, start_pfn, end_pfn, migratetype);
}

function change_pageblock_range(pageblock_page: struct_page, start_order: number,
	migratetype: number): void {
	const nr_pageblocks = 1 << (start_order - pageblock_order);

	for (let i = 0; i < nr_pageblocks; i++) {
		const pfn = pageblock_page.pfn + i * pageblock_nr_pages;
		const at = (pfn & (PAGES_PER_SECTION - 1)) >> pageblock_order;

		pageblock_flags(pfn)[at] = migratetype;
	}
}

function can_steal_fallback(order: number, start_mt: number): boolean {
	if (order >= pageblock_order)
		return true;

	return order >= pageblock_order / 2 || start_mt === MIGRATE_RECLAIMABLE ||
	       start_mt === MIGRATE_UNMOVABLE || page_group_by_mobility_disabled;
}

function boost_watermark(zone: struct_zone): boolean {
	if (watermark_boost_factor === 0)
		return false;
	if (pageblock_nr_pages * 4 > zone_managed_pages(zone))
		return false;

	let max_boost = Math.floor(zone._watermark[WMARK_HIGH]! * watermark_boost_factor / 10000);
	if (max_boost === 0)
		return false;

	max_boost = Math.max(pageblock_nr_pages, max_boost);

	zone.watermark_boost = Math.min(zone.watermark_boost + pageblock_nr_pages, max_boost);
	update_fast_mark(zone);

	return true;
}

function steal_suitable_fallback(zone: struct_zone, page: struct_page, alloc_flags: number,
	start_type: number, whole_block: boolean): void {
	const current_order = buddy_order(page);

	single_page: {
		const old_block_type = get_pageblock_migratetype(page);

		if (is_migrate_highatomic(old_block_type))
			break single_page;

		/* a whole block changes hands */
		if (current_order >= pageblock_order) {
			change_pageblock_range(page, current_order, start_type);
			break single_page;
		}

		if (boost_watermark(zone) && (alloc_flags & ALLOC_KSWAPD) !== 0)
			zone.flags |= 1 << ZONE_BOOSTED_WATERMARK;

		if (!whole_block)
			break single_page;

		const free_pages = move_freepages_block(zone, page, start_type);
		const movable_pages = num_movable;
		let alike_pages: number;

		/*
		 * allocated pages of the block that are like ours; of unmovable ones we cannot tell
		 */
		if (start_type === MIGRATE_MOVABLE)
			alike_pages = movable_pages;
		else if (old_block_type === MIGRATE_MOVABLE)
			alike_pages = pageblock_nr_pages - (free_pages + movable_pages);
		else
			alike_pages = 0;

		if (free_pages === 0)
			break single_page;

		if (free_pages + alike_pages >= 1 << (pageblock_order - 1) ||
		    page_group_by_mobility_disabled)
			set_pageblock_migratetype(page, start_type);

		return;
	}
	move_to_free_list(page, zone, current_order, start_type);
}

/** mm/page_alloc.c:find_suitable_fallback(); -1: none. Sets can_steal. */
export function find_suitable_fallback(area: struct_free_area, order: number, migratetype: number,
	only_stealable: boolean): number {
	if (area.nr_free === 0)
		return -1;

	can_steal = false;
	for (const fallback_mt of fallbacks[migratetype]!) {
		if (free_area_empty(area, fallback_mt))
			continue;

		if (can_steal_fallback(order, migratetype))
			can_steal = true;

		if (!only_stealable || can_steal)
			return fallback_mt;
	}

	return -1;
}

/* a block is set aside for allocations that cannot wait */
function reserve_highatomic_pageblock(page: struct_page, zone: struct_zone): void {
	const max_managed = Math.floor(zone_managed_pages(zone) / 100) + pageblock_nr_pages;

	if (zone.nr_reserved_highatomic >= max_managed)
		return;

	const flags = spin_lock_irqsave(zone.lock);

	const mt = get_pageblock_migratetype(page);
	if (migratetype_is_mergeable(mt)) {
		zone.nr_reserved_highatomic += pageblock_nr_pages;
		update_fast_mark(zone);
		set_pageblock_migratetype(page, MIGRATE_HIGHATOMIC);
		move_freepages_block(zone, page, MIGRATE_HIGHATOMIC);
	}

	spin_unlock_irqrestore(zone.lock, flags);
}

function unreserve_highatomic_pageblock(ac: struct_alloc_context, force: boolean): boolean {
	for (const zone of for_each_zone_zonelist_nodemask(ac.zonelist!, ac.highest_zoneidx,
		ac.nodemask)) {
		/* one block is kept unless things are really bad */
		if (!force && zone.nr_reserved_highatomic <= pageblock_nr_pages)
			continue;

		const flags = spin_lock_irqsave(zone.lock);
		for (let order = 0; order < MAX_ORDER; order++) {
			const area = zone.free_area[order]!;
			const page = get_page_from_free_area(area, MIGRATE_HIGHATOMIC);
			if (page === null)
				continue;

			if (is_migrate_highatomic_page(page))
				zone.nr_reserved_highatomic -= Math.min(pageblock_nr_pages,
					zone.nr_reserved_highatomic);

			set_pageblock_migratetype(page, ac.migratetype);
			const ret = move_freepages_block(zone, page, ac.migratetype);
			if (ret !== 0) {
				spin_unlock_irqrestore(zone.lock, flags);
				return true;
			}
		}
		spin_unlock_irqrestore(zone.lock, flags);
	}

	return false;
}

function __rmqueue_fallback(zone: struct_zone, order: number, start_migratetype: number,
	alloc_flags: number): boolean {
	let min_order = order;
	let fallback_mt = -1;
	let area: struct_free_area | null = null;

	/* blocks are not to be mixed: whole ones only */
	if ((alloc_flags & ALLOC_NOFRAGMENT) !== 0)
		min_order = pageblock_order;

	do_steal: {
		find_smallest: {
			/* the largest block there is, so that few blocks get mixed */
			for (let current_order = MAX_ORDER - 1; current_order >= min_order;
				--current_order) {
				area = zone.free_area[current_order]!;
				fallback_mt = find_suitable_fallback(area, current_order,
					start_migratetype, false);
				if (fallback_mt === -1)
					continue;

				/* it may not be stolen whole and movable pages fit anywhere */
				if (!can_steal && start_migratetype === MIGRATE_MOVABLE &&
				    current_order > order)
					break find_smallest;

				break do_steal;
			}

			return false;
		}

		let current_order = order;
		for (; current_order < MAX_ORDER; current_order++) {
			area = zone.free_area[current_order]!;
			fallback_mt = find_suitable_fallback(area, current_order,
				start_migratetype, false);
			if (fallback_mt !== -1)
				break;
		}

		VM_BUG_ON(current_order === MAX_ORDER);
	}
	const page = get_page_from_free_area(area!, fallback_mt)!;

	steal_suitable_fallback(zone, page, alloc_flags, start_migratetype, can_steal);

	return true;
}

/** mm/page_alloc.c:__rmqueue(); zone->lock held. */
function __rmqueue(zone: struct_zone, order: number, migratetype: number,
	alloc_flags: number): struct_page | null {
	retry: for (;;) {
		const page = __rmqueue_smallest(zone, order, migratetype);
		if (page !== null)
			return page;

		/*
		 * Untouched memory is movable and of the largest order: whoever takes that first
		 * must find it as if it all were on the list.
		 */
		while (zone.nr_deferred !== 0 &&
		       free_area_empty(zone.free_area[MAX_ORDER - 1]!, MIGRATE_MOVABLE)) {
			deferred_grow_zone(zone);
			if (migratetype === MIGRATE_MOVABLE)
				continue retry;
		}
		if (!__rmqueue_fallback(zone, order, migratetype, alloc_flags))
			return null;
	}
}

function rmqueue_bulk(zone: struct_zone, order: number, count: number, list: struct_list_head,
	migratetype: number, alloc_flags: number): number {
	let i = 0;

	spin_lock(zone.lock);
	for (; i < count; ++i) {
		const page = __rmqueue(zone, order, migratetype, alloc_flags);
		if (page === null)
			break;

		/* pages of one block stay in the order of their addresses */
		list_add_tail(page.lru, list);
	}

	__mod_zone_page_state(zone, NR_FREE_PAGES, -(i << order));
	spin_unlock(zone.lock);
	return i;
}

/** mm/page_alloc.c:drain_zone_pages() */
export function drain_zone_pages(zone: struct_zone, pcp: struct_per_cpu_pages): void {
	const to_drain = Math.min(pcp.count, pcp.batch);
	if (to_drain > 0) {
		const flags = spin_lock_irqsave(pcp.lock);
		free_pcppages_bulk(zone, to_drain, pcp, 0);
		spin_unlock_irqrestore(pcp.lock, flags);
	}
}

function drain_pages_zone(cpu: number, zone: struct_zone): void {
	const pcp = zone.per_cpu_pageset[cpu]!;

	if (pcp.count !== 0) {
		const flags = spin_lock_irqsave(pcp.lock);
		free_pcppages_bulk(zone, pcp.count, pcp, 0);
		spin_unlock_irqrestore(pcp.lock, flags);
	}
}

function drain_pages(cpu: number): void {
	for (const zone of for_each_populated_zone())
		drain_pages_zone(cpu, zone);
}

export function drain_local_pages(zone: struct_zone | null): void {
	const cpu = smp_processor_id();

	if (zone !== null)
		drain_pages_zone(cpu, zone);
	else
		drain_pages(cpu);
}

function __drain_all_pages(zone: struct_zone | null, force_all_cpus: boolean): void {
	if (!mutex_trylock(pcpu_drain_mutex)) {
		if (zone === null)
			return;
		mutex_lock(pcpu_drain_mutex);
	}

	for (const cpu of for_each_online_cpu()) {
		for (const z of zone !== null ? [zone] : for_each_populated_zone())
			if (force_all_cpus || z.per_cpu_pageset[cpu]!.count !== 0)
				drain_pages_zone(cpu, z);
	}

	mutex_unlock(pcpu_drain_mutex);
}

/** mm/page_alloc.c:drain_all_pages(): the lists of all CPUs go back to the buddy lists. */
export function drain_all_pages(zone: struct_zone | null): void {
	__drain_all_pages(zone, false);
}

/* ---- per-CPU lists -------------------------------------------------------------------------- */

function free_unref_page_prepare(page: struct_page, pfn: number, order: number): boolean {
	if (!free_pages_prepare(page, order, FPI_NONE))
		return false;

	set_pcppage_migratetype(page, get_pfnblock_migratetype(page, pfn));
	return true;
}

function nr_pcp_free(pcp: struct_per_cpu_pages, high: number, batch: number,
	free_high: boolean): number {
	if (free_high)
		return pcp.count;

	/* the lists are switched off, or boot's */
	if (high < batch)
		return 1;

	const min_nr_free = batch;
	const max_nr_free = high - batch;

	/* more at a time while nothing is allocated in between */
	batch <<= pcp.free_factor;
	if (batch < max_nr_free)
		pcp.free_factor++;
	return Math.max(min_nr_free, Math.min(batch, max_nr_free));
}

function nr_pcp_high(pcp: struct_per_cpu_pages, zone: struct_zone, free_high: boolean): number {
	const high = pcp.high;

	if (high === 0 || free_high)
		return 0;

	if ((zone.flags & (1 << ZONE_RECLAIM_ACTIVE)) === 0)
		return high;

	return Math.min(pcp.batch << 2, high);
}

function free_unref_page_commit(zone: struct_zone, pcp: struct_per_cpu_pages, page: struct_page,
	migratetype: number, order: number): void {
	__count_vm_event(PGFREE);
	const pindex = order_to_pindex(migratetype, order);
	list_add(page.lru, pcp.lists[pindex]!);
	pcp.count += 1 << order;

	/* high orders are not hoarded while a lot is being freed */
	const free_high = pcp.free_factor !== 0 && order !== 0 && order <= PAGE_ALLOC_COSTLY_ORDER;

	const high = nr_pcp_high(pcp, zone, free_high);
	if (pcp.count >= high) {
		const batch = pcp.batch;

		free_pcppages_bulk(zone, nr_pcp_free(pcp, high, batch, free_high), pcp, pindex);
	}
}

/*
 * Port-only: free_unref_page() of a single page whose list has room, in one piece; the page was
 * prepared. False: the long way.
 */
function free_page_fast(page: struct_page, migratetype: number): boolean {
	if (migratetype >= MIGRATE_PCPTYPES)
		return false;

	const zone = page_zone(page);
	const pcp = zone.per_cpu_pageset[smp_processor_id()]!;

	if (pcp.count + 1 >= pcp.high || zone.flags !== 0 || !spin_trylock(pcp.lock))
		return false;
	__count_vm_event(PGFREE);
	list_add(page.lru, pcp.lists[migratetype]!);
	pcp.count++;
	spin_unlock(pcp.lock);
	return true;
}

/** mm/page_alloc.c:free_unref_page(); the reference count is 0. */
export function free_unref_page(page: struct_page, order: number): void {
	const pfn = page.pfn;

	if (!free_unref_page_prepare(page, pfn, order))
		return;

	let migratetype = get_pcppage_migratetype(page);
	if (order === 0 && free_page_fast(page, migratetype))
		return;

	if (migratetype >= MIGRATE_PCPTYPES) {
		if (is_migrate_isolate(migratetype)) {
			free_one_page(page_zone(page), page, pfn, order, migratetype, FPI_NONE);
			return;
		}
		migratetype = MIGRATE_MOVABLE;
	}

	const zone = page_zone(page);
	const pcp = zone.per_cpu_pageset[smp_processor_id()]!;
	const flags = local_irq_save();
	if (spin_trylock(pcp.lock)) {
		free_unref_page_commit(zone, pcp, page, migratetype, order);
		spin_unlock(pcp.lock);
	} else {
		free_one_page(zone, page, pfn, order, migratetype, FPI_NONE);
	}
	local_irq_restore(flags);
}

/**
 * mm/page_alloc.c:free_unref_page_list(), of order 0. The list is an array, added to at its end:
 * a page would have to be linked and taken out again. What is not to be freed becomes null in it.
 */
export function free_unref_page_list(list: (struct_page | null)[], nr: number): void {
	for (let i = nr - 1; i >= 0; i--) {
		const page = list[i]!;
		const pfn = page.pfn;

		if (!free_unref_page_prepare(page, pfn, 0)) {
			list[i] = null;
			continue;
		}

		const migratetype = get_pcppage_migratetype(page);
		if (is_migrate_isolate(migratetype)) {
			list[i] = null;
			free_one_page(page_zone(page), page, pfn, 0, migratetype, FPI_NONE);
		}
	}

	let pcp: struct_per_cpu_pages | null = null;
	let zone: struct_zone | null = null;
	let locked_zone = -1;
	let flags = 0;
	let batch_count = 0;

	for (let i = nr - 1; i >= 0; i--) {
		const page = list[i]!;

		if (page === null)
			continue;

		if (page_zonenum(page) !== locked_zone) {
			if (pcp !== null)
				spin_unlock_irqrestore(pcp.lock, flags);

			locked_zone = page_zonenum(page);
			zone = page_zone(page);
			pcp = zone.per_cpu_pageset[smp_processor_id()]!;
			flags = spin_lock_irqsave(pcp.lock);
		}

		let migratetype = get_pcppage_migratetype(page);
		if (migratetype >= MIGRATE_PCPTYPES)
			migratetype = MIGRATE_MOVABLE;

		free_unref_page_commit(zone!, pcp!, page, migratetype, 0);

		/* interrupts are not kept off for long */
		if (++batch_count === SWAP_CLUSTER_MAX) {
			spin_unlock_irqrestore(pcp!.lock, flags);
			batch_count = 0;
			flags = spin_lock_irqsave(pcp!.lock);
		}
	}

	if (pcp !== null)
		spin_unlock_irqrestore(pcp.lock, flags);
}

/** mm/page_alloc.c:split_page(): each page of the block gets a reference of its own. */
export function split_page(page: struct_page, order: number): void {
	VM_BUG_ON_PAGE(PageCompound(page), page);
	VM_BUG_ON_PAGE(page._refcount === 0, page);

	for (let i = 1; i < 1 << order; i++)
		set_page_refcounted(pfn_to_page(pfn_nr(page.pfn + i)));
}

/** mm/page_alloc.c:__isolate_free_page(); zone->lock held. The number of pages, or 0. */
export function __isolate_free_page(page: struct_page, order: number): number {
	const zone = page_zone(page);
	const mt = get_pageblock_migratetype(page);

	if (!PageBuddy(page))
		BUG();

	if (!is_migrate_isolate(mt)) {
		const watermark = zone._watermark[WMARK_MIN]! + (1 << order);
		if (!zone_watermark_ok(zone, 0, watermark, 0, ALLOC_CMA))
			return 0;

		__mod_zone_freepage_state(zone, -(1 << order), mt);
	}

	del_page_from_free_list(page, zone, order);

	/* what takes most of a block makes it movable */
	if (order >= pageblock_order - 1) {
		const end = page.pfn + (1 << order) - 1;
		for (let pfn: number = page.pfn; pfn < end; pfn += pageblock_nr_pages) {
			const p = pfn_to_page(pfn_nr(pfn));
			if (migratetype_is_mergeable(get_pageblock_migratetype(p)))
				set_pageblock_migratetype(p, MIGRATE_MOVABLE);
		}
	}

	return 1 << order;
}

/** mm/page_alloc.c:__putback_isolated_page(); zone->lock held. */
export function __putback_isolated_page(page: struct_page, order: number, mt: number): void {
	const zone = page_zone(page);

	lockdep_assert_held(zone.lock);

	__free_one_page(page, page.pfn, zone, order, mt, FPI_TO_TAIL);
}

function rmqueue_buddy(zone: struct_zone, order: number, alloc_flags: number,
	migratetype: number): struct_page | null {
	let page: struct_page | null;

	do {
		const flags = spin_lock_irqsave(zone.lock);
		page = null;
		if (order > 0 && (alloc_flags & ALLOC_HARDER) !== 0)
			page = __rmqueue_smallest(zone, order, MIGRATE_HIGHATOMIC);
		if (page === null) {
			page = __rmqueue(zone, order, migratetype, alloc_flags);
			if (page === null) {
				spin_unlock_irqrestore(zone.lock, flags);
				return null;
			}
		}
		__mod_zone_freepage_state(zone, -(1 << order), get_pcppage_migratetype(page));
		spin_unlock_irqrestore(zone.lock, flags);
	} while (check_new_pages(page, order));

	__count_zid_vm_events(PGALLOC_DMA32, page_zonenum(page), 1 << order);

	return page;
}

function __rmqueue_pcplist(zone: struct_zone, order: number, migratetype: number,
	alloc_flags: number, pcp: struct_per_cpu_pages,
	list: struct_list_head): struct_page | null {
	let page: struct_page;

	do {
		if (list.next === list) {
			let batch = pcp.batch;

			/* batch is in pages; at least two blocks */
			if (batch > 1)
				batch = Math.max(batch >> order, 2);
			const alloced = rmqueue_bulk(zone, order, batch, list, migratetype,
				alloc_flags);

			pcp.count += alloced << order;
			if (list_empty(list))
				return null;
		}

		page = list.next.owner as struct_page;
		list_del(page.lru);
		pcp.count -= 1 << order;
	} while (check_new_pages(page, order));

	return page;
}

function rmqueue_pcplist(zone: struct_zone, order: number, migratetype: number,
	alloc_flags: number): struct_page | null {
	const pcp = zone.per_cpu_pageset[smp_processor_id()]!;
	const flags = local_irq_save();

	/* busy: a drain of this CPU's lists from elsewhere */
	if (!spin_trylock(pcp.lock)) {
		local_irq_restore(flags);
		return null;
	}

	/* allocating: freeing batches get smaller again */
	pcp.free_factor >>= 1;
	const list = pcp.lists[order_to_pindex(migratetype, order)]!;
	const page = __rmqueue_pcplist(zone, order, migratetype, alloc_flags, pcp, list);
	spin_unlock(pcp.lock);
	local_irq_restore(flags);
	if (page !== null)
		__count_zid_vm_events(PGALLOC_DMA32, page_zonenum(page), 1);
	return page;
}

function rmqueue(zone: struct_zone, order: number, gfp_flags: gfp_t, alloc_flags: number,
	migratetype: number): struct_page | null {
	let page: struct_page | null = null;

	/* what must not fail should not ask for much */
	WARN_ON_ONCE((gfp_flags & __GFP_NOFAIL) !== 0 && order > 1);

	if (pcp_allowed_order(order))
		page = rmqueue_pcplist(zone, order, migratetype, alloc_flags);
	if (page === null)
		page = rmqueue_buddy(zone, order, alloc_flags, migratetype);

	if ((zone.flags & (1 << ZONE_BOOSTED_WATERMARK)) !== 0) {
		zone.flags &= ~(1 << ZONE_BOOSTED_WATERMARK);
		wakeup_kswapd(zone, 0, 0, zone_idx(zone));
	}

	if (page !== null)
		VM_BUG_ON_PAGE(bad_range(zone, page), page);
	return page;
}

/* ---- fault injection ------------------------------------------------------------------------ */

interface fail_page_alloc_config {
	attr: struct_fault_attr | null;
	ignore_gfp_highmem: boolean;
	ignore_gfp_reclaim: boolean;
	min_order: number;
}

const fail_page_alloc: fail_page_alloc_config = {
	attr: null,
	ignore_gfp_reclaim: true,
	ignore_gfp_highmem: true,
	min_order: 1,
};

function fail_page_alloc_attr(): struct_fault_attr {
	return fail_page_alloc.attr ??= new struct_fault_attr();
}

/** The boot option fail_page_alloc= */
export function setup_fail_page_alloc(str: string): number {
	return setup_fault_attr(fail_page_alloc_attr(), str);
}

function __should_fail_alloc_page(gfp_mask: gfp_t, order: number): boolean {
	if (order < fail_page_alloc.min_order)
		return false;
	if ((gfp_mask & __GFP_NOFAIL) !== 0)
		return false;
	if (fail_page_alloc.ignore_gfp_highmem && (gfp_mask & __GFP_HIGHMEM) !== 0)
		return false;
	if (fail_page_alloc.ignore_gfp_reclaim && (gfp_mask & __GFP_DIRECT_RECLAIM) !== 0)
		return false;

	const attr = fail_page_alloc_attr();

	if ((gfp_mask & __GFP_NOWARN) !== 0)
		attr.no_warn = true;

	return should_fail(attr, 1 << order);
}

function fail_page_alloc_debugfs(): number {
	if (!CONFIG_FAIL_PAGE_ALLOC)
		return 0;

	const dir = fault_create_debugfs_attr("fail_page_alloc", fail_page_alloc_attr());

	debugfs_create_bool("ignore-gfp-wait", dir, () => fail_page_alloc.ignore_gfp_reclaim, (v) => {
		fail_page_alloc.ignore_gfp_reclaim = v;
	});
	debugfs_create_bool("ignore-gfp-highmem", dir, () => fail_page_alloc.ignore_gfp_highmem,
		(v) => {
			fail_page_alloc.ignore_gfp_highmem = v;
		});
	debugfs_create_u32("min-order", dir, () => fail_page_alloc.min_order, (v) => {
		fail_page_alloc.min_order = v;
	});

	return 0;
}

late_initcall("mm/page_alloc", fail_page_alloc_debugfs);

export function should_fail_alloc_page(gfp_mask: gfp_t, order: number): boolean {
	return CONFIG_FAIL_PAGE_ALLOC && __should_fail_alloc_page(gfp_mask, order);
}

/* ---- watermarks ----------------------------------------------------------------------------- */

function __zone_watermark_unusable_free(z: struct_zone, order: number,
	alloc_flags: number): number {
	const alloc_harder = (alloc_flags & (ALLOC_HARDER | ALLOC_OOM)) !== 0;
	let unusable_free = (1 << order) - 1;

	if (!alloc_harder)
		unusable_free += z.nr_reserved_highatomic;

	return unusable_free;
}

/** mm/page_alloc.c:__zone_watermark_ok() */
export function __zone_watermark_ok(z: struct_zone, order: number, mark: number,
	highest_zoneidx: zone_type, alloc_flags: number, free_pages: number): boolean {
	let min_ = mark;
	const alloc_harder = (alloc_flags & (ALLOC_HARDER | ALLOC_OOM)) !== 0;

	free_pages -= __zone_watermark_unusable_free(z, order, alloc_flags);

	if ((alloc_flags & ALLOC_HIGH) !== 0)
		min_ -= min_ / 2 | 0;

	if (alloc_harder) {
		/* a victim of the OOM killer may go deeper than those that cannot wait */
		if ((alloc_flags & ALLOC_OOM) !== 0)
			min_ -= min_ / 2 | 0;
		else
			min_ -= min_ / 4 | 0;
	}

	if (free_pages <= min_ + z.lowmem_reserve[highest_zoneidx]!)
		return false;

	if (order === 0)
		return true;

	/* untouched memory has blocks of any order */
	if (z.nr_deferred >= 2 * MAX_ORDER_NR_PAGES)
		return true;
	if (z.nr_deferred !== 0)
		deferred_grow_up_to(z, zone_end_pfn(z));

	for (let o = order; o < MAX_ORDER; o++) {
		const area = z.free_area[o]!;

		if (area.nr_free === 0)
			continue;

		for (let mt = 0; mt < MIGRATE_PCPTYPES; mt++) {
			if (!free_area_empty(area, mt))
				return true;
		}
		if (alloc_harder && !free_area_empty(area, MIGRATE_HIGHATOMIC))
			return true;
	}
	return false;
}

export function zone_watermark_ok(z: struct_zone, order: number, mark: number,
	highest_zoneidx: zone_type, alloc_flags: number): boolean {
	return __zone_watermark_ok(z, order, mark, highest_zoneidx, alloc_flags,
		zone_page_state(z, NR_FREE_PAGES));
}

function zone_watermark_fast(z: struct_zone, order: number, mark: number,
	highest_zoneidx: zone_type, alloc_flags: number, gfp_mask: gfp_t): boolean {
	const free_pages = z.vm_stat[NR_FREE_PAGES]!;

	if (order === 0) {
		const reserved = __zone_watermark_unusable_free(z, 0, alloc_flags);
		const usable_free = free_pages - Math.min(free_pages, reserved);

		if (usable_free > mark + z.lowmem_reserve[highest_zoneidx]!)
			return true;
	}

	if (__zone_watermark_ok(z, order, mark, highest_zoneidx, alloc_flags, free_pages))
		return true;

	/* boosting must not make atomic allocations fail */
	if (order === 0 && (gfp_mask & __GFP_ATOMIC) !== 0 && z.watermark_boost !== 0 &&
	    (alloc_flags & ALLOC_WMARK_MASK) === WMARK_MIN) {
		mark = z._watermark[WMARK_MIN]!;
		return __zone_watermark_ok(z, order, mark, highest_zoneidx, alloc_flags,
			free_pages);
	}

	return false;
}

export function zone_watermark_ok_safe(z: struct_zone, order: number, mark: number,
	highest_zoneidx: zone_type): boolean {
	return __zone_watermark_ok(z, order, mark, highest_zoneidx, 0,
		zone_page_state(z, NR_FREE_PAGES));
}

function alloc_flags_nofragment(zone: struct_zone | null, gfp_mask: gfp_t): number {
	let alloc_flags = gfp_mask & __GFP_KSWAPD_RECLAIM;

	if (zone === null)
		return alloc_flags;

	if (zone_idx(zone) !== ZONE_NORMAL)
		return alloc_flags;

	alloc_flags |= ALLOC_NOFRAGMENT;
	return alloc_flags;
}

/* ---- allocation ----------------------------------------------------------------------------- */

/* the first of @refs from @z on that is not above @highest_zoneidx; its index */
function next_zones_zonelist(refs: readonly struct_zoneref[], z: number,
	highest_zoneidx: zone_type): number {
	while (refs[z]!.zone_idx > highest_zoneidx)
		z++;
	return z;
}

function preferred_zone(ac: struct_alloc_context): struct_zone | null {
	return ac.zonelist!._zonerefs[ac.preferred_zoneref]!.zone;
}

/** mm/page_alloc.c:get_page_from_freelist() */
function get_page_from_freelist(gfp_mask: gfp_t, order: number, alloc_flags: number,
	ac: struct_alloc_context): struct_page | null {
	const refs = ac.zonelist!._zonerefs;

	for (;;) {
		const no_fallback = (alloc_flags & ALLOC_NOFRAGMENT) !== 0;

		for (let z = ac.preferred_zoneref; ;
			z = next_zones_zonelist(refs, z + 1, ac.highest_zoneidx)) {
			const zone = refs[z]!.zone;

			if (zone === null)
				break;

			const mark = wmark_pages(zone, alloc_flags & ALLOC_WMARK_MASK);
			if (!zone_watermark_fast(zone, order, mark, ac.highest_zoneidx, alloc_flags,
				gfp_mask)) {
				if ((alloc_flags & ALLOC_NO_WATERMARKS) === 0)
					continue;
			}

			const page = rmqueue(zone, order, gfp_mask, alloc_flags, ac.migratetype);
			if (page !== null) {
				prep_new_page(page, order, gfp_mask, alloc_flags);

				if (order !== 0 && (alloc_flags & ALLOC_HARDER) !== 0)
					reserve_highatomic_pageblock(page, zone);

				return page;
			}
		}

		/* rather mix pageblocks than fail */
		if (no_fallback) {
			alloc_flags &= ~ALLOC_NOFRAGMENT;
			continue;
		}

		return null;
	}
}

/** mm/page_alloc.c:warn_alloc(); the state of memory in one line. */
export function warn_alloc(gfp_mask: gfp_t, nodemask: nodemask_t | null, what: string): void {
	if ((gfp_mask & __GFP_NOWARN) !== 0)
		return;

	pr_warn("%s: %s, mode:0x%x, nodemask=%s", current.comm, what, gfp_mask,
		nodemask === null ? "(null)" : String(nodemask.bits));
	pr_cont("\n");
	dump_stack();
	pr_warn("Mem-Info: free:%d of %d pages\n", global_zone_page_state(NR_FREE_PAGES),
		_totalram_pages);
}

/* out parameters of the functions below */
let did_some_progress = 0;
let compact_result_: compact_result = 0;

function __alloc_pages_cpuset_fallback(gfp_mask: gfp_t, order: number, alloc_flags: number,
	ac: struct_alloc_context): struct_page | null {
	return get_page_from_freelist(gfp_mask, order, alloc_flags, ac);
}

function __alloc_pages_may_oom(gfp_mask: gfp_t, order: number,
	ac: struct_alloc_context): struct_page | null {
	let page: struct_page | null;

	did_some_progress = 0;

	if (!mutex_trylock(oom_lock)) {
		did_some_progress = 1;
		schedule_timeout_uninterruptible(1);
		return null;
	}

	out: {
		/* somebody may have freed enough in the meantime */
		page = get_page_from_freelist((gfp_mask | __GFP_HARDWALL) & ~__GFP_DIRECT_RECLAIM,
			order, ALLOC_WMARK_HIGH | ALLOC_CPUSET, ac);
		if (page !== null)
			break out;

		if ((current.flags & PF_DUMPCORE) !== 0)
			break out;
		if (order > PAGE_ALLOC_COSTLY_ORDER)
			break out;
		if ((gfp_mask & (__GFP_RETRY_MAYFAIL | __GFP_THISNODE)) !== 0)
			break out;
		if (ac.highest_zoneidx < ZONE_NORMAL)
			break out;

		const oc = new oom_control(gfp_mask, order);

		if (out_of_memory(oc) ||
		    WARN_ON_ONCE_GFP((gfp_mask & __GFP_NOFAIL) !== 0, gfp_mask)) {
			did_some_progress = 1;

			/* it must not fail: dig into the reserves */
			if ((gfp_mask & __GFP_NOFAIL) !== 0)
				page = __alloc_pages_cpuset_fallback(gfp_mask, order,
					ALLOC_NO_WATERMARKS, ac);
		}
	}
	mutex_unlock(oom_lock);
	return page;
}

/* !CONFIG_COMPACTION */
function __alloc_pages_direct_compact(_gfp_mask: gfp_t, _order: number, _alloc_flags: number,
	_ac: struct_alloc_context, _prio: compact_priority): struct_page | null {
	compact_result_ = COMPACT_SKIPPED;
	return null;
}

/* !CONFIG_COMPACTION */
function should_compact_retry(ac: struct_alloc_context, order: number,
	alloc_flags: number): boolean {
	if (order === 0 || order > PAGE_ALLOC_COSTLY_ORDER)
		return false;

	for (const zone of for_each_zone_zonelist_nodemask(ac.zonelist!, ac.highest_zoneidx,
		ac.nodemask)) {
		if (zone_watermark_ok(zone, 0, min_wmark_pages(zone), ac.highest_zoneidx,
			alloc_flags))
			return true;
	}
	return false;
}

const __fs_reclaim_map: lockdep_map = { lock_id: new_lock_id(), dep: 0 };

function __need_reclaim(gfp_mask: gfp_t): boolean {
	if ((gfp_mask & __GFP_DIRECT_RECLAIM) === 0)
		return false;

	if ((current.flags & PF_MEMALLOC) !== 0)
		return false;

	return (gfp_mask & __GFP_NOLOCKDEP) === 0;
}

function fs_reclaim_map(): lockdep_map {
	if (__fs_reclaim_map.dep === 0)
		lockdep_init_map(__fs_reclaim_map, "fs_reclaim");
	return __fs_reclaim_map;
}

/** mm/page_alloc.c:fs_reclaim_acquire() */
export function fs_reclaim_acquire(gfp_mask: gfp_t): void {
	if (!CONFIG_LOCKDEP)
		return;
	gfp_mask = current_gfp_context(gfp_mask);

	if (__need_reclaim(gfp_mask)) {
		if ((gfp_mask & __GFP_FS) !== 0)
			lock_map_acquire(fs_reclaim_map());

		if (CONFIG_MMU_NOTIFIER) {
			lock_map_acquire(__mmu_notifier_invalidate_range_start_map);
			lock_map_release(__mmu_notifier_invalidate_range_start_map);
		}
	}
}

/** mm/page_alloc.c:fs_reclaim_release() */
export function fs_reclaim_release(gfp_mask: gfp_t): void {
	if (!CONFIG_LOCKDEP)
		return;
	gfp_mask = current_gfp_context(gfp_mask);

	if (__need_reclaim(gfp_mask) && (gfp_mask & __GFP_FS) !== 0)
		lock_map_release(__fs_reclaim_map);
}

/* by lock chain: which of __GFP_DIRECT_RECLAIM without and with __GFP_FS were checked under it */
const fs_reclaim_seen = new Uint8Array(MAX_LOCKDEP_CHAINS);

/**
 * Port-only: fs_reclaim_acquire() and release, as might_alloc() does. Under the same locks the
 * answer is the same, so that each chain of held locks is checked once; without locks there is
 * nothing to check.
 */
export function fs_reclaim_check(gfp_mask: gfp_t): void {
	const chain = lockdep_chain();

	if (!CONFIG_LOCKDEP || chain === 0 || (gfp_mask & __GFP_DIRECT_RECLAIM) === 0 ||
	    (current.flags & PF_MEMALLOC) !== 0)
		return;

	const bit = (current_gfp_context(gfp_mask) & __GFP_FS) !== 0 ? 2 : 1;
	if ((fs_reclaim_seen[chain]! & bit) !== 0)
		return;

	fs_reclaim_acquire(gfp_mask);
	fs_reclaim_release(gfp_mask);

	fs_reclaim_seen[chain]! |= bit;
}

function __perform_reclaim(gfp_mask: gfp_t, order: number, ac: struct_alloc_context): number {
	cond_resched();

	fs_reclaim_acquire(gfp_mask);
	const noreclaim_flag = memalloc_noreclaim_save();

	const progress = try_to_free_pages(ac.zonelist!, order, gfp_mask, ac.nodemask);

	memalloc_noreclaim_restore(noreclaim_flag);
	fs_reclaim_release(gfp_mask);

	cond_resched();

	return progress;
}

function __alloc_pages_direct_reclaim(gfp_mask: gfp_t, order: number, alloc_flags: number,
	ac: struct_alloc_context): struct_page | null {
	let drained = false;

	did_some_progress = __perform_reclaim(gfp_mask, order, ac);
	if (did_some_progress === 0)
		return null;

	for (;;) {
		const page = get_page_from_freelist(gfp_mask, order, alloc_flags, ac);

		/* what was freed may be on CPUs' lists, or reserved */
		if (page === null && !drained) {
			unreserve_highatomic_pageblock(ac, false);
			drain_all_pages(null);
			drained = true;
			continue;
		}
		return page;
	}
}

/**
 * mm/vmscan.c:wakeup_kswapd(); there is no kswapd before reclaim comes, so that boosts end at once.
 */
export function wakeup_kswapd(zone: struct_zone, _gfp_flags: gfp_t, _order: number,
	_highest_zoneidx: zone_type): void {
	if (zone.watermark_boost !== 0) {
		zone.watermark_boost = 0;
		update_fast_mark(zone);
	}
}

function wake_all_kswapds(order: number, gfp_mask: gfp_t, ac: struct_alloc_context): void {
	let last_pgdat: struct_pglist_data | null = null;

	for (const zone of for_each_zone_zonelist_nodemask(ac.zonelist!, ac.highest_zoneidx,
		ac.nodemask)) {
		if (!managed_zone(zone))
			continue;
		if (last_pgdat !== zone.zone_pgdat) {
			wakeup_kswapd(zone, gfp_mask, order, ac.highest_zoneidx);
			last_pgdat = zone.zone_pgdat;
		}
	}
}

function gfp_to_alloc_flags(gfp_mask: gfp_t): number {
	let alloc_flags = ALLOC_WMARK_MIN | ALLOC_CPUSET;

	/* these two bits are the same in both */
	alloc_flags |= gfp_mask & (__GFP_HIGH | __GFP_KSWAPD_RECLAIM);

	if ((gfp_mask & __GFP_ATOMIC) !== 0) {
		if ((gfp_mask & __GFP_NOMEMALLOC) === 0)
			alloc_flags |= ALLOC_HARDER;
		alloc_flags &= ~ALLOC_CPUSET;
	}

	return alloc_flags;
}

function __gfp_pfmemalloc_flags(gfp_mask: gfp_t): number {
	if ((gfp_mask & __GFP_NOMEMALLOC) !== 0)
		return 0;
	if ((gfp_mask & __GFP_MEMALLOC) !== 0)
		return ALLOC_NO_WATERMARKS;
	if (in_serving_softirq() && (current.flags & PF_MEMALLOC) !== 0)
		return ALLOC_NO_WATERMARKS;
	if (!in_interrupt()) {
		if ((current.flags & PF_MEMALLOC) !== 0)
			return ALLOC_NO_WATERMARKS;
		else if (tsk_is_oom_victim(current))
			return ALLOC_OOM;
	}

	return 0;
}

export function gfp_pfmemalloc_allowed(gfp_mask: gfp_t): boolean {
	return __gfp_pfmemalloc_flags(gfp_mask) !== 0;
}

let no_progress_loops = 0;

function should_reclaim_retry(_gfp_mask: gfp_t, order: number, ac: struct_alloc_context,
	alloc_flags: number, progress: boolean): boolean {
	let ret = false;

	/* costly orders may find free memory that is in pieces: progress says little then */
	if (progress && order <= PAGE_ALLOC_COSTLY_ORDER)
		no_progress_loops = 0;
	else
		no_progress_loops++;

	if (no_progress_loops > MAX_RECLAIM_RETRIES)
		return unreserve_highatomic_pageblock(ac, true);

	for (const zone of for_each_zone_zonelist_nodemask(ac.zonelist!, ac.highest_zoneidx,
		ac.nodemask)) {
		const min_wmark = min_wmark_pages(zone);
		const available = zone_reclaimable_pages(zone) +
			zone_page_state(zone, NR_FREE_PAGES);

		if (__zone_watermark_ok(zone, order, min_wmark, ac.highest_zoneidx, alloc_flags,
			available)) {
			ret = true;
			break;
		}
	}

	if ((current.flags & PF_WQ_WORKER) !== 0)
		schedule_timeout_uninterruptible(1);
	else
		cond_resched();
	return ret;
}

/* port-only: so often an allocation that must not fail may find nothing before it is a BUG */
const MAX_NOFAIL_LOOPS	= 64;
/* port-only: how often the OOM killer is asked: its victims cannot run meanwhile */
const MAX_OOM_LOOPS	= 4;

/** mm/page_alloc.c:__alloc_pages_slowpath() */
function __alloc_pages_slowpath(gfp_mask: gfp_t, order: number,
	ac: struct_alloc_context): struct_page | null {
	const can_direct_reclaim = (gfp_mask & __GFP_DIRECT_RECLAIM) !== 0;
	const costly_order = order > PAGE_ALLOC_COSTLY_ORDER;
	let nofail_loops = 0, oom_loops = 0;
	let compact_prio: compact_priority = DEF_COMPACT_PRIORITY;
	/* C: goto nopage from before the loop */
	let give_up = false;
	let page: struct_page | null;

	if (WARN_ON_ONCE((gfp_mask & (__GFP_ATOMIC | __GFP_DIRECT_RECLAIM)) ===
		(__GFP_ATOMIC | __GFP_DIRECT_RECLAIM)))
		gfp_mask &= ~__GFP_ATOMIC;

	no_progress_loops = 0;
	let alloc_flags = gfp_to_alloc_flags(gfp_mask);

	ac.preferred_zoneref = next_zones_zonelist(ac.zonelist!._zonerefs, 0, ac.highest_zoneidx);
	if (preferred_zone(ac) === null) {
		give_up = true;
	} else {
		if ((alloc_flags & ALLOC_KSWAPD) !== 0)
			wake_all_kswapds(order, gfp_mask, ac);

		/* the watermark is a lower one now */
		page = get_page_from_freelist(gfp_mask, order, alloc_flags, ac);
		if (page !== null)
			return page;

		if (can_direct_reclaim &&
		    (costly_order || (order > 0 && ac.migratetype !== MIGRATE_MOVABLE)) &&
		    !gfp_pfmemalloc_allowed(gfp_mask)) {
			page = __alloc_pages_direct_compact(gfp_mask, order, alloc_flags, ac,
				INIT_COMPACT_PRIORITY);
			if (page !== null)
				return page;

			/* THP and the like do not insist */
			if (costly_order && (gfp_mask & __GFP_NORETRY) !== 0) {
				if (compact_result_ === COMPACT_SKIPPED ||
				    compact_result_ === COMPACT_DEFERRED)
					give_up = true;

				compact_prio = INIT_COMPACT_PRIORITY;
			}
		}
	}

	retry: for (;;) {
		nopage: {
			if (give_up) {
				give_up = false;
				break nopage;
			}

			if ((alloc_flags & ALLOC_KSWAPD) !== 0)
				wake_all_kswapds(order, gfp_mask, ac);

			const reserve_flags = __gfp_pfmemalloc_flags(gfp_mask);
			if (reserve_flags !== 0)
				alloc_flags = reserve_flags;

			if ((alloc_flags & ALLOC_CPUSET) === 0 || reserve_flags !== 0) {
				ac.nodemask = null;
				ac.preferred_zoneref = next_zones_zonelist(
					ac.zonelist!._zonerefs, 0, ac.highest_zoneidx);
			}

			page = get_page_from_freelist(gfp_mask, order, alloc_flags, ac);
			if (page !== null)
				return page;

			if (!can_direct_reclaim)
				break nopage;

			if ((current.flags & PF_MEMALLOC) !== 0)
				break nopage;

			page = __alloc_pages_direct_reclaim(gfp_mask, order, alloc_flags, ac);
			if (page !== null)
				return page;

			page = __alloc_pages_direct_compact(gfp_mask, order, alloc_flags, ac,
				compact_prio);
			if (page !== null)
				return page;

			if ((gfp_mask & __GFP_NORETRY) !== 0)
				break nopage;

			if (costly_order && (gfp_mask & __GFP_RETRY_MAYFAIL) === 0)
				break nopage;

			if (should_reclaim_retry(gfp_mask, order, ac, alloc_flags,
				did_some_progress > 0))
				continue retry;

			if (did_some_progress > 0 && should_compact_retry(ac, order, alloc_flags))
				continue retry;

			/* reclaim failed: somebody has to go */
			page = __alloc_pages_may_oom(gfp_mask, order, ac);
			if (page !== null)
				return page;

			if (tsk_is_oom_victim(current) &&
			    ((alloc_flags & ALLOC_OOM) !== 0 ||
			     (gfp_mask & __GFP_NOMEMALLOC) !== 0))
				break nopage;

			if (did_some_progress !== 0 && ++oom_loops <= MAX_OOM_LOOPS) {
				no_progress_loops = 0;
				continue retry;
			}
		}

		if ((gfp_mask & __GFP_NOFAIL) === 0 ||
		    WARN_ON_ONCE_GFP(!can_direct_reclaim, gfp_mask))
			break;

		WARN_ON_ONCE_GFP((current.flags & PF_MEMALLOC) !== 0, gfp_mask);
		WARN_ON_ONCE_GFP(order > PAGE_ALLOC_COSTLY_ORDER, gfp_mask);

		/* some of the reserves, so that others are not starved for long */
		page = __alloc_pages_cpuset_fallback(gfp_mask, order, ALLOC_HARDER, ac);
		if (page !== null)
			return page;

		cond_resched();
		if (++nofail_loops > MAX_NOFAIL_LOOPS)
			BUG();
	}
	warn_alloc(gfp_mask, ac.nodemask, `page allocation failure: order:${order}`);
	return null;
}

/* by zone modifiers: the preferred zone of an allocation; null for impossible combinations too */
let fast_zones: (struct_zone | null)[] = new Array<struct_zone | null>(GFP_ZONEMASK + 1).fill(null);

/* free pages above which no watermark that an allocation starts with can be in the way */
function update_fast_mark(zone: struct_zone): void {
	zone.fast_mark = low_wmark_pages(zone) + zone.nr_reserved_highatomic +
		Math.max(...zone.lowmem_reserve);
}

/*
 * Port-only: __alloc_pages() of a single page when nothing stands in the way, in one piece: the
 * preferred zone is above its watermark and this CPU's list is not empty. Null: the long way.
 */
function alloc_page_fast(gfp: gfp_t): struct_page | null {
	const zone = fast_zones[gfp & GFP_ZONEMASK]!;

	if (zone === null || zone.flags !== 0 || zone.vm_stat[NR_FREE_PAGES]! <= zone.fast_mark)
		return null;

	const pcp = zone.per_cpu_pageset[smp_processor_id()]!;
	/* an empty list's first is its head, whose owner is null */
	const page = pcp.lists[gfp_migratetype(gfp)]!.next.owner as struct_page | null;

	/* a trylock needs no interrupts off: one that comes in goes the long way */
	if (page === null || !spin_trylock(pcp.lock))
		return null;
	list_del(page.lru);
	pcp.free_factor >>= 1;
	pcp.count--;
	spin_unlock(pcp.lock);

	if (check_new_pages(page, 0))
		return null;
	__count_zid_vm_events(PGALLOC_DMA32, zone.idx, 1);
	page.private_ = 0;
	page._refcount = 1;
	if ((gfp & __GFP_ZERO) !== 0)
		clear_highpage(page);
	return page;
}

/* of the allocation that runs; the slow path, which may allocate itself, has its own */
let fast_ac: struct_alloc_context | null = null;

/** mm/page_alloc.c:__alloc_pages(), with prepare_alloc_pages() */
export function __alloc_pages(gfp: gfp_t, order: number, preferred_nid: number,
	nodemask: nodemask_t | null): struct_page | null {
	let alloc_flags = ALLOC_WMARK_LOW;

	if (WARN_ON_ONCE_GFP(order >= MAX_ORDER, gfp))
		return null;

	gfp &= gfp_allowed_mask;
	/* the task may be in a section that forbids some kinds of reclaim */
	gfp = current_gfp_context(gfp);
	if (order === 0 && !slow_free) {
		might_alloc(gfp);
		if (should_fail_alloc_page(gfp, order))
			return null;
		const page = alloc_page_fast(gfp);
		if (page !== null)
			return page;
	}
	const ac = fast_ac ??= new struct_alloc_context();

	ac.highest_zoneidx = gfp_zone(gfp);
	ac.zonelist = node_zonelist(preferred_nid, gfp);
	ac.nodemask = nodemask;
	ac.migratetype = gfp_migratetype(gfp);

	if (order !== 0 || slow_free) {
		might_alloc(gfp);

		if (should_fail_alloc_page(gfp, order))
			return null;
	}

	ac.preferred_zoneref = next_zones_zonelist(ac.zonelist._zonerefs, 0, ac.highest_zoneidx);

	alloc_flags |= alloc_flags_nofragment(preferred_zone(ac), gfp);

	const page = get_page_from_freelist(gfp, order, alloc_flags, ac);
	if (page !== null)
		return page;

	const slow_ac = new struct_alloc_context();
	slow_ac.highest_zoneidx = ac.highest_zoneidx;
	slow_ac.zonelist = ac.zonelist;
	slow_ac.nodemask = nodemask;
	slow_ac.migratetype = ac.migratetype;
	slow_ac.preferred_zoneref = ac.preferred_zoneref;
	return __alloc_pages_slowpath(gfp, order, slow_ac);
}

/**
 * mm/page_alloc.c:__alloc_pages_bulk(): order-0 pages into the empty slots of @page_array, or onto
 * @page_list. Returns how many slots are filled; fewer than asked for is no failure.
 */
export function __alloc_pages_bulk(gfp: gfp_t, preferred_nid: number, nodemask: nodemask_t | null,
	nr_pages: number, page_list: struct_list_head | null,
	page_array: (struct_page | null)[] | null): number {
	let nr_populated = 0;

	while (page_array !== null && nr_populated < nr_pages &&
	       (page_array[nr_populated] ?? null) !== null)
		nr_populated++;

	while (nr_populated < nr_pages) {
		if (page_array !== null && (page_array[nr_populated] ?? null) !== null) {
			nr_populated++;
			continue;
		}
		const page = __alloc_pages(gfp, 0, preferred_nid, nodemask);
		if (page === null)
			break;
		if (page_list !== null)
			list_add(page.lru, page_list);
		else
			page_array![nr_populated] = page;
		nr_populated++;
	}
	return nr_populated;
}

export function __folio_alloc(gfp: gfp_t, order: number, preferred_nid: number,
	nodemask: nodemask_t | null): struct_folio | null {
	const page = __alloc_pages(gfp | __GFP_COMP, order, preferred_nid, nodemask);

	if (page !== null && order > 1)
		prep_transhuge_page(page);
	return page as struct_folio | null;
}

/** The first page; C: its address. */
export function __get_free_pages(gfp_mask: gfp_t, order: number): struct_page | null {
	return alloc_pages(gfp_mask & ~__GFP_HIGHMEM, order);
}

export function get_zeroed_page(gfp_mask: gfp_t): struct_page | null {
	return __get_free_pages(gfp_mask | __GFP_ZERO, 0);
}

/** mm/page_alloc.c:__free_pages() */
export function __free_pages(page: struct_page, order: number): void {
	VM_BUG_ON_PAGE(page._refcount === 0, page);
	if ((page._refcount = page._refcount - 1 | 0) === 0)
		free_the_page(page, order);
	else if (!PageHead(page))
		while (order-- > 0)
			free_the_page(pfn_to_page(pfn_nr(page.pfn + (1 << order))), order);
}

export function free_pages(page: struct_page | null, order: number): void {
	if (page !== null)
		__free_pages(page, order);
}

/* ---- numbers -------------------------------------------------------------------------------- */

export function totalram_pages(): number {
	return _totalram_pages;
}

export function totalram_pages_add(count: number): void {
	_totalram_pages += count;
}

function nr_free_zone_pages(offset: zone_type): number {
	let sum = 0;

	for (const zone of for_each_zone_zonelist_nodemask(node_zonelist(0, GFP_KERNEL), offset,
		null)) {
		const size = zone_managed_pages(zone);
		const high = high_wmark_pages(zone);
		if (size > high)
			sum += size - high;
	}

	return sum;
}

export function nr_free_buffer_pages(): number {
	return nr_free_zone_pages(gfp_zone(GFP_USER));
}

/** mm/page_alloc.c:si_mem_available() */
export function si_mem_available(): number {
	const lru_pages = (lru: number): number => global_node_page_state(NR_LRU_BASE + lru);
	let wmark_low = 0;

	for (const zone of for_each_zone())
		wmark_low += low_wmark_pages(zone);

	let available = global_zone_page_state(NR_FREE_PAGES) - totalreserve_pages;

	let pagecache = lru_pages(LRU_ACTIVE_FILE) + lru_pages(LRU_INACTIVE_FILE);
	pagecache -= Math.min(pagecache >> 1, wmark_low);
	available += pagecache;

	const reclaimable = (global_node_page_state(NR_SLAB_RECLAIMABLE_B) >> PAGE_SHIFT) +
		global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE);
	available += reclaimable - Math.min(reclaimable >> 1, wmark_low);

	return Math.max(available, 0);
}

/** struct sysinfo, of what memory management fills in; in units of mem_unit. */
export class struct_sysinfo {
	totalram = 0;
	sharedram = 0;
	freeram = 0;
	bufferram = 0;
	totalswap = 0;
	freeswap = 0;
	totalhigh = 0;
	freehigh = 0;
	mem_unit = 0;
}

export function si_meminfo(val: struct_sysinfo): void {
	val.totalram = totalram_pages();
	val.sharedram = global_node_page_state(NR_SHMEM);
	val.freeram = global_zone_page_state(NR_FREE_PAGES);
	val.bufferram = 0;
	val.totalhigh = 0;
	val.freehigh = 0;
	val.mem_unit = PAGE_SIZE;
}

/* ---- setting up ----------------------------------------------------------------------------- */

function build_zonerefs_node(pgdat: struct_pglist_data, zonerefs: struct_zoneref[]): void {
	for (let zone_type = MAX_NR_ZONES - 1; zone_type >= 0; zone_type--) {
		const zone = pgdat.node_zones[zone_type]!;

		if (populated_zone(zone))
			zonerefs.push({ zone, zone_idx: zone_type });
	}
}

/** mm/page_alloc.c:build_all_zonelists() */
export function build_all_zonelists(_pgdat: struct_pglist_data | null): void {
	const zonerefs: struct_zoneref[] = [];

	build_zonerefs_node(contig_page_data, zonerefs);
	zonerefs.push({ zone: null, zone_idx: 0 });
	contig_page_data.node_zonelists[0]!._zonerefs = zonerefs;

	fast_zones = fast_zones.map((_, gfp) => {
		if ((GFP_ZONE_BAD >> gfp & 1) !== 0)
			return null;
		return zonerefs[next_zones_zonelist(zonerefs, 0, gfp_zone(gfp))]!.zone;
	});

	/* C: boot_pageset, until setup_per_cpu_pageset() */
	for (const zone of for_each_populated_zone())
		if (zone.per_cpu_pageset.length === 0)
			alloc_zone_pageset(zone);
}

function zone_batchsize(zone: struct_zone): number {
	let batch = Math.min(zone_managed_pages(zone) >> 10, 1024 * 1024 / PAGE_SIZE);

	batch >>= 2;
	if (batch < 1)
		batch = 1;

	/* 2^n - 1, so that batches do not beat in time with users' */
	return (1 << __fls(batch + (batch >> 1))) - 1;
}

function zone_highsize(zone: struct_zone, batch: number, cpu_online: number): number {
	let total_pages: number;

	if (percpu_pagelist_high_fraction === 0)
		total_pages = low_wmark_pages(zone);
	else
		total_pages = Math.floor(zone_managed_pages(zone) / percpu_pagelist_high_fraction);

	const nr_split_cpus = num_online_cpus() + cpu_online || 1;

	return Math.max(Math.floor(total_pages / nr_split_cpus), batch << 2);
}

const BOOT_PAGESET_HIGH		= 0;
const BOOT_PAGESET_BATCH	= 1;

function pageset_update(pcp: struct_per_cpu_pages, high: number, batch: number): void {
	pcp.batch = batch;
	pcp.high = high;
}

function per_cpu_pages_init(pcp: struct_per_cpu_pages): void {
	spin_lock_init(pcp.lock, "&pcp->lock");
	pageset_update(pcp, BOOT_PAGESET_HIGH, BOOT_PAGESET_BATCH);
	pcp.free_factor = 0;
}

function __zone_set_pageset_high_and_batch(zone: struct_zone, high: number, batch: number): void {
	for (const pcp of zone.per_cpu_pageset)
		pageset_update(pcp, high, batch);
}

function zone_set_pageset_high_and_batch(zone: struct_zone, cpu_online: number): void {
	const new_batch = Math.max(1, zone_batchsize(zone));
	const new_high = zone_highsize(zone, new_batch, cpu_online);

	if (zone.pageset_high === new_high && zone.pageset_batch === new_batch)
		return;

	zone.pageset_high = new_high;
	zone.pageset_batch = new_batch;

	__zone_set_pageset_high_and_batch(zone, new_high, new_batch);
}

function alloc_zone_pageset(zone: struct_zone): void {
	zone.per_cpu_pageset = [];
	for (const _cpu of for_each_possible_cpu()) {
		const pcp = new struct_per_cpu_pages();

		per_cpu_pages_init(pcp);
		zone.per_cpu_pageset.push(pcp);
	}
}

export function setup_zone_pageset(zone: struct_zone): void {
	if (zone.per_cpu_pageset.length === 0)
		alloc_zone_pageset(zone);

	zone_set_pageset_high_and_batch(zone, 0);
}

export function setup_per_cpu_pageset(): void {
	for (const zone of for_each_populated_zone())
		setup_zone_pageset(zone);
}

export function init_currently_empty_zone(zone: struct_zone, zone_start_pfn: number,
	_size: number): void {
	zone.zone_pgdat.nr_zones = Math.max(zone.zone_pgdat.nr_zones, zone_idx(zone) + 1);
	zone.zone_start_pfn = zone_start_pfn;
	zone.initialized = 1;
}

/** mm/page_alloc.c:zone_init_internals() */
export function zone_init_internals(zone: struct_zone, idx: zone_type): void {
	zone.name = zone_names[idx]!;
	spin_lock_init(zone.lock, "&zone->lock");
}

export function adjust_managed_page_count(page: struct_page, count: number): void {
	page_zone(page).managed_pages += count;
	totalram_pages_add(count);
}

/** Of mm.h: a page that was reserved at boot is free from now on. */
export function free_reserved_page(page: struct_page): void {
	page.flags &= ~(1 << PG_reserved);
	page._refcount = 1;
	__free_pages(page, 0);
	adjust_managed_page_count(page, 1);
}

export function page_alloc_init(): void {}
export function page_alloc_init_late(): void {}

function calculate_totalreserve_pages(): void {
	const pgdat = contig_page_data;
	let reserve_pages = 0;

	for (let i = 0; i < MAX_NR_ZONES; i++) {
		const zone = pgdat.node_zones[i]!;
		let max = 0;

		for (let j = i; j < MAX_NR_ZONES; j++)
			max = Math.max(max, zone.lowmem_reserve[j]!);

		max = Math.min(max + high_wmark_pages(zone), zone_managed_pages(zone));

		reserve_pages += max;
	}
	pgdat.totalreserve_pages = reserve_pages;
	totalreserve_pages = reserve_pages;
	pgdat.node_zones.forEach(update_fast_mark);
}

/* a low zone keeps pages back from those that could use a higher one */
function setup_per_zone_lowmem_reserve(): void {
	const pgdat = contig_page_data;

	for (let i = 0; i < MAX_NR_ZONES - 1; i++) {
		const zone = pgdat.node_zones[i]!;
		const ratio = sysctl_lowmem_reserve_ratio[i]!;
		const clear = ratio === 0 || zone_managed_pages(zone) === 0;
		let managed_pages = 0;

		for (let j = i + 1; j < MAX_NR_ZONES; j++) {
			managed_pages += zone_managed_pages(pgdat.node_zones[j]!);
			zone.lowmem_reserve[j] = clear ? 0 : Math.floor(managed_pages / ratio);
		}
	}

	calculate_totalreserve_pages();
}

function __setup_per_zone_wmarks(): void {
	const pages_min = min_free_kbytes >> (PAGE_SHIFT - 10);
	let lowmem_pages = 0;

	for (const zone of for_each_zone())
		lowmem_pages += zone_managed_pages(zone);

	for (const zone of for_each_zone()) {
		const flags = spin_lock_irqsave(zone.lock);
		let tmp = Math.floor(pages_min * zone_managed_pages(zone) / lowmem_pages);

		zone._watermark[WMARK_MIN] = tmp;

		/* the distance between watermarks */
		tmp = Math.max(Math.floor(tmp / 4),
			Math.floor(zone_managed_pages(zone) * watermark_scale_factor / 10000));

		zone.watermark_boost = 0;
		zone._watermark[WMARK_LOW] = min_wmark_pages(zone) + tmp;
		zone._watermark[WMARK_HIGH] = low_wmark_pages(zone) + tmp;
		zone._watermark[WMARK_PROMO] = high_wmark_pages(zone) + tmp;

		spin_unlock_irqrestore(zone.lock, flags);
	}

	calculate_totalreserve_pages();
}

const wmarks_lock = DEFINE_SPINLOCK("setup_per_zone_wmarks:lock");

export function setup_per_zone_wmarks(): void {
	spin_lock(wmarks_lock);
	__setup_per_zone_wmarks();
	spin_unlock(wmarks_lock);

	for (const zone of for_each_zone())
		zone_pcp_update(zone, 0);
}

export function calculate_min_free_kbytes(): void {
	const lowmem_kbytes = nr_free_buffer_pages() * (PAGE_SIZE >> 10);
	const new_min_free_kbytes = Math.floor(Math.sqrt(lowmem_kbytes * 16));

	if (new_min_free_kbytes > user_min_free_kbytes)
		min_free_kbytes = Math.max(128, Math.min(new_min_free_kbytes, 262144));
	else
		pr_warn("min_free_kbytes is not updated to %d because user defined value %d is preferred\n",
			new_min_free_kbytes, user_min_free_kbytes);
}

export function init_per_zone_wmark_min(): number {
	calculate_min_free_kbytes();
	setup_per_zone_wmarks();
	setup_per_zone_lowmem_reserve();

	return 0;
}
postcore_initcall("mm/page_alloc", init_per_zone_wmark_min);

export function set_min_free_kbytes(kbytes: number): void {
	min_free_kbytes = kbytes;
}

/** mm/page_alloc.c:min_free_kbytes_sysctl_handler() */
export function min_free_kbytes_sysctl_handler(table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer): number {
	const rc = proc_dointvec_minmax(table, write, buffer);
	if (rc)
		return rc;

	if (write) {
		user_min_free_kbytes = min_free_kbytes;
		setup_per_zone_wmarks();
	}
	return 0;
}

/* ---- contiguous ranges ---------------------------------------------------------------------- */

/* !CONFIG_MIGRATION: pages in use stay where they are, test_pages_isolated() will find them */
function __alloc_contig_migrate_range(_start: number, _end: number): number {
	return 0;
}

/*
 * In place of mm/compaction.c:isolate_freepages_range(): the free blocks of [@start, @end) are
 * allocated. Each page has one reference, also those that nobody asked for yet.
 */
function take_free_range(zone: struct_zone, start: number, end: number): void {
	const flags = spin_lock_irqsave(zone.lock);
	for (let pfn = start; pfn < end;) {
		const page = pfn_to_page(pfn_nr(pfn));
		const order = buddy_order(page);

		VM_BUG_ON_PAGE(!PageBuddy(page), page);
		del_page_from_free_list(page, zone, order);
		pfn += 1 << order;
	}
	for (let page = next_made_page(start, end); page !== null;
		page = next_made_page(page.pfn + 1, end))
		post_alloc_hook(page, 0, __GFP_HIGHMEM);
	contig_ranges.push({ pfn: start, end });
	spin_unlock_irqrestore(zone.lock, flags);
}

/** mm/page_alloc.c:alloc_contig_range(): [@start, @end), in one zone, as single pages. */
export function alloc_contig_range(start: number, end: number, migratetype: number,
	gfp_mask: gfp_t): number {
	const zone = page_zone(pfn_to_page(pfn_nr(start)));
	let outer_start = start;

	deferred_grow_up_to(zone, ALIGN(end, MAX_ORDER_NR_PAGES));

	let ret = start_isolate_page_range(start, end, migratetype, 0, gfp_mask);
	if (ret !== 0)
		return ret;

	done: {
		drain_all_pages(zone);

		ret = __alloc_contig_migrate_range(start, end);
		if (ret !== 0 && ret !== -EBUSY)
			break done;
		ret = 0;

		/* the free block that @start lies in may begin before it */
		let order = 0;
		for (;;) {
			const page = pfn_to_made_page(outer_start);
			if (page !== null && PageBuddy(page))
				break;
			if (++order >= MAX_ORDER) {
				outer_start = start;
				break;
			}
			outer_start = ALIGN_DOWN(outer_start, 1 << order);
		}

		if (outer_start !== start) {
			order = buddy_order(pfn_to_page(pfn_nr(outer_start)));
			if (outer_start + (1 << order) <= start)
				outer_start = start;
		}

		if (test_pages_isolated(outer_start, end, 0) !== 0) {
			ret = -EBUSY;
			break done;
		}

		let outer_end = outer_start;
		while (outer_end < end)
			outer_end += 1 << buddy_order(pfn_to_page(pfn_nr(outer_end)));
		take_free_range(zone, outer_start, outer_end);

		if (start !== outer_start)
			free_contig_range(outer_start, start - outer_start);
		if (end !== outer_end)
			free_contig_range(end, outer_end - end);
	}
	undo_isolate_page_range(start, end, migratetype);
	return ret;
}

/*
 * Pages that exist are asked. The others are the zone's, and free or a tail, unless boot reserved
 * them: memblock knows.
 */
function pfn_range_valid_contig(z: struct_zone, start_pfn: number, nr_pages: number): boolean {
	const end_pfn = start_pfn + nr_pages;

	if (!zone_spans_pfn(z, start_pfn) || !zone_spans_pfn(z, end_pfn - 1) ||
	    !memblock_is_free_range(start_pfn, end_pfn))
		return false;

	for (let page = next_made_page(start_pfn, end_pfn); page !== null;
		page = next_made_page(page.pfn + 1, end_pfn))
		if (PageReserved(page))
			return false;
	return true;
}

function zone_spans_last_pfn(zone: struct_zone, start_pfn: number, nr_pages: number): boolean {
	return zone_spans_pfn(zone, start_pfn + nr_pages - 1);
}

/** mm/page_alloc.c:alloc_contig_pages(), aligned to @nr_pages if that is a power of two. */
export function alloc_contig_pages(nr_pages: number, gfp_mask: gfp_t, nid: number,
	nodemask: nodemask_t | null): struct_page | null {
	const zonelist = node_zonelist(nid, gfp_mask);

	for (const zone of for_each_zone_zonelist_nodemask(zonelist, gfp_zone(gfp_mask),
		nodemask)) {
		let pfn = ALIGN(zone.zone_start_pfn, nr_pages);

		while (zone_spans_last_pfn(zone, pfn, nr_pages)) {
			if (pfn_range_valid_contig(zone, pfn, nr_pages)) {
				const ret = alloc_contig_range(pfn, pfn + nr_pages,
					MIGRATE_MOVABLE, gfp_mask);
				if (ret === 0)
					return pfn_to_page(pfn_nr(pfn));
			}
			pfn += nr_pages;
		}
	}
	return null;
}

/* [@pfn, @end), none of which was ever made, back to the lists in the largest blocks that fit */
function free_unmade_range(pfn: number, end: number): void {
	forget_contig_range(pfn, end);
	while (pfn < end) {
		const order = Math.min(MAX_ORDER - 1, pfn === 0 ? MAX_ORDER - 1 : __ffs(pfn),
			__fls(Math.min(end - pfn, MAX_ORDER_NR_PAGES)));
		const page = pfn_to_page(pfn_nr(pfn));

		free_one_page(page_zone(page), page, pfn, order,
			get_pfnblock_migratetype(null, pfn), FPI_NONE);
		__count_vm_events(PGFREE, 1 << order);
		pfn += 1 << order;
	}
}

/** mm/page_alloc.c:free_contig_range() */
export function free_contig_range(pfn: number, nr_pages: number): void {
	const end = pfn + nr_pages;
	let count = 0;

	while (pfn < end) {
		const page = pfn_to_made_page(pfn);

		if (page === null) {
			const stop = next_made_page(pfn, end)?.pfn ?? end;
			free_unmade_range(pfn, stop);
			pfn = stop;
			continue;
		}
		if (page._refcount !== 1)
			count++;
		__free_pages(page, 0);
		pfn++;
	}
	forget_contig_range(end - nr_pages, end);
	WARN(count !== 0, "%d pages are still in use!\n", count);
}

export function zone_pcp_update(zone: struct_zone, cpu_online: number): void {
	mutex_lock(pcp_batch_high_lock);
	zone_set_pageset_high_and_batch(zone, cpu_online);
	mutex_unlock(pcp_batch_high_lock);
}

/** The CPUs keep no pages of this zone until zone_pcp_enable(). */
export function zone_pcp_disable(zone: struct_zone): void {
	mutex_lock(pcp_batch_high_lock);
	__zone_set_pageset_high_and_batch(zone, 0, 1);
	__drain_all_pages(zone, true);
}

export function zone_pcp_enable(zone: struct_zone): void {
	__zone_set_pageset_high_and_batch(zone, zone.pageset_high, zone.pageset_batch);
	mutex_unlock(pcp_batch_high_lock);
}

/** mm/page_alloc.c:is_free_buddy_page() */
export function is_free_buddy_page(page: struct_page): boolean {
	for (let order = 0; order < MAX_ORDER; order++) {
		const page_head = pfn_to_made_page(ALIGN_DOWN(page.pfn as number, 1 << order));

		if (page_head !== null && PageBuddy(page_head) && buddy_order(page_head) >= order)
			return true;
	}
	return false;
}

function break_down_buddy_pages(zone: struct_zone, page: struct_page, target: struct_page,
	low: number, high: number, migratetype: number): void {
	let size = 1 << high;

	while (high > low) {
		high--;
		size >>= 1;

		const upper = pfn_to_page(pfn_nr(page.pfn + size));
		const current_buddy = target.pfn >= upper.pfn ? page : upper;
		const next_page = target.pfn >= upper.pfn ? upper : page;

		add_to_free_list(current_buddy, zone, high, migratetype);
		set_buddy_order(current_buddy, high);
		page = next_page;
	}
}

/* include/linux/page-flags.h, mm/memory-failure.c */
function SetPageHWPoisonTakenOff(page: struct_page): void {
	page.private_ = MAGIC_HWPOISON;
}

function ClearPageHWPoisonTakenOff(page: struct_page): void {
	if (PageHWPoison(page))
		page.private_ = 0;
}

/** mm/page_alloc.c:take_page_off_buddy(): a free page that must not be used again. */
export function take_page_off_buddy(page: struct_page): boolean {
	const zone = page_zone(page);
	const flags = spin_lock_irqsave(zone.lock);
	let ret = false;

	for (let order = 0; order < MAX_ORDER; order++) {
		const page_head = pfn_to_made_page(ALIGN_DOWN(page.pfn as number, 1 << order));

		if (page_head === null)
			continue;
		const page_order = buddy_order(page_head);
		if (PageBuddy(page_head) && page_order >= order) {
			const migratetype = get_pageblock_migratetype(page_head);

			del_page_from_free_list(page_head, zone, page_order);
			break_down_buddy_pages(zone, page_head, page, 0, page_order, migratetype);
			SetPageHWPoisonTakenOff(page);
			if (!is_migrate_isolate(migratetype))
				__mod_zone_freepage_state(zone, -1, migratetype);
			ret = true;
			break;
		}
		if (page_head._refcount > 0)
			break;
	}
	spin_unlock_irqrestore(zone.lock, flags);
	return ret;
}

/** mm/page_alloc.c:put_page_back_buddy() */
export function put_page_back_buddy(page: struct_page): boolean {
	const zone = page_zone(page);
	const pfn = page.pfn;
	const migratetype = get_pfnblock_migratetype(page, pfn);
	const flags = spin_lock_irqsave(zone.lock);
	let ret = false;

	page._refcount--;
	if (page._refcount === 0) {
		ClearPageHWPoisonTakenOff(page);
		__free_one_page(page, pfn, zone, 0, migratetype, FPI_NONE);
		if (TestClearPageHWPoison(page))
			ret = true;
	}
	spin_unlock_irqrestore(zone.lock, flags);

	return ret;
}
