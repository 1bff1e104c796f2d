// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults: a worker brings the page in while the vCPU does something else.
 *
 * Upstream: virt/kvm/async_pf.c. Left out: KVM_ASYNC_PF_SYNC, which s390 selects.
 *
 * A work item is on vcpu.async_pf.queue from its start until the vCPU takes note of its end, and,
 * once the worker is through with it, on vcpu.async_pf.done too; the lock is for the latter.
 */
import { container_of } from "#asm-generic/owner.ts";
import { ref, type gpa_t, type hva_t } from "#asm-generic/types.ts";
import { ENOMEM } from "#linux/errno.ts";
import { GFP_ATOMIC, GFP_NOWAIT, __GFP_NOWARN } from "#linux/gfp_types.ts";
import { kvm_get_kvm, kvm_is_error_hva, kvm_put_kvm, __kvm_vcpu_wake_up, struct_kvm_async_pf,
	type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del, list_empty, list_empty_careful,
	list_first_entry } from "#linux/list.ts";
import { FOLL_WRITE } from "#linux/mm.const.ts";
import { get_user_pages_remote } from "#linux/mm.ts";
import { mmap_read_lock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import { mmget, mmput } from "#linux/sched/mm.ts";
import { current, might_sleep } from "#linux/sched.ts";
import { KMEM_CACHE, kmem_cache_destroy, kmem_cache_free, kmem_cache_zalloc,
	type struct_kmem_cache } from "#linux/slab.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "#linux/spinlock.ts";
import { trace_kvm_async_pf_completed } from "#linux/trace/events/kvm.ts";
import { INIT_WORK, cancel_work_sync, schedule_work, type struct_work_struct } from
	"#linux/workqueue.ts";
import { ASYNC_PF_PER_VCPU, kvm_arch_async_page_not_present, kvm_arch_async_page_present,
	kvm_arch_async_page_present_queued, kvm_arch_async_page_ready,
	kvm_arch_can_dequeue_async_page_present, type struct_kvm_arch_async_pf } from
	"#asm/kvm_host.ts";

let async_pf_cache: struct_kmem_cache<struct_kvm_async_pf> | null = null;

/** virt/kvm/async_pf.c:kvm_async_pf_init() */
export function kvm_async_pf_init(): number {
	async_pf_cache = KMEM_CACHE(struct_kvm_async_pf, 0);

	if (!async_pf_cache)
		return -ENOMEM;

	return 0;
}

/** virt/kvm/async_pf.c:kvm_async_pf_deinit() */
export function kvm_async_pf_deinit(): void {
	kmem_cache_destroy(async_pf_cache);
	async_pf_cache = null;
}

/** virt/kvm/async_pf.c:kvm_async_pf_vcpu_init() */
export function kvm_async_pf_vcpu_init(vcpu: struct_kvm_vcpu): void {
	INIT_LIST_HEAD(vcpu.async_pf.done);
	INIT_LIST_HEAD(vcpu.async_pf.queue);
	spin_lock_init(vcpu.async_pf.lock, "&vcpu->async_pf.lock");
}

/** virt/kvm/async_pf.c:async_pf_execute(): the worker. */
function async_pf_execute(work: struct_work_struct): void {
	const apf = container_of(work, struct_kvm_async_pf, "work");
	const mm = apf.mm!;
	const vcpu = apf.vcpu!;
	const addr = apf.addr;
	const cr2_or_gpa = apf.cr2_or_gpa;
	const locked = new ref(1);

	might_sleep();

	/* the mm is not this task's */
	mmap_read_lock(mm);
	get_user_pages_remote(mm, addr, 1, FOLL_WRITE, null, null, locked);
	if (locked.v)
		mmap_read_unlock(mm);

	spin_lock(vcpu.async_pf.lock);
	const first = list_empty(vcpu.async_pf.done);
	list_add_tail(apf.link, vcpu.async_pf.done);
	apf.vcpu = null;
	spin_unlock(vcpu.async_pf.lock);

	if (first)
		kvm_arch_async_page_present_queued(vcpu);

	/* from here on kvm_check_async_pf_completion() may free apf */

	trace_kvm_async_pf_completed(addr, cr2_or_gpa);

	__kvm_vcpu_wake_up(vcpu);

	mmput(mm);
	kvm_put_kvm(vcpu.kvm);
}

/** virt/kvm/async_pf.c:kvm_clear_async_pf_completion_queue() */
export function kvm_clear_async_pf_completion_queue(vcpu: struct_kvm_vcpu): void {
	spin_lock(vcpu.async_pf.lock);

	/* those whose worker has not run, or is at it */
	while (!list_empty(vcpu.async_pf.queue)) {
		const work = list_first_entry(vcpu.async_pf.queue, struct_kvm_async_pf, "queue");
		list_del(work.queue);

		/* it is on the done list already */
		if (!work.vcpu)
			continue;

		spin_unlock(vcpu.async_pf.lock);
		if (cancel_work_sync(work.work)) {
			mmput(work.mm!);
			kvm_put_kvm(vcpu.kvm); /* == work->vcpu->kvm */
			kmem_cache_free(async_pf_cache!, work);
		}
		spin_lock(vcpu.async_pf.lock);
	}

	while (!list_empty(vcpu.async_pf.done)) {
		const work = list_first_entry(vcpu.async_pf.done, struct_kvm_async_pf, "link");
		list_del(work.link);
		kmem_cache_free(async_pf_cache!, work);
	}
	spin_unlock(vcpu.async_pf.lock);

	vcpu.async_pf.queued = 0;
}

/** virt/kvm/async_pf.c:kvm_check_async_pf_completion() */
export function kvm_check_async_pf_completion(vcpu: struct_kvm_vcpu): void {
	while (!list_empty_careful(vcpu.async_pf.done) &&
	      kvm_arch_can_dequeue_async_page_present(vcpu)) {
		spin_lock(vcpu.async_pf.lock);
		const work = list_first_entry(vcpu.async_pf.done, struct_kvm_async_pf, "link");
		list_del(work.link);
		spin_unlock(vcpu.async_pf.lock);

		kvm_arch_async_page_ready(vcpu, work);
		kvm_arch_async_page_present(vcpu, work);

		list_del(work.queue);
		vcpu.async_pf.queued--;
		kmem_cache_free(async_pf_cache!, work);
	}
}

/**
 * virt/kvm/async_pf.c:kvm_setup_async_pf()
 *
 * False: the fault has to be handled at once.
 */
export function kvm_setup_async_pf(vcpu: struct_kvm_vcpu, cr2_or_gpa: gpa_t, hva: hva_t,
	arch: struct_kvm_arch_async_pf): boolean {
	if (vcpu.async_pf.queued >= ASYNC_PF_PER_VCPU)
		return false;

	/* the architecture's code is not to come here with such an address */
	if (kvm_is_error_hva(hva))
		return false;

	/* without sleeping: sleep there may be, but then rather for the page itself */
	const work = kmem_cache_zalloc(async_pf_cache!, GFP_NOWAIT | __GFP_NOWARN);
	if (!work)
		return false;

	work.wakeup_all = false;
	work.vcpu = vcpu;
	work.cr2_or_gpa = cr2_or_gpa;
	work.addr = hva;
	Object.assign(work.arch, arch);
	work.mm = current.mm;
	mmget(work.mm!);
	kvm_get_kvm(work.vcpu.kvm);

	INIT_WORK(work.work, async_pf_execute, "&work->work");

	list_add_tail(work.queue, vcpu.async_pf.queue);
	vcpu.async_pf.queued++;
	work.notpresent_injected = kvm_arch_async_page_not_present(vcpu, work);

	schedule_work(work.work);

	return true;
}

/** virt/kvm/async_pf.c:kvm_async_pf_wakeup_all() */
export function kvm_async_pf_wakeup_all(vcpu: struct_kvm_vcpu): number {
	if (!list_empty_careful(vcpu.async_pf.done))
		return 0;

	const work = kmem_cache_zalloc(async_pf_cache!, GFP_ATOMIC);
	if (!work)
		return -ENOMEM;

	work.wakeup_all = true;
	INIT_LIST_HEAD(work.queue); /* it is in no list, but will be taken out of one */

	spin_lock(vcpu.async_pf.lock);
	const first = list_empty(vcpu.async_pf.done);
	list_add_tail(work.link, vcpu.async_pf.done);
	spin_unlock(vcpu.async_pf.lock);

	if (first)
		kvm_arch_async_page_present_queued(vcpu);

	vcpu.async_pf.queued++;
	return 0;
}
