// SPDX-License-Identifier: GPL-2.0
/*
 * Page protections of mappings.
 *
 * Upstream: arch/x86/mm/pgprot.c. Left out: protection keys, SME.
 */
import { VM_EXEC, VM_READ, VM_SHARED, VM_WRITE } from "#linux/mm.const.ts";
import { PAGE_COPY, PAGE_COPY_EXEC, PAGE_NONE, PAGE_READONLY, PAGE_READONLY_EXEC, PAGE_SHARED,
	PAGE_SHARED_EXEC, type pgprot_t } from "#asm/pgtable_types.ts";

/* by VM_READ 1, VM_WRITE 2, VM_EXEC 4, VM_SHARED 8 */
const protection_map: pgprot_t[] = [
	PAGE_NONE,		PAGE_READONLY,		PAGE_COPY,		PAGE_COPY,
	PAGE_READONLY_EXEC,	PAGE_READONLY_EXEC,	PAGE_COPY_EXEC,		PAGE_COPY_EXEC,
	PAGE_NONE,		PAGE_READONLY,		PAGE_SHARED,		PAGE_SHARED,
	PAGE_READONLY_EXEC,	PAGE_READONLY_EXEC,	PAGE_SHARED_EXEC,	PAGE_SHARED_EXEC,
];

export function vm_get_page_prot(vm_flags: number): pgprot_t {
	return protection_map[vm_flags & (VM_READ | VM_WRITE | VM_EXEC | VM_SHARED)]!;
}
