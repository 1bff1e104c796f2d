// SPDX-License-Identifier: GPL-2.0
/*
 * SEAMCALL, and what becomes of its completion codes.
 *
 * Upstream: arch/x86/virt/vmx/tdx/seamcall.S, and the wrappers of tdx.c. A completion code is the
 * upper half of RAX, a number; the lower half stays in the arguments' register 0.
 */
import { CONFIG_TDX_HOST_DEBUG } from "#generated/autoconf.ts";
import { EACCES, EIO, ENODEV, EOPNOTSUPP } from "#linux/errno.ts";
import { pr_err } from "#linux/printk.ts";
import { this_cpu } from "#hw/cpu.ts";
import { SEAMCALL_DONE, SEAMCALL_IN_TD, SEAMCALL_VMFAIL, seamcall as hw_seamcall } from
	"#hw/tdx/dispatch.ts";
import { SEAMCALL_DETAILS_GP, SEAMCALL_DETAILS_UD, SEAMCALL_DETAILS_VMFAILINVALID,
	TDX_RND_NO_ENTROPY, TDX_SEAMCALL_VMFAILINVALID, TDX_SUCCESS, TDX_SW_ERROR,
	type struct_tdx_module_args } from "#asm/tdx.ts";

const X86_TRAP_UD	= 6;

/**
 * __seamcall() of TDH.VP.ENTER: the TD runs, see tdx_run_td(). No completion code has this value.
 */
export const SEAMCALL_TD_RUNS	= -1;

/* tries to get a random number */
const RDRAND_RETRY_LOOPS	= 10;

/** By leaf, how often it was called; for tests and reports. */
export const seamcall_counts = new Uint32Array(64);

export function seamcall_counts_reset(): void {
	seamcall_counts.fill(0);
}

/** For tests: what a leaf answers instead of being called, how often, and after how many calls. */
export interface seamcall_fault {
	code: number;
	details: number;
	times: number;
	skip: number;
}

/** By leaf; one that has come to its end stays, with times 0. */
export const seamcall_faults = new Map<number, seamcall_fault>();
/* leaves that are to fail yet */
let armed = 0;

/** The next @times calls of @leaf, after @skip more, fail so, without an effect. */
export function seamcall_fail(leaf: number, code: number, details = 0, times = 1, skip = 0): void {
	if ((seamcall_faults.get(leaf)?.times ?? 0) !== 0)
		armed--;
	seamcall_faults.set(leaf, { code, details, times, skip });
	if (times !== 0)
		armed++;
}

export function seamcall_fail_reset(): void {
	seamcall_faults.clear();
	armed = 0;
}

function set_rax(args: struct_tdx_module_args, code: number, details: number): number {
	args.u32[0] = details;
	args.u32[1] = code;
	return code;
}

/* What @fn answers; null: it is called. */
function injected(fn: number): seamcall_fault | null {
	const fault = seamcall_faults.get(fn);

	if (fault === undefined || fault.times === 0)
		return null;
	if (fault.skip > 0) {
		fault.skip--;
		return null;
	}
	if (--fault.times === 0)
		armed--;
	return fault;
}

/** arch/x86/virt/vmx/tdx/seamcall.S:__seamcall(), with the exceptions it is prepared for. */
export function __seamcall(fn: number, args: struct_tdx_module_args): number {
	seamcall_counts[fn]!++;
	if (CONFIG_TDX_HOST_DEBUG && armed !== 0) {
		const fault = injected(fn);
		if (fault !== null)
			return set_rax(args, fault.code, fault.details);
	}
	args.u32[0] = fn;
	args.u32[1] = 0;
	const r = hw_seamcall(this_cpu, args);
	if (r === SEAMCALL_DONE)
		return args.u32[1]!;
	if (r === SEAMCALL_IN_TD)
		return SEAMCALL_TD_RUNS;
	if (r === SEAMCALL_VMFAIL)
		return set_rax(args, TDX_SEAMCALL_VMFAILINVALID, SEAMCALL_DETAILS_VMFAILINVALID);
	return set_rax(args, TDX_SW_ERROR, r === X86_TRAP_UD ? SEAMCALL_DETAILS_UD :
		SEAMCALL_DETAILS_GP);
}

/** The whole of RAX after a call. */
export function tdx_rax(args: struct_tdx_module_args): bigint {
	return args.u64[0]!;
}

/** arch/x86/virt/vmx/tdx/tdx.c:seamcall_err() */
export function tdx_seamcall_err(fn: number, args: struct_tdx_module_args): void {
	pr_err("virt/tdx: SEAMCALL (0x%016llx) failed: 0x%016llx\n", fn, tdx_rax(args));
}

/**
 * arch/x86/virt/vmx/tdx/tdx.c:seamcall_prerr(): 0, or an errno for what went wrong, which is
 * printed unless there is no module, or this CPU can't call it.
 */
export function seamcall(fn: number, args: struct_tdx_module_args): number {
	let retry = RDRAND_RETRY_LOOPS, sret: number;

	do {
		sret = __seamcall(fn, args);
	} while (sret === TDX_RND_NO_ENTROPY && --retry !== 0);

	if (sret === TDX_SUCCESS)
		return 0;
	if (sret === TDX_SW_ERROR) {
		switch (args.u32[0]) {
		case SEAMCALL_DETAILS_VMFAILINVALID:
			return -ENODEV;
		case SEAMCALL_DETAILS_GP:
			return -EOPNOTSUPP;
		case SEAMCALL_DETAILS_UD:
			return -EACCES;
		}
	}
	tdx_seamcall_err(fn, args);
	return -EIO;
}
