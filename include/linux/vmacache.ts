// SPDX-License-Identifier: GPL-2.0
/*
 * Each thread's cache of VMAs.
 *
 * Upstream: include/linux/vmacache.h, struct vmacache of mm_types_task.h.
 */
import type { struct_mm_struct } from "#linux/mm_types.ts";
import type { struct_task_struct } from "#linux/sched.ts";

export { vmacache_find, vmacache_update } from "#mm/vmacache.ts";

export { struct_vmacache, VMACACHE_BITS, VMACACHE_MASK, VMACACHE_SIZE } from
	"#linux/sched_types.ts";

export function vmacache_flush(tsk: struct_task_struct): void {
	tsk.vmacache.vmas.fill(null);
}

export function vmacache_invalidate(mm: struct_mm_struct): void {
	mm.vmacache_seqnum++;
}
