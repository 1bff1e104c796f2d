// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that tests name.
 *
 * Upstream: tools/arch/x86/include/asm/msr-index.h, kvm_para.h.
 */
export const MSR_EFER			= 0xc0000080;
export const EFER_SCE			= 1n << 0n;
export const EFER_LME			= 1n << 8n;
export const EFER_LMA			= 1n << 10n;
export const EFER_NX			= 1n << 11n;

export const MSR_IA32_TSC		= 0x10;
export const MSR_IA32_APICBASE		= 0x1b;
export const MSR_IA32_APICBASE_BSP	= 1n << 8n;
export const MSR_IA32_APICBASE_EXTD	= 1n << 10n;
export const MSR_IA32_APICBASE_ENABLE	= 1n << 11n;
export const MSR_IA32_APICBASE_BASE	= 0xfffffn << 12n;
export const MSR_IA32_MISC_ENABLE	= 0x1a0;
