// SPDX-License-Identifier: GPL-2.0
/*
 * What is Intel's of a CPU.
 *
 * Upstream: arch/x86/kernel/cpu/intel.c, as far as memory encryption goes.
 */
import { pr_err, pr_err_once, pr_info, pr_info_once, pr_warn } from "#linux/printk.ts";
import { X86_FEATURE_TME, cpu_has } from "#asm/cpufeature.ts";
import { MSR_IA32_TME_ACTIVATE } from "#asm/msr-index.ts";
import { rdmsrl } from "#asm/msr.ts";
import type { struct_cpuinfo_x86 } from "#asm/processor.ts";

/* fields of TME_ACTIVATE */
const TME_ACTIVATE_LOCKED	= (x: bigint): boolean => (x & 0x1n) !== 0n;
const TME_ACTIVATE_ENABLED	= (x: bigint): boolean => (x & 0x2n) !== 0n;
const TME_ACTIVATE_POLICY	= (x: bigint): bigint => (x >> 4n) & 0xfn;
const TME_ACTIVATE_POLICY_AES_XTS_128	= 0n;
const TME_ACTIVATE_KEYID_BITS	= (x: bigint): number => Number((x >> 32n) & 0xfn);
const TME_ACTIVATE_CRYPTO_ALGS	= (x: bigint): bigint => (x >> 48n) & 0xffffn;
const TME_ACTIVATE_CRYPTO_AES_XTS_128	= 1n;

const MKTME_ENABLED		= 0;
const MKTME_DISABLED		= 1;
const MKTME_UNINITIALIZED	= 2;
let mktme_status = MKTME_UNINITIALIZED;
let tme_activate_cpu0 = 0n;

/** arch/x86/kernel/cpu/intel.c:detect_tme(). KeyIDs take bits off physical addresses. */
function detect_tme(c: struct_cpuinfo_x86): void {
	const tme_activate = rdmsrl(MSR_IA32_TME_ACTIVATE);

	if (mktme_status !== MKTME_UNINITIALIZED) {
		if (tme_activate !== tme_activate_cpu0) {
			pr_err_once("x86/tme: configuration is inconsistent between CPUs\n");
			pr_err_once("x86/tme: MKTME is not usable\n");
			mktme_status = MKTME_DISABLED;

			/* the bits may still have to go */
		}
	} else {
		tme_activate_cpu0 = tme_activate;
	}

	if (!TME_ACTIVATE_LOCKED(tme_activate) || !TME_ACTIVATE_ENABLED(tme_activate)) {
		pr_info_once("x86/tme: not enabled by BIOS\n");
		mktme_status = MKTME_DISABLED;
		return;
	}

	detect_keyid_bits: {
		if (mktme_status !== MKTME_UNINITIALIZED)
			break detect_keyid_bits;

		pr_info("x86/tme: enabled by BIOS\n");

		const tme_policy = TME_ACTIVATE_POLICY(tme_activate);
		if (tme_policy !== TME_ACTIVATE_POLICY_AES_XTS_128)
			pr_warn("x86/tme: Unknown policy is active: 0x%llx\n", tme_policy);

		const tme_crypto_algs = TME_ACTIVATE_CRYPTO_ALGS(tme_activate);
		if ((tme_crypto_algs & TME_ACTIVATE_CRYPTO_AES_XTS_128) === 0n) {
			pr_err("x86/mktme: No known encryption algorithm is supported: 0x%llx\n",
					tme_crypto_algs);
			mktme_status = MKTME_DISABLED;
		}
	}
	const keyid_bits = TME_ACTIVATE_KEYID_BITS(tme_activate);
	const nr_keyids = 2 ** keyid_bits - 1;
	if (nr_keyids) {
		pr_info_once("x86/mktme: enabled by BIOS\n");
		pr_info_once("x86/mktme: %d KeyIDs available\n", nr_keyids);
	} else {
		pr_info_once("x86/mktme: disabled by BIOS\n");
	}

	if (mktme_status === MKTME_UNINITIALIZED)
		mktme_status = MKTME_ENABLED;

	c.x86_phys_bits -= keyid_bits;
}

/** arch/x86/kernel/cpu/intel.c:init_intel() */
export function init_intel(c: struct_cpuinfo_x86): void {
	if (cpu_has(c, X86_FEATURE_TME))
		detect_tme(c);
}
