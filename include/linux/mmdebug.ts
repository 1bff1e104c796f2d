// SPDX-License-Identifier: GPL-2.0
/*
 * Assertions of memory management; on with CONFIG_DEBUG_VM.
 *
 * Upstream: include/linux/mmdebug.h. The reason printed with a page cannot be the expression's
 * text: it may be given as an argument.
 */
import { CONFIG_DEBUG_VM } from "#generated/autoconf.ts";
import { BUG, BUG_ON, WARN, WARN_ON, WARN_ON_ONCE, WARN_ONCE } from "#linux/bug.ts";
import type { struct_folio, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { dump_mm, dump_page, dump_vma } from "#mm/debug.ts";
export { dump_mm, dump_page, dump_vma } from "#mm/debug.ts";

function bug_on_page(page: struct_page, why: string): never {
	dump_page(page, why);
	BUG();
}

/* conditions are written over where they held: see linux/bug/bug.ts */

export function VM_BUG_ON(cond: boolean): void {
	if (CONFIG_DEBUG_VM && cond) {
		cond = false;
		BUG_ON(true);
	}
}

export function VM_BUG_ON_PAGE(cond: boolean, page: struct_page,
	why = "VM_BUG_ON_PAGE"): void {
	if (CONFIG_DEBUG_VM && cond) {
		cond = false;
		bug_on_page(page, why);
	}
}

export function VM_BUG_ON_FOLIO(cond: boolean, folio: struct_folio,
	why = "VM_BUG_ON_FOLIO"): void {
	if (CONFIG_DEBUG_VM && cond) {
		cond = false;
		bug_on_page(folio, why);
	}
}

export const VM_BUG_ON_PGFLAGS = VM_BUG_ON_PAGE;

export function VM_BUG_ON_VMA(cond: boolean, vma: struct_vm_area_struct): void {
	if (CONFIG_DEBUG_VM && cond) {
		dump_vma(vma);
		BUG();
	}
}

export function VM_BUG_ON_MM(cond: boolean, mm: struct_mm_struct): void {
	if (CONFIG_DEBUG_VM && cond) {
		dump_mm(mm);
		BUG();
	}
}

export function VM_WARN_ON_ONCE_PAGE(cond: boolean, page: struct_page): boolean {
	if (CONFIG_DEBUG_VM && cond) {
		cond = false;
		dump_page(page, "VM_WARN_ON_ONCE_PAGE");
		WARN_ON_ONCE(true);
		return true;
	}
	return cond;
}

export function VM_WARN_ON_ONCE_FOLIO(cond: boolean, folio: struct_folio): boolean {
	return VM_WARN_ON_ONCE_PAGE(cond, folio);
}

export function VM_WARN_ON_FOLIO(cond: boolean, folio: struct_folio): boolean {
	if (CONFIG_DEBUG_VM && cond) {
		cond = false;
		dump_page(folio, "VM_WARN_ON_FOLIO");
		WARN_ON(true);
		return true;
	}
	return cond;
}

export function VM_WARN_ON(cond: boolean): boolean {
	if (CONFIG_DEBUG_VM && cond) {
		cond = false;
		return WARN_ON(true);
	}
	return false;
}

export function VM_WARN_ON_ONCE(cond: boolean): boolean {
	if (CONFIG_DEBUG_VM && cond) {
		cond = false;
		return WARN_ON_ONCE(true);
	}
	return false;
}

export function VM_WARN_ONCE(cond: boolean, fmt: string, ...args: unknown[]): boolean {
	return CONFIG_DEBUG_VM && WARN_ONCE(cond, fmt, ...args);
}

export function VM_WARN(cond: boolean, fmt: string, ...args: unknown[]): boolean {
	return CONFIG_DEBUG_VM && WARN(cond, fmt, ...args);
}

export function VIRTUAL_BUG_ON(_cond: boolean): void {}
