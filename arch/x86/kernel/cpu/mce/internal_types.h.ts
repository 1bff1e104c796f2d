// SPDX-License-Identifier: GPL-2.0
/*
 * What internal.h has for the top level of other files.
 *
 * Upstream: arch/x86/kernel/cpu/mce/internal.h.
 */
import { struct_llist_node } from "#linux/llist.ts";
import { MSR_IA32_MCx_CTL } from "#asm/msr-index.ts";
import { struct_mce } from "#asm/mce.const.ts";

export const MCE_NO_SEVERITY		= 0;
export const MCE_DEFERRED_SEVERITY	= 1;
export const MCE_UCNA_SEVERITY		= MCE_DEFERRED_SEVERITY;
export const MCE_KEEP_SEVERITY		= 2;
export const MCE_SOME_SEVERITY		= 3;
export const MCE_AO_SEVERITY		= 4;
export const MCE_UC_SEVERITY		= 5;
export const MCE_AR_SEVERITY		= 6;
export const MCE_PANIC_SEVERITY		= 7;

export class struct_mce_evt_llist {
	llnode = new struct_llist_node(this);
	mce = new struct_mce();
}

/** Same bank, status, address and details; only for what is printed when the host goes down. */
export function mce_cmp(m1: struct_mce, m2: struct_mce): boolean {
	return m1.bank !== m2.bank ||
		m1.status !== m2.status ||
		m1.addr !== m2.addr ||
		m1.misc !== m2.misc;
}

export interface mca_config {
	lmce_disabled: boolean;
	disabled: boolean;
	ser: boolean;
	/** the handler of #MC is set up */
	initialized: boolean;
	cmci_disabled: boolean;
	print_all: boolean;
	monarch_timeout: number;
	panic_timeout: number;
	bootlog: number;
}

export const MCA_CTL	= 0;
export const MCA_STATUS	= 1;
export const MCA_ADDR	= 2;
export const MCA_MISC	= 3;

export function mca_msr_reg(bank: number, reg: number): number {
	return MSR_IA32_MCx_CTL(bank) + reg;
}
