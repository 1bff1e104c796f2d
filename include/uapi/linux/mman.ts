// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Upstream: include/uapi/linux/mman.h.
 */
import {
	HUGETLB_FLAG_ENCODE_1GB, HUGETLB_FLAG_ENCODE_2MB, HUGETLB_FLAG_ENCODE_MASK,
	HUGETLB_FLAG_ENCODE_SHIFT,
} from "#uapi/asm-generic/hugetlb_encode.ts";

export * from "#uapi/asm-generic/mman.ts";

export const MREMAP_MAYMOVE	= 1;
export const MREMAP_FIXED	= 2;
export const MREMAP_DONTUNMAP	= 4;

export const OVERCOMMIT_GUESS	= 0;
export const OVERCOMMIT_ALWAYS	= 1;
export const OVERCOMMIT_NEVER	= 2;

export const MAP_SHARED		= 0x01;
export const MAP_PRIVATE	= 0x02;
export const MAP_SHARED_VALIDATE	= 0x03;

export const MAP_HUGE_SHIFT	= HUGETLB_FLAG_ENCODE_SHIFT;
export const MAP_HUGE_MASK	= HUGETLB_FLAG_ENCODE_MASK;
export const MAP_HUGE_2MB	= HUGETLB_FLAG_ENCODE_2MB;
export const MAP_HUGE_1GB	= HUGETLB_FLAG_ENCODE_1GB;
