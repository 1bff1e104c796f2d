// SPDX-License-Identifier: GPL-2.0
/*
 * Each thread's cache of the last VMAs that it looked up.
 *
 * Upstream: mm/vmacache.c. Left out: find_exact (nommu).
 */
import { PMD_SHIFT } from "#asm/pgtable_types.ts";
import type { struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import { current } from "#linux/sched.ts";
import type { struct_task_struct } from "#linux/sched.ts";
import { VMACACHE_MASK, VMACACHE_SIZE, vmacache_flush } from "#linux/vmacache.ts";

const PF_KTHREAD = 0x00200000;

const INV_PMD = 2 ** -PMD_SHIFT;

/** mm/vmacache.c:VMACACHE_HASH() */
function VMACACHE_HASH(addr: number): number {
	return (addr * INV_PMD) & VMACACHE_MASK;
}

/** mm/vmacache.c:vmacache_valid_mm(): a kthread may use a mm that is not its own. */
function vmacache_valid_mm(mm: struct_mm_struct): boolean {
	return current.mm === mm && !(current.flags & PF_KTHREAD);
}

/** mm/vmacache.c:vmacache_update() */
export function vmacache_update(addr: number, newvma: struct_vm_area_struct): void {
	if (vmacache_valid_mm(newvma.vm_mm!))
		current.vmacache.vmas[VMACACHE_HASH(addr)] = newvma;
}

/** mm/vmacache.c:vmacache_valid() */
function vmacache_valid(mm: struct_mm_struct): boolean {
	if (!vmacache_valid_mm(mm))
		return false;

	const curr: struct_task_struct = current;
	if (mm.vmacache_seqnum !== curr.vmacache.seqnum) {
		/* first attempt since the flush: what is cached is stale */
		curr.vmacache.seqnum = mm.vmacache_seqnum;
		vmacache_flush(curr);
		return false;
	}
	return true;
}

/** mm/vmacache.c:vmacache_find() */
export function vmacache_find(mm: struct_mm_struct, addr: number): struct_vm_area_struct | null {
	if (!vmacache_valid(mm))
		return null;

	const cache = current.vmacache;
	const vmas = cache.vmas;
	let idx = cache.hit;

	for (let i = 0; i < VMACACHE_SIZE; i++) {
		const vma = vmas[idx]!;

		if (vma !== null && vma.vm_start <= addr && vma.vm_end > addr &&
		    vma.vm_mm === mm) {
			cache.hit = idx;
			return vma;
		}
		if (++idx === VMACACHE_SIZE)
			idx = 0;
	}

	return null;
}
