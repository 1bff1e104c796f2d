// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual machines, vCPUs and memory slots as every architecture has them.
 *
 * Upstream: include/linux/kvm_host.h. Left out: what is not selected but for its stubs (eventfds,
 * irqfds, irq routing, pfn caches, VFIO, PM notifier, perf callbacks), device fds, debugfs,
 * other architectures' interrupt routing, kvm_get_guest() and kvm_put_guest().
 *
 * Lock order: Documentation/virt/kvm/locking.rst.
 */
import { array_of } from "#asm-generic/array.ts";
import type { embedded } from "#asm-generic/owner.ts";
import { ALIGN, ul_shr } from "#asm-generic/bits.ts";
import {
	gfn_t, gpa_t, hpa_t, hva_t, kvm_pfn_t, type loff_t, loff_to_pgoff, pfn_nr, pgoff_t, ref,
	type unsigned_long,
} from "#asm-generic/types.ts";
import type { err_ptr } from "#asm-generic/err.ts";
import { EINVAL, ENOIOCTLCMD, ENOSYS } from "#linux/errno.ts";
import {
	CONFIG_HAVE_KVM_CPU_RELAX_INTERCEPT, CONFIG_HAVE_KVM_PRIVATE_MEM, CONFIG_PROVE_LOCKING,
} from "#generated/autoconf.ts";
import { atomic_read, atomic_t } from "#linux/atomic.ts";
import { BUG, WARN_ON_ONCE, WARN_ONCE } from "#linux/bug.ts";
import { BITS_PER_LONG, fls64 } from "#linux/bitops.ts";
import { READ_ONCE, smp_mb__after_atomic, smp_mb__before_atomic, smp_rmb, smp_wmb } from
	"#linux/compiler.ts";
import {
	context_tracking_guest_enter, context_tracking_guest_exit, vtime_account_guest_enter,
	vtime_account_guest_exit,
} from "#linux/context_tracking.ts";
import { DECLARE_HASHTABLE, hash_bucket, hash_for_each } from "#linux/hashtable.ts";
import { struct_interval_tree_node } from "#linux/interval_tree.ts";
import { local_irq_restore, local_irq_save } from "#linux/irqflags.ts";
import { struct_hlist_node, struct_list_head } from "#linux/list.ts";
import { lockdep_assert_id_held, lockdep_hardirqs_on, lockdep_is_held } from "#linux/lockdep.ts";
import { struct_mmu_notifier } from "#linux/mmu_notifier.ts";
import type { struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import { struct_mutex } from "#linux/mutex_types.ts";
import type { pte_t } from "#linux/pgtable.ts";
import type { struct_pid } from "#linux/pid.ts";
import { struct_preempt_notifier } from "#linux/preempt.ts";
import { pr_debug, pr_debug_ratelimited, pr_err, pr_err_ratelimited, pr_info } from
	"#linux/printk.ts";
import { RB_EMPTY_ROOT, rb_last, rb_next, rb_prev } from "#linux/rbtree.ts";
import { struct_rb_node, struct_rb_root, struct_rb_root_cached } from
	"#linux/rbtree_types.ts";
import { rcuwait_active, rcuwait_wake_up, struct_rcuwait } from "#linux/rcuwait.ts";
import { refcount_read, refcount_t } from "#linux/refcount.ts";
import { current, need_resched } from "#linux/sched.ts";
import { sigset_t } from "#linux/signal_types.ts";
import { rwlock_t, spinlock_t } from "#linux/spinlock_types.ts";
import { srcu_dereference_check, srcu_read_lock, srcu_read_lock_held, srcu_read_unlock,
	struct_srcu_struct } from "#linux/srcu.ts";
import { struct_work_struct } from "#linux/workqueue_types.ts";
import { XA_INDEX_MAX, struct_xarray, xa_for_each_range, xa_load } from "#linux/xarray.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";

import {
	KVM_DIRTY_LOG_INITIALLY_SET, KVM_EXIT_INTR, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_PRIVATE,
	KVM_STATS_BASE_MASK, KVM_STATS_BASE_POW10, KVM_STATS_TYPE_CUMULATIVE,
	KVM_STATS_TYPE_INSTANT, KVM_STATS_TYPE_LINEAR_HIST, KVM_STATS_TYPE_LOG_HIST,
	KVM_STATS_TYPE_MASK, KVM_STATS_TYPE_PEAK, KVM_STATS_UNIT_BOOLEAN, KVM_STATS_UNIT_MASK,
	KVM_STATS_UNIT_NONE, KVM_STATS_UNIT_SECONDS, type struct_kvm_coalesced_mmio_ring,
	type struct_kvm_ioeventfd, type struct_kvm_irqfd, type struct_kvm_run,
} from "#uapi/linux/kvm.ts";

import {
	HALT_POLL_HIST_COUNT, KVM_STATS_NAME_SIZE,
} from "#linux/kvm_types.ts";

import {
	KVM_ADDRESS_SPACE_NUM, KVM_MAX_VCPUS, kvm_arch_vcpu_memslots_id,
	struct_kvm_arch, struct_kvm_arch_async_pf, struct_kvm_arch_memory_slot,
	struct_kvm_vcpu_arch, struct_kvm_vcpu_stat, struct_kvm_vm_stat,
} from "#asm/kvm_host.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { struct_kvm_dirty_ring } from "#linux/kvm_dirty_ring.ts";
/* @hunk 2:1 */
import {
	inaccessible_get_pfn, inaccessible_put_pfn, struct_inaccessible_notifier,
} from "#linux/memfd.ts";

import {
	KVM_HVA_ERR_BAD, KVM_MAX_MMIO_FRAGMENTS, KVM_MEMSLOT_INVALID, KVM_NR_BUSES,
	KVM_PFN_ERR_MASK, KVM_PFN_NOSLOT, KVM_REQ_VM_DEAD, KVM_REQUEST_MASK, KVM_USER_MEM_SLOTS,
	type kvm_bus,
} from "#linux/kvm_host.const.ts";

/* used below; the exports stand where upstream declares the names */
import { gfn_to_hva, gfn_to_memslot, kvm_make_all_cpus_request } from "#kvm/kvm_main.ts";
import { kvm_rip_read } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import { pfn_t_to_pfn, pfn_to_pfn_t, type pfn_t } from "#linux/pfn_t.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";

export * from "#linux/kvm_types.ts";
export * from "#linux/kvm_host.const.ts";

/** @addr's highest 12 bits are zero for a frame; see kvm_host.const.ts. */
export function is_error_pfn(pfn: kvm_pfn_t): boolean {
	return pfn >= KVM_PFN_ERR_MASK && pfn !== KVM_PFN_NOSLOT;
}

/** The gfn has no pfn: it is in no slot, or could not be translated. */
export function is_error_noslot_pfn(pfn: kvm_pfn_t): boolean {
	return pfn >= KVM_PFN_ERR_MASK;
}

export function is_noslot_pfn(pfn: kvm_pfn_t): boolean {
	return pfn === KVM_PFN_NOSLOT;
}

export function kvm_is_error_hva(addr: hva_t | unsigned_long): boolean {
	return addr >= KVM_HVA_ERR_BAD;
}

export function is_error_page(page: struct_page | err_ptr): boolean {
	/* IS_ERR(), which costs more: no page has a member of that name */
	return "err" in page;
}

export { kvm_make_all_cpus_request, kvm_make_all_cpus_request_except,
	kvm_make_vcpus_request_mask } from "#kvm/kvm_main.ts";

export { kvm_lock, vm_list } from "#kvm/kvm_main.ts";

export class struct_kvm_io_range {
	addr = gpa_t(0);
	len = 0;
	dev: struct_kvm_io_device | null = null;
}

/** virt/kvm/iodev.h: a device on a bus; @owner is what it is embedded in. */
export class struct_kvm_io_device {
	ops: struct_kvm_io_device_ops | null = null;
	readonly owner: object | null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

/** read() and write() return 0 when the device took the access, otherwise -EOPNOTSUPP. */
export interface struct_kvm_io_device_ops {
	read?: (vcpu: struct_kvm_vcpu, this_: struct_kvm_io_device, addr: gpa_t, len: number,
		val: Uint8Array) => number;
	write?: (vcpu: struct_kvm_vcpu, this_: struct_kvm_io_device, addr: gpa_t, len: number,
		val: Uint8Array) => number;
	destructor?: (this_: struct_kvm_io_device) => void;
}

export class struct_kvm_io_bus {
	dev_count = 0;
	ioeventfd_count = 0;
	range: struct_kvm_io_range[] = [];
}

export { kvm_io_bus_get_dev, kvm_io_bus_read, kvm_io_bus_register_dev, kvm_io_bus_unregister_dev,
	kvm_io_bus_write, kvm_io_bus_write_cookie } from "#kvm/kvm_main.ts";

export class struct_kvm_async_pf {
	work = new struct_work_struct(this);
	link = new struct_list_head(this);
	queue = new struct_list_head(this);
	vcpu: struct_kvm_vcpu | null = null;
	mm: struct_mm_struct | null = null;
	cr2_or_gpa = gpa_t(0);
	addr = hva_t(0);
	arch = new struct_kvm_arch_async_pf();
	wakeup_all = false;
	notpresent_injected = false;
}

export { kvm_async_pf_wakeup_all, kvm_check_async_pf_completion,
	kvm_clear_async_pf_completion_queue, kvm_setup_async_pf } from "#kvm/async_pf.ts";

export class struct_kvm_gfn_range {
	slot: struct_kvm_memory_slot = null as unknown as struct_kvm_memory_slot;
	start = gfn_t(0);
	end = gfn_t(0);
	pte: pte_t = null as unknown as pte_t;
	may_block = false;
}
export { kvm_age_gfn, kvm_set_spte_gfn, kvm_test_age_gfn, kvm_unmap_gfn_range } from
	"#asm/kvm_host.ts";

/* empty where __KVM_HAVE_ZAP_GFN_RANGE is not. @hunk 5:1 */
export { kvm_zap_gfn_range } from "#asm/kvm_host.ts";

/* vcpu.mode */
export const OUTSIDE_GUEST_MODE		= 0;
export const IN_GUEST_MODE		= 1;
export const EXITING_GUEST_MODE		= 2;
export const READING_SHADOW_PAGE_TABLES	= 3;

/** A guest page that the kernel looks into; always backed by a struct page here. */
export class struct_kvm_host_map {
	page: struct_page | null = null;
	/** the page's bytes; null: not mapped */
	hva: Uint8Array | null = null;
	pfn = 0 as kvm_pfn_t;
	gfn = gfn_t(0);
}

export function kvm_vcpu_mapped(map: struct_kvm_host_map): boolean {
	return map.hva !== null;
}

/** The scheduler has nothing to gain from polling: virtual time passes only when all wait. */
export function kvm_vcpu_can_poll(cur: bigint | number, stop: bigint | number): boolean {
	return !need_resched() && cur < stop;
}

/** A piece of an MMIO access: one exit to userspace. */
export class struct_kvm_mmio_fragment {
	gpa = gpa_t(0);
	/** what is written, or room for what is read */
	data: Uint8Array | null = null;
	len = 0;
}

class vcpu_async_pf {
	queued = 0;
	queue = new struct_list_head(null);
	done = new struct_list_head(null);
	lock = new spinlock_t();
}

class vcpu_spin_loop {
	in_spin_loop = false;
	dy_eligible = false;
}

/** @owner: the vendor's struct around it. run is a window on run_page's bytes. */
export class struct_kvm_vcpu {
	kvm: struct_kvm = null as unknown as struct_kvm;
	preempt_notifier = new struct_preempt_notifier(this);
	cpu = 0;
	vcpu_id = 0;			/* KVM_CREATE_VCPU's argument */
	vcpu_idx = 0;			/* index in kvm->vcpu_array */
	____srcu_idx = 0;		/* only for kvm_vcpu_srcu_read_lock() */
	srcu_depth = 0;
	mode = 0;
	/** bits 0 to 31, and 32 to 63; only through kvm_make_request() and its neighbours */
	requests = 0;
	requests_hi = 0;
	guest_debug = 0;

	mutex = new struct_mutex();
	run: struct_kvm_run = null as unknown as struct_kvm_run;
	run_page: struct_page | null = null;

	wait = new struct_rcuwait();
	pid: struct_pid | null = null;
	sigset_active = 0;
	sigset = new sigset_t();
	halt_poll_ns = 0;
	valid_wakeup = false;

	mmio_needed = 0;
	mmio_read_completed = 0;
	mmio_is_write = 0;
	mmio_cur_fragment = 0;
	mmio_nr_fragments = 0;
	mmio_fragments = array_of(KVM_MAX_MMIO_FRAGMENTS, () => new struct_kvm_mmio_fragment());

	async_pf = new vcpu_async_pf();

	spin_loop = new vcpu_spin_loop();
	preempted = false;
	ready = false;
	arch = new struct_kvm_vcpu_arch();
	stat = new struct_kvm_vcpu_stat();
	stats_id = new Uint8Array(KVM_STATS_NAME_SIZE);
	dirty_ring = new struct_kvm_dirty_ring();

	/* the slot this vCPU used last, and the generation it belongs to */
	last_used_slot: struct_kvm_memory_slot | null = null;
	last_used_slot_gen = 0;

	readonly owner: object;
	constructor(owner: object) {
		this.owner = owner;
	}
}

/** From here on the task's time is its guest's. */
export function guest_timing_enter_irqoff(): void {
	vtime_account_guest_enter();
}

/**
 * RCU could take a guest for a quiescent state, as it takes user mode: KVM holds nothing of RCU's
 * there. It needs no telling here: nobody is inside a read section at a yield.
 */
export function guest_context_enter_irqoff(): void {
	context_tracking_guest_enter();
}

export function guest_enter_irqoff(): void {
	guest_timing_enter_irqoff();
	guest_context_enter_irqoff();
}

/** The guest runs with interrupts on, as lockdep sees it. */
export function guest_state_enter_irqoff(): void {
	guest_context_enter_irqoff();
	lockdep_hardirqs_on();
}

export function guest_context_exit_irqoff(): void {
	context_tracking_guest_exit();
}

export function guest_timing_exit_irqoff(): void {
	vtime_account_guest_exit();
}

export function guest_exit_irqoff(): void {
	guest_context_exit_irqoff();
	guest_timing_exit_irqoff();
}

export function guest_exit(): void {
	const flags = local_irq_save();
	guest_exit_irqoff();
	local_irq_restore(flags);
}

export function guest_state_exit_irqoff(): void {
	guest_context_exit_irqoff();
}

/** Returns the mode that was. */
export function kvm_vcpu_exiting_guest_mode(vcpu: struct_kvm_vcpu): number {
	smp_mb__before_atomic();
	const mode = vcpu.mode;
	if (mode === IN_GUEST_MODE)
		vcpu.mode = EXITING_GUEST_MODE;
	return mode;
}

/**
 * A slot. At rest it is in both sets of its address space, the active and the inactive one, so it
 * has two nodes of each kind; a change replaces it, in one set after the other, by a copy.
 */
export class struct_kvm_memory_slot {
	id_node = [new struct_hlist_node(this), new struct_hlist_node(this)];
	hva_node = [new struct_interval_tree_node(this), new struct_interval_tree_node(this)];
	gfn_node = [new struct_rb_node(this), new struct_rb_node(this)];
	base_gfn = gfn_t(0);
	npages: unsigned_long = 0;
	/** twice kvm_dirty_bitmap_bytes(): the second half is scratch */
	dirty_bitmap: Uint8Array | null = null;
	arch = new struct_kvm_arch_memory_slot();
	userspace_addr: unsigned_long = 0;
	flags = 0;
	id = 0;
	as_id = 0;
	/** What the slot's private memory comes from, with a reference. @hunk 2:2 */
	private_file: struct_file | null = null;
	private_offset: loff_t = 0n;
	notifier = new struct_inaccessible_notifier(this);
	/** The way back from a notifier. @hunk 8:1 */
	kvm: struct_kvm | null = null;
	/** KVM_PRIVATE_MEM_TESTING_BITMAP: pages that the guest accesses as shared; mmu_lock */
	shared_bitmap: Uint8Array | null = null;
}

export function kvm_slot_can_be_private(slot: struct_kvm_memory_slot | null): boolean {
	return slot !== null && (slot.flags & KVM_MEM_PRIVATE) !== 0;
}

export function kvm_slot_dirty_track_enabled(slot: struct_kvm_memory_slot): boolean {
	return (slot.flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0;
}

export function kvm_dirty_bitmap_bytes(memslot: struct_kvm_memory_slot): number {
	return ALIGN(memslot.npages, BITS_PER_LONG) / 8;
}

export function kvm_second_dirty_bitmap(memslot: struct_kvm_memory_slot): Uint8Array {
	const len = kvm_dirty_bitmap_bytes(memslot);

	return memslot.dirty_bitmap!.subarray(len);
}

/** One set of an address space's slots, by gfn, by hva and by id. */
export class struct_kvm_memslots {
	generation = 0;
	last_used_slot: struct_kvm_memory_slot | null = null;
	hva_tree = new struct_rb_root_cached();
	gfn_tree = new struct_rb_root();
	/* C: 7 bits; with all slots, chains of 256 cost more here, and empty buckets nothing */
	id_hash = DECLARE_HASHTABLE(11);
	/** which node of each pair is in this set */
	node_idx = 0;
}

/**
 * A virtual machine. @owner: the vendor's struct around it.
 *
 * slots_lock		memslots[], buses[]; readers use srcu
 * slots_arch_lock	the arch part of memslots, also inside srcu read sections, where slots_lock
 *			would deadlock with install_new_memslots()
 * mn_invalidate_lock	mn_active_invalidate_count
 * lock			created_vcpus, vm_list (with kvm_lock), devices; online_vcpus grows last
 * mmu_lock		mmu_invalidate_*, and what the architecture says
 */
export class struct_kvm {
	mmu_lock = new rwlock_t();

	slots_lock = new struct_mutex();

	slots_arch_lock = new struct_mutex();
	mm: struct_mm_struct | null = null;	/* its creator's, the only one that may use it */
	nr_memslot_pages: unsigned_long = 0;
	/* two sets per address space, and which of them is active */
	__memslots = array_of(KVM_ADDRESS_SPACE_NUM,
		() => [new struct_kvm_memslots(), new struct_kvm_memslots()]);
	memslots: struct_kvm_memslots[] = new Array<struct_kvm_memslots>(KVM_ADDRESS_SPACE_NUM)
		.fill(null as unknown as struct_kvm_memslots);
	vcpu_array = new struct_xarray();

	/* notifier ranges that are open, and who waits for their end */
	mn_invalidate_lock = new spinlock_t();
	mn_active_invalidate_count = 0;
	mn_memslots_update_rcuwait = new struct_rcuwait();

	gpc_lock = new spinlock_t();
	gpc_list = new struct_list_head(null);

	online_vcpus = new atomic_t();
	max_vcpus = 0;
	created_vcpus = 0;
	last_boosted_vcpu = 0;
	vm_list = new struct_list_head(this);
	lock = new struct_mutex();
	buses = new Array<struct_kvm_io_bus | null>(KVM_NR_BUSES).fill(null);
	stat = new struct_kvm_vm_stat();
	arch = new struct_kvm_arch();
	users_count = new refcount_t();
	coalesced_mmio_ring: struct_kvm_coalesced_mmio_ring | null = null;
	coalesced_mmio_page: struct_page | null = null;
	ring_lock = new spinlock_t();
	coalesced_zones = new struct_list_head(null);

	irq_lock = new struct_mutex();
	irq_routing: object | null = null;

	mmu_notifier = new struct_mmu_notifier({}, this);
	mmu_invalidate_seq = 0;
	mmu_invalidate_in_progress = 0;
	/* @hunk 4:1 */
	mmu_invalidate_range_start = gfn_t(0);
	mmu_invalidate_range_end = gfn_t(0);
	devices = new struct_list_head(null);
	manual_dirty_log_protect = 0;
	debugfs_dentry: object | null = null;
	debugfs_stat_data: object | null = null;
	srcu = new struct_srcu_struct();
	irq_srcu = new struct_srcu_struct();
	userspace_pid = 0;
	max_halt_poll_ns = 0;
	dirty_ring_size = 0;
	vm_bugged = false;
	vm_dead = false;

	stats_id = new Uint8Array(KVM_STATS_NAME_SIZE);
	/** By gfns: KVM_MEM_ATTR_SHARED; what has no entry is private; slots_lock. @hunk 5:2 */
	mem_attr_array = new struct_xarray();
	/** KVM_PRIVATE_MEM_TESTING_*, and whether it may be anything but OFF; slots_lock */
	private_mem_testing = 0;
	no_private_mem_testing = false;
	/** a vCPU was about to enter: private memory is not filled from shared memory any more */
	vm_entry_attempted = false;

	readonly owner: object;
	constructor(owner: object) {
		this.owner = owner;
	}
}

export function kvm_err(fmt: string, ...args: unknown[]): void {
	pr_err("kvm [%i]: " + fmt, current.pid, ...args);
}

export function kvm_info(fmt: string, ...args: unknown[]): void {
	pr_info("kvm [%i]: " + fmt, current.pid, ...args);
}

export function kvm_debug(fmt: string, ...args: unknown[]): void {
	pr_debug("kvm [%i]: " + fmt, current.pid, ...args);
}

export function kvm_debug_ratelimited(fmt: string, ...args: unknown[]): void {
	pr_debug_ratelimited("kvm [%i]: " + fmt, current.pid, ...args);
}

export function kvm_pr_unimpl(fmt: string, ...args: unknown[]): void {
	pr_err_ratelimited("kvm [%i]: " + fmt, current.tgid, ...args);
}

/** The guest did something that KVM does not support. */
export function vcpu_unimpl(vcpu: struct_kvm_vcpu, fmt: string, ...args: unknown[]): void {
	kvm_pr_unimpl("vcpu%i, guest rIP: 0x%lx " + fmt, vcpu.vcpu_id, kvm_rip_read(vcpu),
		...args);
}

export function vcpu_debug(vcpu: struct_kvm_vcpu, fmt: string, ...args: unknown[]): void {
	kvm_debug("vcpu%i " + fmt, vcpu.vcpu_id, ...args);
}

export function vcpu_debug_ratelimited(vcpu: struct_kvm_vcpu, fmt: string,
	...args: unknown[]): void {
	kvm_debug_ratelimited("vcpu%i " + fmt, vcpu.vcpu_id, ...args);
}

export function vcpu_err(vcpu: struct_kvm_vcpu, fmt: string, ...args: unknown[]): void {
	kvm_err("vcpu%i " + fmt, vcpu.vcpu_id, ...args);
}

export function kvm_vm_dead(kvm: struct_kvm): void {
	kvm.vm_dead = true;
	kvm_make_all_cpus_request(kvm, KVM_REQ_VM_DEAD);
}

export function kvm_vm_bugged(kvm: struct_kvm): void {
	kvm.vm_bugged = true;
	kvm_vm_dead(kvm);
}

export function KVM_BUG(cond: boolean, kvm: struct_kvm, fmt: string, ...args: unknown[]): boolean {
	if (cond) {
		cond = false;	/* see linux/bug/bug.ts */
		if (WARN_ONCE(!kvm.vm_bugged, fmt, ...args))
			kvm_vm_bugged(kvm);
		return true;
	}
	return false;
}

export function KVM_BUG_ON(cond: boolean, kvm: struct_kvm): boolean {
	if (cond) {
		cond = false;
		if (WARN_ON_ONCE(!kvm.vm_bugged))
			kvm_vm_bugged(kvm);
		return true;
	}
	return false;
}

export function kvm_vcpu_srcu_read_lock(vcpu: struct_kvm_vcpu): void {
	if (CONFIG_PROVE_LOCKING)
		WARN_ONCE(vcpu.srcu_depth++ !== 0,
			"KVM: Illegal vCPU srcu_idx LOCK, depth=%d", vcpu.srcu_depth - 1);
	vcpu.____srcu_idx = srcu_read_lock(vcpu.kvm.srcu);
}

export function kvm_vcpu_srcu_read_unlock(vcpu: struct_kvm_vcpu): void {
	srcu_read_unlock(vcpu.kvm.srcu, vcpu.____srcu_idx);

	if (CONFIG_PROVE_LOCKING)
		WARN_ONCE(--vcpu.srcu_depth !== 0,
			"KVM: Illegal vCPU srcu_idx UNLOCK, depth=%d", vcpu.srcu_depth);
}

export function kvm_dirty_log_manual_protect_and_init_set(kvm: struct_kvm): boolean {
	return (kvm.manual_dirty_log_protect & KVM_DIRTY_LOG_INITIALLY_SET) !== 0;
}

export function kvm_get_bus(kvm: struct_kvm, idx: kvm_bus): struct_kvm_io_bus | null {
	return srcu_dereference_check(kvm.buses[idx]!, kvm.srcu,
		lockdep_is_held(kvm.slots_lock) || refcount_read(kvm.users_count) === 0);
}

export function kvm_get_vcpu(kvm: struct_kvm, i: number): struct_kvm_vcpu | null {
	const num_vcpus = atomic_read(kvm.online_vcpus);
	if (i >= num_vcpus)	/* array_index_nospec() */
		i = 0;

	smp_rmb();
	return xa_load(kvm.vcpu_array, i) as struct_kvm_vcpu | null;
}

export function kvm_for_each_vcpu(kvm: struct_kvm,
	idx = new ref<number>(0)): IterableIterator<struct_kvm_vcpu> {
	const n = atomic_read(kvm.online_vcpus);

	/* C: (unsigned long)(n - 1) */
	return xa_for_each_range(kvm.vcpu_array, idx, 0, n === 0 ? XA_INDEX_MAX : n - 1) as
		IterableIterator<struct_kvm_vcpu>;
}

export function kvm_get_vcpu_by_id(kvm: struct_kvm, id: number): struct_kvm_vcpu | null {
	let vcpu: struct_kvm_vcpu | null = null;

	if (id < 0)
		return null;
	if (id < KVM_MAX_VCPUS)
		vcpu = kvm_get_vcpu(kvm, id);
	if (vcpu !== null && vcpu.vcpu_id === id)
		return vcpu;
	for (const vcpu of kvm_for_each_vcpu(kvm))
		if (vcpu.vcpu_id === id)
			return vcpu;
	return null;
}

export { kvm_destroy_vcpus } from "#kvm/kvm_main.ts";

export { vcpu_load, vcpu_put } from "#kvm/kvm_main.ts";

export function kvm_irqfd_init(): number {
	return 0;
}

export function kvm_irqfd_exit(): void {}

export { kvm_exit, kvm_init } from "#kvm/kvm_main.ts";

export { file_is_kvm, kvm_get_kvm, kvm_get_kvm_safe, kvm_put_kvm, kvm_put_kvm_no_destroy } from
	"#kvm/kvm_main.ts";

export function __kvm_memslots(kvm: struct_kvm, as_id: number): struct_kvm_memslots {
	/* the reason that there mostly is, first */
	if (srcu_read_lock_held(kvm.srcu))
		return kvm.memslots[as_id]!;

	return srcu_dereference_check(kvm.memslots[as_id]!, kvm.srcu,
		lockdep_is_held(kvm.slots_lock) || refcount_read(kvm.users_count) === 0);
}

export function kvm_memslots(kvm: struct_kvm): struct_kvm_memslots {
	return __kvm_memslots(kvm, 0);
}

export function kvm_vcpu_memslots(vcpu: struct_kvm_vcpu): struct_kvm_memslots {
	const as_id = kvm_arch_vcpu_memslots_id(vcpu);

	return __kvm_memslots(vcpu.kvm, as_id);
}

export function kvm_memslots_empty(slots: struct_kvm_memslots): boolean {
	return RB_EMPTY_ROOT(slots.gfn_tree);
}

export function* kvm_for_each_memslot(slots: struct_kvm_memslots):
	Generator<struct_kvm_memory_slot, void, void> {
	for (const memslot of hash_for_each(slots.id_hash, struct_kvm_memory_slot, "id_node"))
		if (!WARN_ON_ONCE(memslot.npages === 0))
			yield memslot;
}

/** container_of() of an id_node, hva_node or gfn_node, of either set. */
function slot_of(node: embedded): struct_kvm_memory_slot {
	const slot = node.owner;
	if (!(slot instanceof struct_kvm_memory_slot))
		BUG();
	return slot;
}

export function id_to_memslot(slots: struct_kvm_memslots, id: number):
	struct_kvm_memory_slot | null {
	/* C: hash_for_each_possible(); by hand, for chains of hundreds of slots */
	for (let n = hash_bucket(slots.id_hash, id).first; n !== null; n = n.next)
		if ((n.owner as struct_kvm_memory_slot).id === id)
			return slot_of(n);

	return null;
}

/** Walks the slots that overlap a range of gfns, in their order. */
export class struct_kvm_memslot_iter {
	slots: struct_kvm_memslots = null as unknown as struct_kvm_memslots;
	node: struct_rb_node | null = null;
	slot: struct_kvm_memory_slot = null as unknown as struct_kvm_memory_slot;
}

export function kvm_memslot_iter_next(iter: struct_kvm_memslot_iter): void {
	iter.node = rb_next(iter.node!);
	if (iter.node === null)
		return;

	iter.slot = slot_of(iter.node);
}

export function kvm_memslot_iter_start(iter: struct_kvm_memslot_iter, slots: struct_kvm_memslots,
	start: gfn_t): void {
	iter.slots = slots;

	/* the first slot that begins above start */
	iter.node = null;
	for (let tmp = slots.gfn_tree.rb_node; tmp !== null; ) {
		const slot = slot_of(tmp);
		if (start < slot.base_gfn) {
			iter.node = tmp;
			tmp = tmp.rb_left;
		} else {
			tmp = tmp.rb_right;
		}
	}

	/* the one below it, if there is one, may reach into the range */
	if (iter.node !== null) {
		const tmp = rb_prev(iter.node);
		if (tmp !== null)
			iter.node = tmp;
	} else {
		iter.node = rb_last(slots.gfn_tree);
	}

	if (iter.node !== null) {
		iter.slot = slot_of(iter.node);

		/* or it may end before; then the next one begins above start */
		if (iter.slot.base_gfn + iter.slot.npages <= start)
			kvm_memslot_iter_next(iter);
	}
}

export function kvm_memslot_iter_is_valid(iter: struct_kvm_memslot_iter, end: gfn_t): boolean {
	if (iter.node === null)
		return false;

	return iter.slot.base_gfn < end;
}

/** The slots that overlap [start, end), each also in iter.slot. */
export function* kvm_for_each_memslot_in_gfn_range(iter: struct_kvm_memslot_iter,
	slots: struct_kvm_memslots, start: gfn_t, end: gfn_t):
	Generator<struct_kvm_memory_slot, void, void> {
	for (kvm_memslot_iter_start(iter, slots, start);
		kvm_memslot_iter_is_valid(iter, end);
		kvm_memslot_iter_next(iter))
		yield iter.slot;
}

/* enum kvm_mr_change: what KVM_SET_USER_MEMORY_REGION amounts to */
export const KVM_MR_CREATE	= 0;
export const KVM_MR_DELETE	= 1;
export const KVM_MR_MOVE	= 2;
export const KVM_MR_FLAGS_ONLY	= 3;
export type kvm_mr_change = 0 | 1 | 2 | 3;

/* both take a struct kvm_user_mem_region. @hunk 2:3 */
export { __kvm_set_memory_region, kvm_set_memory_region } from "#kvm/kvm_main.ts";
export { kvm_arch_commit_memory_region, kvm_arch_flush_shadow_all, kvm_arch_flush_shadow_memslot,
	kvm_arch_free_memslot, kvm_arch_memslots_updated, kvm_arch_prepare_memory_region } from
	"#asm/kvm_host.ts";

export {
	__gfn_to_pfn_memslot, gfn_to_hva, gfn_to_hva_memslot, gfn_to_hva_memslot_prot,
	gfn_to_hva_prot, gfn_to_page, gfn_to_page_many_atomic, gfn_to_pfn, gfn_to_pfn_memslot,
	gfn_to_pfn_memslot_atomic, gfn_to_pfn_prot, kvm_release_page_clean, kvm_release_page_dirty,
	kvm_release_pfn, kvm_release_pfn_clean, kvm_release_pfn_dirty, kvm_set_pfn_accessed,
	kvm_set_pfn_dirty,
} from "#kvm/kvm_main.ts";

export {
	kvm_gfn_to_hva_cache_init, kvm_read_guest, kvm_read_guest_cached,
	kvm_read_guest_offset_cached, kvm_read_guest_page, kvm_write_guest,
	kvm_write_guest_cached, kvm_write_guest_offset_cached, kvm_write_guest_page,
} from "#kvm/kvm_main.ts";

export {
	gfn_to_memslot, kvm_host_page_size, kvm_is_visible_gfn, kvm_vcpu_is_visible_gfn,
	mark_page_dirty, mark_page_dirty_in_slot,
} from "#kvm/kvm_main.ts";

export {
	kvm_vcpu_gfn_to_hva, kvm_vcpu_gfn_to_hva_prot, kvm_vcpu_gfn_to_memslot,
	kvm_vcpu_gfn_to_pfn, kvm_vcpu_gfn_to_pfn_atomic, kvm_vcpu_map, kvm_vcpu_mark_page_dirty,
	kvm_vcpu_read_guest, kvm_vcpu_read_guest_atomic, kvm_vcpu_read_guest_page, kvm_vcpu_unmap,
	kvm_vcpu_write_guest, kvm_vcpu_write_guest_page,
} from "#kvm/kvm_main.ts";

export { kvm_sigset_activate, kvm_sigset_deactivate } from "#kvm/kvm_main.ts";

export { kvm_arch_vcpu_blocking, kvm_arch_vcpu_unblocking } from "#asm/kvm_host.ts";
export { kvm_vcpu_block, kvm_vcpu_halt, kvm_vcpu_kick, kvm_vcpu_on_spin, kvm_vcpu_wake_up,
	kvm_vcpu_yield_to } from "#kvm/kvm_main.ts";

export { kvm_flush_remote_tlbs } from "#kvm/kvm_main.ts";

export { __kvm_mmu_topup_memory_cache, kvm_mmu_free_memory_cache, kvm_mmu_memory_cache_alloc,
	kvm_mmu_memory_cache_nr_free_objects, kvm_mmu_topup_memory_cache } from "#kvm/kvm_main.ts";

/* of gfns. @hunk 4:2 */
export { kvm_mmu_invalidate_begin, kvm_mmu_invalidate_end } from "#kvm/kvm_main.ts";

export { kvm_arch_dev_ioctl, kvm_arch_vcpu_fault, kvm_arch_vcpu_ioctl,
	kvm_vm_ioctl_check_extension } from "#asm/kvm_host.ts";

export { kvm_arch_mmu_enable_log_dirty_pt_masked, kvm_arch_flush_remote_tlbs_memslot } from
	"#asm/kvm_host.ts";
export { kvm_arch_sync_dirty_log } from "#asm/kvm_host.ts";

export { kvm_arch_vm_ioctl, kvm_vm_ioctl_enable_cap, kvm_vm_ioctl_irq_line } from
	"#asm/kvm_host.ts";

export { kvm_arch_vcpu_ioctl_get_fpu, kvm_arch_vcpu_ioctl_set_fpu } from "#asm/kvm_host.ts";

export { kvm_arch_vcpu_ioctl_translate } from "#asm/kvm_host.ts";

export {
	kvm_arch_vcpu_ioctl_get_mpstate, kvm_arch_vcpu_ioctl_get_regs,
	kvm_arch_vcpu_ioctl_get_sregs, kvm_arch_vcpu_ioctl_run,
	kvm_arch_vcpu_ioctl_set_guest_debug, kvm_arch_vcpu_ioctl_set_mpstate,
	kvm_arch_vcpu_ioctl_set_regs, kvm_arch_vcpu_ioctl_set_sregs,
} from "#asm/kvm_host.ts";

export { kvm_arch_exit, kvm_arch_init } from "#asm/kvm_host.ts";

export { kvm_arch_sched_in } from "#asm/kvm_host.ts";

export {
	kvm_arch_vcpu_create, kvm_arch_vcpu_destroy, kvm_arch_vcpu_load, kvm_arch_vcpu_postcreate,
	kvm_arch_vcpu_precreate, kvm_arch_vcpu_put,
} from "#asm/kvm_host.ts";

/** arch/x86/kvm/debugfs.c, which is not there: debugfs has no KVM files. */
export function kvm_arch_create_vcpu_debugfs(_vcpu: struct_kvm_vcpu,
	_debugfs_dentry: object | null): void {}

export {
	kvm_arch_check_processor_compat, kvm_arch_dy_has_pending_interrupt, kvm_arch_dy_runnable,
	kvm_arch_hardware_disable, kvm_arch_hardware_enable, kvm_arch_hardware_setup,
	kvm_arch_hardware_unsetup, kvm_arch_vcpu_in_kernel, kvm_arch_vcpu_runnable,
	kvm_arch_vcpu_should_kick,
} from "#asm/kvm_host.ts";
export { kvm_arch_post_init_vm, kvm_arch_pre_destroy_vm } from "#asm/kvm_host.ts";
/* @hunk 5:3 */
export { kvm_arch_has_private_mem } from "#kvm/kvm_main.ts";
export function kvm_arch_create_vm_debugfs(_kvm: struct_kvm): number {
	return 0;
}

export { kvm_arch_alloc_vm, kvm_arch_flush_remote_tlb } from "#asm/kvm_host.ts";
export { kvm_arch_free_vm } from "#asm/kvm_host.ts";

export { kvm_arch_has_noncoherent_dma, kvm_arch_register_noncoherent_dma,
	kvm_arch_unregister_noncoherent_dma } from "#asm/kvm_host.ts";
export { kvm_arch_end_assignment, kvm_arch_has_assigned_device, kvm_arch_start_assignment } from
	"#asm/kvm_host.ts";

export function kvm_arch_vcpu_get_wait(vcpu: struct_kvm_vcpu): struct_rcuwait {
	return vcpu.wait;
}

/** Without statistics. True: the vCPU was blocking and is awake now. */
export function __kvm_vcpu_wake_up(vcpu: struct_kvm_vcpu): boolean {
	return rcuwait_wake_up(kvm_arch_vcpu_get_wait(vcpu)) !== 0;
}

export function kvm_vcpu_is_blocking(vcpu: struct_kvm_vcpu): boolean {
	return rcuwait_active(kvm_arch_vcpu_get_wait(vcpu));
}

export function kvm_arch_intc_initialized(_kvm: struct_kvm): boolean {
	return true;
}

export function kvm_register_perf_callbacks(_ign: unknown): void {}
export function kvm_unregister_perf_callbacks(): void {}

export { kvm_arch_destroy_vm, kvm_arch_init_vm, kvm_arch_sync_events } from
	"#asm/kvm_host.ts";

export { kvm_cpu_has_pending_timer } from "#asm/kvm_host.ts";

export { kvm_is_zone_device_page, kvm_pfn_to_refcounted_page } from "#kvm/kvm_main.ts";

/** @slot if it contains @gfn. */
export function try_get_memslot(slot: struct_kvm_memory_slot | null, gfn: gfn_t):
	struct_kvm_memory_slot | null {
	if (slot === null)
		return null;

	if (gfn >= slot.base_gfn && gfn < slot.base_gfn + slot.npages)
		return slot;
	else
		return null;
}

/** With @approx: for a @gfn in a hole, one of the slots beside the hole. */
export function search_memslots(slots: struct_kvm_memslots, gfn: gfn_t, approx: boolean):
	struct_kvm_memory_slot | null {
	let slot: struct_kvm_memory_slot | null = null;

	for (let node = slots.gfn_tree.rb_node; node !== null; ) {
		slot = slot_of(node);
		if (gfn >= slot.base_gfn) {
			if (gfn < slot.base_gfn + slot.npages)
				return slot;
			node = node.rb_right;
		} else {
			node = node.rb_left;
		}
	}

	return approx ? slot : null;
}

export function ____gfn_to_memslot(slots: struct_kvm_memslots, gfn: gfn_t, approx: boolean):
	struct_kvm_memory_slot | null {
	let slot = slots.last_used_slot;
	slot = try_get_memslot(slot, gfn);
	if (slot !== null)
		return slot;

	slot = search_memslots(slots, gfn, approx);
	if (slot !== null) {
		slots.last_used_slot = slot;
		return slot;
	}

	return null;
}

export function __gfn_to_memslot(slots: struct_kvm_memslots, gfn: gfn_t):
	struct_kvm_memory_slot | null {
	return ____gfn_to_memslot(slots, gfn, false);
}

export function __gfn_to_hva_memslot(slot: struct_kvm_memory_slot, gfn: gfn_t): hva_t {
	const offset = gfn - slot.base_gfn;
	return hva_t(slot.userspace_addr + offset * PAGE_SIZE);
}

export function memslot_id(kvm: struct_kvm, gfn: gfn_t): number {
	return gfn_to_memslot(kvm, gfn)!.id;
}

export function hva_to_gfn_memslot(hva: hva_t | unsigned_long, slot: struct_kvm_memory_slot):
	gfn_t {
	const gfn_offset = ul_shr(hva - slot.userspace_addr, PAGE_SHIFT);

	return gfn_t(slot.base_gfn + gfn_offset);
}

export function gfn_to_gpa(gfn: gfn_t): gpa_t {
	return gpa_t(gfn * PAGE_SIZE);
}

const INV_PAGE_SIZE = 1 / PAGE_SIZE;

export function gpa_to_gfn(gpa: gpa_t): gfn_t {
	const gfn = gpa * INV_PAGE_SIZE;

	return gfn_t(gfn <= 0x7fffffff ? gfn | 0 : Math.floor(gfn));
}

export function pfn_to_hpa(pfn: kvm_pfn_t): hpa_t {
	return hpa_t(pfn * PAGE_SIZE);
}

export function kvm_is_error_gpa(kvm: struct_kvm, gpa: gpa_t): boolean {
	const hva = gfn_to_hva(kvm, gpa_to_gfn(gpa));

	return kvm_is_error_hva(hva);
}

/**
 * What a statistics fd says about one counter; `path` leads to it from the stat struct. desc.offset
 * is set by KVM_STATS_DESCS(), from the order of the descriptors.
 */
export interface struct__kvm_stats_desc {
	desc: {
		flags: number; exponent: number; size: number; offset: number;
		bucket_size: number;
	};
	name: string;
	path: readonly string[];
}

export type kvm_stats_scope = "VM" | "VM_GENERIC" | "VCPU" | "VCPU_GENERIC";

export function STATS_DESC(scope: kvm_stats_scope, stat: string, type: number, unit: number,
	base: number, exp: number, sz: number, bsz: number): struct__kvm_stats_desc {
	return {
		desc: {
			flags: (type & KVM_STATS_TYPE_MASK) | (unit & KVM_STATS_UNIT_MASK) |
				(base & KVM_STATS_BASE_MASK),
			exponent: exp,
			size: sz,
			offset: 0,
			bucket_size: bsz,
		},
		name: stat,
		path: scope.endsWith("_GENERIC") ? ["generic", stat] : [stat],
	};
}

/** The table of a scope: `kvm_vm_stats_desc = KVM_STATS_DESCS(...)`. */
export function KVM_STATS_DESCS(...descs: struct__kvm_stats_desc[]): struct__kvm_stats_desc[] {
	let offset = 0;

	for (const d of descs) {
		d.desc.offset = offset;
		offset += d.desc.size * 8;
	}
	return descs;
}

export function STATS_DESC_CUMULATIVE(scope: kvm_stats_scope, name: string, unit: number,
	base: number, exponent: number): struct__kvm_stats_desc {
	return STATS_DESC(scope, name, KVM_STATS_TYPE_CUMULATIVE, unit, base, exponent, 1, 0);
}

export function STATS_DESC_INSTANT(scope: kvm_stats_scope, name: string, unit: number,
	base: number, exponent: number): struct__kvm_stats_desc {
	return STATS_DESC(scope, name, KVM_STATS_TYPE_INSTANT, unit, base, exponent, 1, 0);
}

export function STATS_DESC_PEAK(scope: kvm_stats_scope, name: string, unit: number,
	base: number, exponent: number): struct__kvm_stats_desc {
	return STATS_DESC(scope, name, KVM_STATS_TYPE_PEAK, unit, base, exponent, 1, 0);
}

export function STATS_DESC_LINEAR_HIST(scope: kvm_stats_scope, name: string, unit: number,
	base: number, exponent: number, sz: number, bsz: number): struct__kvm_stats_desc {
	return STATS_DESC(scope, name, KVM_STATS_TYPE_LINEAR_HIST, unit, base, exponent, sz, bsz);
}

export function STATS_DESC_LOG_HIST(scope: kvm_stats_scope, name: string, unit: number,
	base: number, exponent: number, sz: number): struct__kvm_stats_desc {
	return STATS_DESC(scope, name, KVM_STATS_TYPE_LOG_HIST, unit, base, exponent, sz, 0);
}

export function STATS_DESC_COUNTER(scope: kvm_stats_scope, name: string):
	struct__kvm_stats_desc {
	return STATS_DESC_CUMULATIVE(scope, name, KVM_STATS_UNIT_NONE, KVM_STATS_BASE_POW10, 0);
}

export function STATS_DESC_ICOUNTER(scope: kvm_stats_scope, name: string):
	struct__kvm_stats_desc {
	return STATS_DESC_INSTANT(scope, name, KVM_STATS_UNIT_NONE, KVM_STATS_BASE_POW10, 0);
}

export function STATS_DESC_PCOUNTER(scope: kvm_stats_scope, name: string):
	struct__kvm_stats_desc {
	return STATS_DESC_PEAK(scope, name, KVM_STATS_UNIT_NONE, KVM_STATS_BASE_POW10, 0);
}

export function STATS_DESC_IBOOLEAN(scope: kvm_stats_scope, name: string):
	struct__kvm_stats_desc {
	return STATS_DESC_INSTANT(scope, name, KVM_STATS_UNIT_BOOLEAN, KVM_STATS_BASE_POW10, 0);
}

export function STATS_DESC_PBOOLEAN(scope: kvm_stats_scope, name: string):
	struct__kvm_stats_desc {
	return STATS_DESC_PEAK(scope, name, KVM_STATS_UNIT_BOOLEAN, KVM_STATS_BASE_POW10, 0);
}

export function STATS_DESC_TIME_NSEC(scope: kvm_stats_scope, name: string):
	struct__kvm_stats_desc {
	return STATS_DESC_CUMULATIVE(scope, name, KVM_STATS_UNIT_SECONDS, KVM_STATS_BASE_POW10,
		-9);
}

export function STATS_DESC_LINHIST_TIME_NSEC(scope: kvm_stats_scope, name: string, sz: number,
	bsz: number): struct__kvm_stats_desc {
	return STATS_DESC_LINEAR_HIST(scope, name, KVM_STATS_UNIT_SECONDS, KVM_STATS_BASE_POW10,
		-9, sz, bsz);
}

export function STATS_DESC_LOGHIST_TIME_NSEC(scope: kvm_stats_scope, name: string, sz: number):
	struct__kvm_stats_desc {
	return STATS_DESC_LOG_HIST(scope, name, KVM_STATS_UNIT_SECONDS, KVM_STATS_BASE_POW10, -9,
		sz);
}

export function KVM_GENERIC_VM_STATS(): struct__kvm_stats_desc[] {
	return [
		STATS_DESC_COUNTER("VM_GENERIC", "remote_tlb_flush"),
		STATS_DESC_COUNTER("VM_GENERIC", "remote_tlb_flush_requests"),
	];
}

export function KVM_GENERIC_VCPU_STATS(): struct__kvm_stats_desc[] {
	return [
		STATS_DESC_COUNTER("VCPU_GENERIC", "halt_successful_poll"),
		STATS_DESC_COUNTER("VCPU_GENERIC", "halt_attempted_poll"),
		STATS_DESC_COUNTER("VCPU_GENERIC", "halt_poll_invalid"),
		STATS_DESC_COUNTER("VCPU_GENERIC", "halt_wakeup"),
		STATS_DESC_TIME_NSEC("VCPU_GENERIC", "halt_poll_success_ns"),
		STATS_DESC_TIME_NSEC("VCPU_GENERIC", "halt_poll_fail_ns"),
		STATS_DESC_TIME_NSEC("VCPU_GENERIC", "halt_wait_ns"),
		STATS_DESC_LOGHIST_TIME_NSEC("VCPU_GENERIC", "halt_poll_success_hist",
			HALT_POLL_HIST_COUNT),
		STATS_DESC_LOGHIST_TIME_NSEC("VCPU_GENERIC", "halt_poll_fail_hist",
			HALT_POLL_HIST_COUNT),
		STATS_DESC_LOGHIST_TIME_NSEC("VCPU_GENERIC", "halt_wait_hist",
			HALT_POLL_HIST_COUNT),
		STATS_DESC_IBOOLEAN("VCPU_GENERIC", "blocking"),
	];
}

export { kvm_stats_read } from "#kvm/binary_stats.ts";

export function KVM_STATS_LINEAR_HIST_UPDATE(array: number[], value: number, bsize: number): void {
	let index = Math.floor(value / bsize);

	index = Math.min(index, array.length - 1);
	array[index]!++;
}

export function KVM_STATS_LOG_HIST_UPDATE(array: number[], value: number): void {
	let index = fls64(value);

	index = Math.min(index, array.length - 1);
	array[index]!++;
}

export { kvm_vcpu_stats_desc, kvm_vcpu_stats_header, kvm_vm_stats_desc, kvm_vm_stats_header } from
	"#asm/kvm_host.ts";

/** True: what was looked up when the sequence was @mmu_seq may be stale. */
export function mmu_invalidate_retry(kvm: struct_kvm, mmu_seq: number): boolean {
	if (kvm.mmu_invalidate_in_progress !== 0)
		return true;
	/* in_progress before seq; pairs with smp_wmb() in kvm_mmu_invalidate_end() */
	smp_rmb();
	if (kvm.mmu_invalidate_seq !== mmu_seq)
		return true;
	return false;
}

/** The same for one gfn. @hunk 4:3 4:4 */
export function mmu_invalidate_retry_gfn(kvm: struct_kvm, mmu_seq: number, gfn: gfn_t): boolean {
	/* C: lockdep_assert_held(&kvm->mmu_lock) */
	lockdep_assert_id_held(kvm.mmu_lock.lock_id, kvm.mmu_lock.dep);
	/*
	 * The range covers all invalidations in progress, and with several of them maybe more
	 * than those.
	 */
	if (kvm.mmu_invalidate_in_progress !== 0 &&
	    gfn >= kvm.mmu_invalidate_range_start &&
	    gfn < kvm.mmu_invalidate_range_end)
		return true;
	if (kvm.mmu_invalidate_seq !== mmu_seq)
		return true;
	return false;
}

export function kvm_free_irq_routing(_kvm: struct_kvm): void {}

export function kvm_eventfd_init(_kvm: struct_kvm): void {}

export function kvm_irqfd(_kvm: struct_kvm, _args: struct_kvm_irqfd): number {
	return -EINVAL;
}

export function kvm_irqfd_release(_kvm: struct_kvm): void {}

export function kvm_irq_routing_update(_kvm: struct_kvm): void {}

export function kvm_ioeventfd(_kvm: struct_kvm, _args: struct_kvm_ioeventfd): number {
	return -ENOSYS;
}

export function __kvm_make_request(req: number, vcpu: struct_kvm_vcpu): void {
	/* what the request is about is visible first; pairs with kvm_check_request() */
	smp_wmb();
	const nr = req & KVM_REQUEST_MASK;
	if (nr < 32)
		vcpu.requests |= 1 << nr;
	else
		vcpu.requests_hi |= 1 << nr;
}

/** Not for KVM_REQUEST_NO_ACTION: nobody would clear it. */
export function kvm_make_request(req: number, vcpu: struct_kvm_vcpu): void {
	__kvm_make_request(req, vcpu);
}

export function kvm_request_pending(vcpu: struct_kvm_vcpu): boolean {
	return READ_ONCE((vcpu.requests | vcpu.requests_hi) !== 0);
}

export function kvm_test_request(req: number, vcpu: struct_kvm_vcpu): boolean {
	const nr = req & KVM_REQUEST_MASK;
	return ((nr < 32 ? vcpu.requests : vcpu.requests_hi) & (1 << nr)) !== 0;
}

export function kvm_clear_request(req: number, vcpu: struct_kvm_vcpu): void {
	const nr = req & KVM_REQUEST_MASK;
	if (nr < 32)
		vcpu.requests &= ~(1 << nr);
	else
		vcpu.requests_hi &= ~(1 << nr);
}

export function kvm_check_request(req: number, vcpu: struct_kvm_vcpu): boolean {
	if (kvm_test_request(req, vcpu)) {
		kvm_clear_request(req, vcpu);

		/* what the request is about is read after this; pairs with kvm_make_request() */
		smp_mb__after_atomic();
		return true;
	} else {
		return false;
	}
}

export { kvm_rebooting } from "#kvm/kvm_main.ts";

export { halt_poll_ns, halt_poll_ns_grow, halt_poll_ns_grow_start, halt_poll_ns_shrink } from
	"#kvm/kvm_main.ts";

export function kvm_vcpu_set_in_spin_loop(vcpu: struct_kvm_vcpu, val: boolean): void {
	if (!CONFIG_HAVE_KVM_CPU_RELAX_INTERCEPT)
		return;
	vcpu.spin_loop.in_spin_loop = val;
}

export function kvm_vcpu_set_dy_eligible(vcpu: struct_kvm_vcpu, val: boolean): void {
	if (!CONFIG_HAVE_KVM_CPU_RELAX_INTERCEPT)
		return;
	vcpu.spin_loop.dy_eligible = val;
}

export function kvm_is_visible_memslot(memslot: struct_kvm_memory_slot | null): boolean {
	return memslot !== null && memslot.id < KVM_USER_MEM_SLOTS &&
		(memslot.flags & KVM_MEMSLOT_INVALID) === 0;
}

export { kvm_get_running_vcpu, kvm_get_running_vcpus } from "#kvm/kvm_main.ts";

/** HAVE_KVM_INVALID_WAKEUPS is off. */
export function vcpu_valid_wakeup(_vcpu: struct_kvm_vcpu): boolean {
	return true;
}

export { kvm_arch_no_poll } from "#asm/kvm_host.ts";

/** HAVE_KVM_VCPU_ASYNC_IOCTL is off. */
export function kvm_arch_vcpu_async_ioctl(_filp: unknown, _ioctl: number,
	_arg: unknown): number {
	return -ENOIOCTLCMD;
}

export { kvm_arch_guest_memory_reclaimed, kvm_arch_mmu_notifier_invalidate_range } from
	"#asm/kvm_host.ts";

/** HAVE_KVM_VCPU_RUN_PID_CHANGE is off. */
export function kvm_arch_vcpu_run_pid_change(_vcpu: struct_kvm_vcpu): number {
	return 0;
}

/** A generator where the thread sleeps. */
export type kvm_vm_thread_fn_t = (kvm: struct_kvm, data: unknown) =>
	number | Generator<void, number, void>;

export { kvm_vm_create_worker_thread } from "#kvm/kvm_main.ts";

export function kvm_handle_signal_exit(vcpu: struct_kvm_vcpu): void {
	vcpu.run.exit_reason = KVM_EXIT_INTR;
	vcpu.stat.signal_exits++;
}

/* attributes of guest memory. @hunk 6:1 */
export const KVM_MEM_ATTR_SHARED	= 0x0001;
export const KVM_MEM_ATTR_PRIVATE	= 0x0002;

/* empty where __KVM_HAVE_ARCH_UPDATE_MEM_ATTR is not */
export { kvm_arch_pre_update_mem_attr, kvm_arch_update_mem_attr } from "#asm/kvm_host.ts";

const private_pfnt = new ref<pfn_t>(null as unknown as pfn_t);

/** The page behind @gfn of a private slot, with a reference; 0 or -errno. @hunk 7:1 */
export function kvm_private_mem_get_pfn(slot: struct_kvm_memory_slot, gfn: gfn_t,
	pfn: ref<kvm_pfn_t>, order: ref<number>): number {
	const index = pgoff_t(gfn - slot.base_gfn + loff_to_pgoff(slot.private_offset));

	const ret = inaccessible_get_pfn(slot.private_file!, index, private_pfnt, order);
	/* XXX: of a failure there is none */
	if (!ret)
		pfn.v = kvm_pfn_t(pfn_t_to_pfn(private_pfnt.v));
	return ret;
}

export function kvm_private_mem_put_pfn(slot: struct_kvm_memory_slot, pfn: kvm_pfn_t): void {
	inaccessible_put_pfn(slot.private_file!, pfn_to_pfn_t(pfn_nr(pfn)));
}

export function kvm_mem_is_private(kvm: struct_kvm, gfn: gfn_t): boolean {
	if (!IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
		return false;
	return xa_load(kvm.mem_attr_array, pgoff_t(gfn)) === null;
}

export { kvm_mem_attr_end, kvm_mem_attr_prepare, kvm_mem_attr_set } from "#kvm/mem_attr.ts";

/* CONFIG_HAVE_KVM_PRIVATE_MEM_TESTING */
export {
	kvm_alloc_shared_bitmap, kvm_destroy_shared_bitmap, kvm_populate_private_mem_testing,
	kvm_private_mem_access_testing, kvm_private_mem_testing_disable,
	kvm_private_mem_testing_init_vm, kvm_set_mem_access_testing,
	kvm_vm_ioctl_enable_private_mem_testing,
} from "#kvm/private_mem_testing.ts";
