// SPDX-License-Identifier: GPL-2.0
/*
 * Memory before the page allocator: what there is, and what of it boot reserved.
 *
 * Upstream: mm/memblock.c. Left out: allocating from it (nothing needs memory that early), nodes,
 * flags, growing arrays. Ranges are of frames; a reserved range is rounded outwards.
 */
import { hpa_t } from "#asm-generic/types.ts";
import { MAX_NR_ZONES, contig_page_data, type free_range } from "#linux/mmzone.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { memblock_free_pages } from "#mm/internal.h.ts";

/* sorted, disjoint, not adjacent */
let memory: free_range[] = [];
let reserved: free_range[] = [];
/* memory that is not reserved; computed by memblock_free_all() or on first use */
let free: free_range[] | null = null;

/** Port-only: forgets everything, for a host that boots. */
export function memblock_reset(): void {
	memory = [];
	reserved = [];
	free = null;
}

function add_range(ranges: free_range[], pfn: number, end: number): free_range[] {
	const out: free_range[] = [];

	if (pfn >= end)
		return ranges;
	for (const r of ranges) {
		if (r.end < pfn || r.pfn > end) {
			out.push(r);
		} else {
			pfn = Math.min(pfn, r.pfn);
			end = Math.max(end, r.end);
		}
	}
	out.push({ pfn, end });
	free = null;
	return out.sort((a, b) => a.pfn - b.pfn);
}

/** Memory at [@base, @base + @size); what is no whole frame is no memory. */
export function memblock_add(base: number, size: number): number {
	memory = add_range(memory, Math.ceil(base / PAGE_SIZE),
		Math.floor((base + size) / PAGE_SIZE));
	return 0;
}

export function memblock_reserve(base: number, size: number): number {
	reserved = add_range(reserved, Math.floor(base / PAGE_SIZE),
		Math.ceil((base + size) / PAGE_SIZE));
	return 0;
}

function subtract(from: readonly free_range[], what: readonly free_range[]): free_range[] {
	const out: free_range[] = [];

	for (const r of from) {
		let pfn = r.pfn;

		for (const w of what) {
			if (w.end <= pfn || w.pfn >= r.end)
				continue;
			if (w.pfn > pfn)
				out.push({ pfn, end: w.pfn });
			pfn = Math.max(pfn, w.end);
		}
		if (pfn < r.end)
			out.push({ pfn, end: r.end });
	}
	return out;
}

export function memblock_memory_ranges(): readonly free_range[] {
	return memory;
}

/** Memory that boot left to the page allocator. */
export function memblock_free_ranges(): readonly free_range[] {
	return free ??= subtract(memory, reserved);
}

function contains(ranges: readonly free_range[], pfn: number): boolean {
	for (const r of ranges)
		if (r.pfn <= pfn && pfn < r.end)
			return true;
	return false;
}

export function memblock_is_free_pfn(pfn: number): boolean {
	return contains(memblock_free_ranges(), pfn);
}

/** Whether all of [@pfn, @end) was left to the page allocator. */
export function memblock_is_free_range(pfn: number, end: number): boolean {
	return memblock_free_ranges().some((r) => r.pfn <= pfn && end <= r.end);
}

export function memblock_is_memory(addr: hpa_t): boolean {
	return contains(memory, Math.floor(addr / PAGE_SIZE));
}

export function memblock_is_map_memory(addr: hpa_t): boolean {
	return memblock_is_memory(addr);
}

export function memblock_is_reserved(addr: hpa_t): boolean {
	return contains(reserved, Math.floor(addr / PAGE_SIZE));
}

export function memblock_addrs_overlap_memory(pfn: number, end: number): boolean {
	return memory.some((r) => r.pfn < end && pfn < r.end);
}

export function memblock_phys_mem_size(): number {
	return memory.reduce((n, r) => n + (r.end - r.pfn), 0) * PAGE_SIZE;
}

export function memblock_start_of_DRAM(): hpa_t {
	return hpa_t(memory.length !== 0 ? memory[0]!.pfn * PAGE_SIZE : 0);
}

export function memblock_end_of_DRAM(): hpa_t {
	return hpa_t(memory.length !== 0 ? memory[memory.length - 1]!.end * PAGE_SIZE : 0);
}

/** mm/memblock.c:memblock_free_all(): free memory goes to the page allocator, zone by zone. */
export function memblock_free_all(): void {
	for (const range of memblock_free_ranges()) {
		for (let i = 0; i < MAX_NR_ZONES; i++) {
			const zone = contig_page_data.node_zones[i]!;
			const pfn = Math.max(range.pfn, zone.zone_start_pfn);
			const end = Math.min(range.end, zone.zone_start_pfn + zone.spanned_pages);

			if (zone.spanned_pages !== 0 && pfn < end)
				memblock_free_pages(zone, pfn, end);
		}
	}
}
