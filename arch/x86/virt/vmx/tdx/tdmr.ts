// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that TDs may have: TD memory regions (TDMRs) over all RAM, and the module's own metadata
 * of it (PAMTs), which comes out of the same RAM.
 *
 * Upstream: arch/x86/virt/vmx/tdx/tdx.c, the part from build_tdx_memlist() to construct_tdmrs().
 */
import { ALIGN } from "#asm-generic/bits.ts";
import { ENOMEM, ENOSPC } from "#linux/errno.ts";
import { __get_free_page, __GFP_ZERO, alloc_contig_pages, free_contig_range, free_page, GFP_KERNEL }
	from "#linux/gfp.ts";
import { memblock_memory_ranges } from "#linux/memblock.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { pr_warn } from "#linux/printk.ts";
import { page_to_pfn } from "#linux/mm.ts";
import { page_bytes, PAGE_SIZE } from "#asm/page.ts";
import { tme_clear_page, type struct_tdsysinfo } from "#asm/tdx.ts";

const SZ_1M		= 2 ** 20;
const TDMR_ALIGNMENT	= 2 ** 30;
/* log2 of what an entry of each array stands for: 4K, 2M, 1G */
const LEVEL_SHIFTS	= [12, 21, 30];

/** In bytes. */
export interface tdx_memblock {
	readonly start: number;
	readonly end: number;
}

interface rsvd_area {
	readonly base: number;
	readonly size: number;
}

export class tdmr_info {
	base = 0;
	size = 0;
	/** by level, from 4K up */
	readonly pamt_base = [0, 0, 0];
	readonly pamt_size = [0, 0, 0];
	reserved: rsvd_area[] = [];
}

export class tdmr_info_list {
	readonly list: tdmr_info[] = [];
	/** What the module reads: a TDMR_INFO at the start of each. */
	readonly pages: struct_page[] = [];
}

const tdmr_end = (t: tdmr_info): number => t.base + t.size;

/** arch/x86/virt/vmx/tdx/tdx.c:build_tdx_memlist() */
export function build_tdx_memlist(): tdx_memblock[] {
	const list: tdx_memblock[] = [];

	for (const r of memblock_memory_ranges()) {
		/* the first MiB is not convertible, and in no page allocator's hands */
		const start = Math.max(r.pfn * PAGE_SIZE, SZ_1M), end = r.end * PAGE_SIZE;
		if (start < end)
			list.push({ start, end });
	}
	return list;
}

/** arch/x86/virt/vmx/tdx/tdx.c:fill_out_tdmrs(): one for each block, apart from each other. */
function fill_out_tdmrs(memlist: readonly tdx_memblock[], tdmrs: tdmr_info_list,
	max_tdmrs: number): number {
	for (const tmb of memlist) {
		let start = tmb.start - tmb.start % TDMR_ALIGNMENT;
		const end = Math.ceil(tmb.end / TDMR_ALIGNMENT) * TDMR_ALIGNMENT;
		const last = tdmrs.list.at(-1);

		if (last !== undefined) {
			if (end <= tdmr_end(last))
				continue;
			start = Math.max(start, tdmr_end(last));
		}
		if (tdmrs.list.length >= max_tdmrs) {
			pr_warn("virt/tdx: initialization failed: TDMRs exhausted.\n");
			return -ENOSPC;
		}
		const tdmr = new tdmr_info();
		tdmr.base = start;
		tdmr.size = end - start;
		tdmrs.list.push(tdmr);
	}
	return 0;
}

/* PAMTs. */

/** arch/x86/virt/vmx/tdx/tdx.c:tdmr_set_up_pamt(): the three arrays of a region in one piece. */
function tdmr_set_up_pamt(tdmr: tdmr_info, entry_size: number): number {
	let total = 0;

	LEVEL_SHIFTS.forEach((shift, level) => {
		const size = ALIGN(tdmr.size / 2 ** shift * entry_size, PAGE_SIZE);
		tdmr.pamt_size[level] = size;
		total += size;
	});
	const page = alloc_contig_pages(total / PAGE_SIZE, GFP_KERNEL, 0, null);
	if (page === null)
		return -ENOMEM;
	let base = page_to_pfn(page) * PAGE_SIZE;
	for (let level = 0; level < LEVEL_SHIFTS.length; level++) {
		tdmr.pamt_base[level] = base;
		base += tdmr.pamt_size[level]!;
	}
	return 0;
}

const pamt_bytes = (t: tdmr_info): number => t.pamt_size[0]! + t.pamt_size[1]! + t.pamt_size[2]!;

/** arch/x86/virt/vmx/tdx/tdx.c:tdmrs_free_pamt_all() */
function tdmrs_free_pamt_all(tdmrs: tdmr_info_list): void {
	for (const t of tdmrs.list)
		if (t.pamt_base[0] !== 0)
			free_contig_range(t.pamt_base[0]! / PAGE_SIZE, pamt_bytes(t) / PAGE_SIZE);
}

/** arch/x86/virt/vmx/tdx/tdx.c:tdmrs_reset_pamt_all(): by MOVDIR64B, as the module had them. */
export function tdmrs_reset_pamt_all(tdmrs: tdmr_info_list): void {
	for (const t of tdmrs.list)
		for (let off = 0; off < pamt_bytes(t); off += PAGE_SIZE)
			tme_clear_page(t.pamt_base[0]! + off, 0);
}

/** arch/x86/virt/vmx/tdx/tdx.c:tdmrs_count_pamt_kb() */
export function tdmrs_count_pamt_kb(tdmrs: tdmr_info_list): number {
	return tdmrs.list.reduce((kb, t) => kb + pamt_bytes(t) / 1024, 0);
}

/* What is no TD's: holes of RAM, and PAMTs. */

/** arch/x86/virt/vmx/tdx/tdx.c:tdmr_add_rsvd_area() */
function tdmr_add_rsvd_area(tdmr: tdmr_info, base: number, size: number, max: number): number {
	if (tdmr.reserved.length >= max) {
		pr_warn("virt/tdx: initialization failed: TDMR [0x%llx, 0x%llx): reserved areas " +
			"exhausted.\n", tdmr.base, tdmr_end(tdmr));
		return -ENOSPC;
	}
	tdmr.reserved.push({ base, size });
	return 0;
}

/** arch/x86/virt/vmx/tdx/tdx.c:tdmr_populate_rsvd_holes() */
function tdmr_populate_rsvd_holes(memlist: readonly tdx_memblock[], tdmr: tdmr_info, max: number):
	number {
	let prev_end = tdmr.base;

	for (const tmb of memlist) {
		if (tmb.start >= tdmr_end(tdmr))
			break;
		if (tmb.end < tdmr.base)
			continue;
		if (tmb.start > prev_end) {
			const ret = tdmr_add_rsvd_area(tdmr, prev_end, tmb.start - prev_end, max);
			if (ret !== 0)
				return ret;
		}
		prev_end = tmb.end;
	}
	if (prev_end < tdmr_end(tdmr))
		return tdmr_add_rsvd_area(tdmr, prev_end, tdmr_end(tdmr) - prev_end, max);
	return 0;
}

/** arch/x86/virt/vmx/tdx/tdx.c:tdmr_populate_rsvd_pamts() */
function tdmr_populate_rsvd_pamts(tdmrs: tdmr_info_list, tdmr: tdmr_info, max: number): number {
	for (const t of tdmrs.list) {
		const start = Math.max(t.pamt_base[0]!, tdmr.base);
		const end = Math.min(t.pamt_base[0]! + pamt_bytes(t), tdmr_end(tdmr));

		if (start >= end)
			continue;
		const ret = tdmr_add_rsvd_area(tdmr, start, end - start, max);
		if (ret !== 0)
			return ret;
	}
	return 0;
}

/** arch/x86/virt/vmx/tdx/tdx.c:tdmrs_populate_rsvd_areas_all() */
function tdmrs_populate_rsvd_areas_all(memlist: readonly tdx_memblock[], tdmrs: tdmr_info_list,
	max: number): number {
	for (const tdmr of tdmrs.list) {
		let ret = tdmr_populate_rsvd_holes(memlist, tdmr, max);
		if (ret === 0)
			ret = tdmr_populate_rsvd_pamts(tdmrs, tdmr, max);
		if (ret !== 0)
			return ret;
		/* the module wants them in order */
		tdmr.reserved.sort((a, b) => a.base - b.base);
	}
	return 0;
}

/** The struct that the module reads: see hw/tdx/tdmr.ts. */
function write_tdmr_info(tdmr: tdmr_info, bytes: Uint8Array): void {
	const v = new DataView(bytes.buffer, bytes.byteOffset);
	const put = (at: number, x: number): void => v.setBigUint64(at, BigInt(x), true);

	put(0, tdmr.base);
	put(8, tdmr.size);
	for (let level = 0; level < 3; level++) {
		put(48 - level * 16, tdmr.pamt_base[level]!);
		put(56 - level * 16, tdmr.pamt_size[level]!);
	}
	tdmr.reserved.forEach((a, i) => {
		put(64 + i * 16, a.base - tdmr.base);
		put(72 + i * 16, a.size);
	});
}

function write_tdmr_infos(tdmrs: tdmr_info_list): number {
	for (const tdmr of tdmrs.list) {
		const page = __get_free_page(GFP_KERNEL | __GFP_ZERO);
		if (page === null)
			return -ENOMEM;
		tdmrs.pages.push(page);
		write_tdmr_info(tdmr, page_bytes(page));
	}
	return 0;
}

/** The list is not used any more, by nobody. */
export function free_tdmrs(tdmrs: tdmr_info_list): void {
	tdmrs.pages.forEach(free_page);
	tdmrs_free_pamt_all(tdmrs);
}

/** arch/x86/virt/vmx/tdx/tdx.c:construct_tdmrs(): 0, or -errno with nothing left of it. */
export function construct_tdmrs(memlist: readonly tdx_memblock[], tdmrs: tdmr_info_list,
	sysinfo: struct_tdsysinfo): number {
	let ret = fill_out_tdmrs(memlist, tdmrs, sysinfo.max_tdmrs);

	for (const tdmr of tdmrs.list)
		if (ret === 0)
			ret = tdmr_set_up_pamt(tdmr, sysinfo.pamt_entry_size);
	if (ret === 0)
		ret = tdmrs_populate_rsvd_areas_all(memlist, tdmrs, sysinfo.max_reserved_per_tdmr);
	if (ret === 0)
		ret = write_tdmr_infos(tdmrs);
	if (ret !== 0)
		free_tdmrs(tdmrs);
	return ret;
}

