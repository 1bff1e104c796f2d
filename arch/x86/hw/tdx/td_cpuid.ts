// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID as a TD sees it: what the host may choose, what the module says, and what becomes #VE.
 *
 * Port-only. A choice is a mask of bits per register: those the host sets in TD_PARAMS, and among
 * features only what the processor has. All else is the processor's, with what TDX takes away.
 */
import { cpu_vendor } from "../cpu.ts";
import { hw_cpuid, type cpuid_regs } from "../cpuid.ts";
import type { struct_tdvps } from "./state.ts";

export interface cpuid_config {
	readonly leaf: number;
	/** 0xffffffff: the leaf has none. */
	readonly sub_leaf: number;
	/** Bits of EAX, EBX, ECX, EDX. */
	readonly masks: readonly [number, number, number, number];
}

/* CX16 MOVBE TSC_DEADLINE; PSE36 CLFLUSH; SMEP ERMS INVPCID SMAP */
export const CPUID_CONFIGS: readonly cpuid_config[] = [
	{ leaf: 1, sub_leaf: 0xffffffff, masks: [0x0fff3fff, 0x00ff0000, 0x01402000, 0x000a0000] },
	{ leaf: 4, sub_leaf: 0, masks: [0xffffc3ff, 0xffffffff, 0xffffffff, 0x00000007] },
	{ leaf: 7, sub_leaf: 0, masks: [0, 0x00100680, 0, 0] },
];

/* of leaf 1: VMX is not for TDs; they run on a hypervisor */
const ECX_VMX		= 1 << 5;
const ECX_HYPERVISOR	= 0x80000000;

const word = (s: string): number =>
	[3, 2, 1, 0].reduce((x, i) => (x << 8) | s.charCodeAt(i), 0);

function configured(vp: struct_tdvps, leaf: number, sub: number, r: cpuid_regs): void {
	const values = vp.tdr.tdcs.cpuid;

	CPUID_CONFIGS.forEach((c, i) => {
		if (c.leaf !== leaf || (c.sub_leaf !== 0xffffffff && c.sub_leaf !== sub))
			return;
		const mix = (x: number, at: number): number =>
			((x & ~c.masks[at]!) | values[i * 4 + at]!) >>> 0;
		r.eax = mix(r.eax, 0);
		r.ebx = mix(r.ebx, 1);
		r.ecx = mix(r.ecx, 2);
		r.edx = mix(r.edx, 3);
	});
}

/** What CPUID gives the VCPU; null: #VE, for the guest to ask its host. */
export function td_cpuid(vp: struct_tdvps, leaf: number, sub: number): cpuid_regs | null {
	const r = hw_cpuid(cpu_vendor, leaf, sub);

	switch (leaf >>> 0) {
	case 0:
		r.eax = 0x21;
		return r;
	case 1:
		r.ebx |= vp.index << 24;
		r.ecx = ((r.ecx & ~ECX_VMX) | ECX_HYPERVISOR) >>> 0;
		configured(vp, leaf, sub, r);
		return r;
	case 0x21:
		return sub !== 0 ? { eax: 0, ebx: 0, ecx: 0, edx: 0 } :
			{ eax: 0, ebx: word("Inte"), ecx: word("    "), edx: word("lTDX") };
	case 4:
	case 7:
	case 0x80000000:
	case 0x80000001:
		configured(vp, leaf, sub, r);
		return r;
	case 0x80000008:
		/* as many bits of physical address as page tables of a TD can hold */
		r.eax = (r.eax & ~0xff) | 52;
		return r;
	default:
		return null;
	}
}

/** True if the host chose only bits that it may choose, of features that are there. */
export function cpuid_values_ok(values: Uint32Array): boolean {
	return CPUID_CONFIGS.every((c, i) => {
		const r = hw_cpuid(cpu_vendor, c.leaf, c.sub_leaf === 0xffffffff ? 0 : c.sub_leaf);
		const native = [r.eax, r.ebx, r.ecx, r.edx];
		return c.masks.every((mask, at) => {
			const x = values[i * 4 + at]!;
			/* ECX and EDX of leaf 1, EBX of leaf 7: features */
			const features = c.leaf === 7 || (c.leaf === 1 && at >= 2);
			return (x & ~(features ? mask & native[at]! : mask)) === 0;
		});
	});
}
