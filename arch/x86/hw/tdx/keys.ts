// SPDX-License-Identifier: GPL-2.0
/*
 * Private KeyIDs: who has them (the key ownership table), and which packages have their keys.
 *
 * Port-only. States of an entry, and the leaf that moves it on:
 *
 *	FREE -MNG.CREATE-> ASSIGNED -MNG.VPFLUSHDONE-> FLUSHED -MNG.KEY.FREEID-> FREE
 *
 * RESERVED is the module's own KeyID, from TDH.SYS.CONFIG on. A FLUSHED entry has a bit for each
 * package whose caches may still hold lines of the KeyID; TDH.PHYMEM.CACHE.WB clears it.
 */
import { cpus, maxphyaddr, this_cpu } from "../cpu.ts";
import { tme_flush_keyid, tme_key_program, tme_keyids } from "../tme.ts";
import { KOT_ASSIGNED, KOT_FLUSHED, KOT_FREE, KOT_RESERVED, TDX_KEY_GENERATION_FAILED,
	TDX_RND_NO_ENTROPY, TDX_SUCCESS } from "./defs.ts";
import { status } from "./regs.ts";
import { interrupt_pending, tdx } from "./state.ts";

class kot_entry {
	state = KOT_FREE;
	wbinvd = 0;
}

let kot: kot_entry[] = [];
let first = Infinity;
/* by package: KeyIDs that an interrupted TDH.PHYMEM.CACHE.WB has yet to do; null: none was */
let wb_left: (number[] | null)[] = [];

export function keys_reset(): void {
	const { first_private, nr } = tme_keyids();

	first = first_private;
	kot = [];
	for (let i = first; i < nr; i++)
		kot.push(new kot_entry());
	wb_left = new Array<number[] | null>(tdx.config.packages).fill(null);
}

/** Bits of an address below its KeyID: what is left of the processor's for page tables. */
export function hkid_shift(): number {
	return maxphyaddr;
}

/** True for a KeyID that TDs can have. */
export function hkid_private(hkid: number): boolean {
	return hkid >= first && hkid - first < kot.length;
}

export function kot_state(hkid: number): number {
	return kot[hkid - first]!.state;
}

export function kot_assign(hkid: number): void {
	kot[hkid - first]!.state = KOT_ASSIGNED;
}

export function kot_reserve(hkid: number): void {
	kot[hkid - first]!.state = KOT_RESERVED;
}

export function kot_flushed(hkid: number): void {
	const e = kot[hkid - first]!;

	e.state = KOT_FLUSHED;
	e.wbinvd = all_packages();
}

/** False: a package has not written back its caches. */
export function kot_free(hkid: number): boolean {
	const e = kot[hkid - first]!;

	if (e.wbinvd !== 0)
		return false;
	e.state = KOT_FREE;
	return true;
}

/* Packages. */

export function package_of(cpu: number): number {
	return Math.floor(cpu * tdx.config.packages / cpus.length);
}

export function this_package(): number {
	return package_of(this_cpu.id);
}

export function all_packages(): number {
	return 2 ** tdx.config.packages - 1;
}

/** PCONFIG of a random key on this package. The first package's makes the old key unusable. */
export function key_generate(hkid: number, configured: number): number {
	if (tdx.env.no_entropy > 0) {
		tdx.env.no_entropy--;
		return status(TDX_RND_NO_ENTROPY, 0);
	}
	if (tdx.env.bad_keys > 0) {
		tdx.env.bad_keys--;
		return status(TDX_KEY_GENERATION_FAILED, 0);
	}
	if (configured === 0)
		tme_key_program(hkid);
	return TDX_SUCCESS;
}

/* TDH.PHYMEM.CACHE.WB on this package. */

export const WB_DONE		= 0;
export const WB_NOTHING		= 1;
export const WB_INTERRUPTED	= 2;
export const WB_NO_RESUME	= 3;

/** Starts, or goes on with, writing back all KeyIDs that wait for it: WB_*. */
export function cache_wb(resume: boolean): number {
	const pkg = this_package(), bit = 2 ** pkg;
	let left = wb_left[pkg]!;

	if (resume && left === null)
		return WB_NO_RESUME;
	if (!resume) {
		left = [];
		kot.forEach((e, i) => {
			if (e.state === KOT_FLUSHED && (e.wbinvd & bit) !== 0)
				left!.push(first + i);
		});
		wb_left[pkg] = null;
		if (left.length === 0)
			return WB_NOTHING;
	}
	while (left!.length !== 0) {
		if (interrupt_pending(tdx.env)) {
			wb_left[pkg] = left;
			return WB_INTERRUPTED;
		}
		const hkid = left!.pop()!;
		tme_flush_keyid(hkid);
		kot[hkid - first]!.wbinvd &= ~bit;
	}
	wb_left[pkg] = null;
	return WB_DONE;
}
