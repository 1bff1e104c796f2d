// SPDX-License-Identifier: GPL-2.0
/*
 * As much guest memory as there may be, all of it the same host memory.
 *
 * Upstream: tools/testing/selftests/kvm/max_guest_memory_test.c. By default 128 MiB (-m) in slots
 * of 32 (-s), where upstream has 128 GiB in slots of 2; both options take fractions.
 */
import { st64n } from "#hw/isa_guest.ts";
import { KVM_CAP_NR_MEMSLOTS } from "#uapi/linux/kvm.ts";
import { MADV_NOHUGEPAGE, MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { struct_kvm_regs, struct_kvm_sregs } from "#uapi-asm/kvm.ts";
import {
	clock_gettime, errno, exit, getopt, madvise, MAP_FAILED, mmap, munmap, printf, type pthread,
	pthread_create, pthread_join, sched_getaffinity, sched_yield, strerror, type user_code,
	user_store8, usleep,
} from "#tools/include/nolibc/nolibc.ts";
import {
	get_ucall, GUEST_DONE, type guest_program, kvm_check_cap, kvm_memfd_alloc,
	type struct_kvm_vcpu, type struct_kvm_vm, UCALL_DONE, vcpu_args_set, vcpu_regs_get,
	vcpu_regs_set, vcpu_run, vcpu_sregs_get, vcpu_sregs_set, vm_create_with_vcpus,
	vm_set_user_memory_region, type wait,
} from "./include/kvm_util.ts";
import { __virt_pg_map, PG_LEVEL_1G, PG_LEVEL_2M, PG_SIZE_2M, X86_CR0_WP } from "./include/x86_64/processor.ts";
import { ASSERT_EQ, pr_info, TEST_ASSERT } from "./include/test_util.ts";

function* guest_code(start_gpa: bigint, end_gpa: bigint, stride: bigint): guest_program {
	const end = Number(end_gpa), step = Number(stride);

	for (let gpa = Number(start_gpa); gpa < end; gpa += step)
		yield* st64n(gpa, gpa);

	yield* GUEST_DONE();
}

interface vcpu_info {
	vcpu: struct_kvm_vcpu;
	start_gpa: number;
	end_gpa: number;
}

let nr_vcpus = 0;
let rendezvous = 0;

function* rendezvous_with_boss(): wait {
	const orig = rendezvous;

	if (orig > 0) {
		rendezvous--;
		while (rendezvous > 0)
			yield* sched_yield();
	} else {
		rendezvous++;
		while (rendezvous < 0)
			yield* sched_yield();
	}
}

function* run_vcpu(vcpu: struct_kvm_vcpu): wait {
	yield* vcpu_run(vcpu);
	ASSERT_EQ(yield* get_ucall(vcpu, null), UCALL_DONE, "get_ucall(vcpu, NULL), UCALL_DONE");
}

function* vcpu_worker(info: vcpu_info): user_code {
	const vcpu = info.vcpu;
	const vm = vcpu.vm;
	const sregs = struct_kvm_sregs.alloc();
	const regs = struct_kvm_regs.alloc();

	vcpu_args_set(vcpu, 3, info.start_gpa, info.end_gpa, vm.page_size);

	/* Snapshot regs before the first run. */
	vcpu_regs_get(vcpu, regs);
	yield* rendezvous_with_boss();

	yield* run_vcpu(vcpu);
	yield* rendezvous_with_boss();
	vcpu_regs_set(vcpu, regs);
	vcpu_sregs_get(vcpu, sregs);
	sregs.cr0 ^= BigInt(X86_CR0_WP);
	vcpu_sregs_set(vcpu, sregs);
	yield* rendezvous_with_boss();

	yield* run_vcpu(vcpu);
	yield* rendezvous_with_boss();
}

function spawn_workers(vm: struct_kvm_vm, vcpus: readonly struct_kvm_vcpu[], start_gpa: number,
	end_gpa: number): pthread[] {
	const threads: pthread[] = [];

	const nr_bytes = Math.floor((end_gpa - start_gpa) / nr_vcpus / vm.page_size) * vm.page_size;
	TEST_ASSERT(nr_bytes !== 0, "C'mon, no way you have %d CPUs", nr_vcpus);

	for (let i = 0, gpa = start_gpa; i < nr_vcpus; i++, gpa += nr_bytes) {
		const info = { vcpu: vcpus[i]!, start_gpa: gpa, end_gpa: gpa + nr_bytes };
		threads[i] = pthread_create(() => vcpu_worker(info));
	}
	return threads;
}

/** When all had come. */
function* rendezvous_with_vcpus(name: string): wait<number> {
	pr_info("Waiting for vCPUs to finish %s...\n", name);

	let rendezvoused = rendezvous;
	for (let i = 0; Math.abs(rendezvoused) !== 1; i++) {
		yield* usleep(100);
		if ((i & 0x3f) === 0)
			pr_info("\r%d vCPUs haven't rendezvoused...",
				Math.abs(rendezvoused) - 1);
		rendezvoused = rendezvous;
	}

	const time = clock_gettime();

	pr_info("\rAll vCPUs finished %s, releasing...\n", name);
	if (rendezvoused > 0)
		rendezvous = -nr_vcpus - 1;
	else
		rendezvous = nr_vcpus + 1;
	return time;
}

function calc_default_nr_vcpus(): void {
	const possible_mask = sched_getaffinity(0);
	TEST_ASSERT(possible_mask !== null, "sched_getaffinity failed, errno = %d (%s)",
		errno(), strerror(errno()));

	nr_vcpus = Math.floor(possible_mask!.length * 3 / 4);
	TEST_ASSERT(nr_vcpus > 0, "Uh, no CPUs?");
}

export function* main(_argc: number, argv: string[]): wait<number> {
	/*
	 * Above 4 GiB: slot 0 with text, stacks and page tables lies below 1 GiB, and KVM's own
	 * slot for the APIC right below 4 GiB.
	 */
	const size_1gb = 2 ** 30;
	const start_gpa = 4 * size_1gb;
	const first_slot = 1;

	let hugepages = false;

	let slot_size = size_1gb / 32;

	const max_slots = kvm_check_cap(KVM_CAP_NR_MEMSLOTS);
	TEST_ASSERT(max_slots > first_slot, "KVM is broken");

	let max_mem = size_1gb / 8;

	calc_default_nr_vcpus();

	for (const [opt, optarg] of getopt(argv, "c:hm:s:H")) {
		switch (opt) {
		case "c":
			nr_vcpus = parseInt(optarg, 10);
			TEST_ASSERT(nr_vcpus > 0, "number of vcpus must be >0");
			break;
		case "m":
			max_mem = parseFloat(optarg) * size_1gb;
			TEST_ASSERT(max_mem > 0, "memory size must be >0");
			break;
		case "s":
			slot_size = parseFloat(optarg) * size_1gb;
			TEST_ASSERT(slot_size > 0, "slot size must be >0");
			TEST_ASSERT(slot_size % PG_SIZE_2M === 0, "slot size must be in 2M pages");
			break;
		case "H":
			hugepages = true;
			break;
		case "h":
		default:
			printf("usage: %s [-c nr_vcpus] [-m max_mem_in_gb] [-s slot_size_in_gb] [-H]\n",
				argv[0]!);
			exit(1);
		}
	}

	const vcpus: struct_kvm_vcpu[] = [];
	const vm = vm_create_with_vcpus(nr_vcpus, guest_code, vcpus);

	const max_gpa = vm.max_gfn * vm.page_size;
	TEST_ASSERT(max_gpa > 4 * slot_size, "MAXPHYADDR <4gb ");

	const fd = kvm_memfd_alloc(slot_size, hugepages);
	const mem = mmap(0, slot_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	TEST_ASSERT(mem !== MAP_FAILED, "mmap() failed");

	TEST_ASSERT(madvise(mem, slot_size, MADV_NOHUGEPAGE) === 0, "madvise() failed");

	for (let i = 0; i < slot_size; i += vm.page_size)
		user_store8(mem + i, 0xaa);

	let gpa = 0, slot: number;
	for (slot = first_slot; slot < max_slots; slot++) {
		gpa = start_gpa + (slot - first_slot) * slot_size;
		if (gpa + slot_size > max_gpa)
			break;

		if (gpa - start_gpa >= max_mem)
			break;

		vm_set_user_memory_region(vm, slot, 0, gpa, slot_size, mem);

		if (slot_size % size_1gb === 0) {
			for (let i = 0; i < slot_size; i += size_1gb)
				__virt_pg_map(vm, gpa + i, gpa + i, PG_LEVEL_1G);
		} else {
			for (let i = 0; i < slot_size; i += PG_SIZE_2M)
				__virt_pg_map(vm, gpa + i, gpa + i, PG_LEVEL_2M);
		}
	}

	rendezvous = nr_vcpus + 1;
	const threads = spawn_workers(vm, vcpus, start_gpa, gpa);

	pr_info("Running with %sgb of guest memory and %u vCPUs\n",
		`${(gpa - start_gpa) / size_1gb}`, nr_vcpus);

	const time_start = yield* rendezvous_with_vcpus("spawning");
	const time_run1 = yield* rendezvous_with_vcpus("run 1");
	const time_reset = yield* rendezvous_with_vcpus("reset");
	const time_run2 = yield* rendezvous_with_vcpus("run 2");

	const s = (ns: number): string => (ns / 1e9).toFixed(9);
	pr_info("run1 = %ss, reset = %ss, run2 =  %ss\n", s(time_run1 - time_start),
		s(time_reset - time_run1), s(time_run2 - time_reset));

	/*
	 * Some slots go, and half of what backs the others: KVM has to let go of all that was
	 * there.
	 */
	for (slot = (slot - 1) & ~1; slot >= first_slot; slot -= 2)
		vm_set_user_memory_region(vm, slot, 0, 0, 0, 0);

	munmap(mem, slot_size / 2);

	/* Sanity check that the vCPUs actually ran. */
	for (const t of threads)
		yield* pthread_join(t);

	/* the other slots, vCPUs and the VM are left to the exit: mmu_notifier.release */
	return 0;
}
