// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Huge page sizes in flags: log2 of the size in the upper six bits.
 *
 * Upstream: include/uapi/asm-generic/hugetlb_encode.h.
 */
export const HUGETLB_FLAG_ENCODE_SHIFT	= 26;
export const HUGETLB_FLAG_ENCODE_MASK	= 0x3f;

const encode = (n: number): number => (n << HUGETLB_FLAG_ENCODE_SHIFT) >>> 0;

export const HUGETLB_FLAG_ENCODE_16KB	= encode(14);
export const HUGETLB_FLAG_ENCODE_64KB	= encode(16);
export const HUGETLB_FLAG_ENCODE_512KB	= encode(19);
export const HUGETLB_FLAG_ENCODE_1MB	= encode(20);
export const HUGETLB_FLAG_ENCODE_2MB	= encode(21);
export const HUGETLB_FLAG_ENCODE_8MB	= encode(23);
export const HUGETLB_FLAG_ENCODE_16MB	= encode(24);
export const HUGETLB_FLAG_ENCODE_32MB	= encode(25);
export const HUGETLB_FLAG_ENCODE_256MB	= encode(28);
export const HUGETLB_FLAG_ENCODE_512MB	= encode(29);
export const HUGETLB_FLAG_ENCODE_1GB	= encode(30);
export const HUGETLB_FLAG_ENCODE_2GB	= encode(31);
export const HUGETLB_FLAG_ENCODE_16GB	= encode(34);
