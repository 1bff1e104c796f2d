// SPDX-License-Identifier: GPL-2.0
/*
 * A VM whose vCPUs go through a lot of memory, each on a thread of its own.
 *
 * Upstream: tools/testing/selftests/kvm/lib/perf_test_util.c. Left out: nested guests.
 */
import { ld64, ld64n, stride_store64, st64 } from "#hw/isa_guest.ts";
import { pthread_create, pthread_join, type pthread, sched_yield, type user_code, user_store64n }
	from "#tools/include/nolibc/nolibc.ts";
import { guest_data_alloc, type guest_program } from "../include/guest.ts";
import {
	__vm_create_with_vcpus, addr_gva2hva, KVM_MAX_VCPUS, kvm_vm_free, type struct_kvm_vcpu,
	type struct_kvm_vm, vcpu_args_set, virt_map, vm_adjust_num_guest_pages,
	type vm_guest_mode, vm_guest_mode_params, vm_guest_mode_string,
	vm_userspace_mem_region_add, type wait,
} from "../include/kvm_util_base.ts";
import {
	DEFAULT_GUEST_TEST_MEM, perf_test_args, PERF_TEST_MEM_SLOT_INDEX,
	struct_perf_test_vcpu_args,
} from "../include/perf_test_util.ts";
import { align_down, get_backing_src_pagesz, pr_debug, pr_info, TEST_ASSERT,
	type vm_mem_backing_src_type } from "../include/test_util.ts";
import { GUEST_ASSERT, GUEST_SYNC, ucall_init, ucall_uninit } from "../include/ucall_common.ts";

/* the guest's copy: guest_page_size, wr_fract, then gva, pages and vcpu_idx of each vCPU */
const GUEST_ARGS = guest_data_alloc(8 * (2 + 3 * KVM_MAX_VCPUS));
const guest_vcpu_args = (i: number): number => GUEST_ARGS + 8 * (2 + 3 * i);

/** sync_global_to_guest(vm, perf_test_args) */
function sync_args_to_guest(vm: struct_kvm_vm): void {
	const put = (gva: number, ...values: number[]): void =>
		values.forEach((x, i) => user_store64n(addr_gva2hva(vm, gva + 8 * i), x));

	put(GUEST_ARGS, perf_test_args.guest_page_size, perf_test_args.wr_fract);
	perf_test_args.vcpu_args.forEach((a, i) =>
		put(guest_vcpu_args(i), a.gva, a.pages, a.vcpu_idx));
}

class vcpu_thread {
	/* The index of the vCPU. */
	vcpu_idx = 0;

	/* The pthread backing the vCPU. */
	thread: pthread | null = null;

	running = false;
}

type vcpu_thread_fn_t = (args: struct_perf_test_vcpu_args) => wait;

/* The vCPU threads involved in this test. */
const vcpu_threads: vcpu_thread[] = [];

let vcpu_thread_fn: vcpu_thread_fn_t | null = null;

let all_vcpu_threads_running = false;

const vcpus: struct_kvm_vcpu[] = [];

const PATTERN = 0x0123456789ABCDEFn;

/** Writes to the first 8 bytes of each page of the vCPU's memory (or every wr_fract'th), again. */
export function* perf_test_guest_code(vcpu_idx: bigint): guest_program {
	const vcpu_args = guest_vcpu_args(Number(vcpu_idx));

	const gva = yield* ld64n(vcpu_args);
	const pages = yield* ld64n(vcpu_args + 8);

	yield* GUEST_ASSERT((yield* ld64(vcpu_args + 16)) === vcpu_idx,
		"vcpu_args->vcpu_idx == vcpu_idx");

	for (;;) {
		const guest_page_size = yield* ld64n(GUEST_ARGS);
		const wr_fract = yield* ld64n(GUEST_ARGS + 8);

		if (wr_fract === 1) {
			/* the loop below as one operation */
			yield* stride_store64(gva, guest_page_size, pages, PATTERN);
		} else {
			for (let i = 0; i < pages; i++) {
				const addr = gva + i * guest_page_size;

				if (i % wr_fract === 0)
					yield* st64(addr, PATTERN);
				else
					yield* ld64(addr);
			}
		}

		yield* GUEST_SYNC(1);
	}
}

function perf_test_setup_vcpus(nr_vcpus: number, vcpus: readonly struct_kvm_vcpu[],
	vcpu_memory_bytes: number, partition_vcpu_memory_access: boolean): void {
	const pta = perf_test_args;

	for (let i = 0; i < nr_vcpus; i++) {
		const vcpu_args = pta.vcpu_args[i] = new struct_perf_test_vcpu_args();

		vcpu_args.vcpu = vcpus[i]!;
		vcpu_args.vcpu_idx = i;

		if (partition_vcpu_memory_access) {
			vcpu_args.gva = DEFAULT_GUEST_TEST_MEM + i * vcpu_memory_bytes;
			vcpu_args.pages = vcpu_memory_bytes / pta.guest_page_size;
			vcpu_args.gpa = pta.gpa + i * vcpu_memory_bytes;
		} else {
			vcpu_args.gva = DEFAULT_GUEST_TEST_MEM;
			vcpu_args.pages = nr_vcpus * vcpu_memory_bytes / pta.guest_page_size;
			vcpu_args.gpa = pta.gpa;
		}

		vcpu_args_set(vcpus[i]!, 1, i);

		pr_debug("Added VCPU %d with test mem gpa [%lx, %lx)\n",
			i, vcpu_args.gpa, vcpu_args.gpa + vcpu_args.pages * pta.guest_page_size);
	}
}

export function perf_test_create_vm(mode: vm_guest_mode, nr_vcpus: number,
	vcpu_memory_bytes: number, slots: number, backing_src: vm_mem_backing_src_type,
	partition_vcpu_memory_access: boolean): struct_kvm_vm {
	const pta = perf_test_args;
	const backing_src_pagesz = get_backing_src_pagesz(backing_src);

	pr_info("Testing guest mode: %s\n", vm_guest_mode_string(mode));

	/* By default vCPUs will write to memory. */
	pta.wr_fract = 1;

	/* the granularity of dirty logging, whatever backs the memory */
	pta.guest_page_size = vm_guest_mode_params[mode]!.page_size;

	const guest_num_pages = vm_adjust_num_guest_pages(mode,
		nr_vcpus * vcpu_memory_bytes / pta.guest_page_size);

	TEST_ASSERT(vcpu_memory_bytes % 4096 === 0,
		"Guest memory size is not host page size aligned.");
	TEST_ASSERT(vcpu_memory_bytes % pta.guest_page_size === 0,
		"Guest memory size is not guest page size aligned.");
	TEST_ASSERT(guest_num_pages % slots === 0,
		"Guest memory cannot be evenly divided into %d slots.", slots);

	/* slot 0 gets larger than its page tables need, which does no harm */
	const vm = __vm_create_with_vcpus(mode, nr_vcpus, guest_num_pages, perf_test_guest_code,
		vcpus);

	pta.vm = vm;

	const region_end_gfn = vm.max_gfn + 1;

	TEST_ASSERT(guest_num_pages < region_end_gfn,
		"Requested more guest memory than address space allows.\n" +
		"    guest pages: %lx max gfn: %lx nr_vcpus: %d wss: %lx]\n",
		guest_num_pages, region_end_gfn - 1, nr_vcpus, vcpu_memory_bytes);

	pta.gpa = (region_end_gfn - guest_num_pages - 1) * pta.guest_page_size;
	pta.gpa = align_down(pta.gpa, backing_src_pagesz);
	pta.size = guest_num_pages * pta.guest_page_size;
	pr_info("guest physical test memory: [0x%lx, 0x%lx)\n", pta.gpa, pta.gpa + pta.size);

	/* Add extra memory slots for testing */
	for (let i = 0; i < slots; i++) {
		const region_pages = guest_num_pages / slots;
		const region_start = pta.gpa + region_pages * pta.guest_page_size * i;

		vm_userspace_mem_region_add(vm, backing_src, region_start,
			PERF_TEST_MEM_SLOT_INDEX + i, region_pages, 0);
	}

	/* Do mapping for the demand paging memory slot */
	virt_map(vm, DEFAULT_GUEST_TEST_MEM, pta.gpa, guest_num_pages);

	perf_test_setup_vcpus(nr_vcpus, vcpus, vcpu_memory_bytes, partition_vcpu_memory_access);

	ucall_init(vm, null);

	/* Export the shared variables to the guest. */
	sync_args_to_guest(vm);

	return vm;
}

export function perf_test_destroy_vm(vm: struct_kvm_vm): void {
	ucall_uninit(vm);
	kvm_vm_free(vm);
}

export function perf_test_set_wr_fract(vm: struct_kvm_vm, wr_fract: number): void {
	perf_test_args.wr_fract = wr_fract;
	sync_args_to_guest(vm);
}

function* vcpu_thread_main(vcpu: vcpu_thread): user_code {
	vcpu.running = true;

	/* making threads takes mmap_lock for write, which the guests' faults need to read */
	while (!all_vcpu_threads_running)
		yield* sched_yield();

	yield* vcpu_thread_fn!(perf_test_args.vcpu_args[vcpu.vcpu_idx]!);
}

export function* perf_test_start_vcpu_threads(nr_vcpus: number, vcpu_fn: vcpu_thread_fn_t): wait {
	vcpu_thread_fn = vcpu_fn;
	all_vcpu_threads_running = false;

	for (let i = 0; i < nr_vcpus; i++) {
		const vcpu = vcpu_threads[i] = new vcpu_thread();

		vcpu.vcpu_idx = i;
		vcpu.running = false;

		vcpu.thread = pthread_create(() => vcpu_thread_main(vcpu));
	}

	for (let i = 0; i < nr_vcpus; i++)
		while (!vcpu_threads[i]!.running)
			yield* sched_yield();

	all_vcpu_threads_running = true;
}

export function* perf_test_join_vcpu_threads(nr_vcpus: number): wait {
	for (let i = 0; i < nr_vcpus; i++)
		yield* pthread_join(vcpu_threads[i]!.thread!);
}
