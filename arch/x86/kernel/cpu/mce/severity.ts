// SPDX-License-Identifier: GPL-2.0
/*
 * How bad a machine check is.
 *
 * Upstream: arch/x86/kernel/cpu/mce/severity.c. The rules are tried in order, the first that
 * matches counts. Left out: AMD's rules, rules for single models, the coverage file. The two rules
 * for SEAM non-root mode are of Linux 6.10 (commit 7911f145de5f): only machines that set
 * MCG_STATUS's SEAM_NR ever match them.
 */
import type { ref } from "#asm-generic/types.ts";
import { CONFIG_MEMORY_FAILURE } from "#generated/autoconf.ts";
import { current } from "#linux/sched.ts";
import {
	EX_TYPE_COPY, EX_TYPE_DEFAULT_MCE_SAFE, EX_TYPE_FAULT_MCE_SAFE, EX_TYPE_UACCESS,
	ex_get_fixup_type,
} from "#asm/extable.ts";
import {
	MCACOD, MCACOD_DATA, MCACOD_INSTR, MCACOD_L3WB, MCACOD_SCRUB, MCACOD_SCRUBMSK,
	MCE_IN_KERNEL_COPYIN, MCE_IN_KERNEL_RECOV, MCG_STATUS_EIPV, MCG_STATUS_MCIP,
	MCG_STATUS_RIPV, MCG_STATUS_SEAM_NR, MCI_STATUS_ADDRV, MCI_STATUS_AR, MCI_STATUS_EN,
	MCI_STATUS_MISCV, MCI_STATUS_OVER, MCI_STATUS_PCC, MCI_STATUS_S, MCI_STATUS_UC,
	MCI_STATUS_VAL, type struct_mce,
} from "#asm/mce.const.ts";
import { TASK_SIZE_MAX } from "#asm/page_types.ts";
import { IP_UACCESS, type struct_pt_regs } from "#asm/ptrace.ts";
import {
	MCE_AO_SEVERITY, MCE_AR_SEVERITY, MCE_KEEP_SEVERITY, MCE_NO_SEVERITY, MCE_PANIC_SEVERITY,
	MCE_SOME_SEVERITY, MCE_UCNA_SEVERITY, MCE_UC_SEVERITY,
} from "#arch/x86/kernel/cpu/mce/internal_types.h.ts";
import { mca_cfg } from "#arch/x86/kernel/cpu/mce/internal.h.ts";

/* enum context, enum ser, enum exception */
const IN_KERNEL = 1, IN_USER = 2, IN_KERNEL_RECOV = 3;
const SER_REQUIRED = 1, NO_SER = 2;
const EXCP_CONTEXT = 1, NO_EXCP = 2;

interface severity {
	readonly sev: number;
	readonly msg: string;
	readonly mask: bigint;
	readonly result: bigint;
	readonly mcgmask: bigint;
	readonly mcgres: bigint;
	readonly ser: number;
	readonly context: number;
	readonly excp: number;
}

function MCESEV(sev: number, msg: string, ...c: Partial<severity>[]): severity {
	return Object.assign({ sev, msg, mask: 0n, result: 0n, mcgmask: 0n, mcgres: 0n, ser: 0,
		context: 0, excp: 0 }, ...c) as severity;
}

const KERNEL		= { context: IN_KERNEL };
const USER		= { context: IN_USER };
const KERNEL_RECOV	= { context: IN_KERNEL_RECOV };
const SER		= { ser: SER_REQUIRED };
const NOSER		= { ser: NO_SER };
const EXCP		= { excp: EXCP_CONTEXT };
const BITCLR = (x: bigint): Partial<severity> => ({ mask: x, result: 0n });
const BITSET = (x: bigint): Partial<severity> => ({ mask: x, result: x });
const MCGMASK = (x: bigint, y: bigint): Partial<severity> => ({ mcgmask: x, mcgres: y });
const MASK = (x: bigint, y: bigint): Partial<severity> => ({ mask: x, result: y });
const MCI_UC_S		= MCI_STATUS_UC | MCI_STATUS_S;
const MCI_UC_AR		= MCI_STATUS_UC | MCI_STATUS_AR;
const MCI_UC_SAR	= MCI_STATUS_UC | MCI_STATUS_S | MCI_STATUS_AR;
const MCI_ADDR		= MCI_STATUS_ADDRV | MCI_STATUS_MISCV;

/* an error that requires action, with an address */
const SRAR_MASK = MCI_STATUS_OVER | MCI_UC_SAR | MCI_ADDR | MCACOD;
const DATA = MASK(SRAR_MASK, MCI_UC_SAR | MCI_ADDR | MCACOD_DATA);
const INSTR = MASK(SRAR_MASK, MCI_UC_SAR | MCI_ADDR | MCACOD_INSTR);
const IN_SEAM_NR = MCGMASK(MCG_STATUS_SEAM_NR, MCG_STATUS_SEAM_NR);

const severities: readonly severity[] = [
	MCESEV(MCE_NO_SEVERITY, "Invalid", BITCLR(MCI_STATUS_VAL)),
	MCESEV(MCE_NO_SEVERITY, "Not enabled", EXCP, BITCLR(MCI_STATUS_EN)),
	MCESEV(MCE_PANIC_SEVERITY, "Processor context corrupt", BITSET(MCI_STATUS_PCC)),
	MCESEV(MCE_PANIC_SEVERITY, "MCIP not set in MCA handler", EXCP,
		MCGMASK(MCG_STATUS_MCIP, 0n)),
	MCESEV(MCE_PANIC_SEVERITY, "Neither restart nor error IP", EXCP,
		MCGMASK(MCG_STATUS_RIPV | MCG_STATUS_EIPV, 0n)),
	MCESEV(MCE_PANIC_SEVERITY, "In kernel and no restart IP", EXCP, KERNEL,
		MCGMASK(MCG_STATUS_RIPV, 0n)),
	MCESEV(MCE_PANIC_SEVERITY, "In kernel and no restart IP", EXCP, KERNEL_RECOV,
		MCGMASK(MCG_STATUS_RIPV, 0n)),
	MCESEV(MCE_KEEP_SEVERITY, "Corrected error", NOSER, BITCLR(MCI_STATUS_UC)),
	/* with or without S: by exception or by CMCI */
	MCESEV(MCE_AO_SEVERITY, "Action optional: memory scrubbing error", SER,
		MASK(MCI_UC_AR | MCACOD_SCRUBMSK, MCI_STATUS_UC | MCACOD_SCRUB)),
	MCESEV(MCE_AO_SEVERITY, "Action optional: last level cache writeback error", SER,
		MASK(MCI_UC_AR | MCACOD, MCI_STATUS_UC | MCACOD_L3WB)),
	MCESEV(MCE_UCNA_SEVERITY, "Uncorrected no action required", SER,
		MASK(MCI_UC_SAR, MCI_STATUS_UC)),
	MCESEV(MCE_PANIC_SEVERITY, "Illegal combination (UCNA with AR=1)", SER,
		MASK(MCI_STATUS_OVER | MCI_UC_SAR, MCI_STATUS_UC | MCI_STATUS_AR)),
	MCESEV(MCE_KEEP_SEVERITY, "Non signaled machine check", SER, BITCLR(MCI_STATUS_S)),
	MCESEV(MCE_PANIC_SEVERITY, "Action required with lost events", SER,
		BITSET(MCI_STATUS_OVER | MCI_UC_SAR)),
	...CONFIG_MEMORY_FAILURE ? [
		MCESEV(MCE_KEEP_SEVERITY,
			"Action required but unaffected thread is continuable", SER,
			MASK(MCI_STATUS_OVER | MCI_UC_SAR | MCI_ADDR, MCI_UC_SAR | MCI_ADDR),
			MCGMASK(MCG_STATUS_RIPV | MCG_STATUS_EIPV, MCG_STATUS_RIPV)),
		MCESEV(MCE_AR_SEVERITY,
			"Action required: data load in error recoverable area of kernel", SER, DATA,
			KERNEL_RECOV),
		MCESEV(MCE_AR_SEVERITY, "Action required: data load error in a user process", SER,
			DATA, USER),
		MCESEV(MCE_AR_SEVERITY,
			"Action required: instruction fetch error in a user process", SER, INSTR,
			USER),
		MCESEV(MCE_AR_SEVERITY, "Data load error in SEAM non-root mode", SER, DATA,
			IN_SEAM_NR, KERNEL),
		MCESEV(MCE_AR_SEVERITY, "Instruction fetch error in SEAM non-root mode", SER, INSTR,
			IN_SEAM_NR, KERNEL),
		MCESEV(MCE_PANIC_SEVERITY, "Data load in unrecoverable area of kernel", SER, DATA,
			KERNEL),
		MCESEV(MCE_PANIC_SEVERITY, "Instruction fetch error in kernel", SER, INSTR, KERNEL),
	] : [],
	MCESEV(MCE_PANIC_SEVERITY, "Action required: unknown MCACOD", SER,
		MASK(MCI_STATUS_OVER | MCI_UC_SAR, MCI_UC_SAR)),
	MCESEV(MCE_SOME_SEVERITY, "Action optional: unknown MCACOD", SER,
		MASK(MCI_STATUS_OVER | MCI_UC_SAR, MCI_UC_S)),
	MCESEV(MCE_SOME_SEVERITY, "Action optional with lost events", SER,
		MASK(MCI_STATUS_OVER | MCI_UC_SAR, MCI_STATUS_OVER | MCI_UC_S)),
	MCESEV(MCE_PANIC_SEVERITY, "Overflowed uncorrected",
		BITSET(MCI_STATUS_OVER | MCI_STATUS_UC)),
	MCESEV(MCE_UC_SEVERITY, "Uncorrected", BITSET(MCI_STATUS_UC)),
	MCESEV(MCE_SOME_SEVERITY, "No match", BITSET(0n)),	/* always does */
];

const mc_recoverable = (mcg: bigint): boolean =>
	(mcg & (MCG_STATUS_RIPV | MCG_STATUS_EIPV)) === (MCG_STATUS_RIPV | MCG_STATUS_EIPV);

/**
 * arch/x86/kernel/cpu/mce/severity.c:is_copy_from_user(). Instead of decoding the instruction: an
 * entry from a user copy says where that was reading.
 */
function is_copy_from_user(regs: struct_pt_regs | null): boolean {
	if (!regs)
		return false;

	if (regs.ip !== IP_UACCESS)
		return false;

	const addr = regs.si;
	/* C: fault_in_kernel_space() */
	if (addr < 0 || addr >= TASK_SIZE_MAX)
		return false;

	current.mce_vaddr = addr;

	return true;
}

/**
 * arch/x86/kernel/cpu/mce/severity.c:error_context(). Without a good m.cs (0 then) the worst is
 * assumed: the kernel.
 */
function error_context(m: struct_mce, regs: struct_pt_regs | null): number {
	if ((m.cs & 3) === 3)
		return IN_USER;

	if (!mc_recoverable(m.mcgstatus))
		return IN_KERNEL;

	const fixup_type = ex_get_fixup_type(m.ip);
	const copy_user = is_copy_from_user(regs);

	switch (fixup_type) {
	case EX_TYPE_UACCESS:
	case EX_TYPE_COPY:
		if (!copy_user)
			return IN_KERNEL;
		m.kflags |= MCE_IN_KERNEL_COPYIN;
		/* fallthrough */

	case EX_TYPE_FAULT_MCE_SAFE:
	case EX_TYPE_DEFAULT_MCE_SAFE:
		m.kflags |= MCE_IN_KERNEL_RECOV;
		return IN_KERNEL_RECOV;

	default:
		return IN_KERNEL;
	}
}

/** arch/x86/kernel/cpu/mce/severity.c:mce_severity_intel() */
function mce_severity_intel(m: struct_mce, regs: struct_pt_regs | null, msg: ref<string> | null,
	is_excp: boolean): number {
	const excp = is_excp ? EXCP_CONTEXT : NO_EXCP;
	const ctx = error_context(m, regs);

	for (let i = 0; ; i++) {
		const s = severities[i]!;

		if ((m.status & s.mask) !== s.result)
			continue;
		if ((m.mcgstatus & s.mcgmask) !== s.mcgres)
			continue;
		if (s.ser === SER_REQUIRED && !mca_cfg.ser)
			continue;
		if (s.ser === NO_SER && mca_cfg.ser)
			continue;
		if (s.context && ctx !== s.context)
			continue;
		if (s.excp && excp !== s.excp)
			continue;
		if (msg)
			msg.v = s.msg;

		/* 6.10's rules are about a kernel that only seems to have been interrupted */
		if (s.sev >= MCE_UC_SEVERITY && ctx === IN_KERNEL &&
		    s.mcgmask !== MCG_STATUS_SEAM_NR)
			return MCE_PANIC_SEVERITY;

		return s.sev;
	}
}

export function mce_severity(m: struct_mce, regs: struct_pt_regs | null, msg: ref<string> | null,
	is_excp: boolean): number {
	return mce_severity_intel(m, regs, msg, is_excp);
}
