// SPDX-License-Identifier: GPL-2.0
/*
 * Features of CPUs: word * 32 + bit. The words are registers of CPUID leaves (enum cpuid_leafs of
 * cpufeature.ts) or, where they are none, Linux's own.
 *
 * Upstream: arch/x86/include/asm/cpufeatures.h, as far as KVM and the kernel ask. Bugs: the two
 * that KVM asks for; the model has none.
 */
export const NCAPINTS	= 20;
export const NBUGINTS	= 1;

export const X86_FEATURE_FPU			= 0 * 32 + 0;
export const X86_FEATURE_VME			= 0 * 32 + 1;
export const X86_FEATURE_DE			= 0 * 32 + 2;
export const X86_FEATURE_PSE			= 0 * 32 + 3;
export const X86_FEATURE_TSC			= 0 * 32 + 4;
export const X86_FEATURE_MSR			= 0 * 32 + 5;
export const X86_FEATURE_PAE			= 0 * 32 + 6;
export const X86_FEATURE_MCE			= 0 * 32 + 7;
export const X86_FEATURE_CX8			= 0 * 32 + 8;
export const X86_FEATURE_APIC			= 0 * 32 + 9;
export const X86_FEATURE_SEP			= 0 * 32 + 11;
export const X86_FEATURE_MTRR			= 0 * 32 + 12;
export const X86_FEATURE_PGE			= 0 * 32 + 13;
export const X86_FEATURE_MCA			= 0 * 32 + 14;
export const X86_FEATURE_CMOV			= 0 * 32 + 15;
export const X86_FEATURE_PAT			= 0 * 32 + 16;
export const X86_FEATURE_PSE36			= 0 * 32 + 17;
export const X86_FEATURE_CLFLUSH		= 0 * 32 + 19;
export const X86_FEATURE_DS			= 0 * 32 + 21;
export const X86_FEATURE_MMX			= 0 * 32 + 23;
export const X86_FEATURE_FXSR			= 0 * 32 + 24;
export const X86_FEATURE_XMM			= 0 * 32 + 25;
export const X86_FEATURE_XMM2			= 0 * 32 + 26;
export const X86_FEATURE_SELFSNOOP		= 0 * 32 + 27;

export const X86_FEATURE_SYSCALL		= 1 * 32 + 11;
export const X86_FEATURE_NX			= 1 * 32 + 20;
export const X86_FEATURE_MMXEXT			= 1 * 32 + 22;
export const X86_FEATURE_FXSR_OPT		= 1 * 32 + 25;
export const X86_FEATURE_GBPAGES		= 1 * 32 + 26;
export const X86_FEATURE_RDTSCP			= 1 * 32 + 27;
export const X86_FEATURE_LM			= 1 * 32 + 29;
export const X86_FEATURE_3DNOWEXT		= 1 * 32 + 30;
export const X86_FEATURE_3DNOW			= 1 * 32 + 31;

export const X86_FEATURE_CONSTANT_TSC		= 3 * 32 + 8;
export const X86_FEATURE_ARCH_PERFMON		= 3 * 32 + 11;
export const X86_FEATURE_PEBS			= 3 * 32 + 12;
export const X86_FEATURE_LFENCE_RDTSC		= 3 * 32 + 18;
export const X86_FEATURE_ALWAYS			= 3 * 32 + 21;
export const X86_FEATURE_TSC_KNOWN_FREQ		= 3 * 32 + 31;

export const X86_FEATURE_XMM3			= 4 * 32 + 0;
export const X86_FEATURE_PCLMULQDQ		= 4 * 32 + 1;
export const X86_FEATURE_DTES64			= 4 * 32 + 2;
export const X86_FEATURE_MWAIT			= 4 * 32 + 3;
export const X86_FEATURE_VMX			= 4 * 32 + 5;
export const X86_FEATURE_SSSE3			= 4 * 32 + 9;
export const X86_FEATURE_FMA			= 4 * 32 + 12;
export const X86_FEATURE_CX16			= 4 * 32 + 13;
export const X86_FEATURE_PDCM			= 4 * 32 + 15;
export const X86_FEATURE_PCID			= 4 * 32 + 17;
export const X86_FEATURE_XMM4_1			= 4 * 32 + 19;
export const X86_FEATURE_XMM4_2			= 4 * 32 + 20;
export const X86_FEATURE_X2APIC			= 4 * 32 + 21;
export const X86_FEATURE_MOVBE			= 4 * 32 + 22;
export const X86_FEATURE_POPCNT			= 4 * 32 + 23;
export const X86_FEATURE_TSC_DEADLINE_TIMER	= 4 * 32 + 24;
export const X86_FEATURE_AES			= 4 * 32 + 25;
export const X86_FEATURE_XSAVE			= 4 * 32 + 26;
export const X86_FEATURE_OSXSAVE		= 4 * 32 + 27;
export const X86_FEATURE_AVX			= 4 * 32 + 28;
export const X86_FEATURE_F16C			= 4 * 32 + 29;
export const X86_FEATURE_RDRAND			= 4 * 32 + 30;
export const X86_FEATURE_HYPERVISOR		= 4 * 32 + 31;

export const X86_FEATURE_XSTORE			= 5 * 32 + 2;
export const X86_FEATURE_XSTORE_EN		= 5 * 32 + 3;
export const X86_FEATURE_XCRYPT			= 5 * 32 + 6;
export const X86_FEATURE_XCRYPT_EN		= 5 * 32 + 7;
export const X86_FEATURE_ACE2			= 5 * 32 + 8;
export const X86_FEATURE_ACE2_EN		= 5 * 32 + 9;
export const X86_FEATURE_PHE			= 5 * 32 + 10;
export const X86_FEATURE_PHE_EN			= 5 * 32 + 11;
export const X86_FEATURE_PMM			= 5 * 32 + 12;
export const X86_FEATURE_PMM_EN			= 5 * 32 + 13;

export const X86_FEATURE_LAHF_LM		= 6 * 32 + 0;
export const X86_FEATURE_CMP_LEGACY		= 6 * 32 + 1;
export const X86_FEATURE_SVM			= 6 * 32 + 2;
export const X86_FEATURE_CR8_LEGACY		= 6 * 32 + 4;
export const X86_FEATURE_ABM			= 6 * 32 + 5;
export const X86_FEATURE_SSE4A			= 6 * 32 + 6;
export const X86_FEATURE_MISALIGNSSE		= 6 * 32 + 7;
export const X86_FEATURE_3DNOWPREFETCH		= 6 * 32 + 8;
export const X86_FEATURE_OSVW			= 6 * 32 + 9;
export const X86_FEATURE_XOP			= 6 * 32 + 11;
export const X86_FEATURE_FMA4			= 6 * 32 + 16;
export const X86_FEATURE_TBM			= 6 * 32 + 21;
export const X86_FEATURE_TOPOEXT		= 6 * 32 + 22;
export const X86_FEATURE_PERFCTR_CORE		= 6 * 32 + 23;

export const X86_FEATURE_KERNEL_IBRS		= 7 * 32 + 12;
export const X86_FEATURE_MSR_SPEC_CTRL		= 7 * 32 + 16;
export const X86_FEATURE_LS_CFG_SSBD		= 7 * 32 + 24;
export const X86_FEATURE_IBRS			= 7 * 32 + 25;
export const X86_FEATURE_IBPB			= 7 * 32 + 26;
export const X86_FEATURE_STIBP			= 7 * 32 + 27;
export const X86_FEATURE_MSR_IA32_FEAT_CTL	= 7 * 32 + 31;

export const X86_FEATURE_TPR_SHADOW		= 8 * 32 + 0;
export const X86_FEATURE_VNMI			= 8 * 32 + 1;
export const X86_FEATURE_FLEXPRIORITY		= 8 * 32 + 2;
export const X86_FEATURE_EPT			= 8 * 32 + 3;
export const X86_FEATURE_VPID			= 8 * 32 + 4;
export const X86_FEATURE_VMMCALL		= 8 * 32 + 15;
export const X86_FEATURE_EPT_AD			= 8 * 32 + 17;
export const X86_FEATURE_VMCALL			= 8 * 32 + 18;

export const X86_FEATURE_FSGSBASE		= 9 * 32 + 0;
export const X86_FEATURE_TSC_ADJUST		= 9 * 32 + 1;
export const X86_FEATURE_SGX			= 9 * 32 + 2;
export const X86_FEATURE_BMI1			= 9 * 32 + 3;
export const X86_FEATURE_HLE			= 9 * 32 + 4;
export const X86_FEATURE_AVX2			= 9 * 32 + 5;
export const X86_FEATURE_FDP_EXCPTN_ONLY	= 9 * 32 + 6;
export const X86_FEATURE_SMEP			= 9 * 32 + 7;
export const X86_FEATURE_BMI2			= 9 * 32 + 8;
export const X86_FEATURE_ERMS			= 9 * 32 + 9;
export const X86_FEATURE_INVPCID		= 9 * 32 + 10;
export const X86_FEATURE_RTM			= 9 * 32 + 11;
export const X86_FEATURE_ZERO_FCS_FDS		= 9 * 32 + 13;
export const X86_FEATURE_MPX			= 9 * 32 + 14;
export const X86_FEATURE_AVX512F		= 9 * 32 + 16;
export const X86_FEATURE_AVX512DQ		= 9 * 32 + 17;
export const X86_FEATURE_RDSEED			= 9 * 32 + 18;
export const X86_FEATURE_ADX			= 9 * 32 + 19;
export const X86_FEATURE_SMAP			= 9 * 32 + 20;
export const X86_FEATURE_AVX512IFMA		= 9 * 32 + 21;
export const X86_FEATURE_CLFLUSHOPT		= 9 * 32 + 23;
export const X86_FEATURE_CLWB			= 9 * 32 + 24;
export const X86_FEATURE_INTEL_PT		= 9 * 32 + 25;
export const X86_FEATURE_AVX512PF		= 9 * 32 + 26;
export const X86_FEATURE_AVX512ER		= 9 * 32 + 27;
export const X86_FEATURE_AVX512CD		= 9 * 32 + 28;
export const X86_FEATURE_SHA_NI			= 9 * 32 + 29;
export const X86_FEATURE_AVX512BW		= 9 * 32 + 30;
export const X86_FEATURE_AVX512VL		= 9 * 32 + 31;

export const X86_FEATURE_XSAVEOPT		= 10 * 32 + 0;
export const X86_FEATURE_XSAVEC			= 10 * 32 + 1;
export const X86_FEATURE_XGETBV1		= 10 * 32 + 2;
export const X86_FEATURE_XSAVES			= 10 * 32 + 3;
export const X86_FEATURE_XFD			= 10 * 32 + 4;

export const X86_FEATURE_SPLIT_LOCK_DETECT	= 11 * 32 + 6;
export const X86_FEATURE_SGX1			= 11 * 32 + 8;
export const X86_FEATURE_SGX2			= 11 * 32 + 9;

export const X86_FEATURE_AVX_VNNI		= 12 * 32 + 4;
export const X86_FEATURE_AVX512_BF16		= 12 * 32 + 5;

export const X86_FEATURE_CLZERO			= 13 * 32 + 0;
export const X86_FEATURE_XSAVEERPTR		= 13 * 32 + 2;
export const X86_FEATURE_WBNOINVD		= 13 * 32 + 9;
export const X86_FEATURE_AMD_IBPB		= 13 * 32 + 12;
export const X86_FEATURE_AMD_IBRS		= 13 * 32 + 14;
export const X86_FEATURE_AMD_STIBP		= 13 * 32 + 15;
export const X86_FEATURE_AMD_STIBP_ALWAYS_ON	= 13 * 32 + 17;
export const X86_FEATURE_AMD_SSBD		= 13 * 32 + 24;
export const X86_FEATURE_VIRT_SSBD		= 13 * 32 + 25;
export const X86_FEATURE_AMD_SSB_NO		= 13 * 32 + 26;

export const X86_FEATURE_ARAT			= 14 * 32 + 2;

export const X86_FEATURE_NPT			= 15 * 32 + 0;
export const X86_FEATURE_LBRV			= 15 * 32 + 1;
export const X86_FEATURE_NRIPS			= 15 * 32 + 3;
export const X86_FEATURE_TSCRATEMSR		= 15 * 32 + 4;
export const X86_FEATURE_VMCBCLEAN		= 15 * 32 + 5;
export const X86_FEATURE_FLUSHBYASID		= 15 * 32 + 6;
export const X86_FEATURE_DECODEASSISTS		= 15 * 32 + 7;
export const X86_FEATURE_PAUSEFILTER		= 15 * 32 + 10;
export const X86_FEATURE_PFTHRESHOLD		= 15 * 32 + 12;
export const X86_FEATURE_V_VMSAVE_VMLOAD	= 15 * 32 + 15;
export const X86_FEATURE_VGIF			= 15 * 32 + 16;
export const X86_FEATURE_V_SPEC_CTRL		= 15 * 32 + 20;
export const X86_FEATURE_SVME_ADDR_CHK		= 15 * 32 + 28;

export const X86_FEATURE_AVX512VBMI		= 16 * 32 + 1;
export const X86_FEATURE_UMIP			= 16 * 32 + 2;
export const X86_FEATURE_PKU			= 16 * 32 + 3;
export const X86_FEATURE_OSPKE			= 16 * 32 + 4;
export const X86_FEATURE_WAITPKG		= 16 * 32 + 5;
export const X86_FEATURE_AVX512_VBMI2		= 16 * 32 + 6;
export const X86_FEATURE_GFNI			= 16 * 32 + 8;
export const X86_FEATURE_VAES			= 16 * 32 + 9;
export const X86_FEATURE_VPCLMULQDQ		= 16 * 32 + 10;
export const X86_FEATURE_AVX512_VNNI		= 16 * 32 + 11;
export const X86_FEATURE_AVX512_BITALG		= 16 * 32 + 12;
export const X86_FEATURE_TME			= 16 * 32 + 13;
export const X86_FEATURE_AVX512_VPOPCNTDQ	= 16 * 32 + 14;
export const X86_FEATURE_LA57			= 16 * 32 + 16;
export const X86_FEATURE_RDPID			= 16 * 32 + 22;
export const X86_FEATURE_BUS_LOCK_DETECT	= 16 * 32 + 24;
export const X86_FEATURE_CLDEMOTE		= 16 * 32 + 25;
export const X86_FEATURE_MOVDIRI		= 16 * 32 + 27;
export const X86_FEATURE_MOVDIR64B		= 16 * 32 + 28;
export const X86_FEATURE_SGX_LC			= 16 * 32 + 30;

export const X86_FEATURE_AVX512_4VNNIW		= 18 * 32 + 2;
export const X86_FEATURE_AVX512_4FMAPS		= 18 * 32 + 3;
export const X86_FEATURE_FSRM			= 18 * 32 + 4;
export const X86_FEATURE_AVX512_VP2INTERSECT	= 18 * 32 + 8;
export const X86_FEATURE_MD_CLEAR		= 18 * 32 + 10;
export const X86_FEATURE_SERIALIZE		= 18 * 32 + 14;
export const X86_FEATURE_TSXLDTRK		= 18 * 32 + 16;
export const X86_FEATURE_AMX_BF16		= 18 * 32 + 22;
export const X86_FEATURE_AVX512_FP16		= 18 * 32 + 23;
export const X86_FEATURE_AMX_TILE		= 18 * 32 + 24;
export const X86_FEATURE_AMX_INT8		= 18 * 32 + 25;
export const X86_FEATURE_SPEC_CTRL		= 18 * 32 + 26;
export const X86_FEATURE_INTEL_STIBP		= 18 * 32 + 27;
export const X86_FEATURE_FLUSH_L1D		= 18 * 32 + 28;
export const X86_FEATURE_ARCH_CAPABILITIES	= 18 * 32 + 29;
export const X86_FEATURE_SPEC_CTRL_SSBD		= 18 * 32 + 31;

export const X86_FEATURE_SME			= 19 * 32 + 0;
export const X86_FEATURE_SEV			= 19 * 32 + 1;
export const X86_FEATURE_SEV_ES			= 19 * 32 + 3;
export const X86_FEATURE_V_TSC_AUX		= 19 * 32 + 9;
export const X86_FEATURE_SME_COHERENT		= 19 * 32 + 10;

export const X86_BUG_SPEC_STORE_BYPASS		= NCAPINTS * 32 + 17;
export const X86_BUG_L1TF			= NCAPINTS * 32 + 18;
export const X86_BUG_NULL_SEG			= NCAPINTS * 32 + 10;
export const X86_BUG_ITLB_MULTIHIT		= NCAPINTS * 32 + 23;
