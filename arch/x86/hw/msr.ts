// SPDX-License-Identifier: GPL-2.0
/*
 * Model-specific registers of the current CPU.
 *
 * Port-only. Reads give what was written, or the reset value; capability MSRs are read-only. A
 * register that does not exist raises #GP: null, or false.
 */
import { X86_VENDOR_AMD, X86_VENDOR_INTEL, cpu_vendor, this_cpu } from "./cpu.ts";
import { rdtsc } from "./clock.ts";
import { mce_rdmsr, mce_wrmsr } from "./mce.ts";
import { tme_config, tme_keyids } from "./tme.ts";

export const MSR_IA32_TSC		= 0x10;
export const MSR_IA32_MKTME_KEYID_PARTITIONING = 0x87;
export const MSR_IA32_TME_CAPABILITY	= 0x981;
export const MSR_IA32_TME_ACTIVATE	= 0x982;
export const MSR_IA32_SYSENTER_CS	= 0x174;
export const MSR_IA32_SYSENTER_ESP	= 0x175;
export const MSR_IA32_SYSENTER_EIP	= 0x176;
export const MSR_IA32_DEBUGCTLMSR	= 0x1d9;
export const MSR_IA32_CR_PAT		= 0x277;
export const MSR_EFER			= 0xc0000080;
export const MSR_STAR			= 0xc0000081;
export const MSR_LSTAR			= 0xc0000082;
export const MSR_CSTAR			= 0xc0000083;
export const MSR_SYSCALL_MASK		= 0xc0000084;
export const MSR_FS_BASE		= 0xc0000100;
export const MSR_GS_BASE		= 0xc0000101;
export const MSR_KERNEL_GS_BASE		= 0xc0000102;
export const MSR_TSC_AUX		= 0xc0000103;

/* SCE LME LMA NX; SVME too on AMD */
const EFER_VALID	= 0xd01n;
const EFER_SVME		= 0x1000n;

const pair = (must: number, may: number): bigint => (BigInt(may) << 32n) | BigInt(must);

/** VMX capabilities: what VM entry accepts. */
export const VMX_PINBASED_MUST		= 0x00000016;
export const VMX_PINBASED_MAY		= 0x0000003f;	/* + EXT_INTR NMI VIRTUAL_NMIS */
export const VMX_PROCBASED_MUST		= 0x04006172;	/* CR3 exits may be off: the "true" MSR */
export const VMX_PROCBASED_DEFAULT1	= 0x0401e172;
export const VMX_PROCBASED_MAY		= 0xf7f9fffe;	/* not TERTIARY, not MTF */
/* APIC accesses, EPT, RDTSCP, VPID, WBINVD, unrestricted, INVPCID, PML */
export const VMX_PROCBASED2_MAY		= 0x000210eb;
export const VMX_EXIT_MUST		= 0x00036dfb;
export const VMX_EXIT_DEFAULT1		= 0x00036dff;
export const VMX_EXIT_MAY		= 0x003fefff;	/* + ACK_INTR, PAT and EFER */
export const VMX_ENTRY_MUST		= 0x000011fb;
export const VMX_ENTRY_DEFAULT1		= 0x000011ff;
export const VMX_ENTRY_MAY		= 0x0000d3ff;	/* + IA32E PAT EFER */
export const VMCS_REVISION_ID		= 0x11;
const MSR_IA32_VMX_EPT_VPID_CAP		= 0x48c;
const VMX_EPT_VPID_CAP = (0xf01n << 32n) | 0x06334141n;
/* walks of five levels: where TDs may have wide addresses */
const VMX_EPT_VPID_CAP_TDX = VMX_EPT_VPID_CAP | 0x80n;

const VMX_CAPABILITIES: ReadonlyMap<number, bigint> = new Map<number, bigint>([
	/* revision, 4096 bytes, write-back, INS/OUTS information, "true" controls */
	[0x480, BigInt(VMCS_REVISION_ID) | (4096n << 32n) | (6n << 50n) | (3n << 54n)],
	[0x481, pair(VMX_PINBASED_MUST, VMX_PINBASED_MAY)],
	[0x482, pair(VMX_PROCBASED_DEFAULT1, VMX_PROCBASED_MAY)],
	[0x483, pair(VMX_EXIT_DEFAULT1, VMX_EXIT_MAY)],
	[0x484, pair(VMX_ENTRY_DEFAULT1, VMX_ENTRY_MAY)],
	/* HLT state, EFER.LMA saved, 4 CR3 targets, zero-length injection */
	[0x485, 0x40040060n],
	[0x486, 0x80000021n],
	[0x487, 0xffffffffn],
	[0x488, 0x2000n],
	[0x489, 0x3327ffn],
	[0x48a, 0x2en],
	[0x48b, pair(0, VMX_PROCBASED2_MAY)],
	[MSR_IA32_VMX_EPT_VPID_CAP, VMX_EPT_VPID_CAP],
	[0x48d, pair(VMX_PINBASED_MUST, VMX_PINBASED_MAY)],
	[0x48e, pair(VMX_PROCBASED_MUST, VMX_PROCBASED_MAY)],
	[0x48f, pair(VMX_EXIT_MUST, VMX_EXIT_MAY)],
	[0x490, pair(VMX_ENTRY_MUST, VMX_ENTRY_MAY)],
	[0x491, 0n],
]);

/** Registers that can be written, with their reset values. */
const RESET: ReadonlyMap<number, bigint> = new Map<number, bigint>([
	[0x1b, 0xfee00900n],
	[0x3b, 0n],		/* TSC_ADJUST */
	[MSR_IA32_SYSENTER_CS, 0n],
	[MSR_IA32_SYSENTER_ESP, 0n],
	[MSR_IA32_SYSENTER_EIP, 0n],
	[MSR_IA32_DEBUGCTLMSR, 0n],
	[MSR_IA32_CR_PAT, 0x0007040600070406n],
	[0x2ff, 0xc06n],	/* MTRRdefType */
	[MSR_EFER, 0xd01n],
	[MSR_STAR, 0n],
	[MSR_LSTAR, 0n],
	[MSR_CSTAR, 0n],
	[MSR_SYSCALL_MASK, 0n],
	[MSR_FS_BASE, 0n],
	[MSR_GS_BASE, 0n],
	[MSR_KERNEL_GS_BASE, 0n],
	[MSR_TSC_AUX, 0n],
	[0x6e0, 0n],		/* TSC_DEADLINE */
]);

const INTEL_RESET: ReadonlyMap<number, bigint> = new Map<number, bigint>([
	[0x3a, 5n],		/* FEAT_CTL: locked, VMX outside SMX */
	[0x1a0, 0x850089n],	/* MISC_ENABLE */
	[0x8b, 0x100000000n],	/* microcode */
]);

const AMD_RESET: ReadonlyMap<number, bigint> = new Map<number, bigint>([
	[0xc0010015, 0x1000000n],	/* HWCR */
	[0xc0010010, 0n],	/* SYSCFG */
	[0xc0010114, 0n],	/* VM_CR */
	[0xc0010117, 0n],	/* VM_HSAVE_PA */
	[0xc0011029, 2n],	/* DE_CFG: LFENCE serialises */
	[0x8b, 0x0a0011d1n],
]);

const READ_ONLY: ReadonlyMap<number, bigint> = new Map<number, bigint>([
	[0xfe, 0x508n],		/* MTRRcap: 8 variable ranges, fixed, write-combining */
]);

/** What firmware has set up of memory encryption; without it the registers do not exist. */
function tme_msr(msr: number): bigint | undefined {
	const c = tme_config(), { first_private, nr } = tme_keyids();

	if (c.keyid_bits === 0)
		return undefined;
	switch (msr) {
	case MSR_IA32_MKTME_KEYID_PARTITIONING:
		return BigInt(first_private - 1) | BigInt(nr - first_private) << 32n;
	case MSR_IA32_TME_CAPABILITY:
		/* AES-XTS 128 and 256, with and without integrity; KeyID bits; keys */
		return 0xfn | BigInt(c.keyid_bits) << 32n | BigInt(nr - 1) << 36n;
	case MSR_IA32_TME_ACTIVATE:
		/* locked, enabled; KeyID bits, and those of TDX */
		return 3n | BigInt(c.keyid_bits) << 32n | BigInt(c.tdx_keyid_bits) << 36n |
			0xfn << 48n;
	default:
		return undefined;
	}
}

function reset_value(msr: number): bigint | undefined {
	/* FEAT_CTL: firmware lets the kernel enable LMCE */
	if (msr === 0x3a && tme_config().lmce && tme_config().keyid_bits !== 0)
		return 5n | 1n << 20n;
	return RESET.get(msr) ??
		(cpu_vendor === X86_VENDOR_INTEL ? INTEL_RESET : AMD_RESET).get(msr) ??
		(msr >= 0x200 && msr < 0x210 ? 0n : undefined);
}

const canonical = (x: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, x)) === x;

/**
 * What WRMSR of @x leaves in @msr, a register of addresses or not; null is #GP. AMD's CPUs keep 32
 * bits of the two of SYSENTER, which they do not have in 64-bit mode, and look at no more.
 */
export function msr_value(msr: number, x: bigint): bigint | null {
	switch (msr) {
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		if (cpu_vendor === X86_VENDOR_AMD)
			return x & 0xffffffffn;
		return canonical(x) ? x : null;
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
		return canonical(x) ? x : null;
	default:
		return x;
	}
}

function vmx_capability(msr: number): bigint | undefined {
	if (msr === MSR_IA32_VMX_EPT_VPID_CAP && hw_ept_5levels())
		return VMX_EPT_VPID_CAP_TDX;
	return VMX_CAPABILITIES.get(msr);
}

/** EPT may have five levels. */
export function hw_ept_5levels(): boolean {
	return tme_config().keyid_bits !== 0;
}

/* from here on, no register is read-only, the machine check's or the memory encryption's */
const MSR_EXTENDED = 0xc0000000;

/** RDMSR of the current CPU; null is #GP. */
export function hw_rdmsr(msr: number): bigint | null {
	if (msr >= MSR_EXTENDED)
		return this_cpu.msrs.get(msr | 0) ?? reset_value(msr) ?? null;
	if (msr === MSR_IA32_TSC)
		return BigInt(rdtsc());
	const ro = READ_ONLY.get(msr) ??
		(cpu_vendor === X86_VENDOR_INTEL ? vmx_capability(msr) : undefined) ??
		mce_rdmsr(this_cpu, msr) ?? tme_msr(msr);
	return ro ?? this_cpu.msrs.get(msr | 0) ?? reset_value(msr) ?? null;
}

/** WRMSR; false is #GP. */
export function hw_wrmsr(msr: number, value: bigint): boolean {
	if (msr < MSR_EXTENDED) {
		const mce = mce_wrmsr(this_cpu, msr, value);
		if (mce !== null)
			return mce;
	}
	/* what was written once exists, and may be written again */
	const old = this_cpu.msrs.get(msr | 0);
	if (old === value)
		return true;
	if (old === undefined && reset_value(msr) === undefined)
		return false;
	if (msr === MSR_EFER) {
		const valid = EFER_VALID | (cpu_vendor === X86_VENDOR_AMD ? EFER_SVME : 0n);
		if ((value & ~valid) !== 0n)
			return false;
	}
	const kept = msr_value(msr, value);
	if (kept === null)
		return false;
	this_cpu.msrs.set(msr | 0, kept);
	return true;
}
