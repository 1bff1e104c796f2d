// SPDX-License-Identifier: GPL-2.0
/*
 * Who wants to know of writes to tracked guest pages, and of memslots that go.
 *
 * Upstream: arch/x86/include/asm/kvm_page_track.h. Left out: nothing.
 */
import type { gpa_t } from "#asm-generic/types.ts";
import type { struct_kvm, struct_kvm_memory_slot, struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { struct_hlist_head, struct_hlist_node } from "#linux/list.ts";
import { struct_srcu_struct } from "#linux/srcu_types.ts";

/* enum kvm_page_track_mode */
export const KVM_PAGE_TRACK_WRITE	= 0;
export const KVM_PAGE_TRACK_MAX		= 1;
export type kvm_page_track_mode = number;

/** The list is changed under mmu_lock, and read under track_srcu. */
export class struct_kvm_page_track_notifier_head {
	track_srcu = new struct_srcu_struct();
	track_notifier_list = new struct_hlist_head();
}

export class struct_kvm_page_track_notifier_node {
	node = new struct_hlist_node(this);

	/** After the emulated write of @bytes of @new_ at @gpa, in a tracked page. */
	track_write: ((vcpu: struct_kvm_vcpu, gpa: gpa_t, new_: Uint8Array, bytes: number,
		node: struct_kvm_page_track_notifier_node) => void) | null = null;
	/** @slot goes, or goes elsewhere. */
	track_flush_slot: ((kvm: struct_kvm, slot: struct_kvm_memory_slot,
		node: struct_kvm_page_track_notifier_node) => void) | null = null;
}

export { kvm_page_track_init, kvm_page_track_cleanup, kvm_page_track_write_tracking_enabled,
	kvm_page_track_write_tracking_alloc, kvm_page_track_free_memslot,
	kvm_page_track_create_memslot, kvm_slot_page_track_add_page,
	kvm_slot_page_track_remove_page, kvm_slot_page_track_is_active,
	kvm_page_track_register_notifier, kvm_page_track_unregister_notifier,
	kvm_page_track_write, kvm_page_track_flush_slot } from
	"#arch/x86/kvm/mmu/page_track.ts";
