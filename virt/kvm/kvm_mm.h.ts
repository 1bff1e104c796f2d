// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the files of virt/kvm share: mmu_lock, and looking up a host page.
 *
 * Upstream: virt/kvm/kvm_mm.h. KVM_HAVE_MMU_RWLOCK: mmu_lock is an rwlock.
 */
import type { unsigned_long } from "#asm-generic/types.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { read_lock, read_unlock, rwlock_init, write_lock, write_unlock } from "#linux/spinlock.ts";

export function KVM_MMU_LOCK_INIT(kvm: struct_kvm): void {
	rwlock_init(kvm.mmu_lock, "&(kvm)->mmu_lock");
}

export function KVM_MMU_LOCK(kvm: struct_kvm): void {
	write_lock(kvm.mmu_lock);
}

export function KVM_MMU_UNLOCK(kvm: struct_kvm): void {
	write_unlock(kvm.mmu_lock);
}

export function KVM_MMU_READ_LOCK(kvm: struct_kvm): void {
	read_lock(kvm.mmu_lock);
}

export function KVM_MMU_READ_UNLOCK(kvm: struct_kvm): void {
	read_unlock(kvm.mmu_lock);
}

export { hva_to_pfn } from "#kvm/kvm_main.ts";

/** HAVE_KVM_PFNCACHE is off: gpc_list is empty. */
export function gfn_to_pfn_cache_invalidate_start(_kvm: struct_kvm, _start: unsigned_long,
	_end: unsigned_long, _may_block: boolean): void {}
