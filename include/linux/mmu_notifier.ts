// SPDX-License-Identifier: GPL-2.0
/*
 * Notifiers of changes of page tables, for those who copy them (KVM).
 *
 * Upstream: include/linux/mmu_notifier.h. Left out: interval notifiers.
 */
import type { err_ptr } from "#asm-generic/err.ts";
import { ALIGN_DOWN } from "#asm-generic/bits.ts";
import type { unsigned_long } from "#asm-generic/types.ts";
import { might_sleep } from "#linux/kernel.ts";
import { struct_hlist_head, struct_hlist_node } from "#linux/list.ts";
import { lock_map_acquire, lock_map_release, type lockdep_map } from "#linux/lockdep.ts";
import { LD_WAIT_INV, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";
import type { ptep_t, struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import { mmap_write_lock, mmap_write_unlock } from "#linux/mmap_lock.ts";
import {
	type pmd_t, pmdp_clear_flush_young, pmdp_huge_clear_flush,
	pmdp_test_and_clear_young, type pte_t, ptep_clear_flush, ptep_clear_flush_young,
	ptep_test_and_clear_young, set_pte_at,
} from "#linux/pgtable.ts";
import { struct_callback_head } from "#linux/rcupdate_types.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import { PAGE_SIZE, PMD_SIZE } from "#asm/page_types.ts";
import {
	__mmu_notifier_change_pte, __mmu_notifier_clear_flush_young, __mmu_notifier_clear_young,
	__mmu_notifier_invalidate_range, __mmu_notifier_invalidate_range_end,
	__mmu_notifier_invalidate_range_start, __mmu_notifier_release,
	__mmu_notifier_subscriptions_destroy, __mmu_notifier_test_young, mmu_notifier_get_locked,
} from "#mm/mmu_notifier.ts";

export {
	__mmu_notifier_register, mmu_notifier_get_locked, mmu_notifier_put,
	mmu_notifier_range_update_to_read_only, mmu_notifier_register, mmu_notifier_synchronize,
	mmu_notifier_unregister,
} from "#mm/mmu_notifier.ts";

/*
 * Why a range is invalidated:
 *
 * UNMAP		munmap() or move: the range is going
 * CLEAR		entries are cleared (zapped, copied, migrated)
 * PROTECTION_VMA	the protection of whole VMAs changes
 * PROTECTION_PAGE	the protection of single pages changes
 * SOFT_DIRTY		soft-dirty accounting
 * RELEASE		the mm goes
 * MIGRATE		migration by a device driver (owner says whose)
 * EXCLUSIVE		exclusive access by a device
 */
export const MMU_NOTIFY_UNMAP		= 0;
export const MMU_NOTIFY_CLEAR		= 1;
export const MMU_NOTIFY_PROTECTION_VMA	= 2;
export const MMU_NOTIFY_PROTECTION_PAGE	= 3;
export const MMU_NOTIFY_SOFT_DIRTY	= 4;
export const MMU_NOTIFY_RELEASE		= 5;
export const MMU_NOTIFY_MIGRATE		= 6;
export const MMU_NOTIFY_EXCLUSIVE	= 7;

export const MMU_NOTIFIER_RANGE_BLOCKABLE = 1 << 0;

/*
 * release			once, before the page tables are freed, or by unregister; all copies
 * go
 * clear_flush_young		clears accessed bits of copies, flushes, says whether one was set
 * clear_young			as before without flushing
 * test_young			without clearing
 * change_pte			inside a range: the entry gets another page or permission
 * invalidate_range_start	before the first entry of the range changes: drop copies, make none
 *				until the end; may fail with -EAGAIN, only if not blockable
 * invalidate_range_end		after the flush
 * invalidate_range		at the flush, under page table locks: for those who share the CPU's
 *				page tables and have only TLBs of their own
 */
export interface struct_mmu_notifier_ops {
	release?: (subscription: struct_mmu_notifier, mm: struct_mm_struct) => void;
	clear_flush_young?: (subscription: struct_mmu_notifier, mm: struct_mm_struct,
		start: unsigned_long, end: unsigned_long) => number;
	clear_young?: (subscription: struct_mmu_notifier, mm: struct_mm_struct,
		start: unsigned_long, end: unsigned_long) => number;
	test_young?: (subscription: struct_mmu_notifier, mm: struct_mm_struct,
		address: unsigned_long) => number;
	change_pte?: (subscription: struct_mmu_notifier, mm: struct_mm_struct,
		address: unsigned_long, pte: pte_t) => void;
	invalidate_range_start?: (subscription: struct_mmu_notifier,
		range: struct_mmu_notifier_range) => number;
	invalidate_range_end?: (subscription: struct_mmu_notifier,
		range: struct_mmu_notifier_range) => void;
	invalidate_range?: (subscription: struct_mmu_notifier, mm: struct_mm_struct,
		start: unsigned_long, end: unsigned_long) => void;
	alloc_notifier?: (mm: struct_mm_struct) => struct_mmu_notifier | err_ptr;
	free_notifier?: (subscription: struct_mmu_notifier) => void;
}

/** A subscription. hlist under the subscriptions' lock, walked under SRCU; holds mm_count. */
export class struct_mmu_notifier {
	hlist = new struct_hlist_node(this);
	ops: struct_mmu_notifier_ops;
	mm: struct_mm_struct | null = null;
	rcu = new struct_callback_head(this);
	users = 0;
	/** struct this one is embedded in */
	readonly owner: object | null;

	constructor(ops: struct_mmu_notifier_ops, owner: object | null = null) {
		this.ops = ops;
		this.owner = owner;
	}
}

/** All subscriptions of an mm: made with the first one, goes with the mm. */
export class struct_mmu_notifier_subscriptions {
	/** struct mmu_notifier.hlist */
	list = new struct_hlist_head();
	/** serialises changes of the list */
	lock = new spinlock_t();
}

export class struct_mmu_notifier_range {
	vma: struct_vm_area_struct | null = null;
	mm: struct_mm_struct;
	start: unsigned_long = 0;
	end: unsigned_long = 0;
	flags = 0;
	event = 0;
	owner: unknown = null;

	constructor(mm: struct_mm_struct) {
		this.mm = mm;
	}
}

/** Tells lockdep that notifiers may be called, on paths where none is registered. */
export const __mmu_notifier_invalidate_range_start_map: lockdep_map = {
	lock_id: new_lock_id(),
	dep: lockdep_key("mmu_notifier_invalidate_range_start", LD_WAIT_INV),
};

export function mm_has_notifiers(mm: struct_mm_struct): boolean {
	return mm.notifier_subscriptions !== null;
}

export function mmu_notifier_get(ops: struct_mmu_notifier_ops, mm: struct_mm_struct):
	struct_mmu_notifier | err_ptr {
	mmap_write_lock(mm);
	const ret = mmu_notifier_get_locked(ops, mm);
	mmap_write_unlock(mm);
	return ret;
}

export function mmu_notifier_range_blockable(range: struct_mmu_notifier_range): boolean {
	return (range.flags & MMU_NOTIFIER_RANGE_BLOCKABLE) !== 0;
}

export function mmu_notifier_release(mm: struct_mm_struct): void {
	if (mm_has_notifiers(mm))
		__mmu_notifier_release(mm);
}

export function mmu_notifier_clear_flush_young(mm: struct_mm_struct, start: unsigned_long,
	end: unsigned_long): number {
	if (mm_has_notifiers(mm))
		return __mmu_notifier_clear_flush_young(mm, start, end);
	return 0;
}

export function mmu_notifier_clear_young(mm: struct_mm_struct, start: unsigned_long,
	end: unsigned_long): number {
	if (mm_has_notifiers(mm))
		return __mmu_notifier_clear_young(mm, start, end);
	return 0;
}

export function mmu_notifier_test_young(mm: struct_mm_struct, address: unsigned_long): number {
	if (mm_has_notifiers(mm))
		return __mmu_notifier_test_young(mm, address);
	return 0;
}

export function mmu_notifier_change_pte(mm: struct_mm_struct, address: unsigned_long,
	pte: pte_t): void {
	if (mm_has_notifiers(mm))
		__mmu_notifier_change_pte(mm, address, pte);
}

export function mmu_notifier_invalidate_range_start(range: struct_mmu_notifier_range): void {
	might_sleep();

	lock_map_acquire(__mmu_notifier_invalidate_range_start_map);
	if (mm_has_notifiers(range.mm)) {
		range.flags |= MMU_NOTIFIER_RANGE_BLOCKABLE;
		__mmu_notifier_invalidate_range_start(range);
	}
	lock_map_release(__mmu_notifier_invalidate_range_start_map);
}

export function mmu_notifier_invalidate_range_start_nonblock(
	range: struct_mmu_notifier_range): number {
	let ret = 0;

	lock_map_acquire(__mmu_notifier_invalidate_range_start_map);
	if (mm_has_notifiers(range.mm)) {
		range.flags &= ~MMU_NOTIFIER_RANGE_BLOCKABLE;
		ret = __mmu_notifier_invalidate_range_start(range);
	}
	lock_map_release(__mmu_notifier_invalidate_range_start_map);
	return ret;
}

export function mmu_notifier_invalidate_range_end(range: struct_mmu_notifier_range): void {
	if (mmu_notifier_range_blockable(range))
		might_sleep();

	if (mm_has_notifiers(range.mm))
		__mmu_notifier_invalidate_range_end(range, false);
}

/** The end of a range whose invalidate_range() was called already, at the flush. */
export function mmu_notifier_invalidate_range_only_end(range: struct_mmu_notifier_range): void {
	if (mm_has_notifiers(range.mm))
		__mmu_notifier_invalidate_range_end(range, true);
}

export function mmu_notifier_invalidate_range(mm: struct_mm_struct, start: unsigned_long,
	end: unsigned_long): void {
	if (mm_has_notifiers(mm))
		__mmu_notifier_invalidate_range(mm, start, end);
}

export function mmu_notifier_subscriptions_init(mm: struct_mm_struct): void {
	mm.notifier_subscriptions = null;
}

export function mmu_notifier_subscriptions_destroy(mm: struct_mm_struct): void {
	if (mm_has_notifiers(mm))
		__mmu_notifier_subscriptions_destroy(mm);
}

export function mmu_notifier_range_init(range: struct_mmu_notifier_range, event: number,
	flags: number, vma: struct_vm_area_struct | null, mm: struct_mm_struct,
	start: unsigned_long, end: unsigned_long): void {
	range.vma = vma;
	range.event = event;
	range.mm = mm;
	range.start = start;
	range.end = end;
	range.flags = flags;
}

export function mmu_notifier_range_init_owner(range: struct_mmu_notifier_range, event: number,
	flags: number, vma: struct_vm_area_struct | null, mm: struct_mm_struct,
	start: unsigned_long, end: unsigned_long, owner: unknown): void {
	mmu_notifier_range_init(range, event, flags, vma, mm, start, end);
	range.owner = owner;
}

/* changes of an entry that tell the subscribers too */

export function ptep_clear_flush_young_notify(__vma: struct_vm_area_struct,
	__address: unsigned_long, __ptep: ptep_t): number {
	let __young = Number(ptep_clear_flush_young(__vma, __address, __ptep));
	__young |= mmu_notifier_clear_flush_young(__vma.vm_mm!, __address, __address + PAGE_SIZE);
	return __young;
}

export function pmdp_clear_flush_young_notify(__vma: struct_vm_area_struct,
	__address: unsigned_long, __pmdp: ptep_t): number {
	let __young = Number(pmdp_clear_flush_young(__vma, __address, __pmdp));
	__young |= mmu_notifier_clear_flush_young(__vma.vm_mm!, __address, __address + PMD_SIZE);
	return __young;
}

export function ptep_clear_young_notify(__vma: struct_vm_area_struct,
	__address: unsigned_long, __ptep: ptep_t): number {
	let __young = Number(ptep_test_and_clear_young(__vma, __address, __ptep));
	__young |= mmu_notifier_clear_young(__vma.vm_mm!, __address, __address + PAGE_SIZE);
	return __young;
}

export function pmdp_clear_young_notify(__vma: struct_vm_area_struct,
	__address: unsigned_long, __pmdp: ptep_t): number {
	let __young = Number(pmdp_test_and_clear_young(__vma, __address, __pmdp));
	__young |= mmu_notifier_clear_young(__vma.vm_mm!, __address, __address + PMD_SIZE);
	return __young;
}

export function ptep_clear_flush_notify(__vma: struct_vm_area_struct,
	__address: unsigned_long, __ptep: ptep_t): pte_t {
	const ___addr = __address - (__address & (PAGE_SIZE - 1));
	const ___mm = __vma.vm_mm!;

	const ___pte = ptep_clear_flush(__vma, __address, __ptep);
	mmu_notifier_invalidate_range(___mm, ___addr, ___addr + PAGE_SIZE);

	return ___pte;
}

export function pmdp_huge_clear_flush_notify(__vma: struct_vm_area_struct,
	__haddr: unsigned_long, __pmd: ptep_t): pmd_t {
	const ___haddr = ALIGN_DOWN(__haddr, PMD_SIZE);
	const ___mm = __vma.vm_mm!;

	const ___pmd = pmdp_huge_clear_flush(__vma, __haddr, __pmd);
	mmu_notifier_invalidate_range(___mm, ___haddr, ___haddr + PMD_SIZE);

	return ___pmd;
}

/** The entry gets another page: subscribers first, so that they never lag behind the CPUs. */
export function set_pte_at_notify(__mm: struct_mm_struct, __address: unsigned_long,
	__ptep: ptep_t, __pte: pte_t): void {
	mmu_notifier_change_pte(__mm, __address, __pte);
	set_pte_at(__mm, __address, __ptep, __pte);
}
