// SPDX-License-Identifier: GPL-2.0
/*
 * Boots a host in this realm and runs a program on it.
 *
 * Port-only. One realm (process, worker) is one host. Process 1 comes from nolibc (init.ts): it
 * opens the console, writes the knobs, runs the program as a child, ends what that has left behind,
 * and compares the kernel's counts before and after.
 */
import "#generated/vmlinux.ts";
import { serial_connect } from "#hw/console.ts";
import { boot, kernel_complaints, kernel_log, run_init, trace_connect } from "#arch/x86/entry/boot.ts";
import { complete, type host_config, knobs } from "./config.ts";

export type { host_config } from "./config.ts";

/** A trace event: when, which task, its name and text. */
export type trace_fn = (ns: number, pid: number, name: string, text: string) => void;

/** Sends the host's events whose name @wanted takes to @sink; how many there are. */
export function trace_host(wanted: (name: string) => boolean, sink: trace_fn): number {
	return trace_connect(wanted, sink);
}

export interface host_end {
	/** exit status of the program, 128 + n when signal n killed it */
	status: number;
	/** what the program printed, when nobody took it as it came */
	console: string;
	/** what the kernel logged */
	log: string;
	/** leaks, warnings, oopses, a panic: empty on a good day */
	problems: string[];
}

/* a program's code, and process 1 around it */
export type user_code = Generator<void, number | void, void>;
export type init_fn = (knobs: readonly [string, string][], program: () => user_code,
	report: { status: number; leaks: string[] }) => Generator<void, number, void>;

/**
 * Boots a host and runs @program under @init (nolibc's init_main) until it ends.
 * @print gets the program's output as it comes; without it, it is collected.
 */
export function run_host(config: host_config, init: init_fn, program: () => user_code,
	print: ((bytes: Uint8Array) => void) | null = null): host_end {
	const decoder = new TextDecoder();
	const full = complete(config);
	const report = { status: -1, leaks: [] as string[] };
	let text = "";

	serial_connect(print ?? ((bytes): void => {
		text += decoder.decode(bytes, { stream: true });
	}));
	let died: string | null = null;
	try {
		boot(full);
		run_init(init(knobs(full), program, report), "init");
	} catch (e) {
		died = e instanceof Error ? e.stack ?? e.message : String(e);
	}
	serial_connect(null);
	const problems = [...kernel_complaints(), ...report.leaks];
	if (died !== null && problems.length === 0)
		problems.push(died);
	return { status: report.status, console: text, log: kernel_log(), problems };
}
