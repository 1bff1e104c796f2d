// SPDX-License-Identifier: GPL-2.0
/*
 * What the rest of KVM on x86 knows of its MMU.
 *
 * Upstream: arch/x86/kvm/mmu.h. Left out: nested and shadow paging.
 */
export * from "#arch/x86/kvm/mmu.const.ts";
import { ul_shl, ul_shr } from "#asm-generic/bits.ts";
import { PAIR_ZERO, pair_genmask, type u64_pair } from "#asm-generic/pair.ts";
import { gfn_t, gpa_t } from "#asm-generic/types.ts";
import { X86_CR0_PG, X86_CR0_WP, X86_CR4_LA57, X86_CR4_PAE, X86_CR4_PCIDE, X86_CR4_PKE,
	X86_CR4_PSE, X86_CR4_SMAP, X86_CR4_SMEP, X86_EFLAGS_AC } from "#asm/processor-flags.ts";
import { EFER_LME, EFER_NX } from "#asm/msr-index.ts";
import { boot_cpu_data, cpuid_eax } from "#asm/processor.ts";
import { INVALID_PAGE, KVM_HPAGE_GFN_SHIFT, kvm_x86_ops, PFERR_IMPLICIT_ACCESS, PFERR_PK_MASK,
	PFERR_PRESENT_MASK, PFERR_RSVD_BIT, PFERR_RSVD_MASK, type struct_kvm_mmu,
	tdp_enabled, VALID_PAGE } from "#asm/kvm_host.ts";
import { WARN_ON } from "#linux/bug.ts";
import { smp_load_acquire } from "#linux/compiler.ts";
import type { struct_kvm, struct_kvm_memory_slot, struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { kvm_read_cr3, kvm_read_cr4_bits } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import type { struct_x86_exception } from "#arch/x86/kvm/kvm_emulate.h.ts";
import { PT_USER_MASK, PT_USER_SHIFT } from "#arch/x86/kvm/mmu.const.ts";
import { kvm_mmu_load } from "#arch/x86/kvm/mmu/mmu.ts";
export { kvm_mmu_map_tdp_page } from "#arch/x86/kvm/mmu/mmu.ts";
import { shadow_phys_bits } from "#arch/x86/kvm/mmu/spte.ts";

export { enable_mmio_caching } from "#arch/x86/kvm/mmu/spte.ts";

export const KVM_MMU_CR4_ROLE_BITS	= X86_CR4_PSE | X86_CR4_PAE | X86_CR4_LA57 |
					  X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE;

export const KVM_MMU_CR0_ROLE_BITS	= X86_CR0_PG | X86_CR0_WP;
export const KVM_MMU_EFER_ROLE_BITS	= EFER_LME | EFER_NX;

/** Bits @s to @e; none if @e is below @s. */
export function rsvd_bits(s: number, e: number): u64_pair {
	e &= 63;

	if (e < s)
		return PAIR_ZERO;

	return pair_genmask(e, s);
}

/* physical address bits that are not reserved, whatever features make of legal ones */
export { shadow_phys_bits } from "#arch/x86/kvm/mmu/spte.ts";

/** The host's width counts: nested page tables cannot hold more, whatever the guest believes. */
export function kvm_mmu_max_gfn(): gfn_t {
	const max_gpa_bits = tdp_enabled ? shadow_phys_bits : 52;

	return gfn_t(ul_shl(1, max_gpa_bits - PAGE_SHIFT) - 1);
}

/** From CPUID, as the kernel takes bits of a KeyID off x86_phys_bits. */
export function kvm_get_shadow_phys_bits(): number {
	if (boot_cpu_data.extended_cpuid_level >= 0x80000008)
		return cpuid_eax(0x80000008) & 0xff;

	return boot_cpu_data.x86_phys_bits;
}

export { kvm_mmu_set_mmio_spte_mask, kvm_mmu_set_me_spte_mask, kvm_mmu_set_ept_masks } from
	"#arch/x86/kvm/mmu/spte.ts";

export { kvm_init_mmu } from "#arch/x86/kvm/mmu/mmu.ts";
export { kvm_can_do_async_pf } from "#arch/x86/kvm/x86.ts";
export { kvm_handle_page_fault } from "#arch/x86/kvm/mmu/mmu.ts";

export { kvm_mmu_load, kvm_mmu_unload, kvm_mmu_free_obsolete_roots, kvm_mmu_sync_roots,
	kvm_mmu_sync_prev_roots } from "#arch/x86/kvm/mmu/mmu.ts";

export function kvm_mmu_reload(vcpu: struct_kvm_vcpu): number {
	if (vcpu.arch.mmu!.root.hpa !== INVALID_PAGE)
		return 0;

	return kvm_mmu_load(vcpu);
}

export function kvm_get_pcid(vcpu: struct_kvm_vcpu, cr3: gpa_t): number {
	/* X86_CR3_PCID_MASK */
	return kvm_read_cr4_bits(vcpu, X86_CR4_PCIDE) !== 0 ? cr3 & 0xfff : 0;
}

export function kvm_get_active_pcid(vcpu: struct_kvm_vcpu): number {
	return kvm_get_pcid(vcpu, kvm_read_cr3(vcpu) as gpa_t);
}

export function kvm_mmu_load_pgd(vcpu: struct_kvm_vcpu): void {
	const root_hpa = vcpu.arch.mmu!.root.hpa;

	if (!VALID_PAGE(root_hpa))
		return;

	kvm_x86_ops.load_mmu_pgd(vcpu, root_hpa, vcpu.arch.mmu!.root_role.level);
}

/**
 * 0 if rights @pte_access (ACC_*) allow an access as the error code @access describes it, else the
 * error code of the fault.
 *
 * The place of PFERR_RSVD_MASK, never set here, says in the index that SMAP does not apply: AC is
 * set, and the access is not an implicit one, which AC cannot excuse.
 */
export function permission_fault(vcpu: struct_kvm_vcpu, mmu: struct_kvm_mmu, pte_access: number,
	pte_pkey: number, access: number): number {
	/* the low word; nested page fault bits and the implicit access bit are above */
	const pfec = access | 0;
	const rflags = kvm_x86_ops.get_rflags(vcpu);

	const implicit_access = access >= PFERR_IMPLICIT_ACCESS;
	const not_smap = (rflags & X86_EFLAGS_AC) !== 0 && !implicit_access;
	const index = (pfec + (not_smap ? 1 << PFERR_RSVD_BIT : 0)) >> 1;
	let fault = ((mmu.permissions[index]! >> pte_access) & 1) !== 0;
	let errcode = PFERR_PRESENT_MASK;

	WARN_ON((pfec & (PFERR_PK_MASK | PFERR_RSVD_MASK)) !== 0);
	if (mmu.pkru_mask !== 0) {
		/* two bits for each of 16 domains */
		let pkru_bits = (vcpu.arch.pkru >>> (pte_pkey * 2)) & 3;

		/* the present bit is dropped; RSVD's place takes the user bit of the entry */
		const offset = (pfec & ~1) +
			((pte_access & PT_USER_MASK) << (PFERR_RSVD_BIT - PT_USER_SHIFT));

		pkru_bits &= mmu.pkru_mask >>> offset;
		errcode |= -pkru_bits & PFERR_PK_MASK;
		fault = fault || pkru_bits !== 0;
	}

	return fault ? errcode : 0;
}

/* declared for all architectures. @hunk 5:1 */
export { kvm_zap_gfn_range } from "#linux/kvm_host.ts";

/* declared, and defined nowhere, as upstream */
export declare function kvm_arch_write_log_dirty(vcpu: struct_kvm_vcpu): number;

export { kvm_mmu_post_init_vm, kvm_mmu_pre_destroy_vm } from "#arch/x86/kvm/mmu/mmu.ts";

/** Set before the pointers that come with it are used: no lock is needed to see them. */
export function kvm_shadow_root_allocated(kvm: struct_kvm): boolean {
	return smp_load_acquire(kvm.arch.shadow_root_allocated);
}

export function is_tdp_mmu_enabled(kvm: struct_kvm): boolean {
	return kvm.arch.tdp_mmu_enabled;
}

export function kvm_memslots_have_rmaps(kvm: struct_kvm): boolean {
	return !is_tdp_mmu_enabled(kvm) || kvm_shadow_root_allocated(kvm);
}

/** KVM_HPAGE_GFN_SHIFT(PG_LEVEL_4K) is 0. */
export function gfn_to_index(gfn: gfn_t, base_gfn: gfn_t, level: number): number {
	return ul_shr(gfn, KVM_HPAGE_GFN_SHIFT(level)) -
		ul_shr(base_gfn, KVM_HPAGE_GFN_SHIFT(level));
}

export function __kvm_mmu_slot_lpages(slot: struct_kvm_memory_slot, npages: number,
	level: number): number {
	return gfn_to_index(gfn_t(slot.base_gfn + npages - 1), slot.base_gfn, level) + 1;
}

export function kvm_mmu_slot_lpages(slot: struct_kvm_memory_slot, level: number): number {
	return __kvm_mmu_slot_lpages(slot, slot.npages, level);
}

export function kvm_update_page_stats(kvm: struct_kvm, level: number, count: number): void {
	/* C: atomic64_add() */
	kvm.stat.pages[level - 1]! += count;
}

/** Only the MMU of a nested guest, which is never set up here, would translate. */
export function kvm_translate_gpa(_vcpu: struct_kvm_vcpu, _mmu: struct_kvm_mmu, gpa: gpa_t,
	_access: number, _exception: struct_x86_exception | null): gpa_t {
	return gpa;
}

export { KVM_ZAP_PRIVATE, KVM_ZAP_SHARED, type kvm_zap_what } from "#linux/kvm_host.const.ts";

/*
 * A TD's guest physical addresses have a SHARED bit. Page tables are by the address as it is, so
 * that a gfn of the shared tables has the bit; memslots and attributes are by the gfn without.
 */

export function kvm_gfn_shared_mask(kvm: struct_kvm): number {
	return kvm.arch.gfn_shared_mask;
}

export function kvm_gfn_to_shared(kvm: struct_kvm, gfn: gfn_t): gfn_t {
	return gfn < kvm.arch.gfn_shared_mask ? gfn_t(gfn + kvm.arch.gfn_shared_mask) : gfn;
}

/** Without the bit. The bits above it are never set: the guest would have got a #PF. */
export function kvm_gfn_to_private(kvm: struct_kvm, gfn: gfn_t): gfn_t {
	const mask = kvm.arch.gfn_shared_mask;

	return mask !== 0 && gfn >= mask ? gfn_t(gfn - mask) : gfn;
}

export function kvm_gpa_to_private(kvm: struct_kvm, gpa: gpa_t): gpa_t {
	const mask = kvm.arch.gfn_shared_mask * PAGE_SIZE;

	return mask !== 0 && gpa >= mask ? gpa_t(gpa - mask) : gpa;
}

export function kvm_is_private_gpa(kvm: struct_kvm, gpa: gpa_t): boolean {
	const mask = kvm.arch.gfn_shared_mask;

	return mask !== 0 && gpa < mask * PAGE_SIZE;
}
