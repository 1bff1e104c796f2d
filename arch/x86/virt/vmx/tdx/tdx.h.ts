// SPDX-License-Identifier: GPL-2.0
/*
 * What the files of the host's side of TDX know of each other.
 *
 * Upstream: arch/x86/virt/vmx/tdx/tdx.h.
 */
export { build_tdx_memlist, construct_tdmrs, free_tdmrs, tdmr_info_list, tdmrs_count_pamt_kb,
	tdmrs_reset_pamt_all } from "#arch/x86/virt/vmx/tdx/tdmr.ts";
export { free_check_start } from "#arch/x86/virt/vmx/tdx/free_check.ts";
