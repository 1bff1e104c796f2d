// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sparse bits: runs in an ascending array, where upstream has a tree of masks.
 *
 * Upstream: tools/testing/selftests/kvm/lib/sparsebit.c. Left out: what nobody calls.
 * Indices are numbers up to 2^52 (a page number); "none" is 0, as upstream has it.
 */
import { fprintf } from "#tools/include/nolibc/nolibc.ts";

/** One past the highest index: 2^64 bytes of pages. */
const LIMIT = 2 ** 52;

export class sparsebit {
	/** first set, first clear after it, first set after that ...; ascending, no empty runs */
	readonly edges: number[] = [];
}

/** How many edges are at or below @idx: odd means that @idx is set. */
function rank(s: sparsebit, idx: number): number {
	const e = s.edges;
	let lo = 0, hi = e.length;

	while (lo < hi) {
		const mid = (lo + hi) >> 1;

		if (e[mid]! <= idx)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/** Makes [start, end) all set or all clear. */
function put(s: sparsebit, start: number, end: number, on: boolean): void {
	if (start >= end)
		return;
	/* edges below start stay; those in [start, end] go, and what is needed comes */
	const to = rank(s, end);
	let from = rank(s, start);
	if (from > 0 && s.edges[from - 1] === start)
		from--;
	const before = (from & 1) === 1, after = (to & 1) === 1;
	const fresh: number[] = [];

	if (before !== on)
		fresh.push(start);
	if (after !== on)
		fresh.push(end);
	s.edges.splice(from, to - from, ...fresh);
}

export function sparsebit_alloc(): sparsebit {
	return new sparsebit();
}

export function sparsebit_free(_s: sparsebit): void {}

export function sparsebit_copy(d: sparsebit, s: sparsebit): void {
	d.edges.splice(0, d.edges.length, ...s.edges);
}

export function sparsebit_is_set(s: sparsebit, idx: number): boolean {
	return (rank(s, idx) & 1) === 1;
}

export function sparsebit_is_set_num(s: sparsebit, idx: number, num: number): boolean {
	const r = rank(s, idx);
	return (r & 1) === 1 && s.edges[r]! >= idx + num;
}

export function sparsebit_is_clear(s: sparsebit, idx: number): boolean {
	return !sparsebit_is_set(s, idx);
}

export function sparsebit_is_clear_num(s: sparsebit, idx: number, num: number): boolean {
	const r = rank(s, idx);
	return (r & 1) === 0 && (s.edges[r] ?? LIMIT) >= idx + num;
}

export function sparsebit_num_set(s: sparsebit): number {
	let n = 0;
	for (let i = 0; i < s.edges.length; i += 2)
		n += s.edges[i + 1]! - s.edges[i]!;
	return n;
}

/** The set must not be empty. */
export function sparsebit_first_set(s: sparsebit): number {
	return s.edges[0]!;
}

/** The next set index above @prev, or 0. */
export function sparsebit_next_set(s: sparsebit, prev: number): number {
	const r = rank(s, prev + 1);
	return (r & 1) === 1 ? prev + 1 : s.edges[r] ?? 0;
}

export function sparsebit_next_clear(s: sparsebit, prev: number): number {
	const r = rank(s, prev + 1);
	if ((r & 1) === 0)
		return prev + 1 < LIMIT ? prev + 1 : 0;
	return s.edges[r]! < LIMIT ? s.edges[r]! : 0;
}

/** The first index above @start from which @num are set, or 0. */
export function sparsebit_next_set_num(s: sparsebit, start: number, num: number): number {
	for (let idx = sparsebit_next_set(s, start); idx !== 0;
		idx = sparsebit_next_set(s, idx)) {
		if (sparsebit_is_set_num(s, idx, num))
			return idx;
		idx = sparsebit_next_clear(s, idx);
		if (idx === 0)
			return 0;
	}
	return 0;
}

export function sparsebit_next_clear_num(s: sparsebit, start: number, num: number): number {
	for (let idx = sparsebit_next_clear(s, start); idx !== 0;
		idx = sparsebit_next_clear(s, idx)) {
		if (sparsebit_is_clear_num(s, idx, num))
			return idx;
		idx = sparsebit_next_set(s, idx);
		if (idx === 0)
			return 0;
	}
	return 0;
}

export function sparsebit_set(s: sparsebit, idx: number): void {
	put(s, idx, idx + 1, true);
}

export function sparsebit_set_num(s: sparsebit, start: number, num: number): void {
	put(s, start, start + num, true);
}

export function sparsebit_clear(s: sparsebit, idx: number): void {
	put(s, idx, idx + 1, false);
}

export function sparsebit_clear_num(s: sparsebit, start: number, num: number): void {
	put(s, start, start + num, false);
}

export function sparsebit_dump(stream: number, s: sparsebit, indent: number): void {
	for (let i = 0; i < s.edges.length; i += 2)
		fprintf(stream, "%s%s:%s\n", " ".repeat(indent), s.edges[i]!.toString(16),
			(s.edges[i + 1]! - 1).toString(16));
}
