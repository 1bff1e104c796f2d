// SPDX-License-Identifier: GPL-2.0
/*
 * References to address spaces, and allocation contexts.
 *
 * Upstream: include/linux/sched/mm.h.
 */
import { __GFP_DIRECT_RECLAIM, __GFP_FS, __GFP_IO, __GFP_MOVABLE } from "#linux/gfp_types.ts";
import { PF_MEMALLOC, PF_MEMALLOC_NOFS, PF_MEMALLOC_NOIO, PF_MEMALLOC_PIN } from
	"#linux/sched.const.ts";
import { fs_reclaim_check } from "#mm/page_alloc.ts";
import { current } from "#linux/sched_types.ts";
import { might_sleep } from "#linux/sched.ts";
import { __mmdrop } from "#linux/sched/fork.ts";
import type { struct_mm_struct } from "#linux/mm_types.ts";

export { get_task_mm, mm_access, mm_alloc, mm_release, mmput, mmput_async, exit_mm_release } from
	"#linux/sched/fork.ts";
export { fs_reclaim_acquire, fs_reclaim_release } from "#mm/page_alloc.ts";

/** A reference to the struct: keeps it, not the mappings. */
export function mmgrab(mm: struct_mm_struct): void {
	mm.mm_count++;
}

export function mmdrop(mm: struct_mm_struct): void {
	if (--mm.mm_count === 0)
		__mmdrop(mm);
}

/** A reference to the address space with its mappings. */
export function mmget(mm: struct_mm_struct): void {
	mm.mm_users++;
}

export function mmget_not_zero(mm: struct_mm_struct): boolean {
	if (mm.mm_users === 0)
		return false;
	mm.mm_users++;
	return true;
}

/** include/linux/sched/mm.h:current_gfp_context() */
export function current_gfp_context(flags: number): number {
	const pflags = current.flags;

	if ((pflags & (PF_MEMALLOC_NOIO | PF_MEMALLOC_NOFS | PF_MEMALLOC_PIN)) !== 0) {
		if ((pflags & PF_MEMALLOC_NOIO) !== 0)
			flags &= ~(__GFP_IO | __GFP_FS);
		else if ((pflags & PF_MEMALLOC_NOFS) !== 0)
			flags &= ~__GFP_FS;
		if ((pflags & PF_MEMALLOC_PIN) !== 0)
			flags &= ~__GFP_MOVABLE;
	}
	return flags;
}

/** What a sleeping allocation may wait for: checked whether or not it sleeps this time. */
export function might_alloc(gfp_mask: number): void {
	fs_reclaim_check(gfp_mask);
	if ((gfp_mask & __GFP_DIRECT_RECLAIM) !== 0)
		might_sleep();
}

function save(flag: number): number {
	const flags = current.flags & flag;
	current.flags |= flag;
	return flags;
}

function restore(flag: number, flags: number): void {
	current.flags = (current.flags & ~flag) | flags;
}

export function memalloc_noio_save(): number {
	return save(PF_MEMALLOC_NOIO);
}

export function memalloc_noio_restore(flags: number): void {
	restore(PF_MEMALLOC_NOIO, flags);
}

export function memalloc_nofs_save(): number {
	return save(PF_MEMALLOC_NOFS);
}

export function memalloc_nofs_restore(flags: number): void {
	restore(PF_MEMALLOC_NOFS, flags);
}

export function memalloc_noreclaim_save(): number {
	return save(PF_MEMALLOC);
}

export function memalloc_noreclaim_restore(flags: number): void {
	restore(PF_MEMALLOC, flags);
}

export function memalloc_pin_save(): number {
	return save(PF_MEMALLOC_PIN);
}

export function memalloc_pin_restore(flags: number): void {
	restore(PF_MEMALLOC_PIN, flags);
}

/* no memory cgroup to charge to but the task's own */
export function set_active_memcg<T>(memcg: T): T {
	const old = current.active_memcg as T;
	current.active_memcg = memcg;
	return old;
}

export function membarrier_exec_mmap(_mm: struct_mm_struct): void {}
export function membarrier_update_current_mm(_mm: struct_mm_struct | null): void {}
