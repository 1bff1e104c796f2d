// SPDX-License-Identifier: GPL-2.0
/*
 * Private declarations of the machine check code.
 *
 * Upstream: arch/x86/kernel/cpu/mce/internal.h. Left out: APEI, AMD, what is ancient.
 */
export * from "#arch/x86/kernel/cpu/mce/internal_types.h.ts";
export { mca_cfg, mce_banks_ce_disabled, mce_num_banks, mce_poll_banks, x86_mce_decoder_chain,
	mce_rdmsrl } from "#arch/x86/kernel/cpu/mce/core.ts";
export { mce_gen_pool_add, mce_gen_pool_empty, mce_gen_pool_init, mce_gen_pool_prepare_records,
	mce_gen_pool_process } from "#arch/x86/kernel/cpu/mce/genpool.ts";
export { mce_severity } from "#arch/x86/kernel/cpu/mce/severity.ts";
