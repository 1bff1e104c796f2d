// SPDX-License-Identifier: GPL-2.0
/*
 * SEAMCALL, and what becomes of its completion codes.
 *
 * Upstream: arch/x86/virt/vmx/tdx/seamcall.S, and the wrappers of tdx.c. A completion code is the
 * upper half of RAX, a number; the lower half stays in the arguments' register 0.
 */
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

/* For tests: what a leaf answers instead of being called, how often. */
let fail_leaf = -1;
let fail_code = 0;
let fail_details = 0;
let fail_times = 0;
let fail_skip = 0;

/** The next @times calls of @leaf, after @skip more, fail so, without an effect. */
export function seamcall_fail(leaf: number, code: number, details = 0, times = 1, skip = 0): void {
	fail_leaf = leaf;
	fail_code = code;
	fail_details = details;
	fail_times = times;
	fail_skip = skip;
}

function set_rax(args: struct_tdx_module_args, code: number, details: number): number {
	args.u32[0] = details;
	args.u32[1] = code;
	return code;
}

function injected(fn: number): boolean {
	if (fn !== fail_leaf || fail_times === 0)
		return false;
	if (fail_skip > 0) {
		fail_skip--;
		return false;
	}
	fail_times--;
	return true;
}

/** arch/x86/virt/vmx/tdx/seamcall.S:__seamcall(), with the exceptions it is prepared for. */
export function __seamcall(fn: number, args: struct_tdx_module_args): number {
	seamcall_counts[fn]!++;
	if (fail_times !== 0 && injected(fn))
		return set_rax(args, fail_code, fail_details);
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
