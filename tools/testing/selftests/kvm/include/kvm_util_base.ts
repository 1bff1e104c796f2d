// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual machines as tests see them: the structs, and short forms of the ioctls.
 *
 * Upstream: tools/testing/selftests/kvm/include/kvm_util_base.h. Left out: dirty rings, device
 * attributes, one-reg access, nested state, irq routing.
 *
 * Guest physical and virtual addresses, and addresses of the test itself (hva), are numbers. What
 * runs a vCPU is a generator.
 */
import { type bytes_view, sizeof, type struct_view } from "#asm-generic/struct.ts";
import {
	KVM_CHECK_EXTENSION, KVM_CLEAR_DIRTY_LOG, KVM_ENABLE_CAP, KVM_GET_DIRTY_LOG, KVM_GET_FPU,
	KVM_GET_MP_STATE, KVM_GET_REGS, KVM_GET_SREGS, KVM_GET_STATS_FD, KVM_GET_VCPU_EVENTS,
	KVM_RUN, KVM_SET_FPU, KVM_SET_GUEST_DEBUG, KVM_SET_MP_STATE, KVM_SET_REGS, KVM_SET_SREGS,
	KVM_SET_VCPU_EVENTS, struct_kvm_clear_dirty_log, struct_kvm_dirty_log,
	struct_kvm_enable_cap, type struct_kvm_guest_debug, type struct_kvm_mp_state,
	type struct_kvm_run, struct_kvm_stats_desc, type struct_kvm_stats_header,
} from "#uapi/linux/kvm.ts";
import * as uapi_kvm from "#uapi/linux/kvm.ts";
import type {
	struct_kvm_cpuid2, struct_kvm_fpu, struct_kvm_regs, struct_kvm_sregs,
	struct_kvm_vcpu_events,
} from "#uapi-asm/kvm.ts";
import { struct_kvm_stats_header as stats_header_layout } from "#uapi/linux/kvm.ts";
import {
	errno, ioctl, ioctl_wait, type printf_arg, read_bytes, strerror, user_load64, user_store64,
} from "#tools/include/nolibc/nolibc.ts";
import { type guest_fn, guest_data_alloc } from "./guest.ts";
import { type sparsebit, sparsebit_alloc } from "./sparsebit.ts";
import { TEST_ASSERT } from "./test_util.ts";
import {
	__vm_create, __vm_create_with_one_vcpu, __vm_create_with_vcpus, ____vm_create,
	addr_gva2hva, kvm_check_cap, read_stats_descriptors, vm_num_guest_pages, vm_num_host_pages,
	__vm_get_stat,
} from "../lib/kvm_util.ts";
import {
	addr_arch_gva2gpa, virt_arch_pg_map, virt_arch_pgd_alloc, vm_arch_vcpu_add,
	vm_arch_vcpu_recreate,
} from "../lib/x86_64/processor.ts";

export const KVM_DEV_PATH	= "/dev/kvm";
export const KVM_MAX_VCPUS	= 512;

export const NSEC_PER_SEC	= 1000000000;

export type vm_paddr_t = number;
export type vm_vaddr_t = number;
export type hva_t = number;
/** What may run a vCPU, sleep or wait. */
export type wait<T = void> = Generator<void, T, void>;

/** struct kvm_userspace_memory_region_ext, in numbers */
export class struct_region {
	slot = 0;
	flags = 0;
	guest_phys_addr: vm_paddr_t = 0;
	memory_size = 0;
	userspace_addr: hva_t = 0;

	/* of private memory */
	private_offset = 0;
	private_fd = -1;
}

/** What the guest's memory is like before anything is said about it. */
export class struct_vm_memcrypt {
	enabled = false;
	enc_by_default = false;
	has_enc_bit = false;
	enc_bit = 0;
}

export class struct_userspace_mem_region {
	region = new struct_region();
	unused_phy_pages: sparsebit = sparsebit_alloc();
	fd = -1;
	offset = 0;
	host_mem: hva_t = 0;
	host_alias: hva_t = 0;
	mmap_start: hva_t = 0;
	mmap_alias: hva_t = 0;
	mmap_size = 0;
}

export class struct_kvm_vcpu {
	id = 0;
	fd = -1;
	vm: struct_kvm_vm;
	/** in the page that KVM shares with the test */
	run: struct_kvm_run = null as unknown as struct_kvm_run;
	/** where that page is mapped */
	run_hva: hva_t = 0;
	cpuid: struct_kvm_cpuid2 | null = null;
	constructor(vm: struct_kvm_vm) {
		this.vm = vm;
	}
}

/** gpa_tree is an array in the order of its keys, hva_tree one in no order. */
export class struct_userspace_mem_regions {
	gpa_tree: struct_userspace_mem_region[] = [];
	hva_tree: struct_userspace_mem_region[] = [];
	slot_hash = new Map<number, struct_userspace_mem_region>();
}

export class struct_kvm_vm {
	mode = 0;
	type = 0;
	kvm_fd = -1;
	fd = -1;
	pgtable_levels = 0;
	page_size = 0;
	page_shift = 0;
	pa_bits = 0;
	va_bits = 0;
	max_gfn = 0;
	/** newest first */
	vcpus: struct_kvm_vcpu[] = [];
	regions = new struct_userspace_mem_regions();
	vpages_valid: sparsebit = sparsebit_alloc();
	vpages_mapped: sparsebit = sparsebit_alloc();
	has_irqchip = false;
	pgd_created = false;
	pgd: vm_paddr_t = 0;
	gdt: vm_vaddr_t = 0;
	tss: vm_vaddr_t = 0;
	idt: vm_vaddr_t = 0;
	handlers: vm_vaddr_t = 0;
	/** ucalls go through ucall_pool, in memory that the test sees as well */
	use_ucall_pool = false;
	memcrypt = new struct_vm_memcrypt();

	/* Cache of information for binary stats interface */
	stats_fd = 0;
	stats_header: struct_kvm_stats_header | null = null;
	stats_desc: stats_desc[] = [];
}

export { memslot2region } from "../lib/kvm_util.ts";

/* Minimum allocated guest virtual and physical addresses */
export const KVM_UTIL_MIN_VADDR			= 0x2000;
export const KVM_GUEST_PAGE_TABLE_MIN_PADDR	= 0x180000;

export const DEFAULT_GUEST_STACK_VADDR_MIN	= 0xab6000;
export const DEFAULT_STACK_PGS			= 5;

/* enum vm_guest_mode: of fifteen, x86-64 has this one: 48 bits VA but any bits PA */
export const VM_MODE_PXXV48_4K		= 8;
export const NUM_VM_MODES		= 15;
export type vm_guest_mode = number;

export const VM_MODE_DEFAULT		= VM_MODE_PXXV48_4K;
export const MIN_PAGE_SHIFT		= 12;
export const MIN_PAGE_SIZE		= 1 << MIN_PAGE_SHIFT;
export const PTES_PER_MIN_PAGE		= MIN_PAGE_SIZE / 8;

export { vm_guest_mode_params } from "../lib/kvm_util.ts";
export { kvm_check_cap, open_kvm_dev_path_or_exit, open_path_or_exit } from "../lib/kvm_util.ts";

export function kvm_has_cap(cap: number): boolean {
	return kvm_check_cap(cap) !== 0;
}

let ioctl_names: Map<number, string> | null = null;

/** "KVM_CREATE_VM" */
export function ioctl_name(cmd: number): string {
	if (ioctl_names === null) {
		ioctl_names = new Map();
		for (const [name, x] of Object.entries(uapi_kvm))
			if (typeof x === "number" && (x >>> 8 & 0xff) === uapi_kvm.KVMIO &&
			    /^KVM_(?!CAP|EXIT|STATS)/.test(name) && !ioctl_names.has(x >>> 0))
				ioctl_names.set(x >>> 0, name);
	}
	return ioctl_names.get(cmd >>> 0) ?? `ioctl ${cmd.toString(16)}`;
}

/** To be spread into TEST_ASSERT(). */
export function __KVM_SYSCALL_ERROR(name: string, ret: number): [string, ...printf_arg[]] {
	return ["%s failed, rc: %i errno: %i (%s)", name, ret, errno(), strerror(errno())];
}

export function KVM_IOCTL_ERROR(cmd: number, ret: number): [string, ...printf_arg[]] {
	return __KVM_SYSCALL_ERROR(ioctl_name(cmd), ret);
}

/** A struct's view, a number in its place, or null. */
export type ioctl_arg = bytes_view | number | bigint | null;

function kvm_do_ioctl(fd: number, cmd: number, arg: ioctl_arg): number {
	if (arg === null || typeof arg === "number" || typeof arg === "bigint")
		return ioctl(fd, cmd, arg ?? 0);
	const size = cmd >>> 16 & 0x3fff;
	if (size !== 0 && arg.bytes.length < size)
		throw new Error(`${ioctl_name(cmd)}: argument of ${arg.bytes.length} bytes`);
	return ioctl(fd, cmd, arg.bytes);
}

export function __kvm_ioctl(kvm_fd: number, cmd: number, arg: ioctl_arg): number {
	return kvm_do_ioctl(kvm_fd, cmd, arg);
}

export function kvm_ioctl(kvm_fd: number, cmd: number, arg: ioctl_arg): void {
	const ret = __kvm_ioctl(kvm_fd, cmd, arg);

	if (ret !== 0)
		TEST_ASSERT(false, ...KVM_IOCTL_ERROR(cmd, ret));
}

export function __vm_ioctl(vm: struct_kvm_vm, cmd: number, arg: ioctl_arg): number {
	return kvm_do_ioctl(vm.fd, cmd, arg);
}

export function vm_ioctl(vm: struct_kvm_vm, cmd: number, arg: ioctl_arg): void {
	const ret = __vm_ioctl(vm, cmd, arg);

	if (ret !== 0)
		TEST_ASSERT(false, ...KVM_IOCTL_ERROR(cmd, ret));
}

export function __vcpu_ioctl(vcpu: struct_kvm_vcpu, cmd: number, arg: ioctl_arg): number {
	return kvm_do_ioctl(vcpu.fd, cmd, arg);
}

export function vcpu_ioctl(vcpu: struct_kvm_vcpu, cmd: number, arg: ioctl_arg): void {
	const ret = __vcpu_ioctl(vcpu, cmd, arg);

	if (ret !== 0)
		TEST_ASSERT(false, ...KVM_IOCTL_ERROR(cmd, ret));
}

export function vm_check_cap(vm: struct_kvm_vm, cap: number): number {
	const ret = __vm_ioctl(vm, KVM_CHECK_EXTENSION, cap);

	TEST_ASSERT(ret >= 0, ...KVM_IOCTL_ERROR(KVM_CHECK_EXTENSION, ret));
	return ret;
}

function enable_cap(cap: number, arg0: number | bigint): struct_view<typeof struct_kvm_enable_cap> {
	const enable_cap = struct_kvm_enable_cap.alloc();

	enable_cap.cap = cap;
	enable_cap.args[0] = BigInt(arg0);
	return enable_cap;
}

export function __vm_enable_cap(vm: struct_kvm_vm, cap: number, arg0: number | bigint): number {
	return __vm_ioctl(vm, KVM_ENABLE_CAP, enable_cap(cap, arg0));
}

export function vm_enable_cap(vm: struct_kvm_vm, cap: number, arg0: number | bigint): void {
	vm_ioctl(vm, KVM_ENABLE_CAP, enable_cap(cap, arg0));
}

export { vm_guest_mode_string } from "../lib/kvm_util.ts";

export { kvm_vm_elf_load } from "../lib/elf.ts";
export { kvm_memcmp_hva_gva, kvm_memfd_alloc, kvm_vm_free, kvm_vm_release, kvm_vm_restart } from
	"../lib/kvm_util.ts";

export { vm_dump } from "../lib/kvm_util.ts";

/** @log address of the bitmap in the test's memory */
export function kvm_vm_get_dirty_log(vm: struct_kvm_vm, slot: number, log: hva_t): void {
	const args = struct_kvm_dirty_log.alloc();

	args.dirty_bitmap = BigInt(log);
	args.slot = slot;
	vm_ioctl(vm, KVM_GET_DIRTY_LOG, args);
}

export function kvm_vm_clear_dirty_log(vm: struct_kvm_vm, slot: number, log: hva_t,
	first_page: number, num_pages: number): void {
	const args = struct_kvm_clear_dirty_log.alloc();

	args.dirty_bitmap = BigInt(log);
	args.slot = slot;
	args.first_page = BigInt(first_page);
	args.num_pages = num_pages;
	vm_ioctl(vm, KVM_CLEAR_DIRTY_LOG, args);
}

export function vm_get_stats_fd(vm: struct_kvm_vm): number {
	const fd = __vm_ioctl(vm, KVM_GET_STATS_FD, null);

	TEST_ASSERT(fd >= 0, ...KVM_IOCTL_ERROR(KVM_GET_STATS_FD, fd));
	return fd;
}

export function read_stats_header(stats_fd: number): struct_kvm_stats_header {
	const bytes = read_bytes(stats_fd, sizeof(stats_header_layout));

	TEST_ASSERT(bytes !== null && bytes.length === sizeof(stats_header_layout),
		"Read stats header");
	return stats_header_layout.of(bytes!);
}

/** A descriptor and the name behind it. */
export interface stats_desc {
	desc: struct_view<typeof struct_kvm_stats_desc>;
	name: string;
}

export { read_stats_descriptors };

export function get_stats_descriptor_size(header: struct_kvm_stats_header): number {
	/* a name's room is the header's affair, the same for all */
	return sizeof(struct_kvm_stats_desc) + header.name_size;
}

export { read_stat_data } from "../lib/kvm_util.ts";
export { __vm_get_stat };

export function vm_get_stat(vm: struct_kvm_vm, stat_name: string): number {
	return Number(__vm_get_stat(vm, stat_name, 1)[0] ?? 0n);
}

export { vm_create_irqchip } from "../lib/kvm_util.ts";

export {
	__vm_set_user_memory_region, __vm_vcpu_add, addr_gpa2alias, addr_gpa2hva, addr_gva2hva,
	addr_hva2gpa, virt_map, vm_mem_region_delete, vm_mem_region_move, vm_mem_region_set_flags,
	vm_set_memory_encryption, vm_set_user_memory_region, vm_userspace_mem_region_add,
	vm_vaddr_alloc, vm_vaddr_alloc_page, vm_vaddr_alloc_pages, vm_vaddr_alloc_shared,
} from "../lib/kvm_util.ts";

export { _vcpu_run, vcpu_run } from "../lib/kvm_util.ts";

export function* __vcpu_run(vcpu: struct_kvm_vcpu): wait<number> {
	return yield* ioctl_wait(vcpu.fd, KVM_RUN, 0);
}

export { vcpu_run_complete_io } from "../lib/kvm_util.ts";

export function vcpu_enable_cap(vcpu: struct_kvm_vcpu, cap: number, arg0: number | bigint): void {
	vcpu_ioctl(vcpu, KVM_ENABLE_CAP, enable_cap(cap, arg0));
}

export function vcpu_guest_debug_set(vcpu: struct_kvm_vcpu, debug: struct_kvm_guest_debug): void {
	vcpu_ioctl(vcpu, KVM_SET_GUEST_DEBUG, debug);
}

export function vcpu_mp_state_get(vcpu: struct_kvm_vcpu, mp_state: struct_kvm_mp_state): void {
	vcpu_ioctl(vcpu, KVM_GET_MP_STATE, mp_state);
}

export function vcpu_mp_state_set(vcpu: struct_kvm_vcpu, mp_state: struct_kvm_mp_state): void {
	vcpu_ioctl(vcpu, KVM_SET_MP_STATE, mp_state);
}

export function vcpu_regs_get(vcpu: struct_kvm_vcpu, regs: struct_kvm_regs): void {
	vcpu_ioctl(vcpu, KVM_GET_REGS, regs);
}

export function vcpu_regs_set(vcpu: struct_kvm_vcpu, regs: struct_kvm_regs): void {
	vcpu_ioctl(vcpu, KVM_SET_REGS, regs);
}

export function vcpu_sregs_get(vcpu: struct_kvm_vcpu, sregs: struct_kvm_sregs): void {
	vcpu_ioctl(vcpu, KVM_GET_SREGS, sregs);
}

export function vcpu_sregs_set(vcpu: struct_kvm_vcpu, sregs: struct_kvm_sregs): void {
	vcpu_ioctl(vcpu, KVM_SET_SREGS, sregs);
}

export function _vcpu_sregs_set(vcpu: struct_kvm_vcpu, sregs: struct_kvm_sregs): number {
	return __vcpu_ioctl(vcpu, KVM_SET_SREGS, sregs);
}

export function vcpu_fpu_get(vcpu: struct_kvm_vcpu, fpu: struct_kvm_fpu): void {
	vcpu_ioctl(vcpu, KVM_GET_FPU, fpu);
}

export function vcpu_fpu_set(vcpu: struct_kvm_vcpu, fpu: struct_kvm_fpu): void {
	vcpu_ioctl(vcpu, KVM_SET_FPU, fpu);
}

export function vcpu_events_get(vcpu: struct_kvm_vcpu, events: struct_kvm_vcpu_events): void {
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, events);
}

export function vcpu_events_set(vcpu: struct_kvm_vcpu, events: struct_kvm_vcpu_events): void {
	vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, events);
}

export function vcpu_get_stats_fd(vcpu: struct_kvm_vcpu): number {
	const fd = __vcpu_ioctl(vcpu, KVM_GET_STATS_FD, null);

	TEST_ASSERT(fd >= 0, ...KVM_IOCTL_ERROR(KVM_GET_STATS_FD, fd));
	return fd;
}

/* the arguments of the function at @vcpu's entry point, up to six */
export { vcpu_args_set } from "../lib/x86_64/processor.ts";

export { exit_reason_str } from "../lib/kvm_util.ts";

export { vm_alloc_page_table, vm_phy_page_alloc, vm_phy_pages_alloc } from "../lib/kvm_util.ts";

/*
 * ____vm_create() makes a VM and little else. __vm_create() loads the test's text as well, and
 * makes an interrupt controller; how many vCPUs there will be only sets the size of slot 0.
 */
export { ____vm_create, __vm_create };

export function vm_create_barebones(): struct_kvm_vm {
	return ____vm_create(VM_MODE_DEFAULT, 0);
}

export function vm_create(nr_runnable_vcpus: number): struct_kvm_vm {
	return __vm_create(VM_MODE_DEFAULT, nr_runnable_vcpus, 0);
}

export { __vm_create_with_vcpus };

/** @vcpus gets the vCPUs. */
export function vm_create_with_vcpus(nr_vcpus: number, guest_code: guest_fn,
	vcpus: struct_kvm_vcpu[]): struct_kvm_vm {
	return __vm_create_with_vcpus(VM_MODE_DEFAULT, nr_vcpus, 0, guest_code, vcpus);
}

export { __vm_create_with_one_vcpu };

export function vm_create_with_one_vcpu(guest_code: guest_fn):
	{ vm: struct_kvm_vm; vcpu: struct_kvm_vcpu } {
	return __vm_create_with_one_vcpu(0, guest_code);
}

export { vm_recreate_with_one_vcpu } from "../lib/kvm_util.ts";

export { vm_compute_max_gfn } from "../lib/x86_64/processor.ts";
export { vm_calc_num_guest_pages, vm_num_guest_pages, vm_num_host_pages } from
	"../lib/kvm_util.ts";

export function vm_adjust_num_guest_pages(mode: vm_guest_mode, num_guest_pages: number): number {
	return vm_num_guest_pages(mode, vm_num_host_pages(mode, num_guest_pages));
}

export { kvm_userspace_memory_region_ext_find, kvm_userspace_memory_region_find } from
	"../lib/kvm_util.ts";

/**
 * A global variable of 64 bits that the guest sees too: each VM has its own copy of it, in its
 * image's data, as of when the image was loaded or the variable was last synchronised.
 */
export class guest_global {
	/** the test's own copy */
	v: bigint;
	readonly gva: vm_vaddr_t = guest_data_alloc(8);
	constructor(v: number | bigint = 0n) {
		this.v = BigInt(v);
	}
}

export function sync_global_to_guest(vm: struct_kvm_vm, g: guest_global): void {
	user_store64(addr_gva2hva(vm, g.gva), BigInt.asUintN(64, g.v));
}

export function sync_global_from_guest(vm: struct_kvm_vm, g: guest_global): void {
	g.v = user_load64(addr_gva2hva(vm, g.gva));
}

export { assert_on_unhandled_exception } from "../lib/x86_64/processor.ts";

/** A vCPU with a stack, ready to run @guest_code. */
export function vm_vcpu_add(vm: struct_kvm_vm, vcpu_id: number, guest_code: guest_fn):
	struct_kvm_vcpu {
	return vm_arch_vcpu_add(vm, vcpu_id, guest_code);
}

export function vm_vcpu_recreate(vm: struct_kvm_vm, vcpu_id: number): struct_kvm_vcpu {
	return vm_arch_vcpu_recreate(vm, vcpu_id);
}

export function virt_pgd_alloc(vm: struct_kvm_vm): void {
	virt_arch_pgd_alloc(vm);
}

/** Maps the page at @vaddr to the one at @paddr. */
export function virt_pg_map(vm: struct_kvm_vm, vaddr: vm_vaddr_t, paddr: vm_paddr_t): void {
	virt_arch_pg_map(vm, vaddr, paddr);
}

export function addr_gva2gpa(vm: struct_kvm_vm, gva: vm_vaddr_t): vm_paddr_t {
	return addr_arch_gva2gpa(vm, gva);
}
