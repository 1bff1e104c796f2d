// SPDX-License-Identifier: GPL-2.0
/*
 * Resource limits and usage.
 *
 * Upstream: include/linux/resource.h.
 */
export * from "#uapi/asm-generic/resource.ts";
export { do_prlimit, getrusage_bytes } from "#linux/resource/sys.ts";
export { struct_rlimit } from "#linux/signal_types.ts";
