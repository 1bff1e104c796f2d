// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty rings, which are not built (HAVE_KVM_DIRTY_RING is off): what callers see then.
 *
 * Upstream: include/linux/kvm_dirty_ring.h. Left out: everything behind the symbol.
 */
import type { struct_kvm } from "#linux/kvm_host.ts";
import type { struct_page } from "#linux/mm_types.ts";

/** A vCPU's ring of the guest pages it wrote. */
export class struct_kvm_dirty_ring {
	dirty_index = 0;
	reset_index = 0;
	size = 0;
	soft_limit = 0;
	dirty_gfns: Uint8Array | null = null;
	index = 0;
}

export function kvm_dirty_ring_get_rsvd_entries(): number {
	return 0;
}

export function kvm_dirty_ring_alloc(_ring: struct_kvm_dirty_ring, _index: number,
	_size: number): number {
	return 0;
}

export function kvm_dirty_ring_reset(_kvm: struct_kvm, _ring: struct_kvm_dirty_ring): number {
	return 0;
}

export function kvm_dirty_ring_push(_ring: struct_kvm_dirty_ring, _slot: number,
	_offset: number): void {}

export function kvm_dirty_ring_get_page(_ring: struct_kvm_dirty_ring,
	_offset: number): struct_page | null {
	return null;
}

export function kvm_dirty_ring_free(_ring: struct_kvm_dirty_ring): void {}

export function kvm_dirty_ring_soft_full(_ring: struct_kvm_dirty_ring): boolean {
	return true;
}
