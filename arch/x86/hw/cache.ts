// SPDX-License-Identifier: GPL-2.0
/*
 * Cache control. Port-only.
 *
 * Modelled memory is coherent but for lines of several KeyIDs (tme.ts). Flushes are counted: an
 * encrypted guest's memory must be flushed before others get it, and a test can see whether it was.
 */
import { tme_wbinvd } from "./tme.ts";

/** WBINVD instructions executed, on whichever CPU. */
export let nr_wbinvd = 0;
/** Bytes that CLFLUSH was told of. */
export let nr_clflush_bytes = 0;

export function wbinvd(): void {
	nr_wbinvd++;
	tme_wbinvd();
}

export function clflush_range(bytes: number): void {
	nr_clflush_bytes += bytes;
}
