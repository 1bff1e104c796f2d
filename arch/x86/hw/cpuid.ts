// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID: what the modelled processors say about themselves.
 *
 * Port-only. Features are there because the model has them, or because leaving them out would tell
 * a guest of an impossible 64-bit processor. No XSAVE, no PMU, no MONITOR.
 */
import { GPA_BITS, X86_VENDOR_AMD, X86_VENDOR_INTEL } from "./cpu.ts";
import { tme_config } from "./tme.ts";

export { hw_rdmsr, hw_wrmsr } from "./msr.ts";
export { X86_VENDOR_AMD, X86_VENDOR_INTEL };

export const HW_PHYS_BITS	= GPA_BITS;
export const HW_LINEAR_BITS	= 48;
/** Address space identifiers that SVM offers, and how many of them encrypted guests may use. */
export const HW_NASIDS		= 0x8000;
export const HW_SEV_ASIDS	= 509;

export interface cpuid_regs {
	eax: number;
	ebx: number;
	ecx: number;
	edx: number;
}

const bits = (...n: number[]): number => n.reduce((x, b) => x + 2 ** b, 0);
const text = (s: string, at: number): number =>
	new DataView(new TextEncoder().encode(s.padEnd(at + 4, "\0")).buffer).getUint32(at, true);

/* FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 */
const EDX_COMMON	= bits(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17);
/* ... CLFLUSH MMX FXSR SSE SSE2 */
const LEAF1_EDX		= EDX_COMMON + bits(19, 23, 24, 25, 26);
/* SSE3 SSSE3 CX16 PCID SSE4_1 SSE4_2 X2APIC MOVBE POPCNT TSC_DEADLINE */
const LEAF1_ECX		= bits(0, 9, 13, 17, 19, 20, 21, 22, 23, 24);
const ECX_VMX		= bits(5);
/* FSGSBASE SMEP ERMS INVPCID SMAP */
const LEAF7_EBX		= bits(0, 7, 9, 10, 20);
/* SYSCALL NX GBPAGES RDTSCP LM */
const LEAF8_1_EDX	= bits(11, 20, 26, 27, 29);
/* LAHF_LM ABM */
const LEAF8_1_ECX	= bits(0, 5);
const ECX_SVM		= bits(2);
/* NPT NRIPS FLUSHBYASID DECODEASSISTS */
const SVM_EDX		= bits(0, 3, 6, 7);

const BRAND: Record<number, string> = {
	[X86_VENDOR_INTEL]: "privmem virtual Xeon processor",
	[X86_VENDOR_AMD]: "privmem virtual EPYC processor",
};

const SIGNATURE: Record<number, string> = {
	[X86_VENDOR_INTEL]: "GenuineIntel",
	[X86_VENDOR_AMD]: "AuthenticAMD",
};

/** What CPUID with EAX = @leaf, ECX = @sub returns on a processor of @vendor. */
export function hw_cpuid(vendor: number, leaf: number, sub: number): cpuid_regs {
	const amd = vendor === X86_VENDOR_AMD;
	const r = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
	const signature = SIGNATURE[vendor]!;

	switch (leaf >>> 0) {
	case 0:
	case 0x80000000:
		r.eax = leaf === 0 ? 0xd : amd ? 0x8000001f : 0x80000008;
		if (leaf !== 0 && !amd)
			return r;
		r.ebx = text(signature, 0);
		r.edx = text(signature, 4);
		r.ecx = text(signature, 8);
		return r;
	case 1:
		/* family 6 model 0x6a; family 0x19 model 1 */
		r.eax = amd ? 0x00a00f11 : 0x000606a6;
		r.ebx = (8 << 8) | (1 << 16);
		r.ecx = LEAF1_ECX + (amd ? 0 : ECX_VMX);
		r.edx = LEAF1_EDX;
		return r;
	case 4:
		/* one level of data cache: 32 KiB, 8 ways, lines of 64 bytes */
		if (!amd && sub === 0)
			Object.assign(r, { eax: 0x121, ebx: 0x1c0003f, ecx: 0x3f, edx: 0 });
		return r;
	case 7:
		if (sub === 0)
			Object.assign(r, { ebx: LEAF7_EBX,
				ecx: tme_config().keyid_bits !== 0 ? bits(13) : 0 });
		return r;
	case 0x80000001:
		r.eax = amd ? 0x00a00f11 : 0;
		r.ecx = LEAF8_1_ECX + (amd ? ECX_SVM : 0);
		r.edx = LEAF8_1_EDX + (amd ? EDX_COMMON - bits(11) + bits(23, 24) : 0);
		return r;
	case 0x80000002:
	case 0x80000003:
	case 0x80000004: {
		const at = (leaf - 0x80000002) * 16, brand = BRAND[vendor]!;
		r.eax = text(brand, at);
		r.ebx = text(brand, at + 4);
		r.ecx = text(brand, at + 8);
		r.edx = text(brand, at + 12);
		return r;
	}
	case 0x80000006:
		r.ecx = 0x01006040;
		return r;
	case 0x80000007:
		r.edx = bits(8);	/* invariant TSC */
		return r;
	case 0x80000008:
		r.eax = HW_PHYS_BITS | (HW_LINEAR_BITS << 8);
		return r;
	case 0x8000000a:
		if (amd)
			Object.assign(r, { eax: 1, ebx: HW_NASIDS, ecx: 0, edx: SVM_EDX });
		return r;
	case 0x8000001f:
		/* SEV alone; the C-bit would be bit 51 */
		if (amd)
			Object.assign(r, { eax: bits(1), ebx: 51, ecx: HW_SEV_ASIDS, edx: 1 });
		return r;
	default:
		return r;
	}
}
