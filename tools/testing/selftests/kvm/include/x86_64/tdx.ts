// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDs for tests: made by the ioctls as a VMM makes them, with vCPUs that run scripts.
 *
 * Port-only. Guest physical memory:
 *
 *	0x1000 PML4	0x2000 PDPT: the first 4 GiB	0x3000 the same, SHARED, at TD_SHARED_VA
 *	0x4000 GDT	0x5000 IDT	0x6000 stacks	0x400000 text	0xfffff000 reset vector
 *
 * which are added to the TD before it runs, and from TD_FREE_GPA to TD_MEM_SIZE memory that nobody
 * has accepted. Scripts begin in protected mode; td_long_mode() leads on, and after it linear
 * addresses are physical ones, shared above TD_SHARED_VA.
 */
import { jmp, get_reg, lgdt, lidt, REG_R10, REG_R11, REG_RSI, REG_RSP, set_reg, write_cr,
	type guest_fn, type guest_program } from "#hw/isa_guest.ts";
import { reload_cs, tdcall, tdvmcall } from "#hw/isa_td.ts";

export { VE_VECTOR } from "#uapi-asm/kvm.ts";

export const TD_MEM_SIZE	= 0x2000000;
export const TD_FREE_GPA	= 0x800000;
export const TD_SHARED_VA	= 2 ** 39;
/** The bit of a gpa that says shared. */
export const TD_SHARED_BIT	= 2 ** 47;
/** The same in a TD whose addresses have 52 bits. */
export const TD_SHARED_BIT_WIDE	= 2 ** 51;
export const TD_RESET_PAGE	= 0xfffff000;
export const TD_PML4 = 0x1000, TD_PDPT = 0x2000, TD_PDPT_SHARED = 0x3000;
export const TD_GDT = 0x4000, TD_IDT = 0x5000, TD_STACK_TOP = 0x7000;

/* TDCALL leaves */
export const TDG_VP_INFO		= 1;
export const TDG_VP_VEINFO_GET		= 3;
export const TDG_MR_REPORT		= 4;
export const TDG_MEM_PAGE_ACCEPT	= 6;

/* TDG.VP.VMCALL */
export const TDVMCALL_IO		= 30n;
export const TDVMCALL_MMIO		= 48n;
export const TDVMCALL_HLT		= 12n;
export const TDVMCALL_CPUID		= 10n;
export const TDVMCALL_MAP_GPA		= 0x10001n;
export const TDVMCALL_REPORT_FATAL_ERROR = 0x10003n;
export const TDVMCALL_SUCCESS		= 0n;
export const TDVMCALL_INVALID_OPERAND	= 0x8000000000000000n;
export const TDVMCALL_ALIGN_ERROR	= 0x8000000000000002n;

/** Port of a script's reports: 4 bytes, the numbers that td_run_until_report() gives. */
export const TD_REPORT_PORT	= 0x77;

/* in the guest */

/** From protected mode without paging to 64-bit mode, with a stack. */
export function* td_long_mode(): guest_program {
	const vcpu = Number(yield* get_reg(REG_RSI));

	yield* lgdt(TD_GDT, 0x1f);
	yield* lidt(TD_IDT, 0xfff);
	yield* write_cr(4, 0x660n);
	yield* write_cr(3, BigInt(TD_PML4));
	yield* write_cr(0, 0x80010031n);
	yield* reload_cs(8);
	yield* set_reg(REG_RSP, BigInt(TD_STACK_TOP - vcpu * 512));
}

/** Tells the test a number of 32 bits, by a port. */
export function* td_report(x: number | bigint): guest_program {
	yield* tdvmcall(0n, TDVMCALL_IO, 4n, 1n, BigInt(TD_REPORT_PORT),
		BigInt.asUintN(32, BigInt(x)));
}

/** Upper half of the completion code of TDG.MEM.PAGE.ACCEPT; @level 0: 4K, 1: 2M. */
export function* td_accept(gpa: number, level = 0): Generator<number, number, void> {
	return Number((yield* tdcall(TDG_MEM_PAGE_ACCEPT, BigInt(gpa + level))) >> 32n);
}

/** MapGPA: R10 of the answer. @gpa with TD_SHARED_BIT asks for shared memory. */
export function* td_map_gpa(gpa: number, size: number): Generator<number, bigint, void> {
	yield* tdvmcall(0n, TDVMCALL_MAP_GPA, BigInt(gpa), BigInt(size));
	return yield* get_reg(REG_R10);
}

/** TDG.VP.VMCALL; R10 and R11 of the answer. */
export function* td_vmcall(fn: bigint, a0 = 0n, a1 = 0n, a2 = 0n, a3 = 0n):
	Generator<number, [bigint, bigint], void> {
	yield* tdvmcall(0n, fn, a0, a1, a2, a3);
	return [yield* get_reg(REG_R10), yield* get_reg(REG_R11)];
}

/** What starts a TD of several vCPUs: each goes on with its own script. */
export function td_chooser(starts: readonly number[]): guest_fn {
	return function* () {
		yield* jmp(starts[Number(yield* get_reg(REG_RSI))]!);
	};
}

export { struct_td, struct_td_vcpu, td_add_page, td_add_page_from, td_cmd, td_convert, td_create,
	td_create_empty, td_free, td_init_vm, td_ioctl, td_map_memory, td_mapped_errno, td_new_vcpu,
	td_new_vm, type td_options, td_require, td_run, td_run_until_report, td_set_slot } from
	"../../lib/x86_64/tdx.ts";
