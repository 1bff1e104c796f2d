// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64: control registers, CPUID features, page table bits, exceptions.
 *
 * Upstream: tools/testing/selftests/kvm/include/x86_64/processor.h. Left out: features nobody asks
 * for, save and restore of a vCPU's whole state, XMM registers, segment getters. What the guest
 * executes comes from isa_guest.ts.
 */
import { rdmsr, wrmsr, read_cr, write_cr, cpuid } from "#hw/isa_guest.ts";
import {
	KVM_GET_CPUID2, KVM_GET_DEBUGREGS, KVM_GET_MSRS, KVM_SET_CPUID2, KVM_SET_DEBUGREGS,
	KVM_SET_MSRS,
} from "#uapi/linux/kvm.ts";
import {
	struct_kvm_cpuid2, struct_kvm_cpuid_entry2, type struct_kvm_debugregs,
	type struct_kvm_msrs,
} from "#uapi-asm/kvm.ts";
import { sizeof } from "#asm-generic/struct.ts";
import type { guest_program } from "../guest.ts";
import { __vcpu_ioctl, KVM_IOCTL_ERROR, type struct_kvm_vcpu, vcpu_ioctl } from
	"../kvm_util_base.ts";
import { TEST_ASSERT } from "../test_util.ts";
import {
	_vcpu_set_msr, get_cpuid_entry, kvm_asm_safe, kvm_cpuid_has, kvm_get_supported_cpuid,
	vcpu_set_or_clear_cpuid_feature,
} from "../../lib/x86_64/processor.ts";

export * from "./msr-index.ts";

export const NMI_VECTOR		= 0x02;

export const X86_EFLAGS_FIXED	= 1 << 1;

export const X86_CR4_VME	= 1 << 0;
export const X86_CR4_PVI	= 1 << 1;
export const X86_CR4_TSD	= 1 << 2;
export const X86_CR4_DE		= 1 << 3;
export const X86_CR4_PSE	= 1 << 4;
export const X86_CR4_PAE	= 1 << 5;
export const X86_CR4_MCE	= 1 << 6;
export const X86_CR4_PGE	= 1 << 7;
export const X86_CR4_PCE	= 1 << 8;
export const X86_CR4_OSFXSR	= 1 << 9;
export const X86_CR4_OSXMMEXCPT	= 1 << 10;
export const X86_CR4_UMIP	= 1 << 11;
export const X86_CR4_LA57	= 1 << 12;
export const X86_CR4_VMXE	= 1 << 13;
export const X86_CR4_SMXE	= 1 << 14;
export const X86_CR4_FSGSBASE	= 1 << 16;
export const X86_CR4_PCIDE	= 1 << 17;
export const X86_CR4_OSXSAVE	= 1 << 18;
export const X86_CR4_SMEP	= 1 << 20;
export const X86_CR4_SMAP	= 1 << 21;
export const X86_CR4_PKE	= 1 << 22;

type cpuid_reg = "eax" | "ebx" | "ecx" | "edx";

export interface struct_kvm_x86_cpu_feature {
	readonly function_: number;
	readonly index: number;
	readonly reg: cpuid_reg;
	readonly bit: number;
}

const feature = (fn: number, index: number, reg: cpuid_reg, bit: number):
	struct_kvm_x86_cpu_feature => ({ function_: fn, index, reg, bit });

/* Basic Leafs, a.k.a. Intel defined */
export const X86_FEATURE_MWAIT		= feature(0x1, 0, "ecx", 3);
export const X86_FEATURE_VMX		= feature(0x1, 0, "ecx", 5);
export const X86_FEATURE_SMX		= feature(0x1, 0, "ecx", 6);
export const X86_FEATURE_PCID		= feature(0x1, 0, "ecx", 17);
export const X86_FEATURE_X2APIC		= feature(0x1, 0, "ecx", 21);
export const X86_FEATURE_XSAVE		= feature(0x1, 0, "ecx", 26);
export const X86_FEATURE_OSXSAVE	= feature(0x1, 0, "ecx", 27);
export const X86_FEATURE_APIC		= feature(0x1, 0, "edx", 9);
export const X86_FEATURE_FSGSBASE	= feature(0x7, 0, "ebx", 0);
export const X86_FEATURE_SMEP		= feature(0x7, 0, "ebx", 7);
export const X86_FEATURE_INVPCID	= feature(0x7, 0, "ebx", 10);
export const X86_FEATURE_SMAP		= feature(0x7, 0, "ebx", 20);
export const X86_FEATURE_UMIP		= feature(0x7, 0, "ecx", 2);
export const X86_FEATURE_PKU		= feature(0x7, 0, "ecx", 3);
export const X86_FEATURE_LA57		= feature(0x7, 0, "ecx", 16);

/* Extended Leafs, a.k.a. AMD defined */
export const X86_FEATURE_SVM		= feature(0x80000001, 0, "ecx", 2);
export const X86_FEATURE_NX		= feature(0x80000001, 0, "edx", 20);
export const X86_FEATURE_GBPAGES	= feature(0x80000001, 0, "edx", 26);
export const X86_FEATURE_LM		= feature(0x80000001, 0, "edx", 29);

/* KVM defined paravirt features. */
export const X86_FEATURE_KVM_ASYNC_PF		= feature(0x40000001, 0, "eax", 4);
export const X86_FEATURE_KVM_PV_SEND_IPI	= feature(0x40000001, 0, "eax", 11);
export const X86_FEATURE_KVM_PV_SCHED_YIELD	= feature(0x40000001, 0, "eax", 13);
export const X86_FEATURE_KVM_HC_MAP_GPA_RANGE	= feature(0x40000001, 0, "eax", 16);

/* Page table bitfield declarations, of the low half of an entry */
export const PTE_PRESENT_MASK	= 1 << 0;
export const PTE_WRITABLE_MASK	= 1 << 1;
export const PTE_USER_MASK	= 1 << 2;
export const PTE_ACCESSED_MASK	= 1 << 5;
export const PTE_DIRTY_MASK	= 1 << 6;
export const PTE_LARGE_MASK	= 1 << 7;
export const PTE_GLOBAL_MASK	= 1 << 8;
export const PTE_NX_MASK	= 1n << 63n;

export const PAGE_SHIFT		= 12;
export const PAGE_SIZE		= 1 << PAGE_SHIFT;

export const PHYSICAL_PAGE_MASK	= 0xffffffffff000n;

export function PTE_GET_PFN(pte: bigint): number {
	return Number((pte & PHYSICAL_PAGE_MASK) >> 12n);
}

/* in the guest */

export function* get_cr0(): Generator<number, bigint, void> {
	return yield* read_cr(0);
}

export function* get_cr4(): Generator<number, bigint, void> {
	return yield* read_cr(4);
}

export function* set_cr4(val: bigint): guest_program {
	yield* write_cr(4, val);
}

export function* this_cpu_has(f: struct_kvm_x86_cpu_feature): Generator<number, boolean, void> {
	const regs = yield* cpuid(f.function_, f.index);

	return (regs[f.reg] >>> f.bit & 1) !== 0;
}

export { is_amd_cpu, is_intel_cpu } from "../../lib/x86_64/processor.ts";

export function x86_family(eax: number): number {
	let x86 = (eax >>> 8) & 0xf;

	if (x86 === 0xf)
		x86 += (eax >>> 20) & 0xff;

	return x86;
}

export function x86_model(eax: number): number {
	return ((eax >>> 12) & 0xf0) | ((eax >>> 4) & 0x0f);
}

export { kvm_get_feature_msr, kvm_get_feature_msr_index_list, kvm_get_msr_index_list,
	kvm_msr_is_in_save_restore_list } from "../../lib/x86_64/processor.ts";

function msrs_check(msrs: struct_kvm_msrs, r: number): void {
	TEST_ASSERT(r === msrs.nmsrs, "KVM_GET_MSRS failed, r: %i (failed on MSR %x)",
		r, r < 0 || r >= msrs.nmsrs ? -1 : msrs.entries[r]!.index);
}

export function vcpu_msrs_get(vcpu: struct_kvm_vcpu, msrs: struct_kvm_msrs): void {
	msrs_check(msrs, __vcpu_ioctl(vcpu, KVM_GET_MSRS, msrs));
}

export function vcpu_msrs_set(vcpu: struct_kvm_vcpu, msrs: struct_kvm_msrs): void {
	msrs_check(msrs, __vcpu_ioctl(vcpu, KVM_SET_MSRS, msrs));
}

export function vcpu_debugregs_get(vcpu: struct_kvm_vcpu, debugregs: struct_kvm_debugregs): void {
	vcpu_ioctl(vcpu, KVM_GET_DEBUGREGS, debugregs);
}

export function vcpu_debugregs_set(vcpu: struct_kvm_vcpu, debugregs: struct_kvm_debugregs): void {
	vcpu_ioctl(vcpu, KVM_SET_DEBUGREGS, debugregs);
}

export { get_cpuid_entry, kvm_cpuid_has, kvm_get_supported_cpuid } from
	"../../lib/x86_64/processor.ts";

export function kvm_cpu_has(f: struct_kvm_x86_cpu_feature): boolean {
	return kvm_cpuid_has(kvm_get_supported_cpuid(), f);
}

export function allocate_kvm_cpuid2(nr_entries: number): struct_kvm_cpuid2 {
	const cpuid = struct_kvm_cpuid2.alloc(nr_entries * sizeof(struct_kvm_cpuid_entry2));

	cpuid.nent = nr_entries;

	return cpuid;
}

export { vcpu_init_cpuid } from "../../lib/x86_64/processor.ts";

export function __vcpu_get_cpuid_entry(vcpu: struct_kvm_vcpu, function_: number,
	index: number): struct_kvm_cpuid_entry2 {
	return get_cpuid_entry(vcpu.cpuid!, function_, index);
}

export function vcpu_get_cpuid_entry(vcpu: struct_kvm_vcpu, function_: number):
	struct_kvm_cpuid_entry2 {
	return __vcpu_get_cpuid_entry(vcpu, function_, 0);
}

export function __vcpu_set_cpuid(vcpu: struct_kvm_vcpu): number {
	TEST_ASSERT(vcpu.cpuid !== null, "Must do vcpu_init_cpuid() first");
	const r = __vcpu_ioctl(vcpu, KVM_SET_CPUID2, vcpu.cpuid);
	if (r !== 0)
		return r;

	vcpu_ioctl(vcpu, KVM_GET_CPUID2, vcpu.cpuid);
	return 0;
}

export function vcpu_set_cpuid(vcpu: struct_kvm_vcpu): void {
	TEST_ASSERT(vcpu.cpuid !== null, "Must do vcpu_init_cpuid() first");
	vcpu_ioctl(vcpu, KVM_SET_CPUID2, vcpu.cpuid);

	vcpu_ioctl(vcpu, KVM_GET_CPUID2, vcpu.cpuid);
}

export { vcpu_clear_cpuid_entry, vcpu_set_cpuid_maxphyaddr, vcpu_set_or_clear_cpuid_feature } from
	"../../lib/x86_64/processor.ts";

export function vcpu_set_cpuid_feature(vcpu: struct_kvm_vcpu,
	f: struct_kvm_x86_cpu_feature): void {
	vcpu_set_or_clear_cpuid_feature(vcpu, f, true);
}

export function vcpu_clear_cpuid_feature(vcpu: struct_kvm_vcpu,
	f: struct_kvm_x86_cpu_feature): void {
	vcpu_set_or_clear_cpuid_feature(vcpu, f, false);
}

export function __kvm_get_supported_cpuid_entry(function_: number, index: number):
	struct_kvm_cpuid_entry2 {
	return get_cpuid_entry(kvm_get_supported_cpuid(), function_, index);
}

export function kvm_get_supported_cpuid_entry(function_: number): struct_kvm_cpuid_entry2 {
	return __kvm_get_supported_cpuid_entry(function_, 0);
}

export { _vcpu_set_msr, vcpu_get_msr } from "../../lib/x86_64/processor.ts";

export function vcpu_set_msr(vcpu: struct_kvm_vcpu, msr_index: number, msr_value: bigint): void {
	const r = _vcpu_set_msr(vcpu, msr_index, msr_value);

	TEST_ASSERT(r === 1, ...KVM_IOCTL_ERROR(KVM_SET_MSRS, r));
}

export function kvm_get_cpuid_max_basic(): number {
	return kvm_get_supported_cpuid_entry(0).eax;
}

export function kvm_get_cpuid_max_extended(): number {
	return kvm_get_supported_cpuid_entry(0x80000000).eax;
}

export { kvm_get_cpu_address_width, vm_is_unrestricted_guest } from
	"../../lib/x86_64/processor.ts";

/** What an exception handler sees of the code that was interrupted, and may change. */
export class ex_regs {
	rax = 0n;
	rcx = 0n;
	rdx = 0n;
	rbx = 0n;
	rbp = 0n;
	rsi = 0n;
	rdi = 0n;
	r8 = 0n;
	r9 = 0n;
	r10 = 0n;
	r11 = 0n;
	r12 = 0n;
	r13 = 0n;
	r14 = 0n;
	r15 = 0n;
	vector = 0;
	error_code = 0n;
	rip = 0n;
	cs = 0n;
	rflags = 0n;
}

export type exception_handler = (regs: ex_regs) => guest_program;

export { vcpu_init_descriptor_tables, vm_init_descriptor_tables, vm_install_exception_handler } from
	"../../lib/x86_64/processor.ts";

/**
 * An instruction that may fault announces itself in registers, and the handler of an exception that
 * nobody else handles skips it and leaves the vector there:
 *
 *	in	r9 = KVM_EXCEPTION_MAGIC, r11 = length of the instruction
 *	out	r9 = vector
 *
 * #DE (vector 0) is not handled so.
 */
export const KVM_EXCEPTION_MAGIC = 0xabacadaban;

export { kvm_asm_safe };

const RDMSR_LENGTH = 2, WRMSR_LENGTH = 2;

/** [vector or 0, value] */
export function* rdmsr_safe(msr: number): Generator<number, [number, bigint], void> {
	let val = 0n;
	const vector = yield* kvm_asm_safe(RDMSR_LENGTH, function* () {
		val = yield* rdmsr(msr);
	});
	return [vector, val];
}

export function wrmsr_safe(msr: number, val: bigint): Generator<number, number, void> {
	return kvm_asm_safe(WRMSR_LENGTH, function* () {
		yield* wrmsr(msr, val);
	});
}

export { kvm_hypercall, vm_get_page_table_entry, vm_set_page_table_entry } from
	"../../lib/x86_64/processor.ts";

/* enum pg_level */
export const PG_LEVEL_NONE	= 0;
export const PG_LEVEL_4K	= 1;
export const PG_LEVEL_2M	= 2;
export const PG_LEVEL_1G	= 3;
export const PG_LEVEL_512G	= 4;

export function PG_LEVEL_SHIFT(level: number): number {
	return (level - 1) * 9 + 12;
}

/* a power is slow where V8 does not know both numbers */
const PG_LEVEL_SIZES = [0, 1, 2, 3, 4].map((level) => 2 ** PG_LEVEL_SHIFT(level));

export function PG_LEVEL_SIZE(level: number): number {
	return PG_LEVEL_SIZES[level]!;
}

export const PG_SIZE_4K		= 2 ** 12;
export const PG_SIZE_2M		= 2 ** 21;
export const PG_SIZE_1G		= 2 ** 30;

export { __virt_pg_map } from "../../lib/x86_64/processor.ts";

/* Basic CPU control in CR0 */
export const X86_CR0_PE		= 1 << 0;
export const X86_CR0_MP		= 1 << 1;
export const X86_CR0_EM		= 1 << 2;
export const X86_CR0_TS		= 1 << 3;
export const X86_CR0_ET		= 1 << 4;
export const X86_CR0_NE		= 1 << 5;
export const X86_CR0_WP		= 1 << 16;
export const X86_CR0_AM		= 1 << 18;
export const X86_CR0_NW		= 1 << 29;
export const X86_CR0_CD		= 1 << 30;
export const X86_CR0_PG		= 0x80000000;
