// SPDX-License-Identifier: GPL-2.0
/*
 * Writing back caches.
 *
 * Upstream: arch/x86/include/asm/cacheflush.h; wbinvd_on_all_cpus() is declared in asm/smp.h there,
 * whose port is too low for calls to other CPUs.
 */
export { clflush_range } from "#hw/cache.ts";
export { wbinvd_on_all_cpus } from "#arch/x86/lib/cache-smp.ts";
