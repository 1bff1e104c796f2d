// SPDX-License-Identifier: GPL-2.0
/*
 * What vendors' files have for common.c.
 *
 * Upstream: arch/x86/kernel/cpu/cpu.h; there through struct cpu_dev.
 */
export { init_intel } from "#arch/x86/kernel/cpu/intel.ts";
