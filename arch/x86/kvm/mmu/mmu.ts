// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU: page faults, roots, memory slots' large pages, zapping; guests are translated by the TDP
 * MMU's tables (tdp_mmu.ts).
 *
 * Upstream: arch/x86/kvm/mmu/mmu.c. Left out: page tables that shadow a guest's, and with them
 * reverse maps, the hash of pages, unsync pages, parent entries, write flooding, huge page
 * splitting of theirs, PAE and special roots, nested guests' MMUs, 32-bit page tables of KVM's own;
 * 32-bit guest page tables. What walks rmaps keeps its callers, behind kvm_memslots_have_rmaps(),
 * which is false: see no_shadow_pages(). A VM without the TDP MMU (tdp_mmu=N, ept=0, npt=0) is
 * refused.
 *
 * Locks: kvm->slots_lock
 *		kvm->srcu (read)
 *		  kvm->mmu_lock (read: faults, dirty logging; write: invalidation, roots)
 *			kvm->arch.tdp_mmu_pages_lock, kvm->arch.mmu_unsync_pages_lock
 */
import { ALIGN, DIV_ROUND_UP, min, u31_shr, ul_and_low, ul_and_not_low, ul_or_low } from
	"#asm-generic/bits.ts";
import { pair, pair_and, pair_andnot, pair_eq, pair_frame, pair_is_zero, pair_or, pair_shr,
	pair_to_u64, PAIR_ZERO, pair_ffs, pair_fls, type u64_pair, type u64_spte } from
	"#asm-generic/pair.ts";
import { gfn_t, gpa_t, gva_t, hpa_t, hva_t, kvm_pfn_t, pfn_nr, ref, u32, wide_ref } from
	"#asm-generic/types.ts";
import { mem_cmpxchg64, mem_hi, mem_lo } from "#hw/memory.ts";
import { BUILD_BUG_ON, WARN_ON, WARN_ONCE, WARN_ON_ONCE } from "#linux/bug.ts";
import { atomic_set } from "#linux/atomic.ts";
import { READ_ONCE, smp_rmb, smp_store_release, smp_wmb } from "#linux/compiler.ts";
import { EAGAIN, EFAULT, EINVAL, EIO, ENOMEM, ENOSPC, ENOTSUPP, EOPNOTSUPP, EPERM } from
	"#linux/errno.ts";
import { GFP_KERNEL, __GFP_ZERO } from "#linux/gfp_types.ts";
import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from
	"#linux/irqflags.ts";
import { get_jiffies_64, jiffies, msecs_to_jiffies } from "#linux/jiffies.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { lower_32_bits, strtobool } from "#linux/kernel.ts";
import { kthread_should_stop, kthread_stop, kthread_unpark } from "#linux/kthread.ts";
import { KVM_BUG_ON, KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS, KVM_MEMSLOT_INVALID, KVM_MEM_ATTR_PRIVATE,
	KVM_MEM_ATTR_SHARED, KVM_PFN_ERR_FAULT, KVM_PFN_ERR_HWPOISON, KVM_PFN_ERR_RO_FAULT,
	KVM_PFN_NOSLOT, OUTSIDE_GUEST_MODE, READING_SHADOW_PAGE_TABLES, __gfn_to_hva_memslot,
	__gfn_to_pfn_memslot, __kvm_memslots, gpa_to_gfn, is_error_noslot_pfn, is_error_pfn,
	kvm_arch_has_noncoherent_dma, kvm_debug_ratelimited,
	kvm_dirty_log_manual_protect_and_init_set, kvm_flush_remote_tlbs,
	kvm_for_each_memslot_in_gfn_range, kvm_is_visible_memslot, kvm_lock,
	kvm_make_all_cpus_request, kvm_make_request, kvm_mem_attr_end, kvm_mem_is_private,
	kvm_mmu_free_memory_cache, kvm_mmu_invalidate_begin, kvm_mmu_invalidate_end,
	kvm_mmu_topup_memory_cache, kvm_private_mem_access_testing, kvm_release_pfn_clean,
	kvm_setup_async_pf,
	kvm_slot_can_be_private, kvm_slot_dirty_track_enabled, kvm_test_request,
	kvm_vcpu_gfn_to_hva, kvm_vcpu_gfn_to_memslot, kvm_vcpu_memslots,
	kvm_vm_create_worker_thread, mark_page_dirty_in_slot, mmu_invalidate_retry_gfn, struct_kvm,
	type struct_kvm_async_pf, type struct_kvm_gfn_range, type struct_kvm_memory_slot,
	struct_kvm_memslot_iter, type struct_kvm_vcpu, vm_list } from "#linux/kvm_host.ts";
import { LIST_HEAD, list_add_tail, list_del, list_empty, list_empty_careful, list_first_entry,
	list_for_each_entry, list_move_tail, INIT_LIST_HEAD, type struct_list_head } from
	"#linux/list.ts";
import { lockdep_assert_held } from "#linux/lockdep.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import { module_param_cb, module_param_named, param_bool, param_uint, type kernel_param_ops } from
	"#linux/moduleparam.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { percpu_counter_destroy, percpu_counter_init, percpu_counter_read_positive,
	struct_percpu_counter } from "#linux/percpu_counter.ts";
import { p4d_none, p4d_offset, p4d_present, p4dp_get, pgd_none, pgd_offset, pgdp_get, pmd_large,
	pmd_none, pmd_offset_lockless, pmd_present, pmdp_get, pud_large, pud_none,
	pud_offset_lockless, pud_present, pudp_get } from "#linux/pgtable.ts";
import { KERN_WARNING, pr_err, printk_once } from "#linux/printk.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { cond_resched, cond_resched_rwlock_write, current, MAX_SCHEDULE_TIMEOUT, need_resched,
	set_current_state, TASK_INTERRUPTIBLE, TASK_RUNNING, wake_up_process,
	type struct_task_struct } from "#linux/sched.ts";
import { send_sig_mceerr } from "#linux/sched/signal.ts";
import { BUS_MCEERR_AR } from "#uapi/asm-generic/siginfo.ts";
import { DEFAULT_SEEKS, register_shrinker, struct_shrinker, unregister_shrinker,
	type struct_shrink_control } from "#linux/shrinker.ts";
import { kmem_cache_create, kmem_cache_destroy, SLAB_ACCOUNT, type struct_kmem_cache } from
	"#linux/slab.ts";
import { read_lock, read_unlock, rwlock_needbreak, spin_lock_init, write_lock, write_unlock } from
	"#linux/spinlock.ts";
import { srcu_read_lock, srcu_read_unlock } from "#linux/srcu.ts";
import { sysfs_streq } from "#linux/sysfs.ts";
import { del_timer_sync, mod_timer, struct_timer_list, timer_setup } from "#linux/timer.ts";
import { trace_kvm_async_pf_repeated_fault, trace_kvm_try_async_get_page } from
	"#linux/trace/events/kvm.ts";
import { boot_cpu_has, boot_cpu_has_bug, X86_BUG_ITLB_MULTIHIT, X86_FEATURE_GBPAGES } from
	"#asm/cpufeature.ts";
import { EMULTYPE_ALLOW_RETRY_PF, EMULTYPE_PF, INVALID_PAGE, KVM_ADDRESS_SPACE_NUM,
	KVM_HPAGE_GFN_SHIFT, KVM_LPAGE_COUNT_MAX, KVM_LPAGE_PRIVATE_SHARED_MIXED,
	KVM_MAX_HUGEPAGE_LEVEL, KVM_MIN_FREE_MMU_PAGES, KVM_MMU_NUM_PREV_ROOTS, KVM_MMU_ROOTS_ALL,
	KVM_MMU_ROOT_CURRENT, KVM_MMU_ROOT_PREVIOUS, KVM_PAGES_PER_HPAGE, KVM_REFILL_PAGES,
	KVM_REQ_APF_HALT, KVM_REQ_LOAD_MMU_PGD, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS, KVM_REQ_MMU_SYNC,
	KVM_REQ_TLB_FLUSH_CURRENT, PFERR_FETCH_MASK, PFERR_GUEST_PAGE_MASK, PFERR_LEVEL_START_BIT,
	PFERR_PRESENT_MASK, PFERR_RSVD_MASK, PFERR_USER_MASK, PFERR_WRITE_MASK, PT64_ROOT_MAX_LEVEL,
	VALID_PAGE, kvm_apicv_activated, kvm_cpu_role, kvm_cpu_role_copy, kvm_cpu_role_eq,
	kvm_find_async_pf_gfn, kvm_inject_page_fault, kvm_mmu_gva_to_gpa_read, kvm_mmu_page_role,
	kvm_mmu_root_info_invalidate, kvm_x86_ops, pferr_test, struct_kvm_arch_async_pf,
	type struct_kvm_mmu, type struct_kvm_mmu_root_info,
	struct_kvm_tlb_range, type struct_rsvd_bits_validate } from "#asm/kvm_host.ts";
import { KVM_PAGE_TRACK_WRITE, kvm_page_track_register_notifier,
	kvm_page_track_unregister_notifier, kvm_slot_page_track_is_active,
	type struct_kvm_page_track_notifier_node } from "#asm/kvm_page_track.ts";
import { EFER_LMA, EFER_NX } from "#asm/msr-index.ts";
import { PAGE_SHIFT, PAGE_SIZE, PG_LEVEL_1G, PG_LEVEL_2M, PG_LEVEL_4K, PMD_SIZE } from
	"#asm/page_types.ts";
import { X86_CR0_PG, X86_CR0_WP, X86_CR4_LA57, X86_CR4_PAE, X86_CR4_PKE, X86_CR4_PSE,
	X86_CR4_SMAP, X86_CR4_SMEP } from "#asm/processor-flags.ts";
import { APIC_ACCESS_PAGE_PRIVATE_MEMSLOT } from "#asm/vmx.ts";
import { cpuid_maxphyaddr, guest_cpuid_has, guest_cpuid_is_amd_or_hygon } from
	"#arch/x86/kvm/cpuid.h.ts";
import { is_guest_mode, is_smm, kvm_pdptr_read, kvm_read_cr0_bits, kvm_read_cr3,
	kvm_read_cr4_bits } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import type { struct_x86_exception } from "#arch/x86/kvm/kvm_emulate.h.ts";
import {
	is_tdp_mmu_enabled, kvm_can_do_async_pf, kvm_memslots_have_rmaps,
	kvm_gfn_shared_mask, kvm_gfn_to_private, KVM_MMU_CR0_ROLE_BITS, KVM_MMU_CR4_ROLE_BITS,
	kvm_mmu_load_pgd, kvm_mmu_max_gfn, kvm_mmu_reload, kvm_translate_gpa, KVM_ZAP_PRIVATE,
	KVM_ZAP_SHARED, type kvm_zap_what, PT32_ROOT_LEVEL, PT32E_ROOT_LEVEL, PT64_ROOT_4LEVEL,
	PT64_ROOT_5LEVEL, PT_PRESENT_MASK, PT_WRITABLE_MASK, rsvd_bits, shadow_phys_bits,
} from "#arch/x86/kvm/mmu.h.ts";
import {
	RET_PF_CONTINUE, RET_PF_EMULATE, RET_PF_FIXED, RET_PF_INVALID, RET_PF_RETRY,
	RET_PF_SPURIOUS, RET_PF_USER, is_private_sp, kvm_mmu_do_page_fault, kvm_private_mem_get_pfn,
	kvm_private_mem_put_pfn, type sptep_t, sptep_to_sp, struct_kvm_mmu_page,
	root_to_sp, type struct_kvm_page_fault, to_shadow_page,
} from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { trace_check_mmio_spte, trace_fast_page_fault, trace_handle_mmio_page_fault,
	trace_kvm_mmu_zap_all_fast } from "#arch/x86/kvm/mmu/mmutrace.h.ts";
import { paging32_gva_to_gpa, paging64_gva_to_gpa } from "#arch/x86/kvm/mmu/paging_tmpl.h.ts";
import { ACC_ALL, ACC_EXEC_MASK, ACC_USER_MASK, ACC_WRITE_MASK, enable_mmio_caching,
	get_mmio_spte_generation, get_rsvd_bits, is_access_track_spte, is_executable_pte,
	is_large_pte, is_last_spte, is_mmio_spte, is_mmu_writable_spte, is_rsvd_spte,
	is_shadow_present_pte, is_writable_pte, kvm_ad_enabled, kvm_mmu_reset_all_pte_masks,
	kvm_mmu_spte_module_init, MMIO_SPTE_GEN_MASK, restore_acc_track_spte, shadow_me_mask,
	shadow_memtype_mask, shadow_mmio_access_mask, shadow_mmio_value,
	SHADOW_NONPRESENT_OR_RSVD_MASK_LEN, shadow_nonpresent_or_rsvd_lower_gfn_mask,
	shadow_nonpresent_or_rsvd_mask, shadow_x_mask, SPTE_INDEX } from
	"#arch/x86/kvm/mmu/spte.h.ts";
import {
	is_tdp_mmu, is_tdp_mmu_page, kvm_mmu_init_tdp_mmu, kvm_mmu_uninit_tdp_mmu,
	kvm_tdp_mmu_age_gfn_range, kvm_tdp_mmu_clear_dirty_pt_masked,
	kvm_tdp_mmu_clear_dirty_slot, kvm_tdp_mmu_fast_pf_get_last_sptep,
	kvm_tdp_mmu_get_vcpu_root_hpa, kvm_tdp_mmu_get_walk, kvm_tdp_mmu_invalidate_all_roots,
	kvm_tdp_mmu_map, kvm_tdp_mmu_put_root, kvm_tdp_mmu_set_spte_gfn,
	kvm_tdp_mmu_test_age_gfn, kvm_tdp_mmu_try_split_huge_pages, kvm_tdp_mmu_unmap_gfn_range,
	kvm_tdp_mmu_walk_lockless_begin, kvm_tdp_mmu_walk_lockless_end,
	kvm_tdp_mmu_write_protect_gfn, kvm_tdp_mmu_wrprot_slot, kvm_tdp_mmu_zap_all,
	kvm_tdp_mmu_zap_collapsible_sptes, kvm_tdp_mmu_zap_invalidated_roots,
	kvm_tdp_mmu_merge_private_sp, kvm_tdp_mmu_zap_leafs, kvm_tdp_mmu_zap_sp,
} from "#arch/x86/kvm/mmu/tdp_mmu.h.ts";
import { trace_kvm_page_fault } from "#arch/x86/kvm/trace.h.ts";
import { eager_page_split, is_noncanonical_address, kvm_event_needs_reinjection,
	kvm_mtrr_check_gfn_range_consistency, MMIO_GVA_ANY, mmu_is_nested, vcpu_cache_mmio_info,
	vcpu_clear_mmio_info, vcpu_match_mmio_gpa, vcpu_match_mmio_gva, x86_emulate_instruction }
	from "#arch/x86/kvm/x86.h.ts";
import { KVM_EXIT_MEMORY_FAULT, KVM_MEMORY_EXIT_FLAG_PRIVATE, KVM_MEM_READONLY } from
	"#uapi/linux/kvm.ts";
import { CONFIG_HAVE_KVM_PRIVATE_MEM, CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING } from
	"#generated/autoconf.ts";
import { FOLL_LONGTERM, FOLL_WRITE, page_to_pfn, pfn_to_page, pin_user_pages_fast,
	unpin_user_page } from "#linux/mm.ts";
import { type struct_page } from "#linux/mm_types.ts";

/** -1 until the module's initialisation settles what "auto" is; then 0 or 1. */
export let nx_huge_pages = -1;
let nx_huge_pages_recovery_period_ms = 0;
let nx_huge_pages_recovery_ratio = 60;

const nx_huge_pages_ops: kernel_param_ops = {
	set: set_nx_huge_pages,
	get: () => nx_huge_pages !== 0 ? "Y" : "N",
};

const nx_huge_pages_recovery_ratio_ops: kernel_param_ops = {
	set: (val) => set_nx_huge_pages_recovery_param(val, param_uint(
		() => nx_huge_pages_recovery_ratio,
		(v) => { nx_huge_pages_recovery_ratio = v; })),
	get: () => String(nx_huge_pages_recovery_ratio),
};

const nx_huge_pages_recovery_period_ms_ops: kernel_param_ops = {
	set: (val) => set_nx_huge_pages_recovery_param(val, param_uint(
		() => nx_huge_pages_recovery_period_ms,
		(v) => { nx_huge_pages_recovery_period_ms = v; })),
	get: () => String(nx_huge_pages_recovery_period_ms),
};

module_param_cb("kvm", "nx_huge_pages", nx_huge_pages_ops, 0o644);
module_param_cb("kvm", "nx_huge_pages_recovery_ratio", nx_huge_pages_recovery_ratio_ops, 0o644);
module_param_cb("kvm", "nx_huge_pages_recovery_period_ms", nx_huge_pages_recovery_period_ms_ops,
	0o644);

let force_flush_and_sync_on_reuse = false;
module_param_named("kvm", "flush_on_reuse", param_bool(() => force_flush_and_sync_on_reuse,
	(v) => { force_flush_and_sync_on_reuse = v; }), 0o644);

/** The hardware walks two page tables: the guest's own, and KVM's for what they hold. */
export let tdp_enabled = false;

let max_huge_page_level = 0;
let tdp_root_level = 0;
let max_tdp_level = 0;

const PTE_PREFETCH_NUM		= 8;

/** Only allocated: what chains the entries of a reverse map. */
class struct_pte_list_desc {
	more: struct_pte_list_desc | null = null;
	spte_count = 0;
}

class struct_kvm_shadow_walk_iterator {
	addr = 0;
	shadow_addr: hpa_t = hpa_t(0);
	sptep: sptep_t = 0;
	level = 0;
	index = 0;
}

let pte_list_desc_cache: struct_kmem_cache<struct_pte_list_desc> | null = null;
export let mmu_page_header_cache: struct_kmem_cache<struct_kvm_mmu_page> | null = null;
const kvm_total_used_mmu_pages = new struct_percpu_counter();

class struct_kvm_mmu_role_regs {
	readonly cr0: number;
	readonly cr4: number;
	readonly efer: number;
	constructor(cr0: number, cr4: number, efer: number) {
		this.cr0 = cr0;
		this.cr4 = cr4;
		this.efer = efer;
	}
}

/**
 * Port-only, in the place of what acts on pages that shadow guest page tables, and on reverse maps:
 * there are none, and nobody may get here.
 */
function no_shadow_pages(): false {
	WARN_ON_ONCE(true);
	return false;
}

/* of the registers, which only the computation of a role reads */
function ____is_cr0_pg(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.cr0 & X86_CR0_PG) !== 0;
}

function ____is_cr0_wp(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.cr0 & X86_CR0_WP) !== 0;
}

function ____is_cr4_pse(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.cr4 & X86_CR4_PSE) !== 0;
}

function ____is_cr4_pae(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.cr4 & X86_CR4_PAE) !== 0;
}

function ____is_cr4_smep(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.cr4 & X86_CR4_SMEP) !== 0;
}

function ____is_cr4_smap(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.cr4 & X86_CR4_SMAP) !== 0;
}

function ____is_cr4_pke(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.cr4 & X86_CR4_PKE) !== 0;
}

function ____is_cr4_la57(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.cr4 & X86_CR4_LA57) !== 0;
}

function ____is_efer_nx(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.efer & EFER_NX) !== 0;
}

function ____is_efer_lma(regs: struct_kvm_mmu_role_regs): boolean {
	return (regs.efer & EFER_LMA) !== 0;
}

/* of the MMU, which everybody else asks */
export function is_cr0_wp(mmu: struct_kvm_mmu): boolean {
	return mmu.cpu_role.base.cr0_wp !== 0;
}

export function is_cr4_pse(mmu: struct_kvm_mmu): boolean {
	return mmu.cpu_role.ext.cr4_pse !== 0;
}

export function is_cr4_smep(mmu: struct_kvm_mmu): boolean {
	return mmu.cpu_role.ext.cr4_smep !== 0;
}

export function is_cr4_smap(mmu: struct_kvm_mmu): boolean {
	return mmu.cpu_role.ext.cr4_smap !== 0;
}

export function is_cr4_pke(mmu: struct_kvm_mmu): boolean {
	return mmu.cpu_role.ext.cr4_pke !== 0;
}

export function is_efer_nx(mmu: struct_kvm_mmu): boolean {
	return mmu.cpu_role.base.efer_nx !== 0;
}

export function is_cr0_pg(mmu: struct_kvm_mmu): boolean {
	return mmu.cpu_role.base.level > 0;
}

export function is_cr4_pae(mmu: struct_kvm_mmu): boolean {
	return mmu.cpu_role.base.has_4_byte_gpte === 0;
}

function vcpu_to_role_regs(vcpu: struct_kvm_vcpu): struct_kvm_mmu_role_regs {
	return new struct_kvm_mmu_role_regs(
		kvm_read_cr0_bits(vcpu, KVM_MMU_CR0_ROLE_BITS),
		kvm_read_cr4_bits(vcpu, KVM_MMU_CR4_ROLE_BITS),
		vcpu.arch.efer);
}

function kvm_flush_remote_tlbs_with_range(kvm: struct_kvm, range: struct_kvm_tlb_range): void {
	let ret = -ENOTSUPP;

	if (kvm_x86_ops.tlb_remote_flush_with_range !== null)
		ret = kvm_x86_ops.tlb_remote_flush_with_range(kvm, range);

	if (ret !== 0)
		kvm_flush_remote_tlbs(kvm);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_flush_remote_tlbs_with_address() */
export function kvm_flush_remote_tlbs_with_address(kvm: struct_kvm, start_gfn: number,
	pages: number): void {
	const range = new struct_kvm_tlb_range();

	range.start_gfn = gfn_t(start_gfn);
	range.pages = pages;

	kvm_flush_remote_tlbs_with_range(kvm, range);
}

function get_mmio_spte_gfn(spte: u64_spte): gfn_t {
	const gpa = pair_or(pair_and(spte, shadow_nonpresent_or_rsvd_lower_gfn_mask),
		pair_and(pair_shr(spte, SHADOW_NONPRESENT_OR_RSVD_MASK_LEN),
			shadow_nonpresent_or_rsvd_mask));

	return gfn_t(pair_frame(gpa));
}

function get_mmio_spte_access(spte: u64_spte): number {
	return spte.lo & shadow_mmio_access_mask;
}

/** arch/x86/kvm/mmu/mmu.c:check_mmio_spte(): false if memslots have changed since it was made. */
function check_mmio_spte(vcpu: struct_kvm_vcpu, spte: u64_spte): boolean {
	const gen = kvm_vcpu_memslots(vcpu).generation;
	if ((gen & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0)
		return false;

	const kvm_gen = gen & MMIO_SPTE_GEN_MASK;
	const spte_gen = get_mmio_spte_generation(spte);

	trace_check_mmio_spte(spte, kvm_gen, spte_gen);
	return kvm_gen === spte_gen;
}

function __get_spte_lockless(sptep: sptep_t): u64_spte {
	return READ_ONCE(pair(mem_lo(sptep), mem_hi(sptep)));
}

function mmu_spte_get_lockless(sptep: sptep_t): u64_spte {
	return __get_spte_lockless(sptep);
}

function walk_shadow_page_lockless_begin(vcpu: struct_kvm_vcpu): void {
	if (is_tdp_mmu(vcpu.arch.mmu!)) {
		kvm_tdp_mmu_walk_lockless_begin();
	} else {
		/* whoever frees tables waits, in kvm_flush_remote_tlbs(), for all vCPUs */
		local_irq_disable();

		vcpu.mode = READING_SHADOW_PAGE_TABLES;
	}
}

function walk_shadow_page_lockless_end(vcpu: struct_kvm_vcpu): void {
	if (is_tdp_mmu(vcpu.arch.mmu!)) {
		kvm_tdp_mmu_walk_lockless_end();
	} else {
		/* a write to vcpu->mode that came before the reads would let the tables go */
		vcpu.mode = smp_store_release(OUTSIDE_GUEST_MODE);
		local_irq_enable();
	}
}

/** arch/x86/kvm/mmu/mmu.c:mmu_topup_memory_caches(): may sleep, unlike the code under mmu_lock. */
function mmu_topup_memory_caches(vcpu: struct_kvm_vcpu, maybe_indirect: boolean): number {
	let r: number;

	if (kvm_gfn_shared_mask(vcpu.kvm) !== 0) {
		r = kvm_mmu_topup_memory_cache(vcpu.arch.mmu_private_spt_cache,
			PT64_ROOT_MAX_LEVEL);
		if (r !== 0)
			return r;
	}
	r = kvm_mmu_topup_memory_cache(vcpu.arch.mmu_pte_list_desc_cache,
		1 + PT64_ROOT_MAX_LEVEL + PTE_PREFETCH_NUM);
	if (r !== 0)
		return r;
	r = kvm_mmu_topup_memory_cache(vcpu.arch.mmu_shadow_page_cache,
		PT64_ROOT_MAX_LEVEL);
	if (r !== 0)
		return r;
	if (maybe_indirect) {
		r = kvm_mmu_topup_memory_cache(vcpu.arch.mmu_shadowed_info_cache,
			PT64_ROOT_MAX_LEVEL);
		if (r !== 0)
			return r;
	}
	return kvm_mmu_topup_memory_cache(vcpu.arch.mmu_page_header_cache,
		PT64_ROOT_MAX_LEVEL);
}

function mmu_free_memory_caches(vcpu: struct_kvm_vcpu): void {
	kvm_mmu_free_memory_cache(vcpu.arch.mmu_pte_list_desc_cache);
	kvm_mmu_free_memory_cache(vcpu.arch.mmu_shadow_page_cache);
	kvm_mmu_free_memory_cache(vcpu.arch.mmu_shadowed_info_cache);
	kvm_mmu_free_memory_cache(vcpu.arch.mmu_private_spt_cache);
	kvm_mmu_free_memory_cache(vcpu.arch.mmu_page_header_cache);
}

/* 1 / KVM_PAGES_PER_HPAGE(), by level */
const INV_HPAGE = Float64Array.of(0, 1, 2 ** -9, 2 ** -18, 2 ** -27, 2 ** -36);

/**
 * arch/x86/kvm/mmu/mmu.c:lpage_info_slot()
 *
 * Where slot->arch.lpage_info[level - 2] has what is known of the large page of @level that @gfn is
 * in; the slot's ends need not be aligned.
 */
function lpage_info_slot(gfn: gfn_t, slot: struct_kvm_memory_slot, level: number): number {
	/* gfn_to_index(), in small integers */
	if (gfn <= 0x7fffffff) {
		const shift = KVM_HPAGE_GFN_SHIFT(level);
		return u31_shr(gfn, shift) - u31_shr(slot.base_gfn, shift);
	}

	/* a gfn has 40 bits at most, and the number of a large page 31 */
	const inv = INV_HPAGE[level]!;
	return (gfn * inv | 0) - (slot.base_gfn * inv | 0);
}

function update_gfn_disallow_lpage_count(slot: struct_kvm_memory_slot, gfn: gfn_t,
	count: number): void {
	let linfo: number;

	for (let i = PG_LEVEL_2M; i <= KVM_MAX_HUGEPAGE_LEVEL; ++i) {
		const disallow_lpage = slot.arch.lpage_info[i - 2]!;
		linfo = lpage_info_slot(gfn, slot, i);

		/* @hunk 6:1 */
		const disallow_count = disallow_lpage[linfo]! & KVM_LPAGE_COUNT_MAX;
		WARN_ON(disallow_count + count < 0 ||
			disallow_count > KVM_LPAGE_COUNT_MAX - count);

		disallow_lpage[linfo]! += count;
	}
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_gfn_disallow_lpage() */
export function kvm_mmu_gfn_disallow_lpage(slot: struct_kvm_memory_slot, gfn: gfn_t): void {
	update_gfn_disallow_lpage_count(slot, gfn, 1);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_gfn_allow_lpage() */
export function kvm_mmu_gfn_allow_lpage(slot: struct_kvm_memory_slot, gfn: gfn_t): void {
	update_gfn_disallow_lpage_count(slot, gfn, -1);
}

/** arch/x86/kvm/mmu/mmu.c:account_huge_nx_page() */
export function account_huge_nx_page(kvm: struct_kvm, sp: struct_kvm_mmu_page): void {
	if (sp.lpage_disallowed)
		return;

	++kvm.stat.nx_lpage_splits;
	list_add_tail(sp.lpage_disallowed_link, kvm.arch.lpage_disallowed_mmu_pages);
	sp.lpage_disallowed = true;

	/* a TD's are looked at whether or not the workaround is in use */
	if (is_private_sp(sp) && kvm.stat.nx_lpage_splits === 1)
		wake_up_process(kvm.arch.nx_lpage_recovery_thread!);
}

/** arch/x86/kvm/mmu/mmu.c:unaccount_huge_nx_page() */
export function unaccount_huge_nx_page(kvm: struct_kvm, sp: struct_kvm_mmu_page): void {
	--kvm.stat.nx_lpage_splits;
	sp.lpage_disallowed = false;
	list_del(sp.lpage_disallowed_link);
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_mmu_write_protect_pt_masked()
 *
 * Write-protects the pages of @mask, a bit for each from @gfn_offset on; those of 4 KiB only.
 */
function kvm_mmu_write_protect_pt_masked(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	gfn_offset: gfn_t, mask: u64_pair): void {
	if (is_tdp_mmu_enabled(kvm))
		kvm_tdp_mmu_clear_dirty_pt_masked(kvm, slot,
			gfn_t(slot.base_gfn + gfn_offset), mask, true);

	if (!kvm_memslots_have_rmaps(kvm))
		return;

	no_shadow_pages();
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_mmu_clear_dirty_pt_masked()
 *
 * The same for the dirty bits, so that the CPU's own log names the pages again; write protection
 * where there are no dirty bits.
 */
function kvm_mmu_clear_dirty_pt_masked(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	gfn_offset: gfn_t, mask: u64_pair): void {
	if (is_tdp_mmu_enabled(kvm))
		kvm_tdp_mmu_clear_dirty_pt_masked(kvm, slot,
			gfn_t(slot.base_gfn + gfn_offset), mask, false);

	if (!kvm_memslots_have_rmaps(kvm))
		return;

	no_shadow_pages();
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_arch_mmu_enable_log_dirty_pt_masked()
 *
 * With mmu_lock held for write. The next write to one of these pages shows in the dirty log.
 */
export function kvm_arch_mmu_enable_log_dirty_pt_masked(kvm: struct_kvm,
	slot: struct_kvm_memory_slot, gfn_offset: gfn_t, mask: u64_pair): void {
	/*
	 * With a log that is all set at first, logging starts without write-protecting huge pages.
	 * They are now, and get split by the first write. gfn_offset is a multiple of 64,
	 * but base_gfn need not be: the range may cross from one huge page to the next.
	 */
	if (kvm_dirty_log_manual_protect_and_init_set(kvm)) {
		const start = gfn_t(slot.base_gfn + gfn_offset + pair_ffs(mask));
		const end = gfn_t(slot.base_gfn + gfn_offset + pair_fls(mask));

		if (READ_ONCE(eager_page_split))
			kvm_mmu_try_split_huge_pages(kvm, slot, start, end, PG_LEVEL_4K);

		kvm_mmu_slot_gfn_write_protect(kvm, slot, start, PG_LEVEL_2M);

		/* the mask may reach into a second one */
		if (ALIGN(start * PAGE_SIZE, PMD_SIZE) !== ALIGN(end * PAGE_SIZE, PMD_SIZE))
			kvm_mmu_slot_gfn_write_protect(kvm, slot, end, PG_LEVEL_2M);
	}

	if (kvm_x86_ops.cpu_dirty_log_size !== 0)
		kvm_mmu_clear_dirty_pt_masked(kvm, slot, gfn_offset, mask);
	else
		kvm_mmu_write_protect_pt_masked(kvm, slot, gfn_offset, mask);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_cpu_dirty_log_size() */
export function kvm_cpu_dirty_log_size(): number {
	return kvm_x86_ops.cpu_dirty_log_size;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_slot_gfn_write_protect(): true if TLBs have to be flushed. */
export function kvm_mmu_slot_gfn_write_protect(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	gfn: gfn_t, min_level: number): boolean {
	let write_protected = false;

	if (kvm_memslots_have_rmaps(kvm))
		write_protected = no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm))
		write_protected =
			kvm_tdp_mmu_write_protect_gfn(kvm, slot, gfn, min_level) || write_protected;

	return write_protected;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_unmap_gfn_range() */
export function kvm_unmap_gfn_range(kvm: struct_kvm, range: struct_kvm_gfn_range): boolean {
	let flush = false;

	if (kvm_memslots_have_rmaps(kvm))
		flush = no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm))
		flush = kvm_tdp_mmu_unmap_gfn_range(kvm, range, flush);

	return flush;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_set_spte_gfn() */
export function kvm_set_spte_gfn(kvm: struct_kvm, range: struct_kvm_gfn_range): boolean {
	let flush = false;

	if (kvm_memslots_have_rmaps(kvm))
		flush = no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm))
		flush = kvm_tdp_mmu_set_spte_gfn(kvm, range) || flush;

	return flush;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_age_gfn() */
export function kvm_age_gfn(kvm: struct_kvm, range: struct_kvm_gfn_range): boolean {
	let young = false;

	if (kvm_memslots_have_rmaps(kvm))
		young = no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm))
		young = kvm_tdp_mmu_age_gfn_range(kvm, range) || young;

	return young;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_test_age_gfn() */
export function kvm_test_age_gfn(kvm: struct_kvm, range: struct_kvm_gfn_range): boolean {
	let young = false;

	if (kvm_memslots_have_rmaps(kvm))
		young = no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm))
		young = kvm_tdp_mmu_test_age_gfn(kvm, range) || young;

	return young;
}

function nonpaging_sync_page(_vcpu: struct_kvm_vcpu, _sp: struct_kvm_mmu_page): number {
	return -1;
}

function kvm_mmu_remote_flush_or_zap(kvm: struct_kvm, invalid_list: struct_list_head,
	remote_flush: boolean): boolean {
	if (!remote_flush && list_empty(invalid_list))
		return false;

	if (!list_empty(invalid_list))
		kvm_mmu_commit_zap_page(kvm, invalid_list);
	else
		kvm_flush_remote_tlbs(kvm);
	return true;
}

function is_obsolete_sp(kvm: struct_kvm, sp: struct_kvm_mmu_page): boolean {
	if (sp.role.invalid !== 0)
		return true;

	/* the generation says nothing of the TDP MMU's pages */
	return sp.tdp_mmu_page !== true &&
	       sp.mmu_valid_gen !== kvm.arch.mmu_valid_gen;
}

/** arch/x86/kvm/mmu/mmu.c:__clear_sp_write_flooding_count() */
function __clear_sp_write_flooding_count(sp: struct_kvm_mmu_page): void {
	atomic_set(sp.write_flooding_count, 0);
}

function shadow_walk_init_using_root(iterator: struct_kvm_shadow_walk_iterator,
	vcpu: struct_kvm_vcpu, root: hpa_t, addr: number): void {
	iterator.addr = addr;
	iterator.shadow_addr = root;
	iterator.level = vcpu.arch.mmu!.root_role.level;
}

function shadow_walk_init(iterator: struct_kvm_shadow_walk_iterator, vcpu: struct_kvm_vcpu,
	addr: number): void {
	shadow_walk_init_using_root(iterator, vcpu, vcpu.arch.mmu!.root.hpa, addr);
}

function shadow_walk_okay(iterator: struct_kvm_shadow_walk_iterator): boolean {
	if (iterator.level < PG_LEVEL_4K)
		return false;

	iterator.index = SPTE_INDEX(iterator.addr, iterator.level);
	iterator.sptep = iterator.shadow_addr / 8 + iterator.index;
	return true;
}

function __shadow_walk_next(iterator: struct_kvm_shadow_walk_iterator, spte: u64_spte): void {
	if (!is_shadow_present_pte(spte) || is_last_spte(spte, iterator.level)) {
		iterator.level = 0;
		return;
	}

	iterator.shadow_addr = hpa_t(pair_frame(spte) * PAGE_SIZE);
	--iterator.level;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_prepare_zap_page(): of pages that are not the TDP MMU's. */
function kvm_mmu_prepare_zap_page(_kvm: struct_kvm, _sp: struct_kvm_mmu_page,
	_invalid_list: struct_list_head): boolean {
	return no_shadow_pages();
}

function kvm_mmu_commit_zap_page(_kvm: struct_kvm, invalid_list: struct_list_head): void {
	if (list_empty(invalid_list))
		return;

	no_shadow_pages();
}

function kvm_mmu_zap_oldest_mmu_pages(kvm: struct_kvm, _nr_to_zap: number): number {
	const total_zapped = 0;

	if (list_empty(kvm.arch.active_mmu_pages))
		return 0;

	no_shadow_pages();
	return total_zapped;
}

function kvm_mmu_available_pages(kvm: struct_kvm): number {
	if (kvm.arch.n_max_mmu_pages > kvm.arch.n_used_mmu_pages)
		return kvm.arch.n_max_mmu_pages -
			kvm.arch.n_used_mmu_pages;

	return 0;
}

/**
 * arch/x86/kvm/mmu/mmu.c:make_mmu_pages_available()
 *
 * A soft limit: one page is enough to go on with. The TDP MMU's pages are not counted.
 */
function make_mmu_pages_available(vcpu: struct_kvm_vcpu): number {
	const avail = kvm_mmu_available_pages(vcpu.kvm);

	if (avail >= KVM_MIN_FREE_MMU_PAGES)
		return 0;

	kvm_mmu_zap_oldest_mmu_pages(vcpu.kvm, KVM_REFILL_PAGES - avail);

	if (kvm_mmu_available_pages(vcpu.kvm) === 0)
		return -ENOSPC;
	return 0;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_change_mmu_pages() */
export function kvm_mmu_change_mmu_pages(kvm: struct_kvm, goal_nr_mmu_pages: number): void {
	write_lock(kvm.mmu_lock);

	if (kvm.arch.n_used_mmu_pages > goal_nr_mmu_pages) {
		kvm_mmu_zap_oldest_mmu_pages(kvm, kvm.arch.n_used_mmu_pages -
						  goal_nr_mmu_pages);

		goal_nr_mmu_pages = kvm.arch.n_used_mmu_pages;
	}

	kvm.arch.n_max_mmu_pages = goal_nr_mmu_pages;

	write_unlock(kvm.mmu_lock);
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_mmu_unprotect_page()
 *
 * 1 if pages were there that shadowed the guest page table at @gfn; there never are.
 */
export function kvm_mmu_unprotect_page(kvm: struct_kvm, _gfn: gfn_t): number {
	const r = 0;

	write_lock(kvm.mmu_lock);
	write_unlock(kvm.mmu_lock);

	return r;
}

function kvm_mmu_unprotect_page_virt(vcpu: struct_kvm_vcpu, gva: gva_t): number {
	if (vcpu.arch.mmu!.root_role.direct !== 0)
		return 0;

	const gpa = kvm_mmu_gva_to_gpa_read(vcpu, gva, null);

	return kvm_mmu_unprotect_page(vcpu.kvm, gpa_to_gfn(gpa));
}

/**
 * arch/x86/kvm/mmu/mmu.c:mmu_try_to_unsync_pages()
 *
 * Whether @gfn may be made writable: -EPERM if its writes are tracked. No page shadows it.
 */
export function mmu_try_to_unsync_pages(kvm: struct_kvm, slot: struct_kvm_memory_slot, gfn: gfn_t,
	_can_unsync: boolean, _prefetch: boolean): number {
	if (kvm_slot_page_track_is_active(kvm, slot, gfn, KVM_PAGE_TRACK_WRITE))
		return -EPERM;

	/* a page that goes unsync does so before the entry becomes writable */
	smp_wmb();

	return 0;
}

/**
 * arch/x86/kvm/mmu/mmu.c:host_pfn_mapping_level()
 *
 * The level at which the host maps @gfn now. Whoever installs a mapping by it must know that no
 * invalidation of the address is under way: by mmu_invalidate_retry_gfn() under mmu_lock
 * afterwards, or by a mapping of KVM's that covers the address already.
 */
function host_pfn_mapping_level(kvm: struct_kvm, gfn: gfn_t, slot: struct_kvm_memory_slot): number {
	let level = PG_LEVEL_4K;

	/* by the slot at hand: gfn_to_hva() would refuse a read-only one */
	const hva = __gfn_to_hva_memslot(slot, gfn);

	/* keeps the tables from being freed under the walk */
	const flags = local_irq_save();

	/* each entry is read once: a huge page may take the place of a table meanwhile */
	out: {
		const pgdp = pgd_offset(kvm.mm!, hva);
		const pgd = READ_ONCE(pgdp_get(pgdp));
		if (pgd_none(pgd))
			break out;

		const p4dp = p4d_offset(pgdp, hva);
		const p4d = READ_ONCE(p4dp_get(p4dp));
		if (p4d_none(p4d) || !p4d_present(p4d))
			break out;

		const pudp = pud_offset_lockless(p4dp, p4d, hva);
		const pud = READ_ONCE(pudp_get(pudp));
		if (pud_none(pud) || !pud_present(pud))
			break out;

		if (pud_large(pud)) {
			level = PG_LEVEL_1G;
			break out;
		}

		const pmd = READ_ONCE(pmdp_get(pmd_offset_lockless(pudp, pud, hva)));
		if (pmd_none(pmd) || !pmd_present(pmd))
			break out;

		if (pmd_large(pmd))
			level = PG_LEVEL_2M;
	}
	local_irq_restore(flags);
	return level;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_max_mapping_level() */
export function kvm_mmu_max_mapping_level(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	gfn: gfn_t, max_level: number): number {
	let linfo: number;

	const { lpage_info } = slot.arch;

	max_level = min(max_level, max_huge_page_level);
	/* where 2 MiB are too large, more is, too */
	if (max_level > PG_LEVEL_2M &&
	    lpage_info[0]![lpage_info_slot(gfn, slot, PG_LEVEL_2M)] !== 0)
		max_level = PG_LEVEL_4K;
	for ( ; max_level > PG_LEVEL_4K; max_level--) {
		linfo = lpage_info_slot(gfn, slot, max_level);
		if (lpage_info[max_level - 2]![linfo] === 0)
			break;
	}

	/* @hunk 7:1 */
	if (kvm_slot_can_be_private(slot) && kvm_mem_is_private(kvm, gfn))
		return max_level;

	if (max_level === PG_LEVEL_4K)
		return PG_LEVEL_4K;

	const host_level = host_pfn_mapping_level(kvm, gfn, slot);
	return min(host_level, max_level);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_hugepage_adjust() */
export function kvm_mmu_hugepage_adjust(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault): void {
	const slot = fault.slot;

	fault.huge_page_disallowed = fault.exec === true && fault.nx_huge_page_workaround_enabled;

	if (fault.max_level === PG_LEVEL_4K)
		return;

	if (is_error_noslot_pfn(fault.pfn))
		return;

	if (kvm_slot_dirty_track_enabled(slot!))
		return;

	/* what could be is noted first: the accounting of split pages goes by it */
	fault.req_level = kvm_mmu_max_mapping_level(vcpu.kvm, slot!,
		fault.gfn, fault.max_level);
	if (fault.req_level === PG_LEVEL_4K || fault.huge_page_disallowed)
		return;

	/* mmu_lock is held and mmu_invalidate_retry() said no: the host's pmd stays */
	fault.goal_level = fault.req_level;
	const mask = KVM_PAGES_PER_HPAGE(fault.goal_level) - 1;
	VM_BUG_ON(ul_and_low(fault.gfn, mask) !== ul_and_low(fault.pfn, mask));
	fault.pfn = kvm_pfn_t(ul_and_not_low(fault.pfn, mask));
}

/** arch/x86/kvm/mmu/mmu.c:disallowed_hugepage_adjust() */
export function disallowed_hugepage_adjust(fault: struct_kvm_page_fault, spte: u64_spte,
	cur_level: number): void {
	if (cur_level > PG_LEVEL_4K &&
	    cur_level === fault.goal_level &&
	    is_shadow_present_pte(spte) &&
	    !is_large_pte(spte)) {
		/*
		 * A table is here, for small pages of the same memory, and stays. One level down
		 * then: pfn takes back the address bits that index this one.
		 */
		const page_mask = KVM_PAGES_PER_HPAGE(cur_level) -
				  KVM_PAGES_PER_HPAGE(cur_level - 1);
		fault.pfn = kvm_pfn_t(ul_or_low(fault.pfn, ul_and_low(fault.gfn, page_mask)));
		fault.goal_level--;
	}
}

/** arch/x86/kvm/mmu/mmu.c:__direct_map(): would build what only the TDP MMU builds here. */
function __direct_map(_vcpu: struct_kvm_vcpu, _fault: struct_kvm_page_fault): number {
	no_shadow_pages();
	return RET_PF_RETRY;
}

function kvm_send_hwpoison_signal(address: hva_t, tsk: struct_task_struct): void {
	send_sig_mceerr(BUS_MCEERR_AR, address, PAGE_SHIFT, tsk);
}

function kvm_handle_bad_page(vcpu: struct_kvm_vcpu, gfn: gfn_t, pfn: kvm_pfn_t): number {
	/* no MMIO entry is made for a write to a read-only slot: its reads are not MMIO */
	if (pfn === KVM_PFN_ERR_RO_FAULT)
		return RET_PF_EMULATE;

	if (pfn === KVM_PFN_ERR_HWPOISON) {
		kvm_send_hwpoison_signal(kvm_vcpu_gfn_to_hva(vcpu, gfn), current);
		return RET_PF_RETRY;
	}

	return -EFAULT;
}

function handle_abnormal_pfn(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault,
	access: number): number {
	if (is_error_pfn(fault.pfn))
		return kvm_handle_bad_page(vcpu, fault.gfn, fault.pfn);

	if (fault.slot === null) {
		const gva = fault.is_tdp ? 0 : fault.addr;

		vcpu_cache_mmio_info(vcpu, gva_t(gva), fault.gfn,
			access & shadow_mmio_access_mask);
		/*
		 * Without MMIO entries there is nothing to install. Nor is there for a gfn beyond
		 * the host's own width, which only a host that is a guest itself can be shown.
		 */
		if (!enable_mmio_caching ||
		    fault.gfn > kvm_mmu_max_gfn())
			return RET_PF_EMULATE;
	}

	return RET_PF_CONTINUE;
}

function page_fault_can_be_fast(fault: struct_kvm_page_fault): boolean {
	/* secure EPT is not the kernel's to mend */
	if (fault.is_private === true)
		return false;

	/* an MMIO entry of an old generation; the full path makes it new */
	if (fault.rsvd === true)
		return false;

	/*
	 * Without accessed bits, an entry that is not present may be one whose accesses are being
	 * tracked. A present one may be write-protected for the dirty log; either is mended
	 * without mmu_lock. A read that faults on a present entry is not.
	 */
	if (fault.present === false)
		return !kvm_ad_enabled();

	/* a fetch is never a write */
	return fault.write;
}

/** arch/x86/kvm/mmu/mmu.c:fast_pf_fix_direct_spte(): false if somebody changed it before. */
function fast_pf_fix_direct_spte(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault,
	sptep: sptep_t, old_spte: u64_spte, new_spte: u64_spte): boolean {
	/*
	 * The dirty bit is left to the CPU: setting it here would want a flush. With a dirty log of
	 * the CPU's this path is rare, and the page is just named twice.
	 */
	if (!mem_cmpxchg64(sptep, old_spte.lo, old_spte.hi, new_spte.lo, new_spte.hi))
		return false;

	if (is_writable_pte(new_spte) && !is_writable_pte(old_spte))
		mark_page_dirty_in_slot(vcpu.kvm, fault.slot, fault.gfn);

	return true;
}

function is_access_allowed(fault: struct_kvm_page_fault, spte: u64_spte): boolean {
	if (fault.exec)
		return is_executable_pte(spte);

	if (fault.write)
		return is_writable_pte(spte);

	/* a read */
	return (spte.lo & PT_PRESENT_MASK) !== 0;
}

/**
 * arch/x86/kvm/mmu/mmu.c:fast_pf_get_last_sptep()
 *
 * The last entry of the walk, with its value in spte.v; 0 if there was no walk. Only good between
 * walk_shadow_page_lockless_begin() and _end().
 */
function fast_pf_get_last_sptep(vcpu: struct_kvm_vcpu, gpa: gpa_t, spte: ref<u64_spte>): sptep_t {
	const iterator = new struct_kvm_shadow_walk_iterator();
	let sptep: sptep_t = 0;

	for (shadow_walk_init(iterator, vcpu, gpa); shadow_walk_okay(iterator);
		__shadow_walk_next(iterator, spte.v)) {
		sptep = iterator.sptep;
		spte.v = mmu_spte_get_lockless(sptep);
	}

	return sptep;
}

/** arch/x86/kvm/mmu/mmu.c:fast_page_fault(): RET_PF_INVALID, RET_PF_FIXED or RET_PF_SPURIOUS. */
function fast_page_fault(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault): number {
	if (!page_fault_can_be_fast(fault))
		return RET_PF_INVALID;

	return fast_page_fault_walk(vcpu, fault);
}

/* the rest of fast_page_fault() */
function fast_page_fault_walk(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault): number {
	let ret = RET_PF_INVALID as number;
	let sptep: sptep_t = 0;
	let retry_count = 0;

	const spte = new ref<u64_spte>(PAIR_ZERO);

	walk_shadow_page_lockless_begin(vcpu);

	do {
		if (is_tdp_mmu(vcpu.arch.mmu!))
			sptep = kvm_tdp_mmu_fast_pf_get_last_sptep(vcpu, fault.addr, spte);
		else
			sptep = fast_pf_get_last_sptep(vcpu, fault.addr, spte);

		if (!is_shadow_present_pte(spte.v))
			break;

		const sp = sptep_to_sp(sptep);
		if (!is_last_spte(spte.v, sp.role.level))
			break;

		/*
		 * Would the access still fault? If not, a TLB was behind, or another CPU was
		 * faster. Tables above allow everything.
		 */
		if (is_access_allowed(fault, spte.v)) {
			ret = RET_PF_SPURIOUS;
			break;
		}

		let new_spte = spte.v;

		/* with accessed bits in use, no entry is tracked by taking its rights away */
		if (!kvm_ad_enabled() && is_access_track_spte(spte.v))
			new_spte = restore_acc_track_spte(new_spte);

		/*
		 * MMU-writable says that only the dirty log, or access tracking, protects it. That
		 * it is not writable is known from is_access_allowed().
		 */
		if (fault.write && is_mmu_writable_spte(spte.v)) {
			new_spte = pair(new_spte.lo | PT_WRITABLE_MASK, new_spte.hi);

			/*
			 * One page gets marked in the log: a huge one has to be split by the full
			 * path first.
			 */
			if (sp.role.level > PG_LEVEL_4K &&
			    kvm_slot_dirty_track_enabled(fault.slot!))
				break;
		}

		if (pair_eq(new_spte, spte.v) ||
		    !is_access_allowed(fault, new_spte))
			break;

		/* a direct mapping: gfn is certain */
		if (fast_pf_fix_direct_spte(vcpu, fault, sptep, spte.v, new_spte)) {
			ret = RET_PF_FIXED;
			break;
		}

		if (++retry_count > 4) {
			printk_once(KERN_WARNING +
				"kvm: Fast #PF retrying more than 4 times.\n");
			break;
		}

	} while (true);

	trace_fast_page_fault(vcpu, fault, sptep, spte.v, ret);
	walk_shadow_page_lockless_end(vcpu);

	if (ret !== RET_PF_INVALID)
		vcpu.stat.pf_fast++;

	return ret;
}

function mmu_free_root_page(kvm: struct_kvm, root: struct_kvm_mmu_root_info,
	invalid_list: struct_list_head): void {
	if (!VALID_PAGE(root.hpa))
		return;

	const sp = to_shadow_page(root.hpa);
	if (WARN_ON(sp === null))
		return;

	if (is_tdp_mmu_page(sp!))
		kvm_tdp_mmu_put_root(kvm, sp!, false);
	else if (--sp!.root_count === 0 && sp!.role.invalid !== 0)
		kvm_mmu_prepare_zap_page(kvm, sp!, invalid_list);

	root.hpa = INVALID_PAGE;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_free_roots(); @roots_to_free: KVM_MMU_ROOT_* */
export function kvm_mmu_free_roots(kvm: struct_kvm, mmu: struct_kvm_mmu, roots_to_free: number):
	void {
	let i: number;

	const free_active_root = (roots_to_free & KVM_MMU_ROOT_CURRENT) !== 0
		&& VALID_PAGE(mmu.root.hpa);

	if (!free_active_root) {
		for (i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++)
			if ((roots_to_free & KVM_MMU_ROOT_PREVIOUS(i)) !== 0 &&
			    VALID_PAGE(mmu.prev_roots[i]!.hpa))
				break;

		if (i === KVM_MMU_NUM_PREV_ROOTS)
			return;
	}

	const invalid_list = LIST_HEAD();

	write_lock(kvm.mmu_lock);

	for (i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++)
		if ((roots_to_free & KVM_MMU_ROOT_PREVIOUS(i)) !== 0)
			mmu_free_root_page(kvm, mmu.prev_roots[i]!, invalid_list);

	if (free_active_root) {
		if (to_shadow_page(mmu.root.hpa) !== null)
			mmu_free_root_page(kvm, mmu.root, invalid_list);
		mmu.root.hpa = INVALID_PAGE;
		mmu.root.pgd = gpa_t(0);
	}

	kvm_mmu_commit_zap_page(kvm, invalid_list);
	write_unlock(kvm.mmu_lock);
}

function mmu_alloc_direct_roots(vcpu: struct_kvm_vcpu): number {
	const mmu = vcpu.arch.mmu!;
	const shadow_root_level = mmu.root_role.level;
	let r: number;

	write_lock(vcpu.kvm.mmu_lock);
	out_unlock: {
		r = make_mmu_pages_available(vcpu);
		if (r < 0)
			break out_unlock;

		if (is_tdp_mmu_enabled(vcpu.kvm)) {
			if (kvm_gfn_shared_mask(vcpu.kvm) !== 0 &&
			    !VALID_PAGE(mmu.private_root_hpa))
				mmu.private_root_hpa =
					kvm_tdp_mmu_get_vcpu_root_hpa(vcpu, true);
			const root = kvm_tdp_mmu_get_vcpu_root_hpa(vcpu);
			mmu.root.hpa = root;
		} else {
			WARN_ONCE(true, "Bad TDP root level = %d\n", shadow_root_level);
			r = -EIO;
			break out_unlock;
		}

		/* no direct MMU has one */
		mmu.root.pgd = gpa_t(0);
	}
	write_unlock(vcpu.kvm.mmu_lock);
	return r;
}

/** arch/x86/kvm/mmu/mmu.c:mmu_alloc_shadow_roots(): every MMU is direct here. */
function mmu_alloc_shadow_roots(_vcpu: struct_kvm_vcpu): number {
	no_shadow_pages();
	return -EIO;
}

function is_unsync_root(root: hpa_t): boolean {
	if (!VALID_PAGE(root))
		return false;

	/* after the entries, as the CPU read them; pairs with mmu_try_to_unsync_pages() */
	smp_rmb();
	const sp = to_shadow_page(root);

	if (WARN_ON_ONCE(sp === null))
		return false;

	if (sp!.unsync || sp!.unsync_children !== 0)
		return true;

	return false;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_sync_roots(): nothing to do for direct MMUs. */
export function kvm_mmu_sync_roots(vcpu: struct_kvm_vcpu): void {
	if (vcpu.arch.mmu!.root_role.direct !== 0)
		return;

	no_shadow_pages();
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_sync_prev_roots() */
export function kvm_mmu_sync_prev_roots(vcpu: struct_kvm_vcpu): void {
	let roots_to_free = 0;

	for (let i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++)
		if (is_unsync_root(vcpu.arch.mmu!.prev_roots[i]!.hpa))
			roots_to_free |= KVM_MMU_ROOT_PREVIOUS(i);

	/* once freed they need no sync */
	kvm_mmu_free_roots(vcpu.kvm, vcpu.arch.mmu!, roots_to_free);
}

function nonpaging_gva_to_gpa(vcpu: struct_kvm_vcpu, mmu: struct_kvm_mmu, vaddr: number,
	access: number, exception: struct_x86_exception | null): gpa_t {
	if (exception !== null)
		exception.error_code = 0;
	return kvm_translate_gpa(vcpu, mmu, gpa_t(vaddr), access, exception);
}

function mmio_info_in_cache(vcpu: struct_kvm_vcpu, addr: number, direct: boolean): boolean {
	/* what a nested guest faults on is no gpa of this one */
	if (mmu_is_nested(vcpu))
		return false;

	if (direct)
		return vcpu_match_mmio_gpa(vcpu, gpa_t(addr));

	return vcpu_match_mmio_gva(vcpu, gva_t(addr));
}

/**
 * arch/x86/kvm/mmu/mmu.c:get_walk()
 *
 * The entries of the walk by level, and the lowest level there is one of; it may be non-present.
 * Between walk_shadow_page_lockless_begin() and _end().
 */
function get_walk(vcpu: struct_kvm_vcpu, addr: number, sptes: u64_spte[],
	root_level: ref<number>): number {
	const iterator = new struct_kvm_shadow_walk_iterator();
	let leaf = -1;
	let spte = PAIR_ZERO;

	for (shadow_walk_init(iterator, vcpu, addr),
	     root_level.v = iterator.level;
	     shadow_walk_okay(iterator);
	     __shadow_walk_next(iterator, spte)) {
		leaf = iterator.level;
		spte = mmu_spte_get_lockless(iterator.sptep);

		sptes[leaf] = spte;
	}

	return leaf;
}

/** arch/x86/kvm/mmu/mmu.c:get_mmio_spte(): true if a valid entry met has reserved bits set. */
function get_mmio_spte(vcpu: struct_kvm_vcpu, addr: number, sptep: ref<u64_spte>): boolean {
	const sptes = new Array<u64_spte>(PT64_ROOT_MAX_LEVEL + 1).fill(PAIR_ZERO);
	const root = new ref<number>(0);
	let leaf: number, level: number;
	let reserved = false;

	walk_shadow_page_lockless_begin(vcpu);

	if (is_tdp_mmu(vcpu.arch.mmu!))
		leaf = kvm_tdp_mmu_get_walk(vcpu, gpa_t(addr), sptes, root);
	else
		leaf = get_walk(vcpu, addr, sptes, root);

	walk_shadow_page_lockless_end(vcpu);

	if (leaf < 0) {
		sptep.v = PAIR_ZERO;
		return reserved;
	}

	sptep.v = sptes[leaf]!;

	/* an MMIO entry, which is not present, has reserved bits on purpose */
	if (!is_shadow_present_pte(sptes[leaf]!))
		leaf++;

	const rsvd_check = vcpu.arch.mmu!.shadow_zero_check;

	for (level = root.v; level >= leaf; level--)
		reserved = is_rsvd_spte(rsvd_check, sptes[level]!, level) || reserved;

	if (reserved) {
		pr_err("%s: reserved bits set on MMU-present spte, addr 0x%llx, hierarchy:\n",
			"get_mmio_spte", addr);
		for (level = root.v; level >= leaf; level--)
			pr_err("------ spte = 0x%llx level = %d, rsvd bits = 0x%llx",
				pair_to_u64(sptes[level]!), level,
				pair_to_u64(get_rsvd_bits(rsvd_check, sptes[level]!, level)));
	}

	return reserved;
}

function handle_mmio_page_fault(vcpu: struct_kvm_vcpu, addr: number, direct: boolean): number {
	if (mmio_info_in_cache(vcpu, addr, direct))
		return RET_PF_EMULATE;

	const spte = new ref<u64_spte>(PAIR_ZERO);
	const reserved = get_mmio_spte(vcpu, addr, spte);
	if (WARN_ON(reserved))
		return -EINVAL;

	if (is_mmio_spte(vcpu.kvm, spte.v)) {
		const gfn = get_mmio_spte_gfn(spte.v);
		const access = get_mmio_spte_access(spte.v);

		if (!check_mmio_spte(vcpu, spte.v))
			return RET_PF_INVALID;

		if (direct)
			addr = 0;

		trace_handle_mmio_page_fault(addr, gfn, access);
		vcpu_cache_mmio_info(vcpu, gva_t(addr), gfn, access);
		return RET_PF_EMULATE;
	}

	/* another CPU has zapped it: let this one fault again */
	return RET_PF_RETRY;
}

function page_fault_handle_page_track(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault):
	boolean {
	if (fault.rsvd === true)
		return false;

	if (fault.present === false || fault.write === false)
		return false;

	/* no entry may make a tracked page writable */
	if (kvm_slot_page_track_is_active(vcpu.kvm, fault.slot, fault.gfn, KVM_PAGE_TRACK_WRITE))
		return true;

	return false;
}

function alloc_apf_token(vcpu: struct_kvm_vcpu): number {
	/* 0 says that there is none */
	const id = vcpu.arch.apf.id;

	if ((id << 12) === 0)
		vcpu.arch.apf.id = 1;

	const token = u32((vcpu.arch.apf.id << 12) | vcpu.vcpu_id);
	vcpu.arch.apf.id = u32(vcpu.arch.apf.id + 1);
	return token;
}

function kvm_arch_setup_async_pf(vcpu: struct_kvm_vcpu, cr2_or_gpa: gpa_t, gfn: gfn_t): boolean {
	const arch = new struct_kvm_arch_async_pf();

	arch.token = alloc_apf_token(vcpu);
	arch.gfn = gfn;
	arch.direct_map = vcpu.arch.mmu!.root_role.direct !== 0;
	arch.cr3 = vcpu.arch.mmu!.get_guest_pgd!(vcpu);

	return kvm_setup_async_pf(vcpu, cr2_or_gpa,
		kvm_vcpu_gfn_to_hva(vcpu, gfn), arch);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_arch_async_page_ready() */
export function kvm_arch_async_page_ready(vcpu: struct_kvm_vcpu, work: struct_kvm_async_pf): void {
	if ((vcpu.arch.mmu!.root_role.direct !== 0) !== work.arch.direct_map ||
	      work.wakeup_all)
		return;

	const r = kvm_mmu_reload(vcpu);
	if (r !== 0)
		return;

	if (vcpu.arch.mmu!.root_role.direct === 0 &&
	      work.arch.cr3 !== vcpu.arch.mmu!.get_guest_pgd!(vcpu))
		return;

	kvm_mmu_do_page_fault(vcpu, work.cr2_or_gpa, 0, true);
}

/** arch/x86/kvm/mmu/mmu.c:order_to_level() @hunk 7:2 */
function order_to_level(order: number): number {
	BUILD_BUG_ON(KVM_MAX_HUGEPAGE_LEVEL > PG_LEVEL_1G);

	if (order >= KVM_HPAGE_GFN_SHIFT(PG_LEVEL_1G))
		return PG_LEVEL_1G;

	if (order >= KVM_HPAGE_GFN_SHIFT(PG_LEVEL_2M))
		return PG_LEVEL_2M;

	return PG_LEVEL_4K;
}

const private_pfn = new ref<kvm_pfn_t>(kvm_pfn_t(0));
const private_order = new ref<number>(0);

/** arch/x86/kvm/mmu/mmu.c:kvm_faultin_pfn_private() */
function kvm_faultin_pfn_private(fault: struct_kvm_page_fault): number {
	const slot = fault.slot!;

	/* tried again it would fail again: as with shared memory, user space has to know */
	const r = kvm_private_mem_get_pfn(slot, fault.gfn, private_pfn, private_order);
	if (r)
		return r;

	fault.pfn = private_pfn.v;
	fault.max_level = Math.min(order_to_level(private_order.v), fault.max_level);
	fault.map_writable = !(slot.flags & KVM_MEM_READONLY);
	return RET_PF_CONTINUE;
}

const private_pages: struct_page[] = [];

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_faultin_pfn_private_mapped(): without files for private memory it is
 * what the slot's user addresses map, pinned.
 */
function kvm_faultin_pfn_private_mapped(fault: struct_kvm_page_fault): number {
	const { slot } = fault;

	fault.map_writable = false;
	fault.pfn = KVM_PFN_ERR_FAULT;
	/* nothing is emulated for a TD by way of private addresses */
	if (slot === null || (slot.flags & KVM_MEM_READONLY) !== 0)
		return RET_PF_CONTINUE;

	private_pages.length = 0;
	if (pin_user_pages_fast(__gfn_to_hva_memslot(slot, fault.gfn), 1,
		FOLL_WRITE | FOLL_LONGTERM, private_pages) !== 1)
		return RET_PF_CONTINUE;

	fault.map_writable = true;
	fault.pfn = kvm_pfn_t(page_to_pfn(private_pages[0]!));
	/* what is around it need not be what is around the gfn */
	fault.max_level = PG_LEVEL_4K;
	return RET_PF_CONTINUE;
}

/** The fault is done with its page; a TD that has it now has pinned it itself. */
function kvm_release_pfn_private(fault: struct_kvm_page_fault): void {
	if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
		kvm_private_mem_put_pfn(fault.slot!, fault.pfn);
	else
		unpin_user_page(pfn_to_page(pfn_nr(fault.pfn)));
}

/** User space is to make the gfn what the guest takes it for. */
function kvm_memory_fault(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault): number {
	vcpu.run.exit_reason = KVM_EXIT_MEMORY_FAULT;
	if (fault.is_private === true)
		vcpu.run.memory.flags = KVM_MEMORY_EXIT_FLAG_PRIVATE;
	else
		vcpu.run.memory.flags = 0;
	vcpu.run.memory.padding = 0;
	vcpu.run.memory.gpa = BigInt(fault.gfn) << BigInt(PAGE_SHIFT);
	vcpu.run.memory.size = BigInt(PAGE_SIZE);
	return RET_PF_USER;
}

/* out parameters of __gfn_to_pfn_memslot(); read before anything else can run */
const faultin_async = new ref<boolean>(false);
const faultin_writable = new ref<boolean>(false);
const faultin_hva = new wide_ref<hva_t>(hva_t(0));

function kvm_faultin_pfn(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault): number {
	const slot = fault.slot;

	/*
	 * @hunk 7:3: where there is no private memory, a private access is wrong, too. First: of
	 * KVM's own slots, and of slots on their way out, user space is to hear the same.
	 */
	if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM) && (kvm_slot_can_be_private(slot) ?
	    fault.is_private !== kvm_mem_is_private(vcpu.kvm, fault.gfn) :
	    fault.is_private === true)) {
		/* ahead of the guest, which has not made this access yet: nobody is to know */
		if (fault.prefetch)
			return RET_PF_RETRY;
		return kvm_memory_fault(vcpu, fault);
	}

	/*
	 * A slot on its way out. What is mapped by it is zapped before anything, an MMIO entry say,
	 * can be installed for the gfn.
	 */
	if (slot !== null && (slot.flags & KVM_MEMSLOT_INVALID) !== 0)
		return RET_PF_RETRY;

	if (!kvm_is_visible_memslot(slot)) {
		/* a nested guest sees no slots of KVM's own */
		if (is_guest_mode(vcpu)) {
			fault.slot = null;
			fault.pfn = KVM_PFN_NOSLOT;
			fault.map_writable = false;
			return RET_PF_CONTINUE;
		}
		/*
		 * The APIC access page, while it must not be used: no MMIO entry is made, so that
		 * none is in the way when it may be again.
		 */
		if (slot !== null && slot.id === APIC_ACCESS_PAGE_PRIVATE_MEMSLOT &&
		    !kvm_apicv_activated(vcpu.kvm))
			return RET_PF_EMULATE;
	}

	if (fault.is_private && !IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
		return kvm_faultin_pfn_private_mapped(fault);

	if (fault.is_private) {
		/* what was put off was shared; private memory is for those who ask for it */
		return fault.prefetch ? RET_PF_RETRY : kvm_faultin_pfn_private(fault);
	}

	faultin_async.v = false;
	/* (a comparison's result: V8 then knows that what it stores is no object) */
	faultin_writable.v = fault.map_writable === true;
	fault.pfn = __gfn_to_pfn_memslot(slot, fault.gfn, false, faultin_async,
		fault.write === true, faultin_writable,
		faultin_hva);
	fault.map_writable = faultin_writable.v === true;
	fault.hva = faultin_hva.v;
	if (faultin_async.v === false)
		return RET_PF_CONTINUE;

	if (!fault.prefetch && kvm_can_do_async_pf(vcpu)) {
		trace_kvm_try_async_get_page(fault.addr, fault.gfn);
		if (kvm_find_async_pf_gfn(vcpu, fault.gfn)) {
			trace_kvm_async_pf_repeated_fault(fault.addr, fault.gfn);
			kvm_make_request(KVM_REQ_APF_HALT, vcpu);
			return RET_PF_RETRY;
		} else if (kvm_arch_setup_async_pf(vcpu, fault.addr, fault.gfn)) {
			return RET_PF_RETRY;
		}
	}

	fault.pfn = __gfn_to_pfn_memslot(slot, fault.gfn, false, null,
		fault.write, faultin_writable,
		faultin_hva);
	fault.map_writable = faultin_writable.v;
	fault.hva = faultin_hva.v;
	return RET_PF_CONTINUE;
}

/**
 * arch/x86/kvm/mmu/mmu.c:is_page_fault_stale()
 *
 * With mmu_lock held. True if the root, or what @mmu_seq stands for, was invalidated meanwhile.
 */
function is_page_fault_stale(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault,
	mmu_seq: number): boolean {
	const sp = root_to_sp(vcpu.arch.mmu!.root);

	if (sp !== null && is_obsolete_sp(vcpu.kvm, sp))
		return true;

	/* of such a root, only a pending request says that it may be obsolete */
	if (sp === null && kvm_test_request(KVM_REQ_MMU_FREE_OBSOLETE_ROOTS, vcpu))
		return true;

	return fault.slot !== null &&
	       mmu_invalidate_retry_gfn(vcpu.kvm, mmu_seq, fault.gfn); /* @hunk 4:1 */
}

function direct_page_fault(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault): number {
	const is_tdp_mmu_fault = is_tdp_mmu(vcpu.arch.mmu!);
	const { kvm } = vcpu;

	const gfn = kvm_gfn_to_private(kvm, gpa_to_gfn(fault.addr));
	fault.gfn = gfn;
	fault.slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);

	if (page_fault_handle_page_track(vcpu, fault))
		return RET_PF_EMULATE;

	let r = fast_page_fault(vcpu, fault);
	if (r !== RET_PF_INVALID)
		return r;

	r = mmu_topup_memory_caches(vcpu, false);
	if (r !== 0)
		return r;

	const mmu_seq = kvm.mmu_invalidate_seq;
	smp_rmb();

	if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING) && kvm_gfn_shared_mask(kvm) === 0)
		fault.is_private = kvm_private_mem_access_testing(kvm, fault.slot, gfn);

	r = kvm_faultin_pfn(vcpu, fault);
	if (r !== RET_PF_CONTINUE)
		return r;

	r = handle_abnormal_pfn(vcpu, fault, ACC_ALL);
	if (r !== RET_PF_CONTINUE)
		return r;

	r = RET_PF_RETRY;

	if (is_tdp_mmu_fault)
		read_lock(kvm.mmu_lock);
	else
		write_lock(kvm.mmu_lock);

	out_unlock: {
		if (is_page_fault_stale(vcpu, fault, mmu_seq))
			break out_unlock;

		r = make_mmu_pages_available(vcpu);
		if (r !== 0)
			break out_unlock;

		if (is_tdp_mmu_fault)
			r = kvm_tdp_mmu_map(vcpu, fault);
		else
			r = __direct_map(vcpu, fault);
	}
	if (is_tdp_mmu_fault)
		read_unlock(kvm.mmu_lock);
	else
		write_unlock(kvm.mmu_lock);

	/* @hunk 7:4 */
	if (fault.is_private)
		kvm_release_pfn_private(fault);
	else
		kvm_release_pfn_clean(fault.pfn);
	return r;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_handle_page_fault(): a #PF of the guest that KVM intercepts. */
export function kvm_handle_page_fault(vcpu: struct_kvm_vcpu, error_code: number,
	fault_address: number, insn: Uint8Array | null, insn_len: number): number {
	let r = 1;
	const flags = vcpu.arch.apf.host_apf_flags;

	if (flags === 0) {
		trace_kvm_page_fault(fault_address, error_code);

		if (kvm_event_needs_reinjection(vcpu))
			kvm_mmu_unprotect_page_virt(vcpu, gva_t(fault_address));
		r = kvm_mmu_page_fault(vcpu, gpa_t(fault_address), error_code, insn,
			insn_len);
	} else {
		/* the host is no guest that could be told of a page by way of a #PF */
		WARN_ONCE(true, "Unexpected host async PF flags: %x\n", flags);
	}

	return r;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_tdp_page_fault() */
export function kvm_tdp_page_fault(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault): number {
	/*
	 * With devices whose DMA does not snoop caches, the guest's MTRRs choose the memory type:
	 * no mapping may then span two types.
	 */
	if (!pair_is_zero(shadow_memtype_mask) && kvm_arch_has_noncoherent_dma(vcpu.kvm)) {
		for ( ; fault.max_level > PG_LEVEL_4K; --fault.max_level) {
			const page_num = KVM_PAGES_PER_HPAGE(fault.max_level);
			const base = gfn_t(ul_and_not_low(gpa_to_gfn(fault.addr), page_num - 1));

			if (kvm_mtrr_check_gfn_range_consistency(vcpu, base, page_num))
				break;
		}
	}

	return direct_page_fault(vcpu, fault);
}

function is_root_usable(root: struct_kvm_mmu_root_info, pgd: gpa_t, role: kvm_mmu_page_role):
	boolean {
	return (role.direct !== 0 || pgd === root.pgd) &&
	       VALID_PAGE(root.hpa) &&
	       role.word === to_shadow_page(root.hpa)!.role.word;
}

/** Port-only: swap(*a, *b) */
function swap_roots(a: struct_kvm_mmu_root_info, b: struct_kvm_mmu_root_info): void {
	const pgd = a.pgd, hpa = a.hpa;

	a.pgd = b.pgd;
	a.hpa = b.hpa;
	b.pgd = pgd;
	b.hpa = hpa;
}

/**
 * arch/x86/kvm/mmu/mmu.c:cached_root_find_and_keep_current()
 *
 * True: mmu->root fits now, by itself or out of the cache, where the current one is the most recent
 * then. False: it is invalid, and the least recent one was freed to make room.
 */
function cached_root_find_and_keep_current(kvm: struct_kvm, mmu: struct_kvm_mmu, new_pgd: gpa_t,
	new_role: kvm_mmu_page_role): boolean {
	if (is_root_usable(mmu.root, new_pgd, new_role))
		return true;

	for (let i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++) {
		/* entry i comes to the front, those before it have moved back by one: LRU order */
		swap_roots(mmu.root, mmu.prev_roots[i]!);
		if (is_root_usable(mmu.root, new_pgd, new_role))
			return true;
	}

	kvm_mmu_free_roots(kvm, mmu, KVM_MMU_ROOT_CURRENT);
	return false;
}

/**
 * arch/x86/kvm/mmu/mmu.c:cached_root_find_without_current()
 *
 * mmu->root is invalid. True: it was found in the cache, which has an invalid entry at its end now.
 */
function cached_root_find_without_current(_kvm: struct_kvm, mmu: struct_kvm_mmu, new_pgd: gpa_t,
	new_role: kvm_mmu_page_role): boolean {
	let i: number;

	hit: {
		for (i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++)
			if (is_root_usable(mmu.prev_roots[i]!, new_pgd, new_role))
				break hit;

		return false;
	}
	swap_roots(mmu.root, mmu.prev_roots[i]!);
	/* close the gap */
	for (; i < KVM_MMU_NUM_PREV_ROOTS - 1; i++) {
		mmu.prev_roots[i]!.pgd = mmu.prev_roots[i + 1]!.pgd;
		mmu.prev_roots[i]!.hpa = mmu.prev_roots[i + 1]!.hpa;
	}
	mmu.prev_roots[i]!.hpa = INVALID_PAGE;
	return true;
}

function fast_pgd_switch(kvm: struct_kvm, mmu: struct_kvm_mmu, new_pgd: gpa_t,
	new_role: kvm_mmu_page_role): boolean {
	/* roots without a page of their own are not kept */
	if (VALID_PAGE(mmu.root.hpa) && to_shadow_page(mmu.root.hpa) === null)
		kvm_mmu_free_roots(kvm, mmu, KVM_MMU_ROOT_CURRENT);

	if (VALID_PAGE(mmu.root.hpa))
		return cached_root_find_and_keep_current(kvm, mmu, new_pgd, new_role);
	else
		return cached_root_find_without_current(kvm, mmu, new_pgd, new_role);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_new_pgd() */
export function kvm_mmu_new_pgd(vcpu: struct_kvm_vcpu, new_pgd: gpa_t): void {
	const mmu = vcpu.arch.mmu!;
	const new_role = mmu.root_role;

	/* without one, kvm_mmu_reload() makes it */
	if (!fast_pgd_switch(vcpu.kvm, mmu, new_pgd, new_role))
		return;

	/* an obsolete one gets freed by the request that came with the change of generation */
	kvm_make_request(KVM_REQ_LOAD_MMU_PGD, vcpu);

	if (force_flush_and_sync_on_reuse) {
		kvm_make_request(KVM_REQ_MMU_SYNC, vcpu);
		kvm_make_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu);
	}

	/* with other page tables, its gva may lead to another gpa */
	vcpu_clear_mmio_info(vcpu, MMIO_GVA_ANY);

	if (new_role.direct === 0)
		__clear_sp_write_flooding_count(
			to_shadow_page(vcpu.arch.mmu!.root.hpa)!);
}

function get_cr3(vcpu: struct_kvm_vcpu): number {
	return kvm_read_cr3(vcpu);
}

function __reset_rsvds_bits_mask(rsvd_check: struct_rsvd_bits_validate, pa_bits_rsvd: u64_pair,
	level: number, nx: boolean, gbpages: boolean, pse: boolean, amd: boolean): void {
	const [small, large] = rsvd_check.rsvd_bits_mask as [u64_pair[], u64_pair[]];
	let gbpages_bit_rsvd = PAIR_ZERO;
	let nonleaf_bit8_rsvd = PAIR_ZERO;
	let high_bits_rsvd: u64_pair;

	rsvd_check.bad_mt_xwr = PAIR_ZERO;
	rsvd_check.good_lo = -1;

	if (!gbpages)
		gbpages_bit_rsvd = rsvd_bits(7, 7);

	if (level === PT32E_ROOT_LEVEL)
		high_bits_rsvd = pair_and(pa_bits_rsvd, rsvd_bits(0, 62));
	else
		high_bits_rsvd = pair_and(pa_bits_rsvd, rsvd_bits(0, 51));

	if (!nx)
		high_bits_rsvd = pair_or(high_bits_rsvd, rsvd_bits(63, 63));

	/* G in leaves; AMD alone reserves it in entries of the upper levels that are none */
	if (amd)
		nonleaf_bit8_rsvd = rsvd_bits(8, 8);

	switch (level) {
	case PT32_ROOT_LEVEL:
		small[1] = PAIR_ZERO;
		small[0] = PAIR_ZERO;
		large[0] = small[0];

		if (!pse) {
			large[1] = PAIR_ZERO;
			break;
		}

		/* PSE-36 */
		large[1] = rsvd_bits(17, 21);
		break;
	case PT32E_ROOT_LEVEL:
		small[2] = pair_or(pair_or(rsvd_bits(63, 63), high_bits_rsvd),
			pair_or(rsvd_bits(5, 8), rsvd_bits(1, 2)));	/* PDPTE */
		small[1] = high_bits_rsvd;	/* PDE */
		small[0] = high_bits_rsvd;	/* PTE */
		large[1] = pair_or(high_bits_rsvd, rsvd_bits(13, 20));	/* large page */
		large[0] = small[0];
		break;
	case PT64_ROOT_5LEVEL:
		small[4] = pair_or(pair_or(high_bits_rsvd, nonleaf_bit8_rsvd), rsvd_bits(7, 7));
		large[4] = small[4];
		/* fallthrough */
	case PT64_ROOT_4LEVEL:
		small[3] = pair_or(pair_or(high_bits_rsvd, nonleaf_bit8_rsvd), rsvd_bits(7, 7));
		small[2] = pair_or(high_bits_rsvd, gbpages_bit_rsvd);
		small[1] = high_bits_rsvd;
		small[0] = high_bits_rsvd;
		large[3] = small[3];
		large[2] = pair_or(pair_or(high_bits_rsvd, gbpages_bit_rsvd), rsvd_bits(13, 29));
		large[1] = pair_or(high_bits_rsvd, rsvd_bits(13, 20));	/* large page */
		large[0] = small[0];
		break;
	}
}

/** The hardware that walks the guest's tables goes by what it has, whatever CPUID says. */
function guest_can_use_gbpages(vcpu: struct_kvm_vcpu): boolean {
	return tdp_enabled ? boot_cpu_has(X86_FEATURE_GBPAGES) :
			     guest_cpuid_has(vcpu, X86_FEATURE_GBPAGES);
}

function reset_guest_rsvds_bits_mask(vcpu: struct_kvm_vcpu, context: struct_kvm_mmu): void {
	__reset_rsvds_bits_mask(context.guest_rsvd_check,
		vcpu.arch.reserved_gpa_bits,
		context.cpu_role.base.level, is_efer_nx(context),
		guest_can_use_gbpages(vcpu),
		is_cr4_pse(context),
		guest_cpuid_is_amd_or_hygon(vcpu));
}

/** ~0UL / 0xff * x */
function REPEAT_BYTE(x: number): u64_pair {
	const word = Math.imul(x, 0x01010101);
	return pair(word, word);
}

function __reset_rsvds_bits_mask_ept(rsvd_check: struct_rsvd_bits_validate, pa_bits_rsvd: u64_pair,
	execonly: boolean, huge_page_level: number): void {
	const [small, large] = rsvd_check.rsvd_bits_mask as [u64_pair[], u64_pair[]];
	const high_bits_rsvd = pair_and(pa_bits_rsvd, rsvd_bits(0, 51));
	let large_1g_rsvd = PAIR_ZERO, large_2m_rsvd = PAIR_ZERO;
	let bad_mt_xwr: u64_pair;

	if (huge_page_level < PG_LEVEL_1G)
		large_1g_rsvd = rsvd_bits(7, 7);
	if (huge_page_level < PG_LEVEL_2M)
		large_2m_rsvd = rsvd_bits(7, 7);

	small[4] = pair_or(high_bits_rsvd, rsvd_bits(3, 7));
	small[3] = pair_or(high_bits_rsvd, rsvd_bits(3, 7));
	small[2] = pair_or(pair_or(high_bits_rsvd, rsvd_bits(3, 6)), large_1g_rsvd);
	small[1] = pair_or(pair_or(high_bits_rsvd, rsvd_bits(3, 6)), large_2m_rsvd);
	small[0] = high_bits_rsvd;

	/* large page */
	large[4] = small[4];
	large[3] = small[3];
	large[2] = pair_or(pair_or(high_bits_rsvd, rsvd_bits(12, 29)), large_1g_rsvd);
	large[1] = pair_or(pair_or(high_bits_rsvd, rsvd_bits(12, 20)), large_2m_rsvd);
	large[0] = small[0];

	/* memory types 2, 3 and 7 do not exist */
	bad_mt_xwr = pair(0xff << (2 * 8), 0);
	bad_mt_xwr = pair_or(bad_mt_xwr, pair(0xff << (3 * 8), 0));
	bad_mt_xwr = pair_or(bad_mt_xwr, pair(0, 0xff << (3 * 8)));
	/* writable takes readable */
	bad_mt_xwr = pair_or(bad_mt_xwr, REPEAT_BYTE(1 << 2));
	bad_mt_xwr = pair_or(bad_mt_xwr, REPEAT_BYTE(1 << 6));
	if (!execonly) {
		bad_mt_xwr = pair_or(bad_mt_xwr, REPEAT_BYTE(1 << 4));
	}
	rsvd_check.bad_mt_xwr = bad_mt_xwr;
	rsvd_check.good_lo = -1;
}

function reserved_hpa_bits(): u64_pair {
	return rsvd_bits(shadow_phys_bits, 63);
}

function boot_cpu_is_amd(): boolean {
	WARN_ON_ONCE(!tdp_enabled);
	return pair_is_zero(shadow_x_mask);
}

/** arch/x86/kvm/mmu/mmu.c:reset_tdp_shadow_zero_bits_mask(): of entries in the CPU's format. */
function reset_tdp_shadow_zero_bits_mask(context: struct_kvm_mmu): void {
	const shadow_zero_check = context.shadow_zero_check;

	if (boot_cpu_is_amd())
		__reset_rsvds_bits_mask(shadow_zero_check, reserved_hpa_bits(),
			context.root_role.level, true,
			boot_cpu_has(X86_FEATURE_GBPAGES),
			false, true);
	else
		__reset_rsvds_bits_mask_ept(shadow_zero_check,
			reserved_hpa_bits(), false,
			max_huge_page_level);

	if (pair_is_zero(shadow_me_mask))
		return;

	const [small, large] = shadow_zero_check.rsvd_bits_mask as [u64_pair[], u64_pair[]];
	for (let i = context.root_role.level; --i >= 0;) {
		small[i] = pair_andnot(small[i]!, shadow_me_mask);
		large[i] = pair_andnot(large[i]!, shadow_me_mask);
	}
}

/** A bit for each set of rights (ACC_*) that has one of @access. */
function BYTE_MASK(access: number): number {
	return ((1 & access) !== 0 ? 2 : 0) |
	       ((2 & access) !== 0 ? 4 : 0) |
	       ((3 & access) !== 0 ? 8 : 0) |
	       ((4 & access) !== 0 ? 16 : 0) |
	       ((5 & access) !== 0 ? 32 : 0) |
	       ((6 & access) !== 0 ? 64 : 0) |
	       ((7 & access) !== 0 ? 128 : 0);
}

function update_permission_bitmask(mmu: struct_kvm_mmu, ept: boolean): void {
	const x = BYTE_MASK(ACC_EXEC_MASK);
	const w = BYTE_MASK(ACC_WRITE_MASK);
	const u = BYTE_MASK(ACC_USER_MASK);

	const cr4_smep = is_cr4_smep(mmu);
	const cr4_smap = is_cr4_smap(mmu);
	const cr0_wp = is_cr0_wp(mmu);
	const efer_nx = is_efer_nx(mmu);

	for (let byte = 0; byte < mmu.permissions.length; ++byte) {
		const pfec = byte << 1;

		/* each has a bit for the rights with which the access of pfec faults */

		/* a write, W clear */
		let wf = (pfec & PFERR_WRITE_MASK) !== 0 ? ~w : 0;
		/* CPL 3, U clear */
		const uf = (pfec & PFERR_USER_MASK) !== 0 ? ~u : 0;
		/* a fetch, NX set */
		let ff = (pfec & PFERR_FETCH_MASK) !== 0 ? ~x : 0;
		/* SMEP */
		let smepf = 0;
		/* SMAP */
		let smapf = 0;

		if (!ept) {
			/* below CPL 3, U set: what the last two are about */
			const kf = (pfec & PFERR_USER_MASK) !== 0 ? 0 : u;

			if (!efer_nx)
				ff = 0;

			/* without CR0.WP only user mode minds W */
			if (!cr0_wp)
				wf = (pfec & PFERR_USER_MASK) !== 0 ? wf : 0;

			if (cr4_smep)
				smepf = (pfec & PFERR_FETCH_MASK) !== 0 ? kf : 0;

			/*
			 * Data accesses of the kernel to user pages, unless EFLAGS.AC excuses them:
			 * permission_fault() says so by PFERR_RSVD_MASK.
			 */
			if (cr4_smap)
				smapf = (pfec & (PFERR_RSVD_MASK | PFERR_FETCH_MASK)) !== 0 ?
					0 : kf;
		}

		mmu.permissions[byte] = ff | uf | wf | smepf | smapf;
	}
}

/*
 * Protection keys, for accesses to user pages that are no fetches, with CR4.PKE in long mode. What
 * PKRU says is ANDed with this mask: its two bits, at the error code without P and with the page's
 * U bit in RSVD's place, are 0 where PKRU has no say; the upper one (WD) only counts for writes,
 * those of a user or under CR0.WP.
 */
function update_pkru_bitmask(mmu: struct_kvm_mmu): void {
	mmu.pkru_mask = 0;

	if (!is_cr4_pke(mmu))
		return;

	const wp = is_cr0_wp(mmu);

	for (let bit = 0; bit < mmu.permissions.length; ++bit) {
		const pfec = bit << 1;
		const ff = (pfec & PFERR_FETCH_MASK) !== 0;
		const uf = (pfec & PFERR_USER_MASK) !== 0;
		const wf = (pfec & PFERR_WRITE_MASK) !== 0;

		/* the U bit in that place */
		const pte_user = (pfec & PFERR_RSVD_MASK) !== 0;

		const check_pkey = !ff && pte_user;
		const check_write = check_pkey && wf && (uf || wp);

		/* AD: no access at all */
		let pkey_bits = check_pkey ? 1 : 0;
		/* WD: no writing */
		pkey_bits |= (check_write ? 1 : 0) << 1;

		mmu.pkru_mask = u32(mmu.pkru_mask | (pkey_bits & 3) << pfec);
	}
}

function reset_guest_paging_metadata(vcpu: struct_kvm_vcpu, mmu: struct_kvm_mmu): void {
	if (!is_cr0_pg(mmu))
		return;

	reset_guest_rsvds_bits_mask(vcpu, mmu);
	update_permission_bitmask(mmu, false);
	update_pkru_bitmask(mmu);
}

function kvm_calc_cpu_role(vcpu: struct_kvm_vcpu, regs: struct_kvm_mmu_role_regs): kvm_cpu_role {
	const role = new kvm_cpu_role();

	role.base.access = ACC_ALL;
	role.base.smm = is_smm(vcpu);
	role.base.guest_mode = is_guest_mode(vcpu);
	role.ext.valid = 1;

	if (!____is_cr0_pg(regs)) {
		role.base.direct = 1;
		return role;
	}

	role.base.efer_nx = ____is_efer_nx(regs);
	role.base.cr0_wp = ____is_cr0_wp(regs);
	role.base.smep_andnot_wp = ____is_cr4_smep(regs) && !____is_cr0_wp(regs);
	role.base.smap_andnot_wp = ____is_cr4_smap(regs) && !____is_cr0_wp(regs);
	role.base.has_4_byte_gpte = !____is_cr4_pae(regs);

	if (____is_efer_lma(regs))
		role.base.level = ____is_cr4_la57(regs) ? PT64_ROOT_5LEVEL
							: PT64_ROOT_4LEVEL;
	else if (____is_cr4_pae(regs))
		role.base.level = PT32E_ROOT_LEVEL;
	else
		role.base.level = PT32_ROOT_LEVEL;

	role.ext.cr4_smep = ____is_cr4_smep(regs);
	role.ext.cr4_smap = ____is_cr4_smap(regs);
	role.ext.cr4_pse = ____is_cr4_pse(regs);

	role.ext.cr4_pke = ____is_efer_lma(regs) && ____is_cr4_pke(regs);
	role.ext.cr4_la57 = ____is_efer_lma(regs) && ____is_cr4_la57(regs);
	role.ext.efer_lma = ____is_efer_lma(regs);
	return role;
}

function kvm_mmu_get_tdp_level(vcpu: struct_kvm_vcpu): number {
	/* secure EPT's, whatever CPUID says */
	const shared = kvm_gfn_shared_mask(vcpu.kvm);
	if (shared !== 0)
		return shared > 2 ** (48 - PAGE_SHIFT) ? PT64_ROOT_5LEVEL : PT64_ROOT_4LEVEL;

	if (tdp_root_level !== 0)
		return tdp_root_level;

	if (max_tdp_level === 5 && cpuid_maxphyaddr(vcpu) <= 48)
		return 4;

	return max_tdp_level;
}

function kvm_calc_tdp_mmu_root_page_role(vcpu: struct_kvm_vcpu, cpu_role: kvm_cpu_role):
	kvm_mmu_page_role {
	const role = new kvm_mmu_page_role();

	role.access = ACC_ALL;
	role.cr0_wp = true;
	role.efer_nx = true;
	role.smm = cpu_role.base.smm;
	role.guest_mode = cpu_role.base.guest_mode;
	role.ad_disabled = !kvm_ad_enabled();
	role.level = kvm_mmu_get_tdp_level(vcpu);
	role.direct = true;
	role.has_4_byte_gpte = false;

	return role;
}

function init_kvm_tdp_mmu(vcpu: struct_kvm_vcpu, cpu_role: kvm_cpu_role): void {
	const context = vcpu.arch.root_mmu;
	const root_role = kvm_calc_tdp_mmu_root_page_role(vcpu, cpu_role);

	if (kvm_cpu_role_eq(cpu_role, context.cpu_role) &&
	    root_role.word === context.root_role.word)
		return;

	kvm_cpu_role_copy(context.cpu_role, cpu_role);
	context.root_role.word = root_role.word;
	context.page_fault = kvm_tdp_page_fault;
	context.sync_page = nonpaging_sync_page;
	context.invlpg = null;
	context.get_guest_pgd = get_cr3;
	context.get_pdptr = kvm_pdptr_read;
	context.inject_page_fault = kvm_inject_page_fault;

	if (!is_cr0_pg(context))
		context.gva_to_gpa = nonpaging_gva_to_gpa;
	else if (is_cr4_pae(context))
		context.gva_to_gpa = paging64_gva_to_gpa;
	else
		context.gva_to_gpa = paging32_gva_to_gpa;

	reset_guest_paging_metadata(vcpu, context);
	reset_tdp_shadow_zero_bits_mask(context);
}

/** arch/x86/kvm/mmu/mmu.c:init_kvm_softmmu(): shadow paging; no VM gets that far. */
function init_kvm_softmmu(_vcpu: struct_kvm_vcpu, _cpu_role: kvm_cpu_role): void {
	no_shadow_pages();
}

/** arch/x86/kvm/mmu/mmu.c:kvm_init_mmu() */
export function kvm_init_mmu(vcpu: struct_kvm_vcpu): void {
	const regs = vcpu_to_role_regs(vcpu);
	const cpu_role = kvm_calc_cpu_role(vcpu, regs);

	if (tdp_enabled)
		init_kvm_tdp_mmu(vcpu, cpu_role);
	else
		init_kvm_softmmu(vcpu, cpu_role);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_after_set_cpuid() */
export function kvm_mmu_after_set_cpuid(vcpu: struct_kvm_vcpu): void {
	/* reserved bits go by CPUID, which is no part of a role: have them computed again */
	vcpu.arch.root_mmu.root_role.word = 0;
	vcpu.arch.root_mmu.cpu_role.ext.valid = 0;
	kvm_mmu_reset_context(vcpu);

	/* CPUID does not change any more once the vCPU has run; see kvm_arch_vcpu_ioctl() */
	KVM_BUG_ON(vcpu.arch.last_vmentry_cpu !== -1, vcpu.kvm);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_reset_context() */
export function kvm_mmu_reset_context(vcpu: struct_kvm_vcpu): void {
	kvm_mmu_unload(vcpu);
	kvm_init_mmu(vcpu);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_load() */
export function kvm_mmu_load(vcpu: struct_kvm_vcpu): number {
	let r: number;

	out: {
		r = mmu_topup_memory_caches(vcpu, vcpu.arch.mmu!.root_role.direct === 0);
		if (r !== 0)
			break out;
		if (vcpu.arch.mmu!.root_role.direct !== 0)
			r = mmu_alloc_direct_roots(vcpu);
		else
			r = mmu_alloc_shadow_roots(vcpu);
		if (r !== 0)
			break out;

		kvm_mmu_sync_roots(vcpu);

		kvm_mmu_load_pgd(vcpu);

		/*
		 * Where the root comes from is not known, nor what TLBs hold of its page's past. To
		 * flush here is what allows not to flush when a root is freed.
		 */
		kvm_x86_ops.flush_tlb_current(vcpu);
	}
	return r;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_unload() */
export function kvm_mmu_unload(vcpu: struct_kvm_vcpu): void {
	const kvm = vcpu.kvm;

	kvm_mmu_free_roots(kvm, vcpu.arch.root_mmu, KVM_MMU_ROOTS_ALL);
	WARN_ON(VALID_PAGE(vcpu.arch.root_mmu.root.hpa));
	vcpu_clear_mmio_info(vcpu, MMIO_GVA_ANY);
}

/** arch/x86/kvm/mmu/mmu.c:is_obsolete_root(): true too for one without a page of its own. */
function is_obsolete_root(kvm: struct_kvm, root_hpa: hpa_t): boolean {
	if (!VALID_PAGE(root_hpa))
		return false;

	const sp = to_shadow_page(root_hpa);
	return sp === null || is_obsolete_sp(kvm, sp);
}

function __kvm_mmu_free_obsolete_roots(kvm: struct_kvm, mmu: struct_kvm_mmu): void {
	let roots_to_free = 0;

	if (is_obsolete_root(kvm, mmu.root.hpa))
		roots_to_free |= KVM_MMU_ROOT_CURRENT;

	for (let i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++) {
		if (is_obsolete_root(kvm, mmu.prev_roots[i]!.hpa))
			roots_to_free |= KVM_MMU_ROOT_PREVIOUS(i);
	}

	if (roots_to_free !== 0)
		kvm_mmu_free_roots(kvm, mmu, roots_to_free);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_free_obsolete_roots() */
export function kvm_mmu_free_obsolete_roots(vcpu: struct_kvm_vcpu): void {
	__kvm_mmu_free_obsolete_roots(vcpu.kvm, vcpu.arch.root_mmu);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_pte_write(): of interest only while guest tables are shadowed. */
function kvm_mmu_pte_write(vcpu: struct_kvm_vcpu, _gpa: gpa_t, _new: Uint8Array, _bytes: number,
	_node: struct_kvm_page_track_notifier_node): void {
	WARN_ON_ONCE(READ_ONCE(vcpu.kvm.arch.indirect_shadow_pages) !== 0);
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_mmu_page_fault()
 *
 * 1: the guest may go on. 0: exit to user space. Below 0: an errno for it.
 */
export function kvm_mmu_page_fault(vcpu: struct_kvm_vcpu, cr2_or_gpa: gpa_t, error_code: number,
	insn: Uint8Array | null, insn_len: number): number {
	let r: number, emulation_type = EMULTYPE_PF;
	const direct = vcpu.arch.mmu!.root_role.direct !== 0;

	if (WARN_ON(!VALID_PAGE(vcpu.arch.mmu!.root.hpa)))
		return RET_PF_RETRY;

	emulate: {
		r = RET_PF_INVALID;
		if ((error_code & PFERR_RSVD_MASK) !== 0) {
			r = handle_mmio_page_fault(vcpu, cr2_or_gpa, direct);
			if (r === RET_PF_EMULATE)
				break emulate;
		}

		if (r === RET_PF_INVALID) {
			r = kvm_mmu_do_page_fault(vcpu, cr2_or_gpa,
				lower_32_bits(error_code), false);
			if (KVM_BUG_ON(r === RET_PF_INVALID, vcpu.kvm))
				return -EIO;
		}

		/* @hunk 7:5 */
		if (r === RET_PF_USER)
			return 0;

		if (r < 0)
			return r;
		if (r !== RET_PF_EMULATE)
			return 1;

		/* a nested guest's page table, write-protected: let it be written */
		if (vcpu.arch.mmu!.root_role.direct !== 0 &&
		    pferr_test(error_code, PFERR_GUEST_PAGE_MASK) &&
		    (error_code & (PFERR_WRITE_MASK | PFERR_PRESENT_MASK)) ===
			    (PFERR_WRITE_MASK | PFERR_PRESENT_MASK)) {
			kvm_mmu_unprotect_page(vcpu.kvm, gpa_to_gfn(cr2_or_gpa));
			return 1;
		}

		/*
		 * If the page can be unprotected, the instruction may be tried again instead of
		 * being emulated. Not for MMIO, which would fault for ever, nor for nested guests.
		 */
		if (!mmio_info_in_cache(vcpu, cr2_or_gpa, direct) && !is_guest_mode(vcpu))
			emulation_type |= EMULTYPE_ALLOW_RETRY_PF;
	}
	return x86_emulate_instruction(vcpu, cr2_or_gpa, emulation_type, insn,
		insn_len);
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_mmu_map_tdp_page()
 *
 * Maps the small page at @gpa as if the vCPU, which is loaded, had written to it. 0 or -errno.
 */
export function kvm_mmu_map_tdp_page(vcpu: struct_kvm_vcpu, gpa: gpa_t): number {
	const error_code = PFERR_WRITE_MASK | PG_LEVEL_4K << PFERR_LEVEL_START_BIT;
	let r;

	/* once more, as a vCPU would; but nobody is in the middle of anything for ever */
	for (let tries = 0; tries < 1000; tries++) {
		r = kvm_mmu_do_page_fault(vcpu, gpa, error_code, false);
		if (r !== RET_PF_RETRY || vcpu.kvm.vm_bugged)
			break;
		cond_resched();
	}
	if (r === RET_PF_FIXED || r === RET_PF_SPURIOUS)
		return 0;
	return r === RET_PF_RETRY ? -EAGAIN : -EFAULT;
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_mmu_invalidate_gva()
 *
 * What the CPU keeps of the guest's own tables for @gva. No MMU has an invlpg() here.
 */
export function kvm_mmu_invalidate_gva(vcpu: struct_kvm_vcpu, mmu: struct_kvm_mmu, gva: gva_t,
	root_hpa: hpa_t): void {
	if (is_noncanonical_address(gva, vcpu))
		return;

	kvm_x86_ops.flush_tlb_gva(vcpu, gva);

	if (mmu.invlpg === null)
		return;

	mmu.invlpg(vcpu, gva, root_hpa);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_invlpg() */
export function kvm_mmu_invlpg(vcpu: struct_kvm_vcpu, gva: gva_t): void {
	kvm_mmu_invalidate_gva(vcpu, vcpu.arch.walk_mmu!, gva, INVALID_PAGE);
	++vcpu.stat.invlpg;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_configure_mmu() */
export function kvm_configure_mmu(enable_tdp: boolean, tdp_forced_root_level: number,
	tdp_max_root_level: number, tdp_huge_page_level: number): void {
	tdp_enabled = enable_tdp;
	tdp_root_level = tdp_forced_root_level;
	max_tdp_level = tdp_max_root_level;

	/* what KVM can do; kvm_mmu_hugepage_adjust() never goes beyond what the host maps */
	if (tdp_enabled)
		max_huge_page_level = tdp_huge_page_level;
	else if (boot_cpu_has(X86_FEATURE_GBPAGES))
		max_huge_page_level = PG_LEVEL_1G;
	else
		max_huge_page_level = PG_LEVEL_2M;
}

function __kvm_mmu_create(vcpu: struct_kvm_vcpu, mmu: struct_kvm_mmu): number {
	mmu.root.hpa = INVALID_PAGE;
	mmu.root.pgd = gpa_t(0);
	for (let i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++)
		kvm_mmu_root_info_invalidate(mmu.prev_roots[i]!);

	if (tdp_enabled && kvm_mmu_get_tdp_level(vcpu) > PT32E_ROOT_LEVEL)
		return 0;

	/* C: the PAE root of 32-bit nested page tables, and of shadow paging */
	return -EOPNOTSUPP;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_create() */
export function kvm_mmu_create(vcpu: struct_kvm_vcpu): number {
	vcpu.arch.mmu_pte_list_desc_cache.kmem_cache = pte_list_desc_cache;
	vcpu.arch.mmu_pte_list_desc_cache.gfp_zero = __GFP_ZERO;

	vcpu.arch.mmu_page_header_cache.kmem_cache = mmu_page_header_cache;
	vcpu.arch.mmu_page_header_cache.gfp_zero = __GFP_ZERO;

	vcpu.arch.mmu_shadow_page_cache.gfp_zero = __GFP_ZERO;

	vcpu.arch.mmu = vcpu.arch.root_mmu;
	vcpu.arch.walk_mmu = vcpu.arch.root_mmu;

	return __kvm_mmu_create(vcpu, vcpu.arch.root_mmu);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_zap_obsolete_pages(): those that are not the TDP MMU's. */
function kvm_zap_obsolete_pages(kvm: struct_kvm): void {
	if (!list_empty(kvm.arch.active_mmu_pages))
		no_shadow_pages();

	kvm_mmu_commit_zap_page(kvm, kvm.arch.zapped_obsolete_pages);
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_mmu_zap_all_fast()
 *
 * Makes all of KVM's page tables obsolete at once, and takes them down with the lock given up in
 * between. When it returns nobody uses a memslot on its way out any more.
 */
function kvm_mmu_zap_all_fast(kvm: struct_kvm): void {
	lockdep_assert_held(kvm.slots_lock);

	write_lock(kvm.mmu_lock);
	trace_kvm_mmu_zap_all_fast(kvm);

	/* two generations are enough: slots_lock is held until the old one is gone */
	kvm.arch.mmu_valid_gen = kvm.arch.mmu_valid_gen !== 0 ? 0 : 1;

	/*
	 * Roots are invalidated under mmu_lock held for write, and the request below is made in the
	 * same section: no vCPU may load one in between.
	 */
	if (is_tdp_mmu_enabled(kvm))
		kvm_tdp_mmu_invalidate_all_roots(kvm);

	/* has every vCPU take a new root and flush; under mmu_lock, or the flush could be missed */
	kvm_make_all_cpus_request(kvm, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS);

	kvm_zap_obsolete_pages(kvm);

	write_unlock(kvm.mmu_lock);

	/*
	 * Not left to the last put of each root: once the memslot is gone, notifier callbacks do
	 * not find the entries that were made by it.
	 */
	if (is_tdp_mmu_enabled(kvm))
		kvm_tdp_mmu_zap_invalidated_roots(kvm);
}

function kvm_has_zapped_obsolete_pages(kvm: struct_kvm): boolean {
	return !list_empty_careful(kvm.arch.zapped_obsolete_pages);
}

/** Of a TD only what the slot maps: other private memory would be lost. */
function kvm_mmu_zap_memslot(kvm: struct_kvm, slot: struct_kvm_memory_slot): void {
	write_lock(kvm.mmu_lock);
	if (kvm_tdp_mmu_zap_leafs(kvm, slot.as_id, slot.base_gfn,
		gfn_t(slot.base_gfn + slot.npages), true, false,
		KVM_ZAP_SHARED | KVM_ZAP_PRIVATE))
		kvm_flush_remote_tlbs(kvm);
	write_unlock(kvm.mmu_lock);
}

function kvm_mmu_invalidate_zap_pages_in_memslot(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	_node: struct_kvm_page_track_notifier_node): void {
	if (kvm_gfn_shared_mask(kvm) !== 0)
		kvm_mmu_zap_memslot(kvm, slot);
	else
		kvm_mmu_zap_all_fast(kvm);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_init_vm() */
export function kvm_mmu_init_vm(kvm: struct_kvm): number {
	const node = kvm.arch.mmu_sp_tracker;

	if (pair_is_zero(kvm.arch.shadow_nonpresent_value))
		kvm.arch.shadow_mmio_value = shadow_mmio_value;

	INIT_LIST_HEAD(kvm.arch.active_mmu_pages);
	INIT_LIST_HEAD(kvm.arch.zapped_obsolete_pages);
	INIT_LIST_HEAD(kvm.arch.lpage_disallowed_mmu_pages);
	spin_lock_init(kvm.arch.mmu_unsync_pages_lock, "&kvm->arch.mmu_unsync_pages_lock");

	const r = kvm_mmu_init_tdp_mmu(kvm);
	if (r < 0)
		return r;
	/* C: goes on with the other MMU, which is left out here */
	if (r === 0)
		return -EOPNOTSUPP;

	node.track_write = kvm_mmu_pte_write;
	node.track_flush_slot = kvm_mmu_invalidate_zap_pages_in_memslot;
	kvm_page_track_register_notifier(kvm, node);

	kvm.arch.split_page_header_cache.kmem_cache = mmu_page_header_cache;
	kvm.arch.split_page_header_cache.gfp_zero = __GFP_ZERO;

	kvm.arch.split_shadow_page_cache.gfp_zero = __GFP_ZERO;

	kvm.arch.split_desc_cache.kmem_cache = pte_list_desc_cache;
	kvm.arch.split_desc_cache.gfp_zero = __GFP_ZERO;

	return 0;
}

function mmu_free_vm_memory_caches(kvm: struct_kvm): void {
	kvm_mmu_free_memory_cache(kvm.arch.split_desc_cache);
	kvm_mmu_free_memory_cache(kvm.arch.split_page_header_cache);
	kvm_mmu_free_memory_cache(kvm.arch.split_shadow_page_cache);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_uninit_vm() */
export function kvm_mmu_uninit_vm(kvm: struct_kvm): void {
	const node = kvm.arch.mmu_sp_tracker;

	kvm_page_track_unregister_notifier(kvm, node);

	kvm_mmu_uninit_tdp_mmu(kvm);

	mmu_free_vm_memory_caches(kvm);
}

function kvm_rmap_zap_gfn_range(kvm: struct_kvm, _gfn_start: gfn_t, _gfn_end: gfn_t): boolean {
	const flush = false;

	if (!kvm_memslots_have_rmaps(kvm))
		return flush;

	return no_shadow_pages();
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_zap_gfn_range(): what maps gfns from @gfn_start to below @gfn_end; of
 * a TD what is mapped as @what.
 */
export function kvm_zap_gfn_range(kvm: struct_kvm, gfn_start: gfn_t, gfn_end: gfn_t,
	what: kvm_zap_what = KVM_ZAP_SHARED): void {
	let flush: boolean;

	if (WARN_ON_ONCE(gfn_end <= gfn_start))
		return;

	write_lock(kvm.mmu_lock);

	kvm_mmu_invalidate_begin(kvm, gfn_start, gfn_end);

	flush = kvm_rmap_zap_gfn_range(kvm, gfn_start, gfn_end);

	if (is_tdp_mmu_enabled(kvm)) {
		for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++)
			flush = kvm_tdp_mmu_zap_leafs(kvm, i, gfn_start,
				gfn_end, true, flush, what);
	}

	if (flush)
		kvm_flush_remote_tlbs_with_address(kvm, gfn_start,
			gfn_end - gfn_start);

	kvm_mmu_invalidate_end(kvm, gfn_start, gfn_end);

	write_unlock(kvm.mmu_lock);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_slot_remove_write_access() */
export function kvm_mmu_slot_remove_write_access(kvm: struct_kvm, memslot: struct_kvm_memory_slot,
	start_level: number): void {
	if (kvm_memslots_have_rmaps(kvm))
		no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm)) {
		read_lock(kvm.mmu_lock);
		kvm_tdp_mmu_wrprot_slot(kvm, memslot, start_level);
		read_unlock(kvm.mmu_lock);
	}
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_try_split_huge_pages(): with mmu_lock held for write. */
export function kvm_mmu_try_split_huge_pages(kvm: struct_kvm, memslot: struct_kvm_memory_slot,
	start: gfn_t, end: gfn_t, target_level: number): void {
	if (!is_tdp_mmu_enabled(kvm))
		return;

	if (kvm_memslots_have_rmaps(kvm))
		no_shadow_pages();

	kvm_tdp_mmu_try_split_huge_pages(kvm, memslot, start, end, target_level, false);

	/* no flush, for the reason below */
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_slot_try_split_huge_pages() */
export function kvm_mmu_slot_try_split_huge_pages(kvm: struct_kvm,
	memslot: struct_kvm_memory_slot, target_level: number): void {
	const start = memslot.base_gfn;
	const end = gfn_t(start + memslot.npages);

	if (!is_tdp_mmu_enabled(kvm))
		return;

	if (kvm_memslots_have_rmaps(kvm))
		no_shadow_pages();

	read_lock(kvm.mmu_lock);
	kvm_tdp_mmu_try_split_huge_pages(kvm, memslot, start, end, target_level, true);
	read_unlock(kvm.mmu_lock);

	/*
	 * No flush: the small entries say what the huge one said. Who protects them afterwards
	 * flushes, before the ioctl that starts the dirty log returns.
	 */
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_zap_collapsible_sptes() */
export function kvm_mmu_zap_collapsible_sptes(kvm: struct_kvm, slot: struct_kvm_memory_slot): void {
	if (kvm_memslots_have_rmaps(kvm))
		no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm)) {
		read_lock(kvm.mmu_lock);
		kvm_tdp_mmu_zap_collapsible_sptes(kvm, slot);
		read_unlock(kvm.mmu_lock);
	}
}

/** arch/x86/kvm/mmu/mmu.c:kvm_arch_flush_remote_tlbs_memslot() */
export function kvm_arch_flush_remote_tlbs_memslot(kvm: struct_kvm,
	memslot: struct_kvm_memory_slot): void {
	/* out of mmu_lock: whoever changes the same slot's log next sees this flush done */
	lockdep_assert_held(kvm.slots_lock);
	kvm_flush_remote_tlbs_with_address(kvm, memslot.base_gfn,
		memslot.npages);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_slot_leaf_clear_dirty(): the caller flushes TLBs. */
export function kvm_mmu_slot_leaf_clear_dirty(kvm: struct_kvm, memslot: struct_kvm_memory_slot):
	void {
	if (kvm_memslots_have_rmaps(kvm))
		no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm)) {
		read_lock(kvm.mmu_lock);
		kvm_tdp_mmu_clear_dirty_slot(kvm, memslot);
		read_unlock(kvm.mmu_lock);
	}
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_zap_all() */
export function kvm_mmu_zap_all(kvm: struct_kvm): void {
	write_lock(kvm.mmu_lock);
	if (!list_empty(kvm.arch.active_mmu_pages))
		no_shadow_pages();

	if (is_tdp_mmu_enabled(kvm))
		kvm_tdp_mmu_zap_all(kvm);

	write_unlock(kvm.mmu_lock);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_invalidate_mmio_sptes() */
export function kvm_mmu_invalidate_mmio_sptes(kvm: struct_kvm, gen: number): void {
	WARN_ON((gen & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0);

	gen &= MMIO_SPTE_GEN_MASK;

	/* the low bits tell address spaces apart: a wrap is to be seen in any of them */
	gen &= ~(KVM_ADDRESS_SPACE_NUM - 1);

	/* an MMIO entry of the last round would be taken for one of this generation */
	if (gen === 0) {
		kvm_debug_ratelimited("kvm: zapping shadow pages for mmio generation wraparound\n");
		kvm_mmu_zap_all_fast(kvm);
	}
}

function mmu_shrink_scan(_shrink: struct_shrinker, sc: struct_shrink_control): number {
	let nr_to_scan = sc.nr_to_scan;
	let freed = 0;

	mutex_lock(kvm_lock);

	for (const kvm of list_for_each_entry(vm_list, struct_kvm, "vm_list")) {
		/* no more VMs than objects to look at */
		if (nr_to_scan-- === 0)
			break;
		/* unlocked: a VM that has just begun to fill its tables is left alone anyway */
		if (kvm.arch.n_used_mmu_pages === 0 &&
		    !kvm_has_zapped_obsolete_pages(kvm))
			continue;

		const idx = srcu_read_lock(kvm.srcu);
		write_lock(kvm.mmu_lock);

		unlock: {
			if (kvm_has_zapped_obsolete_pages(kvm)) {
				kvm_mmu_commit_zap_page(kvm,
					kvm.arch.zapped_obsolete_pages);
				break unlock;
			}

			freed = kvm_mmu_zap_oldest_mmu_pages(kvm, sc.nr_to_scan);
		}
		write_unlock(kvm.mmu_lock);
		srcu_read_unlock(kvm.srcu, idx);

		/* one VM a time, in turn */
		list_move_tail(kvm.vm_list, vm_list);
		break;
	}

	mutex_unlock(kvm_lock);
	return freed;
}

function mmu_shrink_count(_shrink: struct_shrinker, _sc: struct_shrink_control): number {
	return percpu_counter_read_positive(kvm_total_used_mmu_pages);
}

let mmu_shrinker: struct_shrinker | null = null;

function mmu_destroy_caches(): void {
	kmem_cache_destroy(pte_list_desc_cache);
	kmem_cache_destroy(mmu_page_header_cache);
	pte_list_desc_cache = null;
	mmu_page_header_cache = null;
}

/** arch/x86/kvm/mmu/mmu.c:get_nx_auto_mode(): true if the CPU has the bug. */
function get_nx_auto_mode(): boolean {
	return boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT);
}

function __set_nx_huge_pages(val: boolean): void {
	nx_huge_pages = val ? 1 : 0;
}

function set_nx_huge_pages(val: string): number {
	const old_val = nx_huge_pages !== 0;
	const new_val = new ref<boolean>(false);

	if (sysfs_streq(val, "off"))
		new_val.v = false;
	else if (sysfs_streq(val, "force"))
		new_val.v = true;
	else if (sysfs_streq(val, "auto"))
		new_val.v = get_nx_auto_mode();
	else if (strtobool(val, new_val) < 0)
		return -EINVAL;

	__set_nx_huge_pages(new_val.v);

	if (new_val.v !== old_val) {
		mutex_lock(kvm_lock);

		for (const kvm of list_for_each_entry(vm_list, struct_kvm, "vm_list")) {
			mutex_lock(kvm.slots_lock);
			kvm_mmu_zap_all_fast(kvm);
			mutex_unlock(kvm.slots_lock);

			wake_up_process(kvm.arch.nx_lpage_recovery_thread!);
		}
		mutex_unlock(kvm_lock);
	}

	return 0;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_x86_module_init(): settles the parameters that are "auto". */
export function kvm_mmu_x86_module_init(): void {
	if (nx_huge_pages === -1)
		__set_nx_huge_pages(get_nx_auto_mode());

	kvm_mmu_spte_module_init();
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_vendor_module_init(): the rest, with the vendor's masks. */
export function kvm_mmu_vendor_module_init(): number {
	let ret = -ENOMEM;

	kvm_mmu_reset_all_pte_masks();

	out: {
		pte_list_desc_cache = kmem_cache_create("pte_list_desc",
			struct_pte_list_desc,
			SLAB_ACCOUNT, null);
		if (pte_list_desc_cache === null)
			break out;

		mmu_page_header_cache = kmem_cache_create("kvm_mmu_page_header",
			struct_kvm_mmu_page,
			SLAB_ACCOUNT, null);
		if (mmu_page_header_cache === null)
			break out;

		if (percpu_counter_init(kvm_total_used_mmu_pages, 0, GFP_KERNEL) !== 0)
			break out;

		mmu_shrinker = new struct_shrinker(mmu_shrink_count, mmu_shrink_scan,
			DEFAULT_SEEKS * 10);
		ret = register_shrinker(mmu_shrinker, "x86-mmu");
		if (ret !== 0)
			break out;

		return 0;
	}
	mmu_destroy_caches();
	return ret;
}

/** Not with the other one: as long as a vCPU has it, what a TD has in its memory stays. */
function mmu_free_private_root(vcpu: struct_kvm_vcpu): void {
	const mmu = vcpu.arch.root_mmu;

	if (!VALID_PAGE(mmu.private_root_hpa))
		return;
	write_lock(vcpu.kvm.mmu_lock);
	kvm_tdp_mmu_put_root(vcpu.kvm, to_shadow_page(mmu.private_root_hpa)!, false);
	write_unlock(vcpu.kvm.mmu_lock);
	mmu.private_root_hpa = INVALID_PAGE;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_destroy() */
export function kvm_mmu_destroy(vcpu: struct_kvm_vcpu): void {
	kvm_mmu_unload(vcpu);
	mmu_free_private_root(vcpu);
	mmu_free_memory_caches(vcpu);
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_vendor_module_exit() */
export function kvm_mmu_vendor_module_exit(): void {
	mmu_destroy_caches();
	percpu_counter_destroy(kvm_total_used_mmu_pages);
	unregister_shrinker(mmu_shrinker!);
}

/**
 * arch/x86/kvm/mmu/mmu.c:calc_nx_huge_pages_recovery_period()
 *
 * In period.v, ms: half the pages per hour if none is set. False if nothing is to be recovered;
 * @td: large pages of TDs are, without the workaround, too.
 */
function calc_nx_huge_pages_recovery_period(period: ref<number>, td: boolean): boolean {
	/* read once: the parameters may be set meanwhile */
	const enabled = READ_ONCE(nx_huge_pages) !== 0 || td;
	let ratio = READ_ONCE(nx_huge_pages_recovery_ratio);

	if (!enabled || ratio === 0)
		return false;

	period.v = READ_ONCE(nx_huge_pages_recovery_period_ms);
	if (period.v === 0) {
		ratio = Math.min(ratio, 3600);
		period.v = Math.floor(60 * 60 * 1000 / ratio);
	}
	return true;
}

/** arch/x86/kvm/mmu/mmu.c:set_nx_huge_pages_recovery_param(); @kp is which of the two. */
function set_nx_huge_pages_recovery_param(val: string, kp: kernel_param_ops): number {
	const old_period = new ref<number>(0), new_period = new ref<number>(0);

	const was_recovery_enabled = calc_nx_huge_pages_recovery_period(old_period, true);

	const err = kp.set(val);
	if (err !== 0)
		return err;

	const is_recovery_enabled = calc_nx_huge_pages_recovery_period(new_period, true);

	if (is_recovery_enabled &&
	    (!was_recovery_enabled || old_period.v > new_period.v)) {
		mutex_lock(kvm_lock);

		for (const kvm of list_for_each_entry(vm_list, struct_kvm, "vm_list"))
			wake_up_process(kvm.arch.nx_lpage_recovery_thread!);

		mutex_unlock(kvm_lock);
	}

	return err;
}

/**
 * arch/x86/kvm/mmu/mmu.c:kvm_recover_nx_lpages(): zaps some tables that stand for a large page, or
 * puts it in their place.
 */
function kvm_recover_nx_lpages(kvm: struct_kvm): void {
	const nx_lpage_splits = kvm.stat.nx_lpage_splits;
	const invalid_list = LIST_HEAD();
	let flush = false;

	const rcu_idx = srcu_read_lock(kvm.srcu);
	write_lock(kvm.mmu_lock);

	/* over the flush too: the pages are freed by an RCU callback */
	rcu_read_lock();

	const ratio = READ_ONCE(nx_huge_pages_recovery_ratio);
	let to_zap = ratio !== 0 ? DIV_ROUND_UP(nx_lpage_splits, ratio) : 0;
	for ( ; to_zap !== 0; --to_zap) {
		if (list_empty(kvm.arch.lpage_disallowed_mmu_pages))
			break;

		const sp = list_first_entry(kvm.arch.lpage_disallowed_mmu_pages,
			struct_kvm_mmu_page,
			"lpage_disallowed_link");
		WARN_ON_ONCE(!sp.lpage_disallowed);
		if (is_private_sp(sp)) {
			/* what a TD has in its pages stays; another time, perhaps */
			if (!kvm_tdp_mmu_merge_private_sp(kvm, sp))
				list_move_tail(sp.lpage_disallowed_link,
					kvm.arch.lpage_disallowed_mmu_pages);
		} else if (is_tdp_mmu_page(sp)) {
			flush = kvm_tdp_mmu_zap_sp(kvm, sp) || flush;
		} else {
			kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
			WARN_ON_ONCE(sp.lpage_disallowed);
		}

		if (need_resched() || rwlock_needbreak(kvm.mmu_lock)) {
			kvm_mmu_remote_flush_or_zap(kvm, invalid_list, flush);
			rcu_read_unlock();

			cond_resched_rwlock_write(kvm.mmu_lock);
			flush = false;

			rcu_read_lock();
		}
	}
	kvm_mmu_remote_flush_or_zap(kvm, invalid_list, flush);

	rcu_read_unlock();

	write_unlock(kvm.mmu_lock);
	srcu_read_unlock(kvm.srcu, rcu_idx);
}

function get_nx_lpage_recovery_timeout(kvm: struct_kvm, start_time: number): number {
	const period = new ref<number>(0);

	const enabled = calc_nx_huge_pages_recovery_period(period,
		kvm_gfn_shared_mask(kvm) !== 0 && kvm.stat.nx_lpage_splits !== 0);

	return enabled ? start_time + msecs_to_jiffies(period.v) - get_jiffies_64()
		       : MAX_SCHEDULE_TIMEOUT;
}

function process_timeout(t: struct_timer_list): void {
	wake_up_process(t.owner as struct_task_struct);
}

/** Port-only: schedule_timeout() of a kernel thread, which sleeps where it yields. */
function* yield_timeout(timeout: number): Generator<void, void, void> {
	if (timeout === MAX_SCHEDULE_TIMEOUT) {
		yield;
		return;
	}
	const timer = new struct_timer_list(current);
	timer_setup(timer, process_timeout, 0);
	mod_timer(timer, jiffies() + timeout);
	yield;
	del_timer_sync(timer);
}

function* kvm_nx_lpage_recovery_worker(kvm: struct_kvm, _data: unknown):
	Generator<void, number, void> {
	while (true) {
		const start_time = get_jiffies_64();
		let remaining_time = get_nx_lpage_recovery_timeout(kvm, start_time);

		set_current_state(TASK_INTERRUPTIBLE);
		while (!kthread_should_stop() && remaining_time > 0) {
			yield* yield_timeout(remaining_time);
			remaining_time = get_nx_lpage_recovery_timeout(kvm, start_time);
			set_current_state(TASK_INTERRUPTIBLE);
		}

		set_current_state(TASK_RUNNING);

		if (kthread_should_stop())
			return 0;

		kvm_recover_nx_lpages(kvm);
	}
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_post_init_vm() */
export function kvm_mmu_post_init_vm(kvm: struct_kvm): number {
	const thread = new ref<struct_task_struct | null>(null);

	const err = kvm_vm_create_worker_thread(kvm, kvm_nx_lpage_recovery_worker, 0,
		"kvm-nx-lpage-recovery",
		thread);
	if (err === 0) {
		kvm.arch.nx_lpage_recovery_thread = thread.v;
		kthread_unpark(kvm.arch.nx_lpage_recovery_thread!);
	}

	return err;
}

/** arch/x86/kvm/mmu/mmu.c:kvm_mmu_pre_destroy_vm() */
export function kvm_mmu_pre_destroy_vm(kvm: struct_kvm): void {
	if (kvm.arch.nx_lpage_recovery_thread !== null)
		kthread_stop(kvm.arch.nx_lpage_recovery_thread);
}

/** arch/x86/kvm/mmu/mmu.c:mem_attr_is_mixed(): of [@start, @end). @hunk 6:2 */
function mem_attr_is_mixed(kvm: struct_kvm, start: gfn_t, end: gfn_t): boolean {
	return kvm_mem_attr_end(kvm, start, end) < end;
}

function update_mixed(slot: struct_kvm_memory_slot, gfn: gfn_t, level: number, mixed: boolean):
	void {
	const disallow_lpage = slot.arch.lpage_info[level - 2]!;
	const linfo = lpage_info_slot(gfn, slot, level);

	if (mixed)
		disallow_lpage[linfo]! |= KVM_LPAGE_PRIVATE_SHARED_MIXED;
	else
		disallow_lpage[linfo]! &= ~KVM_LPAGE_PRIVATE_SHARED_MIXED;
}

/**
 * arch/x86/kvm/mmu/mmu.c:update_mem_lpage_info()
 *
 * Only the first and the last can be mixed: those between have no end of what is shared inside any
 * more. What is mixed at one level is so at the next.
 */
function update_mem_lpage_info(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	start: gfn_t, end: gfn_t): void {
	let first_mixed = false, last_mixed = false;

	for (let level = PG_LEVEL_2M; level <= KVM_MAX_HUGEPAGE_LEVEL; level++) {
		const pages = KVM_PAGES_PER_HPAGE(level);
		const lpage_start = ul_and_not_low(start, pages - 1);
		const lpage_end = ul_and_not_low(end - 1, pages - 1);

		first_mixed ||= mem_attr_is_mixed(kvm, gfn_t(lpage_start),
			gfn_t(lpage_start + pages));
		if (lpage_start === lpage_end)
			first_mixed = last_mixed ||= first_mixed;
		else
			last_mixed ||= mem_attr_is_mixed(kvm, gfn_t(lpage_end),
				gfn_t(lpage_end + pages));

		update_mixed(slot, gfn_t(lpage_start), level, first_mixed);
		update_mixed(slot, gfn_t(lpage_end), level, last_mixed);
	}
}

/** The large pages of @slot with an end of what is shared inside, from @start to @end. */
function update_mixed_at_ends(kvm: struct_kvm, slot: struct_kvm_memory_slot, start: gfn_t,
	end: gfn_t, mixed: boolean): void {
	for (let gfn = kvm_mem_attr_end(kvm, start, end); gfn < end;
	     gfn = kvm_mem_attr_end(kvm, gfn, end)) {
		for (let level = PG_LEVEL_2M; level <= KVM_MAX_HUGEPAGE_LEVEL; level++) {
			if (ul_and_low(gfn, KVM_PAGES_PER_HPAGE(level) - 1) !== 0)
				update_mixed(slot, gfn, level, mixed);
		}
	}
}

/** Of both address spaces, the slots that have private memory. */
function for_each_private_slot(kvm: struct_kvm, start: gfn_t, end: gfn_t,
	fn: (slot: struct_kvm_memory_slot, slot_start: gfn_t, slot_end: gfn_t) => void): void {
	const iter = new struct_kvm_memslot_iter();

	for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++) {
		const slots = __kvm_memslots(kvm, i);

		for (const slot of kvm_for_each_memslot_in_gfn_range(iter, slots, start, end)) {
			/* whose memory is all of one kind, whatever is recorded for it */
			if (!kvm_slot_can_be_private(slot))
				continue;

			const slot_start = gfn_t(Math.max(start, slot.base_gfn));
			const slot_end = gfn_t(Math.min(end, slot.base_gfn + slot.npages));
			if (WARN_ON_ONCE(slot_start >= slot_end))
				continue;

			fn(slot, slot_start, slot_end);
		}
	}
}

/** Port-only: before [@start, @end) becomes all of one kind; nothing there will be mixed. */
export function kvm_arch_pre_update_mem_attr(kvm: struct_kvm, start: gfn_t, end: gfn_t): void {
	for_each_private_slot(kvm, start, end, (slot, slot_start, slot_end) => {
		update_mixed_at_ends(kvm, slot, slot_start, slot_end, false);
	});
}

/** arch/x86/kvm/mmu/mmu.c:kvm_arch_update_mem_attr(): after it. */
export function kvm_arch_update_mem_attr(kvm: struct_kvm, attr: number, start: gfn_t,
	end: gfn_t): void {
	WARN_ONCE(!(attr & (KVM_MEM_ATTR_PRIVATE | KVM_MEM_ATTR_SHARED)),
		"Unsupported mem attribute.\n");

	for_each_private_slot(kvm, start, end, (slot, slot_start, slot_end) => {
		update_mem_lpage_info(kvm, slot, slot_start, slot_end);
	});
}

/**
 * The large pages of a new slot that are mixed already. With slots_lock held. Later versions:
 * kvm_mmu_init_memslot_memory_attributes().
 */
export function kvm_mmu_init_memslot_memory_attributes(kvm: struct_kvm,
	slot: struct_kvm_memory_slot): void {
	if (kvm_slot_can_be_private(slot))
		update_mixed_at_ends(kvm, slot, slot.base_gfn,
			gfn_t(slot.base_gfn + slot.npages), true);
}
