// SPDX-License-Identifier: GPL-2.0
/*
 * Upstream: include/linux/eventfd.h.
 */
import { EFD_SEMAPHORE } from "#uapi/linux/eventfd.ts";
import { O_CLOEXEC, O_NONBLOCK } from "#uapi/asm-generic/fcntl.ts";

export * from "#uapi/linux/eventfd.ts";
export { eventfd_ctx_do_read, eventfd_ctx_fdget, eventfd_ctx_fileget, eventfd_ctx_put,
	eventfd_ctx_remove_wait_queue, eventfd_fget, eventfd_signal, struct_eventfd_ctx } from
	"#linux/fs/eventfd.ts";

export const EFD_SHARED_FCNTL_FLAGS	= O_CLOEXEC | O_NONBLOCK;
export const EFD_FLAGS_SET		= EFD_SHARED_FCNTL_FLAGS | EFD_SEMAPHORE;
