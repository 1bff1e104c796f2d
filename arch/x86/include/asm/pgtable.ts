// SPDX-License-Identifier: GPL-2.0
/*
 * Page table entries of x86-64: predicates, makers, stores.
 *
 * Upstream: arch/x86/include/asm/{pgtable,pgtable_64,pgtable-invert}.h. Left out: cache modes,
 * PTI, kernel mappings, device mappings (their predicates are there and false), soft-dirty,
 * userfaultfd, protection keys. The fourth level (p4d) is folded into the pgd.
 *
 * Pointers to entries are ptep_t (physical address / 8). C's `*ptep` is ptep_get(ptep), `*pmd`
 * pmdp_get(pmd) and so on. Tests of hot paths that need no entry object take the pointer:
 * pte_none_at(), pte_present_at(), pmd_none_at() ...
 */
import { type hpa_t, pfn_nr } from "#asm-generic/types.ts";
import type { pgtable_t, ptep_t, struct_mm_struct, struct_page, struct_vm_area_struct } from
	"#linux/mm_types.ts";
import { mem_and_lo, mem_hi, mem_lo, mem_write64, mem_xchg64, mem_xchg_hi } from "#hw/memory.ts";
import { pfn_to_page } from "#asm/page.ts";
import { type p4d_t, type pgd_t, type pgprot_t, type pgtable_entry, type pmd_t, type pte_t,
	type pud_t, PAGE_SHIFT, PAGE_SIZE, PGDIR_SHIFT, PMD_SHIFT, PMD_SIZE, PTE_PFN_MASK_HI,
	PTE_PFN_MASK_LO, PTRS_PER_PGD, PUD_SHIFT, PUD_SIZE, TASK_SIZE_MAX, _HPAGE_CHG_MASK_HI,
	_HPAGE_CHG_MASK_LO, _KERNPG_TABLE, _PAGE_ACCESSED, _PAGE_BIT_PROTNONE, _PAGE_CHG_MASK_HI,
	_PAGE_CHG_MASK_LO, _PAGE_DEVMAP_HI, _PAGE_DIRTY, _PAGE_GLOBAL, _PAGE_KNL_ERRATUM_MASK,
	_PAGE_NX_HI, _PAGE_PRESENT, _PAGE_PROTNONE, _PAGE_PSE, _PAGE_RW, _PAGE_SPECIAL,
	_PAGE_SWP_EXCLUSIVE, _PAGE_TABLE, _PAGE_USER, __p4d, __pgd, __pgprot, __pmd, __pte,
	__pte_needs_invert, __pud, entry_pfn } from "#asm/pgtable_types.ts";

export * from "#asm/pgtable_types.ts";
export { pgd_alloc, pgd_free } from "#asm/pgalloc.ts";
export { pmdp_clear_flush_young, pmdp_invalidate_ad, pmdp_set_access_flags,
	pmdp_test_and_clear_young, ptep_clear_flush_young, ptep_set_access_flags,
	ptep_test_and_clear_young } from "#arch/x86/mm/pgtable.ts";
export { vm_get_page_prot } from "#arch/x86/mm/pgprot.ts";

const ERRATUM = ~_PAGE_KNL_ERRATUM_MASK;

/* ---- reading and writing entries ------------------------------------------------------------ */

export function ptep_get(ptep: ptep_t): pte_t {
	return __pte(mem_lo(ptep), mem_hi(ptep));
}

export const ptep_get_lockless = ptep_get;

export function pmdp_get(pmdp: ptep_t): pmd_t {
	return __pmd(mem_lo(pmdp), mem_hi(pmdp));
}

export const pmd_read_atomic = pmdp_get;
export const pmdp_get_lockless = pmdp_get;

export function pudp_get(pudp: ptep_t): pud_t {
	return __pud(mem_lo(pudp), mem_hi(pudp));
}

export function p4dp_get(p4dp: ptep_t): p4d_t {
	return __p4d(mem_lo(p4dp), mem_hi(p4dp));
}

/** The level is folded: its entry is always there, and what it says is in the p4d. */
export function pgdp_get(_pgdp: ptep_t): pgd_t {
	return FOLDED_PGD;
}

const FOLDED_PGD = __pgd(_PAGE_TABLE, 0);

export function set_pte(ptep: ptep_t, pte: pte_t): void {
	mem_write64(ptep, pte.lo, pte.hi);
}

export function set_pmd(pmdp: ptep_t, pmd: pmd_t): void {
	mem_write64(pmdp, pmd.lo, pmd.hi);
}

export function set_pud(pudp: ptep_t, pud: pud_t): void {
	mem_write64(pudp, pud.lo, pud.hi);
}

export function set_p4d(p4dp: ptep_t, p4d: p4d_t): void {
	mem_write64(p4dp, p4d.lo, p4d.hi);
}

export function set_pgd(pgdp: ptep_t, pgd: pgd_t): void {
	mem_write64(pgdp, pgd.lo, pgd.hi);
}

export function pte_clear(_mm: struct_mm_struct | null, _addr: number, ptep: ptep_t): void {
	mem_write64(ptep, 0, 0);
}

export function pmd_clear(pmdp: ptep_t): void {
	mem_write64(pmdp, 0, 0);
}

export function pud_clear(pudp: ptep_t): void {
	mem_write64(pudp, 0, 0);
}

export function p4d_clear(p4dp: ptep_t): void {
	mem_write64(p4dp, 0, 0);
}

/** The fourth level is folded: nothing to clear above it. */
export function pgd_clear(_pgdp: ptep_t): void {}

/* ---- flags ---------------------------------------------------------------------------------- */

/** Low half of the flags; the high one is in pte_flags_hi(). */
export function pte_flags(pte: pte_t): number {
	return pte.lo & ~PTE_PFN_MASK_LO;
}

export function pmd_flags(pmd: pmd_t): number {
	return pmd.lo & ((pmd.lo & _PAGE_PSE) !== 0 ? PMD_SIZE - 1 : ~PTE_PFN_MASK_LO);
}

export function pud_flags(pud: pud_t): number {
	return pud.lo & ((pud.lo & _PAGE_PSE) !== 0 ? PUD_SIZE - 1 : ~PTE_PFN_MASK_LO);
}

export function pte_dirty(pte: pte_t): boolean {
	return (pte.lo & _PAGE_DIRTY) !== 0;
}

export function pte_young(pte: pte_t): boolean {
	return (pte.lo & _PAGE_ACCESSED) !== 0;
}

export function pmd_dirty(pmd: pmd_t): boolean {
	return (pmd.lo & _PAGE_DIRTY) !== 0;
}

export function pmd_young(pmd: pmd_t): boolean {
	return (pmd.lo & _PAGE_ACCESSED) !== 0;
}

export function pud_dirty(pud: pud_t): boolean {
	return (pud.lo & _PAGE_DIRTY) !== 0;
}

export function pud_young(pud: pud_t): boolean {
	return (pud.lo & _PAGE_ACCESSED) !== 0;
}

export function pte_write(pte: pte_t): boolean {
	return (pte.lo & _PAGE_RW) !== 0;
}

export function pte_huge(pte: pte_t): boolean {
	return (pte.lo & _PAGE_PSE) !== 0;
}

export function pte_global(pte: pte_t): boolean {
	return (pte.lo & _PAGE_GLOBAL) !== 0;
}

export function pte_exec(pte: pte_t): boolean {
	return (pte.hi & _PAGE_NX_HI) === 0;
}

export function pte_special(pte: pte_t): boolean {
	return (pte.lo & _PAGE_SPECIAL) !== 0;
}

export function pte_devmap(_pte: pte_t): boolean {
	return false;
}

export function pte_pfn(pte: pte_t): pfn_nr {
	return pfn_nr(__pte_needs_invert(pte.lo, pte.hi) ? entry_pfn(~pte.lo, ~pte.hi) :
		entry_pfn(pte.lo, pte.hi));
}

/* bits 12 and up of a large entry that are no frame bits */
const low_pfn_bits = (pfn: number, large: number, n: number): number =>
	large === 0 ? pfn : pfn - (pfn & (n - 1));

export function pmd_pfn(pmd: pmd_t): pfn_nr {
	const pfn = __pte_needs_invert(pmd.lo, pmd.hi) ? entry_pfn(~pmd.lo, ~pmd.hi) :
		entry_pfn(pmd.lo, pmd.hi);
	return pfn_nr(low_pfn_bits(pfn, pmd.lo & _PAGE_PSE, 512));
}

export function pud_pfn(pud: pud_t): pfn_nr {
	const pfn = __pte_needs_invert(pud.lo, pud.hi) ? entry_pfn(~pud.lo, ~pud.hi) :
		entry_pfn(pud.lo, pud.hi);
	return pfn_nr(low_pfn_bits(pfn, pud.lo & _PAGE_PSE, 512 * 512));
}

export function p4d_pfn(p4d: p4d_t): pfn_nr {
	return pfn_nr(entry_pfn(p4d.lo, p4d.hi));
}

export function pgd_pfn(pgd: pgd_t): pfn_nr {
	return pfn_nr(entry_pfn(pgd.lo, pgd.hi));
}

export function pte_page(pte: pte_t): struct_page {
	return pfn_to_page(pte_pfn(pte));
}

export function pmd_page(pmd: pmd_t): struct_page {
	return pfn_to_page(pmd_pfn(pmd));
}

export function pud_page(pud: pud_t): struct_page {
	return pfn_to_page(pud_pfn(pud));
}

export function p4d_page(p4d: p4d_t): struct_page {
	return pfn_to_page(p4d_pfn(p4d));
}

/** First entry of the table that the entry points to. */
export function pud_pgtable(pud: pud_t): ptep_t {
	return pud_pfn(pud) * 512;
}

export function p4d_pgtable(p4d: p4d_t): ptep_t {
	return p4d_pfn(p4d) * 512;
}

/** The page of entries that a PMD points to. */
export function pmd_pgtable(pmd: pmd_t): pgtable_t {
	return pfn_to_page(pfn_nr(entry_pfn(pmd.lo, pmd.hi))) as pgtable_t;
}

export function p4d_large(_p4d: p4d_t): boolean {
	return false;
}

export const p4d_leaf = p4d_large;

export function pgd_leaf(_pgd: pgd_t): boolean {
	return false;
}

export function pmd_large(pmd: pmd_t): boolean {
	return (pmd.lo & _PAGE_PSE) !== 0;
}

export const pmd_leaf = pmd_large;

export function pud_large(pud: pud_t): boolean {
	return (pud.lo & (_PAGE_PSE | _PAGE_PRESENT)) === (_PAGE_PSE | _PAGE_PRESENT);
}

export const pud_leaf = pud_large;

export function pmd_trans_huge(pmd: pmd_t): boolean {
	return (pmd.lo & _PAGE_PSE) !== 0 && (pmd.hi & _PAGE_DEVMAP_HI) === 0;
}

/** No huge pages of 1 GiB but hugetlb's. */
export function pud_trans_huge(_pud: pud_t): boolean {
	return false;
}

export function has_transparent_hugepage(): boolean {
	return true;
}

export function pmd_devmap(_pmd: pmd_t): boolean {
	return false;
}

export function pud_devmap(_pud: pud_t): boolean {
	return false;
}

export function pgd_devmap(_pgd: pgd_t): boolean {
	return false;
}

/* ---- makers --------------------------------------------------------------------------------- */

export function pte_set_flags(pte: pte_t, lo: number): pte_t {
	return __pte(pte.lo | lo, pte.hi);
}

export function pte_clear_flags(pte: pte_t, lo: number): pte_t {
	return __pte(pte.lo & ~lo, pte.hi);
}

export function pte_uffd_wp(_pte: pte_t): boolean {
	return false;
}

export function pmd_uffd_wp(_pmd: pmd_t): boolean {
	return false;
}

export function pte_mkclean(pte: pte_t): pte_t {
	return __pte(pte.lo & ~_PAGE_DIRTY, pte.hi);
}

export function pte_mkold(pte: pte_t): pte_t {
	return __pte(pte.lo & ~_PAGE_ACCESSED, pte.hi);
}

export function pte_wrprotect(pte: pte_t): pte_t {
	return __pte(pte.lo & ~_PAGE_RW, pte.hi);
}

export function pte_mkexec(pte: pte_t): pte_t {
	return __pte(pte.lo, pte.hi & ~_PAGE_NX_HI);
}

export function pte_mkdirty(pte: pte_t): pte_t {
	return __pte(pte.lo | _PAGE_DIRTY, pte.hi);
}

export function pte_mkyoung(pte: pte_t): pte_t {
	return __pte(pte.lo | _PAGE_ACCESSED, pte.hi);
}

export function pte_mkwrite(pte: pte_t): pte_t {
	if (pte_write(pte))
		return pte;
	return __pte(pte.lo | _PAGE_RW, pte.hi);
}

export function pte_mkhuge(pte: pte_t): pte_t {
	return __pte(pte.lo | _PAGE_PSE, pte.hi);
}

export function pte_clrhuge(pte: pte_t): pte_t {
	return __pte(pte.lo & ~_PAGE_PSE, pte.hi);
}

export function pte_mkspecial(pte: pte_t): pte_t {
	return __pte(pte.lo | _PAGE_SPECIAL, pte.hi);
}

export function pmd_mkold(pmd: pmd_t): pmd_t {
	return __pmd(pmd.lo & ~_PAGE_ACCESSED, pmd.hi);
}

export function pmd_mkclean(pmd: pmd_t): pmd_t {
	return __pmd(pmd.lo & ~_PAGE_DIRTY, pmd.hi);
}

export function pmd_wrprotect(pmd: pmd_t): pmd_t {
	return __pmd(pmd.lo & ~_PAGE_RW, pmd.hi);
}

export function pmd_mkdirty(pmd: pmd_t): pmd_t {
	return __pmd(pmd.lo | _PAGE_DIRTY, pmd.hi);
}

export function pmd_mkhuge(pmd: pmd_t): pmd_t {
	return __pmd(pmd.lo | _PAGE_PSE, pmd.hi);
}

export function pmd_mkyoung(pmd: pmd_t): pmd_t {
	return __pmd(pmd.lo | _PAGE_ACCESSED, pmd.hi);
}

export function pmd_mkwrite(pmd: pmd_t): pmd_t {
	return __pmd(pmd.lo | _PAGE_RW, pmd.hi);
}

export function pud_mkold(pud: pud_t): pud_t {
	return __pud(pud.lo & ~_PAGE_ACCESSED, pud.hi);
}

export function pud_wrprotect(pud: pud_t): pud_t {
	return __pud(pud.lo & ~_PAGE_RW, pud.hi);
}

export function pud_mkdirty(pud: pud_t): pud_t {
	return __pud(pud.lo | _PAGE_DIRTY, pud.hi);
}

export function pud_mkhuge(pud: pud_t): pud_t {
	return __pud(pud.lo | _PAGE_PSE, pud.hi);
}

export function pud_mkyoung(pud: pud_t): pud_t {
	return __pud(pud.lo | _PAGE_ACCESSED, pud.hi);
}

export function pud_mkwrite(pud: pud_t): pud_t {
	return __pud(pud.lo | _PAGE_RW, pud.hi);
}

/* frame number to halves of an entry */
const pfn_lo = (pfn: number): number => pfn << 12;
const pfn_hi = (pfn: number): number => pfn >>> 20;

/* (frame bits, inverted if the protection makes the entry look not present) */
export function pfn_pte(pfn: pfn_nr, prot: pgprot_t): pte_t {
	let lo = pfn_lo(pfn), hi = pfn_hi(pfn);
	if (__pte_needs_invert(prot.lo, prot.hi)) {
		lo = ~lo;
		hi = ~hi;
	}
	return __pte((lo & PTE_PFN_MASK_LO) | prot.lo, (hi & PTE_PFN_MASK_HI) | prot.hi);
}

export function pfn_pmd(pfn: pfn_nr, prot: pgprot_t): pmd_t {
	let lo = pfn_lo(pfn), hi = pfn_hi(pfn);
	if (__pte_needs_invert(prot.lo, prot.hi)) {
		lo = ~lo;
		hi = ~hi;
	}
	return __pmd((lo & -PMD_SIZE) | prot.lo, (hi & PTE_PFN_MASK_HI) | prot.hi);
}

export function pfn_pud(pfn: pfn_nr, prot: pgprot_t): pud_t {
	let lo = pfn_lo(pfn), hi = pfn_hi(pfn);
	if (__pte_needs_invert(prot.lo, prot.hi)) {
		lo = ~lo;
		hi = ~hi;
	}
	return __pud((lo & -PUD_SIZE) | prot.lo, (hi & PTE_PFN_MASK_HI) | prot.hi);
}

export function mk_pte(page: struct_page, pgprot: pgprot_t): pte_t {
	return pfn_pte(page.pfn, pgprot);
}

export function mk_pmd(page: struct_page, pgprot: pgprot_t): pmd_t {
	return pfn_pmd(page.pfn, pgprot);
}

export function mk_pud(page: struct_page, pgprot: pgprot_t): pud_t {
	return pfn_pud(page.pfn, pgprot);
}

export function pmd_mkinvalid(pmd: pmd_t): pmd_t {
	return pfn_pmd(pmd_pfn(pmd), __pgprot(pmd_flags(pmd) & ~(_PAGE_PRESENT | _PAGE_PROTNONE),
		pmd.hi & ~PTE_PFN_MASK_HI));
}

export function pte_modify(pte: pte_t, newprot: pgprot_t): pte_t {
	let lo = (pte.lo & _PAGE_CHG_MASK_LO) | (newprot.lo & ~_PAGE_CHG_MASK_LO);
	let hi = (pte.hi & _PAGE_CHG_MASK_HI) | (newprot.hi & ~_PAGE_CHG_MASK_HI);

	/* upstream: flip_protnone_guard() */
	if (__pte_needs_invert(pte.lo, pte.hi) !== __pte_needs_invert(lo, hi)) {
		lo ^= PTE_PFN_MASK_LO;
		hi ^= PTE_PFN_MASK_HI;
	}
	return __pte(lo, hi);
}

export function pmd_modify(pmd: pmd_t, newprot: pgprot_t): pmd_t {
	let lo = (pmd.lo & _HPAGE_CHG_MASK_LO) | (newprot.lo & ~_HPAGE_CHG_MASK_LO);
	let hi = (pmd.hi & _HPAGE_CHG_MASK_HI) | (newprot.hi & ~_HPAGE_CHG_MASK_HI);

	if (__pte_needs_invert(pmd.lo, pmd.hi) !== __pte_needs_invert(lo, hi)) {
		lo ^= -PMD_SIZE;
		hi ^= PTE_PFN_MASK_HI;
	}
	return __pmd(lo, hi);
}

export function pgprot_modify(oldprot: pgprot_t, newprot: pgprot_t): pgprot_t {
	return __pgprot((oldprot.lo & _PAGE_CHG_MASK_LO) | (newprot.lo & ~_PAGE_CHG_MASK_LO),
		(oldprot.hi & _PAGE_CHG_MASK_HI) | (newprot.hi & ~_PAGE_CHG_MASK_HI));
}

export function pte_pgprot(pte: pte_t): pgprot_t {
	return __pgprot(pte_flags(pte), pte.hi & ~PTE_PFN_MASK_HI);
}

export function pmd_pgprot(pmd: pmd_t): pgprot_t {
	return __pgprot(pmd_flags(pmd), pmd.hi & ~PTE_PFN_MASK_HI);
}

export function pud_pgprot(pud: pud_t): pgprot_t {
	return __pgprot(pud_flags(pud), pud.hi & ~PTE_PFN_MASK_HI);
}

/* ---- states of entries ---------------------------------------------------------------------- */

export function pte_none(pte: pte_t): boolean {
	return ((pte.lo & ERRATUM) | pte.hi) === 0;
}

export function pte_same(a: pte_t, b: pte_t): boolean {
	return a.lo === b.lo && a.hi === b.hi;
}

export function pmd_same(a: pmd_t, b: pmd_t): boolean {
	return a.lo === b.lo && a.hi === b.hi;
}

export function pud_same(a: pud_t, b: pud_t): boolean {
	return a.lo === b.lo && a.hi === b.hi;
}

export function pte_present(pte: pte_t): boolean {
	return (pte.lo & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0;
}

export function pte_accessible(mm: struct_mm_struct, pte: pte_t): boolean {
	return (pte.lo & _PAGE_PRESENT) !== 0 ||
		((pte.lo & _PAGE_PROTNONE) !== 0 && mm.tlb_flush_pending !== 0);
}

/* the PSE bit stays set while splitting clears the present bit for a moment */
export function pmd_present(pmd: pmd_t): boolean {
	return (pmd.lo & (_PAGE_PRESENT | _PAGE_PROTNONE | _PAGE_PSE)) !== 0;
}

/** Only with NUMA balancing. */
export function pte_protnone(_pte: pte_t): boolean {
	return false;
}

export function pmd_protnone(_pmd: pmd_t): boolean {
	return false;
}

export function pmd_none(pmd: pmd_t): boolean {
	return ((pmd.lo & ERRATUM) | pmd.hi) === 0;
}

/* a table entry has these flags and perhaps the user bit; no NX, no other high bit */
export function pmd_bad(pmd: pmd_t): boolean {
	return (pmd.lo & ~PTE_PFN_MASK_LO & ~_PAGE_USER) !== _KERNPG_TABLE ||
		(pmd.hi & ~PTE_PFN_MASK_HI) !== 0;
}

export function pud_none(pud: pud_t): boolean {
	return ((pud.lo & ERRATUM) | pud.hi) === 0;
}

export function pud_present(pud: pud_t): boolean {
	return (pud.lo & _PAGE_PRESENT) !== 0;
}

export function pud_bad(pud: pud_t): boolean {
	return (pud_flags(pud) & ~(_KERNPG_TABLE | _PAGE_USER)) !== 0 ||
		(pud.hi & ~PTE_PFN_MASK_HI) !== 0;
}

export function p4d_none(p4d: p4d_t): boolean {
	return ((p4d.lo & ERRATUM) | p4d.hi) === 0;
}

export function p4d_present(p4d: p4d_t): boolean {
	return (p4d.lo & _PAGE_PRESENT) !== 0;
}

export function p4d_bad(p4d: p4d_t): boolean {
	return (p4d.lo & ~PTE_PFN_MASK_LO & ~(_KERNPG_TABLE | _PAGE_USER)) !== 0 ||
		(p4d.hi & ~PTE_PFN_MASK_HI & ~_PAGE_NX_HI) !== 0;
}

/* folded */
export function pgd_none(_pgd: pgd_t): boolean {
	return false;
}

export function pgd_present(_pgd: pgd_t): boolean {
	return true;
}

export function pgd_bad(_pgd: pgd_t): boolean {
	return false;
}

/* by pointer: nothing is allocated */

export function pte_none_at(ptep: ptep_t): boolean {
	return (mem_lo(ptep) & ERRATUM) === 0 && mem_hi(ptep) === 0;
}

export function pte_present_at(ptep: ptep_t): boolean {
	return (mem_lo(ptep) & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0;
}

export function pte_same_at(ptep: ptep_t, pte: pte_t): boolean {
	return mem_lo(ptep) === pte.lo && mem_hi(ptep) === pte.hi;
}

export function pmd_none_at(pmdp: ptep_t): boolean {
	return (mem_lo(pmdp) & ERRATUM) === 0 && mem_hi(pmdp) === 0;
}

export const pud_none_at = pmd_none_at;
export const p4d_none_at = pmd_none_at;

/* of a table, so one of the frames that there are: those have 31 bits */
function pfn_at(p: ptep_t): number {
	return (mem_lo(p) >>> 12) | (mem_hi(p) << 20);
}

/** Frame of the table that a PMD points to. */
export const pmd_table_pfn_at = pfn_at;

/** True of all but tables: empty, huge and not present too. */
export function pmd_bad_at(pmdp: ptep_t): boolean {
	return (mem_lo(pmdp) & ~PTE_PFN_MASK_LO & ~_PAGE_USER) !== _KERNPG_TABLE ||
		(mem_hi(pmdp) & ~PTE_PFN_MASK_HI) !== 0;
}

export function pmd_trans_huge_at(pmdp: ptep_t): boolean {
	return (mem_lo(pmdp) & _PAGE_PSE) !== 0;
}

/* ---- walking -------------------------------------------------------------------------------- */

/* (the lower two indices are within the 32 bits that >>> takes) */

export function pte_index(address: number): number {
	return (address >>> PAGE_SHIFT) & 511;
}

export function pmd_index(address: number): number {
	return (address >>> PMD_SHIFT) & 511;
}

/* (and the upper two share a product) */
const INV_PUD = 1 / PUD_SIZE;

export function pud_index(address: number): number {
	return (address * INV_PUD) & 511;
}

export function pgd_index(address: number): number {
	return (address * INV_PUD) >>> (PGDIR_SHIFT - PUD_SHIFT) & (PTRS_PER_PGD - 1);
}

/** First word of the table that the entry at @p points to. */
function table_at(p: ptep_t): number {
	return pfn_at(p) * 512;
}

export function pte_offset_kernel(pmd: ptep_t, address: number): ptep_t {
	return table_at(pmd) + pte_index(address);
}

export function pte_offset_map(pmd: ptep_t, address: number): ptep_t {
	return table_at(pmd) + pte_index(address);
}

export function pte_unmap(_pte: ptep_t): void {}

export function pmd_offset(pud: ptep_t, address: number): ptep_t {
	return table_at(pud) + pmd_index(address);
}

export function pud_offset(p4d: ptep_t, address: number): ptep_t {
	return table_at(p4d) + pud_index(address);
}

export function p4d_offset(pgd: ptep_t, _address: number): ptep_t {
	return pgd;
}

export function pgd_offset_pgd(pgd: ptep_t, address: number): ptep_t {
	return pgd + pgd_index(address);
}

export function pgd_offset(mm: struct_mm_struct, address: number): ptep_t {
	return mm.pgd + pgd_index(address);
}

/* gup-fast: the same by value, when the entry was read before, and points to a table */

export function pmd_table_pfn(e: pgtable_entry): number {
	return (e.lo >>> 12) | (e.hi << 20);
}

function table_of(e: pgtable_entry): number {
	return pmd_table_pfn(e) * 512;
}

export function pte_offset_of(pmd: pmd_t, address: number): ptep_t {
	return table_of(pmd) + pte_index(address);
}

export function pmd_offset_lockless(_pudp: ptep_t, pud: pud_t, address: number): ptep_t {
	return table_of(pud) + pmd_index(address);
}

export function pud_offset_lockless(_p4dp: ptep_t, p4d: p4d_t, address: number): ptep_t {
	return table_of(p4d) + pud_index(address);
}

export function p4d_offset_lockless(pgdp: ptep_t, _pgd: pgd_t, _address: number): ptep_t {
	return pgdp;
}

export function gup_fast_permitted(_start: number, end: number): boolean {
	return end <= TASK_SIZE_MAX + PAGE_SIZE;
}

/* ---- updates -------------------------------------------------------------------------------- */

export function set_pte_at(_mm: struct_mm_struct, _addr: number, ptep: ptep_t, pte: pte_t): void {
	mem_write64(ptep, pte.lo, pte.hi);
}

export function set_pmd_at(_mm: struct_mm_struct, _addr: number, pmdp: ptep_t, pmd: pmd_t): void {
	mem_write64(pmdp, pmd.lo, pmd.hi);
}

export function set_pud_at(_mm: struct_mm_struct, _addr: number, pudp: ptep_t, pud: pud_t): void {
	mem_write64(pudp, pud.lo, pud.hi);
}

export function ptep_get_and_clear(_mm: struct_mm_struct, _addr: number, ptep: ptep_t): pte_t {
	const lo = mem_xchg64(ptep, 0, 0);
	return __pte(lo, mem_xchg_hi);
}

export function ptep_get_and_clear_full(mm: struct_mm_struct, addr: number, ptep: ptep_t,
	_full: boolean | number): pte_t {
	return ptep_get_and_clear(mm, addr, ptep);
}

export function ptep_set_wrprotect(_mm: struct_mm_struct, _addr: number, ptep: ptep_t): void {
	mem_and_lo(ptep, ~_PAGE_RW);
}

/** The CPU drops a stale entry when it faults on it. */
export function flush_tlb_fix_spurious_fault(_vma: struct_vm_area_struct, _address: number): void {}

export function pmd_write(pmd: pmd_t): boolean {
	return (pmd.lo & _PAGE_RW) !== 0;
}

export function pmdp_huge_get_and_clear(_mm: struct_mm_struct, _addr: number, pmdp: ptep_t): pmd_t {
	const lo = mem_xchg64(pmdp, 0, 0);
	return __pmd(lo, mem_xchg_hi);
}

export function pudp_huge_get_and_clear(_mm: struct_mm_struct, _addr: number, pudp: ptep_t): pud_t {
	const lo = mem_xchg64(pudp, 0, 0);
	return __pud(lo, mem_xchg_hi);
}

export function pmdp_set_wrprotect(_mm: struct_mm_struct, _addr: number, pmdp: ptep_t): void {
	mem_and_lo(pmdp, ~_PAGE_RW);
}

export function pud_write(pud: pud_t): boolean {
	return (pud.lo & _PAGE_RW) !== 0;
}

export function pmdp_establish(_vma: struct_vm_area_struct, _address: number, pmdp: ptep_t,
	pmd: pmd_t): pmd_t {
	const lo = mem_xchg64(pmdp, pmd.lo, pmd.hi);
	return __pmd(lo, mem_xchg_hi);
}

export function update_mmu_cache(_vma: struct_vm_area_struct, _addr: number, _ptep: ptep_t): void {}
export function update_mmu_cache_pmd(_vma: struct_vm_area_struct, _addr: number,
	_pmd: ptep_t): void {}

/* ---- swap entries --------------------------------------------------------------------------- */

export const SWP_TYPE_BITS	= 5;
export const SWP_OFFSET_FIRST_BIT = _PAGE_BIT_PROTNONE + 1;

/*
 * bits 63..59 type, 58..9 ~offset, 8 zero, 7 zero, 3 exclusive. The offset is inverted so that
 * the physical address bits are set, as in other entries that are not present.
 */
export function __swp_type(x: pgtable_entry): number {
	return x.hi >>> 27;
}

export function __swp_offset(x: pgtable_entry): number {
	return (~x.lo >>> SWP_OFFSET_FIRST_BIT) +
		(~x.hi & 0x7ffffff) * 2 ** (32 - SWP_OFFSET_FIRST_BIT);
}

/** Halves of the entry of @type and @offset. */
export function __swp_entry_lo(_type: number, offset: number): number {
	return ~offset << SWP_OFFSET_FIRST_BIT;
}

export function __swp_entry_hi(type: number, offset: number): number {
	return (~Math.floor(offset / 2 ** (32 - SWP_OFFSET_FIRST_BIT)) & 0x7ffffff) | (type << 27);
}

export function pte_swp_mkexclusive(pte: pte_t): pte_t {
	return __pte(pte.lo | _PAGE_SWP_EXCLUSIVE, pte.hi);
}

export function pte_swp_exclusive(pte: pte_t): boolean {
	return (pte.lo & _PAGE_SWP_EXCLUSIVE) !== 0;
}

export function pte_swp_clear_exclusive(pte: pte_t): pte_t {
	return __pte(pte.lo & ~_PAGE_SWP_EXCLUSIVE, pte.hi);
}

/* ---- permissions ---------------------------------------------------------------------------- */

function __pte_access_permitted(pteval: number, write: boolean): boolean {
	const need_pte_bits = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_RW : 0);
	return (pteval & need_pte_bits) === need_pte_bits;
}

export function pte_access_permitted(pte: pte_t, write: boolean): boolean {
	return __pte_access_permitted(pte.lo, write);
}

export function pmd_access_permitted(pmd: pmd_t, write: boolean): boolean {
	return __pte_access_permitted(pmd.lo, write);
}

export function pud_access_permitted(pud: pud_t, write: boolean): boolean {
	return __pte_access_permitted(pud.lo, write);
}

export function pfn_modify_allowed(_pfn: pfn_nr, _prot: pgprot_t): boolean {
	return true;
}

export function arch_has_pfn_modify_check(): boolean {
	return false;
}

/** Hardware sets the accessed bit. */
export function arch_faults_on_old_pte(): boolean {
	return false;
}

/** Physical address of an entry; for messages. */
export function ptep_to_phys(ptep: ptep_t): hpa_t {
	return ptep * 8 as hpa_t;
}
