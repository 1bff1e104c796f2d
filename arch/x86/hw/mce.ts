// SPDX-License-Identifier: GPL-2.0
/*
 * Machine checks: what poisoned memory leaves in the banks, and whom it interrupts.
 *
 * Port-only. Two things are reported. That poison came to be: bank 7 gets an uncorrected error that
 * needs no action (UCNA), by CMCI. That poison was consumed: bank 1 (loads) or 0 (instruction
 * fetches) gets an error that requires action (SRAR), and the consumer
 *
 *	the host, in user or kernel mode	#MC: mce_host()
 *	a guest without TDX			VM exit, exception 18: mce_guest()
 *	a TD (SEAM non-root)			VM exit to the TDX module: mce_td(). With eMCA2 the
 *						exit is an SMI, and firmware hands the host a #MC at
 *						the instruction behind SEAMCALL: mce_seamret()
 *	the TDX module (SEAM root)		unbreakable shutdown: mce_seam_root()
 *
 * With LMCE, once the kernel has enabled it, only the consumer's CPU is interrupted; otherwise all
 * are, the others with nothing in their banks. Banks belong to CPUs. Without KeyIDs there are none.
 */
import { host_dead } from "#asm-generic/dead.ts";
import { X86_TRAP_MC, cpu_exception, cpus, this_cpu, type struct_cpu } from "./cpu.ts";

export const MCE_NR_BANKS	= 8;
export const MCE_BANK_IFU	= 0;
export const MCE_BANK_DCU	= 1;
export const MCE_BANK_IMC	= 7;

const MSR_MCG_CAP	= 0x179;
const MSR_MCG_STATUS	= 0x17a;
const MSR_MCG_CTL	= 0x17b;
const MSR_MCG_EXT_CTL	= 0x4d0;
const MSR_MC0_CTL2	= 0x280;
const MSR_MC0_CTL	= 0x400;

/* MCG_CAP: MCG_CTL, CMCI, threshold levels, software error recovery; LMCE; SEAM_NR */
const CAP		= (1n << 8n) | (1n << 10n) | (1n << 11n) | (1n << 24n);
const CAP_LMCE		= 1n << 27n;
const CAP_SEAM_NR	= 1n << 12n;

const MCG_RIPV		= 1n << 0n;
const MCG_EIPV		= 1n << 1n;
const MCG_MCIP		= 1n << 2n;
const MCG_LMCES		= 1n << 3n;
const MCG_SEAM_NR	= 1n << 12n;

/* MCi_STATUS */
const VAL	= 1n << 63n;
const OVER	= 1n << 62n;
/* UC EN MISCV ADDRV; S AR */
const UC	= (1n << 61n) | (1n << 60n) | (1n << 59n) | (1n << 58n);
const S_AR	= (1n << 56n) | (1n << 55n);
const COD_DATA	= 0x134n;
const COD_INSTR	= 0x150n;
const COD_READ	= 0x9fn;
/* MCi_MISC: a physical address, good down to a line */
const MISC_LINE	= (2n << 6n) | 6n;

const CTL2_CMCI_EN	= 1n << 30n;
const CTL2_VALID	= CTL2_CMCI_EN | 0x7fffn;

interface mce_config {
	readonly on: boolean;
	readonly emca2: boolean;
	readonly seam_nr: boolean;
	readonly lmce: boolean;
}

let config: mce_config = { on: false, emca2: false, seam_nr: false, lmce: false };
let cmci: ((cpu: struct_cpu) => void) | null = null;
/* address of the poison that the last refused access found */
let found = 0;
/** Machine checks that firmware holds back until the CPU is out of SEAM mode. */
let held: struct_cpu | null = null;
/** Where the interrupted kernel was: behind SEAMCALL. */
export let mce_at_seamcall = false;

export function mce_setup(c: mce_config): void {
	config = c;
	cmci = null;
	held = null;
	mce_at_seamcall = false;
}

/** The kernel's entry for corrected-machine-check interrupts. It may not sleep, nor take locks. */
export function mce_load_cmci(handler: ((cpu: struct_cpu) => void) | null): void {
	cmci = handler;
}

/* Banks. */

function log(cpu: struct_cpu, bank: number, status: bigint, hpa: number): void {
	const at = MSR_MC0_CTL + 4 * bank;
	const old = cpu.msrs.get(at + 1) ?? 0n;

	/* an error that requires action replaces one that does not; else the first one stays */
	if ((old & VAL) !== 0n && ((old & S_AR) !== 0n || (status & S_AR) === 0n)) {
		cpu.msrs.set(at + 1, old | OVER);
		return;
	}
	cpu.msrs.set(at + 1, status | VAL | (old & VAL) >> 1n);
	cpu.msrs.set(at + 2, BigInt(hpa - (hpa & 63)));
	cpu.msrs.set(at + 3, MISC_LINE);
}

function signal(cpu: struct_cpu, more: bigint): void {
	const local = config.lmce && ((cpu.msrs.get(MSR_MCG_EXT_CTL) ?? 0n) & 1n) !== 0n;

	cpu.msrs.set(MSR_MCG_STATUS, MCG_RIPV | MCG_EIPV | MCG_MCIP | more |
		(local ? MCG_LMCES : 0n));
	if (local)
		return;
	for (const other of cpus)
		if (other !== cpu && other.online)
			other.msrs.set(MSR_MCG_STATUS, MCG_RIPV | MCG_MCIP);
}

function log_consumed(cpu: struct_cpu, hpa: number, fetch: boolean, more: bigint): void {
	if (!config.on)
		return;
	log(cpu, fetch ? MCE_BANK_IFU : MCE_BANK_DCU, UC | S_AR | (fetch ? COD_INSTR : COD_DATA),
		hpa);
	signal(cpu, more);
}

/** The engine has poisoned a line. Firmware keeps that to itself with eMCA2. */
export function mce_poison_created(hpa: number): void {
	const cpu = this_cpu;

	if (!config.on)
		return;
	log(cpu, MCE_BANK_IMC, UC | COD_READ, hpa);
	if (!config.emca2 && cmci !== null &&
	    ((cpu.msrs.get(MSR_MC0_CTL2 + MCE_BANK_IMC) ?? 0n) & CTL2_CMCI_EN) !== 0n) {
		const cpl = cpu.cpl;
		cpu.cpl = 0;
		cmci(cpu);
		cpu.cpl = cpl;
	}
}

/** An access was refused: what comes next names its consumer. */
export function mce_consumed(hpa: number): void {
	found = hpa;
}

/* Consumers. */

/**
 * #MC for the access that found poison, as an exception of what runs on this CPU. True: try again,
 * after whatever the kernel did; false: the kernel has a fixup.
 */
export function mce_host(fetch = false): boolean {
	const cpu = this_cpu;

	log_consumed(cpu, found, fetch, 0n);
	return cpu_exception(cpu, X86_TRAP_MC, 0, found);
}

/** The same for a guest: the caller makes the VM exit, whose handler finds the banks filled. */
export function mce_guest(cpu: struct_cpu, fetch = false): void {
	log_consumed(cpu, found, fetch, 0n);
}

/**
 * A TD on @cpu consumed the poison at @hpa. "mc": its exit is an exception 18; "msmi": an SMI that
 * says so, and mce_seamret() has more to do.
 */
export function mce_td(cpu: struct_cpu, hpa: number, fetch = false): "mc" | "msmi" {
	log_consumed(cpu, hpa, fetch, config.seam_nr ? MCG_SEAM_NR : 0n);
	if (!config.emca2)
		return "mc";
	held = cpu;
	return "msmi";
}

/** SEAMRET on @cpu: an SMI that waited is taken, and firmware turns it into a #MC for the host. */
export function mce_seamret(cpu: struct_cpu): void {
	if (held !== cpu)
		return;
	held = null;
	mce_at_seamcall = true;
	try {
		cpu_exception(cpu, X86_TRAP_MC, 0, 0);
	} finally {
		mce_at_seamcall = false;
	}
}

/** No exception can be taken any more; only a reset of the platform helps. Ends the host. */
export class machine_shutdown extends host_dead {}

/** The TDX module on @cpu consumed the poison at @hpa. Does not return. */
export function mce_seam_root(cpu: struct_cpu, hpa: number): never {
	cpu.online = false;
	throw new machine_shutdown(`machine: cpu ${cpu.id}: unbreakable shutdown: poison at 0x` +
		`${hpa.toString(16)} consumed in SEAM root mode`);
}

/* Registers. */

function cap(): bigint {
	return config.on ? BigInt(MCE_NR_BANKS) | CAP | (config.lmce ? CAP_LMCE : 0n) |
		(config.seam_nr ? CAP_SEAM_NR : 0n) : 0n;
}

const bank_msr = (msr: number): boolean =>
	config.on && ((msr >= MSR_MC0_CTL && msr < MSR_MC0_CTL + 4 * MCE_NR_BANKS) ||
	(msr >= MSR_MC0_CTL2 && msr < MSR_MC0_CTL2 + MCE_NR_BANKS));

/** Value, or null for what isn't a register of machine checks. */
export function mce_rdmsr(cpu: struct_cpu, msr: number): bigint | null {
	if (msr === MSR_MCG_CAP)
		return cap();
	if (msr === MSR_MCG_STATUS || (config.on && msr === MSR_MCG_CTL) || bank_msr(msr) ||
	    (config.lmce && msr === MSR_MCG_EXT_CTL))
		return cpu.msrs.get(msr) ?? 0n;
	return null;
}

/** False: #GP. null: not such a register. */
export function mce_wrmsr(cpu: struct_cpu, msr: number, value: bigint): boolean | null {
	if (msr === MSR_MCG_CAP)
		return false;
	if (mce_rdmsr(cpu, msr) === null)
		return null;
	if (msr === MSR_MCG_STATUS && !config.on)
		return false;
	if (msr === MSR_MCG_EXT_CTL && value > 1n)
		return false;
	if (msr < MSR_MC0_CTL && msr >= MSR_MC0_CTL2 && (value & ~CTL2_VALID) !== 0n)
		return false;
	/* status, address and miscellaneous can only be cleared */
	if (bank_msr(msr) && msr >= MSR_MC0_CTL && (msr & 3) !== 0 && value !== 0n)
		return false;
	cpu.msrs.set(msr, value);
	return true;
}
