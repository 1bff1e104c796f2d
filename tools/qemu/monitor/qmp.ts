// SPDX-License-Identifier: GPL-2.0
/*
 * The monitor for programs: a JSON object a line, answers and events likewise.
 *
 * Port-only; after QEMU's monitor/qmp.c and qapi/qmp-dispatch.c.
 */
import { QEMU_VERSION } from "#tools/qemu/system/help.ts";
import type { qemu_vm } from "#tools/qemu/system/vm.ts";
import { qemu_error } from "#tools/qemu/util/error-report.ts";
import { qobject_from_json } from "#tools/qemu/qapi/visitor.ts";
import { qmp_cont, qmp_query_memdev, qmp_query_memory_devices, qmp_query_status, qmp_quit, qmp_stop,
	qmp_system_reset } from "./commands.ts";
import { hmp_command } from "./hmp.ts";

type json = Record<string, unknown>;
type answer = Generator<void, unknown, void>;
type command = (vm: qemu_vm, args: json) => unknown;

const version = { qemu: QEMU_VERSION, package: "privmem" };

function* human_monitor_command(vm: qemu_vm, args: json): answer {
	if (typeof args["command-line"] !== "string")
		throw new qemu_error("Parameter 'command-line' is missing");
	return (yield* hmp_command(vm, args["command-line"])).replaceAll("\n", "\r\n");
}

const COMMANDS: Readonly<Record<string, command>> = {
	cont: (vm) => qmp_cont(vm),
	"query-commands": () => [...Object.keys(COMMANDS), ...Object.keys(WAITING), "qmp_capabilities"]
		.sort().map((name) => ({ name })),
	"query-cpus-fast": (vm) => vm.cpus.map((c) => ({ "thread-id": c.thread?.tid ?? 0,
		props: { "core-id": c.index, "thread-id": 0, "die-id": 0, "socket-id": 0 },
		"qom-path": `/machine/unattached/device[${c.index}]`, "cpu-index": c.index,
		target: "x86_64" })),
	"query-kvm": () => ({ enabled: true, present: true }),
	"query-memdev": (vm) => qmp_query_memdev(vm),
	"query-memory-devices": (vm) => qmp_query_memory_devices(vm),
	"query-name": (vm) => vm.options.name === null ? {} : { name: vm.options.name },
	"query-status": (vm) => qmp_query_status(vm),
	"query-version": () => version,
	quit: (vm) => qmp_quit(vm),
	system_reset: (vm) => qmp_system_reset(vm),
};

/** Those that have to wait for vCPUs. */
const WAITING: Readonly<Record<string, (vm: qemu_vm, args: json) => answer>> = {
	"human-monitor-command": human_monitor_command,
	stop: qmp_stop,
};

class not_found extends qemu_error {}

function arguments_of(request: json): json {
	for (const name of Object.keys(request))
		if (!["execute", "arguments", "id"].includes(name))
			throw new qemu_error(`QMP input member '${name}' is unexpected`);
	if (request["execute"] === undefined)
		throw new qemu_error("QMP input lacks member 'execute'");
	if (typeof request["execute"] !== "string")
		throw new qemu_error("QMP input member 'execute' must be a string");
	const args = request["arguments"] ?? {};
	if (typeof args !== "object" || args === null || Array.isArray(args))
		throw new qemu_error("QMP input member 'arguments' must be an object");
	return args as json;
}

export class qmp_monitor {
	private readonly vm: qemu_vm;
	private readonly write: (text: string) => void;
	private pending = "";
	private negotiated = false;

	constructor(vm: qemu_vm, write: (text: string) => void) {
		this.vm = vm;
		this.write = write;
		vm.listeners.push((event, data) => this.event(event, data));
	}

	open(): void {
		this.pending = "";
		this.negotiated = false;
		this.send({ QMP: { version, capabilities: [] } });
	}

	private send(x: unknown): void {
		this.write(`${JSON.stringify(x)}\r\n`);
	}

	private event(event: string, data: json | null): void {
		const ms = this.vm.io.now();

		if (!this.negotiated)
			return;
		this.send({ timestamp: { seconds: Math.floor(ms / 1000),
			microseconds: Math.floor(ms % 1000 * 1000) }, event,
		...(data === null ? {} : { data }) });
	}

	/** qapi/qmp-dispatch.c:qmp_dispatch() */
	private *dispatch(request: json): answer {
		const args = arguments_of(request), name = request["execute"] as string;

		if (name === "qmp_capabilities") {
			if (this.negotiated)
				throw new not_found("Capabilities negotiation is already complete, command ignored");
			this.negotiated = true;
			return {};
		}
		if (!this.negotiated)
			throw new not_found("Expecting capabilities negotiation with 'qmp_capabilities'");
		if (Object.hasOwn(WAITING, name))
			return (yield* WAITING[name]!(this.vm, args)) ?? {};
		if (Object.hasOwn(COMMANDS, name))
			return COMMANDS[name]!(this.vm, args) ?? {};
		throw new not_found(`The command ${name} has not been found`);
	}

	private *handle(text: string): Generator<void, void, void> {
		let id: unknown;
		try {
			const request = qobject_from_json(text);
			if (typeof request !== "object" || request === null || Array.isArray(request))
				throw new qemu_error("QMP input must be a JSON object");
			id = (request as json)["id"];
			const answer = yield* this.dispatch(request as json);
			this.send(id === undefined ? { return: answer } : { return: answer, id });
		} catch (e) {
			if (!(e instanceof qemu_error))
				throw e;
			const error = { class: e instanceof not_found ? "CommandNotFound" : "GenericError",
				desc: e.message };
			this.send(id === undefined ? { error } : { error, id });
		}
	}

	/** Requests end where their object does: line breaks may be anywhere, or missing. */
	*input(bytes: Uint8Array): Generator<void, void, void> {
		this.pending += new TextDecoder().decode(bytes);
		for (let end = object_end(this.pending); end > 0; end = object_end(this.pending)) {
			const text = this.pending.slice(0, end);
			this.pending = this.pending.slice(end);
			if (text.trim() !== "")
				yield* this.handle(text);
		}
	}
}

/** Where the first value in @text ends; 0: not yet. */
function object_end(text: string): number {
	let depth = 0, quoted = false;

	for (let i = 0; i < text.length; i++) {
		const c = text[i]!;
		if (quoted) {
			if (c === "\\")
				i++;
			else if (c === '"')
				quoted = false;
		} else if (c === '"') {
			quoted = true;
		} else if (c === "{" || c === "[") {
			depth++;
		} else if (c === "}" || c === "]") {
			if (--depth <= 0)
				return i + 1;
		} else if (c === "\n" && depth === 0) {
			return i + 1;
		}
	}
	return 0;
}
