// SPDX-License-Identifier: GPL-2.0
/*
 * Intel TDX as the host sees it: the module behind SEAMCALL, its numbers, KeyIDs for TDs.
 *
 * Upstream: arch/x86/include/asm/tdx.h and arch/x86/virt/vmx/tdx/tdx.h. Leaves and completion codes
 * are the module's: hw/tdx/defs.ts. Left out: what a kernel that is a TD's guest has.
 */
export * from "#hw/tdx/defs.ts";
export { hkid_shift, package_of as topology_physical_package_id } from "#hw/tdx/keys.ts";
export { tdx_run_td } from "#hw/tdx/td_guest.ts";
export { seam_regs as struct_tdx_module_args } from "#hw/tdx/regs.ts";
export { tme_clear_page } from "#hw/tme.ts";

export const MSR_IA32_MKTME_KEYID_PARTITIONING	= 0x87;

/* what SEAMCALL itself answers: class ff is the kernel's own */
export const TDX_SW_ERROR			= 0x8000ff00;
export const TDX_SEAMCALL_VMFAILINVALID		= TDX_SW_ERROR;
const SW_VMFAILINVALID				= 0xffff0000;
export const SEAMCALL_DETAILS_VMFAILINVALID	= SW_VMFAILINVALID;
export const SEAMCALL_DETAILS_GP		= 13;
export const SEAMCALL_DETAILS_UD		= 6;

export { __seamcall, seamcall, seamcall_counts, seamcall_counts_reset, seamcall_fail,
	seamcall_fail_reset, seamcall_faults, tdx_rax, tdx_seamcall_err, SEAMCALL_TD_RUNS } from "#arch/x86/virt/vmx/tdx/seamcall.ts";
export { platform_tdx_enabled, tdx_clear_page, tdx_cpu_enable, tdx_enable, tdx_get_sysinfo,
	tdx_global_keyid, tdx_guest_keyid_start, tdx_keyid_alloc, tdx_keyid_free, tdx_keyids_used,
	tdx_nr_guest_keyids, tdx_package_cpus, tdx_pages_leaked, tdx_page_leak } from
	"#arch/x86/virt/vmx/tdx/tdx.ts";
export { clear_on_drop, tdx_pages_unclean } from "#arch/x86/virt/vmx/tdx/free_check.ts";
export type { struct_tdsysinfo, tdx_cpuid_config } from "#arch/x86/virt/vmx/tdx/tdx.ts";
