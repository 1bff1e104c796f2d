// SPDX-License-Identifier: GPL-2.0
/*
 * Writing back the caches of all CPUs.
 *
 * Upstream: arch/x86/lib/cache-smp.c. Left out: a single CPU.
 */
import { on_each_cpu } from "#linux/smp.ts";
import { wbinvd } from "#hw/cache.ts";

/** arch/x86/lib/cache-smp.c:__wbinvd() */
function __wbinvd(_dummy: null): void {
	wbinvd();
}

/** arch/x86/lib/cache-smp.c:wbinvd_on_all_cpus() */
export function wbinvd_on_all_cpus(): number {
	on_each_cpu(__wbinvd, null, 1);
	return 0;
}
