// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel messages.
 *
 * Upstream: include/linux/printk.h. `printk(KERN_ERR + "%s: ...\n", name)`.
 */
import { KERN_ALERT, KERN_CONT, KERN_CRIT, KERN_EMERG, KERN_ERR, KERN_INFO, KERN_NOTICE,
	KERN_WARNING } from "#linux/kern_levels.ts";
import { __printk_ratelimit, vprintk } from "#linux/printk/printk.ts";

export * from "#linux/kern_levels.ts";
export { type struct_console, type printk_record, register_console, unregister_console,
	set_console_loglevel, console_loglevel, vprintk, kmsg_dump_get_buffer, kmsg_text,
	kmsg_dropped, log_buf_clear, console_flush_on_panic, printk_set_clock } from
	"#linux/printk/printk.ts";
export { dump_stack, dump_stack_lvl } from "#linux/panic.ts";

export function printk(fmt: string, ...args: unknown[]): number {
	return vprintk(fmt, args);
}

export const _printk = printk;

export function pr_emerg(fmt: string, ...args: unknown[]): number {
	return vprintk(KERN_EMERG + fmt, args);
}

export function pr_alert(fmt: string, ...args: unknown[]): number {
	return vprintk(KERN_ALERT + fmt, args);
}

export function pr_crit(fmt: string, ...args: unknown[]): number {
	return vprintk(KERN_CRIT + fmt, args);
}

export function pr_err(fmt: string, ...args: unknown[]): number {
	return vprintk(KERN_ERR + fmt, args);
}

export function pr_warn(fmt: string, ...args: unknown[]): number {
	return vprintk(KERN_WARNING + fmt, args);
}

export function pr_notice(fmt: string, ...args: unknown[]): number {
	return vprintk(KERN_NOTICE + fmt, args);
}

export function pr_info(fmt: string, ...args: unknown[]): number {
	return vprintk(KERN_INFO + fmt, args);
}

export function pr_cont(fmt: string, ...args: unknown[]): number {
	return vprintk(KERN_CONT + fmt, args);
}

/** Without DEBUG and dynamic debug: the arguments are typed, nothing is printed. */
export function pr_debug(_fmt: string, ..._args: unknown[]): number {
	return 0;
}

export const pr_devel = pr_debug;
export const no_printk = pr_debug;

const once_sites = new Set<string>();

/* a site is its format: no two sites share one where it matters */
function once(fmt: string): boolean {
	if (once_sites.has(fmt))
		return false;
	once_sites.add(fmt);
	return true;
}

export function printk_once(fmt: string, ...args: unknown[]): number {
	return once(fmt) ? vprintk(fmt, args) : 0;
}

export function pr_err_once(fmt: string, ...args: unknown[]): number {
	return once(KERN_ERR + fmt) ? vprintk(KERN_ERR + fmt, args) : 0;
}

export function pr_warn_once(fmt: string, ...args: unknown[]): number {
	return once(KERN_WARNING + fmt) ? vprintk(KERN_WARNING + fmt, args) : 0;
}

export function pr_info_once(fmt: string, ...args: unknown[]): number {
	return once(KERN_INFO + fmt) ? vprintk(KERN_INFO + fmt, args) : 0;
}

export function printk_ratelimited(fmt: string, ...args: unknown[]): number {
	return __printk_ratelimit(fmt) ? vprintk(fmt, args) : 0;
}

export function pr_err_ratelimited(fmt: string, ...args: unknown[]): number {
	return __printk_ratelimit(fmt) ? vprintk(KERN_ERR + fmt, args) : 0;
}

export function pr_warn_ratelimited(fmt: string, ...args: unknown[]): number {
	return __printk_ratelimit(fmt) ? vprintk(KERN_WARNING + fmt, args) : 0;
}

export function pr_info_ratelimited(fmt: string, ...args: unknown[]): number {
	return __printk_ratelimit(fmt) ? vprintk(KERN_INFO + fmt, args) : 0;
}

export function pr_debug_ratelimited(_fmt: string, ..._args: unknown[]): number {
	return 0;
}

export function printk_ratelimit(): boolean {
	return __printk_ratelimit("printk_ratelimit");
}

export function print_hex_dump(level: string, prefix_str: string, bytes: Uint8Array,
	rowsize = 16): void {
	for (let at = 0; at < bytes.length; at += rowsize) {
		const row = Array.from(bytes.subarray(at, at + rowsize),
			(b) => b.toString(16).padStart(2, "0"));
		const offset = at.toString(16).padStart(8, "0");
		vprintk(`${level}${prefix_str}${offset}: ${row.join(" ")}\n`, []);
	}
}
