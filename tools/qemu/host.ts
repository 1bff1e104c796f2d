// SPDX-License-Identifier: GPL-2.0
/*
 * The thread that is the host: boots it and runs the VMM on it as its only program.
 *
 * Port-only: started by main.ts. Standard output and error are written from here, at once; what has
 * to wait for the outside (sockets, terminals) is the other thread's, which sends messages and
 * raises a flag that a waiting host sleeps on.
 */
import { writeSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { init_main } from "#tools/include/nolibc/init.ts";
import { parse_host } from "#tools/testing/host/config.ts";
import { run_host, trace_host } from "#tools/testing/host/host.ts";
import { restore_positions } from "#tools/testing/host/positions.ts";
import { set_error_sink } from "#tools/qemu/util/error-report.ts";
import { qemu_main } from "#tools/qemu/system/main-loop.ts";
import type { io_event, vm_io } from "#tools/qemu/system/vm.ts";
import type { vm_options } from "#tools/qemu/system/vl.ts";

export interface host_start {
	options: vm_options;
	/** PRIVMEM_HOST and PRIVMEM_MODULE_PARAMS */
	host: string;
	module_params: string;
	/** where traces go: standard error, or a file */
	trace_fd: number;
	/** file devices by index */
	files: [number, number][];
	/** raised when a message was sent */
	flag: SharedArrayBuffer;
}

/** Exit status when the host itself was at fault. */
const EXIT_PROBLEMS	= 253;
const MAX_WAIT_MS	= 2 ** 31 - 1;

function write_all(fd: number, bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length;) {
		try {
			at += writeSync(fd, bytes, at);
		} catch (e) {
			/* full, and non-blocking because the other end made it so */
			if ((e as NodeJS.ErrnoException).code !== "EAGAIN")
				throw e;
		}
	}
}

const text_to = (fd: number) => (text: string): void =>
	write_all(fd, new TextEncoder().encode(text));

function make_io(start: host_start): vm_io {
	const { serials, monitors } = start.options;
	const devices = [...serials, ...monitors.map((m) => m.dev)];
	const files = new Map(start.files);
	const flag = new Int32Array(start.flag);
	let seen = 0;

	const poll = (): io_event[] => {
		const events: io_event[] = [];
		seen = Atomics.load(flag, 0);
		for (let m = receiveMessageOnPort(parentPort!); m !== undefined;
			m = receiveMessageOnPort(parentPort!))
			events.push(m.message as io_event);
		return events;
	};
	return {
		write: (dev, bytes) => {
			const kind = devices.find((d) => d.index === dev)?.kind;
			if (kind === "stdio")
				write_all(1, bytes);
			else if (kind === "file")
				write_all(files.get(dev)!, bytes);
			else if (kind === "unix")
				parentPort!.postMessage({ dev, bytes });
		},
		poll,
		wait: (ms) => {
			Atomics.wait(flag, 0, seen, Math.min(ms, MAX_WAIT_MS));
		},
		now: () => performance.timeOrigin + performance.now(),
		trace: null,
		stderr: text_to(2),
	};
}

/** Whether a list of patterns as -trace takes them, the last that fits deciding, wants an event. */
export function trace_wanted(patterns: readonly string[], name: string): boolean {
	let wanted = false;

	for (const p of patterns) {
		const glob = p.replace(/^-/, "").replace(/[.+^${}()|[\]\\]/g, "\\$&")
			.replaceAll("*", ".*").replaceAll("?", ".");
		if (new RegExp(`^${glob}$`).test(name))
			wanted = !p.startsWith("-");
	}
	return wanted;
}

/** The VMM's events and the host kernel's, in the form of QEMU's log backend. */
function connect_trace(io: vm_io, start: host_start): void {
	const { trace } = start.options, out = text_to(start.trace_fd);

	if (trace.length === 0)
		return;
	io.trace = (name, text): void => {
		if (trace_wanted(trace, name))
			out(`${process.pid}@${(io.now() / 1000).toFixed(6)}:${name} ${text}\n`);
	};
	trace_host((name) => trace_wanted(trace, name), (ns, pid, name, text) => {
		out(`host ${pid}@${(ns / 1e9).toFixed(6)}:${name} ${text}\n`);
	});
}

function run(start: host_start): number {
	/* an Intel host has TDX unless it is said otherwise; AMD's has no use for the option */
	const config = { tdx: true, ...parse_host(start.host) };
	const io = make_io(start);

	set_error_sink(io.stderr);
	config.module_params = start.module_params;
	connect_trace(io, start);
	const end = run_host(config, init_main, () => qemu_main(start.options, io),
		(bytes) => write_all(2, bytes));
	if (end.problems.length === 0)
		return end.status;
	io.stderr(`${end.log.split("\n").slice(-60).join("\n")}\n`);
	for (const p of end.problems)
		io.stderr(`host: ${p}\n`);
	return end.status > 0 ? end.status : EXIT_PROBLEMS;
}

restore_positions(process.argv[1]!);
parentPort!.postMessage({ status: run(workerData as host_start) });
