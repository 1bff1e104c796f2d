// SPDX-License-Identifier: GPL-2.0
/*
 * Intel's part of machine checks: interrupts for what was corrected or not consumed, and machine
 * checks that only reach the CPU they are about.
 *
 * Upstream: arch/x86/kernel/cpu/mce/intel.c. Left out: storms, CPUs that come and go, thresholds
 * set by firmware, the local APIC's vector (the machine calls the handler).
 */
import { WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { DEFINE_PER_CPU, this_cpu_ptr } from "#linux/percpu.ts";
import { mce_load_cmci } from "#hw/mce.ts";
import { boot_cpu_has } from "#asm/cpufeature.ts";
import { X86_FEATURE_APIC } from "#asm/cpufeatures.ts";
import {
	MAX_NR_BANKS, MCG_CMCI_P, MCG_EXT_CTL_LMCE_EN, MCG_LMCE_P, MCG_SER_P, MCI_CTL2_CMCI_EN,
	MCI_CTL2_CMCI_THRESHOLD_MASK, MCP_TIMESTAMP, machine_check_poll,
} from "#asm/mce.ts";
import { FEAT_CTL_LMCE_ENABLED, FEAT_CTL_LOCKED, MSR_IA32_FEAT_CTL, MSR_IA32_MCG_CAP,
	MSR_IA32_MCG_EXT_CTL, MSR_IA32_MCx_CTL2 } from "#asm/msr-index.ts";
import { rdmsrl, wrmsrl } from "#asm/msr.ts";
import { X86_VENDOR_INTEL, boot_cpu_data } from "#asm/processor.ts";
import { mca_cfg, mce_banks_ce_disabled, mce_poll_banks } from
	"#arch/x86/kernel/cpu/mce/internal.h.ts";

/** Banks that this CPU gets interrupts of. */
const mce_banks_owned = DEFINE_PER_CPU(() => new Set<number>());

const CMCI_THRESHOLD = 1n;

/** arch/x86/kernel/cpu/mce/intel.c:cmci_supported(): number of banks, 0 if it isn't. */
function cmci_supported(): number {
	if (mca_cfg.cmci_disabled)
		return 0;

	if (boot_cpu_data.x86_vendor !== X86_VENDOR_INTEL)
		return 0;

	if (!boot_cpu_has(X86_FEATURE_APIC))
		return 0;
	const cap = rdmsrl(MSR_IA32_MCG_CAP);
	return (cap & MCG_CMCI_P) !== 0n ? Math.min(MAX_NR_BANKS, Number(cap & 0xffn)) : 0;
}

/** arch/x86/kernel/cpu/mce/intel.c:lmce_supported() */
function lmce_supported(): boolean {
	if (mca_cfg.lmce_disabled)
		return false;

	let tmp = rdmsrl(MSR_IA32_MCG_CAP);

	/* it takes recovery, too */
	if ((tmp & (MCG_SER_P | MCG_LMCE_P)) !== (MCG_SER_P | MCG_LMCE_P))
		return false;

	/* firmware has the last word; without it MCG_EXT_CTL raises #GP */
	tmp = rdmsrl(MSR_IA32_FEAT_CTL);
	if (WARN_ON_ONCE((tmp & FEAT_CTL_LOCKED) === 0n))
		return false;

	return (tmp & FEAT_CTL_LMCE_ENABLED) !== 0n;
}

/** arch/x86/kernel/cpu/mce/intel.c:intel_threshold_interrupt() */
function intel_threshold_interrupt(): void {
	machine_check_poll(MCP_TIMESTAMP, this_cpu_ptr(mce_banks_owned));
}

/** arch/x86/kernel/cpu/mce/intel.c:cmci_discover(): a shared bank is owned by who comes first. */
function cmci_discover(banks: number): void {
	const owned = this_cpu_ptr(mce_banks_owned);

	for (let i = 0; i < banks; i++) {
		if (owned.has(i))
			continue;

		if (mce_banks_ce_disabled.has(i))
			continue;

		let val = rdmsrl(MSR_IA32_MCx_CTL2(i));

		/* somebody else's */
		if ((val & MCI_CTL2_CMCI_EN) !== 0n) {
			owned.delete(i);
			this_cpu_ptr(mce_poll_banks).delete(i);
			continue;
		}

		val &= ~MCI_CTL2_CMCI_THRESHOLD_MASK;
		val |= CMCI_THRESHOLD;

		val |= MCI_CTL2_CMCI_EN;
		wrmsrl(MSR_IA32_MCx_CTL2(i), val);
		val = rdmsrl(MSR_IA32_MCx_CTL2(i));

		/* a bank without CMCI would not have kept the bit */
		if ((val & MCI_CTL2_CMCI_EN) !== 0n) {
			owned.add(i);
			this_cpu_ptr(mce_poll_banks).delete(i);
		} else {
			WARN_ON(!this_cpu_ptr(mce_poll_banks).has(i));
		}
	}
}

/** arch/x86/kernel/cpu/mce/intel.c:cmci_recheck(): what came before the interrupt was set up. */
function cmci_recheck(): void {
	if (!cmci_supported())
		return;

	machine_check_poll(0, this_cpu_ptr(mce_banks_owned));
}

/** arch/x86/kernel/cpu/mce/intel.c:intel_init_cmci() */
function intel_init_cmci(): void {
	const banks = cmci_supported();

	if (!banks)
		return;

	this_cpu_ptr(mce_banks_owned).clear();
	mce_load_cmci(intel_threshold_interrupt);
	cmci_discover(banks);
	cmci_recheck();
}

/** arch/x86/kernel/cpu/mce/intel.c:intel_init_lmce() */
function intel_init_lmce(): void {
	if (!lmce_supported())
		return;

	const val = rdmsrl(MSR_IA32_MCG_EXT_CTL);

	if ((val & MCG_EXT_CTL_LMCE_EN) === 0n)
		wrmsrl(MSR_IA32_MCG_EXT_CTL, val | MCG_EXT_CTL_LMCE_EN);
}

/** arch/x86/kernel/cpu/mce/intel.c:mce_intel_feature_init() */
export function mce_intel_feature_init(): void {
	intel_init_cmci();
	intel_init_lmce();
}
