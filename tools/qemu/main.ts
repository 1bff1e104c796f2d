// SPDX-License-Identifier: GPL-2.0
/*
 * qemu-system-x86_64: reads the command line, opens what it names, starts the host in a thread of
 * its own, and carries input to it.
 *
 * Port-only.
 */
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { error_report, info_report, qemu_exit, set_error_sink } from
	"#tools/qemu/util/error-report.ts";
import { launch_of } from "#tools/testing/host/launch.ts";
import type { chardev } from "#tools/qemu/chardev/char.ts";
import { parse_command_line, type vm_options } from "#tools/qemu/system/vl.ts";
import type { io_event } from "#tools/qemu/system/vm.ts";
import type { host_start } from "./host.ts";

const here = path.dirname(fileURLToPath(import.meta.url));
/* here is build/CONFIG/tools/qemu */
const BUILD = path.resolve(here, "../..");

type from_host = { status: number } | { dev: number; bytes: Uint8Array };

function devices_of(o: vm_options): chardev[] {
	const all = [...o.serials, ...o.monitors.map((m) => m.dev)];

	return [...new Map(all.map((d) => [d.index, d])).values()];
}

function fail(message: string): never {
	error_report(message);
	throw new qemu_exit(1);
}

function host_worker(start: host_start): Worker {
	const { options, script, argv } = launch_of(BUILD, "tools/qemu/host");

	return new Worker(script, { argv: [...argv], workerData: start, execArgv: [...options],
		resourceLimits: { maxOldGenerationSizeMb: 8192 } });
}

const reason = (e: unknown): string => {
	const { errno } = e as NodeJS.ErrnoException;
	const text = errno === undefined ? String(e) : os.constants.errno && strerror(-errno);
	return text;
};

/* the ones that opening files and sockets gives */
function strerror(n: number): string {
	const e = os.constants.errno;
	const names: Record<number, string> = { [e.ENOENT]: "No such file or directory",
		[e.EACCES]: "Permission denied", [e.EISDIR]: "Is a directory",
		[e.ENOTDIR]: "Not a directory", [e.EADDRINUSE]: "Address already in use",
		[e.ECONNREFUSED]: "Connection refused", [e.EINVAL]: "Invalid argument" };

	return names[n] ?? `error ${n}`;
}

function open_file(name: string, what: string): number {
	try {
		return fs.openSync(name, "w");
	} catch (e) {
		fail(`${what}: ${reason(e)}`);
	}
}

/** Sockets by device, and what carries their input. */
class sockets {
	private readonly open = new Map<number, net.Socket>();
	private readonly send: (e: io_event) => void;

	constructor(send: (e: io_event) => void) {
		this.send = send;
	}

	private connected(dev: number, socket: net.Socket): void {
		this.open.get(dev)?.destroy();
		this.open.set(dev, socket);
		this.send({ kind: "opened", dev });
		socket.on("data", (bytes) => this.send({ kind: "input", dev, bytes }));
		socket.on("error", () => socket.destroy());
		socket.on("close", () => {
			if (this.open.get(dev) === socket)
				this.open.delete(dev);
			this.send({ kind: "closed", dev });
		});
	}

	/** Resolves when it is there: listening, connected to, or connected. */
	start(d: chardev): Promise<void> {
		return d.server ? this.listen(d) : this.connect(d);
	}

	private listen(d: chardev): Promise<void> {
		return new Promise((resolve, reject) => {
			const server = net.createServer((socket) => {
				this.connected(d.index, socket);
				resolve();
			});
			fs.rmSync(d.path, { force: true });
			server.on("error", (e) => reject(new Error(
				`Failed to bind socket to ${d.path}: ${reason(e)}`)));
			server.listen(d.path, () => {
				server.unref();
				if (d.wait)
					info_report(`QEMU waiting for connection on: disconnected:unix:${d.path},` +
						"server=on");
				else
					resolve();
			});
			if (d.wait)
				server.ref();
		});
	}

	private connect(d: chardev): Promise<void> {
		return new Promise((resolve, reject) => {
			const socket = net.connect(d.path, () => {
				this.connected(d.index, socket);
				resolve();
			});
			socket.once("error", (e) => reject(new Error(
				`Failed to connect to '${d.path}': ${reason(e)}`)));
		});
	}

	write(dev: number, bytes: Uint8Array): void {
		this.open.get(dev)?.write(bytes);
	}

	/** Resolves when everything was sent. */
	async end(): Promise<void> {
		const ended = (s: net.Socket): Promise<void> => new Promise((resolve) => {
			s.end(resolve);
			s.once("error", () => resolve());
		});
		await Promise.all([...this.open.values()].map(ended));
	}
}

/** Standard input, for the device that has it. */
function read_stdin(d: chardev, send: (e: io_event) => void): void {
	const { stdin } = process;

	/* the guest, or the multiplexer, wants every key */
	if (d.mux && stdin.isTTY)
		stdin.setRawMode(true);
	stdin.on("data", (bytes) => send({ kind: "input", dev: d.index, bytes }));
	stdin.on("end", () => send({ kind: "closed", dev: d.index }));
}

/** Runs the host until the VMM ends; its exit status. */
async function run(options: vm_options): Promise<number> {
	const devices = devices_of(options);
	const flag = new SharedArrayBuffer(4), bell = new Int32Array(flag);
	const early: io_event[] = [];
	let worker: Worker | null = null;
	const send = (e: io_event): void => {
		if (worker === null)
			early.push(e);
		else
			worker.postMessage(e);
		Atomics.add(bell, 0, 1);
		Atomics.notify(bell, 0);
	};
	const lines = new sockets(send);
	for (const d of devices.filter((x) => x.kind === "unix"))
		await lines.start(d).catch((e: Error) => fail(e.message));
	const files = devices.filter((d) => d.kind === "file")
		.map((d): [number, number] => [d.index, open_file(d.path, `Failed to open '${d.path}'`)]);
	const start: host_start = { options, host: process.env["PRIVMEM_HOST"] ?? "",
		module_params: process.env["PRIVMEM_MODULE_PARAMS"] ?? "", files, flag,
		trace_fd: options.logfile === null ? 2 :
			open_file(options.logfile, `Error opening logfile ${options.logfile}`) };
	worker = host_worker(start);
	for (const e of early)
		worker.postMessage(e);
	const stdio = devices.find((d) => d.kind === "stdio");
	if (stdio !== undefined && (stdio.mux || options.monitors.some((m) => m.dev === stdio) ||
	    process.stdin.isTTY))
		read_stdin(stdio, send);
	for (const [name, signo] of [["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]] as const)
		process.on(name, () => send({ kind: "signal", signo }));
	return await until_end(worker, lines);
}

async function until_end(worker: Worker, lines: sockets): Promise<number> {
	const status = await new Promise<number>((resolve) => {
		worker.on("message", (m: from_host) => {
			if ("status" in m)
				resolve(m.status);
			else
				lines.write(m.dev, m.bytes);
		});
		worker.on("error", (e) => {
			fs.writeSync(2, `host: ${e instanceof Error ? e.stack ?? e.message : String(e)}\n`);
			resolve(1);
		});
	});
	await lines.end();
	return status;
}

async function main(): Promise<number> {
	set_error_sink((text) => void fs.writeSync(2, text));
	try {
		return await run(parse_command_line(process.argv.slice(2),
			(text) => void fs.writeSync(1, text)));
	} catch (e) {
		if (!(e instanceof qemu_exit))
			throw e;
		return e.status;
	}
}

const status = await main();
if (process.stdin.isTTY)
	process.stdin.setRawMode(false);
process.exit(status);
