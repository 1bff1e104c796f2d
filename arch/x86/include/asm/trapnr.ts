// SPDX-License-Identifier: GPL-2.0
/*
 * Exception vectors, and the error code of page faults.
 *
 * Upstream: arch/x86/include/asm/{trapnr,trap_pf}.h.
 */
export { X86_PF_INSTR, X86_PF_PROT, X86_PF_RSVD, X86_PF_USER, X86_PF_WRITE, X86_TRAP_GP,
	X86_TRAP_MC, X86_TRAP_PF } from "#hw/cpu.ts";

export const X86_PF_PK		= 1 << 5;
export const X86_PF_SGX		= 1 << 15;

/* of encrypted guests */
export const X86_TRAP_VC	= 29;
