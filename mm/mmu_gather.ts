// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gathering what was unmapped: first the entries are cleared, then the TLBs are flushed, and only
 * then the pages and page tables go back to the allocator.
 *
 * Upstream: mm/mmu_gather.c; struct mmu_gather is in asm/tlb.ts. Left out: freeing tables by RCU
 * (they are gathered as pages; gup-fast walks with interrupts off and cannot meet a free).
 */
import { __free_page, alloc_pages } from "#linux/gfp.ts";
import { GFP_NOWAIT, __GFP_NOWARN } from "#linux/gfp_types.ts";
import { dec_tlb_flush_pending, inc_tlb_flush_pending, mm_tlb_flush_nested } from
	"#linux/mm_inline.ts";
import type { struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import { VM_BUG_ON, VM_BUG_ON_PAGE } from "#linux/mmdebug.ts";
import { cond_resched } from "#linux/sched.ts";
import { free_pages_and_swap_cache } from "#linux/swap.ts";
import {
	MAX_GATHER_BATCH, MAX_GATHER_BATCH_COUNT, MMU_GATHER_BUNDLE, __tlb_reset_range,
	type struct_mmu_gather, struct_mmu_gather_batch, tlb_flush_mmu_tlbonly,
} from "#asm/tlb.ts";

/* former batches with their arrays, which take long to grow */
const spare_batches: struct_mmu_gather_batch[] = [];

/**
 * mm/mmu_gather.c:tlb_next_batch(). A batch takes a page, as upstream's does; it may not be had.
 */
function tlb_next_batch(tlb: struct_mmu_gather): boolean {
	const active = tlb.active!;
	if (active.next) {
		tlb.active = active.next;
		return true;
	}

	if (tlb.batch_count === MAX_GATHER_BATCH_COUNT)
		return false;

	const page = alloc_pages(GFP_NOWAIT | __GFP_NOWARN, 0);
	if (!page)
		return false;

	const batch = spare_batches.pop() ?? new struct_mmu_gather_batch(
		Array.from(new Uint8Array(MAX_GATHER_BATCH), () => null));
	batch.page = page;
	tlb.batch_count++;
	batch.next = null;
	batch.nr = 0;
	batch.max = MAX_GATHER_BATCH;

	active.next = batch;
	tlb.active = batch;

	return true;
}

/** mm/mmu_gather.c:tlb_batch_pages_flush() */
function tlb_batch_pages_flush(tlb: struct_mmu_gather): void {
	for (let batch: struct_mmu_gather_batch | null = tlb.local; batch && batch.nr;
	     batch = batch.next) {
		free_pages_and_swap_cache(batch.pages as struct_page[], batch.nr);
		batch.nr = 0;
		cond_resched();
	}
	tlb.active = tlb.local;
}

/** mm/mmu_gather.c:tlb_batch_list_free() */
function tlb_batch_list_free(tlb: struct_mmu_gather): void {
	for (let batch = tlb.local.next; batch; batch = batch.next) {
		__free_page(batch.page!);
		spare_batches.push(batch);
	}
	tlb.local.next = null;
}

/** mm/mmu_gather.c:__tlb_remove_page_size(). True: no room for more, flush. */
export function __tlb_remove_page_size(tlb: struct_mmu_gather, page: struct_page,
	_page_size: number): boolean {
	VM_BUG_ON(!tlb.end);

	let batch = tlb.active!;
	/* the page is freed in any case, even if this was the last place */
	batch.pages[batch.nr++] = page;
	if (batch.nr === batch.max) {
		if (!tlb_next_batch(tlb))
			return true;
		batch = tlb.active!;
	}
	VM_BUG_ON_PAGE(batch.nr > batch.max, page);

	return false;
}

/** mm/mmu_gather.c:tlb_flush_mmu_free() */
function tlb_flush_mmu_free(tlb: struct_mmu_gather): void {
	tlb_batch_pages_flush(tlb);
}

/** mm/mmu_gather.c:tlb_flush_mmu() */
export function tlb_flush_mmu(tlb: struct_mmu_gather): void {
	tlb_flush_mmu_tlbonly(tlb);
	tlb_flush_mmu_free(tlb);
}

/** mm/mmu_gather.c:__tlb_gather_mmu() */
function __tlb_gather_mmu(tlb: struct_mmu_gather, mm: struct_mm_struct, fullmm: boolean): void {
	tlb.mm = mm;
	tlb.fullmm = fullmm;

	tlb.need_flush_all = false;
	tlb.local.next = null;
	tlb.local.nr = 0;
	tlb.local.max = MMU_GATHER_BUNDLE;
	tlb.active = tlb.local;
	tlb.batch_count = 0;

	__tlb_reset_range(tlb);
	inc_tlb_flush_pending(mm);
}

/** mm/mmu_gather.c:tlb_gather_mmu() */
export function tlb_gather_mmu(tlb: struct_mmu_gather, mm: struct_mm_struct): void {
	__tlb_gather_mmu(tlb, mm, false);
}

/** mm/mmu_gather.c:tlb_gather_mmu_fullmm(). The mm goes: nobody runs on it any more. */
export function tlb_gather_mmu_fullmm(tlb: struct_mmu_gather, mm: struct_mm_struct): void {
	__tlb_gather_mmu(tlb, mm, true);
}

/** mm/mmu_gather.c:tlb_finish_mmu() */
export function tlb_finish_mmu(tlb: struct_mmu_gather): void {
	const mm = tlb.mm!;

	/*
	 * Another gather of this mm, under mmap_lock for read too, may have cleared entries that we
	 * then found empty, and not flushed yet: our caller relies on them being flushed.
	 */
	if (mm_tlb_flush_nested(mm)) {
		tlb.fullmm = true;
		__tlb_reset_range(tlb);
		tlb.freed_tables = true;
	}

	tlb_flush_mmu(tlb);

	tlb_batch_list_free(tlb);
	dec_tlb_flush_pending(mm);
}
