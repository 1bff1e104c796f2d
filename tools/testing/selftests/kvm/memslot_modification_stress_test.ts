// SPDX-License-Identifier: GPL-2.0
/*
 * Guests work while a slot beside theirs comes and goes.
 *
 * Upstream: tools/testing/selftests/kvm/memslot_modification_stress_test.c. -b is 64M by
 * default, where upstream has 1G.
 */
import { KVM_CAP_MAX_VCPUS } from "#uapi/linux/kvm.ts";
import { exit, getopt, printf, puts, usleep } from "#tools/include/nolibc/nolibc.ts";
import { for_each_guest_mode, guest_modes_append_default, guest_modes_cmdline,
	guest_modes_help } from "./include/guest_modes.ts";
import {
	_vcpu_run, exit_reason_str, get_ucall, kvm_check_cap, type struct_kvm_vm, UCALL_SYNC,
	type vm_guest_mode, vm_mem_region_delete, vm_userspace_mem_region_add, type wait,
} from "./include/kvm_util.ts";
import {
	DEFAULT_PER_VCPU_MEM_SIZE, perf_test_args, perf_test_create_vm, perf_test_destroy_vm,
	perf_test_join_vcpu_threads, perf_test_start_vcpu_threads,
	type struct_perf_test_vcpu_args,
} from "./include/perf_test_util.ts";
import { parse_size, pr_info, TEST_ASSERT, VM_MEM_SRC_ANONYMOUS } from "./include/test_util.ts";

const DUMMY_MEMSLOT_INDEX = 7;

const DEFAULT_MEMSLOT_MODIFICATION_ITERATIONS = 10;

let nr_vcpus = 1;
let guest_percpu_mem_size = DEFAULT_PER_VCPU_MEM_SIZE;

let run_vcpus = true;

function* vcpu_worker(vcpu_args: struct_perf_test_vcpu_args): wait {
	const vcpu = vcpu_args.vcpu!;
	const run = vcpu.run;

	while (run_vcpus) {
		const ret = yield* _vcpu_run(vcpu);
		TEST_ASSERT(ret === 0, "vcpu_run failed: %d\n", ret);

		if ((yield* get_ucall(vcpu, null)) === UCALL_SYNC)
			continue;

		TEST_ASSERT(false, "Invalid guest sync status: exit_reason=%s\n",
			exit_reason_str(run.exit_reason));
	}
}

function* add_remove_memslot(vm: struct_kvm_vm, delay: number, nr_modifications: number): wait {
	const pages = 1;

	/* just below the test's memory, which is at the top of the address space */
	const gpa = perf_test_args.gpa - pages * vm.page_size;

	for (let i = 0; i < nr_modifications; i++) {
		yield* usleep(delay);
		vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, gpa, DUMMY_MEMSLOT_INDEX,
			pages, 0);

		vm_mem_region_delete(vm, DUMMY_MEMSLOT_INDEX);
	}
}

interface test_params {
	memslot_modification_delay: number;
	nr_memslot_modifications: number;
	partition_vcpu_memory_access: boolean;
}

function* run_test(mode: vm_guest_mode, p: test_params): wait {
	const vm = perf_test_create_vm(mode, nr_vcpus, guest_percpu_mem_size, 1,
		VM_MEM_SRC_ANONYMOUS, p.partition_vcpu_memory_access);

	pr_info("Finished creating vCPUs\n");

	yield* perf_test_start_vcpu_threads(nr_vcpus, vcpu_worker);

	pr_info("Started all vCPUs\n");

	yield* add_remove_memslot(vm, p.memslot_modification_delay, p.nr_memslot_modifications);

	run_vcpus = false;

	yield* perf_test_join_vcpu_threads(nr_vcpus);
	pr_info("All vCPU threads joined\n");

	perf_test_destroy_vm(vm);
}

function help(name: string): never {
	puts("");
	printf("usage: %s [-h] [-m mode] [-d delay_usec]\n" +
		"          [-b memory] [-v vcpus] [-o] [-i iterations]\n", name);
	guest_modes_help();
	printf(" -d: add a delay between each iteration of adding and\n" +
		"     deleting a memslot in usec.\n");
	printf(" -b: specify the size of the memory region which should be\n" +
		"     accessed by each vCPU. e.g. 10M or 3G.\n" +
		"     Default: 64M\n");
	printf(" -v: specify the number of vCPUs to run.\n");
	printf(" -o: Overlap guest memory accesses instead of partitioning\n" +
		"     them into a separate region of memory for each vCPU.\n");
	printf(" -i: specify the number of iterations of adding and removing\n" +
		"     a memslot.\n" +
		"     Default: %d\n", DEFAULT_MEMSLOT_MODIFICATION_ITERATIONS);
	puts("");
	exit(0);
}

export function* main(_argc: number, argv: string[]): wait<number> {
	const max_vcpus = kvm_check_cap(KVM_CAP_MAX_VCPUS);
	const p: test_params = {
		memslot_modification_delay: 0,
		nr_memslot_modifications: DEFAULT_MEMSLOT_MODIFICATION_ITERATIONS,
		partition_vcpu_memory_access: true,
	};

	guest_modes_append_default();

	for (const [opt, optarg] of getopt(argv, "hm:d:b:v:oi:")) {
		switch (opt) {
		case "m":
			guest_modes_cmdline(optarg);
			break;
		case "d":
			p.memslot_modification_delay = Number(optarg);
			TEST_ASSERT(p.memslot_modification_delay >= 0,
				"A negative delay is not supported.");
			break;
		case "b":
			guest_percpu_mem_size = parse_size(optarg);
			break;
		case "v":
			nr_vcpus = parseInt(optarg, 10);
			TEST_ASSERT(nr_vcpus > 0 && nr_vcpus <= max_vcpus,
				"Invalid number of vcpus, must be between 1 and %d", max_vcpus);
			break;
		case "o":
			p.partition_vcpu_memory_access = false;
			break;
		case "i":
			p.nr_memslot_modifications = parseInt(optarg, 10);
			break;
		case "h":
		default:
			help(argv[0]!);
		}
	}

	yield* for_each_guest_mode(run_test, p);

	return 0;
}
