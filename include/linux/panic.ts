// SPDX-License-Identifier: GPL-2.0
/*
 * panic(), taint flags, stack dumps.
 *
 * Upstream: include/linux/panic.h, stacktrace.h.
 */
export * from "#linux/panic/panic.ts";
