// SPDX-License-Identifier: GPL-2.0
/*
 * Machine checks.
 *
 * Upstream: arch/x86/include/asm/mce.h.
 */
export * from "#asm/mce.const.ts";
export {
	do_machine_check, exc_machine_check, machine_check_poll, mce_available, mce_is_correctable,
	mce_is_memory_error, mce_log, mce_register_decode_chain, mce_setup,
	mce_unregister_decode_chain, mce_usable_address, mcheck_cpu_init, mcheck_init,
} from "#arch/x86/kernel/cpu/mce/core.ts";
export { mce_intel_feature_init } from "#arch/x86/kernel/cpu/mce/intel.ts";
