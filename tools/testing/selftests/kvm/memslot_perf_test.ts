// SPDX-License-Identifier: GPL-2.0
/*
 * Memory cut into as many slots as there may be: mapped, unmapped, moved, written.
 *
 * Upstream: tools/testing/selftests/kvm/memslot_perf_test.c. By default there are 512 slots (-s)
 * over a sixteenth of upstream's memory, and a test lasts 5 ms of the host's time (-l, which takes
 * fractions); upstream takes as many slots as KVM has, and 5 s.
 */
import { cmpxchg64, ld64, ld64n, st64 } from "#hw/isa_guest.ts";
import { KVM_CAP_NR_MEMSLOTS, KVM_EXIT_MMIO, type struct_kvm_run } from "#uapi/linux/kvm.ts";
import { MADV_DONTNEED } from "#uapi/linux/mman.ts";
import {
	alarm, clock_gettime, errno, getopt, madvise, memset, optind, type pthread, pthread_create,
	pthread_join, sched_yield, sem_post, sem_t, sem_timedwait, type user_code, user_load64,
	user_load64n, user_store64, user_store64n,
} from "#tools/include/nolibc/nolibc.ts";
import {
	__vm_create_with_one_vcpu, addr_gpa2hva, get_ucall, GUEST_ASSERT_1, GUEST_DONE,
	type guest_program, GUEST_SYNC, kvm_check_cap, kvm_vm_free, REPORT_GUEST_ASSERT_1,
	type struct_kvm_vcpu, type struct_kvm_vm, struct_ucall, UCALL_ABORT, UCALL_DONE,
	ucall_init, UCALL_NONE, UCALL_SYNC, vcpu_run, virt_map, vm_mem_region_move,
	vm_phy_pages_alloc, vm_userspace_mem_region_add, type wait,
} from "./include/kvm_util.ts";
import { pr_info, TEST_ASSERT, TEST_FAIL, timespec_elapsed, VM_MEM_SRC_ANONYMOUS } from
	"./include/test_util.ts";

const MiB = 1 << 20;

const MEM_GPA			= 0x10000000;
const MEM_AUX_GPA		= MEM_GPA;
const MEM_SYNC_GPA		= MEM_AUX_GPA;
const MEM_TEST_GPA		= MEM_AUX_GPA + 4096;
const MEM_TEST_UNMAP_CHUNK_PAGES = 2 << (20 - 12);

/* sizes of memory: see set_sizes() */
let MEM_SIZE = 0, MEM_SIZE_PAGES = 0, MEM_TEST_SIZE = 0;
let MEM_SIZE_MAP_PAGES = 0, MEM_TEST_MAP_SIZE = 0, MEM_TEST_MAP_SIZE_PAGES = 0;
let MEM_TEST_UNMAP_SIZE = 0, MEM_TEST_UNMAP_SIZE_PAGES = 0;
let MEM_TEST_MOVE_GPA_DEST = 0;

/** Upstream's sizes, or a part of them for few slots. */
function set_sizes(nslots: number): void {
	const part = nslots === -1 || nslots > 1024 ? 1 : nslots > 512 ? 8 : 16;

	MEM_TEST_SIZE = 512 * MiB / part;
	MEM_SIZE = MEM_TEST_SIZE + 4096;
	MEM_SIZE_PAGES = MEM_SIZE / 4096;

	/* with one page in each of them at least, that is enough for 8194 slots, 1026, or 514 */
	MEM_TEST_MAP_SIZE = 32 * MiB / part;
	MEM_TEST_MAP_SIZE_PAGES = MEM_TEST_MAP_SIZE / 4096;
	MEM_SIZE_MAP_PAGES = MEM_TEST_MAP_SIZE_PAGES + 1;

	/* fills 32k slots, 4k, or 2k, with a page each */
	MEM_TEST_UNMAP_SIZE = 128 * MiB / part;
	MEM_TEST_UNMAP_SIZE_PAGES = MEM_TEST_UNMAP_SIZE / 4096;

	MEM_TEST_MOVE_GPA_DEST = MEM_GPA + MEM_SIZE;
}

/*
 * In the test that moves what is in use, half of this lies in the slot that moves, half below it.
 * With 32764 slots of 4 pages, the last has 25, so that this may be 50 at most.
 */
const MEM_TEST_MOVE_SIZE_PAGES	= 50;
const MEM_TEST_MOVE_SIZE	= MEM_TEST_MOVE_SIZE_PAGES * 4096;

const MEM_TEST_VAL_1 = 0x1122334455667788n;
const MEM_TEST_VAL_2 = 0x99AABBCCDDEEFF00n;

const CLOCK_REALTIME = 0;

class vm_data {
	vm: struct_kvm_vm | null = null;
	vcpu: struct_kvm_vcpu | null = null;
	vcpu_thread: pthread | null = null;
	nslots = 0;
	npages = 0;
	pages_per_slot = 0;
	hva_slots: number[] = [];
	mmio_ok = false;
	mmio_gpa_min = 0;
	mmio_gpa_max = 0;
}

/* struct sync_area: words of 64 bits */
const START_FLAG	= 0;
const EXIT_FLAG		= 8;
const SYNC_FLAG		= 16;
const MOVE_AREA_PTR	= 24;

const vcpu_ready = new sem_t();

let map_unmap_verify = false;

let verbose = false;

function pr_info_v(fmt: string, ...args: (number | string)[]): void {
	if (verbose)
		pr_info(fmt, ...args);
}

function check_mmio_access(data: vm_data, run: struct_kvm_run): void {
	TEST_ASSERT(data.mmio_ok, "Unexpected mmio exit");
	TEST_ASSERT(run.mmio.is_write !== 0, "Unexpected mmio read");
	TEST_ASSERT(run.mmio.len === 8, "Unexpected exit mmio size = %u", run.mmio.len);
	TEST_ASSERT(run.mmio.phys_addr >= data.mmio_gpa_min &&
		run.mmio.phys_addr <= data.mmio_gpa_max,
	"Unexpected exit mmio address = 0x%llx", run.mmio.phys_addr);
}

function* vcpu_worker(data: vm_data): user_code {
	const vcpu = data.vcpu!;
	const run = vcpu.run;
	const uc = new struct_ucall();

	for (;;) {
		yield* vcpu_run(vcpu);

		switch (yield* get_ucall(vcpu, uc)) {
		case UCALL_SYNC:
			TEST_ASSERT(uc.args[1] === 0n, "Unexpected sync ucall, got %lx",
				uc.args[1]!);
			sem_post(vcpu_ready);
			continue;
		case UCALL_NONE:
			if (run.exit_reason === KVM_EXIT_MMIO)
				check_mmio_access(data, run);
			else
				return;
			break;
		case UCALL_ABORT:
			REPORT_GUEST_ASSERT_1(uc, "val = %lu");
			break;
		case UCALL_DONE:
			return;
		default:
			TEST_FAIL("Unknown ucall %lu", uc.cmd);
		}
	}
}

function* wait_for_vcpu(): wait {
	const ts = clock_gettime(CLOCK_REALTIME) + 2e9;

	TEST_ASSERT((yield* sem_timedwait(vcpu_ready, ts)) === 0, "sem_timedwait() failed: %d\n",
		errno());
}

/** Slot and page within it that hold @gpa. */
function locate(data: vm_data, gpa: number): { slot: number; slotoffs: number } {
	TEST_ASSERT(gpa >= MEM_GPA, "Too low gpa to translate");
	TEST_ASSERT(gpa < MEM_GPA + data.npages * 4096, "Too high gpa to translate");

	const gpage = Math.floor((gpa - MEM_GPA) / 4096);
	const slot = Math.min(Math.floor(gpage / data.pages_per_slot), data.nslots - 1);
	return { slot, slotoffs: gpage - slot * data.pages_per_slot };
}

function vm_gpa2hva(data: vm_data, gpa: number): number {
	const { slot, slotoffs } = locate(data, gpa);

	return data.hva_slots[slot]! + slotoffs * 4096 + gpa % 4096;
}

/** How many pages there are in the slot from @gpa on. */
function vm_gpa2rempages(data: vm_data, gpa: number): number {
	const { slot, slotoffs } = locate(data, gpa);
	const slotpages = slot === data.nslots - 1 ?
		data.npages - slot * data.pages_per_slot : data.pages_per_slot;

	TEST_ASSERT(gpa % 4096 === 0,
		"Asking for remaining pages in slot but gpa not page aligned");
	return slotpages - slotoffs;
}

function vm_slot2gpa(data: vm_data, slot: number): number {
	TEST_ASSERT(slot < data.nslots, "Too high slot number");

	return MEM_GPA + slot * data.pages_per_slot * 4096;
}

/* what a run of a test found out */
class test_result {
	/* nanoseconds */
	slot_runtime = 0;
	guest_runtime = 0;
	iter_runtime = 0;
	nloops = 0;
	/** when there were too many slots: how many may be; 0: it cannot be said */
	maxslots = 0;
}

function prepare_vm(data: vm_data, nslots: number, guest_code: () => guest_program,
	mempages: number, result: test_result): boolean {
	let max_mem_slots = kvm_check_cap(KVM_CAP_NR_MEMSLOTS);
	TEST_ASSERT(max_mem_slots > 1, "KVM_CAP_NR_MEMSLOTS should be greater than 1");
	TEST_ASSERT(nslots > 1 || nslots === -1, "Slot count cap should be greater than 1");
	if (nslots !== -1)
		max_mem_slots = Math.min(max_mem_slots, nslots);
	pr_info_v("Allowed number of memory slots: %d\n", max_mem_slots);

	TEST_ASSERT(mempages > 1, "Can't test without any memory");

	data.npages = mempages;
	data.nslots = max_mem_slots - 1;
	data.pages_per_slot = Math.floor(mempages / data.nslots);
	if (data.pages_per_slot === 0) {
		result.maxslots = mempages + 1;
		return false;
	}

	const rempages = mempages % data.nslots;

	({ vm: data.vm, vcpu: data.vcpu } = __vm_create_with_one_vcpu(mempages, guest_code));
	const vm = data.vm;
	ucall_init(vm, null);

	pr_info_v("Adding slots 1..%i, each slot with %ld pages + %ld extra pages last\n",
		max_mem_slots - 1, data.pages_per_slot, rempages);

	const tstart = clock_gettime();
	for (let slot = 1, guest_addr = MEM_GPA; slot < max_mem_slots; slot++) {
		let npages = data.pages_per_slot;
		if (slot === max_mem_slots - 1)
			npages += rempages;

		vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, guest_addr, slot, npages, 0);
		guest_addr += npages * 4096;
	}
	result.slot_runtime = timespec_elapsed(tstart);

	for (let slot = 0, guest_addr = MEM_GPA; slot < max_mem_slots - 1; slot++) {
		let npages = data.pages_per_slot;
		if (slot === max_mem_slots - 2)
			npages += rempages;

		const gpa = vm_phy_pages_alloc(vm, npages, guest_addr, slot + 1);
		TEST_ASSERT(gpa === guest_addr, "vm_phy_pages_alloc() failed\n");

		data.hva_slots[slot] = addr_gpa2hva(vm, guest_addr);
		memset(data.hva_slots[slot]!, 0, npages * 4096);

		guest_addr += npages * 4096;
	}

	virt_map(vm, MEM_GPA, MEM_GPA, mempages);

	const sync = vm_gpa2hva(data, MEM_SYNC_GPA);
	user_store64n(sync + START_FLAG, 0);
	user_store64n(sync + EXIT_FLAG, 0);
	user_store64n(sync + SYNC_FLAG, 0);

	data.mmio_ok = false;

	return true;
}

function* launch_vm(data: vm_data): wait {
	pr_info_v("Launching the test VM\n");

	data.vcpu_thread = pthread_create(() => vcpu_worker(data));

	/* Ensure the guest thread is spun up. */
	yield* wait_for_vcpu();
}

function free_vm(data: vm_data): void {
	kvm_vm_free(data.vm);
}

function* wait_guest_exit(data: vm_data): wait {
	yield* pthread_join(data.vcpu_thread!);
}

function let_guest_run(sync: number): void {
	user_store64n(sync + START_FLAG, 1);
}

function* guest_spin_until_start(): guest_program {
	while ((yield* ld64n(MEM_SYNC_GPA + START_FLAG)) === 0)
		;
}

function make_guest_exit(sync: number): void {
	user_store64n(sync + EXIT_FLAG, 1);
}

function* guest_should_exit(): Generator<number, boolean, void> {
	return (yield* ld64n(MEM_SYNC_GPA + EXIT_FLAG)) !== 0;
}

/** SIGALRM ends the program if the guest does not answer. */
function* host_perform_sync(sync: number): wait {
	alarm(2);

	user_store64n(sync + SYNC_FLAG, 1);
	while (user_load64n(sync + SYNC_FLAG) !== 0)
		yield* sched_yield();

	alarm(0);
}

function* guest_perform_sync(): Generator<number, boolean, void> {
	do {
		if (yield* guest_should_exit())
			return false;
	} while ((yield* cmpxchg64(MEM_SYNC_GPA + SYNC_FLAG, 1n, 0n)) !== 1n);

	return true;
}

function* guest_code_test_memslot_move(): guest_program {
	const base = yield* ld64n(MEM_SYNC_GPA + MOVE_AREA_PTR);

	yield* GUEST_SYNC(0);

	yield* guest_spin_until_start();

	/* the host does not wait for this: it would wait most of its time, for MMIO exits */
	while (!(yield* guest_should_exit())) {
		for (let ptr = base; ptr < base + MEM_TEST_MOVE_SIZE; ptr += 4096)
			yield* st64(ptr, MEM_TEST_VAL_1);
	}

	yield* GUEST_DONE();
}

function* guest_code_test_memslot_map(): guest_program {
	const half = MEM_TEST_GPA + MEM_TEST_MAP_SIZE / 2;

	yield* GUEST_SYNC(0);

	yield* guest_spin_until_start();

	for (;;) {
		for (let ptr = MEM_TEST_GPA; ptr < half; ptr += 4096)
			yield* st64(ptr, MEM_TEST_VAL_1);

		if (!(yield* guest_perform_sync()))
			break;

		for (let ptr = half; ptr < MEM_TEST_GPA + MEM_TEST_MAP_SIZE; ptr += 4096)
			yield* st64(ptr, MEM_TEST_VAL_2);

		if (!(yield* guest_perform_sync()))
			break;
	}

	yield* GUEST_DONE();
}

/** Maps a single page at a time: the host is to unmap, not to wait for this. */
function* guest_code_test_memslot_unmap(): guest_program {
	yield* GUEST_SYNC(0);

	yield* guest_spin_until_start();

	for (;;) {
		yield* st64(MEM_TEST_GPA, MEM_TEST_VAL_1);

		if (!(yield* guest_perform_sync()))
			break;

		yield* st64(MEM_TEST_GPA + MEM_TEST_UNMAP_SIZE / 2, MEM_TEST_VAL_2);

		if (!(yield* guest_perform_sync()))
			break;
	}

	yield* GUEST_DONE();
}

function* guest_code_test_memslot_rw(): guest_program {
	const end = MEM_TEST_GPA + MEM_TEST_SIZE;

	yield* GUEST_SYNC(0);

	yield* guest_spin_until_start();

	for (;;) {
		for (let ptr = MEM_TEST_GPA; ptr < end; ptr += 4096)
			yield* st64(ptr, MEM_TEST_VAL_1);

		if (!(yield* guest_perform_sync()))
			break;

		for (let ptr = MEM_TEST_GPA + 4096 / 2; ptr < end; ptr += 4096) {
			const val = yield* ld64(ptr);

			if (val !== MEM_TEST_VAL_2)
				yield* GUEST_ASSERT_1(false, "val == MEM_TEST_VAL_2", val);
			yield* st64(ptr, 0n);
		}

		if (!(yield* guest_perform_sync()))
			break;
	}

	yield* GUEST_DONE();
}

function test_memslot_move_prepare(data: vm_data, sync: number, result: test_result,
	isactive: boolean): boolean {
	const movesrcgpa = vm_slot2gpa(data, data.nslots - 1);

	if (isactive && vm_gpa2rempages(data, movesrcgpa) < MEM_TEST_MOVE_SIZE_PAGES / 2) {
		result.maxslots = 0;
		return false;
	}

	const movetestgpa = movesrcgpa - MEM_TEST_MOVE_SIZE / (isactive ? 2 : 1);
	user_store64n(sync + MOVE_AREA_PTR, movetestgpa);

	if (isactive) {
		data.mmio_ok = true;
		data.mmio_gpa_min = movesrcgpa;
		data.mmio_gpa_max = movesrcgpa + MEM_TEST_MOVE_SIZE / 2 - 1;
	}

	return true;
}

function test_memslot_move_prepare_active(data: vm_data, sync: number,
	result: test_result): boolean {
	return test_memslot_move_prepare(data, sync, result, true);
}

function test_memslot_move_prepare_inactive(data: vm_data, sync: number,
	result: test_result): boolean {
	return test_memslot_move_prepare(data, sync, result, false);
}

/** A port-only yield lets the guest run between two moves, as it does on another CPU. */
function* test_memslot_move_loop(data: vm_data, _sync: number): wait {
	const movesrcgpa = vm_slot2gpa(data, data.nslots - 1);
	vm_mem_region_move(data.vm!, data.nslots - 1 + 1, MEM_TEST_MOVE_GPA_DEST);
	yield* sched_yield();
	vm_mem_region_move(data.vm!, data.nslots - 1 + 1, movesrcgpa);
	yield* sched_yield();
}

function test_memslot_do_unmap(data: vm_data, offsp: number, count: number): void {
	let gpa = MEM_TEST_GPA + offsp * 4096, ctr = 0;

	while (ctr < count) {
		const hva = vm_gpa2hva(data, gpa);
		let npages = vm_gpa2rempages(data, gpa);
		TEST_ASSERT(npages !== 0, "Empty memory slot at gptr 0x%lx", gpa);
		npages = Math.min(npages, count - ctr);
		const ret = madvise(hva, npages * 4096, MADV_DONTNEED);
		TEST_ASSERT(ret === 0, "madvise(%p, MADV_DONTNEED) on VM memory should not fail " +
			"for gptr 0x%lx", hva, gpa);
		ctr += npages;
		gpa += npages * 4096;
	}
	TEST_ASSERT(ctr === count,
		"madvise(MADV_DONTNEED) should exactly cover all of the requested area");
}

function test_memslot_map_unmap_check(data: vm_data, offsp: number, valexp: bigint): void {
	if (!map_unmap_verify)
		return;

	const gpa = MEM_TEST_GPA + offsp * 4096;
	const val = vm_gpa2hva(data, gpa);
	TEST_ASSERT(user_load64(val) === valexp, "Guest written values should read back correctly " +
		"before unmap (%ld vs %ld @ %lx)", user_load64(val), valexp, gpa);
	user_store64(val, 0n);
}

/** One half is unmapped while the guest writes to (maps) the other one. */
function* test_memslot_map_loop(data: vm_data, sync: number): wait {
	test_memslot_do_unmap(data, MEM_TEST_MAP_SIZE_PAGES / 2, MEM_TEST_MAP_SIZE_PAGES / 2);

	/* the guest is through with the first half: look at its ends, and unmap it */
	yield* host_perform_sync(sync);
	test_memslot_map_unmap_check(data, 0, MEM_TEST_VAL_1);
	test_memslot_map_unmap_check(data, MEM_TEST_MAP_SIZE_PAGES / 2 - 1, MEM_TEST_VAL_1);
	test_memslot_do_unmap(data, 0, MEM_TEST_MAP_SIZE_PAGES / 2);

	/* and with the second half, which the next round unmaps */
	yield* host_perform_sync(sync);
	test_memslot_map_unmap_check(data, MEM_TEST_MAP_SIZE_PAGES / 2, MEM_TEST_VAL_2);
	test_memslot_map_unmap_check(data, MEM_TEST_MAP_SIZE_PAGES - 1, MEM_TEST_VAL_2);
}

function* test_memslot_unmap_loop_common(data: vm_data, sync: number, chunk: number): wait {
	/* the guest has mapped a page of the first half; while that goes it maps one beyond */
	yield* host_perform_sync(sync);
	test_memslot_map_unmap_check(data, 0, MEM_TEST_VAL_1);
	for (let ctr = 0; ctr < MEM_TEST_UNMAP_SIZE_PAGES / 2; ctr += chunk)
		test_memslot_do_unmap(data, ctr, chunk);

	/* Likewise, but for the opposite host / guest areas */
	yield* host_perform_sync(sync);
	test_memslot_map_unmap_check(data, MEM_TEST_UNMAP_SIZE_PAGES / 2, MEM_TEST_VAL_2);
	for (let ctr = MEM_TEST_UNMAP_SIZE_PAGES / 2; ctr < MEM_TEST_UNMAP_SIZE_PAGES;
		ctr += chunk)
		test_memslot_do_unmap(data, ctr, chunk);
}

function test_memslot_unmap_loop(data: vm_data, sync: number): wait {
	return test_memslot_unmap_loop_common(data, sync, 1);
}

function test_memslot_unmap_loop_chunked(data: vm_data, sync: number): wait {
	return test_memslot_unmap_loop_common(data, sync, MEM_TEST_UNMAP_CHUNK_PAGES);
}

function* test_memslot_rw_loop(data: vm_data, sync: number): wait {
	for (let gptr = MEM_TEST_GPA + 4096 / 2; gptr < MEM_TEST_GPA + MEM_TEST_SIZE; gptr += 4096)
		user_store64(vm_gpa2hva(data, gptr), MEM_TEST_VAL_2);

	yield* host_perform_sync(sync);

	for (let gptr = MEM_TEST_GPA; gptr < MEM_TEST_GPA + MEM_TEST_SIZE; gptr += 4096) {
		const vptr = vm_gpa2hva(data, gptr);
		const val = user_load64(vptr);

		if (val !== MEM_TEST_VAL_1)
			TEST_ASSERT(false, "Guest written values should read back correctly " +
				"(is %ld @ %lx)", val, gptr);
		user_store64(vptr, 0n);
	}

	yield* host_perform_sync(sync);
}

interface test_data {
	readonly name: string;
	/** pages; absent: all there is */
	readonly mem_size?: () => number;
	readonly guest_code: () => guest_program;
	readonly prepare?: (data: vm_data, sync: number, result: test_result) => boolean;
	readonly loop: (data: vm_data, sync: number) => wait;
}

function* test_execute(nslots: number, maxtime: number, tdata: test_data, result: test_result):
	wait<boolean> {
	const mem_size = tdata.mem_size?.() ?? MEM_SIZE_PAGES;
	let ret = true;

	const data = new vm_data();
	exit_free: {
		if (!prepare_vm(data, nslots, tdata.guest_code, mem_size, result)) {
			ret = false;
			break exit_free;
		}

		const sync = vm_gpa2hva(data, MEM_SYNC_GPA);

		if (tdata.prepare && !tdata.prepare(data, sync, result)) {
			ret = false;
			break exit_free;
		}

		yield* launch_vm(data);

		const tstart = clock_gettime();
		let_guest_run(sync);

		for (;;) {
			result.guest_runtime = timespec_elapsed(tstart);
			if (result.guest_runtime >= maxtime * 1e9)
				break;

			yield* tdata.loop(data, sync);

			result.nloops++;
		}

		make_guest_exit(sync);
		yield* wait_guest_exit(data);
	}

	free_vm(data);

	return ret;
}

const tests: readonly test_data[] = [
	{
		name: "map",
		mem_size: () => MEM_SIZE_MAP_PAGES,
		guest_code: guest_code_test_memslot_map,
		loop: test_memslot_map_loop,
	},
	{
		name: "unmap",
		mem_size: () => MEM_TEST_UNMAP_SIZE_PAGES + 1,
		guest_code: guest_code_test_memslot_unmap,
		loop: test_memslot_unmap_loop,
	},
	{
		name: "unmap chunked",
		mem_size: () => MEM_TEST_UNMAP_SIZE_PAGES + 1,
		guest_code: guest_code_test_memslot_unmap,
		loop: test_memslot_unmap_loop_chunked,
	},
	{
		name: "move active area",
		guest_code: guest_code_test_memslot_move,
		prepare: test_memslot_move_prepare_active,
		loop: test_memslot_move_loop,
	},
	{
		name: "move inactive area",
		guest_code: guest_code_test_memslot_move,
		prepare: test_memslot_move_prepare_inactive,
		loop: test_memslot_move_loop,
	},
	{
		name: "RW",
		guest_code: guest_code_test_memslot_rw,
		loop: test_memslot_rw_loop,
	},
];

const NTESTS = tests.length;

class test_args {
	tfirst = 0;
	tlast = NTESTS - 1;
	nslots = 512;
	seconds = 0.005;
	runs = 1;
}

function help(name: string, targs: test_args): void {
	pr_info("usage: %s [-h] [-v] [-d] [-s slots] [-f first_test] [-e last_test] " +
		"[-l test_length] [-r run_count]\n", name);
	pr_info(" -h: print this help screen.\n");
	pr_info(" -v: enable verbose mode (not for benchmarking).\n");
	pr_info(" -d: enable extra debug checks.\n");
	pr_info(" -s: specify memslot count cap (-1 means no cap; currently: %i)\n", targs.nslots);
	pr_info(" -f: specify the first test to run (currently: %i; max %zu)\n", targs.tfirst,
		NTESTS - 1);
	pr_info(" -e: specify the last test to run (currently: %i; max %zu)\n", targs.tlast,
		NTESTS - 1);
	pr_info(" -l: specify the test length in seconds (currently: %s)\n",
		`${targs.seconds}`);
	pr_info(" -r: specify the number of runs per test (currently: %i)\n", targs.runs);

	pr_info("\nAvailable tests:\n");
	for (let ctr = 0; ctr < NTESTS; ctr++)
		pr_info("%d: %s\n", ctr, tests[ctr]!.name);
}

/** Null, or what is wrong with the value of an option. */
function set_arg(opt: string, x: number, targs: test_args): string | null {
	switch (opt) {
	case "s":
		targs.nslots = x;
		return x <= 0 && x !== -1 ?
			"Slot count cap has to be positive or -1 for no cap\n" : null;
	case "f":
		targs.tfirst = x;
		return x < 0 ? "First test to run has to be non-negative\n" : null;
	case "e":
		targs.tlast = x;
		return x < 0 || x >= NTESTS ?
			`Last test to run has to be non-negative and less than ${NTESTS}\n` : null;
	case "l":
		targs.seconds = x;
		return x < 0 ? "Test length in seconds has to be non-negative\n" : null;
	case "r":
		targs.runs = x;
		return x <= 0 ? "Runs per test has to be positive\n" : null;
	}
	return null;
}

function parse_args(argc: number, argv: string[], targs: test_args): boolean {
	for (const [opt, optarg] of getopt(argv, "hvds:f:e:l:r:")) {
		switch (opt) {
		case "h":
		case "?":
			help(argv[0]!, targs);
			return false;
		case "v":
			verbose = true;
			break;
		case "d":
			map_unmap_verify = true;
			break;
		default: {
			const wrong = set_arg(opt, parseFloat(optarg), targs);
			if (wrong !== null) {
				pr_info("%s", wrong);
				return false;
			}
		}
		}
	}

	if (optind < argc) {
		help(argv[0]!, targs);
		return false;
	}

	if (targs.tfirst > targs.tlast) {
		pr_info("First test to run cannot be greater than the last test to run\n");
		return false;
	}

	return true;
}

/* the best runs so far */
interface best {
	slottime: test_result | null;
	runtime: test_result | null;
}

const s = (ns: number): string => (ns / 1e9).toFixed(9);

function* test_loop(data: test_data, targs: test_args, best: best): wait<boolean> {
	const result = new test_result();

	if (!(yield* test_execute(targs.nslots, targs.seconds, data, result))) {
		if (result.maxslots !== 0)
			pr_info("Memslot count too high for this test, decrease the cap " +
				"(max is %ld)\n", result.maxslots);
		else
			pr_info("Memslot count may be too high for this test, " +
				"try adjusting the cap\n");

		return false;
	}

	pr_info("Test took %ss for slot setup + %ss all iterations\n", s(result.slot_runtime),
		s(result.guest_runtime));
	if (result.nloops === 0) {
		pr_info("No full loops done - too short test time or system too loaded?\n");
		return true;
	}

	result.iter_runtime = Math.floor(result.guest_runtime / result.nloops);
	pr_info("Done %ld iterations, avg %ss each\n", result.nloops, s(result.iter_runtime));

	/* setting up slots compares only where the whole memory is used */
	if (data.mem_size === undefined &&
	    (best.slottime === null || result.slot_runtime < best.slottime.slot_runtime))
		best.slottime = result;
	if (best.runtime === null || result.iter_runtime < best.runtime.iter_runtime)
		best.runtime = result;

	return true;
}

export function* main(argc: number, argv: string[]): wait<number> {
	const targs = new test_args();
	const best: best = { slottime: null, runtime: null };

	if (!parse_args(argc, argv, targs))
		return 255;
	set_sizes(targs.nslots);

	for (let tctr = targs.tfirst; tctr <= targs.tlast; tctr++) {
		const data = tests[tctr]!;

		if (tctr > targs.tfirst)
			pr_info("\n");

		pr_info("Testing %s performance with %i runs, %s seconds each\n", data.name,
			targs.runs, `${targs.seconds}`);

		best.runtime = null;
		for (let runctr = 0; runctr < targs.runs; runctr++)
			if (!(yield* test_loop(data, targs, best)))
				break;

		/* (narrowed to null by the assignment above) */
		const runtime = best.runtime as test_result | null;
		if (runtime !== null)
			pr_info("Best runtime result was %ss per iteration (with %ld iterations)\n",
				s(runtime.iter_runtime), runtime.nloops);
	}

	const slottime = best.slottime as test_result | null;
	if (slottime !== null)
		pr_info("Best slot setup time for the whole test area was %ss\n",
			s(slottime.slot_runtime));

	return 0;
}
