// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs, their memory and their vCPUs.
 *
 * Upstream: tools/testing/selftests/kvm/lib/kvm_util.c. Left out: modes of other architectures,
 * dirty rings, devices, irq lines and routing, one-reg lists, dumps of page tables and registers.
 */
import { sizeof } from "#asm-generic/struct.ts";
import { DIV_ROUND_UP } from "#asm-generic/bits.ts";
import { EINTR } from "#uapi/asm-generic/errno-base.ts";
import { O_RDONLY, O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import * as uapi_kvm from "#uapi/linux/kvm.ts";
import {
	KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_MAX_VCPUS, KVM_CHECK_EXTENSION, KVM_CREATE_IRQCHIP,
	KVM_CREATE_VCPU, KVM_CREATE_VM, KVM_GET_VCPU_MMAP_SIZE, KVM_RUN,
	KVM_MEM_PRIVATE, KVM_SET_USER_MEMORY_REGION, struct_kvm_run, struct_kvm_stats_desc,
	type struct_kvm_stats_header, struct_kvm_userspace_memory_region_ext,
} from "#uapi/linux/kvm.ts";
import { MFD_CLOEXEC, MFD_HUGETLB, MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { MADV_HUGEPAGE, MADV_NOHUGEPAGE, MAP_SHARED, PROT_READ, PROT_WRITE } from
	"#uapi/linux/mman.ts";
import {
	abort, alloca, close, errno, fallocate, fprintf, fputs, ftruncate, ioctl, madvise,
	MAP_FAILED, memcmp, memfd_create, mmap, munmap, open, peek, pread, release, stderr,
	strerror, user_struct,
} from "#tools/include/nolibc/nolibc.ts";
import type { guest_fn } from "../include/guest.ts";
import {
	__KVM_SYSCALL_ERROR, __kvm_ioctl, __vcpu_run, __vm_ioctl, addr_gva2gpa,
	DEFAULT_STACK_PGS, get_stats_descriptor_size, type hva_t, kvm_has_cap, KVM_DEV_PATH,
	KVM_GUEST_PAGE_TABLE_MIN_PADDR, KVM_IOCTL_ERROR, KVM_UTIL_MIN_VADDR, NUM_VM_MODES,
	PTES_PER_MIN_PAGE, read_stats_header, type stats_desc, struct_kvm_vcpu, struct_kvm_vm,
	type struct_region, struct_userspace_mem_region, virt_pg_map, virt_pgd_alloc,
	vm_adjust_num_guest_pages, vm_get_stats_fd, type vm_guest_mode, vm_ioctl, VM_MODE_DEFAULT,
	VM_MODE_PXXV48_4K, type vm_paddr_t, type vm_vaddr_t, vm_vcpu_add, vm_vcpu_recreate,
	type wait,
} from "../include/kvm_util_base.ts";
import {
	sparsebit_clear_num, sparsebit_dump, sparsebit_is_clear_num, sparsebit_is_set_num,
	sparsebit_next_clear_num, sparsebit_next_set_num, sparsebit_set_num,
} from "../include/sparsebit.ts";
import {
	__TEST_REQUIRE, align_ptr_up, align_up, ASSERT_EQ, backing_src_is_shared,
	get_backing_src_pagesz, is_backing_src_hugetlb, pr_debug, TEST_ASSERT, TEST_FAIL,
	TEST_REQUIRE, thp_configured, vm_mem_backing_src_alias, type vm_mem_backing_src_type,
	VM_MEM_SRC_ANONYMOUS, VM_MEM_SRC_ANONYMOUS_THP, VM_MEM_SRC_SHARED_HUGETLB,
} from "../include/test_util.ts";
import { kvm_vm_elf_load } from "./elf.ts";
import {
	assert_on_unhandled_exception, kvm_get_cpu_address_width, vm_compute_max_gfn,
} from "./x86_64/processor.ts";

const KVM_UTIL_MIN_PFN = 2;

export function open_path_or_exit(path: string, flags: number): number {
	const fd = open(path, flags);
	__TEST_REQUIRE(fd >= 0, "%s not available (errno: %d)", path, errno());

	return fd;
}

/** The program ends here, skipped, when there is no KVM. */
function _open_kvm_dev_path_or_exit(flags: number): number {
	return open_path_or_exit(KVM_DEV_PATH, flags);
}

export function open_kvm_dev_path_or_exit(): number {
	return _open_kvm_dev_path_or_exit(O_RDONLY);
}

export function kvm_check_cap(cap: number): number {
	const kvm_fd = open_kvm_dev_path_or_exit();
	const ret = __kvm_ioctl(kvm_fd, KVM_CHECK_EXTENSION, cap);
	TEST_ASSERT(ret >= 0, ...KVM_IOCTL_ERROR(KVM_CHECK_EXTENSION, ret));

	close(kvm_fd);

	return ret;
}

function vm_open(vm: struct_kvm_vm): void {
	vm.kvm_fd = _open_kvm_dev_path_or_exit(O_RDWR);

	TEST_REQUIRE(kvm_has_cap(KVM_CAP_IMMEDIATE_EXIT), "kvm_has_cap(KVM_CAP_IMMEDIATE_EXIT)");

	vm.fd = __kvm_ioctl(vm.kvm_fd, KVM_CREATE_VM, vm.type);
	TEST_ASSERT(vm.fd >= 0, ...KVM_IOCTL_ERROR(KVM_CREATE_VM, vm.fd));
}

export function vm_guest_mode_string(i: vm_guest_mode): string {
	TEST_ASSERT(i < NUM_VM_MODES, "Guest mode ID %d too big", i);

	return i === VM_MODE_PXXV48_4K ? "PA-bits:ANY, VA-bits:48,  4K pages" : `${i}`;
}

interface struct_vm_guest_mode_params {
	readonly pa_bits: number;
	readonly va_bits: number;
	readonly page_size: number;
	readonly page_shift: number;
}

/** By mode; there is only one. */
export const vm_guest_mode_params: Readonly<Record<vm_guest_mode, struct_vm_guest_mode_params>> = {
	/* VM_MODE_PXXV48_4K */
	8: { pa_bits: 0, va_bits: 0, page_size: 0x1000, page_shift: 12 },
};

export function ____vm_create(mode: vm_guest_mode, nr_pages: number): struct_kvm_vm {
	pr_debug("%s: mode='%s' pages='%ld'\n", "____vm_create", vm_guest_mode_string(mode),
		nr_pages);

	const vm = new struct_kvm_vm();
	const params = vm_guest_mode_params[mode];
	if (params === undefined)
		TEST_FAIL("Unknown guest mode, mode: 0x%x", mode);

	vm.mode = mode;
	vm.type = 0;

	vm.page_size = params.page_size;
	vm.page_shift = params.page_shift;

	kvm_get_cpu_address_width(vm);
	/* five-level paging, if there were any, would need CR4.LA57 */
	TEST_ASSERT(vm.va_bits === 48 || vm.va_bits === 57,
		"Linear address width (%d bits) not supported", vm.va_bits);
	pr_debug("Guest physical address width detected: %d\n", vm.pa_bits);
	vm.pgtable_levels = 4;
	vm.va_bits = 48;

	vm_open(vm);

	/* Limit to VA-bit canonical virtual addresses. */
	const half = 2 ** (vm.va_bits - 1 - vm.page_shift);
	sparsebit_set_num(vm.vpages_valid, 0, half);
	sparsebit_set_num(vm.vpages_valid, 2 ** (64 - vm.page_shift) - half, half);

	/* Limit physical addresses to PA-bits. */
	vm.max_gfn = vm_compute_max_gfn(vm);

	/* Allocate and setup memory for guest. */
	if (nr_pages !== 0)
		vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, 0, 0, nr_pages, 0);

	return vm;
}

function vm_nr_pages_required(mode: vm_guest_mode, nr_runnable_vcpus: number,
	extra_mem_pages: number): number {
	TEST_ASSERT(nr_runnable_vcpus !== 0,
		"Use vm_create_barebones() for VMs that _never_ have vCPUs\n");

	TEST_ASSERT(nr_runnable_vcpus <= kvm_check_cap(KVM_CAP_MAX_VCPUS),
		"nr_vcpus = %d too large for host, max-vcpus = %d",
		nr_runnable_vcpus, kvm_check_cap(KVM_CAP_MAX_VCPUS));

	/* 2 MiB for the image and whatever else the test puts there */
	let nr_pages = 512;

	nr_pages += nr_runnable_vcpus * DEFAULT_STACK_PGS;

	/* N/x + N/x^2 + ... page tables of x entries are less than N/x*2 */
	nr_pages += Math.floor((nr_pages + extra_mem_pages) / PTES_PER_MIN_PAGE) * 2;

	return vm_adjust_num_guest_pages(mode, nr_pages);
}

export function __vm_create(mode: vm_guest_mode, nr_runnable_vcpus: number,
	nr_extra_pages: number): struct_kvm_vm {
	const nr_pages = vm_nr_pages_required(mode, nr_runnable_vcpus, nr_extra_pages);

	const vm = ____vm_create(mode, nr_pages);

	kvm_vm_elf_load(vm);

	vm_create_irqchip(vm);
	return vm;
}

/** @extra_mem_pages: for how much memory beyond slot 0 there have to be page tables. */
export function __vm_create_with_vcpus(mode: vm_guest_mode, nr_vcpus: number,
	extra_mem_pages: number, guest_code: guest_fn, vcpus: struct_kvm_vcpu[]): struct_kvm_vm {
	const vm = __vm_create(mode, nr_vcpus, extra_mem_pages);

	for (let i = 0; i < nr_vcpus; ++i)
		vcpus[i] = vm_vcpu_add(vm, i, guest_code);

	return vm;
}

export function __vm_create_with_one_vcpu(extra_mem_pages: number, guest_code: guest_fn):
	{ vm: struct_kvm_vm; vcpu: struct_kvm_vcpu } {
	const vcpus: struct_kvm_vcpu[] = [];

	const vm = __vm_create_with_vcpus(VM_MODE_DEFAULT, 1, extra_mem_pages, guest_code, vcpus);

	return { vm, vcpu: vcpus[0]! };
}

function set_region(vm: struct_kvm_vm, r: struct_region): number {
	const region_ext = struct_kvm_userspace_memory_region_ext.alloc();
	const region = region_ext.region;

	region.slot = r.slot;
	region.flags = r.flags;
	region.guest_phys_addr = BigInt(r.guest_phys_addr);
	region.memory_size = BigInt(r.memory_size);
	region.userspace_addr = BigInt(r.userspace_addr);
	region_ext.private_offset = BigInt(r.private_offset);
	region_ext.private_fd = r.private_fd >>> 0;
	return __vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, region_ext);
}

/** A VM that was released, made again: with its memory, without its vCPUs. */
export function kvm_vm_restart(vmp: struct_kvm_vm): void {
	vm_open(vmp);
	if (vmp.has_irqchip)
		vm_create_irqchip(vmp);

	for (const region of vmp.regions.slot_hash.values()) {
		const ret = set_region(vmp, region.region);
		TEST_ASSERT(ret === 0, "KVM_SET_USER_MEMORY_REGION IOCTL failed,\n" +
			"  rc: %i errno: %i\n" +
			"  slot: %u flags: 0x%x\n" +
			"  guest_phys_addr: 0x%llx size: 0x%llx",
		ret, errno(), region.region.slot, region.region.flags,
		region.region.guest_phys_addr, region.region.memory_size);
	}
}

export function vm_recreate_with_one_vcpu(vm: struct_kvm_vm): struct_kvm_vcpu {
	kvm_vm_restart(vm);

	return vm_vcpu_recreate(vm, 0);
}

/** How many of @tree's regions have a key at or below @x. */
function upper_bound(tree: readonly struct_userspace_mem_region[], x: number,
	key: (r: struct_userspace_mem_region) => number): number {
	let lo = 0, hi = tree.length;

	while (lo < hi) {
		const mid = (lo + hi) >> 1;

		if (key(tree[mid]!) <= x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const by_gpa = (r: struct_userspace_mem_region): number => r.region.guest_phys_addr;
const by_hva = (r: struct_userspace_mem_region): number => r.host_mem;

/** A region that overlaps [start, end], or null. */
function userspace_mem_region_find(vm: struct_kvm_vm, start: vm_paddr_t, end: vm_paddr_t):
	struct_userspace_mem_region | null {
	const tree = vm.regions.gpa_tree;
	const at = upper_bound(tree, end, by_gpa);

	if (at === 0)
		return null;
	const region = tree[at - 1]!;
	return start < region.region.guest_phys_addr + region.region.memory_size ? region : null;
}

export function kvm_userspace_memory_region_find(vm: struct_kvm_vm, start: vm_paddr_t,
	end: vm_paddr_t): struct_region | null {
	return userspace_mem_region_find(vm, start, end)?.region ?? null;
}

/** The same, for who looks for its private_fd. @end belongs to the range. */
export function kvm_userspace_memory_region_ext_find(vm: struct_kvm_vm, start: vm_paddr_t,
	end: vm_paddr_t): struct_region | null {
	return userspace_mem_region_find(vm, start, end)?.region ?? null;
}

function vm_vcpu_rm(vm: struct_kvm_vm, vcpu: struct_kvm_vcpu): void {
	let ret = munmap(vcpu.run_hva, vcpu_mmap_sz());
	TEST_ASSERT(ret === 0, ...__KVM_SYSCALL_ERROR("munmap()", ret));

	ret = close(vcpu.fd);
	TEST_ASSERT(ret === 0, ...__KVM_SYSCALL_ERROR("close()", ret));

	vm.vcpus.splice(vm.vcpus.indexOf(vcpu), 1);
}

export function kvm_vm_release(vmp: struct_kvm_vm): void {
	for (const vcpu of [...vmp.vcpus])
		vm_vcpu_rm(vmp, vcpu);

	let ret = close(vmp.fd);
	TEST_ASSERT(ret === 0, ...__KVM_SYSCALL_ERROR("close()", ret));

	ret = close(vmp.kvm_fd);
	TEST_ASSERT(ret === 0, ...__KVM_SYSCALL_ERROR("close()", ret));
}

function __vm_mem_region_delete(vm: struct_kvm_vm, region: struct_userspace_mem_region,
	unlink: boolean): void {
	if (unlink) {
		const { gpa_tree, hva_tree, slot_hash } = vm.regions;

		gpa_tree.splice(gpa_tree.indexOf(region), 1);
		hva_tree.splice(hva_tree.indexOf(region), 1);
		slot_hash.delete(region.region.slot);
	}

	region.region.memory_size = 0;
	const r = set_region(vm, region.region);
	TEST_ASSERT(r === 0, ...KVM_IOCTL_ERROR(KVM_SET_USER_MEMORY_REGION, r));

	const ret = munmap(region.mmap_start, region.mmap_size);
	TEST_ASSERT(ret === 0, ...__KVM_SYSCALL_ERROR("munmap()", ret));
}

export function kvm_vm_free(vmp: struct_kvm_vm | null): void {
	if (vmp === null)
		return;

	if (vmp.stats_fd !== 0)
		close(vmp.stats_fd);

	/* Free userspace_mem_regions. */
	for (const region of vmp.regions.slot_hash.values())
		__vm_mem_region_delete(vmp, region, false);

	kvm_vm_release(vmp);
}

export function kvm_memfd_alloc(size: number, hugepages: boolean): number {
	let memfd_flags = MFD_CLOEXEC;

	if (hugepages)
		memfd_flags |= MFD_HUGETLB;

	const fd = memfd_create("kvm_selftest", memfd_flags);
	TEST_ASSERT(fd !== -1, ...__KVM_SYSCALL_ERROR("memfd_create()", fd));

	let r = ftruncate(fd, size);
	TEST_ASSERT(r === 0, ...__KVM_SYSCALL_ERROR("ftruncate()", r));

	r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size);
	TEST_ASSERT(r === 0, ...__KVM_SYSCALL_ERROR("fallocate()", r));

	return fd;
}

/** memcmp() of the test's memory with the guest's. */
export function kvm_memcmp_hva_gva(hva: hva_t, vm: struct_kvm_vm, gva: vm_vaddr_t,
	len: number): number {
	for (let offset = 0, amt = 0; offset < len; offset += amt) {
		const ptr1 = hva + offset;
		const ptr2 = addr_gva2hva(vm, gva + offset);

		/* never across a page, on either side */
		amt = Math.min(len - offset, vm.page_size - ptr1 % vm.page_size,
			vm.page_size - ptr2 % vm.page_size);

		const ret = memcmp(ptr1, ptr2, amt);
		if (ret !== 0)
			return ret;
	}

	return 0;
}

function vm_userspace_mem_region_gpa_insert(gpa_tree: struct_userspace_mem_region[],
	region: struct_userspace_mem_region): void {
	const at = upper_bound(gpa_tree, region.region.guest_phys_addr, by_gpa);

	TEST_ASSERT(at === 0 || by_gpa(gpa_tree[at - 1]!) !== by_gpa(region),
		"Duplicate GPA in region tree");
	gpa_tree.splice(at, 0, region);
}

/** In no order: addr_hva2gpa() sorts, when somebody asks. */
function vm_userspace_mem_region_hva_insert(hva_tree: struct_userspace_mem_region[],
	region: struct_userspace_mem_region): void {
	hva_tree.push(region);
}

export function __vm_set_user_memory_region(vm: struct_kvm_vm, slot: number, flags: number,
	gpa: vm_paddr_t, size: number, hva: hva_t): number {
	return set_region(vm, { slot, flags, guest_phys_addr: gpa, memory_size: size,
		userspace_addr: hva, private_offset: 0, private_fd: -1 });
}

export function vm_set_user_memory_region(vm: struct_kvm_vm, slot: number, flags: number,
	gpa: vm_paddr_t, size: number, hva: hva_t): void {
	const ret = __vm_set_user_memory_region(vm, slot, flags, gpa, size, hva);

	TEST_ASSERT(ret === 0, "KVM_SET_USER_MEMORY_REGION failed, errno = %d (%s)",
		errno(), strerror(errno()));
}

/** Book-keeping only: what helpers that care find in vm.memcrypt. */
export function vm_set_memory_encryption(vm: struct_kvm_vm, enc_by_default: boolean,
	has_enc_bit: boolean, enc_bit: number): void {
	vm.memcrypt = { enabled: true, enc_by_default, has_enc_bit, enc_bit };
}

/**
 * Backs @npages pages of guest memory at @guest_paddr, as slot @slot. With KVM_MEM_PRIVATE there is
 * private memory as well, in a file of its own that grows as it is allocated.
 */
export function vm_userspace_mem_region_add(vm: struct_kvm_vm, src_type: vm_mem_backing_src_type,
	guest_paddr: vm_paddr_t, slot: number, npages: number, flags: number): void {
	const backing_src_pagesz = get_backing_src_pagesz(src_type);

	TEST_ASSERT(vm_adjust_num_guest_pages(vm.mode, npages) === npages,
		"Number of guest pages is not compatible with the host. " +
		"Try npages=%d", vm_adjust_num_guest_pages(vm.mode, npages));

	TEST_ASSERT((guest_paddr % vm.page_size) === 0, "Guest physical " +
		"address not on a page boundary.\n" +
		"  guest_paddr: 0x%lx vm->page_size: 0x%x",
	guest_paddr, vm.page_size);
	TEST_ASSERT(guest_paddr / vm.page_size + npages - 1 <= vm.max_gfn,
		"Physical range beyond maximum " +
		"supported physical address,\n" +
		"  guest_paddr: 0x%lx npages: 0x%lx\n" +
		"  vm->max_gfn: 0x%lx vm->page_size: 0x%x",
		guest_paddr, npages, vm.max_gfn, vm.page_size);

	/* nothing may be there yet, neither at the address nor in the slot */
	const there = userspace_mem_region_find(vm, guest_paddr,
		guest_paddr + npages * vm.page_size - 1);
	if (there !== null)
		TEST_FAIL("overlapping userspace_mem_region already " +
			"exists\n" +
			"  requested guest_paddr: 0x%lx npages: 0x%lx " +
			"page_size: 0x%x\n" +
			"  existing guest_paddr: 0x%lx size: 0x%lx",
		guest_paddr, npages, vm.page_size, there.region.guest_phys_addr,
		there.region.memory_size);

	const same = vm.regions.slot_hash.get(slot);
	if (same !== undefined)
		TEST_FAIL("A mem region with the requested slot " +
			"already exists.\n" +
			"  requested slot: %u paddr: 0x%lx npages: 0x%lx\n" +
			"  existing slot: %u paddr: 0x%lx size: 0x%lx",
		slot, guest_paddr, npages, same.region.slot, same.region.guest_phys_addr,
		same.region.memory_size);

	/* Allocate and initialize new mem region structure. */
	const region = new struct_userspace_mem_region();
	region.mmap_size = npages * vm.page_size;

	let alignment = 1;

	/* unlike hugetlbfs, mmap() of anonymous memory promises no aligned address */
	if (src_type === VM_MEM_SRC_ANONYMOUS_THP)
		alignment = Math.max(backing_src_pagesz, alignment);

	ASSERT_EQ(guest_paddr, align_up(guest_paddr, backing_src_pagesz),
		"guest_paddr, align_up(guest_paddr, backing_src_pagesz)");

	/* Add enough memory to align up if necessary */
	if (alignment > 1)
		region.mmap_size += alignment;

	region.fd = -1;
	if (backing_src_is_shared(src_type))
		region.fd = kvm_memfd_alloc(region.mmap_size,
			src_type === VM_MEM_SRC_SHARED_HUGETLB);

	region.mmap_start = mmap(0, region.mmap_size, PROT_READ | PROT_WRITE,
		vm_mem_backing_src_alias(src_type).flag, region.fd, 0);
	TEST_ASSERT(region.mmap_start !== MAP_FAILED, ...__KVM_SYSCALL_ERROR("mmap()", MAP_FAILED));

	TEST_ASSERT(!is_backing_src_hugetlb(src_type) ||
		region.mmap_start === align_ptr_up(region.mmap_start, backing_src_pagesz),
	"mmap_start %p is not aligned to HugeTLB page size 0x%lx",
	region.mmap_start, backing_src_pagesz);

	/* Align host address */
	region.host_mem = align_ptr_up(region.mmap_start, alignment);

	/* As needed perform madvise */
	if ((src_type === VM_MEM_SRC_ANONYMOUS ||
	     src_type === VM_MEM_SRC_ANONYMOUS_THP) && thp_configured()) {
		const ret = madvise(region.host_mem, npages * vm.page_size,
			src_type === VM_MEM_SRC_ANONYMOUS ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
		TEST_ASSERT(ret === 0, "madvise failed, addr: %p length: 0x%lx src_type: %s",
			region.host_mem, npages * vm.page_size,
			vm_mem_backing_src_alias(src_type).name);
	}

	sparsebit_set_num(region.unused_phy_pages, guest_paddr / vm.page_size, npages);
	region.region.slot = slot;
	region.region.flags = flags;
	region.region.guest_phys_addr = guest_paddr;
	region.region.memory_size = npages * vm.page_size;
	region.region.userspace_addr = region.host_mem;
	if ((flags & KVM_MEM_PRIVATE) !== 0) {
		region.region.private_fd = memfd_create("vm_private_mem_", MFD_INACCESSIBLE);
		TEST_ASSERT(region.region.private_fd !== -1,
			...__KVM_SYSCALL_ERROR("memfd_create()", -1));
		region.region.private_offset = 0;
	}
	const ret = set_region(vm, region.region);
	TEST_ASSERT(ret === 0, "KVM_SET_USER_MEMORY_REGION IOCTL failed,\n" +
		"  rc: %i errno: %i\n" +
		"  slot: %u flags: 0x%x\n" +
		"  guest_phys_addr: 0x%lx size: 0x%lx",
	ret, errno(), slot, flags, guest_paddr, region.region.memory_size);

	/* Add to quick lookup data structures */
	vm_userspace_mem_region_gpa_insert(vm.regions.gpa_tree, region);
	vm_userspace_mem_region_hva_insert(vm.regions.hva_tree, region);
	vm.regions.slot_hash.set(slot, region);

	/* If shared memory, create an alias. */
	if (region.fd >= 0) {
		region.mmap_alias = mmap(0, region.mmap_size, PROT_READ | PROT_WRITE,
			vm_mem_backing_src_alias(src_type).flag, region.fd, 0);
		TEST_ASSERT(region.mmap_alias !== MAP_FAILED,
			...__KVM_SYSCALL_ERROR("mmap()", MAP_FAILED));

		/* Align host alias address */
		region.host_alias = align_ptr_up(region.mmap_alias, alignment);
	}
}

export function memslot2region(vm: struct_kvm_vm, memslot: number): struct_userspace_mem_region {
	const region = vm.regions.slot_hash.get(memslot);
	if (region !== undefined)
		return region;

	fprintf(stderr, "No mem region with the requested slot found,\n" +
		"  requested slot: %u\n", memslot);
	fputs("---- vm dump ----\n", stderr);
	vm_dump(stderr, vm, 2);
	TEST_FAIL("Mem region not found");
}

export function vm_mem_region_set_flags(vm: struct_kvm_vm, slot: number, flags: number): void {
	const region = memslot2region(vm, slot);

	region.region.flags = flags;

	const ret = set_region(vm, region.region);

	TEST_ASSERT(ret === 0, "KVM_SET_USER_MEMORY_REGION IOCTL failed,\n" +
		"  rc: %i errno: %i slot: %u flags: 0x%x",
	ret, errno(), slot, flags);
}

export function vm_mem_region_move(vm: struct_kvm_vm, slot: number, new_gpa: vm_paddr_t): void {
	const region = memslot2region(vm, slot);

	region.region.guest_phys_addr = new_gpa;

	const ret = set_region(vm, region.region);

	TEST_ASSERT(ret === 0, "KVM_SET_USER_MEMORY_REGION failed\n" +
		"ret: %i errno: %i slot: %u new_gpa: 0x%lx",
	ret, errno(), slot, new_gpa);
}

export function vm_mem_region_delete(vm: struct_kvm_vm, slot: number): void {
	__vm_mem_region_delete(vm, memslot2region(vm, slot), true);
}

/** Returns the size of a vCPU's kvm_run structure. */
function vcpu_mmap_sz(): number {
	const dev_fd = open_kvm_dev_path_or_exit();

	const ret = ioctl(dev_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	TEST_ASSERT(ret >= sizeof(struct_kvm_run), ...KVM_IOCTL_ERROR(KVM_GET_VCPU_MMAP_SIZE, ret));

	close(dev_fd);

	return ret;
}

function vcpu_exists(vm: struct_kvm_vm, vcpu_id: number): boolean {
	return vm.vcpus.some((vcpu) => vcpu.id === vcpu_id);
}

/** A vCPU as KVM makes it. */
export function __vm_vcpu_add(vm: struct_kvm_vm, vcpu_id: number): struct_kvm_vcpu {
	TEST_ASSERT(!vcpu_exists(vm, vcpu_id), "vCPU%d already exists\n", vcpu_id);

	const vcpu = new struct_kvm_vcpu(vm);

	vcpu.id = vcpu_id;
	vcpu.fd = __vm_ioctl(vm, KVM_CREATE_VCPU, vcpu_id);
	TEST_ASSERT(vcpu.fd >= 0, ...KVM_IOCTL_ERROR(KVM_CREATE_VCPU, vcpu.fd));

	const sz = vcpu_mmap_sz();
	TEST_ASSERT(sz >= sizeof(struct_kvm_run), "vcpu mmap size " +
		"smaller than expected, vcpu_mmap_sz: %i expected_min: %zi",
	sz, sizeof(struct_kvm_run));
	vcpu.run_hva = mmap(0, sz, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0);
	TEST_ASSERT(vcpu.run_hva !== MAP_FAILED, ...__KVM_SYSCALL_ERROR("mmap()", MAP_FAILED));
	vcpu.run = user_struct(struct_kvm_run, vcpu.run_hva) as unknown as struct_kvm_run;

	/* Add to linked-list of VCPUs. */
	vm.vcpus.unshift(vcpu);

	return vcpu;
}

/** The lowest address at or above @vaddr_min with @sz bytes free from there. */
function vm_vaddr_unused_gap(vm: struct_kvm_vm, sz: number, vaddr_min: vm_vaddr_t): vm_vaddr_t {
	const pages = Math.ceil(sz / vm.page_size);

	/* Determine lowest permitted virtual page index. */
	let pgidx_start = Math.ceil(vaddr_min / vm.page_size);

	found: {
		if (!sparsebit_is_set_num(vm.vpages_valid, pgidx_start, pages))
			pgidx_start = sparsebit_next_set_num(vm.vpages_valid, pgidx_start, pages);
		do {
			/* enough of them in a row that are not mapped? else on to such */
			if (sparsebit_is_clear_num(vm.vpages_mapped, pgidx_start, pages))
				break found;
			pgidx_start = sparsebit_next_clear_num(vm.vpages_mapped, pgidx_start,
				pages);
			if (pgidx_start === 0)
				break;

			/* and those have to be valid */
			if (!sparsebit_is_set_num(vm.vpages_valid, pgidx_start, pages)) {
				pgidx_start = sparsebit_next_set_num(vm.vpages_valid, pgidx_start,
					pages);
				if (pgidx_start === 0)
					break;
			}
		} while (pgidx_start !== 0);

		TEST_FAIL("No vaddr of specified pages available, pages: 0x%lx", pages);
	}

	TEST_ASSERT(sparsebit_is_set_num(vm.vpages_valid, pgidx_start, pages),
		"Unexpected, invalid virtual page index range,\n" +
		"  pgidx_start: 0x%lx\n" +
		"  pages: 0x%lx",
		pgidx_start, pages);
	TEST_ASSERT(sparsebit_is_clear_num(vm.vpages_mapped, pgidx_start, pages),
		"Unexpected, pages already mapped,\n" +
		"  pgidx_start: 0x%lx\n" +
		"  pages: 0x%lx",
		pgidx_start, pages);

	return pgidx_start * vm.page_size;
}

/** @sz bytes of guest memory, mapped at an address of at least @vaddr_min. */
export function vm_vaddr_alloc(vm: struct_kvm_vm, sz: number, vaddr_min: vm_vaddr_t): vm_vaddr_t {
	let pages = Math.ceil(sz / vm.page_size);

	virt_pgd_alloc(vm);
	let paddr = vm_phy_pages_alloc(vm, pages, KVM_UTIL_MIN_PFN * vm.page_size, 0);

	const vaddr_start = vm_vaddr_unused_gap(vm, sz, vaddr_min);

	sparsebit_set_num(vm.vpages_mapped, vaddr_start / vm.page_size, pages);

	/* Map the virtual pages. */
	for (let vaddr = vaddr_start; pages > 0;
		pages--, vaddr += vm.page_size, paddr += vm.page_size)
		virt_pg_map(vm, vaddr, paddr);

	return vaddr_start;
}

/** As vm_vaddr_alloc(); where memory is encrypted, this is not to be. */
export function vm_vaddr_alloc_shared(vm: struct_kvm_vm, sz: number, vaddr_min: vm_vaddr_t):
	vm_vaddr_t {
	return vm_vaddr_alloc(vm, sz, vaddr_min);
}

export function vm_vaddr_alloc_pages(vm: struct_kvm_vm, nr_pages: number): vm_vaddr_t {
	return vm_vaddr_alloc(vm, nr_pages * 4096, KVM_UTIL_MIN_VADDR);
}

export function vm_vaddr_alloc_page(vm: struct_kvm_vm): vm_vaddr_t {
	return vm_vaddr_alloc_pages(vm, 1);
}

export function virt_map(vm: struct_kvm_vm, vaddr: vm_vaddr_t, paddr: vm_paddr_t,
	npages: number): void {
	const page_size = vm.page_size;
	const size = npages * page_size;

	TEST_ASSERT(vaddr + size > vaddr, "Vaddr overflow");
	TEST_ASSERT(paddr + size > paddr, "Paddr overflow");

	while (npages--) {
		virt_pg_map(vm, vaddr, paddr);
		vaddr += page_size;
		paddr += page_size;
	}
}

export function addr_gpa2hva(vm: struct_kvm_vm, gpa: vm_paddr_t): hva_t {
	const region = userspace_mem_region_find(vm, gpa, gpa);
	if (region === null)
		TEST_FAIL("No vm physical memory at 0x%lx", gpa);

	return region.host_mem + (gpa - region.region.guest_phys_addr);
}

export function addr_hva2gpa(vm: struct_kvm_vm, hva: hva_t): vm_paddr_t {
	vm.regions.hva_tree.sort((a, b) => by_hva(a) - by_hva(b));
	const at = upper_bound(vm.regions.hva_tree, hva, by_hva);
	const region = vm.regions.hva_tree[at - 1];

	if (region !== undefined && hva < region.host_mem + region.region.memory_size)
		return region.region.guest_phys_addr + (hva - region.host_mem);

	TEST_FAIL("No mapping to a guest physical address, hva: %p", hva);
}

/** As addr_gpa2hva(), through the second mapping that shared memory has; 0 for other memory. */
export function addr_gpa2alias(vm: struct_kvm_vm, gpa: vm_paddr_t): hva_t {
	const region = userspace_mem_region_find(vm, gpa, gpa);
	if (region === null)
		return 0;

	if (region.host_alias === 0)
		return 0;

	return region.host_alias + (gpa - region.region.guest_phys_addr);
}

/** Interrupt controllers for @vm, in the kernel. */
export function vm_create_irqchip(vm: struct_kvm_vm): void {
	vm_ioctl(vm, KVM_CREATE_IRQCHIP, null);

	vm.has_irqchip = true;
}

export function* _vcpu_run(vcpu: struct_kvm_vcpu): wait<number> {
	let rc: number;

	do {
		rc = yield* __vcpu_run(vcpu);
	} while (rc === -1 && errno() === EINTR);

	yield* assert_on_unhandled_exception(vcpu);

	return rc;
}

/** Runs until KVM_RUN gives something else than -EINTR, which has to be success. */
export function* vcpu_run(vcpu: struct_kvm_vcpu): wait {
	const ret = yield* _vcpu_run(vcpu);

	if (ret !== 0)
		TEST_ASSERT(false, ...KVM_IOCTL_ERROR(KVM_RUN, ret));
}

export function* vcpu_run_complete_io(vcpu: struct_kvm_vcpu): wait {
	vcpu.run.immediate_exit = 1;
	const ret = yield* __vcpu_run(vcpu);
	vcpu.run.immediate_exit = 0;

	TEST_ASSERT(ret === -1 && errno() === EINTR,
		"KVM_RUN IOCTL didn't exit immediately, rc: %i, errno: %i",
		ret, errno());
}

/** Without the page tables and the vCPUs. */
export function vm_dump(stream: number, vm: struct_kvm_vm, indent: number): void {
	const pad = " ".repeat(indent);

	fprintf(stream, "%smode: 0x%x\n", pad, vm.mode);
	fprintf(stream, "%sfd: %i\n", pad, vm.fd);
	fprintf(stream, "%spage_size: 0x%x\n", pad, vm.page_size);
	fprintf(stream, "%sMem Regions:\n", pad);
	for (const region of vm.regions.slot_hash.values()) {
		fprintf(stream, "%s  guest_phys: 0x%lx size: 0x%lx host_virt: %p\n", pad,
			region.region.guest_phys_addr, region.region.memory_size, region.host_mem);
		fprintf(stream, "%s  unused_phy_pages: ", pad);
		sparsebit_dump(stream, region.unused_phy_pages, 0);
	}
	fprintf(stream, "%sMapped Virtual Pages:\n", pad);
	sparsebit_dump(stream, vm.vpages_mapped, indent + 2);
	fprintf(stream, "%spgd_created: %u\n", pad, Number(vm.pgd_created));
}

let exit_reasons: Map<unknown, string> | null = null;

/** "MMIO" for KVM_EXIT_MMIO. */
export function exit_reason_str(exit_reason: number): string {
	exit_reasons ??= new Map(Object.entries(uapi_kvm)
		.filter(([name]) => /^KVM_EXIT_(?!IO_)/.test(name))
		.map(([name, x]) => [x, name.slice("KVM_EXIT_".length).replace(/^X86_/, "")]));

	return exit_reasons.get(exit_reason) ?? "Unknown";
}

/** @num pages in a row at or above @paddr_min, from slot @memslot. */
export function vm_phy_pages_alloc(vm: struct_kvm_vm, num: number, paddr_min: vm_paddr_t,
	memslot: number): vm_paddr_t {
	TEST_ASSERT(num > 0, "Must allocate at least one page");

	TEST_ASSERT((paddr_min % vm.page_size) === 0, "Min physical address " +
		"not divisible by page size.\n" +
		"  paddr_min: 0x%lx page_size: 0x%x",
	paddr_min, vm.page_size);

	const region = memslot2region(vm, memslot);
	let base = paddr_min / vm.page_size;

	if (!sparsebit_is_set_num(region.unused_phy_pages, base, num))
		base = sparsebit_next_set_num(region.unused_phy_pages, base, num);

	if (base === 0) {
		fprintf(stderr, "No guest physical page available, " +
			"paddr_min: 0x%lx page_size: 0x%x memslot: %u\n",
		paddr_min, vm.page_size, memslot);
		fputs("---- vm dump ----\n", stderr);
		vm_dump(stderr, vm, 2);
		abort();
	}

	sparsebit_clear_num(region.unused_phy_pages, base, num);

	return base * vm.page_size;
}

export function vm_phy_page_alloc(vm: struct_kvm_vm, paddr_min: vm_paddr_t,
	memslot: number): vm_paddr_t {
	return vm_phy_pages_alloc(vm, 1, paddr_min, memslot);
}

export function vm_alloc_page_table(vm: struct_kvm_vm): vm_paddr_t {
	return vm_phy_page_alloc(vm, KVM_GUEST_PAGE_TABLE_MIN_PADDR, 0);
}

export function addr_gva2hva(vm: struct_kvm_vm, gva: vm_vaddr_t): hva_t {
	return addr_gpa2hva(vm, addr_gva2gpa(vm, gva));
}

function vm_calc_num_pages(num_pages: number, page_shift: number, new_page_shift: number,
	ceil: boolean): number {
	const n = 2 ** (new_page_shift - page_shift);

	if (page_shift >= new_page_shift)
		return num_pages * 2 ** (page_shift - new_page_shift);

	return Math.floor(num_pages / n) + Number(ceil && num_pages % n !== 0);
}

const getpageshift = (): number => 12;

export function vm_num_host_pages(mode: vm_guest_mode, num_guest_pages: number): number {
	return vm_calc_num_pages(num_guest_pages, vm_guest_mode_params[mode]!.page_shift,
		getpageshift(), true);
}

export function vm_num_guest_pages(mode: vm_guest_mode, num_host_pages: number): number {
	return vm_calc_num_pages(num_host_pages, getpageshift(),
		vm_guest_mode_params[mode]!.page_shift, false);
}

export function vm_calc_num_guest_pages(mode: vm_guest_mode, size: number): number {
	const n = DIV_ROUND_UP(size, vm_guest_mode_params[mode]!.page_size);
	return vm_adjust_num_guest_pages(mode, n);
}

function pread_bytes(fd: number, size: number, off: number): { ret: number; bytes: Uint8Array } {
	const p = alloca(size);
	const ret = pread(fd, p, size, off);
	const bytes = peek(p, Math.max(ret, 0));
	release(p);
	return { ret, bytes };
}

export function read_stats_descriptors(stats_fd: number, header: struct_kvm_stats_header):
	stats_desc[] {
	const desc_size = get_stats_descriptor_size(header);
	const total_size = header.num_desc * desc_size;

	const { ret, bytes } = pread_bytes(stats_fd, total_size, header.desc_offset);
	TEST_ASSERT(ret === total_size, "Read KVM stats descriptors");

	return Array.from({ length: header.num_desc }, (_, i) => {
		const at = i * desc_size;
		const name = bytes.subarray(at + sizeof(struct_kvm_stats_desc), at + desc_size);
		const end = name.indexOf(0);
		return { desc: struct_kvm_stats_desc.of(bytes, at),
			name: new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)) };
	});
}

export function read_stat_data(stats_fd: number, header: struct_kvm_stats_header,
	desc: stats_desc, max_elements: number): bigint[] {
	const nr_elements = Math.min(desc.desc.size, max_elements);
	const size = nr_elements * 8;

	TEST_ASSERT(desc.desc.size !== 0, "No elements in stat '%s'", desc.name);
	TEST_ASSERT(max_elements !== 0, "Zero elements requested for stat '%s'", desc.name);

	const { ret, bytes } = pread_bytes(stats_fd, size, header.data_offset + desc.desc.offset);

	TEST_ASSERT(ret >= 0, "pread() failed on stat '%s', errno: %i (%s)",
		desc.name, errno(), strerror(errno()));
	TEST_ASSERT(ret === size,
		"pread() on stat '%s' read %ld bytes, wanted %lu bytes",
		desc.name, size, ret);
	return [...new BigUint64Array(bytes.buffer, 0, nr_elements)];
}

/** The values of the named statistic; empty when there is none of that name. */
export function __vm_get_stat(vm: struct_kvm_vm, stat_name: string,
	max_elements: number): bigint[] {
	if (vm.stats_fd === 0) {
		vm.stats_fd = vm_get_stats_fd(vm);
		vm.stats_header = read_stats_header(vm.stats_fd);
		vm.stats_desc = read_stats_descriptors(vm.stats_fd, vm.stats_header);
	}

	for (const desc of vm.stats_desc) {
		if (desc.name !== stat_name)
			continue;

		return read_stat_data(vm.stats_fd, vm.stats_header!, desc, max_elements);
	}
	return [];
}
