// SPDX-License-Identifier: GPL-2.0
/*
 * The way into the kernel from outside: power on, run a program, look at what is left.
 *
 * Port-only. The boot loader and init's exec() stand here; userland's host runner is the caller.
 */
import { kernel_run, start_kernel, host_panic, host_uptime } from "#linux/init/main.ts";
import { kmsg_text } from "#linux/printk.ts";
import { oops_count, warn_count } from "#linux/panic.ts";
import { cpus_install, set_cpu_vendor, X86_VENDOR_AMD, X86_VENDOR_INTEL } from "#hw/cpu.ts";
import { set_trace_sink, trace_events, trace_set_event } from "#linux/tracepoint.ts";
import { current } from "#linux/sched.ts";
import { clock_read, clock_reset } from "#hw/clock.ts";
import { HW_PHYS_BITS } from "#hw/cpuid.ts";
import { memory_install } from "#hw/memory.ts";
import { tdx_install } from "#hw/tdx/sys.ts";
import { TME_OFF, tme_setup, type tme_config } from "#hw/tme.ts";

/* what the machine is made of, and what its kernel is told */
export interface machine_config {
	/** bytes of RAM */
	memory: number;
	cpus: number;
	vendor: "intel" | "amd";
	/** of the schedule and of all randomness */
	seed: number;
	/** kernel command line */
	cmdline: string;
	/** memory encryption; without it there are no KeyIDs, no poison, no machine checks */
	tme?: tme_config;
	/** sockets, for TDX; whether firmware has loaded the TDX module, if there are KeyIDs */
	packages?: number;
	tdx_module?: boolean;
}

/**
 * Sends the events whose name @wanted takes to @sink, with the time and who ran; the number of
 * them. Null: no more.
 */
export function trace_connect(wanted: (name: string) => boolean,
	sink: ((ns: number, pid: number, name: string, text: string) => void) | null): number {
	let n = 0;

	for (const event of trace_events()) {
		const on = sink !== null && wanted(event.slice(event.indexOf(":") + 1));
		trace_set_event(event, on);
		n += Number(on);
	}
	set_trace_sink(sink === null ? null :
		(e) => sink(clock_read(), current.pid, e.name, e.text));
	return n;
}

/** Builds the machine and boots it. Once in a realm. */
export function boot(config: machine_config): void {
	clock_reset();
	memory_install(config.memory);
	set_cpu_vendor(config.vendor === "amd" ? X86_VENDOR_AMD : X86_VENDOR_INTEL);
	const tme = config.tme ?? TME_OFF;
	if (tme.keyid_bits !== 0 && (config.vendor === "amd" || config.memory > 2 ** 39))
		throw new Error("machine: TDX: an Intel processor with up to 512 GiB of memory");
	/* KeyIDs are reserved bits of page tables */
	cpus_install(config.cpus, HW_PHYS_BITS - tme.keyid_bits);
	tme_setup(tme);
	const tdx = tme.keyid_bits !== 0;
	tdx_install({ packages: config.packages ?? 1, seamrr: tdx,
		loaded: tdx && config.tdx_module !== false });
	start_kernel({ seed: config.seed, cmdline: config.cmdline });
}

/** Runs @user as process 1 until it and its children have ended; wait()'s status word. */
export function run_init(user: Generator<void, number, void>, comm: string): number {
	return kernel_run(user, comm);
}

/** What the kernel has logged. */
export function kernel_log(): string {
	return kmsg_text().join("\n");
}

/** Complaints of the kernel about itself: the panic's text, or counts of oopses and warnings. */
export function kernel_complaints(): string[] {
	const found: string[] = [];
	const panic = host_panic();

	if (panic !== null)
		found.push(`kernel panic: ${panic}`);
	if (oops_count > 0)
		found.push(`kernel: ${oops_count} oopses`);
	if (warn_count > 0)
		found.push(`kernel: ${warn_count} warnings`);
	return found;
}

export { host_uptime };
