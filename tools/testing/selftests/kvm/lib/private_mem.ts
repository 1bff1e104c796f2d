// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs with private memory, and conversions between private and shared.
 *
 * Upstream: lib/x86_64/private_mem.c of the selftests that were posted for the series; the helpers
 * for single slots and ranges follow lib/kvm_util.c as later merged.
 */
import { ld64, reg_gva } from "#hw/isa_guest.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	KVM_CAP_EXIT_HYPERCALL, KVM_CAP_PRIVATE_MEM_TESTING, KVM_ENABLE_CAP, KVM_EXIT_HYPERCALL,
	KVM_EXIT_IO, KVM_EXIT_MEMORY_FAULT, KVM_MEM_PRIVATE, KVM_MEMORY_ENCRYPT_REG_REGION,
	KVM_MEMORY_ENCRYPT_UNREG_REGION, KVM_MEMORY_EXIT_FLAG_PRIVATE,
	KVM_PRIVATE_MEM_TESTING_BITMAP, KVM_SET_USER_MEMORY_REGION, struct_kvm_enc_region,
	type struct_kvm_run, struct_kvm_userspace_memory_region_ext,
} from "#uapi/linux/kvm.ts";
import {
	KVM_CLR_GPA_RANGE_ENC_ACCESS, KVM_HC_MAP_GPA_RANGE, KVM_MAP_GPA_RANGE_DECRYPTED,
	KVM_MAP_GPA_RANGE_ENCRYPTED, KVM_MAP_GPA_RANGE_PAGE_SZ_4K, KVM_MARK_GPA_RANGE_ENC_ACCESS,
} from "#uapi/linux/kvm_para.ts";
import { errno, fallocate, strerror } from "#tools/include/nolibc/nolibc.ts";
import type { guest_fn, guest_program } from "../include/guest.ts";
import {
	__vm_enable_cap, __vm_ioctl, exit_reason_str, type hva_t, kvm_check_cap, kvm_vm_elf_load,
	kvm_vm_free, KVM_IOCTL_ERROR, kvm_userspace_memory_region_ext_find, type struct_kvm_vcpu,
	type struct_kvm_vm, type struct_region, vcpu_run, virt_map, vm_check_cap,
	vm_create_barebones, vm_create_irqchip, vm_enable_cap, vm_ioctl, type vm_paddr_t,
	vm_set_memory_encryption, vm_userspace_mem_region_add, vm_vcpu_add, type wait,
} from "../include/kvm_util_base.ts";
import {
	ALLOCATE_MEM, exit_counts, type mem_conversion_type, type mem_op, type struct_vm_setup_info,
	TO_PRIVATE, TO_SHARED, UNBACK_MEM,
} from "../include/private_mem.ts";
import {
	__TEST_REQUIRE, pr_info, TEST_ASSERT, TEST_FAIL, VM_MEM_SRC_ANONYMOUS,
} from "../include/test_util.ts";
import {
	get_ucall, GUEST_ASSERT_1, struct_ucall, ucall_init, ucall_page_paddr_gva, ucall_uninit,
	UCALL_ABORT, UCALL_SYNC,
} from "../include/ucall_common.ts";
import { string_at } from "../include/guest.ts";
import { kvm_hypercall } from "../include/x86_64/processor.ts";

const VM_PAGE_SHIFT = 12;
const VM_PAGE_SIZE = 1 << VM_PAGE_SHIFT;
const VCPU_ID_0 = 0;

/* in the guest */

function* map_gpa_range(gpa: vm_paddr_t, size: number, attrs: number): guest_program {
	const ret = yield* kvm_hypercall(BigInt(KVM_HC_MAP_GPA_RANGE), BigInt(gpa),
		BigInt(Math.floor(size / VM_PAGE_SIZE)), BigInt(attrs), 0n);

	yield* GUEST_ASSERT_1(ret === 0n, "ret == 0", ret);
}

/** As the caller says, whatever the attributes mean to the host. */
export function kvm_hypercall_map_gpa_range(gpa: vm_paddr_t, size: number, attrs: number):
	guest_program {
	return map_gpa_range(gpa, size, attrs);
}

/** From now on the guest accesses the range so, and nobody is told: an implicit conversion. */
export function guest_update_mem_access(type: mem_conversion_type, gpa: vm_paddr_t, size: number):
	guest_program {
	return map_gpa_range(gpa, size, type === TO_PRIVATE ? KVM_MARK_GPA_RANGE_ENC_ACCESS :
		KVM_CLR_GPA_RANGE_ENC_ACCESS);
}

/** The host is asked to convert the range: an explicit conversion. */
export function guest_update_mem_map(type: mem_conversion_type, gpa: vm_paddr_t, size: number):
	guest_program {
	return map_gpa_range(gpa, size, KVM_MAP_GPA_RANGE_PAGE_SZ_4K | (type === TO_PRIVATE ?
		KVM_MAP_GPA_RANGE_ENCRYPTED : KVM_MAP_GPA_RANGE_DECRYPTED));
}

/** The first page of the pool: with one vCPU no call gets beyond that. */
export function* guest_map_ucall_page_shared(): guest_program {
	const ucall_page_paddr = reg_gva(yield* ld64(ucall_page_paddr_gva()));

	yield* guest_update_mem_access(TO_SHARED, ucall_page_paddr, VM_PAGE_SIZE);
}

/* in the host */

/** Skips the test where VMs cannot have private memory for testing. */
export function require_private_mem_testing(): void {
	__TEST_REQUIRE(kvm_check_cap(KVM_CAP_PRIVATE_MEM_TESTING) !== 0,
		"KVM_CAP_PRIVATE_MEM_TESTING not available");
}

/** @mode KVM_PRIVATE_MEM_TESTING_*; @vm is new. */
export function vm_set_private_mem_testing(vm: struct_kvm_vm, mode: number): void {
	const r = __vm_enable_cap(vm, KVM_CAP_PRIVATE_MEM_TESTING, mode);

	TEST_ASSERT(r === 0, ...KVM_IOCTL_ERROR(KVM_ENABLE_CAP, r));
}

/** An ordinary VM, slot 0 of @nr_pages pages shared, whose further slots may be private. */
export function vm_create_with_private_mem_testing(mode: number, nr_pages: number, nr_vcpus: number,
	guest_code: guest_fn, vcpus: struct_kvm_vcpu[]): struct_kvm_vm {
	const vm = vm_create_barebones();

	vm_set_private_mem_testing(vm, mode);
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, 0, 0, nr_pages, 0);
	kvm_vm_elf_load(vm);
	vm_create_irqchip(vm);
	vm_enable_cap(vm, KVM_CAP_EXIT_HYPERCALL, 1 << KVM_HC_MAP_GPA_RANGE);
	for (let i = 0; i < nr_vcpus; i++)
		vcpus[i] = vm_vcpu_add(vm, i, guest_code);
	return vm;
}

/** KVM_MEMORY_ENCRYPT_REG_REGION (@is_private) or UNREG; 0, or -1 and errno. */
export function __vm_set_region_attr(vm: struct_kvm_vm, gpa: number | bigint, size: number | bigint,
	is_private: boolean): number {
	const region = struct_kvm_enc_region.alloc();

	region.addr = BigInt(gpa);
	region.size = BigInt(size);
	return __vm_ioctl(vm, is_private ? KVM_MEMORY_ENCRYPT_REG_REGION :
		KVM_MEMORY_ENCRYPT_UNREG_REGION, region);
}

export function vm_set_region_attr(vm: struct_kvm_vm, gpa: vm_paddr_t, size: number,
	is_private: boolean): void {
	const region = struct_kvm_enc_region.alloc();

	region.addr = BigInt(gpa);
	region.size = BigInt(size);
	vm_ioctl(vm, is_private ? KVM_MEMORY_ENCRYPT_REG_REGION : KVM_MEMORY_ENCRYPT_UNREG_REGION,
		region);
}

export function vm_mem_set_private(vm: struct_kvm_vm, gpa: vm_paddr_t, size: number): void {
	vm_set_region_attr(vm, gpa, size, true);
}

export function vm_mem_set_shared(vm: struct_kvm_vm, gpa: vm_paddr_t, size: number): void {
	vm_set_region_attr(vm, gpa, size, false);
}

/** KVM_SET_USER_MEMORY_REGION with all that it takes; 0, or -1 and errno. */
export function __vm_set_user_memory_region_ext(vm: struct_kvm_vm, slot: number, flags: number,
	gpa: number | bigint, size: number | bigint, hva: number | bigint, private_fd: number,
	private_offset: number | bigint): number {
	const ext = struct_kvm_userspace_memory_region_ext.alloc();

	ext.region.slot = slot >>> 0;
	ext.region.flags = flags >>> 0;
	ext.region.guest_phys_addr = BigInt(gpa);
	ext.region.memory_size = BigInt(size);
	ext.region.userspace_addr = BigInt(hva);
	ext.private_offset = BigInt(private_offset);
	ext.private_fd = private_fd >>> 0;
	return __vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, ext);
}

/** A slot with both kinds of memory; @private_fd stays the caller's, and may serve several. */
export function vm_mem_add(vm: struct_kvm_vm, hva: hva_t, gpa: vm_paddr_t, slot: number,
	size: number, flags: number, private_fd: number, private_offset: number): void {
	const r = __vm_set_user_memory_region_ext(vm, slot, flags | KVM_MEM_PRIVATE, gpa, size, hva,
		private_fd, private_offset);

	TEST_ASSERT(r === 0, ...KVM_IOCTL_ERROR(KVM_SET_USER_MEMORY_REGION, r));
}

/** The slots that @gpa to @gpa + @size meets, piece by piece. */
export function vm_guest_mem_fallocate(vm: struct_kvm_vm, regions: readonly struct_region[],
	base: vm_paddr_t, size: number, punch_hole: boolean): void {
	const mode = FALLOC_FL_KEEP_SIZE | (punch_hole ? FALLOC_FL_PUNCH_HOLE : 0);

	for (let gpa = base, len = 0; gpa < base + size; gpa += len) {
		const region = regions.find((r) => gpa >= r.guest_phys_addr &&
			gpa < r.guest_phys_addr + r.memory_size);
		if (region === undefined)
			TEST_FAIL("Private memory region not found for GPA 0x%lx", gpa);
		const offset = gpa - region.guest_phys_addr;
		len = Math.min(base + size - gpa, region.memory_size - offset);

		const ret = fallocate(region.private_fd, mode, region.private_offset + offset, len);
		TEST_ASSERT(ret === 0, "fallocate() failed to %s at %lx (len = %lu), fd = %d, " +
			"mode = %x, offset = %lx", punch_hole ? "punch hole" : "allocate", gpa, len,
		region.private_fd, mode, region.private_offset + offset);
	}
}

/** private_mem.c:vm_update_private_mem() */
export function vm_update_private_mem(vm: struct_kvm_vm, gpa: vm_paddr_t, size: number,
	op: mem_op): void {
	const region_ext = kvm_userspace_memory_region_ext_find(vm, gpa, gpa + size);

	if (region_ext === null)
		TEST_FAIL("Region not found");
	TEST_ASSERT((region_ext.flags & KVM_MEM_PRIVATE) !== 0, "Region not private");
	const fd_offset = region_ext.private_offset + gpa - region_ext.guest_phys_addr;
	const fallocate_mode = op === UNBACK_MEM ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : 0;
	pr_info("priv_memfd %d fallocate_mode 0x%x for offset 0x%lx size 0x%lx\n",
		region_ext.private_fd, fallocate_mode, fd_offset, size);
	const ret = fallocate(region_ext.private_fd, fallocate_mode, fd_offset, size);
	TEST_ASSERT(ret === 0, "fallocate failed: %s", strerror(errno()));

	pr_info("%s encryption for gpa 0x%lx size 0x%lx\n", op === UNBACK_MEM ? "undoing" : "doing",
		gpa, size);
	vm_set_region_attr(vm, gpa, size, op === ALLOCATE_MEM);
}

function kind(type: mem_op): string {
	return type === ALLOCATE_MEM ? "private" : "shared";
}

/** private_mem.c:handle_vm_exit_map_gpa_hypercall() */
export function handle_vm_exit_map_gpa_hypercall(vm: struct_kvm_vm, run: struct_kvm_run): void {
	TEST_ASSERT(run.hypercall.nr === BigInt(KVM_HC_MAP_GPA_RANGE),
		"Unhandled Hypercall %lu\n", run.hypercall.nr);

	const gpa = Number(run.hypercall.args[0]);
	const size = Number(run.hypercall.args[1]) * VM_PAGE_SIZE;
	const type = (run.hypercall.args[2]! & BigInt(KVM_MAP_GPA_RANGE_ENCRYPTED)) !== 0n ?
		ALLOCATE_MEM : UNBACK_MEM;

	pr_info("Explicit conversion off 0x%lx size 0x%lx to %s\n", gpa, size, kind(type));
	vm_update_private_mem(vm, gpa, size, type);

	run.hypercall.ret = 0n;
}

/** private_mem.c:handle_vm_exit_memory_error() */
export function handle_vm_exit_memory_error(vm: struct_kvm_vm, run: struct_kvm_run): void {
	const gpa = Number(run.memory.gpa);
	const size = Number(run.memory.size);
	const type = (run.memory.flags & KVM_MEMORY_EXIT_FLAG_PRIVATE) !== 0 ?
		ALLOCATE_MEM : UNBACK_MEM;

	pr_info("Implicit conversion off 0x%lx size 0x%lx to %s\n", gpa, size, kind(type));
	vm_update_private_mem(vm, gpa, size, type);
}

/**
 * private_mem.c:vcpu_work()
 *
 * Converts what the guest wants converted, until it makes another call than GUEST_SYNC.
 */
export function* vcpu_work(vm: struct_kvm_vm, vcpu: struct_kvm_vcpu, info: struct_vm_setup_info):
	wait<exit_counts> {
	const run = vcpu.run;
	const uc = new struct_ucall();
	const counts = new exit_counts();

	loop: for (;;) {
		yield* vcpu_run(vcpu);
		switch (run.exit_reason) {
		case KVM_EXIT_IO:
			counts.io++;
			if ((yield* get_ucall(vcpu, uc)) !== UCALL_SYNC)
				break loop;
			TEST_ASSERT(info.ioexit_cb !== null, "ioexit cb not present");
			info.ioexit_cb(vm, Number(uc.args[1]));
			break;
		case KVM_EXIT_HYPERCALL:
			counts.hypercall++;
			handle_vm_exit_map_gpa_hypercall(vm, run);
			break;
		case KVM_EXIT_MEMORY_FAULT:
			counts.memory_fault++;
			handle_vm_exit_memory_error(vm, run);
			break;
		default:
			TEST_FAIL("Unhandled VCPU exit reason %d (%s)\n", run.exit_reason,
				exit_reason_str(run.exit_reason));
		}
	}

	if (uc.cmd === UCALL_ABORT)
		TEST_FAIL("%s at %s:%ld, val = %lu", string_at(uc.args[0]!), string_at(uc.args[1]!),
			uc.args[2]!, uc.args[3]!);
	return counts;
}

/**
 * private_mem.c:execute_vm_with_private_mem()
 *
 * All memory is private, the text and the page tables too. Slot 0 becomes so last: until then it is
 * filled through the test's addresses, and what it holds then is what the guest starts with.
 */
export function* execute_vm_with_private_mem(info: struct_vm_setup_info): wait<exit_counts> {
	const test_info = info.test_info;

	const vm = vm_create_barebones();
	vm_set_private_mem_testing(vm, KVM_PRIVATE_MEM_TESTING_BITMAP);
	vm_set_memory_encryption(vm, true, false, 0);
	vm.use_ucall_pool = true;
	vm_userspace_mem_region_add(vm, info.vm_mem_src, 0, 0, info.memslot0_pages,
		KVM_MEM_PRIVATE);
	kvm_vm_elf_load(vm);
	vm_create_irqchip(vm);
	const vcpu = vm_vcpu_add(vm, VCPU_ID_0, info.guest_fn);

	vm_check_cap(vm, KVM_CAP_EXIT_HYPERCALL);
	vm_enable_cap(vm, KVM_CAP_EXIT_HYPERCALL, 1 << KVM_HC_MAP_GPA_RANGE);

	TEST_ASSERT(test_info.test_area_size !== 0, "Test mem size is 0");
	const test_area_pages = test_info.test_area_size / VM_PAGE_SIZE;
	vm_userspace_mem_region_add(vm, info.vm_mem_src, test_info.test_area_gpa,
		test_info.test_area_slot, test_area_pages, KVM_MEM_PRIVATE);
	vm_update_private_mem(vm, test_info.test_area_gpa, test_info.test_area_size, ALLOCATE_MEM);

	pr_info("Mapping test memory pages 0x%zx page_size 0x%x\n", test_area_pages, vm.page_size);
	virt_map(vm, test_info.test_area_gpa, test_info.test_area_gpa, test_area_pages);

	ucall_init(vm, null);
	vm_update_private_mem(vm, 0, info.memslot0_pages * VM_PAGE_SIZE, ALLOCATE_MEM);

	const counts = yield* vcpu_work(vm, vcpu, info);

	ucall_uninit(vm);
	kvm_vm_free(vm);
	return counts;
}
