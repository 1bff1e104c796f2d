// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs: control registers, privilege, exceptions, interprocessor interrupts.
 *
 * Port-only. Kernel code is atomic, so while one CPU runs kernel code every other one is in user
 * mode, in a guest or idle, and takes an interrupt at once: cpu_interrupt() makes the other CPU
 * the current one for the length of the call.
 */
import type { struct_nested_cache } from "./guest_tlb.ts";
import { struct_tlb, tlb_flush_all, tlb_flush_context, tlb_invlpg, tlb_switch } from "./tlb.ts";

export const X86_CR0_WP		= 0x00010000;
export const X86_CR0_PG		= 0x80000000;
export const X86_CR4_PGE	= 0x00000080;
export const X86_CR4_PCIDE	= 0x00020000;

/* whose processor it is (CPUID leaf 0): VMX and EPT, or SVM and NPT */
export const X86_VENDOR_INTEL	= 0;
export const X86_VENDOR_AMD	= 2;

export const X86_TRAP_UD	= 6;
export const X86_TRAP_GP	= 13;
export const X86_TRAP_PF	= 14;
export const X86_TRAP_MC	= 18;

/* error code of #PF */
export const X86_PF_PROT	= 1;
export const X86_PF_WRITE	= 2;
export const X86_PF_USER	= 4;
export const X86_PF_RSVD	= 8;
export const X86_PF_INSTR	= 16;

export class struct_cpu {
	readonly id: number;
	/** 0 in the kernel, 3 in user mode */
	cpl = 0;
	/** ... and that of what the exception being delivered has interrupted */
	interrupted_cpl = 0;
	cr0 = X86_CR0_PG | X86_CR0_WP;
	cr2 = 0;
	/** frame of the top page table */
	cr3_pfn = 0;
	/** process context identifier in CR3 */
	pcid = 0;
	cr4 = X86_CR4_PGE | X86_CR4_PCIDE;
	tlb = new struct_tlb();
	/** translations of guests; made when the first guest enters */
	guest_tlb: struct_tlb | null = null;
	/** tables of EPT and NPT, by guest physical address; see guest_tlb.ts */
	nested_cache: struct_nested_cache | null = null;
	/** runs a guest */
	in_guest = false;
	/** how to force the exit of the guest that runs, or ran last */
	force_exit: (() => void) | null = null;
	/** frame of the VMXON region, -1 outside VMX operation */
	vmxon_pfn = -1;
	/** frame of the current VMCS, -1 for none */
	vmcs_pfn = -1;
	/**
	 * model-specific registers that were written, by signed number: small integers make the
	 * better keys; the rest have their reset values
	 */
	readonly msrs = new Map<number, bigint>();
	/** SVM: frame of the VMCB that VMLOAD named last, -1 for none; see svm.ts */
	hidden_pfn = -1;
	online = false;
	/* counters */
	nr_ipis = 0;
	nr_faults = 0;
	nr_walks = 0;

	constructor(id: number) {
		this.id = id;
		this.tlb.id = 2 * id;
	}
}

/**
 * Kernel's entry for an exception. True: retry the access; false: give it up (the kernel has
 * found a fixup). May throw, when the task does not come back.
 */
export type exception_handler = (cpu: struct_cpu, error_code: number, addr: number) => boolean;

export let cpus: struct_cpu[] = [];
/** The CPU that runs now. */
export let this_cpu = new struct_cpu(0);
/** this_cpu.id, for the many who ask for no more; long enough for its bytes to stay in place */
export const this_cpu_id = new Int32Array(32);
/** Exceptions by vector. */
let idt: (exception_handler | null)[] = new Array<exception_handler | null>(32).fill(null);
/** Bits of the high half of an entry that lie above the physical address width. */
export let rsvd_hi = 0;
export let maxphyaddr = 46;
/** The same of guests, whose addresses have all bits that CPUID tells of: KeyIDs are not theirs. */
export const GPA_BITS = 46;
export const GPA_RSVD_HI = 0x100000 - 2 ** (GPA_BITS - 32);
/** X86_VENDOR_* */
export let cpu_vendor = X86_VENDOR_INTEL;

/** To be called before power-on; lasts until called again. */
export function set_cpu_vendor(vendor: number): void {
	cpu_vendor = vendor;
}

/** Powers on @n CPUs whose page tables may hold addresses of @phys_bits bits. */
export function cpus_install(n: number, phys_bits = 46): void {
	if (n < 1 || n > 31)
		throw new Error(`machine: cpus: cannot install ${n}`);
	cpus = [];
	for (let i = 0; i < n; i++)
		cpus.push(new struct_cpu(i));
	set_this_cpu(cpus[0]!);
	this_cpu.online = true;
	idt = new Array<exception_handler | null>(32).fill(null);
	maxphyaddr = phys_bits;
	/* or it would be a double, for being computed as one */
	rsvd_hi = (0x100000 - 2 ** (phys_bits - 32)) | 0;
}

/** For the scheduler: what happens from here on happens on @cpu. */
export function set_this_cpu(cpu: struct_cpu): void {
	this_cpu = cpu;
	this_cpu_id[0] = cpu.id;
}

export function load_idt(vector: number, handler: exception_handler | null): void {
	idt[vector] = handler;
}

/** Raises an exception on the current CPU; see exception_handler. */
export function cpu_exception(cpu: struct_cpu, vector: number, error_code: number,
	addr: number): boolean {
	const handler = idt[vector];
	const cpl = cpu.cpl;

	if (handler === null || handler === undefined)
		throw new Error(`machine: cpu ${cpu.id}: exception ${vector} (error code ` +
			`${error_code}, address 0x${addr.toString(16)}) without a handler`);
	cpu.nr_faults++;
	cpu.interrupted_cpl = cpl;
	cpu.cpl = 0;
	const retry = handler(cpu, error_code, addr);
	cpu.cpl = cpl;
	return retry;
}

/** Runs fn(arg) on @cpu, at once, as its interrupt handler; a guest there exits. */
export function cpu_interrupt<T>(cpu: struct_cpu, fn: (arg: T) => void, arg: T): void {
	const prev = this_cpu;
	const cpl = cpu.cpl;

	cpu.nr_ipis++;
	if (cpu.in_guest)
		cpu.force_exit!();
	set_this_cpu(cpu);
	cpu.cpl = 0;
	try {
		fn(arg);
	} finally {
		cpu.cpl = cpl;
		set_this_cpu(prev);
	}
}

/* Instructions of the current CPU. */

/** MOV to CR3: top table and PCID; @noflush keeps that PCID's translations (bit 63). */
export function write_cr3(pfn: number, pcid: number, noflush: boolean): void {
	const cpu = this_cpu;

	if (!noflush)
		tlb_flush_context(cpu.tlb, pcid);
	cpu.cr3_pfn = pfn;
	cpu.pcid = pcid;
	tlb_switch(cpu.tlb, pcid);
}

export function invlpg(addr: number): void {
	const lo = addr | 0;

	tlb_invlpg(this_cpu.tlb, lo, (addr - (lo >>> 0)) / 2 ** 32);
}

/** INVPCID of all contexts, globals included (or a change of CR4.PGE). */
export function flush_all_contexts(): void {
	tlb_flush_all(this_cpu.tlb);
}
