// SPDX-License-Identifier: GPL-2.0
/*
 * What a running VMM consists of, and what it needs of whoever started the host.
 *
 * Port-only.
 */
import type { memory_region } from "./memory.ts";
import type { ram_block } from "./physmem.ts";
import type { vm_options } from "./vl.ts";
import type { cpu_state } from "#tools/qemu/accel/kvm/kvm-cpus.ts";
import type { kvm_state } from "#tools/qemu/accel/kvm/kvm-all.ts";
import type { tdx_guest } from "#tools/qemu/target/i386/tdx.ts";
import type { sem_t } from "#tools/include/nolibc/nolibc.ts";

export type io_event =
	| { readonly kind: "input"; readonly dev: number; readonly bytes: Uint8Array }
	| { readonly kind: "opened" | "closed"; readonly dev: number }
	| { readonly kind: "signal"; readonly signo: number };

/** The outside: terminals, sockets, files. Devices go by their index. */
export interface vm_io {
	write(dev: number, bytes: Uint8Array): void;
	/** What has come since, without waiting. */
	poll(): io_event[];
	/** Sleeps, in real time, until something comes; at most @ms. */
	wait(ms: number): void;
	/** Milliseconds of real time, for QMP's time stamps and for nothing else. */
	now(): number;
	/** A trace event; null when nobody wants any. */
	trace: ((name: string, text: string) => void) | null;
	stderr(text: string): void;
}

/* qapi/run-state.json */
export type run_state = "prelaunch" | "running" | "paused" | "shutdown" | "internal-error" |
	"guest-panicked";

export type shutdown_cause = "host-qmp-quit" | "host-signal" | "guest-shutdown" | "guest-reset" |
	"guest-panic" | "host-qmp-system-reset" | "host-ui";

/** The host's side of things, counted for the summary. */
export class vm_counts {
	readonly exits = new Map<string, number>();
	private_to_shared = 0;
	shared_to_private = 0;
	/** bytes */
	to_shared_bytes = 0;
	to_private_bytes = 0;
	/** conversions that a touch asked for, not a call */
	implicit = 0;
}

export class qemu_vm {
	readonly options: vm_options;
	readonly io: vm_io;
	readonly counts = new vm_counts();
	readonly blocks: ram_block[] = [];
	/** the address space "memory", in the order of priority */
	regions: memory_region[] = [];
	kvm: kvm_state | null = null;
	tdx: tdx_guest | null = null;
	cpus: cpu_state[] = [];
	state: run_state = "prelaunch";
	/** Asked for, and not yet done by the main loop. */
	shutdown: shutdown_cause | null = null;
	reset: shutdown_cause | null = null;
	/** the program's */
	exit_status = 0;
	/** What the main loop sleeps on. */
	readonly main: sem_t;
	/** QMP's events, for whoever listens. */
	readonly listeners: ((event: string, data: Record<string, unknown> | null) => void)[] = [];

	constructor(options: vm_options, io: vm_io, main: sem_t) {
		this.options = options;
		this.io = io;
		this.main = main;
	}

	trace(name: string, text: string): void {
		this.io.trace?.(name, text);
	}
}

export const hex = (x: number | bigint): string => `0x${x.toString(16)}`;
