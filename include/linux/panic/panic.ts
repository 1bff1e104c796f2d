// SPDX-License-Identifier: GPL-2.0
/*
 * What is printed, and what happens, when the kernel finds itself in trouble.
 *
 * Upstream: kernel/panic.c, lib/dump_stack.c, kernel/stacktrace.c, die() and oops_end() of
 * arch/x86/kernel/dumpstack.c. Left out: kexec, blinking, reboot timeouts, console notifiers.
 *
 * A BUG is thrown as kernel_bug after its text was printed; whatever else is thrown out of kernel
 * code (a TypeError from a poisoned object, say) is an oops too, printed by die(). Both end at the
 * system call entry or at the scheduler, which call die(): the task dies with its locks held.
 * panic() throws host_dead, which only the host runner catches.
 */
import { host_dead } from "#asm-generic/dead.ts";
import { KERN_DEFAULT, console_flush_on_panic, pr_alert, pr_emerg, pr_warn, printk } from
	"#linux/printk.ts";
import { vsprintf } from "#linux/kernel/vsprintf.ts";
import { HARDIRQ_MASK, NMI_MASK, SOFTIRQ_MASK } from "#linux/preempt.const.ts";
import { HOT_IRQS, HOT_PREEMPT, IRQS_OFF, pcpu_hot } from "#asm/current.ts";
import { current } from "#linux/sched_types.ts";
import { make_task_dead, task_exited } from "#linux/sched/exit.ts";
import { init_utsname } from "#linux/utsname.ts";

/** The exception of BUG() and of a lock validator's report. */
export class kernel_bug extends Error {
	/** whether report_bug() or lockdep printed it */
	printed = true;
	constructor(what: string) {
		super(what);
		this.name = "kernel_bug";
	}
}

/* ---- taint ---------------------------------------------------------------------------------- */

export { host_dead };

export const TAINT_PROPRIETARY_MODULE	= 0;
export const TAINT_FORCED_MODULE	= 1;
export const TAINT_CPU_OUT_OF_SPEC	= 2;
export const TAINT_FORCED_RMMOD		= 3;
export const TAINT_MACHINE_CHECK	= 4;
export const TAINT_BAD_PAGE		= 5;
export const TAINT_USER			= 6;
export const TAINT_DIE			= 7;
export const TAINT_OVERRIDDEN_ACPI_TABLE = 8;
export const TAINT_WARN			= 9;
export const TAINT_CRAP			= 10;
export const TAINT_FIRMWARE_WORKAROUND	= 11;
export const TAINT_OOT_MODULE		= 12;
export const TAINT_UNSIGNED_MODULE	= 13;
export const TAINT_SOFTLOCKUP		= 14;
export const TAINT_LIVEPATCH		= 15;
export const TAINT_AUX			= 16;
export const TAINT_RANDSTRUCT		= 17;
export const TAINT_TEST			= 18;

export const LOCKDEP_STILL_OK		= 1;
export const LOCKDEP_NOW_UNRELIABLE	= 0;

const taint_flags = "PFSRMBUDAWCIOELKXTN";
let tainted_mask = 0;

export let panic_on_oops = 0;
export let panic_on_warn = 0;
/** How often WARN and BUG or an oops were printed; the test runners look at it. */
export let warn_count = 0;
export let oops_count = 0;
/** Text of the panic, or null. */
export let panic_message: string | null = null;
let oops_in_progress = 0;

export function set_panic_on(oops: number, warn: number): void {
	panic_on_oops = oops;
	panic_on_warn = warn;
}

export function print_tainted(): string {
	if (tainted_mask === 0)
		return "Not tainted";
	let s = "Tainted: ";
	for (let i = 0; i < taint_flags.length; i++) {
		const set = (tainted_mask & (1 << i)) !== 0;
		s += set ? taint_flags[i] : i === 0 ? "G" : " ";
	}
	return s;
}

export function test_taint(flag: number): boolean {
	return (tainted_mask & (1 << flag)) !== 0;
}

export function get_taint(): number {
	return tainted_mask;
}

export function add_taint(flag: number, _lockdep_ok: number): void {
	tainted_mask |= 1 << flag;
}

/** For kunit, after an expected report; and for a host that boots anew in one realm. */
export function panic_reset(): void {
	tainted_mask = 0;
	warn_count = 0;
	oops_count = 0;
	oops_in_progress = 0;
	panic_message = null;
}

/* ---- stacks --------------------------------------------------------------------------------- */

const SELF = "include/linux/panic/panic";

function strip_scheme(url: string): string {
	return url.replace(/^file:\/\//, "").replace(/\?.*$/, "");
}

/* folder of the sources that run: the tree's root, or build/<config> */
const run_root = (() => {
	const self = strip_scheme(import.meta.url);
	const at = self.lastIndexOf(SELF);
	return at >= 0 ? self.slice(0, at) : "";
})();
const tree_root = run_root.replace(/build\/[^/]+\/$/, "");

export interface stack_frame {
	readonly fn: string;
	/** relative to the tree, "mm/shmem.ts" */
	readonly file: string;
	readonly line: number;
}

const FRAME = /^\s*at (?:async )?(?:(?:new )?(.*?) \()?(.*?):(\d+):\d+\)?$/;

/** The frames of @err that lie in the tree, innermost first. */
export function stack_frames(err: Error): stack_frame[] {
	const frames: stack_frame[] = [];
	for (const text of (err.stack ?? "").split("\n")) {
		const m = FRAME.exec(text);
		if (m === null)
			continue;
		let file = strip_scheme(m[2]!);
		if (run_root !== "" && file.startsWith(run_root))
			file = file.slice(run_root.length);
		else if (tree_root !== "" && file.startsWith(tree_root))
			file = file.slice(tree_root.length);
		else
			continue;
		if (file.startsWith("node_modules/"))
			continue;
		const fn = (m[1] ?? "<anonymous>").replace(/^(?:Module|Object|Function)\./, "")
			.replace(/ \[as .*\]$/, "");
		frames.push({ fn, file: file.replace(/\.js$/, ".ts"), line: Number(m[3]) });
	}
	return frames;
}

const REPORTERS = /^include\/linux\/(?:panic|bug|printk|lockdep|mmdebug|rcupdate)(?:\.ts|\/)/;

/** The place that called BUG(), WARN() or a lock function. */
export function stack_caller(frames: readonly stack_frame[]): stack_frame {
	return frames.find((f) => !REPORTERS.test(f.file)) ?? frames[0] ??
		{ fn: "?", file: "?", line: 0 };
}

/** A stack, to be printed later or never. */
export function save_stack_trace(): Error {
	return new Error("trace");
}

export function stack_trace_lines(err: Error): string[] {
	const frames = stack_frames(err);
	const first = frames.indexOf(stack_caller(frames));
	return frames.slice(Math.max(first, 0)).map((f) => `${f.fn}+${f.file}:${f.line}`);
}

export function dump_stack_print_info(log_lvl: string): void {
	const u = init_utsname();
	printk(log_lvl + "CPU: %d PID: %d Comm: %.20s %s %s %s\n", current.cpu, current.pid,
		current.comm, print_tainted(), u.release, u.version.split(" ")[0]);
}

export function show_stack(err: Error, log_lvl: string): void {
	printk(log_lvl + "Call Trace:\n");
	printk(log_lvl + " <TASK>\n");
	for (const line of stack_trace_lines(err))
		printk(log_lvl + " %s\n", line);
	printk(log_lvl + " </TASK>\n");
}

/** lib/dump_stack.c:dump_stack_lvl() */
export function dump_stack_lvl(log_lvl: string): void {
	dump_stack_print_info(log_lvl);
	show_stack(save_stack_trace(), log_lvl);
}

export function dump_stack(): void {
	dump_stack_lvl(KERN_DEFAULT);
}

/** kernel/locking/lockdep.c:print_kernel_ident(); here because other reports use it too. */
export function print_kernel_ident(): void {
	const u = init_utsname();
	printk("%s %s %s\n", u.release, u.version.split(" ")[0], print_tainted());
}

/* ---- panic and oops ------------------------------------------------------------------------- */

/** kernel/panic.c:panic() */
export function panic(fmt: string, ...args: unknown[]): never {
	const text = vsprintf(fmt, args).replace(/\n$/, "");

	panic_on_warn = 0;
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	panic_message ??= text;
	pr_emerg("Kernel panic - not syncing: %s\n", text);
	if (!test_taint(TAINT_DIE) && oops_in_progress <= 1)
		dump_stack();
	pr_emerg("---[ end Kernel panic - not syncing: %s ]---\n", text);
	console_flush_on_panic();
	throw new host_dead(text);
}

export function print_oops_end_marker(): void {
	pr_warn("---[ end trace %016llx ]---\n", 0n);
}

/** kernel/panic.c:__warn() */
export function __warn(where: stack_frame, taint: number, text: string | null, err: Error): void {
	pr_warn("WARNING: CPU: %d PID: %d at %s:%d %s\n", current.cpu, current.pid, where.file,
		where.line, where.fn);
	if (text !== null)
		printk("%s%s", text, text.endsWith("\n") ? "" : "\n");
	warn_count++;
	if (panic_on_warn !== 0)
		panic("panic_on_warn set ...\n");
	dump_stack_print_info(KERN_DEFAULT);
	show_stack(err, KERN_DEFAULT);
	print_oops_end_marker();
	add_taint(taint, LOCKDEP_STILL_OK);
}

/* arch/x86/kernel/dumpstack.c:__die() */
function __die(str: string, err: Error): void {
	printk(KERN_DEFAULT + "%s: %04lx [#%d] PREEMPT SMP\n", str, 0, ++oops_count);
	dump_stack_print_info(KERN_DEFAULT);
	show_stack(err, KERN_DEFAULT);
}

/**
 * arch/x86/kernel/dumpstack.c:die(), oops_end(). What to do with an exception that leaves kernel
 * code: @e is printed, the task dies. Exits and panics only pass through. Never returns.
 */
export function die(e: unknown): never {
	if (e instanceof host_dead || e instanceof task_exited)
		throw e;
	const err = e instanceof Error ? e : new Error(String(e));

	oops_in_progress++;
	if (err instanceof kernel_bug) {
		__die("invalid opcode", err);
	} else {
		if (err instanceof TypeError)
			pr_alert("BUG: kernel NULL pointer dereference: %s\n", err.message);
		else
			pr_alert("BUG: unable to handle kernel exception: %s: %s\n", err.name,
				err.message);
		__die("Oops", err);
	}
	print_oops_end_marker();
	add_taint(TAINT_DIE, LOCKDEP_NOW_UNRELIABLE);
	oops_in_progress--;
	if ((pcpu_hot[HOT_PREEMPT]! & (HARDIRQ_MASK | SOFTIRQ_MASK | NMI_MASK)) !== 0)
		panic("Fatal exception in interrupt");
	if (panic_on_oops !== 0)
		panic("Fatal exception");
	make_task_dead(11);
}
