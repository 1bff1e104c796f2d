// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversions that the guest asks for, by ranges that are and are not those of large pages; holes
 * punched under it; files that outlive VMs, VMs that outlive descriptors; slots that go away.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/private_mem_conversions_test.c, of later kernels
 * than the series. Here the guest's accesses are whatever the attributes say, memory is private
 * unless said otherwise, and conversion is KVM_MEMORY_ENCRYPT_{REG,UNREG}_REGION. Port-only: what
 * follows test_mem_conversions().
 */
import { ld64, memchk, memset } from "#hw/isa_guest.ts";
import { EEXIST } from "#uapi/asm-generic/errno-base.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	KVM_EXIT_HYPERCALL, KVM_EXIT_IO, KVM_EXIT_MMIO, KVM_MEM_PRIVATE,
	KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
} from "#uapi/linux/kvm.ts";
import { KVM_HC_MAP_GPA_RANGE } from "#uapi/linux/kvm_para.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE } from
	"#uapi/linux/mman.ts";
import {
	clock_gettime, close, errno, errno_name, fallocate, ftruncate, getopt, MAP_FAILED,
	memfd_create, memset as host_memset, mmap, munmap, peek, printf, type pthread,
	pthread_create, pthread_join, sem_post, sem_t, sem_timedwait, u64_bytes, type user_code,
	user_store64, usleep,
} from "#tools/include/nolibc/nolibc.ts";
import {
	exit_reason_str, get_ucall, GUEST_ASSERT, GUEST_ASSERT_1, GUEST_DONE, type guest_fn,
	type guest_program, GUEST_SYNC, GUEST_SYNC_ARGS, type hva_t, kvm_vm_free,
	REPORT_GUEST_ASSERT, type struct_kvm_vcpu, type struct_kvm_vm, type struct_region,
	struct_ucall, UCALL_ABORT, UCALL_DONE, UCALL_SYNC, vcpu_args_set, vcpu_run, virt_map,
	type vm_paddr_t, type wait,
} from "../include/kvm_util.ts";
import {
	__vm_set_user_memory_region_ext, kvm_hypercall_map_gpa_range, require_private_mem_testing,
	vm_create_with_private_mem_testing, vm_guest_mem_fallocate, vm_mem_add, vm_mem_set_shared,
	vm_set_region_attr,
} from "../include/private_mem.ts";
import { TEST_ASSERT, TEST_FAIL } from "../include/test_util.ts";

const PAGE_SIZE		= 4096;
const SZ_2M		= 2 ** 21;
const SLOT0_PAGES	= 1024;

const BASE_DATA_SLOT	= 10;
const BASE_DATA_GPA	= 2 ** 32;
const PER_CPU_DATA_SIZE	= SZ_2M + PAGE_SIZE;

const PUNCH = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;

/* enum ucall_syncs */
const SYNC_SHARED	= 0;
const SYNC_PRIVATE	= 1;

/** All of the range at @gpa is @pattern, for the guest. */
function* memcmp_g(gpa: vm_paddr_t, pattern: number, size: number): guest_program {
	const same = size === 0 || (yield* memchk(gpa, pattern, size));

	yield* GUEST_ASSERT(same, `memory at 0x${gpa.toString(16)} + 0x${size.toString(16)} is 0x${
		pattern.toString(16)}`);
}

function memcmp_h(hva: hva_t, gpa: vm_paddr_t, pattern: number, size: number): void {
	const mem = peek(hva, size), at = mem.findIndex((b) => b !== pattern);

	TEST_ASSERT(at < 0, "Host expected 0x%x at gpa 0x%lx, got 0x%x", pattern, gpa + at,
		mem[Math.max(at, 0)]!);
}

/** The host is to see @current_pattern in shared memory, and to write @new_pattern. */
function guest_sync_shared(gpa: vm_paddr_t, size: number, current_pattern: number,
	new_pattern: number): guest_program {
	return GUEST_SYNC_ARGS(SYNC_SHARED, gpa, size, current_pattern, new_pattern);
}

/** The host is to see @pattern: what was there before the memory became private. */
function guest_sync_private(gpa: vm_paddr_t, size: number, pattern: number): guest_program {
	return GUEST_SYNC_ARGS(SYNC_PRIVATE, gpa, size, pattern, 0);
}

/* what a hypercall's attributes mean to this test's host */
const MAP_GPA_SET_ATTRIBUTES	= 1 << 0;
const MAP_GPA_SHARED		= 1 << 1;
const MAP_GPA_DO_FALLOCATE	= 1 << 2;

function guest_map_mem(gpa: vm_paddr_t, size: number, map_shared: boolean,
	do_fallocate: boolean): guest_program {
	let flags = MAP_GPA_SET_ATTRIBUTES;

	if (map_shared)
		flags |= MAP_GPA_SHARED;
	if (do_fallocate)
		flags |= MAP_GPA_DO_FALLOCATE;
	return kvm_hypercall_map_gpa_range(gpa, size, flags);
}

function guest_map_shared(gpa: vm_paddr_t, size: number, do_fallocate: boolean): guest_program {
	return guest_map_mem(gpa, size, true, do_fallocate);
}

function guest_map_private(gpa: vm_paddr_t, size: number, do_fallocate: boolean): guest_program {
	return guest_map_mem(gpa, size, false, do_fallocate);
}

const test_ranges: readonly { readonly offset: number; readonly size: number }[] = [
	{ offset: 0, size: PAGE_SIZE },
	{ offset: 0, size: SZ_2M },
	{ offset: PAGE_SIZE, size: PAGE_SIZE },
	{ offset: PAGE_SIZE, size: SZ_2M },
	{ offset: SZ_2M, size: PAGE_SIZE },
];

/** @every_page: what upstream does for ranges of one page is done for the larger ones too. */
function* guest_test_explicit_conversion(base_gpa: vm_paddr_t, do_fallocate: boolean,
	every_page: boolean): guest_program {
	const def_p = 0xaa;
	const init_p = 0xcc;
	const end = base_gpa + PER_CPU_DATA_SIZE;

	/* the host made it all shared */
	yield* memset(base_gpa, def_p, PER_CPU_DATA_SIZE);
	yield* memcmp_g(base_gpa, def_p, PER_CPU_DATA_SIZE);
	yield* guest_sync_shared(base_gpa, PER_CPU_DATA_SIZE, def_p, init_p);

	yield* memcmp_g(base_gpa, init_p, PER_CPU_DATA_SIZE);

	for (const { offset, size } of test_ranges) {
		const gpa = base_gpa + offset;
		const p1 = 0x11, p2 = 0x22, p3 = 0x33, p4 = 0x44;

		/* the range is to differ from the rest, which has the initial pattern */
		yield* memset(gpa, p1, size);

		/*
		 * Private: what is written there the host does not see, and around it the guest
		 * sees shared memory as before.
		 */
		yield* guest_map_private(gpa, size, do_fallocate);

		if (size > PAGE_SIZE && !every_page) {
			yield* memset(gpa, p2, PAGE_SIZE);
		} else {
			yield* memset(gpa, p2, size);
			yield* guest_sync_private(gpa, size, p1);

			yield* memcmp_g(gpa, p2, size);
			if (gpa > base_gpa)
				yield* memcmp_g(base_gpa, init_p, gpa - base_gpa);
			if (gpa + size < end)
				yield* memcmp_g(gpa + size, init_p, end - (gpa + size));

			/* back to shared with every other page: ranges with holes */
			for (let j = 0; j < size; j += PAGE_SIZE) {
				if (((j / PAGE_SIZE) & 1) !== 0) {
					yield* guest_map_shared(gpa + j, PAGE_SIZE, do_fallocate);
					yield* guest_sync_shared(gpa + j, PAGE_SIZE, p1, p3);

					yield* memcmp_g(gpa + j, p3, PAGE_SIZE);
				} else {
					yield* guest_sync_private(gpa + j, PAGE_SIZE, p1);
					yield* memcmp_g(gpa + j, p2, PAGE_SIZE);
				}
			}
		}

		/* all of it back to shared */
		yield* guest_map_shared(gpa, size, do_fallocate);
		yield* memset(gpa, p3, size);
		yield* guest_sync_shared(gpa, size, p3, p4);
		yield* memcmp_g(gpa, p4, size);

		/* Reset the shared memory back to the initial pattern. */
		yield* memset(gpa, init_p, size);

		/* no private page is left for the next range */
		yield* guest_map_shared(base_gpa, PER_CPU_DATA_SIZE, true);
	}
}

/** Only memory goes, the attribute stays. */
function guest_punch_hole(gpa: vm_paddr_t, size: number): guest_program {
	return kvm_hypercall_map_gpa_range(gpa, size, MAP_GPA_SHARED | MAP_GPA_DO_FALLOCATE);
}

/** @precise: only the range itself has been touched when the hole is punched. */
function* guest_test_punch_hole(base_gpa: vm_paddr_t, precise: boolean): guest_program {
	const init_p = 0xcc;

	yield* guest_map_private(base_gpa, PER_CPU_DATA_SIZE, false);

	for (const { offset, size } of test_ranges) {
		const gpa = base_gpa + offset;

		/* from nothing each time: freeing all and allocating again is met as well */
		yield* guest_punch_hole(base_gpa, PER_CPU_DATA_SIZE);

		if (precise) {
			yield* memset(gpa, init_p, size);
			yield* memcmp_g(gpa, init_p, size);
		} else {
			yield* memset(base_gpa, init_p, PER_CPU_DATA_SIZE);
			yield* memcmp_g(base_gpa, init_p, PER_CPU_DATA_SIZE);
		}

		/* through a hole one sees zeros, and beside it what was there */
		yield* guest_punch_hole(gpa, size);
		yield* memcmp_g(gpa, 0, size);
		if (!precise) {
			yield* memcmp_g(base_gpa, init_p, offset);
			yield* memcmp_g(gpa + size, init_p, PER_CPU_DATA_SIZE - offset - size);
		}
	}
}

function* guest_code(base_gpa_reg: bigint): guest_program {
	const base_gpa = Number(base_gpa_reg);

	/* conversion alone, then with fallocate() */
	yield* guest_test_explicit_conversion(base_gpa, false, false);
	yield* guest_test_explicit_conversion(base_gpa, true, false);
	yield* guest_test_explicit_conversion(base_gpa, true, true);

	yield* guest_test_punch_hole(base_gpa, false);
	yield* guest_test_punch_hole(base_gpa, true);
	yield* GUEST_DONE();
}

/* a VM's slots with private memory */
class test_memory {
	vm: struct_kvm_vm;
	regions: struct_region[] = [];
	constructor(vm: struct_kvm_vm) {
		this.vm = vm;
	}
}

function add_region(m: test_memory, slot: number, gpa: vm_paddr_t, size: number, hva: hva_t,
	fd: number, offset: number): struct_region {
	const r: struct_region = { slot, flags: KVM_MEM_PRIVATE, guest_phys_addr: gpa,
		memory_size: size, userspace_addr: hva, private_offset: offset, private_fd: fd };

	vm_mem_add(m.vm, hva, gpa, slot, size, 0, fd, offset);
	m.regions.push(r);
	return r;
}

function hva_of(m: test_memory, gpa: vm_paddr_t): hva_t {
	const r = m.regions.find((x) => gpa >= x.guest_phys_addr &&
		gpa < x.guest_phys_addr + x.memory_size);

	TEST_ASSERT(r !== undefined, "No vm physical memory at 0x%lx", gpa);
	return r.userspace_addr + gpa - r.guest_phys_addr;
}

function handle_exit_hypercall(m: test_memory, vcpu: struct_kvm_vcpu): void {
	const { nr, args } = vcpu.run.hypercall;
	const gpa = Number(args[0]), size = Number(args[1]) * PAGE_SIZE, attrs = Number(args[2]);
	const map_shared = (attrs & MAP_GPA_SHARED) !== 0;

	TEST_ASSERT(nr === BigInt(KVM_HC_MAP_GPA_RANGE), "Wanted MAP_GPA_RANGE (%u), got '%llu'",
		KVM_HC_MAP_GPA_RANGE, nr);

	if ((attrs & MAP_GPA_DO_FALLOCATE) !== 0)
		vm_guest_mem_fallocate(m.vm, m.regions, gpa, size, map_shared);
	if ((attrs & MAP_GPA_SET_ATTRIBUTES) !== 0)
		vm_set_region_attr(m.vm, gpa, size, !map_shared);

	vcpu.run.hypercall.ret = 0n;
}

/** A GUEST_SYNC: shared memory is looked at, and rewritten if it is what the guest sees. */
function handle_sync(m: test_memory, uc: struct_ucall): void {
	const [, kind, gpa, size, pattern, next] = uc.args.map(Number) as
		[number, number, number, number, number, number];

	TEST_ASSERT(kind === SYNC_SHARED || kind === SYNC_PRIVATE, "Unknown sync command '%ld'",
		kind);

	for (let i = 0; i < size; i += PAGE_SIZE) {
		const hva = hva_of(m, gpa + i);

		/* In all cases, the host should observe the shared data. */
		memcmp_h(hva, gpa + i, pattern, PAGE_SIZE);

		if (kind === SYNC_SHARED)
			host_memset(hva, next, PAGE_SIZE);
	}
}

function* __test_mem_conversions(m: test_memory, vcpu: struct_kvm_vcpu): user_code {
	const run = vcpu.run;
	const uc = new struct_ucall();

	for (;;) {
		yield* vcpu_run(vcpu);

		if (run.exit_reason === KVM_EXIT_HYPERCALL) {
			handle_exit_hypercall(m, vcpu);
			continue;
		}

		TEST_ASSERT(run.exit_reason === KVM_EXIT_IO,
			"Wanted KVM_EXIT_IO, got exit reason: %u (%s)",
			run.exit_reason, exit_reason_str(run.exit_reason));

		switch (yield* get_ucall(vcpu, uc)) {
		case UCALL_ABORT:
			REPORT_GUEST_ASSERT(uc);
			break;
		case UCALL_SYNC:
			handle_sync(m, uc);
			break;
		case UCALL_DONE:
			return;
		default:
			TEST_FAIL("Unknown ucall 0x%lx.", uc.cmd);
		}
	}
}

function map_shared_memory(size: number): hva_t {
	const hva = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		MAP_NORESERVE, -1, 0);

	TEST_ASSERT(hva !== MAP_FAILED, "mmap() failed");
	return hva;
}

function private_memfd(size: number): number {
	const fd = memfd_create("private_mem", MFD_INACCESSIBLE);

	TEST_ASSERT(fd >= 0, "memfd_create() failed: %s", errno_name(errno()));
	TEST_ASSERT(ftruncate(fd, size) === 0, "ftruncate() failed: %s", errno_name(errno()));
	return fd;
}

/** The file is still of use when no VM is left that used it. */
function test_fallocate_after_vm(memfd: number, size: number): void {
	let r = fallocate(memfd, PUNCH, 0, size);
	TEST_ASSERT(r === 0, "fallocate() punch hole failed: %s", errno_name(errno()));

	r = fallocate(memfd, FALLOC_FL_KEEP_SIZE, 0, size);
	TEST_ASSERT(r === 0, "fallocate() failed: %s", errno_name(errno()));

	close(memfd);
}

function* test_mem_conversions(nr_vcpus: number, nr_memslots: number): wait {
	/* each vCPU's share begins with a large page */
	const per_cpu_size = 2 * SZ_2M;
	const memfd_size = per_cpu_size * nr_vcpus;
	const slot_size = memfd_size / nr_memslots;
	const vcpus: struct_kvm_vcpu[] = [];

	printf("conversions: %d vCPUs, %d slots on one file\n", nr_vcpus, nr_memslots);
	TEST_ASSERT(Number.isInteger(slot_size / PAGE_SIZE), "The memfd size (0x%lx) needs to be " +
		"cleanly divisible by the number of memslots (%u)", memfd_size, nr_memslots);

	const vm = vm_create_with_private_mem_testing(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
		SLOT0_PAGES, nr_vcpus, guest_code, vcpus);
	const memfd = private_memfd(memfd_size);
	const m = new test_memory(vm);

	const hva = map_shared_memory(memfd_size);
	for (let i = 0; i < nr_memslots; i++)
		add_region(m, BASE_DATA_SLOT + i, BASE_DATA_GPA + slot_size * i, slot_size,
			hva + slot_size * i, memfd, slot_size * i);
	vm_mem_set_shared(vm, BASE_DATA_GPA, memfd_size);

	const threads: pthread[] = vcpus.map((vcpu, i) => {
		const gpa = BASE_DATA_GPA + i * per_cpu_size;

		vcpu_args_set(vcpu, 1, gpa);
		/* only what is used: an access beyond it is a #PF in the guest */
		virt_map(vm, gpa, gpa, PER_CPU_DATA_SIZE / PAGE_SIZE);
		return pthread_create(() => __test_mem_conversions(m, vcpu));
	});
	for (const thread of threads)
		yield* pthread_join(thread);

	kvm_vm_free(vm);
	munmap(hva, memfd_size);

	test_fallocate_after_vm(memfd, memfd_size);
}

/* ---- slots that go away, files that stay ---------------------------------------------------- */

const MMIO_VAL = 0xbeefn;
const VALUE = 0x1122334455667788n;
const CLOCK_REALTIME = 0;

const vcpu_ready = new sem_t();

function* guest_spin_on_val(spin_val: bigint): Generator<number, bigint, void> {
	let val: bigint;

	do {
		val = yield* ld64(BASE_DATA_GPA);
	} while (val === spin_val);

	yield* GUEST_SYNC(0);
	return val;
}

function* guest_private_reader(): guest_program {
	yield* memset(BASE_DATA_GPA, 0x5a, PAGE_SIZE);
	yield* GUEST_SYNC(0);

	/* Spin until the slot is deleted: then there is nothing, neither private nor shared. */
	let val = yield* guest_spin_on_val(0x5a5a5a5a5a5a5a5an);
	yield* GUEST_ASSERT_1(val === MMIO_VAL, "val == MMIO_VAL", val);

	/* The slot comes back, and with the file what was in it. */
	val = yield* guest_spin_on_val(MMIO_VAL);
	yield* GUEST_ASSERT_1(val === 0x5a5a5a5a5a5a5a5an, "val == 0x5a5a5a5a5a5a5a5a", val);

	/* A hole is punched in the file. */
	val = yield* guest_spin_on_val(0x5a5a5a5a5a5a5a5an);
	yield* GUEST_ASSERT_1(val === 0n, "val == 0", val);

	/* The memory becomes shared. */
	val = yield* guest_spin_on_val(0n);
	yield* GUEST_ASSERT_1(val === VALUE, "val == VALUE", val);
	yield* GUEST_DONE();
}

/** Answers reads of what is not there. */
function* reader_worker(vcpu: struct_kvm_vcpu): user_code {
	const run = vcpu.run;
	const uc = new struct_ucall();

	for (;;) {
		yield* vcpu_run(vcpu);

		if (run.exit_reason === KVM_EXIT_MMIO) {
			TEST_ASSERT(run.mmio.is_write === 0, "Unexpected exit mmio write");
			TEST_ASSERT(run.mmio.len === 8, "Unexpected exit mmio size = %u",
				run.mmio.len);
			TEST_ASSERT(run.mmio.phys_addr === BigInt(BASE_DATA_GPA),
				"Unexpected exit mmio address = 0x%llx", run.mmio.phys_addr);
			run.mmio.data = u64_bytes(MMIO_VAL);
			continue;
		}

		TEST_ASSERT(run.exit_reason === KVM_EXIT_IO, "Unexpected exit reason %u (%s)",
			run.exit_reason, exit_reason_str(run.exit_reason));
		switch (yield* get_ucall(vcpu, uc)) {
		case UCALL_SYNC:
			sem_post(vcpu_ready);
			break;
		case UCALL_DONE:
			sem_post(vcpu_ready);
			return;
		default:
			REPORT_GUEST_ASSERT(uc);
		}
	}
}

function* wait_for_vcpu(): wait {
	TEST_ASSERT((yield* sem_timedwait(vcpu_ready, clock_gettime(CLOCK_REALTIME) + 2e9)) === 0,
		"sem_timedwait() failed: %d\n", errno());

	/* Wait for the vCPU thread to reenter the guest. */
	yield* usleep(100000);
}

interface one_slot {
	readonly vm: struct_kvm_vm;
	readonly vcpu: struct_kvm_vcpu;
	readonly m: test_memory;
	readonly memfd: number;
	readonly hva: hva_t;
}

function one_slot_vm(code: guest_fn, size: number): one_slot {
	const vcpus: struct_kvm_vcpu[] = [];
	const vm = vm_create_with_private_mem_testing(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
		SLOT0_PAGES, 1, code, vcpus);
	const m = new test_memory(vm), memfd = private_memfd(size), hva = map_shared_memory(size);

	add_region(m, BASE_DATA_SLOT, BASE_DATA_GPA, size, hva, memfd, 0);
	virt_map(vm, BASE_DATA_GPA, BASE_DATA_GPA, size / PAGE_SIZE);
	return { vm, vcpu: vcpus[0]!, m, memfd, hva };
}

function delete_region(m: test_memory, slot: number): void {
	const r = m.regions.splice(m.regions.findIndex((x) => x.slot === slot), 1)[0]!;
	const ret = __vm_set_user_memory_region_ext(m.vm, slot, r.flags, r.guest_phys_addr, 0,
		r.userspace_addr, r.private_fd, r.private_offset);

	TEST_ASSERT(ret === 0, "deleting slot %d failed: %s", slot, errno_name(errno()));
}

/** All that can happen to a page that the guest is reading. */
function* test_private_reader(): wait {
	printf("a reader, and what happens to its slot\n");
	const { vm, vcpu, m, memfd, hva } = one_slot_vm(guest_private_reader, SZ_2M);

	const thread = pthread_create(() => reader_worker(vcpu));
	yield* wait_for_vcpu();

	delete_region(m, BASE_DATA_SLOT);
	yield* wait_for_vcpu();

	add_region(m, BASE_DATA_SLOT, BASE_DATA_GPA, SZ_2M, hva, memfd, 0);
	yield* wait_for_vcpu();

	TEST_ASSERT(fallocate(memfd, PUNCH, 0, PAGE_SIZE) === 0, "fallocate() failed");
	yield* wait_for_vcpu();

	user_store64(hva, VALUE);
	vm_mem_set_shared(vm, BASE_DATA_GPA, PAGE_SIZE);
	/* the call of the last step, and the guest's end */
	yield* wait_for_vcpu();
	yield* wait_for_vcpu();

	yield* pthread_join(thread);
	kvm_vm_free(vm);
	munmap(hva, SZ_2M);
	close(memfd);
}

function* guest_fill_and_check(): guest_program {
	yield* memset(BASE_DATA_GPA, 0x77, SZ_2M);
	yield* GUEST_SYNC(0);
	yield* memcmp_g(BASE_DATA_GPA, 0x77, SZ_2M);
	yield* memset(BASE_DATA_GPA, 0x78, SZ_2M);
	yield* GUEST_SYNC(1);
	yield* memcmp_g(BASE_DATA_GPA, 0x78, SZ_2M);
	yield* GUEST_DONE();
}

/** Runs to the next call, which has to be @cmd. */
function* run_to(vcpu: struct_kvm_vcpu, cmd: number): wait {
	const uc = new struct_ucall();

	yield* vcpu_run(vcpu);
	TEST_ASSERT(vcpu.run.exit_reason === KVM_EXIT_IO, "Unexpected exit reason %u (%s)",
		vcpu.run.exit_reason, exit_reason_str(vcpu.run.exit_reason));
	if ((yield* get_ucall(vcpu, uc)) === UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	TEST_ASSERT(uc.cmd === cmd, "ucall %u, expected %u", uc.cmd, cmd);
}

/** A slot keeps its file: descriptors may be closed. */
function* test_fd_closed_under_slot(): wait {
	printf("the descriptor closed, the slot still there\n");
	const { vm, vcpu, memfd, hva } = one_slot_vm(guest_fill_and_check, SZ_2M);

	yield* run_to(vcpu, UCALL_SYNC);
	TEST_ASSERT(close(memfd) === 0, "close() failed");
	yield* run_to(vcpu, UCALL_SYNC);
	yield* run_to(vcpu, UCALL_DONE);

	kvm_vm_free(vm);
	munmap(hva, SZ_2M);
}

const SECOND_GPA = BASE_DATA_GPA + 2 ** 30;

function* guest_two_slots(): guest_program {
	yield* memset(BASE_DATA_GPA, 0x11, SZ_2M);
	yield* memset(SECOND_GPA, 0x22, SZ_2M);
	yield* GUEST_SYNC(0);

	/* a hole in the first half of the file */
	yield* memcmp_g(BASE_DATA_GPA, 0, SZ_2M);
	yield* memcmp_g(SECOND_GPA, 0x22, SZ_2M);
	yield* memset(BASE_DATA_GPA, 0x33, SZ_2M);
	yield* GUEST_SYNC(1);

	/* one from the last page of the first half to the first of the second */
	yield* memcmp_g(BASE_DATA_GPA, 0x33, SZ_2M - PAGE_SIZE);
	yield* memcmp_g(BASE_DATA_GPA + SZ_2M - PAGE_SIZE, 0, PAGE_SIZE);
	yield* memcmp_g(SECOND_GPA, 0, PAGE_SIZE);
	yield* memcmp_g(SECOND_GPA + PAGE_SIZE, 0x22, SZ_2M - PAGE_SIZE);
	yield* GUEST_SYNC(2);

	/* the first slot is gone, its half of the file is the second's now */
	yield* memcmp_g(SECOND_GPA, 0x33, SZ_2M - PAGE_SIZE);
	yield* GUEST_DONE();
}

/** A hole reaches the slots that have the range, and nothing else. */
function* test_two_slots_on_one_file(): wait {
	printf("two slots on one file\n");
	const size = 2 * SZ_2M;
	const vcpus: struct_kvm_vcpu[] = [];
	const vm = vm_create_with_private_mem_testing(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
		SLOT0_PAGES, 1, guest_two_slots, vcpus);
	const m = new test_memory(vm), memfd = private_memfd(size), hva = map_shared_memory(size);
	const vcpu = vcpus[0]!;

	add_region(m, BASE_DATA_SLOT, BASE_DATA_GPA, SZ_2M, hva, memfd, 0);
	add_region(m, BASE_DATA_SLOT + 1, SECOND_GPA, SZ_2M, hva + SZ_2M, memfd, SZ_2M);
	virt_map(vm, BASE_DATA_GPA, BASE_DATA_GPA, SZ_2M / PAGE_SIZE);
	virt_map(vm, SECOND_GPA, SECOND_GPA, SZ_2M / PAGE_SIZE);

	yield* run_to(vcpu, UCALL_SYNC);
	TEST_ASSERT(fallocate(memfd, PUNCH, 0, SZ_2M) === 0, "fallocate() failed");
	yield* run_to(vcpu, UCALL_SYNC);
	TEST_ASSERT(fallocate(memfd, PUNCH, SZ_2M - PAGE_SIZE, 2 * PAGE_SIZE) === 0,
		"fallocate() failed");
	yield* run_to(vcpu, UCALL_SYNC);

	delete_region(m, BASE_DATA_SLOT);
	delete_region(m, BASE_DATA_SLOT + 1);
	add_region(m, BASE_DATA_SLOT + 1, SECOND_GPA, SZ_2M, hva + SZ_2M, memfd, 0);
	yield* run_to(vcpu, UCALL_DONE);

	kvm_vm_free(vm);
	munmap(hva, size);
	close(memfd);
}

/** What must not overlap are addresses in the guest. */
function test_overlapping_slots(): void {
	printf("slots that overlap in the guest\n");
	const half = 2 * SZ_2M, size = 2 * half;
	const vm = vm_create_with_private_mem_testing(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
		SLOT0_PAGES, 0, guest_two_slots, []);
	const m = new test_memory(vm), memfd = private_memfd(size), hva = map_shared_memory(size);
	const slot = BASE_DATA_SLOT;

	add_region(m, slot, BASE_DATA_GPA, half, hva, memfd, 0);
	add_region(m, slot + 1, BASE_DATA_GPA + half, half, hva + half, memfd, half);
	delete_region(m, slot);

	for (const [where, gpa] of [["front", BASE_DATA_GPA + half / 2],
		["back", BASE_DATA_GPA + half + half / 2]] as const) {
		const r = __vm_set_user_memory_region_ext(vm, slot, KVM_MEM_PRIVATE, gpa, half, hva,
			memfd, 0);
		TEST_ASSERT(r === -1 && errno() === EEXIST,
			"Overlapping the %s half should fail with EEXIST: %d %s", where, r,
			errno_name(errno()));
	}
	add_region(m, slot, BASE_DATA_GPA, half, hva, memfd, 0);

	kvm_vm_free(vm);
	munmap(hva, size);
	close(memfd);
}

function usage(cmd: string): void {
	printf("usage: %s [-h] [-m nr_memslots] [-n nr_vcpus]\n" +
		"\n" +
		" -m: specify the number of memslots (default: 1, then 2)\n" +
		" -n: specify the number of vcpus (default: 1, then 2)\n", cmd);
}

export function* main(_argc: number, argv: string[]): wait<number> {
	let nr_memslots = 0, nr_vcpus = 0;

	for (const [opt, optarg] of getopt(argv, "hm:n:")) {
		switch (opt) {
		case "m":
			nr_memslots = parseInt(optarg, 10);
			break;
		case "n":
			nr_vcpus = parseInt(optarg, 10);
			break;
		default:
			usage(argv[0]!);
			return opt === "h" ? 0 : 1;
		}
	}
	require_private_mem_testing();

	if (nr_memslots !== 0 || nr_vcpus !== 0) {
		yield* test_mem_conversions(nr_vcpus || 1, nr_memslots || 1);
		return 0;
	}
	yield* test_mem_conversions(1, 1);
	yield* test_mem_conversions(1, 2);
	yield* test_mem_conversions(2, 1);
	yield* test_private_reader();
	yield* test_fd_closed_under_slot();
	yield* test_two_slots_on_one_file();
	test_overlapping_slots();
	return 0;
}
