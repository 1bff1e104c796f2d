// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs with private memory, and conversions between private and shared.
 *
 * Upstream: include/x86_64/private_mem.h of the selftests that were posted for the series.
 * Port-only: exits are counted, and VMs for tests that bring their own slots.
 */
import type { guest_fn } from "./guest.ts";
import type { struct_kvm_vm, vm_paddr_t } from "./kvm_util_base.ts";
import type { vm_mem_backing_src_type } from "./test_util.ts";

/* enum mem_conversion_type */
export const TO_PRIVATE	= 0;
export const TO_SHARED	= 1;
export type mem_conversion_type = typeof TO_PRIVATE | typeof TO_SHARED;

/* enum mem_op */
export const ALLOCATE_MEM	= 0;
export const UNBACK_MEM		= 1;
export type mem_op = typeof ALLOCATE_MEM | typeof UNBACK_MEM;

export class struct_test_setup_info {
	test_area_gpa: vm_paddr_t = 0;
	test_area_size = 0;
	test_area_slot = 0;
}

/** Called at each GUEST_SYNC, with its number. */
export type guest_io_exit_handler = (vm: struct_kvm_vm, stage: number) => void;

export interface struct_vm_setup_info {
	vm_mem_src: vm_mem_backing_src_type;
	memslot0_pages: number;
	test_info: struct_test_setup_info;
	guest_fn: guest_fn;
	ioexit_cb: guest_io_exit_handler | null;
}

/** How often each kind of exit was met. */
export class exit_counts {
	io = 0;
	hypercall = 0;
	memory_fault = 0;
}

export {
	execute_vm_with_private_mem, guest_map_ucall_page_shared, guest_update_mem_access,
	guest_update_mem_map, handle_vm_exit_map_gpa_hypercall, handle_vm_exit_memory_error,
	kvm_hypercall_map_gpa_range, require_private_mem_testing, vcpu_work,
	vm_create_with_private_mem_testing, vm_guest_mem_fallocate, vm_mem_add,
	vm_mem_set_private, vm_mem_set_shared, vm_set_private_mem_testing, vm_set_region_attr,
	vm_update_private_mem, __vm_set_region_attr, __vm_set_user_memory_region_ext,
} from "../lib/private_mem.ts";
