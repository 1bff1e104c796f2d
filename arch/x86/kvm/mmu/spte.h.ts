// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow page table entries: layout, masks, predicates.
 *
 * Upstream: arch/x86/kvm/mmu/spte.h. Left out: nothing. Masks within the low 31 bits are numbers,
 * to be tested as `(spte.lo & X) !== 0`; all others are pairs.
 */
import { ul_shr } from "#asm-generic/bits.ts";
import { pair, pair_bit, pair_genmask, pair_is_zero, pair_masked_eq, pair_test, pair_to_u64,
	PAIR_ZERO, type u64_pair, type u64_spte } from "#asm-generic/pair.ts";
import { kvm_pfn_t } from "#asm-generic/types.ts";
import { WARN_ONCE } from "#linux/bug.ts";
import { PAGE_SHIFT } from "#asm/page_types.ts";
import { PG_LEVEL_4K } from "#asm/pgtable_types.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import type { struct_rsvd_bits_validate } from "#asm/kvm_host.ts";
import { PT_PAGE_SIZE_MASK, PT_USER_MASK, PT_WRITABLE_MASK } from "#arch/x86/kvm/mmu.const.ts";
import type { struct_kvm_mmu_page, tdp_ptep_t } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { enable_mmio_caching, shadow_acc_track_mask, shadow_accessed_mask, shadow_dirty_mask,
	shadow_host_writable_mask, shadow_mmio_mask, shadow_mmu_writable_mask,
	shadow_nx_mask, shadow_x_mask } from "#arch/x86/kvm/mmu/spte.ts";

export {
	enable_mmio_caching, shadow_acc_track_mask, shadow_accessed_mask, shadow_dirty_mask,
	shadow_host_writable_mask, shadow_me_mask, shadow_me_value, shadow_memtype_mask,
	shadow_mmio_access_mask, shadow_mmio_mask, shadow_mmio_value, shadow_mmu_writable_mask,
	shadow_nonpresent_or_rsvd_lower_gfn_mask, shadow_nonpresent_or_rsvd_mask, shadow_nx_mask,
	shadow_phys_bits, shadow_present_mask, shadow_user_mask, shadow_x_mask,
	kvm_mmu_changed_pte_notifier_make_spte, kvm_mmu_reset_all_pte_masks,
	kvm_mmu_set_ept_masks, kvm_mmu_set_me_spte_mask, kvm_mmu_set_mmio_spte_mask,
	kvm_mmu_set_mmio_spte_value,
	kvm_mmu_spte_module_init, make_huge_page_split_spte, make_huge_spte, make_mmio_spte,
	make_nonleaf_spte, make_spte, mark_spte_for_access_track, spte_has_volatile_bits,
} from "#arch/x86/kvm/mmu/spte.ts";
export { type u64_spte } from "#asm-generic/pair.ts";

/* Bit 11: ignored by the hardware in every format. MMIO entries do not have it. */
export const SPTE_MMU_PRESENT_MASK	= 1 << 11;

/*
 * How accesses are tracked by a TDP entry, in bits 52 and 53. "Enabled" must be 0: bits 52 to 62
 * are reserved in some formats.
 */
export const SPTE_TDP_AD_SHIFT			= 52;
/* of the high half, where all of them are */
const SPTE_TDP_AD_MASK_HI			= 3 << (SPTE_TDP_AD_SHIFT - 32);
const SPTE_TDP_AD_ENABLED_MASK_HI		= 0;
const SPTE_TDP_AD_DISABLED_MASK_HI		= 1 << (SPTE_TDP_AD_SHIFT - 32);
export const SPTE_TDP_AD_DISABLED_MASK		= pair(0, SPTE_TDP_AD_DISABLED_MASK_HI);
export const SPTE_TDP_AD_WRPROT_ONLY_MASK	= pair(0, 2 << (SPTE_TDP_AD_SHIFT - 32));

/* bits 12 to 51 */
const SPTE_BASE_ADDR_LO		= 0xfffff000 | 0;
const SPTE_BASE_ADDR_HI		= 0x000fffff;
export const SPTE_BASE_ADDR_MASK	= pair(SPTE_BASE_ADDR_LO, SPTE_BASE_ADDR_HI);

export const ACC_EXEC_MASK		= 1;
export const ACC_WRITE_MASK		= PT_WRITABLE_MASK;
export const ACC_USER_MASK		= PT_USER_MASK;
export const ACC_ALL			= ACC_EXEC_MASK | ACC_WRITE_MASK | ACC_USER_MASK;

export const SPTE_EPT_READABLE_MASK	= 0x1;
export const SPTE_EPT_EXECUTABLE_MASK	= 0x4;

export const SPTE_LEVEL_BITS		= 9;

export function SPTE_LEVEL_SHIFT(level: number): number {
	return PAGE_SHIFT + (level - 1) * SPTE_LEVEL_BITS;
}

export function SPTE_INDEX(address: number, level: number): number {
	return ul_shr(address, SPTE_LEVEL_SHIFT(level)) & (SPTE_ENT_PER_PAGE - 1);
}

export const SPTE_ENT_PER_PAGE		= 1 << SPTE_LEVEL_BITS;

/* where the R and X bits go while an entry is made inaccessible to track accesses; W is not kept */
export const SHADOW_ACC_TRACK_SAVED_BITS_MASK	=
	SPTE_EPT_READABLE_MASK | SPTE_EPT_EXECUTABLE_MASK;
export const SHADOW_ACC_TRACK_SAVED_BITS_SHIFT	= 54;
/** The saved bits in their place; all of them in the high half. */
export const SHADOW_ACC_TRACK_SAVED_MASK	=
	pair(0, SHADOW_ACC_TRACK_SAVED_BITS_MASK << (SHADOW_ACC_TRACK_SAVED_BITS_SHIFT - 32));

/* why an entry is write-protected; see is_writable_pte() */
export const DEFAULT_SPTE_HOST_WRITABLE	= pair_bit(9);
export const DEFAULT_SPTE_MMU_WRITABLE	= pair_bit(10);

export const EPT_SPTE_HOST_WRITABLE	= pair_bit(57);
export const EPT_SPTE_MMU_WRITABLE	= pair_bit(58);

/*
 * An MMIO entry keeps 19 bits of the memslots' generation:
 *
 *	generation	0 ... 7		8 ... 18
 *	entry		3 ... 10	52 ... 62
 *
 * KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS is not among them; who looks at an MMIO entry asks for it.
 */
export const MMIO_SPTE_GEN_LOW_START	= 3;
export const MMIO_SPTE_GEN_LOW_END	= 10;

export const MMIO_SPTE_GEN_HIGH_START	= 52;
export const MMIO_SPTE_GEN_HIGH_END	= 62;

export const MMIO_SPTE_GEN_LOW_MASK	=
	pair_genmask(MMIO_SPTE_GEN_LOW_END, MMIO_SPTE_GEN_LOW_START);
export const MMIO_SPTE_GEN_HIGH_MASK	=
	pair_genmask(MMIO_SPTE_GEN_HIGH_END, MMIO_SPTE_GEN_HIGH_START);

/* what a mask for MMIO entries may use: bit 63, physical address, permissions */
export const SPTE_MMIO_ALLOWED_MASK	= pair(0xfffff000 | 7, 0x80000000 | 0x000fffff);

export const MMIO_SPTE_GEN_LOW_BITS	= MMIO_SPTE_GEN_LOW_END - MMIO_SPTE_GEN_LOW_START + 1;
export const MMIO_SPTE_GEN_HIGH_BITS	= MMIO_SPTE_GEN_HIGH_END - MMIO_SPTE_GEN_HIGH_START + 1;

export const MMIO_SPTE_GEN_LOW_SHIFT	= MMIO_SPTE_GEN_LOW_START - 0;
export const MMIO_SPTE_GEN_HIGH_SHIFT	= MMIO_SPTE_GEN_HIGH_START - MMIO_SPTE_GEN_LOW_BITS;

/** Of a generation, which is a number here. */
export const MMIO_SPTE_GEN_MASK		=
	2 ** (MMIO_SPTE_GEN_LOW_BITS + MMIO_SPTE_GEN_HIGH_BITS) - 1;

/** High bits set in shadow_nonpresent_or_rsvd_mask. */
export const SHADOW_NONPRESENT_OR_RSVD_MASK_LEN	= 5;

/*
 * Not present, and nobody but who wrote it may replace it: somebody under mmu_lock held for read
 * is in the middle of a change of several steps. The TDP MMU only.
 */
export const REMOVED_SPTE		= pair(0x5a0, 0);
const REMOVED_SPTE_SUPPRESS_VE		= pair(0x5a0, 0x80000000);

/** REMOVED_SPTE, or what stands for it in a TD's tables, where it suppresses #VE as well. */
export function removed_spte(kvm: struct_kvm): u64_spte {
	return kvm.arch.gfn_shared_mask === 0 ? REMOVED_SPTE : REMOVED_SPTE_SUPPRESS_VE;
}

export function is_removed_spte(spte: u64_spte): boolean {
	return spte.lo === 0x5a0 && (spte.hi & 0x7fffffff) === 0;
}

/*
 * A TD's page on its way out: not present, blocked in secure EPT, and still the TD's. It names the
 * page, and exists under mmu_lock held for write only.
 */
const SPTE_PRIVATE_ZAPPED_HI	= 1 << (62 - 32);

export function private_zapped_spte(spte: u64_spte): u64_spte {
	return pair(spte.lo & SPTE_BASE_ADDR_MASK.lo, (spte.hi & SPTE_BASE_ADDR_MASK.hi) |
		SPTE_PRIVATE_ZAPPED_HI | REMOVED_SPTE_SUPPRESS_VE.hi);
}

/** @spte an entry of private tables. */
export function is_private_zapped_spte(spte: u64_spte): boolean {
	return (spte.lo & SPTE_MMU_PRESENT_MASK) === 0 && (spte.hi & SPTE_PRIVATE_ZAPPED_HI) !== 0;
}

/** An entry's index in its table. */
export function spte_index(sptep: tdp_ptep_t): number {
	return sptep & (SPTE_ENT_PER_PAGE - 1);
}

/** A TD is to get #VE for MMIO: its entries differ from those that map nothing by bit 63 alone. */
export function is_mmio_spte(kvm: struct_kvm, spte: u64_spte): boolean {
	return pair_masked_eq(spte, shadow_mmio_mask, kvm.arch.shadow_mmio_value) &&
		enable_mmio_caching;
}

export function is_shadow_present_pte(pte: u64_spte): boolean {
	return (pte.lo & SPTE_MMU_PRESENT_MASK) !== 0;
}

/** Accessed and dirty bits are there and in use. */
export function kvm_ad_enabled(): boolean {
	return !pair_is_zero(shadow_accessed_mask);
}

export function sp_ad_disabled(sp: struct_kvm_mmu_page): boolean {
	return sp.role.ad_disabled !== 0;
}

export function spte_ad_enabled(spte: u64_spte): boolean {
	return (spte.hi & SPTE_TDP_AD_MASK_HI) !== SPTE_TDP_AD_DISABLED_MASK_HI;
}

export function spte_ad_need_write_protect(spte: u64_spte): boolean {
	/* entries that are not TDP's have neither bit */
	return (spte.hi & SPTE_TDP_AD_MASK_HI) !== SPTE_TDP_AD_ENABLED_MASK_HI;
}

export function spte_shadow_accessed_mask(spte: u64_spte): u64_pair {
	return spte_ad_enabled(spte) ? shadow_accessed_mask : PAIR_ZERO;
}

export function spte_shadow_dirty_mask(spte: u64_spte): u64_pair {
	return spte_ad_enabled(spte) ? shadow_dirty_mask : PAIR_ZERO;
}

export function is_access_track_spte(spte: u64_spte): boolean {
	return !spte_ad_enabled(spte) && !pair_test(spte, shadow_acc_track_mask);
}

export function is_large_pte(pte: u64_spte): boolean {
	return (pte.lo & PT_PAGE_SIZE_MASK) !== 0;
}

export function is_last_spte(pte: u64_spte, level: number): boolean {
	return level === PG_LEVEL_4K || (pte.lo & PT_PAGE_SIZE_MASK) !== 0;
}

export function is_executable_pte(spte: u64_spte): boolean {
	return (spte.lo & (shadow_x_mask.lo | shadow_nx_mask.lo)) === shadow_x_mask.lo &&
		(spte.hi & (shadow_x_mask.hi | shadow_nx_mask.hi)) === shadow_x_mask.hi;
}

export function spte_to_pfn(pte: u64_spte): kvm_pfn_t {
	const hi = pte.hi & 0xfffff;

	return kvm_pfn_t(hi < 0x800 ? (pte.lo >>> PAGE_SHIFT) | (hi << 20) :
		(pte.lo >>> PAGE_SHIFT) + hi * 2 ** 20);
}

/** spte_to_pfn(a) != spte_to_pfn(b) */
export function spte_pfns_differ(a: u64_spte, b: u64_spte): boolean {
	return (((a.lo ^ b.lo) & SPTE_BASE_ADDR_LO) | ((a.hi ^ b.hi) & SPTE_BASE_ADDR_HI)) !== 0;
}

export function is_accessed_spte(spte: u64_spte): boolean {
	const accessed_mask = spte_shadow_accessed_mask(spte);

	return !pair_is_zero(accessed_mask) ? pair_test(spte, accessed_mask) :
		!is_access_track_spte(spte);
}

export function is_dirty_spte(spte: u64_spte): boolean {
	const dirty_mask = spte_shadow_dirty_mask(spte);

	return !pair_is_zero(dirty_mask) ? pair_test(spte, dirty_mask) :
		(spte.lo & PT_WRITABLE_MASK) !== 0;
}

export function get_rsvd_bits(rsvd_check: struct_rsvd_bits_validate, pte: u64_spte,
	level: number): u64_pair {
	const bit7 = (pte.lo >> 7) & 1;

	return rsvd_check.rsvd_bits_mask[bit7]![level - 1]!;
}

export function __is_rsvd_bits_set(rsvd_check: struct_rsvd_bits_validate, pte: u64_spte,
	level: number): boolean {
	return pair_test(pte, get_rsvd_bits(rsvd_check, pte, level));
}

export function __is_bad_mt_xwr(rsvd_check: struct_rsvd_bits_validate, pte: u64_spte): boolean {
	const bit = pte.lo & 0x3f;

	const { lo, hi } = rsvd_check.bad_mt_xwr;

	/* a shift count is taken modulo 32 */
	return (((bit < 32 ? lo : hi) >>> bit) & 1) !== 0;
}

export function is_rsvd_spte(rsvd_check: struct_rsvd_bits_validate, spte: u64_spte,
	level: number): boolean {
	/* most entries are as the one before, but for bits 12 to 31 */
	if ((spte.lo & 0xfff) === rsvd_check.good_lo && spte.hi === rsvd_check.good_hi &&
	    level === PG_LEVEL_4K)
		return false;
	return is_rsvd_spte_checked(rsvd_check, spte, level);
}

function is_rsvd_spte_checked(rsvd_check: struct_rsvd_bits_validate, spte: u64_spte,
	level: number): boolean {
	if (__is_bad_mt_xwr(rsvd_check, spte) || __is_rsvd_bits_set(rsvd_check, spte, level))
		return true;
	if (level === PG_LEVEL_4K && get_rsvd_bits(rsvd_check, spte, level).lo >>> 12 === 0) {
		rsvd_check.good_lo = spte.lo & 0xfff;
		rsvd_check.good_hi = spte.hi;
	}
	return false;
}

/*
 * Why a present leaf may be write-protected, and what its software bits say then:
 *
 *	host-writable	MMU-writable	writable
 *	1		1		1	it is not
 *	1		1		0	dirty logging wants to see the write, or,
 *						without accessed bits, any access
 *	1		0		0	KVM shadows the guest page table that is there
 *	0		0		0	memslot or host mapping are read-only
 *
 * In the second row a fault may be fixed without mmu_lock. Clearing MMU-writable takes mmu_lock and
 * a flush before it is dropped; clearing only writable does not, hence whoever write-protects
 * flushes if the old entry was MMU-writable. Host-writable never changes while an entry is present.
 */
export function is_writable_pte(pte: u64_spte): boolean {
	return (pte.lo & PT_WRITABLE_MASK) !== 0;
}

/** @spte a present leaf. */
export function check_spte_writable_invariants(spte: u64_spte): void {
	if (pair_test(spte, shadow_mmu_writable_mask)) {
		if (!pair_test(spte, shadow_host_writable_mask))
			WARN_ONCE(true, "kvm: MMU-writable SPTE is not Host-writable: %llx",
				pair_to_u64(spte));
	} else {
		if (is_writable_pte(spte))
			WARN_ONCE(true, "kvm: Writable SPTE is not MMU-writable: %llx",
				pair_to_u64(spte));
	}
}

export function is_mmu_writable_spte(spte: u64_spte): boolean {
	return pair_test(spte, shadow_mmu_writable_mask);
}

export function get_mmio_spte_generation(spte: u64_spte): number {
	let gen;

	gen = (spte.lo & MMIO_SPTE_GEN_LOW_MASK.lo) >>> MMIO_SPTE_GEN_LOW_SHIFT;
	gen |= ((spte.hi & MMIO_SPTE_GEN_HIGH_MASK.hi) >>> (MMIO_SPTE_GEN_HIGH_START - 32)) <<
		MMIO_SPTE_GEN_LOW_BITS;
	return gen;
}

/** Makes an entry whose accesses were tracked a regular one; without write permission. */
export function restore_acc_track_spte(spte: u64_spte): u64_spte {
	const saved_bits = (spte.hi >>> (SHADOW_ACC_TRACK_SAVED_BITS_SHIFT - 32)) &
		SHADOW_ACC_TRACK_SAVED_BITS_MASK;
	let lo = spte.lo & ~shadow_acc_track_mask.lo;
	let hi = spte.hi & ~shadow_acc_track_mask.hi;

	hi &= ~SHADOW_ACC_TRACK_SAVED_MASK.hi;
	lo |= saved_bits;

	return pair(lo, hi);
}
