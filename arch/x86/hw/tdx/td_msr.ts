// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs of TDs: which the processor switches with the VMCS, which the module keeps, which become #VE
 * or #GP.
 *
 * Port-only. The bitmap is a page of the TD: bits that are set exit, to td_rdmsr() and td_wrmsr().
 */
import { rdtsc } from "../clock.ts";
import { EFER_LMA, EFER_LME } from "../guest_paging.ts";
import { frame_bytes } from "../memory.ts";
import {
	MSR_CSTAR, MSR_EFER, MSR_FS_BASE, MSR_GS_BASE, MSR_IA32_CR_PAT, MSR_IA32_DEBUGCTLMSR,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_EIP, MSR_IA32_SYSENTER_ESP, MSR_IA32_TSC,
	MSR_KERNEL_GS_BASE, MSR_LSTAR, MSR_STAR, MSR_SYSCALL_MASK, MSR_TSC_AUX,
} from "../msr.ts";
import type { pfn_nr } from "#asm-generic/types.ts";
import { vmcs_getn, vmcs_putn, vmcs_set_dirty } from "../vmcs.ts";
import { GUEST_IA32_EFER } from "../vmx_defs.ts";
import { seam_clear_page } from "./access.ts";
import { APIC_DONE, APIC_NOT_HERE, td_apic_read, td_apic_value, td_apic_write } from
	"./td_apic.ts";
import type { struct_tdr, struct_tdvps } from "./state.ts";

const MSR_IA32_APICBASE	= 0x1b;
const MSR_X2APIC_EOI	= 0x80b;
const MSR_VMX_FIRST	= 0x480;
const MSR_VMX_LAST	= 0x491;

/* in the VMCS */
const NATIVE: readonly number[] = [
	MSR_FS_BASE, MSR_GS_BASE, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP, MSR_IA32_CR_PAT, MSR_IA32_DEBUGCTLMSR,
];

/* the module's to switch */
const KEPT: ReadonlySet<number> = new Set([
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
]);

/* x2APIC enabled, at the architectural place; the first VCPU boots */
const APICBASE		= 0xfee00c00n;
const APICBASE_BSP	= 0x100n;

const EFER_VALID	= 0xd01n;

export function td_msr_bitmap(t: struct_tdr, pfn: number): void {
	seam_clear_page(pfn, t.hkid);
	const bytes = frame_bytes(pfn as pfn_nr).fill(0xff);
	const clear = (bit: number): void => {
		bytes[bit >> 3]! &= ~(1 << (bit & 7));
	};
	for (const msr of NATIVE) {
		const at = (msr >= 0xc0000000 ? 0x2000 : 0) + (msr & 0x1fff);
		clear(at);
		clear(0x4000 + at);
	}
	clear(0x2000 + (MSR_EFER & 0x1fff));
}

/* what an access came to */
export const MSR_DONE	= 0;
export const MSR_GP	= 1;
export const MSR_VE	= 2;

/** Value of an MSR that td_rdmsr() found. */
export let td_msr_value = 0n;

export function td_rdmsr(v: struct_tdvps, msr: number): number {
	if (KEPT.has(msr)) {
		td_msr_value = v.msrs.get(msr) ?? 0n;
		return MSR_DONE;
	}
	if (msr === MSR_IA32_APICBASE) {
		td_msr_value = APICBASE | (v.index === 0 ? APICBASE_BSP : 0n);
		return MSR_DONE;
	}
	if (td_apic_read(v, msr)) {
		td_msr_value = BigInt(td_apic_value);
		return MSR_DONE;
	}
	if (msr === MSR_IA32_TSC) {
		td_msr_value = BigInt.asUintN(64, BigInt(rdtsc()) + v.tdr.tdcs.tsc_offset);
		return MSR_DONE;
	}
	return msr === MSR_X2APIC_EOI || (msr >= MSR_VMX_FIRST && msr <= MSR_VMX_LAST) ? MSR_GP :
		MSR_VE;
}

/* long mode stays enabled */
function wrmsr_efer(v: struct_tdvps, x: bigint): number {
	const { vmc } = v.guest, old = vmcs_getn(vmc, GUEST_IA32_EFER);

	if ((x & ~EFER_VALID) !== 0n || (x & BigInt(EFER_LME)) === 0n)
		return MSR_GP;
	vmcs_putn(vmc, GUEST_IA32_EFER, (Number(x) & ~EFER_LMA) | (old & EFER_LMA));
	vmcs_set_dirty(vmc, true);
	return MSR_DONE;
}

export function td_wrmsr(v: struct_tdvps, msr: number, x: bigint): number {
	const apic = td_apic_write(v, msr, x);

	if (apic !== APIC_NOT_HERE)
		return apic === APIC_DONE ? MSR_DONE : MSR_GP;
	if (msr === MSR_EFER)
		return wrmsr_efer(v, x);
	if (KEPT.has(msr)) {
		v.msrs.set(msr, x);
		return MSR_DONE;
	}
	return msr >= MSR_VMX_FIRST && msr <= MSR_VMX_LAST ? MSR_GP : MSR_VE;
}
