// SPDX-License-Identifier: GPL-2.0
/*
 * TD_PARAMS: what the host asks of a new TD, and what TDH.MNG.INIT accepts.
 *
 * Port-only. 1024 bytes:
 *
 *	  0 ATTRIBUTES	  8 XFAM (u64)		 16 MAX_VCPUS (u32)
 *	 24 EPTP_CONTROLS: memory type in 2:0, levels - 1 in 5:3 (u64)
 *	 32 EXEC_CONTROLS: bit 0 GPAW (u64)	 40 TSC_FREQUENCY in 25 MHz (u16)
 *	 80 MRCONFIGID, 128 MROWNER, 176 MROWNERCONFIG (48 bytes each)
 *	256 CPUID_VALUES: EAX, EBX, ECX, EDX of each leaf that can be configured
 *
 * All else must be 0.
 */
import * as d from "./defs.ts";
import { status } from "./regs.ts";
import type { struct_tdcs } from "./state.ts";
import { CPUID_CONFIGS, cpuid_values_ok } from "./td_cpuid.ts";

export const TD_PARAMS_BYTES = 1024;

/** Bits that may be set, and that must be. The processor has neither PKS nor PMU. */
export const ATTRIBUTES_MAY	= (1n << BigInt(d.TDX_TD_ATTR_DEBUG)) |
	(1n << BigInt(d.TDX_TD_ATTR_SEPT_VE_DISABLE));
export const ATTRIBUTES_MUST	= 0n;
export const XFAM_MAY		= 0x6dbe7n;
export const XFAM_MUST		= 0x3n;

const EPTP_WB		= 6;
const MAX_VCPUS		= 0xffff;
const TSC_MIN		= 4;
const TSC_MAX		= 400;
const CPUID_VALUES	= 256;

const bits_ok = (x: bigint, may: bigint, must: bigint): boolean =>
	(x & ~may) === 0n && (x & must) === must;

/* state components that only come together, and what they build on */
const XFAM_GROUPS: readonly (readonly [bigint, bigint])[] = [
	[0xe0n, 0x4n],		/* AVX-512 in three parts; AVX */
	[0x1800n, 0n],		/* CET: user and supervisor */
	[0x60000n, 0n],		/* AMX: configuration and tiles */
];

const xfam_ok = (x: bigint): boolean => bits_ok(x, XFAM_MAY, XFAM_MUST) &&
	XFAM_GROUPS.every(([group, base]) => (x & group) === 0n ||
		((x & group) === group && (x & base) === base));

const zero = (p: Uint8Array, from: number, to: number): boolean =>
	p.subarray(from, to).every((x) => x === 0);

const invalid = (operand: number): number => status(d.TDX_OPERAND_INVALID, operand);

/** Takes over @p, or says what is wrong with it. */
export function td_params_load(c: struct_tdcs, p: Uint8Array): number {
	const v = new DataView(p.buffer, p.byteOffset);
	const attributes = v.getBigUint64(0, true), xfam = v.getBigUint64(8, true);
	const max_vcpus = v.getUint32(16, true), exec = v.getBigUint64(32, true);
	const eptp = v.getBigUint64(24, true), tsc = v.getUint16(40, true);
	const levels = Number((eptp >> 3n) & 7n) + 1, wide = exec === 1n;
	const values = new Uint32Array(CPUID_CONFIGS.length * 4);

	if (!bits_ok(attributes, ATTRIBUTES_MAY, ATTRIBUTES_MUST))
		return invalid(d.OPERAND_ATTRIBUTES);
	if (!xfam_ok(xfam))
		return invalid(d.OPERAND_XFAM);
	if (max_vcpus === 0 || max_vcpus > MAX_VCPUS)
		return invalid(d.OPERAND_MAX_VCPUS);
	if (exec > 1n)
		return invalid(d.OPERAND_EXEC_CONTROLS);
	/* 52 bits of guest physical address need five levels */
	if ((eptp & ~0x3fn) !== 0n || Number(eptp & 7n) !== EPTP_WB ||
	    (levels !== 4 && levels !== 5) || (wide && levels !== 5))
		return invalid(d.OPERAND_EPTP_CONTROLS);
	if (tsc < TSC_MIN || tsc > TSC_MAX)
		return invalid(d.OPERAND_TSC_FREQUENCY);
	for (let i = 0; i < values.length; i++)
		values[i] = v.getUint32(CPUID_VALUES + i * 4, true);
	if (!cpuid_values_ok(values))
		return invalid(d.OPERAND_CPUID_CONFIG);
	if (!zero(p, 20, 24) || !zero(p, 42, 80) || !zero(p, 224, CPUID_VALUES) ||
	    !zero(p, CPUID_VALUES + values.length * 4, TD_PARAMS_BYTES))
		return invalid(d.OPERAND_RDX);

	c.attributes = attributes;
	c.debug = (attributes >> BigInt(d.TDX_TD_ATTR_DEBUG) & 1n) !== 0n;
	c.sept_ve_disable = (attributes >> BigInt(d.TDX_TD_ATTR_SEPT_VE_DISABLE) & 1n) !== 0n;
	c.xfam = xfam;
	c.max_vcpus = max_vcpus;
	c.eptp_controls = eptp;
	c.sept_levels = levels;
	c.gpaw = wide ? 52 : 48;
	c.tsc_frequency = tsc;
	c.cpuid = values;
	c.mrconfigid = p.slice(80, 128);
	c.mrowner = p.slice(128, 176);
	c.mrownerconfig = p.slice(176, 224);
	return d.TDX_SUCCESS;
}
