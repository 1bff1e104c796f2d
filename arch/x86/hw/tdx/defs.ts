// SPDX-License-Identifier: GPL-2.0
/*
 * The interface of TDX module 1.0: leaf numbers, completion codes, operands, states.
 *
 * Port-only place; names as asm/tdx.h and the module's specification have them. Completion codes
 * are the upper half of RAX, unsigned; the lower half is an operand's number or details:
 *
 *	 63    62    61    60        47:40  39:32   31:0
 *	[error|nonrec|fatal|hint|...|class |name  |operand, exit reason, index]
 *
 * Leaves marked 1.5 by later specifications are not here: the module answers
 * OPERAND_INVALID | RAX.
 */

/* SEAMCALL: RAX = [leaf 15:0][version 23:16] */
export const TDH_VP_ENTER		= 0;
export const TDH_MNG_ADDCX		= 1;
export const TDH_MEM_PAGE_ADD		= 2;
export const TDH_MEM_SEPT_ADD		= 3;
export const TDH_VP_ADDCX		= 4;
export const TDH_MEM_PAGE_RELOCATE	= 5;
export const TDH_MEM_PAGE_AUG		= 6;
export const TDH_MEM_RANGE_BLOCK	= 7;
export const TDH_MNG_KEY_CONFIG		= 8;
export const TDH_MNG_CREATE		= 9;
export const TDH_VP_CREATE		= 10;
export const TDH_MNG_RD			= 11;
export const TDH_MEM_RD			= 12;
export const TDH_MNG_WR			= 13;
export const TDH_MEM_WR			= 14;
export const TDH_MEM_PAGE_DEMOTE	= 15;
export const TDH_MR_EXTEND		= 16;
export const TDH_MR_FINALIZE		= 17;
export const TDH_VP_FLUSH		= 18;
export const TDH_MNG_VPFLUSHDONE	= 19;
export const TDH_MNG_KEY_FREEID		= 20;
export const TDH_MNG_INIT		= 21;
export const TDH_VP_INIT		= 22;
export const TDH_MEM_PAGE_PROMOTE	= 23;
export const TDH_PHYMEM_PAGE_RDMD	= 24;
export const TDH_MEM_SEPT_RD		= 25;
export const TDH_VP_RD			= 26;
export const TDH_MNG_KEY_RECLAIMID	= 27;
export const TDH_PHYMEM_PAGE_RECLAIM	= 28;
export const TDH_MEM_PAGE_REMOVE	= 29;
export const TDH_MEM_SEPT_REMOVE	= 30;
export const TDH_SYS_KEY_CONFIG		= 31;
export const TDH_SYS_INFO		= 32;
export const TDH_SYS_INIT		= 33;
export const TDH_SYS_LP_INIT		= 35;
export const TDH_SYS_TDMR_INIT		= 36;
export const TDH_MEM_TRACK		= 38;
export const TDH_MEM_RANGE_UNBLOCK	= 39;
export const TDH_PHYMEM_CACHE_WB	= 40;
export const TDH_PHYMEM_PAGE_WBINVD	= 41;
export const TDH_VP_WR			= 43;
export const TDH_SYS_LP_SHUTDOWN	= 44;
export const TDH_SYS_CONFIG		= 45;

/* TDCALL: RAX = leaf */
export const TDG_VP_VMCALL		= 0;
export const TDG_VP_INFO		= 1;
export const TDG_MR_RTMR_EXTEND		= 2;
export const TDG_VP_VEINFO_GET		= 3;
export const TDG_MR_REPORT		= 4;
export const TDG_VP_CPUIDVE_SET		= 5;
export const TDG_MEM_PAGE_ACCEPT	= 6;
export const TDG_VM_RD			= 7;
export const TDG_VM_WR			= 8;

/* completion codes */
export const TDX_SUCCESS			= 0x00000000;
export const TDX_NON_RECOVERABLE_VCPU		= 0x40000001;
export const TDX_NON_RECOVERABLE_TD		= 0x60000002;
export const TDX_INTERRUPTED_RESUMABLE		= 0x80000003;
export const TDX_INTERRUPTED_RESTARTABLE	= 0x80000004;
export const TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE	= 0x60000005;
export const TDX_INVALID_RESUMPTION		= 0xc0000006;
export const TDX_NON_RECOVERABLE_TD_WRONG_APIC_MODE	= 0xe0000007;
export const TDX_CROSS_TD_FAULT			= 0x80000008;
export const TDX_CROSS_TD_TRAP			= 0x90000009;
export const TDX_OPERAND_INVALID		= 0xc0000100;
export const TDX_OPERAND_ADDR_RANGE_ERROR	= 0xc0000101;
export const TDX_OPERAND_BUSY			= 0x80000200;
export const TDX_PREVIOUS_TLB_EPOCH_BUSY	= 0x80000201;
export const TDX_SYS_BUSY			= 0x80000202;
export const TDX_RND_NO_ENTROPY			= 0x80000203;
export const TDX_PAGE_METADATA_INCORRECT	= 0xc0000300;
export const TDX_PAGE_ALREADY_FREE		= 0x00000301;
export const TDX_TD_ASSOCIATED_PAGES_EXIST	= 0xc0000400;
export const TDX_SYS_INIT_NOT_PENDING		= 0xc0000500;
export const TDX_SYS_LP_INIT_NOT_DONE		= 0xc0000502;
export const TDX_SYS_LP_INIT_DONE		= 0xc0000503;
export const TDX_SYS_NOT_READY			= 0xc0000505;
export const TDX_SYS_SHUTDOWN			= 0xc0000506;
export const TDX_SYS_KEY_CONFIG_NOT_PENDING	= 0xc0000507;
export const TDX_SYS_LP_INIT_NOT_PENDING	= 0xc000050b;
export const TDX_SYS_CONFIG_NOT_PENDING		= 0xc000050c;
export const TDX_TD_FATAL			= 0xe0000604;
export const TDX_TD_NON_DEBUG			= 0xc0000605;
export const TDX_TDCS_NOT_ALLOCATED		= 0xc0000606;
export const TDX_LIFECYCLE_STATE_INCORRECT	= 0xc0000607;
export const TDX_OP_STATE_INCORRECT		= 0xc0000608;
export const TDX_NO_VCPUS			= 0xc0000609;
export const TDX_TDCX_NUM_INCORRECT		= 0xc0000610;
export const TDX_VCPU_STATE_INCORRECT		= 0xc0000700;
export const TDX_VCPU_ASSOCIATED		= 0x80000701;
export const TDX_VCPU_NOT_ASSOCIATED		= 0x80000702;
export const TDX_NO_VALID_VE_INFO		= 0xc0000704;
export const TDX_MAX_VCPUS_EXCEEDED		= 0xc0000705;
export const TDX_TSC_ROLLBACK			= 0xc0000706;
export const TDX_FIELD_NOT_WRITABLE		= 0xc0000720;
export const TDX_FIELD_NOT_READABLE		= 0xc0000721;
export const TDX_KEY_GENERATION_FAILED		= 0x80000800;
export const TDX_TD_KEYS_NOT_CONFIGURED		= 0x80000810;
export const TDX_KEY_STATE_INCORRECT		= 0xc0000811;
export const TDX_KEY_CONFIGURED			= 0x00000815;
export const TDX_WBCACHE_NOT_COMPLETE		= 0x80000817;
export const TDX_HKID_NOT_FREE			= 0xc0000820;
export const TDX_NO_HKID_READY_TO_WBCACHE	= 0x00000821;
export const TDX_WBCACHE_RESUME_ERROR		= 0xc0000823;
export const TDX_FLUSHVP_NOT_DONE		= 0x80000824;
export const TDX_INVALID_TDMR			= 0xc0000a00;
export const TDX_NON_ORDERED_TDMR		= 0xc0000a01;
export const TDX_TDMR_OUTSIDE_CMRS		= 0xc0000a02;
export const TDX_TDMR_ALREADY_INITIALIZED	= 0x00000a03;
export const TDX_INVALID_PAMT			= 0xc0000a10;
export const TDX_PAMT_OUTSIDE_CMRS		= 0xc0000a11;
export const TDX_PAMT_OVERLAP			= 0xc0000a12;
export const TDX_INVALID_RESERVED_IN_TDMR	= 0xc0000a20;
export const TDX_NON_ORDERED_RESERVED_IN_TDMR	= 0xc0000a21;
export const TDX_EPT_WALK_FAILED		= 0xc0000b00;
export const TDX_EPT_ENTRY_FREE			= 0xc0000b01;
export const TDX_EPT_ENTRY_NOT_FREE		= 0xc0000b02;
export const TDX_EPT_ENTRY_NOT_PRESENT		= 0xc0000b03;
export const TDX_EPT_ENTRY_NOT_LEAF		= 0xc0000b04;
export const TDX_EPT_ENTRY_LEAF			= 0xc0000b05;
export const TDX_GPA_RANGE_NOT_BLOCKED		= 0xc0000b06;
export const TDX_GPA_RANGE_ALREADY_BLOCKED	= 0x00000b07;
export const TDX_TLB_TRACKING_NOT_DONE		= 0xc0000b08;
export const TDX_EPT_INVALID_PROMOTE_CONDITIONS	= 0xc0000b09;
export const TDX_PAGE_ALREADY_ACCEPTED		= 0x00000b0a;
export const TDX_PAGE_SIZE_MISMATCH		= 0xc0000b0b;
export const TDX_GPA_RANGE_BLOCKED		= 0xc0000b0c;
export const TDX_EPT_ENTRY_STATE_INCORRECT	= 0xc0000b0d;
export const TDX_EPT_PAGE_NOT_FREE		= 0xc0000b0e;

/** The error bit: what lacks it is success, perhaps with a message. */
export const TDX_ERROR			= 0x80000000;
export const TDX_NON_RECOVERABLE	= 0x40000000;
export const TDX_FATAL			= 0x20000000;

const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
	[TDX_SUCCESS, "SUCCESS"],
	[TDX_NON_RECOVERABLE_VCPU, "NON_RECOVERABLE_VCPU"],
	[TDX_NON_RECOVERABLE_TD, "NON_RECOVERABLE_TD"],
	[TDX_INTERRUPTED_RESUMABLE, "INTERRUPTED_RESUMABLE"],
	[TDX_INTERRUPTED_RESTARTABLE, "INTERRUPTED_RESTARTABLE"],
	[TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE, "NON_RECOVERABLE_TD_NON_ACCESSIBLE"],
	[TDX_INVALID_RESUMPTION, "INVALID_RESUMPTION"],
	[TDX_NON_RECOVERABLE_TD_WRONG_APIC_MODE, "NON_RECOVERABLE_TD_WRONG_APIC_MODE"],
	[TDX_CROSS_TD_FAULT, "CROSS_TD_FAULT"],
	[TDX_CROSS_TD_TRAP, "CROSS_TD_TRAP"],
	[TDX_OPERAND_INVALID, "OPERAND_INVALID"],
	[TDX_OPERAND_ADDR_RANGE_ERROR, "OPERAND_ADDR_RANGE_ERROR"],
	[TDX_OPERAND_BUSY, "OPERAND_BUSY"],
	[TDX_PREVIOUS_TLB_EPOCH_BUSY, "PREVIOUS_TLB_EPOCH_BUSY"],
	[TDX_SYS_BUSY, "SYS_BUSY"],
	[TDX_RND_NO_ENTROPY, "RND_NO_ENTROPY"],
	[TDX_PAGE_METADATA_INCORRECT, "PAGE_METADATA_INCORRECT"],
	[TDX_PAGE_ALREADY_FREE, "PAGE_ALREADY_FREE"],
	[TDX_TD_ASSOCIATED_PAGES_EXIST, "TD_ASSOCIATED_PAGES_EXIST"],
	[TDX_SYS_INIT_NOT_PENDING, "SYS_INIT_NOT_PENDING"],
	[TDX_SYS_LP_INIT_NOT_DONE, "SYS_LP_INIT_NOT_DONE"],
	[TDX_SYS_LP_INIT_DONE, "SYS_LP_INIT_DONE"],
	[TDX_SYS_NOT_READY, "SYS_NOT_READY"],
	[TDX_SYS_SHUTDOWN, "SYS_SHUTDOWN"],
	[TDX_SYS_KEY_CONFIG_NOT_PENDING, "SYS_KEY_CONFIG_NOT_PENDING"],
	[TDX_SYS_LP_INIT_NOT_PENDING, "SYS_LP_INIT_NOT_PENDING"],
	[TDX_SYS_CONFIG_NOT_PENDING, "SYS_CONFIG_NOT_PENDING"],
	[TDX_TD_FATAL, "TD_FATAL"],
	[TDX_TD_NON_DEBUG, "TD_NON_DEBUG"],
	[TDX_TDCS_NOT_ALLOCATED, "TDCS_NOT_ALLOCATED"],
	[TDX_LIFECYCLE_STATE_INCORRECT, "LIFECYCLE_STATE_INCORRECT"],
	[TDX_OP_STATE_INCORRECT, "OP_STATE_INCORRECT"],
	[TDX_NO_VCPUS, "NO_VCPUS"],
	[TDX_TDCX_NUM_INCORRECT, "TDCX_NUM_INCORRECT"],
	[TDX_VCPU_STATE_INCORRECT, "VCPU_STATE_INCORRECT"],
	[TDX_VCPU_ASSOCIATED, "VCPU_ASSOCIATED"],
	[TDX_VCPU_NOT_ASSOCIATED, "VCPU_NOT_ASSOCIATED"],
	[TDX_NO_VALID_VE_INFO, "NO_VALID_VE_INFO"],
	[TDX_MAX_VCPUS_EXCEEDED, "MAX_VCPUS_EXCEEDED"],
	[TDX_TSC_ROLLBACK, "TSC_ROLLBACK"],
	[TDX_FIELD_NOT_WRITABLE, "FIELD_NOT_WRITABLE"],
	[TDX_FIELD_NOT_READABLE, "FIELD_NOT_READABLE"],
	[TDX_KEY_GENERATION_FAILED, "KEY_GENERATION_FAILED"],
	[TDX_TD_KEYS_NOT_CONFIGURED, "TD_KEYS_NOT_CONFIGURED"],
	[TDX_KEY_STATE_INCORRECT, "KEY_STATE_INCORRECT"],
	[TDX_KEY_CONFIGURED, "KEY_CONFIGURED"],
	[TDX_WBCACHE_NOT_COMPLETE, "WBCACHE_NOT_COMPLETE"],
	[TDX_HKID_NOT_FREE, "HKID_NOT_FREE"],
	[TDX_NO_HKID_READY_TO_WBCACHE, "NO_HKID_READY_TO_WBCACHE"],
	[TDX_WBCACHE_RESUME_ERROR, "WBCACHE_RESUME_ERROR"],
	[TDX_FLUSHVP_NOT_DONE, "FLUSHVP_NOT_DONE"],
	[TDX_INVALID_TDMR, "INVALID_TDMR"],
	[TDX_NON_ORDERED_TDMR, "NON_ORDERED_TDMR"],
	[TDX_TDMR_OUTSIDE_CMRS, "TDMR_OUTSIDE_CMRS"],
	[TDX_TDMR_ALREADY_INITIALIZED, "TDMR_ALREADY_INITIALIZED"],
	[TDX_INVALID_PAMT, "INVALID_PAMT"],
	[TDX_PAMT_OUTSIDE_CMRS, "PAMT_OUTSIDE_CMRS"],
	[TDX_PAMT_OVERLAP, "PAMT_OVERLAP"],
	[TDX_INVALID_RESERVED_IN_TDMR, "INVALID_RESERVED_IN_TDMR"],
	[TDX_NON_ORDERED_RESERVED_IN_TDMR, "NON_ORDERED_RESERVED_IN_TDMR"],
	[TDX_EPT_WALK_FAILED, "EPT_WALK_FAILED"],
	[TDX_EPT_ENTRY_FREE, "EPT_ENTRY_FREE"],
	[TDX_EPT_ENTRY_NOT_FREE, "EPT_ENTRY_NOT_FREE"],
	[TDX_EPT_ENTRY_NOT_PRESENT, "EPT_ENTRY_NOT_PRESENT"],
	[TDX_EPT_ENTRY_NOT_LEAF, "EPT_ENTRY_NOT_LEAF"],
	[TDX_EPT_ENTRY_LEAF, "EPT_ENTRY_LEAF"],
	[TDX_GPA_RANGE_NOT_BLOCKED, "GPA_RANGE_NOT_BLOCKED"],
	[TDX_GPA_RANGE_ALREADY_BLOCKED, "GPA_RANGE_ALREADY_BLOCKED"],
	[TDX_TLB_TRACKING_NOT_DONE, "TLB_TRACKING_NOT_DONE"],
	[TDX_EPT_INVALID_PROMOTE_CONDITIONS, "EPT_INVALID_PROMOTE_CONDITIONS"],
	[TDX_PAGE_ALREADY_ACCEPTED, "PAGE_ALREADY_ACCEPTED"],
	[TDX_PAGE_SIZE_MISMATCH, "PAGE_SIZE_MISMATCH"],
	[TDX_GPA_RANGE_BLOCKED, "GPA_RANGE_BLOCKED"],
	[TDX_EPT_ENTRY_STATE_INCORRECT, "EPT_ENTRY_STATE_INCORRECT"],
	[TDX_EPT_PAGE_NOT_FREE, "EPT_PAGE_NOT_FREE"],
]);

/* operands, as the lower half of a completion code names them: registers by their number */
export const OPERAND_RAX		= 0;
export const OPERAND_RCX		= 1;
export const OPERAND_RDX		= 2;
export const OPERAND_R8			= 8;
export const OPERAND_R9			= 9;
export const OPERAND_ATTRIBUTES		= 64;
export const OPERAND_XFAM		= 65;
export const OPERAND_EXEC_CONTROLS	= 66;
export const OPERAND_EPTP_CONTROLS	= 67;
export const OPERAND_MAX_VCPUS		= 68;
export const OPERAND_CPUID_CONFIG	= 69;
export const OPERAND_TSC_FREQUENCY	= 70;
export const OPERAND_TDMR_INFO_PA	= 96;
export const OPERAND_TDR		= 128;
export const OPERAND_TDCX		= 129;
export const OPERAND_TDVPR		= 130;
export const OPERAND_TDCS		= 144;
export const OPERAND_TDVPS		= 145;
export const OPERAND_SEPT_TREE		= 146;
export const OPERAND_SEPT_ENTRY		= 147;
export const OPERAND_RTMR		= 168;
export const OPERAND_TD_EPOCH		= 169;
export const OPERAND_OP_STATE		= 172;
export const OPERAND_SYS		= 184;
export const OPERAND_TDMR		= 185;
export const OPERAND_KOT		= 186;
export const OPERAND_KET		= 187;
export const OPERAND_WBCACHE		= 188;

const OPERANDS: ReadonlyMap<number, string> = new Map<number, string>([
	[OPERAND_RAX, "RAX"], [OPERAND_RCX, "RCX"], [OPERAND_RDX, "RDX"], [OPERAND_R8, "R8"],
	[OPERAND_R9, "R9"], [OPERAND_ATTRIBUTES, "ATTRIBUTES"], [OPERAND_XFAM, "XFAM"],
	[OPERAND_EXEC_CONTROLS, "EXEC_CONTROLS"], [OPERAND_EPTP_CONTROLS, "EPTP_CONTROLS"],
	[OPERAND_MAX_VCPUS, "MAX_VCPUS"], [OPERAND_CPUID_CONFIG, "CPUID_CONFIG"],
	[OPERAND_TSC_FREQUENCY, "TSC_FREQUENCY"], [OPERAND_TDMR_INFO_PA, "TDMR_INFO_PA"],
	[OPERAND_TDR, "TDR"], [OPERAND_TDCX, "TDCX"], [OPERAND_TDVPR, "TDVPR"],
	[OPERAND_TDCS, "TDCS"], [OPERAND_TDVPS, "TDVPS"], [OPERAND_SEPT_TREE, "SEPT_TREE"],
	[OPERAND_SEPT_ENTRY, "SEPT_ENTRY"], [OPERAND_RTMR, "RTMR"],
	[OPERAND_TD_EPOCH, "TD_EPOCH"], [OPERAND_OP_STATE, "OP_STATE"], [OPERAND_SYS, "SYS"],
	[OPERAND_TDMR, "TDMR"], [OPERAND_KOT, "KOT"], [OPERAND_KET, "KET"],
	[OPERAND_WBCACHE, "WBCACHE"],
]);

/** "OPERAND_BUSY|SEPT_TREE", "SUCCESS" ...: what RAX means, for messages and tests. */
export function tdx_status_name(rax: bigint): string {
	const code = Number(BigInt.asUintN(64, rax) >> 32n), low = Number(rax & 0xffffffffn);
	const name = NAMES.get(code) ?? `0x${code.toString(16)}`;

	/* OPERAND_* and PAGE_METADATA name an operand always, RAX's number being 0 */
	if (low === 0 && ((code >>> 8) & 0xff) !== 1)
		return name;
	return `${name}|${OPERANDS.get(low) ?? low.toString()}`;
}

/* state of the module */
export const SYSINIT_PENDING		= 0;
export const SYSINIT_DONE		= 1;
export const SYSCONFIG_DONE		= 2;
export const SYS_READY			= 3;
export const SYS_SHUTDOWN		= 4;

/* page types */
export const PT_NDA			= 0;
export const PT_RSVD			= 1;
export const PT_REG			= 3;
export const PT_TDR			= 4;
export const PT_TDCX			= 5;
export const PT_TDVPR			= 6;
export const PT_TDVPX			= 7;
export const PT_EPT			= 8;

/* life cycle of a TD */
export const TD_HKID_ASSIGNED		= 0;
export const TD_KEYS_CONFIGURED		= 1;
export const TD_BLOCKED			= 2;
export const TD_TEARDOWN		= 3;

/* key ownership table */
export const KOT_FREE			= 0;
export const KOT_ASSIGNED		= 1;
export const KOT_FLUSHED		= 2;
export const KOT_RESERVED		= 3;

/* what may be done with a TD */
export const OP_STATE_UNINITIALIZED	= 0;
export const OP_STATE_INITIALIZED	= 1;
export const OP_STATE_RUNNABLE		= 2;

/* a virtual CPU */
export const VCPU_UNINITIALIZED		= 0;
export const VCPU_READY			= 2;
export const VCPU_ACTIVE		= 4;
export const VCPU_DISABLED		= 8;

/* ATTRIBUTES, by bit */
export const TDX_TD_ATTR_DEBUG			= 0;
export const TDX_TD_ATTR_SEPT_VE_DISABLE	= 28;
export const TDX_TD_ATTR_PKS			= 30;
export const TDX_TD_ATTR_KL			= 31;
export const TDX_TD_ATTR_PERFMON		= 63;

/* extended exit qualification of a private EPT violation: type in bits 3:0 */
export const TDX_EXT_EXIT_QUAL_NONE	= 0;
export const TDX_EXT_EXIT_QUAL_ACCEPT	= 1;

/* numbers of this module, which TDH.SYS.INFO tells */
export const TDX_MAX_TDMRS		= 64;
export const TDX_MAX_RESERVED		= 16;
export const TDX_MAX_CMRS		= 32;
export const PAMT_ENTRY_SIZE		= 16;
export const TDCS_PAGES			= 4;
/** TDVPR and what TDH.VP.ADDCX adds. */
export const TDVPS_PAGES		= 6;

export const EXIT_REASON_TDCALL		= 77;
export const EXIT_REASON_OTHER_SMI	= 6;
