// SPDX-License-Identifier: GPL-2.0
/*
 * Features of the modelled CPU.
 *
 * Upstream: arch/x86/include/asm/{cpufeature,cpufeatures}.h, as far as host code asks.
 */
export const X86_FEATURE_PSE		= 0 * 32 + 3;
export const X86_FEATURE_PGE		= 0 * 32 + 13;
export const X86_FEATURE_NX		= 1 * 32 + 20;
export const X86_FEATURE_GBPAGES	= 1 * 32 + 26;
export const X86_FEATURE_PCID		= 4 * 32 + 17;
export const X86_FEATURE_SMEP		= 9 * 32 + 7;
export const X86_FEATURE_SMAP		= 9 * 32 + 20;

const HAS: readonly number[] = [X86_FEATURE_PSE, X86_FEATURE_PGE, X86_FEATURE_NX,
	X86_FEATURE_GBPAGES, X86_FEATURE_PCID, X86_FEATURE_SMEP, X86_FEATURE_SMAP];

/** False for whatever the model does not have. */
export function boot_cpu_has(bit: number): boolean {
	return HAS.includes(bit);
}

export const cpu_feature_enabled = boot_cpu_has;
export const static_cpu_has = boot_cpu_has;
export const this_cpu_has = boot_cpu_has;
