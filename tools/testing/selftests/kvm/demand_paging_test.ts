// SPDX-License-Identifier: GPL-2.0
/*
 * Guests touch their memory for the first time.
 *
 * Upstream: tools/testing/selftests/kvm/demand_paging_test.c. Left out: userfaultfd (-u, -d).
 * -b is 64M by default, where upstream has 1G.
 */
import { KVM_CAP_MAX_VCPUS } from "#uapi/linux/kvm.ts";
import { clock_gettime, exit, getopt, printf, puts } from "#tools/include/nolibc/nolibc.ts";
import { for_each_guest_mode, guest_modes_append_default, guest_modes_cmdline,
	guest_modes_help } from "./include/guest_modes.ts";
import {
	_vcpu_run, exit_reason_str, get_ucall, kvm_check_cap, UCALL_SYNC, type vm_guest_mode,
	type wait,
} from "./include/kvm_util.ts";
import {
	DEFAULT_PER_VCPU_MEM_SIZE, perf_test_args, perf_test_create_vm, perf_test_destroy_vm,
	perf_test_join_vcpu_threads, perf_test_start_vcpu_threads,
	type struct_perf_test_vcpu_args,
} from "./include/perf_test_util.ts";
import {
	backing_src_help, DEFAULT_VM_MEM_SRC, parse_backing_src_type, parse_size, pr_info,
	TEST_ASSERT, timespec_elapsed, type vm_mem_backing_src_type,
} from "./include/test_util.ts";

let nr_vcpus = 1;
let guest_percpu_mem_size = DEFAULT_PER_VCPU_MEM_SIZE;

function* vcpu_worker(vcpu_args: struct_perf_test_vcpu_args): wait {
	const vcpu = vcpu_args.vcpu!;
	const run = vcpu.run;

	/* Let the guest access its memory */
	const ret = yield* _vcpu_run(vcpu);
	TEST_ASSERT(ret === 0, "vcpu_run failed: %d\n", ret);
	if ((yield* get_ucall(vcpu, null)) !== UCALL_SYNC)
		TEST_ASSERT(false, "Invalid guest sync status: exit_reason=%s\n",
			exit_reason_str(run.exit_reason));
}

interface test_params {
	src_type: vm_mem_backing_src_type;
	partition_vcpu_memory_access: boolean;
}

function* run_test(mode: vm_guest_mode, p: test_params): wait {
	const vm = perf_test_create_vm(mode, nr_vcpus, guest_percpu_mem_size, 1, p.src_type,
		p.partition_vcpu_memory_access);

	pr_info("Finished creating vCPUs and starting uffd threads\n");

	const start = clock_gettime();
	yield* perf_test_start_vcpu_threads(nr_vcpus, vcpu_worker);
	pr_info("Started all vCPUs\n");

	yield* perf_test_join_vcpu_threads(nr_vcpus);
	const ts_diff = timespec_elapsed(start);
	pr_info("All vCPU threads joined\n");

	pr_info("Total guest execution time: %ss\n", (ts_diff / 1e9).toFixed(9));
	pr_info("Overall demand paging rate: %s pgs/sec\n",
		(perf_test_args.vcpu_args[0]!.pages * nr_vcpus / (ts_diff / 1e9)).toFixed(6));

	perf_test_destroy_vm(vm);
}

function help(name: string): never {
	puts("");
	printf("usage: %s [-h] [-m vm_mode]\n" +
		"          [-b memory] [-s type] [-v vcpus] [-o]\n", name);
	guest_modes_help();
	printf(" -b: specify the size of the memory region which should be\n" +
		"     demand paged by each vCPU. e.g. 10M or 3G.\n" +
		"     Default: 64M\n");
	backing_src_help("-s");
	printf(" -v: specify the number of vCPUs to run.\n");
	printf(" -o: Overlap guest memory accesses instead of partitioning\n" +
		"     them into a separate region of memory for each vCPU.\n");
	puts("");
	exit(0);
}

export function* main(_argc: number, argv: string[]): wait<number> {
	const max_vcpus = kvm_check_cap(KVM_CAP_MAX_VCPUS);
	const p: test_params = { src_type: DEFAULT_VM_MEM_SRC, partition_vcpu_memory_access: true };

	guest_modes_append_default();

	for (const [opt, optarg] of getopt(argv, "hm:b:s:v:o")) {
		switch (opt) {
		case "m":
			guest_modes_cmdline(optarg);
			break;
		case "b":
			guest_percpu_mem_size = parse_size(optarg);
			break;
		case "s":
			p.src_type = parse_backing_src_type(optarg);
			break;
		case "v":
			nr_vcpus = parseInt(optarg, 10);
			TEST_ASSERT(nr_vcpus > 0 && nr_vcpus <= max_vcpus,
				"Invalid number of vcpus, must be between 1 and %d", max_vcpus);
			break;
		case "o":
			p.partition_vcpu_memory_access = false;
			break;
		case "h":
		default:
			help(argv[0]!);
		}
	}

	yield* for_each_guest_mode(run_test, p);

	return 0;
}
