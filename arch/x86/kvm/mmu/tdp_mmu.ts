// SPDX-License-Identifier: GPL-2.0
/*
 * The TDP MMU: page tables of guests, one tree per root, changed in parallel.
 *
 * Upstream: arch/x86/kvm/mmu/tdp_mmu.c. Left out: nothing. The loops over roots that C has as
 * macros are loops over next_*_tdp_mmu_root*() here; those over entries: tdp_iter.h.ts.
 *
 * kvm->mmu_lock		for write: everything; for read: entries change by cmpxchg
 *   kvm->arch.tdp_mmu_pages_lock	lists of roots and pages, under mmu_lock held for read
 * RCU				tables are read in a section, and freed after a grace period
 */
import { __ffs, min, ul_and_low, ul_shr } from "#asm-generic/bits.ts";
import { pair, pair_andnot, pair_copy, pair_eq, pair_set, pair_test, pair_to_u64, PAIR_ZERO,
	type u64_pair, type u64_spte } from "#asm-generic/pair.ts";
import { gfn_t, type gpa_t, type hpa_t, type kvm_pfn_t, type ref } from "#asm-generic/types.ts";
import { BUG, BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { READ_ONCE } from "#linux/compiler.ts";
import { EBUSY, EIO, ENOMEM } from "#linux/errno.ts";
import { __get_free_page, __GFP_ACCOUNT, __GFP_ZERO, free_page, GFP_KERNEL_ACCOUNT, GFP_NOWAIT,
	type gfp_t } from "#linux/gfp.ts";
import { container_of } from "#asm-generic/owner.ts";
import { INIT_LIST_HEAD, list_add, list_del, list_empty, list_entry, list_for_each_entry } from
	"#linux/list.ts";
import { lockdep_assert_held_read, lockdep_assert_held_write } from "#linux/lockdep.ts";
import { list_add_rcu, list_del_rcu, list_first_or_null_rcu, list_next_or_null_rcu } from
	"#linux/rculist.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { module_param_named, param_bool } from "#linux/moduleparam.ts";
import { pr_err } from "#linux/printk.ts";
import { call_rcu, rcu_barrier, rcu_dereference, rcu_read_lock, rcu_read_unlock,
	type struct_rcu_head } from "#linux/rcupdate.ts";
import { refcount_dec_and_test, refcount_read, refcount_set } from "#linux/refcount.ts";
import { cond_resched_rwlock_read, cond_resched_rwlock_write, need_resched } from
	"#linux/sched.ts";
import { kmem_cache_alloc, kmem_cache_free } from "#linux/slab.ts";
import { read_lock, read_unlock, rwlock_needbreak, spin_lock, spin_lock_init, spin_unlock,
	write_lock, write_unlock } from "#linux/spinlock.ts";
import { alloc_workqueue, destroy_workqueue, flush_workqueue, INIT_WORK, queue_work,
	WQ_CPU_INTENSIVE, WQ_MEM_RECLAIM, WQ_UNBOUND, type struct_work_struct } from
	"#linux/workqueue.ts";
import { __gfn_to_memslot, __kvm_memslots, KVM_BUG_ON, kvm_flush_remote_tlbs,
	kvm_mmu_memory_cache_alloc, kvm_set_pfn_accessed, kvm_set_pfn_dirty,
	mark_page_dirty_in_slot, type struct_kvm, type struct_kvm_gfn_range,
	type struct_kvm_memory_slot, type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { KVM_ADDRESS_SPACE_NUM, KVM_MAX_HUGEPAGE_LEVEL, KVM_PAGES_PER_HPAGE, PT64_ROOT_MAX_LEVEL,
	kvm_mmu_page_role, kvm_x86_ops, tdp_enabled } from "#asm/kvm_host.ts";
import { PAGE_SHIFT } from "#asm/page_types.ts";
import { pte_huge, pte_pfn, pte_write } from "#asm/pgtable.ts";
import { PG_LEVEL_1G, PG_LEVEL_2M, PG_LEVEL_4K, PG_LEVEL_NUM } from "#asm/pgtable_types.ts";
import { cpu_relax } from "#asm/processor.ts";
import { mem_cmpxchg64, mem_write64 } from "#hw/memory.ts";
import { kvm_gfn_to_private, kvm_is_private_gpa, kvm_mmu_max_gfn, kvm_update_page_stats,
	KVM_ZAP_PRIVATE, KVM_ZAP_SHARED, PT_WRITABLE_MASK, type kvm_zap_what } from
	"#arch/x86/kvm/mmu.h.ts";
import { account_huge_nx_page, disallowed_hugepage_adjust, is_private_sp,
	kvm_flush_remote_tlbs_with_address, kvm_gfn_for_root, kvm_mmu_hugepage_adjust,
	kvm_mmu_max_mapping_level, kvm_mmu_page_as_id, kvm_mmu_page_pa, kvm_mmu_role_as_id,
	mmu_page_header_cache, RET_PF_EMULATE, RET_PF_FIXED, RET_PF_RETRY, RET_PF_SPURIOUS,
	root_to_sp,
	sptep_to_sp, struct_kvm_mmu_page, to_shadow_page, unaccount_huge_nx_page,
	type struct_kvm_page_fault, type tdp_ptep_t } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { trace_kvm_mmu_get_page, trace_kvm_mmu_prepare_zap_page, trace_kvm_mmu_set_spte,
	trace_kvm_mmu_split_huge_page, trace_kvm_mmu_spte_requested, trace_kvm_tdp_mmu_spte_changed,
	trace_mark_mmio_spte } from "#arch/x86/kvm/mmu/mmutrace.h.ts";
import { ACC_ALL, check_spte_writable_invariants, is_accessed_spte, is_dirty_spte, is_large_pte,
	is_last_spte, is_mmio_spte, is_private_zapped_spte, is_removed_spte,
	is_shadow_present_pte, is_writable_pte, kvm_ad_enabled,
	kvm_mmu_changed_pte_notifier_make_spte, make_huge_page_split_spte, make_huge_spte,
	make_mmio_spte, make_nonleaf_spte, make_spte, mark_spte_for_access_track,
	private_zapped_spte, removed_spte,
	shadow_accessed_mask, shadow_dirty_mask, shadow_mmu_writable_mask, spte_ad_enabled,
	spte_ad_need_write_protect, SPTE_ENT_PER_PAGE, SPTE_MMU_PRESENT_MASK, spte_pfns_differ,
	spte_to_pfn } from
	"#arch/x86/kvm/mmu/spte.h.ts";
import { __kvm_tdp_mmu_write_spte, fault_iter, kvm_tdp_mmu_read_spte, kvm_tdp_mmu_write_spte,
	kvm_tdp_mmu_write_spte_atomic, spte_to_child_pt, struct_tdp_iter, tdp_iter_forget,
	tdp_iter_get, tdp_iter_next, tdp_iter_put, tdp_iter_read_spte, tdp_iter_sp, tdp_iter_start,
	tdp_iter_start_near } from
	"#arch/x86/kvm/mmu/tdp_iter.h.ts";
import { kvm_tdp_mmu_get_root } from "#arch/x86/kvm/mmu/tdp_mmu.h.ts";

let tdp_mmu_enabled = true;
module_param_named("kvm", "tdp_mmu",
	param_bool(() => tdp_mmu_enabled, (v) => { tdp_mmu_enabled = v; }), 0o644);

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:kvm_mmu_init_tdp_mmu()
 *
 * 1 if @kvm will use the TDP MMU, 0 if not.
 */
export function kvm_mmu_init_tdp_mmu(kvm: struct_kvm): number {
	if (!tdp_enabled || !READ_ONCE(tdp_mmu_enabled))
		return 0;

	const wq = alloc_workqueue("kvm", WQ_UNBOUND | WQ_MEM_RECLAIM | WQ_CPU_INTENSIVE, 0);
	if (wq === null)
		return -ENOMEM;

	/* for as long as the VM lives */
	kvm.arch.tdp_mmu_enabled = true;
	INIT_LIST_HEAD(kvm.arch.tdp_mmu_roots);
	spin_lock_init(kvm.arch.tdp_mmu_pages_lock, "&kvm->arch.tdp_mmu_pages_lock");
	INIT_LIST_HEAD(kvm.arch.tdp_mmu_pages);
	kvm.arch.tdp_mmu_zap_wq = wq;
	return 1;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_lockdep_assert_mmu_lock_held(): always true. */
function kvm_lockdep_assert_mmu_lock_held(kvm: struct_kvm, shared: boolean): boolean {
	if (shared)
		lockdep_assert_held_read(kvm.mmu_lock);
	else
		lockdep_assert_held_write(kvm.mmu_lock);

	return true;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_mmu_uninit_tdp_mmu() */
export function kvm_mmu_uninit_tdp_mmu(kvm: struct_kvm): void {
	if (!kvm.arch.tdp_mmu_enabled)
		return;

	/* waits for what is queued */
	destroy_workqueue(kvm.arch.tdp_mmu_zap_wq!);

	WARN_ON(!list_empty(kvm.arch.tdp_mmu_pages));
	WARN_ON(!list_empty(kvm.arch.tdp_mmu_roots));

	/* the works' last puts left callbacks behind */
	rcu_barrier();
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_free_sp() */
function tdp_mmu_free_sp(sp: struct_kvm_mmu_page): void {
	/* C's allocator resets page->private */
	sp.spt_page!.pt_private = null;
	free_page(sp.spt_page);
	if (sp.private_spt !== null)
		free_page(sp.private_spt);
	kmem_cache_free(mmu_page_header_cache!, sp);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_free_sp_rcu_callback() */
function tdp_mmu_free_sp_rcu_callback(head: struct_rcu_head): void {
	const sp = container_of(head, struct_kvm_mmu_page, "rcu_head");

	tdp_mmu_free_sp(sp);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_zap_root_work() */
function tdp_mmu_zap_root_work(work: struct_work_struct): void {
	const root = container_of(work, struct_kvm_mmu_page, "tdp_mmu_async_work");
	const kvm = root.tdp_mmu_async_data!;

	read_lock(kvm.mmu_lock);

	/*
	 * No flush: a vCPU flushes when it loads a new root and when it moves to another CPU, and
	 * that drops what is cached of tables too.
	 */
	tdp_mmu_zap_root(kvm, root, true);

	/* not necessarily the last: the root could be reached, and somebody may hold it */
	kvm_tdp_mmu_put_root(kvm, root, true);

	read_unlock(kvm.mmu_lock);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_schedule_zap_root() */
function tdp_mmu_schedule_zap_root(kvm: struct_kvm, root: struct_kvm_mmu_page): void {
	root.tdp_mmu_async_data = kvm;
	INIT_WORK(root.tdp_mmu_async_work, tdp_mmu_zap_root_work, "&root->tdp_mmu_async_work");
	queue_work(kvm.arch.tdp_mmu_zap_wq!, root.tdp_mmu_async_work);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_root_mark_invalid(): whether it was before. */
function kvm_tdp_root_mark_invalid(page: struct_kvm_mmu_page): boolean {
	const invalid = page.role.invalid !== 0;

	/* no other bit changes: C's xchg() of the whole word */
	page.role.invalid = 1;
	return invalid;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_put_root() */
export function kvm_tdp_mmu_put_root(kvm: struct_kvm, root: struct_kvm_mmu_page, shared: boolean):
	void {
	kvm_lockdep_assert_mmu_lock_held(kvm, shared);

	if (!refcount_dec_and_test(root.tdp_mmu_root_count))
		return;

	WARN_ON(!root.tdp_mmu_page);

	/*
	 * Nobody can get a reference now, and nobody who walks all roots runs: they hold mmu_lock
	 * for write. But to zap it the worker will yield, and they do not expect a root without
	 * references. So the count goes back to 1, while the root stays invalid. Whoever puts the
	 * last reference to an invalid root frees it; it never becomes valid again.
	 */
	if (!kvm_tdp_root_mark_invalid(root)) {
		refcount_set(root.tdp_mmu_root_count, 1);

		/*
		 * Through the work queue, because kvm_tdp_mmu_invalidate_all_roots() passes over
		 * roots that are invalid already: kvm_mmu_zap_all_fast() has to find this one
		 * when it flushes the queue.
		 */
		tdp_mmu_schedule_zap_root(kvm, root);
		return;
	}

	spin_lock(kvm.arch.tdp_mmu_pages_lock);
	list_del_rcu(root.link);
	spin_unlock(kvm.arch.tdp_mmu_pages_lock);
	call_rcu(root.rcu_head, tdp_mmu_free_sp_rcu_callback);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_next_root()
 *
 * Takes a reference to what follows @prev_root (null: the list's head) and puts @prev_root's.
 */
function tdp_mmu_next_root(kvm: struct_kvm, prev_root: struct_kvm_mmu_page | null,
	shared: boolean, only_valid: boolean): struct_kvm_mmu_page | null {
	let next_root: struct_kvm_mmu_page | null;

	rcu_read_lock();

	if (prev_root !== null)
		next_root = list_next_or_null_rcu(kvm.arch.tdp_mmu_roots, prev_root.link,
			struct_kvm_mmu_page, "link");
	else
		next_root = list_first_or_null_rcu(kvm.arch.tdp_mmu_roots, struct_kvm_mmu_page,
			"link");

	while (next_root !== null) {
		if ((!only_valid || next_root.role.invalid === 0) &&
		    kvm_tdp_mmu_get_root(next_root))
			break;

		next_root = list_next_or_null_rcu(kvm.arch.tdp_mmu_roots, next_root.link,
			struct_kvm_mmu_page, "link");
	}

	rcu_read_unlock();

	if (prev_root !== null)
		kvm_tdp_mmu_put_root(kvm, prev_root, shared);

	return next_root;
}

/**
 * C: a step of __for_each_tdp_mmu_root_yield_safe().
 *
 * The loop holds a reference to its root, so that its body may drop mmu_lock; who leaves it early
 * puts that reference.
 */
function __next_tdp_mmu_root_yield_safe(kvm: struct_kvm, prev_root: struct_kvm_mmu_page | null,
	as_id: number, shared: boolean, only_valid: boolean): struct_kvm_mmu_page | null {
	let root = prev_root;

	do {
		root = tdp_mmu_next_root(kvm, root, shared, only_valid);
	} while (root !== null && kvm_lockdep_assert_mmu_lock_held(kvm, shared) &&
		 kvm_mmu_page_as_id(root) !== as_id);

	return root;
}

/** C: a step of for_each_valid_tdp_mmu_root_yield_safe(). */
function next_valid_tdp_mmu_root_yield_safe(kvm: struct_kvm, prev_root: struct_kvm_mmu_page | null,
	as_id: number, shared: boolean): struct_kvm_mmu_page | null {
	return __next_tdp_mmu_root_yield_safe(kvm, prev_root, as_id, shared, true);
}

/** C: a step of for_each_tdp_mmu_root_yield_safe(). */
function next_tdp_mmu_root_yield_safe(kvm: struct_kvm, prev_root: struct_kvm_mmu_page | null,
	as_id: number): struct_kvm_mmu_page | null {
	return __next_tdp_mmu_root_yield_safe(kvm, prev_root, as_id, false, false);
}

/** C: a step of for_each_tdp_mmu_root(). mmu_lock, held for write, keeps the list stable. */
function next_tdp_mmu_root(kvm: struct_kvm, prev_root: struct_kvm_mmu_page | null,
	as_id: number): struct_kvm_mmu_page | null {
	const head = kvm.arch.tdp_mmu_roots;
	let node = prev_root !== null ? prev_root.link.next : head.next;

	for (; node !== head; node = node.next) {
		const root = list_entry(node, struct_kvm_mmu_page, "link");

		if (kvm_lockdep_assert_mmu_lock_held(kvm, false) &&
		    kvm_mmu_page_as_id(root) === as_id)
			return root;
	}
	return null;
}

/** What maps nothing is not 0 in a TD's tables. */
function tdp_mmu_init_spt(kvm: struct_kvm, sp: struct_kvm_mmu_page): void {
	const { lo, hi } = kvm.arch.shadow_nonpresent_value;

	if (hi === 0)
		return;
	for (let i = 0; i < SPTE_ENT_PER_PAGE; i++)
		mem_write64(sp.spt + i, lo, hi);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_alloc_sp()
 *
 * @private_spt: for a private table that is not the root, whose other half the TDX module has.
 */
function tdp_mmu_alloc_sp(vcpu: struct_kvm_vcpu, private_spt: boolean): struct_kvm_mmu_page {
	const sp = kvm_mmu_memory_cache_alloc(vcpu.arch.mmu_page_header_cache) as
		struct_kvm_mmu_page;
	const page = kvm_mmu_memory_cache_alloc(vcpu.arch.mmu_shadow_page_cache) as struct_page;

	sp.spt_page = page;
	sp.spt = page.pfn * SPTE_ENT_PER_PAGE;
	tdp_mmu_init_spt(vcpu.kvm, sp);
	if (private_spt)
		sp.private_spt = kvm_mmu_memory_cache_alloc(vcpu.arch.mmu_private_spt_cache) as
			struct_page;

	return sp;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_init_sp() */
function tdp_mmu_init_sp(sp: struct_kvm_mmu_page, sptep: tdp_ptep_t, gfn: gfn_t,
	role: kvm_mmu_page_role): void {
	/* C: set_page_private() */
	sp.spt_page!.pt_private = sp;

	sp.role.word = role.word;
	sp.gfn = gfn;
	sp.ptep = sptep;
	sp.tdp_mmu_page = true;

	trace_kvm_mmu_get_page(sp, true);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_init_child_sp() */
function tdp_mmu_init_child_sp(child_sp: struct_kvm_mmu_page, iter: struct_tdp_iter): void {
	const parent_sp = sptep_to_sp(rcu_dereference(iter.sptep));

	const role = new kvm_mmu_page_role(parent_sp.role.word);
	role.level--;

	tdp_mmu_init_sp(child_sp, iter.sptep, iter.gfn, role);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_get_vcpu_root_hpa() */
export function kvm_tdp_mmu_get_vcpu_root_hpa(vcpu: struct_kvm_vcpu, is_private = false): hpa_t {
	let role = vcpu.arch.mmu!.root_role;
	const kvm = vcpu.kvm;
	let root: struct_kvm_mmu_page | null;

	lockdep_assert_held_write(kvm.mmu_lock);

	if (is_private) {
		role = new kvm_mmu_page_role(role.word);
		role.is_private = 1;
	}

	out: {
		/* an invalid root has another role */
		for (root = next_tdp_mmu_root(kvm, null, kvm_mmu_role_as_id(role)); root !== null;
		     root = next_tdp_mmu_root(kvm, root, kvm_mmu_role_as_id(role))) {
			if (root.role.word === role.word &&
			    kvm_tdp_mmu_get_root(root))
				break out;
		}

		/* a root of a host that is gone may have been in the same place */
		tdp_iter_forget(fault_iter);
		root = tdp_mmu_alloc_sp(vcpu, false);
		tdp_mmu_init_sp(root, 0, gfn_t(0), role);

		refcount_set(root.tdp_mmu_root_count, 1);

		spin_lock(kvm.arch.tdp_mmu_pages_lock);
		list_add_rcu(root.link, kvm.arch.tdp_mmu_roots);
		spin_unlock(kvm.arch.tdp_mmu_pages_lock);
	}

	return kvm_mmu_page_pa(root);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:handle_changed_spte_acc_track() */
function handle_changed_spte_acc_track(old_spte: u64_spte, new_spte: u64_spte, level: number):
	void {
	if (!is_shadow_present_pte(old_spte) || !is_last_spte(old_spte, level))
		return;

	if (is_accessed_spte(old_spte) &&
	    (!is_shadow_present_pte(new_spte) || !is_accessed_spte(new_spte) ||
	     spte_pfns_differ(old_spte, new_spte)))
		kvm_set_pfn_accessed(spte_to_pfn(old_spte));
}

/** arch/x86/kvm/mmu/tdp_mmu.c:handle_changed_spte_dirty_log() */
function handle_changed_spte_dirty_log(kvm: struct_kvm, as_id: number, gfn: gfn_t,
	old_spte: u64_spte, new_spte: u64_spte, level: number): void {
	if (level > PG_LEVEL_4K)
		return;

	if (is_writable_pte(new_spte) &&
	    (!is_writable_pte(old_spte) || spte_pfns_differ(old_spte, new_spte))) {
		gfn = kvm_gfn_to_private(kvm, gfn);
		const slot = __gfn_to_memslot(__kvm_memslots(kvm, as_id), gfn);
		mark_page_dirty_in_slot(kvm, slot, gfn);
	}
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_unlink_sp()
 *
 * @shared: others may be adding and removing pages.
 */
function tdp_mmu_unlink_sp(kvm: struct_kvm, sp: struct_kvm_mmu_page, shared: boolean): void {
	if (shared)
		spin_lock(kvm.arch.tdp_mmu_pages_lock);
	else
		lockdep_assert_held_write(kvm.mmu_lock);

	tdp_iter_forget(fault_iter);
	list_del(sp.link);
	if (sp.lpage_disallowed)
		unaccount_huge_nx_page(kvm, sp);

	if (shared)
		spin_unlock(kvm.arch.tdp_mmu_pages_lock);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:handle_removed_pt()
 *
 * @pt was unlinked by the caller, who therefore is the one to clear its entries, and the tables
 * below it, and to free it.
 */
function handle_removed_pt(kvm: struct_kvm, pt: tdp_ptep_t, shared: boolean): void {
	const sp = sptep_to_sp(rcu_dereference(pt));
	const level = sp.role.level;
	const base_gfn = sp.gfn;
	const removed = removed_spte(kvm);
	const is_private = is_private_sp(sp);

	/* the pages of a TD are taken away from it under mmu_lock held for write */
	KVM_BUG_ON(is_private && shared, kvm);

	trace_kvm_mmu_prepare_zap_page(sp);

	tdp_mmu_unlink_sp(kvm, sp, shared);

	for (let i = 0; i < SPTE_ENT_PER_PAGE; i++) {
		const sptep = pt + i;
		const gfn = gfn_t(base_gfn + i * KVM_PAGES_PER_HPAGE(level));
		let old_spte: u64_spte;

		if (shared) {
			/*
			 * A value that nobody replaces. If it is there already, somebody in the
			 * middle of a fault may still replace it by his own: wait for him.
			 */
			for (;;) {
				old_spte = kvm_tdp_mmu_write_spte_atomic(sptep, removed);
				if (!is_removed_spte(old_spte))
					break;
				cpu_relax();
			}
		} else {
			/*
			 * Nothing stands behind what is not present, and nobody makes it present
			 * meanwhile. MMIO entries carry the generation that made them.
			 */
			old_spte = kvm_tdp_mmu_read_spte(sptep);
			if (!is_shadow_present_pte(old_spte) &&
			    !(is_private && is_private_zapped_spte(old_spte)))
				continue;

			/*
			 * Atomically where bits may change outside mmu_lock: the TLB is not
			 * flushed, CPUs cache upper levels, and may yet set the dirty bit; a fast
			 * page fault may have read the upper level before it was zapped. Once is
			 * enough, as nobody else zaps. REMOVED_SPTE is not needed here, but the
			 * same as above.
			 */
			old_spte = kvm_tdp_mmu_write_spte(sptep, old_spte, removed, level);
		}
		handle_changed_spte(kvm, kvm_mmu_page_as_id(sp), gfn, old_spte, removed,
			level, shared, is_private);
	}

	/* what the hardware has not given back is lost: nobody may touch it again */
	if (is_private && sp.private_spt !== null &&
	    kvm_x86_ops.free_private_spt!(kvm, kvm_gfn_to_private(kvm, sp.gfn),
		sp.role.level + 1, sp.private_spt) !== 0)
		sp.private_spt = null;

	call_rcu(sp.rcu_head, tdp_mmu_free_sp_rcu_callback);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:handle_changed_private_spte()
 *
 * Does to secure EPT what the entry is to say. An entry never changes from one page to another; a
 * large page gives way to a table of the same pages. A page goes in one step, or in two, so that
 * those that go together are forgotten by all CPUs together.
 */
function handle_changed_private_spte(kvm: struct_kvm, gfn: gfn_t, old_spte: u64_spte,
	new_spte: u64_spte, level: number): number {
	const was_present = is_shadow_present_pte(old_spte);
	const was_leaf = was_present && is_last_spte(old_spte, level);

	gfn = kvm_gfn_to_private(kvm, gfn);
	if (is_shadow_present_pte(new_spte)) {
		if (is_last_spte(new_spte, level)) {
			if (KVM_BUG_ON(was_present, kvm))
				return -EIO;
			return kvm_x86_ops.set_private_spte!(kvm, gfn, level,
				spte_to_pfn(new_spte));
		}
		const { private_spt } = sptep_to_sp(spte_to_child_pt(new_spte, level));
		if (KVM_BUG_ON(private_spt === null || (was_present && !was_leaf), kvm))
			return -EIO;
		return was_leaf ?
			kvm_x86_ops.split_private_spt!(kvm, gfn, level, private_spt!) :
			kvm_x86_ops.link_private_spt!(kvm, gfn, level, private_spt!);
	}
	if (!was_leaf && !is_private_zapped_spte(old_spte))
		return 0;

	lockdep_assert_held_write(kvm.mmu_lock);
	/* what could not be blocked can't be removed either; whoever has the page finds out */
	if (was_leaf)
		kvm_x86_ops.zap_private_spte!(kvm, gfn, level);
	if (is_private_zapped_spte(new_spte))
		return 0;
	const ret = kvm_x86_ops.remove_private_spte!(kvm, gfn, level, spte_to_pfn(old_spte));
	WARN_ON_ONCE(ret !== 0);
	return ret;
}

/*
 * __handle_changed_spte() for by far the most changes, and all that it comes to then: a small page
 * is mapped, or is no longer.
 */
function handle_changed_small_spte(kvm: struct_kvm, as_id: number, gfn: gfn_t, old_spte: u64_spte,
	new_spte: u64_spte): void {
	trace_kvm_tdp_mmu_spte_changed(as_id, gfn, PG_LEVEL_4K, old_spte, new_spte);

	if (is_shadow_present_pte(new_spte)) {
		check_spte_writable_invariants(new_spte);
		kvm_update_page_stats(kvm, PG_LEVEL_4K, 1);
	} else {
		kvm_update_page_stats(kvm, PG_LEVEL_4K, -1);
		if (is_dirty_spte(old_spte))
			kvm_set_pfn_dirty(spte_to_pfn(old_spte));
	}
}

/* Apart, so that what calls it is small. */
function leaf_replaced(as_id: number, gfn: gfn_t, old_spte: u64_spte, new_spte: u64_spte,
	level: number): never {
	pr_err("Invalid SPTE change: cannot replace a present leaf\n" +
		"SPTE with another present leaf SPTE mapping a\n" +
		"different PFN!\n" +
		"as_id: %d gfn: %llx old_spte: %llx new_spte: %llx level: %d",
		as_id, gfn, pair_to_u64(old_spte), pair_to_u64(new_spte), level);

	/* before guest data is damaged */
	BUG();
}

function nonpresent_replaced(as_id: number, gfn: gfn_t, old_spte: u64_spte, new_spte: u64_spte,
	level: number): void {
	pr_err("Unexpected SPTE change! Nonpresent SPTEs\n" +
		"should not be replaced with another,\n" +
		"different nonpresent SPTE, unless one or both\n" +
		"are MMIO SPTEs, or the new SPTE is\n" +
		"a temporary removed SPTE.\n" +
		"as_id: %d gfn: %llx old_spte: %llx new_spte: %llx level: %d",
		as_id, gfn, pair_to_u64(old_spte), pair_to_u64(new_spte), level);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:__handle_changed_spte()
 *
 * The books that have to be kept when an entry changes, except accessed state and dirty log.
 * @level is that of the table which holds the entry. Not 0 only if the entry is private, and what
 * it was to map can't be; then nothing has happened.
 */
function __handle_changed_spte(kvm: struct_kvm, as_id: number, gfn: gfn_t, old_spte: u64_spte,
	new_spte: u64_spte, level: number, shared: boolean, is_private: boolean): number {
	if (level === PG_LEVEL_4K && !is_private &&
	    ((old_spte.lo ^ new_spte.lo) & SPTE_MMU_PRESENT_MASK) !== 0) {
		handle_changed_small_spte(kvm, as_id, gfn, old_spte, new_spte);
		return 0;
	}
	return handle_changed_any_spte(kvm, as_id, gfn, old_spte, new_spte, level, shared,
		is_private);
}

/* upstream's body of __handle_changed_spte() */
function handle_changed_any_spte(kvm: struct_kvm, as_id: number, gfn: gfn_t, old_spte: u64_spte,
	new_spte: u64_spte, level: number, shared: boolean, is_private: boolean): number {
	const was_present = is_shadow_present_pte(old_spte);
	const is_present = is_shadow_present_pte(new_spte);
	const was_leaf = was_present && is_last_spte(old_spte, level);
	const is_leaf = is_present && is_last_spte(new_spte, level);
	const pfn_changed = spte_pfns_differ(old_spte, new_spte);

	WARN_ON(level > PT64_ROOT_MAX_LEVEL);
	WARN_ON(level < PG_LEVEL_4K);
	WARN_ON(level !== PG_LEVEL_4K && (gfn & (KVM_PAGES_PER_HPAGE(level) - 1)) !== 0);

	/*
	 * From one frame to another only by way of "not present" and a flush. If not, a notifier
	 * is missing or raced.
	 */
	if (was_leaf && is_leaf && pfn_changed)
		leaf_replaced(as_id, gfn, old_spte, new_spte, level);

	if (pair_eq(old_spte, new_spte))
		return 0;

	/* what appears has to be the hardware's first; what goes, goes from below */
	if (is_private && is_present && (!was_present || was_leaf !== is_leaf || pfn_changed)) {
		const ret = handle_changed_private_spte(kvm, gfn, old_spte, new_spte, level);
		if (ret !== 0)
			return ret;
	}

	trace_kvm_tdp_mmu_spte_changed(as_id, gfn, level, old_spte, new_spte);

	if (is_leaf)
		check_spte_writable_invariants(new_spte);

	if (is_private && is_private_zapped_spte(old_spte))
		return handle_changed_private_spte(kvm, gfn, old_spte, new_spte, level);

	/* only MMIO entries, and what was removed, are neither 0 nor present */
	if (!was_present && !is_present) {
		if (WARN_ON(!is_mmio_spte(kvm, old_spte) &&
			    !is_mmio_spte(kvm, new_spte) &&
			    !is_removed_spte(new_spte)))
			nonpresent_replaced(as_id, gfn, old_spte, new_spte, level);
		return 0;
	}

	if (is_leaf !== was_leaf)
		kvm_update_page_stats(kvm, level, is_leaf ? 1 : -1);

	if (was_leaf && is_dirty_spte(old_spte) &&
	    (!is_present || !is_dirty_spte(new_spte) || pfn_changed))
		kvm_set_pfn_dirty(spte_to_pfn(old_spte));

	/* a table went out of the tree, and all below it; a table is never moved */
	if (was_present && !was_leaf &&
	    (is_leaf || !is_present || WARN_ON_ONCE(pfn_changed)))
		handle_removed_pt(kvm, spte_to_child_pt(old_spte, level), shared);

	if (is_private && !is_present)
		handle_changed_private_spte(kvm, gfn, old_spte, new_spte, level);
	return 0;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:handle_changed_spte() */
function handle_changed_spte(kvm: struct_kvm, as_id: number, gfn: gfn_t, old_spte: u64_spte,
	new_spte: u64_spte, level: number, shared: boolean, is_private: boolean): void {
	__handle_changed_spte(kvm, as_id, gfn, old_spte, new_spte, level, shared, is_private);
	handle_changed_spte_acc_track(old_spte, new_spte, level);
	handle_changed_spte_dirty_log(kvm, as_id, gfn, old_spte, new_spte, level);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_set_spte_atomic()
 *
 * -EBUSY if the entry is not what @iter read; then iter->old_spte is what it is now, and nothing
 * else happened. The dirty log is not told. A private entry is REMOVED_SPTE while the TDX module
 * is at work on what it is going to be; if that fails (-errno) it is what it was.
 */
function tdp_mmu_set_spte_atomic(kvm: struct_kvm, iter: struct_tdp_iter, new_spte: u64_spte):
	number {
	const sptep = rcu_dereference(iter.sptep);

	/* the caller looks for REMOVED_SPTE itself, and spares himself work by that */
	WARN_ON_ONCE(iter.yielded === true || is_removed_spte(iter.old_spte));

	lockdep_assert_held_read(kvm.mmu_lock);

	const freeze_spte = iter.is_private === true && !is_removed_spte(new_spte);
	const tmp_spte = freeze_spte ? removed_spte(kvm) : new_spte;

	/* fast_pf_fix_direct_spte() changes entries even without mmu_lock */
	if (!mem_cmpxchg64(sptep, iter.old_spte.lo, iter.old_spte.hi, tmp_spte.lo, tmp_spte.hi)) {
		tdp_iter_read_spte(iter);
		return -EBUSY;
	}

	const ret = __handle_changed_spte(kvm, iter.as_id, iter.gfn, iter.old_spte, new_spte,
		iter.level, true, iter.is_private);
	if (freeze_spte)
		__kvm_tdp_mmu_write_spte(sptep, ret === 0 ? new_spte : iter.old_spte);
	if (ret !== 0)
		return ret;
	handle_changed_spte_acc_track(iter.old_spte, new_spte, iter.level);

	return 0;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_zap_spte_atomic() */
function tdp_mmu_zap_spte_atomic(kvm: struct_kvm, iter: struct_tdp_iter): number {
	/* nobody else puts a present entry there before the TLBs are flushed */
	const ret = tdp_mmu_set_spte_atomic(kvm, iter, removed_spte(kvm));
	if (ret !== 0)
		return ret;

	kvm_flush_remote_tlbs_with_address(kvm, iter.gfn, KVM_PAGES_PER_HPAGE(iter.level));

	/* ours alone until here; from not present to not present: no books to keep */
	__kvm_tdp_mmu_write_spte(iter.sptep, kvm.arch.shadow_nonpresent_value);

	return 0;
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:__tdp_mmu_set_spte()
 *
 * @level of the table that holds the entry; @record_acc_track and @record_dirty_log are false for
 * those who keep that state themselves. Answers what the entry was, which is not @old_spte if bits
 * of it were volatile.
 */
function __tdp_mmu_set_spte(kvm: struct_kvm, as_id: number, sptep: tdp_ptep_t, old_spte: u64_spte,
	new_spte: u64_spte, gfn: gfn_t, level: number, record_acc_track: boolean,
	record_dirty_log: boolean, is_private: boolean): u64_spte {
	lockdep_assert_held_write(kvm.mmu_lock);

	/* only under mmu_lock held for read is there a use for it */
	WARN_ON(is_removed_spte(old_spte) || is_removed_spte(new_spte));

	old_spte = kvm_tdp_mmu_write_spte(sptep, old_spte, new_spte, level);

	__handle_changed_spte(kvm, as_id, gfn, old_spte, new_spte, level, false, is_private);

	if (record_acc_track)
		handle_changed_spte_acc_track(old_spte, new_spte, level);
	if (record_dirty_log)
		handle_changed_spte_dirty_log(kvm, as_id, gfn, old_spte, new_spte, level);
	return old_spte;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:_tdp_mmu_set_spte() */
function _tdp_mmu_set_spte(kvm: struct_kvm, iter: struct_tdp_iter, new_spte: u64_spte,
	record_acc_track: boolean, record_dirty_log: boolean): void {
	WARN_ON_ONCE(iter.yielded);

	pair_set(iter.old_spte, __tdp_mmu_set_spte(kvm, iter.as_id, iter.sptep, iter.old_spte,
		new_spte, iter.gfn, iter.level, record_acc_track, record_dirty_log,
		iter.is_private));
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_set_spte() */
function tdp_mmu_set_spte(kvm: struct_kvm, iter: struct_tdp_iter, new_spte: u64_spte): void {
	_tdp_mmu_set_spte(kvm, iter, new_spte, true, true);
}

/**
 * A private entry gets a value that the TDX module may refuse: not 0 then, and it is what it was.
 */
function tdp_mmu_set_private_spte(kvm: struct_kvm, iter: struct_tdp_iter, new_spte: u64_spte):
	number {
	lockdep_assert_held_write(kvm.mmu_lock);

	const ret = __handle_changed_spte(kvm, iter.as_id, iter.gfn, iter.old_spte, new_spte,
		iter.level, false, true);
	if (ret === 0)
		__kvm_tdp_mmu_write_spte(iter.sptep, new_spte);
	return ret;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_set_spte_no_acc_track() */
function tdp_mmu_set_spte_no_acc_track(kvm: struct_kvm, iter: struct_tdp_iter, new_spte: u64_spte):
	void {
	_tdp_mmu_set_spte(kvm, iter, new_spte, false, true);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_set_spte_no_dirty_log() */
function tdp_mmu_set_spte_no_dirty_log(kvm: struct_kvm, iter: struct_tdp_iter, new_spte: u64_spte):
	void {
	_tdp_mmu_set_spte(kvm, iter, new_spte, true, false);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_iter_cond_resched()
 *
 * True if mmu_lock was dropped, after a flush if @flush: then the caller goes on with the next
 * step, which starts from the root again.
 */
function tdp_mmu_iter_cond_resched(kvm: struct_kvm, iter: struct_tdp_iter, flush: boolean,
	shared: boolean): boolean {
	WARN_ON(iter.yielded);

	/* not without progress since the last time */
	if (iter.next_last_level_gfn === iter.yielded_gfn)
		return false;

	if (need_resched() || rwlock_needbreak(kvm.mmu_lock)) {
		if (flush)
			kvm_flush_remote_tlbs(kvm);

		rcu_read_unlock();

		if (shared)
			cond_resched_rwlock_read(kvm.mmu_lock);
		else
			cond_resched_rwlock_write(kvm.mmu_lock);

		rcu_read_lock();

		WARN_ON(iter.gfn > iter.next_last_level_gfn);

		iter.yielded = true;
	}

	return iter.yielded;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_max_gfn_exclusive() */
function tdp_mmu_max_gfn_exclusive(): gfn_t {
	/* no memslot ends behind the host's width, and no MMIO entry is made there */
	return gfn_t(kvm_mmu_max_gfn() + 1);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:__tdp_mmu_zap_root() */
function __tdp_mmu_zap_root(kvm: struct_kvm, root: struct_kvm_mmu_page, shared: boolean,
	zap_level: number): void {
	const iter = new struct_tdp_iter();

	const end = kvm_gfn_for_root(kvm, root, tdp_mmu_max_gfn_exclusive());
	const start = kvm_gfn_for_root(kvm, root, gfn_t(0));
	const nonpresent = kvm.arch.shadow_nonpresent_value;

	each: for (tdp_iter_start(iter, root, zap_level, start); iter.valid && iter.gfn < end;
		   tdp_iter_next(iter)) {
		retry: for (;;) {
			if (tdp_mmu_iter_cond_resched(kvm, iter, false, shared))
				continue each;

			if (!is_shadow_present_pte(iter.old_spte))
				continue each;

			if (iter.level > zap_level)
				continue each;

			if (!shared)
				tdp_mmu_set_spte(kvm, iter, nonpresent);
			else if (tdp_mmu_set_spte_atomic(kvm, iter, nonpresent) !== 0)
				continue retry;
			break;
		}
	}
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_zap_root() */
function tdp_mmu_zap_root(kvm: struct_kvm, root: struct_kvm_mmu_page, shared: boolean): void {

	/*
	 * Notifiers have to find the root as long as it maps pages and mmu_lock may be dropped:
	 * zapping later, when the page is no longer KVM's, would write to its struct page.
	 */
	WARN_ON_ONCE(refcount_read(root.tdp_mmu_root_count) === 0);

	kvm_lockdep_assert_mmu_lock_held(kvm, shared);

	rcu_read_lock();

	/*
	 * In two passes, not to stay too long in one entry: what maps 1 GiB has to be zapped in
	 * one go anyway when a huge page replaces it. Below that the recursion does it.
	 */
	__tdp_mmu_zap_root(kvm, root, shared, PG_LEVEL_1G);
	__tdp_mmu_zap_root(kvm, root, shared, root.role.level);

	rcu_read_unlock();
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_zap_sp() */
export function kvm_tdp_mmu_zap_sp(kvm: struct_kvm, sp: struct_kvm_mmu_page): boolean {
	/* a root has no entry that points to it */
	if (WARN_ON_ONCE(sp.ptep === 0))
		return false;

	const old_spte = kvm_tdp_mmu_read_spte(sp.ptep);
	if (WARN_ON_ONCE(!is_shadow_present_pte(old_spte)))
		return false;

	__tdp_mmu_set_spte(kvm, kvm_mmu_page_as_id(sp), sp.ptep, old_spte,
		kvm.arch.shadow_nonpresent_value, sp.gfn, sp.role.level + 1, true, true,
		is_private_sp(sp));

	return true;
}

/** True if @sp's entries map all of what one large page would, and in order. */
function tdp_mmu_sp_is_whole(sp: struct_kvm_mmu_page): boolean {
	const n = KVM_PAGES_PER_HPAGE(sp.role.level);
	const first = spte_to_pfn(kvm_tdp_mmu_read_spte(sp.spt));

	if (ul_and_low(first, KVM_PAGES_PER_HPAGE(sp.role.level + 1) - 1) !== 0)
		return false;
	for (let i = 0; i < SPTE_ENT_PER_PAGE; i++) {
		const spte = kvm_tdp_mmu_read_spte(sp.spt + i);
		if (!is_shadow_present_pte(spte) || !is_last_spte(spte, sp.role.level) ||
		    spte_to_pfn(spte) !== first + i * n)
			return false;
	}
	return true;
}

/**
 * Makes one page of a TD's small ones again, what is in them included. False if that can't be: some
 * are missing, or shared, or the guest has not accepted them yet.
 */
export function kvm_tdp_mmu_merge_private_sp(kvm: struct_kvm, sp: struct_kvm_mmu_page): boolean {
	const { level } = sp.role, as_id = kvm_mmu_page_as_id(sp);
	const gfn = kvm_gfn_to_private(kvm, sp.gfn);
	const slot = __gfn_to_memslot(__kvm_memslots(kvm, as_id), gfn);

	lockdep_assert_held_write(kvm.mmu_lock);

	if (slot === null || !tdp_mmu_sp_is_whole(sp) ||
	    kvm_mmu_max_mapping_level(kvm, slot, gfn, level + 1) <= level)
		return false;
	if (kvm_x86_ops.merge_private_spt!(kvm, gfn, level + 1, sp.private_spt!) !== 0)
		return false;
	sp.private_spt = null;

	const old_spte = kvm_tdp_mmu_read_spte(sp.ptep);
	const huge_spte = make_huge_spte(kvm_tdp_mmu_read_spte(sp.spt));
	__kvm_tdp_mmu_write_spte(sp.ptep, huge_spte);
	trace_kvm_tdp_mmu_spte_changed(as_id, sp.gfn, level + 1, old_spte, huge_spte);
	kvm_update_page_stats(kvm, level, -SPTE_ENT_PER_PAGE);
	kvm_update_page_stats(kvm, level + 1, 1);
	trace_kvm_mmu_prepare_zap_page(sp);
	tdp_mmu_unlink_sp(kvm, sp, false);
	call_rcu(sp.rcu_head, tdp_mmu_free_sp_rcu_callback);
	return true;
}

/**
 * Makes small pages of a TD's large one, part of which is to go. False if there is no memory for
 * the table: then all of it goes, and the TD has lost the rest.
 */
function tdp_mmu_split_private(kvm: struct_kvm, iter: struct_tdp_iter, can_yield: boolean):
	boolean {
	const sp = can_yield ? tdp_mmu_alloc_sp_for_split(kvm, iter, false) :
		__tdp_mmu_alloc_sp_for_split(GFP_NOWAIT | __GFP_ACCOUNT, true);

	if (sp === null) {
		pr_err("kvm: no memory to split a private page, gfn 0x%llx\n", iter.gfn);
		return iter.yielded;
	}
	/* mmu_lock was dropped: look again */
	if (iter.yielded || tdp_mmu_split_huge_page(kvm, iter, sp, false) !== 0) {
		tdp_mmu_free_sp(sp);
		return iter.yielded;
	}
	tdp_iter_read_spte(iter);
	return true;
}

/* what tdp_mmu_zap_private() has zapped, and not removed yet */
const zapped_sptep: tdp_ptep_t[] = [];
const zapped_gfn: gfn_t[] = [];
const zapped_level: number[] = [];
let nr_zapped = 0;

/* the most that wait: mmu_lock is not given up in between */
const MAX_ZAPPED = SPTE_ENT_PER_PAGE;

/** Half of the way out: the page is blocked. */
function tdp_mmu_zap_private_spte(kvm: struct_kvm, as_id: number, sptep: tdp_ptep_t,
	old_spte: u64_spte, gfn: gfn_t, level: number): void {
	__tdp_mmu_set_spte(kvm, as_id, sptep, old_spte, private_zapped_spte(old_spte), gfn, level,
		true, true, true);
	zapped_sptep[nr_zapped] = sptep;
	zapped_gfn[nr_zapped] = gfn;
	zapped_level[nr_zapped++] = level;
}

/** The other half: once all CPUs have forgotten them, pages go back to the host. */
function tdp_mmu_remove_zapped(kvm: struct_kvm, as_id: number): void {
	const nonpresent = kvm.arch.shadow_nonpresent_value;

	for (let i = 0; i < nr_zapped; i++) {
		const sptep = zapped_sptep[i]!;
		__tdp_mmu_set_spte(kvm, as_id, sptep, kvm_tdp_mmu_read_spte(sptep), nonpresent,
			zapped_gfn[i]!, zapped_level[i]!, false, false, true);
	}
	nr_zapped = 0;
}

/**
 * A table with all that is below it, none of which stays. It makes room for a large page, which
 * can't be put in a table's place otherwise.
 */
function tdp_mmu_zap_private_table(kvm: struct_kvm, iter: struct_tdp_iter): void {
	const pt = spte_to_child_pt(iter.old_spte, iter.level);
	const level = iter.level - 1, n = KVM_PAGES_PER_HPAGE(level);

	tdp_mmu_remove_zapped(kvm, iter.as_id);
	/* from above, so that nobody walks down any more */
	kvm_x86_ops.zap_private_spte!(kvm, kvm_gfn_to_private(kvm, iter.gfn), iter.level);
	for (let i = 0; i < SPTE_ENT_PER_PAGE; i++) {
		const old_spte = kvm_tdp_mmu_read_spte(pt + i);
		if (is_shadow_present_pte(old_spte))
			tdp_mmu_zap_private_spte(kvm, iter.as_id, pt + i, old_spte,
				gfn_t(iter.gfn + i * n), level);
	}
	tdp_mmu_remove_zapped(kvm, iter.as_id);
	/* a page that did not come back keeps it */
	if (!kvm.vm_bugged)
		tdp_mmu_set_spte(kvm, iter, kvm.arch.shadow_nonpresent_value);
}

/** The table with the small pages around @gfn goes, too, if none is left. */
function tdp_mmu_zap_empty_private_table(kvm: struct_kvm, root: struct_kvm_mmu_page, gfn: gfn_t):
	void {
	const iter = tdp_iter_get();

	for (tdp_iter_start(iter, root, PG_LEVEL_2M, gfn); iter.valid && iter.gfn <= gfn;
	     tdp_iter_next(iter)) {
		const pt = iter.level === PG_LEVEL_2M ?
			spte_to_child_pt(iter.old_spte, iter.level) : 0;
		if (pt === 0)
			continue;
		let i = 0;
		while (i < SPTE_ENT_PER_PAGE &&
		       !is_shadow_present_pte(kvm_tdp_mmu_read_spte(pt + i)))
			i++;
		if (i === SPTE_ENT_PER_PAGE)
			tdp_mmu_zap_private_table(kvm, iter);
		break;
	}
	tdp_iter_put(iter);
}

/** One step of tdp_mmu_zap_private(). */
function tdp_mmu_zap_private_entry(kvm: struct_kvm, iter: struct_tdp_iter, start: gfn_t,
	end: gfn_t, can_yield: boolean): void {
	const part = iter.gfn < start || iter.gfn + KVM_PAGES_PER_HPAGE(iter.level) > end;

	if (!is_last_spte(iter.old_spte, iter.level)) {
		if (iter.level === PG_LEVEL_2M && !part)
			tdp_mmu_zap_private_table(kvm, iter);
		return;
	}
	/* what is taken from a TD is lost: no more than that */
	if (part) {
		tdp_mmu_remove_zapped(kvm, iter.as_id);
		if (tdp_mmu_split_private(kvm, iter, can_yield))
			return;
	}
	tdp_mmu_zap_private_spte(kvm, iter.as_id, iter.sptep, iter.old_spte, iter.gfn, iter.level);
	if (nr_zapped === MAX_ZAPPED)
		tdp_mmu_remove_zapped(kvm, iter.as_id);
}

/**
 * tdp_mmu_zap_leafs() of a TD's private tables. Pages are blocked first and removed then, so that
 * one TDH.MEM.TRACK, and one kick of all vCPUs, serves many of them. On return they are the host's.
 */
function tdp_mmu_zap_private(kvm: struct_kvm, root: struct_kvm_mmu_page, start: gfn_t, end: gfn_t,
	can_yield: boolean): void {
	const iter = tdp_iter_get();

	for (tdp_iter_start(iter, root, PG_LEVEL_4K, start); iter.valid && iter.gfn < end;
	     tdp_iter_next(iter)) {
		if (can_yield && (need_resched() || rwlock_needbreak(kvm.mmu_lock))) {
			tdp_mmu_remove_zapped(kvm, iter.as_id);
			if (tdp_mmu_iter_cond_resched(kvm, iter, false, false))
				continue;
		}
		if (is_shadow_present_pte(iter.old_spte))
			tdp_mmu_zap_private_entry(kvm, iter, start, end, can_yield);
	}
	tdp_mmu_remove_zapped(kvm, iter.as_id);
	tdp_iter_put(iter);

	/* of the others all is gone anyway */
	const mask = KVM_PAGES_PER_HPAGE(PG_LEVEL_2M) - 1;
	if (ul_and_low(start, mask) !== 0)
		tdp_mmu_zap_empty_private_table(kvm, root, start);
	if (ul_and_low(end, mask) !== 0)
		tdp_mmu_zap_empty_private_table(kvm, root, gfn_t(end - 1));
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_zap_leafs()
 *
 * Without @can_yield the range must not be too large.
 */
function tdp_mmu_zap_leafs(kvm: struct_kvm, root: struct_kvm_mmu_page, start: gfn_t, end: gfn_t,
	can_yield: boolean, flush: boolean): boolean {
	end = kvm_gfn_for_root(kvm, root, min(end, tdp_mmu_max_gfn_exclusive()));
	start = kvm_gfn_for_root(kvm, root, start);

	lockdep_assert_held_write(kvm.mmu_lock);

	rcu_read_lock();

	/* for a TD's private memory no flush is left to be done */
	if (is_private_sp(root)) {
		tdp_mmu_zap_private(kvm, root, start, end, can_yield);
		rcu_read_unlock();
		return flush;
	}

	const iter = tdp_iter_get();
	for (tdp_iter_start(iter, root, PG_LEVEL_4K, start); iter.valid === true && iter.gfn < end;
	     tdp_iter_next(iter)) {
		if (can_yield === true &&
		    tdp_mmu_iter_cond_resched(kvm, iter, flush, false)) {
			flush = false;
			continue;
		}

		if (!is_shadow_present_pte(iter.old_spte) ||
		    !is_last_spte(iter.old_spte, iter.level))
			continue;

		tdp_mmu_set_spte(kvm, iter, kvm.arch.shadow_nonpresent_value);
		flush = true;
	}

	rcu_read_unlock();

	tdp_iter_put(iter);

	/* no table was unlinked: the flush may come after the RCU section */
	return flush;
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_zap_leafs()
 *
 * True if a flush is due before mmu_lock is dropped. @what: of a TD only; others have one tree.
 */
export function kvm_tdp_mmu_zap_leafs(kvm: struct_kvm, as_id: number, start: gfn_t, end: gfn_t,
	can_yield: boolean, flush: boolean, what: kvm_zap_what): boolean {
	const all = kvm.arch.gfn_shared_mask === 0;

	for (let root = next_tdp_mmu_root_yield_safe(kvm, null, as_id); root !== null;
	     root = next_tdp_mmu_root_yield_safe(kvm, root, as_id)) {
		if (!all && (what & (is_private_sp(root) ? KVM_ZAP_PRIVATE : KVM_ZAP_SHARED)) === 0)
			continue;
		flush = tdp_mmu_zap_leafs(kvm, root, start, end, can_yield, flush);
	}

	return flush;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_zap_all() */
export function kvm_tdp_mmu_zap_all(kvm: struct_kvm): void {
	/*
	 * Also those that a worker is at: all has to be gone on return. No flush: the VM goes, or
	 * its owner has; no vCPU will run again.
	 */
	for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++) {
		for (let root = next_tdp_mmu_root_yield_safe(kvm, null, i); root !== null;
		     root = next_tdp_mmu_root_yield_safe(kvm, root, i))
			tdp_mmu_zap_root(kvm, root, false);
	}
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_zap_invalidated_roots() */
export function kvm_tdp_mmu_zap_invalidated_roots(kvm: struct_kvm): void {
	flush_workqueue(kvm.arch.tdp_mmu_zap_wq!);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_invalidate_all_roots()
 *
 * No vCPU will use them again; the work queue zaps them, and is at the same time the list of what
 * is to be zapped. The worker is given a reference of its own.
 */
export function kvm_tdp_mmu_invalidate_all_roots(kvm: struct_kvm): void {
	lockdep_assert_held_write(kvm.mmu_lock);
	for (const root of list_for_each_entry(kvm.arch.tdp_mmu_roots, struct_kvm_mmu_page,
		"link")) {
		/* a TD's memory can't be mapped again */
		if (root.role.invalid === 0 && !is_private_sp(root) &&
		    !WARN_ON_ONCE(!kvm_tdp_mmu_get_root(root))) {
			root.role.invalid = 1;
			tdp_mmu_schedule_zap_root(kvm, root);
		}
	}
}

/* what make_spte() hands back; nothing below it comes here again */
const made_spte = pair(0, 0);

/* Apart, so that V8 inlines what calls it. */
function mmio_spte_created(vcpu: struct_kvm_vcpu, iter: struct_tdp_iter, new_spte: u64_spte): void {
	vcpu.stat.pf_mmio_spte_created++;
	trace_mark_mmio_spte(iter.sptep, iter.gfn, new_spte);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_map_handle_target_level() */
function tdp_mmu_map_handle_target_level(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault,
	iter: struct_tdp_iter): number {
	const sptep = rcu_dereference(iter.sptep);
	const sp = tdp_iter_sp(iter);
	const { kvm } = vcpu;
	const { slot } = fault;
	const { old_spte } = iter;
	const gfn = kvm_gfn_to_private(kvm, iter.gfn);
	let new_spte: u64_spte;
	let ret: number = RET_PF_FIXED;
	let wrprot = false;

	WARN_ON(sp.role.level !== fault.goal_level);
	KVM_BUG_ON(is_private_sp(sp) !== fault.is_private && kvm.arch.gfn_shared_mask !== 0, kvm);
	if (slot === null)
		new_spte = make_mmio_spte(vcpu, gfn, ACC_ALL);
	else {
		wrprot = make_spte(vcpu, sp, slot, ACC_ALL, gfn, fault.pfn,
			old_spte, fault.prefetch, true, fault.map_writable, made_spte);
		new_spte = made_spte;
	}

	if (pair_eq(new_spte, old_spte))
		ret = RET_PF_SPURIOUS;
	else if (tdp_mmu_set_spte_atomic(kvm, iter, new_spte) !== 0)
		return RET_PF_RETRY;
	else if (is_shadow_present_pte(old_spte) &&
		 !is_last_spte(old_spte, iter.level))
		kvm_flush_remote_tlbs_with_address(kvm, sp.gfn,
			KVM_PAGES_PER_HPAGE(iter.level + 1));

	/* a write to what stays write-protected would only fault again */
	if (wrprot === true) {
		if (fault.write)
			ret = RET_PF_EMULATE;
	}

	if (is_mmio_spte(kvm, new_spte)) {
		mmio_spte_created(vcpu, iter, new_spte);
		ret = RET_PF_EMULATE;
	} else {
		trace_kvm_mmu_set_spte(iter.level, iter.gfn, sptep);
	}

	return ret;
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_link_sp()
 *
 * Makes the entry that @iter stands at point to @sp; not 0 if it is another entry by now.
 * @account_nx: the table takes the place of a huge page that may not be executable, or of a TD's.
 */
function tdp_mmu_link_sp(kvm: struct_kvm, iter: struct_tdp_iter, sp: struct_kvm_mmu_page,
	account_nx: boolean, shared: boolean): number {
	const spte = make_nonleaf_spte(sp.spt, !kvm_ad_enabled());
	let ret = 0;

	if (shared) {
		ret = tdp_mmu_set_spte_atomic(kvm, iter, spte);
		if (ret !== 0)
			return ret;
	} else if (iter.is_private) {
		ret = tdp_mmu_set_private_spte(kvm, iter, spte);
		if (ret !== 0)
			return ret;
	} else {
		tdp_mmu_set_spte(kvm, iter, spte);
	}

	spin_lock(kvm.arch.tdp_mmu_pages_lock);
	list_add(sp.link, kvm.arch.tdp_mmu_pages);
	if (account_nx)
		account_huge_nx_page(kvm, sp);
	spin_unlock(kvm.arch.tdp_mmu_pages_lock);

	return 0;
}

/** The root that an access goes by, private or not. */
function tdp_mmu_root_of(vcpu: struct_kvm_vcpu, is_private: boolean): struct_kvm_mmu_page {
	const mmu = vcpu.arch.mmu!;

	if (is_private === true && vcpu.kvm.arch.gfn_shared_mask !== 0)
		return to_shadow_page(mmu.private_root_hpa)!;
	return root_to_sp(mmu.root)!;
}

/** A fault wants a part of a TD's large page: small pages then, with what is in them. */
function tdp_mmu_map_split_private(vcpu: struct_kvm_vcpu, iter: struct_tdp_iter): boolean {
	const sp = tdp_mmu_alloc_sp(vcpu, true);

	if (tdp_mmu_split_huge_page(vcpu.kvm, iter, sp, true) !== 0) {
		tdp_mmu_free_sp(sp);
		return false;
	}
	tdp_iter_read_spte(iter);
	return true;
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_map()
 *
 * Makes the tables and the entry that a fault asks for. mmu_lock is held for read.
 */
export function kvm_tdp_mmu_map(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault): number {
	const iter = fault_iter;

	kvm_mmu_hugepage_adjust(vcpu, fault);

	trace_kvm_mmu_spte_requested(fault);

	const root = tdp_mmu_root_of(vcpu, fault.is_private);
	const gfn = kvm_gfn_for_root(vcpu.kvm, root, fault.gfn);

	rcu_read_lock();

	/* above a small page there is nothing to do but to see that the tables are there */
	if (fault.goal_level !== PG_LEVEL_4K || !tdp_iter_start_near(iter, root, gfn))
		tdp_iter_start(iter, root, PG_LEVEL_4K, gfn);
	for (; iter.valid === true && iter.gfn < gfn + 1; tdp_iter_next(iter)) {
		/* no page takes the place of a table of a TD's, either */
		if (fault.nx_huge_page_workaround_enabled === true || iter.is_private === true)
			disallowed_hugepage_adjust(fault, iter.old_spte, iter.level);

		if (iter.level === fault.goal_level)
			break;

		/* a page larger than asked for gives way to a table */
		if (is_shadow_present_pte(iter.old_spte) &&
		    is_large_pte(iter.old_spte)) {
			if (iter.is_private) {
				if (!tdp_mmu_map_split_private(vcpu, iter))
					break;
				continue;
			}
			if (tdp_mmu_zap_spte_atomic(vcpu.kvm, iter) !== 0)
				break;

			/* for what follows: not present now */
			tdp_iter_read_spte(iter);
		}

		if (!is_shadow_present_pte(iter.old_spte)) {
			const account_nx = fault.huge_page_disallowed &&
				fault.req_level >= iter.level;

			/* another thread is at it: spare the allocation */
			if (is_removed_spte(iter.old_spte))
				break;

			const sp = tdp_mmu_alloc_sp(vcpu, iter.is_private);
			tdp_mmu_init_child_sp(sp, iter);

			if (tdp_mmu_link_sp(vcpu.kvm, iter, sp, account_nx, true) !== 0) {
				tdp_mmu_free_sp(sp);
				break;
			}
		}
	}

	/* a table is missing, or the entry is somebody else's for the moment */
	if (iter.level !== fault.goal_level || is_removed_spte(iter.old_spte)) {
		rcu_read_unlock();
		return RET_PF_RETRY;
	}

	const ret = tdp_mmu_map_handle_target_level(vcpu, fault, iter);
	rcu_read_unlock();

	return ret;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_unmap_gfn_range() */
export function kvm_tdp_mmu_unmap_gfn_range(kvm: struct_kvm, range: struct_kvm_gfn_range,
	flush: boolean): boolean {
	/* notifiers tell of the host's mappings, which private memory has none of */
	return kvm_tdp_mmu_zap_leafs(kvm, range.slot.as_id, range.start,
		range.end, range.may_block, flush, KVM_ZAP_SHARED);
}

type tdp_handler_t = (kvm: struct_kvm, iter: struct_tdp_iter, range: struct_kvm_gfn_range) =>
	boolean;

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_handle_gfn(): for notifiers that may not yield. */
function kvm_tdp_mmu_handle_gfn(kvm: struct_kvm, range: struct_kvm_gfn_range,
	handler: tdp_handler_t): boolean {
	const iter = tdp_iter_get();
	let ret = false;

	for (let root = next_tdp_mmu_root(kvm, null, range.slot.as_id); root !== null;
	     root = next_tdp_mmu_root(kvm, root, range.slot.as_id)) {
		if (is_private_sp(root))
			continue;
		const start = kvm_gfn_for_root(kvm, root, range.start);
		const end = kvm_gfn_for_root(kvm, root, range.end);

		rcu_read_lock();

		for (tdp_iter_start(iter, root, PG_LEVEL_4K, start);
		     iter.valid && iter.gfn < end; tdp_iter_next(iter)) {
			if (!is_shadow_present_pte(iter.old_spte) ||
			    !is_last_spte(iter.old_spte, iter.level))
				continue;

			if (handler(kvm, iter, range))
				ret = true;
		}

		rcu_read_unlock();
	}

	tdp_iter_put(iter);
	return ret;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:age_gfn_range() */
function age_gfn_range(kvm: struct_kvm, iter: struct_tdp_iter, _range: struct_kvm_gfn_range):
	boolean {
	let new_spte: u64_spte = PAIR_ZERO;

	if (!is_accessed_spte(iter.old_spte))
		return false;

	new_spte = iter.old_spte;

	if (spte_ad_enabled(new_spte)) {
		new_spte = pair_andnot(new_spte, shadow_accessed_mask);
	} else {
		/* the tracked entry will not say that the page is dirty */
		if (is_writable_pte(new_spte))
			kvm_set_pfn_dirty(spte_to_pfn(new_spte));

		new_spte = mark_spte_for_access_track(new_spte);
	}

	tdp_mmu_set_spte_no_acc_track(kvm, iter, new_spte);

	return true;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_age_gfn_range() */
export function kvm_tdp_mmu_age_gfn_range(kvm: struct_kvm, range: struct_kvm_gfn_range): boolean {
	return kvm_tdp_mmu_handle_gfn(kvm, range, age_gfn_range);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:test_age_gfn() */
function test_age_gfn(_kvm: struct_kvm, iter: struct_tdp_iter, _range: struct_kvm_gfn_range):
	boolean {
	return is_accessed_spte(iter.old_spte);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_test_age_gfn() */
export function kvm_tdp_mmu_test_age_gfn(kvm: struct_kvm, range: struct_kvm_gfn_range): boolean {
	return kvm_tdp_mmu_handle_gfn(kvm, range, test_age_gfn);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:set_spte_gfn() */
function set_spte_gfn(kvm: struct_kvm, iter: struct_tdp_iter, range: struct_kvm_gfn_range):
	boolean {
	/* huge pages are zapped before they change */
	WARN_ON(pte_huge(range.pte) || range.start + 1 !== range.end);

	if (iter.level !== PG_LEVEL_4K ||
	    !is_shadow_present_pte(iter.old_spte))
		return false;

	/* by way of 0, as the frame of a present leaf never changes */
	tdp_mmu_set_spte(kvm, iter, kvm.arch.shadow_nonpresent_value);

	if (!pte_write(range.pte)) {
		const new_spte = kvm_mmu_changed_pte_notifier_make_spte(iter.old_spte,
			pte_pfn(range.pte) as number as kvm_pfn_t);

		tdp_mmu_set_spte(kvm, iter, new_spte);
	}

	return true;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_set_spte_gfn() */
export function kvm_tdp_mmu_set_spte_gfn(kvm: struct_kvm, range: struct_kvm_gfn_range): boolean {
	/* leaves only, no table is freed: the flush may come after the RCU section */
	return kvm_tdp_mmu_handle_gfn(kvm, range, set_spte_gfn);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:wrprot_gfn_range()
 *
 * True if a flush is due. Entries above @min_level, and at it, lose their write permission.
 */
function wrprot_gfn_range(kvm: struct_kvm, root: struct_kvm_mmu_page, start: gfn_t, end: gfn_t,
	min_level: number): boolean {
	const iter = new struct_tdp_iter();
	let spte_set = false;

	rcu_read_lock();

	BUG_ON(min_level > KVM_MAX_HUGEPAGE_LEVEL);

	each: for (tdp_iter_start(iter, root, min_level, start); iter.valid && iter.gfn < end;
		   tdp_iter_next(iter)) {
		retry: for (;;) {
			if (tdp_mmu_iter_cond_resched(kvm, iter, false, true))
				continue each;

			if (!is_shadow_present_pte(iter.old_spte) ||
			    !is_last_spte(iter.old_spte, iter.level) ||
			    (iter.old_spte.lo & PT_WRITABLE_MASK) === 0)
				continue each;

			const new_spte = pair(iter.old_spte.lo & ~PT_WRITABLE_MASK,
				iter.old_spte.hi);

			if (tdp_mmu_set_spte_atomic(kvm, iter, new_spte) !== 0)
				continue retry;

			spte_set = true;
			break;
		}
	}

	rcu_read_unlock();
	return spte_set;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_wrprot_slot() */
export function kvm_tdp_mmu_wrprot_slot(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	min_level: number): boolean {
	let spte_set = false;

	lockdep_assert_held_read(kvm.mmu_lock);

	for (let root = next_valid_tdp_mmu_root_yield_safe(kvm, null, slot.as_id, true);
	     root !== null;
	     root = next_valid_tdp_mmu_root_yield_safe(kvm, root, slot.as_id, true))
		if (wrprot_gfn_range(kvm, root, slot.base_gfn,
			gfn_t(slot.base_gfn + slot.npages), min_level))
			spte_set = true;

	return spte_set;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:__tdp_mmu_alloc_sp_for_split() */
function __tdp_mmu_alloc_sp_for_split(gfp: gfp_t, is_private: boolean):
	struct_kvm_mmu_page | null {
	gfp |= __GFP_ZERO;

	const sp = kmem_cache_alloc(mmu_page_header_cache!, gfp);
	if (sp === null)
		return null;

	const page = __get_free_page(gfp);
	const private_spt = page !== null && is_private ? __get_free_page(gfp) : null;
	if (page === null || (is_private && private_spt === null)) {
		if (page !== null)
			free_page(page);
		kmem_cache_free(mmu_page_header_cache!, sp);
		return null;
	}
	sp.spt_page = page;
	sp.spt = page.pfn * SPTE_ENT_PER_PAGE;
	sp.private_spt = private_spt;

	return sp;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_alloc_sp_for_split() */
function tdp_mmu_alloc_sp_for_split(kvm: struct_kvm, iter: struct_tdp_iter, shared: boolean):
	struct_kvm_mmu_page | null {
	let sp: struct_kvm_mmu_page | null;

	/*
	 * Under mmu_lock reclaim must not run: it would call KVM's own notifiers. If there is
	 * nothing without, again with mmu_lock dropped.
	 */
	sp = __tdp_mmu_alloc_sp_for_split(GFP_NOWAIT | __GFP_ACCOUNT, iter.is_private);
	if (sp !== null)
		return sp;

	rcu_read_unlock();

	if (shared)
		read_unlock(kvm.mmu_lock);
	else
		write_unlock(kvm.mmu_lock);

	iter.yielded = true;
	sp = __tdp_mmu_alloc_sp_for_split(GFP_KERNEL_ACCOUNT, iter.is_private);

	if (shared)
		read_lock(kvm.mmu_lock);
	else
		write_lock(kvm.mmu_lock);

	rcu_read_lock();

	return sp;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_split_huge_page() */
function tdp_mmu_split_huge_page(kvm: struct_kvm, iter: struct_tdp_iter, sp: struct_kvm_mmu_page,
	shared: boolean): number {
	const huge_spte = pair_copy(iter.old_spte);
	const level = iter.level;

	tdp_mmu_init_child_sp(sp, iter);

	/* nobody else can reach the table yet */
	for (let i = 0; i < SPTE_ENT_PER_PAGE; i++) {
		const spte = make_huge_page_split_spte(kvm, huge_spte, sp.role, i);
		mem_write64(sp.spt + i, spte.lo, spte.hi);
	}

	/*
	 * Without a flush: some vCPUs will see the small pages, others the huge one that their TLB
	 * holds; both lead to the same place.
	 */
	const ret = tdp_mmu_link_sp(kvm, iter, sp, iter.is_private, shared);

	out: {
		if (ret !== 0)
			break out;

		/* the huge page was taken off the count when the entry changed */
		kvm_update_page_stats(kvm, level - 1, SPTE_ENT_PER_PAGE);
	}

	trace_kvm_mmu_split_huge_page(iter.gfn, huge_spte, level, ret);
	return ret;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:tdp_mmu_split_huge_pages_root() */
function tdp_mmu_split_huge_pages_root(kvm: struct_kvm, root: struct_kvm_mmu_page, start: gfn_t,
	end: gfn_t, target_level: number, shared: boolean): number {
	let sp: struct_kvm_mmu_page | null = null;
	const iter = new struct_tdp_iter();
	let ret = 0;

	rcu_read_lock();

	/* in pre-order, so that the parts of a 1 GiB page are split in their turn */
	each: for (tdp_iter_start(iter, root, target_level + 1, start);
		   iter.valid && iter.gfn < end; tdp_iter_next(iter)) {
		retry: for (;;) {
			if (tdp_mmu_iter_cond_resched(kvm, iter, false, shared))
				continue each;

			if (!is_shadow_present_pte(iter.old_spte) || !is_large_pte(iter.old_spte))
				continue each;

			if (sp === null) {
				sp = tdp_mmu_alloc_sp_for_split(kvm, iter, shared);
				if (sp === null) {
					ret = -ENOMEM;
					trace_kvm_mmu_split_huge_page(iter.gfn, iter.old_spte,
						iter.level, ret);
					break each;
				}

				if (iter.yielded)
					continue each;
			}

			if (tdp_mmu_split_huge_page(kvm, iter, sp, shared) !== 0)
				continue retry;

			sp = null;
			break;
		}
	}

	rcu_read_unlock();

	/* a vCPU may have split the last one first */
	if (sp !== null)
		tdp_mmu_free_sp(sp);

	return ret;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_try_split_huge_pages() */
export function kvm_tdp_mmu_try_split_huge_pages(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	start: gfn_t, end: gfn_t, target_level: number, shared: boolean): void {
	let r = 0;

	kvm_lockdep_assert_mmu_lock_held(kvm, shared);

	for (let root = next_valid_tdp_mmu_root_yield_safe(kvm, null, slot.as_id, shared);
	     root !== null;
	     root = next_valid_tdp_mmu_root_yield_safe(kvm, root, slot.as_id, shared)) {
		r = tdp_mmu_split_huge_pages_root(kvm, root, start, end, target_level, shared);
		if (r !== 0) {
			kvm_tdp_mmu_put_root(kvm, root, shared);
			break;
		}
	}
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:clear_dirty_gfn_range()
 *
 * Without dirty bits the write permission goes instead. True if a flush is due.
 */
function clear_dirty_gfn_range(kvm: struct_kvm, root: struct_kvm_mmu_page, start: gfn_t,
	end: gfn_t): boolean {
	const iter = new struct_tdp_iter();
	let new_spte: u64_spte;
	let spte_set = false;

	rcu_read_lock();

	each: for (tdp_iter_start(iter, root, PG_LEVEL_4K, start); iter.valid && iter.gfn < end;
		   tdp_iter_next(iter)) {
		if (!is_shadow_present_pte(iter.old_spte) ||
		    !is_last_spte(iter.old_spte, iter.level))
			continue;

		retry: for (;;) {
			if (tdp_mmu_iter_cond_resched(kvm, iter, false, true))
				continue each;

			if (!is_shadow_present_pte(iter.old_spte))
				continue each;

			if (spte_ad_need_write_protect(iter.old_spte)) {
				if (is_writable_pte(iter.old_spte))
					new_spte = pair(iter.old_spte.lo & ~PT_WRITABLE_MASK,
						iter.old_spte.hi);
				else
					continue each;
			} else {
				if (pair_test(iter.old_spte, shadow_dirty_mask))
					new_spte = pair_andnot(iter.old_spte, shadow_dirty_mask);
				else
					continue each;
			}

			if (tdp_mmu_set_spte_atomic(kvm, iter, new_spte) !== 0)
				continue retry;

			spte_set = true;
			break;
		}
	}

	rcu_read_unlock();
	return spte_set;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_clear_dirty_slot() */
export function kvm_tdp_mmu_clear_dirty_slot(kvm: struct_kvm, slot: struct_kvm_memory_slot):
	boolean {
	let spte_set = false;

	lockdep_assert_held_read(kvm.mmu_lock);

	for (let root = next_valid_tdp_mmu_root_yield_safe(kvm, null, slot.as_id, true);
	     root !== null;
	     root = next_valid_tdp_mmu_root_yield_safe(kvm, root, slot.as_id, true))
		if (clear_dirty_gfn_range(kvm, root, slot.base_gfn,
			gfn_t(slot.base_gfn + slot.npages)))
			spte_set = true;

	return spte_set;
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:clear_dirty_pt_masked()
 *
 * @mask, not empty: which of the 64 pages from @gfn.
 */
function clear_dirty_pt_masked(kvm: struct_kvm, root: struct_kvm_mmu_page, gfn: gfn_t,
	mask: u64_pair, wrprot: boolean): void {
	const iter = tdp_iter_get();
	let mask_lo = mask.lo, mask_hi = mask.hi;
	let new_spte: u64_spte;

	rcu_read_lock();

	const first = mask_lo !== 0 ? __ffs(mask_lo) : 32 + __ffs(mask_hi);
	for (tdp_iter_start(iter, root, PG_LEVEL_4K, gfn_t(gfn + first));
	     iter.valid && iter.gfn < gfn + 64; tdp_iter_next(iter)) {
		if (!is_shadow_present_pte(iter.old_spte) ||
		    !is_last_spte(iter.old_spte, iter.level))
			continue;

		if ((mask_lo | mask_hi) === 0)
			break;

		/* a large page may begin before @gfn */
		if (iter.level > PG_LEVEL_4K)
			continue;

		const nr = iter.gfn - gfn;
		const bit = 1 << nr;	/* modulo 32 */
		if (((nr < 32 ? mask_lo : mask_hi) & bit) === 0)
			continue;

		if (nr < 32)
			mask_lo &= ~bit;
		else
			mask_hi &= ~bit;

		if (wrprot || spte_ad_need_write_protect(iter.old_spte)) {
			if (is_writable_pte(iter.old_spte))
				new_spte = pair(iter.old_spte.lo & ~PT_WRITABLE_MASK,
					iter.old_spte.hi);
			else
				continue;
		} else {
			if (pair_test(iter.old_spte, shadow_dirty_mask))
				new_spte = pair_andnot(iter.old_spte, shadow_dirty_mask);
			else
				continue;
		}

		tdp_mmu_set_spte_no_dirty_log(kvm, iter, new_spte);
	}

	rcu_read_unlock();
	tdp_iter_put(iter);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_clear_dirty_pt_masked() */
export function kvm_tdp_mmu_clear_dirty_pt_masked(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	gfn: gfn_t, mask: u64_pair, wrprot: boolean): void {
	lockdep_assert_held_write(kvm.mmu_lock);
	for (let root = next_tdp_mmu_root(kvm, null, slot.as_id); root !== null;
	     root = next_tdp_mmu_root(kvm, root, slot.as_id))
		clear_dirty_pt_masked(kvm, root, gfn, mask, wrprot);
}

/** arch/x86/kvm/mmu/tdp_mmu.c:zap_collapsible_spte_range() */
function zap_collapsible_spte_range(kvm: struct_kvm, root: struct_kvm_mmu_page,
	slot: struct_kvm_memory_slot): void {
	const start = slot.base_gfn;
	const end = gfn_t(start + slot.npages);
	const iter = new struct_tdp_iter();

	rcu_read_lock();

	each: for (tdp_iter_start(iter, root, PG_LEVEL_2M, start); iter.valid && iter.gfn < end;
		   tdp_iter_next(iter)) {
		retry: for (;;) {
			if (tdp_mmu_iter_cond_resched(kvm, iter, false, true))
				continue each;

			if (iter.level > KVM_MAX_HUGEPAGE_LEVEL ||
			    !is_shadow_present_pte(iter.old_spte))
				continue each;

			/* what a larger page could replace is the table above, not a leaf */
			if (is_last_spte(iter.old_spte, iter.level))
				continue each;

			/* reaches over the slot's bounds, where lpage_info says nothing */
			if (iter.gfn < start || iter.gfn >= end)
				continue each;

			const max_mapping_level = kvm_mmu_max_mapping_level(kvm, slot, iter.gfn,
				PG_LEVEL_NUM);
			if (max_mapping_level < iter.level)
				continue each;

			/* flushes too, if it succeeds */
			if (tdp_mmu_zap_spte_atomic(kvm, iter) !== 0)
				continue retry;
			break;
		}
	}

	rcu_read_unlock();
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_zap_collapsible_sptes() */
export function kvm_tdp_mmu_zap_collapsible_sptes(kvm: struct_kvm, slot: struct_kvm_memory_slot):
	void {
	lockdep_assert_held_read(kvm.mmu_lock);

	for (let root = next_valid_tdp_mmu_root_yield_safe(kvm, null, slot.as_id, true);
	     root !== null;
	     root = next_valid_tdp_mmu_root_yield_safe(kvm, root, slot.as_id, true))
		zap_collapsible_spte_range(kvm, root, slot);
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:write_protect_gfn()
 *
 * MMU-writable goes too, so that no fast page fault brings it back. True if a flush is due.
 */
function write_protect_gfn(kvm: struct_kvm, root: struct_kvm_mmu_page, gfn: gfn_t,
	min_level: number): boolean {
	const iter = tdp_iter_get();
	let spte_set = false;

	BUG_ON(min_level > KVM_MAX_HUGEPAGE_LEVEL);

	rcu_read_lock();

	for (tdp_iter_start(iter, root, min_level, gfn); iter.valid && iter.gfn < gfn + 1;
	     tdp_iter_next(iter)) {
		if (!is_shadow_present_pte(iter.old_spte) ||
		    !is_last_spte(iter.old_spte, iter.level))
			continue;

		const new_spte = pair(
			iter.old_spte.lo & ~(PT_WRITABLE_MASK | shadow_mmu_writable_mask.lo),
			iter.old_spte.hi & ~shadow_mmu_writable_mask.hi);

		if (pair_eq(new_spte, iter.old_spte))
			break;

		tdp_mmu_set_spte(kvm, iter, new_spte);
		spte_set = true;
	}

	rcu_read_unlock();

	tdp_iter_put(iter);
	return spte_set;
}

/** arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_write_protect_gfn() */
export function kvm_tdp_mmu_write_protect_gfn(kvm: struct_kvm, slot: struct_kvm_memory_slot,
	gfn: gfn_t, min_level: number): boolean {
	let spte_set = false;

	lockdep_assert_held_write(kvm.mmu_lock);
	for (let root = next_tdp_mmu_root(kvm, null, slot.as_id); root !== null;
	     root = next_tdp_mmu_root(kvm, root, slot.as_id))
		if (write_protect_gfn(kvm, root, gfn, min_level))
			spte_set = true;

	return spte_set;
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_get_walk()
 *
 * The level of the lowest entry on the way to @addr; sptes[level] are the entries. Between
 * kvm_tdp_mmu_walk_lockless_begin() and _end().
 */
export function kvm_tdp_mmu_get_walk(vcpu: struct_kvm_vcpu, addr: gpa_t, sptes: u64_spte[],
	root_level: ref<number>): number {
	const iter = tdp_iter_get();
	const mmu = vcpu.arch.mmu!;
	const gfn = gfn_t(ul_shr(addr, PAGE_SHIFT));
	let leaf = -1;

	root_level.v = mmu.root_role.level;

	for (tdp_iter_start(iter, tdp_mmu_root_of(vcpu, kvm_is_private_gpa(vcpu.kvm, addr)),
		PG_LEVEL_4K, gfn);
	     iter.valid && iter.gfn < gfn + 1; tdp_iter_next(iter)) {
		leaf = iter.level;
		sptes[leaf] = pair_copy(iter.old_spte);
	}

	tdp_iter_put(iter);
	return leaf;
}

/**
 * arch/x86/kvm/mmu/tdp_mmu.c:kvm_tdp_mmu_fast_pf_get_last_sptep()
 *
 * The last entry on the way to @addr, and what it holds; 0 (NULL) if there is no way. For
 * fast_page_fault(), between kvm_tdp_mmu_walk_lockless_begin() and _end(), no longer.
 */
export function kvm_tdp_mmu_fast_pf_get_last_sptep(vcpu: struct_kvm_vcpu, addr: gpa_t,
	spte: ref<u64_spte>): tdp_ptep_t {
	const iter = tdp_iter_get();
	const mmu = vcpu.arch.mmu!;
	const gfn = gfn_t(ul_shr(addr, PAGE_SHIFT));
	let sptep: tdp_ptep_t = 0;

	for (tdp_iter_start(iter, to_shadow_page(mmu.root.hpa)!, PG_LEVEL_4K, gfn);
	     iter.valid && iter.gfn < gfn + 1; tdp_iter_next(iter)) {
		spte.v = pair_copy(iter.old_spte);
		sptep = iter.sptep;
	}

	tdp_iter_put(iter);
	return rcu_dereference(sptep);
}
