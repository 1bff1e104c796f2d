// SPDX-License-Identifier: GPL-2.0
/*
 * The slice that chose the carriers of 64-bit kinds: installing a leaf entry, written both ways.
 *
 * Port-only: node carriers.js. A call chain hands an address down, a four-level table in typed
 * arrays is walked, an entry is made, compared with the old one, stored and checked, as the fault
 * path does. "numbers": addresses and frames as numbers, entries as pairs of int32. "bigints":
 * everything a wrapped bigint. See Documentation/port/carriers.md.
 */
import { performance } from "node:perf_hooks";

const TABLES = 600;
const lo = new Int32Array(TABLES * 512), hi = new Int32Array(TABLES * 512);
const wide = new BigUint64Array(TABLES * 512);
const FAULTS = 65536;
const ROUNDS = 15;
let next_table = 1;

/* numbers and pairs */
class pair {
	readonly lo: number;
	readonly hi: number;
	constructor(l: number, h: number) {
		this.lo = l;
		this.hi = h;
	}
}

class fault_n {
	addr = 0;
	gfn = 0;
	pfn = 0;
}

const present_n = (e: pair): boolean => (e.lo & 0x7) !== 0;
const leaf_n = (e: pair): boolean => (e.lo & 0x80) !== 0;
const same_n = (a: pair, b: pair): boolean => a.lo === b.lo && a.hi === b.hi;
const table_n = (e: pair): number => (e.lo >>> 12) | ((e.hi & 0xfff) << 20);
const read_n = (i: number): pair => new pair(lo[i]!, hi[i]!);

function write_n(i: number, e: pair): void {
	lo[i] = e.lo;
	hi[i] = e.hi;
}

function make_n(pfn: number, write: boolean): pair {
	let l = 0x85, h = 0x0200;
	if (write)
		l |= 0x2;
	l |= pfn << 12;
	h |= (pfn >>> 20) & 0xfff;
	return new pair(l, h);
}

function changed_n(gfn: number, old: pair, e: pair): boolean {
	return present_n(e) && (!present_n(old) || table_n(old) !== table_n(e)) && leaf_n(e) &&
		gfn >= 0;
}

function map_n(f: fault_n): number {
	let table = 0;
	for (let level = 3; level > 0; level--) {
		const i = table * 512 + (Math.floor(f.gfn / 512 ** level) & 511);
		let e = read_n(i);
		if (!present_n(e)) {
			e = new pair((next_table++ << 12) | 7, 0);
			write_n(i, e);
		}
		table = table_n(e);
	}
	const i = table * 512 + (f.gfn & 511);
	const old = read_n(i);
	const e = make_n(f.pfn, true);
	if (same_n(old, e))
		return 0;
	write_n(i, e);
	return changed_n(f.gfn, old, e) ? 1 : 0;
}

function fault_in_n(f: fault_n): number {
	f.gfn = Math.floor(f.addr / 4096);
	f.pfn = f.gfn + 100;
	return map_n(f);
}

function run_n(): number {
	let n = 0;
	for (let i = 0; i < FAULTS; i++) {
		const f = new fault_n();
		f.addr = 0x100000000 + i * 4096;
		n += fault_in_n(f);
	}
	return n;
}

/* bigints */
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);

class fault_b {
	addr = 0n;
	gfn = 0n;
	pfn = 0n;
}

const present_b = (e: bigint): boolean => (e & 0x7n) !== 0n;
const leaf_b = (e: bigint): boolean => (e & 0x80n) !== 0n;
const table_b = (e: bigint): bigint => u64((e >> 12n) & 0xffffffffn);

function make_b(pfn: bigint, write: boolean): bigint {
	let e = 0x20000000085n;
	if (write)
		e = u64(e | 0x2n);
	return u64(e | u64(pfn << 12n));
}

function changed_b(gfn: bigint, old: bigint, e: bigint): boolean {
	return present_b(e) && (!present_b(old) || table_b(old) !== table_b(e)) && leaf_b(e) &&
		gfn >= 0n;
}

function map_b(f: fault_b): number {
	let table = 0n;
	for (let level = 3n; level > 0n; level--) {
		const i = Number(table * 512n + (u64(f.gfn >> (9n * level)) & 511n));
		let e = wide[i]!;
		if (!present_b(e)) {
			e = u64((BigInt(next_table++) << 12n) | 7n);
			wide[i] = e;
		}
		table = table_b(e);
	}
	const i = Number(table * 512n + (f.gfn & 511n));
	const old = wide[i]!;
	const e = make_b(f.pfn, true);
	if (old === e)
		return 0;
	wide[i] = e;
	return changed_b(f.gfn, old, e) ? 1 : 0;
}

function fault_in_b(f: fault_b): number {
	f.gfn = u64(f.addr >> 12n);
	f.pfn = u64(f.gfn + 100n);
	return map_b(f);
}

function run_b(): number {
	let n = 0;
	for (let i = 0; i < FAULTS; i++) {
		const f = new fault_b();
		f.addr = u64(0x100000000n + BigInt(i) * 4096n);
		n += fault_in_b(f);
	}
	return n;
}

/** Median cost of a fault, ns; every round starts from empty tables. */
function measure(run: () => number): number {
	const times: number[] = [];
	for (let r = 0; r < ROUNDS; r++) {
		lo.fill(0);
		hi.fill(0);
		wide.fill(0n);
		next_table = 1;
		const t = performance.now();
		if (run() !== FAULTS)
			throw new Error("carriers: wrong count");
		times.push((performance.now() - t) * 1e6 / FAULTS);
	}
	return times.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

console.log(`numbers and pairs  ${measure(run_n).toFixed(1)} ns`);
console.log(`wrapped bigints    ${measure(run_b).toFixed(1)} ns`);
