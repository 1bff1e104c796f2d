// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing the module up: TDH.SYS leaves.
 *
 * Port-only. States, and the leaf that leads on once it has succeeded everywhere it must run:
 *
 *	SYSINIT_PENDING -INIT-> SYSINIT_DONE -(LP.INIT on all CPUs) CONFIG-> SYSCONFIG_DONE
 *	-KEY.CONFIG on all packages-> SYS_READY; any -LP.SHUTDOWN-> SYS_SHUTDOWN
 */
import { cpus, this_cpu } from "../cpu.ts";
import { E820_TYPE_RAM, memory_has_frame, memory_map } from "../memory.ts";
import { tme_config } from "../tme.ts";
import { seam_write } from "./access.ts";
import * as d from "./defs.ts";
import { all_packages, hkid_private, hkid_shift, key_generate, keys_reset, kot_reserve,
	this_package } from "./keys.ts";
import { LOCK_EXCLUSIVE, LOCK_KOT, LOCK_SHARED, LOCK_SYS, LOCK_TDMR, locks_reset, tdx_lock,
	type lock_mode } from "./locks.ts";
import { pamt_init_entries, pamt_reset } from "./pamt.ts";
import { reg_get, reg_set, status, type seam_regs } from "./regs.ts";
import { module_reset, tdx, type tdx_config } from "./state.ts";
import { CPUID_CONFIGS } from "./td_cpuid.ts";
import { ATTRIBUTES_MAY, ATTRIBUTES_MUST, XFAM_MAY, XFAM_MUST } from "./td_params.ts";
import { read_tdmrs } from "./tdmr.ts";

/* TDMR.INIT: entries of 4 KiB pages per call */
const INIT_ENTRIES	= 1024;
const INIT_BYTES	= INIT_ENTRIES * 4096;

const TDSYSINFO_BYTES	= 1024;

/** Power on, after CPUs, memory and its encryption: firmware has loaded the module, or not. */
export function tdx_install(config: tdx_config): void {
	module_reset(config);
	locks_reset();
	keys_reset();
	pamt_reset();
	for (let i = 0; i < cpus.length; i++) {
		tdx.lp_init.push(false);
		tdx.lp_shutdown.push(false);
		tdx.lp_vcpu.push(null);
	}
	/* convertible: all memory but the first MiB */
	tdx.cmrs = memory_map()
		.filter((r) => r.type === E820_TYPE_RAM && r.addr >= 0x100000)
		.map((r) => ({ base: r.addr, size: r.size }));
	for (let i = 0; i < tdx.report_key.length; i++)
		tdx.report_key[i] = Math.imul(i + 1, 0x9e3779b1) >>> 24;
}

/** Where an address of the host points: its KeyID apart. */
export let host_hpa = 0;
export let host_keyid = 0;

/**
 * @bytes of the host's memory at the address in register @reg, which is a multiple of @align and
 * has a shared KeyID or none.
 */
export function host_operand(r: seam_regs, reg: number, align: number, bytes: number,
	operand = reg): number {
	return host_address(reg_get(r, reg), align, bytes) ? d.TDX_SUCCESS :
		status(d.TDX_OPERAND_INVALID, operand);
}

export function host_address(x: number, align: number, bytes: number): boolean {
	const size = 2 ** hkid_shift();

	host_keyid = Math.floor(x / size);
	host_hpa = x - host_keyid * size;
	return x % align === 0 && !hkid_private(host_keyid) &&
		host_keyid < 2 ** tme_config().keyid_bits &&
		memory_has_frame(Math.floor(host_hpa / 4096)) &&
		memory_has_frame(Math.floor((host_hpa + bytes - 1) / 4096));
}

const lock_sys = (mode: lock_mode): boolean => tdx_lock(LOCK_SYS, 0, mode);

export function tdh_sys_init(r: seam_regs): number {
	if (!lock_sys(LOCK_EXCLUSIVE))
		return status(d.TDX_SYS_BUSY, 0);
	if (tdx.state !== d.SYSINIT_PENDING)
		return status(d.TDX_SYS_INIT_NOT_PENDING, 0);
	if (reg_get(r, 1) !== 0)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	tdx.state = d.SYSINIT_DONE;
	return d.TDX_SUCCESS;
}

export function tdh_sys_lp_init(): number {
	if (!lock_sys(LOCK_SHARED))
		return status(d.TDX_SYS_BUSY, 0);
	if (tdx.state === d.SYSINIT_PENDING)
		return status(d.TDX_SYS_LP_INIT_NOT_PENDING, 0);
	if (tdx.lp_init[this_cpu.id])
		return status(d.TDX_SYS_LP_INIT_DONE, 0);
	tdx.lp_init[this_cpu.id] = true;
	return d.TDX_SUCCESS;
}

/*
 * TDSYSINFO:
 *
 *	  0 attributes, vendor, build date (u32 each), build, minor, major (u16 each)
 *	 32 TDMRs, reserved areas of each, size of a PAMT entry (u16 each)
 *	 48 bytes of TDCS (u16)	52 of TDVPS (u16)	54 of it by XFAM (u8)
 *	 64 ATTRIBUTES_FIXED0, FIXED1, XFAM_FIXED0, FIXED1 (u64 each)
 *	128 number of CPUID_CONFIGs (u32)	132 leaf, sub-leaf, masks (u32 each)
 */
function tdsysinfo(): Uint8Array {
	const bytes = new Uint8Array(TDSYSINFO_BYTES), v = new DataView(bytes.buffer);

	v.setUint32(4, 0x8086, true);
	v.setUint32(8, 0x20220715, true);
	v.setUint16(12, 1, true);
	v.setUint16(16, 1, true);
	v.setUint16(32, d.TDX_MAX_TDMRS, true);
	v.setUint16(34, d.TDX_MAX_RESERVED, true);
	v.setUint16(36, d.PAMT_ENTRY_SIZE, true);
	v.setUint16(48, d.TDCS_PAGES * 4096, true);
	v.setUint16(52, d.TDVPS_PAGES * 4096, true);
	v.setBigUint64(64, ATTRIBUTES_MAY, true);
	v.setBigUint64(72, ATTRIBUTES_MUST, true);
	v.setBigUint64(80, XFAM_MAY, true);
	v.setBigUint64(88, XFAM_MUST, true);
	v.setUint32(128, CPUID_CONFIGS.length, true);
	CPUID_CONFIGS.forEach((c, i) => [c.leaf, c.sub_leaf, ...c.masks]
		.forEach((x, n) => v.setUint32(132 + i * 24 + n * 4, x, true)));
	return bytes;
}

export function tdh_sys_info(r: seam_regs): number {
	const cmrs = new Uint8Array(d.TDX_MAX_CMRS * 16), v = new DataView(cmrs.buffer);
	let error = host_operand(r, 1, TDSYSINFO_BYTES, TDSYSINFO_BYTES);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (reg_get(r, 2) < TDSYSINFO_BYTES)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RDX);
	const info_hpa = host_hpa, info_keyid = host_keyid;
	error = host_operand(r, 8, 512, cmrs.length);
	if (error !== d.TDX_SUCCESS)
		return error;
	if (reg_get(r, 9) < d.TDX_MAX_CMRS)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_R9);
	seam_write(info_hpa, info_keyid, tdsysinfo());
	tdx.cmrs.forEach((c, i) => {
		v.setBigUint64(i * 16, BigInt(c.base), true);
		v.setBigUint64(i * 16 + 8, BigInt(c.size), true);
	});
	seam_write(host_hpa, host_keyid, cmrs);
	reg_set(r, 2, TDSYSINFO_BYTES);
	reg_set(r, 9, tdx.cmrs.length);
	return d.TDX_SUCCESS;
}

export function tdh_sys_config(r: seam_regs): number {
	const n = reg_get(r, 2), hkid = reg_get(r, 8);

	if (!lock_sys(LOCK_EXCLUSIVE))
		return status(d.TDX_SYS_BUSY, 0);
	if (tdx.state !== d.SYSINIT_DONE)
		return status(d.TDX_SYS_CONFIG_NOT_PENDING, 0);
	if (tdx.lp_init.includes(false))
		return status(d.TDX_SYS_LP_INIT_NOT_DONE, 0);
	let error = host_operand(r, 1, 512, 8);
	if (error !== d.TDX_SUCCESS)
		return error;
	if (n < 1 || n > d.TDX_MAX_TDMRS)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RDX);
	if (!hkid_private(hkid))
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_R8);
	tdx.tdmrs.length = 0;
	error = read_tdmrs(host_hpa, host_keyid, n);
	if (error !== d.TDX_SUCCESS) {
		tdx.tdmrs.length = 0;
		return error;
	}
	if (!tdx_lock(LOCK_KOT, 0, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_KOT);
	kot_reserve(hkid);
	tdx.global_hkid = hkid;
	tdx.state = d.SYSCONFIG_DONE;
	return d.TDX_SUCCESS;
}

export function tdh_sys_key_config(): number {
	const bit = 2 ** this_package();

	if (!lock_sys(LOCK_EXCLUSIVE))
		return status(d.TDX_SYS_BUSY, 0);
	if (tdx.state !== d.SYSCONFIG_DONE)
		return status(d.TDX_SYS_KEY_CONFIG_NOT_PENDING, 0);
	if ((tdx.pkg_config & bit) !== 0)
		return status(d.TDX_KEY_CONFIGURED, 0);
	const error = key_generate(tdx.global_hkid, tdx.pkg_config);
	if (error !== d.TDX_SUCCESS)
		return error;
	tdx.pkg_config |= bit;
	if (tdx.pkg_config === all_packages())
		tdx.state = d.SYS_READY;
	return d.TDX_SUCCESS;
}

export function tdh_sys_tdmr_init(r: seam_regs): number {
	const base = reg_get(r, 1);
	const index = tdx.tdmrs.findIndex((t) => t.base === base);

	if (index < 0)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	if (!tdx_lock(LOCK_TDMR, index, LOCK_EXCLUSIVE))
		return status(d.TDX_OPERAND_BUSY, d.OPERAND_RCX);
	const t = tdx.tdmrs[index]!;
	if (t.next === t.base + t.size)
		return status(d.TDX_TDMR_ALREADY_INITIALIZED, 0);
	pamt_init_entries(t, t.next, 0, INIT_ENTRIES);
	pamt_init_entries(t, t.next, 1, INIT_ENTRIES / 512);
	if (t.next % 2 ** 30 === 0)
		pamt_init_entries(t, t.next, 2, 1);
	t.next += INIT_BYTES;
	reg_set(r, 2, t.next);
	return d.TDX_SUCCESS;
}

export function tdh_sys_lp_shutdown(): number {
	if (!lock_sys(LOCK_SHARED))
		return status(d.TDX_SYS_BUSY, 0);
	tdx.lp_shutdown[this_cpu.id] = true;
	tdx.state = d.SYS_SHUTDOWN;
	return d.TDX_SUCCESS;
}
