// SPDX-License-Identifier: GPL-2.0
/*
 * Memory types.
 *
 * Upstream: arch/x86/include/uapi/asm/mtrr.h.
 */
export const MTRR_TYPE_UNCACHABLE	= 0;
export const MTRR_TYPE_WRCOMB		= 1;
export const MTRR_TYPE_WRTHROUGH	= 4;
export const MTRR_TYPE_WRPROT		= 5;
export const MTRR_TYPE_WRBACK		= 6;
export const MTRR_NUM_TYPES		= 7;
