// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Flags of memfd_create().
 *
 * Upstream: include/uapi/linux/memfd.h.
 */
import * as encode from "#uapi/asm-generic/hugetlb_encode.ts";

/* bits of the second argument of memfd_create() */
export const MFD_CLOEXEC		= 0x0001;
export const MFD_ALLOW_SEALING		= 0x0002;
export const MFD_HUGETLB		= 0x0004;
/** userspace can neither read nor write nor map the memory. @hunk 1:1 */
export const MFD_INACCESSIBLE		= 0x0008;

/*
 * With MFD_HUGETLB the bits from MFD_HUGE_SHIFT on choose the page size: its logarithm, as
 * asm-generic/hugetlb_encode has it; 0 is the default size.
 */
export const MFD_HUGE_SHIFT	= encode.HUGETLB_FLAG_ENCODE_SHIFT;
export const MFD_HUGE_MASK	= encode.HUGETLB_FLAG_ENCODE_MASK;

export const MFD_HUGE_64KB	= encode.HUGETLB_FLAG_ENCODE_64KB;
export const MFD_HUGE_512KB	= encode.HUGETLB_FLAG_ENCODE_512KB;
export const MFD_HUGE_1MB	= encode.HUGETLB_FLAG_ENCODE_1MB;
export const MFD_HUGE_2MB	= encode.HUGETLB_FLAG_ENCODE_2MB;
export const MFD_HUGE_8MB	= encode.HUGETLB_FLAG_ENCODE_8MB;
export const MFD_HUGE_16MB	= encode.HUGETLB_FLAG_ENCODE_16MB;
export const MFD_HUGE_32MB	= encode.HUGETLB_FLAG_ENCODE_32MB;
export const MFD_HUGE_256MB	= encode.HUGETLB_FLAG_ENCODE_256MB;
export const MFD_HUGE_512MB	= encode.HUGETLB_FLAG_ENCODE_512MB;
export const MFD_HUGE_1GB	= encode.HUGETLB_FLAG_ENCODE_1GB;
export const MFD_HUGE_2GB	= encode.HUGETLB_FLAG_ENCODE_2GB;
export const MFD_HUGE_16GB	= encode.HUGETLB_FLAG_ENCODE_16GB;
