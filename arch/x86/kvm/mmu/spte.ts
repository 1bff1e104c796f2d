// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making shadow page table entries, and the masks that tell their bits apart.
 *
 * Upstream: arch/x86/kvm/mmu/spte.c. Left out: nothing.
 */
import { pair, pair_and, pair_andnot, pair_bit, pair_genmask, pair_is_zero,
	pair_masked_eq, pair_or, pair_put, pair_set, pair_shl, pair_test, pair_to_u64, PAIR_ZERO,
	type u64_pair, type u64_spte } from "#asm-generic/pair.ts";
import { hpa_t, type gfn_t, type kvm_pfn_t } from "#asm-generic/types.ts";
import { BUG_ON, WARN_ON, WARN_ON_ONCE, WARN_ONCE } from "#linux/bug.ts";
import { is_zero_pfn } from "#linux/pgtable.ts";
import { PageReserved } from "#linux/page-flags.ts";
import { pfn_to_valid_page } from "#linux/mm.ts";
import { module_param_named, param_bool } from "#linux/moduleparam.ts";
import { kvm_slot_dirty_track_enabled, kvm_vcpu_memslots, mark_page_dirty_in_slot, pfn_to_hpa,
	type struct_kvm, type struct_kvm_memory_slot, type struct_kvm_vcpu } from
	"#linux/kvm_host.ts";
import { boot_cpu_has_bug, X86_BUG_L1TF } from "#asm/cpufeature.ts";
import { boot_cpu_data } from "#asm/processor.ts";
import { KVM_PAGES_PER_HPAGE, kvm_x86_ops, type kvm_mmu_page_role } from "#asm/kvm_host.ts";
import { e820__mapped_raw_any, E820_TYPE_RAM } from "#asm/e820.ts";
import { pat_enabled, pat_pfn_immune_to_uc_mtrr } from "#asm/memtype.ts";
import { PAGE_SHIFT } from "#asm/page_types.ts";
import { PG_LEVEL_4K } from "#asm/pgtable_types.ts";
import { VMX_EPT_ACCESS_BIT, VMX_EPT_DIRTY_BIT, VMX_EPT_EXECUTABLE_MASK, VMX_EPT_IPAT_BIT,
	VMX_EPT_MISCONFIG_WX_VALUE, VMX_EPT_MT_MASK, VMX_EPT_READABLE_MASK, VMX_EPT_RWX_MASK,
	VMX_EPT_SUPPRESS_VE_HI } from "#asm/vmx.ts";
import { kvm_get_shadow_phys_bits, PT64_NX_MASK, PT_ACCESSED_MASK, PT_DIRTY_MASK,
	PT_PAGE_SIZE_MASK, PT_PRESENT_MASK, PT_USER_MASK, PT_WRITABLE_MASK, rsvd_bits } from
	"#arch/x86/kvm/mmu.h.ts";
import { is_nx_huge_page_enabled, kvm_mmu_page_ad_need_write_protect, mmu_try_to_unsync_pages,
	type struct_kvm_mmu_page, type tdp_ptep_t } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { ACC_EXEC_MASK, ACC_USER_MASK, ACC_WRITE_MASK, check_spte_writable_invariants,
	DEFAULT_SPTE_HOST_WRITABLE, DEFAULT_SPTE_MMU_WRITABLE, EPT_SPTE_HOST_WRITABLE,
	EPT_SPTE_MMU_WRITABLE, get_rsvd_bits, is_access_track_spte, is_large_pte,
	is_mmu_writable_spte, is_rsvd_spte, is_shadow_present_pte, is_writable_pte,
	MMIO_SPTE_GEN_HIGH_START, MMIO_SPTE_GEN_LOW_BITS, MMIO_SPTE_GEN_LOW_MASK,
	MMIO_SPTE_GEN_LOW_SHIFT, MMIO_SPTE_GEN_MASK, REMOVED_SPTE, restore_acc_track_spte,
	SHADOW_ACC_TRACK_SAVED_BITS_MASK, SHADOW_ACC_TRACK_SAVED_BITS_SHIFT,
	SHADOW_ACC_TRACK_SAVED_MASK, SHADOW_NONPRESENT_OR_RSVD_MASK_LEN, spte_ad_enabled,
	SPTE_BASE_ADDR_MASK, SPTE_MMIO_ALLOWED_MASK, SPTE_MMU_PRESENT_MASK,
	SPTE_TDP_AD_DISABLED_MASK, SPTE_TDP_AD_WRPROT_ONLY_MASK } from
	"#arch/x86/kvm/mmu/spte.h.ts";

export let enable_mmio_caching = true;
let allow_mmio_caching = false;
module_param_named("kvm", "mmio_caching",
	param_bool(() => enable_mmio_caching, (v) => { enable_mmio_caching = v; }), 0o444);

export const shadow_host_writable_mask = pair(0, 0);
export const shadow_mmu_writable_mask = pair(0, 0);
export const shadow_nx_mask = pair(0, 0);
/** Not together with shadow_nx_mask. */
export const shadow_x_mask = pair(0, 0);
export const shadow_user_mask = pair(0, 0);
export const shadow_accessed_mask = pair(0, 0);
export const shadow_dirty_mask = pair(0, 0);
export let shadow_mmio_value: u64_pair = PAIR_ZERO;
export const shadow_mmio_mask = pair(0, 0);
/** Of ACC_ bits: a number. */
export let shadow_mmio_access_mask = 0;
export const shadow_present_mask = pair(0, 0);
export const shadow_memtype_mask = pair(0, 0);
export const shadow_me_value = pair(0, 0);
export const shadow_me_mask = pair(0, 0);
/** What is cleared in an entry whose accesses are tracked without accessed bits. */
export const shadow_acc_track_mask = pair(0, 0);

/** Set in whatever is neither 0 nor present, against L1TF. */
export let shadow_nonpresent_or_rsvd_mask: u64_pair = PAIR_ZERO;
/** The bits of a gfn below that mask; those above move up behind it. */
export let shadow_nonpresent_or_rsvd_lower_gfn_mask: u64_pair = PAIR_ZERO;

export let shadow_phys_bits = 0;

/** arch/x86/kvm/mmu/spte.c:kvm_mmu_spte_module_init() */
export function kvm_mmu_spte_module_init(): void {
	/* what the user asked for; what the vendor module can do changes the parameter itself */
	allow_mmio_caching = enable_mmio_caching;
}

const PFN_HI	= 2 ** (PAGE_SHIFT - 32);

/** The high half of an entry that maps @pfn, and nothing else. */
function pfn_hi(pfn: number): number {
	return (pfn * PFN_HI) | 0;
}

/** The low half. */
const pfn_lo = (pfn: number): number => pfn << PAGE_SHIFT;

/** arch/x86/kvm/mmu/spte.c:generation_mmio_spte_mask() */
function generation_mmio_spte_mask(gen: number): u64_spte {
	WARN_ON((gen & ~MMIO_SPTE_GEN_MASK) !== 0);

	return pair((gen << MMIO_SPTE_GEN_LOW_SHIFT) & MMIO_SPTE_GEN_LOW_MASK.lo,
		(gen >>> MMIO_SPTE_GEN_LOW_BITS) << (MMIO_SPTE_GEN_HIGH_START - 32));
}

/** arch/x86/kvm/mmu/spte.c:make_mmio_spte() */
export function make_mmio_spte(vcpu: struct_kvm_vcpu, gfn: gfn_t, access: number): u64_spte {
	const gen = kvm_vcpu_memslots(vcpu).generation & MMIO_SPTE_GEN_MASK;
	let spte = generation_mmio_spte_mask(gen);
	const gpa = pair(pfn_lo(gfn), pfn_hi(gfn));

	const { shadow_mmio_value, gfn_shared_mask } = vcpu.kvm.arch;
	WARN_ON_ONCE(pair_is_zero(shadow_mmio_value) && gfn_shared_mask === 0);

	access &= shadow_mmio_access_mask;
	spte = pair_or(spte, pair(shadow_mmio_value.lo | access, shadow_mmio_value.hi));
	spte = pair_or(spte, pair_or(gpa, shadow_nonpresent_or_rsvd_mask));
	spte = pair_or(spte, pair_shl(pair_and(gpa, shadow_nonpresent_or_rsvd_mask),
		SHADOW_NONPRESENT_OR_RSVD_MASK_LEN));

	return spte;
}

/** arch/x86/kvm/mmu/spte.c:kvm_is_mmio_pfn() */
function kvm_is_mmio_pfn(pfn: kvm_pfn_t): boolean {
	const page = pfn_to_valid_page(pfn);

	if (page !== null)
		return !is_zero_pfn(pfn) && PageReserved(page) &&
			/* reserved RAM is not MMIO: the memory type tells */
			(!pat_enabled() || pat_pfn_immune_to_uc_mtrr(pfn));

	return !e820__mapped_raw_any(pfn_to_hpa(pfn),
		hpa_t(pfn_to_hpa(pfn + 1 as kvm_pfn_t) - 1), E820_TYPE_RAM);
}

/**
 * arch/x86/kvm/mmu/spte.c:spte_has_volatile_bits()
 *
 * @spte is present. True if somebody without mmu_lock may set bits of it.
 */
export function spte_has_volatile_bits(spte: u64_spte): boolean {
	/* a fast page fault makes it writable; is_writable_pte() has to be stable for flushing */
	if (!is_writable_pte(spte) && is_mmu_writable_spte(spte))
		return true;

	if (is_access_track_spte(spte))
		return true;

	if (spte_ad_enabled(spte)) {
		if (!pair_test(spte, shadow_accessed_mask) ||
		    (is_writable_pte(spte) && !pair_test(spte, shadow_dirty_mask)))
			return true;
	}

	return false;
}

/**
 * arch/x86/kvm/mmu/spte.c:make_spte()
 *
 * The entry is put together in two halves, and written to @spte (C: *new_spte) at the end.
 */
export function make_spte(vcpu: struct_kvm_vcpu, sp: struct_kvm_mmu_page,
	slot: struct_kvm_memory_slot, pte_access: number, gfn: gfn_t, pfn: kvm_pfn_t,
	old_spte: u64_spte, prefetch: boolean, can_unsync: boolean, host_writable: boolean,
	spte: u64_spte): boolean {
	const level = sp.role.level;
	let lo = SPTE_MMU_PRESENT_MASK, hi = 0;
	let wrprot = false;

	WARN_ON_ONCE(pte_access === 0 && pair_is_zero(shadow_present_mask));

	if (sp.role.ad_disabled !== 0)
		hi |= SPTE_TDP_AD_DISABLED_MASK.hi;
	else if (kvm_mmu_page_ad_need_write_protect(sp))
		hi |= SPTE_TDP_AD_WRPROT_ONLY_MASK.hi;

	/* 0 with EPT that has execute-only entries: then user permission stands for read */
	lo |= shadow_present_mask.lo;
	hi |= shadow_present_mask.hi;
	/* a TD takes #VE for MMIO; later kernels have the bit in shadow_present_mask, for all */
	hi |= vcpu.kvm.arch.shadow_nonpresent_value.hi;
	if (prefetch === false && sp.role.ad_disabled === 0) {
		lo |= shadow_accessed_mask.lo;
		hi |= shadow_accessed_mask.hi;
	}

	if (level > PG_LEVEL_4K && (pte_access & ACC_EXEC_MASK) !== 0 &&
	    is_nx_huge_page_enabled(vcpu.kvm))
		pte_access &= ~ACC_EXEC_MASK;

	if ((pte_access & ACC_EXEC_MASK) !== 0) {
		lo |= shadow_x_mask.lo;
		hi |= shadow_x_mask.hi;
	} else {
		lo |= shadow_nx_mask.lo;
		hi |= shadow_nx_mask.hi;
	}

	if ((pte_access & ACC_USER_MASK) !== 0) {
		lo |= shadow_user_mask.lo;
		hi |= shadow_user_mask.hi;
	}

	if (level > PG_LEVEL_4K)
		lo |= PT_PAGE_SIZE_MASK;

	if (!pair_is_zero(shadow_memtype_mask))
		lo |= kvm_x86_ops.get_mt_mask!(vcpu, gfn, kvm_is_mmio_pfn(pfn));
	if (host_writable === true) {
		lo |= shadow_host_writable_mask.lo;
		hi |= shadow_host_writable_mask.hi;
	} else
		pte_access &= ~ACC_WRITE_MASK;

	if (!pair_is_zero(shadow_me_value) && !kvm_is_mmio_pfn(pfn)) {
		lo |= shadow_me_value.lo;
		hi |= shadow_me_value.hi;
	}

	lo |= pfn_lo(pfn);
	hi |= pfn_hi(pfn);

	out: {
		if ((pte_access & ACC_WRITE_MASK) !== 0) {
			lo |= PT_WRITABLE_MASK | shadow_mmu_writable_mask.lo;
			hi |= shadow_mmu_writable_mask.hi;

			/* already writable: shadowed tables and the dirty log know of it */
			if (is_writable_pte(old_spte))
				break out;

			/* write-tracked, or a shadowed table that may not go out of sync */
			if (mmu_try_to_unsync_pages(vcpu.kvm, slot, gfn, can_unsync,
				prefetch) !== 0) {
				wrprot = true;
				pte_access &= ~ACC_WRITE_MASK;
				lo &= ~(PT_WRITABLE_MASK | shadow_mmu_writable_mask.lo);
				hi &= ~shadow_mmu_writable_mask.hi;
			}
		}

		if ((pte_access & ACC_WRITE_MASK) !== 0 && sp.role.ad_disabled === 0) {
			lo |= shadow_dirty_mask.lo;
			hi |= shadow_dirty_mask.hi;
		}
	}

	pair_put(spte, lo, hi);
	if (prefetch === true)
		pair_set(spte, mark_spte_for_access_track(spte));

	if (is_rsvd_spte(vcpu.arch.mmu!.shadow_zero_check, spte, level))
		WARN_ONCE(true, "spte = 0x%llx, level = %d, rsvd bits = 0x%llx", pair_to_u64(spte),
			level, pair_to_u64(get_rsvd_bits(vcpu.arch.mmu!.shadow_zero_check, spte,
				level)));

	if ((spte.lo & PT_WRITABLE_MASK) !== 0 && kvm_slot_dirty_track_enabled(slot)) {
		/* kvm_mmu_hugepage_adjust() sees to it */
		WARN_ON(level > PG_LEVEL_4K);
		mark_page_dirty_in_slot(vcpu.kvm, slot, gfn);
	}

	return wrprot;
}

/** arch/x86/kvm/mmu/spte.c:make_spte_executable() */
function make_spte_executable(spte: u64_spte): u64_spte {
	const is_access_track = is_access_track_spte(spte);

	if (is_access_track)
		spte = restore_acc_track_spte(spte);

	spte = pair_andnot(spte, shadow_nx_mask);
	spte = pair_or(spte, shadow_x_mask);

	if (is_access_track)
		spte = mark_spte_for_access_track(spte);

	return spte;
}

/**
 * arch/x86/kvm/mmu/spte.c:make_huge_page_split_spte()
 *
 * The entry for part @index of what @huge_spte maps, in a table of @role.
 */
export function make_huge_page_split_spte(kvm: struct_kvm, huge_spte: u64_spte,
	role: kvm_mmu_page_role, index: number): u64_spte {
	let child_spte: u64_spte;

	if (WARN_ON_ONCE(!is_shadow_present_pte(huge_spte)))
		return PAIR_ZERO;

	if (WARN_ON_ONCE(!is_large_pte(huge_spte)))
		return PAIR_ZERO;

	/* the base is aligned to the huge page, so that the offset may be or'ed in; below 1 GiB */
	child_spte = pair(huge_spte.lo | ((index * KVM_PAGES_PER_HPAGE(role.level)) << PAGE_SHIFT),
		huge_spte.hi);

	if (role.level === PG_LEVEL_4K) {
		child_spte = pair(child_spte.lo & ~PT_PAGE_SIZE_MASK, child_spte.hi);

		/* the reason to forbid execution goes with the huge page */
		if ((role.access & ACC_EXEC_MASK) !== 0 && is_nx_huge_page_enabled(kvm))
			child_spte = make_spte_executable(child_spte);
	}

	return child_spte;
}

/**
 * arch/x86/kvm/mmu/spte.c:make_huge_spte() of later versions: the entry for what a table of 4 KiB
 * pages maps, of which @small_spte is the first.
 */
export function make_huge_spte(small_spte: u64_spte): u64_spte {
	return pair(small_spte.lo | PT_PAGE_SIZE_MASK, small_spte.hi);
}

/** arch/x86/kvm/mmu/spte.c:make_nonleaf_spte() */
export function make_nonleaf_spte(child_pt: tdp_ptep_t, ad_disabled: boolean): u64_spte {
	const pfn = child_pt / 512;
	let lo = SPTE_MMU_PRESENT_MASK, hi = 0;

	lo |= pfn_lo(pfn) | shadow_present_mask.lo | PT_WRITABLE_MASK |
		shadow_user_mask.lo | shadow_x_mask.lo | shadow_me_value.lo;
	hi |= pfn_hi(pfn) | shadow_present_mask.hi | shadow_user_mask.hi | shadow_x_mask.hi |
		shadow_me_value.hi;

	if (ad_disabled)
		hi |= SPTE_TDP_AD_DISABLED_MASK.hi;
	else {
		lo |= shadow_accessed_mask.lo;
		hi |= shadow_accessed_mask.hi;
	}

	return pair(lo, hi);
}

/** arch/x86/kvm/mmu/spte.c:kvm_mmu_changed_pte_notifier_make_spte() */
export function kvm_mmu_changed_pte_notifier_make_spte(old_spte: u64_spte, new_pfn: kvm_pfn_t):
	u64_spte {
	let new_spte;

	new_spte = pair_andnot(old_spte, SPTE_BASE_ADDR_MASK);
	new_spte = pair(new_spte.lo | pfn_lo(new_pfn), new_spte.hi | pfn_hi(new_pfn));

	new_spte = pair(new_spte.lo & ~PT_WRITABLE_MASK, new_spte.hi);
	new_spte = pair_andnot(new_spte, shadow_host_writable_mask);
	new_spte = pair_andnot(new_spte, shadow_mmu_writable_mask);

	new_spte = mark_spte_for_access_track(new_spte);

	return new_spte;
}

/** arch/x86/kvm/mmu/spte.c:mark_spte_for_access_track() */
export function mark_spte_for_access_track(spte: u64_spte): u64_spte {
	if (spte_ad_enabled(spte))
		return pair_andnot(spte, shadow_accessed_mask);

	if (is_access_track_spte(spte))
		return spte;

	check_spte_writable_invariants(spte);

	WARN_ONCE((spte.hi & SHADOW_ACC_TRACK_SAVED_MASK.hi) !== 0,
		"kvm: Access Tracking saved bit locations are not zero\n");

	spte = pair(spte.lo, spte.hi | ((spte.lo & SHADOW_ACC_TRACK_SAVED_BITS_MASK) <<
		(SHADOW_ACC_TRACK_SAVED_BITS_SHIFT - 32)));
	spte = pair_andnot(spte, shadow_acc_track_mask);

	return spte;
}

/** arch/x86/kvm/mmu/spte.c:kvm_mmu_set_mmio_spte_mask() */
export function kvm_mmu_set_mmio_spte_mask(mmio_value: u64_pair, mmio_mask: u64_pair,
	access_mask: number): void {
	BUG_ON(access_mask >>> 0 !== access_mask);
	WARN_ON(pair_test(mmio_value, shadow_nonpresent_or_rsvd_lower_gfn_mask));

	/* a vendor module before this one may have turned it off: ask the user's wish again */
	enable_mmio_caching = allow_mmio_caching;
	if (!enable_mmio_caching)
		mmio_value = PAIR_ZERO;

	/* not the generation's bits */
	if (WARN_ON(!pair_is_zero(pair_andnot(mmio_mask, SPTE_MMIO_ALLOWED_MASK))))
		mmio_value = PAIR_ZERO;

	/* not where the gfn's high bits move to; no known hardware would ask for that */
	if (WARN_ON(pair_test(mmio_value, pair_shl(shadow_nonpresent_or_rsvd_mask,
		SHADOW_NONPRESENT_OR_RSVD_MASK_LEN))))
		mmio_value = PAIR_ZERO;

	/* matches itself, and no removed entry, which has no permission bits */
	if (WARN_ON(!pair_masked_eq(mmio_value, mmio_mask, mmio_value)) ||
	    WARN_ON(!pair_is_zero(mmio_value) &&
		pair_masked_eq(REMOVED_SPTE, mmio_mask, mmio_value)))
		mmio_value = PAIR_ZERO;

	if (pair_is_zero(mmio_value))
		enable_mmio_caching = false;

	shadow_mmio_value = mmio_value;
	pair_set(shadow_mmio_mask, mmio_mask);
	shadow_mmio_access_mask = access_mask;
}

/** Of one VM: @mmio_value with the mask of all. */
export function kvm_mmu_set_mmio_spte_value(kvm: struct_kvm, mmio_value: u64_pair): void {
	kvm.arch.shadow_mmio_value = mmio_value;
}

/** arch/x86/kvm/mmu/spte.c:kvm_mmu_set_me_spte_mask() */
export function kvm_mmu_set_me_spte_mask(me_value: u64_pair, me_mask: u64_pair): void {
	if (WARN_ON(!pair_is_zero(pair_andnot(me_value, me_mask))))
		me_value = me_mask = PAIR_ZERO;

	pair_set(shadow_me_value, me_value);
	pair_set(shadow_me_mask, me_mask);
}

/** arch/x86/kvm/mmu/spte.c:kvm_mmu_set_ept_masks() */
export function kvm_mmu_set_ept_masks(has_ad_bits: boolean, has_exec_only: boolean): void {
	pair_set(shadow_user_mask, pair(VMX_EPT_READABLE_MASK, 0));
	pair_set(shadow_accessed_mask, has_ad_bits ? pair(VMX_EPT_ACCESS_BIT, 0) : PAIR_ZERO);
	pair_set(shadow_dirty_mask, has_ad_bits ? pair(VMX_EPT_DIRTY_BIT, 0) : PAIR_ZERO);
	pair_set(shadow_nx_mask, PAIR_ZERO);
	pair_set(shadow_x_mask, pair(VMX_EPT_EXECUTABLE_MASK, 0));
	pair_set(shadow_present_mask, has_exec_only ? PAIR_ZERO : pair(VMX_EPT_READABLE_MASK, 0));
	/* EPT stands above the MTRRs: each entry has its own type. These are the bits of it. */
	pair_set(shadow_memtype_mask, pair(VMX_EPT_MT_MASK | VMX_EPT_IPAT_BIT, 0));
	pair_set(shadow_acc_track_mask, pair(VMX_EPT_RWX_MASK, 0));
	pair_set(shadow_host_writable_mask, EPT_SPTE_HOST_WRITABLE);
	pair_set(shadow_mmu_writable_mask, EPT_SPTE_MMU_WRITABLE);

	/*
	 * Write and execute without read: a misconfiguration. A TD's MMIO entries have no rights at
	 * all, and bit 63 (suppress #VE) tells them from those that map nothing.
	 */
	kvm_mmu_set_mmio_spte_mask(pair(VMX_EPT_MISCONFIG_WX_VALUE, 0),
		pair(VMX_EPT_RWX_MASK, VMX_EPT_SUPPRESS_VE_HI), 0);
}

/** arch/x86/kvm/mmu/spte.c:kvm_mmu_reset_all_pte_masks() */
export function kvm_mmu_reset_all_pte_masks(): void {
	let low_phys_bits: number;
	let mask: u64_pair;

	shadow_phys_bits = kvm_get_shadow_phys_bits();

	/*
	 * Against L1TF, if the CPU has it. By the width of the cache where that is known, which
	 * may be more than CPUID tells.
	 */
	shadow_nonpresent_or_rsvd_mask = PAIR_ZERO;
	low_phys_bits = boot_cpu_data.x86_phys_bits;
	if (boot_cpu_has_bug(X86_BUG_L1TF) &&
	    !WARN_ON_ONCE(boot_cpu_data.x86_cache_bits >=
		52 - SHADOW_NONPRESENT_OR_RSVD_MASK_LEN)) {
		low_phys_bits = boot_cpu_data.x86_cache_bits - SHADOW_NONPRESENT_OR_RSVD_MASK_LEN;
		shadow_nonpresent_or_rsvd_mask =
			rsvd_bits(low_phys_bits, boot_cpu_data.x86_cache_bits - 1);
	}

	shadow_nonpresent_or_rsvd_lower_gfn_mask = pair_genmask(low_phys_bits - 1, PAGE_SHIFT);

	pair_set(shadow_user_mask, pair(PT_USER_MASK, 0));
	pair_set(shadow_accessed_mask, pair(PT_ACCESSED_MASK, 0));
	pair_set(shadow_dirty_mask, pair(PT_DIRTY_MASK, 0));
	pair_set(shadow_nx_mask, PT64_NX_MASK);
	pair_set(shadow_x_mask, PAIR_ZERO);
	pair_set(shadow_present_mask, pair(PT_PRESENT_MASK, 0));

	/* NPT: PAT entry 0 is write-back, the weakest type, so that the MTRRs decide */
	pair_set(shadow_memtype_mask, PAIR_ZERO);
	pair_set(shadow_acc_track_mask, PAIR_ZERO);
	pair_set(shadow_me_mask, PAIR_ZERO);
	pair_set(shadow_me_value, PAIR_ZERO);

	pair_set(shadow_host_writable_mask, DEFAULT_SPTE_HOST_WRITABLE);
	pair_set(shadow_mmu_writable_mask, DEFAULT_SPTE_MMU_WRITABLE);

	/* a reserved bit of the physical address, if there is one: a fault with PFEC.RSVD */
	if (shadow_phys_bits < 52)
		mask = pair_or(pair_bit(51), pair(PT_PRESENT_MASK, 0));
	else
		mask = PAIR_ZERO;

	kvm_mmu_set_mmio_spte_mask(mask, mask, ACC_WRITE_MASK | ACC_USER_MASK);
}
