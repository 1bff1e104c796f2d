// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Bits of the flags register and of control registers.
 *
 * Upstream: arch/x86/include/uapi/asm/processor-flags.h. Left out: Cyrix registers, bit 63 of CR3
 * (write_cr3() takes it as an argument). Bit 31 makes the result of `&` and `|` negative: compare
 * with 0, or use u32().
 */

export const X86_EFLAGS_CF	= 1 << 0;
export const X86_EFLAGS_FIXED	= 1 << 1;
export const X86_EFLAGS_PF	= 1 << 2;
export const X86_EFLAGS_AF	= 1 << 4;
export const X86_EFLAGS_ZF	= 1 << 6;
export const X86_EFLAGS_SF	= 1 << 7;
export const X86_EFLAGS_TF	= 1 << 8;
export const X86_EFLAGS_IF	= 1 << 9;
export const X86_EFLAGS_DF	= 1 << 10;
export const X86_EFLAGS_OF	= 1 << 11;
export const X86_EFLAGS_IOPL_BIT	= 12;
export const X86_EFLAGS_IOPL	= 3 << X86_EFLAGS_IOPL_BIT;
export const X86_EFLAGS_NT	= 1 << 14;
export const X86_EFLAGS_RF	= 1 << 16;
export const X86_EFLAGS_VM	= 1 << 17;
export const X86_EFLAGS_AC	= 1 << 18;
export const X86_EFLAGS_VIF	= 1 << 19;
export const X86_EFLAGS_VIP	= 1 << 20;
export const X86_EFLAGS_ID	= 1 << 21;

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

export const X86_CR3_PWT	= 1 << 3;
export const X86_CR3_PCD	= 1 << 4;
export const X86_CR3_PCID_BITS	= 12;
export const X86_CR3_PCID_MASK	= (1 << X86_CR3_PCID_BITS) - 1;

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
export const X86_CR4_CET	= 1 << 23;

export const X86_CR8_TPR	= 0x0000000f;

export const CR0_STATE = (X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP |
	X86_CR0_AM | X86_CR0_PG) >>> 0;
