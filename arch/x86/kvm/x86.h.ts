// SPDX-License-Identifier: GPL-2.0
/*
 * What x86.ts shares with the other files of KVM on x86, and questions about a vCPU's mode.
 *
 * Upstream: arch/x86/kvm/x86.h. Left out: PLE windows, kvmclock's arithmetic, SEV-ES, real mode.
 */
import { gva_t, ref, type gfn_t, type gpa_t } from "#asm-generic/types.ts";
import { ul_shr } from "#asm-generic/bits.ts";
import { CONFIG_X86_MCE } from "#generated/autoconf.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { WRITE_ONCE } from "#linux/compiler.ts";
import { KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS, kvm_memslots, type struct_kvm,
	type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { kvm_x86_ops } from "#asm/kvm_host.ts";
import { do_machine_check } from "#asm/mce.ts";
import { EFER_LMA } from "#asm/msr-index.ts";
import { __is_canonical_address, PAGE_ALIGN_DOWN, PAGE_SHIFT } from "#asm/page.ts";
import { X86_CR0_PE, X86_CR0_PG, X86_CR4_FSGSBASE, X86_CR4_LA57, X86_CR4_OSXSAVE, X86_CR4_PAE,
	X86_CR4_PCIDE, X86_CR4_PKE, X86_CR4_PSE, X86_CR4_SMAP, X86_CR4_SMEP, X86_CR4_UMIP,
	X86_CR4_VMXE } from "#asm/processor-flags.ts";
import { X86_EFLAGS_IF, struct_pt_regs } from "#asm/ptrace.ts";
import { X86_FEATURE_FSGSBASE, X86_FEATURE_LA57, X86_FEATURE_PCID, X86_FEATURE_PKU,
	X86_FEATURE_SMAP, X86_FEATURE_SMEP, X86_FEATURE_UMIP, X86_FEATURE_VMX,
	X86_FEATURE_XSAVE } from "#asm/cpufeatures.ts";
import { CR4_RESERVED_BITS } from "#asm/kvm_host.const.ts";
import { AC_VECTOR, BP_VECTOR, DF_VECTOR, GP_VECTOR, NP_VECTOR, OF_VECTOR, PF_VECTOR, SS_VECTOR,
	TS_VECTOR } from "#uapi-asm/kvm.ts";
import { KVM_X86_NOTIFY_VMEXIT_ENABLED } from "#uapi/linux/kvm.ts";
import { is_smm, kvm_read_cr0_bits, kvm_read_cr4_bits, kvm_register_read_raw,
	kvm_register_write_raw } from "#arch/x86/kvm/kvm_cache_regs.h.ts";

export { struct_kvm_caps } from "#arch/x86/kvm/x86_types.h.ts";

export { kvm_spurious_fault } from "#arch/x86/kvm/x86.ts";

export const MSR_IA32_CR_PAT_DEFAULT	= 0x0007040600070406n;

export { kvm_service_local_tlb_flush_requests } from "#arch/x86/kvm/x86.ts";

export function kvm_clear_exception_queue(vcpu: struct_kvm_vcpu): void {
	vcpu.arch.exception.pending = false;
	vcpu.arch.exception.injected = false;
}

export function kvm_queue_interrupt(vcpu: struct_kvm_vcpu, vector: number, soft: boolean): void {
	vcpu.arch.interrupt.injected = true;
	vcpu.arch.interrupt.soft = soft;
	vcpu.arch.interrupt.nr = vector;
}

export function kvm_clear_interrupt_queue(vcpu: struct_kvm_vcpu): void {
	vcpu.arch.interrupt.injected = false;
}

export function kvm_event_needs_reinjection(vcpu: struct_kvm_vcpu): boolean {
	return vcpu.arch.exception.injected || vcpu.arch.interrupt.injected ||
		vcpu.arch.nmi_injected;
}

export function kvm_exception_is_soft(nr: number): boolean {
	return nr === BP_VECTOR || nr === OF_VECTOR;
}

export function is_protmode(vcpu: struct_kvm_vcpu): boolean {
	return kvm_read_cr0_bits(vcpu, X86_CR0_PE) !== 0;
}

export function is_long_mode(vcpu: struct_kvm_vcpu): boolean {
	return (vcpu.arch.efer & EFER_LMA) !== 0;
}

const cs_db = new ref(0), cs_l = new ref(0);

export function is_64_bit_mode(vcpu: struct_kvm_vcpu): boolean {
	WARN_ON_ONCE(vcpu.arch.guest_state_protected);

	if (!is_long_mode(vcpu))
		return false;
	kvm_x86_ops.get_cs_db_l_bits(vcpu, cs_db, cs_l);
	return cs_l.v !== 0;
}

/** Where the state is protected, CS cannot be read; such guests make hypercalls in 64-bit mode. */
export function is_64_bit_hypercall(vcpu: struct_kvm_vcpu): boolean {
	return vcpu.arch.guest_state_protected || is_64_bit_mode(vcpu);
}

const exception_has_error_code = 1 << DF_VECTOR | 1 << TS_VECTOR | 1 << NP_VECTOR |
	1 << SS_VECTOR | 1 << GP_VECTOR | 1 << PF_VECTOR | 1 << AC_VECTOR;

export function x86_exception_has_error_code(vector: number): boolean {
	return (1 << vector & exception_has_error_code) !== 0;
}

/** There are no nested guests. */
export function mmu_is_nested(_vcpu: struct_kvm_vcpu): boolean {
	return false;
}

export function is_pae(vcpu: struct_kvm_vcpu): boolean {
	return kvm_read_cr4_bits(vcpu, X86_CR4_PAE) !== 0;
}

export function is_pse(vcpu: struct_kvm_vcpu): boolean {
	return kvm_read_cr4_bits(vcpu, X86_CR4_PSE) !== 0;
}

export function is_paging(vcpu: struct_kvm_vcpu): boolean {
	return kvm_read_cr0_bits(vcpu, X86_CR0_PG) !== 0;
}

export function is_pae_paging(vcpu: struct_kvm_vcpu): boolean {
	return !is_long_mode(vcpu) && is_pae(vcpu) && is_paging(vcpu);
}

export function vcpu_virt_addr_bits(vcpu: struct_kvm_vcpu): number {
	return kvm_read_cr4_bits(vcpu, X86_CR4_LA57) !== 0 ? 57 : 48;
}

/** @la a register's value, or a gva. */
export function is_noncanonical_address(la: bigint | gva_t, vcpu: struct_kvm_vcpu): boolean {
	const bits = vcpu_virt_addr_bits(vcpu);

	if (typeof la === "number")
		return la < -(2 ** (bits - 1)) || la >= 2 ** (bits - 1);
	return !__is_canonical_address(la, bits);
}

export function vcpu_cache_mmio_info(vcpu: struct_kvm_vcpu, gva: gva_t, gfn: gfn_t,
	access: number): void {
	const gen = kvm_memslots(vcpu.kvm).generation;

	if ((gen & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0)
		return;

	vcpu.arch.mmio_gva = PAGE_ALIGN_DOWN(gva);
	vcpu.arch.mmio_access = access;
	vcpu.arch.mmio_gfn = gfn;
	vcpu.arch.mmio_gen = gen;
}

export function vcpu_match_mmio_gen(vcpu: struct_kvm_vcpu): boolean {
	return vcpu.arch.mmio_gen === kvm_memslots(vcpu.kvm).generation;
}

/** For vcpu_clear_mmio_info(): whatever the address is. */
export const MMIO_GVA_ANY	= gva_t(-1);

export function vcpu_clear_mmio_info(vcpu: struct_kvm_vcpu, gva: gva_t): void {
	if (gva !== MMIO_GVA_ANY && vcpu.arch.mmio_gva !== PAGE_ALIGN_DOWN(gva))
		return;

	vcpu.arch.mmio_gva = 0;
}

export function vcpu_match_mmio_gva(vcpu: struct_kvm_vcpu, gva: gva_t): boolean {
	if (vcpu_match_mmio_gen(vcpu) && vcpu.arch.mmio_gva !== 0 &&
	    vcpu.arch.mmio_gva === PAGE_ALIGN_DOWN(gva))
		return true;

	return false;
}

export function vcpu_match_mmio_gpa(vcpu: struct_kvm_vcpu, gpa: gpa_t): boolean {
	if (vcpu_match_mmio_gen(vcpu) && vcpu.arch.mmio_gfn !== 0 &&
	    vcpu.arch.mmio_gfn === ul_shr(gpa, PAGE_SHIFT))
		return true;

	return false;
}

export function kvm_register_read(vcpu: struct_kvm_vcpu, reg: number): bigint {
	const val = kvm_register_read_raw(vcpu, reg);

	return is_64_bit_mode(vcpu) ? val : val & 0xffffffffn;
}

export function kvm_register_write(vcpu: struct_kvm_vcpu, reg: number, val: bigint): void {
	if (!is_64_bit_mode(vcpu))
		val &= 0xffffffffn;
	kvm_register_write_raw(vcpu, reg, val);
}

export function kvm_check_has_quirk(kvm: struct_kvm, quirk: number): boolean {
	return (kvm.arch.disabled_quirks & quirk) === 0;
}

export function kvm_vcpu_latch_init(vcpu: struct_kvm_vcpu): boolean {
	return is_smm(vcpu) || kvm_x86_ops.apic_init_signal_blocked(vcpu);
}

export { handle_ud, kvm_deliver_exception_payload, kvm_read_guest_virt,
	kvm_write_guest_virt_system } from "#arch/x86/kvm/x86.ts";

export {
	kvm_mtrr_check_gfn_range_consistency, kvm_mtrr_get_guest_memory_type, kvm_mtrr_get_msr,
	kvm_mtrr_set_msr, kvm_mtrr_valid, kvm_vcpu_mtrr_init,
} from "#arch/x86/kvm/mtrr.ts";

/* for TDs, whose instructions nobody emulates */
export { complete_emulator_pio_in, emulator_pio_in, emulator_pio_out } from "#arch/x86/kvm/x86.ts";

export { handle_fastpath_set_msr_irqoff, kvm_vector_hashing_enabled,
	x86_decode_emulated_instruction, x86_emulate_instruction } from "#arch/x86/kvm/x86.ts";

export { eager_page_split, enable_vmware_backdoor, host_xcr0, host_xss, kvm_caps,
	min_timer_period_us, report_ignored_msrs, set_enable_apicv } from "#arch/x86/kvm/x86.ts";

/** No CPU here has MPX. */
export function kvm_mpx_supported(): boolean {
	return false;
}

export function kvm_mwait_in_guest(kvm: struct_kvm): boolean {
	return kvm.arch.mwait_in_guest;
}

export function kvm_hlt_in_guest(kvm: struct_kvm): boolean {
	return kvm.arch.hlt_in_guest;
}

export function kvm_pause_in_guest(kvm: struct_kvm): boolean {
	return kvm.arch.pause_in_guest;
}

export function kvm_cstate_in_guest(kvm: struct_kvm): boolean {
	return kvm.arch.cstate_in_guest;
}

export function kvm_notify_vmexit_enabled(kvm: struct_kvm): boolean {
	return (kvm.arch.notify_vmexit_flags & KVM_X86_NOTIFY_VMEXIT_ENABLED) !== 0n;
}

/* enum kvm_intr_type; not 0 */
export const KVM_HANDLING_IRQ	= 1;
export const KVM_HANDLING_NMI	= 2;
export type kvm_intr_type = 1 | 2;

export function kvm_before_interrupt(vcpu: struct_kvm_vcpu, intr: kvm_intr_type): void {
	vcpu.arch.handling_intr_from_guest = WRITE_ONCE(intr);
}

export function kvm_after_interrupt(vcpu: struct_kvm_vcpu): void {
	vcpu.arch.handling_intr_from_guest = WRITE_ONCE(0);
}

export function kvm_handling_nmi_from_guest(vcpu: struct_kvm_vcpu): boolean {
	return vcpu.arch.handling_intr_from_guest === KVM_HANDLING_NMI;
}

/** Eight types of a byte each, of which 2, 3 and 8 and above do not exist. */
export function kvm_pat_valid(data: bigint): boolean {
	if ((data & 0xf8f8f8f8f8f8f8f8n) !== 0n)
		return false;
	return (data | (data & 0x0202020202020202n) << 1n) === data;
}

export function kvm_dr7_valid(data: bigint): boolean {
	return data >> 32n === 0n;
}

export function kvm_dr6_valid(data: bigint): boolean {
	return data >> 32n === 0n;
}

/** A guest's machine check is the host's: handled as if a program had met it. */
export function kvm_machine_check(): void {
	if (!CONFIG_X86_MCE)
		return;

	const regs = new struct_pt_regs();

	/* user mode, whatever the guest was in */
	regs.cs = 3;
	regs.flags = X86_EFLAGS_IF;
	do_machine_check(regs);
}

export { __kvm_is_valid_cr4, kvm_handle_memory_failure, kvm_load_guest_xsave_state,
	kvm_load_host_xsave_state, kvm_msr_allowed } from "#arch/x86/kvm/x86.ts";

export { KVM_MSR_RET_FILTERED, KVM_MSR_RET_INVALID } from "#arch/x86/kvm/x86_types.h.ts";

/** Bits of CR4 that are reserved for want of their feature; all above bit 31 are anyway. */
export function __cr4_reserved_bits<T>(__cpu_has: (c: T, feature: number) => boolean,
	__c: T): number {
	let __reserved_bits = CR4_RESERVED_BITS;

	if (!__cpu_has(__c, X86_FEATURE_XSAVE))
		__reserved_bits |= X86_CR4_OSXSAVE;
	if (!__cpu_has(__c, X86_FEATURE_SMEP))
		__reserved_bits |= X86_CR4_SMEP;
	if (!__cpu_has(__c, X86_FEATURE_SMAP))
		__reserved_bits |= X86_CR4_SMAP;
	if (!__cpu_has(__c, X86_FEATURE_FSGSBASE))
		__reserved_bits |= X86_CR4_FSGSBASE;
	if (!__cpu_has(__c, X86_FEATURE_PKU))
		__reserved_bits |= X86_CR4_PKE;
	if (!__cpu_has(__c, X86_FEATURE_LA57))
		__reserved_bits |= X86_CR4_LA57;
	if (!__cpu_has(__c, X86_FEATURE_UMIP))
		__reserved_bits |= X86_CR4_UMIP;
	if (!__cpu_has(__c, X86_FEATURE_VMX))
		__reserved_bits |= X86_CR4_VMXE;
	if (!__cpu_has(__c, X86_FEATURE_PCID))
		__reserved_bits |= X86_CR4_PCIDE;
	return __reserved_bits >>> 0;
}
