// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty logging: a page whose bit is set was written, one that was written gets its bit.
 *
 * Upstream: tools/testing/selftests/kvm/dirty_log_test.c. Left out: all of dirty rings but that
 * they are not supported. There are 32 MiB and by default 12 iterations (-i) of 2 ms (-I), where
 * upstream has 1 GiB and 32 of 10.
 */
import { ld64, ld64n, st64 } from "#hw/isa_guest.ts";
import { sizeof } from "#asm-generic/struct.ts";
import { EINTR } from "#uapi/asm-generic/errno-base.ts";
import { SIGUSR1 } from "#uapi/asm-generic/signal.ts";
import {
	KVM_CAP_DIRTY_LOG_RING, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_DIRTY_LOG_INITIALLY_SET,
	KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, KVM_MEM_LOG_DIRTY_PAGES, KVM_SET_SIGNAL_MASK,
	struct_kvm_signal_mask,
} from "#uapi/linux/kvm.ts";
import {
	errno, exit, free, getopt, malloc, peek, printf, pthread_create, pthread_join, puts,
	sem_init, sem_post, sem_t, sem_wait, sigblock, sigmask_of, sigwait, u64_bytes,
	type user_code, user_load64n, user_store64n, usleep,
} from "#tools/include/nolibc/nolibc.ts";
import { prng } from "#tools/include/nolibc/prng.ts";
import { for_each_guest_mode, guest_modes_append_default, guest_modes_cmdline,
	guest_modes_help } from "./include/guest_modes.ts";
import {
	__vcpu_run, __vm_create, addr_gpa2hva, addr_gva2hva, exit_reason_str, get_ucall,
	guest_data_alloc, type guest_fn, guest_global, type guest_program, GUEST_SYNC,
	kvm_check_cap, kvm_has_cap, kvm_vm_clear_dirty_log, kvm_vm_free, kvm_vm_get_dirty_log,
	type struct_kvm_vcpu, type struct_kvm_vm, sync_global_to_guest, UCALL_SYNC, ucall_init,
	ucall_uninit, vcpu_ioctl, virt_map, vm_adjust_num_guest_pages, vm_enable_cap,
	type vm_guest_mode, vm_guest_mode_string, vm_num_host_pages, vm_userspace_mem_region_add,
	vm_vcpu_add, type wait,
} from "./include/kvm_util.ts";
import { align_down, pr_info, print_skip, TEST_ASSERT, VM_MEM_SRC_ANONYMOUS } from
	"./include/test_util.ts";

/* The memory slot index to track dirty pages */
const TEST_MEM_SLOT_INDEX = 1;

/* Default guest test virtual memory offset */
const DEFAULT_GUEST_TEST_MEM = 0xc0000000;

const TEST_PAGES_PER_LOOP = 1024;

const TEST_HOST_LOOP_N = 12;

/* Interval for each host loop (ms) */
const TEST_HOST_LOOP_INTERVAL = 2;

const SIG_IPI = SIGUSR1;

/* what guest and host share; each VM has its copy */
const guest_page_size = new guest_global();
const guest_num_pages = new guest_global();
const guest_test_virt_mem = new guest_global(DEFAULT_GUEST_TEST_MEM);
const iteration = new guest_global();
const random_array = guest_data_alloc(8 * TEST_PAGES_PER_LOOP);

const host_page_size = 4096;

/** At the top of guest memory, unless -p says otherwise. */
let guest_test_phys_mem = 0;

/** Writes the iteration to each page once, and then to random ones for ever. */
function* guest_code(): guest_program {
	const virt_mem = yield* ld64n(guest_test_virt_mem.gva);
	const page_size = yield* ld64n(guest_page_size.gva);
	const num_pages = yield* ld64n(guest_num_pages.gva);

	for (let i = 0; i < num_pages; i++)
		yield* st64(virt_mem + i * page_size, yield* ld64(iteration.gva));

	for (;;) {
		for (let i = 0; i < TEST_PAGES_PER_LOOP; i++) {
			const page = (yield* ld64n(random_array + 8 * i)) % num_pages;
			yield* st64(virt_mem + page * page_size, yield* ld64(iteration.gva));
		}

		yield* GUEST_SYNC(1);
	}
}

/* Host variables */
let host_quit = false;

let host_test_mem = 0;
let host_num_pages = 0;

/* For statistics only */
let host_dirty_count = 0;
let host_clear_count = 0;
let host_track_next_count = 0;

const sem_vcpu_stop = new sem_t();
const sem_vcpu_cont = new sem_t();
/**
 * Set by the main thread, cleared by the vCPU's: stop at the next GUEST_SYNC. Only there do dirty
 * bits and contents agree; a signal could come between the one and the other.
 */
let vcpu_sync_stop_requested = false;

/* enum log_mode_t */
const LOG_MODE_DIRTY_LOG	= 0;
const LOG_MODE_NUM		= 3;
const LOG_MODE_ALL		= LOG_MODE_NUM;

let host_log_mode_option = LOG_MODE_ALL;
/* Logging mode for current run */
let host_log_mode = LOG_MODE_DIRTY_LOG;

/** A wait that signals do not end. */
function* sem_wait_until(sem: sem_t): wait {
	let ret: number;

	do
		ret = yield* sem_wait(sem);
	while (ret === -1 && errno() === EINTR);
}

function clear_log_supported(): boolean {
	return kvm_has_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
}

function clear_log_create_vm_done(vm: struct_kvm_vm): void {
	let manual_caps = kvm_check_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	TEST_ASSERT(manual_caps !== 0, "MANUAL_CAPS is zero!");
	manual_caps &= KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;
	vm_enable_cap(vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, manual_caps);
}

function dirty_log_collect_dirty_pages(vcpu: struct_kvm_vcpu, slot: number, bitmap: number,
	_num_pages: number): void {
	kvm_vm_get_dirty_log(vcpu.vm, slot, bitmap);
}

function clear_log_collect_dirty_pages(vcpu: struct_kvm_vcpu, slot: number, bitmap: number,
	num_pages: number): void {
	kvm_vm_get_dirty_log(vcpu.vm, slot, bitmap);
	kvm_vm_clear_dirty_log(vcpu.vm, slot, bitmap, 0, num_pages);
}

/** Should only be called after a GUEST_SYNC */
function* vcpu_handle_sync_stop(): wait {
	if (vcpu_sync_stop_requested) {
		/* It means main thread is sleeping waiting */
		vcpu_sync_stop_requested = false;
		sem_post(sem_vcpu_stop);
		yield* sem_wait_until(sem_vcpu_cont);
	}
}

function* default_after_vcpu_run(vcpu: struct_kvm_vcpu, ret: number, err: number): wait {
	const run = vcpu.run;

	TEST_ASSERT(ret === 0 || (ret === -1 && err === EINTR), "vcpu run failed: errno=%d", err);

	TEST_ASSERT((yield* get_ucall(vcpu, null)) === UCALL_SYNC,
		"Invalid guest sync status: exit_reason=%s\n", exit_reason_str(run.exit_reason));

	yield* vcpu_handle_sync_stop();
}

function dirty_ring_supported(): boolean {
	return kvm_has_cap(KVM_CAP_DIRTY_LOG_RING);
}

interface log_mode {
	readonly name: string;
	readonly supported?: () => boolean;
	readonly create_vm_done?: (vm: struct_kvm_vm) => void;
	readonly collect_dirty_pages?: (vcpu: struct_kvm_vcpu, slot: number, bitmap: number,
		num_pages: number) => void;
	/* Hook to call when after each vcpu run */
	readonly after_vcpu_run?: (vcpu: struct_kvm_vcpu, ret: number, err: number) => wait;
}

const log_modes: readonly log_mode[] = [
	{
		name: "dirty-log",
		collect_dirty_pages: dirty_log_collect_dirty_pages,
		after_vcpu_run: default_after_vcpu_run,
	},
	{
		name: "clear-log",
		supported: clear_log_supported,
		create_vm_done: clear_log_create_vm_done,
		collect_dirty_pages: clear_log_collect_dirty_pages,
		after_vcpu_run: default_after_vcpu_run,
	},
	{
		name: "dirty-ring",
		supported: dirty_ring_supported,
	},
];

/** Pages that were found written but not dirty: their bits have to be set the next time. */
let host_bmap_track = new Uint8Array(0);

function log_modes_dump(): void {
	printf("all");
	for (const mode of log_modes)
		printf(", %s", mode.name);
	printf("\n");
}

function log_mode_supported(): boolean {
	const mode = log_modes[host_log_mode]!;

	if (mode.supported)
		return mode.supported();

	return true;
}

function log_mode_create_vm_done(vm: struct_kvm_vm): void {
	log_modes[host_log_mode]!.create_vm_done?.(vm);
}

function log_mode_collect_dirty_pages(vcpu: struct_kvm_vcpu, slot: number, bitmap: number,
	num_pages: number): void {
	const mode = log_modes[host_log_mode]!;

	TEST_ASSERT(mode.collect_dirty_pages !== undefined,
		"collect_dirty_pages() is required for any log mode!");
	mode.collect_dirty_pages!(vcpu, slot, bitmap, num_pages);
}

function* log_mode_after_vcpu_run(vcpu: struct_kvm_vcpu, ret: number, err: number): wait {
	const mode = log_modes[host_log_mode]!;

	if (mode.after_vcpu_run)
		yield* mode.after_vcpu_run(vcpu, ret, err);
}

const random = new prng(1);

/** @guest_array in the test's memory */
function generate_random_array(guest_array: number, size: number): void {
	for (let i = 0; i < size; i++)
		user_store64n(guest_array + 8 * i, random.u32() >>> 1);
}

function* vcpu_worker(vcpu: struct_kvm_vcpu): user_code {
	const vm = vcpu.vm;
	let pages_count = 0;
	const sigmask = struct_kvm_signal_mask.alloc(8);

	/* KVM_RUN lets SIG_IPI through and then says -EINTR; the signal stays, to be taken below */
	sigmask.len = 8;
	const blocked = sigblock(0n);
	sigmask.bytes.set(u64_bytes(blocked & ~sigmask_of(SIG_IPI)),
		sizeof(struct_kvm_signal_mask));
	vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, sigmask);

	const guest_array = addr_gva2hva(vm, random_array);

	while (!host_quit) {
		/* Clear any existing kick signals */
		generate_random_array(guest_array, TEST_PAGES_PER_LOOP);
		pages_count += TEST_PAGES_PER_LOOP;
		/* Let the guest dirty the random pages */
		const ret = yield* __vcpu_run(vcpu);
		const err = errno();
		if (ret === -1 && err === EINTR) {
			const sig = yield* sigwait(sigmask_of(SIG_IPI));
			TEST_ASSERT(sig === SIG_IPI, "sig == SIG_IPI");
		}
		yield* log_mode_after_vcpu_run(vcpu, ret, err);
	}

	pr_info("Dirtied %ld pages\n", pages_count);
}

function test_and_clear_bit(nr: number, bmap: Uint8Array): boolean {
	const mask = 1 << (nr & 7), was = (bmap[nr >> 3]! & mask) !== 0;

	bmap[nr >> 3]! &= ~mask;
	return was;
}

function test_bit(nr: number, bmap: Uint8Array): boolean {
	return (bmap[nr >> 3]! & 1 << (nr & 7)) !== 0;
}

function vm_dirty_log_verify(mode: vm_guest_mode, bmap: Uint8Array): void {
	const step = vm_num_host_pages(mode, 1);
	const now = Number(iteration.v);

	for (let page = 0; page < host_num_pages; page += step) {
		const value = user_load64n(host_test_mem + page * host_page_size);

		if (test_and_clear_bit(page, host_bmap_track)) {
			host_track_next_count++;
			if (!test_bit(page, bmap))
				TEST_ASSERT(false, "Page %ld should have its dirty bit " +
					"set in this iteration but it is missing", page);
		}

		if (test_and_clear_bit(page, bmap)) {
			host_dirty_count++;

			/* written in this iteration, or in the last one after its log was read */
			const matched = value === now || value === now - 1;

			if (!matched)
				TEST_ASSERT(matched, "Set page %ld value %ld" +
					" incorrect (iteration=%ld)", page, value, now);
		} else {
			host_clear_count++;
			/*
			 * Anything up to this iteration; also the last one, if the log of that was
			 * read after the write.
			 */
			if (value > now)
				TEST_ASSERT(false, "Clear page %ld value %ld" +
					" incorrect (iteration=%ld)", page, value, now);
			/* written after the log was read: the next one must have it */
			if (value === now)
				host_bmap_track[page >> 3]! |= 1 << (page & 7);
		}
	}
}

function create_vm(mode: vm_guest_mode, extra_mem_pages: number, guest_code: guest_fn):
	{ vm: struct_kvm_vm; vcpu: struct_kvm_vcpu } {
	pr_info("Testing guest mode: %s\n", vm_guest_mode_string(mode));

	const vm = __vm_create(mode, 1, extra_mem_pages);

	log_mode_create_vm_done(vm);
	return { vm, vcpu: vm_vcpu_add(vm, 0, guest_code) };
}

const DIRTY_MEM_BITS = 25;	/* 32M */
const PAGE_SHIFT_4K = 12;

interface test_params {
	iterations: number;
	interval: number;
	phys_offset: number;
}

function* run_test(mode: vm_guest_mode, p: test_params): wait {
	if (!log_mode_supported()) {
		print_skip("Log mode '%s' not supported", log_modes[host_log_mode]!.name);
		return;
	}

	/* page tables for twice the memory: it is a little more than 32 MiB */
	const { vm, vcpu } = create_vm(mode, 2 * 2 ** (DIRTY_MEM_BITS - PAGE_SHIFT_4K), guest_code);

	guest_page_size.v = BigInt(vm.page_size);
	/* not a multiple of 64 pages */
	const num_pages = vm_adjust_num_guest_pages(mode,
		2 ** (DIRTY_MEM_BITS - vm.page_shift) + 3);
	guest_num_pages.v = BigInt(num_pages);

	host_num_pages = vm_num_host_pages(mode, num_pages);

	if (p.phys_offset === 0) {
		guest_test_phys_mem = (vm.max_gfn - num_pages) * vm.page_size;
		guest_test_phys_mem = align_down(guest_test_phys_mem, host_page_size);
	} else {
		guest_test_phys_mem = p.phys_offset;
	}

	pr_info("guest physical test memory offset: 0x%lx\n", guest_test_phys_mem);

	const bmap_bytes = Math.ceil(host_num_pages / 64) * 8;
	const bmap = malloc(bmap_bytes);
	host_bmap_track = new Uint8Array(bmap_bytes);

	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, guest_test_phys_mem,
		TEST_MEM_SLOT_INDEX, num_pages, KVM_MEM_LOG_DIRTY_PAGES);

	/* Do mapping for the dirty track memory slot */
	virt_map(vm, Number(guest_test_virt_mem.v), guest_test_phys_mem, num_pages);

	/* Cache the HVA pointer of the region */
	host_test_mem = addr_gpa2hva(vm, guest_test_phys_mem);

	ucall_init(vm, null);

	/* Export the shared variables to the guest */
	sync_global_to_guest(vm, guest_page_size);
	sync_global_to_guest(vm, guest_test_virt_mem);
	sync_global_to_guest(vm, guest_num_pages);

	/* Start the iterations */
	iteration.v = 1n;
	sync_global_to_guest(vm, iteration);
	host_quit = false;
	host_dirty_count = 0;
	host_clear_count = 0;
	host_track_next_count = 0;

	const vcpu_thread = pthread_create(() => vcpu_worker(vcpu));

	while (iteration.v < p.iterations) {
		yield* usleep(p.interval * 1000);
		log_mode_collect_dirty_pages(vcpu, TEST_MEM_SLOT_INDEX, bmap, host_num_pages);

		/* see vcpu_sync_stop_requested */
		vcpu_sync_stop_requested = true;
		yield* sem_wait_until(sem_vcpu_stop);
		TEST_ASSERT(!vcpu_sync_stop_requested, "!vcpu_sync_stop_requested");
		vm_dirty_log_verify(mode, peek(bmap, bmap_bytes));
		sem_post(sem_vcpu_cont);

		iteration.v++;
		sync_global_to_guest(vm, iteration);
	}

	/* Tell the vcpu thread to quit */
	host_quit = true;
	yield* pthread_join(vcpu_thread);

	pr_info("Total bits checked: dirty (%ld), clear (%ld), track_next (%ld)\n",
		host_dirty_count, host_clear_count, host_track_next_count);

	free(bmap);
	ucall_uninit(vm);
	kvm_vm_free(vm);
}

function help(name: string): never {
	puts("");
	printf("usage: %s [-h] [-i iterations] [-I interval] " +
		"[-p offset] [-m mode]\n", name);
	puts("");
	printf(" -i: specify iteration counts (default: %ld)\n", TEST_HOST_LOOP_N);
	printf(" -I: specify interval in ms (default: %ld ms)\n", TEST_HOST_LOOP_INTERVAL);
	printf(" -p: specify guest physical test memory offset\n" +
		"     Warning: a low offset can conflict with the loaded test code.\n");
	printf(" -M: specify the host logging mode " +
		"(default: run all log modes).  Supported modes: \n\t");
	log_modes_dump();
	guest_modes_help();
	puts("");
	exit(0);
}

export function* main(_argc: number, argv: string[]): wait<number> {
	const p: test_params = { iterations: TEST_HOST_LOOP_N, interval: TEST_HOST_LOOP_INTERVAL,
		phys_offset: 0 };

	sem_init(sem_vcpu_stop, 0, 0);
	sem_init(sem_vcpu_cont, 0, 0);

	guest_modes_append_default();

	for (const [opt, optarg] of getopt(argv, "hi:I:p:m:M:")) {
		switch (opt) {
		case "i":
			p.iterations = parseInt(optarg, 10);
			break;
		case "I":
			p.interval = parseInt(optarg, 10);
			break;
		case "p":
			p.phys_offset = Number(optarg);
			break;
		case "m":
			guest_modes_cmdline(optarg);
			break;
		case "M": {
			if (optarg === "all") {
				host_log_mode_option = LOG_MODE_ALL;
				break;
			}
			const i = log_modes.findIndex((mode) => mode.name === optarg);
			if (i >= 0) {
				pr_info("Setting log mode to: '%s'\n", optarg);
				host_log_mode_option = i;
				break;
			}
			printf("Log mode '%s' invalid. Please choose from: ", optarg);
			log_modes_dump();
			exit(1);
			break;
		}
		case "h":
		default:
			help(argv[0]!);
		}
	}

	TEST_ASSERT(p.iterations > 2, "Iterations must be greater than two");
	TEST_ASSERT(p.interval > 0, "Interval must be greater than zero");

	pr_info("Test iterations: %ld, interval: %ld (ms)\n", p.iterations, p.interval);

	/* Ensure that vCPU threads start with SIG_IPI blocked.  */
	sigblock(sigmask_of(SIG_IPI));

	if (host_log_mode_option === LOG_MODE_ALL) {
		/* Run each log mode */
		for (let i = 0; i < LOG_MODE_NUM; i++) {
			pr_info("Testing Log Mode '%s'\n", log_modes[i]!.name);
			host_log_mode = i;
			yield* for_each_guest_mode(run_test, p);
		}
	} else {
		host_log_mode = host_log_mode_option;
		yield* for_each_guest_mode(run_test, p);
	}

	return 0;
}
