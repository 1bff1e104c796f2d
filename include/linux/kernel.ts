// SPDX-License-Identifier: GPL-2.0
/*
 * Odds and ends of the kernel.
 *
 * Upstream: include/linux/kernel.h, math.h, minmax.h, kstrtox.h, sprintf.h, string.h.
 */
import { EINVAL, ERANGE } from "#linux/errno.ts";

export { DIV_ROUND_UP, max, min, round_down, round_up, ALIGN, ALIGN_DOWN, IS_ALIGNED } from
	"#asm-generic/bits.ts";
export { container_of } from "#asm-generic/owner.ts";
export { INT_MAX, LLONG_MAX, LONG_MAX, S64_MAX, U32_MAX, U64_MAX, ULONG_MAX } from
	"#asm-generic/types.ts";
export { cant_sleep, might_sleep, might_sleep_if, might_resched, non_block_end, non_block_start }
	from "#linux/sched.ts";
export { sprintf, vsprintf } from "#linux/kernel/vsprintf.ts";
export { clamp } from "#linux/minmax.ts";
export { panic } from "#linux/panic.ts";
export { might_fault } from "#asm/uaccess.ts";

export const SYSTEM_BOOTING		= 0;
export const SYSTEM_SCHEDULING		= 1;
export const SYSTEM_FREEING_INITMEM	= 2;
export const SYSTEM_RUNNING		= 3;
export const SYSTEM_HALT		= 4;

export let system_state = SYSTEM_BOOTING;

export function set_system_state(state: number): void {
	system_state = state;
}

/**
 * lib/cmdline.c:memparse(): a number with a suffix K, M, G, T, P or E; @retptr gets the rest.
 */
export function memparse(ptr: string, retptr?: { v: string } | null): number {
	const m = /^\s*(0[xX][0-9a-fA-F]+|\d*)([KkMmGgTtPpEe]?)/.exec(ptr)!;
	const suffix = "kmgtpe".indexOf(m[2]!.toLowerCase());
	let ret = m[1] === "" ? 0 : Number(m[1]);
	let used = m[0].length;

	if (m[1] === "")
		used = 0;
	else if (m[2] !== "")
		ret *= 1024 ** (suffix + 1);
	if (retptr)
		retptr.v = ptr.slice(used);
	return ret;
}

function parse(s: string, base: number): bigint | null {
	const m = /^([-+]?)(.*?)\n?$/.exec(s)!;
	let digits = m[2]!;
	if (base === 0 || base === 16) {
		if (/^0[xX]/.test(digits)) {
			base = 16;
			digits = digits.slice(2);
		} else if (base === 0) {
			base = digits.startsWith("0") && digits.length > 1 ? 8 : 10;
		}
	}
	const ok = base === 16 ? /^[0-9a-fA-F]+$/ : base === 8 ? /^[0-7]+$/ : /^[0-9]+$/;
	if (!ok.test(digits))
		return null;
	const v = BigInt(base === 16 ? `0x${digits}` : base === 8 ? `0o${digits}` : digits);
	return m[1] === "-" ? -v : v;
}

function kstrto(s: string, base: number, lo: bigint, hi: bigint, res: { v: bigint }): number {
	const v = parse(s, base);
	if (v === null || (lo === 0n && s.startsWith("-")))
		return -EINVAL;
	if (v < lo || v > hi)
		return -ERANGE;
	res.v = v;
	return 0;
}

/** lib/kstrtox.c:kstrtoull(): 0, -EINVAL or -ERANGE; a newline may end the string. */
export function kstrtoull(s: string, base: number, res: { v: bigint }): number {
	return kstrto(s, base, 0n, 0xffffffffffffffffn, res);
}

export const kstrtoul = kstrtoull;

export function kstrtoll(s: string, base: number, res: { v: bigint }): number {
	return kstrto(s, base, -0x8000000000000000n, 0x7fffffffffffffffn, res);
}

function kstrto_number(s: string, base: number, lo: bigint, hi: bigint, res: { v: number }):
	number {
	const wide = { v: 0n };
	const ret = kstrto(s, base, lo, hi, wide);
	if (ret === 0)
		res.v = Number(wide.v);
	return ret;
}

export function kstrtouint(s: string, base: number, res: { v: number }): number {
	return kstrto_number(s, base, 0n, 0xffffffffn, res);
}

export function kstrtoint(s: string, base: number, res: { v: number }): number {
	return kstrto_number(s, base, -0x80000000n, 0x7fffffffn, res);
}

/** (u32)(n & 0xffffffff) */
export function lower_32_bits(n: number): number {
	return n >>> 0;
}

/** lib/kstrtox.c:kstrtobool() */
export function kstrtobool(s: string, res: { v: boolean }): number {
	if (/^[yYtT1]/.test(s) || /^[oO][nN]/.test(s)) {
		res.v = true;
		return 0;
	}
	if (/^[nNfF0]/.test(s) || /^[oO][fF]/.test(s)) {
		res.v = false;
		return 0;
	}
	return -EINVAL;
}

export const strtobool = kstrtobool;

/** lib/string_helpers.c, lib/string.c:sysfs_streq(): equal but for a newline at the end. */
export function sysfs_streq(a: string, b: string): boolean {
	return a.replace(/\n$/, "") === b.replace(/\n$/, "");
}

export function strim(s: string): string {
	return s.trim();
}

export const strstrip = strim;
