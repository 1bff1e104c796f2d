// SPDX-License-Identifier: GPL-2.0
/*
 * The recorded cases: their types, and how their scalars and bytes are written.
 *
 * Port-only. A group file holds cases; a case is a list of steps run in one fresh process; a step's
 * outcome is what the kernel of record answered.
 */
import * as fcntl from "#uapi/linux/fcntl.ts";
import * as asm_fcntl from "#uapi/asm-generic/fcntl.ts";
import * as falloc from "#uapi/linux/falloc.ts";
import * as fs from "#uapi/linux/fs.ts";
import * as memfd from "#uapi/linux/memfd.ts";
import * as mman from "#uapi/linux/mman.ts";
import * as mman_generic from "#uapi/asm-generic/mman.ts";

/** Integer, or terms of names, decimal and hex numbers joined by "|". */
export type num_text = number | string;
export type data_text = { hex: string } | { fill: number; len: number } | { runs: [number,
	number][] };
export type addr_text = { map: string; off?: num_text } | { raw: num_text } | null;
export type fd_text = string | { raw: num_text } | null;

export interface outcome {
	ret?: number | string;
	err?: string;
	skipped?: boolean;
	/** of an exit: hex digits */
	data?: data_text | string;
	ok?: boolean;
	signal?: string;
	code?: string;
	at?: number;
	st?: Record<string, number | string>;
	link?: string;
	vec?: string | number[];
	moved?: boolean;
	at_addr?: boolean;
	[more: string]: unknown;
}

/* members by op; see the documentation of the format */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type step = { op: string; proc?: string; as?: string; out: outcome; [member: string]: any };

export interface recorded_case {
	id: string;
	kind: string;
	tags?: string[];
	steps: step[];
	differs?: Record<string, Record<string, outcome>>;
	differs_why?: string;
}

export interface group_file {
	group: string;
	format: number;
	recorded_on: string[];
	cases: recorded_case[];
}

/* names that uapi headers spell elsewhere, or that the base's headers do not know */
const EXTRA: Record<string, number> = {
	MADV_COLLAPSE: 25, SEEK_SET: 0, SEEK_CUR: 1, SEEK_END: 2, SEEK_DATA: 3, SEEK_HOLE: 4,
};
const tables: Record<string, unknown>[] = [
	fcntl, asm_fcntl, falloc, fs, memfd, mman, mman_generic, EXTRA,
];

function constant(name: string): bigint {
	for (const t of tables) {
		const v = t[name];
		if (typeof v === "number" || typeof v === "bigint")
			return BigInt(v);
	}
	throw new Error(`unknown constant ${name}`);
}

/** More names, from groups that have constants of their own. */
export function add_constants(table: Record<string, unknown>): void {
	tables.push(table);
}

/** A NUM as 64-bit two's complement register value. */
export function num(x: num_text): bigint {
	if (typeof x === "number")
		return BigInt(x);
	return x.split("|").reduce((v, term) => v | (/^-?\d|^0x/.test(term) ? BigInt(term) :
		constant(term)), 0n);
}

export function decode(d: data_text): Uint8Array {
	if ("hex" in d)
		return Uint8Array.from(d.hex.match(/../g) ?? [], (h) => parseInt(h, 16));
	const runs: [number, number][] = "runs" in d ? d.runs : [[d.fill, d.len]];
	const bytes = new Uint8Array(runs.reduce((n, r) => n + r[1], 0));
	let at = 0;
	for (const [b, n] of runs) {
		bytes.fill(b, at, at + n);
		at += n;
	}
	return bytes;
}

/** The shortest DATA for @bytes. */
export function encode(bytes: Uint8Array): data_text {
	const runs: [number, number][] = [];
	for (const b of bytes) {
		const last = runs[runs.length - 1];
		if (last !== undefined && last[0] === b)
			last[1]++;
		else
			runs.push([b, 1]);
	}
	if (runs.length === 1)
		return { fill: runs[0]![0], len: runs[0]![1] };
	if (bytes.length <= 32 || runs.length > 64)
		return { hex: Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("") };
	return { runs };
}

/** A recorded integer: JSON integer where exact, else a decimal string. */
export function integer(x: number | bigint): number | string {
	const b = BigInt(x);
	return b >= -9007199254740991n && b <= 9007199254740991n ? Number(b) : b.toString();
}

function normal(o: unknown, key: string): unknown {
	if (key === "data" && o !== null && typeof o === "object")
		return Array.from(decode(o as data_text)).join();
	if (Array.isArray(o))
		return o.map((x) => normal(x, ""));
	if (o !== null && typeof o === "object") {
		return Object.fromEntries(Object.entries(o).sort(([a], [b]) => a < b ? -1 : 1)
			.map(([k, v]) => [k, normal(v, k)]));
	}
	return o;
}

/** Whether two outcomes say the same; bytes are compared decoded. */
export function same(a: outcome, b: outcome): boolean {
	return JSON.stringify(normal(a, "")) === JSON.stringify(normal(b, ""));
}
