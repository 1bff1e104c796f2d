// SPDX-License-Identifier: GPL-2.0
/*
 * Memory types.
 *
 * Upstream: arch/x86/include/asm/memtype.h, arch/x86/mm/pat/memtype.c. The modelled memory is
 * write-back throughout, and nobody can ask for another type.
 */
import type { kvm_pfn_t } from "#asm-generic/types.ts";

export function pat_enabled(): boolean {
	return true;
}

/** True if the frame has a type that the MTRRs cannot make weaker: none has. */
export function pat_pfn_immune_to_uc_mtrr(_pfn: kvm_pfn_t): boolean {
	return false;
}
