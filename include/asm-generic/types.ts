// SPDX-License-Identifier: GPL-2.0
/*
 * The kinds of numbers the kernel computes with, and the casts that make them.
 *
 * Port-only; the carriers are explained in Documentation/port/conventions.md.
 */

declare const kind: unique symbol;

/** A carrier `T` that only its own cast can make. */
export type brand<T, Name extends string> = T & { readonly [kind]: Name };

/* glossary of address kinds:
 *
 * gfn_t	guest frame number
 * pfn_nr	host frame number (C: unsigned long pfn)
 * pgoff_t	page index in a file
 * gpa_t	guest physical address, bytes
 * hpa_t	host physical address, bytes, KeyID included
 * hva_t	address in the address space of a host process, bytes
 * gva_t	guest linear address, bytes, signed (the canonical upper half is negative)
 */
export type gfn_t = brand<number, "gfn_t">;
export type kvm_pfn_t = brand<number, "kvm_pfn_t">;
export type pfn_nr = brand<number, "pfn_nr">;
export type pgoff_t = brand<number, "pgoff_t">;
export type gpa_t = brand<number, "gpa_t">;
export type hpa_t = brand<number, "hpa_t">;
export type phys_addr_t = hpa_t;
export type hva_t = brand<number, "hva_t">;
export type gva_t = brand<number, "gva_t">;

/** Checked address or byte count of a task: a safe integer, never negative. */
export type unsigned_long = number;
/** Pointer into user memory; at or above TASK_SIZE_MAX it fails access_ok(). */
export type user_ptr = number;

/* exact 64-bit values, as they come from userspace */
export type loff_t = bigint;
export type u64 = bigint;
export type s64 = bigint;
export type ulong64 = bigint;

/**
 * 0, for a field that is going to hold more than 31 bits as well: V8 then keeps it as a double from
 * the start, and all objects of the class have one shape. Equal to 0, but not the same value: never
 * for what is handed out before it is written.
 */
export const WIDE_0: number = -0;

export const gfn_t = (x: number): gfn_t => x as gfn_t;
export const kvm_pfn_t = (x: number): kvm_pfn_t => x as kvm_pfn_t;
export const pfn_nr = (x: number): pfn_nr => x as pfn_nr;
export const pgoff_t = (x: number): pgoff_t => x as pgoff_t;
export const gpa_t = (x: number): gpa_t => x as gpa_t;
export const hpa_t = (x: number): hpa_t => x as hpa_t;
export const phys_addr_t = hpa_t;
export const hva_t = (x: number): hva_t => x as hva_t;
export const gva_t = (x: number): gva_t => x as gva_t;

export const u8 = (x: number): number => x & 0xff;
export const u16 = (x: number): number => x & 0xffff;
export const u32 = (x: number): number => x >>> 0;
export const s32 = (x: number): number => x | 0;
export const u64 = (x: bigint | number): bigint => BigInt.asUintN(64, BigInt(x));
export const s64 = (x: bigint | number): bigint => BigInt.asIntN(64, BigInt(x));
export const loff_t = s64;
export const ulong64 = u64;

/** Checked 64-bit value to number; above 2^53 it is only "too large". */
export const unsigned_long = (x: bigint | number): unsigned_long =>
	typeof x === "number" ? x : Number(BigInt.asUintN(64, x));

export const U32_MAX = 0xffffffff;
export const INT_MAX = 0x7fffffff;
export const LONG_MAX = 0x7fffffffffffffffn;
export const ULONG_MAX = 0xffffffffffffffffn;
export const U64_MAX = ULONG_MAX;
export const S64_MAX = LONG_MAX;
export const LLONG_MAX = LONG_MAX;

/**
 * The same index, from 0 on. If it is small, as an integer: V8 keeps a double in a box where it is
 * stored or passed on.
 */
export function index_word<T extends number>(index: T): T {
	return (index <= 0x7fffffff ? index | 0 : index) as T;
}

/** Stands for (pgoff_t)-1: beyond every page of a file, and the last index of an xarray. */
export const PGOFF_MAX = (2 ** 52 - 1) as pgoff_t;

/** pos >> PAGE_SHIFT; a negative offset is, as in C, beyond every page. */
export const loff_to_pgoff = (pos: loff_t): pgoff_t =>
	pos < 0n ? PGOFF_MAX : index_word(Number(pos >> 12n)) as pgoff_t;

/** (loff_t)index << PAGE_SHIFT */
export const pgoff_to_loff = (index: pgoff_t): loff_t => BigInt(index) << 12n;

/** Cell for an out parameter (C: T *). */
export class ref<T> {
	v: T;
	constructor(v: T) {
		this.v = v;
	}
}

/** The same for numbers beyond 31 bits: V8 writes them in place if a class holds nothing else. */
export class wide_ref<T extends number> extends ref<T> {}
