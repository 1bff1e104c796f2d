// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Upstream: include/uapi/linux/ioctl.h.
 */
export * from "#uapi/asm-generic/ioctl.ts";
