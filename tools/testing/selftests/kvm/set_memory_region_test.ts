// SPDX-License-Identifier: GPL-2.0
/*
 * Slots that are added, moved and deleted, also under a running guest.
 *
 * Upstream: tools/testing/selftests/kvm/set_memory_region_test.c. The guest has 0.2 ms, not 100, to
 * come to where it spins: time is the host's, which a spinning guest spends step by step.
 */
import { GUEST_TEXT_WINDOW, guest_text_alloc, ld64 } from "#hw/isa_guest.ts";
import { EINVAL } from "#uapi/asm-generic/errno-base.ts";
import {
	KVM_CAP_NR_MEMSLOTS, KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_IO, KVM_EXIT_MMIO,
	KVM_EXIT_SHUTDOWN, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY, KVM_SET_NR_MMU_PAGES,
	KVM_SET_USER_MEMORY_REGION, struct_kvm_userspace_memory_region,
} from "#uapi/linux/kvm.ts";
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE } from
	"#uapi/linux/mman.ts";
import { struct_kvm_regs } from "#uapi-asm/kvm.ts";
import {
	clock_gettime, errno, errno_name, ioctl, MAP_FAILED, memset, mmap, munmap, poke,
	pthread_create, pthread_join, type pthread, sem_post, sem_t, sem_timedwait, u64_bytes,
	type user_code, user_store64, usleep,
} from "#tools/include/nolibc/nolibc.ts";
import {
	__vm_set_user_memory_region, __vm_vcpu_add, addr_gpa2hva, get_ucall, GUEST_ASSERT_1,
	GUEST_DONE, type guest_fn, type guest_program, GUEST_SYNC, kvm_check_cap, kvm_vm_free,
	REPORT_GUEST_ASSERT_1, type struct_kvm_vcpu, type struct_kvm_vm, struct_ucall,
	UCALL_ABORT, UCALL_NONE, UCALL_SYNC, vcpu_regs_get, vcpu_run, virt_map,
	vm_create_barebones, vm_create_with_one_vcpu, vm_ioctl, vm_mem_region_delete,
	vm_mem_region_move, vm_phy_pages_alloc, vm_set_user_memory_region,
	vm_userspace_mem_region_add, type wait,
} from "./include/kvm_util.ts";
import { pr_info, TEST_ASSERT, VM_MEM_SRC_ANONYMOUS_THP } from "./include/test_util.ts";

/* one large page */
const MEM_REGION_SIZE	= 0x200000;

/* somewhere where nothing else is */
const MEM_REGION_GPA	= 0xc0000000;
const MEM_REGION_SLOT	= 10;

const CLOCK_REALTIME	= 0;

const GUEST_REENTERS_US	= 200;

const MMIO_VAL = 0xbeefn;

const vcpu_ready = new sem_t();

function* guest_spin_on_val(spin_val: bigint): Generator<number, bigint, void> {
	let val: bigint;

	do {
		val = yield* ld64(MEM_REGION_GPA);
	} while (val === spin_val);

	yield* GUEST_SYNC(0);
	return val;
}

/** Goes on after MMIO exits: the guest reads where a slot is deleted or being moved. */
function* vcpu_worker(vcpu: struct_kvm_vcpu): user_code {
	const run = vcpu.run;
	const uc = new struct_ucall();
	let cmd = UCALL_NONE;

	for (;;) {
		yield* vcpu_run(vcpu);

		if (run.exit_reason === KVM_EXIT_IO) {
			cmd = yield* get_ucall(vcpu, uc);
			if (cmd !== UCALL_SYNC)
				break;

			sem_post(vcpu_ready);
			continue;
		}

		if (run.exit_reason !== KVM_EXIT_MMIO)
			break;

		TEST_ASSERT(run.mmio.is_write === 0, "Unexpected exit mmio write");
		TEST_ASSERT(run.mmio.len === 8, "Unexpected exit mmio size = %u", run.mmio.len);

		TEST_ASSERT(run.mmio.phys_addr === BigInt(MEM_REGION_GPA),
			"Unexpected exit mmio address = 0x%llx", run.mmio.phys_addr);
		run.mmio.data = u64_bytes(MMIO_VAL);
	}

	if (run.exit_reason === KVM_EXIT_IO && cmd === UCALL_ABORT)
		REPORT_GUEST_ASSERT_1(uc, "val = %lu");
}

function* wait_for_vcpu(): wait {
	const ts = clock_gettime(CLOCK_REALTIME) + 2e9;

	TEST_ASSERT((yield* sem_timedwait(vcpu_ready, ts)) === 0, "sem_timedwait() failed: %d\n",
		errno());

	yield* usleep(GUEST_REENTERS_US);
}

function* spawn_vm(guest_code: guest_fn):
	wait<{ vm: struct_kvm_vm; vcpu: struct_kvm_vcpu; vcpu_thread: pthread }> {
	const { vm, vcpu } = vm_create_with_one_vcpu(guest_code);

	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS_THP, MEM_REGION_GPA, MEM_REGION_SLOT,
		MEM_REGION_SIZE / 4096, 0);

	/* two pages, so that the guest's address stays valid when the slot moves by one */
	const gpa = vm_phy_pages_alloc(vm, 2, MEM_REGION_GPA, MEM_REGION_SLOT);
	TEST_ASSERT(gpa === MEM_REGION_GPA, "Failed vm_phy_pages_alloc\n");

	virt_map(vm, MEM_REGION_GPA, MEM_REGION_GPA, 2);

	const hva = addr_gpa2hva(vm, MEM_REGION_GPA);
	memset(hva, 0, 2 * 4096);

	const vcpu_thread = pthread_create(() => vcpu_worker(vcpu));

	/* Ensure the guest thread is spun up. */
	yield* wait_for_vcpu();

	return { vm, vcpu, vcpu_thread };
}

/** Each move may or may not show as MMIO: the slot is away only for a moment. */
function* guest_code_move_memory_region(): guest_program {
	yield* GUEST_SYNC(0);

	let val = yield* guest_spin_on_val(0n);
	yield* GUEST_ASSERT_1(val === 1n || val === MMIO_VAL, "val == 1 || val == MMIO_VAL", val);

	/* Spin until the misaligning memory region move completes. */
	val = yield* guest_spin_on_val(MMIO_VAL);
	yield* GUEST_ASSERT_1(val === 1n || val === 0n, "val == 1 || val == 0", val);

	val = yield* guest_spin_on_val(0n);
	yield* GUEST_ASSERT_1(val === 1n || val === MMIO_VAL, "val == 1 || val == MMIO_VAL", val);

	val = yield* guest_spin_on_val(MMIO_VAL);
	yield* GUEST_ASSERT_1(val === 1n, "val == 1", val);

	yield* GUEST_DONE();
}

function* test_move_memory_region(): wait {
	const { vm, vcpu_thread } = yield* spawn_vm(guest_code_move_memory_region);

	const hva = addr_gpa2hva(vm, MEM_REGION_GPA);

	/* the guest's address means another page of the test now: it must not see the 2 */
	vm_mem_region_move(vm, MEM_REGION_SLOT, MEM_REGION_GPA - 4096);
	user_store64(hva, 2n);

	/* the guest may have seen no slot at all; what it says then comes when it has one again */
	yield* usleep(GUEST_REENTERS_US);

	/* before the slot is back, or the guest could still see the 2 */
	user_store64(hva, 1n);

	vm_mem_region_move(vm, MEM_REGION_SLOT, MEM_REGION_GPA);
	yield* wait_for_vcpu();
	yield* wait_for_vcpu();

	yield* pthread_join(vcpu_thread);

	kvm_vm_free(vm);
}

function* guest_code_delete_memory_region(): guest_program {
	yield* GUEST_SYNC(0);

	/* Spin until the memory region is deleted. */
	let val = yield* guest_spin_on_val(0n);
	yield* GUEST_ASSERT_1(val === MMIO_VAL, "val == MMIO_VAL", val);

	/* Spin until the memory region is recreated. */
	val = yield* guest_spin_on_val(MMIO_VAL);
	yield* GUEST_ASSERT_1(val === 0n, "val == 0", val);

	/* Spin until the memory region is deleted. */
	val = yield* guest_spin_on_val(0n);
	yield* GUEST_ASSERT_1(val === MMIO_VAL, "val == MMIO_VAL", val);

	/* Spin indefinitely (until the code memslot is deleted). */
	yield* guest_spin_on_val(MMIO_VAL);

	yield* GUEST_ASSERT_1(false, "0", 0);
}

function* test_delete_memory_region(): wait {
	const { vm, vcpu, vcpu_thread } = yield* spawn_vm(guest_code_delete_memory_region);

	vm_mem_region_delete(vm, MEM_REGION_SLOT);
	yield* wait_for_vcpu();

	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS_THP, MEM_REGION_GPA, MEM_REGION_SLOT,
		MEM_REGION_SIZE / 4096, 0);
	yield* wait_for_vcpu();

	vm_mem_region_delete(vm, MEM_REGION_SLOT);
	yield* wait_for_vcpu();

	/* with slot 0 go text and page tables: an emulation error or a shutdown */
	vm_mem_region_delete(vm, 0);

	yield* pthread_join(vcpu_thread);

	const run = vcpu.run;

	TEST_ASSERT(run.exit_reason === KVM_EXIT_SHUTDOWN ||
		run.exit_reason === KVM_EXIT_INTERNAL_ERROR,
	"Unexpected exit reason = %d", run.exit_reason);

	const regs = struct_kvm_regs.alloc();
	vcpu_regs_get(vcpu, regs);

	/* after a shutdown on AMD the VMCB is that of a reset vCPU */
	const final_rip_start = BigInt(guest_text_alloc(guest_code_delete_memory_region));
	const final_rip_end = final_rip_start + BigInt(GUEST_TEXT_WINDOW);
	if (run.exit_reason === KVM_EXIT_INTERNAL_ERROR)
		TEST_ASSERT(regs.rip >= final_rip_start && regs.rip < final_rip_end,
			"Bad rip, expected 0x%lx - 0x%lx, got 0x%llx\n",
			final_rip_start, final_rip_end, regs.rip);

	kvm_vm_free(vm);
}

function* test_zero_memory_regions(): wait {
	pr_info("Testing KVM_RUN with zero added memory regions\n");

	const vm = vm_create_barebones();
	const vcpu = __vm_vcpu_add(vm, 0);

	vm_ioctl(vm, KVM_SET_NR_MMU_PAGES, 64);
	yield* vcpu_run(vcpu);

	const run = vcpu.run;
	TEST_ASSERT(run.exit_reason === KVM_EXIT_INTERNAL_ERROR,
		"Unexpected exit_reason = %u\n", run.exit_reason);

	kvm_vm_free(vm);
}

/** KVM_CAP_NR_MEMSLOTS slots can be added, and no more. */
function test_add_max_memory_regions(): void {
	const max_mem_slots = kvm_check_cap(KVM_CAP_NR_MEMSLOTS);
	TEST_ASSERT(max_mem_slots > 0, "KVM_CAP_NR_MEMSLOTS should be greater than 0");
	pr_info("Allowed number of memory slots: %i\n", max_mem_slots);

	const vm = vm_create_barebones();

	pr_info("Adding slots 0..%i, each memory region with %dK size\n",
		max_mem_slots - 1, MEM_REGION_SIZE >> 10);

	const mem = mmap(0, max_mem_slots * MEM_REGION_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	TEST_ASSERT(mem !== MAP_FAILED, "Failed to mmap() host");

	for (let slot = 0; slot < max_mem_slots; slot++)
		vm_set_user_memory_region(vm, slot, 0, slot * MEM_REGION_SIZE, MEM_REGION_SIZE,
			mem + slot * MEM_REGION_SIZE);

	const mem_extra = mmap(0, MEM_REGION_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TEST_ASSERT(mem_extra !== MAP_FAILED, "Failed to mmap() host");

	const ret = __vm_set_user_memory_region(vm, max_mem_slots, 0,
		max_mem_slots * MEM_REGION_SIZE, MEM_REGION_SIZE, mem_extra);
	TEST_ASSERT(ret === -1 && errno() === EINVAL,
		"Adding one more memory slot should fail with EINVAL");

	munmap(mem, max_mem_slots * MEM_REGION_SIZE);
	munmap(mem_extra, MEM_REGION_SIZE);
	kvm_vm_free(vm);
}

/**
 * As in later versions, with one thing more: flags that mean nothing to the VM are refused whatever
 * lies behind the struct, so nothing behind it may be read.
 */
function test_invalid_memory_region_flags(): void {
	const supported_flags = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;
	const vm = vm_create_barebones();
	const region = struct_kvm_userspace_memory_region.alloc();
	const mem = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const argp = mem + 4096 - region.bytes.length;

	TEST_ASSERT(mem !== MAP_FAILED && munmap(mem + 4096, 4096) === 0, "Failed to mmap() host");
	region.memory_size = BigInt(MEM_REGION_SIZE);
	for (let i = 0; i < 32; i++) {
		if ((supported_flags & (1 << i)) !== 0)
			continue;

		region.flags = (1 << i) >>> 0;
		poke(argp, region.bytes);
		const r = ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, argp);
		TEST_ASSERT(r === -1 && errno() === EINVAL,
			"KVM_SET_USER_MEMORY_REGION should have failed on flag 0x%x: %s", 1 << i,
			errno_name(errno()));
	}

	munmap(mem, 4096);
	kvm_vm_free(vm);
}

export function* main(argc: number, argv: string[]): wait<number> {
	yield* test_zero_memory_regions();

	test_invalid_memory_region_flags();

	test_add_max_memory_regions();

	const loops = argc > 1 ? parseInt(argv[1]!, 10) : 10;

	pr_info("Testing MOVE of in-use region, %d loops\n", loops);
	for (let i = 0; i < loops; i++)
		yield* test_move_memory_region();

	pr_info("Testing DELETE of in-use region, %d loops\n", loops);
	for (let i = 0; i < loops; i++)
		yield* test_delete_memory_region();

	return 0;
}
