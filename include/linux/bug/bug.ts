// SPDX-License-Identifier: GPL-2.0
/*
 * BUG() and WARN().
 *
 * Upstream: lib/bug.c, the macros of include/asm-generic/bug.h. File and line come from the
 * stack, when something is printed.
 */
import { pr_crit, pr_warn } from "#linux/printk.ts";
import { TAINT_WARN, __warn, kernel_bug, save_stack_trace, stack_caller, stack_frames } from
	"#linux/panic.ts";
import { vsprintf } from "#linux/kernel/vsprintf.ts";

const CUT_HERE = "------------[ cut here ]------------\n";

/** lib/bug.c:__report_bug(), BUG_TRAP_TYPE_BUG */
function report_bug(what: string): never {
	const err = new kernel_bug(what);
	const where = stack_caller(stack_frames(err));

	pr_warn(CUT_HERE);
	pr_crit("kernel BUG at %s:%d!\n", where.file, where.line);
	err.message = `kernel BUG at ${where.file}:${where.line}!${what === "" ? "" : ` ${what}`}`;
	throw err;
}

function report_warn(text: string | null): void {
	const err = save_stack_trace();
	pr_warn(CUT_HERE);
	__warn(stack_caller(stack_frames(err)), TAINT_WARN, text, err);
}

export function BUG(): never {
	report_bug("");
}

/*
 * Here and below, the condition is written over where it held: V8 keeps a parameter's value for
 * the stack of a call, and would make one of each comparison. So answers are constants, too.
 */

export function BUG_ON(condition: boolean): void {
	if (condition) {
		condition = false;
		report_bug("");
	}
}

export function WARN_ON(condition: boolean): boolean {
	if (condition) {
		condition = false;
		report_warn(null);
		return true;
	}
	return false;
}

export function WARN(condition: boolean, fmt: string, ...args: unknown[]): boolean {
	if (condition) {
		condition = false;
		report_warn(vsprintf(fmt, args));
		return true;
	}
	return false;
}

export const WARN_TAINT = (condition: boolean, _taint: number, fmt: string,
	...args: unknown[]): boolean => WARN(condition, fmt, ...args);

const warned = new Set<string>();

/* whether this call site has not warned yet; only asked when the condition holds */
function once(): boolean {
	const where = stack_caller(stack_frames(save_stack_trace()));
	const site = `${where.file}:${where.line}`;
	if (warned.has(site))
		return false;
	warned.add(site);
	return true;
}

/** lib/bug.c:generic_bug_clear_once() */
export function generic_bug_clear_once(): void {
	warned.clear();
}

export function WARN_ON_ONCE(condition: boolean): boolean {
	if (condition) {
		condition = false;
		if (once())
			report_warn(null);
		return true;
	}
	return false;
}

export function WARN_ONCE(condition: boolean, fmt: string, ...args: unknown[]): boolean {
	if (condition) {
		condition = false;
		if (once())
			report_warn(vsprintf(fmt, args));
		return true;
	}
	return false;
}
