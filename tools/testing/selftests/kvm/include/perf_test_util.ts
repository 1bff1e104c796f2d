// SPDX-License-Identifier: GPL-2.0
/*
 * A VM whose vCPUs go through a lot of memory, each on a thread of its own.
 *
 * Upstream: tools/testing/selftests/kvm/include/perf_test_util.h. Left out: nested guests. A vCPU
 * has 64 MiB by default, where upstream has 1 GiB.
 */
import type { struct_kvm_vcpu, struct_kvm_vm, vm_paddr_t, vm_vaddr_t } from "./kvm_util_base.ts";

/* Default guest test virtual memory offset */
export const DEFAULT_GUEST_TEST_MEM	= 0xc0000000;

export const DEFAULT_PER_VCPU_MEM_SIZE	= 2 ** 26;	/* 64M */

export const PERF_TEST_MEM_SLOT_INDEX	= 1;

export class struct_perf_test_vcpu_args {
	gpa: vm_paddr_t = 0;
	gva: vm_vaddr_t = 0;
	pages = 0;

	vcpu: struct_kvm_vcpu | null = null;
	vcpu_idx = 0;
}

/** The guest has a copy of it: see perf_test_util.ts. */
export class struct_perf_test_args {
	vm: struct_kvm_vm | null = null;
	gpa: vm_paddr_t = 0;
	size = 0;
	guest_page_size = 0;
	wr_fract = 0;

	vcpu_args: struct_perf_test_vcpu_args[] = [];
}

export const perf_test_args = new struct_perf_test_args();

export {
	perf_test_create_vm, perf_test_destroy_vm, perf_test_guest_code,
	perf_test_join_vcpu_threads, perf_test_set_wr_fract, perf_test_start_vcpu_threads,
} from "../lib/perf_test_util.ts";
