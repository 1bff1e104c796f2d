// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completion codes of the TDX module, bits 63:32 of RAX, and operands, which are below them.
 *
 * Port-only. From the specification, like the leaves in tdx_debug.ts, and not from the machine:
 * kernel and machine share their numbers, and would be wrong together.
 */
export const TDX_NON_RECOVERABLE_VCPU		= 0x40000001;
export const TDX_NON_RECOVERABLE_TD		= 0x60000002;
export const TDX_INTERRUPTED_RESUMABLE		= 0x80000003;
export const TDX_INTERRUPTED_RESTARTABLE	= 0x80000004;
export const TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE = 0x60000005;
export const TDX_OPERAND_INVALID		= 0xc0000100;
export const TDX_OPERAND_ADDR_RANGE_ERROR	= 0xc0000101;
export const TDX_OPERAND_BUSY			= 0x80000200;
export const TDX_PREVIOUS_TLB_EPOCH_BUSY	= 0x80000201;
export const TDX_SYS_BUSY			= 0x80000202;
export const TDX_RND_NO_ENTROPY			= 0x80000203;
export const TDX_PAGE_METADATA_INCORRECT	= 0xc0000300;
export const TDX_TD_ASSOCIATED_PAGES_EXIST	= 0xc0000400;
export const TDX_SYS_LP_INIT_NOT_DONE		= 0xc0000502;
export const TDX_SYS_NOT_READY			= 0xc0000505;
export const TDX_SYS_SHUTDOWN			= 0xc0000506;
export const TDX_TD_FATAL			= 0xe0000604;
export const TDX_TDCS_NOT_ALLOCATED		= 0xc0000606;
export const TDX_LIFECYCLE_STATE_INCORRECT	= 0xc0000607;
export const TDX_OP_STATE_INCORRECT		= 0xc0000608;
export const TDX_NO_VCPUS			= 0xc0000609;
export const TDX_TDCX_NUM_INCORRECT		= 0xc0000610;
export const TDX_VCPU_STATE_INCORRECT		= 0xc0000700;
export const TDX_VCPU_ASSOCIATED		= 0x80000701;
export const TDX_VCPU_NOT_ASSOCIATED		= 0x80000702;
export const TDX_MAX_VCPUS_EXCEEDED		= 0xc0000705;
export const TDX_TSC_ROLLBACK			= 0xc0000706;
export const TDX_FIELD_NOT_WRITABLE		= 0xc0000720;
export const TDX_KEY_GENERATION_FAILED		= 0x80000800;
export const TDX_TD_KEYS_NOT_CONFIGURED		= 0x80000810;
export const TDX_KEY_CONFIGURED			= 0x00000815;
export const TDX_WBCACHE_NOT_COMPLETE		= 0x80000817;
export const TDX_HKID_NOT_FREE			= 0xc0000820;
export const TDX_NO_HKID_READY_TO_WBCACHE	= 0x00000821;
export const TDX_WBCACHE_RESUME_ERROR		= 0xc0000823;
export const TDX_FLUSHVP_NOT_DONE		= 0x80000824;
export const TDX_EPT_WALK_FAILED		= 0xc0000b00;
export const TDX_EPT_ENTRY_FREE			= 0xc0000b01;
export const TDX_EPT_ENTRY_NOT_FREE		= 0xc0000b02;
export const TDX_EPT_ENTRY_NOT_PRESENT		= 0xc0000b03;
export const TDX_EPT_ENTRY_NOT_LEAF		= 0xc0000b04;
export const TDX_EPT_ENTRY_LEAF			= 0xc0000b05;
export const TDX_GPA_RANGE_NOT_BLOCKED		= 0xc0000b06;
export const TDX_GPA_RANGE_ALREADY_BLOCKED	= 0x00000b07;
export const TDX_TLB_TRACKING_NOT_DONE		= 0xc0000b08;
export const TDX_GPA_RANGE_BLOCKED		= 0xc0000b0c;
export const TDX_EPT_INVALID_PROMOTE_CONDITIONS	= 0xc0000b09;
export const TDX_EPT_PAGE_NOT_FREE		= 0xc0000b0e;
/** What Linux makes of VMfailInvalid: no module, or TDX disabled. */
export const TDX_SEAMCALL_VMFAILINVALID		= 0x8000ff00;

export const OPERAND_RCX = 1, OPERAND_RDX = 2, OPERAND_R8 = 8, OPERAND_R9 = 9;
export const OPERAND_ATTRIBUTES = 64, OPERAND_XFAM = 65, OPERAND_EXEC_CONTROLS = 66,
	OPERAND_EPTP = 67, OPERAND_MAX_VCPUS = 68, OPERAND_CPUID_CONFIG = 69,
	OPERAND_TSC_FREQUENCY = 70;
