// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encrypted guests on AMD: address space identifiers, and regions of guest memory that are pinned.
 *
 * Upstream: arch/x86/kvm/svm/sev.c. A SEV VM is an SVM VM with an ASID of its own: the model does
 * not encrypt. Left out: loading and measuring, debug access, secrets, attestation, migration and
 * mirrors (KVM_SEV_* other than INIT, LAUNCH_START and GUEST_STATUS: -EINVAL), SEV-ES, the cgroup
 * that counts ASIDs.
 *
 * kvm->lock		sev_info; regions_list
 *   sev_bitmap_lock	the two bitmaps of ASIDs, svm_data's sev_vmcbs
 *     sev_deactivate_lock	for write: while caches are flushed and ASIDs recycled
 */
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { sizeof } from "#asm-generic/struct.ts";
import { INT_MAX, ref, U64_MAX, u64, unsigned_long, type user_ptr } from "#asm-generic/types.ts";
import { bitmap_free, bitmap_xor, bitmap_zalloc, bitmap_zero } from "#linux/bitmap.ts";
import { __set_bit } from "#linux/bitops.ts";
import { WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { CAP_IPC_LOCK, capable } from "#linux/capability.ts";
import { for_each_possible_cpu } from "#linux/cpumask.ts";
import { EBUSY, EFAULT, EINVAL, ENOMEM, ENOTTY } from "#linux/errno.ts";
import { find_next_bit, find_next_zero_bit } from "#linux/find.ts";
import { __GFP_NOWARN, GFP_KERNEL, GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { kvm_private_mem_testing_disable, type struct_kvm } from "#linux/kvm_host.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del, list_empty, list_for_each_entry,
	struct_list_head } from "#linux/list.ts";
import { lockdep_assert_held } from "#linux/lockdep.ts";
import { FOLL_WRITE, pin_user_pages_fast, totalram_pages, unpin_user_pages } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { module_param_named, param_bool } from "#linux/moduleparam.ts";
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { per_cpu } from "#linux/percpu.ts";
import { pr_err, pr_info } from "#linux/printk.ts";
import { sev_guest_activate, sev_guest_deactivate, sev_guest_decommission, sev_guest_df_flush,
	sev_issue_cmd_external_user, sev_platform_init, SEV_CMD_GUEST_STATUS, SEV_CMD_LAUNCH_START,
	struct_sev_data_activate, struct_sev_data_deactivate, struct_sev_data_decommission,
	struct_sev_data_guest_status, struct_sev_data_launch_start } from "#linux/psp-sev.ts";
import { DECLARE_RWSEM, down_read, down_write, up_read, up_write } from "#linux/rwsem.ts";
import { cond_resched } from "#linux/sched.ts";
import { rlimit } from "#linux/sched/signal.ts";
import { kcalloc, kfree, kvcalloc, kvfree, kzalloc } from "#linux/slab.ts";
import { copy_from_user, copy_to_user } from "#linux/uaccess.ts";
import { KVM_SEV_ES_INIT, KVM_SEV_GUEST_STATUS, KVM_SEV_INIT, KVM_SEV_LAUNCH_START,
	struct_kvm_sev_cmd, struct_kvm_sev_guest_status, struct_kvm_sev_launch_start,
	type struct_kvm_enc_region } from "#uapi/linux/kvm.ts";
import { RLIMIT_MEMLOCK } from "#linux/resource.ts";
import { CONFIG_KVM_AMD_SEV } from "#generated/autoconf.ts";
import { boot_cpu_has, this_cpu_has, X86_FEATURE_DECODEASSISTS, X86_FEATURE_SEV, X86_FEATURE_SEV_ES,
	X86_FEATURE_SME_COHERENT } from "#asm/cpufeature.ts";
import { APICV_INHIBIT_REASON_SEV, kvm_set_apicv_inhibit } from "#asm/kvm_host.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { cpuid } from "#asm/processor.ts";
import { clflush_range, wbinvd_on_all_cpus } from "#asm/cacheflush.ts";
import { SVM_NESTED_CTL_SEV_ENABLE, TLB_CONTROL_FLUSH_ASID } from "#asm/svm.ts";
import { UD_VECTOR } from "#uapi-asm/kvm.ts";
import { kvm_cpu_cap_clear } from "#arch/x86/kvm/cpuid.h.ts";
import { enable_mmio_caching } from "#arch/x86/kvm/mmu.h.ts";
import { clr_exception_intercept, npt_enabled, sev_guest, svm_data, to_kvm_svm, VMCB_ASID,
	vmcb_mark_dirty, type struct_kvm_sev_info, type struct_svm_cpu_data, type struct_vcpu_svm }
	from "#arch/x86/kvm/svm/svm.h.ts";

/* module parameter */
let sev_enabled = true;
module_param_named("kvm_amd", "sev",
	param_bool(() => sev_enabled, (v) => { sev_enabled = v; }), 0o444);

/* module parameter */
let sev_es_enabled = true;
module_param_named("kvm_amd", "sev_es",
	param_bool(() => sev_es_enabled, (v) => { sev_es_enabled = v; }), 0o444);

const sev_deactivate_lock = DECLARE_RWSEM("sev_deactivate_lock");
const sev_bitmap_lock = DEFINE_MUTEX("sev_bitmap_lock");
export let max_sev_asid = 0;
let min_sev_asid = 0;
let nr_asids = 0;
let sev_asid_bitmap: Uint8Array | null = null;
/** Used once, and not to be given out before the caches are flushed. */
let sev_reclaim_asid_bitmap: Uint8Array | null = null;

class struct_enc_region {
	list = new struct_list_head(this);
	npages = 0;
	pages: struct_page[] | null = null;
	/* as userspace gave them */
	uaddr = 0n;
	size = 0n;
}

/** arch/x86/kvm/svm/sev.c:sev_flush_asids(): sev_bitmap_lock is held, or nobody is left. */
function sev_flush_asids(min_asid: number, max_asid: number): number {
	const error = new ref(0);

	/* nothing to win by a flush? */
	const asid = find_next_bit(sev_reclaim_asid_bitmap!, nr_asids, min_asid);
	if (asid > max_asid)
		return -EBUSY;

	/* DEACTIVATE would make DF_FLUSH ask for another WBINVD */
	down_write(sev_deactivate_lock);

	wbinvd_on_all_cpus();
	const ret = sev_guest_df_flush(error);

	up_write(sev_deactivate_lock);

	if (ret !== 0)
		pr_err("SEV: DF_FLUSH failed, ret=%d, error=%#x\n", ret, error.v);

	return ret;
}

/** arch/x86/kvm/svm/sev.c:is_mirroring_enc_context() */
function is_mirroring_enc_context(kvm: struct_kvm): boolean {
	return to_kvm_svm(kvm).sev_info.enc_context_owner !== null;
}

/** arch/x86/kvm/svm/sev.c:__sev_recycle_asids(): sev_bitmap_lock is held. */
function __sev_recycle_asids(min_asid: number, max_asid: number): boolean {
	if (sev_flush_asids(min_asid, max_asid) !== 0)
		return false;

	/* the flush was for all of them */
	bitmap_xor(sev_asid_bitmap!, sev_asid_bitmap!, sev_reclaim_asid_bitmap!, nr_asids);
	bitmap_zero(sev_reclaim_asid_bitmap!, nr_asids);

	return true;
}

/** arch/x86/kvm/svm/sev.c:sev_asid_new() */
function sev_asid_new(sev: struct_kvm_sev_info): number {
	let retry = true;
	let asid: number;

	mutex_lock(sev_bitmap_lock);

	/* below min_sev_asid: SEV-ES */
	const min_asid = sev.es_active ? 1 : min_sev_asid;
	const max_asid = sev.es_active ? min_sev_asid - 1 : max_sev_asid;
	again: for (;;) {
		asid = find_next_zero_bit(sev_asid_bitmap!, max_asid + 1, min_asid);
		if (asid > max_asid) {
			if (retry && __sev_recycle_asids(min_asid, max_asid)) {
				retry = false;
				continue again;
			}
			mutex_unlock(sev_bitmap_lock);
			return -EBUSY;
		}
		break;
	}

	__set_bit(asid, sev_asid_bitmap!);

	mutex_unlock(sev_bitmap_lock);

	return asid;
}

/** arch/x86/kvm/svm/sev.c:sev_get_asid() */
function sev_get_asid(kvm: struct_kvm): number {
	return to_kvm_svm(kvm).sev_info.asid;
}

/** arch/x86/kvm/svm/sev.c:sev_asid_free() */
function sev_asid_free(sev: struct_kvm_sev_info): void {
	mutex_lock(sev_bitmap_lock);

	__set_bit(sev.asid, sev_reclaim_asid_bitmap!);

	for (const cpu of for_each_possible_cpu()) {
		const sd = per_cpu(svm_data, cpu)!;
		sd.sev_vmcbs![sev.asid] = null;
	}

	mutex_unlock(sev_bitmap_lock);
}

/** arch/x86/kvm/svm/sev.c:sev_decommission() */
function sev_decommission(handle: number): void {
	const decommission = new struct_sev_data_decommission();

	if (handle === 0)
		return;

	decommission.handle = handle;
	sev_guest_decommission(decommission, null);
}

/** arch/x86/kvm/svm/sev.c:sev_unbind_asid() */
function sev_unbind_asid(_kvm: struct_kvm, handle: number): void {
	const deactivate = new struct_sev_data_deactivate();

	if (handle === 0)
		return;

	deactivate.handle = handle;

	/* not while ASIDs are recycled */
	down_read(sev_deactivate_lock);
	sev_guest_deactivate(deactivate, null);
	up_read(sev_deactivate_lock);

	sev_decommission(handle);
}

/** arch/x86/kvm/svm/sev.c:sev_guest_init() */
function sev_guest_init(kvm: struct_kvm, argp: struct_kvm_sev_cmd): number {
	const sev = to_kvm_svm(kvm).sev_info;
	const error = new ref(argp.error);
	let ret: number;

	if (kvm.created_vcpus !== 0)
		return -EINVAL;

	ret = -EBUSY;
	if (sev.active)
		return ret;

	ret = kvm_private_mem_testing_disable(kvm);
	if (ret !== 0)
		return ret;

	e_no_asid: {
		sev.active = true;
		sev.es_active = argp.id === KVM_SEV_ES_INIT;
		const asid = sev_asid_new(sev);
		if (asid < 0)
			break e_no_asid;
		sev.asid = asid;

		e_free: {
			ret = sev_platform_init(error);
			argp.error = error.v;
			if (ret !== 0)
				break e_free;

			INIT_LIST_HEAD(sev.regions_list);

			kvm_set_apicv_inhibit(kvm, APICV_INHIBIT_REASON_SEV);

			return 0;
		}
		sev_asid_free(sev);
		sev.asid = 0;
	}
	sev.es_active = false;
	sev.active = false;
	return ret;
}

/** arch/x86/kvm/svm/sev.c:sev_bind_asid() */
function sev_bind_asid(kvm: struct_kvm, handle: number, error: ref<number>): number {
	const activate = new struct_sev_data_activate();
	const asid = sev_get_asid(kvm);

	activate.handle = handle;
	activate.asid = asid;
	return sev_guest_activate(activate, error);
}

/** arch/x86/kvm/svm/sev.c:__sev_issue_cmd(): @_fd is not looked at, as there is no /dev/sev. */
function __sev_issue_cmd(_fd: number, id: number,
	data: struct_sev_data_launch_start | struct_sev_data_guest_status, error: ref<number>):
	number {
	return sev_issue_cmd_external_user(id, data, error);
}

/** arch/x86/kvm/svm/sev.c:sev_issue_cmd() */
function sev_issue_cmd(kvm: struct_kvm, id: number, data: struct_sev_data_guest_status,
	error: ref<number>): number {
	const sev = to_kvm_svm(kvm).sev_info;

	return __sev_issue_cmd(sev.fd, id, data, error);
}

/**
 * arch/x86/kvm/svm/sev.c:sev_launch_start()
 *
 * Certificate and session, which only the firmware would look into, are not read.
 */
function sev_launch_start(kvm: struct_kvm, argp: struct_kvm_sev_cmd): number {
	const sev = to_kvm_svm(kvm).sev_info;
	const start = new struct_sev_data_launch_start();
	const params = struct_kvm_sev_launch_start.alloc();
	const error = new ref(argp.error);
	let ret: number;

	if (!sev_guest(kvm))
		return -ENOTTY;

	if (copy_from_user(params, unsigned_long(argp.data),
		sizeof(struct_kvm_sev_launch_start)) !== 0)
		return -EFAULT;

	start.handle = params.handle;
	start.policy = params.policy;

	e_free_session: {
		ret = __sev_issue_cmd(argp.sev_fd, SEV_CMD_LAUNCH_START, start, error);
		if (ret !== 0)
			break e_free_session;

		ret = sev_bind_asid(kvm, start.handle, error);
		if (ret !== 0) {
			sev_decommission(start.handle);
			break e_free_session;
		}

		params.handle = start.handle;
		if (copy_to_user(unsigned_long(argp.data), params,
			sizeof(struct_kvm_sev_launch_start)) !== 0) {
			sev_unbind_asid(kvm, start.handle);
			ret = -EFAULT;
			break e_free_session;
		}

		sev.handle = start.handle;
		sev.fd = argp.sev_fd;
	}
	argp.error = error.v;
	return ret;
}

/** arch/x86/kvm/svm/sev.c:sev_pin_memory() */
function sev_pin_memory(kvm: struct_kvm, uaddr: u64, ulen: u64, n: ref<number>, write: number):
	struct_page[] | err_ptr {
	const sev = to_kvm_svm(kvm).sev_info;

	lockdep_assert_held(kvm.lock);

	if (ulen === 0n || u64(uaddr + ulen) < uaddr)
		return ERR_PTR(-EINVAL);

	const first = Number(uaddr >> BigInt(PAGE_SHIFT));
	const last = Number((uaddr + ulen - 1n) >> BigInt(PAGE_SHIFT));
	const npages = last - first + 1;

	const locked = sev.pages_locked + npages;
	const lock_limit = Math.floor(rlimit(RLIMIT_MEMLOCK) / PAGE_SIZE);
	if (locked > lock_limit && !capable(CAP_IPC_LOCK)) {
		pr_err("SEV: %lu locked pages exceed the lock limit of %lu.\n", locked, lock_limit);
		return ERR_PTR(-ENOMEM);
	}

	if (WARN_ON_ONCE(npages > INT_MAX))
		return ERR_PTR(-EINVAL);

	/* C: __vmalloc() refuses what is more than all memory */
	if (npages * 8 / PAGE_SIZE > totalram_pages())
		return ERR_PTR(-ENOMEM);

	const pages = kvcalloc<struct_page | null>(npages, () => null,
		GFP_KERNEL_ACCOUNT | __GFP_NOWARN) as
		struct_page[] | null;
	if (pages === null)
		return ERR_PTR(-ENOMEM);

	err: {
			const npinned = pin_user_pages_fast(unsigned_long(uaddr), npages,
			write !== 0 ? FOLL_WRITE : 0, pages);
		if (npinned !== npages) {
			pr_err("SEV: Failure locking %lu pages.\n", npages);
			if (npinned > 0)
				unpin_user_pages(pages, npinned);
			break err;
		}

		n.v = npages;
		sev.pages_locked = locked;

		return pages;
	}
	kvfree(pages);
	return ERR_PTR(-ENOMEM);
}

/** arch/x86/kvm/svm/sev.c:sev_unpin_memory() */
function sev_unpin_memory(kvm: struct_kvm, pages: struct_page[], npages: number): void {
	const sev = to_kvm_svm(kvm).sev_info;

	unpin_user_pages(pages, npages);
	kvfree(pages);
	sev.pages_locked -= npages;
}

/** arch/x86/kvm/svm/sev.c:sev_clflush_pages() */
function sev_clflush_pages(pages: struct_page[] | null, npages: number): void {
	if (this_cpu_has(X86_FEATURE_SME_COHERENT) || npages === 0 ||
	    pages === null)
		return;

	for (let i = 0; i < npages; i++) {
		clflush_range(PAGE_SIZE);
		cond_resched();
	}
}

/** arch/x86/kvm/svm/sev.c:sev_guest_status() */
function sev_guest_status(kvm: struct_kvm, argp: struct_kvm_sev_cmd): number {
	const sev = to_kvm_svm(kvm).sev_info;
	const params = struct_kvm_sev_guest_status.alloc();
	const data = new struct_sev_data_guest_status();
	const error = new ref(argp.error);
	let ret: number;

	if (!sev_guest(kvm))
		return -ENOTTY;

	data.handle = sev.handle;
	ret = sev_issue_cmd(kvm, SEV_CMD_GUEST_STATUS, data, error);
	argp.error = error.v;
	if (ret !== 0)
		return ret;

	params.policy = data.policy;
	params.state = data.state;
	params.handle = data.handle;

	if (copy_to_user(unsigned_long(argp.data), params,
		sizeof(struct_kvm_sev_guest_status)) !== 0)
		ret = -EFAULT;

	return ret;
}

/** arch/x86/kvm/svm/sev.c:is_cmd_allowed_from_mirror() */
function is_cmd_allowed_from_mirror(cmd_id: number): boolean {
	return cmd_id === KVM_SEV_GUEST_STATUS;
}

/** arch/x86/kvm/svm/sev.c:sev_mem_enc_ioctl() */
export function sev_mem_enc_ioctl(kvm: struct_kvm, argp: user_ptr): number {
	const sev_cmd = struct_kvm_sev_cmd.alloc();
	let r: number;

	if (!sev_enabled)
		return -ENOTTY;

	if (argp === 0)
		return 0;

	if (copy_from_user(sev_cmd, argp, sizeof(struct_kvm_sev_cmd)) !== 0)
		return -EFAULT;

	mutex_lock(kvm.lock);

	out: {
		/* a mirror has few commands of its own */
		if (is_mirroring_enc_context(kvm) &&
		    !is_cmd_allowed_from_mirror(sev_cmd.id)) {
			r = -EINVAL;
			break out;
		}

		switch (sev_cmd.id) {
		case KVM_SEV_ES_INIT:
			if (!sev_es_enabled) {
				r = -ENOTTY;
				break out;
			}
			r = sev_guest_init(kvm, sev_cmd);
			break;
		case KVM_SEV_INIT:
			r = sev_guest_init(kvm, sev_cmd);
			break;
		case KVM_SEV_LAUNCH_START:
			r = sev_launch_start(kvm, sev_cmd);
			break;
		case KVM_SEV_GUEST_STATUS:
			r = sev_guest_status(kvm, sev_cmd);
			break;
		default:
			r = -EINVAL;
			break out;
		}

		if (copy_to_user(argp, sev_cmd, sizeof(struct_kvm_sev_cmd)) !== 0)
			r = -EFAULT;
	}
	mutex_unlock(kvm.lock);
	return r;
}

/** arch/x86/kvm/svm/sev.c:sev_mem_enc_register_region() */
export function sev_mem_enc_register_region(kvm: struct_kvm, range: struct_kvm_enc_region): number {
	const sev = to_kvm_svm(kvm).sev_info;
	const npages = new ref(0);
	let ret = 0;

	if (!sev_guest(kvm))
		return -ENOTTY;

	/* a mirror is not the one to do it */
	if (is_mirroring_enc_context(kvm))
		return -EINVAL;

	if (range.addr > U64_MAX || range.size > U64_MAX)
		return -EINVAL;

	const region = kzalloc(struct_enc_region, GFP_KERNEL_ACCOUNT);
	if (region === null)
		return -ENOMEM;

	e_free: {
		mutex_lock(kvm.lock);
		const pages = sev_pin_memory(kvm, range.addr, range.size, npages, 1);
		if (IS_ERR(pages)) {
			ret = PTR_ERR(pages);
			mutex_unlock(kvm.lock);
			break e_free;
		}
		region.pages = pages;
		region.npages = npages.v;

		region.uaddr = range.addr;
		region.size = range.size;

		list_add_tail(region.list, sev.regions_list);
		mutex_unlock(kvm.lock);

		/* lines written without the C-bit must not come back over what is with it */
		sev_clflush_pages(region.pages, region.npages);

		return ret;
	}
	kfree(region);
	return ret;
}

/** arch/x86/kvm/svm/sev.c:find_enc_region() */
function find_enc_region(kvm: struct_kvm, range: struct_kvm_enc_region): struct_enc_region | null {
	const sev = to_kvm_svm(kvm).sev_info;
	const head = sev.regions_list;

	for (const i of list_for_each_entry(head, struct_enc_region, "list")) {
		if (i.uaddr === range.addr &&
		    i.size === range.size)
			return i;
	}

	return null;
}

/** arch/x86/kvm/svm/sev.c:__unregister_enc_region_locked() */
function __unregister_enc_region_locked(kvm: struct_kvm, region: struct_enc_region): void {
	sev_unpin_memory(kvm, region.pages!, region.npages);
	list_del(region.list);
	kfree(region);
}

/** arch/x86/kvm/svm/sev.c:sev_mem_enc_unregister_region() */
export function sev_mem_enc_unregister_region(kvm: struct_kvm, range: struct_kvm_enc_region):
	number {
	let ret: number;

	/* a mirror is not the one to do it */
	if (is_mirroring_enc_context(kvm))
		return -EINVAL;

	mutex_lock(kvm.lock);

	failed: {
		if (!sev_guest(kvm)) {
			ret = -ENOTTY;
			break failed;
		}

		const region = find_enc_region(kvm, range);
		if (region === null) {
			ret = -EINVAL;
			break failed;
		}

		/* lines tagged with the guest's ASID: CLFLUSH does not find them */
		wbinvd_on_all_cpus();

		__unregister_enc_region_locked(kvm, region);

		mutex_unlock(kvm.lock);
		return 0;
	}
	mutex_unlock(kvm.lock);
	return ret;
}

/** arch/x86/kvm/svm/sev.c:sev_vm_destroy() */
export function sev_vm_destroy(kvm: struct_kvm): void {
	const sev = to_kvm_svm(kvm).sev_info;
	const head = sev.regions_list;

	if (!sev_guest(kvm))
		return;

	/* before the pages go back */
	wbinvd_on_all_cpus();

	/* what userspace did not unregister */
	if (!list_empty(head)) {
		for (const pos of list_for_each_entry(head, struct_enc_region, "list")) {
			__unregister_enc_region_locked(kvm, pos);
			cond_resched();
		}
	}

	sev_unbind_asid(kvm, sev.handle);
	sev_asid_free(sev);
}

/** arch/x86/kvm/svm/sev.c:sev_set_cpu_caps() */
export function sev_set_cpu_caps(): void {
	if (!sev_enabled)
		kvm_cpu_cap_clear(X86_FEATURE_SEV);
	if (!sev_es_enabled)
		kvm_cpu_cap_clear(X86_FEATURE_SEV_ES);
}

/** arch/x86/kvm/svm/sev.c:sev_hardware_setup() */
export function sev_hardware_setup(): void {
	const sev_es_supported = false;
	let sev_supported = false;

	out: {
		if (!CONFIG_KVM_AMD_SEV || !sev_enabled || !npt_enabled)
			break out;

		/* decode assists are what gives KVM the instruction bytes of an encrypted guest */
		if (!boot_cpu_has(X86_FEATURE_SEV) ||
		    WARN_ON_ONCE(!boot_cpu_has(X86_FEATURE_DECODEASSISTS)))
			break out;

		const { ecx, edx } = cpuid(0x8000001f);

		/* ASIDs start at 1 */
		max_sev_asid = ecx;
		if (max_sev_asid === 0)
			break out;

		min_sev_asid = edx;

		/* ASID 0 has a bit too, so that the index is the ASID */
		nr_asids = max_sev_asid + 1;
		sev_asid_bitmap = bitmap_zalloc(nr_asids, GFP_KERNEL);
		if (sev_asid_bitmap === null)
			break out;

		sev_reclaim_asid_bitmap = bitmap_zalloc(nr_asids, GFP_KERNEL);
		if (sev_reclaim_asid_bitmap === null) {
			bitmap_free(sev_asid_bitmap);
			sev_asid_bitmap = null;
			break out;
		}

		const sev_asid_count = max_sev_asid - min_sev_asid + 1;

		pr_info("SEV supported: %u ASIDs\n", sev_asid_count);
		sev_supported = true;

		if (!sev_es_enabled)
			break out;

		/* without it KVM cannot tell MMIO: it does not see the instructions */
		if (!enable_mmio_caching)
			break out;

		if (!boot_cpu_has(X86_FEATURE_SEV_ES))
			break out;

		if (min_sev_asid === 1)
			break out;

		/* SEV-ES is left out: no machine here gets this far */
		WARN_ON(true);
	}
	sev_enabled = sev_supported;
	sev_es_enabled = sev_es_supported;
}

/** arch/x86/kvm/svm/sev.c:sev_hardware_unsetup() */
export function sev_hardware_unsetup(): void {
	if (!sev_enabled)
		return;

	sev_flush_asids(1, max_sev_asid);

	bitmap_free(sev_asid_bitmap);
	bitmap_free(sev_reclaim_asid_bitmap);
}

/** arch/x86/kvm/svm/sev.c:sev_cpu_init() */
export function sev_cpu_init(sd: struct_svm_cpu_data): number {
	if (!sev_enabled)
		return 0;

	sd.sev_vmcbs = kcalloc(nr_asids, () => null, GFP_KERNEL);
	if (sd.sev_vmcbs === null)
		return -ENOMEM;

	return 0;
}

/** arch/x86/kvm/svm/sev.c:sev_guest_memory_reclaimed() */
export function sev_guest_memory_reclaimed(kvm: struct_kvm): void {
	if (!sev_guest(kvm))
		return;

	wbinvd_on_all_cpus();
}

/** arch/x86/kvm/svm/sev.c:pre_sev_run() */
export function pre_sev_run(svm: struct_vcpu_svm, cpu: number): void {
	const sd = per_cpu(svm_data, cpu)!;
	const asid = sev_get_asid(svm.vcpu.kvm);

	svm.asid = asid;

	/* the ASID is every vCPU's of the guest: another VMCB, or another CPU, means a flush */
	if (sd.sev_vmcbs![asid] === svm.vmcb &&
	    svm.vcpu.arch.last_vmentry_cpu === cpu)
		return;

	sd.sev_vmcbs![asid] = svm.vmcb;
	svm.vmcb.control.tlb_ctl = TLB_CONTROL_FLUSH_ASID;
	vmcb_mark_dirty(svm.vmcb, VMCB_ASID);
}

/** arch/x86/kvm/svm/sev.c:sev_init_vmcb() */
export function sev_init_vmcb(svm: struct_vcpu_svm): void {
	svm.vmcb.control.nested_ctl |= BigInt(SVM_NESTED_CTL_SEV_ENABLE);
	clr_exception_intercept(svm, UD_VECTOR);
}
