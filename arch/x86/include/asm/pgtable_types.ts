// SPDX-License-Identifier: GPL-2.0
/*
 * Page table entries: the bits, and the pair that carries them.
 *
 * Upstream: arch/x86/include/asm/{pgtable_types,pgtable_64_types,pgtable-invert}.h. Left out:
 * cache attributes beyond the bits (PAT tables), kernel mappings, SME, protection keys,
 * soft-dirty and userfaultfd bits. Five-level paging is off.
 *
 *	 63  62..59  58      57..52  51..............12  11 10 9  8 7 6 5 4 3 2 1 0
 *	 NX  pkey    devmap  -       frame number        -  -  |  | | | | | | | | present
 *	                                                 special| | | | | | | | RW
 *	              global (not present: PROT_NONE) ----------+ | | | | | | user
 *	              PSE (upper levels) / PAT -------------------+ | | | | PWT (swap: exclusive)
 *	              dirty ----------------------------------------+ | | PCD
 *	              accessed -----------------------------------------+
 *
 * An entry is an immutable pair of int32 halves; every level has the same class, so that code
 * that handles entries stays monomorphic. Constants whose bits lie in the high half end in _HI.
 */
import type { brand } from "#asm-generic/types.ts";

export * from "#asm/page_types.ts";

export class pgtable_entry {
	readonly lo: number;
	readonly hi: number;
	constructor(lo: number, hi: number) {
		this.lo = lo;
		this.hi = hi;
	}
}

export type pte_t = brand<pgtable_entry, "pte_t">;
export type pmd_t = brand<pgtable_entry, "pmd_t">;
export type pud_t = brand<pgtable_entry, "pud_t">;
export type p4d_t = brand<pgtable_entry, "p4d_t">;
export type pgd_t = brand<pgtable_entry, "pgd_t">;
export type pgprot_t = brand<pgtable_entry, "pgprot_t">;

export function __pte(lo: number, hi: number): pte_t {
	return new pgtable_entry(lo | 0, hi | 0) as pte_t;
}

export function __pmd(lo: number, hi: number): pmd_t {
	return new pgtable_entry(lo | 0, hi | 0) as pmd_t;
}

export function __pud(lo: number, hi: number): pud_t {
	return new pgtable_entry(lo | 0, hi | 0) as pud_t;
}

export function __p4d(lo: number, hi: number): p4d_t {
	return new pgtable_entry(lo | 0, hi | 0) as p4d_t;
}

export function __pgd(lo: number, hi: number): pgd_t {
	return new pgtable_entry(lo | 0, hi | 0) as pgd_t;
}

export function __pgprot(lo: number, hi: number): pgprot_t {
	return new pgtable_entry(lo | 0, hi | 0) as pgprot_t;
}

/** The 64 bits of an entry; for messages and tests. */
export function entry_val(e: pgtable_entry): bigint {
	return (BigInt(e.hi >>> 0) << 32n) | BigInt(e.lo >>> 0);
}

export const pte_val	= entry_val as (x: pte_t) => bigint;
export const pmd_val	= entry_val as (x: pmd_t) => bigint;
export const pud_val	= entry_val as (x: pud_t) => bigint;
export const p4d_val	= entry_val as (x: p4d_t) => bigint;
export const pgd_val	= entry_val as (x: pgd_t) => bigint;
export const pgprot_val	= entry_val as (x: pgprot_t) => bigint;

export const _PAGE_BIT_PRESENT	= 0;
export const _PAGE_BIT_RW	= 1;
export const _PAGE_BIT_USER	= 2;
export const _PAGE_BIT_ACCESSED	= 5;
export const _PAGE_BIT_DIRTY	= 6;
export const _PAGE_BIT_PROTNONE	= 8;

export const _PAGE_PRESENT	= 1 << 0;
export const _PAGE_RW		= 1 << 1;
export const _PAGE_USER		= 1 << 2;
export const _PAGE_PWT		= 1 << 3;
export const _PAGE_PCD		= 1 << 4;
export const _PAGE_ACCESSED	= 1 << 5;
export const _PAGE_DIRTY	= 1 << 6;
export const _PAGE_PSE		= 1 << 7;
export const _PAGE_PAT		= 1 << 7;
export const _PAGE_GLOBAL	= 1 << 8;
export const _PAGE_SOFTW1	= 1 << 9;
export const _PAGE_SOFTW2	= 1 << 10;
export const _PAGE_SOFTW3	= 1 << 11;
export const _PAGE_PAT_LARGE	= 1 << 12;
export const _PAGE_SPECIAL	= _PAGE_SOFTW1;
export const _PAGE_PROTNONE	= 1 << _PAGE_BIT_PROTNONE;
export const _PAGE_SOFTW4_HI	= 1 << (58 - 32);
export const _PAGE_DEVMAP_HI	= _PAGE_SOFTW4_HI;
export const _PAGE_NX_HI	= 1 << (63 - 32);

/** PG_anon_exclusive of a page that is swapped out. */
export const _PAGE_SWP_EXCLUSIVE = _PAGE_PWT;

/** Bits that hardware may set in an entry that is otherwise empty. */
export const _PAGE_KNL_ERRATUM_MASK = _PAGE_DIRTY | _PAGE_ACCESSED;

/* frame number bits of a 4 KiB entry */
export const PTE_PFN_MASK_LO	= 0xfffff000 | 0;
export const PTE_PFN_MASK_HI	= 0x000fffff;

/* what pte_modify() keeps of the old entry */
export const _PAGE_CHG_MASK_LO	= PTE_PFN_MASK_LO | _PAGE_PCD | _PAGE_PWT | _PAGE_SPECIAL |
				  _PAGE_ACCESSED | _PAGE_DIRTY;
export const _PAGE_CHG_MASK_HI	= PTE_PFN_MASK_HI | _PAGE_DEVMAP_HI;
export const _HPAGE_CHG_MASK_LO	= _PAGE_CHG_MASK_LO | _PAGE_PSE;
export const _HPAGE_CHG_MASK_HI	= _PAGE_CHG_MASK_HI;

const __PP = _PAGE_PRESENT, __RW = _PAGE_RW, _USR = _PAGE_USER, ___A = _PAGE_ACCESSED;
const ___D = _PAGE_DIRTY, ___G = _PAGE_GLOBAL, __NX = _PAGE_NX_HI;

export const PAGE_NONE		= __pgprot(			___A | ___G,	0);
export const PAGE_SHARED	= __pgprot(__PP | __RW | _USR | ___A,		__NX);
export const PAGE_SHARED_EXEC	= __pgprot(__PP | __RW | _USR | ___A,		0);
export const PAGE_COPY_NOEXEC	= __pgprot(__PP |	 _USR | ___A,		__NX);
export const PAGE_COPY_EXEC	= __pgprot(__PP |	 _USR | ___A,		0);
export const PAGE_COPY		= __pgprot(__PP |	 _USR | ___A,		__NX);
export const PAGE_READONLY	= __pgprot(__PP |	 _USR | ___A,		__NX);
export const PAGE_READONLY_EXEC	= __pgprot(__PP |	 _USR | ___A,		0);

export const PAGE_KERNEL	= __pgprot(__PP | __RW | ___A | ___D | ___G,	__NX);
export const PAGE_KERNEL_RO	= __pgprot(__PP |	 ___A | ___D | ___G,	__NX);

export const _KERNPG_TABLE	= __PP | __RW | ___A | ___D;
export const _PAGE_TABLE	= __PP | __RW | _USR | ___A | ___D;

export const KERNEL_PGD_BOUNDARY	= 256;
export const USER_PTRS_PER_PGD		= KERNEL_PGD_BOUNDARY;

/** Entries that are neither empty nor present have their frame bits inverted. */
export function __pte_needs_invert(lo: number, hi: number): boolean {
	return (lo & _PAGE_PRESENT) === 0 && (lo | hi) !== 0;
}

export function pgprot_nx(prot: pgprot_t): pgprot_t {
	return __pgprot(prot.lo, prot.hi | _PAGE_NX_HI);
}

/** C: pgprot_val(a) == pgprot_val(b) */
export function pgprot_same(a: pgprot_t, b: pgprot_t): boolean {
	return a.lo === b.lo && a.hi === b.hi;
}

/** Frame number in the halves of an entry, with @low frame bits masked off (large pages). */
export function entry_pfn(lo: number, hi: number): number {
	/* below 2^31 the shift drops the rest of @hi */
	return (hi & 0xff800) === 0 ? (lo >>> 12) | (hi << 20) :
		(lo >>> 12) + (hi & PTE_PFN_MASK_HI) * 0x100000;
}
