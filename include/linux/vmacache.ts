// SPDX-License-Identifier: GPL-2.0
/*
 * Each thread's cache of VMAs.
 *
 * Upstream: include/linux/vmacache.h, struct vmacache of mm_types_task.h.
 */
import type { struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import type { struct_task_struct } from "#linux/sched.ts";

export { vmacache_find, vmacache_update } from "#mm/vmacache.ts";

export const VMACACHE_BITS	= 2;
export const VMACACHE_SIZE	= 1 << VMACACHE_BITS;
export const VMACACHE_MASK	= VMACACHE_SIZE - 1;

export class struct_vmacache {
	seqnum = 0;
	vmas: (struct_vm_area_struct | null)[] = [null, null, null, null];
}

export function vmacache_flush(tsk: struct_task_struct): void {
	tsk.vmacache.vmas.fill(null);
}

export function vmacache_invalidate(mm: struct_mm_struct): void {
	mm.vmacache_seqnum++;
}
