// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing the TDX module up, and KeyIDs for TDs.
 *
 * Upstream: arch/x86/virt/vmx/tdx/tdx.c of the host kernel support series, which was merged later;
 * the messages are its. Regions: tdmr.ts. Left out: memory that comes and goes, suspend, kexec. As
 * in 2022 the first user brings the module up: KVM, when it is loaded, in VMX operation.
 *
 * tdx_module_lock	state of the module, regions
 * tdx_keyid_lock	KeyIDs
 */
import { early_initcall } from "#asm-generic/registry.ts";
import { ref } from "#asm-generic/types.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { for_each_online_cpu } from "#linux/cpumask.ts";
import { EINVAL, ENODEV, ENOMEM, ENOSPC } from "#linux/errno.ts";
import { __get_free_page, __GFP_ZERO, free_page, GFP_KERNEL } from "#linux/gfp.ts";
import { page_to_phys } from "#linux/io.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { pr_err, pr_info } from "#linux/printk.ts";
import { privmem_state_section } from "#linux/proc_fs.ts";
import { smp_call_function_single, smp_processor_id } from "#linux/smp.ts";
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { wbinvd_on_all_cpus } from "#asm/cacheflush.ts";
import { rdmsrl_safe } from "#asm/msr.ts";
import { page_bytes } from "#asm/page.ts";
import { pamt_used } from "#hw/tdx/pamt.ts";
import { reg_set } from "#hw/tdx/regs.ts";
import { MSR_IA32_MKTME_KEYID_PARTITIONING, TDX_MAX_CMRS, TDH_SYS_CONFIG, TDH_SYS_INFO,
	TDH_SYS_INIT, TDH_SYS_KEY_CONFIG, TDH_SYS_LP_INIT, TDH_SYS_TDMR_INIT, seamcall,
	struct_tdx_module_args, tme_clear_page, topology_physical_package_id } from "#asm/tdx.ts";
import { build_tdx_memlist, construct_tdmrs, free_check_start, free_tdmrs, tdmr_info_list,
	tdmrs_count_pamt_kb, tdmrs_reset_pamt_all } from "#arch/x86/virt/vmx/tdx/tdx.h.ts";

const TDX_MODULE_UNINITIALIZED	= 0;
const TDX_MODULE_INITIALIZED	= 1;
const TDX_MODULE_ERROR		= 2;

const tdx_module_lock = DEFINE_MUTEX("tdx_module_lock");
let tdx_module_status = TDX_MODULE_UNINITIALIZED;
/* by CPU */
const tdx_lp_initialized: boolean[] = [];
let sysinit_done = false;
let sysinit_ret = 0;

/** The module's own KeyID; 0: BIOS has not set up TDX. */
export let tdx_global_keyid = 0;
/** KeyIDs for TDs, from this one on. */
export let tdx_guest_keyid_start = 0;
export let tdx_nr_guest_keyids = 0;

export interface tdx_cpuid_config {
	readonly leaf: number;
	readonly sub_leaf: number;
	readonly eax: number;
	readonly ebx: number;
	readonly ecx: number;
	readonly edx: number;
}

/** What TDH.SYS.INFO tells of the module. */
export interface struct_tdsysinfo {
	readonly vendor_id: number;
	readonly build_date: number;
	readonly build_num: number;
	readonly minor_version: number;
	readonly major_version: number;
	readonly max_tdmrs: number;
	readonly max_reserved_per_tdmr: number;
	readonly pamt_entry_size: number;
	readonly tdcs_base_size: number;
	readonly tdvps_base_size: number;
	readonly attributes_fixed0: bigint;
	readonly attributes_fixed1: bigint;
	readonly xfam_fixed0: bigint;
	readonly xfam_fixed1: bigint;
	readonly cpuid_configs: readonly tdx_cpuid_config[];
}

let sysinfo: struct_tdsysinfo | null = null;

/** null until the module works. */
export function tdx_get_sysinfo(): struct_tdsysinfo | null {
	return tdx_module_status === TDX_MODULE_INITIALIZED ? sysinfo : null;
}

/* Boot. */

/** arch/x86/virt/vmx/tdx/tdx.c:record_keyid_partitioning() */
function record_keyid_partitioning(): { start: number; nr: number } | number {
	const msr = new ref(0n);

	if (rdmsrl_safe(MSR_IA32_MKTME_KEYID_PARTITIONING, msr) !== 0)
		return -EINVAL;
	const nr = Number(msr.v >> 32n);
	if (nr === 0)
		return -EINVAL;
	/* KeyID 0 is no KeyID */
	return { start: Number(msr.v & 0xffffffffn) + 1, nr };
}

/** arch/x86/virt/vmx/tdx/tdx.c:tdx_init() */
function tdx_init(): number {
	const keyids = record_keyid_partitioning();

	if (typeof keyids === "number")
		return 0;
	pr_info("virt/tdx: BIOS enabled: private KeyID range [%u, %u)\n", keyids.start,
		keyids.start + keyids.nr);

	/* one for the module itself, and the rest for TDs */
	if (keyids.nr < 2) {
		pr_err("virt/tdx: initialization failed: too few private KeyIDs available.\n");
		return 0;
	}
	tdx_global_keyid = keyids.start;
	tdx_guest_keyid_start = keyids.start + 1;
	tdx_nr_guest_keyids = keyids.nr - 1;
	tdx_state_init();
	return 0;
}
early_initcall("arch/x86/virt/vmx/tdx/tdx", tdx_init);

/** arch/x86/virt/vmx/tdx/tdx.c:platform_tdx_enabled() */
export function platform_tdx_enabled(): boolean {
	return tdx_global_keyid !== 0;
}

/* CPUs. */

/** arch/x86/virt/vmx/tdx/tdx.c:try_init_module_global(): once, whatever came of it. */
function try_init_module_global(): number {
	const args = new struct_tdx_module_args();

	if (sysinit_done)
		return sysinit_ret;
	sysinit_ret = seamcall(TDH_SYS_INIT, args);
	/* the first call of all: it finds out whether there is a module */
	if (sysinit_ret === -ENODEV)
		pr_err("virt/tdx: module not loaded\n");
	sysinit_done = true;
	return sysinit_ret;
}

/** arch/x86/virt/vmx/tdx/tdx.c:tdx_cpu_enable(): on the CPU, in VMX operation. */
export function tdx_cpu_enable(): number {
	const cpu = smp_processor_id();

	if (!platform_tdx_enabled())
		return -ENODEV;
	if (tdx_lp_initialized[cpu])
		return 0;
	let ret = try_init_module_global();
	if (ret !== 0)
		return ret;
	ret = seamcall(TDH_SYS_LP_INIT, new struct_tdx_module_args());
	if (ret !== 0)
		return ret;
	tdx_lp_initialized[cpu] = true;
	return 0;
}

/* The module. */

function parse_sysinfo(bytes: Uint8Array): struct_tdsysinfo {
	const v = new DataView(bytes.buffer, bytes.byteOffset);
	const u16 = (at: number): number => v.getUint16(at, true);
	const u32 = (at: number): number => v.getUint32(at, true);
	const u64 = (at: number): bigint => v.getBigUint64(at, true);
	const config = (at: number): tdx_cpuid_config => ({
		leaf: u32(at), sub_leaf: u32(at + 4), eax: u32(at + 8), ebx: u32(at + 12),
		ecx: u32(at + 16), edx: u32(at + 20),
	});

	return {
		vendor_id: u32(4), build_date: u32(8), build_num: u16(12), minor_version: u16(14),
		major_version: u16(16), max_tdmrs: u16(32), max_reserved_per_tdmr: u16(34),
		pamt_entry_size: u16(36), tdcs_base_size: u16(48), tdvps_base_size: u16(52),
		attributes_fixed0: u64(64), attributes_fixed1: u64(72), xfam_fixed0: u64(80),
		xfam_fixed1: u64(88),
		cpuid_configs: Array.from({ length: u32(128) }, (_x, i) => config(132 + i * 24)),
	};
}

/** arch/x86/virt/vmx/tdx/tdx.c:tdx_get_sysinfo(), and where memory is that can be a TD's. */
function __tdx_get_sysinfo(): number {
	const args = new struct_tdx_module_args();
	const page = __get_free_page(GFP_KERNEL | __GFP_ZERO);

	if (page === null)
		return -ENOMEM;
	const bytes = page_bytes(page);
	reg_set(args, 1, page_to_phys(page));
	reg_set(args, 2, 1024);
	reg_set(args, 8, page_to_phys(page) + 1024);
	reg_set(args, 9, TDX_MAX_CMRS);
	const ret = seamcall(TDH_SYS_INFO, args);
	if (ret === 0) {
		sysinfo = parse_sysinfo(bytes);
		pr_info("virt/tdx: TDX module: vendor_id 0x%x, major_version %u, " +
			"minor_version %u, build_date %u, build_num %u\n", sysinfo.vendor_id,
			sysinfo.major_version, sysinfo.minor_version, sysinfo.build_date,
			sysinfo.build_num);
		print_cmrs(bytes, args.u32[18]!);
	}
	free_page(page);
	return ret;
}

const hex = (x: bigint): string => `0x${x.toString(16)}`;

function print_cmrs(bytes: Uint8Array, n: number): void {
	const v = new DataView(bytes.buffer, bytes.byteOffset + 1024);

	for (let i = 0; i < n; i++) {
		const base = v.getBigUint64(i * 16, true), size = v.getBigUint64(i * 16 + 8, true);
		if (size !== 0n)
			pr_info("virt/tdx: CMR[%d]: [%s, %s)\n", i, hex(base), hex(base + size));
	}
}

/** arch/x86/virt/vmx/tdx/tdx.c:config_tdx_module(), with TDMR_INFO structs in @tdmrs. */
function config_tdx_module(tdmrs: tdmr_info_list): number {
	const args = new struct_tdx_module_args();
	const array = __get_free_page(GFP_KERNEL | __GFP_ZERO);

	if (array === null)
		return -ENOMEM;
	const v = new DataView(page_bytes(array).buffer, page_bytes(array).byteOffset);
	tdmrs.pages.forEach((page, i) => v.setBigUint64(i * 8, BigInt(page_to_phys(page)), true));
	reg_set(args, 1, page_to_phys(array));
	reg_set(args, 2, tdmrs.pages.length);
	reg_set(args, 8, tdx_global_keyid);
	const ret = seamcall(TDH_SYS_CONFIG, args);
	free_page(array);
	return ret;
}

/** arch/x86/virt/vmx/tdx/tdx.c:do_global_key_config() */
function do_global_key_config(ret: ref<number>): void {
	ret.v = seamcall(TDH_SYS_KEY_CONFIG, new struct_tdx_module_args());
}

/** arch/x86/virt/vmx/tdx/tdx.c:config_global_keyid(): on one CPU of each package. */
function config_global_keyid(): number {
	const ret = new ref(0);

	for (const cpu of tdx_package_cpus()) {
		smp_call_function_single(cpu, do_global_key_config, ret, 1);
		if (ret.v !== 0)
			break;
	}
	return ret.v;
}

/** The first online CPU of each package. */
export function tdx_package_cpus(): number[] {
	const seen = new Set<number>(), found: number[] = [];

	for (const cpu of for_each_online_cpu()) {
		const package_ = topology_physical_package_id(cpu);
		if (seen.has(package_))
			continue;
		seen.add(package_);
		found.push(cpu);
	}
	return found;
}

/** arch/x86/virt/vmx/tdx/tdx.c:init_tdmr() */
function init_tdmr(base: number, size: number): number {
	const args = new struct_tdx_module_args();
	let next: number;

	/* a part of it in each call */
	do {
		reg_set(args, 1, base);
		const ret = seamcall(TDH_SYS_TDMR_INIT, args);
		if (ret !== 0)
			return ret;
		next = args.u32[4]! + args.u32[5]! * 2 ** 32;
	} while (next < base + size);
	return 0;
}

function init_tdmrs(tdmrs: tdmr_info_list): number {
	for (const t of tdmrs.list) {
		const ret = init_tdmr(t.base, t.size);
		if (ret !== 0)
			return ret;
	}
	return 0;
}

/** arch/x86/virt/vmx/tdx/tdx.c:init_tdx_module() */
function init_tdx_module(): number {
	const tdmrs = new tdmr_info_list();
	let ret = __tdx_get_sysinfo();

	if (ret !== 0)
		return ret;
	const memlist = build_tdx_memlist();
	if (memlist.length === 0)
		return -ENOSPC;
	ret = construct_tdmrs(memlist, tdmrs, sysinfo!);
	if (ret !== 0)
		return ret;
	out_free_pamts: {
		ret = config_tdx_module(tdmrs);
		if (ret !== 0)
			break out_free_pamts;
		/* caches may hold lines of PAMT areas that the kernel has written */
		wbinvd_on_all_cpus();
		out_reset_pamts: {
			ret = config_global_keyid();
			if (ret !== 0)
				break out_reset_pamts;
			ret = init_tdmrs(tdmrs);
			if (ret !== 0)
				break out_reset_pamts;
			pr_info("virt/tdx: %lu KB allocated for PAMT\n", tdmrs_count_pamt_kb(tdmrs));
			/* TDMR_INFO structs are not looked at again */
			tdmrs.pages.forEach(free_page);
			return 0;
		}
		/* parts of them may be the module's already */
		wbinvd_on_all_cpus();
		tdmrs_reset_pamt_all(tdmrs);
	}
	free_tdmrs(tdmrs);
	return ret;
}

/** arch/x86/virt/vmx/tdx/tdx.c:__tdx_enable() */
function __tdx_enable(): number {
	const ret = init_tdx_module();

	if (ret !== 0) {
		pr_err("virt/tdx: module initialization failed (%d)\n", ret);
		tdx_module_status = TDX_MODULE_ERROR;
		return ret;
	}
	pr_info("virt/tdx: module initialized\n");
	tdx_module_status = TDX_MODULE_INITIALIZED;
	free_check_start();
	return 0;
}

/**
 * arch/x86/virt/vmx/tdx/tdx.c:tdx_enable()
 *
 * tdx_cpu_enable() has been called on all CPUs, which are in VMX operation. Once; -EINVAL if it has
 * failed before.
 */
export function tdx_enable(): number {
	let ret;

	if (!platform_tdx_enabled())
		return -ENODEV;
	mutex_lock(tdx_module_lock);
	switch (tdx_module_status) {
	case TDX_MODULE_UNINITIALIZED:
		ret = __tdx_enable();
		break;
	case TDX_MODULE_INITIALIZED:
		ret = 0;
		break;
	default:
		ret = -EINVAL;
	}
	mutex_unlock(tdx_module_lock);
	return ret;
}

/* KeyIDs. */

const tdx_keyid_lock = DEFINE_SPINLOCK("tdx_keyid_lock");
/* those that are taken, for good where a TD could not be torn down */
const keyids = new Set<number>();

/** A KeyID for a TD: the lowest free one, or -ENOSPC. */
export function tdx_keyid_alloc(): number {
	const first = tdx_guest_keyid_start;
	let id = first;

	if (WARN_ON_ONCE(tdx_nr_guest_keyids === 0))
		return -EINVAL;
	spin_lock(tdx_keyid_lock);
	while (keyids.has(id))
		id++;
	if (id < first + tdx_nr_guest_keyids)
		keyids.add(id);
	else
		id = -ENOSPC;
	spin_unlock(tdx_keyid_lock);
	return id;
}

export function tdx_keyid_free(id: number): void {
	spin_lock(tdx_keyid_lock);
	keyids.delete(id);
	spin_unlock(tdx_keyid_lock);
}

export function tdx_keyids_used(): number {
	return keyids.size;
}

/* Pages. */

/** Pages that the module did not give back: nobody may touch them again. */
export let tdx_pages_leaked = 0;

export function tdx_page_leak(page: struct_page): void {
	pr_err("virt/tdx: page 0x%llx is lost\n", page_to_phys(page));
	tdx_pages_leaked++;
}

/**
 * A page that was a TD's, or the module's: zeros, without owner bits and poison. By MOVDIR64B,
 * which reads nothing of what is there.
 */
export function tdx_clear_page(page: struct_page): void {
	tme_clear_page(page_to_phys(page), 0);
}

/** Section [tdx] of privmem/state. */
function tdx_state_init(): void {
	privmem_state_section("tdx", () => [
		`keyids ${keyids.size}`,
		`leaked ${tdx_pages_leaked}`,
		`owned ${pamt_used()}`,
	]);
}
