// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64: page tables, segments, CPUID, MSRs and exceptions of a guest.
 *
 * Upstream: tools/testing/selftests/kvm/lib/x86_64/processor.c, handlers.S. Left out: dumps,
 * Hyper-V, XSAVE permissions, save and restore of a vCPU's whole state.
 */
import {
	cpuid, get_reg, guest_text_alloc, iret, ld64, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
	REG_R15, REG_R8, REG_R9, REG_RAX, REG_RBP, REG_RBX, REG_RCX, REG_RDI, REG_RDX, REG_RSI,
	REG_RSP, reg_gva, set_reg, st64, vmcall, vmmcall,
} from "#hw/isa_guest.ts";
import { sizeof } from "#asm-generic/struct.ts";
import {
	KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_MSR_INDEX_LIST, KVM_GET_MSRS,
	KVM_GET_SUPPORTED_CPUID, KVM_SET_MSRS, struct_kvm_mp_state,
} from "#uapi/linux/kvm.ts";
import { E2BIG } from "#uapi/asm-generic/errno-base.ts";
import {
	DE_VECTOR, struct_kvm_cpuid2, struct_kvm_cpuid_entry2, type struct_kvm_dtable,
	struct_kvm_msr_entry, struct_kvm_msr_list, struct_kvm_msrs, struct_kvm_regs,
	type struct_kvm_segment, struct_kvm_sregs,
} from "#uapi-asm/kvm.ts";
import {
	close, errno, poke, read_file, strerror, user_cpuid, user_load32,
	user_load64, user_store64, user_store64n,
} from "#tools/include/nolibc/nolibc.ts";
import type { guest_fn, guest_program } from "../../include/guest.ts";
import {
	__kvm_ioctl, __vcpu_ioctl, __vm_vcpu_add, addr_gpa2hva, addr_gva2hva,
	DEFAULT_GUEST_STACK_VADDR_MIN, DEFAULT_STACK_PGS, guest_global, kvm_ioctl, KVM_IOCTL_ERROR,
	open_kvm_dev_path_or_exit, type struct_kvm_vcpu, type struct_kvm_vm, sync_global_to_guest,
	vcpu_mp_state_set, vcpu_regs_get, vcpu_regs_set, vcpu_sregs_get, vcpu_sregs_set,
	vm_alloc_page_table, VM_MODE_PXXV48_4K, type vm_paddr_t, vm_vaddr_alloc,
	vm_vaddr_alloc_page, type vm_vaddr_t, type wait,
} from "../../include/kvm_util_base.ts";
import { sparsebit_is_set } from "../../include/sparsebit.ts";
import { TEST_ASSERT, TEST_FAIL } from "../../include/test_util.ts";
import { get_ucall, struct_ucall, ucall, UCALL_UNHANDLED } from "../../include/ucall_common.ts";
import {
	allocate_kvm_cpuid2, EFER_LMA, EFER_LME, EFER_NX, ex_regs, type exception_handler,
	kvm_get_cpuid_max_extended, KVM_EXCEPTION_MAGIC, kvm_get_supported_cpuid_entry,
	PG_LEVEL_1G, PG_LEVEL_2M, PG_LEVEL_4K, PG_LEVEL_512G, PG_LEVEL_SIZE,
	PTE_LARGE_MASK, PTE_NX_MASK, PTE_PRESENT_MASK, PTE_WRITABLE_MASK,
	type struct_kvm_x86_cpu_feature, vcpu_get_cpuid_entry, vcpu_msrs_get, vcpu_set_cpuid,
	X86_CR0_NE, X86_CR0_PE, X86_CR0_PG, X86_CR4_OSFXSR, X86_CR4_PAE, x86_family,
	__vcpu_get_cpuid_entry,
} from "../../include/x86_64/processor.ts";

const NUM_INTERRUPTS = 256;

const DEFAULT_CODE_SELECTOR = 0x8;
const DEFAULT_DATA_SELECTOR = 0x10;

const MAX_NR_CPUID_ENTRIES = 100;

const getpagesize = (): number => 4096;

/* made when first used, as this module may be evaluated before the class is there */
let exception_handlers_: guest_global | null = null;

/** Where the guest finds the addresses of its handlers. */
function exception_handlers(): guest_global {
	return exception_handlers_ ??= new guest_global();
}

export function virt_arch_pgd_alloc(vm: struct_kvm_vm): void {
	TEST_ASSERT(vm.mode === VM_MODE_PXXV48_4K, "Attempt to use " +
		"unknown or unsupported guest mode, mode: 0x%x", vm.mode);

	/* If needed, create page map l4 table. */
	if (!vm.pgd_created) {
		vm.pgd = vm_alloc_page_table(vm);
		vm.pgd_created = true;
	}
}

/** Where @vaddr's entry is, in the table at page @pt_pfn. */
function virt_get_pte(vm: struct_kvm_vm, pt_pfn: number, vaddr: vm_vaddr_t, level: number): number {
	const page_table = addr_gpa2hva(vm, pt_pfn * vm.page_size);
	const index = Math.floor(vaddr / PG_LEVEL_SIZE(level)) & 0x1ff;

	return page_table + 8 * index;
}

/** PTE_GET_PFN() of the entry at @pte */
function pte_pfn(pte: number): number {
	return (user_load32(pte) >>> 12) + (user_load32(pte + 4) & 0xfffff) * 2 ** 20;
}

function virt_create_upper_pte(vm: struct_kvm_vm, pt_pfn: number, vaddr: vm_vaddr_t,
	paddr: vm_paddr_t, current_level: number, target_level: number): number {
	const pte = virt_get_pte(vm, pt_pfn, vaddr, current_level);
	const low = user_load32(pte);

	if ((low & PTE_PRESENT_MASK) === 0) {
		if (current_level === target_level)
			user_store64n(pte, paddr + (PTE_PRESENT_MASK | PTE_WRITABLE_MASK |
				PTE_LARGE_MASK));
		else
			user_store64n(pte, vm_alloc_page_table(vm) +
				(PTE_PRESENT_MASK | PTE_WRITABLE_MASK));
	} else {
		/* neither wanted as a huge page, nor one already */
		TEST_ASSERT(current_level !== target_level,
			"Cannot create hugepage at level: %u, vaddr: 0x%lx\n",
			current_level, vaddr);
		TEST_ASSERT((low & PTE_LARGE_MASK) === 0,
			"Cannot create page table at level: %u, vaddr: 0x%lx\n",
			current_level, vaddr);
	}
	return pte;
}

export function __virt_pg_map(vm: struct_kvm_vm, vaddr: vm_vaddr_t, paddr: vm_paddr_t,
	level: number): void {
	const pg_size = PG_LEVEL_SIZE(level);

	TEST_ASSERT(vm.mode === VM_MODE_PXXV48_4K,
		"Unknown or unsupported guest mode, mode: 0x%x", vm.mode);

	TEST_ASSERT((vaddr % pg_size) === 0,
		"Virtual address not aligned,\n" +
		"vaddr: 0x%lx page size: 0x%lx", vaddr, pg_size);
	TEST_ASSERT(sparsebit_is_set(vm.vpages_valid, vaddr / vm.page_size),
		"Invalid virtual address, vaddr: 0x%lx", vaddr);
	TEST_ASSERT((paddr % pg_size) === 0,
		"Physical address not aligned,\n" +
		"  paddr: 0x%lx page size: 0x%lx", paddr, pg_size);
	TEST_ASSERT(paddr / vm.page_size <= vm.max_gfn,
		"Physical address beyond maximum supported,\n" +
		"  paddr: 0x%lx vm->max_gfn: 0x%lx vm->page_size: 0x%x",
		paddr, vm.max_gfn, vm.page_size);

	/* the upper tables, up to a huge page */
	const pml4e = virt_create_upper_pte(vm, vm.pgd / vm.page_size, vaddr, paddr, PG_LEVEL_512G,
		level);
	if ((user_load32(pml4e) & PTE_LARGE_MASK) !== 0)
		return;

	const pdpe = virt_create_upper_pte(vm, pte_pfn(pml4e), vaddr, paddr, PG_LEVEL_1G, level);
	if ((user_load32(pdpe) & PTE_LARGE_MASK) !== 0)
		return;

	const pde = virt_create_upper_pte(vm, pte_pfn(pdpe), vaddr, paddr, PG_LEVEL_2M, level);
	if ((user_load32(pde) & PTE_LARGE_MASK) !== 0)
		return;

	/* Fill in page table entry. */
	const pte = virt_get_pte(vm, pte_pfn(pde), vaddr, PG_LEVEL_4K);
	TEST_ASSERT((user_load32(pte) & PTE_PRESENT_MASK) === 0,
		"PTE already present for 4k page at vaddr: 0x%lx\n", vaddr);
	user_store64n(pte, paddr + (PTE_PRESENT_MASK | PTE_WRITABLE_MASK));
}

export function virt_arch_pg_map(vm: struct_kvm_vm, vaddr: vm_vaddr_t, paddr: vm_paddr_t): void {
	__virt_pg_map(vm, vaddr, paddr, PG_LEVEL_4K);
}

/** Where @vaddr's last-level entry is in the test's memory. */
function _vm_get_page_table_entry(vm: struct_kvm_vm, vcpu: struct_kvm_vcpu,
	vaddr: vm_vaddr_t): number {
	let rsvd_mask = 0n;

	/* Set the high bits in the reserved mask. */
	if (vm.pa_bits < 52)
		rsvd_mask = (1n << 52n) - (1n << BigInt(vm.pa_bits));

	/* without EFER.NXE, bit 63 of a present entry is reserved */
	const sregs = struct_kvm_sregs.alloc();
	vcpu_sregs_get(vcpu, sregs);
	if ((sregs.efer & EFER_NX) === 0n)
		rsvd_mask |= PTE_NX_MASK;

	TEST_ASSERT(sparsebit_is_set(vm.vpages_valid, Math.floor(vaddr / vm.page_size)),
		"Invalid virtual address, vaddr: 0x%lx", vaddr);

	const names = ["pte", "pde", "pdpe", "pml4e"];
	let pfn = vm.pgd / vm.page_size;
	for (let level = PG_LEVEL_512G; ; level--) {
		const pte = virt_get_pte(vm, pfn, vaddr, level);

		TEST_ASSERT((user_load32(pte) & PTE_PRESENT_MASK) !== 0,
			"Expected %s to be present for gva: 0x%08lx", names[level - 1]!, vaddr);
		if (level === PG_LEVEL_4K)
			return pte;
		TEST_ASSERT((user_load32(pte) & PTE_LARGE_MASK) === 0,
			"Expected %s to map a table not a large page.", names[level - 1]!);
		TEST_ASSERT((user_load64(pte) & rsvd_mask) === 0n,
			"Unexpected reserved bits set.");
		pfn = pte_pfn(pte);
	}
}

export function vm_get_page_table_entry(vm: struct_kvm_vm, vcpu: struct_kvm_vcpu,
	vaddr: vm_vaddr_t): bigint {
	return user_load64(_vm_get_page_table_entry(vm, vcpu, vaddr));
}

export function vm_set_page_table_entry(vm: struct_kvm_vm, vcpu: struct_kvm_vcpu,
	vaddr: vm_vaddr_t, pte: bigint): void {
	user_store64(_vm_get_page_table_entry(vm, vcpu, vaddr), pte);
}

/** Sets the segment register to an unusable state. */
function kvm_seg_set_unusable(segp: struct_kvm_segment): void {
	segp.bytes.fill(0);
	segp.unusable = 1;
}

function kvm_seg_fill_gdt_64bit(vm: struct_kvm_vm, segp: struct_kvm_segment): void {
	const desc = new Uint8Array(segp.s !== 0 ? 8 : 16);
	const dv = new DataView(desc.buffer);
	const base = Number(segp.base & 0xffffffffn);

	dv.setUint16(0, segp.limit & 0xffff, true);
	dv.setUint16(2, base & 0xffff, true);
	dv.setUint8(4, base >>> 16);
	dv.setUint8(5, segp.type | segp.s << 4 | segp.dpl << 5 | segp.present << 7);
	dv.setUint8(6, segp.limit >>> 16 & 0xf | segp.avl << 4 | segp.l << 5 | segp.db << 6 |
		segp.g << 7);
	dv.setUint8(7, base >>> 24);
	if (segp.s === 0)
		dv.setUint32(8, Number(segp.base >> 32n), true);
	poke(addr_gva2hva(vm, vm.gdt) + (segp.selector >> 3) * 8, desc);
}

/** A flat code segment of 64-bit mode. @vm null: the register only, not the GDT. */
function kvm_seg_set_kernel_code_64bit(vm: struct_kvm_vm | null, selector: number,
	segp: struct_kvm_segment): void {
	segp.bytes.fill(0);
	segp.selector = selector;
	segp.limit = 0xffffffff;
	segp.s = 0x1;			/* code or data */
	segp.type = 0x08 | 0x01 | 0x02;	/* code, accessed, readable */
	segp.g = 1;
	segp.l = 1;
	segp.present = 1;
	if (vm !== null)
		kvm_seg_fill_gdt_64bit(vm, segp);
}

function kvm_seg_set_kernel_data_64bit(vm: struct_kvm_vm | null, selector: number,
	segp: struct_kvm_segment): void {
	segp.bytes.fill(0);
	segp.selector = selector;
	segp.limit = 0xffffffff;
	segp.s = 0x1;			/* code or data */
	segp.type = 0x00 | 0x01 | 0x02;	/* data, accessed, writable */
	segp.g = 1;
	segp.present = 1;
	if (vm !== null)
		kvm_seg_fill_gdt_64bit(vm, segp);
}

export function addr_arch_gva2gpa(vm: struct_kvm_vm, gva: vm_vaddr_t): vm_paddr_t {
	TEST_ASSERT(vm.mode === VM_MODE_PXXV48_4K, "Attempt to use " +
		"unknown or unsupported guest mode, mode: 0x%x", vm.mode);

	unmapped_gva: {
		if (!vm.pgd_created)
			break unmapped_gva;
		let pfn = vm.pgd / vm.page_size;
		for (let level = PG_LEVEL_512G; level >= PG_LEVEL_4K; level--) {
			const pte = virt_get_pte(vm, pfn, gva, level);

			if ((user_load32(pte) & PTE_PRESENT_MASK) === 0)
				break unmapped_gva;
			pfn = pte_pfn(pte);
		}
		return pfn * vm.page_size + gva % vm.page_size;
	}

	TEST_FAIL("No mapping for vm virtual address, gva: 0x%lx", gva);
}

function kvm_setup_gdt(vm: struct_kvm_vm, dt: struct_kvm_dtable): void {
	if (vm.gdt === 0)
		vm.gdt = vm_vaddr_alloc_page(vm);

	dt.base = BigInt(vm.gdt);
	dt.limit = getpagesize();
}

function kvm_setup_tss_64bit(vm: struct_kvm_vm, segp: struct_kvm_segment, selector: number): void {
	if (vm.tss === 0)
		vm.tss = vm_vaddr_alloc_page(vm);

	segp.bytes.fill(0);
	segp.base = BigInt(vm.tss);
	segp.limit = 0x67;
	segp.selector = selector;
	segp.type = 0xb;
	segp.present = 1;
	kvm_seg_fill_gdt_64bit(vm, segp);
}

function vcpu_setup(vm: struct_kvm_vm, vcpu: struct_kvm_vcpu): void {
	const sregs = struct_kvm_sregs.alloc();

	/* Set mode specific system register values. */
	vcpu_sregs_get(vcpu, sregs);

	sregs.idt.limit = 0;

	kvm_setup_gdt(vm, sregs.gdt);

	sregs.cr0 = BigInt(X86_CR0_PE + X86_CR0_NE + X86_CR0_PG);
	sregs.cr4 |= BigInt(X86_CR4_PAE | X86_CR4_OSFXSR);
	sregs.efer |= EFER_LME | EFER_LMA | EFER_NX;

	kvm_seg_set_unusable(sregs.ldt);
	kvm_seg_set_kernel_code_64bit(vm, DEFAULT_CODE_SELECTOR, sregs.cs);
	kvm_seg_set_kernel_data_64bit(vm, DEFAULT_DATA_SELECTOR, sregs.ds);
	kvm_seg_set_kernel_data_64bit(vm, DEFAULT_DATA_SELECTOR, sregs.es);
	kvm_setup_tss_64bit(vm, sregs.tr, 0x18);

	sregs.cr3 = BigInt(vm.pgd);
	vcpu_sregs_set(vcpu, sregs);
}

export function vm_arch_vcpu_add(vm: struct_kvm_vm, vcpu_id: number, guest_code: guest_fn):
	struct_kvm_vcpu {
	const stack_vaddr = vm_vaddr_alloc(vm, DEFAULT_STACK_PGS * getpagesize(),
		DEFAULT_GUEST_STACK_VADDR_MIN);

	const vcpu = __vm_vcpu_add(vm, vcpu_id);
	vcpu_init_cpuid(vcpu, kvm_get_supported_cpuid());
	vcpu_setup(vm, vcpu);

	/* Setup guest general purpose registers */
	const regs = struct_kvm_regs.alloc();
	vcpu_regs_get(vcpu, regs);
	regs.rflags = regs.rflags | 0x2n;
	regs.rsp = BigInt(stack_vaddr + DEFAULT_STACK_PGS * getpagesize());
	regs.rip = BigInt(guest_text_alloc(guest_code));
	vcpu_regs_set(vcpu, regs);

	/* Setup the MP state */
	const mp_state = struct_kvm_mp_state.alloc();
	mp_state.mp_state = 0;
	vcpu_mp_state_set(vcpu, mp_state);

	return vcpu;
}

export function vm_arch_vcpu_recreate(vm: struct_kvm_vm, vcpu_id: number): struct_kvm_vcpu {
	const vcpu = __vm_vcpu_add(vm, vcpu_id);

	vcpu_init_cpuid(vcpu, kvm_get_supported_cpuid());

	return vcpu;
}

let supported_cpuid: struct_kvm_cpuid2 | null = null;

export function kvm_get_supported_cpuid(): struct_kvm_cpuid2 {
	if (supported_cpuid !== null)
		return supported_cpuid;

	const cpuid = allocate_kvm_cpuid2(MAX_NR_CPUID_ENTRIES);
	const kvm_fd = open_kvm_dev_path_or_exit();

	kvm_ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid);

	close(kvm_fd);
	return supported_cpuid = cpuid;
}

export function kvm_cpuid_has(cpuid: struct_kvm_cpuid2,
	feature: struct_kvm_x86_cpu_feature): boolean {
	for (let i = 0; i < cpuid.nent; i++) {
		const entry = cpuid.entries[i]!;

		if (entry.function === feature.function_ && entry.index === feature.index)
			return (entry[feature.reg] >>> feature.bit & 1) !== 0;
	}

	return false;
}

/** kvm_msrs with room for one entry, of @index. */
function one_msr(index: number, data: bigint): struct_kvm_msrs {
	const buffer = struct_kvm_msrs.alloc(sizeof(struct_kvm_msr_entry));

	buffer.nmsrs = 1;
	buffer.entries[0]!.index = index;
	buffer.entries[0]!.data = data;
	return buffer;
}

export function kvm_get_feature_msr(msr_index: number): bigint {
	const buffer = one_msr(msr_index, 0n);
	const kvm_fd = open_kvm_dev_path_or_exit();

	const r = __kvm_ioctl(kvm_fd, KVM_GET_MSRS, buffer);
	TEST_ASSERT(r === 1, ...KVM_IOCTL_ERROR(KVM_GET_MSRS, r));

	close(kvm_fd);
	return buffer.entries[0]!.data;
}

export function vcpu_init_cpuid(vcpu: struct_kvm_vcpu, cpuid: struct_kvm_cpuid2): void {
	TEST_ASSERT(cpuid !== vcpu.cpuid, "@cpuid can't be the vCPU's CPUID");

	/* Allow overriding the default CPUID. */
	if (vcpu.cpuid !== null && vcpu.cpuid.nent < cpuid.nent)
		vcpu.cpuid = null;

	vcpu.cpuid ??= allocate_kvm_cpuid2(cpuid.nent);

	vcpu.cpuid.bytes.set(cpuid.bytes.subarray(0, sizeof(struct_kvm_cpuid2) +
		cpuid.nent * sizeof(struct_kvm_cpuid_entry2)));
	vcpu_set_cpuid(vcpu);
}

export function vcpu_set_cpuid_maxphyaddr(vcpu: struct_kvm_vcpu, maxphyaddr: number): void {
	const entry = vcpu_get_cpuid_entry(vcpu, 0x80000008);

	entry.eax = (entry.eax & ~0xff) | maxphyaddr;
	vcpu_set_cpuid(vcpu);
}

export function vcpu_clear_cpuid_entry(vcpu: struct_kvm_vcpu, function_: number): void {
	const entry = vcpu_get_cpuid_entry(vcpu, function_);

	entry.eax = 0;
	entry.ebx = 0;
	entry.ecx = 0;
	entry.edx = 0;
	vcpu_set_cpuid(vcpu);
}

export function vcpu_set_or_clear_cpuid_feature(vcpu: struct_kvm_vcpu,
	feature: struct_kvm_x86_cpu_feature, set: boolean): void {
	const entry = __vcpu_get_cpuid_entry(vcpu, feature.function_, feature.index);

	if (set)
		entry[feature.reg] |= 1 << feature.bit;
	else
		entry[feature.reg] &= ~(1 << feature.bit);

	vcpu_set_cpuid(vcpu);
}

export function vcpu_get_msr(vcpu: struct_kvm_vcpu, msr_index: number): bigint {
	const buffer = one_msr(msr_index, 0n);

	vcpu_msrs_get(vcpu, buffer);

	return buffer.entries[0]!.data;
}

export function _vcpu_set_msr(vcpu: struct_kvm_vcpu, msr_index: number,
	msr_value: bigint): number {
	return __vcpu_ioctl(vcpu, KVM_SET_MSRS, one_msr(msr_index, msr_value));
}

export function vcpu_args_set(vcpu: struct_kvm_vcpu, num: number,
	...args: (number | bigint)[]): void {
	TEST_ASSERT(num >= 1 && num <= 6, "Unsupported number of args,\n" +
		"  num: %u\n",
	num);

	const regs = struct_kvm_regs.alloc();
	vcpu_regs_get(vcpu, regs);

	const names = ["rdi", "rsi", "rdx", "rcx", "r8", "r9"] as const;
	for (let i = 0; i < num; i++)
		regs[names[i]!] = BigInt.asUintN(64, BigInt(args[i]!));

	vcpu_regs_set(vcpu, regs);
}

function __kvm_get_msr_index_list(feature_msrs: boolean): number[] {
	const cmd = feature_msrs ? KVM_GET_MSR_FEATURE_INDEX_LIST : KVM_GET_MSR_INDEX_LIST;
	const kvm_fd = open_kvm_dev_path_or_exit();

	const nmsrs = struct_kvm_msr_list.alloc();
	const r = __kvm_ioctl(kvm_fd, cmd, nmsrs);

	TEST_ASSERT(r === -1 && errno() === E2BIG,
		"Expected -E2BIG, got rc: %i errno: %i (%s)",
		r, errno(), strerror(errno()));

	const list = struct_kvm_msr_list.alloc(nmsrs.nmsrs * 4);
	list.nmsrs = nmsrs.nmsrs;

	kvm_ioctl(kvm_fd, cmd, list);
	close(kvm_fd);

	TEST_ASSERT(list.nmsrs === nmsrs.nmsrs,
		"Number of MSRs in list changed, was %d, now %d",
		nmsrs.nmsrs, list.nmsrs);
	return Array.from({ length: list.nmsrs }, (_, i) => list.indices[i]!);
}

let msr_list: number[] | null = null;
let feature_msr_list: number[] | null = null;

export function kvm_get_msr_index_list(): readonly number[] {
	return msr_list ??= __kvm_get_msr_index_list(false);
}

export function kvm_get_feature_msr_index_list(): readonly number[] {
	return feature_msr_list ??= __kvm_get_msr_index_list(true);
}

export function kvm_msr_is_in_save_restore_list(msr_index: number): boolean {
	return kvm_get_msr_index_list().includes(msr_index);
}

function cpu_vendor_string_is(vendor: string): boolean {
	const { ebx, ecx, edx } = user_cpuid(0, 0);
	const text = new Uint8Array(new Uint32Array([ebx, edx, ecx]).buffer);

	return new TextDecoder().decode(text) === vendor;
}

export function is_intel_cpu(): boolean {
	return cpu_vendor_string_is("GenuineIntel");
}

export function is_amd_cpu(): boolean {
	return cpu_vendor_string_is("AuthenticAMD");
}

/** Into @width. */
export function kvm_get_cpu_address_width(width: { pa_bits: number; va_bits: number }): void {
	/* SDM 4.1.4 */
	if (kvm_get_cpuid_max_extended() < 0x80000008) {
		const pae = (kvm_get_supported_cpuid_entry(1).edx & (1 << 6)) !== 0;
		width.pa_bits = pae ? 36 : 32;
		width.va_bits = 32;
	} else {
		const entry = kvm_get_supported_cpuid_entry(0x80000008);
		width.pa_bits = entry.eax & 0xff;
		width.va_bits = (entry.eax >> 8) & 0xff;
	}
}

const IDT_ENTRY_SIZE = 16;

function set_idt_entry(vm: struct_kvm_vm, vector: number, addr: vm_vaddr_t, dpl: number,
	selector: number): void {
	const e = new Uint8Array(IDT_ENTRY_SIZE);
	const dv = new DataView(e.buffer);
	const a = BigInt.asUintN(64, BigInt(addr));

	dv.setUint16(0, Number(a & 0xffffn), true);
	dv.setUint16(2, selector, true);
	dv.setUint8(4, 0);				/* ist */
	dv.setUint8(5, 14 | dpl << 5 | 1 << 7);		/* interrupt gate, present */
	dv.setUint16(6, Number(a >> 16n & 0xffffn), true);
	dv.setUint32(8, Number(a >> 32n), true);
	poke(addr_gva2hva(vm, vm.idt) + vector * IDT_ENTRY_SIZE, e);
}

/** See KVM_EXCEPTION_MAGIC. */
function kvm_fixup_exception(regs: ex_regs): boolean {
	if (regs.r9 !== KVM_EXCEPTION_MAGIC)
		return false;

	if (regs.vector === DE_VECTOR)
		return false;

	regs.rip += regs.r11;
	regs.r9 = BigInt(regs.vector);
	return true;
}

/** Runs @insn, an instruction of @len bytes that may fault; the vector of the fault, or 0. */
export function* kvm_asm_safe(len: number, insn: () => guest_program):
	Generator<number, number, void> {
	yield* set_reg(REG_R9, KVM_EXCEPTION_MAGIC);
	yield* set_reg(REG_R11, BigInt(len));
	yield* insn();
	const r9 = yield* get_reg(REG_R9);
	yield* set_reg(REG_R9, 0n);
	return r9 === KVM_EXCEPTION_MAGIC ? 0 : Number(r9 & 0xffn);
}

export function kvm_exit_unexpected_vector(value: number): guest_program {
	return ucall(UCALL_UNHANDLED, 1, value);
}

/* handlers that tests installed, by the address that stands for them */
const handler_at = new Map<number, exception_handler>();
const handler_address = new Map<exception_handler, number>();
const HANDLER_BASE = 0x600000;

export function* route_exception(regs: ex_regs): guest_program {
	const handlers = reg_gva(yield* ld64(exception_handlers().gva));

	if (handlers !== 0) {
		const handler = handler_at.get(reg_gva(yield* ld64(handlers + 8 * regs.vector)));
		if (handler !== undefined) {
			yield* handler(regs);
			return;
		}
	}

	if (kvm_fixup_exception(regs))
		return;

	yield* kvm_exit_unexpected_vector(regs.vector);
}

const GPRS: readonly (readonly [keyof ex_regs & `r${string}`, number])[] = [
	["rcx", REG_RCX], ["rdx", REG_RDX], ["rbx", REG_RBX], ["rbp", REG_RBP], ["rsi", REG_RSI],
	["rdi", REG_RDI], ["r8", REG_R8], ["r9", REG_R9], ["r10", REG_R10], ["r11", REG_R11],
	["r12", REG_R12], ["r13", REG_R13], ["r14", REG_R14], ["r15", REG_R15], ["rax", REG_RAX],
];

const has_error_code = (vector: number): boolean =>
	vector === 8 || (vector >= 10 && vector <= 14) || vector === 17;

/** handlers.S: what the gate of @vector leads to. The stack holds what the CPU pushed. */
function* handle_exception(vector: number): guest_program {
	const regs = new ex_regs();

	/* before the first access to memory, which would change RAX */
	for (const [name, i] of GPRS)
		(regs[name] as bigint) = yield* get_reg(i);
	let frame: number = reg_gva(yield* get_reg(REG_RSP));
	regs.vector = vector;
	if (has_error_code(vector)) {
		regs.error_code = yield* ld64(frame);
		frame += 8;
	}
	regs.rip = yield* ld64(frame);
	regs.cs = yield* ld64(frame + 8);
	regs.rflags = yield* ld64(frame + 16);

	yield* route_exception(regs);

	yield* st64(frame, BigInt.asUintN(64, regs.rip));
	yield* st64(frame + 16, regs.rflags);
	for (const [name, i] of GPRS)
		yield* set_reg(i, BigInt.asUintN(64, regs[name] as bigint));
	/* Discard the error code. */
	yield* set_reg(REG_RSP, BigInt.asUintN(64, BigInt(frame)));
	yield* iret();
}

const idt_handlers: guest_fn[] = [];

function idt_handler(vector: number): vm_vaddr_t {
	return guest_text_alloc(idt_handlers[vector] ??= () => handle_exception(vector));
}

/** Exceptions get gates now, interrupts when their handlers are installed. */
const NUM_EXCEPTIONS = 32;

export function vm_init_descriptor_tables(vm: struct_kvm_vm): void {
	vm.idt = vm_vaddr_alloc_page(vm);
	vm.handlers = vm_vaddr_alloc_page(vm);
	for (let i = 0; i < NUM_EXCEPTIONS; i++)
		set_idt_entry(vm, i, idt_handler(i), 0, DEFAULT_CODE_SELECTOR);
}

export function vcpu_init_descriptor_tables(vcpu: struct_kvm_vcpu): void {
	const vm = vcpu.vm;
	const sregs = struct_kvm_sregs.alloc();

	vcpu_sregs_get(vcpu, sregs);
	sregs.idt.base = BigInt(vm.idt);
	sregs.idt.limit = NUM_INTERRUPTS * IDT_ENTRY_SIZE - 1;
	sregs.gdt.base = BigInt(vm.gdt);
	sregs.gdt.limit = getpagesize() - 1;
	kvm_seg_set_kernel_data_64bit(null, DEFAULT_DATA_SELECTOR, sregs.gs);
	vcpu_sregs_set(vcpu, sregs);
	exception_handlers().v = BigInt(vm.handlers);
	sync_global_to_guest(vm, exception_handlers());
}

export function vm_install_exception_handler(vm: struct_kvm_vm, vector: number,
	handler: exception_handler | null): void {
	const handlers = addr_gva2hva(vm, vm.handlers);
	let address = 0;

	if (handler !== null) {
		address = handler_address.get(handler) ?? HANDLER_BASE + 16 * handler_at.size;
		handler_address.set(handler, address);
		handler_at.set(address, handler);
	}
	user_store64n(handlers + 8 * vector, address);
	if (vector >= NUM_EXCEPTIONS)
		set_idt_entry(vm, vector, idt_handler(vector), 0, DEFAULT_CODE_SELECTOR);
}

export function* assert_on_unhandled_exception(vcpu: struct_kvm_vcpu): wait {
	const uc = new struct_ucall();

	if ((yield* get_ucall(vcpu, uc)) === UCALL_UNHANDLED) {
		const vector = uc.args[0]!;

		TEST_FAIL("Unexpected vectored event in guest (vector:0x%lx)", vector);
	}
}

export function get_cpuid_entry(cpuid: struct_kvm_cpuid2, function_: number, index: number):
	struct_kvm_cpuid_entry2 {
	for (let i = 0; i < cpuid.nent; i++) {
		const entry = cpuid.entries[i]!;
		if (entry.function === function_ && entry.index === index)
			return entry;
	}

	TEST_FAIL("CPUID function 0x%x index 0x%x not found ", function_, index);
}

/**
 * In the guest: the processor's own instruction. KVM would patch the other one, but cannot do so in
 * private memory.
 */
export function* kvm_hypercall(nr: bigint, a0: bigint, a1: bigint, a2: bigint, a3: bigint):
	Generator<number, bigint, void> {
	const { ebx, edx, ecx } = yield* cpuid(0);

	/* "AuthenticAMD" */
	if (ebx === 0x68747541 && edx === 0x69746e65 && ecx === 0x444d4163)
		return yield* vmmcall(nr, a0, a1, a2, a3);
	return yield* vmcall(nr, a0, a1, a2, a3);
}

export function vm_compute_max_gfn(vm: struct_kvm_vm): number {
	const num_ht_pages = 12 * 2 ** (30 - vm.page_shift); /* 12 GiB */
	let ht_gfn: number;

	const max_gfn = 2 ** (vm.pa_bits - vm.page_shift) - 1;

	/* Avoid reserved HyperTransport region on AMD processors.  */
	if (!is_amd_cpu())
		return max_gfn;

	if (vm.pa_bits < 40)
		return max_gfn;

	ht_gfn = 2 ** 28 - num_ht_pages;
	done: {
		if (x86_family(user_cpuid(1, 0).eax) < 0x17)
			break done;

		/*
		 * From then on at the top of the address space, which SME may have reduced. A
		 * processor that does not say how large that is gets the old value.
		 */
		const max_ext_leaf = user_cpuid(0x80000000, 0).eax;
		if (max_ext_leaf < 0x80000008)
			break done;

		const { eax } = user_cpuid(0x80000008, 0);
		let max_pfn = 2 ** ((eax & 0xff) - vm.page_shift) - 1;
		if (max_ext_leaf >= 0x8000001f) {
			const { ebx } = user_cpuid(0x8000001f, 0);
			max_pfn = Math.floor(max_pfn / 2 ** ((ebx >>> 6) & 0x3f));
		}

		ht_gfn = max_pfn - num_ht_pages;
	}
	return Math.min(max_gfn, ht_gfn - 1);
}

/** Whether kvm_intel runs guests in real mode as they are. */
export function vm_is_unrestricted_guest(vm: struct_kvm_vm | null): boolean {
	if (vm === null)
		close(open_kvm_dev_path_or_exit());

	return read_file("/sys/module/kvm_intel/parameters/unrestricted_guest")?.[0] === "Y";
}
