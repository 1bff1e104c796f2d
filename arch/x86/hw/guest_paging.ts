// SPDX-License-Identifier: GPL-2.0
/*
 * Bits of control registers and page table entries, as the guest CPU interprets them.
 *
 * Port-only.
 */
export const CR0_PE	= 0x00000001;
export const CR0_MP	= 0x00000002;
export const CR0_EM	= 0x00000004;
export const CR0_TS	= 0x00000008;
export const CR0_ET	= 0x00000010;
export const CR0_NE	= 0x00000020;
export const CR0_WP	= 0x00010000;
export const CR0_AM	= 0x00040000;
export const CR0_NW	= 0x20000000;
export const CR0_CD	= 0x40000000;
export const CR0_PG	= 0x80000000;
export const CR0_VALID	= 0xe005003f;

export const CR4_PSE	= 0x00000010;
export const CR4_PAE	= 0x00000020;
export const CR4_MCE	= 0x00000040;
export const CR4_PGE	= 0x00000080;
export const CR4_VMXE	= 0x00002000;
export const CR4_PCIDE	= 0x00020000;
export const CR4_SMEP	= 0x00100000;
export const CR4_SMAP	= 0x00200000;
/* VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT VMXE FSGSBASE PCIDE SMEP SMAP */
export const CR4_VALID	= 0x003327ff;

export const EFER_SCE	= 0x001;
export const EFER_LME	= 0x100;
export const EFER_LMA	= 0x400;
export const EFER_NX	= 0x800;
export const EFER_SVME	= 0x1000;

export const RFLAGS_CF	= 0x1;
export const RFLAGS_FIXED = 0x2;
export const RFLAGS_ZF	= 0x40;
export const RFLAGS_TF	= 0x100;
export const RFLAGS_IF	= 0x200;
export const RFLAGS_DF	= 0x400;
export const RFLAGS_IOPL = 0x3000;
export const RFLAGS_NT	= 0x4000;
export const RFLAGS_RF	= 0x10000;
export const RFLAGS_VM	= 0x20000;
export const RFLAGS_AC	= 0x40000;
/* bits that can be 1 */
export const RFLAGS_MASK = 0x3f7fd7;

export const PTE_P	= 1 << 0;
export const PTE_W	= 1 << 1;
export const PTE_U	= 1 << 2;
export const PTE_A	= 1 << 5;
export const PTE_D	= 1 << 6;
export const PTE_PS	= 1 << 7;

/** DR6: a single step. */
export const DR6_BS	= 1 << 14;

export const DE_VECTOR	= 0;
export const DB_VECTOR	= 1;
export const NMI_VECTOR	= 2;
export const BP_VECTOR	= 3;
export const UD_VECTOR	= 6;
export const DF_VECTOR	= 8;
export const TS_VECTOR	= 10;
export const NP_VECTOR	= 11;
export const SS_VECTOR	= 12;
export const GP_VECTOR	= 13;
export const PF_VECTOR	= 14;
export const MC_VECTOR	= 18;

/* rights of segments, as the VMCS has them */
export const AR_TYPE	= 0xf;
export const AR_S	= 1 << 4;
export const AR_DPL_SHIFT = 5;
export const AR_P	= 1 << 7;
export const AR_L	= 1 << 13;
export const AR_DB	= 1 << 14;
export const AR_UNUSABLE = 1 << 16;
