// SPDX-License-Identifier: GPL-2.0
/*
 * Constants of local APICs that are computed with at module top level.
 *
 * Upstream: arch/x86/kvm/lapic.h, which re-exports them.
 */

/* bits of pending_events */
export const KVM_APIC_INIT		= 0;
export const KVM_APIC_SIPI		= 1;

export const APIC_SHORT_MASK		= 0xc0000;
export const APIC_DEST_NOSHORT		= 0x0;
export const APIC_DEST_MASK		= 0x800;

export const APIC_BROADCAST		= 0xff;
export const X2APIC_BROADCAST		= 0xffffffff;

/* enum lapic_lvt_entry */
export const LVT_TIMER			= 0;
export const LVT_THERMAL_MONITOR	= 1;
export const LVT_PERFORMANCE_COUNTER	= 2;
export const LVT_LINT0			= 3;
export const LVT_LINT1			= 4;
export const LVT_ERROR			= 5;
export const LVT_CMCI			= 6;
export const KVM_APIC_MAX_NR_LVT_ENTRIES	= 7;
