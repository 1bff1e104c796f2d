// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions of scripts that run in TDs. See isa_guest.ts.
 *
 * Port-only. TDCALL takes and leaves values in registers: get_reg() has what is not returned.
 */
import { run } from "./guest_cells.ts";
import {
	GOP_RELOAD_CS, GOP_TDCALL, GRET_NONE, GRET_U64, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
	REG_R15, REG_R8, REG_RAX, REG_RCX, REG_RDX,
} from "./guest_types.ts";
import { BIGINT, NONE, post, type guest_insn } from "./isa_guest.ts";

/** TDCALL with RAX, RCX, RDX, R8; the completion code in RAX. */
export function tdcall(leaf: number, rcx = 0n, rdx = 0n, r8 = 0n): guest_insn<bigint> {
	const regs = run.guest.regs;

	post(GOP_TDCALL, 0, GRET_U64);
	regs[REG_RAX] = BigInt(leaf);
	regs[REG_RCX] = rcx;
	regs[REG_RDX] = rdx;
	regs[REG_R8] = r8;
	return BIGINT;
}

/** R10 to R15: what Linux lets the host see. */
export const TDVMCALL_MASK	= 0xfc00n;

/**
 * TDG.VP.VMCALL, as the guest-host interface has it: R10 says whose call it is (0: the standard's),
 * R11 which one, R12 on the arguments. RAX; the host's answer is in R10 (status) and R11.
 */
export function tdvmcall(r10: bigint, r11: bigint, r12 = 0n, r13 = 0n, r14 = 0n, r15 = 0n,
	mask = TDVMCALL_MASK): guest_insn<bigint> {
	const regs = run.guest.regs;

	post(GOP_TDCALL, 0, GRET_U64);
	regs[REG_RAX] = 0n;
	regs[REG_RCX] = mask;
	regs[REG_R10] = r10;
	regs[REG_R11] = r11;
	regs[REG_R12] = r12;
	regs[REG_R13] = r13;
	regs[REG_R14] = r14;
	regs[REG_R15] = r15;
	return BIGINT;
}

/** A far jump to what follows: loads CS, out of the GDT. */
export function reload_cs(selector: number): guest_insn<void> {
	post(GOP_RELOAD_CS, 0, GRET_NONE).reg = selector;
	return NONE;
}
