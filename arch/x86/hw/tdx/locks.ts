// SPDX-License-Identifier: GPL-2.0
/*
 * The module's locks. A leaf never waits: what it can't have at once makes it answer busy, and the
 * host tries again.
 *
 * Port-only. Leaves are atomic here, so a lock is only ever found taken by a virtual CPU that runs
 * on another CPU (TDH.VP.ENTER holds its locks meanwhile), or by a test that stands for one. Locks
 * of one leaf, in the order in which they are taken:
 *
 *	SYS			all leaves of TDH.SYS but INFO; busy: SYS_BUSY
 *	KOT, KET, WBCACHE	key tables, flushing of a package
 *	TDMR
 *	PAMT_2M > PAMT_4K	pages. A TD's lock is its TDR page's, a VCPU's its TDVPR page's
 *	OP_STATE > SEPT_TREE > SEPT_ENTRY
 *	TD_EPOCH, RTMR
 *
 * Host priority: where host and guest both lock (OP_STATE, SEPT_ENTRY) a host that found the lock
 * taken gets it next; until it has had it the guest is told that it is busy.
 */
import { this_cpu } from "../cpu.ts";

export const LOCK_SHARED	= 0;
export const LOCK_EXCLUSIVE	= 1;
export type lock_mode = 0 | 1;

export const LOCK_SYS		= 1;
export const LOCK_KOT		= 2;
export const LOCK_KET		= 3;
export const LOCK_WBCACHE	= 4;	/* by package */
export const LOCK_TDMR		= 5;	/* by index */
export const LOCK_PAMT_2M	= 6;	/* by frame / 512 */
export const LOCK_PAMT_4K	= 7;	/* by frame */
export const LOCK_OP_STATE	= 8;	/* by frame of the TDR, as the next ones */
export const LOCK_SEPT_TREE	= 9;
export const LOCK_TD_EPOCH	= 10;
export const LOCK_SEPT_ENTRY	= 11;	/* by the entry's address / 8 */
export const LOCK_RTMR		= 12;	/* by frame of the TDR * 4 + index */

/* what is held, in no order: [kind and id][mode][CPU]. Arrays only grow, as that is quicker */
const keys: number[] = [];
const modes: lock_mode[] = [];
const holders: number[] = [];
let nr = 0;
/* locks that a host has waited for since it last had them */
const wanted = new Set<number>();

const key_of = (kind: number, id: number): number => kind * 2 ** 44 + id;

export function locks_reset(): void {
	nr = 0;
	wanted.clear();
}

function take(key: number, mode: lock_mode, cpu: number): boolean {
	for (let i = nr - 1; i >= 0; i--)
		if (keys[i] === key && (mode === LOCK_EXCLUSIVE || modes[i] === LOCK_EXCLUSIVE))
			return false;
	keys[nr] = key;
	modes[nr] = mode;
	holders[nr++] = cpu;
	return true;
}

/** For a leaf of the host. False: busy. */
export function tdx_lock(kind: number, id: number, mode: lock_mode): boolean {
	return take(key_of(kind, id), mode, this_cpu.id);
}

/** The same for a lock that guests take too. */
export function tdx_lock_prio(kind: number, id: number, mode: lock_mode): boolean {
	const key = key_of(kind, id);

	if (!take(key, mode, this_cpu.id)) {
		wanted.add(key);
		return false;
	}
	if (wanted.size !== 0)
		wanted.delete(key);
	return true;
}

/** For a leaf of a guest. */
export function tdx_lock_guest(kind: number, id: number, mode: lock_mode): boolean {
	const key = key_of(kind, id);

	return !(wanted.size !== 0 && wanted.has(key)) && take(key, mode, this_cpu.id);
}

/** For tests: a leaf that another CPU is in the middle of. */
export function tdx_lock_on(cpu: number, kind: number, id: number, mode: lock_mode): boolean {
	return take(key_of(kind, id), mode, cpu);
}

/** Gives back one lock that @cpu has. */
export function tdx_unlock_on(cpu: number, kind: number, id: number): void {
	const key = key_of(kind, id);

	for (let i = nr - 1; i >= 0; i--) {
		if (keys[i] !== key || holders[i] !== cpu)
			continue;
		keys[i] = keys[--nr]!;
		modes[i] = modes[nr]!;
		holders[i] = holders[nr]!;
		return;
	}
	throw new Error(`machine: TDX: cpu ${cpu} does not have lock ${kind}:${id}`);
}

/** Locks held: what a leaf notes when it begins ... */
export function locks_held(): number {
	return nr;
}

/** ... and goes back to when it ends. */
export function locks_release(mark: number): void {
	nr = mark;
}
