// SPDX-License-Identifier: GPL-2.0
/*
 * Printing pages, VMAs and address spaces that are found in a bad state.
 *
 * Upstream: mm/debug.c. Left out: raw dumps of the structs.
 */
import type { struct_mm_struct, struct_page, struct_vm_area_struct } from "#linux/mm_types.ts";
import {
	PG_head, PG_slab, PAGE_MAPPING_ANON, PAGE_MAPPING_FLAGS, NR_PAGEFLAGS,
} from "#linux/page-flags.ts";
import { pr_emerg, pr_warn } from "#linux/printk.ts";

/* C: __def_pageflag_names of trace/events/mmflags.h, by bit */
const pageflag_names = [
	"locked", "referenced", "uptodate", "dirty", "lru", "active", "workingset", "waiters", "error",
	"slab", "owner_priv_1", "arch_1", "reserved", "private", "private_2", "writeback", "head",
	"mappedtodisk", "reclaim", "swapbacked", "unevictable", "mlocked", "uncached", "hwpoison",
	"young", "idle", "arch_2",
];

function show_flags(flags: number): string {
	const names: string[] = [];
	for (let i = 0; i < NR_PAGEFLAGS; i++)
		if ((flags & (1 << i)) !== 0)
			names.push(pageflag_names[i]!);
	return `0x${(flags >>> 0).toString(16)}(${names.join("|")})`;
}

/** mm/debug.c:__dump_page(); it must cope with anything, so it looks at the fields alone. */
function __dump_page(page: struct_page): void {
	const head = page.compound_head;
	const mapcount = (head.flags & (1 << PG_slab)) !== 0 ? 0 : page._mapcount + 1;
	const mapping = head.mapping;

	pr_warn("page:%s refcount:%d mapcount:%d mapping:%s index:0x%x pfn:0x%x\n",
		`pfn${page.pfn}`, head._refcount, mapcount, mapping === null ? "0" : "set",
		page.index, page.pfn);
	if ((head.flags & (1 << PG_head)) !== 0)
		pr_warn("head:%s order:%u compound_mapcount:%d compound_pincount:%d\n",
			`pfn${head.pfn}`, head.compound_order, head.compound_mapcount + 1,
			head.compound_pincount);
	const type = (head.mapping_flags & PAGE_MAPPING_FLAGS) === PAGE_MAPPING_ANON ? "anon " : "";

	pr_warn("%sflags: %s\n", type, show_flags(head.flags));
}

/** mm/debug.c:dump_page() */
export function dump_page(page: struct_page, reason: string | null): void {
	__dump_page(page);
	if (reason !== null)
		pr_warn("page dumped because: %s\n", reason);
}

/** mm/debug.c:dump_vma() */
export function dump_vma(vma: struct_vm_area_struct): void {
	pr_emerg("vma start %x end %x pgoff %x flags: 0x%x anon_vma %s file %s\n",
		vma.vm_start, vma.vm_end, vma.vm_pgoff, vma.vm_flags >>> 0,
		vma.anon_vma === null ? "0" : "set", vma.vm_file === null ? "0" : "set");
}

/** mm/debug.c:dump_mm() */
export function dump_mm(mm: struct_mm_struct): void {
	pr_emerg("mm mm_users %d mm_count %d map_count %d hiwater_rss %x hiwater_vm %x total_vm %x " +
		"locked_vm %x pinned_vm %x data_vm %x exec_vm %x stack_vm %x def_flags: 0x%x\n",
	mm.mm_users, mm.mm_count, mm.map_count, mm.hiwater_rss, mm.hiwater_vm, mm.total_vm,
	mm.locked_vm, mm.pinned_vm, mm.data_vm, mm.exec_vm, mm.stack_vm, mm.def_flags >>> 0);
}
