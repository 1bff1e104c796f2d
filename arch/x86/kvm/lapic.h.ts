// SPDX-License-Identifier: GPL-2.0
/*
 * Local APICs in the kernel: the struct, and questions asked on every entry.
 *
 * Upstream: arch/x86/kvm/lapic.h. Registers are read through apic.regs32, words of the page
 * apic.regs.
 */
import { gpa_t } from "#asm-generic/types.ts";
import { atomic_t } from "#linux/atomic.ts";
import { static_branch_unlikely } from "#linux/jump_label.ts";
import { struct_kvm_io_device, type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { struct_gfn_to_hva_cache } from "#linux/kvm_types.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { APIC_DM_LOWEST, APIC_ID, APIC_IRR, APIC_LVTCMCI, APIC_LVTT, X2APIC_ENABLE } from
	"#asm/apicdef.ts";
import type { struct_kvm_lapic_irq } from "#asm/kvm_host.ts";
import { MSR_IA32_APICBASE_ENABLE } from "#asm/msr-index.ts";
import { apic_hw_disabled, apic_sw_disabled } from "#arch/x86/kvm/lapic.ts";
import { KVM_APIC_INIT, LVT_CMCI } from "#arch/x86/kvm/lapic_const.h.ts";

export * from "#arch/x86/kvm/lapic_const.h.ts";

/* enum lapic_mode: bits of the APIC base MSR */
export const LAPIC_MODE_DISABLED	= 0;
export const LAPIC_MODE_INVALID		= X2APIC_ENABLE;
export const LAPIC_MODE_XAPIC		= Number(MSR_IA32_APICBASE_ENABLE);
export const LAPIC_MODE_X2APIC		= Number(MSR_IA32_APICBASE_ENABLE) | X2APIC_ENABLE;
export type lapic_mode = number;

export function APIC_LVTx(x: number): number {
	return x === LVT_CMCI ? APIC_LVTCMCI : APIC_LVTT + 0x10 * x;
}

/** The timer's registers have their values, but it never counts: pending stays 0. */
export class struct_kvm_timer {
	timer_mode = 0;
	timer_mode_mask = 0;
	tscdeadline = 0n;
	pending = new atomic_t();
}

export class struct_kvm_lapic {
	base_address = 0;
	dev = new struct_kvm_io_device(this);
	lapic_timer = new struct_kvm_timer();
	divide_count = 0;
	vcpu: struct_kvm_vcpu = null as unknown as struct_kvm_vcpu;
	apicv_active = false;
	sw_enabled = false;
	irr_pending = false;
	lvt0_in_nmi_mode = false;
	/** IRR and ISR are the hardware's, and KVM does not see them. */
	guest_apic_protected = false;
	/** bits set in ISR */
	isr_count = 0;
	/** the highest of them; -1: look for it */
	highest_isr_cache = 0;
	/** Laid out as the guest sees it: hardware that virtualises TPR reads it. */
	regs: Uint8Array = null as unknown as Uint8Array;
	regs32: Uint32Array = null as unknown as Uint32Array;
	regs_page: struct_page | null = null;
	vapic_addr: gpa_t = gpa_t(0);
	vapic_cache = new struct_gfn_to_hva_cache();
	/** bits KVM_APIC_INIT, KVM_APIC_SIPI */
	pending_events = 0;
	sipi_vector = 0;
	nr_lvt_entries = 0;
}

export { kvm_apic_accept_events, kvm_apic_accept_pic_intr, kvm_apic_after_set_mcg_cap,
	kvm_apic_clear_irr, kvm_apic_compare_prio, kvm_apic_get_state, kvm_apic_has_interrupt,
	kvm_apic_local_deliver, kvm_apic_match_dest, kvm_apic_pending_eoi, kvm_apic_send_ipi,
	kvm_apic_set_irq, kvm_apic_set_state, kvm_apic_set_version, kvm_apic_update_apicv,
	kvm_apic_update_ppr, kvm_apic_write_nodecode, kvm_create_lapic, kvm_free_lapic,
	kvm_get_apic_interrupt, kvm_get_lapic_tscdeadline_msr, kvm_intr_is_single_vcpu_fast,
	kvm_irq_delivery_to_apic_fast, kvm_lapic_exit, kvm_lapic_find_highest_irr,
	kvm_lapic_get_cr8, kvm_lapic_reset, kvm_lapic_set_base, kvm_lapic_set_eoi,
	kvm_lapic_set_pv_eoi, kvm_lapic_set_tpr, kvm_lapic_set_vapic_addr,
	kvm_lapic_sync_from_vapic, kvm_lapic_sync_to_vapic, kvm_pv_send_ipi,
	kvm_recalculate_apic_map, kvm_set_lapic_tscdeadline_msr, kvm_vector_to_index,
	kvm_x2apic_icr_write, kvm_x2apic_msr_read, kvm_x2apic_msr_write } from
	"#arch/x86/kvm/lapic.ts";
export { kvm_get_apic_base, kvm_get_apic_mode, kvm_set_apic_base } from "#arch/x86/kvm/x86.ts";

export function VEC_POS(v: number): number {
	return v & (32 - 1);
}

/** Offset, in bytes, of the register that holds vector @v, from the first of its kind. */
export function REG_POS(v: number): number {
	return (v >> 5) << 4;
}

/** @base APIC_IRR, APIC_ISR or APIC_TMR */
export function kvm_lapic_clear_vector(vec: number, apic: struct_kvm_lapic, base: number): void {
	apic.regs32[(base + REG_POS(vec)) >> 2]! &= ~(1 << VEC_POS(vec));
}

export function kvm_lapic_set_vector(vec: number, apic: struct_kvm_lapic, base: number): void {
	apic.regs32[(base + REG_POS(vec)) >> 2]! |= 1 << VEC_POS(vec);
}

export function kvm_lapic_set_irr(vec: number, apic: struct_kvm_lapic): void {
	kvm_lapic_set_vector(vec, apic, APIC_IRR);
	/* true whenever a bit of IRR is set, so after it: apic_clear_irr() may be at work */
	apic.irr_pending = true;
}

export function __kvm_lapic_get_reg(regs32: Uint32Array, reg_off: number): number {
	return regs32[reg_off >> 2]!;
}

export function kvm_lapic_get_reg(apic: struct_kvm_lapic, reg_off: number): number {
	return apic.regs32[reg_off >> 2]!;
}

/** C first asks a static key whether there is any vCPU without. */
export function lapic_in_kernel(vcpu: struct_kvm_vcpu): boolean {
	return vcpu.arch.apic !== null;
}

export { apic_hw_disabled, apic_sw_disabled } from "#arch/x86/kvm/lapic.ts";

export function kvm_apic_hw_enabled(apic: struct_kvm_lapic): boolean {
	if (static_branch_unlikely(apic_hw_disabled))
		return (apic.vcpu.arch.apic_base & MSR_IA32_APICBASE_ENABLE) !== 0n;
	return true;
}

export function kvm_apic_sw_enabled(apic: struct_kvm_lapic): boolean {
	if (static_branch_unlikely(apic_sw_disabled))
		return apic.sw_enabled;
	return true;
}

export function kvm_apic_present(vcpu: struct_kvm_vcpu): boolean {
	return lapic_in_kernel(vcpu) && kvm_apic_hw_enabled(vcpu.arch.apic!);
}

export function kvm_lapic_enabled(vcpu: struct_kvm_vcpu): boolean {
	return kvm_apic_present(vcpu) && kvm_apic_sw_enabled(vcpu.arch.apic!);
}

export function apic_x2apic_mode(apic: struct_kvm_lapic): boolean {
	return (Number(apic.vcpu.arch.apic_base) & X2APIC_ENABLE) !== 0;
}

export function kvm_vcpu_apicv_active(vcpu: struct_kvm_vcpu): boolean {
	return lapic_in_kernel(vcpu) && vcpu.arch.apic!.apicv_active;
}

export function kvm_apic_has_events(vcpu: struct_kvm_vcpu): boolean {
	return lapic_in_kernel(vcpu) && vcpu.arch.apic!.pending_events !== 0;
}

export function kvm_lowest_prio_delivery(irq: struct_kvm_lapic_irq): boolean {
	return irq.delivery_mode === APIC_DM_LOWEST || irq.msi_redir_hint;
}

export function kvm_lapic_latched_init(vcpu: struct_kvm_vcpu): boolean {
	return lapic_in_kernel(vcpu) &&
		(vcpu.arch.apic!.pending_events & 1 << KVM_APIC_INIT) !== 0;
}

export function kvm_apic_mode(apic_base: bigint): lapic_mode {
	return Number(apic_base) & LAPIC_MODE_X2APIC;
}

export function kvm_xapic_id(apic: struct_kvm_lapic): number {
	return kvm_lapic_get_reg(apic, APIC_ID) >>> 24;
}
