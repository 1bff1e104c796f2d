// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private memory for VMs that no hardware gives any: CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING.
 *
 * After the kernel side of the selftests that were posted for the series, where it is spread over
 * virt/kvm/kvm_main.c and arch/x86/kvm, and on for every VM. Port-only: the choice per VM.
 *
 * Hardware says of each access whether it is private. Here it is either the guest, which marks
 * ranges in a bitmap of the slot by KVM_HC_MAP_GPA_RANGE, or the attribute that userspace has
 * recorded, so that the two never differ.
 */
import { gfn_t, kvm_pfn_t, pfn_nr, ref, type ulong64, type u64 } from "#asm-generic/types.ts";
import { CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING } from "#generated/autoconf.ts";
import { bitmap_clear, bitmap_set } from "#linux/bitmap.ts";
import { test_bit } from "#linux/bitops.ts";
import { EINVAL, ENOMEM } from "#linux/errno.ts";
import { GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import {
	__kvm_memslots, gfn_to_memslot, kvm_dirty_bitmap_bytes, kvm_for_each_memslot,
	kvm_mem_is_private, kvm_memslots_empty, kvm_private_mem_get_pfn, kvm_private_mem_put_pfn,
	kvm_read_guest_page, kvm_slot_can_be_private, type struct_kvm, type struct_kvm_memory_slot,
} from "#linux/kvm_host.ts";
import { pfn_to_page } from "#linux/mm.ts";
import { module_param_cb } from "#linux/module.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { kvfree, kvzalloc_bytes } from "#linux/slab.ts";
import { KVM_ADDRESS_SPACE_NUM } from "#asm/kvm_host.ts";
import { PAGE_SHIFT, PAGE_SIZE, page_bytes } from "#asm/page.ts";
import {
	KVM_PRIVATE_MEM_TESTING_ATTRIBUTE, KVM_PRIVATE_MEM_TESTING_BITMAP,
	KVM_PRIVATE_MEM_TESTING_OFF, type struct_kvm_enable_cap,
} from "#uapi/linux/kvm.ts";
import { KVM_MMU_LOCK, KVM_MMU_UNLOCK } from "#kvm/kvm_mm.h.ts";

/* by KVM_PRIVATE_MEM_TESTING_* */
const names = ["off", "bitmap", "attribute"];

/** What new VMs of type 0 get when nobody asks, for programs that know nothing of this. */
let private_mem_testing = KVM_PRIVATE_MEM_TESTING_OFF;

if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING))
	module_param_cb("kvm", "private_mem_testing", {
		get: () => names[private_mem_testing]!,
		set: (val) => {
			const mode = names.indexOf(val);

			if (mode < 0)
				return -EINVAL;
			private_mem_testing = mode;
			return 0;
		},
	}, 0o644);

export function kvm_private_mem_testing_init_vm(kvm: struct_kvm, type: ulong64): void {
	if (type === 0n)
		kvm.private_mem_testing = private_mem_testing;
}

function kvm_has_memslots(kvm: struct_kvm): boolean {
	for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++) {
		if (!kvm_memslots_empty(__kvm_memslots(kvm, i)))
			return true;
	}
	return false;
}

/** KVM_CAP_PRIVATE_MEM_TESTING, for a VM that has nothing yet. */
export function kvm_vm_ioctl_enable_private_mem_testing(kvm: struct_kvm,
	cap: struct_kvm_enable_cap): number {
	const mode = cap.args[0]!;
	let r = -EINVAL;

	if (!IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING))
		return -EINVAL;
	if (cap.flags || mode > BigInt(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE))
		return -EINVAL;

	mutex_lock(kvm.lock);
	mutex_lock(kvm.slots_lock);
	if (!kvm.no_private_mem_testing && !kvm.created_vcpus && !kvm_has_memslots(kvm)) {
		kvm.private_mem_testing = Number(mode);
		r = 0;
	}
	mutex_unlock(kvm.slots_lock);
	mutex_unlock(kvm.lock);
	return r;
}

/**
 * The VM is to be one of the hardware's, with kvm->lock held: off, for good. -EINVAL when there are
 * private slots already.
 */
export function kvm_private_mem_testing_disable(kvm: struct_kvm): number {
	let r = 0;

	mutex_lock(kvm.slots_lock);
	for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++) {
		for (const memslot of kvm_for_each_memslot(__kvm_memslots(kvm, i))) {
			if (kvm_slot_can_be_private(memslot))
				r = -EINVAL;
		}
	}
	if (!r) {
		kvm.private_mem_testing = KVM_PRIVATE_MEM_TESTING_OFF;
		kvm.no_private_mem_testing = true;
	}
	mutex_unlock(kvm.slots_lock);
	return r;
}

/** For a new slot, if it needs one: 0 or -ENOMEM. All is private at first. */
export function kvm_alloc_shared_bitmap(kvm: struct_kvm, slot: struct_kvm_memory_slot): number {
	if (kvm.private_mem_testing !== KVM_PRIVATE_MEM_TESTING_BITMAP ||
	    !kvm_slot_can_be_private(slot))
		return 0;

	/* twice as many bits as pages, as upstream has it */
	slot.shared_bitmap = kvzalloc_bytes(2 * kvm_dirty_bitmap_bytes(slot), GFP_KERNEL_ACCOUNT);
	return slot.shared_bitmap ? 0 : -ENOMEM;
}

export function kvm_destroy_shared_bitmap(slot: struct_kvm_memory_slot): void {
	if (!slot.shared_bitmap)
		return;

	kvfree(slot.shared_bitmap);
	slot.shared_bitmap = null;
}

/** Whether a fault at @gfn is a private access. */
export function kvm_private_mem_access_testing(kvm: struct_kvm,
	slot: struct_kvm_memory_slot | null, gfn: gfn_t): boolean {
	if (!kvm_slot_can_be_private(slot))
		return false;

	switch (kvm.private_mem_testing) {
	case KVM_PRIVATE_MEM_TESTING_BITMAP:
		return slot!.shared_bitmap !== null &&
			!test_bit(gfn - slot!.base_gfn, slot!.shared_bitmap);
	case KVM_PRIVATE_MEM_TESTING_ATTRIBUTE:
		return kvm_mem_is_private(kvm, gfn);
	default:
		return false;
	}
}

/**
 * The guest accesses [@gfn, @gfn + @npages) as private or as shared from now on: of one slot, else
 * -EINVAL. What is mapped stays mapped, until something else zaps it. kvm->srcu is held, inside
 * which slots_lock may not be taken (upstream's hook does).
 */
export function kvm_set_mem_access_testing(kvm: struct_kvm, gfn: gfn_t, npages: number,
	is_private: boolean): number {
	const slot = gfn_to_memslot(kvm, gfn);

	if (!slot?.shared_bitmap || npages > slot.base_gfn + slot.npages - gfn)
		return -EINVAL;

	KVM_MMU_LOCK(kvm);
	if (is_private)
		bitmap_clear(slot.shared_bitmap, gfn - slot.base_gfn, npages);
	else
		bitmap_set(slot.shared_bitmap, gfn - slot.base_gfn, npages);
	KVM_MMU_UNLOCK(kvm);
	return 0;
}

/**
 * A guest whose text is private too has to get it from somewhere: until the first entry, pages that
 * become private are filled with what the slot's shared memory holds. @addr and @size in bytes.
 */
export function kvm_populate_private_mem_testing(kvm: struct_kvm, addr: u64, size: u64): number {
	const start = gfn_t(Number(addr >> BigInt(PAGE_SHIFT)));
	const end = gfn_t(Number((addr + size) >> BigInt(PAGE_SHIFT)));
	const pfn = new ref(kvm_pfn_t(0)), order = new ref(0);
	let r = 0;

	if (kvm.private_mem_testing !== KVM_PRIVATE_MEM_TESTING_BITMAP || kvm.vm_entry_attempted)
		return 0;

	mutex_lock(kvm.slots_lock);
	out: {
		const slot = gfn_to_memslot(kvm, start);
		if (!kvm_slot_can_be_private(slot)) {
			r = -EINVAL;
			break out;
		}

		for (let gfn = start; gfn < end; gfn = gfn_t(gfn + 1)) {
			if (gfn >= slot!.base_gfn + slot!.npages) {
				r = -EINVAL;
				break out;
			}
			r = kvm_private_mem_get_pfn(slot!, gfn, pfn, order);
			if (r)
				break out;
			r = kvm_read_guest_page(kvm, gfn, page_bytes(pfn_to_page(pfn_nr(pfn.v))), 0,
				PAGE_SIZE);
			kvm_private_mem_put_pfn(slot!, pfn.v);
			if (r)
				break out;
		}
	}
	mutex_unlock(kvm.slots_lock);
	return r;
}
