// SPDX-License-Identifier: GPL-2.0
/*
 * Fields of TDR, TDCS and TDVPS by identifier: TDH.MNG.RD and WR, TDH.VP.RD and WR, TDG.VM.RD and
 * WR.
 *
 * Port-only. An identifier is [63 not architectural][62:56 class][31:0 code]. Of a TD under debug
 * the host may see, and write, more. A write has a mask of bits; both give the value that was
 * there.
 */
import { vmcs_get64, vmcs_offset, vmcs_put64, vmcs_read_only } from "../vmcs.ts";
import { PIN_BASED_EXT_INTR_MASK, PIN_BASED_NMI_EXITING, PIN_BASED_POSTED_INTR,
	PIN_BASED_VIRTUAL_NMIS } from "../vmx_defs.ts";
import * as d from "./defs.ts";
import { status, type seam_regs } from "./regs.ts";
import type { struct_tdr, struct_tdvps } from "./state.ts";
import { hkid_shift } from "./keys.ts";
import { LOCK_SHARED } from "./locks.ts";
import { td, td_operand, vp, vp_operand } from "./td.ts";
import { td_apic_pending } from "./td_apic.ts";
import { vp_associate } from "./vp.ts";

const CLASS_TDR		= 0;
const CLASS_TDR_KEYS	= 1;
const CLASS_TDCS	= 16;
const CLASS_EXEC	= 17;
const CLASS_EPOCH	= 18;
const CLASS_MEASURE	= 19;

const CLASS_VMCS	= 0;
const CLASS_VE_INFO	= 2;
const CLASS_GPR		= 16;
const CLASS_STATE	= 17;
const CLASS_MANAGEMENT	= 32;

/** What entries and exits of TDs go by. */
export const TD_PIN_BASED = PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING |
	PIN_BASED_VIRTUAL_NMIS;

/* who may read, who may write: */
const HOST		= 1;
const DEBUG		= 2;	/* the host, if the TD is under debug */
const GUEST		= 4;

interface field<T> {
	readonly read: number;
	readonly write: number;
	readonly get: (x: T, at: number) => bigint;
	readonly set?: (x: T, value: bigint, at: number) => boolean;
	/** Codes from the first one on. */
	readonly n?: number;
}

const id = (cls: number, code: number): number => cls * 2 ** 32 + code;

/* 8 bytes of a digest */
const part = (bytes: Uint8Array, at: number): bigint =>
	bytes.length === 0 ? 0n :
		new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at * 8, true);

const TD_FIELDS: ReadonlyMap<number, field<struct_tdr>> = new Map<number, field<struct_tdr>>([
	[id(CLASS_TDR, 1), { read: HOST, write: 0, get: (t) => BigInt(t.fatal) }],
	[id(CLASS_TDR, 2), { read: HOST, write: 0, get: (t) => BigInt(t.tdcx.length) }],
	[id(CLASS_TDR, 4), { read: HOST, write: 0, get: (t) => BigInt(t.chldcnt) }],
	[id(CLASS_TDR, 5), { read: HOST, write: 0, get: (t) => BigInt(t.lifecycle) }],
	[id(CLASS_TDR_KEYS, 1), { read: HOST, write: 0, get: (t) => BigInt(t.hkid) }],
	[id(CLASS_TDR_KEYS, 2), { read: HOST, write: 0, get: (t) => BigInt(t.pkg_config) }],
	[id(CLASS_TDCS, 1), { read: HOST | GUEST, write: 0,
		get: (t) => BigInt(t.tdcs.num_vcpus) }],
	[id(CLASS_TDCS, 2), { read: HOST, write: 0, get: (t) => BigInt(t.tdcs.num_assoc_vcpus) }],
	[id(CLASS_EXEC, 0), { read: HOST | GUEST, write: 0, get: (t) => t.tdcs.attributes }],
	[id(CLASS_EXEC, 1), { read: HOST | GUEST, write: 0, get: (t) => t.tdcs.xfam }],
	[id(CLASS_EXEC, 2), { read: HOST | GUEST, write: 0,
		get: (t) => BigInt(t.tdcs.max_vcpus) }],
	[id(CLASS_EXEC, 3), { read: HOST | GUEST, write: 0,
		get: (t) => t.tdcs.gpaw === 52 ? 1n : 0n }],
	[id(CLASS_EXEC, 4), { read: HOST, write: 0, get: (t) => t.tdcs.eptp_controls }],
	[id(CLASS_EXEC, 10), { read: HOST, write: DEBUG, get: (t) => t.tdcs.tsc_offset,
		set: (t, x) => {
			t.tdcs.tsc_offset = x;
			return true;
		} }],
	[id(CLASS_EXEC, 12), { read: HOST | GUEST, write: 0,
		get: (t) => BigInt(t.tdcs.tsc_frequency) }],
	[id(CLASS_EPOCH, 0), { read: HOST, write: 0, get: (t) => BigInt(t.tdcs.epoch) }],
	[id(CLASS_EPOCH, 1), { read: HOST, write: 0, n: 2,
		get: (t, at) => BigInt(t.tdcs.refcount[at]!) }],
	[id(CLASS_MEASURE, 0), { read: HOST | GUEST, write: 0, n: 6,
		get: (t, at) => part(t.tdcs.mrtd, at) }],
	[id(CLASS_MEASURE, 16), { read: HOST | GUEST, write: 0, n: 6,
		get: (t, at) => part(t.tdcs.mrconfigid, at) }],
	[id(CLASS_MEASURE, 24), { read: HOST | GUEST, write: 0, n: 6,
		get: (t, at) => part(t.tdcs.mrowner, at) }],
	[id(CLASS_MEASURE, 32), { read: HOST | GUEST, write: 0, n: 6,
		get: (t, at) => part(t.tdcs.mrownerconfig, at) }],
	[id(CLASS_MEASURE, 64), { read: HOST | GUEST, write: 0, n: 24,
		get: (t, at) => part(t.tdcs.rtmr[Math.floor(at / 6)]!, at % 6) }],
]);

/* of the VMCS, the host's own: */
const SHARED_EPT_POINTER	= 0x203c;
const POSTED_INTR_NV		= 0x0002;
const POSTED_INTR_DESC_ADDR	= 0x2016;
const PIN_BASED_VM_EXEC_CONTROL	= 0x4000;

/* a root of EPT in the host's memory: frame, no KeyID of a TD */
function set_shared_eptp(v: struct_tdvps, x: bigint): boolean {
	if ((x & 0xfffn) !== 0n || x >= 1n << BigInt(hkid_shift()))
		return false;
	v.shared_eptp = x;
	v.shared_root = Number(x / 4096n);
	/* translations through the old one go at the next entry */
	v.epoch = 0;
	return true;
}

/* one bit of these controls is the host's */
const PIN = BigInt(TD_PIN_BASED), PIN_POSTED = BigInt(PIN_BASED_POSTED_INTR);

function set_pin_based(v: struct_tdvps, x: bigint): boolean {
	if ((x & ~PIN_POSTED) !== PIN)
		return false;
	v.posted_intr = x !== PIN;
	return true;
}

const VP_FIELDS: ReadonlyMap<number, field<struct_tdvps>> = new Map<number, field<struct_tdvps>>([
	[id(CLASS_VMCS, SHARED_EPT_POINTER), { read: HOST, write: HOST,
		get: (v) => v.shared_eptp, set: set_shared_eptp }],
	[id(CLASS_VMCS, POSTED_INTR_NV), { read: HOST, write: HOST,
		get: (v) => BigInt(v.posted_intr_nv), set: (v, x) => {
			if (x > 0xffn)
				return false;
			v.posted_intr_nv = Number(x);
			return true;
		} }],
	[id(CLASS_VMCS, POSTED_INTR_DESC_ADDR), { read: HOST, write: HOST,
		get: (v) => v.posted_intr_desc, set: (v, x) => {
			if ((x & 63n) !== 0n || x >= 1n << BigInt(hkid_shift()))
				return false;
			v.posted_intr_desc = x;
			return true;
		} }],
	[id(CLASS_VMCS, PIN_BASED_VM_EXEC_CONTROL), { read: HOST, write: HOST,
		get: (v) => v.posted_intr ? PIN | PIN_POSTED : PIN, set: set_pin_based }],
	[id(CLASS_VE_INFO, 0), { read: DEBUG, write: 0, n: 4, get: (v, at) => [
		BigInt(v.ve.exit_reason), BigInt(v.ve.exit_qualification),
		BigInt.asUintN(64, BigInt(v.ve.gla)), BigInt(v.ve.gpa)][at]! }],
	[id(CLASS_GPR, 0), { read: DEBUG, write: DEBUG, n: 16,
		get: (v, at) => v.regs[at]!, set: (v, x, at) => {
			v.regs[at] = x;
			return true;
		} }],
	/* bit 0: an interrupt could be delivered now but for the guest's RFLAGS */
	[id(CLASS_STATE, 0x100), { read: HOST, write: 0,
		get: (v) => BigInt(td_apic_pending(v) >= 0) }],
	[id(CLASS_MANAGEMENT, 0), { read: HOST, write: 0, get: (v) => BigInt(v.state) }],
	[id(CLASS_MANAGEMENT, 2), { read: HOST, write: 0, get: (v) => BigInt(v.index) }],
	[id(CLASS_MANAGEMENT, 5), { read: DEBUG, write: 0, get: (v) => BigInt(v.cpuidve) }],
	[id(CLASS_MANAGEMENT, 11), { read: HOST, write: HOST, get: (v) => BigInt(v.pend_nmi),
		set: (v, x) => {
			if (x > 1n)
				return false;
			v.pend_nmi = x !== 0n;
			return true;
		} }],
]);

/* the rest of the VMCS, if the TD is under debug: the guest's state */
const VMCS_FIELD: field<struct_tdvps> = { read: DEBUG, write: DEBUG,
	get: (v, code) => vmcs_get64(v.guest.vmc, code),
	set: (v, x, code) => {
		vmcs_put64(v.guest.vmc, code, x);
		v.vmcs_dirty = true;
		return true;
	} };

function find<T>(fields: ReadonlyMap<number, field<T>>, key: number): [field<T>, number] | null {
	for (const [first, f] of fields)
		if (key >= first && key < first + (f.n ?? 1))
			return [f, key - first];
	return null;
}

function find_vp(v: struct_tdvps, key: number): [field<struct_tdvps>, number] | null {
	const f = find(VP_FIELDS, key);

	if (f !== null || key >= 2 ** 32 || v.guest.vmc < 0 || vmcs_offset(key) === 0 ||
	    vmcs_read_only(key))
		return f;
	return [VMCS_FIELD, key];
}

/* the identifier as a key of the tables, -1 if it has bits that none has */
function key_of(r: seam_regs): number {
	const lo = r.u32[2 * 2]!, hi = r.u32[2 * 2 + 1]!;

	return (hi & 0x00ffffff) !== 0 ? -1 : id((hi >>> 24) & 0x7f, lo);
}

/** RD, and WR if @write, of the field of @x that RDX names: for @who. R8 gets what was there. */
function access<T>(r: seam_regs, x: T, f: [field<T>, number] | null, who: number,
	write: boolean): number {
	if (f === null)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RDX);
	const [{ read, write: may_write, get, set }, at] = f;
	if (!write && (read & who) === 0)
		return status(d.TDX_FIELD_NOT_READABLE, d.OPERAND_RDX);
	if (write && ((may_write & who) === 0 || set === undefined))
		return status(d.TDX_FIELD_NOT_WRITABLE, d.OPERAND_RDX);
	const old = get(x, at);
	if (write) {
		const mask = r.u64[9]!;
		if (!set!(x, (old & ~mask) | (r.u64[8]! & mask), at))
			return status(d.TDX_OPERAND_INVALID, d.OPERAND_R8);
	}
	r.u64[8] = old;
	return d.TDX_SUCCESS;
}

const host_of = (t: struct_tdr): number => t.tdcs.debug ? HOST | DEBUG : HOST;

export function tdh_mng_rdwr(r: seam_regs, leaf: number): number {
	const error = td_operand(r, 1, leaf);

	return error !== d.TDX_SUCCESS ? error :
		access(r, td, find(TD_FIELDS, key_of(r)), host_of(td), leaf === d.TDH_MNG_WR);
}

export function tdh_vp_rdwr(r: seam_regs, leaf: number): number {
	const error = vp_operand(r, 1, leaf, LOCK_SHARED);

	if (error !== d.TDX_SUCCESS)
		return error;
	if (vp.state === d.VCPU_UNINITIALIZED)
		return status(d.TDX_VCPU_STATE_INCORRECT, 0);
	if (!vp_associate(vp))
		return status(d.TDX_VCPU_ASSOCIATED, 0);
	return access(r, vp, find_vp(vp, key_of(r)), host_of(td), leaf === d.TDH_VP_WR);
}

/** For the guest, of its own TD. */
export function tdg_vm_rdwr(r: seam_regs, t: struct_tdr, write: boolean): number {
	if (r.u64[1] !== 0n)
		return status(d.TDX_OPERAND_INVALID, d.OPERAND_RCX);
	return access(r, t, find(TD_FIELDS, key_of(r)), GUEST, write);
}
