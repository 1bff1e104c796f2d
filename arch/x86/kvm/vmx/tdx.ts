// SPDX-License-Identifier: GPL-2.0
/*
 * TDs: made, initialised, filled, finalized and torn down.
 *
 * Upstream: arch/x86/kvm/vmx/tdx.c of the TDX branch of 2022, in its shape. Its functions for
 * memory are in tdx_mem.ts, those for running in tdx_vcpu.ts, TDG.VP.VMCALL in tdx_vmcall.ts. Left
 * out: the PMU, migration, debugging of TDs' registers.
 *
 * kvm->lock		KVM_TDX_INIT_VM, INIT_MEM_REGION, FINALIZE_VM
 *   vcpu->mutex	source, measure
 * interrupts off	lists of vCPUs by CPU
 */
import { IS_ERR, PTR_ERR } from "#asm-generic/err.ts";
import { sizeof } from "#asm-generic/struct.ts";
import { gpa_t, ref, unsigned_long, type hpa_t, type user_ptr } from "#asm-generic/types.ts";
import { pair, PAIR_ZERO } from "#asm-generic/pair.ts";
import { atomic_read } from "#linux/atomic.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { for_each_online_cpu, for_each_possible_cpu } from "#linux/cpumask.ts";
import { E2BIG, EAGAIN, EEXIST, EFAULT, EINTR, EINVAL, EIO, ENOMEM, EOPNOTSUPP } from
	"#linux/errno.ts";
import { __GFP_ZERO, alloc_page, free_page, GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { local_irq_disable, local_irq_enable } from "#linux/irqflags.ts";
import { kvm_for_each_vcpu, kvm_get_vcpu, kvm_make_request, vcpu_load, vcpu_put, type struct_kvm,
	type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { INIT_LIST_HEAD, list_add, list_del, list_for_each_entry, struct_list_head }
	from "#linux/list.ts";
import { get_user_pages_fast, put_page } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { mutex_lock, mutex_lock_killable, mutex_unlock } from "#linux/mutex.ts";
import { DEFINE_PER_CPU, per_cpu } from "#linux/percpu.ts";
import { pr_err, pr_info } from "#linux/printk.ts";
import { cond_resched, current, need_resched } from "#linux/sched.ts";
import { signal_pending } from "#linux/sched/signal.ts";
import { kfree } from "#linux/slab.ts";
import { smp_call_function_single, smp_processor_id } from "#linux/smp.ts";
import { srcu_read_lock, srcu_read_unlock } from "#linux/srcu.ts";
import { memdup_user } from "#linux/string.ts";
import { copy_from_user, copy_to_user } from "#linux/uaccess.ts";
import { APIC_DEFAULT_PHYS_BASE } from "#asm/apicdef.ts";
import { struct_msr_data } from "#asm/kvm_host.ts";
import { KVM_REQ_LOAD_MMU_PGD } from "#asm/kvm_host.ts";
import { MSR_IA32_APICBASE_BSP } from "#asm/msr-index.ts";
import { PIN_BASED_POSTED_INTR } from "#asm/vmx.ts";
import { page_bytes, page_to_phys, PAGE_SIZE } from "#asm/page.ts";
import * as x from "#asm/tdx.ts";
import { KVM_TDX_CAPABILITIES, KVM_TDX_FINALIZE_VM, KVM_TDX_INIT_MEM_REGION, KVM_TDX_INIT_VCPU,
	KVM_TDX_INIT_VM, KVM_TDX_MEASURE_MEMORY_REGION, KVM_X86_TDX_VM, struct_kvm_cpuid2,
	struct_kvm_cpuid_entry2, struct_kvm_tdx_capabilities, struct_kvm_tdx_cmd,
	struct_kvm_tdx_cpuid_config, struct_kvm_tdx_init_mem_region, struct_kvm_tdx_init_vm } from
	"#uapi-asm/kvm.ts";
import { KVM_MP_STATE_RUNNABLE } from "#uapi/linux/kvm.ts";
import { kvm_is_private_gpa, kvm_mmu_map_tdp_page, kvm_mmu_reload } from
	"#arch/x86/kvm/mmu.h.ts";
import { kvm_mmu_set_mmio_spte_value } from "#arch/x86/kvm/mmu/spte.h.ts";
import { kvm_set_apic_base, LAPIC_MODE_X2APIC } from "#arch/x86/kvm/lapic.h.ts";
import { cpu_has_vmx_ept_5levels } from "#arch/x86/kvm/vmx/capabilities.h.ts";
import { is_hkid_assigned, pr_tdx_error, struct_kvm_tdx, struct_vcpu_tdx,
	tdx_clear_and_free_page, tdx_late_reclaim, tdx_reclaim_page, tdx_track, to_kvm_tdx, to_tdx }
	from "#arch/x86/kvm/vmx/tdx.h.ts";
import * as ops from "#arch/x86/kvm/vmx/tdx_ops.h.ts";
import { pi_init, POSTED_INTR_VECTOR } from "#arch/x86/kvm/vmx/posted_intr.h.ts";
import { TD_VMCS_PIN_BASED, TD_VMCS_POSTED_INTR_DESC_ADDR, TD_VMCS_POSTED_INTR_NV } from
	"#arch/x86/kvm/vmx/tdx.h.ts";
import { to_kvm_vmx, to_vmx } from "#arch/x86/kvm/vmx/vmx.h.ts";
import { tdx_busy, tdx_failed } from "#arch/x86/kvm/vmx/tdx.h.ts";

/* TD_PARAMS, in one page */
const PARAMS_MAX_VCPUS		= 16;
const PARAMS_EPTP_CONTROLS	= 24;
const PARAMS_EXEC_CONTROLS	= 32;
const PARAMS_TSC_FREQUENCY	= 40;
const PARAMS_MRCONFIGID		= 80;
const PARAMS_CPUID_VALUES	= 256;

const EPTP_MT_WB		= 6;
const EPTP_PWL_4		= 3 << 3;
const EPTP_PWL_5		= 4 << 3;
const EXEC_CONTROL_MAX_GPAW	= 1n;
const TDX_MAX_VCPUS		= 576;


const associated_tdvcpus = DEFINE_PER_CPU(() => new struct_list_head(null));

/* The host. */

let enabled = false;

/** arch/x86/kvm/vmx/tdx.c:tdx_module_setup(), on CPUs that are in VMX operation. */
function tdx_cpu_enable_on(ret: ref<number>): void {
	const r = x.tdx_cpu_enable();

	if (r !== 0)
		ret.v = r;
}

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_hardware_setup()
 *
 * Brings the module up, @vmxon and @vmxoff around it; 0 or -errno: then there are no TDs.
 */
export function tdx_hardware_setup(vmxon: () => number, vmxoff: () => void): number {
	const ret = new ref(0);

	if (!x.platform_tdx_enabled())
		return -EOPNOTSUPP;
	for (const cpu of for_each_possible_cpu())
		INIT_LIST_HEAD(per_cpu(associated_tdvcpus, cpu));
	for (const cpu of for_each_online_cpu())
		smp_call_function_single(cpu, (r: ref<number>) => {
			if (vmxon() !== 0)
				r.v = -EIO;
		}, ret, 1);
	for (const cpu of for_each_online_cpu())
		if (ret.v === 0)
			smp_call_function_single(cpu, tdx_cpu_enable_on, ret, 1);
	if (ret.v === 0)
		ret.v = x.tdx_enable();
	for (const cpu of for_each_online_cpu())
		smp_call_function_single(cpu, vmxoff, undefined, 1);
	if (ret.v !== 0)
		return ret.v;
	enabled = true;
	pr_info("kvm: TDX is supported. hkid start %d, number %d\n", x.tdx_guest_keyid_start,
		x.tdx_nr_guest_keyids);
	return 0;
}

export function tdx_is_vm_type_supported(type: number): boolean {
	return type === KVM_X86_TDX_VM && enabled;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_dev_ioctl() */
export function tdx_dev_ioctl(argp: user_ptr): number {
	const cmd = struct_kvm_tdx_cmd.alloc(), caps = struct_kvm_tdx_capabilities.alloc();
	const info = x.tdx_get_sysinfo();

	if (copy_from_user(cmd, argp, sizeof(struct_kvm_tdx_cmd)) !== 0)
		return -EFAULT;
	if (cmd.flags !== 0 || cmd.error !== 0n || cmd.unused !== 0n || info === null)
		return -EINVAL;
	/* what userspace has to know before it makes a VM */
	if (cmd.id !== KVM_TDX_CAPABILITIES)
		return -EINVAL;
	const user_caps = unsigned_long(cmd.data);
	if (copy_from_user(caps, user_caps, sizeof(struct_kvm_tdx_capabilities)) !== 0)
		return -EFAULT;
	const { cpuid_configs } = info, room = caps.nr_cpuid_configs;
	if (room < cpuid_configs.length)
		return -E2BIG;
	caps.attrs_fixed0 = info.attributes_fixed0;
	caps.attrs_fixed1 = info.attributes_fixed1;
	caps.xfam_fixed0 = info.xfam_fixed0;
	caps.xfam_fixed1 = info.xfam_fixed1;
	caps.nr_cpuid_configs = cpuid_configs.length;
	if (copy_to_user(user_caps, caps, sizeof(struct_kvm_tdx_capabilities)) !== 0)
		return -EFAULT;
	const words = Uint32Array.from(cpuid_configs.flatMap((c) =>
		[c.leaf, c.sub_leaf, c.eax, c.ebx, c.ecx, c.edx]));
	if (copy_to_user(user_caps + sizeof(struct_kvm_tdx_capabilities),
		new Uint8Array(words.buffer),
		cpuid_configs.length * sizeof(struct_kvm_tdx_cpuid_config)) !== 0)
		return -EFAULT;
	return 0;
}

/* VMs. */

/** arch/x86/kvm/vmx/tdx.c:tdx_vm_init() */
export function tdx_vm_init(kvm: struct_kvm): number {
	to_kvm_vmx(kvm).tdx = new struct_kvm_tdx();

	/* a first access exits; once KVM knows the gfn for MMIO's, the guest gets #VE */
	kvm.arch.shadow_nonpresent_value = pair(0, 0x80000000);
	kvm_mmu_set_mmio_spte_value(kvm, PAIR_ZERO);
	/* rights of private pages are not KVM's to choose */
	kvm.arch.disable_nx_huge_pages = true;
	kvm.arch.pause_in_guest = true;
	kvm.max_vcpus = Math.min(kvm.max_vcpus, TDX_MAX_VCPUS);
	kvm.no_private_mem_testing = true;
	return 0;
}

/** A command on one CPU of each package, until one fails. */
function on_each_package(fn: () => number): number {
	const ret = new ref(0);

	for (const cpu of x.tdx_package_cpus()) {
		smp_call_function_single(cpu, (r: ref<number>) => {
			r.v = fn();
		}, ret, 1);
		if (tdx_failed(ret.v))
			break;
	}
	return ret.v;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_flush_vp(), on the CPU that the vCPU is associated with. */
function tdx_flush_vp(tdx: struct_vcpu_tdx): void {
	if (tdx.cpu !== smp_processor_id())
		return;
	if (tdx.associated && is_hkid_assigned(to_kvm_tdx(tdx.vcpu.kvm))) {
		let err;
		do {
			err = ops.tdh_vp_flush(page_to_phys(tdx.tdvpr!));
		} while (tdx_busy(err));
		/* it has not run here after all */
		if (tdx_failed(err) && err !== x.TDX_VCPU_NOT_ASSOCIATED)
			pr_tdx_error("TDH_VP_FLUSH", err);
	}
	list_del(tdx.cpu_list);
	tdx.cpu = -1;
}

function tdx_flush_vp_on_cpu(tdx: struct_vcpu_tdx): void {
	if (tdx.cpu >= 0)
		smp_call_function_single(tdx.cpu, tdx_flush_vp, tdx, 1);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_hardware_disable(): no vCPU is this CPU's any more. */
export function tdx_hardware_disable(): void {
	for (const tdx of list_for_each_entry(per_cpu(associated_tdvcpus, smp_processor_id()),
		struct_vcpu_tdx, "cpu_list"))
		tdx_flush_vp(tdx);
}

function cache_wb(): number {
	let err = ops.tdh_phymem_cache_wb(false);

	while (tdx_busy(err) || err === x.TDX_INTERRUPTED_RESUMABLE)
		err = ops.tdh_phymem_cache_wb(err === x.TDX_INTERRUPTED_RESUMABLE);
	return err;
}

/** The steps of tdx_mmu_release_hkid() that can fail; the one that did is printed. */
function tdx_try_release_hkid(kvm: struct_kvm): boolean {
	const kvm_tdx = to_kvm_tdx(kvm), tdr = page_to_phys(kvm_tdx.tdr!);
	const step = (name: string, fn: () => number): boolean => {
		let err;
		do {
			err = fn();
		} while (tdx_busy(err));
		if (tdx_failed(err))
			pr_tdx_error(name, err);
		return !tdx_failed(err);
	};

	for (const vcpu of kvm_for_each_vcpu(kvm))
		tdx_flush_vp_on_cpu(to_tdx(vcpu));
	return step("TDH_MNG_VPFLUSHDONE", () => ops.tdh_mng_vpflushdone(tdr)) &&
		step("TDH_PHYMEM_CACHE_WB", () => on_each_package(cache_wb)) &&
		step("TDH_MNG_KEY_FREEID", () => ops.tdh_mng_key_freeid(tdr));
}

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_mmu_release_hkid(): no vCPU will run again. From now on pages can be
 * reclaimed as they are; if it fails, none can.
 */
export function tdx_mmu_release_hkid(kvm: struct_kvm): void {
	const kvm_tdx = to_kvm_tdx(kvm);

	if (!is_hkid_assigned(kvm_tdx) || kvm_tdx.lost)
		return;
	if (kvm_tdx.tdr !== null && !tdx_try_release_hkid(kvm)) {
		pr_err("kvm: tdx: HKID %d is leaked.\n", kvm_tdx.hkid);
		kvm_tdx.lost = true;
	} else {
		x.tdx_keyid_free(kvm_tdx.hkid);
		kvm_tdx.hkid = -1;
	}
	tdx_late_reclaim(kvm);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vm_free(): the TD's own pages, its root last. */
export function tdx_vm_free(kvm: struct_kvm): void {
	const kvm_tdx = to_kvm_tdx(kvm), { tdr } = kvm_tdx;
	const tdcs = kvm_tdx.tdcs.splice(0);

	kvm_tdx.tdr = null;
	if (kvm_tdx.lost) {
		for (const page of tdr === null ? tdcs : [...tdcs, tdr])
			x.tdx_page_leak(page);
		return;
	}
	for (const page of tdcs)
		tdx_clear_and_free_page(page);
	if (tdr === null)
		return;
	if (tdx_reclaim_page(tdr, 1) !== 0) {
		x.tdx_page_leak(tdr);
		return;
	}
	/* it was under the module's own KeyID, whose lines no freeing of a KeyID has flushed */
	const err = ops.tdh_phymem_page_wbinvd(ops.set_hkid_to_hpa(page_to_phys(tdr),
		x.tdx_global_keyid));
	if (tdx_failed(err)) {
		pr_tdx_error("TDH_PHYMEM_PAGE_WBINVD", err);
		x.tdx_page_leak(tdr);
		return;
	}
	/* once more: the flush may have brought back what was there */
	if (x.clear_on_drop)
		x.tdx_clear_page(tdr);
	free_page(tdr);
}

/* KVM_TDX_INIT_VM */

function find_entry(entries: readonly struct_kvm_cpuid_entry2[], fn: number, index: number):
	struct_kvm_cpuid_entry2 | null {
	return entries.find((e) => e.function === fn &&
		(index === 0xffffffff || e.index === index)) ?? null;
}

/** arch/x86/kvm/vmx/tdx.c:setup_tdparams(): 0 or -errno; the module checks the values. */
function setup_tdparams(kvm: struct_kvm, params: Uint8Array, init_vm: struct_kvm_tdx_init_vm):
	number {
	const v = new DataView(params.buffer, params.byteOffset), info = x.tdx_get_sysinfo()!;
	const bytes = init_vm.reserved.subarray(sizeof(struct_kvm_cpuid2));
	const { nent } = init_vm.cpuid;
	const entries: struct_kvm_cpuid_entry2[] = [];

	if (nent > Math.floor(bytes.length / sizeof(struct_kvm_cpuid_entry2)))
		return -E2BIG;
	for (let i = 0; i < nent; i++)
		entries.push(struct_kvm_cpuid_entry2.of(bytes,
			i * sizeof(struct_kvm_cpuid_entry2)));

	/* physical addresses of more than 48 bits take five levels */
	const address = find_entry(entries, 0x80000008, 0xffffffff);
	const wide = address !== null && (address.eax & 0xff) > 48;
	if (wide && !cpu_has_vmx_ept_5levels())
		return -EINVAL;

	v.setBigUint64(0, init_vm.attributes, true);
	const xsave = find_entry(entries, 0xd, 0);
	const xss = find_entry(entries, 0xd, 1);
	const xfam = xsave === null ? 0n : (BigInt(xsave.edx) << 32n) | BigInt(xsave.eax) |
		(xss === null ? 0n : (BigInt(xss.edx) << 32n) | BigInt(xss.ecx));
	v.setBigUint64(8, (xfam & info.xfam_fixed0) | info.xfam_fixed1, true);
	v.setUint32(PARAMS_MAX_VCPUS, kvm.max_vcpus, true);
	v.setBigUint64(PARAMS_EPTP_CONTROLS, BigInt(EPTP_MT_WB |
		(wide ? EPTP_PWL_5 : EPTP_PWL_4)), true);
	v.setBigUint64(PARAMS_EXEC_CONTROLS, wide ? EXEC_CONTROL_MAX_GPAW : 0n, true);
	v.setUint16(PARAMS_TSC_FREQUENCY, kvm.arch.default_tsc_khz / 25000, true);
	const digests = [init_vm.mrconfigid, init_vm.mrowner, init_vm.mrownerconfig];
	digests.forEach((digest, n) => params.set(digest, PARAMS_MRCONFIGID + n * 48));
	info.cpuid_configs.forEach((c, i) => {
		const e = find_entry(entries, c.leaf, c.sub_leaf);
		const at = PARAMS_CPUID_VALUES + i * 16;
		if (e === null)
			return;
		v.setUint32(at, e.eax & c.eax, true);
		v.setUint32(at + 4, e.ebx & c.ebx, true);
		v.setUint32(at + 8, e.ecx & c.ecx, true);
		v.setUint32(at + 12, e.edx & c.edx, true);
	});
	to_kvm_tdx(kvm).wide = wide;
	to_kvm_tdx(kvm).attributes = init_vm.attributes;
	to_kvm_tdx(kvm).xfam = v.getBigUint64(8, true);
	return 0;
}

/** A leaf, until nobody else has a lock that it wants; C holds tdx_lock around some of them. */
function retry_busy(fn: () => number): number {
	let err;

	do {
		err = fn();
	} while (tdx_busy(err));
	return err;
}

function new_page(): struct_page | null {
	return alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
}

/** The TD's key on each package. Bad keys are made anew, a lack of entropy is the caller's. */
function configure_keys(tdr: hpa_t): number {
	return on_each_package(() => {
		let err;
		do {
			err = ops.tdh_mng_key_config(tdr);
		} while (tdx_busy(err) || err === x.TDX_KEY_GENERATION_FAILED);
		return err;
	});
}

/** From TDH.MNG.CREATE to TDH.MNG.INIT; what was begun stays for the caller to undo. */
function __tdx_td_init(kvm: struct_kvm, params: struct_page, seamcall_err: ref<bigint>): number {
	const kvm_tdx = to_kvm_tdx(kvm), tdr = new_page();
	const error = (name: string, err: number): number => {
		seamcall_err.v = x.tdx_rax(ops.tdx_out);
		if (err === x.TDX_RND_NO_ENTROPY)
			return -EAGAIN;
		pr_tdx_error(name, err);
		return -EIO;
	};

	if (tdr === null)
		return -ENOMEM;
	const pa = page_to_phys(tdr);
	let err = retry_busy(() => ops.tdh_mng_create(pa, kvm_tdx.hkid));
	if (tdx_failed(err)) {
		free_page(tdr);
		return error("TDH_MNG_CREATE", err);
	}
	kvm_tdx.tdr = tdr;
	err = configure_keys(pa);
	if (tdx_failed(err))
		return error("TDH_MNG_KEY_CONFIG", err);
	const n = x.tdx_get_sysinfo()!.tdcs_base_size / PAGE_SIZE;
	for (let i = 0; i < n; i++) {
		const page = new_page();
		if (page === null)
			return -ENOMEM;
		err = retry_busy(() => ops.tdh_mng_addcx(pa, page_to_phys(page)));
		if (tdx_failed(err)) {
			free_page(page);
			return error("TDH_MNG_ADDCX", err);
		}
		kvm_tdx.tdcs.push(page);
	}
	err = retry_busy(() => ops.tdh_mng_init(pa, page_to_phys(params)));
	if (tdx_failed(err)) {
		const ret = error("TDH_MNG_INIT", err);
		/* user space's choice, then */
		return err === x.TDX_OPERAND_INVALID ? -EINVAL : ret;
	}
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_td_init(), under kvm->lock. */
function tdx_td_init(kvm: struct_kvm, cmd: struct_kvm_tdx_cmd): number {
	const kvm_tdx = to_kvm_tdx(kvm), seamcall_err = new ref(0n);
	let ret;

	if (kvm_tdx.initialized || is_hkid_assigned(kvm_tdx) || kvm_tdx.lost ||
	    kvm.created_vcpus !== 0)
		return -EINVAL;
	if (cmd.flags !== 0)
		return -EINVAL;
	const bytes = memdup_user(unsigned_long(cmd.data), sizeof(struct_kvm_tdx_init_vm));
	if (IS_ERR(bytes))
		return PTR_ERR(bytes);
	const params = new_page();
	free_bytes: {
		ret = -ENOMEM;
		if (params === null)
			break free_bytes;
		free_params: {
			ret = setup_tdparams(kvm, page_bytes(params),
				struct_kvm_tdx_init_vm.of(bytes));
			if (ret !== 0)
				break free_params;
			const hkid = x.tdx_keyid_alloc();
			if (hkid < 0) {
				ret = hkid;
				break free_params;
			}
			kvm_tdx.hkid = hkid;
			ret = __tdx_td_init(kvm, params, seamcall_err);
			cmd.error = seamcall_err.v;
			if (ret !== 0) {
				tdx_mmu_release_hkid(kvm);
				tdx_vm_free(kvm);
				break free_params;
			}
			kvm_tdx.initialized = true;
			/* the top bit of a gpa: 51, or 47 */
			kvm.arch.gfn_shared_mask = 2 ** (kvm_tdx.wide ? 39 : 35);
		}
		free_page(params);
	}
	kfree(bytes);
	return ret;
}

/* KVM_TDX_INIT_MEM_REGION */

function region_ok(kvm: struct_kvm, source: bigint, gpa: bigint, nr_pages: bigint): boolean {
	const end = BigInt.asUintN(64, gpa + nr_pages * BigInt(PAGE_SIZE));
	const mask = BigInt(PAGE_SIZE - 1);

	return (source & mask) === 0n && (gpa & mask) === 0n && nr_pages !== 0n &&
		nr_pages < 1n << 52n && end > gpa &&
		kvm_is_private_gpa(kvm, gpa_t(Number(gpa))) &&
		kvm_is_private_gpa(kvm, gpa_t(Number(end - 1n)));
}

/** One page of user space's at @source becomes the TD's at @gpa. */
function add_page(vcpu: struct_kvm_vcpu, source: number, gpa: gpa_t, measure: boolean): number {
	const kvm_tdx = to_kvm_tdx(vcpu.kvm), pages: struct_page[] = [];
	let ret = get_user_pages_fast(source, 1, 0, pages);

	if (ret !== 1)
		return ret < 0 ? ret : -ENOMEM;
	kvm_tdx.source = pages[0]!;
	kvm_tdx.measure = measure;
	ret = kvm_mmu_map_tdp_page(vcpu, gpa);
	/* it was there before */
	if (ret === 0 && kvm_tdx.source !== null)
		ret = -EEXIST;
	kvm_tdx.source = null;
	put_page(pages[0]!);
	return vcpu.kvm.vm_bugged ? -EFAULT : ret;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_init_mem_region(), under kvm->lock. */
function tdx_init_mem_region(kvm: struct_kvm, cmd: struct_kvm_tdx_cmd): number {
	const kvm_tdx = to_kvm_tdx(kvm), region = struct_kvm_tdx_init_mem_region.alloc();
	const argp = unsigned_long(cmd.data);
	let added = false, ret = 0;

	if (!kvm_tdx.initialized || kvm_tdx.finalized || kvm_tdx.lost)
		return -EINVAL;
	/* its MMU is what the pages are mapped with */
	if (atomic_read(kvm.online_vcpus) === 0)
		return -EINVAL;
	if ((cmd.flags & ~KVM_TDX_MEASURE_MEMORY_REGION) !== 0)
		return -EINVAL;
	if (copy_from_user(region, argp, sizeof(struct_kvm_tdx_init_mem_region)) !== 0)
		return -EFAULT;
	if (!region_ok(kvm, region.source_addr, region.gpa, region.nr_pages))
		return -EINVAL;

	const vcpu = kvm_get_vcpu(kvm, 0)!;
	if (mutex_lock_killable(vcpu.mutex) !== 0)
		return -EINTR;
	vcpu_load(vcpu);
	const idx = srcu_read_lock(kvm.srcu);
	ret = kvm_mmu_reload(vcpu);
	while (ret === 0 && region.nr_pages !== 0n) {
		if (signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		if (need_resched())
			cond_resched();
		ret = add_page(vcpu, unsigned_long(region.source_addr), gpa_t(Number(region.gpa)),
			(cmd.flags & KVM_TDX_MEASURE_MEMORY_REGION) !== 0);
		if (ret !== 0)
			break;
		region.source_addr += BigInt(PAGE_SIZE);
		region.gpa += BigInt(PAGE_SIZE);
		region.nr_pages--;
		added = true;
	}
	srcu_read_unlock(kvm.srcu, idx);
	vcpu_put(vcpu);
	mutex_unlock(vcpu.mutex);

	/* how far it came */
	if (added && copy_to_user(argp, region, sizeof(struct_kvm_tdx_init_mem_region)) !== 0)
		ret = -EFAULT;
	return ret;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_td_finalizemr(), under kvm->lock. */
function tdx_td_finalizemr(kvm: struct_kvm, cmd: struct_kvm_tdx_cmd): number {
	const kvm_tdx = to_kvm_tdx(kvm);

	if (cmd.flags !== 0 || !kvm_tdx.initialized || kvm_tdx.finalized || kvm_tdx.lost)
		return -EINVAL;
	const err = retry_busy(() => ops.tdh_mr_finalize(page_to_phys(kvm_tdx.tdr!)));
	if (tdx_failed(err)) {
		cmd.error = x.tdx_rax(ops.tdx_out);
		pr_tdx_error("TDH_MR_FINALIZE", err);
		return -EIO;
	}
	kvm_tdx.finalized = true;
	/* nothing is in a TLB yet, and a new epoch begins */
	kvm_tdx.has_range_blocked = true;
	tdx_track(kvm);
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vm_ioctl() */
export function tdx_vm_ioctl(kvm: struct_kvm, argp: user_ptr): number {
	const cmd = struct_kvm_tdx_cmd.alloc();
	let r;

	if (copy_from_user(cmd, argp, sizeof(struct_kvm_tdx_cmd)) !== 0)
		return -EFAULT;
	if (cmd.error !== 0n || cmd.unused !== 0n)
		return -EINVAL;

	mutex_lock(kvm.lock);
	switch (cmd.id) {
	case KVM_TDX_INIT_VM:
		r = tdx_td_init(kvm, cmd);
		break;
	case KVM_TDX_INIT_MEM_REGION:
		r = tdx_init_mem_region(kvm, cmd);
		break;
	case KVM_TDX_FINALIZE_VM:
		r = tdx_td_finalizemr(kvm, cmd);
		break;
	default:
		r = -EINVAL;
	}
	mutex_unlock(kvm.lock);
	if (copy_to_user(argp, cmd, sizeof(struct_kvm_tdx_cmd)) !== 0)
		r = -EFAULT;
	return r;
}

/* vCPUs. */

/** arch/x86/kvm/vmx/tdx.c:tdx_vcpu_create() */
export function tdx_vcpu_create(vcpu: struct_kvm_vcpu): number {
	/* only x2APIC, which only KVM's own APIC is */
	if (vcpu.arch.apic === null)
		return -EINVAL;
	if (!to_kvm_tdx(vcpu.kvm).initialized)
		return -EINVAL;
	const pi_desc = new_page();
	if (pi_desc === null)
		return -ENOMEM;
	pi_init(pi_desc);
	to_vmx(vcpu).tdx = new struct_vcpu_tdx(vcpu);
	to_tdx(vcpu).pi_desc = pi_desc;
	vcpu.arch.guest_state_protected = true;
	vcpu.arch.apic.guest_apic_protected = true;
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vcpu_free() */
export function tdx_vcpu_free(vcpu: struct_kvm_vcpu): void {
	const tdx = to_vmx(vcpu).tdx, kvm_tdx = to_kvm_tdx(vcpu.kvm);

	if (tdx === null)
		return;
	if (tdx.cpu >= 0)
		tdx_flush_vp_on_cpu(tdx);
	const pages = tdx.tdvpr === null ? tdx.tdvpx : [...tdx.tdvpx, tdx.tdvpr];
	for (const page of pages) {
		if (kvm_tdx.lost || WARN_ON_ONCE(is_hkid_assigned(kvm_tdx)))
			x.tdx_page_leak(page);
		else
			tdx_clear_and_free_page(page);
	}
	free_page(tdx.pi_desc);
	to_vmx(vcpu).tdx = null;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vcpu_load() */
export function tdx_vcpu_load(vcpu: struct_kvm_vcpu, cpu: number): void {
	const tdx = to_tdx(vcpu);

	if (tdx.cpu === cpu)
		return;
	tdx_flush_vp_on_cpu(tdx);
	local_irq_disable();
	/* in the order in which tdx_hardware_disable() looks at them: none */
	tdx.cpu = cpu;
	list_add(tdx.cpu_list, per_cpu(associated_tdvcpus, cpu));
	local_irq_enable();
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vcpu_reset(): INIT is not for TDs. */
export function tdx_vcpu_reset(_vcpu: struct_kvm_vcpu, _init_event: boolean): void {}

/** TDH.VP.CREATE to INIT; pages that the module has got are freed with the vCPU. */
function tdx_td_vcpu_init(vcpu: struct_kvm_vcpu, vcpu_rcx: bigint, cmd: struct_kvm_tdx_cmd):
	number {
	const tdx = to_tdx(vcpu), tdr = page_to_phys(to_kvm_tdx(vcpu.kvm).tdr!);
	const error = (name: string, err: number): number => {
		cmd.error = x.tdx_rax(ops.tdx_out);
		pr_tdx_error(name, err);
		return -EIO;
	};
	const tdvpr = new_page();

	if (tdvpr === null)
		return -ENOMEM;
	let err = retry_busy(() => ops.tdh_vp_create(tdr, page_to_phys(tdvpr)));
	if (tdx_failed(err)) {
		free_page(tdvpr);
		return error("TDH_VP_CREATE", err);
	}
	tdx.tdvpr = tdvpr;
	const n = x.tdx_get_sysinfo()!.tdvps_base_size / PAGE_SIZE - 1;
	for (let i = 0; i < n; i++) {
		const page = new_page();
		if (page === null)
			return -ENOMEM;
		err = retry_busy(() => ops.tdh_vp_addcx(page_to_phys(tdvpr), page_to_phys(page)));
		if (tdx_failed(err)) {
			free_page(page);
			return error("TDH_VP_ADDCX", err);
		}
		tdx.tdvpx.push(page);
	}
	err = retry_busy(() => ops.tdh_vp_init(page_to_phys(tdvpr), vcpu_rcx));
	if (tdx_failed(err))
		return error("TDH_VP_INIT", err);
	tdx.associated = true;
	for (const [field, value, mask] of [
		[TD_VMCS_POSTED_INTR_NV, POSTED_INTR_VECTOR, 0xffffn],
		[TD_VMCS_POSTED_INTR_DESC_ADDR, page_to_phys(tdx.pi_desc!), ~0n],
		[TD_VMCS_PIN_BASED, PIN_BASED_POSTED_INTR, BigInt(PIN_BASED_POSTED_INTR)],
	] as const) {
		err = retry_busy(() => ops.tdh_vp_wr(page_to_phys(tdvpr), field, value, mask));
		if (tdx_failed(err))
			return error("TDH_VP_WR", err);
	}
	return 0;
}

/** x2APIC from the start, as the module tells the guest. */
function set_x2apic(vcpu: struct_kvm_vcpu): number {
	const msr = new struct_msr_data();

	msr.data = BigInt(APIC_DEFAULT_PHYS_BASE) | BigInt(LAPIC_MODE_X2APIC);
	if (vcpu.vcpu_id === vcpu.kvm.arch.bsp_vcpu_id)
		msr.data |= MSR_IA32_APICBASE_BSP;
	msr.host_initiated = true;
	return kvm_set_apic_base(vcpu, msr) !== 0 ? -EINVAL : 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vcpu_ioctl(), with the vCPU loaded. */
export function tdx_vcpu_ioctl(vcpu: struct_kvm_vcpu, argp: user_ptr): number {
	const tdx = to_tdx(vcpu), kvm_tdx = to_kvm_tdx(vcpu.kvm);
	const cmd = struct_kvm_tdx_cmd.alloc();

	/* a second try after a failure would find pages that are the module's */
	if (tdx.initialized || tdx.tdvpr !== null)
		return -EINVAL;
	if (!kvm_tdx.initialized || kvm_tdx.finalized || kvm_tdx.lost)
		return -EINVAL;
	if (copy_from_user(cmd, argp, sizeof(struct_kvm_tdx_cmd)) !== 0)
		return -EFAULT;
	if (cmd.error !== 0n || cmd.unused !== 0n)
		return -EINVAL;
	if (cmd.flags !== 0 || cmd.id !== KVM_TDX_INIT_VCPU)
		return -EINVAL;

	let ret = set_x2apic(vcpu);
	if (ret !== 0)
		return ret;
	ret = tdx_td_vcpu_init(vcpu, cmd.data, cmd);
	if (ret !== 0)
		return copy_to_user(argp, cmd, sizeof(struct_kvm_tdx_cmd)) !== 0 ? -EFAULT : ret;
	tdx.initialized = true;
	vcpu.arch.mp_state = KVM_MP_STATE_RUNNABLE;
	/* the shared tables may have been loaded before there was somebody to tell */
	kvm_make_request(KVM_REQ_LOAD_MMU_PGD, vcpu);
	return 0;
}
