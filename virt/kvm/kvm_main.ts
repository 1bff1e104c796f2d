// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual machines, vCPUs, memory slots, and the way from guest frames to host pages.
 *
 * Upstream: virt/kvm/kvm_main.c. Left out: compat ioctls, debugfs and uevents, device fds (no type
 * of device has operations), halt polling (nothing happens while a kernel function spins), directed
 * yield, suspend and reboot, perf callbacks, kvm_clear_guest (Hyper-V's), and what is not selected
 * (see kvm_host.ts).
 *
 *	kvm->lock
 *	  vcpu->mutex
 *	  kvm->slots_lock		also over synchronize_srcu(&kvm->srcu)
 *	    kvm->slots_arch_lock	not over it
 *	    kvm->irq_lock
 *	      kvm->mmu_lock
 *	kvm->mn_invalidate_lock		leaf
 *	kvm_lock, kvm_count_lock	leaves
 *
 * A vCPU's ioctls are generators, for the sake of KVM_RUN: see kvm_vcpu_ioctl().
 */
import { ALIGN, DIV_ROUND_UP, max, min } from "#asm-generic/bits.ts";
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { pair } from "#asm-generic/pair.ts";
import { __u32, offsetof, sizeof, sizeof_field } from "#asm-generic/struct.ts";
import {
	LLONG_MAX, gfn_t, gpa_t, hva_t, kvm_pfn_t, type loff_t, loff_to_pgoff, pfn_nr, type pgoff_t,
	ref, u16, u64, type ulong64, unsigned_long, type user_ptr,
} from "#asm-generic/types.ts";
import { CONFIG_HAVE_KVM_DIRTY_RING, CONFIG_HAVE_KVM_PRIVATE_MEM,
	CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING } from "#generated/autoconf.ts";
import { anon_inode_getfd, anon_inode_getfile } from "#linux/anon_inodes.ts";
import { atomic_inc, atomic_read, atomic_set } from "#linux/atomic.ts";
import { bitmap_set, for_each_set_bit } from "#linux/bitmap.ts";
import { BITS_PER_LONG, set_bit } from "#linux/bitops.ts";
import { bsearch } from "#linux/bsearch.ts";
import { BUG, BUG_ON, BUILD_BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { READ_ONCE, WRITE_ONCE, smp_wmb } from "#linux/compiler.ts";
import { complete, init_completion, struct_completion, wait_for_completion } from
	"#linux/completion.ts";
import { CPUHP_AP_KVM_STARTING, cpuhp_remove_state_nocalls, cpuhp_setup_state_nocalls } from
	"#linux/cpu.ts";
import { __cpumask_set_cpu, cpu_online, cpumask_clear, cpumask_clear_cpu, cpumask_empty,
	cpumask_set_cpu, cpumask_test_cpu, for_each_online_cpu, struct_cpumask } from
	"#linux/cpumask.ts";
import { E2BIG, EAGAIN, EBUSY, EEXIST, EFAULT, EHWPOISON, EINVAL, EIO, ENODEV, ENOENT,
	ENOIOCTLCMD, ENOMEM, ENOSPC, ENXIO, EOPNOTSUPP, EINTR } from "#linux/errno.ts";
import { fd_install, fget, fput, get_unused_fd_flags, put_unused_fd } from "#linux/file.ts";
import { FMODE_PREAD } from "#linux/fs.const.ts";
import { noop_llseek } from "#linux/fs.ts";
import type { struct_file, struct_file_operations, struct_inode } from "#linux/fs.types.ts";
import { GFP_ATOMIC, GFP_KERNEL_ACCOUNT, __GFP_ACCOUNT, __GFP_ZERO, __get_free_page, alloc_page,
	free_page, type gfp_t } from "#linux/gfp.ts";
import { hash_add, hash_del, hash_for_each_safe, hash_init } from "#linux/hashtable.ts";
import { vma_kernel_pagesize } from "#linux/hugetlb.ts";
import { interval_tree_insert, interval_tree_iter_first, interval_tree_iter_next,
	interval_tree_remove, type struct_interval_tree_node } from "#linux/interval_tree.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { kthread_park, kthread_parkme, kthread_run, kthread_should_park, kthread_should_stop } from
	"#linux/kthread.ts";
import { ktime_get, ktime_to_ns } from "#linux/ktime.ts";
import { kvm_iodevice_destructor, kvm_iodevice_read, kvm_iodevice_write } from
	"#linux/kvm/iodev.ts";
import { kvm_dirty_ring_alloc, kvm_dirty_ring_free, kvm_dirty_ring_get_page,
	kvm_dirty_ring_get_rsvd_entries, kvm_dirty_ring_push, kvm_dirty_ring_reset } from
	"#linux/kvm_dirty_ring.ts";
import { EXITING_GUEST_MODE, IN_GUEST_MODE, KVM_DIRTY_RING_MAX_ENTRIES, KVM_HVA_ERR_BAD,
	KVM_HVA_ERR_RO_BAD, KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS, KVM_MEMSLOT_INVALID,
	KVM_MEM_ATTR_PRIVATE, KVM_MEM_ATTR_SHARED, KVM_MEM_MAX_NR_PAGES, KVM_MEM_SLOTS_NUM,
	KVM_MR_CREATE, KVM_MR_DELETE, KVM_MR_FLAGS_ONLY, KVM_MR_MOVE, KVM_NR_BUSES,
	KVM_PFN_ERR_FAULT, KVM_PFN_ERR_HWPOISON, KVM_PFN_ERR_RO_FAULT, KVM_PFN_NOSLOT,
	KVM_REQUEST_NO_ACTION, KVM_REQUEST_NO_WAKEUP, KVM_REQUEST_WAIT, KVM_REQ_TLB_FLUSH,
	KVM_REQ_UNBLOCK, KVM_REQ_UNHALT, KVM_STATS_LOG_HIST_UPDATE, KVM_USER_MEM_SLOTS,
	KVM_ZAP_PRIVATE, KVM_ZAP_SHARED, NR_IOBUS_DEVS, OUTSIDE_GUEST_MODE, __gfn_to_hva_memslot,
	__gfn_to_memslot, __kvm_make_request, __kvm_memslots, __kvm_vcpu_wake_up, gpa_to_gfn,
	hva_to_gfn_memslot, id_to_memslot, is_error_noslot_pfn, is_error_page, kvm_age_gfn,
	kvm_alloc_shared_bitmap, kvm_arch_alloc_vm, kvm_arch_check_processor_compat,
	kvm_arch_commit_memory_region, kvm_arch_destroy_vm, kvm_arch_dev_ioctl, kvm_arch_exit,
	kvm_arch_flush_remote_tlb, kvm_arch_flush_remote_tlbs_memslot, kvm_arch_flush_shadow_all,
	kvm_arch_flush_shadow_memslot, kvm_arch_free_memslot, kvm_arch_free_vm,
	kvm_arch_guest_memory_reclaimed, kvm_arch_hardware_disable, kvm_arch_hardware_enable,
	kvm_arch_hardware_setup, kvm_arch_hardware_unsetup, kvm_arch_init, kvm_arch_init_vm,
	kvm_arch_memslots_updated, kvm_arch_mmu_enable_log_dirty_pt_masked,
	kvm_arch_mmu_notifier_invalidate_range, kvm_arch_post_init_vm, kvm_arch_pre_destroy_vm,
	kvm_arch_pre_update_mem_attr, kvm_arch_prepare_memory_region, kvm_arch_sched_in,
	kvm_arch_sync_dirty_log,
	kvm_arch_sync_events, kvm_arch_update_mem_attr, kvm_arch_vcpu_async_ioctl,
	kvm_arch_vcpu_blocking, kvm_arch_vcpu_create, kvm_arch_vcpu_destroy, kvm_arch_vcpu_fault,
	kvm_arch_vcpu_get_wait, kvm_arch_vcpu_ioctl, kvm_arch_vcpu_ioctl_get_fpu,
	kvm_arch_vcpu_ioctl_get_mpstate, kvm_arch_vcpu_ioctl_get_regs,
	kvm_arch_vcpu_ioctl_get_sregs, kvm_arch_vcpu_ioctl_run, kvm_arch_vcpu_ioctl_set_fpu,
	kvm_arch_vcpu_ioctl_set_guest_debug, kvm_arch_vcpu_ioctl_set_mpstate,
	kvm_arch_vcpu_ioctl_set_regs, kvm_arch_vcpu_ioctl_set_sregs, kvm_arch_vcpu_ioctl_translate,
	kvm_arch_vcpu_load, kvm_arch_vcpu_postcreate, kvm_arch_vcpu_precreate, kvm_arch_vcpu_put,
	kvm_arch_vcpu_run_pid_change, kvm_arch_vcpu_runnable, kvm_arch_vcpu_should_kick,
	kvm_arch_vcpu_unblocking, kvm_arch_vm_ioctl, type kvm_bus, kvm_check_request,
	kvm_cpu_has_pending_timer, kvm_destroy_shared_bitmap, kvm_dirty_bitmap_bytes,
	kvm_dirty_log_manual_protect_and_init_set, kvm_eventfd_init, kvm_for_each_vcpu,
	kvm_free_irq_routing, kvm_get_bus, kvm_get_vcpu, kvm_get_vcpu_by_id, kvm_ioeventfd,
	kvm_irqfd, kvm_irqfd_exit, kvm_irqfd_init, kvm_irqfd_release, kvm_is_error_hva,
	kvm_is_visible_memslot, kvm_make_request, kvm_mem_attr_prepare,
	kvm_mem_attr_set, kvm_memslot_iter_is_valid, kvm_memslot_iter_next,
	kvm_memslot_iter_start, kvm_memslots, type kvm_mr_change, kvm_populate_private_mem_testing,
	kvm_private_mem_testing_init_vm, kvm_second_dirty_bitmap, kvm_set_spte_gfn,
	kvm_slot_dirty_track_enabled, kvm_stats_read, kvm_test_age_gfn, kvm_unmap_gfn_range,
	kvm_vcpu_exiting_guest_mode, kvm_vcpu_memslots, kvm_vcpu_set_dy_eligible,
	kvm_vcpu_set_in_spin_loop, kvm_vcpu_stats_desc, kvm_vcpu_stats_header,
	kvm_vm_ioctl_check_extension, kvm_vm_ioctl_enable_cap,
	kvm_vm_ioctl_enable_private_mem_testing, kvm_vm_ioctl_irq_line, kvm_vm_stats_desc,
	kvm_vm_stats_header, type kvm_vm_thread_fn_t, kvm_zap_gfn_range, search_memslots,
	struct_kvm, struct_kvm_gfn_range, type struct_kvm_host_map, struct_kvm_io_bus,
	type struct_kvm_io_device, struct_kvm_io_range, struct_kvm_memory_slot,
	struct_kvm_memslot_iter, type struct_kvm_memslots, struct_kvm_vcpu, try_get_memslot,
	vcpu_valid_wakeup } from "#linux/kvm_host.ts";
import type { kvm_gen, kvm_may_gen, struct_gfn_to_hva_cache, struct_kvm_mmu_memory_cache } from
	"#linux/kvm_types.ts";
import { INIT_LIST_HEAD, LIST_HEAD, list_add, list_del } from "#linux/list.ts";
import { lockdep_assert_held } from "#linux/lockdep.ts";
import { misc_deregister, misc_register, KVM_MINOR, type struct_miscdevice } from
	"#linux/miscdevice.ts";
import { FAULT_FLAG_WRITE, FOLL_HWPOISON, FOLL_NOWAIT, FOLL_WRITE, VM_EXEC, VM_IO, VM_PFNMAP,
	VM_READ, VM_SHARED, VM_WRITE } from "#linux/mm.const.ts";
import { find_vma, fixup_user_fault, follow_pte, get_page, get_page_unless_zero, get_user_pages,
	get_user_pages_fast_only, get_user_pages_unlocked, mark_page_accessed, page_count,
	page_to_pfn, pfn_to_page, pfn_to_valid_page, pfn_valid, put_page, vma_lookup,
	vma_pages } from "#linux/mm.ts";
import type { ptep_t, struct_mm_struct, struct_page, struct_vm_area_struct, struct_vm_fault,
	vm_fault_t, vm_operations_struct } from "#linux/mm_types.ts";
import { mmap_read_lock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import { is_zone_device_page } from "#linux/mmzone.ts";
import { mmu_notifier_range_blockable, mmu_notifier_register, mmu_notifier_unregister,
	type struct_mmu_notifier, type struct_mmu_notifier_ops,
	type struct_mmu_notifier_range } from "#linux/mmu_notifier.ts";
import { __module_get, module_param, module_put, param_uint } from "#linux/module.ts";
import { mutex_init, mutex_lock, mutex_lock_killable, mutex_unlock } from "#linux/mutex.ts";
import { DEFINE_MUTEX } from "#linux/mutex_types.ts";
import { PageReserved, SetPageDirty } from "#linux/page-flags.ts";
import { __this_cpu_read, __this_cpu_write, alloc_percpu, free_percpu, this_cpu_ptr,
	type percpu } from "#linux/percpu.ts";
import { is_zero_pfn, pte_pfn, pte_unmap_unlock, pte_write, ptep_get, type pte_t } from
	"#linux/pgtable.ts";
import { PIDTYPE_PID, get_pid_task, get_task_pid, put_pid, task_pid } from "#linux/pid.ts";
import { preempt_disable, preempt_enable, preempt_notifier_dec, preempt_notifier_inc,
	preempt_notifier_init, preempt_notifier_register, preempt_notifier_unregister,
	type struct_preempt_notifier, type struct_preempt_ops } from "#linux/preempt.ts";
import { pr_err, pr_info } from "#linux/printk.ts";
import { RB_ROOT, RB_ROOT_CACHED, rb_erase, rb_insert_color, rb_link_node, rb_replace_node,
	type rb_link, type struct_rb_node } from "#linux/rbtree.ts";
import { rcu_access_pointer, rcu_assign_pointer, rcu_dereference, rcu_read_lock, rcu_read_unlock,
	synchronize_rcu } from "#linux/rcupdate.ts";
import { finish_rcuwait, prepare_to_rcuwait, rcuwait_active, rcuwait_init, rcuwait_wake_up } from
	"#linux/rcuwait.ts";
import { refcount_dec_and_test, refcount_inc, refcount_inc_not_zero, refcount_set } from
	"#linux/refcount.ts";
import { mmdrop, mmgrab } from "#linux/sched/mm.ts";
import { TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, current, might_sleep, put_task_struct, schedule,
	set_current_state, set_tsk_need_resched, set_user_nice, signal_pending, task_pid_nr,
	type struct_task_struct } from "#linux/sched.ts";
import { SIGKILL, SIGSTOP, SIG_SETMASK, get_user_sigset, sigcopyset, sigdelsetmask, sigemptyset,
	sigmask, sigprocmask, sigset_t } from "#linux/signal.ts";
import { SLAB_ACCOUNT, kfree, kmalloc, kmem_cache_alloc, kmem_cache_create_usercopy,
	kmem_cache_destroy, kmem_cache_free, kmem_cache_zalloc, kvfree, kvmalloc_array,
	kvzalloc_bytes, kzalloc, kzalloc_bytes, type class_of, type struct_kmem_cache } from
	"#linux/slab.ts";
import { get_cpu, nr_cpu_ids, on_each_cpu, put_cpu, raw_smp_processor_id,
	smp_call_function_many, smp_call_function_single, smp_send_reschedule } from
	"#linux/smp.ts";
import { raw_spin_lock, raw_spin_unlock, spin_lock, spin_lock_init, spin_unlock,
	type spinlock_t } from "#linux/spinlock.ts";
import { DEFINE_RAW_SPINLOCK } from "#linux/spinlock_types.ts";
import { cleanup_srcu_struct, init_srcu_struct, srcu_dereference, srcu_read_lock,
	srcu_read_unlock, synchronize_srcu_expedited } from "#linux/srcu.ts";
import { memdup_user } from "#linux/string.ts";
import { trace_kvm_age_hva, trace_kvm_set_spte_hva, trace_kvm_test_age_hva,
	trace_kvm_unmap_hva_range, trace_kvm_userspace_exit, trace_kvm_vcpu_wakeup } from
	"#linux/trace/events/kvm.ts";
import {
	__copy_from_user, __copy_from_user_inatomic, __copy_to_user, access_ok, copy_from_user,
	copy_to_user, get_user, pagefault_disable, pagefault_enable,
} from "#linux/uaccess.ts";
import { XA_FLAGS_ACCOUNT, xa_destroy, xa_erase, xa_init, xa_init_flags, xa_insert } from
	"#linux/xarray.ts";
import { KVM_ADDRESS_SPACE_NUM, KVM_DIRTY_LOG_MANUAL_CAPS, KVM_MAX_VCPUS, KVM_MAX_VCPU_IDS,
	kvm_arch_memory_slot_copy } from "#asm/kvm_host.ts";
import { KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE } from "#asm/kvm_types.ts";
import { KVM_HALT_POLL_NS_DEFAULT } from "#asm/kvm_host.const.ts";
import { PAGE_SHIFT, PAGE_SIZE, page_bytes } from "#asm/page.ts";
import { __pte } from "#asm/pgtable_types.ts";
import { O_CLOEXEC, O_RDONLY, O_RDWR } from "#uapi/linux/fcntl.ts";
import {
	KVMIO, KVM_API_VERSION, KVM_CAP_BINARY_STATS_FD, KVM_CAP_CHECK_EXTENSION_VM,
	KVM_CAP_COALESCED_MMIO, KVM_CAP_COALESCED_PIO, KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
	KVM_CAP_DIRTY_LOG_RING, KVM_CAP_ENABLE_CAP_VM, KVM_CAP_HALT_POLL,
	KVM_CAP_INTERNAL_ERROR_DATA, KVM_CAP_IOEVENTFD_ANY_LENGTH,
	KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	KVM_CAP_MULTI_ADDRESS_SPACE, KVM_CAP_NR_MEMSLOTS, KVM_CAP_PRIVATE_MEM_TESTING,
	KVM_CAP_SYSTEM_EVENT_DATA,
	KVM_CAP_USER_MEMORY, KVM_CHECK_EXTENSION, KVM_CLEAR_DIRTY_LOG, KVM_CREATE_DEVICE,
	KVM_CREATE_VCPU, KVM_CREATE_VM, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, KVM_ENABLE_CAP,
	KVM_GET_API_VERSION, KVM_GET_DIRTY_LOG, KVM_GET_FPU, KVM_GET_MP_STATE, KVM_GET_REGS,
	KVM_GET_SREGS, KVM_GET_STATS_FD, KVM_GET_VCPU_MMAP_SIZE, KVM_IOEVENTFD, KVM_IRQFD,
	KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS, KVM_MEMORY_ENCRYPT_REG_REGION,
	KVM_MEMORY_ENCRYPT_UNREG_REGION, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_PRIVATE,
	KVM_MEM_READONLY, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
	KVM_REGISTER_COALESCED_MMIO, KVM_RESET_DIRTY_RINGS, KVM_RUN,
	KVM_SET_FPU, KVM_SET_GUEST_DEBUG, KVM_SET_MP_STATE, KVM_SET_REGS, KVM_SET_SIGNAL_MASK,
	KVM_SET_SREGS, KVM_SET_USER_MEMORY_REGION, KVM_TRACE_DISABLE, KVM_TRACE_ENABLE,
	KVM_TRACE_PAUSE, KVM_TRANSLATE, KVM_UNREGISTER_COALESCED_MMIO,
	struct_kvm_clear_dirty_log, struct_kvm_coalesced_mmio_zone, struct_kvm_create_device,
	struct_kvm_dirty_gfn, struct_kvm_dirty_log, struct_kvm_enable_cap,
	struct_kvm_enc_region, struct_kvm_guest_debug, struct_kvm_ioeventfd,
	struct_kvm_irq_level, struct_kvm_irqfd, struct_kvm_mp_state, struct_kvm_run,
	struct_kvm_signal_mask, struct_kvm_translation, struct_kvm_user_mem_region,
	struct_kvm_userspace_memory_region, struct_kvm_userspace_memory_region_ext,
} from "#uapi/linux/kvm.ts";
import { _IOC_TYPE } from "#uapi/linux/ioctl.ts";
import { KVM_COALESCED_MMIO_PAGE_OFFSET, KVM_DIRTY_LOG_PAGE_OFFSET, KVM_PIO_PAGE_OFFSET,
	__KVM_HAVE_READONLY_MEM, struct_kvm_fpu, struct_kvm_regs, struct_kvm_sregs } from
	"#uapi-asm/kvm.ts";
import { kvm_coalesced_mmio_free, kvm_coalesced_mmio_init, kvm_vm_ioctl_register_coalesced_mmio,
	kvm_vm_ioctl_unregister_coalesced_mmio } from "#kvm/coalesced_mmio.h.ts";
import { kvm_async_pf_deinit, kvm_async_pf_init, kvm_async_pf_vcpu_init } from
	"#kvm/async_pf.h.ts";
import { KVM_MMU_LOCK, KVM_MMU_LOCK_INIT, KVM_MMU_UNLOCK, gfn_to_pfn_cache_invalidate_start } from
	"#kvm/kvm_mm.h.ts";
import { weak } from "#asm-generic/registry.ts";
import { file_is_inaccessible, inaccessible_register_notifier, inaccessible_unregister_notifier,
	type struct_inaccessible_notifier, type struct_inaccessible_notifier_ops } from
	"#linux/memfd.ts";

/* nothing polls, but the knobs are there, and a VM remembers the first */
export let halt_poll_ns = KVM_HALT_POLL_NS_DEFAULT;
module_param("kvm", "halt_poll_ns", param_uint(() => halt_poll_ns, (v) => {
	halt_poll_ns = v;
}), 0o644);

/* doubles a vCPU's time */
export let halt_poll_ns_grow = 2;
module_param("kvm", "halt_poll_ns_grow", param_uint(() => halt_poll_ns_grow, (v) => {
	halt_poll_ns_grow = v;
}), 0o644);

/* where it starts to grow from */
export let halt_poll_ns_grow_start = 10000; /* 10us */
module_param("kvm", "halt_poll_ns_grow_start", param_uint(() => halt_poll_ns_grow_start, (v) => {
	halt_poll_ns_grow_start = v;
}), 0o644);

/* 0: back to nothing at once */
export let halt_poll_ns_shrink = 0;
module_param("kvm", "halt_poll_ns_shrink", param_uint(() => halt_poll_ns_shrink, (v) => {
	halt_poll_ns_shrink = v;
}), 0o644);

export const kvm_lock = DEFINE_MUTEX("kvm_lock");
const kvm_count_lock = DEFINE_RAW_SPINLOCK("kvm_count_lock");
export const vm_list = LIST_HEAD();

let cpus_hardware_enabled: struct_cpumask | null = null;
let kvm_usage_count = 0;
/* C: atomic_t */
let hardware_enable_failed = 0;

/** What the vendor module's struct around a vCPU looks like from here. */
export interface kvm_vcpu_container {
	vcpu: struct_kvm_vcpu;
}

let kvm_vcpu_cache: struct_kmem_cache<kvm_vcpu_container> | null = null;

const kvm_preempt_ops: struct_preempt_ops = {
	sched_in:	kvm_sched_in,
	sched_out:	kvm_sched_out,
};

/* both per CPU, made by kvm_init() */
let kvm_running_vcpu: percpu<struct_kvm_vcpu | null> | null = null;
let cpu_kick_mask: percpu<struct_cpumask> | null = null;

/** No reboot: never set. */
export const kvm_rebooting = false;

/** virt/kvm/kvm_main.c:kvm_is_zone_device_page() */
export function kvm_is_zone_device_page(page: struct_page): boolean {
	/* only of a page that somebody holds is it known what it is */
	if (WARN_ON_ONCE(!page_count(page)))
		return false;

	return is_zone_device_page(page);
}

/**
 * virt/kvm/kvm_main.c:kvm_pfn_to_refcounted_page()
 *
 * The page of @pfn, if it has one that is counted.
 */
export function kvm_pfn_to_refcounted_page(pfn: kvm_pfn_t): struct_page | null {
	const page = pfn_to_valid_page(pfn);
	if (page === null)
		return null;

	if (!PageReserved(page))
		return page;

	/* reserved, but counted */
	if (is_zero_pfn(pfn))
		return page;

	/* reserved too, and normal as far as references go */
	if (kvm_is_zone_device_page(page))
		return page;

	return null;
}

/** virt/kvm/kvm_main.c:vcpu_load(): the current task's vCPU is @vcpu, until vcpu_put(). */
export function vcpu_load(vcpu: struct_kvm_vcpu): void {
	const cpu = get_cpu();

	__this_cpu_write(kvm_running_vcpu!, vcpu);
	preempt_notifier_register(vcpu.preempt_notifier);
	kvm_arch_vcpu_load(vcpu, cpu);
	put_cpu();
}

/** virt/kvm/kvm_main.c:vcpu_put() */
export function vcpu_put(vcpu: struct_kvm_vcpu): void {
	preempt_disable();
	kvm_arch_vcpu_put(vcpu);
	preempt_notifier_unregister(vcpu.preempt_notifier);
	__this_cpu_write(kvm_running_vcpu!, null);
	preempt_enable();
}

/** virt/kvm/kvm_main.c:kvm_request_needs_ipi() */
function kvm_request_needs_ipi(vcpu: struct_kvm_vcpu, req: number): boolean {
	const mode = kvm_vcpu_exiting_guest_mode(vcpu);

	/* a reader of shadow page tables has interrupts off: wait for it too */
	if (req & KVM_REQUEST_WAIT)
		return mode !== OUTSIDE_GUEST_MODE;

	/* who is not in the guest looks at the requests before it enters */
	return mode === IN_GUEST_MODE;
}

function ack_kick(_completed: null): void {}

/** virt/kvm/kvm_main.c:kvm_kick_many_cpus() */
function kvm_kick_many_cpus(cpus: struct_cpumask, wait: boolean): boolean {
	if (cpumask_empty(cpus))
		return false;

	smp_call_function_many(cpus.bits, ack_kick, null, Number(wait));
	return true;
}

/** virt/kvm/kvm_main.c:kvm_make_vcpu_request() */
function kvm_make_vcpu_request(vcpu: struct_kvm_vcpu, req: number, tmp: struct_cpumask,
	current_cpu: number): void {
	if (!(req & KVM_REQUEST_NO_ACTION))
		__kvm_make_request(req, vcpu);

	if (!(req & KVM_REQUEST_NO_WAKEUP) && kvm_vcpu_wake_up(vcpu))
		return;

	/*
	 * The vCPU may move to another CPU meanwhile, and the IPI goes to the old one: that is
	 * enough, since a vCPU that moves has left its guest.
	 */
	if (kvm_request_needs_ipi(vcpu, req)) {
		const cpu = READ_ONCE(vcpu.cpu);
		if (cpu !== -1 && cpu !== current_cpu)
			__cpumask_set_cpu(cpu, tmp);
	}
}

/** virt/kvm/kvm_main.c:kvm_make_vcpus_request_mask() */
export function kvm_make_vcpus_request_mask(kvm: struct_kvm, req: number,
	vcpu_bitmap: Uint8Array): boolean {
	const me = get_cpu();

	const cpus = this_cpu_ptr(cpu_kick_mask!);
	cpumask_clear(cpus);

	for (const i of for_each_set_bit(vcpu_bitmap, KVM_MAX_VCPUS)) {
		const vcpu = kvm_get_vcpu(kvm, i);
		if (!vcpu)
			continue;
		kvm_make_vcpu_request(vcpu, req, cpus, me);
	}

	const called = kvm_kick_many_cpus(cpus, !!(req & KVM_REQUEST_WAIT));
	put_cpu();

	return called;
}

/** virt/kvm/kvm_main.c:kvm_make_all_cpus_request_except() */
export function kvm_make_all_cpus_request_except(kvm: struct_kvm, req: number,
	except: struct_kvm_vcpu | null): boolean {
	const me = get_cpu();

	const cpus = this_cpu_ptr(cpu_kick_mask!);
	cpumask_clear(cpus);

	for (const vcpu of kvm_for_each_vcpu(kvm)) {
		if (vcpu === except)
			continue;
		kvm_make_vcpu_request(vcpu, req, cpus, me);
	}

	const called = kvm_kick_many_cpus(cpus, !!(req & KVM_REQUEST_WAIT));
	put_cpu();

	return called;
}

/** virt/kvm/kvm_main.c:kvm_make_all_cpus_request() */
export function kvm_make_all_cpus_request(kvm: struct_kvm, req: number): boolean {
	return kvm_make_all_cpus_request_except(kvm, req, null);
}

/** virt/kvm/kvm_main.c:kvm_flush_remote_tlbs() */
export function kvm_flush_remote_tlbs(kvm: struct_kvm): void {
	++kvm.stat.generic.remote_tlb_flush_requests;

	/*
	 * Page table changes come before the reads of vcpu->mode: the request's barrier sees to
	 * that, and pairs with those of vcpu_enter_guest() and walk_shadow_page_lockless_begin().
	 */
	if (!kvm_arch_flush_remote_tlb(kvm) ||
	    kvm_make_all_cpus_request(kvm, KVM_REQ_TLB_FLUSH))
		++kvm.stat.generic.remote_tlb_flush;
}

/** virt/kvm/kvm_main.c:kvm_flush_shadow_all() */
function kvm_flush_shadow_all(kvm: struct_kvm): void {
	kvm_arch_flush_shadow_all(kvm);
	kvm_arch_guest_memory_reclaimed(kvm);
}

/** virt/kvm/kvm_main.c:mmu_memory_cache_alloc_obj() */
function mmu_memory_cache_alloc_obj(mc: struct_kvm_mmu_memory_cache, gfp_flags: gfp_t):
	object | null {
	gfp_flags |= mc.gfp_zero;

	if (mc.kmem_cache)
		return kmem_cache_alloc(mc.kmem_cache, gfp_flags) as object | null;
	else
		return __get_free_page(gfp_flags);
}

/** virt/kvm/kvm_main.c:__kvm_mmu_topup_memory_cache() */
export function __kvm_mmu_topup_memory_cache(mc: struct_kvm_mmu_memory_cache, capacity: number,
	min: number): number {
	if (mc.nobjs >= min)
		return 0;

	const gfp = mc.gfp_custom ? mc.gfp_custom : GFP_KERNEL_ACCOUNT;

	if (!mc.objects) {
		if (WARN_ON_ONCE(!capacity))
			return -EIO;

		mc.objects = kvmalloc_array<object | null>(capacity, () => null, gfp);
		if (!mc.objects)
			return -ENOMEM;

		mc.capacity = capacity;
	}

	/* the array was made for the first one */
	if (WARN_ON_ONCE(mc.capacity !== capacity))
		return -EIO;

	while (mc.nobjs < mc.capacity) {
		const obj = mmu_memory_cache_alloc_obj(mc, gfp);
		if (!obj)
			return mc.nobjs >= min ? 0 : -ENOMEM;
		mc.objects[mc.nobjs++] = obj;
	}
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_mmu_topup_memory_cache() */
export function kvm_mmu_topup_memory_cache(mc: struct_kvm_mmu_memory_cache, min: number): number {
	/* as there; most callers come for nothing, and have no room for all of it */
	if (mc.nobjs >= min)
		return 0;

	return __kvm_mmu_topup_memory_cache(mc, KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE, min);
}

/** virt/kvm/kvm_main.c:kvm_mmu_memory_cache_nr_free_objects() */
export function kvm_mmu_memory_cache_nr_free_objects(mc: struct_kvm_mmu_memory_cache): number {
	return mc.nobjs;
}

/** virt/kvm/kvm_main.c:kvm_mmu_free_memory_cache() */
export function kvm_mmu_free_memory_cache(mc: struct_kvm_mmu_memory_cache): void {
	while (mc.nobjs) {
		if (mc.kmem_cache)
			kmem_cache_free(mc.kmem_cache, mc.objects![--mc.nobjs]!);
		else
			free_page(mc.objects![--mc.nobjs] as struct_page);
	}

	kvfree(mc.objects);

	mc.objects = null;
	mc.capacity = 0;
}

/** virt/kvm/kvm_main.c:kvm_mmu_memory_cache_alloc(): never fails, the cache was filled before. */
export function kvm_mmu_memory_cache_alloc(mc: struct_kvm_mmu_memory_cache): object {
	let p: object | null;

	if (WARN_ON(!mc.nobjs))
		p = mmu_memory_cache_alloc_obj(mc, GFP_ATOMIC | __GFP_ACCOUNT);
	else
		p = mc.objects![--mc.nobjs]!;
	BUG_ON(!p);
	return p!;
}

/* snprintf() into a char array: cut, and with a NUL at the end */
function set_stats_id(stats_id: Uint8Array, text: string): void {
	stats_id.fill(0);
	for (let i = 0; i < Math.min(text.length, stats_id.length - 1); i++)
		stats_id[i] = text.charCodeAt(i);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_init() */
function kvm_vcpu_init(vcpu: struct_kvm_vcpu, kvm: struct_kvm, id: number): void {
	mutex_init(vcpu.mutex, "&vcpu->mutex");
	vcpu.cpu = -1;
	vcpu.kvm = kvm;
	vcpu.vcpu_id = id;
	vcpu.pid = null;
	rcuwait_init(vcpu.wait);
	kvm_async_pf_vcpu_init(vcpu);

	kvm_vcpu_set_in_spin_loop(vcpu, false);
	kvm_vcpu_set_dy_eligible(vcpu, false);
	vcpu.preempted = false;
	vcpu.ready = false;
	preempt_notifier_init(vcpu.preempt_notifier, kvm_preempt_ops);
	vcpu.last_used_slot = null;

	set_stats_id(vcpu.stats_id, `kvm-${task_pid_nr(current)}/vcpu-${id}`);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_destroy() */
function kvm_vcpu_destroy(vcpu: struct_kvm_vcpu): void {
	kvm_arch_vcpu_destroy(vcpu);
	kvm_dirty_ring_free(vcpu.dirty_ring);

	/* only KVM_RUN changes it, and there is no descriptor left to call that on */
	put_pid(vcpu.pid);

	free_page(vcpu.run_page);
	kmem_cache_free(kvm_vcpu_cache!, vcpu.owner as kvm_vcpu_container);
}

/** virt/kvm/kvm_main.c:kvm_destroy_vcpus() */
export function kvm_destroy_vcpus(kvm: struct_kvm): void {
	const i = new ref(0);

	for (const vcpu of kvm_for_each_vcpu(kvm, i)) {
		kvm_vcpu_destroy(vcpu);
		xa_erase(kvm.vcpu_array, i.v);
	}

	atomic_set(kvm.online_vcpus, 0);
}

/** virt/kvm/kvm_main.c:mmu_notifier_to_kvm() */
function mmu_notifier_to_kvm(mn: struct_mmu_notifier): struct_kvm {
	return container_of(mn, struct_kvm, "mmu_notifier");
}

/** virt/kvm/kvm_main.c:kvm_mmu_notifier_invalidate_range() */
function kvm_mmu_notifier_invalidate_range(mn: struct_mmu_notifier, _mm: struct_mm_struct,
	start: unsigned_long, end: unsigned_long): void {
	const kvm = mmu_notifier_to_kvm(mn);

	const idx = srcu_read_lock(kvm.srcu);
	kvm_arch_mmu_notifier_invalidate_range(kvm, start, end);
	srcu_read_unlock(kvm.srcu, idx);
}

type hva_handler_t = (kvm: struct_kvm, range: struct_kvm_gfn_range) => boolean;

/* @hunk 4:1 */
type on_lock_fn_t = (kvm: struct_kvm, start: gfn_t, end: gfn_t) => void;

type on_unlock_fn_t = (kvm: struct_kvm) => void;

interface struct_kvm_hva_range {
	readonly start: unsigned_long;
	readonly end: unsigned_long;
	readonly pte: pte_t;
	readonly handler: hva_handler_t;
	readonly on_lock: on_lock_fn_t;
	readonly on_unlock: on_unlock_fn_t;
	readonly flush_on_ret: boolean;
	readonly may_block: boolean;
}

/** Stands for NULL among the callbacks of a range. */
function kvm_null_fn(): boolean {
	return false;
}

function IS_KVM_NULL_FN(fn: hva_handler_t | on_lock_fn_t | on_unlock_fn_t): boolean {
	return fn === kvm_null_fn;
}

const pte_zero = __pte(0, 0);

/**
 * virt/kvm/kvm_main.c:__kvm_handle_hva_range()
 *
 * Calls @range's handler, under mmu_lock, for each memslot that has part of it. mmu_lock is only
 * taken if there is one. C: kvm_for_each_memslot_in_hva_range().
 */
function __kvm_handle_hva_range(kvm: struct_kvm, range: struct_kvm_hva_range): number {
	let ret = false, locked = false;

	if (WARN_ON_ONCE(range.end <= range.start))
		return 0;

	/* without a handler there must be something to do with the lock held */
	if (WARN_ON_ONCE(IS_KVM_NULL_FN(range.on_lock) && IS_KVM_NULL_FN(range.handler)))
		return 0;

	const gfn_range = new struct_kvm_gfn_range();
	const idx = srcu_read_lock(kvm.srcu);

	for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++) {
		const slots = __kvm_memslots(kvm, i);

		for (let node: struct_interval_tree_node | null =
			interval_tree_iter_first(slots.hva_tree, range.start, range.end - 1);
			node !== null;
			node = interval_tree_iter_next(node, range.start, range.end - 1)) {
			const slot = container_of(node, struct_kvm_memory_slot, "hva_node");
			const hva_start = max(range.start, slot.userspace_addr);
			const hva_end = min(range.end, slot.userspace_addr +
				slot.npages * PAGE_SIZE);

			gfn_range.pte = range.pte;
			gfn_range.may_block = range.may_block;

			/* the gfns of the pages that [hva_start, hva_end) meets */
			gfn_range.start = hva_to_gfn_memslot(hva_start, slot);
			gfn_range.end = hva_to_gfn_memslot(hva_end + PAGE_SIZE - 1, slot);
			gfn_range.slot = slot;

			if (!locked) {
				locked = true;
				KVM_MMU_LOCK(kvm);
				if (!IS_KVM_NULL_FN(range.on_lock))
					/* @hunk 4:2 */
					range.on_lock(kvm, gfn_range.start,
						gfn_range.end);
				if (IS_KVM_NULL_FN(range.handler))
					break;
			}
			ret = range.handler(kvm, gfn_range) || ret;
		}
	}

	if (range.flush_on_ret && ret)
		kvm_flush_remote_tlbs(kvm);

	if (locked) {
		KVM_MMU_UNLOCK(kvm);
		if (!IS_KVM_NULL_FN(range.on_unlock))
			range.on_unlock(kvm);
	}

	srcu_read_unlock(kvm.srcu, idx);

	return Number(ret);
}

/** virt/kvm/kvm_main.c:kvm_handle_hva_range() */
function kvm_handle_hva_range(mn: struct_mmu_notifier, start: unsigned_long, end: unsigned_long,
	pte: pte_t, handler: hva_handler_t): number {
	const kvm = mmu_notifier_to_kvm(mn);
	const range: struct_kvm_hva_range = {
		start:		start,
		end:		end,
		pte:		pte,
		handler:	handler,
		on_lock:	kvm_null_fn,
		on_unlock:	kvm_null_fn,
		flush_on_ret:	true,
		may_block:	false,
	};

	return __kvm_handle_hva_range(kvm, range);
}

/** virt/kvm/kvm_main.c:kvm_handle_hva_range_no_flush() */
function kvm_handle_hva_range_no_flush(mn: struct_mmu_notifier, start: unsigned_long,
	end: unsigned_long, handler: hva_handler_t): number {
	const kvm = mmu_notifier_to_kvm(mn);
	const range: struct_kvm_hva_range = {
		start:		start,
		end:		end,
		pte:		pte_zero,
		handler:	handler,
		on_lock:	kvm_null_fn,
		on_unlock:	kvm_null_fn,
		flush_on_ret:	false,
		may_block:	false,
	};

	return __kvm_handle_hva_range(kvm, range);
}

/** virt/kvm/kvm_main.c:kvm_mmu_notifier_change_pte() */
function kvm_mmu_notifier_change_pte(mn: struct_mmu_notifier, _mm: struct_mm_struct,
	address: unsigned_long, pte: pte_t): void {
	const kvm = mmu_notifier_to_kvm(mn);

	trace_kvm_set_spte_hva(address);

	/*
	 * Only between invalidate_range_start() and end(). If none of those under way met a slot,
	 * neither did the one around this call, and there is nothing to look for.
	 */
	WARN_ON_ONCE(!READ_ONCE(kvm.mn_active_invalidate_count));
	if (!READ_ONCE(kvm.mmu_invalidate_in_progress))
		return;

	kvm_handle_hva_range(mn, address, address + 1, pte, kvm_set_spte_gfn);
}

/** virt/kvm/kvm_main.c:update_invalidate_range(), with mmu_lock held for write. @hunk 4:3 */
function update_invalidate_range(kvm: struct_kvm, start: gfn_t, end: gfn_t): void {
	if (kvm.mmu_invalidate_range_end === 0) {
		kvm.mmu_invalidate_range_start = start;
		kvm.mmu_invalidate_range_end = end;
	} else {
		/*
		 * Of several ranges, be they of several slots, only what covers them all is
		 * kept: until the last of them has ended, more may look invalidated than is.
		 */
		kvm.mmu_invalidate_range_start =
			gfn_t(min(kvm.mmu_invalidate_range_start, start));
		kvm.mmu_invalidate_range_end =
			gfn_t(max(kvm.mmu_invalidate_range_end, end));
	}
}

/** virt/kvm/kvm_main.c:mark_invalidate_in_progress() @hunk 4:4 */
function mark_invalidate_in_progress(kvm: struct_kvm, _start: gfn_t, _end: gfn_t): void {
	/* seen by whoever takes mmu_lock next: no SPTE is made without it */
	kvm.mmu_invalidate_in_progress++;

	/* none yet: what belongs to it is added slot by slot, before mmu_lock is dropped */
	if (kvm.mmu_invalidate_in_progress === 1)
		kvm.mmu_invalidate_range_start = kvm.mmu_invalidate_range_end = gfn_t(0);
}

/** virt/kvm/kvm_main.c:kvm_mmu_handle_gfn_range() */
function kvm_mmu_handle_gfn_range(kvm: struct_kvm, range: struct_kvm_gfn_range): boolean {
	update_invalidate_range(kvm, range.start, range.end);
	return kvm_unmap_gfn_range(kvm, range);
}

/** virt/kvm/kvm_main.c:kvm_mmu_invalidate_begin(), with mmu_lock held for write. */
export function kvm_mmu_invalidate_begin(kvm: struct_kvm, start: gfn_t, end: gfn_t): void {
	mark_invalidate_in_progress(kvm, start, end);
	update_invalidate_range(kvm, start, end);
}

/** virt/kvm/kvm_main.c:kvm_mmu_notifier_invalidate_range_start() */
function kvm_mmu_notifier_invalidate_range_start(mn: struct_mmu_notifier,
	range: struct_mmu_notifier_range): number {
	const kvm = mmu_notifier_to_kvm(mn);
	const hva_range: struct_kvm_hva_range = {
		start:		range.start,
		end:		range.end,
		pte:		pte_zero,	/* C: __pte(0) */
		/* @hunk 4:5 */
		handler:	kvm_mmu_handle_gfn_range,
		on_lock:	mark_invalidate_in_progress,
		on_unlock:	kvm_arch_guest_memory_reclaimed,
		flush_on_ret:	true,
		may_block:	mmu_notifier_range_blockable(range),
	};

	trace_kvm_unmap_hva_range(range.start, range.end);

	/*
	 * No change of memslots until range_end(): both are to find the same slots, or
	 * mmu_invalidate_in_progress goes out of balance.
	 */
	spin_lock(kvm.mn_invalidate_lock);
	kvm.mn_active_invalidate_count++;
	spin_unlock(kvm.mn_invalidate_lock);

	/* before mmu_lock, inside which the caches' own locks must not be taken */
	gfn_to_pfn_cache_invalidate_start(kvm, range.start, range.end, hva_range.may_block);

	__kvm_handle_hva_range(kvm, hva_range);

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_mmu_invalidate_end(), with mmu_lock held for write. @hunk 4:6 */
export function kvm_mmu_invalidate_end(kvm: struct_kvm, _start: gfn_t, _end: gfn_t): void {
	/* a fault that looked its page up before this may have one that was freed */
	kvm.mmu_invalidate_seq++;
	smp_wmb();
	/* after the sequence; pairs with smp_rmb() in mmu_invalidate_retry() */
	kvm.mmu_invalidate_in_progress--;
}

/** virt/kvm/kvm_main.c:kvm_mmu_notifier_invalidate_range_end() */
function kvm_mmu_notifier_invalidate_range_end(mn: struct_mmu_notifier,
	range: struct_mmu_notifier_range): void {
	const kvm = mmu_notifier_to_kvm(mn);
	const hva_range: struct_kvm_hva_range = {
		start:		range.start,
		end:		range.end,
		pte:		pte_zero,
		handler:	kvm_null_fn,
		on_lock:	kvm_mmu_invalidate_end,
		on_unlock:	kvm_null_fn,
		flush_on_ret:	false,
		may_block:	mmu_notifier_range_blockable(range),
	};

	__kvm_handle_hva_range(kvm, hva_range);

	/* counted up when the range began */
	spin_lock(kvm.mn_invalidate_lock);
	const wake = --kvm.mn_active_invalidate_count === 0;
	spin_unlock(kvm.mn_invalidate_lock);

	/* the one who holds slots_lock */
	if (wake)
		rcuwait_wake_up(kvm.mn_memslots_update_rcuwait);

	BUG_ON(kvm.mmu_invalidate_in_progress < 0);
}

/** virt/kvm/kvm_main.c:kvm_mmu_notifier_clear_flush_young() */
function kvm_mmu_notifier_clear_flush_young(mn: struct_mmu_notifier, _mm: struct_mm_struct,
	start: unsigned_long, end: unsigned_long): number {
	trace_kvm_age_hva(start, end);

	return kvm_handle_hva_range(mn, start, end, pte_zero, kvm_age_gfn);
}

/** virt/kvm/kvm_main.c:kvm_mmu_notifier_clear_young() */
function kvm_mmu_notifier_clear_young(mn: struct_mmu_notifier, _mm: struct_mm_struct,
	start: unsigned_long, end: unsigned_long): number {
	trace_kvm_age_hva(start, end);

	/* the bits that TLBs keep from being set again are lost until they are flushed anyway */
	return kvm_handle_hva_range_no_flush(mn, start, end, kvm_age_gfn);
}

/** virt/kvm/kvm_main.c:kvm_mmu_notifier_test_young() */
function kvm_mmu_notifier_test_young(mn: struct_mmu_notifier, _mm: struct_mm_struct,
	address: unsigned_long): number {
	trace_kvm_test_age_hva(address);

	return kvm_handle_hva_range_no_flush(mn, address, address + 1,
		kvm_test_age_gfn);
}

/** virt/kvm/kvm_main.c:kvm_mmu_notifier_release() */
function kvm_mmu_notifier_release(mn: struct_mmu_notifier, _mm: struct_mm_struct): void {
	const kvm = mmu_notifier_to_kvm(mn);

	const idx = srcu_read_lock(kvm.srcu);
	kvm_flush_shadow_all(kvm);
	srcu_read_unlock(kvm.srcu, idx);
}

const kvm_mmu_notifier_ops: struct_mmu_notifier_ops = {
	invalidate_range:	kvm_mmu_notifier_invalidate_range,
	invalidate_range_start:	kvm_mmu_notifier_invalidate_range_start,
	invalidate_range_end:	kvm_mmu_notifier_invalidate_range_end,
	clear_flush_young:	kvm_mmu_notifier_clear_flush_young,
	clear_young:		kvm_mmu_notifier_clear_young,
	test_young:		kvm_mmu_notifier_test_young,
	change_pte:		kvm_mmu_notifier_change_pte,
	release:		kvm_mmu_notifier_release,
};

/** virt/kvm/kvm_main.c:kvm_init_mmu_notifier() */
function kvm_init_mmu_notifier(kvm: struct_kvm): number {
	kvm.mmu_notifier.ops = kvm_mmu_notifier_ops;
	return mmu_notifier_register(kvm.mmu_notifier, current.mm!);
}

/**
 * virt/kvm/kvm_main.c:kvm_vm_ioctl_set_mem_attr(): [@gpa, @gpa + @size), in bytes, is private, or
 * shared. @hunk 5:1 6:1 6:2
 */
function kvm_vm_ioctl_set_mem_attr(kvm: struct_kvm, gpa: u64, size: u64, is_private: boolean):
	number {
	let r = 0;

	if (size === 0n || u64(gpa + size) < gpa)
		return -EINVAL;
	if (gpa & BigInt(PAGE_SIZE - 1) || size & BigInt(PAGE_SIZE - 1))
		return -EINVAL;

	const start = gfn_t(Number(gpa >> BigInt(PAGE_SHIFT)));
	const end = gfn_t(Number(u64(gpa + size - 1n + BigInt(PAGE_SIZE)) >> BigInt(PAGE_SHIFT)));

	const attr = is_private ? KVM_MEM_ATTR_PRIVATE : KVM_MEM_ATTR_SHARED;

	/* the memslots that kvm_arch_update_mem_attr() walks, and one change at a time */
	mutex_lock(kvm.slots_lock);

	out: {
		/* all that can fail, before anything has changed */
		r = kvm_mem_attr_prepare(kvm, start, end, !is_private);
		if (r)
			break out;

		/*
		 * Until the end no fault maps anything: one that goes by what was recorded before,
		 * or by large pages that are not up to date, would not be undone.
		 */
		KVM_MMU_LOCK(kvm);
		kvm_mmu_invalidate_begin(kvm, start, end);
		KVM_MMU_UNLOCK(kvm);

		kvm_arch_pre_update_mem_attr(kvm, start, end);
		kvm_mem_attr_set(kvm, start, end, !is_private);
		kvm_arch_update_mem_attr(kvm, attr, start, end);	/* @hunk 6:3 */
		/* what the range was; memory that stays what it is keeps its contents */
		kvm_zap_gfn_range(kvm, start, end,
			is_private ? KVM_ZAP_SHARED : KVM_ZAP_PRIVATE);

		KVM_MMU_LOCK(kvm);
		kvm_mmu_invalidate_end(kvm, start, end);
		KVM_MMU_UNLOCK(kvm);
	}
	mutex_unlock(kvm.slots_lock);
	return r;
}

/**
 * virt/kvm/kvm_main.c:kvm_private_notifier_invalidate(): which gfns pages [@start, @end) of the
 * file are. False if none. @hunk 8:1
 */
function kvm_private_notifier_range(slot: struct_kvm_memory_slot, start: pgoff_t, end: pgoff_t,
	range: struct_kvm_gfn_range): boolean {
	const base_pgoff = loff_to_pgoff(slot.private_offset);
	let start_gfn = slot.base_gfn;
	let end_gfn = gfn_t(slot.base_gfn + slot.npages);

	if (start > base_pgoff)
		start_gfn = gfn_t(slot.base_gfn + start - base_pgoff);

	/* at most base_gfn for a range in front of the slot's part; C's wraps around below 0 */
	if (end < base_pgoff + slot.npages)
		end_gfn = gfn_t(slot.base_gfn + end - base_pgoff);

	range.start = start_gfn;
	range.end = end_gfn;
	return start_gfn < end_gfn;
}

/** Later versions: kvm_restrictedmem_invalidate_begin(). No fault maps the pages until the end. */
function kvm_private_notifier_invalidate_start(notifier: struct_inaccessible_notifier,
	start: pgoff_t, end: pgoff_t): void {
	const slot = container_of(notifier, struct_kvm_memory_slot, "notifier");
	const kvm = slot.kvm!, range = new struct_kvm_gfn_range();

	if (!kvm_private_notifier_range(slot, start, end, range))
		return;

	KVM_MMU_LOCK(kvm);
	kvm_mmu_invalidate_begin(kvm, range.start, range.end);
	KVM_MMU_UNLOCK(kvm);

	kvm_zap_gfn_range(kvm, range.start, range.end, KVM_ZAP_PRIVATE);
}

/** Later versions: kvm_restrictedmem_invalidate_end() */
function kvm_private_notifier_invalidate_end(notifier: struct_inaccessible_notifier,
	start: pgoff_t, end: pgoff_t): void {
	const slot = container_of(notifier, struct_kvm_memory_slot, "notifier");
	const kvm = slot.kvm!, range = new struct_kvm_gfn_range();

	if (!kvm_private_notifier_range(slot, start, end, range))
		return;

	KVM_MMU_LOCK(kvm);
	kvm_mmu_invalidate_end(kvm, range.start, range.end);
	KVM_MMU_UNLOCK(kvm);
}

const kvm_private_notifier_ops: struct_inaccessible_notifier_ops = {
	invalidate_start:	kvm_private_notifier_invalidate_start,
	invalidate_end:		kvm_private_notifier_invalidate_end,
};

function kvm_private_mem_register(slot: struct_kvm_memory_slot): void {
	if (!IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM)) {
		WARN_ON_ONCE(true);
		return;
	}
	const { range } = slot.notifier;

	/* of a hole elsewhere in the file it need not hear */
	range.start = loff_to_pgoff(slot.private_offset);
	range.last = range.start + slot.npages - 1;
	slot.notifier.ops = kvm_private_notifier_ops;
	inaccessible_register_notifier(slot.private_file!, slot.notifier);
}

function kvm_private_mem_unregister(slot: struct_kvm_memory_slot): void {
	if (!IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM)) {
		WARN_ON_ONCE(true);
		return;
	}
	inaccessible_unregister_notifier(slot.private_file!, slot.notifier);
}

/*
 * CONFIG_HAVE_KVM_PM_NOTIFIER is off, and with it kvm_pm_notifier_call(), which is the call of a
 * notifier_block and hands the state to come to kvm_arch_pm_notifier().
 */
function kvm_init_pm_notifier(_kvm: struct_kvm): void {}

function kvm_destroy_pm_notifier(_kvm: struct_kvm): void {}

/** virt/kvm/kvm_main.c:kvm_destroy_dirty_bitmap() */
function kvm_destroy_dirty_bitmap(memslot: struct_kvm_memory_slot): void {
	if (!memslot.dirty_bitmap)
		return;

	kvfree(memslot.dirty_bitmap);
	memslot.dirty_bitmap = null;
}

/** virt/kvm/kvm_main.c:kvm_free_memslot(): of one that is in no set any more. */
function kvm_free_memslot(kvm: struct_kvm, slot: struct_kvm_memory_slot): void {
	/* @hunk 8:2 */
	if (slot.flags & KVM_MEM_PRIVATE) {
		kvm_private_mem_unregister(slot);
		fput(slot.private_file!);
	}

	kvm_destroy_shared_bitmap(slot);

	kvm_destroy_dirty_bitmap(slot);

	kvm_arch_free_memslot(kvm, slot);

	kfree(slot);
}

/** virt/kvm/kvm_main.c:kvm_free_memslots() */
function kvm_free_memslots(kvm: struct_kvm, slots: struct_kvm_memslots): void {
	/* both sets hold the same slots: they go with the second one */
	if (!slots.node_idx)
		return;

	for (const memslot of hash_for_each_safe(slots.id_hash, struct_kvm_memory_slot, "id_node"))
		kvm_free_memslot(kvm, memslot);
}

/** virt/kvm/kvm_main.c:kvm_create_vm() */
function kvm_create_vm(type: ulong64): struct_kvm | err_ptr {
	const kvm = kvm_arch_alloc_vm();
	let r = -ENOMEM;

	if (!kvm)
		return ERR_PTR(-ENOMEM);

	/* the descriptor of /dev/kvm keeps the module for the moment */
	__module_get(kvm_chardev_ops.owner ?? null);

	KVM_MMU_LOCK_INIT(kvm);
	mmgrab(current.mm!);
	kvm.mm = current.mm;
	kvm_eventfd_init(kvm);
	mutex_init(kvm.lock, "&kvm->lock");
	mutex_init(kvm.irq_lock, "&kvm->irq_lock");
	mutex_init(kvm.slots_lock, "&kvm->slots_lock");
	mutex_init(kvm.slots_arch_lock, "&kvm->slots_arch_lock");
	spin_lock_init(kvm.mn_invalidate_lock, "&kvm->mn_invalidate_lock");
	rcuwait_init(kvm.mn_memslots_update_rcuwait);
	xa_init(kvm.vcpu_array, "&kvm->vcpu_array.xa_lock");
	/* nodes by GFP_NOWAIT, too, are charged to whoever converts. @hunk 5:2 */
	if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
		xa_init_flags(kvm.mem_attr_array, XA_FLAGS_ACCOUNT,
			"&kvm->mem_attr_array.xa_lock");

	INIT_LIST_HEAD(kvm.gpc_list);
	spin_lock_init(kvm.gpc_lock, "&kvm->gpc_lock");

	INIT_LIST_HEAD(kvm.devices);
	kvm.max_vcpus = KVM_MAX_VCPUS;

	BUILD_BUG_ON(KVM_MEM_SLOTS_NUM > 0x7fff);

	set_stats_id(kvm.stats_id, `kvm-${task_pid_nr(current)}`);

	out_err_no_srcu: {
		if (init_srcu_struct(kvm.srcu, "&kvm->srcu"))
			break out_err_no_srcu;

		out_err_no_irq_srcu: {
			if (init_srcu_struct(kvm.irq_srcu, "&kvm->irq_srcu"))
				break out_err_no_irq_srcu;

			refcount_set(kvm.users_count, 1);

			out_err_no_arch_destroy_vm: {
				for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++) {
					for (let j = 0; j < 2; j++) {
						const slots = kvm.__memslots[i]![j]!;

						slots.last_used_slot = null;
						slots.hva_tree = RB_ROOT_CACHED();
						slots.gfn_tree = RB_ROOT();
						hash_init(slots.id_hash);
						slots.node_idx = j;

						/* no two address spaces ever have the same one */
						slots.generation = i;
					}

					kvm.memslots[i] = rcu_assign_pointer(
						kvm.__memslots[i]![0]!);
				}

				for (let i = 0; i < KVM_NR_BUSES; i++) {
					kvm.buses[i] = rcu_assign_pointer(
						kzalloc(struct_kvm_io_bus, GFP_KERNEL_ACCOUNT));
					if (!kvm.buses[i])
						break out_err_no_arch_destroy_vm;
				}

				kvm.max_halt_poll_ns = halt_poll_ns;

				r = kvm_arch_init_vm(kvm, type);
				if (r)
					break out_err_no_arch_destroy_vm;

				kvm_private_mem_testing_init_vm(kvm, type);

				out_err_no_disable: {
					r = hardware_enable_all();
					if (r)
						break out_err_no_disable;

					out_err_no_mmu_notifier: {
						r = kvm_init_mmu_notifier(kvm);
						if (r)
							break out_err_no_mmu_notifier;

						out_no_coalesced_mmio: {
							r = kvm_coalesced_mmio_init(kvm);
							if (r < 0)
								break out_no_coalesced_mmio;

							out_err: {
								r = kvm_arch_post_init_vm(kvm);
								if (r)
									break out_err;

								mutex_lock(kvm_lock);
								list_add(kvm.vm_list, vm_list);
								mutex_unlock(kvm_lock);

								preempt_notifier_inc();
								kvm_init_pm_notifier(kvm);

								return kvm;
							}
							kvm_coalesced_mmio_free(kvm);
						}
						mmu_notifier_unregister(kvm.mmu_notifier,
							current.mm!);
					}
					hardware_disable_all();
				}
				kvm_arch_destroy_vm(kvm);
			}
			WARN_ON_ONCE(!refcount_dec_and_test(kvm.users_count));
			for (let i = 0; i < KVM_NR_BUSES; i++)
				kfree(kvm_get_bus(kvm, i as kvm_bus));
			cleanup_srcu_struct(kvm.irq_srcu);
		}
		cleanup_srcu_struct(kvm.srcu);
	}
	kvm_arch_free_vm(kvm);
	mmdrop(current.mm!);
	module_put(kvm_chardev_ops.owner ?? null);
	return ERR_PTR(r);
}

/** virt/kvm/kvm_main.c:kvm_destroy_vm() */
function kvm_destroy_vm(kvm: struct_kvm): void {
	const mm = kvm.mm!;

	kvm_destroy_pm_notifier(kvm);
	kvm_arch_sync_events(kvm);
	mutex_lock(kvm_lock);
	list_del(kvm.vm_list);
	mutex_unlock(kvm_lock);
	kvm_arch_pre_destroy_vm(kvm);

	kvm_free_irq_routing(kvm);
	for (let i = 0; i < KVM_NR_BUSES; i++) {
		const bus = kvm_get_bus(kvm, i as kvm_bus);

		if (bus)
			kvm_io_bus_destroy(bus);
		kvm.buses[i] = null;
	}
	kvm_coalesced_mmio_free(kvm);
	mmu_notifier_unregister(kvm.mmu_notifier, kvm.mm!);
	/*
	 * Ranges whose start was seen, and whose end will not be: nobody waits for them, but
	 * freeing memslots would.
	 */
	WARN_ON(rcuwait_active(kvm.mn_memslots_update_rcuwait));
	kvm.mn_active_invalidate_count = 0;
	kvm_arch_destroy_vm(kvm);
	for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++) {
		kvm_free_memslots(kvm, kvm.__memslots[i]![0]!);
		kvm_free_memslots(kvm, kvm.__memslots[i]![1]!);
	}
	/* @hunk 5:3 */
	if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
		xa_destroy(kvm.mem_attr_array);
	cleanup_srcu_struct(kvm.irq_srcu);
	cleanup_srcu_struct(kvm.srcu);
	kvm_arch_free_vm(kvm);
	preempt_notifier_dec();
	hardware_disable_all();
	mmdrop(mm);
	module_put(kvm_chardev_ops.owner ?? null);
}

/** virt/kvm/kvm_main.c:kvm_get_kvm() */
export function kvm_get_kvm(kvm: struct_kvm): void {
	refcount_inc(kvm.users_count);
}

/** virt/kvm/kvm_main.c:kvm_get_kvm_safe(): not if it is being destroyed. */
export function kvm_get_kvm_safe(kvm: struct_kvm): boolean {
	return refcount_inc_not_zero(kvm.users_count);
}

/** virt/kvm/kvm_main.c:kvm_put_kvm() */
export function kvm_put_kvm(kvm: struct_kvm): void {
	if (refcount_dec_and_test(kvm.users_count))
		kvm_destroy_vm(kvm);
}

/**
 * virt/kvm/kvm_main.c:kvm_put_kvm_no_destroy()
 *
 * A reference that was meant for a new descriptor, which could not be installed; the caller has one
 * of its own.
 */
export function kvm_put_kvm_no_destroy(kvm: struct_kvm): void {
	WARN_ON(refcount_dec_and_test(kvm.users_count));
}

/** virt/kvm/kvm_main.c:kvm_vm_release() */
function kvm_vm_release(_inode: struct_inode, filp: struct_file): number {
	const kvm = filp.private_data as struct_kvm;

	kvm_irqfd_release(kvm);

	kvm_put_kvm(kvm);
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_alloc_dirty_bitmap(): two of them, for kvm_vm_ioctl_get_dirty_log(). */
function kvm_alloc_dirty_bitmap(memslot: struct_kvm_memory_slot): number {
	const dirty_bytes = kvm_dirty_bitmap_bytes(memslot);

	memslot.dirty_bitmap = kvzalloc_bytes(2 * dirty_bytes, GFP_KERNEL_ACCOUNT);
	if (!memslot.dirty_bitmap)
		return -ENOMEM;

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_get_inactive_memslots() */
function kvm_get_inactive_memslots(kvm: struct_kvm, as_id: number): struct_kvm_memslots {
	const active = __kvm_memslots(kvm, as_id);
	const node_idx_inactive = active.node_idx ^ 1;

	return kvm.__memslots[as_id]![node_idx_inactive]!;
}

/** virt/kvm/kvm_main.c:kvm_memslots_get_as_id(): one of the two may be missing. */
function kvm_memslots_get_as_id(a: struct_kvm_memory_slot | null,
	b: struct_kvm_memory_slot | null): number {
	if (WARN_ON_ONCE(!a && !b))
		return 0;

	if (!a)
		return b!.as_id;
	if (!b)
		return a.as_id;

	WARN_ON_ONCE(a.as_id !== b.as_id);
	return a.as_id;
}

/** virt/kvm/kvm_main.c:kvm_insert_gfn_node() */
function kvm_insert_gfn_node(slots: struct_kvm_memslots, slot: struct_kvm_memory_slot): void {
	const gfn_tree = slots.gfn_tree;
	const idx = slots.node_idx;

	let parent: struct_rb_node | null = null;
	let link: rb_link = gfn_tree;
	for (let node = gfn_tree.rb_node; node !== null; ) {
		const tmp = container_of(node, struct_kvm_memory_slot, "gfn_node");
		parent = node;
		if (slot.base_gfn < tmp.base_gfn) {
			link = "rb_left";
			node = node.rb_left;
		} else if (slot.base_gfn > tmp.base_gfn) {
			link = "rb_right";
			node = node.rb_right;
		} else {
			BUG();
		}
	}

	rb_link_node(slot.gfn_node[idx]!, parent, link);
	rb_insert_color(slot.gfn_node[idx]!, gfn_tree);
}

/** virt/kvm/kvm_main.c:kvm_erase_gfn_node() */
function kvm_erase_gfn_node(slots: struct_kvm_memslots, slot: struct_kvm_memory_slot): void {
	rb_erase(slot.gfn_node[slots.node_idx]!, slots.gfn_tree);
}

/** virt/kvm/kvm_main.c:kvm_replace_gfn_node() */
function kvm_replace_gfn_node(slots: struct_kvm_memslots, old: struct_kvm_memory_slot,
	new_: struct_kvm_memory_slot): void {
	const idx = slots.node_idx;

	WARN_ON_ONCE(old.base_gfn !== new_.base_gfn);

	rb_replace_node(old.gfn_node[idx]!, new_.gfn_node[idx]!,
		slots.gfn_tree);
}

/**
 * virt/kvm/kvm_main.c:kvm_replace_memslot()
 *
 * In the inactive set: @old goes, @new_ comes, either may be null.
 */
function kvm_replace_memslot(kvm: struct_kvm, old: struct_kvm_memory_slot | null,
	new_: struct_kvm_memory_slot | null): void {
	const as_id = kvm_memslots_get_as_id(old, new_);
	const slots = kvm_get_inactive_memslots(kvm, as_id);
	const idx = slots.node_idx;

	if (old) {
		hash_del(old.id_node[idx]!);
		interval_tree_remove(old.hva_node[idx]!, slots.hva_tree);

		if (old === slots.last_used_slot)
			slots.last_used_slot = new_;

		if (!new_) {
			kvm_erase_gfn_node(slots, old);
			return;
		}
	}

	/* kvm_copy_memslot() leaves nodes alone, so also in place of an @old */
	new_!.hva_node[idx]!.start = new_!.userspace_addr;
	new_!.hva_node[idx]!.last = new_!.userspace_addr +
		new_!.npages * PAGE_SIZE - 1;

	/* an interval tree has no replace, even though a slot's hva never changes */
	hash_add(slots.id_hash, new_!.id_node[idx]!, new_!.id);
	interval_tree_insert(new_!.hva_node[idx]!, slots.hva_tree);

	/* in the gfn tree the node can be taken over if the gfn is the same */
	if (old && old.base_gfn === new_!.base_gfn) {
		kvm_replace_gfn_node(slots, old, new_!);
	} else {
		if (old)
			kvm_erase_gfn_node(slots, old);
		kvm_insert_gfn_node(slots, new_!);
	}
}

/** virt/kvm/kvm_main.c:kvm_arch_has_private_mem(): weak. @hunk 5:4 */
export function kvm_arch_has_private_mem(kvm: struct_kvm): boolean {
	return weak("kvm_arch_has_private_mem", (_kvm: struct_kvm) => false)(kvm);
}

/** virt/kvm/kvm_main.c:kvm_arch_dirty_log_supported(): weak; TDs have none. */
export function kvm_arch_dirty_log_supported(kvm: struct_kvm): boolean {
	return weak("kvm_arch_dirty_log_supported", (_kvm: struct_kvm) => true)(kvm);
}

/** Weak, too: pages of TDs are readable, writable and executable. */
export function kvm_arch_readonly_mem_supported(kvm: struct_kvm): boolean {
	return weak("kvm_arch_readonly_mem_supported", (_kvm: struct_kvm) => true)(kvm);
}

/** virt/kvm/kvm_main.c:check_memory_region_flags() @hunk 2:1 */
function check_memory_region_flags(kvm: struct_kvm, mem: struct_kvm_user_mem_region): number {
	let valid_flags = 0;

	if (kvm_arch_dirty_log_supported(kvm))
		valid_flags |= KVM_MEM_LOG_DIRTY_PAGES;

	/* @hunk 8:3 */
	if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM) && kvm_arch_has_private_mem(kvm))
		valid_flags |= KVM_MEM_PRIVATE;

	/* a write to read-only memory is MMIO, which nobody could complete for private memory */
	if (__KVM_HAVE_READONLY_MEM && !(mem.flags & KVM_MEM_PRIVATE) &&
	    kvm_arch_readonly_mem_supported(kvm))
		valid_flags |= KVM_MEM_READONLY;

	if (mem.flags & ~valid_flags)
		return -EINVAL;

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_swap_active_memslots(); slots_arch_lock is held, and dropped here. */
function kvm_swap_active_memslots(kvm: struct_kvm, as_id: number): void {
	const slots = kvm_get_inactive_memslots(kvm, as_id);

	/* of the set that is active now */
	let gen = __kvm_memslots(kvm, as_id).generation;

	WARN_ON((gen & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0);
	slots.generation = gen | KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;

	/*
	 * Not between the start and the end of an invalidation: the end would look for its slots
	 * in another set.
	 */
	spin_lock(kvm.mn_invalidate_lock);
	prepare_to_rcuwait(kvm.mn_memslots_update_rcuwait);
	while (kvm.mn_active_invalidate_count) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		spin_unlock(kvm.mn_invalidate_lock);
		schedule();
		spin_lock(kvm.mn_invalidate_lock);
	}
	finish_rcuwait(kvm.mn_memslots_update_rcuwait);
	kvm.memslots[as_id] = rcu_assign_pointer(slots);
	spin_unlock(kvm.mn_invalidate_lock);

	/*
	 * Taken in kvm_set_memslot(). A reader may be waiting for it, and the next line waits for
	 * readers.
	 */
	mutex_unlock(kvm.slots_arch_lock);

	synchronize_srcu_expedited(kvm.srcu);

	/* again a new generation, this time one that stays: without the flag */
	gen = slots.generation & ~KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;

	/*
	 * No two address spaces share generations: of two, one has 0, 2, 4 and so on, the other
	 * 1, 3, 5.
	 */
	gen += KVM_ADDRESS_SPACE_NUM;

	kvm_arch_memslots_updated(kvm, gen);

	slots.generation = gen;
}

/** virt/kvm/kvm_main.c:kvm_prepare_memory_region() */
function kvm_prepare_memory_region(kvm: struct_kvm, old: struct_kvm_memory_slot | null,
	new_: struct_kvm_memory_slot | null, change: kvm_mr_change): number {
	let r: number;

	/* @hunk 8:4 */
	if (change === KVM_MR_CREATE && new_!.flags & KVM_MEM_PRIVATE)
		kvm_private_mem_register(new_!);

	/*
	 * Without dirty logging there is no bitmap; an old one is freed on commit. With logging
	 * before and after it is kept; if it is only beginning, a new one is made.
	 */
	if (change !== KVM_MR_DELETE) {
		if (!(new_!.flags & KVM_MEM_LOG_DIRTY_PAGES)) {
			new_!.dirty_bitmap = null;
		} else if (old && old.dirty_bitmap) {
			new_!.dirty_bitmap = old.dirty_bitmap;
		} else if (!kvm.dirty_ring_size) {
			r = kvm_alloc_dirty_bitmap(new_!);
			if (r) {
				if (change === KVM_MR_CREATE && new_!.flags & KVM_MEM_PRIVATE)
					kvm_private_mem_unregister(new_!);
				return r;
			}

			if (kvm_dirty_log_manual_protect_and_init_set(kvm))
				bitmap_set(new_!.dirty_bitmap!, 0, new_!.npages);
		}
	}

	r = kvm_arch_prepare_memory_region(kvm, old, new_, change);

	if (r && new_ && new_.dirty_bitmap && (!old || !old.dirty_bitmap))
		kvm_destroy_dirty_bitmap(new_);

	/* @hunk 8:5 */
	if (r && change === KVM_MR_CREATE && new_!.flags & KVM_MEM_PRIVATE)
		kvm_private_mem_unregister(new_!);

	return r;
}

/** virt/kvm/kvm_main.c:kvm_commit_memory_region() */
function kvm_commit_memory_region(kvm: struct_kvm, old: struct_kvm_memory_slot | null,
	new_: struct_kvm_memory_slot | null, change: kvm_mr_change): void {
	/* first, so that the architecture can count on it */
	if (change === KVM_MR_DELETE)
		kvm.nr_memslot_pages -= old!.npages;
	else if (change === KVM_MR_CREATE)
		kvm.nr_memslot_pages += new_!.npages;

	kvm_arch_commit_memory_region(kvm, old, new_, change);

	switch (change) {
	case KVM_MR_CREATE:
		break;
	case KVM_MR_DELETE:
		kvm_free_memslot(kvm, old!);
		break;
	case KVM_MR_MOVE:
	case KVM_MR_FLAGS_ONLY:
		/* unless the new slot took it over */
		if (old!.dirty_bitmap && !new_!.dirty_bitmap)
			kvm_destroy_dirty_bitmap(old!);

		/* only the slot itself: what it pointed to may be the new one's now */
		kfree(old);
		break;
	default:
		BUG();
	}
}

/**
 * virt/kvm/kvm_main.c:kvm_activate_memslot()
 *
 * The inactive set, where @new_ is in place of @old already, becomes active; then the other one
 * gets the same change. Either may be null.
 */
function kvm_activate_memslot(kvm: struct_kvm, old: struct_kvm_memory_slot | null,
	new_: struct_kvm_memory_slot | null): void {
	const as_id = kvm_memslots_get_as_id(old, new_);

	kvm_swap_active_memslots(kvm, as_id);

	kvm_replace_memslot(kvm, old, new_);
}

/** virt/kvm/kvm_main.c:kvm_copy_memslot(): all but the nodes. */
function kvm_copy_memslot(dest: struct_kvm_memory_slot, src: struct_kvm_memory_slot): void {
	dest.base_gfn = src.base_gfn;
	dest.npages = src.npages;
	dest.dirty_bitmap = src.dirty_bitmap;
	kvm_arch_memory_slot_copy(dest.arch, src.arch);
	dest.userspace_addr = src.userspace_addr;
	dest.flags = src.flags;
	dest.shared_bitmap = src.shared_bitmap;
	dest.id = src.id;
	dest.as_id = src.as_id;
}

/** virt/kvm/kvm_main.c:kvm_invalidate_memslot() */
function kvm_invalidate_memslot(kvm: struct_kvm, old: struct_kvm_memory_slot,
	invalid_slot: struct_kvm_memory_slot): void {
	/* a copy is marked: nobody can see that one yet */
	kvm_copy_memslot(invalid_slot, old);
	invalid_slot.flags |= KVM_MEMSLOT_INVALID;
	kvm_replace_memslot(kvm, old, invalid_slot);

	/*
	 * The copy stays out of the set that is now inactive: there the slot will be removed or
	 * replaced.
	 */
	kvm_swap_active_memslots(kvm, old.as_id);

	/*
	 * From here on nothing new is mapped by this slot: gfn_to_hva(), and with it gfn_to_pfn()
	 * and guest reads and writes, fail, and so does kvm_is_visible_gfn().
	 */
	kvm_arch_flush_shadow_memslot(kvm, old);
	kvm_arch_guest_memory_reclaimed(kvm);

	/* kvm_swap_active_memslots() let go of it */
	mutex_lock(kvm.slots_arch_lock);

	/*
	 * While it was not held, the architecture may have changed its part of the slot, in the
	 * one that is active: the copy.
	 */
	kvm_arch_memory_slot_copy(old.arch, invalid_slot.arch);
}

/** virt/kvm/kvm_main.c:kvm_create_memslot() */
function kvm_create_memslot(kvm: struct_kvm, new_: struct_kvm_memory_slot): void {
	kvm_replace_memslot(kvm, null, new_);
	kvm_activate_memslot(kvm, null, new_);
}

/** virt/kvm/kvm_main.c:kvm_delete_memslot() */
function kvm_delete_memslot(kvm: struct_kvm, old: struct_kvm_memory_slot,
	invalid_slot: struct_kvm_memory_slot): void {
	/* the inactive set has the slot itself, the active one its invalid copy */
	kvm_replace_memslot(kvm, old, null);
	kvm_activate_memslot(kvm, invalid_slot, null);
}

/** virt/kvm/kvm_main.c:kvm_move_memslot() */
function kvm_move_memslot(kvm: struct_kvm, old: struct_kvm_memory_slot,
	new_: struct_kvm_memory_slot, invalid_slot: struct_kvm_memory_slot): void {
	/* as for a deletion, with the new slot in place of both */
	kvm_replace_memslot(kvm, old, new_);
	kvm_activate_memslot(kvm, invalid_slot, new_);
}

/** virt/kvm/kvm_main.c:kvm_update_flags_memslot() */
function kvm_update_flags_memslot(kvm: struct_kvm, old: struct_kvm_memory_slot,
	new_: struct_kvm_memory_slot): void {
	/* without a phase in which it is invalid: what is mapped stays mapped */
	kvm_replace_memslot(kvm, old, new_);
	kvm_activate_memslot(kvm, old, new_);
}

/** virt/kvm/kvm_main.c:kvm_set_memslot(), with slots_lock held. */
function kvm_set_memslot(kvm: struct_kvm, old: struct_kvm_memory_slot | null,
	new_: struct_kvm_memory_slot | null, change: kvm_mr_change): number {
	let invalid_slot: struct_kvm_memory_slot | null = null;

	/*
	 * Dropped by kvm_swap_active_memslots(). From before the current slots are copied until
	 * the new ones are installed nobody else may change them; who does so without slots_lock
	 * looks the slots up with this lock held.
	 */
	mutex_lock(kvm.slots_arch_lock);

	/*
	 * A slot that is deleted or moved becomes invalid first: when it goes, vCPUs, which run all
	 * the while, have nothing mapped by it. It is a copy that becomes invalid: the slot itself
	 * is kept, for a later step may fail.
	 */
	if (change === KVM_MR_DELETE || change === KVM_MR_MOVE) {
		invalid_slot = kzalloc(struct_kvm_memory_slot, GFP_KERNEL_ACCOUNT);
		if (!invalid_slot) {
			mutex_unlock(kvm.slots_arch_lock);
			return -ENOMEM;
		}
		kvm_invalidate_memslot(kvm, old!, invalid_slot);
	}

	const r = kvm_prepare_memory_region(kvm, old, new_, change);
	if (r) {
		/*
		 * Back to the slot as it was; the inactive set still has it. This drops
		 * slots_arch_lock too.
		 */
		if (change === KVM_MR_DELETE || change === KVM_MR_MOVE) {
			kvm_activate_memslot(kvm, invalid_slot, old);
			kfree(invalid_slot);
		} else {
			mutex_unlock(kvm.slots_arch_lock);
		}
		return r;
	}

	if (change === KVM_MR_CREATE)
		kvm_create_memslot(kvm, new_!);
	else if (change === KVM_MR_DELETE)
		kvm_delete_memslot(kvm, old!, invalid_slot!);
	else if (change === KVM_MR_MOVE)
		kvm_move_memslot(kvm, old!, new_!, invalid_slot!);
	else if (change === KVM_MR_FLAGS_ONLY)
		kvm_update_flags_memslot(kvm, old!, new_!);
	else
		BUG();

	if (change === KVM_MR_DELETE || change === KVM_MR_MOVE)
		kfree(invalid_slot);

	/*
	 * new->arch may be out of date by now, if changes came after slots_arch_lock was dropped;
	 * but then they were made to the slot that is active, and that is this one.
	 */
	kvm_commit_memory_region(kvm, old, new_, change);

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_check_memslot_overlap() */
function kvm_check_memslot_overlap(slots: struct_kvm_memslots, id: number, start: gfn_t,
	end: gfn_t): boolean {
	const iter = new struct_kvm_memslot_iter();

	/* C: kvm_for_each_memslot_in_gfn_range() */
	for (kvm_memslot_iter_start(iter, slots, start);
		kvm_memslot_iter_is_valid(iter, end);
		kvm_memslot_iter_next(iter)) {
		if (iter.slot.id !== id)
			return true;
	}

	return false;
}

/**
 * virt/kvm/kvm_main.c:__kvm_set_memory_region()
 *
 * Gives memory at @mem's userspace address an address in the guest, moves it, takes it away, or
 * changes its flags. slots_lock is held.
 * @hunk 2:2
 */
export function __kvm_set_memory_region(kvm: struct_kvm, mem: struct_kvm_user_mem_region): number {
	let change: kvm_mr_change;
	let r: number;

	r = check_memory_region_flags(kvm, mem);	/* @hunk 8:6 */
	if (r)
		return r;

	const as_id = mem.slot >>> 16;
	const id = u16(mem.slot);
	const guest_phys_addr = mem.guest_phys_addr, memory_size = mem.memory_size;
	const userspace_addr = unsigned_long(mem.userspace_addr);

	/* General sanity checks */
	if (memory_size & BigInt(PAGE_SIZE - 1))
		return -EINVAL;
	if (guest_phys_addr & BigInt(PAGE_SIZE - 1))
		return -EINVAL;
	if ((mem.userspace_addr & BigInt(PAGE_SIZE - 1)) ||
	     !access_ok(userspace_addr, memory_size))
		return -EINVAL;
	/* @hunk 8:7 */
	if (mem.flags & KVM_MEM_PRIVATE &&
	    (mem.private_offset & BigInt(PAGE_SIZE - 1) ||
	     mem.private_offset > LLONG_MAX - memory_size))
		return -EINVAL;
	if (as_id >= KVM_ADDRESS_SPACE_NUM || id >= KVM_MEM_SLOTS_NUM)
		return -EINVAL;
	if (u64(guest_phys_addr + memory_size) < guest_phys_addr)
		return -EINVAL;
	if (memory_size >> BigInt(PAGE_SHIFT) > KVM_MEM_MAX_NR_PAGES)
		return -EINVAL;

	const slots = __kvm_memslots(kvm, as_id);

	/* kvm_set_memslot() may free it */
	const old = id_to_memslot(slots, id);

	if (!memory_size) {
		if (!old || !old.npages)
			return -EINVAL;

		if (WARN_ON_ONCE(kvm.nr_memslot_pages < old.npages))
			return -EIO;

		return kvm_set_memslot(kvm, old, null, KVM_MR_DELETE);
	}

	const base_gfn = gfn_t(Number(guest_phys_addr >> BigInt(PAGE_SHIFT)));
	const npages = Number(memory_size >> BigInt(PAGE_SHIFT));

	if (!old || !old.npages) {
		change = KVM_MR_CREATE;

		/* C: the sum of all slots' pages fits into an unsigned long */
		if (kvm.nr_memslot_pages + npages < kvm.nr_memslot_pages)
			return -EINVAL;
	} else {
		/* private slots are made and deleted, nothing else. @hunk 8:8 */
		if ((mem.flags | old.flags) & KVM_MEM_PRIVATE)
			return -EINVAL;
		if ((userspace_addr !== old.userspace_addr) ||
		    (npages !== old.npages) ||
		    ((mem.flags ^ old.flags) & KVM_MEM_READONLY))
			return -EINVAL;

		if (base_gfn !== old.base_gfn)
			change = KVM_MR_MOVE;
		else if (mem.flags !== old.flags)
			change = KVM_MR_FLAGS_ONLY;
		else /* Nothing to change. */
			return 0;
	}

	if ((change === KVM_MR_CREATE || change === KVM_MR_MOVE) &&
	    kvm_check_memslot_overlap(slots, id, base_gfn, gfn_t(base_gfn + npages)))
		return -EEXIST;

	const new_ = kzalloc(struct_kvm_memory_slot, GFP_KERNEL_ACCOUNT);
	if (!new_)
		return -ENOMEM;

	new_.as_id = as_id;
	new_.id = id;
	new_.base_gfn = base_gfn;
	new_.npages = npages;
	new_.flags = mem.flags;
	new_.userspace_addr = userspace_addr;	/* mem->userspace_addr */

	/* @hunk 8:9 */
	out: {
		if (mem.flags & KVM_MEM_PRIVATE) {
			new_.private_file = fget(mem.private_fd);
			if (!new_.private_file) {
				r = -EINVAL;
				break out;
			}
			if (!file_is_inaccessible(new_.private_file)) {
				r = -EINVAL;
				break out;
			}
			new_.private_offset = mem.private_offset;
		}

		new_.kvm = kvm;

		r = kvm_alloc_shared_bitmap(kvm, new_);
		if (r)
			break out;

		r = kvm_set_memslot(kvm, old, new_, change);
		if (r)
			break out;

		return 0;
	}
	/* out */
	kvm_destroy_shared_bitmap(new_);
	if (new_.private_file)
		fput(new_.private_file);
	kfree(new_);
	return r;
}

/** virt/kvm/kvm_main.c:kvm_set_memory_region() @hunk 2:3 */
export function kvm_set_memory_region(kvm: struct_kvm, mem: struct_kvm_user_mem_region): number {
	mutex_lock(kvm.slots_lock);
	const r = __kvm_set_memory_region(kvm, mem);
	mutex_unlock(kvm.slots_lock);
	return r;
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_set_memory_region() @hunk 2:4 */
function kvm_vm_ioctl_set_memory_region(kvm: struct_kvm, mem: struct_kvm_user_mem_region): number {
	if (u16(mem.slot) >= KVM_USER_MEM_SLOTS)
		return -EINVAL;

	return kvm_set_memory_region(kvm, mem);
}

/* the longs of a bitmap, as pairs of int32 */
function bitmap_words(bitmap: Uint8Array): Int32Array {
	return new Int32Array(bitmap.buffer, bitmap.byteOffset, bitmap.byteLength >> 2);
}

/**
 * virt/kvm/kvm_main.c:kvm_get_dirty_log_protect()
 *
 * vCPUs write to the bitmap meanwhile. So that no dirty page is lost, in this order: a word is
 * fetched and cleared; its pages are write-protected; the copy goes to userspace; TLBs are flushed.
 * A write between the second and the last, through a stale TLB entry, is to a page that the copy
 * says is dirty.
 */
function kvm_get_dirty_log_protect(kvm: struct_kvm, log: struct_kvm_dirty_log): number {
	let dirty_bitmap_buffer: Uint8Array;

	if (kvm.dirty_ring_size)
		return -ENXIO;

	const as_id = log.slot >>> 16;
	const id = u16(log.slot);
	if (as_id >= KVM_ADDRESS_SPACE_NUM || id >= KVM_USER_MEM_SLOTS)
		return -EINVAL;

	const slots = __kvm_memslots(kvm, as_id);
	const memslot = id_to_memslot(slots, id);
	if (!memslot || !memslot.dirty_bitmap)
		return -ENOENT;

	const dirty_bitmap = memslot.dirty_bitmap;

	kvm_arch_sync_dirty_log(kvm, memslot);

	const n = kvm_dirty_bitmap_bytes(memslot);
	let flush = false;
	if (kvm.manual_dirty_log_protect) {
		/* the log is read as it is: KVM_CLEAR_DIRTY_LOG protects and flushes */
		dirty_bitmap_buffer = dirty_bitmap;
	} else {
		dirty_bitmap_buffer = kvm_second_dirty_bitmap(memslot);
		dirty_bitmap_buffer.fill(0, 0, n);

		const words = bitmap_words(dirty_bitmap), copy = bitmap_words(dirty_bitmap_buffer);

		KVM_MMU_LOCK(kvm);
		for (let i = 0; i < n / 8; i++) {
			const lo = words[2 * i]!, hi = words[2 * i + 1]!;

			if ((lo | hi) === 0)
				continue;

			flush = true;
			/* C: xchg() */
			words[2 * i] = 0;
			words[2 * i + 1] = 0;
			copy[2 * i] = lo;
			copy[2 * i + 1] = hi;

			const offset = gfn_t(i * BITS_PER_LONG);
			kvm_arch_mmu_enable_log_dirty_pt_masked(kvm, memslot, offset, pair(lo, hi));
		}
		KVM_MMU_UNLOCK(kvm);
	}

	if (flush)
		kvm_arch_flush_remote_tlbs_memslot(kvm, memslot);

	if (copy_to_user(unsigned_long(log.dirty_bitmap), dirty_bitmap_buffer, n))
		return -EFAULT;
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_get_dirty_log() */
function kvm_vm_ioctl_get_dirty_log(kvm: struct_kvm, log: struct_kvm_dirty_log): number {
	mutex_lock(kvm.slots_lock);

	const r = kvm_get_dirty_log_protect(kvm, log);

	mutex_unlock(kvm.slots_lock);
	return r;
}

/** virt/kvm/kvm_main.c:kvm_clear_dirty_log_protect(): what @log's bitmap has set, is clean. */
function kvm_clear_dirty_log_protect(kvm: struct_kvm, log: struct_kvm_clear_dirty_log): number {
	if (kvm.dirty_ring_size)
		return -ENXIO;

	const as_id = log.slot >>> 16;
	const id = u16(log.slot);
	if (as_id >= KVM_ADDRESS_SPACE_NUM || id >= KVM_USER_MEM_SLOTS)
		return -EINVAL;

	if (log.first_page & 63n)
		return -EINVAL;

	const slots = __kvm_memslots(kvm, as_id);
	const memslot = id_to_memslot(slots, id);
	if (!memslot || !memslot.dirty_bitmap)
		return -ENOENT;

	const dirty_bitmap = memslot.dirty_bitmap;
	const first_page = unsigned_long(log.first_page), num_pages = log.num_pages;

	let n = ALIGN(num_pages, BITS_PER_LONG) / 8;

	if (first_page > memslot.npages ||
	    num_pages > memslot.npages - first_page ||
	    (num_pages < memslot.npages - first_page && (num_pages & 63)))
		return -EINVAL;

	kvm_arch_sync_dirty_log(kvm, memslot);

	let flush = false;
	const dirty_bitmap_buffer = kvm_second_dirty_bitmap(memslot);
	if (copy_from_user(dirty_bitmap_buffer, unsigned_long(log.dirty_bitmap), n))
		return -EFAULT;

	const words = bitmap_words(dirty_bitmap), clear = bitmap_words(dirty_bitmap_buffer);
	let offset = gfn_t(first_page), i = offset / BITS_PER_LONG, at = 0;

	KVM_MMU_LOCK(kvm);
	for (n = DIV_ROUND_UP(num_pages, BITS_PER_LONG); n--;
		i++, at++, offset = gfn_t(offset + BITS_PER_LONG)) {
		let lo = clear[2 * at]!, hi = clear[2 * at + 1]!;
		if ((lo | hi) === 0)
			continue;

		/* C: mask &= atomic_long_fetch_andnot(mask, p) */
		const was_lo = words[2 * i]!, was_hi = words[2 * i + 1]!;
		words[2 * i] = was_lo & ~lo;
		words[2 * i + 1] = was_hi & ~hi;
		lo &= was_lo;
		hi &= was_hi;

		/*
		 * What was cleared. Bits beyond the slot's end, which userspace may have set, are
		 * not among it.
		 */
		if ((lo | hi) !== 0) {
			flush = true;
			kvm_arch_mmu_enable_log_dirty_pt_masked(kvm, memslot, offset, pair(lo, hi));
		}
	}
	KVM_MMU_UNLOCK(kvm);

	if (flush)
		kvm_arch_flush_remote_tlbs_memslot(kvm, memslot);

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_clear_dirty_log() */
function kvm_vm_ioctl_clear_dirty_log(kvm: struct_kvm, log: struct_kvm_clear_dirty_log): number {
	mutex_lock(kvm.slots_lock);

	const r = kvm_clear_dirty_log_protect(kvm, log);

	mutex_unlock(kvm.slots_lock);
	return r;
}

/** virt/kvm/kvm_main.c:gfn_to_memslot() */
export function gfn_to_memslot(kvm: struct_kvm, gfn: gfn_t): struct_kvm_memory_slot | null {
	return __gfn_to_memslot(kvm_memslots(kvm), gfn);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_gfn_to_memslot() */
export function kvm_vcpu_gfn_to_memslot(vcpu: struct_kvm_vcpu, gfn: gfn_t):
	struct_kvm_memory_slot | null {
	const slots = kvm_vcpu_memslots(vcpu);
	const gen = slots.generation;

	/* another generation may also mean another address space */
	if (gen !== vcpu.last_used_slot_gen) {
		vcpu.last_used_slot = null;
		vcpu.last_used_slot_gen = gen;
	}

	let slot = try_get_memslot(vcpu.last_used_slot, gfn);
	if (slot !== null)
		return slot;

	/* not __gfn_to_memslot(): the set's own last_used_slot is for others */
	slot = search_memslots(slots, gfn, false);
	if (slot) {
		vcpu.last_used_slot = slot;
		return slot;
	}

	return null;
}

/** virt/kvm/kvm_main.c:kvm_is_visible_gfn() */
export function kvm_is_visible_gfn(kvm: struct_kvm, gfn: gfn_t): boolean {
	const memslot = gfn_to_memslot(kvm, gfn);

	return kvm_is_visible_memslot(memslot);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_is_visible_gfn() */
export function kvm_vcpu_is_visible_gfn(vcpu: struct_kvm_vcpu, gfn: gfn_t): boolean {
	const memslot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);

	return kvm_is_visible_memslot(memslot);
}

/** virt/kvm/kvm_main.c:kvm_host_page_size() */
export function kvm_host_page_size(vcpu: struct_kvm_vcpu, gfn: gfn_t): unsigned_long {
	let size: unsigned_long = PAGE_SIZE;

	const addr = kvm_vcpu_gfn_to_hva_prot(vcpu, gfn, null);
	if (kvm_is_error_hva(addr))
		return PAGE_SIZE;

	mmap_read_lock(current.mm!);
	out: {
		const vma = find_vma(current.mm!, addr);
		if (!vma)
			break out;

		size = vma_kernel_pagesize(vma);
	}
	mmap_read_unlock(current.mm!);

	return size;
}

/** virt/kvm/kvm_main.c:memslot_is_readonly() */
function memslot_is_readonly(slot: struct_kvm_memory_slot): boolean {
	return (slot.flags & KVM_MEM_READONLY) !== 0;
}

/** virt/kvm/kvm_main.c:__gfn_to_hva_many() */
function __gfn_to_hva_many(slot: struct_kvm_memory_slot | null, gfn: gfn_t,
	nr_pages: ref<number> | null, write: boolean): hva_t {
	if (slot === null || (slot.flags & KVM_MEMSLOT_INVALID) !== 0)
		return KVM_HVA_ERR_BAD;

	if (memslot_is_readonly(slot) && write)
		return KVM_HVA_ERR_RO_BAD;

	if (nr_pages)
		nr_pages.v = slot.npages - (gfn - slot.base_gfn);

	return __gfn_to_hva_memslot(slot, gfn);
}

/** virt/kvm/kvm_main.c:gfn_to_hva_many() */
function gfn_to_hva_many(slot: struct_kvm_memory_slot | null, gfn: gfn_t,
	nr_pages: ref<number> | null): hva_t {
	return __gfn_to_hva_many(slot, gfn, nr_pages, true);
}

/** virt/kvm/kvm_main.c:gfn_to_hva_memslot() */
export function gfn_to_hva_memslot(slot: struct_kvm_memory_slot | null, gfn: gfn_t): hva_t {
	return gfn_to_hva_many(slot, gfn, null);
}

/** virt/kvm/kvm_main.c:gfn_to_hva() */
export function gfn_to_hva(kvm: struct_kvm, gfn: gfn_t): hva_t {
	return gfn_to_hva_many(gfn_to_memslot(kvm, gfn), gfn, null);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_gfn_to_hva() */
export function kvm_vcpu_gfn_to_hva(vcpu: struct_kvm_vcpu, gfn: gfn_t): hva_t {
	return gfn_to_hva_many(kvm_vcpu_gfn_to_memslot(vcpu, gfn), gfn, null);
}

/** virt/kvm/kvm_main.c:gfn_to_hva_memslot_prot(); @writable: whether the slot may be written. */
export function gfn_to_hva_memslot_prot(slot: struct_kvm_memory_slot | null, gfn: gfn_t,
	writable: ref<boolean> | null): hva_t {
	const hva = __gfn_to_hva_many(slot, gfn, null, false);

	if (!kvm_is_error_hva(hva) && writable)
		writable.v = !memslot_is_readonly(slot!);

	return hva;
}

/** virt/kvm/kvm_main.c:gfn_to_hva_prot() */
export function gfn_to_hva_prot(kvm: struct_kvm, gfn: gfn_t, writable: ref<boolean> | null):
	hva_t {
	const slot = gfn_to_memslot(kvm, gfn);

	return gfn_to_hva_memslot_prot(slot, gfn, writable);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_gfn_to_hva_prot() */
export function kvm_vcpu_gfn_to_hva_prot(vcpu: struct_kvm_vcpu, gfn: gfn_t,
	writable: ref<boolean> | null): hva_t {
	const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);

	return gfn_to_hva_memslot_prot(slot, gfn, writable);
}

/** virt/kvm/kvm_main.c:check_user_page_hwpoison() */
function check_user_page_hwpoison(addr: hva_t): boolean {
	const flags = FOLL_HWPOISON | FOLL_WRITE;

	const rc = get_user_pages(addr, 1, flags, null, null);
	return rc === -EHWPOISON;
}

/* what gup hands out, for the two functions below; taken out before anything else can run */
const gup_page: struct_page[] = [];

/**
 * virt/kvm/kvm_main.c:hva_to_pfn_fast()
 *
 * Only for pages that may be written, and all there is in atomic context.
 */
function hva_to_pfn_fast(addr: hva_t, write_fault: boolean, writable: ref<boolean> | null,
	pfn: ref<kvm_pfn_t>): boolean {
	/* a read fault may map it writable only if the caller wants to know about that */
	if (!write_fault && writable === null)
		return false;

	/* C: get_user_page_fast_only() */
	if (get_user_pages_fast_only(addr, 1, FOLL_WRITE, gup_page) === 1) {
		pfn.v = kvm_pfn_t(page_to_pfn(gup_page[0]!));

		if (writable)
			writable.v = true;
		return true;
	}

	return false;
}

/** virt/kvm/kvm_main.c:hva_to_pfn_slow(): 1, or what gup says is wrong. */
function hva_to_pfn_slow(addr: hva_t, async: ref<boolean> | null, write_fault: boolean,
	writable: ref<boolean> | null, pfn: ref<kvm_pfn_t>): number {
	let flags = FOLL_HWPOISON;

	might_sleep();

	if (writable)
		writable.v = write_fault;

	if (write_fault)
		flags |= FOLL_WRITE;
	if (async)
		flags |= FOLL_NOWAIT;

	const npages = get_user_pages_unlocked(addr, 1, gup_page, flags);
	if (npages !== 1)
		return npages;
	let page = gup_page[0]!;

	/* a later write is spared its fault */
	if (!write_fault && writable) {
		if (get_user_pages_fast_only(addr, 1, FOLL_WRITE, gup_page) === 1) {
			const wpage = gup_page[0]!;

			writable.v = true;
			put_page(page);
			page = wpage;
		}
	}
	pfn.v = kvm_pfn_t(page_to_pfn(page));
	return npages;
}

/** virt/kvm/kvm_main.c:vma_is_valid() */
function vma_is_valid(vma: struct_vm_area_struct, write_fault: boolean): boolean {
	if (!(vma.vm_flags & VM_READ))
		return false;

	if (write_fault && !(vma.vm_flags & VM_WRITE))
		return false;

	return true;
}

/** virt/kvm/kvm_main.c:kvm_try_get_pfn() */
function kvm_try_get_pfn(pfn: kvm_pfn_t): boolean {
	const page = kvm_pfn_to_refcounted_page(pfn);

	if (!page)
		return true;

	return get_page_unless_zero(page);
}

/** virt/kvm/kvm_main.c:hva_to_pfn_remapped(): of memory that gup leaves alone. */
function hva_to_pfn_remapped(vma: struct_vm_area_struct, addr: hva_t, write_fault: boolean,
	writable: ref<boolean> | null, p_pfn: ref<kvm_pfn_t>): number {
	const ptep = new ref<ptep_t>(0);
	const ptl = new ref<spinlock_t | null>(null);
	let pfn: kvm_pfn_t;
	let r: number;

	r = follow_pte(vma.vm_mm!, addr, ptep, ptl);
	if (r) {
		/* gup has not called the fault handler either */
		const unlocked = new ref(false);
		r = fixup_user_fault(current.mm!, addr,
			write_fault ? FAULT_FLAG_WRITE : 0,
			unlocked);
		if (unlocked.v)
			return -EAGAIN;
		if (r)
			return r;

		r = follow_pte(vma.vm_mm!, addr, ptep, ptl);
		if (r)
			return r;
	}

	const pte = ptep_get(ptep.v);
	out: {
		if (write_fault && !pte_write(pte)) {
			pfn = KVM_PFN_ERR_RO_FAULT;
			break out;
		}

		if (writable)
			writable.v = pte_write(pte);
		pfn = kvm_pfn_t(pte_pfn(pte));

		/*
		 * Callers will drop a reference with kvm_release_pfn_clean(), which does nothing
		 * for pages that are not counted, as this does nothing for them. Whoever mapped the
		 * memory unmaps it before it frees the pages, and the notifier is called.
		 *
		 * There are mappings of pages that are not counted though they could be, such as
		 * the tails of large allocations: their count is 0, and they are refused.
		 */
		if (!kvm_try_get_pfn(pfn))
			r = -EFAULT;
	}
	pte_unmap_unlock(ptep.v, ptl.v!);
	p_pfn.v = pfn;

	return r;
}

/* hva_to_pfn()'s own */
const hva_pfn = new ref<kvm_pfn_t>(kvm_pfn_t(0));

/**
 * virt/kvm/kvm_main.c:hva_to_pfn()
 *
 * The page behind @addr, with a reference. @atomic: without sleeping. @async: without waiting for
 * the page; the cell says whether it takes waiting. @writable: even for a read the page may get
 * mapped writable, and the cell says whether that is allowed.
 */
export function hva_to_pfn(addr: hva_t, atomic: boolean, async: ref<boolean> | null,
	write_fault: boolean, writable: ref<boolean> | null): kvm_pfn_t {
	BUG_ON(atomic && async !== null);

	if (hva_to_pfn_fast(addr, write_fault, writable, hva_pfn))
		return hva_pfn.v;

	if (atomic)
		return KVM_PFN_ERR_FAULT;

	const npages = hva_to_pfn_slow(addr, async, write_fault, writable, hva_pfn);
	if (npages === 1)
		return hva_pfn.v;

	return hva_to_pfn_by_vma(addr, npages, async, write_fault, writable);
}

/** The rest of hva_to_pfn(), apart because it is rare: gup has given @npages, which is no page. */
function hva_to_pfn_by_vma(addr: hva_t, npages: number, async: ref<boolean> | null,
	write_fault: boolean, writable: ref<boolean> | null): kvm_pfn_t {
	let pfn: kvm_pfn_t;

	mmap_read_lock(current.mm!);
	exit: {
		if (npages === -EHWPOISON ||
		      (!async && check_user_page_hwpoison(addr))) {
			pfn = KVM_PFN_ERR_HWPOISON;
			break exit;
		}

		retry: for (;;) {
			const vma = vma_lookup(current.mm!, addr);

			if (vma === null) {
				pfn = KVM_PFN_ERR_FAULT;
			} else if (vma.vm_flags & (VM_IO | VM_PFNMAP)) {
				const r = hva_to_pfn_remapped(vma, addr, write_fault, writable,
					hva_pfn);
				if (r === -EAGAIN)
					continue retry;
				pfn = r < 0 ? KVM_PFN_ERR_FAULT : hva_pfn.v;
			} else {
				if (async && vma_is_valid(vma, write_fault))
					async.v = true;
				pfn = KVM_PFN_ERR_FAULT;
			}
			break;
		}
	}
	mmap_read_unlock(current.mm!);
	return pfn;
}

/** virt/kvm/kvm_main.c:__gfn_to_pfn_memslot(); see hva_to_pfn(). */
export function __gfn_to_pfn_memslot(slot: struct_kvm_memory_slot | null, gfn: gfn_t,
	atomic: boolean, async: ref<boolean> | null, write_fault: boolean,
	writable: ref<boolean> | null, hva: ref<hva_t> | null): kvm_pfn_t {
	const addr = __gfn_to_hva_many(slot, gfn, null, write_fault);

	if (hva)
		hva.v = addr;

	if (addr === KVM_HVA_ERR_RO_BAD) {
		if (writable)
			writable.v = false;
		return KVM_PFN_ERR_RO_FAULT;
	}

	if (kvm_is_error_hva(addr)) {
		if (writable)
			writable.v = false;
		return KVM_PFN_NOSLOT;
	}

	if (writable && memslot_is_readonly(slot!)) {
		writable.v = false;
		writable = null;
	}

	return hva_to_pfn(addr, atomic, async, write_fault,
		writable);
}

/** virt/kvm/kvm_main.c:gfn_to_pfn_prot() */
export function gfn_to_pfn_prot(kvm: struct_kvm, gfn: gfn_t, write_fault: boolean,
	writable: ref<boolean> | null): kvm_pfn_t {
	return __gfn_to_pfn_memslot(gfn_to_memslot(kvm, gfn), gfn, false, null,
		write_fault, writable, null);
}

/** virt/kvm/kvm_main.c:gfn_to_pfn_memslot() */
export function gfn_to_pfn_memslot(slot: struct_kvm_memory_slot | null, gfn: gfn_t): kvm_pfn_t {
	return __gfn_to_pfn_memslot(slot, gfn, false, null, true, null, null);
}

/** virt/kvm/kvm_main.c:gfn_to_pfn_memslot_atomic() */
export function gfn_to_pfn_memslot_atomic(slot: struct_kvm_memory_slot | null, gfn: gfn_t):
	kvm_pfn_t {
	return __gfn_to_pfn_memslot(slot, gfn, true, null, true, null, null);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_gfn_to_pfn_atomic() */
export function kvm_vcpu_gfn_to_pfn_atomic(vcpu: struct_kvm_vcpu, gfn: gfn_t): kvm_pfn_t {
	return gfn_to_pfn_memslot_atomic(kvm_vcpu_gfn_to_memslot(vcpu, gfn), gfn);
}

/** virt/kvm/kvm_main.c:gfn_to_pfn() */
export function gfn_to_pfn(kvm: struct_kvm, gfn: gfn_t): kvm_pfn_t {
	return gfn_to_pfn_memslot(gfn_to_memslot(kvm, gfn), gfn);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_gfn_to_pfn() */
export function kvm_vcpu_gfn_to_pfn(vcpu: struct_kvm_vcpu, gfn: gfn_t): kvm_pfn_t {
	return gfn_to_pfn_memslot(kvm_vcpu_gfn_to_memslot(vcpu, gfn), gfn);
}

/** virt/kvm/kvm_main.c:gfn_to_page_many_atomic(): how many of @nr_pages there were; -1: no slot. */
export function gfn_to_page_many_atomic(slot: struct_kvm_memory_slot | null, gfn: gfn_t,
	pages: struct_page[], nr_pages: number): number {
	const entry = new ref(0);

	const addr = gfn_to_hva_many(slot, gfn, entry);
	if (kvm_is_error_hva(addr))
		return -1;

	if (entry.v < nr_pages)
		return 0;

	return get_user_pages_fast_only(addr, nr_pages, FOLL_WRITE, pages);
}

/**
 * virt/kvm/kvm_main.c:gfn_to_page()
 *
 * Only for gfns that are known to have a struct page. With a reference, or KVM_ERR_PTR_BAD_PAGE.
 */
export function gfn_to_page(kvm: struct_kvm, gfn: gfn_t): struct_page | err_ptr {
	const pfn = gfn_to_pfn(kvm, gfn);

	if (is_error_noslot_pfn(pfn))
		return ERR_PTR(-ENOENT);

	const page = kvm_pfn_to_refcounted_page(pfn);
	if (!page)
		return ERR_PTR(-ENOENT);

	return page;
}

/** virt/kvm/kvm_main.c:kvm_release_pfn() */
export function kvm_release_pfn(pfn: kvm_pfn_t, dirty: boolean): void {
	if (dirty)
		kvm_release_pfn_dirty(pfn);
	else
		kvm_release_pfn_clean(pfn);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_map(); only of pages, there is no other memory. */
export function kvm_vcpu_map(vcpu: struct_kvm_vcpu, gfn: gfn_t, map: struct_kvm_host_map | null):
	number {
	let hva: Uint8Array | null = null;
	let page: struct_page | null = null;

	if (!map)
		return -EINVAL;

	const pfn = gfn_to_pfn(vcpu.kvm, gfn);
	if (is_error_noslot_pfn(pfn))
		return -EINVAL;

	if (pfn_valid(pfn)) {
		page = pfn_to_page(pfn_nr(pfn));
		hva = page_bytes(page);
	}

	if (!hva)
		return -EFAULT;

	map.page = page;
	map.hva = hva;
	map.pfn = pfn;
	map.gfn = gfn;

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_unmap() */
export function kvm_vcpu_unmap(vcpu: struct_kvm_vcpu, map: struct_kvm_host_map | null,
	dirty: boolean): void {
	if (!map)
		return;

	if (!map.hva)
		return;

	if (dirty)
		kvm_vcpu_mark_page_dirty(vcpu, map.gfn);

	kvm_release_pfn(map.pfn, dirty);

	map.hva = null;
	map.page = null;
}

/** virt/kvm/kvm_main.c:kvm_is_ad_tracked_page(): flags of reserved pages are their owner's. */
function kvm_is_ad_tracked_page(page: struct_page): boolean {
	return !PageReserved(page);
}

/** virt/kvm/kvm_main.c:kvm_set_page_dirty() */
function kvm_set_page_dirty(page: struct_page): void {
	if (kvm_is_ad_tracked_page(page))
		SetPageDirty(page);
}

/** virt/kvm/kvm_main.c:kvm_set_page_accessed() */
function kvm_set_page_accessed(page: struct_page): void {
	if (kvm_is_ad_tracked_page(page))
		mark_page_accessed(page);
}

/** virt/kvm/kvm_main.c:kvm_release_page_clean() */
export function kvm_release_page_clean(page: struct_page): void {
	WARN_ON(is_error_page(page));

	kvm_set_page_accessed(page);
	put_page(page);
}

/** virt/kvm/kvm_main.c:kvm_release_pfn_clean() */
export function kvm_release_pfn_clean(pfn: kvm_pfn_t): void {
	if (is_error_noslot_pfn(pfn))
		return;

	const page = kvm_pfn_to_refcounted_page(pfn);
	if (page === null)
		return;

	kvm_release_page_clean(page);
}

/** virt/kvm/kvm_main.c:kvm_release_page_dirty() */
export function kvm_release_page_dirty(page: struct_page): void {
	WARN_ON(is_error_page(page));

	kvm_set_page_dirty(page);
	kvm_release_page_clean(page);
}

/** virt/kvm/kvm_main.c:kvm_release_pfn_dirty() */
export function kvm_release_pfn_dirty(pfn: kvm_pfn_t): void {
	if (is_error_noslot_pfn(pfn))
		return;

	const page = kvm_pfn_to_refcounted_page(pfn);
	if (!page)
		return;

	kvm_release_page_dirty(page);
}

/** virt/kvm/kvm_main.c:kvm_set_pfn_dirty(): the caller knows that it is a frame. */
export function kvm_set_pfn_dirty(pfn: kvm_pfn_t): void {
	if (WARN_ON(is_error_noslot_pfn(pfn)))
		return;

	const page = pfn_to_valid_page(pfn);

	if (page !== null)
		kvm_set_page_dirty(page);
}

/** virt/kvm/kvm_main.c:kvm_set_pfn_accessed() */
export function kvm_set_pfn_accessed(pfn: kvm_pfn_t): void {
	if (WARN_ON(is_error_noslot_pfn(pfn)))
		return;

	const page = pfn_to_valid_page(pfn);

	if (page !== null)
		kvm_set_page_accessed(page);
}

/** virt/kvm/kvm_main.c:next_segment(): how much of @len lies in the page. */
function next_segment(len: unsigned_long, offset: number): number {
	if (len > PAGE_SIZE - offset)
		return PAGE_SIZE - offset;
	else
		return len;
}

function offset_in_page(p: number): number {
	return p & (PAGE_SIZE - 1);
}

/** virt/kvm/kvm_main.c:__kvm_read_guest_page() */
function __kvm_read_guest_page(slot: struct_kvm_memory_slot | null, gfn: gfn_t, data: Uint8Array,
	offset: number, len: number): number {
	const addr = gfn_to_hva_memslot_prot(slot, gfn, null);
	if (kvm_is_error_hva(addr))
		return -EFAULT;
	const r = __copy_from_user(data, addr + offset, len);
	if (r)
		return -EFAULT;
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_read_guest_page() */
export function kvm_read_guest_page(kvm: struct_kvm, gfn: gfn_t, data: Uint8Array, offset: number,
	len: number): number {
	const slot = gfn_to_memslot(kvm, gfn);

	return __kvm_read_guest_page(slot, gfn, data, offset, len);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_read_guest_page() */
export function kvm_vcpu_read_guest_page(vcpu: struct_kvm_vcpu, gfn: gfn_t, data: Uint8Array,
	offset: number, len: number): number {
	const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);

	return __kvm_read_guest_page(slot, gfn, data, offset, len);
}

/** virt/kvm/kvm_main.c:kvm_read_guest() */
export function kvm_read_guest(kvm: struct_kvm, gpa: gpa_t, data: Uint8Array, len: unsigned_long):
	number {
	let gfn = gpa_to_gfn(gpa);
	let offset = offset_in_page(gpa);
	let seg: number;

	while ((seg = next_segment(len, offset)) !== 0) {
		const ret = kvm_read_guest_page(kvm, gfn, data, offset, seg);
		if (ret < 0)
			return ret;
		offset = 0;
		len -= seg;
		if (len)
			data = data.subarray(seg);
		gfn = gfn_t(gfn + 1);
	}
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_read_guest() */
export function kvm_vcpu_read_guest(vcpu: struct_kvm_vcpu, gpa: gpa_t, data: Uint8Array,
	len: unsigned_long): number {
	let gfn = gpa_to_gfn(gpa);
	let offset = offset_in_page(gpa);
	let seg: number;

	while ((seg = next_segment(len, offset)) !== 0) {
		const ret = kvm_vcpu_read_guest_page(vcpu, gfn, data, offset, seg);
		if (ret < 0)
			return ret;
		offset = 0;
		len -= seg;
		if (len)
			data = data.subarray(seg);
		gfn = gfn_t(gfn + 1);
	}
	return 0;
}

/** virt/kvm/kvm_main.c:__kvm_read_guest_atomic() */
function __kvm_read_guest_atomic(slot: struct_kvm_memory_slot | null, gfn: gfn_t, data: Uint8Array,
	offset: number, len: unsigned_long): number {
	const addr = gfn_to_hva_memslot_prot(slot, gfn, null);
	if (kvm_is_error_hva(addr))
		return -EFAULT;
	pagefault_disable();
	const r = __copy_from_user_inatomic(data, addr + offset, len);
	pagefault_enable();
	if (r)
		return -EFAULT;
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_read_guest_atomic(): within one page. */
export function kvm_vcpu_read_guest_atomic(vcpu: struct_kvm_vcpu, gpa: gpa_t, data: Uint8Array,
	len: unsigned_long): number {
	const gfn = gpa_to_gfn(gpa);
	const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
	const offset = offset_in_page(gpa);

	return __kvm_read_guest_atomic(slot, gfn, data, offset, len);
}

/** virt/kvm/kvm_main.c:__kvm_write_guest_page() */
function __kvm_write_guest_page(kvm: struct_kvm, memslot: struct_kvm_memory_slot | null, gfn: gfn_t,
	data: Uint8Array, offset: number, len: number): number {
	const addr = gfn_to_hva_memslot(memslot, gfn);
	if (kvm_is_error_hva(addr))
		return -EFAULT;
	const r = __copy_to_user(addr + offset, data, len);
	if (r)
		return -EFAULT;
	mark_page_dirty_in_slot(kvm, memslot, gfn);
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_write_guest_page() */
export function kvm_write_guest_page(kvm: struct_kvm, gfn: gfn_t, data: Uint8Array, offset: number,
	len: number): number {
	const slot = gfn_to_memslot(kvm, gfn);

	return __kvm_write_guest_page(kvm, slot, gfn, data, offset, len);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_write_guest_page() */
export function kvm_vcpu_write_guest_page(vcpu: struct_kvm_vcpu, gfn: gfn_t, data: Uint8Array,
	offset: number, len: number): number {
	const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);

	return __kvm_write_guest_page(vcpu.kvm, slot, gfn, data, offset, len);
}

/** virt/kvm/kvm_main.c:kvm_write_guest() */
export function kvm_write_guest(kvm: struct_kvm, gpa: gpa_t, data: Uint8Array, len: unsigned_long):
	number {
	let gfn = gpa_to_gfn(gpa);
	let offset = offset_in_page(gpa);
	let seg: number;

	while ((seg = next_segment(len, offset)) !== 0) {
		const ret = kvm_write_guest_page(kvm, gfn, data, offset, seg);
		if (ret < 0)
			return ret;
		offset = 0;
		len -= seg;
		if (len)
			data = data.subarray(seg);
		gfn = gfn_t(gfn + 1);
	}
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_write_guest() */
export function kvm_vcpu_write_guest(vcpu: struct_kvm_vcpu, gpa: gpa_t, data: Uint8Array,
	len: unsigned_long): number {
	let gfn = gpa_to_gfn(gpa);
	let offset = offset_in_page(gpa);
	let seg: number;

	while ((seg = next_segment(len, offset)) !== 0) {
		const ret = kvm_vcpu_write_guest_page(vcpu, gfn, data, offset, seg);
		if (ret < 0)
			return ret;
		offset = 0;
		len -= seg;
		if (len)
			data = data.subarray(seg);
		gfn = gfn_t(gfn + 1);
	}
	return 0;
}

/** virt/kvm/kvm_main.c:__kvm_gfn_to_hva_cache_init() */
function __kvm_gfn_to_hva_cache_init(slots: struct_kvm_memslots, ghc: struct_gfn_to_hva_cache,
	gpa: gpa_t, len: unsigned_long): number {
	const offset = offset_in_page(gpa);
	let start_gfn = gpa_to_gfn(gpa);
	const end_gfn = gpa_to_gfn(gpa_t(gpa + len - 1));
	const nr_pages_needed = end_gfn - start_gfn + 1;
	const nr_pages_avail = new ref(0);

	/* also if what follows fails */
	ghc.generation = slots.generation;

	if (start_gfn > end_gfn) {
		ghc.hva = KVM_HVA_ERR_BAD;
		return -EINVAL;
	}

	/* all of it has to be there, be it in one slot or in several */
	for ( ; start_gfn <= end_gfn; start_gfn = gfn_t(start_gfn + nr_pages_avail.v)) {
		ghc.memslot = __gfn_to_memslot(slots, start_gfn);
		ghc.hva = gfn_to_hva_many(ghc.memslot, start_gfn,
			nr_pages_avail);
		if (kvm_is_error_hva(ghc.hva))
			return -EFAULT;
	}

	if (nr_pages_needed === 1)
		ghc.hva = hva_t(ghc.hva + offset);
	else
		ghc.memslot = null;

	ghc.gpa = gpa;
	ghc.len = len;
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_gfn_to_hva_cache_init() */
export function kvm_gfn_to_hva_cache_init(kvm: struct_kvm, ghc: struct_gfn_to_hva_cache, gpa: gpa_t,
	len: unsigned_long): number {
	const slots = kvm_memslots(kvm);
	return __kvm_gfn_to_hva_cache_init(slots, ghc, gpa, len);
}

/** virt/kvm/kvm_main.c:kvm_write_guest_offset_cached() */
export function kvm_write_guest_offset_cached(kvm: struct_kvm, ghc: struct_gfn_to_hva_cache,
	data: Uint8Array, offset: number, len: unsigned_long): number {
	const slots = kvm_memslots(kvm);
	const gpa = gpa_t(ghc.gpa + offset);

	if (WARN_ON_ONCE(len + offset > ghc.len))
		return -EINVAL;

	if (slots.generation !== ghc.generation) {
		if (__kvm_gfn_to_hva_cache_init(slots, ghc, ghc.gpa, ghc.len))
			return -EFAULT;
	}

	if (kvm_is_error_hva(ghc.hva))
		return -EFAULT;

	if (!ghc.memslot)
		return kvm_write_guest(kvm, gpa, data, len);

	const r = __copy_to_user(ghc.hva + offset, data, len);
	if (r)
		return -EFAULT;
	mark_page_dirty_in_slot(kvm, ghc.memslot, gpa_to_gfn(gpa));

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_write_guest_cached() */
export function kvm_write_guest_cached(kvm: struct_kvm, ghc: struct_gfn_to_hva_cache,
	data: Uint8Array, len: unsigned_long): number {
	return kvm_write_guest_offset_cached(kvm, ghc, data, 0, len);
}

/** virt/kvm/kvm_main.c:kvm_read_guest_offset_cached() */
export function kvm_read_guest_offset_cached(kvm: struct_kvm, ghc: struct_gfn_to_hva_cache,
	data: Uint8Array, offset: number, len: unsigned_long): number {
	const slots = kvm_memslots(kvm);
	const gpa = gpa_t(ghc.gpa + offset);

	if (WARN_ON_ONCE(len + offset > ghc.len))
		return -EINVAL;

	if (slots.generation !== ghc.generation) {
		if (__kvm_gfn_to_hva_cache_init(slots, ghc, ghc.gpa, ghc.len))
			return -EFAULT;
	}

	if (kvm_is_error_hva(ghc.hva))
		return -EFAULT;

	if (!ghc.memslot)
		return kvm_read_guest(kvm, gpa, data, len);

	const r = __copy_from_user(data, ghc.hva + offset, len);
	if (r)
		return -EFAULT;

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_read_guest_cached() */
export function kvm_read_guest_cached(kvm: struct_kvm, ghc: struct_gfn_to_hva_cache,
	data: Uint8Array, len: unsigned_long): number {
	return kvm_read_guest_offset_cached(kvm, ghc, data, 0, len);
}

/** virt/kvm/kvm_main.c:mark_page_dirty_in_slot() */
export function mark_page_dirty_in_slot(kvm: struct_kvm, memslot: struct_kvm_memory_slot | null,
	gfn: gfn_t): void {
	const vcpu = kvm_get_running_vcpu();

	if (IS_ENABLED(CONFIG_HAVE_KVM_DIRTY_RING) &&
	    (WARN_ON_ONCE(!vcpu) || WARN_ON_ONCE(vcpu!.kvm !== kvm)))
		return;

	if (memslot && kvm_slot_dirty_track_enabled(memslot)) {
		const rel_gfn = gfn - memslot.base_gfn;
		const slot = memslot.as_id << 16 | memslot.id;

		if (kvm.dirty_ring_size)
			kvm_dirty_ring_push(vcpu!.dirty_ring,
				slot, rel_gfn);
		else
			set_bit(rel_gfn, memslot.dirty_bitmap!);
	}
}

/** virt/kvm/kvm_main.c:mark_page_dirty() */
export function mark_page_dirty(kvm: struct_kvm, gfn: gfn_t): void {
	const memslot = gfn_to_memslot(kvm, gfn);
	mark_page_dirty_in_slot(kvm, memslot, gfn);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_mark_page_dirty() */
export function kvm_vcpu_mark_page_dirty(vcpu: struct_kvm_vcpu, gfn: gfn_t): void {
	const memslot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
	mark_page_dirty_in_slot(vcpu.kvm, memslot, gfn);
}

/** virt/kvm/kvm_main.c:kvm_sigset_activate() */
export function kvm_sigset_activate(vcpu: struct_kvm_vcpu): void {
	if (!vcpu.sigset_active)
		return;

	/*
	 * real_blocked without a lock: only the task itself writes it, and all that readers ask for
	 * is that it be part of blocked.
	 */
	sigprocmask(SIG_SETMASK, vcpu.sigset, current.real_blocked);
}

/** virt/kvm/kvm_main.c:kvm_sigset_deactivate() */
export function kvm_sigset_deactivate(vcpu: struct_kvm_vcpu): void {
	if (!vcpu.sigset_active)
		return;

	sigprocmask(SIG_SETMASK, current.real_blocked, null);
	sigemptyset(current.real_blocked);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_check_block(): below 0, there is something to wake up for. */
function kvm_vcpu_check_block(vcpu: struct_kvm_vcpu): number {
	let ret = -EINTR;
	const idx = srcu_read_lock(vcpu.kvm.srcu);

	out: {
		if (kvm_arch_vcpu_runnable(vcpu)) {
			kvm_make_request(KVM_REQ_UNHALT, vcpu);
			break out;
		}
		if (kvm_cpu_has_pending_timer(vcpu))
			break out;
		if (signal_pending(current))
			break out;
		if (kvm_check_request(KVM_REQ_UNBLOCK, vcpu))
			break out;

		ret = 0;
	}
	srcu_read_unlock(vcpu.kvm.srcu, idx);
	return ret;
}

/**
 * virt/kvm/kvm_main.c:kvm_vcpu_block()
 *
 * Sleeps until the vCPU can run, or something happens that it has to see to. True: it did sleep.
 */
export function* kvm_vcpu_block(vcpu: struct_kvm_vcpu): kvm_gen<boolean> {
	const wait = kvm_arch_vcpu_get_wait(vcpu);
	let waited = false;

	vcpu.stat.generic.blocking = 1;

	preempt_disable();
	kvm_arch_vcpu_blocking(vcpu);
	prepare_to_rcuwait(wait);
	preempt_enable();

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);

		if (kvm_vcpu_check_block(vcpu) < 0)
			break;

		waited = true;
		yield;	/* C: schedule() */
	}

	preempt_disable();
	finish_rcuwait(wait);
	kvm_arch_vcpu_unblocking(vcpu);
	preempt_enable();

	vcpu.stat.generic.blocking = 0;

	return waited;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_halt(), without polling. */
export function* kvm_vcpu_halt(vcpu: struct_kvm_vcpu): kvm_gen<void> {
	const start = ktime_get();

	const waited = yield* kvm_vcpu_block(vcpu);

	const cur = ktime_get();
	if (waited) {
		vcpu.stat.generic.halt_wait_ns +=
			ktime_to_ns(cur) - ktime_to_ns(start);
		KVM_STATS_LOG_HIST_UPDATE(vcpu.stat.generic.halt_wait_hist,
			ktime_to_ns(cur) - ktime_to_ns(start));
	}
	const halt_ns = ktime_to_ns(cur) - ktime_to_ns(start);

	trace_kvm_vcpu_wakeup(halt_ns, waited, vcpu_valid_wakeup(vcpu));
}

/** virt/kvm/kvm_main.c:kvm_vcpu_wake_up() */
export function kvm_vcpu_wake_up(vcpu: struct_kvm_vcpu): boolean {
	if (__kvm_vcpu_wake_up(vcpu)) {
		vcpu.ready = WRITE_ONCE(true);
		++vcpu.stat.generic.halt_wakeup;
		return true;
	}

	return false;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_kick(): out of its sleep, or out of the guest. */
export function kvm_vcpu_kick(vcpu: struct_kvm_vcpu): void {
	if (kvm_vcpu_wake_up(vcpu))
		return;

	const me = get_cpu();
	out: {
		/* from its own task there is nothing to race with */
		if (vcpu === __this_cpu_read(kvm_running_vcpu!)) {
			if (vcpu.mode === IN_GUEST_MODE)
				vcpu.mode = WRITE_ONCE(EXITING_GUEST_MODE);
			break out;
		}

		/* as in kvm_make_vcpu_request(), it may move meanwhile, and is out then */
		if (kvm_arch_vcpu_should_kick(vcpu)) {
			const cpu = READ_ONCE(vcpu.cpu);
			if (cpu !== me && cpu >= 0 && cpu < nr_cpu_ids && cpu_online(cpu))
				smp_send_reschedule(cpu);
		}
	}
	put_cpu();
}

/**
 * virt/kvm/kvm_main.c:kvm_vcpu_yield_to()
 *
 * The scheduler cannot be told whom to run next, only that the current task has had its turn: 0,
 * for nobody was preferred.
 */
export function kvm_vcpu_yield_to(target: struct_kvm_vcpu): number {
	let task: struct_task_struct | null = null;

	rcu_read_lock();
	const pid = rcu_dereference(target.pid);
	if (pid)
		task = get_pid_task(pid, PIDTYPE_PID);
	rcu_read_unlock();
	if (!task)
		return 0;
	set_tsk_need_resched(current);
	put_task_struct(task);

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_on_spin(), which makes way for all others alike. */
export function kvm_vcpu_on_spin(me: struct_kvm_vcpu, _yield_to_kernel_mode: boolean): void {
	kvm_vcpu_set_in_spin_loop(me, true);
	set_tsk_need_resched(current);
	kvm_vcpu_set_in_spin_loop(me, false);

	/* the next loop starts anew */
	kvm_vcpu_set_dy_eligible(me, false);
}

/** virt/kvm/kvm_main.c:kvm_page_in_dirty_ring() */
function kvm_page_in_dirty_ring(kvm: struct_kvm, pgoff: number): boolean {
	if (!IS_ENABLED(CONFIG_HAVE_KVM_DIRTY_RING))
		return false;
	return (pgoff >= KVM_DIRTY_LOG_PAGE_OFFSET) &&
	    (pgoff < KVM_DIRTY_LOG_PAGE_OFFSET +
	     kvm.dirty_ring_size / PAGE_SIZE);
}

/** virt/kvm/kvm_main.c:kvm_vcpu_fault() */
function kvm_vcpu_fault(vmf: struct_vm_fault): vm_fault_t {
	const vcpu = vmf.vma.vm_file!.private_data as struct_kvm_vcpu;
	let page: struct_page | null;

	if (vmf.pgoff === 0)
		page = vcpu.run_page;
	else if (vmf.pgoff === KVM_PIO_PAGE_OFFSET)
		page = vcpu.arch.pio_data_page;
	else if (vmf.pgoff === KVM_COALESCED_MMIO_PAGE_OFFSET)
		page = vcpu.kvm.coalesced_mmio_page;
	else if (kvm_page_in_dirty_ring(vcpu.kvm, vmf.pgoff))
		page = kvm_dirty_ring_get_page(
			vcpu.dirty_ring,
			vmf.pgoff - KVM_DIRTY_LOG_PAGE_OFFSET);
	else
		return kvm_arch_vcpu_fault(vcpu, vmf);
	get_page(page!);
	vmf.page = page;
	return 0;
}

const kvm_vcpu_vm_ops: vm_operations_struct = {
	fault: kvm_vcpu_fault,
};

/** virt/kvm/kvm_main.c:kvm_vcpu_mmap() */
function kvm_vcpu_mmap(file: struct_file, vma: struct_vm_area_struct): number {
	const vcpu = file.private_data as struct_kvm_vcpu;
	const pages = vma_pages(vma);

	if ((kvm_page_in_dirty_ring(vcpu.kvm, vma.vm_pgoff) ||
	     kvm_page_in_dirty_ring(vcpu.kvm, vma.vm_pgoff + pages - 1)) &&
	    ((vma.vm_flags & VM_EXEC) || !(vma.vm_flags & VM_SHARED)))
		return -EINVAL;

	vma.vm_ops = kvm_vcpu_vm_ops;
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_release() */
function kvm_vcpu_release(_inode: struct_inode, filp: struct_file): number {
	const vcpu = filp.private_data as struct_kvm_vcpu;

	kvm_put_kvm(vcpu.kvm);
	return 0;
}

const kvm_vcpu_fops: struct_file_operations = {
	release:		kvm_vcpu_release,
	unlocked_ioctl:		kvm_vcpu_ioctl_sync,
	unlocked_ioctl_gen:	kvm_vcpu_ioctl,
	mmap:			kvm_vcpu_mmap,
	llseek:			noop_llseek,
};

/** virt/kvm/kvm_main.c:create_vcpu_fd() */
function create_vcpu_fd(vcpu: struct_kvm_vcpu): number {
	const name = `kvm-vcpu:${vcpu.vcpu_id}`;

	return anon_inode_getfd(name, kvm_vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_create_vcpu() */
function kvm_vm_ioctl_create_vcpu(kvm: struct_kvm, id: number): number {
	let r: number;

	if (id >= KVM_MAX_VCPU_IDS)
		return -EINVAL;

	mutex_lock(kvm.lock);
	if (kvm.created_vcpus >= kvm.max_vcpus) {
		mutex_unlock(kvm.lock);
		return -EINVAL;
	}

	r = kvm_arch_vcpu_precreate(kvm, id);
	if (r) {
		mutex_unlock(kvm.lock);
		return r;
	}

	kvm.created_vcpus++;
	mutex_unlock(kvm.lock);

	vcpu_decrement: {
		const obj = kmem_cache_zalloc(kvm_vcpu_cache!, GFP_KERNEL_ACCOUNT);
		if (!obj) {
			r = -ENOMEM;
			break vcpu_decrement;
		}
		const vcpu = obj.vcpu;

		vcpu_free: {
			BUILD_BUG_ON(sizeof(struct_kvm_run) > PAGE_SIZE);
			const page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
			if (!page) {
				r = -ENOMEM;
				break vcpu_free;
			}
			vcpu.run_page = page;
			vcpu.run = struct_kvm_run.of(page_bytes(page));

			kvm_vcpu_init(vcpu, kvm, id);

			vcpu_free_run_page: {
				r = kvm_arch_vcpu_create(vcpu);
				if (r)
					break vcpu_free_run_page;

				arch_vcpu_destroy: {
					if (kvm.dirty_ring_size) {
						r = kvm_dirty_ring_alloc(vcpu.dirty_ring,
							id, kvm.dirty_ring_size);
						if (r)
							break arch_vcpu_destroy;
					}

					mutex_lock(kvm.lock);
					unlock_vcpu_destroy: {
						if (kvm_get_vcpu_by_id(kvm, id)) {
							r = -EEXIST;
							break unlock_vcpu_destroy;
						}

						vcpu.vcpu_idx = atomic_read(kvm.online_vcpus);
						r = xa_insert(kvm.vcpu_array, vcpu.vcpu_idx, vcpu,
							GFP_KERNEL_ACCOUNT);
						BUG_ON(r === -EBUSY);
						if (r)
							break unlock_vcpu_destroy;

						kvm_get_kvm(kvm);
						r = create_vcpu_fd(vcpu);
						if (r < 0) {
							xa_erase(kvm.vcpu_array, vcpu.vcpu_idx);
							kvm_put_kvm_no_destroy(kvm);
							break unlock_vcpu_destroy;
						}

						/* the count after the vCPU; see kvm_get_vcpu() */
						smp_wmb();
						atomic_inc(kvm.online_vcpus);

						mutex_unlock(kvm.lock);
						kvm_arch_vcpu_postcreate(vcpu);
						return r;
					}
					mutex_unlock(kvm.lock);
					kvm_dirty_ring_free(vcpu.dirty_ring);
				}
				kvm_arch_vcpu_destroy(vcpu);
			}
			free_page(vcpu.run_page);
		}
		kmem_cache_free(kvm_vcpu_cache!, obj);
	}
	mutex_lock(kvm.lock);
	kvm.created_vcpus--;
	mutex_unlock(kvm.lock);
	return r;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_ioctl_set_sigmask() */
function kvm_vcpu_ioctl_set_sigmask(vcpu: struct_kvm_vcpu, sigset: sigset_t | null): number {
	if (sigset) {
		sigdelsetmask(sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
		vcpu.sigset_active = 1;
		sigcopyset(vcpu.sigset, sigset);
	} else {
		vcpu.sigset_active = 0;
	}
	return 0;
}

/** virt/kvm/kvm_main.c:kvm_vcpu_stats_read() */
function kvm_vcpu_stats_read(file: struct_file, user_buffer: user_ptr, size: number,
	offset: ref<loff_t>): number {
	const vcpu = file.private_data as struct_kvm_vcpu;

	return kvm_stats_read(vcpu.stats_id, kvm_vcpu_stats_header,
		kvm_vcpu_stats_desc, vcpu.stat, user_buffer, size, offset);
}

const kvm_vcpu_stats_fops: struct_file_operations = {
	read:	kvm_vcpu_stats_read,
	llseek:	noop_llseek,
};

/** virt/kvm/kvm_main.c:kvm_vcpu_ioctl_get_stats_fd() */
function kvm_vcpu_ioctl_get_stats_fd(vcpu: struct_kvm_vcpu): number {
	const name = `kvm-vcpu-stats:${vcpu.vcpu_id}`;

	const fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	const file = anon_inode_getfile(name, kvm_vcpu_stats_fops, vcpu, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file.f_mode |= FMODE_PREAD;
	fd_install(fd, file);

	return fd;
}

/**
 * virt/kvm/kvm_main.c:kvm_vcpu_ioctl()
 *
 * Yields inside KVM_RUN only: in the guest, and while the vCPU is halted; kvm_vcpu_ioctl_gen() is
 * the rest then. -ERESTARTWAIT if another task has the vCPU.
 */
function kvm_vcpu_ioctl(filp: struct_file, ioctl: number, arg: ulong64): kvm_may_gen<number> {
	const vcpu = filp.private_data as struct_kvm_vcpu;
	const argp = unsigned_long(arg);
	let r: number;
	let fpu: Uint8Array | null = null;
	let kvm_sregs: Uint8Array | null = null;

	if (vcpu.kvm.mm !== current.mm || vcpu.kvm.vm_dead)
		return -EIO;

	if (_IOC_TYPE(ioctl) !== KVMIO)
		return -EINVAL;

	/* those that go on while the vCPU runs, on architectures that have such */
	r = kvm_arch_vcpu_async_ioctl(filp, ioctl, arg);
	if (r !== -ENOIOCTLCMD)
		return r;

	r = mutex_lock_killable(vcpu.mutex);
	if (r)
		return r;
	out: switch (ioctl) {
	case KVM_RUN: {
		r = -EINVAL;
		if (arg)
			break out;
		const oldpid = rcu_access_pointer(vcpu.pid);
		if (oldpid !== task_pid(current)) {
			/* another thread runs it now */
			r = kvm_arch_vcpu_run_pid_change(vcpu);
			if (r)
				break;

			const newpid = get_task_pid(current, PIDTYPE_PID);
			vcpu.pid = rcu_assign_pointer(newpid);
			if (oldpid)
				synchronize_rcu();
			put_pid(oldpid);
		}
		const run = kvm_arch_vcpu_ioctl_run(vcpu);
		if (typeof run !== "number")
			return kvm_vcpu_ioctl_gen(vcpu, run);
		r = run;
		trace_kvm_userspace_exit(vcpu.run.exit_reason, r);
		break;
	}
	case KVM_GET_REGS: {
		r = -ENOMEM;
		const kvm_regs = kzalloc_bytes(sizeof(struct_kvm_regs), GFP_KERNEL_ACCOUNT);
		if (!kvm_regs)
			break out;
		out_free1: {
			r = kvm_arch_vcpu_ioctl_get_regs(vcpu, struct_kvm_regs.of(kvm_regs));
			if (r)
				break out_free1;
			r = -EFAULT;
			if (copy_to_user(argp, kvm_regs, sizeof(struct_kvm_regs)))
				break out_free1;
			r = 0;
		}
		kfree(kvm_regs);
		break;
	}
	case KVM_SET_REGS: {
		const kvm_regs = memdup_user(argp, sizeof(struct_kvm_regs));
		if (IS_ERR(kvm_regs)) {
			r = PTR_ERR(kvm_regs);
			break out;
		}
		r = kvm_arch_vcpu_ioctl_set_regs(vcpu, struct_kvm_regs.of(kvm_regs));
		kfree(kvm_regs);
		break;
	}
	case KVM_GET_SREGS: {
		kvm_sregs = kzalloc_bytes(sizeof(struct_kvm_sregs), GFP_KERNEL_ACCOUNT);
		r = -ENOMEM;
		if (!kvm_sregs)
			break out;
		r = kvm_arch_vcpu_ioctl_get_sregs(vcpu, struct_kvm_sregs.of(kvm_sregs));
		if (r)
			break out;
		r = -EFAULT;
		if (copy_to_user(argp, kvm_sregs, sizeof(struct_kvm_sregs)))
			break out;
		r = 0;
		break;
	}
	case KVM_SET_SREGS: {
		const sregs = memdup_user(argp, sizeof(struct_kvm_sregs));
		if (IS_ERR(sregs)) {
			r = PTR_ERR(sregs);
			break out;
		}
		kvm_sregs = sregs;
		r = kvm_arch_vcpu_ioctl_set_sregs(vcpu, struct_kvm_sregs.of(kvm_sregs));
		break;
	}
	case KVM_GET_MP_STATE: {
		const mp_state = struct_kvm_mp_state.alloc();

		r = kvm_arch_vcpu_ioctl_get_mpstate(vcpu, mp_state);
		if (r)
			break out;
		r = -EFAULT;
		if (copy_to_user(argp, mp_state, sizeof(struct_kvm_mp_state)))
			break out;
		r = 0;
		break;
	}
	case KVM_SET_MP_STATE: {
		const mp_state = struct_kvm_mp_state.alloc();

		r = -EFAULT;
		if (copy_from_user(mp_state, argp, sizeof(struct_kvm_mp_state)))
			break out;
		r = kvm_arch_vcpu_ioctl_set_mpstate(vcpu, mp_state);
		break;
	}
	case KVM_TRANSLATE: {
		const tr = struct_kvm_translation.alloc();

		r = -EFAULT;
		if (copy_from_user(tr, argp, sizeof(struct_kvm_translation)))
			break out;
		r = kvm_arch_vcpu_ioctl_translate(vcpu, tr);
		if (r)
			break out;
		r = -EFAULT;
		if (copy_to_user(argp, tr, sizeof(struct_kvm_translation)))
			break out;
		r = 0;
		break;
	}
	case KVM_SET_GUEST_DEBUG: {
		const dbg = struct_kvm_guest_debug.alloc();

		r = -EFAULT;
		if (copy_from_user(dbg, argp, sizeof(struct_kvm_guest_debug)))
			break out;
		r = kvm_arch_vcpu_ioctl_set_guest_debug(vcpu, dbg);
		break;
	}
	case KVM_SET_SIGNAL_MASK: {
		const kvm_sigmask = struct_kvm_signal_mask.alloc();
		let p: sigset_t | null = null;

		if (argp) {
			r = -EFAULT;
			if (copy_from_user(kvm_sigmask, argp, sizeof(struct_kvm_signal_mask)))
				break out;
			r = -EINVAL;
			if (kvm_sigmask.len !== 8)	/* sizeof(sigset) */
				break out;
			r = -EFAULT;
			const sigset = new sigset_t();
			if (get_user_sigset(sigset,
				argp + offsetof(struct_kvm_signal_mask, "sigset")))
				break out;
			p = sigset;
		}
		r = kvm_vcpu_ioctl_set_sigmask(vcpu, p);
		break;
	}
	case KVM_GET_FPU: {
		fpu = kzalloc_bytes(sizeof(struct_kvm_fpu), GFP_KERNEL_ACCOUNT);
		r = -ENOMEM;
		if (!fpu)
			break out;
		r = kvm_arch_vcpu_ioctl_get_fpu(vcpu, struct_kvm_fpu.of(fpu));
		if (r)
			break out;
		r = -EFAULT;
		if (copy_to_user(argp, fpu, sizeof(struct_kvm_fpu)))
			break out;
		r = 0;
		break;
	}
	case KVM_SET_FPU: {
		const bytes = memdup_user(argp, sizeof(struct_kvm_fpu));
		if (IS_ERR(bytes)) {
			r = PTR_ERR(bytes);
			break out;
		}
		fpu = bytes;
		r = kvm_arch_vcpu_ioctl_set_fpu(vcpu, struct_kvm_fpu.of(fpu));
		break;
	}
	case KVM_GET_STATS_FD: {
		r = kvm_vcpu_ioctl_get_stats_fd(vcpu);
		break;
	}
	default:
		r = kvm_arch_vcpu_ioctl(filp, ioctl, arg);
	}
	mutex_unlock(vcpu.mutex);
	kfree(fpu);
	kfree(kvm_sregs);
	return r;
}

/** Port-only: kvm_vcpu_ioctl() behind the first yield of KVM_RUN. */
function* kvm_vcpu_ioctl_gen(vcpu: struct_kvm_vcpu, run: kvm_gen<number>): kvm_gen<number> {
	const r = yield* run;

	trace_kvm_userspace_exit(vcpu.run.exit_reason, r);
	mutex_unlock(vcpu.mutex);
	return r;
}

/** Port-only: kvm_vcpu_ioctl() from a plain system call, where the guest cannot be entered. */
function kvm_vcpu_ioctl_sync(filp: struct_file, ioctl: number, arg: ulong64): number {
	const r = kvm_vcpu_ioctl(filp, ioctl, arg);

	BUG_ON(typeof r !== "number");
	return r as number;
}

/** virt/kvm/kvm_main.c:kvm_ioctl_create_device(): no type has operations. */
function kvm_ioctl_create_device(_kvm: struct_kvm,
	_cd: ReturnType<typeof struct_kvm_create_device.alloc>): number {
	return -ENODEV;
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_check_extension_generic(); @kvm null: of the system. */
function kvm_vm_ioctl_check_extension_generic(kvm: struct_kvm | null, arg: number): number {
	switch (arg) {
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_HALT_POLL:
		return 1;
	case KVM_CAP_COALESCED_MMIO:
		return KVM_COALESCED_MMIO_PAGE_OFFSET;
	case KVM_CAP_COALESCED_PIO:
		return 1;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return KVM_DIRTY_LOG_MANUAL_CAPS;
	case KVM_CAP_MULTI_ADDRESS_SPACE:
		return KVM_ADDRESS_SPACE_NUM;
	case KVM_CAP_NR_MEMSLOTS:
		return KVM_USER_MEM_SLOTS;
	case KVM_CAP_DIRTY_LOG_RING:
		if (!IS_ENABLED(CONFIG_HAVE_KVM_DIRTY_RING))
			return 0;
		return KVM_DIRTY_RING_MAX_ENTRIES * sizeof(struct_kvm_dirty_gfn);
	case KVM_CAP_BINARY_STATS_FD:
	case KVM_CAP_SYSTEM_EVENT_DATA:
		return 1;
	case KVM_CAP_PRIVATE_MEM_TESTING:
		return IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING) ?
			KVM_PRIVATE_MEM_TESTING_ATTRIBUTE : 0;
	default:
		break;
	}
	return kvm_vm_ioctl_check_extension(kvm, arg);
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_enable_dirty_log_ring() */
function kvm_vm_ioctl_enable_dirty_log_ring(kvm: struct_kvm, size: number): number {
	let r: number;

	if (!IS_ENABLED(CONFIG_HAVE_KVM_DIRTY_RING))
		return -EINVAL;

	if (!size || (size & (size - 1)))
		return -EINVAL;

	if (size < kvm_dirty_ring_get_rsvd_entries() *
	    sizeof(struct_kvm_dirty_gfn) || size < PAGE_SIZE)
		return -EINVAL;

	if (size > KVM_DIRTY_RING_MAX_ENTRIES *
	    sizeof(struct_kvm_dirty_gfn))
		return -E2BIG;

	/* once and for all */
	if (kvm.dirty_ring_size)
		return -EINVAL;

	mutex_lock(kvm.lock);

	if (kvm.created_vcpus) {
		r = -EINVAL;
	} else {
		kvm.dirty_ring_size = size;
		r = 0;
	}

	mutex_unlock(kvm.lock);
	return r;
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_reset_dirty_pages() */
function kvm_vm_ioctl_reset_dirty_pages(kvm: struct_kvm): number {
	let cleared = 0;

	if (!kvm.dirty_ring_size)
		return -EINVAL;

	mutex_lock(kvm.slots_lock);

	for (const vcpu of kvm_for_each_vcpu(kvm))
		cleared += kvm_dirty_ring_reset(vcpu.kvm, vcpu.dirty_ring);

	mutex_unlock(kvm.slots_lock);

	if (cleared)
		kvm_flush_remote_tlbs(kvm);

	return cleared;
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_enable_cap_generic() */
function kvm_vm_ioctl_enable_cap_generic(kvm: struct_kvm, cap: struct_kvm_enable_cap): number {
	const arg0 = cap.args[0]!;

	switch (cap.cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: {
		let allowed_options = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

		if (arg0 & BigInt(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
			allowed_options = KVM_DIRTY_LOG_MANUAL_CAPS;

		if (cap.flags || (arg0 & ~BigInt(allowed_options)))
			return -EINVAL;
		kvm.manual_dirty_log_protect = Number(arg0);
		return 0;
	}
	case KVM_CAP_HALT_POLL: {
		if (cap.flags || arg0 !== BigInt.asUintN(32, arg0))
			return -EINVAL;

		kvm.max_halt_poll_ns = Number(arg0);
		return 0;
	}
	case KVM_CAP_PRIVATE_MEM_TESTING:
		return kvm_vm_ioctl_enable_private_mem_testing(kvm, cap);
	case KVM_CAP_DIRTY_LOG_RING:
		return kvm_vm_ioctl_enable_dirty_log_ring(kvm, Number(BigInt.asUintN(32, arg0)));
	default:
		return kvm_vm_ioctl_enable_cap(kvm, cap);
	}
}

/** virt/kvm/kvm_main.c:kvm_vm_stats_read() */
function kvm_vm_stats_read(file: struct_file, user_buffer: user_ptr, size: number,
	offset: ref<loff_t>): number {
	const kvm = file.private_data as struct_kvm;

	return kvm_stats_read(kvm.stats_id, kvm_vm_stats_header,
		kvm_vm_stats_desc, kvm.stat, user_buffer, size, offset);
}

const kvm_vm_stats_fops: struct_file_operations = {
	read:	kvm_vm_stats_read,
	llseek:	noop_llseek,
};

/** virt/kvm/kvm_main.c:kvm_vm_ioctl_get_stats_fd() */
function kvm_vm_ioctl_get_stats_fd(kvm: struct_kvm): number {
	const fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	const file = anon_inode_getfile("kvm-vm-stats",
		kvm_vm_stats_fops, kvm, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file.f_mode |= FMODE_PREAD;
	fd_install(fd, file);

	return fd;
}

/* the alias and what userspace passes have each member in the same place. @hunk 2:5 */
function SANITY_CHECK_MEM_REGION_FIELD(field: "slot" | "flags" | "guest_phys_addr" |
	"memory_size" | "userspace_addr"): void {
	BUILD_BUG_ON(offsetof(struct_kvm_user_mem_region, field) !==
		offsetof(struct_kvm_userspace_memory_region, field));
	BUILD_BUG_ON(sizeof_field(struct_kvm_user_mem_region, field) !==
		sizeof_field(struct_kvm_userspace_memory_region, field));
}

function SANITY_CHECK_MEM_REGION_EXT_FIELD(field: "private_offset" | "private_fd"): void {
	BUILD_BUG_ON(offsetof(struct_kvm_user_mem_region, field) !==
		offsetof(struct_kvm_userspace_memory_region_ext, field));
	BUILD_BUG_ON(sizeof_field(struct_kvm_user_mem_region, field) !==
		sizeof_field(struct_kvm_userspace_memory_region_ext, field));
}

let alias_checked = false;

/**
 * virt/kvm/kvm_main.c:kvm_sanity_check_user_mem_region_alias()
 *
 * Once is enough: C's are checked by the compiler.
 */
function kvm_sanity_check_user_mem_region_alias(): void {
	if (alias_checked)
		return;
	alias_checked = true;
	SANITY_CHECK_MEM_REGION_FIELD("slot");
	SANITY_CHECK_MEM_REGION_FIELD("flags");
	SANITY_CHECK_MEM_REGION_FIELD("guest_phys_addr");
	SANITY_CHECK_MEM_REGION_FIELD("memory_size");
	SANITY_CHECK_MEM_REGION_FIELD("userspace_addr");
	SANITY_CHECK_MEM_REGION_EXT_FIELD("private_offset");
	SANITY_CHECK_MEM_REGION_EXT_FIELD("private_fd");
}

/** The label arch_vm_ioctl of kvm_vm_ioctl(), which two of its cases lead to. @hunk 5:6 */
function arch_vm_ioctl(filp: struct_file, ioctl: number, arg: ulong64): number {
	return kvm_arch_vm_ioctl(filp, ioctl, arg);
}

/** virt/kvm/kvm_main.c:kvm_vm_ioctl() */
function kvm_vm_ioctl(filp: struct_file, ioctl: number, arg: ulong64): number {
	const kvm = filp.private_data as struct_kvm;
	const argp = unsigned_long(arg);
	let r: number;

	if (kvm.mm !== current.mm || kvm.vm_dead)
		return -EIO;
	out: switch (ioctl) {
	case KVM_CREATE_VCPU:
		r = kvm_vm_ioctl_create_vcpu(kvm, Number(BigInt.asUintN(32, arg)));
		break;
	case KVM_ENABLE_CAP: {
		const cap = struct_kvm_enable_cap.alloc();

		r = -EFAULT;
		if (copy_from_user(cap, argp, sizeof(struct_kvm_enable_cap)))
			break out;
		r = kvm_vm_ioctl_enable_cap_generic(kvm, cap);
		break;
	}
	case KVM_SET_USER_MEMORY_REGION: {
		/* @hunk 2:6 8:10 */
		const mem = struct_kvm_user_mem_region.alloc();
		const flags_offset = offsetof(struct_kvm_user_mem_region, "flags");
		const private_mem = IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM) &&
			kvm_arch_has_private_mem(kvm);
		const flags = new ref(0);
		let size: number;

		kvm_sanity_check_user_mem_region_alias();

		r = -EFAULT;
		if (get_user(flags, __u32, argp + flags_offset))
			break out;

		/* where the flag is an unknown one, nothing lies behind what was always there */
		if (private_mem && flags.v & KVM_MEM_PRIVATE)
			size = sizeof(struct_kvm_userspace_memory_region_ext);
		else
			size = sizeof(struct_kvm_userspace_memory_region);

		if (copy_from_user(mem, argp, size))
			break out;

		r = -EINVAL;
		if (private_mem && (flags.v ^ mem.flags) & KVM_MEM_PRIVATE)
			break out;

		r = kvm_vm_ioctl_set_memory_region(kvm, mem);
		break;
	}
	/* @hunk 5:5 */
	case KVM_MEMORY_ENCRYPT_REG_REGION:
	case KVM_MEMORY_ENCRYPT_UNREG_REGION: {
		const region = struct_kvm_enc_region.alloc();
		const set = ioctl === KVM_MEMORY_ENCRYPT_REG_REGION;

		if (!IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM) || !kvm_arch_has_private_mem(kvm))
			return arch_vm_ioctl(filp, ioctl, arg);

		r = -EFAULT;
		if (copy_from_user(region, argp, sizeof(struct_kvm_enc_region)))
			break out;

		r = kvm_vm_ioctl_set_mem_attr(kvm, region.addr,
			region.size, set);
		if (!r && set)
			r = kvm_populate_private_mem_testing(kvm, region.addr, region.size);
		break;
	}
	case KVM_GET_DIRTY_LOG: {
		const log = struct_kvm_dirty_log.alloc();

		r = -EFAULT;
		if (copy_from_user(log, argp, sizeof(struct_kvm_dirty_log)))
			break out;
		r = kvm_vm_ioctl_get_dirty_log(kvm, log);
		break;
	}
	case KVM_CLEAR_DIRTY_LOG: {
		const log = struct_kvm_clear_dirty_log.alloc();

		r = -EFAULT;
		if (copy_from_user(log, argp, sizeof(struct_kvm_clear_dirty_log)))
			break out;
		r = kvm_vm_ioctl_clear_dirty_log(kvm, log);
		break;
	}
	case KVM_REGISTER_COALESCED_MMIO: {
		const zone = struct_kvm_coalesced_mmio_zone.alloc();

		r = -EFAULT;
		if (copy_from_user(zone, argp, sizeof(struct_kvm_coalesced_mmio_zone)))
			break out;
		r = kvm_vm_ioctl_register_coalesced_mmio(kvm, zone);
		break;
	}
	case KVM_UNREGISTER_COALESCED_MMIO: {
		const zone = struct_kvm_coalesced_mmio_zone.alloc();

		r = -EFAULT;
		if (copy_from_user(zone, argp, sizeof(struct_kvm_coalesced_mmio_zone)))
			break out;
		r = kvm_vm_ioctl_unregister_coalesced_mmio(kvm, zone);
		break;
	}
	case KVM_IRQFD: {
		const data = struct_kvm_irqfd.alloc();

		r = -EFAULT;
		if (copy_from_user(data, argp, sizeof(struct_kvm_irqfd)))
			break out;
		r = kvm_irqfd(kvm, data);
		break;
	}
	case KVM_IOEVENTFD: {
		const data = struct_kvm_ioeventfd.alloc();

		r = -EFAULT;
		if (copy_from_user(data, argp, sizeof(struct_kvm_ioeventfd)))
			break out;
		r = kvm_ioeventfd(kvm, data);
		break;
	}
	case KVM_IRQ_LINE_STATUS:
	case KVM_IRQ_LINE: {
		const irq_event = struct_kvm_irq_level.alloc();

		r = -EFAULT;
		if (copy_from_user(irq_event, argp, sizeof(struct_kvm_irq_level)))
			break out;

		r = kvm_vm_ioctl_irq_line(kvm, irq_event,
			ioctl === KVM_IRQ_LINE_STATUS);
		if (r)
			break out;

		r = -EFAULT;
		if (ioctl === KVM_IRQ_LINE_STATUS) {
			if (copy_to_user(argp, irq_event, sizeof(struct_kvm_irq_level)))
				break out;
		}

		r = 0;
		break;
	}
	case KVM_CREATE_DEVICE: {
		const cd = struct_kvm_create_device.alloc();

		r = -EFAULT;
		if (copy_from_user(cd, argp, sizeof(struct_kvm_create_device)))
			break out;

		r = kvm_ioctl_create_device(kvm, cd);
		if (r)
			break out;

		r = -EFAULT;
		if (copy_to_user(argp, cd, sizeof(struct_kvm_create_device)))
			break out;

		r = 0;
		break;
	}
	case KVM_CHECK_EXTENSION:
		r = kvm_vm_ioctl_check_extension_generic(kvm, Number(arg));
		break;
	case KVM_RESET_DIRTY_RINGS:
		r = kvm_vm_ioctl_reset_dirty_pages(kvm);
		break;
	case KVM_GET_STATS_FD:
		r = kvm_vm_ioctl_get_stats_fd(kvm);
		break;
	default:
		r = arch_vm_ioctl(filp, ioctl, arg);
	}
	return r;
}

const kvm_vm_fops: struct_file_operations = {
	release:	kvm_vm_release,
	unlocked_ioctl:	kvm_vm_ioctl,
	llseek:		noop_llseek,
};

/** virt/kvm/kvm_main.c:file_is_kvm() */
export function file_is_kvm(file: struct_file | null): boolean {
	return file !== null && file.f_op === kvm_vm_fops;
}

/** virt/kvm/kvm_main.c:kvm_dev_ioctl_create_vm() */
function kvm_dev_ioctl_create_vm(type: ulong64): number {
	let r: number;

	const fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	put_fd: {
		const kvm = kvm_create_vm(type);
		if (IS_ERR(kvm)) {
			r = PTR_ERR(kvm);
			break put_fd;
		}

		put_kvm: {
			const file = anon_inode_getfile("kvm-vm", kvm_vm_fops, kvm, O_RDWR);
			if (IS_ERR(file)) {
				r = PTR_ERR(file);
				break put_kvm;
			}

			/* from here on the last fput(file) puts the VM, by kvm_vm_release() */

			fd_install(fd, file);
			return fd;
		}
		kvm_put_kvm(kvm);
	}
	put_unused_fd(fd);
	return r;
}

/** virt/kvm/kvm_main.c:kvm_dev_ioctl() */
function kvm_dev_ioctl(filp: struct_file, ioctl: number, arg: ulong64): number {
	let r = -EINVAL;

	out: switch (ioctl) {
	case KVM_GET_API_VERSION:
		if (arg)
			break out;
		r = KVM_API_VERSION;
		break;
	case KVM_CREATE_VM:
		r = kvm_dev_ioctl_create_vm(arg);
		break;
	case KVM_CHECK_EXTENSION:
		r = kvm_vm_ioctl_check_extension_generic(null, Number(arg));
		break;
	case KVM_GET_VCPU_MMAP_SIZE:
		if (arg)
			break out;
		r = PAGE_SIZE;		/* struct kvm_run */
		r += PAGE_SIZE;		/* pio data page */
		r += PAGE_SIZE;		/* the ring, after the run page */
		break;
	case KVM_TRACE_ENABLE:
	case KVM_TRACE_PAUSE:
	case KVM_TRACE_DISABLE:
		r = -EOPNOTSUPP;
		break;
	default:
		return kvm_arch_dev_ioctl(filp, ioctl, arg);
	}
	return r;
}

const kvm_chardev_ops: struct_file_operations = {
	owner:		null,
	unlocked_ioctl:	kvm_dev_ioctl,
	llseek:		noop_llseek,
};

const kvm_dev: struct_miscdevice = {
	minor:	KVM_MINOR,
	name:	"kvm",
	fops:	kvm_chardev_ops,
};

/** virt/kvm/kvm_main.c:hardware_enable_nolock() */
function hardware_enable_nolock(_junk: null): void {
	const cpu = raw_smp_processor_id();

	if (cpumask_test_cpu(cpu, cpus_hardware_enabled!))
		return;

	cpumask_set_cpu(cpu, cpus_hardware_enabled!);

	const r = kvm_arch_hardware_enable();

	if (r) {
		cpumask_clear_cpu(cpu, cpus_hardware_enabled!);
		hardware_enable_failed++;
		pr_info("kvm: enabling virtualization on CPU%d failed\n", cpu);
	}
}

/** virt/kvm/kvm_main.c:kvm_starting_cpu() */
function kvm_starting_cpu(_cpu: number): number {
	raw_spin_lock(kvm_count_lock);
	if (kvm_usage_count)
		hardware_enable_nolock(null);
	raw_spin_unlock(kvm_count_lock);
	return 0;
}

/** virt/kvm/kvm_main.c:hardware_disable_nolock() */
function hardware_disable_nolock(_junk: null): void {
	const cpu = raw_smp_processor_id();

	if (!cpumask_test_cpu(cpu, cpus_hardware_enabled!))
		return;
	cpumask_clear_cpu(cpu, cpus_hardware_enabled!);
	kvm_arch_hardware_disable();
}

/** virt/kvm/kvm_main.c:kvm_dying_cpu() */
function kvm_dying_cpu(_cpu: number): number {
	raw_spin_lock(kvm_count_lock);
	if (kvm_usage_count)
		hardware_disable_nolock(null);
	raw_spin_unlock(kvm_count_lock);
	return 0;
}

/** virt/kvm/kvm_main.c:hardware_disable_all_nolock() */
function hardware_disable_all_nolock(): void {
	BUG_ON(!kvm_usage_count);

	kvm_usage_count--;
	if (!kvm_usage_count)
		on_each_cpu(hardware_disable_nolock, null, 1);
}

/** virt/kvm/kvm_main.c:hardware_disable_all() */
function hardware_disable_all(): void {
	raw_spin_lock(kvm_count_lock);
	hardware_disable_all_nolock();
	raw_spin_unlock(kvm_count_lock);
}

/** virt/kvm/kvm_main.c:hardware_enable_all() */
function hardware_enable_all(): number {
	let r = 0;

	raw_spin_lock(kvm_count_lock);

	kvm_usage_count++;
	if (kvm_usage_count === 1) {
		hardware_enable_failed = 0;
		on_each_cpu(hardware_enable_nolock, null, 1);

		if (hardware_enable_failed) {
			hardware_disable_all_nolock();
			r = -EBUSY;
		}
	}

	raw_spin_unlock(kvm_count_lock);

	return r;
}

/** virt/kvm/kvm_main.c:kvm_io_bus_destroy() */
function kvm_io_bus_destroy(bus: struct_kvm_io_bus): void {
	for (let i = 0; i < bus.dev_count; i++) {
		const pos = bus.range[i]!.dev!;

		kvm_iodevice_destructor(pos);
	}
	kfree(bus);
}

/** virt/kvm/kvm_main.c:kvm_io_bus_cmp() */
function kvm_io_bus_cmp(r1: struct_kvm_io_range, r2: struct_kvm_io_range): number {
	let addr1: number = r1.addr;
	let addr2: number = r2.addr;

	if (addr1 < addr2)
		return -1;

	/*
	 * Without a length, r2 is its very address; with one, r1 has to lie within it. Which of
	 * several devices comes first is of no account: kvm_io_bus_get_first_dev() finds them all.
	 */
	if (r2.len) {
		addr1 += r1.len;
		addr2 += r2.len;
	}

	if (addr1 > addr2)
		return 1;

	return 0;
}

function io_range(addr: gpa_t, len: number, dev: struct_kvm_io_device | null): struct_kvm_io_range {
	const range = new struct_kvm_io_range();

	range.addr = addr;
	range.len = len;
	range.dev = dev;
	return range;
}

/** virt/kvm/kvm_main.c:kvm_io_bus_get_first_dev() */
function kvm_io_bus_get_first_dev(bus: struct_kvm_io_bus, addr: gpa_t, len: number): number {
	const key = io_range(addr, len, null);

	let off = bsearch(key, bus.range, bus.dev_count, kvm_io_bus_cmp);
	if (off < 0)
		return -ENOENT;

	while (off > 0 && kvm_io_bus_cmp(key, bus.range[off - 1]!) === 0)
		off--;

	return off;
}

/** virt/kvm/kvm_main.c:__kvm_io_bus_write() */
function __kvm_io_bus_write(vcpu: struct_kvm_vcpu, bus: struct_kvm_io_bus,
	range: struct_kvm_io_range, val: Uint8Array): number {
	let idx = kvm_io_bus_get_first_dev(bus, range.addr, range.len);
	if (idx < 0)
		return -EOPNOTSUPP;

	while (idx < bus.dev_count &&
		kvm_io_bus_cmp(range, bus.range[idx]!) === 0) {
		if (!kvm_iodevice_write(vcpu, bus.range[idx]!.dev!, range.addr,
			range.len, val))
			return idx;
		idx++;
	}

	return -EOPNOTSUPP;
}

/** virt/kvm/kvm_main.c:kvm_io_bus_write(); srcu or slots_lock is held. */
export function kvm_io_bus_write(vcpu: struct_kvm_vcpu, bus_idx: kvm_bus, addr: gpa_t, len: number,
	val: Uint8Array): number {
	const range = io_range(addr, len, null);

	const bus = srcu_dereference(vcpu.kvm.buses[bus_idx]!, vcpu.kvm.srcu);
	if (!bus)
		return -ENOMEM;
	const r = __kvm_io_bus_write(vcpu, bus, range, val);
	return r < 0 ? r : 0;
}

/** virt/kvm/kvm_main.c:kvm_io_bus_write_cookie(); @cookie: what a former call returned. */
export function kvm_io_bus_write_cookie(vcpu: struct_kvm_vcpu, bus_idx: kvm_bus, addr: gpa_t,
	len: number, val: Uint8Array, cookie: number): number {
	const range = io_range(addr, len, null);

	const bus = srcu_dereference(vcpu.kvm.buses[bus_idx]!, vcpu.kvm.srcu);
	if (!bus)
		return -ENOMEM;

	/* a hint where it was */
	if ((cookie >= 0) && (cookie < bus.dev_count) &&
	    (kvm_io_bus_cmp(range, bus.range[cookie]!) === 0))
		if (!kvm_iodevice_write(vcpu, bus.range[cookie]!.dev!, addr, len,
			val))
			return cookie;

	/* it was none: the search gives the right one */
	return __kvm_io_bus_write(vcpu, bus, range, val);
}

/** virt/kvm/kvm_main.c:__kvm_io_bus_read() */
function __kvm_io_bus_read(vcpu: struct_kvm_vcpu, bus: struct_kvm_io_bus,
	range: struct_kvm_io_range, val: Uint8Array): number {
	let idx = kvm_io_bus_get_first_dev(bus, range.addr, range.len);
	if (idx < 0)
		return -EOPNOTSUPP;

	while (idx < bus.dev_count &&
		kvm_io_bus_cmp(range, bus.range[idx]!) === 0) {
		if (!kvm_iodevice_read(vcpu, bus.range[idx]!.dev!, range.addr,
			range.len, val))
			return idx;
		idx++;
	}

	return -EOPNOTSUPP;
}

/** virt/kvm/kvm_main.c:kvm_io_bus_read(); srcu or slots_lock is held. */
export function kvm_io_bus_read(vcpu: struct_kvm_vcpu, bus_idx: kvm_bus, addr: gpa_t, len: number,
	val: Uint8Array): number {
	const range = io_range(addr, len, null);

	const bus = srcu_dereference(vcpu.kvm.buses[bus_idx]!, vcpu.kvm.srcu);
	if (!bus)
		return -ENOMEM;
	const r = __kvm_io_bus_read(vcpu, bus, range, val);
	return r < 0 ? r : 0;
}

/** virt/kvm/kvm_main.c:kvm_io_bus_register_dev(), with slots_lock held. */
export function kvm_io_bus_register_dev(kvm: struct_kvm, bus_idx: kvm_bus, addr: gpa_t, len: number,
	dev: struct_kvm_io_device): number {
	const bus = kvm_get_bus(kvm, bus_idx);
	if (!bus)
		return -ENOMEM;

	/* ioeventfds do not count: fds run out first */
	if (bus.dev_count - bus.ioeventfd_count > NR_IOBUS_DEVS - 1)
		return -ENOSPC;

	const new_bus = kmalloc(struct_kvm_io_bus, GFP_KERNEL_ACCOUNT);
	if (!new_bus)
		return -ENOMEM;

	const range = io_range(addr, len, dev);

	let i = 0;
	for (; i < bus.dev_count; i++)
		if (kvm_io_bus_cmp(bus.range[i]!, range) > 0)
			break;

	new_bus.ioeventfd_count = bus.ioeventfd_count;
	new_bus.dev_count = bus.dev_count + 1;
	new_bus.range = [...bus.range.slice(0, i), range, ...bus.range.slice(i)];
	kvm.buses[bus_idx] = rcu_assign_pointer(new_bus);
	synchronize_srcu_expedited(kvm.srcu);
	kfree(bus);

	return 0;
}

/** virt/kvm/kvm_main.c:kvm_io_bus_unregister_dev() */
export function kvm_io_bus_unregister_dev(kvm: struct_kvm, bus_idx: kvm_bus,
	dev: struct_kvm_io_device): number {
	lockdep_assert_held(kvm.slots_lock);

	const bus = kvm_get_bus(kvm, bus_idx);
	if (!bus)
		return 0;

	let i = 0;
	for (; i < bus.dev_count; i++) {
		if (bus.range[i]!.dev === dev)
			break;
	}

	if (i === bus.dev_count)
		return 0;

	const new_bus = kmalloc(struct_kvm_io_bus, GFP_KERNEL_ACCOUNT);
	if (new_bus) {
		new_bus.ioeventfd_count = bus.ioeventfd_count;
		new_bus.dev_count = bus.dev_count - 1;
		new_bus.range = [...bus.range.slice(0, i), ...bus.range.slice(i + 1)];
	}

	kvm.buses[bus_idx] = rcu_assign_pointer(new_bus);
	synchronize_srcu_expedited(kvm.srcu);

	if (!new_bus) {
		pr_err("kvm: failed to shrink bus, removing it completely\n");
		for (let j = 0; j < bus.dev_count; j++) {
			if (j === i)
				continue;
			kvm_iodevice_destructor(bus.range[j]!.dev!);
		}
	}

	kfree(bus);
	return new_bus ? 0 : -ENOMEM;
}

/** virt/kvm/kvm_main.c:kvm_io_bus_get_dev() */
export function kvm_io_bus_get_dev(kvm: struct_kvm, bus_idx: kvm_bus, addr: gpa_t):
	struct_kvm_io_device | null {
	let iodev: struct_kvm_io_device | null = null;

	const srcu_idx = srcu_read_lock(kvm.srcu);

	out_unlock: {
		const bus = srcu_dereference(kvm.buses[bus_idx]!, kvm.srcu);
		if (!bus)
			break out_unlock;

		const dev_idx = kvm_io_bus_get_first_dev(bus, addr, 1);
		if (dev_idx < 0)
			break out_unlock;

		iodev = bus.range[dev_idx]!.dev;
	}
	srcu_read_unlock(kvm.srcu, srcu_idx);

	return iodev;
}

/** virt/kvm/kvm_main.c:preempt_notifier_to_vcpu() */
function preempt_notifier_to_vcpu(pn: struct_preempt_notifier): struct_kvm_vcpu {
	return container_of(pn, struct_kvm_vcpu, "preempt_notifier");
}

/** virt/kvm/kvm_main.c:kvm_sched_in() */
function kvm_sched_in(pn: struct_preempt_notifier, cpu: number): void {
	const vcpu = preempt_notifier_to_vcpu(pn);

	vcpu.preempted = WRITE_ONCE(false);
	vcpu.ready = WRITE_ONCE(false);

	__this_cpu_write(kvm_running_vcpu!, vcpu);
	kvm_arch_sched_in(vcpu, cpu);
	kvm_arch_vcpu_load(vcpu, cpu);
}

/** virt/kvm/kvm_main.c:kvm_sched_out() */
function kvm_sched_out(pn: struct_preempt_notifier, _next: struct_task_struct): void {
	const vcpu = preempt_notifier_to_vcpu(pn);

	if (current.on_rq) {
		vcpu.preempted = WRITE_ONCE(true);
		vcpu.ready = WRITE_ONCE(true);
	}
	kvm_arch_vcpu_put(vcpu);
	__this_cpu_write(kvm_running_vcpu!, null);
}

/**
 * virt/kvm/kvm_main.c:kvm_get_running_vcpu()
 *
 * The vCPU that the current task has loaded. If the task moves, the notifiers above take it along.
 */
export function kvm_get_running_vcpu(): struct_kvm_vcpu | null {
	preempt_disable();
	const vcpu = __this_cpu_read(kvm_running_vcpu!);
	preempt_enable();

	return vcpu;
}

/** virt/kvm/kvm_main.c:kvm_get_running_vcpus() */
export function kvm_get_running_vcpus(): percpu<struct_kvm_vcpu | null> {
	return kvm_running_vcpu!;
}

interface kvm_cpu_compat_check {
	readonly opaque: unknown;
	readonly ret: ref<number>;
}

/** virt/kvm/kvm_main.c:check_processor_compat() */
function check_processor_compat(c: kvm_cpu_compat_check): void {
	c.ret.v = kvm_arch_check_processor_compat(c.opaque);
}

/* C: DEFINE_PER_CPU() and alloc_cpumask_var_node(), which cannot fail without CPUMASK_OFFSTACK */
function make_percpu(): void {
	kvm_running_vcpu = alloc_percpu<struct_kvm_vcpu | null>(() => null);
	cpu_kick_mask = alloc_percpu(() => new struct_cpumask());
}

/**
 * virt/kvm/kvm_main.c:kvm_init()
 *
 * @vcpu_class: C's vcpu_size; the vendor's struct, with the vCPU in its member vcpu.
 */
export function kvm_init(opaque: unknown, vcpu_class: class_of<kvm_vcpu_container>,
	_vcpu_align: number, module: object | null): number {
	let r: number;

	out_fail: {
		r = kvm_arch_init(opaque);
		if (r)
			break out_fail;

		out_irqfd: {
			/* kvm_arch_init() lets one vendor in: nothing is set up twice */
			r = kvm_irqfd_init();
			if (r)
				break out_irqfd;

			cpus_hardware_enabled = new struct_cpumask();

			out_free_1: {
				r = kvm_arch_hardware_setup(opaque);
				if (r < 0)
					break out_free_1;

				out_free_2: {
					const c = { opaque, ret: new ref(r) };
					for (const cpu of for_each_online_cpu()) {
						smp_call_function_single(cpu,
							check_processor_compat, c, 1);
						r = c.ret.v;
						if (r < 0)
							break out_free_2;
					}

					r = cpuhp_setup_state_nocalls(CPUHP_AP_KVM_STARTING,
						"kvm/cpu:starting", kvm_starting_cpu, kvm_dying_cpu);
					if (r)
						break out_free_2;

					out_free_3: {
						kvm_vcpu_cache = kmem_cache_create_usercopy("kvm_vcpu",
							vcpu_class, SLAB_ACCOUNT, null);
						if (!kvm_vcpu_cache) {
							r = -ENOMEM;
							break out_free_3;
						}

						make_percpu();

						out_free_5: {
							r = kvm_async_pf_init();
							if (r)
								break out_free_5;

							kvm_chardev_ops.owner = module;

							out_unreg: {
								r = misc_register(kvm_dev);
								if (r) {
									pr_err("kvm: misc device register failed\n");
									break out_unreg;
								}

								return 0;
							}
							kvm_async_pf_deinit();
						}
						free_percpu(cpu_kick_mask);
						kmem_cache_destroy(kvm_vcpu_cache);
					}
					cpuhp_remove_state_nocalls(CPUHP_AP_KVM_STARTING);
				}
				kvm_arch_hardware_unsetup();
			}
			kvm_irqfd_exit();
		}
		kvm_arch_exit();
	}
	return r;
}

/** virt/kvm/kvm_main.c:kvm_exit() */
export function kvm_exit(): void {
	misc_deregister(kvm_dev);
	free_percpu(cpu_kick_mask);
	kmem_cache_destroy(kvm_vcpu_cache);
	kvm_async_pf_deinit();
	cpuhp_remove_state_nocalls(CPUHP_AP_KVM_STARTING);
	on_each_cpu(hardware_disable_nolock, null, 1);
	kvm_arch_hardware_unsetup();
	kvm_arch_exit();
	kvm_irqfd_exit();
	cpus_hardware_enabled = null;
}

interface kvm_vm_worker_thread_context {
	readonly kvm: struct_kvm;
	readonly parent: struct_task_struct;
	readonly init_done: struct_completion;
	readonly thread_fn: kvm_vm_thread_fn_t;
	readonly data: unknown;
	err: number;
}

/** virt/kvm/kvm_main.c:kvm_vm_worker_thread(); there are no control groups to join. */
function* kvm_vm_worker_thread(context: unknown): Generator<void, number, void> {
	/* it is gone once its maker goes on: what is needed later is copied */
	const init_context = context as kvm_vm_worker_thread_context;
	const kvm = init_context.kvm;
	const thread_fn = init_context.thread_fn;
	const data = init_context.data;

	let err = kthread_park(current);
	init_complete: {
		WARN_ON(err !== 0);
		if (err)
			break init_complete;

		/* C: task_nice() */
		set_user_nice(current, init_context.parent.static_prio - 120);
	}
	init_context.err = err;
	complete(init_context.init_done);

	if (err)
		return err;

	while (kthread_should_park()) {
		kthread_parkme();
		yield;
	}

	if (!kthread_should_stop()) {
		const body = thread_fn(kvm, data);
		err = typeof body === "number" ? body : yield* body;
	}

	return err;
}

/**
 * virt/kvm/kvm_main.c:kvm_vm_create_worker_thread()
 *
 * The thread is parked when this returns 0, and waits for its maker's kthread_unpark().
 */
export function kvm_vm_create_worker_thread(kvm: struct_kvm, thread_fn: kvm_vm_thread_fn_t,
	data: unknown, name: string, thread_ptr: ref<struct_task_struct | null>): number {
	thread_ptr.v = null;
	const init_context: kvm_vm_worker_thread_context = {
		kvm,
		parent: current,
		init_done: new struct_completion(),
		thread_fn,
		data,
		err: 0,
	};
	init_completion(init_context.init_done);

	const thread = kthread_run(kvm_vm_worker_thread, init_context,
		"%s-%d", name, task_pid_nr(current));
	if (IS_ERR(thread))
		return PTR_ERR(thread);

	wait_for_completion(init_context.init_done);

	if (!init_context.err)
		thread_ptr.v = thread;

	return init_context.err;
}
