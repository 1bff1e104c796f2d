// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's page tables in stages: mappings made, write-protected and split by dirty logging, and made
 * large again.
 *
 * Upstream: tools/testing/selftests/kvm/kvm_page_table_test.c. -b is 64M by default, where
 * upstream has 1G.
 */
import { ld64n, stride_load64, stride_store64, st64 } from "#hw/isa_guest.ts";
import { KVM_CAP_MAX_VCPUS, KVM_MEM_LOG_DIRTY_PAGES } from "#uapi/linux/kvm.ts";
import {
	clock_gettime, exit, getopt, printf, pthread_create, pthread_join, puts, sem_destroy,
	sem_init, sem_post, sem_t, sem_wait, type user_code, user_load64n, user_store64n,
} from "#tools/include/nolibc/nolibc.ts";
import { for_each_guest_mode, guest_modes_append_default, guest_modes_cmdline,
	guest_modes_help } from "./include/guest_modes.ts";
import {
	__vm_create_with_vcpus, _vcpu_run, addr_gpa2hva, addr_gva2hva, exit_reason_str, get_ucall,
	GUEST_ASSERT, guest_global, type guest_program, GUEST_SYNC, kvm_check_cap, kvm_vm_free,
	type struct_kvm_vcpu, type struct_kvm_vm, sync_global_to_guest, UCALL_SYNC, ucall_init,
	ucall_uninit, vcpu_args_set, virt_map, type vm_guest_mode, vm_guest_mode_params,
	vm_guest_mode_string, vm_mem_region_set_flags, vm_userspace_mem_region_add, type wait,
} from "./include/kvm_util.ts";
import {
	align_down, backing_src_help, DEFAULT_VM_MEM_SRC, get_backing_src_pagesz,
	parse_backing_src_type, parse_size, pr_debug, pr_info, TEST_ASSERT, timespec_elapsed,
	vm_mem_backing_src_alias, type vm_mem_backing_src_type, VM_MEM_SRC_ANONYMOUS,
} from "./include/test_util.ts";

const TEST_MEM_SLOT_INDEX = 1;

const DEFAULT_TEST_MEM_SIZE = 2 ** 26;

/* Default guest test virtual memory offset */
const DEFAULT_GUEST_TEST_MEM = 0xc0000000;

/* Different guest memory accessing stages */
const KVM_BEFORE_MAPPINGS	= 0;
const KVM_CREATE_MAPPINGS	= 1;
const KVM_UPDATE_MAPPINGS	= 2;
const KVM_ADJUST_MAPPINGS	= 3;
const NUM_TEST_STAGES		= 4;

const test_stage_string = [
	"KVM_BEFORE_MAPPINGS",
	"KVM_CREATE_MAPPINGS",
	"KVM_UPDATE_MAPPINGS",
	"KVM_ADJUST_MAPPINGS",
];

const PATTERN = 0x0123456789ABCDEFn;

/* what the guest knows of the test */
const test_args = {
	guest_test_virt_mem: new guest_global(),
	host_page_size: new guest_global(),
	host_num_pages: new guest_global(),
	large_page_size: new guest_global(),
	large_num_pages: new guest_global(),
	host_pages_per_lpage: new guest_global(),
	src_type: new guest_global(),
};
const test_vcpus: struct_kvm_vcpu[] = [];

const guest_test_stage = new guest_global();

/* Host variables */
let nr_vcpus = 1;
/** address of the stage in the test's memory */
let current_stage = 0;
let host_quit = false;

/* Whether the test stage is updated, or completed */
const test_stage_updated = new sem_t();
const test_stage_completed = new sem_t();

/** At the top of guest memory, unless -p says otherwise. */
let guest_test_phys_mem = 0;

/*
 * Guest virtual memory offset of the testing memory slot.
 * Must not conflict with identity mapped test code.
 */
const guest_test_virt_mem = DEFAULT_GUEST_TEST_MEM;

function* guest_code(do_write: bigint): guest_program {
	for (;;) {
		let addr = yield* ld64n(test_args.guest_test_virt_mem.gva);
		const host_page_size = yield* ld64n(test_args.host_page_size.gva);
		const host_num_pages = yield* ld64n(test_args.host_num_pages.gva);
		const large_page_size = yield* ld64n(test_args.large_page_size.gva);
		const large_num_pages = yield* ld64n(test_args.large_num_pages.gva);
		const host_pages_per_lpage = yield* ld64n(test_args.host_pages_per_lpage.gva);

		switch (yield* ld64n(guest_test_stage.gva)) {
		/* all threads start here, and do nothing */
		case KVM_BEFORE_MAPPINGS:
			break;

		/*
		 * All vCPUs at the first 8 bytes of each (host or large) page, some reading, some
		 * writing: normal or huge mappings are made.
		 */
		case KVM_CREATE_MAPPINGS:
			if (do_write !== 0n)
				yield* stride_store64(addr, large_page_size, large_num_pages,
					PATTERN);
			else
				yield* stride_load64(addr, large_page_size, large_num_pages);
			break;

		/* Under dirty logging: normal mappings become writable, huge ones are split. */
		case KVM_UPDATE_MAPPINGS:
			if ((yield* ld64n(test_args.src_type.gva)) === VM_MEM_SRC_ANONYMOUS) {
				yield* stride_store64(addr, host_page_size, host_num_pages,
					PATTERN);
				break;
			}

			for (let i = 0; i < large_num_pages; i++) {
				/* a write to the first host page breaks the large page up */
				yield* st64(addr, PATTERN);

				/* the other half gets mappings of the smallest size */
				yield* stride_load64(addr + large_page_size / 2, host_page_size,
					host_pages_per_lpage / 2);
				addr += large_page_size;
			}
			break;

		/*
		 * Dirty logging is over: every host page is read, mappings become huge again, and
		 * no TLB may still have the small ones.
		 */
		case KVM_ADJUST_MAPPINGS:
			yield* stride_load64(addr, host_page_size, host_num_pages);
			break;

		default:
			yield* GUEST_ASSERT(false, "0");
		}

		yield* GUEST_SYNC(1);
	}
}

function* vcpu_worker(vcpu: struct_kvm_vcpu): user_code {
	const do_write = vcpu.id % 2 === 0;

	vcpu_args_set(vcpu, 1, Number(do_write));

	while (!host_quit) {
		let ret = yield* sem_wait(test_stage_updated);
		TEST_ASSERT(ret === 0, "Error in sem_wait");

		if (host_quit)
			return;

		const start = clock_gettime();
		ret = yield* _vcpu_run(vcpu);
		const ts_diff = timespec_elapsed(start);

		TEST_ASSERT(ret === 0, "vcpu_run failed: %d\n", ret);
		TEST_ASSERT((yield* get_ucall(vcpu, null)) === UCALL_SYNC,
			"Invalid guest sync status: exit_reason=%s\n",
			exit_reason_str(vcpu.run.exit_reason));

		pr_debug("Got sync event from vCPU %d\n", vcpu.id);
		const stage = user_load64n(current_stage);

		pr_debug("vCPU %d has completed stage %s\nexecution time is: %ss\n\n",
			vcpu.id, test_stage_string[stage]!, (ts_diff / 1e9).toFixed(9));

		ret = sem_post(test_stage_completed);
		TEST_ASSERT(ret === 0, "Error in sem_post");
	}
}

interface test_params {
	phys_offset: number;
	test_mem_size: number;
	src_type: vm_mem_backing_src_type;
}

function pre_init_before_test(mode: vm_guest_mode, p: test_params): struct_kvm_vm {
	const src_type = p.src_type;
	const large_page_size = get_backing_src_pagesz(src_type);
	const guest_page_size = vm_guest_mode_params[mode]!.page_size;
	const host_page_size = 4096;

	/* Align up the test memory size */
	const alignment = Math.max(large_page_size, guest_page_size);
	const test_mem_size = Math.ceil(p.test_mem_size / alignment) * alignment;

	/* Create a VM with enough guest pages */
	const guest_num_pages = test_mem_size / guest_page_size;
	const vm = __vm_create_with_vcpus(mode, nr_vcpus, guest_num_pages, guest_code, test_vcpus);

	/* Align down GPA of the testing memslot */
	if (p.phys_offset === 0)
		guest_test_phys_mem = (vm.max_gfn - guest_num_pages) * guest_page_size;
	else
		guest_test_phys_mem = p.phys_offset;
	guest_test_phys_mem = align_down(guest_test_phys_mem, alignment);

	/* Set up the shared data structure test_args */
	test_args.guest_test_virt_mem.v = BigInt(guest_test_virt_mem);
	test_args.host_page_size.v = BigInt(host_page_size);
	test_args.host_num_pages.v = BigInt(test_mem_size / host_page_size);
	test_args.large_page_size.v = BigInt(large_page_size);
	test_args.large_num_pages.v = BigInt(test_mem_size / large_page_size);
	test_args.host_pages_per_lpage.v = BigInt(large_page_size / host_page_size);
	test_args.src_type.v = BigInt(src_type);

	vm_userspace_mem_region_add(vm, src_type, guest_test_phys_mem, TEST_MEM_SLOT_INDEX,
		guest_num_pages, 0);

	virt_map(vm, guest_test_virt_mem, guest_test_phys_mem, guest_num_pages);

	/* Cache the HVA pointer of the region */
	const host_test_mem = addr_gpa2hva(vm, guest_test_phys_mem);

	/* Export shared structure test_args to guest */
	ucall_init(vm, null);
	for (const g of Object.values(test_args))
		sync_global_to_guest(vm, g);

	let ret = sem_init(test_stage_updated, 0, 0);
	TEST_ASSERT(ret === 0, "Error in sem_init");

	ret = sem_init(test_stage_completed, 0, 0);
	TEST_ASSERT(ret === 0, "Error in sem_init");

	current_stage = addr_gva2hva(vm, guest_test_stage.gva);
	user_store64n(current_stage, NUM_TEST_STAGES);

	pr_info("Testing guest mode: %s\n", vm_guest_mode_string(mode));
	pr_info("Testing memory backing src type: %s\n", vm_mem_backing_src_alias(src_type).name);
	pr_info("Testing memory backing src granularity: 0x%lx\n", large_page_size);
	pr_info("Testing memory size(aligned): 0x%lx\n", test_mem_size);
	pr_info("Guest physical test memory offset: 0x%lx\n", guest_test_phys_mem);
	pr_info("Host  virtual  test memory offset: 0x%lx\n", host_test_mem);
	pr_info("Number of testing vCPUs: %d\n", nr_vcpus);

	return vm;
}

function* vcpus_complete_new_stage(stage: number): wait {
	for (let vcpus = 0; vcpus < nr_vcpus; vcpus++) {
		const ret = sem_post(test_stage_updated);
		TEST_ASSERT(ret === 0, "Error in sem_post");
	}
	pr_debug("All vcpus have been notified to continue\n");

	for (let vcpus = 0; vcpus < nr_vcpus; vcpus++) {
		const ret = yield* sem_wait(test_stage_completed);
		TEST_ASSERT(ret === 0, "Error in sem_wait");

		pr_debug("%d vcpus have completed stage %s\n", vcpus + 1,
			test_stage_string[stage]!);
	}

	pr_debug("All vcpus have completed stage %s\n", test_stage_string[stage]!);
}

/** One stage, and how long it took. */
function* run_stage(stage: number): wait {
	user_store64n(current_stage, stage);

	const start = clock_gettime();
	yield* vcpus_complete_new_stage(stage);
	const ts_diff = timespec_elapsed(start);

	pr_info("%s: total execution time: %ss\n\n", test_stage_string[stage]!,
		(ts_diff / 1e9).toFixed(9));
}

function* run_test(mode: vm_guest_mode, p: test_params): wait {
	const vm = pre_init_before_test(mode, p);

	host_quit = false;
	user_store64n(current_stage, KVM_BEFORE_MAPPINGS);

	const vcpu_threads = test_vcpus.slice(0, nr_vcpus)
		.map((vcpu) => pthread_create(() => vcpu_worker(vcpu)));

	yield* vcpus_complete_new_stage(KVM_BEFORE_MAPPINGS);
	pr_info("Started all vCPUs successfully\n");

	/* Test the stage of KVM creating mappings */
	yield* run_stage(KVM_CREATE_MAPPINGS);

	/* Test the stage of KVM updating mappings */
	vm_mem_region_set_flags(vm, TEST_MEM_SLOT_INDEX, KVM_MEM_LOG_DIRTY_PAGES);

	yield* run_stage(KVM_UPDATE_MAPPINGS);

	/* Test the stage of KVM adjusting mappings */
	vm_mem_region_set_flags(vm, TEST_MEM_SLOT_INDEX, 0);

	yield* run_stage(KVM_ADJUST_MAPPINGS);

	/* Tell the vcpu thread to quit */
	host_quit = true;
	for (let i = 0; i < nr_vcpus; i++) {
		const ret = sem_post(test_stage_updated);
		TEST_ASSERT(ret === 0, "Error in sem_post");
	}

	for (const t of vcpu_threads)
		yield* pthread_join(t);

	let ret = sem_destroy(test_stage_updated);
	TEST_ASSERT(ret === 0, "Error in sem_destroy");

	ret = sem_destroy(test_stage_completed);
	TEST_ASSERT(ret === 0, "Error in sem_destroy");

	ucall_uninit(vm);
	kvm_vm_free(vm);
}

function help(name: string): void {
	puts("");
	printf("usage: %s [-h] [-p offset] [-m mode] " +
		"[-b mem-size] [-v vcpus] [-s mem-type]\n", name);
	puts("");
	printf(" -p: specify guest physical test memory offset\n" +
		"     Warning: a low offset can conflict with the loaded test code.\n");
	guest_modes_help();
	printf(" -b: specify size of the memory region for testing. e.g. 10M or 3G.\n" +
		"     (default: 64M)\n");
	printf(" -v: specify the number of vCPUs to run\n" +
		"     (default: 1)\n");
	backing_src_help("-s");
	puts("");
}

export function* main(_argc: number, argv: string[]): wait<number> {
	const max_vcpus = kvm_check_cap(KVM_CAP_MAX_VCPUS);
	const p: test_params = { phys_offset: 0, test_mem_size: DEFAULT_TEST_MEM_SIZE,
		src_type: DEFAULT_VM_MEM_SRC };

	guest_modes_append_default();

	for (const [opt, optarg] of getopt(argv, "hp:m:b:v:s:")) {
		switch (opt) {
		case "p":
			p.phys_offset = Number(optarg);
			break;
		case "m":
			guest_modes_cmdline(optarg);
			break;
		case "b":
			p.test_mem_size = parse_size(optarg);
			break;
		case "v":
			nr_vcpus = parseInt(optarg, 10);
			TEST_ASSERT(nr_vcpus > 0 && nr_vcpus <= max_vcpus,
				"Invalid number of vcpus, must be between 1 and %d", max_vcpus);
			break;
		case "s":
			p.src_type = parse_backing_src_type(optarg);
			break;
		case "h":
		default:
			help(argv[0]!);
			exit(0);
		}
	}

	yield* for_each_guest_mode(run_test, p);

	return 0;
}
