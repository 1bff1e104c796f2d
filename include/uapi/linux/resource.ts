// SPDX-License-Identifier: GPL-2.0
/*
 * Resource limits and usage.
 *
 * Upstream: include/uapi/linux/resource.h.
 */
export * from "#uapi/asm-generic/resource.ts";
