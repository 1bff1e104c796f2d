// SPDX-License-Identifier: GPL-2.0
/*
 * The monitor for people.
 *
 * Port-only; after QEMU's monitor/hmp.c, without line editing: a terminal has that.
 */
import { cpu_dump_state } from "#tools/qemu/target/i386/cpu-dump.ts";
import { mtree_info } from "#tools/qemu/system/memory.ts";
import type { qemu_vm } from "#tools/qemu/system/vm.ts";
import { qemu_error } from "#tools/qemu/util/error-report.ts";
import { qmp_cont, qmp_query_memdev, qmp_query_memory_devices, qmp_query_status, qmp_quit, qmp_stop,
	qmp_system_reset, version_text, with_vcpus_paused } from "./commands.ts";

type answer = Generator<void, string, void>;
/** Commands that have to wait for vCPUs are generators. */
type command = (vm: qemu_vm, args: readonly string[]) => string | answer;

interface entry {
	readonly names: readonly string[];
	readonly params: string;
	readonly help: string;
	readonly run: command;
}

function info_status(vm: qemu_vm): string {
	const { running, status } = qmp_query_status(vm);

	return `VM status: ${running ? "running" : `paused${status === "paused" ? "" : ` (${status})`}`}\n`;
}

function* info_registers(vm: qemu_vm, args: readonly string[]): answer {
	const wanted = args[0] === "-a" ? vm.cpus : [vm.cpus[Number(args[0] ?? 0)]];

	if (wanted[0] === undefined)
		return `CPU#${args[0]} not available\n`;
	return yield* with_vcpus_paused(vm, () =>
		wanted.map((c) => `\nCPU#${c!.index}\n${cpu_dump_state(vm, c!)}`).join(""));
}

function info_memdev(vm: qemu_vm): string {
	return qmp_query_memdev(vm).map((m) => `memory backend: ${m.id}\n  size:  ${m.size}\n` +
		`  merge: ${m.merge}\n  dump: ${m.dump}\n  prealloc: ${m.prealloc}\n  share: ${m.share}\n` +
		`  reserve: ${m.reserve}\n  policy: ${m.policy}\n  host nodes: \n`).join("\n");
}

const INFO: readonly entry[] = [
	{ names: ["cpus"], params: "", help: "show infos for each CPU", run: (vm) => vm.cpus.map((c) =>
		`${c.index === 0 ? "*" : " "} CPU #${c.index}: thread_id=${c.thread?.tid ?? 0}\n`).join("") },
	{ names: ["kvm"], params: "", help: "show KVM information",
		run: () => "kvm support: enabled\n" },
	{ names: ["memdev"], params: "", help: "show memory backends", run: info_memdev },
	{ names: ["memory-devices"], params: "", help: "show memory devices",
		run: (vm) => qmp_query_memory_devices(vm).map((d) => `${d.type}\n`).join("") },
	{ names: ["mtree"], params: "", help: "show memory tree", run: mtree_info },
	{ names: ["name"], params: "", help: "show the current VM name",
		run: (vm) => vm.options.name === null ? "" : `${vm.options.name}\n` },
	{ names: ["registers"], params: "[-a|vcpu]", help: "show the cpu registers",
		run: info_registers },
	{ names: ["status"], params: "", help: "show the current VM status (running|paused)",
		run: info_status },
	{ names: ["version"], params: "", help: "show the version of QEMU",
		run: () => `${version_text}\n` },
];

const COMMANDS: readonly entry[] = [
	{ names: ["cont", "c"], params: "", help: "resume emulation", run: (vm) => {
		qmp_cont(vm);
		return "";
	} },
	{ names: ["help", "?"], params: "[cmd]", help: "show the help", run: (_vm, args) => help(args) },
	{ names: ["info"], params: "[subcommand]", help: "show various information about the system state",
		run: info },
	{ names: ["quit", "q"], params: "", help: "quit the emulator", run: (vm) => {
		qmp_quit(vm);
		return "";
	} },
	{ names: ["stop", "s"], params: "", help: "stop emulation", *run(vm) {
		yield* qmp_stop(vm);
		return "";
	} },
	{ names: ["system_reset"], params: "", help: "reset the system", run: (vm) => {
		qmp_system_reset(vm);
		return "";
	} },
];

const line = (prefix: string, e: entry): string =>
	`${prefix}${e.names.join("|")} ${e.params} -- ${e.help}\n`;

function info(vm: qemu_vm, args: readonly string[]): string | answer {
	const e = INFO.find((x) => x.names.includes(args[0] ?? ""));

	if (args.length === 0)
		return INFO.map((x) => line("info ", x)).join("");
	return e === undefined ? `unknown command: 'info ${args[0]}'\n` : e.run(vm, args.slice(1));
}

function help(args: readonly string[]): string {
	if (args[0] === "info")
		return INFO.map((x) => line("info ", x)).join("");
	return COMMANDS.filter((e) => args.length === 0 || e.names.includes(args[0]!))
		.map((e) => line("", e)).join("");
}

/** One line: what it prints. */
export function* hmp_command(vm: qemu_vm, text: string): answer {
	const [name, ...args] = text.trim().split(/\s+/);

	if (name === undefined || name === "")
		return "";
	const e = COMMANDS.find((x) => x.names.includes(name));
	if (e === undefined)
		return `unknown command: '${name}'\n`;
	try {
		const answer = e.run(vm, args);
		return typeof answer === "string" ? answer : yield* answer;
	} catch (err) {
		if (!(err instanceof qemu_error))
			throw err;
		return `Error: ${err.message}\n`;
	}
}

const PROMPT = "(qemu) ";

/** A monitor on a character device. */
export class hmp_monitor {
	private readonly vm: qemu_vm;
	private readonly write: (text: string) => void;
	private pending = "";

	constructor(vm: qemu_vm, write: (text: string) => void) {
		this.vm = vm;
		this.write = write;
	}

	open(): void {
		this.write(`QEMU ${version_text} monitor - type 'help' for more information\n${PROMPT}`);
	}

	*input(bytes: Uint8Array): Generator<void, void, void> {
		this.pending += new TextDecoder().decode(bytes).replaceAll("\r", "\n");
		for (let at = this.pending.indexOf("\n"); at >= 0; at = this.pending.indexOf("\n")) {
			const text = this.pending.slice(0, at);
			this.pending = this.pending.slice(at + 1);
			this.write((yield* hmp_command(this.vm, text)) + PROMPT);
		}
	}
}
