// SPDX-License-Identifier: GPL-2.0
/*
 * Physical addresses and frames.
 *
 * Upstream: include/linux/io.h, include/linux/pfn.h, arch/x86/include/asm/io.h. Left out: device
 * memory.
 */
import type { hpa_t, pfn_nr } from "#asm-generic/types.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";

export { page_to_phys } from "#asm/page.ts";

export function PFN_PHYS(pfn: pfn_nr): hpa_t {
	return pfn * PAGE_SIZE as hpa_t;
}

export function PHYS_PFN(phys: hpa_t): pfn_nr {
	return Math.floor(phys / PAGE_SIZE) as pfn_nr;
}

export function PFN_UP(x: number): pfn_nr {
	return Math.ceil(x / PAGE_SIZE) as pfn_nr;
}

export function PFN_DOWN(x: number): pfn_nr {
	return Math.floor(x / PAGE_SIZE) as pfn_nr;
}
