// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TDs give back is cleared, or left as it is (clear_on_drop=0, the TDX branch of 2022): other
 * tests of TDs hold either way, and the kernel counts what it has not cleared.
 *
 * Port-only. Each line of the result is a host of its own, on which that test runs.
 */
import { BEFORE_THE_SERIES, run_host_rows, type host_row } from "../lib/host_rows.ts";

const UNCLEAN = /virt\/tdx: pages freed with owner bits or poison: \d+$/m;

function row(test: string, host: string, kconfig: string, clear: boolean): host_row {
	return {
		what: `clear_on_drop=${Number(clear)} ${test.padEnd(15)}`,
		spec: { host, kconfig, params: `clear_on_drop=${Number(clear)}`,
			program: new URL(`./${test}.js`, import.meta.url).href },
		want: { says: clear ? "all is cleared" : "what is not cleared is counted",
			log: clear ? [] : [UNCLEAN], console: [], status: 0,
			...clear ? { log_not: UNCLEAN } : {} },
	};
}

export async function hosts(_argv: string[]): Promise<number> {
	return run_host_rows([
		row("tdx_vm_test", "", "", true),
		row("tdx_vm_test", "", "", false),
		row("tdx_mapped_test", "", BEFORE_THE_SERIES, false),
		row("tdx_mce_test", "emca2=off thp=never", BEFORE_THE_SERIES, false),
	]);
}
