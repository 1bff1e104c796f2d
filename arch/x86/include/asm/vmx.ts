// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX: what the hardware defines, and what KVM makes of it.
 *
 * Upstream: arch/x86/include/asm/vmx.h. Fields, controls and masks are the hardware's:
 * hw/vmx_defs.ts. Left out: what only guests that are hypervisors need, and the L1D flush.
 */
import { KVM_USER_MEM_SLOTS } from "#linux/kvm_host.const.ts";
import { VMX_AR_DPL_SHIFT, VMX_MISC_PREEMPTION_TIMER_RATE_MASK } from "#hw/vmx_defs.ts";

export * from "#hw/vmx_defs.ts";
export { VMX_EXIT_REASON_FLAGS, VMX_EXIT_REASONS } from "#uapi-asm/vmx.ts";

/** Bit 63 of an EPT entry, in its high half: a violation that it causes is no #VE. */
export const VMX_EPT_SUPPRESS_VE_HI	= 0x80000000;

export function vmx_basic_vmcs_revision_id(vmx_basic: bigint): number {
	return Number(vmx_basic & 0x7fffffffn);
}

export function vmx_basic_vmcs_size(vmx_basic: bigint): number {
	return Number((vmx_basic >> 32n) & 0x1fffn);
}

export function vmx_misc_preemption_timer_rate(vmx_misc: bigint): number {
	return Number(vmx_misc) & VMX_MISC_PREEMPTION_TIMER_RATE_MASK;
}

export function vmx_misc_cr3_count(vmx_misc: bigint): number {
	return Number((vmx_misc >> 16n) & 0x1ffn);
}

export function vmx_misc_max_msr(vmx_misc: bigint): number {
	return Number((vmx_misc >> 25n) & 0x7n);
}

export function DEBUG_REG_ACCESS_REG(eq: number): number {
	return (eq >> 8) & 0xf;
}

export function VMX_AR_DPL(ar: number): number {
	return (ar >> VMX_AR_DPL_SHIFT) & 3;
}

export const TSS_PRIVATE_MEMSLOT		= KVM_USER_MEM_SLOTS + 0;
export const APIC_ACCESS_PAGE_PRIVATE_MEMSLOT	= KVM_USER_MEM_SLOTS + 1;
export const IDENTITY_PAGETABLE_PRIVATE_MEMSLOT	= KVM_USER_MEM_SLOTS + 2;
