// SPDX-License-Identifier: GPL-2.0-only
/*
 * The section [kvm] of /sys/kernel/debug/privmem/state: VMs, slots, attributes.
 *
 * Port-only. VMs are numbered by age, slots come by address:
 *
 *	vm0 users 1 vcpus 1 pages 528 shared 8 invalidating 0
 *	vm0 slot 0:10 gfn 0x100 npages 0x10 flags 0x4 hva 0x7f0000000000 large 0/0 offset 0x0 \
 *		file 2 notifiers 1
 *	vm0 shared 0x104-0x107
 */
import { late_initcall } from "#asm-generic/registry.ts";
import { CONFIG_HAVE_KVM_PRIVATE_MEM } from "#generated/autoconf.ts";
import { gfn_t } from "#asm-generic/types.ts";
import { atomic_read } from "#linux/atomic.ts";
import { file_count } from "#linux/fs.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import {
	__kvm_memslots, kvm_for_each_memslot, kvm_lock, kvm_mem_attr_end, kvm_mem_is_private,
	kvm_slot_can_be_private, struct_kvm, type struct_kvm_memory_slot, vm_list,
} from "#linux/kvm_host.ts";
import { list_for_each_entry } from "#linux/list.ts";
import { inaccessible_nr_notifiers } from "#linux/memfd.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { privmem_state_section } from "#linux/proc_fs.ts";
import { refcount_read } from "#linux/refcount.ts";
import { XA_INDEX_MAX } from "#linux/xarray.ts";
import { KVM_ADDRESS_SPACE_NUM } from "#asm/kvm_host.ts";

const hex = (x: number | bigint): string => `0x${x.toString(16)}`;

function slot_line(slot: struct_kvm_memory_slot): string {
	/* by level, how many large pages are ruled out */
	const large = slot.arch.lpage_info.map((info) =>
		info?.filter((disallow_lpage) => disallow_lpage !== 0).length ?? 0).join("/");
	const line = `slot ${slot.as_id}:${slot.id} gfn ${hex(slot.base_gfn)} npages ${
		hex(slot.npages)} flags ${hex(slot.flags)} hva ${hex(slot.userspace_addr)} large ${
		large}`;

	if (!IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM) || !kvm_slot_can_be_private(slot))
		return line;
	return `${line} offset ${hex(slot.private_offset)} file ${file_count(slot.private_file!)
	} notifiers ${inaccessible_nr_notifiers(slot.private_file!)}`;
}

/** Runs of shared gfns, first and last. With slots_lock held. */
function shared_runs(kvm: struct_kvm): { count: number; runs: string[] } {
	const runs: string[] = [], all = gfn_t(XA_INDEX_MAX + 1);
	let count = 0;

	for (let gfn = gfn_t(0), end = gfn; gfn < all; gfn = end) {
		end = kvm_mem_attr_end(kvm, gfn, all);
		if (kvm_mem_is_private(kvm, gfn))
			continue;
		count += end - gfn;
		runs.push(`shared ${hex(gfn)}-${hex(end - 1)}`);
	}
	return { count, runs };
}

function vm_lines(kvm: struct_kvm, nr: number): string[] {
	const slots: string[] = [];

	mutex_lock(kvm.slots_lock);
	const { count, runs } = IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM) ? shared_runs(kvm) :
		{ count: 0, runs: [] };
	for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++)
		for (const slot of kvm_for_each_memslot(__kvm_memslots(kvm, i)))
			slots.push(slot_line(slot));
	mutex_unlock(kvm.slots_lock);
	return [`users ${refcount_read(kvm.users_count)} vcpus ${atomic_read(kvm.online_vcpus)
	} pages ${kvm.nr_memslot_pages} shared ${count} invalidating ${
		kvm.mmu_invalidate_in_progress + kvm.mn_active_invalidate_count}`,
	...slots, ...runs].map((line) => `vm${nr} ${line}`);
}

function kvm_privmem_state_init(): number {
	privmem_state_section("kvm", () => {
		const vms: struct_kvm[] = [];

		mutex_lock(kvm_lock);
		for (const kvm of list_for_each_entry(vm_list, struct_kvm, "vm_list"))
			vms.unshift(kvm);
		const lines = vms.flatMap(vm_lines);
		mutex_unlock(kvm_lock);
		return lines;
	});
	return 0;
}
late_initcall("virt/kvm/privmem_state", kvm_privmem_state_init);
