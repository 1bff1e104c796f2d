// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest pages whose writes somebody wants to see.
 *
 * Upstream: arch/x86/kvm/mmu/page_track.c. Left out: nothing. Nobody tracks a page here, since
 * guest page tables are not shadowed; the notifiers are what tells the MMU that a memslot goes.
 */
import type { gfn_t, gpa_t } from "#asm-generic/types.ts";
import { CONFIG_KVM_EXTERNAL_WRITE_TRACKING } from "#generated/autoconf.ts";
import { WARN_ON } from "#linux/bug.ts";
import { READ_ONCE } from "#linux/compiler.ts";
import { ENOMEM } from "#linux/errno.ts";
import { GFP_KERNEL_ACCOUNT } from "#linux/gfp_types.ts";
import { kvm_flush_remote_tlbs, type struct_kvm, type struct_kvm_memory_slot,
	type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { hlist_empty, INIT_HLIST_HEAD } from "#linux/list.ts";
import { hlist_add_head_rcu, hlist_del_rcu, hlist_for_each_entry_srcu } from "#linux/rculist.ts";
import { kvfree, kvzalloc_bytes } from "#linux/slab.ts";
import { write_lock, write_unlock } from "#linux/spinlock.ts";
import { cleanup_srcu_struct, init_srcu_struct, srcu_read_lock, srcu_read_lock_held,
	srcu_read_unlock, synchronize_srcu } from "#linux/srcu.ts";
import { tdp_enabled } from "#asm/kvm_host.ts";
import { KVM_PAGE_TRACK_MAX, KVM_PAGE_TRACK_WRITE, struct_kvm_page_track_notifier_node,
	type kvm_page_track_mode } from "#asm/kvm_page_track.ts";
import { PG_LEVEL_4K } from "#asm/page_types.ts";
import { gfn_to_index, kvm_shadow_root_allocated } from "#arch/x86/kvm/mmu.h.ts";
import { kvm_mmu_gfn_allow_lpage, kvm_mmu_gfn_disallow_lpage, kvm_mmu_slot_gfn_write_protect } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";

const USHRT_MAX = 0xffff;

/** arch/x86/kvm/mmu/page_track.c:kvm_page_track_write_tracking_enabled() */
export function kvm_page_track_write_tracking_enabled(kvm: struct_kvm): boolean {
	return CONFIG_KVM_EXTERNAL_WRITE_TRACKING ||
	       tdp_enabled === false || kvm_shadow_root_allocated(kvm) === true;
}

/** arch/x86/kvm/mmu/page_track.c:kvm_page_track_free_memslot() */
export function kvm_page_track_free_memslot(slot: struct_kvm_memory_slot): void {
	for (let i = 0; i < KVM_PAGE_TRACK_MAX; i++) {
		free_gfn_track(slot.arch.gfn_track[i]!);
		slot.arch.gfn_track[i] = null;
	}
}

/** Port-only: a count of 16 bits per gfn; what was allocated are the bytes behind it. */
const gfn_track_bytes = new WeakMap<Uint16Array, Uint8Array>();

function alloc_gfn_track(npages: number): Uint16Array | null {
	const bytes = kvzalloc_bytes(npages * 2, GFP_KERNEL_ACCOUNT);
	if (bytes === null)
		return null;
	const gfn_track = new Uint16Array(bytes.buffer, bytes.byteOffset, npages);
	gfn_track_bytes.set(gfn_track, bytes);
	return gfn_track;
}

function free_gfn_track(gfn_track: Uint16Array | null): void {
	kvfree(gfn_track === null ? null : gfn_track_bytes.get(gfn_track)!);
}

/** arch/x86/kvm/mmu/page_track.c:kvm_page_track_create_memslot() */
export function kvm_page_track_create_memslot(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	npages: number): number {
	track_free: {
		for (let i = 0; i < KVM_PAGE_TRACK_MAX; i++) {
			if (i === KVM_PAGE_TRACK_WRITE &&
			    !kvm_page_track_write_tracking_enabled(kvm))
				continue;

			slot.arch.gfn_track[i] = alloc_gfn_track(npages);
			if (slot.arch.gfn_track[i] === null)
				break track_free;
		}

		return 0;
	}
	kvm_page_track_free_memslot(slot);
	return -ENOMEM;
}

function page_track_mode_is_valid(mode: kvm_page_track_mode): boolean {
	if (mode < 0 || mode >= KVM_PAGE_TRACK_MAX)
		return false;

	return true;
}

/** arch/x86/kvm/mmu/page_track.c:kvm_page_track_write_tracking_alloc() */
export function kvm_page_track_write_tracking_alloc(slot: struct_kvm_memory_slot): number {
	if (slot.arch.gfn_track[KVM_PAGE_TRACK_WRITE] !== null)
		return 0;

	const gfn_track = alloc_gfn_track(slot.npages);
	if (gfn_track === null)
		return -ENOMEM;

	slot.arch.gfn_track[KVM_PAGE_TRACK_WRITE] = gfn_track;
	return 0;
}

function update_gfn_track(slot: struct_kvm_memory_slot, gfn: gfn_t, mode: kvm_page_track_mode,
	count: number): void {
	const index = gfn_to_index(gfn, slot.base_gfn, PG_LEVEL_4K);

	const val = slot.arch.gfn_track[mode]![index]!;

	if (WARN_ON(val + count < 0 || val + count > USHRT_MAX))
		return;

	slot.arch.gfn_track[mode]![index]! += count;
}

/**
 * arch/x86/kvm/mmu/page_track.c:kvm_slot_page_track_add_page()
 *
 * From here on such accesses to @gfn are caught. With mmu_lock held, and kvm->srcu or slots_lock.
 */
export function kvm_slot_page_track_add_page(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	gfn: gfn_t, mode: kvm_page_track_mode): void {
	if (WARN_ON(!page_track_mode_is_valid(mode)))
		return;

	if (WARN_ON(mode === KVM_PAGE_TRACK_WRITE &&
		    !kvm_page_track_write_tracking_enabled(kvm)))
		return;

	update_gfn_track(slot, gfn, mode, 1);

	/* a large page would hide the access */
	kvm_mmu_gfn_disallow_lpage(slot, gfn);

	if (mode === KVM_PAGE_TRACK_WRITE)
		if (kvm_mmu_slot_gfn_write_protect(kvm, slot, gfn, PG_LEVEL_4K))
			kvm_flush_remote_tlbs(kvm);
}

/**
 * arch/x86/kvm/mmu/page_track.c:kvm_slot_page_track_remove_page()
 *
 * The opposite, with the same locks.
 */
export function kvm_slot_page_track_remove_page(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	gfn: gfn_t, mode: kvm_page_track_mode): void {
	if (WARN_ON(!page_track_mode_is_valid(mode)))
		return;

	if (WARN_ON(mode === KVM_PAGE_TRACK_WRITE &&
		    !kvm_page_track_write_tracking_enabled(kvm)))
		return;

	update_gfn_track(slot, gfn, mode, -1);

	kvm_mmu_gfn_allow_lpage(slot, gfn);
}

/**
 * arch/x86/kvm/mmu/page_track.c:kvm_slot_page_track_is_active()
 *
 * Whether such accesses to @gfn are caught.
 */
export function kvm_slot_page_track_is_active(kvm: struct_kvm, slot: struct_kvm_memory_slot | null,
	gfn: gfn_t, mode: kvm_page_track_mode): boolean {
	if (WARN_ON(!page_track_mode_is_valid(mode)))
		return false;

	if (slot === null)
		return false;

	if (mode === KVM_PAGE_TRACK_WRITE &&
	    !kvm_page_track_write_tracking_enabled(kvm))
		return false;

	const index = gfn_to_index(gfn, slot.base_gfn, PG_LEVEL_4K);
	return READ_ONCE(slot.arch.gfn_track[mode]![index]!) !== 0;
}

/** arch/x86/kvm/mmu/page_track.c:kvm_page_track_cleanup() */
export function kvm_page_track_cleanup(kvm: struct_kvm): void {
	const head = kvm.arch.track_notifier_head;
	cleanup_srcu_struct(head.track_srcu);
}

/** arch/x86/kvm/mmu/page_track.c:kvm_page_track_init() */
export function kvm_page_track_init(kvm: struct_kvm): number {
	const head = kvm.arch.track_notifier_head;
	INIT_HLIST_HEAD(head.track_notifier_list);
	return init_srcu_struct(head.track_srcu, "&head->track_srcu");
}

/**
 * arch/x86/kvm/mmu/page_track.c:kvm_page_track_register_notifier()
 *
 * From here on @n is told.
 */
export function kvm_page_track_register_notifier(kvm: struct_kvm,
	n: struct_kvm_page_track_notifier_node): void {
	const head = kvm.arch.track_notifier_head;

	write_lock(kvm.mmu_lock);
	hlist_add_head_rcu(n.node, head.track_notifier_list);
	write_unlock(kvm.mmu_lock);
}

/**
 * arch/x86/kvm/mmu/page_track.c:kvm_page_track_unregister_notifier()
 *
 * @n is told nothing more, and nobody is telling it.
 */
export function kvm_page_track_unregister_notifier(kvm: struct_kvm,
	n: struct_kvm_page_track_notifier_node): void {
	const head = kvm.arch.track_notifier_head;

	write_lock(kvm.mmu_lock);
	hlist_del_rcu(n.node);
	write_unlock(kvm.mmu_lock);
	synchronize_srcu(head.track_srcu);
}

/**
 * arch/x86/kvm/mmu/page_track.c:kvm_page_track_write()
 *
 * Everybody is told, and finds out whether the page is one of his.
 */
export function kvm_page_track_write(vcpu: struct_kvm_vcpu, gpa: gpa_t, new_: Uint8Array,
	bytes: number): void {
	const head = vcpu.kvm.arch.track_notifier_head;

	if (hlist_empty(head.track_notifier_list))
		return;

	const idx = srcu_read_lock(head.track_srcu);
	for (const n of hlist_for_each_entry_srcu(head.track_notifier_list,
		struct_kvm_page_track_notifier_node, "node", srcu_read_lock_held(head.track_srcu)))
		if (n.track_write !== null)
			n.track_write(vcpu, gpa, new_, bytes, n);
	srcu_read_unlock(head.track_srcu, idx);
}

/**
 * arch/x86/kvm/mmu/page_track.c:kvm_page_track_flush_slot()
 *
 * @slot goes, or goes elsewhere: nobody may go on using it.
 */
export function kvm_page_track_flush_slot(kvm: struct_kvm, slot: struct_kvm_memory_slot): void {
	const head = kvm.arch.track_notifier_head;

	if (hlist_empty(head.track_notifier_list))
		return;

	const idx = srcu_read_lock(head.track_srcu);
	for (const n of hlist_for_each_entry_srcu(head.track_notifier_list,
		struct_kvm_page_track_notifier_node, "node", srcu_read_lock_held(head.track_srcu)))
		if (n.track_flush_slot !== null)
			n.track_flush_slot(kvm, slot, n);
	srcu_read_unlock(head.track_srcu, idx);
}
