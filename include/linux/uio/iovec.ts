// SPDX-License-Identifier: GPL-2.0
/*
 * struct iovec as the kernel keeps it; its layout is in uapi/linux/uio.ts.
 *
 * Upstream: include/uapi/linux/uio.h.
 */
import type { user_ptr } from "#asm-generic/types.ts";

export class struct_iovec {
	iov_base: user_ptr;
	iov_len: number;
	constructor(iov_base: user_ptr = 0, iov_len = 0) {
		this.iov_base = iov_base;
		this.iov_len = iov_len;
	}
}
