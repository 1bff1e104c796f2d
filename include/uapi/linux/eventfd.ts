// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Flags of eventfd2().
 *
 * Upstream: the EFD_* of include/linux/eventfd.h, which userspace has from its C library.
 */
import { O_CLOEXEC, O_NONBLOCK } from "#uapi/asm-generic/fcntl.ts";

export const EFD_SEMAPHORE	= 1 << 0;
export const EFD_CLOEXEC	= O_CLOEXEC;
export const EFD_NONBLOCK	= O_NONBLOCK;
